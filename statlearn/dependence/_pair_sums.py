"""Sums over pairs of rows of two columns by merge sorts: all that distance covariance and correlation need.

Rows are the columns of tables of shape (4, n_samples): a key by which they are sorted, a value, a weight, and the
weighted sum of the distances of the value to all others. All passes over a table read and write in order, so that it
may be a map of a file that is larger than the memory.
"""

from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from .._support.jit import njit
from ._sweeps import column_row_sums

__all__ = ["N_FIELDS", "PairSums", "fill_and_sum", "pair_sums"]

KEY, VALUE, WEIGHT, ROW_SUM = range(4)
N_FIELDS = 4
RUN = 2**12  # rows that are sorted within the cache


class PairSums(NamedTuple):
    """Weighted sums, with the distances a of x and b of y and their weighted row sums.

    Attributes
    ----------
    products : float
        ``sum_ik w_i w_k a_ik b_ik``.
    x, y : float
        ``sum_i w_i a_i.`` and ``sum_i w_i b_i.``.
    rows, x_rows, y_rows : float
        ``sum_i w_i a_i. b_i.``, ``sum_i w_i a_i.^2`` and ``sum_i w_i b_i.^2``.
    x_squares, y_squares : float
        ``sum_ik w_i w_k a_ik^2`` and ``sum_ik w_i w_k b_ik^2``.
    """

    products: float
    x: float
    y: float
    rows: float
    x_rows: float
    y_rows: float
    x_squares: float
    y_squares: float


def pair_sums(x, y, weights):
    """The sums of columns in memory.

    Parameters
    ----------
    x, y, weights : ndarray of float64 of shape (n_samples,)
        The columns, and the weights of the rows.

    Returns
    -------
    sums : PairSums
        The sums.
    """
    tables = np.empty((2, N_FIELDS, x.size))
    return fill_and_sum(*tables, ((x[rows], y[rows], weights[rows]) for rows in gen_batches(x.size, RUN)), RUN)


def fill_and_sum(table, room, blocks, width):
    """The sums of columns that come in blocks.

    Parameters
    ----------
    table, room : ndarray of float64 of shape (4, n_samples)
        Where rows are kept and sorted.
    blocks : iterable of tuple of ndarray of shape (n_rows,)
        Numbers x, y and weights of as many rows as the width, in the last one fewer.
    width : int
        So many rows are sorted in memory.

    Returns
    -------
    sums : PairSums
        The sums.
    """
    batches = list(gen_batches(table.shape[1], width))
    for rows, (x, y, weights) in zip(batches, blocks, strict=True):
        order = np.argsort(x)
        table[KEY, rows], table[VALUE, rows], table[WEIGHT, rows] = x[order], y[order], weights[order]
    table, room, _ = _merge_sort(table, room, width)  # by x
    x_squares = _squares(table, batches)
    room[KEY], room[VALUE], room[WEIGHT] = table[VALUE], table[KEY], table[WEIGHT]
    column_row_sums(table[KEY], table[WEIGHT], room[ROW_SUM])
    within_runs = 0.0
    for rows in batches:
        run = np.ascontiguousarray(room[:, rows])
        room[:, rows], _, total = _merge_sort(run, np.empty_like(run), 1)
        within_runs += total
    table, room, between_runs = _merge_sort(room, table, width)  # by y
    column_row_sums(table[KEY], table[WEIGHT], room[ROW_SUM])
    of_rows = np.zeros(5)
    for rows in batches:
        weights, a, b = table[WEIGHT, rows], table[ROW_SUM, rows], room[ROW_SUM, rows]
        weighted = weights * a
        of_rows += weighted.sum(), weights @ b, weighted @ b, weighted @ a, (weights * b) @ b
    products = 2.0 * (within_runs + between_runs)
    return PairSums(products, *of_rows.tolist(), x_squares, _squares(table, batches))


def _squares(table, batches):
    """``sum_ik w_i w_k (key_i - key_k)^2``."""
    total, moment = np.sum([(table[WEIGHT, rows].sum(), table[WEIGHT, rows] @ table[KEY, rows]) for rows in batches], 0)
    mean = moment / total
    return float(2.0 * total * sum(table[WEIGHT, rows] @ (table[KEY, rows] - mean) ** 2 for rows in batches))


def _merge_sort(source, target, width):
    """Sort rows by their keys, from runs of a width on.

    Returns the table that has the sorted rows, the other one, and the sum of ``w_i w_k |key_k - key_i| (value_k -
    value_i)`` over the pairs of rows i of one run and k of a later one.
    """
    total = 0.0
    while width < source.shape[1]:
        total += _merge_runs(source, target, width)
        source, target, width = target, source, 2 * width
    return source, target, total


@njit
def _merge_runs(source, target, width):
    """Merge neighboring runs, and add up what `_merge` finds; a last run without a neighbor is copied."""
    n, total = source.shape[1], 0.0
    sums = np.empty((2, 4))
    for low in range(0, n, 2 * width):
        middle, high = min(low + width, n), min(low + 2 * width, n)
        if middle < high:
            total += _merge(source, target, low, middle, high, sums)
        else:
            target[:, low:high] = source[:, low:high]
    return total


@njit
def _merge(source, target, low, middle, high, sums):
    """Merge two runs, and sum ``w_i w_k |key_k - key_i| (value_k - value_i)`` over i in the left one, k in the right.

    Keys and values are taken from a row on the right, the first of greatest weight: of equal weights the first one, so
    that no term is negative if the values on the left are the smaller ones, and no row that hardly counts. ``sums`` is
    room for those of weights, keys, values and products on either side.
    """
    origin = middle
    for row in range(middle, high):
        if source[WEIGHT, row] > source[WEIGHT, origin]:
            origin = row
    key_origin, value_origin = source[KEY, origin], source[VALUE, origin]
    left, right, total, lost = low, middle, 0.0, 0.0
    sums[:] = 0.0
    for out in range(low, high):
        from_left = right >= high or (left < middle and source[KEY, left] <= source[KEY, right])
        row = left if from_left else right
        for field in range(N_FIELDS):
            target[field, out] = source[field, row]
        key, value, weight = source[KEY, row] - key_origin, source[VALUE, row] - value_origin, source[WEIGHT, row]
        own, other = (sums[0], sums[1]) if from_left else (sums[1], sums[0])
        term = weight * (value * (key * other[0] - other[1]) - (key * other[2] - other[3]))
        if from_left:
            term = -term
            left += 1
        else:
            right += 1
        own[0] += weight
        own[1] += weight * key
        own[2] += weight * value
        own[3] += weight * key * value
        added = total + term
        lost += (total - added) + term if abs(total) >= abs(term) else (term - added) + total  # Neumaier 1974
        total = added
    return total + lost
