"""Proportional odds: one slope vector for every cut."""

from numbers import Integral, Real
from typing import Self

import numpy as np
from scipy.linalg import LinAlgWarning
from scipy.stats import norm
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import unchanged_on_error
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.user_warnings import warn_user
from .._typing import ArrayLike, ClassWeight, FloatArray, MatrixLike
from ._certificates import fit_certificate
from ._cut_classifier import CutLogitClassifier, warn_unless_converged
from ._inference import coordinate_covariance
from ._labels import warn_if_unsorted
from ._penalty import presto_penalty
from ._problem import ordinal_problem, penalty_weights
from ._solver import DomainSolver

__all__ = ["ProportionalOddsClassifier", "parallel_weights"]


def parallel_weights(problem):
    """Penalty weights that freeze every difference between cuts."""
    weights = penalty_weights(problem)
    weights[1:, 1:] = np.inf
    return weights


class ProportionalOddsClassifier(CallbackSupportMixin, CutLogitClassifier):
    r"""Proportional-odds (cumulative logit) regression with standard errors.

    The model is ``log P(y > classes_[k]) / P(y <= classes_[k]) = x'slopes_ - thresholds_[k]``: every cut shares one
    slope vector. It maximizes the likelihood, or with ``alpha > 0`` minimizes

    .. math::
        -\frac{1}{W} \sum_i w_i \log P(y_i \mid x_i)
        + \alpha \sum_j \Big( \rho |b_j| + \frac{1 - \rho}{2} b_j^2 \Big)

    over slopes :math:`b` per standard deviation, with :math:`\rho` the ``l1_ratio``.

    Parameters
    ----------
    alpha : float, default=0.0
        Strength of the penalty, on the scale of the mean negative log-likelihood. Standard errors need 0.
    l1_ratio : float, default=0.0
        Share of the lasso in the penalty, between 0 (ridge) and 1.
    standardize : bool, default=True
        Penalize slopes per weighted population standard deviation of their feature.
    classes : array-like of shape (n_classes,), default=None
        The classes from lowest to highest. None takes the order of a pandas ordered categorical or polars Enum, else
        sorts the labels. scikit-learn's own scorers, ``cross_val_predict`` and ensembles know sorted labels only: give
        them integer codes unless the labels sort in their true order.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of the classes. They destroy the calibration of the probabilities.
    tol : float, default=1e-8
        The fit stops when no optimality condition is violated by more than ``tol`` and the duality gap is at most
        ``tol * max(1, objective)``.
    max_iter : int, default=100
        Largest number of Newton steps.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes from lowest to highest.
    slopes_ : ndarray of shape (n_features,)
        Shared slopes per original unit: positive moves mass to higher classes. The sign of R's ``clm`` and ``polr``.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Ascending thresholds; ``-intercept_``.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        ``slopes_`` once per cut, as in `PrestoClassifier`.
    intercept_ : ndarray of shape (n_classes - 1,)
        Intercepts of the cut logits.
    cov_params_ : ndarray of shape (n_classes - 1 + n_features, n_classes - 1 + n_features)
        Inverse observed information: thresholds first, then slopes. Only with ``alpha=0``. Weights count as repeated
        rows. Infinite, with a warning, when features are collinear or the data separable; zero for constant features.
    standard_errors_ : ndarray of shape (n_classes - 1 + n_features,)
        Square roots of the diagonal of ``cov_params_``. Only with ``alpha=0``.
    log_likelihood_ : float
        Weighted total log-likelihood.
    aic_, bic_ : float
        Information criteria of the log-likelihood with ``df_`` parameters; the sample size of ``bic_`` is the total
        weight.
    df_ : int
        Number of thresholds and non-zero slopes.
    objective_ : float
        Penalized mean negative log-likelihood at the fit.
    dual_gap_ : float
        Upper bound on ``objective_`` minus the smallest possible value.
    n_iter_ : int
        Newton steps taken, at least 1.
    mean_, scale_ : ndarray of shape (n_features,)
        Weighted means and population standard deviations (1 for constant columns, or without standardization).
    certificate_ : Certificate
        The duality gap, the optimality conditions and separation.
    n_features_in_ : int
        Number of features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when ``X`` had string names.

    See Also
    --------
    PrestoClassifier : Lets the data decide where slopes differ between cuts.
    parallelism_test : Tests whether one slope vector is enough.

    References
    ----------
    P. McCullagh. Regression Models for Ordinal Data. Journal of the Royal Statistical Society B 42(2), 1980.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import ProportionalOddsClassifier
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> model = ProportionalOddsClassifier().fit(X, y)
    >>> model.thresholds_.shape, model.slopes_.shape
    ((3,), (10,))
    >>> model.conf_int(level=0.9).shape
    (13, 2)
    """

    _parameter_constraints: dict = {
        "alpha": [Interval(Real, 0, np.inf, closed="both")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "standardize": ["boolean"],
        "classes": ["array-like", None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        alpha: float = 0.0,
        *,
        l1_ratio: float = 0.0,
        standardize: bool = True,
        classes: ArrayLike | None = None,
        class_weight: ClassWeight = None,
        tol: float = 1e-8,
        max_iter: int = 100,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.standardize = standardize
        self.classes = classes
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # one direction cannot tell classes apart that lie in no order
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit thresholds and slopes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight stands for that many copies of its row.

        Returns
        -------
        self : ProportionalOddsClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, fewer than two classes, or a class without rows.

        Warns
        -----
        ClassOrderWarning
            When the classes do not sort in their order, so that scikit-learn's own tools would mistake them.
        ConvergenceWarning
            When the data are separable, or after ``max_iter`` steps.
        LinAlgWarning
            When collinear features leave the standard errors undefined.
        """
        X_checked, codes, weights, classes = self._check_training_data(X, y, sample_weight)
        warn_if_unsorted(classes)
        problem = ordinal_problem(X_checked, codes, weights, standardize=self.standardize)
        penalty = presto_penalty(self.alpha, self.l1_ratio, parallel_weights(problem))
        solver = DomainSolver(problem.loss, problem.standard, "observed", tol=self.tol, max_iter=self.max_iter)
        with fit_progress(self, X, y, sample_weight=sample_weight) as progress:

            def report(point):
                return progress.step(lambda: _coefficients(problem, point.theta, classes), "Newton step")

            solution = solver.solve(penalty, on_step=report if progress.active else None)
        warn_unless_converged(solution, type(self).__name__, self.tol, cure="Use alpha>0")
        vars(self).update(_coefficients(problem, solution.theta, classes))
        self._store(problem, solver, solution, penalty)
        return self

    def _store(self, problem, solver, solution, penalty):
        self.mean_, self.scale_ = problem.standard.mean, problem.standard.scale
        self.n_iter_ = max(1, solution.n_iter)
        self.dual_gap_, self.objective_ = solution.gap, solution.objective
        self.log_likelihood_ = -problem.total_weight * solution.point.loss
        self.df_ = int(np.count_nonzero(self.slopes_)) + len(self.thresholds_)
        self.aic_ = 2.0 * self.df_ - 2.0 * self.log_likelihood_
        self.bic_ = np.log(problem.total_weight) * self.df_ - 2.0 * self.log_likelihood_
        self.certificate_ = fit_certificate(problem, solver, solution, penalty, crossing="parallel", n_crossing=0)
        for name in ("cov_params_", "standard_errors_"):
            vars(self).pop(name, None)  # of an earlier fit with alpha=0
        if self.alpha == 0.0:
            self.cov_params_ = _covariance(problem, solution, penalty)
            self.standard_errors_ = np.sqrt(np.diag(self.cov_params_))

    def conf_int(self, level: float = 0.95) -> FloatArray:
        """Wald confidence intervals of the thresholds and slopes.

        Parameters
        ----------
        level : float, default=0.95
            Nominal coverage of each interval, between 0 and 1.

        Returns
        -------
        intervals : ndarray of shape (n_classes - 1 + n_features, 2)
            Lower and upper ends: thresholds first, then slopes.

        Raises
        ------
        ValueError
            If ``level`` is not between 0 and 1, or the fit was penalized.
        """
        check_is_fitted(self)
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1. Got {level!r} instead.")
        if not hasattr(self, "standard_errors_"):
            raise ValueError("conf_int needs a fit with alpha=0: penalized slopes have no Wald standard errors.")
        estimates = np.concatenate([self.thresholds_, self.slopes_])
        half = norm.ppf(0.5 + level / 2.0) * self.standard_errors_
        return np.column_stack([estimates - half, estimates + half])


def _coefficients(problem, theta, classes):
    coef, intercept, _ = problem.linear_predictor(theta)
    return {
        "classes_": classes,
        "coef_": coef,
        "intercept_": intercept,
        "slopes_": coef[0].copy(),
        "thresholds_": -intercept,
    }


def _covariance(problem, solution, penalty):
    """Covariance of (thresholds, slopes), by the linear map from the free difference coordinates."""
    n_cuts, n_columns = solution.theta.shape
    block, column = np.nonzero(penalty.free)
    infinite = np.full((n_cuts + n_columns - 1,) * 2, np.inf)
    if solution.separated:  # warned about already
        return infinite
    covariance = coordinate_covariance(problem, solution.point, penalty.free)
    if covariance is None:
        warn_user(
            "The Hessian of the likelihood is singular: the standard errors are infinite. Remove collinear features, "
            "or use alpha>0.",
            LinAlgWarning,
        )
        return infinite
    scale, mean = problem.standard.scale, problem.standard.mean
    to_original = np.zeros((n_cuts + n_columns - 1, block.size))
    for position, (cut, feature) in enumerate(zip(block, column - 1, strict=True)):
        if feature < 0:
            to_original[cut:n_cuts, position] = 1.0
        else:
            to_original[:n_cuts, position] = -mean[feature] / scale[feature]
            to_original[n_cuts + feature, position] = -1.0 / scale[feature]
    return to_original @ covariance @ to_original.T
