"""Large-step logistic regression as an estimator."""

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from scipy.special import expit, log_expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.parallel import run_parallel
from .._support.progress import CallbackSupportMixin, NoProgress, fit_progress
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight, check_two_classes, validate_data
from .._typing import ArrayLike, ClassWeight, FloatArray, LabelArray, MatrixLike
from ..exceptions import NotSeparableError
from ._classifier_certificate import against_rest, classifier_certificate
from ._descent import N_REPORTS, STOPS
from ._signed_rows import SignedRows
from ._steps import STEP_RULES, step_rule
from ._two_class_fit import FALLBACKS, FitSettings, fit_two_classes

__all__ = ["LargeStepLogisticClassifier"]


def _can_predict_proba(estimator):
    """Whether every problem ended where the scale of its coefficients was estimated."""
    check_is_fitted(estimator)
    if estimator._has_probabilities:
        return True
    raise AttributeError(
        "predict_proba needs coefficients whose scale was estimated. That of classes that are separable, or not known "
        "not to be, never is, for larger coefficients fit better. Use decision_function, or CalibratedClassifierCV "
        "around this classifier."
    )


class _Stopped(NoProgress):
    """The progress of problems whose steps a callback has asked to stop before they began."""

    def step(self, state=None, name="step"):
        return True


class LargeStepLogisticClassifier(ClassifierMixin, CallbackSupportMixin, StatlearnEstimator):
    r"""Linear classifier by logistic regression with large, normalized or safe steps, which bound the margin.

    Gradient descent for logistic regression with a large step size separates separable classes within few steps, as the
    perceptron does, whose limit it is [1]_. Every step proves an interval of the margin

    .. math:: \mu = \max_{\|\theta\| = 1} \min_i y_i \langle a_i, \theta \rangle

    of the rows :math:`a_i` with their constant column: a direction bounds it from below, weights of rows from above.

    Classes that are not separable end in ordinary logistic regression. That they are not is proved too, if it can be.

    Parameters
    ----------
    step_size : {"perceptron", "normalized-perceptron", "normalized", "safe-radius"} or float, default="normalized"
        How far a step goes.

        - a number: gradient descent with this step size;
        - ``"perceptron"``: its limit for a step size that tends to infinity, the batch perceptron;
        - ``"normalized"``: gradient descent of step size ``gamma``, divided by the mean of :math:`\sigma(-m_i)` over
          the rows, m being their margins. After a separation it goes on to increase the margin;
        - ``"normalized-perceptron"``: the limit of that, the mean of the rows on the wrong side;
        - ``"safe-radius"``: ``r`` times the radius of convergence of the loss along the gradient [2]_. No step of it is
          known to decrease the loss, but it adapts to the size of the coefficients.
    gamma : float, default=100.0
        Step size of ``"normalized"``.
    r : float, default=1.0
        Share of the radius of ``"safe-radius"``. Values above 1 warn.
    stop : {"separated", "margin", "loss"}, default="separated"
        What to stop for: no row on the wrong side; a margin that is known up to ``margin_tol``; or a gradient of at
        most ``tol`` times the longest row. For "loss", steps of ``"safe-radius"`` are halved until the loss decreases.
    margin_tol : float, default=0.01
        Relative width of the interval of the margin at which ``stop="margin"`` stops.
    max_iter : int, default=10000
        Largest number of steps. One is taken if a part of the rows proves that the classes are not separable, and at
        most 100 if all rows do, or if the exact margin is found that ``stop="margin"`` asks for; see ``fallback``.
    fit_intercept : bool, default=True
        Whether there is an intercept: the coefficient of a constant column.
    intercept_scaling : float, default=1.0
        Value of that column. Norms and margins are those of rows and coefficients with it.
    alpha : float, default=0.0
        Squared penalty of the logistic regression that classes end in which are not separable: it minimizes the mean
        loss plus ``alpha / 2`` times the squared norm of the coefficients, without that of the intercept. Separable
        classes are not penalized.
    fallback : {"newton", "pocket", "raise"}, default="newton"
        What to do if steps do not get where they should. ``"newton"`` finds out by other methods whether anything
        separates the classes, or what the margin is, and takes what they find, or logistic regression; ``"pocket"``
        takes all steps, and the iterate that leaves the least weight on the wrong side, and looks no further;
        ``"raise"`` is as "newton", but for classes that are not separable, or not known to be, raises
        `NotSeparableError`.
    class_weight : dict or "balanced", default=None
        Weights of the classes; see `sklearn.utils.class_weight.compute_class_weight`.
    tol : float, default=1e-6
        See ``stop``. Steps also end when the margin's upper bound is at most this share of the longest row.
    n_jobs : int, default=None
        Number of threads, for more than two classes. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients; more than two classes are each told from all others.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    separable_ : bool or None, or list of them
        Whether the classes are separable; None if that is not known. One entry per class if there are more than two,
        here and below.
    status_ : str or list of str
        The same in words: ``"separable"``, ``"not separable"`` or ``"undetermined"``.
    quasi_ : bool or None, or list of them
        Whether classes that are not separable are so but for rows on the boundary; then the maximum-likelihood estimate
        of logistic regression is infinite all the same. None if that is not known.
    solver_ : str or list of str
        Where the coefficients come from: ``"steps"``; ``"direction"``, a separating direction that another method
        found; ``"logistic"``; or ``"pocket"``.
    margin_lower_, margin_upper_ : float or ndarray of shape (n_classes,)
        Proved bounds of the margin. The lower one is negative if no separating direction is known.
    radius_R_ : float
        Norm of the longest row, with its constant column.
    support_weights_ : ndarray of shape (n_samples,) or (n_classes, n_samples)
        Weights of the rows that prove the upper bound: they sum to one, and the norm of the signed combination is the
        bound. They name the rows that decide: those near the boundary of separable classes, or those that stand in the
        way of each other.
    history_ : dict of str to ndarray, or list of them
        ``iteration`` and, after so many steps, ``loss``, ``n_errors``, the bounds so far, ``margin_lower`` and
        ``margin_upper``, and ``step``, the length of the last step. At most 1,001 points.
    n_iter_ : int or ndarray of shape (n_classes,)
        Number of steps.
    certificate_ : Certificate
        What was proved about the separability.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of columns, if ``X`` had any.

    Warns
    -----
    ConvergenceWarning
        If steps ended before what they should stop for, and the result is not known to be the best by other means; or
        if classes are separable but for rows on the boundary, so that logistic regression without a penalty has none.

    See Also
    --------
    separability : Whether two classes are separable, without a classifier.
    DiagonalLDA : A generative classifier, better from few rows.
    StepHistoryDisplay : A picture of the steps.

    Notes
    -----
    With separable classes the loss is no measure of progress: a large step can increase it and separate the classes.
    The direction after few steps is not that of the greatest margin, which ``stop="margin"`` approaches with normalized
    steps.

    The number of steps is at most :math:`(R/\mu)^2` for the normalized perceptron, n times that for the perceptron, and
    :math:`(R/\mu)^2 + 2 \log(2n - 1) / (\gamma \mu^2)` for normalized steps ([1]_, theorems 3.3, 5.3 and 6.1). These
    grow beyond all bounds with unscaled columns: use StandardScaler.

    ``predict_proba`` exists only after fits that estimate the scale of the coefficients, which those of separable
    classes never do. Markets, stacking and whatever else asks a classifier for probabilities before its fit refuse this
    one: where probabilities are needed, put `sklearn.calibration.CalibratedClassifierCV` around it.

    References
    ----------
    .. [1] A. Tyurin (2024). "From Logistic Regression to the Perceptron Algorithm: Exploring Gradient Descent with
       Large Step Sizes." arXiv:2412.08424.
    .. [2] P. Sao (2026). "Ghosts of Softmax: Complex Singularities That Limit Safe Step Sizes in Cross-Entropy."
       arXiv:2603.13552.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from statlearn.linear import LargeStepLogisticClassifier
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> model = LargeStepLogisticClassifier(stop="margin").fit(X / 16, y)
    >>> model.status_, model.score(X / 16, y)
    ('separable', 1.0)
    >>> bool(0.58 < model.margin_lower_ < model.margin_upper_ < 0.6)
    True
    """

    _parameter_constraints = {
        "step_size": [StrOptions(set(STEP_RULES)), Interval(Real, 0, None, closed="neither")],
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "r": [Interval(Real, 0, None, closed="neither")],
        "stop": [StrOptions(set(STOPS))],
        "margin_tol": [Interval(Real, 0, 1, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "fit_intercept": ["boolean"],
        "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fallback": [StrOptions(set(FALLBACKS))],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        step_size: Literal["perceptron", "normalized-perceptron", "normalized", "safe-radius"] | float = "normalized",
        *,
        gamma: float = 100.0,
        r: float = 1.0,
        stop: Literal["separated", "margin", "loss"] = "separated",
        margin_tol: float = 1e-2,
        max_iter: int = 10000,
        fit_intercept: bool = True,
        intercept_scaling: float = 1.0,
        alpha: float = 0.0,
        fallback: Literal["newton", "pocket", "raise"] = "newton",
        class_weight: ClassWeight = None,
        tol: float = 1e-6,
        n_jobs: int | None = None,
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        self.r = r
        self.stop = stop
        self.margin_tol = margin_tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.alpha = alpha
        self.fallback = fallback
        self.class_weight = class_weight
        self.tol = tol
        self.n_jobs = n_jobs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Separate the classes, or find out that it cannot be done.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. Rows of weight 0 are left out.

        Returns
        -------
        self : LargeStepLogisticClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument is out of range, or there is one class only.
        NotSeparableError
            If ``fallback="raise"`` and no separating direction is known.
        """
        rule = step_rule(self.step_size, self.gamma, self.r)
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
        check_classification_targets(y)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        weights = self._class_weighted(y, weights)
        self.classes_ = np.unique(y[weights > 0.0])
        check_two_classes(self.classes_, sample_weight if self.class_weight is None else weights)
        settings = FitSettings(
            rule, self.stop, self.margin_tol, self.max_iter, self.tol, float(self.alpha), self.fallback
        )
        targets = self.classes_[1:] if self.classes_.size == 2 else self.classes_
        scaling = float(self.intercept_scaling) if self.fit_intercept else 0.0
        problems = [SignedRows.of(X, np.where(y == k, 1.0, -1.0), weights, intercept_scaling=scaling) for k in targets]
        n_steps = 2 * N_REPORTS if len(problems) == 1 else len(problems)
        with fit_progress(self, X, y, max_subtasks=n_steps, sample_weight=sample_weight) as progress:
            fits = self._solve(problems, settings, progress)
        certificate = classifier_certificate(fits, self._problems(), rule, getattr(self, "feature_names_in_", None))
        self._check_separable(fits, certificate)
        self._store(fits, problems, X.shape)
        self.certificate_ = certificate
        self._warn(fits)
        return self

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Values of the linear functions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Positive for the second of two classes; one column per class if there are more.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False, dtype=[np.float64, np.float32])
        scores = np.asarray(X @ self.coef_.T) + self.intercept_
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, X: MatrixLike) -> LabelArray:
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The class of the greatest score; of two classes the second where the score is positive.
        """
        scores = self.decision_function(X)
        return self.classes_[(scores > 0.0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    @available_if(_can_predict_proba)
    def predict_proba(self, X: MatrixLike) -> FloatArray:
        """Probabilities of the classes, if the fit ended in logistic regression with a finite solution.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            One column per class. With more than two classes they are probabilities of each class against the others,
            divided by their sum.

        Raises
        ------
        AttributeError
            If a class is separable from the others, or may be, so that the scale of the coefficients is arbitrary.
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([expit(-scores), expit(scores)])
        logarithms = log_expit(scores)  # all of them may be too small for their exponentials
        return softmax(logarithms, axis=1)

    def _class_weighted(self, y, weights):
        """Weights of the rows times those of their classes."""
        counted = weights > 0.0
        classes = np.unique(y[counted])
        if self.class_weight is None or classes.size == 0:
            return weights
        of_class = compute_class_weight(
            self.class_weight, classes=classes, y=y[counted], sample_weight=weights[counted]
        )
        places = np.searchsorted(classes, y[counted])
        weights = weights.copy()
        with np.errstate(over="ignore"):
            weights[counted] *= of_class[places]
        if not np.isfinite(weights).all():
            raise ValueError("class_weight times sample_weight must be finite. Divide them by their largest entries.")
        return weights

    def _solve(self, problems, settings, progress):
        if len(problems) == 1:
            return [fit_two_classes(problems[0], settings, progress)]
        if not progress.active:
            tasks = [(rows, settings, progress) for rows in problems]
            return run_parallel(fit_two_classes, tasks, n_jobs=self.n_jobs)
        fits, told = [], NoProgress()
        for rows in problems:  # one after the other, as somebody counts
            fits.append(fit_two_classes(rows, settings, told))
            if progress.step():
                told = _Stopped()
        return fits

    def _check_separable(self, fits, certificate):
        """Raise if a separation was asked for and is not known to exist."""
        if self.fallback != "raise":
            return
        for fit, label in zip(fits, self._problems(), strict=True):
            if fit.evidence.status != "separable":
                raise NotSeparableError(
                    f"The problem{against_rest(label)} is {fit.evidence.status}, and fallback='raise'. Its margin is "
                    f"{fit.evidence.upper:.3g} at most. Use fallback='newton' for logistic regression.",
                    certificate,
                )

    def _problems(self):
        """The classes that are told from the rest; None for two classes."""
        return [None] if self.classes_.size == 2 else self.classes_.tolist()

    def _store(self, fits, problems, shape):
        """Set the fitted attributes."""
        n_samples, n_features = shape
        self._has_probabilities = all(fit.has_probabilities for fit in fits)
        thetas = np.array([fit.theta for fit in fits])
        self.coef_ = np.ascontiguousarray(thetas[:, :n_features])
        scaling = problems[0].intercept_scaling
        self.intercept_ = scaling * thetas[:, -1] if scaling else np.zeros(len(fits))
        statuses = [fit.evidence.status for fit in fits]
        known = {"separable": True, "not separable": False, "undetermined": None}
        support = np.zeros((len(fits), n_samples))
        for weights, fit, rows in zip(support, fits, problems, strict=True):
            weights[rows.kept] = fit.evidence.weights
        columns = {
            "separable_": [known[status] for status in statuses],
            "status_": statuses,
            "quasi_": [fit.evidence.quasi for fit in fits],
            "solver_": [fit.solver for fit in fits],
            "margin_lower_": np.array([fit.evidence.lower for fit in fits]),
            "margin_upper_": np.array([fit.evidence.upper for fit in fits]),
            "support_weights_": support,
            "history_": [fit.descent.history for fit in fits],
            "n_iter_": np.array([fit.descent.n_iter for fit in fits]),
        }
        for name, values in columns.items():
            value = values[0] if len(fits) == 1 else values
            setattr(self, name, value.item() if isinstance(value, np.generic) else value)
        self.radius_R_ = problems[0].radius

    def _warn(self, fits):
        """Warn of problems that are not solved."""
        for fit, label in zip(fits, self._problems(), strict=True):
            problem = "problem" + against_rest(label)
            message = self._infinite(fit, problem) or self._unfinished(fit, problem)
            if message:
                warn_user(message, ConvergenceWarning)

    def _infinite(self, fit, problem):
        """What to say of a logistic regression that is not known to have a solution; empty if it is."""
        if fit.solver != "logistic" or self.alpha > 0.0 or fit.evidence.quasi is False:
            return ""
        if fit.evidence.status == "undetermined":
            return ""
        if fit.evidence.quasi:
            return (
                f"The {problem} is separable but for rows on the boundary, so that coefficients of logistic "
                "regression are infinite: those here are where it was given up. Use alpha > 0, or see separability for "
                "the rows and columns behind it."
            )
        return (
            f"It is not known whether the {problem} has finite coefficients of logistic regression: columns may be "
            "dependent, or some rows separable. Use alpha > 0, drop columns that follow from others, or try "
            'separability(X, y, method="lp").'
        )

    def _unfinished(self, fit, problem):
        """What to say of steps that ended early where nothing else is known to be the best; empty if all is well."""
        evidence, descent = fit.evidence, fit.descent
        is_best = fit.solver in {"direction", "logistic"} and evidence.status != "undetermined"
        if evidence.status == "separable" and self.stop == "margin":
            is_best = evidence.knows_margin(self.margin_tol)
        if descent.status == self.stop or is_best:
            return ""
        others = "" if self.fallback == "newton" else ", or use fallback='newton'"
        return (
            f"Steps ended after {descent.n_iter} ({descent.status!r}) before stop={self.stop!r} was reached. The "
            f"{problem} is {evidence.status}, with a margin of {evidence.upper:.3g} at most. Increase max_iter, or "
            f"scale the columns by StandardScaler, sparse ones by MaxAbsScaler{others}."
        )
