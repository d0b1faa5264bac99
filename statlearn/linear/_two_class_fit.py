"""One two-class problem: large steps, what they prove, and what is done if they do not get there.

Steps never settle on data that are not separable, and more often than not a part of the rows proves that they are not:
the weights of its rows at the solution of logistic regression combine them to zero. Then one step is taken. Else a run
is cut after `PROBE` steps, and logistic regression of all rows, which is the fallback anyway, tries the same. What
remains open after that, and a margin that is asked for, is for the exact route of `separability`. Only then are the
steps taken to the end.
"""

import functools
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ._descent import Descent, descend
from ._logistic_regression import fit_logistic
from ._separability_evidence import EXACT_DIMENSIONS, METHODS, Evidence, find_overlapping

__all__ = ["FALLBACKS", "FitSettings", "TwoClassFit", "fit_two_classes"]

PROBE = 100
PART_ROWS, PART_ROWS_PER_COEFFICIENT = 500, 50  # of the rows that are looked at first
FALLBACKS = ("newton", "pocket", "raise")


class FitSettings(NamedTuple):
    """How a problem is solved; see the parameters of `LargeStepLogisticClassifier`."""

    rule: object
    stop: str
    margin_tol: float
    max_iter: int
    tol: float
    alpha: float
    fallback: str


class TwoClassFit(NamedTuple):
    """The solution of one problem.

    Attributes
    ----------
    theta : ndarray of shape (n_features_lifted,)
        The coefficients.
    solver : str
        Where they come from: ``"steps"``; ``"direction"``, a separating direction that another method found;
        ``"logistic"``, ordinary logistic regression; or ``"pocket"``, the iterate with the fewest errors.
    evidence : Evidence
        What is known about the separability.
    descent : Descent
        The steps. Their status is ``"settled"`` if other methods found what they were taken for.
    has_probabilities : bool
        Whether the scale of theta was estimated, so that sigma(<a, theta>) is a probability.
    """

    theta: np.ndarray
    solver: str
    evidence: Evidence
    descent: Descent
    has_probabilities: bool


def fit_two_classes(rows, settings, progress):
    """Solve one problem.

    Parameters
    ----------
    rows : SignedRows
        The rows.
    settings : FitSettings
        How.
    progress : FitProgress or NoProgress
        Told of the steps.

    Returns
    -------
    fit : TwoClassFit
        The solution.
    """
    problem = _Problem(rows, settings)
    descent = problem.take_steps(progress)
    evidence = problem.evidence
    is_penalized = settings.alpha > 0.0 and settings.fallback == "newton" and evidence.status != "separable"
    if settings.stop == "loss" and descent.status == "loss" and not is_penalized:
        return TwoClassFit(descent.theta, "steps", evidence, descent, problem.has_optimum)
    if evidence.status == "separable":
        return problem.separated(descent)
    if settings.fallback == "newton":
        found = problem.penalized if settings.alpha > 0.0 else problem.logistic
        has_optimum = settings.alpha > 0.0 or problem.has_optimum
        return TwoClassFit(found.theta, "logistic", evidence, descent, found.converged and has_optimum)
    return TwoClassFit(np.linalg.norm(descent.theta) * descent.direction, "pocket", evidence, descent, False)


class _Problem:
    """What is found out on the way to a solution."""

    def __init__(self, rows, settings):
        self.rows, self.settings, self.evidence = rows, settings, Evidence(rows)
        self.start, self.has_looked_closer = None, False

    @functools.cached_property
    def logistic(self):
        """Logistic regression without a penalty."""
        return fit_logistic(self.rows, start=self.start)

    @functools.cached_property
    def penalized(self):
        """Logistic regression with the penalty."""
        return fit_logistic(self.rows, self.settings.alpha, start=self.start)

    @property
    def has_optimum(self):
        """Whether logistic regression without a penalty is known to have a solution."""
        return self.evidence.status == "not separable" and self.evidence.quasi is False

    def take_steps(self, progress):
        """Large steps; all of them only if they may lead somewhere that is not known by then."""
        settings = self.settings
        if settings.fallback == "pocket":
            return self._run(settings.max_iter, progress)
        if settings.stop == "loss":
            descent = self._run(settings.max_iter, progress)
            self._settle()
            return descent
        descent = self._probe(progress)
        if descent.status != "max_iter" or descent.n_iter == settings.max_iter:
            return descent
        return replace(descent, status="settled") if self._is_known else self._run(settings.max_iter, progress)

    def _probe(self, progress):
        """A few steps and, where they do not get there, other methods."""
        settings, evidence = self.settings, self.evidence
        self._look_at_part()
        n_steps = 1 if evidence.status == "not separable" else min(PROBE, settings.max_iter)
        descent = self._run(n_steps, progress)
        self._settle()
        if settings.stop == "margin" and descent.status == "max_iter" and evidence.status != "not separable":
            self._look_closer()
        return descent

    @property
    def _is_known(self):
        """Whether more steps have nothing to add."""
        knows_margin = self.settings.stop == "margin" and self.evidence.knows_margin(self.settings.margin_tol)
        return knows_margin or self.evidence.status == "not separable"

    def _look_at_part(self):
        """Whether a part of the rows, spread evenly, is enough to prove that they are not separable."""
        rows = self.rows
        n_part = max(PART_ROWS, PART_ROWS_PER_COEFFICIENT * rows.n_features_lifted)
        if self.evidence.status != "undetermined" or rows.n_rows < 2 * n_part:
            return
        positions = np.linspace(0, rows.n_rows - 1, n_part).astype(np.int64)
        found, weights = fit_logistic(rows.at(positions)), np.zeros(rows.n_rows)
        if found.converged:
            self.start = found.theta
            weights[positions] = found.weights
            self.evidence.offer_weights(weights)

    def _run(self, max_iter, progress):
        """So many steps, of whose bounds the evidence takes note."""
        settings = self.settings
        descent = descend(
            self.rows,
            settings.rule,
            stop=settings.stop,
            margin_tol=settings.margin_tol,
            max_iter=max_iter,
            tol=settings.tol,
            progress=progress,
        )
        self.evidence.offer_direction(descent.direction)
        self.evidence.offer_weights(descent.dual_weights)
        return descent

    def _settle(self):
        """Find out whether the rows are separable, and if not whether they nearly are, where that is still open."""
        if self.evidence.quasi is None:
            self.evidence.offer_logistic(self.logistic)
        if self.evidence.quasi is None:
            self._look_closer()

    def separated(self, descent):
        """The coefficients of separable rows: those of the steps if they got where they should, else the best known."""
        settings, evidence = self.settings, self.evidence
        if settings.stop == "separated" and descent.status == "separated":
            return TwoClassFit(descent.theta, "steps", evidence, descent, False)
        if descent.status != settings.stop and settings.fallback != "pocket":
            self._look_closer()
        length = max(np.linalg.norm(descent.theta), 1.0)
        solver = "steps" if descent.margin_lower >= evidence.lower else "direction"
        return TwoClassFit(length * evidence.direction, solver, evidence, descent, False)

    def _look_closer(self):
        """The exact route of `separability`, once; less of it if the table is too large."""
        if self.has_looked_closer:
            return
        self.has_looked_closer = True
        if min(self.rows.X.shape) <= EXACT_DIMENSIONS:
            METHODS["auto"](self.evidence, self.settings.margin_tol, self.settings.max_iter)
        else:
            find_overlapping(self.evidence)
