"""The locus and its covers: against linear programs of the definition, formulas, facts of the paper, bad input."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial.distance import pdist, squareform

from statlearn.frechet._covers import _smallest, minimum_locus_cover
from statlearn.frechet._decision import frechet_predict
from statlearn.frechet._embedding_metric import EmbeddingMetric
from statlearn.frechet._graph_metric import GraphMetric
from statlearn.frechet._grid_metric import GridMetric
from statlearn.frechet._locus import LocusBounds, is_locus_cover, locus, locus_bounds
from statlearn.frechet._locus_programs import can_minimize, draw_weights, first_outside, minimizers, pair_weights
from statlearn.frechet._metrics import ChainMetric, DiscreteMetric, PrecomputedMetric
from statlearn.frechet._tree_metric import TreeMetric

HAND = [-1, 0, 0, 1, 1, 2, 2, 3, 3, 6]
ZERO = 1e-8  # of a linear program that was solved to 1e-10, relative to the largest cost


def reference_locus(terms, strict):
    """Columns that minimize p @ terms for some p of the simplex, by the definition: a program with all rivals each."""
    terms = terms / max(terms.max(), 1e-300)
    n_observed, n_labels = terms.shape
    inside = []
    for v in range(n_labels):
        result = linprog(
            np.append(np.zeros(n_observed), -1.0),
            A_ub=np.column_stack([(terms[:, [v]] - np.delete(terms, v, axis=1)).T, np.ones(n_labels - 1)]),
            b_ub=np.zeros(n_labels - 1),
            A_eq=[[1.0] * n_observed + [0.0]],
            b_eq=[1.0],
            bounds=[(0, None)] * n_observed + [(-2.0, 2.0)],
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        inside.append(-result.fun > ZERO if strict else -result.fun > -ZERO)
    return np.flatnonzero(inside)


def random_tree(rng, n, lengths=True, **options):
    parent = np.array([-1, *(rng.integers(v) for v in range(1, n))])
    names = rng.permutation(n)
    shuffled = np.full(n, -1)
    shuffled[names[1:]] = names[parent[1:]]
    return TreeMetric(shuffled, lengths=rng.integers(1, 4, n) / 2 if lengths else None, **options)


def cycle(n):
    return GraphMetric(nx.cycle_graph(n))


def balanced_leaves(branching, height):
    graph = nx.balanced_tree(branching, height)
    return TreeMetric.from_networkx(graph, root=0, label_nodes="leaves")


def some(rng, metric, largest=5):
    return rng.choice(metric.n_labels_, rng.integers(1, min(largest, metric.n_labels_) + 1), replace=False)


MAKERS = {
    "tree": lambda rng: random_tree(rng, rng.integers(1, 15)),
    "tree of hops": lambda rng: random_tree(rng, rng.integers(1, 15), lengths=False),
    "leaves": lambda rng: random_tree(rng, rng.integers(4, 18), label_nodes="leaves"),
    "some nodes": lambda rng: random_tree(rng, 15, label_nodes=rng.choice(15, 8, replace=False)),
    "ultrametric": lambda rng: balanced_leaves(2, 3),
    "chain": lambda rng: ChainMetric(rng.permutation(30)[:12] / 4),
    "discrete": lambda rng: DiscreteMetric(range(6)),
    "l1 grid": lambda rng: GridMetric(rng.integers(1, 5, 2), "l1"),
    "l1 cube": lambda rng: GridMetric(rng.integers(1, 4, 3), "l1"),
    "l2 grid": lambda rng: GridMetric(rng.integers(1, 5, 2), "l2"),
    "l2 cube": lambda rng: GridMetric(rng.integers(1, 4, 3), "l2"),
    "cycle": lambda rng: cycle(rng.integers(3, 12)),
    "graph": lambda rng: GraphMetric(nx.connected_watts_strogatz_graph(12, 4, 0.5, seed=int(rng.integers(1000)))),
    "embedding": lambda rng: EmbeddingMetric(rng.normal(size=(12, 2))),
    "duplicates": lambda rng: EmbeddingMetric(rng.integers(0, 3, size=(12, 2)).astype(float)),
    "costs": lambda rng: PrecomputedMetric.from_costs(rng.integers(0, 5, size=(8, 8))),
}


def test_hand_example():
    tree = TreeMetric(HAND)
    expected = [0, 1, 2, 3, 4, 6, 7, 9]
    for strict in (False, True):
        for method in ("closed", "program"):
            assert locus(tree, [7, 4, 9], strict=strict, method=method).tolist() == expected
    assert not is_locus_cover(tree, [7, 4, 9])
    assert is_locus_cover(tree, [7, 4, 9, 5, 8])
    assert minimum_locus_cover(tree).tolist() == [4, 5, 7, 8, 9]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", MAKERS)
def test_every_method_against_the_definition(rng, kind, strict):
    for _ in range(4):
        metric = MAKERS[kind](rng)
        observed = some(rng, metric)
        expected = reference_locus(metric.powers(observed, np.arange(metric.n_labels_), 2), strict)
        np.testing.assert_array_equal(locus(metric, observed, strict=strict), expected)
        np.testing.assert_array_equal(locus(metric, observed, strict=strict, method="program"), expected)
        drawn = locus(metric, observed, strict=strict, method="montecarlo", n_draws=100, random_state=0)
        assert np.isin(drawn, expected).all()
        assert is_locus_cover(metric, observed, strict) == (expected.size == metric.n_labels_)
        if not strict:
            bounds = locus_bounds(metric, observed)
            assert bounds.lower <= expected.size <= bounds.upper
            assert (bounds.lower == bounds.upper) == (bounds.kind in ("proof", "numerical"))


@pytest.mark.parametrize("power", [0.5, 1, 1.5, 3])
@pytest.mark.parametrize("kind", ["tree", "leaves", "ultrametric", "chain", "discrete", "l1 grid", "l2 grid", "graph"])
def test_other_powers(rng, kind, power):
    for strict in (False, True):
        metric = MAKERS[kind](rng)
        observed = some(rng, metric)
        expected = reference_locus(metric.powers(observed, np.arange(metric.n_labels_), power), strict)
        np.testing.assert_array_equal(locus(metric, observed, power=power, strict=strict), expected)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", MAKERS)
def test_label_space(rng, kind, strict):
    for _ in range(4):
        metric = MAKERS[kind](rng)
        observed, allowed = some(rng, metric), np.sort(some(rng, metric, metric.n_labels_))
        expected = allowed[reference_locus(metric.powers(observed, allowed, 2), strict)]
        np.testing.assert_array_equal(locus(metric, observed, label_space=allowed, strict=strict), expected)
        if not strict:
            bounds = locus_bounds(metric, observed, allowed)
            assert bounds.lower <= expected.size <= bounds.upper


def test_labels_at_distance_zero():
    tree = TreeMetric([-1, 0, 1, 2, 3, 2], lengths=[0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    for strict, expected in ((False, [2, 3, 4, 5]), (True, [3, 4])):
        assert locus(tree, [2, 4], strict=strict).tolist() == expected
        assert locus(tree, [2, 4], strict=strict, method="program").tolist() == expected
    chain = ChainMetric([0, 1, 1, 2, 3], labels=list("abcde"))
    assert locus(chain, [0, 1]).tolist() == [0, 1, 2]
    assert locus(chain, [0, 3], strict=True).tolist() == [0, 3]
    twins = PrecomputedMetric([[0, 0, 1], [0, 0, 1], [1, 1, 0]])
    assert twins.is_ultrametric()
    assert locus(twins, [0]).tolist() == [0, 1]
    assert locus(twins, [0, 2], strict=True).tolist() == [2]


def test_no_other_label_in_ultrametric_spaces(rng):
    for metric in (balanced_leaves(3, 3), DiscreteMetric(range(27))):
        observed = np.sort(rng.choice(27, 10, replace=False))
        for power in (0.5, 2):
            for strict in (False, True):
                np.testing.assert_array_equal(locus(metric, observed, power=power, strict=strict), observed)
        bounds = locus_bounds(metric, observed)
        assert bounds[:3] == (10, 10, "proof")
        P = rng.dirichlet(np.ones(10), size=200)
        assert np.isin(frechet_predict(P, metric, observed), observed).all()


def test_unbalanced_taxonomies_predict_unobserved_leaves():
    # A leaf near the top, in the middle of the others: F = 16 where two observed ones have 18 for equal weights.
    tree = TreeMetric([-1, 0, 0, 0, 1, 2, 4, 4, 5, 5], label_nodes="leaves")
    assert tree.nodes_.tolist() == [3, 6, 7, 8, 9]
    assert locus(tree, [1, 3]).tolist() == [0, 1, 3]
    assert locus(tree, [1, 2]).tolist() == [1, 2]


@pytest.mark.parametrize("kind", MAKERS)
def test_predictions_stay_in_the_locus(rng, kind):
    metric = MAKERS[kind](rng)
    observed = some(rng, metric)
    P = draw_weights(200, observed.size, rng)
    assert np.isin(frechet_predict(P, metric, observed), locus(metric, observed)).all()


@pytest.mark.parametrize("kind", MAKERS)
def test_grows_with_the_observed_labels(rng, kind):
    metric = MAKERS[kind](rng)
    order = rng.permutation(metric.n_labels_)[:6]
    before = np.empty(0, dtype=int)
    for size in range(1, order.size + 1):
        now = locus(metric, order[:size])
        assert np.isin(before, now).all()
        before = now


def test_invariances(rng):
    D = squareform(pdist(rng.normal(size=(14, 2))))
    observed = np.array([3, 1, 8])
    inside = locus(PrecomputedMetric(D), observed)
    assert inside.size > 3
    np.testing.assert_array_equal(locus(PrecomputedMetric(1e-9 * D), observed), inside)
    renamed = rng.permutation(14)
    mixed = np.empty_like(D)
    mixed[np.ix_(renamed, renamed)] = D
    np.testing.assert_array_equal(locus(PrecomputedMetric(mixed), renamed[observed]), np.sort(renamed[inside]))


def test_tree_does_not_depend_on_its_root(rng):
    graph = nx.random_labeled_tree(20, seed=3)
    observed = rng.choice(20, 4, replace=False)
    expected = set().union(*(nx.shortest_path(graph, u, v) for u, v in combinations(observed, 2)))
    for root in (0, 7, 19):
        tree = TreeMetric.from_networkx(graph, root=root)
        found = tree.labels_[locus(tree, tree.index_of(observed))]
        assert set(found.tolist()) == expected


def test_trees_decompose_into_pairs_and_strict_grids_do_not(rng):
    tree = random_tree(rng, 30)
    observed = rng.choice(30, 5, replace=False)
    pairs = [locus(tree, pair, strict=True) for pair in combinations(observed, 2)]
    np.testing.assert_array_equal(np.unique(np.concatenate(pairs)), locus(tree, observed, strict=True))
    grid, corners, center = GridMetric((3, 3), "l1"), [0, 2, 6, 8], 4
    assert center in locus(grid, corners, strict=True)
    assert not any(center in locus(grid, pair, strict=True) for pair in combinations(corners, 2))


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (4, 4), (2, 6)])
def test_corners_of_a_grid(shape):
    grid = GridMetric(shape, "l1")
    first, last = 0, grid.n_labels_ - 1
    assert is_locus_cover(grid, [first, last])
    np.testing.assert_array_equal(locus(grid, [first, last], strict=True), [first, last])
    corners = minimum_locus_cover(grid, strict=True)
    assert corners.size == 4
    assert is_locus_cover(grid, corners, strict=True)
    assert not any(is_locus_cover(grid, np.delete(corners, place), strict=True) for place in range(4))


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 2, 4), (3, 3, 3), (2, 1, 3, 2)])
def test_four_corners_cover_three_dimensions_strictly(shape):
    grid = GridMetric(shape, "l1")
    cover = minimum_locus_cover(grid, strict=True)
    assert cover.size == 4
    assert is_locus_cover(grid, cover, strict=True)
    assert is_locus_cover(grid, minimum_locus_cover(grid))


@pytest.mark.parametrize("n", range(3, 16))
def test_covers_of_cycles(n):
    metric = cycle(n)
    sizes = {False: 2 if n % 2 == 0 else 3, True: 4 if n == 4 else 3}
    for strict, size in sizes.items():
        cover = minimum_locus_cover(metric, strict=strict)
        assert cover.size == size
        assert is_locus_cover(metric, cover, strict=strict)
        # By symmetry label 0 is in some smallest cover.
        smaller = ([0, *rest] for rest in combinations(range(1, n), size - 2))
        assert not any(is_locus_cover(metric, labels, strict=strict) for labels in smaller)


def test_cycle_with_shuffled_labels_and_one_with_unequal_edges(rng):
    around = rng.permutation(10)
    metric = GraphMetric(nx.relabel_nodes(nx.cycle_graph(10), dict(enumerate(around.tolist()))), labels=range(10))
    cover = minimum_locus_cover(metric)
    assert cover.size == 2
    assert is_locus_cover(metric, cover)
    graph = nx.cycle_graph(6)
    nx.set_edge_attributes(graph, {edge: 1.0 + edge[0] for edge in graph.edges}, "weight")
    metric = GraphMetric(graph)
    np.testing.assert_array_equal(minimum_locus_cover(metric), brute_force_cover(metric, False))


def brute_force_cover(metric, strict):
    """The first smallest cover, by the reference programs."""
    labels = np.arange(metric.n_labels_)
    terms = metric.powers(labels, labels, 2)
    for size in range(1, labels.size + 1):
        for cover in combinations(labels, size):
            if reference_locus(terms[list(cover)], strict).size == labels.size:
                return np.array(cover)
    return None


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda rng: random_tree(rng, 6),
        lambda rng: random_tree(rng, 8, label_nodes="leaves"),
        lambda rng: balanced_leaves(2, 2),
        lambda rng: ChainMetric(rng.permutation(6)),
        lambda rng: GridMetric((2, 3), "l1"),
        lambda rng: GridMetric((2, 2, 2), "l1"),
        lambda rng: GridMetric((2, 3), "l2"),
        lambda rng: GridMetric((1, 5), "l1"),
        lambda rng: GraphMetric(nx.complete_graph(4)),
        lambda rng: EmbeddingMetric(rng.normal(size=(6, 2))),
    ],
)
def test_smallest_covers_by_brute_force(rng, make, strict):
    metric = make(rng)
    found, expected = minimum_locus_cover(metric, strict=strict), brute_force_cover(metric, strict)
    assert found.size == expected.size
    assert is_locus_cover(metric, found, strict=strict)
    np.testing.assert_array_equal(found, np.sort(found))
    assert _smallest(metric, strict).size == expected.size


def test_leaves_cover_a_tree_and_none_can_be_dropped(rng):
    for _ in range(20):
        tree = random_tree(rng, 25)
        cover = minimum_locus_cover(tree, strict=True)
        assert is_locus_cover(tree, cover, strict=True)
        assert not any(is_locus_cover(tree, np.delete(cover, place)) for place in range(cover.size))
    assert minimum_locus_cover(TreeMetric([-1])).tolist() == [0]
    assert minimum_locus_cover(TreeMetric([1, 2, -1])).tolist() == [0, 2]  # a root with one child


def test_covers_with_labels_at_distance_zero():
    chain = ChainMetric([0, 0, 1, 2, 2], labels=list("abcde"))
    assert minimum_locus_cover(chain).tolist() == [0, 3]
    twins = PrecomputedMetric([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert minimum_locus_cover(twins).tolist() == [0, 1]
    for metric, pair in ((chain, "a and b"), (twins, "0 and 2")):
        with pytest.raises(ValueError, match=f"Labels {pair} are at distance 0"):
            minimum_locus_cover(metric, strict=True)


def test_no_cover_where_costs_forbid_a_label():
    costs = PrecomputedMetric.from_costs([[0, 1, 2], [1, 0, 2], [1, 1, 2]], labels=["a", "b", "c"])
    with pytest.raises(ValueError, match="Label c is never predicted"):
        minimum_locus_cover(costs)
    points = EmbeddingMetric([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="Label 0 is never the only minimizer"):
        minimum_locus_cover(points, strict=True)


def test_no_formula_for_a_cover(rng):
    with pytest.raises(ValueError, match=r"at most 12 labels.*EmbeddingMetric.*next_class_order"):
        minimum_locus_cover(EmbeddingMetric(rng.normal(size=(13, 2))))
    with pytest.raises(ValueError, match="at most 12 labels"):
        minimum_locus_cover(GridMetric((2, 2, 2, 2), "l1"), strict=True)


def test_random_weights_find_a_small_locus(rng):
    grid = GridMetric((4, 4), "l1")
    for strict in (False, True):
        exact = locus(grid, [0, 3, 12, 15], strict=strict)
        np.testing.assert_array_equal(
            locus(grid, [0, 3, 12, 15], strict=strict, method="montecarlo", n_draws=3000, random_state=0), exact
        )


def test_random_weights_follow_the_random_state():
    metric = EmbeddingMetric(np.random.default_rng(0).normal(size=(400, 3)))
    observed = np.arange(8)
    draws = [locus(metric, observed, method="montecarlo", n_draws=40, random_state=state) for state in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert draws[0].tolist() != draws[2].tolist()
    assert np.isin(observed, draws[0]).all()


def test_weights_are_of_many_kinds(rng):
    P = draw_weights(400, 30, rng)
    np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-12)
    sizes = np.diff(P.indptr)
    assert sizes.min() == 1
    assert sizes.max() == 30
    assert (P.data > 0).all()
    assert np.unique(P[[1]].data).size == 1


def test_pairs_reach_labels_between_them():
    grid = GridMetric((3, 4), "l1")
    labels, observed = np.arange(12), np.array([0, 11])
    P = pair_weights(grid.distances(observed, observed), grid.distances(observed, labels))
    assert P.shape == (10, 2)
    assert minimizers(grid.powers(observed, labels, 2), False, P)[1:11].all()
    chain = ChainMetric(range(5))
    P = pair_weights(chain.distances(np.array([1, 3]), np.array([1, 3])), chain.distances(np.array([1, 3]), labels[:5]))
    np.testing.assert_array_equal(P.toarray(), [[0.5, 0.5]])


def test_programs_take_in_rivals_that_they_overlooked(rng):
    """More rivals than a program starts with, and labels of all kinds: inside, outside, tied."""
    E = rng.normal(size=(300, 2))
    metric = EmbeddingMetric(np.vstack([E, E[:1]]))
    terms = metric.powers(np.arange(5), np.arange(301), 2)
    inside = [can_minimize(terms, label, False) for label in range(301)]
    np.testing.assert_array_equal(np.flatnonzero(inside), reference_locus(terms, False))
    assert can_minimize(terms, 0, False)
    assert not can_minimize(terms, 0, True)  # its twin ties
    nothing = draw_weights(1, 5, rng)
    assert first_outside(terms, False, nothing) == np.flatnonzero(~np.array(inside))[0]


def test_short_edges_beside_long_ones():
    """Rivals near and far are compared on their own scales."""
    values = np.concatenate([[0.0, 1e-5, 2e-5], [1.0, 2.0]])
    D = np.abs(np.subtract.outer(values, values))
    assert locus(PrecomputedMetric(D), [0, 4], strict=True, method="program").tolist() == [0, 1, 2, 3, 4]
    assert locus(PrecomputedMetric(D), [0, 2], strict=True, method="program").tolist() == [0, 1, 2]


def test_bounds_of_large_spaces(rng):
    tree = random_tree(rng, 4000, label_nodes="leaves")
    observed = rng.choice(tree.n_labels_, 800, replace=False)
    bounds = locus_bounds(tree, observed)
    assert observed.size < bounds.lower < bounds.upper < tree.n_labels_
    assert bounds.kind == "reported"
    assert bounds.detail.startswith("found by random weights")
    points = EmbeddingMetric(rng.normal(size=(3000, 8)))
    bounds = locus_bounds(points, np.arange(400))
    assert bounds[:3] == (400, 3000, "reported")
    assert bounds.detail.startswith("the observed ones")
    assert isinstance(locus_bounds(points, np.arange(40)), LocusBounds)
    assert locus_bounds(points, np.array([5])) == LocusBounds(
        1, 1, "proof", "the labels nearest to the one that was observed"
    )


def test_bad_input(rng):
    grid = GridMetric((3, 3), "l1")
    with pytest.raises(ValueError, match=r"method='closed' needs a space whose locus has a known formula. GridMetric"):
        locus(grid, [0, 8], method="closed")
    with pytest.raises(ValueError, match="closed"):
        locus(TreeMetric(HAND), [0, 8], power=1, method="closed")
    with pytest.raises(ValueError, match="observed must be positions between 0 and 8"):
        locus(grid, [9])
    with pytest.raises(ValueError, match="observed must name different labels"):
        is_locus_cover(grid, [1, 1])
    with pytest.raises(ValueError, match="label_space must be positions of labels"):
        locus(grid, [1], label_space=["a"])
    with pytest.raises(ValueError, match="'method' parameter of locus must be"):
        locus(grid, [1], method="lp")
    with pytest.raises(ValueError, match="'metric' parameter of minimum_locus_cover must be"):
        minimum_locus_cover(np.eye(3))
    with pytest.raises(ValueError, match=r"are too large. A lower bound is locus\(..., method='montecarlo'\)"):
        locus(EmbeddingMetric(rng.normal(size=(20000, 2))), np.arange(1000))
