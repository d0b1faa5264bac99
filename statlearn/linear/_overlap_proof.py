"""Proof that two classes overlap: that some positive weights combine the signed rows to exactly zero."""

from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from ._column_relations import hold_exactly, whole_relations
from ._margin_proofs import TINY, UNIT_ROUNDOFF, gamma
from ._row_blocks import blocks, row_squares

__all__ = ["Overlap", "proved_overlap"]

EIGENVALUE_ERROR = 32.0  # times n_features u |H|; the backward error of the solver of LAPACK is far below it
N_REFINEMENTS = 3
OVERLAP_COLUMNS = 3000


class Overlap(NamedTuple):
    """A proof that some positive combination of rows vanishes.

    Attributes
    ----------
    weights : ndarray of shape (n_rows,)
        Weights q, summing to one up to rounding. Changing each by a factor between 0 and 2 gives a sum of exactly zero.
    ratio : float
        Upper bound of the relative change that is needed; below 1.
    spans : bool
        Whether the rows with positive weight span the space of all features that are not zero throughout. Then no
        coefficients but those of zero margin throughout have no negative margin: there is no quasi-separation either.
    """

    weights: np.ndarray
    ratio: float
    spans: bool


def proved_overlap(rows, weights):
    r"""Proof that zero is in the convex hull of the signed rows, or None if these weights prove nothing.

    With :math:`H = \sum_i q_i z_i z_i'` and :math:`e = \sum_i q_i z_i`, the weights :math:`q_i (1 - z_i' H^{-1} e)`
    combine to exactly zero, and they are positive if :math:`\max_i |z_i| \, |e| < \lambda_{min}(H)`. All three numbers
    are computed with bounds of their rounding errors, after columns were scaled by powers of two. The new weights then
    take the place of the old while that makes e smaller, down to the level of rounding.
    """
    support = np.flatnonzero(weights > 0.0)
    if support.size == 0 or rows.X.shape[1] > OVERLAP_COLUMNS:
        return None
    weights = weights[support] / weights[support].sum()
    proof = None
    for _ in range(1 + N_REFINEMENTS):
        moments = _weighted_moments(rows, support, weights)
        if moments is None or (proof is not None and moments.ratio >= proof.ratio):
            break
        if moments.ratio < 1.0:
            proof = Overlap(weights, moments.ratio, moments.spans)
        change = _predicted_change(rows, support, moments)
        if not np.max(np.abs(change)) < 1.0:
            break
        weights = weights * (1.0 - change)
        weights /= weights.sum()
    if proof is None:
        return None
    found = np.zeros(rows.X.shape[0])
    found[support] = proof.weights
    return proof._replace(weights=found)


class _Columns(NamedTuple):
    """Lifted columns that are not zero throughout the support, and powers of two that make them of about unit size."""

    places: np.ndarray
    scales: np.ndarray


class _Moments(NamedTuple):
    """Solution w of H w = e in scaled columns, the bound of max_i |z_i' w|, and whether the rows span all columns."""

    columns: _Columns
    solution: np.ndarray
    ratio: float
    spans: bool


def _weighted_moments(rows, support, weights):
    """What the first and second moments of the rows under the weights prove; None if the second are singular."""
    n_terms = 2 * (support.size + rows.X.shape[1] + 8)  # twice, for the roundings of the bounds themselves
    squares, filled = _column_squares(rows, support, weights)
    if np.any(squares[filled.support] < TINY):  # too small to be squared
        return None
    places = np.flatnonzero(filled.support)
    columns = _Columns(places, 2.0 ** -np.round(0.5 * np.log2(squares[places])))
    spans = places.size == np.count_nonzero(filled.anywhere)
    first, second, largest = _moments(rows, support, weights, columns)
    if not np.all(np.isfinite(second)):
        return None
    least = _least_eigenvalue(second, n_terms)
    if least <= 0.0:
        relations = whole_relations(second, columns.scales, places, filled.support.size)
        if relations is None or not hold_exactly(relations, rows, support):
            return None
        spans = spans and hold_exactly(relations, rows)
        free = np.flatnonzero(~np.isin(places, relations.dependent))
        columns, first, second = _Columns(places[free], columns.scales[free]), first[free], second[np.ix_(free, free)]
        least = _least_eigenvalue(second, n_terms)
        if least <= 0.0:
            return None
    length = np.linalg.norm(first) + gamma(n_terms) * np.sqrt(np.trace(second)) * (1.0 + gamma(n_terms))
    ratio = largest * length / least * (1.0 + gamma(n_terms))
    return _Moments(columns, linalg.solve(second, first, assume_a="pos"), float(ratio), bool(spans))


def _moments(rows, support, weights, columns):
    """First and second moments of scaled columns, and the norm of the longest scaled row."""
    first, second, largest = np.zeros(columns.places.size), np.zeros((columns.places.size, columns.places.size)), 0.0
    for part, block in blocks(rows, support):
        scaled = _scaled_block(rows, block, support[part], columns)
        first += scaled.T @ weights[part]
        second += _dense(scaled.T @ _times(scaled, weights[part, None]))
        largest = max(largest, float(np.sqrt(np.max(row_squares(scaled)))))
    return first, second, largest


def _least_eigenvalue(second, n_terms):
    """Lower bound of the least eigenvalue of what the computed matrix of second moments stands for."""
    if not len(second):  # rows of zeros combine to zero
        return np.inf
    trace = float(np.trace(second))
    error = (gamma(n_terms) + EIGENVALUE_ERROR * len(second) * UNIT_ROUNDOFF) * trace * (1.0 + gamma(n_terms))
    return float(linalg.eigvalsh(second, subset_by_index=[0, 0])[0]) - error


class _Filled(NamedTuple):
    """Which lifted columns have an entry other than zero: in the rows of the support, and in any row."""

    support: np.ndarray
    anywhere: np.ndarray


def _column_squares(rows, support, weights):
    """Weighted mean squares of the lifted columns over some rows, and which columns have entries."""
    squares, filled = np.zeros(rows.X.shape[1]), np.zeros(rows.X.shape[1], dtype=bool)
    for part, block in blocks(rows, support):
        squares += weights[part] @ _times(block, block)
        filled |= _filled_columns(block)
    anywhere = filled.copy()
    if not filled.all():
        for _, block in blocks(rows):
            anywhere |= _filled_columns(block)
    if rows.intercept_scaling:
        squares = np.append(squares, rows.intercept_scaling**2 * weights.sum())
        filled, anywhere = np.append(filled, True), np.append(anywhere, True)
    return squares, _Filled(filled, anywhere)


def _filled_columns(block):
    if sparse.issparse(block):
        return np.bincount(block.indices[block.data != 0.0], minlength=block.shape[1]) > 0
    return block.any(axis=0)


def _scaled_block(rows, block, positions, columns):
    """Signed lifted rows in the chosen columns, each times a power of two."""
    n_features, signs = rows.X.shape[1], rows.signs[positions, None]
    in_x = columns.places[columns.places < n_features]
    chosen = _times(block if in_x.size == n_features else block[:, in_x], columns.scales[: in_x.size] * signs)
    if in_x.size == columns.places.size:
        return chosen
    constant = rows.intercept_scaling * columns.scales[-1] * signs
    return sparse.hstack([chosen, constant], format="csr") if sparse.issparse(chosen) else np.hstack([chosen, constant])


def _predicted_change(rows, support, moments):
    """z_i' H^-1 e of the rows of the support."""
    change = np.empty(support.size)
    for part, block in blocks(rows, support):
        change[part] = _scaled_block(rows, block, support[part], moments.columns) @ moments.solution
    return change


def _times(block, factors):
    """Entrywise product, in compressed rows if the block is."""
    return block.multiply(factors).tocsr() if sparse.issparse(block) else block * factors


def _dense(product):
    return product.toarray() if sparse.issparse(product) else product
