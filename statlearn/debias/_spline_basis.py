"""B-splines that continue as straight lines."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from ._weighted_quantiles import weighted_quantiles

__all__ = ["SplineBasis", "quantile_knots"]

BELOW = 1e-9  # taken off levels, so that rounding of sums of weights does not decide between two values


@dataclass(frozen=True, eq=False)
class SplineBasis:
    """B-spline basis on an interval, continued linearly on both sides.

    Attributes
    ----------
    knots : ndarray of shape (n_knots,)
        At least two, increasing; the first and last are the ends of the interval.
    degree : int
        Degree of the pieces, at least 1.
    """

    knots: np.ndarray
    degree: int

    @property
    def n_functions(self):
        """Number of functions."""
        return self.knots.size + self.degree - 1

    def evaluate(self, x):
        """Values, an array of shape (n, n_functions)."""
        inside, beyond = self._split(x)
        values, rows = self._inside(inside, 0), np.flatnonzero(beyond)
        values[rows] += beyond[rows, None] * self._inside(inside[rows], 1)
        return values

    def derivative(self, x, order=1):
        """First or second derivatives, an array of shape (n, n_functions)."""
        inside, beyond = self._split(x)
        values = self._inside(inside, order)
        return values if order == 1 else np.where(beyond[:, None] == 0.0, values, 0.0)

    def _split(self, x):
        inside = np.clip(x, self.knots[0], self.knots[-1])
        return inside, x - inside

    def _inside(self, x, order):
        if order > self.degree:
            return np.zeros((x.size, self.n_functions))
        ends = np.repeat(self.knots[[0, -1]], self.degree)
        all_knots = np.concatenate([ends[: self.degree], self.knots, ends[self.degree :]])
        functions = BSpline(all_knots, np.eye(self.n_functions), self.degree)
        return functions(x, nu=order)


def quantile_knots(values, weights, levels):
    """Distinct weighted quantiles: data values, so that a repeated row counts as one of larger weight."""
    levels = np.maximum(np.asarray(levels) - BELOW, 0.0)
    knots = np.unique(weighted_quantiles(values, levels, weights))
    return knots if knots.size > 1 else np.array([values.min(), values.max()])  # a single value may be most of them
