"""Which rows can be separated at all, by linear programming: strict, partial (quasi) separation, and overlap."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

__all__ = ["Recession", "separated_rows"]


class Recession(NamedTuple):
    """The rows that some direction separates while it puts none on the wrong side, and what shows it for both kinds.

    Attributes
    ----------
    separated : ndarray of bool of shape (n_rows,)
        The rows that such a direction gives a positive margin. All of them: strictly separable. Some of them:
        quasi-separated. None: overlap, the maximum-likelihood estimate of logistic regression exists.
    direction : ndarray of shape (n_features_lifted,) or None
        Coefficients with margins of 1 or more on ``separated`` and zero on the other rows; None if there are none.
    weights : ndarray of shape (n_rows,) or None
        Weights of 1 or more on the other rows with which the signed rows sum to zero; None if there are none.
    is_complete : bool, default=True
        Whether ``separated`` has all such rows, and not only those of ``direction``.
    """

    separated: np.ndarray
    direction: np.ndarray | None
    weights: np.ndarray | None
    is_complete: bool = True


def separated_rows(rows):
    r"""Solve ``max sum_i s_i`` subject to ``s_i <= <z_i, theta>`` and ``0 <= s_i <= 1``.

    At the solution every :math:`s_i` is 0 or 1, for theta may grow. The dual has the shape that the simplex method
    likes, with one constraint for each feature:

    .. math:: \max \sum_i a_i \quad\text{subject to}\quad \sum_i (a_i + b_i) z_i = 0, \; 0 \le a_i \le 1, \; b_i \ge 0.

    Its multipliers are theta. For every row either :math:`s_i = 1` or :math:`a_i + b_i \ge 1`, so that the two answers
    check each other.

    Parameters
    ----------
    rows : SignedRows
        The signed rows.

    Returns
    -------
    found : Recession or None
        The rows, the direction and the weights; None if the solver failed, or its two answers do not match.

    References
    ----------
    K. Konis (2007), "Linear programming algorithms for detecting separated data in binary logistic regression models",
    chapter 4.
    """
    n_rows = rows.X.shape[0]
    matrix, scales = _scaled_transpose(rows)
    solution = linprog(
        np.concatenate([-np.ones(n_rows), np.zeros(n_rows)]),
        A_eq=sparse.hstack([matrix, matrix], format="csc") if sparse.issparse(matrix) else np.hstack([matrix, matrix]),
        b_eq=np.zeros(matrix.shape[0]),
        bounds=np.column_stack([np.zeros(2 * n_rows), np.repeat([1.0, np.inf], n_rows)]),
        method="highs",
    )
    if solution.status != 0:
        return None
    weights = solution.x[:n_rows] + solution.x[n_rows:]
    direction = -solution.eqlin.marginals * scales
    margins = rows.margins(direction)
    overlapping = weights > 0.5
    separated = margins > 0.5
    if np.any(overlapping == separated):
        return None
    return Recession(
        separated,
        direction if separated.any() else None,
        np.where(overlapping, weights, 0.0) if overlapping.any() else None,
    )


def _scaled_transpose(rows):
    """Z', its rows (one for each feature) scaled by powers of two to about unit size, and the scales."""
    X, n_features = rows.X, rows.X.shape[1]
    sizes = np.asarray(abs(X).max(axis=0).todense() if sparse.issparse(X) else np.abs(X).max(axis=0)).ravel()
    sizes = sizes.astype(np.float64)
    if rows.intercept_scaling:
        sizes = np.append(sizes, rows.intercept_scaling)
    scales = 2.0 ** -np.round(np.log2(np.where(sizes > 0.0, sizes, 1.0)))
    signs = rows.signs[None, :]
    intercept = rows.intercept_scaling * scales[-1] * signs
    if sparse.issparse(X):
        matrix = X.T.astype(np.float64).multiply(scales[:n_features, None]).multiply(signs)
        return (sparse.vstack([matrix, intercept]) if rows.intercept_scaling else matrix).tocsc(), scales
    matrix = X.T * scales[:n_features, None] * signs
    return (np.vstack([matrix, intercept]) if rows.intercept_scaling else matrix), scales
