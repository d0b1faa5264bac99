"""Costs that are products of thin factors."""

from functools import cached_property

import numpy as np
from scipy import sparse

from .._typing import ArrayLike, FloatArray, MatrixLike
from ._cost_base import (
    SYMMETRY,
    Cost,
    centered,
    centered_by,
    largest_entry,
    matrix_residual_norm,
    read_only,
    row_blocks,
    squared_norms,
)
from ._cost_input import check_magnitude, real_array, real_sparse

__all__ = ["GramCost", "LowRankCost"]


class LowRankCost(Cost):
    r"""A cost of low rank, :math:`C = U V'`.

    The mean of row i is :math:`u_i' (V' p)` and its second moment :math:`u_i' (V' \mathrm{diag}(p) V) u_i`, in O(n r)
    and O(n r^2). With both factors centered by p, the residual is U V' and :math:`|h|^2 = \mathrm{tr}\,
    (U' \mathrm{diag}(p) U) (V' \mathrm{diag}(p) V)`, computed from triangular roots. Whether the cost is symmetric is
    found in O(n r^2) too, in a common orthonormal basis of the columns of both factors; the largest cost takes O(n^2 r)
    time and O(n) memory.

    Parameters
    ----------
    U : array-like of shape (n, r)
        Left factor.
    V : array-like of shape (n, r)
        Right factor.

    Attributes
    ----------
    U, V : ndarray of shape (n, r)
        The factors, read-only.
    n_nodes : int
        Number of nodes.

    Raises
    ------
    TypeError
        If the entries are no real numbers.
    ValueError
        If the factors are empty, differ in shape, or have missing, infinite or extremely large entries.

    Examples
    --------
    >>> from statlearn.gromov import LowRankCost
    >>> cost = LowRankCost([[1.0], [2.0]], [[1.0], [2.0]])
    >>> cost.entries()
    array([[1., 2.],
           [2., 4.]])
    >>> cost.is_symmetric
    True
    """

    U: FloatArray
    V: FloatArray
    _parts = ("U", "V")

    def __init__(self, U: ArrayLike, V: ArrayLike) -> None:
        self._hold(real_array(U, "U"), real_array(V, "V"))
        if self.U.shape != self.V.shape:
            raise ValueError(
                f"U and V must have the same shape (n, r). Got {self.U.shape} and {self.V.shape}: pass both factors "
                "with one row per node, so that C = U @ V.T."
            )
        check_magnitude(self._bound(), "U @ V.T")

    def __repr__(self):
        return f"LowRankCost(n_nodes={self.n_nodes}, rank={self.U.shape[1]})"

    def _bound(self):
        return self.U.shape[1] * largest_entry(self.U) * largest_entry(self.V)

    @cached_property
    def is_symmetric(self) -> bool:
        """Whether U V' equals V U' up to 1e-12 of the largest entry in an orthonormal basis of all columns."""
        if np.array_equal(self.U, self.V):
            return True
        R = np.linalg.qr(np.hstack([self.U, self.V]), mode="r")
        C = R[:, : self.U.shape[1]] @ R[:, self.U.shape[1] :].T
        return bool(np.abs(C - C.T).max() <= SYMMETRY * np.abs(C).max())

    def _transposed(self):
        return LowRankCost._from(self.V, self.U)

    def _mean(self, p):
        return self.U @ (self.V.T @ p)

    def _second_moment(self, p):
        # V' diag(p) V = R' R, so that no second moment is negative
        return squared_norms(self.U @ _weighted_root(p, self.V).T)

    def _residual_norm(self, p):
        left, right = (_weighted_root(p, centered_by(p, centered(factor))) for factor in (self.U, self.V))
        return np.linalg.norm(left @ right.T)

    def _dense(self):
        return self.U @ self.V.T

    def _subset(self, nodes):
        return LowRankCost._from(read_only(self.U[nodes]), read_only(self.V[nodes]))

    def _multiple(self, factor):
        return LowRankCost._from(read_only(factor * self.U), self.V)

    def _max_abs(self):
        return max(largest_entry(self.U[rows] @ self.V.T) for rows in row_blocks(self.n_nodes))


class GramCost(Cost):
    r"""Co-activations :math:`C = Z' Z`: similarities between the columns of a table.

    Means of rows are Z' (Z p). Second moments take the cheaper of :math:`z_i' (Z \mathrm{diag}(p) Z') z_i` and
    (C o C) p with a sparse C or one smaller than Z: O(S V min(S, V)) for a dense Z, O(S k^2) for a sparse Z with k
    entries in each row. The norm of the residual is that of the S x S covariance of the positions, the channels drawn
    from p, or of a V x V matrix if V < S: O(S V min(S, V)) for a dense Z, and the time of the sparse product and a pass
    over min(S, V)^2 numbers for a sparse Z. No V x V array is formed unless V < S. The largest cost is the largest
    squared norm of a column.

    Parameters
    ----------
    Z : array-like or sparse matrix of shape (S, V)
        One column per node, such as the logits of V tokens at S positions, of which the largest were kept.

    Attributes
    ----------
    Z : ndarray or scipy.sparse.csr_array of shape (S, V)
        The table, read-only.
    n_nodes : int
        Number V of nodes.

    Raises
    ------
    TypeError
        If the entries are no real numbers.
    ValueError
        If Z is empty, not two-dimensional, or has missing, infinite or extremely large entries.

    Examples
    --------
    >>> from statlearn.gromov import GramCost
    >>> cost = GramCost([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])
    >>> cost
    GramCost(n_nodes=3, n_positions=2)
    >>> cost.row_mean([1.0, 1.0, 1.0])
    array([3., 2., 8.])
    """

    Z: FloatArray | sparse.csr_array
    _parts = ("Z",)
    _node_axis = 1

    def __init__(self, Z: MatrixLike) -> None:
        self._hold((real_sparse if sparse.issparse(Z) else real_array)(Z, "Z"))
        check_magnitude(self._bound(), "Z.T @ Z")

    def __repr__(self):
        return f"GramCost(n_nodes={self.n_nodes}, n_positions={self.Z.shape[0]})"

    def _bound(self):
        largest = largest_entry(self.Z)
        return self.Z.shape[0] * largest * largest

    def _mean(self, p):
        return self.Z.T @ (self.Z @ p)

    def _second_moment(self, p):
        Z = self.Z
        if _gram_work(Z, axis=0) <= _gram_work(Z, axis=1):
            moment = (Z * (Z @ (p[:, None] * Z.T) @ Z)).sum(axis=0)
            return np.maximum(moment, 0.0)
        C = Z.T @ Z
        return (C * C) @ p

    def _residual_norm(self, p):
        compute = _sparse_gram_residual_norm if sparse.issparse(self.Z) else _dense_gram_residual_norm
        return compute(self.Z, p)

    def _dense(self):
        C = self.Z.T @ self.Z
        return C.toarray() if sparse.issparse(C) else C

    def _subset(self, nodes):
        return GramCost._from(read_only(self.Z[:, nodes]))

    def _multiple(self, factor):
        return GramCost._from(read_only(np.sqrt(factor) * self.Z))

    def _max_abs(self):
        return float((self.Z * self.Z).sum(axis=0).max())


def _weighted_root(p, X):
    """The triangle R with R'R = X' diag(p) X."""
    return np.linalg.qr(np.sqrt(p)[:, None] * X, mode="r")


def _dense_gram_residual_norm(Z, p):
    """|W' W| = |W W'| of the table with columns centered and multiplied by the roots of their weights."""
    W = np.sqrt(p) * centered_by(p, centered(Z.T)).T
    return np.linalg.norm(W @ W.T if len(W) <= W.shape[1] else W.T @ W)


def _sparse_gram_residual_norm(Z, p):
    """As `_dense_gram_residual_norm` without centering the table, by blocks of rows of the smaller matrix."""
    n_positions, n_nodes = Z.shape
    if n_positions > n_nodes:
        return matrix_residual_norm(sparse.csr_array(Z.T @ Z), p)
    means, moments = Z @ p, sparse.csr_array(Z @ (p[:, None] * Z.T))
    blocks = (moments[rows].toarray() - np.outer(means[rows], means) for rows in row_blocks(n_positions))
    return np.sqrt(sum(np.sum(np.square(covariance)) for covariance in blocks))


def _gram_work(Z, axis):
    """Products in a sparse Z Z' (axis 0) or Z' Z (axis 1), from the number of entries in each column or row."""
    counts = Z.count_nonzero(axis) if sparse.issparse(Z) else np.full(Z.shape[1 - axis], Z.shape[axis])
    return float(counts.astype(np.float64) @ counts)
