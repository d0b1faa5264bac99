"""NodeKernel as a transformer: what it stores and returns, for which graphs, and next to other estimators."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import KernelPCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from statlearn.graph import KernelKMeans, NodeKernel, SpectralGraph, list_node_kernels, node_distance, node_kernel

from . import reference
from .reference import karate, path

LISTED = {row["name"]: row for row in list_node_kernels()}
PROXIMITIES = [(name, log) for name, row in LISTED.items() for log in (False, True) if row["has_log"] or not log]
every_proximity = pytest.mark.parametrize(("name", "log"), PROXIMITIES)


@every_proximity
def test_the_kernel_is_that_of_the_function(name, log):
    model = NodeKernel(name, log=log)
    K = model.fit_transform(karate())
    np.testing.assert_array_equal(K, node_kernel(karate(), name, log=log))
    np.testing.assert_array_equal(model.kernel_, K)
    K[:] = model.transform(karate())[:] = np.nan  # what is handed out belongs to the user
    assert np.isfinite(model.kernel_).all() and np.isfinite(model.transform(karate())).all()
    assert not hasattr(model, "distance_") and not hasattr(model, "features_")
    assert (model.n_features_in_, model.log_scale_) == (34, 0.0)
    assert model.spectral_radius_ == pytest.approx(np.linalg.eigvalsh(karate())[-1])
    np.testing.assert_array_equal(model.nodes_, np.arange(34))
    assert model.method_used_ and model.certificate_.claim


@every_proximity
def test_the_distance_is_that_of_the_function(name, log):
    model = NodeKernel(name, log=log, output="distance").fit(karate())
    np.testing.assert_array_equal(model.distance_, node_distance(karate(), name, log=log))
    assert not hasattr(model, "kernel_")


@every_proximity
def test_the_centered_kernel(name, log):
    K = NodeKernel(name, log=log, center=True).fit_transform(karate())
    full = node_kernel(karate(), name, log=log)
    np.testing.assert_allclose(K, reference.centered(full), rtol=0, atol=1e-12 * np.abs(full).max())
    np.testing.assert_allclose(K.sum(axis=0), 0.0, atol=1e-11 * np.abs(full).max())


def test_centered_logarithms_keep_digits_that_the_kernel_loses():
    """All entries of log exp(20 A) agree to 14 digits up to potentials that centering removes exactly."""
    K = NodeKernel("comm", 20.0, log=True, scale="raw", center=True).fit_transform(karate())
    D = node_distance(karate(), "comm", 20.0, log=True, scale="raw")
    assert D.max() < 1e-12
    np.testing.assert_allclose(K, reference.distance_to_kernel(D), rtol=0, atol=1e-11 * D.max())


@pytest.mark.parametrize("t", [0.2, 1.0, 5.0])
def test_the_raw_parameter_is_reported(t):
    model = NodeKernel("heat", t).fit(karate())
    assert model.t_ == pytest.approx(t / (156 / 34), rel=1e-14)
    np.testing.assert_array_equal(model.kernel_, node_kernel(karate(), "heat", model.t_, scale="raw"))
    assert NodeKernel("ct").fit(karate()).t_ is None


@pytest.mark.parametrize("method", ["eigh", "accurate"])
def test_the_route_is_chosen(method):
    model = NodeKernel("forest", method=method).fit(karate())
    np.testing.assert_allclose(model.kernel_, node_kernel(karate(), "forest"), atol=1e-14)
    assert ("spectral" in model.method_used_) == (method == "eigh")


def test_auto_takes_eigenvectors_only_where_they_are_accurate():
    assert "spectral" in NodeKernel("comm", 50.0, log=True, center=True).fit(karate()).method_used_
    assert "spectral" not in NodeKernel("comm", 0.01, log=True).fit(path(30)).method_used_
    assert NodeKernel("comm").fit(path(30)).method_used_ == "spectral"


def test_names_of_nodes():
    networkx = pytest.importorskip("networkx")
    florence = networkx.florentine_families_graph()
    model = NodeKernel("heat").fit(florence.subgraph(max(networkx.connected_components(florence), key=len)))
    assert model.feature_names_in_.dtype == object and "Medici" in model.feature_names_in_
    assert not hasattr(model.fit(karate()), "feature_names_in_")  # names of an earlier graph are forgotten
    grid = NodeKernel("heat").fit(networkx.grid_2d_graph(2, 3))
    assert not hasattr(grid, "feature_names_in_")  # names that are no strings


def test_data_frames_of_the_kernel():
    pandas = pytest.importorskip("pandas")
    names = list("abcd")
    graph = pandas.DataFrame(path(4), index=names, columns=names)
    K = NodeKernel("heat").set_output(transform="pandas").fit_transform(graph)
    assert K.index.tolist() == names and K.shape == (4, 4)
    np.testing.assert_array_equal(K.to_numpy(), node_kernel(path(4), "heat"))
    assert list(K.columns) == names
    F = NodeKernel("heat", n_components=2).set_output(transform="pandas").fit_transform(graph)
    assert F.index.tolist() == names and list(F.columns) == ["nodekernel0", "nodekernel1"]


def test_another_graph_is_refused():
    model = NodeKernel("heat").fit(karate())
    other = karate()
    other[0, 33] = other[33, 0] = 1.0
    for graph in (other, 2 * karate()):
        with pytest.raises(ValueError, match=r"transform accepts only the graph given to fit"):
            model.transform(graph)
    with pytest.raises(ValueError, match=r"X has 4 features, but NodeKernel is expecting 34 features as input"):
        model.transform(path(4))
    np.testing.assert_array_equal(model.transform(SpectralGraph(karate())), model.kernel_)


def test_refit_forgets_other_outputs():
    model = NodeKernel("heat").fit(karate())
    model.set_params(output="distance").fit(karate())
    assert hasattr(model, "distance_") and not hasattr(model, "kernel_")
    np.testing.assert_array_equal(model.transform(karate()), node_distance(karate(), "heat"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "eigh", "n_components": 3}, r"n_components needs method"),
        ({"method": "lanczos", "n_landmarks": 3}, r"n_landmarks needs method"),
        ({"method": "lanczos", "log": True}, r"log=True needs method='landmark'"),
        ({"output": "distance", "method": "lanczos"}, r"output='distance'"),
        ({"output": "distance", "center": True}, r"center=True needs output='kernel'|output='distance' needs"),
    ],
)
def test_options_that_do_not_fit_together(options, message):
    with pytest.raises(ValueError, match=message):
        NodeKernel("heat", **options).fit(karate())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "expm"}, "The 'method' parameter of NodeKernel must be a str among"),
        ({"output": "gram"}, "The 'output' parameter of NodeKernel must be a str among"),
        ({"disconnected": "ignore"}, "The 'disconnected' parameter of NodeKernel must be a str among"),
        ({"log": "yes"}, "The 'log' parameter of NodeKernel must be"),
        ({"n_components": 0}, "The 'n_components' parameter of NodeKernel must be an int in the range"),
    ],
)
def test_options_that_do_not_exist(options, message):
    with pytest.raises(ValueError, match=message):
        NodeKernel("heat", **options).fit(karate())


def test_in_front_of_estimators_of_precomputed_kernels(rng):
    y = np.repeat([0, 1], 17)
    graph = SpectralGraph(karate())
    K = node_kernel(graph, "heat", 2.0)
    svc = make_pipeline(NodeKernel("heat", 2.0), SVC(kernel="precomputed")).fit(graph, y)
    np.testing.assert_allclose(
        svc.decision_function(graph), SVC(kernel="precomputed").fit(K, y).decision_function(K), atol=1e-10
    )
    pca = make_pipeline(NodeKernel("heat", 2.0), KernelPCA(2, kernel="precomputed")).fit_transform(graph)
    values, vectors = np.linalg.eigh(reference.centered(K))
    np.testing.assert_allclose(np.abs(pca), np.abs(vectors[:, :-3:-1] * np.sqrt(values[:-3:-1])), atol=1e-10)
    kmeans = make_pipeline(NodeKernel("scct"), KernelKMeans(2, random_state=0))
    assert set(kmeans.fit_predict(graph)) == {0, 1}


def test_clones_and_pickles():
    model = NodeKernel("ppr", 0.5, log=True).fit(karate())
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.transform(karate()), model.kernel_)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "kernel_")


def test_the_result_is_no_view_of_what_the_graph_remembers():
    """Changing a kernel changes neither the graph's decompositions nor the next kernel."""
    graph = SpectralGraph(karate())
    for name, log in PROXIMITIES:
        first = node_kernel(graph, name, log=log)
        kept = first.copy()
        first[:] = np.nan
        np.testing.assert_array_equal(node_kernel(graph, name, log=log), kept)
