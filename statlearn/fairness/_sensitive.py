"""Reading raw sensitive features: any table or vector in, columns with names and levels out.

Everything that takes sensitive features goes through here, so that all of it accepts the same input: pandas and polars
frames and series, arrays, lists. Nothing is encoded yet.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._support.user_warnings import warn_user
from ..exceptions import SensitiveFeaturesWarning

__all__ = [
    "Column",
    "as_table",
    "factorize",
    "is_frame",
    "looks_nominal",
    "places_of",
    "read_columns",
    "read_sensitive",
    "split_sensitive",
]

NO_VALUE_TYPES = ("NAType", "NaTType")  # of pandas, which need not be installed
MAX_INTEGER_LEVELS = 20  # an integer column with more distinct values is read as continuous
LARGEST_INTEGER = 2.0**53  # up to which every whole number is a float
KIND_NAMES = {"c": "complex numbers", "M": "dates", "m": "time differences", "V": "records"}


class Column(NamedTuple):
    """One raw attribute.

    ``place`` names the column in messages. ``values`` is an array of booleans, integers, floats (not all of them
    whole numbers) or objects (then nominal); ``declared`` says that the table itself calls the column categorical.
    """

    name: str
    place: str
    values: np.ndarray
    declared: bool

    @property
    def is_numeric(self):
        """Whether the values are numbers that are not flags."""
        return self.values.dtype.kind in "iuf"


def read_sensitive(sensitive_features, n_samples, X=None, name="sensitive_features"):
    """Sensitive features as a table with ``n_samples`` rows.

    Parameters
    ----------
    sensitive_features : Series, DataFrame, polars Series or DataFrame, ndarray or list
        One value or one row per sample, as the user gave it.
    n_samples : int
        Number of rows of the data.
    X : object or None, default=None
        The data. If both have a pandas index and these differ, rows are matched by position and a
        `SensitiveFeaturesWarning` says so.
    name : str, default="sensitive_features"
        What the argument is called in messages.

    Returns
    -------
    table : DataFrame, polars DataFrame or ndarray of shape (n_samples, n_attributes)
        Two-dimensional; names are kept.

    Raises
    ------
    TypeError, ValueError
        If ``sensitive_features`` is no table, or has another number of rows.
    """
    table = as_table(sensitive_features, name)
    if table.shape[0] != n_samples:
        raise ValueError(
            f"Found inconsistent numbers of samples: {name} has {table.shape[0]} rows for {n_samples} samples. Give "
            "one row per sample."
        )
    if table.shape[1] == 0:
        raise ValueError(
            f"{name} must have one column or more, each an attribute. Got a table of shape {tuple(table.shape)}: check "
            "how its columns were selected."
        )
    if _indexes_differ(table, X):
        warn_user(
            f"the index of {name} differs from that of the other data; rows are matched by their position. If the "
            f"order is the same, give both the same index; if not, use {name}.loc[X.index].",
            SensitiveFeaturesWarning,
        )
    return table


def split_sensitive(X, columns):
    """The sensitive columns of a table, and where they are.

    Parameters
    ----------
    X : DataFrame, polars DataFrame, ndarray, sparse matrix or list of rows
        The data.
    columns : str, int or sequence of them, or boolean mask
        Names (of a frame) or positions of the sensitive columns.

    Returns
    -------
    sensitive : DataFrame, polars DataFrame or ndarray of shape (n_samples, n_attributes)
        These columns in the order of ``columns``; dense if X is sparse.
    positions : ndarray of int
        Their positions in X, in the same order.

    Raises
    ------
    TypeError, ValueError
        If a name or position does not exist, or ``columns`` is empty or names a column twice.
    """
    table = X.tocsc() if sparse.issparse(X) else as_table(X, "X")
    positions = _positions(columns, table)
    if hasattr(table, "iloc"):
        return table.iloc[:, positions], positions
    if is_frame(table):
        return table[:, positions.tolist()], positions
    part = table[:, positions]
    return (part.toarray() if sparse.issparse(part) else part), positions


def is_frame(table):
    """Whether an object is a data frame of pandas or polars (or looks like one)."""
    return hasattr(table, "columns") and (hasattr(table, "iloc") or hasattr(table, "iter_columns"))


def as_table(values, name):
    """Any vector or table as a frame or an array with two dimensions, strings and numbers side by side kept apart."""
    if is_frame(values):
        return values
    if hasattr(values, "to_frame"):
        return values.to_frame() if getattr(values, "name", None) else values.to_frame("attribute 0")
    if sparse.issparse(values):
        raise TypeError(f"{name} must be dense. Got a sparse matrix: pass {name}.toarray().")
    if isinstance(values, (str, bytes, dict, set)) or values is None:
        raise TypeError(f"{name} must be a table or a vector with one entry per sample. Got {values!r:.80} instead.")
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: put values in place of the masked entries by filled().")
    array = _as_array(values, name)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have one or two dimensions. Got an array of shape {array.shape} instead.")
    return array.reshape(-1, 1) if array.ndim == 1 else array


def read_columns(table):
    """The columns of a table made by `as_table`, as a list of `Column`.

    Raises
    ------
    TypeError
        If a column holds what is neither a number, nor a flag, nor a level that can be compared with others.
    """
    if not is_frame(table):
        names = [f"attribute {position}" for position in range(table.shape[1])]
        raw = [(values, False) for values in table.T]
    else:
        names = [str(name) for name in table.columns]
        raw = [_frame_column(table, position) for position in range(table.shape[1])]
    return [
        Column(name, place, _plain(values, place, declared), declared)
        for name, place, (values, declared) in zip(names, places_of(table), raw, strict=True)
    ]


def places_of(table):
    """What messages call the columns of a table: names in quotes, or positions where there are none."""
    if is_frame(table):
        return [repr(str(name)) for name in table.columns]
    return [str(position) for position in range(table.shape[1])]


def factorize(values):
    """Distinct values in a fixed order, and the position of each value among them.

    Parameters
    ----------
    values : ndarray of shape (n,)
        From a `Column`.

    Returns
    -------
    levels : list
        Sorted; levels of different types are sorted by the name of the type first.
    codes : ndarray of shape (n,), int64
        ``levels[codes[i]] == values[i]``.
    """
    if values.dtype.kind != "O":
        levels, codes = np.unique(values, return_inverse=True)
        return levels.tolist(), codes.astype(np.int64, copy=False)
    values = values.tolist()
    levels = _sorted_levels(set(values))
    positions = {level: position for position, level in enumerate(levels)}
    return levels, np.fromiter(map(positions.__getitem__, values), dtype=np.int64, count=len(values))


def looks_nominal(column):
    """Whether a `Column` holds levels rather than quantities: no numbers, two numbers, or up to 20 whole numbers."""
    if column.declared or not column.is_numeric:
        return True
    n_distinct = np.unique(column.values).size
    if n_distinct == 2:
        return True
    return column.values.dtype.kind in "iu" and 2 < n_distinct <= MAX_INTEGER_LEVELS


def _sorted_levels(levels):
    try:
        return sorted(levels)
    except TypeError:
        return sorted(levels, key=lambda level: (type(level).__name__, str(level)))


def _as_array(values, name):
    try:
        array = np.asarray(values)
        # NumPy turns the numbers of a list of mixed rows into strings.
        mixed = array.dtype.kind in "US" and not hasattr(values, "dtype")
        return np.asarray(values, dtype=object) if mixed else array
    except ValueError as error:
        raise ValueError(f"{name} must be a table. Got rows of different lengths.") from error


def _frame_column(table, position):
    if not hasattr(table, "iloc"):
        series = table[:, position]
        declared = str(series.dtype).startswith(("Categorical", "Enum"))
        return series.to_numpy(), declared
    series = table.iloc[:, position]
    declared = str(series.dtype) == "category"
    return (np.asarray(series, dtype=object) if declared else series.to_numpy()), declared


def _plain(values, place, declared):
    """A column as booleans, integers, floats or objects, by its values rather than by how they are stored.

    Objects that are all numbers become numbers, and floats that are all whole numbers become integers.
    """
    kind = values.dtype.kind
    if kind in KIND_NAMES:
        cure = "" if kind == "c" else ": turn them into numbers, such as an age in years"
        supported = "Complex data not supported" if kind == "c" else "sensitive features must be numbers or levels"
        raise ValueError(f"{supported}. Column {place} holds {KIND_NAMES[kind]}{cure}.")
    if kind in "biu":
        return values
    if kind == "f":
        _refuse_non_finite(values, place)
        return _whole_as_integers(values.astype(np.float64, copy=False))
    values = values.astype(object, copy=False)
    _check_levels(values, place)
    return values if declared else _numbers_or_levels(values)


def _refuse_non_finite(values, place):
    if np.isnan(values).any():
        raise ValueError(_missing_message(place, "NaN"))
    if not np.isfinite(values).all():
        raise ValueError(f"sensitive features must be finite. Column {place} contains infinity.")


def _missing_message(place, found):
    return (
        f"sensitive features must not be missing. Column {place} contains {found} (missing values are written as "
        "NaN, NA or None): impute it, or make 'missing' a level of its own if the column is categorical, for example "
        "by fillna('missing')."
    )


def _check_levels(values, place):
    """Refuse missing values, infinities and what cannot be a level among the distinct objects."""
    try:
        levels = set(values.tolist())
    except TypeError as error:
        kinds = (type(value) for value in values.tolist())
        found = next((kind.__name__ for kind in kinds if kind.__hash__ is None), "tuple")
        raise TypeError(
            f"sensitive features as an argument must be made of strings or numbers. Column {place} contains an "
            f"object of type {found}."
        ) from error
    for level in levels:
        if level is None or type(level).__name__ in NO_VALUE_TYPES:
            raise ValueError(_missing_message(place, "None" if level is None else "NA"))
        if isinstance(level, (float, np.floating)):
            _refuse_non_finite(np.float64(level), place)


def _numbers_or_levels(values):
    """Numbers stored as objects as what they are: all integers, or all real numbers; else the objects."""
    types = set(map(type, values.tolist()))
    if types <= {bool, np.bool_}:
        return values.astype(bool)
    if all(issubclass(found, (int, np.integer)) and found is not bool for found in types):
        return np.array(values.tolist())  # int64, or float64 or objects if one is too large
    if all(issubclass(found, (int, float, np.integer, np.floating)) and found is not bool for found in types):
        return _whole_as_integers(values.astype(np.float64))
    return values


def _whole_as_integers(values):
    is_whole = bool(((np.abs(values) <= LARGEST_INTEGER) & (values == np.floor(values))).all())
    return values.astype(np.int64) if is_whole else values


def _indexes_differ(table, X):
    own, other = getattr(table, "index", None), getattr(X, "index", None)
    if not (hasattr(own, "equals") and hasattr(other, "equals")):
        return False
    return not own.equals(other)


def _positions(columns, table):
    names = list(table.columns) if is_frame(table) else None
    entries = _entries(columns)
    n_columns = table.shape[1]
    if isinstance(entries, np.ndarray):
        if entries.size != n_columns:
            raise ValueError(f"sensitive_columns as a mask must have {n_columns} entries. Got {entries.size}.")
        positions = np.flatnonzero(entries)
    else:
        positions = np.array([_position(entry, names, n_columns) for entry in entries], dtype=np.intp)
    if positions.size == 0:
        raise ValueError("sensitive_columns must name at least one column. Got none.")
    if np.unique(positions).size < positions.size:
        raise ValueError(f"sensitive_columns must name each column once. Got {columns!r}.")
    return positions


def _entries(columns):
    """A list of names and positions, or an array that is a mask."""
    if isinstance(columns, (str, int, np.integer)) and not isinstance(columns, bool):
        return [columns]
    array = np.asarray(columns)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "biuUO"):
        raise TypeError(f"sensitive_columns must be names or positions of columns. Got {columns!r} instead.")
    return array if array.dtype.kind == "b" else columns.tolist() if isinstance(columns, np.ndarray) else list(columns)


def _position(entry, names, n_columns):
    if isinstance(entry, str):
        if names is None:
            raise ValueError(f"sensitive_columns names {entry!r}, but X has no column names: give positions.")
        if entry not in names:
            raise ValueError(f"sensitive_columns names {entry!r}, which is no column of X. It has {names!r}.")
        return names.index(entry)
    if isinstance(entry, bool) or not isinstance(entry, (int, np.integer)):
        raise TypeError(f"sensitive_columns must be names or positions of columns. Got {entry!r} instead.")
    if not -n_columns <= entry < n_columns:
        raise ValueError(f"sensitive_columns has position {entry}, but X has {n_columns} columns.")
    return entry % n_columns
