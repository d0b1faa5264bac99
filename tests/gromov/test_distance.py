"""Distance and kernel matrices: every method against the doors and the oracles, symmetry, kernels, classification."""

from functools import partial

import networkx as nx
import numpy as np
import pytest
from sklearn.callback import ProgressBar
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from statlearn.gromov import (
    GromovWassersteinDistance,
    _distance,
    graph_cost,
    gromov_wasserstein_bounds,
)
from statlearn.gromov._pairwise import METHODS, count_tasks

from . import oracles
from .collections_data import atlas_problem, four_families, mutag
from .oracles import random_weights, relabelled, symmetric, two_triangles, uniform

LOWER = ["sorted", "flb", "slb", "tlb", "hoeffding_tlb", "spectral"]
RTOL = 1e-11  # rounding of a few hundred terms and of eigenvalues, relative to the largest loss

every_method = pytest.mark.parametrize("method", list(METHODS))


def random_collection(rng, size, makers=None, largest=6):
    """Random networks of all kinds, sizes and weights."""
    makers = makers or oracles.SYMMETRIC_NETWORKS + oracles.ASYMMETRIC_NETWORKS
    sizes = rng.integers(1, largest + 1, size=size)
    return [(makers[rng.integers(len(makers))](rng, n), random_weights(rng, n)) for n in sizes]


def distances(method, X, **parameters):
    return GromovWassersteinDistance(method, "precomputed", **parameters).fit_transform(X)


def largest_loss(X):
    return (2 * max(np.abs(C).max() for C, _ in X)) ** 2


@pytest.mark.parametrize("method", LOWER)
def test_bounds_are_those_of_the_oracles(rng, method):
    X, Y = random_collection(rng, 7), random_collection(rng, 9)
    model = GromovWassersteinDistance(method, "precomputed").fit(X)
    expected = [[oracles.BOUNDS[method](C1, p, C2, q) for C2, q in X] for C1, p in Y]
    np.testing.assert_allclose(model.transform(Y), expected, rtol=1e-9, atol=RTOL * largest_loss(X + Y))


def test_lower_is_the_largest_of_the_bounds(rng):
    X = random_collection(rng, 8)
    largest = np.max([distances(method, X) for method in LOWER], axis=0)
    np.testing.assert_allclose(distances("lower", X), largest, rtol=1e-9, atol=RTOL * largest_loss(X))


def test_upper_is_the_value_of_the_interval(rng):
    X = random_collection(rng, 5)
    found = distances("upper", X)
    for i in range(5):
        for k in range(i):
            ends = [gromov_wasserstein_bounds(X[a][0], X[b][0], X[a][1], X[b][1]).upper for a, b in ((i, k), (k, i))]
            assert min(abs(found[i, k] - end) for end in ends) <= RTOL * largest_loss(X)


def test_no_lower_bound_is_above_the_upper_one(rng):
    X = random_collection(rng, 10)
    upper = distances("upper", X)
    for method in [*LOWER, "lower"]:
        assert np.max(distances(method, X) - upper) <= RTOL * largest_loss(X)


@every_method
def test_within_a_collection_symmetric_with_zeros(rng, method):
    X = random_collection(rng, 7)
    found = distances(method, X)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.diag(found), 0.0)
    assert found.min() >= 0.0
    assert np.isfinite(found).all()


@every_method
def test_fitted_graphs_are_as_far_in_transform(rng, method):
    X = random_collection(rng, 7)
    model = GromovWassersteinDistance(method, "precomputed")
    atol = 0.0 if method == "upper" else RTOL * largest_loss(X)
    np.testing.assert_allclose(model.fit_transform(X), model.transform(X), rtol=1e-9, atol=atol)


def test_upper_does_not_depend_on_the_order(rng):
    X, order = random_collection(rng, 6), rng.permutation(6)
    found = distances("upper", X, n_random=2, random_state=0)
    np.testing.assert_array_equal(
        found[np.ix_(order, order)], distances("upper", [X[i] for i in order], n_random=2, random_state=0)
    )


@every_method
def test_results_do_not_depend_on_the_number_of_workers(rng, method):
    X = random_collection(rng, 6)
    one, two = (distances(method, X, n_random=1, random_state=0, n_jobs=n_jobs) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_many_graphs_take_several_blocks(rng):
    X = random_collection(rng, 300, largest=3)
    found = distances("spectral", X, n_jobs=2)
    np.testing.assert_array_equal(found, found.T)
    for i, k in rng.integers(0, 300, size=(40, 2)):
        pair = *X[i], *X[k]
        np.testing.assert_allclose(found[i, k], oracles.spectral(*pair), rtol=1e-9, atol=RTOL * largest_loss(X))


@every_method
def test_isomorphic_graphs_are_at_distance_zero(rng, method):
    C, p = symmetric(rng, 7), random_weights(rng, 7)
    found = distances(method, [(C, p), relabelled(rng, C, p)])
    assert found.max() <= RTOL * largest_loss([(C, p)])


@every_method
def test_more_random_starts_never_raise_the_value(rng, method):
    X = random_collection(rng, 4)
    plain, more = distances(method, X), distances(method, X, n_random=5, random_state=0)
    assert np.max(more - plain) <= RTOL * largest_loss(X)
    if method != "upper":
        np.testing.assert_array_equal(plain, more)


def test_random_starts_help_where_all_bounds_are_blind(seed):
    graphs = [oracles.graph_matrix(graph) for graph in (oracles.rook_graph(), oracles.shrikhande_graph())]
    assert distances("lower", graphs)[0, 1] == pytest.approx(0.0, abs=1e-12)
    found = distances("upper", graphs, n_random=10, random_state=seed)[0, 1]
    assert 0.124 < found <= distances("upper", graphs)[0, 1] + 1e-12


def test_random_state_decides_the_random_starts(rng):
    X = random_collection(rng, 4, [symmetric])
    model = GromovWassersteinDistance("upper", "precomputed", n_random=3, random_state=7)
    first = model.fit_transform(X)
    np.testing.assert_array_equal(first, model.fit_transform(X))
    np.testing.assert_array_equal(first, model.transform(X))


KERNELS = ["sorted", "flb", "slb", "spectral"]


@every_method
def test_kernels_are_exponentials(rng, method):
    X = random_collection(rng, 6, oracles.SYMMETRIC_NETWORKS)
    D = distances(method, X)
    model = GromovWassersteinDistance(method, "precomputed", output="kernel")
    kernel = model.fit_transform(X)
    positive = D[np.triu_indices(6, 1)]
    assert model.gamma_ == pytest.approx(1 / np.median(positive[positive > 0]))
    np.testing.assert_allclose(kernel, np.exp(-model.gamma_ * D), rtol=1e-14)
    np.testing.assert_allclose(model.transform(X), kernel, rtol=1e-9)
    np.testing.assert_array_equal(np.diag(kernel), 1.0)
    fixed = GromovWassersteinDistance(method, "precomputed", output="kernel", gamma=0.5).fit(X)
    assert fixed.gamma_ == 0.5
    np.testing.assert_allclose(fixed.transform(X), np.exp(-0.5 * D), rtol=1e-9)
    assert GromovWassersteinDistance(method, "precomputed").fit(X).gamma_ is None


def test_the_scale_of_equal_graphs_is_one():
    model = GromovWassersteinDistance("sorted", output="kernel").fit([nx.path_graph(3)] * 2)
    assert model.gamma_ == 1.0
    np.testing.assert_array_equal(model.transform([nx.path_graph(3)]), [[1.0, 1.0]])


COSTS = {
    "symmetric": oracles.SYMMETRIC_NETWORKS,
    "asymmetric": oracles.ASYMMETRIC_NETWORKS,
    "both": oracles.SYMMETRIC_NETWORKS + oracles.ASYMMETRIC_NETWORKS,
}
every_cost = pytest.mark.parametrize("makers", COSTS.values(), ids=COSTS)


@every_cost
@pytest.mark.parametrize("method", KERNELS)
def test_kernels_of_features_are_definite_by_proof(rng, method, makers):
    X = random_collection(rng, 25, makers)
    for gamma in (None, 0.01, 10.0):
        model = GromovWassersteinDistance(method, "precomputed", output="kernel", gamma=gamma)
        kernel = model.fit_transform(X)
        check = model.certificate_["positive semi-definite"]
        assert (check.kind, check.holds) == ("proof", True)
        assert check.statistic == pytest.approx(np.linalg.eigvalsh(kernel).min(), abs=1e-12)


@every_cost
@pytest.mark.parametrize("method", KERNELS)
def test_distances_of_features_are_squares_in_a_hilbert_space(rng, method, makers):
    """The Gram matrix of the points about their mean has no negative eigenvalue; its trace is of the same order."""
    D = distances(method, random_collection(rng, 40, makers))
    centering = np.eye(40) - 1.0 / 40
    eigenvalues = np.linalg.eigvalsh(-0.5 * centering @ D @ centering)
    assert eigenvalues.min() >= -1e-11 * eigenvalues.max()


@pytest.mark.parametrize("method", ["tlb", "hoeffding_tlb", "lower", "upper"])
def test_other_kernels_are_examined(rng, method):
    X = random_collection(rng, 10, oracles.SYMMETRIC_NETWORKS)
    model = GromovWassersteinDistance(method, "precomputed", output="kernel")
    lowest = np.linalg.eigvalsh(model.fit_transform(X)).min()
    check = model.certificate_["positive semi-definite"]
    assert check.kind == "numerical"
    assert check.statistic == pytest.approx(lowest, abs=1e-12)
    assert check.holds is bool(lowest >= check.bound)


def test_an_indefinite_kernel_is_called_so(shared_data):
    X, _ = mutag(shared_data)
    model = GromovWassersteinDistance("lower", output="kernel", gamma=0.1).fit(X[:60])
    assert model.certificate_["positive semi-definite"].holds is False
    assert not model.certificate_


@every_method
def test_certificates_say_on_which_side_values_lie(rng, method):
    X = random_collection(rng, 6)
    model = GromovWassersteinDistance(method, "precomputed").fit(X)
    side = "upper" if method == "upper" else "lower"
    assert f"{side} bounds" in model.certificate_.claim
    assert model.certificate_.holds is None  # a fit computes no distances
    model.fit_transform(X)
    assert bool(model.certificate_)
    check = model.certificate_[f"{side} bound"]
    assert 0.0 <= check.statistic <= largest_loss(X)
    kernel = GromovWassersteinDistance(method, "precomputed", output="kernel").fit(X)
    assert kernel.certificate_[f"{side} bound"] == check


@pytest.mark.parametrize(("method", "factor"), [("spectral", 1e3), ("upper", 1e-3)])
def test_certificates_notice_distances_on_the_wrong_side(rng, method, factor, monkeypatch):
    X = random_collection(rng, 6)
    pairwise = _distance.pairwise_values

    def wrong(name, *arguments, **options):
        return (factor if name is METHODS[method] else 1.0) * pairwise(name, *arguments, **options)

    monkeypatch.setattr(_distance, "pairwise_values", wrong)
    model = GromovWassersteinDistance(method, "precomputed")
    model.fit_transform(X)
    assert model.certificate_.holds is False
    assert "NO" in str(model.certificate_)


@pytest.mark.parametrize(("method", "n_pieces"), [("upper", 5), ("slb", 1), ("tlb", 5)])
def test_progress_is_reported(rng, capsys, method, n_pieces):
    X = random_collection(rng, 5)
    model = GromovWassersteinDistance(method, "precomputed", output="kernel")
    plain = model.fit_transform(X)
    assert capsys.readouterr().out == ""
    model.set_callbacks(ProgressBar())
    np.testing.assert_array_equal(model.fit_transform(X), plain)
    shown = capsys.readouterr().out
    assert "GromovWassersteinDistance" in shown
    assert "100%" in shown
    assert count_tasks(METHODS[method], range(5)) == n_pieces


def test_columns_are_named(rng):
    pytest.importorskip("pandas")
    model = GromovWassersteinDistance("sorted").set_output(transform="pandas")
    frame = model.fit_transform([nx.path_graph(3), nx.star_graph(3)])
    assert list(frame.columns) == ["gromovwassersteindistance0", "gromovwassersteindistance1"]
    assert list(model.transform([nx.path_graph(4)]).columns) == list(model.get_feature_names_out())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "exact"}, "'method' parameter of GromovWassersteinDistance"),
        ({"cost": "hops"}, "'cost' parameter"),
        ({"gamma": 0.0}, "'gamma' parameter"),
        ({"output": "similarity"}, "'output' parameter"),
        ({"n_random": -1}, "'n_random' parameter"),
        ({"random_state": "seed"}, "'random_state' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        GromovWassersteinDistance(**parameters).fit([nx.path_graph(3)])


def test_bad_graphs_leave_the_model_as_it_was():
    model = GromovWassersteinDistance("sorted")
    with pytest.raises(NotFittedError):
        model.transform([nx.path_graph(3)])
    model.fit([nx.path_graph(3)])
    for method in (model.fit, model.fit_transform, model.transform):
        with pytest.raises(ValueError, match=r"X\[1\]: hop distances need a path"):
            method([nx.path_graph(3), two_triangles()])
    np.testing.assert_array_equal(model.transform([nx.path_graph(3)]), [[0.0]])


def test_disconnected_graphs_by_a_callable():
    model = GromovWassersteinDistance("spectral", partial(graph_cost, unreachable="max+1"))
    found = model.fit_transform([nx.cycle_graph(6), two_triangles()])
    C1, C2 = graph_cost(nx.cycle_graph(6)), graph_cost(two_triangles(), unreachable="max+1")
    assert found[0, 1] == pytest.approx(oracles.spectral(C1, uniform(6), C2, uniform(6)))


def test_grid_search_over_method_and_cost():
    X, y = atlas_problem()
    pipeline = make_pipeline(GromovWassersteinDistance("sorted"), KNeighborsClassifier(3, metric="precomputed"))
    grid = {
        "gromovwassersteindistance__method": ["sorted", "spectral", "slb"],
        "gromovwassersteindistance__cost": ["hop", "adjacency"],
        "kneighborsclassifier__n_neighbors": [1, 3],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_score_ > 0.85
    distance = GromovWassersteinDistance("spectral", "adjacency", output="kernel")
    machine = make_pipeline(distance, SVC(C=10, kernel="precomputed"))
    grid = {"gromovwassersteindistance__gamma": [None, 1.0, 10.0]}
    assert GridSearchCV(machine, grid, cv=3).fit(X, y).best_score_ > 0.85


# Section 7 of the specification: hop distances, ten folds, 5 nearest neighbors and a support vector machine.
MUTAG = {"sorted": (0.835, 0.836), "spectral": (0.851, 0.872), "slb": (0.851, 0.856)}


@pytest.mark.parametrize("method", MUTAG)
def test_classification_of_mutag(shared_data, method):
    X, y = mutag(shared_data)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    kernel = GromovWassersteinDistance(method, output="kernel")
    D = -np.log(kernel.fit_transform(X)) / kernel.gamma_
    neighbors = cross_val_score(KNeighborsClassifier(5, metric="precomputed"), np.maximum(D, 0.0), y, cv=folds)
    machine = cross_val_score(make_pipeline(kernel, SVC(C=10, kernel="precomputed")), X, y, cv=folds)
    assert neighbors.mean() == pytest.approx(MUTAG[method][0], abs=0.03)
    assert machine.mean() == pytest.approx(MUTAG[method][1], abs=0.03)


# Section 6.D of the specification, 3 nearest neighbors in five folds, from one draw of graphs that cannot be repeated;
# the mean of our draws is .77, .83, .88, .93, with a spread of .04 between draws.
FAMILIES = {"sorted": 0.850, "slb": 0.775, "tlb": 0.850, "spectral": 0.925}


@pytest.mark.slow
def test_classification_of_four_families(seed):
    scores = {method: [] for method in FAMILIES}
    for draw in range(6):
        X, y = four_families(seed + draw)
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        for method, found in scores.items():
            D = GromovWassersteinDistance(method).fit_transform(X)
            found.append(cross_val_score(KNeighborsClassifier(3, metric="precomputed"), D, y, cv=folds).mean())
    means = {method: float(np.mean(found)) for method, found in scores.items()}
    assert means == pytest.approx(FAMILIES, abs=0.12)
    assert max(means, key=means.get) == "spectral"
