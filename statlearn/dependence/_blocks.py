"""Reading of variables: numeric blocks with one row per sample, and their distinct rows."""

import numpy as np

from .._support._sklearn import _num_samples
from .._support.user_warnings import warn_user
from .._support.validation import check_array, check_vector
from ..exceptions import ConstantAttributeWarning

LARGEST, SMALLEST = 1e150, 1e-150
LARGEST_CODE = 2**62

__all__ = [
    "Levels",
    "about_middle",
    "as_block",
    "check_products",
    "check_weights",
    "check_width",
    "read_block",
    "read_blocks",
    "warn_if_constant",
]


def read_block(values, name):
    """One variable as an array of float64 of shape (n_samples, n_columns).

    Columns that are far from zero for their width are moved about it: distances do not change, and sums of them keep
    more digits.
    """
    block = as_block(values, name)
    check_width(np.ptp(block, axis=0).max(), name)
    return about_middle(block)


def about_middle(block):
    """Columns about their middles if one is far from zero for its width: a constant becomes 0."""
    low, high = block.min(axis=0), block.max(axis=0)
    middle = low + (high - low) / 2.0
    return block - middle if np.any(np.abs(middle) > high - low) else block


def as_block(values, name):
    """One variable as an array of float64 of shape (n_samples, n_columns), checked, where it is."""
    try:
        block = check_array(values, ensure_2d=False, input_name=name)
        block = np.ascontiguousarray(block, dtype=np.float64)  # categories of pandas are strings only now
    except ValueError as error:
        if "string" not in str(error):
            raise
        raise ValueError(
            f"{name} holds strings, which have no distances ({str(error).rstrip('.')}). Turn categories into "
            "numbers, by statlearn.fairness.ProtectedEncoder for instance."
        ) from error
    if block.ndim not in (1, 2):
        raise ValueError(f"{name} must have one or two dimensions. Got shape {block.shape}.")
    block = block.reshape(len(block), -1)
    if max(-block.min(), block.max()) > LARGEST:
        raise ValueError(f"{name} has entries above {LARGEST:g}, whose squares overflow: divide it by a number.")
    return block


def check_width(width, name):
    """Refuse variables whose largest difference has a square that underflows."""
    if 0.0 < width < SMALLEST:
        raise ValueError(
            f"{name} has entries that differ by less than {SMALLEST:g}, whose squares underflow: multiply it by a "
            "number."
        )


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


def check_products(blocks):
    """Refuse blocks whose products of distances overflow."""
    digits = sum(np.log10(max(block.max(), -block.min(), 1.0)) for block in blocks)
    if digits > np.log10(LARGEST):
        raise ValueError(
            f"The variables have products of order 1e{digits:.0f}, which overflow: divide them by numbers, or "
            "standardize them."
        )


def warn_if_constant(blocks, names):
    """Warn of blocks in which all rows are equal."""
    constant = [name for block, name in zip(blocks, names, strict=True) if np.all(block == block[0])]
    if constant:
        warn_user(
            f"{', '.join(constant)} is constant: its distance covariance with anything is 0, so that it adds nothing "
            "to the penalty. Leave it out.",
            ConstantAttributeWarning,
        )


class Levels:
    """The distinct rows of blocks side by side.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_samples, n_columns)
        The blocks.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Number of the distinct row that each row is.
    first : ndarray of shape (n_levels,)
        The first row of each level: ``block[first]`` are the distinct rows of a block.
    n_levels : int
        Number of distinct rows.
    """

    def __init__(self, blocks):
        codes, n_codes = np.zeros(len(blocks[0]), dtype=np.int64), 1
        for column in (column for block in blocks for column in block.T):
            own, n_values = _value_codes(column)
            if n_values > LARGEST_CODE // n_codes:
                distinct, codes = np.unique(codes, return_inverse=True)
                n_codes = distinct.size
            codes, n_codes = codes * n_values + own, n_codes * n_values
        self.first, self.codes = _renumbered(codes, n_codes)
        self.n_levels = self.first.size

    def counts(self, weights):
        """Total weight of each level."""
        return np.bincount(self.codes, weights=weights, minlength=self.n_levels)


def _renumbered(codes, n_codes):
    """The first row of each code that occurs, and codes without gaps in the same order; without a sort if few are
    possible."""
    if n_codes > 4 * codes.size:
        _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        return first, codes.astype(np.int64, copy=False)
    occurs = np.bincount(codes, minlength=n_codes) > 0
    codes = (np.cumsum(occurs) - 1)[codes]
    first = np.empty(np.count_nonzero(occurs), dtype=np.int64)
    first[codes[::-1]] = np.arange(codes.size - 1, -1, -1)
    return first, codes


def _value_codes(column):
    """Codes of the values of a column, and their number; two values need no sort."""
    low, high = column.min(), column.max()
    is_high = column == high
    if np.all(is_high | (column == low)):
        return is_high, 2
    values, codes = np.unique(column, return_inverse=True)
    return codes, values.size
