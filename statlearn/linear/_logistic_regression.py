"""Ordinary logistic regression of signed rows, for data that no large step can separate.

It minimizes ``sum_i w_i log(1 + exp(-m_i)) + alpha / 2 |coef|^2``, without a penalty of the intercept. Its gradient
vanishes at the solution, so that the weights of the rows there prove that the rows are not separable.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from ._margin_kernels import LEAST_MARGIN, LOG_MASS, LOSS
from ._row_blocks import blocks
from ._signed_rows import Pass

__all__ = ["LogisticFit", "fit_logistic"]

NEWTON_FEATURES = 1000  # with more a Newton step costs more than many gradients
NEWTON_STEPS = 50
GRADIENT_STEPS = 5000
HALVINGS = 40
SUFFICIENT = 1e-4  # share of the decrease that a linear loss would show
NEWTON_SHARE = 1e-4  # of the tolerance: one more step of a method that doubles the digits
ROUNDING = 1e-15  # of the loss
NULL_SHARE = 1e-12  # curvature, of the largest of scaled coefficients, that counts as none


class LogisticFit(NamedTuple):
    """Coefficients of logistic regression.

    Attributes
    ----------
    theta : ndarray of shape (n_features_lifted,)
        The coefficients.
    weights : ndarray of shape (n_rows,)
        Weights of the rows in the simplex, proportional to w_i sigma(-m_i).
    converged : bool
        Whether the gradient is small. It never is for separable rows without a penalty, which are left as soon as all
        margins are positive.
    n_iter : int
        Number of steps.
    """

    theta: np.ndarray
    weights: np.ndarray
    converged: bool
    n_iter: int


class _Objective:
    """The penalized loss, and where it was evaluated last."""

    def __init__(self, rows, alpha):
        self.rows, self.found = rows, Pass(rows)
        self.penalty = np.full(rows.n_features_lifted, float(alpha))
        if rows.intercept_scaling:
            self.penalty[-1] = 0.0
        curvature = 0.25 * _mean_squares(rows) + self.penalty  # at the origin, of each coefficient
        self.units = np.where(curvature > 0.0, np.sqrt(curvature), 1.0)

    def value_and_gradient(self, theta):
        """The objective and its gradient."""
        self.rows.sweep(theta, False, self.found)
        summary = self.found.summary
        gradient = self.penalty * theta - np.exp(summary[LOG_MASS]) * self.found.u
        return summary[LOSS] + 0.5 * self.penalty @ theta**2, gradient

    def is_flat(self, gradient, tol):
        """Whether the gradient is small, in units of the coefficients in which the curvature is 1."""
        return bool(np.linalg.norm(gradient / self.units) <= tol)

    @property
    def is_unbounded_below(self):
        """Whether no coefficients are the best, for larger ones are better still."""
        return self.found.summary[LEAST_MARGIN] > 0.0 and not self.penalty.any()

    def newton_step(self, gradient):
        """Minus the inverse of the curvature times the gradient, where there is any curvature."""
        curvature = _curvature(self.rows, self.found.margins) + np.diag(self.penalty)
        scale = np.sqrt(curvature.diagonal())
        idle = scale == 0.0  # columns of zeros
        scale[idle] = 1.0
        values, vectors = np.linalg.eigh(curvature / scale / scale[:, None])
        kept = values > NULL_SHARE * values[-1]
        vectors = vectors[:, kept]
        step = -(vectors @ ((vectors.T @ (gradient / scale)) / values[kept])) / scale
        return np.where(idle, 0.0, step)


def fit_logistic(rows, alpha=0.0, tol=1e-8, *, start=None):
    """Minimize the penalized logistic loss, by Newton's method if there are at most 1,000 coefficients, else by L-BFGS.

    Parameters
    ----------
    rows : SignedRows
        The rows.
    alpha : float, default=0.0
        Strength of the squared penalty.
    tol : float, default=1e-8
        Largest norm of the gradient, in units of the coefficients in which the curvature at the origin is 1.
    start : ndarray of shape (n_features_lifted,), default=None
        Coefficients to begin with; zeros if None.

    Returns
    -------
    fit : LogisticFit
        The coefficients.
    """
    objective = _Objective(rows, alpha)
    solve = _newton if rows.n_features_lifted <= NEWTON_FEATURES else _quasi_newton
    theta, n_iter = solve(objective, tol, np.zeros(rows.n_features_lifted) if start is None else start)
    _, gradient = objective.value_and_gradient(theta)
    return LogisticFit(theta, objective.found.q.copy(), objective.is_flat(gradient, tol), n_iter)


def _newton(objective, tol, theta):
    value, gradient = objective.value_and_gradient(theta)
    for n_iter in range(NEWTON_STEPS):
        if objective.is_flat(gradient, NEWTON_SHARE * tol) or objective.is_unbounded_below:
            return theta, n_iter
        step = objective.newton_step(gradient)
        for _ in range(HALVINGS):
            tried = objective.value_and_gradient(theta + step)
            if tried[0] <= value + SUFFICIENT * (gradient @ step) + ROUNDING * abs(value):
                break
            step *= 0.5
        else:
            return theta, n_iter
        theta = theta + step
        value, gradient = tried
    return theta, NEWTON_STEPS


def _quasi_newton(objective, tol, start):
    units = objective.units

    def scaled(theta):
        value, gradient = objective.value_and_gradient(theta / units)
        return value, gradient / units

    def stop_if_unbounded(intermediate_result):
        if objective.is_unbounded_below:
            raise StopIteration

    found = minimize(
        scaled,
        start * units,
        jac=True,
        method="L-BFGS-B",
        callback=stop_if_unbounded,
        options={
            "maxiter": GRADIENT_STEPS,
            "maxfun": 2 * GRADIENT_STEPS,
            "ftol": 0.0,
            "gtol": tol / np.sqrt(units.size),
        },
    )
    return found.x / units, int(found.nit)


def _mean_squares(rows):
    """Mean squares of the columns, the constant one included."""
    squares = np.zeros(rows.n_features_lifted)
    for part, block in blocks(rows):
        square = block.multiply(block) if sparse.issparse(block) else block * block
        squares[: rows.X.shape[1]] += square.T @ rows.weights[part]
    if rows.intercept_scaling:
        squares[-1] = rows.intercept_scaling**2
    return squares


def _curvature(rows, margins):
    """sum_i w_i sigma(m_i) sigma(-m_i) a_i a_i' over the lifted rows."""
    n_features = rows.X.shape[1]
    factors = rows.weights * expit(margins) * expit(-margins)
    total = np.zeros((rows.n_features_lifted,) * 2)
    for part, block in blocks(rows):
        scaled = block.multiply(factors[part, None]) if sparse.issparse(block) else block * factors[part, None]
        square = block.T @ scaled
        total[:n_features, :n_features] += square.toarray() if sparse.issparse(square) else square
        if rows.intercept_scaling:
            total[:n_features, -1] += rows.intercept_scaling * (block.T @ factors[part])
    if rows.intercept_scaling:
        total[-1, :n_features] = total[:n_features, -1]
        total[-1, -1] = rows.intercept_scaling**2 * factors.sum()
    return total
