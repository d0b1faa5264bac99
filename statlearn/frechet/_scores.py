"""Scores of predicted labels in a metric label space."""

from collections.abc import Callable

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import make_scorer
from sklearn.utils import check_consistent_length, column_or_1d

from .._support._sklearn import validate_params
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight
from .._typing import ArrayLike
from ._decision import POWER
from ._label_metric import LabelMetric
from ._tree_metric import TreeMetric

__all__ = ["hierarchical_prf", "mean_squared_distance", "metric_scorer"]


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "metric": [LabelMetric],
        "power": POWER,
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def mean_squared_distance(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    metric: LabelMetric,
    *,
    power: float = 2,
    sample_weight: ArrayLike | None = None,
) -> float:
    r"""Mean squared distance between true and predicted labels, :math:`\frac{1}{n} \sum_i d(y_i, \hat y_i)^2`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    metric : LabelMetric
        The label space, which must have all of them.
    power : float, default=2
        Power of the distances.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    distance : float
        The mean, in units of the distance to the power; smaller is better.

    Raises
    ------
    ValueError
        If a label is not in the space, or lengths differ.

    See Also
    --------
    metric_scorer : The same as a scorer.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, mean_squared_distance
    >>> mean_squared_distance([1, 2, 5], [1, 3, 7], ChainMetric(range(10)))
    1.6666666666666667
    """
    true, predicted = _positions(y_true, y_pred, metric)
    weights = check_sample_weight(sample_weight, true, dtype=np.float64, ensure_non_negative=True)
    return float(np.average(metric.paired_powers(true, predicted, power), weights=weights))


@validate_params({"metric": [LabelMetric], "power": POWER}, prefer_skip_nested_validation=True)
def metric_scorer(metric: LabelMetric, power: float = 2) -> Callable[..., float]:
    """Scorer of the mean squared distance, for cross-validation and grid search.

    Parameters
    ----------
    metric : LabelMetric
        The label space.
    power : float, default=2
        Power of the distances.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, minus the mean of the distances to the power; greater is better.

    See Also
    --------
    mean_squared_distance : The figure itself.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from statlearn.frechet import ChainMetric, metric_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scores = cross_val_score(LogisticRegression(max_iter=200), X, y, scoring=metric_scorer(ChainMetric([0, 1, 2])))
    >>> print(f"{-scores.mean():.3f}")
    0.027
    """
    return make_scorer(mean_squared_distance, greater_is_better=False, metric=metric, power=power)


@validate_params(
    {"y_true": ["array-like"], "y_pred": ["array-like"], "metric": [TreeMetric]}, prefer_skip_nested_validation=True
)
def hierarchical_prf(y_true: ArrayLike, y_pred: ArrayLike, metric: TreeMetric) -> tuple[float, float, float]:
    r"""Hierarchical precision, recall and F-measure of labels in a taxonomy.

    A label stands for the set :math:`A` of itself and its ancestors, the root left out. With true sets :math:`A_i` and
    predicted ones :math:`\hat A_i`,

    .. math::
        \text{precision} = \frac{\sum_i |A_i \cap \hat A_i|}{\sum_i |\hat A_i|}, \qquad
        \text{recall} = \frac{\sum_i |A_i \cap \hat A_i|}{\sum_i |A_i|}.

    Lengths of edges play no part.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    metric : TreeMetric
        The taxonomy.

    Returns
    -------
    precision : float
        Share of the predicted nodes that are right: low for predictions that are too specific.
    recall : float
        Share of the true nodes that are predicted: low for predictions that are too general.
    f_measure : float
        Their harmonic mean.

    Raises
    ------
    ValueError
        If a label is not in the taxonomy, or lengths differ.

    Warns
    -----
    UndefinedMetricWarning
        If all predicted, or all true labels are the root; the precision, or the recall, is then set to 0.

    References
    ----------
    Kiritchenko, Matwin, Nock, Famili (2006). "Learning and evaluation in the presence of class hierarchies". Canadian
    AI 2006.

    Examples
    --------
    >>> from statlearn.frechet import TreeMetric, hierarchical_prf
    >>> taxonomy = TreeMetric.from_paths([("pet", "dog", "terrier"), ("pet", "dog", "poodle"), ("pet", "cat")])
    >>> precision, recall, _ = hierarchical_prf(["terrier", "terrier"], ["poodle", "dog"], taxonomy)
    >>> print(f"{precision:.3f} {recall:.3f}")
    0.667 0.500
    """
    true, predicted = _positions(y_true, y_pred, metric)
    depths, common = metric.depths_, int(metric.common_depths(true, predicted).sum())
    precision = _share(common, int(depths[predicted].sum()), "precision", "predicted")
    recall = _share(common, int(depths[true].sum()), "recall", "true")
    f_measure = 2.0 * precision * recall / (precision + recall) if common else 0.0
    return precision, recall, f_measure


def _share(part, whole, name, which):
    if whole == 0:
        warn_user(f"{name} is set to 0, as all {which} labels are the root of the tree.", UndefinedMetricWarning)
        return 0.0
    return part / whole


def _positions(y_true, y_pred, metric):
    """Positions of true and of predicted labels."""
    true, predicted = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(true, predicted)
    if true.size == 0:
        raise ValueError("y_true must have at least one label. Got none.")
    return metric.index_of(true, "y_true"), metric.index_of(predicted, "y_pred")
