"""Ward's clustering against SciPy, against the greedy definition on indefinite matrices, and its ties and messages."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import pdist, squareform

from statlearn.graph._ward_solver import _chain_merges, _linkage, cut_merges, ward_merges

RTOL = 1e-9  # the recurrence and the definition round differently, over at most 60 merges
EUCLIDEAN_SIZES = [2, 3, 10, 60]
INDEFINITE_SIZES = [2, 3, 8, 25]


def euclidean(rng, n):
    return pdist(rng.normal(size=(n, 3)))


def indefinite(rng, n):
    """Squared distances of a random symmetric kernel, about half of whose eigenvalues are negative."""
    K = rng.normal(size=(n, n))
    K = (K + K.T) / 2
    diagonal = np.diag(K)
    return diagonal[:, None] + diagonal - 2 * K


def objective(D, nodes):
    """J of one cluster: the mean of D over ordered pairs, times half the size."""
    return D[np.ix_(nodes, nodes)].sum() / (2 * len(nodes))


def greedy_merges(D):
    """The definition, in cubic time and more: merge the pair that raises J least, without any recurrence."""
    n = len(D)
    clusters, merges = {i: [i] for i in range(n)}, []
    for number in range(n, 2 * n - 1):
        costs = {
            (a, b): objective(D, clusters[a] + clusters[b]) - objective(D, clusters[a]) - objective(D, clusters[b])
            for a in clusters
            for b in clusters
            if a < b
        }
        a, b = min(costs, key=costs.get)
        clusters[number] = clusters.pop(a) + clusters.pop(b)
        merges.append([a, b, costs[a, b], len(clusters[number])])
    return np.array(merges)


def same_partition(first, second):
    return len(set(zip(first, second, strict=True))) == len(set(first)) == len(set(second))


def assert_valid(merges, n):
    """A linkage: every cluster merged once, after it was made, with the right size, at a cost that never decreases."""
    assert merges.shape == (n - 1, 4)
    assert sorted(merges[:, :2].ravel()) == list(range(2 * n - 2))
    assert (merges[:, 0] < merges[:, 1]).all() and (merges[:, 1] < n + np.arange(n - 1)).all()
    sizes = np.concatenate([np.ones(n), merges[:, 3]])
    np.testing.assert_array_equal(merges[:, 3], sizes[merges[:, :2].astype(int)].sum(axis=1))
    assert (np.diff(merges[:, 2]) >= 0).all()


@pytest.mark.parametrize("n", EUCLIDEAN_SIZES)
def test_is_scipy_on_euclidean_distances(n, rng):
    """SciPy's heights are sqrt(2 dJ)."""
    distances = euclidean(rng, n)
    ours, theirs = ward_merges(squareform(distances) ** 2), linkage(distances, method="ward")
    np.testing.assert_array_equal(ours[:, [0, 1, 3]], theirs[:, [0, 1, 3]])
    np.testing.assert_allclose(np.sqrt(2 * ours[:, 2]), theirs[:, 2], rtol=RTOL)
    cuts = range(n, 0, -1)  # the order that cut_tree expects
    for n_clusters, expected in zip(cuts, cut_tree(theirs, cuts).T, strict=True):
        assert same_partition(cut_merges(ours, n_clusters), expected)


@pytest.mark.parametrize("n", INDEFINITE_SIZES)
def test_is_the_greedy_rule_on_indefinite_matrices(n, rng):
    for _ in range(10):
        D = indefinite(rng, n)
        ours, greedy = ward_merges(D), greedy_merges(D)
        np.testing.assert_array_equal(ours[:, [0, 1, 3]], greedy[:, [0, 1, 3]])
        np.testing.assert_allclose(ours[:, 2], greedy[:, 2], rtol=RTOL, atol=RTOL * np.abs(D).max())


def test_indefinite_matrices_have_negative_costs_and_no_inversions(rng):
    """The greedy rule of the definition has none either: its costs are the sorted ones."""
    for _ in range(10):
        D = indefinite(rng, 25)
        assert_valid(ward_merges(D), 25)
        assert (np.diff(greedy_merges(D)[:, 2]) > 0).all()
    assert ward_merges(D)[0, 2] < 0


def test_costs_add_up_to_the_objective(rng):
    D = indefinite(rng, 40)
    costs = ward_merges(D)[:, 2]
    labels = cut_merges(ward_merges(D), 7)
    at_seven = sum(objective(D, np.flatnonzero(labels == c)) for c in range(7))
    assert costs[: 40 - 7].sum() == pytest.approx(at_seven, rel=RTOL)
    assert costs.sum() == pytest.approx(objective(D, np.arange(40)), rel=RTOL)


def test_order_of_the_nodes_does_not_matter_without_ties(rng):
    D, order = indefinite(rng, 50), rng.permutation(50)
    merges, permuted = ward_merges(D), ward_merges(D[np.ix_(order, order)])
    np.testing.assert_allclose(permuted[:, 2], merges[:, 2], rtol=RTOL, atol=RTOL)
    for n_clusters in range(1, 51):
        assert same_partition(cut_merges(permuted, n_clusters), cut_merges(merges, n_clusters)[order])


@pytest.mark.parametrize("value", [0.0, 0.7, 3.0, -0.7])
@pytest.mark.parametrize("n", [2, 7, 66, 79, 92, 100])  # with 0.7 three of them merge a cluster twice if rounding may
def test_constant_distances_end_with_valid_labels(n, value):
    merges = ward_merges(np.full((n, n), value))
    assert_valid(merges, n)
    assert merges[0, :2].tolist() == [0, 1]  # the lowest numbers
    np.testing.assert_allclose(merges[:, 2], value / 2, rtol=1e-12)
    for n_clusters in (1, 2, n):
        assert len(set(cut_merges(merges, n_clusters))) == n_clusters


def test_among_equal_costs_the_end_of_the_chain_comes_first_and_then_the_lowest_node():
    chain = squareform([9.0, 3.0, 8.0, 5.0, 1.0, 1.0])  # 0 -> 2 -> 3, whose nearest are 1 and 2
    assert ward_merges(chain)[0].tolist() == [2.0, 3.0, 0.5, 2.0]
    fork = squareform([9.0, 1.0, 1.0, 9.0, 9.0, 9.0])  # 0 has the neighbors 2 and 3
    assert ward_merges(fork)[0].tolist() == [0.0, 2.0, 0.5, 2.0]


def test_many_ties_are_broken_the_same_way_and_end(rng):
    """Three values only, a different rounding in each cluster size: the chain must neither cycle nor invert."""
    for _ in range(50):
        D = squareform(rng.choice([0.1, 0.2, 0.7], size=30 * 29 // 2))
        merges = ward_merges(D)
        assert_valid(merges, 30)
        np.testing.assert_array_equal(merges, ward_merges(D))


@pytest.mark.parametrize("make", [lambda rng: squareform(euclidean(rng, 12)) ** 2, lambda rng: indefinite(rng, 12)])
def test_compiled_and_plain_kernels_agree(make, rng, monkeypatch):
    D = make(rng)
    compiled = ward_merges(D)
    for name, kernel in [("_chain_merges", _chain_merges), ("_linkage", _linkage)]:
        monkeypatch.setattr(f"statlearn.graph._ward_solver.{name}", kernel.py_func)
    np.testing.assert_allclose(ward_merges(D), compiled, rtol=1e-13)


def test_input_is_read_only_and_its_diagonal_is_not_read(rng):
    D = indefinite(rng, 20)
    expected = ward_merges(D)
    np.fill_diagonal(D, np.nan)
    D.flags.writeable = False
    np.testing.assert_array_equal(ward_merges(D), expected)
    np.testing.assert_array_equal(ward_merges(np.asfortranarray(D)), expected)


def test_a_single_node():
    merges = ward_merges([[0.0]])
    assert merges.shape == (0, 4)
    assert cut_merges(merges, 1).tolist() == [0]


def test_labels_are_numbered_in_the_order_of_the_nodes():
    points = np.array([9.0, 0.0, 0.1, 9.1, 4.0])
    merges = ward_merges((points[:, None] - points) ** 2)
    assert cut_merges(merges, 3).tolist() == [0, 1, 1, 0, 2]
    assert cut_merges(merges, 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("n_clusters", [0, 4])
def test_number_of_clusters_must_fit(n_clusters):
    with pytest.raises(ValueError, match=rf"between 1 and the number of nodes, 3\. Got {n_clusters} instead"):
        cut_merges(ward_merges(np.ones((3, 3))), n_clusters)


@pytest.mark.parametrize("D", [np.ones((2, 3)), np.ones(4), np.empty((0, 0))])
def test_shape_is_checked(D):
    with pytest.raises(ValueError, match=r"D must be a square matrix, not empty\. Got an array of shape"):
        ward_merges(D)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_entries_must_be_finite(value):
    D = np.ones((3, 3))
    D[0, 2] = D[2, 0] = value
    with pytest.raises(ValueError, match="D must be finite off its diagonal"):
        ward_merges(D)
