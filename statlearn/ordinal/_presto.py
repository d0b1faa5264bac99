"""PRESTO: one slope vector per cut, shrunk towards its neighbor."""

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _check_feature_names_in, _fit_context
from .._support.base import unchanged_on_error
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.validation import check_vector
from .._typing import ArrayLike, ClassWeight, MatrixLike
from ._certificates import fit_certificate
from ._cut_classifier import CutLogitClassifier, warn_unless_converged
from ._labels import warn_if_unsorted
from ._penalty import presto_penalty
from ._problem import ordinal_problem, penalty_weights
from ._reports import DeviatingTransitions, RelaxedFit, relaxed_fit
from ._solver import DomainSolver

__all__ = ["PENALTY_CONSTRAINTS", "PrestoClassifier", "PrestoModel", "coefficients"]

PENALTY_CONSTRAINTS = {
    "base_penalty": [Interval(Real, 0, None, closed="left")],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "penalty_factor": ["array-like", None],
    "crossing": [StrOptions({"observed", "train", "box"})],
    "classes": ["array-like", None],
}


def coefficients(problem, theta, classes):
    """The fitted attributes that predictions need."""
    coef, intercept, differences = problem.linear_predictor(theta)
    return {"classes_": classes, "coef_": coef, "intercept_": intercept, "coef_diff_": differences}


class PrestoModel(CallbackSupportMixin, CutLogitClassifier):
    """What `PrestoClassifier` and its cross-validated form share: the problem, the fitted attributes, the reports."""

    standardize = True
    max_iter = 100
    tol = 1e-6

    def _problem(self, X, y, sample_weight):
        """The standardized problem, the weights of its penalty and the ordered classes."""
        X, codes, weights, classes = self._check_training_data(X, y, sample_weight)
        problem = ordinal_problem(X, codes, weights, standardize=self.standardize)
        return problem, self._penalty_weights(problem), classes

    def _penalty_weights(self, problem):
        factor = self.penalty_factor
        if factor is not None:
            factor = check_vector(factor, "penalty_factor", size=problem.loss.design.n_columns - 1)
        return penalty_weights(problem, self.base_penalty, factor)

    def _store(self, problem, solver, solution, penalty, classes):
        vars(self).update(coefficients(problem, solution.theta, classes))
        self.mean_, self.scale_ = problem.standard.mean, problem.standard.scale
        self.n_iter_ = max(1, solution.n_iter)
        self.dual_gap_ = solution.gap
        self.objective_ = solution.objective
        self.log_likelihood_ = -problem.total_weight * solution.point.loss
        self.df_ = int(np.count_nonzero(self.coef_diff_)) + len(self.intercept_)
        self.n_crossing_train_ = problem.n_crossing(solution.theta)
        self.certificate_ = fit_certificate(
            problem, solver, solution, penalty, crossing=self.crossing, n_crossing=self.n_crossing_train_
        )

    def _feature_names(self, names=None):
        if names is None:
            return [str(name) for name in _check_feature_names_in(self)]
        names = [str(name) for name in names]
        if len(names) != self.n_features_in_:
            raise ValueError(f"feature_names_out must have {self.n_features_in_} entries. Got {len(names)} instead.")
        return names

    def deviating_transitions(self, feature_names_out: ArrayLike | None = None) -> DeviatingTransitions:
        """Which features leave proportional odds, and at which cut.

        Parameters
        ----------
        feature_names_out : array-like of shape (n_features,), default=None
            Names to show; None takes ``feature_names_in_``, or ``x0``, ``x1``, ...

        Returns
        -------
        transitions : DeviatingTransitions
            The non-zero differences between neighboring cuts, and the features without any.
        """
        check_is_fitted(self)
        names = self._feature_names(feature_names_out)
        return DeviatingTransitions._from_differences(self.coef_diff_, names, self.classes_)

    def relaxed_fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> RelaxedFit:
        """Refit the selected coordinates without penalty, with standard errors.

        The errors treat the selection as given: they are too small and **not valid for inference** after it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows of ``fit``; estimators do not keep them.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.

        Returns
        -------
        result : RelaxedFit
            A fitted `PrestoClassifier` of the refit and the Wald standard errors of its coefficient differences.

        Raises
        ------
        ValueError
            When the features or classes differ from those of ``fit``.
        """
        check_is_fitted(self)
        return relaxed_fit(self, X, y, sample_weight)


class PrestoClassifier(PrestoModel):
    r"""Ordinal logistic regression that shrinks towards proportional odds (PRESTO).

    Every cut between adjacent classes has its own slope vector; the differences between neighboring slope vectors carry
    a lasso penalty, so the data decide which feature deviates from proportional odds at which cut. Rare classes at the
    end of the order borrow strength from the common ones without being forced into one slope vector.

    With :math:`P(y \le k \mid x) = \sigma(a_k + x^\top \beta_k)`, :math:`\psi_1 = \beta_1` and
    :math:`\psi_k = \beta_k - \beta_{k-1}` on standardized features, it minimizes

    .. math::
        -\frac{1}{W} \sum_i w_i \log P(y_i \mid x_i) + \alpha \sum_{k, j} c_{kj}
        \Big( \rho |\psi_{kj}| + \frac{1 - \rho}{2} \psi_{kj}^2 \Big)

    with :math:`\rho` the ``l1_ratio``, :math:`c_{1j}` = ``base_penalty * penalty_factor[j]`` and :math:`c_{kj}` =
    ``penalty_factor[j]`` for the later cuts. Fitted coefficients are given in *exceedance sign* and original units:
    ``log P(y > classes_[k]) / P(y <= classes_[k]) = x'coef_[k] + intercept_[k]``, that is ``coef_ = -beta`` and
    ``intercept_ = -a``, so that two classes give logistic regression.

    Parameters
    ----------
    alpha : float, default=0.01
        Strength of the penalty, on the scale of the mean negative log-likelihood. 0 fits without penalty; ``np.inf``
        gives the intercept-only model, or exactly proportional odds when ``base_penalty=0``.
    base_penalty : float, default=1.0
        Weight of the penalty on the first cut's own slopes. 1 is the paper's objective, which shrinks all slopes
        towards zero; 0 shrinks towards proportional odds alone, and is the only value for which reversing the class
        order changes nothing else. Worth a grid search over ``{0, 0.1, 1}``.
    l1_ratio : float, default=1.0
        Share of the lasso in the penalty, between 0 (ridge) and 1.
    penalty_factor : array-like of shape (n_features,), default=None
        Non-negative weight of each feature's penalty; 0 leaves it unpenalized. None means ones.
    standardize : bool, default=True
        Penalize slopes per weighted population standard deviation of their feature. Features are centered in any case,
        which changes nothing but the conditioning.
    crossing : {"train", "observed", "box"}, default="train"
        Where the cuts must keep their order: at every training row, only as far as the likelihood of the observed
        classes needs it, or everywhere in the bounding box of the training data.
    repair : {"sort", "isotonic", "none"}, default="sort"
        What predictions do with rows at which cuts cross: sort the cut logits (rearrangement), pool the cumulative
        probabilities (least squares), or nothing.
    classes : array-like of shape (n_classes,), default=None
        The classes from lowest to highest. None takes the order of a pandas ordered categorical or polars Enum, else
        sorts the labels. scikit-learn's own scorers, ``cross_val_predict`` and ensembles know sorted labels only: give
        them integer codes unless the labels sort in their true order.
    class_weight : dict, "balanced" or None, default=None
        Factors on the weights of the classes. They destroy the calibration of the probabilities.
    max_iter : int, default=100
        Largest number of Newton steps per minimization.
    tol : float, default=1e-6
        The fit stops when no optimality condition is violated by more than ``tol`` and the duality gap is at most
        ``tol * max(1, objective)``.
    warm_start : bool, default=False
        Start from the coefficients of the previous fit when its shape agrees.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes from lowest to highest.
    coef_ : ndarray of shape (n_classes - 1, n_features)
        Slopes of the cut logits, per original unit of the features.
    intercept_ : ndarray of shape (n_classes - 1,)
        Intercepts of the cut logits.
    coef_diff_ : ndarray of shape (n_classes - 1, n_features)
        Row 0 is ``coef_[0]``, row ``k`` the difference ``coef_[k] - coef_[k - 1]``; exact zeros where parallel.
    n_iter_ : int
        Newton steps taken, at least 1.
    dual_gap_ : float
        Upper bound on ``objective_`` minus the smallest possible value.
    objective_ : float
        Penalized mean negative log-likelihood at the fit.
    log_likelihood_ : float
        Weighted total log-likelihood of the training rows.
    df_ : int
        Non-zero entries of ``coef_diff_`` plus the number of intercepts.
    n_crossing_train_ : int
        Training rows at which some cuts cross.
    mean_, scale_ : ndarray of shape (n_features,)
        Weighted means and population standard deviations (1 for constant columns, or without standardization).
    certificate_ : Certificate
        The duality gap, the optimality conditions, crossing and separation.
    n_features_in_ : int
        Number of features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when ``X`` had string names.

    See Also
    --------
    PrestoClassifierCV : Chooses ``alpha`` by cross-validation along one warm-started path.
    ProportionalOddsClassifier : One slope vector for all cuts, with standard errors.

    Notes
    -----
    A ``sample_weight`` means repetition, standardization included. Features may be sparse; they are centered without
    being made dense. The solver is proximal Newton on the difference coordinates, with a certified duality gap.

    References
    ----------
    G. Faletto and J. Bien. Predicting Rare Events by Shrinking Towards Proportional Odds. ICML 2023.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import PrestoClassifier
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> model = PrestoClassifier(alpha=0.005).fit(X, y)
    >>> model.coef_.shape
    (3, 10)
    >>> model.predict_proba(X[:2]).shape
    (2, 4)
    >>> bool(model.certificate_)
    True
    """

    _parameter_constraints: dict = {
        "alpha": [Interval(Real, 0, np.inf, closed="both")],
        **PENALTY_CONSTRAINTS,
        "standardize": ["boolean"],
        "repair": [StrOptions({"sort", "isotonic", "none"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        alpha: float = 0.01,
        *,
        base_penalty: float = 1.0,
        l1_ratio: float = 1.0,
        penalty_factor: ArrayLike | None = None,
        standardize: bool = True,
        crossing: Literal["train", "observed", "box"] = "train",
        repair: Literal["sort", "isotonic", "none"] = "sort",
        classes: ArrayLike | None = None,
        class_weight: ClassWeight = None,
        max_iter: int = 100,
        tol: float = 1e-6,
        warm_start: bool = False,
    ) -> None:
        self.alpha = alpha
        self.base_penalty = base_penalty
        self.l1_ratio = l1_ratio
        self.penalty_factor = penalty_factor
        self.standardize = standardize
        self.crossing = crossing
        self.repair = repair
        self.classes = classes
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the cut logits.

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
        self : PrestoClassifier
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
            When the data are separable along unpenalized slopes, or after ``max_iter`` steps.
        """
        problem, weights, classes = self._problem(X, y, sample_weight)
        warn_if_unsorted(classes)
        penalty = presto_penalty(self.alpha, self.l1_ratio, weights)
        solver = DomainSolver(problem.loss, problem.standard, self.crossing, tol=self.tol, max_iter=self.max_iter)
        with fit_progress(self, X, y, sample_weight=sample_weight) as progress:

            def report(point):
                return progress.step(lambda: coefficients(problem, point.theta, classes), "Newton step")

            solution = solver.solve(penalty, start=self._start(problem), on_step=report if progress.active else None)
        warn_unless_converged(solution, type(self).__name__, self.tol)
        self._store(problem, solver, solution, penalty, classes)
        return self

    def _start(self, problem):
        shape = (problem.loss.n_cuts, problem.loss.design.n_columns - 1)
        if not self.warm_start or getattr(self, "coef_", np.empty(0)).shape != shape:
            return None
        return problem.coordinates(self.coef_, self.intercept_)

    def _unfitted(self):
        return clone(self)
