r"""An upper confidence bound of the norm of a gradient on the sphere, from rows that had no part in choosing w.

The gradient of L_s at w is minus the mean of g_i = l'_s(m_i) y_i (x_i - m_i w), which is asymptotically normal. The
norm of such a mean overstates that of its expectation, as noise adds up over d - 1 directions: the bound below takes
this into account, where a bootstrap quantile added to the norm would count the noise twice.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, norm

__all__ = ["GradientMoments", "gradient_moments", "gradient_upper_bound"]

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(128)
NULL_SHARE = 1e-12  # of the largest eigenvalue: directions without noise
FARTHEST = 8.0  # standard errors above the norm beyond which no bound lies
BISECTION = {"xtol": 1e-14, "rtol": 1e-10}


@dataclass(frozen=True, eq=False)
class GradientMoments:
    """The gradient on the sphere, estimated from a sample, and the noise of the estimate.

    Attributes
    ----------
    gradient : ndarray of shape (n_features,)
        The estimate, orthogonal to w.
    covariance : ndarray of shape (n_features, n_features)
        Covariance of the estimate; of rank ``n_features - 1`` at most.
    n_rows : int
        Number of rows.
    n_band : int
        Number of rows whose slope is not 0, from which all is estimated.
    """

    gradient: np.ndarray
    covariance: np.ndarray
    n_rows: int
    n_band: int

    @property
    def norm(self):
        """Norm of the estimate."""
        return float(np.linalg.norm(self.gradient))

    @property
    def noise(self):
        """Root mean square norm that the estimate has if the gradient is zero."""
        return math.sqrt(max(np.trace(self.covariance), 0.0))


def gradient_moments(blocks, w, surrogate, width):
    """Estimate the gradient of a smoothed error and the covariance of the estimate, in one pass over the rows.

    Parameters
    ----------
    blocks : iterable of (X, signs, weights)
        Rows in whitened coordinates, of shape (n_block, n_features), their labels +1 or -1, and their weights or None.
        Blocks may be made on the fly; nothing larger than a block and a square matrix is kept.
    w : ndarray of shape (n_features,)
        Unit vector. It must not depend on the rows.
    surrogate : Surrogate
        The smooth stand-in of the 0-1 loss.
    width : float
        Its width.

    Returns
    -------
    moments : GradientMoments
        Weighted means. Weights are sampling weights for the covariance: a row of weight 2 is not two rows.
    """
    total = np.zeros(w.size)
    squares = np.zeros((w.size, w.size))
    weighted = np.zeros(w.size)  # sum of squared weights times rows
    sum_of_weights = sum_of_squares = 0.0
    n_rows = n_band = 0
    for X, signs, weights in blocks:
        weights = np.ones(signs.size) if weights is None else weights
        margins = X @ w
        slopes = surrogate.slope(margins, width)
        band = np.flatnonzero((slopes > 0.0) & (weights > 0.0))
        orthogonal = X[band] - np.outer(margins[band], w)
        orthogonal -= np.outer(orthogonal @ w, w)  # rounding, which is not small next to a small component
        pulls = -(weights * slopes * signs)[band]
        scaled = pulls[:, None] * orthogonal
        total += scaled.sum(axis=0)
        squares += scaled.T @ scaled
        weighted += weights[band] @ scaled
        sum_of_weights += weights.sum()
        sum_of_squares += weights @ weights
        n_rows += int(np.count_nonzero(weights))
        n_band += band.size
    if sum_of_weights == 0.0:
        raise ValueError("The gradient of no row is not defined: at least one row of positive weight is needed.")
    gradient = total / sum_of_weights
    cross = np.outer(gradient, weighted)
    covariance = squares - cross - cross.T + sum_of_squares * np.outer(gradient, gradient)
    covariance *= n_rows / max(n_rows - 1, 1) / sum_of_weights**2
    return GradientMoments(gradient, covariance, n_rows, n_band)


def gradient_upper_bound(moments, *, level=0.95):
    r"""Upper confidence bound of the norm of the gradient.

    With eigenvalues a_1 >= a_2 >= ... of the covariance, the squared norm of the estimate has its heaviest lower tail,
    for a gradient of a given norm G, if the gradient lies along the first eigenvector. It then is

        (G + sqrt(a_1) Z_1)^2 + a_2 Z_2^2 + a_3 Z_3^2 + ...,        Z_k independent standard normal,

    a noncentral chi-square variable times a_1 if all are equal, as they are for Gaussian rows. The bound is the G at
    which a value at most as large as the observed one has probability ``1 - level``. The sum from a_2 on is taken for
    a multiple of a chi-square variable with the same mean and variance.

    A norm below the median of pure noise is replaced by that median, lest luck be taken for precision: the bound then
    holds more often than ``level`` says.

    Parameters
    ----------
    moments : GradientMoments
        Estimate and its covariance.
    level : float, default=0.95
        Confidence level.

    Returns
    -------
    upper : float
        The bound. 0 if there is one feature only, where the gradient is zero; infinite if no row is in the band.
    """
    if moments.gradient.size == 1:
        return 0.0
    eigenvalues = np.linalg.eigvalsh(moments.covariance)[:0:-1]  # largest first, without that of w, which is 0
    if moments.n_band < 2 or eigenvalues[0] <= 0.0:
        return math.inf
    eigenvalues = eigenvalues[eigenvalues > NULL_SHARE * eigenvalues[0]]
    scale, degrees = _matched_chi_square(eigenvalues)
    radius = math.sqrt(max(moments.norm**2, scale * chi2.median(degrees)))
    step = math.sqrt(eigenvalues[0])

    def surplus(size):
        return _lower_tail(radius, size, eigenvalues) - (1.0 - level)

    if surplus(0.0) <= 0.0:  # a level below one half
        return 0.0
    return float(brentq(surplus, 0.0, radius + FARTHEST * step, **BISECTION))


def _matched_chi_square(eigenvalues):
    """Scale and degrees of freedom of the scaled chi-square variable with the moments of sum a_k Z_k^2."""
    total, squares = eigenvalues.sum(), eigenvalues @ eigenvalues
    return squares / total, total * total / squares


def _lower_tail(radius, size, eigenvalues):
    """P[(size + sqrt(a_1) Z_1)^2 + sum of the other a_k Z_k^2 <= radius^2].

    The first summand is x^2 with x = radius * sin(t): the integrand is smooth in t up to the ends.
    """
    step = math.sqrt(eigenvalues[0])
    if eigenvalues.size == 1:
        return norm.cdf((radius - size) / step) - norm.cdf((-radius - size) / step)
    low, high = (math.asin(min(max(x / radius, -1.0), 1.0)) for x in (size - FARTHEST * step, size + FARTHEST * step))
    t = low + 0.5 * (high - low) * (1.0 + NODES)
    scale, degrees = _matched_chi_square(eigenvalues[1:])
    inside = norm.pdf((radius * np.sin(t) - size) / step) * chi2.cdf((radius * np.cos(t)) ** 2 / scale, degrees)
    return 0.5 * (high - low) * (NODE_WEIGHTS @ (inside * radius * np.cos(t))) / step
