"""Reading networkx graphs, which no part of the library needs to be installed."""

import math
from numbers import Real

import numpy as np

__all__ = ["is_networkx", "networkx_adjacency"]


def is_networkx(graph):
    """Tell whether an object looks like a networkx graph.

    Parameters
    ----------
    graph : object
        Anything.

    Returns
    -------
    answer : bool
        Whether it has nodes and an adjacency.

    Examples
    --------
    >>> from statlearn._support.networkx_graphs import is_networkx
    >>> is_networkx([[0, 1], [1, 0]])
    False
    """
    return hasattr(graph, "adjacency") and hasattr(graph, "nodes")


def networkx_adjacency(graph, weight, name):
    """Weights of the edges of a networkx graph, directed or not.

    Parameters
    ----------
    graph : networkx graph
        The graph. Weights of parallel edges are summed.
    weight : str or None
        Edge attribute that holds the weights, 1 where it is missing; None makes all weights 1.
    name : str
        Name of the argument in messages.

    Returns
    -------
    A : scipy.sparse.csr_array of shape (n_nodes, n_nodes)
        The adjacency of float64, nodes in the order of ``list(graph.nodes)``.

    Raises
    ------
    TypeError
        If a weight is not a real number.
    ValueError
        If the graph has no nodes, a weight is not finite, or no edge has the attribute.

    Examples
    --------
    >>> import networkx
    >>> from statlearn._support.networkx_graphs import networkx_adjacency
    >>> networkx_adjacency(networkx.path_graph(3), "weight", "graph").toarray()
    array([[0., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]])
    """
    import networkx

    if len(graph.nodes) == 0:
        raise ValueError(f"{name} must have at least one node. Got an empty networkx graph.")
    if weight not in (None, "weight") and not any(weight in data for _, _, data in graph.edges(data=True)):
        raise ValueError(f"weight={weight!r} is an attribute of no edge of {name}. Use weight=None for weights of 1.")
    try:
        A = networkx.to_scipy_sparse_array(graph, weight=weight, dtype=np.float64, format="csr")
    except (TypeError, ValueError, OverflowError):
        _refuse_weights(graph, weight, name)
        raise
    if not np.isfinite(A.data).all():
        _refuse_weights(graph, weight, name)
    return A


def _refuse_weights(graph, weight, name):
    """Name the first edge whose weight is not a finite number."""
    for source, target, value in graph.edges(data=weight, default=1):
        if not _is_finite(value):
            raise (ValueError if isinstance(value, Real) else TypeError)(
                f"{name} must have finite real numbers as edge weights. Got {weight}={value!r} for the edge from "
                f"{source!r} to {target!r}: give it a number, remove it, or use weight=None for weights of 1."
            )


def _is_finite(value):
    try:
        return math.isfinite(value)
    except (TypeError, OverflowError):
        return False
