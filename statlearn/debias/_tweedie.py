"""The Tweedie corrector."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import HasMethods, Interval, StrOptions, _fit_context
from .._support.base import unchanged_on_error
from .._typing import ArrayLike, FloatArray
from ._calibration_checks import (
    FEWEST_FOR_SHAPE,
    check_calibration,
    check_clip,
    check_predictions,
    check_shrinkage,
    check_ties,
    warn_few,
)
from ._calibration_sample import folds_of, weighted_covariance
from ._correction_certificate import residual_checks
from ._corrector import Correction, Corrector
from ._recalibration import recalibrate
from ._residual_noise import EvenNoise, UnevenNoise, fit_uneven_noise, residual_sd
from ._score_estimator import ScoreEstimator, check_spread
from ._scores import SCORE_NAMES, KDEScore, as_score
from ._tails import TAILS, ScoreTails, fit_tails

__all__ = ["TweedieCorrection", "TweedieCorrector"]

N_GRID = 513  # points of the density that is shown
SCORE_METHODS = ["fit", "score_function", "score_derivative", "log_density"]
SMALL_CHANGES = "the variance of the noise changes little over the distance of its standard deviation"


@dataclass(frozen=True, eq=False)
class TweedieCorrection(Correction):
    """``u - scale * (v s + v')`` at the recalibrated prediction u.

    Attributes
    ----------
    recalibration : Correction
        Takes predictions to u.
    score : ScoreTails
        s, the score of the distribution of u.
    noise : EvenNoise or UnevenNoise
        v, the variance of the noise relative to its mean.
    sigma : float
        Standard deviation of the noise.
    scale : float
        What multiplies the score: ``sigma**2``, or what makes the slope one.
    """

    recalibration: Correction
    score: ScoreTails
    noise: EvenNoise | UnevenNoise
    sigma: float
    scale: float

    def evaluate(self, predictions):
        """Corrected predictions, as an array of the same shape."""
        u = self.recalibration.evaluate(predictions)
        return u - self.scale * shift(u, self.score, self.noise)

    def derivative(self, predictions):
        """Derivative of `evaluate`."""
        u, v = self.recalibration.evaluate(predictions), self.noise.ratio
        slope = v(u) * self.score.score_derivative(u) + v(u, 1) * self.score.score_function(u) + v(u, 2)
        return self.recalibration.derivative(predictions) * (1.0 - self.scale * slope)


class TweedieCorrector(Corrector):
    r"""Correction of predictions by the score of their distribution.

    A calibrated model errs by :math:`Y - \hat Y \sim N(0, \sigma^2)`, independent of the prediction. Then

    .. math:: E\big[\hat Y - \sigma^2 s(\hat Y) \mid Y\big] = Y, \qquad s(u) = \frac{d}{du} \log p(u),

    exactly, for predictions of any density p. Tweedie's formula, which has a plus sign, shrinks observations; this is
    its reverse. Pairs of a prediction and the truth give :math:`\sigma` and recalibrate predictions first, where the
    model is not calibrated; their predictions alone give the score.

    Parameters
    ----------
    score : {"kde", "spline", "gmm"}, score estimator or callable, default="kde"
        How the score is estimated: `KDEScore`, `SplineScore` or `GaussianMixtureScore`, by name or with parameters of
        your own, or a known score as a function of recalibrated predictions. With ``recalibrate="isotonic"``, whose
        steps other rules take for modes, "kde" has Scott's bandwidth.
    sigma : "holdout" or float, default="holdout"
        Standard deviation of the noise. "holdout" takes it from the pairs, which must be out of sample: residuals of
        rows that the model was fitted to are too small.
    scale : {"sigma2", "moment"}, default="sigma2"
        What multiplies the score. "moment" takes the number that makes the slope of corrected predictions on the truth
        one, with cross-fitted scores: it makes up for the bias of density estimates.
    recalibrate : {"linear", "isotonic"} or None, default="linear"
        How the mean truth given a prediction is learned. "isotonic" is centered isotonic regression. None takes
        predictions for calibrated.
    noise : {"homoscedastic", "heteroscedastic"}, default="homoscedastic"
        Whether the variance :math:`\sigma^2` depends on the prediction. If so, the correction is
        :math:`u - \sigma^2(u) s(u) - (\sigma^2)'(u)`, right to first order, and the logarithm of the variance a spline.
        It is for comparisons, and seldom helps: see the notes.
    tails : {"linear", "clip", "none"}, default="linear"
        How the score goes on beyond the 0.5 % and 99.5 % quantiles of the pairs: by lines, by constants, or as
        estimated. Kernel estimates run off to infinity there.
    clip : tuple of (float, float) or None, default=None
        Bounds that corrected predictions are cut to, which biases them; the certificate says how many are. None cuts
        nothing, even if outcomes are bounded.
    cv : int, default=5
        Number of folds of the checks of the certificate, of ``scale="moment"`` and of ``recalibrate="isotonic"``.
        Pairs, sorted by their truth, are dealt to the folds in turn, so that the order of the rows does not matter.

    Attributes
    ----------
    sigma_ : float
        Standard deviation of the noise.
    scale_ : float
        What multiplies the score (and the relative variance, if noise is heteroscedastic), in squared units of the
        truth.
    score_ : ScoreEstimator
        The fitted score, without tails, of recalibrated predictions.
    recalibration_ : object
        The map from predictions to recalibrated ones; its method ``evaluate`` applies it.
    grid_ : ndarray of shape (513,)
        Recalibrated predictions from the smallest to the largest of the pairs.
    log_density_ : ndarray of shape (513,)
        Logarithm of their density.
    slope_ : float
        Slope k of recalibrated predictions on the truth.
    calibration_slope_ : float
        Slope of the truth on predictions, before they are recalibrated: 1 if the model is calibrated.
    n_calibration_ : int
        Number of pairs with a positive weight.
    support_ : tuple of (float, float)
        Smallest and largest prediction of the pairs.
    monotone_ : bool
        Whether the correction does not fall anywhere between them. Between the modes of a density it may rightly fall.
    certificate_ : Certificate
        Slopes before and after, what is left given the truth, tests of the residuals, and what is assumed.

    Raises
    ------
    ValueError
        If predictions or the truth are constant, fewer than 30 pairs have a positive weight, predictions do not rise
        with the truth, or ``scale="moment"`` and the score does not fall with it.

    Warns
    -----
    WeakCalibrationWarning
        If the slope of predictions on the truth is below 0.2 or its interval contains 0, or there are fewer than 100
        pairs.
    InSampleWarning
        If both slopes are so near 1 that predictions seem to be in sample.
    TiedPredictionsWarning
        If predictions take few values, or most of them occur more than once, so that they have no density.
    SupportWarning
        By ``predict``, if more predictions lie outside those of the pairs than chance explains.

    See Also
    --------
    LinearCalibrationCorrector : The same for normal predictions.
    SieveCorrector : Needs no normal noise.

    Notes
    -----
    With ``score="gmm"``, one normal distribution, this is `LinearCalibrationCorrector` after linear recalibration.

    The score is that of the calibration sample, not of the predictions to be corrected: if outcomes are distributed
    otherwise there but predictions given outcomes are not, only this one is right. To use another sample nevertheless,
    give its score as a function: ``TweedieCorrector(KDEScore().fit(sample).score_function, recalibrate=None)``.

    Kernel estimates attenuate scores: contrasts of predictions with several modes or a long tail come out 1 to 3 % too
    small at 2000 pairs, and 5 to 8 % with the kernels of the paper. With ``scale="moment"``, as with
    `SieveCorrector`, it is 2 % or less.

    With ``noise="heteroscedastic"`` corrections can come out worse than with one variance for all. For normal
    predictions and a variance of 0.3 + b u², ratios of corrected and true contrasts are 0.985 ± 0.016 for b = 0.1 and
    0.936 ± 0.037 for b = 0.25 (means and standard deviations of 20 runs with 2000 pairs), where one variance gives
    1.020 ± 0.012 and 1.034 ± 0.016, and `SieveCorrector` 1.002 ± 0.013 and 1.002 ± 0.015: prefer the last.

    Standard errors of `debiased_ate` with ``se="delta"`` count too much chance of the pairs. For 100 samples of 1000
    pairs with predictions of a gamma distribution, the part of the calibration sample is on average 1.2 times the
    standard deviation of the estimates with ``recalibrate="linear"``, and 1.4 times with "isotonic".

    Corrected predictions are worse predictions of single units, and do harm where groups are made by what the model
    sees: see the notes of `LinearCalibrationCorrector`.

    References
    ----------
    Pettersson, Jerzak, Daoud (2026). "Debiasing Machine Learning Predictions for Causal Inference Without Additional
    Ground Truth Data". AAAI-26, arXiv:2508.01341.

    Efron (2011). "Tweedie's formula and selection bias". JASA 106(496).

    Examples
    --------
    Predictions with two modes, and a trial whose effect on the outcomes, 1, the model sees through the outcomes alone:

    >>> import numpy as np
    >>> from statlearn.debias import TweedieCorrector
    >>> rng = np.random.default_rng(0)
    >>> predictions = np.where(rng.random(20000) < 0.5, -1.5, 1.5) + 0.6 * rng.normal(size=20000)
    >>> truth = predictions + 0.8 * rng.normal(size=20000)
    >>> pairs, trial = np.arange(20000) < 10000, np.arange(20000) >= 10000
    >>> corrector = TweedieCorrector(scale="moment").fit(predictions[pairs], truth[pairs])
    >>> raw, corrected, outcomes = predictions[trial], corrector.predict(predictions[trial]), truth[trial]
    >>> treated = rng.random(10000) < 1 / (1 + np.exp(-outcomes))
    >>> for values in (outcomes, raw, corrected):
    ...     print(f"{values[treated].mean() - values[~treated].mean():.1f}")
    2.3
    1.9
    2.3
    """

    _parameter_constraints: dict = {
        "score": [StrOptions(set(SCORE_NAMES)), HasMethods(SCORE_METHODS), callable],
        "sigma": [Interval(Real, 0, None, closed="left"), StrOptions({"holdout"})],
        "scale": [StrOptions({"sigma2", "moment"})],
        "recalibrate": [StrOptions({"linear", "isotonic"}), None],
        "noise": [StrOptions({"homoscedastic", "heteroscedastic"})],
        "tails": [StrOptions(set(TAILS))],
        "clip": ["array-like", None],
        "cv": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        score: Literal["kde", "spline", "gmm"] | ScoreEstimator | Callable[..., Any] = "kde",
        *,
        sigma: Literal["holdout"] | float = "holdout",
        scale: Literal["sigma2", "moment"] = "sigma2",
        recalibrate: Literal["linear", "isotonic"] | None = "linear",
        noise: Literal["homoscedastic", "heteroscedastic"] = "homoscedastic",
        tails: Literal["linear", "clip", "none"] = "linear",
        clip: tuple[float, float] | None = None,
        cv: int = 5,
    ) -> None:
        self.score = score
        self.sigma = sigma
        self.scale = scale
        self.recalibrate = recalibrate
        self.noise = noise
        self.tails = tails
        self.clip = clip
        self.cv = cv

    @classmethod
    def paper(cls) -> Self:
        """Make the corrector of the paper's authors, for comparisons.

        A kernel density estimate with Scott's bandwidth as it is, no recalibration, tails as estimated. Its score is
        the derivative itself, where theirs is a finite difference.

        Returns
        -------
        corrector : TweedieCorrector
            Not fitted.
        """
        return cls(KDEScore(bandwidth="scott", variance_preserving=False), recalibrate=None, tails="none")

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn noise, recalibration and score from calibration pairs.

        **Predictions first, truth second.**

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Predictions of a model for rows that it was not fitted to.
        y : array-like of shape (n_samples,)
            True outcomes of these rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the pairs. They count observations where a kernel estimate chooses its bandwidth.

        Returns
        -------
        self : TweedieCorrector
            The fitted corrector.
        """
        check_clip(self.clip)
        sample = check_calibration(X, y, sample_weight, fewest=FEWEST_FOR_SHAPE)
        check_shrinkage(sample.slope_of_predictions(), sample.slope_of_truth(), 0.0)
        warn_few(len(sample), "The density of TweedieCorrector")
        check_ties(sample)
        correction = self._learn(sample)
        recalibrated = sample.with_predictions(correction.recalibration.evaluate(sample.predictions))
        if self.scale == "moment":
            check_moment(correction, recalibrated)
        self.slope_ = recalibrated.slope_of_predictions().slope
        self.sigma_, self.scale_ = correction.sigma, correction.scale
        self.recalibration_, self.score_ = correction.recalibration, correction.score.score
        self.grid_ = np.linspace(recalibrated.predictions.min(), recalibrated.predictions.max(), N_GRID)
        self.log_density_ = correction.score.log_density(self.grid_)
        even = self.noise == "homoscedastic"
        return self._store(
            sample,
            correction,
            folds_of(self.cv, sample),
            checks=residual_checks(recalibrated, decides=even),
            assumptions=() if even else (SMALL_CHANGES,),
        )

    def score_function(self, X: ArrayLike) -> FloatArray:
        """Score of the recalibrated predictions, with its tails.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Predictions, not recalibrated.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Derivative of the logarithm of the density of recalibrated predictions.
        """
        check_is_fitted(self)
        return self._correction.score.score_function(self.recalibration_.evaluate(check_predictions(X)))

    def _learn(self, sample):
        recalibration = recalibrate(self.recalibrate, sample)
        recalibrated = sample.with_predictions(recalibration.evaluate(sample.predictions))
        name, source = ("X", "X") if self.recalibrate is None else ("the sample of recalibrated predictions", "y")
        check_spread(recalibrated.predictions, name, source)
        if self.sigma == "holdout":
            folds = folds_of(self.cv, sample) if self.recalibrate == "isotonic" else []
            sigma = residual_sd(self.recalibrate, sample, recalibrated, folds)
        else:
            sigma = float(self.sigma)
        noise = fit_uneven_noise(recalibrated) if self.noise == "heteroscedastic" else EvenNoise()
        score = self._fit_score(recalibrated)
        scale = sigma**2 if self.scale == "sigma2" else self._moment_scale(recalibrated, noise)
        return TweedieCorrection(recalibration, score, noise, sigma, scale)

    def _fit_score(self, recalibrated):
        u, weights = recalibrated.predictions, recalibrated.weights
        return fit_tails(clone(self._score()).fit(u, weights), u, weights, self.tails)

    def _score(self):
        """The score, not fitted.

        The steps of isotonic recalibration pile predictions up, which a plug-in bandwidth takes for modes.
        """
        if self.recalibrate == "isotonic" and isinstance(self.score, str) and self.score == "kde":
            return KDEScore("scott")
        return as_score(self.score)

    def _moment_scale(self, recalibrated, noise):
        """Factor of the cross-fitted score with which corrected predictions have slope one on the truth.

        NaN if the score does not covary with the truth.
        """
        u, y, weights = recalibrated.predictions, recalibrated.truth, recalibrated.weights
        shifts = np.empty(u.size)
        for train, held_out in folds_of(self.cv, recalibrated):
            shifts[held_out] = shift(u[held_out], self._fit_score(recalibrated.take(train)), noise)
        covariance = weighted_covariance(shifts, y, weights)
        return -weighted_covariance(y - u, y, weights) / covariance if covariance != 0.0 else np.nan


def shift(u, score, noise):
    """The score, weighted by the relative variance, plus the derivative of that variance."""
    return noise.ratio(u) * score.score_function(u) + noise.ratio(u, 1)


def check_moment(correction, recalibrated):
    """Refuse a score that does not fall with the truth, so that no positive factor of it removes shrinkage."""
    shifts = shift(recalibrated.predictions, correction.score, correction.noise)
    covariance = weighted_covariance(shifts, recalibrated.truth, recalibrated.weights)
    if not (covariance < 0.0 and np.isfinite(correction.scale)):
        raise ValueError(
            f"scale='moment' needs a score that falls as the truth rises. Got a covariance of {covariance:.3g}: use "
            "scale='sigma2', or another score."
        )
