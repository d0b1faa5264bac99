"""Collections of graphs: every accepted form, the place of what is wrong, and packed features."""

import pickle
from functools import partial

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from statlearn.gromov import LineCost, SquaredEuclideanCost, graph_cost
from statlearn.gromov._collections import Measures, NetworkCollection, check_networks

from .oracles import asymmetric, hop, random_weights, symmetric

PATH, STAR, TRIANGLE = nx.path_graph(4), nx.star_graph(3), nx.complete_graph(3)
GRAPHS = [PATH, STAR, TRIANGLE]


def adjacency(graph):
    return nx.to_numpy_array(graph)


def in_object_array(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def costs_and_weights(X, cost):
    return [(network.dense, network.weights) for network in check_networks(X, cost)]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for (cost, weights), (expected_cost, expected_weights) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(cost, expected_cost)
        np.testing.assert_array_equal(weights, expected_weights)


HOPS = [(hop(graph), np.full(len(graph), 1 / len(graph))) for graph in GRAPHS]
FORMS = {
    "networkx": GRAPHS,
    "a tuple of graphs": tuple(GRAPHS),
    "arrays": [adjacency(graph) for graph in GRAPHS],
    "nested lists": [adjacency(graph).tolist() for graph in GRAPHS],
    "integers": [adjacency(graph).astype(int) for graph in GRAPHS],
    "sparse arrays": [sparse.csr_array(adjacency(graph)) for graph in GRAPHS],
    "sparse matrices": [sparse.csr_matrix(adjacency(graph)) for graph in GRAPHS],
    "an object array": in_object_array([adjacency(graph) for graph in GRAPHS]),
    "an object array of networkx graphs": in_object_array(GRAPHS),
    "a series of pandas": pd.Series(GRAPHS, index=[5, 0, 3]),
    "a series of polars": pl.Series("graphs", GRAPHS, dtype=pl.Object),
    "a series of nested lists": pl.Series([adjacency(graph).tolist() for graph in GRAPHS]),
    "a mixture": [PATH, sparse.csr_array(adjacency(STAR)), (adjacency(TRIANGLE), [1 / 3] * 3)],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_networks(form):
    assert_same(costs_and_weights(FORMS[form], "hop"), HOPS)


def test_an_array_of_three_dimensions_is_a_collection(rng):
    stack = np.stack([adjacency(PATH), adjacency(STAR)])
    assert_same(costs_and_weights(stack, "hop"), HOPS[:2])
    clouds = rng.normal(size=(3, 5, 2))
    expected = [(cdist(cloud, cloud), np.full(5, 0.2)) for cloud in clouds]
    assert_same(costs_and_weights(clouds, "euclidean"), expected)


@pytest.mark.parametrize("kind", ["hop", "adjacency", "heat"])
def test_kinds_are_those_of_graph_cost(kind):
    expected = [graph_cost(graph, kind) for graph in GRAPHS]
    assert_same([(cost, None) for cost, _ in costs_and_weights(GRAPHS, kind)], [(cost, None) for cost in expected])


def test_clouds_may_differ_in_size_and_dimension(rng):
    clouds = [rng.normal(size=shape) for shape in [(4, 2), (6, 3), (5, 1), (1, 2)]]
    for cost, metric in (("euclidean", "euclidean"), ("sqeuclidean", "sqeuclidean")):
        for network, cloud in zip(check_networks(clouds, cost), clouds, strict=True):
            np.testing.assert_allclose(network.dense, cdist(cloud, cloud, metric), rtol=1e-13, atol=1e-13)


def test_clouds_stay_factorized(rng):
    euclidean, squared = (check_networks([rng.normal(size=(5, 1))], kind)[0] for kind in ("euclidean", "sqeuclidean"))
    assert isinstance(euclidean.cost, LineCost)
    assert isinstance(squared.cost, SquaredEuclideanCost)


def test_precomputed_costs_are_taken_as_they_are(rng):
    C, cost = symmetric(rng, 4), LineCost(rng.normal(size=3))
    first, second, third = check_networks([C, cost, sparse.csr_array(C)], "precomputed")
    np.testing.assert_array_equal(first.dense, C)
    assert second.cost is cost
    np.testing.assert_array_equal(third.dense, C)


def test_node_weights_come_in_tuples_and_zeros_drop_nodes(rng):
    C, p = symmetric(rng, 5), np.array([0.5, 0.0, 0.25, 0.0, 0.25])
    (network,) = check_networks([(C, p)], "precomputed")
    np.testing.assert_array_equal(network.dense, C[np.ix_([0, 2, 4], [0, 2, 4])])
    np.testing.assert_array_equal(network.weights, [0.5, 0.25, 0.25])


def test_hops_may_lead_over_nodes_of_weight_zero():
    (network,) = check_networks([(nx.path_graph(3), [0.5, 0.0, 0.5])], "hop")
    np.testing.assert_array_equal(network.dense, [[0.0, 2.0], [2.0, 0.0]])


def test_a_callable_is_the_cure_for_disconnected_graphs():
    apart = nx.disjoint_union(PATH, TRIANGLE)
    with pytest.raises(ValueError, match=r"X\[1\]: hop distances need a path.*functools\.partial\(graph_cost"):
        check_networks([PATH, apart], "hop")
    networks = check_networks([PATH, apart], partial(graph_cost, unreachable="max+1"))
    np.testing.assert_array_equal(networks[1].dense, graph_cost(apart, unreachable="max+1"))


NAN = np.array([[0.0, np.nan], [np.nan, 0.0]])
BAD_COLLECTIONS = {
    "a matrix": (adjacency(PATH), "precomputed", ValueError, r"X must be a list of graphs.*ndarray of shape \(4, 4\)"),
    "a sparse matrix": (
        sparse.csr_array(adjacency(PATH)),
        "hop",
        ValueError,
        r"X must be a list of graphs.*Pass \[X\]",
    ),
    "a networkx graph": (PATH, "hop", TypeError, r"X must be a list of graphs.*type Graph\. Pass \[X\]"),
    "a data frame": (
        pd.DataFrame(adjacency(PATH)),
        "hop",
        ValueError,
        r"X must be a list of graphs.*DataFrame.*Pass \[X\] if it is a single graph, or the column that holds",
    ),
    "one cloud": (np.zeros((5, 2)), "euclidean", ValueError, r"X must be a list of graphs.*Pass \[X\]"),
    "text": ("graphs", "hop", TypeError, "X must be a list of graphs.*type str"),
    "nothing": (None, "hop", TypeError, "X must be a list of graphs.*NoneType"),
    "an empty list": ([], "hop", ValueError, "at least one graph. Got an empty list"),
    "an empty series": (pd.Series([], dtype=object), "hop", ValueError, "at least one graph"),
    "an empty array": (np.zeros((0, 3, 3)), "hop", ValueError, "at least one graph. Got an empty ndarray"),
    "a matrix as nested lists": ([[0, 1], [1, 0]], "precomputed", ValueError, r"X\[0\]: the matrix must be"),
}
BAD_GRAPHS = {
    "not square": (np.zeros((2, 3)), "precomputed", ValueError, "the matrix must be .*square"),
    "missing entries": (NAN, "precomputed", ValueError, "the matrix must be finite. Got nan"),
    "missing edges": (NAN, "hop", ValueError, "must be finite. Got nan"),
    "complex": (1j * np.ones((2, 2)), "precomputed", TypeError, "complex"),
    "words": (np.array([["a", "b"], ["b", "a"]]), "precomputed", TypeError, "the matrix must"),
    "no graph": (3.0, "hop", TypeError, "networkx graph"),
    "an empty graph": (nx.Graph(), "hop", ValueError, "at least one node"),
    "negative weights": ((np.eye(2), [1.5, -0.5]), "precomputed", ValueError, "the weights must be .*non-negative"),
    "weights of another sum": ((np.eye(2), [1.0, 1.0]), "precomputed", ValueError, "the weights must sum to 1"),
    "too few weights": ((np.eye(2), [1.0]), "precomputed", ValueError, "the weights must have 2 entries"),
    "a triple": ((np.eye(2), [0.5, 0.5], 3), "precomputed", ValueError, "a graph and its node weights. Got 3"),
    "a flat cloud": (np.zeros(3), "euclidean", ValueError, "1D array"),
    "a cloud with a hole": (np.array([[0.0, np.inf]]), "sqeuclidean", ValueError, "the point cloud contains infinity"),
}


@pytest.mark.parametrize("case", BAD_COLLECTIONS)
def test_what_is_no_collection(case):
    X, cost, error, message = BAD_COLLECTIONS[case]
    with pytest.raises(error, match=message):
        check_networks(X, cost)


@pytest.mark.parametrize("case", BAD_GRAPHS)
def test_messages_name_the_position(case):
    graph, cost, error, message = BAD_GRAPHS[case]
    good = np.eye(2) if cost == "precomputed" else np.zeros((2, 1)) if "euclidean" in cost else TRIANGLE
    with pytest.raises(error, match=rf"(?s)^graphs\[2\]: .*{message}"):
        check_networks([good, good, graph], cost, "graphs")


def test_packing_merges_equal_points(rng):
    packed = Measures.pack([(np.array([2.0, 1.0, 2.0]), np.array([0.2, 0.5, 0.3])), (np.zeros(2), np.full(2, 0.5))])
    np.testing.assert_array_equal(packed.values, [1.0, 2.0, 0.0])
    np.testing.assert_allclose(packed.weights, [0.5, 0.5, 1.0])
    np.testing.assert_array_equal(packed.starts, [0, 2, 3])
    second = packed[slice(1, 2)]
    assert (second.values.tolist(), second.weights.tolist(), second.starts.tolist()) == ([0.0], [1.0], [0, 1])


def test_keys_tell_equal_networks(rng):
    C, p = symmetric(rng, 5), np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    changed = C.copy()
    changed[0, 1] = changed[1, 0] = np.nextafter(C[0, 1], np.inf)
    first, copy, other, heavier = NetworkCollection(
        check_networks([(C, p), (C.copy(), p.copy()), (changed, p), (C, p[::-1])], "precomputed")
    ).keys
    assert first == copy
    assert len({first, other, heavier}) == 3


def test_features_are_not_pickled(rng):
    collection = NetworkCollection(check_networks([symmetric(rng, 30) for _ in range(3)], "precomputed"))
    size = len(pickle.dumps(collection))
    features = ("keys", "entries", "row_deviations", "column_deviations", "row_sizes", "spectra", "variances")
    for feature in features:
        getattr(collection, feature)
    data = pickle.dumps(collection)
    assert len(data) == size
    twin = pickle.loads(data)
    assert twin.keys == collection.keys
    np.testing.assert_array_equal(twin.entries.values, collection.entries.values)


def test_a_slice_shares_its_networks(rng):
    collection = NetworkCollection(check_networks([symmetric(rng, n) for n in (3, 4, 5)], "precomputed"))
    part = collection[slice(1, 3)]
    assert len(part) == 2
    assert all(one is other for one, other in zip(part.networks, collection.networks[1:], strict=True))


def test_variances_are_about_the_mean_whatever_the_offset(rng):
    for make in (symmetric, asymmetric):
        C, p = make(rng, 6), random_weights(rng, 6)
        networks = check_networks([(C, p), (C + 1e7, p)], "precomputed")
        expected = p @ (C - p @ C @ p) ** 2 @ p
        np.testing.assert_allclose(NetworkCollection(networks).variances, expected, rtol=1e-7)


@pytest.mark.parametrize("error", [KeyError("weight"), ZeroDivisionError("by zero"), RuntimeError("no")])
def test_errors_of_a_callable_name_the_position(error):
    def cost(graph):
        if len(graph) == 3:
            raise error
        return adjacency(graph)

    with pytest.raises(type(error)) as caught:
        check_networks([PATH, TRIANGLE], cost)
    assert caught.value is error
    assert caught.value.__notes__ == ["This was raised for X[1]."]
