"""Label spaces: distances against independent ones, structure, input, errors."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import squareform
from sklearn.metrics.pairwise import cosine_distances

from statlearn.frechet import frechet_predict, frechet_scores
from statlearn.frechet._embedding_metric import EmbeddingMetric
from statlearn.frechet._graph_kernels import breadth_first, most_steps
from statlearn.frechet._graph_metric import GraphMetric
from statlearn.frechet._grid_metric import GridMetric
from statlearn.frechet._metrics import ChainMetric, DiscreteMetric, PrecomputedMetric

networkx = pytest.importorskip("networkx")

RTOL = 1e-12  # two orders of summation
POINTS = np.random.default_rng(0).normal(size=(9, 3))
EDGES = [(0, 1, 2.0), (1, 2, 0.5), (0, 2, 3.0), (2, 3, 1.0), (4, 5, 1.5), (5, 6, 1.0), (6, 4, 1.0), (7, 8, 4.0)]


def adjacency(edges, n):
    rows, columns, lengths = zip(*edges, strict=True)
    A = sparse.coo_array((lengths, (rows, columns)), shape=(n, n))
    return sparse.csr_array(A + A.T)


def taxi(u, v):
    return np.abs(u - v).sum()


GRID_POINTS = np.array(list(itertools.product(range(2), range(3), range(2))))
COSTS = np.random.default_rng(1).integers(0, 200, size=(9, 9)).astype(np.uint8)
VALUES = [4, 1, 1, 9.5]
TREE_HEIGHTS = np.array([[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]])

# A metric and the definition of its distance between labels at two positions.
METRICS = {
    "discrete": (DiscreteMetric(["a", "b", "c"]), lambda u, v: float(u != v)),
    "chain": (
        ChainMetric(VALUES, labels=list("wxyz")),
        lambda u, v: abs(VALUES[u] - VALUES[v]),
    ),
    "euclidean": (EmbeddingMetric(POINTS), lambda u, v: np.linalg.norm(POINTS[u] - POINTS[v])),
    "chord": (
        EmbeddingMetric(POINTS, metric="chord"),
        lambda u, v: np.sqrt(2.0 * cosine_distances(POINTS[[u]], POINTS[[v]])[0, 0]) if u != v else 0.0,
    ),
    "cosine": (
        EmbeddingMetric(POINTS, metric="cosine"),
        lambda u, v: cosine_distances(POINTS[[u]], POINTS[[v]])[0, 0] if u != v else 0.0,
    ),
    "callable": (EmbeddingMetric(POINTS, metric=taxi), lambda u, v: np.abs(POINTS[u] - POINTS[v]).sum()),
    "l1 grid": (GridMetric((2, 3, 2)), lambda u, v: np.abs(GRID_POINTS[u] - GRID_POINTS[v]).sum()),
    "l2 grid": (GridMetric((2, 3, 2), "l2"), lambda u, v: np.linalg.norm(GRID_POINTS[u] - GRID_POINTS[v])),
    "matrix": (PrecomputedMetric(TREE_HEIGHTS), lambda u, v: float(TREE_HEIGHTS[u, v])),
    "costs": (PrecomputedMetric.from_costs(COSTS), lambda u, v: np.sqrt(float(COSTS[u, v]))),
    "graph": (
        GraphMetric(adjacency([(u, v, 1.0) for u, v, _ in EDGES], 9), disconnected=3.5),
        lambda u, v: reference_path(u, v, None, 3.5),
    ),
    "weighted graph": (
        GraphMetric(adjacency(EDGES, 9), disconnected=8),
        lambda u, v: reference_path(u, v, "weight", 8.0),
    ),
}
every_metric = pytest.mark.parametrize(("metric", "distance"), METRICS.values(), ids=METRICS.keys())


def reference_path(u, v, weight, disconnected):
    graph = networkx.Graph()
    graph.add_weighted_edges_from(EDGES)
    try:
        return networkx.shortest_path_length(graph, u, v, weight=weight)
    except networkx.NetworkXNoPath:
        return disconnected


def everything(metric):
    return np.arange(metric.n_labels_)


class TestEveryMetric:
    @every_metric
    def test_distances(self, metric, distance, rng):
        expected = np.array([[distance(u, v) for v in everything(metric)] for u in everything(metric)])
        # A difference of cosines next to 1 has the accuracy of 1.
        np.testing.assert_allclose(metric.distances(everything(metric), everything(metric)), expected, RTOL, 1e-15)
        sources, targets = rng.integers(metric.n_labels_, size=(2, 12))
        for part in (sources[:5], targets), (sources, targets[:5]), (sources[:1], targets), (sources, targets[:1]):
            np.testing.assert_allclose(metric.distances(*part), expected[np.ix_(*part)], RTOL, 1e-15)
        np.testing.assert_allclose(metric.paired_distances(sources, targets), expected[sources, targets], RTOL, 1e-15)
        for power in (2, 1, 0.5, 3.0):
            found = metric.powers(sources, targets, power)
            np.testing.assert_allclose(found, expected[np.ix_(sources, targets)] ** power, RTOL, 1e-15)
            assert found.dtype == np.float64

    @every_metric
    def test_diameter(self, metric, distance):
        largest = metric.distances(everything(metric), everything(metric)).max()
        assert metric.diameter() == pytest.approx(largest, rel=RTOL)
        assert type(metric.diameter()) is float

    @every_metric
    def test_ultrametric(self, metric, distance):
        D = metric.distances(everything(metric), everything(metric))
        triples = np.maximum(D[:, :, None], D[None, :, :])
        holds = bool((D[:, None, :] <= triples).all()) and (D == D.T).all() and not np.diagonal(D).any()
        assert metric.is_ultrametric() <= holds
        assert type(metric.is_ultrametric()) is bool

    @every_metric
    def test_it_does_not_change(self, metric, distance):
        arrays = {name: value for name, value in vars(metric).items() if isinstance(value, np.ndarray)}
        arrays.pop("_order")
        assert arrays and not any(array.flags.writeable for array in arrays.values())
        assert copy.deepcopy(metric) is metric

    @every_metric
    def test_copies_that_travel(self, metric, distance):
        copies = [pickle.loads(pickle.dumps(metric))]
        if metric is not METRICS["callable"][0]:
            skops_io = pytest.importorskip("skops.io")
            data = skops_io.dumps(metric)
            trusted = skops_io.get_untrusted_types(data=data)
            assert all(name.startswith("statlearn.") for name in trusted)
            copies.append(skops_io.loads(data, trusted))
        P = np.full((1, metric.n_labels_), 0.5)
        for twin in copies:
            np.testing.assert_array_equal(twin.labels_, metric.labels_)
            np.testing.assert_array_equal(
                twin.distances(everything(metric), everything(metric)),
                metric.distances(everything(metric), everything(metric)),
            )
            np.testing.assert_array_equal(
                frechet_predict(P, twin, everything(metric)), frechet_predict(P, metric, everything(metric))
            )

    @every_metric
    def test_what_it_says(self, metric, distance):
        assert repr(metric) == f"{type(metric).__name__}({metric.n_labels_} labels)"
        assert metric.is_tree is False
        assert metric.search_names(2)[-2:] == metric.search_names(0.5)[-2:] == ["rows", "dense"]
        assert set(metric.search_names(2)) <= set(metric.searches)


class TestLabels:
    def test_by_default(self):
        assert ChainMetric([3.5, 1.0]).labels_.tolist() == [3.5, 1.0]
        assert ChainMetric(range(3)).labels_.dtype.kind == "i"
        assert GridMetric((2, 2)).labels_.tolist() == EmbeddingMetric(np.eye(4)).labels_.tolist() == [0, 1, 2, 3]
        assert PrecomputedMetric([[0.0]]).labels_.tolist() == GraphMetric([[0.0]]).labels_.tolist() == [0]
        assert GraphMetric(networkx.path_graph(["c", "a", "b"])).labels_.tolist() == ["c", "a", "b"]

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda labels: ChainMetric([1, 2], labels), "one entry for each of 3 labels. Got 2"),
            (lambda labels: GridMetric((2, 2), labels=labels), "each of 4 points of the grid. Got 3"),
            (lambda labels: EmbeddingMetric(np.eye(2), labels), "a row for each of 3 labels. Got 2"),
            (lambda labels: PrecomputedMetric(np.zeros((2, 2)), labels), "a row for each of 3 labels. Got 2"),
            (lambda labels: PrecomputedMetric.from_costs(np.zeros((2, 2)), labels), "a row for each of 3 labels"),
            (lambda labels: GraphMetric([[0, 1], [1, 0]], labels), "a node for each of 3 labels. Got 2"),
        ],
    )
    def test_of_another_number(self, make, message):
        with pytest.raises(ValueError, match=message):
            make(["a", "b", "c"])

    def test_that_repeat(self):
        with pytest.raises(ValueError, match=r"labels must be different .* More than once there: \[1\]"):
            ChainMetric([0, 1, 1])

    def test_that_are_no_labels(self):
        with pytest.raises(TypeError, match="labels must be all strings or all real numbers"):
            GraphMetric(networkx.path_graph([("a", 1), ("b", 2)]))


class TestChain:
    def test_values_may_be_of_any_order_and_repeat(self):
        chain = ChainMetric([2, 0, 2], labels=["x", "y", "z"])
        np.testing.assert_array_equal(chain.values_, [2.0, 0.0, 2.0])
        assert frechet_predict([[1.0]], chain, [2]) == [0]
        assert frechet_predict([[1.0]], chain, [2], tie_break="observed") == [2]

    @pytest.mark.parametrize("values", [[[0, 1]], ["a"], [0.0, np.nan], [0.0, np.inf], [], [1j]])
    def test_bad_values(self, values):
        with pytest.raises((ValueError, TypeError), match="values must be a vector of finite numbers|at least one"):
            ChainMetric(values)

    @pytest.mark.parametrize("values", [["low", "medium", "high"], np.array(["low", "medium", "high"])])
    def test_names_are_labels(self, values):
        with pytest.raises(ValueError, match=r"for names use ChainMetric\(range\(3\), labels=\[\.\.\.\]\)"):
            ChainMetric(values)
        assert ChainMetric(range(3), labels=values).labels_.tolist() == list(values)
        with pytest.raises(ValueError, match=r"Got \[0, nan\]\.$"):
            ChainMetric([0, np.nan])

    def test_values_too_far_apart(self):
        with pytest.raises(ValueError, match="values must have finite squared distances.*scale"):
            ChainMetric([0.0, 1e200])

    def test_booleans(self):
        assert ChainMetric([False, True]).diameter() == 1.0


class TestEmbedding:
    def test_what_it_keeps(self):
        E = POINTS.astype(np.float32)
        metric = EmbeddingMetric(E, metric="chord")
        np.testing.assert_allclose(np.linalg.norm(metric.embeddings_, axis=1), 1.0, rtol=RTOL)
        metric = EmbeddingMetric(E)
        E[:] = 0.0
        assert metric.embeddings_.any() and metric.embeddings_.dtype == np.float64

    def test_chord_of_tiny_and_huge_vectors(self):
        metric = EmbeddingMetric([[1e-200, 0.0], [0.0, 1e200], [3e-300, 3e-300]], metric="chord")
        expected = np.sqrt(2.0 - 2.0 * np.array([0.0, np.sqrt(0.5), np.sqrt(0.5)]))
        np.testing.assert_allclose(metric.paired_distances([0, 0, 1], [1, 2, 2]), expected, rtol=RTOL)

    def test_l2_is_euclidean(self):
        assert EmbeddingMetric(POINTS, metric="l2").search_names(2) == EmbeddingMetric(POINTS).search_names(2)
        assert EmbeddingMetric(POINTS, metric="cosine").search_names(2) == ["rows", "dense"]

    def test_diameter_in_blocks(self, monkeypatch):
        expected = EmbeddingMetric(POINTS).diameter()
        monkeypatch.setattr("statlearn.frechet._label_metric.ENTRIES_AT_ONCE", 18)
        assert EmbeddingMetric(POINTS).diameter() == expected

    def test_geography(self):
        # A quarter of the equator, in radians.
        assert EmbeddingMetric([[0, 0], [0, np.pi / 2]], metric="haversine").diameter() == pytest.approx(np.pi / 2)

    @pytest.mark.parametrize(
        ("E", "metric", "message"),
        [
            ([[1.0, np.nan]], "euclidean", "E contains NaN"),
            ([[1.0, np.inf]], "euclidean", "E contains infinity"),
            ([1.0, 2.0], "euclidean", "Expected 2D array"),
            ([[1e200], [0.0]], "euclidean", "E must have finite squared distances"),
            ([[1.0, 0.0], [0.0, 0.0]], "chord", "no row of zeros if metric='chord'. Got one for label 1"),
            ([[1.0]], "precomputed", "use PrecomputedMetric"),
            ([[1.0]], "seuclidean", "distances scaled by variances, scale E"),
            ([[1.0]], 2, "metric must be a function of two vectors or one of .*'chord'.* Got 2"),
        ],
    )
    def test_bad_input(self, E, metric, message):
        with pytest.raises(ValueError, match=message):
            EmbeddingMetric(E, metric=metric)


class TestGrid:
    def test_order_of_labels(self):
        grid = GridMetric((2, 3))
        assert grid.coordinates(np.array([0, 2, 5])).tolist() == [[0, 0], [0, 2], [1, 2]]
        assert grid.shape == (2, 3)
        assert GridMetric(np.array([2, 3])).shape == (2, 3)

    @pytest.mark.parametrize("shape", [(), (2, 0), (2, -1), (2.5,), 4, None, "ab"])
    def test_bad_shape(self, shape):
        with pytest.raises(ValueError, match="shape must"):
            GridMetric(shape)

    def test_bad_norm(self):
        with pytest.raises(ValueError, match=r"norm must be one of \['l1', 'l2'\]. Got 'max'"):
            GridMetric((2, 2), norm="max")


class TestGraph:
    def test_forms_of_one_graph(self):
        A = adjacency(EDGES, 9)
        graph = networkx.Graph()
        graph.add_nodes_from(range(9))
        graph.add_weighted_edges_from(EDGES)
        lonely = networkx.to_networkx_graph(graph, create_using=networkx.DiGraph)
        expected = GraphMetric(A, disconnected=9)
        for form in (A.toarray(), A.tocoo(), sparse.csc_matrix(A), graph, lonely, A.toarray().tolist()):
            found = GraphMetric(form, disconnected=9)
            np.testing.assert_array_equal(
                found.distances(np.arange(9), np.arange(9)), expected.distances(np.arange(9), np.arange(9))
            )
            assert found.n_components_ == 3

    def test_shortest_paths_of_random_graphs(self, rng):
        for n in (1, 2, 5, 20, 60):
            for weighted in (False, True):
                graph = networkx.gnp_random_graph(n, 2.0 / n, seed=int(rng.integers(1000)))
                for _, _, data in graph.edges(data=True):
                    data["weight"] = int(rng.integers(1, 9)) if weighted else 3
                metric = GraphMetric(graph, disconnected=100)
                expected = np.full((n, n), 100.0)
                for source, lengths in networkx.all_pairs_dijkstra_path_length(graph):
                    for target, length in lengths.items():
                        expected[source, target] = length
                np.testing.assert_allclose(metric.distances(np.arange(n), np.arange(n)), expected, rtol=RTOL)
                assert metric.diameter() == expected.max()

    def test_lengths_that_are_all_the_same_count_steps(self):
        path = sparse.diags_array([np.full(9, 0.25)] * 2, offsets=[-1, 1], shape=(10, 10))
        metric = GraphMetric(path)
        assert metric.paths(np.array([0])).dtype == np.uint8
        np.testing.assert_array_equal(metric.distances(np.array([0]), np.arange(10))[0], 0.25 * np.arange(10))
        assert metric.diameter() == 2.25

    def test_unweighted_edges_in_networkx_have_length_one(self):
        graph = networkx.path_graph(3)
        graph[0][1]["weight"] = 2.0
        assert GraphMetric(graph).diameter() == 3.0

    def test_loops_do_not_matter(self):
        A = np.array([[5.0, 1.0], [1.0, 0.0]])
        assert GraphMetric(A).diameter() == 1.0
        assert GraphMetric(networkx.Graph([(0, 0), (0, 1)])).diameter() == 1.0

    def test_disconnected(self):
        A = adjacency(EDGES, 9)
        with pytest.raises(
            ValueError, match="label graph has 3 connected components. Connect them, or .*disconnected="
        ):
            GraphMetric(A)
        metric = GraphMetric(A, disconnected=50.0)
        assert metric.distances(np.array([0]), np.array([8])) == [[50.0]]
        assert metric.diameter() == 50.0
        # All weight in one component: no label of another can win.
        assert set(frechet_predict([[0.4, 0.6], [0.5, 0.5]], metric, [0, 3])) <= {0, 1, 2, 3}
        for bad in (np.inf, np.nan, 0.0, -1.0, "inf"):
            with pytest.raises(ValueError, match="disconnected must be a finite positive distance or None"):
                GraphMetric(A, disconnected=bad)

    def test_several_parents(self):
        # A taxonomy that is no tree: a tomato is a fruit and a vegetable.
        taxonomy = networkx.Graph([("food", "fruit"), ("food", "vegetable"), ("fruit", "tomato"), ("fruit", "apple")])
        taxonomy.add_edges_from([("vegetable", "tomato"), ("vegetable", "leek")])
        metric = GraphMetric(taxonomy)
        observed = metric.index_of(["apple", "leek"])
        assert metric.distances(observed[:1], observed[1:]) == [[4.0]]
        # "food" and "tomato" tie.
        assert metric.labels_[frechet_predict([[0.5, 0.5]], metric, observed)] == ["food"]

    @pytest.mark.parametrize(
        ("graph", "message"),
        [
            (np.ones((2, 3)), r"graph must be a square matrix. Got shape \(2, 3\)"),
            (np.array([[0.0, -1.0], [-1.0, 0.0]]), "positive lengths of edges. Got -1"),
            (np.array([[0.0, 1.0], [2.0, 0.0]]), "must be undirected. Got 1 from 0 to 1 and 2 back"),
            (np.array([[0.0, 1.0], [0.0, 0.0]]), "must be undirected. Got 1 from 0 to 1 and 0 back"),
            (np.array([[0.0, np.nan], [np.nan, 0.0]]), "graph contains NaN"),
            (np.array([[0.0, np.inf], [np.inf, 0.0]]), "graph contains infinity"),
            (
                sparse.coo_array(([0.0, 0.0], ([0, 1], [1, 0])), shape=(2, 2)),
                "positive lengths of edges. Got 0.*stored",
            ),
            (networkx.MultiGraph([(0, 1), (0, 1)]), "parallel edges"),
            (networkx.DiGraph([(0, 1)]), "undirected.*to_undirected"),
            (networkx.Graph(), "at least one node"),
        ],
    )
    def test_bad_graphs(self, graph, message):
        with pytest.raises(ValueError, match=message):
            GraphMetric(graph)

    def test_no_graph(self):
        with pytest.raises((TypeError, ValueError), match="graph"):
            GraphMetric({"a": ["b"]})

    def test_kernels(self):
        A = adjacency([(u, v, 1.0) for u, v, _ in EDGES], 9)
        arrays = A.indptr.astype(np.int64), A.indices.astype(np.int64)
        for search, most in (
            (breadth_first, most_steps),
            (getattr(breadth_first, "py_func", breadth_first), getattr(most_steps, "py_func", most_steps)),
        ):
            steps = np.full((2, 9), 255, dtype=np.uint8)
            search(*arrays, np.array([3, 7]), np.empty(9, dtype=np.int64), steps)
            none = [255] * 5
            assert steps.tolist() == [[2, 2, 1, 0, *none], [255, 255, *none, 0, 1]]
            assert most(*arrays) == 2


class TestPrecomputed:
    def test_small_integers_stay_small(self):
        D = (np.abs(np.subtract.outer(np.arange(20), np.arange(20))) * 12).astype(np.uint8)
        metric = PrecomputedMetric(D)
        assert metric._table.dtype == np.uint8
        D[:] = 0
        assert metric.diameter() == 228.0

    def test_costs_are_terms_of_power_two(self):
        costs = np.array([[0.0, 1.0], [10.0, 0.5]])
        metric = PrecomputedMetric.from_costs(costs, labels=["no", "yes"])
        np.testing.assert_array_equal(frechet_scores([[0.9, 0.1]], metric, [0, 1]), [[1.0, 0.9 + 0.1 * 0.5]])
        np.testing.assert_array_equal(metric.powers([0, 1], [0, 1], 2), costs)
        np.testing.assert_array_equal(metric.paired_distances([0, 1], [1, 0]), np.sqrt([1.0, 10.0]))
        assert metric.is_ultrametric() is False

    def test_ultrametric(self, rng):
        assert PrecomputedMetric(TREE_HEIGHTS).is_ultrametric()
        assert PrecomputedMetric.from_costs(TREE_HEIGHTS**2).is_ultrametric()
        assert PrecomputedMetric([[0, 2], [2, 0]]).is_ultrametric()
        assert not PrecomputedMetric([[0, 1, 2], [1, 0, 1], [2, 1, 0]]).is_ultrametric()
        uneven = TREE_HEIGHTS + np.array([[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]])
        assert not PrecomputedMetric(uneven).is_ultrametric()

    def test_ultrametric_of_many_labels_is_not_known(self, monkeypatch):
        monkeypatch.setattr("statlearn.frechet._metrics.LARGEST_LINKAGE", 3)
        assert PrecomputedMetric(TREE_HEIGHTS).is_ultrametric() is False

    @pytest.mark.parametrize("most", [400, 4])
    def test_triangles(self, most, monkeypatch, rng):
        monkeypatch.setattr("statlearn.frechet._metrics.ALL_TRIPLES", most)
        E = rng.normal(size=(10, 2))
        D = EmbeddingMetric(E).distances(np.arange(10), np.arange(10))
        D = (D + D.T) / 2.0
        PrecomputedMetric(D, check_metric=True)
        D[2, 5] = D[5, 2] = 3.0 * D.max()
        PrecomputedMetric(D)
        with pytest.raises(ValueError, match=r"triangle inequality. Got .* at \([25], [25]\), more than .* plus"):
            PrecomputedMetric(D, check_metric=True)

    def test_rounding_is_no_asymmetry(self):
        D = squareform([1.0, 2.0, 1.5])
        D[0, 1] *= 1.0 + 1e-13
        assert PrecomputedMetric(D).diameter() == 2.0

    def test_asymmetry_in_a_later_block(self, monkeypatch):
        monkeypatch.setattr("statlearn.frechet._metrics.ENTRIES_AT_ONCE", 6)
        D = TREE_HEIGHTS.astype(float)
        D[3, 2] = 1.5
        with pytest.raises(ValueError, match=r"symmetric. Got 1.0 at \(2, 3\) and 1.5 at \(3, 2\).*from_costs"):
            PrecomputedMetric(D)

    @pytest.mark.parametrize(
        ("D", "message"),
        [
            (np.zeros((2, 3)), r"square matrix with at least one row. Got shape \(2, 3\)"),
            (np.zeros(3), "square matrix"),
            (np.zeros((0, 0)), "at least one row"),
            ([[0.0, np.nan], [np.nan, 0.0]], r"finite and non-negative. Got nan at \(0, 1\)"),
            ([[0.0, np.inf], [np.inf, 0.0]], r"finite and non-negative. Got inf at \(0, 1\)"),
            ([[0.0, -1.0], [-1.0, 0.0]], r"finite and non-negative. Got -1.0 at \(0, 1\)"),
            ([[0.0, 1e200], [1e200, 0.0]], "squares are finite"),
        ],
    )
    def test_bad_numbers(self, D, message):
        with pytest.raises(ValueError, match=f"D must .*{message}"):
            PrecomputedMetric(D)
        with pytest.raises(ValueError, match=f"costs must .*{message}"):
            PrecomputedMetric.from_costs(D)

    def test_a_diagonal_is_for_costs(self):
        with pytest.raises(ValueError, match="zeros on its diagonal. Got 2 in row 1. Costs .*from_costs"):
            PrecomputedMetric([[0, 1], [1, 2]])
        assert PrecomputedMetric.from_costs([[0, 1], [1, 2]]).diameter() == np.sqrt(2.0)

    @pytest.mark.parametrize("D", [[["a"]], sparse.eye_array(2), None, [[1j]]])
    def test_no_numbers(self, D):
        with pytest.raises(TypeError, match="D must be a matrix of real numbers"):
            PrecomputedMetric(D)
