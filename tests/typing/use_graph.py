"""`statlearn.graph` and its data as a type checker sees them; run by mypy, never by pytest."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from statlearn.datasets import make_sbm
from statlearn.graph import (
    GraphKernelKMeans,
    GraphKernelWard,
    KernelKMeans,
    NodeKernel,
    NodeKernelClassifier,
    RejectCurve,
    SpectralGraph,
    copeland_score,
    kernel_sweep,
    kernel_to_distance,
    list_node_kernels,
    node_distance,
    node_kernel,
    reject_curve,
    sweep_cluster,
)


def accepted() -> None:
    A, y = make_sbm([10, 10], (0.8, 0.1), random_state=0)
    assert_type(y, NDArray[np.integer])
    graph = SpectralGraph(A, symmetrize="max")
    assert_type(graph.n_edges, int)
    assert_type(graph.subgraph(np.arange(5)), SpectralGraph)
    assert_type(node_kernel(graph, "heat", 0.5), NDArray[np.float64])
    distances = node_distance(np.eye(3), "log_heat", scale="raw")
    assert_type(kernel_to_distance(node_kernel(A)), NDArray[np.float64])
    assert_type(reject_curve(distances, [0, 0, 1]), RejectCurve)
    assert_type(list_node_kernels(), list[dict[str, Any]])
    for name, _, K in kernel_sweep(graph, ["heat", "log_comm"], {"heat": [0.1, 0.2], "log_comm": [1.0]}):
        assert_type(name, str)
        assert_type(K, NDArray[np.float64])
    assert_type(sweep_cluster(A, ["heat"], n_clusters=2, select="modularity"), dict[str, Any])
    copeland_score({"heat": [0.1, 0.2], "comm": [0.3, 0.1]})

    assert_type(GraphKernelKMeans(2, disconnected="block").fit(A), GraphKernelKMeans)
    assert_type(GraphKernelWard(2, kernel="heat").fit(graph), GraphKernelWard)
    assert_type(KernelKMeans(2, kernel="rbf", init=y, n_init=3).fit(np.ones((20, 2))), KernelKMeans)
    assert_type(
        KernelKMeans(2, kernel=lambda a, b: float(a @ b)).fit(np.eye(3)).predict(np.eye(3)), NDArray[np.integer]
    )
    assert_type(NodeKernel("heat", method="landmark").fit_transform(A), NDArray[np.float64])
    classifier = NodeKernelClassifier(graph, method="lgc").fit([[0], [1]], ["a", "b"])
    assert_type(classifier.predict([[2]]), NDArray[Any])


def mistakes() -> None:
    A, _ = make_sbm([10, 10], (0.8, 0.1), random_state=0)
    SpectralGraph(A, symmetrize="min")  # type: ignore[arg-type]
    node_kernel(A, "heat", scale="unitless")  # type: ignore[arg-type]
    node_kernel(A, t="0.5")  # type: ignore[arg-type]
    kernel_sweep(A, ["heat"], output="both")  # type: ignore[arg-type]
    KernelKMeans(2, kernel="gaussian")  # type: ignore[arg-type]
    GraphKernelKMeans("two")  # type: ignore[arg-type]
    NodeKernelClassifier(method="knn")  # type: ignore[call-arg, arg-type]
    NodeKernelClassifier(graph=object())  # type: ignore[arg-type]
    make_sbm([10, 10], (0.8, 0.1), random_state="0")  # type: ignore[arg-type]
