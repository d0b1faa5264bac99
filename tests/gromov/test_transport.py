"""The oracles of the family; transport on the line and between weighted nodes: values, plans, and what they prove."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog

from statlearn._kernels.transport import block_quantiles, monotone_coupling, pairwise_wasserstein, wasserstein
from statlearn.gromov._assignment import assign, dual_value
from statlearn.gromov._costs import DenseCost
from statlearn.gromov._linear_transport import certified_transport
from statlearn.gromov._network import MeasureNetwork

from . import oracles
from .oracles import coupling_error, largest_loss, random_weights, transport, transport_on_line, uniform

RTOL = 1e-12  # sums of tens of terms in two orders, relative to the largest cost
PROGRAM_TOL = 1e-6  # feasibility of HiGHS is 1e-7

SIZES = [(1, 1), (1, 6), (6, 1), (4, 4), (5, 7), (6, 12), (30, 17)]
every_size = pytest.mark.parametrize(("n", "m"), SIZES)
every_power = pytest.mark.parametrize("power", [1, 2])


def measure(rng, n, ties=False):
    """Ascending points, some of them equal if asked for, and weights."""
    points = rng.integers(-2, 3, size=n).astype(float) if ties else rng.normal(size=n)
    return np.sort(points), random_weights(rng, n)


def by_program(M, p, q):
    """The least ``<T, M>`` by a solver of general linear programs."""
    n, m = M.shape
    marginals = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    # The last equation follows from the others; with it, rounding of the sums may make the program infeasible.
    return linprog(M.ravel(), A_eq=marginals[:-1], b_eq=np.concatenate([p, q])[:-1]).fun


# ------------------------------------------------------------------------------------------------------- the oracles
@every_size
def test_oracles_agree_with_a_linear_program(rng, n, m):
    (x, p), (y, q) = measure(rng, n), measure(rng, m)
    M = np.subtract.outer(x, y) ** 2
    value = by_program(M, p, q)
    assert transport(M, p, q) == pytest.approx(value, abs=PROGRAM_TOL)
    assert transport_on_line(x, p, y, q) == pytest.approx(value, abs=PROGRAM_TOL)
    assert transport_on_line(x, p, y, q) == pytest.approx(transport(M, p, q), rel=RTOL, abs=RTOL)


def test_oracle_of_the_optimum(rng):
    """The optimum over faces is that of the segment for two nodes, and never above permutations or any plan."""
    for _ in range(60):
        p, q = random_weights(rng, 2), random_weights(rng, 2)
        C1, C2 = rng.normal(size=(2, 2, 2))
        expected = oracles.quadratic_optimum_of_pairs(C1, C2, p, q)
        tolerance = 1e-11 * largest_loss(C1, C2)
        assert oracles.exact_optimum(C1, C2, p, q) == pytest.approx(expected, abs=tolerance)
    for loss in oracles.LOSSES:
        C1, C2 = oracles.distances(rng, 3), oracles.symmetric(rng, 3)
        optimum = oracles.exact_optimum(C1, C2, uniform(3), uniform(3), loss)
        tolerance = 1e-12 * largest_loss(C1, C2)
        assert optimum <= oracles.permutation_optimum(C1, C2, loss) + tolerance
        plans = oracles.random_plans(rng, uniform(3), uniform(3), n_plans=200)
        assert optimum <= min(oracles.objective(C1, C2, T, loss) for T in plans) + tolerance


@pytest.mark.parametrize("maker", [oracles.distances, oracles.squared_distances])
def test_oracle_of_the_optimum_is_a_permutation_where_the_objective_is_concave(rng, maker):
    C1, C2 = maker(rng, 3), maker(rng, 3)
    optimum = oracles.exact_optimum(C1, C2, uniform(3), uniform(3))
    expected = oracles.permutation_optimum(C1, C2)
    assert optimum == pytest.approx(expected, abs=1e-12 * largest_loss(C1, C2))


@pytest.mark.parametrize("loss", oracles.LOSSES)
def test_oracle_of_the_objective(rng, loss):
    C1, C2, T = oracles.asymmetric(rng, 3), oracles.asymmetric(rng, 4), rng.random((3, 4))
    assert oracles.objective(C1, C2, T, loss) == pytest.approx(oracles.objective_by_loops(C1, C2, T, loss), rel=1e-13)


def test_oracle_of_rows(rng):
    """The table of distances between rows is the transport of each pair of rows."""
    p, q, X, Y = random_weights(rng, 3), random_weights(rng, 4), rng.normal(size=(3, 3)), rng.normal(size=(4, 4))
    table = oracles.transport_of_lines(X, p, Y, q)
    expected = [[transport(np.subtract.outer(x, y) ** 2, p, q) for y in Y] for x in X]
    np.testing.assert_allclose(table, expected, rtol=1e-12, atol=1e-13)


# ------------------------------------------------------------------------------------------------------- on the line
def test_hand_example():
    """Half of the mass at 0 stays, half moves by 1, and all mass at 3 moves by 2."""
    arguments = (np.array([0.0, 3.0]), np.array([0.5, 0.5]), np.array([0.0, 1.0]), np.array([0.25, 0.75]))
    assert wasserstein(*arguments, 1) == 0.25 * 1 + 0.5 * 2
    assert wasserstein(*arguments, 2) == 0.25 * 1 + 0.5 * 4


@every_power
@every_size
@pytest.mark.parametrize("ties", [False, True])
def test_wasserstein_is_the_distance_of_quantile_functions(rng, n, m, ties, power):
    (x, p), (y, q) = measure(rng, n, ties), measure(rng, m, ties)
    expected = transport_on_line(x, p, y, q, power)
    assert wasserstein(x, p, y, q, power) == pytest.approx(expected, rel=RTOL, abs=RTOL)
    assert wasserstein.py_func(x, p, y, q, power) == pytest.approx(expected, rel=RTOL, abs=RTOL)


@every_power
def test_wasserstein_knows_equal_measures(rng, power):
    """Splitting points in two, or listing equal points in another order, changes nothing."""
    x, p = measure(rng, 9)
    assert wasserstein(x, p, x, p, power) == 0
    halves = np.repeat(x, 2), np.repeat(p / 2, 2)
    assert wasserstein(x, p, *halves, power) == pytest.approx(0, abs=1e-14)


@every_power
def test_pairwise_wasserstein_of_ragged_collections(rng, power):
    first, second = ([measure(rng, n) for n in sizes] for sizes in ([1, 4, 7], [3, 1, 5, 2]))
    table = pairwise_wasserstein(*ragged(first), *ragged(second), power)
    expected = [[transport_on_line(*one, *other, power) for other in second] for one in first]
    np.testing.assert_allclose(table, expected, rtol=RTOL, atol=RTOL)


def ragged(measures):
    """Concatenated points, weights and where each measure starts."""
    starts = np.concatenate([[0], np.cumsum([len(x) for x, _ in measures])])
    return np.concatenate([x for x, _ in measures]), np.concatenate([p for _, p in measures]), starts


@every_size
def test_monotone_coupling(rng, n, m):
    """It has the marginals, few entries, no crossing, and the cost of an optimal plan."""
    (x, p), (y, q) = measure(rng, n), measure(rng, m)
    sources, targets, masses = monotone_coupling(p, q)
    T = np.zeros((n, m))
    np.add.at(T, (sources, targets), masses)
    assert coupling_error(T, p, q) <= 1e-14
    assert len(masses) <= n + m - 1
    assert (np.diff(sources) >= 0).all() and (np.diff(targets) >= 0).all()
    expected = transport_on_line(x, p, y, q)
    assert masses @ (x[sources] - y[targets]) ** 2 == pytest.approx(expected, rel=RTOL, abs=RTOL)


def test_monotone_coupling_of_equal_weights_is_a_matching():
    sources, targets, masses = monotone_coupling(uniform(7), uniform(7))
    np.testing.assert_array_equal(sources, range(7))
    np.testing.assert_array_equal(targets, range(7))
    np.testing.assert_array_equal(masses, uniform(7))


# --------------------------------------------------------------------------------------------------- block quantiles
def quantile_averages(x, p, n_blocks):
    """Averages of the quantile function over equal blocks, from the overlap of every block with every step."""
    ends = np.cumsum(p)
    starts = ends - p
    blocks = np.arange(n_blocks + 1) / n_blocks
    overlap = np.minimum(blocks[1:, None], ends) - np.maximum(blocks[:-1, None], starts)
    return n_blocks * np.maximum(overlap, 0) @ x


@pytest.mark.parametrize("n_blocks", [1, 2, 5, 12, 40])
@pytest.mark.parametrize("n", [1, 3, 12])
def test_block_quantiles(rng, n, n_blocks):
    measures = [measure(rng, n) for _ in range(5)]
    values, weights = (np.array(part) for part in zip(*measures, strict=True))
    table = block_quantiles(values, weights, n_blocks)
    expected = [quantile_averages(x, p, n_blocks) for x, p in measures]
    np.testing.assert_allclose(table, expected, rtol=0, atol=1e-11)
    np.testing.assert_allclose(table.mean(axis=1), np.sum(values * weights, axis=1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_blocks", [1, 3, 8, 60])
def test_block_quantiles_shrink_the_distance(rng, n_blocks):
    for _ in range(50):
        (x, p), (y, q) = measure(rng, rng.integers(1, 9)), measure(rng, rng.integers(1, 9))
        first, second = (
            block_quantiles(values[None], weights[None], n_blocks)[0] for values, weights in [(x, p), (y, q)]
        )
        assert np.mean((first - second) ** 2) <= transport_on_line(x, p, y, q) + RTOL


def test_block_quantiles_are_exact_for_a_common_multiple(rng):
    x, y = np.sort(rng.normal(size=4)), np.sort(rng.normal(size=6))
    first, second = (block_quantiles(v[None], uniform(v.size)[None], 24)[0] for v in (x, y))
    expected = transport_on_line(x, uniform(4), y, uniform(6))
    assert np.mean((first - second) ** 2) == pytest.approx(expected, rel=RTOL)


# ---------------------------------------------------------------------------------------------------- between nodes
COSTS = {
    "random": lambda rng, n: rng.random((n, n)),
    "signed": lambda rng, n: rng.normal(size=(n, n)),
    "ties": lambda rng, n: rng.integers(0, 3, size=(n, n)).astype(float),
    "constant": lambda rng, n: np.full((n, n), 2.5),
    "one column": lambda rng, n: np.ones((n, 1)) * rng.normal(size=n),
    "line": lambda rng, n: np.subtract.outer(rng.normal(size=n), rng.normal(size=n)) ** 2,
}


@pytest.mark.parametrize("n", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("name", COSTS)
def test_assignment(rng, name, n):
    """A permutation with the least sum, and potentials that prove it."""
    cost = COSTS[name](rng, n)
    potentials = cost.min(axis=0)
    permutation = assign(cost, potentials)
    assert sorted(permutation) == list(range(n))
    expected = cost[linear_sum_assignment(cost)].sum()
    tolerance = 1e-13 * n * np.abs(cost).max()
    assert cost[np.arange(n), permutation].sum() == pytest.approx(expected, abs=tolerance)
    assert dual_value(cost, potentials) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("start", ["zeros", "random", "far", "of another cost"])
def test_assignment_from_any_potentials(rng, start):
    """Where the search starts is a matter of speed alone."""
    for _ in range(30):
        n = int(rng.integers(1, 30))
        cost = COSTS[rng.choice(list(COSTS))](rng, n)
        other = rng.random((n, n))
        potentials = {
            "zeros": np.zeros(n),
            "random": rng.normal(size=n),
            "far": 1e3 * rng.normal(size=n),
            "of another cost": other.min(axis=0),
        }[start].copy()
        if start == "of another cost":
            assign(other, potentials)
        permutation = assign(cost, potentials)
        assert sorted(permutation) == list(range(n))
        expected = cost[linear_sum_assignment(cost)].sum()
        assert cost[np.arange(n), permutation].sum() == pytest.approx(expected, abs=1e-10)
        assert dual_value(cost, potentials) == pytest.approx(expected, abs=1e-10)


def test_dual_value_is_a_lower_bound_for_any_potentials(rng):
    for _ in range(100):
        n = int(rng.integers(1, 12))
        cost = rng.normal(size=(n, n))
        least = cost[linear_sum_assignment(cost)].sum()
        assert dual_value(cost, rng.normal(size=n)) <= least + 1e-12


def network(p):
    """A network of which the weights alone matter."""
    return MeasureNetwork(DenseCost(np.zeros((len(p), len(p)))), p)


@every_size
@pytest.mark.parametrize("scale", [1e-24, 1e-12, 1.0, 1e12])
def test_certified_transport_at_any_scale(rng, n, m, scale):
    """POT alone, whose tolerances are absolute, is wrong for costs below 1e-13."""
    for p, q in [(uniform(n), uniform(m)), (random_weights(rng, n), random_weights(rng, m))]:
        cost = rng.random((n, m))
        value, coupling = certified_transport(scale * cost, network(p), network(q))
        T = coupling.dense()
        expected = transport(cost, p, q)
        assert value / scale == pytest.approx(expected, rel=RTOL)
        assert coupling_error(T, p, q) <= 1e-14
        assert np.sum(T * cost) == pytest.approx(expected, rel=RTOL)
        assert coupling.inner(cost) == pytest.approx(expected, rel=RTOL)


def test_coupling_times_a_matrix(rng):
    """Also where every node goes to one node, with weights that are not equal."""
    for n, m in [(4, 4), (5, 3), (1, 6)]:
        p, q = random_weights(rng, n), random_weights(rng, m)
        cases = [(uniform(n), uniform(m)), (p, q)] + ([(p, p[rng.permutation(n)])] if n == m else [])
        for p, q in cases:
            coupling = certified_transport(rng.random((n, m)), network(p), network(q))[1]
            matrix = rng.normal(size=(m, 5))
            np.testing.assert_allclose(coupling.times(matrix), coupling.dense() @ matrix, rtol=0, atol=1e-14)
    p = np.array([0.1, 0.2, 0.7])
    coupling = certified_transport(np.subtract.outer(p, p) ** 2, network(p), network(p))[1]
    np.testing.assert_array_equal(coupling.dense(), np.diag(p))
    np.testing.assert_allclose(coupling.times(np.eye(3)), np.diag(p), rtol=0, atol=1e-15)
