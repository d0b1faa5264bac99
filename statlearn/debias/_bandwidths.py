"""Bandwidths of Gaussian kernel density estimates: rules of thumb, improved Sheather-Jones, and score matching."""

import math
from itertools import pairwise

import numpy as np
from scipy import fft
from scipy.optimize import brentq

from ._binned_density import REACH, bin_moments, cell_atoms, cubic_counts, density_grid, smooth_counts
from ._weighted_quantiles import weighted_quantiles

__all__ = [
    "RULES",
    "effective_size",
    "isj_bandwidth",
    "score_matching_bandwidth",
    "narrower_bandwidth",
    "scott_bandwidth",
    "silverman_bandwidth",
]

N_COSINES = 4096
N_STAGES = 7  # of the plug-in recursion, as its authors have it
N_TIMES = 100  # places where the equation of the plug-in is tried before its root is refined
N_CANDIDATES = 64
LARGEST_EXPONENT = 745.0  # exp of minus this is the smallest positive number
CANDIDATES = (0.2, 2.0)  # in Scott's bandwidths
MOST_SHRINKING = 0.95  # largest bandwidth, in standard deviations, if the variance is preserved
LEAST_OF_OTHERS = 1e-6  # share of its own kernel below which a value has no others around
TAPER = ((0.001, 0.01), (0.999, 0.99))  # quantiles between which the weight of a value rises from 0 to 1


def effective_size(weights, n_samples):
    """Number of observations of equal weight that are worth as much as the weighted ones.

    The smaller one of Kish's ``sum(w)**2 / sum(w**2)``, which does not know the unit of the weights, and of their sum,
    which counts two halves of an observation as one.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,) or None
        Positive weights; None for ones.
    n_samples : int
        Number of values.

    Returns
    -------
    size : float
        At least 2.

    Raises
    ------
    ValueError
        If there is less than two observations' weight.
    """
    if weights is None:
        return float(n_samples)
    total = float(weights.sum())
    size = min(total, total**2 / float(weights @ weights))
    if size < 2.0:
        raise ValueError(
            f"sample_weight must be worth at least 2 observations. Got a sum of {total:.6g} and {size:.6g} effective "
            "observations: weights count observations, so multiply weights that sum to 1 by n_samples."
        )
    return size


def scott_bandwidth(deviation, size):
    """Scott's rule: the sample standard deviation times ``size ** (-1 / 5)``."""
    return deviation * size**-0.2


def silverman_bandwidth(deviation, size):
    """Silverman's rule: the sample standard deviation times ``(3 / 4 * size) ** (-1 / 5)``."""
    return deviation * (0.75 * size) ** -0.2


def isj_bandwidth(values, weights, size):
    r"""Improved Sheather-Jones bandwidth: the plug-in estimate without a normal reference (algorithm 1 of [1]_).

    The asymptotically best squared bandwidth is :math:`t = (2 n \sqrt\pi \|f''\|^2)^{-2/5}`, and the best bandwidth for
    the norm of each derivative depends on the norm of the next. Seven such steps lead from t to a new t, of which the
    smallest fixed point is taken. Norms are sums over the cosine transform of the values on a grid.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Not all equal.
    weights : ndarray of shape (n_samples,) or None
        Positive weights; None for ones.
    size : float
        Number of observations, see `effective_size`.

    Returns
    -------
    bandwidth : float
        Standard deviation of the kernel.

    Raises
    ------
    ValueError
        If there is no fixed point, as for few values or few distinct ones.

    References
    ----------
    .. [1] Botev, Grotowski, Kroese (2010). "Kernel density estimation via diffusion". Annals of Statistics 38(5).
    """
    bandwidth = _isj_root(values, weights, size)
    if bandwidth is None:
        raise ValueError(
            f'bandwidth="isj" found no bandwidth: the plug-in equation has no root for these {len(values)} values. Use '
            '"auto" or "silverman".'
        )
    return bandwidth


def narrower_bandwidth(values, weights, deviation, size):
    """The improved Sheather-Jones bandwidth where it is between a fifth of Scott's and Scott's, else the latter.

    Scott's rule is right for a normal sample and too wide for one with several modes or a long tail. The other is wider
    than that only where few values mislead it, and much narrower where values are tied.
    """
    isj, scott = _isj_root(values, weights, size), scott_bandwidth(deviation, size)
    return float(isj if isj is not None and CANDIDATES[0] * scott < isj < scott else scott)


def _isj_root(values, weights, size):
    """Improved Sheather-Jones bandwidth; None if its equation has no root."""
    low, high = float(values.min()), float(values.max())
    margin = 0.1 * (high - low)
    width = high - low + 2.0 * margin
    edges = (low - margin, high + margin)
    shares = np.histogram(values, bins=N_COSINES, range=edges, weights=weights)[0]
    energies = (0.5 * fft.dct(shares / shares.sum())[1:]) ** 2
    squares = np.arange(1.0, N_COSINES) ** 2
    decays, powers = -(math.pi**2) * squares, _weighted_powers(squares, energies)

    def excess(log_time):
        return math.log(_next_time(math.exp(log_time), size, decays, powers)) - log_time

    log_times = np.linspace(2.0 * math.log(0.5 / N_COSINES), math.log(0.25), N_TIMES)
    last = excess(log_times[0]) > 0.0
    for start, stop in pairwise(log_times):
        first, last = last, excess(stop) > 0.0
        if first and not last:
            return width * math.exp(0.5 * brentq(excess, start, stop, xtol=1e-12))
    return None


def _weighted_powers(squares, energies):
    """Terms of the squared norm of each derivative of the unsmoothed density, by its order from 2 on."""
    return {s: 2.0 * math.pi ** (2 * s) * squares**s * energies for s in range(2, N_STAGES + 1)}


def _next_time(time, size, decays, powers):
    """The right-hand side of the plug-in equation: squared bandwidth, of the width 1, from a pilot."""
    norm = _norm(time, decays, powers[N_STAGES])
    for s in range(N_STAGES - 1, 1, -1):
        if norm == 0.0:
            return math.inf  # so wide a pilot sees no structure
        odd = math.prod(range(1, 2 * s, 2)) / math.sqrt(2.0 * math.pi)
        factor = (1.0 + 0.5 ** (s + 0.5)) / 3.0
        pilot = (2.0 * factor * odd / (size * norm)) ** (2.0 / (3.0 + 2.0 * s))
        norm = _norm(pilot, decays, powers[s])
    return (2.0 * size * math.sqrt(math.pi) * norm) ** -0.4 if norm > 0.0 else math.inf


def _norm(time, decays, power):
    """Squared norm of a derivative of the density smoothed for a time; terms that are left out underflow."""
    n_terms = int(math.sqrt(LARGEST_EXPONENT / (math.pi**2 * time))) + 1
    return float(power[:n_terms] @ np.exp(time * decays[:n_terms]))


def score_matching_bandwidth(values, weights, mean, deviation, size, variance_preserving):
    r"""Bandwidth whose leave-one-out score matches the true score best (Hyvärinen's criterion [1]_).

    Up to a constant the mean squared error of a score :math:`\hat s`, with a weight :math:`\omega` that vanishes at the
    ends, is :math:`E[\omega \hat s^2 + 2 (\omega \hat s)']`. Its sample mean, with the score of the others at each
    value, is a function of the bandwidth: from twice Scott's downward, to a fifth of it, its first local minimum is
    taken, since at small bandwidths single pairs of close values decide. The weight rises from 0 to 1 between the
    quantiles 0.1 % and 1 % at either end: kernels know nothing about scores beyond, where single values would decide.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Not all equal.
    weights : ndarray of shape (n_samples,) or None
        Positive weights; None for ones.
    mean, deviation : float
        Mean and standard deviation of the sample.
    size : float
        Number of observations, see `effective_size`.
    variance_preserving : bool
        Whether values are drawn toward the mean to keep the variance.

    Returns
    -------
    bandwidth : float
        Standard deviation of the kernel.

    Raises
    ------
    ValueError
        If a grid that resolves the bandwidths would have too many points.

    References
    ----------
    .. [1] Hyvärinen (2005). "Estimation of non-normalized statistical models by score matching". JMLR 6, 695-709.
    """
    smallest, largest = (factor * scott_bandwidth(deviation, size) for factor in CANDIDATES)
    if variance_preserving:
        largest = min(largest, MOST_SHRINKING * deviation)
    criterion = _ScoreMatching(values, weights, mean, deviation, size, variance_preserving, smallest, largest)
    candidates = np.geomspace(largest, smallest, N_CANDIDATES)
    best, least = largest, criterion(largest)
    for candidate in candidates[1:]:
        loss = criterion(candidate)
        if loss > least:
            break
        best, least = candidate, loss
    return float(best)


class _ScoreMatching:
    """The criterion as a function of the bandwidth.

    A preserved variance is a dilation: the density at u is that with the bandwidth h / a, of the values themselves, at
    ``mean + (u - mean) / a``.
    """

    def __init__(self, values, weights, mean, deviation, size, variance_preserving, smallest, largest):
        self.mean, self.deviation = mean, deviation
        self.variance_preserving = variance_preserving
        shrink = self._shrinking(largest)
        ends = mean + (np.array([values.min(), values.max()]) - mean) / shrink
        margin = REACH * largest / shrink
        grid = density_grid(ends[0] - margin, ends[1] + margin, smallest)
        if grid is None:
            raise ValueError(
                f'bandwidth="cv" finds no grid for {len(values)} values that span {np.ptp(values) / deviation:.6g} '
                'standard deviations, for which outliers are to blame. Use "isj", or a number.'
            )
        moments = bin_moments(values, weights, grid)
        self.counts, self.step, self.grid_points = cubic_counts(moments), grid.step, grid.points()
        self.points, self.masses = cell_atoms(moments, grid)
        self.left_out = self._left_out(values, weights, grid, moments[:, 0] > 0.0)
        gaps = np.concatenate([[np.inf], np.diff(self.points), [np.inf]])
        self.pull = np.where(gaps[:-1] < gaps[1:], -gaps[:-1], gaps[1:])  # way to the nearest other value
        quantiles = weighted_quantiles(values, np.ravel(TAPER), weights).reshape(2, 2)
        left, left_slope = _taper(self.points, *quantiles[0])
        right, right_slope = _taper(self.points, *quantiles[1])
        self.taper, self.taper_slope = left * right, left_slope * right + left * right_slope

    def _left_out(self, values, weights, grid, occupied):
        """Share of an observation at each occupied cell: its mean weight, but not a part of an observation."""
        if weights is None:
            return np.full(len(self.masses), 1.0 / self.masses.sum())
        squares = bin_moments(values, weights**2, grid)[occupied, 0]
        typical = np.maximum(squares / self.masses, 1.0)
        return np.minimum(typical, self.masses) / self.masses.sum()

    def _shrinking(self, bandwidth):
        return math.sqrt(1.0 - (bandwidth / self.deviation) ** 2) if self.variance_preserving else 1.0

    def __call__(self, bandwidth):
        shrink = self._shrinking(bandwidth)
        width = bandwidth / shrink
        places = self.mean + (self.points - self.mean) / shrink
        density, first, second = (
            np.interp(places, self.grid_points, values) for values in smooth_counts(self.counts, self.step, width)
        )
        z = (places - self.points) / width  # where a value sees its own kernel
        own = self.left_out * np.exp(-0.5 * z * z) / (math.sqrt(2.0 * math.pi) * width)
        density = density - own
        alone = density <= LEAST_OF_OTHERS * own  # what the others contribute is lost in rounding
        density[alone] = 1.0
        score = np.where(alone, self.pull / width**2, (first + own * z / width) / density)
        curvature = (second - own * (z * z - 1.0) / width**2) / density - score**2
        score, curvature = score / shrink, np.where(alone, -1.0 / width**2, curvature) / shrink**2
        terms = self.taper * (score**2 + 2.0 * curvature) + 2.0 * self.taper_slope * score
        return float(self.masses @ terms / self.masses.sum())


def _taper(points, zero, one):
    """Weight that rises smoothly from 0 to 1 between two points, in either direction, and its derivative."""
    if zero == one:  # many equal values: there is no end to be left out
        return np.ones(len(points)), np.zeros(len(points))
    place = np.clip((points - zero) / (one - zero), 0.0, 1.0)
    return place**2 * (3.0 - 2.0 * place), 6.0 * place * (1.0 - place) / (one - zero)


RULES = {"scott": scott_bandwidth, "silverman": silverman_bandwidth}
