"""Estimates from corrected predictions, whose errors come from the trial and from the calibration sample."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from ..certificate import Certificate, Check
from ..exceptions import WeakCalibrationWarning
from ._bootstrap import Units, resample_both
from ._calibration_checks import is_beyond_chance
from ._correction_certificate import NON_DIFFERENTIAL
from ._corrector import Corrector
from ._delta_method import fieller_interval, jackknife_covariance, line_of
from ._differential_errors import ALIKE
from ._group_errors import check_groups, group_checks, group_errors, untested_check, warn_differential
from ._linear_correction import LinearCalibrationCorrector
from ._relearning import relearner_of
from ._unit_checks import check_clusters

__all__ = [
    "CorrectedEstimates",
    "Map",
    "check_map",
    "corrected_certificate",
    "corrected_estimates",
    "errors_between",
    "fieller_of",
]

SMALLEST_SPAN = 1e-140
WIDER = 1.25  # ratio of two spreads that are not taken for equal


@dataclass(frozen=True, eq=False)
class Map:
    """A fitted corrector with what is needed to learn it again."""

    corrector: Corrector
    codes: np.ndarray | None

    @property
    def sample(self):
        """Its calibration sample."""
        return self.corrector._sample

    @property
    def is_line(self):
        """Whether the correction is that of a line, with a closed form of its error."""
        return isinstance(self.corrector, LinearCalibrationCorrector) and self.corrector.clip is None

    def lcc_factor(self):
        """What linear calibration correction multiplies effects with."""
        return 1.0 / self.sample.slope_of_predictions().slope


def check_map(corrector, calibration_clusters=None):
    """A corrector that is fitted, with its clusters."""
    if not isinstance(corrector, Corrector):
        raise TypeError(
            "corrector must be a TweedieCorrector, LinearCalibrationCorrector or SieveCorrector, or a subclass of "
            f"theirs. Got {corrector!r} instead. Of a DebiasedRegressor give corrector_, and as predictions what "
            "predict_raw says."
        )
    check_is_fitted(corrector)
    codes = check_clusters(calibration_clusters, corrector.n_calibration_, "calibration_clusters", "calibration pair")
    return Map(corrector, codes)


class CorrectedEstimates(NamedTuple):
    """Estimates from corrected predictions.

    Attributes
    ----------
    values : ndarray of shape (k,)
        The estimates.
    trial, calibration, covariance : ndarray of shape (k, k) or None
        Covariance if only the trial were random, if only the calibration sample were, and of both together.
    replicates : ndarray of shape (n_boot, k) or None
        Estimates from bootstrap samples of both.
    """

    values: np.ndarray
    trial: np.ndarray | None = None
    calibration: np.ndarray | None = None
    covariance: np.ndarray | None = None
    replicates: np.ndarray | None = None


def corrected_estimates(estimand, predictions, correction_map, *, se, n_boot, random_state, n_jobs):
    """Estimates from corrected predictions, with covariances by the delta method, by the bootstrap or not at all.

    ``estimand`` has methods ``functional(counts=None)``, which takes values per unit to estimates of shape (k,),
    ``covariance(values)``, their covariance for fixed values, and ``of_constant()``, estimates from values that are 1,
    and ``units``, what the bootstrap draws.
    """
    corrected = correction_map.corrector.predict(predictions)
    values = estimand.functional()(corrected)
    if se == "none":
        return CorrectedEstimates(values)
    _check_range(corrected)
    if se == "delta":
        trial = estimand.covariance(corrected)
        calibration = _calibration_covariance(estimand, predictions, values, correction_map, random_state)
        return CorrectedEstimates(values, trial, calibration, trial + calibration)
    replicates = resample_both(
        estimand,
        corrected,
        relearner_of(correction_map.corrector, predictions),
        estimand.units,
        Units(len(correction_map.sample), correction_map.codes),
        n_boot=n_boot,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    joint, trial, calibration = (np.atleast_2d(np.cov(part, rowvar=False)) for part in replicates)
    return CorrectedEstimates(values, trial, calibration, joint, replicates.joint)


def _check_range(corrected):
    """Refuse outcomes in a unit such that variances are not floating-point numbers."""
    span = float(np.ptp(corrected))
    if span > 0.0 and not SMALLEST_SPAN < span < 1.0 / SMALLEST_SPAN:
        raise ValueError(
            f"Corrected y_pred span {span:.3g}, whose square is out of range: choose another unit of the outcome, for "
            "the calibration sample too."
        )


def _calibration_covariance(estimand, predictions, values, correction_map, random_state):
    """Covariance of estimates over calibration samples, for the trial as it is."""
    if correction_map.is_line:
        line = line_of(correction_map.sample, correction_map.codes)
        gradient = line.gradient(values, estimand.of_constant())
        return gradient @ line.covariance @ gradient.T
    relearner, functional = relearner_of(correction_map.corrector, predictions), estimand.functional()
    return jackknife_covariance(
        lambda counts: map(functional, relearner.corrected(counts)),
        len(correction_map.sample),
        correction_map.codes,
        spawn_generators(random_state, 1)[0],
    )


def fieller_of(estimand, estimates, correction_map, level):
    """Fieller interval of a single estimate under linear calibration correction: a ratio by the slope."""
    line = line_of(correction_map.sample, correction_map.codes)
    constant = float(estimand.of_constant()[0])
    # Up to a shift it is the ratio (raw - level * constant) / slope; level and slope have correlated errors.
    shift = line.center * constant
    numerator = (float(estimates.values[0]) - shift) * line.slope
    combine = np.array([[-constant, 0.0], [0.0, 1.0]])
    covariance = combine @ line.covariance @ combine.T
    covariance[0, 0] += estimates.trial[0, 0] * line.slope**2
    interval = fieller_interval(numerator, line.slope, covariance, level)
    if np.isinf(interval[0]):
        warn_user(
            f"The slope of predictions on the truth, {line.slope:.3g}, is not significantly different from 0: the "
            "effect has an unbounded interval. Use more calibration pairs or better predictions.",
            WeakCalibrationWarning,
        )
    return tuple(shift + end for end in interval)


def corrected_certificate(claim, checks, assumptions, predictions, correction_map, estimates, errors):
    """Certificate of estimates: their own checks and assumptions, those of the corrector, and tests of its groups."""
    corrector = correction_map.corrector
    checks = [*checks, *corrector.certificate_.checks, *_alike(predictions, corrector)]
    if estimates.covariance is not None:
        checks.append(_calibration_share(estimates))
    inherited = corrector.certificate_.assumptions
    checks += [untested_check()] if errors is None else group_checks(errors)
    if errors is not None:  # what groups test is assumed of the units at hand alone
        inherited = [ALIKE if text == NON_DIFFERENTIAL else text for text in inherited]
    kind = "pairs" if correction_map.codes is None else "clusters"
    samples = [f"calibration {kind} are independent", "the calibration sample is independent of the units at hand"]
    return Certificate(claim, checks, [*assumptions, *inherited, *samples])


def _alike(predictions, corrector):
    """Whether the predictions are of the kind that the corrector learned from."""
    low, high = corrector.support_
    outside = float(np.mean((predictions < low) | (predictions > high)))
    is_inside = not is_beyond_chance(outside, corrector.n_calibration_)
    detail = "share of the units; their correction is extrapolated" + (
        "" if is_inside else ", so that nothing is decided"
    )
    return [
        Check("outside calibration", outside, None, is_inside or None, "test", detail),
        _spread(predictions, corrector),
    ]


def _spread(predictions, corrector):
    """How much predictions vary beside those of the pairs, with a question if it is as much as corrected ones do."""
    known = corrector._sample.predictions
    spread, corrected = (
        float(values.std() / known.std()) for values in (predictions, corrector._correction.evaluate(known))
    )
    detail = "standard deviation of the predictions over that of the calibration sample; far from 1 if units differ"
    if spread > WIDER and corrected / WIDER < spread < corrected * WIDER:
        detail += (
            f"; corrected predictions have {corrected:.3g}: were these corrected already? Give them as the model made "
            "them, predict_raw of a DebiasedRegressor"
        )
    return Check("spread", spread, None, None, "reported", detail)


def _calibration_share(estimates):
    calibration, trial = np.trace(estimates.calibration), np.trace(estimates.trial)
    share = float(calibration / (calibration + trial)) if calibration + trial > 0.0 else None
    detail = "share of the variance that ever more calibration pairs would remove"
    return Check("variance from calibration", share, None, None, "reported", detail)


def errors_between(correction_map, groups):
    """How predictions err in groups of calibration pairs, with a warning if they differ; None without groups."""
    if groups is None:
        return None
    codes = check_groups(groups, len(correction_map.sample), "calibration_groups")
    errors = group_errors(correction_map.sample, codes, correction_map.codes)
    warn_differential(errors)
    return errors
