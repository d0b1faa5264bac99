"""Noise of the truth about recalibrated predictions: its size, and how it depends on the prediction."""

from dataclasses import dataclass

import numpy as np

from ._calibration_sample import weighted_mean
from ._recalibration import recalibrate
from ._spline_basis import SplineBasis, quantile_knots

__all__ = ["EvenNoise", "UnevenNoise", "fit_uneven_noise", "residual_sd"]

KNOT_LEVELS = (0.05, 0.5, 0.95)
DEGREE = 2
MOST_STEPS = 100  # of Newton's method; about 6 are needed
SMALLEST_GAIN = 1e-12
FLOOR = 1e-12  # of squared residuals, relative to their mean, so that log variances are finite


@dataclass(frozen=True)
class EvenNoise:
    """The same variance for all predictions: ratio 1."""

    def ratio(self, predictions, order=0):
        """Variance relative to its mean, or its derivative of an order up to 2."""
        return np.full_like(predictions, 1.0 if order == 0 else 0.0)


@dataclass(frozen=True, eq=False)
class UnevenNoise:
    """A variance whose logarithm is a spline of the prediction.

    Attributes
    ----------
    basis : SplineBasis
        Of the recalibrated predictions.
    coefficients : ndarray of shape (n_functions,)
        Of the logarithm of the variance relative to its mean.
    """

    basis: SplineBasis
    coefficients: np.ndarray

    def ratio(self, predictions, order=0):
        """Variance relative to its mean, or its derivative of an order up to 2."""
        value = np.exp(self.basis.evaluate(predictions) @ self.coefficients)
        if order == 0:
            return value
        first = self.basis.derivative(predictions) @ self.coefficients
        if order == 1:
            return value * first
        return value * (first**2 + self.basis.derivative(predictions, 2) @ self.coefficients)


def residual_sd(method, sample, recalibrated, folds):
    """Standard deviation of truth less recalibrated predictions, about its mean, with the sum of weights as divisor.

    A line leaves the residuals as they are; a monotone curve follows them, so that its residuals are cross-fitted.
    """
    residuals = sample.truth - recalibrated.predictions
    if method == "isotonic":
        residuals = residuals.copy()
        for train, held_out in folds:
            curve = recalibrate(method, sample.take(train))
            residuals[held_out] = sample.truth[held_out] - curve.evaluate(sample.predictions[held_out])
    mean = weighted_mean(residuals, sample.weights)
    return float(np.sqrt(weighted_mean((residuals - mean) ** 2, sample.weights)))


def fit_uneven_noise(recalibrated):
    """Fit the logarithm of the variance by normal quasi-likelihood: ``sum w (r^2 / v + log v)``, convex in log v."""
    residuals = recalibrated.truth - recalibrated.predictions
    weights = recalibrated.weights / recalibrated.weights.sum()
    squares = (residuals - weights @ residuals) ** 2
    pooled = weights @ squares
    if pooled == 0.0:
        return EvenNoise()
    basis = SplineBasis(quantile_knots(recalibrated.predictions, weights, KNOT_LEVELS), DEGREE)
    design = basis.evaluate(recalibrated.predictions)
    coefficients = _log_variance(design, np.maximum(squares / pooled, FLOOR), weights)
    mean = weights @ np.exp(design @ coefficients)
    return UnevenNoise(basis, coefficients - np.log(mean))  # the functions add up to 1


def _log_variance(design, squares, weights):
    """Newton's method with step halving."""

    def objective(coefficients):
        logs = design @ coefficients
        return weights @ (squares * np.exp(-logs) + logs)

    coefficients, value = np.zeros(design.shape[1]), objective(np.zeros(design.shape[1]))
    for _ in range(MOST_STEPS):
        relative = squares * np.exp(-design @ coefficients)
        gradient = design.T @ (weights * (1.0 - relative))
        curvature = design.T @ ((weights * relative)[:, None] * design)
        step = np.linalg.lstsq(curvature, -gradient, rcond=None)[0]
        size = 1.0
        while objective(coefficients + size * step) > value and size > SMALLEST_GAIN:
            size /= 2.0
        found = objective(coefficients + size * step)
        if not found < value - SMALLEST_GAIN:
            break
        coefficients, value = coefficients + size * step, found
    return coefficients
