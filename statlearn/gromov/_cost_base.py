"""What every cost between the nodes of a relational object can do."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Self

import numpy as np
from scipy import sparse

from .._typing import ArrayLike, FloatArray
from ._cost_input import check_factor, check_magnitude, check_nodes, check_weights, frozen_sparse

__all__ = [
    "BLOCK_ENTRIES",
    "SYMMETRY",
    "Cost",
    "centered",
    "centered_by",
    "largest_entry",
    "matrix_residual_norm",
    "read_only",
    "row_blocks",
    "squared_norms",
]

SYMMETRY = 1e-12  # relative to the largest entry: differences between C and C' below are rounding
BLOCK_ENTRIES = 2**20  # of the largest temporary array of a pass over all pairs: 8 MB


class Cost(ABC):
    """A matrix C of costs between n nodes, known through what Gromov-Wasserstein bounds ask of it.

    Only `entries` forms the n x n array. Costs are immutable: they keep read-only copies of their input, save of
    arrays that are read-only already. Entries may have any sign.

    Attributes
    ----------
    n_nodes : int
        Number n of nodes.
    is_symmetric : bool
        Whether C equals its transpose. True by construction of `SquaredEuclideanCost`, `LineCost` and `GramCost`;
        `DenseCost` and `SparseGraphCost` look at their entries, and `LowRankCost` at those in an orthonormal basis of
        its factors: differences up to 1e-12 of the largest are rounding. C is kept as it is.
    T : Cost
        The transposed cost, which is the cost itself if it is symmetric.

    Examples
    --------
    >>> from statlearn.gromov import LineCost
    >>> cost = LineCost([0.0, 1.0, 5.0])
    >>> cost.take([0, 2]).entries()
    array([[0., 5.],
           [5., 0.]])
    >>> cost.scaled(1 / cost.max_abs()).max_abs()
    1.0
    """

    n_nodes: int
    is_symmetric = True
    _parts = ()  # names of the arrays that the cost is made of
    _node_axis = 0  # of the first part

    @classmethod
    def _from(cls, *parts):
        """A cost of parts that need no checks."""
        cost = cls.__new__(cls)
        cost._hold(*parts)
        return cost

    def _hold(self, *parts):
        """Store read-only parts."""
        vars(self).update(zip(self._parts, parts, strict=True))
        self.n_nodes = parts[0].shape[self._node_axis]

    def __getstate__(self):
        """The parts alone: what was computed from them is computed again where it is needed."""
        return {name: vars(self)[name] for name in self._parts}

    def __setstate__(self, state):
        self._hold(*(read_only(state[name]) for name in self._parts))

    def _bound(self):
        """An upper bound of the largest absolute entry at the price of a look at the parts, as a Python float."""
        return self._max_abs()

    @abstractmethod
    def _max_abs(self):
        """The largest absolute entry."""

    @abstractmethod
    def _mean(self, p):
        """C p."""

    @abstractmethod
    def _second_moment(self, p):
        """(C o C) p."""

    @abstractmethod
    def _residual_norm(self, p):
        """|h| for weights that sum to 1."""

    @abstractmethod
    def _dense(self):
        """C as an array of float64."""

    @abstractmethod
    def _subset(self, nodes):
        """The cost among some nodes."""

    @abstractmethod
    def _multiple(self, factor):
        """factor C."""

    def _transposed(self):
        """C'; asymmetric classes override it."""
        return self

    @cached_property
    def T(self) -> Self:  # noqa: N802
        """The transposed cost, which is the cost itself if it is symmetric."""
        return self if self.is_symmetric else self._transposed()

    def row_mean(self, p: ArrayLike) -> FloatArray:
        """Expected cost from every node to a node drawn from ``p``.

        Parameters
        ----------
        p : array-like of shape (n_nodes,)
            Non-negative weights, which usually sum to 1.

        Returns
        -------
        means : ndarray of shape (n_nodes,)
            C p.

        Raises
        ------
        ValueError
            If ``p`` has a wrong length or negative, missing or no positive entries.
        """
        return self._mean(check_weights(p, self.n_nodes))

    def column_mean(self, p: ArrayLike) -> FloatArray:
        """Expected cost to every node from a node drawn from ``p``.

        Parameters
        ----------
        p : array-like of shape (n_nodes,)
            See `row_mean`.

        Returns
        -------
        means : ndarray of shape (n_nodes,)
            C' p.
        """
        return self.T.row_mean(p)

    def row_second_moment(self, p: ArrayLike) -> FloatArray:
        """Expected squared cost from every node to a node drawn from ``p``.

        Parameters
        ----------
        p : array-like of shape (n_nodes,)
            See `row_mean`.

        Returns
        -------
        moments : ndarray of shape (n_nodes,)
            (C o C) p, the square taken by entry. Never negative.

        Raises
        ------
        ValueError
            If ``p`` has a wrong length or negative, missing or no positive entries.
        """
        return self._second_moment(check_weights(p, self.n_nodes))

    def residual_norm(self, p: ArrayLike) -> float:
        r"""Size of what no sum of a row and a column effect explains: ``|h|`` of the Hoeffding decomposition.

        With :math:`m = p'Cp`, the doubly centered residual is
        :math:`h_{ij} = C_{ij} - (Cp)_i - (C'p)_j + m`. It says how far the sorted bound can be from the value
        (`sorted_gromov_wasserstein`).

        Parameters
        ----------
        p : array-like of shape (n_nodes,)
            See `row_mean`; divided by its sum.

        Returns
        -------
        norm : float
            :math:`\sqrt{\sum_{ij} p_i p_j h_{ij}^2}`, in the unit of the costs and with nearly all digits of these. A
            `SparseGraphCost`, whose residual is not sparse, returns an upper bound that exceeds it by rounding.

        Raises
        ------
        ValueError
            If ``p`` has a wrong length or negative, missing or no positive entries.
        """
        p = check_weights(p, self.n_nodes)
        return float(self._residual_norm(p / p.sum()))

    def entries(self) -> FloatArray:
        """All costs.

        Returns
        -------
        C : ndarray of shape (n_nodes, n_nodes)
            Read-only; formed at the first call and kept.
        """
        return self._entries

    @cached_property
    def _entries(self):
        C = self._dense()
        C.setflags(write=False)
        return C

    def take(self, nodes: ArrayLike) -> Self:
        """Cost among some of the nodes.

        Parameters
        ----------
        nodes : array-like of int, or of bool and shape (n_nodes,)
            Indices in the wanted order, or a mask.

        Returns
        -------
        cost : Cost
            Of the same class.

        Raises
        ------
        ValueError
            If there are no nodes, or they are out of range.
        """
        return self._subset(check_nodes(nodes, self.n_nodes))

    def scaled(self, factor: float) -> Self:
        """Multiple of the cost.

        Parameters
        ----------
        factor : float
            A positive number.

        Returns
        -------
        cost : Cost
            ``factor * C``, of the same class.

        Raises
        ------
        ValueError
            If ``factor`` is not positive and finite, or takes costs out of the range of numbers that can be squared.
        """
        factor = check_factor(factor)
        check_magnitude(factor * self._bound(), f"factor={factor:g}")
        return self._multiple(factor)

    def max_abs(self) -> float:
        """Largest absolute cost.

        Returns
        -------
        largest : float
            The largest of all :math:`|C_{ij}|`. What it takes to find it depends on the class.
        """
        return self._largest

    @cached_property
    def _largest(self):
        return self._max_abs()


def read_only(array):
    """The array or CSR array, which can no longer be written to."""
    if sparse.issparse(array):
        return frozen_sparse(array)
    array.setflags(write=False)
    return array


def largest_entry(array):
    """Largest absolute entry, without a temporary array."""
    values = array.data if sparse.issparse(array) else array
    return float(max(values.max(), -values.min())) if values.size else 0.0


def row_blocks(n):
    """Slices of rows, so that a block of an n x n array stays small."""
    size = max(1, BLOCK_ENTRIES // n)
    return (slice(start, start + size) for start in range(0, n, size))


def centered(X):
    """The rows less their mean, which takes away an offset common to all of them."""
    return X - X.mean(axis=0)


def centered_by(p, X):
    """The rows less their p-mean; free of cancellation if they are near the origin."""
    return X - p @ X / p.sum()


def matrix_residual_norm(C, p):
    """|h| from the entries of an array or CSR array and weights that sum to 1, by blocks of rows."""
    rows, columns = C @ p, p @ C
    columns -= p @ rows
    square = 0.0
    for block in row_blocks(len(p)):
        h = C[block].toarray() if sparse.issparse(C) else C[block]
        h = h - rows[block, None] - columns
        square += p[block] @ (np.square(h, out=h) @ p)
    return np.sqrt(square)


def squared_norms(X):
    """Squared norms of rows."""
    return np.einsum("ij,ij->i", X, X)
