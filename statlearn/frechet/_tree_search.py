"""Minimizers of the Fréchet functional of a tree, without any distance between labels.

F is convex along the paths of a tree, so that a node off the *Steiner tree*, the union of the paths between observed
labels, has a larger F than the node where its path arrives there. Hence one pass up and one down the Steiner tree
settle a row, whichever nodes are labels (`SteinerSearch`). If all are, the way down to the minimum is enough, on the
tree of the row itself, compressed to the nodes with weight and those where paths branch (`VirtualSearch`).
"""

import numpy as np
from scipy import sparse

from ._searches import SLACK, TIE, Candidates
from ._tree_kernels import (
    compressed_candidates,
    descended_candidates,
    hang_up,
    mark_spanned,
    may_be_best,
    swept_candidates,
)

__all__ = ["RerootingSearch", "SteinerSearch", "VirtualSearch"]


class SteinerSearch:
    """F at the nodes of the Steiner tree of the observed labels, O(its size) per row; powers 2 and 1.

    Parameters
    ----------
    metric : TreeMetric
        The label space.
    observed : ndarray of int of shape (n_observed,)
        Observed labels.
    allowed : ndarray of int of shape (n_allowed,)
        Labels that may be predicted, ascending.
    power : {1, 2}
        Power of the distances.
    """

    def __init__(self, metric, observed, allowed, power):
        tree, self.of_squares = metric._tree, power == 2
        nodes = tree.positions[metric.nodes_[observed]]
        members = self._members(tree, np.sort(nodes))
        place = np.full(tree.n_nodes, -1)
        place[members] = np.arange(members.size)
        self.columns, self.width = place[nodes], members.size
        self.parents = place[tree.parents[members]]  # that of the first is not read
        self.lengths = tree.lengths[members]
        if metric.is_tree and not metric._has_negligible_edges and allowed.size == metric.n_labels_:
            self.places, self.heights = np.arange(members.size), np.zeros(members.size)
            self.labels = metric._labels_by_position[members]
            return
        allowed_nodes = tree.positions[metric.nodes_[allowed]]
        places, heights = hang_up(place, allowed_nodes, tree.parents, tree.depths)
        # F <= (largest distance) M there, so that a label higher by this much has an F beyond the tie tolerance.
        largest = 2.0 * (tree.depths[nodes].max() - tree.depths[members[0]])
        chosen = np.flatnonzero(
            may_be_best(places, heights, place[allowed_nodes] >= 0, members.size, 2.0 * TIE * largest, 2.0 * TIE)
        )
        self.places, self.heights, self.labels = places[chosen], heights[chosen], allowed[chosen]

    @staticmethod
    def _members(tree, nodes):
        """Positions of the nodes on which F is evaluated, ascending; ``nodes`` are those of the observed labels."""
        return np.flatnonzero(mark_spanned(nodes, tree.parents, tree.heads))

    def candidates(self, P):
        """Labels that may minimize.

        Parameters
        ----------
        P : {ndarray, csr_array} of shape (n_samples, n_observed)
            Weights.

        Returns
        -------
        candidates : Candidates
            The pairs.
        """
        sizes = np.zeros(P.shape[0], dtype=np.int64)
        labels = swept_candidates(
            *_compressed_rows(P),
            self.columns,
            self.parents,
            self.lengths,
            self.places,
            self.heights,
            self.labels,
            self.of_squares,
            SLACK,
            sizes,
        )
        return _sorted_candidates(sizes, labels)


class RerootingSearch(SteinerSearch):
    """F at all nodes of the tree, O(n_nodes) per row; arguments as for `SteinerSearch`."""

    @staticmethod
    def _members(tree, nodes):
        """All positions."""
        return np.arange(tree.n_nodes)


class VirtualSearch:
    """F on the compressed tree of every row, O(s + b log n_nodes) for s weights and b branches; power 2.

    The way down to the minimum is enough, unless some edges are so short, compared with the distances to the observed
    labels, that many nodes may tie; then all of the compressed tree is looked at, O(s log n_nodes).

    Every node must be a label. Where some may not be predicted, their place is taken by labels that hang off the
    Steiner tree anywhere, so the search is that of `SteinerSearch`, whose arguments it takes.
    """

    def __init__(self, metric, observed, allowed, power):
        self.steiner, self.width = None, 1
        if allowed.size < metric.n_labels_:
            self.steiner = SteinerSearch(metric, observed, allowed, power)
            self.width = self.steiner.width
            return
        self.tree, self.labels = metric._tree, metric._labels_by_position
        self.shortest = self.tree.lengths[1:].min(initial=np.inf)
        nodes = self.tree.positions[metric.nodes_[observed]]
        self.columns = np.argsort(nodes)
        self.nodes = nodes[self.columns]

    def candidates(self, P):
        """Labels that may minimize; see `SteinerSearch.candidates`."""
        if self.steiner is not None:
            return self.steiner.candidates(P)
        sizes = np.empty(P.shape[0], dtype=np.int64)
        positions = self._descend(P, sizes)
        if positions.size == 0:
            positions = self._look_everywhere(P, sizes)
        return _sorted_candidates(sizes, self.labels[positions])

    def _descend(self, P, sizes):
        """Candidates by the way down to the minimum, none if they are in doubt; dense rows share nodes and columns."""
        tree, starts = self.tree, np.arange(sizes.size + 1) * self.nodes.size
        firsts, nodes, places = np.zeros_like(sizes), self.nodes, self.columns
        if sparse.issparse(P):
            starts, nodes, P = self._rows_of_nodes(P)
            firsts, places = starts[:-1], np.arange(nodes.size) - np.repeat(starts[:-1], np.diff(starts))
        return descended_candidates(
            starts,
            np.ascontiguousarray(P).ravel(),
            firsts,
            nodes,
            places,
            tree.parents,
            tree.heads,
            tree.ends,
            tree.depths,
            self.shortest,
            SLACK,
            sizes,
        )

    def _look_everywhere(self, P, sizes):
        """Candidates by all of the compressed tree of every row."""
        tree = self.tree
        return compressed_candidates(*self._rows_of_nodes(P), tree.parents, tree.heads, tree.depths, SLACK, sizes)

    def _rows_of_nodes(self, P):
        """Starts of rows, the nodes with weight in each, ascending, and their weights."""
        ordered = sparse.csr_array(P[:, self.columns])
        ordered.sum_duplicates()
        ordered.eliminate_zeros()
        starts, columns, weights = _compressed_rows(ordered)
        return starts, self.nodes[columns], weights


def _compressed_rows(P):
    """Starts of rows, columns and weights."""
    if sparse.issparse(P):
        return P.indptr.astype(np.int64), P.indices.astype(np.int64), P.data
    columns = np.tile(np.arange(P.shape[1]), P.shape[0])
    return np.arange(P.shape[0] + 1) * P.shape[1], columns, np.ascontiguousarray(P).ravel()


def _sorted_candidates(sizes, labels):
    """Candidates from the labels of all rows, so many in each: none where F was not finite."""
    if sizes.min() == 0:
        raise ValueError("sums of weights times squared distances must be finite numbers. Scale the weights down.")
    rows = np.repeat(np.arange(sizes.size), sizes)
    return Candidates(rows, labels[np.lexsort((labels, rows))])
