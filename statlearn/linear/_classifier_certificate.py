"""What large-step logistic regression may claim."""

import dataclasses
import math

import numpy as np

from ..certificate import Certificate, Check
from ._separability_certificate import separability_certificate
from ._steps import BatchPerceptron, Normalized, NormalizedPerceptron

__all__ = ["against_rest", "classifier_certificate"]

VERDICTS = {
    ("separable", False): "separable",
    ("not separable", True): "separable but for rows on the boundary",
    ("not separable", False): "not separable",
    ("not separable", None): "not separable, by what is known",
    ("undetermined", None): "undetermined",
}


def classifier_certificate(fits, classes, rule, names=None):
    """The certificate of one problem, or of one class after another.

    Parameters
    ----------
    fits : list of TwoClassFit
        The solutions.
    classes : list
        The classes that they tell from all others; [None] for a single problem.
    rule : BatchPerceptron, NormalizedPerceptron, Normalized, Fixed or SafeRadius
        The rule of the steps.
    names : array-like of shape (n_features,), default=None
        Names of the features.
    """
    parts = [separability_certificate(fit.evidence, _named(fit.evidence.columns, names)) for fit in fits]
    if len(fits) == 1:
        return Certificate(parts[0].claim, [*parts[0].checks, _steps_check(fits[0], rule)], parts[0].assumptions)
    checks = []
    for fit, part, label in zip(fits, parts, classes, strict=True):
        open_or_weak = (
            part.checks[1:2] if fit.evidence.status == "not separable" and fit.evidence.quasi is not False else ()
        )
        for check in (part.checks[0], *open_or_weak, _steps_check(fit, rule)):
            checks.append(dataclasses.replace(check, name=check.name + against_rest(label)))
    return Certificate(_verdicts(fits, classes), checks, parts[0].assumptions)


def against_rest(label):
    """Words after a noun that name the problem of a class; none for a single problem."""
    return "" if label is None else f" of class {label!r} against the rest"


def _named(columns, names):
    return tuple(columns.tolist() if names is None else [names[column] for column in columns])


def _verdicts(fits, classes):
    """The claim: which classes are separable from the rest by a linear rule."""
    found = {words: [] for words in VERDICTS.values()}
    for fit, label in zip(fits, classes, strict=True):
        found[VERDICTS[fit.evidence.status, fit.evidence.quasi]].append(repr(label))
    parts = [f"{words}: {', '.join(labels)}" for words, labels in found.items() if labels]
    return f"Classes against the rest, by a linear rule: {'; '.join(parts)}."


def _steps_check(fit, rule):
    """The number of steps, beside the bound of the theorem if there is one for the rule and the margin is known."""
    descent = fit.descent
    is_short = descent.status in {"max_iter", "settled"} and descent.margin_lower <= 0.0
    is_separation = descent.status == "separated" or is_short
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
    perceptron = (rows.radius / lower) * (rows.radius / lower)  # infinite where a power would raise an error
    if isinstance(rule, BatchPerceptron):
        return rows.n_rows * perceptron
    if isinstance(rule, NormalizedPerceptron):
        return perceptron
    if isinstance(rule, Normalized):
        return perceptron + 2.0 * math.log(2.0 * rows.n_rows - 1.0) / rule.gamma / lower / lower
    return None
