"""Pictures of learning curves that cross, and of the steps of a fit with its margin interval."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import check_matplotlib_support
from .._support.figures import axes_of
from .._typing import ArrayLike, Axes, Estimator, FloatArray, MatrixLike
from ._classifier import LargeStepLogisticClassifier
from ._learning_curves import CurveResult, generative_discriminative_curve

__all__ = ["GenerativeDiscriminativeDisplay", "StepHistoryDisplay"]

# Blue and vermilion of the palette of Okabe and Ito, which color-blind readers can tell apart.
COLORS = ("#0072B2", "#D55E00")
MARKERS = ("o", "s")
STANDARD_ERRORS = 2.0  # half the height of a band


class GenerativeDiscriminativeDisplay:
    """Test errors of a generative and a discriminative classifier against the number of training rows.

    Make it with `from_result` or `from_estimators`. Bands reach two standard errors over repeats to either side. Where
    the curves cross, a line marks the crossing and a gray band its 95 % interval.

    Parameters
    ----------
    train_sizes : ndarray of shape (n_sizes,)
        Numbers of training rows.
    generative_errors, discriminative_errors : ndarray of shape (n_repeats, n_sizes)
        Test errors.
    crossing : float or None
        Where the curves cross.
    crossing_ci : tuple of (float, float) or None
        Its interval.
    names : sequence of str
        What the legend calls the two classifiers.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D
        The two curves.
    bands_ : list of matplotlib PolyCollection
        Their bands.
    crossing_line_ : matplotlib Line2D or None
        The line at the crossing.
    crossing_band_ : matplotlib Polygon or Rectangle or None
        Its interval.

    See Also
    --------
    generative_discriminative_curve : The result that is drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from statlearn.linear import GenerativeDiscriminativeDisplay, generative_discriminative_curve
    >>> result = generative_discriminative_curve(*load_iris(return_X_y=True), n_repeats=5, random_state=0)
    >>> display = GenerativeDiscriminativeDisplay.from_result(result)
    >>> [line.get_label() for line in display.lines_]
    ['generative', 'discriminative']
    """

    def __init__(
        self,
        *,
        train_sizes: np.ndarray,
        generative_errors: FloatArray,
        discriminative_errors: FloatArray,
        crossing: float | None,
        crossing_ci: tuple[float, float] | None,
        names: Sequence[str],
    ) -> None:
        self.train_sizes = train_sizes
        self.generative_errors = generative_errors
        self.discriminative_errors = discriminative_errors
        self.crossing = crossing
        self.crossing_ci = crossing_ci
        self.names = names

    @classmethod
    def from_result(
        cls,
        result: CurveResult,
        *,
        names: Sequence[str] = ("generative", "discriminative"),
        ax: Axes | None = None,
        **line_options: Any,
    ) -> Self:
        """Draw a result.

        Parameters
        ----------
        result : CurveResult
            What `generative_discriminative_curve` returned.
        names : sequence of str, default=("generative", "discriminative")
            What the legend calls the two classifiers.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for both curves.

        Returns
        -------
        display : GenerativeDiscriminativeDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not two names.
        """
        check_matplotlib_support(f"{cls.__name__}.from_result")
        if isinstance(names, str) or len(names) != 2:
            raise ValueError(f"names must be two names, of the generative and the discriminative one. Got {names!r}.")
        display = cls(
            train_sizes=result.table["train_size"],
            generative_errors=result.generative_errors,
            discriminative_errors=result.discriminative_errors,
            crossing=result.crossing_,
            crossing_ci=result.crossing_ci_,
            names=tuple(names),
        )
        return display.plot(ax=ax, **line_options)

    @classmethod
    def from_estimators(
        cls,
        generative: Estimator | None,
        discriminative: Estimator | None,
        X: MatrixLike,
        y: ArrayLike,
        *,
        names: Sequence[str] = ("generative", "discriminative"),
        ax: Axes | None = None,
        line_options: dict[str, Any] | None = None,
        **curve_options: Any,
    ) -> Self:
        """Compute learning curves and draw them.

        Parameters
        ----------
        generative, discriminative : classifier or None
            The classifiers, which are cloned; None takes the default of `generative_discriminative_curve`.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Class labels.
        names : sequence of str, default=("generative", "discriminative")
            What the legend calls the two classifiers.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        line_options : dict, default=None
            Passed to `matplotlib.axes.Axes.plot` for both curves.
        **curve_options : dict
            Passed to `generative_discriminative_curve`, such as ``train_sizes``, ``n_repeats`` and ``random_state``.

        Returns
        -------
        display : GenerativeDiscriminativeDisplay
            The picture.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimators")
        result = generative_discriminative_curve(X, y, generative, discriminative, **curve_options)
        return cls.from_result(result, names=names, ax=ax, **(line_options or {}))

    def plot(self, ax: Axes | None = None, **line_options: Any) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for both curves.

        Returns
        -------
        self : GenerativeDiscriminativeDisplay
            The picture.
        """
        self.ax_, self.figure_ = axes_of(self, ax)
        from matplotlib.ticker import NullLocator, ScalarFormatter

        self.lines_, self.bands_ = [], []
        for name, errors, color, marker in zip(
            self.names, (self.generative_errors, self.discriminative_errors), COLORS, MARKERS, strict=True
        ):
            means = errors.mean(axis=0)
            reach = STANDARD_ERRORS * errors.std(axis=0, ddof=1) / np.sqrt(errors.shape[0])
            options = {"color": color, "marker": marker, "markersize": 5, "linewidth": 1.6, "label": name}
            (line,) = self.ax_.plot(self.train_sizes, means, **_with_given(options, line_options))
            band = self.ax_.fill_between(
                self.train_sizes, means - reach, means + reach, color=line.get_color(), alpha=0.2, linewidth=0.0
            )
            self.lines_.append(line)
            self.bands_.append(band)
        self.ax_.set_xscale("log", base=2)
        self.ax_.set_xticks(_spaced_ticks(self.train_sizes))
        self.ax_.xaxis.set_major_formatter(ScalarFormatter())
        self.ax_.xaxis.set_minor_locator(NullLocator())
        self._mark_crossing()
        self.ax_.set(xlabel="training rows", ylabel="test error (± 2 standard errors)")
        self.ax_.legend(fontsize="small")
        return self

    def _mark_crossing(self):
        self.crossing_line_ = self.crossing_band_ = None
        if self.crossing is None:
            return
        left, right = self.ax_.get_xlim()
        label = f"crossing at {self.crossing:.0f} ({_end(self.crossing_ci[0])} to {_end(self.crossing_ci[1])})"
        self.crossing_line_ = self.ax_.axvline(
            self.crossing, color="0.3", linestyle="--", linewidth=1.2, label=label, zorder=0.6
        )
        low, high = max(self.crossing_ci[0], left), min(self.crossing_ci[1], right)
        self.crossing_band_ = self.ax_.axvspan(low, high, color="0.85", linewidth=0.0, zorder=0.4)
        self.ax_.set_xlim(left, right)


class StepHistoryDisplay:
    """What happened at the steps of a fit: the interval of the margin, the loss, the errors or the lengths of steps.

    Make it with `from_estimator` or `from_history`. The loss is no measure of progress towards a separating direction,
    which the interval of the margin is: its lower end is positive as soon as a direction separates the classes.

    Parameters
    ----------
    history : dict of str to ndarray of shape (n_recorded,)
        Arrays ``"iteration"``, ``"loss"``, ``"n_errors"``, ``"margin_lower"``, ``"margin_upper"`` and ``"step"``, or
        those that ``kind`` needs.
    kind : {"margin", "loss", "errors", "step"}
        What is shown.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D
        The upper and the lower end for "margin", otherwise one line.
    band_ : matplotlib PolyCollection or None
        Between the ends, for "margin" alone.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.linear import StepHistoryDisplay
    >>> history = {
    ...     "iteration": np.array([1, 10, 100]),
    ...     "margin_lower": np.array([-0.2, 0.1, 0.19]),
    ...     "margin_upper": np.array([0.6, 0.3, 0.21]),
    ... }
    >>> display = StepHistoryDisplay.from_history(history)
    >>> [line.get_label() for line in display.lines_]
    ['upper bound of the margin', 'lower bound of the margin']
    """

    def __init__(self, *, history: dict[str, np.ndarray], kind: Literal["margin", "loss", "errors", "step"]) -> None:
        self.history = history
        self.kind = kind

    @classmethod
    def from_history(
        cls,
        history: dict[str, Any] | np.ndarray,
        *,
        kind: Literal["margin", "loss", "errors", "step"] = "margin",
        ax: Axes | None = None,
        **line_options: Any,
    ) -> Self:
        """Draw given arrays.

        Parameters
        ----------
        history : dict of str to array-like of shape (n_recorded,), or structured ndarray
            Arrays ``"iteration"``, ``"loss"``, ``"n_errors"``, ``"margin_lower"``, ``"margin_upper"`` and ``"step"``,
            or those that ``kind`` needs.
        kind : {"margin", "loss", "errors", "step"}, default="margin"
            What is shown: "margin" the interval of the margin, where its ends are positive; "loss" the mean logistic
            loss; "errors" the number of rows on the wrong side; "step" the lengths of the steps.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for every line.

        Returns
        -------
        display : StepHistoryDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``kind`` is unknown, an array is missing, or arrays differ in length.
        """
        check_matplotlib_support(f"{cls.__name__}.from_history")
        if kind not in LABELS:
            raise ValueError(f"kind must be one of {sorted(LABELS)}. Got {kind!r}.")
        needed = ("iteration", *LABELS[kind])
        given = history.dtype.names or () if isinstance(history, np.ndarray) else history
        missing = [name for name in needed if name not in given]
        if missing:
            raise ValueError(f"history must have the arrays {list(needed)} for kind={kind!r}. Got none for {missing}.")
        arrays = {name: np.asarray(history[name]) for name in given}
        sizes = {name: arrays[name].shape for name in needed}
        if len(set(sizes.values())) > 1 or arrays["iteration"].ndim != 1:
            raise ValueError(f"history must have vectors of one length. Got the shapes {sizes}.")
        return cls(history=arrays, kind=kind).plot(ax=ax, **line_options)

    @classmethod
    def from_estimator(cls, estimator: LargeStepLogisticClassifier, *, label: object = None, **options: Any) -> Self:
        """Draw the steps of a fitted estimator.

        Parameters
        ----------
        estimator : LargeStepLogisticClassifier
            The fitted estimator; any with an attribute ``history_`` will do.
        label : label of a class, default=None
            The class that is told from the others, if there are more than two.
        **options : dict
            Passed to `from_history`.

        Returns
        -------
        display : StepHistoryDisplay
            The picture.

        Raises
        ------
        TypeError
            If the estimator has no history.
        ValueError
            If there are more than two classes and ``label`` is none of them.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise TypeError(
                f"estimator must have a history_ of its steps. Got {type(estimator).__name__}: give a "
                "LargeStepLogisticClassifier, which is the last step of a pipeline: pipeline[-1]."
            )
        history = estimator.history_
        labels = estimator.classes_.tolist() if hasattr(estimator, "classes_") else [label]
        is_several = isinstance(history, list)
        if label not in labels and (is_several or label is not None):
            raise ValueError(f"label must be one of the classes {labels}, each told from the others. Got {label!r}.")
        return cls.from_history(history[labels.index(label)] if is_several else history, **options)

    def plot(self, ax: Axes | None = None, **line_options: Any) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for every line.

        Returns
        -------
        self : StepHistoryDisplay
            The picture.
        """
        self.ax_, self.figure_ = axes_of(self, ax)
        from matplotlib.ticker import MaxNLocator

        iterations = self.history["iteration"]
        self.lines_, self.band_, curves = [], None, []
        for (name, label), color in zip(LABELS[self.kind].items(), COLORS[::-1], strict=False):
            values = np.asarray(self.history[name], dtype=np.float64)
            if self.kind != "errors":
                values = np.where(values > 0.0, values, np.nan)  # a logarithmic scale has no place for others
            marker = "o" if iterations.size == 1 else None
            label = label if np.isfinite(values).any() else f"{label}: none yet"
            options = {"color": color, "linewidth": 1.6, "marker": marker, "label": label}
            self.lines_ += self.ax_.plot(iterations, values, **_with_given(options, line_options))
            curves.append(values)
        if self.kind == "margin":
            self.band_ = self.ax_.fill_between(
                iterations, curves[1], curves[0], color="0.85", linewidth=0.0, zorder=0.5
            )
            self.ax_.legend(fontsize="small")
        self.ax_.set_xscale("symlog", linthresh=1.0)  # which has a place for iteration 0
        if self.kind == "errors":
            self.ax_.set_ylim(bottom=0.0)
            self.ax_.yaxis.set_major_locator(MaxNLocator(integer=True))
        elif np.isfinite(curves).any():
            self.ax_.set_yscale("log")
        self.ax_.set(xlabel="iteration", ylabel=AXES[self.kind])
        return self


# The arrays that each kind shows, and what the legend calls them.
LABELS = {
    "margin": {"margin_upper": "upper bound of the margin", "margin_lower": "lower bound of the margin"},
    "loss": {"loss": "loss"},
    "errors": {"n_errors": "errors"},
    "step": {"step": "step"},
}
AXES = {
    "margin": "margin",
    "loss": "mean logistic loss",
    "errors": "rows on the wrong side",
    "step": "length of the step",
}


def _with_given(options, line_options):
    """Options of a line, those that were given before ours, short names such as ``lw`` spelled out."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return options | normalize_kwargs(line_options, Line2D)


def _spaced_ticks(sizes, gap=0.45):
    """Sizes to be written, from the largest down, none closer to another than a share of a doubling."""
    ticks = []
    for size in sizes[::-1]:
        if not ticks or np.log2(ticks[-1] / size) >= gap:
            ticks.append(size)
    return ticks[::-1]


def _end(value):
    return f"{value:.0f}" if 0.0 < value < np.inf else ("below" if value <= 0.0 else "above")
