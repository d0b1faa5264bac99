"""Gaussian kernel density estimates of many values: binned to a grid, smoothed by the fast Fourier transform.

Values are split among the four grid points around them with the weights of cubic interpolation, which keeps their
moments 0 to 3. On a grid with a step of one eighth of the bandwidth or less, the density and its derivatives at the
grid points are those of the values themselves to five digits or more.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft

from ._density_kernels import add_moments, fill_thin_scores

__all__ = [
    "LARGEST_SIZE",
    "REACH",
    "DensityGrid",
    "bin_moments",
    "bin_weights",
    "cell_atoms",
    "cubic_counts",
    "density_grid",
    "density_table",
    "grid_scores",
    "smooth_counts",
]

REACH = 8.0  # bandwidths that a grid extends beyond the data: there the kernel has fallen to 1e-14 of its peak
STEPS_PER_BANDWIDTH = 8
LARGEST_SIZE = 2**18
THIN = 1e-9  # share of the peak below which rounding of the transform shows in ratios of densities
# Rows: the moments 0 to 3 of the place f of a value in its cell. Columns: its share of the grid points before the cell,
# at its two ends and after it, which are the Lagrange polynomials of f on -1, 0, 1 and 2.
LAGRANGE = np.array([[0, 6, 0, 0], [-2, -3, 6, -1], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6.0


class DensityGrid(NamedTuple):
    """Equidistant points.

    Attributes
    ----------
    low : float
        The first one.
    step : float
        The distance of neighbors.
    size : int
        Their number.
    """

    low: float
    step: float
    size: int

    def points(self):
        """The points, of shape (size,)."""
        return self.low + self.step * np.arange(self.size)


def density_grid(low, high, bandwidth, size=4096):
    """Grid on which values between two ends are smoothed.

    Parameters
    ----------
    low, high : float
        The smallest and the largest value.
    bandwidth : float
        The smallest bandwidth that will be used on it.
    size : int, default=4096
        Number of points. Doubled until a bandwidth has eight steps.

    Returns
    -------
    grid : DensityGrid or None
        Eight bandwidths wider than the values on either side; None if it would need more than 262144 points.
    """
    low, width = low - REACH * bandwidth, high - low + 2.0 * REACH * bandwidth
    while size <= LARGEST_SIZE:
        step = width / (size - 1)
        if STEPS_PER_BANDWIDTH * step <= bandwidth:
            return DensityGrid(float(low), float(step), size)
        size *= 2
    return None


def bin_moments(values, weights, grid):
    """Weighted moments of values within the cells of a grid: all that an estimate needs to know of them.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Not outside the grid.
    weights : ndarray of shape (n_samples,) or None
        Weights of any sign; None for ones.
    grid : DensityGrid
        The grid.

    Returns
    -------
    moments : ndarray of shape (size - 1, 4)
        Sums of the weights times the powers 0 to 3 of the place in the cell, from 0 to 1.
    """
    moments = np.zeros((grid.size - 1, 4))
    weights = np.empty(0) if weights is None else weights
    values, weights = (np.require(array, np.float64, ["C", "W"]) for array in (values, weights))
    add_moments(values, weights, grid.low, grid.step, moments)
    return moments


def cubic_counts(moments):
    """Weights of the grid points that stand for the values, from moments of shape (size - 1, 4); of shape (size,)."""
    shares = moments @ LAGRANGE
    counts = np.zeros(len(moments) + 3)  # one more point at either end
    for j in range(4):
        counts[j : j + len(moments)] += shares[:, j]
    return counts[1:-1]


def bin_weights(values, weights, grid):
    """Weights of grid points that stand for weighted values, exact for cubic polynomials.

    The transposed interpolation: for a smooth function f, ``weights @ f(values)`` is ``bin_weights(values, weights,
    grid) @ f(grid.points())`` up to an error of the fourth order in the step. So linear functionals of many functions
    that are known on one grid cost a product each.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Between the second and the last but one point of the grid.
    weights : ndarray of shape (n_samples,) or None
        Weights of any sign; None for ones.
    grid : DensityGrid
        The grid.

    Returns
    -------
    counts : ndarray of shape (size,)
        One weight per grid point, some of them negative.

    Raises
    ------
    ValueError
        If a value lies beyond these points.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias._binned_density import DensityGrid, bin_weights
    >>> bin_weights(np.array([1.5, 3.0]), None, DensityGrid(0.0, 1.0, 6))
    array([-0.0625,  0.5625,  0.5625,  0.9375,  0.    ,  0.    ])
    """
    if len(values):
        first, last = (np.min(values) - grid.low) / grid.step, (np.max(values) - grid.low) / grid.step
        if not 1.0 <= first <= last <= grid.size - 2:
            raise ValueError(
                "values must lie between the second and the last but one point of the grid, "
                f"{grid.low + grid.step} and {grid.low + (grid.size - 2) * grid.step}. "
                f"Got {np.min(values)} to {np.max(values)}: clip them, or make the grid wider."
            )
    return cubic_counts(bin_moments(values, weights, grid))


def cell_atoms(moments, grid):
    """Centers of mass and masses of the cells that have any, in increasing order: exact where a cell has one value."""
    cells = np.flatnonzero(moments[:, 0] > 0.0)
    masses = moments[cells, 0]
    return grid.low + grid.step * (cells + moments[cells, 1] / masses), masses


def smooth_counts(counts, step, bandwidth, n_derivatives=2):
    """Kernel density estimates and their derivatives on a grid.

    Parameters
    ----------
    counts : ndarray of shape (..., size)
        Weights of the grid points, none near its ends: the transform is periodic.
    step : float
        Distance of neighbors.
    bandwidth : float or ndarray of shape (...)
        Standard deviation of the kernel, one for each row or for all.
    n_derivatives : int, default=2
        Number of derivatives.

    Returns
    -------
    densities : list of ndarrays of shape (..., size)
        The density, which has the integral 1, and its derivatives.
    """
    size = counts.shape[-1]
    frequencies = 2.0 * np.pi * fft.rfftfreq(size, step)
    damping = np.exp(-0.5 * (np.multiply.outer(np.asarray(bandwidth, dtype=np.float64), frequencies)) ** 2)
    spectrum = fft.rfft(counts, axis=-1)
    spectrum *= damping / (counts.sum(axis=-1, keepdims=True) * step)
    densities = [fft.irfft(spectrum, n=size, axis=-1)]
    for _ in range(n_derivatives):
        spectrum = spectrum * (1j * frequencies)
        densities.append(fft.irfft(spectrum, n=size, axis=-1))
    return densities


def density_table(counts, step, bandwidth):
    """Log-density, score and its derivative at the points of a grid, of shape (size, 3).

    NaN where the density is below 1e-9 of its peak: there ratios would be of rounding errors.
    """
    density, first, second = smooth_counts(counts, step, bandwidth)
    density = np.where(density > THIN * density.max(), density, np.nan)
    score = first / density
    return np.stack([np.log(density), score, second / density - score**2], axis=1)


def grid_scores(counts, step, bandwidth):
    """Scores of many densities on one grid, such as those of bootstrap samples.

    One batched transform gives all of them. Resampled values enter by the counts of their nearest grid points, or by
    `bin_weights`; the score at any point is then an interpolation, and a weighted sum of scores over many points is a
    product with the `bin_weights` of these points.

    Parameters
    ----------
    counts : ndarray of shape (n_densities, size)
        Weights of the grid points, per density; none within eight bandwidths of the ends of the grid.
    step : float
        Distance of neighboring grid points.
    bandwidth : float or ndarray of shape (n_densities,)
        Standard deviation of the Gaussian kernel.

    Returns
    -------
    scores : ndarray of shape (n_densities, size)
        Derivatives of the log-densities, finite everywhere: where a density is below 1e-9 of its peak, the tail of its
        outermost kernel beyond the other points, a straight line between them.

    Examples
    --------
    A single value has the score of the Gaussian kernel:

    >>> import numpy as np
    >>> from statlearn.debias._binned_density import DensityGrid, grid_scores
    >>> grid = DensityGrid(-16.0, 0.125, 257)
    >>> counts = np.zeros((1, grid.size))
    >>> counts[0, 128] = 1.0
    >>> scores = grid_scores(counts, grid.step, 2.0)
    >>> bool(np.allclose(scores[0], -grid.points() / 4.0, atol=1e-6))
    True
    """
    density, first = smooth_counts(counts, step, bandwidth, n_derivatives=1)
    thin = density <= THIN * density.max(axis=1, keepdims=True)
    np.divide(first, density, out=first, where=~thin)
    first[thin] = np.nan
    fill_thin_scores(first, step, np.broadcast_to(np.asarray(bandwidth, dtype=np.float64), len(counts)).copy())
    return first
