"""One p-value for many statistics: the largest of them after each is standardized by its null law.

The smallest of many rank p-values is tied at 1 / (B + 1) with a good part of the null draws when B is a few hundred, so
that a test by ranks of ranks never rejects. Standardized statistics have no ties: the data and the B null draws are
exchangeable under the null hypothesis, each statistic is standardized by mean and standard deviation of the other B
values, and the rank of the data's largest one is an exact p-value whatever the law of the statistics. Powers that make
the null laws close to normal keep a skewed statistic from deciding alone.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

__all__ = ["DrawnNull", "Judgement", "MomentNull", "critical_rank"]


class Judgement(NamedTuple):
    """What a null law says about the statistics of a sample, with a tolerance taken off each of them.

    ``standardized`` holds one number per statistic, the larger the more extreme (-inf for one that could not be
    judged), ``p_values`` the p-value of each by itself, ``p_value`` the family-wise one. A statistic is beyond the
    family-wise critical value where ``beyond``; ``thresholds`` holds the value, on the side where the statistic lies,
    at which that begins, the tolerance included.
    """

    standardized: np.ndarray
    p_values: np.ndarray
    p_value: float
    beyond: np.ndarray
    thresholds: np.ndarray


class DrawnNull:
    """Null law given by draws of all statistics together, of shape (n_null, n_statistics).

    A draw in which a band was too empty for a statistic carries NaN, which counts as the mean.
    """

    def __init__(self, draws):
        self.draws = draws

    def judge(self, observed, catalog, level, tolerance=0.0):
        """Judge the statistics of one sample against the draws."""
        reading = _Reading(catalog, tolerance)
        reduced = reading.reduced(observed, np.nanmean(self.draws, axis=0))
        values = reading.transformed(np.vstack([self.draws, reduced]))
        values = np.where(np.isnan(values), np.nanmean(values[:-1], axis=0), values)
        means, deviations = _moments_of_the_others(values)
        standardized = reading.standardized(values, means, deviations)
        standardized[-1, np.isnan(observed)] = -np.inf
        largest = standardized.max(axis=1)
        n_null = len(self.draws)
        critical = np.sort(largest[:-1])[n_null - critical_rank(n_null, level)]
        return Judgement(
            standardized[-1],
            _rank_p_value(standardized),
            float(_rank_p_value(largest)),
            standardized[-1] > critical,
            reading.thresholds(observed, means[-1], deviations[-1], critical),
        )


class MomentNull:
    """Null law given by the moments of each statistic and the law of the largest one.

    ``means`` and ``deviations`` are of the powers of the statistics, NaN where nothing is known of one; ``survival`` is
    the probability that the largest standardized one reaches a number, and ``quantile`` its inverse.
    """

    def __init__(self, means, deviations, survival, quantile):
        self.means, self.deviations, self.survival, self.quantile = means, deviations, survival, quantile

    def judge(self, observed, catalog, level, tolerance=0.0):
        """Judge the statistics of one sample."""
        reading = _Reading(catalog, tolerance)
        reduced = reading.reduced(observed, self.means)  # two-sided statistics are not transformed
        standardized = reading.standardized(reading.transformed(reduced), self.means, self.deviations)
        standardized[np.isnan(standardized)] = -np.inf  # not computed, or of a band too empty for the table
        critical = self.quantile(level)
        return Judgement(
            standardized,
            np.where(reading.two_sided, 2.0, 1.0) * ndtr(-standardized),
            float(self.survival(standardized.max())),
            standardized > critical,
            reading.thresholds(observed, self.means, self.deviations, critical),
        )


class _Reading:
    """The catalog as arrays, and what it says about every statistic at once."""

    def __init__(self, catalog, tolerance):
        self.powers = np.array([statistic.power for statistic in catalog])
        self.two_sided = np.array([statistic.two_sided for statistic in catalog])
        self.allowances = tolerance * np.array([statistic.scale for statistic in catalog])

    def reduced(self, observed, centers):
        """Statistics less their allowance; a deviation to either side shrinks towards the center of the null law."""
        deviations = observed - centers
        shrunk = centers + np.sign(deviations) * np.maximum(np.abs(deviations) - self.allowances, 0.0)
        return np.where(self.two_sided, shrunk, observed - self.allowances)

    def transformed(self, values):
        return _signed_power(values, self.powers)

    def standardized(self, values, means, deviations):
        """Distances from the mean in standard deviations, without sign where both sides are extreme.

        A statistic that does not vary under the null hypothesis is not extreme where it has the null value.
        """
        distances = values - means
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(distances == 0.0, 0.0, distances / deviations)
        return np.where(self.two_sided, np.abs(scores), scores)

    def thresholds(self, observed, means, deviations, critical):
        """The value at which each statistic would be as extreme as the critical one after its allowance."""
        side = np.where(self.two_sided & (observed < means), -1.0, 1.0)
        return _signed_power(means + side * critical * deviations, 1.0 / self.powers) + side * self.allowances


def critical_rank(n_null, level):
    """The test rejects when fewer than this number of null draws reach the statistic: floor(level (n_null + 1))."""
    return int(np.floor(level * (n_null + 1) * (1.0 + 1e-12)))


def _signed_power(values, powers):
    """Odd extension of a power: keeps the order, brings a skewed law close to a normal one."""
    return np.sign(values) * np.abs(values) ** powers


def _moments_of_the_others(values):
    """Mean and standard deviation of every column without the row itself, for every row."""
    n_others = len(values) - 1
    center = values.mean(axis=0)
    residuals = values - center
    squares = residuals * residuals
    means = (residuals.sum(axis=0) - residuals) / n_others
    variances = (squares.sum(axis=0) - squares - n_others * means * means) / max(n_others - 1, 1)
    return center + means, np.sqrt(np.maximum(variances, 0.0))


def _rank_p_value(standardized):
    """Share of all rows, the last one included, that reach the last one."""
    return (standardized >= standardized[-1]).mean(axis=0)
