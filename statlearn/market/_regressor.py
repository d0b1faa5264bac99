"""A prediction market of fitted regressors."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal, Self, overload

import numpy as np
from sklearn.base import RegressorMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import (
    StrOptions,
    _check_feature_names_in,
    _fit_context,
    _is_fitted,
    _num_samples,
)
from .._support.base import unchanged_on_error
from .._support.delegation import check_delegated_rows
from .._support.progress import fit_progress, with_callbacks
from .._support.random_streams import spawn_generators
from .._support.validation import check_sample_weight
from .._typing import ArrayLike, CrossValidation, Estimator, FloatArray, LegacyRandomState, MatrixLike, NameArray
from ._books import OfferBook
from ._densities import GaussianMixtures, gaussian_offers
from ._density_market import DENSITY_CONSTRAINTS, DensityMarket, check_values, finite_numbers
from ._list_market import ListMarket
from ._market import SAME, TRAINING_CONSTRAINTS, UNSEEN
from ._participants import predictions
from ._rounds import Rounds

__all__ = ["PredictionMarketRegressor"]

CLAIM = "The predicted density is the price of a market whose contracts pay out what was staked, whatever the value."
NORMAL_ERRORS = "errors of each participant are normal, with the same variance in all rows"
AUTO_FLOOR = 1e-6  # of the variance of y


class PredictionMarketRegressor(DensityMarket, RegressorMixin, TransformerMixin, ListMarket):
    r"""Regressors that bet on the value of each row; the price of the bets is a predicted density.

    Participant m predicts :math:`f_m(x)` and stakes its budget :math:`\beta_m` like the density of
    :math:`N(f_m(x), s_m^2)`, with :math:`s_m^2` its mean squared error on left-out rows. The price is a mixture,

    .. math:: c(t \mid x) = \sum_m \beta_m h_m(t \mid x) \Big/ \sum_m \beta_m,

    over the participants that are awake, and its mean is the prediction. When the value y of a row is known, it, or
    the values around it, are paid according to a kernel K,

    .. math::
        \beta_m \leftarrow \beta_m + \eta \beta_m \Big(\int K(t; y) \frac{h_m(t \mid x)}{c(t \mid x)}\, dt - 1\Big),

    so that budgets move to those who found likely what came true, and their sum stays the same. Participants can be
    specialized, and sleep outside their domain.

    Budgets are earned on bets about rows that a participant was not fitted to: those left out by ``cv``. Then all
    participants are fitted to all rows.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The participants: regressors. ``"drop"`` in place of one leaves it out.
    reward : {"delta", "gaussian"}, default="delta"
        The kernel K: the value alone is paid, or a Gaussian around it.
    bandwidth : float or "scale", default="scale"
        Standard deviation of the kernel of ``reward="gaussian"``, in units of y. "scale" is a tenth of the standard
        deviation of y (of its size if y is constant, and 0.1 if it is 0). A wide kernel pays who is unsure. Must be
        "scale" for ``reward="delta"``, which has none.
    variance_floor : float or "auto", default="auto"
        Added to every :math:`s_m^2`, in squared units of y, so that a participant without errors bets a density. "auto"
        is a millionth of the variance of y (of its square if y is constant, and 1e-6 if it is 0).
    learning_rate : float, default=0.1
        Factor :math:`\eta` in (0, 1] on every bet. "em" needs none.
    update : {"online", "implicit", "batch", "em", "likelihood"}, default="online"
        How budgets move. "online" settles row after row. "implicit" makes the implicit steps of online learning, for
        ``reward="delta"``; "batch" settles all rows at the same budgets once per pass; "em" finds the budgets of
        greatest likelihood, the limit of "batch" when everybody is always awake, and proves how close it came;
        "likelihood" climbs the likelihood of the prices where some participants sleep.
    n_epochs : int, default=20
        Largest number of passes over the rows; of Newton steps for "em". 0 keeps the budgets of the start.
    cv : int, splitter, iterable or "prefit", default=5
        Folds whose left-out rows are bet on. With "prefit" the participants are fitted already, to other rows than
        these, and are not fitted again.
    domains : dict of str to (callable or str) or None, default=None
        Domains of specialized participants by their names: a function of ``X`` that returns a boolean per row, or the
        name of a boolean column. A participant is fitted to the rows of its domain and bets on no other.
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
    n_jobs : int or None, default=None
        Number of fits at a time.
    random_state : int, RandomState instance or None, default=None
        Draws the orders of the rows and those held out.

    Attributes
    ----------
    budgets_ : ndarray of shape (n_participants,)
        The budgets; their sum is that of the initial ones.
    variances_ : ndarray of shape (n_participants,)
        The variances :math:`s_m^2`, floor included; that of y for a participant that was never awake.
    participants_ : list of str
        Names of the participants.
    estimators_ : list of estimators
        The fitted participants.
    named_estimators_ : Bunch
        The same by name.
    variance_floor_ : float
        What was added to the variances.
    participant_losses_ : ndarray of shape (n_participants,)
        Mean of minus the log density of each participant on the left-out rows in which it was awake; NaN if it was
        awake in none. Unlike budgets, these rank the participants.
    bandwidth_ : float or None
        Standard deviation of the kernel; None for ``reward="delta"``.
    prior_mean_ : float
        Mean of the training values: what is predicted where nobody bets.
    prior_std_ : float
        Standard deviation of the Gaussian that is predicted there: that of the training values, floor included.
    n_iter_ : int
        Passes over all rows, or Newton steps.
    loss_curve_ : ndarray
        Mean of minus the log density of each pass, averaged over the kernel, every row priced before it is settled:
        honest in the first pass. Before and after training for "em". Each call of `partial_fit` adds that of its rows.
    validation_loss_ : ndarray or None
        The same of the held-out rows after 0, 1, ... passes over the others.
    history_ : dict of str to ndarray
        ``"rounds"``, numbers of settled rows, at most about 1000 of them, and ``"budgets"``, the budgets then.
    n_no_trade_ : int
        Rows, in all passes together, on which nobody bet.
    n_no_equilibrium_ : int
        0: bets on densities always have a price.
    n_unsettled_ : int
        Rows with a value so far off that no density at it is a positive number: nobody was paid.
    certificate_ : Certificate
        Conservation of the budgets, the regret of the first pass against each participant, the distance to the largest
        likelihood, and a report on certificates of participants, if some have one.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where ``X`` has any.

    Raises
    ------
    TypeError
        If a participant takes no sample weights where there are some.
    ValueError
        If y is no vector of finite numbers, predictions are not, or parameters contradict each other.

    See Also
    --------
    PredictionMarketClassifier : The market of classifiers.
    MarketForestRegressor : The leaves of a forest as participants.

    Notes
    -----
    A sample weight multiplies the learning rate of its row, divided by the mean positive one in ``fit``, up to 1;
    "batch", "em" and "likelihood", and all variances, take a weight as that many copies of the row.

    The integral over a Gaussian kernel is a sum over five points (Gauss-Hermite quadrature). The sum of the budgets is
    kept whatever their number; the integral is exact to many digits for kernels that are narrow beside all
    :math:`s_m`.

    Budgets are earned by densities, and the mean of the price lies between the predictions. Where errors of
    participants cancel, `sklearn.ensemble.StackingRegressor` predicts better means, without a density.

    References
    ----------
    Lay, Barbu (2012). "The artificial regression market". arXiv:1204.4154.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import RidgeCV
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from statlearn.market import PredictionMarketRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> market = PredictionMarketRegressor(
    ...     [("ridge", RidgeCV()), ("neighbors", KNeighborsRegressor(20))], update="em"
    ... ).fit(X, y)
    >>> market.budgets_.round(2)
    array([0.77, 0.23])
    >>> market.predict_quantiles(X[:2]).round()
    array([[108., 199., 289.],
           [-13.,  79., 171.]])
    >>> market.certificate_["missing log likelihood"].holds
    True
    """

    _parameter_constraints: dict = {
        **TRAINING_CONSTRAINTS,
        **DENSITY_CONSTRAINTS,
        "estimators": [list],
        "update": [StrOptions({"online", "implicit", "batch", "em", "likelihood"})],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "domains": [dict, None],
        "initial_budgets": ["array-like", None],
        "n_jobs": [int, None],
    }

    def __init__(
        self,
        estimators: Sequence[tuple[str, Estimator]],
        *,
        reward: Literal["delta", "gaussian"] = "delta",
        bandwidth: Literal["scale"] | float = "scale",
        variance_floor: Literal["auto"] | float = "auto",
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
        n_jobs: int | None = None,
        random_state: LegacyRandomState = None,
    ) -> None:
        self.estimators = estimators
        self.reward = reward
        self.bandwidth = bandwidth
        self.variance_floor = variance_floor
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
            Values.
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
        X = check_delegated_rows(self, X, reset=True)
        y = check_values(y, X)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        self.participants_ = names
        awake, initial = self._awake(X), self._initial_budgets(names)
        self._check_reward()
        self._check_always_awake(awake)
        self._measure(y, weights, lambda spread: AUTO_FLOOR * spread * spread)
        (rng,) = spawn_generators(self.random_state, 1)
        with fit_progress(self, X, y, max_subtasks=2 + 2 * self.n_epochs, sample_weight=sample_weight) as progress:
            market = names, estimators, X, y, y, awake, predicted_values, ()
            rows, means = self._left_out_bets(*market, sample_weight, params, progress)
            self.variances_ = self._error_variances(y[rows], means, awake[rows], weights[rows])
            book = self._book(y[rows], means, awake[rows], initial)
            self._train_list(book, weights[rows], initial, rng, progress, CLAIM, (NORMAL_ERRORS,))
            deviations = (y[rows][:, None] - means) ** 2 / self.variances_
            self._store_losses(0.5 * (np.log(2.0 * np.pi * self.variances_) + deviations), awake[rows], weights[rows])
        self._warn_of_sleepers(awake[rows], weights[rows])
        return self

    @unchanged_on_error
    @with_callbacks
    def partial_fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Settle the bets on further rows, in their order.

        The first call, if `fit` was not called, is `fit`. Later rows are priced and settled one after the other, so
        that it does not matter how the stream is cut into chunks. Participants, their variances and what is predicted
        where nobody bets stay what they are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
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
        X = check_delegated_rows(self, X, reset=False)
        y, awake = check_values(y, X), self._awake(X)
        weights = self._factors(sample_weight, X)
        self._check_reward()
        book = self._book(y, self._means(X, awake), awake, self._ledger.initial)
        self._settle(deepcopy(self._ledger), book, weights, claim=CLAIM, assumptions=(SAME, UNSEEN, NORMAL_ERRORS))
        return self

    @overload
    def predict(self, X: MatrixLike, return_std: Literal[False] = False) -> FloatArray: ...

    @overload
    def predict(self, X: MatrixLike, return_std: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    def predict(self, X: MatrixLike, return_std: bool = False) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Mean of the price, and its standard deviation if asked for; ``prior_mean_`` where nobody bets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
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
        price = self._price(X)
        return (price.mean(), price.std()) if return_std else price.mean()

    def transform(self, X: MatrixLike) -> FloatArray:
        """Means of all participants.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        means : ndarray of shape (n_samples, n_participants)
            The predictions that are bet on; ``prior_mean_`` where a participant sleeps.
        """
        X, awake = self._rows_and_awake(X)
        return np.where(awake, self._means(X, awake), self.prior_mean_)

    def explain(self, X: MatrixLike) -> FloatArray:
        """Who set the price: the share of each participant in the density at the predicted mean.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_participants)
            Rows sum to 1, or are all zero where nobody bets and ``prior_mean_`` is predicted.
        """
        price = self._price(X)
        return price.shares(price.mean())[:, :-1]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NameArray:
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features, which must be those of ``fit``. Not used otherwise.

        Returns
        -------
        names : ndarray of str
            Names of the participants.
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        return np.array(self.participants_, dtype=object)

    def _rows_and_awake(self, X):
        check_is_fitted(self)
        X = check_delegated_rows(self, X, reset=False)
        return X, self._awake(X)

    def _from_price(self, X, function, *arrays):
        return function(self._price(X), *arrays)

    def _price(self, X):
        """The mixture of each row. Its last component is the prior, with weight 1 where nobody bets and 0 elsewhere."""
        X, awake = self._rows_and_awake(X)
        stakes = self.budgets_ * awake
        stakes = np.column_stack([stakes, ~stakes.any(axis=1)])
        means = np.column_stack([self._means(X, awake), np.full(len(awake), self.prior_mean_)])
        stds = np.append(np.sqrt(self.variances_), self.prior_std_)
        return GaussianMixtures(stakes / stakes.sum(axis=1, keepdims=True), means, np.broadcast_to(stds, means.shape))

    def _means(self, X, awake):
        return predictions(self.participants_, self.estimators_, X, awake, predicted_values, ())

    def _book(self, y, means, awake, initial):
        """The bets on the values. Who has nothing to bet offers nothing, and so sets no unit either."""
        rounds = Rounds.of_classifiers(means[:, :, None], awake)
        variances = np.where(initial > 0.0, self.variances_, np.inf)[rounds.owners]
        beliefs = rounds.table[rounds.beliefs, 0], variances
        offers, shares, log_units = gaussian_offers(y, rounds.lengths, *beliefs, self.bandwidth_)
        return OfferBook(rounds, offers, shares, log_units, floor=0.0)

    def _error_variances(self, y, means, awake, weights):
        """Mean squared errors of the participants where they are awake, plus the floor; the prior's for one that never
        is."""
        weights = weights[:, None] * awake
        totals, sums = weights.sum(axis=0), np.sum(weights * (y[:, None] - means) ** 2, axis=0)
        known = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0.0) + self.variance_floor_
        return np.where(totals > 0.0, known, self.prior_std_**2)


def predicted_values(name, estimator, X):
    """Predictions of a fitted regressor, one finite number per row."""
    values = np.asarray(estimator.predict(X))
    if values.shape != (_num_samples(X),):
        raise ValueError(
            f"participant {name!r} must predict one value per row. It predicts an array of shape {values.shape} for "
            f"{_num_samples(X)} rows: fit it to a one-dimensional y."
        )
    return finite_numbers(values, f"what participant {name!r} predicts", "Leave it out, or scale its features.")
