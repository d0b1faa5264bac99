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

from ._class_moments import rows_of_classes

__all__ = ["DependenceTest", "dependence_test"]

MAX_ROWS = 10_000  # of the test: more would cost as much as the fit, and find what does not matter
MIN_FREEDOM = 20  # rows above the number of classes; with fewer the sum of products is far from normal
ROUNDING = 1e-12  # a single feature has no products but those that rounding makes


@dataclass(frozen=True)
class DependenceTest:
    """What was found in the direction with the strongest evidence.

    ``inflation`` is the variance of the log odds within classes in units of that of independent features, and
    ``p_value`` is corrected for the number of directions; NaN where nothing can be said.
    """

    inflation: float
    p_value: float
    n_rows: int


def dependence_test(X, codes, weights, means, scales, directions):
    """Test the directions of shape (n_directions, n_features) on evenly spaced rows.

    ``means`` are those of the classes, of shape (n_classes, n_features). Features are divided by their ``scales``, so
    that no square overflows.
    """
    spaced = np.linspace(0, X.shape[0] - 1, min(X.shape[0], MAX_ROWS)).round().astype(np.intp)
    X, codes, shares = X[spaced], codes[spaced], weights[spaced] / weights[spaced].sum()
    whole, single = _squares(X, codes, means, scales, directions * scales)
    variances = shares @ single
    freedom = 1.0 / (shares @ shares) - means.shape[0]  # effective rows, as weights count
    usable = np.flatnonzero(variances > 0.0)
    if freedom < MIN_FREEDOM or usable.size == 0:
        return DependenceTest(np.nan, np.nan, spaced.size)
    products = (whole - single)[:, usable] / variances[usable]
    excess = shares @ products
    errors = np.sqrt(shares**2 @ (products - excess) ** 2)
    scores = np.abs(excess) / np.maximum(errors, ROUNDING)
    worst = int(np.argmax(scores))
    p_value = min(1.0, 2.0 * student.sf(scores[worst], freedom) * usable.size)
    return DependenceTest(float(1.0 + excess[worst]), float(p_value), spaced.size)


def _squares(X, codes, means, scales, directions):
    """(w'r)^2 and sum_j w_j^2 r_j^2 for each row and direction; sparse rows are not made dense."""
    if not issparse(X):
        residuals = (X - means[codes]) / scales
        return (residuals @ directions.T) ** 2, residuals**2 @ (directions**2).T
    X, means = X.multiply(1.0 / scales).tocsr(), means / scales
    weights, levels = (directions**2).T, means @ directions.T
    whole = (X @ directions.T - levels[codes]) ** 2
    crossed = np.empty(whole.shape)
    for rows, mean in zip(rows_of_classes(codes, means.shape[0]), means, strict=True):
        crossed[rows] = X[rows] @ (weights * mean[:, None])
    return whole, X.multiply(X) @ weights - 2.0 * crossed + (means**2 @ weights)[codes]
