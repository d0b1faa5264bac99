"""What every cost between the nodes of a relational object can do."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
from scipy import sparse

from ._cost_input import check_columns, check_factor, check_magnitude, check_nodes, check_weights, frozen_sparse

__all__ = ["BLOCK_ENTRIES", "SYMMETRY", "Cost", "largest_entry", "read_only", "row_blocks", "squared_norms"]

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
        Whether C equals its transpose up to 1e-12 of its largest entry. C is kept as it is.
    conditionally_negative : bool
        Whether :math:`u' C u \\le 0` for all u with sum 0 by construction of the class. False means not known.
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
    conditionally_negative = False

    @classmethod
    def _from(cls, *parts):
        """A cost of parts that need no checks."""
        cost = cls.__new__(cls)
        cost._hold(*parts)
        return cost

    @abstractmethod
    def _hold(self, *parts):
        """Store read-only parts and set ``n_nodes``."""

    def _bound(self):
        """An upper bound of the largest absolute entry at the price of a look at the parts, as a Python float."""
        return self._max_abs()

    @abstractmethod
    def _max_abs(self):
        """The largest absolute entry."""

    @abstractmethod
    def _product(self, B):
        """C B."""

    def _mean(self, p):
        """C p; a class that knows better than a product overrides it."""
        return self._product(p[:, None])[:, 0]

    @abstractmethod
    def _second_moment(self, p):
        """(C o C) p."""

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
    def T(self):  # noqa: N802
        """The transposed cost, which is the cost itself if it is symmetric."""
        return self if self.is_symmetric else self._transposed()

    def row_mean(self, p):
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

    def column_mean(self, p):
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

    def row_second_moment(self, p):
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

    def column_second_moment(self, p):
        """Expected squared cost to every node from a node drawn from ``p``.

        Parameters
        ----------
        p : array-like of shape (n_nodes,)
            See `row_mean`.

        Returns
        -------
        moments : ndarray of shape (n_nodes,)
            (C o C)' p. Never negative.
        """
        return self.T.row_second_moment(p)

    def matmul(self, B):
        """Product with a dense matrix.

        Parameters
        ----------
        B : array-like of shape (n_nodes, k)
            The right factor.

        Returns
        -------
        product : ndarray of shape (n_nodes, k)
            C B, a new array.

        Raises
        ------
        ValueError
            If the shape of ``B`` is wrong.
        """
        return self._product(check_columns(B, self.n_nodes))

    def entries(self):
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

    def take(self, nodes):
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

    def scaled(self, factor):
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

    def max_abs(self):
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


def squared_norms(X):
    """Squared norms of rows."""
    return np.einsum("ij,ij->i", X, X)
