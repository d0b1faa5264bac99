"""Prediction-powered effects: predictions of many units, corrected by labels of some."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn.utils import check_consistent_length

from .._support._sklearn import Interval, validate_params
from .._support.data_frames import check_same_index
from .._typing import ArrayLike
from ..certificate import Certificate, Check
from ._calibration_sample import is_constant
from ._effects import EffectResult, normal_interval, root_sum_of_squares
from ._trial import LEVEL_OF_TESTS
from ._unit_checks import check_outcome, check_treatment, check_weights

__all__ = ["ppi_ate"]

FEWEST = 2  # labeled, and unlabeled, units of an arm


class Arm(NamedTuple):
    """Units of one arm; weights sum to 1 among the labeled and among the unlabeled."""

    truth: np.ndarray
    predictions: np.ndarray
    weights: np.ndarray
    unlabeled: np.ndarray
    unlabeled_weights: np.ndarray


class ArmMean(NamedTuple):
    """Mean of an arm with the two parts of its standard error, and how predictions of labeled and other units differ.

    ``difference`` is that of their means, and ``p_value`` of the hypothesis that it is chance.
    """

    mean: float
    labeled_se: float
    unlabeled_se: float
    lam: float
    difference: float
    p_value: float


@validate_params(
    {
        "y_lab": ["array-like"],
        "pred_lab": ["array-like"],
        "a_lab": ["array-like"],
        "pred_unl": ["array-like"],
        "a_unl": ["array-like"],
        "w_lab": ["array-like", None],
        "w_unl": ["array-like", None],
        "lam": [Interval(Real, None, None, closed="neither"), None],
        "level": [Interval(Real, 0, 1, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def ppi_ate(
    y_lab: ArrayLike,
    pred_lab: ArrayLike,
    a_lab: ArrayLike,
    pred_unl: ArrayLike,
    a_unl: ArrayLike,
    *,
    w_lab: ArrayLike | None = None,
    w_unl: ArrayLike | None = None,
    lam: float | None = None,
    level: float = 0.95,
) -> EffectResult:
    r"""Estimate a treatment effect from labels of some units of the trial and predictions of all.

    The mean outcome of an arm is estimated by

    .. math:: \lambda \, \overline{\hat y}_u + \overline{(y - \lambda \hat y)}_l,

    with means over its unlabeled units u and its labeled units l. It is right whatever the predictions are worth, if
    the labeled units are a random sample of their arm: no assumption about the errors of predictions is needed, only
    labels from the trial itself.

    Parameters
    ----------
    y_lab : array-like of shape (n_labeled,)
        True outcomes of the labeled units.
    pred_lab : array-like of shape (n_labeled,)
        Their predictions, by a model that was not fitted to them.
    a_lab : array-like of shape (n_labeled,)
        Their treatment, 1 or 0.
    pred_unl : array-like of shape (n_unlabeled,)
        Predictions of the unlabeled units.
    a_unl : array-like of shape (n_unlabeled,)
        Their treatment, 1 or 0.
    w_lab, w_unl : array-like of shape (n_labeled,) or (n_unlabeled,), default=None
        Weights, such as one over the probability of the treatment that a unit had. They are normalized within each arm
        of each sample, and units of weight 0 are left out.
    lam : float or None, default=None
        The weight of the predictions in both arms: 1 is prediction-powered inference as first proposed [1]_, 0 ignores
        predictions. None takes, per arm, the weight with the smallest estimated variance, between 0 and 1 (PPI++).
    level : float, default=0.95
        Level of the confidence interval.

    Returns
    -------
    result : EffectResult
        Estimate, standard error and interval. ``naive`` is the effect on the predictions of all units as they are, with
        weights of mean 1 in both samples; ``lam`` has the weights of the predictions in the treated and in the control
        arm.

    Raises
    ------
    ValueError
        If inputs are of different lengths or not finite, the treatment is not binary, or an arm has fewer than two
        labeled or unlabeled units of positive weight, or pandas Series of the same units have different indices.

    See Also
    --------
    debiased_ate : Without labels in the trial.

    Notes
    -----
    Without weights of units the power-tuned weight is Proposition 2 of [2]_ for a mean, ``cov(y, f) / ((1 + n / N)
    var(f))`` over n labeled and N unlabeled units, with the variance of the predictions f over both. Estimates and
    standard errors then are those of ``ppi_mean_ci`` of the package ``ppi-python``, arm by arm. With weights of units
    the power-tuned weight minimizes the estimated variance, which takes into account that they are normalized. That of
    ``ppi-python`` depends on where predictions have their origin; with the same ``lam`` estimates are equal.

    Shrunken predictions would often deserve a weight above 1, which tuning does not give: pass it as ``lam``, chosen
    before looking at the outcomes, or correct the predictions first, by labels that are not among these.

    References
    ----------
    .. [1] A. N. Angelopoulos, S. Bates, C. Fannjiang, M. I. Jordan and T. Zrnic (2023). "Prediction-powered inference."
       Science 382.
    .. [2] A. N. Angelopoulos, J. C. Duchi and T. Zrnic (2023). "PPI++: Efficient prediction-powered inference."
       arXiv:2311.01453.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import ppi_ate
    >>> rng = np.random.default_rng(0)
    >>> treatment = rng.integers(2, size=5000)
    >>> y = treatment + rng.normal(size=5000)
    >>> prediction = 0.6 * y + 0.3 * rng.normal(size=5000)
    >>> lab, unl = slice(0, 400), slice(400, None)  # labels of 400 units
    >>> trial = y[lab], prediction[lab], treatment[lab], prediction[unl], treatment[unl]
    >>> result = ppi_ate(*trial)
    >>> result.ci[0] < 1.0 < result.ci[1]
    True
    >>> result.se < 0.7 * ppi_ate(*trial, lam=0).se  # what predictions are worth
    True
    """
    check_same_index(y_lab=y_lab, pred_lab=pred_lab, a_lab=a_lab, w_lab=w_lab)
    check_same_index(pred_unl=pred_unl, a_unl=a_unl, w_unl=w_unl)
    y_lab, pred_lab = check_outcome(y_lab, "y_lab"), check_outcome(pred_lab, "pred_lab")
    pred_unl = check_outcome(pred_unl, "pred_unl")
    a_lab, a_unl = check_treatment(a_lab, "a_lab"), check_treatment(a_unl, "a_unl")
    check_consistent_length(y_lab, pred_lab, a_lab)
    check_consistent_length(pred_unl, a_unl)
    w_lab, w_unl = check_weights(w_lab, y_lab.size, "w_lab"), check_weights(w_unl, pred_unl.size, "w_unl")
    kept = w_lab > 0.0
    y_lab, pred_lab, a_lab, w_lab = y_lab[kept], pred_lab[kept], a_lab[kept], w_lab[kept]
    kept = w_unl > 0.0
    pred_unl, a_unl, w_unl = pred_unl[kept], a_unl[kept], w_unl[kept]
    means = []
    for value in (1, 0):
        labeled, unlabeled = a_lab == value, a_unl == value
        _check_size(value, np.count_nonzero(labeled), np.count_nonzero(unlabeled))
        arm = Arm(y_lab[labeled], pred_lab[labeled], w_lab[labeled], pred_unl[unlabeled], w_unl[unlabeled])
        means.append(_arm_mean(_normalized(arm), lam))
    treated, control = means
    pairs = ((pred_lab, pred_unl), (a_lab, a_unl), (w_lab * y_lab.size, w_unl * pred_unl.size))
    predictions, treatment, weights = map(np.concatenate, pairs)
    arms = (treatment == 1.0, treatment == 0.0)
    naive, others = (float(np.average(predictions[arm], weights=weights[arm])) for arm in arms)
    estimate = treated.mean - control.mean
    labeled_se = float(np.hypot(treated.labeled_se, control.labeled_se))
    unlabeled_se = float(np.hypot(treated.unlabeled_se, control.unlabeled_se))
    se = float(np.hypot(labeled_se, unlabeled_se))
    return EffectResult(
        estimate=estimate,
        se=se,
        ci=normal_interval(estimate, se, level),
        level=level,
        n=y_lab.size + pred_unl.size,
        method="prediction-powered inference",
        certificate=_certificate(y_lab.size, pred_unl.size, treated, control),
        naive=naive - others,
        se_trial=unlabeled_se,
        se_calibration=labeled_se,
        lam=(treated.lam, control.lam),
    )


def _check_size(value, n_labeled, n_unlabeled):
    for kind, n_units in (("labeled", n_labeled), ("unlabeled", n_unlabeled)):
        if n_units < FEWEST:
            raise ValueError(
                f"Each arm must have at least {FEWEST} {kind} units of positive weight. Got {n_units} of treatment "
                f"{value}."
            )


def _normalized(arm):
    return arm._replace(
        weights=arm.weights / arm.weights.sum(), unlabeled_weights=arm.unlabeled_weights / arm.unlabeled_weights.sum()
    )


def _arm_mean(arm, lam):
    """Mean of an arm; variances have the number of units as divisor, as in ppi-python."""
    lam = _tuned(arm) if lam is None else float(lam)
    imputed, rectifier = lam * arm.unlabeled, arm.truth - lam * arm.predictions
    imputed_mean, rectifier_mean = arm.unlabeled_weights @ imputed, arm.weights @ rectifier
    return ArmMean(
        float(imputed_mean + rectifier_mean),
        root_sum_of_squares(arm.weights * (rectifier - rectifier_mean)),
        root_sum_of_squares(arm.unlabeled_weights * (imputed - imputed_mean)),
        lam,
        *_difference_of_predictions(arm),
    )


def _difference_of_predictions(arm):
    """Mean prediction of the labeled units less that of the others, and its p-value: 1 if none of them varies."""
    labeled, unlabeled = arm.weights @ arm.predictions, arm.unlabeled_weights @ arm.unlabeled
    difference = float(labeled - unlabeled)
    se = np.hypot(
        root_sum_of_squares(arm.weights * (arm.predictions - labeled)),
        root_sum_of_squares(arm.unlabeled_weights * (arm.unlabeled - unlabeled)),
    )
    if se == 0.0:
        return difference, 1.0 if is_constant(np.append(arm.predictions, arm.unlabeled)) else 0.0
    return difference, float(2.0 * norm.sf(abs(difference) / se))


def _tuned(arm):
    """The weight of the predictions with the smallest estimated variance, within 0 and 1.

    Without weights of units the variance of the predictions is taken over both samples, with one less than the number
    of units as divisor, as in ppi-python. Constant predictions have no use: weight 0.
    """
    predictions = np.concatenate([arm.predictions, arm.unlabeled])
    if is_constant(predictions):
        return 0.0
    truth_scale = np.abs(arm.truth).max() or 1.0  # products would leave the range of floating-point numbers
    scale = np.abs(predictions).max()
    truth = arm.weights * (arm.truth - arm.weights @ arm.truth) / truth_scale
    labeled = arm.weights * (arm.predictions - arm.weights @ arm.predictions) / scale
    if is_constant(arm.weights) and is_constant(arm.unlabeled_weights):
        variance = (1.0 / labeled.size + 1.0 / arm.unlabeled.size) * (predictions / scale).var(ddof=1)
    else:
        unlabeled = arm.unlabeled_weights * (arm.unlabeled - arm.unlabeled_weights @ arm.unlabeled) / scale
        variance = labeled @ labeled + unlabeled @ unlabeled
    return float(np.clip(truth @ labeled / variance * (truth_scale / scale), 0.0, 1.0))


def _labeled_at_random(treated, control):
    """Whether labeled units have the same predictions on average as the others of their arm."""
    p_value = min(1.0, 2.0 * min(treated.p_value, control.p_value))  # of two arms (Bonferroni)
    detail = (
        "p-value: predictions of labeled units differ from those of the others of their arm by "
        f"{treated.difference:.3g} (treated) and {control.difference:.3g} (control) on average"
    )
    return Check("labeled at random", p_value, LEVEL_OF_TESTS, p_value >= LEVEL_OF_TESTS, "test", detail)


def _certificate(n_labeled, n_unlabeled, treated, control):
    detail = f"{n_labeled} labeled, {n_unlabeled} not"
    return Certificate(
        "The interval covers the average effect of the treatment, in large samples, as often as its level says, "
        "whatever the predictions are worth.",
        [
            Check("units", n_labeled + n_unlabeled, None, None, "reported", detail),
            Check("weight of predictions, treated", treated.lam, None, None, "reported", "0: they are not used"),
            Check("weight of predictions, control", control.lam, None, None, "reported", "0: they are not used"),
            _labeled_at_random(treated, control),
        ],
        [
            "labeled units are a random sample of their arm, independent of the unlabeled ones",
            "treatment is independent of the outcomes that it leads to, or the weights make it so",
            "the predicting model was not fitted to the labeled units",
        ],
    )
