"""Adjacencies of networkx graphs, and what is said of edges whose weight is no number."""

import numpy as np
import pytest

from statlearn._support.networkx_graphs import is_networkx, networkx_adjacency

nx = pytest.importorskip("networkx")


def with_weight(value, create_using=nx.Graph):
    G = create_using()
    G.add_edge("a", "b", weight=2.0)
    G.add_edge("b", "c", weight=value)
    return G


def test_what_looks_like_a_graph():
    assert is_networkx(nx.path_graph(2))
    assert is_networkx(nx.MultiDiGraph())
    assert not any(is_networkx(other) for other in (None, "graph", np.eye(2), {0: [1]}))


@pytest.mark.parametrize("create_using", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
@pytest.mark.parametrize("weight", [3, 0.5, np.float32(0.25), True, np.int8(2)])
def test_weights_of_any_kind(weight, create_using):
    G = with_weight(weight, create_using)
    A = networkx_adjacency(G, "weight", "graph")
    assert A.dtype == np.float64
    assert np.array_equal(A.toarray(), nx.to_numpy_array(G))


def test_missing_attributes_are_one_and_none_ignores_them():
    G = with_weight(5.0)
    G.add_edge("c", "d")
    assert networkx_adjacency(G, "weight", "graph").toarray()[2].tolist() == [0.0, 5.0, 0.0, 1.0]
    assert networkx_adjacency(G, None, "graph").toarray()[2].tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("create_using", [nx.Graph, nx.MultiDiGraph])
@pytest.mark.parametrize(
    ("value", "error"),
    [(None, TypeError), ("far", TypeError), (1j, TypeError), ([1.0], TypeError), (np.nan, ValueError)]
    + [(-np.inf, ValueError), (10**400, ValueError)],
    ids=repr,
)
def test_bad_weights_are_named(value, error, create_using):
    G = with_weight(value, create_using)
    message = "graph must have finite real numbers as edge weights.*for the edge from 'b' to 'c': give it a number"
    with pytest.raises(error, match=message):
        networkx_adjacency(G, "weight", "graph")
    assert networkx_adjacency(G, None, "graph").sum() > 0.0


def test_no_nodes_and_a_misspelled_attribute():
    with pytest.raises(ValueError, match=r"G must have at least one node\. Got an empty networkx graph"):
        networkx_adjacency(nx.Graph(), "weight", "G")
    with pytest.raises(ValueError, match=r"weight='flow' is an attribute of no edge of G\. Use weight=None"):
        networkx_adjacency(with_weight(1.0), "flow", "G")
