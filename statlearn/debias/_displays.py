"""Pictures of predictions and the truth: bias by quantile of the truth, and shrinkage."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np

from .._support._sklearn import check_matplotlib_support
from .._support.figures import axes_of
from .._typing import ArrayLike, Axes, Estimator, FloatArray
from ._calibration_checks import check_predictions
from ._calibration_sample import weighted_mean
from ._corrector import Corrector
from ._pair_checks import check_pairs
from ._truth_bins import bin_errors, bin_means, bin_numbers, quantile_edges
from ._unit_checks import check_outcome, check_weights

__all__ = ["COLORS", "QuantileBiasDisplay", "ShrinkageDisplay"]

RAW = "predictions"
# The palette of Okabe and Ito, which color-blind readers can tell apart, without its yellow.
COLORS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STANDARD_ERRORS = 2.0  # half the length of a bar
DODGE = 4.0  # points between the bars of one bin
SQUARE = (5.6, 5.6)  # inches
N_HEXAGONS = 60  # across a cloud


class QuantileBiasDisplay:
    """Mean error of predictions by quantile of the truth, before and after a correction.

    Make it with `from_predictions` or `from_estimator`. Shrunken predictions are too large where the truth is small and
    too small where it is large: a falling line. A good correction leaves no error in any bin.

    Parameters
    ----------
    truth_means : ndarray of shape (n_distinct_bins,)
        Mean truth of each bin.
    mean_errors : ndarray of shape (n_curves, n_distinct_bins)
        Mean of the prediction less the truth.
    standard_errors : ndarray of shape (n_curves, n_distinct_bins)
        Standard errors of these; NaN for bins of one unit.
    names : sequence of str
        What is drawn, the raw predictions first.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    curves_ : list of matplotlib ErrorbarContainer
        One per name. Bars are two standard errors long on either side, and a little apart for the eye.
    zero_line_ : matplotlib Line2D
        Where there is no bias.

    See Also
    --------
    ShrinkageDisplay : Every pair, and slopes.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import LinearCalibrationCorrector
    >>> from statlearn.debias import QuantileBiasDisplay
    >>> rng = np.random.default_rng(0)
    >>> y_pred = rng.normal(size=2000)
    >>> y_true = y_pred + rng.normal(size=2000)
    >>> corrected = LinearCalibrationCorrector().fit(y_pred, y_true).predict(y_pred)
    >>> display = QuantileBiasDisplay.from_predictions(y_true, y_pred, corrected=corrected, n_bins=5)
    >>> display.names
    ['predictions', 'corrected']
    >>> bool(np.abs(display.mean_errors[0]).max() > 0.8)
    True
    >>> bool(np.abs(display.mean_errors[1]).max() < 0.1)
    True
    """

    def __init__(
        self, *, truth_means: FloatArray, mean_errors: FloatArray, standard_errors: FloatArray, names: Sequence[str]
    ) -> None:
        self.truth_means = truth_means
        self.mean_errors = mean_errors
        self.standard_errors = standard_errors
        self.names = names

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        corrected: ArrayLike | dict[str, Any] | None = None,
        n_bins: int = 10,
        sample_weight: ArrayLike | None = None,
        ax: Axes | None = None,
        **errorbar_options: Any,
    ) -> Self:
        """Draw the bias of given predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The truth.
        y_pred : array-like of shape (n_samples,)
            Predictions as they are.
        corrected : array-like of shape (n_samples,) or dict of str to array-like, default=None
            Corrected predictions, or several by name, none of which is "predictions". Correct predictions of other
            units than those that the corrector was fitted to, or errors look smaller than they are.
        n_bins : int, default=10
            Number of bins, between quantiles of the truth. Of equal quantiles one remains.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **errorbar_options : dict
            Passed to `matplotlib.axes.Axes.errorbar` for every curve.

        Returns
        -------
        display : QuantileBiasDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is invalid, or lengths differ.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        if not isinstance(n_bins, Integral) or n_bins < 1:
            raise ValueError(f"n_bins must be an int that is at least 1. Got {n_bins!r}.")
        if RAW in _names_of(corrected):
            raise ValueError(f"corrected must not have the name {RAW!r}, that of predictions as they are. Rename it.")
        values = _named_predictions(y_pred, corrected)
        truth, kept, weights = _weighted_truth(y_true, sample_weight)
        for name, given in values.items():
            if given.size != kept.size:
                raise ValueError(f"y_true has {kept.size} entries, and {name} has {given.size}: they must be as many.")
        edges = quantile_edges(truth, weights, n_bins)
        numbers, n_distinct = bin_numbers(truth, edges), edges.size + 1
        errors = [bin_errors(given[kept] - truth, weights, numbers, n_distinct) for given in values.values()]
        means, standard_errors = np.array(errors).swapaxes(0, 1)
        display = cls(
            truth_means=bin_means(truth, weights, numbers, n_distinct),
            mean_errors=means,
            standard_errors=standard_errors,
            names=[RAW, *_names_of(corrected)],
        )
        return display.plot(ax=ax, **errorbar_options)

    @classmethod
    def from_estimator(cls, estimator: Estimator, X: ArrayLike, y: ArrayLike, **options: Any) -> Self:
        """Draw the bias of an estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted corrector, of which X are the predictions to correct; a fitted `DebiasedRegressor`, whose raw and
            debiased predictions are drawn; or another fitted regressor, with its predictions alone.
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What it predicts from, rows that it was not fitted to.
        y : array-like of shape (n_samples,)
            The truth.
        **options : dict
            Passed to `from_predictions`.

        Returns
        -------
        display : QuantileBiasDisplay
            The picture.
        """
        if isinstance(estimator, Corrector):
            raw, corrected = check_predictions(X), estimator.predict(X)
        elif hasattr(estimator, "predict_raw"):
            raw, corrected = estimator.predict_raw(X), estimator.predict(X)
        else:
            raw, corrected = estimator.predict(X), None
        return cls.from_predictions(y, raw, corrected=corrected, **options)

    def plot(self, ax: Axes | None = None, **errorbar_options: Any) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **errorbar_options : dict
            Passed to `matplotlib.axes.Axes.errorbar` for every curve.

        Returns
        -------
        self : QuantileBiasDisplay
            The picture.
        """
        self.ax_, self.figure_ = axes_of(self, ax)
        from matplotlib.transforms import offset_copy

        self.zero_line_ = self.ax_.axhline(0.0, color="0.6", linewidth=1.0, zorder=0.5)
        self.curves_ = []
        for number, (name, means, errors) in enumerate(
            zip(self.names, self.mean_errors, self.standard_errors, strict=True)
        ):
            aside = DODGE * (number - 0.5 * (len(self.names) - 1))
            options = {
                "color": COLORS[number % len(COLORS)],
                "marker": MARKERS[number % len(MARKERS)],
                "markersize": 5,
                "linewidth": 1.2,
                "elinewidth": 1.2,
                "capsize": 2,
                "label": name,
                **errorbar_options,
            }
            curve = self.ax_.errorbar(self.truth_means, means, STANDARD_ERRORS * errors, **options)
            transform = offset_copy(self.ax_.transData, self.figure_, x=aside, units="points")
            for artist in curve.get_children():
                artist.set_transform(transform)
            self.curves_.append(curve)
        self.ax_.set(xlabel="truth (means of quantile bins)", ylabel="mean error (± 2 standard errors)")
        self.ax_.legend(fontsize="small")
        return self


class ShrinkageDisplay:
    """Predictions against the truth, with the two regression lines that tell shrinkage from miscalibration.

    Make it with `from_predictions` or `from_estimator`. The line of the predictions on the truth has the slope k, by
    which effects shrink; the line of the truth on the predictions is the identity if they are calibrated. A model can
    be calibrated and shrink: both lines are drawn in the same axes, predictions upward. The legend has the slopes with
    their 95 % intervals.

    Parameters
    ----------
    y_true : ndarray of shape (n_samples,)
        The truth.
    y_pred : ndarray of shape (n_samples,)
        Predictions.
    sample_weight : ndarray of shape (n_samples,)
        Weights.
    slope, intercept : float
        Line of the predictions on the truth.
    slope_interval : tuple of (float, float)
        95 % interval of its slope.
    calibration_slope, calibration_intercept : float
        Line of the truth on the predictions.
    calibration_interval : tuple of (float, float)
        95 % interval of its slope.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    points_ : matplotlib PathCollection or PolyCollection
        A point per pair, or hexagons where there are many.
    identity_line_, slope_line_, calibration_line_ : matplotlib Line2D
        The lines.

    See Also
    --------
    QuantileBiasDisplay : Mean errors by quantile of the truth.

    Examples
    --------
    Calibrated predictions that explain half of the variance:

    >>> import numpy as np
    >>> from statlearn.debias import ShrinkageDisplay
    >>> rng = np.random.default_rng(0)
    >>> y_pred = rng.normal(size=20000)
    >>> y_true = y_pred + rng.normal(size=20000)
    >>> display = ShrinkageDisplay.from_predictions(y_true, y_pred)
    >>> print(f"{display.slope:.1f} {display.calibration_slope:.1f}")
    0.5 1.0
    """

    def __init__(
        self,
        *,
        y_true: FloatArray,
        y_pred: FloatArray,
        sample_weight: FloatArray,
        slope: float,
        intercept: float,
        slope_interval: tuple[float, float],
        calibration_slope: float,
        calibration_intercept: float,
        calibration_interval: tuple[float, float],
    ) -> None:
        self.y_true = y_true
        self.y_pred = y_pred
        self.sample_weight = sample_weight
        self.slope = slope
        self.intercept = intercept
        self.slope_interval = slope_interval
        self.calibration_slope = calibration_slope
        self.calibration_intercept = calibration_intercept
        self.calibration_interval = calibration_interval

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        max_points: int = 3000,
        ax: Axes | None = None,
        **point_options: Any,
    ) -> Self:
        """Draw given predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The truth.
        y_pred : array-like of shape (n_samples,)
            Predictions, raw or corrected.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, which count in the lines, and in hexagons.
        max_points : int, default=3000
            Largest number of pairs that are drawn as points; more are counted in hexagons.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **point_options : dict
            Passed to `matplotlib.axes.Axes.scatter`, or `matplotlib.axes.Axes.hexbin` for hexagons.

        Returns
        -------
        display : ShrinkageDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is invalid, the truth or the predictions are constant, or there are fewer than 3 pairs.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        sample, _ = check_pairs(y_true, y_pred, sample_weight)
        slope, calibration = sample.slope_of_predictions(), sample.slope_of_truth()
        display = cls(
            y_true=sample.truth,
            y_pred=sample.predictions,
            sample_weight=sample.weights,
            slope=slope.slope,
            intercept=slope.intercept,
            slope_interval=slope.interval(),
            calibration_slope=calibration.slope,
            calibration_intercept=calibration.intercept,
            calibration_interval=calibration.interval(),
        )
        return display.plot(ax=ax, max_points=max_points, **point_options)

    @classmethod
    def from_estimator(cls, estimator: Estimator, X: ArrayLike, y: ArrayLike, **options: Any) -> Self:
        """Draw the predictions of an estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor or corrector; its method ``predict`` is drawn.
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What it predicts from, rows that it was not fitted to.
        y : array-like of shape (n_samples,)
            The truth.
        **options : dict
            Passed to `from_predictions`.

        Returns
        -------
        display : ShrinkageDisplay
            The picture.
        """
        return cls.from_predictions(y, estimator.predict(X), **options)

    def plot(self, ax: Axes | None = None, *, max_points: int = 3000, **point_options: Any) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        max_points : int, default=3000
            Largest number of pairs that are drawn as points; more are counted in hexagons.
        **point_options : dict
            Passed to `matplotlib.axes.Axes.scatter`, or `matplotlib.axes.Axes.hexbin` for hexagons.

        Returns
        -------
        self : ShrinkageDisplay
            The picture.
        """
        self.ax_, self.figure_ = axes_of(self, ax, SQUARE)
        if self.y_true.size <= max_points:
            options = {"s": 10, "color": "0.55", "alpha": 0.5, "linewidths": 0.0, **point_options}
            self.points_ = self.ax_.scatter(self.y_true, self.y_pred, **options)
        else:
            options = {"gridsize": N_HEXAGONS, "cmap": "Greys", "bins": "log", "linewidths": 0.1, "mincnt": 1}
            options |= {"C": self.sample_weight, "reduce_C_function": np.sum, **point_options}
            self.points_ = self.ax_.hexbin(self.y_true, self.y_pred, **options)
        start = (weighted_mean(self.y_true, self.sample_weight), weighted_mean(self.y_pred, self.sample_weight))
        origin = (start[0], start[0])
        above = {"color": "black", "linestyle": "--", "linewidth": 1.2, "zorder": 4.0}
        self.identity_line_ = self._line(origin, 1.0, "identity", **above)
        label = f"predictions on truth: slope k = {_with_interval(self.slope, self.slope_interval)}"
        self.slope_line_ = self._line(start, self.slope, label, color=COLORS[1], linewidth=2.2)
        label = f"truth on predictions: slope {_with_interval(self.calibration_slope, self.calibration_interval)}"
        upward = np.inf if self.calibration_slope == 0.0 else 1.0 / self.calibration_slope
        self.calibration_line_ = self._line(start, upward, label, color=COLORS[2], linewidth=2.2, linestyle="-.")
        low, high = _range([self.y_true, self.y_pred])
        self.ax_.set(xlabel="truth", ylabel="prediction", xlim=(low, high), ylim=(low, high), aspect="equal")
        self.ax_.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
        return self

    def _line(self, point, slope, label, **style):
        return self.ax_.axline(point, slope=slope, label=label, **{"zorder": 3.0, **style})


def _weighted_truth(y_true, sample_weight):
    """Truth of positive weight, which entries these are, and their weights."""
    truth = check_outcome(y_true, "y_true")
    weights = check_weights(sample_weight, truth.size, "sample_weight")
    kept = weights > 0.0
    return truth[kept], kept, weights[kept]


def _names_of(corrected):
    if corrected is None:
        return []
    return [str(name) for name in corrected] if isinstance(corrected, Mapping) else ["corrected"]


def _named_predictions(y_pred, corrected):
    """Checked predictions by the name of their argument."""
    given = {"y_pred": y_pred}
    if isinstance(corrected, Mapping):
        given |= {f"corrected[{name!r}]": values for name, values in corrected.items()}
    elif corrected is not None:
        given["corrected"] = corrected
    return {name: check_outcome(values, name) for name, values in given.items()}


def _with_interval(slope, interval):
    return f"{slope:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def _range(arrays, margin=0.03):
    """Smallest and largest number, with a margin."""
    low, high = min(values.min() for values in arrays), max(values.max() for values in arrays)
    return low - margin * (high - low), high + margin * (high - low)
