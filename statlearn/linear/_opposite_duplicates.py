"""Rows that rule a separation out at sight: equal rows with opposite labels, and rows of zeros without an intercept."""

import numpy as np
from scipy import sparse

from .._support.jit import njit

__all__ = ["opposite_duplicates", "zero_rows"]

NONE = -1
BLOCK_ENTRIES = 2**20  # of rows that are compared at a time


def opposite_duplicates(X, signs):
    """Pairs of equal rows with opposite signs, one pair for each distinct row that has both.

    Rows are told apart by hashes of the bits of their entries, so that the expected time is that of reading X and of
    sorting the hashes; two rows are equal only if they were compared entry by entry. Zero and minus zero are the same.

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
    both = (positive != NONE) & (negative != NONE)
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
    hashes = _hashes(X)
    first = _first_of_each(hashes)
    repeated = np.flatnonzero(first != np.arange(first.size))
    while repeated.size:
        other = repeated[~_are_equal(X, repeated, first[repeated])]  # by chance of the same hash, which is rare
        first[other] = other[_first_of_each(hashes[other])]
        repeated = other[first[other] != other]
    return first


def _first_of_each(keys):
    """Of each key, the position of its first occurrence."""
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return first[group]


def _are_equal(X, rows, others):
    """Whether some rows equal some others, entry by entry."""
    size = max(1, BLOCK_ENTRIES // max(1, X.shape[1]))
    parts = [slice(start, start + size) for start in range(0, rows.size, size)]
    if not sparse.issparse(X):
        return np.concatenate([(X[rows[part]] == X[others[part]]).all(axis=1) for part in parts])
    difference = X[rows] - X[others]
    return np.diff(np.concatenate([[0], np.cumsum(difference.data != 0.0)])[difference.indptr]) == 0


def _hashes(X):
    """A number for each row that is the same for equal rows."""
    if not sparse.issparse(X):
        X = np.ascontiguousarray(X)
        return hashes_of_dense_rows(X, _bits(X))
    if not X.has_canonical_format:  # entries of a row in any order, or several to be added up
        X = X.copy()
        X.sum_duplicates()
    return hashes_of_sparse_rows(
        np.ascontiguousarray(X.data),
        _bits(np.ascontiguousarray(X.data)),
        X.indices.astype(np.int64, copy=False),
        X.indptr.astype(np.int64, copy=False),
    )


def _bits(values):
    """The bits of floating-point numbers, as unsigned integers of the same size."""
    return values.view(np.dtype(f"u{values.dtype.itemsize}"))


def _first_by_group(first, rows):
    """Of each first row of a group of equal rows, the first of ``rows`` in the group, or NONE."""
    found = np.full(first.size, NONE)
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
def hashes_of_dense_rows(values, bits):
    """Hashes of the entries other than zero, with their columns."""
    hashes = np.empty(values.shape[0], np.uint64)
    for row in range(values.shape[0]):
        key = np.uint64(0)
        for column in range(values.shape[1]):
            if values[row, column] != 0.0:
                key = _mixed(key ^ np.uint64(bits[row, column])) + np.uint64(column + 1)
        hashes[row] = key
    return hashes


@njit
def hashes_of_sparse_rows(values, bits, indices, starts):
    """The same as `hashes_of_dense_rows` of a table in compressed rows."""
    hashes = np.empty(starts.size - 1, np.uint64)
    for row in range(starts.size - 1):
        key = np.uint64(0)
        for position in range(starts[row], starts[row + 1]):
            if values[position] != 0.0:
                key = _mixed(key ^ np.uint64(bits[position])) + np.uint64(indices[position] + 1)
        hashes[row] = key
    return hashes
