"""Every door of the family: what is refused, in words that name the cure, before any work and without a trace."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from statlearn.exceptions import SelfLoopWarning
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
from statlearn.graph import _decompositions as decompositions
from statlearn.graph import _spectral_graph as module
from statlearn.graph._engine import resolve
from statlearn.graph._measures import ScaledKernel

from . import reference
from .reference import complete, karate, path

NODES = np.array([[0], [1]])

# What takes a graph, with a measure and its parameters: door(graph, kernel, t, **options).
DOORS = {
    "node_kernel": lambda graph, *args, **options: node_kernel(graph, *args, **options),
    "node_distance": lambda graph, *args, **options: node_distance(graph, *args, **options),
    "NodeKernel": lambda graph, *args, **options: NodeKernel(*args, **options).fit(graph),
    "GraphKernelKMeans": lambda graph, kernel="scct", t=None, **options: GraphKernelKMeans(
        2, kernel=kernel, t=t, n_init=1, random_state=0, **options
    ).fit(graph),
    "GraphKernelWard": lambda graph, kernel="scct", t=None, **options: GraphKernelWard(
        2, kernel=kernel, t=t, **options
    ).fit(graph),
    "NodeKernelClassifier": lambda graph, kernel="scct", t=None, **options: NodeKernelClassifier(
        graph, kernel=kernel, t=t, **options
    ).fit(NODES, [0, 1]),
    "kernel_sweep": lambda graph, kernel="scct", t=None, log=False, **options: list(
        kernel_sweep(graph, [f"log_{kernel}" if log else kernel], None if t is None else [t], **options)
    ),
    "sweep_cluster": lambda graph, kernel="scct", t=None, log=False, **options: sweep_cluster(
        graph, [f"log_{kernel}" if log else kernel], None if t is None else [t], n_init=1, random_state=0, **options
    ),
}
every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


def edge_of(weight):
    return np.array([[0.0, weight], [weight, 0.0]])


BAD_GRAPHS = {
    "rectangle": (np.ones((2, 3)), ValueError, r"square adjacency matrix\. Got shape \(2, 3\).*NodeKernelClassifier"),
    "vector": (np.ones(4), ValueError, "Expected 2D array, got 1D array"),
    "nan": (edge_of(np.nan), ValueError, "graph contains NaN"),
    "sparse nan": (sparse.csr_array(edge_of(np.nan)), ValueError, "graph contains NaN"),
    "inf": (edge_of(np.inf), ValueError, "graph contains infinity"),
    "complex": (edge_of(1j), ValueError, "Complex data not supported"),
    "negative": (edge_of(-1.0), ValueError, r"non-negative edge weights\. Got -1.*take absolute values or drop"),
    "directed": (np.triu(np.ones((3, 3)), 1), ValueError, r"must be undirected.*symmetrize='max'.*symmetrize='mean'"),
    "no edge": (np.zeros((3, 3)), ValueError, r"at least one edge between two nodes\. Got an adjacency without any"),
    "sparse without edge": (sparse.csr_array((3, 3)), ValueError, "at least one edge"),
    "one node": (np.ones((1, 1)), ValueError, "at least 2 nodes"),
    "empty": (np.empty((0, 0)), ValueError, r"0 sample\(s\)"),
    "strings": (np.array([["a", "b"], ["b", "a"]]), ValueError, "could not convert string"),
    "objects": (np.array([[None, {}], [{}, None]], dtype=object), TypeError, "graph must be a matrix of numbers or"),
    "no graph": (object(), TypeError, r"graph must be a matrix of numbers or.*Got an object of type object"),
}


@pytest.mark.parametrize("name", BAD_GRAPHS)
@every_door
def test_graphs_that_are_refused(door, name):
    graph, error, message = BAD_GRAPHS[name]
    with pytest.raises(error, match=message):
        door(graph)


def test_unknown_symmetrization():
    with pytest.raises(ValueError, match=r"symmetrize must be 'max', 'mean' or None\. Got 'min' instead"):
        SpectralGraph(karate(), symmetrize="min")


def test_a_graph_that_is_already_validated_takes_no_symmetrization():
    graph = SpectralGraph(karate())
    with pytest.raises(ValueError, match="symmetrize must be None for a SpectralGraph"):
        SpectralGraph(graph, symmetrize="max")
    np.testing.assert_array_equal(SpectralGraph(graph).dense(), karate())


@every_door
def test_unknown_measure(door):
    with pytest.raises(ValueError, match=r"kernel must be one of \['absorption', .*\] or an alias\. Got 'rbf' instead"):
        door(karate(), "rbf")


OUTSIDE = {
    "katz": (0.0, -0.1, 1.0, 2.0),
    "ppr": (0.0, 1.0, -1.0),
    "modified_ppr": (0.0, 1.0),
    "sp_ct": (-0.1, 1.1),
    **dict.fromkeys(("communicability", "double_factorial", "forest", "heat", "normalized_heat"), (0.0, -1.0)),
    **dict.fromkeys(("heat_ppr", "sigmoid_ct", "sigmoid_cct", "rsp", "fe", "absorption"), (0.0, -1.0)),
}


def test_domains_of_all_measures_are_tried():
    assert set(OUTSIDE) == {row["name"] for row in list_node_kernels() if row["parameter"]}


@every_door
@pytest.mark.parametrize("name", OUTSIDE)
def test_parameters_outside_the_domain(door, name):
    domain = next(row["domain"] for row in list_node_kernels() if row["name"] == name)
    for t in (*OUTSIDE[name], np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"t is outside the domain {re.escape(domain)} of this kernel: t="):
            door(karate(), name, t)


@every_door
def test_the_pole_of_katz_is_shown(door):
    radius = np.linalg.eigvalsh(karate())[-1]
    with pytest.raises(ValueError, match=rf"raw parameter must be below {1 / radius:.10g}"):
        door(karate(), "katz", 1 / radius * (1 + 1e-12), scale="raw")
    with pytest.raises(ValueError, match=rf"gives the raw parameter 0\.14868.*must be below {1 / radius:.10g}"):
        door(karate(), "katz", 1.0)


@every_door
@pytest.mark.parametrize("x", [0.0, 1.0, 1.5, -0.5])
def test_the_unit_scale_is_open(door, x):
    with pytest.raises(ValueError, match=rf"t must be between 0 and 1 when scale='unit'\. Got {x} instead"):
        door(karate(), "heat", x, scale="unit")


@pytest.mark.parametrize("t", ["1", True, 1 + 2j, [1.0, 2.0], np.ones(2)])
@pytest.mark.parametrize("door", [DOORS["node_kernel"], DOORS["GraphKernelKMeans"], DOORS["NodeKernel"]])
def test_parameters_that_are_no_numbers(door, t):
    with pytest.raises((TypeError, ValueError), match=r"t must be a real number|The 't' parameter"):
        door(karate(), "heat", t)


def test_rates_of_absorption_are_one_or_one_per_node():
    with pytest.raises(ValueError, match=r"t must be a number or one rate per node\. Got shape \(3,\) instead"):
        node_kernel(karate(), "absorption", np.ones(3))
    for bad in (np.zeros(34), -np.ones(34), np.r_[np.nan, np.ones(33)]):
        with pytest.raises(ValueError, match="outside the domain a > 0"):
            node_kernel(karate(), "absorption", bad)
    rates = np.linspace(0.5, 2.0, 34)
    expected = np.linalg.inv(reference.laplacian(karate()) + np.diag(rates))
    np.testing.assert_allclose(node_kernel(karate(), "absorption", rates, scale="raw"), expected, atol=1e-13)
    np.testing.assert_allclose(np.exp(node_kernel(karate(), "absorption", rates, scale="raw", log=True)), expected)


@pytest.mark.parametrize("name", ["commute_time", "corrected_ct", "shortest_path"])
@pytest.mark.parametrize("door", [DOORS["node_kernel"], DOORS["GraphKernelWard"], DOORS["NodeKernel"]])
def test_measures_without_parameter_take_none(door, name):
    with pytest.raises(ValueError, match=rf"t must be None: {name} has no parameter\. Got 1\.0 instead"):
        door(karate(), name, 1.0)


@every_door
@pytest.mark.parametrize("name", ["commute_time", "corrected_ct", "shortest_path", "rsp", "fe", "sp_ct"])
def test_logarithms_that_do_not_exist(door, name):
    with pytest.raises(ValueError, match=rf"log=True needs a kernel of positive entries; {name} has none.*has_log"):
        door(karate(), name, log=True)


@every_door
def test_unknown_scale(door):
    with pytest.raises(ValueError, match=r"scale.* must be .*'(raw|spectral|unit)'.*Got 'log' instead"):
        door(karate(), "heat", 1.0, scale="log")


# ------------------------------------------------------------------------------------ overflow, underflow and constants
def test_overflow_names_the_size_and_the_cure():
    with pytest.raises(ValueError, match=r"overflow: its largest entry is about exp\(1345\).*log=True, or NodeKernel"):
        node_kernel(karate(), "comm", 200.0, scale="raw")
    with pytest.raises(ValueError, match="overflow"):
        node_distance(karate(), "comm", 200.0, scale="raw")


@pytest.mark.parametrize("method", ["eigh", "accurate"])
def test_node_kernel_keeps_the_factor_apart(method):
    model = NodeKernel("comm", 200.0, scale="raw", method=method).fit(karate())
    assert np.isfinite(model.kernel_).all() and model.log_scale_ > 0.0
    expected = node_kernel(karate(), "comm", 200.0, scale="raw", log=True)
    np.testing.assert_allclose(np.log(model.kernel_) + model.log_scale_, expected, rtol=0, atol=1e-9)


def test_overflow_does_not_disturb_clusters():
    """At t rho = 800 the kernel is out of range; up to its factor it is that of one eigenvector."""
    model = GraphKernelKMeans(2, kernel="comm", t=800.0, random_state=0).fit(karate())
    assert model.log_scale_ == pytest.approx(800.0, abs=1.0)
    assert np.isfinite(model.inertia_) and sorted(set(model.labels_)) == [0, 1]
    assert GraphKernelWard(2, kernel="comm", t=800.0).fit(karate()).log_scale_ == pytest.approx(800.0, abs=1.0)


@pytest.mark.parametrize(
    ("name", "t"), [("forest", 1e-30), ("modified_ppr", 1e-40), ("katz", 1e-40), ("absorption", 1e40)]
)
def test_underflow_of_logarithms(name, t):
    with pytest.raises(ValueError, match=r"t is too small for the logarithm.*\d+ pairs of nodes.*Increase t"):
        node_kernel(path(30), name, t, log=True)


@pytest.mark.parametrize("name", ["rsp", "fe"])
def test_underflow_of_path_measures(name):
    with pytest.raises(ValueError, match=rf"t is too large for {name} on this graph.*Decrease t, or use kernel='short"):
        node_kernel(path(30), name, 100.0, scale="raw")


@pytest.mark.parametrize("name", ["heat", "normalized_heat"])
@pytest.mark.parametrize("method", ["ridge", "similarity", "svc"])
def test_a_kernel_that_is_constant_up_to_rounding_teaches_nothing(name, method):
    model = NodeKernelClassifier(karate(), kernel=name, t=1e5, method=method)
    if name == "normalized_heat":
        model.set_params(graph=complete(8))  # of other graphs it tends to the roots of the degrees
    with pytest.raises(ValueError, match=rf"makes {name} the same for all nodes up to rounding"):
        model.fit(NODES, [0, 1])


def test_what_rounding_leaves_of_a_constant_kernel_is_zero(rng, monkeypatch):
    """Entries that differ in their last digit are no kernel to learn from; those that differ by more are."""
    noise = np.triu(rng.integers(-1, 2, size=(8, 8)))
    constant = 0.1 * (1.0 + np.finfo(float).eps * (noise + noise.T))
    graph, proximity = SpectralGraph(complete(8)), resolve(SpectralGraph(complete(8)), "heat", 1.0, False, "raw")
    for added in (0.0, 1e-13):
        made = ScaledKernel(constant + added * np.eye(8), 0.0, "made up")
        monkeypatch.setattr(type(proximity.measure), "differences", lambda self, graph, t, made=made: made)
        assert np.any(reference.centered(made.matrix))
        assert np.any(proximity.kernel(graph, center=True).matrix) == (added > 0.0)


@pytest.mark.parametrize("name", ["heat", "comm", "forest", "ppr", "modified_ppr", "katz", "absorption"])
def test_weights_of_many_orders_of_magnitude(name, rng):
    """Logarithms keep all their digits; eigenvectors keep theirs relative to the largest entry."""
    mpmath = pytest.importorskip("mpmath")
    A = reference.weighted_random(rng, 8)
    exponents = np.triu(rng.uniform(-8, 8, size=(8, 8)), 1)
    A = (A > 0) * 10.0 ** (exponents + exponents.T)
    A[~(reference.weighted_random(rng, 8) > 0) & (reference.cycle(8) == 0)] = 0.0
    A = np.minimum(A, A.T)
    graph = SpectralGraph(A)
    t = {"katz": 0.5 / graph.spectral_radius, "ppr": 0.5, "modified_ppr": 0.5}.get(name, 1.0 / graph.spectral_radius)
    key = "communicability" if name == "comm" else name
    with mpmath.workdps(60):
        expected = reference.log_kernel(key, reference.in_digits(A), mpmath.mpf(t)).astype(float)
    H = node_kernel(graph, name, t, scale="raw", log=True)
    np.testing.assert_allclose(H, expected, rtol=0, atol=1e-11)
    plain = np.exp(expected) if name != "ppr" else reference.kernel("ppr", A, t)
    np.testing.assert_allclose(node_kernel(graph, name, t, scale="raw"), plain, rtol=0, atol=1e-9 * plain.max())


# ------------------------------------------------------------------------------------------------------- size and shape
@every_door
@pytest.mark.parametrize("log", [False, True])
def test_memory_is_refused_before_it_is_allocated(door, log, monkeypatch):
    graph = SpectralGraph(karate())
    monkeypatch.setattr(module, "MAX_DENSE_N", 33)
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(sparse.csr_array, "toarray", lambda *args, **kwargs: pytest.fail("an array was allocated"))
    monkeypatch.setattr(decompositions, "_eigh", lambda *args: pytest.fail("factorized"))
    with pytest.raises(ValueError, match=r"graph has 34 nodes: .* would need 34\^2 numbers.*method='landmark'"):
        door(graph, "heat", 1.0, log=log)


@pytest.mark.parametrize("kernel", ["sp", "rsp", "ct", "scct", "absorption", "sp_ct"])
def test_memory_is_refused_for_other_measures_too(kernel, monkeypatch):
    graph = SpectralGraph(karate())
    monkeypatch.setattr(module, "MAX_DENSE_N", 33)
    for of in (node_kernel, node_distance):
        with pytest.raises(ValueError, match=r"graph has 34 nodes: the (kernel|distance of) .*method='landmark'"):
            of(graph, kernel)


CLUSTERERS = [GraphKernelKMeans(random_state=0), GraphKernelWard()]
ALL_MEASURES = [(row["name"], log) for row in list_node_kernels() for log in {False, row["has_log"]}]


@pytest.mark.parametrize("model", CLUSTERERS, ids=["kmeans", "ward"])
@pytest.mark.parametrize(("name", "log"), ALL_MEASURES)
@pytest.mark.parametrize("A", [complete(2), complete(6), 3.0 * complete(5)], ids=["edge", "complete", "weighted"])
def test_all_distances_equal(model, name, log, A):
    """Nothing to cluster by: it ends, and every cluster asked for has nodes."""
    for n_clusters in {1, 2, len(A)}:
        fitted = clone(model).set_params(n_clusters=n_clusters, kernel=name, log=log).fit(A)
        assert np.bincount(fitted.labels_).min() >= 1 and len(fitted.cluster_sizes_) == n_clusters
        assert np.isfinite(fitted.inertia_) and np.isfinite(fitted.modularity_)


@pytest.mark.parametrize("model", CLUSTERERS, ids=["kmeans", "ward"])
@pytest.mark.parametrize(("name", "log"), ALL_MEASURES)
def test_stars_and_single_edges(model, name, log):
    star = reference.from_edges(7, [(0, i) for i in range(1, 7)])
    for n_clusters in (2, 7):
        fitted = clone(model).set_params(n_clusters=n_clusters, kernel=name, log=log).fit(star)
        assert set(fitted.labels_) == set(range(n_clusters))
    assert fitted.inertia_ == pytest.approx(0.0, abs=1e-9)  # every node is its own center


@pytest.mark.parametrize("model", CLUSTERERS, ids=["kmeans", "ward"])
def test_more_clusters_than_nodes(model):
    with pytest.raises(ValueError, match=r"n_samples=34 should be >= n_clusters=35"):
        clone(model).set_params(n_clusters=35).fit(karate())
    with pytest.raises(ValueError, match=r"n_samples=34 should be >= n_clusters=35"):
        sweep_cluster(karate(), ["heat"], n_clusters=35)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (NodeKernel(), {"t": [0.5, 1.0]}),
        (GraphKernelKMeans(), {"t": [0.5, 1.0]}),
        (GraphKernelWard(), {"t": [0.5, 1.0]}),
    ],
)
def test_cross_validation_over_an_adjacency_is_refused_with_the_cure(model, parameters):
    """Rows without their columns are no graph; nodes must not be cut out of it in silence."""
    search = GridSearchCV(model, parameters, cv=2, scoring=lambda *args: 0.0, error_score="raise")
    with pytest.raises(ValueError, match=r"square adjacency matrix.*cross-validation.*use NodeKernelClassifier"):
        search.fit(karate())


# ------------------------------------------------------------------------------------------------ no trace of a failure
@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [
        (NodeKernel(), (karate(),), (-karate(),)),
        (GraphKernelKMeans(random_state=0), (karate(),), (-karate(),)),
        (GraphKernelWard(), (karate(),), (-karate(),)),
        (NodeKernelClassifier(karate()), (NODES, [0, 1]), (NODES, [0, 0])),
    ],
)
def test_a_fit_that_fails_changes_nothing(model, good, bad):
    model = clone(model)
    with pytest.raises(ValueError, match="non-negative|more than one class"):
        model.fit(*bad)
    assert not [name for name in vars(model) if name.endswith("_")]
    before = dict(vars(model.fit(*good)))
    with pytest.raises(ValueError, match="non-negative|more than one class"):
        model.fit(*bad)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


@every_door
def test_every_door_reports_self_loops_once(door):
    A = karate()
    A[3, 3] = 1.0
    with pytest.warns(SelfLoopWarning, match="graph has 1 self-loops") as caught:
        door(A, "heat", 1.0)
    assert len(caught) == 1
