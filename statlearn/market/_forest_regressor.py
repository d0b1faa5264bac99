"""A market of the leaves, nodes or trees of a forest of regression trees."""

from copy import deepcopy
from typing import Literal, Self, overload

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import RegressorMixin, is_regressor
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import StrOptions, _fit_context, _is_fitted
from .._support.base import unchanged_on_error
from .._support.progress import fit_progress, with_callbacks
from .._support.random_streams import spawn_generators
from .._support.validation import check_sample_weight
from .._typing import ArrayLike, Estimator, FloatArray, LegacyRandomState
from ._books import OfferBook
from ._densities import GaussianMixtures, gaussian_offers, spread_of
from ._density_market import DENSITY_CONSTRAINTS, DensityMarket, check_values
from ._forest_market import FOREST_CONSTRAINTS, STREAM, ForestMarket, honest_prices
from ._leaves import pooled_moments
from ._ledger import mean_loss
from ._trees import trees_of

__all__ = ["MarketForestRegressor"]

CLAIM = (
    "The predicted density is the price of a market of the parts of a forest, whose contracts pay out what was staked, "
    "whatever the value."
)
ROWS_AT_ONCE = 1000  # whose mixtures are in memory
SMALLEST_FLOOR = 1e-3  # of the variance of y, where leaves seem to have no error
FLOORS = 1e-6, 4.0  # smallest and largest calibrated floor, in units of the variance of y
SQUARED = ("squared_error", "friedman_mse")  # criteria whose impurity is a variance


class MarketForestRegressor(DensityMarket, RegressorMixin, ForestMarket):
    r"""A forest whose leaves earn their say: each has a budget, and bets a Gaussian density on the rows it gets.

    A leaf m that row x reaches stakes its budget :math:`\beta_m` like the density :math:`h_m` of
    :math:`N(\mu_m, s_m^2)`, with the mean and the variance of its training rows, and a floor for the latter. The price
    is a density, with the prediction as its mean,

    .. math:: c(t \mid x) = \sum_{m \ni x} \beta_m h_m(t) \Big/ \sum_{m \ni x} \beta_m,

    and when the value y of a row is known, budgets become
    :math:`\beta_m (1 + \eta (\int K(t; y) h_m(t) / c(t) \, dt - 1))`, with a kernel K that says which values are paid.
    Equal budgets are the forest itself, where training starts. Each tree bets only on rows that it did not see when it
    was grown.

    Parameters
    ----------
    estimator : estimator or None, default=None
        The forest: RandomForestRegressor, ExtraTreesRegressor or BaggingRegressor of decision trees. None means
        ``RandomForestRegressor()``.
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
    reward : {"delta", "gaussian"}, default="delta"
        The kernel K: the value alone is paid, or a Gaussian around it, which is kinder to narrow misses.
    bandwidth : float or "scale", default="scale"
        Standard deviation of the kernel of ``reward="gaussian"``, in units of y. "scale" is a tenth of the standard
        deviation of y. Must be "scale" for ``reward="delta"``, which has none.
    variance_floor : float or "auto", default="auto"
        Added to the variance of every leaf, in squared units of y. "auto" makes the mean variance of the leaves that
        bet equal to their mean squared error on the training rows of the budgets, and is at least a thousandth of the
        variance of y.
    calibrate : "variance" or None, default=None
        Whether prices get a floor of their own, with which rows are predicted best, by the mean log density, on which
        neither trees nor budgets were trained: those held out for early stopping, or all with ``n_epochs=0``. Means do
        not change. Without, densities are too wide: each leaf knows how far off it is, and a mean of many is better.
    learning_rate : float, default=0.1
        Factor :math:`\eta` in (0, 1] on every bet.
    update : {"online", "implicit", "batch", "likelihood"}, default="online"
        How budgets move: see `PredictionMarketRegressor`.
    n_epochs : int, default=20
        Largest number of passes over the rows. 0 keeps the forest as it is.
    tax : float, default=0.0
        Share of every budget that is replaced by the same share of its initial value after each settled row.
    early_stopping : bool or "auto", default="auto"
        Whether the number of passes is chosen on held-out rows, after which the budgets are trained on all rows. "auto"
        does so unless fewer than ten rows would be held out.
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
    variance_floor_ : float
        What was added to the variances.
    price_floor_ : float
        The floor of the prices: ``variance_floor_`` without calibration.
    bandwidth_ : float or None
        Standard deviation of the kernel; None for ``reward="delta"``.
    prior_mean_, prior_std_ : float
        Mean and standard deviation of the training values.
    n_iter_ : int
        Passes over all rows; 0 if held-out rows were predicted best by the forest as it is.
    loss_curve_ : ndarray
        Mean of minus the log density of each pass, averaged over the kernel, every row priced before it is settled:
        honest in the first pass. Each call of `partial_fit` adds that of its rows.
    validation_loss_ : ndarray or None
        The same of the held-out rows after 0, 1, ... passes over the others.
    history_ : dict of str to ndarray
        ``"rounds"``, numbers of settled rows, and ``"budgets"``, the sums of the budgets of each tree then.
    n_no_trade_ : int
        Rows, in all passes together, that every tree had seen.
    n_no_equilibrium_ : int
        Always 0: densities have a price.
    n_unsettled_ : int
        Rows with a value so far off that no density at it is a positive number: nobody was paid.
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
        If rows are to be out of bag of a forest without bootstrap, or ``y`` is no vector of finite numbers.

    Warns
    -----
    SeenRowsWarning
        If the budgets are trained on rows that every tree was fitted to.

    See Also
    --------
    PredictionMarketRegressor : A market of any regressors.
    MarketForestClassifier : The same for classes.

    Notes
    -----
    Over a weak forest, one of shallow trees or few features per split, the market lowers the squared error a lot. Over
    a well-tuned one it gains little or nothing: compare with that one. What it adds to any forest is a density.

    References
    ----------
    Lay, Barbu (2012). "The artificial regression market". arXiv:1204.4154.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from statlearn.market import MarketForestRegressor
    >>> X, y = make_friedman1(1200, random_state=0)
    >>> weak = RandomForestRegressor(max_features=1 / 3, min_samples_leaf=5, random_state=0)
    >>> market = MarketForestRegressor(weak, random_state=0).fit(X[:800], y[:800])
    >>> bool(market.score(X[800:], y[800:]) > market.estimator_.score(X[800:], y[800:]))
    True
    >>> market.predict_quantiles(X[:2], [0.1, 0.9]).shape
    (2, 2)
    """

    _parameter_constraints: dict = {
        **FOREST_CONSTRAINTS,
        **DENSITY_CONSTRAINTS,
        "calibrate": [StrOptions({"variance"}), None],
    }

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        participants: Literal["leaf", "tree", "node"] = "leaf",
        training_rows: Literal["auto", "oob", "holdout", "train"] = "auto",
        prefit: bool = False,
        reward: Literal["delta", "gaussian"] = "delta",
        bandwidth: Literal["scale"] | float = "scale",
        variance_floor: Literal["auto"] | float = "auto",
        calibrate: Literal["variance"] | None = None,
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
        self.reward = reward
        self.bandwidth = bandwidth
        self.variance_floor = variance_floor
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
            Values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
            The fitted market.
        """
        self._check_reward()
        if isinstance(self.estimator, GradientBoostingRegressor) or not is_regressor(self._forest()):
            raise TypeError(
                "estimator must be a forest of regression trees, each of which predicts y. Got "
                f"{type(self.estimator).__name__}; take it as a participant of another market."
            )
        table = X
        X, y = self._rows(table, y, reset=True)
        y = check_values(y, X)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        (rng,) = spawn_generators(self.random_state, 1)
        with fit_progress(self, X, y, max_subtasks=1 + 2 * self.n_epochs, sample_weight=sample_weight) as progress:
            given, strata = (None if sample_weight is None else weights), np.zeros(len(y), dtype=int)
            forest, _, rows, awake = self._fit_forest(X, y, table, given, rng, strata)
            progress.step(name="forest")
            self._store_forest(forest)
            leaves, moments = self._leaves(X[rows]), self._moments(forest)
            surplus = _surplus(y[rows], weights[rows], *self._bets(leaves, awake, *moments))
            self._measure(y, weights, lambda spread: max(SMALLEST_FLOOR * spread * spread, surplus))
            self._open_market(self._beliefs(*moments))
            book = self._book(leaves, y[rows], awake)
            self._check_calibration(book, weights[rows])
            training = self._train_forest(book, weights[rows], leaves, rng, progress, CLAIM)
        self.price_floor_ = self.variance_floor_
        if self.calibrate is not None:
            self.price_floor_ = self._likeliest_floor(training, book.rounds, y[rows], weights[rows])
        return self

    @unchanged_on_error
    @with_callbacks
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Settle the bets on further rows, in their order; trees and variances stay what they are.

        The first call, if `fit` was not called, is `fit`, with all its passes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that the forest has not seen.
        y : array-like of shape (n_samples,)
            Values.
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
            return self.fit(X, y, sample_weight)
        X, y = self._rows(X, y)
        weights = self._factors(sample_weight, X)
        book = self._book(self._leaves(X), check_values(y, X))
        self._settle(deepcopy(self._ledger), book, weights, claim=CLAIM, assumptions=STREAM)
        return self

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[False] = False) -> FloatArray: ...

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    def predict(self, X: ArrayLike, return_std: bool = False) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Mean of the price, and its standard deviation if asked for.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        return_std : bool, default=False
            Whether standard deviations are returned as well.

        Returns
        -------
        mean : ndarray of shape (n_samples,)
            The prediction.
        std : ndarray of shape (n_samples,)
            Standard deviation of the price, only if ``return_std``.
        """
        check_is_fitted(self)
        first, second = pooled_moments(self._rows(X), self._flat, self._totals, self.n_jobs).T
        mean = self.prior_mean_ + first
        variance = np.maximum(second - first**2, self.variance_floor_) - self.variance_floor_ + self.price_floor_
        return (mean, np.sqrt(variance)) if return_std else mean

    def explain(self, X: ArrayLike) -> FloatArray:
        """Who set the price: the share of each tree in the density at the predicted mean.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_trees)
            Rows sum to 1.
        """
        check_is_fitted(self)
        X = self._rows(X)
        return np.concatenate([self._tree_shares(X[rows]) for rows in gen_batches(len(X), ROWS_AT_ONCE)])

    def _default(self):
        return RandomForestRegressor()

    def _moments(self, forest):
        """Mean and variance of the training rows of every node; 0 where the criterion of a tree is no variance."""
        trees = trees_of(forest)
        means = np.concatenate([tree.tree_.value[:, 0, 0] for tree in trees])
        variances = np.concatenate([tree.tree_.impurity * (tree.criterion in SQUARED) for tree in trees])
        return means, np.maximum(variances, 0.0)

    def _bets(self, leaves, awake, means, variances):
        """Number of leaves that bet on each row, their means and their variances."""
        awake = np.ones(leaves.shape, dtype=bool) if awake is None else awake
        nodes = self._flat.leaf_nodes[leaves[awake]]
        return awake.sum(axis=1), means[nodes], variances[nodes]

    def _beliefs(self, means, variances):
        """First and second moments of every node, around the mean of y, which keeps their digits."""
        centered = means - self.prior_mean_
        return np.column_stack([centered, variances + self.variance_floor_ + centered**2])

    def _gaussians(self, beliefs):
        """Means and variances of bets, by their rows in the table of beliefs."""
        first, second = self._participants.table.T
        return self.prior_mean_ + first[beliefs], np.maximum(
            second[beliefs] - first[beliefs] ** 2, self.variance_floor_
        )

    def _book(self, leaves, y, awake=None):
        rounds = self._participants.rounds(leaves, awake)
        beliefs = self._gaussians(rounds.beliefs)
        offers, shares, log_units = gaussian_offers(y, rounds.lengths, *beliefs, self.bandwidth_)
        return OfferBook(rounds, offers, shares, log_units, floor=0.0)

    def _from_price(self, X, function, *arrays):
        check_is_fitted(self)
        X = self._rows(X)
        parts = []
        for rows in gen_batches(len(X), ROWS_AT_ONCE):
            price = self._mixtures(self._participants.rounds(self._leaves(X[rows])))
            parts.append(function(price, *(array[rows] for array in arrays)))
        return np.concatenate(parts)

    def _likeliest_floor(self, training, rounds, y, weights):
        """The floor with which the price predicts rows best that neither trees nor budgets were trained on."""
        budgets, held_out = honest_prices(training, rounds)
        rounds, y, weights = rounds.take(held_out), y[held_out], weights[held_out]
        means, variances = self._gaussians(rounds.beliefs)

        def loss(log_floor):
            others = variances - self.variance_floor_ + np.exp(log_floor)
            book = OfferBook(rounds, *gaussian_offers(y, rounds.lengths, means, others), floor=0.0)
            return mean_loss(book.losses(budgets), weights, book.floor)

        bounds = np.log(FLOORS) + 2.0 * np.log(spread_of(y, weights))
        return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 0.01}).x))

    def _mixtures(self, rounds):
        """The mixtures of rounds, filled up with components of weight 0."""
        filled = _filled(rounds)
        weights, means, stds = np.zeros(filled.shape), np.zeros(filled.shape), np.ones(filled.shape)
        weights[filled] = self.budgets_[rounds.owners]
        means[filled], variances = self._gaussians(rounds.beliefs)
        stds[filled] = np.sqrt(variances - self.variance_floor_ + self.price_floor_)
        return GaussianMixtures(weights / weights.sum(axis=1, keepdims=True), means, stds)

    def _tree_shares(self, X):
        rounds = self._participants.rounds(self._leaves(X))
        price = self._mixtures(rounds)
        shares = price.shares(price.mean())[_filled(rounds)]
        rows = np.repeat(np.arange(rounds.n_rounds), rounds.lengths)
        trees = np.searchsorted(self.tree_offsets_, rounds.owners, side="right") - 1
        result = np.zeros((rounds.n_rounds, self.tree_budgets_.size))
        np.add.at(result, (rows, trees), shares)
        return result


def _surplus(y, weights, lengths, means, variances):
    """Mean squared error of the leaves that bet, less their mean variance."""
    pair_weights = np.repeat(weights, lengths)
    if not pair_weights.any():
        return 0.0
    return float(np.average((np.repeat(y, lengths) - means) ** 2 - variances, weights=pair_weights))


def _filled(rounds):
    """Where a matrix with a row per round holds its offers."""
    return np.arange(rounds.lengths.max()) < rounds.lengths[:, None]
