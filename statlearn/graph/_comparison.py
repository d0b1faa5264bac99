"""Comparing proximity measures: the reject curve of one distance, and Copeland's score of many measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import auc, roc_curve
from sklearn.utils import column_or_1d

from .._support.validation import check_array
from .._typing import ArrayLike, FloatArray

__all__ = ["RejectCurve", "copeland_score", "reject_curve"]

ASYMMETRY = 1e-8  # of the largest distance: what rounding may leave


@dataclass(frozen=True, eq=False)
class RejectCurve:
    """How well a distance tells pairs of the same class from pairs of different classes.

    Returned by `reject_curve`. A pair is accepted if its distance is at most the threshold.

    Attributes
    ----------
    different_accepted : ndarray of shape (n_thresholds,)
        Share of the pairs of different classes that each threshold accepts, from 0 to 1: the horizontal axis.
    same_accepted : ndarray of shape (n_thresholds,)
        Share of the pairs of the same class that each threshold accepts, from 0 to 1: the vertical axis.
    thresholds : ndarray of shape (n_thresholds,)
        Increasing; the first is ``-inf``, which accepts nothing. Each other one is a distance.
    area : float
        Area under the curve, from 0 to 1: the probability that a pair of the same class is closer than a pair of
        different classes, ties counted half. 0.5 is chance.

    See Also
    --------
    reject_curve : Makes the curve.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph import reject_curve
    >>> points = np.array([0.0, 1.0, 3.0])
    >>> curve = reject_curve(abs(points[:, None] - points), [0, 0, 1])
    >>> curve.thresholds
    array([-inf,   1.,   3.])
    >>> curve.same_accepted
    array([0., 1., 1.])
    """

    different_accepted: FloatArray
    same_accepted: FloatArray
    thresholds: FloatArray
    area: float


def reject_curve(D: ArrayLike, y: ArrayLike) -> RejectCurve:
    """Reject curve of a distance: the ROC curve of "closer" as a test for "same class", over all pairs.

    Parameters
    ----------
    D : array-like of shape (n_nodes, n_nodes)
        Distances, symmetric and finite, of any sign. Only their order matters; the diagonal is not looked at.
    y : array-like of shape (n_nodes,)
        Class of each node. At least two classes, and at least one with two nodes.

    Returns
    -------
    curve : RejectCurve
        Its axes, thresholds and area.

    Raises
    ------
    ValueError
        If ``D`` is not square, symmetric and finite, ``y`` has another length or missing entries, or there are no
        pairs of one of the two kinds.

    See Also
    --------
    copeland_score : Compares many measures over many graphs.

    Notes
    -----
    Pairs with the same distance are accepted together, so that the area equals ``roc_auc_score`` of ``-D`` over the
    pairs. Points on a straight line between their neighbors are left out. To average curves, interpolate
    ``same_accepted`` over ``different_accepted`` on a common grid (`numpy.interp`).

    References
    ----------
    .. [1] V. Ivashkin and P. Chebotarev (2016). "Do logarithmic proximity measures outperform plain ones in graph
       clustering?" arXiv:1605.01046.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph import reject_curve
    >>> points = np.array([0.0, 1.0, 5.0, 7.0])
    >>> reject_curve(abs(points[:, None] - points), [0, 0, 1, 1]).area
    1.0
    >>> reject_curve(abs(points[:, None] - points), [0, 1, 0, 1]).area
    0.25
    """
    D, classes = _check_problem(D, y)
    first, second = np.triu_indices(len(classes), k=1)
    different, same, scores = roc_curve(classes[first] == classes[second], -D[first, second])
    return RejectCurve(different, same, -scores, float(auc(different, same)))


def _check_problem(D, y):
    """Distances, and classes as integers."""
    D = check_array(D, dtype=np.float64, input_name="D")
    if D.shape[0] != D.shape[1]:
        raise ValueError(f"D must be square, a row and a column per node. Got shape {D.shape} instead.")
    asymmetry = np.abs(D - D.T).max()
    if asymmetry > ASYMMETRY * np.abs(D).max():
        raise ValueError(f"D must be symmetric. Got entries that differ from their mirror image by {asymmetry:.3g}.")
    y = column_or_1d(check_array(y, dtype=None, ensure_2d=False, input_name="y"))
    if len(y) != len(D):
        raise ValueError(f"y must have one class per row of D, {len(D)}. Got {len(y)} instead.")
    _, classes, sizes = np.unique(y, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise ValueError("y must have at least two classes, so that there are pairs of different classes. Got one.")
    if sizes.max() < 2:
        raise ValueError(
            f"y must have a class with at least two nodes, so that there are pairs of the same class. Got {len(sizes)} "
            f"classes for {len(y)} nodes."
        )
    return D, classes


def copeland_score(table: ArrayLike | dict[Any, Any]) -> Any:
    """Copeland's score: the games that each measure wins less those it loses, against all others on all graphs.

    On each graph each pair of measures plays one game: the higher score wins (+1) and the lower loses (-1); equal
    scores give 0.

    Parameters
    ----------
    table : array-like of shape (n_measures, n_graphs), DataFrame or dict
        Scores, such as adjusted Rand indices; higher is better. A row per measure, or a dict from the name of a measure
        to its ``n_graphs`` scores.

    Returns
    -------
    scores : ndarray of shape (n_measures,), Series or dict
        Integers that sum to 0; the maximum is ``(n_measures - 1) * n_graphs``. A DataFrame gives a Series with its
        index, a dict gives a dict.

    Raises
    ------
    ValueError
        If the table is empty, has another shape, or has a missing or infinite score.

    See Also
    --------
    reject_curve : Judges one distance on one graph.

    Notes
    -----
    The score of a measure on one graph is twice its average rank less ``n_measures + 1``. Only the order counts: with
    few graphs or many ties the score has little to say, and it changes when a measure joins.

    References
    ----------
    .. [1] V. Ivashkin and P. Chebotarev (2016). "Do logarithmic proximity measures outperform plain ones in graph
       clustering?" arXiv:1605.01046.

    Examples
    --------
    >>> from statlearn.graph import copeland_score
    >>> copeland_score({"katz": [0.5, 0.6], "heat": [0.5, 0.9], "forest": [0.1, 0.2]})
    {'katz': 1, 'heat': 3, 'forest': -4}
    """
    if isinstance(table, Mapping):
        rows = [column_or_1d(scores) for scores in table.values()]
        if len(set(map(len, rows))) > 1:
            raise ValueError(f"table must have as many scores for each measure. Got {list(map(len, rows))} instead.")
        return dict(zip(table, _games_won_less_lost(rows).tolist(), strict=True))
    scores = _games_won_less_lost(table)
    if not hasattr(table, "iloc"):
        return scores
    import pandas as pd

    return pd.Series(scores, index=table.index, name="copeland_score")


def _games_won_less_lost(table):
    """Per row, from average ranks within columns: ``lower - higher = 2 rank - 1 - n_measures``."""
    table = check_array(table, dtype=np.float64, input_name="table")
    ranks = rankdata(table, axis=0)
    return np.rint((2.0 * ranks - 1.0 - len(table)).sum(axis=1)).astype(np.int64)
