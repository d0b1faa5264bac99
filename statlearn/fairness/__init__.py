"""Predictions that do not depend on protected attributes of mixed types, and how far they depend on them."""

from ._boosting import make_boosting_objective
from ._calibration import FairnessCalibration, calibrate_fairness_weight
from ._displays import FairnessPathDisplay, GroupDensityDisplay
from ._encoder import ProtectedEncoder
from ._glm import DistanceCovarianceFairClassifier, DistanceCovarianceFairRegressor
from ._metrics import jensen_shannon_divergence, unfairness_ratio, wasserstein_disparity
from ._mlp import DistanceCovarianceFairMLPClassifier, DistanceCovarianceFairMLPRegressor
from ._path import FairnessPath, fairness_path
from ._report import FairnessReport, fairness_report
from ._scorers import make_fairness_scorer

__all__ = [
    "DistanceCovarianceFairClassifier",
    "DistanceCovarianceFairMLPClassifier",
    "DistanceCovarianceFairMLPRegressor",
    "DistanceCovarianceFairRegressor",
    "FairnessCalibration",
    "FairnessPath",
    "FairnessPathDisplay",
    "FairnessReport",
    "GroupDensityDisplay",
    "ProtectedEncoder",
    "calibrate_fairness_weight",
    "fairness_path",
    "fairness_report",
    "jensen_shannon_divergence",
    "make_boosting_objective",
    "make_fairness_scorer",
    "unfairness_ratio",
    "wasserstein_disparity",
]
