"""The budgets of a market, and what happened to them round after round."""

import numpy as np

from ._kernels import NO_EQUILIBRIUM, NO_TRADE, TRADED, UNSETTLED, settle_offers, settle_rounds, taxed

__all__ = ["LOSS_FLOOR", "MIN_BUDGET", "ONE_POINT", "Ledger", "mean_loss"]

MIN_BUDGET = 1e-100  # of the mean budget: where losing participants stay, so that they can come back
LOSS_FLOOR = 1e-6  # a lower price of the true class counts as this in mean losses, which one row could make infinite
ONE_POINT = np.ones(1)  # the true class or value alone is paid


class Ledger:
    """Budgets of participants, settled round by round.

    Parameters
    ----------
    initial : ndarray of shape (n_participants,)
        Budgets at the start, not negative. A budget of 0 stays 0.
    tax : float
        Share of every budget that is replaced by the same share of its initial value after each settled round.

    Attributes
    ----------
    n_settled : int
        Rounds that were settled.
    counts : dict of str to int
        Rounds that were not: ``"no_trade"``, ``"no_equilibrium"`` and ``"unsettled"`` (nobody bet on the truth).
    lifted : float
        Sum over the rounds of the logarithms of the factors by which the wealth of a round was scaled down for those
        who would have fallen below the smallest budget.
    """

    def __init__(self, initial, tax=0.0):
        self.initial, self.tax = np.array(initial, dtype=np.float64), float(tax)
        self.n_settled, self.counts = 0, dict.fromkeys(("no_trade", "no_equilibrium", "unsettled"), 0)
        self._raw = self.initial.copy()
        self._settled_at = np.zeros(self.initial.size, dtype=np.int64)
        self._smallest, self._lifted = MIN_BUDGET * self.initial.mean(), np.zeros(1)

    @property
    def lifted(self):
        return float(self._lifted[0])

    @property
    def budgets(self):
        """Budgets now, after tax."""
        return taxed(self._raw, self._settled_at, self.n_settled, self.initial, self.tax)

    def settle(self, rounds, codes, rates, betting, order=None):
        """Price and settle rounds one after the other.

        Parameters
        ----------
        rounds : Rounds
            The rounds.
        codes : ndarray of shape (n_rounds,), int64
            Positions of the true classes.
        rates : ndarray of shape (n_rounds,)
            Learning rates; a round with rate 0 is skipped.
        betting : BettingFunction
            What is staked. One that the kernels do not know is called row by row.
        order : ndarray of int or None, default=None
            Order of the rounds; None is as they are.

        Returns
        -------
        losses : ndarray of shape (order.size,)
            Minus the log of the price of the true class before it was known, in the order of the rounds; NaN without
            trade or when skipped.
        """
        order = np.arange(rounds.n_rounds) if order is None else order
        losses, outcomes = self._outcomes(order.size)
        if betting.code is None:
            self._settle_by_hand(order, rounds, codes, rates, betting, losses, outcomes)
        else:
            state = self._raw, self._settled_at, self.n_settled, self.initial, self.tax, self._smallest, self._lifted
            self.n_settled = settle_rounds(
                order, *rounds, codes, rates, *state, betting.code, betting.epsilon, losses, outcomes
            )
        self._count(outcomes)
        return losses

    def settle_offers(self, rounds, offers, rates, order=None, shares=ONE_POINT, implicit=False):
        """The same for constant bets, of which only those that pay matter: ``offers`` of shape (n_offers, n_points)."""
        order = np.arange(rounds.n_rounds) if order is None else order
        losses, outcomes = self._outcomes(order.size)
        state = self._raw, self._settled_at, self.n_settled, self.initial, self.tax, self._smallest, self._lifted
        self.n_settled = settle_offers(
            order, rounds.starts, rounds.owners, offers, shares, rates, *state, implicit, losses, outcomes
        )
        self._count(outcomes)
        return losses

    def multiply(self, factors, outcomes, weights):
        """Multiply all budgets at once, keeping their sum; ``outcomes`` are those of the rounds that were looked at,
        of which only the ones with positive weights count."""
        before, outcomes = self.budgets, outcomes[weights > 0.0]
        after = np.where(before > 0.0, np.maximum(before * factors, self._smallest), 0.0)
        after *= before.sum() / after.sum()
        self._raw = self.initial + (1.0 - self.tax) * (after - self.initial)
        self.n_settled += int(np.count_nonzero(outcomes == TRADED))
        self._settled_at[:] = self.n_settled
        self._count(outcomes)

    def _outcomes(self, n_rounds):
        return np.full(n_rounds, np.nan), np.full(n_rounds, TRADED)

    def _count(self, outcomes):
        for name, outcome in (("no_trade", NO_TRADE), ("no_equilibrium", NO_EQUILIBRIUM), ("unsettled", UNSETTLED)):
            self.counts[name] += int(np.count_nonzero(outcomes == outcome))

    def _settle_by_hand(self, order, rounds, codes, rates, betting, losses, outcomes):
        for position in np.flatnonzero(rates[order] > 0.0):
            i = order[position]
            offers = slice(rounds.starts[i], rounds.starts[i + 1])
            owners, beliefs, y = rounds.owners[offers], rounds.table[rounds.beliefs[offers]], codes[i]
            before = self.budgets[owners]
            price, volume = betting.price(beliefs, before)
            losses[position] = -np.log(price[y]) if price[y] > 0.0 else np.inf if price[y] == 0.0 else np.nan
            outcomes[position] = _outcome(price[y], volume)
            if outcomes[position] != TRADED:
                continue
            after = betting.settle(beliefs, before, price, y, rates[i])
            after = np.where(before > 0.0, np.maximum(after, self._smallest), 0.0)
            self._raw[owners] = after * (before.sum() / after.sum())
            self._settled_at[owners] = self.n_settled
            self.n_settled += 1


def _outcome(price, volume):
    if np.isnan(price):
        return NO_TRADE
    if np.isnan(volume):
        return NO_EQUILIBRIUM
    return UNSETTLED if price == 0.0 else TRADED


def mean_loss(losses, weights=None, floor=LOSS_FLOOR):
    """Mean loss of the rounds that were traded, with prices below ``floor`` counted as that; NaN if there are none."""
    traded = ~np.isnan(losses) if weights is None else ~np.isnan(losses) & (weights > 0.0)
    if not traded.any():
        return np.nan
    largest = -np.log(floor) if floor > 0.0 else np.inf
    return float(np.average(np.minimum(losses[traded], largest), weights=None if weights is None else weights[traded]))
