"""Cases in which an earlier version was wrong without a word."""

import joblib
import networkx as nx
import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from statlearn.datasets import make_sbm
from statlearn.graph import (
    GraphKernelKMeans,
    GraphKernelWard,
    KernelKMeans,
    NodeKernel,
    NodeKernelClassifier,
    SpectralGraph,
    node_distance,
    node_kernel,
    sweep_cluster,
)
from statlearn.graph._catalog import MEASURES
from statlearn.graph._lanczos import lanczos_features

from .reference import complete, karate, path


def two_paths(n):
    return sparse.block_diag([path(n), path(n)]).toarray()


def test_landmark_columns_come_back_from_processes():
    graph, _ = make_sbm([60, 60], (0.3, 0.05), random_state=0)
    options = {"log": True, "method": "landmark", "n_landmarks": 70, "n_components": 3, "random_state": 0}
    expected = NodeKernel("heat", 2.0, **options).fit_transform(graph)
    with joblib.parallel_config("loky", n_jobs=2):
        found = NodeKernel("heat", 2.0, **options, n_jobs=2).fit_transform(graph)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("method", ["ridge", "similarity", "svc"])
@pytest.mark.parametrize(("kernel", "log"), [("scct", False), ("heat", True), ("heat", False)])
def test_a_component_knows_its_own_labels_only(method, kernel, log):
    model = NodeKernelClassifier(two_paths(20), kernel=kernel, log=log, method=method, disconnected="block")
    model.fit([[0], [1], [20], [21]], ["a", "a", "b", "b"])
    assert model.predict(np.arange(40).reshape(-1, 1)).tolist() == ["a"] * 20 + ["b"] * 20


@pytest.mark.parametrize("method", ["ridge", "similarity", "svc"])
def test_a_component_without_one_of_the_classes(method):
    graph = sparse.block_diag([path(6), path(6)]).toarray()
    model = NodeKernelClassifier(graph, kernel="heat", method=method).fit([[0], [5], [6], [11]], [0, 1, 2, 2])
    found = model.predict(np.arange(12).reshape(-1, 1))
    assert set(found[:6]) == {0, 1} and set(found[6:]) == {2}
    assert np.isfinite(model.decision_function(np.arange(12).reshape(-1, 1))).all()


@pytest.mark.parametrize("t", [32.0, 45.0, 64.0])
def test_large_t_leaves_the_eigenvectors_that_tell_clusters_apart(t):
    """The constant eigenvector outweighs them by 1e25, and cancels."""
    graph, y = make_sbm([100, 100], (0.9, 0.7), random_state=0)
    graph = SpectralGraph(graph)
    vector = graph.decomposition("L").vectors[:, 1]
    assert adjusted_rand_score(y, vector > np.median(vector)) > 0.9
    for model in (GraphKernelKMeans(2, kernel="heat", t=t, random_state=0), GraphKernelWard(2, kernel="heat", t=t)):
        assert adjusted_rand_score(y, model.fit(graph).labels_) > 0.9


def test_distances_of_plain_kernels_keep_their_digits():
    graph = SpectralGraph(karate())
    part = graph.decomposition("L")
    rest = part.vectors[:, 1:] * np.exp(-250.0 * part.values[1:])
    expected = ((rest[0] - rest[33]) ** 2).sum()
    assert node_distance(graph, "heat", 500.0, scale="raw")[0, 33] == pytest.approx(expected, rel=1e-9)
    assert 0.0 < expected < 1e-20


def test_label_spreading_reaches_far_nodes_with_all_digits():
    model = NodeKernelClassifier(path(101), kernel="ppr", t=0.1, method="lgc").fit([[0], [100]], ["a", "b"])
    found = model.predict(np.arange(101).reshape(-1, 1))
    assert (found[:50] == "a").all() and (found[51:] == "b").all()
    assert model.scores_.min() > 0.0


@pytest.mark.parametrize("A", [np.ones((5, 5)), np.outer(np.arange(1.0, 6.0), np.arange(1.0, 6.0))])
@pytest.mark.filterwarnings("ignore::statlearn.exceptions.SelfLoopWarning")
def test_rounding_is_not_standardized(A):
    for kernel in ("scct", "cct"):
        with pytest.raises(ValueError, match="constant"):
            GraphKernelKMeans(2, kernel=kernel).fit(A)


@pytest.mark.parametrize("kernel", ["rsp", "fe"])
def test_path_distances_without_digits_are_refused(kernel):
    limit = node_distance(karate(), "commute_time") * karate().sum() / 2.0
    found = node_distance(karate(), kernel, 1e-7, scale="raw")
    np.testing.assert_allclose(found, limit, rtol=1e-4)
    with pytest.raises(ValueError, match=rf"t is too small for {kernel}.*Increase t, or use kernel='commute_time'"):
        node_distance(karate(), kernel, 1e-16, scale="raw")


@pytest.mark.parametrize("rate", [1e-14, 1.0, 100.0])
def test_absorption_with_one_rate_is_a_forest(rate):
    D = node_distance(karate(), "absorption", rate, log=True, scale="raw")
    np.testing.assert_allclose(D, node_distance(karate(), "forest", 1.0 / rate, log=True, scale="raw"), rtol=1e-9)
    rates = node_distance(karate(), "absorption", np.full(34, rate), log=True, scale="raw")
    np.testing.assert_allclose(D, rates, atol=1e-13)


@pytest.mark.parametrize("name", ["forest", "modified_ppr", "absorption"])
def test_resistances_to_a_ground_are_metrics(name, rng):
    """The inverse of a Laplacian with a ground: its distance is a resistance of the graph with one more node."""
    A = np.triu(rng.random((12, 12)) ** 8, 1)
    A[np.arange(11), np.arange(1, 12)] += 0.01
    for t in (0.05, 0.5, 0.99):
        D = node_distance(A + A.T, name, t)
        assert all((D[:, k, None] + D[None, k] + 1e-12 * D.max() >= D).all() for k in range(12))


def test_isolated_nodes_have_no_part_in_lanczos_features():
    graph, _ = make_sbm([300, 300], (0.05, 0.01), random_state=0)
    A = sparse.block_diag([graph, np.zeros((3, 3))], format="csr")
    made = lanczos_features(SpectralGraph(A), MEASURES["normalized_heat"], 5.0, 6, 0)
    K = node_kernel(A, "normalized_heat", 5.0)
    assert np.linalg.norm(K - made.matrix @ made.matrix.T, 2) <= made.error * np.linalg.norm(K, 2) * (1 + 1e-9)


@pytest.mark.parametrize(("name", "found"), [("nheat", True), ("comm", True), ("heat", False), ("forest", False)])
def test_on_sparse_graphs_the_ends_of_the_laplacian_are_nodes_of_small_degree(name, found, seed):
    """As the user guide says: no fault of the iteration, but a reason not to take these kernels."""
    graph, y = make_sbm([1500, 1500], (12 / 1500, 3 / 1500), random_state=seed)
    model = NodeKernel(name, method="lanczos", n_components=4, random_state=0).fit(graph)
    labels = KMeans(2, n_init=10, random_state=0).fit_predict(model.features_)
    score = adjusted_rand_score(y, labels)
    assert score > 0.8 if found else score < 0.2


def test_negative_weights_do_not_pass_by_symmetrizing():
    with pytest.raises(ValueError, match="non-negative edge weights"):
        SpectralGraph([[0, -1, 2], [0, 0, 1], [2, 1, 0]], symmetrize="max")


def test_a_single_node_cannot_be_poisoned():
    options = {"log": True, "disconnected": "block", "center": True}
    A = sparse.block_diag([path(3), np.zeros((1, 1))]).toarray()
    K = NodeKernel("katz", **options).fit_transform(A)
    K[:] = 7.0
    assert NodeKernel("katz", **options).fit_transform(A)[3, 3] == 0.0


def test_a_component_is_factorized_once(monkeypatch):
    from statlearn.graph import _decompositions

    calls, compute = [], _decompositions._eigh
    monkeypatch.setattr(_decompositions, "_eigh", lambda matrix: (calls.append(len(matrix)), compute(matrix))[1])
    graph = SpectralGraph(two_paths(20))
    for t in (1.0, 2.0, 3.0):
        GraphKernelKMeans(2, kernel="heat", log=True, t=t, disconnected="largest", random_state=0).fit(graph)
    assert calls == [20]


def test_the_scale_is_that_of_the_kept_component():
    A = sparse.block_diag([karate(), np.zeros((500, 500))], format="csr")
    model = NodeKernel("heat", log=True, disconnected="largest").fit(A)
    assert model.t_ == NodeKernel("heat", log=True).fit(karate()).t_


def test_a_sweep_and_the_estimator_agree():
    graph, _ = make_sbm([15, 15, 15, 15], (0.3, 0.2), random_state=1)
    for seed in range(4):
        table = sweep_cluster(graph, ["nheat", "scct"], [0.5], n_clusters=5, random_state=seed)
        for kernel, labels in zip(table["kernel"], table["labels"], strict=True):
            model = GraphKernelKMeans(5, kernel=kernel, t=0.5, random_state=seed).fit(graph)
            np.testing.assert_array_equal(model.labels_, labels)


def test_what_rounding_hides_is_not_certified():
    points = np.random.default_rng(0).normal(size=(60, 2))
    points[30:] += 2.0
    far = points + 1e7
    assert KernelKMeans(2, random_state=0).fit(points @ points.T).certificate_
    assert not KernelKMeans(2, random_state=0).fit(far @ far.T).certificate_


def test_extreme_weights_and_parameters_are_refused():
    for weight in (1e-200, 1e200):
        with pytest.raises(ValueError, match=r"edge weights between 1e-120 and 1e\+120.*scale them"):
            node_kernel(weight * karate())
    for kernel, t in (("comm", 1e308), ("heat", 1e308), ("df", 1e300)):
        with pytest.raises(ValueError, match="beyond the range of floating-point numbers|same for all nodes|overflow"):
            node_kernel(karate(), kernel, t, log=True, scale="raw")


def test_a_search_that_stops_early_warns():
    graph, _ = make_sbm([40, 40], (0.3, 0.2), random_state=0)
    with pytest.warns(ConvergenceWarning, match="increase max_iter"):
        GraphKernelKMeans(6, kernel="katz", n_init=1, max_iter=1, random_state=0).fit(graph)


@pytest.mark.parametrize("ids", [np.ones((2, 1), dtype=bool), [["0"], ["1"]]])
def test_ids_that_are_no_numbers(ids):
    with pytest.raises(ValueError, match=r"one column of node ids, integers from 0 to 33.*the graph has no names"):
        NodeKernelClassifier(karate()).fit(ids, [0, 1])


def test_kernels_that_are_nearly_named():
    with pytest.raises(ValueError, match="Did you mean 'forest'"):
        node_kernel(karate(), "forrest")
    with pytest.raises(ValueError, match="kernel='log_heat' is written kernel='heat', log=True"):
        node_kernel(karate(), "log_heat")
    with pytest.raises(TypeError, match="log must be a bool"):
        node_kernel(karate(), "heat", log="no")


def test_complete_graphs_still_cluster():
    labels = GraphKernelKMeans(2, random_state=0).fit(complete(6)).labels_
    assert set(labels) == {0, 1}


@pytest.mark.parametrize("form", [nx.to_scipy_sparse_array, nx.to_numpy_array, SpectralGraph])
def test_a_classifier_of_nodes_in_a_file_of_skops(form):
    """Of a networkx graph itself skops makes no file; the documentation names these three forms instead."""
    skops_io = pytest.importorskip("skops.io")
    graph = nx.path_graph(8)
    nodes = np.arange(8).reshape(-1, 1)
    model = NodeKernelClassifier(form(graph)).fit(nodes, [0] * 4 + [1] * 4)
    data = skops_io.dumps(model)
    twin = skops_io.loads(data, trusted=skops_io.get_untrusted_types(data=data))
    np.testing.assert_array_equal(twin.predict_proba(nodes), model.predict_proba(nodes))
