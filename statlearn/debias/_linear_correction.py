"""Linear calibration correction (LCC)."""

from dataclasses import dataclass
from numbers import Real
from typing import Self

import numpy as np

from .._support._sklearn import Interval, _fit_context
from .._support.base import unchanged_on_error
from .._typing import ArrayLike
from ._calibration_checks import check_calibration, check_clip, check_shrinkage
from ._calibration_sample import folds_of
from ._correction_certificate import N_FOLDS
from ._corrector import Correction, Corrector

__all__ = ["LinearCalibrationCorrector", "LinearCorrection"]


@dataclass(frozen=True)
class LinearCorrection(Correction):
    """The inverse of the line ``prediction = intercept + slope * truth``."""

    slope: float
    intercept: float

    def evaluate(self, predictions):
        """Corrected predictions, as an array of the same shape."""
        return (predictions - self.intercept) / self.slope

    def derivative(self, predictions):
        """Derivative of `evaluate`."""
        return np.full_like(predictions, 1.0 / self.slope)


class LinearCalibrationCorrector(Corrector):
    r"""Linear calibration correction (LCC): divides the shrinkage of predictions out.

    A model that predicts outcomes :math:`Y` well on average shrinks them: among units with outcome y the mean
    prediction is :math:`m + k y` with a slope :math:`k < 1`, and a treatment that moves outcomes by :math:`\tau` moves
    predictions by :math:`k \tau`. The line is learned from pairs of a prediction and the truth, and inverted:

    .. math:: \tilde Y = (\hat Y - \hat m) / \hat k.

    Among units with outcome y the mean of corrected predictions is y, exactly if that of predictions is linear in y.

    Parameters
    ----------
    min_slope : float, default=0.05
        A slope k at or below it is refused: effects would be multiplied by 1 / k.
    clip : tuple of (float, float) or None, default=None
        Bounds that corrected predictions are cut to, which biases them; the certificate says how many are. None cuts
        nothing, even if outcomes are bounded.

    Attributes
    ----------
    slope_ : float
        k, the slope of predictions on the truth.
    intercept_ : float
        m, the intercept of the same line.
    slope_se_ : float
        Standard error of k, robust to heteroscedasticity (HC1).
    calibration_slope_ : float
        Slope of the truth on predictions: 1 if the model is calibrated.
    n_calibration_ : int
        Number of pairs with a positive weight.
    support_ : tuple of (float, float)
        Smallest and largest prediction of the pairs.
    monotone_ : bool
        True: a line rises.
    certificate_ : Certificate
        Slopes before and after, and what is assumed. The slope after is 1 by construction; the check that can fail is
        "straight after": whether the mean prediction is linear in the truth.

    Raises
    ------
    ValueError
        If predictions or the truth are constant, fewer than 3 pairs have a positive weight, or k is too small.

    Warns
    -----
    WeakCalibrationWarning
        If k is below 0.2 or its interval contains 0.
    InSampleWarning
        If both slopes are so near 1 that predictions seem to be in sample.
    SupportWarning
        By ``predict``, if more predictions lie outside those of the pairs than chance explains.

    See Also
    --------
    TweedieCorrector : For normal noise and predictions of any distribution.
    SieveCorrector : A curve in place of the line.

    Notes
    -----
    Corrected predictions are worse predictions of single units: for a calibrated model with coefficient of
    determination R² theirs is 2 - 1 / R². Use them for means and contrasts of groups.

    Do not correct where groups are made by what the model sees. There the truth, given a prediction, does not depend on
    the group, raw predictions give unbiased contrasts, and a correction inflates them by 1 / k.

    Weights are those of a survey in standard errors and tests, which do not depend on their scale.

    References
    ----------
    Pettersson, Jerzak, Daoud (2026). "Debiasing Machine Learning Predictions for Causal Inference Without Additional
    Ground Truth Data". AAAI-26, arXiv:2508.01341.

    Examples
    --------
    A calibrated model explains six tenths of the variance. In a trial the effect on the outcomes is 1:

    >>> import numpy as np
    >>> from statlearn.debias import LinearCalibrationCorrector
    >>> rng = np.random.default_rng(0)
    >>> predictions = rng.normal(size=5000)
    >>> truth = predictions + 0.8 * rng.normal(size=5000)
    >>> corrector = LinearCalibrationCorrector().fit(predictions, truth)
    >>> print(f"{corrector.slope_:.1f}")
    0.6
    >>> treated = np.arange(20000) % 2 == 0
    >>> outcomes = treated + 1.28 * rng.normal(size=20000)
    >>> in_trial = 0.61 * outcomes + 0.62 * rng.normal(size=20000)
    >>> for values in (in_trial, corrector.predict(in_trial)):
    ...     print(f"{values[treated].mean() - values[~treated].mean():.1f}")
    0.6
    1.0
    """

    _parameter_constraints: dict = {
        "min_slope": [Interval(Real, 0, 1, closed="left")],
        "clip": ["array-like", None],
    }

    def __init__(self, min_slope: float = 0.05, clip: tuple[float, float] | None = None) -> None:
        self.min_slope = min_slope
        self.clip = clip

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the line from calibration pairs.

        **Predictions first, truth second.**

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Predictions of a model for rows that it was not fitted to.
        y : array-like of shape (n_samples,)
            True outcomes of these rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the pairs.

        Returns
        -------
        self : LinearCalibrationCorrector
            The fitted corrector.
        """
        check_clip(self.clip)
        sample = check_calibration(X, y, sample_weight)
        line = sample.slope_of_predictions()
        check_shrinkage(line, sample.slope_of_truth(), self.min_slope)
        self.slope_, self.intercept_, self.slope_se_ = line.slope, line.intercept, line.se
        return self._store(sample, self._learn(sample), folds_of(N_FOLDS, sample))

    def _learn(self, sample):
        line = sample.slope_of_predictions()
        return LinearCorrection(line.slope, line.intercept)
