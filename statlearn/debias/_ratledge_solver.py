"""Exact minimization of a ridge objective plus a multiple of the largest squared mean error of a bin.

| symbol | name | shape |
|---|---|---|
| rows of features times roots of weights | ``A = U S V'`` | (n_rows, n_features) |
| whitened coefficients ``sqrt(S^2 + alpha) V'w``, after the constant | ``z`` | (n_directions,) |
| mean errors of bins ``B z - c`` | ``errors`` | (n_bins,) |

The objective is ``|z - z0|^2 + lambda max_j errors_j(z)^2`` plus the ridge objective at its minimum z0. With a bound s
of the absolute errors the part that varies is the squared length of ``(z - z0, sqrt(lambda) s)``. So the problem is to
find the point of a polyhedron that is nearest to the origin, with twice as many sides as there are bins: least-distance
programming, which Lawson and Hanson reduce to non-negative least squares with as many unknowns.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import svd
from scipy.optimize import nnls

__all__ = ["WhitenedProblem", "whiten"]

ROUNDINGS = 4.0  # that a centered feature may consist of and be a constant one
ITERATIONS = 100  # per column, before non-negative least squares gives up


@dataclass(frozen=True, eq=False)
class WhitenedProblem:
    """The objective in coordinates in which the ridge objective is a squared distance.

    Attributes
    ----------
    directions : ndarray of shape (n_directions, n_features)
        Coefficients of each whitened coefficient, without the constant.
    ridge : ndarray of shape (n_directions + fit_intercept,)
        Minimum z0 of the ridge objective, after a constant if there is one.
    least : float
        The ridge objective there.
    B : ndarray of shape (n_bins, n_directions + fit_intercept)
        Mean predictions of the bins.
    c : ndarray of shape (n_bins,)
        Mean outcomes of the bins.
    """

    directions: np.ndarray
    ridge: np.ndarray
    least: float
    B: np.ndarray
    c: np.ndarray

    @property
    def rank(self):
        """Number of directions in which rows of features differ."""
        return self.directions.shape[0]

    def coefficients(self, z):
        """Constant, 0 if there is none, and coefficients of smallest norm."""
        n_constants = z.size - self.rank
        return float(z[:n_constants].sum()), z[n_constants:] @ self.directions

    def solve(self, lambda_b):
        """Minimum, and the dual objective: a number that the objective cannot go below."""
        errors = self.B @ self.ridge - self.c
        prices = _prices(self.B, errors, lambda_b)
        pull = 0.5 * self.B.T @ prices
        gain = prices @ errors - pull @ pull
        if lambda_b > 0.0:
            gain -= 0.25 * np.abs(prices).sum() ** 2 / lambda_b
        return self.ridge - pull, float(self.least + gain)


def whiten(X, y, weights, numbers, n_bins, *, rounding, alpha, fit_intercept):
    """Prepare ``sum_i weights_i (y_i - b - x_i'w)^2 + alpha |w|^2 + lambda_b max_j errors_j^2`` for all lambda_b.

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
    rounding : ndarray of shape (n_features,)
        Root of the mean square that rounding alone may give to each column of X.
    alpha : float
        Weight of the squared norm of the coefficients.
    fit_intercept : bool
        Whether there is a constant b.

    Returns
    -------
    problem : WhitenedProblem
        The objective.
    """
    root = np.sqrt(weights)
    members = numbers[:, None] == np.arange(n_bins)
    table = np.linalg.qr(root[:, None] * np.column_stack([X, y, members]), mode="r")  # keeps all inner products
    A, outcomes, members = table[:, : X.shape[1]], table[:, X.shape[1]], table[:, X.shape[1] + 1 :]
    U, S, Vt = _row_space(A, ROUNDINGS * rounding)
    length, shares = np.sqrt(S**2 + alpha), np.sum(members**2, axis=0)
    ridge = S / length * (U.T @ outcomes)
    B, c = members.T @ U / shares[:, None] * (S / length), members.T @ outcomes / shares
    least = float(outcomes @ outcomes - ridge @ ridge)
    if fit_intercept:
        ridge, B = np.concatenate([[0.0], ridge]), np.column_stack([np.ones(n_bins), B])
    return WhitenedProblem(Vt / length[:, None], ridge, least, B, c)


def _row_space(A, noise):
    """Singular value decomposition without the directions that rounding makes: of A, or of rows, by column.

    Columns that are rounding alone go first, as the largest of them may exceed what others vary by.
    """
    A = np.where(np.linalg.norm(A, axis=0) > noise, A, 0.0)
    U, S, Vt = svd(A, full_matrices=False)
    negligible = np.maximum(np.finfo(np.float64).eps * max(A.shape) * S[0], np.linalg.norm(Vt * noise, axis=1))
    kept = negligible < S
    return U[:, kept], S[kept], Vt[kept]


def _prices(B, errors, lambda_b):
    """Multipliers d of the errors for which ``v = -B'd / 2`` minimizes ``|v|^2 + lambda_b max_j (errors + B v)_j^2``.

    They are positive where the largest error is, negative where its opposite is, and zero elsewhere. In units of
    ``sqrt(lambda_b) max_j |errors_j|`` for lengths, ``x = (v, sqrt(lambda_b) max_j |errors + B v|_j)`` is the shortest
    vector with ``G x >= h``.
    """
    largest = np.abs(errors).max()
    if lambda_b == 0.0 or largest == 0.0:
        return np.zeros(errors.size)
    G = np.column_stack([np.sqrt(lambda_b) * np.vstack([-B, B]), np.ones(2 * errors.size)])
    h = np.concatenate([errors, -errors]) / largest
    goal = np.zeros(G.shape[1] + 1)
    goal[-1] = 1.0
    u = nnls(np.vstack([G.T, h]), goal, maxiter=ITERATIONS * h.size)[0]
    u /= 1.0 - h @ u
    return 2.0 * lambda_b * largest * (u[: errors.size] - u[errors.size :])
