"""Kernels and distances between nodes as plain functions."""

from typing import Literal

import numpy as np

from .._typing import FloatArray, GraphLike
from ._components import kept_components
from ._engine import resolve
from ._spectral_graph import SpectralGraph, as_graph

__all__ = ["node_distance", "node_kernel"]


def node_kernel(
    graph: GraphLike | SpectralGraph,
    kernel: str = "scct",
    t: float | None = None,
    *,
    log: bool = False,
    scale: Literal["spectral", "unit", "raw"] = "spectral",
    method: Literal["auto", "eigh", "accurate"] = "auto",
) -> FloatArray:
    """Kernel between the nodes of a graph.

    Parameters
    ----------
    graph : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
        Undirected graph with non-negative weights.
    kernel : str, default="scct"
        Name or alias of a measure; see `list_node_kernels`.
    t : float, default=None
        Its parameter on the given ``scale``; None takes the default of the measure (`list_node_kernels`). Must be None
        for measures without parameter. ``kernel="absorption"`` also takes one rate per node, of shape (n,).
    log : bool, default=False
        Take the logarithm of every entry. All entries then have a small absolute error, whatever their size.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What ``t`` means: a number that adapts to the graph (Katz: the share of 1 / rho; exponentials of A: t rho;
        of L, and forest: t times the mean degree; others as in the formula), x in (0, 1) as in the studies of the
        measures' authors, or the parameter of the formula.
    method : {"auto", "eigh", "accurate"}, default="auto"
        Eigenvectors, or arithmetic without subtractions that gives each entry a small *relative* error. "auto" takes
        eigenvectors for plain kernels and, for logarithms, the route with the smaller error.

    Returns
    -------
    K : ndarray of shape (n, n)
        Symmetric. Personalized PageRank and its heat kernel are symmetrized, after the logarithm.

    Raises
    ------
    ValueError
        If the graph or a parameter is invalid, the graph is disconnected where the measure needs a connected one, the
        logarithm does not exist, or the kernel overflows.

    See Also
    --------
    node_distance : Distances of the kernel.
    NodeKernel : The same as a transformer, also for graphs too large for an n x n array.

    References
    ----------
    V. Ivashkin and P. Chebotarev. Do logarithmic proximity measures outperform plain ones in graph clustering? 2016.

    Examples
    --------
    >>> from statlearn.graph import node_kernel
    >>> path = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> node_kernel(path, "forest", 1.0, scale="raw").round(3)
    array([[0.625, 0.25 , 0.125],
           [0.25 , 0.5  , 0.25 ],
           [0.125, 0.25 , 0.625]])
    """
    graph, proximity = _checked(graph, kernel, t, log, scale)
    return _multiplied_out(proximity.kernel(graph, method=method), proximity)


def node_distance(
    graph: GraphLike | SpectralGraph,
    kernel: str = "scct",
    t: float | None = None,
    *,
    log: bool = False,
    scale: Literal["spectral", "unit", "raw"] = "spectral",
    method: Literal["auto", "eigh", "accurate"] = "auto",
) -> FloatArray:
    r"""Distance between the nodes of a graph.

    For kernels :math:`D_{ij} = k_{ii} + k_{jj} - 2 k_{ij}`, which is a *squared* Euclidean distance when the kernel is
    positive semi-definite. The measures that are distances themselves (shortest_path, rsp, fe) are returned as they
    are; commute_time gives the resistance.

    Parameters
    ----------
    graph : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
        Undirected graph with non-negative weights.
    kernel : str, default="scct"
        Name or alias of a measure; see `list_node_kernels`.
    t : float, default=None
        Its parameter; see `node_kernel`.
    log : bool, default=False
        The distance of the logarithm, :math:`\log (k_{ii} k_{jj} / k_{ij}^2)`, itself a metric for some measures. It
        keeps its digits where the kernel's entries agree in all of theirs.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What ``t`` means; see `node_kernel`.
    method : {"auto", "eigh", "accurate"}, default="auto"
        How it is computed; see `node_kernel`.

    Returns
    -------
    D : ndarray of shape (n, n)
        Symmetric, with a diagonal of exact zeros. Negative entries occur for indefinite kernels.

    Raises
    ------
    ValueError
        As `node_kernel`.

    Examples
    --------
    >>> from statlearn.graph import node_distance
    >>> path = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> node_distance(path, "commute_time").round(12)
    array([[0., 1., 2.],
           [1., 0., 1.],
           [2., 1., 0.]])
    """
    graph, proximity = _checked(graph, kernel, t, log, scale)
    return _multiplied_out(proximity.distance(graph, method=method), proximity)


def _checked(graph, kernel, t, log, scale):
    graph = as_graph(graph)
    proximity = resolve(graph, kernel, t, log, scale)
    kept_components(graph, proximity.label, proximity.needs_connected, "raise")
    return graph, proximity


def _multiplied_out(made, proximity):
    if made.log_scale == 0.0:
        return made.matrix
    if made.log_scale + np.log(np.abs(made.matrix).max()) > np.log(np.finfo(np.float64).max):
        raise ValueError(
            f"t={proximity.t!r} makes {proximity.label} overflow: its largest entry is about "
            f"exp({made.log_scale:.4g}). Use a smaller t, log=True, or NodeKernel, which keeps the factor apart."
        )
    return made.matrix * np.exp(made.log_scale)
