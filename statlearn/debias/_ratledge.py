"""The loss of Ratledge et al., which charges for bias given the truth, and the linear model that minimizes it."""

from numbers import Integral, Real
from typing import NamedTuple, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, _fit_context, validate_params
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight, refuse_dates, validate_data
from .._typing import ArrayLike, FloatArray
from ..certificate import Certificate, Check
from ._calibration_sample import fit_slope, is_constant
from ._ratledge_solver import whiten
from ._truth_bins import bin_means, bin_numbers, quantile_edges
from ._unit_checks import check_outcome, check_weights

__all__ = ["RatledgeRegressor", "ratledge_loss"]

GAP = 1e-8  # duality gap allowed, relative to the objective and the variance of the outcomes
CLAIM = "The coefficients minimize the mean squared error plus the penalties of bias and size on the training rows."
ASSUMPTIONS = (
    "units outside the training rows have the mean errors, given their outcome, of those inside: bias is balanced in "
    "bins of the training outcomes, where coefficients were fitted to their noise as well",
    "bias that differs within a bin does no harm: the mean prediction given the outcome itself is not penalized",
)


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "lambda_b": [Interval(Real, 0, None, closed="left")],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "edges": ["array-like", None],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def ratledge_loss(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    lambda_b: float = 5.0,
    n_bins: int = 5,
    edges: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    r"""Mean squared error plus a penalty of bias given the truth.

    With J bins of the truth, by default its fifths, the loss is

    .. math::

        \frac{1}{n} \sum_i (\hat y_i - y_i)^2 + \lambda_b \max_{j \le J}
        \Big(\frac{1}{n_j} \sum_{i \text{ in bin } j} (\hat y_i - y_i)\Big)^2 .

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True outcomes.
    y_pred : array-like of shape (n_samples,)
        Predictions.
    lambda_b : float, default=5.0
        Weight of the penalty. Its authors try values from 1 to 20.
    n_bins : int, default=5
        Number of bins, between quantiles of ``y_true``; of no account if there are edges. Of equal quantiles one
        remains.
    edges : array-like of shape (n_edges,), default=None
        Increasing inner edges of the bins, such as `RatledgeRegressor.edges_`, the quantiles of the training outcomes.
        An edge belongs to the bin below it. A bin without units has no bias. None takes quantiles of ``y_true``.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    loss : float
        In squared units of the truth.

    Raises
    ------
    ValueError
        If lengths differ, a number is missing or infinite, a weight is negative, all are zero, or edges do not
        increase.

    See Also
    --------
    RatledgeRegressor : The linear model that minimizes it.

    References
    ----------
    Ratledge, Cadamuro, de la Cuesta, Stigler, Burke (2022). "Using machine learning to assess the livelihood impact of
    electricity access". Nature 611, 491-495.

    Examples
    --------
    Predictions that are drawn to the middle by half. The outer bins have mean errors of 1 and -1:

    >>> from statlearn.debias import ratledge_loss
    >>> ratledge_loss([-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0], lambda_b=3.0, n_bins=3) - 2.0 / 3.0
    3.0
    """
    truth, predictions = check_outcome(y_true, "y_true"), check_outcome(y_pred, "y_pred")
    check_consistent_length(truth, predictions, sample_weight)
    weights = check_weights(sample_weight, truth.size, "sample_weight")
    kept = weights > 0.0
    truth, errors, weights = truth[kept], (predictions - truth)[kept], weights[kept]
    edges = quantile_edges(truth, weights, n_bins) if edges is None else _check_edges(edges)
    biases = bin_means(errors, weights, bin_numbers(truth, edges), edges.size + 1)
    return float(weights @ errors**2 + lambda_b * np.nanmax(biases**2))


def _check_edges(edges):
    """Increasing finite numbers, perhaps none."""
    refuse_dates(edges, "edges")
    values = np.asarray(edges, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or not (np.diff(values) > 0.0).all():
        raise ValueError(f"edges must be finite numbers in increasing order, the inner edges of bins. Got {edges!r}.")
    return values


class RatledgeRegressor(RegressorMixin, StatlearnEstimator):
    r"""Linear model that is fitted with a penalty of bias given the truth.

    Least squares over-predicts small outcomes and under-predicts large ones. This model minimizes

    .. math::

        \frac{1}{n} \sum_i (\hat y_i - y_i)^2 + \lambda_b \max_{j \le J} \bar e_j^2 + \alpha \lVert w \rVert^2,
        \qquad \hat y_i = x_i' w + b,

    where :math:`\bar e_j` is the mean error in the j-th quantile bin of the training outcomes: `ratledge_loss` and a
    ridge. It is the baseline that other ways to undo shrinkage are compared with, and needs no calibration sample, for
    better or worse. The minimum is exact, and its certificate proves it.

    Parameters
    ----------
    lambda_b : float, default=5.0
        Weight of the penalty of bias. 0 is ridge regression; larger values never make the largest bias larger. Its
        authors try values from 1 to 20.
    n_bins : int, default=5
        Number J of bins, at quantiles of the outcomes. Of equal quantiles one remains.
    alpha : float, default=0.0
        Weight of the squared norm of the coefficients. As the error is a mean, ``Ridge(alpha=n * alpha)`` is the model
        without the penalty of bias, n the number of rows or the sum of their weights.
    fit_intercept : bool, default=True
        Whether there is a constant b, which is not penalized.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Coefficients w; those of smallest norm where several minimize, as with more features than rows and ``alpha=0``.
    intercept_ : float
        Constant b; 0.0 without ``fit_intercept``.
    edges_ : ndarray of shape (n_distinct_bins - 1,)
        Inner edges of the bins; an edge belongs to the bin below it.
    bin_errors_ : ndarray of shape (n_distinct_bins,)
        Mean error of the predictions of the training rows in each bin.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when ``X`` had string names.
    certificate_ : Certificate
        The duality gap, which bounds the distance from the least possible objective; the largest bias of a bin, the
        squared error and the slope of predictions on the truth, each beside that without the penalty of bias.

    Raises
    ------
    ValueError
        If the input is invalid, or there is more than one output.

    Warns
    -----
    ConvergenceWarning
        If ``lambda_b`` is so large that rounding keeps the duality gap from closing.

    See Also
    --------
    ratledge_loss : The loss without the ridge.
    LinearCalibrationCorrector : Undoes the shrinkage of any model with a calibration sample.

    Notes
    -----
    Bias is balanced on average within bins of the training outcomes, not for every outcome: the mean prediction given
    the truth is neither made straight nor given slope 1. On other rows a part of it comes back, as coefficients are
    fitted to the noise of the training outcomes: with 200 rows, 30 features and an R² of 0.4, the largest bias is 0.35
    on training rows and 1.2 on others, where that of least squares is 2.2. Use many rows, or `DebiasedRegressor`, which
    learns from predictions out of sample.

    The penalty is met by coefficients that inflate predictions, so that the squared error rises, the more the weaker
    the features are. Groups that are made by what the model sees are done harm: see the notes of
    `LinearCalibrationCorrector`.

    With a bound of all absolute bin errors the problem is to find the point of a polyhedron that is nearest to the
    origin. Its dual is a non-negative least-squares problem in twice as many unknowns as there are bins, whatever the
    number of rows and features, beside one singular value decomposition of X.

    References
    ----------
    Ratledge, Cadamuro, de la Cuesta, Stigler, Burke (2022). "Using machine learning to assess the livelihood impact of
    electricity access". Nature 611, 491-495.

    Lawson, Hanson (1995). "Solving Least Squares Problems". SIAM, chapter 23, for least-distance programming.

    Examples
    --------
    The mean error in the fifth of the units with the smallest outcomes, by least squares and with the penalty:

    >>> import numpy as np
    >>> from statlearn.debias import RatledgeRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 3))
    >>> y = X.sum(axis=1) + 2.0 * rng.normal(size=2000)
    >>> for lambda_b in (0.0, 5.0, 20.0):
    ...     model = RatledgeRegressor(lambda_b=lambda_b).fit(X, y)
    ...     print(f"{model.bin_errors_[0]:.1f}")
    2.2
    0.4
    0.1
    >>> bool(model.certificate_)
    True
    """

    _parameter_constraints: dict = {
        "lambda_b": [Interval(Real, 0, None, closed="left")],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
    }

    def __init__(self, lambda_b: float = 5.0, n_bins: int = 5, alpha: float = 0.0, fit_intercept: bool = True) -> None:
        self.lambda_b = lambda_b
        self.n_bins = n_bins
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the coefficients.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Outcomes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights. A row of weight 2 is the same as two equal rows, and only ratios matter.

        Returns
        -------
        self : RatledgeRegressor
            The fitted model.
        """
        X, y, weights = self._check_rows(X, y, sample_weight)
        constants = (_means(X, weights), _means(y, weights)) if self.fit_intercept else (0.0, 0.0)
        self.edges_ = quantile_edges(y, weights, self.n_bins)
        rows = TrainingRows(X - constants[0], y - constants[1], weights, bin_numbers(y, self.edges_))
        problem = whiten(
            *rows,
            self.edges_.size + 1,
            rounding=np.finfo(np.float64).eps * np.sqrt(weights @ X**2),
            alpha=self.alpha,
            fit_intercept=self.fit_intercept,
        )
        z, lower_bound = problem.solve(self.lambda_b)
        shift, self.coef_ = problem.coefficients(z)
        self.intercept_ = float(shift + constants[1] - np.dot(constants[0], self.coef_)) if self.fit_intercept else 0.0
        errors = rows.errors(shift, self.coef_)
        self.bin_errors_ = rows.bin_errors(errors)
        objective = rows.objective(errors, self.lambda_b) + self.alpha * self.coef_ @ self.coef_
        ridge_errors = rows.errors(*problem.coefficients(problem.ridge))
        self.certificate_ = Certificate(
            claim=CLAIM,
            checks=[
                _gap_check(rows, objective, lower_bound),
                *_comparisons(rows, errors, ridge_errors),
                _rank_check(problem, self.alpha),
            ],
            assumptions=ASSUMPTIONS,
        )
        self._warn_of_rounding()
        return self

    def predict(self, X: ArrayLike) -> FloatArray:
        """Predict outcomes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Predictions.
        """
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, reset=False) @ self.coef_ + self.intercept_

    def _warn_of_rounding(self):
        gap = self.certificate_["duality gap"]
        if not gap.holds:
            warn_user(
                f"the duality gap {gap.statistic:.3g} is above {gap.bound:.3g}: lambda_b={self.lambda_b:g} is too "
                "large for floating-point numbers. Lower it.",
                ConvergenceWarning,
            )

    def _check_rows(self, X, y, sample_weight):
        """Rows of positive weight, with weights that sum to 1."""
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y must be one outcome, a vector. Got an array of shape {y.shape} instead: wrap the model in "
                "sklearn.multioutput.MultiOutputRegressor."
            )
        y = column_or_1d(y, warn=True).astype(np.float64)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = weights > 0.0
        return X[kept], y[kept], weights[kept] / weights[kept].sum()


def _means(values, weights):
    """Weighted means, for which the mean of deviations makes up where there are many rows."""
    means = weights @ values
    return means + weights @ (values - means)


class TrainingRows(NamedTuple):
    """Training rows, centered if there is a constant.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Outcomes.
    weights : ndarray of shape (n_samples,)
        Positive, with the sum 1.
    numbers : ndarray of int of shape (n_samples,)
        Bin of each row; no bin is empty.
    """

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray
    numbers: np.ndarray

    def errors(self, shift, coef):
        """Predictions less outcomes."""
        return shift + self.X @ coef - self.y

    def bin_errors(self, errors):
        """Mean error of each bin."""
        return bin_means(errors, self.weights, self.numbers, self.numbers.max() + 1)

    def objective(self, errors, lambda_b):
        """`ratledge_loss` of the errors."""
        return float(self.weights @ errors**2 + lambda_b * np.max(self.bin_errors(errors) ** 2))


def _gap_check(rows, objective, lower_bound):
    """How far the objective may be above its minimum."""
    scale = objective + rows.weights @ rows.y**2
    detail = f"objective {objective:.6g} less its lower bound; all of it is {scale:.3g}"
    gap = objective - lower_bound  # negative by rounding alone
    return Check("duality gap", gap, GAP * scale, bool(abs(gap) <= GAP * scale), "proof", detail)


def _comparisons(rows, errors, ridge_errors):
    """What the penalty of bias has done to the training rows."""

    def beside(name, figure, what):
        after, before = figure(errors), figure(ridge_errors)
        return Check(name, after, None, None, "reported", f"{what}; without the penalty of bias {before:.3g}")

    def largest_bias(errors):
        return np.abs(rows.bin_errors(errors)).max()

    def squared_error(errors):
        return rows.weights @ errors**2

    def slope(errors):
        return fit_slope(rows.y, rows.y + errors, rows.weights).slope

    checks = [
        beside("largest bias", largest_bias, "absolute mean error of a bin of training rows"),
        beside("mean squared error", squared_error, "of training rows"),
    ]
    if not is_constant(rows.y):
        checks.append(beside("slope", slope, "of training predictions on the truth"))
    return checks


def _rank_check(problem, alpha):
    """Whether coefficients are determined."""
    rank, n_features = problem.rank, problem.directions.shape[1]
    unique = rank == n_features or alpha > 0.0
    detail = f"of {n_features} columns; coefficients are {'the only ones' if unique else 'those of smallest norm'}"
    return Check("rank", rank, None, None, "reported", detail)
