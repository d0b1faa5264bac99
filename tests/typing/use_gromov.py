"""`statlearn.gromov` as a type checker sees it; run by mypy, never by pytest."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from statlearn.gromov import (
    GramCost,
    GromovAligner,
    GromovBarycenter,
    GromovNeighborsClassifier,
    GromovNeighborSearch,
    GromovSignature,
    GromovWassersteinDistance,
    GromovWassersteinResult,
    LineCost,
    SparseGraphCost,
    coactivation_graph,
    graph_cost,
    graph_on_logits_loss,
    gromov_wasserstein_bounds,
    gromov_wasserstein_lower_bound,
    sorted_gromov_wasserstein,
)


def accepted() -> None:
    line, matrix = LineCost([0.0, 1.0, 3.0]), np.ones((4, 4))
    assert_type(line.take([0, 2]), LineCost)
    assert_type(line.x, NDArray[np.float64])
    assert_type(SparseGraphCost(sparse.eye_array(3)).scaled(2.0), SparseGraphCost)
    result = gromov_wasserstein_bounds(line, matrix, lower="slb", scale="max")
    assert_type(result, GromovWassersteinResult)
    assert_type(result.plan, NDArray[np.float64])
    assert_type(result.interval(power=1), tuple[float, float])
    assert_type(gromov_wasserstein_lower_bound(line, sparse.eye_array(3), kind="flb"), float)
    assert_type(sorted_gromov_wasserstein(line, line), float)
    assert_type(sorted_gromov_wasserstein(line, line, return_residuals=True), tuple[float, float, float])
    assert_type(graph_cost([[0, 1], [1, 0]], "hop", unreachable="max+1"), NDArray[np.float64])
    assert_type(coactivation_graph(matrix), GramCost)
    assert_type(coactivation_graph(matrix, dense=True), NDArray[np.float64])
    assert_type(graph_on_logits_loss(matrix, matrix), float)
    loss, _ = graph_on_logits_loss(matrix, matrix, return_grad=True)
    assert_type(loss, float)

    graphs = [np.ones((3, 3)), sparse.eye_array(4)]
    classifier = GromovNeighborsClassifier(3, weights="distance", cost=lambda graph: np.ones((3, 3)))
    assert_type(classifier.fit(graphs, ["a", "b"]).predict(graphs), NDArray[Any])
    assert_type(classifier.search(), GromovNeighborSearch)
    assert_type(classifier.kneighbors(graphs), tuple[NDArray[np.float64], NDArray[np.integer]])
    assert_type(classifier.kneighbors(graphs, return_distance=False), NDArray[np.integer])
    assert_type(GromovSignature(kind="both").fit_transform(graphs), NDArray[np.float64])
    assert_type(GromovWassersteinDistance("lower", cost="precomputed").fit(graphs), GromovWassersteinDistance)
    assert_type(GromovBarycenter(4).fit(np.ones((2, 3, 3))).score_samples(graphs), NDArray[np.float64])
    assert_type(GromovAligner("sqeuclidean").fit(np.ones((4, 2)), np.ones((5, 3))), GromovAligner)


def mistakes() -> None:
    line, matrix = LineCost([0.0, 1.0, 3.0]), np.ones((4, 4))
    gromov_wasserstein_bounds(line, matrix, scale="mean_abs")  # type: ignore[arg-type]
    gromov_wasserstein_bounds(line)  # type: ignore[call-arg]
    gromov_wasserstein_lower_bound(line, matrix, kind="fourth")  # type: ignore[arg-type]
    graph_cost(matrix, "diffusion")  # type: ignore[arg-type]
    SparseGraphCost(matrix)  # type: ignore[arg-type]
    GromovSignature(cost="cosine")  # type: ignore[arg-type]
    GromovNeighborsClassifier(weights="uniformly")  # type: ignore[arg-type]
    GromovWassersteinDistance(n_jobs="all")  # type: ignore[arg-type]
    coactivation_graph(matrix).round(2)  # type: ignore[attr-defined]
