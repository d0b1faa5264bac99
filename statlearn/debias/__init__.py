"""Predictions used as outcomes, without shrunken effects: corrections, and errors that count both samples."""

from ._comparison import compare_correctors
from ._debiased_effects import debiased_ate
from ._diagnostics import ShrinkageReport, shrinkage_report
from ._differential_errors import DifferentialErrorResult, differential_error_test
from ._displays import QuantileBiasDisplay, ShrinkageDisplay
from ._effects import EffectResult, estimate_ate
from ._function_score import FunctionScore
from ._group_means import GroupMeans, debiased_group_means
from ._kde_score import KDEScore
from ._linear_correction import LinearCalibrationCorrector
from ._mixture_score import GaussianMixtureScore
from ._ppi import ppi_ate
from ._ratledge import RatledgeRegressor, ratledge_loss
from ._regressor import DebiasedRegressor
from ._score_display import ScoreDisplay
from ._scorers import conditional_bias, conditional_bias_scorer, slope_on_truth, slope_scorer
from ._sieve import SieveCorrector
from ._spline_score import SplineScore
from ._tweedie import TweedieCorrector

__all__ = [
    "DebiasedRegressor",
    "DifferentialErrorResult",
    "EffectResult",
    "FunctionScore",
    "GaussianMixtureScore",
    "GroupMeans",
    "KDEScore",
    "LinearCalibrationCorrector",
    "QuantileBiasDisplay",
    "RatledgeRegressor",
    "ScoreDisplay",
    "ShrinkageDisplay",
    "ShrinkageReport",
    "SieveCorrector",
    "SplineScore",
    "TweedieCorrector",
    "compare_correctors",
    "conditional_bias",
    "conditional_bias_scorer",
    "debiased_ate",
    "debiased_group_means",
    "differential_error_test",
    "estimate_ate",
    "ppi_ate",
    "ratledge_loss",
    "shrinkage_report",
    "slope_on_truth",
    "slope_scorer",
]
