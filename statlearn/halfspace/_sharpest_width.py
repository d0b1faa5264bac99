"""The width at which a halfspace is examined: the one whose angle bound promises to be the smallest.

A small width resolves finer angles, a large one leaves more rows to estimate the gradient, and to test what the band
looks like. And wrong labels add to the gradient as soon as the band reaches them. All of this shows on the rows that
were learned from, so the choice is made on them, and the rows of the tests are spent on one width only.
"""

import math

import numpy as np

from ._angle_bounds import RIGHT_ANGLE
from ._bands import band_half_widths, band_is_testable, band_mass

__all__ = ["sharpest_width"]

WIDTHS = np.geomspace(0.01, 2.0, 27)  # a factor of 1.22 apart: the angle bound is flat near its least
MARGIN = 2.5  # standard errors by which the upper bound of a gradient is expected to exceed it
RISING = 4  # widths in a row that promise a larger angle than a smaller one did: enough to stop


def sharpest_width(sample, w, surrogate, angle_bound, n_tests, n_marginal):
    """The width at which the angle bound of w is expected to be smallest.

    Parameters
    ----------
    sample : LabeledRows
        The rows that w was learned from.
    w : ndarray of shape (rank,)
        Unit vector in whitened coordinates.
    surrogate : Surrogate
        The stand-in of the 0-1 loss.
    angle_bound : callable
        Bound of the angle in degrees, given one of the gradient, and the width.
    n_tests : int
        Number of rows from which the gradient will be estimated.
    n_marginal : int
        Number of rows whose bands will be tested: they must be expected to hold enough of them.

    Returns
    -------
    width : float
        Width between 0.01 and 2, in standard deviations of a margin.
    angle : float
        The angle bound to be expected there, in degrees; 90 if there are too few rows for any.
    """
    widths = [width for width in WIDTHS if _holds_enough(n_marginal, w.size, width)] or [WIDTHS[-1]]
    margins = np.abs(sample.margins(w, sample.rows))
    best_width, best_angle, n_rising = widths[-1], RIGHT_ANGLE, 0
    for width in widths:
        angle = angle_bound(_expected_gradient(sample, w, margins, surrogate, width, n_tests), width)
        if angle < best_angle:
            best_width, best_angle, n_rising = width, angle, 0
        elif best_angle < RIGHT_ANGLE:
            n_rising += 1
        if n_rising == RISING:
            break
    return float(best_width), float(best_angle)


def _holds_enough(n_rows, n_features, width):
    """Whether the inner band of Gaussian rows, and so the outer one, holds enough rows to be tested."""
    inner = band_half_widths(width)[0]
    return n_features == 1 or band_is_testable(n_rows * band_mass(inner), n_features)


def _expected_gradient(sample, w, margins, surrogate, width, n_tests):
    """The bound of the gradient's norm that so many other rows will lead to.

    Their estimate has its own noise in each of the directions orthogonal to w, and as much is hidden by the fit, which
    makes the gradient of the rows of learning small. Both add up to the square.
    """
    rows = sample.rows[margins < surrogate.reach(width)]
    slope = sample.slope(w, surrogate, width, rows, sample.weights[sample.rows].sum())
    error = slope.noise / math.sqrt(n_tests)  # standard error in any one direction
    return math.hypot(np.linalg.norm(slope.gradient), error * math.sqrt(2.0 * (w.size - 1.0))) + MARGIN * error
