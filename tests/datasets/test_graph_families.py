"""Eight families of connected graphs: the law of each, its streams, and the messages."""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist
from scipy.stats import binom

from statlearn.datasets import make_graph_families
from statlearn.datasets._graph_families import DRAWS

LEVEL = 1e-6  # of each statistical test


def test_networkx_absent_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match=r"make_graph_families .*not installed.*pip install 'statlearn\[networkx\]'"):
        make_graph_families()


class TestFamilies:
    N, REPLICATES = 40, 25

    @pytest.fixture(autouse=True)
    def networkx(self):
        return pytest.importorskip("networkx")

    @pytest.fixture
    def members(self, seed):
        """Dense adjacency matrices by family."""
        graphs, families = make_graph_families(self.N, self.REPLICATES, random_state=seed)
        dense = np.array([A.toarray() for A in graphs])
        return {family: dense[families == family] for family in DRAWS}

    @pytest.mark.parametrize("n_nodes", [5, 12, 50])
    def test_every_graph_is_a_connected_adjacency_matrix(self, n_nodes):
        graphs, families = make_graph_families(n_nodes, 3, random_state=1)
        assert len(graphs) == len(families) == 24
        assert {name: int(np.sum(families == name)) for name in DRAWS} == dict.fromkeys(DRAWS, 3)
        for A in graphs:
            assert isinstance(A, csr_array) and A.dtype == np.float64 and A.shape == (n_nodes, n_nodes)
            assert set(A.data) == {1.0}
            assert (A != A.T).nnz == 0 and not A.diagonal().any()
            assert connected_components(A, directed=False)[0] == 1

    @pytest.mark.parametrize(("family", "p"), [("erdos_renyi_0.2", 0.2), ("erdos_renyi_0.35", 0.35)])
    def test_edges_are_binomial(self, members, family, p):
        """At 40 nodes nearly every draw is connected, so that redrawing does not show."""
        total, trials = members[family].sum() / 2, self.REPLICATES * self.N * (self.N - 1) // 2
        assert binom.ppf(LEVEL, trials, p) <= total <= binom.ppf(1 - LEVEL, trials, p)

    def test_blocks_are_the_two_halves(self, members):
        A, half = members["block_model"], self.N // 2
        within = (A[:, :half, :half].sum() + A[:, half:, half:].sum()) / 2
        trials = self.REPLICATES * half * (half - 1)
        assert binom.ppf(LEVEL, trials, 0.4) <= within <= binom.ppf(1 - LEVEL, trials, 0.4)
        between, trials = A[:, :half, half:].sum(), self.REPLICATES * half**2
        assert binom.ppf(LEVEL, trials, 0.05) <= between <= binom.ppf(1 - LEVEL, trials, 0.05)

    @pytest.mark.parametrize(
        ("family", "n_edges"), [("barabasi_albert", 2 * (N - 2)), ("watts_strogatz", 2 * N), ("tree", N - 1)]
    )
    def test_numbers_of_edges_that_are_fixed(self, members, family, n_edges):
        np.testing.assert_array_equal(members[family].sum(axis=(1, 2)), 2 * n_edges)

    def test_attachment_prefers_nodes_of_high_degree(self, members):
        """Largest degrees, which no other family of as many edges reaches."""
        largest = {family: A.sum(axis=2).max(axis=1).mean() for family, A in members.items()}
        assert largest["barabasi_albert"] > largest["watts_strogatz"] + 4

    def test_small_worlds_keep_most_edges_of_their_ring(self, members):
        i, j = np.indices((self.N, self.N))
        near = np.isin((i - j) % self.N, [1, 2, self.N - 1, self.N - 2])
        kept = members["watts_strogatz"][:, near].sum() / members["watts_strogatz"].sum()
        assert 0.74 < kept < 0.87  # expected: .8, and a rewired edge seldom comes back; 2000 edges

    def test_regular_graphs_have_degree_four(self, members):
        np.testing.assert_array_equal(members["regular"].sum(axis=2), 4.0)

    def test_geometric_graphs_have_many_triangles(self, members):
        """Two points within .3 of a third are often within .3 of each other: transitivity far above the density."""

        def transitivity(A):
            paths = np.einsum("rij,rjk->rik", A, A) * ~np.eye(self.N, dtype=bool)
            return (paths * A).sum() / paths.sum()

        assert transitivity(members["geometric"]) > 0.5
        assert transitivity(members["erdos_renyi_0.2"]) < 0.25

    def test_geometric_graphs_have_the_density_of_the_unit_square(self, members, rng):
        """Against pairs of uniform points: sd of the mean over graphs about .006."""
        share = np.mean(pdist(rng.random((2000, 2))) <= 0.3)
        density = members["geometric"].sum() / (self.REPLICATES * self.N * (self.N - 1))
        assert density == pytest.approx(share, abs=0.04)

    def test_random_state_decides_everything(self):
        def draw(random_state):
            return make_graph_families(12, 2, random_state=random_state)[0]

        def same(graphs, others):
            return [(A != B).nnz == 0 for A, B in zip(graphs, others, strict=True)]

        assert all(same(draw(5), draw(5)))
        assert not any(same(draw(5), draw(6)))
        stream = np.random.RandomState(5)
        assert not any(same(draw(stream), draw(stream)))

    def test_more_replicates_come_behind_the_others(self):
        few, names = make_graph_families(12, 1, random_state=3)
        many, all_names = make_graph_families(12, 3, random_state=3)
        assert names.tolist() == all_names[:8].tolist() == list(DRAWS)
        assert all((A != B).nnz == 0 for A, B in zip(few, many, strict=False))
        assert (many[0] != many[8]).nnz > 0

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"n_nodes": 4}, "The 'n_nodes' parameter of make_graph_families must be an int in the range"),
            ({"n_nodes": 20.0}, "The 'n_nodes' parameter"),
            ({"n_replicates": 0}, "The 'n_replicates' parameter"),
            ({"random_state": "a"}, "The 'random_state' parameter"),
        ],
    )
    def test_messages(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            make_graph_families(**arguments)
