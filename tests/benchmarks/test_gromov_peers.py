"""What the peers' couplings are measured with must be right, or their values mean nothing."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest

from benchmarks.gromov_peers import (
    CLOUD_PEERS,
    GRAPH_PEERS,
    SQUARED_CLOUD_PEERS,
    Problem,
    make_feasible,
    objective,
    plain_sorted,
    pot_values,
    read_mutag,
)
from benchmarks.gromov_study import study_table
from statlearn.datasets import make_graph_families
from statlearn.gromov import (
    SquaredEuclideanCost,
    graph_cost,
    gromov_wasserstein_bounds,
    sorted_gromov_wasserstein,
    validate_against_pot,
)

ROUNDING = 1e-14  # of sums of a few masses, which add up to one
SOLVERS = {  # every solver once
    **{(name, "clouds"): peer for name, peer in CLOUD_PEERS.items()},
    ("POT quantized", "graphs"): GRAPH_PEERS["POT quantized"],
    ("POT low rank", "squared clouds"): SQUARED_CLOUD_PEERS["POT low rank"],
}


def squared_distances(X):
    return ((X[:, None] - X) ** 2).sum(axis=-1)


def graph_problem(rng):
    """A small world and a tree."""
    graphs = make_graph_families(60, 1, random_state=int(rng.integers(2**31)))[0]
    first, second = graphs[3], graphs[6]
    return Problem(graph_cost(first), graph_cost(second), first.toarray(), second.toarray())


def cloud_problem(rng, power=1.0):
    """A round cloud and a flat one."""
    X, Y = rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) * [3.0, 1.0, 0.1]
    return Problem(squared_distances(X) ** (power / 2.0), squared_distances(Y) ** (power / 2.0), X, Y)


PROBLEMS = {
    "graphs": graph_problem,
    "clouds": cloud_problem,
    "squared clouds": partial(cloud_problem, power=2.0),
}


def test_objective_is_the_sum_over_pairs_of_pairs(rng):
    C1, C2 = squared_distances(rng.normal(size=(4, 2))), squared_distances(rng.normal(size=(5, 2)))
    plan = rng.dirichlet(np.ones(20)).reshape(4, 5)
    differences = (C1[:, None, :, None] - C2[None, :, None, :]) ** 2
    assert objective(C1, C2, plan) == pytest.approx(np.einsum("ikjl,ik,jl->", differences, plan, plan))


def test_feasible_plans_have_the_marginals_and_stay_where_they_had_them(rng):
    p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(4))
    exact = np.outer(p, q)
    np.testing.assert_allclose(make_feasible(exact, p, q), exact, rtol=0.0, atol=ROUNDING)
    coupling = make_feasible(exact + 0.05 * rng.normal(size=(6, 4)), p, q)
    assert coupling.min() >= 0.0
    np.testing.assert_allclose(coupling.sum(axis=1), p, rtol=0.0, atol=ROUNDING)
    np.testing.assert_allclose(coupling.sum(axis=0), q, rtol=0.0, atol=ROUNDING)


def test_nearly_feasible_plans_move_little(rng):
    p = np.full(8, 1 / 8)
    coupling = np.eye(8)[rng.permutation(8)] / 8
    nearly = coupling + 1e-9 * rng.random((8, 8))
    assert np.abs(make_feasible(nearly, p, p) - coupling).sum() < 1e-6


def test_plain_sorted_bound_is_that_of_the_library(rng):
    X, Y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    ours = sorted_gromov_wasserstein(SquaredEuclideanCost(X), SquaredEuclideanCost(Y))
    assert plain_sorted(X, Y) == pytest.approx(ours, rel=1e-12)


def test_pot_values_bound_those_of_the_library_from_above(rng):
    costs = [squared_distances(rng.normal(size=(n, 2))) for n in (5, 6, 7)]
    values = pot_values(costs)
    np.testing.assert_array_equal(values, values.T)
    assert not values.diagonal().any()
    for i, k in ((0, 1), (0, 2), (1, 2)):
        assert values[i, k] >= gromov_wasserstein_bounds(costs[i], costs[k]).lower


@pytest.mark.parametrize(
    ("name", "setting"), [pytest.param(*key, marks=pytest.mark.slow if SOLVERS[key].slow else ()) for key in SOLVERS]
)
@pytest.mark.filterwarnings("ignore")  # jaxopt is not maintained, and entropic solvers stop early
def test_peers_find_couplings_no_worse_than_independence(name, setting, rng):
    peer = SOLVERS[name, setting]
    pytest.importorskip(peer.module)
    problem = PROBLEMS[setting](rng)
    plan = np.asarray(peer.solve(problem))
    assert plan.shape == (60, 60)
    product = objective(problem.C1, problem.C2, np.full((60, 60), 1 / 3600))
    assert objective(problem.C1, problem.C2, make_feasible(plan, problem.p, problem.p)) < product * (1.0 + 1e-9)


def test_mutag_is_read_as_published():
    pytest.importorskip("grakel")
    graphs, y = read_mutag()
    assert len(graphs) == 188
    assert (np.sum(y == -1), np.sum(y == 1)) == (63, 125)
    assert {len(graph) for graph in graphs} <= set(range(10, 29))
    assert sum(graph.sum() for graph in graphs) == 7442
    assert all((graph == graph.T).all() and set(np.unique(graph)) == {0.0, 1.0} for graph in graphs)


def test_study_has_a_row_per_method_with_means_over_draws():
    lines = study_table({"tiny": (14, "hop", 2)}).splitlines()
    drawn = [
        validate_against_pot(
            list(combinations(make_graph_families(14, random_state=seed)[0], 2)), cost="hop", random_state=seed
        )
        for seed in (0, 1)
    ]
    rows = {cells[1].strip(): cells[2:-1] for cells in (line.split("|") for line in lines if line.startswith("|"))}
    assert set(rows) == {"tiny", "---", *(f"`{method}`" for method in drawn[0].summary)}
    mean = np.mean([result.summary["spectral"]["mean_ratio"] for result in drawn])
    assert float(rows["`spectral`"][1]) == pytest.approx(mean, rel=0.005)
    assert f"{np.mean([result.shares['below'] for result in drawn]):.1%}" in lines[-1]
