"""Certificates of the ordinal family."""

import numpy as np

from ..certificate import Certificate, Check

__all__ = ["fit_certificate"]

RIVALS = {
    "parallel": "all coefficients with parallel slopes",
    "observed": "all coefficients",
    "train": "all coefficients whose cuts cross at no training row",
    "box": "all coefficients whose cuts cross nowhere in the bounding box of the training data",
}


def fit_certificate(problem, solver, solution, penalty, *, crossing, n_crossing):
    """What a fit proved: how far it is from the optimum, and where its cuts keep their order."""
    tol = solver.tol
    bound = tol * max(1.0, solution.objective)
    checks = [
        Check(
            "duality gap", solution.gap, bound, solution.gap <= bound, "proof", "objective above the optimum, at most"
        ),
        Check(
            "KKT violation", solution.violation, tol, solution.violation <= tol, "numerical", "per standardized slope"
        ),
        _existence(penalty, solution),
    ]
    if crossing == "box":
        slack = solver.domain.smallest_slack(solution.theta)
        checks.append(
            Check("smallest slack in the box", slack, 0.0, slack >= 0.0, "proof", "logit units, over all cuts")
        )
    penalized = bool(np.any((penalty.lasso + penalty.ridge)[np.isfinite(penalty.lasso)] > 0.0))
    objective = f"{'penalized' if penalized else 'mean'} negative log-likelihood"
    holds = None if crossing == "observed" else n_crossing == 0
    checks.append(
        Check(
            "training rows that cross",
            n_crossing,
            None if crossing == "observed" else 0,
            holds,
            "reported",
            f"of {int(problem.multiplicity.sum())}; there some class probability is negative before repair",
        )
    )
    return Certificate(
        claim=(
            f"Among {RIVALS[crossing]}, none has a {objective} smaller than the fitted "
            f"{solution.objective:.6g} by more than {solution.gap:.2g}."
        ),
        checks=checks,
        assumptions=(
            "rows are independent given the features",
            "every cut logit is linear in the features",
            *(("the penalty was not chosen on the rows that judge the fit",) if penalized else ()),
        ),
    )


def _existence(penalty, solution):
    if not penalty.free[:, 1:].any():
        return Check("a minimizer exists", None, None, True, "proof", "every slope is penalized or fixed")
    detail = "separable: slopes grow forever" if solution.separated else "no separation met"
    return Check("a minimizer exists", None, None, not solution.separated, "numerical", detail)
