"""Separable classes, their margin, and whether to prefer a generative or a discriminative linear classifier."""

from ._classifier import LargeStepLogisticClassifier
from ._diagonal_lda import DiagonalLDA
from ._displays import GenerativeDiscriminativeDisplay, StepHistoryDisplay
from ._learning_curves import CurveResult, generative_discriminative_curve
from ._safe_radius import safe_step_radius
from ._separability import SeparabilityResult, separability

__all__ = [
    "CurveResult",
    "DiagonalLDA",
    "GenerativeDiscriminativeDisplay",
    "LargeStepLogisticClassifier",
    "SeparabilityResult",
    "StepHistoryDisplay",
    "generative_discriminative_curve",
    "safe_step_radius",
    "separability",
]
