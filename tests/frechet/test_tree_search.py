"""Searches on trees: all predict what the oracle of all distances predicts, with both rules for ties."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.frechet._decision import frechet_predict, frechet_scores
from statlearn.frechet._searches import SLACK, TIE, DenseSearch
from statlearn.frechet._tree_kernels import compressed_candidates, descended_candidates, swept_candidates
from statlearn.frechet._tree_metric import TreeMetric
from statlearn.frechet._tree_search import SteinerSearch, VirtualSearch

from .tree_instances import LABELED, LENGTHS, SHAPES, WEIGHTS, random_metric, random_parents, random_weights

RTOL = 1e-12
N_SAMPLES = 20  # rows of weights per tree

HAND_PARENTS = [-1, 0, 0, 1, 1, 2, 2, 3, 3, 6]
HAND_OBSERVED = [7, 4, 9]

every_shape = pytest.mark.parametrize("shape", SHAPES)
every_search = pytest.mark.parametrize("backend", ["virtual", "steiner", "rerooting", "rows", "dense"])
every_power = pytest.mark.parametrize("power", [1, 2])


def observe(rng, metric):
    """Random observed labels."""
    return rng.permutation(metric.n_labels_)[: rng.integers(1, metric.n_labels_ + 1)]


def predictions(P, metric, observed, **arguments):
    """Predictions of every search but the oracle, by name."""
    names = metric.search_names(arguments.get("power", 2))
    assert names[-1] == "dense"
    return {name: frechet_predict(P, metric, observed, backend=name, **arguments) for name in names[:-1]}


# By hand


@every_search
def test_a_label_that_was_not_observed_is_predicted(backend):
    metric = TreeMetric(HAND_PARENTS)
    assert frechet_predict([[0.34, 0.33, 0.33]], metric, HAND_OBSERVED, backend=backend) == [1]
    indices, scores = frechet_predict([[0.34, 0.33, 0.33]], metric, HAND_OBSERVED, backend=backend, return_scores=True)
    np.testing.assert_allclose(scores, [6.97], rtol=RTOL)
    expected = [7.35, 6.97, 9.73, 9.91, 11.31, 16.75, 14.11, 14.85, 16.21, 20.49]
    np.testing.assert_allclose(frechet_scores([[0.34, 0.33, 0.33]], metric, HAND_OBSERVED), [expected], rtol=RTOL)


@every_search
def test_tied_labels(backend):
    votes = [[0.5, 0.5, 0.0]]
    assert frechet_predict(votes, TreeMetric(HAND_PARENTS), HAND_OBSERVED, backend=backend) == [1]
    backwards = TreeMetric(HAND_PARENTS, label_nodes=np.arange(9, -1, -1))
    predicted = frechet_predict(votes, backwards, [9 - node for node in HAND_OBSERVED], backend=backend)
    assert backwards.nodes_[predicted] == [3]
    edge = TreeMetric([-1, 0])
    assert frechet_predict([[0.5, 0.5]], edge, [0, 1], backend=backend) == [0]
    assert frechet_predict([[0.5, 0.5], [0.4, 0.6]], edge, [1, 0], backend=backend).tolist() == [0, 0]


def test_searches_that_are_offered():
    tree, leaves = TreeMetric(HAND_PARENTS), TreeMetric(HAND_PARENTS, label_nodes="leaves")
    assert tree.search_names(2) == ["virtual", "steiner", "rerooting", "rows", "dense"]
    assert tree.search_names(1) == leaves.search_names(2) == ["steiner", "rerooting", "rows", "dense"]
    assert tree.search_names(1.5) == ["rows", "dense"]
    with pytest.raises(ValueError, match="backend must be 'auto' or one of"):
        frechet_predict([[1.0]], leaves, [0], backend="virtual")


@pytest.mark.parametrize("length", [0.0, 1e-10])
def test_negligible_edges_are_left_to_searches_that_look_beyond_the_observed(length):
    metric = TreeMetric([-1, 0, 1, 0], lengths=[0, 1, length, 1], label_nodes=[2, 1, 0, 3])
    assert "virtual" not in metric.search_names(2)
    for predicted in predictions([[0.9, 0.1]], metric, [1, 3]).values():
        assert predicted == [0]  # tied with label 1, although its node is off the path between the observed ones
    for predicted in predictions([[0.9, 0.1]], metric, [1, 3], tie_break="observed").values():
        assert predicted == [1]


# Against the oracle


@every_shape
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("labeled", LABELED)
def test_all_searches_predict_the_same(shape, lengths, labeled, rng):
    for kind in WEIGHTS:
        metric = random_metric(rng, shape, lengths, labeled)
        observed = observe(rng, metric)
        P = random_weights(rng, N_SAMPLES, observed.size, kind)
        for label_space in (None, observe(rng, metric)):
            for power in (2, 1):
                for tie_break in ("first", "observed"):
                    arguments = {"label_space": label_space, "power": power, "tie_break": tie_break}
                    expected = frechet_predict(P, metric, observed, backend="dense", **arguments)
                    for name, predicted in predictions(P, metric, observed, **arguments).items():
                        np.testing.assert_array_equal(predicted, expected, err_msg=f"{name}, {arguments}")


@every_shape
@every_power
def test_scores_of_candidates_are_close_to_the_least(shape, power, rng):
    """Searches are not right because they return all labels: what they return is within a few times the slack."""
    metric = random_metric(rng, shape, "real", "all")
    observed, allowed = observe(rng, metric), np.arange(metric.n_labels_)
    P = random_weights(rng, N_SAMPLES, observed.size, "uniform")
    scores = frechet_scores(P, metric, observed, power=power)
    for name in set(metric.search_names(power)) - {"rows", "dense"}:
        rows, labels = metric.searches[name](metric, observed, allowed, power).candidates(P)
        np.testing.assert_array_equal(np.unique(rows), np.arange(N_SAMPLES))
        assert (np.lexsort((labels, rows)) == np.arange(rows.size)).all()
        excess = scores[rows, labels] - scores.min(axis=1)[rows]
        assert (excess <= 3.0 * SLACK * scores.max(axis=1)[rows]).all()


@every_shape
def test_large_trees_and_long_paths(shape, rng):
    n = 3000
    lengths = rng.exponential(size=n) if shape in ("path", "caterpillar") else None
    metric = TreeMetric(random_parents(rng, n, shape), lengths=lengths)
    observed = rng.permutation(n)[:40]
    for kind in WEIGHTS:
        P = random_weights(rng, 30, 40, kind)
        for power in (2, 1):
            expected = frechet_predict(P, metric, observed, backend="dense", power=power)
            for name, predicted in predictions(P, metric, observed, power=power).items():
                np.testing.assert_array_equal(predicted, expected, err_msg=name)


def test_a_tiny_weight_far_away_costs_no_digits():
    """F at the far end is larger by 1e20 than at the best node, whose neighbors it must not be confused with."""
    n = 10**5
    metric = TreeMetric(np.arange(-1, n - 1))
    observed = [10, 12, n - 1]
    P = [
        [0.6, 0.4, 1e-16],
        [0.5, 0.5, 1e-13],
        [0.5, 0.499999, 0.0],
        [1.0, 0.0, 1e-15],
        [1.0, 0.0, 3e-5],
        [0.0, 1.0, 0.0],
    ]
    expected = frechet_predict(P, metric, observed, backend="dense")
    assert len(set(expected)) == 4
    for name, predicted in predictions(P, metric, observed).items():
        np.testing.assert_array_equal(predicted, expected, err_msg=name)


def test_steiner_search_of_a_deep_branch_keeps_digits_of_short_distances():
    """The observed labels are close to each other and far from the root."""
    metric = TreeMetric([-1, 0, 1, 1, 1], lengths=[0, 2.0**30, 2.0**-10, 2.0**-10, 2.0**-9])
    P = [[0.5, 0.3, 0.2], [0.8, 0.1, 0.1], [0.2, 0.2, 0.6]]
    expected = frechet_predict(P, metric, [2, 3, 4], backend="dense")
    for name, predicted in predictions(P, metric, [2, 3, 4]).items():
        np.testing.assert_array_equal(predicted, expected, err_msg=name)


def test_kernels_in_plain_python(rng):
    metric = random_metric(rng, "recursive", "real", "all", most=20)
    observed, allowed = observe(rng, metric), np.arange(metric.n_labels_)
    P = rng.random((3, observed.size))
    starts, columns, sizes = np.arange(4) * observed.size, np.tile(np.arange(observed.size), 3), np.zeros(3, int)
    search = SteinerSearch(metric, observed, allowed, 2)
    arguments = (search.columns, search.parents, search.lengths, search.places, search.heights, search.labels)
    labels = swept_candidates.py_func(starts, columns, P.ravel(), *arguments, True, SLACK, sizes)
    expected = DenseSearch(metric, observed, allowed, 2).candidates(P)
    np.testing.assert_array_equal(sizes, np.bincount(expected.rows))
    np.testing.assert_array_equal(labels, expected.labels)
    tree, search = metric._tree, VirtualSearch(metric, observed, allowed, 2)
    layout = tree.parents, tree.heads, tree.depths
    P = P[:, search.columns].ravel()
    positions = compressed_candidates.py_func(starts, search.nodes[columns], P, *layout, SLACK, sizes)
    np.testing.assert_array_equal(sizes, np.bincount(expected.rows))
    np.testing.assert_array_equal(search.labels[positions], expected.labels)
    layout = tree.parents, tree.heads, tree.ends, tree.depths, search.shortest
    entries = np.zeros(3, int), search.nodes, np.arange(observed.size)
    positions = descended_candidates.py_func(starts, P, *entries, *layout, SLACK, sizes)
    np.testing.assert_array_equal(sizes, np.bincount(expected.rows))
    np.testing.assert_array_equal(search.labels[positions], expected.labels)


@every_shape
def test_the_way_down_finds_all_that_tie(shape, rng):
    """The short way of the virtual search, where it is not in doubt, returns the tied labels and no others."""
    for kind in [*WEIGHTS, *10 * ["votes"]]:
        integers = random_metric(rng, shape, "small", "shuffled")
        lengths = 0.1 * (integers._tree.depth - integers._tree.depth[integers.parents_])  # for ties that rounding hides
        metric = TreeMetric(integers.parents_, lengths=np.maximum(lengths, 0.0), label_nodes=integers.nodes_)
        observed, allowed = observe(rng, metric), np.arange(metric.n_labels_)
        P = random_weights(rng, N_SAMPLES, observed.size, kind) / 7.0
        search, sizes = VirtualSearch(metric, observed, allowed, 2), np.zeros(N_SAMPLES, int)
        labels = search.labels[search._descend(P, sizes)]
        scores = frechet_scores(P, metric, observed)
        tied = scores <= scores.min(axis=1, keepdims=True) * (1 + TIE)
        np.testing.assert_array_equal(sizes, tied.sum(axis=1))
        assert tied[np.repeat(np.arange(N_SAMPLES), sizes), labels].all()


def test_the_way_down_is_not_trusted_where_many_nodes_may_tie():
    metric = TreeMetric(np.arange(-1, 10**5 - 1))
    search, sizes = VirtualSearch(metric, np.array([0, 10**5 - 1]), np.arange(10**5), 2), np.zeros(1, int)
    assert search._descend(np.array([[0.5, 0.5]]), sizes).size == 0
    found = search.candidates(np.array([[0.5, 0.5]]))
    assert 2 < found.labels.size < 20
    assert {49999, 50000} <= set(found.labels)


def test_sparse_rows_in_any_order_with_zeros_and_repeats():
    metric = TreeMetric(HAND_PARENTS)
    P = sparse.csr_array(
        (np.array([0.33, 0.2, 0.33, 0.14, 0.0, 1.0]), np.array([2, 0, 1, 0, 2, 1]), np.array([0, 4, 6])), shape=(2, 3)
    )
    expected = frechet_predict([[0.34, 0.33, 0.33], [0.0, 1.0, 0.0]], metric, HAND_OBSERVED, backend="dense")
    for name in set(metric.search_names(2)) - {"rows", "dense"}:
        search = metric.searches[name](metric, np.array(HAND_OBSERVED), np.arange(10), 2)
        found = search.candidates(P)
        np.testing.assert_array_equal(found.rows, [0, 1], err_msg=name)
        np.testing.assert_array_equal(found.labels, expected, err_msg=name)


def test_read_only_weights():
    metric = TreeMetric(HAND_PARENTS)
    P = np.array([[0.34, 0.33, 0.33]])
    P.flags.writeable = False
    for predicted in predictions(P, metric, HAND_OBSERVED).values():
        assert predicted == [1]


def test_weights_whose_sums_are_no_numbers():
    metric = TreeMetric(HAND_PARENTS)
    for name in ("steiner", "virtual", "rerooting"):
        with pytest.raises(ValueError, match="must be finite numbers. Scale the weights down"):
            frechet_predict([[9e307, 8e307, 0.0]], metric, HAND_OBSERVED, backend=name)


# Invariances


def test_the_root_does_not_matter(rng):
    networkx = pytest.importorskip("networkx")
    for seed in range(10):
        graph = networkx.random_labeled_tree(40, seed=seed)
        for _, _, data in graph.edges(data=True):
            data["weight"] = float(rng.integers(1, 4))
        observed = rng.permutation(40)[:8]
        P = random_weights(rng, N_SAMPLES, 8, "votes")
        expected = frechet_predict(P, TreeMetric.from_networkx(graph), observed, backend="dense")
        for root in rng.permutation(40)[:5]:
            for predicted in predictions(P, TreeMetric.from_networkx(graph, int(root)), observed).values():
                np.testing.assert_array_equal(predicted, expected)


@every_shape
def test_splitting_edges_by_nodes_without_labels(shape, rng):
    n = 40
    parent, lengths = random_parents(rng, n, shape), 2.0 * rng.integers(1, 4, n)
    middle = np.arange(n, 2 * n)  # a node in the middle of the edge above every node
    split = np.where(parent < 0, -1, middle), np.where(parent < 0, 0, parent)
    observed = rng.permutation(n)[:8]
    P = random_weights(rng, N_SAMPLES, 8, "votes")
    one = TreeMetric(parent, lengths=lengths)
    other = TreeMetric(np.concatenate(split), lengths=np.tile(lengths / 2, 2), label_nodes=np.arange(n))
    expected = frechet_predict(P, one, observed, backend="dense")
    for metric in (one, other):
        for predicted in predictions(P, metric, observed).values():
            np.testing.assert_array_equal(predicted, expected)


@every_shape
def test_relabeling_and_scaling(shape, rng):
    metric = random_metric(rng, shape, "real", "all")
    n, observed = metric.n_labels_, observe(rng, metric)
    P = random_weights(rng, N_SAMPLES, observed.size, "uniform")
    expected = frechet_predict(P, metric, observed, backend="dense")
    numbers = rng.permutation(n)
    parent, lengths = np.empty(n, int), np.empty(n)
    parent[numbers] = np.where(metric.parents_ < 0, -1, numbers[metric.parents_])
    lengths[numbers] = metric._tree.depth - metric._tree.depth[metric.parents_]
    renamed = TreeMetric(parent, lengths=3.0 * lengths, label_nodes=numbers)
    for predicted in predictions(7.0 * P, renamed, observed).values():
        np.testing.assert_array_equal(predicted, expected)


def test_one_observed_label_and_one_node():
    for metric in (TreeMetric([-1]), TreeMetric(HAND_PARENTS), TreeMetric(HAND_PARENTS, label_nodes="leaves")):
        for power in (1, 2):
            for predicted in predictions([[0.3], [2.0]], metric, [metric.n_labels_ - 1], power=power).values():
                np.testing.assert_array_equal(predicted, [metric.n_labels_ - 1] * 2)


def test_wordnet_without_distances(shared_data, rng):
    parent = np.load(shared_data / "wordnet" / "noun_hypernym_tree.npz")["parent"]
    for label_nodes in ("all", "leaves"):
        metric = TreeMetric(parent, label_nodes=label_nodes)
        observed = rng.permutation(metric.n_labels_)[:100]
        P = np.vstack(
            [rng.dirichlet(np.ones(100), 5), rng.dirichlet(np.full(100, 0.02), 5), rng.integers(0, 2, (5, 100))]
        )
        expected = frechet_predict(P, metric, observed, backend="rows")
        for name in set(metric.search_names(2)) - {"rows", "dense"}:
            np.testing.assert_array_equal(frechet_predict(P, metric, observed, backend=name), expected, err_msg=name)
