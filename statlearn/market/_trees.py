"""Trees of scikit-learn as one flat array of nodes, and walks through them that never build a matrix of leaves.

Several rows walk through a tree in step, without a branch that a processor would have to guess: siblings are neighbors
in the array, so that a comparison is added to the position of the left one, and leaves lead to themselves.

scikit-learn compares float32 features with float64 thresholds. The largest float32 number that is not above a
threshold decides the same way, so that a node takes 16 bytes and a quarter of a cache line.
"""

from typing import NamedTuple

import numpy as np

from .._support.jit import njit

__all__ = ["FlatTrees", "flatten", "leaf_numbers", "pooled_leaves"]

NODE = np.dtype([("threshold", np.float32), ("feature", np.int32), ("left", np.int32), ("missing_left", np.int32)])
IN_STEP = 16  # rows that walk together
ROWS_AT_ONCE = 512  # that visit a tree before the next one, while its nodes are in the cache


class FlatTrees(NamedTuple):
    """The nodes of all trees behind each other.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes,)
        Records ``threshold, feature, left, missing_left``. ``left`` is the position of the left child, before that of
        the right one; a leaf is its own left child and has an infinite threshold.
    roots : ndarray of shape (n_trees,)
        Position of the root of each tree.
    leaves : ndarray of shape (n_nodes,), int32
        Number of each leaf among all leaves, at its position; -1 elsewhere.
    sources : ndarray of shape (n_leaves,)
        Number of each leaf as a node of its tree.
    offsets : ndarray of shape (n_trees + 1,)
        Leaves ``offsets[t]`` to ``offsets[t + 1]`` belong to tree t, in the order of its nodes.
    """

    nodes: np.ndarray
    roots: np.ndarray
    leaves: np.ndarray
    sources: np.ndarray
    offsets: np.ndarray


def flatten(trees):
    """The nodes of fitted trees as `FlatTrees`.

    Parameters
    ----------
    trees : list of sklearn.tree._tree.Tree
        Attributes ``tree_`` of fitted tree estimators.

    Returns
    -------
    flat : FlatTrees
        All of them.
    """
    counts = [tree.node_count for tree in trees]
    roots = np.concatenate([[0], np.cumsum(counts)])
    nodes, leaves = np.empty(roots[-1], dtype=NODE), np.full(roots[-1], -1, dtype=np.int32)
    sources, offsets = [], [0]
    for root, tree in zip(roots, trees, strict=False):
        is_leaf = tree.children_left < 0
        position = _siblings_side_by_side(tree, is_leaf) + root
        part = np.empty(tree.node_count, dtype=NODE)
        part["threshold"] = np.where(is_leaf, np.float32(np.inf), _float32_not_above(tree.threshold))
        part["feature"] = np.where(is_leaf, 0, tree.feature)
        part["left"] = np.where(is_leaf, position, position[tree.children_left])
        part["missing_left"] = is_leaf | tree.missing_go_to_left.astype(bool)
        nodes[position] = part
        sources.append(np.flatnonzero(is_leaf))
        leaves[position[sources[-1]]] = offsets[-1] + np.arange(sources[-1].size)
        offsets.append(offsets[-1] + sources[-1].size)
    return FlatTrees(nodes, roots[:-1], leaves, np.concatenate(sources), np.array(offsets))


def _siblings_side_by_side(tree, is_leaf):
    """A position for each node of a tree: the root first, then pairs of children in the order of their parents."""
    parents = np.flatnonzero(~is_leaf)
    position = np.zeros(tree.node_count, dtype=np.int64)
    position[tree.children_left[parents]] = 1 + 2 * np.arange(parents.size)
    position[tree.children_right[parents]] = 2 + 2 * np.arange(parents.size)
    return position


def _float32_not_above(threshold):
    rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)


@njit
def _walk(X, begin, end, root, nodes, has_missing, at):
    """Positions of the leaves that rows ``begin`` to ``end`` reach from a root, into ``at``."""
    for first in range(begin, end, IN_STEP):
        n_rows = min(IN_STEP, end - first)
        for r in range(n_rows):
            at[first - begin + r] = root
        moves = True
        while moves:
            moved = 0
            for r in range(n_rows):
                here = at[first - begin + r]
                node = nodes[here]
                value = X[first + r, node.feature]
                goes_right = np.int32(value > node.threshold)
                if has_missing and value != value:
                    goes_right = 1 - node.missing_left
                there = node.left + goes_right
                moved |= there ^ here
                at[first - begin + r] = there
            moves = moved != 0


@njit
def leaf_numbers(X, nodes, roots, leaves, has_missing, result):
    """Leaf of every row of ``X`` (float32) in every tree, into ``result`` of shape (n_samples, n_trees)."""
    at = np.empty(ROWS_AT_ONCE, dtype=np.int32)
    for begin in range(0, X.shape[0], ROWS_AT_ONCE):
        end = min(begin + ROWS_AT_ONCE, X.shape[0])
        for tree in range(roots.size):
            _walk(X, begin, end, roots[tree], nodes, has_missing, at)
            for row in range(begin, end):
                result[row, tree] = leaves[at[row - begin]]


@njit
def pooled_leaves(X, nodes, roots, leaves, has_missing, budgets, starts, classes, stakes, prices):
    """Add up the stakes of the leaves that every row reaches, into ``prices`` of shape (n_samples, n_classes).

    Leaf m stakes ``stakes[j]`` on class ``classes[j]`` for j from ``starts[m]`` to ``starts[m + 1]``: a pure leaf has
    one such class, whatever their number. Prices are divided by the wealth of the leaves, where there is any.
    """
    at, wealth = np.empty(ROWS_AT_ONCE, dtype=np.int32), np.empty(ROWS_AT_ONCE)
    for begin in range(0, X.shape[0], ROWS_AT_ONCE):
        end = min(begin + ROWS_AT_ONCE, X.shape[0])
        wealth[:] = 0.0
        for tree in range(roots.size):
            _walk(X, begin, end, roots[tree], nodes, has_missing, at)
            for row in range(begin, end):
                leaf = leaves[at[row - begin]]
                wealth[row - begin] += budgets[leaf]
                for j in range(starts[leaf], starts[leaf + 1]):
                    prices[row, classes[j]] += stakes[j]
        for row in range(begin, end):
            if wealth[row - begin] > 0.0:
                for k in range(prices.shape[1]):
                    prices[row, k] /= wealth[row - begin]
