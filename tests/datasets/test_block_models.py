"""Random graphs with communities: the law of the block model, the bounds of the LFR benchmark, and the messages."""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import binom, chisquare

from statlearn._support.random_streams import spawn_generators
from statlearn.datasets import make_lfr, make_sbm
from statlearn.datasets._block_models import MAX_SEED, _pairs_between, _pairs_within, _successes

LEVEL = 1e-6  # of each statistical test: seeds fail once in a million
SIZES = np.array([7, 1, 12, 2])
P = np.array([[0.5, 0.2, 0.1, 0.0], [0.2, 0.9, 1.0, 0.3], [0.1, 1.0, 0.05, 0.6], [0.0, 0.3, 0.6, 1.0]])


def n_pairs(sizes):
    """Number of pairs of different nodes per pair of blocks."""
    return np.where(np.eye(len(sizes), dtype=bool), sizes * (sizes - 1) // 2, np.outer(sizes, sizes))


def n_edges(A, y):
    """Number of edges per pair of blocks."""
    member = np.eye(y.max() + 1)[y]
    counts = member.T @ (A @ member)
    return np.where(np.eye(len(counts), dtype=bool), counts / 2, counts)


def assert_adjacency(A, n):
    assert isinstance(A, csr_array) and A.dtype == np.float64 and A.shape == (n, n)
    assert A.indices.dtype == np.int32
    assert A.has_canonical_format
    assert set(A.data) <= {1.0}
    assert (A != A.T).nnz == 0 and not A.diagonal().any()


class TestSBM:
    @pytest.mark.parametrize("probabilities", [P, (0.4, 0.0), (0.0, 0.3), (1.0, 1.0), (0.0, 0.0)])
    def test_is_an_adjacency_matrix_with_its_blocks(self, probabilities):
        A, y = make_sbm(SIZES, probabilities, random_state=0)
        assert_adjacency(A, 22)
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y, np.repeat([0, 1, 2, 3], SIZES))

    def test_counts_per_pair_of_blocks_are_binomial(self, seed):
        """Against all quantiles: the sum over 200 graphs, and the variance between them."""
        counts = np.array([n_edges(*make_sbm(SIZES, P, random_state=1000 * seed + s)) for s in range(200)])
        totals, trials = counts.sum(axis=0), 200 * n_pairs(SIZES)
        assert (totals >= binom.ppf(LEVEL, trials, P)).all() and (totals <= binom.ppf(1 - LEVEL, trials, P)).all()
        variance = (n_pairs(SIZES) * P * (1 - P))[[0, 0, 2, 2], [0, 2, 2, 3]]
        np.testing.assert_allclose(counts.var(axis=0)[[0, 0, 2, 2], [0, 2, 2, 3]], variance, rtol=0.6)  # sd 0.1

    def test_every_pair_has_the_probability_of_its_blocks(self, seed):
        """Nearly 200 pairs, each within the bounds of its own binomial law."""
        mean = sum(make_sbm(SIZES, P, random_state=5000 * (seed + 1) + s)[0].toarray() for s in range(500))
        y = np.repeat([0, 1, 2, 3], SIZES)
        expected = P[np.ix_(y, y)] * ~np.eye(22, dtype=bool)
        assert (mean >= binom.ppf(LEVEL / 100, 500, expected)).all()
        assert (mean <= binom.ppf(1 - LEVEL / 100, 500, expected)).all()

    def test_pairs_are_independent(self, seed):
        """All 64 graphs on four nodes in two blocks occur as often as the product of the pairs says."""
        A = [make_sbm([3, 1], (0.6, 0.3), random_state=9000 * (seed + 1) + s)[0].toarray() for s in range(4000)]
        bits = np.array(A)[:, *np.triu_indices(4, k=1)].astype(int)  # 01 02 03 12 13 23
        p = np.array([0.6, 0.6, 0.3, 0.6, 0.3, 0.3])
        graphs = (np.arange(64)[:, None] >> np.arange(6)) & 1
        expected = 4000 * np.prod(np.where(graphs, p, 1 - p), axis=1)
        observed = np.bincount(bits @ (1 << np.arange(6)), minlength=64)
        assert chisquare(observed, expected).pvalue > LEVEL

    def test_ones_and_zeros_are_exact(self):
        A, y = make_sbm(SIZES, np.eye(4), random_state=0)
        np.testing.assert_array_equal(A.toarray(), (y[:, None] == y) & ~np.eye(22, dtype=bool))
        A, y = make_sbm(SIZES, 1 - np.eye(4), random_state=0)
        np.testing.assert_array_equal(A.toarray(), y[:, None] != y)

    def test_the_pair_is_short_for_a_matrix(self):
        short, _ = make_sbm([20, 30, 5], (0.3, 0.1), random_state=3)
        full, _ = make_sbm([20, 30, 5], 0.1 + 0.2 * np.eye(3), random_state=3)
        assert (short != full).nnz == 0

    def test_random_state_decides_everything(self):
        def draw(random_state):
            return make_sbm([30, 30], (0.3, 0.1), random_state=random_state)[0]

        assert (draw(5) != draw(5)).nnz == 0
        assert (draw(5) != draw(6)).nnz > 0
        stream = np.random.RandomState(5)
        assert (draw(stream) != draw(stream)).nnz > 0

    def test_a_large_sparse_graph_has_the_right_numbers_of_edges(self, seed):
        """2e6 edges among 5e9 pairs: nothing of the size of the pairs is made."""
        sizes, p = np.full(5, 20_000), 1e-4 + 1.5e-3 * np.eye(5)
        A, y = make_sbm(sizes, p, random_state=seed)
        assert_adjacency(A, 100_000)
        counts = n_edges(A, y)
        assert (counts >= binom.ppf(LEVEL, n_pairs(sizes), p)).all()
        assert (counts <= binom.ppf(1 - LEVEL, n_pairs(sizes), p)).all()

    @pytest.mark.parametrize("p", [5e-324, 1e-18])
    def test_tiny_probabilities_do_not_overflow(self, p):
        assert make_sbm([100_000, 100_000], (p, p), random_state=0)[0].nnz == 0

    @pytest.mark.parametrize(
        ("sizes", "probabilities", "error", "message"),
        [
            ([], (0.1, 0.2), ValueError, "sizes must be a sequence with one size per block"),
            ([[3, 4]], (0.1, 0.2), ValueError, r"sizes must be a sequence.*shape \(1, 2\)"),
            ([3.0, 4.0], (0.1, 0.2), TypeError, "sizes must be integers. Got entries of type float64"),
            ([3, 0], (0.1, 0.2), ValueError, "sizes must be positive.*Got 0 for block 1"),
            ([3, 4], (0.1, 1.2), ValueError, r"P must hold probabilities, from 0 to 1. Got 1.2"),
            ([3, 4], (0.1, -0.2), ValueError, r"P must hold probabilities, from 0 to 1. Got -0.2"),
            ([3, 4], [[0.1, np.nan], [np.nan, 0.1]], ValueError, "P must hold probabilities, from 0 to 1. Got nan"),
            ([3, 4], [[0.1, 0.2], [0.3, 0.1]], ValueError, r"P must be symmetric.*P\[0, 1\]=0.2 and P\[1, 0\]=0.3"),
            ([3, 4, 5], np.eye(2), ValueError, r"P must have shape \(3, 3\).*Got an array of shape \(2, 2\)"),
            ([3, 4, 5], [0.1, 0.2, 0.3], ValueError, r"P must have shape \(3, 3\).*Got an array of shape \(3,\)"),
            ([3, 4], [["a", "b"], ["b", "a"]], TypeError, "P must be a matrix or a pair of numbers"),
            (3, (0.1, 0.2), ValueError, "The 'sizes' parameter of make_sbm must be an array-like"),
            ([3, 4], 0.1, ValueError, "The 'P' parameter of make_sbm must be an array-like"),
        ],
    )
    def test_messages(self, sizes, probabilities, error, message):
        with pytest.raises(error, match=message):
            make_sbm(sizes, probabilities)


class TestNumbersOfPairs:
    @pytest.mark.parametrize("size", [1, 2, 3, 10, 200])
    def test_every_pair_of_a_block_has_one_number(self, size, rng):
        i, j = _pairs_within(rng, size, 1.0)
        assert len(i) == size * (size - 1) // 2
        assert set(zip(i.tolist(), j.tolist(), strict=True)) == {(a, b) for b in range(size) for a in range(b)}

    @pytest.mark.parametrize("size", [3, 10**5, 94_906_267, 10**9])
    def test_corners_of_large_blocks(self, size, monkeypatch):
        """Where a column begins and ends, up to numbers whose square root is rounded."""
        j = np.array([1, 2, size // 2, size - 2, size - 1])
        begin = j * (j - 1) // 2
        numbers = np.concatenate([begin, begin + j - 1])
        monkeypatch.setattr("statlearn.datasets._block_models._successes", lambda *_: numbers)
        found = _pairs_within(None, size, 0.5)
        np.testing.assert_array_equal(found, [np.concatenate([0 * j, j - 1]), np.concatenate([j, j])])

    @pytest.mark.parametrize(("size_a", "size_b"), [(1, 1), (1, 4), (4, 1), (3, 5)])
    def test_every_pair_between_blocks_has_one_number(self, size_a, size_b, rng):
        i, j = _pairs_between(rng, size_a, size_b, 1.0)
        assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(a, b) for a in range(size_a) for b in range(size_b)]

    @pytest.mark.parametrize("slack", [4.0, -1.0], ids=["one run of gaps", "several runs"])
    @pytest.mark.parametrize("n_trials", [0, 1, 2, 1000])
    def test_successes_increase_and_stay_in_range(self, n_trials, slack, rng, monkeypatch):
        monkeypatch.setattr("statlearn.datasets._block_models.SLACK", slack)
        for _ in range(200):
            found = _successes(rng, n_trials, 0.3)
            assert (np.diff(found) > 0).all()
            assert ((found >= 0) & (found < n_trials)).all()
            assert len(found) >= binom.ppf(LEVEL, n_trials, 0.3) and len(found) <= binom.ppf(1 - LEVEL, n_trials, 0.3)
        np.testing.assert_array_equal(_successes(rng, n_trials, 1.0), np.arange(n_trials))


def test_networkx_absent_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match=r"make_lfr .*networkx.*not installed.*pip install 'statlearn\[networkx\]'"):
        make_lfr()


class TestLFR:
    @pytest.fixture(autouse=True)
    def networkx(self):
        return pytest.importorskip("networkx")

    def test_is_an_adjacency_matrix_with_its_communities(self):
        A, y = make_lfr(random_state=0)
        assert_adjacency(A, 250)
        assert y.shape == (250,) and y.dtype == np.int64
        sizes = np.bincount(y)
        assert sizes.min() >= 20 and sizes.max() <= 125
        _, first = np.unique(y, return_index=True)
        assert (np.diff(first) > 0).all() and y[0] == 0

    def test_is_the_graph_of_networkx_without_self_loops(self, networkx):
        arguments = {"mu": 0.2, "average_degree": 6.0, "max_degree": 60, "min_community": 15, "max_community": 80}
        A, y = make_lfr(200, tau1=2.5, tau2=1.6, **arguments, max_iter=400, random_state=4)
        drawn = int(spawn_generators(4, 1)[0].integers(MAX_SEED))
        graph = networkx.LFR_benchmark_graph(200, 2.5, 1.6, **arguments, max_iters=400, seed=drawn)
        expected = networkx.to_numpy_array(graph, nodelist=range(200))
        np.testing.assert_array_equal(A.toarray(), expected * ~np.eye(200, dtype=bool))
        for node, community in graph.nodes(data="community"):
            assert set(np.flatnonzero(y == y[node])) == community

    def test_random_state_decides_everything(self):
        A, B, C = (make_lfr(random_state=s)[0] for s in (1, 1, 2))
        assert (A != B).nnz == 0 and (A != C).nnz > 0

    def test_edges_between_communities_grow_with_mu(self):
        """From none to all. Between them networkx overshoots, as the docstring says."""
        shares = []
        for mu in (0.0, 0.1, 0.3, 0.5, 1.0):
            A, y = make_lfr(400, mu=mu, average_degree=10.0, max_degree=50, min_community=40, random_state=0)
            i, j = A.nonzero()
            shares.append(np.mean(y[i] != y[j]))
            assert A.sum() / 400 == pytest.approx(10.0, rel=0.25)
        assert shares[0] == 0.0 and shares[-1] == 1.0
        assert (np.diff(shares) > 0.05).all()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"tau1": 1.0}, "The 'tau1' parameter of make_lfr must be"),
            ({"mu": 1.5}, "The 'mu' parameter of make_lfr must be"),
            ({"n_nodes": 1}, "The 'n_nodes' parameter of make_lfr must be"),
            ({"n_nodes": 30}, r"min_community=20 is above max_community=15 \(default: n_nodes // 2\)"),
            ({"max_degree": 200}, "max_degree=200 and max_community=125 add up to more than n_nodes=250"),
            (
                {"average_degree": 0.5},
                "networkx: Could not match average_degree.*No power law.*move average_degree, tau1",
            ),
            ({"tau2": 50.0}, "networkx: Could not create power law sequence.*lower min_community or tau2, raise"),
            ({"average_degree": 60}, "networkx: Could not assign communities.*raise min_community or mu, or lower"),
            ({"tau2": 1.001}, "Move tau1 and tau2 away from 1"),
        ],
    )
    def test_messages(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            make_lfr(**arguments, random_state=0)
