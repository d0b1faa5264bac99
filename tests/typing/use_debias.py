"""`statlearn.debias` as a type checker sees it; run by mypy, never by pytest."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from statlearn.debias import (
    DebiasedRegressor,
    EffectResult,
    GroupMeans,
    KDEScore,
    LinearCalibrationCorrector,
    ShrinkageDisplay,
    ShrinkageReport,
    SieveCorrector,
    TweedieCorrector,
    debiased_ate,
    debiased_group_means,
    estimate_ate,
    ppi_ate,
    shrinkage_report,
    slope_on_truth,
)


def accepted() -> None:
    y, predictions, treatment = np.arange(20.0), np.arange(20.0), np.arange(20) % 2
    corrector = TweedieCorrector(KDEScore(bandwidth="scott"), sigma=0.5, clip=(0.0, 1.0)).fit(predictions, y)
    assert_type(corrector, TweedieCorrector)
    assert_type(corrector.transform(predictions), NDArray[np.float64])
    assert_type(TweedieCorrector.paper(), TweedieCorrector)
    assert_type(SieveCorrector(alpha=0.1).fit(predictions, y).jacobian(predictions), NDArray[np.float64])

    model = DebiasedRegressor(LinearRegression(), LinearCalibrationCorrector(), cv="prefit")
    assert_type(model.fit(y[:, None], y), DebiasedRegressor)
    assert_type(model.score(y[:, None], y), float)

    effect = debiased_ate(corrector, predictions, treatment, se="bootstrap", estimator="hajek")
    assert_type(effect, EffectResult)
    assert_type(effect.ci, tuple[float, float] | None)
    assert_type(estimate_ate(y, treatment, 0.5), EffectResult)
    assert_type(ppi_ate(y, y, treatment, y, treatment, lam=None), EffectResult)
    means = debiased_group_means(corrector, predictions, ["north", "south"] * 10)
    assert_type(means, GroupMeans)
    assert_type(means.groups, NDArray[Any])
    assert_type(means.se, NDArray[np.float64] | None)
    report = shrinkage_report(y, predictions)
    assert_type(report, ShrinkageReport)
    assert_type(report.slope_ci, tuple[float, float])
    assert_type(slope_on_truth(y, predictions), float)
    assert_type(ShrinkageDisplay.from_predictions(y, predictions), ShrinkageDisplay)


def mistakes() -> None:
    y, treatment = np.arange(20.0), np.arange(20) % 2
    TweedieCorrector("gaussian")  # type: ignore[arg-type]
    TweedieCorrector(clip=1.0)  # type: ignore[arg-type]
    KDEScore(bandwidth="wide")  # type: ignore[arg-type]
    DebiasedRegressor("ridge")  # type: ignore[arg-type]
    DebiasedRegressor(LinearRegression(), "tweedie")  # type: ignore[arg-type]
    debiased_ate(LinearRegression, y)  # type: ignore[call-arg]
    estimate_ate(y, treatment, estimator="matching")  # type: ignore[arg-type]
    low, high = estimate_ate(y, treatment).ci  # type: ignore[misc]
