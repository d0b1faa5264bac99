"""Compiled step of the series of `statlearn.graph._landmark_columns`.

=============  ===============  ==========================================================================
symbol         name             meaning, shape
=============  ===============  ==========================================================================
``M``          CSR arrays       ``M_ij = left_i (data_ij + stay_i [i = j])``, row sums at most 1, (n, n)
``z``          ``term``         ``M^k`` on some unit vectors, less a constant per column, (n, b)
``P``          ``total``        average of the ``z``, (n, b)
=============  ===============  ==========================================================================
"""

import numpy as np

from .._support.jit import njit

__all__ = ["advance"]


@njit
def advance(indptr, indices, data, left, stay, term, result, total, shift, weight):
    """Fill ``result = M @ term - shift`` and add ``weight`` times it to ``total``, in one pass over the rows.

    Rounding may put an entry just below its column's ``shift``; it is set to zero.

    Returns
    -------
    extremes : ndarray of shape (4, b)
        Per column the smallest and largest entry of ``result``, then of ``total``.
    """
    n, width = result.shape
    extremes = np.empty((4, width))
    extremes[0], extremes[1], extremes[2], extremes[3] = np.inf, 0.0, np.inf, 0.0
    for i in range(n):
        row, own = result[i], term[i]
        for c in range(width):
            row[c] = stay[i] * own[c]
        for position in range(indptr[i], indptr[i + 1]):
            value, other = data[position], term[indices[position]]
            for c in range(width):
                row[c] += value * other[c]
        for c in range(width):
            entry = max(left[i] * row[c] - shift[c], 0.0)
            row[c] = entry
            summed = total[i, c] + weight * entry
            total[i, c] = summed
            extremes[0, c] = min(extremes[0, c], entry)
            extremes[1, c] = max(extremes[1, c], entry)
            extremes[2, c] = min(extremes[2, c], summed)
            extremes[3, c] = max(extremes[3, c], summed)
    return extremes
