"""Rounds of trading: who is awake in each row, and what each believes."""

from typing import NamedTuple

import numpy as np

from ._kernels import NO_EQUILIBRIUM, NO_TRADE, price_rounds

__all__ = ["Rounds"]


class Rounds(NamedTuple):
    """The offers of a sequence of rounds, as the kernels take them: see `statlearn.market._kernels`.

    Attributes
    ----------
    starts : ndarray of shape (n_rounds + 1,), int64
        Offers ``starts[i]`` to ``starts[i + 1]`` are those of round i.
    owners : ndarray of shape (n_offers,)
        Participant that makes each offer.
    beliefs : ndarray of shape (n_offers,)
        Row of ``table`` that the offer is.
    table : ndarray of shape (n_rows, n_classes)
        Class distributions.
    """

    starts: np.ndarray
    owners: np.ndarray
    beliefs: np.ndarray
    table: np.ndarray

    @classmethod
    def of_classifiers(cls, beliefs, awake):
        """Rounds of participants that believe something else in every row.

        Parameters
        ----------
        beliefs : ndarray of shape (n_rounds, n_participants, n_classes)
            Class distributions.
        awake : ndarray of shape (n_rounds, n_participants), bool
            Who takes part.

        Returns
        -------
        rounds : Rounds
            The rounds.
        """
        n_rounds, n_participants, n_classes = beliefs.shape
        starts = np.concatenate([[0], np.cumsum(awake.sum(axis=1))])
        rows = np.flatnonzero(awake)
        table = np.ascontiguousarray(beliefs).reshape(-1, n_classes)
        return cls(starts, rows % n_participants, rows, table)

    @property
    def n_rounds(self):
        """Number of rounds."""
        return self.starts.size - 1

    @property
    def lengths(self):
        """Number of offers of each round."""
        return np.diff(self.starts)

    def offers_of(self, rows):
        """Positions of the offers of some rounds, one round after the other."""
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths)
        return np.arange(ends[-1] if ends.size else 0) + np.repeat(self.starts[rows] - ends + lengths, lengths)

    def take(self, rows):
        """Some of the rounds."""
        offers = self.offers_of(rows)
        starts = np.concatenate([[0], np.cumsum(self.lengths[rows])])
        return self._replace(starts=starts, owners=self.owners[offers], beliefs=self.beliefs[offers])

    def price(self, budgets, betting):
        """Price of each round, NaN where nobody trades, and its volume, NaN where there is no equilibrium.

        A betting function that the kernels do not know is called round by round.
        """
        if betting.code is None:
            return self._price_by_hand(budgets, betting)
        prices = np.full((self.n_rounds, self.table.shape[1]), np.nan)
        volumes, outcomes = np.empty(self.n_rounds), np.empty(self.n_rounds, dtype=np.int64)
        price_rounds(*self, budgets, betting.code, betting.epsilon, prices, volumes, outcomes)
        volumes[outcomes == NO_EQUILIBRIUM] = np.nan
        volumes[outcomes == NO_TRADE] = 0.0
        return prices, volumes

    def _price_by_hand(self, budgets, betting):
        prices, volumes = np.empty((self.n_rounds, self.table.shape[1])), np.empty(self.n_rounds)
        for i, (start, stop) in enumerate(zip(self.starts, self.starts[1:], strict=False)):
            own = budgets[self.owners[start:stop]]
            prices[i], volumes[i] = betting.price(self.table[self.beliefs[start:stop]], own)
        return prices, volumes
