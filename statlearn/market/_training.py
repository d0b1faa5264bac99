"""Training of budgets: passes over a book of bets, early stopping, and what is remembered of it.

The passes are plain objects with one method, ``run(ledger, book, order)``, which settles and returns losses.
"""

from copy import copy
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np

from ._kernels import NO_TRADE, TRADED, UNSETTLED
from ._ledger import Ledger, mean_loss
from ._mixture import fit_mixture

__all__ = ["MAX_HISTORY", "PATIENCE", "History", "Training", "rates_of", "train", "usable_rounds"]

PATIENCE = 3  # passes without a smaller validation loss after which training stops
MAX_HISTORY = 1000  # points of the history
SMALLEST_STEP = 1e-12
MIXTURE_TOLERANCE = 1e-10  # gap of the mean log likelihood at which Newton's method stops


class Training(NamedTuple):
    """What training leaves.

    Attributes
    ----------
    ledger : Ledger
        The budgets.
    n_iter : int
        Passes over all rounds, or Newton steps.
    loss_curve : ndarray of shape (n_iter,)
        Mean loss of each pass, every round at the price before it was settled; before and after for a mixture.
    history : History
        Paths of the budgets.
    first : FirstPass or None
        The first pass; None if there was none.
    held_out : HeldOut or None
        The held-out rounds; None without early stopping.
    gap : float or None
        What is missing to the largest mean log likelihood at most, where it was maximized.
    """

    ledger: Ledger
    n_iter: int
    loss_curve: np.ndarray
    history: "History"
    first: "FirstPass | None" = None
    held_out: "HeldOut | None" = None
    gap: float | None = None


class HeldOut(NamedTuple):
    """Rounds that the number of passes was chosen on: their mean losses after 0, 1, ... passes over the others, and the
    budgets after the best number of passes, which did not see them."""

    rounds: np.ndarray
    curve: np.ndarray
    budgets: np.ndarray


class FirstPass(NamedTuple):
    """The order of the rounds in the first pass, their losses, and ``lifted`` of the ledger after it."""

    order: np.ndarray
    losses: np.ndarray
    lifted: float


class History:
    """Paths of budgets over the settled rounds, thinned to at most `MAX_HISTORY` points."""

    def __init__(self):
        self.rounds, self.budgets, self._stride, self._seen = [], [], 1, 0
        self._last = None

    def copy(self):
        """A history that goes on by itself."""
        twin = copy(self)
        twin.rounds, twin.budgets = self.rounds.copy(), self.budgets.copy()
        return twin

    def record(self, n_settled, budgets):
        """Add a point, unless it falls between those that are kept. The last one is always kept."""
        self._last = n_settled, budgets
        if self._seen % self._stride == 0:
            self.rounds.append(n_settled)
            self.budgets.append(budgets)
        self._seen += 1
        if len(self.rounds) > MAX_HISTORY:
            self.rounds, self.budgets, self._stride = self.rounds[::2], self.budgets[::2], 2 * self._stride

    def to_dict(self):
        """Numbers of settled rounds, and the budgets after them, as arrays."""
        is_thinned = self.rounds[-1] != self._last[0]
        rounds, budgets = ([part] if is_thinned else [] for part in self._last)
        return {"rounds": np.array(self.rounds + rounds), "budgets": np.array(self.budgets + budgets)}


def rates_of(learning_rate, weights):
    """Learning rates of rounds with weights: in proportion to them, at most 1, and of that mean without zeros."""
    positive = weights[weights > 0.0]
    return np.minimum(1.0, learning_rate * (weights / positive.mean())) if positive.size else np.zeros_like(weights)


class OnlinePass:
    """Settle round after round (equation 1), or by implicit online steps."""

    def __init__(self, learning_rate, weights, **options):
        self.rates, self.options = rates_of(learning_rate, weights), options

    def run(self, ledger, book, order):
        return book.settle(ledger, self.rates, order, **self.options)


class BatchPass:
    """Settle all rounds at the same prices (equation 3).

    Gains are divided by the weight of the rounds that the busiest participant is awake in, which is that of all rounds
    unless everybody sleeps at times.
    """

    def __init__(self, learning_rate, weights):
        self.learning_rate, self.weights = learning_rate, weights

    def run(self, ledger, book, order):
        weights = only(order, self.weights)
        gains, losses, outcomes = book.gains(ledger.budgets, weights, per_wealth=False)
        awake = np.bincount(book.rounds.owners, np.repeat(weights, book.rounds.lengths), minlength=gains.size)
        ledger.multiply(1.0 + self.learning_rate * gains / max(awake.max(), np.finfo(float).tiny), outcomes, weights)
        return losses[order]


class LikelihoodPass:
    """A step up the gradient of the log likelihood of the prices by exponentiated weights, short enough to gain."""

    def __init__(self, learning_rate, weights):
        self.step, self.weights = learning_rate, weights

    def run(self, ledger, book, order):
        weights, budgets = only(order, self.weights), ledger.budgets
        gains, losses, outcomes = book.gains(budgets, weights, per_wealth=True)
        gradient = gains * (budgets.sum() / weights.sum())
        before = mean_loss(losses, weights, book.floor)
        while self.step > SMALLEST_STEP:
            factors = np.exp(self.step * (gradient - gradient.max()))
            factors *= budgets.sum() / (factors @ budgets)
            if mean_loss(book.losses(budgets * factors), weights, book.floor) <= before:
                ledger.multiply(factors, outcomes, weights)
                self.step *= 2.0
                break
            self.step *= 0.5
        return losses[order]


def only(order, weights):
    """Weights of the rounds of ``order``, and 0 for the others."""
    kept = np.zeros_like(weights)
    kept[order] = weights[order]
    return kept


PASSES = {
    "online": OnlinePass,
    "implicit": partial(OnlinePass, implicit=True),
    "batch": BatchPass,
    "likelihood": LikelihoodPass,
}


def train(book, weights, initial, *, update, learning_rate, n_epochs, tax, validation_fraction, shuffle, rng, **watch):
    """Train budgets on a book of bets.

    Parameters
    ----------
    book : BeliefBook or OfferBook
        The bets.
    weights : ndarray of shape (n_rounds,)
        Weights of the rounds.
    initial : ndarray of shape (n_participants,)
        Budgets at the start.
    update : {"online", "implicit", "batch", "likelihood", "em"}
        The kind of passes; "em" finds the budgets of greatest likelihood.
    learning_rate : float
        Factor on every bet.
    n_epochs : int
        Largest number of passes.
    tax : float
        See `Ledger`.
    validation_fraction : float or None
        Share of the rounds on which the number of passes is chosen before all rounds are trained on; None trains
        ``n_epochs``.
    shuffle : bool
        Whether each pass has an order of its own. Without, the last rounds are the ones for validation.
    rng : numpy.random.Generator
        Draws the orders.
    **watch
        ``summarize`` and ``points_per_pass`` of the history, and ``step``, called after each pass.

    Returns
    -------
    training : Training
        The result.
    """
    if update == "em":
        return _train_mixture(book, weights, initial, n_epochs, tax, watch["summarize"])
    make_pass, held_out = partial(PASSES[update], learning_rate, weights), None
    if validation_fraction is not None and n_epochs > 0:
        usable = usable_rounds(book, weights)
        everything = rng.permutation(usable) if shuffle else usable
        kept, last = np.split(everything, [-max(1, round(validation_fraction * usable.size))])
        rival = Ledger(initial, tax), make_pass(), np.sort(kept), rng if shuffle else None
        held_out = _validate(book, weights, np.sort(last), n_epochs, *rival, watch["step"])
        n_epochs = int(np.argmin(held_out.curve))
    orders = _orders(np.arange(book.n_rounds), n_epochs, rng if shuffle else None)
    return _run(book, weights, Ledger(initial, tax), make_pass(), orders, held_out, **watch)


def usable_rounds(book, weights):
    """Rounds with a weight, in which somebody is awake."""
    return np.flatnonzero((weights > 0.0) & (book.rounds.lengths > 0))


def _orders(rows, n_epochs, rng):
    """An order of the rows for each pass: random ones, unless ``rng`` is None."""
    for _ in range(n_epochs):
        yield rows if rng is None else rng.permutation(rows)


def _validate(book, weights, held_out, n_epochs, ledger, single, kept, rng, step):
    """How held-out rounds fare after 0, 1, ... passes over the others."""
    rival, curve, best = book.take(held_out), [], ledger.budgets
    for order in chain([None], _orders(kept, n_epochs, rng)):
        if order is not None:
            single.run(ledger, book, order)
        curve.append(mean_loss(rival.losses(ledger.budgets), weights[held_out], book.floor))
        if np.isnan(curve[-1]):
            raise ValueError(
                f"nobody has anything to bet in any of the {held_out.size} rows held out for early stopping. Set "
                "early_stopping=False, or shuffle=True."
            )
        n_since_best = len(curve) - 1 - int(np.argmin(curve))
        best = ledger.budgets if n_since_best == 0 else best
        if n_since_best >= PATIENCE or (order is not None and step(ledger)):
            break
    return HeldOut(held_out, np.array(curve), best)


def _run(book, weights, ledger, single, orders, held_out, summarize, points_per_pass, step):
    history, first, losses_of_passes = History(), None, []
    n_pieces = points_per_pass if isinstance(single, OnlinePass) else 1
    history.record(0, summarize(ledger.budgets))
    for order in orders:
        losses = []
        for piece in np.array_split(order, min(n_pieces, order.size)):
            losses.append(single.run(ledger, book, piece))
            history.record(ledger.n_settled, summarize(ledger.budgets))
        losses = np.concatenate(losses)
        first = first or FirstPass(order, losses, ledger.lifted)
        losses_of_passes.append(mean_loss(losses, weights[order], book.floor))
        if step(ledger):
            break
    return Training(ledger, len(losses_of_passes), np.array(losses_of_passes), history, first, held_out)


def _train_mixture(book, weights, initial, n_epochs, tax, summarize):
    """Budgets of greatest likelihood, where everybody is awake."""
    ledger, history, losses = Ledger(initial, tax), History(), book.losses(initial)
    history.record(0, summarize(initial))
    outcomes = np.where(np.isinf(losses), UNSETTLED, np.where(np.isnan(losses), NO_TRADE, TRADED))
    usable = (outcomes == TRADED) & (weights > 0.0)
    if n_epochs == 0 or not usable.any():
        return Training(ledger, 0, np.empty(0), history)
    likelihoods = book.likelihoods(initial.size)[np.repeat(usable, book.shares.size)]
    point_weights = np.outer(weights[usable], book.shares).ravel()
    mixture = fit_mixture(likelihoods, point_weights, initial, tol=MIXTURE_TOLERANCE, max_iter=n_epochs)
    factors = np.divide(mixture.weights * initial.sum(), initial, where=initial > 0.0, out=np.zeros_like(initial))
    ledger.multiply(factors, outcomes, weights)
    history.record(ledger.n_settled, summarize(ledger.budgets))
    curve = np.array([mean_loss(part, weights, book.floor) for part in (losses, book.losses(ledger.budgets))])
    return Training(ledger, mixture.n_iter, curve, history, gap=mixture.gap)
