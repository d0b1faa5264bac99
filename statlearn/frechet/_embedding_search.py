r"""Fréchet means where distances are Euclidean: the label nearest to the mean embedding.

For embeddings e and weights P of sum T, with the mean embedding mu = sum_i P_i e_i / T,

    F(v) = sum_i P_i |e_v - e_i|^2 = T |e_v - mu|^2 + T s^2,    T s^2 = sum_i P_i |e_i - mu|^2,

so a tied label, F(v) <= (1 + TIE) min F, has |e_v - mu|^2 <= (1 + TIE) min |e - mu|^2 + TIE s^2. As s^2 is at most the
squared radius r^2 of the observed embeddings about their center, a slack of (TIE + SLACK) r^2 keeps all tied labels and
what rounding of mu, about eps r, may have hidden. Embeddings are moved so that this center is the origin.
"""

import numpy as np
from scipy.spatial import KDTree

from ._searches import SLACK, TIE, Candidates, near_least

__all__ = ["MeanSearch"]

LARGEST_TREE_DIMENSION = 7  # beyond, a k-d tree of 10,000 points is slower than a matrix product


class MeanSearch:
    """The labels nearest to the mean embedding; arguments as for `DenseSearch`. The metric has ``coordinates``."""

    def __init__(self, metric, observed, allowed, power):
        points = metric.coordinates(observed)
        center = points.mean(axis=0)
        self.points = points - center
        self.allowed = allowed
        self.slack = (TIE + SLACK) * np.einsum("ij,ij->i", self.points, self.points).max()
        self.targets = _make_targets(metric.coordinates(allowed) - center)
        self.width = allowed.size if isinstance(self.targets, PlainPoints) else len(points)

    def candidates(self, P):
        """Labels that may minimize; see `DenseSearch.candidates`. Makes no distances between labels."""
        totals = np.asarray(P.sum(axis=1)).ravel()
        rows, places = self.targets.near(P @ self.points / totals[:, None], self.slack)
        return Candidates(rows, self.allowed[places])


def _make_targets(points):
    """The structure that finds nearest points fastest in this dimension."""
    if points.shape[1] == 1:
        return SortedPoints(points)
    return TreePoints(points) if points.shape[1] <= LARGEST_TREE_DIMENSION else PlainPoints(points)


class SortedPoints:
    """Points of a line in order; O(log n_points) per query."""

    def __init__(self, points):
        self.order = np.argsort(points[:, 0], kind="stable")
        self.values = points[self.order, 0]

    def near(self, queries, slack):
        """Places of points whose squared distance is within the tie tolerance and a slack of the least, by query."""
        queries = queries[:, 0]
        right = np.searchsorted(self.values, queries)
        left, right = np.maximum(right - 1, 0), np.minimum(right, self.values.size - 1)
        least = np.minimum(np.abs(queries - self.values[left]), np.abs(queries - self.values[right]))
        reach = np.sqrt(least**2 * (1.0 + TIE) + slack)
        start = np.searchsorted(self.values, queries - reach, side="left")
        counts = np.searchsorted(self.values, queries + reach, side="right") - start
        rows = np.repeat(np.arange(queries.size), counts)
        ranks = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts - start, counts)
        return _by_row(rows, self.order[ranks])


class TreePoints:
    """Points in a k-d tree, for few dimensions."""

    def __init__(self, points):
        self.tree = KDTree(points)

    def near(self, queries, slack):
        """See `SortedPoints.near`; asks for whole balls only where the second nearest point is as near."""
        neighbors = range(1, min(2, self.tree.n) + 1)
        distances, places = self.tree.query(queries, k=list(neighbors))
        reach = np.sqrt(distances[:, 0] ** 2 * (1.0 + TIE) + slack)
        contested = distances[:, -1] <= reach
        balls = self.tree.query_ball_point(queries[contested], reach[contested])
        counts = np.fromiter(map(len, balls), dtype=np.intp, count=len(balls))
        rows = np.concatenate([np.flatnonzero(~contested), np.repeat(np.flatnonzero(contested), counts)])
        return _by_row(rows, np.concatenate([places[~contested, 0], *balls]).astype(np.intp))


class PlainPoints:
    """Points of many dimensions, compared by one matrix product; O(n_queries n_points n_dimensions)."""

    def __init__(self, points):
        squares = np.einsum("ij,ij->i", points, points)
        self.terms = np.vstack([-2.0 * points.T, squares])  # of |e|^2 - 2 e q

    def near(self, queries, slack):
        """See `SortedPoints.near`. Scores leave |q|^2 out, and so does the tolerance that is made from the least."""
        scores = np.hstack([queries, np.ones((queries.shape[0], 1))]) @ self.terms
        lacking = TIE * np.einsum("ij,ij->i", queries, queries)
        return near_least(scores, np.arange(self.terms.shape[1]), slack + lacking)


def _by_row(rows, places):
    order = np.lexsort((places, rows))
    return rows[order], places[order]
