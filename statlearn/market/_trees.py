"""Trees of scikit-learn's forests as one flat array of nodes, and the leaves that rows reach.

Rows do not walk one by one. All rows of a block enter a tree at its root and are split at every node into those that go
left and those that go right, without a branch that a processor would have to guess. A node is read once per block, a
feature is read from memory in order, and rows that reach the same leaf lie side by side at the end.

scikit-learn compares float32 features with float64 thresholds. The largest float32 number that is not above a
threshold decides the same way.
"""

from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import BaseDecisionTree
from sklearn.utils.validation import check_is_fitted

from .._support.jit import njit
from .._support.parallel import run_parallel

__all__ = [
    "FlatTrees",
    "forest_trees",
    "leaf_numbers",
    "out_of_bag",
    "sum_over_trees",
    "trees_of",
    "were_seen",
]

FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
SUPPORTED = "RandomForest*, ExtraTrees*, GradientBoosting* or Bagging* of decision trees"
NODE = np.dtype([(name, np.int32) for name in ("feature", "left", "right", "missing_right")] + [("threshold", "f4")])
TREES_ASKED = 3  # whether they were grown on given rows
ROWS_AT_ONCE = 32768  # at most 2**16, so that numbers of rows take two bytes; a feature of so many stays in the cache


class FlatTrees(NamedTuple):
    """The nodes of all trees behind each other, in the order of scikit-learn.

    Attributes
    ----------
    nodes : ndarray of shape (n_nodes,)
        Records ``feature, left, right, missing_right, threshold``; ``left`` and ``right`` are positions in this array,
        behind that of the parent. At a leaf, ``left`` is ``-1 - number``, with its number among all leaves.
    node_offsets : ndarray of shape (n_trees + 1,)
        Nodes ``node_offsets[t]`` to ``node_offsets[t + 1]`` are those of tree t, its root first.
    leaf_nodes : ndarray of shape (n_leaves,)
        Position of each leaf in ``nodes``.
    leaf_offsets : ndarray of shape (n_trees + 1,)
        Leaves ``leaf_offsets[t]`` to ``leaf_offsets[t + 1]`` are those of tree t.
    """

    nodes: np.ndarray
    node_offsets: np.ndarray
    leaf_nodes: np.ndarray
    leaf_offsets: np.ndarray

    @property
    def n_trees(self):
        """Number of trees."""
        return self.node_offsets.size - 1


def trees_of(forest):
    """The fitted tree estimators of a forest.

    Parameters
    ----------
    forest : estimator
        A fitted RandomForest*, ExtraTrees*, GradientBoosting* or Bagging* of decision trees.

    Returns
    -------
    trees : list of BaseDecisionTree
        The trees. Those of gradient boosting stand stage by stage, and class by class within a stage.

    Raises
    ------
    TypeError
        If the forest is none of these.
    NotFittedError
        If it is not fitted.
    ValueError
        If it predicts several outputs.
    """
    if not isinstance(forest, FORESTS):
        raise TypeError(f"estimator must be {SUPPORTED}. Got {type(forest).__name__}, which has no public trees.")
    check_is_fitted(forest)
    trees = forest.estimators_
    if isinstance(forest, (GradientBoostingClassifier, GradientBoostingRegressor)):
        trees = trees.ravel().tolist()
    for tree in trees:
        if not isinstance(tree, BaseDecisionTree):
            raise TypeError(f"estimator must be {SUPPORTED}. Got {type(forest).__name__} of {type(tree).__name__}.")
        if tree.tree_.n_outputs > 1:
            raise ValueError(
                f"estimator must predict one output. Got {type(forest).__name__} with {tree.tree_.n_outputs} outputs: "
                "fit one forest per output."
            )
    return trees


def forest_trees(forest):
    """The trees of a forest as `FlatTrees`.

    Parameters
    ----------
    forest : estimator
        As for `trees_of`, with the same errors. The trees of a Bagging* may know some features only; their nodes name
        features of the forest.

    Returns
    -------
    flat : FlatTrees
        All of them.
    """
    trees = [tree.tree_ for tree in trees_of(forest)]
    features = getattr(forest, "estimators_features_", [np.arange(forest.n_features_in_)] * len(trees))
    node_offsets = _offsets([tree.node_count for tree in trees])
    nodes = np.concatenate(
        [_records(tree, own, root) for tree, own, root in zip(trees, features, node_offsets[:-1], strict=True)]
    )
    leaf_nodes = np.flatnonzero(nodes["left"] < 0)
    nodes["left"][leaf_nodes] = -1 - np.arange(leaf_nodes.size)
    return FlatTrees(nodes, node_offsets, leaf_nodes, _offsets([tree.n_leaves for tree in trees]))


def _offsets(counts):
    return np.concatenate([[0], np.cumsum(counts)])


def _records(tree, features, root):
    is_leaf = tree.children_left < 0
    records = np.empty(tree.node_count, dtype=NODE)
    records["feature"] = features[np.where(is_leaf, 0, tree.feature)]
    records["left"] = np.where(is_leaf, -1, tree.children_left + root)
    records["right"] = np.where(is_leaf, -1, tree.children_right + root)
    records["missing_right"] = tree.missing_go_to_left == 0
    records["threshold"] = _float32_not_above(tree.threshold)
    return records


def _float32_not_above(threshold):
    rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def out_of_bag(forest, n_samples):
    """Which trees did not see which rows when they were fitted.

    Parameters
    ----------
    forest : estimator
        As for `trees_of`, with the same errors.
    n_samples : int
        Number of rows that the forest was fitted on.

    Returns
    -------
    unseen : ndarray of shape (n_samples, n_trees), bool
        True where a row was left out of the sample of a tree.

    Raises
    ------
    ValueError
        If no tree left out a row, the forest does not tell, or it was fitted on more rows.
    """
    unseen = np.zeros((n_samples, len(trees_of(forest))), dtype=bool)
    for of_tree, seen in zip(unseen.T, getattr(forest, "estimators_samples_", []), strict=False):
        if seen.max() >= n_samples:
            raise ValueError(
                f"out-of-bag rows are those that the forest was fitted on, which were more than the {n_samples} given: "
                'give the same rows, or use training_rows="holdout".'
            )
        of_tree[:] = True
        of_tree[seen] = False
    if not unseen.any():
        raise ValueError(
            f"no tree of this {type(forest).__name__} is known to have left out a row, so that none is out of bag: use "
            'training_rows="holdout", or a forest with bootstrap=True.'
        )
    return unseen


def were_seen(forest, flat, leaves):
    """Whether rows are those, in their order, that a forest was fitted to.

    Told by the number of them in each leaf of the first trees, which other rows can hardly have.

    Parameters
    ----------
    forest : estimator
        As for `trees_of`.
    flat : FlatTrees
        Its trees.
    leaves : ndarray of shape (n_samples, n_trees), int32
        Leaves of the rows, of `leaf_numbers`.

    Returns
    -------
    seen : bool
        The answer.
    """
    samples = getattr(forest, "estimators_samples_", [np.arange(len(leaves))] * TREES_ASKED)[:TREES_ASKED]
    return all(
        rows.max(initial=0) < len(leaves) and _has_counts(tree.tree_, leaves[:, t] - flat.leaf_offsets[t], rows)
        for t, (tree, rows) in enumerate(zip(trees_of(forest), samples, strict=False))
    )


def _has_counts(tree, leaves, rows):
    """Whether rows, each once or as often as it was drawn, are as many in each leaf as a tree says."""
    expected = tree.n_node_samples[tree.children_left < 0]
    counts = (np.bincount(leaves[some], minlength=expected.size) for some in (rows, np.unique(rows)))
    return any(np.array_equal(found, expected) for found in counts)


# --- leaves of rows ---------------------------------------------------------------------------------------------------


def leaf_numbers(X, flat, n_jobs=None):
    """Leaf that each row reaches in each tree.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, which are compared as float32; NaN is a missing value.
    flat : FlatTrees
        The trees.
    n_jobs : int or None, default=None
        Number of threads.

    Returns
    -------
    leaves : ndarray of shape (n_samples, n_trees), int32
        Numbers of leaves among those of all trees.
    """
    return _by_blocks(_block_leaves, X, n_jobs, flat)


def sum_over_trees(X, flat, table, n_jobs=None):
    """Sums of what a table holds for the leaves that each row reaches, one leaf per tree.

    The result does not depend on ``n_jobs``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, which are compared as float32; NaN is a missing value.
    flat : FlatTrees
        The trees.
    table : csr_array of shape (n_leaves, n_columns)
        Values of each leaf. Those that are not stored, such as the classes that a pure leaf lacks, cost no time.
    n_jobs : int or None, default=None
        Number of threads.

    Returns
    -------
    sums : ndarray of shape (n_samples, n_columns)
        One row of sums per row.
    """
    return _by_blocks(_block_sums, X, n_jobs, flat, table)


def _by_blocks(function, X, n_jobs, *arguments):
    """What a function returns for blocks of rows, put together."""
    n_blocks = min(len(X), max(-(-len(X) // ROWS_AT_ONCE), effective_n_jobs(n_jobs)))
    return np.concatenate(run_parallel(function, [(rows, *arguments) for rows in np.array_split(X, n_blocks)], n_jobs))


def _block_leaves(X, flat):
    leaves = np.empty((flat.n_trees, len(X)), dtype=np.int32)
    _find_leaves(*_columns(X), flat.nodes, flat.node_offsets, leaves)
    return np.ascontiguousarray(leaves.T)


def _block_sums(X, flat, table):
    sums = np.zeros((table.shape[1], len(X)))
    _add_leaves(*_columns(X), flat.nodes, flat.node_offsets, table.indptr, table.indices, table.data, sums)
    return np.ascontiguousarray(sums.T)


def _columns(X):
    """Features of rows, each in one piece of memory, and whether a value is missing."""
    columns = np.ascontiguousarray(X.T, dtype=np.float32)
    return columns, bool(np.isnan(columns).any())


@njit
def _find_leaves(columns, has_missing, nodes, roots, result):
    """Leaf of every row in every tree, into ``result`` of shape (n_trees, n_rows)."""
    for tree in range(roots.size - 1):
        order, leaves, stops = _sort_by_leaf(columns, has_missing, nodes, roots[tree])
        start = 0
        for s in range(leaves.size):
            for j in range(start, stops[s]):
                result[tree, order[j]] = leaves[s]
            start = stops[s]


@njit
def _add_leaves(columns, has_missing, nodes, roots, starts, places, values, sums):
    """Add up the values of the leaves that every row reaches, into ``sums`` of shape (n_columns, n_rows).

    Leaf m holds ``values[q]`` for column ``places[q]``, q from ``starts[m]`` to ``starts[m + 1]``.
    """
    for tree in range(roots.size - 1):
        order, leaves, stops = _sort_by_leaf(columns, has_missing, nodes, roots[tree])
        start = 0
        for s in range(leaves.size):
            for q in range(starts[leaves[s]], starts[leaves[s] + 1]):
                value, column = values[q], sums[places[q]]
                for j in range(start, stops[s]):
                    column[order[j]] += value
            start = stops[s]


@njit
def _sort_by_leaf(columns, has_missing, nodes, root):
    """Rows in the order of the leaves that they reach from a root, those leaves, and where the rows of each stop.

    Rows are copied from one side to the other at every split. Right children wait in ``pending`` with their rows: no
    two of them share a row, so that there are never more of them than rows.
    """
    n_rows = columns.shape[1]
    order, sides = np.empty(n_rows, dtype=np.uint16), np.empty((2, n_rows), dtype=np.uint16)
    leaves, stops = np.empty(n_rows, dtype=np.int32), np.empty(n_rows, dtype=np.int32)
    pending = np.empty((n_rows, 3), dtype=np.int32)
    for row in range(n_rows):
        sides[0, row] = row
    n_pending, n_found, start = _push(pending, 0, root, n_rows, 0), 0, 0
    while n_pending > 0:
        n_pending -= 1
        node, stop, side = nodes[pending[n_pending, 0]], pending[n_pending, 1], pending[n_pending, 2]
        while node.left >= 0:
            middle = _split(columns[node.feature], has_missing, node, sides[side], sides[1 - side], start, stop)
            side = 1 - side
            if middle == start:
                node = nodes[node.right]
            else:
                if middle < stop:
                    n_pending = _push(pending, n_pending, node.right, stop, side)
                node, stop = nodes[node.left], middle
        for j in range(start, stop):
            order[j] = sides[side, j]
        leaves[n_found], stops[n_found] = -1 - node.left, stop
        n_found, start = n_found + 1, stop
    return order, leaves[:n_found], stops[:n_found]


@njit
def _push(pending, n_pending, node, stop, side):
    pending[n_pending, 0], pending[n_pending, 1], pending[n_pending, 2] = node, stop, side
    return n_pending + 1


@njit
def _split(column, has_missing, node, rows, split, start, stop):
    """Rows ``start`` to ``stop`` that go left, then those that go right, into ``split``; returns where these begin.

    Both are written from the outside to the middle, so that rows in order stay in order, or in the reverse one.
    """
    left, right = np.int64(start), np.int64(stop - 1)
    threshold, missing_right = node.threshold, np.int64(node.missing_right)
    for j in range(start, stop):
        row = rows[j]
        value = column[row]
        goes_right = np.int64(value > threshold)
        if has_missing:
            goes_right |= np.int64(value != value) & missing_right
        split[left] = row
        split[right] = row
        left += 1 - goes_right
        right -= goes_right
    return left
