"""Search among permutations by exchanging the targets of two nodes.

With ``E = (e_r - e_s)(e_b - e_a)'`` for the pair ``r -> a, s -> b`` an exchange adds ``E / n`` to the coupling, so its
gain ``2 <G(T), E> / n + <G(E), E> / n^2`` takes a few operations when ``G(T)`` of `_conditional_gradient` is at hand,
and ``G(T)`` changes by an array of rank one (two for asymmetric costs).
"""

import numpy as np

from .._support.jit import njit

__all__ = ["kicked_swaps", "kicks", "swap_search"]

KICKED_ENTRIES = 60_000  # kicks times squared nodes: the search takes a small part of the time of the descents
FEWEST_KICKS, MOST_KICKS = 20, 200
LONGEST_CYCLE = 6


def kicks(n):
    """Cycles of nodes to disturb, the same in every run: nodes in random order and the length of each cycle."""
    n_kicks = min(MOST_KICKS, max(FEWEST_KICKS, KICKED_ENTRIES // n**2)) if n > 2 else 0
    generator = np.random.default_rng(n)
    orders = np.argsort(generator.random((n_kicks, n)), axis=1)
    return orders, generator.integers(3, min(max(n, 3), LONGEST_CYCLE) + 1, size=n_kicks)


@njit
def kicked_swaps(C1, C2, permutation, image, orders, lengths, least):
    """Descend by exchanges, then disturb along cycles and descend after each, keeping what is better.

    Changes ``permutation`` and ``image``.
    """
    n = permutation.shape[0]
    trial, trial_image = np.empty_like(permutation), np.empty_like(image)
    active = np.ones(n, dtype=np.bool_)
    _descend(C1, C2, permutation, image, least, active)
    for t in range(lengths.shape[0]):
        _copy(permutation, image, trial, trial_image)
        gain = 0.0
        for step in range(lengths[t] - 1):
            r, s = orders[t, step], orders[t, step + 1]
            active[r] = active[s] = True
            gain += _gain(C1, C2, trial, trial_image, r, s)
            _exchange(C1, C2, trial, trial_image, r, s)
        gain += _descend(C1, C2, trial, trial_image, least, active)
        if gain > least:
            _copy(trial, trial_image, permutation, image)


@njit
def _copy(permutation, image, to_permutation, to_image):
    """Copy entry by entry, which compiles much faster than an assignment of arrays."""
    n = permutation.shape[0]
    for i in range(n):
        to_permutation[i] = permutation[i]
        for k in range(n):
            to_image[i, k] = image[i, k]


def swap_search(C1, C2, permutation, image, least):
    """Exchange targets as long as one exchange gains more than ``least``; returns the gain.

    Changes ``permutation`` and ``image``.
    """
    total, gain = 0.0, np.inf
    while gain > 0.0:
        gain = _descend(C1, C2, permutation, image, least, np.ones(permutation.size, dtype=np.bool_))
        total += gain
    return total


@njit
def _descend(C1, C2, permutation, image, least, active):
    """Take the best exchange of each active node until none gains; an exchange makes its two nodes active again."""
    n = permutation.shape[0]
    total = 0.0
    idle = 0
    r = 0
    while idle < n:
        if active[r]:
            best, partner = least, -1
            for s in range(n):
                gain = _gain(C1, C2, permutation, image, r, s)
                if gain > best:
                    best, partner = gain, s
            if partner >= 0:
                total += best
                _exchange(C1, C2, permutation, image, r, partner)
                active[partner] = True
                idle = 0
                continue
            active[r] = False
        idle += 1
        r = (r + 1) % n
    return total


@njit
def _gain(C1, C2, permutation, image, r, s):
    """What exchanging the targets of two nodes takes from the objective."""
    n = permutation.shape[0]
    a, b = permutation[r], permutation[s]
    first = C1[r, r] - C1[r, s] - C1[s, r] + C1[s, s]
    second = C2[a, a] - C2[a, b] - C2[b, a] + C2[b, b]
    linear = image[r, b] - image[r, a] - image[s, b] + image[s, a]
    return 2.0 * (linear + first * second / n) / n


@njit
def _exchange(C1, C2, permutation, image, r, s):
    """Exchange the targets of two nodes and bring ``G(T)`` up to date."""
    n = permutation.shape[0]
    a, b = permutation[r], permutation[s]
    columns, rows = np.empty(n), np.empty(n)  # gathered once, so that the double loop runs along memory
    for k in range(n):
        columns[k] = C2[k, b] - C2[k, a]
        rows[k] = C2[b, k] - C2[a, k]
    for i in range(n):
        by_columns = (C1[i, r] - C1[i, s]) / n
        by_rows = (C1[r, i] - C1[s, i]) / n
        for k in range(n):
            image[i, k] += by_columns * columns[k] + by_rows * rows[k]
    permutation[r], permutation[s] = b, a
