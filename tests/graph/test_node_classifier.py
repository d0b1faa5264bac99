"""NodeKernelClassifier: its four rules against their definitions, nodes as samples, and searches over everything."""

from fractions import Fraction
from operator import mul

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

from statlearn.datasets import make_sbm
from statlearn.graph import NodeKernelClassifier, SpectralGraph, node_kernel
from statlearn.graph._label_scores import kernel_ridge, project_to_simplex

from . import reference
from .reference import karate, weighted_random

METHODS = ["ridge", "similarity", "svc", "lgc"]
every_method = pytest.mark.parametrize("method", METHODS)
SECOND_CLUB = np.array([9, *range(14, 16), 18, 20, *range(22, 34)])  # of Zachary's two, with node 8 in the first


def clubs():
    y = np.zeros(34, dtype=int)
    y[SECOND_CLUB] = 1
    return y


def column(nodes):
    return np.asarray(nodes).reshape(-1, 1)


def options_of(method):
    return {"kernel": "ppr", "t": 0.8} if method == "lgc" else {}


def scaled_kernel(A, name, t=None, log=False):
    """Centered, with a mean diagonal of 1 in absolute value, which is what ``reg`` refers to."""
    K = reference.centered(node_kernel(A, name, t, log=log))
    return K / np.abs(np.diag(K)).mean()


# ------------------------------------------------------------------------------------------------------- the four rules
def least_squares(K, nodes, onehot, weights, reg):
    """``sum_i w_i |y_i - f(i)|^2 + reg |f - b|^2`` in explicit features of a positive semi-definite kernel."""
    values, vectors = np.linalg.eigh(K)
    F = vectors * np.sqrt(np.maximum(values, 0.0))
    root = np.sqrt(weights)[:, None]
    rows = np.vstack([np.hstack([root * F[nodes], root]), np.sqrt(reg) * np.eye(len(K), len(K) + 1)])
    targets = np.vstack([root * onehot, np.zeros((len(K), onehot.shape[1]))])
    solution = np.linalg.lstsq(rows, targets, rcond=None)[0]
    return F @ solution[:-1] + solution[-1]


@pytest.mark.parametrize("reg", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("name", ["heat", "comm", "ct", "absorption"])
def test_ridge_is_least_squares_in_feature_space(name, reg, rng):
    A, nodes = weighted_random(rng, 25), rng.permutation(25)[:12]
    y, weights = np.arange(12) % 3, rng.uniform(0.2, 3.0, size=12)
    model = NodeKernelClassifier(A, kernel=name, reg=reg).fit(column(nodes), y, sample_weight=weights)
    expected = least_squares(scaled_kernel(A, name), nodes, np.eye(3)[y], weights, reg)
    np.testing.assert_allclose(model.scores_, expected, atol=1e-8)
    np.testing.assert_allclose(model.scores_.sum(axis=1), 1.0, atol=1e-10)
    assert model.certificate_["linear system"].holds


def test_similarity_is_a_mean_over_labeled_nodes(rng):
    A = weighted_random(rng, 20)
    nodes, y, weights = np.array([0, 3, 5, 9, 11]), np.array([0, 1, 0, 2, 1]), np.array([1.0, 2.0, 3.0, 1.0, 0.5])
    model = NodeKernelClassifier(A, kernel="comm", log=True, method="similarity")
    model.fit(column(nodes), y, sample_weight=weights)
    K = scaled_kernel(A, "comm", log=True)
    expected = np.column_stack([K[:, nodes[y == c]] @ weights[y == c] / weights[y == c].sum() for c in range(3)])
    np.testing.assert_allclose(model.scores_, expected, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("reg", [0.1, 2.0])
def test_svc_is_that_of_sklearn_on_the_kernel(n_classes, reg, rng):
    A, nodes = weighted_random(rng, 24), np.arange(0, 24, 2)
    y, weights = np.arange(12) % n_classes, rng.uniform(0.5, 2.0, size=12)
    model = NodeKernelClassifier(A, kernel="heat", method="svc", reg=reg).fit(column(nodes), y, weights)
    K = scaled_kernel(A, "heat")
    svc = SVC(kernel="precomputed", C=1 / reg).fit(K[np.ix_(nodes, nodes)], y, sample_weight=weights)
    expected = svc.decision_function(K[:, nodes])
    found = model.decision_function(column(range(24)))
    np.testing.assert_allclose(found, (2.0 if n_classes == 2 else 1.0) * expected, atol=1e-10)
    assert found.shape == expected.shape
    if n_classes == 2:
        np.testing.assert_array_equal(model.predict(column(range(24))), svc.predict(K[:, nodes]))


@pytest.mark.parametrize("a", [0.1, 0.8, 0.99])
def test_label_spreading_is_its_closed_form(a, rng):
    A = weighted_random(rng, 20)
    nodes, y = np.array([0, 3, 5, 9]), np.array([0, 1, 0, 2])
    model = NodeKernelClassifier(A, kernel="ppr", t=a, method="lgc").fit(column(nodes), y)
    Y = np.zeros((20, 3))
    Y[nodes, y] = 1.0
    F = np.linalg.solve(np.eye(20) - a * reference.between_root_degrees(A, A), Y)
    np.testing.assert_allclose(model.scores_, F, rtol=0, atol=1e-10 * F.max())
    np.testing.assert_allclose(model.predict_proba(column(range(20))), F / F.sum(axis=1, keepdims=True), atol=1e-10)


def test_label_spreading_is_that_of_sklearn():
    A, y = karate(), np.full(34, -1)
    y[[0, 5, 33, 29]] = [0, 0, 1, 1]
    theirs = LabelSpreading(
        kernel=lambda X, Z: A[np.ix_(X.ravel().astype(int), Z.ravel().astype(int))], alpha=0.8, max_iter=2000, tol=1e-14
    )
    theirs.fit(column(range(34)), y)
    ours = NodeKernelClassifier(A, kernel="ppr", t=0.8, method="lgc").fit(column(range(34)), y)
    np.testing.assert_allclose(ours.predict_proba(column(range(34))), theirs.label_distributions_, atol=1e-10)
    np.testing.assert_array_equal(ours.predict(column(range(34))), theirs.transduction_)


def test_two_labels_on_the_karate_club_are_enough():
    """The first node and the last, of the two clubs: 33 of 34 are right."""
    networkx = pytest.importorskip("networkx")
    club = networkx.karate_club_graph()
    y = np.array([club.nodes[node]["club"] for node in range(34)])
    graph = SpectralGraph(club, weight=None)
    model = NodeKernelClassifier(graph, kernel="ppr", t=0.8, method="lgc").fit([[0], [33]], y[[0, 33]])
    assert np.sum(model.predict(column(range(34))) == y) == 33
    assert model.classes_.tolist() == ["Mr. Hi", "Officer"]


@pytest.mark.parametrize("options", [{"kernel": "heat"}, {"kernel": "ppr", "log": True}])
def test_label_spreading_has_one_kernel(options):
    model = NodeKernelClassifier(karate(), method="lgc", **options)
    with pytest.raises(ValueError, match=r"method='lgc' is a personalized PageRank: set kernel='ppr' and log=False"):
        model.fit([[0], [1]], [0, 1])


def test_minus_one_is_a_class_of_the_other_rules():
    model = NodeKernelClassifier(karate(), kernel="heat").fit(column([0, 33, 1]), [-1, 1, -1])
    assert model.classes_.tolist() == [-1, 1]


# --------------------------------------------------------------------------------------------------- indefinite kernels
def spectrum(K):
    values, vectors = np.linalg.eigh(K)
    return values, vectors


@pytest.mark.parametrize("method", ["ridge", "svc"])
@pytest.mark.parametrize("indefinite", ["clip", "shift"])
def test_indefinite_kernels_are_repaired_in_the_open(method, indefinite):
    A, nodes, y = karate(), np.arange(0, 34, 3), clubs()[::3]
    K = reference.centered(node_kernel(A, "comm", 5.0, log=True))
    values, vectors = spectrum(K)
    assert values[0] < -1e-3 * values[-1]
    repaired = {"clip": (vectors * np.maximum(values, 0)) @ vectors.T, "shift": K - values[0] * np.eye(34)}[indefinite]
    repaired /= np.abs(np.diag(repaired)).mean()
    options = {"kernel": "comm", "t": 5.0, "log": True, "method": method, "indefinite": indefinite}
    model = NodeKernelClassifier(A, **options).fit(column(nodes), y)
    if method == "ridge":
        expected = least_squares(repaired, nodes, np.eye(2)[y], np.ones(len(nodes)), 1.0)
        np.testing.assert_allclose(model.scores_, expected, atol=1e-8)
    else:
        svc = SVC(kernel="precomputed", C=1.0).fit(repaired[np.ix_(nodes, nodes)], y)
        np.testing.assert_allclose(model.scores_[:, 1], svc.decision_function(repaired[:, nodes]), atol=1e-8)
    share = -values[values < 0].sum() / np.abs(values).sum()
    assert model.certificate_["negative share of the spectrum"].statistic == pytest.approx(share, rel=1e-9)


@pytest.mark.parametrize("method", ["ridge", "svc"])
def test_indefinite_kernels_can_be_refused(method):
    model = NodeKernelClassifier(karate(), kernel="comm", t=5.0, log=True, method=method, indefinite="raise")
    with pytest.raises(ValueError, match=r"kernel is indefinite: its smallest eigenvalue is -.*indefinite='clip' or"):
        model.fit([[0], [33]], [0, 1])
    model.set_params(method="similarity").fit([[0], [33]], [0, 1])  # asks for nothing
    model.set_params(method=method, log=False).fit([[0], [33]], [0, 1])


@pytest.mark.parametrize("name", ["scct", "sp", "rsp", "fe", "sct", "ppr", "heat_ppr"])
def test_kernels_without_a_proof_are_examined(name):
    """What is definite on this graph passes and is reported with a share of zero."""
    K = reference.centered(node_kernel(karate(), name))
    indefinite = spectrum(K)[0][0] < -1e-9 * np.abs(K).max()
    model = NodeKernelClassifier(karate(), kernel=name, indefinite="raise")
    if indefinite:
        with pytest.raises(ValueError, match="kernel is indefinite"):
            model.fit([[0], [33]], [0, 1])
        share = model.set_params(indefinite="clip").fit([[0], [33]], [0, 1]).certificate_
        assert share["negative share of the spectrum"].statistic > 0.0
    else:
        share = model.fit([[0], [33]], [0, 1]).certificate_
        assert share["negative share of the spectrum"].statistic == 0.0


# ----------------------------------------------------------------------------------------------------- nodes as samples
@every_method
def test_predictions_follow_the_scores(method):
    nodes, y = column(range(0, 34, 3)), clubs()[::3]
    model = NodeKernelClassifier(karate(), method=method, **options_of(method)).fit(nodes, y)
    everyone = column(range(34))
    decision = model.decision_function(everyone)
    np.testing.assert_array_equal(decision, model.scores_[:, 1] - model.scores_[:, 0])
    np.testing.assert_array_equal(model.predict(everyone), (decision > 0).astype(int))
    np.testing.assert_array_equal(model.predict(column([7, 7, 2])), model.predict(everyone)[[7, 7, 2]])
    assert model.score(everyone, clubs()) > 0.85
    assert model.n_features_in_ == 1 and model.scores_.shape == (34, 2)


@pytest.mark.parametrize("method", ["ridge", "lgc"])
def test_probabilities(method, rng):
    A, nodes = weighted_random(rng, 20), rng.permutation(20)[:9]
    model = NodeKernelClassifier(A, method=method, **options_of(method)).fit(column(nodes), np.arange(9) % 3)
    everyone = column(range(20))
    proba = model.predict_proba(everyone)
    assert proba.shape == (20, 3) and proba.min() >= 0.0
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(everyone))


@pytest.mark.parametrize("method", ["similarity", "svc"])
def test_rules_without_probabilities(method):
    model = NodeKernelClassifier(karate(), method=method).fit([[0], [33]], [0, 1])
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError) as caught:
        model.predict_proba([[0]])
    assert "predict_proba needs method 'ridge' or 'lgc'" in str(caught.value.__cause__)


def test_the_nearest_point_of_the_simplex(rng):
    """Its conditions: p - row is constant where p is positive, and not smaller elsewhere."""
    rows = np.vstack([rng.normal(scale=2.0, size=(50, 4)), np.eye(4), np.full((1, 4), 0.25), np.full((1, 4), -3.0)])
    points = project_to_simplex(rows)
    assert points.min() >= 0.0
    np.testing.assert_allclose(points.sum(axis=1), 1.0, atol=1e-14)
    for row, point in zip(rows, points, strict=True):
        moved = point - row
        assert np.ptp(moved[point > 0]) < 1e-14
        assert (moved[point == 0] >= moved[point > 0].max() - 1e-14).all()
    np.testing.assert_allclose(points[50:54], np.eye(4), atol=1e-15)


@every_method
def test_a_weight_is_as_many_copies(method):
    nodes, y = np.array([0, 1, 5, 33, 32, 30]), np.array([0, 0, 0, 1, 1, 1])
    counts = np.array([1, 3, 2, 1, 2, 0])
    model = NodeKernelClassifier(karate(), method=method, **options_of(method))
    weighted = clone(model).fit(column(nodes), y, sample_weight=counts).scores_
    copied = clone(model).fit(column(np.repeat(nodes, counts)), np.repeat(y, counts)).scores_
    np.testing.assert_allclose(weighted, copied, atol=2e-3 if method == "svc" else 1e-9)
    unweighted = clone(model).fit(column(nodes), y).scores_
    assert np.abs(weighted - unweighted).max() > 0.01
    np.testing.assert_allclose(clone(model).fit(column(nodes), y, np.ones(6)).scores_, unweighted, atol=1e-10)


def exact_ridge(K, nodes, onehot, weights, reg):
    """The solution of the system of kernel ridge regression in rational numbers."""
    m = len(nodes)
    K = [[Fraction(entry) for entry in row] for row in K.tolist()]
    system = [[K[i][j] for j in nodes] + [Fraction(1)] for i in nodes] + [[Fraction(1)] * m + [Fraction(0)]]
    for i in range(m):
        system[i][i] += Fraction(float(reg)) / Fraction(float(weights[i]))
    right = [[Fraction(int(entry)) for entry in row] for row in onehot] + [[Fraction(0)] * onehot.shape[1]]
    rows = [left + ends for left, ends in zip(system, right, strict=True)]
    for k in range(m + 1):
        pivot = next(i for i in range(k, m + 1) if rows[i][k] != 0)
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [entry / rows[k][k] for entry in rows[k]]
        for i in range(m + 1):
            if i != k and rows[i][k] != 0:
                rows[i] = [entry - rows[i][k] * other for entry, other in zip(rows[i], rows[k], strict=True)]
    columns = list(zip(*(row[m + 1 :] for row in rows), strict=True))
    features = [[row[j] for j in nodes] + [Fraction(1)] for row in K]
    return np.array([[float(sum(map(mul, row, column))) for column in columns] for row in features])


@pytest.mark.parametrize(
    "weights",
    [
        *(np.full(6, scale) for scale in (1e-150, 1e-30, 1e-8, 1.0, 1e7, 1e8, 1e16, 1e30, 1e150)),
        np.array([1e30, 1.0, 1.0, 1.0, 1.0, 1.0]),
        np.array([1e-30, 1.0, 1.0, 1.0, 1.0, 1.0]),
        np.array([1e30, 1e-3, 1.0, 1e30, 1e8, 1e-30]),
        np.array([1e150, 1e-150, 1.0, 1e30, 1e100, 1e-100]),
    ],
)
def test_ridge_is_exact_for_weights_of_any_size(weights, rng):
    """Largest and smallest weights, and all between in one problem, against rational arithmetic."""
    F = rng.normal(size=(9, 12))
    K, nodes, onehot = F @ F.T / 12.0, rng.permutation(9)[:6].tolist(), np.eye(2)[[0, 1, 0, 1, 1, 0]]
    found = kernel_ridge(K, nodes, onehot, weights, 1.0)
    np.testing.assert_allclose(found.scores, exact_ridge(K, nodes, onehot, weights, 1.0), atol=1e-12)
    assert found.residual < 1e-12


@pytest.mark.parametrize("kernel", ["scct", "heat", "ct"])
def test_heavy_labels_are_met_and_light_ones_leave_their_shares(kernel):
    nodes, y = np.arange(0, 34, 2), clubs()[::2]
    model = NodeKernelClassifier(karate(), kernel=kernel)
    for scale in (1e16, 1e30, 1e150):
        model.fit(column(nodes), y, np.full(17, scale))
        np.testing.assert_array_equal(model.predict(column(nodes)), y)
        np.testing.assert_allclose(model.predict_proba(column(nodes)).max(axis=1), 1.0, atol=1e-6)
        assert model.certificate_["linear system"].holds
    for scale in (1e-30, 1e-150):
        model.fit(column(nodes), y, np.full(17, scale))
        np.testing.assert_allclose(model.predict_proba(column(range(34)))[:, 1], y.mean(), atol=1e-12)


def test_a_common_factor_on_the_weights_does_nothing_to_means():
    nodes, y = column(range(0, 34, 2)), clubs()[::2]
    model = NodeKernelClassifier(karate(), method="similarity")
    expected = clone(model).fit(nodes, y).scores_
    for scale in (1e-300, 1e308):  # whose sum overflows
        np.testing.assert_allclose(clone(model).fit(nodes, y, np.full(17, scale)).scores_, expected, atol=1e-12)


def test_ridge_without_rank_takes_the_flattest_of_the_best_fits(rng):
    """Heavy labels that contradict each other, of nodes that the kernel takes for one: their mean."""
    F = rng.normal(size=(8, 3))
    F[1] = F[0]
    nodes, onehot = [0, 1, 2, 3, 4, 5], np.eye(2)[[0, 1, 0, 1, 1, 0]]
    scores = kernel_ridge(F @ F.T, nodes, onehot, np.full(6, 1e40), 1.0).scores
    centered = F[nodes] - F[nodes].mean(axis=0)
    slopes = np.linalg.lstsq(centered, onehot)[0]
    np.testing.assert_allclose(scores, onehot.mean(axis=0) + (F - F[nodes].mean(axis=0)) @ slopes, atol=1e-8)


def test_ridge_of_a_kernel_that_rounding_made_indefinite():
    """Its negative part is left out where the penalty does not make up for it."""
    K = np.eye(5)
    K[4, 4] = -1e-7
    scores = kernel_ridge(K, list(range(5)), np.eye(2)[[0, 1, 0, 1, 0]], np.ones(5), 1.1e-8).scores
    np.testing.assert_array_equal(scores.argmax(axis=1)[:4], [0, 1, 0, 1])
    assert np.isfinite(scores).all()


@every_method
def test_contradicting_labels_of_one_node(method):
    model = NodeKernelClassifier(karate(), method=method, **options_of(method))
    model.fit(column([0, 0, 0, 33]), [0, 1, 0, 1])
    assert np.isfinite(model.scores_).all() and model.predict([[33]]).tolist() == [1]


@every_method
def test_the_order_of_the_samples_does_not_matter(method, rng):
    nodes, y = np.arange(0, 34, 2), clubs()[::2]
    order = rng.permutation(17)
    model = NodeKernelClassifier(karate(), method=method, **options_of(method))
    first = clone(model).fit(column(nodes), y).scores_
    second = clone(model).fit(column(nodes[order]), y[order]).scores_
    np.testing.assert_allclose(first, second, atol=2e-3 if method == "svc" else 1e-9)


@every_method
def test_names_of_nodes_and_of_classes(method):
    pandas = pytest.importorskip("pandas")
    names = [f"node {i}" for i in range(34)]
    named = pandas.DataFrame(karate(), index=names, columns=names)
    labels = np.array(["first", "second"])[clubs()]
    train = np.arange(0, 34, 3)
    plain = NodeKernelClassifier(karate(), method=method, **options_of(method)).fit(column(train), clubs()[train])
    model = NodeKernelClassifier(named, method=method, **options_of(method))
    for X in (
        column(np.array(names)[train]),
        column(np.array(names, dtype=object)[train]),
        pandas.DataFrame({"node": np.array(names)[train]}),
        [[names[i]] for i in train],
    ):
        model.fit(X, labels[train])
        np.testing.assert_array_equal(model.scores_, plain.scores_)
        assert model.predict(X[:2] if isinstance(X, (list, np.ndarray)) else X.iloc[:2]).tolist() == ["first"] * 2
    assert model.classes_.tolist() == ["first", "second"]
    with pytest.raises(ValueError, match=r"X must hold names of nodes of the graph\. Got 'nobody', which is none"):
        model.predict([["nobody"]])


def test_names_that_are_numbers_in_another_order():
    networkx = pytest.importorskip("networkx")
    club = networkx.relabel_nodes(networkx.karate_club_graph(), {i: 100 - i for i in range(34)})
    model = NodeKernelClassifier(SpectralGraph(club, weight=None), kernel="heat").fit([[100], [67]], [0, 1])
    plain = NodeKernelClassifier(karate(), kernel="heat").fit([[0], [33]], [0, 1])
    np.testing.assert_array_equal(model.predict([[96], [70]]), plain.predict([[4], [30]]))
    with pytest.raises(ValueError, match=r"Got 4, which is none of them"):
        model.predict([[4]])


BAD_NODES = {
    "too large": ([[0], [34]], r"integers from 0 to 33\. Got 34\."),
    "negative": ([[0], [-1]], r"integers from 0 to 33\. Got -1\."),
    "fractions": ([[0.0], [1.5]], r"integers from 0 to 33\. Got 1\.5\."),
    "names": ([["a"], ["b"]], r"integers from 0 to 33\. Got 'a'; the graph has no names"),
    "two columns": ([[0, 1], [1, 0]], r"X must have one column, the ids of nodes\. Got shape \(2, 2\)"),
    "the adjacency": (karate()[:2], r"X must have one column.*The graph is a parameter: NodeKernelClassifier\(graph\)"),
    "missing": ([[0.0], [np.nan]], "contains NaN"),
    "a vector": ([0, 1], "Expected 2D array, got 1D array"),
}


@pytest.mark.parametrize("name", BAD_NODES)
def test_nodes_that_are_refused(name):
    X, message = BAD_NODES[name]
    with pytest.raises(ValueError, match=message):
        NodeKernelClassifier(karate()).fit(X, [0, 1])


@pytest.mark.parametrize(
    ("y", "weights", "message"),
    [
        ([0, 0], None, r"y must have more than one class\. Got one class, 0: add labeled nodes"),
        ([0, 1], [1.0, 0.0], r"among the labeled nodes of positive weight\. Got one class, 0: .* sample_weight"),
        ([0, 1, 1], None, "inconsistent numbers of samples"),
        ([0.5, 1.7], None, "Unknown label type"),
        ([0, 1], [1.0, -1.0], "Negative values in data passed to `sample_weight`"),
        ([0, 1], [1.0], r"sample_weight.shape == \(1,\), expected \(2,\)"),
    ],
)
def test_labels_that_are_refused(y, weights, message):
    with pytest.raises(ValueError, match=message):
        NodeKernelClassifier(karate()).fit([[0], [33]], y, sample_weight=weights)


def test_whole_floats_are_ids_and_other_nodes_may_be_asked_for():
    model = NodeKernelClassifier(karate(), kernel="heat").fit([[0.0], [33.0]], [0, 1])
    assert model.predict(column(range(34))).shape == (34,)


# ------------------------------------------------------------------------------------------- searches, pipelines, folds
def test_cross_validation_over_nodes():
    X, y = make_sbm([30, 30], [[0.4, 0.05], [0.05, 0.4]], random_state=0)
    graph, nodes = SpectralGraph(X), column(range(60))
    scores = cross_val_score(NodeKernelClassifier(graph, kernel="comm", log=True), nodes, y, cv=5)
    assert scores.mean() > 0.95
    model = NodeKernelClassifier(graph, kernel="comm", log=True)
    expected = np.empty(60, dtype=int)
    for train, test in StratifiedKFold(5).split(nodes, y):
        expected[test] = clone(model).fit(nodes[train], y[train]).predict(nodes[test])
    np.testing.assert_array_equal(cross_val_predict(model, nodes, y, cv=5), expected)


def test_labels_of_test_nodes_play_no_part():
    """Shuffled classes cannot be learned: the folds' scores hover around chance."""
    y = np.random.default_rng(0).permutation(clubs())
    scores = cross_val_score(NodeKernelClassifier(SpectralGraph(karate()), kernel="heat"), column(range(34)), y, cv=5)
    assert scores.mean() < 0.75


def test_one_grid_search_over_kernel_parameter_logarithm_and_rule():
    X, y = make_sbm([25, 25], [[0.4, 0.1], [0.1, 0.4]], random_state=1)
    nodes = column(range(50))
    rest = {"kernel": ["heat", "comm", "nheat"], "t": [0.5, 4.0], "log": [False, True]}
    grid = [
        {**rest, "method": ["ridge", "svc"], "reg": [0.1, 1.0]},
        {**rest, "method": ["similarity"]},
        {"kernel": ["ppr"], "t": [0.5, 0.9], "method": ["lgc"]},
        {"kernel": ["scct", "ct"], "t": [None], "method": ["similarity", "ridge"]},
    ]
    search = GridSearchCV(NodeKernelClassifier(SpectralGraph(X)), grid, cv=3, error_score="raise").fit(nodes, y)
    assert len(search.cv_results_["params"]) == 48 + 12 + 2 + 4
    assert search.best_score_ > 0.9
    one = search.cv_results_["params"][7]
    alone = cross_val_score(NodeKernelClassifier(X, **one), nodes, y, cv=3)
    assert search.cv_results_["mean_test_score"][7] == pytest.approx(alone.mean(), abs=1e-12)


def test_a_search_in_threads_agrees():
    nodes, y = column(range(34)), clubs()
    grid = {"kernel": ["heat", "comm"], "t": [0.5, 2.0], "log": [False, True]}
    with parallel_config(backend="threading"):
        found = [
            GridSearchCV(NodeKernelClassifier(SpectralGraph(karate())), grid, cv=3, n_jobs=n_jobs).fit(nodes, y)
            for n_jobs in (1, 4)
        ]
    np.testing.assert_array_equal(*(search.cv_results_["mean_test_score"] for search in found))


def test_pipelines_and_metadata():
    nodes, y, weights = column(range(34)), clubs(), np.linspace(0.5, 2.0, 34)
    model = NodeKernelClassifier(SpectralGraph(karate()), kernel="heat")
    pipeline = make_pipeline(FunctionTransformer(), model).fit(nodes, y, nodekernelclassifier__sample_weight=weights)
    np.testing.assert_array_equal(pipeline[-1].scores_, clone(model).fit(nodes, y, weights).scores_)
    search = GridSearchCV(pipeline, {"nodekernelclassifier__t": [0.5, 2.0]}, cv=3)
    search.fit(nodes, y, nodekernelclassifier__sample_weight=weights)
    assert search.best_estimator_.predict(nodes).shape == (34,)


def test_a_scorer_of_decisions():
    scorer = make_scorer(lambda y, decision: np.corrcoef(y, decision)[0, 1], response_method="decision_function")
    model = NodeKernelClassifier(karate(), kernel="heat", t=3.0)
    assert cross_val_score(model, column(range(34)), clubs(), cv=3, scoring=scorer).mean() > 0.5


def test_what_is_remembered_is_asked_for_again():
    """A kernel kept for the next fold serves only the same measure, parameter, rule and repair."""
    graph = SpectralGraph(karate())
    nodes, y = column(range(0, 34, 2)), clubs()[::2]
    variants = [
        {"kernel": "comm", "t": 5.0, "log": True},
        {"kernel": "comm", "t": 5.0, "log": True, "indefinite": "shift"},
        {"kernel": "comm", "t": 5.0, "log": True, "method": "similarity"},
        {"kernel": "comm", "t": 5.0},
        {"kernel": "comm", "t": 4.0},
        {"kernel": "absorption", "t": np.linspace(1, 2, 34)},
        {"kernel": "absorption", "t": np.linspace(2, 1, 34)},
    ]
    for options in variants:
        shared = NodeKernelClassifier(graph, **options).fit(nodes, y)
        alone = NodeKernelClassifier(karate(), **options).fit(nodes, y)
        np.testing.assert_array_equal(shared.scores_, alone.scores_)
        np.testing.assert_array_equal(NodeKernelClassifier(graph, **options).fit(nodes, y).scores_, shared.scores_)
