"""Solve the penalized problem inside a crossing domain, warm-started from one penalty to the next."""

from dataclasses import replace

import numpy as np

from ._domains import DOMAINS, ObservedDomain
from ._newton import Start, evaluate, minimize

__all__ = ["DomainSolver", "null_theta"]

MARGIN = 1e-9  # logit units: the slack that every constraint keeps at a solution, so that rounding does not cross it
APPROACH = 0.4  # ratio of neighboring penalties on the way to a first one
APPROACH_TOL = 0.1  # of the smallest penalty weight: the optimality asked for on that way
NOTHING = np.empty(0)


def null_theta(loss):
    """Intercept-only maximum-likelihood fit, in closed form: the logits of the cumulative class shares."""
    shares = np.add.reduceat(loss.weights, loss.bounds[:-1])
    cumulative = np.cumsum(shares)[:-1]
    above = np.cumsum(shares[::-1])[::-1][1:]
    theta = np.zeros((loss.n_cuts, loss.design.n_columns))
    theta[:, 0] = np.diff(np.log(cumulative / above), prepend=0.0)
    return theta


class DomainSolver:
    """Solves a sequence of penalties, usually decreasing, in one crossing domain.

    The problem without constraints comes first: when its solution stays in the domain it is the answer, by convexity.
    From the first penalty whose solution leaves it, the constraints are there for the rest of the sequence.

    Parameters
    ----------
    loss : CumulativeLogitLoss
    standard : Standardization
        Of the features, for the box.
    crossing : {"train", "observed", "box"}
    tol : float
    max_iter : int
        Newton steps per minimization.
    """

    def __init__(self, loss, standard, crossing, *, tol, max_iter):
        self.loss = loss
        self.domain = DOMAINS[crossing](loss, standard)
        self.open = ObservedDomain()
        self.tol, self.max_iter = tol, max_iter
        self.null = null_theta(loss)
        self.floor = min(MARGIN, 0.5 * float(self.null[1:, 0].min(initial=np.inf)))
        self.solution = None
        self.multipliers = NOTHING

    def solve(self, penalty, *, start=None, on_step=None):
        """Solution for ``penalty``, started from ``start`` or from the previous solution."""
        on_the_way = self._approach(penalty) if start is None and self.solution is None else 0
        solution = self._solve(penalty, start, self.tol, on_step)
        self.solution = replace(solution, n_iter=on_the_way + solution.n_iter)
        return self.solution

    def _approach(self, penalty):
        """Where coordinates outnumber rows, come to the first penalty along stronger ones, solved loosely.

        The quadratic models of a saturated problem are hard far from its solution, and easy along a path. Returns the
        number of steps.
        """
        strength = np.where(np.isfinite(penalty.lasso), penalty.lasso + penalty.ridge, 0.0)
        penalized = strength > 0.0
        if np.count_nonzero(penalized) <= self.loss.weights.size:
            return 0
        gradient = evaluate(self.loss, self.null).gradient
        factor = APPROACH * float(np.max(np.abs(gradient[penalized]) / strength[penalized]))
        steps = 0
        while factor > 1.0 and not (self.solution is not None and self.solution.separated):
            tol = max(self.tol, APPROACH_TOL * factor * float(strength[penalized].min()))
            self.solution = self._solve(penalty.scaled(factor), None, tol, None)
            steps += self.solution.n_iter
            factor *= APPROACH
        return steps

    def _solve(self, penalty, start, tol, on_step):
        point = self._first_point(penalty, start)
        if self.multipliers.size:
            solution = self._minimize(penalty, point, self.domain, tol, self.max_iter, on_step)
            self.multipliers = solution.multipliers
            return solution
        solution = self._minimize(penalty, point, self.open, tol, self.max_iter, on_step)
        if solution.stopped or self.domain.smallest_slack(solution.theta) >= 0.0:
            return solution
        self.multipliers = np.zeros(self.domain.tighten(solution.theta, self.floor))
        inside = self._last_feasible(point, solution.point)
        constrained = self._minimize(penalty, inside, self.domain, tol, self.max_iter, on_step)
        self.multipliers = constrained.multipliers
        return replace(constrained, n_iter=solution.n_iter + constrained.n_iter)

    def _first_point(self, penalty, start):
        """A point in the domain: ``start`` or the previous solution if they are, else the intercept-only fit."""
        if start is None and self.solution is not None:
            known = self.solution.point
            if not known.theta[np.isinf(penalty.lasso)].any():
                return known
            start = known.theta
        if start is not None:
            theta = np.where(np.isinf(penalty.lasso), 0.0, start)
            point = evaluate(self.loss, theta)
            if point is not None and self.domain.smallest_slack(theta) >= 0.0:
                return point
        return evaluate(self.loss, self.null)

    def _last_feasible(self, inside, outside):
        """The last point on the way from ``inside`` to ``outside`` at which every slack keeps the floor."""
        slack, reference = (self.domain.smallest_slack(point.theta) - self.floor for point in (outside, inside))
        share = max(reference, 0.0) / (reference - slack)
        theta = inside.theta + share * (outside.theta - inside.theta)
        return evaluate(self.loss, theta) if share > 0.0 else inside

    def _minimize(self, penalty, point, domain, tol, max_iter, on_step):
        known = self.solution
        return minimize(
            self.loss,
            penalty,
            Start(
                point,
                self.multipliers if domain.bounded else NOTHING,
                curvature=None if known is None else known.curvature,
                settled=known is not None and known.point is point and known.converged,
            ),
            domain=domain,
            floor=self.floor,
            tol=tol,
            max_iter=max_iter,
            on_step=on_step,
        )
