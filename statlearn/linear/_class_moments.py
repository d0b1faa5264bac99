"""Weighted means and variances of classes, for dense and sparse rows."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

__all__ = ["ClassMoments", "class_moments", "filled_columns", "rows_of_classes"]


@dataclass(frozen=True, eq=False)
class ClassMoments:
    """Shares of the weight, means and population variances of each class, and which columns do not vary at all."""

    shares: np.ndarray  # (n_classes,)
    means: np.ndarray  # (n_classes, n_features)
    variances: np.ndarray  # (n_classes, n_features)

    @property
    def constant(self):
        """Which columns have the same value in all rows."""
        return (self.variances == 0.0).all(axis=0) & (self.means == self.means[0]).all(axis=0)

    @property
    def center(self):
        """Mean of all rows."""
        return self.shares @ self.means

    def total_variances(self):
        """Variances of the features over all rows, classes together."""
        return self.shares @ (self.variances + (self.means - self.center) ** 2)


def rows_of_classes(codes, n_classes):
    """Positions of the rows of each class."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=n_classes))[:-1])


def class_moments(X, codes, weights, n_classes):
    """Moments of classes 0, ..., n_classes - 1, each of which has rows; one class at a time is copied.

    The mean of a column without variation in a class is that value and its variance is 0, without rounding errors,
    which would otherwise look like variation.
    """
    weights = weights / weights.max()  # their sum may overflow
    shares = np.bincount(codes, weights, n_classes) / weights.sum()
    means, variances = np.empty((2, n_classes, X.shape[1]))
    moments = _sparse_moments if issparse(X) else _dense_moments
    for k, rows in enumerate(rows_of_classes(codes, n_classes)):
        of_class = X[rows].astype(np.float64)
        low, high = _extremes(of_class)
        with np.errstate(over="ignore", invalid="ignore"):  # the caller refuses scores that are not finite
            means[k], variances[k] = moments(of_class, weights[rows] / weights[rows].sum())
        still = low == high
        means[k, still], variances[k, still] = low[still], 0.0
    return ClassMoments(shares, means, variances)


def _dense_moments(rows, shares):
    mean = shares @ rows
    rows -= mean  # a copy
    return mean, shares @ rows**2


def _sparse_moments(rows, shares):
    """Squares of the stored entries and of the zeros, each about the mean, so that nothing cancels."""
    n_features = rows.shape[1]
    share_of_entry = np.repeat(shares, np.diff(rows.indptr))
    mean = np.bincount(rows.indices, share_of_entry * rows.data, n_features)
    squares = np.bincount(rows.indices, share_of_entry * (rows.data - mean[rows.indices]) ** 2, n_features)
    share_of_zeros = np.maximum(0.0, 1.0 - np.bincount(rows.indices, share_of_entry, n_features))
    share_of_zeros[filled_columns(rows)] = 0.0  # without the rounding errors of a sum that should be 1
    return mean, squares + share_of_zeros * mean**2


def filled_columns(rows):
    """Which columns of compressed rows have an entry in every row."""
    return np.bincount(rows.indices, minlength=rows.shape[1]) == rows.shape[0]


def _extremes(X):
    """Smallest and largest value of each column."""
    if issparse(X):
        return (np.ravel(extreme(axis=0).todense()) for extreme in (X.min, X.max))
    return X.min(axis=0), X.max(axis=0)
