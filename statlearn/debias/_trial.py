"""A trial but for its outcomes: who is treated, with what probability and weight, and how an effect is estimated."""

from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np
from scipy.stats import norm
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold, check_cv
from sklearn.utils import check_consistent_length

from .._support._sklearn import HasMethods, Interval, StrOptions, _safe_indexing
from .._support.delegation import folds_of
from ..certificate import Check
from ._partitions import check_partition, folds_among
from ._unit_checks import check_clusters, check_outcome, check_treatment, check_weights

__all__ = [
    "LEVEL_OF_TESTS",
    "TRIAL_CONSTRAINTS",
    "Trial",
    "check_trial",
    "contrast_coefficients",
    "trial_assumptions",
    "trial_checks",
]

TRIAL_CONSTRAINTS = {
    "treatment": ["array-like"],
    "propensity": ["array-like", Interval(Real, 0, 1, closed="neither"), None],
    "estimator": [StrOptions({"difference", "ipw", "hajek", "aipw"})],
    "weights": ["array-like", None],
    "outcome_model": [HasMethods(["fit", "predict"]), None],
    "covariates": ["array-like", None],
    "clusters": ["array-like", None],
    "cv": ["cv_object"],
    "clip": [Interval(Real, 0, 0.5, closed="left")],
    "level": [Interval(Real, 0, 1, closed="neither")],
}
LEVEL_OF_TESTS = 0.05
ASSUMED_OF_TREATMENT = {
    "difference": "treatment is assigned independently of the outcomes that it leads to",
    "ipw": "the propensities are right, and treatment is independent of the outcomes that it leads to given them",
    "hajek": "the propensities are right, and treatment is independent of the outcomes that it leads to given them",
    "aipw": "treatment is independent of the outcomes that it leads to given the covariates, and the propensities or "
    "the outcome model are right",
}


@dataclass(frozen=True, eq=False)
class Trial:
    """Checked inputs of an effect but for the outcomes: what stays fixed while outcomes are corrected.

    It has the units of positive weight alone, which are those ``kept`` of the given ones. ``weights`` sum to 1.
    ``cluster_codes`` are positions from 0 on; without clusters each unit is one.
    """

    kept: np.ndarray
    treatment: np.ndarray
    propensity: np.ndarray | None
    weights: np.ndarray
    cluster_codes: np.ndarray | None
    estimator: str
    outcome_model: object
    covariates: np.ndarray | None
    folds: list | None
    n_clipped: int
    level: float

    @property
    def n_units(self):
        return self.treatment.size

    @property
    def is_linear(self):
        """Whether the estimate is a weighted sum of the outcomes, with coefficients that they do not change."""
        return self.estimator != "aipw"

    def values_of_units(self, values):
        """Entries of the units that are kept, of a vector that has one for each given unit."""
        check_consistent_length(values, self.kept)
        return values[self.kept]

    def resampled(self, counts):
        """The trial in which unit i appears ``counts[i]`` times."""
        weights = self.weights * counts
        treated, total = weights @ self.treatment, weights.sum()
        if not 0.0 < treated < total:
            raise ValueError(
                "A bootstrap sample of the trial has no treated or no control units: there are too few of them, or too "
                "few clusters, to resample. Use se='delta'."
            )
        return replace(self, weights=weights / total)


def check_trial(
    treatment,
    propensity=None,
    *,
    estimator="difference",
    weights=None,
    outcome_model=None,
    covariates=None,
    clusters=None,
    cv=None,
    clip=1e-6,
    level=0.95,
):
    """Check everything about a trial but its outcomes; takes the arguments of `estimate_ate`, with their defaults."""
    treatment = check_treatment(treatment)
    weights = check_weights(weights, treatment.size)
    kept = weights > 0.0
    propensity = _check_propensity(propensity, treatment.size, estimator)
    codes = check_clusters(clusters, treatment.size, kept=kept)
    _check_arms(treatment[kept], codes)
    outcome_model, covariates, folds = _outcome_model(
        estimator, outcome_model, covariates, cv, treatment, clusters, kept
    )
    clipped, n_clipped = None, 0
    if propensity is not None:
        clipped = np.clip(propensity[kept], clip, 1.0 - clip)
        n_clipped = int(np.count_nonzero(clipped != propensity[kept]))
    return Trial(
        kept,
        treatment[kept],
        clipped,
        weights[kept],
        codes,
        estimator,
        outcome_model,
        covariates,
        folds,
        n_clipped,
        level,
    )


def _check_arms(treatment, codes):
    """Refuse arms of a single unit, or of a single cluster: nothing tells by how much their mean may err."""
    for arm, name in ((1, "treated"), (0, "control")):
        members = treatment == arm
        if np.count_nonzero(members) < 2:
            raise ValueError(
                f"treatment must have at least two {name} units of positive weight. Got {np.count_nonzero(members)}."
            )
        if codes is not None and np.ptp(codes[members]) == 0:
            raise ValueError(
                f"clusters must have at least two labels among the {name} units, for a standard error. Got 1."
            )


def _outcome_model(estimator, outcome_model, covariates, cv, treatment, clusters, kept):
    """The outcome model, with covariates and folds of the units that are kept."""
    if estimator == "aipw":
        if covariates is None:
            raise ValueError("covariates must be given for estimator='aipw', which models outcomes on them.")
        check_consistent_length(treatment, covariates)
        outcome_model = LinearRegression() if outcome_model is None else outcome_model
    elif outcome_model is not None or covariates is not None or cv is not None:
        raise ValueError(
            f"outcome_model, covariates and cv are used by estimator='aipw' only. Got estimator={estimator!r}: drop "
            "them or change the estimator."
        )
    folds = None if cv is None else _make_folds(cv, covariates, treatment, clusters, kept)
    if covariates is not None and not kept.all():
        covariates = _safe_indexing(covariates, np.flatnonzero(kept))
    return outcome_model, covariates, folds


def _check_propensity(propensity, n_units, estimator):
    if estimator == "difference":
        if propensity is not None:
            raise ValueError(
                "propensity is not used by estimator='difference'. Choose estimator='ipw', 'hajek' or 'aipw'."
            )
        return None
    if propensity is None:
        raise ValueError(f"propensity must be given for estimator={estimator!r}. Got None.")
    if np.ndim(propensity) == 0:
        propensity = np.full(n_units, float(propensity))
    propensity = check_outcome(propensity, "propensity")
    if propensity.size != n_units:
        raise ValueError(f"propensity must have one entry per unit, {n_units} in all. Got {propensity.size}.")
    if propensity.min() <= 0.0 or propensity.max() >= 1.0:
        worst = propensity.min() if propensity.min() <= 0.0 else propensity.max()
        raise ValueError(
            f"propensity must be strictly between 0 and 1. Got {worst:g}: units whose treatment is certain tell "
            "nothing about its effect, so leave them out."
        )
    return propensity


def _make_folds(cv, covariates, treatment, clusters, kept):
    """Folds of an outcome model, of whole clusters if there are some: those of all units, without what is not kept."""
    codes = check_clusters(clusters, treatment.size)
    splitter = (
        GroupKFold(cv)
        if isinstance(cv, Integral) and codes is not None
        else check_cv(cv, treatment > 0.5, classifier=True)
    )
    folds = folds_of(splitter, covariates, treatment > 0.5, groups=codes)
    check_partition(folds, treatment.size, cv)
    return folds_among(folds, kept)


def contrast_coefficients(trial):
    """Coefficients c of the estimate ``c @ y``, for the estimators that are weighted sums of outcomes."""
    weights, treatment = trial.weights, trial.treatment
    if trial.propensity is not None:
        weights = weights / np.where(treatment > 0.5, trial.propensity, 1.0 - trial.propensity)
    if trial.estimator == "ipw":
        return weights * (2.0 * treatment - 1.0)
    treated, control = weights * treatment, weights * (1.0 - treatment)
    return treated / treated.sum() - control / control.sum()


def trial_assumptions(trial):
    """What an effect assumes of its trial."""
    return [
        ASSUMED_OF_TREATMENT[trial.estimator],
        "no unit's outcome depends on the treatment of others",
        "units are independent" if trial.cluster_codes is None else "clusters are independent",
    ]


def trial_checks(trial):
    """What can be said about the design of a trial without its outcomes."""
    treated = trial.treatment > 0.5
    n_treated = int(np.count_nonzero(treated))
    checks = [
        Check("units", trial.n_units, None, None, "reported", f"{n_treated} treated, {trial.n_units - n_treated} not")
    ]
    if trial.cluster_codes is not None:
        checks.append(Check("clusters", int(trial.cluster_codes.max()) + 1, None, None, "reported"))
    if trial.propensity is None:
        return checks
    coefficients = np.abs(contrast_coefficients(replace(trial, estimator="hajek")))
    effective = min(coefficients[arm].sum() ** 2 / (coefficients[arm] ** 2).sum() for arm in (treated, ~treated))
    clipped = trial.n_clipped / trial.n_units
    return [
        *checks,
        _propensity_check(trial),
        Check("propensities clipped", clipped, 0.0, clipped == 0.0, "reported", "share of the units; adds bias"),
        Check("effective units", float(effective), None, None, "reported", "of the smaller arm, after weighting"),
    ]


def _propensity_check(trial):
    """Whether as many units are treated as the propensities say."""
    excess = trial.weights * (trial.treatment - trial.propensity)
    if trial.cluster_codes is not None:
        excess = np.bincount(trial.cluster_codes, weights=excess)
        spread = np.sqrt(np.sum(excess**2))
    else:
        spread = np.sqrt(np.sum(trial.weights**2 * trial.propensity * (1.0 - trial.propensity)))
    pvalue = float(2.0 * norm.sf(abs(excess.sum()) / spread)) if spread > 0.0 else 1.0
    detail = "p-value: as many units are treated as the propensities say"
    return Check("propensities", pvalue, LEVEL_OF_TESTS, pvalue >= LEVEL_OF_TESTS, "test", detail)
