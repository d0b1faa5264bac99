"""Search among permutations by exchanging the targets of two nodes.

With ``E = (e_r - e_s)(e_b - e_a)'`` for the pair ``r -> a, s -> b`` an exchange adds ``E / n`` to the coupling, so its
gain ``2 <G(T), E> / n + <G(E), E> / n^2`` takes a few operations when ``G(T)`` of `_conditional_gradient` is at hand,
and ``G(T)`` changes by an array of rank one (two for asymmetric costs).
"""

import numpy as np

from .._support.jit import njit

__all__ = ["kicked_swaps", "kicks", "swap_search"]

KICKED_ENTRIES = 60_000  # kicks times squared nodes: the search takes a small part of the time of the descents
FEWEST_KICKS = 20
LONGEST_CYCLE = 6


def kicks(n):
    """Cycles of three and more nodes to disturb, the same in every run."""
    if n < 3:
        return []
    n_kicks = max(FEWEST_KICKS, KICKED_ENTRIES // n**2)
    generator = np.random.default_rng(n)
    orders = np.argsort(generator.random((n_kicks, n)), axis=1)
    lengths = generator.integers(3, min(n, LONGEST_CYCLE) + 1, size=n_kicks)
    return [order[:length] for order, length in zip(orders, lengths, strict=True)]


def kicked_swaps(C1, C2, permutation, image, least):
    """Disturb a permutation along cycles and descend after each, keeping what is better.

    Changes ``permutation`` and ``image``.
    """
    swap_search(C1, C2, permutation, image, least)
    for cycle in kicks(permutation.size):
        trial, trial_image = permutation.copy(), image.copy()
        active = np.zeros(permutation.size, dtype=np.bool_)
        active[cycle] = True
        gain = _rotate(C1, C2, trial, trial_image, cycle)
        gain += _descend(C1, C2, trial, trial_image, least, active)
        if gain > least:
            permutation[:], image[:] = trial, trial_image


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
def _rotate(C1, C2, permutation, image, cycle):
    """Exchange along a cycle of nodes; returns the gain."""
    gain = 0.0
    for step in range(cycle.shape[0] - 1):
        gain += _gain(C1, C2, permutation, image, cycle[step], cycle[step + 1])
        _exchange(C1, C2, permutation, image, cycle[step], cycle[step + 1])
    return gain


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
