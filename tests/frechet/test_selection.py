"""Which classes to learn next: best for every number on trees, a named heuristic elsewhere, sizes of the locus."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statlearn.frechet._embedding_metric import EmbeddingMetric
from statlearn.frechet._graph_metric import GraphMetric
from statlearn.frechet._grid_metric import GridMetric
from statlearn.frechet._locus import is_locus_cover, locus
from statlearn.frechet._metrics import ChainMetric, DiscreteMetric, PrecomputedMetric
from statlearn.frechet._selection import next_class_order, selection_curve
from statlearn.frechet._tree_metric import TreeMetric

RTOL = 1e-12  # sums of a dozen numbers in two orders


def random_tree(rng, n, lengths=None):
    parent = np.array([-1, *(rng.integers(v) for v in range(1, n))])
    names = rng.permutation(n)
    shuffled = np.full(n, -1)
    shuffled[names[1:]] = names[parent[1:]]
    return TreeMetric(shuffled, lengths=lengths)


def worth_of(tree, observed, weights):
    """What the locus is worth: the weights of its labels, or the length of its edges."""
    inside = locus(tree, observed)
    if weights is not None:
        return weights[inside].sum()
    parents, lengths = tree.parents_, tree._tree.lengths[tree._tree.positions]
    edges = (child for child in inside if parents[child] in inside)
    return sum(lengths[child] for child in edges)


def greedy(tree, observed, weights=None, cost=None):
    """The order by its definition, one locus after the other; leaves are chosen before what is on the way to them."""
    observed, chosen = list(observed), []
    cost = np.ones(tree.n_labels_) if cost is None else cost
    while True:
        before = worth_of(tree, observed, weights)
        rest = np.setdiff1d(np.arange(tree.n_labels_), locus(tree, observed))
        if rest.size == 0:
            return chosen
        gains = [(worth_of(tree, [*observed, v], weights) - before) / cost[v] for v in rest]
        best = rest[np.flatnonzero(np.isclose(gains, max(gains), rtol=1e-9, atol=0.0))[0]]
        chosen.append(int(best))
        observed.append(best)


@pytest.mark.parametrize("kind", ["hops", "integer lengths", "real lengths", "weights"])
def test_greedy_order_by_its_definition(rng, kind):
    for _ in range(15):
        n = int(rng.integers(1, 20))
        lengths = {"integer lengths": rng.integers(1, 4, n), "real lengths": rng.gamma(1.0, size=n)}.get(kind)
        tree, observed = random_tree(rng, n, lengths), rng.choice(n, rng.integers(1, min(n, 4) + 1), replace=False)
        weights = rng.integers(1, 5, n) if kind == "weights" else None
        order = next_class_order(tree, observed, weights=weights)
        assert order.tolist() == greedy(tree, observed, weights)
        assert is_locus_cover(tree, np.union1d(observed, order))
        for n_select in (1, 3):
            assert next_class_order(tree, observed, n_select, weights=weights).tolist() == order[:n_select].tolist()


@pytest.mark.parametrize("with_weights", [False, True])
def test_no_other_choice_of_any_number_gains_more(rng, with_weights):
    for _ in range(12):
        n = int(rng.integers(4, 10))
        tree, observed = random_tree(rng, n, rng.gamma(1.0, size=n)), rng.choice(n, 2, replace=False)
        weights = rng.integers(0, 3, n).astype(float) if with_weights else None
        order = next_class_order(tree, observed, weights=weights)
        rest = np.setdiff1d(np.arange(n), observed)
        for size in range(1, order.size + 1):
            most = max(worth_of(tree, [*observed, *added], weights) for added in combinations(rest, size))
            found = worth_of(tree, [*observed, *order[:size]], weights)
            np.testing.assert_allclose(found, most, rtol=RTOL)


def test_weights_of_zero_still_lead_to_a_cover(rng):
    for _ in range(10):
        tree, observed = random_tree(rng, 15), rng.choice(15, 2, replace=False)
        for cost in (None, np.ones(15)):
            order = next_class_order(tree, observed, weights=np.zeros(15), cost=cost)
            assert is_locus_cover(tree, [*observed, *order])
            assert np.unique(order).size == order.size


def test_labels_at_distance_zero_need_no_choice():
    tree = TreeMetric([-1, 0, 0, 1, 3, 2], lengths=[0.0, 1.0, 0.0, 0.0, 1.0, 2.0])
    assert next_class_order(tree, [0]).tolist() == [4, 5]
    assert next_class_order(tree, [2], weights=[1, 1, 1, 5, 1, 1]).tolist() == [4, 5]
    assert selection_curve(tree, [0], [4, 5]).tolist() == [2, 5, 6]
    assert selection_curve(tree, [0], [1]).tolist() == [2, 4]
    chain = ChainMetric([0, 1, 1, 2], labels=list("abcd"))
    assert next_class_order(chain, [0], cost=[1, 3, 2, 9]).tolist() == [2, 3]


@given(st.data())
def test_any_tree(data):
    n = data.draw(st.integers(1, 12), label="n")
    parent = [-1, *(data.draw(st.integers(0, v - 1)) for v in range(1, n))]
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n), label="lengths")
    tree = TreeMetric(parent, lengths=lengths)
    observed = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4, unique=True), label="observed")
    order = next_class_order(tree, observed)
    assert order.tolist() == greedy(tree, observed)
    sizes = [locus(tree, [*observed, *order[:size]]).size for size in range(order.size + 1)]
    assert selection_curve(tree, observed, order).tolist() == sizes
    assert sizes[-1] == n
    assert (np.diff(sizes) > 0).all()


def test_costs_by_the_definition(rng):
    for _ in range(15):
        n = int(rng.integers(2, 16))
        tree, observed = random_tree(rng, n), rng.choice(n, 1)
        cost, weights = rng.choice([0.5, 1.0, 2.0, 4.0], n), rng.integers(1, 4, n)
        for worth in (None, weights):
            order = next_class_order(tree, observed, weights=worth, cost=cost)
            assert order.tolist() == greedy(tree, observed, worth, cost)
            assert next_class_order(tree, observed, 2, weights=worth, cost=cost).tolist() == order[:2].tolist()


def test_equal_costs_gain_as_much_as_none(rng):
    tree = random_tree(rng, 300, rng.gamma(1.0, size=300))
    free = next_class_order(tree, [4, 8])
    assert next_class_order(tree, [4, 8], cost=np.full(300, 3.0)).tolist() == free.tolist()


def test_scale():
    scale = ChainMetric([5, 1, 9, 3, 7])
    assert next_class_order(scale, [3]).tolist() == [2, 1]
    assert selection_curve(scale, [3], [2, 1]).tolist() == [1, 4, 5]
    assert next_class_order(scale, [1, 2]).size == 0
    line = GridMetric((1, 6), "l2")
    assert next_class_order(line, [2]).tolist() == [5, 0]


def test_everything_is_covered_already(rng):
    tree = random_tree(rng, 10)
    everything = np.arange(10)
    for metric in (tree, GridMetric((2, 5)), DiscreteMetric(range(10))):
        order = next_class_order(metric, everything)
        assert order.dtype == np.intp
        assert order.size == 0
        assert selection_curve(metric, everything, order).tolist() == [10]


def farthest_first(D, observed, value):
    chosen = []
    while True:
        gaps = D[[*observed, *chosen]].min(axis=0)
        if not gaps.any():
            return chosen
        gains = np.where(gaps > 0, gaps * value, -1.0)
        chosen.append(int(max(range(gains.size), key=lambda v: (gains[v], gaps[v], -v))))


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: GridMetric((3, 5), "l1"),
        lambda rng: EmbeddingMetric(rng.normal(size=(15, 3))),
        lambda rng: GraphMetric(nx.cycle_graph(15)),
        lambda rng: TreeMetric([-1, 0, 0, *[1] * 7, *[2] * 8], label_nodes="leaves"),
        lambda rng: DiscreteMetric(range(15)),
        lambda rng: EmbeddingMetric(np.repeat(rng.normal(size=(5, 3)), 3, axis=0)),
    ],
)
def test_farthest_first_by_its_definition(rng, make):
    metric = make(rng)
    everything = np.arange(15)
    D, observed = metric.distances(everything, everything), rng.choice(15, 2, replace=False)
    assert next_class_order(metric, observed).tolist() == farthest_first(D, observed, np.ones(15))
    weights, cost = rng.integers(0, 4, 15), rng.integers(1, 4, 15)
    order = next_class_order(metric, observed, weights=weights, cost=cost)
    assert order.tolist() == farthest_first(D, observed, weights / cost)
    assert next_class_order(metric, observed, 2, weights=weights, cost=cost).tolist() == order[:2].tolist()


def test_farthest_first_is_within_twice_the_best_radius(rng):
    for _ in range(10):
        metric = EmbeddingMetric(rng.normal(size=(9, 2)))
        everything = np.arange(9)
        D = metric.distances(everything, everything)
        order = next_class_order(metric, [0])
        for size in (1, 2, 3):
            best = min(D[[0, *added]].min(axis=0).max() for added in combinations(range(1, 9), size))
            assert D[[0, *order[:size]]].min(axis=0).max() <= 2 * best


def test_curve_off_trees(rng):
    for metric in (GridMetric((3, 4), "l1"), EmbeddingMetric(rng.normal(size=(12, 2)))):
        order = rng.permutation(12)
        sizes = [locus(metric, order[:size]).size for size in range(2, 7)]
        assert selection_curve(metric, order[:2], order[2:6]).tolist() == sizes
    assert selection_curve(PrecomputedMetric(np.zeros((1, 1))), [0], []).tolist() == [1]


def test_an_observed_label_adds_nothing(rng):
    tree = random_tree(rng, 10)
    assert selection_curve(tree, [3], [3, 4])[:2].tolist() == [1, 1]


def test_bad_input():
    tree = TreeMetric([-1, 0, 0])
    with pytest.raises(ValueError, match="observed must be positions between 0 and 2"):
        next_class_order(tree, [3])
    with pytest.raises(ValueError, match="weights must have 3 entries. Got 2"):
        next_class_order(tree, [0], weights=[1, 2])
    with pytest.raises(ValueError, match="weights must be finite and non-negative. Got -1.0 at position 0"):
        next_class_order(tree, [0], weights=[-1, 2, 3])
    with pytest.raises(ValueError, match="cost must be finite and positive. Got 0.0 at position 1"):
        next_class_order(tree, [0], cost=[1, 0, 3])
    with pytest.raises(ValueError, match="'n_select' parameter of next_class_order must be"):
        next_class_order(tree, [0], 0)
    with pytest.raises(ValueError, match="order must name different labels"):
        selection_curve(tree, [0], [1, 1])
    with pytest.raises(ValueError, match="'metric' parameter of selection_curve must be"):
        selection_curve("tree", [0], [1])


def labeled_tree(rng, n):
    graph = nx.random_labeled_tree(n, seed=int(rng.integers(2**31)))
    return TreeMetric.from_networkx(graph, root=0)


def by_chance(tree, observed, rng):
    """Labels in random order, without those that were in the locus when their turn came."""
    order = rng.permutation(np.setdiff1d(np.arange(tree.n_labels_), observed))
    return order[np.diff(selection_curve(tree, observed, order)) > 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "n_observed", "chosen", "random", "after_ten", "random_after_ten"),
    [(50, 3, 17.7, 23.4, 42.3, 34.1), (100, 6, 34.9, 45.6, 70.6, 53.7)],
)
def test_choices_to_cover_a_random_tree(rng, n, n_observed, chosen, random, after_ten, random_after_ten):
    """Means over 30 random labeled trees, here over 300, against random choices outside the locus."""
    rows = []
    for _ in range(300):
        tree, observed = labeled_tree(rng, n), rng.choice(n, n_observed, replace=False)
        order, other = next_class_order(tree, observed), by_chance(tree, observed, rng)
        curves = [selection_curve(tree, observed, labels)[10] for labels in (order, other)]
        rows.append([order.size, other.size, *curves])
    means, spreads = np.mean(rows, axis=0), np.std(rows, axis=0)
    figures = np.array([chosen, random, after_ten, random_after_ten])
    assert (np.abs(means - figures) < 3 * spreads * np.sqrt(1 / 30 + 1 / 300)).all()


def test_concentrated_classes_have_a_small_locus(rng):
    """Observed labels drawn with probability proportional to exp(-theta d(v, v*)) around the mean v* of the tree."""
    tree, everything, sizes = labeled_tree(rng, 100), np.arange(100), []
    D = tree.distances(everything, everything)
    center = np.argmin((D**2).sum(axis=0))
    for theta in (0.0, 0.5, 1.0, 2.0, 4.0):
        chances = np.exp(-theta * D[center])
        draws = [rng.choice(100, 30, replace=False, p=chances / chances.sum()) for _ in range(200)]
        sizes.append(np.mean([locus(tree, observed).size for observed in draws]))
    assert (np.diff(sizes) < 0).all()
    assert sizes[-1] < 0.75 * sizes[0]


def test_order_of_a_large_taxonomy(shared_data):
    """All of WordNet's nouns: as many choices as leaves that are not observed, in gains that never rise."""
    path = shared_data / "wordnet" / "noun_hypernym_tree.npz"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    parent = next(value for name, value in np.load(path).items() if "parent" in name)
    tree = TreeMetric(parent)
    observed = np.random.default_rng(0).choice(tree.n_labels_, 1000, replace=False)
    order = next_class_order(tree, observed)
    sizes = selection_curve(tree, observed, order)
    assert sizes[-1] == tree.n_labels_
    assert (np.diff(sizes, 2) <= 0).all()
    assert order.size == np.setdiff1d(tree._tree.leaves, observed).size
