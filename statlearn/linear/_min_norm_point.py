"""The margin to machine precision, as the distance of the origin from the convex hull of the signed rows.

``max_{|theta|=1} min_i <z_i, theta> = min_q |sum_i q_i z_i|`` over the simplex, if it is positive. The point of least
norm is found by an active-set method in the manner of Wolfe [1]_ and of Lawson and Hanson [2]_: it keeps a set of
affinely independent rows whose affine hull has its point of least norm inside their convex hull, and lets the row enter
that violates optimality most.

References
----------
.. [1] P. Wolfe (1976). "Finding the nearest point in a polytope." Mathematical Programming 11.
.. [2] C. L. Lawson and R. J. Hanson (1974). "Solving Least Squares Problems", chapter 23. Prentice-Hall.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from ._margin_proofs import proved_lower, proved_upper
from ._row_blocks import lifted_rows

__all__ = ["MinNormPoint", "min_norm_point", "nearest_in_hull"]

WORKING_ROWS = 2000  # rows that are held as a dense array at a time, unless more carry weight
UPDATES_PER_FACTORIZATION = 60
DEPENDENT = 1e-13  # distance of a point from the affine hull of others, relative to the largest entry, that is rounding
AT_ORIGIN = 1e-14  # relative to the longest row: below this the origin is in the hull, up to rounding


@dataclass(frozen=True, eq=False)
class MinNormPoint:
    """The point of least norm of the convex hull of signed rows.

    Attributes
    ----------
    weights : ndarray of shape (n_rows,)
        Weights q in the simplex, of at most n_features + 1 rows, with ``upper`` as the norm of their combination.
    direction : ndarray of shape (n_features_lifted,) or None
        Unit vector with the least margin ``lower``; None if the hull contains the origin, up to rounding.
    lower : float
        Proved lower bound of the margin; minus the longest row's norm without a direction.
    upper : float
        Proved upper bound of the margin.
    n_iter : int
        Number of rows that entered.
    converged : bool
        Whether the bounds agree as closely as was asked for, or the origin is in the hull.
    """

    weights: np.ndarray
    direction: np.ndarray | None
    lower: float
    upper: float
    n_iter: int
    converged: bool


def min_norm_point(rows, *, start=None, weights=None, tol=1e-9, max_iter=100_000):
    """Find the point of least norm of the convex hull of the signed rows.

    Rows beyond 2,000 are visited in rounds: the rows of least margin join a working set, within which the problem is
    solved. A step costs one product with the working set and an update of a factorization, a round one pass over all
    rows; nothing is ever of size n_rows x n_rows.

    Parameters
    ----------
    rows : SignedRows
        The signed rows.
    start : ndarray of shape (n_features_lifted,), default=None
        Direction whose rows of least margin are the first working set; None takes the mean of the signed rows.
    weights : ndarray of shape (n_rows,), default=None
        Weights whose heaviest rows join the first working set.
    tol : float, default=1e-9
        Largest relative gap between the bounds.
    max_iter : int, default=100_000
        Largest number of rows that enter.

    Returns
    -------
    found : MinNormPoint
        The point and what it proves.
    """
    n_rows = rows.n_rows
    working = _first_working_rows(rows, start, weights)
    active, active_weights, n_iter, best = np.array([working[0]]), np.array([1.0]), 0, np.inf
    while True:
        points = lifted_rows(rows, working)
        places = np.searchsorted(working, active)
        inner = nearest_in_hull(points, support=places, tol=0.1 * tol, max_iter=max_iter - n_iter)
        n_iter += inner.n_iter
        active, active_weights = working[inner.support], inner.weights
        length = np.linalg.norm(inner.point)
        if length <= AT_ORIGIN * rows.radius or n_iter >= max_iter or working.size == n_rows:
            break
        margins = rows.margins(inner.point / length)
        if margins.min() >= length * (1.0 - tol) or length >= best:
            break
        best = length
        working = _next_working_rows(margins, active, length)
    found = np.zeros(n_rows)
    found[active] = active_weights
    upper = proved_upper(rows, found)
    if length <= AT_ORIGIN * rows.radius:
        return MinNormPoint(found, None, -rows.radius, upper, n_iter, True)
    direction = inner.point / length
    lower = proved_lower(rows, direction)
    return MinNormPoint(found, direction, lower, upper, n_iter, bool(upper - lower <= tol * upper))


def _first_working_rows(rows, start, weights):
    """Rows of least margin along a direction, and the heaviest ones; sorted."""
    n_rows = rows.n_rows
    if n_rows <= WORKING_ROWS:
        return np.arange(n_rows)
    if start is None:
        start = rows.combination(np.full(n_rows, 1.0 / n_rows))
    size = WORKING_ROWS // 2
    chosen = np.argpartition(rows.margins(start), size)[:size]
    if weights is not None:
        heavy = np.argpartition(-weights, size)[:size]
        chosen = np.union1d(chosen, heavy[weights[heavy] > 0.0])
    return np.sort(chosen)


def _next_working_rows(margins, active, length):
    """The active rows and those of least margin, sorted."""
    size = min(margins.size, WORKING_ROWS + active.size) - 1
    least = np.argpartition(margins, size)[: size + 1]
    return np.union1d(active, least[margins[least] < 2.0 * length])


@dataclass(frozen=True, eq=False)
class HullPoint:
    """A point of a convex hull: its coordinates, the points it is a combination of, and their weights."""

    point: np.ndarray
    support: np.ndarray
    weights: np.ndarray
    n_iter: int


def nearest_in_hull(points, *, support=None, tol=1e-10, max_iter=100_000):
    """Find the point of least norm of the convex hull of a few points.

    The problem is ``min |P'q|^2 + (1 - sum q)^2`` over ``q >= 0``, whose solution is proportional to the one in the
    simplex. Its passive set is kept with the complete QR factorization of the columns ``(p_j, 1)``: the residual is
    read off the orthogonal complement without cancellation, however small it is beside the points.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_dims)
        The points.
    support : ndarray of int, default=None
        Points to start from, affinely independent and with the point of least norm of their affine hull inside their
        hull, as a former run returned them; otherwise the shortest point is taken.
    tol : float, default=1e-10
        Stops when no point has an inner product with the unit vector of the point found that is below its norm by more
        than this share.
    max_iter : int, default=100_000
        Largest number of points that enter.

    Returns
    -------
    found : HullPoint
        The point, and the weights of its support.
    """
    scale = float(np.abs(points).max()) or 1.0
    scaled = points / 2.0 ** np.round(np.log2(scale))
    basis = None
    if scaled.shape[1] > scaled.shape[0]:  # the points in coordinates of the space that they span
        basis, triangle = np.linalg.qr(scaled.T)
        scaled = np.ascontiguousarray(triangle.T)
    if support is None or not len(support):
        support = [int(np.argmin(np.einsum("ij,ij->i", scaled, scaled)))]
    passive = _PassiveSet(scaled, support)
    n_iter = 0
    while not passive.spans_origin and n_iter < max_iter:
        direction, length = passive.direction, passive.length
        products = scaled @ direction
        entering = int(np.argmin(products))
        if products[entering] >= length * (1.0 - tol) or not passive.enter(entering):
            break
        n_iter += 1
    point = passive.direction * passive.length if not passive.spans_origin else np.zeros(scaled.shape[1])
    point = point if basis is None else basis @ point
    order = np.argsort(passive.support)
    return HullPoint(
        point * 2.0 ** np.round(np.log2(scale)), np.array(passive.support)[order], passive.weights[order], n_iter
    )


class _PassiveSet:
    """Points with positive weight, and the point of least norm of their affine hull.

    Attributes
    ----------
    support : list of int
        The points.
    coefficients : ndarray
        Their positive coefficients in the least-squares problem; weights once divided by their sum.
    direction, length
        Unit vector and norm of the point of least norm.
    spans_origin : bool
        Whether that point is the origin.
    """

    def __init__(self, points, support):
        self._points = points
        self.support = [int(place) for place in support]
        self.coefficients = np.ones(len(self.support))
        self.direction, self.length, self.spans_origin = None, np.inf, False
        self._factorize()
        self._descend()

    @property
    def weights(self):
        """The coefficients divided by their sum."""
        return self.coefficients / self.coefficients.sum()

    def enter(self, place):
        """Let a point enter. Returns False, with all as before, if rounding leaves no progress to be made."""
        before = self.support.copy(), self.coefficients.copy(), self._q, self._r, self._state()
        self._insert(place)
        is_independent = abs(self._r[len(self.support) - 1, -1]) > DEPENDENT
        if is_independent and self._descend() and self.length < before[-1][1]:
            return True
        self.support, self.coefficients, self._q, self._r = before[:4]
        self.direction, self.length, self.spans_origin = before[-1]
        return False

    def _state(self):
        return self.direction, self.length, self.spans_origin

    def _factorize(self):
        columns = np.vstack([self._points[self.support].T, np.ones(len(self.support))])
        self._q, self._r = linalg.qr(columns, check_finite=False)
        self._n_updates = 0

    def _insert(self, place):
        column = np.append(self._points[place], 1.0)
        self._q, self._r = linalg.qr_insert(
            self._q, self._r, column, len(self.support), which="col", check_finite=False
        )
        self.support.append(place)
        self.coefficients = np.append(self.coefficients, 0.0)
        self._n_updates += 1

    def _remove(self, position):
        self._q, self._r = linalg.qr_delete(self._q, self._r, position, which="col", check_finite=False)
        del self.support[position]
        self.coefficients = np.delete(self.coefficients, position)
        self._n_updates += 1

    def _descend(self):
        """Move to the least-squares solution, dropping points whose coefficients would not be positive.

        Returns False if a point dropped out the moment that it entered, which exact arithmetic excludes.
        """
        while True:
            if self._n_updates > UPDATES_PER_FACTORIZATION:
                self._factorize()
            n_points = len(self.support)
            solution = linalg.solve_triangular(self._r[:n_points], self._q[-1, :n_points], check_finite=False)
            if np.all(solution > 0.0):
                self.coefficients = solution
                self._set_point()
                return True
            with np.errstate(divide="ignore", invalid="ignore"):
                steps = np.where(solution > 0.0, np.inf, self.coefficients / (self.coefficients - solution))
            blocking = int(np.argmin(steps))
            if n_points == 1 or not np.isfinite(steps[blocking]):
                return False
            self.coefficients += steps[blocking] * (solution - self.coefficients)
            entered = blocking == n_points - 1 and steps[blocking] == 0.0
            self._remove(blocking)
            if entered:
                return False

    def _set_point(self):
        n_points = len(self.support)
        if n_points == self._q.shape[0]:
            self.direction, self.length, self.spans_origin = None, 0.0, True
            return
        # b less its projection on the columns, b being the last unit vector: minus the point, and 1 - sum q below it
        residual = self._q[:, n_points:] @ self._q[-1, n_points:]
        point = -residual[:-1] / self.coefficients.sum()
        length = float(np.linalg.norm(point))
        self.length, self.spans_origin = length, length <= AT_ORIGIN
        self.direction = point / length if length > 0.0 else None
