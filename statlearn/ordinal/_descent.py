r"""Coordinate descent for quadratic models, with Newton steps on the support it finds: slow on occasion, but safe.

Slacks enter by the method of multipliers. With multipliers :math:`\nu` and stiffness :math:`c` the *pressure*
:math:`\max(0, \nu - c \cdot slack)` pushes back, and is the multiplier at the solution.
"""

from dataclasses import replace

import numpy as np

from ._kernels import coordinate_descent, projected_search
from ._quadratic_model import solve_positive_definite

__all__ = ["descend", "press"]

FIRST_SWEEPS = 5
MAX_ROUNDS = 100
MAX_HALVINGS = 30
ROUNDING = 1e-14  # of a value: differences below it are no evidence
STIFFNESS, STIFFNESS_FACTOR, LAST_STIFFNESS = 1e2, 10.0, 1e6  # over the curvature of the model


def press(model, tol, slacks, multipliers):
    """The method of multipliers: each round minimizes ``model + sum (max(0, nu - c slack)^2 - nu^2) / (2 c)``.

    It does so by Newton's method, the pressing slacks told anew at every step, and takes the pressure for the next
    multipliers.
    """
    unit = slacks.unit(model)
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
