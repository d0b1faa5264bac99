"""Class probabilities from cut logits, and the repair of rows whose cuts cross.

Cut logits follow the exceedance sign: ``F[:, k] = log P(y > class_k) / P(y <= class_k)``, decreasing in ``k`` on a row
that does not cross.
"""

import numpy as np
from scipy.special import expit

from .._support.validation import check_array
from .._typing import ArrayLike, FloatArray
from ._kernels import pool_adjacent_violators

__all__ = [
    "REPAIRS",
    "class_log_probabilities",
    "class_probabilities",
    "crossing_rows",
    "rearrange_cumulative",
]


TINY = np.finfo(np.float64).tiny  # a probability below it is not told from zero; its logit is 708


def crossing_rows(cut_logits):
    """Rows in which some later cut is exceeded with larger probability than an earlier one."""
    return np.any(np.diff(cut_logits, axis=1) > 0.0, axis=1)


def rearrange_cumulative(F: ArrayLike) -> FloatArray:
    """Sort each row of cumulative values: the monotone rearrangement.

    For any monotone truth the rearranged values are at least as close to it as the original ones in every
    :math:`L_p` distance; rows that are monotone already stay as they are.

    Parameters
    ----------
    F : array-like of shape (n_samples, n_cuts)
        Cumulative probabilities ``P(y <= class_k)`` or their logits, one column per cut.

    Returns
    -------
    monotone : ndarray of shape (n_samples, n_cuts)
        Each row in ascending order.

    References
    ----------
    V. Chernozhukov, I. Fernández-Val and A. Galichon. Improving point and interval estimators of monotone functions by
    rearrangement. Biometrika 96(3), 2009.

    Examples
    --------
    >>> from statlearn.ordinal import rearrange_cumulative
    >>> rearrange_cumulative([[0.2, 0.6, 0.5], [0.1, 0.2, 0.9]])
    array([[0.2, 0.5, 0.6],
           [0.1, 0.2, 0.9]])
    """
    return np.sort(check_array(F, dtype=np.float64, input_name="F"), axis=1)


def _sorted_cuts(cut_logits):
    return -np.sort(-cut_logits, axis=1)


def _isotonic_cuts(cut_logits):
    crossing = crossing_rows(cut_logits)
    repaired = cut_logits.copy()
    exceedance = pool_adjacent_violators(expit(cut_logits[crossing]))
    complement = -pool_adjacent_violators(-expit(-cut_logits[crossing]))  # the same pools, accurate in the other tail
    repaired[crossing] = np.log(np.maximum(exceedance, TINY)) - np.log(np.maximum(complement, TINY))
    return repaired


REPAIRS = {"sort": _sorted_cuts, "isotonic": _isotonic_cuts, "none": lambda cut_logits: cut_logits}


def _bounding_logits(cut_logits):
    """Logits of exceeding the cut below each class and its own cut: +inf below the lowest, -inf at the highest."""
    edge = np.full((len(cut_logits), 1), np.inf)
    return np.hstack([edge, cut_logits]), np.hstack([cut_logits, -edge])


def class_probabilities(cut_logits):
    """Probabilities of the classes; negative where cuts cross. Differences are taken without cancellation."""
    lower, upper = _bounding_logits(cut_logits)
    with np.errstate(over="ignore"):  # expm1 of a large crossing difference times a vanishing factor
        inside = np.where(lower >= upper, -np.expm1(np.minimum(upper - lower, 0.0)), 0.0)
        probabilities = expit(lower) * expit(-upper) * inside
    crossed = lower < upper
    probabilities[crossed] = expit(lower[crossed]) - expit(upper[crossed])
    return probabilities


def class_log_probabilities(cut_logits):
    """Logarithms of the probabilities; exact far in the tails. ``-inf`` where two cuts coincide."""
    lower, upper = _bounding_logits(cut_logits)
    with np.errstate(divide="ignore"):
        inside = np.log(-np.expm1(upper - lower))
    return inside - np.logaddexp(0.0, -lower) - np.logaddexp(0.0, upper)
