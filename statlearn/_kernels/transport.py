"""Optimal transport on the line, exact for any weights and numbers of points.

On the line the monotone coupling is optimal for every convex cost of the difference (Santambrogio, "Optimal Transport
for Applied Mathematicians", 2015, theorem 2.9): sort both sides, then match mass from left to right.
"""

import numpy as np

from .._support.jit import njit

__all__ = ["block_quantiles", "monotone_coupling", "pairwise_wasserstein", "wasserstein"]


@njit
def wasserstein(x, p, y, q, power):
    """``W_power`` to the ``power`` (1 or 2) of two measures on the line.

    ``x`` (n,) and ``y`` (m,) ascend; ``p`` and ``q`` are positive with equal sums.
    """
    n, m = x.shape[0], y.shape[0]
    i = j = 0
    left, right = p[0], q[0]
    total = 0.0
    while True:
        difference = abs(x[i] - y[j])
        cost = difference * difference if power == 2 else difference
        if left <= right:
            total += left * cost
            right -= left
            i += 1
            if i == n:
                return total
            left = p[i]
        else:
            total += right * cost
            left -= right
            j += 1
            if j == m:
                return total
            right = q[j]


@njit
def pairwise_wasserstein(values1, weights1, starts1, values2, weights2, starts2, power):
    """`wasserstein` between all pairs of two collections of measures of any sizes, shape ``(n_first, n_second)``.

    Measure ``i`` of the first collection has its ascending points in ``values1[starts1[i] : starts1[i + 1]]`` and
    their weights at the same places of ``weights1``.
    """
    n_first, n_second = starts1.shape[0] - 1, starts2.shape[0] - 1
    result = np.empty((n_first, n_second))
    for i in range(n_first):
        x, p = values1[starts1[i] : starts1[i + 1]], weights1[starts1[i] : starts1[i + 1]]
        for k in range(n_second):
            y, q = values2[starts2[k] : starts2[k + 1]], weights2[starts2[k] : starts2[k + 1]]
            result[i, k] = wasserstein(x, p, y, q, power)
    return result


@njit
def monotone_coupling(p, q):
    """The coupling that moves mass from left to right: sources, targets and masses of its non-zeros.

    At most ``n + m - 1`` of them. It is the optimal plan between any two sorted measures with these weights.
    """
    n, m = p.shape[0], q.shape[0]
    sources = np.empty(n + m, dtype=np.int64)
    targets = np.empty(n + m, dtype=np.int64)
    masses = np.empty(n + m)
    i = j = count = 0
    left, right = p[0], q[0]
    while i < n and j < m:
        mass = min(left, right)
        if mass > 0.0:
            sources[count], targets[count], masses[count] = i, j, mass
            count += 1
        left -= mass
        right -= mass
        if left <= 0.0:
            i += 1
            if i < n:
                left = p[i]
        if right <= 0.0:
            j += 1
            if j < m:
                right = q[j]
    return sources[:count], targets[:count], masses[:count]


@njit
def block_quantiles(values, weights, n_blocks):
    """Averages of a quantile function over ``n_blocks`` equal blocks of [0, 1], per row, shape ``(rows, n_blocks)``.

    ``values`` (rows, n) ascend in each row and ``weights`` (rows, n) are positive and sum to one. Averaging is an
    orthogonal projection of L2([0, 1]), so ``|difference of two rows|^2 / n_blocks`` never exceeds the squared
    Wasserstein distance.
    """
    rows, n = values.shape
    result = np.zeros((rows, n_blocks))
    for r in range(rows):
        i = 0
        left = weights[r, 0]
        for block in range(n_blocks):
            room = 1.0 / n_blocks
            while i < n - 1 and left <= room:
                result[r, block] += left * values[r, i]
                room -= left
                i += 1
                left = weights[r, i]
            result[r, block] += room * values[r, i]
            left -= room
            result[r, block] *= n_blocks
    return result
