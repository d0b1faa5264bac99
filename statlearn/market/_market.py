"""What all markets with trained budgets share."""

from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import Interval, StrOptions
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight
from ._certificates import market_certificate, stream_certificate
from ._ledger import mean_loss
from ._training import History, train, usable_rounds

__all__ = ["SAME", "TRAINING_CONSTRAINTS", "UNSEEN", "TrainedMarket"]

EARNED = " Budgets were earned on rows that their owners were not fitted to."
SAME = "new rows resemble the training rows"
UNSEEN = "participants had not seen the rows they bet on"

TRAINING_CONSTRAINTS = {
    "learning_rate": [Interval(Real, 0, 1, closed="right")],
    "update": [StrOptions({"online", "implicit", "batch", "likelihood"})],
    "n_epochs": [Interval(Integral, 0, None, closed="left")],
    "tax": [Interval(Real, 0, 1, closed="left")],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
}
MIN_VALIDATION = 10  # held-out rows below which early_stopping="auto" is off


class TrainedMarket:
    """Mixin of estimators whose budgets are trained on a `BeliefBook` or an `OfferBook`.

    An estimator has the parameters of `TRAINING_CONSTRAINTS`. Fitted attributes are ``_ledger``, ``_history`` and those
    that `_store_ledger` and `_train` set.
    """

    points_per_pass = 50  # of the history

    def _train(self, book, weights, initial, rng, progress, *, claim, assumptions, unseen, names=None):
        """Train the budgets on a book, and certify them; ``unseen``: participants were fitted to other rows."""
        n_usable = usable_rounds(book, weights).size
        if n_usable == 0:
            raise ValueError("no row with a positive weight, in which somebody is awake, is left to train budgets on.")
        training = train(
            book,
            weights,
            initial,
            update=self.update,
            learning_rate=self.learning_rate,
            n_epochs=self.n_epochs,
            tax=self.tax,
            validation_fraction=self.validation_fraction if self._stops_early(n_usable) else None,
            shuffle=self.shuffle,
            rng=rng,
            summarize=self._summary,
            points_per_pass=self.points_per_pass,
            step=lambda ledger: progress.step(lambda: {"budgets_": ledger.budgets}, "pass"),
        )
        self.n_iter_, self.loss_curve_ = training.n_iter, training.loss_curve
        self.validation_loss_ = None if training.held_out is None else training.held_out.curve
        self._history, self._settled_rules = training.history, self._rules()
        self._store_ledger(training.ledger)
        self.certificate_ = market_certificate(
            training,
            book,
            weights,
            claim=claim + EARNED if unseen and training.n_iter > 0 else claim,
            assumptions=assumptions,
            learning_rate=self.learning_rate if self.update == "online" else None,
            names=names,
            reported=self._reported_checks(),
        )
        if training.gap is not None and not self.certificate_["missing log likelihood"].holds:
            warn_user(
                f"{self.n_iter_} steps did not find the budgets of greatest likelihood. Increase n_epochs.",
                ConvergenceWarning,
            )
        return training

    def _stops_early(self, n_rounds):
        """Whether the number of passes is chosen on held-out rounds."""
        if self.update == "em":
            self._check_em()
        if self.early_stopping == "auto":
            return self.update != "em" and self.validation_fraction * n_rounds >= MIN_VALIDATION
        return self.early_stopping

    def _check_em(self):
        if self.early_stopping is True:
            raise ValueError(
                "early_stopping=True needs passes to choose from, and update='em' finds the budgets of greatest "
                "likelihood. Choose update='batch', or early_stopping='auto'."
            )
        if self.tax > 0.0:
            raise ValueError(f"update='em' finds the budgets of greatest likelihood, and tax={self.tax} moves them.")

    def _rules(self):
        """The parameters that must stay while a market goes on, by name."""
        return {"tax": self.tax}

    def _check_stream(self):
        """Whether `partial_fit` can settle rows, and goes on by the rules that the market began with."""
        if self.update not in ("online", "implicit"):
            raise ValueError(
                f"partial_fit settles row after row, and update={self.update!r} does not. Call "
                "set_params(update='online') first."
            )
        for name, value in getattr(self, "_settled_rules", {}).items():
            if repr(getattr(self, name)) != repr(value):
                raise ValueError(
                    f"the market began with {name}={value!r}, and {name} is {getattr(self, name)!r} now. Set it back, "
                    "or call fit."
                )

    def _factors(self, sample_weight, X):
        """Weights of the rows of a stream; a chunk may have none."""
        options = {"ensure_non_negative": True, "allow_all_zero_weights": True}
        return check_sample_weight(sample_weight, X, dtype=np.float64, **options)

    def _begin(self, ledger):
        """Start a market that `_settle` continues."""
        self._history, self._settled_rules, self.n_iter_ = History(), self._rules(), 0
        self._history.record(0, self._summary(ledger.budgets))
        self.loss_curve_, self.validation_loss_ = np.empty(0), None
        return ledger

    def _settle(self, ledger, book, weights, *, claim, assumptions):
        """Settle the rounds of a book one after the other, each with ``learning_rate`` times its weight as rate."""
        options = {"implicit": True} if self.update == "implicit" else {}
        losses = book.settle(ledger, np.minimum(1.0, self.learning_rate * weights), **options)
        loss = mean_loss(losses, weights, book.floor)
        self.loss_curve_ = np.append(self.loss_curve_, loss)
        self._history = self._history.copy()
        self._history.record(ledger.n_settled, self._summary(ledger.budgets))
        self._store_ledger(ledger)
        self.certificate_ = stream_certificate(ledger, loss, claim, assumptions, self._reported_checks())

    def _reported_checks(self):
        """What participants that can have certificates say of themselves."""
        return []

    def _store_ledger(self, ledger):
        self._ledger, self.budgets_ = ledger, ledger.budgets
        self.n_no_trade_, self.n_no_equilibrium_, self.n_unsettled_ = (
            ledger.counts[name] for name in ("no_trade", "no_equilibrium", "unsettled")
        )

    def _summary(self, budgets):
        """What the history keeps of the budgets."""
        return budgets

    @property
    def history_(self) -> dict[str, np.ndarray]:
        """Budgets over the settled rounds: ``"rounds"``, their numbers, and ``"budgets"``, a row for each."""
        return self._history.to_dict()
