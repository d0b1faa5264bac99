"""What all correctors of predictions share."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.base import RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._support.base import StatlearnEstimator
from .._typing import ArrayLike, FloatArray, NameArray
from ._calibration_checks import check_clip, check_predictions, warn_outside
from ._correction_certificate import correction_certificate, cross_fitted

__all__ = ["Correction", "Corrector"]

N_GRID = 257  # points at which monotonicity is examined


class Correction(ABC):
    """A learned map of predictions to corrected predictions; knows nothing of scikit-learn."""

    @abstractmethod
    def evaluate(self, predictions):
        """Corrected predictions, as an array of the same shape."""

    @abstractmethod
    def derivative(self, predictions):
        """Derivative of `evaluate`."""


class Corrector(TransformerMixin, RegressorMixin, StatlearnEstimator):
    """Base of correctors: learns a map from pairs of predictions and truth, and applies it to predictions.

    To write a new one, inherit, take a parameter ``clip``, and define two methods: ``_learn(sample)`` returns the
    `Correction` that a `CalibrationSample` teaches and changes nothing, for folds and bootstrap samples go through it;
    ``fit`` checks its input and ends in `_store`.
    """

    def predict(self, X: ArrayLike) -> FloatArray:
        """Correct predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Predictions of the model that made those of the calibration sample.

        Returns
        -------
        corrected : ndarray of shape (n_samples,)
            Predictions whose mean, among units with the same truth, is that truth. Not better as predictions of single
            units.
        """
        return self._correct(X)

    def transform(self, X: ArrayLike) -> FloatArray:
        """Correct predictions, as `predict` does.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Predictions of the model that made those of the calibration sample.

        Returns
        -------
        corrected : ndarray of shape (n_samples,)
            Corrected predictions.
        """
        return self._correct(X)

    def jacobian(self, X: ArrayLike) -> FloatArray:
        """Derivative of the correction.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Predictions.

        Returns
        -------
        derivative : ndarray of shape (n_samples,)
            Change of the corrected prediction per change of the prediction; 0 where it is clipped.
        """
        check_is_fitted(self)
        predictions = check_predictions(X)
        derivative = self._correction.derivative(predictions)
        bounds = check_clip(self.clip)
        if bounds is None:
            return derivative
        corrected = self._correction.evaluate(predictions)
        return np.where((corrected < bounds[0]) | (corrected > bounds[1]), 0.0, derivative)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NameArray:
        """Get the name of the output.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Ignored.

        Returns
        -------
        feature_names_out : ndarray of str objects
            ``["debiased"]``.
        """
        check_is_fitted(self)
        return np.asarray(["debiased"], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def _correct(self, X):
        check_is_fitted(self)
        predictions = check_predictions(X)
        warn_outside(predictions, self.support_, self.n_calibration_)
        return clipped(self._correction.evaluate(predictions), check_clip(self.clip))

    def _store(self, sample, correction, folds, *, checks=(), assumptions=()):
        """Set what all correctors have; checks and assumptions are those of the subclass alone."""
        self._sample, self._correction = sample, correction
        self.n_calibration_ = len(sample)
        self.support_ = (float(sample.predictions.min()), float(sample.predictions.max()))
        self.calibration_slope_ = sample.slope_of_truth().slope
        self.monotone_ = is_monotone(correction, self.support_)
        held_out = cross_fitted(self._learn, sample, folds)
        self.certificate_ = correction_certificate(
            sample, correction, held_out, check_clip(self.clip), checks=checks, assumptions=assumptions
        )
        return self


def clipped(values, bounds):
    """Values within bounds; None leaves them as they are."""
    return values if bounds is None else np.clip(values, *bounds)


def is_monotone(correction, support):
    """Whether a correction does not decrease on a grid of the support."""
    return bool(np.all(correction.derivative(np.linspace(*support, N_GRID)) >= 0.0))
