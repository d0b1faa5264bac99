"""Fair generalized linear models."""

from numbers import Real
from typing import Literal, Self

import numpy as np

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import unchanged_on_error
from .._support.progress import fit_progress
from .._typing import ArrayLike, ClassWeight, DependenceMeasure, MatrixLike
from ..dependence import DistanceCovariancePenalty
from ._encoder import ProtectedEncoder
from ._model import FAIRNESS_CONSTRAINTS, FairClassifier, FairModel, FairRegressor
from ._solver import LinearSolver

__all__ = ["DistanceCovarianceFairClassifier", "DistanceCovarianceFairRegressor", "FairLinearModel"]


class FairLinearModel(FairModel):
    """A fair model whose linear predictor is linear in the features."""

    def _solver(self, problem):
        return LinearSolver(problem.X, problem.risk, alpha=self.alpha, tol=self.tol, max_iter=self.max_iter)

    def _parameters(self, solver, theta):
        """The fitted attributes that predictions need."""
        coef, intercept = solver.design.coefficients(theta)
        if hasattr(self, "classes_"):
            return {"coef_": np.atleast_2d(coef.T), "intercept_": np.atleast_1d(intercept)}
        return {"coef_": coef, "intercept_": float(intercept)}

    def _predictor(self, X):
        u = X @ self.coef_.T + self.intercept_
        return u[:, 0] if u.ndim == 2 and u.shape[1] == 1 else u

    def _fit(self, X, y, sensitive_features, sample_weight):
        problem = self._problem(X, y, sensitive_features, sample_weight)
        solver = self._solver(problem)
        with fit_progress(self, X, y, sample_weight=sample_weight) as progress:

            def report(theta):
                return progress.step(lambda: self._parameters(solver, theta), "L-BFGS step")

            solution = solver.solve(self.fairness_weight, report if progress.active else None)
        vars(self).update(self._parameters(solver, solution.theta))
        unpenalized = solver.unpenalized()
        u = solver.predictor(unpenalized)
        self._store_fairness(problem, solution, u if solution is unpenalized else solver.predictor(solution), u)
        return self


class DistanceCovarianceFairRegressor(FairRegressor, FairLinearModel):
    r"""Generalized linear model whose predictions depend little on protected attributes.

    With :math:`u_i = x_i^\top \beta + b` the linear predictor, :math:`f` the predictions, :math:`S` the protected
    attributes, :math:`w` the sample weights and :math:`W` their sum, it minimizes

    .. math:: \frac{1}{W} \sum_i w_i\, \ell(y_i, u_i) + \lambda\, P(f, S) + \frac{\alpha}{2} \|\beta\|^2,

    where :math:`P` is a distance covariance: it sees dependence of any form, on attributes that are binary,
    categorical or continuous, and on their combinations. The attributes are needed to fit and never to predict. The
    losses are half unit deviances, so that ``alpha`` means what it means in scikit-learn's generalized linear models;
    without penalty the fits agree.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "gamma", "tweedie"}, default="squared_error"
        The loss. "squared_error" predicts by :math:`u`, the others by :math:`\exp(u)`.
    power : float, default=1.5
        Power of the variance function of ``loss="tweedie"``, strictly between 1 and 2. Other losses ignore it.
    fairness_weight : float, default=1.0
        Weight :math:`\lambda` of the penalty on the scale of the mean loss. Which values matter depends on the units of
        ``y``: `fairness_path` finds the largest useful one, `calibrate_fairness_weight` chooses.
    measure : {"ccdcov", "jdcov", "dcov", "sum"} or DistanceCovariancePenalty, default="ccdcov"
        The dependence measure; see `statlearn.dependence.DistanceCovariancePenalty`, which takes further options.
    normalize : {"dcor"} or None, default=None
        "dcor" penalizes the distance correlation, which does not fall when predictions shrink. Must be None if
        ``measure`` is an object.
    penalize_on : {"mean", "count", "linear"}, default="mean"
        What may not depend on the attributes: the predicted mean (a rate, if ``y`` is count per exposure with the
        exposure as sample weight), the expected count ``sample_weight * mean`` in which every row counts once, or the
        linear predictor. "count" needs a loss with log link.
    alpha : float, default=0.0
        Ridge penalty on the coefficients; the intercept has none.
    sensitive_columns : str, int, array-like of these, or None, default=None
        Names or positions of the protected attributes in ``X``, instead of ``sensitive_features`` in ``fit``.
    drop_sensitive : bool, default=True
        Whether these columns are kept out of the predictors. They may then hold strings; rows to predict must have
        them, and their values are ignored.
    encoder : ProtectedEncoder or None, default=None
        Turns raw attributes into numbers; None means ``ProtectedEncoder()``. It is cloned and fitted.
    max_iter : int, default=500
        Largest number of iterations of L-BFGS.
    tol : float, default=1e-7
        The fit stops when five iterations lowered the objective by less than ``tol`` times half the mean deviance of
        the constant model, or when the slope of the objective is as small.

    Attributes
    ----------
    coef_ : ndarray of shape (n_kept_columns,)
        Coefficients of the columns in ``kept_columns_``.
    intercept_ : float
        Intercept.
    kept_columns_ : ndarray of int
        Positions of the columns of ``X`` that predict: all but dropped sensitive ones.
    n_iter_ : int
        Iterations of the fit, at least 1.
    converged_ : bool
        Whether the solver finished.
    loss_ : float
        Weighted mean loss of the training rows.
    penalty_value_ : float
        The dependence measure of the training predictions; NaN without sensitive features, like the next three.
    penalty_excess_ : float
        The measure less its part that does not depend on predictions, which only "jdcov" has.
    distance_correlation_ : float
        The measure free of scale, for "ccdcov" and "dcov" the squared distance correlation with the attributes.
    unfairness_ratio_ : float
        See `unfairness_ratio`: between the intersections of the attributes, continuous ones cut at their quartiles.
    encoder_ : ProtectedEncoder or None
        The fitted encoder; None without sensitive features.
    certificate_ : Certificate
        Whether the fit is a local solution, its dependence, and whether that was paid for by shrinking.
    n_features_in_ : int
        Number of columns of ``X``, dropped ones included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.

    See Also
    --------
    DistanceCovarianceFairClassifier : The same for classes.
    fairness_path : Fits along increasing fairness weights.
    calibrate_fairness_weight : Chooses the fairness weight by cross-validation.
    fairness_report : How predictions differ between groups.

    Notes
    -----
    A sample weight means that many copies of the row, in the penalty as well, except with ``penalize_on="count"``.

    The penalty is not convex: the solution is a local one, found from the fit without penalty, or the constant model
    if that is better. Distance covariance has the unit of the predictions and falls when they shrink; the certificate
    compares with the fit without penalty and a `statlearn.exceptions.ShrinkageWarning` tells when shrinking was all
    that happened. Linear predictors behind a log link are clipped to [-30, 30].

    References
    ----------
    Lee, Antonio, Avanzi, Marchi, Zhou (2025). "Machine learning with multitype protected attributes: intersectional
    fairness through regularisation". arXiv:2509.08163.

    Examples
    --------
    The first feature is a proxy of the attribute, the second one is not:

    >>> import numpy as np
    >>> from statlearn.fairness import DistanceCovarianceFairRegressor
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, size=500)
    >>> X = rng.normal(size=(500, 2)) + np.column_stack([2 * sex, np.zeros(500)])
    >>> y = X.sum(axis=1) + rng.normal(size=500)
    >>> plain = DistanceCovarianceFairRegressor(fairness_weight=0).fit(X, y, sex)
    >>> fair = DistanceCovarianceFairRegressor(fairness_weight=10, normalize="dcor").fit(X, y, sex)
    >>> bool(fair.distance_correlation_ < 0.1 * plain.distance_correlation_)
    True
    >>> bool(fair.certificate_)
    True
    """

    _parameter_constraints: dict = {
        "loss": [StrOptions({"squared_error", "poisson", "gamma", "tweedie"})],
        "power": [Interval(Real, 1, 2, closed="neither")],
        **FAIRNESS_CONSTRAINTS,
        "penalize_on": [StrOptions({"mean", "count", "linear"})],
        "drop_sensitive": ["boolean"],
    }

    def __init__(
        self,
        loss: Literal["squared_error", "poisson", "gamma", "tweedie"] = "squared_error",
        *,
        power: float = 1.5,
        fairness_weight: float = 1.0,
        measure: DependenceMeasure | DistanceCovariancePenalty = "ccdcov",
        normalize: Literal["dcor"] | None = None,
        penalize_on: Literal["mean", "count", "linear"] = "mean",
        alpha: float = 0.0,
        sensitive_columns: str | int | ArrayLike | None = None,
        drop_sensitive: bool = True,
        encoder: ProtectedEncoder | None = None,
        max_iter: int = 500,
        tol: float = 1e-7,
    ) -> None:
        self.loss = loss
        self.power = power
        self.fairness_weight = fairness_weight
        self.measure = measure
        self.normalize = normalize
        self.penalize_on = penalize_on
        self.alpha = alpha
        self.sensitive_columns = sensitive_columns
        self.drop_sensitive = drop_sensitive
        self.encoder = encoder
        self.max_iter = max_iter
        self.tol = tol

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sensitive_features: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Targets; not negative for "poisson" and "tweedie", positive for "gamma".
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes), default=None
            Raw protected attributes, one row per row of ``X``: numbers or strings, a frame or an array.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight stands for that many copies of its row, or for its exposure.

        Returns
        -------
        self : DistanceCovarianceFairRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, missing values among the attributes included, when both
            ``sensitive_features`` and ``sensitive_columns`` are given, and where squares of ``y`` or a huge
            ``fairness_weight`` leave the range of floating-point numbers.

        Warns
        -----
        SensitiveFeaturesWarning
            When there are no sensitive features although ``fairness_weight`` is positive.
        ShrinkageWarning
            When the penalty was paid by shrinking predictions.
        ConvergenceWarning
            When the solver did not finish.
        """
        return self._fit(X, y, sensitive_features, sample_weight)


class DistanceCovarianceFairClassifier(FairClassifier, FairLinearModel):
    r"""Logistic regression whose predicted probabilities depend little on protected attributes.

    With :math:`u_i = x_i^\top \beta + b` the log odds, :math:`f` the predicted probabilities, :math:`S` the protected
    attributes, :math:`w` the sample weights and :math:`W` their sum, it minimizes

    .. math:: \frac{1}{W} \sum_i w_i\, \ell(y_i, u_i) + \lambda\, P(f, S) + \frac{\alpha}{2} \|\beta\|^2,

    where :math:`\ell` is the logistic loss and :math:`P` a distance covariance: it sees dependence of any form, on
    attributes that are binary, categorical or continuous, and on their combinations. The attributes are needed to fit
    and never to predict. Three or more classes have a linear predictor each (multinomial regression); :math:`P` is then
    summed over the probabilities of the classes, each by itself.

    Parameters
    ----------
    fairness_weight : float, default=1.0
        Weight :math:`\lambda` of the penalty on the scale of the mean loss. `fairness_path` finds the largest useful
        one, `calibrate_fairness_weight` chooses.
    measure : {"ccdcov", "jdcov", "dcov", "sum"} or DistanceCovariancePenalty, default="ccdcov"
        The dependence measure; see `statlearn.dependence.DistanceCovariancePenalty`, which takes further options.
    normalize : {"dcor"} or None, default=None
        "dcor" penalizes the distance correlation, which does not fall when probabilities shrink to their mean. Must be
        None if ``measure`` is an object.
    penalize_on : {"mean", "linear"}, default="mean"
        What may not depend on the attributes: the probabilities, or the linear predictors (of several classes, less
        their mean).
    alpha : float, default=0.0
        Ridge penalty on the coefficients; the intercept has none. scikit-learn's ``C`` is 1 over ``alpha`` times the
        sum of the weights.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of the classes in the loss. The penalty does not know them.
    sensitive_columns : str, int, array-like of these, or None, default=None
        Names or positions of the protected attributes in ``X``, instead of ``sensitive_features`` in ``fit``.
    drop_sensitive : bool, default=True
        Whether these columns are kept out of the predictors. They may then hold strings; rows to predict must have
        them, and their values are ignored.
    encoder : ProtectedEncoder or None, default=None
        Turns raw attributes into numbers; None means ``ProtectedEncoder()``. It is cloned and fitted.
    max_iter : int, default=500
        Largest number of iterations of L-BFGS.
    tol : float, default=1e-7
        The fit stops when five iterations lowered the objective by less than ``tol`` times the mean loss of the
        constant model, or when the slope of the objective is as small.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    coef_ : ndarray of shape (1, n_kept_columns) or (n_classes, n_kept_columns)
        Coefficients of the columns in ``kept_columns_``; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    kept_columns_ : ndarray of int
        Positions of the columns of ``X`` that predict: all but dropped sensitive ones.
    n_iter_ : int
        Iterations of the fit, at least 1.
    converged_ : bool
        Whether the solver finished.
    loss_ : float
        Weighted mean loss of the training rows.
    penalty_value_ : float
        The dependence measure of the training probabilities; NaN without sensitive features, like the next three.
    penalty_excess_ : float
        The measure less its part that does not depend on predictions, which only "jdcov" has.
    distance_correlation_ : float
        The measure free of scale, for "ccdcov" and "dcov" the squared distance correlation with the attributes; of
        several classes the largest.
    unfairness_ratio_ : float
        See `unfairness_ratio`: between the intersections of the attributes, continuous ones cut at their quartiles; of
        several classes the largest.
    encoder_ : ProtectedEncoder or None
        The fitted encoder; None without sensitive features.
    certificate_ : Certificate
        Whether the fit is a local solution, its dependence, and whether that was paid for by shrinking.
    n_features_in_ : int
        Number of columns of ``X``, dropped ones included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.

    See Also
    --------
    DistanceCovarianceFairRegressor : The same for numbers and counts.
    fairness_path : Fits along increasing fairness weights.
    calibrate_fairness_weight : Chooses the fairness weight by cross-validation.
    fairness_report : How predictions differ between groups.

    Notes
    -----
    A sample weight means that many copies of the row, in the penalty as well.

    The penalty is not convex: the solution is a local one, found from the fit without penalty, or the constant model
    if that is better. Distance covariance falls when probabilities shrink to their mean; the certificate compares with
    the fit without penalty and a `statlearn.exceptions.ShrinkageWarning` tells when shrinking was all that happened.
    Linear predictors are clipped to [-30, 30].

    References
    ----------
    Lee, Antonio, Avanzi, Marchi, Zhou (2025). "Machine learning with multitype protected attributes: intersectional
    fairness through regularisation". arXiv:2509.08163.

    Examples
    --------
    Whether two attributes agree decides, so that each of them alone looks harmless:

    >>> import numpy as np
    >>> from statlearn.fairness import DistanceCovarianceFairClassifier
    >>> rng = np.random.default_rng(0)
    >>> S = rng.integers(0, 2, size=(1000, 2))
    >>> X = rng.normal(size=(1000, 2)) + np.column_stack([2.0 * (S[:, 0] == S[:, 1]), np.zeros(1000)])
    >>> y = X.sum(axis=1) + rng.logistic(size=1000) > 1
    >>> plain = DistanceCovarianceFairClassifier(fairness_weight=0).fit(X, y, S)
    >>> fair = DistanceCovarianceFairClassifier(fairness_weight=10, normalize="dcor").fit(X, y, S)
    >>> bool(fair.distance_correlation_ < 0.1 * plain.distance_correlation_)
    True
    >>> fair.predict_proba(X[:2]).shape
    (2, 2)
    """

    _parameter_constraints: dict = {
        **FAIRNESS_CONSTRAINTS,
        "penalize_on": [StrOptions({"mean", "linear"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "drop_sensitive": ["boolean"],
    }

    def __init__(
        self,
        fairness_weight: float = 1.0,
        *,
        measure: DependenceMeasure | DistanceCovariancePenalty = "ccdcov",
        normalize: Literal["dcor"] | None = None,
        penalize_on: Literal["mean", "linear"] = "mean",
        alpha: float = 0.0,
        class_weight: ClassWeight = None,
        sensitive_columns: str | int | ArrayLike | None = None,
        drop_sensitive: bool = True,
        encoder: ProtectedEncoder | None = None,
        max_iter: int = 500,
        tol: float = 1e-7,
    ) -> None:
        self.fairness_weight = fairness_weight
        self.measure = measure
        self.normalize = normalize
        self.penalize_on = penalize_on
        self.alpha = alpha
        self.class_weight = class_weight
        self.sensitive_columns = sensitive_columns
        self.drop_sensitive = drop_sensitive
        self.encoder = encoder
        self.max_iter = max_iter
        self.tol = tol

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sensitive_features: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Class labels.
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes), default=None
            Raw protected attributes, one row per row of ``X``: numbers or strings, a frame or an array.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight stands for that many copies of its row.

        Returns
        -------
        self : DistanceCovarianceFairClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, missing values among the attributes included, fewer than two classes, and
            when both ``sensitive_features`` and ``sensitive_columns`` are given.

        Warns
        -----
        SensitiveFeaturesWarning
            When there are no sensitive features although ``fairness_weight`` is positive.
        ShrinkageWarning
            When the penalty was paid by shrinking probabilities.
        ConvergenceWarning
            When the solver did not finish.
        """
        return self._fit(X, y, sensitive_features, sample_weight)
