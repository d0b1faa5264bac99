"""What a corrector would have learned from other calibration samples: resampled pairs, or some of them left out.

A sample is told by how often it has each pair. Tuning parameters, such as the bandwidth of a density or the ridge of a
sieve, keep the values that they have: chosen anew from repeated pairs, they would be those of another problem.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from ._binned_density import bin_weights, density_grid, grid_scores
from ._calibration_checks import check_clip
from ._calibration_sample import CalibrationSample
from ._corrector import Corrector, clipped
from ._linear_correction import LinearCalibrationCorrector
from ._recalibration import LinearRecalibration
from ._scores import KDEScore
from ._sieve import SieveCorrector
from ._tails import N_WINDOW, bulk_windows
from ._tweedie import TweedieCorrector

__all__ = ["GridRelearner", "LineRelearner", "Relearner", "relearner_of"]


def relearner_of(corrector, predictions):
    """The fastest way to correct predictions by what a fitted corrector learns from other samples."""
    if isinstance(corrector, LinearCalibrationCorrector):
        return LineRelearner(corrector._sample, predictions, check_clip(corrector.clip))
    if _has_grid(corrector):
        relearner = GridRelearner(corrector, predictions)
        if relearner.covers_predictions():
            return relearner
    return Relearner(tuned(corrector), corrector._sample, predictions)


def _has_grid(corrector):
    """Whether a corrector has a binned density, a recalibration by a line, and the same noise everywhere."""
    return (
        isinstance(corrector, TweedieCorrector)
        and isinstance(corrector.score_, KDEScore)
        and corrector.score_.grid_.size > 0
        and isinstance(corrector.recalibration_, LinearRecalibration)
        and corrector.scale == "sigma2"
        and corrector.noise == "homoscedastic"
    )


def tuned(corrector):
    """An unfitted twin of a fitted corrector, whose tuning parameters are set to those that the fit has chosen."""
    if isinstance(corrector, SieveCorrector):
        return clone(corrector).set_params(alpha=corrector.alpha_)
    if isinstance(corrector, TweedieCorrector) and isinstance(corrector.score_, KDEScore):
        score = clone(corrector.score_).set_params(bandwidth=corrector.score_.bandwidth_)
        return clone(corrector).set_params(score=score)
    return clone(corrector)


@dataclass(frozen=True, eq=False)
class Relearner:
    """Learns from scratch.

    Attributes
    ----------
    corrector : Corrector
        Its parameters are what counts.
    sample : CalibrationSample
        The pairs.
    predictions : ndarray of shape (n_units,)
        What is corrected.
    """

    corrector: Corrector
    sample: CalibrationSample
    predictions: np.ndarray

    def corrected(self, counts):
        """Yield corrected predictions for each row of ``counts``, which has the shape (n_samples, n_pairs)."""
        bounds = check_clip(self.corrector.clip)
        for row in counts:
            correction = self.corrector._learn(self.sample.with_weights(self.sample.weights * row))
            yield clipped(correction.evaluate(self.predictions), bounds)


@dataclass(frozen=True, eq=False)
class LineRelearner:
    """Learns the line of linear calibration correction from five sums.

    Attributes
    ----------
    sample : CalibrationSample
        The pairs.
    predictions : ndarray of shape (n_units,)
        What is corrected.
    bounds : tuple of float or None
        Between which corrected values are clipped.
    """

    sample: CalibrationSample
    predictions: np.ndarray
    bounds: tuple | None

    def corrected(self, counts):
        """Yield corrected predictions for each row of ``counts``, which has the shape (n_samples, n_pairs)."""
        moments = PairMoments(self.sample, counts * self.sample.weights)
        slopes = moments.covariance / moments.truth_variance
        _check_rising(slopes)
        for slope, truth, prediction in zip(slopes, moments.truth_mean, moments.prediction_mean, strict=True):
            yield clipped(truth + (self.predictions - prediction) / slope, self.bounds)


def _check_rising(slopes):
    """Refuse slopes of resampled pairs that are not positive, NaN included."""
    if not slopes.min() > 0.0:
        raise ValueError(
            "Predictions of a resampled calibration sample do not rise with the truth: there are too few pairs, or "
            "predictions are too weak. Use LinearCalibrationCorrector, with se='delta' and ci='fieller'."
        )


class PairMoments:
    """Means and covariances of many samples of the same pairs, each of shape (n_samples,)."""

    def __init__(self, sample, weights):
        truth, predictions = sample.truth.mean(), sample.predictions.mean()  # centers, against cancellation
        y, f = sample.truth - truth, sample.predictions - predictions
        sums = weights @ np.column_stack([np.ones_like(y), y, f, y * y, f * f, f * y])
        y_mean, f_mean, yy, ff, fy = (sums[:, 1:] / sums[:, :1]).T
        self.truth_mean, self.prediction_mean = truth + y_mean, predictions + f_mean
        self.truth_variance, self.prediction_variance = yy - y_mean**2, ff - f_mean**2
        self.covariance = fy - f_mean * y_mean


class GridRelearner:
    """Learns the scores of many samples on one grid, by one batched Fourier transform.

    Scores are those of the recalibrated predictions u of the fit. Another sample recalibrates to ``shift + stretch
    u``, whose score is that of u divided by ``stretch``: the bandwidth stretches as well. The mean toward which kernels
    are drawn, and the points where tails begin, stay where they are on the scale of u.

    Parameters
    ----------
    corrector : TweedieCorrector
        Fitted.
    predictions : ndarray of shape (n_units,)
        What is corrected.
    """

    def __init__(self, corrector, predictions):
        score, tails, recalibration = corrector.score_, corrector._correction.score, corrector.recalibration_
        self._sample = corrector._sample.with_predictions(recalibration.evaluate(corrector._sample.predictions))
        self._bounds = check_clip(corrector.clip)
        self._scale = None if corrector.sigma == "holdout" else corrector.scale_
        self._recalibrates = corrector.recalibrate is not None
        self._mean, self._shrink = score._mean, score._shrink
        self._width = score.bandwidth_ / score._shrink  # of kernels that are not drawn toward the mean
        u = self._sample.predictions
        self._grid = density_grid(u.min(), u.max(), self._width, score.grid_size)
        self._u = recalibration.evaluate(predictions)
        inside, beyond, side = tails._split(self._u)
        self._cells, self._places = self._position(inside)
        self._next_cells = self._cells + 1
        self._outside = np.flatnonzero(beyond)
        self._beyond, self._side = beyond[self._outside], side[self._outside]
        self._tails = None if corrector.tails == "none" else self._tail_functionals(tails, corrector.tails)

    def covers_predictions(self):
        """Whether all scores that are needed are on the grid."""
        return bool(self._cells.min() >= 0 and self._cells.max() < self._grid.size - 1)

    def corrected(self, counts):
        """Yield corrected predictions for each row of ``counts``, which has the shape (n_samples, n_pairs)."""
        weights = counts * self._sample.weights
        binned = np.stack([bin_weights(self._sample.predictions, row, self._grid) for row in weights])
        scores = grid_scores(binned, self._grid.step, self._width) / self._shrink
        tails = self._tail_lines(scores)
        shifts, stretches, scales = self._lines(PairMoments(self._sample, weights))
        for b, row in enumerate(scores):
            s = row[self._cells]
            s += self._places * (row[self._next_cells] - s)
            if tails is not None:
                s[self._outside] = tails[b, self._side] + tails[b, 2 + self._side] * self._beyond
            s *= -scales[b] / stretches[b]
            s += shifts[b] + stretches[b] * self._u
            yield clipped(s, self._bounds)

    def _tail_lines(self, scores):
        """Values at both ends and slopes beyond them, which do not rise, of shape (n_samples, 4)."""
        if self._tails is None:
            return None
        lines = scores @ self._tails
        lines[:, 2:] = np.minimum(lines[:, 2:], 0.0)
        return lines

    def _lines(self, moments):
        """Shift, stretch and scale of each sample."""
        if self._recalibrates:
            stretches = moments.covariance / moments.prediction_variance
            _check_rising(stretches)
            shifts = moments.truth_mean - stretches * moments.prediction_mean
        else:
            stretches, shifts = np.ones_like(moments.covariance), np.zeros_like(moments.covariance)
        if self._scale is not None:
            return shifts, stretches, np.full_like(stretches, self._scale)
        variance = stretches**2 * moments.prediction_variance - 2.0 * stretches * moments.covariance
        return shifts, stretches, moments.truth_variance + variance

    def _position(self, u):
        """Cells of points on the grid, and places within them."""
        position = (self._mean + (u - self._mean) / self._shrink - self._grid.low) / self._grid.step
        cells = np.floor(position).astype(np.intp)
        return cells, position - cells

    def _tail_functionals(self, tails, kind):
        """Values at both ends and slopes beyond them, as linear functionals of the scores on the grid: (size, 4)."""
        functionals = [self._functional(end, np.ones(1)) for end in tails.ends[:, None]]
        if kind == "clip":
            return np.column_stack([*functionals, np.zeros((self._grid.size, 2))])
        for left, right in bulk_windows(self._sample.predictions, self._sample.weights):
            if left == right:  # tied: the derivative of the score, by a difference
                left, right = left - self._grid.step, right + self._grid.step
            points = np.linspace(left, right, N_WINDOW)
            deviations = points - 0.5 * (left + right)
            functionals.append(self._functional(points, deviations / (deviations @ deviations)))
        return np.column_stack(functionals)

    def _functional(self, points, weights):
        """Weights of the grid that give a weighted sum of interpolated scores."""
        cells, places = self._position(points)
        size = self._grid.size
        return np.bincount(cells, weights * (1.0 - places), size) + np.bincount(cells + 1, weights * places, size)
