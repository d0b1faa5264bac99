"""The methods that are compared on a pair of graphs: the bounds of this family and POT's local solver."""

from functools import partial
from time import thread_time
from typing import NamedTuple

import numpy as np

from ._bounds import ABSOLUTE_BOUNDS, LOWER_BOUNDS
from ._collections import NetworkCollection
from ._costs import DenseCost
from ._interval import bound_networks
from ._network import MeasureNetwork
from ._objective import Objective
from ._pairwise import rounding
from ._starts import sort_coupling

__all__ = ["LOWER_METHODS", "METHODS", "OF_THE_ROOT", "UPPER_METHODS", "Pair", "compile_methods", "measure"]


class Pair(NamedTuple):
    """Two networks and the source of the random starts."""

    network1: MeasureNetwork
    network2: MeasureNetwork
    generator: np.random.Generator
    n_init: int

    def afresh(self):
        """The same pair with nothing computed yet, so that no method profits from an earlier one."""
        networks = (MeasureNetwork(network.cost, network.weights) for network in (self.network1, self.network2))
        return Pair(*networks, self.generator, self.n_init)


def _mean_sorted(pair):
    return ABSOLUTE_BOUNDS["sorted"](pair.network1, pair.network2).value


def _lower_bound(name, pair):
    return LOWER_BOUNDS[name](pair.network1, pair.network2).value


def _upper(pair):
    return bound_networks(pair.network1, pair.network2).upper


def _sort_plan(pair):
    """The plan of the sorting formula."""
    network1, network2 = pair.network1, pair.network2
    return sort_coupling(network1.row_deviation, network1, network2.row_deviation, network2).dense()


def _sort_plan_value(pair):
    return Objective(pair.network1, pair.network2).value(_sort_plan(pair))


def _pot(pair, start=None):
    """What POT's conditional gradient reaches from a start; its own default is the product coupling."""
    from ot.gromov import gromov_wasserstein2

    network1, network2 = pair.network1, pair.network2
    return gromov_wasserstein2(network1.dense, network2.dense, network1.weights, network2.weights, G0=start)


def _pot_from_sort(pair):
    return _pot(pair, _sort_plan(pair))


def _pot_best(pair):
    """The best of the product coupling and random couplings."""
    return min(_pot(pair), *(_pot(pair, _random_coupling(pair)) for _ in range(pair.n_init - 1)), np.inf)


def _random_coupling(pair):
    """Halfway from the product coupling to a random vertex of the set of couplings."""
    from ot import emd

    p, q = pair.network1.weights, pair.network2.weights
    vertex = emd(p, q, pair.generator.random((p.size, q.size)))
    return (np.outer(p, q) + vertex) / 2.0


LOWER_METHODS = {"mean_sorted": _mean_sorted} | {name: partial(_lower_bound, name) for name in LOWER_BOUNDS}
UPPER_METHODS = {
    "sort_plan": _sort_plan_value,
    "pot_sort": _pot_from_sort,
    "pot": _pot,
    "pot_best": _pot_best,
    "upper": _upper,
}
METHODS = LOWER_METHODS | UPPER_METHODS
OF_THE_ROOT = ("mean_sorted",)  # bounds of the square root of the value


def compile_methods():
    """Call everything once on three nodes and on three against two, so that no seconds are those of compilation."""
    three, two = (MeasureNetwork(DenseCost(np.eye(n)), np.full(n, 1.0 / n)) for n in (3, 2))
    for other in (three, two):
        measure(Pair(three, other, np.random.default_rng(0), 2))


def measure(pair):
    """Value and seconds of every method."""
    zero = float(rounding(*(NetworkCollection([network]) for network in (pair.network1, pair.network2)))[0, 0])
    return {
        name: _timed(method, pair.afresh(), np.sqrt(zero) if name in OF_THE_ROOT else zero)
        for name, method in METHODS.items()
    }


def _timed(method, pair, zero):
    """The value and the seconds. What is below rounding is zero, for ratios to zeros are infinite."""
    start = thread_time()
    value = float(method(pair))
    return value if value > zero else 0.0, thread_time() - start
