"""What the chance of the calibration sample does to an estimate, to first order."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm

__all__ = ["CalibrationLine", "fieller_interval", "jackknife_covariance", "least_squares_covariance", "line_of"]

N_BLOCKS = 100  # of the jackknife: its standard error is known to 7 %


class CalibrationLine(NamedTuple):
    """The line ``prediction = level + slope * (truth - center)`` of a calibration sample.

    Its level is taken at the mean of the truth: the errors of an intercept far from there would be large, and nearly
    cancel with those of the slope.

    Attributes
    ----------
    center : float
        Mean of the truth.
    level, slope : float
        The line.
    covariance : ndarray of shape (2, 2)
        Of the two, robust to heteroscedasticity (HC1), and to clusters (CR1) where there are some.
    """

    center: float
    level: float
    slope: float
    covariance: np.ndarray

    def gradient(self, estimates, constants):
        """Derivatives of estimates in level and slope, of shape (k, 2).

        Estimates are ``center * constants + (raw - level * constants) / slope``.
        """
        deviations = estimates - self.center * constants
        return -np.stack([np.broadcast_to(constants, np.shape(estimates)), deviations], axis=-1) / self.slope


def line_of(sample, codes=None):
    """Fit the line of a calibration sample, with clusters by their codes."""
    center, height = float(sample.truth.mean()), float(sample.predictions.mean())
    truth, predictions = sample.truth - center, sample.predictions - height
    truth_unit, unit = np.abs(truth).max(), np.abs(predictions).max()  # without them fourth powers leave the range
    design = np.column_stack([np.ones(len(sample)), truth / truth_unit])
    coefficients, covariance = least_squares_covariance(design, predictions / unit, sample.weights, codes)
    units = unit * np.array([1.0, 1.0 / truth_unit])
    above, slope = units * coefficients
    return CalibrationLine(center, height + float(above), float(slope), np.outer(units, units) * covariance)


def least_squares_covariance(design, response, weights, codes=None):
    """Weighted least squares with a robust covariance: HC1, and CR1 with clusters.

    Weights are those of a survey: the covariance does not depend on their scale.

    Parameters
    ----------
    design : ndarray of shape (n, p)
        Columns that are linearly independent.
    response : ndarray of shape (n,)
        What they explain.
    weights : ndarray of shape (n,)
        Non-negative weights.
    codes : ndarray of int of shape (n,), default=None
        Clusters, from 0 on.

    Returns
    -------
    coefficients : ndarray of shape (p,)
        The fit.
    covariance : ndarray of shape (p, p)
        Its covariance.
    """
    n, p = design.shape
    weights = weights / weights.max()
    bread = np.linalg.inv((design * weights[:, None]).T @ design)
    coefficients = bread @ (design.T @ (weights * response))
    scores = design * (weights * (response - design @ coefficients))[:, None]
    factor = n / (n - p)
    if codes is not None:
        scores = sum_by_code(scores, codes)
        factor = len(scores) / (len(scores) - 1.0) * (n - 1.0) / (n - p)
    return coefficients, factor * bread @ (scores.T @ scores) @ bread


def sum_by_code(values, codes):
    """Sums of the rows of a matrix over the rows of each code."""
    return np.stack([np.bincount(codes, weights=column) for column in values.T], axis=1)


def jackknife_covariance(estimate_from, n_pairs, codes, generator):
    """Covariance of estimates over calibration samples, by leaving out blocks of pairs or of whole clusters.

    Parameters
    ----------
    estimate_from : callable
        Yields estimates of shape (k,) for each row of counts, of shape (n_blocks, n_pairs): 0 where a pair is left out,
        1 where it is not.
    n_pairs : int
        Number of pairs.
    codes : ndarray of int of shape (n_pairs,) or None
        Clusters, from 0 on.
    generator : numpy.random.Generator
        Deals pairs, or clusters, to blocks: blocks of a sorted sample would be too much, or too little, alike.

    Returns
    -------
    covariance : ndarray of shape (k, k)
        The estimate of Tukey's jackknife.
    """
    codes = np.arange(n_pairs) if codes is None else codes
    n_units = int(codes.max()) + 1
    n_blocks = min(n_units, N_BLOCKS)
    block_of = (generator.permutation(n_units) % n_blocks)[codes]
    kept = (block_of != np.arange(n_blocks)[:, None]).astype(np.float64)
    without = np.stack(list(estimate_from(kept)))
    deviations = without - without.mean(axis=0)
    return (n_blocks - 1.0) / n_blocks * (deviations.T @ deviations)


def fieller_interval(numerator, denominator, covariance, level):
    """Values of the ratio of two normal means that a test at ``1 - level`` does not reject, by Fieller's theorem.

    Parameters
    ----------
    numerator, denominator : float
        Estimates of the means.
    covariance : ndarray of shape (2, 2)
        Their covariance.
    level : float
        Level of the interval.

    Returns
    -------
    interval : tuple of float
        Its ends. Both are infinite if the denominator is not significantly different from 0: the values then are a
        half-line, the outside of an interval or everything.
    """
    square = float(norm.isf((1.0 - level) / 2.0)) ** 2
    # (N - r D)^2 <= z^2 var(N - r D) as a r^2 - 2 b r + c <= 0
    a = denominator**2 - square * covariance[1, 1]
    b = numerator * denominator - square * covariance[0, 1]
    c = numerator**2 - square * covariance[0, 0]
    if a <= 0.0:
        return (-np.inf, np.inf)
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return (float((b - root) / a), float((b + root) / a))
