"""Linear transport problems as the Gromov-Wasserstein solver meets them: many in a row, with similar costs.

Equal numbers of nodes with uniform weights make an assignment problem, which our own warm-started solver answers. All
others go to the network simplex method of POT.
"""

from functools import cached_property

import numpy as np

from ._assignment import assign, dual_value

__all__ = [
    "AssignmentProblem",
    "Coupling",
    "ProductCoupling",
    "TransportProblem",
    "certified_transport",
    "transport_problem",
]

MAX_PIVOTS = 10_000_000  # of the network simplex; it warns by itself when it stops there


class Coupling:
    """A coupling with few non-zeros: mass ``masses[r]`` from node ``rows[r]`` to node ``columns[r]``.

    Parameters
    ----------
    rows, columns : ndarray of shape (n_entries,)
        Positions of the non-zeros, row by row.
    masses : ndarray of shape (n_entries,)
        Their values.
    shape : tuple of int
        Numbers of nodes on both sides.
    """

    def __init__(self, rows, columns, masses, shape):
        self.rows = rows
        self.columns = columns
        self.masses = masses
        self.shape = shape

    @classmethod
    def from_permutation(cls, permutation):
        """The coupling that sends all of node ``i`` to node ``permutation[i]``."""
        n = permutation.size
        return cls(np.arange(n), permutation, np.full(n, 1.0 / n), (n, n))

    @classmethod
    def from_dense(cls, plan):
        """The non-zeros of an array."""
        rows, columns = np.nonzero(plan)
        return cls(rows, columns, plan[rows, columns], plan.shape)

    def __eq__(self, other):
        return (
            isinstance(other, Coupling)
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.columns, other.columns)
        )

    __hash__ = None

    @cached_property
    def is_permutation(self):
        """Whether all of each node goes to a node of its own, all with the same mass."""
        square = self.shape[0] == self.shape[1] == self.rows.size
        return square and bool(np.ptp(self.masses) <= 1e-14 * self.masses[0])

    @cached_property
    def _row_starts(self):
        """Where the entries of each row that has any begin: a row of tiny weight may have none."""
        return np.flatnonzero(np.diff(self.rows, prepend=-1))

    def dense(self):
        """The coupling as an array of shape ``shape``."""
        plan = np.zeros(self.shape)
        plan[self.rows, self.columns] = self.masses
        return plan

    def inner(self, matrix):
        """``<matrix, T>``."""
        return float(self.masses @ matrix[self.rows, self.columns])

    def times(self, matrix):
        """``T @ matrix``; a gather of rows where T is a permutation."""
        if self.is_permutation:
            return matrix[self.columns] * self.masses[0]
        product = np.zeros((self.shape[0], matrix.shape[1]))
        starts = self._row_starts
        product[self.rows[starts]] = np.add.reduceat(self.masses[:, None] * matrix[self.columns], starts, axis=0)
        return product


class ProductCoupling:
    """The coupling of independent nodes.

    Parameters
    ----------
    p, q : ndarray
        Weights of both sides.
    """

    is_permutation = False

    def __init__(self, p, q):
        self.p = p
        self.q = q

    def dense(self):
        """The coupling as an array."""
        return np.outer(self.p, self.q)

    def inner(self, matrix):
        """``<matrix, T>``."""
        return float(self.p @ matrix @ self.q)

    def times(self, matrix):
        """``T @ matrix``."""
        return np.outer(self.p, self.q @ matrix)


class AssignmentProblem:
    """Linear assignment between two uniform measures; remembers the potentials.

    Parameters
    ----------
    order1, order2 : ndarray of shape (n,)
        Nodes in an order that good assignments nearly preserve; it gives the first potentials.
    """

    def __init__(self, order1, order2):
        self.order1 = order1
        self.order2 = order2
        self.potentials = None

    def solve(self, cost, exact=True):
        """The coupling that minimizes ``<cost, T>``; one that comes close, and faster, if not ``exact``."""
        if self.potentials is None:
            self.potentials = self._telescoped(cost)
        return Coupling.from_permutation(assign(np.ascontiguousarray(cost), self.potentials, exact))

    def lower_bound(self, cost):
        """A proved lower bound of the minimum, from the potentials of the last solution."""
        return dual_value(np.ascontiguousarray(cost), self.potentials) / self.order1.size

    def _telescoped(self, cost):
        """Potentials that would be optimal if nodes were matched in their orders, from differences along the match."""
        i, k = self.order1, self.order2
        along_second = cost[i[1:], k[1:]] - cost[i[1:], k[:-1]] + cost[i[:-1], k[1:]] - cost[i[:-1], k[:-1]]
        potentials = np.zeros(i.size)
        potentials[k[1:]] = np.cumsum(along_second / 2.0)
        return potentials


class TransportProblem:
    """Linear transport between any two measures by network simplex; remembers the potentials.

    Parameters
    ----------
    p, q : ndarray
        Weights of both sides.
    """

    def __init__(self, p, q):
        self.p = p
        self.q = q
        self.potentials = None

    def solve(self, cost, exact=True):
        """The coupling that minimizes ``<cost, T>``, whether or not it must be ``exact``."""
        import ot

        scale = np.abs(cost).max()  # the tolerances of the simplex method are absolute
        plan, log = ot.emd(
            self.p, self.q, cost / scale if scale > 0 else cost, MAX_PIVOTS, log=True, check_marginals=False
        )
        self.potentials = log["v"] * (scale if scale > 0 else 1.0)
        return Coupling.from_dense(plan)

    def lower_bound(self, cost):
        """A proved lower bound of the minimum, from the potentials of the last solution."""
        rows = np.min(cost - self.potentials, axis=1)
        return float(self.p @ rows + self.q @ self.potentials)


def transport_problem(network1, network2):
    """The solver for couplings of two networks."""
    if network1.n_nodes == network2.n_nodes and network1.is_uniform and network2.is_uniform:
        return AssignmentProblem(np.argsort(network1.row_mean), np.argsort(network2.row_mean))
    return TransportProblem(network1.weights, network2.weights)


def certified_transport(cost, network1, network2):
    """A proved lower bound of the transport cost between two networks, and the optimal coupling."""
    problem = transport_problem(network1, network2)
    coupling = problem.solve(cost)
    return max(problem.lower_bound(cost), 0.0), coupling
