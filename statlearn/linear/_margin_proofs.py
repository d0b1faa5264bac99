"""Bounds of the margin that hold in spite of rounding, from the objects that prove them.

With signed rows z_i = y_i a_i, lifted by the intercept if there is one, the margin is
``mu = max min_i <z_i, theta>`` over unit vectors theta. A direction proves a lower bound, weights q in the simplex
prove the upper bound ``|sum_i q_i z_i|``, and weights whose combination could be made exactly zero prove that there is
no strict separation. Everything is computed in float64, whatever the type of X, in blocks of rows.

A sum of k products, in any order, is off by at most ``gamma(k) = k u / (1 - k u)`` times the sum of their absolute
values, with u = 2^-53 [1]_.

References
----------
.. [1] N. J. Higham (2002). "Accuracy and Stability of Numerical Algorithms", section 3.1. SIAM.
"""

from typing import NamedTuple

import numpy as np

from ._row_blocks import absolute_combination, absolute_margins_of, blocks, row_squares

__all__ = ["Combination", "combined", "gamma", "proved_lower", "proved_upper", "row_norms"]

UNIT_ROUNDOFF = 2.0**-53
TINY = np.finfo(np.float64).tiny
VANISHING = 8.0  # times the bound of its rounding error: a combination no longer than that may be zero


def gamma(n_terms):
    """Relative bound of the rounding error of a sum of so many products."""
    return n_terms * UNIT_ROUNDOFF / (1.0 - n_terms * UNIT_ROUNDOFF)


def row_norms(rows):
    """Norms of the lifted rows, rounded up."""
    squares = np.empty(rows.X.shape[0])
    for part, block in blocks(rows):
        squares[part] = row_squares(block)
    squares += rows.intercept_scaling**2
    return np.sqrt(squares) * (1.0 + gamma(rows.X.shape[1] + 4)) + np.sqrt(rows.X.shape[1] * TINY)  # for underflow


def proved_lower(rows, theta):
    """Proved lower bound of the margin: min_i <z_i, theta> / |theta|, less what rounding may have added."""
    length = np.linalg.norm(theta)
    if not np.isfinite(length) or length == 0.0:
        return -np.inf
    error = gamma(theta.size + 3) * (1.0 + gamma(theta.size + 3)) * rows.norms * length + theta.size * TINY
    margins = rows.margins(theta)
    least = float(np.min(margins - error * (1.0 + gamma(4))))
    if least <= 0.0 < margins.min():  # a closer look: entry by entry, rounding is bounded by less
        sizes = absolute_margins_of(rows, theta)
        error = gamma(theta.size + 3) * (1.0 + gamma(theta.size + 3)) * sizes + theta.size * TINY
        least = float(np.min(margins - error * (1.0 + gamma(4))))
    # the quotient is to be rounded towards minus infinity, so that a negative one needs the smaller norm
    return least / (length * (1.0 + np.copysign(gamma(theta.size + 4), least)))


class Combination(NamedTuple):
    """What arithmetic in float64 tells of sum_i q_i z_i, the weights being divided by their sum.

    Sums are compared with the sums of absolute values in the same column, so that the scales of columns do not matter.

    Attributes
    ----------
    upper : float
        Upper bound of the norm, and so of the margin, that holds in spite of rounding.
    vanishes : bool
        Whether the sum is zero in every column for all that can be told. This proves nothing.
    reach : float
        If a rule v has no row on the wrong side, no margin <z_i, v> is larger than this, up to rounding, as a share of
        the mean of sum_j |z_ij v_j| over the rows: for q_i <z_i, v> <= <sum_i q_i z_i, v>. Infinite if a weight is 0.
    """

    upper: float
    vanishes: bool
    reach: float


def combined(rows, weights):
    """The sum of q_i z_i, and what follows from it."""
    support = np.flatnonzero(weights > 0.0)
    total, n_terms = weights.sum(), support.size + rows.X.shape[1] + 8
    sums, sizes = rows.combination(weights), absolute_combination(rows, support, weights[support])
    relative = gamma(n_terms)
    errors = relative * (1.0 + relative) * sizes + TINY * n_terms
    length, error = np.linalg.norm(sums), np.linalg.norm(errors)
    upper = float((length + error) * (1.0 + relative) / (total * (1.0 - relative)))
    filled = sizes > 0.0
    share = np.max(np.abs(sums[filled]) / sizes[filled], initial=0.0) + VANISHING * UNIT_ROUNDOFF
    reach = float(share * total / weights.min()) if support.size == weights.size else np.inf
    return Combination(upper, bool(np.all(np.abs(sums) <= VANISHING * errors)), reach)


def proved_upper(rows, weights):
    """Proved upper bound of the margin: |sum_i q_i z_i| / sum_i q_i, and what rounding may have taken away."""
    return combined(rows, weights).upper
