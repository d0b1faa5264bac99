"""Input checks shared by families, beyond those of scikit-learn.

Messages name the argument, what was found and what is expected. Functions of scikit-learn are here under their own
names, for in silence they cast dates to numbers, a missing date to -9.2e18, and uncover what is masked: the rest of the
library imports them from here.
"""

from datetime import date, time, timedelta

import numpy as np
from sklearn.utils import validation

from ._sklearn import _check_sample_weight

__all__ = [
    "check_X_y",
    "check_array",
    "check_sample_weight",
    "check_two_classes",
    "check_vector",
    "refuse_dates",
    "refuse_masked",
    "require_target",
    "validate_data",
]

DATES = (date, time, timedelta, np.datetime64, np.timedelta64)


def check_vector(values, name, *, size=None, positive=False):
    """Check an argument that is a vector of finite, non-negative numbers.

    Parameters
    ----------
    values : array-like of shape (size,)
        The argument, such as one penalty weight per feature or a grid of penalties.
    name : str
        Its name in messages.
    size : int or None, default=None
        The required number of entries; None accepts any number but zero.
    positive : bool, default=False
        Whether zero is refused as well.

    Returns
    -------
    vector : ndarray of shape (size,)
        A new contiguous array of float64.

    Raises
    ------
    TypeError
        If the entries are not real numbers, or some are masked.
    ValueError
        If the shape is wrong or an entry is missing, infinite, or too small.

    Examples
    --------
    >>> from statlearn._support.validation import check_vector
    >>> check_vector([1, 0, 2], "penalty_factor", size=3)
    array([1., 0., 2.])
    """
    refuse_masked(values, name)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be a vector. Got a sequence of sequences of different lengths.") from error
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must be a vector of real numbers. Got {values!r} instead.")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} must be a vector with at least one entry. Got an array of shape {array.shape} instead."
        )
    if size is not None and array.size != size:
        raise ValueError(f"{name} must have {size} entries. Got {array.size} instead.")
    vector = np.array(array, dtype=np.float64)
    allowed = np.isfinite(vector) & ((vector > 0.0) if positive else (vector >= 0.0))
    if not allowed.all():
        position = int(np.argmin(allowed))
        sign = "positive" if positive else "non-negative"
        raise ValueError(f"{name} must be finite and {sign}. Got {vector[position]} at position {position}.")
    return vector


def require_target(y):
    """Refuse a target that was forgotten, in scikit-learn's words.

    Parameters
    ----------
    y : array-like or None
        The argument of ``fit``.

    Raises
    ------
    ValueError
        If it is None.

    Examples
    --------
    >>> from statlearn._support.validation import require_target
    >>> require_target([0, 1])
    """
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None.")


def check_two_classes(classes, sample_weight, rows="rows"):
    """Refuse labels of one class, and weights that leave one.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels among the rows of positive weight.
    sample_weight : array-like or None
        The argument of ``fit``; None lets the message say nothing of weights.
    rows : str, default="rows"
        What a label belongs to.

    Raises
    ------
    ValueError
        If there are fewer than two classes.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn._support.validation import check_two_classes
    >>> check_two_classes(np.array(["blue", "red"]), None)
    """
    if len(classes) >= 2:
        return
    found = f"one class, {classes.tolist()[0]!r}" if len(classes) else "no class"
    if sample_weight is None:
        raise ValueError(f"y must have more than one class. Got {found}: add {rows} of another one.")
    raise ValueError(
        f"y must have more than one class among the {rows} of positive weight. Got {found}: give {rows} of another one "
        "a positive sample_weight."
    )


def check_array(array, *, dtype="numeric", input_name="", **options):
    """Validate an array by scikit-learn's function of this name, and refuse dates where numbers are wanted.

    Parameters
    ----------
    array : array-like
        The argument.
    dtype : "numeric", dtype, list of dtype or None, default="numeric"
        What the entries become. None leaves them what they are, dates included.
    input_name : str, default=""
        Name of the argument in messages.
    **options : dict
        Further arguments of scikit-learn's function.

    Returns
    -------
    array : ndarray or sparse array
        The validated array.

    Raises
    ------
    TypeError
        If there are dates among the numbers, or a masked array.
    ValueError
        If scikit-learn refuses the array.

    Examples
    --------
    >>> from statlearn._support.validation import check_array
    >>> check_array([[1, 2]], input_name="X")
    array([[1, 2]])
    """
    refuse_masked(array, input_name or "The array")
    if dtype is not None:
        refuse_dates(array, input_name or "The array")
    return validation.check_array(array, dtype=dtype, input_name=input_name, **options)


def check_X_y(X, y, *, dtype="numeric", y_numeric=False, **options):  # noqa: N802, the name is scikit-learn's
    """Validate a table and a target by scikit-learn's function of this name, and refuse dates as numbers.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The table.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        The target.
    dtype : "numeric", dtype, list of dtype or None, default="numeric"
        What the entries of ``X`` become. None leaves them what they are, dates included.
    y_numeric : bool, default=False
        Whether the target must be numbers. Classes may be dates.
    **options : dict
        Further arguments of scikit-learn's function.

    Returns
    -------
    X : ndarray or sparse array
        The validated table.
    y : ndarray
        The validated target.

    Raises
    ------
    TypeError
        If there are dates among the numbers, or a masked array.
    ValueError
        If scikit-learn refuses the data.

    Examples
    --------
    >>> from statlearn._support.validation import check_X_y
    >>> check_X_y([[1, 2]], [3])
    (array([[1, 2]]), array([3]))
    """
    refuse_masked(X, "X")
    refuse_masked(y, "y")
    if dtype is not None:
        refuse_dates(X, "X")
    if y_numeric:
        refuse_dates(y, "y")
    return validation.check_X_y(X, y, dtype=dtype, y_numeric=y_numeric, **options)


def validate_data(estimator, X, y="no_validation", *, skip_check_array=False, **options):
    """Validate the data of an estimator by scikit-learn's function of this name, and refuse dates as numbers.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    X : array-like of shape (n_samples, n_features)
        The table.
    y : array-like or "no_validation", default="no_validation"
        The target. With the option ``y_numeric`` it must be numbers; classes may be dates.
    skip_check_array : bool, default=False
        Whether to look at the names and number of features only.
    **options : dict
        Further arguments of scikit-learn's function.

    Returns
    -------
    data : array or tuple of arrays
        The validated table, or table and target.

    Raises
    ------
    TypeError
        If there are dates among the numbers, or a masked array.
    ValueError
        If scikit-learn refuses the data.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from statlearn._support.validation import validate_data
    >>> validate_data(LinearRegression(), [[1, 2]])
    array([[1, 2]])
    """
    refuse_masked(X, "X")
    refuse_masked(y, "y")
    if not skip_check_array and options.get("dtype", "numeric") is not None:
        refuse_dates(X, "X")
    if not skip_check_array and options.get("y_numeric", False):
        refuse_dates(y, "y")
    return validation.validate_data(estimator, X, y, skip_check_array=skip_check_array, **options)


def check_sample_weight(sample_weight, X, *, dtype=None, ensure_non_negative=False, **options):
    """Validate weights by scikit-learn's function of this name, and refuse durations, whose unit nobody sees.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), number or None
        The weights. None stands for ones.
    X : array-like of shape (n_samples, n_features)
        The rows.
    dtype : dtype or None, default=None
        What they become. None leaves float32 what it is, and makes float64 of all else.
    ensure_non_negative : bool, default=False
        Whether to refuse negative weights.
    **options : dict
        Further arguments of scikit-learn's function.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
        The weights.

    Raises
    ------
    TypeError
        If there are durations or dates, or a masked array.
    ValueError
        If scikit-learn refuses the weights.

    Examples
    --------
    >>> from statlearn._support.validation import check_sample_weight
    >>> check_sample_weight(None, [[1, 2]])
    array([1.])
    """
    refuse_masked(sample_weight, "sample_weight")
    refuse_dates(sample_weight, "sample_weight")
    return _check_sample_weight(sample_weight, X, dtype=dtype, ensure_non_negative=ensure_non_negative, **options)


def refuse_masked(values, name):
    """Refuse a masked array, whose hidden entries would be taken for values.

    Parameters
    ----------
    values : object
        An argument, of any type.
    name : str
        Its name in messages.

    Raises
    ------
    TypeError
        If it is a masked array.

    Examples
    --------
    >>> from statlearn._support.validation import refuse_masked
    >>> refuse_masked([1.0, 2.0], "X")
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array. Got one with {np.ma.count_masked(values)} masked entries: leave their "
            "rows out, or put values in their place by its method filled."
        )


def refuse_dates(values, name):
    """Refuse dates, times and durations where numbers are wanted, whose cast would depend on their unit.

    Parameters
    ----------
    values : object
        An argument, of any type: arrays, series, data frames, lists, and arrays of objects are looked at.
    name : str
        Its name in messages.

    Raises
    ------
    TypeError
        If there are dates.

    Examples
    --------
    >>> from statlearn._support.validation import refuse_dates
    >>> refuse_dates([1.0, 2.0], "X")
    """
    if isinstance(values, (list, tuple)):
        try:
            values = np.asarray(values)
        except ValueError:  # of different lengths, which is for others to say
            return
    found = _dates_of_frame(values) if _is_frame(values) else _dates_of_array(values)
    if found:
        raise TypeError(
            f"{name} must be numbers. Got dates or durations{found}: turn them into numbers first, such as days since "
            "a given day."
        )


def _is_frame(values):
    """Whether this is a data frame, whose columns have types of their own."""
    return len(getattr(values, "shape", ())) == 2 and hasattr(values, "columns") and hasattr(values, "dtypes")


def _dates_of_frame(frame):
    """Where a data frame has dates, in words; empty if nowhere."""
    for column, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if _is_date_type(dtype):
            return f" in column {column!r}, of type {dtype}"
    if any(getattr(dtype, "kind", None) == "O" for dtype in frame.dtypes):
        return _dates_of_array(np.asarray(frame, dtype=object))
    return ""


def _dates_of_array(array):
    """What dates an array or series has, in words; empty if none."""
    dtype = getattr(array, "dtype", None)
    if _is_date_type(dtype):
        return f", of type {dtype}"
    if getattr(dtype, "kind", None) == "O":
        for value in np.asarray(array, dtype=object).flat:
            if isinstance(value, DATES):
                return f" such as {value!r}"
    return ""


def _is_date_type(dtype):
    """Whether a type of NumPy, pandas or polars is one of dates, times or durations."""
    if getattr(dtype, "kind", None) in {"M", "m"} or str(dtype).startswith("period["):
        return True
    return bool(getattr(dtype, "is_temporal", bool)())
