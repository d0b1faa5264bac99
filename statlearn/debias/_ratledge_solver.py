"""Exact minimization of a ridge objective plus a multiple of the largest squared mean error of a bin.

| symbol | name | shape |
|---|---|---|
| rows of features times roots of weights | ``A = U S V'`` | (n_rows, n_features) |
| whitened coefficients ``sqrt(S^2 + alpha) V'w``, after the constant | ``z`` | (n_directions,) |
| mean errors of bins ``B z - c`` | ``errors`` | (n_bins,) |

The objective is ``|z - z0|^2 + lambda max_j errors_j(z)^2`` plus its value at the ridge solution z0 without the last
term. With a bound s of the absolute errors it is the squared length of ``(z - z0, sqrt(lambda) s)``, so that the
problem is to find the point of a polyhedron that is nearest to the origin, in as many multipliers as two times the
number of bins: least-distance programming, which Lawson and Hanson reduce to non-negative least squares.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import svd
from scipy.optimize import nnls

__all__ = ["RatledgeSolution", "solve_ratledge"]

ITERATIONS = 100  # per column, before non-negative least squares gives up


class RatledgeSolution(NamedTuple):
    """Coefficients that minimize, and a proof of it.

    Attributes
    ----------
    coef : ndarray of shape (n_features,)
        The coefficients; those of least norm where several minimize.
    shift : float
        The constant, for centered data; 0 if there is none.
    ridge_errors : ndarray of shape (n_bins,)
        Mean errors of the bins without their penalty.
    lower_bound : float
        The dual objective, which no coefficients can go below.
    rank : int
        Number of directions in which rows of features differ.
    """

    coef: np.ndarray
    shift: float
    ridge_errors: np.ndarray
    lower_bound: float
    rank: int


def solve_ratledge(X, y, weights, numbers, n_bins, *, lambda_b, alpha, fit_intercept):
    """Minimize ``sum_i weights_i (y_i - b - x_i'w)^2 + lambda_b max_j errors_j^2 + alpha |w|^2``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features, centered by weighted means if there is a constant.
    y : ndarray of shape (n_samples,)
        Outcomes, centered likewise.
    weights : ndarray of shape (n_samples,)
        Positive, with the sum 1.
    numbers : ndarray of int of shape (n_samples,)
        Bin of each row.
    n_bins : int
        Number of bins, none of them empty.
    lambda_b, alpha : float
        Weights of the penalties.
    fit_intercept : bool
        Whether there is a constant b.

    Returns
    -------
    solution : RatledgeSolution
        The minimum.
    """
    root = np.sqrt(weights)
    U, S, Vt = _row_space(root[:, None] * X)
    length = np.sqrt(S**2 + alpha)
    ridge = S / length * (U.T @ (root * y))
    B, c = _bin_averages(root, U, numbers, n_bins) * (S / length), _bin_averages(root, root * y, numbers, n_bins)
    if fit_intercept:
        ridge, B = np.concatenate([[0.0], ridge]), np.column_stack([np.ones(n_bins), B])
    ridge_errors = B @ ridge - c
    step, prices = _balance(B, ridge_errors, lambda_b)
    z = ridge + step
    shift, z = (float(z[0]), z[1:]) if fit_intercept else (0.0, z)
    gain = prices @ ridge_errors - 0.25 * np.sum((B.T @ prices) ** 2)
    if lambda_b > 0.0:
        gain -= 0.25 * np.abs(prices).sum() ** 2 / lambda_b
    return RatledgeSolution(
        coef=Vt.T @ (z / length),
        shift=shift,
        ridge_errors=ridge_errors,
        lower_bound=float(weights @ y**2 - ridge @ ridge + gain),
        rank=S.size,
    )


def _row_space(A):
    """Singular value decomposition without the directions that rounding makes."""
    U, S, Vt = svd(A, full_matrices=False)
    kept = S > np.finfo(np.float64).eps * max(A.shape) * S[0]
    return U[:, kept], S[kept], Vt[kept]


def _bin_averages(root, scaled, numbers, n_bins):
    """Weighted means over bins of rows that are multiplied by the roots of their weights."""
    means = []
    for number in range(n_bins):
        rows = numbers == number
        means.append(root[rows] @ scaled[rows] / np.sum(root[rows] ** 2))
    return np.array(means)


def _balance(B, errors, lambda_b):
    """Step v that minimizes ``|v|^2 + lambda_b max_j (errors_j + B_j v)^2``, and prices of the errors.

    Prices d satisfy ``v = -B'd / 2``, are positive where the largest error is, negative where its opposite is, and zero
    elsewhere. With ``s = max_j |errors_j + B_j v|`` and lengths in units of ``sqrt(lambda_b) max_j |errors_j|``, at
    least s at v = 0, the problem is that of the shortest x with ``G x >= h``.
    """
    largest = np.abs(errors).max()
    if lambda_b == 0.0 or largest == 0.0:
        return np.zeros(B.shape[1]), np.zeros(errors.size)
    root = np.sqrt(lambda_b)
    G = np.column_stack([root * np.vstack([-B, B]), np.ones(2 * errors.size)])
    h = np.concatenate([errors, -errors]) / largest
    goal = np.zeros(G.shape[1] + 1)
    goal[-1] = 1.0
    u = nnls(np.vstack([G.T, h]), goal, maxiter=ITERATIONS * h.size)[0]
    u /= 1.0 - h @ u
    prices = 2.0 * lambda_b * largest * (u[: errors.size] - u[errors.size :])
    return -0.5 * B.T @ prices, prices
