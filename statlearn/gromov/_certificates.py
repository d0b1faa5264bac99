"""What a Gromov-Wasserstein interval may claim."""

import numpy as np

from ..certificate import Certificate, Check

__all__ = ["ends", "interval_certificate"]

STATIONARY = 1e-6  # gap, relative to the scale of the costs
AGREEMENT = 1e-12  # of marginals and of a value computed in two ways, relative to the scale of the costs


def ends(lower, upper, rounding):
    """The two ends without rounding: a lower end below it is zero, and none passes the upper end by it."""
    lower, upper = (lower if lower > rounding else 0.0), max(upper, 0.0)
    return (upper if upper < lower <= upper + rounding else lower), upper


def interval_certificate(lower, upper, lower_name, plan, found, objective, condition=""):
    """Checks of the two ends of the interval, recomputed from the plan."""
    scale = max(objective.constant, np.finfo(float).tiny)
    marginals = max(
        np.abs(plan.sum(axis=1) - objective.p).max(), np.abs(plan.sum(axis=0) - objective.q).max(), -plan.min()
    )
    drift = abs(found.descent.value - upper) / scale
    stationarity = found.descent.gap / scale
    low, high = ends(lower, upper, objective.rounding)
    checks = [
        Check("lower bound", low, high, bool(low <= high), "proof", f"{lower_name}, against the upper end"),
        Check("plan marginals", marginals, AGREEMENT, bool(marginals <= AGREEMENT), "numerical", "largest deviation"),
        Check(
            "objective", drift, AGREEMENT, bool(drift <= AGREEMENT), "numerical", "upper end, recomputed from the plan"
        ),
        Check(
            "stationarity",
            stationarity,
            STATIONARY,
            bool(stationarity <= STATIONARY),
            "numerical",
            f"conditional gradient gap, from the start {found.start_name}",
        ),
        Check("relative gap", (high - low) / high if high > low else 0.0, None, None, "reported"),
    ]
    claim = (
        f"The Gromov-Wasserstein value of the two networks{condition} lies between {low:.6g} and {high:.6g}, to within "
        f"rounding of {objective.rounding:.1g}, and the plan, a stationary point, attains the upper end."
    )
    assumptions = []
    if low < high:
        assumptions.append("the plan is a local optimum: no plan of smaller objective was found, none is excluded")
    return Certificate(claim, checks, assumptions)
