"""Certificates of fair models: a local solution, how dependent it is, and how the dependence was paid for."""

import numpy as np

from ..certificate import Certificate, Check

__all__ = ["LARGEST_REWARD", "Shrinkage", "fit_certificate", "reward_for_noise"]

LARGEST_REWARD = 0.1  # of a negative penalty, in units of half the mean deviance of the constant model
MARGIN = 0.01  # of a ratio of correlations, that a ratio of variances may be below it


class Shrinkage:
    """Whether the penalty was paid by shrinking predictions.

    It was if their variance fell by a larger factor than their squared distance correlation with the attributes did,
    or to nothing. Undecided where the unpenalized predictions are constant or not correlated at all, where there is
    nothing to pay for. A penalty that is free of scale does not reward shrinking: the two ratios are then measured, and
    mean no harm.

    Parameters
    ----------
    fitted : Measures
        Of the penalized fit.
    unpenalized : Measures
        Of the fit without penalty.
    scale_free : bool
        Whether the penalty does not depend on the scale of predictions.

    Attributes
    ----------
    variance_ratio : float or None
        Variance of the predictions, relative to the unpenalized ones.
    correlation_ratio : float or None
        Squared distance correlation of the predictions with the attributes, relative to the unpenalized ones.
    found : bool or None
        The verdict.
    """

    def __init__(self, fitted, unpenalized, scale_free):
        self.variance_ratio = self.correlation_ratio = self.found = None
        self._scale_free = scale_free
        if not unpenalized.variance > 0.0:
            return
        self.variance_ratio = fitted.variance / unpenalized.variance
        if unpenalized.distance_correlation > 0.0:
            self.correlation_ratio = fitted.distance_correlation / unpenalized.distance_correlation
        if scale_free:
            self.found = False
        elif fitted.variance == 0.0:
            self.found = True
        elif self.correlation_ratio is not None:
            self.found = bool(self.variance_ratio < (1.0 - MARGIN) * self.correlation_ratio)

    def check(self):
        """The check of a certificate."""
        detail = "variance of the predictions against their distance correlation, both relative to no penalty"
        if self._scale_free:
            detail += "; shrinking does not pay here"
            return Check("shrinkage", self.variance_ratio, self.correlation_ratio, None, "reported", detail)
        if self.found is None:
            return Check("shrinkage", self.variance_ratio, None, None, "reported", "variance relative to no penalty")
        return Check("shrinkage", self.variance_ratio, self.correlation_ratio, not self.found, "numerical", detail)


def reward_for_noise(fitted, scale, fairness_weight):
    """What a negative penalty adds to the fit, in units of half the mean deviance of the constant model.

    An unbiased penalty can be negative by chance. A large weight then rewards predictions for growing.
    """
    return max(-fairness_weight * fitted.excess / scale, 0.0) if scale > 0.0 else 0.0


def fit_certificate(solution, fitted, unpenalized, shrinkage, *, tol, can_be_negative, penalize_on, reward):
    """What is known about a fit.

    Parameters
    ----------
    solution : Solution
        How the solver ended.
    fitted, unpenalized : Measures
        Of the fit, and of the fit without penalty.
    shrinkage : Shrinkage or None
        None without penalty.
    tol : float
        Tolerance of the solver.
    can_be_negative : bool or None
        Whether the penalty can be negative; None if nothing is protected.
    penalize_on : str
        What the penalty looks at.
    reward : float
        See `reward_for_noise`.

    Returns
    -------
    certificate : Certificate
        The checks.
    """
    checks = [_optimality(solution, tol), _limits(fitted)]
    assumptions = ["rows are representative of the population the model is used for"]
    if can_be_negative is not None:
        checks += _dependence(fitted, unpenalized, can_be_negative)
        assumptions = [
            "demographic parity is what fairness means here: predictions that do not depend on the attributes",
            *assumptions,
            "rare combinations of attributes may matter little: they hardly weigh in the penalty",
        ]
    if shrinkage is not None:
        checks.append(shrinkage.check())
        detail = "reward for fitting the noise of an unbiased penalty"
        holds = bool(reward <= LARGEST_REWARD)
        checks.append(Check("negative penalty", reward, LARGEST_REWARD, holds, "numerical", detail))
    if penalize_on == "count":
        assumptions.append("differences of exposure are meant to count: expected counts are penalized, not rates")
    return Certificate(_claim(solution, shrinkage is not None), checks, assumptions)


def _claim(solution, penalized):
    if not penalized:
        return f"The coefficients minimize the mean loss without fairness penalty: {solution.objective:.6g}."
    if solution.is_constant:
        return (
            f"The constant model is a local solution of the penalized risk, {solution.objective:.6g}, and better than "
            "the other one that was found."
        )
    return (
        f"The coefficients are a local solution of the penalized risk, {solution.objective:.6g}; the penalty is not "
        "convex, so that there may be better ones."
    )


def _optimality(solution, tol):
    descent = solution.descent
    if solution.is_constant:
        detail = "what the constant model gains over the descent"
        return Check("optimality", solution.advantage, 0.0, True, "numerical", detail)
    if descent.slope <= descent.slope_bound:
        return Check("optimality", descent.slope, descent.slope_bound, True, "numerical", "largest slope of the risk")
    holds = descent.converged
    return Check("optimality", descent.decrease, tol, holds, "numerical", "decrease of the risk in the last iterations")


def _limits(fitted):
    """Behind a link, predictors beyond its limits are saturated; where nothing is left to fit, there is no minimum."""
    detail = "training rows whose linear predictor left the range of the link"
    if fitted.has_minimum and fitted.n_clipped > 0:
        return Check("rows at the limit", fitted.n_clipped, None, None, "reported", detail + ", as good as certain")
    return Check("rows at the limit", fitted.n_clipped, 0, fitted.has_minimum, "numerical", detail)


def _dependence(fitted, unpenalized, can_be_negative):
    sign = "; an unbiased estimate, so that chance can make it negative" if can_be_negative else ""
    return [
        Check("penalty", fitted.excess, None, None, "reported", f"{unpenalized.excess:.4g} without penalty{sign}"),
        Check(
            "distance correlation",
            fitted.distance_correlation,
            None,
            None,
            "reported",
            f"squared, free of scale; {unpenalized.distance_correlation:.4g} without penalty",
        ),
        Check(
            "unfairness ratio",
            fitted.unfairness_ratio,
            None,
            None,
            "reported",
            f"between cells, free of scale; {unpenalized.unfairness_ratio:.4g} without penalty",
        ),
        *_balance(fitted),
    ]


def _balance(fitted):
    """A penalty on the mean response moves the total behind a link, where the intercept does not make up for it."""
    if np.isnan(fitted.balance):
        return []
    return [Check("balance", fitted.balance, None, None, "reported", "mean prediction over mean target")]
