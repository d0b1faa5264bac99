"""Which correction pairs call for, by rules that give their reasons."""

from typing import NamedTuple

from ._calibration_checks import FEW_FOR_SHAPE, FEWEST_FOR_SHAPE, TOO_GOOD, WEAK_SLOPE, is_beyond_chance
from ._calibration_sample import SlopeFit, is_wider
from ._correction_certificate import LEVEL
from ._differential_errors import DifferentialErrorResult

__all__ = ["Findings", "recommend"]

SMALLEST_SLOPE = 0.05  # at or below which LinearCalibrationCorrector refuses
TIMID = 1.1  # slope of the truth on predictions beyond which a model shrinks more than its errors call for
CURVES = ("tweedie", "sieve")


class Findings(NamedTuple):
    """What a recommendation rests on. P-values are None where there is nothing to test.

    Attributes
    ----------
    n : int
        Number of pairs.
    slope, calibration : SlopeFit
        Of predictions on the truth, and of the truth on predictions.
    straight : float or None
        P-value: the mean prediction is linear in the truth.
    straight_calibration : float or None
        P-value: the mean truth is linear in the prediction.
    normal, even : float or None
        P-values: residuals of the truth are normal, and of the same variance for all predictions.
    discrete : bool
        Whether predictions have no density.
    outside : float or None
        Share of the predictions of a trial beyond those of the pairs; None without a trial.
    differential : DifferentialErrorResult or None
        Test of groups.
    """

    n: int
    slope: SlopeFit
    calibration: SlopeFit
    straight: float | None
    straight_calibration: float | None
    normal: float | None
    even: float | None
    discrete: bool
    outside: float | None
    differential: DifferentialErrorResult | None

    @property
    def verdict(self):
        """What the groups say; None without groups."""
        return None if self.differential is None else self.differential.verdict

    def departures(self):
        """What speaks against calibrated predictions with normal noise, in words."""
        tests = {
            "residuals are not normal": self.normal,
            "the variance of residuals depends on the prediction": self.even,
            "the mean truth is no linear function of the prediction": self.straight_calibration,
        }
        found = [f"{text} (p = {p:.2g})" for text, p in tests.items() if rejects(p)]
        return [*found, *(["predictions are discrete and have no density"] if self.discrete else [])]


def rejects(p):
    """Whether a p-value is below the level of the checks; None is not."""
    return p is not None and p < LEVEL


def recommend(findings):
    """The name of a correction, "none", "recalibrate" or "labels", and the reasons as sentences."""
    name, reason = next((name, reason) for applies, name, reason in RULES if applies(findings))
    remarks = [remark(findings, name) for remark in REMARKS]
    return name, tuple(text for text in (reason(findings), *remarks) if text)


def _groups_say(verdict):
    return lambda findings: findings.verdict == verdict


def _group_reason(findings):
    return findings.differential.reason


def _is_seen_and_off(findings):
    return findings.verdict == "do not correct" and (_is_off(findings) or rejects(findings.straight_calibration))


def _is_off(findings):
    return rejects(findings.calibration.p_value(1.0))


def _recalibrate_reason(findings):
    departure = (
        f"the truth moves by {_shown(findings.calibration)} per unit of the prediction"
        if _is_off(findings)
        else f"the mean truth is no linear function of the prediction (p = {findings.straight_calibration:.2g})"
    )
    return (
        f"These predictions are not calibrated: {departure}. Groups are made by what the model sees, so that the mean "
        "truth given the prediction compares them rightly, and neither predictions as they are nor corrected ones do. "
        "Regress the truth on predictions, and compare what that gives."
    )


def _is_weak(findings):
    return findings.slope.slope <= SMALLEST_SLOPE or findings.slope.interval()[0] <= 0.0


def _weak_reason(findings):
    shown, (_, high) = _shown(findings.slope), findings.slope.interval()
    if high < -WEAK_SLOPE:
        return (
            f"Predictions fall as the truth rises: by {shown} per unit. Do they predict this outcome, and with this "
            "sign? Otherwise use labels of the units that are compared, as ppi_ate does."
        )
    if high > WEAK_SLOPE:
        return (
            f"{findings.n} pairs are too few to tell whether predictions move with the truth: by {shown} per unit. Use "
            "more pairs, or labels of the units that are compared, as ppi_ate does."
        )
    return (
        f"Predictions hardly move with the truth: by {shown} per unit. A correction would divide by that. Use labels "
        "of the units that are compared, as ppi_ate does, or better predictions."
    )


def _is_too_good(findings):
    return min(findings.slope.slope, findings.calibration.slope) > TOO_GOOD


def _too_good_reason(findings):
    return (
        f"Both slopes are above {TOO_GOOD:g}. Either predictions are nearly exact, and nothing needs a correction, or "
        "the model was fitted to these rows: then make predictions out of sample and report on them."
    )


def _is_small(findings):
    return findings.n < FEWEST_FOR_SHAPE


def _small_reason(findings):
    return f"A line is all that {findings.n} pairs can tell; curves take at least {FEWEST_FOR_SHAPE}."


def _is_straight(findings):
    return not rejects(findings.straight)


def _straight_reason(findings):
    if findings.straight is None:
        return "The mean prediction is a linear function of the truth, which a line undoes."
    return (
        "No departure of the mean prediction from a linear function of the truth was found "
        f"(p = {findings.straight:.2g}): a line undoes the shrinkage."
    )


def _has_normal_noise(findings):
    return not findings.departures()


def _curve_reason(findings):
    return f"The mean prediction is no linear function of the truth (p = {findings.straight:.2g})"


def _tweedie_reason(findings):
    return (
        f"{_curve_reason(findings)}, and no departure from calibrated predictions with normal noise of the same "
        "variance was found. Kernels attenuate the score a little, for which scale='moment' makes up. SieveCorrector "
        "mostly leaves less bias at both ends and costs more of R2: compare_correctors shows both."
    )


def _sieve_reason(findings):
    return f"{_curve_reason(findings)}, and {'; '.join(findings.departures())}: a spline needs none of it."


# When a rule applies, what it recommends and why; the first that applies counts.
RULES = (
    (_is_seen_and_off, "recalibrate", _recalibrate_reason),
    (_groups_say("do not correct"), "none", _group_reason),
    (_groups_say("neither"), "labels", _group_reason),
    (_is_weak, "labels", _weak_reason),
    (_is_too_good, "none", _too_good_reason),
    (_is_small, "linear", _small_reason),
    (_is_straight, "linear", _straight_reason),
    (_has_normal_noise, "tweedie", _tweedie_reason),
    (lambda findings: True, "sieve", _sieve_reason),
)


def _shrinkage_remark(findings, name):
    """By how much raw contrasts are off."""
    if name not in ("linear", *CURVES):
        return None
    return (
        f"Predictions move by {_shown(findings.slope)} per unit of the truth, and so do contrasts of groups that "
        "differ in predictions through the truth alone."
    )


def _scale_remark(findings, name):
    """Slopes that hint at a mistake, or at a model that shrinks more than its errors call for."""
    calibration, slope = findings.calibration, findings.slope
    if calibration.interval()[0] > TIMID:
        return (
            f"The truth moves by {_shown(calibration)} per unit of the prediction. Either the model is timid, as with "
            "a strong penalty, or it was fitted to these rows, or predictions are in larger units, or the two are "
            "swapped."
        )
    if is_wider(slope, calibration):
        return (
            f"Predictions vary more than the truth, which moves by {_shown(calibration)} per unit of the prediction. "
            "Are truth and predictions swapped, in other units, or corrected already?"
        )
    return None


def _few_remark(findings, name):
    if name not in CURVES or findings.n >= FEW_FOR_SHAPE:
        return None
    return f"A curve from {findings.n} pairs is noisy: compare it with the line, or use more pairs."


def _outside_remark(findings, name):
    if findings.outside is None or not is_beyond_chance(findings.outside, findings.n):
        return None
    return (
        f"{100.0 * findings.outside:.3g} % of the predictions of the trial lie beyond those of the pairs, more than "
        "chance explains: a correction is extrapolated there. Use pairs like the units of the trial."
    )


def _groups_remark(findings, name):
    if findings.differential is None:
        return (
            "That groups differ in predictions through the truth alone was not tested: give groups. Where they are "
            "made by what the model sees, a correction does harm."
        )
    said = name == "recalibrate" or findings.verdict in ("correct", "undecided")
    return findings.differential.reason if said else None


REMARKS = (_shrinkage_remark, _scale_remark, _few_remark, _outside_remark, _groups_remark)


def _shown(fit):
    low, high = fit.interval()
    return f"{fit.slope:.3g} (95 % interval {low:.3g} to {high:.3g})"
