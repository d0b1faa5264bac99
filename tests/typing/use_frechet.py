"""`statlearn.frechet` as a type checker sees it; run by mypy, never by pytest."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from statlearn.frechet import (
    ChainMetric,
    GraphMetric,
    GridMetric,
    LabelMetric,
    LeaveClassesOut,
    LocusDisplay,
    LokiClassifier,
    LokiReport,
    PrecomputedMetric,
    TreeMetric,
    frechet_predict,
    hierarchical_prf,
    locus,
    loki_report,
    metric_scorer,
    next_class_order,
)


def accepted() -> None:
    X, y = np.ones((20, 2)), np.arange(20) % 3
    tree = TreeMetric([-1, 0, 0], labels=["root", "left", "right"], label_nodes="leaves")
    assert_type(TreeMetric.from_newick("(a,b);"), TreeMetric)
    assert_type(TreeMetric.from_paths([("animal", "dog"), ("animal", "cat")]), TreeMetric)
    assert_type(tree.n_labels_, int)
    assert_type(PrecomputedMetric.from_costs(np.eye(3)), PrecomputedMetric)
    metric: LabelMetric = GraphMetric(sparse.eye_array(3), labels=range(3), disconnected=9.0)
    assert_type(metric.distances(np.arange(2), np.arange(3)), NDArray[np.float64])
    assert_type(ChainMetric([0.0, 1.0]).index_of([0, 1]), NDArray[np.integer])

    model = LokiClassifier(LogisticRegression(), metric=GridMetric((2, 2)), calibration="isotonic")
    assert_type(model.fit(X, y), LokiClassifier)
    assert_type(model.predict_top_k(X, k=2), NDArray[Any])
    assert_type(LokiClassifier(metric="discrete").fit(X, y).predict_proba(X), NDArray[np.float64])

    P = np.full((4, 2), 0.5)
    assert_type(frechet_predict(P, tree, [0, 1]), NDArray[np.integer])
    labels, scores = frechet_predict(P, tree, [0, 1], top_k=2, return_scores=True)
    assert_type(scores, NDArray[np.float64])
    assert_type(locus(tree, [0, 1], random_state=np.random.default_rng(0)), NDArray[np.integer])
    assert_type(next_class_order(tree, [0], n_select=1), NDArray[np.integer])
    assert_type(loki_report(["left"] * 4, P, tree, [0, 1]), LokiReport)
    assert_type(hierarchical_prf(["left"], ["right"], tree), tuple[float, float, float])
    assert_type(metric_scorer(tree)(model, X, y), float)
    assert_type(LocusDisplay.from_metric(tree, [0, 1]), LocusDisplay)
    for train, _ in LeaveClassesOut(3).split(X, y):
        assert_type(train, NDArray[np.integer])


def mistakes() -> None:
    P = np.full((4, 2), 0.5)
    metric = ChainMetric([0.0, 1.0])
    GridMetric(4)  # type: ignore[arg-type]
    GridMetric((2, 2), norm="max")  # type: ignore[arg-type]
    TreeMetric([-1, 0, 0], label_nodes=None)  # type: ignore[arg-type]
    LokiClassifier(metric="euclidean")  # type: ignore[arg-type]
    LokiClassifier("logistic")  # type: ignore[arg-type]
    metric.distances([0, 1], [0, 1])  # type: ignore[arg-type]
    frechet_predict(P, "discrete", [0, 1])  # type: ignore[call-overload]
    locus(metric, [0, 1], method="exact")  # type: ignore[arg-type]
    LeaveClassesOut(n_splits="3")  # type: ignore[arg-type]
