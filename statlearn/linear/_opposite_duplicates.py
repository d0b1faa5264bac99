"""Rows that rule a separation out at sight: equal rows with opposite labels, and rows of zeros without an intercept."""

import numpy as np
from scipy import sparse

from .._support.jit import njit

__all__ = ["opposite_duplicates", "zero_rows"]

EMPTY = -1


def opposite_duplicates(X, signs):
    """Pairs of equal rows with opposite signs, one pair for each distinct row that has both.

    Rows are put into a hash table by the bits of their entries, so that the expected time is linear in the size of X;
    a hit counts only after the rows were compared entry by entry. Zero and minus zero are the same.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_samples, n_features)
        Rows of float64 or float32, without NaN.
    signs : ndarray of shape (n_samples,)
        Labels, +1 and -1.

    Returns
    -------
    pairs : ndarray of shape (n_pairs, 2)
        The first positive and the first negative row of each, in the order of their first occurrence.
    """
    first = _first_equal(X)
    positive, negative = (_first_by_group(first, np.flatnonzero(signs * sign > 0.0)) for sign in (1.0, -1.0))
    both = (positive != EMPTY) & (negative != EMPTY)
    return np.column_stack([positive[both], negative[both]])


def zero_rows(X):
    """Positions of the rows without an entry other than zero, whose margin is zero whatever the coefficients."""
    if sparse.issparse(X):
        filled = np.zeros(X.shape[0], dtype=bool)
        filled[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))[X.data != 0.0]] = True
        return np.flatnonzero(~filled)
    return np.flatnonzero(~X.any(axis=1))


def _first_equal(X):
    """Of each row, the position of the first row that equals it."""
    n_samples = X.shape[0]
    table = np.full(1 << max(1, int(2 * n_samples - 1).bit_length()), EMPTY)
    if not sparse.issparse(X):
        return _first_equal_dense(np.ascontiguousarray(X), _bits(np.ascontiguousarray(X)), table)
    if not X.has_canonical_format:  # entries of a row in any order, or several to be added up
        X = X.copy()
        X.sum_duplicates()
    return _first_equal_sparse(
        np.ascontiguousarray(X.data),
        _bits(np.ascontiguousarray(X.data)),
        X.indices.astype(np.int64, copy=False),
        X.indptr.astype(np.int64, copy=False),
        table,
    )


def _bits(values):
    """The bits of floating-point numbers, as unsigned integers of the same size."""
    return values.view(np.dtype(f"u{values.dtype.itemsize}"))


def _first_by_group(first, rows):
    """Of each first row of a group of equal rows, the first of ``rows`` in the group, or EMPTY."""
    found = np.full(first.size, EMPTY)
    found[first[rows[::-1]]] = rows[::-1]  # the last assignment to a place stays
    return found


@njit
def _mixed(key):
    """A number all bits of which depend on all bits of the key (the finalizer of MurmurHash3)."""
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    return key ^ (key >> np.uint64(33))


@njit
def _first_equal_dense(values, bits, table):
    n_samples, n_features = values.shape
    first = np.empty(n_samples, np.int64)
    hashes = np.empty(n_samples, np.uint64)
    mask = table.size - 1
    for row in range(n_samples):
        key = np.uint64(0)
        for column in range(n_features):
            if values[row, column] != 0.0:
                key = _mixed(key ^ np.uint64(bits[row, column])) + np.uint64(column + 1)
        hashes[row] = key
        place = np.int64(_mixed(key) & np.uint64(mask))
        while True:
            other = table[place]
            if other == EMPTY:
                table[place] = row
                first[row] = row
                break
            equal = hashes[other] == key
            column = 0
            while equal and column < n_features:
                equal = values[other, column] == values[row, column]
                column += 1
            if equal:
                first[row] = other
                break
            place = (place + 1) & mask
    return first


@njit
def _next_filled(values, position, end):
    """The first position from here on with an entry other than zero, or the end."""
    while position < end and values[position] == 0.0:
        position += 1
    return position


@njit
def _equal_rows(values, indices, position, end, other_position, other_end):
    while True:
        position = _next_filled(values, position, end)
        other_position = _next_filled(values, other_position, other_end)
        if position == end or other_position == other_end:
            return position == end and other_position == other_end
        if indices[position] != indices[other_position] or values[position] != values[other_position]:
            return False
        position += 1
        other_position += 1


@njit
def _first_equal_sparse(values, bits, indices, starts, table):
    n_samples = starts.size - 1
    first = np.empty(n_samples, np.int64)
    hashes = np.empty(n_samples, np.uint64)
    mask = table.size - 1
    for row in range(n_samples):
        key = np.uint64(0)
        for position in range(starts[row], starts[row + 1]):
            if values[position] != 0.0:
                key = _mixed(key ^ np.uint64(bits[position])) + np.uint64(indices[position] + 1)
        hashes[row] = key
        place = np.int64(_mixed(key) & np.uint64(mask))
        while True:
            other = table[place]
            if other == EMPTY:
                table[place] = row
                first[row] = row
                break
            if hashes[other] == key and _equal_rows(
                values, indices, starts[row], starts[row + 1], starts[other], starts[other + 1]
            ):
                first[row] = other
                break
            place = (place + 1) & mask
    return first
