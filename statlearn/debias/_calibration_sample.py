"""Pairs of a prediction and the truth, with weighted moments and folds."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

__all__ = ["CalibrationSample", "SlopeFit", "fit_slope", "folds_of", "is_wider", "weighted_covariance", "weighted_mean"]

LEVEL = 0.95  # of the intervals that are shown
ROUNDING = 1e-12  # a range below this share of the largest value is that of a constant


@dataclass(frozen=True, eq=False)
class CalibrationSample:
    """Predictions that were made out of sample, and what they predict.

    Attributes
    ----------
    predictions : ndarray of shape (n_samples,)
        Predictions, in the units of the truth.
    truth : ndarray of shape (n_samples,)
        True outcomes.
    weights : ndarray of shape (n_samples,)
        Positive weights of the pairs.
    """

    predictions: np.ndarray
    truth: np.ndarray
    weights: np.ndarray

    def __len__(self):
        return self.predictions.size

    def take(self, rows):
        """The sample of some rows."""
        return CalibrationSample(self.predictions[rows], self.truth[rows], self.weights[rows])

    def with_predictions(self, predictions):
        """The sample with other predictions of the same truth."""
        return replace(self, predictions=predictions)

    def with_weights(self, weights):
        """The sample under other weights, without the rows whose weight is zero."""
        weights = np.asarray(weights, dtype=np.float64)
        kept = weights > 0.0
        return CalibrationSample(self.predictions[kept], self.truth[kept], weights[kept])

    def with_unit_weights(self):
        """The sample under weights whose largest is between 1 and 2 and whose ratios are the same: squares are finite.

        For what does not depend on the scale of weights. Kernel bandwidths do.
        """
        return replace(self, weights=self.weights / power_of_two(self.weights))

    def slope_of_predictions(self):
        """Slope k of the predictions on the truth: 1 without shrinkage."""
        return fit_slope(self.truth, self.predictions, self.weights)

    def slope_of_truth(self):
        """Slope of the truth on the predictions: 1 if the predictions are calibrated (linearly)."""
        return fit_slope(self.predictions, self.truth, self.weights)

    def is_degenerate(self):
        """Whether the truth or the predictions are constant, so that no slope is identified."""
        return is_constant(self.truth) or is_constant(self.predictions)

    def is_uncorrelated(self):
        """Whether no line of predictions on the truth rises or falls, up to rounding, so that none can be inverted."""
        return abs(self.slope_of_predictions().slope * self.slope_of_truth().slope) <= ROUNDING**2


def is_wider(slope, calibration_slope):
    """Whether predictions vary more than the truth, and shrink nothing that chance does not explain.

    Swapped arguments look like that, or corrected predictions; a model that errs at random may. The ratio of the two
    slopes is that of the variances.

    Parameters
    ----------
    slope, calibration_slope : SlopeFit
        Of predictions on the truth, and of the truth on predictions.
    """
    if slope.interval()[0] > 1.0:
        return True
    does_not_shrink = slope.interval()[1] >= 1.0 > calibration_slope.interval()[1]
    return bool(does_not_shrink and slope.slope > calibration_slope.slope)


class SlopeFit(NamedTuple):
    """A weighted least-squares line, with the standard error of its slope.

    Attributes
    ----------
    slope, intercept : float
        The line.
    se : float
        Standard error of the slope, robust to heteroscedasticity (HC1); NaN for fewer than 3 rows.
    n : int
        Number of rows.
    """

    slope: float
    intercept: float
    se: float
    n: int

    def interval(self, level=LEVEL):
        """Interval of the slope with Student's quantiles."""
        reach = student.ppf(0.5 + level / 2.0, max(self.n - 2, 1)) * self.se
        return self.slope - reach, self.slope + reach

    def p_value(self, slope):
        """Two-sided p-value of a hypothetical slope."""
        distance = abs(self.slope - slope)
        if self.se == 0.0:  # all rows on the line
            return float(distance <= ROUNDING)
        return 2.0 * student.sf(distance / self.se, max(self.n - 2, 1))


def fit_slope(x, response, weights):
    """Regress a response on x by weighted least squares.

    The standard error takes weights as those of a survey: it does not depend on their scale, and a row that occurs
    twice counts as two independent rows. Neither does it depend on the units, in which squares may be too small or too
    large for a number.
    """
    weights = weights / power_of_two(weights)
    x_mean, response_mean = weighted_mean(x, weights), weighted_mean(response, weights)
    x_centered, response_centered = x - x_mean, response - response_mean
    x_unit, response_unit = power_of_two(x_centered), power_of_two(response_centered)
    x_centered, response_centered = x_centered / x_unit, response_centered / response_unit
    x_squares = weights @ x_centered**2
    slope = weights @ (x_centered * response_centered) / x_squares
    residuals = response_centered - slope * x_centered
    n = x.size
    meat = np.sum((weights * x_centered * residuals) ** 2)
    se = np.sqrt(n / (n - 2) * meat) / x_squares if n > 2 else np.nan
    slope, se = response_unit / x_unit * slope, response_unit / x_unit * se
    return SlopeFit(float(slope), float(response_mean - slope * x_mean), float(se), n)


def power_of_two(values):
    """The one at or below the largest absolute value: division by it changes no digit. Positive for zeros too."""
    return np.ldexp(1.0, np.frexp(np.abs(values).max())[1] - 1)


def weighted_mean(values, weights):
    """Weighted mean."""
    return float(weights @ values / weights.sum())


def weighted_covariance(first, second, weights):
    """Weighted covariance, with the sum of the weights as divisor."""
    first, second = first - weighted_mean(first, weights), second - weighted_mean(second, weights)
    return float(weights @ (first * second) / weights.sum())


def is_constant(values):
    """Whether values are equal up to rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def folds_of(n_folds, sample):
    """Deal pairs, sorted by truth and prediction, to folds in turn.

    Equal pairs share a fold. So folds depend neither on the order of rows nor on whether a pair is repeated or has a
    larger weight.

    Parameters
    ----------
    n_folds : int
        Number of folds; there are fewer if there are fewer distinct pairs.
    sample : CalibrationSample
        The pairs.

    Returns
    -------
    folds : list of (ndarray of int, ndarray of int)
        Training rows and held-out rows.
    """
    order = np.argsort(sample.truth)
    steps = np.diff(sample.truth[order]) != 0.0
    if not steps.all():  # equal outcomes: by prediction, in a sort that takes three times as long
        order = np.lexsort((sample.predictions, sample.truth))
        steps |= np.diff(sample.predictions[order]) != 0.0
    number = np.empty(order.size, dtype=np.int64)
    number[order] = np.concatenate([[0], np.cumsum(steps)]) % n_folds
    folds = [(np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in range(n_folds)]
    return [(train, held_out) for train, held_out in folds if held_out.size]
