"""Compiled loops of the graph family: subtraction-free inversion and compensated products."""

import numpy as np

from .._support.jit import njit

__all__ = ["eigen_residual", "eliminate"]

SPLITTER = 134217729.0  # 2**27 + 1, Dekker's constant for float64


@njit
def eliminate(weights, excess):
    """Inverse of ``M = diag(excess + weights @ 1) - weights`` by elimination without a subtraction; overwrites both.

    The diagonal of ``weights`` is not read. Each pivot is the excess of its row plus the weights that are left in it
    (Grassmann, Taksar and Heyman), so every entry has a small relative error, however close M is to singular.
    """
    n = excess.shape[0]
    inverse = np.zeros((n, n))
    pivots = np.empty(n)
    for k in range(n):
        pivot = excess[k]
        for j in range(k + 1, n):
            pivot += weights[k, j]
        pivots[k] = pivot
        for i in range(k + 1, n):
            factor = weights[i, k] / pivot
            weights[i, k] = factor
            excess[i] += factor * excess[k]
            for j in range(k + 1, n):
                weights[i, j] += factor * weights[k, j]
    for k in range(n - 1, -1, -1):
        total = 1.0 / pivots[k]
        for j in range(k + 1, n):
            entry = 0.0
            for i in range(k + 1, n):
                entry += weights[i, k] * inverse[i, j]
            inverse[k, j] = entry
            inverse[j, k] = entry
            total += weights[j, k] * entry
        inverse[k, k] = total
    return inverse


@njit
def eigen_residual(indptr, indices, data, value, vector):
    """``A @ vector - value * vector`` for a CSR matrix, in twice the working precision, rounded once per entry."""
    n = vector.shape[0]
    residual = np.empty(n)
    for i in range(n):
        total, low = 0.0, 0.0
        for position in range(indptr[i], indptr[i + 1] + 1):
            if position < indptr[i + 1]:
                a, b = data[position], vector[indices[position]]
            else:
                a, b = -value, vector[i]
            product = a * b
            split = SPLITTER * a
            a_high = split - (split - a)
            a_low = a - a_high
            split = SPLITTER * b
            b_high = split - (split - b)
            b_low = b - b_high
            low += a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
            summed = total + product
            part = summed - total
            low += (total - (summed - part)) + (product - part)
            total = summed
        residual[i] = total + low
    return residual
