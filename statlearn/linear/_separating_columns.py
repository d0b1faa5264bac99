"""Single features that separate two classes by themselves, at least weakly: the usual cause of separation."""

import numpy as np
from scipy import sparse

from ._row_blocks import blocks

__all__ = ["column_direction", "separating_columns"]

POSITIVE, NEGATIVE = 0, 1


def separating_columns(rows):
    """Positions of the features that separate weakly: no row is on the wrong side of a threshold, not all are on it.

    With an intercept the threshold is any number, without one it is zero. The answer rests on comparisons alone, so
    that no rounding is involved. An indicator that is 1 in rows of one class only is the typical case.
    """
    lowest, highest = _ranges(rows)
    varies = lowest.min(axis=0) < highest.max(axis=0)
    if rows.intercept_scaling:
        rising, falling = highest[NEGATIVE] <= lowest[POSITIVE], highest[POSITIVE] <= lowest[NEGATIVE]
    else:
        varies |= lowest[POSITIVE] != 0.0
        rising = (lowest[POSITIVE] >= 0.0) & (highest[NEGATIVE] <= 0.0)
        falling = (highest[POSITIVE] <= 0.0) & (lowest[NEGATIVE] >= 0.0)
    return np.flatnonzero(varies & (rising | falling))


def column_direction(rows, column):
    """Lifted coefficients that separate by one of the `separating_columns`, with the threshold in the middle.

    They are not of unit norm: the difference between a feature and its threshold would be lost in the rounding.
    """
    lowest, highest = _ranges(rows, column)
    if rows.intercept_scaling:
        rising = highest[NEGATIVE, 0] <= lowest[POSITIVE, 0]
        ends = (highest[NEGATIVE, 0], lowest[POSITIVE, 0]) if rising else (highest[POSITIVE, 0], lowest[NEGATIVE, 0])
        threshold = 0.5 * (ends[0] + ends[1])
    else:
        rising = lowest[POSITIVE, 0] >= 0.0 and highest[NEGATIVE, 0] <= 0.0
    direction = np.zeros(rows.X.shape[1] + bool(rows.intercept_scaling))
    direction[column] = 1.0 if rising else -1.0
    if rows.intercept_scaling:
        direction[-1] = -direction[column] * threshold / rows.intercept_scaling
    return direction


def _ranges(rows, column=None):
    """Least and greatest value of each feature, or of one, by class; both of shape (2, n_columns)."""
    n_columns = rows.X.shape[1] if column is None else 1
    lowest, highest = np.full((2, n_columns), np.inf), np.full((2, n_columns), -np.inf)
    for part, block in blocks(rows):
        chosen = block if column is None else block[:, [column]]
        for place, sign in ((POSITIVE, 1.0), (NEGATIVE, -1.0)):
            of_class = np.flatnonzero(rows.signs[part] == sign)
            if of_class.size:
                lowest[place] = np.minimum(lowest[place], _dense(chosen[of_class].min(axis=0)))
                highest[place] = np.maximum(highest[place], _dense(chosen[of_class].max(axis=0)))
    return lowest, highest


def _dense(values):
    return np.ravel(values.toarray() if sparse.issparse(values) else values)
