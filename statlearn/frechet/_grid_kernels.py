"""Weights on a plane, convolved with absolute values along both axes."""

import numpy as np

from .._support.jit import njit

__all__ = ["plane_scores"]


@njit
def plane_scores(P, x, y, over_x, over_y, scores):
    """Fill ``scores[n, a, b]`` with 2 sum_i P[n, i] |a - x[i]| |b - y[i]| + over_x[n, a] + over_y[n, b].

    A sum g(a) = sum_i w_i |a - x_i| over whole numbers has g(a + 1) - g(a) = 2 sum_{x_i <= a} w_i - sum_i w_i, so each
    axis takes one walk, whatever the number of weights.  O(n_observed + n_x n_y) per sample.
    """
    n_x, n_y = scores.shape[1:]
    value, slope = np.empty(n_y), np.empty(n_y)
    for n in range(P.shape[0]):
        plane = scores[n]
        plane[:] = 0.0
        for i in range(x.size):
            plane[x[i], y[i]] += 2.0 * P[n, i]
        for a in range(n_x):
            _convolve(plane[a])
        # The other axis, all columns abreast: value and slope hold g(a) and g(a) - g(a - 1).
        value[:] = over_y[n]
        slope[:] = 0.0
        for a in range(n_x):
            for b in range(n_y):
                value[b] += plane[a, b] * a
                slope[b] -= plane[a, b]
        for a in range(n_x):
            for b in range(n_y):
                weight = plane[a, b]
                plane[a, b] = value[b] + over_x[n, a]
                slope[b] += 2.0 * weight
                value[b] += slope[b]


@njit
def _convolve(row):
    """Replace weights w by the sums g(b) = sum_c w(c) |b - c|."""
    mass, value = 0.0, 0.0
    for b in range(row.size):
        mass += row[b]
        value += row[b] * b
    if mass == 0.0:
        return
    slope = -mass
    for b in range(row.size):
        weight = row[b]
        row[b] = value
        slope += 2.0 * weight
        value += slope
