"""Nearest neighbors: what a search of all pairs finds, with fewer pairs solved, and what is proved about them."""

import pickle

import joblib
import networkx as nx
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from statlearn.gromov import (
    GromovNeighbors,
    GromovNeighborsClassifier,
    GromovNeighborsRegressor,
    GromovWassersteinDistance,
    _neighbor_search,
    _pair_solver,
    _pairwise,
)

from . import oracles
from .collections_data import atlas_problem, four_families, mutag
from .oracles import exact_optimum, random_weights, relabelled, symmetric, two_triangles

ESTIMATORS = [GromovNeighbors, GromovNeighborsClassifier, GromovNeighborsRegressor]
FAMILIES = ["positive", "signed", "graphs", "clouds"]

every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)
every_family = pytest.mark.parametrize("family", FAMILIES)


def collection(family, rng, size):
    """Graphs of one kind, and the name of their cost; the graphs of "graphs" tie often."""
    if family == "graphs":
        atlas = [graph for graph in nx.graph_atlas_g() if 3 <= len(graph) <= 5 and nx.is_connected(graph)]
        return [atlas[i] for i in rng.integers(0, len(atlas), size=size)], "hop"
    sizes = rng.integers(2, 7, size=size)
    if family == "clouds":
        return [rng.normal(scale=rng.uniform(0.5, 2), size=(n, rng.integers(1, 4))) for n in sizes], "euclidean"
    make = oracles.squared_distances if family == "positive" else symmetric
    return [(make(rng, n), random_weights(rng, n)) for n in sizes], "precomputed"


def nearest(distances, n_neighbors):
    """The neighbors in a matrix of distances, the lower position first among equals, such as copies of a graph."""
    distances = np.where(distances > 1e-14, distances, 0.0)
    positions = np.broadcast_to(np.arange(distances.shape[1]), distances.shape)
    order = np.lexsort((positions, distances), axis=-1)[:, :n_neighbors]
    return np.take_along_axis(distances, order, axis=1), order


@pytest.fixture
def solved_pairs(monkeypatch):
    """Counts the pairs that are solved."""
    calls = []
    solve = _pair_solver.bound_networks

    def counted(*arguments, **options):
        calls.append(1)
        return solve(*arguments, **options)

    monkeypatch.setattr(_pair_solver, "bound_networks", counted)
    return calls


@every_family
def test_neighbors_are_those_of_a_search_of_all_pairs(rng, family):
    X, cost = collection(family, rng, 19)
    train, queries = X[:14], X[14:]
    distances = GromovWassersteinDistance("upper", cost).fit(train).transform(queries)
    for n_neighbors in (1, 4, 14):
        found = GromovNeighbors(n_neighbors, cost=cost).fit(train).kneighbors(queries)
        expected = nearest(distances, n_neighbors)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@every_family
def test_fitted_graphs_are_not_their_own_neighbors(rng, family):
    X, cost = collection(family, rng, 10)
    distances = GromovWassersteinDistance("upper", cost).fit_transform(X)
    np.fill_diagonal(distances, np.inf)
    found, expected = GromovNeighbors(3, cost=cost).fit(X).kneighbors(), nearest(distances, 3)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@every_family
def test_work_is_counted_and_spared(rng, family, solved_pairs):
    X, cost = collection(family, rng, 40)
    model = GromovNeighbors(2, cost=cost).fit(X[:30])
    assert not solved_pairs
    search = model.search(X[30:])
    assert search.n_solved.sum() == len(solved_pairs)
    assert search.n_candidates == 30
    assert search.share_avoided == pytest.approx(1 - len(solved_pairs) / 300)
    assert search.share_avoided > 0.3
    assert search.certificate["solved pairs"].statistic == len(solved_pairs)
    assert search.certificate["solved pairs"].bound == 300


def test_copies_of_a_graph_take_no_search(rng, solved_pairs):
    X = [symmetric(rng, 5) for _ in range(6)]
    found = GromovNeighbors(1, cost="precomputed").fit(X).search(X)
    np.testing.assert_array_equal(found.indices[:, 0], np.arange(6))
    np.testing.assert_array_equal(found.distances, 0.0)
    assert found.n_solved.sum() == 0 == len(solved_pairs)


def test_what_is_proved_is_true(rng):
    """Where the neighbors are proved nearest, so they are by the exact value of tiny problems."""
    n_proved = 0
    for _ in range(12):
        X = [(symmetric(rng, n), random_weights(rng, n)) for n in rng.integers(1, 4, size=7)]
        queries = [(C * 1.05, p) for C, p in X[:3]]
        found = GromovNeighbors(2, cost="precomputed").fit(X).search(queries)
        for (C, p), indices, proved in zip(queries, found.indices, found.proved, strict=True):
            exact = np.array([exact_optimum(C, D, p, q) for D, q in X])
            rest = np.delete(exact, indices)
            if proved:
                n_proved += 1
                assert exact[indices].max() <= rest.min() + 1e-9 * exact.max()
    assert n_proved >= 10


def test_a_neighbor_that_the_bounds_cannot_separate_is_not_proved(rng):
    rook, shrikhande = (oracles.graph_matrix(graph) for graph in (oracles.rook_graph(), oracles.shrikhande_graph()))
    found = GromovNeighbors(1, cost="precomputed").fit([rook, shrikhande]).search([relabelled(rng, rook)])
    assert found.indices[0, 0] == 0
    assert found.distances[0, 0] == pytest.approx(0.0, abs=1e-12)
    assert found.proved[0]  # nothing is nearer than zero
    cycle = oracles.graph_matrix(nx.cycle_graph(16))
    far = GromovNeighbors(1, cost="precomputed").fit([rook, shrikhande]).search([cycle])
    assert not far.proved[0]


@every_family
def test_the_order_of_the_graphs_does_not_matter(rng, family):
    X, cost = collection(family, rng, 20)
    order = rng.permutation(15)
    parameters = {"cost": cost, "n_random": 1, "random_state": 0}
    first = GromovNeighbors(3, **parameters).fit(X[:15]).search(X[15:])
    other = GromovNeighbors(3, **parameters).fit([X[i] for i in order]).search(X[15:])
    np.testing.assert_array_equal(first.distances, other.distances)
    if family != "graphs":  # where distances tie, positions decide
        np.testing.assert_array_equal(first.indices, order[other.indices])


def test_results_do_not_depend_on_the_number_of_workers(rng):
    X, cost = collection("signed", rng, 16)
    one, two = (
        GromovNeighbors(3, cost=cost, n_random=1, random_state=0, n_jobs=n_jobs).fit(X[:10]).search(X[10:])
        for n_jobs in (1, 2)
    )
    for field in ("distances", "indices", "n_solved", "proved"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "graphs"])  # which tie
def test_predictions_are_those_of_scikit_learn(rng, family):
    X, cost = collection(family, rng, 14)
    train, queries = X[:11], X[11:]
    classes, numbers = rng.integers(0, 3, size=11), rng.normal(size=11)
    new = GromovWassersteinDistance("upper", cost).fit(train).transform(queries)
    unread = np.zeros((11, 11))  # scikit-learn wants distances within the training set and uses none
    for weights in ("uniform", "distance"):
        theirs = KNeighborsClassifier(5, metric="precomputed", weights=weights).fit(unread, classes)
        ours = GromovNeighborsClassifier(5, cost=cost, weights=weights).fit(train, classes)
        np.testing.assert_allclose(ours.predict_proba(queries), theirs.predict_proba(new), rtol=1e-9)
        np.testing.assert_array_equal(ours.predict(queries), theirs.predict(new))
        theirs = KNeighborsRegressor(5, metric="precomputed", weights=weights).fit(unread, numbers)
        ours = GromovNeighborsRegressor(5, cost=cost, weights=weights).fit(train, numbers)
        np.testing.assert_allclose(ours.predict(queries), theirs.predict(new), rtol=1e-9)


def test_neighbors_at_distance_zero_share_all_the_weight():
    X = [nx.path_graph(4), nx.path_graph(4), nx.star_graph(3), nx.complete_graph(4)]
    model = GromovNeighborsRegressor(3, weights="distance").fit(X, [1.0, 2.0, 50.0, 70.0])
    assert model.predict([nx.path_graph(4)])[0] == 1.5
    model = GromovNeighborsClassifier(3, weights="distance").fit(X, ["a", "b", "b", "b"])
    np.testing.assert_array_equal(model.predict_proba([nx.path_graph(4)]), [[0.5, 0.5]])
    assert model.predict([nx.path_graph(4)])[0] == "a"


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_copies_tie_whatever_the_order_of_their_nodes(rng, unit):
    C = unit * symmetric(rng, 7)
    copies = [relabelled(rng, C) for _ in range(5)]
    model = GromovNeighborsRegressor(4, cost="precomputed", weights="distance").fit([*copies, 2.0 * C], np.arange(6.0))
    search = model.search([C])
    np.testing.assert_array_equal(search.distances, 0.0)
    np.testing.assert_array_equal(search.indices, [[0, 1, 2, 3]])
    assert model.predict([C]) == 1.5
    near = [C + unit * step for step in (3e-6, 2e-6, 1e-6)]
    np.testing.assert_array_equal(GromovNeighbors(3, cost="precomputed").fit(near).search([C]).indices, [[2, 1, 0]])


def test_ties_go_to_the_lower_position():
    X = [nx.star_graph(3), nx.path_graph(4), nx.star_graph(3), nx.star_graph(3)]
    found = GromovNeighbors(2).fit(X).search([nx.relabel_nodes(nx.star_graph(3), {0: 3, 3: 0})])
    np.testing.assert_array_equal(found.indices, [[0, 2]])


def test_prediction_leaves_the_model_alone(rng):
    X, cost = collection("signed", rng, 12)
    model = GromovNeighborsClassifier(3, cost=cost).fit(X[:9], [0, 1, 2] * 3)
    before = dict(vars(model))
    model.predict(X[9:])
    model.search()
    assert vars(model) == before
    assert model.kneighbors(X[9:], 2, return_distance=False).shape == (3, 2)


def test_certificates():
    X = [nx.path_graph(n) for n in range(3, 9)]
    model = GromovNeighbors(2).fit(X)
    assert model.certificate_.holds is None  # a fit solves nothing
    assert "as if all pairs were solved" in model.certificate_.claim
    certificate = model.search().certificate
    assert bool(certificate)
    assert certificate.claim == model.certificate_.claim
    assert certificate["pruning"].statistic >= 0.0
    assert 0.0 <= certificate["nearest by the exact value"].statistic <= 1.0


def test_certificates_notice_a_lower_bound_that_prunes_too_much(monkeypatch):
    X = [nx.path_graph(n) for n in range(3, 9)]
    wrong = _pairwise.FEATURE_BOUND._replace(block=lambda *parts: 3.0 * _pairwise.FEATURE_BOUND.block(*parts))
    monkeypatch.setattr(_neighbor_search, "FEATURE_BOUND", wrong)
    certificate = GromovNeighbors(2).fit(X).search().certificate
    assert certificate["pruning"].holds is False
    assert certificate["pruning"].statistic < 0.0
    assert not certificate


def test_an_offset_of_all_costs_spares_as_many_pairs(rng):
    costs = [scale * oracles.squared_distances(rng, 5) for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)]
    plain, moved = (
        GromovNeighbors(1, cost="precomputed").fit([C + c for C in costs]).search([1.01 * C + c for C in costs])
        for c in (0.0, 2.0**20)
    )
    np.testing.assert_array_equal(moved.indices, plain.indices)
    np.testing.assert_allclose(moved.distances, plain.distances, rtol=1e-6)
    assert moved.n_solved.sum() <= plain.n_solved.sum() + 1
    assert moved.certificate


@pytest.mark.parametrize("within", [True, False])
def test_processes_give_the_same_result(rng, within):
    X, cost = collection("signed", rng, 10)
    queries = None if within else X[7:]
    model = GromovNeighbors(2, cost=cost, n_random=1, random_state=0).fit(X[:7])
    serial = model.search(queries)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = model.search(queries)
    for field in ("distances", "indices", "n_solved", "proved", "certificate"):
        np.testing.assert_array_equal(getattr(found, field), getattr(serial, field))


def test_a_search_adds_nothing_to_a_pickle(rng):
    model = GromovNeighbors(2, cost="sqeuclidean").fit([rng.normal(size=(30, 2)) for _ in range(6)])
    before = len(pickle.dumps(model))
    model.search()
    assert len(pickle.dumps(model)) == before
    assert before < 6 * 30 * 30 * 8  # a matrix of distances for each


def test_a_flag_is_no_number_of_neighbors():
    """As in ``kneighbors(X, True)`` of somebody who means ``return_distance``."""
    model = GromovNeighbors(1).fit([nx.path_graph(n) for n in (3, 4, 5)])
    with pytest.raises(ValueError, match="n_neighbors must be an integer from 1.*Got True"):
        model.kneighbors([nx.path_graph(3)], True)


@every_estimator
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_neighbors": 0}, "'n_neighbors' parameter"),
        ({"cost": "hops"}, "'cost' parameter"),
        ({"n_random": -1}, "'n_random'"),
    ],
)
def test_bad_parameters(estimator, parameters, message):
    with pytest.raises(ValueError, match=message):
        estimator(**parameters).fit([nx.path_graph(3), nx.path_graph(4)], [0, 1])


@every_estimator
def test_bad_graphs(estimator):
    with pytest.raises(NotFittedError):
        estimator().search([nx.path_graph(3)])
    graphs = [nx.path_graph(n) for n in (3, 4, 5)]
    with pytest.raises(ValueError, match=r"X\[1\]: hop distances need a path"):
        estimator().fit([graphs[0], two_triangles()], [0, 1])
    with pytest.raises(ValueError, match=r"X\[0\]: hop distances need a path"):
        estimator(2).fit(graphs, [0, 1, 0]).search([two_triangles()])


@pytest.mark.parametrize(("n_neighbors", "X"), [(4, [nx.path_graph(3)]), (3, None), (0, None), (1.5, None)])
def test_too_many_neighbors(n_neighbors, X):
    model = GromovNeighbors().fit([nx.path_graph(n) for n in (3, 4, 5)])
    with pytest.raises(ValueError, match="n_neighbors must be an integer from 1 to the number of graphs"):
        model.search(X, n_neighbors)


@pytest.mark.parametrize("estimator", [GromovNeighborsClassifier, GromovNeighborsRegressor])
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        ([0, 1], "inconsistent numbers of samples"),
        ([0.0, np.nan, 1.0], "y contains NaN"),
    ],
)
def test_bad_targets(estimator, y, message):
    with pytest.raises(ValueError, match=message):
        estimator().fit([nx.path_graph(n) for n in (3, 4, 5)], y)


def test_dates_are_no_targets_of_a_regressor():
    days, graphs = np.datetime64("2024-01-01") + np.arange(3), [nx.path_graph(n) for n in (3, 4, 5)]
    with pytest.raises(TypeError, match="y must be numbers. Got dates or durations"):
        GromovNeighborsRegressor().fit(graphs, days)
    assert GromovNeighborsClassifier(n_neighbors=1).fit(graphs, days).predict(graphs[:1]) == days[:1]


def test_grid_search_on_small_graphs():
    X, y = atlas_problem()
    grid = {"n_neighbors": [1, 3], "cost": ["hop", "adjacency"]}
    search = GridSearchCV(GromovNeighborsClassifier(weights="distance"), grid, cv=2).fit(X[::3], y[::3])
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_params_["cost"] == "adjacency"  # distances do not show triangles


def test_numbers_of_paths_and_cycles():
    sizes = np.arange(4, 14)
    X = [nx.path_graph(n) for n in sizes]
    model = GromovNeighborsRegressor(2, weights="distance").fit(X[::2], sizes[::2])
    assert model.score(X[1::2], sizes[1::2]) > 0.9


@pytest.mark.slow
def test_classification_of_four_families_by_the_value(seed):
    X, y = four_families(seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(GromovNeighborsClassifier(3), X, y, cv=folds)
    assert scores.mean() > 0.6


@pytest.mark.slow
def test_neighbors_of_mutag(shared_data):
    """.840 for POT's local optimum with 5 neighbors (section 7); most solves are spared."""
    X, y = mutag(shared_data)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    correct, solved, pairs = 0, 0, 0
    for train, test in folds.split(X, y):
        model = GromovNeighborsClassifier(5, n_jobs=2).fit([X[i] for i in train], y[train])
        search = model.search([X[i] for i in test])
        votes = np.sign(y[train][search.indices].sum(axis=1))
        correct += np.count_nonzero(votes == y[test])
        solved, pairs = solved + search.n_solved.sum(), pairs + search.n_solved.size * search.n_candidates
    assert correct / len(y) == pytest.approx(0.84, abs=0.05)
    assert solved < 0.5 * pairs
