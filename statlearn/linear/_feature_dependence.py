"""Whether features that a rule takes for independent are dependent in a way that matters for its log odds.

For a direction w, residuals r_i of the rows about the means of their classes and shares a_i of the weight, the
variance of the log odds within classes is the sum of what independent features contribute, V = sum_i a_i sum_j w_j^2
r_ij^2, and of the products of different features, U = sum_i a_i u_i with u_i = (w'r_i)^2 - sum_j w_j^2 r_ij^2. Where
features are independent given the class, every u_i has mean 0, whatever their distributions and variances. So U is
compared with its own standard error, at the cost of two products of the rows with w.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from scipy.stats import t as student

from ._class_moments import filled_columns, rows_of_classes

__all__ = ["DependenceTest", "dependence_test"]

MAX_ROWS = 10_000  # of the test: more would cost as much as the fit, and find what does not matter
MIN_FREEDOM = 20  # rows above the number of classes; with fewer the sum of products is far from normal
ROUNDING = 1e-12  # a single feature has no products but those that rounding makes


@dataclass(frozen=True)
class DependenceTest:
    """What was found in the direction with the strongest evidence.

    ``inflation`` is the variance of the log odds within classes in units of that of independent features, and
    ``p_value`` is corrected for the number of directions; NaN where nothing can be said, for the given ``reason``.
    """

    inflation: float
    p_value: float
    n_rows: int
    reason: str = ""


def dependence_test(X, codes, weights, means, scales, directions):
    """Test the directions of shape (n_directions, n_features) on rows that a fixed draw selects.

    ``means`` are those of the classes, of shape (n_classes, n_features). Features are divided by their ``scales``, so
    that no square overflows.
    """
    chosen = _chosen_rows(X.shape[0])
    X, codes, weights = X[chosen], codes[chosen], weights[chosen] / weights[chosen].max()
    shares = weights / weights.sum()
    whole, single = _squares(X, codes, means, scales, directions * scales)
    variances = shares @ single
    freedom = 1.0 / (shares @ shares) - means.shape[0]  # effective rows, as weights count
    usable = np.flatnonzero(variances > 0.0)
    if freedom < MIN_FREEDOM:
        return DependenceTest(np.nan, np.nan, chosen.size, "too few rows to test")
    if usable.size == 0:
        return DependenceTest(np.nan, np.nan, chosen.size, "log odds do not vary within classes")
    products = (whole - single)[:, usable] / variances[usable]
    excess = shares @ products
    errors = np.sqrt(shares**2 @ (products - excess) ** 2)
    scores = np.abs(excess) / np.maximum(errors, ROUNDING)
    worst = int(np.argmax(scores))
    p_value = min(1.0, 2.0 * student.sf(scores[worst], freedom) * usable.size)
    return DependenceTest(float(1.0 + excess[worst]), float(p_value), chosen.size)


def _chosen_rows(n_rows):
    """At most `MAX_ROWS` positions in order. They are not evenly spaced, as classes may take turns."""
    if n_rows <= MAX_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, MAX_ROWS, replace=False))


def _squares(X, codes, means, scales, directions):
    """(w'r)^2 and sum_j w_j^2 r_j^2 for each row and direction; sparse rows are not made dense."""
    if not issparse(X):
        residuals = (X - means[codes]) / scales
        return (residuals @ directions.T) ** 2, residuals**2 @ (directions**2).T
    whole, single = np.empty((2, X.shape[0], len(directions)))
    for rows, mean in zip(rows_of_classes(codes, means.shape[0]), means, strict=True):
        whole[rows], single[rows] = _sparse_squares(X[rows], mean, scales, directions)
    return whole, single


def _sparse_squares(rows, mean, scales, directions):
    """The same for the sparse rows of one class.

    Sums run over the entries, and add what all rows would have without any. Columns with an entry in every row are
    left out of that: theirs would cancel to the last digit if they hardly vary.
    """
    residuals = (rows.data - mean[rows.indices]) / scales[rows.indices]
    empty = np.where(filled_columns(rows), 0.0, -mean / scales)  # residuals of the zeros
    deviations, squares = rows.astype(np.float64), rows.astype(np.float64)
    deviations.data, squares.data = residuals - empty[rows.indices], residuals**2 - empty[rows.indices] ** 2
    whole = (deviations @ directions.T + empty @ directions.T) ** 2
    return whole, squares @ (directions**2).T + empty**2 @ (directions**2).T
