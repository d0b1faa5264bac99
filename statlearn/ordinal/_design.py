"""Standardized design matrices, rows sorted by class, with a leading column of ones.

A design answers three questions about the rows of one class, so that the solver never asks whether they are dense or
sparse: products with vectors, products of the transpose, and weighted Gram matrices.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

__all__ = ["DenseDesign", "SparseDesign", "Standardization", "sort_and_collapse", "standardization"]

SORTED_VALUES = 300_000  # values that sorting the rows may look at: milliseconds
SINGLE_VALUES = 200_000  # values from which on halving the time of a Gram matrix is worth its precision
SINGLE_RANGE = 1e6
SQUARE_RANGE = 1e100
SMALLEST_SPAN = 1e-300  # slopes per unit of a smaller one would overflow
ROWS_PER_BLOCK = 2048  # a block of scaled rows stays in the second-level cache


@dataclass(frozen=True)
class Standardization:
    """Weighted column means, population standard deviations (1 for constant columns) and ranges of a table."""

    mean: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def box(self):
        """Centers and half-widths of the bounding box of the standardized columns."""
        low, high = (self.low - self.mean) / self.scale, (self.high - self.mean) / self.scale
        return (low + high) / 2, (high - low) / 2

    def fits_single(self):
        """Whether squares of the standardized values stay far inside the range of single precision."""
        center, half = self.box()
        largest = (np.abs(center) + half)[half > 0.0]
        return bool(np.all((largest > 1.0 / SINGLE_RANGE) & (largest < SINGLE_RANGE)))


def standardization(X, weights, *, scale):
    """Measure the columns of ``X`` under ``weights`` that sum to one; ``scale=False`` leaves their units alone."""
    low, high = _column_range(X)
    mean, deviations = (_sparse_moments if sparse.issparse(X) else _dense_moments)(X, weights, _units(low, high))
    constant = low == high
    mean = np.where(constant, low, mean)
    deviations = np.where(constant | (deviations <= 0.0), 1.0, deviations)
    return Standardization(mean, deviations if scale else np.ones_like(deviations), low, high)


def _units(low, high):
    """What columns are divided by before their values are squared: 1, except where squares would over- or underflow."""
    with np.errstate(over="ignore"):
        span = high - low
    usable = (span == 0.0) | ((span > SMALLEST_SPAN) & np.isfinite(span))
    if not usable.all():
        column = int(np.argmin(usable))
        raise ValueError(
            f"X: column {column} ranges over {span[column]:g}, which double precision cannot scale to one."
        )
    return np.where((span > SQUARE_RANGE) | ((span < 1.0 / SQUARE_RANGE) & (span > 0.0)), span, 1.0)


def _dense_moments(X, weights, units):
    mean = weights @ X
    centered = X - mean
    correction = weights @ centered
    centered -= correction
    if np.any(units != 1.0):
        centered /= units
    np.square(centered, out=centered)
    return mean + correction, units * np.sqrt(weights @ centered)


def _sparse_moments(X, weights, units):
    """Means and deviations from the stored entries and the share of weight of the zeros: no ``E[x^2] - m^2``."""
    mean = X.T @ weights
    table = X.tocsc()
    columns = np.repeat(np.arange(X.shape[1]), np.diff(table.indptr))
    entry_weights = weights[table.indices]
    stored = np.bincount(columns, entry_weights, minlength=X.shape[1])
    squares = entry_weights * ((table.data - mean[columns]) / units[columns]) ** 2
    variance = np.bincount(columns, squares, minlength=X.shape[1])
    return mean, units * np.sqrt(variance + np.maximum(1.0 - stored, 0.0) * (mean / units) ** 2)


def _column_range(X):
    if sparse.issparse(X):
        return X.min(axis=0).toarray().ravel(), X.max(axis=0).toarray().ravel()
    return X.min(axis=0), X.max(axis=0)


def sort_and_collapse(X, codes, weights):
    """Sort rows by class, then by value, and merge equal rows into one that carries their weights.

    Merging is exact, since the likelihood is a weighted sum over rows. Sorting by value makes a fit independent of the
    order of its rows, and weights the same as repetition, to the last bit.

    Returns
    -------
    X, codes, weights
        Of the distinct rows.
    counts : ndarray of shape (n_distinct,)
        Rows each of them stands for.
    """
    keys = _row_keys(X)
    order = _sorting_order(keys, codes)
    X, codes = X[order], codes[order]
    distinct = np.ones(codes.size, dtype=bool)
    candidates = np.flatnonzero(np.all([key[order[1:]] == key[order[:-1]] for key in keys], axis=0)) + 1
    distinct[candidates] = (codes[candidates] != codes[candidates - 1]) | _differ(X[candidates], X[candidates - 1])
    if distinct.all():
        return X, codes, weights[order], np.ones(codes.size, dtype=np.int64)
    first = np.flatnonzero(distinct)
    return X[first], codes[first], np.add.reduceat(weights[order], first), np.diff(np.append(first, codes.size))


def _sorting_order(keys, codes):
    """Positions that sort by class, then by the keys; the later keys are looked at where the first one has ties."""
    order = np.argsort(keys[0])
    order = order[np.argsort(_narrow(codes[order]), kind="stable")]  # a radix sort
    tied = (keys[0][order[1:]] == keys[0][order[:-1]]) & (codes[order[1:]] == codes[order[:-1]])
    return np.lexsort((*keys[::-1], codes)) if tied.any() else order


def _narrow(codes):
    return codes.astype(np.min_scalar_type(codes.max(initial=0)))


def _row_keys(X):
    """Values that equal rows share: leading columns, as many as are quick to sort, or a projection of sparse rows."""
    if sparse.issparse(X):
        return [X @ np.random.default_rng(0).standard_normal(X.shape[1])]
    return list(X[:, : max(1, SORTED_VALUES // len(X))].T)


def _differ(left, right):
    if sparse.issparse(left):
        return abs(left - right).sum(axis=1) > 0.0
    return np.any(left != right, axis=1)


class DenseDesign:
    """Rows of ``[1, Z]`` of a dense table, contiguous by class.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows sorted by class.
    bounds : ndarray of shape (n_classes + 1,)
        Class ``c`` owns rows ``bounds[c]:bounds[c + 1]``.
    standard : Standardization
    """

    def __init__(self, X, bounds, standard):
        self.rows = np.empty((X.shape[0], X.shape[1] + 1))
        self.rows[:, 0] = 1.0
        np.subtract(X, standard.mean, out=self.rows[:, 1:])
        self.rows[:, 1:] /= standard.scale
        self.bounds = bounds
        self.n_columns = self.rows.shape[1]
        worth_it = self.rows.size >= SINGLE_VALUES and standard.fits_single()
        self.quick_type = np.float32 if worth_it else np.float64

    @cached_property
    def _single_rows(self):
        return self.rows.astype(np.float32)

    def times(self, level, vectors, out=None):
        """Product of the rows of class ``level`` with ``vectors`` of shape (n_features + 1, m), into ``out``."""
        return np.matmul(self.rows[self.bounds[level] : self.bounds[level + 1]], vectors, out=out)

    def transposed_times(self, level, values):
        """Product of the transposed rows of class ``level`` with ``values`` of shape (n_rows, m)."""
        return (values.T @ self.rows[self.bounds[level] : self.bounds[level + 1]]).T  # this way around BLAS is quicker

    def grams(self, level, weights, features, dtype=np.float64):
        """Weighted Gram matrices ``rows' diag(weights[:, m]) rows`` over ``features``, one per weight column.

        Single precision takes half the time; ``quick_type`` says whether that matters and the ranges of the columns
        allow it.
        """
        table = self.rows if dtype == np.float64 else self._single_rows
        start, stop = self.bounds[level], self.bounds[level + 1]
        total = np.zeros((weights.shape[1], features.size, features.size), dtype=dtype)
        roots = np.sqrt(weights).astype(dtype, copy=False)
        every = features.size == self.n_columns
        for first in range(start, stop, ROWS_PER_BLOCK):
            last = min(first + ROWS_PER_BLOCK, stop)
            block = table[first:last] if every else table[first:last, features]
            for gram, root in zip(total, roots[first - start : last - start].T, strict=True):
                scaled = block * root[:, None]
                gram += scaled.T @ scaled
        return total

    def take(self, rows):
        """The standardized rows with a leading one, by position in class order."""
        return self.rows[rows]


class SparseDesign:
    """The same three products for a sparse table: centering happens in the algebra, the zeros stay zeros."""

    quick_type = np.float64  # centering would cancel in single precision

    def __init__(self, X, bounds, standard):
        self.X = X @ sparse.diags_array(1.0 / standard.scale)
        self.mean = standard.mean / standard.scale
        self.bounds = bounds
        self.n_columns = self.X.shape[1] + 1

    def _class_rows(self, level):
        return self.X[self.bounds[level] : self.bounds[level + 1]]

    def times(self, level, vectors, out=None):
        """See `DenseDesign.times`."""
        return np.add(self._class_rows(level) @ vectors[1:], vectors[0] - self.mean @ vectors[1:], out=out)

    def transposed_times(self, level, values):
        """See `DenseDesign.transposed_times`."""
        sums = values.sum(axis=0)
        return np.vstack([sums, self._class_rows(level).T @ values - np.outer(self.mean, sums)])

    def grams(self, level, weights, features, dtype=np.float64):
        """See `DenseDesign.grams`; always in double precision."""
        columns = features[1:] - 1
        rows, mean = self._class_rows(level)[:, columns], self.mean[columns]
        result = np.empty((weights.shape[1], features.size, features.size))
        for gram, weight in zip(result, weights.T, strict=True):
            total, sums = weight.sum(), rows.T @ weight
            shift = np.outer(mean, sums - 0.5 * total * mean)
            gram[1:, 1:] = (rows.T @ (rows * weight[:, None])).toarray() - shift - shift.T
            gram[0, 0] = total
            gram[0, 1:] = gram[1:, 0] = sums - total * mean
        return result

    def take(self, rows):
        """See `DenseDesign.take`."""
        return np.column_stack([np.ones(len(rows)), self.X[rows].toarray() - self.mean])
