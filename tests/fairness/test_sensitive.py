"""Reading of sensitive features: rows, names, positions, and the warning about an index that differs."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.exceptions import SensitiveFeaturesWarning
from statlearn.fairness._sensitive import factorize, read_columns, read_sensitive, split_sensitive

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

NAMES = ["f", "m", "m"]


@pytest.fixture
def frame():
    return pd.DataFrame({"x": [1.0, 2.0, 3.0], "sex": NAMES, "age": [20, 30, 40]}, index=[7, 8, 9])


class TestRead:
    @pytest.mark.parametrize(
        "vector",
        [NAMES, tuple(NAMES), np.array(NAMES), np.array(NAMES, dtype=object), pd.Series(NAMES), pl.Series(NAMES)],
        ids=["list", "tuple", "array", "objects", "pandas", "polars"],
    )
    def test_vectors(self, vector):
        table = read_sensitive(vector, 3)
        assert table.shape == (3, 1)
        assert read_columns(table)[0].values.tolist() == NAMES

    def test_names_are_kept(self, frame):
        names = ["sex", "age"]
        for table in (frame[names], pl.from_pandas(frame[names]), frame["sex"].to_frame().assign(age=frame["age"])):
            assert [column.name for column in read_columns(read_sensitive(table, 3))] == names
        assert [column.name for column in read_columns(read_sensitive(frame["sex"], 3))] == ["sex"]
        assert [column.name for column in read_columns(read_sensitive(pl.Series("sex", NAMES), 3))] == ["sex"]

    def test_rows_of_strings_and_numbers_keep_their_types(self):
        columns = read_columns(read_sensitive([["f", 20.5], ["m", 30]], 2))
        assert columns[0].values.tolist() == ["f", "m"]
        assert columns[1].values.dtype == np.float64

    @pytest.mark.parametrize("rows", [2, 4])
    def test_number_of_rows(self, frame, rows):
        with pytest.raises(ValueError, match=f"inconsistent numbers of samples: sensitive_features has 3 .*{rows}"):
            read_sensitive(frame["sex"], rows)

    def test_index_that_differs(self, frame):
        with pytest.warns(SensitiveFeaturesWarning, match="index of sensitive_features differs.*by their position"):
            table = read_sensitive(frame["sex"].reset_index(drop=True), 3, frame[["x"]])
        assert table["sex"].tolist() == NAMES

    def test_index_in_another_order_warns_too(self, frame):
        with pytest.warns(SensitiveFeaturesWarning, match="differs"):
            read_sensitive(frame["sex"][::-1], 3, frame)

    def test_index_that_is_the_same_or_absent(self, frame):
        read_sensitive(frame[["sex"]], 3, frame[["x"]])
        read_sensitive(frame[["sex"]], 3, frame[["x"]].to_numpy())
        read_sensitive(NAMES, 3, frame[["x"]])

    @pytest.mark.parametrize(
        ("bad", "error", "message"),
        [
            ("female", TypeError, "must be a table or a vector"),
            ({"sex": NAMES}, TypeError, "must be a table or a vector"),
            (None, TypeError, "must be a table or a vector"),
            (sparse.eye(3), TypeError, r"must be dense.*toarray\(\)"),
            (np.zeros((3, 1, 1)), ValueError, r"one or two dimensions. Got an array of shape \(3, 1, 1\)"),
            ([[1, 2], [3]], ValueError, "rows of different lengths"),
            (np.ma.masked_array([1, 2, 3]), TypeError, "masked array"),
        ],
    )
    def test_what_is_no_table(self, bad, error, message):
        with pytest.raises(error, match=f"sensitive_features .*{message}"):
            read_sensitive(bad, 3)


class TestSplit:
    @pytest.mark.parametrize(
        "columns", [["age", "sex"], [2, 1], [-1, -2], np.array([2, 1]), ["age", 1], ("age", "sex")]
    )
    def test_names_and_positions_in_the_order_given(self, frame, columns):
        for table in (frame, pl.from_pandas(frame)):
            sensitive, positions = split_sensitive(table, columns)
            assert positions.tolist() == [2, 1]
            assert list(sensitive.columns) == ["age", "sex"]

    def test_mask(self, frame):
        sensitive, positions = split_sensitive(frame, [False, True, True])
        assert positions.tolist() == [1, 2]
        assert list(sensitive.columns) == ["sex", "age"]

    @pytest.mark.parametrize("column", ["sex", 1])
    def test_one_column(self, frame, column):
        sensitive, positions = split_sensitive(frame, column)
        assert sensitive.shape == (3, 1)
        assert positions.tolist() == [1]

    def test_arrays_and_sparse_matrices(self):
        X = np.arange(12.0).reshape(3, 4)
        for table in (X, sparse.csr_array(X), sparse.coo_matrix(X), X.tolist()):
            sensitive, positions = split_sensitive(table, [3, 0])
            np.testing.assert_array_equal(sensitive, X[:, [3, 0]])
            assert positions.tolist() == [3, 0]

    @pytest.mark.parametrize(
        ("columns", "error", "message"),
        [
            (["gender"], ValueError, r"'gender', which is no column of X. It has \['x', 'sex', 'age'\]"),
            ([3], ValueError, "position 3, but X has 3 columns"),
            ([-4], ValueError, "position -4, but X has 3 columns"),
            ([], ValueError, "at least one column"),
            ([False, False, False], ValueError, "at least one column"),
            ([True], ValueError, "mask must have 3 entries"),
            (["sex", 1], ValueError, "each column once"),
            ([1.5], TypeError, "names or positions"),
            ({"sex"}, TypeError, "names or positions"),
            ([None], TypeError, "names or positions"),
        ],
    )
    def test_columns_that_do_not_exist(self, frame, columns, error, message):
        with pytest.raises(error, match=f"sensitive_columns .*{message}"):
            split_sensitive(frame, columns)

    def test_names_need_a_frame(self):
        with pytest.raises(ValueError, match="names 'sex', but X has no column names"):
            split_sensitive(np.zeros((3, 2)), ["sex"])


@pytest.mark.parametrize("values", [np.array(list("badab")), np.array([3, 1, 2, 1, 3]), np.array([1.5, 0.5, 1.5])])
def test_factorize_agrees_with_numpy(values):
    levels, codes = np.unique(values, return_inverse=True)
    for dtype in (values.dtype, object):
        found_levels, found_codes = factorize(values.astype(dtype))
        assert found_levels == levels.tolist()
        np.testing.assert_array_equal(found_codes, codes)
