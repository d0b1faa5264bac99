"""Costs given by their entries: all of them, or those on the edges of a sparse graph."""

from functools import cached_property

import numpy as np
from scipy import sparse

from .._typing import ArrayLike, FloatArray, SparseMatrix
from ._cost_base import SYMMETRY, Cost, largest_entry, matrix_residual_norm, read_only, row_blocks
from ._cost_input import check_magnitude, real_array, real_sparse, require_square

__all__ = ["DenseCost", "SparseGraphCost"]

# A sum of 2 n products is off by at most n eps of the sum of their sizes. In units of that share of the second moment,
# the second moment is off by 1, the squared mean by 2, either squared deviation by 3.5, and 4 more are for weights that
# sum to 1 up to n eps / 2.
ROUNDING = 16


class DenseCost(Cost):
    """A cost given by all its entries.

    Parameters
    ----------
    C : array-like of shape (n, n)
        The costs.

    Attributes
    ----------
    C : ndarray of shape (n, n)
        The costs, read-only.
    n_nodes : int
        Number of nodes.

    Raises
    ------
    TypeError
        If the entries are no real numbers.
    ValueError
        If C is empty, not square, or has missing, infinite or extremely large entries.

    Examples
    --------
    >>> from statlearn.gromov import DenseCost
    >>> cost = DenseCost([[0, 1], [3, 0]])
    >>> cost.row_mean([0.5, 0.5]), cost.is_symmetric
    (array([0.5, 1.5]), False)
    """

    C: FloatArray
    _parts = ("C",)

    def __init__(self, C: ArrayLike) -> None:
        self._hold(require_square(real_array(C, "C"), "C"))
        check_magnitude(self._bound(), "C")

    def __repr__(self):
        return f"DenseCost(n_nodes={self.n_nodes})"

    @cached_property
    def is_symmetric(self) -> bool:
        """Whether C equals its transpose up to 1e-12 of its largest entry."""
        C, allowed = self.C, SYMMETRY * self.max_abs()
        return all(np.abs(C[rows] - C[:, rows].T).max() <= allowed for rows in row_blocks(self.n_nodes))

    def _transposed(self):
        return DenseCost._from(self.C.T)

    def _mean(self, p):
        return self.C @ p

    def _second_moment(self, p):
        return np.einsum("ij,ij,j->i", self.C, self.C, p)

    def _residual_norm(self, p):
        return matrix_residual_norm(self.C, p)

    def _dense(self):
        return self.C

    def _subset(self, nodes):
        return DenseCost._from(read_only(self.C[np.ix_(nodes, nodes)]))

    def _multiple(self, factor):
        return DenseCost._from(read_only(factor * self.C))

    def _max_abs(self):
        return float(max(self.C.max(), -self.C.min()))


class SparseGraphCost(Cost):
    """A cost that is zero save for the edges of a sparse graph.

    Means and second moments of rows take one look at the edges, and so does the norm of the residual, by Pythagoras. It
    is rounded up by what sums of n terms may lose: at most 1e-6 of the root mean square of the costs for 300 nodes and
    1e-4 for three million, and far less unless the residual is as small as that.

    Parameters
    ----------
    A : sparse matrix of shape (n, n)
        Weights of edges, of any sign; entries that are not stored are zero. Duplicates are summed. Use `graph_cost` for
        distances along a graph.

    Attributes
    ----------
    A : scipy.sparse.csr_array of shape (n, n)
        The weights, read-only.
    n_nodes : int
        Number of nodes.

    Raises
    ------
    TypeError
        If the entries are no real numbers.
    ValueError
        If A is empty, not square, or has missing, infinite or extremely large entries.

    Examples
    --------
    >>> from scipy import sparse
    >>> from statlearn.gromov import SparseGraphCost
    >>> cost = SparseGraphCost(sparse.csr_array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    >>> cost
    SparseGraphCost(n_nodes=3, n_entries=4)
    >>> cost.row_mean([0.25, 0.5, 0.25])
    array([0.5, 0.5, 0.5])
    """

    A: sparse.csr_array
    _parts = ("A",)

    def __init__(self, A: SparseMatrix) -> None:
        A = A if sparse.issparse(A) else sparse.csr_array(real_array(A, "A"))
        self._hold(require_square(real_sparse(A, "A"), "A"))
        check_magnitude(self._bound(), "A")

    def __repr__(self):
        return f"SparseGraphCost(n_nodes={self.n_nodes}, n_entries={self.A.nnz})"

    @cached_property
    def is_symmetric(self) -> bool:
        """Whether A equals its transpose up to 1e-12 of its largest entry."""
        return largest_entry(self.A - self.A.T) <= SYMMETRY * self.max_abs()

    def _transposed(self):
        return SparseGraphCost._from(read_only(self.A.T.tocsr()))

    def _mean(self, p):
        return self.A @ p

    def _second_moment(self, p):
        return (self.A * self.A) @ p

    def _residual_norm(self, p):
        # Pythagoras: centering makes all entries non-zero; what rounding may have taken away is added
        rows, second_moment = self._mean(p), p @ self._second_moment(p)
        mean = p @ rows
        explained = mean**2 + p @ (rows - mean) ** 2 + p @ (p @ self.A - mean) ** 2
        rounding = ROUNDING * self.n_nodes * np.finfo(float).eps * second_moment
        return np.sqrt(max(second_moment - explained, 0.0) + rounding)

    def _dense(self):
        return self.A.toarray()

    def _subset(self, nodes):
        return SparseGraphCost._from(read_only(self.A[nodes][:, nodes]))

    def _multiple(self, factor):
        return SparseGraphCost._from(read_only(factor * self.A))

    def _max_abs(self):
        return largest_entry(self.A)
