"""Fair neural networks."""

from dataclasses import replace
from numbers import Integral
from typing import Literal, Self

import numpy as np

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import unchanged_on_error
from .._support.progress import fit_progress
from .._support.random_streams import spawn_generators
from .._typing import ArrayLike, DependenceMeasure, LegacyRandomState, MatrixLike
from ..dependence import DistanceCovariancePenalty
from ._encoder import ProtectedEncoder
from ._model import FAIRNESS_CONSTRAINTS, FairClassifier, FairModel, FairRegressor
from ._network import forward
from ._network_solver import NetworkSolver

__all__ = ["DistanceCovarianceFairMLPClassifier", "DistanceCovarianceFairMLPRegressor"]


NETWORK_CONSTRAINTS = {
    **FAIRNESS_CONSTRAINTS,
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
}


class FairNetworkModel(FairModel):
    """A fair model whose linear predictor is the output of a network."""

    def _solver(self, problem):
        (rng,) = spawn_generators(self.random_state, 1)
        return NetworkSolver(
            problem.X,
            problem.risk,
            hidden_layer_sizes=self._hidden_layer_sizes(),
            alpha=self.alpha,
            tol=self.tol,
            max_iter=self.max_iter,
            rng=rng,
        )

    def _hidden_layer_sizes(self):
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if sizes.size == 0 and sizes.ndim == 1:
            return []
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or (sizes < 1).any():
            raise ValueError(
                f"hidden_layer_sizes must be positive integers, one per hidden layer. Got {self.hidden_layer_sizes!r}."
            )
        return sizes.tolist()

    def _parameters(self, solver, theta):
        """The fitted attributes that predictions need."""
        coefs, intercepts = solver.layers(theta)
        return {"coefs_": coefs, "intercepts_": intercepts}

    def _predictor(self, X):
        outputs = forward(self.coefs_, self.intercepts_, X)[0]
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def _fit(self, X, y, sensitive_features, sample_weight):
        problem = self._problem(X, y, sensitive_features, sample_weight)
        solver = self._solver(problem)
        with fit_progress(self, X, y, sample_weight=sample_weight) as progress:

            def report(theta):
                return progress.step(lambda: self._parameters(solver, theta), "L-BFGS step")

            solution = solver.solve(self.fairness_weight, report if progress.active else None)
        vars(self).update(self._parameters(solver, solution.theta))
        self.n_layers_, self.n_outputs_ = len(self.coefs_) + 1, self.coefs_[-1].shape[1]
        self.out_activation_ = self._output_activation()
        unpenalized = solver.unpenalized()
        u = solver.predictor(unpenalized)
        self._store_fairness(problem, solution, u if solution is unpenalized else solver.predictor(solution), u)
        self.certificate_ = self._network_certificate(solution)
        return self

    def _network_certificate(self, solution):
        """The certificate of every fair model with what is special about networks."""
        if solution.is_constant:
            return self.certificate_
        claim = (
            f"The network is a local solution of the risk, {solution.objective:.6g}, which is not convex in its "
            "weights: other random starts may end at better ones."
        )
        return replace(self.certificate_, claim=claim)


class DistanceCovarianceFairMLPRegressor(FairRegressor, FairNetworkModel):
    r"""Neural network whose predictions depend little on protected attributes.

    With :math:`u` the output of the network, :math:`f` the predictions, :math:`S` the protected attributes, :math:`w`
    the sample weights, :math:`W` their sum and :math:`\theta` the weights of all layers, it minimizes

    .. math:: \frac{1}{W} \sum_i w_i\, \ell(y_i, u_i) + \lambda\, P(f, S) + \frac{\alpha s^2}{2} \|\theta\|^2,

    the objective of `DistanceCovarianceFairRegressor`, over networks with hidden layers of hyperbolic tangents;
    :math:`s` is the standard deviation of ``y`` for ``loss="squared_error"``, so that the unit of ``y`` does not matter
    to ``alpha``, and 1 for the others.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(32,)
        Widths of the hidden layers. Without any the model is linear.
    loss : {"squared_error", "poisson", "gamma"}, default="squared_error"
        The loss, half a unit deviance. "squared_error" predicts by :math:`u`, the others by :math:`\exp(u)`.
    fairness_weight : float, default=1.0
        Weight :math:`\lambda` of the penalty on the scale of the mean loss; `calibrate_fairness_weight` chooses.
    measure : {"ccdcov", "jdcov", "dcov", "sum"} or DistanceCovariancePenalty, default="ccdcov"
        The dependence measure; see `statlearn.dependence.DistanceCovariancePenalty`, which takes further options.
    normalize : {"dcor"} or None, default=None
        "dcor" penalizes the distance correlation, which does not fall when predictions shrink. Must be None if
        ``measure`` is an object.
    penalize_on : {"mean", "count", "linear"}, default="mean"
        What may not depend on the attributes: the predicted mean (a rate, if ``y`` is count per exposure with the
        exposure as sample weight), the expected count ``sample_weight * mean`` in which every row counts once, or
        :math:`u`. "count" needs a loss with log link.
    alpha : float, default=1e-4
        Ridge penalty on the weights of all layers, for features of standard deviation 1 and, with "squared_error",
        targets of standard deviation 1. Intercepts have none. Worth a search: networks fit noise.
    sensitive_columns : str, int, array-like of these, or None, default=None
        Names or positions of the protected attributes in ``X``, instead of ``sensitive_features`` in ``fit``. They are
        kept out of the predictors and may hold strings; rows to predict must have them, and their values are ignored.
    encoder : ProtectedEncoder or None, default=None
        Turns raw attributes into numbers; None means ``ProtectedEncoder()``. It is cloned and fitted.
    max_iter : int, default=500
        Largest number of iterations of L-BFGS, for the fit without penalty and again for the one with it.
    tol : float, default=1e-6
        The fit stops when five iterations lowered the objective by less than ``tol`` times half the mean deviance of
        the constant model, or when the slope of the objective is as small.
    random_state : int, RandomState instance or None, default=None
        Draws the first weights; pass an int for the same fit in every call.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of the layers; the first is for the columns in ``kept_columns_`` in their own units.
    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of the layers.
    n_layers_ : int
        Number of layers, inputs and outputs included.
    n_outputs_ : int
        Number of outputs: 1.
    out_activation_ : str
        "identity" or "exp".
    kept_columns_ : ndarray of int
        Positions of the columns of ``X`` that predict: all but sensitive ones.
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
        Number of columns of ``X``, sensitive ones included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.

    See Also
    --------
    DistanceCovarianceFairMLPClassifier : The same for classes.
    DistanceCovarianceFairRegressor : Linear models, faster and easier to read.
    make_boosting_objective : Gradient boosting with the same penalty.

    Notes
    -----
    Features are standardized for the fit, sparse ones without making them dense. All rows are used in every step of
    L-BFGS, so that the penalty is that of the whole sample and not the noisy one of small batches; the hyperbolic
    tangent is smooth, as L-BFGS needs. The fit without penalty is made first and is the start of the one with it.

    The unbiased penalty can be negative, and a flexible network can fit its noise: with a large ``fairness_weight`` it
    is then rewarded for predictions that grow. The certificate tells, and
    ``measure=DistanceCovariancePenalty(unbiased=False)``, which is never negative, is the cure.

    A sample weight means that many copies of the row, in the penalty as well, except with ``penalize_on="count"``. The
    objective has many local minima, with or without penalty, and long training amplifies rounding: the same rows in
    another order, or repeated in place of weights, may end in another one.

    References
    ----------
    Lee, Antonio, Avanzi, Marchi, Zhou (2025). "Machine learning with multitype protected attributes: intersectional
    fairness through regularisation". arXiv:2509.08163.

    Examples
    --------
    The first feature is a proxy of the attribute, and its square matters:

    >>> import numpy as np
    >>> from statlearn.fairness import DistanceCovarianceFairMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, size=400)
    >>> X = rng.normal(size=(400, 2)) + np.column_stack([sex, np.zeros(400)])
    >>> y = X[:, 0] ** 2 + X[:, 1] + rng.normal(size=400)
    >>> settings = {"hidden_layer_sizes": 8, "normalize": "dcor", "random_state": 0}
    >>> plain = DistanceCovarianceFairMLPRegressor(fairness_weight=0, **settings).fit(X, y, sex)
    >>> fair = DistanceCovarianceFairMLPRegressor(fairness_weight=20, **settings).fit(X, y, sex)
    >>> bool(fair.distance_correlation_ < 0.1 * plain.distance_correlation_)
    True
    >>> bool(plain.score(X, y) > 0.8 and fair.score(X, y) > 0.7)
    True
    """

    _parameter_constraints: dict = {
        **NETWORK_CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "poisson", "gamma"})],
        "penalize_on": [StrOptions({"mean", "count", "linear"})],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | ArrayLike = (32,),
        *,
        loss: Literal["squared_error", "poisson", "gamma"] = "squared_error",
        fairness_weight: float = 1.0,
        measure: DependenceMeasure | DistanceCovariancePenalty = "ccdcov",
        normalize: Literal["dcor"] | None = None,
        penalize_on: Literal["mean", "count", "linear"] = "mean",
        alpha: float = 1e-4,
        sensitive_columns: str | int | ArrayLike | None = None,
        encoder: ProtectedEncoder | None = None,
        max_iter: int = 500,
        tol: float = 1e-6,
        random_state: LegacyRandomState = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.loss = loss
        self.fairness_weight = fairness_weight
        self.measure = measure
        self.normalize = normalize
        self.penalize_on = penalize_on
        self.alpha = alpha
        self.sensitive_columns = sensitive_columns
        self.encoder = encoder
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sensitive_features: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Targets; not negative for "poisson", positive for "gamma".
        sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes), default=None
            Raw protected attributes, one row per row of ``X``: numbers or strings, a frame or an array.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight stands for that many copies of its row, or for its exposure.

        Returns
        -------
        self : DistanceCovarianceFairMLPRegressor
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

    def _output_activation(self):
        return "identity" if self.loss == "squared_error" else "exp"


class DistanceCovarianceFairMLPClassifier(FairClassifier, FairNetworkModel):
    r"""Neural network whose class probabilities depend little on protected attributes.

    It minimizes the objective of `DistanceCovarianceFairMLPRegressor` with the logistic loss and one output for two
    classes, or the multinomial one and an output per class; the penalty is then summed over the probabilities of the
    classes, each by itself.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(32,)
        Widths of the hidden layers. Without any the model is linear.
    fairness_weight : float, default=1.0
        Weight of the penalty on the scale of the mean loss; `calibrate_fairness_weight` chooses.
    measure : {"ccdcov", "jdcov", "dcov", "sum"} or DistanceCovariancePenalty, default="ccdcov"
        The dependence measure; see `statlearn.dependence.DistanceCovariancePenalty`, which takes further options.
    normalize : {"dcor"} or None, default=None
        "dcor" penalizes the distance correlation, which does not fall when probabilities shrink to their mean. Must be
        None if ``measure`` is an object.
    penalize_on : {"mean", "linear"}, default="mean"
        What may not depend on the attributes: the probabilities, or the outputs of the network (of several classes,
        less their mean).
    alpha : float, default=1e-4
        Ridge penalty on the weights of all layers, for features of standard deviation 1. Intercepts have none.
    sensitive_columns : str, int, array-like of these, or None, default=None
        Names or positions of the protected attributes in ``X``, instead of ``sensitive_features`` in ``fit``. They are
        kept out of the predictors and may hold strings; rows to predict must have them, and their values are ignored.
    encoder : ProtectedEncoder or None, default=None
        Turns raw attributes into numbers; None means ``ProtectedEncoder()``. It is cloned and fitted.
    max_iter : int, default=500
        Largest number of iterations of L-BFGS, for the fit without penalty and again for the one with it.
    tol : float, default=1e-6
        The fit stops when five iterations lowered the objective by less than ``tol`` times the mean loss of the
        constant model, or when the slope of the objective is as small.
    random_state : int, RandomState instance or None, default=None
        Draws the first weights; pass an int for the same fit in every call.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of the layers; the first is for the columns in ``kept_columns_`` in their own units.
    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of the layers.
    n_layers_ : int
        Number of layers, inputs and outputs included.
    n_outputs_ : int
        Number of outputs: 1 for two classes, else one per class.
    out_activation_ : str
        "logistic" or "softmax".
    kept_columns_ : ndarray of int
        Positions of the columns of ``X`` that predict: all but sensitive ones.
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
        Number of columns of ``X``, sensitive ones included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.

    See Also
    --------
    DistanceCovarianceFairMLPRegressor : The same for numbers and counts.
    DistanceCovarianceFairClassifier : Linear models, faster and easier to read.
    make_boosting_objective : Gradient boosting with the same penalty.

    Notes
    -----
    See `DistanceCovarianceFairMLPRegressor` for the training.

    References
    ----------
    Lee, Antonio, Avanzi, Marchi, Zhou (2025). "Machine learning with multitype protected attributes: intersectional
    fairness through regularisation". arXiv:2509.08163.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.fairness import DistanceCovarianceFairMLPClassifier
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, size=400)
    >>> X = rng.normal(size=(400, 2)) + np.column_stack([sex, np.zeros(400)])
    >>> y = X[:, 0] * X[:, 1] + rng.logistic(size=400) > 0
    >>> settings = {"hidden_layer_sizes": 8, "alpha": 0.01, "normalize": "dcor", "random_state": 0}
    >>> fair = DistanceCovarianceFairMLPClassifier(fairness_weight=5, **settings).fit(X, y, sex)
    >>> fair.predict_proba(X[:2]).shape, fair.out_activation_
    ((2, 2), 'logistic')
    >>> bool(fair.distance_correlation_ < 0.01)
    True
    """

    _parameter_constraints: dict = {**NETWORK_CONSTRAINTS, "penalize_on": [StrOptions({"mean", "linear"})]}

    def __init__(
        self,
        hidden_layer_sizes: int | ArrayLike = (32,),
        *,
        fairness_weight: float = 1.0,
        measure: DependenceMeasure | DistanceCovariancePenalty = "ccdcov",
        normalize: Literal["dcor"] | None = None,
        penalize_on: Literal["mean", "linear"] = "mean",
        alpha: float = 1e-4,
        sensitive_columns: str | int | ArrayLike | None = None,
        encoder: ProtectedEncoder | None = None,
        max_iter: int = 500,
        tol: float = 1e-6,
        random_state: LegacyRandomState = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.fairness_weight = fairness_weight
        self.measure = measure
        self.normalize = normalize
        self.penalize_on = penalize_on
        self.alpha = alpha
        self.sensitive_columns = sensitive_columns
        self.encoder = encoder
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sensitive_features: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the network.

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
        self : DistanceCovarianceFairMLPClassifier
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

    def _output_activation(self):
        return "logistic" if len(self.classes_) == 2 else "softmax"
