"""A picture of a corrector: what it adds to predictions, and the score behind it."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import check_matplotlib_support
from .._typing import Axes, FloatArray
from ._calibration_sample import weighted_covariance, weighted_mean
from ._corrector import Corrector
from ._displays import COLORS
from ._linear_correction import LinearCalibrationCorrector
from ._tails import bulk_windows
from ._tweedie import TweedieCorrector

__all__ = ["ScoreDisplay"]

STACK = (6.4, 7.2)  # inches, of two axes
STRIP = 0.18  # of the height of the axes, for the histogram
FULL = 0.9  # of the strip, for the tallest bar
MIN_CELLS, MAX_CELLS = 10, 60  # of the histogram


class ScoreDisplay:
    """What a corrector adds to predictions, where they lie, and the score behind it.

    Make it with `from_corrector`. The upper axes show the corrected prediction less the prediction, beside the straight
    line of `LinearCalibrationCorrector`, above a histogram of the calibration predictions and their estimated density.
    The lower axes, for a `TweedieCorrector`, show the score, beside the line of a normal distribution.

    Parameters
    ----------
    grid : ndarray of shape (n_points,)
        Predictions from the smallest to the largest of the calibration pairs.
    corrections : ndarray of shape (n_points,)
        Corrected prediction less the prediction.
    predictions : ndarray of shape (n_pairs,)
        Predictions of the calibration pairs.
    sample_weight : ndarray of shape (n_pairs,)
        Weights of the pairs.
    name : str
        Label of the correction.
    linear_corrections : ndarray of shape (n_points,) or None, default=None
        The same of a linear calibration correction; None if it is the correction.
    density : ndarray of shape (n_points,) or None, default=None
        Estimated density of the predictions; None if there is none, or isotonic recalibration has moved them.
    scores : ndarray of shape (n_points,) or None, default=None
        Score of the recalibrated predictions.
    normal_scores : ndarray of shape (n_points,) or None, default=None
        Score of a normal distribution with their mean and variance.
    bulk : tuple of (float, float) or None, default=None
        Predictions beyond which the score is not estimated but continued.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the correction.
    axes_ : list of matplotlib Axes
        These, and those of the score if it is drawn.
    figure_ : matplotlib Figure
        The figure.
    correction_line_ : matplotlib Line2D
        The correction.
    linear_line_ : matplotlib Line2D or None
        The linear calibration correction.
    histogram_ : matplotlib StepPatch
        Counts of predictions, in heights of the axes.
    density_line_ : matplotlib Line2D or None
        The density, on the same scale.
    score_line_, normal_line_ : matplotlib Line2D or None
        The scores.

    See Also
    --------
    QuantileBiasDisplay : Whether a correction helps.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import TweedieCorrector
    >>> from statlearn.debias import ScoreDisplay
    >>> rng = np.random.default_rng(0)
    >>> predictions = rng.gamma(2.0, size=2000)
    >>> truth = predictions + 0.8 * rng.normal(size=2000)
    >>> display = ScoreDisplay.from_corrector(TweedieCorrector().fit(predictions, truth))
    >>> len(display.axes_)
    2
    >>> bool(display.corrections[-1] > 0.3)  # large predictions become larger
    True
    """

    def __init__(
        self,
        *,
        grid: FloatArray,
        corrections: FloatArray,
        predictions: FloatArray,
        sample_weight: FloatArray,
        name: str,
        linear_corrections: FloatArray | None = None,
        density: FloatArray | None = None,
        scores: FloatArray | None = None,
        normal_scores: FloatArray | None = None,
        bulk: tuple[float, float] | None = None,
    ) -> None:
        self.grid = grid
        self.corrections = corrections
        self.predictions = predictions
        self.sample_weight = sample_weight
        self.name = name
        self.linear_corrections = linear_corrections
        self.density = density
        self.scores = scores
        self.normal_scores = normal_scores
        self.bulk = bulk

    @classmethod
    def from_corrector(
        cls,
        corrector: Corrector,
        *,
        n_points: int = 513,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
        **line_options: Any,
    ) -> Self:
        """Draw a fitted corrector.

        Parameters
        ----------
        corrector : corrector
            A fitted `TweedieCorrector`, `SieveCorrector` or `LinearCalibrationCorrector`.
        n_points : int, default=513
            Number of predictions at which it is evaluated, at least 2.
        ax : matplotlib Axes or sequence of two of them, default=None
            Where to draw the correction, and the score if there are two; None makes a new figure with all there is.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for the correction and the score.

        Returns
        -------
        display : ScoreDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If ``corrector`` is none.
        ValueError
            If there are two axes and no score, or ``n_points`` is invalid.
        """
        check_matplotlib_support(f"{cls.__name__}.from_corrector")
        if not isinstance(corrector, Corrector):
            raise TypeError(
                "corrector must be a fitted corrector, such as TweedieCorrector, or the attribute corrector_ of a "
                f"DebiasedRegressor. Got {corrector!r} instead."
            )
        check_is_fitted(corrector)
        if not isinstance(n_points, Integral) or n_points < 2:
            raise ValueError(f"n_points must be an int that is at least 2. Got {n_points!r}.")
        sample, grid = corrector._sample, np.linspace(*corrector.support_, n_points)
        line, parts = sample.slope_of_predictions(), {}
        if not isinstance(corrector, LinearCalibrationCorrector):
            parts["linear_corrections"] = (grid - line.intercept) / line.slope - grid
        if isinstance(corrector, TweedieCorrector):
            parts |= _score_parts(corrector, grid)
        display = cls(
            grid=grid,
            corrections=corrector.predict(grid) - grid,
            predictions=sample.predictions,
            sample_weight=sample.weights,
            name=type(corrector).__name__,
            **parts,
        )
        return display.plot(ax=ax, **line_options)

    def plot(self, ax: Axes | Sequence[Axes] | np.ndarray | None = None, **line_options: Any) -> Self:
        """Draw the picture again.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of two of them, default=None
            Where to draw the correction, and the score if there are two; None makes a new figure with all there is.
        **line_options : dict
            Passed to `matplotlib.axes.Axes.plot` for the correction and the score.

        Returns
        -------
        self : ScoreDisplay
            The picture.
        """
        self.axes_ = self._all_axes(ax)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        style = {"color": COLORS[1], "linewidth": 2.0, **line_options}
        self._plot_correction(style)
        self.score_line_ = self.normal_line_ = None
        if len(self.axes_) == 2:
            self._plot_score(style)
        if self.bulk is not None:
            self._shade_tails()
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 2, "frameon": False}
        for axes in self.axes_:
            axes.legend(fontsize="small", **above)
        for axes in self.axes_[-1:] if ax is None else self.axes_:
            axes.set_xlabel("prediction")
        return self

    def _all_axes(self, ax):
        """Axes of the correction and, if there is room and there is one, of the score."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        n_parts = 1 if self.scores is None else 2
        if ax is None:
            size = None if n_parts == 1 else STACK
            return list(plt.subplots(n_parts, sharex=True, figsize=size, layout="constrained", squeeze=False)[1][:, 0])
        axes = list(np.ravel(ax))
        if len(axes) > n_parts:
            raise ValueError(
                f"ax must be one matplotlib Axes{', or two of them' if n_parts == 2 else f': {self.name} has no score'}"
                f". Got {len(axes)}."
            )
        return axes

    def _plot_correction(self, style):
        ax = self.ax_
        self.linear_line_ = None
        ax.axhline(0.0, color="0.6", linewidth=1.0, zorder=0.5)
        (self.correction_line_,) = ax.plot(self.grid, self.corrections, **{"label": self.name, **style})
        if self.linear_corrections is not None:
            (self.linear_line_,) = ax.plot(
                self.grid, self.linear_corrections, color=COLORS[2], linestyle="--", label="linear calibration"
            )
        low, high = ax.get_ylim()
        ax.set_ylim(low - (high - low) * STRIP / (1.0 - STRIP), high)  # the strip is for the histogram
        ax.set_ylabel("corrected prediction less prediction")
        n_cells = int(np.clip(np.sqrt(self.predictions.size), MIN_CELLS, MAX_CELLS))
        heights, edges = np.histogram(self.predictions, n_cells, weights=self.sample_weight, density=True)
        tallest = heights.max() if self.density is None else max(heights.max(), self.density.max())
        unit = FULL * STRIP / tallest
        place = {"transform": ax.get_xaxis_transform(), "zorder": 0.8}
        self.histogram_ = ax.stairs(
            unit * heights, edges, fill=True, color="0.75", label="calibration predictions", **place
        )
        self.density_line_ = None
        if self.density is not None:
            (self.density_line_,) = ax.plot(
                self.grid, unit * self.density, color="0.35", linewidth=1.0, label="their estimated density", **place
            )

    def _plot_score(self, style):
        ax = self.axes_[1]
        ax.axhline(0.0, color="0.6", linewidth=1.0, zorder=0.5)
        (self.score_line_,) = ax.plot(self.grid, self.scores, **{"label": "score of the predictions", **style})
        (self.normal_line_,) = ax.plot(
            self.grid, self.normal_scores, color=COLORS[2], linestyle="--", label="score of a normal distribution"
        )
        ax.set_ylabel("score")

    def _shade_tails(self):
        """Mark where the score is continued."""
        for axes in self.axes_:
            low, high = axes.get_xlim()
            label = "score continued"
            for start, stop in ((low, self.bulk[0]), (self.bulk[1], high)):
                axes.axvspan(start, stop, color=COLORS[6], alpha=0.15, linewidth=0.0, zorder=0.1, label=label)
                label = None
            axes.set_xlim(low, high)


def _score_parts(corrector, grid):
    """Density, score and tails of a Tweedie corrector at predictions."""
    sample, recalibration = corrector._sample, corrector.recalibration_
    recalibrated, weights = recalibration.evaluate(sample.predictions), sample.weights
    u = recalibration.evaluate(grid)
    variance = weighted_covariance(recalibrated, recalibrated, weights)
    parts = {
        "scores": corrector.score_function(grid),
        "normal_scores": (weighted_mean(recalibrated, weights) - u) / variance,
    }
    if corrector.recalibrate != "isotonic":  # whose steps would show as spikes
        parts["density"] = np.exp(corrector._correction.score.log_density(u)) * recalibration.derivative(grid)
    if corrector.tails != "none":
        windows = bulk_windows(sample.predictions, weights)
        parts["bulk"] = (float(windows[0, 0]), float(windows[1, 1]))
    return parts
