"""What large-step logistic regression may claim."""

import dataclasses
import math

import numpy as np

from ..certificate import Certificate, Check
from ._separability_certificate import separability_certificate
from ._steps import BatchPerceptron, Normalized, NormalizedPerceptron

__all__ = ["classifier_certificate"]

SEVERAL = "Classes and linear rules: {verdicts}."


def classifier_certificate(fits, labels, rule):
    """The certificate of one problem, or of one class after another.

    Parameters
    ----------
    fits : list of TwoClassFit
        The solutions.
    labels : list of str
        What distinguishes them, in words that follow a noun; empty for a single problem.
    rule : BatchPerceptron, NormalizedPerceptron, Normalized, Fixed or SafeRadius
        The rule of the steps.
    """
    parts = [separability_certificate(fit.evidence, tuple(fit.evidence.columns.tolist())) for fit in fits]
    if len(fits) == 1:
        return Certificate(parts[0].claim, [*parts[0].checks, _steps_check(fits[0], rule)], parts[0].assumptions)
    checks = []
    for fit, part, label in zip(fits, parts, labels, strict=True):
        for check in (part.checks[0], _steps_check(fit, rule)):
            checks.append(dataclasses.replace(check, name=check.name + label))
    verdicts = "; ".join(fit.evidence.status + label for fit, label in zip(fits, labels, strict=True))
    return Certificate(SEVERAL.format(verdicts=verdicts), checks, parts[0].assumptions)


def _steps_check(fit, rule):
    """The number of steps, beside the bound of the theorem if there is one for the rule and the margin is known."""
    descent = fit.descent
    is_separation = descent.status == "separated" or (descent.status == "max_iter" and descent.margin_lower <= 0.0)
    bound = step_bound(fit.evidence, rule) if is_separation else None
    detail = f"steps, ended by {fit.descent.status!r}; coefficients by {fit.solver!r}"
    if bound is not None:
        detail += "; the bound is that of the theorem at the least margin that is proved"
    return Check("steps", fit.descent.n_iter, bound, None, "reported", detail)


def step_bound(evidence, rule):
    """Largest number of steps to a separation, by the theorems of Tyurin (2024); None if none applies."""
    rows, lower = evidence.rows, evidence.lower
    if lower <= 0.0 or np.ptp(rows.weights) > 0.0:
        return None
    perceptron = (rows.radius / lower) ** 2
    if isinstance(rule, BatchPerceptron):
        return rows.n_rows * perceptron
    if isinstance(rule, NormalizedPerceptron):
        return perceptron
    if isinstance(rule, Normalized):
        return perceptron + 2.0 * math.log(2.0 * rows.n_rows - 1.0) / (rule.gamma * lower**2)
    return None
