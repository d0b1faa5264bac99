"""Passes over signed rows z_i = y_i a_i in float64, whatever the type of X, in blocks of rows."""

import numpy as np
from scipy import sparse

__all__ = ["absolute_combination", "absolute_margins_of", "blocks", "lifted_rows", "n_entries_not_zero", "row_squares"]

BLOCK_ENTRIES = 2**17  # stay in the cache from one product to the next
MOST_ENTRIES = 2**21


def blocks(rows, positions=None):
    """Float64 blocks of rows of X, with the slice of ``positions`` (all rows if None) that each of them covers.

    Positions are increasing.
    """
    if positions is not None and len(positions) == rows.X.shape[0]:
        positions = None  # no copies
    n_rows = rows.X.shape[0] if positions is None else len(positions)
    size = _block_size(rows.X)
    for start in range(0, n_rows, size):
        part = slice(start, min(start + size, n_rows))
        block = rows.X[part if positions is None else positions[part]]
        yield part, block if block.dtype == np.float64 else block.astype(np.float64)


def _block_size(X):
    """Number of rows of a block: as many as columns, or nearly, so that products between columns pay for their sum."""
    n_rows, n_columns = X.shape
    entries = max(1, -(-X.nnz // n_rows) if sparse.issparse(X) else n_columns)  # of a row
    return max(1, BLOCK_ENTRIES // entries, min(n_columns, MOST_ENTRIES // entries))


def lifted_rows(rows, positions):
    """Dense signed lifted rows z_i at some positions, of shape (n_positions, n_features_lifted)."""
    chosen = rows.X[positions]
    chosen = chosen.toarray() if sparse.issparse(chosen) else chosen
    signs = rows.signs[positions, None]
    chosen = chosen * signs
    return np.hstack([chosen, rows.intercept_scaling * signs]) if rows.intercept_scaling else chosen.astype(np.float64)


def absolute_margins_of(rows, theta):
    """sum_j |z_ij theta_j| of every row, in float64."""
    sizes = np.empty(rows.X.shape[0])
    coef = np.abs(theta[: rows.X.shape[1]])
    for part, block in blocks(rows):
        sizes[part] = abs(block) @ coef
    return sizes + abs(rows.intercept_scaling * theta[-1])


def absolute_combination(rows, positions, weights):
    """sum_i q_i |z_ij| of every lifted column over some rows, in float64."""
    sums = np.zeros(rows.X.shape[1])
    for part, block in blocks(rows, positions):
        sums += abs(block).T @ weights[part]
    return np.append(sums, rows.intercept_scaling * weights.sum()) if rows.intercept_scaling else sums


def n_entries_not_zero(rows):
    """Number of entries of the lifted rows other than zero."""
    return sum(
        block.count_nonzero() if sparse.issparse(block) else np.count_nonzero(block) for _, block in blocks(rows)
    ) + (rows.n_rows if rows.intercept_scaling else 0)


def row_squares(block):
    if sparse.issparse(block):
        return np.asarray(block.multiply(block).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", block, block)
