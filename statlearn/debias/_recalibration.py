"""Recalibration: the mean truth given the prediction, which a correction of calibrated predictions starts from."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from ._corrector import Correction

__all__ = ["RECALIBRATIONS", "IsotonicRecalibration", "LinearRecalibration", "recalibrate"]


@dataclass(frozen=True)
class LinearRecalibration(Correction):
    """The line ``intercept + slope * prediction``; by default the prediction itself."""

    slope: float = 1.0
    intercept: float = 0.0

    def evaluate(self, predictions):
        """Recalibrated predictions, as an array of the same shape."""
        return self.intercept + self.slope * predictions

    def derivative(self, predictions):
        """Derivative of `evaluate`."""
        return np.full_like(predictions, self.slope)


@dataclass(frozen=True, eq=False)
class IsotonicRecalibration(Correction):
    """Centered isotonic regression: lines between the centers of the steps, so that predictions are not tied.

    Attributes
    ----------
    centers : ndarray of shape (n_steps,)
        Mean prediction on each step.
    levels : ndarray of shape (n_steps,)
        Mean truth on each step, increasing.
    outer_slope : float
        Slope beyond the first and last center, where a step says nothing.
    """

    centers: np.ndarray
    levels: np.ndarray
    outer_slope: float

    def evaluate(self, predictions):
        """Recalibrated predictions, as an array of the same shape."""
        beyond = predictions - np.clip(predictions, self.centers[0], self.centers[-1])
        return np.interp(predictions, self.centers, self.levels) + self.outer_slope * beyond

    def derivative(self, predictions):
        """Derivative of `evaluate`, from the right at the centers."""
        inner = np.diff(self.levels) / np.diff(self.centers)
        slopes = np.concatenate([[self.outer_slope], inner, [self.outer_slope]])
        return slopes[np.searchsorted(self.centers, predictions, side="right")]


def recalibrate(method, sample):
    """Learn the mean truth given the prediction.

    Parameters
    ----------
    method : {"linear", "isotonic"} or None
        The shape; None leaves predictions as they are.
    sample : CalibrationSample
        The pairs.

    Returns
    -------
    recalibration : Correction
        The map.
    """
    return RECALIBRATIONS[method](sample)


def _identity(sample):
    return LinearRecalibration()


def _linear(sample):
    line = sample.slope_of_truth()
    return LinearRecalibration(line.slope, line.intercept)


def _isotonic(sample):
    distinct, place = np.unique(sample.predictions, return_inverse=True)
    weights = np.bincount(place, sample.weights)
    truth = np.bincount(place, sample.weights * sample.truth) / weights
    fit = isotonic_regression(truth, weights=weights)
    first = fit.blocks[:-1]
    centers = np.add.reduceat(weights * distinct, first) / np.add.reduceat(weights, first)
    return IsotonicRecalibration(centers, fit.x[first], sample.slope_of_truth().slope)


RECALIBRATIONS = {None: _identity, "linear": _linear, "isotonic": _isotonic}
