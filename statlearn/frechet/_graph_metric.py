"""Labels that are nodes of a graph: distances are lengths of shortest paths."""

from collections.abc import Iterable
from numbers import Real

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from .._support.networkx_graphs import is_networkx, networkx_adjacency
from .._support.validation import check_array
from .._typing import FloatArray, GraphLike, IntArray
from ._graph_kernels import breadth_first, most_steps
from ._graph_search import GraphSearch
from ._label_metric import LabelMetric
from ._searches import SMALLEST

__all__ = ["GraphMetric"]


class GraphMetric(LabelMetric):
    """Labels that are nodes of a graph: the distance is the length of a shortest path.

    For taxonomies in which a class has several parents, for maps of regions that touch, for any relation between
    labels. Where the graph is a tree, `TreeMetric` is much faster.

    Predictions need the shortest paths from observed labels only: one search through the graph for each, and a table of
    n_observed x n_labels. If all edges have one length its entries are numbers of steps in the smallest integers that
    hold them, one byte each in most graphs, else lengths of eight bytes.

    Parameters
    ----------
    graph : {sparse matrix, array-like} of shape (n_labels, n_labels) or networkx graph
        Lengths of edges, symmetric and positive. In a dense array zeros mean no edge; of a networkx graph the edge
        attribute "weight" is the length, 1 where it is missing. Loops do not matter.
    labels : iterable of str or of numbers, default=None
        The labels; None for the names of the nodes of a networkx graph, and 0, 1, ..., n_labels - 1 otherwise.
    disconnected : float, default=None
        Distance between labels that no path connects; None refuses a graph that has any.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels_,)
        The labels.
    n_labels_ : int
        Their number.
    n_components_ : int
        Number of connected components.

    Raises
    ------
    TypeError
        If the graph is none of the above.
    ValueError
        If the graph is not square or symmetric, has several components without ``disconnected``, or a length is not
        positive and finite.

    See Also
    --------
    TreeMetric : Where there is one path between any two labels.

    Examples
    --------
    States of Australia that share a border; Queensland was not seen in training:

    >>> import networkx
    >>> from statlearn.frechet import GraphMetric, frechet_predict
    >>> borders = networkx.Graph(
    ...     [("WA", "NT"), ("WA", "SA"), ("NT", "SA"), ("NT", "QLD"), ("SA", "QLD"), ("SA", "NSW"), ("SA", "VIC")]
    ...     + [("QLD", "NSW"), ("NSW", "VIC")]
    ... )
    >>> states = GraphMetric(borders)
    >>> observed = states.index_of(["NT", "NSW"])
    >>> states.labels_[frechet_predict([[0.5, 0.5], [0.9, 0.1]], states, observed)]
    array(['SA', 'NT'], dtype='<U3')
    """

    searches = {**LabelMetric.searches, "graph": GraphSearch}

    def __init__(
        self, graph: GraphLike, labels: Iterable[str] | Iterable[float] | None = None, disconnected: float | None = None
    ) -> None:
        adjacency, names = _read_graph(graph)
        super().__init__(names if labels is None else labels)
        _check_lengths(adjacency)
        if self.n_labels_ != adjacency.shape[0]:
            raise ValueError(f"graph must have a node for each of {self.n_labels_} labels. Got {adjacency.shape[0]}.")
        self.n_components_, self._component = connected_components(adjacency, directed=False)
        self._apart = _check_disconnected(disconnected, self.n_components_)
        self._indptr, self._indices = adjacency.indptr.astype(np.int64), adjacency.indices.astype(np.int64)
        self._lengths = adjacency.data
        self._of_steps = self._distances_of_steps()
        for array in (self._component, self._indptr, self._indices, self._lengths, self._of_steps):
            if array is not None:
                array.flags.writeable = False

    def _distances_of_steps(self):
        """Distances by number of steps along edges of one length, the last for no path; None for several lengths."""
        if (self._lengths != self._lengths[:1]).any():
            return None
        # No two nodes are farther apart than twice the farthest from the first of their component.
        most = 2 * most_steps(self._indptr, self._indices)
        length = self._lengths[0] if self._lengths.size else 1.0
        return np.append(length * np.arange(most + 1), self._apart)

    def paths(self, sources: IntArray) -> np.ndarray:
        """Shortest paths from labels to all labels, in the form that `powers_of_paths` takes.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels.

        Returns
        -------
        paths : ndarray of shape (n_sources, n_labels)
            Numbers of edges in the smallest unsigned integers, if all edges have one length; else lengths.
        """
        if self._of_steps is None:
            adjacency = sparse.csr_array((self._lengths, self._indices, self._indptr), shape=(self.n_labels_,) * 2)
            lengths = dijkstra(adjacency, indices=sources)
            lengths[np.isinf(lengths)] = self._apart
            return lengths
        no_path = self._of_steps.size - 1
        steps = np.full((len(sources), self.n_labels_), no_path, dtype=np.min_scalar_type(no_path))
        queue = np.empty(self.n_labels_, dtype=np.int64)
        breadth_first(self._indptr, self._indices, np.asarray(sources, dtype=np.int64), queue, steps)
        return steps

    def powers_of_paths(self, paths: np.ndarray, power: float) -> FloatArray:
        """Distances to a power, from shortest paths.

        Parameters
        ----------
        paths : ndarray of any shape
            A part of what `paths` returned.
        power : float
            The power.

        Returns
        -------
        powers : ndarray of float64 of the same shape
            The terms of the Fréchet functional.
        """
        return paths**power if self._of_steps is None else (self._of_steps**power)[paths]

    def distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Distances between labels, by a search through the graph from each label of the shorter side.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels.

        Returns
        -------
        distances : ndarray of float64 of shape (n_sources, n_targets)
            The distances.
        """
        if len(targets) < len(sources):
            return np.ascontiguousarray(self.distances(targets, sources).T)
        return self.powers_of_paths(self.paths(sources)[:, targets], 1)

    def search_names(self, power: float) -> list[str]:
        """Names of the backends that find minimizers for a power.

        Parameters
        ----------
        power : float
            Power of the distances.

        Returns
        -------
        names : list of str
            The names, the fastest first.
        """
        return ["graph", *super().search_names(power)]

    def diameter(self) -> float:
        """Largest distance between two labels.

        From a label whose farthest label is at e, no label at distance d has one farther than e + d. Labels that these
        bounds leave are searched from, which are few in most graphs [1]_.

        Returns
        -------
        diameter : float
            The distance.

        References
        ----------
        .. [1] Takes and Kosters (2011). "Determining the Diameter of Small World Networks". CIKM 2011.
        """
        order = np.argsort(self._component, kind="stable")
        components = np.split(order, np.cumsum(np.bincount(self._component))[:-1])
        longest = max(self._diameter_of(members) for members in components)
        return longest if self.n_components_ == 1 else max(longest, self._apart)

    def _diameter_of(self, members):
        """Largest distance within a connected component."""
        longest = 0.0
        above, below = np.full(members.size, np.inf), np.zeros(members.size)  # bounds of the distance to the farthest
        from_the_edge = True
        while (open_ := np.flatnonzero(above > longest)).size:
            # In turns the label that may be outermost, and the one that is most central.
            chosen = open_[np.argmax(above[open_])] if from_the_edge else open_[np.argmin(below[open_])]
            from_the_edge = not from_the_edge
            apart = self.distances(members[chosen : chosen + 1], members)[0]
            farthest = apart.max()
            longest = max(longest, float(farthest))
            above = np.minimum(above, farthest + apart)
            below = np.maximum(below, np.maximum(farthest - apart, apart))
            above[chosen] = farthest
        return longest


def _read_graph(graph):
    """Adjacency as a CSR array of float64, without loops, and labels."""
    if is_networkx(graph):
        if graph.is_multigraph():
            raise ValueError("graph must not have parallel edges. Got a networkx multigraph: keep the shortest ones.")
        adjacency, names = networkx_adjacency(graph, "weight", "graph"), list(graph.nodes)
    else:
        adjacency, names = _read_matrix(graph)
    adjacency = sparse.coo_array(adjacency)
    between = adjacency.row != adjacency.col
    edges = (adjacency.data[between], (adjacency.row[between], adjacency.col[between]))
    return sparse.csr_array(edges, shape=adjacency.shape), names


def _read_matrix(graph):
    """A sparse or dense matrix as a CSR array of float64, and positions as labels."""
    try:
        matrix = check_array(graph, accept_sparse="csr", dtype=np.float64, input_name="graph")
    except TypeError as error:
        raise TypeError(
            f"graph must be a matrix of lengths of edges or a networkx graph. Got {type(graph).__name__}: {error}"
        ) from error
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"graph must be a square matrix. Got shape {matrix.shape}.")
    return sparse.csr_array(matrix), range(matrix.shape[0])


def _check_lengths(adjacency):
    """Refuse lengths that are not positive, or differ between the directions of an edge."""
    if adjacency.nnz and adjacency.data.min() <= 0.0:
        raise ValueError(
            f"graph must have positive lengths of edges. Got {adjacency.data.min():g}. Labels at distance 0 are one "
            "label; a zero that means no edge must not be stored, see eliminate_zeros."
        )
    if adjacency.nnz and adjacency.data.max() < SMALLEST:
        raise ValueError(
            f"graph must have lengths whose squares are not 0. Got {adjacency.data.max():g} at most: scale them up."
        )
    difference = abs(adjacency - adjacency.T)
    if difference.nnz and difference.max() > 0.0:
        source, target = np.unravel_index(difference.argmax(), difference.shape)
        raise ValueError(
            f"graph must be undirected. Got {adjacency[source, target]:g} from {source} to {target} and "
            f"{adjacency[target, source]:g} back. Make it symmetric, for instance by graph.maximum(graph.T), or "
            "graph.to_undirected() in networkx."
        )


def _check_disconnected(disconnected, n_components):
    """The distance between components; NaN, which is never used, if there is one component and none is given."""
    if disconnected is None:
        if n_components > 1:
            raise ValueError(
                f"label graph has {n_components} connected components. Connect them, or pass disconnected= the "
                "distance between labels that no path connects."
            )
        return np.nan
    if not (isinstance(disconnected, Real) and np.isfinite(disconnected) and disconnected > 0.0):
        raise ValueError(f"disconnected must be a finite positive distance or None. Got {disconnected!r}.")
    return float(disconnected)
