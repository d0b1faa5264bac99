"""The logistic market: participants bet by features, and their budgets are a constrained logistic regression."""

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from scipy.special import expit, log_expit
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight, validate_data
from .._typing import ArrayLike, FloatArray, RandomState
from ..certificate import Certificate, Check
from ._certificates import conservation
from ._checks import refuse_huge
from ._logistic_solver import budgets_of, duality_gap, fit_logistic, settle_rows
from ._price_predictions import PricePredictions, codes_of
from ._training import rates_of

__all__ = ["LogisticMarketClassifier"]

ASSUMPTIONS = (
    "the rows, those to be predicted included, are independent draws from one distribution",
    "the log-odds are linear in the features, with slopes that total_budget and the units of the features allow",
)


class LogisticMarketClassifier(PricePredictions, ClassifierMixin, CallbackSupportMixin, StatlearnEstimator):
    r"""Prediction market of features: logistic regression with a budget.

    Each participant m bets by a number :math:`x_m`, a feature or its negative, and has a budget
    :math:`\beta_m \ge 0`; budgets sum to B. The price of ``classes_[1]`` is :math:`c = 1 / (1 + e^{-z})` with
    :math:`z = \sum_m \beta_m x_m`, and after a row is known budgets become

    .. math:: \beta_m + \eta\, \beta_m (y - c) \Big(x_m - \frac{1}{B} \sum_j \beta_j x_j\Big), \quad y \in \{0, 1\}.

    They come to rest where the mean log likelihood is largest among all budgets of the same sum. With features and
    their negatives this is logistic regression with coefficients in a ball of the 1-norm, :math:`\|w\|_1 \le B`.

    Parameters
    ----------
    total_budget : float, default=10.0
        Sum B of the budgets, which regularizes. What it allows depends on the units of the features: put a
        `sklearn.preprocessing.StandardScaler` before.
    signed : bool, default=True
        Whether the negative of each feature is a participant as well. Otherwise coefficients are not negative and sum
        to B, so that it is also what they must add up to.
    fit_intercept : bool, default=True
        Whether a constant 1 is one more feature. Like any other it is paid out of the total budget, unlike the free
        intercept of other logistic regressions; center features to keep it cheap.
    update : {"batch", "online"}, default="batch"
        ``"batch"`` finds the budgets of largest mean log likelihood. ``"online"`` settles row after row, from equal
        budgets.
    learning_rate : float, default=0.01
        Factor :math:`\eta` of the bets, in (0, 1], of ``"online"`` and `partial_fit`.
    n_epochs : int, default=20
        Passes over the rows of ``"online"``.
    shuffle : bool, default=True
        Whether each pass of ``"online"`` has an order of its own. Otherwise one pass is what `partial_fit` does.
    tol : float, default=1e-6
        ``"batch"`` stops when the mean log likelihood is proved to be within ``tol`` of the largest.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the orders of ``"online"``.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The classes.
    coef_ : ndarray of shape (1, n_features)
        Budgets of the features less those of their negatives.
    intercept_ : ndarray of shape (1,)
        The same of the constant; 0 without it.
    budgets_ : ndarray of shape (n_participants,)
        Budgets: of the features, of the constant if there is one, then of the negatives of these if ``signed``. What
        coefficients of largest likelihood leave of the total is divided evenly, so that it cancels.
    n_iter_ : int
        Newton steps or online passes of `fit`, at least 1; 0 after `partial_fit` alone.
    loss_curve_ : ndarray
        Mean log loss of the training rows before each Newton step and at the end; or of each online pass, every row
        being predicted before it is settled. Empty after `partial_fit` alone.
    n_clipped_steps_ : int
        Online steps for which the learning rate was lowered because a budget could have turned negative: rows in which
        the numbers of participants differ by more than ``1 / learning_rate``.
    certificate_ : Certificate
        The duality gap, the sum of the budgets, and clipped steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when ``X`` had string names.

    See Also
    --------
    KernelMarketClassifier : The market of training rows.
    sklearn.linear_model.LogisticRegression : The same model with a penalty in place of a budget.

    Notes
    -----
    The duality gap is a proof: the mean log likelihood L is concave, so that no budgets of the same sum have one above
    :math:`L(\beta) + B \max_m g_m - \sum_m \beta_m g_m` with g its gradient. ``"batch"`` uses Newton's method, whose
    quadratic models are maximized exactly by non-negative least squares.

    A budget larger than the 1-norm of the unconstrained optimum has no influence, if that optimum exists. For
    separable classes it does not: ``"batch"`` stops when the loss is within ``tol`` of the least, possibly before the
    budget is spent.

    A sample weight means that many copies of a row to ``"batch"``. Online, it multiplies the learning rate up to a rate
    of 1, relative to the mean weight in `fit`, as it is in `partial_fit`.

    The market has two classes; `sklearn.multiclass.OneVsRestClassifier` makes one per class where there are more.

    References
    ----------
    Barbu, Lay (2012). "An introduction to artificial prediction markets for classification". JMLR 13, 2177-2204.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from statlearn.market import LogisticMarketClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LogisticMarketClassifier(total_budget=5)).fit(X, y)
    >>> market = model[-1]
    >>> int((abs(market.coef_) > 1e-9).sum()), bool(market.certificate_["duality gap"].statistic <= 1e-6)
    (8, True)
    >>> round(float(abs(market.coef_).sum() + abs(market.intercept_).sum()), 6)
    5.0
    """

    _parameter_constraints: dict = {
        "total_budget": [Interval(Real, 0, None, closed="neither")],
        "signed": ["boolean"],
        "fit_intercept": ["boolean"],
        "update": [StrOptions({"batch", "online"})],
        "learning_rate": [Interval(Real, 0, 1, closed="right")],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        total_budget: float = 10.0,
        *,
        signed: bool = True,
        fit_intercept: bool = True,
        update: Literal["batch", "online"] = "batch",
        learning_rate: float = 0.01,
        n_epochs: int = 20,
        shuffle: bool = True,
        tol: float = 1e-6,
        random_state: RandomState = None,
    ) -> None:
        self.total_budget = total_budget
        self.signed = signed
        self.fit_intercept = fit_intercept
        self.update = update
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs
        self.shuffle = shuffle
        self.tol = tol
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the budgets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Two classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : LogisticMarketClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If parameters or data are invalid, or there are not two classes.

        Warns
        -----
        ConvergenceWarning
            If ``update="batch"`` did not prove the budgets optimal up to ``tol``.
        """
        X, y, weights = self._check_rows(X, y, sample_weight, reset=True)
        outcomes = self._begin(y, np.unique(y))
        learn = self._fit_batch if self.update == "batch" else self._fit_online
        max_subtasks = None if self.update == "batch" else self.n_epochs
        with fit_progress(self, X, y, max_subtasks=max_subtasks, sample_weight=sample_weight) as progress:
            gap_check = learn(self._with_constant(X), outcomes, weights, progress)
        self.certificate_ = self._certificate(gap_check)
        return self

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Settle rows in their order, beginning with the budgets as they are, whatever ``update``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Their classes.
        classes : array-like of shape (2,), default=None
            Both classes; needed in the first call only.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : LogisticMarketClassifier
            The estimator.

        Raises
        ------
        ValueError
            If data are invalid, a label is not in ``classes``, ``classes`` are missing in the first call or differ from
            those of the first, or parameters of the market were changed since then.
        """
        begins = not hasattr(self, "classes_")
        if begins and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        X, y, weights = self._check_rows(X, y, sample_weight, reset=begins)
        if begins:
            outcomes = self._begin(y, np.unique(classes))
        else:
            self._refuse_another_market(classes)
            outcomes = codes_of(y, self.classes_)
        rates = np.minimum(self.learning_rate * weights, 1.0)
        self._settle(np.arange(len(X)), self._with_constant(X), outcomes, rates)
        self.certificate_ = self._certificate()
        return self

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Log-odds of ``classes_[1]``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        log_odds : ndarray of shape (n_samples,)
            Positive where ``classes_[1]`` is predicted.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return X @ self.coef_[0] + self.intercept_[0]

    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Prices of the contracts of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        prices : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``; rows sum to 1.
        """
        log_odds = self.decision_function(X)
        return expit(np.column_stack([-log_odds, log_odds]))

    def predict_log_proba(self, X: ArrayLike) -> FloatArray:
        """Logarithms of the prices, accurate far in the tails.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        log_prices : ndarray of shape (n_samples, 2)
            Columns in the order of ``classes_``.
        """
        log_odds = self.decision_function(X)
        return log_expit(np.column_stack([-log_odds, log_odds]))

    def _check_rows(self, X, y, sample_weight, reset):
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", reset=reset)
        refuse_huge(X)
        check_classification_targets(y)
        allowed = {"ensure_non_negative": True, "allow_all_zero_weights": not reset}
        return X, y, check_sample_weight(sample_weight, X, dtype=np.float64, **allowed)

    def _with_constant(self, X):
        return np.column_stack([X, np.ones(len(X))]) if self.fit_intercept else X

    def _structure(self):
        """The parameters that must stay while a market goes on."""
        return float(self.total_budget), bool(self.signed), bool(self.fit_intercept)

    def _begin(self, y, classes):
        """Open a market of equal budgets; returns the outcomes."""
        if len(classes) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {type_of_target(classes)}. Wrap "
                "the market in sklearn.multiclass.OneVsRestClassifier."
            )
        if len(classes) < 2:
            raise ValueError(f"There must be two classes. Got 1 class, {classes.tolist()[0]!r}.")
        outcomes = codes_of(y, classes)
        n_participants = (self.n_features_in_ + self.fit_intercept) * (1 + self.signed)
        self.classes_, self._began_as = classes, self._structure()
        self.budgets_ = np.full(n_participants, self.total_budget / n_participants)
        self.n_iter_, self.n_clipped_steps_, self.loss_curve_ = 0, 0, np.empty(0)
        return outcomes

    def _refuse_another_market(self, classes):
        if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes must stay {self.classes_.tolist()}. Got {np.unique(classes).tolist()}.")
        if self._structure() != self._began_as:
            raise ValueError(
                "total_budget, signed or fit_intercept was changed since the market began: call fit to begin another."
            )

    def _fit_batch(self, X, outcomes, weights, progress):
        """Budgets of largest likelihood; returns the check of their gap, which is decided."""

        def on_step(slopes):
            return progress.step(lambda: self._coefficients(slopes), "Newton step")

        shares, listener = weights / weights.sum(), on_step if progress.active else None
        fit = fit_logistic(X, outcomes, shares, self.total_budget, self.signed, tol=self.tol, on_step=listener)
        if fit.gap > self.tol:
            warn_user(
                f"LogisticMarketClassifier stopped after {fit.n_iter} Newton steps with a duality gap of {fit.gap:.2e} "
                f"above tol={self.tol}. Scale the features, whose units may leave too few digits, or raise tol.",
                ConvergenceWarning,
            )
        self.budgets_ = budgets_of(fit.slopes, self.total_budget, self.signed).ravel()
        vars(self).update(self._coefficients(fit.slopes))
        self.n_iter_, self.loss_curve_ = fit.n_iter, np.array(fit.losses)
        detail = "mean log likelihood that is missing at most"
        return Check("duality gap", fit.gap, self.tol, fit.gap <= self.tol, "proof", detail)

    def _fit_online(self, X, outcomes, weights, progress):
        """Budgets after ``n_epochs`` passes; returns a check that only reports their gap."""
        (rng,), rates = spawn_generators(self.random_state, 1), rates_of(self.learning_rate, weights)
        shares, curve = weights / weights.sum(), []
        for _ in range(self.n_epochs):
            order = rng.permutation(len(X)) if self.shuffle else np.arange(len(X))
            slopes, losses = self._settle(order, X, outcomes, rates)
            curve.append(shares @ losses)
            if progress.step(lambda slopes=slopes: self._coefficients(slopes), "epoch"):
                break
        self.n_iter_, self.loss_curve_ = len(curve), np.array(curve)
        gap = duality_gap(X, outcomes, shares, slopes, self.total_budget, self.signed)
        detail = "mean log likelihood that is missing at most: a fixed learning rate circles the best budgets"
        return Check("duality gap", gap, None, None, "reported", detail)

    def _settle(self, order, X, outcomes, rates):
        """One pass over rows; returns the slopes after it, and the loss of each row before it was settled."""
        budgets, losses = self.budgets_.reshape(-1, X.shape[1]).copy(), np.zeros(len(X))
        self.n_clipped_steps_ += settle_rows(order, X, outcomes, rates, budgets, self.total_budget, losses)
        slopes = budgets[0] - budgets[1] if self.signed else budgets[0]
        self.budgets_ = budgets.ravel()
        vars(self).update(self._coefficients(slopes))
        return slopes, losses

    def _coefficients(self, slopes):
        coef, constant = np.split(slopes, [self.n_features_in_])
        intercept = constant if self.fit_intercept else np.zeros(1)
        return {"classes_": self.classes_, "coef_": coef[None], "intercept_": intercept}

    def _certificate(self, gap_check=None):
        """The certificate, which knows a duality gap after `fit`, when the training rows are at hand."""
        if gap_check is None or gap_check.holds is None:
            claim = f"The budgets sum to {self.total_budget:g} after every row that was settled."
        else:
            claim = (
                f"No budgets with the sum {self.total_budget:g} give the training rows a mean log likelihood that is "
                f"larger by more than {gap_check.statistic:.2g}."
            )
        checks = [
            conservation(self.budgets_, self.total_budget),
            Check("clipped steps", self.n_clipped_steps_, None, None, "reported", "rows with a lower learning rate"),
        ]
        return Certificate(claim, checks if gap_check is None else [gap_check, *checks], ASSUMPTIONS)
