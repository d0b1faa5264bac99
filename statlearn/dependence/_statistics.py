"""Distance covariance, correlation and variances of two columns from sums over pairs of rows."""

from dataclasses import dataclass

import numpy as np

from .._support.user_warnings import warn_user
from ..exceptions import ConstantAttributeWarning
from ._measures import VANISHING

__all__ = ["DistanceStatistics", "distance_statistics", "unit_of", "warn_of_constants"]


@dataclass(frozen=True)
class DistanceStatistics:
    """Distance covariance of two columns and what belongs to it; all are squares.

    Parameters
    ----------
    covariance : float
        Distance covariance.
    x_variance : float
        Distance variance of x.
    y_variance : float
        Distance variance of y.

    Attributes
    ----------
    correlation : float
        Distance correlation; 0 if a column is constant.

    Examples
    --------
    >>> from statlearn.dependence import out_of_core_distance_statistics
    >>> statistics = out_of_core_distance_statistics([1, 2, 3, 4, 5], [1, 4, 9, 16, 25], unbiased=False)
    >>> round(statistics.correlation, 4)
    0.974
    """

    covariance: float
    x_variance: float
    y_variance: float

    @property
    def correlation(self) -> float:
        """Covariance over the root of the product of the variances."""
        deviations = float(np.sqrt(self.x_variance) * np.sqrt(self.y_variance))
        return self.covariance / deviations if deviations > 0.0 else 0.0


def unit_of(width):
    """The power of two in which a column is about as wide as one: sums of its squares neither overflow nor vanish."""
    return float(np.ldexp(1.0, np.frexp(width)[1])) if width > 0.0 else 1.0


def distance_statistics(sums, centering, units):
    """The statistics of one of the two versions from the `PairSums` of columns that were divided by units."""
    x_unit, y_unit = units
    covariance = centering.covariance(sums.products, sums.rows, sums.x, sums.y) * x_unit * y_unit
    x_variance = _variance(sums.x_squares, sums.x_rows, sums.x, centering) * x_unit * x_unit
    y_variance = _variance(sums.y_squares, sums.y_rows, sums.y, centering) * y_unit * y_unit
    return DistanceStatistics(covariance, x_variance, y_variance)


def warn_of_constants(statistics):
    """Say which variable has no variance."""
    for name, variance in (("x", statistics.x_variance), ("y", statistics.y_variance)):
        if variance == 0.0:
            warn_user(f"{name} has distance variance 0, so the correlation is 0.", ConstantAttributeWarning)


def _variance(squares, row_squares, total, centering):
    """Distance variance, 0 where it is rounding."""
    variance = centering.covariance(squares, row_squares, total, total)
    return variance if variance > VANISHING * centering.scale * squares else 0.0
