r"""A duality gap in closed form: a proof of how far a fit is from the best one.

Each row's loss is a sum of three convex terms with conjugates in closed form, with :math:`h(t) = t \log t`:

.. math::
    sp(-u) = \max_{0 \le t \le 1} -t u - h(t) - h(1 - t), \quad
    sp(v) = \max_{0 \le t \le 1} t v - h(t) - h(1 - t), \quad
    -\log(1 - e^{-d}) = \max_{t \ge 0} -t d - h(t) + h(1 + t).

At a fit the maximizers are ``t = (sigma(-u), sigma(v), r)``. They bound the optimum from below once (1) the gradient
they imply vanishes in every unpenalized coordinate, reached by one linear correction, and (2) it respects the lasso
weights elsewhere, reached by scaling. Multipliers of crossing constraints enter through the gradient and scale along.
"""

import numpy as np

from ._kernels import assemble_hessian, dual_value
from ._quadratic import solve_positive_definite

__all__ = ["duality_gap"]


def duality_gap(loss, penalty, point):
    """Upper bound on the objective at ``point`` minus the optimum; ``inf`` when no feasible dual point is at hand.

    Parameters
    ----------
    loss : CumulativeLogitLoss
    penalty : Penalty
        Of the problem itself, without what a barrier added.
    point : Point
    """
    shift, gradient = _cancel_free_gradient(loss, penalty, point)
    if shift is None:
        return np.inf
    scale = _feasible_scale(penalty, np.abs(gradient), point.penalty.lasso)
    dual = dual_value(point.predictors, shift, loss.weights, scale)
    ridged = (penalty.ridge > 0.0) & np.isfinite(penalty.lasso)
    excess = np.maximum(scale * np.abs(gradient[ridged]) - penalty.lasso[ridged], 0.0)
    dual -= 0.5 * float((excess**2 / penalty.ridge[ridged]).sum())
    primal = point.loss + penalty.value(point.theta)
    return float(max(primal - dual, 0.0))


def _cancel_free_gradient(loss, penalty, point):
    """Move of the predictors whose linear effect on the dual point annuls the gradient of the free coordinates."""
    block, column = np.nonzero(penalty.free)
    features = np.unique(np.append(column, 0))
    curvature = loss.curvature(point.curvatures, features)
    hessian = assemble_hessian(curvature.same, curvature.crossed, block, np.searchsorted(features, column))
    step = solve_positive_definite(hessian, -point.gradient[block, column])
    if step is None:
        return None, None
    move = np.zeros_like(point.theta)
    move[block, column] = step
    shift = loss.predictors(move, missing=0.0)
    gap_shift = point.curvatures[:, 2] * (shift[:, 0] - shift[:, 1])
    slopes_shift = point.curvatures[:, :2] * shift + np.column_stack([gap_shift, -gap_shift])
    return shift, point.gradient + loss.gradient(slopes_shift)


def _feasible_scale(penalty, size, allowed):
    """Largest factor up to one that brings the gradient under the lasso weights where nothing else bounds the dual.

    ``allowed`` holds the weights with what constraints under pressure added; that part scales along with ``size``.
    """
    bounded = (penalty.lasso > 0.0) & np.isfinite(penalty.lasso) & (penalty.ridge == 0.0)
    weight = penalty.lasso[bounded]
    excess = size[bounded] - (allowed[bounded] - weight)
    over = excess > weight
    return float(np.min(weight[over] / excess[over], initial=1.0))
