"""Reading a graph from whatever the user holds: an array, a sparse matrix, a data frame, a networkx graph."""

import numpy as np
from scipy import sparse

from .._support.networkx_graphs import is_networkx, networkx_adjacency
from .._support.user_warnings import warn_user
from .._support.validation import check_array
from ..exceptions import SelfLoopWarning

__all__ = ["GraphInputMixin", "read_adjacency"]

ASYMMETRY = 1e-10  # relative to the larger weight of an edge: differences below are rounding
SMALLEST_WEIGHT, LARGEST_WEIGHT = 1e-120, 1e120
SYMMETRIZERS = {"max": lambda A: A.maximum(A.T), "mean": lambda A: (A + A.T) / 2}


def read_adjacency(graph, symmetrize, weight):
    """The adjacency of ``graph`` as a CSR array of float64 and the names of its nodes, or None without names."""
    matrix, names = _matrix_and_names(graph, weight)
    matrix = _numbers(matrix)
    A = sparse.csr_array(matrix)
    _check_shape(A)
    A.sum_duplicates()
    if A.nnz and A.data.min() < 0.0:
        raise ValueError(
            f"graph must have non-negative edge weights. Got {A.data.min():g}: Negative values in data cannot be "
            "affinities; take absolute values or drop these edges."
        )
    A = _symmetric(A, symmetrize)
    A.eliminate_zeros()
    _shorten_indices(A)
    _check_range(A)
    if A.nnz == np.count_nonzero(A.diagonal()):
        raise ValueError("graph must have at least one edge between two nodes. Got an adjacency without any.")
    _warn_of_loops(A)
    return A, names


def _check_range(A):
    """Weights whose squares and inverses are numbers."""
    if A.nnz and not (A.data.min() >= SMALLEST_WEIGHT and A.data.max() <= LARGEST_WEIGHT):
        raise ValueError(
            f"graph must have edge weights between {SMALLEST_WEIGHT:g} and {LARGEST_WEIGHT:g}. Got weights from "
            f"{A.data.min():.3g} to {A.data.max():.3g}: scale them."
        )


def _shorten_indices(A):
    """Indices of 32 bits where they suffice, which is all that scikit-learn takes."""
    if max(A.nnz, *A.shape) <= np.iinfo(np.int32).max:
        A.indices, A.indptr = A.indices.astype(np.int32), A.indptr.astype(np.int32)


def _numbers(matrix):
    try:
        return check_array(matrix, accept_sparse="csr", dtype=np.float64, copy=True, input_name="graph")
    except TypeError as error:
        raise TypeError(
            "graph must be a matrix of numbers or a SpectralGraph, a square data frame or a networkx graph. Got an "
            f"object of type {type(matrix).__name__}: {error}"
        ) from error


def _matrix_and_names(graph, weight):
    if is_networkx(graph):
        return networkx_adjacency(graph, weight, "graph"), _names(list(graph.nodes))
    if isinstance(graph, np.ma.MaskedArray):
        raise TypeError("graph must not be a masked array: pass graph.filled(0) if masked means no edge.")
    if hasattr(graph, "index") and hasattr(graph, "columns"):
        if list(graph.index) != list(graph.columns):
            raise ValueError(
                "graph must have the same index and columns, in the same order, when it is a data frame: "
                "reorder it by graph.loc[nodes, nodes]."
            )
        return graph.to_numpy(), _names(list(graph.index))
    return graph, None


def _names(nodes):
    """One name per node; positions are no names."""
    if nodes == list(range(len(nodes))):
        return None
    if len(set(nodes)) < len(nodes):
        twice = next(node for node in nodes if nodes.count(node) > 1)
        raise ValueError(f"graph must have distinct names of nodes. Got {twice!r} more than once: rename the nodes.")
    names = np.empty(len(nodes), dtype=object)
    names[:] = nodes
    return names


def _check_shape(A):
    rows, columns = A.shape
    if rows != columns:
        raise ValueError(
            f"graph must be a square adjacency matrix. Got shape ({rows}, {columns}). If a cross-validation cut it: "
            "deleting nodes changes the graph, so use NodeKernelClassifier, whose samples are nodes, or sweep_cluster."
        )
    if rows < 2:
        raise ValueError("graph must have at least 2 nodes. Got n_samples=1.")


def _symmetric(A, symmetrize):
    if symmetrize is not None:
        if symmetrize not in SYMMETRIZERS:
            raise ValueError(f"symmetrize must be 'max', 'mean' or None. Got {symmetrize!r} instead.")
        return sparse.csr_array(SYMMETRIZERS[symmetrize](A))
    difference = abs(A - A.T)
    gap = difference.max() if difference.nnz else 0.0
    if gap > 0.0 and (difference - ASYMMETRY * A.maximum(A.T)).max() > 0.0:
        raise ValueError(
            f"graph must be undirected. Got weights that differ by up to {gap:.3g} between the two directions of an "
            "edge: pass SpectralGraph(graph, symmetrize='max') or symmetrize='mean'."
        )
    return sparse.csr_array((A + A.T) / 2) if gap > 0.0 else A


def _warn_of_loops(A):
    n_loops = int(np.count_nonzero(A.diagonal()))
    if n_loops:
        warn_user(
            f"graph has {n_loops} self-loops: they count in the adjacency and the degrees, and cancel in the "
            "Laplacian. Set the diagonal to zero if they mean nothing.",
            SelfLoopWarning,
        )


class GraphInputMixin:
    """An estimator whose X is a graph: no table of samples and features, and nothing a cross-validation may cut."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        return tags

    def _store_input(self, graph):
        """The attributes scikit-learn expects of what was seen in fit."""
        self.n_features_in_ = graph.n_nodes
        vars(self).pop("feature_names_in_", None)
        if graph.names is not None and all(isinstance(name, str) for name in graph.names):
            self.feature_names_in_ = graph.names.copy()
