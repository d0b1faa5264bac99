"""The graph: validated once, immutable, with the eigendecompositions that every kernel of it shares."""

import threading
from functools import cached_property
from typing import Literal, Self

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

from .._typing import FloatArray, GraphLike, IntArray
from ._decompositions import Decomposition, PerronPair, decompose, perron_pair
from ._graph_input import read_adjacency

__all__ = ["MAX_DENSE_N", "SMALL", "SpectralGraph", "as_graph"]

MAX_DENSE_N = 20_000  # nodes above which no n x n array is allocated: 3.2 GB each
SMALL = 500  # nodes up to which all eigenvalues are computed where one would do


class SpectralGraph:
    """An undirected weighted graph that remembers its eigendecompositions.

    Wherever the library takes a graph it takes this too. Passing the same object to many calls, or as the ``graph``
    parameter of an estimator in a grid search, factorizes the adjacency, the Laplacian and the normalized adjacency at
    most once each: cloning an estimator and copying the graph return the graph itself.

    Parameters
    ----------
    graph : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
        Symmetric non-negative weights: the larger, the closer two nodes are. A data frame needs the same index and
        columns. The input is copied.
    symmetrize : {"max", "mean"} or None, default=None
        How to make a directed graph undirected: by the larger of the two weights or by their mean. None refuses.
    weight : str or None, default="weight"
        Edge attribute of a networkx graph that holds the weights; None makes all weights 1.

    Attributes
    ----------
    adjacency : scipy.sparse.csr_array of shape (n, n)
        The weights; do not change them.
    degrees : ndarray of shape (n,)
        Row sums of the adjacency.
    names : ndarray of shape (n,) or None
        The names of the nodes of a data frame or networkx graph, unless they are 0, ..., n - 1.
    n_nodes : int
        Number of nodes.
    n_edges : int
        Number of edges, self-loops included.
    n_components : int
        Number of connected components.
    component_labels : ndarray of shape (n,)
        The component of each node.
    spectral_radius : float
        Largest eigenvalue of the adjacency.

    Raises
    ------
    TypeError
        If the entries are no numbers.
    ValueError
        If the graph is not square, has fewer than two nodes or no edge, missing, infinite, complex or negative
        weights, or is directed and ``symmetrize`` is None.

    Warns
    -----
    SelfLoopWarning
        If there are self-loops.

    Examples
    --------
    >>> from statlearn.graph import SpectralGraph
    >>> graph = SpectralGraph([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    >>> graph
    SpectralGraph(n_nodes=3, n_edges=2)
    >>> round(graph.spectral_radius**2, 12)
    2.0
    """

    def __init__(
        self,
        graph: "GraphLike | SpectralGraph",
        *,
        symmetrize: Literal["max", "mean"] | None = None,
        weight: str | None = "weight",
    ) -> None:
        if isinstance(graph, SpectralGraph):
            if symmetrize is not None:
                raise ValueError("symmetrize must be None for a SpectralGraph, which is undirected already.")
            self._hold(graph.adjacency, graph.names)
            self._decompositions = graph._decompositions
            return
        self._hold(*read_adjacency(graph, symmetrize, weight))

    def _hold(self, adjacency, names):
        for array in (adjacency.data, adjacency.indices, adjacency.indptr):
            array.setflags(write=False)
        self.adjacency = adjacency
        self.names = names
        self.n_nodes = adjacency.shape[0]
        self.degrees = adjacency.sum(axis=1)
        self.degrees.setflags(write=False)
        self.n_components, self.component_labels = connected_components(adjacency, directed=False)
        self._decompositions, self._constants = {}, {}
        self._exponential = None
        self._last_kernel = None
        self._lock = threading.RLock()

    @classmethod
    def _from_parts(cls, adjacency, names):
        graph = cls.__new__(cls)
        graph._hold(adjacency, names)
        return graph

    @property
    def n_edges(self) -> int:
        """Number of edges, self-loops included."""
        return (self.adjacency.nnz + int(np.count_nonzero(self.adjacency.diagonal()))) // 2

    @property
    def volume(self) -> float:
        """Sum of the degrees."""
        return float(self.degrees.sum())

    @cached_property
    def loop_free(self) -> sparse.csr_array:
        """The adjacency without self-loops, which is all the Laplacian sees."""
        loop_free = self.adjacency.copy()
        loop_free.setdiag(0.0)
        loop_free.eliminate_zeros()
        return loop_free

    @cached_property
    def hop_bound(self) -> int:
        """Upper bound on the number of edges between two nodes of a connected graph."""
        if self.n_nodes == 1:
            return 0
        order, parents = breadth_first_order(self.adjacency, int(np.argmax(self.degrees)), directed=False)
        depth = np.zeros(self.n_nodes, dtype=np.int64)
        for node in order[1:]:
            depth[node] = depth[parents[node]] + 1
        return 2 * int(depth.max())

    def dense(self) -> FloatArray:
        """The adjacency as an array.

        Returns
        -------
        adjacency : ndarray of shape (n, n)
            A new array.

        Raises
        ------
        ValueError
            If the graph has more nodes than an n x n array is allocated for.
        """
        self._require_dense("its adjacency as an array")
        return self.adjacency.toarray()

    def _require_dense(self, wanted):
        """Refuse an n x n array for a large graph, before it is allocated.

        Parameters
        ----------
        wanted : str
            What needs the array, for the message.

        Raises
        ------
        ValueError
            If the graph has more than 20,000 nodes.
        """
        if self.n_nodes > MAX_DENSE_N:
            raise ValueError(
                f"graph has {self.n_nodes} nodes: {wanted} would need {self.n_nodes}^2 numbers, and at most "
                f"{MAX_DENSE_N}^2 are allocated. Use the features of NodeKernel(method='lanczos') for plain kernels "
                "such as 'normalized_heat', or NodeKernel(method='landmark') for their logarithms too."
            )

    def decomposition(self, matrix: Literal["A", "L", "S"]) -> Decomposition:
        """Eigendecomposition of a matrix of the graph, computed once.

        Parameters
        ----------
        matrix : {"A", "L", "S"}
            The adjacency, the Laplacian D - A, or the normalized adjacency D^(-1/2) A D^(-1/2).

        Returns
        -------
        decomposition : Decomposition
            ``values`` of shape (n,) and ``vectors`` of shape (n, n) with the principal pair first: the largest
            eigenvalue of A and S, the smallest of L.
        """
        with self._lock:
            if matrix not in self._decompositions:
                self._require_dense("an eigendecomposition")
                self._decompositions[matrix] = decompose(self, matrix)
            return self._decompositions[matrix]

    @cached_property
    def perron(self) -> PerronPair:
        """The largest eigenvalue of A in twice the working precision, with its vector."""
        return perron_pair(self.adjacency, *self._leading_pair())

    @cached_property
    def spectral_radius(self) -> float:
        """Largest eigenvalue of the adjacency."""
        return self._leading_pair()[0]

    def _leading_pair(self):
        """Largest eigenvalue of A and its vector: of the full decomposition if it is at hand or cheap."""
        if "A" in self._decompositions or self.n_nodes <= SMALL:
            first = self.decomposition("A")
            return float(first.values[0]), np.ascontiguousarray(first.vectors[:, 0])
        start = np.full(self.n_nodes, self.n_nodes**-0.5)
        values, vectors = sparse.linalg.eigsh(self.adjacency, k=1, which="LA", v0=start)
        return float(values[0]), np.abs(vectors[:, 0])

    @property
    def mean_degree(self) -> float:
        """Mean diagonal of the Laplacian."""
        return float(self.loop_free.sum()) / self.n_nodes

    @property
    def mean_cost(self) -> float:
        """Mean length of an edge, one over its weight."""
        return float((1.0 / self.adjacency.data).mean())

    def root_degrees(self) -> FloatArray:
        """Square roots of the degrees, 1 for isolated nodes.

        Returns
        -------
        roots : ndarray of shape (n,)
            Positive.
        """
        return np.sqrt(np.where(self.degrees > 0.0, self.degrees, 1.0))

    def component_sizes(self) -> IntArray:
        """Number of nodes per connected component.

        Returns
        -------
        sizes : ndarray of shape (n_components,)
            In the order of ``component_labels``.
        """
        return np.bincount(self.component_labels)

    def subgraph(self, nodes: IntArray) -> Self:
        """The graph of some of the nodes and the edges between them.

        Parameters
        ----------
        nodes : ndarray of shape (n_kept,)
            Positions.

        Returns
        -------
        graph : SpectralGraph
            With the names of the nodes that are kept.
        """
        part = sparse.csr_array(self.adjacency[nodes][:, nodes])
        names = None if self.names is None else self.names[nodes]
        return SpectralGraph._from_parts(part, names)

    def _exponential_for(self, matrix, build):
        """The exponential of a matrix of the graph with its memory of earlier parameters; the last one is kept.

        Parameters
        ----------
        matrix : {"A", "L", "S"}
            Which matrix.
        build : callable
            Called without arguments when another matrix was used last.

        Returns
        -------
        exponential : PositiveExponential
            What ``build`` returned.
        """
        with self._lock:
            if self._exponential is None or self._exponential[0] != matrix:
                self._exponential = (matrix, build())
            return self._exponential[1]

    def _same_as(self, other):
        """Whether another graph has the same nodes, edges and weights.

        Parameters
        ----------
        other : SpectralGraph
            The other graph.

        Returns
        -------
        same : bool
            Names are not compared.
        """
        A, B = self.adjacency, other.adjacency
        return A.shape == B.shape and A.nnz == B.nnz and (A != B).nnz == 0

    def _once(self, key, compute):
        """Something that depends on the graph alone and serves many parameters, such as all shortest paths.

        Parameters
        ----------
        key : str
            Its name.
        compute : callable
            Called without arguments the first time.

        Returns
        -------
        result : object
            What ``compute`` returned; not to be changed.
        """
        with self._lock:
            if key not in self._constants:
                self._constants[key] = compute()
            return self._constants[key]

    def _remember(self, key, compute):
        """The kernel of the last call with the same key, or a new one; folds of a search ask for the same in a row.

        Parameters
        ----------
        key : tuple
            Measure, parameter and options.
        compute : callable
            Called without arguments when the key is new.

        Returns
        -------
        kernel : object
            What ``compute`` returned.
        """
        with self._lock:
            if self._last_kernel is None or self._last_kernel[0] != key:
                self._last_kernel = (key, compute())
            return self._last_kernel[1]

    def __len__(self) -> int:
        return self.n_nodes

    def __repr__(self):
        return f"SpectralGraph(n_nodes={self.n_nodes}, n_edges={self.n_edges})"

    def __sklearn_clone__(self):
        return self

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __getstate__(self):
        A = self.adjacency
        return {
            "data": A.data,
            "indices": A.indices,
            "indptr": A.indptr,
            "names": self.names,
            "decompositions": {
                name: (part.values, part.vectors, part.exact) for name, part in self._decompositions.items()
            },
        }

    def __setstate__(self, state):
        n = len(state["indptr"]) - 1
        parts = (np.array(state[name]) for name in ("data", "indices", "indptr"))
        self._hold(sparse.csr_array(tuple(parts), shape=(n, n)), state["names"])
        self._decompositions = {name: Decomposition(*part) for name, part in state["decompositions"].items()}


def as_graph(graph):
    """The graph as a `SpectralGraph`; one that is given is not copied."""
    return graph if isinstance(graph, SpectralGraph) else SpectralGraph(graph)
