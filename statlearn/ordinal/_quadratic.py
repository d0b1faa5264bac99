"""The minimizer of a lasso-penalized quadratic model, free or with slacks: active sets first, descent if they fail."""

from ._active_sets import exchange_active_sets
from ._descent import descend, press

__all__ = ["minimize_quadratic"]

DAMPINGS = (0.0, 1e-2, 1.0)  # of the mean curvature


def minimize_quadratic(model, tol, slacks, multipliers, *, damped=False):
    """Minimizer of the model among the points whose ``slacks`` are not negative.

    Parameters
    ----------
    model : QuadraticModel
    tol : float
        Largest violation of the optimality conditions allowed.
    slacks : Slacks
        Any number ``m`` of them, none included.
    multipliers : ndarray of shape (m,)
        Non-negative; those of a neighboring problem are a good start.
    damped : bool, default=False
        Take the minimizer of a model with more curvature where slacks make that of the model itself hard to find: as a
        step of Newton's method, far from the solution, it is as good.

    Returns
    -------
    theta : ndarray of shape (q,)
    multipliers : ndarray of shape (m,)
    """
    for damping in DAMPINGS if damped and multipliers.size else DAMPINGS[:1]:
        found = exchange_active_sets(model.damped(damping), tol, slacks, multipliers)
        if found is not None:
            return found
    if multipliers.size:
        return press(model, tol, slacks, multipliers)
    return descend(model, tol), multipliers
