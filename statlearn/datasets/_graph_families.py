"""Eight families of random graphs on which distances between graphs are compared."""

from numbers import Integral

import numpy as np
from scipy import sparse

from statlearn._support._sklearn import Interval, validate_params
from statlearn._support.random_streams import spawn_generators

from .._typing import LabelArray, LegacyRandomState

__all__ = ["make_graph_families"]

MAX_SEED = 2**31
BLOCKS = ((0.4, 0.05), (0.05, 0.4))
DRAWS = {  # family -> graph of networkx with n nodes
    "erdos_renyi_0.2": lambda nx, n, seed: nx.gnp_random_graph(n, 0.2, seed=seed),
    "erdos_renyi_0.35": lambda nx, n, seed: nx.gnp_random_graph(n, 0.35, seed=seed),
    "barabasi_albert": lambda nx, n, seed: nx.barabasi_albert_graph(n, 2, seed=seed),
    "watts_strogatz": lambda nx, n, seed: nx.watts_strogatz_graph(n, 4, 0.2, seed=seed),
    "block_model": lambda nx, n, seed: nx.stochastic_block_model([n - n // 2, n // 2], BLOCKS, seed=seed),
    "regular": lambda nx, n, seed: nx.random_regular_graph(4, n, seed=seed),
    "tree": lambda nx, n, seed: nx.random_labeled_tree(n, seed=seed),
    "geometric": lambda nx, n, seed: nx.random_geometric_graph(n, 0.3, seed=seed),
}


@validate_params(
    {
        "n_nodes": [Interval(Integral, 5, None, closed="left")],
        "n_replicates": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_graph_families(
    n_nodes: int = 50, n_replicates: int = 2, *, random_state: LegacyRandomState = None
) -> tuple[list[sparse.csr_array], LabelArray]:
    """Draw connected graphs from eight families of random graphs (needs networkx).

    The families are those of a study of distances between graphs; the notes say how each is drawn. A graph that is not
    connected is drawn again.

    Parameters
    ----------
    n_nodes : int, default=50
        Number of nodes of every graph, at least 5.
    n_replicates : int, default=2
        Number of graphs per family.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness; pass an int for the same graphs in every call. Each graph has a stream of its own:
        with the same int, a larger ``n_replicates`` adds graphs behind those of a smaller one.

    Returns
    -------
    graphs : list of scipy.sparse.csr_array of shape (n_nodes, n_nodes)
        Adjacency matrices, symmetric float64 with entries 0 and 1 and zero diagonal, ``8 * n_replicates`` of them: one
        graph of every family, then the next of every family.
    families : ndarray of shape (8 * n_replicates,)
        Name of the family of each graph.

    Raises
    ------
    ImportError
        If networkx is not installed.
    ValueError
        If an argument is out of range.

    See Also
    --------
    make_sbm : One graph with given blocks and edge probabilities.

    Notes
    -----
    ==================  ==============================================================================================
    family              graph
    ==================  ==============================================================================================
    erdos_renyi_0.2     Each pair of nodes is joined with probability 0.2.
    erdos_renyi_0.35    Each pair of nodes is joined with probability 0.35.
    barabasi_albert     Preferential attachment: each new node brings 2 edges.
    watts_strogatz      A ring in which each node has 4 neighbors; each edge is rewired with probability 0.2.
    block_model         Two halves; probability 0.4 within a half and 0.05 between them.
    regular             Each node has 4 neighbors.
    tree                Uniform among the trees on labeled nodes.
    geometric           Points in the unit square, joined if at most 0.3 apart.
    ==================  ==============================================================================================

    Redrawing conditions each law on being connected. At 50 nodes that changes little; at 10 nodes a geometric graph is
    connected about once in twenty draws, and has more edges than the name suggests.

    Examples
    --------
    >>> from statlearn.datasets import make_graph_families
    >>> graphs, families = make_graph_families(20, n_replicates=1, random_state=0)
    >>> families[:4]
    array(['erdos_renyi_0.2', 'erdos_renyi_0.35', 'barabasi_albert',
           'watts_strogatz'], dtype='<U16')
    >>> graphs[5].sum(axis=1)[:5]
    array([4., 4., 4., 4., 4.])
    """
    nx = _networkx()
    families = np.tile(list(DRAWS), n_replicates)
    streams = spawn_generators(random_state, len(families))
    graphs = [
        _draw_connected(nx, DRAWS[family], int(n_nodes), rng) for family, rng in zip(families, streams, strict=True)
    ]
    return graphs, families


def _networkx():
    try:
        import networkx
    except ImportError as error:
        raise ImportError(
            "make_graph_families draws its graphs with networkx, which is not installed; install it with "
            "`pip install 'statlearn[networkx]'`."
        ) from error
    return networkx


def _draw_connected(nx, draw, n_nodes, rng):
    """Adjacency of the first connected draw; at worst, with few nodes, one draw in fifty is."""
    graph = draw(nx, n_nodes, int(rng.integers(MAX_SEED)))
    while not nx.is_connected(graph):
        graph = draw(nx, n_nodes, int(rng.integers(MAX_SEED)))
    return nx.to_scipy_sparse_array(graph, nodelist=range(n_nodes), weight=None, dtype=np.float64, format="csr")
