"""Coordinates in which rows have mean 0 and unit covariance, kept as a map so that no second table is made."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

__all__ = ["Whitening", "take_rows"]

FLOOR = 1e-10  # of an eigenvalue of the correlation matrix, relative to the largest
CONSTANT = 1e-13  # of the standard deviation of a column relative to its mean; rounding leaves some 1e-16
ROWS_PER_FEATURE = 20  # with fewer rows the covariance is too noisy to be inverted as it is
ENTRIES_AT_ONCE = 2**18  # of an array that is made block by block: 2 MB


@dataclass(frozen=True)
class Whitening:
    """The affine map x -> z = T' (x - mean), or the identity.

    Attributes
    ----------
    mean : ndarray of shape (n_features,)
        Origin of z; zeros if the user's origin was kept.
    transform : ndarray of shape (n_features, rank) or None
        T; None for the identity.
    constant : ndarray of bool of shape (n_features,)
        Columns that do not vary (without centering: that are 0), whose rows of T are 0.
    shrinkage : float
        Share of the identity in the correlation matrix that was inverted; 0 if there were enough rows.
    """

    mean: np.ndarray
    transform: np.ndarray | None
    constant: np.ndarray
    shrinkage: float

    @classmethod
    def identity(cls, n_features):
        """Rows as they are."""
        return cls(np.zeros(n_features), None, np.zeros(n_features, dtype=bool), 0.0)

    @classmethod
    def of_rows(cls, X, weights, rows, *, center=True):
        """The whitening of the listed rows of X, dense or sparse, whose weights are positive.

        Columns are brought to unit scale first, so that units of measurement do not decide which directions are null.
        """
        shares = weights[rows] / weights[rows].sum()
        mean = _weighted_mean(X, rows, shares) if center else np.zeros(X.shape[1])
        covariance = _second_moment(X, rows, shares, mean)
        variance = covariance.diagonal()
        constant = variance <= (CONSTANT * mean) ** 2
        scale = np.zeros(mean.size)
        scale[~constant] = 1.0 / np.sqrt(variance[~constant])
        correlation = covariance * scale * scale[:, None]
        n_counted = max(float(weights[rows].sum()), float(rows.size))  # weights may be numbers of repetitions
        shrinkage = 0.0
        if n_counted < ROWS_PER_FEATURE * np.count_nonzero(~constant):
            shrinkage = _ledoit_wolf(X, rows, shares, mean, scale, correlation, n_counted)
            correlation = (1.0 - shrinkage) * correlation + np.diag(shrinkage * ~constant)
        values, vectors = np.linalg.eigh(correlation)
        kept = values > max(FLOOR * values[-1], np.finfo(float).tiny)
        transform = scale[:, None] * vectors[:, kept] / np.sqrt(values[kept])
        return cls(mean, np.ascontiguousarray(transform), constant, shrinkage)

    @property
    def rank(self):
        """Number of coordinates of z."""
        return self.mean.size if self.transform is None else self.transform.shape[1]

    @property
    def dropped(self):
        """Number of null directions, constant columns included."""
        return self.mean.size - self.rank

    def fold(self, w, dtype=np.float64):
        """Coefficients and intercept with <w, z> = <coefficients, x> + intercept; w may have several columns.

        The intercept is that of coefficients rounded to ``dtype``, so that a large mean does not amplify the rounding.
        """
        coefficients = (w if self.transform is None else self.transform @ w).astype(dtype, copy=False)
        return coefficients, -(self.mean @ coefficients)

    def transposed(self, moment, total):
        """Sum of c_i z_i from the sum ``moment`` of c_i x_i and the sum ``total`` of c_i."""
        return moment if self.transform is None else self.transform.T @ (moment - total * self.mean)

    def shifted(self, w, shift):
        """The map to z + shift * w, for a unit vector w: the origin is where <w, z> was -shift."""
        units = np.abs(self.transform).max(axis=1)
        varying = units > 0.0
        step = np.zeros(units.size)
        scaled = self.transform[varying] / units[varying, None]  # units of measurement do not decide what is small
        step[varying] = np.linalg.lstsq(scaled.T, shift * w, rcond=None)[0] / units[varying]
        return replace(self, mean=self.mean - step)

    def apply(self, X):
        """The rows z of a dense table, all at once."""
        return X if self.transform is None else (X - self.mean) @ self.transform


def take_rows(X, rows):
    """Some rows of a table; a view if they are neighbors in rising order."""
    first, last = rows[0], rows[-1]
    if last - first == rows.size - 1 and (rows[1:] > rows[:-1]).all():
        return X[first : last + 1]
    return X[rows]


def _tables(X, rows, shares):
    """Dense float64 tables of a few of the rows each, and the shares of these rows."""
    step = max(1, ENTRIES_AT_ONCE // X.shape[1])
    for start in range(0, rows.size, step):
        table = take_rows(X, rows[start : start + step])
        table = table.toarray() if sparse.issparse(table) else table
        yield table.astype(np.float64, copy=False), shares[start : start + step]


def _weighted_mean(X, rows, shares):
    return sum(part @ table for table, part in _tables(X, rows, shares))


def _second_moment(X, rows, shares, mean):
    """Sum of shares times (x - mean)(x - mean)', without the cancellation of a difference of moments."""
    total = np.zeros((mean.size, mean.size))
    for table, part in _tables(X, rows, shares):
        table = table - mean
        table *= np.sqrt(part)[:, None]
        total += table.T @ table  # of one array with itself, for which NumPy does half the work
    return total


def _ledoit_wolf(X, rows, shares, mean, scale, correlation, n_counted):
    """The share of the identity that Ledoit and Wolf (2004) put into a covariance matrix, for columns of unit scale.

    Their target, the mean variance times the identity, is the identity of the columns that vary.
    """
    varying = scale > 0.0
    n_features = np.count_nonzero(varying)
    size = np.sum(correlation**2)
    distance = size - n_features  # squared, from the identity, as the trace is n_features
    noise = 0.0
    for table, part in _tables(X, rows, shares):
        z = (table - mean) * scale
        lengths = np.einsum("ij,ij->i", z, z)
        noise += part @ (lengths**2 - 2.0 * np.einsum("ij,ij->i", z @ correlation, z) + size)
    return float(min(1.0, noise / n_counted / distance)) if distance > 0.0 else 1.0
