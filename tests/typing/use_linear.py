"""`statlearn.linear` and `statlearn.halfspace` as a type checker sees them; run by mypy, never by pytest."""

from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.naive_bayes import GaussianNB

from statlearn.datasets import make_massart_halfspace
from statlearn.halfspace import (
    HalfspaceCertificate,
    MarginalTestResult,
    SphereDescent,
    TestableHalfspaceClassifier,
    band_test,
    gaussianity_test,
    massart_angle_bound,
    psgd_sphere,
    ramp_loss,
)
from statlearn.linear import (
    CurveResult,
    DiagonalLDA,
    GenerativeDiscriminativeDisplay,
    LargeStepLogisticClassifier,
    SeparabilityResult,
    StepHistoryDisplay,
    generative_discriminative_curve,
    safe_step_radius,
    separability,
)


def linear() -> None:
    X, y = np.ones((20, 2)), np.arange(20) % 2
    result = separability(sparse.csr_array(X), y, method="lp")
    assert_type(result, SeparabilityResult)
    assert_type(result.status, Literal["separable", "not separable", "undetermined"])
    assert_type(result.coef, NDArray[np.float64] | None)
    model = LargeStepLogisticClassifier("perceptron", stop="margin", class_weight={0: 2.0, 1: 1.0})
    assert_type(model.fit(X, y), LargeStepLogisticClassifier)
    assert_type(model.predict(X), NDArray[Any])
    assert_type(LargeStepLogisticClassifier(0.5).fit(X, y).decision_function(X), NDArray[np.float64])
    assert_type(StepHistoryDisplay.from_estimator(model, kind="loss"), StepHistoryDisplay)
    assert_type(DiagonalLDA(priors=[0.5, 0.5]).fit(X, y).predict_log_proba(X), NDArray[np.float64])
    curve = generative_discriminative_curve(X, y, GaussianNB(), train_sizes=[5, 10])
    assert_type(curve, CurveResult)
    assert_type(curve.crossing_ci_, tuple[float, float] | None)
    assert_type(GenerativeDiscriminativeDisplay.from_result(curve), GenerativeDiscriminativeDisplay)
    assert_type(safe_step_radius(X, X), float)


def halfspace() -> None:
    X, y = make_massart_halfspace(100, recipe="rcn", eta=0.1, random_state=0)
    model = TestableHalfspaceClassifier(target="universal", width="auto", cache_dir=Path("cache"))
    assert_type(model.fit(X, y), TestableHalfspaceClassifier)
    assert_type(model.certify(X, y), HalfspaceCertificate)
    assert_type(model.excess_error_bound(), float)
    assert_type(psgd_sphere(X, y, width=[0.5, 0.1]), SphereDescent)
    assert_type(gaussianity_test(X, method="table"), MarginalTestResult)
    assert_type(band_test(X, [1.0, 0.0], width=0.5).passed, bool | None)
    assert_type(massart_angle_bound(0.1, 0.5, eta=0.2), float)
    ramp_loss(0.1, 0.5) + ramp_loss([0.1, 0.2], 0.5)


def mistakes() -> None:
    X, y = np.ones((20, 2)), np.arange(20) % 2
    separability(X, y, method="simplex")  # type: ignore[arg-type]
    LargeStepLogisticClassifier("gradient")  # type: ignore[arg-type]
    LargeStepLogisticClassifier(max_iter=None)  # type: ignore[arg-type]
    low, high = generative_discriminative_curve(X, y).crossing_ci_  # type: ignore[misc]
    generative_discriminative_curve(X, y, "naive_bayes")  # type: ignore[arg-type]
    StepHistoryDisplay.from_history({}, kind="time")  # type: ignore[arg-type]
    make_massart_halfspace(100, recipe="noisy")  # type: ignore[call-overload]
    TestableHalfspaceClassifier(noise="gaussian")  # type: ignore[arg-type]
    TestableHalfspaceClassifier(on_reject=True)  # type: ignore[arg-type]
    gaussianity_test(X, cache_dir=1)  # type: ignore[arg-type]
