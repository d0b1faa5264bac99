r"""Lasso-penalized quadratic models, free or with slacks that must not be negative.

The primal-dual active set method guesses which coordinates are zero and which slacks press, solves the linear system of
that guess, and reads the next guess off the solution. A neighboring problem's solution is a good first guess, and a
handful of systems then gives the exact minimizer. The guesses may cycle, though. What is safe, if slower, is coordinate
descent with Newton steps on the support it finds; slacks enter it by the method of multipliers, where with multipliers
:math:`\nu` and stiffness :math:`c` the *pressure* :math:`\max(0, \nu - c \cdot slack)` pushes back, and is the
multiplier at the solution.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dposv

from ._kernels import coordinate_descent, projected_search

__all__ = [
    "FEASIBILITY",
    "NO_SLACKS",
    "QuadraticModel",
    "Slacks",
    "descend",
    "minimize_quadratic",
    "press",
    "solve_positive_definite",
]

MAX_GUESSES = 40
PATIENCE = 3  # guesses that are wrong in no fewer places than the best one, before exchanges go one by one
DAMPINGS = (0.0, 1e-2, 1.0)  # of the mean curvature
FIRST_SWEEPS = 5
MAX_ROUNDS = 100
MAX_HALVINGS = 30
ROUNDING = 1e-14  # of a value: differences below it are no evidence
FEASIBILITY = 0.1  # of the floor: slack below it that is taken for it
COMPLIANCE = 1e-6  # over the inverse curvature of the model
STIFFNESS, STIFFNESS_FACTOR, LAST_STIFFNESS = 1e2, 10.0, 1e6  # over the curvature of the model
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
        lasso = self.lasso + extra_lasso
        signed = np.abs(slope + lasso * np.sign(theta))
        return float(np.max(np.where(theta != 0.0, signed, np.maximum(np.abs(slope) - lasso, 0.0))))


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


NO_SLACKS, NOTHING = Slacks(np.empty((0, 0)), None, 0.0), np.empty(0)


def minimize_quadratic(model, tol, slacks=NO_SLACKS, multipliers=NOTHING, *, damped=False):
    """Minimizer of the model among the points whose ``slacks`` are not negative.

    Parameters
    ----------
    model : QuadraticModel
    tol : float
        Largest violation of the optimality conditions allowed.
    slacks : Slacks, optional
    multipliers : ndarray of shape (m,), optional
        Non-negative; those of a neighboring problem are a good start.
    damped : bool, default=False
        Take the minimizer of a model with more curvature where that of the model itself is hard to find: as a step of
        Newton's method, far from the solution, it is as good.

    Returns
    -------
    theta : ndarray of shape (q,)
    multipliers : ndarray of shape (m,)
    """
    if multipliers.size == 0:
        slacks = replace(slacks, rows=np.empty((0, model.start.size)))
    for damping in DAMPINGS if damped else DAMPINGS[:1]:
        found = _multiplier_rounds(model.damped(damping), slacks, multipliers, tol)
        if found is not None:
            return found
    if multipliers.size:
        return press(model, tol, slacks, multipliers)
    return descend(model, tol), multipliers


def _multiplier_rounds(model, slacks, multipliers, tol):
    """The method of multipliers with active sets inside; ``None`` when they fail.

    Slacks that press give way by ``compliance`` per unit of change of their multipliers. So small, one or two rounds
    bring them to zero, and yet it tells the multipliers of dependent slacks apart.
    """
    compliance = COMPLIANCE / _unit(model, slacks) if multipliers.size else 0.0
    start = model.start
    for _ in range(MAX_ROUNDS):
        found = _active_sets(model, start, slacks, multipliers, compliance, tol)
        if found is None:
            return None
        start, pressure = found
        given_way = compliance * np.abs(pressure - multipliers)[pressure > 0.0]
        multipliers = pressure
        if given_way.max(initial=0.0) <= -slacks.lowest:
            return start, multipliers
    return None


def _unit(model, slacks):
    """The curvature of the model over the squared length of the slacks: the unit of stiffness."""
    return np.mean(np.diag(model.hessian)) / np.mean(np.einsum("ij,ij->i", slacks.rows, slacks.rows))


def _active_sets(model, start, slacks, multipliers, compliance, tol):
    """The primal-dual active set method; ``None`` when no guess was right or a system was singular.

    All that is wrong with a guess is exchanged at once, as long as less and less is wrong; when it is not, one by one,
    the last first, until it is again. This is block principal pivoting, which ends for a positive definite model.
    """
    free = model.lasso + model.ridge == 0.0
    signs, pressing = np.sign(start), multipliers > 0.0
    fewest, patience = np.inf, PATIENCE
    for _ in range(MAX_GUESSES):
        support = np.flatnonzero(free | (signs != 0.0))
        solved = _solve_face(model, slacks, support, signs, pressing, multipliers, compliance)
        if solved is None:
            return None
        theta, pressure = solved
        slope, extra = model.slope(theta) - pressure @ slacks.rows, slacks.extra_lasso(pressure)
        outside = np.abs(slope) > model.lasso + extra + tol
        wrong_signs = np.where(signs == 0.0, outside & ~free, (signs * theta < 0.0) & (model.lasso > 0.0))
        crossed = slacks.at(theta) < compliance * multipliers + slacks.lowest
        wrong_slacks = np.where(pressing, pressure < 0.0, crossed)
        n_wrong = np.count_nonzero(wrong_signs) + np.count_nonzero(wrong_slacks)
        if n_wrong == 0:
            return (theta, pressure) if model.violation(theta, slope, extra) <= tol else None
        fewest, patience = (n_wrong, PATIENCE) if n_wrong < fewest else (fewest, patience - 1)
        if patience < 0:
            _keep_last(wrong_signs, wrong_slacks)
        signs = np.where(wrong_signs, np.where(signs == 0.0, -np.sign(slope), 0.0), signs)
        pressing = pressing ^ wrong_slacks
    return None


def _keep_last(first, second):
    """Leave True only the last True entry of the two arrays in a row."""
    if second.any():
        first[:] = False
        second[: np.flatnonzero(second)[-1]] = False
    else:
        first[: np.flatnonzero(first)[-1]] = False


def _solve_face(model, slacks, support, signs, pressing, multipliers, compliance):
    """Minimizer and multipliers with the signs of the support and the pressing slacks held; ``None`` if singular."""
    if support.size == 0:
        return None if pressing.any() else (np.zeros(model.start.size), np.zeros(pressing.size))
    signs = signs[support]
    system = model.hessian[np.ix_(support, support)]
    system.flat[:: support.size + 1] += model.ridge[support]
    start = model.start[support]
    pull = model.lasso[support] * signs + model.gradient[support] + model.ridge[support] * start
    away = model.start.copy()
    away[support] = 0.0  # start coordinates that the face sets to zero
    if away.any():
        pull -= model.hessian[support] @ away
    normals = slacks.normals(signs, pressing, support)
    solution = solve_positive_definite(system, np.vstack([-pull, normals]).T)
    if solution is None:
        return None
    reached, responses = start + solution[:, 0], solution[:, 1:]
    pressure = np.zeros(pressing.size)
    if normals.size:
        system = normals @ responses
        system.flat[:: len(system) + 1] += compliance
        held = solve_positive_definite(system, slacks.floor - normals @ reached + compliance * multipliers[pressing])
        if held is None:
            return None
        pressure[pressing] = held
        reached = reached + responses @ held
    theta = np.zeros(model.start.size)
    theta[support] = reached
    return theta, pressure


def press(model, tol, slacks, multipliers):
    """The method of multipliers: each round minimizes ``model + sum (max(0, nu - c slack)^2 - nu^2) / (2 c)``.

    It does so by Newton's method, the pressing slacks told anew at every step, and takes the pressure for the next
    multipliers.
    """
    unit = _unit(model, slacks)
    stiffness, theta, slope = STIFFNESS * unit, model.start, model.slope(model.start)
    for _ in range(MAX_ROUNDS):
        pressure, violation = _pressure(model, slacks, multipliers, stiffness, theta, slope)
        if violation <= tol:
            multipliers = pressure
            if slacks.at(theta).min() >= slacks.lowest:
                break
            stiffness = min(STIFFNESS_FACTOR * stiffness, LAST_STIFFNESS * unit)
            pressure, _ = _pressure(model, slacks, multipliers, stiffness, theta, slope)
        normals = slacks.normals(np.sign(theta), pressure > 0.0)
        pressed = replace(
            model,
            hessian=model.hessian + stiffness * (normals.T @ normals),
            gradient=slope - model.ridge * theta - pressure @ slacks.rows,
            start=theta,
            lasso=model.lasso + slacks.extra_lasso(pressure),
        )
        step = descend(pressed, 0.1 * tol) - theta
        along = model.hessian @ step + model.ridge * step
        share = _search(model, slacks, multipliers, stiffness, theta, slope, step, along)
        theta, slope = theta + share * step, slope + share * along
    return theta, multipliers


def _pressure(model, slacks, multipliers, stiffness, theta, slope):
    """The pressure at ``theta`` and the violation of the optimality conditions under it."""
    pressure = np.maximum(multipliers - stiffness * slacks.at(theta), 0.0)
    return pressure, model.violation(theta, slope - pressure @ slacks.rows, slacks.extra_lasso(pressure))


def _search(model, slacks, multipliers, stiffness, theta, slope, step, along):
    """Share of the step, halved until the pressed model falls; 0 when rounding hides any fall."""

    def rest(point):
        pressure = np.maximum(multipliers - stiffness * slacks.at(point), 0.0)
        return model.lasso @ np.abs(point) + pressure @ pressure / (2.0 * stiffness)

    before, descent, curvature, share = rest(theta), slope @ step, step @ along, 1.0
    for _ in range(MAX_HALVINGS):
        change = share * descent + 0.5 * share**2 * curvature
        if change + rest(theta + share * step) <= before + ROUNDING * before:
            return share
        share *= 0.5
    return 0.0


def descend(model, tol):
    """Minimizer of the model by rounds of coordinate-descent sweeps and one Newton step on the support they found.

    Both never increase the model, so the rounds converge like coordinate descent at worst; once the signs are right
    one round is exact, however slow coordinate descent alone would be on correlated columns and intercepts.

    Parameters
    ----------
    model : QuadraticModel
    tol : float
        Largest violation of the optimality conditions allowed.

    Returns
    -------
    theta : ndarray of shape (q,)
    """
    hessian, lasso, ridge = model.hessian, model.lasso, model.ridge
    gradient, theta = model.gradient.copy(), model.start.copy()
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
    _, solution, info = dposv(system.T, right_side)  # the transpose of a symmetric array is in LAPACK's order
    if info != 0:
        jitter = JITTER * np.mean(np.diag(system)) * np.eye(len(system))
        _, solution, info = dposv((system + jitter).T, right_side)
    return solution if info == 0 and np.all(np.isfinite(solution)) else None
