"""Cases that once gave a wrong figure, or one that depended on what must not matter."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold

from statlearn.dependence import DistanceCovariancePenalty, SlicedDistance
from statlearn.exceptions import ConstantAttributeWarning, ShrinkageWarning
from statlearn.fairness import (
    DistanceCovarianceFairClassifier,
    DistanceCovarianceFairMLPRegressor,
    DistanceCovarianceFairRegressor,
    ProtectedEncoder,
    calibrate_fairness_weight,
    fairness_path,
    fairness_report,
    jensen_shannon_divergence,
    make_boosting_objective,
    make_fairness_scorer,
    unfairness_ratio,
)
from statlearn.fairness import _held_out as held_out_module
from statlearn.fairness._cells import intersection_cells

pytestmark = pytest.mark.filterwarnings(f"ignore::{ShrinkageWarning.__module__}.{ShrinkageWarning.__name__}")

N = 240


@pytest.fixture
def data(rng):
    """Features, targets, and the attributes: codes of a region that drives the targets, and an age."""
    codes, age = rng.permutation(6)[rng.integers(0, 6, N)], rng.uniform(18.0, 90.0, N)
    X = rng.normal(size=(N, 3))
    X[:, 0] += codes % 2
    return X, X.sum(axis=1) + rng.normal(size=N), pd.DataFrame({"region": codes, "age": age})


def calibrated(X, y, S, weights=(0.0, 1.0), estimator=None, **options):
    estimator = DistanceCovarianceFairRegressor(normalize="dcor") if estimator is None else estimator
    return calibrate_fairness_weight(estimator, X, y, S, fairness_weights=weights, **{"cv": 2, **options})


class TestCodesStoredAsFloats:
    def test_fits(self, data):
        X, y, frame = data
        fits = [
            DistanceCovarianceFairRegressor(fairness_weight=1.0).fit(X, y, table)
            for table in (frame, frame.to_numpy(), frame.to_numpy(dtype=object), frame.astype({"region": "float32"}))
        ]
        for fit in fits:
            assert fit.encoder_.is_categorical_.tolist() == [True, False]
            np.testing.assert_array_equal(fit.coef_, fits[0].coef_)
            assert fit.unfairness_ratio_ == fits[0].unfairness_ratio_

    def test_reports(self, data, rng):
        codes = data[2]["region"].to_numpy()
        f = rng.normal(size=N) + codes
        whole, stored = (fairness_report(f, f, values) for values in (codes, codes.astype(float)))
        assert whole.overall == stored.overall
        assert whole.groups["group"].tolist() == stored.groups["group"].tolist()

    def test_numbers_too_large_for_integers_stay_floats(self):
        assert ProtectedEncoder().fit([[1e300], [2e300], [3e300]]).is_categorical_.tolist() == [False]


class TestCellsKnowTheEncoder:
    def test_declared_levels_are_not_cut_and_declared_quantities_are(self):
        many, few = np.arange(40.0), np.arange(40) % 8
        table = np.column_stack([many, few])
        cells = intersection_cells(table, bins=2, is_nominal=[True, False])
        assert cells.n_cells == 40
        assert intersection_cells(few, bins=2, is_nominal=[False]).n_cells == 2
        assert intersection_cells(few, bins=2).n_cells == 8

    def test_reports_and_scorers(self, data, rng):
        _, y, _ = data
        codes = rng.integers(0, 30, N)  # too many levels to be taken for codes
        f = y + codes % 3
        encoder = ProtectedEncoder(categorical_features=[0])
        expected = unfairness_ratio(f, codes)
        report = fairness_report(f, f, codes, encoder=encoder)
        assert report.overall["unfairness_ratio"] == expected
        assert len(report.groups["group"]) == len(np.unique(codes))
        assert fairness_report(f, f, codes).overall["unfairness_ratio"] < 0.9 * expected
        table = np.column_stack([f, codes])
        model = LinearRegression().fit(table, f)
        for name in ("uf", "jsd", "wasserstein"):
            options = {"bandwidth": "scott"} if name == "jsd" else {}
            told = make_fairness_scorer(name, sensitive_columns=[1], encoder=encoder, **options)
            labels = make_fairness_scorer(name, sensitive_columns=[1], bins=None, **options)
            assert told(model, table) == labels(model, table)

    def test_calibration(self, data, rng):
        X, y, _ = data
        codes = rng.integers(0, 30, N)
        estimator = DistanceCovarianceFairRegressor(encoder=ProtectedEncoder(categorical_features=[0]))
        everything = np.arange(N), np.arange(N)
        found = calibrated(X, y, codes, [0.0], estimator, cv=everything)
        f = DistanceCovarianceFairRegressor(fairness_weight=0.0).fit(X, y).predict(X)
        assert found.results["uf"][0, 0] == pytest.approx(unfairness_ratio(f, codes), rel=1e-6)


class TestCalibration:
    def test_default_criterion_takes_predictions_in_any_unit(self, data):
        X, y, S = data
        found = calibrated(X, 1000.0 * y, S)
        assert found.criterion == "dcor"
        np.testing.assert_allclose(found.results["dcor"][0], calibrated(X, y, S).results["dcor"][0], rtol=1e-6)
        with pytest.raises(ValueError, match="in calibrate_fairness_weight criterion='dcor'"):
            calibrated(X, 1000.0 * y, S, criterion="jsd")

    def test_attributes_of_a_fold_are_prepared_once(self, data, monkeypatch):
        made = []

        class Recorded(DistanceCovariancePenalty):
            def _fit(self, S, sample_weight, names=None):
                made.append((self.method, self.n_jobs))
                return super()._fit(S, sample_weight, names)

        slices = SlicedDistance(8, random_state=0)
        measure = DistanceCovariancePenalty("sum", method=slices, n_jobs=1)
        monkeypatch.setattr(held_out_module, "DistanceCovariancePenalty", Recorded)
        X, y, S = data
        calibrated(X, y, S, [0.0, 0.5, 1.0], cv=2)
        assert made == [("auto", None)] * 2
        monkeypatch.undo()
        assert held_out_module._engine(measure) == {"method": slices, "n_jobs": 1}
        for measure, method in [("sum", "auto"), ("jdcov", "auto"), ("ccdcov", "pairwise"), ("dcov", "pairwise")]:
            penalty = DistanceCovariancePenalty(measure, method="pairwise")
            assert held_out_module._engine(penalty)["method"] == method

    @pytest.mark.parametrize("criterion", ["uf", "wasserstein"])
    def test_weights_are_repetitions_in_the_cuts(self, data, rng, criterion):
        X, y, S = data
        repetitions = np.where(S["age"] < 40.0, 3, rng.integers(0, 2, N))
        S.loc[np.flatnonzero(repetitions == 0)[0], "age"] = 1000.0  # counts as absent, in the encoder as well
        rows = np.repeat(np.arange(N), repetitions)
        options = {"weights": [0.0], "criterion": criterion}
        weighted = calibrated(
            X, y, S, cv=(np.arange(N), np.arange(N)), sample_weight=repetitions.astype(float), **options
        )
        everything = np.arange(rows.size), np.arange(rows.size)
        repeated = calibrated(X[rows], y[rows], S.iloc[rows], cv=everything, **options)
        assert set(weighted.results) == set(repeated.results)
        for name, values in weighted.results.items():
            np.testing.assert_allclose(values, repeated.results[name], rtol=1e-6, err_msg=name)

    def test_rows_without_weight_count_as_absent_in_any_kind_of_split(self, data, rng):
        X, y, S = data
        weights = rng.integers(0, 3, N).astype(float)
        present = np.flatnonzero(weights)
        X[weights == 0.0] = 1e6
        splits = list(KFold(2).split(X))
        masks = [tuple(np.isin(np.arange(N), part) for part in split) for split in splits]
        left = [tuple(np.flatnonzero(np.isin(present, part)) for part in split) for split in splits]
        expected = calibrated(X[present], y[present], S.iloc[present], cv=left, sample_weight=weights[present])
        for cv in (splits, masks):
            found = calibrated(X, y, S, cv=cv, sample_weight=weights)
            for name, values in found.results.items():
                np.testing.assert_array_equal(values, expected.results[name], err_msg=name)

    def test_functions_get_the_weights(self, data):
        X, y, S = data
        weights = np.arange(N) % 3.0

        def mean(f, sensitive, sample_weight):
            assert len(f) == len(sensitive) == len(sample_weight) and sample_weight.min() > 0.0
            return float(np.average(f, weights=sample_weight))

        found = calibrated(X, y, S, [0.0], criterion=mean, sample_weight=weights, cv=(np.arange(N), np.arange(N)))
        assert found.mean("criterion")[0] == pytest.approx(np.average(y, weights=weights), rel=1e-6)

    def test_folds_agree_on_what_is_categorical(self, data, rng):
        X, y, _ = data
        codes = np.r_[np.arange(21), rng.integers(0, 20, N - 21)]  # 20 levels without the first rows, 21 with them
        X[:, 0] += codes % 2
        train, test = np.arange(21, N), np.arange(N)

        def dependence(table=codes, **parameters):
            estimator = DistanceCovarianceFairRegressor(normalize="dcor", **parameters)
            columns = np.column_stack([X, codes]) if "sensitive_columns" in parameters else X
            return calibrated(columns, y, table, [1.0], estimator, cv=(train, test)).results["loss"][0, 0]

        said = dependence(encoder=ProtectedEncoder(categorical_features=[False]))
        model = DistanceCovarianceFairRegressor(normalize="dcor").fit(X[train], y[train], codes[train])
        alone = 0.5 * np.mean((model.predict(X) - y) ** 2)
        assert abs(alone - said) > 1e-4  # the rows of the fold by themselves say otherwise
        assert dependence() == said
        assert dependence(None, sensitive_columns=[3]) == pytest.approx(said, rel=1e-6)
        # Attributes of their own for the criteria say nothing about those of the fits.
        assert dependence(np.column_stack([codes, codes]), sensitive_columns=[3]) == pytest.approx(alone, rel=1e-6)

    def test_fits_without_certificate_are_no_success(self, data):
        X, y, S = data
        options = {"weights": [0.0, 1.0], "target": 1.0}
        good = calibrated(X, y, S, **options)
        assert good.certificate["fits not certified"].holds is True and good.certificate.holds is True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            poor = calibrated(X, y, S, [1.0], DistanceCovarianceFairRegressor(max_iter=1), target=1.0)
        assert poor.certificate["criterion"].holds is True
        assert poor.certificate["fits not certified"].holds is False and poor.certificate.holds is False


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_row_without_weight_does_not_reach_the_boosting_objective(data, rng, loss):
    _, y, S = data
    y, u, weights = np.abs(y), rng.normal(size=N), rng.integers(1, 4, N).astype(float)
    weights[7] = 0.0
    extreme = S.copy()
    extreme.loc[7] = [99, 1000.0]
    first, second = (
        make_boosting_objective(table, fairness_weight=5.0, loss=loss, sample_weight=weights)(y, u)
        for table in (S, extreme)
    )
    np.testing.assert_array_equal(first, second)
    assert first[0][7] == first[1][7] == 0.0
    rest = np.delete(np.arange(N), 7)
    without = make_boosting_objective(S.iloc[rest], fairness_weight=5.0, loss=loss, sample_weight=weights[rest])
    np.testing.assert_allclose(np.delete(first, 7, axis=1), without(y[rest], u[rest]), rtol=1e-12, atol=1e-14)


class TestWeightsOfLessThanTwoRows:
    def test_metrics_refuse_them(self, rng):
        f, groups = rng.normal(size=N), np.arange(N) % 2
        for total in (0.5, 1.001, 1.999):
            weights = np.full(N, total / N)
            for metric, options in [(unfairness_ratio, {}), (jensen_shannon_divergence, {"bandwidth": "scott"})]:
                with pytest.raises(ValueError, match="sum to at least 2: weights mean repetition.*to the mean 1"):
                    metric(f, groups, sample_weight=weights, **options)
        assert unfairness_ratio(f, groups, sample_weight=np.full(N, 2.5 / N)) > 0.0
        assert unfairness_ratio([1.0], ["a"]) == 0.0

    def test_fits_have_no_ratio(self, data):
        X, y, S = data
        measure = DistanceCovariancePenalty(unbiased=False)
        for total in (0.5, 1.0):
            model = DistanceCovarianceFairRegressor(fairness_weight=0.1, measure=measure)
            model.fit(X, y, S, sample_weight=np.full(N, total / N))
            assert np.isnan(model.unfairness_ratio_)

    def test_reports_have_no_ratio_of_so_few(self):
        f, groups, weights = np.arange(12.0) ** 2, list("abcdefghijkl"), np.repeat([0.9, 0.25], [2, 10])
        report = fairness_report(f, f, groups, sample_weight=weights, min_group=0.9)
        assert report.overall["unfairness_ratio"] > 0.0
        assert report.overall["unfairness_ratio_large"] is None  # of two rows with 1.8 of the weight
        assert report.overall["mean_gap"] == 1.0


class TestFirstUser:
    """What somebody stumbled on who had the documentation alone."""

    def test_saturated_rows_are_no_lack_of_a_minimum(self, rng):
        x = rng.normal(size=(300, 1))
        x[:2] = [[60.0], [-60.0]]
        y = (x[:, 0] + rng.logistic(size=300) > 0).astype(int)
        y[:2] = [1, 0]
        model = DistanceCovarianceFairClassifier(0.0).fit(x, y, rng.integers(2, size=300))
        check = model.certificate_["rows at the limit"]
        assert model.converged_ and model.certificate_
        assert check.holds is None and check.kind == "reported" and check.statistic > 0
        expected = LogisticRegression(C=np.inf, tol=1e-10).fit(x, y)
        np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-5)

    @pytest.mark.parametrize(("options", "kept"), [({}, False), ({"normalize": "dcor"}, True)])
    def test_the_total_is_reported(self, rng, options, kept):
        S = rng.integers(2, size=2000)
        X = rng.normal(size=(2000, 2)) + np.column_stack([S, np.zeros(2000)])
        y = rng.poisson(np.exp(0.5 * X[:, 0] + 0.3 * X[:, 1]))
        weight = 0.3 if kept else 1.0
        model = DistanceCovarianceFairRegressor("poisson", fairness_weight=weight, **options).fit(X, y, S)
        balance = model.certificate_["balance"].statistic
        assert balance == pytest.approx(model.predict(X).mean() / y.mean())
        assert (abs(balance - 1.0) < 1e-3) is kept

    def test_fair_predictions_are_certified(self):
        """No dependence and no penalty to speak of: the alarm once rang for a variance of 0.998."""
        certified = 0
        for seed in range(20):
            generator = np.random.default_rng(seed)
            X, S = generator.normal(size=(300, 3)), generator.integers(2, size=300)
            y = X.sum(axis=1) + generator.normal(size=300)
            certified += bool(DistanceCovarianceFairRegressor().fit(X, y, S).certificate_)
        assert certified >= 15

    def test_a_path_draws_itself(self, data):
        pytest.importorskip("matplotlib")
        X, y, S = data
        path = fairness_path(X, y, S, fairness_weights=[0.0, 1.0])
        assert len(path.plot().ax_.lines) > 0

    def test_a_constant_network_is_no_rival_without_scale(self):
        """Its distance correlation is 0 by convention, and won where every prediction tells the attribute."""
        generator = np.random.default_rng(1)
        S = generator.permutation(6)[generator.integers(0, 6, N)] % 2
        x = generator.normal(size=N) + 3 * S
        y = x + generator.normal(size=N)
        options = {"fairness_weight": 3.0, "normalize": "dcor", "random_state": 0, "max_iter": 50, "tol": 1e-3}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = DistanceCovarianceFairMLPRegressor(2, **options).fit(x[:, None], y, S)
        assert np.ptp(model.predict(x[:, None])) > 0.0


class TestConstantAttributesByName:
    FITS = {
        "sensitive_features": lambda X, y, table: DistanceCovarianceFairRegressor(fairness_weight=1.0).fit(X, y, table),
        "report": lambda X, y, table: fairness_report(y, y, table),
        "boosting": lambda X, y, table: make_boosting_objective(table, fairness_weight=1.0),
        "calibration": calibrated,
        "dcor": lambda X, y, table: make_fairness_scorer("dcor")(
            LinearRegression().fit(X, y), X, y, sensitive_features=table
        ),
    }

    @pytest.mark.parametrize("door", FITS)
    @pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
    def test_of_a_frame(self, data, door, library):
        X, y, frame = data
        table = library.DataFrame({"age": frame["age"].to_numpy(), "sex": ["f"] * N})
        with pytest.warns(ConstantAttributeWarning, match="^sensitive feature 'sex' is constant.*adds nothing"):
            self.FITS[door](X, y, table)

    def test_of_an_array(self, data):
        X, y, frame = data
        table = np.column_stack([frame.to_numpy(), np.ones(N)])
        with pytest.warns(ConstantAttributeWarning, match="^sensitive feature 2 is constant"):
            DistanceCovarianceFairRegressor(fairness_weight=1.0).fit(X, y, table)

    def test_of_sensitive_columns(self, data):
        X, y, frame = data
        X = pd.DataFrame(X, columns=["a", "b", "c"]).assign(sex="f", age=frame["age"])
        with pytest.warns(ConstantAttributeWarning, match="^sensitive feature 'sex' is constant"):
            DistanceCovarianceFairRegressor(fairness_weight=1.0, sensitive_columns=["age", "sex"]).fit(X, y)

    def test_of_an_encoder_that_makes_other_blocks(self, data):
        X, y, frame = data
        with pytest.warns(ConstantAttributeWarning, match="^block 1 of S is constant"):
            DistanceCovarianceFairRegressor(fairness_weight=1.0, encoder=AgeAndOne()).fit(X, y, frame[["age"]])


class AgeAndOne(BaseEstimator):
    """An encoder that makes two blocks of one attribute, one of them constant."""

    def fit_transform(self, table):
        return np.column_stack([table.to_numpy(dtype=float), np.ones(len(table))])

    def split(self, encoded):
        return [encoded[:, [0]], encoded[:, [1]]]


class TestPredictionsWithoutTheSensitiveColumns:
    CURE = r"now missing:\n- sex\nValues of sensitive_columns=\['sex'\] are ignored here: give any.*sensitive_features"

    @pytest.fixture
    def fitted(self, data):
        X, y, frame = data
        X = pd.DataFrame(X, columns=["a", "b", "c"])
        X.insert(1, "sex", np.where(frame["region"] % 2, "f", "m"))
        return X, DistanceCovarianceFairRegressor(fairness_weight=1.0, sensitive_columns=["sex"]).fit(X, y)

    def test_the_error_says_that_any_values_do(self, fitted):
        X, model = fitted
        without = X.drop(columns="sex")
        for frame in (without, pl.from_pandas(without)):
            with pytest.raises(ValueError, match=self.CURE):
                model.predict(frame)
        np.testing.assert_array_equal(model.predict(X.assign(sex="any")), model.predict(X))

    def test_other_errors_are_left_as_they_are(self, fitted):
        X, model = fitted
        for frame in (X.drop(columns="a"), X.drop(columns=["a", "sex"]), X[["sex", "a", "b", "c"]]):
            with pytest.raises(ValueError, match="feature names should match") as caught:
                model.predict(frame)
            assert "sensitive" not in str(caught.value)

    def test_arrays(self, data):
        X, y, frame = data
        table = np.column_stack([X, frame["region"]])
        model = DistanceCovarianceFairRegressor(fairness_weight=1.0, sensitive_columns=[3]).fit(table, y)
        with pytest.raises(ValueError, match=r"has 3 features.*\nValues of sensitive_columns=\[3\] are ignored"):
            model.predict(X)
        with pytest.raises(ValueError, match="has 2 features.*input.$"):
            model.predict(X[:, :2])
