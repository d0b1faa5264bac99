r"""PRESTO by a plain proximal Newton method: the yardstick of the library's solver.

A straightforward solver of the very objective of `statlearn.ordinal.presto_path` (``crossing="observed"``), as a good
numerical programmer writes it from the formulas: exact Hessian in every Newton step, vectorized NumPy and BLAS for
everything that is an array operation, Numba for the loops over rows and coordinates, warm starts along the path, the
same stopping rule. What it leaves out is what the library claims as its own: rows sorted by class so that each Gram
matrix touches only its own rows, and curvature kept from one step to the next.

Notation: ``Z`` is the standardized table with a leading column of ones, ``theta[k]`` the difference
:math:`(a_k - a_{k-1}, \beta_k - \beta_{k-1})`, :math:`\eta_k = Z (\theta_0 + \dots + \theta_k)` and
:math:`P(y \le k) = \sigma(\eta_k)` for ``k = 0 .. n_cuts - 1``. A row of class ``c`` has ``u = eta[c]`` and
``v = eta[c - 1]``.
"""

from typing import NamedTuple

import numba
import numpy as np
from scipy.special import logit

__all__ = ["PlainPath", "plain_presto_path"]

ARMIJO = 1e-4
SHORTEST_STEP = 2.0**-40
FROZEN = 1e30  # a penalty no gradient reaches: the coordinate stays at zero
INNER_SHARE = 0.01  # the quadratic model is minimized to this share of the present violation


class PlainPath(NamedTuple):
    """Solutions along the path, in exceedance sign and original units.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
    coefs : ndarray of shape (n_alphas, n_classes - 1, n_features)
    intercepts : ndarray of shape (n_alphas, n_classes - 1)
    objectives : ndarray of shape (n_alphas,)
    n_iter : ndarray of shape (n_alphas,)
        Newton steps.
    """

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    objectives: np.ndarray
    n_iter: np.ndarray


def plain_presto_path(X, y, *, alphas=None, n_alphas=50, eps=1e-2, base_penalty=1.0, tol=1e-6, max_iter=100):
    """Regularization path of PRESTO in the observed domain.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Classes, in ascending order.
    alphas : ndarray of shape (n_alphas,), default=None
        Descending penalties. ``None``: ``n_alphas`` values, geometric from the largest useful one to ``eps`` times it.
    n_alphas : int, default=50
    eps : float, default=1e-2
    base_penalty : float, default=1.0
        Weight of the first block of slopes.
    tol : float, default=1e-6
        Largest violation of the optimality conditions of the mean loss on standardized columns.
    max_iter : int, default=100
        Newton steps per penalty.

    Returns
    -------
    PlainPath

    Raises
    ------
    RuntimeError
        If a penalty does not reach ``tol`` within ``max_iter`` steps.
    """
    mean, scale = X.mean(axis=0), X.std(axis=0)
    scale[scale == 0.0] = 1.0
    likelihood = Likelihood((X - mean) / scale, y)
    weights = np.ones((likelihood.n_cuts, X.shape[1] + 1))
    weights[0] = base_penalty
    weights[:, 0] = 0.0
    theta, largest = _start(likelihood, weights, tol, max_iter)
    if alphas is None:
        alphas = largest * np.geomspace(1.0, eps, n_alphas)
    thetas, objectives, n_iter = [], [], []
    for alpha in alphas:
        theta, objective, steps = _proximal_newton(likelihood, theta, alpha * weights, tol, max_iter)
        thetas.append(theta)
        objectives.append(objective)
        n_iter.append(steps)
    cuts = np.cumsum(thetas, axis=1)
    slopes = cuts[:, :, 1:] / scale
    return PlainPath(
        np.asarray(alphas), -slopes, -(cuts[:, :, 0] - slopes @ mean), np.array(objectives), np.array(n_iter)
    )


def _start(likelihood, weights, tol, max_iter):
    """The fit of the unpenalized coordinates alone and the smallest penalty that keeps all others at zero."""
    theta = np.zeros_like(weights)
    theta[:, 0] = np.diff(logit(likelihood.cumulative_shares), prepend=0.0)
    penalized = weights > 0.0
    if (weights == 0.0).sum() > likelihood.n_cuts:
        theta, _, _ = _proximal_newton(likelihood, theta, np.where(penalized, FROZEN, 0.0), tol, max_iter)
    gradient = likelihood.gradient(likelihood.evaluate(*likelihood.predictors(theta))[1])
    return theta, np.max(np.abs(gradient[penalized]) / weights[penalized])


class Likelihood:
    """Mean negative log-likelihood of the cumulative logit model: value, gradient and Hessian in ``theta``.

    Parameters
    ----------
    table : ndarray of shape (n_samples, n_features)
        Standardized columns.
    y : ndarray of shape (n_samples,)
    """

    def __init__(self, table, y):
        self.Z = np.asfortranarray(np.column_stack([np.ones(len(table)), table]))  # the faster order for the Grams
        _, self.codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        self.n_cuts = counts.size - 1
        self.cumulative_shares = np.cumsum(counts)[:-1] / len(y)
        self.rows = np.arange(len(y))

    def predictors(self, theta):
        """The linear predictors ``u`` and ``v`` of each row; a cut that a row lacks reads 0."""
        eta = np.zeros((self.rows.size, self.n_cuts + 2))
        eta[:, 1:-1] = self.Z @ np.cumsum(theta, axis=0).T
        return eta[self.rows, self.codes + 1], eta[self.rows, self.codes]

    def evaluate(self, u, v):
        """Loss, slopes in (u, v) of shape (2, n) and curvature terms (own u, own v, gap) of shape (3, n)."""
        slopes, curvature = np.empty((2, u.size)), np.empty((3, u.size))
        loss = _row_terms(u, v, self.codes, self.n_cuts, slopes, curvature)
        return loss / u.size, slopes / u.size, curvature / u.size

    def gradient(self, slopes):
        """Gradient in ``theta``: suffix sums over the cuts of ``Z' dF/deta``."""
        by_cut = np.zeros((self.rows.size, self.n_cuts + 2))
        by_cut[self.rows, self.codes + 1] = slopes[0]
        by_cut[self.rows, self.codes] = slopes[1]
        return np.cumsum((by_cut[:, 1:-1].T @ self.Z)[::-1], axis=0)[::-1]

    def hessian(self, curvature):
        """Hessian in ``theta``, a square matrix: block tridiagonal over the cuts, then summed from both sides."""
        size = self.Z.shape[1]
        blocks = np.zeros((self.n_cuts, size, self.n_cuts, size))
        for k in range(self.n_cuts):
            as_upper, as_lower = self.codes == k, self.codes == k + 1
            has_gap = curvature[2]
            blocks[k, :, k] = self._gram(
                np.where(as_upper, curvature[0] + has_gap, np.where(as_lower, curvature[1] + has_gap, 0.0))
            )
            if k > 0:
                blocks[k - 1, :, k] = blocks[k, :, k - 1] = -self._gram(np.where(as_upper, has_gap, 0.0))
        summed = np.cumsum(np.cumsum(blocks[::-1, :, ::-1], axis=0), axis=2)[::-1, :, ::-1]
        return np.ascontiguousarray(summed).reshape(self.n_cuts * size, self.n_cuts * size)

    def _gram(self, weights):
        scaled = self.Z * np.sqrt(weights)[:, None]
        return scaled.T @ scaled


def _proximal_newton(likelihood, theta, lasso, tol, max_iter):
    """Minimize loss plus ``sum lasso |theta|`` from ``theta``; returns the solution, its objective and the steps."""
    u, v = likelihood.predictors(theta)
    loss, slopes, curvature = likelihood.evaluate(u, v)
    for step_count in range(max_iter):
        gradient = likelihood.gradient(slopes)
        violation = np.max(_violation(theta, gradient, lasso))
        if violation <= tol:
            return theta, loss + np.sum(lasso * np.abs(theta)), step_count
        target = _minimize_model(likelihood.hessian(curvature), gradient, theta, lasso, INNER_SHARE * violation)
        direction = target - theta
        du, dv = likelihood.predictors(direction)
        penalty = np.sum(lasso * np.abs(theta))
        decrease = np.sum(gradient * direction) + np.sum(lasso * np.abs(target)) - penalty
        length = 1.0
        while True:
            trial_loss, slopes, curvature = likelihood.evaluate(u + length * du, v + length * dv)
            trial = trial_loss + np.sum(lasso * np.abs(theta + length * direction))
            if trial <= loss + penalty + ARMIJO * length * decrease + 1e-15 or length < SHORTEST_STEP:
                break
            length *= 0.5
        theta, u, v, loss = theta + length * direction, u + length * du, v + length * dv, trial_loss
    raise RuntimeError(f"violation {violation:.1e} after {max_iter} Newton steps, tolerance {tol:.1e}.")


def _violation(theta, gradient, lasso):
    """Distance of ``-gradient`` from the subdifferential of the penalty."""
    active = np.abs(gradient + lasso * np.sign(theta))
    return np.where(theta != 0.0, active, np.maximum(np.abs(gradient) - lasso, 0.0))


def _minimize_model(hessian, gradient, theta, lasso, tol):
    solution = theta.ravel().copy()
    _coordinate_descent(hessian, gradient.ravel().copy(), solution, lasso.ravel(), tol, 100_000)
    return solution.reshape(theta.shape)


@numba.njit(cache=True, error_model="numpy")
def _row_terms(u, v, codes, n_cuts, slopes, curvature):
    """Sum of ``-log P``; fills its slopes and curvature terms. Infinite when a row has ``u <= v``."""
    loss = 0.0
    slopes[:] = 0.0
    curvature[:] = 0.0
    for i in range(u.size):
        if codes[i] < n_cuts:
            tail = np.exp(-abs(u[i]))
            below = tail / (1.0 + tail) if u[i] > 0.0 else 1.0 / (1.0 + tail)
            loss += max(-u[i], 0.0) + np.log1p(tail)
            slopes[0, i] = -below
            curvature[0, i] = below * (1.0 - below)
        if codes[i] > 0:
            tail = np.exp(-abs(v[i]))
            above = tail / (1.0 + tail) if v[i] < 0.0 else 1.0 / (1.0 + tail)
            loss += max(v[i], 0.0) + np.log1p(tail)
            slopes[1, i] = above
            curvature[1, i] = above * (1.0 - above)
        if 0 < codes[i] < n_cuts:
            gap = u[i] - v[i]
            if gap <= 0.0:
                return np.inf
            inside = -np.expm1(-gap)
            r = (1.0 - inside) / inside
            loss -= np.log(inside)
            slopes[0, i] -= r
            slopes[1, i] += r
            curvature[2, i] = r * (1.0 + r)
    return loss


@numba.njit(cache=True, error_model="numpy")
def _coordinate_descent(hessian, gradient, theta, lasso, tol, max_sweeps):
    """Coordinate descent on the quadratic model, in place: sweeps over the active set between full sweeps."""
    full = True
    for _ in range(max_sweeps):
        largest = 0.0
        for j in range(theta.size):
            if (not full and theta[j] == 0.0 and lasso[j] > 0.0) or hessian[j, j] <= 0.0:
                continue
            pull = hessian[j, j] * theta[j] - gradient[j]
            new = np.sign(pull) * max(abs(pull) - lasso[j], 0.0) / hessian[j, j]
            move = new - theta[j]
            if move == 0.0:
                continue
            theta[j] = new
            largest = max(largest, abs(move) * hessian[j, j])
            for i in range(theta.size):
                gradient[i] += move * hessian[j, i]
        if largest <= tol:
            if full:
                return
            full = True
        else:
            full = False
