"""Costs between the nodes of a graph: hops of shortest paths, weights of edges, heat."""

import math
from numbers import Real
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components, shortest_path

from .._support.networkx_graphs import is_networkx, networkx_adjacency
from .._support.user_warnings import warn_user
from .._typing import FloatArray, GraphLike
from ..exceptions import AdjacencyWarning
from ._cost_base import SYMMETRY, largest_entry
from ._cost_input import real_array, real_sparse, require_square

__all__ = ["GRAPH_COSTS", "graph_cost"]


def graph_cost(
    G: GraphLike,
    kind: Literal["hop", "adjacency", "heat"] = "hop",
    *,
    unreachable: Literal["raise", "max+1"] | float = "raise",
    weight: str | None = "weight",
    heat_time: float = 1.0,
) -> FloatArray:
    r"""Costs between all pairs of nodes of a graph.

    The result has 8 n^2 bytes. For the adjacency of a large sparse graph see `SparseGraphCost`.

    Parameters
    ----------
    G : networkx graph, or array-like or sparse matrix of shape (n, n)
        The graph. In a matrix, a non-zero entry is the weight of an edge from its row to its column. Directed graphs
        give asymmetric costs.
    kind : {"hop", "adjacency", "heat"}, default="hop"
        What the cost of two nodes is:

        - "hop": the number of edges of a shortest path from one to the other, whatever their weights; self-loops play
          no role;
        - "adjacency": the weight of their edge, of any sign, with the weights of self-loops on the diagonal;
        - "heat": an entry of :math:`\exp(-t L)`, L the combinatorial Laplacian of an undirected graph: how much of the
          heat put on one node is on the other after time t. This is a similarity, large for nodes that are close;
          self-loops cancel.
    unreachable : {"raise", "max+1"} or float, default="raise"
        Hop distance of nodes without a path: refuse the graph, take one hop more than the longest shortest path, or
        this positive number. The other kinds do not need it.
    weight : str or None, default="weight"
        Edge attribute of a networkx graph that holds the weights, 1 where it is missing; None makes all weights 1.
        Weights of parallel edges are summed, and an edge of weight 0 is none.
    heat_time : float, default=1.0
        Positive time t of "heat", in units of one over the weights.

    Returns
    -------
    C : ndarray of shape (n, n)
        The costs, a new array. Nodes are in the order of ``list(G.nodes)`` or of the rows.

    Raises
    ------
    TypeError
        If ``G`` is no graph, or its weights are no real numbers.
    ValueError
        If the graph has no nodes, its matrix is not square, weights are missing or infinite, or negative where hops
        or heat are asked for; if some nodes cannot be reached and ``unreachable`` is "raise"; if heat is asked for on a
        directed graph; or if a parameter is out of its range.

    Warns
    -----
    AdjacencyWarning
        If hops are asked for and all nodes are joined by edges of different weights, as in a matrix of distances.

    Examples
    --------
    >>> from statlearn.gromov import graph_cost
    >>> path = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> graph_cost(path)
    array([[0., 1., 2.],
           [1., 0., 1.],
           [2., 1., 0.]])
    >>> graph_cost(path, "heat", heat_time=0.5).sum(axis=0).round(12)
    array([1., 1., 1.])
    """
    if not isinstance(kind, str) or kind not in GRAPH_COSTS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, GRAPH_COSTS))}. Got {kind!r} instead.")
    _check_unreachable(unreachable)
    if not _is_positive(heat_time):
        raise ValueError(f"heat_time must be a positive finite number. Got {heat_time!r} instead.")
    A = require_square(_read_adjacency(G, weight), "G")
    return GRAPH_COSTS[kind](A, unreachable, float(heat_time))


def _check_unreachable(unreachable):
    words = isinstance(unreachable, str) and unreachable in ("raise", "max+1")
    if not words and not _is_positive(unreachable):
        raise ValueError(f"unreachable must be 'raise', 'max+1' or a positive number. Got {unreachable!r} instead.")


def _is_positive(value):
    return isinstance(value, Real) and not isinstance(value, bool) and 0.0 < value < math.inf


def _read_adjacency(G, weight):
    """The weights of the edges as a CSR array."""
    if is_networkx(G):
        G = networkx_adjacency(G, weight, "G")
    if sparse.issparse(G):
        return real_sparse(G, "G")
    if not hasattr(G, "__array__") and not isinstance(G, (list, tuple)):
        raise TypeError(
            f"G must be a networkx graph, a sparse matrix or a square array. Got an object of type {type(G).__name__}."
        )
    return sparse.csr_array(real_array(G, "G"))


def _require_non_negative(A, kind):
    if A.nnz and A.data.min() < 0.0:
        raise ValueError(
            f"G must have non-negative weights for kind={kind!r}. Got {A.data.min():g}: take absolute values, or use "
            "kind='adjacency', which keeps the signs."
        )


def _hops(A, unreachable, heat_time):
    _require_non_negative(A, "hop")
    # a stored zero is no edge; scipy wants to write to what it is given
    edges = sparse.csr_array(A > 0.0, dtype=np.float64)
    _warn_of_distances(A, edges)
    D = shortest_path(edges, unweighted=True)
    apart = np.isinf(D)
    if apart.any():
        D[apart] = _distance_apart(edges, D[~apart].max(), unreachable)
    return D


def _warn_of_distances(A, edges):
    """Weights between all nodes are more likely distances than edges, which would all be one hop."""
    n = A.shape[0]
    between = A.data[A.data > 0.0]
    if n > 3 and edges.diagonal().sum() == 0.0 and edges.nnz == n * (n - 1) and np.ptp(between) > 0.0:
        warn_user(
            f"All {n} nodes of G are joined by edges of different weights, so all hop distances are 1. If they are "
            "distances, they are costs already: pass them as they are, or cost='precomputed' to an estimator.",
            AdjacencyWarning,
        )


def _distance_apart(edges, longest, unreachable):
    if unreachable == "raise":
        n_components, _ = connected_components(edges, connection="strong")
        raise ValueError(
            f"G has {n_components} components (strongly connected ones if it is directed), and no path from some nodes "
            "to others. Pass its largest component, or unreachable='max+1' or a distance for such nodes."
        )
    return longest + 1.0 if unreachable == "max+1" else float(unreachable)


def _weights(A, unreachable, heat_time):
    return A.toarray()


def _heat(A, unreachable, heat_time):
    _require_non_negative(A, "heat")
    if largest_entry(A - A.T) > SYMMETRY * largest_entry(A):
        raise ValueError(
            "G must be undirected for kind='heat'. Got weights that differ between the two directions of an edge: "
            "pass (A + A.T) / 2."
        )
    W = A.toarray()
    eigenvalues, vectors = eigh(np.diag(W.sum(axis=1)) - W, overwrite_a=True)
    half = vectors * np.exp(-0.5 * heat_time * np.maximum(eigenvalues, 0.0))
    return np.maximum(half @ half.T, 0.0)  # heat is not negative, save for rounding


# what `graph_cost` can compute from an adjacency, for every function with the same arguments
GRAPH_COSTS = {"hop": _hops, "adjacency": _weights, "heat": _heat}
