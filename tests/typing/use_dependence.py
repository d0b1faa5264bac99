"""`statlearn.dependence` and `statlearn.fairness` as a type checker sees them; run by mypy, never by pytest."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from statlearn.dependence import (
    DistanceCovariancePenalty,
    DistanceCovarianceTestResult,
    DistanceStatistics,
    SlicedDistance,
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    distance_covariance_test,
    out_of_core_distance_statistics,
)
from statlearn.fairness import (
    DistanceCovarianceFairClassifier,
    DistanceCovarianceFairMLPRegressor,
    DistanceCovarianceFairRegressor,
    FairnessCalibration,
    FairnessPath,
    FairnessPathDisplay,
    FairnessReport,
    ProtectedEncoder,
    calibrate_fairness_weight,
    fairness_path,
    fairness_report,
    make_fairness_scorer,
)


def dependence() -> None:
    x, y = np.arange(5.0), [0.0, 1.0, 0.0, 1.0, 1.0]
    assert_type(distance_covariance(x, y), float)
    value, gradient = distance_covariance(x, y, return_grad=True)
    assert_type(gradient, NDArray[np.float64])
    assert_type(distance_correlation(x, y, method=SlicedDistance(50)), float)
    assert_type(concatenated_distance_covariance(x, y, x, unbiased=False), float)
    statistics = out_of_core_distance_statistics(x, y, rows_in_memory=1000, directory=Path("scratch"))
    assert_type(statistics, DistanceStatistics)
    assert_type(statistics.correlation, float)
    penalty = DistanceCovariancePenalty("jdcov", normalize="dcor").fit([x, x])
    assert_type(penalty, DistanceCovariancePenalty)
    assert_type(penalty.set_params(c=2.0), DistanceCovariancePenalty)
    assert_type(penalty.value_and_grad(y), tuple[float, NDArray[np.float64]])
    result = distance_covariance_test(x, np.ones((5, 2)), statistic=penalty, random_state=np.random.default_rng(0))
    assert_type(result, DistanceCovarianceTestResult)
    assert_type(result.null_distribution, NDArray[np.float64] | None)


def fairness() -> None:
    X, y = np.ones((20, 2)), np.arange(20.0)
    model = DistanceCovarianceFairRegressor("poisson", fairness_weight=1.0, sensitive_columns=["sex", "age"])
    assert_type(model.fit(X, y), DistanceCovarianceFairRegressor)
    assert_type(model.predict(X), NDArray[np.float64])
    classifier = DistanceCovarianceFairClassifier(encoder=ProtectedEncoder(scaling="unit"), sensitive_columns=0)
    assert_type(classifier.fit(X, y, sensitive_features=X[:, 0]).predict(X), NDArray[Any])
    DistanceCovarianceFairMLPRegressor((8, 4), measure=DistanceCovariancePenalty())
    path = fairness_path(X, y, X, estimator=model)
    assert_type(path, FairnessPath)
    assert_type(path.plot(), FairnessPathDisplay)
    assert_type(calibrate_fairness_weight(model, X, y, fairness_weights=[0.1, 1.0], cv=KFold(3)), FairnessCalibration)
    report = fairness_report(y, y, X)
    assert_type(report, FairnessReport)
    assert_type(report.overall, dict[str, float])
    assert_type(make_fairness_scorer("dcor", sensitive_columns="sex")(model, X, y), float)


def mistakes() -> None:
    x = np.arange(5.0)
    distance_covariance(x, x, method="fast")  # type: ignore[call-overload]
    distance_covariance(x)  # type: ignore[call-overload]
    distance_covariance_test(x, x, statistic="pearson")  # type: ignore[arg-type]
    distance_correlation(x, x, n_jobs="all")  # type: ignore[arg-type]
    out_of_core_distance_statistics(x, x, sample_weight=x)  # type: ignore[call-arg]
    out_of_core_distance_statistics(x, x, directory=1)  # type: ignore[arg-type]
    DistanceCovariancePenalty("dcor")  # type: ignore[arg-type]
    DistanceCovarianceFairRegressor(loss="absolute")  # type: ignore[arg-type]
    DistanceCovarianceFairClassifier(encoder="unit")  # type: ignore[arg-type]
    DistanceCovarianceFairClassifier(fairness_weight="high")  # type: ignore[arg-type]
    ProtectedEncoder(handle_unknown="drop")  # type: ignore[arg-type]
    value, gradient = distance_covariance(x, x)  # type: ignore[misc]
