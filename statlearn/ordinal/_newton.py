"""Proximal Newton with working sets and lagged Hessians for the penalized cumulative-logit objective."""

from dataclasses import dataclass, replace

import numpy as np

from ._duality import duality_gap
from ._kernels import assemble_hessian
from ._loss import Curvature
from ._penalty import Penalty
from ._quadratic import minimize_quadratic

__all__ = ["Point", "Solution", "evaluate", "minimize"]

ARMIJO = 1e-4
MAX_HALVINGS = 50
ROUNDING = 1e-14  # of the objective: differences below it are not evidence against a step
GOOD_CONTRACTION = 0.1  # a lagged Hessian is kept while the violation shrinks at least this much per step
SMALL_PROBLEM = 256  # coordinates: up to here all are in the working set, beyond it at least so many may enter at once
ENTERING = 0.3  # of the largest violation: smaller ones wait for a later step
DENSE_COLUMNS = 256  # up to here the Hessian blocks cover every feature, beyond it the working set only
SEPARATION_MOVE = 0.1  # a vanishing gradient with predictors still moving this much is a minimizer at infinity
SEPARATION_STEPS = 3
STALL = 0.5  # a step that leaves more than this share of a violation below ``tol`` has met rounding


@dataclass(frozen=True)
class Point:
    """The objective and everything one pass over the rows tells about it at ``theta``.

    ``penalty`` includes the lasso weights that constraints under pressure add, ``objective`` its value.
    """

    theta: np.ndarray
    predictors: np.ndarray
    loss: float
    slopes: np.ndarray
    curvatures: np.ndarray
    slack: np.ndarray
    gradient: np.ndarray
    penalty: Penalty
    violation: np.ndarray
    objective: float


@dataclass(frozen=True)
class Solution:
    """What the solver found: ``gap`` bounds ``objective`` minus the optimum."""

    point: Point
    objective: float
    gap: float
    n_iter: int
    converged: bool
    separated: bool
    stopped: bool
    curvature: Curvature | None

    @property
    def theta(self):
        """Difference coordinates, shape ``(M, 1 + n_features)``."""
        return self.point.theta

    @property
    def violation(self):
        """Largest violation of the optimality conditions."""
        return float(self.point.violation.max())


def evaluate(loss, penalty, constraint_term, theta, predictors, bound=np.inf):
    """The `Point` at ``theta``, or ``None`` outside the domain or when the objective exceeds ``bound``."""
    value, slopes, curvatures = loss.evaluate(predictors)
    slack = constraint_term.slack(theta)
    objective = value + penalty.value(theta) + constraint_term.value(slack)
    if not objective <= bound or not np.isfinite(objective):
        return None
    gradient = loss.gradient(slopes) + constraint_term.gradient(theta, slack)
    effective = replace(penalty, lasso=penalty.lasso + constraint_term.extra_lasso(theta, slack))
    return Point(
        theta=theta,
        predictors=predictors,
        loss=value,
        slopes=slopes,
        curvatures=curvatures,
        slack=slack,
        gradient=gradient,
        penalty=effective,
        violation=effective.violation(theta, gradient),
        objective=objective,
    )


class _Newton:
    """One run of proximal Newton: the working set, the lagged Hessian and the line search."""

    def __init__(self, loss, penalty, constraint_term, point, curvature, tol):
        self.loss, self.penalty, self.constraint_term = loss, penalty, constraint_term
        self.point, self.curvature, self.tol = point, curvature, tol
        self.shift = None  # change of the predictors in the last step

    def step(self):
        """Take one step; False when no step improves the objective."""
        used_before = self.curvature is not None
        working = self._working_set()
        features = self._features(working)
        if not used_before or not self.curvature.covers(features):
            used_before = False
            self.curvature = self.loss.curvature(self.point.curvatures, features)
        before = self.point.violation.max()
        length = self._line_search(self._model_minimizer(working))
        if length == 0.0:
            self.curvature = None
            return used_before and self.step()
        contracted = length == 1.0 and self.point.violation.max() <= GOOD_CONTRACTION * before
        if not contracted:
            self.curvature = None
        return True

    def _working_set(self):
        """Everything in a small problem, else the support and the coordinates that violate optimality most."""
        thawed = np.isfinite(self.penalty.lasso)
        if thawed.sum() <= SMALL_PROBLEM:
            return thawed
        working = self.penalty.free | (self.point.theta != 0.0)
        entering = np.where(working, 0.0, self.point.violation)
        room = max(SMALL_PROBLEM, working.sum())
        least = np.partition(entering.ravel(), -room)[-room] if room < entering.size else 0.0
        return working | (entering > max(least, ENTERING * entering.max()))

    def _features(self, working):
        n_columns = self.loss.design.n_columns
        if n_columns <= DENSE_COLUMNS:
            return np.arange(n_columns)
        return np.flatnonzero(working.any(axis=0))

    def _model_minimizer(self, working):
        block, column = np.nonzero(working)
        point, chosen = self.point, (block, column)
        position = np.searchsorted(self.curvature.features, column)
        hessian = assemble_hessian(self.curvature.same, self.curvature.crossed, block, position)
        self.constraint_term.add_curvature(hessian, block, column, point.theta, point.slack)
        violation = point.violation.max()
        theta = point.theta.copy()
        theta[chosen] = minimize_quadratic(
            hessian,
            point.gradient[chosen],
            point.theta[chosen],
            point.penalty.lasso[chosen],
            point.penalty.ridge[chosen],
            max(min(0.01, violation) * violation, 1e-4 * self.tol),
        )
        return theta

    def _line_search(self, target):
        """Backtrack from ``target`` to sufficient decrease inside the domain; the step length, 0 for failure."""
        point, change = self.point, target - self.point.theta
        shift = self.loss.predictors(change, missing=0.0)
        decrease = float((point.gradient * change).sum())
        decrease += point.penalty.value(target) - point.penalty.value(point.theta)
        length = 1.0
        for _ in range(MAX_HALVINGS):
            theta = target if length == 1.0 else point.theta + length * change
            bound = point.objective + ARMIJO * length * decrease + ROUNDING * abs(point.objective)
            accepted = evaluate(
                self.loss, self.penalty, self.constraint_term, theta, point.predictors + length * shift, bound
            )
            if accepted is not None:
                self.point, self.shift = accepted, length * shift
                return length
            length *= 0.5
        return 0.0

    @property
    def violation(self):
        """Largest violation of the optimality conditions at the present point."""
        return float(self.point.violation.max())

    def moving(self):
        """Whether the predictors still move although unpenalized slopes could let them move forever."""
        if not self.penalty.free[:, 1:].any():
            return False
        return self.shift is None or np.abs(self.shift).max() > SEPARATION_MOVE

    def receding(self):
        """Whether the last step improves every row: the data are separable along it."""
        allowance = 0.01 * np.abs(self.shift).max()
        return bool(np.all(self.shift[:, 0] >= -allowance) and np.all(self.shift[:, 1] <= allowance))


def minimize(loss, penalty, start, *, constraint_term, tol, max_iter, curvature=None, on_step=None):
    """Minimize the penalized loss plus the constraint term by proximal Newton.

    Parameters
    ----------
    loss : CumulativeLogitLoss
    penalty : Penalty
    start : ndarray of shape (M, 1 + n_features)
        Inside the domain of the loss.
    constraint_term : AugmentedLagrangian or UNCONSTRAINED
    tol : float
        Largest violation of the optimality conditions allowed, and largest duality gap relative to ``max(1,
    objective)``. max_iter : int
        Largest number of Newton steps.
    curvature : Curvature, optional
        Hessian of a neighboring problem to start from.
    on_step : callable, optional
        Called with the point after each step; a true return value stops the run.

    Returns
    -------
    Solution
    """
    point = evaluate(loss, penalty, constraint_term, start, loss.predictors(start))
    newton = _Newton(loss, penalty, constraint_term, point, curvature, tol)
    n_iter, receding_steps, gap, previous, stopped = 0, 0, np.inf, np.inf, False
    while True:
        violation = newton.violation
        if violation <= tol and newton.moving():
            receding_steps += newton.shift is not None and newton.receding()
        elif violation <= tol:
            gap = duality_gap(loss, penalty, newton.point)
            if gap <= tol * max(1.0, newton.point.objective) or violation > STALL * previous:
                break
        if receding_steps >= SEPARATION_STEPS or n_iter == max_iter or not newton.step():
            break
        n_iter, previous = n_iter + 1, violation
        stopped = on_step is not None and bool(on_step(newton.point))
        if stopped:
            break
    separated = receding_steps >= SEPARATION_STEPS
    return Solution(
        point=newton.point,
        objective=newton.point.loss + penalty.value(newton.point.theta),
        gap=duality_gap(loss, penalty, newton.point) if np.isinf(gap) else gap,
        n_iter=n_iter,
        converged=newton.violation <= tol and not separated,
        separated=separated,
        stopped=stopped,
        curvature=newton.curvature,
    )
