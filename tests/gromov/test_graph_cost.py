"""Costs between the nodes of a graph, against networkx and the matrix exponential."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.linalg import expm

from statlearn.gromov._graph_cost import graph_cost

nx = pytest.importorskip("networkx")

ATOL = 1e-13  # of heat, which is at most 1

PATH = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
TWO_PATHS = sparse.block_diag([PATH, PATH[:2, :2]])  # five nodes, two components, longest shortest path 2

GRAPHS = {
    "karate": nx.karate_club_graph(),
    "grid": nx.grid_2d_graph(4, 5),
    "words": nx.florentine_families_graph(),
    "cycle": nx.cycle_graph(7),
    "star": nx.star_graph(5),
    "one node": nx.empty_graph(1),
    "directed cycle": nx.cycle_graph(5, create_using=nx.DiGraph),
}
every_graph = pytest.mark.parametrize("G", GRAPHS.values(), ids=GRAPHS)


def hops_by_networkx(G):
    """Row by row in the order of the nodes; infinite where there is no path."""
    lengths = dict(nx.all_pairs_shortest_path_length(G))
    return np.array([[lengths[u].get(v, np.inf) for v in G.nodes] for u in G.nodes])


def laplacian(W):
    return np.diag(W.sum(axis=1)) - W


# --- hops -------------------------------------------------------------------------------------------------------------


@every_graph
def test_hops(G):
    D = graph_cost(G)
    assert D.dtype == np.float64
    assert D.flags.writeable
    assert np.array_equal(D, hops_by_networkx(G))


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_hops_of_random_graphs(seed, directed):
    G = nx.gnp_random_graph(9, 0.3, seed=seed, directed=directed)
    expected = hops_by_networkx(G)
    expected[np.isinf(expected)] = expected[np.isfinite(expected)].max() + 1.0
    assert np.array_equal(graph_cost(G, unreachable="max+1"), expected)


def test_nodes_keep_the_order_of_the_graph():
    G = nx.Graph([("c", "a"), ("a", "b")])
    assert list(G.nodes) == ["c", "a", "b"]
    assert graph_cost(G).tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]


def test_hops_count_edges_and_not_weights():
    weighted = np.array([[0.0, 0.1, 7.0], [0.1, 0.0, 0.1], [7.0, 0.1, 0.0]])
    assert graph_cost(weighted).tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_self_loops_are_no_hops():
    assert np.array_equal(graph_cost(PATH + np.diag([1.0, 0.0, 3.0])), graph_cost(PATH))


def test_an_edge_of_weight_zero_is_none():
    G = nx.Graph()
    G.add_weighted_edges_from([(0, 1, 1.0), (1, 2, 1.0), (0, 2, 0.0)])
    assert graph_cost(G).tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    assert graph_cost(G, weight=None).tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    stored = sparse.csr_array(([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], [1, 2, 0, 2, 0, 1], [0, 2, 4, 6]), shape=(3, 3))
    assert graph_cost(stored).tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]


@pytest.mark.parametrize(("unreachable", "distance"), [("max+1", 3.0), (10, 10.0), (0.5, 0.5), (np.float32(4), 4.0)])
def test_distances_between_components(unreachable, distance):
    D = graph_cost(TWO_PATHS, unreachable=unreachable)
    assert (D[:3, 3:] == distance).all()
    assert (D[3:, :3] == distance).all()
    assert np.array_equal(D[:3, :3], graph_cost(PATH))


def test_a_graph_without_edges():
    assert np.array_equal(graph_cost(np.zeros((3, 3)), unreachable="max+1"), 1.0 - np.eye(3))


def test_unreachable_nodes_are_refused_by_default():
    message = r"G has 2 components.*Pass its largest component, or unreachable='max\+1' or a distance"
    with pytest.raises(ValueError, match=message):
        graph_cost(TWO_PATHS)
    with pytest.raises(ValueError, match="G has 3 components"):  # weakly connected, but there is no way back
        graph_cost(np.triu(PATH))


def test_stored_zeros_join_no_components():
    stored = sparse.csr_array(([1.0, 0.0, 1.0, 0.0], [1, 2, 0, 0], [0, 2, 3, 4]), shape=(3, 3))
    for A in (stored, sparse.coo_array(stored)):
        with pytest.raises(ValueError, match="G has 2 components"):
            graph_cost(A)


def test_one_way_streets():
    D = graph_cost(np.triu(PATH), unreachable="max+1")
    assert D.tolist() == [[0, 1, 2], [3, 0, 1], [3, 3, 0]]


# --- adjacency --------------------------------------------------------------------------------------------------------


@every_graph
@pytest.mark.parametrize("weight", ["weight", None])
def test_adjacency(G, weight):
    expected = nx.to_numpy_array(G, weight=weight)
    assert np.array_equal(graph_cost(G, "adjacency", weight=weight), expected)


def test_adjacency_keeps_signs_loops_and_directions(rng):
    A = rng.normal(size=(5, 5))
    assert np.array_equal(graph_cost(A, "adjacency"), A)


def test_parallel_edges_are_summed():
    G = nx.MultiGraph([(0, 1), (0, 1)])
    assert graph_cost(G, "adjacency").tolist() == [[0, 2], [2, 0]]
    assert graph_cost(G).tolist() == [[0, 1], [1, 0]]


def test_another_attribute_holds_the_weights():
    G = nx.Graph()
    G.add_edge(0, 1, flow=5.0)
    G.add_edge(1, 2)
    assert graph_cost(G, "adjacency", weight="flow").tolist() == [[0, 5, 0], [5, 0, 1], [0, 1, 0]]
    with pytest.raises(ValueError, match=r"weight='flwo' is an attribute of no edge of G\. Use weight=None"):
        graph_cost(G, "adjacency", weight="flwo")


def test_matrices_of_every_kind():
    pandas = pytest.importorskip("pandas")
    forms = [PATH, PATH.tolist(), PATH.astype(bool), pandas.DataFrame(PATH)]
    forms += [sparse.csr_array(PATH), sparse.coo_matrix(PATH), sparse.csc_array(PATH.astype(np.int8))]
    for form, kind in itertools.product(forms, ["hop", "adjacency", "heat"]):
        assert np.array_equal(graph_cost(form, kind), graph_cost(PATH, kind))


def test_the_input_stays_as_it_is():
    A = sparse.csr_array(PATH)
    for kind in ("hop", "adjacency", "heat"):
        graph_cost(A, kind)[:] = -1.0
        assert np.array_equal(A.toarray(), PATH)
    dense = PATH.copy()
    graph_cost(dense, "adjacency")[:] = -1.0
    assert np.array_equal(dense, PATH)


# --- heat -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [1e-3, 0.3, 1.0, 20.0])
def test_heat_is_the_exponential_of_the_laplacian(time):
    G = GRAPHS["karate"]
    K = graph_cost(G, "heat", heat_time=time)
    np.testing.assert_allclose(K, expm(-time * laplacian(nx.to_numpy_array(G))), atol=ATOL)
    np.testing.assert_allclose(K.sum(axis=0), 1.0, atol=ATOL)
    assert np.array_equal(K, K.T)
    assert K.min() >= 0.0


def test_heat_of_an_edge_by_hand():
    stays = (1.0 + np.exp(-2.0 * 0.7)) / 2
    K = graph_cost([[0, 1], [1, 0]], "heat", heat_time=0.7)
    np.testing.assert_allclose(K, [[stays, 1 - stays], [1 - stays, stays]], atol=ATOL)


def test_heat_flows_on(rng):
    W = np.triu(rng.exponential(size=(12, 12)), 1)
    W += W.T
    once, twice = graph_cost(W, "heat", heat_time=0.1), graph_cost(W, "heat", heat_time=0.2)
    np.testing.assert_allclose(once @ once, twice, atol=ATOL)


def test_heat_stays_in_its_component_and_ignores_loops():
    K = graph_cost(TWO_PATHS, "heat")
    np.testing.assert_allclose(K[:3, 3:], 0.0, atol=ATOL)
    loops = graph_cost(TWO_PATHS + sparse.eye_array(5), "heat")
    np.testing.assert_allclose(loops, K, atol=ATOL)


def test_heat_spreads_evenly_in_the_end():
    np.testing.assert_allclose(graph_cost(PATH, "heat", heat_time=1e6), 1 / 3, atol=ATOL)


def test_rounding_does_not_direct_a_graph():
    A = PATH.copy()
    A[0, 1] += 1e-14
    K = graph_cost(A, "heat")
    assert np.array_equal(K, K.T)


# --- what is refused --------------------------------------------------------------------------------------------------


def spoiled(value):
    A = PATH.copy()
    A[0, 1] = A[1, 0] = value
    return A


def graph_of_weight(value):
    G = nx.Graph()
    G.add_edge(0, 1, weight=value)
    return G


BAD_GRAPHS = {
    "nan": (spoiled(np.nan), ValueError, r"G must be finite\. Got nan at position \(0, 1\)"),
    "sparse inf": (sparse.csr_array(spoiled(np.inf)), ValueError, r"G.data must be finite\. Got inf"),
    "nan in networkx": (graph_of_weight(np.nan), ValueError, "G must have finite.*weight=nan for the edge from 0 to 1"),
    "none in networkx": (graph_of_weight(None), TypeError, "weight=None for the edge from 0 to 1: give it a number"),
    "complex": (PATH * 1j, TypeError, r"G must hold real numbers\. Got complex ones"),
    "strings": (PATH.astype(str), TypeError, r"G must hold real numbers\. Got entries of type <U"),
    "words in networkx": (
        graph_of_weight("strong"),
        TypeError,
        "G must have finite real numbers as edge weights.*'strong' for the edge.*use weight=None",
    ),
    "complex in networkx": (graph_of_weight(1j), TypeError, "G must have finite real numbers as edge weights"),
    "list in networkx": (graph_of_weight([1, 2]), TypeError, "G must have finite real numbers as edge weights"),
    "rectangle": (np.ones((2, 3)), ValueError, r"G must be square.*Got shape \(2, 3\)"),
    "vector": (np.ones(3), ValueError, "G must be a two-dimensional array"),
    "empty": (np.zeros((0, 0)), ValueError, "G must not be empty"),
    "empty networkx": (nx.Graph(), ValueError, r"G must have at least one node\. Got an empty networkx graph"),
    "word": ("karate", TypeError, r"G must be a networkx graph, a sparse matrix or a square array\. Got.*type str"),
    "nothing": (None, TypeError, r"G must be a networkx graph.*Got an object of type NoneType"),
    "edges": ({0: [1]}, TypeError, r"G must be a networkx graph.*Got an object of type dict"),
}


@pytest.mark.parametrize("kind", ["hop", "adjacency", "heat"])
@pytest.mark.parametrize(("G", "error", "message"), BAD_GRAPHS.values(), ids=BAD_GRAPHS)
def test_bad_graphs(G, error, message, kind):
    with pytest.raises(error, match=message):
        graph_cost(G, kind)


@pytest.mark.parametrize("kind", ["hop", "heat"])
def test_negative_weights(kind):
    for G in (spoiled(-1.0), sparse.csr_array(spoiled(-1.0)), graph_of_weight(-1.0)):
        with pytest.raises(ValueError, match=rf"non-negative weights for kind='{kind}'\. Got -1: take absolute values"):
            graph_cost(G, kind)


def test_heat_of_a_directed_graph():
    with pytest.raises(ValueError, match=r"G must be undirected for kind='heat'.*pass \(A \+ A.T\) / 2"):
        graph_cost(np.triu(PATH), "heat")


BAD_PARAMETERS = {
    "kind": ({"kind": "resistance"}, r"kind must be one of 'hop', 'adjacency', 'heat'\. Got 'resistance' instead"),
    "list of kinds": ({"kind": ["hop"]}, r"kind must be one of .* Got \['hop'\] instead"),
    "word": ({"unreachable": "drop"}, r"unreachable must be 'raise', 'max\+1' or a positive number\. Got 'drop'"),
    "negative": ({"unreachable": -1.0}, "unreachable must be 'raise', .* Got -1.0"),
    "zero": ({"unreachable": 0}, "unreachable must be 'raise', .* Got 0"),
    "nan": ({"unreachable": np.nan}, "unreachable must be 'raise', .* Got nan"),
    "inf": ({"unreachable": np.inf}, "unreachable must be 'raise', .* Got inf"),
    "truth": ({"unreachable": True}, "unreachable must be 'raise', .* Got True"),
    "missing": ({"unreachable": None}, "unreachable must be 'raise', .* Got None"),
    "no time": ({"heat_time": 0.0}, r"heat_time must be a positive finite number\. Got 0.0"),
    "endless time": ({"heat_time": np.inf}, "heat_time must be a positive finite number"),
    "word as time": ({"heat_time": "long"}, r"heat_time must be a positive finite number\. Got 'long'"),
}


@pytest.mark.parametrize(("parameters", "message"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        graph_cost(PATH, **parameters)
