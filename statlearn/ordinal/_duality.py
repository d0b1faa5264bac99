r"""A duality gap in closed form: a proof of how far a fit is from the best one.

Each row's loss is a sum of three convex terms with conjugates in closed form, with :math:`h(t) = t \log t`:

.. math::
    sp(-u) = \max_{0 \le t \le 1} -t u - h(t) - h(1 - t), \quad
    sp(v) = \max_{0 \le t \le 1} t v - h(t) - h(1 - t), \quad
    -\log(1 - e^{-d}) = \max_{t \ge 0} -t d - h(t) + h(1 + t).

At a fit the maximizers are ``t = (sigma(-u), sigma(v), r)``. They bound the optimum from below once (1) the gradient
they imply vanishes in every unpenalized coordinate, reached by one linear correction, and (2) it respects the lasso
weights elsewhere, reached by scaling. Both move ``t`` a little; the conjugates there are bounded by their tangents at
the fit, which are known without a logarithm, and a remainder of the second order. Multipliers of crossing constraints
enter through the gradient and scale along.
"""

import numpy as np

from ._kernels import dual_bound, shifted_slopes
from ._quadratic_model import solve_positive_definite

__all__ = ["duality_gap"]

REFINEMENTS = 4
FREE_GRADIENT = 1e-13  # what rounding may leave of the gradient of an unpenalized coordinate
ROUNDING = 1e-12  # a dual value above the primal one by more than this is a failed computation, not a proof


def duality_gap(loss, penalty, point, gradient, extra_lasso):
    """Upper bound on the objective at ``point`` minus the optimum; ``inf`` when no feasible dual point is at hand.

    Parameters
    ----------
    loss : CumulativeLogitLoss
    penalty : Penalty
        Of the problem itself.
    point : Point
    gradient : ndarray of shape (M, 1 + n_features)
        Of the loss, less what the multipliers of crossing constraints take.
    extra_lasso : ndarray of shape (M, 1 + n_features) or float
        Lasso weights that those multipliers add.
    """
    thawed = np.isfinite(penalty.lasso)
    extra = np.where(thawed, extra_lasso, 0.0)
    shift, gradient = _cancel_free_gradient(loss, penalty, point, gradient, extra)
    if shift is None:
        return np.inf
    scale = _feasible_scale(penalty, np.abs(gradient), extra)
    dual = dual_bound(point.loss, point.predictors, shift, loss.weights, scale)
    ridged = (penalty.ridge > 0.0) & thawed
    excess = np.maximum(scale * (np.abs(gradient[ridged]) - extra[ridged]) - penalty.lasso[ridged], 0.0)
    dual -= 0.5 * float((excess**2 / penalty.ridge[ridged]).sum())
    gap = point.loss + penalty.value(point.theta) - dual
    return float(max(gap, 0.0)) if gap > -ROUNDING * max(1.0, abs(dual)) else np.inf


def _cancel_free_gradient(loss, penalty, point, gradient, extra):
    """Move of the predictors whose linear effect on the dual point annuls the gradient of the free coordinates.

    A free coordinate on which a constraint presses has ``extra`` instead of zero as its largest gradient. Returns
    ``(None, None)`` when no move gets there up to rounding, as with nearly collinear features.
    """
    held = penalty.free & ((extra == 0.0) | (point.theta != 0.0))
    target = -extra * np.sign(point.theta)
    block, column = np.nonzero(held)
    features = np.unique(np.append(column, 0))
    hessian = loss.curvature(point.curvatures, features).hessian(block, column)
    move, start = np.zeros_like(point.theta), gradient
    for _ in range(REFINEMENTS):
        step = solve_positive_definite(hessian, (target - gradient)[held])
        if step is None:
            return None, None
        move[held] += step
        shift = loss.predictors(move, missing=0.0)
        gradient = start + loss.gradient(shifted_slopes(point.curvatures, shift))
        left = np.abs(gradient[penalty.free]) - extra[penalty.free]
        left = max(np.abs(gradient - target)[held].max(), left.max())
        if left <= FREE_GRADIENT:
            return shift, gradient
    return None, None


def _feasible_scale(penalty, size, extra):
    """Largest factor up to one that brings the gradient under the lasso weights where nothing else bounds the dual.

    ``extra`` holds what constraints under pressure add to the weights; it scales along with ``size``.
    """
    bounded = (penalty.lasso > 0.0) & np.isfinite(penalty.lasso) & (penalty.ridge == 0.0)
    weight = penalty.lasso[bounded]
    excess = size[bounded] - extra[bounded]
    over = excess > weight
    return float(np.min(weight[over] / excess[over], initial=1.0))
