"""Solve the penalized problem inside a crossing domain, warm-started from one penalty to the next."""

from dataclasses import replace

import numpy as np

from ._domains import DOMAINS, UNCONSTRAINED, AugmentedLagrangian
from ._duality import duality_gap
from ._newton import evaluate, minimize

__all__ = ["DomainSolver", "null_theta"]

FIRST_STIFFNESS, STIFFNESS_FACTOR, LAST_STIFFNESS = 0.02, 10.0, 1e3  # soft at first: few pairs press at once
FIRST_TOL, TOL_FACTOR = 1e-4, 0.1  # the first rounds only look for the pairs that press
FEASIBILITY = 1e-9  # slack the solution keeps, and the violation that one last pull may mend
MAX_ROUNDS = 100  # of multiplier updates and constraint generation


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

    The unconstrained problem comes first: when its solution stays in the domain it is the answer, by convexity. From
    the first penalty whose solution leaves it, the method of multipliers takes over for the rest of the sequence.

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
        self.tol, self.max_iter = tol, max_iter
        self.null = null_theta(loss)
        self.solution = None
        self.multipliers = np.empty(0)

    def solve(self, penalty, *, start=None, on_step=None):
        """Solution for ``penalty``, started from ``start`` or from the previous solution."""
        theta = np.where(np.isinf(penalty.lasso), 0.0, self._first(start))
        theta = theta if self._inside(theta) else self.null
        n_iter, separated = 0, False
        if self.multipliers.size == 0:
            solution = self._minimize(penalty, theta, UNCONSTRAINED, self.tol, on_step)
            theta, n_iter, separated = solution.theta, solution.n_iter, solution.separated
            if not solution.stopped and self.domain.smallest_slack(theta) < 0.0:
                self.multipliers = self.domain.tighten(theta, self.multipliers)
        if self.multipliers.size:
            solution = self._constrained(penalty, theta, n_iter, on_step)
            solution = replace(solution, separated=separated or solution.separated)
        self.solution = solution
        return solution

    def _first(self, start):
        if start is not None:
            return start
        return self.null if self.solution is None else self.solution.theta

    def _inside(self, theta):
        """Whether every observed class has a positive probability; a start from other data may not grant it."""
        return np.isfinite(self.loss.evaluate(self.loss.predictors(theta))[0])

    def _minimize(self, penalty, theta, constraint_term, tol, on_step):
        return minimize(
            self.loss,
            penalty,
            theta,
            constraint_term=constraint_term,
            tol=tol,
            max_iter=self.max_iter,
            curvature=None if self.solution is None else self.solution.curvature,
            on_step=on_step,
        )

    def _constrained(self, penalty, theta, n_iter, on_step):
        """Method of multipliers: press harder from round to round, on more pairs when others begin to cross."""
        stiffness, tol = FIRST_STIFFNESS, max(self.tol, FIRST_TOL)
        for _ in range(MAX_ROUNDS):
            term = AugmentedLagrangian(self.domain.constraints, self.multipliers, stiffness)
            solution = self._minimize(penalty, theta, term, tol, on_step)
            self.solution, theta, n_iter = solution, solution.theta, n_iter + solution.n_iter
            self.multipliers = term.pressure(solution.point.slack)
            smallest = min(float(solution.point.slack.min()), self.domain.smallest_slack(theta))
            if solution.stopped or (tol <= self.tol and smallest >= -FEASIBILITY):
                break
            self.multipliers = self.domain.tighten(theta, self.multipliers)
            stiffness = min(STIFFNESS_FACTOR * stiffness, LAST_STIFFNESS)
            tol = max(self.tol, TOL_FACTOR * tol)
        return self._feasible(penalty, replace(solution, n_iter=n_iter))

    def _feasible(self, penalty, solution):
        """Pull the slopes towards zero until every slack is positive, and prove how little that cost."""
        slack, reference = self.domain.smallest_slack(solution.theta), self.domain.smallest_slack(self.null)
        share = max(min(FEASIBILITY, 0.5 * reference) - slack, 0.0) / (reference - slack)
        theta = solution.theta + share * (self.null - solution.theta)
        lagrangian = AugmentedLagrangian(self.domain.constraints, self.multipliers, 0.0)
        point = evaluate(self.loss, penalty, lagrangian, theta, self.loss.predictors(theta))
        return replace(
            solution,
            point=point,
            objective=point.loss + penalty.value(theta),
            gap=duality_gap(self.loss, penalty, point),
            converged=solution.converged and bool(point.violation.max() <= self.tol),
        )
