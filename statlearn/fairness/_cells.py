"""Groups of rows: the levels of one attribute, and the intersections of several.

Continuous attributes are cut into bins: quantile bins, or bins with given edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from ._sensitive import as_table, factorize, looks_nominal, read_columns

__all__ = ["N_BINS", "Cells", "attribute_cells", "intersection_cells"]

N_BINS = 4  # of continuous attributes, unless something else is asked for


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of rows into occupied cells.

    ``codes`` (n_samples,) are positions in ``names`` (n_cells,), such as ``"sex=f, age=[25, 40)"``. Every cell has a
    row.
    """

    codes: np.ndarray
    names: tuple

    @property
    def n_cells(self):
        """Number of cells."""
        return len(self.names)

    def totals(self, values):
        """Sum of values per cell, shape (n_cells,)."""
        return np.bincount(self.codes, weights=values, minlength=self.n_cells)


def intersection_cells(sensitive, *, bins=None, sample_weight=None, is_nominal=None):
    """Cells of rows that agree in all attributes.

    Parameters
    ----------
    sensitive : table or vector
        Raw attributes, as `read_sensitive` takes or returns them.
    bins : int, array-like, dict or None, default=None
        How continuous attributes are cut: the number of quantile bins, the edges of the bins, or a dictionary from
        names of attributes to one of these. Bins are ``[a, b)``, the last one ``[a, b]``; values below the first and
        above the last edge have cells of their own. None refuses continuous attributes; a single attribute of integers
        then counts as labels.
    sample_weight : ndarray of shape (n_samples,), default=None
        Weights of the rows in the quantiles, positive.
    is_nominal : array-like of bool of shape (n_attributes,), default=None
        Which attributes hold levels, such as ``is_categorical_`` of a fitted `ProtectedEncoder`; None decides by
        `looks_nominal`.

    Returns
    -------
    cells : Cells
        In the order of the levels of the first attribute, then of the second, and so on.

    Raises
    ------
    TypeError, ValueError
        If ``bins`` is invalid, or an attribute is continuous and has no bins.
    """
    parts = attribute_cells(sensitive, bins=bins, sample_weight=sample_weight, is_nominal=is_nominal)
    return _intersect([cells for _, cells in parts])


def attribute_cells(sensitive, *, bins=None, sample_weight=None, is_nominal=None):
    """Cells of each attribute by itself.

    Parameters
    ----------
    sensitive, bins, sample_weight, is_nominal
        As in `intersection_cells`.

    Returns
    -------
    parts : list of (str, Cells)
        Name and cells of each attribute.
    """
    columns = read_columns(as_table(sensitive, "groups"))
    if sample_weight is None:
        sample_weight = np.ones(len(columns[0].values) if columns else 0)
    if is_nominal is None:
        is_nominal = map(looks_nominal, columns)
    have_levels = [bool(nominal or _is_constant(column)) for column, nominal in zip(columns, is_nominal, strict=True)]
    cutters = _cutters(columns, have_levels, bins)
    return [
        (column.name, _level_cells(column) if cut is None else cut(column, sample_weight))
        for column, cut in zip(columns, cutters, strict=True)
    ]


def _intersect(parts):
    codes, names = parts[0].codes, parts[0].names
    for part in parts[1:]:
        occupied, codes = np.unique(codes * part.n_cells + part.codes, return_inverse=True)
        pairs = zip(*np.divmod(occupied, part.n_cells), strict=True)
        names = tuple(f"{names[first]}, {part.names[second]}" for first, second in pairs)
    return Cells(codes, names)


def _level_cells(column):
    levels, codes = factorize(column.values)
    return Cells(codes, tuple(f"{column.name}={level}" for level in levels))


def _cutters(columns, have_levels, bins):
    """How each column is cut: a function of the column and the weights, or None for levels."""
    pairs = list(zip(columns, have_levels, strict=True))
    if bins is None:
        _refuse_continuous(pairs)
        return [None] * len(columns)
    if not isinstance(bins, Mapping):
        cut = _cutter(bins)
        return [None if levels else cut for levels in have_levels]
    unknown = [name for name in bins if name not in [column.name for column in columns]]
    if unknown:
        raise ValueError(f"bins has {unknown[0]!r}, which is no attribute. There are {[c.name for c in columns]}.")
    _refuse_continuous([pair for pair in pairs if pair[0].name not in bins])
    return [_cutter(bins[column.name]) if column.name in bins else None for column in columns]


def _is_constant(column):
    return (column.values == column.values[:1]).all()


def _refuse_continuous(pairs):
    """Refuse columns without levels; a single column of whole numbers is one of labels."""
    for column, has_levels in pairs:
        is_label = len(pairs) == 1 and column.is_numeric and (column.values == np.floor(column.values)).all()
        if not (is_label or has_levels):
            raise ValueError(
                f"Column {column.place} of the groups is continuous ({np.unique(column.values).size} distinct values). "
                "Give bins: a number of quantile bins, edges, or a dictionary of these by attribute."
            )


def _cutter(bins):
    """A function that cuts a column by a number of quantile bins or by edges."""
    if isinstance(bins, (Integral, np.integer)) and not isinstance(bins, bool):
        if bins < 1:
            raise ValueError(f"bins must be at least 1. Got {bins}.")
        return lambda column, weights: _quantile_cells(column, int(bins), weights)
    edges = np.asarray(bins)
    if edges.dtype.kind not in "iuf" or edges.ndim != 1:
        raise TypeError(f"bins must be a number, a vector of edges, or a dictionary of these. Got {bins!r} instead.")
    edges = edges.astype(np.float64)
    if edges.size < 2 or not (np.diff(edges) > 0.0).all():
        raise ValueError(f"bins must have at least two edges, which increase. Got {bins!r}.")
    return lambda column, weights: _edge_cells(column, edges)


def _quantile_cells(column, n_bins, weights):
    """Bins of about equal weight. A cut is the smallest value with more than j / n_bins of the weight up to it."""
    values = _numbers(column)
    order = np.argsort(values, kind="stable")
    # Products rather than quotients: exact for integer weights, so that weights and repeated rows agree.
    reached = n_bins * np.cumsum(weights[order])
    cuts = values[order][np.searchsorted(reached, np.arange(1, n_bins) * (reached[-1] / n_bins), side="right")]
    low, high = values[order[[0, -1]]]
    return _binned(column.name, values, low, np.unique(cuts[cuts > low]), high)


def _edge_cells(column, edges):
    return _binned(column.name, _numbers(column), edges[0], edges[1:-1], edges[-1])


def _numbers(column):
    if not column.is_numeric:
        raise ValueError(f"bins cannot cut column {column.place}: it holds {column.values[0]!r}. Leave it out of bins.")
    return column.values.astype(np.float64)


def _binned(name, values, low, cuts, high):
    """Cells below ``low``, between neighboring cuts, and above ``high``; only the occupied ones."""
    codes = 1 + np.searchsorted(cuts, values, side="right")
    codes[values < low] = 0
    codes[values > high] = len(cuts) + 2
    edges = [f"{edge:g}" for edge in (low, *cuts, high)]
    names = [f"{name}=[{left}, {right})" for left, right in zip(edges[:-1], edges[1:], strict=True)]
    names[-1] = names[-1][:-1] + "]"
    names = [f"{name}<{edges[0]}", *names, f"{name}>{edges[-1]}"]
    occupied, codes = np.unique(codes, return_inverse=True)
    return Cells(codes, tuple(names[code] for code in occupied))
