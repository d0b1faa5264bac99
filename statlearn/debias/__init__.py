"""Predictions used as outcomes, without shrunken effects: corrections, and errors that count both samples."""

from ._debiased_effects import debiased_ate
from ._effects import EffectResult, estimate_ate
from ._function_score import FunctionScore
from ._group_means import GroupMeans, debiased_group_means
from ._kde_score import KDEScore
from ._linear_correction import LinearCalibrationCorrector
from ._mixture_score import GaussianMixtureScore
from ._ppi import ppi_ate
from ._sieve import SieveCorrector
from ._spline_score import SplineScore
from ._tweedie import TweedieCorrector

__all__ = [
    "EffectResult",
    "FunctionScore",
    "GaussianMixtureScore",
    "GroupMeans",
    "KDEScore",
    "LinearCalibrationCorrector",
    "SieveCorrector",
    "SplineScore",
    "TweedieCorrector",
    "debiased_ate",
    "debiased_group_means",
    "estimate_ate",
    "ppi_ate",
]
