"""Clustering of nodes: what is minimized, how restarts are chosen, and that nothing but the graph decides."""

from itertools import product

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from statlearn.datasets import make_sbm
from statlearn.graph import (
    GraphKernelKMeans,
    GraphKernelWard,
    KernelKMeans,
    NodeKernel,
    SpectralGraph,
    list_node_kernels,
    node_kernel,
)
from statlearn.graph._partitions import modularity

from . import reference
from .reference import karate, weighted_random

PROXIMITIES = [(row["name"], log) for row in list_node_kernels() for log in {False, row["has_log"]}]
every_proximity = pytest.mark.parametrize(("name", "log"), PROXIMITIES)


@pytest.fixture(params=[GraphKernelKMeans(random_state=0), GraphKernelWard()], ids=["kmeans", "ward"])
def model(request):
    return clone(request.param)


def objective(K, labels):
    """``J = sum_i k_ii - sum_c 1_c' K 1_c / n_c``."""
    members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    return np.trace(K) - sum(K[np.ix_(nodes, nodes)].sum() / len(nodes) for nodes in members)


def all_partitions(n, n_clusters):
    """Labels of every partition of n nodes into so many clusters, the first node in the first cluster."""
    for rest in product(range(n_clusters), repeat=n - 1):
        labels = np.array((0, *rest))
        if len(set(rest) | {0}) == n_clusters:
            yield labels


@every_proximity
def test_the_inertia_is_the_objective(name, log, model, rng):
    A = weighted_random(rng, 16)
    model.set_params(n_clusters=3, kernel=name, log=log).fit(A)
    K = node_kernel(A, name, log=log)
    J = objective(K, model.labels_)
    assert model.inertia_ == pytest.approx(J, abs=1e-11 * np.abs(K).max() * 16)
    assert model.cluster_sizes_.tolist() == np.bincount(model.labels_).tolist()


@every_proximity
def test_labels_are_those_of_kernel_k_means_on_the_centered_kernel(name, log):
    ours = GraphKernelKMeans(2, kernel=name, log=log, n_init=20, random_state=0).fit(karate())
    K = NodeKernel(name, log=log, center=True).fit_transform(karate())
    theirs = KernelKMeans(2, kernel="precomputed", n_init=20, random_state=0).fit(K)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, abs=1e-10 * np.abs(K).max() * 34)
    assert adjusted_rand_score(ours.labels_, theirs.labels_) == 1.0


@pytest.mark.parametrize("n_clusters", [2, 3])
@every_proximity
def test_no_partition_of_a_tiny_graph_is_better(name, log, n_clusters):
    """All 255 or 3025 partitions of a graph of two cliques and a path; indefinite kernels included."""
    A = reference.barbell(3, 2)
    K = reference.centered(node_kernel(A, name, log=log))
    best = min(objective(K, labels) for labels in all_partitions(8, n_clusters) if n_clusters < 4)
    model = GraphKernelKMeans(n_clusters, kernel=name, log=log, n_init=50, random_state=0).fit(A)
    assert model.inertia_ == pytest.approx(best, abs=1e-10 * np.abs(K).max() * 8)


def test_single_moves_only_improve():
    graph, _ = make_sbm([25, 25], [[0.3, 0.15], [0.15, 0.3]], random_state=3)
    for name, log in [("comm", False), ("comm", True), ("scct", False), ("katz", True)]:
        options = {"kernel": name, "log": log, "n_init": 3, "random_state": 0}
        refined = GraphKernelKMeans(2, **options).fit(graph)
        plain = GraphKernelKMeans(2, **options, refine=False).fit(graph)
        assert refined.inertia_ <= plain.inertia_ + 1e-12 * abs(plain.inertia_)


@pytest.mark.parametrize(("name", "log"), [("heat", False), ("comm", True), ("scct", False), ("rsp", False)])
def test_the_order_of_the_nodes_does_not_matter(name, log, model, rng):
    A, order = weighted_random(rng, 30), rng.permutation(30)
    options = {"n_clusters": 3, "kernel": name, "log": log}
    if isinstance(model, GraphKernelKMeans):
        options["n_init"] = 40
    first = clone(model).set_params(**options).fit(A)
    second = clone(model).set_params(**options).fit(A[np.ix_(order, order)])
    assert second.inertia_ == pytest.approx(first.inertia_, rel=1e-9)
    assert adjusted_rand_score(second.labels_, first.labels_[order]) == 1.0


@pytest.mark.parametrize(("name", "log"), [("heat", False), ("comm", True), ("scct", False)])
def test_the_unit_of_the_weights_does_not_matter_on_the_spectral_scale(name, log, model):
    first = clone(model).set_params(kernel=name, log=log).fit(karate())
    second = clone(model).set_params(kernel=name, log=log).fit(1000 * karate())
    assert adjusted_rand_score(first.labels_, second.labels_) == 1.0


@pytest.mark.parametrize("n_jobs", [2, 3])
@pytest.mark.parametrize(("name", "log"), [("heat", False), ("comm", True), ("scct", False)])
def test_the_number_of_threads_has_no_influence(name, log, n_jobs):
    graph, _ = make_sbm([20, 20, 20], [[0.3, 0.1, 0.1], [0.1, 0.3, 0.1], [0.1, 0.1, 0.3]], random_state=0)
    model = GraphKernelKMeans(3, kernel=name, log=log, random_state=5).fit(graph)
    other = clone(model).set_params(n_jobs=n_jobs).fit(graph)
    np.testing.assert_array_equal(model.labels_, other.labels_)
    assert model.inertia_ == other.inertia_ and model.n_iter_ == other.n_iter_


def test_the_same_seed_gives_the_same_labels_on_any_representation():
    A = karate()
    model = GraphKernelKMeans(4, kernel="heat", n_init=1, random_state=3)
    first = model.fit(A).labels_
    np.testing.assert_array_equal(clone(model).fit(SpectralGraph(A)).labels_, first)
    np.testing.assert_array_equal(clone(model).fit(A.tolist()).labels_, first)


def test_selection_by_modularity():
    graph, _ = make_sbm([25, 25], [[0.3, 0.2], [0.2, 0.3]], random_state=2)
    options = {"kernel": "comm", "t": 6.0, "n_init": 30, "refine": False, "random_state": 0}
    by_inertia = GraphKernelKMeans(2, **options).fit(graph)
    by_modularity = GraphKernelKMeans(2, **options, select="modularity").fit(graph)
    assert by_modularity.modularity_ > by_inertia.modularity_
    assert by_modularity.inertia_ > by_inertia.inertia_
    K = node_kernel(graph, "comm", 6.0)
    assert by_modularity.inertia_ == pytest.approx(objective(K, by_modularity.labels_), rel=1e-10)


@pytest.mark.parametrize(
    "make", [karate, reference.weighted_karate, lambda: weighted_random(np.random.default_rng(4), 20)]
)
def test_modularity_is_that_of_networkx(make, rng):
    networkx = pytest.importorskip("networkx")
    A = make()
    G = networkx.from_numpy_array(A)
    for n_clusters in (1, 2, 5):
        labels = rng.integers(n_clusters, size=len(A))
        groups = [set(np.flatnonzero(labels == c)) for c in np.unique(labels)]
        expected = networkx.community.modularity(G, groups, weight="weight")
        assert modularity(SpectralGraph(A), labels) == pytest.approx(expected, abs=1e-14)


def test_modularity_with_self_loops_and_nodes_left_out(rng):
    networkx = pytest.importorskip("networkx")
    """networkx counts a loop twice in the degree, so that half of ours is its weight there."""
    A = weighted_random(rng, 12) + np.diag(rng.uniform(size=12))
    with pytest.warns(UserWarning, match="self-loops"):
        graph = SpectralGraph(A)
    labels = np.r_[np.zeros(5, int), np.ones(5, int), -1, -1]
    groups = [set(range(5)), set(range(5, 10)), {10}, {11}]
    G = networkx.from_numpy_array(A - np.diag(np.diag(A)) / 2)
    expected = networkx.community.modularity(G, groups, weight="weight")
    assert modularity(graph, labels) == pytest.approx(expected, abs=1e-14)


def test_ward_merges_are_a_hierarchy(rng):
    A = weighted_random(rng, 18)
    merges = GraphKernelWard(4, kernel="comm", log=True).fit(A).merges_
    assert merges.shape == (17, 4) and (np.diff(merges[:, 2]) >= 0).all() and merges[-1, 3] == 18
    K = node_kernel(A, "comm", log=True)
    for n_clusters in (1, 2, 5, 18):
        model = GraphKernelWard(n_clusters, kernel="comm", log=True).fit(A)
        np.testing.assert_array_equal(model.merges_, merges)
        assert model.inertia_ == pytest.approx(objective(K, model.labels_), abs=1e-11 * np.abs(K).max() * 18)
        assert len(np.unique(model.labels_)) == n_clusters


def test_one_cluster_and_as_many_as_nodes(model):
    one = clone(model).set_params(n_clusters=1).fit(karate())
    assert set(one.labels_) == {0} and one.modularity_ == pytest.approx(0.0, abs=1e-15)
    every = clone(model).set_params(n_clusters=34).fit(karate())
    assert sorted(every.labels_) == list(range(34)) and every.inertia_ == pytest.approx(0.0, abs=1e-9)


def test_fit_predict_and_names(model):
    pandas = pytest.importorskip("pandas")
    names = [f"node {i}" for i in range(34)]
    labels = clone(model).fit_predict(pandas.DataFrame(karate(), index=names, columns=names))
    fitted = clone(model).fit(pandas.DataFrame(karate(), index=names, columns=names))
    np.testing.assert_array_equal(labels, fitted.labels_)
    assert fitted.feature_names_in_.tolist() == names and fitted.n_features_in_ == 34
    assert not hasattr(fitted.fit(karate()), "feature_names_in_")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 0}, "The 'n_clusters' parameter of GraphKernelKMeans must be an int in the range"),
        ({"n_init": 0}, "The 'n_init' parameter of GraphKernelKMeans must be"),
        ({"select": "ari"}, "The 'select' parameter of GraphKernelKMeans must be a str among"),
        ({"max_iter": 0}, "The 'max_iter' parameter of GraphKernelKMeans must be"),
        ({"disconnected": "drop"}, "The 'disconnected' parameter of GraphKernelKMeans must be a str among"),
    ],
)
def test_options_that_do_not_exist(options, message):
    with pytest.raises(ValueError, match=message):
        GraphKernelKMeans(**options).fit(karate())


def test_planted_classes_are_found(model):
    graph, y = make_sbm([30, 30, 30], 0.05 + 0.35 * np.eye(3), random_state=0)
    for name, log in [("scct", False), ("comm", True), ("nheat", True), ("katz", True)]:
        found = clone(model).set_params(n_clusters=3, kernel=name, log=log).fit(graph).labels_
        assert adjusted_rand_score(y, found) > 0.8


def test_dissociative_classes_need_the_negative_eigenvalues():
    """Edges between the classes: the corrected commute time squares the eigenvalues; the others see no clusters."""
    graph, y = make_sbm([50, 50], [[0.1, 0.3], [0.3, 0.1]], random_state=0)
    found = {
        name: adjusted_rand_score(y, GraphKernelKMeans(2, kernel=name, log=log, random_state=0).fit(graph).labels_)
        for name, log in [("scct", False), ("comm", True), ("heat", False)]
    }
    assert found["scct"] > 0.6 and max(found["comm"], found["heat"]) < 0.2
