"""What a sample looks like near a hyperplane: how much of it is there, and the moments of what is orthogonal to it.

The margin of a row is its distance to a hyperplane, through the mean of the sample or through the origin, in units of
the sample's own standard deviation across it. The two bands are |margin| <= width / 6, where the ramp is linear, and
|margin| <= width / 2, outside which it is constant.
"""

import numpy as np
from scipy.special import ndtr

from ._moments import EIGENVALUE_FLOOR, Statistic, mardia_kurtosis

__all__ = [
    "BAND_DIVISORS",
    "ROWS_PER_FEATURE",
    "band_catalog",
    "band_half_widths",
    "band_is_testable",
    "band_mass",
    "band_statistics",
    "orthogonal_moments",
    "orthogonal_part",
]

BAND_DIVISORS = (6, 2)
ROWS_PER_FEATURE = 5  # a band with fewer rows decides nothing


def band_half_widths(width):
    """Half widths of the inner and the outer band of a ramp."""
    return tuple(width / divisor for divisor in BAND_DIVISORS)


def band_mass(half_width):
    """Mass of |g| <= half_width under the standard normal law."""
    return 2.0 * float(ndtr(half_width)) - 1.0


def band_is_testable(n_rows, n_features):
    """Whether a band holds enough rows for moments of the orthogonal part."""
    return n_features > 1 and n_rows >= ROWS_PER_FEATURE * n_features


def band_catalog(n_samples, n_features, width):
    """The statistics of `band_statistics` in their order.

    Moments within a band are in the battery only where Gaussian data would fill the band: a rule that looks at the
    size of the sample alone, so that the battery is the same for data and for null draws.
    """
    catalog = []
    for divisor, half_width in zip(BAND_DIVISORS, band_half_widths(width), strict=True):
        place, mass = f"|margin| <= width/{divisor}", band_mass(half_width)
        catalog.append(Statistic(f"mass of {place}", mass, two_sided=True))
        if band_is_testable(n_samples * mass, n_features):
            rest = n_features - 1
            catalog += [
                Statistic(f"mean in {place}", 1.0, 2 / 3),
                Statistic(f"covariance in {place}", 1.0, 1 / 3),
                Statistic(f"Mardia kurtosis in {place}", rest * (rest + 2.0), two_sided=True),
            ]
    return tuple(catalog)


def band_statistics(Z, normal, offset, width):
    """Statistics of the bands (T2 and T3 of the battery) and the number of rows of each band.

    The hyperplane is normal'z = offset in the whitened coordinates of ``Z``, with a unit vector ``normal``. For each
    band: mass less its Gaussian value, and for the part orthogonal to the normal the norm of its mean, the spectral
    deviation of its covariance from the identity, and Mardia's kurtosis, whitened within the band, less its Gaussian
    value. Moments of a band that holds too few rows for them are NaN, and left out where Gaussian data would not fill
    it either.
    """
    n_samples, d = Z.shape
    margins = np.abs(Z @ normal - offset)
    statistics, counts = [], []
    for half_width in band_half_widths(width):
        rows = np.flatnonzero(margins <= half_width)
        counts.append(rows.size)
        mass = band_mass(half_width)
        statistics.append(rows.size / n_samples - mass)
        if band_is_testable(n_samples * mass, d):
            statistics += orthogonal_moments(orthogonal_part(Z[rows], normal))
    return np.array(statistics), tuple(counts)


def orthogonal_part(rows, normal):
    """Coordinates of rows in an orthonormal basis of the complement of a unit vector, by a Householder reflection."""
    mirror = normal.copy()
    mirror[0] += np.copysign(1.0, mirror[0])
    mirror /= np.linalg.norm(mirror)
    return (rows - np.outer(2.0 * (rows @ mirror), mirror))[:, 1:]


def orthogonal_moments(rows):
    """Norm of the mean, spectral deviation of the covariance, and kurtosis less its Gaussian value, NaN where empty."""
    n_rows, d = rows.shape
    if n_rows < 2:
        return [np.nan, np.nan, np.nan]
    mean = rows.mean(axis=0)
    centered = rows - mean
    values, vectors = np.linalg.eigh(centered.T @ centered / n_rows)
    kurtosis = np.nan
    if n_rows > d and values[0] > EIGENVALUE_FLOOR * values[-1]:
        kurtosis = mardia_kurtosis(centered @ (vectors / np.sqrt(values))) - d * (d + 2.0)
    return [np.linalg.norm(mean), max(values[-1] - 1.0, 1.0 - values[0]), kurtosis]
