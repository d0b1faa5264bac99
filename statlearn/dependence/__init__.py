"""Dependence between variables: distance covariance, exact at a million rows, with its gradient."""

from ._engines import SlicedDistance
from ._functions import (
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    joint_distance_covariance,
)
from ._independence_test import DistanceCovarianceTestResult, distance_covariance_test
from ._out_of_core import DistanceStatistics, out_of_core_distance_statistics
from ._penalty import DistanceCovariancePenalty

__all__ = [
    "DistanceCovariancePenalty",
    "DistanceCovarianceTestResult",
    "DistanceStatistics",
    "SlicedDistance",
    "concatenated_distance_covariance",
    "distance_correlation",
    "distance_covariance",
    "distance_covariance_test",
    "joint_distance_covariance",
    "out_of_core_distance_statistics",
]
