"""Compiled loops over orthonormal polynomials that neither overflow nor underflow.

Orthonormal polynomials of a probability measure satisfy ``t p_k = b_{k+1} p_{k+1} + a_k p_k + b_k p_{k-1}`` with
``p_0 = 1`` and ``b_0 = 0``. Outside the bulk of the measure they grow beyond all floats, so values travel with binary
exponents: a number is ``value * 2**exponent``, where the value is at most `LARGEST`.
"""

import math

import numpy as np

from .._support.jit import njit

__all__ = ["induced_excess", "scaled_recurrence", "tensor_features"]

LARGEST = 2.0**32
LOG_2 = math.log(2.0)


@njit
def scaled_recurrence(t, a, b):
    """Orthonormal polynomials of all degrees below ``a.size`` at ``t`` (n,).

    Returns values (n, a.size) and their exponents (n, a.size), which never fall along a row. The relative error is a
    few roundings, but up to the square of the degree as many next to an end of a bounded support, where a rounding of t
    itself does as much.
    """
    n, size = t.shape[0], a.shape[0]
    values = np.empty((n, size))
    exponents = np.empty((n, size), dtype=np.int64)
    for i in range(n):
        previous, current, exponent = 0.0, 1.0, 0
        for k in range(size):
            values[i, k] = current
            exponents[i, k] = exponent
            if k + 1 < size:
                following = ((t[i] - a[k]) * current - b[k] * previous) / b[k + 1]
                previous, current = current, following
                if abs(current) > LARGEST:
                    current, shift = math.frexp(current)
                    previous = math.ldexp(previous, -shift)
                    exponent += shift
    return values, exponents


@njit
def tensor_features(table, exponents, parents, entries, features):
    """Products over coordinates: feature j is feature ``parents[j]`` times column ``entries[j]`` of the table.

    ``table`` and ``exponents`` are (n, n_entries); feature 0 is the constant 1 and parents come before their children.
    Fills ``features`` (n, m), the largest entry of each row of moderate size, and returns their exponents (n,).
    """
    n, m = features.shape
    row_exponents = np.zeros(n, dtype=np.int64)
    powers = np.zeros(m, dtype=np.int64)
    for i in range(n):
        features[i, 0] = 1.0
        top = 0
        for j in range(1, m):
            value = features[i, parents[j]] * table[i, entries[j]]
            power = powers[parents[j]] + exponents[i, entries[j]]
            if abs(value) > LARGEST:
                value, shift = math.frexp(value)
                power += shift
            features[i, j] = value
            powers[j] = power
            top = max(top, power)
        if top > 0:
            for j in range(m):
                features[i, j] = math.ldexp(features[i, j], powers[j] - top)
        row_exponents[i] = top
    return row_exponents


@njit
def induced_excess(t, degrees, log_flux, a, b, terms):
    """``F_k(t) - F_0(t)``, where ``F_k`` is the distribution function of ``p_k^2 dmu`` and ``k = degrees[i]``.

    The sum of the differences ``F_j - F_{j-1} = flux (A_j p_j p_{j-1} + (B_j t + C_j) sum_{i<j} p_i^2)`` over
    ``j <= k``, with ``A_j, B_j, C_j = terms[j]`` (see `ClassicalPolynomials.induced_cdf`).
    """
    n = t.shape[0]
    excess = np.empty(n)
    for i in range(n):
        previous, current, squares, exponent = 0.0, 1.0, 0.0, 0
        flux, total = math.exp(log_flux[i]), 0.0
        for j in range(1, degrees[i] + 1):
            squares += current * current
            following = ((t[i] - a[j - 1]) * current - b[j - 1] * previous) / b[j]
            previous, current = current, following
            if abs(current) > LARGEST:
                current, shift = math.frexp(current)
                previous = math.ldexp(previous, -shift)
                squares = math.ldexp(squares, -2 * shift)
                exponent += shift
                flux = math.exp(log_flux[i] + 2.0 * LOG_2 * exponent)
            bracket = terms[j, 0] * current * previous + (terms[j, 1] * t[i] + terms[j, 2]) * squares
            total += flux * bracket
        excess[i] = total
    return excess
