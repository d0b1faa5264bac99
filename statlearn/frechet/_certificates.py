"""What a classifier over a metric label space can vouch for."""

import numpy as np

from ..certificate import Certificate, Check
from ._locus import locus_bounds

__all__ = ["fit_certificate"]

MEANING = "the distance between labels is the cost of an error"
PROBABILITIES = "the probabilities of the classifier are those of the label given the features"
SEEN_ONLY = (
    "labels not seen in training count as having probability 0, for the classifier knows none: with such labels the "
    "rule is a heuristic, not Bayes' rule"
)


def fit_certificate(rule, observed, constant, held_out=None):
    """The certificate of a fit.

    Parameters
    ----------
    rule : DecisionRule
        How labels are predicted.
    observed : ndarray of int of shape (n_observed,)
        Positions of the labels that the classifier knows.
    constant : tuple of (int, float)
        The best constant label and the mean of its distances to the power.
    held_out : tuple of (int, HeldOut) or None, default=None
        Chosen temperature by its position, and held-out means; None if it was not chosen.

    Returns
    -------
    certificate : Certificate
        The checks.
    """
    metric, power, allowed = rule.metric, rule.power, rule.allowed(observed)
    bounds = locus_bounds(metric, observed, np.sort(allowed), power)
    seen = allowed[np.isin(allowed, observed)]
    has_unseen = seen.size < allowed.size
    checks = [_all_labels(bounds, allowed.size)]
    if has_unseen:
        checks.append(_unseen_labels(bounds, metric, seen, allowed.size - seen.size))
    checks.append(_constant(metric, power, *constant))
    if held_out is not None:
        checks.append(_held_out(power, *held_out))
    claim = f"Each prediction has the least {_distance(power, 'expected')} under the probabilities of the classifier"
    unseen = "; for some probabilities a label that was not seen in training attains it" if has_unseen else ""
    return Certificate(
        claim=f"{claim}{unseen}.",
        checks=checks,
        assumptions=(MEANING, PROBABILITIES, *((SEEN_ONLY,) if observed.size < metric.n_labels_ else ())),
    )


def _all_labels(bounds, n_allowed):
    covered = bounds.lower == n_allowed
    return Check(
        "labels that can be predicted",
        bounds.lower,
        n_allowed,
        True if covered else None,
        bounds.kind if covered else "reported",
        f"{_at_most(bounds.lower, bounds.upper)}{bounds.detail}; ties count",
    )


def _unseen_labels(bounds, metric, seen, n_unseen):
    """Bounds for unseen labels: all labels, less the seen ones that may be, and that surely are, among them."""
    n_sure = np.count_nonzero(metric.paired_distances(seen, seen) == 0.0)
    lower, upper = max(0, bounds.lower - seen.size), min(n_unseen, bounds.upper - n_sure)
    name, of = "unseen labels that can be predicted", f"of {n_unseen}"
    if upper == 0:
        return Check(name, 0, 1, False, bounds.kind, f"{of}: no unseen label will ever be predicted")
    detail = f"{of}; {_at_most(lower, upper)}ties count"
    # Undecided, a check that is not only "reported" keeps the certificate from holding.
    return Check(name, lower, 1, lower > 0 or None, bounds.kind if lower > 0 else "numerical", detail)


def _at_most(lower, upper):
    return "" if lower == upper else f"at least, and at most {upper}; "


def _constant(metric, power, label, distance):
    detail = f"{_distance(power)} of the training labels to {metric.labels_[label]!s}"
    return Check("best constant label", distance, None, None, "reported", detail)


def _held_out(power, place, means):
    loki = float(means.loki[place])
    bound = min(means.most_probable, means.constant)
    detail = (
        f"of rows left out in turn, where the most probable label has {means.most_probable:.4g} and the best constant "
        f"one {means.constant:.4g}; the temperature was chosen on the same rows"
    )
    return Check(f"held-out {_distance(power)}", loki, bound, loki <= bound, "test", detail)


def _distance(power, first="mean"):
    return f"{first} squared distance" if power == 2 else f"{first} distance to the power {power:g}"
