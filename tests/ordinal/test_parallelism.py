"""`parallelism_test` with collinear columns, and the ways to say which columns to test."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from statlearn.ordinal import parallelism_test
from statlearn.ordinal._parallelism import _Null
from statlearn.ordinal._problem import ordinal_problem

from .reference import crossing_data, parallel_data

METHODS = ("lr", "score", "wald")
every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="module")
def data():
    """400 rows, three columns, four classes."""
    X, y, _ = parallel_data(np.random.default_rng(0), 400, 3, 4)
    assert np.bincount(y).min() >= 30
    return X, y


def assert_same(result, statistic, df):
    np.testing.assert_allclose(result.statistic, statistic, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(result.df, df)


class TestCollinearColumns:
    """What the redundant column adds is nothing: the answers are those without it."""

    @every_method
    def test_elsewhere(self, data, method):
        X, y = data
        table = np.column_stack([X, X[:, 0] - 2.0 * X[:, 1] + 3.0])
        result = parallelism_test(table, y, method=method)
        without_last = parallelism_test(table[:, :3], y, method=method)
        without_first = parallelism_test(table[:, 1:], y, method=method)
        assert_same(result, [*without_last.statistic, without_first.statistic[2]], [2, 2, 2, 2])
        assert result.global_df == without_last.global_df == 6
        assert result.global_statistic == pytest.approx(without_last.global_statistic, rel=1e-6)
        check = result.certificate["undetermined differences"]
        assert check.statistic == 2 and "2 of all features" in check.detail

    @every_method
    def test_within_a_group(self, data, method):
        X, y = data
        table = np.column_stack([X, 2.0 * X[:, 0] + 1.0])
        result = parallelism_test(table, y, method=method, features={"twice": [0, 3], "all": range(4)})
        expected = parallelism_test(X, y, method=method, features={"once": [0]})
        assert_same(result, [expected.statistic[0], expected.global_statistic], [2, 6])
        assert "2 of twice, 2 of all" in result.certificate["undetermined differences"].detail

    @every_method
    def test_all_dummies_of_a_factor(self, data, method):
        """Together they sum to the intercept."""
        X, y = data
        dummies = np.eye(3)[np.random.default_rng(1).integers(0, 3, len(y))]
        result = parallelism_test(np.hstack([dummies, X]), y, method=method, features={"factor": [0, 1, 2], "x": [3]})
        expected = parallelism_test(
            np.hstack([dummies[:, 1:], X]), y, method=method, features={"factor": [0, 1], "x": [2]}
        )
        assert_same(result, expected.statistic, expected.df)
        assert result.global_df == expected.global_df == 10
        assert result.global_statistic == pytest.approx(expected.global_statistic, rel=1e-6)

    @every_method
    def test_constant_column(self, data, method):
        X, y = data
        table = np.column_stack([X, np.full(len(y), 4.0)])
        result = parallelism_test(table, y, method=method, features={"with constant": [0, 3]})
        expected = parallelism_test(X, y, method=method, features=[0])
        assert_same(result, expected.statistic, [2])
        assert result.global_df == 6

    @every_method
    def test_sparse(self, data, method):
        X, y = data
        table = np.column_stack([np.where(X > 1.0, X, 0.0), X[:, 0] > 1.0, X[:, 0] <= 1.0])
        dense = parallelism_test(table, y, method=method, features=[0, 1, 2])
        scarce = parallelism_test(sparse.csc_array(table), y, method=method, features=[0, 1, 2])
        assert_same(scarce, dense.statistic, dense.df)
        assert scarce.global_df == dense.global_df == 8

    def test_nothing_lost(self, data):
        check = parallelism_test(*data).certificate["undetermined differences"]
        assert check.statistic == 0 and check.holds is None


class TestUndetermined:
    @every_method
    def test_constant_group(self, data, method):
        X, y = data
        table = np.column_stack([X, np.ones(len(y))])
        message = (
            r"do not determine how the slopes of group 'flat' .*columns \['x3'\] are constant.*Leave the group out"
        )
        with pytest.raises(ValueError, match=message):
            parallelism_test(table, y, method=method, features={"flat": [3]})

    @every_method
    def test_column_that_varies_below_the_first_cut_only(self, data, method):
        X, y = data
        low = np.where(y == 0, np.where(np.arange(len(y)) % 2, 1.0, -1.0), 0.0)
        table = np.column_stack([X, low])
        with pytest.raises(ValueError, match=r"slopes of group 'x3'.*classes next to every cut after the first"):
            parallelism_test(table, y, method=method)
        assert parallelism_test(table, y, method=method, features=[0, 1, 2]).df.tolist() == [2, 2, 2]


class TestLikelihoodRatio:
    def test_equal_fits(self):
        """Each column is as often at -1 as at 1 in every class: all slopes are zero, so the two fits are the same."""
        cube = np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T
        X, y = np.tile(cube, (5, 1)), np.repeat(np.arange(5), 8)
        result = parallelism_test(X, y, sample_weight=np.array([1.1, 2.3, 0.7, 3.1, 1.7])[y])
        np.testing.assert_allclose(result.statistic, 0.0, atol=1e-9)
        np.testing.assert_allclose(result.p_value, 1.0, atol=1e-9)

    def test_only_rounding_is_clipped(self, data):
        """A worse alternative is a failed fit, and its statistic stays negative."""
        null = _Null(ordinal_problem(*data, np.ones(len(data[1]))))
        tested = np.zeros(null.shape, dtype=bool)
        tested[1, 1] = True
        best = null._maximize(null.free | tested, null.solution.theta).objective
        for loss, expected in ((1e-15, 0.0), (1e-9, -800e-9)):
            null.solution = replace(null.solution, objective=best - loss)
            assert null.test(tested, "lr")[0] == pytest.approx(expected, rel=1e-3, abs=1e-12)


class TestFeatures:
    @pytest.mark.parametrize(
        "features",
        [
            [0, 2],
            (0, 2),
            np.array([0, 2]),
            ["x0", "x2"],
            np.array(["x0", "x2"]),
            [True, False, True],
            np.array([True, False, True]),
            {"x0": 0, "x2": "x2"},
            {"x0": [0, 0], "x2": [False, False, True]},
        ],
        ids=str,
    )
    def test_forms_of_the_same_groups(self, data, features):
        result = parallelism_test(*data, features=features, method="score")
        assert result.groups == ("x0", "x2")
        np.testing.assert_allclose(result.statistic, parallelism_test(*data, method="score").statistic[[0, 2]])
        assert result.df.tolist() == [2, 2]

    @pytest.mark.parametrize(
        ("features", "message"),
        [
            ([], r"features must name at least one column. Got \[\] instead"),
            ({}, "features must name at least one group. Got an empty dict"),
            ({"a": []}, r"features\['a'\] must name at least one column. Got \[\] instead"),
            ({"a": ""}, r"features\['a'\]: '' is neither"),
            ({"a": None}, r"features\['a'\]: None is neither"),
            ("x0", "'features' parameter of parallelism_test must be .*Got 'x0' instead"),
            (3, "'features' parameter of parallelism_test must be .*Got 3 instead"),
            ([True, 2], "features: True is neither the name of a column nor a position between 0 and 2"),
            ([True, False], "features as a boolean mask must have one entry for each of the 3 columns.* among 2"),
            (np.zeros(3, dtype=bool), "features as a boolean mask .* and select one. Got 0 selected among 3"),
            ({"a": [True]}, r"features\['a'\] as a boolean mask"),
            ([0.0, 1.0], "features: 0.0 is neither"),
            ([-1], "features: -1 is neither"),
            ([3], r"features: 3 is neither .*The columns are \['x0', 'x1', 'x2'\]"),
            (np.array([7]), "features: 7 is neither"),
            (np.array(["age"]), "features: 'age' is neither"),
            (["age"], "features: 'age' is neither"),
            ([[0, 1], [2]], r"features: \[0, 1\] is neither .*pass a dictionary from names to lists"),
            ([0, 1, 0], r"features must name every column once. Got \['x0'\] more than once"),
            ([0, "x0"], r"features must name every column once. Got \['x0'\] more than once"),
        ],
        ids=str,
    )
    def test_refused(self, data, features, message):
        with pytest.raises(ValueError, match=message):
            parallelism_test(*data, features=features)

    def test_messages_stay_short(self, data):
        table = np.random.default_rng(0).normal(size=(400, 30))
        with pytest.raises(ValueError, match=r"'x11'\] and 18 more"):
            parallelism_test(table, data[1], features=["age"])

    def test_data_frame(self, data):
        pd = pytest.importorskip("pandas")
        X, y = data
        frame = pd.DataFrame(X, columns=["age", "dose", "sex"])
        by_name = parallelism_test(frame, y, features=frame.columns[:2], method="score")
        by_mask = parallelism_test(frame, y, features=frame.columns != "sex", method="score")
        assert by_name.groups == by_mask.groups == ("age", "dose")
        np.testing.assert_array_equal(by_name.statistic, by_mask.statistic)
        with pytest.raises(ValueError, match="features: 'x0' is neither"):
            parallelism_test(frame, y, features=["x0"])

    def test_groups_of_the_same_text(self, data):
        pytest.importorskip("pandas")
        result = parallelism_test(*data, features={1: [0], "1": [1, 2]}, method="score")
        assert result.groups == ("1", "1") and result.df.tolist() == [2, 4]
        assert len(result.to_frame()) == 3


class TestCertificate:
    """The claim may be quoted exactly when every check holds."""

    def test_a_violation_takes_the_claim_away(self):
        X, y, _ = crossing_data(np.random.default_rng(0), 400, 3, 4)
        certificate = parallelism_test(X, y, method="score").certificate
        assert not certificate
        assert certificate.claim.startswith("No violation of parallel slopes was found at level 0.05")
        assert "a violation was found" in certificate["parallel slopes"].detail

    def test_parallel_slopes_keep_it(self):
        X, y, _ = parallel_data(np.random.default_rng(1), 600, 3, 3)
        y = np.digitize(X.sum(axis=1) + np.random.default_rng(2).logistic(size=600), [-1.0, 1.0])
        result = parallelism_test(X, y)
        assert result.global_p_value > 0.05
        assert result.certificate

    def test_fits_that_do_not_exist_are_named_in_one_warning(self):
        rng = np.random.default_rng(0)
        y = np.repeat([0, 1, 2], [60, 60, 12])
        X = np.column_stack([rng.normal(size=132), rng.uniform(-1.0, 1.0, size=132)])
        X[y == 2, 1] += 2.5  # separates the last class, not the others: only a slope of its own can grow
        with pytest.warns(ConvergenceWarning, match="no maximum-likelihood fit.*method='score'") as caught:
            result = parallelism_test(X, y)
        assert len(caught) == 1
        assert "the slopes of x1 freed, the slopes of all features freed" in str(caught[0].message)
        assert not result.certificate["maximum-likelihood fits exist"].holds
