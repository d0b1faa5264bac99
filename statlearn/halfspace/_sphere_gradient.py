r"""The risk of a surrogate over halfspaces, its gradient on the sphere, and the 0-1 error, without copies of rows.

At a unit vector w, with weights v_i of sum V and margins m_i = <w, z_i>,

    L_s(w) = (1/V) sum_i v_i l_s(-y_i m_i),    grad L_s(w) = -(1/V) sum_i v_i l'_s(m_i) y_i (z_i - m_i w).

The rows z_i = T' (x_i - mean) are whitened ones, but no array of them is made: m_i = <T w, x_i> - <T w, mean>, and the
sum over z_i is T' applied to a sum over x_i. A row on the boundary counts as half an error, so that relabeling y to -y
turns every quantity of w into that of -w exactly.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._support.jit import njit
from ._surrogates import RAMP_CODE
from ._whitening import Whitening, take_rows

__all__ = ["LabeledRows", "Slope", "disagreement"]

ENTRIES_AT_ONCE = 2**18  # of an array that is made block by block
EXTRA = 4  # sums that kernels return behind the sum over rows: of c, c m, loss and c**2


@njit
def _curve(t, width, half, code):
    """The slope l'_s(t) and the value l_s(t) of a surrogate."""
    if code == RAMP_CODE:
        size = abs(t)
        if size >= half:
            return 0.0, 1.0 if t > 0.0 else 0.0
        u = max(3.0 * size / width - 0.5, 0.0)
        above = min(size / width, 1.0 / 6.0) + u * (1.0 + u - u * u) / 3.0
        return (1.0 - u) * (1.0 + 3.0 * u) / width, 0.5 + math.copysign(above, t)
    rest = math.exp(-abs(t) / width)
    small, large = rest / (1.0 + rest), 1.0 / (1.0 + rest)
    return small * large / width, large if t > 0.0 else small


@njit
def _add_dense_rows(X, rows, signs, weights, direction, offset, width, half, code, sums):
    """Add sum c_i x_i, c_i = v_i l'_s(m_i) y_i, and the `EXTRA` sums of the listed rows to ``sums``.

    Eight partial sums per row, since compilers may not reorder a single one to use vector registers.
    """
    n_features = X.shape[1]
    whole = n_features - n_features % 8
    for k in range(rows.shape[0]):
        i = rows[k]
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
        for j in range(0, whole, 8):
            s0 += X[i, j] * direction[j]
            s1 += X[i, j + 1] * direction[j + 1]
            s2 += X[i, j + 2] * direction[j + 2]
            s3 += X[i, j + 3] * direction[j + 3]
            s4 += X[i, j + 4] * direction[j + 4]
            s5 += X[i, j + 5] * direction[j + 5]
            s6 += X[i, j + 6] * direction[j + 6]
            s7 += X[i, j + 7] * direction[j + 7]
        margin = ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))
        for j in range(whole, n_features):
            margin += X[i, j] * direction[j]
        margin += offset
        slope, loss = _curve(-signs[i] * margin, width, half, code)
        sums[n_features + 2] += weights[i] * loss
        if slope > 0.0:
            pull = weights[i] * slope * signs[i]
            for j in range(n_features):
                sums[j] += pull * X[i, j]
            sums[n_features] += pull
            sums[n_features + 1] += pull * margin
            sums[n_features + 3] += weights[i] * slope * slope


@njit
def _add_sparse_rows(values, columns, starts, rows, signs, weights, direction, offset, width, half, code, sums):
    """`_add_dense_rows` for a matrix of compressed sparse rows."""
    n_features = direction.shape[0]
    for k in range(rows.shape[0]):
        i = rows[k]
        margin = offset
        for j in range(starts[i], starts[i + 1]):
            margin += values[j] * direction[columns[j]]
        slope, loss = _curve(-signs[i] * margin, width, half, code)
        sums[n_features + 2] += weights[i] * loss
        if slope > 0.0:
            pull = weights[i] * slope * signs[i]
            for j in range(starts[i], starts[i + 1]):
                sums[columns[j]] += pull * values[j]
            sums[n_features] += pull
            sums[n_features + 1] += pull * margin
            sums[n_features + 3] += weights[i] * slope * slope


class Slope(NamedTuple):
    """The risk of a surrogate at a unit vector.

    Attributes
    ----------
    loss : float
        L_s(w).
    gradient : ndarray of shape (rank,)
        Its gradient, orthogonal to w.
    noise : float
        Weighted root mean square of the slopes l'_s(m_i): the standard error of the gradient per coordinate is about
        this times the scale of the rows, over the square root of their number.
    """

    loss: float
    gradient: np.ndarray
    noise: float


class LabeledRows(NamedTuple):
    """Some rows of a table with labels and weights, seen through a whitening.

    Attributes
    ----------
    X : {ndarray, csr_array} of shape (n, n_features)
        Table in the user's coordinates, C-contiguous float64 or float32.
    signs : ndarray of shape (n,)
        Labels +1 and -1.
    weights : ndarray of shape (n,)
        Weights, ones if none were given.
    whitening : Whitening
        How rows become z.
    rows : ndarray of int of shape (n_rows,)
        The rows of X that count; none of weight 0.
    """

    X: np.ndarray
    signs: np.ndarray
    weights: np.ndarray
    whitening: Whitening
    rows: np.ndarray

    def scale(self):
        """Root mean square of an entry of z: 1 after whitening."""
        if self.whitening.transform is not None:
            return 1.0
        weights = self.weights[self.rows]
        total = 0.0
        for part in _parts(self.rows.size, self.X.shape[1]):
            block = take_rows(self.X, self.rows[part])
            squares = block.multiply(block) if sparse.issparse(block) else np.square(block)
            total += weights[part] @ np.asarray(squares.sum(axis=1, dtype=np.float64)).ravel()
        return float(np.sqrt(total / (weights.sum() * self.X.shape[1])))

    def slope(self, w, surrogate, width, rows, total_weight):
        """Risk and gradient at w over the listed rows, divided by ``total_weight``."""
        direction, offset = self.whitening.fold(w, self.X.dtype)
        sums = np.zeros(direction.size + EXTRA)
        curve = (float(width), surrogate.reach(width), surrogate.code)
        if sparse.issparse(self.X):
            arrays = (self.X.data, self.X.indices, self.X.indptr)
            _add_sparse_rows(*arrays, rows, self.signs, self.weights, direction, offset, *curve, sums)
        else:
            _add_dense_rows(self.X, rows, self.signs, self.weights, direction, offset, *curve, sums)
        pull, pull_margin, loss, squares = sums[-EXTRA:]
        gradient = (pull_margin * w - self.whitening.transposed(sums[:-EXTRA], pull)) / total_weight
        gradient -= (w @ gradient) * w  # exact already but for rounding, which few rows in a band do not average out
        return Slope(loss / total_weight, gradient, math.sqrt(squares / total_weight))

    def weighted_mean(self, factors, rows):
        """sum_i v_i f_i z_i / sum_i v_i over the listed rows, for factors f in their order."""
        weights = self.weights[rows]
        shares = weights * factors
        total = np.zeros(self.X.shape[1])
        for part in _parts(rows.size, self.X.shape[1]):
            total += shares[part] @ take_rows(self.X, rows[part])
        return self.whitening.transposed(total, shares.sum()) / weights.sum()

    def margins(self, w, rows):
        """Margins <w, z_i> of the listed rows; one column per column of w if it has two dimensions."""
        direction, offset = self.whitening.fold(w, self.X.dtype)
        margins = np.empty((rows.size, *w.shape[1:]))
        for part in _parts(rows.size, self.X.shape[1] + w.size // w.shape[0]):
            margins[part] = take_rows(self.X, rows[part]) @ direction
        margins += offset
        return margins

    def copied(self, rows):
        """The listed rows as a table of their own, which is read in their order."""
        table = self.X[rows]
        return LabeledRows(table, self.signs[rows], self.weights[rows], self.whitening, np.arange(rows.size))

    def sides(self, W, rows):
        """Signs of the margins, of type int8, one column per column of W; 0 on a boundary."""
        sides = np.empty((rows.size, W.shape[1]), dtype=np.int8)
        for part in _parts(rows.size, self.X.shape[1] + W.shape[1]):
            sides[part] = np.sign(self.margins(W, rows[part]))
        return sides


def disagreement(sides, others, weights):
    """Weighted shares of rows on which columns of signs differ from other signs; a 0 against a sign counts as half."""
    differing = np.zeros(sides.shape[1])
    for part in _parts(*sides.shape):
        differing += weights[part] @ np.abs(sides[part] - others[part, None])
    return 0.5 * differing / weights.sum()


def _parts(n_rows, n_columns):
    """Slices of rows whose tables of so many columns have at most `ENTRIES_AT_ONCE` entries."""
    step = max(1, ENTRIES_AT_ONCE // n_columns)
    return [slice(start, start + step) for start in range(0, n_rows, step)]
