"""The fair linear models in scikit-learn's tools: frames, pipelines, searches, routing, copies, saved models."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.compose import make_column_transformer
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from statlearn.dependence import DistanceCovariancePenalty
from statlearn.fairness import (
    DistanceCovarianceFairClassifier,
    DistanceCovarianceFairRegressor,
    ProtectedEncoder,
    make_fairness_scorer,
)

from .problems import fit, fitted, make_data, make_model

pd = pytest.importorskip("pandas")

pytestmark = pytest.mark.filterwarnings("ignore::statlearn.exceptions.ShrinkageWarning")

KINDS = ["squared_error", "binary"]
SEXES, RACES = np.array(["f", "m"]), np.array(["a", "b", "c"])


def make_frame(rng, kind="squared_error", n_samples=300):
    """A frame of three predictors and two attributes that are strings, and the targets."""
    data = make_data(rng, kind, n_samples)
    frame = pd.DataFrame(data.X, columns=["x", "y", "z"])
    frame.insert(1, "sex", SEXES[data.S[:, 0]])
    frame["race"] = pd.Categorical(RACES[data.S[:, 1]])
    return frame, data.y


class TestFrames:
    @pytest.mark.parametrize("kind", KINDS)
    def test_sensitive_columns_are_sensitive_features(self, rng, kind):
        frame, y = make_frame(rng, kind)
        inside = fit(make_model(kind, 1.0, sensitive_columns=["race", "sex"]), frame, y)
        outside = fit(make_model(kind, 1.0), frame[["x", "y", "z"]], y, frame[["race", "sex"]])
        np.testing.assert_array_equal(inside.coef_, outside.coef_)
        np.testing.assert_array_equal(inside.predict(frame), outside.predict(frame[["x", "y", "z"]]))
        assert inside.n_features_in_ == 5
        assert list(inside.feature_names_in_) == list(frame.columns)
        np.testing.assert_array_equal(inside.kept_columns_, [0, 2, 3])
        np.testing.assert_array_equal(outside.kept_columns_, [0, 1, 2])
        assert list(inside.encoder_.feature_names_in_) == ["race", "sex"]

    def test_values_of_dropped_columns_are_ignored(self, rng):
        frame, y = make_frame(rng)
        model = fit(make_model("squared_error", 1.0, sensitive_columns=["sex", "race"]), frame, y)
        other = frame.assign(sex="unheard of", race=None)
        np.testing.assert_array_equal(model.predict(other), model.predict(frame))
        with pytest.raises(ValueError, match="Feature names seen at fit time, yet now missing"):
            model.predict(frame.drop(columns="sex"))

    @pytest.mark.parametrize("columns", ["sex", ["sex"], 1, [1], [False, True, False, False, False]])
    def test_ways_to_name_a_column(self, rng, columns):
        frame, y = make_frame(rng)
        frame["race"] = rng.normal(size=300)
        model = fit(make_model("squared_error", 1.0, sensitive_columns=columns), frame, y)
        np.testing.assert_array_equal(model.kept_columns_, [0, 2, 3, 4])

    def test_columns_that_stay_predictors(self, rng):
        frame, y = make_frame(rng)
        frame = frame.assign(sex=(frame["sex"] == "m").astype(int)).drop(columns="race")
        kept = fit(make_model("squared_error", 1.0, sensitive_columns="sex", drop_sensitive=False), frame, y)
        twin = fit(make_model("squared_error", 1.0), frame, y, frame["sex"])
        np.testing.assert_array_equal(kept.coef_, twin.coef_)
        assert kept.coef_.shape == (4,)

    @pytest.mark.parametrize("kind", KINDS)
    def test_polars(self, rng, kind):
        polars = pytest.importorskip("polars")
        frame, y = make_frame(rng, kind)
        frame["race"] = frame["race"].astype(str)
        other = polars.DataFrame({name: frame[name].to_numpy() for name in frame})
        for parameters, X, metadata in [
            ({"sensitive_columns": ["sex", "race"]}, other, {}),
            ({}, other[["x", "y", "z"]], {"sensitive_features": other[["sex", "race"]]}),
        ]:
            model = fit(make_model(kind, 1.0, **parameters), X, y, **metadata)
            twin = fit(make_model(kind, 1.0, sensitive_columns=["sex", "race"]), frame, y)
            np.testing.assert_allclose(model.coef_, twin.coef_, atol=1e-6)
            assert list(model.feature_names_in_) == list(X.columns)
            assert model.predict(X).shape == (300,)

    def test_lists_of_mixed_rows(self, rng):
        frame, y = make_frame(rng, n_samples=60)
        rows = frame[["x", "sex", "y"]].to_numpy(dtype=object).tolist()
        model = fit(make_model("squared_error", 1.0, sensitive_columns=[1]), rows, y.tolist())
        twin = fit(make_model("squared_error", 1.0, sensitive_columns=["sex"]), frame[["x", "sex", "y"]], y)
        np.testing.assert_allclose(model.coef_, twin.coef_, atol=1e-6)
        np.testing.assert_allclose(model.predict(rows), twin.predict(frame[["x", "sex", "y"]]), atol=1e-5)

    def test_sparse_tables_with_sensitive_columns(self, rng):
        data = make_data(rng)
        table = np.column_stack([data.S[:, 0], data.X])
        thin = fit(make_model("squared_error", 1.0, sensitive_columns=[0]), sparse.csr_array(table), data.y)
        dense = fit(make_model("squared_error", 1.0, sensitive_columns=[0]), table, data.y)
        np.testing.assert_allclose(thin.coef_, dense.coef_, atol=1e-5)
        np.testing.assert_allclose(thin.predict(sparse.csr_array(table)), thin.predict(table), atol=1e-12)

    def test_a_series_of_attributes(self, rng):
        frame, y = make_frame(rng)
        X = frame[["x", "y", "z"]]
        first = fit(make_model("squared_error", 1.0), X, y, frame["sex"])
        second = fit(make_model("squared_error", 1.0), X, y, frame["sex"].tolist())
        np.testing.assert_array_equal(first.coef_, second.coef_)


class TestSearch:
    @pytest.mark.parametrize("kind", KINDS)
    def test_columns_need_no_routing(self, rng, kind):
        frame, y = make_frame(rng, kind, n_samples=900)
        columns = ["sex", "race"]
        model = make_model(kind, 0.0, sensitive_columns=columns, normalize="dcor")
        scoring = {"dcor": make_fairness_scorer("dcor", sensitive_columns=columns), "loss": None}
        scoring["loss"] = "neg_mean_squared_error" if kind == "squared_error" else "neg_log_loss"
        search = GridSearchCV(model, {"fairness_weight": [0.0, 0.3, 3.0]}, scoring=scoring, refit="dcor", cv=3)
        search.fit(frame, y)
        assert search.best_params_ == {"fairness_weight": 3.0}
        assert search.cv_results_["mean_test_loss"][0] > search.cv_results_["mean_test_loss"][2]
        assert search.predict(frame).shape == (900,)

    def test_columns_in_a_pipeline(self, rng):
        frame, y = make_frame(rng)
        numbers = make_column_transformer(
            (StandardScaler(), ["x", "y", "z"]), remainder="passthrough", verbose_feature_names_out=False
        ).set_output(transform="pandas")
        model = DistanceCovarianceFairRegressor(fairness_weight=1.0, sensitive_columns=["sex", "race"])
        pipe = make_pipeline(numbers, model).fit(frame, y)
        alone = fit(clone(model), frame, y)
        np.testing.assert_allclose(pipe.predict(frame), alone.predict(frame), atol=1e-3)
        assert cross_val_predict(pipe, frame, y, cv=3).shape == (300,)

    @pytest.mark.parametrize("kind", KINDS)
    def test_routing(self, rng, kind):
        frame, y = make_frame(rng, kind, n_samples=900)
        X, S = frame[["x", "y", "z"]], frame[["sex", "race"]]
        weights = rng.integers(1, 3, size=900)
        with config_context(enable_metadata_routing=True):
            model = make_model(kind, 1.0, normalize="dcor").set_fit_request(sensitive_features=True, sample_weight=True)
            pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
            scorer = make_fairness_scorer("dcor").set_score_request(sensitive_features=True, sample_weight=False)
            step = f"{type(model).__name__.lower()}__fairness_weight"
            search = GridSearchCV(pipe, {step: [0.0, 3.0]}, scoring=scorer, cv=3, error_score="raise")
            search.fit(X, y, sensitive_features=S, sample_weight=weights)
            assert search.best_params_ == {step: 3.0}
            results = cross_validate(
                pipe,
                X,
                y,
                cv=3,
                scoring=scorer,
                params={"sensitive_features": S, "sample_weight": weights},
                error_score="raise",
            )
            assert np.all(results["test_score"] <= 1.0)
            best = search.best_estimator_[-1]
        alone = make_model(kind, 3.0, normalize="dcor")
        fit(alone, StandardScaler().fit_transform(X), y, S, sample_weight=weights)
        np.testing.assert_allclose(best.coef_, alone.coef_, atol=1e-4)

    def test_routing_must_be_asked_for(self, rng):
        frame, y = make_frame(rng)
        with config_context(enable_metadata_routing=True):
            pipe = make_pipeline(StandardScaler(), DistanceCovarianceFairRegressor())
            with pytest.raises(UnsetMetadataPassedError, match="sensitive_features"):
                pipe.fit(frame[["x", "y", "z"]], y, sensitive_features=frame["sex"])

    def test_without_routing_the_step_is_named(self, rng):
        frame, y = make_frame(rng)
        X = frame[["x", "y", "z"]]
        pipe = make_pipeline(StandardScaler(), DistanceCovarianceFairRegressor())
        pipe.fit(X, y, distancecovariancefairregressor__sensitive_features=frame["sex"])
        alone = fit(DistanceCovarianceFairRegressor(), StandardScaler().fit_transform(X), y, frame["sex"])
        np.testing.assert_array_equal(pipe[-1].coef_, alone.coef_)


class TestCopies:
    @pytest.mark.parametrize("kind", KINDS)
    def test_clone_and_pickle(self, rng, kind):
        data = make_data(rng, kind)
        measure = DistanceCovariancePenalty("jdcov", c=0.5)
        model = fitted(kind, 1.0, data, measure=measure, encoder=ProtectedEncoder(scaling="unit"))
        twin = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(twin.predict(data.X), model.predict(data.X))
        assert twin.certificate_ == model.certificate_
        again = fit(clone(model), *data)
        np.testing.assert_array_equal(again.coef_, model.coef_)
        assert again.measure is not measure
        assert again.measure.c == 0.5

    def test_the_model_keeps_no_training_rows(self, rng):
        small, large = (
            len(pickle.dumps(fitted("squared_error", 0.1, make_data(rng, n_samples=n)))) for n in (200, 4000)
        )
        assert large < small + 200

    def test_skops(self, rng):
        skops_io = pytest.importorskip("skops.io")
        frame, y = make_frame(rng, "binary")
        model = fit(DistanceCovarianceFairClassifier(1.0, sensitive_columns=["sex", "race"]), frame, y)
        data = skops_io.dumps(model)
        trusted = skops_io.get_untrusted_types(data=data)
        assert all(name.startswith("statlearn.") for name in trusted)
        twin = skops_io.loads(data, trusted=trusted)
        np.testing.assert_array_equal(twin.predict_proba(frame), model.predict_proba(frame))

    def test_progress_bar(self, rng):
        pytest.importorskip("rich")
        data = make_data(rng, "poisson")
        model = fit(make_model("poisson", 1.0).set_callbacks(ProgressBar()), *data)
        np.testing.assert_array_equal(model.coef_, fitted("poisson", 1.0, data).coef_)


class TestRealData:
    def test_compas(self, shared_data):
        """A pipeline on recidivism: raw columns in, a dependence that falls with the weight out."""
        raw = pd.read_csv(shared_data / "fairness" / "compas_two_years.csv.gz")
        predictors = ["age_cat", "priors_count", "c_charge_degree"]
        frame = raw[[*predictors, "sex", "race"]]
        features = make_column_transformer(
            (OneHotEncoder(), ["age_cat", "c_charge_degree"]), (StandardScaler(), ["priors_count"])
        )
        dependences = []
        for weight in (0.0, 5.0):
            model = DistanceCovarianceFairClassifier(weight)
            pipe = make_pipeline(features, model)
            pipe.fit(
                frame[predictors],
                raw["two_year_recid"],
                distancecovariancefairclassifier__sensitive_features=frame[["sex", "race"]],
            )
            dependences.append(pipe[-1].penalty_excess_)
            assert pipe.score(frame[predictors], raw["two_year_recid"]) > 0.6
        assert dependences[1] < 0.9 * dependences[0]

    def test_motor_insurance(self, shared_data):
        """Claim frequencies with exposures: without weight the rates are those of scikit-learn's Poisson regression."""
        raw = pd.read_csv(shared_data / "insurance" / "pg15training.csv.gz", nrows=5000)
        X = raw[["Age", "Bonus", "Value", "Density", "Poldur"]]
        exposure = raw["Exppdays"] / 365.0
        rate = raw["Numtppd"] / exposure
        S = raw[["Gender", "Group2"]]
        ours = DistanceCovarianceFairRegressor("poisson", fairness_weight=0.0).fit(X, rate, S, sample_weight=exposure)
        theirs = make_pipeline(StandardScaler(), PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000))
        theirs.fit(X, rate, poissonregressor__sample_weight=exposure)
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5)
        fair = fit(
            DistanceCovarianceFairRegressor("poisson", fairness_weight=20.0, penalize_on="count"),
            X,
            rate,
            S,
            sample_weight=exposure,
        )
        assert fair.penalty_excess_ < 0.5 * ours.penalty_excess_
