r"""Search for the barycenter of measure networks.

With shares w_s of the networks and weights p of the nodes of the barycenter, the loss of a cost C and couplings T_s is

.. math:: F(C, T) = \sum_s w_s \sum_{ijkl} (C_{ij} - C^s_{kl})^2 T^s_{ik} T^s_{jl}.

For fixed couplings the best cost is the mean of the transported ones, C_ij = sum_s w_s (T_s C_s T_s')_ij / (p_i p_j)
(Peyre, Cuturi and Solomon, 2016, proposition 3, and the zero of the gradient of `statlearn.gromov`'s objective). So
the two are improved in turn, and the loss never increases.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ._collections import NetworkCollection
from ._conditional_gradient import Descent
from ._costs import DenseCost
from ._interval import bound_networks
from ._linear_transport import Coupling, transport_problem
from ._network import MeasureNetwork
from ._objective import Objective
from ._pairwise import METHODS, pairwise_values

__all__ = ["Barycenter", "BarycenterProblem", "barycenter_of_pot", "random_cloud", "sampled_cost", "variance_bound"]

PLAN_ITERATIONS = 200  # of the descent of one plan
PLAN_TOLERANCE = 1e-9
ROUNDING = 1e-13  # decreases of the loss below this share of the second moments are rounding


class Couplings(NamedTuple):
    """A cost of the barycenter, the best coupling known to each network, and their values."""

    cost: np.ndarray
    plans: list
    values: np.ndarray
    loss: float


@dataclass(frozen=True)
class Barycenter:
    """The end of one search.

    Attributes
    ----------
    cost : ndarray of shape (n_nodes, n_nodes)
        The cost between the nodes.
    plans : list of ndarray of shape (n_nodes, n_s)
        Couplings of the barycenter and each network.
    values : ndarray of shape (n_networks,)
        Their objectives.
    history : tuple of float
        The loss, first and after each iteration.
    excess : float
        What the best cost for these couplings would still gain.
    converged : bool
        Whether neither new couplings nor a new cost lowered the loss by more than the tolerance.
    """

    cost: np.ndarray
    plans: list = field(repr=False)
    values: np.ndarray = field(repr=False)
    history: tuple
    excess: float
    converged: bool

    @property
    def loss(self):
        """The weighted mean of the values."""
        return self.history[-1]


@dataclass(frozen=True)
class BarycenterProblem:
    """The networks, and when to stop.

    Attributes
    ----------
    networks : list of MeasureNetwork
        The networks.
    shares : ndarray of shape (n_networks,)
        Their weights, summing to one.
    n_nodes : int
        Number of nodes of the barycenter, which weigh the same.
    max_iter : int
        Largest number of iterations of a search.
    tol : float
        Relative decrease of the loss that is worth another iteration.
    """

    networks: list
    shares: np.ndarray
    n_nodes: int
    max_iter: int
    tol: float

    @cached_property
    def weights(self):
        """Weights of the nodes of the barycenter."""
        return np.full(self.n_nodes, 1.0 / self.n_nodes)

    @cached_property
    def is_symmetric(self):
        """Whether all costs are symmetric: then the best cost is, too."""
        return all(network.is_symmetric for network in self.networks)

    @cached_property
    def rounding(self):
        """Decreases of the loss below it mean nothing."""
        return ROUNDING * float(self.shares @ [network.second_moment for network in self.networks])

    def worthwhile(self, loss):
        """Smallest decrease of a loss that is worth another iteration."""
        return max(self.tol * loss, self.rounding)

    def search(self, cost):
        """Improve plans and cost in turn.

        The plans of the last iteration are followed to the new cost, which is cheap. Only when that gains nothing are
        all starts of the pair solver tried again, and the search ends when they gain nothing either.
        """
        state, thorough, converged = self._couple(cost, None, True), True, False
        history = [state.loss]
        while len(history) <= self.max_iter and not converged:
            new = self._couple(self.mean_cost(state.plans), state, thorough=thorough)
            stalled = state.loss - new.loss <= self.worthwhile(state.loss)
            # Other couplings of the same value may have a better cost, so that a standstill is not the end yet.
            converged = stalled and thorough and self._excess(new) <= self.worthwhile(new.loss)
            state, thorough = new, stalled
            history.append(state.loss)
        return Barycenter(state.cost, state.plans, state.values, tuple(history), self._excess(state), converged)

    def _excess(self, state):
        """What the best cost for the couplings would gain."""
        return float(np.mean((state.cost - self.mean_cost(state.plans)) ** 2))

    def mean_cost(self, plans):
        """The best cost for given couplings."""
        pairs = zip(self.shares, plans, self.networks, strict=True)
        cost = sum(share * (plan @ network.dense @ plan.T) for share, plan, network in pairs) * self.n_nodes**2
        return (cost + cost.T) / 2 if self.is_symmetric else cost

    def _couple(self, cost, before, thorough):
        """Couplings of a cost, none worse than those known before."""
        barycenter = MeasureNetwork(DenseCost(cost), self.weights)
        known = [None] * len(self.networks) if before is None else before.plans
        found = [_couple(barycenter, *pair, thorough) for pair in zip(self.networks, known, strict=True)]
        plans, values = [plan for plan, _ in found], np.array([value for _, value in found])
        return Couplings(cost, plans, values, float(self.shares @ values))


def _couple(barycenter, network, known, thorough):
    """The best plan, and its value, of the known one followed to the barycenter and, if asked, of all starts."""
    objective = Objective(barycenter, network)
    plans = []
    if known is not None:
        descent = Descent(objective, transport_problem(barycenter, network), Coupling.from_dense(known))
        plans.append(descent.run(PLAN_ITERATIONS, PLAN_TOLERANCE).plan())
    if thorough:
        plans.append(bound_networks(barycenter, network, lower="sorted").plan)
    valued = [(plan, max(objective.value(plan), 0.0)) for plan in plans]
    return min(valued, key=lambda pair: pair[1])


def sampled_cost(network, n_nodes, generator):
    """The cost between nodes drawn from a network by their weights, in their order; repeated only if it has too few.

    A network of ``n_nodes`` nodes is returned as it is.
    """
    repeat = network.n_nodes < n_nodes
    nodes = generator.choice(network.n_nodes, n_nodes, replace=repeat, p=network.weights)
    nodes.sort()
    return network.dense[np.ix_(nodes, nodes)]


def random_cloud(n_nodes, generator):
    """Squared distances between normal points in the plane, the largest of them 1."""
    points = generator.normal(size=(n_nodes, 2))
    cost = np.sum((points[:, None] - points[None, :]) ** 2, axis=2)
    return cost / cost.max() if n_nodes > 1 else cost


def barycenter_of_pot(problem, generator):
    """What POT finds from a random cloud, its own kind of start.

    Its plans are warm started: from the product each time, its default, it goes round in circles on most collections.
    """
    from ot.gromov import gromov_barycenters

    return gromov_barycenters(
        problem.n_nodes,
        [network.dense for network in problem.networks],
        [network.weights for network in problem.networks],
        problem.weights,
        problem.shares,
        symmetric=problem.is_symmetric,
        max_iter=problem.max_iter,
        warmstartT=True,
        init_C=random_cloud(problem.n_nodes, generator),
    )


def variance_bound(problem, n_jobs):
    r"""A proved lower bound of the loss of any barycenter, with any number of nodes.

    A bound that is a squared distance in a Hilbert space, :math:`|x_s - x_t|^2 \le GW_2(C_s, C_t)`, gives
    :math:`F \ge \sum_s w_s |x_s - x|^2` with x the point of the barycenter, which is at least the variance
    :math:`\sum_{s < t} w_s w_t |x_s - x_t|^2`.
    """
    collection = NetworkCollection(problem.networks)
    methods = [method for method in METHODS.values() if method.hilbertian]
    squares = (pairwise_values(method, collection, None, n_jobs=n_jobs) for method in methods)
    return max(0.5 * float(problem.shares @ square @ problem.shares) for square in squares)
