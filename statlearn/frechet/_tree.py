"""Rooted trees: a layout in which ancestors, distances and subtrees are found fast."""

import numpy as np

from ._searches import SMALLEST
from ._tree_kernels import (
    depth_first,
    distances_by_ancestors,
    distances_by_sweeps,
    leaves_first,
    lowest_common_ancestors,
    paired_tree_distances,
    path_sums,
)

__all__ = ["RootedTree"]

SWEEP_COST = 0.05  # of a step of a sweep over all nodes, relative to one lowest common ancestor
LARGEST_DEPTH = 1e150  # squares of distances are still numbers


class RootedTree:
    """A rooted tree with lengths of edges.

    Distances are differences of depths, so they are exact to about 1e-16 of the height of the tree.

    Parameters
    ----------
    parent : array-like of int of shape (n_nodes,)
        Parent of every node; -1 for the root. Parents may come after their children.
    lengths : array-like of shape (n_nodes,), default=None
        Length of the edge from every node to its parent, not negative; that of the root is not read. None for 1.

    Attributes
    ----------
    parent : ndarray of int of shape (n_nodes,)
        Parent of every node; -1 for the root.
    root : int
        The root.
    depth : ndarray of shape (n_nodes,)
        Sum of the lengths of the edges from the root to every node.
    hops : ndarray of int of shape (n_nodes,)
        Number of these edges.
    order : ndarray of int of shape (n_nodes,)
        Nodes in depth-first order, so that parents come before their children and every subtree is a range. The child
        with the largest subtree comes first, so that every heavy path is a range too.
    positions : ndarray of int of shape (n_nodes,)
        Place of every node in this order.
    parents, heads, ends : ndarray of int of shape (n_nodes,)
        By position: that of the parent, -1 for the root; that of the first node of the heavy path; and that behind the
        last node of the subtree.
    lengths, depths : ndarray of shape (n_nodes,)
        By position: length of the edge to the parent, a difference of depths, 0 for the root; and depth.

    Raises
    ------
    TypeError
        If parents are not integers, or lengths are not real numbers.
    ValueError
        If there is no node, not one root, a cycle, a parent that is no node, or a length that is negative, not finite
        or too large.

    Examples
    --------
    >>> from statlearn.frechet._tree import RootedTree
    >>> tree = RootedTree([-1, 0, 0, 1])
    >>> tree.hops
    array([0, 1, 1, 2])
    >>> tree.lowest_common_ancestors([3], [2])
    array([0])
    """

    def __init__(self, parent, lengths=None):
        self.parent = _check_parent(parent)
        self.root = int(np.argmin(self.parent))
        lengths = _check_lengths(lengths, self.parent)
        listed, sizes = leaves_first(self.parent)
        if listed.size < self.parent.size:
            raise ValueError(f"parent must not have cycles. Got one: {_name_cycle(self.parent, listed)}.")
        self.positions, self.heads = depth_first(self.parent, listed, sizes)
        self.order = np.empty_like(self.positions)
        self.order[self.positions] = np.arange(self.n_nodes)
        self.parents = self.positions[self.parent[self.order]]
        self.parents[0] = -1
        self.ends = np.arange(self.n_nodes) + sizes[self.order]
        self.depths = path_sums(self.parents, lengths[self.order])
        if not self.depths.max() < LARGEST_DEPTH:
            raise ValueError(
                f"lengths must sum to less than {LARGEST_DEPTH:g} from the root to any node, for squares of distances "
                f"to be numbers. Got {self.depths.max():g}: use another unit."
            )
        if 0.0 < self.depths.max() < SMALLEST:
            raise ValueError(
                f"lengths must be large enough for squares of distances not to be 0. Got {self.depths.max():g} from "
                "the root at most: use another unit."
            )
        self.lengths = self.depths - self.depths[self.parents]
        self.lengths[0] = 0.0
        self.depth = self.depths[self.positions]
        self.hops = path_sums(self.parents, np.ones(self.n_nodes))[self.positions].astype(np.int64)

    @property
    def n_nodes(self):
        """Number of nodes."""
        return self.parent.size

    @property
    def leaves(self):
        """Nodes without children, ascending."""
        inner = np.zeros(self.n_nodes, dtype=bool)
        inner[self.parent[self.parent >= 0]] = True
        return np.flatnonzero(~inner)

    def distances(self, sources, targets):
        """Lengths of the paths from nodes to nodes.

        Parameters
        ----------
        sources : array-like of int of shape (n_sources,)
            Nodes.
        targets : array-like of int of shape (n_targets,)
            Nodes.

        Returns
        -------
        distances : ndarray of shape (n_sources, n_targets)
            The lengths.
        """
        p, q = self.positions[sources], self.positions[targets]
        if p.size > q.size:
            return self._distances(q, p).T
        return self._distances(p, q)

    def _distances(self, few, many):
        """Distances between positions: over all nodes from each of the few, or by ancestors of every pair."""
        if self.n_nodes * SWEEP_COST < many.size:
            return distances_by_sweeps(few, many, self.parents, self.depths)
        return distances_by_ancestors(few, many, self.parents, self.heads, self.depths)

    def paired_distances(self, first, second):
        """Lengths of the paths between nodes of the same place.

        Parameters
        ----------
        first, second : array-like of int of shape (n,)
            Nodes.

        Returns
        -------
        distances : ndarray of shape (n,)
            The lengths.
        """
        return paired_tree_distances(
            self.positions[first], self.positions[second], self.parents, self.heads, self.depths
        )

    def lowest_common_ancestors(self, first, second):
        """Lowest common ancestors of nodes of the same place; a node is its own ancestor.

        Parameters
        ----------
        first, second : array-like of int of shape (n,)
            Nodes.

        Returns
        -------
        ancestors : ndarray of int of shape (n,)
            Nodes.
        """
        return self.order[
            lowest_common_ancestors(self.positions[first], self.positions[second], self.parents, self.heads)
        ]

    def farthest_pair(self, nodes):
        """Two of some nodes whose distance is the largest, by two sweeps.

        Parameters
        ----------
        nodes : ndarray of int of shape (n,)
            Nodes.

        Returns
        -------
        pair : tuple of two int
            The first is the farthest from the first of ``nodes``, the second the farthest from there.
        """
        one = nodes[self.distances(nodes[:1], nodes)[0].argmax()]
        other = nodes[self.distances([one], nodes)[0].argmax()]
        return int(one), int(other)


def _check_parent(parent):
    array = np.asarray(parent)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"parent must be a vector with one entry per node. Got an array of shape {array.shape}.")
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"parent must be a vector of integers, the parents of nodes, -1 for the root. Got type {array.dtype}."
        )
    array = array.astype(np.int64)
    if array.min() < -1 or array.max() >= array.size:
        wrong = np.flatnonzero((array < -1) | (array >= array.size))[0]
        raise ValueError(
            f"parent must be -1 or between 0 and {array.size - 1}, the last node. Got {array[wrong]} for node {wrong}."
        )
    roots = np.flatnonzero(array == -1)
    if roots.size == 0:
        raise ValueError("parent must have one root, a node whose parent is -1. Got none, so there is a cycle.")
    if roots.size > 1:
        raise ValueError(
            f"parent must have one root, a node whose parent is -1. Got {roots.size}: {roots[:5].tolist()}"
            f"{'...' if roots.size > 5 else ''}. Use virtual_root=True to join the trees of a forest by a new root."
        )
    return array


def _check_lengths(lengths, parent):
    if lengths is None:
        values = np.ones(parent.size)
    else:
        array = np.asarray(lengths)
        if array.dtype.kind not in "buif":
            raise TypeError(f"lengths must be real numbers. Got an array of type {array.dtype}.")
        if array.shape != parent.shape:
            raise ValueError(
                f"lengths must have one entry for each of {parent.size} nodes, that of the edge to its parent. Got an "
                f"array of shape {array.shape}."
            )
        values = array.astype(np.float64)
    values[parent == -1] = 0.0
    wrong = ~np.isfinite(values) | (values < 0.0)
    if wrong.any():
        node = np.flatnonzero(wrong)[0]
        raise ValueError(f"lengths must be finite and not negative. Got {values[node]} for node {node}.")
    return values


def _name_cycle(parent, listed):
    """The nodes of a cycle, as a short text."""
    rest = np.ones(parent.size, dtype=bool)
    rest[listed] = False
    node = np.flatnonzero(rest)[0]  # all of the rest are in cycles: what only hangs off one is listed
    cycle = [int(node)]
    while parent[cycle[-1]] != node:
        cycle.append(int(parent[cycle[-1]]))
    return " -> ".join(str(node) for node in [*cycle[:5], *(["..."] if len(cycle) > 5 else []), cycle[0]])
