"""Every search predicts what the oracle predicts: all distances, direct sums, the tie rule."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.frechet import LabelMetric, frechet_predict, frechet_scores
from statlearn.frechet._embedding_metric import EmbeddingMetric
from statlearn.frechet._embedding_search import LARGEST_TREE_DIMENSION
from statlearn.frechet._graph_metric import GraphMetric
from statlearn.frechet._graph_search import first_of_equal_columns
from statlearn.frechet._grid_kernels import plane_scores
from statlearn.frechet._grid_metric import GridMetric
from statlearn.frechet._metrics import ChainMetric, DiscreteMetric, PrecomputedMetric

N_INSTANCES = 200
N_ROWS = 5
RTOL = 1e-12  # orders of summation


def few(rng):
    return int(rng.integers(1, 25))


def random_shape(rng):
    return tuple(rng.integers(1, 6, size=rng.integers(1, 4)))


def random_graph(rng, n, lengths):
    upper = np.triu(rng.random((n, n)) < 2.5 / n, 1) * lengths(size=(n, n))
    return sparse.csr_array(upper + upper.T)


def random_costs(rng):
    n = few(rng)
    return rng.integers(0, 5, size=(n, n))


# Small whole numbers, points that coincide, lengths that repeat: ties in most instances.
MAKERS = {
    "discrete": lambda rng: DiscreteMetric(range(few(rng))),
    "chain": lambda rng: ChainMetric(rng.permutation(100)[: few(rng)]),
    "chain with twins": lambda rng: ChainMetric((values := rng.integers(-4, 5, few(rng))), labels=range(len(values))),
    "plane": lambda rng: EmbeddingMetric(rng.integers(0, 4, size=(few(rng), 2))),
    "space": lambda rng: EmbeddingMetric(rng.normal(size=(few(rng), rng.integers(3, LARGEST_TREE_DIMENSION + 1)))),
    "many dimensions": lambda rng: EmbeddingMetric(rng.integers(0, 2, size=(few(rng), LARGEST_TREE_DIMENSION + 5))),
    "chord": lambda rng: EmbeddingMetric(rng.integers(0, 3, size=(few(rng), 3)) + [1, 0, 0], metric="chord"),
    "manhattan": lambda rng: EmbeddingMetric(rng.integers(0, 4, size=(few(rng), 2)), metric="manhattan"),
    "l1 grid": lambda rng: GridMetric(random_shape(rng), "l1"),
    "l2 grid": lambda rng: GridMetric(random_shape(rng), "l2"),
    "graph": lambda rng: GraphMetric(random_graph(rng, few(rng), lambda size: np.ones(size)), disconnected=7),
    "weighted graph": lambda rng: GraphMetric(
        random_graph(rng, few(rng), lambda size: rng.integers(1, 4, size)), disconnected=2.5
    ),
    "matrix": lambda rng: PrecomputedMetric((D := random_costs(rng)) * D.T * ~np.eye(len(D), dtype=bool)),
    "costs": lambda rng: PrecomputedMetric.from_costs(random_costs(rng)),
}
every_metric = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())


def random_weights(rng, n_observed):
    """Whole numbers, most of them zero and with many ties, or continuous ones; no row without any."""
    if rng.random() < 0.6:
        P = rng.integers(0, 3, size=(N_ROWS, n_observed)).astype(float) * (rng.random((N_ROWS, n_observed)) < 0.7)
        P[P.sum(axis=1) == 0.0] = 1.0
        return P
    return rng.dirichlet(np.full(n_observed, 0.3), size=N_ROWS) + 1e-6


def random_positions(rng, n_labels):
    return rng.permutation(n_labels)[: rng.integers(1, n_labels + 1)]


class TestOracle:
    @every_metric
    def test_every_search_agrees(self, make, rng):
        n_ties = 0
        for _ in range(N_INSTANCES):
            metric = make(rng)
            observed = random_positions(rng, metric.n_labels_)
            P = random_weights(rng, observed.size)
            label_space = None if rng.random() < 0.5 else random_positions(rng, metric.n_labels_)
            n_ties += self.compare_all(metric, P, observed, label_space, rng)
        assert n_ties > (N_INSTANCES / 10 if make is not MAKERS["space"] else 0)

    def compare_all(self, metric, P, observed, label_space, rng):
        """All searches, the oracle and the definition; tells whether labels tie."""
        power = 1 if rng.random() < 0.2 else 2
        weights = sparse.csr_array(P) if rng.random() < 0.5 else P
        answers = []
        for tie_break in ("first", "observed"):
            options = {"label_space": label_space, "power": power, "tie_break": tie_break}
            expected = frechet_predict(P, metric, observed, backend="dense", **options)
            answers.append(expected)
            for backend in metric.search_names(power):
                found = frechet_predict(weights, metric, observed, backend=backend, **options)
                np.testing.assert_array_equal(found, expected, err_msg=f"{metric} {backend} {tie_break}")
        scores = frechet_scores(P, metric, observed, label_space, power=power)
        least = scores.min(axis=1, keepdims=True)
        assert self.brute_force(metric, P, observed, label_space, power) == answers[0].tolist()
        return int(((scores <= least * (1 + 1e-9)).sum(axis=1) > 1).any())

    def brute_force(self, metric, P, observed, label_space, power):
        """The definition, without any code of the searches."""
        allowed = sorted(range(metric.n_labels_) if label_space is None else label_space.tolist())
        D = metric.distances(np.arange(metric.n_labels_), np.arange(metric.n_labels_))
        found = []
        for row in P:
            F = [sum(p * D[i, v] ** power for p, i in zip(row, observed, strict=True)) for v in allowed]
            found.append(next(v for v, score in zip(allowed, F, strict=True) if score <= min(F) * (1 + 1e-9)))
        return found

    @every_metric
    def test_candidates_are_in_order(self, make, rng):
        for _ in range(20):
            metric = make(rng)
            observed, allowed = (random_positions(rng, metric.n_labels_) for _ in range(2))
            allowed = np.sort(allowed)
            P = random_weights(rng, observed.size)
            for name in metric.search_names(2):
                rows, labels = metric.searches[name](metric, observed, allowed, 2).candidates(P)
                assert np.array_equal(np.unique(rows), np.arange(N_ROWS))
                assert (np.diff(rows * metric.n_labels_ + labels) > 0).all()
                assert np.isin(labels, allowed).all()

    @pytest.mark.parametrize("name", ["graph", "weighted graph", "many dimensions", "matrix"])
    def test_blocks(self, name, rng, monkeypatch):
        for module in ("_searches", "_graph_search"):
            monkeypatch.setattr(f"statlearn.frechet.{module}.ENTRIES_AT_ONCE", 30)
        for _ in range(50):
            metric = MAKERS[name](rng)
            observed = random_positions(rng, metric.n_labels_)
            P = random_weights(rng, observed.size)
            self.compare_all(metric, P, observed, None, rng)


class TestClosedForms:
    def test_a_chain_predicts_the_nearest_label_to_the_mean(self, rng):
        chain, observed = ChainMetric(range(21)), np.array([0, 3, 4, 11, 20])
        P = rng.dirichlet(np.ones(5), size=500)
        mean = P @ observed
        settled = np.abs(mean % 1.0 - 0.5) > 1e-6
        np.testing.assert_array_equal(frechet_predict(P, chain, observed)[settled], np.rint(mean)[settled])

    def test_half_way_on_a_chain_both_neighbors_tie(self):
        chain = ChainMetric([5, 4, 3, 2, 1, 0])
        assert frechet_predict([[0.5, 0.5]], chain, [5, 4]).tolist() == [4]
        assert frechet_predict([[0.5, 0.5], [0.7, 0.3]], chain, [5, 2], tie_break="first").tolist() == [3, 4]
        # 1 and 2 tie: the first in the order of labels is 2, and neither is observed
        assert chain.labels_[frechet_predict([[0.5, 0.5]], chain, [5, 2])] == [2]

    def test_a_euclidean_grid_rounds_each_coordinate(self, rng):
        grid = GridMetric((7, 9, 4), "l2")
        observed = rng.permutation(grid.n_labels_)[:20]
        P = rng.dirichlet(np.full(20, 0.2), size=300)
        expected = np.rint(P @ grid.coordinates(observed)).astype(int)
        found = grid.coordinates(frechet_predict(P, grid, observed))
        np.testing.assert_array_equal(found, expected)

    def test_a_grid_of_paths_does_not_separate(self):
        # Three corners of a square of side 2 with the last one heavy: coordinates alone would give the center (1, 1).
        grid = GridMetric((3, 3), "l1")
        F = frechet_scores([[0.25, 0.25, 0.5]], grid, [0, 2, 7])[0]
        brute = [
            sum(
                p * (abs(v // 3 - i // 3) + abs(v % 3 - i % 3)) ** 2
                for p, i in zip((0.25, 0.25, 0.5), (0, 2, 7), strict=True)
            )
            for v in range(9)
        ]
        np.testing.assert_allclose(F, brute, rtol=RTOL)
        assert frechet_predict([[0.25, 0.25, 0.5]], grid, [0, 2, 7]) == np.argmin(brute)

    @pytest.mark.parametrize("n_dimensions", [1, 3, 40])
    def test_embeddings_predict_the_nearest_to_the_mean(self, n_dimensions, rng):
        E = rng.normal(size=(300, n_dimensions))
        observed = rng.permutation(300)[:30]
        P = rng.dirichlet(np.full(30, 0.1), size=200)
        gaps = ((P @ E[observed])[:, None, :] - E) ** 2
        np.testing.assert_array_equal(frechet_predict(P, EmbeddingMetric(E), observed), gaps.sum(axis=2).argmin(axis=1))

    def test_chord_has_the_order_of_the_cosine(self, rng):
        # The mean of unit vectors has the largest cosine where it has the least chord.
        E = rng.normal(size=(200, 30))
        unit = E / np.linalg.norm(E, axis=1, keepdims=True)
        P = rng.dirichlet(np.full(20, 0.1), size=100)
        expected = (P @ unit[:20] @ unit.T).argmax(axis=1)
        np.testing.assert_array_equal(frechet_predict(P, EmbeddingMetric(E, metric="chord"), np.arange(20)), expected)

    def test_equal_distances_predict_the_most_probable(self, rng):
        P, observed = rng.dirichlet(np.ones(6), size=100), np.array([7, 3, 0, 9, 5, 1])
        for power in (0.5, 1, 2, 3):
            found = frechet_predict(P, DiscreteMetric(list("abcdefghijkl")), observed, power=power)
            np.testing.assert_array_equal(found, observed[P.argmax(axis=1)])

    def test_costs_are_the_loss_that_is_minimized(self, rng):
        costs = rng.random((6, 6))
        P = rng.dirichlet(np.ones(6), size=200)
        found = frechet_predict(P, PrecomputedMetric.from_costs(costs), np.arange(6))
        np.testing.assert_array_equal(found, (P @ costs).argmin(axis=1))

    def test_a_medoid_for_power_one(self):
        path = GraphMetric(np.eye(5, k=1) + np.eye(5, k=-1))
        assert frechet_predict([[0.4, 0.0, 0.6]], path, [0, 2, 4], power=1) == [4]
        assert frechet_predict([[0.4, 0.0, 0.6]], path, [0, 2, 4], power=2) == [2]


class TestInvariances:
    @every_metric
    def test_scale_of_weights(self, make, rng):
        for _ in range(20):
            metric = make(rng)
            observed = random_positions(rng, metric.n_labels_)
            P = random_weights(rng, observed.size)
            scaled = P * np.array([2.0**-40, 2.0**-3, 1.0, 8.0, 2.0**40])[:, None]
            np.testing.assert_array_equal(
                frechet_predict(scaled, metric, observed), frechet_predict(P, metric, observed)
            )

    @pytest.mark.parametrize("factor", [2.0**-20, 2.0**20])
    def test_scale_of_distances(self, factor, rng):
        graph = random_graph(rng, 30, lambda size: rng.random(size) + 0.1)
        E, D = rng.normal(size=(30, 3)), rng.random((30, 30))
        pairs = [
            (lambda scale: ChainMetric(E[:, 0] * scale, labels=range(30))),
            (lambda scale: EmbeddingMetric(E * scale)),
            (lambda scale: EmbeddingMetric(np.hstack([E] * 7) * scale)),
            (lambda scale: PrecomputedMetric(np.abs(D - D.T) * scale)),
            (lambda scale: GraphMetric(graph * scale, disconnected=3.0 * scale)),
            (lambda scale: GraphMetric((graph > 0.0) * scale, disconnected=3.0 * scale)),
        ]
        observed = rng.permutation(30)[:8]
        P = random_weights(rng, 8)
        for make in pairs:
            np.testing.assert_array_equal(
                frechet_predict(P, make(factor), observed), frechet_predict(P, make(1.0), observed)
            )

    @every_metric
    def test_a_label_observed_with_weight_zero(self, make, rng):
        for _ in range(20):
            metric = make(rng)
            observed = rng.permutation(metric.n_labels_)
            P = random_weights(rng, observed.size)
            cut = rng.integers(1, observed.size + 1)
            P[:, cut:] = 0.0
            P[:, 0] += 1.0
            np.testing.assert_array_equal(
                frechet_predict(P, metric, observed), frechet_predict(P[:, :cut], metric, observed[:cut])
            )

    def test_order_of_labels(self, rng):
        # Continuous weights and lengths: no ties, which go by the order.
        E, graph = rng.normal(size=(40, 4)), random_graph(rng, 40, lambda size: rng.random(size) + 0.1)
        order = rng.permutation(40)
        names = np.array([f"label {number}" for number in range(40)])
        P, observed = rng.dirichlet(np.ones(10), size=50), rng.permutation(40)[:10]
        for make in (
            lambda order: ChainMetric(E[order, 0], names[order]),
            lambda order: EmbeddingMetric(E[order], names[order]),
            lambda order: GraphMetric(graph[order][:, order], names[order], disconnected=3),
        ):
            metric, moved = make(np.arange(40)), make(order)
            found = moved.labels_[frechet_predict(P, moved, moved.index_of(metric.labels_[observed]))]
            np.testing.assert_array_equal(found, metric.labels_[frechet_predict(P, metric, observed)])

    def test_a_twin_that_shares_the_weight(self, rng):
        E = rng.normal(size=(20, 3))
        twins = np.vstack([E, E[:1]])
        P = rng.dirichlet(np.ones(5), size=50)
        share = rng.random(50)
        split = np.column_stack([P[:, 0] * share, P[:, 1:], P[:, 0] * (1.0 - share)])
        for make in (EmbeddingMetric, lambda E: ChainMetric(E[:, 0], labels=range(len(E)))):
            found = frechet_predict(split, make(twins), np.array([0, 1, 2, 3, 4, 20]))
            np.testing.assert_array_equal(found, frechet_predict(P, make(E), np.arange(5)))

    def test_one_observed_label(self, rng):
        for make in MAKERS.values():
            metric = make(rng)
            position = int(rng.integers(metric.n_labels_))
            if metric.distances(np.array([position]), np.array([position]))[0, 0] == 0.0:
                found = frechet_predict([[0.3]], metric, [position], tie_break="observed")
                assert found.tolist() == [position]

    def test_the_place_of_the_origin(self, rng):
        steps = rng.integers(0, 5, size=(60, 12)).astype(float)
        P, observed = rng.integers(1, 4, size=(30, 8)), np.arange(8)
        for n_dimensions in (1, 3, 12):
            near, far = (EmbeddingMetric(steps[:, :n_dimensions] + offset) for offset in (0.0, 2.0**30))
            np.testing.assert_array_equal(frechet_predict(P, far, observed), frechet_predict(P, near, observed))
            # Not by looking at more candidates.
            found = [
                metric.searches["mean"](metric, observed, np.arange(60), 2).candidates(P) for metric in (near, far)
            ]
            np.testing.assert_array_equal(found[1], found[0])


class TestWideSpaces:
    @pytest.mark.parametrize(
        "metric",
        [
            ChainMetric(np.arange(40_003)),
            GridMetric((40_003,), "l1"),
            GridMetric((3, 40_003), "l1"),
            GridMetric((3, 40_003), "l2"),
            EmbeddingMetric(np.arange(40_003.0)[:, None] * [1, 0, 0]),
            EmbeddingMetric(np.arange(40_003.0)[:, None] * np.eye(12)[0]),
        ],
    )
    def test_ties_far_from_other_labels(self, metric, rng):
        # F of the last two labels is half the weight, one part in a billion of what the formulas add and subtract.
        last = metric.n_labels_ - 1
        observed = np.array([last, 0, last - 1])
        P = rng.random((30, 1)) * [1.0, 0.0, 1.0]
        for backend in metric.search_names(2):
            for tie_break in ("first", "observed"):
                found = frechet_predict(P, metric, observed, backend=backend, tie_break=tie_break)
                assert (found == last - 1).all()

    @pytest.mark.parametrize("make", [lambda n: GridMetric((n,), "l2"), lambda n: GridMetric((n,), "l1"), np.arange])
    def test_ties_that_are_relative_reach_further(self, make):
        # F of the middle is n^2 / 4, of which 1e-9 is more than 1 from n = 63,246 on: several labels tie.
        n = 100_001
        metric = make(n) if make is not np.arange else ChainMetric(np.arange(n))
        observed = np.array([0, n - 1])
        expected = frechet_predict([[0.5, 0.5], [0.3, 0.7]], metric, observed, backend="dense")
        assert expected[0] < n // 2
        for backend in metric.search_names(2):
            found = frechet_predict([[0.5, 0.5], [0.3, 0.7]], metric, observed, backend=backend)
            np.testing.assert_array_equal(found, expected)

    def test_small_integers_do_not_overflow(self):
        D = np.array([[0, 200, 255], [200, 0, 16], [255, 16, 0]], dtype=np.uint8)
        metric = PrecomputedMetric(D)
        # 200^2 is 64 modulo 256, and 16^2 is 0.
        np.testing.assert_array_equal(frechet_scores([[1.0]], metric, [1]), [[40000.0, 0.0, 256.0]])
        assert frechet_predict([[0.5, 0.5]], metric, [0, 2]) == [1]
        assert metric.diameter() == 255.0

    @pytest.mark.parametrize(("n", "dtype"), [(100, np.uint8), (1000, np.uint16), (70_000, np.uint32)])
    def test_steps_do_not_overflow(self, n, dtype):
        ones = np.ones(n - 1)
        metric = GraphMetric(sparse.diags_array([ones, ones], offsets=[-1, 1], shape=(n, n)))
        ends = np.array([0, n - 1])
        assert metric.paths(ends).dtype == dtype
        np.testing.assert_array_equal(metric.distances(ends, ends), [[0.0, n - 1.0], [n - 1.0, 0.0]])
        expected = frechet_predict([[0.25, 0.75]], ChainMetric(np.arange(n)), ends)
        np.testing.assert_array_equal(frechet_predict([[0.25, 0.75]], metric, ends), expected)
        assert metric.diameter() == n - 1.0


class TestParts:
    def test_the_plane(self, rng):
        for function in (plane_scores, getattr(plane_scores, "py_func", plane_scores)):
            P, x, y = rng.random((4, 6)), rng.integers(0, 5, 6), rng.integers(0, 3, 6)
            P[1, x == x[0]] = 0.0  # a line without weights
            over_x, over_y, scores = rng.random((4, 5)), rng.random((4, 3)), np.empty((4, 5, 3))
            function(P, x, y, over_x, over_y, scores)
            a, b = np.abs(np.subtract.outer(x, np.arange(5))), np.abs(np.subtract.outer(y, np.arange(3)))
            expected = 2.0 * np.einsum("ni,ia,ib->nab", P, a, b) + over_x[:, :, None] + over_y[:, None, :]
            np.testing.assert_allclose(scores, expected, rtol=RTOL)

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
    def test_equal_columns(self, dtype, rng):
        table = rng.integers(0, 2, size=(3, 40)).astype(dtype)
        seen, expected = set(), []
        for place, column in enumerate(map(tuple, table.T.tolist())):
            if column not in seen:
                expected.append(place)
            seen.add(column)
        np.testing.assert_array_equal(first_of_equal_columns(table), expected)

    def test_a_search_that_belongs_to_another_metric_is_refused(self):
        with pytest.raises(ValueError, match="backend must be 'auto' or one of .*'mean'"):
            frechet_predict([[1.0]], ChainMetric([0, 1]), [0], backend="lattice")
        with pytest.raises(ValueError, match=r"one of \['rows', 'dense'\] for this metric and power=1"):
            frechet_predict([[1.0]], ChainMetric([0, 1]), [0], backend="mean", power=1)

    def test_infinite_distances_are_refused(self):
        class BrokenMetric(LabelMetric):
            def distances(self, sources, targets):
                return np.full((len(sources), len(targets)), np.inf)

        with pytest.raises(ValueError, match="distances of the metric must be finite"):
            frechet_predict([[1.0]], BrokenMetric(["a", "b"]), [0])
