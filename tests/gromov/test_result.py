"""The result and its certificate: fields, conventions, what is claimed and when it fails; options; determinism."""

import copy
import json
import pickle

import networkx as nx
import numpy as np
import pytest

from statlearn.exceptions import ScaleWarning
from statlearn.gromov import (
    DenseCost,
    GramCost,
    GromovWassersteinResult,
    LineCost,
    SquaredEuclideanCost,
    _search,
    gromov_wasserstein_bounds,
    gromov_wasserstein_lower_bound,
)
from statlearn.gromov._bounds import LOWER_BOUNDS
from statlearn.gromov._certificates import interval_certificate
from statlearn.gromov._interval import DEFAULT_BOUNDS, bound_networks
from statlearn.gromov._network import as_network
from statlearn.gromov._objective import Objective

from . import oracles
from .oracles import graph_matrix, largest_loss, objective, random_vertex, random_weights, relabelled, uniform

pytestmark = pytest.mark.filterwarnings(f"ignore::{ScaleWarning.__module__}.{ScaleWarning.__name__}")

CHECKS = {
    "lower bound": "proof",
    "plan marginals": "numerical",
    "objective": "numerical",
    "stationarity": "numerical",
    "relative gap": "reported",
}


@pytest.fixture
def pair(rng):
    """Two clouds of points by their distances."""
    return oracles.distances(rng, 9), oracles.distances(rng, 9)


# ------------------------------------------------------------------------------------------------------------- fields
def test_fields(pair):
    result = gromov_wasserstein_bounds(*pair)
    assert isinstance(result, GromovWassersteinResult)
    assert {type(end) for end in (result.lower, result.upper, result.gap, result.rel_gap)} == {float}
    assert type(result.converged) is bool and type(result.n_iter) is int
    assert tuple(result.bounds) == DEFAULT_BOUNDS
    assert {type(value) for value in result.bounds.values()} == {float}
    assert result.lower == result.bounds[result.lower_name] == max(result.bounds.values())
    assert result.rel_gap == result.gap / result.upper
    assert result.n_iter >= 6  # each of six starts solves a linear problem
    for name, value in result.bounds.items():
        assert value == pytest.approx(gromov_wasserstein_lower_bound(*pair, kind=name), rel=1e-13)


def test_result_is_a_value(pair):
    """It cannot be changed, and survives pickling and copying; the plan does not show in its text."""
    result = gromov_wasserstein_bounds(*pair)
    with pytest.raises(AttributeError):
        result.upper = 0.0
    for twin in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert (twin.lower, twin.upper, twin.certificate) == (result.lower, result.upper, result.certificate)
        np.testing.assert_array_equal(twin.plan, result.plan)
    assert "plan" not in repr(result) and "array" not in repr(result)


def test_conventions():
    """The root of GW2 is Sturm's and POT's root; Memoli's metric is half of it."""
    result = gromov_wasserstein_bounds(graph_matrix(nx.complete_graph(3)), graph_matrix(nx.complete_graph(5)))
    ends = np.array([2 / 15, 0.2044444444444444])
    np.testing.assert_allclose(result.interval(), ends, rtol=1e-12)
    np.testing.assert_allclose(result.interval(power=1), np.sqrt(ends), rtol=1e-12)
    np.testing.assert_allclose(result.interval(power=1, half=True), np.sqrt(ends) / 2, rtol=1e-12)
    np.testing.assert_allclose(result.interval(half=True), ends / 4, rtol=1e-12)


@pytest.mark.parametrize("power", [0, 3, 1.5, "2", None])
def test_conventions_that_do_not_exist(pair, power):
    with pytest.raises(ValueError, match="power must be 1 or 2"):
        gromov_wasserstein_bounds(*pair).interval(power=power)


def test_half_of_the_metric_of_two_one_point_spaces_and_two_points():
    """Memoli's distance between a point and two points at distance 1 is ``sqrt(1/2) / 2``."""
    result = gromov_wasserstein_bounds([[0.0]], [[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(result.interval(power=1, half=True), np.sqrt(0.5) / 2, rtol=1e-14)


# --------------------------------------------------------------------------------------------------------- certificate
def test_certificate(pair):
    result = gromov_wasserstein_bounds(*pair)
    certificate = result.certificate
    assert {check.name: check.kind for check in certificate.checks} == CHECKS
    assert certificate.holds is True
    assert f"between {result.lower:.6g} and {result.upper:.6g}" in certificate.claim
    assert "optimal" not in certificate.claim and "minimum" not in certificate.claim
    assert any("local optimum" in text for text in certificate.assumptions)
    assert certificate["lower bound"].statistic == result.lower
    assert certificate["lower bound"].bound == result.upper
    assert certificate["relative gap"].statistic == result.rel_gap
    assert json.loads(json.dumps(certificate.to_dict())) == certificate.to_dict()


def test_certificate_of_a_closed_interval():
    """Nothing is left to assume: the value is known."""
    result = gromov_wasserstein_bounds(graph_matrix(nx.cycle_graph(6)), graph_matrix(nx.cycle_graph(6)))
    assert (result.lower, result.upper, result.rel_gap) == (0, 0, 0)
    assert result.certificate.holds is True
    assert result.certificate.assumptions == ()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_stationarity_is_the_gap_of_the_plan(rng, pair):
    """What is reported is ``<grad f(T), T - S>`` at the plan, recomputed here with a linear program."""
    C1, C2 = pair[0], oracles.symmetric(rng, 9)
    result = gromov_wasserstein_bounds(C1, C2)
    gradient = -4 * C1 @ result.plan @ C2
    gap = np.sum(gradient * result.plan) - oracles.transport(gradient, uniform(9), uniform(9))
    shift = (np.mean(C1) + np.mean(C2)) / 2  # which the objective does not see
    scale = np.mean((C1 - shift) ** 2) + np.mean((C2 - shift) ** 2)
    assert gap >= -1e-12 * scale
    assert result.certificate["stationarity"].statistic * scale == pytest.approx(gap, abs=1e-9 * scale)


@pytest.fixture
def found(pair):
    """What a certificate is made of, for a search that went well: to be falsified."""
    networks = [as_network(C, None, "C", "p")[0] for C in pair]
    result = bound_networks(*networks)

    class Found:
        class descent:  # noqa: N801
            value = result.upper
            gap = 0.0

        start_name = "tlb"

    def certificate(lower=result.lower, upper=result.upper, plan=result.plan, gap=0.0, value=result.upper):
        Found.descent.gap, Found.descent.value = gap, value
        return interval_certificate(lower, upper, "tlb", plan, Found, Objective(*networks))

    certificate.result = result
    return certificate


def test_a_sound_search_is_certified(found):
    assert found().holds is True


FALSIFIED = {
    "lower bound": lambda result: {"lower": 1.001 * result.upper},
    "plan marginals": lambda result: {"plan": result.plan * (1 + 1e-9)},
    "objective": lambda result: {"value": result.upper * (1 - 1e-6)},
    "stationarity": lambda result: {"gap": 1.0},
}


@pytest.mark.parametrize("name", FALSIFIED)
def test_a_violation_is_found(found, name):
    """Each check alone makes the certificate fail."""
    certificate = found(**FALSIFIED[name](found.result))
    assert certificate.holds is False
    assert [check.name for check in certificate.checks if check.holds is False] == [name]


def test_negative_mass_is_found(found):
    plan = found.result.plan.copy()
    plan[np.ix_([0, 1], [0, 1])] += np.array([[1, -1], [-1, 1]]) * (plan[:2, :2].max() + 1e-6)
    assert found(plan=plan)["plan marginals"].holds is False


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_that_was_cut_short_is_not_certified(rng):
    """The interval still holds, but the plan is no stationary point, which the claim says."""
    for _ in range(3):
        C1, C2 = oracles.symmetric(rng, 15), oracles.symmetric(rng, 11)
        result = gromov_wasserstein_bounds(C1, C2, init="product", max_iter=1)
        assert not result.converged
        assert result.certificate["stationarity"].holds is False
        assert result.certificate["lower bound"].holds is True
        assert not result.certificate


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_converged_results_are_certified(rng):
    """At default settings whoever is told "converged" gets a certificate that holds, on pairs of any kind."""
    results = [gromov_wasserstein_bounds(*oracles.random_pair(rng, largest=10)) for _ in range(100)]
    assert np.mean([result.converged for result in results]) >= 0.9
    assert [result for result in results if result.converged and not result.certificate] == []


# ------------------------------------------------------------------------------------------------------------- options
@pytest.mark.parametrize("name", LOWER_BOUNDS)
def test_one_lower_bound(pair, name):
    result = gromov_wasserstein_bounds(*pair, lower=(name,))
    assert tuple(result.bounds) == (name,)
    assert result.lower_name == name
    assert result.lower == pytest.approx(gromov_wasserstein_lower_bound(*pair, kind=name), rel=1e-13)
    assert result.upper == gromov_wasserstein_bounds(*pair).upper


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_structured_starts_are_worth_it(rng):
    """The product is one of them; on pairs without permutations, where nothing else helps, they are better."""
    hexagon, ratios = graph_matrix(nx.cycle_graph(6)), []
    assert gromov_wasserstein_bounds(hexagon, hexagon, init="product").start_name == "product"
    assert gromov_wasserstein_bounds(hexagon, hexagon).upper == 0
    for _ in range(12):
        pair = oracles.distances(rng, 12), oracles.distances(rng, 9)
        uppers = [gromov_wasserstein_bounds(*pair, init=init).upper for init in ("structured", "product")]
        ratios.append(uppers[0] / uppers[1])
    assert max(ratios) <= 1.02
    assert np.mean(ratios) <= 0.99


def test_more_random_starts_are_never_worse(rng):
    """The first streams do not depend on the number of streams, and the best of more is no worse than that of fewer."""
    for _ in range(4):
        C1, C2 = oracles.distances(rng, 8), oracles.distances(rng, 8)
        uppers = [gromov_wasserstein_bounds(C1, C2, n_random=n, random_state=0).upper for n in (0, 5, 30)]
        assert uppers[1] <= uppers[0] * (1 + 1e-9)
        assert uppers[2] <= uppers[1] * (1 + 1e-9)


def test_a_result_of_a_random_start_says_so(rng):
    names = set()
    for _ in range(10):
        C1, C2 = oracles.distances(rng, 9), oracles.distances(rng, 7)
        names.add(gromov_wasserstein_bounds(C1, C2, init="product", n_random=20, random_state=1).start_name)
    assert names <= {"product", *(f"random {number}" for number in range(20))}
    assert any(name.startswith("random") for name in names)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_max_iter_bounds_the_work(rng):
    """From one start, for sizes that have no permutations: the descent is monotone."""
    C1, C2, uppers = oracles.symmetric(rng, 12), oracles.symmetric(rng, 9), []
    for max_iter in (1, 2, 5, 100):
        result = gromov_wasserstein_bounds(C1, C2, init="product", max_iter=max_iter)
        assert result.n_iter <= max_iter
        uppers.append(result.upper)
    assert uppers == sorted(uppers, reverse=True)
    assert uppers[-1] < uppers[0] < objective(C1, C2, np.outer(uniform(12), uniform(9)))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_coarse_tolerance_stops_earlier(rng):
    C1, C2 = oracles.distances(rng, 14), oracles.symmetric(rng, 10)
    coarse, fine = (gromov_wasserstein_bounds(C1, C2, tol=tol, max_iter=2000) for tol in (1e-2, 1e-9))
    assert coarse.n_iter < fine.n_iter
    assert fine.upper <= coarse.upper * (1 + 1e-9)


# --------------------------------------------------------------------------------------------------------- determinism
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_jobs", [2, -1])
@pytest.mark.parametrize("kind", ["uniform", "weighted"])
def test_the_result_does_not_depend_on_the_number_of_threads(rng, monkeypatch, kind, n_jobs):
    C1, C2 = oracles.distances(rng, 12), oracles.symmetric(rng, 12)
    weights = [None, None] if kind == "uniform" else [random_weights(rng, 12), random_weights(rng, 12)]
    options = {"n_random": 6, "random_state": 3}
    monkeypatch.setattr(_search, "SMALL", 0)  # large enough for threads
    alone = gromov_wasserstein_bounds(C1, C2, *weights, n_jobs=1, **options)
    together = gromov_wasserstein_bounds(C1, C2, *weights, n_jobs=n_jobs, **options)
    np.testing.assert_array_equal(together.plan, alone.plan)
    assert together.bounds == alone.bounds
    fields = ("lower", "upper", "lower_name", "start_name", "n_iter", "converged", "certificate")
    assert [getattr(together, name) for name in fields] == [getattr(alone, name) for name in fields]


def test_random_state(rng):
    """Integers repeat; a generator is advanced, so that a second call draws other starts."""
    pairs = [(oracles.distances(rng, 12), oracles.distances(rng, 9)) for _ in range(5)]

    def uppers(random_state):
        options = {"init": "product", "n_random": 1, "random_state": random_state}
        return [gromov_wasserstein_bounds(*pair, **options).upper for pair in pairs]

    assert uppers(7) == uppers(7)
    assert uppers(np.random.RandomState(7)) == uppers(np.random.RandomState(7))
    assert uppers(7) != uppers(8)
    generator = np.random.default_rng(0)
    assert uppers(generator) != uppers(generator)


def test_without_random_starts_nothing_is_drawn(pair):
    generator = np.random.default_rng(0)
    gromov_wasserstein_bounds(*pair, random_state=generator)
    assert generator.bit_generator.seed_seq.n_children_spawned == 0
    assert generator.random() == np.random.default_rng(0).random()


# ----------------------------------------------------------------------------------------------------------- factorized
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weighted", [False, True])
def test_factorized_costs_have_the_interval_of_their_matrix(rng, weighted):
    X, x, Z = rng.normal(size=(10, 3)), rng.normal(size=8), rng.normal(size=(4, 8))
    p, q = (random_weights(rng, n) if weighted else uniform(n) for n in (10, 8))
    for cost1, cost2 in [
        (SquaredEuclideanCost(X), LineCost(x)),
        (SquaredEuclideanCost(X), GramCost(Z)),
        (DenseCost(oracles.symmetric(rng, 10)), LineCost(x)),
    ]:
        C1, C2 = cost1.entries(), cost2.entries()
        expected = gromov_wasserstein_bounds(C1, C2, p, q)
        result = gromov_wasserstein_bounds(cost1, cost2, p, q)
        assert result.lower == pytest.approx(expected.lower, rel=1e-11)
        assert result.upper == pytest.approx(objective(C1, C2, result.plan), rel=1e-11)
        assert oracles.coupling_error(result.plan, p, q) <= 1e-12


def test_any_plan_is_valued_by_the_objective_of_the_search(rng):
    """The value of the search is that of the tensor of losses, for couplings of few and of many entries."""
    for C1, C2, p, q in (oracles.random_pair(rng, largest=7) for _ in range(40)):
        networks = [as_network(C, weights, "C", "p")[0] for C, weights in [(C1, p), (C2, q)]]
        value = Objective(*networks).value
        tolerance = 1e-12 * largest_loss(C1, C2)
        for T in [*oracles.random_plans(rng, p, q), random_vertex(rng, p, q)]:
            assert value(T) == pytest.approx(objective(C1, C2, T), abs=tolerance)


def test_a_relabelled_copy_is_matched(rng):
    """The plan is the relabelling, not only a value of zero."""
    C, order = oracles.distances(rng, 15), rng.permutation(15)
    result = gromov_wasserstein_bounds(C, C[np.ix_(order, order)])
    np.testing.assert_array_equal(result.plan.argmax(axis=0), order)
    C2, q = relabelled(rng, C, uniform(15))
    assert gromov_wasserstein_bounds(C, C2, None, q).upper == 0
