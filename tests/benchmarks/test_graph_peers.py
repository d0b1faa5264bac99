"""The plain peers must be right, or their seconds mean nothing."""

import mpmath
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks.graph_peers import (
    DISTANCES,
    PLAIN_KERNELS,
    PlainPartition,
    draw_starts,
    exact_log_heat,
    grid_graph,
    lloyd,
    per_restart_kernel_kmeans,
    plain_kernel,
    single_moves,
    study_parameter,
)
from statlearn.datasets import make_sbm
from statlearn.graph import KernelKMeans, node_kernel


@pytest.fixture(scope="module")
def graph():
    adjacency, _ = make_sbm([25, 25], (0.4, 0.15), random_state=0)
    return adjacency.toarray()


@pytest.fixture(scope="module")
def kernel(graph):
    return node_kernel(graph, "communicability", 0.3, scale="unit")


def objective(K, labels):
    sums = (K[np.ix_(labels == c, labels == c)].sum() / np.sum(labels == c) for c in np.unique(labels))
    return np.trace(K) - sum(sums)


@pytest.mark.parametrize("name", sorted(PLAIN_KERNELS))
@pytest.mark.parametrize("x", [0.2, 0.8])
def test_kernels_are_those_of_the_library_on_the_grid_of_the_studies(graph, name, x):
    K = plain_kernel(graph, name, study_parameter(graph, name, x))
    np.testing.assert_allclose(node_kernel(graph, name, x, scale="unit"), K, rtol=0.0, atol=1e-11 * K.max())


def test_logarithms_of_the_grid_graph_match_its_heat_kernel():
    """At a t so large that floating point resolves every entry."""
    A, L = grid_graph(4)
    np.testing.assert_array_equal(L, np.diag(A.sum(axis=1)) - A)
    with mpmath.workdps(40):
        expected = np.array(mpmath.expm(mpmath.matrix(-0.5 * L)).tolist())
        logarithm = np.array([[float(mpmath.log(entry)) for entry in row] for row in expected])
    np.testing.assert_allclose(exact_log_heat(4, 0.5), logarithm, rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("name", sorted(DISTANCES))
def test_distances_are_squared_distances_to_the_means_of_features(name, rng):
    F, labels = rng.standard_normal((20, 3)), np.arange(20) % 4
    K, U = F @ F.T, np.eye(4)[labels]
    means = np.array([F[labels == c].mean(axis=0) for c in range(4)])
    expected = ((F[:, None] - means) ** 2).sum(axis=-1)
    np.testing.assert_allclose(DISTANCES[name](K, U) + K.diagonal()[:, None], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(DISTANCES))
def test_an_empty_cluster_is_infinitely_far(name, kernel):
    U = np.eye(3)[np.arange(len(kernel)) % 2]
    distances = DISTANCES[name](kernel, U)
    assert np.isinf(distances[:, 2]).all()
    assert np.isfinite(distances[:, :2]).all()


@pytest.mark.parametrize("name", sorted(DISTANCES))
def test_lloyd_takes_the_steps_of_the_library(kernel, name):
    for start in draw_starts(kernel, 2, 5, seed=1):
        model = KernelKMeans(2, init=start, refine=False).fit(kernel)
        found = lloyd(kernel, start, 2, DISTANCES[name])
        assert found.n_iter == model.n_iter_
        assert found.inertia == pytest.approx(model.inertia_, rel=1e-12)
        assert found.inertia == pytest.approx(objective(kernel, found.labels), rel=1e-12)
        assert adjusted_rand_score(found.labels, model.labels_) == 1.0


def test_single_moves_leave_no_better_neighbor(kernel):
    for start in draw_starts(kernel, 3, 3, seed=2):
        found = single_moves(kernel, lloyd(kernel, start, 3), 3)
        assert found.inertia == pytest.approx(objective(kernel, found.labels), rel=1e-10)
        for i in range(len(kernel)):
            for c in range(3):
                moved = found.labels.copy()
                moved[i] = c
                assert objective(kernel, moved) >= found.inertia - 1e-9 * np.trace(kernel)


def test_single_moves_empty_no_cluster():
    x = np.array([0.0, 0.1, 5.0])
    start = PlainPartition(np.array([0, 1, 1]), objective(np.outer(x, x), np.array([0, 1, 1])), 0)
    found = single_moves(np.outer(x, x), start, 2)
    assert found.labels.tolist() == [0, 0, 1]


def test_all_restarts_end_where_the_library_does(kernel):
    ours = KernelKMeans(2, n_init=20, random_state=0).fit(kernel)
    found = per_restart_kernel_kmeans(kernel, 2, 20, refine=True)
    assert found.inertia == pytest.approx(ours.inertia_, rel=1e-10)
    assert adjusted_rand_score(found.labels, ours.labels_) == 1.0
