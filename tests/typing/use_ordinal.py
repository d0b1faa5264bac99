"""`statlearn.ordinal` and its data as a type checker sees them; run by mypy, never by pytest."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from statlearn.datasets import make_rare_ordinal
from statlearn.ordinal import (
    DeviatingTransitions,
    ParallelismTestResult,
    PrestoClassifier,
    PrestoClassifierCV,
    ProportionalOddsClassifier,
    parallelism_test,
    presto_alpha_max,
    rearrange_cumulative,
)


def accepted() -> None:
    X, y = make_rare_ordinal(500, random_state=0)
    assert_type(X, NDArray[np.float64])

    model = PrestoClassifier(alpha=0.01, crossing="box", class_weight="balanced", classes=["good", "fair", "bad"])
    assert_type(model.fit(X, y), PrestoClassifier)
    assert_type(model.fit(X.tolist(), list(y), sample_weight=None).predict_proba(X), NDArray[np.float64])
    assert_type(model.predict(X), NDArray[Any])
    assert_type(model.deviating_transitions(), DeviatingTransitions)
    assert_type(model.relaxed_fit(X, y).standard_errors, tuple[float, ...])
    assert_type(model.deviating_transitions(["age", "income"]).features, tuple[str, ...])

    search = PrestoClassifierCV(alphas=[0.1, 0.01], cv=StratifiedKFold(3), scoring="brier", selection="1se")
    assert_type(search.fit(X, y), PrestoClassifierCV)
    PrestoClassifierCV(alphas=20, cv=[(np.arange(5), np.arange(5, 10))], random_state=np.random.RandomState(0))

    odds = ProportionalOddsClassifier(class_weight={0: 1.0, 1: 2.0}).fit(X, y)
    assert_type(odds.conf_int(level=0.9), NDArray[np.float64])
    assert_type(presto_alpha_max(X, y), float)
    assert_type(parallelism_test(X, y, method="score"), ParallelismTestResult)
    assert_type(rearrange_cumulative([[0.2, 0.1]]), NDArray[np.float64])


def mistakes() -> None:
    X, y = make_rare_ordinal(500, random_state=0)
    PrestoClassifier(alpha="small")  # type: ignore[arg-type]
    PrestoClassifier(crossing="none")  # type: ignore[arg-type]
    PrestoClassifier(lambda_=1.0)  # type: ignore[call-arg]
    PrestoClassifier().fit(X)  # type: ignore[call-arg]
    PrestoClassifierCV(cv="five")  # type: ignore[arg-type]
    PrestoClassifierCV(random_state=np.random.default_rng(0))  # type: ignore[arg-type]
    ProportionalOddsClassifier(class_weight="weighted")  # type: ignore[arg-type]
    parallelism_test(X, y, method="likelihood")  # type: ignore[arg-type]
    make_rare_ordinal(500, design="thin")  # type: ignore[call-overload]
