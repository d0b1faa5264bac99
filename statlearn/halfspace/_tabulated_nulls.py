"""Null laws from a small table that comes with the library, for samples of the sizes that the table covers.

The statistics are standardized by mean and standard deviation of their powers, and the law of the largest one is put
together from groups that are nearly independent: moments of the whole sample, and for each band its mass and the
moments of what is orthogonal to the hyperplane. Taking groups that lean the same way as independent overstates the
chance that at least one of them is extreme, so that the p-value errs on the safe side. What has a known law is computed
from it; the rest is interpolated between simulated sizes.

``benchmarks/halfspace_null_tables.py`` makes the table.
"""

from functools import cache
from math import exp, lgamma, log, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq
from scipy.special import chdtrc, fdtrc, ndtr

from ._bands import ROWS_PER_FEATURE, band_half_widths, band_is_testable, band_mass
from ._combination import MomentNull
from ._moments import TENSOR_FEATURES

__all__ = [
    "FILE",
    "MOMENT_POWERS",
    "SURVIVAL_LEVELS",
    "band_normalizer",
    "kurtosis_moments",
    "moment_normalizers",
    "table_covers",
    "tabulated_null",
]

FILE = Path(__file__).with_name("null_moments.npz")
SURVIVAL_LEVELS = np.array([0.9, 0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.035, 0.025, 0.015, 0.01, 0.005])
WIDEST = 2.0  # width of the surrogate; bands of wider ones hold so many rows that they are no sample of their own
SMALLEST_P_VALUE = 0.001  # the table was made of 1000 draws: about anything smaller it says nothing
LARGEST_CRITICAL = 1e3
MOMENT_POWERS = np.array([2 / 3, 1 / 3, 1.0, 1.0])


class _Grid(NamedTuple):
    """A table over dimensions and sizes, interpolated in log(dimension) and 1 / sqrt(size)."""

    features: np.ndarray
    sizes: np.ndarray
    values: np.ndarray

    def covers(self, n_features, size):
        return self.features[0] <= n_features <= self.features[-1] and self.sizes[0] <= size <= self.sizes[-1]

    def at(self, n_features, size):
        by_features = PchipInterpolator(-1.0 / np.sqrt(self.sizes), self.values, axis=1)(-1.0 / sqrt(size))
        return PchipInterpolator(np.log(self.features), by_features)(log(n_features))


class _Group(NamedTuple):
    """Statistics with means and standard deviations of their powers, and the survival function of the largest one."""

    means: list
    deviations: list
    survival: object


@cache
def _tables():
    """The two grids of the shipped file: of whole samples, and of bands by their rows per feature."""
    with np.load(FILE, allow_pickle=False) as content:
        table = {name: content[name].astype(np.float64) for name in content.files}
    return tuple(
        _Grid(table[f"{part}_features"], table[f"{part}_sizes"], table[f"{part}_values"]) for part in ("moment", "band")
    )


def table_covers(battery):
    """Whether the table knows samples of this size, and bands of this width."""
    moments, bands = _tables()
    if battery.width is not None and battery.width > WIDEST:
        return False
    if battery.moments:
        return moments.covers(battery.n_features, battery.n_samples)
    return moments.sizes[0] <= battery.n_samples <= moments.sizes[-1] and battery.n_features - 1 <= bands.features[-1]


def tabulated_null(battery, counts):
    """The null law of a battery for bands that hold ``counts`` rows; statistics of bands too empty get NaN."""
    groups = _groups(battery, counts)
    survivals = [group.survival for group in groups]

    def survival(value):
        within = np.prod([1.0 - group_survival(value) for group_survival in survivals])
        return min(1.0, max(1.0 - within, SMALLEST_P_VALUE))

    def quantile(level):
        if level <= SMALLEST_P_VALUE:
            raise ValueError(
                f"level={level:g} is too small for the table of null laws, which knows p-values down to "
                f"{SMALLEST_P_VALUE:g}. Use method='simulate' with more draws."
            )
        return brentq(lambda value: survival(value) - level, -LARGEST_CRITICAL, LARGEST_CRITICAL)

    means = np.concatenate([group.means for group in groups])
    deviations = np.concatenate([group.deviations for group in groups])
    return MomentNull(means, deviations, survival, quantile)


def _groups(battery, counts):
    """The groups of statistics, in the order of the catalog."""
    n_samples, d = battery.n_samples, battery.n_features
    groups = [] if battery.center else [_mean_group(n_samples, d)]
    if battery.moments:
        groups.append(_moment_group(n_samples, d))
        if d <= TENSOR_FEATURES:
            groups.append(_tensor_group(n_samples, d))
    if battery.width is None:
        return groups
    for half_width, count in zip(band_half_widths(battery.width), counts, strict=True):
        mass = band_mass(half_width)
        groups.append(_mass_group(n_samples, half_width))
        if band_is_testable(n_samples * mass, d):
            groups += _orthogonal_groups(n_samples, d, count)
    return groups


def _mean_group(n_samples, d):
    """Distance of the origin: its square is a ratio of chi-squared variables of d and n - d degrees (Hotelling)."""
    mean, square = (_gamma_ratio(d, power) * _gamma_ratio(n_samples - d, -power) for power in (1 / 3, 2 / 3))
    deviation, factor = sqrt(square - mean**2), d / (n_samples - d)

    def survival(value):
        return fdtrc(d, n_samples - d, max(mean + value * deviation, 0.0) ** 3 / factor)

    return _Group([mean], [deviation], survival)


def _moment_group(n_samples, d):
    """The statistics of `moment_statistics` without the tensor: moments and the law of the largest from the table.

    Mardia's kurtosis, the second of them, has known moments.
    """
    values = _tables()[0].at(d, n_samples)
    units = moment_normalizers(n_samples, d) ** MOMENT_POWERS
    kurtosis_mean, kurtosis_deviation = kurtosis_moments(n_samples, d)
    means = np.insert(values[:4] * units, 1, kurtosis_mean)
    deviations = np.insert(values[4:8] * units, 1, kurtosis_deviation)
    return _Group(list(means), list(deviations), _survival_from(values[8:]))


def _tensor_group(n_samples, d):
    """Root of Mardia's skewness: its square has a known mean and is close to a multiple of a chi-squared variable."""
    n = n_samples
    expected = d * (d + 2.0) * ((n + 1.0) * (d + 1.0) - 6.0) / ((n + 1.0) * (n + 3.0))
    freedom = d * (d + 1.0) * (d + 2.0) / 6.0
    mean, deviation = _cube_root_moments(freedom)
    unit = np.cbrt(expected / freedom)

    def survival(value):
        return chdtrc(freedom, max(mean + value * deviation, 0.0) ** 3)

    return _Group([mean * unit], [deviation * unit], survival)


def _mass_group(n_samples, half_width):
    """Mass of a band whose center and unit are estimated: close to normal, less variable than with known ones."""
    mass = band_mass(half_width)
    density = exp(-0.5 * half_width**2) / sqrt(2.0 * np.pi)
    variance = mass * (1.0 - mass) - 2.0 * (half_width * density) ** 2
    return _Group([0.0], [sqrt(variance / n_samples)], lambda value: 2.0 * float(ndtr(-value)) if value > 0 else 1.0)


def _orthogonal_groups(n_samples, d, count):
    """Mean, covariance and kurtosis of the d - 1 coordinates of a band.

    The sample was whitened as a whole, so that averages over a band vary like 1 / rows - 1 / n_samples, as if the band
    had more rows. The kurtosis is whitened within the band, where nothing of the kind matters.
    """
    rest = d - 1
    if count < ROWS_PER_FEATURE * d:
        nothing = _Group([np.nan] * 3, [np.nan] * 3, lambda value: 0.0)
        return [nothing]
    equivalent = count / max(1.0 - count / n_samples, 1e-12)
    mean, deviation = _cube_root_moments(rest)
    unit = np.cbrt(1.0 / equivalent)

    def mean_survival(value):
        return chdtrc(rest, max(mean + value * deviation, 0.0) ** 3)

    grid = _tables()[1]
    values = grid.at(rest, min(equivalent / d, grid.sizes[-1]))
    covariance_unit = band_normalizer(equivalent, rest) ** (1 / 3)
    kurtosis_mean, kurtosis_deviation = kurtosis_moments(count, rest)
    return [
        _Group([mean * unit], [deviation * unit], mean_survival),
        _Group(
            [values[0] * covariance_unit, kurtosis_mean],
            [values[1] * covariance_unit, kurtosis_deviation],
            _survival_from(values[2:]),
        ),
    ]


def moment_normalizers(n_samples, d):
    """Units in which the moment statistics that are tabulated change little with the size of the sample.

    In their order: radial skewness, radial covariance, largest and smallest directional kurtosis.
    """
    root = sqrt(n_samples)
    return np.array([sqrt(2.0 * d * (d + 2.0)) / root, (d + 1.0) / root, sqrt(24.0) / root, sqrt(24.0) / root])


def band_normalizer(n_rows, rest):
    """Unit in which the covariance deviation of ``rest`` coordinates changes little with the number of rows."""
    return sqrt((rest + 1.0) / n_rows)


def kurtosis_moments(n, d):
    """Mean, less d (d + 2), and standard deviation of Mardia's kurtosis of n Gaussian rows (Mardia 1974)."""
    limit = 8.0 * d * (d + 2.0)
    variance = limit * (n - 3.0) * (n - d - 1.0) * (n - d + 1.0) / ((n + 1.0) ** 2 * (n + 3.0) * (n + 5.0))
    return -2.0 * d * (d + 2.0) / (n + 1.0), sqrt(variance)


def _cube_root_moments(freedom):
    """Mean and standard deviation of the cube root of a chi-squared variable."""
    mean = _gamma_ratio(freedom, 1 / 3)
    return mean, sqrt(_gamma_ratio(freedom, 2 / 3) - mean**2)


def _gamma_ratio(freedom, power):
    """Mean of a power of a chi-squared variable."""
    return 2.0**power * exp(lgamma(freedom / 2.0 + power) - lgamma(freedom / 2.0))


def _survival_from(quantiles):
    """Survival function through quantiles at `SURVIVAL_LEVELS`: its logarithm is piecewise linear.

    Beyond the last quantile it goes on with the last slope, although normal tails fall faster: an overstatement.
    """
    log_levels = np.log(SURVIVAL_LEVELS)
    slope = (log_levels[-1] - log_levels[-4]) / (quantiles[-1] - quantiles[-4])

    def survival(value):
        if value <= quantiles[0]:
            return 1.0
        if value >= quantiles[-1]:
            return exp(max(log_levels[-1] + slope * (value - quantiles[-1]), -700.0))
        return exp(np.interp(value, quantiles, log_levels))

    return survival
