"""A prediction market of fitted classifiers."""

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from inspect import signature
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin, TransformerMixin, clone
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import (
    StrOptions,
    _check_feature_names_in,
    _fit_context,
    _is_fitted,
    _num_samples,
    _safe_indexing,
)
from .._support.base import unchanged_on_error
from .._support.delegation import check_delegated_rows, ordered_labels
from .._support.progress import fit_progress, with_callbacks
from .._support.random_streams import spawn_generators
from .._support.validation import check_sample_weight, refuse_masked, require_target
from .._typing import ArrayLike, CrossValidation, Estimator, FloatArray, LegacyRandomState, MatrixLike, NameArray
from ._betting import BETTING_NAMES, BettingFunction, as_betting
from ._books import book_of_classifiers
from ._kernels import CONSTANT
from ._ledger import LOSS_FLOOR, Ledger
from ._list_market import ListMarket
from ._market import SAME, TRAINING_CONSTRAINTS, UNSEEN
from ._participants import (
    aligned,
    check_probabilities_exist,
    predictions,
)
from ._price_predictions import PricePredictions, all_labels, check_same_labels, codes_of
from ._rounds import Rounds

__all__ = ["PredictionMarketClassifier"]

CLAIM = (
    "The predicted probabilities are the prices of a market whose contracts pay out what was staked, whatever the true "
    "class."
)


class PredictionMarketClassifier(PricePredictions, ClassifierMixin, TransformerMixin, ListMarket):
    r"""Classifiers that bet on the class of each row; the price of the bets is the predicted probability.

    Every participant m has a budget :math:`\beta_m`, of which it stakes the shares :math:`\phi_m^k` on class k, given
    what it believes, its ``predict_proba``. Prices :math:`c_k` clear the market,
    :math:`\sum_m \beta_m \phi_m^k = n c_k`. When the class y of a row is known, contracts of y pay 1,

    .. math:: \beta_m \leftarrow \beta_m + \eta \beta_m \Big(\frac{\phi_m^y}{c_y} - \sum_k \phi_m^k\Big),

    so that budgets move to those who were right at good prices, and their sum stays the same. Participants can be
    specialized, and sleep outside their domain.

    Budgets are earned on bets about rows that a participant was not fitted to: those left out by ``cv``. Then all
    participants are fitted to all rows.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The participants: classifiers with ``predict_proba``. ``"drop"`` in place of one leaves it out.
    betting : {"constant", "linear", "aggressive"} or BettingFunction, default="constant"
        What is staked: see `ConstantBetting`, whose price is the mean of beliefs weighted by budgets, `LinearBetting`
        and `AggressiveBetting`.
    learning_rate : float, default=0.1
        Factor :math:`\eta` in (0, 1] on every bet. "em" needs none.
    update : {"online", "implicit", "batch", "em", "likelihood"}, default="online"
        How budgets move. "online" settles row after row. All others need constant bets: "implicit" makes the implicit
        steps of online learning; "batch" settles all rows at the same budgets once per pass; "em" finds the budgets of
        greatest likelihood, the limit of "batch" when everybody is always awake, and proves how close it came;
        "likelihood" climbs the likelihood of the prices where some participants sleep.
    n_epochs : int, default=20
        Largest number of passes over the rows; of Newton steps for "em". 0 keeps the budgets of the start.
    cv : int, splitter, iterable or "prefit", default=5
        Folds whose left-out rows are bet on. With "prefit" the participants are fitted already, to other rows than
        these, and are not fitted again.
    domains : dict of str to (callable or str) or None, default=None
        Domains of specialized participants by their names: a function of ``X`` that returns a boolean per row, or the
        name of a boolean column, which remains a feature. A participant is fitted to the rows of its domain and bets on
        no other.
    initial_budgets : array-like of shape (n_participants,) or None, default=None
        Budgets at the start, not negative; None means equal ones that sum to 1. A budget of 0 stays 0.
    tax : float, default=0.0
        Share of every budget that is replaced by the same share of its initial value after each settled row (after each
        pass of "batch" and "likelihood"), so that the market follows a drift.
    early_stopping : bool or "auto", default="auto"
        Whether the number of passes is chosen on held-out rows, after which the budgets are trained on all rows. "auto"
        does so unless fewer than ten rows would be held out, or ``update="em"``, which needs no such choice.
    validation_fraction : float, default=0.2
        Share of the rows that are held out for early stopping.
    shuffle : bool, default=True
        Whether each pass has a random order of the rows. Without, they are taken as they come, and the last ones are
        held out.
    refit_participants : bool, default=False
        Whether `partial_fit` passes rows on to ``partial_fit`` of the participants, which all of them must have, after
        the bets about them are settled.
    n_jobs : int or None, default=None
        Number of fits at a time.
    random_state : int, RandomState instance or None, default=None
        Draws the orders of the rows and those held out.

    Attributes
    ----------
    budgets_ : ndarray of shape (n_participants,)
        The budgets; their sum is that of the initial ones.
    participants_ : list of str
        Names of the participants.
    estimators_ : list of estimators
        The fitted participants.
    named_estimators_ : Bunch
        The same by name.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    prior_ : ndarray of shape (n_classes,)
        Class frequencies of the training rows: what is predicted where nobody bets.
    participant_losses_ : ndarray of shape (n_participants,)
        Mean log loss of each participant on the left-out rows in which it was awake, set by ``fit``; NaN if it was
        awake in none. Unlike budgets, these rank the participants.
    betting_ : BettingFunction
        The betting function.
    n_iter_ : int
        Passes over all rows, or Newton steps.
    loss_curve_ : ndarray
        Mean log loss of each pass, every row priced before it is settled: honest in the first pass. Before and after
        training for "em". Each call of `partial_fit` adds that of its rows.
    validation_loss_ : ndarray or None
        Mean log loss of the held-out rows after 0, 1, ... passes over the others.
    history_ : dict of str to ndarray
        ``"rounds"``, numbers of settled rows, at most about 1000 of them, and ``"budgets"``, the budgets then.
    volume_ : float
        Mean over the training rows (of the last call of `partial_fit`) of what is staked at the final budgets. Constant
        bets stake everything; aggressive ones less, the more they agree.
    n_no_trade_ : int
        Rows, in all passes together, on which nobody bet.
    n_no_equilibrium_ : int
        Rows whose price equation had no solution.
    n_unsettled_ : int
        Rows of whose true class nobody held a contract: nobody was paid.
    certificate_ : Certificate
        Conservation of the budgets, the price equation, the regret of the first pass against each participant, the
        distance to the largest likelihood, and a report on certificates of participants, if some have one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where ``X`` has any.

    Raises
    ------
    TypeError
        If a participant has no ``predict_proba``, or takes no sample weights where there are some.
    ValueError
        If beliefs are no distributions, labels do not match, or parameters contradict each other.

    See Also
    --------
    MarketForestClassifier : The leaves of a forest as participants.
    market_price, settle : The same for given bets.
    MarketHistoryDisplay : Pictures of the budgets over time.

    Notes
    -----
    A sample weight multiplies the learning rate of its row, in ``fit`` divided by the mean of the positive weights, up
    to a rate of 1; "batch", "em" and "likelihood" take a weight as that many copies of the row.

    Participants that do not know a class bet nothing on it. In log losses, prices below 1e-6 count as that.

    With learning rate 1 and constant bets, budgets are the posterior of Bayes' rule over participants. With constant
    bets, no weights and no tax, for any rate and order of the rows, the sum of log losses in the first pass is at most
    that of participant m, over the rows where it is awake, plus :math:`\ln(B / \beta_m) / \eta` with B the sum of all
    budgets. No positive budget falls below 1e-100 of the mean one; the certificate adds what that costs the others.

    References
    ----------
    Barbu, Lay (2012). "An introduction to artificial prediction markets for classification". JMLR 13, 2177-2204.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from statlearn.market import PredictionMarketClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> market = PredictionMarketClassifier(
    ...     [("logistic", make_pipeline(StandardScaler(), LogisticRegression())), ("bayes", GaussianNB())], update="em"
    ... ).fit(X, y)
    >>> market.budgets_.round(2)
    array([0.95, 0.05])
    >>> market.certificate_["missing log likelihood"].holds
    True
    """

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        "estimators": [list],
        "betting": [StrOptions(set(BETTING_NAMES)), BettingFunction],
        "update": [StrOptions({"online", "implicit", "batch", "em", "likelihood"})],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "domains": [dict, None],
        "initial_budgets": ["array-like", None],
        "refit_participants": ["boolean"],
        "n_jobs": [int, None],
    }

    def __init__(
        self,
        estimators: Sequence[tuple[str, Estimator]],
        *,
        betting: Literal["constant", "linear", "aggressive"] | BettingFunction = "constant",
        learning_rate: float = 0.1,
        update: Literal["online", "implicit", "batch", "em", "likelihood"] = "online",
        n_epochs: int = 20,
        cv: Literal["prefit"] | CrossValidation = 5,
        domains: dict[str, Any] | None = None,
        initial_budgets: ArrayLike | None = None,
        tax: float = 0.0,
        early_stopping: Literal["auto"] | bool = "auto",
        validation_fraction: float = 0.2,
        shuffle: bool = True,
        refit_participants: bool = False,
        n_jobs: int | None = None,
        random_state: LegacyRandomState = None,
    ) -> None:
        self.estimators = estimators
        self.betting = betting
        self.learning_rate = learning_rate
        self.update = update
        self.n_epochs = n_epochs
        self.cv = cv
        self.domains = domains
        self.initial_budgets = initial_budgets
        self.tax = tax
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.refit_participants = refit_participants
        self.n_jobs = n_jobs
        self.random_state = random_state

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any) -> Self:
        """Let the participants bet on left-out rows, and fit them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, passed on to the participants as they are.
        y : array-like of shape (n_samples,)
            Labels. Participants get ordered categories with their order.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, for the participants too.
        **params : dict
            Passed on to the participants that request them, with metadata routing.

        Returns
        -------
        self : object
            The fitted market.
        """
        names, estimators = self._participants()
        check_probabilities_exist(names, estimators)
        self._check_learners(names, estimators)
        betting = self.betting_ = as_betting(self.betting)
        X = check_delegated_rows(self, X, reset=True)
        given, y = y, self._labels(y, X)
        classes, codes = np.unique(y, return_inverse=True)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if np.unique(codes[weights > 0.0]).size < 2:
            among = "" if sample_weight is None else " among the rows with a positive sample_weight"
            raise ValueError(f"y has only one class{among}: there is nothing to bet on.")
        self.participants_, self.classes_ = names, classes
        self._count_classes(np.bincount(codes, weights, minlength=classes.size))
        awake, initial = self._awake(X), self._initial_budgets(names)
        self._check_update(betting, awake)
        (rng,) = spawn_generators(self.random_state, 1)
        n_steps = 2 + 2 * self.n_epochs
        with fit_progress(self, X, y, max_subtasks=n_steps, sample_weight=sample_weight) as progress:
            predict, shape = partial(aligned, classes=classes), (classes.size,)
            market = names, estimators, X, y, ordered_labels(given, y), awake, predict, shape
            rows, beliefs = self._left_out_bets(*market, sample_weight, params, progress)
            book = book_of_classifiers(beliefs, awake[rows], codes[rows], betting)
            self._train_list(book, weights[rows], initial, rng, progress, CLAIM)
            own = np.take_along_axis(beliefs, codes[rows][:, None, None], axis=2)[:, :, 0]
            self._store_losses(np.minimum(-_log(own), -np.log(LOSS_FLOOR)), awake[rows], weights[rows])
        self.volume_ = self._mean_volume(book, betting, weights[rows])
        self._warn_of_sleepers(awake[rows], weights[rows])
        return self

    @unchanged_on_error
    @with_callbacks
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Settle the bets on further rows, in their order.

        All rows are priced and settled one after the other, so that it does not matter how a stream is cut into chunks,
        unless participants learn after each chunk, with ``refit_participants``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels; needed in the first call if `fit` was not called.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors of the learning rate, which is at most 1.

        Returns
        -------
        self : object
            The market.
        """
        self._validate_params()
        self._check_stream()
        is_new = not _is_fitted(self, "_ledger")
        X = check_delegated_rows(self, X, reset=is_new)
        if is_new:
            self._open(classes)
        elif classes is not None:
            check_same_labels(classes, self.classes_)
        y = self._labels(y, X)
        codes, betting, domains = codes_of(y, self.classes_), self.betting_, self._awake(X)
        weights = self._factors(sample_weight, X)
        self._check_update(betting, domains)
        awake = domains & self._can_bet()
        book = book_of_classifiers(self._beliefs(X, awake), awake, codes, betting)
        ledger = self._begin(Ledger(self._initial_budgets(self.participants_), self.tax)) if is_new else self._ledger
        if self.refit_participants:  # on copies, and the bets are in the book
            self.estimators_ = self._refitted(X, y, domains, sample_weight)
        self._count_classes(self._class_weights + np.bincount(codes, weights, minlength=self.classes_.size))
        self._settle(deepcopy(ledger), book, weights, claim=CLAIM, assumptions=(SAME, UNSEEN))
        self.volume_ = self._mean_volume(book, betting, weights)
        return self

    def predict_proba(self, X: MatrixLike) -> FloatArray:
        """Prices of the classes; ``prior_`` where nobody bets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._trade(X)[1]

    def transform(self, X: MatrixLike) -> FloatArray:
        """Bets of all participants: the shares of their budgets that they stake on each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        bets : ndarray of shape (n_samples, n_participants * n_classes)
            All classes of a participant side by side; zero where it sleeps.
        """
        shares = self._shares(*self._trade(X))
        return shares.reshape(len(shares), -1)

    def explain(self, X: MatrixLike) -> FloatArray:
        """Who set the price: the share of each participant in the stakes on the predicted class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_participants)
            Rows sum to 1, or are all zero where nobody bets and ``prior_`` is predicted. Where all agree so much that
            nobody trades, beliefs weighted by budgets take the place of stakes.
        """
        beliefs, prices, awake = self._trade(X)
        shares = self._shares(beliefs, prices, awake)
        rows, predicted = np.arange(len(prices)), prices.argmax(axis=1)
        stakes, believed = (self.budgets_ * table[rows, :, predicted] for table in (shares, beliefs))
        stakes = np.where(stakes.any(axis=1, keepdims=True), stakes, believed)
        totals = stakes.sum(axis=1, keepdims=True)
        return np.divide(stakes, totals, out=np.zeros_like(stakes), where=totals > 0.0)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NameArray:
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features, which must be those of ``fit``. Not used otherwise.

        Returns
        -------
        names : ndarray of str
            ``<participant>_<label>``.
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        return np.array([f"{name}_{label}" for name in self.participants_ for label in self.classes_], dtype=object)

    def _trade(self, X):
        """Beliefs of all participants, prices, and who bets."""
        check_is_fitted(self)
        X = check_delegated_rows(self, X, reset=False)
        awake = self._awake(X) & self._can_bet()
        beliefs = self._beliefs(X, awake)
        prices, _ = Rounds.of_classifiers(beliefs, awake).price(self.budgets_, self.betting_)
        asleep = np.isnan(prices[:, 0])
        prices[asleep] = self.prior_
        return beliefs, prices, awake & ~asleep[:, None]

    def _shares(self, beliefs, prices, awake):
        """Shares of the budgets that are staked on each class."""
        if self.betting_.code is None:
            pairs = zip(beliefs, prices, strict=True)
            shares = np.array([self.betting_.bets(*pair) for pair in pairs]).reshape(beliefs.shape)
        else:
            shares = self.betting_.bets(beliefs, prices[:, None, :])
        return shares * awake[:, :, None]

    def _mean_volume(self, book, betting, weights):
        _, volumes = book.rounds.price(self.budgets_, betting)
        known = ~np.isnan(volumes) & (weights > 0.0)
        return float(np.average(volumes[known], weights=weights[known])) if known.any() else 0.0

    def _beliefs(self, X, awake):
        predict = partial(aligned, classes=self.classes_)
        common = self.participants_, self.estimators_, X, awake
        return predictions(*common, predict, (self.classes_.size,))

    def _rules(self):
        return {**super()._rules(), "betting": self.betting}

    def _check_update(self, betting, awake):
        if self.update != "online" and betting.code != CONSTANT:
            raise ValueError(f"update={self.update!r} needs betting='constant'. Got {self.betting!r}; choose 'online'.")
        self._check_always_awake(awake)

    def _labels(self, y, X):
        require_target(y)
        refuse_masked(y, "y")
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        if len(y) != _num_samples(X):
            raise ValueError(f"X and y must have the same length. Got {_num_samples(X)} and {len(y)}.")
        return y

    def _count_classes(self, class_weights):
        total = class_weights.sum()
        self._class_weights = class_weights
        self.prior_ = class_weights / total if total > 0.0 else np.full(class_weights.size, 1.0 / class_weights.size)

    def _open(self, classes):
        """What `partial_fit` needs before the first row is settled."""
        names, estimators = self._participants()
        check_probabilities_exist(names, estimators)
        self._check_learners(names, estimators)
        if self._is_prefit():
            self._check_prefit(names, estimators)
        elif self.refit_participants:
            estimators = [clone(estimator) for estimator in estimators]
        else:
            raise ValueError(
                "participants cannot bet before they are fitted. Call fit first, or pass fitted ones with cv='prefit', "
                "or let them learn from the stream with refit_participants=True."
            )
        self.participants_, self.estimators_ = names, estimators
        self.classes_, self.betting_ = all_labels(classes), as_betting(self.betting)
        self._class_weights = np.zeros(self.classes_.size)

    def _can_bet(self):
        """Which participants are fitted: those that learn from a stream are not before its first rows."""
        return np.array([_is_fitted(estimator) for estimator in self.estimators_])

    def _check_learners(self, names, estimators):
        """Refuse participants that cannot learn from a stream, if they are to."""
        for name, estimator in zip(names, estimators, strict=True):
            if self.refit_participants and not hasattr(estimator, "partial_fit"):
                raise TypeError(
                    f"participant {name!r}, a {type(estimator).__name__}, has no partial_fit, which "
                    "refit_participants=True needs of all. Leave it out, or set refit_participants=False."
                )

    def _refitted(self, X, y, awake, sample_weight):
        """Copies of the participants that have learned from the rows of their domains."""
        return [
            _learned(name, estimator, X, y, np.flatnonzero(mask), self.classes_, sample_weight)
            for name, estimator, mask in zip(self.participants_, self.estimators_, awake.T, strict=True)
        ]


def _learned(name, estimator, X, y, rows, classes, sample_weight):
    if rows.size == 0:
        return estimator
    weights = {} if sample_weight is None else {"sample_weight": _safe_indexing(sample_weight, rows)}
    if weights and "sample_weight" not in signature(estimator.partial_fit).parameters:
        raise TypeError(
            f"partial_fit of participant {name!r}, a {type(estimator).__name__}, does not take sample_weight. Leave "
            "the weights out, or the participant."
        )
    return deepcopy(estimator).partial_fit(_safe_indexing(X, rows), y[rows], classes=classes, **weights)


def _log(values):
    with np.errstate(divide="ignore"):
        return np.log(values)
