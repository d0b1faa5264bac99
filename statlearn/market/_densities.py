"""Gaussian beliefs about a number: what they stake on the points that are paid, and the mixtures that are their prices.

Densities underflow. Those of a round are in units of the largest of them, so that who is best stakes 1.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize.elementwise import find_root
from scipy.special import logsumexp, ndtr, ndtri, softmax
from sklearn.utils import gen_batches

from .._support.jit import njit

__all__ = ["N_POINTS", "GaussianMixtures", "gaussian_offers", "reward_points", "spread_of"]

N_POINTS = 5  # that a reward of positive width is spread over
BLOCK = 2**18  # numbers at a time in the search for quantiles
PRECISION = 1e-13  # of quantiles, in standard deviations
HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)


def spread_of(y, weights):
    """Weighted standard deviation; of a constant its size, or 1 for zeros: a positive unit for widths."""
    y, weights = y[weights > 0.0], weights[weights > 0.0]
    largest = float(np.abs(y).max())
    if np.ptp(y) == 0.0:
        return largest or 1.0
    y = y / largest  # so that squares do not overflow
    return largest * float(np.sqrt(np.average((y - np.average(y, weights=weights)) ** 2, weights=weights)))


def reward_points(y, bandwidth=None, n_points=N_POINTS):
    r"""Points that are paid when a value is known, and their shares of the reward.

    Parameters
    ----------
    y : ndarray of shape (n_rounds,)
        The values.
    bandwidth : float or None, default=None
        Standard deviation of a Gaussian around the value, of which Gauss-Hermite quadrature takes points; None pays
        the value alone.
    n_points : int, default=N_POINTS
        Number of points of the quadrature; a single one is the value.

    Returns
    -------
    points : ndarray of shape (n_rounds, n_points)
        The points :math:`y + \sqrt 2 s \xi_q`.
    shares : ndarray of shape (n_points,)
        Sum to 1.
    """
    if bandwidth is None:
        return y[:, None], np.ones(1)
    nodes, weights = np.polynomial.hermite.hermgauss(n_points)
    return y[:, None] + np.sqrt(2.0) * bandwidth * nodes, weights / weights.sum()


def gaussian_offers(y, lengths, means, variances, bandwidth=None, n_points=N_POINTS):
    """What participants with Gaussian beliefs stake on the points that are paid, as `OfferBook` takes it.

    Parameters
    ----------
    y : ndarray of shape (n_rounds,)
        The values that came true.
    lengths : ndarray of shape (n_rounds,), int64
        Number of offers of each round.
    means, variances : ndarrays of shape (n_offers,)
        The beliefs, one round after the other. An infinite variance offers nothing.
    bandwidth, n_points
        See `reward_points`.

    Returns
    -------
    offers : ndarray of shape (n_offers, n_points)
        Densities, divided by the largest one of the round and point.
    shares : ndarray of shape (n_points,)
        Shares of the reward.
    log_units : ndarray of shape (n_rounds,)
        Logarithms of the densities that offers were divided by, on average over the points.
    """
    points, shares = reward_points(y, bandwidth, n_points)
    offers, log_tops = np.empty((means.size, shares.size)), np.empty(points.shape)
    _scaled_densities(points, np.concatenate([[0], np.cumsum(lengths)]), means, variances, offers, log_tops)
    return offers, shares, log_tops @ shares


@njit
def _scaled_densities(points, starts, means, variances, offers, log_tops):
    """Densities of round i, offers ``starts[i]`` to ``starts[i + 1]``, over the largest of them, and its logarithm, 0
    if there is none."""
    for i in range(starts.size - 1):
        for q in range(points.shape[1]):
            top = -np.inf
            for j in range(starts[i], starts[i + 1]):
                deviation = points[i, q] - means[j]
                offers[j, q] = -0.5 * (np.log(variances[j]) + deviation * deviation / variances[j])
                top = max(top, offers[j, q])
            if top == -np.inf:
                top = HALF_LOG_TWO_PI
            for j in range(starts[i], starts[i + 1]):
                offers[j, q] = np.exp(offers[j, q] - top)
            log_tops[i, q] = top - HALF_LOG_TWO_PI


class GaussianMixtures(NamedTuple):
    """A mixture of Gaussians per row.

    Attributes
    ----------
    weights : ndarray of shape (n_rows, n_components)
        Not negative; rows sum to 1.
    means, stds : ndarrays of shape (n_rows, n_components)
        The Gaussians; standard deviations are positive.
    """

    weights: np.ndarray
    means: np.ndarray
    stds: np.ndarray

    def mean(self):
        """Means of the mixtures."""
        return np.sum(self.weights * self.means, axis=1)

    def std(self):
        """Standard deviations of the mixtures."""
        deviations = self.means - self.mean()[:, None]
        return np.sqrt(np.sum(self.weights * (self.stds**2 + deviations**2), axis=1))

    def log_density(self, points):
        """Logarithm of the density of each mixture at its point."""
        return logsumexp(self._log_terms(points), axis=1)

    def shares(self, points):
        """Share of each component in the density of its mixture at the point."""
        return softmax(self._log_terms(points), axis=1)

    def quantiles(self, levels):
        """Quantiles at levels in (0, 1), of shape (n_rows, n_levels)."""
        n_rows, n_components = self.means.shape
        found = np.empty((n_rows, levels.size))
        for rows in gen_batches(n_rows, max(1, BLOCK // (n_components * levels.size))):
            part = GaussianMixtures(*(array[rows] for array in self))
            center, unit = part.mean()[:, None], part.std()[:, None]
            found[rows] = center + unit * _standard_quantiles(
                levels, part.weights, (part.means - center) / unit, part.stds / unit
            )
        return found

    def _log_terms(self, points):
        with np.errstate(divide="ignore"):
            logs = np.log(self.weights)
        return logs - HALF_LOG_TWO_PI - np.log(self.stds) - 0.5 * ((points[:, None] - self.means) / self.stds) ** 2


def _standard_quantiles(levels, weights, means, stds):
    """Quantiles of mixtures with mean 0 and standard deviation 1, between the extreme ones of their components.

    Beyond the median the upper tail is compared, which keeps the digits of levels near 1.
    """
    signs, tails = np.where(levels > 0.5, -1.0, 1.0), np.minimum(levels, 1.0 - levels)
    own = means[:, None] + stds[:, None] * ndtri(levels)[:, None]
    present = weights > 0.0  # others may be far away
    margin = np.max(stds, axis=1, where=present, initial=0.0)[:, None]  # equal components have equal quantiles
    low = np.min(own, axis=2, where=present[:, None], initial=np.inf) - margin
    high = np.max(own, axis=2, where=present[:, None], initial=-np.inf) + margin

    def excess(x, row, sign, tail):
        z = (x[..., None] - means[row]) / stds[row]
        return sign * (np.sum(weights[row] * ndtr(sign[..., None] * z), axis=-1) - tail)

    rows = np.arange(len(means))[:, None]
    return find_root(excess, (low, high), args=(rows, signs, tails), tolerances={"xatol": PRECISION}).x
