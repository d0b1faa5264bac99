"""Couplings from which the descent starts.

The product is the usual start of other implementations. The others are the solutions of relaxed problems: of the two
third lower bounds, and monotone couplings of a feature of the nodes, which solve the problem exactly if the costs
depend on that feature alone.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._kernels.transport import monotone_coupling
from ._bounds import LOWER_BOUNDS
from ._linear_transport import Coupling, ProductCoupling, transport_problem
from ._network import rounded

__all__ = ["INITS", "Start", "random_starts", "sort_coupling"]


class Start(NamedTuple):
    """A named start and the function that makes its coupling from the two networks and the bounds known so far."""

    name: str
    make: Callable


def _product(network1, network2, bounds):
    return ProductCoupling(network1.weights, network2.weights)


def _relaxed(bound_name):
    """The coupling that attains a third lower bound, computed unless the bound was."""

    def make(network1, network2, bounds):
        bound = bounds.get(bound_name) or LOWER_BOUNDS[bound_name](network1, network2)
        return bound.plan

    return make


def _sorted_means(network1, network2, bounds):
    return sort_coupling(network1.row_deviation, network1, network2.row_deviation, network2)


def _sorted_residuals(sign):
    """The sort of the leading eigenfunctions of the residuals; their sign is arbitrary, so both are tried."""

    def make(network1, network2, bounds):
        return sort_coupling(network1.leading_residual, network1, sign * network2.leading_residual, network2)

    return make


def sort_coupling(values1, network1, values2, network2):
    """The monotone coupling of a feature of the nodes; ties go by spread and quantiles of the rows."""
    order1, order2 = _order(values1, network1), _order(values2, network2)
    sources, targets, masses = monotone_coupling(network1.weights[order1], network2.weights[order2])
    rows, columns = order1[sources], order2[targets]
    by_row = np.lexsort((columns, rows))
    return Coupling(rows[by_row], columns[by_row], masses[by_row], (network1.n_nodes, network2.n_nodes))


def _order(values, network):
    """Order of the nodes by a feature; equal values are ordered by the distribution of their rows, not by position."""
    keys = np.vstack([rounded(values), network.row_profiles])
    return np.lexsort(keys[::-1])


def random_starts(generators):
    """One random vertex of the couplings per generator."""
    return [Start(f"random {i}", _random_vertex(generator)) for i, generator in enumerate(generators)]


def _random_vertex(generator):
    def make(network1, network2, bounds):
        cost = generator.random((network1.n_nodes, network2.n_nodes))
        return transport_problem(network1, network2).solve(cost)

    return make


PRODUCT = Start("product", _product)
INITS = {
    "structured": (
        Start("tlb", _relaxed("tlb")),
        Start("hoeffding_tlb", _relaxed("hoeffding_tlb")),
        Start("sort", _sorted_means),
        Start("eigenvector +", _sorted_residuals(1.0)),
        Start("eigenvector -", _sorted_residuals(-1.0)),
        PRODUCT,
    ),
    "product": (PRODUCT,),
}
