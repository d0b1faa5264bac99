"""Mixtures of Gaussians on a line for weighted values, by expectation maximization from starts that are not random.

`sklearn.mixture.GaussianMixture` knows no weights; without weights it has the same fixed points.
"""

import math
from typing import NamedTuple

import numpy as np

from .._support.jit import njit
from ._weighted_quantiles import weighted_quantiles

__all__ = ["Mixture", "fit_mixture"]

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)
SMALLEST_VARIANCE = 1e-6  # of a component, in variances of the sample
MAX_STEPS = 2000
TOLERANCE = 1e-7  # of the mean log-likelihood, per step


class Mixture(NamedTuple):
    """A mixture of Gaussians.

    Attributes
    ----------
    shares : ndarray of shape (n_components,)
        Sum to 1.
    means : ndarray of shape (n_components,)
        Means.
    variances : ndarray of shape (n_components,)
        Variances.
    """

    shares: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    def log_terms(self, points):
        """Logarithms of the weighted component densities, of shape (n, n_components)."""
        squares = (points[:, None] - self.means) ** 2 / self.variances
        return np.log(self.shares) - HALF_LOG_TWO_PI - 0.5 * (np.log(self.variances) + squares)


def fit_mixture(values, weights, n_components):
    """Mixture of greatest likelihood among those that two starts lead to.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Not all equal.
    weights : ndarray of shape (n_samples,) or None
        Positive weights; None for ones.
    n_components : int
        Number of Gaussians. A single one has the moments of the sample.

    Returns
    -------
    mixture : Mixture
        Components in the order of their means.
    converged : bool
        Whether the likelihood stopped rising.
    """
    weights = np.full(len(values), 1.0 / len(values)) if weights is None else weights / weights.sum()
    mean = float(weights @ values)
    variance = float(weights @ (values - mean) ** 2)
    if n_components == 1:
        return Mixture(np.ones(1), np.array([mean]), np.array([variance])), True
    values = np.require(values, requirements="W")
    found = [_maximize(values, weights, start, variance) for start in _starts(values, weights, n_components)]
    mixture, _, converged = max(found, key=lambda result: result[1])
    order = np.argsort(mixture.means, kind="stable")
    return Mixture(*(array[order] for array in mixture)), converged


def _starts(values, weights, n_components):
    """Parts of equal weight, and parts of equal width: their centers, each with the part of the variance it leaves."""
    middles = (np.arange(n_components) + 0.5) / n_components
    ends = weighted_quantiles(values, [0.01, 0.99], weights)
    for means in (weighted_quantiles(values, middles, weights), ends[0] + (ends[1] - ends[0]) * middles):
        width = max((ends[1] - ends[0]) / (2.0 * n_components), 1e-3 * float(np.ptp(values)))
        yield Mixture(np.full(n_components, 1.0 / n_components), means, np.full(n_components, width**2))


def _maximize(values, weights, mixture, variance):
    """Expectation maximization: the mixture, its mean log-likelihood, and whether it stopped rising."""
    before = -np.inf
    for _ in range(MAX_STEPS):
        sums, likelihood = _expectations(values, weights, *mixture)
        if likelihood - before <= TOLERANCE:
            return mixture, likelihood, True
        before = likelihood
        shares = np.maximum(sums[:, 0], np.finfo(np.float64).tiny)
        moves = sums[:, 1] / shares
        variances = sums[:, 2] / shares - moves**2
        mixture = Mixture(
            shares / shares.sum(), mixture.means + moves, np.maximum(variances, SMALLEST_VARIANCE * variance)
        )
    return mixture, before, False


@njit
def _expectations(values, weights, shares, means, variances):
    """Expected moments 0 to 2 of the deviations from the means per component, and the mean log-likelihood."""
    n_components = shares.shape[0]
    sums = np.zeros((n_components, 3))
    constants = np.log(shares) - 0.5 * np.log(variances) - HALF_LOG_TWO_PI
    logs = np.empty(n_components)
    likelihood = 0.0
    for i in range(values.shape[0]):
        top = -np.inf
        for k in range(n_components):
            logs[k] = constants[k] - 0.5 * (values[i] - means[k]) ** 2 / variances[k]
            top = max(top, logs[k])
        total = 0.0
        for k in range(n_components):
            logs[k] = math.exp(logs[k] - top)
            total += logs[k]
        likelihood += weights[i] * (top + math.log(total))
        for k in range(n_components):
            part = weights[i] * logs[k] / total
            deviation = values[i] - means[k]
            sums[k, 0] += part
            sums[k, 1] += part * deviation
            sums[k, 2] += part * deviation * deviation
    return sums, likelihood
