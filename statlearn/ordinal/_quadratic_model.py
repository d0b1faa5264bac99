"""A lasso-penalized quadratic model and slacks that must not be negative: what the solvers of a Newton step work on."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dposv

from ._penalty import subdifferential_distance

__all__ = ["FEASIBILITY", "QuadraticModel", "Slacks", "solve_positive_definite"]

FEASIBILITY = 0.1  # of the floor: slack below it that is taken for it
JITTER = 1e-10  # of the mean diagonal: added when the Hessian of the support is singular (equal columns)


@dataclass(frozen=True)
class QuadraticModel:
    """``g'(t - t0) + (t - t0)'H(t - t0)/2 + sum lasso |t| + ridge t^2/2``.

    Attributes
    ----------
    hessian : ndarray of shape (q, q)
    gradient : ndarray of shape (q,)
        ``g``: of the smooth part without the ridge, at ``start``.
    start : ndarray of shape (q,)
        ``t0``.
    lasso, ridge : ndarray of shape (q,)
    """

    hessian: np.ndarray
    gradient: np.ndarray
    start: np.ndarray
    lasso: np.ndarray
    ridge: np.ndarray

    def slope(self, theta):
        """Gradient of the smooth part, ridge included."""
        return self.gradient + self.hessian @ (theta - self.start) + self.ridge * theta

    def damped(self, damping):
        """The model with ``damping`` times the mean curvature added in every direction away from the start."""
        if damping == 0.0:
            return self
        hessian = self.hessian.copy()
        hessian.flat[:: len(hessian) + 1] += damping * np.mean(np.diag(hessian))
        return replace(self, hessian=hessian)

    def violation(self, theta, slope, extra_lasso=0.0):
        """Largest distance of ``-slope`` to the subdifferential of the lasso."""
        return float(subdifferential_distance(theta, slope, self.lasso + extra_lasso).max())


@dataclass(frozen=True)
class Slacks:
    """The slacks ``rows @ t - bends @ |t| - floor``, which must not be negative.

    Attributes
    ----------
    rows : ndarray of shape (m, q)
    bends : ndarray of shape (m, q) or None
        Non-negative; None for linear slacks.
    floor : float
    """

    rows: np.ndarray
    bends: np.ndarray | None
    floor: float

    @property
    def lowest(self):
        """The least value that is taken for zero."""
        return -FEASIBILITY * self.floor

    @property
    def bent(self):
        """Coordinates whose absolute values some slack feels."""
        return np.zeros(self.rows.shape[1], dtype=bool) if self.bends is None else self.bends.any(axis=0)

    def at(self, theta):
        """The slacks at ``theta``."""
        slack = self.rows @ theta - self.floor
        return slack if self.bends is None else slack - self.bends @ np.abs(theta)

    def normals(self, signs, chosen, coordinates=slice(None)):
        """Gradients of the ``chosen`` slacks in these coordinates, where they have these ``signs``."""
        rows = self.rows[chosen][:, coordinates]
        return rows if self.bends is None else rows - self.bends[chosen][:, coordinates] * signs

    def extra_lasso(self, pressure):
        """Lasso weights that the absolute values turn into under pressure."""
        return 0.0 if self.bends is None else np.maximum(pressure, 0.0) @ self.bends

    def unit(self, model):
        """The curvature of the model over the squared length of the slacks: the unit of stiffness."""
        return np.mean(np.diag(model.hessian)) / np.mean(np.einsum("ij,ij->i", self.rows, self.rows))


def solve_positive_definite(system, right_side):
    """Cholesky solution, with a touch of jitter when the system is singular; ``None`` when even that fails."""
    _, solution, info = dposv(system.T, right_side)  # the transpose of a symmetric array is in LAPACK's order
    if info != 0:
        jitter = JITTER * np.mean(np.diag(system)) * np.eye(len(system))
        _, solution, info = dposv((system + jitter).T, right_side)
    return solution if info == 0 and np.all(np.isfinite(solution)) else None
