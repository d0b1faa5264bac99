"""Costs between points: squared Euclidean distances, and distances on a line."""

from functools import cached_property

import numpy as np
from scipy.spatial.distance import cdist

from .._typing import ArrayLike, FloatArray
from ._cost_base import Cost, centered, centered_by, largest_entry, read_only, row_blocks, squared_norms
from ._cost_input import check_magnitude, real_array

__all__ = ["LineCost", "SquaredEuclideanCost"]


class SquaredEuclideanCost(Cost):
    r"""Squared Euclidean distances :math:`C_{ij} = |x_i - x_j|^2` between points.

    With points centered at their p-mean, :math:`r_i = |x_i|^2`, :math:`S = E x x'` and :math:`t = E r x`, the mean of
    row i is :math:`r_i + E r` and its second moment :math:`r_i^2 + 2 r_i E r + E r^2 + 4 x_i' S x_i - 4 x_i' t`. The
    residual is :math:`h_{ij} = -2 x_i'x_j`, so that :math:`|h| = 2 |S|_F`. All take O(n d^2) and have nearly all
    digits, however far from the origin the cloud is.

    The largest cost is the squared diameter. Pairs too close to the center are never looked at: O(n log n + n d) for a
    cloud with few points near its boundary, but O(n^2 d) time, in O(n) memory, for points on a sphere.

    Parameters
    ----------
    X : array-like of shape (n, d)
        One point per node. For points on a line and unsquared distances see `LineCost`.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        The points, read-only. `scaled` moves them to the origin.
    n_nodes : int
        Number of nodes.

    Raises
    ------
    TypeError
        If the entries are no real numbers.
    ValueError
        If X is empty, not two-dimensional, or has missing, infinite or extremely large entries.

    Examples
    --------
    >>> from statlearn.gromov import SquaredEuclideanCost
    >>> cost = SquaredEuclideanCost([[0.0, 0.0], [3.0, 4.0]])
    >>> cost.row_mean([0.5, 0.5]), cost.row_second_moment([0.5, 0.5])
    (array([12.5, 12.5]), array([312.5, 312.5]))
    """

    X: FloatArray
    _parts = ("X",)

    def __init__(self, X: ArrayLike) -> None:
        self._hold(real_array(X, "X", cure=" Use X.reshape(-1, 1) for points on a line."))
        check_magnitude(self._bound(), "X")

    def __repr__(self):
        return f"SquaredEuclideanCost(n_nodes={self.n_nodes}, n_features={self.X.shape[1]})"

    def _bound(self):
        largest = 2.0 * largest_entry(self.X)
        return self.X.shape[1] * largest * largest

    @cached_property
    def _centered(self):
        return centered(self.X)

    def _mean(self, p):
        r = squared_norms(centered_by(p, self._centered))
        return p.sum() * r + p @ r

    def _second_moment(self, p):
        X, mass = centered_by(p, self._centered), p.sum()
        r = squared_norms(X)
        pr = p * r
        moment = r * (mass * r + 2.0 * pr.sum()) + pr @ r
        moment += 4.0 * np.einsum("ij,ij->i", X, X @ ((X.T * p) @ X) - pr @ X)
        return np.maximum(moment, 0.0, out=moment)

    def _residual_norm(self, p):
        X = centered_by(p, self._centered)
        return 2.0 * np.linalg.norm((X.T * p) @ X)

    def _dense(self):
        return cdist(self.X, self.X, "sqeuclidean")

    def _subset(self, nodes):
        return SquaredEuclideanCost._from(read_only(self.X[nodes]))

    def _multiple(self, factor):
        # a cloud far from the origin would lose digits in its coordinates
        return SquaredEuclideanCost._from(read_only(np.sqrt(factor) * self._centered))

    def _max_abs(self):
        X = self._centered
        norms = np.sqrt(squared_norms(X))
        outward = np.argsort(-norms)
        return _squared_diameter(X[outward], norms[outward])


class LineCost(Cost):
    r"""Distances :math:`C_{ij} = |x_i - x_j|` between points on a line.

    The second moment of row i is :math:`(x_i - E x)^2 + \mathrm{Var}\, x`. Means of rows are sums along the sorted
    points. With the distribution function F, the residual is :math:`h(x, y) = -2 \int (1_{x \le t} - F(t))
    (1_{y \le t} - F(t))\, dt`, whose size squared, the distance variance of x, is :math:`8 \int\!\int_{s < t} F(s)^2
    (1 - F(t))^2\, ds\, dt`: a sum of positive terms, in O(n log n). The largest cost is the distance between the two
    ends.

    Parameters
    ----------
    x : array-like of shape (n,)
        One position per node.

    Attributes
    ----------
    x : ndarray of shape (n,)
        The positions, read-only. `scaled` moves them to the origin.
    n_nodes : int
        Number of nodes.

    Raises
    ------
    TypeError
        If the entries are no real numbers.
    ValueError
        If x is empty, no vector, or has missing, infinite or extremely large entries.

    Examples
    --------
    >>> from statlearn.gromov import LineCost
    >>> cost = LineCost([0.0, 1.0, 5.0])
    >>> cost.row_mean([0.25, 0.5, 0.25])
    array([1.75, 1.25, 3.25])
    >>> cost.max_abs()
    5.0
    """

    x: FloatArray
    _parts = ("x",)

    def __init__(self, x: ArrayLike) -> None:
        self._hold(real_array(x, "x", ndim=1))
        check_magnitude(self._bound(), "x")

    def __repr__(self):
        return f"LineCost(n_nodes={self.n_nodes})"

    def _bound(self):
        return 2.0 * largest_entry(self.x)

    @cached_property
    def _order(self):
        return np.argsort(self.x, kind="stable")

    def _mean(self, p):
        order = self._order
        x, p = centered(self.x)[order], p[order]
        below, moment_below = np.cumsum(p), np.cumsum(x * p)
        means = np.empty_like(p)
        means[order] = x * (2.0 * below - below[-1]) - (2.0 * moment_below - moment_below[-1])
        return means

    def _second_moment(self, p):
        squares = centered_by(p, centered(self.x)) ** 2
        return p.sum() * squares + p @ squares

    def _residual_norm(self, p):
        x, p = self.x[self._order], p[self._order]
        gaps, below, above = np.diff(x), np.cumsum(p[:-1]), np.cumsum(p[:0:-1])[::-1]
        lower = gaps * below**2  # the integral of F^2 over each gap
        return 2.0 * np.sqrt(np.sum(gaps * above**2 * (2.0 * np.cumsum(lower) - lower)))

    def _dense(self):
        return np.abs(np.subtract.outer(self.x, self.x))

    def _subset(self, nodes):
        return LineCost._from(read_only(self.x[nodes]))

    def _multiple(self, factor):
        return LineCost._from(read_only(factor * centered(self.x)))

    def _max_abs(self):
        return float(np.ptp(self.x))


def _squared_diameter(X, norms):
    """Largest squared distance of points sorted by descending norm; a pair is at most as far as its norms sum to."""
    far = X[[np.argmax(cdist(X[:1], X))]]
    squared = float(cdist(far, X, "sqeuclidean").max())
    for rows in row_blocks(len(X)):
        stop = int(np.searchsorted(-norms, norms[rows.start] - np.sqrt(squared)))
        if stop <= rows.start:
            break
        squared = max(squared, float(cdist(X[rows], X[rows.start : stop], "sqeuclidean").max()))
    return squared
