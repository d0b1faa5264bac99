"""The k largest logits of every position, without a copy of all logits, and their transform.

Symbols, for S positions and a vocabulary of V channels:

============  ===========  =====================================================================================
``Z``         ``(S, V)``   logits
``values``    ``(S, k)``   kept entries after the transform, of each position in descending order
``channels``  ``(S, k)``   where they come from; of equal logits the lower channel comes first
============  ===========  =====================================================================================
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils import gen_batches

from .._support.jit import njit
from .._support.user_warnings import warn_user
from ..exceptions import TopKWarning

__all__ = ["TRANSFORMS", "TopK", "check_logits", "keep_top"]

BLOCK = 2**18  # entries worked on at a time: a few MB of workspace whatever the size, type and layout of the input
TILE = 128  # entries of a row that are compared with the k-th largest at once
LARGEST = 1e100  # its square, summed over all kept entries, is still a float


class TopK(NamedTuple):
    """The kept entries of one matrix of logits."""

    values: np.ndarray
    channels: np.ndarray
    n_channels: int

    def to_sparse(self):
        """The kept entries in place, as an array of shape (S, V)."""
        return self.in_place(self.values)

    def in_place(self, entries):
        """Numbers that belong to the kept entries, as a sparse array of shape (S, V)."""
        n_positions, k = self.values.shape
        ends = np.arange(n_positions + 1) * k
        placed = csr_array((entries.ravel(), self.channels.ravel(), ends), shape=(n_positions, self.n_channels))
        placed.sort_indices()
        return placed


class Logits:
    """The logits divided by the temperature."""

    def __init__(self, temperature):
        self.temperature = temperature

    def apply(self, Z, top):
        """Transform the kept logits."""
        with np.errstate(over="ignore"):  # the size is looked at once it is known
            return top._replace(values=top.values / self.temperature)

    def pull_back(self, Z, top, slopes):
        """Gradient with respect to Z, (S, V) and sparse, from the one with respect to the kept entries."""
        return top.in_place(slopes / self.temperature)


class Softmax:
    """The probabilities of all V channels, of which only the kept ones and the denominators are computed."""

    def __init__(self, temperature):
        self.temperature = temperature

    def apply(self, Z, top):
        """Transform the kept logits."""
        totals = np.empty((len(Z), 1))
        for rows, weights in self._weights(Z, top.channels):
            totals[rows, 0] = weights.sum(axis=1)
        return top._replace(values=self._weight(top.values, top.values[:, :1]) / totals)

    def pull_back(self, Z, top, slopes):
        """Gradient with respect to Z, (S, V) and dense: every logit is in the denominator of its position."""
        means = (top.values * slopes).sum(axis=1, keepdims=True)
        scales = -top.values[:, :1] * means / self.temperature
        gradient = np.empty(Z.shape, _working_dtype(Z))
        for rows, weights in self._weights(Z, top.channels):
            np.multiply(weights, scales[rows], out=gradient[rows], casting="same_kind")
        kept = top.values * (slopes - means) / self.temperature
        np.put_along_axis(gradient, top.channels, kept.astype(gradient.dtype), axis=1)
        return gradient

    def _weights(self, Z, channels):
        """Probabilities relative to the largest of each position, block by block."""
        for rows, logits in _blocks(Z):
            yield rows, self._weight(logits, np.take_along_axis(logits, channels[rows, :1], axis=1))

    def _weight(self, logits, largest):
        with np.errstate(over="ignore"):  # a gap beyond all floats leads to a probability of zero
            gaps = np.subtract(logits, largest, dtype=np.float64)
            gaps /= self.temperature
        return np.exp(gaps, out=gaps)


TRANSFORMS = {"logits": Logits, "softmax": Softmax}


def check_logits(Z, name):
    """The logits as a real array of shape (S, V), not copied if they are one."""
    try:
        array = np.asarray(Z)
    except ValueError as error:
        raise ValueError(
            f"{name} must be an array of shape (n_positions, n_channels), with rows of one length."
        ) from error
    if array.dtype.kind not in "buif" or isinstance(Z, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be an array of real numbers of shape (n_positions, n_channels), neither sparse nor masked. "
            f"Got {type(Z).__name__} with entries of type {array.dtype} instead."
        )
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name} must have shape (n_positions, n_channels), at least one of each. Got shape {array.shape} instead."
        )
    return array


def keep_top(Z, k, transform, name):
    """The k largest entries of each position of an array of logits, after the transform.

    Both transforms keep the order of the logits, so the selection comes first.
    """
    if k > Z.shape[1]:
        warn_user(f"k={k} is more than the {Z.shape[1]} channels of {name}: all channels are kept.", TopKWarning)
        k = Z.shape[1]
    top = transform.apply(Z, _largest_logits(Z, k, name))
    largest = np.abs(top.values).max()
    if not largest <= LARGEST:
        raise ValueError(
            f"{name} holds logits of size {largest:.2g} after division by the temperature; the squares of more than "
            f"{LARGEST:.0e} overflow. Scale them, or raise the temperature."
        )
    return top


def _largest_logits(Z, k, name):
    values, channels = np.empty((len(Z), k), _working_dtype(Z)), np.empty((len(Z), k), np.intp)
    lowest = np.finfo(values.dtype).min
    for rows, logits in _blocks(Z):
        fault = select_top(logits, lowest, values[rows], channels[rows])
        if fault >= 0:
            row, column = divmod(fault, Z.shape[1])
            raise ValueError(
                f"{name} must be finite. Got {logits[row, column]} at position {rows.start + row}, channel {column}. "
                "Replace the mask of a channel, if it is one, by a large negative number."
            )
    return TopK(values.astype(np.float64), channels, Z.shape[1])


def _working_dtype(Z):
    return np.float32 if np.can_cast(Z.dtype, np.float32) else np.float64


def _blocks(Z):
    """Some rows at a time, contiguous: as they are if they are contiguous floats, otherwise as a small copy."""
    for rows in gen_batches(len(Z), max(1, BLOCK // Z.shape[1])):
        yield rows, np.ascontiguousarray(Z[rows], dtype=_working_dtype(Z))


@njit
def _sink(values, channels, size, value, channel):
    """Put an entry at the root of a heap of which the root is the first to go, and let it sink to where it belongs.

    The first to go is the smallest, and of equals the one with the highest channel.
    """
    node = 0
    while 2 * node + 1 < size:
        child = 2 * node + 1
        other = child + 1
        if other < size and (
            values[other] < values[child] or (values[other] == values[child] and channels[other] > channels[child])
        ):
            child = other
        if values[child] > value or (values[child] == value and channels[child] < channel):
            break
        values[node], channels[node] = values[child], channels[child]
        node = child
    values[node], channels[node] = value, channel


@njit
def _all_between(values, lowest, highest):
    """Whether all values are in an interval; NaN is in none. Counting by index compiles to vector instructions."""
    n_inside = 0
    for i in range(values.shape[0]):
        n_inside += (lowest <= values[i]) & (values[i] <= highest)
    return n_inside == values.shape[0]


@njit
def select_top(Z, lowest, values, channels):
    """Fill ``values`` and ``channels`` with the largest entries of each row of Z, in descending order.

    One pass over Z, ``O(V + m log k)`` per row with m the number of entries that beat the k-th largest before them: at
    most V, and about ``k log(V / k)`` if the channels come in random order, so that most tiles need no second look.
    Returns the flat position of an entry that is not finite, or -1; ``lowest`` is the smallest finite number, so that
    one interval finds those and the candidates alike. All floats are of the type of Z.
    """
    n_rows, n_columns = Z.shape
    k = values.shape[1]
    for s in range(n_rows):
        row, kept, origin = Z[s], values[s], channels[s]
        kept[:], origin[:] = -np.inf, n_columns
        for start in range(0, n_columns, TILE):
            tile = row[start : start + TILE]
            if _all_between(tile, lowest, kept[0]):
                continue
            for i in range(tile.shape[0]):
                if lowest <= tile[i] <= kept[0]:
                    continue
                if not np.isfinite(tile[i]):
                    return s * n_columns + start + i
                _sink(kept, origin, k, tile[i], start + i)
        for size in range(k - 1, 0, -1):
            first, first_origin, last, last_origin = kept[0], origin[0], kept[size], origin[size]
            _sink(kept, origin, size, last, last_origin)
            kept[size], origin[size] = first, first_origin
    return -1
