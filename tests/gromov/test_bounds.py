"""Lower bounds: known values, their formulas, the theorems about them, and never above any plan."""

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from statlearn.exceptions import ScaleWarning
from statlearn.gromov import (
    DenseCost,
    GramCost,
    LineCost,
    LowRankCost,
    SparseGraphCost,
    SquaredEuclideanCost,
    gromov_wasserstein_lower_bound,
    sorted_gromov_wasserstein,
)
from statlearn.gromov._bounds import ABSOLUTE_BOUNDS, LOWER_BOUNDS

from . import oracles
from .oracles import (
    decomposed_objective,
    exact_optimum,
    graph_matrix,
    hop,
    largest_loss,
    objective,
    permutation_optimum,
    random_pair,
    random_plans,
    random_weights,
    relabelled,
    residual_norm,
    uniform,
)

pytestmark = pytest.mark.filterwarnings(f"ignore::{ScaleWarning.__module__}.{ScaleWarning.__name__}")

RTOL = 1e-12  # rounding of sums of up to a thousand terms, relative to the largest loss; measured: 3e-14

every_kind = pytest.mark.parametrize("kind", list(oracles.BOUNDS))
every_absolute_kind = pytest.mark.parametrize("kind", list(oracles.ABSOLUTE_BOUNDS))


def bounds(C1, C2, p=None, q=None, kinds=tuple(oracles.BOUNDS), **options):
    """Every lower bound from the public function, by name."""
    return {kind: gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind, **options) for kind in kinds}


def oracle_bounds(C1, C2, p=None, q=None, table=oracles.BOUNDS):
    """Every lower bound from its formula, by name."""
    p, q = uniform(len(C1)) if p is None else p, uniform(len(C2)) if q is None else q
    return {kind: formula(C1, p, C2, q) for kind, formula in table.items()}


def test_the_tables_are_those_that_are_tested():
    assert set(LOWER_BOUNDS) == set(oracles.BOUNDS)
    assert set(ABSOLUTE_BOUNDS) == set(oracles.ABSOLUTE_BOUNDS)


# --------------------------------------------------------------------------------------------------------- known values
@pytest.mark.parametrize(("const1", "const2", "expected"), [(1, 0, 47.28), (1, 1, 35.48), (0, 0, 35.48)])
def test_additive_costs_have_no_residual(const1, const2, expected):
    """``C_ij = const + a_i + a_j``: the sorting formula is the value itself."""
    a, b = np.array([0.0, 1, 4, 9, 11]), np.array([-2, 0, 3, 5, 5.5])
    C1, C2 = const1 + np.add.outer(a, a), const2 + np.add.outer(b, b)
    value, norm1, norm2 = sorted_gromov_wasserstein(C1, C2, return_residuals=True)
    assert value == pytest.approx(expected, rel=1e-13)
    assert permutation_optimum(C1, C2) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose([norm1, norm2], 0, atol=1e-13)
    assert bounds(C1, C2)["hoeffding_tlb"] == pytest.approx(expected, rel=1e-13)
    assert bounds(C1, C2)["spectral"] == pytest.approx(expected, rel=1e-13)


def test_two_complete_graphs():
    found = bounds(graph_matrix(nx.complete_graph(3)), graph_matrix(nx.complete_graph(5)))
    for kind in ("slb", "tlb", "hoeffding_tlb", "spectral"):
        assert found[kind] == pytest.approx(2 / 15, rel=1e-13)


def test_path_and_star():
    """The bound of the paper is that on GW1 by means of rows, 0.125; with sums of rows it is 2, and no bound at all."""
    P4, star = graph_matrix(nx.path_graph(4)), graph_matrix(nx.star_graph(3))
    assert permutation_optimum(P4, star) == 0.25
    assert gromov_wasserstein_lower_bound(P4, star, kind="sorted", loss="absolute") == 0.125
    assert np.abs(np.sort(P4.sum(0)) - np.sort(star.sum(0))).sum() == 2.0
    assert gromov_wasserstein_lower_bound(P4, star, kind="sorted") == 0.0625
    assert gromov_wasserstein_lower_bound(P4, star) == gromov_wasserstein_lower_bound(P4, star, kind="hoeffding_tlb")
    assert gromov_wasserstein_lower_bound(P4, star) == pytest.approx(11 / 64, rel=1e-13)


@pytest.mark.parametrize("degree", [3, 4])
def test_the_sorting_formula_sees_nothing_in_regular_graphs(seed, degree):
    graphs = [graph_matrix(nx.random_regular_graph(degree, 12, seed=seed + shift)) for shift in range(3)]
    for A in graphs[1:]:
        assert gromov_wasserstein_lower_bound(graphs[0], A, kind="sorted") == pytest.approx(0, abs=1e-15)
        assert gromov_wasserstein_lower_bound(graphs[0], A, kind="sorted", loss="absolute") == pytest.approx(
            0, abs=1e-15
        )


def test_only_the_spectrum_tells_a_hexagon_from_two_triangles():
    hexagon, triangles = graph_matrix(nx.cycle_graph(6)), graph_matrix(oracles.two_triangles())
    found = bounds(hexagon, triangles)
    assert found.pop("spectral") == pytest.approx(1 / 9, rel=1e-13)
    np.testing.assert_allclose(list(found.values()), 0, atol=1e-15)
    assert permutation_optimum(hexagon, triangles) == pytest.approx(2 / 9)


@pytest.mark.parametrize("matrix", [graph_matrix, hop])
def test_no_bound_tells_the_rook_from_shrikhande(matrix):
    rook, shrikhande = oracles.rook_graph(), oracles.shrikhande_graph()
    assert not nx.is_isomorphic(rook, shrikhande)
    found = bounds(matrix(rook), matrix(shrikhande))
    np.testing.assert_allclose(list(found.values()), 0, atol=1e-13)


def test_a_graph_and_its_negative():
    """The first bound takes squares; the mean of the rows is the weaker bound that the paper's formula implies."""
    A = graph_matrix(nx.path_graph(6))
    found = bounds(A, -A)
    assert found["flb"] == 0
    assert found["slb"] == pytest.approx(5 / 9, rel=1e-13)
    assert found["tlb"] == pytest.approx(5 / 9, rel=1e-13)
    assert found["sorted"] == pytest.approx(0.3209876543209876, rel=1e-13)
    assert oracles.transport_on_line(A.mean(0), uniform(6), -A.mean(0), uniform(6)) == pytest.approx(0.3148, abs=5e-5)
    assert permutation_optimum(A, -A) == pytest.approx(5 / 9)


def test_distances_on_a_line_that_sorting_does_not_solve():
    x, y = np.array([-1, -0.02, -0.01, 0, 0.01, 0.02, 1]), np.array([0, 0.01, 0.02, 0.03, 0.04, 1, 1.01])
    C1, C2 = np.subtract.outer(x, x) ** 2, np.subtract.outer(y, y) ** 2
    assert np.mean((C1 - C2) ** 2) == pytest.approx(0.7077, abs=5e-5)
    assert np.mean((C1 - C2[::-1, ::-1]) ** 2) == pytest.approx(0.7077, abs=5e-5)
    assert permutation_optimum(C1, C2) == pytest.approx(0.6541, abs=5e-5)
    assert gromov_wasserstein_lower_bound(C1, C2) == pytest.approx(0.414532, abs=5e-7)


def test_one_node(rng):
    """There is one coupling, and the slb is its value."""
    C, q = rng.normal(size=(5, 5)), random_weights(rng, 5)
    value = q @ (C - 1.5) ** 2 @ q
    for kind in ("slb", "tlb", "hoeffding_tlb", "spectral", "max"):
        assert gromov_wasserstein_lower_bound([[1.5]], C, None, q, kind=kind) == pytest.approx(value, rel=1e-12)


# ------------------------------------------------------------------------------------------------- formulas, theorems
def random_pairs(rng, n_pairs, **options):
    """Pairs of every kind, also relabelled copies with unequal weights."""
    for number in range(n_pairs):
        C1, C2, p, q = random_pair(rng, **options)
        if number % 8 == 0:
            C2, q = relabelled(rng, C1, p)
        yield C1, C2, p, q


@every_kind
def test_bounds_are_their_formulas(rng, kind):
    for C1, C2, p, q in random_pairs(rng, 100, largest=8):
        expected = oracles.BOUNDS[kind](C1, p, C2, q)
        found = gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind)
        assert found == pytest.approx(expected, abs=RTOL * largest_loss(C1, C2))


@every_absolute_kind
def test_absolute_bounds_are_their_formulas(rng, kind):
    for C1, C2, p, q in random_pairs(rng, 100, largest=8):
        expected = oracles.ABSOLUTE_BOUNDS[kind](C1, p, C2, q)
        found = gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind, loss="absolute")
        assert found == pytest.approx(expected, abs=RTOL * largest_loss(C1, C2) ** 0.5)


@pytest.mark.parametrize("loss", oracles.LOSSES)
def test_max_is_the_largest_bound(rng, loss):
    table = {"square": oracles.BOUNDS, "absolute": oracles.ABSOLUTE_BOUNDS}[loss]
    for C1, C2, p, q in random_pairs(rng, 20):
        found = gromov_wasserstein_lower_bound(C1, C2, p, q, loss=loss)
        assert found == max(bounds(C1, C2, p, q, kinds=table, loss=loss).values())


def test_third_bound_dominates_the_first_two(rng):
    for C1, C2, p, q in random_pairs(rng, 100, largest=8):
        found = bounds(C1, C2, p, q)
        assert found["tlb"] >= max(found["flb"], found["slb"]) - RTOL * largest_loss(C1, C2)
        assert min(found["hoeffding_tlb"], found["spectral"]) >= found["sorted"] - RTOL * largest_loss(C1, C2)


def test_decomposition(rng):
    """The value of any matrix of a coupling is the sum of four terms; the theorem of the family, checked by itself."""
    for C1, C2, p, q in random_pairs(rng, 60, largest=6):
        for T in random_plans(rng, p, q):
            expected = objective(C1, C2, T)
            assert decomposed_objective(C1, C2, p, q, T) == pytest.approx(expected, abs=1e-13 * largest_loss(C1, C2))


def test_the_value_lies_in_the_interval_of_the_residuals(rng):
    """``SORTED + (|h1| - |h2|)^2 <= GW2 <= SORTED + (|h1| + |h2|)^2`` with the exact optimum; symmetric costs."""
    for C1, C2, p, q in random_pairs(rng, 150, largest=3, makers=oracles.SYMMETRIC_NETWORKS):
        value, norm1, norm2 = sorted_gromov_wasserstein(C1, C2, p, q, return_residuals=True)
        tolerance = RTOL * largest_loss(C1, C2)
        assert norm1**2 == pytest.approx(residual_norm(C1, p) ** 2, abs=tolerance)
        assert norm2**2 == pytest.approx(residual_norm(C2, q) ** 2, abs=tolerance)
        optimum = exact_optimum(C1, C2, p, q)
        assert value + (norm1 - norm2) ** 2 <= optimum + tolerance
        assert optimum <= value + (norm1 + norm2) ** 2 + tolerance


# --------------------------------------------------------------------------------------------------------- properties
@pytest.mark.parametrize("batch", range(4))
def test_no_bound_exceeds_the_optimum(rng, batch):
    """A thousand tiny pairs of any kind, sizes and weights, against the exact optimum of both losses."""
    check_against_the_optimum(np.random.default_rng([batch, rng.integers(2**32)]), n_pairs=250, largest=3)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_no_bound_exceeds_the_optimum_many(rng, batch):
    check_against_the_optimum(np.random.default_rng([batch, rng.integers(2**32)]), n_pairs=400, largest=4)


def check_against_the_optimum(rng, n_pairs, largest):
    for C1, C2, p, q in random_pairs(rng, n_pairs, largest=largest):
        if len(p) * len(q) > 12:
            continue
        tolerance = RTOL * largest_loss(C1, C2)
        assert max(bounds(C1, C2, p, q).values()) <= exact_optimum(C1, C2, p, q) + tolerance
        found = bounds(C1, C2, p, q, kinds=oracles.ABSOLUTE_BOUNDS, loss="absolute")
        assert max(found.values()) <= exact_optimum(C1, C2, p, q, "absolute") + tolerance**0.5 * RTOL**0.5


@pytest.mark.parametrize("batch", range(4))
def test_no_bound_exceeds_any_plan(rng, batch):
    """A thousand small pairs, against plans of all sorts."""
    check_against_plans(np.random.default_rng([batch, rng.integers(2**32)]), n_pairs=250, largest=8)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_no_bound_exceeds_any_plan_many(rng, batch):
    check_against_plans(np.random.default_rng([batch, rng.integers(2**32)]), n_pairs=1000, largest=12)


def check_against_plans(rng, n_pairs, largest):
    for C1, C2, p, q in random_pairs(rng, n_pairs, largest=largest):
        plans, loss = random_plans(rng, p, q), largest_loss(C1, C2)
        found = max(bounds(C1, C2, p, q).values())
        assert found <= min(objective(C1, C2, T) for T in plans) + RTOL * loss
        found = max(bounds(C1, C2, p, q, kinds=oracles.ABSOLUTE_BOUNDS, loss="absolute").values())
        assert found <= min(objective(C1, C2, T, "absolute") for T in plans) + RTOL * loss**0.5


@pytest.mark.parametrize("maker", [oracles.distances, oracles.symmetric, oracles.adjacency])
def test_no_bound_exceeds_a_permutation(rng, maker):
    for n in (5, 6):
        C1, C2 = maker(rng, n), oracles.symmetric(rng, n)
        for loss, kinds in [("square", oracles.BOUNDS), ("absolute", oracles.ABSOLUTE_BOUNDS)]:
            found = bounds(C1, C2, kinds=kinds, loss=loss)
            assert max(found.values()) <= permutation_optimum(C1, C2, loss) + RTOL * largest_loss(C1, C2)


@every_kind
def test_relabelled_networks_have_the_same_bounds(rng, kind):
    for C1, C2, p, q in random_pairs(rng, 30, largest=12):
        value = gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind)
        moved = relabelled(rng, C1, p), relabelled(rng, C2, q)
        found = gromov_wasserstein_lower_bound(moved[0][0], moved[1][0], moved[0][1], moved[1][1], kind=kind)
        assert found == pytest.approx(value, abs=RTOL * largest_loss(C1, C2))


@every_kind
def test_a_relabelled_copy_is_at_distance_zero(rng, kind):
    for C1, _, p, _ in random_pairs(rng, 30, largest=12):
        C2, q = relabelled(rng, C1, p)
        assert 0 <= gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind) <= RTOL * largest_loss(C1, C2)


@every_kind
def test_splitting_a_node_changes_no_bound(rng, kind):
    """One node becomes two halves with the same costs."""
    for C1, C2, p, q in random_pairs(rng, 30, largest=8):
        value = gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind)
        node, share = rng.integers(len(p)), rng.random()
        nodes = np.append(np.arange(len(p)), node)
        split = p[nodes] * np.where(nodes == node, share, 1)
        split[-1] = p[node] - split[node]
        found = gromov_wasserstein_lower_bound(C1[np.ix_(nodes, nodes)], C2, split, q, kind=kind)
        assert found == pytest.approx(value, abs=RTOL * largest_loss(C1, C2))


@every_kind
def test_doubling_all_nodes_changes_no_bound(rng, kind):
    """Uniform weights before and after: the sizes are then multiples of each other, and the kernels other ones."""
    C1, C2 = oracles.symmetric(rng, 6), oracles.distances(rng, 6)
    value = gromov_wasserstein_lower_bound(C1, C2, kind=kind)
    found = gromov_wasserstein_lower_bound(np.kron(C1, np.ones((2, 2))), np.kron(C2, np.ones((3, 3))), kind=kind)
    assert found == pytest.approx(value, abs=RTOL * largest_loss(C1, C2))


@pytest.mark.parametrize("factor", [1e-140, 1e-9, -1.0, 1e9, 1e140])
@every_kind
def test_scaling_both_costs(rng, kind, factor):
    """``GW2(s C1, s C2) = s^2 GW2``, for tiny and huge units as well."""
    for C1, C2, p, q in random_pairs(rng, 10, largest=7):
        value = gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind)
        found = gromov_wasserstein_lower_bound(factor * C1, factor * C2, p, q, kind=kind)
        assert found / factor**2 == pytest.approx(value, abs=RTOL * largest_loss(C1, C2))


@every_kind
def test_the_order_of_the_two_networks_does_not_matter(rng, kind):
    for C1, C2, p, q in random_pairs(rng, 30, largest=8):
        value = gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind)
        found = gromov_wasserstein_lower_bound(C2, C1, q, p, kind=kind)
        assert found == pytest.approx(value, abs=RTOL * largest_loss(C1, C2))


@pytest.mark.parametrize("const", [0.5, -3.0, 1e3])
def test_adding_a_constant(rng, const):
    """``GW2(C, C + const) = const^2``, and the bounds that separate the mean find it."""
    C, p = oracles.distances(rng, 7), random_weights(rng, 7)
    for kind in ("sorted", "slb", "tlb", "hoeffding_tlb", "spectral"):
        found = gromov_wasserstein_lower_bound(C, C + const, p, p, kind=kind)
        assert found == pytest.approx(const**2, rel=RTOL)


@every_kind
def test_plans_of_bounds_are_couplings(rng, kind):
    """The bounds that solve a transport problem return a coupling; it starts the search of an upper bound."""
    from statlearn.gromov._network import as_network

    for C1, C2, p, q in random_pairs(rng, 20, largest=8):
        network1, network2 = as_network(C1, p, "C1", "p")[0], as_network(C2, q, "C2", "q")[0]
        bound = LOWER_BOUNDS[kind](network1, network2)
        assert (bound.plan is not None) == (kind in ("tlb", "hoeffding_tlb"))
        if bound.plan is not None:
            assert oracles.coupling_error(bound.plan.dense(), p, q) <= 1e-14


# --------------------------------------------------------------------------------------------------- factorized costs
def factorized(rng, n):
    """Pairs of a factorized cost and its matrix."""
    X, U, V, x = rng.normal(size=(n, 3)) + 5, rng.normal(size=(n, 2)), rng.normal(size=(n, 2)), rng.normal(size=n)
    Z = sparse.random_array((6, n), density=0.4, rng=rng, format="csr")
    A = sparse.csr_array(oracles.adjacency(rng, n))
    return {
        "squared_euclidean": (SquaredEuclideanCost(X), ((X[:, None] - X[None]) ** 2).sum(-1)),
        "low_rank": (LowRankCost(U, V), U @ V.T),
        "gram": (GramCost(Z), (Z.T @ Z).toarray()),
        "dense_gram": (GramCost(Z.toarray()), (Z.T @ Z).toarray()),
        "line": (LineCost(x), np.abs(np.subtract.outer(x, x))),
        "sparse_graph": (SparseGraphCost(A), A.toarray()),
        "csr": (A, A.toarray()),
        "dense": (DenseCost(U @ U.T), U @ U.T),
    }


FACTORIZED = list(factorized(np.random.default_rng(0), 3))


@pytest.mark.parametrize("weighted", [False, True])
@every_kind
@pytest.mark.parametrize("name", FACTORIZED)
def test_factorized_costs_have_the_bounds_of_their_matrix(rng, name, kind, weighted):
    cost, C = factorized(rng, 9)[name]
    other, p, q = oracles.distances(rng, 7), *(random_weights(rng, n) if weighted else uniform(n) for n in (9, 7))
    tolerance = RTOL * largest_loss(C, other)
    for first, second in [(cost, other), (other, cost), (cost, cost)]:
        weights = [p if operand is cost else q for operand in (first, second)]
        matrices = [C if operand is cost else other for operand in (first, second)]
        found = gromov_wasserstein_lower_bound(first, second, *weights, kind=kind)
        assert found == pytest.approx(
            oracles.BOUNDS[kind](matrices[0], weights[0], matrices[1], weights[1]), abs=tolerance
        )


@pytest.mark.parametrize("name", FACTORIZED)
def test_factorized_costs_have_the_residuals_of_their_matrix(rng, name):
    (cost, C), p = factorized(rng, 9)[name], random_weights(rng, 9)
    other = oracles.symmetric(rng, 4)
    value, norm1, norm2 = sorted_gromov_wasserstein(cost, other, p, return_residuals=True)
    assert value == pytest.approx(oracles.sorted_bound(C, p, other, uniform(4)), abs=RTOL * largest_loss(C, other))
    assert norm1**2 == pytest.approx(residual_norm(C, p) ** 2, abs=RTOL * np.abs(C).max() ** 2)
    assert norm2 == pytest.approx(residual_norm(other, uniform(4)), rel=RTOL)


# ------------------------------------------------------------------------------------------------------- zero weights
@every_kind
def test_nodes_of_weight_zero_do_not_exist(rng, kind):
    for C1, C2, p, q in random_pairs(rng, 20, largest=6):
        value = gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind)
        order = rng.permutation(len(p) + 2)
        wide = np.full((len(p) + 2, len(p) + 2), 1e6)
        wide[: len(p), : len(p)] = C1
        found = gromov_wasserstein_lower_bound(
            wide[np.ix_(order, order)], C2, np.append(p, [0, 0])[order], q, kind=kind
        )
        assert found == pytest.approx(value, abs=RTOL * largest_loss(C1, C2))
