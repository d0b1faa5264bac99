"""Features that are exact combinations of others with whole coefficients, such as indicators that sum to a constant.

Such features need no proof of their own: weights for which the others sum to zero do the same for them.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from ._row_blocks import blocks

__all__ = ["Relations", "hold_exactly", "whole_relations"]

SINGULAR = 1e-10  # of the mean eigenvalue; candidates are checked, so that it need not be sharp
WHOLE = 1e-5
LARGEST_WHOLE = 2.0**20  # sums of products of such numbers are exact


class Relations(NamedTuple):
    """Combinations of features that vanish.

    Attributes
    ----------
    dependent : ndarray of int of shape (n_relations,)
        One feature of each, with the coefficient 1 there and 0 in the others.
    coefficients : ndarray of shape (n_features_lifted, n_relations)
        Whole numbers.
    """

    dependent: np.ndarray
    coefficients: np.ndarray


def whole_relations(second, scales, columns, n_columns):
    """Candidates from the second moments of scaled columns; None if there are none with whole coefficients.

    The null space is brought to the form with a unit matrix in some columns, which has whole entries if indicators are
    its cause.
    """
    eigenvalues, vectors = linalg.eigh(second)
    null = vectors[:, eigenvalues <= SINGULAR * eigenvalues.mean()] * scales[:, None]
    if not null.shape[1]:
        return None
    pivots = linalg.qr(null.T, mode="r", pivoting=True)[1][: null.shape[1]]
    reduced = np.linalg.lstsq(null[pivots].T, null.T, rcond=None)[0].T
    whole = np.round(reduced)
    if np.any(np.abs(reduced - whole) > WHOLE) or np.any(np.abs(whole) > LARGEST_WHOLE):
        return None
    coefficients = np.zeros((n_columns, null.shape[1]))
    coefficients[columns] = whole
    return Relations(columns[pivots], coefficients)


def hold_exactly(relations, rows, positions=None):
    """Whether the relations hold in some rows (all if None), in arithmetic that makes no error."""
    n_features = rows.X.shape[1]
    involved = np.flatnonzero(relations.coefficients[:n_features].any(axis=1))
    constant = np.zeros(relations.dependent.size)
    if rows.intercept_scaling:
        constant = rows.intercept_scaling * relations.coefficients[-1]
    if not _is_whole(constant):
        return False
    for _, block in blocks(rows, positions):
        chosen = block[:, involved]
        if not _is_whole(chosen.data if sparse.issparse(chosen) else chosen):
            return False
        if np.any(chosen @ relations.coefficients[involved] + constant):
            return False
    return True


def _is_whole(values):
    return bool(np.all(values == np.round(values)) and np.all(np.abs(values) <= LARGEST_WHOLE))
