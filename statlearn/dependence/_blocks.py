"""Reading of variables: numeric blocks with one row per sample, and their distinct rows."""

from functools import cached_property

import numpy as np
from sklearn.utils import check_array

from .._support._sklearn import _num_samples
from .._support.user_warnings import warn_user
from .._support.validation import check_vector
from ..exceptions import ConstantAttributeWarning

LARGEST = 1e150

__all__ = ["Levels", "check_weights", "read_block", "read_blocks", "warn_if_constant"]


def read_block(values, name):
    """One variable as an array of float64 of shape (n_samples, n_columns), each column about its middle.

    Distances do not change by the shift, and sums of them keep more digits.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: put numbers in place of the masked entries by filled.")
    block = check_array(values, ensure_2d=False, input_name=name)
    if block.ndim not in (1, 2):
        raise ValueError(f"{name} must have one or two dimensions. Got shape {block.shape}.")
    block = block.astype(np.float64, copy=False).reshape(len(block), -1)
    low, high = block.min(axis=0), block.max(axis=0)
    if max(-low.min(), high.max()) > LARGEST:
        raise ValueError(f"{name} has entries above {LARGEST:g}, whose squares overflow: divide it by a number.")
    return np.ascontiguousarray(block - (low + (high - low) / 2.0))


def read_blocks(S, name="S"):
    """A table, of which every column is a block, or a list of arrays, which are the blocks."""
    if (
        isinstance(S, (list, tuple))
        and len(S) > 0
        and all(hasattr(block, "shape") or np.ndim(block) == 2 for block in S)
    ):
        blocks = [read_block(block, f"block {position} of {name}") for position, block in enumerate(S)]
    else:
        table = read_block(S, name)
        blocks = [np.ascontiguousarray(table[:, [column]]) for column in range(table.shape[1])]
    sizes = {_num_samples(block) for block in blocks}
    if len(sizes) > 1:
        found = [len(block) for block in blocks]
        raise ValueError(f"{name} has blocks with inconsistent numbers of samples: {found}.")
    return blocks


def check_weights(sample_weight, n_samples):
    """Weights of the rows, ones by default."""
    if sample_weight is None:
        return np.ones(n_samples)
    weights = check_vector(sample_weight, "sample_weight", size=n_samples)
    if not weights.any():
        raise ValueError("sample_weight must not be all zero.")
    return weights


def warn_if_constant(blocks, names):
    """Warn of blocks in which all rows are equal."""
    constant = [name for block, name in zip(blocks, names, strict=True) if not block.any()]
    if constant:
        warn_user(
            f"{', '.join(constant)} is constant: its distance covariance with anything is 0. Leave it out.",
            ConstantAttributeWarning,
        )


class Levels:
    """The distinct rows of a table.

    Parameters
    ----------
    table : ndarray of shape (n_samples, n_columns)
        The rows.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Number of the distinct row that each row is.
    n_levels : int
        Number of distinct rows.
    """

    def __init__(self, table):
        self._table = table
        codes, self.n_levels = np.zeros(len(table), dtype=np.int64), 1
        for column in table.T:
            values, own = np.unique(column, return_inverse=True)
            distinct, codes = np.unique(codes * values.size + own, return_inverse=True)
            self.n_levels = distinct.size
        self.codes = codes.astype(np.int64, copy=False)

    @cached_property
    def rows(self):
        """One row of each level."""
        first = np.empty(self.n_levels, dtype=np.int64)
        first[self.codes[::-1]] = np.arange(len(self.codes))[::-1]
        return self._table[first]

    def counts(self, weights):
        """Total weight of each level."""
        return np.bincount(self.codes, weights=weights, minlength=self.n_levels)
