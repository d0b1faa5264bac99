"""Vectors and dates: what passes, what is refused, and how it says so."""

import datetime

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression

from statlearn._support.validation import (
    check_array,
    check_sample_weight,
    check_two_classes,
    check_vector,
    check_X_y,
    refuse_dates,
    validate_data,
)


@pytest.mark.parametrize(
    "values", [[1, 2, 0], (1.0, 2.0, 0.0), np.array([1, 2, 0], dtype=np.float32), [True, 2, False]]
)
def test_good_vectors(values):
    vector = check_vector(values, "weights", size=3)
    assert vector.dtype == np.float64
    assert vector[2] == 0.0


def test_the_result_is_a_copy():
    values = np.ones(6)
    vector = check_vector(values[::2], "weights")
    vector[:] = 0.0
    assert vector.flags.c_contiguous
    assert values.all()


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        (["a", "b"], {}, TypeError, r"weights must be a vector of real numbers. Got \['a', 'b'\] instead"),
        ([1j], {}, TypeError, "weights must be a vector of real numbers"),
        (None, {}, TypeError, "weights must be a vector of real numbers. Got None"),
        (
            np.ma.array([1.0, 2.0], mask=[0, 1]),
            {},
            TypeError,
            "weights must not be a masked.* one with 1 masked",
        ),
        ([[1.0], [1.0, 2.0]], {}, ValueError, "weights must be a vector. Got a sequence of sequences of different"),
        (1.0, {}, ValueError, r"at least one entry. Got an array of shape \(\)"),
        ([], {}, ValueError, r"at least one entry. Got an array of shape \(0,\)"),
        ([[1.0]], {}, ValueError, r"at least one entry. Got an array of shape \(1, 1\)"),
        ([1.0, 2.0], {"size": 3}, ValueError, "weights must have 3 entries. Got 2"),
        ([1.0, np.nan], {}, ValueError, "weights must be finite and non-negative. Got nan at position 1"),
        ([np.inf, 1.0], {}, ValueError, "weights must be finite and non-negative. Got inf at position 0"),
        ([1.0, -2.0], {}, ValueError, "weights must be finite and non-negative. Got -2.0 at position 1"),
        ([1.0, 0.0], {"positive": True}, ValueError, "weights must be finite and positive. Got 0.0 at position 1"),
    ],
)
def test_bad_vectors(values, options, error, message):
    with pytest.raises(error, match=message):
        check_vector(values, "weights", **options)


@pytest.mark.parametrize(
    ("labels", "weights", "message"),
    [
        (["blue"], None, r"y must have more than one class\. Got one class, 'blue': add rows of another one"),
        ([3], [1.0], "y must have more than one class among the rows of positive weight. Got one class, 3: give"),
        ([], [0.0], "among the rows of positive weight. Got no class"),
    ],
)
def test_too_few_classes(labels, weights, message):
    with pytest.raises(ValueError, match=message):
        check_two_classes(np.array(labels), weights)
    check_two_classes(np.array([0, 1]), weights)


DAYS = np.datetime64("2024-01-01") + np.arange(3)
A_DAY = datetime.date(2024, 1, 1)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (DAYS, r", of type datetime64\[D\]: turn them into numbers first, such as days since a given day"),
        (DAYS.reshape(-1, 1), r"datetime64\[D\]"),
        (DAYS - DAYS[0], r"timedelta64\[D\]"),
        (np.array(["NaT"], dtype="M8[ns]"), r"datetime64\[ns\]"),
        (list(DAYS), r"datetime64\[D\]"),
        (np.array([1.0, DAYS[0]], dtype=object), r"such as np.datetime64\('2024-01-01'\)"),
        ([[1.0, A_DAY]], r"such as datetime.date\(2024, 1, 1\)"),
        ((datetime.timedelta(3), 1.0), r"such as datetime.timedelta\(days=3\)"),
        (np.array([datetime.time(12)]), r"such as datetime.time\(12, 0\)"),
    ],
)
def test_dates_are_no_numbers(values, found):
    with pytest.raises(TypeError, match=f"X must be numbers. Got dates or durations.*{found}"):
        refuse_dates(values, "X")


def test_dates_in_pandas():
    pd = pytest.importorskip("pandas")
    days = pd.Series(DAYS)
    columns = {
        "datetime64": days,
        "timedelta64": days - days[0],
        r"datetime64\[.*UTC": days.dt.tz_localize("UTC"),
        r"period\[D": days.dt.to_period("D"),
    }
    for kind, column in columns.items():
        with pytest.raises(TypeError, match=f"y must be numbers.*, of type {kind}"):
            refuse_dates(column, "y")
        with pytest.raises(TypeError, match=f"X must be numbers.* in column 'when', of type {kind}"):
            refuse_dates(pd.DataFrame({"size": [1, 2, 3], "when": column}), "X")
    with pytest.raises(TypeError, match=r"X must be numbers.* such as datetime.date\(2024"):
        refuse_dates(pd.DataFrame({"size": [1, 2], "when": [1.0, A_DAY]}), "X")
    refuse_dates(pd.DataFrame({"dtype": [1, 2], "columns": [1.0, 2.0], "color": ["red", None]}), "X")
    refuse_dates(pd.Series([1.0, None], index=["columns", "dtypes"]), "y")


def test_dates_in_polars():
    pl = pytest.importorskip("polars")
    for column in (pl.Series(DAYS), pl.Series(DAYS).cast(pl.Datetime), pl.Series([datetime.time(12)] * 3)):
        with pytest.raises(TypeError, match="y must be numbers.*, of type (Date|Time)"):
            refuse_dates(column, "y")
        with pytest.raises(TypeError, match="X must be numbers.* in column 'when', of type (Date|Time)"):
            refuse_dates(pl.DataFrame({"size": [1, 2, 3], "when": column}), "X")
    refuse_dates(pl.DataFrame({"size": [1, 2], "name": ["a", "b"]}), "X")


@pytest.mark.parametrize(
    "values",
    [
        np.ones((2, 2)),
        np.array([1, "red"], dtype=object),
        [[1.0], [1.0, 2.0]],
        sparse.csr_array(np.eye(2)),
        None,
        3.0,
        "2024-01-01",
        ["2024-01-01"],
    ],
)
def test_what_is_no_date_is_for_others_to_judge(values):
    refuse_dates(values, "X")


def test_validation_refuses_dates_as_numbers_only():
    X, model = np.ones((3, 1)), LinearRegression()
    table = DAYS.reshape(-1, 1)
    for call in (
        lambda: check_array(table, input_name="X"),
        lambda: check_array(table, dtype=np.float64, input_name="X"),
        lambda: check_X_y(table, [1, 2, 3]),
        lambda: validate_data(model, table, dtype=[np.float64, np.float32]),
    ):
        with pytest.raises(TypeError, match="X must be numbers"):
            call()
    for call in (
        lambda: check_X_y(X, DAYS, y_numeric=True),
        lambda: validate_data(model, X, DAYS, y_numeric=True),
    ):
        with pytest.raises(TypeError, match="y must be numbers"):
            call()
    with pytest.raises(TypeError, match="sample_weight must be numbers"):
        check_sample_weight(DAYS - DAYS[0], X)
    with pytest.raises(TypeError, match="The array must be numbers"):
        check_array(table)
    assert check_array(table, dtype=None).dtype.kind == "M"
    np.testing.assert_array_equal(validate_data(model, X, DAYS)[1], DAYS)  # as classes
    np.testing.assert_array_equal(check_X_y(X, DAYS)[1], DAYS)
    assert validate_data(model, table, skip_check_array=True) is table
    np.testing.assert_array_equal(check_sample_weight(None, X), np.ones(3))


@pytest.mark.parametrize(
    "check",
    [
        lambda masked: check_array(masked, input_name="X"),
        lambda masked: check_X_y(masked, [0, 1]),
        lambda masked: validate_data(LinearRegression(), masked, reset=True),
        lambda masked: check_sample_weight(masked[:, 0], [[0], [1]]),
        lambda masked: check_vector(masked[:, 0], "v"),
    ],
)
def test_masked_arrays_are_refused(check):
    """scikit-learn would take what is hidden for a value."""
    with pytest.raises(TypeError, match="must not be a masked array. Got one with 1 masked entries"):
        check(np.ma.masked_equal([[1.0], [2.0]], 2.0))


@pytest.mark.parametrize("name", ["PredictionMarketClassifier", "PredictionMarketRegressor", "LokiClassifier"])
def test_a_forgotten_target_has_a_name(name):
    from sklearn.linear_model import LogisticRegression

    from statlearn import frechet, market

    models = {
        "PredictionMarketClassifier": lambda: market.PredictionMarketClassifier([("l", LogisticRegression())]),
        "PredictionMarketRegressor": lambda: market.PredictionMarketRegressor([("l", LinearRegression())]),
        "LokiClassifier": lambda: frechet.LokiClassifier(LogisticRegression()),
    }
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        models[name]().fit([[0.0], [1.0]], None)
