"""What a trained market can vouch for."""

import numpy as np

from ..certificate import Certificate, Check
from ._books import OfferBook

__all__ = ["conservation", "market_certificate", "stream_certificate"]

CONSERVED = 1e-9  # relative change of the sum of all budgets that rounding explains
CLEARED = 1e-9  # stakes per wealth that the price may leave unpaid
N_CLEARED = 200  # rounds whose price equation is checked again
LARGEST_GAP = 1e-6  # of the mean log likelihood that a certificate passes


def market_certificate(training, book, weights, *, claim, assumptions, learning_rate=None, names=None, reported=()):
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
    reported : sequence of Check, default=()
        What participants say of themselves.

    Returns
    -------
    certificate : Certificate
        The checks.
    """
    ledger = training.ledger
    checks = [conservation(ledger.budgets, ledger.initial.sum())]
    if not isinstance(book, OfferBook):
        checks.append(clearing(book, ledger.budgets))
    if learning_rate is not None and _has_bound(training, book, weights):
        checks.append(regret(book, training.first, ledger.initial, learning_rate, names))
    if training.gap is not None:
        held = bool(training.gap <= LARGEST_GAP)
        detail = "mean log likelihood of the best budgets of those who had one, less that of these, at most"
        checks.append(Check("missing log likelihood", training.gap, LARGEST_GAP, held, "proof", detail))
    if training.held_out is not None:
        checks.append(held_out_loss(training.held_out.curve))
    silent = int(np.count_nonzero((weights > 0.0) & (book.rounds.lengths == 0)))
    checks.append(Check("rows without bets", silent, None, None, "reported", f"of {book.n_rounds}: nobody was awake"))
    checks.append(unsettled(ledger, training.n_iter))
    return Certificate(claim, [*checks, *reported], assumptions)


def stream_certificate(ledger, loss, claim, assumptions, reported=()):
    """The certificate of a market on a stream, of which no row is kept.

    ``loss`` is that of the last rows, and ``reported`` has checks of what participants say of themselves.
    """
    checks = [
        conservation(ledger.budgets, ledger.initial.sum()),
        Check("loss of the last rows", loss, None, None, "reported", "mean, each priced before it was settled"),
        unsettled(ledger),
        *reported,
    ]
    return Certificate(claim, checks, assumptions)


def conservation(budgets, total):
    """Whether the sum of the budgets is what it was."""
    change = abs(float(budgets.sum()) - total) / total
    detail = "change of their sum, relative to it"
    return Check("budget conservation", change, CONSERVED, bool(change <= CONSERVED), "numerical", detail)


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
    """Regret of the first pass against the participant that comes closest to its bound (equation 4).

    What was taken from all for those who would have fallen below the smallest budget is added to the bound.
    """
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
        bounds = (np.log(initial.sum() / initial) + first.lifted) / learning_rate
    closest = int(np.argmax(np.where(initial > 0.0, regrets - bounds, -np.inf)))
    found, bound = float(regrets[closest]), float(bounds[closest])
    rounding = 1e-9 * max(1.0, np.abs(losses).sum())
    who = f"participant {closest}" if names is None else repr(names[closest])
    detail = f"sum of log losses less that of {who}, who came closest to the bound; below 0 the market was better"
    return Check("regret of the first pass", found, bound, bool(found <= bound + rounding), "proof", detail)


def held_out_loss(curve):
    """The loss of held-out rounds at the number of passes that was chosen on them."""
    best = int(np.argmin(curve))
    detail = f"mean, after the number of passes chosen on it ({best}); with the budgets of the start {curve[0]:.4g}"
    return Check("held-out loss", float(curve[best]), None, None, "reported", detail)


def unsettled(ledger, n_passes=1):
    """Rounds that taught nothing."""
    counts = [f"{count} {name.replace('_', ' ')}" for name, count in ledger.counts.items() if count]
    otherwise = "all rounds were settled" if n_passes else "no pass was made: budgets are those of the start"
    detail = ", ".join(counts) or otherwise
    return Check("rounds not settled", sum(ledger.counts.values()), None, None, "reported", detail)


def _has_bound(training, book, weights):
    """Whether the bound on the regret is known: constant bets on one point, at one rate, without tax."""
    rates_are_equal = np.unique(weights[weights > 0.0]).size == 1
    has_offers = isinstance(book, OfferBook) and book.offers.shape[1] == 1
    return training.first is not None and has_offers and rates_are_equal and training.ledger.tax == 0.0
