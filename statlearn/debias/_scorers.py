"""Scores of corrected predictions: how far units with the same truth are from it on average."""

from numbers import Integral

from sklearn.metrics import make_scorer

from .._support._sklearn import Interval, validate_params
from .._typing import ArrayLike
from ._calibration_sample import fit_slope, is_constant
from ._pair_checks import check_vectors
from ._truth_bins import largest_bias

__all__ = ["conditional_bias", "conditional_bias_scorer", "slope_on_truth", "slope_scorer"]


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def conditional_bias(
    y_true: ArrayLike, y_pred: ArrayLike, *, n_bins: int = 10, sample_weight: ArrayLike | None = None
) -> float:
    r"""Largest mean error among units with similar truth, :math:`\max_j |E[\tilde Y - Y \mid Y \in B_j]|`.

    Bins :math:`B_j` hold equal shares of the weight; rows with the same truth share a bin. Zero is what a correction is
    for. Predictions of least squared error are far from it: too high for low outcomes, too low for high ones.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True outcomes.
    y_pred : array-like of shape (n_samples,)
        Predictions, corrected or not.
    n_bins : int, default=10
        Number of bins. There are fewer if outcomes take few values.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    bias : float
        In units of the truth; smaller is better. It is the largest of several absolute means, so that noise adds to it
        where bins hold few rows.

    Raises
    ------
    ValueError
        If values are missing, or lengths differ.

    See Also
    --------
    slope_on_truth : One figure for a bias that is linear in the truth.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import conditional_bias
    >>> truth = np.arange(100.0)
    >>> conditional_bias(truth, truth + 3.0)
    3.0
    >>> shrunken = 0.5 * (truth - truth.mean()) + truth.mean()
    >>> conditional_bias(truth, shrunken), conditional_bias(truth, shrunken, n_bins=2)
    (22.5, 12.5)
    """
    truth, predictions, weights = _counted(y_true, y_pred, sample_weight)
    return largest_bias(predictions - truth, truth, weights, n_bins)


@validate_params(
    {"y_true": ["array-like"], "y_pred": ["array-like"], "sample_weight": ["array-like", None]},
    prefer_skip_nested_validation=True,
)
def slope_on_truth(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    r"""Slope of predictions on the truth, :math:`\mathrm{Cov}(\hat Y, Y) / \mathrm{Var}(Y)`.

    The factor by which predictions shrink an effect on outcomes that the model sees through the outcomes alone. It is 1
    for predictions without bias given the truth, and R² for those of a calibrated model.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True outcomes.
    y_pred : array-like of shape (n_samples,)
        Predictions, corrected or not.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    slope : float
        The slope; 1 is best.

    Raises
    ------
    ValueError
        If the truth is constant, values are missing, or lengths differ.

    See Also
    --------
    conditional_bias : Sees a bias that is not linear in the truth too.

    Examples
    --------
    >>> from statlearn.debias import slope_on_truth
    >>> slope_on_truth([0.0, 1.0, 2.0], [0.5, 1.0, 1.5])
    0.5
    """
    truth, predictions, weights = _counted(y_true, y_pred, sample_weight)
    if is_constant(truth):
        raise ValueError("y_true is constant, so that predictions have no slope on it. Use rows whose outcomes differ.")
    return fit_slope(truth, predictions, weights).slope


def distance_from_slope_one(y_true, y_pred, *, sample_weight=None):
    """Distance of the slope of predictions on the truth from 1: what `slope_scorer` negates."""
    return abs(slope_on_truth(y_true, y_pred, sample_weight=sample_weight) - 1.0)


def _counted(y_true, y_pred, sample_weight):
    """Truth, predictions and weights of rows with a positive weight."""
    vectors = check_vectors(y_true, y_pred, sample_weight)
    counted = vectors[-1] > 0.0
    if not counted.any():
        raise ValueError("sample_weight must have positive entries. Got zeros only.")
    return tuple(vector[counted] for vector in vectors)


conditional_bias_scorer = make_scorer(conditional_bias, greater_is_better=False)
conditional_bias_scorer.__doc__ = """Scorer of `conditional_bias`, negated, over tenths of the truth.

For cross-validation and searches over regressors whose predictions stand for outcomes, where ``scoring="r2"`` chooses
shrunken ones. Noise of bins with few rows of a test fold counts as bias: use few folds, or `slope_scorer`, or fewer
bins by ``make_scorer(conditional_bias, greater_is_better=False, n_bins=4)``.

``sample_weight`` gives weights. To request them with metadata routing, change a copy:
``copy.deepcopy(conditional_bias_scorer).set_score_request(sample_weight=True)``.

Examples
--------
>>> from sklearn.datasets import load_diabetes
>>> from sklearn.linear_model import Ridge
>>> from sklearn.model_selection import cross_val_score
>>> from statlearn.debias import DebiasedRegressor, conditional_bias_scorer
>>> X, y = load_diabetes(return_X_y=True)
>>> raw, corrected = (
...     cross_val_score(model, X, y, scoring=conditional_bias_scorer).mean()
...     for model in (Ridge(0.1), DebiasedRegressor(Ridge(0.1)))
... )
>>> bool(corrected > raw + 10)
True
"""

slope_scorer = make_scorer(distance_from_slope_one, greater_is_better=False)
slope_scorer.__doc__ = """Scorer of `slope_on_truth`: minus its distance from 1.

For cross-validation and searches over regressors whose predictions stand for outcomes. A bias that is not linear in
the truth escapes it: see `conditional_bias_scorer`.

``sample_weight`` gives weights. To request them with metadata routing, change a copy:
``copy.deepcopy(slope_scorer).set_score_request(sample_weight=True)``.

Examples
--------
>>> from sklearn.datasets import load_diabetes
>>> from sklearn.linear_model import Ridge
>>> from sklearn.model_selection import cross_val_score
>>> from statlearn.debias import DebiasedRegressor, slope_scorer
>>> X, y = load_diabetes(return_X_y=True)
>>> raw, corrected = (
...     cross_val_score(model, X, y, scoring=slope_scorer).mean()
...     for model in (Ridge(0.1), DebiasedRegressor(Ridge(0.1)))
... )
>>> bool(corrected > raw + 0.2)
True
"""

# The examples of objects, which doctest would not look at.
__test__ = {"conditional_bias_scorer": conditional_bias_scorer.__doc__, "slope_scorer": slope_scorer.__doc__}
