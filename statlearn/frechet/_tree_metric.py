"""Labels that are nodes of a tree: taxonomies, codes in chapters, phylogenies."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order

from .._support.networkx_graphs import is_networkx, networkx_adjacency
from .._typing import ArrayLike, FloatArray, IntArray, NetworkXGraph
from ._label_metric import LabelMetric
from ._newick import read_newick
from ._searches import SLACK
from ._tree import RootedTree
from ._tree_search import RerootingSearch, SteinerSearch, VirtualSearch

__all__ = ["TreeMetric"]

ULTRAMETRIC_TOLERANCE = 1e-12


class TreeMetric(LabelMetric):
    r"""Labels that are nodes of a tree: the distance is the length of the path between them.

    If inner nodes are labels a prediction may hedge: where a classifier hesitates between breeds of dogs the label
    "dog" is near to all of them. If only leaves are labels and all are equally deep, no label that was not observed is
    ever predicted.

    No distance is computed for predictions. They take time in proportion to the number of weights, whatever the size of
    the tree, if every node is a label, else in proportion to the union of the paths between observed labels.

    Parameters
    ----------
    parent : array-like of int of shape (n_nodes,)
        Parent of every node; -1 for the root. Parents may come after their children.
    labels : iterable of str or of numbers of shape (n_labels,), default=None
        Names of the nodes that are labels; None for their numbers.
    lengths : array-like of shape (n_nodes,), default=None
        Length of the edge from every node to its parent, not negative; that of the root is not read. None for 1.
    label_nodes : {"all", "leaves"} or array-like of int of shape (n_labels,), default="all"
        Nodes that are labels: "leaves" for those without children, or their numbers. The order of the labels, by which
        ties are broken, is that of this array, else that of the nodes.
    virtual_root : bool, default=False
        Whether to join the trees of a forest, where several nodes have the parent -1, by a new root which is no label.
        The lengths of the old roots are those of their edges to it.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels_,)
        The labels.
    n_labels_ : int
        Their number.
    nodes_ : ndarray of int of shape (n_labels_,)
        Nodes of the labels.
    parents_ : ndarray of int of shape (n_nodes,)
        Parent of every node; -1 for the root, which is the last one if it was added.
    depths_ : ndarray of int of shape (n_labels_,)
        Number of edges between each label and the root.
    is_tree : bool
        Whether every node is a label.

    Raises
    ------
    TypeError
        If parents are not integers or lengths are not numbers.
    ValueError
        If the parents are not those of a tree, a length is negative or not finite, or labels do not match nodes.

    See Also
    --------
    GraphMetric : For classes with several parents, and networks with cycles.

    Notes
    -----
    Distances are differences of depths, so they are exact to about 1e-16 of the height of the tree.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    A classifier that knows two breeds of dogs and one of cats hesitates:

    >>> from statlearn.frechet import TreeMetric, frechet_predict
    >>> paths = [("animal", "dog", "poodle"), ("animal", "dog", "beagle"), ("animal", "cat", "siamese")]
    >>> animals = TreeMetric.from_paths(paths)
    >>> observed = animals.index_of(["poodle", "beagle", "siamese"])
    >>> P = [[0.9, 0.05, 0.05], [0.5, 0.4, 0.1], [0.3, 0.3, 0.4]]
    >>> animals.labels_[frechet_predict(P, animals, observed)]
    array(['poodle', 'dog', 'animal'], dtype='<U7')
    """

    searches = {
        **LabelMetric.searches,
        "steiner": SteinerSearch,
        "virtual": VirtualSearch,
        "rerooting": RerootingSearch,
    }

    def __init__(
        self,
        parent: ArrayLike,
        labels: Iterable[str] | Iterable[float] | None = None,
        *,
        lengths: ArrayLike | None = None,
        label_nodes: Literal["all", "leaves"] | ArrayLike = "all",
        virtual_root: bool = False,
    ) -> None:
        n_named = np.size(parent)
        if virtual_root:
            parent, lengths = _joined(parent, lengths)
        self._tree = RootedTree(parent, lengths)
        self.nodes_ = _check_label_nodes(label_nodes, self._tree, n_named)
        super().__init__(self.nodes_ if labels is None else labels)
        if self.n_labels_ != self.nodes_.size:
            raise ValueError(
                f"labels must name the {self.nodes_.size} nodes that are labels, in the order of the nodes or of "
                f"label_nodes. Got {self.n_labels_} labels."
            )
        self.is_tree = self.n_labels_ == self._tree.n_nodes
        self._labels_by_position = np.full(self._tree.n_nodes, -1)
        self._labels_by_position[self._tree.positions[self.nodes_]] = np.arange(self.n_labels_)
        # Labels at both ends of such an edge may tie, although one of them is off the paths between observed labels.
        self._has_negligible_edges = bool((self._tree.lengths[1:] <= SLACK * self._tree.depths.max()).any())
        self.nodes_.flags.writeable = False

    @classmethod
    def from_parents(
        cls,
        parent: ArrayLike,
        labels: Iterable[str] | Iterable[float] | None = None,
        *,
        lengths: ArrayLike | None = None,
        label_nodes: Literal["all", "leaves"] | ArrayLike = "all",
        virtual_root: bool = False,
    ) -> Self:
        """Label space of a tree that is given by the parents of nodes.

        Parameters
        ----------
        parent, labels, lengths, label_nodes, virtual_root : object
            As for `TreeMetric`.

        Returns
        -------
        metric : TreeMetric
            The label space.

        Examples
        --------
        >>> from statlearn.frechet import TreeMetric
        >>> TreeMetric.from_parents([-1, 0, 0], ["animal", "dog", "cat"])
        TreeMetric(3 labels)
        """
        return cls(parent, labels, lengths=lengths, label_nodes=label_nodes, virtual_root=virtual_root)

    @classmethod
    def from_networkx(
        cls,
        graph: NetworkXGraph,
        root: object = None,
        *,
        weight: str | None = "weight",
        label_nodes: Literal["all", "leaves"] | ArrayLike = "all",
    ) -> Self:
        """Label space of a networkx graph that is a tree.

        Parameters
        ----------
        graph : networkx.Graph or networkx.DiGraph
            The tree; directed edges lead from parents to children. Labels are the names of its nodes, in their order.
        root : hashable, default=None
            The root: None for the first node, or the one without parents if edges are directed. Distances do not depend
            on it.
        weight : str or None, default="weight"
            Edge attribute with the lengths, 1 where it is missing; None for lengths of 1.
        label_nodes : {"all", "leaves"} or array-like of names of shape (n_labels,), default="all"
            Nodes that are labels.

        Returns
        -------
        metric : TreeMetric
            The label space.

        Raises
        ------
        TypeError
            If it is not a networkx graph, or names of nodes are neither all strings nor all numbers.
        ValueError
            If it is no tree, such as when it has a cycle, several components, or a node with several parents.

        See Also
        --------
        GraphMetric : Graphs that are no trees.

        Examples
        --------
        >>> import networkx
        >>> from statlearn.frechet import TreeMetric
        >>> TreeMetric.from_networkx(networkx.balanced_tree(2, 3), label_nodes="leaves")
        TreeMetric(8 labels)
        """
        if not is_networkx(graph):
            raise TypeError(f"graph must be a networkx graph. Got {type(graph).__name__}.")
        names = list(graph.nodes)
        parent, lengths = _parents_in_graph(graph, names, root, weight)
        return cls._from_names(parent, names, lengths, label_nodes)

    @classmethod
    def from_paths(
        cls,
        paths: Iterable[Sequence[Any]] | ArrayLike,
        root: str | float = "root",
        *,
        label_nodes: Literal["all", "leaves"] | ArrayLike = "all",
    ) -> Self:
        """Label space of a taxonomy that is given by the paths from the root to classes.

        Parameters
        ----------
        paths : iterable of sequences of names, or DataFrame
            Paths from the root downwards, one per row; they may differ in length. Of a DataFrame every column is a
            level. Entries that are None, NaN or "" are skipped.
        root : str or number, default="root"
            Name of the root that is added if not all paths begin with the same name; a number if the names are. None
            adds a root which is no label.
        label_nodes : {"all", "leaves"} or array-like of names of shape (n_labels,), default="all"
            Nodes that are labels.

        Returns
        -------
        metric : TreeMetric
            The label space; nodes are in the order in which they appear first, the root before all.

        Raises
        ------
        TypeError
            If a path is not a sequence of names, or names are neither all strings nor all numbers.
        ValueError
            If there are no paths, one is empty, or a name appears below different parents.

        Examples
        --------
        >>> from statlearn.frechet import TreeMetric
        >>> TreeMetric.from_paths([("dog", "poodle"), ("dog", "beagle"), ("cat",)]).labels_
        array(['root', 'dog', 'poodle', 'beagle', 'cat'], dtype='<U6')
        """
        return cls._from_names(*_parents_in_paths(_rows_of(paths), root), None, label_nodes)

    @classmethod
    def from_newick(cls, text: str, *, label_nodes: Literal["all", "leaves"] | ArrayLike = "all") -> Self:
        """Label space of a tree in the Newick format, in which phylogenies are exchanged.

        Parameters
        ----------
        text : str
            A tree such as ``((cat:1,dog:2)carnivore:3,cow:4)mammal;``, with lengths for all edges or none. Names may
            be in single quotes; comments in square brackets are skipped.
        label_nodes : {"all", "leaves"} or array-like of names of shape (n_labels,), default="all"
            Nodes that are labels: "all" for those with a name. Use "leaves" if the names of inner nodes are values of
            support.

        Returns
        -------
        metric : TreeMetric
            The label space; a node comes before its children.

        Raises
        ------
        TypeError
            If the text is not one.
        ValueError
            If it is no tree in this format, a leaf has no name, or some edges have lengths and some have not.

        Examples
        --------
        >>> from statlearn.frechet import TreeMetric
        >>> mammals = TreeMetric.from_newick("((cat:1,dog:2):3,cow:4);")
        >>> mammals.distances(mammals.index_of(["cat"]), mammals.index_of(["cat", "dog", "cow"]))
        array([[0., 3., 8.]])
        """
        parent, names, lengths = read_newick(text)
        given = [length is not None for length in lengths[1:]]
        if any(given) and not all(given):
            raise ValueError(
                "text must have lengths for all edges or for none. "
                f"Got none for {names[given.index(False) + 1] or 'a node without a name'!r}."
            )
        return cls._from_names(parent, names, [0.0, *lengths[1:]] if any(given) else None, label_nodes)

    @classmethod
    def _from_names(cls, parent, names, lengths, label_nodes):
        """Label space of nodes of which some have names, others None."""
        nodes = _named_nodes(label_nodes, parent, names)
        return cls(parent, [names[node] for node in nodes], lengths=lengths, label_nodes=nodes)

    @property
    def parents_(self) -> IntArray:
        """Parent of every node; -1 for the root."""
        parents = self._tree.parent.view()
        parents.flags.writeable = False
        return parents

    @property
    def depths_(self) -> IntArray:
        """Number of edges between each label and the root."""
        return self._tree.hops[self.nodes_]

    def distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Lengths of the paths between labels.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels.

        Returns
        -------
        distances : ndarray of float64 of shape (n_sources, n_targets)
            The lengths.
        """
        return self._tree.distances(self.nodes_[sources], self.nodes_[targets])

    def paired_distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Lengths of the paths from each source to the target of the same place.

        Parameters
        ----------
        sources, targets : ndarray of int of shape (n,)
            Positions of labels.

        Returns
        -------
        distances : ndarray of float64 of shape (n,)
            The lengths.
        """
        return self._tree.paired_distances(self.nodes_[sources], self.nodes_[targets])

    def common_depths(self, first: ArrayLike, second: ArrayLike) -> IntArray:
        """Depths of the lowest common ancestors of labels of the same place, in edges from the root.

        This is the number of ancestors that both labels have, themselves counted and the root not.

        Parameters
        ----------
        first, second : array-like of int of shape (n,)
            Positions of labels.

        Returns
        -------
        depths : ndarray of int of shape (n,)
            The depths.
        """
        return self._tree.hops[self._tree.lowest_common_ancestors(self.nodes_[first], self.nodes_[second])]

    def diameter(self) -> float:
        """Largest distance between two labels, in O(n_nodes).

        Returns
        -------
        diameter : float
            The distance.
        """
        one, other = self._tree.farthest_pair(self.nodes_)
        return float(self._tree.distances([one], [other])[0, 0])

    def is_ultrametric(self) -> bool:
        """Tell whether d(u, w) is at most the larger of d(u, v) and d(v, w) for all labels, to a relative 1e-12.

        This is so if one point of the tree, the middle between the two farthest labels, is equally far from all: with a
        root there, no label is above another and all are equally deep. O(n_nodes).

        Returns
        -------
        answer : bool
            Whether it is so.
        """
        distances = self._tree.distances(list(self._tree.farthest_pair(self.nodes_)), self.nodes_)
        return bool(distances.max(axis=0).min() >= (1.0 - ULTRAMETRIC_TOLERANCE) * distances.max())

    def search_names(self, power: float) -> list[str]:
        """Names of the backends that find minimizers for a power, the fastest first.

        Parameters
        ----------
        power : float
            Power of the distances.

        Returns
        -------
        names : list of str
            For powers 1 and 2 "steiner", on the paths between observed labels, and "rerooting", on the whole tree. For
            power 2, if every node is a label and no edge is negligible, "virtual" as well, on the way to the minimum
            along the paths between the labels with weight in a row.
        """
        if power not in (1, 2):
            return super().search_names(power)
        names = ["steiner", "rerooting", *super().search_names(power)]
        if power == 2 and self.is_tree and not self._has_negligible_edges:
            return ["virtual", *names]
        return names


def _joined(parent, lengths):
    """A tree made of a forest by a new root, the last node; a tree stays what it is."""
    parent = np.asarray(parent)
    roots = parent == -1
    if parent.ndim != 1 or np.count_nonzero(roots) < 2:
        return parent, lengths
    return np.append(np.where(roots, parent.size, parent), -1), None if lengths is None else np.append(lengths, 0.0)


def _check_label_nodes(label_nodes, tree, n_named):
    """Numbers of the nodes that are labels; those after n_named have no name."""
    if isinstance(label_nodes, str):
        if label_nodes not in ("all", "leaves"):
            raise ValueError(f"label_nodes must be 'all', 'leaves' or numbers of nodes. Got {label_nodes!r}.")
        return np.arange(n_named) if label_nodes == "all" else tree.leaves
    nodes = np.asarray(label_nodes)
    if nodes.ndim != 1 or nodes.size == 0 or nodes.dtype.kind not in "iu":
        raise ValueError(
            "label_nodes must be 'all', 'leaves' or a vector of numbers of nodes, not empty. Got an array of shape "
            f"{nodes.shape} and type {nodes.dtype}."
        )
    if nodes.min() < 0 or nodes.max() >= tree.n_nodes:
        raise ValueError(f"label_nodes must be between 0 and {tree.n_nodes - 1}. Got {nodes.min()} to {nodes.max()}.")
    if np.unique(nodes).size < nodes.size:
        raise ValueError("label_nodes must be different nodes. Got one more than once.")
    return nodes.astype(np.int64)


def _named_nodes(label_nodes, parent, names):
    """Numbers of the nodes that are labels, where nodes are known by their names."""
    inner = set(parent)
    nameless = [node for node, name in enumerate(names) if name is None and node not in inner]
    if nameless:
        raise ValueError(f"every leaf must have a name. Got {len(nameless)} without.")
    if isinstance(label_nodes, str):
        if label_nodes == "all":
            return [node for node, name in enumerate(names) if name is not None]
        if label_nodes == "leaves":
            return [node for node in range(len(names)) if node not in inner]
        raise ValueError(f"label_nodes must be 'all', 'leaves' or names of nodes. Got {label_nodes!r}.")
    place = {name: node for node, name in enumerate(names) if name is not None}
    wanted = list(label_nodes)
    unknown = [name for name in wanted if name not in place]
    if unknown:
        raise ValueError(f"label_nodes must be names of nodes. Got {unknown[:5]}, which are none.")
    return [place[name] for name in wanted]


def _parents_in_graph(graph, names, root, weight):
    """Parents of the nodes of a networkx tree, and the lengths of the edges to them."""
    adjacency = networkx_adjacency(graph, weight, "graph")
    if root is not None and root not in graph:
        raise ValueError(f"root must be a node of the graph. Got {root!r}.")
    first = names.index(root) if root is not None else 0
    if graph.is_directed():
        first = _source(graph, names, root)
    # One edge less than nodes, and a way from the root to all of them: no cycle is left.
    pattern = sparse.csr_array((np.ones(adjacency.nnz), adjacency.indices, adjacency.indptr), shape=adjacency.shape)
    order, parent = breadth_first_order(pattern, first, directed=graph.is_directed())
    if graph.number_of_edges() != len(names) - 1 or order.size < len(names):
        raise ValueError(
            f"graph must be a tree: connected, with one edge less than nodes. Got {len(names)} nodes, "
            f"{graph.number_of_edges()} edges and paths from {names[first]!r} to {order.size - 1} other nodes. Use "
            "GraphMetric for other graphs."
        )
    parent = np.maximum(parent, -1).astype(np.int64)
    edges = adjacency.tocoo()
    downwards = parent[edges.col] == edges.row
    lengths = np.zeros(len(names))
    lengths[edges.col[downwards]] = edges.data[downwards]
    return parent.tolist(), lengths


def _source(graph, names, root):
    """Place of the node of a directed graph that has no parent, if all others have one."""
    several = [node for node, degree in graph.in_degree() if degree > 1]
    if several:
        raise ValueError(
            f"graph must have at most one edge into each node, from its parent. Got several into {several[0]!r}. Use "
            "GraphMetric of graph.to_undirected() for classes with several parents."
        )
    sources = [node for node, degree in graph.in_degree() if degree == 0]
    if len(sources) != 1 or root not in (None, sources[0]):
        raise ValueError(
            f"graph must have one node without a parent, {'the root' if root is None else f'root={root!r}'}. Got "
            f"{sources[:5]}. Use graph.to_undirected() if directions do not matter."
        )
    return names.index(sources[0])


def _rows_of(paths):
    """Rows of a table or list of paths, without the entries that are missing."""
    if isinstance(paths, str):
        raise TypeError(f"paths must be a list of paths. Got {paths!r}.")
    table = paths.to_numpy().tolist() if hasattr(paths, "to_numpy") else paths
    rows = []
    for number, row in enumerate(table):
        if isinstance(row, str | set | frozenset) or not hasattr(row, "__iter__"):
            raise TypeError(f"every path must be a sequence of names. Got {row!r} in row {number}.")
        rows.append([name for name in row if not _is_missing(name)])
        if not rows[-1]:
            raise ValueError(f"every path must have a name. Got none in row {number}: drop it.")
    if not rows:
        raise ValueError("paths must have at least one path. Got none.")
    return rows


def _is_missing(name):
    if name is None or (isinstance(name, str) and name == ""):
        return True
    try:
        return bool(name != name)
    except TypeError:  # pandas.NA has no truth
        return True


def _parents_in_paths(rows, root):
    """Parents and names of the nodes of paths."""
    common = len({row[0] for row in rows}) == 1
    names, parent = [rows[0][0] if common else root], [-1]
    place = {names[0]: 0} if names[0] is not None else {}
    for number, row in enumerate(rows):
        node = 0
        for name in row[1:] if common else row:
            if name not in place:
                place[name] = len(names)
                names.append(name)
                parent.append(node)
            elif parent[place[name]] != node:
                raise ValueError(_clash(name, names, parent, place[name], node, number))
            node = place[name]
    return parent, names


def _clash(name, names, parent, known, node, number):
    """Message about a name with two parents."""
    above = f"below {names[parent[known]]!r}" if parent[known] >= 0 else "as the root"
    return (
        f"every name must belong to one node. Got {name!r} {above} and, in row {number}, below {names[node]!r}: make "
        "names unique, such as by joining those of all levels, or use GraphMetric if it has several parents. The name "
        "of an added root is chosen by root=."
    )
