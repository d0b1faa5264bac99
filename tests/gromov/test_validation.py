"""The comparison with POT: what its columns are, its conventions, and the study of the specification (slow)."""

import itertools
import sys

import numpy as np
import ot
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from statlearn.datasets import make_graph_families
from statlearn.gromov import (
    graph_cost,
    gromov_wasserstein_bounds,
    gromov_wasserstein_lower_bound,
    validate_against_pot,
)
from statlearn.gromov._bounds import LOWER_BOUNDS
from statlearn.gromov._validation import SUMMARY, _certify, _ratio, _shares
from statlearn.gromov._validation_methods import METHODS, UPPER_METHODS

RTOL = 1e-9  # the same formula, evaluated twice
COLUMNS = ("max_lower", *METHODS)


def random_costs(rng, n, symmetric=True):
    """Distances between points; from any other random matrices POT zigzags for seconds."""
    C = squareform(pdist(rng.normal(size=(n, 3))))
    return C if symmetric else C + 0.3 * rng.random((n, n))


@pytest.fixture
def pairs(rng):
    """Equal and unequal sizes, with and without weights, and a pair that is not symmetric."""
    sizes = [(7, 7), (6, 9), (8, 5)]
    pairs = [tuple(random_costs(rng, n) for n in pair) for pair in sizes]
    weighted = tuple((random_costs(rng, n), rng.dirichlet(np.ones(n))) for n in (5, 6))
    return [*pairs, weighted, (random_costs(rng, 6, symmetric=False), random_costs(rng, 6, symmetric=False))]


def split(graph):
    return graph if isinstance(graph, tuple) else (graph, None)


def uniform(n):
    return np.full(n, 1.0 / n)


@pytest.fixture
def result(pairs):
    return validate_against_pot(pairs, cost="precomputed", n_init=3, random_state=0)


# What the columns are


@pytest.mark.parametrize("name", ["max_lower", *LOWER_BOUNDS])
def test_lower_bounds_are_those_of_the_family(pairs, result, name):
    kind = name.replace("max_lower", "max")
    for (first, second), value in zip(pairs, result.table[name], strict=True):
        (C1, p), (C2, q) = split(first), split(second)
        assert value == pytest.approx(gromov_wasserstein_lower_bound(C1, C2, p, q, kind=kind), rel=RTOL)


def test_mean_sorted_is_transport_of_row_means(pairs, result):
    for (first, second), value in zip(pairs, result.table["mean_sorted"], strict=True):
        (C1, p), (C2, q) = split(first), split(second)
        p, q = uniform(len(C1)) if p is None else p, uniform(len(C2)) if q is None else q
        assert value == pytest.approx(stats.wasserstein_distance(C1 @ p, C2 @ q, p, q), rel=1e-7)


def test_upper_is_that_of_the_family(pairs, result):
    for (first, second), value in zip(pairs, result.table["upper"], strict=True):
        (C1, p), (C2, q) = split(first), split(second)
        assert value == pytest.approx(gromov_wasserstein_bounds(C1, C2, p, q).upper, rel=RTOL)


def test_pot_is_called_with_its_defaults(pairs, result):
    for (first, second), value in zip(pairs, result.table["pot"], strict=True):
        (C1, p), (C2, q) = split(first), split(second)
        assert value == pytest.approx(ot.gromov.gromov_wasserstein2(C1, C2, p, q), rel=1e-6)


def test_the_sort_plan_matches_nodes_in_the_order_of_their_row_means(rng):
    """Its objective from the definition, and POT's descent from it."""
    C1, C2 = random_costs(rng, 8), random_costs(rng, 8)
    table = validate_against_pot([(C1, C2)], cost="precomputed", n_init=1).table
    order1, order2 = np.argsort(C1.mean(axis=1)), np.argsort(C2.mean(axis=1))
    assert table["sort_plan"] == pytest.approx(np.mean((C1[np.ix_(order1, order1)] - C2[np.ix_(order2, order2)]) ** 2))
    plan = np.zeros((8, 8))
    plan[order1, order2] = 1 / 8
    assert table["pot_sort"] == pytest.approx(ot.gromov.gromov_wasserstein2(C1, C2, G0=plan), rel=1e-9)
    assert table["pot_sort"] <= table["sort_plan"] * (1 + RTOL)


def test_more_starts_only_help(pairs, result):
    one = validate_against_pot(pairs, cost="precomputed", n_init=1).table
    many = validate_against_pot(pairs, cost="precomputed", n_init=20, random_state=1).table
    assert_array_equal(one["pot_best"], one["pot"])
    assert (result.table["pot_best"] <= one["pot"] * (1 + RTOL)).all()
    assert (many["pot_best"] < one["pot"] * (1 - 1e-3)).any()


def test_best_known_is_the_least_objective(result):
    table = result.table
    assert_array_equal(table["best_known"], np.min([table[name] for name in UPPER_METHODS], axis=0))
    for name in COLUMNS:
        target = np.sqrt(table["best_known"]) if name == "mean_sorted" else table["best_known"]
        assert_allclose(table[f"{name}_ratio"], table[name] / target, rtol=RTOL)


def test_sizes_are_those_of_nodes_with_weight(rng):
    C, p = random_costs(rng, 5), np.array([0.5, 0.0, 0.2, 0.3, 0.0])
    result = validate_against_pot([((C, p), C)], cost="precomputed", n_init=1)
    assert_array_equal([result.table["n_nodes_1"], result.table["n_nodes_2"]], [[3], [5]])


def test_summary_is_of_the_columns(result):
    assert set(result.summary) == set(COLUMNS)
    for name, figures in result.summary.items():
        values, ratio, best = result.table[name], result.table[f"{name}_ratio"], result.table["best_known"]
        assert tuple(figures) == SUMMARY
        assert figures["mean_ratio"] == pytest.approx(ratio.mean())
        assert figures["median_ratio"] == pytest.approx(np.median(ratio))
        assert figures["spearman"] == pytest.approx(stats.spearmanr(values, best).statistic)
        assert figures["kendall"] == pytest.approx(stats.kendalltau(values, best).statistic)
        target = np.sqrt(best) if name == "mean_sorted" else best
        assert figures["pearson"] == pytest.approx(stats.pearsonr(values, target).statistic)
        assert figures["seconds"] == pytest.approx(result.table[f"{name}_seconds"].sum())


def test_seconds_count_the_work_of_each_method_alone():
    """Sorting 80 rows costs more than their means, and solving more than bounding, whoever came first."""
    graphs, _ = make_networkx_families(80, 1)
    seconds = validate_against_pot(list(itertools.combinations(graphs[:4], 2)), n_init=2).summary
    seconds = {name: figures["seconds"] for name, figures in seconds.items()}
    assert all(spent > 0.0 for spent in seconds.values())
    assert seconds["sorted"] < seconds["tlb"] < seconds["upper"]
    assert seconds["pot"] < seconds["pot_best"]


def make_networkx_families(n_nodes, seed):
    pytest.importorskip("networkx")
    return make_graph_families(n_nodes, random_state=seed)


# Conventions


def test_ratios_to_zero():
    assert_array_equal(_ratio(np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 4.0, 2.0])), [1.0, np.inf, 0.25, 0.0])


def test_shares_allow_for_the_tolerance_of_solvers():
    shares = _shares(np.array([1.0, 1.0, 2.0, 0.0, 3.0]), np.array([1.0 + 1e-8, 2.0, 1.0, 0.0, 4.0]))
    assert shares == {"below": 0.4, "equal": 0.4, "above": 0.2}


def test_certificate_fails_where_a_lower_bound_is_too_high():
    values = {"mean_sorted": np.array([0.9, 1.0]), "max_lower": np.array([0.5, 3.9]), "upper": np.array([1.0, 4.0])}
    best, shares = np.array([1.0, 4.0]), {"above": 0.25}
    assert _certify(values, best, shares).holds
    for name, value in (("mean_sorted", [1.01, 1.0]), ("max_lower", [0.5, 4.1])):
        wrong = _certify(values | {name: np.array(value)}, best, shares)
        assert wrong.holds is False
        assert wrong["largest lower bound"].statistic > 1.005
        assert wrong["pairs where POT is better"].statistic == 0.25


def test_equal_graphs_have_all_ratios_one_except_those_of_bad_starts():
    cycle = np.roll(np.eye(6), 1, axis=0) + np.roll(np.eye(6), -1, axis=0)
    result = validate_against_pot([(cycle, cycle)], cost="adjacency", n_init=1)
    table = result.table
    assert table["best_known"] == 0.0
    for name in ("mean_sorted", "max_lower", *LOWER_BOUNDS, "upper"):
        assert table[name] == 0.0 and table[f"{name}_ratio"] == 1.0
    assert table["pot"] == pytest.approx(1 / 6) and table["pot_ratio"] == np.inf
    assert result.shares == {"below": 1.0, "equal": 0.0, "above": 0.0}


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_relabelled_graphs_have_all_ratios_one_in_any_unit(rng, unit):
    C, order = unit * random_costs(rng, 7), rng.permutation(7)
    result = validate_against_pot([(C, C[np.ix_(order, order)])], cost="precomputed", n_init=1)
    for name in ("mean_sorted", "max_lower", *LOWER_BOUNDS, "upper"):
        assert result.table[name] == 0.0 and result.table[f"{name}_ratio"] == 1.0
    assert result.certificate


def test_agreement_needs_variation(rng):
    C1, C2 = random_costs(rng, 5), random_costs(rng, 5)
    for pairs in ([(C1, C2)], [(C1, C2), (C1, C2)]):
        figures = validate_against_pot(pairs, cost="precomputed", n_init=1).summary["upper"]
        assert np.isnan([figures["pearson"], figures["spearman"], figures["kendall"]]).all()


def test_costs_are_those_of_collections():
    graphs, _ = make_networkx_families(10, 2)
    pairs = [(graphs[0], graphs[2])]
    hop = validate_against_pot(pairs, n_init=1).table
    matrices = validate_against_pot(
        [tuple(graph_cost(graph, "hop") for graph in pair) for pair in pairs], cost="precomputed", n_init=1
    ).table
    halves = validate_against_pot(pairs, cost=lambda graph: graph_cost(graph, "hop") / 2.0, n_init=1).table
    assert_array_equal(hop["upper"], matrices["upper"])
    assert_allclose(halves["upper"], hop["upper"] / 4.0)
    clouds = validate_against_pot([(np.eye(3), np.zeros((2, 1)))], cost="euclidean", n_init=1).table
    assert clouds["best_known"] == pytest.approx(4 / 3)  # three points at distance sqrt 2, and a single place


def test_random_state_and_workers(pairs):
    def values(n_jobs, random_state):
        table = validate_against_pot(
            pairs, cost="precomputed", n_init=4, n_jobs=n_jobs, random_state=random_state
        ).table
        return np.array([table[name] for name in COLUMNS])

    assert_array_equal(values(None, 3), values(2, 3))
    assert (values(None, 3) != values(None, 4)).any()
    assert_array_equal(values(None, np.random.default_rng(3)), values(None, np.random.default_rng(3)))


# Doors


def test_frame_and_print(result):
    pd = pytest.importorskip("pandas")
    frame = result.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (5, 3 + 3 * len(COLUMNS))
    lines = str(result).splitlines()
    assert lines[0].split() == ["method", *SUMMARY]
    assert [line.split()[0] for line in lines[2:]] == list(result.summary)


def test_pandas_absent_names_the_extra(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"PotValidation.to_frame needs pandas.*pip install 'statlearn\[dataframe\]'"):
        result.to_frame()


@pytest.mark.parametrize(
    ("graph_pairs", "arguments", "message"),
    [
        ([], {}, "graph_pairs must have at least one pair of graphs. Got none"),
        ([(np.eye(2),)], {}, r"graph_pairs\[0\] must be a pair of graphs. Got 1 entries"),
        ([(np.eye(2), np.eye(2)), 3], {}, r"graph_pairs\[1\] must be a pair of graphs. Got int"),
        ([(np.eye(2), np.full((2, 2), np.nan))], {"cost": "precomputed"}, r"graph_pairs\[0\]\[1\]: "),
        ([(np.ones((2, 3)), np.eye(2))], {"cost": "precomputed"}, r"graph_pairs\[0\]\[0\]: .*square"),
        ([(np.eye(2), np.eye(2))], {"cost": "walk"}, "The 'cost' parameter of validate_against_pot must be"),
        ([(np.eye(2), np.eye(2))], {"n_init": 0}, "The 'n_init' parameter of validate_against_pot must be"),
        ([(np.eye(2), np.eye(2))], {"n_jobs": 1.5}, "The 'n_jobs' parameter"),
        (np.eye(2), {}, "The 'graph_pairs' parameter of validate_against_pot must be"),
    ],
)
def test_messages(graph_pairs, arguments, message):
    with pytest.raises(ValueError, match=message):
        validate_against_pot(graph_pairs, **arguments)


# The study of the specification


def hop_to_diameter(graph):
    C = graph_cost(graph, "hop")
    return C / C.max()


EXPECTED = {  # (nodes, cost): method: mean ratio to the best of 9 starts of POT, rank correlation with it
    (20, "hop"): {"sorted": (0.37, 0.92), "tlb": (0.55, 0.97), "spectral": (0.49, 0.94)},
    (50, hop_to_diameter): {
        "mean_sorted": (0.41, 0.82),
        "sorted": (0.25, 0.83),
        "flb": (0.20, 0.85),
        "slb": (0.42, 0.92),
        "tlb": (0.45, 0.92),
        "spectral": (0.43, 0.84),
        "max_lower": (0.50, None),
        "pot_sort": (1.08, 0.96),
        "pot": (1.07, 0.97),
    },
    (50, "adjacency"): {
        "mean_sorted": (0.27, 0.68),
        "sorted": (0.13, 0.64),
        "slb": (0.63, 0.70),
        "tlb": (0.68, 0.68),
        "spectral": (0.27, 0.71),
        "max_lower": (0.68, None),
        "sort_plan": (1.71, 0.91),
        "pot_sort": (1.03, 0.99),
        "pot": (1.10, 0.95),
    },
}


def study(n_nodes, cost, seed):
    """All 120 pairs of two graphs of each family."""
    graphs, _ = make_networkx_families(n_nodes, seed)
    return validate_against_pot(list(itertools.combinations(graphs, 2)), cost=cost, random_state=seed)


def agreement(result, name):
    """Mean ratio to the best of POT's starts, and rank correlation with it."""
    best = result.table["pot_best"]
    best = np.sqrt(best) if name == "mean_sorted" else best
    return np.mean(result.table[name] / best), stats.spearmanr(result.table[name], best).statistic


def assert_study(results, expected, spread):
    """Within .05 of the expected means, beyond four standard errors: the seeds of those are others."""
    for name, (ratio, correlation) in expected.items():
        found = np.mean([agreement(result, name) for result in results], axis=0)
        error = 4.0 * np.array(spread) / np.sqrt(len(results))
        assert found[0] == pytest.approx(ratio, abs=0.05 + error[0]), name
        if correlation is not None:
            assert found[1] == pytest.approx(correlation, abs=0.05 + error[1]), name
    for result in results:
        assert result.certificate
        assert result.shares["above"] < 0.2


@pytest.mark.slow
class TestStudy:
    """Eight families, two graphs each. The raw sort plan of hop distances is not as bad as expected (1.68): 1.56.

    Spread: standard deviations of mean ratio and rank correlation over ten seeds, the largest of all methods.
    """

    def test_hop_20(self, seed):
        results = [study(20, "hop", 100 * seed + s) for s in range(6)]
        assert_study(results, EXPECTED[20, "hop"], spread=(0.03, 0.03))
        assert all(result.summary["upper"]["mean_ratio"] < 1.01 for result in results)
        assert all(result.summary["pot_best"]["mean_ratio"] > 1.1 for result in results)

    def test_hop_50(self, seed):
        """Divided by the diameter. Measured over ten seeds: ours .926 (.005) of the best of POT's nine starts."""
        results = [study(50, hop_to_diameter, 100 * seed + s) for s in range(6)]
        assert_study(results, EXPECTED[50, hop_to_diameter], spread=(0.05, 0.05))
        for result in results:
            assert agreement(result, "upper")[0] < 0.96
            assert 1.4 < agreement(result, "sort_plan")[0] < 1.8
            assert result.shares["below"] > 0.9

    def test_adjacency_50(self, seed):
        """Here nine starts of POT end about where ours does, .997 of them, and take twenty times as long."""
        result = study(50, "adjacency", seed)
        assert_study([result], EXPECTED[50, "adjacency"], spread=(0.008, 0.055))
        assert agreement(result, "upper")[0] < 1.02
        assert result.summary["upper"]["seconds"] < result.summary["pot"]["seconds"]
