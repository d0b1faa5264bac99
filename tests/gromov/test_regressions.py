"""Cases that once went wrong."""

import joblib
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.spatial.distance import cdist
from sklearn.compose import ColumnTransformer

from statlearn.exceptions import AdjacencyWarning
from statlearn.gromov import (
    GromovBarycenter,
    GromovNeighbors,
    GromovNeighborsClassifier,
    GromovNeighborsRegressor,
    GromovSignature,
    GromovWassersteinDistance,
    graph_cost,
    gromov_wasserstein_bounds,
    gromov_wasserstein_lower_bound,
    sorted_gromov_wasserstein,
)


def distances(rng, n):
    X = rng.normal(size=(n, 2))
    return cdist(X, X)


@pytest.mark.parametrize("offset", [1e4, 1e6])
def test_a_common_offset_changes_nothing(rng, offset):
    C1, C2 = distances(rng, 8), distances(rng, 8)
    plain, moved = gromov_wasserstein_bounds(C1, C2), gromov_wasserstein_bounds(C1 + offset, C2 + offset)
    assert moved.lower == pytest.approx(plain.lower, rel=1e-7)
    assert moved.upper == pytest.approx(plain.upper, rel=1e-7)
    assert moved.certificate["stationarity"].statistic < 1e-6


def test_an_offset_does_not_lift_a_bound_above_the_value(rng):
    C = distances(rng, 10)
    order = rng.permutation(10)
    for kind in ("sorted", "slb", "tlb", "hoeffding_tlb", "spectral"):
        bound = gromov_wasserstein_lower_bound(C + 1e7, C[np.ix_(order, order)] + 1e7, kind=kind)
        assert bound < 1e-12  # the costs themselves have lost all digits below 1e-9


def test_neighbors_of_costs_with_an_offset(rng):
    costs = [scale * distances(rng, 8) for scale in (0.1, 0.5, 1.0, 2.0)]
    plain = GromovNeighbors(1, cost="precomputed").fit(costs).search([1.1 * costs[2]])
    moved = GromovNeighbors(1, cost="precomputed").fit([C + 3e6 for C in costs]).search([1.1 * costs[2] + 3e6])
    assert plain.indices == moved.indices == [[2]]


def test_distances_of_costs_with_an_offset(rng):
    costs = [distances(rng, 6) + 3e6 for _ in range(3)]
    upper = GromovWassersteinDistance("upper", cost="precomputed").fit_transform(costs)
    lower = GromovWassersteinDistance("lower", cost="precomputed").fit_transform(costs)
    assert np.all(lower[np.triu_indices(3, 1)] > 0)
    assert np.all(lower <= upper + 1e-9)


def test_a_small_difference_is_not_called_none(rng):
    C = distances(rng, 8)
    result = gromov_wasserstein_bounds(C, C + 3e-7)
    assert 0.0 < result.lower <= result.upper


def test_the_upper_side_of_the_sorting_theorem_needs_symmetry():
    """Additive directed costs have no residual, and yet no plan sorts rows and columns at once."""
    a = np.array([0.0, 1.0])
    C1, C2 = np.add.outer(a, a), np.add.outer(a, a[::-1])
    assert sorted_gromov_wasserstein(C1, C2, return_residuals=True) == pytest.approx((0.0, 0.0, 0.0))
    assert gromov_wasserstein_bounds(C1, C2).upper == pytest.approx(1.0)
    assert "upper side does not" in sorted_gromov_wasserstein.__doc__


@pytest.mark.parametrize("tiny", [1e-17, 1e-20, 1e-200])
def test_tiny_weights(rng, tiny):
    p = [0.25, 0.25, 0.3, 0.2, tiny]
    result = gromov_wasserstein_bounds(np.eye(5), 1 - np.eye(4), p, np.full(4, 0.25))
    assert result.lower <= result.upper
    assert result.certificate["plan marginals"].holds


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.ScaleWarning")
def test_uneven_weights(rng):
    for _ in range(50):
        n, m = rng.integers(2, 9, size=2)
        p, q = rng.dirichlet(np.full(n, 0.05)), rng.dirichlet(np.full(m, 0.05))
        result = gromov_wasserstein_bounds(distances(rng, n), distances(rng, m), p, q, max_iter=10_000)
        assert result.lower <= result.upper
        assert result.certificate["plan marginals"].holds


def test_processes_give_the_result_of_threads(rng):
    """Large enough that the starts are dispatched to workers."""
    C1, C2 = distances(rng, 105), distances(rng, 105)
    serial = gromov_wasserstein_bounds(C1, C2)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        parallel = gromov_wasserstein_bounds(C1, C2)
    assert (parallel.upper, parallel.start_name, parallel.n_iter) == (serial.upper, serial.start_name, serial.n_iter)
    assert parallel.converged
    assert bool(parallel.certificate)


def test_a_scale_is_part_of_the_claim():
    path = np.abs(np.subtract.outer(np.arange(3.0), np.arange(3.0)))
    result = gromov_wasserstein_bounds(path, 1000 * path, scale="max")
    assert "C1 divided by 2 and C2 by 2000" in result.certificate.claim
    assert result.exact


def test_huge_weights_are_normalized():
    result = gromov_wasserstein_bounds(np.eye(3), np.eye(3), [1e308] * 3, normalize_weights=True)
    assert result.upper == 0.0


def test_results_can_be_compared_and_hashed():
    result = gromov_wasserstein_bounds(np.eye(3), np.eye(3))
    assert result == result
    assert len({result, result}) == 1


@pytest.mark.parametrize("lower", [[["sorted"]], [], ["nonsense"], [None]])
def test_names_of_bounds(lower):
    with pytest.raises(ValueError, match="lower must name at least one of sorted"):
        gromov_wasserstein_bounds(np.eye(3), np.eye(3), lower=lower)
    assert gromov_wasserstein_bounds(np.eye(3), np.eye(3), lower="sorted").lower_name == "sorted"


def test_large_entries_do_not_hide_the_value():
    """A stand-in for infinity that only one pair of components has."""
    first = nx.disjoint_union(nx.path_graph(5), nx.path_graph(5))
    second = nx.disjoint_union(nx.star_graph(4), nx.cycle_graph(5))
    C1, C2 = (graph_cost(graph, unreachable=1e7) for graph in (first, second))
    result = gromov_wasserstein_bounds(C1, C2)
    assert 0.26 < result.upper < 1.0
    upper, lower = (
        GromovWassersteinDistance(method, cost="precomputed").fit_transform([C1, C2])[0, 1]
        for method in ("upper", "lower")
    )
    assert upper > 0.26
    assert lower <= upper + 1e-2  # the rounding of squares of 1e14


def test_a_plan_cannot_be_changed_under_its_certificate():
    result = gromov_wasserstein_bounds(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="read-only"):
        result.plan[0, 0] = 1.0


@pytest.mark.filterwarnings("error")
def test_a_search_that_ends_at_its_limit_has_converged_if_it_is_stationary():
    C1, C2 = graph_cost(nx.path_graph(5)), graph_cost(nx.cycle_graph(6))
    assert gromov_wasserstein_bounds(C1, C2, max_iter=1).converged


def test_weights_in_single_precision():
    p = np.full(7, 1 / 7, dtype=np.float32)
    assert gromov_wasserstein_bounds(np.eye(7), np.eye(7), p).upper == 0.0


def test_distances_read_as_edges_are_noticed(rng):
    clouds = [distances(rng, 10) for _ in range(3)]
    with pytest.warns(AdjacencyWarning, match="cost='precomputed'"):
        assert np.ptp(GromovSignature().fit_transform(clouds), axis=0).max() == 0.0
    assert np.ptp(GromovSignature(cost="precomputed").fit_transform(clouds), axis=0).max() > 0.0


def test_eigenvalues_that_are_zero_are_zero_in_signatures(rng):
    """A scaler after the signatures would make features of what rounding leaves of them."""
    A = nx.to_numpy_array(nx.complete_bipartite_graph(3, 4))
    order = rng.permutation(7)
    plain, copy = GromovSignature(cost="adjacency").fit_transform([A, A[np.ix_(order, order)]])
    assert np.count_nonzero(plain[-16:]) <= 2  # the residual of a complete bipartite graph has rank two at most
    assert np.array_equal(plain[-16:] == 0.0, copy[-16:] == 0.0)


SERIES = {
    "pandas": lambda graphs: pd.Series(graphs, index=range(10, 10 + len(graphs))),
    "polars": lambda graphs: pl.Series("graph", graphs, dtype=pl.Object),
}
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


def paths_and_stars():
    graphs = [nx.path_graph(n) for n in range(4, 8)] + [nx.star_graph(n) for n in range(3, 7)]
    return graphs, np.repeat([0, 1], 4)


@pytest.mark.parametrize("library", SERIES)
@pytest.mark.parametrize(
    "model",
    [
        GromovSignature(),
        GromovWassersteinDistance("lower"),
        GromovNeighborsClassifier(1),
        GromovNeighborsRegressor(1),
        GromovBarycenter(3, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_series_of_graphs_is_a_collection(model, library):
    graphs, y = paths_and_stars()
    series = SERIES[library](graphs)
    method = next(name for name in ("predict", "transform", "score_samples") if hasattr(model, name))
    expected = getattr(model.fit(graphs, y), method)(graphs)
    np.testing.assert_array_equal(getattr(model.fit(series, y), method)(series), expected)


@pytest.mark.parametrize("library", SERIES)
def test_neighbors_of_a_series_of_graphs(library):
    graphs, _ = paths_and_stars()
    search = GromovNeighbors(1).fit(SERIES[library](graphs)).search
    np.testing.assert_array_equal(search(SERIES[library](graphs[:3])).indices, search(graphs[:3]).indices)


@pytest.mark.parametrize("library", SERIES)
def test_a_column_of_graphs_in_a_column_transformer(library):
    graphs, y = paths_and_stars()
    frame = FRAMES[library]({"graph": SERIES[library](graphs), "size": y})
    signatures = ColumnTransformer([("graph", GromovSignature(), "graph")]).fit_transform(frame)
    np.testing.assert_array_equal(signatures, GromovSignature().fit_transform(graphs))
    whole = ColumnTransformer([("graph", GromovSignature(), ["graph"])])
    with pytest.raises(ValueError, match="or the column that holds the graphs"):
        whole.fit(frame)
