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

import numpy as np

from ._row_blocks import absolute_margins_of, blocks, combination_of, margins_of, row_squares

__all__ = ["gamma", "proved_lower", "proved_upper", "row_norms", "vanishes"]

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
    margins = margins_of(rows, theta)
    least = float(np.min(margins - error * (1.0 + gamma(4))))
    if least <= 0.0 < margins.min():  # a closer look: entry by entry, rounding is bounded by less
        sizes = absolute_margins_of(rows, theta)
        error = gamma(theta.size + 3) * (1.0 + gamma(theta.size + 3)) * sizes + theta.size * TINY
        least = float(np.min(margins - error * (1.0 + gamma(4))))
    # the quotient is to be rounded towards minus infinity, so that a negative one needs the smaller norm
    return least / (length * (1.0 + np.copysign(gamma(theta.size + 4), least)))


def proved_upper(rows, weights):
    """Proved upper bound of the margin: |sum_i q_i z_i| / sum_i q_i, and what rounding may have taken away."""
    length, error, relative = _combination_size(rows, weights)
    return float((length * (1.0 + relative) + error) / (weights.sum() * (1.0 - relative)))


def vanishes(rows, weights):
    """Whether sum_i q_i z_i is zero for all that arithmetic in float64 can tell. This proves nothing."""
    length, error, _ = _combination_size(rows, weights)
    return bool(length <= VANISHING * error)


def _combination_size(rows, weights):
    """|sum_i q_i z_i|, a bound of its absolute error, and a bound of the relative error of sums of weights."""
    support = np.flatnonzero(weights > 0.0)
    n_terms = support.size + rows.X.shape[1] + 8
    length, size, weights = np.linalg.norm(combination_of(rows, weights)), 0.0, weights[support]
    for part, block in blocks(rows, support):
        size += float(weights[part] @ np.sqrt(row_squares(block) + rows.intercept_scaling**2))
    error = gamma(n_terms) * (1.0 + gamma(n_terms)) * size + np.sqrt(n_terms * TINY)
    return float(length), float(error), gamma(n_terms)
