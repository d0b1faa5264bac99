"""The oracles of the family; transport between weighted nodes: values, plans, and what they prove."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog

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


def measure(rng, n):
    """Ascending points, and weights."""
    return np.sort(rng.normal(size=n)), random_weights(rng, n)


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
