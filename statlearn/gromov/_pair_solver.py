"""The value of one pair of graphs of a collection, as a function of nothing but the two graphs."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from .._support.random_streams import spawn_generators
from ._interval import bound_networks

__all__ = ["PairBounds", "PairSolver"]

SEED_BYTES = 4


class PairBounds(NamedTuple):
    """A proved interval around the value of a pair, and whether it took a search."""

    lower: float
    upper: float
    searched: bool


class PairSolver:
    """Bounds of pairs that depend neither on which network comes first nor on which other pairs are solved.

    The search for a coupling is a local one, so that its result may change when the networks change places, and random
    starts change with the number of the task. Here the networks are ordered by their keys and the random stream of a
    pair is drawn from its keys, so that a distance matrix is symmetric, the same graph is as far from another in
    training as in prediction, and the order of a collection does not matter.

    Parameters
    ----------
    n_random : int, default=0
        Random starts of each pair beyond the structured ones.
    random_state : int, RandomState instance, Generator or None, default=None
        Their source.
    """

    def __init__(self, n_random=0, random_state=None):
        self.n_random = n_random
        self.salt = spawn_generators(random_state, 1)[0].bytes(SEED_BYTES) if n_random else b""

    def solve(self, first, i, second, k):
        """`PairBounds` of network ``i`` of one collection and network ``k`` of another.

        Networks that are equal node by node are at distance zero, which takes no search.
        """
        pair = [(first.keys[i], first.networks[i]), (second.keys[k], second.networks[k])]
        (key1, network1), (key2, network2) = sorted(pair, key=lambda keyed: keyed[0])
        if key1 == key2:
            return PairBounds(0.0, 0.0, searched=False)
        generator = self._generator(key1, key2)
        found = bound_networks(network1, network2, n_random=self.n_random, n_jobs=1, generator=generator)
        return PairBounds(found.lower, found.upper, searched=True)

    def values(self, first, second):
        """Upper bounds of all pairs of two collections."""
        pairs = [[self.solve(first, i, second, k) for k in range(len(second))] for i in range(len(first))]
        return np.array([[pair.upper for pair in row] for row in pairs])

    def _generator(self, key1, key2):
        if not self.n_random:
            return None
        seed = blake2b(key1 + key2, key=self.salt, digest_size=SEED_BYTES).digest()
        return spawn_generators(int.from_bytes(seed), 1)[0]
