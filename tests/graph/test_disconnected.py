"""Disconnected graphs and isolated nodes at every door: refused, by component, or the largest component."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from statlearn.graph import (
    GraphKernelKMeans,
    GraphKernelWard,
    NodeKernel,
    NodeKernelClassifier,
    SpectralGraph,
    kernel_sweep,
    list_node_kernels,
    node_distance,
    node_kernel,
    sweep_cluster,
)

from . import reference

LISTED = {row["name"]: row for row in list_node_kernels()}
NEEDS_CONNECTED = [(name, False) for name, row in LISTED.items() if row["connected"]]
NEEDS_CONNECTED += [(name, True) for name, row in LISTED.items() if row["has_log"]]
NEEDS_NOTHING = [name for name, row in LISTED.items() if not row["connected"]]
needs_connected = pytest.mark.parametrize(("name", "log"), NEEDS_CONNECTED)
needs_nothing = pytest.mark.parametrize("name", NEEDS_NOTHING)

LARGE, SMALL, LONELY = np.array([0, 2, 3, 5, 7, 8]), np.array([1, 4, 6]), np.array([9])


def graph_of_three_components():
    """Six nodes in two triangles with a bridge, a path of three, and one without any edge; their nodes alternate."""
    A = np.zeros((10, 10))
    two_triangles = reference.from_edges(6, [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)])
    A[np.ix_(LARGE, LARGE)] = two_triangles
    A[np.ix_(SMALL, SMALL)] = reference.path(3)
    return A


@pytest.fixture
def graph():
    return SpectralGraph(graph_of_three_components())


def test_components_are_found(graph):
    assert graph.n_components == 3
    assert sorted(graph.component_sizes()) == [1, 3, 6]
    for nodes in (LARGE, SMALL, LONELY):
        assert len(set(graph.component_labels[nodes])) == 1


# ------------------------------------------------------------------------------------------------ refused by every door
DOORS = {
    "node_kernel": lambda graph, name, log: node_kernel(graph, name, log=log),
    "node_distance": lambda graph, name, log: node_distance(graph, name, log=log),
    "NodeKernel": lambda graph, name, log: NodeKernel(name, log=log).fit(graph),
    "GraphKernelKMeans": lambda graph, name, log: GraphKernelKMeans(kernel=name, log=log).fit(graph),
    "GraphKernelWard": lambda graph, name, log: GraphKernelWard(kernel=name, log=log).fit(graph),
    "NodeKernelClassifier": lambda graph, name, log: NodeKernelClassifier(graph, kernel=name, log=log).fit(
        [[0], [1]], [0, 1]
    ),
    "kernel_sweep": lambda graph, name, log: kernel_sweep(graph, [f"log_{name}" if log else name]),
    "sweep_cluster": lambda graph, name, log: sweep_cluster(graph, ["heat", f"log_{name}" if log else name]),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@needs_connected
def test_refusal_names_the_components_and_the_cure(door, name, log, graph):
    label = f"log {name}" if log else name
    with pytest.raises(
        ValueError,
        match=rf"graph has 3 components \(sizes 6, 3, 1\); {label} needs a connected graph\. "
        "Use disconnected='largest' or 'block'",
    ):
        door(graph, name, log)


def test_many_components_are_not_all_listed():
    graph = np.kron(np.eye(8), reference.complete(2))
    with pytest.raises(ValueError, match=r"graph has 8 components \(sizes 2, 2, 2, 2, 2, \.\.\.\)"):
        node_kernel(graph, "ct")


# --------------------------------------------------------------------------------- kernels that need no connected graph
def assert_component_by_component(K, kernel_of):
    """Zeros between components, and in each the kernel of it alone."""
    expected = np.zeros((10, 10))
    for nodes in (LARGE, SMALL):
        expected[np.ix_(nodes, nodes)] = kernel_of(graph_of_three_components()[np.ix_(nodes, nodes)])
    expected[9, 9] = K[9, 9]
    np.testing.assert_allclose(K, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@needs_nothing
@pytest.mark.parametrize("method", ["auto", "eigh", "accurate"])
def test_plain_kernels_are_those_of_the_components(name, method, graph):
    if (name, method) == ("absorption", "eigh"):
        pytest.skip("absorption has no route through eigenvectors")
    t = 0.3
    K = node_kernel(graph, name, t, scale="raw", method=method)
    assert_component_by_component(K, lambda A: reference.kernel(name, A, t))
    np.testing.assert_array_equal(
        np.count_nonzero(K, axis=1)[LONELY], 1 if method == "accurate" else [np.sum(K[9] != 0)]
    )
    np.testing.assert_allclose(
        node_distance(graph, name, t, scale="raw", method=method), reference.kernel_to_distance(K), atol=1e-14
    )


ISOLATED = {  # of the formula with a row of zeros in A, L, S and P; D^-1/2 and D are 1 there
    **{name: lambda t: 1.0 for name in ("katz", "communicability", "double_factorial", "forest", "heat")},
    **{name: lambda t: 1.0 for name in ("ppr", "modified_ppr")},
    **{name: lambda t: np.exp(-t) for name in ("normalized_heat", "heat_ppr")},
    "absorption": lambda t: 1 / t,
}


@needs_nothing
@pytest.mark.parametrize("method", ["auto", "accurate"])
def test_an_isolated_node_has_a_row_of_its_own(name, method, graph):
    K = node_kernel(graph, name, 0.3, scale="raw", method=method)
    np.testing.assert_allclose(K[9], np.eye(10)[9] * ISOLATED[name](0.3), atol=1e-15)


@pytest.mark.parametrize("name", ["katz", "communicability", "double_factorial"])
def test_equal_components_do_not_mix(name, rng):
    """Their largest eigenvalues coincide, and any rotation of the vectors is as good to LAPACK."""
    A = np.kron(np.eye(5), reference.karate())
    order = rng.permutation(len(A))
    A = A[np.ix_(order, order)]
    expected = reference.kernel(name, A, 0.1)
    np.testing.assert_allclose(node_kernel(A, name, 0.1, scale="raw"), expected, rtol=0, atol=1e-13 * expected.max())


# ---------------------------------------------------------------------------------------------------- block and largest
@needs_connected
def test_block_kernels_are_centered_kernels_of_the_components(name, log, graph):
    model = NodeKernel(name, log=log, disconnected="block").fit(graph)
    assert model.method_used_.endswith("by component")
    np.testing.assert_array_equal(model.nodes_, np.arange(10))
    raw = model.t_

    def centered(A):
        return reference.centered(node_kernel(A, name, raw, log=log, scale="raw"))

    assert_component_by_component(model.kernel_, centered)
    assert model.kernel_[9, 9] == 0.0


@needs_connected
@pytest.mark.parametrize("center", [False, True])
def test_the_largest_component_alone(name, log, center, graph):
    model = NodeKernel(name, log=log, center=center, disconnected="largest").fit(graph)
    np.testing.assert_array_equal(model.nodes_, LARGE)
    assert model.n_features_in_ == 10
    part = SpectralGraph(graph_of_three_components()[np.ix_(LARGE, LARGE)])
    expected = node_kernel(part, name, model.t_, log=log, scale="raw")
    expected = reference.centered(expected) if center else expected
    np.testing.assert_allclose(model.kernel_, expected, rtol=0, atol=1e-12)
    distances = NodeKernel(name, log=log, output="distance", disconnected="largest").fit(graph)
    np.testing.assert_allclose(
        distances.distance_, node_distance(part, name, model.t_, log=log, scale="raw"), rtol=0, atol=1e-12
    )


@needs_connected
def test_distances_between_components_are_refused(name, log, graph):
    model = NodeKernel(name, log=log, output="distance", disconnected="block")
    with pytest.raises(ValueError, match="does not exist between components: use disconnected='largest'"):
        model.fit(graph)


@pytest.mark.parametrize("disconnected", ["block", "largest"])
def test_the_rule_does_not_matter_where_no_connection_is_needed(disconnected, graph):
    for name in NEEDS_NOTHING:
        model = NodeKernel(name, disconnected=disconnected).fit(graph)
        np.testing.assert_array_equal(model.kernel_, node_kernel(graph, name))


@pytest.fixture(params=[GraphKernelKMeans(random_state=0), GraphKernelWard()], ids=["kmeans", "ward"])
def model(request):
    return clone(request.param)


@needs_connected
def test_clusters_of_the_largest_component(model, name, log, graph):
    model.set_params(n_clusters=2, kernel=name, log=log, disconnected="largest").fit(graph)
    np.testing.assert_array_equal(np.flatnonzero(model.labels_ >= 0), LARGE)
    assert set(model.labels_[LARGE]) == {0, 1} and model.cluster_sizes_.sum() == 6
    assert (model.labels_[[*SMALL, *LONELY]] == -1).all()
    with pytest.raises(ValueError, match=r"n_samples=6 should be >= n_clusters=7"):
        model.set_params(n_clusters=7).fit(graph)


@needs_connected
def test_clusters_by_component(model, name, log, graph):
    """Four clusters: one each, and the fourth for the largest component, whose triangles every measure finds."""
    model.set_params(n_clusters=4, kernel=name, log=log, disconnected="block").fit(graph)
    assert sorted(set(model.labels_)) == [0, 1, 2, 3]
    assert len(set(model.labels_[SMALL])) == 1 and len(set(model.labels_[LARGE])) == 2
    for first, second in [(LARGE, SMALL), (LARGE, LONELY), (SMALL, LONELY)]:
        assert not set(model.labels_[first]) & set(model.labels_[second])
    if isinstance(model, GraphKernelWard):
        assert [len(part) for part in model.merges_] == [size - 1 for size in graph.component_sizes()]


def test_triangles_are_found_by_component(model, graph):
    model.set_params(n_clusters=4, kernel="comm", t=1.0, log=True, disconnected="block").fit(graph)
    assert adjusted_rand_score(model.labels_[LARGE], [0, 0, 0, 1, 1, 1]) == 1.0


def test_inertia_is_the_sum_over_components(model, graph):
    model.set_params(n_clusters=5, kernel="ct", t=None, log=False, disconnected="block").fit(graph)
    K = NodeKernel("ct", disconnected="block").fit(graph).kernel_
    members = [np.flatnonzero(model.labels_ == c) for c in range(5)]
    J = np.trace(K) - sum(K[np.ix_(nodes, nodes)].sum() / len(nodes) for nodes in members)
    assert model.inertia_ == pytest.approx(J, rel=1e-12)


def test_too_few_clusters_for_the_components(model, graph):
    model.set_params(n_clusters=2, kernel="ct", log=False, disconnected="block")
    with pytest.raises(ValueError, match=r"n_clusters=2 must be at least the number of components, 3, when "):
        model.fit(graph)


def test_as_many_clusters_as_nodes_by_component(model, graph):
    model.set_params(n_clusters=10, kernel="ct", log=False, disconnected="block").fit(graph)
    assert sorted(model.labels_) == list(range(10))
    assert model.inertia_ == pytest.approx(0.0, abs=1e-12)


def test_rates_per_node_follow_their_nodes(model, graph):
    """One rate of absorption per node: those of the component count, in its order."""
    rates = np.linspace(1.0, 3.0, 10)
    model.set_params(n_clusters=2, kernel="absorption", t=rates, log=True, scale="raw", disconnected="largest")
    labels = model.fit(graph).labels_[LARGE]
    part = SpectralGraph(graph_of_three_components()[np.ix_(LARGE, LARGE)])
    alone = type(model)(2, kernel="absorption", t=rates[LARGE], log=True, scale="raw").fit(part)
    assert adjusted_rand_score(labels, alone.labels_) == 1.0 and model.inertia_ == pytest.approx(alone.inertia_)
    kernel = NodeKernel("absorption", rates, log=True, scale="raw", disconnected="block").fit(graph).kernel_
    own = reference.log_kernel("absorption", part.dense(), rates[LARGE])
    np.testing.assert_allclose(kernel[np.ix_(LARGE, LARGE)], reference.centered(own), atol=1e-13)
    with pytest.raises(ValueError, match="connected"):
        node_kernel(graph, "absorption", rates, log=True, scale="raw")


def test_sweeps_of_kernels_that_need_nothing(graph):
    table = sweep_cluster(graph, NEEDS_NOTHING, {name: [0.4] for name in NEEDS_NOTHING}, n_clusters=3, random_state=0)
    assert all(set(labels) == {0, 1, 2} for labels in table["labels"])


# ----------------------------------------------------------------------------------------------------------- classifier
METHODS = ["ridge", "similarity", "svc"]


@pytest.mark.parametrize("method", METHODS)
@needs_connected
def test_classifier_by_component(method, name, log, graph):
    """Nodes of a component with labels are classified, others refused, and the certificate counts them."""
    model = NodeKernelClassifier(graph, kernel=name, log=log, method=method, disconnected="block")
    model.fit([[0], [7], [8], [4]], [0, 1, 1, 0])
    assert model.predict([[0], [8]]).tolist() == [0, 1]
    assert np.isfinite(model.decision_function([[1], [6]])).all()
    with pytest.raises(ValueError, match=r"X has 1 nodes, such as the one at position 9, that no path connects to a"):
        model.predict([[0], [9]])
    check = model.certificate_["nodes without a path to a label"]
    assert (check.statistic, check.holds, bool(model.certificate_)) == (1, False, False)


@pytest.mark.parametrize("method", METHODS)
@needs_connected
def test_classifier_on_the_largest_component(method, name, log, graph):
    model = NodeKernelClassifier(graph, kernel=name, log=log, method=method, disconnected="largest")
    model.fit([[0], [7], [8], [4]], [0, 1, 1, 0])
    part = SpectralGraph(graph_of_three_components()[np.ix_(LARGE, LARGE)])
    alone = NodeKernelClassifier(part, kernel=name, t=model.t_, log=log, scale="raw", method=method)
    alone.fit([[0], [4], [5]], [0, 1, 1])
    np.testing.assert_allclose(model.scores_[LARGE], alone.scores_, atol=1e-9)
    with pytest.raises(ValueError, match=r"X has 3 nodes, such as the one at position 1"):
        model.predict([[1], [4], [9]])
    with pytest.raises(ValueError, match=r"y has classes without a labeled node in the largest component"):
        model.fit([[0], [1]], [0, 1])


def test_plain_kernels_classify_component_by_component(graph):
    model = NodeKernelClassifier(graph, kernel="heat").fit([[0], [7]], ["a", "b"])
    assert model.predict([[2], [8]]).tolist() == ["a", "b"]
    for node in (*SMALL, *LONELY):
        with pytest.raises(ValueError, match="Label a node of each component"):
            model.predict_proba([[node]])


def test_label_spreading_reaches_its_components(graph):
    model = NodeKernelClassifier(graph, kernel="ppr", t=0.8, method="lgc").fit([[0], [7], [1]], [0, 1, 1])
    assert model.predict([[2], [8], [4], [6]]).tolist() == [0, 1, 1, 1]
    with pytest.raises(ValueError, match="position 9"):
        model.predict([[9]])
