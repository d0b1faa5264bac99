"""Lasso-penalized quadratic models: coordinate descent finds the support, a Cholesky solve finishes on it."""

import numpy as np
from scipy.linalg.lapack import dposv

from ._kernels import coordinate_descent, projected_search

__all__ = ["minimize_quadratic", "solve_positive_definite"]

FIRST_SWEEPS = 5
MAX_ROUNDS = 100
JITTER = 1e-10  # of the mean diagonal: added when the Hessian of the support is singular (equal columns)


def minimize_quadratic(hessian, gradient, theta, lasso, ridge, tol):
    """Minimizer of ``g'(t - t0) + (t - t0)'H(t - t0)/2 + sum lasso |t| + ridge t^2/2``, started at ``t0 = theta``.

    Rounds of a few coordinate-descent sweeps and one Newton step on the support they found. Both never increase the
    model, so the rounds converge like coordinate descent at worst; once the signs are right one round is exact,
    however slow coordinate descent alone would be on correlated columns and intercepts.

    Parameters
    ----------
    hessian : ndarray of shape (q, q)
    gradient : ndarray of shape (q,)
        Gradient of the smooth part without the ridge at ``theta``; overwritten.
    theta : ndarray of shape (q,)
        Overwritten by the solution.
    lasso, ridge : ndarray of shape (q,)
    tol : float
        Largest violation of the optimality conditions allowed.

    Returns
    -------
    theta : ndarray of shape (q,)
    """
    violation = coordinate_descent(hessian, gradient, theta, lasso, ridge, tol, FIRST_SWEEPS, False)
    for _ in range(MAX_ROUNDS):
        if violation <= tol:
            break
        solved = _newton_on_support(hessian, gradient, theta, lasso, ridge)
        violation = coordinate_descent(hessian, gradient, theta, lasso, ridge, tol, 1, solved)
    return theta


def _newton_on_support(hessian, gradient, theta, lasso, ridge):
    """Minimize over the support with its present signs; coordinates that would change their sign leave at zero.

    Returns False when the Hessian of the support is too singular to try.
    """
    start, signs = theta.copy(), np.sign(theta)
    support = np.flatnonzero((signs != 0.0) | (lasso + ridge == 0.0))
    system = hessian[np.ix_(support, support)]
    system.flat[:: support.size + 1] += ridge[support]
    residual = gradient[support] + ridge[support] * theta[support] + lasso[support] * signs[support]
    solved = True
    while support.size:
        step = solve_positive_definite(system, -residual)
        if step is None:
            solved = False
            break
        side = np.where(lasso[support] > 0.0, signs[support], 0.0)
        moved = projected_search(system, residual, theta[support], step, side)
        residual += system @ (moved - theta[support])
        theta[support] = moved
        staying = (side == 0.0) | (moved != 0.0)
        if staying.all():
            break
        support, residual, system = support[staying], residual[staying], system[np.ix_(staying, staying)]
    gradient += hessian @ (theta - start)
    return solved


def solve_positive_definite(system, right_side):
    """Cholesky solution, with a touch of jitter when the system is singular; ``None`` when even that fails."""
    _, solution, info = dposv(system, right_side, lower=1)
    if info != 0:
        jitter = JITTER * np.mean(np.diag(system)) * np.eye(len(system))
        _, solution, info = dposv(system + jitter, right_side, lower=1)
    return solution if info == 0 and np.all(np.isfinite(solution)) else None
