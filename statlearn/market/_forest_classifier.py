"""A market of the leaves, nodes or trees of a forest of classification trees."""

from copy import deepcopy
from numbers import Real
from typing import Literal, Self

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import ClassifierMixin, is_classifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context, _is_fitted
from .._support.base import unchanged_on_error
from .._support.progress import fit_progress, with_callbacks
from .._support.random_streams import spawn_generators
from .._support.validation import check_sample_weight
from .._typing import ArrayLike, Estimator, FloatArray, LegacyRandomState
from ._betting import ConstantBetting
from ._books import OfferBook
from ._forest_market import FOREST_CONSTRAINTS, STREAM, ForestMarket, honest_prices
from ._leaves import node_distributions, node_frequencies, pooled_prices, tree_stakes
from ._ledger import LOSS_FLOOR, Ledger
from ._price_predictions import PricePredictions, all_labels, check_same_labels, codes_of
from ._trees import trees_of

__all__ = ["MarketForestClassifier"]

CLAIM = (
    "The predicted probabilities are the prices of a market of the parts of a forest, whose contracts pay out what was "
    "staked, whatever the true class."
)
MAX_LOG_TEMPERATURE = 3.0


class MarketForestClassifier(PricePredictions, ClassifierMixin, ForestMarket):
    r"""A forest whose leaves earn their say: each has a budget, and bets its class distribution on the rows it gets.

    A leaf m that row x reaches stakes its budget :math:`\beta_m` on the classes in the proportions :math:`h_m^k` of its
    training rows. The predicted probability of class k is the price

    .. math:: c_k(x) = \sum_{m \ni x} \beta_m h_m^k \Big/ \sum_{m \ni x} \beta_m,

    and when the class y of a row is known, budgets become :math:`\beta_m (1 + \eta (h_m^y / c_y - 1))`. Equal budgets
    are the forest itself, where training starts. Each tree bets only on rows that it did not see when it was grown: on
    its own rows a leaf is always right, and nothing can be learned.

    Parameters
    ----------
    estimator : estimator or None, default=None
        The forest: RandomForestClassifier, ExtraTreesClassifier, BaggingClassifier of decision trees, or
        GradientBoostingClassifier, whose trees hold no class distributions: their leaves bet the class frequencies of
        the rows they were grown on. None means ``RandomForestClassifier()``.
    participants : {"leaf", "tree", "node"}, default="leaf"
        Who has a budget: leaves; trees; or all nodes on the path of a row, inner ones with a tenth of the budget of a
        leaf at the start, so that those with many rows can help out those with few. The latter makes as many bets as
        there are nodes on all paths of a row, some fifteen times as many as leaves, and takes memory for them.
    training_rows : {"auto", "oob", "holdout", "train"}, default="auto"
        Rows on which budgets are trained. "oob": all, each by the trees that did not see it. "holdout": the share
        ``validation_fraction``, drawn at random, which the forest does not see, or all rows if ``prefit``. "train": all
        rows by all trees. "auto" is "oob" if the estimator has ``bootstrap=True`` and is not ``prefit``, else
        "holdout".
    prefit : bool, default=False
        Whether ``estimator`` is fitted already and used as it is. With ``training_rows="oob"`` the rows must be those,
        in the same order, that it was fitted to; else others that it has not seen.
    leaf_smoothing : float, default=0.0
        Number of rows with the class frequencies of all rows that are added to every node, so that no class has
        probability 0. Without, equal budgets are the forest exactly.
    calibrate : "temperature" or None, default=None
        Whether prices are raised to a power, and divided by their sum, that makes the log loss of rows smallest on
        which neither trees nor budgets were trained: those held out for early stopping, or all with ``n_epochs=0``. The
        most probable class stays.
    learning_rate : float, default=0.1
        Factor :math:`\eta` in (0, 1] on every bet.
    update : {"online", "implicit", "batch", "likelihood"}, default="online"
        How budgets move: see `PredictionMarketClassifier`.
    n_epochs : int, default=20
        Largest number of passes over the rows. 0 keeps the forest as it is.
    tax : float, default=0.0
        Share of every budget that is replaced by the same share of its initial value after each settled row.
    early_stopping : bool or "auto", default="auto"
        Whether the number of passes is chosen on held-out rows, after which the budgets are trained on all rows. "auto"
        does so unless fewer than ten rows would be held out. Without, many passes overfit.
    validation_fraction : float, default=0.2
        Share of the rows that are held out for early stopping, and for ``training_rows="holdout"``.
    shuffle : bool, default=True
        Whether each pass has a random order of the rows.
    n_jobs : int or None, default=None
        Number of threads that look for leaves, and number of jobs of the default forest.
    random_state : int, RandomState instance or None, default=None
        Draws the orders of the rows, those held out, and the default forest.

    Attributes
    ----------
    estimator_ : estimator
        The fitted forest.
    budgets_ : ndarray of shape (n_participants,)
        Budgets of the participants, tree by tree.
    tree_offsets_ : ndarray of shape (n_trees + 1,)
        Participants ``tree_offsets_[t]`` to ``tree_offsets_[t + 1]`` are those of tree t, in the order of its nodes.
    tree_budgets_ : ndarray of shape (n_trees,)
        Sum of the budgets of each tree.
    n_bankrupt_ : int
        Participants with less than a millionth of what they had.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    prior_ : ndarray of shape (n_classes,)
        Class frequencies of the training rows.
    temperature_ : float
        Prices are raised to the power of one over it; 1 without calibration.
    n_iter_ : int
        Passes over all rows; 0 if held-out rows were predicted best by the forest as it is.
    loss_curve_ : ndarray
        Mean log loss of each pass, every row priced before it is settled: honest in the first pass. Each call of
        `partial_fit` adds that of its rows.
    validation_loss_ : ndarray or None
        Mean log loss of the held-out rows after 0, 1, ... passes over the others.
    history_ : dict of str to ndarray
        ``"rounds"``, numbers of settled rows, and ``"budgets"``, the sums of the budgets of each tree then.
    n_no_trade_ : int
        Rows, in all passes together, that every tree had seen.
    n_no_equilibrium_ : int
        Always 0: constant bets have a price.
    n_unsettled_ : int
        Rows, in all passes together, on whose true class nobody had bet.
    certificate_ : Certificate
        Conservation of the budgets, the regret of the first pass, the loss of held-out rows beside that of the forest.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where ``X`` has any.

    Raises
    ------
    TypeError
        If ``estimator`` is no forest with public trees.
    ValueError
        If rows are to be out of bag of a forest without bootstrap, or labels do not match those of a fitted one.

    Warns
    -----
    SeenRowsWarning
        If the budgets are trained on rows that every tree was fitted to.

    See Also
    --------
    PredictionMarketClassifier : A market of any classifiers.
    MarketForestRegressor : The same for numbers.

    Notes
    -----
    A market mostly sharpens the probabilities of a forest, which are too cautious. So does a temperature, at the price
    of one number: compare with ``n_epochs=0, calibrate="temperature"`` before believing in budgets. The error rate
    rarely moves.

    Sample weights are passed on to the forest, and are factors of the learning rate as in
    `PredictionMarketClassifier`.

    References
    ----------
    Barbu, Lay (2012). "An introduction to artificial prediction markets for classification". JMLR 13, 2177-2204.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.metrics import log_loss
    >>> from statlearn.market import MarketForestClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> market = MarketForestClassifier(random_state=0).fit(X[:1200], y[:1200])
    >>> tempered = MarketForestClassifier(n_epochs=0, calibrate="temperature", random_state=0).fit(X[:1200], y[:1200])
    >>> forest_loss, loss, tempered_loss = (
    ...     log_loss(y[1200:], model.predict_proba(X[1200:])) for model in (market.estimator_, market, tempered)
    ... )
    >>> bool(loss < forest_loss), bool(tempered_loss < loss)
    (True, True)
    """

    _parameter_constraints: dict = {
        **FOREST_CONSTRAINTS,
        "leaf_smoothing": [Interval(Real, 0, None, closed="left")],
        "calibrate": [StrOptions({"temperature"}), None],
    }

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        participants: Literal["leaf", "tree", "node"] = "leaf",
        training_rows: Literal["auto", "oob", "holdout", "train"] = "auto",
        prefit: bool = False,
        leaf_smoothing: float = 0.0,
        calibrate: Literal["temperature"] | None = None,
        learning_rate: float = 0.1,
        update: Literal["online", "implicit", "batch", "likelihood"] = "online",
        n_epochs: int = 20,
        tax: float = 0.0,
        early_stopping: Literal["auto"] | bool = "auto",
        validation_fraction: float = 0.2,
        shuffle: bool = True,
        n_jobs: int | None = None,
        random_state: LegacyRandomState = None,
    ) -> None:
        self.estimator = estimator
        self.participants = participants
        self.training_rows = training_rows
        self.prefit = prefit
        self.leaf_smoothing = leaf_smoothing
        self.calibrate = calibrate
        self.learning_rate = learning_rate
        self.update = update
        self.n_epochs = n_epochs
        self.tax = tax
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.n_jobs = n_jobs
        self.random_state = random_state

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the forest, and train the budgets of its parts.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
            The fitted market.
        """
        return self._fit(X, y, None, sample_weight)

    @unchanged_on_error
    @with_callbacks
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Settle the bets on further rows, in their order; the trees stay what they are.

        The first call, if `fit` was not called, fits the forest to its rows, or takes it as it is with ``prefit``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that the forest has not seen.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels; needed in the first call if `fit` was not called and the forest is not fitted.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors of the learning rate, which is at most 1.

        Returns
        -------
        self : object
            The market.
        """
        self._validate_params()
        self._check_stream()
        if not _is_fitted(self, "_ledger"):
            if not self.prefit:
                return self._fit(X, y, all_labels(classes), sample_weight)
            self._open_fitted_forest(X)
        if classes is not None:
            check_same_labels(classes, self.classes_)
        X, y = self._rows(X, y)
        weights = self._factors(sample_weight, X)
        book = self._book(self._leaves(X), codes_of(y, self.classes_))
        self._settle(deepcopy(self._ledger), book, weights, claim=CLAIM, assumptions=STREAM)
        return self

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Prices of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        prices = pooled_prices(self._rows(X), self._flat, self._totals, self.n_jobs)
        return prices if self.temperature_ == 1.0 else _tempered(prices, self.temperature_)

    def explain(self, X: ArrayLike) -> FloatArray:
        """Who set the price: the share of each tree in the stakes on the predicted class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_trees)
            Rows sum to 1.
        """
        predicted = self.predict_proba(X).argmax(axis=1)
        stakes = tree_stakes(self._rows(X), self._flat, self._totals, predicted, self.n_jobs)
        return stakes / stakes.sum(axis=1, keepdims=True)

    def _default(self):
        return RandomForestClassifier()

    def _has_beliefs(self):
        return not isinstance(self._forest(), GradientBoostingClassifier)

    def _fit(self, table, y, classes, sample_weight):
        X, y = self._rows(table, y, reset=True)
        check_classification_targets(y)
        if not is_classifier(self._forest()):
            raise TypeError(f"estimator must be a forest of classification trees. Got {type(self._forest()).__name__}.")
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.classes_ = self._labels(y, classes)
        codes = codes_of(y, self.classes_)
        self.prior_ = np.bincount(codes, weights, minlength=self.classes_.size) / weights.sum()
        (rng,) = spawn_generators(self.random_state, 1)
        with fit_progress(self, X, y, max_subtasks=1 + 2 * self.n_epochs, sample_weight=sample_weight) as progress:
            given = None if sample_weight is None else weights
            forest, fitted, rows, awake = self._fit_forest(X, y, table, given, rng, codes)
            progress.step(name="forest")
            self._store_forest(forest)
            self._open_market(self._beliefs(forest, X[fitted], codes[fitted], weights[fitted]))
            leaves = self._leaves(X[rows])
            book = self._book(leaves, codes[rows], awake)
            self._check_calibration(book, weights[rows])
            training = self._train_forest(book, weights[rows], leaves, rng, progress, CLAIM)
        self.temperature_ = 1.0 if self.calibrate is None else _temperature(training, book, codes[rows], weights[rows])
        return self

    def _labels(self, y, classes):
        """Labels of the market."""
        if self.prefit:
            return self._forest().classes_
        found = np.unique(y)
        if found.size < 2:
            raise ValueError(f"y has only one class, {found.tolist()[0]!r}: there is nothing to bet on.")
        return found if classes is None else classes

    def _open_fitted_forest(self, X):
        """What `partial_fit` needs before the first row is settled, if the forest is fitted."""
        if self.calibrate is not None:
            raise ValueError(
                f"calibrate={self.calibrate!r} needs rows that budgets are not trained on. Call fit first, or set it "
                "to None."
            )
        if not self._has_beliefs():
            raise ValueError(
                "leaves of gradient boosting do not know class frequencies before fit: call fit with rows that it has "
                "not seen."
            )
        self._rows(X, reset=True)
        forest = self._forest()
        self.classes_, self.temperature_ = forest.classes_, 1.0
        self.prior_ = np.full(self.classes_.size, 1.0 / self.classes_.size)
        self._store_forest(forest)
        self._open_market(self._beliefs(forest, None, None, None))
        self._store_ledger(self._begin(Ledger(self._participants.initial, self.tax)))

    def _beliefs(self, forest, X, codes, weights):
        """Class distribution of every node."""
        if not self._has_beliefs():
            table = node_frequencies(self._flat, self._leaves(X), codes, self.classes_.size, weights)
        else:
            table = np.zeros((self._flat.nodes.size, self.classes_.size))
            table[:, np.searchsorted(self.classes_, forest.classes_)] = node_distributions(forest)
        if self.leaf_smoothing == 0.0:
            return table
        counts = np.concatenate([tree.tree_.weighted_n_node_samples for tree in trees_of(forest)])[:, None]
        return (counts * table + self.leaf_smoothing * self.prior_) / (counts + self.leaf_smoothing)

    def _book(self, leaves, codes, awake=None):
        rounds = self._participants.rounds(leaves, awake)
        return OfferBook(rounds, rounds.table[rounds.beliefs, np.repeat(codes, rounds.lengths)][:, None])


def _temperature(training, book, codes, weights):
    """The temperature of smallest log loss of prices that the budgets were not trained on."""
    budgets, rounds = honest_prices(training, book.rounds)
    prices, _ = book.rounds.take(rounds).price(budgets, ConstantBetting())
    codes, weights = codes[rounds], weights[rounds]
    usable = ~np.isnan(prices[:, 0]) & (weights > 0.0)
    prices, codes, weights = prices[usable], codes[usable], weights[usable]

    def loss(log_temperature):
        own = _tempered(prices, np.exp(log_temperature))[np.arange(codes.size), codes]
        return -np.average(np.log(np.maximum(own, LOSS_FLOOR)), weights=weights)

    bounds = (-MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def _tempered(prices, temperature):
    powers = (prices / prices.max(axis=1, keepdims=True)) ** (1.0 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)
