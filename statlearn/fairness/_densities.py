"""Gaussian kernel density estimates of all groups at once, on one grid, exact up to rounding.

On a grid with step s (in bandwidths) the kernel of a point at distance a from a grid point is ``e_j = exp(-(a + j s)^2
/ 2)`` at the j-th next one. Neighbors have the ratio ``r_j = exp(-a s - s^2 (2 j + 1) / 2)``, and neighboring ratios
the ratio ``exp(-s^2)``: two products per point and grid point instead of an exponential.
"""

import numpy as np

from .._support.jit import njit

__all__ = ["density_grid", "group_densities"]

REACH = 9.0  # bandwidths: beyond, the kernel is below 3e-18 of its peak


def density_grid(values, size):
    """Grid of ``size`` points from the smallest to the largest value."""
    return np.linspace(values.min(), values.max(), size)


def group_densities(values, codes, n_groups, weights, grid, bandwidth):
    """Weighted kernel density estimate of each group.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Points.
    codes : ndarray of shape (n,)
        Their groups, in ``range(n_groups)``.
    n_groups : int
        Number of groups, each with a point.
    weights : ndarray of shape (n,)
        Positive weights.
    grid : ndarray of shape (size,)
        Equidistant and increasing.
    bandwidth : float
        Standard deviation of the kernel.

    Returns
    -------
    densities : ndarray of shape (n_groups, size)
        Each with integral one over the real line.
    """
    densities = np.zeros((n_groups, grid.size))
    step = (grid[-1] - grid[0]) / (grid.size - 1)
    covers_all = REACH * bandwidth >= grid.size * step
    reach = grid.size if covers_all else int(np.ceil(REACH * bandwidth / step)) + 1
    _add_kernels(values, codes.astype(np.int64), weights, grid[0], step, bandwidth, reach, densities)
    totals = np.bincount(codes, weights=weights, minlength=n_groups)
    return densities / (totals[:, None] * bandwidth * np.sqrt(2.0 * np.pi))


@njit
def _add_kernels(values, codes, weights, low, step, bandwidth, reach, out):
    """Add the kernel of every point, without its norm, to the row of its group."""
    size = out.shape[1]
    s = step / bandwidth
    shrink = np.exp(-s * s)
    for i in range(values.shape[0]):
        row = out[codes[i]]
        nearest = min(max(int(np.rint((values[i] - low) / step)), 0), size - 1)
        a = (low + nearest * step - values[i]) / bandwidth
        peak = weights[i] * np.exp(-0.5 * a * a)
        kernel, ratio = peak, np.exp(-s * a - 0.5 * s * s)
        for j in range(nearest, min(nearest + reach, size)):
            row[j] += kernel
            kernel *= ratio
            ratio *= shrink
        ratio = np.exp(s * a - 0.5 * s * s)
        kernel = peak * ratio
        for j in range(nearest - 1, max(nearest - reach, -1), -1):
            ratio *= shrink
            row[j] += kernel
            kernel *= ratio
