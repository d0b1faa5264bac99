"""Pictures: the distributions of predictions per group, and the price of fairness along the weights."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np

from .._support._sklearn import check_matplotlib_support
from .._support.figures import axes_of
from .._typing import ArrayLike, Axes, Estimator, FloatArray
from ._densities import density_grid, group_densities
from ._metrics import kernel_width, read_groups
from ._responses import responses
from ._sensitive import split_sensitive

__all__ = ["FairnessPathDisplay", "GroupDensityDisplay"]

MARGIN = 3.0  # bandwidths that a density is drawn beyond the predictions
HEADROOM = 1.05
MAX_ENTRIES_INSIDE = 6  # of a legend within the axes
WIDE = (10.0, 4.8)  # inches, with room for a legend beside the axes
SMALL_STYLE = {"linestyle": "--", "linewidth": 0.8, "alpha": 0.6, "zorder": 1.5}
LOSS = "loss"
TITLES = {
    LOSS: "loss",
    "dcor": "squared distance correlation",
    "uf": "unfairness ratio",
    "jsd": "Jensen-Shannon divergence",
    "wasserstein": "Wasserstein disparity",
    "excess": "penalty above its constant",
    "sd": "standard deviation of predictions",
    "criterion": "criterion",
}


class GroupDensityDisplay:
    """Densities of the predictions in each group.

    Make it with `from_predictions` or `from_estimator`. Groups with fewer than ``min_group`` rows are drawn as thin
    dashed lines, which may leave the picture at its top: their shapes are mostly chance.

    Parameters
    ----------
    grid : ndarray of shape (grid_size,)
        Where densities are evaluated.
    densities : ndarray of shape (n_groups, grid_size)
        One per group, each with integral one.
    group_names : sequence of str
        Names of the groups.
    counts : ndarray of shape (n_groups,)
        Rows (sums of weights) per group.
    bandwidth : float
        Standard deviation of the kernel.
    min_group : float, default=30
        Groups with fewer rows are dashed.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D
        One per group.

    See Also
    --------
    fairness_report : The same in figures.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.fairness import GroupDensityDisplay
    >>> rng = np.random.default_rng(0)
    >>> sex = np.repeat(["f", "m"], 100)
    >>> y_pred = rng.normal(size=200) + (sex == "m")
    >>> display = GroupDensityDisplay.from_predictions(y_pred, sex)
    >>> [line.get_label() for line in display.lines_]
    ['attribute 0=f (n=100)', 'attribute 0=m (n=100)']
    """

    def __init__(
        self,
        *,
        grid: FloatArray,
        densities: FloatArray,
        group_names: Sequence[str],
        counts: FloatArray,
        bandwidth: float,
        min_group: float = 30,
    ) -> None:
        self.grid = grid
        self.densities = densities
        self.group_names = group_names
        self.counts = counts
        self.bandwidth = bandwidth
        self.min_group = min_group

    @classmethod
    def from_predictions(
        cls,
        y_pred: ArrayLike,
        sensitive_features: ArrayLike,
        *,
        bins: int | ArrayLike | dict[str, Any] | None = 4,
        min_group: float = 30,
        bandwidth: Literal["scott", "silverman"] | float = "scott",
        grid_size: int = 500,
        sample_weight: ArrayLike | None = None,
        ax: Axes | None = None,
        **line_options: Any,
    ) -> Self:
        """Draw the densities of given predictions.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
            Predictions: means or probabilities.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes)
            Labels of the groups, or raw attributes: their intersections are the groups.
        bins : int, array-like, dict or None, default=4
            How continuous attributes are cut: number of quantile bins, edges, or a dictionary from names of attributes
            to one of these. None refuses continuous attributes.
        min_group : float, default=30
            Groups with fewer rows are dashed.
        bandwidth : {"scott", "silverman"} or float, default="scott"
            Standard deviation of the kernel, the same for all groups; the rules are relative to the standard deviation
            of all predictions, as in `jensen_shannon_divergence`.
        grid_size : int, default=500
            Number of points at which densities are evaluated.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; a weight means that many copies of its row.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for every group.

        Returns
        -------
        display : GroupDensityDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            If an argument is invalid, or numbers of rows differ.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        grouped = read_groups(y_pred, sensitive_features, bins, sample_weight, "sensitive_features")
        values, cells, weights = grouped
        width = kernel_width(values, weights, bandwidth) or 1.0  # all predictions are the same: any width will do
        low, high = values.min() - MARGIN * width, values.max() + MARGIN * width
        grid = density_grid(np.array([low, high]), grid_size)
        display = cls(
            grid=grid,
            densities=group_densities(values, cells.codes, cells.n_cells, weights, grid, width),
            group_names=cells.names,
            counts=cells.totals(weights),
            bandwidth=width,
            min_group=min_group,
        )
        return display.plot(ax=ax, **line_options)

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: ArrayLike,
        sensitive_features: ArrayLike | None = None,
        *,
        sensitive_columns: str | int | Sequence[str | int] | None = None,
        response_method: Literal["auto", "predict", "predict_proba", "decision_function"] = "auto",
        **options: Any,
    ) -> Self:
        """Draw the densities of the predictions of an estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor or binary classifier.
        X : table of shape (n_samples, n_features)
            What it predicts from.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes), default=None
            Labels of the groups, or raw attributes.
        sensitive_columns : str, int or sequence of them, default=None
            Columns of X that are the raw attributes, instead of ``sensitive_features``.
        response_method : {"auto", "predict", "predict_proba", "decision_function"}, default="auto"
            What is drawn; "auto" is the prediction of a regressor and the probability of the second class of a
            classifier.
        **options : dict
            Passed to `from_predictions`.

        Returns
        -------
        display : GroupDensityDisplay
            The picture.

        Raises
        ------
        TypeError, ValueError
            If not exactly one of ``sensitive_features`` and ``sensitive_columns`` is given, or there are more than two
            classes.
        """
        if (sensitive_features is None) == (sensitive_columns is None):
            raise ValueError("give either sensitive_features or sensitive_columns.")
        if sensitive_columns is not None:
            sensitive_features = split_sensitive(X, sensitive_columns)[0]
        values = responses(estimator, X, response_method)
        if values.ndim == 2:
            raise ValueError(
                f"the classifier has {values.shape[1]} classes: use from_predictions with the probability of one."
            )
        return cls.from_predictions(values, sensitive_features, **options)

    def plot(self, ax: Axes | None = None, **line_options: Any) -> Self:
        """Draw the densities.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for every group.

        Returns
        -------
        display : GroupDensityDisplay
            This object.
        """
        is_long = len(self.group_names) > MAX_ENTRIES_INSIDE
        self.ax_, self.figure_ = axes_of(self, ax, WIDE if is_long else None)
        self.lines_ = []
        for name, density, count, color in zip(
            self.group_names, self.densities, self.counts, _colors(len(self.group_names)), strict=True
        ):
            small = count < self.min_group
            style = SMALL_STYLE if small else {"linewidth": 1.8}
            label = f"{name} (n={count:.6g}{', few' if small else ''})"
            self.lines_ += self.ax_.plot(
                self.grid, density, **{"color": color, "label": label, **style, **line_options}
            )
        self.ax_.set(xlabel="prediction", ylabel="density", xlim=(self.grid[0], self.grid[-1]))
        shown = self.densities[np.asarray(self.counts) >= self.min_group]
        self.ax_.set_ylim(0.0, HEADROOM * np.max(shown if shown.size else self.densities))
        _legend(self.ax_, is_long)
        return self


class FairnessPathDisplay:
    """Loss and dependence of predictions along fairness weights.

    Make it with `from_path` or `from_calibration`. There are two views: the price of fairness, loss against one
    criterion with a point per weight, and everything against the weight, each relative to its largest value.

    Parameters
    ----------
    fairness_weights : ndarray of shape (n_weights,)
        The weights, increasing.
    losses : ndarray of shape (n_weights,)
        The mean loss of each.
    criteria : dict of str to ndarray of shape (n_weights,)
        Measures of dependence by name, such as "dcor", "uf", "jsd", "wasserstein", "excess" and "sd", the standard
        deviation of the predictions.
    criterion : str
        The criterion of the price view.
    spreads : dict of str to ndarray of shape (n_weights,) or None, default=None
        Standard errors of the mean over folds, of the loss under "loss" and of criteria under their names.
    best : float or None, default=None
        A weight that was chosen, which is marked.
    name : str or None, default=None
        Label of the curve.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D
        The price curve, or one line per quantity.
    best_line_ : matplotlib Line2D or None
        The mark of the chosen weight.

    See Also
    --------
    fairness_path : Fits along weights.
    calibrate_fairness_weight : Loss and criteria on held-out rows, and a choice.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.fairness import FairnessPathDisplay
    >>> display = FairnessPathDisplay(
    ...     fairness_weights=np.array([0.0, 1.0, 2.0]),
    ...     losses=np.array([0.50, 0.52, 0.58]),
    ...     criteria={"dcor": np.array([0.06, 0.03, 0.01])},
    ...     criterion="dcor",
    ... ).plot()
    >>> display.ax_.get_xlabel()
    'squared distance correlation'
    """

    def __init__(
        self,
        *,
        fairness_weights: FloatArray,
        losses: FloatArray,
        criteria: dict[str, FloatArray],
        criterion: str,
        spreads: dict[str, FloatArray] | None = None,
        best: float | None = None,
        name: str | None = None,
    ) -> None:
        self.fairness_weights = fairness_weights
        self.losses = losses
        self.criteria = criteria
        self.criterion = criterion
        self.spreads = spreads
        self.best = best
        self.name = name

    @classmethod
    def from_path(
        cls,
        path: Any,
        *,
        criterion: Literal["dcor", "uf", "excess", "sd"] = "dcor",
        view: Literal["price", "weight"] = "price",
        ax: Axes | None = None,
        name: str | None = None,
        **line_options: Any,
    ) -> Self:
        """Draw a path of fits, with the figures of the training rows.

        Parameters
        ----------
        path : FairnessPath
            What `fairness_path` returned.
        criterion : {"dcor", "uf", "excess", "sd"}, default="dcor"
            What the loss is drawn against: squared distance correlation, unfairness ratio, the penalty above its part
            that does not depend on the predictions, or the standard deviation of the predictions. When the last one
            falls and the first two do not, the penalty is paid by shrinking.
        view : {"price", "weight"}, default="price"
            Loss against the criterion, or all quantities against the weight.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Label of the curve.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : FairnessPathDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``criterion`` or ``view`` is unknown.
        """
        display = cls(
            fairness_weights=np.asarray(path.fairness_weights),
            losses=np.asarray(path.losses),
            criteria={
                "dcor": np.asarray(path.distance_correlations),
                "uf": np.asarray(path.unfairness_ratios),
                "excess": np.asarray(path.penalty_excesses),
                "sd": np.asarray(path.deviations),
            },
            criterion=criterion,
            name=name,
        )
        return display.plot(ax=ax, view=view, **line_options)

    @classmethod
    def from_calibration(
        cls,
        calibration: Any,
        *,
        criterion: str | None = None,
        view: Literal["price", "weight"] = "price",
        ax: Axes | None = None,
        name: str | None = None,
        **line_options: Any,
    ) -> Self:
        """Draw a calibration, with the figures of the held-out rows.

        Parameters
        ----------
        calibration : FairnessCalibration
            What `calibrate_fairness_weight` returned.
        criterion : str or None, default=None
            What the loss is drawn against: a key of ``calibration.results``; None takes the one of the choice.
        view : {"price", "weight"}, default="price"
            Loss against the criterion, or all quantities against the weight.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            Label of the curve.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : FairnessPathDisplay
            The picture. Bars are one standard error of the mean over folds.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``criterion`` or ``view`` is unknown.
        """
        names = [key for key in calibration.results if key != LOSS]
        n_folds = calibration.results[LOSS].shape[1]
        errors = {key: calibration.sd(key) / np.sqrt(n_folds) for key in [LOSS, *names]} if n_folds > 1 else None
        display = cls(
            fairness_weights=calibration.fairness_weights,
            losses=calibration.mean(LOSS),
            criteria={key: calibration.mean(key) for key in names},
            criterion=calibration.criterion if criterion is None else criterion,
            spreads=errors,
            best=calibration.best_fairness_weight,
            name=name,
        )
        return display.plot(ax=ax, view=view, **line_options)

    def plot(self, ax: Axes | None = None, *, view: Literal["price", "weight"] = "price", **line_options: Any) -> Self:
        """Draw one of the views.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        view : {"price", "weight"}, default="price"
            Loss against the criterion, or all quantities against the weight.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : FairnessPathDisplay
            This object.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``criterion`` or ``view`` is unknown.
        """
        views = {"price": self._plot_price, "weight": self._plot_weight}
        if view not in views:
            raise ValueError(f"view must be 'price' or 'weight'. Got {view!r}.")
        if self.criterion not in self.criteria:
            raise ValueError(f"criterion must be one of {list(self.criteria)}. Got {self.criterion!r}.")
        self.ax_, self.figure_ = axes_of(self, ax)
        self.best_line_ = None
        views[view](line_options)
        return self

    def _plot_price(self, line_options):
        x, y = self.criteria[self.criterion], self.losses
        options = {"marker": "o", "markersize": 4, "label": self.name, **line_options}
        if self.spreads is not None:
            bars = {"fmt": "none", "ecolor": "0.75", "elinewidth": 0.8, "zorder": 1}
            self.ax_.errorbar(x, y, xerr=self.spreads[self.criterion], yerr=self.spreads[LOSS], **bars)
        self.lines_ = self.ax_.plot(x, y, **options)
        self.ax_.margins(x=0.08)  # room for the labels of the outer points
        for position in _spread_out(x, y):
            text = f"{self.fairness_weights[position]:.3g}"
            place = {"xytext": (5, 5), "textcoords": "offset points", "fontsize": "small"}
            self.ax_.annotate(text, (x[position], y[position]), **place)
        if self.best is not None:
            chosen = int(np.argmin(np.abs(self.fairness_weights - self.best)))
            mark = {"marker": "*", "markersize": 14, "linestyle": "none", "zorder": 3}
            mark |= {"color": self.lines_[0].get_color(), "markeredgecolor": "black"}
            (self.best_line_,) = self.ax_.plot(x[chosen], y[chosen], label=f"chosen weight {self.best:.3g}", **mark)
        self.ax_.set(xlabel=TITLES.get(self.criterion, self.criterion), ylabel=TITLES[LOSS])
        if self.name is not None or self.best is not None:
            self.ax_.legend()

    def _plot_weight(self, line_options):
        shown = {LOSS: self.losses, **self.criteria}
        self.lines_ = []
        for (key, values), color in zip(shown.items(), _colors(len(shown)), strict=True):
            options = {"marker": "o", "markersize": 3, "color": color, "label": TITLES.get(key, key), **line_options}
            if key == LOSS:
                options = {"linestyle": "--", **options}
            self.lines_ += self.ax_.plot(self.fairness_weights, _relative(values), **options)
        positive = self.fairness_weights[self.fairness_weights > 0.0]
        if positive.size > 1 and positive.max() > 20.0 * positive.min():
            self.ax_.set_xscale("symlog", linthresh=positive.min(), linscale=0.5)
        if self.best is not None:
            label = f"chosen weight {self.best:.3g}"
            self.best_line_ = self.ax_.axvline(self.best, color="black", linewidth=1.0, linestyle=":", label=label)
        self.ax_.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
        self.ax_.set(xlabel="fairness weight", ylabel="relative to the largest value")
        self.ax_.legend(fontsize="small")


def _colors(n):
    """Distinct colors: those of the style while they last, else steps of a color map."""
    import matplotlib.pyplot as plt

    cycle = plt.rcParams["axes.prop_cycle"].by_key().get("color", [])
    return cycle[:n] if n <= len(cycle) else list(plt.get_cmap("turbo")(np.linspace(0.03, 0.97, n)))


def _legend(ax, is_long):
    """Within the axes if it is short, else beside them."""
    if is_long:
        ax.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1.01, 1.0))
    else:
        ax.legend(fontsize="small")


def _relative(values):
    largest = np.max(np.abs(values))
    return values / largest if largest > 0.0 else values


def _spread_out(x, y, distance=0.07):
    """Positions of points to label: of points close together the first one."""
    scaled = np.column_stack([_unit(x), _unit(y)])
    chosen = [0]
    for position in range(1, len(x)):
        if np.hypot(*(scaled[chosen] - scaled[position]).T).min() > distance:
            chosen.append(position)
    return chosen


def _unit(values):
    spread = np.ptp(values)
    return (values - values.min()) / spread if spread > 0.0 else np.zeros_like(values)
