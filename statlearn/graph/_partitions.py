"""Partitions of the nodes of a graph by kernel k-means, component by component."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from .._support._sklearn import Interval, StrOptions
from ..certificate import Check
from ._components import share_clusters
from ._grams import DenseGram, FeatureGram
from ._kmeans_certificate import euclidean_check
from ._kmeans_solver import evaluate_partition, solve_kernel_kmeans

__all__ = [
    "SEARCH_CONSTRAINTS",
    "NodeGram",
    "cluster_shares",
    "kmeans_partition",
    "modularity",
    "node_gram",
    "partition_cost",
    "place_labels",
    "require_differences",
]

AGREEMENT = 1e-9  # difference of objectives that restarts are said to share, relative to the sum of |k_ii|
SEARCH_CONSTRAINTS = {  # of the arguments that estimators and sweeps hand on to `kmeans_partition`
    "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "refine": ["boolean"],
    "select": [StrOptions({"inertia", "modularity"})],
    "random_state": ["random_state", np.random.Generator],
    "n_jobs": [Integral, None],
}
DENSE_SHARE = 0.25  # features per node above which one product of them all is quicker than many with their sums


def modularity(graph, labels):
    """Newman's modularity of a partition; nodes labeled -1 count as clusters of their own."""
    codes = np.where(labels < 0, labels.max() + 1 + np.arange(len(labels)), labels)
    rows, columns = graph.adjacency.nonzero()
    if graph.volume == 0.0:
        return 0.0
    inside = graph.adjacency.data[codes[rows] == codes[columns]].sum() / graph.volume
    shares = np.bincount(codes, weights=graph.degrees) / graph.volume
    return float(inside - shares @ shares)


@dataclass(frozen=True)
class Partition:
    """Clusters of some nodes, numbered from 0, the objective J, and what the search found."""

    labels: np.ndarray
    inertia: float
    log_scale: float
    n_iter: int
    agreement: float
    n_converged: int
    converged: bool
    n_init: int
    best_move: float
    tolerance: float
    geometry: Check
    route: str


@dataclass(frozen=True)
class NodeGram:
    """The kernel of the nodes for clustering, times ``exp(-log_scale)``; ``definite`` by theorem or not known to be."""

    gram: DenseGram | FeatureGram
    log_scale: float
    route: str
    definite: bool


def node_gram(graph, proximity):
    """The kernel for clustering: features of plain kernels where they are few, the centered matrix otherwise."""
    graph._require_dense(f"clustering on {proximity.label}")
    has_features = not proximity.log and graph.n_nodes > 1
    features = proximity.measure.features(graph, proximity.t) if has_features else None
    if features is None:
        made = require_differences(proximity.kernel(graph, center=True), proximity)
        return NodeGram(DenseGram(made.matrix), made.log_scale, made.route, False)
    F = features.matrix
    many = F.shape[1] > DENSE_SHARE * graph.n_nodes
    return NodeGram(DenseGram(F @ F.T) if many else FeatureGram(F), features.log_scale, features.route, True)


def kmeans_partition(graph, nodes, n_clusters, *, select="inertia", **search):
    """Kernel k-means on a `NodeGram`; among restarts the best by ``select``."""
    gram = nodes.gram
    solution = solve_kernel_kmeans(gram, n_clusters, **search)
    inertias = solution.restart_inertias
    labels, inertia, best_move = solution.labels, solution.inertia, solution.best_move
    if select == "modularity":
        labels = max(solution.restart_labels, key=lambda candidate: modularity(graph, candidate))
        figures = evaluate_partition(gram, labels, n_clusters, np.ones(gram.n))
        inertia, best_move = figures["inertia"], figures["best_move"]
    scale = float(np.abs(gram.diagonal).sum())
    return Partition(
        labels=labels,
        inertia=inertia,
        log_scale=nodes.log_scale,
        n_iter=solution.n_iter,
        agreement=float(np.mean(inertias <= inertias.min() + AGREEMENT * scale)),
        n_converged=int(solution.restart_converged.sum()),
        converged=bool(solution.restart_converged[solution.best_restart]),
        n_init=len(inertias),
        best_move=best_move,
        tolerance=solution.tolerance,
        geometry=euclidean_check(gram, nodes.definite),
        route=nodes.route,
    )


def require_differences(made, proximity):
    """A centered kernel or distance, unless all its entries are 0: the nodes are then the same up to rounding."""
    if len(made.matrix) > 1 and not made.matrix.any():
        raise ValueError(
            f"t={proximity.t!r} makes {proximity.label} the same for all nodes up to rounding: there is nothing to "
            "cluster. Use a t nearer to the default, or log=True where the kernel has a logarithm."
        )
    return made


def partition_cost(D, labels):
    """The objective J of a partition from its distances, half their mean within a cluster times its size."""
    clusters = np.eye(labels.max() + 1)[labels]
    return float(0.5 * (np.einsum("ic,ic->c", clusters, D @ clusters) / clusters.sum(axis=0)).sum())


def cluster_shares(graph, blocks, n_clusters):
    """Clusters per block of nodes."""
    n_nodes = sum(map(len, blocks))
    if n_clusters > n_nodes:
        raise ValueError(f"n_samples={n_nodes} should be >= n_clusters={n_clusters}: there are so many nodes.")
    return share_clusters([len(nodes) for nodes in blocks], n_clusters)


def place_labels(graph, blocks, parts):
    """Labels of all nodes from those of the blocks, numbered on from block to block; -1 outside."""
    labels, first = np.full(graph.n_nodes, -1, dtype=np.int64), 0
    for nodes, part in zip(blocks, parts, strict=True):
        labels[nodes] = part + first
        first += int(part.max()) + 1
    return labels
