r"""Fréchet means on grids, without distances between labels.

With the Euclidean distance F(v) = T |v - mu|^2 + T s^2 for the mean point mu, so that coordinates separate. With the
sum of absolute differences,

    F(v) = sum_i P_i (sum_j |v_j - l_ij|)^2 = sum_j sum_i P_i (v_j - l_ij)^2
           + 2 sum_{j<k} sum_i P_i |v_j - l_ij| |v_k - l_ik| :

a parabola for each axis, and for each pair of axes the weights laid out on the plane, convolved with the absolute value
along one axis and then the other. That takes the time of a matrix product with some 50 observed labels.
"""

from itertools import combinations

import numpy as np
from scipy import sparse

from ._embedding_search import MeanSearch
from ._grid_kernels import plane_scores
from ._searches import SLACK, TIE, Candidates, near_least

__all__ = ["LatticeSearch", "SeparableSearch", "separable_or_nearest"]


def separable_or_nearest(metric, observed, allowed, power):
    """The search for the Euclidean distance: by rounding if every label may be predicted, else the nearest point."""
    search = SeparableSearch if allowed.size == metric.n_labels_ else MeanSearch
    return search(metric, observed, allowed, power)


class SeparableSearch:
    """Rounds the mean point, each coordinate for itself; arguments as for `DenseSearch`. Every label is allowed.

    A tied label has, over all coordinates, at most TIE (min |v - mu|^2 + s^2) more than the least of (v_j - mu_j)^2,
    whose sum is at most n_dimensions / 4, while s^2 is at most the squared radius of the observed labels.
    """

    def __init__(self, metric, observed, allowed, power):
        self.shape, self.width = metric.shape, len(observed)
        self.points = metric.coordinates(observed)
        deviations = self.points - self.points.mean(axis=0)
        radius2 = np.einsum("ij,ij->i", deviations, deviations).max()
        self.slack = TIE * len(self.shape) + (TIE + SLACK) * radius2

    def candidates(self, P):
        """Labels that may minimize; see `DenseSearch.candidates`. O(n_samples n_observed n_dimensions)."""
        totals = np.asarray(P.sum(axis=1)).ravel()
        means = np.clip(P @ self.points / totals[:, None], 0.0, np.array(self.shape) - 1.0)
        rows, labels = np.arange(P.shape[0]), np.zeros(P.shape[0], dtype=np.intp)
        for axis, size in enumerate(self.shape):
            options, kept = self._near(means[:, axis], size)
            pairs, choices = np.nonzero(kept[rows])
            rows, labels = rows[pairs], labels[pairs] * size + options[rows[pairs], choices]
        return Candidates(rows, labels)

    def _near(self, mean, size):
        """Whole numbers near the means of one coordinate, ascending, and which of them may be that of a tied label."""
        margin = int(np.sqrt(0.25 + self.slack))
        options = np.floor(mean).astype(np.intp)[:, None] + np.arange(-margin, margin + 2)
        excess = np.where((options >= 0) & (options < size), (options - mean[:, None]) ** 2, np.inf)
        return options, excess <= excess.min(axis=1, keepdims=True) + self.slack


class LatticeSearch:
    """F of all points of a box, for sums of absolute differences; arguments as for `DenseSearch`.

    If every label may be predicted the box is that of the observed labels: to move a label into it takes at least 1
    from every distance, which is more than a tie allows. Otherwise it is the box of observed and allowed labels.
    """

    def __init__(self, metric, observed, allowed, power):
        points, targets = (metric.coordinates(labels).astype(np.int64) for labels in (observed, allowed))
        corners = points if allowed.size == metric.n_labels_ else np.vstack([points, targets])
        low = corners.min(axis=0)
        self.sides = tuple(corners.max(axis=0) - low + 1)
        self.points = np.asfortranarray(points - low)
        inside = ((targets >= low) & (targets < low + self.sides)).all(axis=1)
        self.cells = np.ravel_multi_index((targets[inside] - low).T, self.sides)
        self.labels = allowed[inside]
        self.slack, self.width = SLACK * float(sum(self.sides)) ** 2, int(np.prod(self.sides))

    def candidates(self, P):
        """Labels that may minimize; see `DenseSearch.candidates`. O(n_observed + n_cells) per row and pair of axes."""
        P = P.toarray() if sparse.issparse(P) else P
        totals = P.sum(axis=1)
        scores = self._scores(P, totals).reshape(P.shape[0], -1)
        if self.cells.size < scores.shape[1]:
            scores = scores[:, self.cells]
        return near_least(scores, self.labels, self.slack * totals)

    def _scores(self, P, totals):
        """F of the points of the box, of shape (n_samples, *sides); each parabola joins the first plane of its axis."""
        parabolas = [self._parabola(P, totals, axis) for axis in range(len(self.sides))]
        if len(self.sides) == 1:
            return parabolas[0]
        scores = 0.0
        for j, k in combinations(range(len(self.sides)), 2):
            over_j = parabolas[j] if k == 1 else np.zeros_like(parabolas[j])
            over_k = parabolas[k] if j == 0 else np.zeros_like(parabolas[k])
            plane = np.empty((P.shape[0], self.sides[j], self.sides[k]))
            plane_scores(P, self.points[:, j], self.points[:, k], over_j, over_k, plane)
            shape = [side if axis in (j, k) else 1 for axis, side in enumerate(self.sides)]
            scores = scores + plane.reshape(-1, *shape)
        return scores

    def _parabola(self, P, totals, axis):
        """sum_i P_i (x - l_i)^2 for the places x of an axis, of shape (n_samples, side)."""
        values, places = self.points[:, axis], np.arange(self.sides[axis])
        return np.outer(totals, places**2) - 2.0 * np.outer(P @ values, places) + (P @ values**2)[:, None]
