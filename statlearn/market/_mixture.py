"""Budgets of greatest likelihood of a market of constant bets in which everybody is awake: weights of a mixture.

The mean log likelihood ``L(b) = sum_i w_i log (A b)_i`` is concave on the simplex, and a batch update (equation 3) with
learning rate 1 is a step of the EM algorithm. Newton's method needs far fewer: without the constraint on the sum,
``max L(b) - sum(b)`` over ``b >= 0`` has the same solution, and every quadratic model of it is a problem of
non-negative least squares.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

__all__ = ["Mixture", "fit_mixture"]

SUFFICIENT = 0.01  # share of the increase that the slope promises
MAX_HALVINGS = 40
ROUNDING = 1e-15  # relative error of the log likelihood: near the maximum a step gains less
RIDGE = 1e-10  # relative to the mean curvature
EM_STEPS = 5  # before the first Newton step


class Mixture(NamedTuple):
    """Mixture weights, and a proof of how good they are.

    ``gap`` is at least the mean log likelihood that is missing: for a concave L that is homogeneous up to a constant,
    ``max L - L(b) <= max_m dL/db_m - 1``.
    """

    weights: np.ndarray
    log_likelihood: float
    gap: float
    n_iter: int


def fit_mixture(likelihoods, sample_weight, start, *, tol=1e-10, max_iter=100):
    """Maximize the mean log likelihood of a mixture over its weights.

    Parameters
    ----------
    likelihoods : ndarray of shape (n_samples, n_components)
        Not negative; every row has a positive entry in a column whose start is positive.
    sample_weight : ndarray of shape (n_samples,)
        Weights of the rows.
    start : ndarray of shape (n_components,)
        Weights to begin with; those that are 0 stay 0.
    tol : float, default=1e-10
        Largest gap.
    max_iter : int, default=100
        Largest number of Newton steps.

    Returns
    -------
    mixture : Mixture
        The weights, which sum to 1.
    """
    present = start > 0.0
    A, w = likelihoods[:, present], sample_weight / sample_weight.sum()
    largest = A.max(axis=1)
    A = A / largest[:, None]  # so that no gradient overflows
    b = start[present] / start[present].sum()
    for _ in range(EM_STEPS):
        b = b * _gradient(A, w, b)
    n_iter, value = 0, _log_likelihood(A, w, b)
    while (gap := float(_gradient(A, w, b).max()) - 1.0) > tol and n_iter < max_iter:
        b = _newton_step(A, w, b, value)
        b = b * _gradient(A, w, b)  # an EM step brings back components that a Newton step all but left out
        value, n_iter = _log_likelihood(A, w, b), n_iter + 1
    weights = np.zeros(start.size)
    weights[present] = b
    return Mixture(weights, value + float(w @ np.log(largest)), max(gap, 0.0), max(n_iter, 1))


def _log_likelihood(A, w, b):
    with np.errstate(divide="ignore"):
        return float(w @ np.log(A @ b))


def _gradient(A, w, b):
    return A.T @ (w / (A @ b))


def _newton_step(A, w, b, value):
    """The next weights, by a Newton step or, where that gains nothing, an EM step."""
    mixed = A @ b
    scaled = A * (np.sqrt(w) / mixed)[:, None]
    hessian, gradient = scaled.T @ scaled, A.T @ (w / mixed)
    hessian.flat[:: b.size + 1] += RIDGE * np.trace(hessian) / b.size
    factor = np.linalg.cholesky(hessian)
    target = np.linalg.solve(factor, gradient - 1.0) + factor.T @ b
    direction = nnls(factor.T, target)[0] - b
    slope, length = float((gradient - 1.0) @ direction), 1.0
    for _ in range(MAX_HALVINGS):
        rival = b + length * direction
        if rival.sum() > 0.0:
            gained = _log_likelihood(A, w, rival) - (rival.sum() - 1.0) - value
            if gained >= SUFFICIENT * length * slope - ROUNDING * max(1.0, abs(value)):
                return rival / rival.sum()
        length *= 0.5
    return b * gradient
