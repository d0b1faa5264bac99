"""Leaves, trees and nodes of a forest as participants of a market of constant bets.

A row reaches one leaf per tree. There, participants of one of three kinds bet: the leaf itself, with a budget of its
own; the tree, with one budget for all its leaves; or all nodes on the path from the root, each as it believes. Whatever
the kind, the price of a row needs two totals per leaf only: the wealth that bets there, and what it stakes.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from .._support.jit import njit
from ._rounds import Rounds
from ._trees import leaf_numbers, sum_over_trees, trees_of

__all__ = [
    "PARTICIPANT_KINDS",
    "ForestParticipants",
    "LeafTotals",
    "forest_participants",
    "node_distributions",
    "node_frequencies",
    "node_sums",
    "pooled_moments",
    "pooled_prices",
    "tree_stakes",
]

INNER_NODE_BUDGET = 0.1  # at the start, beside 1 of a leaf


# --- what nodes believe -----------------------------------------------------------------------------------------------


def node_distributions(forest):
    """Class distribution of every node of a forest of classification trees.

    Parameters
    ----------
    forest : estimator
        A fitted forest as for `trees_of`, with the same errors, whose trees are classifiers: not gradient boosting.

    Returns
    -------
    distributions : ndarray of shape (n_nodes, n_classes)
        Weighted shares of the training rows of each tree, nodes as in `FlatTrees`, classes as in ``forest.classes_``.
    """
    return np.concatenate([_distributions(tree, forest.classes_.size) for tree in trees_of(forest)])


def _distributions(tree, n_classes):
    """A tree of a Bagging* may know fewer classes than the forest, by their positions there."""
    table = np.zeros((tree.tree_.node_count, n_classes))
    table[:, tree.classes_.astype(int)] = tree.tree_.value[:, 0]
    return table


def node_frequencies(flat, leaves, codes, n_classes, sample_weight):
    """Class frequencies of given rows at every node that they reach.

    Parameters
    ----------
    flat : FlatTrees
        The trees.
    leaves : ndarray of shape (n_samples, n_trees), int32
        Leaves of the rows, of `leaf_numbers`.
    codes : ndarray of shape (n_samples,), int
        Positions of their classes.
    n_classes : int
        Number of classes.
    sample_weight : ndarray of shape (n_samples,)
        Weights of the rows, with a positive sum.

    Returns
    -------
    frequencies : ndarray of shape (n_nodes, n_classes)
        They sum to 1. Nodes that no row with a positive weight reaches have the frequencies of all rows.
    """
    indicators = np.zeros((codes.size, n_classes))
    indicators[np.arange(codes.size), codes] = sample_weight
    sums = node_sums(flat, leaves, indicators)
    sums[sums.sum(axis=1) == 0.0] = indicators.sum(axis=0)
    return sums / sums.sum(axis=1, keepdims=True)


def node_sums(flat, leaves, values):
    """Sums of the values of given rows over those that reach each node.

    Parameters
    ----------
    flat : FlatTrees
        The trees.
    leaves : ndarray of shape (n_samples, n_trees), int32
        Leaves of the rows, of `leaf_numbers`.
    values : ndarray of shape (n_samples, n_columns)
        Values of the rows.

    Returns
    -------
    sums : ndarray of shape (n_nodes, n_columns)
        Sums, nodes as in `FlatTrees`.
    """
    n_samples, n_trees = leaves.shape
    starts = np.arange(0, leaves.size + 1, n_trees)
    reached = csr_array((np.ones(leaves.size), leaves.ravel(), starts), shape=(n_samples, flat.leaf_nodes.size))
    path_starts, paths = _paths(flat)
    above = csr_array((np.ones(paths.size), paths, path_starts), shape=(flat.leaf_nodes.size, flat.nodes.size))
    return above.T @ (reached.T @ values)


# --- participants -----------------------------------------------------------------------------------------------------


class LeafTotals(NamedTuple):
    """All that prices need to know: the price of a row is the sum of ``stakes`` over the leaves that it reaches,
    divided by that of ``wealth``.

    Attributes
    ----------
    wealth : ndarray of shape (n_leaves,)
        Sum of the budgets that bet at each leaf.
    stakes : csr_array of shape (n_leaves, n_columns)
        Sum of these budgets times what their owners believe.
    """

    wealth: np.ndarray
    stakes: csr_array


class ForestParticipants(NamedTuple):
    """Who bets what at which leaf.

    Attributes
    ----------
    initial : ndarray of shape (n_participants,)
        Budgets at the start.
    offsets : ndarray of shape (n_trees + 1,)
        Participants ``offsets[t]`` to ``offsets[t + 1]`` are those of tree t.
    table : ndarray of shape (n_rows, n_columns)
        Beliefs, of leaves or of all nodes.
    nodes : ndarray of shape (n_rows,)
        The node whose belief each row of the table is, as a position in `FlatTrees`.
    owners : ndarray of shape (n_rows,), int32
        The participant that bets as each row of the table says.
    starts : ndarray of shape (n_leaves + 1,)
        At leaf m, bets are made as the rows ``rows[starts[m]:starts[m + 1]]`` of the table say.
    rows : ndarray of shape (n_bets,), int32
        Rows of the table.
    """

    initial: np.ndarray
    offsets: np.ndarray
    table: np.ndarray
    nodes: np.ndarray
    owners: np.ndarray
    starts: np.ndarray
    rows: np.ndarray

    @property
    def n_participants(self):
        """Number of participants."""
        return self.initial.size

    def rounds(self, leaves, awake=None):
        """The rounds of trading of given rows.

        Parameters
        ----------
        leaves : ndarray of shape (n_samples, n_trees), int32
            Leaves of the rows, of `leaf_numbers`.
        awake : ndarray of shape (n_samples, n_trees), bool, or None, default=None
            Trees that take part in the round of a row; all of them by default.

        Returns
        -------
        rounds : Rounds
            One round per row. Offers stand tree by tree, and from the leaf to the root.
        """
        awake = np.ones(leaves.shape, dtype=bool) if awake is None else awake
        counts = np.where(awake, np.diff(self.starts)[leaves], 0).sum(axis=1)
        starts = np.concatenate([[0], np.cumsum(counts)])
        beliefs = np.empty(starts[-1], dtype=np.int32)
        _copy_rows(leaves, awake, self.starts, self.rows, beliefs)
        return Rounds(starts, self.owners[beliefs], beliefs, self.table)

    def leaf_totals(self, budgets):
        """Wealth and stakes at every leaf.

        Parameters
        ----------
        budgets : ndarray of shape (n_participants,)
            Budgets.

        Returns
        -------
        totals : LeafTotals
            The totals.
        """
        shape = self.starts.size - 1, len(self.table)
        bets = csr_array((budgets[self.owners[self.rows]], self.rows, self.starts), shape=shape)
        return LeafTotals(bets.sum(axis=1), bets @ csr_array(self.table))


def _leaf_participants(flat, beliefs):
    return _with_one_bet_per_leaf(flat, beliefs, np.arange(flat.leaf_nodes.size), flat.leaf_offsets)


def _tree_participants(flat, beliefs):
    trees = np.arange(flat.n_trees + 1)
    return _with_one_bet_per_leaf(flat, beliefs, np.repeat(trees[:-1], np.diff(flat.leaf_offsets)), trees)


def _with_one_bet_per_leaf(flat, beliefs, owners, offsets):
    starts, nodes = np.arange(flat.leaf_nodes.size + 1), flat.leaf_nodes
    rows = starts[:-1].astype(np.int32)
    return ForestParticipants(
        np.ones(offsets[-1]), offsets, beliefs[nodes], nodes, owners.astype(np.int32), starts, rows
    )


def _node_participants(flat, beliefs):
    initial, nodes = np.full(flat.nodes.size, INNER_NODE_BUDGET), np.arange(flat.nodes.size)
    initial[flat.leaf_nodes] = 1.0
    return ForestParticipants(initial, flat.node_offsets, beliefs, nodes, nodes.astype(np.int32), *_paths(flat))


PARTICIPANT_KINDS = {"leaf": _leaf_participants, "tree": _tree_participants, "node": _node_participants}


def forest_participants(flat, kind, beliefs):
    """The participants that a forest has to offer.

    Parameters
    ----------
    flat : FlatTrees
        The trees.
    kind : {"leaf", "tree", "node"}
        Who has a budget: leaves and trees start with 1; inner nodes, which bet beside the leaves, with 0.1.
    beliefs : ndarray of shape (n_nodes, n_columns)
        What each node believes: a class distribution, or moments of a distribution of numbers.

    Returns
    -------
    participants : ForestParticipants
        They, and what they bet.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from statlearn.market._leaves import forest_participants, node_distributions, pooled_prices
    >>> from statlearn.market._trees import forest_trees, leaf_numbers
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(5, max_depth=2, random_state=0).fit(X, y)
    >>> flat = forest_trees(forest)
    >>> participants = forest_participants(flat, "leaf", node_distributions(forest))
    >>> participants.rounds(leaf_numbers(X, flat)).starts[:3]  # every row is offered five bets
    array([ 0,  5, 10])

    With equal budgets, they are the forest:

    >>> prices = pooled_prices(X, flat, participants.leaf_totals(participants.initial))
    >>> bool(abs(prices - forest.predict_proba(X)).max() < 1e-12)
    True
    """
    return PARTICIPANT_KINDS[kind](flat, beliefs)


def _paths(flat):
    """The nodes on the path of every leaf, itself first and the root last: where those of each start, and they."""
    left, right = flat.nodes["left"], flat.nodes["right"]
    inner = np.flatnonzero(left >= 0)
    parents = np.full(left.size, -1, dtype=np.int32)
    parents[left[inner]] = parents[right[inner]] = inner
    starts = np.concatenate([[0], np.cumsum(_path_lengths(parents)[flat.leaf_nodes])])
    paths = np.empty(starts[-1], dtype=np.int32)
    _climb(parents, flat.leaf_nodes, starts, paths)
    return starts, paths


@njit
def _path_lengths(parents):
    """Number of nodes from each node to its root. Parents stand before their children."""
    lengths = np.ones(parents.size, dtype=np.int64)
    for node in range(parents.size):
        if parents[node] >= 0:
            lengths[node] += lengths[parents[node]]
    return lengths


@njit
def _climb(parents, leaf_nodes, starts, paths):
    for leaf in range(leaf_nodes.size):
        node = leaf_nodes[leaf]
        for j in range(starts[leaf], starts[leaf + 1]):
            paths[j] = node
            node = parents[node]


@njit
def _copy_rows(leaves, awake, starts, rows, result):
    """Rows of the leaves that samples reach in trees that are awake, behind each other."""
    end = 0
    for i in range(leaves.shape[0]):
        for tree in range(leaves.shape[1]):
            if awake[i, tree]:
                leaf = leaves[i, tree]
                for j in range(starts[leaf], starts[leaf + 1]):
                    result[end] = rows[j]
                    end += 1


# --- prices -----------------------------------------------------------------------------------------------------------


def pooled_prices(X, flat, totals, n_jobs=None):
    """Prices of rows: all that participants stake on a class at the leaves that a row reaches, in shares.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, which are compared as float32; NaN is a missing value.
    flat : FlatTrees
        The trees.
    totals : LeafTotals
        Of participants that believe in class distributions.
    n_jobs : int or None, default=None
        Number of threads. Prices do not depend on it.

    Returns
    -------
    prices : ndarray of shape (n_samples, n_classes)
        They sum to 1; NaN in rows whose participants have nothing to bet.
    """
    prices = sum_over_trees(X, flat, totals.stakes, n_jobs)
    return _divided(prices, prices.sum(axis=1))


def pooled_moments(X, flat, totals, n_jobs=None):
    """Moments of prices that are densities: mixtures of what the leaves that a row reaches believe.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, which are compared as float32; NaN is a missing value.
    flat : FlatTrees
        The trees.
    totals : LeafTotals
        Of participants that believe in a mean and a second moment. Means that are large beside the standard deviations
        make a variance of moments inexact: center the outcome first.
    n_jobs : int or None, default=None
        Number of threads. Moments do not depend on it.

    Returns
    -------
    moments : ndarray of shape (n_samples, 2)
        Means and second moments; NaN in rows whose participants have nothing to bet.
    """
    table = csr_array(np.column_stack([totals.stakes.toarray(), totals.wealth]))
    sums = sum_over_trees(X, flat, table, n_jobs)
    return _divided(sums[:, :-1], sums[:, -1])


def _divided(sums, wealth):
    with np.errstate(invalid="ignore"):  # nothing to bet: NaN
        return sums / wealth[:, None]


def tree_stakes(X, flat, totals, classes, n_jobs=None):
    """What each tree stakes on one class per row. Divided by their sum, the shares of the trees in its price.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, which are compared as float32; NaN is a missing value.
    flat : FlatTrees
        The trees.
    totals : LeafTotals
        Of participants that believe in class distributions.
    classes : ndarray of shape (n_samples,), int
        Position of the class of each row.
    n_jobs : int or None, default=None
        Number of threads. Stakes do not depend on it.

    Returns
    -------
    stakes : ndarray of shape (n_samples, n_trees)
        Budgets times beliefs, summed over the participants that bet at the leaf.
    """
    stakes, found = totals.stakes, np.zeros((len(X), flat.n_trees))
    _look_up(leaf_numbers(X, flat, n_jobs), classes, stakes.indptr, stakes.indices, stakes.data, found)
    return found


@njit
def _look_up(leaves, classes, starts, places, values, result):
    """Entries of a sparse table: row ``leaves[i, tree]``, column ``classes[i]``."""
    for i in range(leaves.shape[0]):
        for tree in range(leaves.shape[1]):
            for j in range(starts[leaves[i, tree]], starts[leaves[i, tree] + 1]):
                if places[j] == classes[i]:
                    result[i, tree] = values[j]
