"""What a classifier over a metric label space can vouch for."""

import numpy as np

from .._support.delegation import certificate_checks
from ..certificate import Certificate, Check
from ._locus import locus_bounds
from ._metrics import DiscreteMetric
from ._searches import ENTRIES_AT_ONCE, TIE
from ._tree_metric import TreeMetric

__all__ = ["fit_certificate"]

MEANING = "the distance between labels is the cost of an error"
PROBABILITIES = "the probabilities of the classifier are those of the label given the features"
UNCHECKED = (
    "the temperature was given: no rows were left out to compare the rule with the most probable label, which is "
    "better where probabilities are too even"
)
SEEN_ONLY = (
    "labels not seen in training count as having probability 0, for the classifier knows none: with such labels the "
    "rule is a heuristic, not Bayes' rule"
)


def fit_certificate(rule, observed, constant, fitted, held_out=None):
    """The certificate of a fit.

    Parameters
    ----------
    rule : DecisionRule
        How labels are predicted.
    observed : ndarray of int of shape (n_observed,)
        Positions of the labels that the classifier knows.
    constant : tuple of (int, float)
        The best constant label and the mean of its distances to the power.
    fitted : estimator
        The classifier.
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
        checks.append(_held_out(metric, power, *held_out))
    checks += certificate_checks("certificate of the classifier", fitted)
    quantity = metric.quantity(power)
    claim = f"Each prediction has the least expected {quantity} under the probabilities of the classifier"
    unseen = "; for some probabilities a label that was not seen in training attains it" if has_unseen else ""
    return Certificate(
        claim=f"{claim}{unseen}.",
        checks=checks,
        assumptions=(
            MEANING,
            PROBABILITIES,
            *((UNCHECKED,) if held_out is None and observed.size > 1 else ()),
            *((SEEN_ONLY,) if observed.size < metric.n_labels_ else ()),
        ),
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
    if upper == 0 and _are_apart(metric, seen):
        return Check(name, 0, 1, False, bounds.kind, f"{of}: no unseen label will ever be predicted")
    if upper == 0:
        return Check(name, 0, 1, False, "reported", f"{of}: none but by ties of labels very near to each other")
    detail = f"{of}; {_at_most(lower, upper)}ties count"
    # Undecided, a check that is not only "reported" keeps the certificate from holding.
    return Check(name, lower, 1, lower > 0 or None, bounds.kind if lower > 0 else "numerical", detail)


def _are_apart(metric, seen):
    """Whether distances between labels are so large that F of no unseen label can tie with the least, by rounding.

    With K observed labels one has at least 1 / K of the weight, so that F of a label at distance h from all of them
    exceeds the least by h^2 / K where that is at most the squared diameter. Known of trees and of few labels.
    """
    if isinstance(metric, TreeMetric):
        nearest, diameter = metric._tree.lengths[metric._tree.positions[metric.nodes_]].min(), metric.diameter()
    elif isinstance(metric, DiscreteMetric):
        nearest = diameter = 1.0
    elif metric.n_labels_ * seen.size <= ENTRIES_AT_ONCE:
        apart = metric.distances(seen, np.arange(metric.n_labels_))
        nearest, diameter = np.where(apart > 0.0, apart, np.inf).min(), apart.max()
    else:
        return False
    return bool(nearest**2 > TIE * seen.size * diameter**2)


def _at_most(lower, upper):
    return "" if lower == upper else f"at least, and at most {upper}; "


def _constant(metric, power, label, distance):
    detail = f"mean {metric.quantity(power)} of the training labels to {metric.labels_[label]!s}"
    return Check("best constant label", distance, None, None, "reported", detail)


def _held_out(metric, power, place, means):
    loki = float(means.loki[place])
    bound = min(means.most_probable, means.constant)
    at_end = "" if 0 < place < means.loki.size - 1 else ", and is the end of its range"
    detail = (
        f"of rows left out in turn; most probable label {means.most_probable:.4g}, best constant one "
        f"{means.constant:.4g}; the temperature was chosen on the same rows{at_end}"
    )
    return Check(f"held-out mean {metric.quantity(power)}", loki, bound, loki <= bound, "test", detail)
