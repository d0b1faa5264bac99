"""The encoder: rules of reading and scaling, tables of every kind, errors that name the column and the cure."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from statlearn.fairness import ProtectedEncoder

hypothesis = pytest.importorskip("hypothesis")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
st = hypothesis.strategies

EXACT = 1e-12  # two ways to add a few hundred numbers of size one


@pytest.fixture
def raw(rng):
    n = 60
    return pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "region": rng.choice(["S", "N", "W"], n),
            "age": rng.uniform(18, 90, n),
            "children": rng.integers(0, 5, n),
            "zip": np.arange(n) + 1000,
            "flag": rng.random(n) < 0.5,
        }
    )


def distance_variance(block):
    """Squared distance variance with divisor n^2, from its definition."""
    distances = squareform(pdist(block))
    means = distances.mean(axis=0)
    return np.mean((distances - means[:, None] - means[None, :] + distances.mean()) ** 2)


@parametrize_with_checks([ProtectedEncoder("dvar"), ProtectedEncoder(None)])  # the default: tests/test_common.py
def test_sklearn_checks(estimator, check):
    check(estimator)


class TestRules:
    def test_every_kind_of_attribute(self, raw):
        encoder = ProtectedEncoder().fit(raw)
        names = ["sex_m", "region_N", "region_S", "region_W", "age"]
        names += [f"children_{level}" for level in range(5)] + ["zip", "flag_True"]
        assert encoder.get_feature_names_out().tolist() == names
        assert encoder.is_categorical_.tolist() == [True, True, False, True, False, True]
        assert encoder.blocks_ == [slice(0, 1), slice(1, 4), slice(4, 5), slice(5, 10), slice(10, 11), slice(11, 12)]
        assert [None if found is None else found.tolist() for found in encoder.categories_] == [
            ["f", "m"],
            ["N", "S", "W"],
            None,
            [0, 1, 2, 3, 4],
            None,
            [False, True],
        ]

    def test_values(self, raw):
        Z = ProtectedEncoder().fit_transform(raw)
        np.testing.assert_array_equal(Z[:, 0], raw["sex"] == "m")
        np.testing.assert_array_equal(Z[:, 1:4], np.array([raw["region"] == level for level in "NSW"]).T)
        age = raw["age"].to_numpy()
        np.testing.assert_allclose(Z[:, 4], (age - age.min()) / (age.max() - age.min()), rtol=EXACT)
        np.testing.assert_array_equal(Z[:, 5:10], np.eye(5)[raw["children"]])
        assert (Z[:, 10].min(), Z[:, 10].max()) == (0.0, 1.0)
        np.testing.assert_array_equal(Z[:, 11], raw["flag"])
        assert Z.dtype == np.float64

    @pytest.mark.parametrize(("n_levels", "categorical"), [(2, True), (3, True), (20, True), (21, False)])
    def test_integers_by_their_number_of_levels(self, n_levels, categorical):
        column = np.arange(3 * n_levels)[:, None] % n_levels
        assert ProtectedEncoder().fit(column).is_categorical_.tolist() == [categorical]
        assert ProtectedEncoder().fit(column.astype(float)).is_categorical_.tolist() == [categorical]
        assert ProtectedEncoder().fit(column + 0.5).is_categorical_.tolist() == [n_levels == 2]
        assert ProtectedEncoder().fit(column.astype(object)).is_categorical_.tolist() == [categorical]

    def test_two_numbers_become_zero_and_one(self):
        np.testing.assert_array_equal(ProtectedEncoder().fit_transform([[1.5], [7.0], [1.5]]), [[0.0], [1.0], [0.0]])

    def test_a_category_of_integers_is_categorical_though_there_are_many(self):
        frame = pd.DataFrame({"code": pd.Categorical(np.arange(30))})
        assert ProtectedEncoder().fit_transform(frame).shape == (30, 30)

    def test_levels_that_were_declared_but_not_seen_do_not_count(self):
        frame = pd.DataFrame({"code": pd.Categorical(["a", "b", "a"], categories=["a", "b", "c"])})
        np.testing.assert_array_equal(ProtectedEncoder().fit_transform(frame), [[0.0], [1.0], [0.0]])

    def test_a_constant_attribute_is_kept(self):
        frame = pd.DataFrame({"one": ["x"] * 4, "two": [3.0] * 4, "three": [1.0, 2.5, 3.0, 4.0]})
        for scaling in ("minmax", "unit", "dvar", None):
            encoder = ProtectedEncoder(scaling).fit(frame)
            Z = encoder.transform(frame)
            assert Z.shape == (4, 3)
            assert (np.ptp(Z, axis=0) == 0.0).tolist() == [True, True, False]
            assert encoder.certificate_["constant attributes"].detail == "one, two"

    def test_columns_that_are_named(self, raw):
        encoder = ProtectedEncoder(categorical_features=["sex", "region", "zip", "flag"]).fit(raw)
        assert encoder.is_categorical_.tolist() == [True, True, False, False, True, True]
        positions = ProtectedEncoder(categorical_features=[0, 1, -2, 5]).fit(raw)
        mask = ProtectedEncoder(categorical_features=[True, True, False, False, True, True]).fit(raw)
        for twin in (positions, mask):
            np.testing.assert_array_equal(encoder.transform(raw), twin.transform(raw))

    def test_values_outside_the_range_of_fit(self):
        encoder = ProtectedEncoder().fit([[0.0], [1.5], [4.0]])
        np.testing.assert_array_equal(encoder.transform([[-2.0], [8.0]]), [[-0.5], [2.0]])

    def test_split(self, raw):
        encoder = ProtectedEncoder().fit(raw)
        Z = encoder.transform(raw)
        blocks = encoder.split(Z)
        assert [block.shape[1] for block in blocks] == [1, 3, 1, 5, 1, 1]
        np.testing.assert_array_equal(np.hstack(blocks), Z)
        named = ProtectedEncoder().set_output(transform="pandas").fit(raw)
        np.testing.assert_array_equal(np.hstack(named.split(named.transform(raw))), Z)
        with pytest.raises(ValueError, match=r"Z must have 12 columns.*Got shape \(60, 11\)"):
            encoder.split(Z[:, 1:])

    def test_the_certificate_names_numbers_that_became_levels(self, raw):
        certificate = ProtectedEncoder().fit(raw).certificate_
        assert certificate.holds
        assert certificate["numbers read as levels"].detail == "children"
        assert certificate["categorical attributes"].statistic == 4


class TestScaling:
    def test_unit_gives_every_attribute_the_diameter_one(self, raw):
        encoder = ProtectedEncoder("unit").fit(raw)
        diameters = [pdist(block).max() for block in encoder.split(encoder.transform(raw))]
        np.testing.assert_allclose(diameters, 1.0, rtol=EXACT)

    def test_dvar_gives_every_attribute_the_variance_one(self, raw):
        encoder = ProtectedEncoder("dvar").fit(raw)
        variances = [distance_variance(block) for block in encoder.split(encoder.transform(raw))]
        np.testing.assert_allclose(variances, 1.0, rtol=1e-10)

    def test_dvar_with_ties_and_large_offsets(self, rng):
        values = 1e6 + rng.integers(0, 30, 200).astype(float)[:, None]
        assert distance_variance(ProtectedEncoder("dvar").fit_transform(values)) == pytest.approx(1.0, rel=1e-9)

    def test_none_keeps_numbers(self, raw):
        Z = ProtectedEncoder(None).fit_transform(raw)
        np.testing.assert_array_equal(Z[:, 4], raw["age"])
        np.testing.assert_array_equal(Z[:, 10], raw["zip"])
        np.testing.assert_array_equal(Z[:, 1:4], ProtectedEncoder().fit_transform(raw)[:, 1:4])

    def test_three_levels_are_at_distance_root_two(self):
        distances = pdist(ProtectedEncoder().fit_transform([["a"], ["b"], ["c"]]))
        np.testing.assert_allclose(distances, np.sqrt(2.0), rtol=EXACT)


class TestTables:
    def test_pandas_polars_objects_and_lists_agree(self, raw):
        expected = ProtectedEncoder().fit_transform(raw)
        names = ProtectedEncoder().fit(raw).get_feature_names_out()
        polars = pl.from_pandas(raw)
        assert ProtectedEncoder().fit(polars).get_feature_names_out().tolist() == names.tolist()
        for table in (polars, raw.to_numpy(), raw.to_numpy().tolist()):
            np.testing.assert_array_equal(ProtectedEncoder().fit_transform(table), expected)

    @pytest.mark.parametrize("dtype", ["category", "string", "object", "str"])
    def test_types_of_strings(self, raw, dtype):
        twin = raw.astype({"sex": dtype, "region": dtype})
        np.testing.assert_array_equal(ProtectedEncoder().fit_transform(twin), ProtectedEncoder().fit_transform(raw))

    def test_nullable_types(self, raw):
        twin = raw.astype({"age": "Float64", "children": "Int64", "zip": "UInt32", "flag": "boolean"})
        np.testing.assert_array_equal(ProtectedEncoder().fit_transform(twin), ProtectedEncoder().fit_transform(raw))

    def test_types_of_polars(self, raw):
        frame = pl.from_pandas(raw).with_columns(
            pl.col("sex").cast(pl.Categorical), pl.col("region").cast(pl.Enum(["N", "S", "W"]))
        )
        np.testing.assert_array_equal(ProtectedEncoder().fit_transform(frame), ProtectedEncoder().fit_transform(raw))

    def test_intervals_are_levels(self):
        frame = pd.DataFrame({"age": pd.cut([20.0, 35.0, 70.0], [0, 30, 60, 90])})
        np.testing.assert_array_equal(ProtectedEncoder().fit_transform(frame), np.eye(3))

    def test_levels_of_mixed_types_do_not_depend_on_the_order_of_rows(self):
        column = np.array(["b", 3, "a", 1, "b"], dtype=object)[:, None]
        first, second = ProtectedEncoder().fit(column), ProtectedEncoder().fit(column[::-1])
        assert first.categories_[0].tolist() == second.categories_[0].tolist() == [1, 3, "a", "b"]

    def test_output_frames(self, raw):
        frame = ProtectedEncoder().set_output(transform="pandas").fit_transform(raw)
        assert list(frame.columns) == ProtectedEncoder().fit(raw).get_feature_names_out().tolist()

    def test_integers_and_floats_of_the_same_value_are_the_same_level(self):
        encoder = ProtectedEncoder().fit([[1], [2], [3]])
        np.testing.assert_array_equal(encoder.transform([[2.0]]), [[0.0, 1.0, 0.0]])

    @hypothesis.given(st.data())
    def test_distances_do_not_see_names_of_levels_nor_the_order_of_rows(self, data):
        n = data.draw(st.integers(2, 12))
        codes = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
        names = np.array(data.draw(st.permutations(["a", "b", "c", "d"])), dtype=object)
        order = np.array(data.draw(st.permutations(range(n))))
        scaling = data.draw(st.sampled_from(["minmax", "unit", "dvar", None]))
        first = ProtectedEncoder(scaling).fit_transform(names[codes][:, None])
        second = ProtectedEncoder(scaling).fit_transform(np.array(list("wxyz"), dtype=object)[codes][order][:, None])
        np.testing.assert_allclose(pdist(first[order]), pdist(second), rtol=EXACT)


class TestUnknownLevels:
    def test_error_names_column_and_level(self, raw):
        encoder = ProtectedEncoder().fit(raw)
        with pytest.raises(ValueError, match="Column 'region' has the level 'E'.*handle_unknown='ignore'"):
            encoder.transform(raw.assign(region="E"))
        with pytest.raises(ValueError, match="Column 0 has the level 9"):
            ProtectedEncoder().fit([[1], [2], [3]]).transform([[9]])

    def test_ignore_writes_zeros(self, raw):
        encoder = ProtectedEncoder(handle_unknown="ignore").fit(raw)
        Z = encoder.transform(raw.assign(region="E", sex="d"))
        assert not Z[:, :4].any()
        np.testing.assert_array_equal(Z[:, 4:], encoder.transform(raw)[:, 4:])


class TestBadInput:
    @pytest.mark.parametrize("missing", [np.nan, None])
    def test_missing_values(self, raw, missing):
        for name in ("age", "sex"):
            bad = raw.astype({name: object})
            bad.loc[3, name] = missing
            with pytest.raises(ValueError, match=f"Column '{name}' contains (NaN|None|NA).*impute.*fillna"):
                ProtectedEncoder().fit(bad)
            with pytest.raises(ValueError, match=f"Column '{name}' contains"):
                ProtectedEncoder().fit(raw).transform(bad)

    def test_missing_values_of_other_tables(self, raw):
        with pytest.raises(ValueError, match="Column 'sex' contains None"):
            ProtectedEncoder().fit(pl.DataFrame({"sex": ["f", None]}))
        with pytest.raises(ValueError, match="Column 'flag' contains NA"):
            ProtectedEncoder().fit(pd.DataFrame({"flag": pd.array([True, None], dtype="boolean")}))
        with pytest.raises(ValueError, match="Column 'code' contains NaN"):
            ProtectedEncoder().fit(pd.DataFrame({"code": pd.Categorical(["a", None])}))
        with pytest.raises(ValueError, match="Column 1 contains NaN"):
            ProtectedEncoder().fit(np.array([["f", 1.0], ["m", np.nan]], dtype=object))

    def test_infinity(self, raw):
        with pytest.raises(ValueError, match="Column 'age' contains infinity"):
            ProtectedEncoder().fit(raw.assign(age=np.inf))

    def test_dates(self, raw):
        with pytest.raises(ValueError, match="Column 'age' holds dates: turn them into numbers"):
            ProtectedEncoder().fit(raw.assign(age=pd.Timestamp("2020-01-01")))

    def test_objects_that_are_no_levels(self):
        bad = np.array([["f"], [{"no": "level"}]], dtype=object)
        with pytest.raises(TypeError, match="strings or numbers. Column 0 contains an object of type dict"):
            ProtectedEncoder().fit(bad)

    def test_strings_that_are_said_to_be_continuous(self, raw):
        with pytest.raises(ValueError, match="Column 'sex' is read as continuous, but it holds '[fm]'"):
            ProtectedEncoder(categorical_features=["region"]).fit(raw)

    @pytest.mark.parametrize(
        ("chosen", "message"),
        [
            (["gender"], r"names 'gender', which is no column. The columns are \['sex'"),
            ([6], "position 6, but there are 6 columns"),
            ([True, False], "mask must have 6 entries"),
        ],
    )
    def test_columns_that_do_not_exist(self, raw, chosen, message):
        with pytest.raises(ValueError, match=message):
            ProtectedEncoder(categorical_features=chosen).fit(raw)

    def test_empty_tables(self, raw):
        with pytest.raises(ValueError, match=r"0 sample\(s\).*minimum of 1"):
            ProtectedEncoder().fit(raw[:0])

    def test_a_fit_that_fails_changes_nothing(self, raw):
        encoder = ProtectedEncoder().fit(raw)
        before = dict(vars(encoder))
        with pytest.raises(ValueError, match="infinity"):
            encoder.fit(raw[["age"]].assign(age=np.inf))
        assert vars(encoder) == before
        assert not vars(clone(encoder)).keys() & {"blocks_", "factors_"}


def test_compas(shared_data):
    compas = pd.read_csv(shared_data / "fairness" / "compas_two_years.csv.gz")
    encoder = ProtectedEncoder().fit(compas[["sex", "race", "age"]])
    names = encoder.get_feature_names_out().tolist()
    assert names[0] == "sex_Male"
    assert names[-1] == "age"
    assert "race_African-American" in names
    assert encoder.is_categorical_.tolist() == [True, True, False]
