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

    def __str__(self):
        return f"distance covariance {self.covariance:.6g}, correlation {self.correlation:.6g}"

    @property
    def correlation(self) -> float:
        """Covariance over the root of the product of the variances, which is the larger one but for rounding."""
        deviations = float(np.sqrt(self.x_variance) * np.sqrt(self.y_variance))
        return min(max(self.covariance / deviations, -1.0), 1.0) if deviations > 0.0 else 0.0


def unit_of(width):
    """The power of two in which a column is about as wide as one: sums of its squares neither overflow nor vanish."""
    return float(np.ldexp(1.0, np.frexp(width)[1])) if width > 0.0 else 1.0


def distance_statistics(sums, centering, x_unit, y_unit, weight_unit):
    """The statistics of one of the two versions from `PairSums` of columns and weights that were divided by units."""

    def covariance(*sums_of):
        value = centering.covariance(*sums_of, weight_unit)
        return value if centering.unbiased else max(value, 0.0)  # the V-version is a norm, but for rounding

    def variance(squares, rows, total):
        value = covariance(squares, rows, total, total)
        return value if value > VANISHING * squares * (weight_unit / centering.total) ** 2 else 0.0

    return DistanceStatistics(
        covariance(sums.products, sums.rows, sums.x, sums.y) * x_unit * y_unit,
        variance(sums.x_squares, sums.x_rows, sums.x) * x_unit * x_unit,
        variance(sums.y_squares, sums.y_rows, sums.y) * y_unit * y_unit,
    )


def warn_of_constants(statistics):
    """Say which variable has no variance."""
    for name, variance in (("x", statistics.x_variance), ("y", statistics.y_variance)):
        if variance == 0.0:
            warn_user(
                f"{name} has distance variance 0, so the correlation is 0: it is constant, or all but constant beside "
                "a few values that are very far away.",
                ConstantAttributeWarning,
            )
