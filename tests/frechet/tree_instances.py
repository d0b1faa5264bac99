"""Random trees, and plain twins of what the library computes on them."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.frechet._tree_metric import TreeMetric

networkx = pytest.importorskip("networkx")

SHAPES = ("recursive", "path", "star", "caterpillar", "balanced")
LENGTHS = ("unit", "small", "zeros", "real", "heavy", "tiny")
LABELED = ("all", "shuffled", "leaves", "subset")
WEIGHTS = ("votes", "uniform", "peaked", "scales", "single")


def random_parents(rng, n, shape):
    """Parents of a tree of a shape, its nodes numbered at random, so that parents may come after children."""
    earlier = {
        "recursive": lambda node: rng.integers(node),
        "path": lambda node: node - 1,
        "star": lambda node: 0,
        "caterpillar": lambda node: max(0, node - 1 - rng.integers(3)),
        "balanced": lambda node: (node - 1) // 2,
    }[shape]
    numbers = rng.permutation(n)
    parent = np.full(n, -1)
    for node in range(1, n):
        parent[numbers[node]] = numbers[earlier(node)]
    return parent


def random_lengths(rng, n, kind):
    """Lengths of edges: ones, integers that make ties, zeros, numbers of one or of many scales, some negligible."""
    return {
        "unit": lambda: None,
        "small": lambda: rng.integers(1, 4, n),
        "zeros": lambda: rng.integers(0, 3, n),
        "real": lambda: rng.random(n),
        "heavy": lambda: rng.exponential(size=n) ** 3,
        "tiny": lambda: 10.0 ** rng.uniform(-12, 3, n),
    }[kind]()


def random_metric(rng, shape, lengths, labeled, most=60):
    """Label space of a random tree."""
    n = int(rng.integers(1, most))
    label_nodes = {
        "all": lambda: "all",
        "leaves": lambda: "leaves",
        "shuffled": lambda: rng.permutation(n),
        "subset": lambda: rng.permutation(n)[: rng.integers(1, n + 1)],
    }[labeled]()
    return TreeMetric(random_parents(rng, n, shape), lengths=random_lengths(rng, n, lengths), label_nodes=label_nodes)


def random_weights(rng, n_samples, n_observed, kind):
    """Weights of observed labels, none of the rows empty; half of the time most of them are zero, or sparse."""
    shape = (n_samples, n_observed)
    P = {
        "votes": lambda: rng.integers(0, 3, shape).astype(float),
        "uniform": lambda: rng.random(shape),
        "peaked": lambda: rng.dirichlet(np.full(n_observed, 0.1), n_samples),
        "scales": lambda: 10.0 ** rng.uniform(-15, 0, shape),
        "single": lambda: np.eye(n_observed)[rng.integers(n_observed, size=n_samples)],
    }[kind]()
    if rng.random() < 0.5:
        P *= rng.random(shape) < 0.3
    P[P.sum(axis=1) == 0.0, rng.integers(n_observed)] = 1.0
    return sparse.csr_array(P) if rng.random() < 0.5 else P


def tree_graph(parent, lengths=None):
    """The same tree as a networkx graph of edges from parents to children."""
    lengths = np.ones(len(parent)) if lengths is None else lengths
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(len(parent)))
    graph.add_weighted_edges_from(
        (int(parent[node]), node, float(lengths[node])) for node in range(len(parent)) if parent[node] >= 0
    )
    return graph


def all_distances(parent, lengths=None):
    """All distances between nodes, by networkx."""
    graph = tree_graph(parent, lengths).to_undirected()
    found = np.empty((len(parent), len(parent)))
    for source, row in networkx.all_pairs_dijkstra_path_length(graph):
        for target, distance in row.items():
            found[source, target] = distance
    return found
