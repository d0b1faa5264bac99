"""Books of bets: what the participants of a sequence of rounds staked, and what came true.

`BeliefBook` holds whole class distributions and settles by any betting function. Constant bets need only what was
staked on the outcome, whatever the number of classes: `OfferBook`, which serves densities as well.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from ._betting import BettingFunction
from ._kernels import CONSTANT, sum_gains
from ._ledger import LOSS_FLOOR, ONE_POINT
from ._rounds import Rounds

__all__ = ["BeliefBook", "OfferBook", "book_of_classifiers"]


@dataclass(frozen=True)
class BeliefBook:
    """Class distributions of every round, the classes that came true, and how beliefs become bets."""

    rounds: Rounds
    codes: np.ndarray
    betting: BettingFunction

    floor = LOSS_FLOOR

    @property
    def n_rounds(self):
        """Number of rounds."""
        return self.rounds.n_rounds

    def take(self, rows):
        """The book of some rounds."""
        return replace(self, rounds=self.rounds.take(rows), codes=self.codes[rows])

    def settle(self, ledger, rates, order=None):
        """Settle the rounds one after the other; returns their losses."""
        return ledger.settle(self.rounds, self.codes, rates, self.betting, order)

    def losses(self, budgets):
        """Minus the log of the prices of what came true, at the same budgets for all rounds; NaN without trade."""
        prices, _ = self.rounds.price(budgets, self.betting)
        with np.errstate(divide="ignore"):
            return -np.log(prices[np.arange(self.n_rounds), self.codes])


@dataclass(frozen=True)
class OfferBook:
    """Constant bets on what came true.

    Attributes
    ----------
    rounds : Rounds
        Who was awake; beliefs and table are not used.
    offers : ndarray of shape (n_offers, n_points)
        What each participant staked on each point that is paid, per unit of budget.
    shares : ndarray of shape (n_points,)
        Shares of the reward of the points.
    log_units : ndarray of shape (n_rounds,) or None
        Offers of a round are in units of the exponential of this, on average over the points; None for units of 1.
    floor : float
        Prices below it count as this in mean losses; 0 for densities.
    """

    rounds: Rounds
    offers: np.ndarray
    shares: np.ndarray = field(default_factory=lambda: ONE_POINT)
    log_units: np.ndarray | None = None
    floor: float = LOSS_FLOOR

    @property
    def n_rounds(self):
        """Number of rounds."""
        return self.rounds.n_rounds

    def take(self, rows):
        """The book of some rounds."""
        units = None if self.log_units is None else self.log_units[rows]
        return replace(
            self, rounds=self.rounds.take(rows), offers=self.offers[self.rounds.offers_of(rows)], log_units=units
        )

    def settle(self, ledger, rates, order=None, *, implicit=False):
        """Settle the rounds one after the other; returns their losses."""
        losses = ledger.settle_offers(self.rounds, self.offers, rates, order, self.shares, implicit)
        return self._in_units(losses, order)

    def losses(self, budgets):
        """Minus the log of the prices of what came true, at the same budgets for all rounds; NaN without trade."""
        return self.gains(budgets, np.ones(self.n_rounds), per_wealth=False)[1]

    def gains(self, budgets, weights, *, per_wealth):
        """Weighted sums of the gains of each participant over all rounds at the same budgets (equation 3), the losses
        of the rounds and what became of them.

        With ``per_wealth`` each gain is divided by the wealth of its round: the gradient of the log likelihood.
        """
        gains = np.zeros(budgets.size)
        losses, outcomes = np.empty(self.n_rounds), np.empty(self.n_rounds, dtype=np.int64)
        book = self.rounds.starts, self.rounds.owners, self.offers, self.shares
        sum_gains(*book, weights, budgets, per_wealth, gains, losses, outcomes)
        return gains, self._in_units(losses), outcomes

    def likelihoods(self, n_participants):
        """Offers as a matrix with a row per round and point, for markets in which everybody is awake.

        Returns
        -------
        likelihoods : ndarray of shape (n_rounds * n_points, n_participants)
            The offers; points of a round follow each other.
        """
        points = self.offers.reshape(self.n_rounds, n_participants, -1)
        return np.ascontiguousarray(points.transpose(0, 2, 1)).reshape(-1, n_participants)

    def _in_units(self, losses, order=None):
        if self.log_units is None:
            return losses
        return losses - (self.log_units if order is None else self.log_units[order])


def book_of_classifiers(beliefs, awake, codes, betting):
    """The book of fitted classifiers: `OfferBook` if bets are constant, else `BeliefBook`.

    Parameters
    ----------
    beliefs : ndarray of shape (n_rounds, n_participants, n_classes)
        Class distributions.
    awake : ndarray of shape (n_rounds, n_participants), bool
        Who takes part.
    codes : ndarray of shape (n_rounds,), int64
        Positions of the true classes.
    betting : BettingFunction
        What is staked.

    Returns
    -------
    book : OfferBook or BeliefBook
        The book.
    """
    rounds = Rounds.of_classifiers(beliefs, awake)
    if betting.code != CONSTANT:
        return BeliefBook(rounds, codes, betting)
    offers = rounds.table[rounds.beliefs, np.repeat(codes, rounds.lengths)]
    return OfferBook(rounds, offers[:, None])
