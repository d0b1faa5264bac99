"""What the markets of the leaves, nodes or trees of a forest share."""

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import HasMethods, StrOptions, _safe_indexing
from .._support.base import StatlearnEstimator
from .._support.progress import CallbackSupportMixin
from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from .._support.validation import validate_data
from ..exceptions import SeenRowsWarning
from ._leaves import forest_participants
from ._market import SAME, TRAINING_CONSTRAINTS, TrainedMarket
from ._training import usable_rounds
from ._trees import forest_trees, leaf_numbers, out_of_bag, were_seen

__all__ = ["FOREST_CONSTRAINTS", "STREAM", "ForestMarket", "honest_prices"]

BANKRUPT = 1e-6  # of the budget at the start
ASSUMPTIONS = {
    "oob": "rows that a tree did not see are like new ones",
    "holdout": "rows that the forest did not see are like new ones",
    "train": "rows that trees were fitted to are like new ones, which they hardly are",
}
STREAM = (SAME, "the forest had not seen the rows of the stream")
UNSEEN_BY_FITTED = {
    "oob": "rows are those, in their order, that the fitted forest was fitted to",
    "holdout": "the fitted forest had not seen these rows",
}
SEEN = (
    "budgets are trained on rows that {who} was fitted to, on which its leaves are right by construction, so that they "
    "learn little or nothing: {cure}."
)

FOREST_CONSTRAINTS = {
    **TRAINING_CONSTRAINTS,
    "estimator": [HasMethods(["fit", "predict"]), None],
    "participants": [StrOptions({"leaf", "tree", "node"})],
    "training_rows": [StrOptions({"auto", "oob", "train", "holdout"})],
    "prefit": ["boolean"],
    "n_jobs": [int, None],
}


class ForestMarket(TrainedMarket, CallbackSupportMixin, MetaEstimatorMixin, StatlearnEstimator):
    """A market whose participants are parts of a forest, with the parameters of `FOREST_CONSTRAINTS`.

    A subclass says what its default forest is, in `_default`.
    """

    points_per_pass = 1

    def _rows(self, X, y="no_validation", *, reset=False):
        """Rows as float32, which is how trees see them; with ``y`` in ``fit``."""
        allow_nan = get_tags(self._forest()).input_tags.allow_nan
        finite = "allow-nan" if allow_nan else True
        n_least = 1 if isinstance(y, str) or not reset else 2
        if reset and self.prefit:
            self._check_prefit()
            validate_data(self.estimator, X, reset=False, skip_check_array=True)  # columns are those of the forest
        settings = {"dtype": np.float32, "ensure_all_finite": finite, "ensure_min_samples": n_least}
        return validate_data(self, X, y, reset=reset, **settings)

    def _forest(self):
        return self._default() if self.estimator is None else self.estimator

    def _has_beliefs(self):
        """Whether trees hold what their leaves believe; if not, some rows of ``fit`` must tell."""
        return True

    def _fit_forest(self, X, y, table, sample_weight, rng, strata):
        """The fitted forest, the rows on which budgets are trained, and who of its trees is awake in them.

        Parameters
        ----------
        X, y : ndarrays
            All rows.
        table : array-like
            The rows as the user gave them.
        sample_weight : ndarray or None
            Weights for the forest.
        rng : numpy.random.Generator
            Draws the rows that the forest does not see.
        strata : ndarray of int
            Kinds of rows, of which both parts get their share.

        Returns
        -------
        forest : estimator
            The forest.
        fitted : ndarray of int
            Rows that it was fitted to, as far as is known; for a fitted forest, rows that say what its leaves hold.
        rows : ndarray of int
            Rows for the budgets.
        awake : ndarray of shape (n_rows, n_trees), bool, or None
            Trees that bet on each; None if all do.
        """
        training_rows, everything = self._training_rows(), np.arange(len(X))
        fitted, rows = everything, everything
        if training_rows == "holdout" and not (self.prefit and self._has_beliefs()):
            fitted, rows = _split(strata, self.validation_fraction, rng)
        if self.prefit:
            forest = self._forest()
        else:
            forest = self._clone()
            weights = {} if sample_weight is None else {"sample_weight": sample_weight[fitted]}
            known = table if fitted.size == len(X) else _safe_indexing(table, fitted)  # with the names of its columns
            forest.fit(known, y[fitted], **weights)
        return forest, fitted, rows, out_of_bag(forest, len(X)) if training_rows == "oob" else None

    def _check_prefit(self):
        check_is_fitted(self._forest(), msg="prefit=True needs a fitted estimator. Fit it, or set prefit=False.")

    def _training_rows(self):
        if self.training_rows != "auto":
            return self.training_rows
        return "oob" if not self.prefit and getattr(self._forest(), "bootstrap", False) else "holdout"

    def _clone(self):
        if self.estimator is not None:
            return clone(self.estimator)
        (rng,) = spawn_generators(self.random_state, 1)
        return self._default().set_params(random_state=int(rng.integers(2**31)), n_jobs=self.n_jobs)

    def _check_calibration(self, book, weights):
        """Refuse to calibrate on prices of rows that trees or budgets were trained on."""
        stops = self.n_epochs == 0 or self._stops_early(usable_rounds(book, weights).size)
        if self.calibrate is not None and not (stops and self._training_rows() != "train"):
            raise ValueError(
                f"calibrate={self.calibrate!r} needs prices that budgets were not trained on: choose "
                "early_stopping=True or n_epochs=0, and training_rows='oob' or 'holdout'."
            )

    def _store_forest(self, forest):
        self.estimator_, self._flat = forest, forest_trees(forest)

    def _open_market(self, beliefs):
        self._participants = forest_participants(self._flat, self.participants, beliefs)
        self.tree_offsets_ = self._participants.offsets

    def _leaves(self, X):
        return leaf_numbers(X, self._flat, self.n_jobs)

    def _train_forest(self, book, weights, leaves, rng, progress, claim):
        """Train the budgets of the participants; warn where they learn from rows that were seen."""
        source, forest = self._training_rows(), self.estimator_
        own = self.prefit and were_seen(forest, self._flat, leaves)
        if self.prefit and source == "oob" and not own:
            raise ValueError(
                "training_rows='oob' needs the rows, in their order, that the fitted forest was fitted to. These are "
                "others: choose training_rows='holdout'."
            )
        bootstrap = getattr(forest, "bootstrap", False)
        if (own and source == "holdout") or (source == "train" and not bootstrap):
            cure = "give other rows" if self.prefit else "choose training_rows='holdout'"
            cure += ", or choose training_rows='oob'" if bootstrap else ""
            warn_user(SEEN.format(who=f"this {type(forest).__name__}", cure=cure), SeenRowsWarning)
        assumption = ASSUMPTIONS[source] if not self.prefit or source == "train" else UNSEEN_BY_FITTED[source]
        unseen = not self.prefit and source != "train"
        initial, assumptions = self._participants.initial, (SAME, assumption)
        return self._train(book, weights, initial, rng, progress, claim=claim, assumptions=assumptions, unseen=unseen)

    def _store_ledger(self, ledger):
        super()._store_ledger(ledger)
        self.tree_budgets_ = self._summary(self.budgets_)
        self.n_bankrupt_ = int(np.count_nonzero(self.budgets_ < BANKRUPT * ledger.initial))
        self._totals = self._participants.leaf_totals(self.budgets_)

    def _summary(self, budgets):
        return np.add.reduceat(budgets, self.tree_offsets_[:-1])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = get_tags(self._forest()).input_tags.allow_nan
        return tags


def honest_prices(training, rounds):
    """Budgets, and the rounds that they were not trained on."""
    if training.held_out is None:
        return training.ledger.initial, np.arange(rounds.n_rounds)
    return training.held_out.budgets, training.held_out.rounds


def _split(strata, fraction, rng):
    """Rows for a forest and rows for its budgets, of similar kinds; a stratum of one row goes to the forest."""
    order = rng.permutation(strata.size)
    order = order[np.argsort(strata[order], kind="stable")]
    n_held = max(1, round(fraction * strata.size))
    held = order[((np.arange(n_held) + 0.5) * strata.size / n_held).astype(int)]
    is_single = np.bincount(strata)[strata[held]] == 1
    held = np.sort(held[~is_single])
    return np.setdiff1d(np.arange(strata.size), held), held
