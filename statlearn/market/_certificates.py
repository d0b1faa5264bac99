"""What a trained market can vouch for."""

import numpy as np

from ..certificate import Certificate, Check
from ._books import OfferBook

__all__ = ["conservation", "market_certificate", "stream_certificate"]

CONSERVED = 1e-9  # relative change of the sum of all budgets that rounding explains
CLEARED = 1e-9  # stakes per wealth that the price may leave unpaid
N_CLEARED = 200  # rounds whose price equation is checked again
MIXTURE_GAP = 1e-6  # of the mean log likelihood


def market_certificate(training, book, weights, *, claim, assumptions, learning_rate=None, names=None):
    """The certificate of a trained market.

    Parameters
    ----------
    training : Training
        What training left.
    book : BeliefBook or OfferBook
        What was bet.
    weights : ndarray of shape (n_rounds,)
        Weights of the rounds.
    claim : str
        What the market is.
    assumptions : sequence of str
        What nothing verified.
    learning_rate : float or None, default=None
        That of online passes, which have a bound on the regret; None for other updates.
    names : sequence of str or None, default=None
        Names of the participants.

    Returns
    -------
    certificate : Certificate
        The checks.
    """
    ledger = training.ledger
    checks = [conservation(ledger.budgets, ledger.initial.sum())]
    if not isinstance(book, OfferBook):
        checks.append(clearing(book, ledger.budgets))
    if learning_rate is not None and training.first is not None and _rates_are_equal(weights) and ledger.tax == 0.0:
        checks.extend(regret(book, training.first, ledger.initial, learning_rate, names))
    if training.gap is not None:
        held = bool(training.gap <= MIXTURE_GAP)
        detail = "of the mean log likelihood to its largest value over all budgets, at most"
        checks.append(Check("missing log likelihood", training.gap, MIXTURE_GAP, held, "proof", detail))
    if training.held_out is not None:
        checks.append(held_out_loss(training.held_out.curve))
    checks.append(unsettled(ledger))
    return Certificate(claim, checks, assumptions)


def stream_certificate(ledger, claim, assumptions):
    """The certificate of a market that trades on a stream, of which no row is kept."""
    return Certificate(claim, [conservation(ledger.budgets, ledger.initial.sum()), unsettled(ledger)], assumptions)


def conservation(budgets, total):
    """Whether the sum of the budgets is what it was."""
    change = abs(float(budgets.sum()) - total) / total
    return Check("budget conservation", change, CONSERVED, bool(change <= CONSERVED), "numerical", "of all budgets")


def clearing(book, budgets):
    """Whether prices solve their equation ``F_k(c) = n c_k``, as far as a sample of rounds can tell."""
    rounds = book.rounds.take(np.unique(np.linspace(0, book.n_rounds - 1, N_CLEARED).astype(int)))
    prices, volumes = rounds.price(budgets, book.betting)
    worst = 0.0
    for i in np.flatnonzero(volumes > 0.0):
        offers = slice(rounds.starts[i], rounds.starts[i + 1])
        own = budgets[rounds.owners[offers]]
        stakes = own @ book.betting.bets(rounds.table[rounds.beliefs[offers]], prices[i])
        worst = max(worst, np.abs(stakes - stakes.sum() * prices[i]).max() / own.sum())
    detail = f"largest of {rounds.n_rounds} rounds"
    return Check("price equation", worst, CLEARED, bool(worst <= CLEARED), "numerical", detail)


def regret(book, first, initial, learning_rate, names):
    """Regret of the first pass against the participant that comes closest to its bound (equation 4)."""
    if not isinstance(book, OfferBook) or book.offers.shape[1] != 1:
        return
    losses = np.zeros(book.n_rounds)
    losses[first.order] = np.where(np.isfinite(first.losses), first.losses, 0.0)
    settled = np.zeros(book.n_rounds, dtype=bool)
    settled[first.order] = np.isfinite(first.losses)
    lengths = book.rounds.lengths
    with np.errstate(divide="ignore"):
        own = np.log(book.offers[:, 0])
    if book.log_units is not None:
        own = own + np.repeat(book.log_units, lengths)
    terms = np.where(np.repeat(settled, lengths), np.repeat(losses, lengths) + own, 0.0)
    regrets = np.bincount(book.rounds.owners, terms, minlength=initial.size)
    with np.errstate(divide="ignore"):
        bounds = np.log(initial.sum() / initial) / learning_rate
    closest = int(np.argmax(np.where(initial > 0.0, regrets - bounds, -np.inf)))
    found, bound = float(regrets[closest]), float(bounds[closest])
    rounding = 1e-9 * max(1.0, np.abs(losses).sum())
    who = f"participant {closest}" if names is None else repr(names[closest])
    detail = f"sum of log losses less that of {who}, closest to the bound, while awake"
    yield Check("regret of the first pass", found, bound, bool(found <= bound + rounding), "proof", detail)


def held_out_loss(curve):
    """The loss of held-out rounds at the number of passes that was chosen on them."""
    best = int(np.argmin(curve))
    detail = f"mean, after the number of passes chosen on it ({best}); bound: with the budgets at the start"
    return Check("held-out loss", float(curve[best]), float(curve[0]), None, "reported", detail)


def unsettled(ledger):
    """Rounds that taught nothing."""
    counts = [f"{count} {name.replace('_', ' ')}" for name, count in ledger.counts.items() if count]
    detail = ", ".join(counts) or "all rounds were settled"
    return Check("rounds not settled", sum(ledger.counts.values()), None, None, "reported", detail)


def _rates_are_equal(weights):
    positive = weights[weights > 0.0]
    return positive.size > 0 and bool((positive == positive[0]).all())
