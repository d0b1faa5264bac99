"""Signatures: never further apart than any coupling, the bounds they truncate, and life in pipelines."""

import networkx as nx
import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.callback import ProgressBar
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from statlearn.gromov import GromovSignature

from . import oracles
from .collections_data import atlas_problem, mutag
from .oracles import (
    asymmetric,
    directed,
    graph_matrix,
    hop,
    loss_tensor,
    random_pair,
    random_plans,
    random_weights,
    relabelled,
    symmetric,
    two_triangles,
    uniform,
)

KINDS = ["hoeffding", "slb", "both"]
RTOL = 1e-11  # rounding of eigenvalues and of a thousand terms, relative to the largest loss
LAYOUTS = [  # kind, quantiles, eigenvalues
    ("hoeffding", 1, 0),
    ("hoeffding", 3, 1),
    ("hoeffding", 64, 16),
    ("slb", 5, 0),
    ("slb", 64, 0),
    ("both", 8, 2),
]
N_PAIRS = 1200

every_kind = pytest.mark.parametrize("kind", KINDS)


def squared_distance(signature, first, second):
    """Squared Euclidean distance of the signatures of two networks."""
    one, other = signature.transform([first, second])
    return float(np.sum((one - other) ** 2))


def signatures_of(networks, kind="hoeffding", n_quantiles=8, n_eigenvalues=3):
    return GromovSignature("precomputed", kind, n_quantiles=n_quantiles, n_eigenvalues=n_eigenvalues).fit_transform(
        networks
    )


def best_of_plans(rng, C1, C2, p, q):
    """The least value of some couplings, in units of the largest loss."""
    size = len(C1) * len(C2)
    losses = loss_tensor(C1, C2).transpose(0, 2, 1, 3).reshape(size, size)
    unit = (np.abs(C1).max() + np.abs(C2).max()) ** 2 or 1.0
    return min(float(T.ravel() @ losses @ T.ravel()) for T in random_plans(rng, p, q)) / unit, unit


def worst_excess(rng, makers, fit_on):
    """Largest excess of a squared distance over the value of a coupling, in units of the largest loss."""
    pairs = [random_pair(rng, 6, makers) for _ in range(N_PAIRS)]
    values, units = np.array([best_of_plans(rng, *pair) for pair in pairs]).T
    first, second = [(C1, p) for C1, _, p, _ in pairs], [(C2, q) for _, C2, _, q in pairs]
    worst = -np.inf
    for kind, n_quantiles, n_eigenvalues in LAYOUTS:
        model = GromovSignature("precomputed", kind, n_quantiles=n_quantiles, n_eigenvalues=n_eigenvalues).fit(fit_on)
        distances = np.sum((model.transform(first) - model.transform(second)) ** 2, axis=1)
        worst = max(worst, float(np.max(distances / units - values)))
    return worst


@pytest.mark.parametrize("fitted_on", [symmetric, asymmetric])
def test_never_above_the_value_of_any_coupling(rng, fitted_on):
    everything = oracles.SYMMETRIC_NETWORKS + oracles.ASYMMETRIC_NETWORKS
    assert worst_excess(rng, everything, [fitted_on(rng, 4)]) <= RTOL


def test_never_above_permutations_of_the_same_network(rng):
    for _ in range(50):
        C = directed(rng, 6) + symmetric(rng, 6)
        D = C + 1e-3 * asymmetric(rng, 6)
        value = np.mean((C - D) ** 2)  # the identity is a coupling
        C, D = relabelled(rng, C), relabelled(rng, D)
        for kind in KINDS:
            one, other = signatures_of([C, D], kind)
            assert np.sum((one - other) ** 2) <= value * (1 + 1e-9)


def test_untruncated_signatures_are_the_bounds(rng):
    for n, m in [(4, 6), (5, 5), (1, 3)]:
        C, D = symmetric(rng, n), symmetric(rng, m)
        parts = {"hoeffding": oracles.spectral, "slb": oracles.slb}
        expected = {kind: bound(C, uniform(n), D, uniform(m)) for kind, bound in parts.items()}
        expected["both"] = (expected["hoeffding"] + expected["slb"]) / 2
        for kind, value in expected.items():
            size = n * n * m * m  # quantile functions are constant on all blocks
            one, other = signatures_of([C, D], kind, size, 6)
            np.testing.assert_allclose(np.sum((one - other) ** 2), value, rtol=1e-10, err_msg=kind)


def test_untruncated_signatures_of_directed_graphs_keep_the_second_moment(rng):
    networks = [(asymmetric(rng, n), uniform(n)) for n in (3, 4, 6)]
    expected = [np.mean(C**2) for C, _ in networks]
    for kind in KINDS:
        signatures = signatures_of(networks, kind, 144, 6)
        np.testing.assert_allclose(np.sum(signatures**2, axis=1), expected, rtol=1e-12)


@every_kind
def test_isomorphic_graphs_share_their_signature(rng, kind):
    for make in (symmetric, asymmetric, oracles.adjacency, directed):
        C, p = make(rng, 7), random_weights(rng, 7)
        one, other = signatures_of([(C, p), relabelled(rng, C, p)], kind)
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13 * max(1.0, np.abs(C).max()))


@every_kind
def test_splitting_a_node_changes_nothing(rng, kind):
    for make in (symmetric, asymmetric):
        C, p, copies = make(rng, 5), random_weights(rng, 5), [0, 1, 2, 3, 4, 2]
        halves = p[copies] * np.where(np.isin(copies, 2), 0.5, 1.0)
        one, other = signatures_of([(C, p), (C[np.ix_(copies, copies)], halves)], kind)
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(C).max())


def test_only_the_spectrum_separates_regular_graphs():
    pair = [nx.cycle_graph(6), two_triangles()]
    distances = {
        kind: squared_distance(GromovSignature("adjacency", kind).fit(pair), *pair) for kind in ("hoeffding", "slb")
    }
    assert distances["hoeffding"] == pytest.approx(1 / 9, abs=1e-12)
    assert distances["slb"] == pytest.approx(0.0, abs=1e-12)


def test_the_imbalance_tells_a_graph_from_its_reverse():
    graph = nx.DiGraph([(0, 1), (0, 2), (0, 3), (1, 2)])
    signature = GromovSignature("adjacency", n_quantiles=4).fit([graph])
    assert signature.directed_
    # (row - column deviation) / 2 is (3, 0, -2, -1) / 8, or its negative
    assert squared_distance(signature, graph, graph.reverse()) == pytest.approx(1 / 32)
    undirected = GromovSignature("adjacency", n_quantiles=4).fit([nx.path_graph(3)])
    assert not undirected.directed_
    assert squared_distance(undirected, graph, graph.reverse()) == pytest.approx(0.0, abs=1e-15)


def test_names_tell_the_layout(rng):
    model = GromovSignature("precomputed", "both", n_quantiles=2, n_eigenvalues=1).fit([symmetric(rng, 3)])
    assert list(model.get_feature_names_out()) == [
        "mean",
        "deviation_0",
        "deviation_1",
        "positive_eigenvalue_0",
        "negative_eigenvalue_0",
        "entry_0",
        "entry_1",
    ]
    model.fit([symmetric(rng, 3), asymmetric(rng, 3)])
    assert list(model.get_feature_names_out())[3:5] == ["imbalance_0", "imbalance_1"]
    C = symmetric(rng, 3)
    signature = model.fit([C]).transform([C])[0]
    root = np.sqrt(0.5)
    assert signature[0] == pytest.approx(root * C.mean())
    eigenvalues = np.linalg.eigvalsh(C - C.mean(axis=0) - C.mean(axis=1)[:, None] + C.mean()) / 3
    assert signature[3] == pytest.approx(root * max(eigenvalues.max(), 0), abs=1e-14)
    assert signature[4] == pytest.approx(root * max(-eigenvalues.min(), 0), abs=1e-14)
    low, high = np.split(np.repeat(np.sort(C.ravel()), 2), 2)
    np.testing.assert_allclose(signature[5:], root * np.array([low.mean(), high.mean()]) / np.sqrt(2), rtol=1e-13)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(rng, library):
    pytest.importorskip(library)
    model = GromovSignature("precomputed", n_quantiles=2, n_eigenvalues=1).set_output(transform=library)
    X = [symmetric(rng, 3), symmetric(rng, 4)]
    frames = [model.fit_transform(X), model.transform(X)]
    for frame in frames:
        assert list(frame.columns) == list(model.get_feature_names_out())
        np.testing.assert_array_equal(frame.to_numpy(), GromovSignature.fit_transform(model, X).to_numpy())


def test_certificate_tells_what_is_kept(rng):
    X = [symmetric(rng, n) for n in (4, 8)]
    shares = [
        GromovSignature("precomputed", n_quantiles=K, n_eigenvalues=r).fit(X).certificate_["variance kept"].statistic
        for K, r in [(1, 0), (4, 1), (8, 2), (8, 8)]
    ]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.0, abs=1e-12)
    assert 0.0 < shares[1] < shares[2] < shares[3]
    assert shares[3] == pytest.approx(1.0)
    constant = GromovSignature("precomputed").fit([np.ones((3, 3)), np.zeros((2, 2))])
    assert constant.certificate_["variance kept"].statistic == 1.0
    assert bool(constant.certificate_)
    assert "at most the Gromov-Wasserstein value" in constant.certificate_.claim
    assert constant.certificate_["norm against second moment"].statistic == pytest.approx(1.0)


def test_the_certificate_notices_a_broken_signature(rng, monkeypatch):
    from statlearn.gromov import _signature

    leading = _signature._leading
    monkeypatch.setattr(_signature, "_leading", lambda values, size: 2 * leading(values, size))
    model = GromovSignature("precomputed", n_quantiles=24, n_eigenvalues=9).fit([oracles.gram(rng, 6)])
    assert model.certificate_["norm against second moment"].holds is False
    assert not model.certificate_


def test_progress_is_reported(rng, capsys):
    X = [symmetric(rng, 3) for _ in range(130)]
    model = GromovSignature("precomputed")
    plain = model.fit_transform(X)
    assert capsys.readouterr().out == ""
    model.set_callbacks(ProgressBar())
    np.testing.assert_array_equal(model.fit_transform(X), plain)
    shown = capsys.readouterr().out
    assert "GromovSignature" in shown
    assert "100%" in shown


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cost": "hops"}, "'cost' parameter of GromovSignature"),
        ({"kind": "tlb"}, "'kind' parameter of GromovSignature"),
        ({"n_quantiles": 0}, "'n_quantiles' parameter"),
        ({"n_eigenvalues": -1}, "'n_eigenvalues' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        GromovSignature(**parameters).fit([nx.path_graph(3)])


def test_bad_graphs_have_a_position_in_fit_and_transform():
    model = GromovSignature()
    with pytest.raises(NotFittedError):
        model.transform([nx.path_graph(3)])
    with pytest.raises(ValueError, match=r"X\[1\]: hop distances need a path"):
        model.fit([nx.path_graph(3), two_triangles()])
    with pytest.raises(ValueError, match=r"X\[0\]: hop distances need a path"):
        model.fit([nx.path_graph(3)]).transform([two_triangles()])


@pytest.mark.parametrize("classifier", [SVC(C=10), KNeighborsClassifier(3)], ids=["svc", "knn"])
def test_grid_search_on_small_graphs(classifier):
    X, y = atlas_problem()
    grid = {"gromovsignature__kind": KINDS, "gromovsignature__cost": ["hop", "adjacency"]}
    search = GridSearchCV(make_pipeline(GromovSignature(n_quantiles=8, n_eigenvalues=4), classifier), grid, cv=3)
    search.fit(X, y)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()
    assert search.best_score_ > 0.85
    assert search.score(X, y) > 0.85


@every_kind
def test_classification_of_mutag(shared_data, kind):
    X, y = mutag(shared_data)
    signatures = GromovSignature(kind=kind).fit_transform(X)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    distances = cdist(signatures, signatures, "sqeuclidean")
    machine = SVC(C=10, gamma=1 / np.median(distances[np.triu_indices(len(X), 1)]))
    # "spectral" has .851 and .872, "slb" .851 and .856 without truncation
    assert cross_val_score(KNeighborsClassifier(5), signatures, y, cv=folds).mean() == pytest.approx(0.85, abs=0.03)
    assert cross_val_score(machine, signatures, y, cv=folds).mean() == pytest.approx(0.865, abs=0.03)


def test_signatures_of_mutag_are_below_the_bounds_they_truncate(shared_data):
    X, _ = mutag(shared_data)
    costs = [hop(nx.from_numpy_array(A)) for A in X[:25]]
    hoeffding, entries = (
        cdist(signatures, signatures, "sqeuclidean")
        for signatures in (GromovSignature(kind=kind).fit_transform(X[:25]) for kind in ("hoeffding", "slb"))
    )
    for i in range(25):
        for k in range(i):
            pair = costs[i], uniform(len(costs[i])), costs[k], uniform(len(costs[k]))
            assert hoeffding[i, k] <= oracles.spectral(*pair) + 1e-12
            assert entries[i, k] <= oracles.slb(*pair) + 1e-12


def test_regular_graphs_of_the_atlas_differ_by_spectrum_alone():
    cubic = [nx.circular_ladder_graph(4), nx.moebius_kantor_graph(), nx.cubical_graph()]
    matrices = [graph_matrix(graph) for graph in cubic]
    cube, kantor, cubical = GromovSignature("precomputed").fit_transform(matrices)
    np.testing.assert_allclose(cube, cubical, atol=1e-13)
    difference = cube - kantor
    deviations = [
        name.startswith("deviation") for name in GromovSignature("precomputed").fit(matrices).get_feature_names_out()
    ]
    np.testing.assert_allclose(difference[deviations], 0.0, atol=1e-13)
    assert np.abs(difference).max() > 0.1
