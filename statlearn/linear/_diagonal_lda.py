"""Linear discriminant analysis with a diagonal covariance: naive Bayes with linear boundaries."""

from numbers import Real
from typing import Self

import numpy as np
from scipy.sparse import issparse
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.validation import check_sample_weight, check_two_classes, check_vector, validate_data
from .._typing import ArrayLike, FloatArray, LabelArray, MatrixLike
from ..certificate import Certificate, Check
from ._class_moments import class_moments
from ._feature_dependence import dependence_test

__all__ = ["DiagonalLDA"]

LEVEL_OF_TESTS = 0.01
SUM_TOLERANCE = 1e-8  # of given prior probabilities about 1


class DiagonalLDA(ClassifierMixin, StatlearnEstimator):
    r"""Naive Bayes for normal features whose variances all classes share: diagonal linear discriminant analysis.

    With the prior probability :math:`\pi_k`, the means :math:`\mu_{kj}` of each class and the variances :math:`v_j`
    pooled over the classes, a row x gets the class with the largest score

    .. math::
        \log \pi_k - \frac{1}{2} \sum_j \frac{(x_j - \mu_{kj})^2}{v_j} , \qquad
        v_j = \sum_k \pi_k \operatorname{Var}(x_j \mid k) + \epsilon .

    The quadratic terms are those of all classes, so that the boundaries are linear. It is the generative counterpart
    of logistic regression, which has the same form of rule, and needs far fewer rows to settle, but it settles at
    another rule where features are correlated.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), default=None
        Prior probabilities of the sorted classes, which are also their weights in the pooled variances. None takes
        the shares of the classes in the training rows.
    var_smoothing : float, default=1e-9
        The variance :math:`\epsilon` that is added to all, as a share of the largest variance of a feature over all
        rows. Raise it where features hardly vary within classes, such as pixels of a border, and they are of one scale.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights of the features in the decision function; one row if there are two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts of the decision function.
    means_ : ndarray of shape (n_classes, n_features)
        Means of the classes.
    var_ : ndarray of shape (n_features,)
        Pooled variances, with ``epsilon_`` added.
    epsilon_ : float
        The variance that was added; 1 if no feature varies at all, and then it does not matter.
    priors_ : ndarray of shape (n_classes,)
        Prior probabilities.
    certificate_ : Certificate
        Whether the features are dependent in a way that changes the log odds, and whether the smoothing decides.
    n_features_in_ : int
        Number of features seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when ``X`` had string names.

    See Also
    --------
    generative_discriminative_curve : From which number of rows on logistic regression is the better one.

    Notes
    -----
    `sklearn.naive_bayes.GaussianNB` has variances for each class, so that its boundaries are quadratic.
    `sklearn.discriminant_analysis.LinearDiscriminantAnalysis` has the whole covariance. Variances are those of the
    population (a sum of squares over the total weight).

    The log odds of dependent features are too extreme: the certificate tests whether they vary within the classes more,
    or less, than those of independent features would, on at most 10,000 rows. The test does not need normal features.
    A dependence that leaves the log odds alone goes unnoticed, and does no harm to the probabilities.

    References
    ----------
    .. [1] A. Y. Ng and M. I. Jordan (2001). "On Discriminative vs. Generative Classifiers: A Comparison of Logistic
       Regression and Naive Bayes". Advances in Neural Information Processing Systems 14.
    .. [2] C. Zheng et al. (2023). "Revisiting Discriminative vs. Generative Classifiers: Theory and Implications".
       arXiv:2302.02334. The classifier of its experiments.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from statlearn.linear import DiagonalLDA
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(cross_val_score(DiagonalLDA(), X, y).mean() > 0.9)
    True

    Widths and lengths of the same leaf depend on each other, which the certificate notices:

    >>> model = DiagonalLDA().fit(X, y)
    >>> model.coef_.shape, model.certificate_["independent features"].holds
    ((3, 4), False)
    """

    _parameter_constraints: dict = {
        "priors": ["array-like", None],
        "var_smoothing": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, priors: ArrayLike | None = None, *, var_smoothing: float = 1e-9) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Estimate means, variances and prior probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. Sparse ones are not made dense.
        y : array-like of shape (n_samples,)
            Class labels, of at least two classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights. Weight 2 is the same as two equal rows, and weight 0 as none, but to the test of the
            certificate, which takes a row for one observation.

        Returns
        -------
        self : DiagonalLDA
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, a single class, or a feature that does not vary within classes when
            nothing is added to its variance.
        """
        X, codes, weights = self._check_rows(X, y, sample_weight)
        moments = class_moments(X, codes, weights, self.classes_.size)
        self.priors_ = self._resolved_priors(moments.shares)
        self.means_ = moments.means
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):  # looked at below
            pooled = self.priors_ @ moments.variances
            largest = moments.total_variances().max()
            self.epsilon_ = 1.0 if moments.constant.all() else float(self.var_smoothing * largest)
            self.var_ = pooled + self.epsilon_
            if self.var_smoothing == 0.0:
                _refuse_no_variance(self.var_, getattr(self, "feature_names_in_", None))
            self.coef_, self.intercept_ = linear_rule(self.means_, self.var_, self.priors_)
        _refuse_infinite(self.var_, self.coef_, self.intercept_)
        self.certificate_ = self._certificate(X, codes, weights, pooled)
        return self

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Log odds of the second of two classes, or the scores of all classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Log odds for two classes. For more, scores up to a term that a row's scores share.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        with np.errstate(over="ignore", invalid="ignore"):
            scores = np.asarray(X @ self.coef_.T) + self.intercept_
        overflown = np.flatnonzero(~np.isfinite(scores).all(axis=1))
        if overflown.size:
            scores[overflown] = self._scores_far_away(X[overflown])
        return scores[:, 0] if self.classes_.size == 2 else scores

    def _scores_far_away(self, X):
        """Log odds of two classes, or scores less the largest one of a row, where the scores themselves overflow."""
        X = X.toarray() if issparse(X) else X
        lengths = np.abs(X).max(axis=1, keepdims=True)
        scores = (X / lengths) @ self.coef_.T + self.intercept_ / lengths
        if self.classes_.size > 2:
            scores -= scores.max(axis=1, keepdims=True)
        with np.errstate(over="ignore"):  # to infinity
            return scores * lengths

    def predict(self, X: MatrixLike) -> LabelArray:
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The class with the largest score.
        """
        scores = self.decision_function(X)
        return self.classes_[(scores > 0.0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)]

    def predict_log_proba(self, X: MatrixLike) -> FloatArray:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        scores = self.decision_function(X)
        return log_expit(np.column_stack([-scores, scores])) if scores.ndim == 1 else log_softmax(scores, axis=1)

    def predict_proba(self, X: MatrixLike) -> FloatArray:
        """Probabilities of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Too extreme where features are correlated.
        """
        return np.exp(self.predict_log_proba(X))

    def _check_rows(self, X, y, sample_weight):
        """Rows of positive weight, positions of their labels among the classes, and weights; sets ``classes_``."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32])
        if issparse(X) and not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        check_classification_targets(y)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = weights > 0.0
        if not kept.all():
            X, y, weights = X[kept], y[kept], weights[kept]
        self.classes_, codes = np.unique(y, return_inverse=True)
        check_two_classes(self.classes_, sample_weight)
        return X, codes, weights

    def _resolved_priors(self, shares):
        if self.priors is None:
            return shares
        priors = check_vector(self.priors, "priors", size=shares.size, positive=True)
        if abs(priors.sum() - 1.0) > SUM_TOLERANCE:
            raise ValueError(f"priors must sum to 1. Got a sum of {priors.sum():.6g}: divide them by it.")
        return priors

    def _certificate(self, X, codes, weights, pooled):
        differ = np.ptp(self.means_, axis=0) > 0.0
        decided = int(np.count_nonzero(differ & (pooled <= self.epsilon_)))
        found = dependence_test(X, codes, weights, self.means_, np.sqrt(self.var_), self.coef_)
        return Certificate(
            claim="The rule is the best one for the estimated means and variances if features are normal and "
            "independent within classes, and no dependence was found that changes how the log odds vary.",
            checks=[
                _independence_check(found),
                Check(
                    "log-odds inflation",
                    found.inflation,
                    1.0,
                    None,
                    "reported",
                    "variance within classes in units of that of independent features, where the evidence is strongest",
                ),
                Check(
                    "features decided by smoothing",
                    decided,
                    0,
                    decided == 0,
                    "reported",
                    "their means differ, and they vary within classes by no more than var_smoothing adds",
                ),
            ],
            assumptions=[
                "rows are independent",
                "within each class the features are normal",
                "all classes share the variance of a feature",
            ],
        )


def linear_rule(means, variances, priors):
    """Weights and intercepts of the scores.

    They are about the median of the means, so that little cancels where classes are close. Two classes get the
    difference of their scores alone.
    """
    if priors.size == 2:
        coef = (means[1:] - means[:1]) / variances
        intercept = np.log(priors[1:]) - np.log(priors[:1]) - coef @ (0.5 * (means[0] + means[1]))
        return coef, intercept
    center = np.sort(means, axis=0)[(priors.size - 1) // 2]
    coef = (means - center) / variances
    return coef, np.log(priors) - 0.5 * np.sum(coef * (means - center), axis=1) - coef @ center


def _refuse_no_variance(variances, names):
    still = np.flatnonzero(variances == 0.0)
    if still.size:
        first = still[0] if names is None else repr(names[still[0]])
        raise ValueError(
            f"X must vary within classes where var_smoothing=0. Got {still.size} columns that do not, the first of "
            f"which is column {first}: drop them, or use var_smoothing > 0."
        )


def _refuse_infinite(*arrays):
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(
            "X must have variances that floating-point numbers can hold. Got features that are too large, or vary too "
            "little, for finite scores: rescale them, such as by StandardScaler, or raise var_smoothing."
        )


def _independence_check(found):
    if np.isnan(found.p_value):
        return Check("independent features", None, LEVEL_OF_TESTS, None, "test", found.reason)
    detail = f"p-value on {found.n_rows} rows: log odds vary as those of independent features do"
    return Check("independent features", found.p_value, LEVEL_OF_TESTS, found.p_value >= LEVEL_OF_TESTS, "test", detail)
