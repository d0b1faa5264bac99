"""Bad and unusual input to every estimator: an error that names the argument, or finite results.

Each mutation of a small good problem is a function below; hypothesis chooses which row, column or graph it hits. What
else must hold everywhere (scikit-learn's checks, failed fits, frames, skops files) is in `test_common`.
"""

import contextlib
import copy
import inspect
import re
import sys
import tempfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

import statlearn
from statlearn import exceptions

from .robustness_tables import (
    BORROWED,
    DEFECTS,
    ESTIMATORS,
    LOG_PROBABILITIES,
    SCORES,
    TAKEN_ON_PURPOSE,
    WORDS,
    WORDS_OF_ESTIMATOR,
    WORDS_OF_KIND,
    problem,
)
from .test_common import outputs

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# Examples are the same in each run. None is made smaller after a failure, which says what was drawn as it is.
few = settings(
    derandomize=True,
    max_examples=4,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

SOURCES = str(Path(statlearn.__file__).parent)
CATEGORIES = tuple(getattr(exceptions, name) for name in exceptions.__all__ if name.endswith("Warning"))
EXPECTED_WARNINGS = (*CATEGORIES, ConvergenceWarning, DataConversionWarning)

# Single precision has 24 bits, of which sums and the solution of a system of a few columns cost some. Where X is cast
# to double the results are equal; where the work is done in single precision 1e-3 leaves a factor of 1e4 for both.
SINGLE_PRECISION = {"rtol": 1e-3, "atol": 1e-3}
# The order of sums may depend on the memory order of the input, and iterations stop where their tolerance says.
SAME = {"rtol": 1e-6, "atol": 1e-8}
EXACT = {"rtol": 0.0, "atol": 0.0}


# ---------------------------------------------------------------------------------------------------------------------
# Mutations of X. Each takes a problem and hypothesis' data, and returns another X.
# ---------------------------------------------------------------------------------------------------------------------


def draw_index(data, size, label):
    return data.draw(st.integers(0, size - 1), label=label)


def each(function, X, kind):
    """Apply a function to a table, or to each graph of a collection."""
    return [function(graph) for graph in X] if kind == "collection" else function(X)


def on_one_table(change):
    """A mutation from a function that changes a float table in place; graphs are made symmetric afterwards."""

    def mutation(given_problem, data):
        def changed(table):
            table = table.astype(np.float64)
            change(table, data)
            if given_problem.kind in {"graph", "collection"}:
                upper = np.triu(table, 1)
                return upper + upper.T
            return table

        if given_problem.kind != "collection":
            return changed(given_problem.X)
        graphs = list(given_problem.X)
        position = draw_index(data, len(graphs), "graph")
        graphs[position] = changed(graphs[position])
        return graphs

    mutation.__name__ = change.__name__
    mutation.__doc__ = change.__doc__
    return mutation


def draw_cell(table, data):
    """A cell that the upper triangle of a graph has as well."""
    n_rows, n_columns = table.shape
    if n_rows == n_columns:
        row = draw_index(data, n_rows - 1, "row")
        return row, data.draw(st.integers(row + 1, n_columns - 1), label="column")
    return draw_index(data, n_rows, "row"), draw_index(data, n_columns, "column")


@on_one_table
def missing_value(table, data):
    table[draw_cell(table, data)] = np.nan


@on_one_table
def infinite_value(table, data):
    table[draw_cell(table, data)] = data.draw(st.sampled_from([np.inf, -np.inf]), label="value")


@on_one_table
def constant_column(table, data):
    column = draw_index(data, table.shape[1], "column")
    value = data.draw(st.sampled_from([0.0, 1.0, 1e5]), label="value")
    table[:, column] = value
    if table.shape[0] == table.shape[1]:  # a node without edges, or with edges to all nodes
        table[column] = value


@on_one_table
def all_constant(table, data):
    table[...] = data.draw(st.sampled_from([0.0, 1.0, 1e5]), label="value")


@on_one_table
def duplicated_columns(table, data):
    source, target = draw_index(data, table.shape[1], "source"), draw_index(data, table.shape[1], "target")
    table[:, target] = table[:, source]
    if table.shape[0] == table.shape[1]:  # two nodes with the same neighbors
        table[target] = table[source]


def scaled(factor, given_problem, data):
    """All of X in other units."""
    return each(lambda table: table * factor, given_problem.X, given_problem.kind)


def scaled_column(factor, given_problem, data):
    """One column, the edges of one node or one graph of a collection in other units."""
    if given_problem.kind == "collection":
        position = draw_index(data, len(given_problem.X), "graph")
        return [graph * factor if i == position else graph for i, graph in enumerate(given_problem.X)]
    X = given_problem.X.astype(np.float64)
    column = draw_index(data, X.shape[1], "column")
    X[:, column] *= factor
    if given_problem.kind == "graph":
        X[column] *= factor
    return X


def no_rows(given_problem, data):
    if given_problem.kind == "graph":
        return np.empty((0, 0))
    return [] if given_problem.kind == "collection" else given_problem.X[:0]


def no_columns(given_problem, data):
    if given_problem.kind == "graph":
        return given_problem.X[:, :0]
    return each(lambda table: table[:, :0], given_problem.X, given_problem.kind)


def one_row(given_problem, data):
    row = draw_index(data, len(given_problem.X), "row")
    X = given_problem.X[row : row + 1]
    return X[:, row : row + 1] if given_problem.kind == "graph" else X


def two_rows(given_problem, data):
    X = given_problem.X[:2]
    return X[:, :2] if given_problem.kind == "graph" else X


def strings(given_problem, data):
    """Numbers, and one word among them."""
    word = data.draw(st.sampled_from(["red", "", "1,5"]), label="word")

    def spoiled(table):
        table = table.astype(object)
        table[draw_cell(table, data)] = word
        return table

    return each(spoiled, given_problem.X, given_problem.kind)


def with_days(given_problem, data, all_days):
    """A data frame with a column of days; an array of days where X is no table."""
    pandas = pytest.importorskip("pandas")
    if given_problem.kind != "table":
        return each(lambda table: np.broadcast_to(all_days[:, None], table.shape), given_problem.X, given_problem.kind)
    frame = pandas.DataFrame(given_problem.X, columns=list("abc"))
    frame[data.draw(st.sampled_from("abc"), label="column")] = all_days
    return frame


def days(given_problem, data):
    return with_days(given_problem, data, some_days(given_problem.X.shape[-2]))


def missing_day(given_problem, data):
    """Days of which one is missing, which is a large negative number if it is read as one."""
    return with_days(given_problem, data, with_missing_day(some_days(given_problem.X.shape[-2])))


def some_days(n):
    return np.datetime64("2024-01-01") + np.arange(n)


def with_missing_day(all_days):
    """A fixed day is missing: on where the outlier that it becomes is, it depends whether correctors refuse to fit."""
    all_days[len(all_days) // 10] = np.datetime64("NaT")
    return all_days


# Forms: other containers of the same numbers.


def objects(table):
    return table.astype(object)


def fortran_order(table):
    return np.asfortranarray(table)


def read_only_memory_map(table):
    with tempfile.TemporaryFile() as file:
        file.write(np.ascontiguousarray(table).tobytes())
        file.flush()
        return np.memmap(file, dtype=table.dtype, mode="r", shape=table.shape)


def single_precision(table):
    return table.astype(np.float32)


def small_integers(table):
    return table.astype(np.int8)


def big_endian(table):
    return table.astype(table.dtype.newbyteorder(">"))


def pandas_frame(table):
    pandas = pytest.importorskip("pandas")
    names = [f"c{column}" for column in range(table.shape[1])]
    # the frame of a graph names its nodes in both directions
    return pandas.DataFrame(table, columns=names, index=names if table.shape[0] == table.shape[1] else None)


def polars_frame(table):
    polars = pytest.importorskip("polars")
    return polars.DataFrame({f"c{column}": values for column, values in enumerate(table.T)})


def csr(table):
    return sparse.csr_array(table)


def csc(table):
    return sparse.csc_array(table)


def nested_lists(table):
    return table.tolist()


# Forms that may be refused: by name if sparse, and only where X is no table if a frame.
MAY_BE_REFUSED = {"csr": "(?i)sparse", "csc": "(?i)sparse"}
FRAMES = {"pandas_frame", "polars_frame"}

SCALES = [1e-150, 1e-30, 1e30, 1e150]


def over_scales(mutation):
    """The mutation for each scale, by name."""
    return {f"{mutation.__name__}_{factor:g}": partial(mutation, factor) for factor in SCALES}


def by_name(*mutations):
    return {mutation.__name__: mutation for mutation in mutations}


FORMS = by_name(
    objects,
    fortran_order,
    read_only_memory_map,
    single_precision,
    small_integers,
    big_endian,
    pandas_frame,
    polars_frame,
    csr,
    csc,
    nested_lists,
)

# What must be refused, and what may also give finite results.
FEW_ROWS = {"no_rows", "one_row", "two_rows"}
BAD_TABLES = by_name(missing_value, infinite_value, no_rows, no_columns, strings, days, missing_day)
ODD_TABLES = {
    **by_name(one_row, two_rows, constant_column, all_constant, duplicated_columns),
    **over_scales(scaled),
    **over_scales(scaled_column),
}


# ---------------------------------------------------------------------------------------------------------------------
# Mutations of the target, of weights and of sensitive features, which return another such argument.
# ---------------------------------------------------------------------------------------------------------------------


def short_y(y, data):
    return y[:-1]


def long_y(y, data):
    return np.append(y, y[:1])


def missing_y(y, data):
    y = y.astype(np.float64)
    y[draw_index(data, len(y), "row")] = np.nan
    return y


def infinite_y(y, data):
    y = y.astype(np.float64)
    y[draw_index(data, len(y), "row")] = np.inf
    return y


def string_in_y(y, data):
    y = y.astype(object)
    y[draw_index(data, len(y), "row")] = "red"
    return y


def days_y(y, data):
    return some_days(len(y))


def missing_day_y(y, data):
    return with_missing_day(some_days(len(y)))


def no_y(y, data):
    return None


def two_columns_y(y, data):
    return np.column_stack([y, y])


def one_class(y, data):
    return np.full_like(y, y[draw_index(data, len(y), "row")])


def rare_class(y, data):
    """A class with a single row."""
    y = np.where(y == y.min(), y.max(), y)
    y[draw_index(data, len(y), "row")] -= 1
    return y


def scaled_y(factor, y, data):
    return y * factor


def outlier_y(y, data):
    y = y.astype(np.float64)
    y[draw_index(data, len(y), "row")] = 1e150
    return y


def column_y(y):
    return y.reshape(-1, 1)


def object_y(y):
    return y.astype(object)


def list_y(y):
    return y.tolist()


def pandas_y(y):
    return pytest.importorskip("pandas").Series(y)


def polars_y(y):
    return pytest.importorskip("polars").Series(y)


def memory_map_y(y):
    return read_only_memory_map(y)


FORMS_OF_Y = by_name(column_y, object_y, list_y, pandas_y, polars_y, memory_map_y)
BAD_Y = by_name(short_y, long_y, missing_y, infinite_y, no_y)
BAD_NUMBERS_Y = by_name(string_in_y, days_y, missing_day_y)
ODD_CLASSES = by_name(one_class, rare_class)
ODD_NUMBERS = {**by_name(one_class, outlier_y, two_columns_y), **over_scales(scaled_y)}


def short_weights(n, data):
    return np.ones(n - 1)


def two_columns_of_weights(n, data):
    return np.ones((n, 2))


def missing_weight(n, data):
    weights = np.ones(n)
    weights[draw_index(data, n, "row")] = np.nan
    return weights


def infinite_weight(n, data):
    weights = np.ones(n)
    weights[draw_index(data, n, "row")] = np.inf
    return weights


def negative_weight(n, data):
    weights = np.ones(n)
    weights[draw_index(data, n, "row")] = -1.0
    return weights


def string_weight(n, data):
    weights = np.ones(n).astype(object)
    weights[draw_index(data, n, "row")] = "red"
    return weights


def durations_as_weights(n, data):
    return some_days(n) - np.datetime64("2023-12-31")


def zero_weights(n, data):
    """Weights of which some are zero."""
    weights = np.ones(n)
    weights[:: data.draw(st.integers(2, 5), label="every")] = 0.0
    return weights


def one_weight(n, data):
    """All rows but one count for nothing."""
    weights = np.zeros(n)
    weights[draw_index(data, n, "row")] = 1.0
    return weights


def all_zero_weights(n, data):
    return np.zeros(n)


def scaled_weights(factor, n, data):
    return np.full(n, factor)


BAD_WEIGHTS = by_name(
    short_weights,
    two_columns_of_weights,
    missing_weight,
    infinite_weight,
    negative_weight,
    string_weight,
    durations_as_weights,
)
ODD_WEIGHTS = {**by_name(zero_weights, one_weight, all_zero_weights), **over_scales(scaled_weights)}


def short_sensitive(S, data):
    return S[:-1]


def missing_sensitive(S, data):
    S = S.copy()
    S[draw_cell(S, data)] = np.nan
    return S


def infinite_sensitive(S, data):
    S = S.copy()
    S[draw_cell(S, data)] = np.inf
    return S


def no_sensitive_columns(S, data):
    return S[:, :0]


def constant_sensitive(S, data):
    return np.ones_like(S)


def word_sensitive(S, data):
    return np.where(S > 0.0, "high", "low")


def number_and_word_sensitive(S, data):
    S = S.astype(object)
    S[draw_cell(S, data)] = "red"
    return S


def scaled_sensitive(factor, S, data):
    return S * factor


BAD_SENSITIVE = by_name(short_sensitive, missing_sensitive, infinite_sensitive, no_sensitive_columns)
ODD_SENSITIVE = {
    **by_name(constant_sensitive, word_sensitive, number_and_word_sensitive),
    **over_scales(scaled_sensitive),
}


# ---------------------------------------------------------------------------------------------------------------------
# What must hold
# ---------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def only_expected_warnings():
    """No warning but of the library's categories: a RuntimeWarning of NumPy from our lines is a leak."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    leaks = [
        f"{Path(found.filename).name}:{found.lineno}: {found.category.__name__}: {found.message}"
        for found in caught
        if not issubclass(found.category, EXPECTED_WARNINGS) and found.filename.startswith(SOURCES)
    ]
    assert not leaks, f"warnings of no category of the library: {sorted(set(leaks))}"


def refusal(name, call, argument):
    """Call, and return the error if it is one that names the argument; None if there is none."""
    kind = problem(name).kind
    try:
        with only_expected_warnings():
            call()
    except (ValueError, TypeError) as error:
        assert not isinstance(error, np.linalg.LinAlgError), f"an error of linear algebra: {error!r}"
        pattern = WORDS[argument] + (WORDS_OF_KIND[kind] if "X" in argument else "") + WORDS_OF_ESTIMATOR.get(name, "")
        named = re.search(pattern, str(error), re.IGNORECASE) or any(text in str(error) for text in BORROWED)
        assert named, f"the message does not name {argument}: {error!r}"
        return error
    except AssertionError:
        raise
    except Exception as error:
        pytest.fail(f"neither ValueError nor TypeError: {error!r}")
    return None


def was_accepted(method, argument):
    """What to do about a method that took what it must refuse."""
    return (
        f"{method} accepted a bad {argument}, see the name of the test: raise a ValueError or TypeError that names it. "
        "What is taken on purpose is listed in TAKEN_ON_PURPOSE of tests/robustness_tables.py, with a reason."
    )


def assert_sound(model, found, n_samples):
    """Outputs are finite and have the right shape."""
    for method, values in found.items():
        arrays = values if isinstance(values, tuple) else (values,)
        for array in arrays:
            array = array.toarray() if sparse.issparse(array) else np.asarray(array)
            if method != "sample":
                assert array.shape[0] == n_samples, f"{method} has shape {array.shape} for {n_samples} rows"
            if (type(model).__name__, method) in LOG_PROBABILITIES:
                assert not np.isnan(array).any(), f"{method} is NaN"
                assert not (array == np.inf).any(), f"{method} is infinite"
            elif array.dtype.kind in "fc":
                assert np.isfinite(array).all(), f"{method} is not finite: {array[~np.isfinite(array)][:3]}"
    if "predict" in found and is_classifier(model):
        assert np.isin(found["predict"], model.classes_).all()
    if "predict_proba" in found:
        probabilities = found["predict_proba"]
        assert probabilities.shape == (n_samples, len(model.classes_))
        assert (probabilities >= 0.0).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-9)
    for check in getattr(getattr(model, "certificate_", None), "checks", ()):
        if check.holds and check.statistic is not None:
            assert not np.isnan(np.asarray(check.statistic, dtype=np.float64)).any(), f"holds with NaN: {check}"


def assert_same(expected, found, tolerance):
    """Two sets of outputs agree."""
    assert expected.keys() == found.keys()
    for method, values in expected.items():
        for first, second in zip(
            values if isinstance(values, tuple) else (values,),
            found[method] if isinstance(values, tuple) else (found[method],),
            strict=True,
        ):
            first, second = np.asarray(first), np.asarray(second)
            assert first.shape == second.shape, f"{method}: {first.shape} became {second.shape}"
            if first.dtype.kind == "f":
                np.testing.assert_allclose(second, first, **tolerance, err_msg=method)
            else:
                np.testing.assert_array_equal(second, first, err_msg=method)


def state(model):
    """What an estimator is: its parameters and the objects it holds, by name."""
    return repr(model.get_params()), {name: id(value) for name, value in vars(model).items()}


@cache
def good_fit(name):
    """A model fitted to good data and what it says; nobody may change it."""
    good = problem(name)
    with only_expected_warnings():
        model = good.make().fit(good.X, good.y)
        found = outputs(model, good.X)
    assert_sound(model, found, len(good.X))
    return model, found


def fit_or_refusal(name, arguments, argument):
    """Fit a fitted model again; if that is refused, by name, it must be as it was. Returns the model or None."""
    good = problem(name)
    fitted, said = good_fit(name)
    model = copy.deepcopy(fitted)
    before, kept = state(model), dict(vars(model))  # the objects are kept alive, so that their ids stay theirs
    if not refusal(name, lambda: model.fit(**arguments), argument):
        return model
    assert state(model) == before, f"a failed fit changed {kept.keys() ^ vars(model).keys() or 'attributes'}"
    assert_same(said, outputs(model, good.X), EXACT)
    return None


def assert_refused_or_sound(name, arguments, argument, must_refuse=False):
    """The contract of this file for one fit and what follows it."""
    good = problem(name)
    model = fit_or_refusal(name, arguments, argument)
    if model is None:
        return
    assert not must_refuse, was_accepted(f"{name}.fit", argument)
    rows = [arguments["X"], good.X] if name in SPEAKERS else [arguments["X"]]
    for X in rows if "X" in argument else rows[:1]:
        found = {}
        if refusal(name, partial(say, model, X, found), argument) is None:
            assert_sound(model, found, len(X) if good.kind == "collection" else X.shape[0])


def say(model, X, found):
    """Put into ``found`` what a model says of rows."""
    found.update(outputs(model, X))


def cases(names, mutations):
    """Parameters of pairs of an estimator and a mutation; the known defects are expected to fail."""
    for name in names:
        for mutation in mutations:
            reason = DEFECTS.get((name, mutation))
            yield pytest.param(
                name,
                mutation,
                marks=[pytest.mark.xfail(strict=True, reason=reason)] if reason else [],
                id=f"{name}-{mutation}",
            )


def every(mutations, names=ESTIMATORS):
    return pytest.mark.parametrize(("name", "mutation"), list(cases(names, mutations)))


def accepts(argument):
    """Names of the estimators whose fit has the argument."""
    return [name for name, known in ESTIMATORS.items() if argument in inspect.signature(known.fit).parameters]


def speakers():
    """Names of the estimators that say something of other rows than those they were fitted to."""
    methods = ("predict", "transform", "score_samples", "kneighbors")
    return [name for name in ESTIMATORS if any(hasattr(problem(name).make(), method) for method in methods)]


def is_numeric(name):
    """Whether y is a number, rather than a class or a table or nothing."""
    return is_regressor(problem(name).make())


NUMERIC = [name for name in ESTIMATORS if is_numeric(name)]
CLASSIFIERS = [name for name in ESTIMATORS if is_classifier(problem(name).make())]
SUPERVISED = NUMERIC + CLASSIFIERS
SPEAKERS = speakers()
WEIGHTED = accepts("sample_weight")
SENSITIVE = accepts("sensitive_features")


def adapted(name, X, mutation):
    """y for X: as many entries as X has rows."""
    good = problem(name)
    n = len(X) if isinstance(X, list) else X.shape[0]
    return good.y[:n] if mutation in FEW_ROWS else good.y


def blamed(mutation):
    """The argument that an error must name: one row has one class, which may be said in place of one row."""
    return "X or y" if mutation in FEW_ROWS else "X"


# ---------------------------------------------------------------------------------------------------------------------
# Tests
# ---------------------------------------------------------------------------------------------------------------------


def test_tables_name_what_exists():
    everything = {
        *BAD_TABLES, *ODD_TABLES, *FORMS, *FORMS_OF_Y, *BAD_Y, *BAD_NUMBERS_Y,
        *ODD_CLASSES, *ODD_NUMBERS, *BAD_WEIGHTS, *ODD_WEIGHTS, *BAD_SENSITIVE, *ODD_SENSITIVE,
    }  # fmt: skip
    known = {mutation.removeprefix("predict_") for _, mutation in DEFECTS} - {"interrupt", "callback", "threads"}
    assert known <= everything
    tables = [DEFECTS, TAKEN_ON_PURPOSE]
    assert {name for table in tables for name, _ in table} <= ESTIMATORS.keys() | SCORES.keys()
    assert all(reason.strip() for table in tables for reason in table.values())
    assert {mutation for _, mutation in TAKEN_ON_PURPOSE} <= everything


@every(BAD_TABLES)
@few
@given(data=st.data())
def test_bad_table_is_refused(name, mutation, data):
    X = BAD_TABLES[mutation](problem(name), data)
    must_refuse = (name, mutation) not in TAKEN_ON_PURPOSE
    assert_refused_or_sound(name, {"X": X, "y": adapted(name, X, mutation)}, blamed(mutation), must_refuse)


@every(ODD_TABLES)
@few
@given(data=st.data())
def test_odd_table_is_refused_or_gives_finite_results(name, mutation, data):
    X = ODD_TABLES[mutation](problem(name), data)
    assert_refused_or_sound(name, {"X": X, "y": adapted(name, X, mutation)}, blamed(mutation))


PREDICT_MUTATIONS = {**BAD_TABLES, **ODD_TABLES}


@every([f"predict_{mutation}" for mutation in PREDICT_MUTATIONS], SPEAKERS)
@few
@given(data=st.data())
def test_predictions_for_other_rows(name, mutation, data):
    mutation = mutation.removeprefix("predict_")
    good = problem(name)
    model, _ = good_fit(name)
    X, found = PREDICT_MUTATIONS[mutation](good, data), {}
    if refusal(name, partial(say, model, X, found), "X") is None:
        must_refuse = mutation in BAD_TABLES and (name, mutation) not in TAKEN_ON_PURPOSE
        assert not must_refuse, was_accepted(f"{name}.{' or '.join(found)}", "X")
        assert_sound(model, found, len(X) if good.kind == "collection" else X.shape[0])


@cache
def integer_table(name):
    """Small whole numbers in place of X."""
    good = problem(name)
    X = good.X if good.kind != "table" and good.kind != "predictions" else np.rint(10.0 * good.X)
    X = X.astype(np.float64)
    X.setflags(write=False)
    return X


@every(FORMS)
def test_form_of_table_changes_nothing(name, mutation):
    good, form = problem(name), FORMS[mutation]
    X = integer_table(name) if form is small_integers else good.X
    same, model, found = each(form, X, good.kind), good.make(), {}
    error = refusal(name, lambda: model.fit(same, good.y), "X")
    if error is not None:
        assert_may_refuse(model, mutation, good.kind, error)
        return
    if refusal(name, partial(say, model, same, found), "X") is not None:
        pytest.fail("it fits what it does not predict")
    with only_expected_warnings():
        expected = outputs(plain := good.make().fit(X, good.y), X)
    assert type(plain) is type(model)
    assert_same(expected, found, SINGLE_PRECISION if form is single_precision else SAME)


def assert_may_refuse(model, mutation, kind, error):
    """Only sparse tables may be refused, by name and by those who do not announce them, and frames of no table."""
    if mutation in MAY_BE_REFUSED:
        assert re.search(MAY_BE_REFUSED[mutation], str(error)), f"the message does not say sparse: {error!r}"
        assert kind == "collection" or not get_tags(model).input_tags.sparse, f"announced, and refused: {error!r}"
    else:
        assert mutation in FRAMES and kind != "table", f"refused: {error!r}"


@every(FORMS_OF_Y, SUPERVISED)
def test_form_of_target_changes_nothing(name, mutation):
    good, form, model = problem(name), FORMS_OF_Y[mutation], problem(name).make()
    error = refusal(name, lambda: model.fit(good.X, form(good.y)), "y")
    if error is not None:
        # scikit-learn takes no numbers as objects for classes
        assert mutation == "column_y" or (mutation == "object_y" and name in CLASSIFIERS), f"refused: {error!r}"
        return
    assert_same(good_fit(name)[1], outputs(model, good.X), SAME)


@every(BAD_Y, SUPERVISED)
@few
@given(data=st.data())
def test_bad_target_is_refused(name, mutation, data):
    good = problem(name)
    assert_refused_or_sound(
        name, {"X": good.X, "y": BAD_Y[mutation](good.y, data)}, "y", (name, mutation) not in TAKEN_ON_PURPOSE
    )


@every(BAD_NUMBERS_Y, NUMERIC)
@few
@given(data=st.data())
def test_target_that_is_no_number_is_refused(name, mutation, data):
    good = problem(name)
    assert_refused_or_sound(
        name, {"X": good.X, "y": BAD_NUMBERS_Y[mutation](good.y, data)}, "y", (name, mutation) not in TAKEN_ON_PURPOSE
    )


@every(ODD_CLASSES, CLASSIFIERS)
@few
@given(data=st.data())
def test_odd_classes_are_refused_or_give_finite_results(name, mutation, data):
    good = problem(name)
    assert_refused_or_sound(name, {"X": good.X, "y": ODD_CLASSES[mutation](good.y, data)}, "y")


@every(ODD_NUMBERS, NUMERIC)
@few
@given(data=st.data())
def test_odd_target_is_refused_or_gives_finite_results(name, mutation, data):
    good = problem(name)
    assert_refused_or_sound(name, {"X": good.X, "y": ODD_NUMBERS[mutation](good.y, data)}, "y")


@every(BAD_WEIGHTS, WEIGHTED)
@few
@given(data=st.data())
def test_bad_weights_are_refused(name, mutation, data):
    good = problem(name)
    weights = BAD_WEIGHTS[mutation](len(good.y), data)
    assert_refused_or_sound(name, {"X": good.X, "y": good.y, "sample_weight": weights}, "sample_weight", True)


@every(ODD_WEIGHTS, WEIGHTED)
@few
@given(data=st.data())
def test_odd_weights_are_refused_or_give_finite_results(name, mutation, data):
    good = problem(name)
    weights = ODD_WEIGHTS[mutation](len(good.y), data)
    assert_refused_or_sound(name, {"X": good.X, "y": good.y, "sample_weight": weights}, "sample_weight")


@every({**BAD_SENSITIVE, **ODD_SENSITIVE}, SENSITIVE)
@few
@given(data=st.data())
def test_sensitive_features_are_refused_or_give_finite_results(name, mutation, data):
    good = problem(name)
    S = {**BAD_SENSITIVE, **ODD_SENSITIVE}[mutation](good.X[:, :1], data)
    arguments = {"X": good.X, "y": good.y, "sensitive_features": S}
    model = good.make()
    if "sensitive_columns" in model.get_params():
        model.set_params(sensitive_columns=None)
    before, found = state(model), {}
    if refusal(name, lambda: model.fit(**arguments), "sensitive_features") is not None:
        assert state(model) == before
        return
    assert mutation not in BAD_SENSITIVE, was_accepted(f"{name}.fit", "sensitive_features")
    if refusal(name, lambda: found.update(outputs(model, good.X)), "sensitive_features") is None:
        assert_sound(model, found, len(good.X))


@every({**BAD_TABLES, **ODD_TABLES}, SCORES)
@few
@given(data=st.data())
def test_scores_refuse_a_sample_or_are_finite(name, mutation, data):
    """Scores of densities are fitted to a sample of numbers, for which predictions stand here."""
    sample = problem("TweedieCorrector")
    u, model = {**BAD_TABLES, **ODD_TABLES}[mutation](sample, data), SCORES[name]()
    before, found = state(model), {}
    if refusal(sample.name, lambda: model.fit(u), "u") is not None:
        assert state(model) == before
        return
    assert mutation not in BAD_TABLES, was_accepted(f"{name}.fit", "u")
    methods = ("score_function", "score_derivative", "log_density")
    if refusal(sample.name, lambda: found.update({key: getattr(model, key)(u) for key in methods}), "u") is None:
        assert_sound(model, found, len(u))


@every(["threads"])
def test_fits_in_threads_equal_the_serial_one(name, mutation):
    good, n_threads = problem(name), 4
    _, expected = good_fit(name)
    prototype, barrier = good.make(), threading.Barrier(n_threads)

    def fit_together(model):
        barrier.wait()
        return outputs(model.fit(good.X, good.y), good.X)

    with warnings.catch_warnings(), ThreadPoolExecutor(n_threads) as pool:
        warnings.simplefilter("ignore")  # filters belong to the process, so that threads cannot be told apart
        results = list(pool.map(fit_together, [clone(prototype) for _ in range(n_threads)]))
    for found in results:
        assert_same(expected, found, EXACT)


class Interrupter:
    """A profiler that raises KeyboardInterrupt as the library calls its nth function; without n it counts calls.

    As Python does with Ctrl-C, it strikes between two instructions; and only once, so that cleaning up goes on.
    Generators are left out: Python ignores what is raised in those that are deleted.
    """

    def __init__(self, n=None):
        self.n = n
        self.n_calls = 0
        self.struck = False

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if event != "call" or self.struck or not code.co_filename.startswith(SOURCES):
            return
        if code.co_flags & inspect.CO_GENERATOR:
            return
        self.n_calls += 1
        if self.n_calls == self.n:
            self.struck = True
            raise KeyboardInterrupt

    def run(self, call):
        """Call under the profiler, and return whether it was interrupted."""
        before = sys.getprofile()
        sys.setprofile(self)
        try:
            call()
        except KeyboardInterrupt:
            return True
        finally:
            sys.setprofile(before)
        return False


def other_data(good):
    """Data that lead to another fit than the good data, but take as little time."""
    if good.kind == "nodes":
        return good.X[::-1].copy(), good.y
    return each(lambda table: 0.5 * table, good.X, good.kind), good.y


def assert_usable_after(name, interrupted_fit):
    """A fitted model says the same as before an interrupted fit, a fresh one is unfitted, and both can be fitted."""
    good = problem(name)
    fitted, expected = good_fit(name)
    for model in (copy.deepcopy(fitted), good.make()):
        is_fresh = not hasattr(model, "certificate_")
        before, kept = state(model), dict(vars(model))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert interrupted_fit(model, *other_data(good))
        assert state(model) == before, f"an interrupted fit changed {kept.keys() ^ vars(model).keys() or 'attributes'}"
        if is_fresh:
            with pytest.raises(NotFittedError):
                check_is_fitted(model)
        else:
            assert_same(expected, outputs(model, good.X), EXACT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = outputs(model.fit(good.X, good.y), good.X)
        assert_same(expected, found, EXACT)


@every(["interrupt"])
@few
@given(data=st.data())
def test_an_interrupted_fit_leaves_a_usable_estimator(name, mutation, data):
    fraction = data.draw(st.floats(0.0, 1.0), label="fraction of the calls")

    def interrupted_fit(model, X, y):
        for _ in range(2):  # what copies share is computed by the first
            counter, twin = Interrupter(), copy.deepcopy(model)
            counter.run(partial(twin.fit, X, y))
        return Interrupter(1 + int(fraction * (counter.n_calls - 1))).run(lambda: model.fit(X, y))

    assert_usable_after(name, interrupted_fit)


class InterruptingCallback:
    """A callback that raises KeyboardInterrupt at its nth hook; without n it counts hooks."""

    def __init__(self, n=None):
        self.n = n
        self.n_hooks = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.strike()

    def on_fit_task_end(self, estimator, context):
        self.strike()

    def strike(self):
        self.n_hooks += 1
        if self.n_hooks == self.n:
            raise KeyboardInterrupt

    def run(self, model, X, y):
        """Fit under the callback, and return whether it was interrupted."""
        model.set_callbacks(self)
        try:
            model.fit(X, y)
        except KeyboardInterrupt:
            return True
        finally:
            model.set_callbacks()
        return False


@every(["callback"], [name for name, known in ESTIMATORS.items() if hasattr(known, "set_callbacks")])
@few
@given(data=st.data())
def test_a_callback_that_interrupts_leaves_a_usable_estimator(name, mutation, data):
    fraction = data.draw(st.floats(0.0, 1.0), label="fraction of the hooks")

    def interrupted_fit(model, X, y):
        counter = InterruptingCallback()
        counter.run(copy.deepcopy(model), X, y)
        if counter.n_hooks == 0:
            pytest.skip("this fit reports nothing")
        return InterruptingCallback(1 + int(fraction * (counter.n_hooks - 1))).run(model, X, y)

    assert_usable_after(name, interrupted_fit)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if problem(name).kind in {"table", "nodes"}])
def test_skops_file_of_a_model_of_a_frame_needs_no_more_trust(name):
    """Beyond `test_common`: names of columns and words as classes add no type that must be trusted."""
    skops_io = pytest.importorskip("skops.io")
    good = problem(name)
    X, y = pandas_frame(good.X), good.y
    if is_classifier(good.make()):
        y = np.array(["a low", "b middle", "c high"])[y]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = good.make().fit(X, y)
    data = skops_io.dumps(model)
    trusted = skops_io.get_untrusted_types(data=data)
    assert set(trusted) <= set(skops_io.get_untrusted_types(data=skops_io.dumps(good_fit(name)[0])))
    twin = skops_io.loads(data, trusted=trusted)
    assert list(twin.feature_names_in_) == list(X.columns)
    assert_same(outputs(model, X), outputs(twin, X), EXACT)
