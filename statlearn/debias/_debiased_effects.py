"""Treatment effects on predictions that stand for outcomes."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np

from .._support._sklearn import Interval, StrOptions, validate_parameter_constraints, validate_params
from .._support.data_frames import check_same_index
from .._typing import ArrayLike, RandomState
from ._bootstrap import Units
from ._corrected_estimates import (
    check_map,
    corrected_certificate,
    corrected_estimates,
    errors_between,
    fieller_of,
)
from ._corrector import Corrector
from ._effects import EffectResult, estimate_with_influence, normal_interval, point_estimate
from ._trial import (
    TRIAL_CONSTRAINTS,
    Trial,
    check_trial,
    contrast_coefficients,
    trial_assumptions,
    trial_checks,
)
from ._unit_checks import check_outcome, check_treatment

CLAIM = (
    "The interval covers the average effect of the treatment on the true outcome, in large samples, as often as its "
    "level says; it counts the chance of the trial and of the calibration sample."
)
CLAIM_OF_POINT = (
    "The estimate is close to the average effect of the treatment on the true outcome, if the trial and the "
    "calibration sample are large; how close was not asked for."
)

__all__ = ["debiased_ate"]


@dataclass(frozen=True, eq=False)
class EffectEstimand:
    """The effect of a trial as a functional of what is taken for its outcomes."""

    trial: Trial

    @property
    def units(self):
        """What the bootstrap draws."""
        return Units(self.trial.n_units, self.trial.cluster_codes)

    def functional(self, counts=None):
        """What takes outcomes to the estimate, of shape (1,), with ``counts`` from a bootstrap sample."""
        trial = self.trial if counts is None else self.trial.resampled(counts)
        if not trial.is_linear:
            return lambda values: np.array([point_estimate(values, trial)])
        coefficients = contrast_coefficients(trial)
        return lambda values: np.array([coefficients @ values])

    def covariance(self, values):
        """Its variance for fixed outcomes, of shape (1, 1)."""
        influence = estimate_with_influence(values, self.trial)[1]
        return np.array([[np.sum(influence**2)]])

    def of_constant(self):
        """The estimate from outcomes that are all 1: not 0 for Horvitz and Thompson."""
        return np.array([contrast_coefficients(self.trial).sum() if self.trial.estimator == "ipw" else 0.0])


@validate_params(
    {
        "y_pred": ["array-like"],
        "treatment": ["array-like"],
        "se": [StrOptions({"delta", "bootstrap", "none"})],
        "ci": [StrOptions({"normal", "percentile", "fieller"})],
        "n_boot": [Interval(Integral, 2, None, closed="left")],
        "calibration_groups": ["array-like", None],
        "calibration_clusters": ["array-like", None],
        "random_state": ["random_state", np.random.Generator],
        "n_jobs": [Interval(Integral, None, -1, closed="right"), Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=False,  # the outcome model checks its own parameters
)
def debiased_ate(
    corrector: Corrector,
    y_pred: ArrayLike,
    treatment: ArrayLike,
    propensity: ArrayLike | float | None = None,
    *,
    se: Literal["delta", "bootstrap", "none"] = "delta",
    ci: Literal["normal", "percentile", "fieller"] = "normal",
    n_boot: int = 500,
    calibration_groups: ArrayLike | None = None,
    calibration_clusters: ArrayLike | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    **effect_options: Any,
) -> EffectResult:
    r"""Estimate a treatment effect on outcomes that are known by predictions only.

    Predictions are corrected, and the effect on the corrected predictions is estimated [1]_. Its standard error counts
    the chance of both samples: of the trial, and of the calibration sample from which the corrector learned.

    Correct only if the treatment reaches the predictions through the outcome alone. If treatment was decided by what
    the predicting model sees, the effect on raw predictions, ``naive``, is right and the corrected one too large:
    ``calibration_groups`` tests it.

    Parameters
    ----------
    corrector : Corrector
        A fitted `LinearCalibrationCorrector`, `TweedieCorrector` or `SieveCorrector`.
    y_pred : array-like of shape (n_samples,)
        Predicted outcomes of the units of the trial, as the model made them: ``predict_raw`` of a `DebiasedRegressor`,
        never its ``predict``.
    treatment : array-like of shape (n_samples,)
        1 or True for treated units, 0 or False for the others.
    propensity : array-like of shape (n_samples,) or float, default=None
        Probabilities of treatment, for all estimators but ``"difference"``.
    se : {"delta", "bootstrap", "none"}, default="delta"
        How standard errors are found.

        - ``"delta"``: influence functions for the trial; for the calibration sample the formula in the notes if the
          correction is linear, and a jackknife over 100 random blocks of pairs if not;
        - ``"bootstrap"``: trial and calibration sample are resampled together, and the corrector learns anew each time,
          with the bandwidth or the ridge that it has chosen once;
        - ``"none"``: no standard error and no interval.
    ci : {"normal", "percentile", "fieller"}, default="normal"
        The interval: from the standard error, from quantiles of bootstrap estimates, or Fieller's [2]_, which holds its
        level even if the slope of predictions on the truth is hardly distinguishable from 0, and is unbounded then. The
        last is for `LinearCalibrationCorrector` without clipping and ``se="delta"``.
    n_boot : int, default=500
        Number of bootstrap samples.
    calibration_groups : array-like of shape (n_calibration,), default=None
        Treatment, or groups like it, of the calibration pairs with a positive weight, as 0 and 1. They test whether
        errors depend on the group; a warning says so if they do. Without them the certificate says that it was not
        tested.
    calibration_clusters : array-like of shape (n_calibration,), default=None
        Clusters of the calibration pairs with a positive weight; None if pairs are independent.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of bootstrap samples and jackknife blocks.
    n_jobs : int, default=None
        Number of threads of the bootstrap; the result does not depend on it.
    **effect_options : dict
        Keyword arguments of `estimate_ate`: ``estimator``, ``weights``, ``outcome_model``, ``covariates``,
        ``clusters``, ``cv``, ``clip`` and ``level``. ``clusters`` are resampled as a whole.

    Returns
    -------
    result : EffectResult
        Estimate, standard error with its two parts, interval, the naive effect, and the certificate of the corrector
        with checks of the trial.

    Raises
    ------
    TypeError
        If ``corrector`` is no corrector, or an option is unknown.
    ValueError
        If an input is refused by `estimate_ate`, pandas objects have different indices, ``ci`` does not go with ``se``
        or the corrector, or a bootstrap sample has an empty arm.
    sklearn.exceptions.NotFittedError
        If the corrector is not fitted.

    See Also
    --------
    estimate_ate : The estimators.
    debiased_group_means : Means of groups.
    ppi_ate : With some labeled units in the trial.

    Notes
    -----
    For a linear correction with intercept :math:`\hat m` and slope :math:`\hat k` of predictions on the truth, and the
    effect :math:`\hat\tau` on raw predictions, the estimate is :math:`\hat\tau / \hat k` for every estimator that
    gives 0 on constant outcomes, and

    .. math:: \mathrm{se}^2 = \frac{\mathrm{se}(\hat\tau)^2}{\hat k^2}
        + \frac{\hat\tau^2}{\hat k^2} \frac{\mathrm{se}(\hat k)^2}{\hat k^2},

    with :math:`\mathrm{se}(\hat k)` robust to heteroscedasticity. Leaving out the second term is the usual mistake:
    with 200 pairs and a slope of 0.6, nominal 95 % intervals then cover an effect of one standard deviation only about
    70 % of the time. Horvitz and Thompson's estimator is not 0 on constants, and the errors of :math:`\hat m` count.

    References
    ----------
    .. [1] M. B. Pettersson, C. T. Jerzak and A. Daoud (2025). "Debiasing machine learning predictions for causal
       inference without additional ground truth data." arXiv:2508.01341.
    .. [2] E. C. Fieller (1954). "Some problems in interval estimation." Journal of the Royal Statistical Society B 16.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import LinearCalibrationCorrector, debiased_ate
    >>> rng = np.random.default_rng(0)
    >>> def predicted(y):  # predictions shrink the truth by 0.6
    ...     return 0.6 * y + 0.5 * rng.normal(size=y.size)
    >>> y = rng.normal(size=1000)
    >>> corrector = LinearCalibrationCorrector().fit(predicted(y), y)
    >>> treatment = rng.random(4000) < 0.5
    >>> outcome = treatment + rng.normal(size=4000)  # never seen
    >>> result = debiased_ate(corrector, predicted(outcome), treatment)
    >>> print(f"naive {result.naive:.1f}, corrected {result.estimate:.1f}")
    naive 0.6, corrected 1.0
    >>> result.ci[0] < 1.0 < result.ci[1]
    True
    """
    correction_map = check_map(corrector, calibration_clusters)
    _check_interval(correction_map, se, ci)
    options = {"treatment": treatment, "propensity": propensity, **effect_options}
    validate_parameter_constraints(TRIAL_CONSTRAINTS, options, caller_name="debiased_ate")
    check_same_index(y_pred=y_pred, **options)
    trial = check_trial(**options)
    estimand = EffectEstimand(trial)
    y_pred = trial.values_of_units(check_outcome(y_pred, "y_pred"))
    if calibration_groups is not None:
        calibration_groups = check_treatment(calibration_groups, "calibration_groups")
    errors = errors_between(correction_map, calibration_groups)
    estimates = corrected_estimates(
        estimand,
        y_pred,
        correction_map,
        se=se,
        n_boot=n_boot,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    estimate = float(estimates.values[0])
    return EffectResult(
        estimate=estimate,
        se=_standard_error(estimates.covariance),
        ci=_interval(ci, estimand, estimates, correction_map),
        level=trial.level,
        n=trial.n_units,
        method=f"{trial.estimator}, {type(corrector).__name__}",
        certificate=corrected_certificate(
            CLAIM_OF_POINT if se == "none" else CLAIM,
            trial_checks(trial),
            trial_assumptions(trial),
            y_pred,
            correction_map,
            estimates,
            errors,
        ),
        naive=float(estimand.functional()(y_pred)[0]),
        lcc_factor=correction_map.lcc_factor(),
        se_trial=_standard_error(estimates.trial),
        se_calibration=_standard_error(estimates.calibration),
    )


def _check_interval(correction_map, se, ci):
    """Refuse intervals that do not go with the standard error or the corrector."""
    if ci == "percentile" and se != "bootstrap":
        raise ValueError(f"ci='percentile' needs se='bootstrap'. Got se={se!r}.")
    if ci == "fieller" and (se != "delta" or not correction_map.is_line):
        raise ValueError(
            "ci='fieller' needs se='delta' and a LinearCalibrationCorrector without clip, for only its effect is a "
            f"ratio. Got se={se!r} and {correction_map.corrector!r}."
        )


def _standard_error(covariance):
    """Root of the one entry of a covariance; None stays None."""
    return None if covariance is None else float(np.sqrt(covariance[0, 0]))


def _interval(ci, estimand, estimates, correction_map):
    level = estimand.trial.level
    if estimates.covariance is None:
        return None
    if ci == "fieller":
        return fieller_of(estimand, estimates, correction_map, level)
    if ci == "percentile":
        tails = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
        return tuple(np.quantile(estimates.replicates[:, 0], tails).tolist())
    return normal_interval(float(estimates.values[0]), _standard_error(estimates.covariance), level)
