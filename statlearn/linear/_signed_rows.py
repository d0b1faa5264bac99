"""The rows of a two-class problem, each with its sign: z_i = y_i a_i, of which only the a_i are ever stored."""

import functools
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ._margin_kernels import (
    N_SUMMARIES,
    add_dense_rows,
    add_sparse_rows,
    dense_products,
    sparse_products,
    sweep_dense,
    sweep_sparse,
)
from ._margin_proofs import row_norms

__all__ = ["Pass", "SignedRows"]

LARGEST_RADIUS, SMALLEST_RADIUS = 1e60, 1e-60  # beyond these, products of margins and steps are not finite


class Pass:
    """What one pass over the rows finds, in arrays that the next pass overwrites.

    Attributes
    ----------
    margins : ndarray of shape (n_rows,)
        <z_i, theta>.
    q : ndarray of shape (n_rows,)
        Weights in the simplex; all 0 if hard weights were asked for and all margins are positive.
    u : ndarray of shape (n_features_lifted,)
        sum_i q_i z_i.
    summary : ndarray of shape (N_SUMMARIES,)
        Numbers at the places named in `_margin_kernels`.
    """

    def __init__(self, rows):
        self.margins, self.q = np.zeros(rows.n_rows), np.zeros(rows.n_rows)
        self.u, self.summary = np.zeros(rows.n_features_lifted), np.zeros(N_SUMMARIES)


@dataclass(frozen=True, eq=False)
class SignedRows:
    """Rows a_i with signs y_i and weights, lifted by a constant column if there is an intercept.

    Make them with `SignedRows.of`, which checks and normalizes.

    Attributes
    ----------
    X : ndarray or csr_array of shape (n_rows, n_features)
        The rows without the constant column; float64 or float32, dense in C order or in compressed rows.
    signs : ndarray of shape (n_rows,)
        y_i, each +1.0 or -1.0.
    weights : ndarray of shape (n_rows,)
        Positive, with sum 1.
    intercept_scaling : float
        Value of the constant column; 0.0 if there is none. The intercept is the last coefficient times this value.
    kept : ndarray of shape (n_rows,)
        Places of the rows among those given to `of`, which leaves out rows of weight 0.
    """

    X: np.ndarray
    signs: np.ndarray
    weights: np.ndarray
    intercept_scaling: float
    kept: np.ndarray

    @classmethod
    def of(cls, X, signs, sample_weight=None, *, intercept_scaling=0.0):
        """Signed rows of a checked table.

        A table in another order or type is copied, and so are the rows that are left if some have weight 0.

        Raises
        ------
        ValueError
            If a sign is not +1 or -1, a weight is negative or not finite, all are 0, or the rows or the constant are so
            long or so short that their products overflow or vanish.
        """
        signs = np.ascontiguousarray(signs, dtype=np.float64)
        if not np.all(np.abs(signs) == 1.0):
            raise ValueError("signs must be +1 or -1. Map one class to -1 and the other to +1.")
        if intercept_scaling and not SMALLEST_RADIUS < intercept_scaling < LARGEST_RADIUS:
            raise ValueError(
                f"intercept_scaling must be between {SMALLEST_RADIUS:g} and {LARGEST_RADIUS:g}. Got "
                f"{intercept_scaling!r}: take a value like that of other columns, such as 1."
            )
        X = _table(X)
        kept = np.arange(X.shape[0])
        weights = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if not (np.all(np.isfinite(weights)) and weights.min() >= 0.0 and weights.max() > 0.0):
            raise ValueError(
                "sample_weight must be finite and not negative, with at least one positive entry. Got entries from "
                f"{weights.min()} to {weights.max()}."
            )
        if weights.min() == 0.0:
            kept = np.flatnonzero(weights)
            X, signs, weights = X[kept], signs[kept], weights[kept]
        weights = weights / weights.max()  # their sum may overflow
        rows = cls(X, signs, weights / weights.sum(), float(intercept_scaling), kept)
        if not rows.radius < LARGEST_RADIUS or (rows.radius < SMALLEST_RADIUS and np.any(_entries(X))):
            raise ValueError(
                f"X has rows whose norm is {rows.radius:.3g} at most, too far from 1 for their products to be finite "
                "and not zero. Divide X by a number of that size, or use StandardScaler."
            )
        return rows

    @property
    def n_rows(self):
        """Number of rows."""
        return self.X.shape[0]

    @property
    def n_features_lifted(self):
        """Number of columns, with the constant one if there is an intercept."""
        return self.X.shape[1] + (self.intercept_scaling != 0.0)

    @property
    def n_entries(self):
        """Number of entries that a pass reads."""
        return self.X.nnz if sparse.issparse(self.X) else self.X.size

    @functools.cached_property
    def norms(self):
        """Norms of the lifted rows, rounded up, of shape (n_rows,)."""
        return row_norms(self)

    @property
    def radius(self):
        """R, the largest norm of a lifted row, rounded up."""
        return float(self.norms.max())

    def margins(self, theta):
        """<z_i, theta> of all rows, in float64."""
        margins = np.empty(self.n_rows)
        if sparse.issparse(self.X):
            sparse_products(self.X.data, self.X.indices, self.X.indptr, theta, 0, self.n_rows, margins)
        else:
            dense_products(self.X, theta, 0, self.n_rows, margins)
        if self.intercept_scaling:
            margins += self.intercept_scaling * theta[-1]
        margins *= self.signs
        return margins

    def combination(self, q):
        """sum_i q_i z_i, in float64."""
        total = np.zeros(self.n_features_lifted)
        if sparse.issparse(self.X):
            add_sparse_rows(self.X.data, self.X.indices, self.X.indptr, self.signs, q, 0, self.n_rows, total)
        else:
            add_dense_rows(self.X, self.signs, q, 0, self.n_rows, total)
        if self.intercept_scaling:
            total[-1] = self.intercept_scaling * (self.signs @ q)
        return total

    def sweep(self, theta, is_hard, found):
        """Margins, weights, their combination and summary at theta into ``found``, a `Pass`, in one reading."""
        table = (self.X.data, self.X.indices, self.X.indptr) if sparse.issparse(self.X) else (self.X,)
        kernel = sweep_sparse if sparse.issparse(self.X) else sweep_dense
        out = (found.margins, found.q, found.u, found.summary)
        kernel(*table, self.signs, self.weights, theta, self.intercept_scaling, is_hard, *out)

    def gram(self):
        """All products <z_i, z_j>, of shape (n_rows, n_rows)."""
        X = self.X.astype(np.float64, copy=False)
        products = X @ X.T
        products = products.toarray() if sparse.issparse(products) else products
        products += self.intercept_scaling**2
        return self.signs[:, None] * products * self.signs

    def at(self, positions):
        """Some of the rows, as a copy, with the weights they have here."""
        fields = (self.X, self.signs, self.weights)
        return SignedRows(*(field[positions] for field in fields), self.intercept_scaling, self.kept[positions])


def _entries(X):
    """The entries of X that may differ from 0."""
    return X.data if sparse.issparse(X) else X


def _table(X):
    """X as float64 or float32, in C order or in compressed rows."""
    dtype = X.dtype if X.dtype in (np.float64, np.float32) else np.float64
    if sparse.issparse(X):
        X = X.tocsr().astype(dtype, copy=False)
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        return X
    return np.require(X, dtype, "CA")  # aligned: sums of rows at odd addresses, from a message, would round otherwise
