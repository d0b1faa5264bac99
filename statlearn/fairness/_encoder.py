"""From raw protected attributes of mixed types to the numeric blocks between which distances are taken."""

from typing import Literal, NamedTuple, Self

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import StrOptions, _check_feature_names_in, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.validation import validate_data
from .._typing import ArrayLike, FloatArray, NameArray
from ..certificate import Certificate, Check
from ._sensitive import as_table, factorize, is_frame, looks_nominal, read_columns

__all__ = ["ProtectedEncoder"]

EQUAL_DISTANCES = 1e-12
MAX_CHECKED_LEVELS = 100  # whose distances the certificate looks at


class Attribute(NamedTuple):
    """How one attribute is encoded: ``(value - offset) * factor``, or ``factor`` times a 0/1 vector of its level."""

    levels: list | None
    offset: float
    factor: float

    @property
    def width(self):
        """Number of columns: one for numbers and up to two levels."""
        return 1 if self.levels is None or len(self.levels) <= 2 else len(self.levels)


class ProtectedEncoder(TransformerMixin, StatlearnEstimator):
    """Encode protected attributes of mixed types for measures that look at distances.

    An attribute with two levels becomes one 0/1 column, one with more levels a 0/1 column per level (none is dropped,
    so that all levels are at the same distance from each other), and a continuous attribute one scaled column. The
    order of the attributes is kept.

    Parameters
    ----------
    scaling : {"minmax", "unit", "dvar"} or None, default="minmax"
        Size of the attributes, which is their say in the distance between rows:

        - "minmax" scales continuous columns to [0, 1] and leaves 0/1 columns alone: two levels are at distance 1, more
          levels at distance sqrt 2;
        - "unit" also divides the columns of more than two levels by sqrt 2: every attribute has diameter 1;
        - "dvar" scales each attribute so that its squared distance variance in the rows of ``fit`` is 1 (the version
          with divisor ``n^2``): attributes with a rare level are no longer small;
        - None leaves continuous columns as they are.
    categorical_features : "auto" or array-like of str, int or bool, default="auto"
        Which columns hold levels rather than quantities: names, positions, or a mask. "auto" decides by the values,
        however they are stored: strings, flags, categories and other objects are categorical, numbers with two distinct
        values too, whole numbers up to 20 distinct values, and other numbers are continuous.
    handle_unknown : {"error", "ignore"}, default="error"
        What `transform` does with a level that was not in ``fit``: refuse it, or write zeros. Of an attribute with two
        levels, zero is the first one.

    Attributes
    ----------
    blocks_ : list of slice
        The columns of each attribute, in the order of the input.
    categories_ : list of ndarray or None
        The levels of each categorical attribute, sorted; None for a continuous one.
    is_categorical_ : ndarray of bool of shape (n_features_in_,)
        Which attributes were read as categorical.
    factors_ : ndarray of shape (n_features_in_,)
        What each attribute is multiplied by, after a continuous one was shifted by ``offsets_``.
    offsets_ : ndarray of shape (n_features_in_,)
        Subtracted from continuous attributes; 0 for categorical ones.
    n_features_in_ : int
        Number of attributes.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when the input has names that are strings.
    certificate_ : Certificate
        That levels are at equal distances, and what was read as what.

    See Also
    --------
    sklearn.preprocessing.OneHotEncoder : Encoder for predictors.

    Notes
    -----
    Integer codes of levels must not be scaled like quantities: the distance between two levels would then depend on
    the alphabetical order of their names. Codes with more than 20 levels are read as continuous: name their column in
    ``categorical_features``. A quantity with few whole numbers as values, such as a count, is read as categorical: give
    ``categorical_features`` without it.

    Values of a continuous attribute outside the range of ``fit`` are encoded outside [0, 1].

    References
    ----------
    Lee, Antonio, Avanzi, Marchi, Zhou (2025). "Machine learning with multitype protected attributes: intersectional
    fairness through regularisation". arXiv:2509.08163.

    Examples
    --------
    >>> import pandas as pd
    >>> from statlearn.fairness import ProtectedEncoder
    >>> sensitive = pd.DataFrame(
    ...     {"sex": ["f", "m", "m", "f"], "region": ["N", "S", "W", "S"], "age": [25.5, 40.0, 31.0, 65.5]}
    ... )
    >>> encoder = ProtectedEncoder().fit(sensitive)
    >>> encoder.get_feature_names_out().tolist()
    ['sex_m', 'region_N', 'region_S', 'region_W', 'age']
    >>> encoder.transform(sensitive[1:2])
    array([[1.    , 0.    , 1.    , 0.    , 0.3625]])
    """

    _parameter_constraints: dict = {
        "scaling": [StrOptions({"minmax", "unit", "dvar"}), None],
        "categorical_features": [StrOptions({"auto"}), "array-like"],
        "handle_unknown": [StrOptions({"error", "ignore"})],
    }

    def __init__(
        self,
        scaling: Literal["minmax", "unit", "dvar"] | None = "minmax",
        categorical_features: Literal["auto"] | ArrayLike | int | bool = "auto",
        handle_unknown: Literal["error", "ignore"] = "error",
    ) -> None:
        self.scaling = scaling
        self.categorical_features = categorical_features
        self.handle_unknown = handle_unknown

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the levels and ranges of the attributes.

        Parameters
        ----------
        X : DataFrame, polars DataFrame or array-like of shape (n_samples, n_attributes)
            Raw attributes: strings, flags, categories, numbers, also as an array of objects.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        self : ProtectedEncoder
            The fitted encoder.

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, or an attribute has missing or infinite values, dates, or objects that cannot be
            levels; the message names the column.
        """
        columns = self._columns(X, reset=True)
        categorical = self._categorical(columns)
        attributes = [
            _nominal(column, self.scaling) if nominal else _continuous(column, self.scaling)
            for column, nominal in zip(columns, categorical, strict=True)
        ]
        self._store(attributes, categorical)
        self.certificate_ = _certificate(columns, attributes)
        return self

    def transform(self, X: ArrayLike) -> FloatArray:
        """Encode attributes.

        Parameters
        ----------
        X : DataFrame, polars DataFrame or array-like of shape (n_samples, n_attributes)
            The attributes of ``fit``, for any rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_columns)
            The encoded attributes, side by side.

        Raises
        ------
        TypeError, ValueError
            If an attribute is invalid, or has a level that was not in ``fit`` while ``handle_unknown="error"``; the
            message names the column and the level.
        """
        check_is_fitted(self)
        columns = self._columns(X, reset=False)
        Z = np.zeros((len(columns[0].values), self.blocks_[-1].stop))
        for column, attribute, block in zip(columns, self._attributes(), self.blocks_, strict=True):
            if attribute.levels is None:
                Z[:, block.start] = (_numbers(column) - attribute.offset) * attribute.factor
            else:
                _write_levels(Z[:, block], self._codes(column, attribute.levels), attribute)
        return Z

    def split(self, Z: ArrayLike) -> list[FloatArray]:
        """Cut encoded attributes into blocks, one per attribute.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_columns)
            What `transform` returned.

        Returns
        -------
        blocks : list of ndarray of shape (n_samples, n_block_columns)
            One per attribute, in the order of the input.

        Raises
        ------
        ValueError
            If Z has another number of columns.
        """
        check_is_fitted(self)
        Z = np.asarray(Z)
        n_columns = self.blocks_[-1].stop
        if Z.ndim != 2 or Z.shape[1] != n_columns:
            raise ValueError(f"Z must have {n_columns} columns, as transform returns them. Got shape {Z.shape}.")
        return [Z[:, block] for block in self.blocks_]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NameArray:
        """Names of the encoded columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the attributes; None takes those of ``fit``, or ``x0``, ``x1``, ... if it had none.

        Returns
        -------
        names : ndarray of shape (n_columns,)
            Such as ``"age"``, ``"sex_m"`` (1 for level m) or ``"region_N"``.
        """
        check_is_fitted(self)
        names = []
        for name, attribute in zip(_check_feature_names_in(self, input_features), self._attributes(), strict=True):
            levels = attribute.levels
            if levels is None:
                names.append(name)
            else:
                names += [f"{name}_{level}" for level in (levels if attribute.width > 1 else levels[-1:])]
        return np.asarray(names, dtype=object)

    def _columns(self, X, reset):
        if is_frame(X):
            table = validate_data(self, X, reset=reset, skip_check_array=True)
            if 0 in table.shape:
                raise ValueError(
                    f"Found a table with {table.shape[0]} sample(s) and {table.shape[1]} feature(s) (shape="
                    f"{tuple(table.shape)}) while a minimum of 1 is required."
                )
        else:
            validated = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
            # Numbers in a list of mixed rows have become strings: read the list itself.
            table = as_table(validated if hasattr(X, "dtype") else X, "X")
        return read_columns(table)

    def _categorical(self, columns):
        if isinstance(self.categorical_features, str):
            return np.array([looks_nominal(column) for column in columns])
        chosen = np.asarray(self.categorical_features)
        n_columns = len(columns)
        if chosen.dtype.kind == "b":
            if chosen.shape != (n_columns,):
                raise ValueError(f"categorical_features as a mask must have {n_columns} entries. Got {chosen.shape}.")
            return chosen
        names = getattr(self, "feature_names_in_", np.array([])).tolist()
        positions = [_position(entry, names, n_columns) for entry in chosen.ravel().tolist()]
        return np.isin(np.arange(n_columns), positions)

    def _store(self, attributes, categorical):
        stops = np.cumsum([attribute.width for attribute in attributes]).tolist()
        self.blocks_ = [slice(start, stop) for start, stop in zip([0, *stops[:-1]], stops, strict=True)]
        self.categories_ = [_level_array(attribute.levels) for attribute in attributes]
        self.is_categorical_ = categorical
        self.factors_ = np.array([attribute.factor for attribute in attributes])
        self.offsets_ = np.array([attribute.offset for attribute in attributes])

    def _attributes(self):
        """How each attribute is encoded, from the fitted arrays."""
        levels = [None if found is None else found.tolist() for found in self.categories_]
        return list(map(Attribute, levels, self.offsets_.tolist(), self.factors_.tolist()))

    def _codes(self, column, levels):
        """Positions among the levels of fit; -1 for unknown ones, if these are to be ignored."""
        known = {level: position for position, level in enumerate(levels)}
        found, codes = factorize(column.values)
        unknown = [level for level in found if level not in known]
        if unknown and self.handle_unknown == "error":
            raise ValueError(
                f"Column {column.place} has the level {unknown[0]!r}, which was not in fit. Fit on rows with all "
                "levels, or set handle_unknown='ignore'."
            )
        return np.array([known.get(level, -1) for level in found], dtype=np.int64)[codes]


def _position(entry, names, n_columns):
    if isinstance(entry, str):
        if entry not in names:
            raise ValueError(f"categorical_features names {entry!r}, which is no column. The columns are {names}.")
        return names.index(entry)
    if not isinstance(entry, int) or not -n_columns <= entry < n_columns:
        raise ValueError(f"categorical_features has position {entry!r}, but there are {n_columns} columns.")
    return entry % n_columns


def _nominal(column, scaling):
    levels, codes = factorize(column.values)
    diameter = np.sqrt(2.0) if len(levels) > 2 else 1.0
    if scaling == "unit":
        return Attribute(levels, 0.0, 1.0 / diameter)
    if scaling == "dvar":
        return Attribute(levels, 0.0, _inverse_root(_nominal_variance(np.bincount(codes) / codes.size, diameter)))
    return Attribute(levels, 0.0, 1.0)


def _continuous(column, scaling):
    values = _numbers(column)
    if scaling is None:
        return Attribute(None, 0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if high == low:
        return Attribute(None, low, 1.0)
    if scaling == "dvar":
        return Attribute(None, low, _inverse_root(_line_variance((values - low) / (high - low))) / (high - low))
    return Attribute(None, low, 1.0 / (high - low))


def _numbers(column):
    if column.values.dtype.kind == "O":
        raise ValueError(
            f"Column {column.place} is read as continuous, but it holds {column.values[0]!r}. Give numbers, or "
            "name it in categorical_features."
        )
    return column.values.astype(np.float64)


def _inverse_root(variance):
    return 1.0 / np.sqrt(variance) if variance > 0.0 else 1.0


def _nominal_variance(shares, diameter):
    """Squared distance variance (divisor n^2) of levels at one distance, from the shares of the levels."""
    distances = diameter * (1.0 - np.eye(shares.size))
    means = distances @ shares
    centered = distances - means[:, None] - means[None, :] + means @ shares
    return float(shares @ centered**2 @ shares)


def _line_variance(values):
    """Squared distance variance (divisor n^2) of numbers in [0, 1], in O(n log n).

    ``mean a_ij^2 - 2 mean_i (a_i.)^2 + (a..)^2`` for distances ``a_ij``, row means ``a_i.`` and grand mean ``a..``.
    """
    x = np.sort(values - values.mean())
    n = x.size
    rank = np.arange(1, n + 1)
    sums = np.cumsum(x)
    means = ((2 * rank - n) * x - 2.0 * sums + sums[-1]) / n
    return float(2.0 * np.mean(x**2) - 2.0 * np.mean(means**2) + means.mean() ** 2)


def _write_levels(block, codes, attribute):
    if attribute.width == 1:
        block[:, 0] = attribute.factor * (codes == 1)
    else:
        rows = np.flatnonzero(codes >= 0)
        block[rows, codes[rows]] = attribute.factor


def _level_array(levels):
    if levels is None:
        return None
    plain = all(isinstance(level, (int, float)) for level in levels)
    return np.array(levels) if plain else np.fromiter(levels, dtype=object, count=len(levels))


def _certificate(columns, attributes):
    nominal = [attribute for attribute in attributes if attribute.levels is not None]
    constant = [column.name for column in columns if (column.values == column.values[0]).all()]
    codes = [
        column.name
        for column, attribute in zip(columns, attributes, strict=True)
        if attribute.levels is not None and column.is_numeric
    ]
    spread = max(map(_spread_of_distances, nominal), default=0.0)
    equal = spread <= EQUAL_DISTANCES
    return Certificate(
        claim="Levels of one attribute are at equal distances, whatever their names and their order.",
        checks=[
            Check("spread of distances between levels", spread, EQUAL_DISTANCES, equal, "numerical"),
            Check("categorical attributes", len(nominal), None, None, "reported", f"of {len(attributes)} attributes"),
            Check("numbers read as levels", len(codes), None, None, "reported", ", ".join(codes)),
            Check("constant attributes", len(constant), None, None, "reported", ", ".join(constant)),
        ],
        assumptions=[
            "numbers that were read as continuous are quantities: equal differences matter equally",
            "the scaling gives each attribute the say it should have",
        ],
    )


def _spread_of_distances(attribute):
    """Largest minus smallest distance between two encoded levels, among the first of them if there are many."""
    n_levels = min(len(attribute.levels), MAX_CHECKED_LEVELS)
    encoded = np.zeros((n_levels, attribute.width))
    _write_levels(encoded, np.arange(n_levels), attribute)
    distances = pdist(encoded)
    return float(np.ptp(distances)) if distances.size else 0.0
