"""Compiled loops of kernel k-means.

Symbols of the formulas, with shapes (``n`` points, ``k`` clusters, ``R`` restarts):

==========  ===============  ==================================================================================
``w``       ``(n,)``         weights of the points; 0 means absent
``rows``    ``(n, m)``       kernel matrix (``m = n``), or features ``F`` with ``K = F F'``
``sums``    ``(R, k, m)``    weighted sum of the rows of each cluster
``T``       ``(R, k, n)``    ``T[r, c, i] = sum of w_j k_ij over the points j of cluster c``; with a kernel, ``sums``
``W``       ``(k,)``         weight of a cluster
``Q``       ``(k,)``         ``sum of w_i w_j k_ij`` over the pairs of a cluster
``N``       ``(k,)``         number of points of positive weight in a cluster
==========  ===============  ==================================================================================

Squared distance to a center: ``d2(i, c) = k_ii - 2 T_ci / W_c + Q_c / W_c^2``; negative where K is indefinite.
"""

import numpy as np

from .._support.jit import njit

__all__ = [
    "add_rows",
    "assess",
    "compare_with_transpose",
    "draw_points",
    "group_copies",
    "join_centers",
    "move_rows",
    "propose",
    "sweep",
]

TILE = 512  # columns at a time, so that the sums of all restarts stay in the cache while the rows stream by
SAME = 1e-12  # a point that carries all but this share of its cluster cannot leave it: what remains is rounding
LANES = 4  # partial sums that grow side by side
ROUNDING = 4.0 * np.finfo(np.float64).eps  # a squared distance below this share of its terms is zero
BLOCK = 64  # square tiles of a transposed comparison


@njit
def add_rows(rows, w, labels, active, sums):
    """Sums of the rows of each cluster, from scratch, for the active restarts."""
    n, m = rows.shape
    for r in active:
        sums[r, :, :] = 0.0
    for start in range(0, m, TILE):
        stop = min(m, start + TILE)
        for j in range(n):
            weight = w[j]
            if weight == 0.0:
                continue
            row = rows[j, start:stop]
            for r in active:
                total = sums[r, labels[r, j], start:stop]
                for i in range(stop - start):
                    total[i] += weight * row[i]


@njit
def _move(row, weight, source, target):
    """Move a weighted row from one sum to another."""
    for i in range(row.shape[0]):
        change = weight * row[i]
        source[i] -= change
        target[i] += change


@njit
def move_rows(rows, w, old, new, active, sums):
    """Turn the sums of the clusters ``old`` into those of ``new``."""
    for j in range(rows.shape[0]):
        if w[j] == 0.0:
            continue
        for r in active:
            if old[r, j] != new[r, j]:
                _move(rows[j], w[j], sums[r, old[r, j]], sums[r, new[r, j]])


@njit
def draw_points(mass, order, uniforms):
    """One point per restart with probability proportional to its mass, by inversion along ``order``."""
    points = np.empty(mass.shape[0], np.int64)
    for r in range(mass.shape[0]):
        total = 0.0
        for i in order:
            total += mass[r, i]
        goal, reached = uniforms[r] * total, 0.0
        for i in order:
            if mass[r, i] > 0.0:
                reached += mass[r, i]
                points[r] = i
                if reached > goal:
                    break
    return points


@njit
def join_centers(columns, diagonal, points, c, gap, labels):
    """Let points that are closer to a further center ``c``, one point per restart, join it.

    ``columns`` is the kernel between these points and all points; ``gap`` the squared distance to the nearest center.
    """
    for r in range(points.shape[0]):
        for i in range(diagonal.shape[0]):
            terms = diagonal[i] + diagonal[points[r]]
            distance = terms - 2.0 * columns[r, i]
            if distance <= ROUNDING * abs(terms):
                distance = 0.0
            if distance < gap[r, i]:
                gap[r, i], labels[r, i] = distance, c


@njit
def group_copies(rows, w, order, key, key_tol, tol):
    """Number the points so that neighbors in ``order`` with equal rows share a number; the points that came first.

    Rows are compared, up to ``tol``, only where the keys differ by at most ``key_tol``. Points of weight zero stay
    alone.
    """
    n = order.shape[0]
    groups, first, n_groups = np.empty(n, np.int64), np.empty(n, np.int64), 0
    for i in order:
        if n_groups > 0:
            j = first[n_groups - 1]
            same = w[i] > 0.0 and w[j] > 0.0 and abs(key[i] - key[j]) <= key_tol
            for column in range(rows.shape[1] if same else 0):
                if abs(rows[i, column] - rows[j, column]) > tol:
                    same = False
                    break
            if same:
                groups[i] = n_groups - 1
                continue
        groups[i], first[n_groups] = n_groups, i
        n_groups += 1
    return groups, first[:n_groups]


@njit
def _measure(T, w, labels, W, Q, N):
    """Fill the weight, the sum over pairs and the number of points of every cluster; return ``sum of Q / W``.

    Neighbors are added in different lanes, so that points of one cluster do not wait for each other.
    """
    lanes = np.zeros((LANES, 3, W.shape[0]))
    for i in range(w.shape[0]):
        if w[i] > 0.0:
            own, c = lanes[i % LANES], labels[i]
            own[0, c] += w[i]
            own[1, c] += w[i] * T[c, i]
            own[2, c] += 1.0
    total = 0.0
    for c in range(W.shape[0]):
        W[c], Q[c], N[c] = 0.0, 0.0, 0
        for lane in lanes:
            W[c], Q[c], N[c] = W[c] + lane[0, c], Q[c] + lane[1, c], N[c] + int(lane[2, c])
        total += Q[c] / W[c]
    return total


@njit
def _nearest(T, W, Q, gap, labels):
    """Cluster of the nearest center, the lowest of equals, and ``d2 - k_ii`` to it."""
    for i in range(gap.shape[0]):
        gap[i], labels[i] = np.inf, 0
    for c in range(W.shape[0]):
        norm, slope = Q[c] / W[c] ** 2, 2.0 / W[c]
        for i in range(gap.shape[0]):
            value = norm - slope * T[c, i]
            if value < gap[i]:
                gap[i] = value
                labels[i] = c


@njit
def _fill_empty(diagonal, w, gap, labels, N):
    """Give each empty cluster the point farthest from its center, from a cluster that keeps another point."""
    for c in range(N.shape[0]):
        N[c] = 0
    for i in range(labels.shape[0]):
        N[labels[i]] += w[i] > 0.0
    for c in range(N.shape[0]):
        if N[c] > 0:
            continue
        farthest, distance = -1, -np.inf
        for i in range(labels.shape[0]):
            if w[i] > 0.0 and N[labels[i]] > 1 and (farthest < 0 or diagonal[i] + gap[i] > distance):
                farthest, distance = i, diagonal[i] + gap[i]
        N[labels[farthest]] -= 1
        labels[farthest] = c
        N[c] = 1


@njit
def _differences(labels, other, w):
    """Number of points of positive weight whose labels differ."""
    count = 0
    for i in range(w.shape[0]):
        count += w[i] > 0.0 and labels[i] != other[i]
    return count


@njit
def propose(T, w, diagonal, total, labels, active, proposal):
    """Objective of the labels, the labels of Lloyd's next step, and how many points that step moves.

    ``total`` is the sum of ``w_i k_ii``; the objective is ``total - sum of Q / W``.
    """
    k, n = T.shape[1], T.shape[2]
    W, Q, N, gap = np.empty(k), np.empty(k), np.empty(k, np.int64), np.empty(n)
    inertias, changed = np.empty(active.shape[0]), np.empty(active.shape[0], np.int64)
    for position, r in enumerate(active):
        inertias[position] = total - _measure(T[r], w, labels[r], W, Q, N)
        _nearest(T[r], W, Q, gap, proposal[r])
        _fill_empty(diagonal, w, gap, proposal[r], N)
        changed[position] = _differences(labels[r], proposal[r], w)
    return inertias, changed


@njit
def _column(T, i, t):
    """Copy what one point's distances need to where it is contiguous."""
    for c in range(t.shape[0]):
        t[c] = T[c, i]


@njit
def _center(c, W, Q, inverse, norm):
    """Inverse weight of a cluster and squared norm of its center."""
    inverse[c] = 1.0 / W[c]
    norm[c] = Q[c] * inverse[c] ** 2


@njit
def _best_move(t, k_ii, weight, a, inverse, norm):
    """Change of the objective by the best move of one point out of cluster ``a``, and where to.

    ``dJ = w W_b / (W_b + w) d2(i, b) - w W_a / (W_a - w) d2(i, a)``, exact for every symmetric kernel.
    """
    rest = 1.0 - weight * inverse[a]
    if rest <= SAME:
        return 0.0, a
    leaving = weight / rest * (k_ii - 2.0 * t[a] * inverse[a] + norm[a])
    arriving, target = np.inf, a
    for b in range(t.shape[0]):
        if b != a:
            cost = weight / (1.0 + weight * inverse[b]) * (k_ii - 2.0 * t[b] * inverse[b] + norm[b])
            if cost < arriving:
                arriving, target = cost, b
    return arriving - leaving, target


@njit
def _best_moves(T, w, diagonal, labels, inverse, norm, change):
    """The same changes for all points at once, cluster by cluster."""
    n = w.shape[0]
    for i in range(n):
        change[i] = np.inf
    for b in range(T.shape[0]):
        for i in range(n):
            cost = w[i] / (1.0 + w[i] * inverse[b]) * (diagonal[i] - 2.0 * T[b, i] * inverse[b] + norm[b])
            other = np.inf if labels[i] == b else cost
            change[i] = other if other < change[i] else change[i]
    for i in range(n):
        a = labels[i]
        rest = 1.0 - w[i] * inverse[a]
        if rest <= SAME:
            change[i] = 0.0
        else:
            change[i] -= w[i] / rest * (diagonal[i] - 2.0 * T[a, i] * inverse[a] + norm[a])


@njit
def sweep(rows, rows_are_kernel, sums, T, w, diagonal, labels, active, order, tol):
    """One sweep of single moves of the active restarts, each lowering the objective by more than ``tol``; their number.

    The clusters as they were before the sweep, with products ``T``, pick the candidates; the clusters as they are, with
    ``sums`` that are changed in place, decide. So only a sweep without moves has seen every point as it is. ``T`` may
    be the array ``sums``.
    """
    k = T.shape[1]
    W, Q, N, t, inverse, norm = np.empty(k), np.empty(k), np.empty(k, np.int64), np.empty(k), np.empty(k), np.empty(k)
    change, n_moves = np.empty(w.shape[0]), np.zeros(active.shape[0], np.int64)
    for position, r in enumerate(active):
        _measure(T[r], w, labels[r], W, Q, N)
        for c in range(k):
            _center(c, W, Q, inverse, norm)
        _best_moves(T[r], w, diagonal, labels[r], inverse, norm, change)
        for i in order:
            a = labels[r, i]
            if change[i] >= -tol or N[a] == 1:
                continue
            if rows_are_kernel:
                _column(sums[r], i, t)
            else:
                for c in range(k):
                    t[c] = np.dot(rows[i], sums[r, c])
            now, b = _best_move(t, diagonal[i], w[i], a, inverse, norm)
            if now < -tol:
                _move(rows[i], w[i], sums[r, a], sums[r, b])
                Q[a] += w[i] * (w[i] * diagonal[i] - 2.0 * t[a])
                Q[b] += w[i] * (w[i] * diagonal[i] + 2.0 * t[b])
                W[a], W[b], N[a], N[b] = W[a] - w[i], W[b] + w[i], N[a] - 1, N[b] + 1
                _center(a, W, Q, inverse, norm)
                _center(b, W, Q, inverse, norm)
                labels[r, i] = b
                n_moves[position] += 1
    return n_moves


@njit
def assess(T, w, diagonal, total, labels):
    """Final figures of one restart: objective, best single decrease, cluster sizes, squared norms of the centers.

    Points of weight zero, which no search has looked at, get the label of the nearest center.
    """
    k, n = T.shape
    W, Q, N, inverse, norm = np.empty(k), np.empty(k), np.empty(k, np.int64), np.empty(k), np.empty(k)
    inertia = total - _measure(T, w, labels, W, Q, N)
    gap, nearest, change = np.empty(n), np.empty(n, np.int64), np.empty(n)
    _nearest(T, W, Q, gap, nearest)
    for c in range(k):
        _center(c, W, Q, inverse, norm)
    _best_moves(T, w, diagonal, labels, inverse, norm, change)
    decrease = 0.0
    for i in range(n):
        if w[i] == 0.0:
            labels[i] = nearest[i]
        else:
            decrease = max(decrease, -change[i])
    return inertia, decrease, W, norm


@njit
def compare_with_transpose(K):
    """Largest ``|k_ij - k_ji|`` of a square matrix, and the largest ``|k_ij|`` with ``i >= j``."""
    n = K.shape[0]
    differences, entries = np.zeros(BLOCK), np.zeros(BLOCK)
    for top in range(0, n, BLOCK):
        for left in range(0, top + 1, BLOCK):
            for i in range(top, min(n, top + BLOCK)):
                for j in range(left, min(i + 1, left + BLOCK)):
                    difference, entry = abs(K[i, j] - K[j, i]), abs(K[i, j])
                    lane = j - left
                    differences[lane] = difference if difference > differences[lane] else differences[lane]
                    entries[lane] = entry if entry > entries[lane] else entries[lane]
    return differences.max(), entries.max()
