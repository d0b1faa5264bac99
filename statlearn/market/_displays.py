"""Pictures of a market: budgets over time, losses over passes, and what its probabilities are worth."""

from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import check_matplotlib_support
from .._typing import ArrayLike, Axes, Estimator

__all__ = ["MarketHistoryDisplay"]

MAX_NAMES = 10  # participants with a line and a name of their own; the others are thin and gray
N_BINS = 10
OTHERS = {"color": "0.75", "linewidth": 0.6, "zorder": 1.0}


class MarketHistoryDisplay:
    """A picture of a market. Make it with `from_estimator`.

    Parameters
    ----------
    curves : dict of str to (ndarray, ndarray)
        Abscissas and ordinates of each line by its name, the most important first.
    kind : {"budgets", "loss", "calibration"}
        What is shown.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D
        A line per curve.

    See Also
    --------
    PredictionMarketClassifier : Its ``history_`` holds the budgets.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from statlearn.market import MarketHistoryDisplay, PredictionMarketClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> market = PredictionMarketClassifier([("bayes", GaussianNB()), ("tree", DecisionTreeClassifier())]).fit(X, y)
    >>> display = MarketHistoryDisplay.from_estimator(market)
    >>> sorted(line.get_label() for line in display.lines_)
    ['bayes', 'tree']
    """

    def __init__(
        self, *, curves: dict[str, tuple[np.ndarray, np.ndarray]], kind: Literal["budgets", "loss", "calibration"]
    ) -> None:
        self.curves = curves
        self.kind = kind

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        kind: Literal["budgets", "loss", "calibration"] = "budgets",
        ax: Axes | None = None,
        **line_options: Any,
    ) -> Self:
        """Draw a fitted market.

        Parameters
        ----------
        estimator : PredictionMarketClassifier, PredictionMarketRegressor, MarketForestClassifier or \
MarketForestRegressor
            The market.
        X : array-like of shape (n_samples, n_features), default=None
            Rows for "calibration" that the market was not fitted to.
        y : array-like of shape (n_samples,), default=None
            Their labels.
        kind : {"budgets", "loss", "calibration"}, default="budgets"
            "budgets" shows the shares of the participants (the trees of a forest) in the sum of all budgets over the
            rows that were settled. "loss" shows the mean loss of the passes, and that of held-out rows. "calibration"
            shows how often the predicted label of a classifier is right, in ten groups of rows with rising
            probability, beside the same for the forest that the market was built on.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for every line with a name.

        Returns
        -------
        display : MarketHistoryDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator has no history.
        ValueError
            If ``kind`` is unknown, or "calibration" lacks rows or a classifier.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise TypeError(
                f"estimator must be a market with a history of budgets. Got {type(estimator).__name__}: give a "
                "PredictionMarket* or MarketForest*."
            )
        if kind not in CURVES:
            raise ValueError(f"kind must be one of {sorted(CURVES)}. Got {kind!r}.")
        if kind == "calibration":
            _check_calibration(estimator, X, y)
        return cls(curves=CURVES[kind](estimator, X, y), kind=kind).plot(ax=ax, **line_options)

    def plot(self, ax: Axes | None = None, **line_options: Any) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for every line with a name.

        Returns
        -------
        self : MarketHistoryDisplay
            The picture.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        self.lines_, style = [], STYLES[self.kind]
        for position, (name, (x, values)) in enumerate(self.curves.items()):
            named = position < MAX_NAMES
            options = {**style["line"], **line_options} if named else OTHERS
            self.lines_ += ax.plot(x, values, label=name if named else "_others", **options)
        if self.kind == "calibration":
            low = min(np.concatenate([x for x, _ in self.curves.values()]).min(), 1.0)
            ax.plot([low, 1.0], [low, 1.0], linestyle=":", color="0.5", zorder=1.0)
        ax.set(xlabel=style["xlabel"], ylabel=style["ylabel"])
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _budgets(estimator, X, y):
    history = estimator.history_
    shares = history["budgets"] / history["budgets"].sum(axis=1, keepdims=True)
    names = getattr(estimator, "participants_", [f"tree {t}" for t in range(shares.shape[1])])
    return {names[m]: (history["rounds"], shares[:, m]) for m in np.argsort(-shares[-1], kind="stable")}


def _losses(estimator, X, y):
    curves = {}
    if estimator.validation_loss_ is not None:
        curves["held-out rows"] = np.arange(estimator.validation_loss_.size), estimator.validation_loss_
    curves["training rows, before they are settled"] = (
        np.arange(1, estimator.loss_curve_.size + 1),
        estimator.loss_curve_,
    )
    return curves


def _calibrations(estimator, X, y):
    models = {"market": estimator}
    if hasattr(estimator, "estimator_"):
        models["forest"] = estimator.estimator_
    return {name: _reliability(model.predict_proba(X), model.classes_, np.asarray(y)) for name, model in models.items()}


def _reliability(probabilities, classes, y):
    """Mean probability of the predicted label and share of rows where it is right, in groups of rising probability."""
    top = probabilities.max(axis=1)
    right = classes[probabilities.argmax(axis=1)] == y
    groups = np.array_split(np.argsort(top, kind="stable"), min(N_BINS, top.size))
    return np.array([top[group].mean() for group in groups]), np.array([right[group].mean() for group in groups])


def _check_calibration(estimator, X, y):
    if not hasattr(estimator, "predict_proba"):
        raise ValueError("kind='calibration' needs a classifier.")
    if X is None or y is None:
        raise ValueError("kind='calibration' needs rows X and labels y that the market was not fitted to.")


CURVES = {"budgets": _budgets, "loss": _losses, "calibration": _calibrations}
STYLES = {
    "budgets": {"line": {}, "xlabel": "settled rows", "ylabel": "share of all budgets"},
    "loss": {"line": {"marker": "o", "markersize": 3}, "xlabel": "passes", "ylabel": "mean loss"},
    "calibration": {
        "line": {"marker": "o"},
        "xlabel": "mean probability of the predicted label",
        "ylabel": "share of rows where it is right",
    },
}
