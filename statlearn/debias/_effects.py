"""Average treatment effects from outcomes, with standard errors from influence functions."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.stats import norm
from sklearn.base import clone
from sklearn.utils import column_or_1d
from sklearn.utils.validation import has_fit_parameter

from .._support._sklearn import _safe_indexing, validate_params
from .._support.data_frames import check_same_index
from .._typing import ArrayLike, CrossValidation, Estimator
from ..certificate import Certificate
from ._trial import TRIAL_CONSTRAINTS, check_trial, contrast_coefficients, trial_assumptions, trial_checks
from ._unit_checks import check_outcome

__all__ = ["EffectResult", "estimate_ate"]

ROUNDING = 1e-12  # weights whose range is below this share of the largest are equal


@dataclass(frozen=True, eq=False)
class EffectResult:
    """An estimated effect with its uncertainty.

    Attributes
    ----------
    estimate : float
        The effect, in units of the outcome.
    se : float or None
        Standard error; None if none was asked for.
    ci : tuple of float of length 2 or None
        Confidence interval; infinite ends if the effect is not bounded. None without a standard error.
    level : float
        Level of the interval.
    n : int
        Number of units of the trial with a positive weight.
    method : str
        How the estimate was found.
    certificate : Certificate
        What was checked and what is assumed.
    naive : float or None
        `debiased_ate` and `ppi_ate`: the effect on the predictions as they are.
    lcc_factor : float or None
        Corrected effects: the factor 1 / k that linear calibration correction multiplies effects with, for k the
        slope of the predictions on the truth.
    se_trial, se_calibration : float or None
        Corrected effects: the standard errors if only the trial, or only the calibration sample, were random.
        `ppi_ate`: those of the unlabeled and of the labeled units. Their squares sum to that of ``se``, up to
        simulation noise if these are bootstrap figures.
    lam : tuple of float of length 2 or None
        `ppi_ate`: the weight of the predictions among the treated and among the controls.

    Examples
    --------
    >>> from statlearn.debias import estimate_ate
    >>> result = estimate_ate([3.0, 4.0, 5.0, 0.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0])
    >>> print(f"{result.estimate:.1f}")
    3.0
    >>> print(result)
    Effect (difference): 3, standard error 0.8165, 95 % interval (1.4, 4.6), 6 units
    """

    estimate: float
    se: float | None
    ci: tuple[float, float] | None
    level: float
    n: int
    method: str
    certificate: Certificate = field(repr=False)
    naive: float | None = None
    lcc_factor: float | None = None
    se_trial: float | None = None
    se_calibration: float | None = None
    lam: tuple[float, float] | None = None

    def __str__(self):
        parts = [f"Effect ({self.method}): {self.estimate:.4g}"]
        if self.se is not None:
            parts.append(f"standard error {self.se:.4g}")
        if self.ci is not None:
            parts.append(f"{100 * self.level:g} % interval ({self.ci[0]:.4g}, {self.ci[1]:.4g})")
        lines = [", ".join([*parts, f"{self.n} units"])]
        if self.naive is not None:
            lines.append(f"On predictions as they are: {self.naive:.4g}")
        if self.lcc_factor is not None:
            lines.append(f"Factor of the linear correction: {self.lcc_factor:.4g}")
        if self.se_calibration is not None:
            lines.append(f"Parts of the standard error: {self.se_trial:.4g} trial, {self.se_calibration:.4g} labels")
        return "\n".join(lines)


@validate_params(
    {"y": ["array-like"]} | TRIAL_CONSTRAINTS,
    prefer_skip_nested_validation=False,  # the outcome model checks its own parameters
)
def estimate_ate(
    y: ArrayLike,
    treatment: ArrayLike,
    propensity: ArrayLike | float | None = None,
    *,
    estimator: Literal["difference", "ipw", "hajek", "aipw"] = "difference",
    weights: ArrayLike | None = None,
    outcome_model: Estimator | None = None,
    covariates: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    cv: CrossValidation | None = None,
    clip: float = 1e-6,
    level: float = 0.95,
) -> EffectResult:
    r"""Estimate the average effect of a binary treatment on an outcome.

    With outcomes y, treatments A, propensities e and weights w, the estimate is, for ``"difference"``,

    .. math:: \frac{\sum_i w_i A_i y_i}{\sum_i w_i A_i} - \frac{\sum_i w_i (1 - A_i) y_i}{\sum_i w_i (1 - A_i)},

    the same with weights :math:`w_i / (A_i e_i + (1 - A_i)(1 - e_i))` for ``"hajek"``, and the weighted mean of

    .. math:: z_i = m_1(X_i) - m_0(X_i) + \frac{A_i (y_i - m_1(X_i))}{e_i}
        - \frac{(1 - A_i)(y_i - m_0(X_i))}{1 - e_i}

    for ``"aipw"``, with :math:`m_a` the outcome model of arm a, and for ``"ipw"``, with :math:`m_1 = m_0 = 0`.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Outcomes.
    treatment : array-like of shape (n_samples,)
        1 or True for treated units, 0 or False for the others.
    propensity : array-like of shape (n_samples,) or float, default=None
        Probabilities of treatment, strictly between 0 and 1; one number if it is the same for all. All estimators but
        ``"difference"``, which ignores covariates, need them.
    estimator : {"difference", "ipw", "hajek", "aipw"}, default="difference"
        Difference of means, inverse probability weighting (Horvitz and Thompson), the same with weights that are
        normalized in each arm (Hájek), or the augmented form, which stays consistent if either the propensities or the
        outcome model are right.
    weights : array-like of shape (n_samples,), default=None
        Sampling weights; None weighs all units alike. Their scale does not matter, and units of weight 0 are left out.
    outcome_model : estimator, default=None
        Regressor for ``"aipw"``; clones of it are fitted to each arm. None takes
        `sklearn.linear_model.LinearRegression`.
    covariates : array-like or dataframe of shape (n_samples, n_features), default=None
        Features of the outcome model, for ``"aipw"``, which are passed to it as they are.
    clusters : array-like of shape (n_samples,), default=None
        Labels of the clusters that are independent of one another, at least two in each arm; None if all units are.
    cv : int, cross-validation splitter or iterable, default=None
        For ``"aipw"``: folds, which hold out each unit once, such that outcomes are predicted by models which did not
        see them. None fits and predicts all units, which is for models with few parameters. An int makes folds of whole
        clusters if there are ``clusters``.
    clip : float, default=1e-6
        Propensities below ``clip`` or above ``1 - clip`` are set to these; the certificate says how many were.
    level : float, default=0.95
        Level of the confidence interval.

    Returns
    -------
    result : EffectResult
        Estimate, standard error, normal interval and certificate.

    Raises
    ------
    TypeError
        If an input is a masked array.
    ValueError
        If an input is missing, not finite or of the wrong length, pandas objects have different indices, ``treatment``
        is not binary, an arm has fewer than two units or clusters of positive weight, weights are negative,
        propensities are missing or not between 0 and 1, folds do not hold out each unit once, or an outcome model
        predicts numbers that are not finite.

    See Also
    --------
    debiased_ate : The same on predictions that stand for outcomes.
    ppi_ate : With some labeled units in the trial.

    Notes
    -----
    The standard error is the root of the sum of squared influences [1]_, summed within clusters, with a correction
    for degrees of freedom, of each arm by itself for ``"difference"`` and ``"hajek"``: without weights and clusters the
    former gives Welch's standard error. It takes the
    propensities as known. With propensities that were estimated on the same units by maximum likelihood it is too
    large for ``"ipw"`` and ``"hajek"`` rather than too small [2]_, and right for ``"aipw"``.

    References
    ----------
    .. [1] J. K. Lunceford and M. Davidian (2004). "Stratification and weighting via the propensity score in estimation
       of causal treatment effects." Statistics in Medicine 23. Sections 3.2 and 4.
    .. [2] K. Hirano, G. W. Imbens and G. Ridder (2003). "Efficient estimation of average treatment effects using the
       estimated propensity score." Econometrica 71.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_predict
    >>> from statlearn.debias import estimate_ate
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(4000, 2))
    >>> treatment = rng.random(4000) < 1 / (1 + np.exp(-X[:, 0]))
    >>> y = treatment + X.sum(axis=1) + rng.normal(size=4000)
    >>> print(f"{estimate_ate(y, treatment).estimate:.1f}")  # confounded: the truth is 1
    1.8
    >>> model = LogisticRegression()
    >>> propensity = cross_val_predict(model, X, treatment, method="predict_proba")[:, 1]
    >>> result = estimate_ate(y, treatment, propensity, estimator="aipw", covariates=X)
    >>> print(f"{result.estimate:.1f}")
    1.0
    """
    check_same_index(
        y=y, treatment=treatment, propensity=propensity, weights=weights, covariates=covariates, clusters=clusters
    )
    trial = check_trial(
        treatment,
        propensity,
        estimator=estimator,
        weights=weights,
        outcome_model=outcome_model,
        covariates=covariates,
        clusters=clusters,
        cv=cv,
        clip=clip,
        level=level,
    )
    return effect_of(trial.values_of_units(check_outcome(y, "y")), trial)


def effect_of(y, trial):
    """Estimate of an effect with its standard error, interval and certificate."""
    estimate, influence = estimate_with_influence(y, trial)
    se = root_sum_of_squares(influence)
    return EffectResult(
        estimate=estimate,
        se=se,
        ci=normal_interval(estimate, se, trial.level),
        level=trial.level,
        n=trial.n_units,
        method=trial.estimator,
        certificate=_certificate(trial),
    )


def root_sum_of_squares(values):
    """Euclidean norm, without squares that leave the range of floating-point numbers."""
    largest = np.abs(values).max()
    return float(largest * np.sqrt(np.sum((values / largest) ** 2))) if largest > 0.0 else 0.0


def normal_interval(estimate, se, level):
    """Two-sided normal interval."""
    half = float(norm.isf((1.0 - level) / 2.0)) * se
    return (estimate - half, estimate + half)


def point_estimate(y, trial):
    """Estimate of an effect alone."""
    return _ESTIMATORS[trial.estimator](y, trial)[0]


def estimate_with_influence(y, trial):
    """Estimate of an effect, and the influence of each unit, or cluster, on it: their squares sum to its variance."""
    estimate, influence = _ESTIMATORS[trial.estimator](y, trial)
    influence = influence * _freedom(trial)
    if trial.cluster_codes is None:
        return estimate, influence
    return estimate, np.bincount(trial.cluster_codes, weights=influence)


def _freedom(trial):
    """Factors of influences that make up for the fitted means: of each arm if arms have means, of all otherwise."""
    codes = np.arange(trial.n_units) if trial.cluster_codes is None else trial.cluster_codes
    if trial.estimator in ("ipw", "aipw"):
        return _factor(codes)
    treated = trial.treatment > 0.5
    return np.where(treated, _factor(codes[treated]), _factor(codes[~treated]))


def _factor(codes):
    """Factor for a mean over units with these codes, n of which are distinct: the root of n / (n - 1)."""
    n_distinct = np.count_nonzero(np.bincount(codes))
    return np.sqrt(n_distinct / (n_distinct - 1.0))


def _difference(y, trial):
    """Difference of weighted means; with propensities, Hájek's estimate."""
    coefficients = contrast_coefficients(trial)
    treated = trial.treatment > 0.5
    mean_treated = float(coefficients[treated] @ y[treated])
    mean_control = -float(coefficients[~treated] @ y[~treated])
    return mean_treated - mean_control, coefficients * (y - np.where(treated, mean_treated, mean_control))


def _horvitz_thompson(y, trial):
    coefficients = contrast_coefficients(trial)
    estimate = float(coefficients @ y)
    return estimate, coefficients * y - trial.weights * estimate


def _augmented(y, trial):
    treated_outcome, control_outcome = _predict_outcomes(y, trial)
    A, e = trial.treatment, trial.propensity
    z = (
        treated_outcome
        - control_outcome
        + A * (y - treated_outcome) / e
        - (1.0 - A) * (y - control_outcome) / (1.0 - e)
    )
    estimate = float(trial.weights @ z)
    return estimate, trial.weights * (z - estimate)


_ESTIMATORS = {"difference": _difference, "hajek": _difference, "ipw": _horvitz_thompson, "aipw": _augmented}


def _predict_outcomes(y, trial):
    """Outcomes of all units under treatment and under control, by models of the two arms."""
    everyone = np.arange(y.size)
    folds = [(everyone, everyone)] if trial.folds is None else trial.folds
    predicted = np.empty((2, y.size))
    for train, test in folds:
        for arm in (1, 0):
            rows = train[(trial.treatment[train] == arm) & (trial.weights[train] > 0.0)]  # zero if not resampled
            if rows.size == 0:
                raise ValueError(f"cv leaves a fold without units of treatment {arm} to train on: use fewer folds.")
            covariates = _safe_indexing(trial.covariates, rows)
            model = _fit_outcomes(trial.outcome_model, covariates, y[rows], trial.weights[rows] * y.size)
            predicted[arm, test] = column_or_1d(model.predict(_safe_indexing(trial.covariates, test)))
    wrong = np.count_nonzero(~np.isfinite(predicted))
    if wrong:
        raise ValueError(
            f"outcome_model must predict finite numbers for all units, under treatment and without. "
            f"{type(trial.outcome_model).__name__} gave {wrong} of {predicted.size} that are not."
        )
    return predicted[1], predicted[0]


def _fit_outcomes(outcome_model, covariates, outcomes, weights):
    """Fit a clone of the outcome model; equal weights are not passed on."""
    model = clone(outcome_model)
    if np.ptp(weights) <= ROUNDING * weights.max():
        return model.fit(covariates, outcomes)
    if not has_fit_parameter(model, "sample_weight"):
        raise ValueError(
            f"outcome_model must take sample_weight in fit, for units are weighted or resampled. {model!r} does not."
        )
    return model.fit(covariates, outcomes, sample_weight=weights)


def _certificate(trial):
    """What was checked about a trial."""
    claim = "The interval covers the average effect of the treatment, in large samples, as often as its level says."
    return Certificate(claim, trial_checks(trial), trial_assumptions(trial))
