"""The graph object: what it reads, what it remembers, and that it never changes what the caller holds."""

import copy
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from statlearn.exceptions import SelfLoopWarning
from statlearn.graph import (
    GraphKernelKMeans,
    NodeKernelClassifier,
    SpectralGraph,
    kernel_sweep,
    node_kernel,
    sweep_cluster,
)
from statlearn.graph import _decompositions as decompositions
from statlearn.graph import _spectral_graph as module

from . import reference
from .reference import karate, weighted_random

WEIGHTS = np.array([[0.0, 2.0, 0.0, 1.0], [2.0, 0.0, 3.0, 0.0], [0.0, 3.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])


def with_zeros_stored(A):
    """CSR arrays of the whole matrix, zeros included, as integers of 32 bits."""
    n = len(A)
    return sparse.csr_array((A.ravel(), np.tile(np.arange(n), n), np.arange(0, n * n + 1, n)), shape=A.shape)


def with_halves_stored_twice(A):
    half = sparse.coo_array(A / 2)
    twice = [np.tile(values, 2) for values in (half.data, *half.coords)]
    return sparse.coo_array((twice[0], tuple(twice[1:])), shape=A.shape)


def with_halves_in_rows(A):
    """CSR rows that name a column twice, in falling order."""
    half = sparse.csr_array(A / 2)
    rows = [range(*half.indptr[i : i + 2]) for i in range(len(A))]
    order = np.concatenate([np.r_[list(row)[::-1], list(row)[::-1]] for row in rows]).astype(int)
    return sparse.csr_array((half.data[order], half.indices[order], 2 * half.indptr), shape=A.shape)


KINDS = {
    "array": np.array,
    "fortran": np.asfortranarray,
    "list": lambda A: A.tolist(),
    "int": lambda A: A.astype(int),
    "float32": lambda A: A.astype(np.float32),
    "csr_array": sparse.csr_array,
    "csr_matrix": sparse.csr_matrix,
    "coo_array": sparse.coo_array,
    "coo_matrix": sparse.coo_matrix,
    "csc_array": sparse.csc_array,
    "lil_array": sparse.lil_array,
    "stored zeros": with_zeros_stored,
    "duplicates in coo": with_halves_stored_twice,
    "duplicates in csr": with_halves_in_rows,
    "graph": SpectralGraph,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_input_is_the_same_graph(kind):
    graph = SpectralGraph(KINDS[kind](WEIGHTS))
    assert isinstance(graph.adjacency, sparse.csr_array) and graph.adjacency.dtype == np.float64
    np.testing.assert_array_equal(graph.dense(), WEIGHTS)
    np.testing.assert_array_equal(graph.degrees, WEIGHTS.sum(axis=1))
    assert (graph.n_nodes, graph.n_edges, graph.n_components, graph.names) == (4, 3, 1, None)
    assert len(graph) == 4 and repr(graph) == "SpectralGraph(n_nodes=4, n_edges=3)"
    for name in ("shortest_path", "heat"):
        np.testing.assert_allclose(
            node_kernel(KINDS[kind](WEIGHTS), name, None if name == "shortest_path" else 0.4, scale="raw"),
            reference.kernel(name, WEIGHTS, 0.4),
            atol=1e-14,
        )


def test_booleans_are_weights_of_one():
    graph = SpectralGraph(WEIGHTS > 0)
    np.testing.assert_array_equal(graph.dense(), np.sign(WEIGHTS))


def test_data_frame_with_names():
    pandas = pytest.importorskip("pandas")
    names = ["a", "b", "c", "d"]
    graph = SpectralGraph(pandas.DataFrame(WEIGHTS, index=names, columns=names))
    np.testing.assert_array_equal(graph.dense(), WEIGHTS)
    assert graph.names.tolist() == names
    assert SpectralGraph(pandas.DataFrame(WEIGHTS)).names is None  # positions are no names
    with pytest.raises(ValueError, match=r"same index and columns, in the same order"):
        SpectralGraph(pandas.DataFrame(WEIGHTS, index=names, columns=names[::-1]))
    with pytest.raises(ValueError, match=r"distinct names of nodes\. Got 'a' more than once"):
        SpectralGraph(pandas.DataFrame(WEIGHTS, index=list("abca"), columns=list("abca")))


def test_networkx_graphs():
    networkx = pytest.importorskip("networkx")
    club = networkx.karate_club_graph()
    np.testing.assert_array_equal(SpectralGraph(club).dense(), reference.weighted_karate())
    unweighted = SpectralGraph(club, weight=None)
    np.testing.assert_array_equal(unweighted.dense(), karate())
    assert unweighted.names is None
    grid = SpectralGraph(networkx.grid_2d_graph(2, 3))
    assert grid.names.tolist() == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    np.testing.assert_array_equal(grid.dense(), reference.grid(2, 3))
    shuffled = SpectralGraph(networkx.relabel_nodes(club, dict(enumerate(range(33, -1, -1)))))
    assert shuffled.names.tolist() == list(range(33, -1, -1))


def test_directed_and_multiple_edges_of_networkx():
    networkx = pytest.importorskip("networkx")
    directed = networkx.DiGraph()
    directed.add_weighted_edges_from([("a", "b", 3.0), ("b", "a", 1.0), ("b", "c", 2.0)])
    with pytest.raises(ValueError, match=r"must be undirected\. Got weights that differ by up to 2.*symmetrize='max'"):
        SpectralGraph(directed)
    assert SpectralGraph(directed, symmetrize="max").dense()[0, 1] == 3.0
    assert SpectralGraph(directed, symmetrize="mean").dense()[0, 1] == 2.0
    assert SpectralGraph(directed, symmetrize="mean").dense()[2, 1] == 1.0
    parallel = networkx.MultiGraph([(0, 1, {"weight": 2.0}), (0, 1, {"weight": 3.0}), (1, 2)])
    assert SpectralGraph(parallel).dense().tolist() == [[0, 5, 0], [5, 0, 1], [0, 1, 0]]
    assert SpectralGraph(parallel, weight=None).dense()[0, 1] == 2.0


@pytest.mark.parametrize("make", [np.array, sparse.csr_array, sparse.coo_array, sparse.csr_matrix])
def test_the_input_is_neither_changed_nor_kept(make):
    given = make(WEIGHTS)
    graph = SpectralGraph(given)
    node_kernel(graph, "ppr")
    data = given if isinstance(given, np.ndarray) else given.data
    assert data.flags.writeable
    data *= 7.0
    np.testing.assert_array_equal(graph.dense(), WEIGHTS)
    for own in (graph.adjacency.data, graph.adjacency.indices, graph.adjacency.indptr):
        assert not np.shares_memory(own, data) and not own.flags.writeable


def test_stored_zeros_of_the_caller_stay():
    given = with_zeros_stored(WEIGHTS)
    SpectralGraph(given)
    assert given.nnz == 16


def test_read_only_input():
    given = WEIGHTS.copy()
    given.setflags(write=False)
    np.testing.assert_array_equal(SpectralGraph(given).dense(), WEIGHTS)


def test_rounding_is_no_direction():
    A = WEIGHTS.copy()
    A[0, 1] *= 1 + 1e-15
    graph = SpectralGraph(A)
    np.testing.assert_array_equal(graph.dense(), graph.dense().T)


def test_copies_and_clones_are_the_graph_itself():
    graph = SpectralGraph(WEIGHTS)
    assert copy.copy(graph) is graph and copy.deepcopy(graph) is graph and clone(graph) is graph
    assert clone(NodeKernelClassifier(graph)).graph is graph


def test_pickle_keeps_decompositions(monkeypatch):
    graph = SpectralGraph(karate())
    before = {matrix: graph.decomposition(matrix) for matrix in "AL"}
    loaded = pickle.loads(pickle.dumps(graph))
    monkeypatch.setattr(decompositions, "_eigh", refuse)
    for matrix, part in before.items():
        np.testing.assert_array_equal(loaded.decomposition(matrix).values, part.values)
        np.testing.assert_array_equal(loaded.decomposition(matrix).vectors, part.vectors)
    np.testing.assert_array_equal(node_kernel(loaded, "heat", log=True), node_kernel(graph, "heat", log=True))
    with pytest.raises(AssertionError, match="factorized"):
        loaded.decomposition("S")
    assert not loaded.adjacency.data.flags.writeable
    assert loaded._same_as(graph) and not loaded._same_as(SpectralGraph(WEIGHTS))


def refuse(matrix):
    raise AssertionError("factorized")


@pytest.mark.parametrize("matrix", "ALS")
@pytest.mark.parametrize("make", [karate, lambda: np.kron(np.eye(5), reference.complete(4)), lambda: nearly_cut(1e-13)])
def test_decompositions(matrix, make, rng):
    """Orthonormal, reproducing the matrix, principal pair first; equal components may not mix."""
    A = make()
    order = rng.permutation(len(A))
    A = A[np.ix_(order, order)]
    part = SpectralGraph(A).decomposition(matrix)
    full = {"A": A, "L": reference.laplacian(A), "S": reference.between_root_degrees(A, A)}[matrix]
    np.testing.assert_allclose(part.vectors.T @ part.vectors, np.eye(len(A)), atol=1e-13)
    np.testing.assert_allclose((part.vectors * part.values) @ part.vectors.T, full, atol=1e-12)
    assert (np.diff(part.values) * (1 if matrix == "L" else -1) >= 0).all()


def nearly_cut(weight):
    """Two triangles that one weak edge joins."""
    A = np.kron(np.eye(2), reference.complete(3))
    A[2, 3] = A[3, 2] = weight
    return A


@pytest.mark.parametrize("weight", [1e-8, 1e-13, 1e-16])
@pytest.mark.parametrize(
    "name", ["katz", "communicability", "forest", "heat", "normalized_heat", "ppr", "modified_ppr"]
)
def test_a_weak_edge_does_not_spoil_eigenvectors(name, weight):
    """The second eigenvalue is then as good as the first, and LAPACK mixes their vectors."""
    A = nearly_cut(weight)
    found, expected = node_kernel(A, name, 0.3, scale="raw"), reference.kernel(name, A, 0.3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * expected.max())


@pytest.mark.parametrize("name", ["commute_time", "sigmoid_ct", "corrected_ct", "sigmoid_cct", "sp_ct"])
def test_inverting_rounding_is_refused(name):
    assert np.isfinite(node_kernel(nearly_cut(1e-6), name)).all()
    with pytest.raises(ValueError, match=r"nearly disconnected.*Drop the smallest weights, or use another kernel"):
        node_kernel(nearly_cut(1e-13), name)


@pytest.fixture
def factorized(monkeypatch):
    """The number of eigendecompositions by their matrix's content, as they are computed."""
    counts, compute = Counter(), decompositions._eigh

    def counted(matrix):
        counts[matrix.tobytes()] += 1
        return compute(matrix)

    monkeypatch.setattr(decompositions, "_eigh", counted)
    return counts


def test_a_sweep_factorizes_each_matrix_once(factorized):
    graph = SpectralGraph(karate())
    names = ["katz", "log_katz", "comm", "log_comm", "heat", "log_heat", "forest", "scct", "sct", "log_nheat", "ppr"]
    for _ in kernel_sweep(graph, names):
        pass
    sweep_cluster(graph, names, {name: [0.5] for name in names}, n_init=1, random_state=0)
    assert sorted(factorized.values()) == [1, 1, 1]


def test_a_grid_search_factorizes_each_matrix_once(factorized):
    nodes, y = np.arange(34).reshape(-1, 1), np.repeat([0, 1], 17)
    grid = {"kernel": ["heat", "comm", "nheat"], "t": [0.5, 2.0], "log": [False, True]}
    GridSearchCV(NodeKernelClassifier(SpectralGraph(karate())), grid, cv=3).fit(nodes, y)
    assert sorted(factorized.values()) == [1, 1, 1]


def test_folds_of_a_search_share_the_kernel(monkeypatch):
    graph = SpectralGraph(karate())
    asked = []
    remember = SpectralGraph._remember
    monkeypatch.setattr(
        SpectralGraph,
        "_remember",
        lambda self, key, compute: remember(self, key, lambda: asked.append(key) or compute()),
    )
    nodes, y = np.arange(34).reshape(-1, 1), np.repeat([0, 1], 17)
    GridSearchCV(NodeKernelClassifier(graph, t=1.0), {"kernel": ["heat", "comm"]}, cv=4, refit=False).fit(nodes, y)
    assert len(asked) == 2


def test_threads_share_one_decomposition(factorized):
    graph = SpectralGraph(karate())
    names = ["comm", "heat", "nheat", "katz", "forest", "ppr"] * 4
    with ThreadPoolExecutor(8) as pool:
        logs = list(pool.map(lambda name: node_kernel(graph, name, 0.7, log=True, method="accurate"), names))
        plain = list(pool.map(lambda name: node_kernel(graph, name, 0.7), names))
    assert sorted(factorized.values()) == [1, 1, 1]
    for name, H, K in zip(names, logs, plain, strict=True):
        np.testing.assert_allclose(H, node_kernel(SpectralGraph(karate()), name, 0.7, log=True), atol=1e-12)
        np.testing.assert_allclose(np.exp(H) if name != "ppr" else K, K, rtol=1e-9)


def test_self_loops_count_in_the_degrees_and_are_reported_once():
    A = WEIGHTS + np.diag([0.0, 5.0, 0.0, 1.0])
    with pytest.warns(SelfLoopWarning, match=r"graph has 2 self-loops: .* Set the diagonal to zero") as caught:
        graph = SpectralGraph(A)
    assert len(caught) == 1
    assert (graph.n_edges, graph.degrees.tolist()) == (5, [3.0, 10.0, 3.0, 2.0])
    np.testing.assert_array_equal(graph.loop_free.toarray(), WEIGHTS)
    GraphKernelKMeans(2, random_state=0).fit(graph)  # says nothing: warnings are errors here


@pytest.mark.parametrize("name", sorted(reference.REFERENCE))
def test_self_loops_in_every_measure(name, rng):
    A = weighted_random(rng, 8) + np.diag(rng.uniform(0.0, 2.0, size=8))
    with pytest.warns(SelfLoopWarning):
        graph = SpectralGraph(A)
    t = 0.6 / graph.spectral_radius if name == "katz" else 0.6
    given = None if name in ("commute_time", "corrected_ct", "shortest_path") else t
    expected = reference.kernel(name, A, t)
    np.testing.assert_allclose(
        node_kernel(graph, name, given, scale="raw"), expected, rtol=0, atol=1e-10 * np.abs(expected).max()
    )
    log_also = name in reference.KERNELS and name not in ("commute_time", "corrected_ct", "sp_ct")
    if log_also:
        H = node_kernel(graph, name, given, scale="raw", log=True, method="auto")
        np.testing.assert_allclose(H, reference.log_kernel(name, A, t), rtol=0, atol=1e-9)


def test_derived_figures(rng):
    A = weighted_random(rng, 9)
    graph = SpectralGraph(A)
    assert graph.spectral_radius == pytest.approx(np.linalg.eigvalsh(A)[-1], rel=1e-14)
    assert graph.mean_degree == pytest.approx(A.sum() / 9, rel=1e-14)
    assert graph.volume == pytest.approx(A.sum(), rel=1e-14)
    assert graph.mean_cost == pytest.approx((1 / A[A > 0]).mean(), rel=1e-14)
    part = graph.subgraph(np.array([5, 2, 7]))
    np.testing.assert_array_equal(part.dense(), A[np.ix_([5, 2, 7], [5, 2, 7])])


def test_leading_pair_of_a_graph_that_is_not_factorized(monkeypatch):
    A = reference.grid(5, 6)
    expected = SpectralGraph(A).spectral_radius
    monkeypatch.setattr(module, "SMALL", 10)
    monkeypatch.setattr(decompositions, "_eigh", refuse)
    graph = SpectralGraph(A)
    assert graph.spectral_radius == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(A @ graph.perron.vector, expected * graph.perron.vector, atol=1e-10)
