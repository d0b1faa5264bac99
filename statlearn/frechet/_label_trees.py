"""Label spaces that are trees, as arrays: what can be predicted and which class to learn next are questions of paths.

Nodes at distance 0 are one node, so that labels of one node are twins, and lengths are positive. Nodes are numbered so
that parents come first.

| symbol | name | shape |
|---|---|---|
| parent of a node, -1 for the root | ``parents`` | (n_nodes,) |
| length of the edge to it, 0 for the root | ``lengths`` | (n_nodes,) |
| node of a label | ``nodes`` | (n_labels,) |
| nodes that observed labels span | ``marked`` | (n_nodes,) |
"""

from typing import NamedTuple

import numpy as np

from .._support.jit import njit
from ._grid_metric import GridMetric
from ._metrics import ChainMetric, DiscreteMetric
from ._searches import ENTRIES_AT_ONCE
from ._tree_metric import TreeMetric

__all__ = ["LabelTree", "first_labels", "hung_up", "label_tree", "spanned_tree", "twin_groups"]


class LabelTree(NamedTuple):
    """A tree with labels at nodes; see the module."""

    parents: np.ndarray
    lengths: np.ndarray
    nodes: np.ndarray


def label_tree(metric):
    """The tree whose paths have the distances of a metric, or None where the kind of metric knows none."""
    if isinstance(metric, TreeMetric):
        return _of_rooted_tree(metric)
    if isinstance(metric, ChainMetric):
        return _of_values(metric.values_)
    if isinstance(metric, GridMetric) and sum(size > 1 for size in metric.shape) <= 1:
        return _of_values(np.arange(float(metric.n_labels_)))
    return None


def _of_rooted_tree(metric):
    tree = metric._tree
    places, parents, lengths = _contract(tree.parents, tree.lengths)
    return LabelTree(parents, lengths, places[tree.positions[metric.nodes_]])


def _of_values(values):
    values, nodes = np.unique(values, return_inverse=True)
    return LabelTree(np.arange(-1, values.size - 1), np.diff(values, prepend=values[0]), nodes)


def spanned_tree(tree, observed):
    """The tree with an observed node for a root, and the mask of the nodes on paths between observed labels.

    Below such a root, these nodes are those with an observed label below.

    Parameters
    ----------
    tree : LabelTree
        The tree.
    observed : ndarray of int of shape (n_observed,)
        Positions of the observed labels.

    Returns
    -------
    tree : LabelTree
        The same tree, numbered anew.
    marked : ndarray of bool of shape (n_nodes,)
        The mask.
    """
    places, parents, lengths = _rooted_at(tree.parents, tree.lengths, tree.nodes[observed[0]])
    marked = np.zeros(parents.size, dtype=bool)
    marked[places[tree.nodes[observed]]] = True
    _mark_upward(parents, marked)
    return LabelTree(parents, lengths, places[tree.nodes]), marked


def hung_up(tree, marked):
    """Marked node that each node hangs off, and its distance to it; a marked node hangs off itself."""
    return _hung_up(tree.parents, tree.lengths, marked)


def first_labels(tree):
    """First label, in the order of the metric, of every node; the number of labels where there is none."""
    first = np.full(tree.parents.size, tree.nodes.size)
    np.minimum.at(first, tree.nodes, np.arange(tree.nodes.size))
    return first


def twin_groups(metric):
    """A number for every label, the same for labels at distance 0 of each other."""
    tree = label_tree(metric)
    if tree is not None:
        return tree.nodes
    labels = np.arange(metric.n_labels_)
    if isinstance(metric, DiscreteMetric):
        return labels
    step = max(1, ENTRIES_AT_ONCE // labels.size)
    blocks = [labels[start : start + step] for start in range(0, labels.size, step)]
    return np.concatenate([np.argmax(metric.distances(block, labels) == 0.0, axis=1) for block in blocks])


@njit
def _contract(parents, lengths):
    """New number of every node, parents and lengths, after nodes at distance 0 have become one."""
    n = parents.size
    places, new_parents, new_lengths = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    count = 0
    for p in range(n):
        if parents[p] >= 0 and lengths[p] == 0.0:
            places[p] = places[parents[p]]
        else:
            places[p] = count
            new_parents[count] = places[parents[p]] if parents[p] >= 0 else -1
            new_lengths[count] = lengths[p] if parents[p] >= 0 else 0.0
            count += 1
    return places, new_parents[:count], new_lengths[:count]


@njit
def _rooted_at(parents, lengths, top):
    """New number of every node, parents and lengths, after a node has become the root."""
    n = parents.size
    places, new_parents, new_lengths = np.full(n, -1), np.full(n, -1), np.zeros(n)
    on_path = 0
    p = top
    while p >= 0:
        places[p] = on_path
        on_path += 1
        p = parents[p]
    count = on_path
    for p in range(n):
        if places[p] < 0:
            places[p] = count
            count += 1
    for p in range(n):
        u = parents[p]
        if places[p] >= on_path:
            new_parents[places[p]], new_lengths[places[p]] = places[u], lengths[p]
        elif u >= 0:  # the path to the old root, upside down
            new_parents[places[u]], new_lengths[places[u]] = places[p], lengths[p]
    return places, new_parents, new_lengths


@njit
def _mark_upward(parents, marked):
    for p in range(parents.size - 1, 0, -1):
        if marked[p]:
            marked[parents[p]] = True


@njit
def _hung_up(parents, lengths, marked):
    n = parents.size
    anchors, heights = np.arange(n), np.zeros(n)
    for p in range(n):
        if not marked[p]:
            anchors[p] = anchors[parents[p]]
            heights[p] = heights[parents[p]] + lengths[p]
    return anchors, heights
