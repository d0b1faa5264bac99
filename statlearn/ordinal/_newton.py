"""Proximal Newton with working sets and lagged Hessians for the penalized cumulative-logit objective.

Where cuts must not cross, every point is feasible: the quadratic model is minimized under the constraints, those that
its minimizer violates enter one after the other, and a step leads from a feasible point towards a feasible one.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._duality import duality_gap
from ._loss import Curvature
from ._quadratic import minimize_quadratic
from ._quadratic_model import FEASIBILITY, QuadraticModel, Slacks

__all__ = ["Point", "Solution", "Start", "evaluate", "minimize"]

ARMIJO = 1e-4
MAX_HALVINGS = 50
ROUNDING = 1e-14  # of the objective: differences below it are not evidence against a step
GOOD_CONTRACTION = 0.03  # a lagged Hessian is kept while the violation shrinks at least this much per step
POOR_CONTRACTION = 0.5  # a step that does worse with a fresh Hessian is followed by an exact one
SMALL_PROBLEM = 256  # coordinates: up to here all are in the working set, beyond it at least so many may enter at once
DENSE_COLUMNS = 256  # up to here the Hessian blocks cover every feature, beyond it the working set only
SEPARATION_MOVE = 0.1  # a vanishing gradient with predictors still moving this much is a minimizer at infinity
SEPARATION_STEPS = 3
STALL = 0.5  # an exact step that leaves more than this share of a violation below ``tol`` has met rounding, ...
STALL_SHARE = 0.01  # ... unless it gains this share of what the duality gap may be


@dataclass(frozen=True)
class Point:
    """The loss and everything one pass over the rows tells about it at ``theta``; no penalty, no constraint."""

    theta: np.ndarray
    predictors: np.ndarray
    loss: float
    slopes: np.ndarray
    curvatures: np.ndarray
    gradient: np.ndarray


@dataclass(frozen=True)
class Start:
    """Where a run begins: a feasible point, the multipliers of the domain's constraints, a Hessian from nearby."""

    point: Point
    multipliers: np.ndarray
    curvature: Curvature | None = None
    settled: bool = False  # a minimizer of a neighboring problem, which is not on its way to infinity


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    ``gap`` bounds ``objective`` minus the optimum and ``violation`` is that of the optimality conditions; ``gradient``
    and ``extra_lasso`` are those of the Lagrangian, with the ``multipliers`` of crossing constraints.
    """

    point: Point
    multipliers: np.ndarray
    gradient: np.ndarray
    extra_lasso: np.ndarray | float
    objective: float
    violation: float
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


def evaluate(loss, theta, bound=np.inf):
    """The `Point` at ``theta``, or ``None`` outside the domain of the loss or when it exceeds ``bound``."""
    predictors = loss.predictors(theta)
    value, slopes, curvatures = loss.evaluate(predictors)
    if not value <= bound or not np.isfinite(value):
        return None
    return Point(theta, predictors, value, slopes, curvatures, loss.gradient(slopes))


class _Newton:
    """One run of proximal Newton: the working set, the lagged Hessian and the line search."""

    def __init__(self, loss, penalty, domain, floor, start, tol):
        self.loss, self.penalty, self.domain, self.floor, self.tol = loss, penalty, domain, floor, tol
        self.curvature = start.curvature
        self.quick = True  # a Hessian of single precision and damped models, as long as they serve
        self.was_exact = False  # whether the last step did without these
        self.change = None  # of theta in the last step
        self.settled = start.settled
        self._move_to(start.point, start.multipliers)

    def _move_to(self, point, multipliers):
        """Take a point and its multipliers, which have their share of the gradient and the lasso weights."""
        self.point, self.multipliers = point, multipliers
        self.gradient, self.extra_lasso, pressed = point.gradient, 0.0, self.penalty
        if multipliers.size:
            self.gradient = point.gradient + self.domain.gradient(multipliers)
            self.extra_lasso = self.domain.extra_lasso(multipliers)
            pressed = replace(self.penalty, lasso=self.penalty.lasso + self.extra_lasso)
        self.violations = pressed.violation(point.theta, self.gradient)
        self.violation = float(self.violations.max())

    @property
    def objective(self):
        """The penalized loss."""
        return self.point.loss + self.penalty.value(self.point.theta)

    def gap(self):
        """The duality gap at the present point."""
        return duality_gap(self.loss, self.penalty, self.point, self.gradient, self.extra_lasso)

    def step(self):
        """Take one step; False when no step improves the objective."""
        used_before = self.curvature is not None
        working = self._working_set()
        features = self._features(working)
        if not used_before or not self.curvature.covers(features):
            used_before = False
            self.curvature = self.loss.curvature(self.point.curvatures, features, quick=self.quick)
        before, self.was_exact = self.violation, not self.quick
        length = self._line_search(*self._model_minimizer(working))
        within = self.violations[working].max()  # what lies outside says nothing about the Hessian
        if length < 1.0 or within > GOOD_CONTRACTION * before:
            self.curvature = None
        if not used_before:
            self.quick = length > 0.0 and within <= POOR_CONTRACTION * before
        return length > 0.0 or ((used_before or not self.was_exact) and self.step())

    def _working_set(self):
        """Everything in a small problem, else the support and the coordinates that violate optimality, most first."""
        thawed = np.isfinite(self.penalty.lasso)
        if thawed.sum() <= SMALL_PROBLEM:
            return thawed
        working = self.penalty.free | (self.point.theta != 0.0)
        entering = np.where(working, 0.0, self.violations)
        room = max(SMALL_PROBLEM, working.sum())
        least = np.partition(entering.ravel(), -room)[-room] if room < entering.size else 0.0
        return working | (entering > least)

    def _features(self, working):
        n_columns = self.loss.design.n_columns
        if n_columns <= DENSE_COLUMNS:
            return np.arange(n_columns)
        return np.flatnonzero(working.any(axis=0))

    def _model_minimizer(self, working):
        """Minimizer of the quadratic model over the working set and the domain, and the multipliers there."""
        block, column = chosen = np.nonzero(working)
        model = QuadraticModel(
            self.curvature.hessian(block, column),
            self.point.gradient[chosen],
            self.point.theta[chosen],
            self.penalty.lasso[chosen],
            self.penalty.ridge[chosen],
        )
        tol = max(min(0.01, self.violation) * self.violation, 1e-4 * self.tol)
        theta, multipliers = self.point.theta.copy(), self.multipliers
        while True:
            slacks = Slacks(*self.domain.on(block, column), self.floor)
            theta[chosen], multipliers = minimize_quadratic(model, tol, slacks, multipliers, damped=self.quick)
            n_new = self.domain.tighten(theta, self.floor)
            if n_new == 0:
                return theta, multipliers
            multipliers = np.append(multipliers, np.zeros(n_new))

    def _line_search(self, target, multipliers):
        """Backtrack from ``target`` to sufficient decrease inside the domain; the step length, 0 for failure."""
        point, penalty, change = self.point, self.penalty, target - self.point.theta
        present = penalty.value(point.theta)
        decrease = float((point.gradient * change).sum()) + penalty.value(target) - present
        objective = point.loss + present
        length = self._feasible_length(target)
        allowance = ROUNDING * abs(objective) + FEASIBILITY * self.floor * multipliers.sum()  # within those tolerances
        for _ in range(MAX_HALVINGS):
            theta = target if length == 1.0 else point.theta + length * change
            bound = objective + ARMIJO * length * decrease + allowance
            accepted = evaluate(self.loss, theta, bound - penalty.value(theta))
            if accepted is not None:
                self.change = accepted.theta - point.theta
                known = np.append(self.multipliers, np.zeros(multipliers.size - self.multipliers.size))
                self._move_to(accepted, multipliers if length == 1.0 else known + length * (multipliers - known))
                return length
            length *= 0.5
        return 0.0

    def _feasible_length(self, target):
        """Share of the way to ``target`` on which no slack becomes negative."""
        if not self.domain.bounded:
            return 1.0
        slack = self.domain.smallest_slack(target)
        if slack >= 0.0:
            return 1.0
        here = self.domain.smallest_slack(self.point.theta)
        return here / (here - slack)

    def moving(self):
        """Whether the predictors still move although unpenalized slopes could let them move forever."""
        if not self.penalty.free[:, 1:].any():
            return False
        return not self.settled if self.change is None else np.abs(self._shift()).max() > SEPARATION_MOVE

    def receding(self):
        """Whether the last step improves every row: the data are separable along it."""
        if self.change is None:
            return False
        shift = self._shift()
        allowance = 0.01 * np.abs(shift).max()
        return bool(np.all(shift[:, 0] >= -allowance) and np.all(shift[:, 1] <= allowance))

    def _shift(self):
        """Change of the predictors in the last step."""
        return self.loss.predictors(self.change, missing=0.0)


def minimize(loss, penalty, start, *, domain, floor=0.0, tol, max_iter, on_step=None):
    """Minimize the penalized loss in a crossing domain by proximal Newton.

    Parameters
    ----------
    loss : CumulativeLogitLoss
    penalty : Penalty
    start : Start
        A feasible point, multipliers of the domain's constraints and the Hessian of a neighboring problem.
    domain : ObservedDomain, TrainDomain or BoxDomain
    floor : float, default=0.0
        What every slack of the domain keeps.
    tol : float
        Largest violation of the optimality conditions allowed, and largest duality gap relative to ``max(1,
        objective)``.
    max_iter : int
        Largest number of Newton steps.
    on_step : callable, optional
        Called with the point after each step; a true return value stops the run.

    Returns
    -------
    Solution
    """
    newton = _Newton(loss, penalty, domain, floor, start, tol)
    n_iter, receding_steps, gap, previous, stopped = 0, 0, np.inf, (np.inf, np.inf), False
    while True:
        violation, objective = newton.violation, newton.objective
        allowed = tol * max(1.0, objective)
        if violation <= tol and newton.moving():
            receding_steps += newton.receding()
        elif violation <= tol:
            gap = newton.gap()
            stalled = violation > STALL * previous[0] and previous[1] - objective <= STALL_SHARE * allowed
            if gap <= allowed or (stalled and newton.was_exact):
                break
            newton.quick = not stalled
        if receding_steps >= SEPARATION_STEPS or n_iter == max_iter or not newton.step():
            break
        n_iter, previous = n_iter + 1, (violation, objective)
        stopped = on_step is not None and bool(on_step(newton.point))
        if stopped:
            break
    separated = receding_steps >= SEPARATION_STEPS
    gap = newton.gap() if np.isinf(gap) else gap
    return Solution(
        point=newton.point,
        multipliers=newton.multipliers,
        gradient=newton.gradient,
        extra_lasso=newton.extra_lasso,
        objective=newton.objective,
        violation=newton.violation,
        gap=gap,
        n_iter=n_iter,
        converged=newton.violation <= tol and gap <= tol * max(1.0, newton.objective) and not separated,
        separated=separated,
        stopped=stopped,
        curvature=newton.curvature,
    )
