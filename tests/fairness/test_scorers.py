"""The scorers: in cross-validation and grid searches, with routed features or columns of X, beside a loss."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from statlearn.dependence import (
    concatenated_distance_covariance,
    distance_correlation,
    joint_distance_covariance,
)
from statlearn.fairness import (
    ProtectedEncoder,
    jensen_shannon_divergence,
    make_fairness_scorer,
    unfairness_ratio,
    wasserstein_disparity,
)

pd = pytest.importorskip("pandas")

NAMES = ["dcor", "ccdcov", "jdcov", "jsd", "uf", "wasserstein"]


@pytest.fixture
def data(rng):
    """A frame of two predictors and two attributes, which are numbers, and a target."""
    n = 300
    X = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "sex": rng.integers(0, 2, n),
            "age": rng.uniform(18, 80, n),
        }
    )
    X["x"] += X["sex"]
    return X, (X["x"] + X["z"] + rng.normal(size=n)).to_numpy()


@pytest.fixture
def fitted(data):
    X, y = data
    return LinearRegression().fit(X, y)


def attributes(X):
    return X[["sex", "age"]]


def spread(y_pred, sensitive_features, power=1.0):
    """A measure of one's own."""
    first = sensitive_features.iloc[:, 0].to_numpy()
    return abs(y_pred[first == 1].mean() - y_pred[first == 0].mean()) ** power


def weighted_spread(y_pred, sensitive_features, sample_weight=None):
    first = sensitive_features.iloc[:, 0].to_numpy() == 1
    return abs(np.average(y_pred, weights=sample_weight * first) - np.average(y_pred, weights=sample_weight * ~first))


class TestValues:
    @pytest.mark.parametrize("metric", NAMES)
    def test_against_the_functions(self, metric, data, fitted):
        X, y = data
        S, f = attributes(X), fitted.predict(X)
        encoder = ProtectedEncoder().fit(S)
        blocks = encoder.split(encoder.transform(S))
        expected = {
            "dcor": lambda: distance_correlation(f, np.hstack(blocks)),
            "ccdcov": lambda: concatenated_distance_covariance(f, *blocks),
            "jdcov": lambda: joint_distance_covariance(f, *blocks) - joint_distance_covariance(*blocks),
            "jsd": lambda: jensen_shannon_divergence(f, S, bins=4),
            "uf": lambda: unfairness_ratio(f, S, bins=4),
            "wasserstein": lambda: wasserstein_disparity(f, S, bins=4),
        }[metric]()
        by_features = make_fairness_scorer(metric)(fitted, X, y, sensitive_features=S)
        by_columns = make_fairness_scorer(metric, sensitive_columns=["sex", "age"])(fitted, X, y)
        by_positions = make_fairness_scorer(metric, sensitive_columns=[2, 3])(fitted, X)
        assert by_features == pytest.approx(-expected, rel=1e-9)
        assert by_columns == by_positions == by_features
        assert isinstance(by_features, float)

    @pytest.mark.parametrize("metric", NAMES)
    def test_weights_are_repetitions(self, metric, data, fitted, rng):
        X, y = data
        weights = rng.integers(0, 3, len(X))
        scorer = make_fairness_scorer(metric, sensitive_columns=["sex", "age"])
        rows = np.repeat(np.arange(len(X)), weights)
        weighted = scorer(fitted, X, y, sample_weight=weights)
        assert weighted == pytest.approx(scorer(fitted, X.iloc[rows], y[rows]), rel=1e-8)
        assert weighted != pytest.approx(scorer(fitted, X, y), rel=1e-4)

    def test_options_of_the_measures(self, data, fitted):
        X, y = data
        S, f = attributes(X), fitted.predict(X)
        scorer = make_fairness_scorer("jsd", bins={"age": [18, 40, 80]}, bandwidth="scott")
        expected = jensen_shannon_divergence(f, S, bins={"age": [18, 40, 80]}, bandwidth="scott")
        assert scorer(fitted, X, y, sensitive_features=S) == -expected
        scorer = make_fairness_scorer("ccdcov", unbiased=False, encoder=ProtectedEncoder("unit"))
        Z = ProtectedEncoder("unit").fit_transform(S)
        expected = concatenated_distance_covariance(f, Z, unbiased=False)
        assert scorer(fitted, X, y, sensitive_features=S) == pytest.approx(-expected, rel=1e-9)

    def test_a_measure_of_ones_own(self, data, fitted):
        X, y = data
        S, f = attributes(X), fitted.predict(X)
        scorer = make_fairness_scorer(spread, power=2.0)
        assert scorer(fitted, X, y, sensitive_features=S) == -spread(f, S, power=2.0)
        weights = np.arange(1.0, len(X) + 1.0)
        found = make_fairness_scorer(weighted_spread)(fitted, X, y, sample_weight=weights, sensitive_features=S)
        assert found == -weighted_spread(f, S, sample_weight=weights)


class TestClassifiers:
    def test_what_is_compared(self, data):
        X, y = data
        labels = np.where(y > 0, "yes", "no")
        model = LogisticRegression().fit(X, labels)
        sex = X["sex"]

        def score(**options):
            return make_fairness_scorer("uf", **options)(model, X, labels, sensitive_features=sex)

        assert score() == -unfairness_ratio(model.predict_proba(X)[:, 1], sex)
        assert score(response_method="decision_function") == -unfairness_ratio(model.decision_function(X), sex)
        assert score(response_method="predict") == -unfairness_ratio(model.predict(X) == "yes", sex)
        machine = LinearSVC().fit(X, labels)
        expected = -unfairness_ratio(machine.decision_function(X), sex)
        assert make_fairness_scorer("uf")(machine, X, labels, sensitive_features=sex) == expected

    def test_of_several_classes_the_worst_counts(self, data):
        X, y = data
        labels = np.digitize(y, [-1.0, 1.5])
        model = LogisticRegression(max_iter=1000).fit(X, labels)
        ratios = [unfairness_ratio(column, X["sex"]) for column in model.predict_proba(X).T]
        assert make_fairness_scorer("uf")(model, X, labels, sensitive_features=X["sex"]) == -max(ratios)
        assert max(ratios) > min(ratios)

    def test_a_method_that_does_not_exist(self, data):
        X, y = data
        machine = LinearSVC().fit(X, y > 0)
        scorer = make_fairness_scorer("uf", response_method="predict_proba", sensitive_columns=["sex"])
        with pytest.raises(TypeError, match="LinearSVC has no predict_proba: choose another response_method"):
            scorer(machine, X, y)


class TestSearches:
    def test_sensitive_columns_need_no_routing(self, data):
        X, y = data
        scorer = make_fairness_scorer("uf", sensitive_columns=["sex", "age"], bins=2)
        folds = KFold(3)
        found = cross_val_score(LinearRegression(), X, y, scoring=scorer, cv=folds, error_score="raise")
        expected = [
            -unfairness_ratio(
                LinearRegression().fit(X.iloc[train], y[train]).predict(X.iloc[test]), attributes(X.iloc[test]), bins=2
            )
            for train, test in folds.split(X)
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_routed_features_agree_with_columns(self, data):
        X, y = data
        predictors, S = X[["x", "z"]], attributes(X)
        grid = {"alpha": [0.1, 10.0, 1000.0]}
        columns = make_fairness_scorer("wasserstein", sensitive_columns=["sex", "age"])
        model = make_pipeline(DropAttributes(), Ridge())
        expected = GridSearchCV(model, {"ridge__alpha": grid["alpha"]}, scoring=columns, cv=3, error_score="raise")
        expected.fit(X, y)
        with config_context(enable_metadata_routing=True):
            routed = make_fairness_scorer("wasserstein").set_score_request(sensitive_features=True)
            search = GridSearchCV(Ridge(), grid, scoring=routed, cv=3, error_score="raise")
            search.fit(predictors, y, sensitive_features=S)
        np.testing.assert_allclose(
            search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], rtol=1e-10
        )
        assert search.best_params_ == {"alpha": 1000.0}

    def test_beside_a_loss_with_routing(self, data):
        X, y = data
        with config_context(enable_metadata_routing=True):
            scoring = {
                "fair": make_fairness_scorer("dcor").set_score_request(sensitive_features=True),
                "loss": "neg_mean_squared_error",
            }
            search = GridSearchCV(
                make_pipeline(StandardScaler(), Ridge()),
                {"ridge__alpha": [0.1, 1e5]},
                scoring=scoring,
                refit="loss",
                cv=3,
                error_score="raise",
            )
            search.fit(X[["x", "z"]], y, sensitive_features=attributes(X))
        assert search.best_params_ == {"ridge__alpha": 0.1}
        assert (search.cv_results_["mean_test_fair"] < 0).all()

    def test_beside_a_loss_without_routing(self, data):
        X, y = data
        scoring = {"fair": make_fairness_scorer("jsd", sensitive_columns=[2]), "r2": "r2"}
        scores = cross_validate(LinearRegression(), X.to_numpy(), y, scoring=scoring, error_score="raise")
        assert scores["test_fair"].shape == scores["test_r2"].shape == (5,)
        assert (scores["test_fair"] < 0).all()

    def test_weights_reach_the_scorer(self, data):
        X, y = data
        weights = np.arange(len(X)) % 3 + 1
        S = attributes(X)
        with config_context(enable_metadata_routing=True):
            scorer = make_fairness_scorer("uf").set_score_request(sensitive_features=True, sample_weight=True)
            model = LinearRegression().set_fit_request(sample_weight=False)
            found = cross_validate(
                model, X, y, scoring=scorer, cv=3, params={"sensitive_features": S, "sample_weight": weights}
            )["test_score"]
        folds = list(KFold(3).split(X))
        for score, (train, test) in zip(found, folds, strict=True):
            f = LinearRegression().fit(X.iloc[train], y[train]).predict(X.iloc[test])
            expected = -unfairness_ratio(f, S.iloc[test], bins=4, sample_weight=weights[test])
            assert score == pytest.approx(expected, rel=1e-10)

    def test_weights_without_routing(self, data):
        X, y = data
        scoring = {"fair": make_fairness_scorer("uf", sensitive_columns=["sex"]), "r2": "r2"}
        search = GridSearchCV(Ridge(), {"alpha": [1.0]}, scoring=scoring, refit="r2", cv=3, error_score="raise")
        search.fit(X, y, sample_weight=np.arange(len(X)) % 2 + 1.0)
        assert search.cv_results_["mean_test_fair"][0] < 0


class DropAttributes(StandardScaler):
    """The first two columns."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X[["x", "z"]]


class TestObject:
    def test_clone_keeps_parameters_and_requests(self):
        with config_context(enable_metadata_routing=True):
            scorer = make_fairness_scorer("jsd", bins=2).set_score_request(sensitive_features=True)
        twin = clone(scorer)
        assert twin is not scorer
        assert twin.get_params() == scorer.get_params()
        assert twin.get_metadata_routing().score.requests["sensitive_features"] is True
        assert set(twin.get_metadata_routing().score.requests) == {"sensitive_features", "sample_weight"}

    @pytest.mark.parametrize("metric", ["dcor", spread])
    def test_pickle(self, metric, data, fitted):
        X, y = data
        scorer = make_fairness_scorer(metric, sensitive_columns=["sex", "age"])
        assert pickle.loads(pickle.dumps(scorer))(fitted, X, y) == scorer(fitted, X, y)

    def test_repr_names_what_was_asked_for(self):
        shown = repr(make_fairness_scorer("jsd", sensitive_columns=["sex"], bins=3))
        for part in ("'jsd'", "'sex'", "'bins': 3"):
            assert part in shown


class TestBadInput:
    def test_no_sensitive_features(self, data, fitted):
        X, y = data
        with pytest.raises(ValueError, match="no sensitive features.*sensitive_columns.*enable_metadata_routing"):
            make_fairness_scorer("dcor")(fitted, X, y)

    def test_both(self, data, fitted):
        X, y = data
        with pytest.raises(ValueError, match="has sensitive_columns and was given sensitive_features as well"):
            make_fairness_scorer("dcor", sensitive_columns=["sex"])(fitted, X, y, sensitive_features=X["sex"])

    def test_number_of_rows(self, data, fitted):
        X, y = data
        with pytest.raises(ValueError, match="sensitive_features has 299 rows for 300"):
            make_fairness_scorer("dcor")(fitted, X, y, sensitive_features=X["sex"].to_numpy()[1:])

    def test_unknown_options(self, data, fitted):
        X, y = data
        with pytest.raises(ValueError, match="The 'metric' parameter of make_fairness_scorer"):
            make_fairness_scorer("gini")
        with pytest.raises(ValueError, match="The 'response_method' parameter of make_fairness_scorer"):
            make_fairness_scorer("uf", response_method="proba")
        with pytest.raises(TypeError, match="bandwidth"):
            make_fairness_scorer("uf", bandwidth=0.1)(fitted, X, y, sensitive_features=X["sex"])


@pytest.mark.parametrize("metric, option", [("uf", "bandwidth"), ("dcor", "bins"), ("jsd", "bandwith"), ("jdcov", "d")])
def test_an_option_that_the_measure_lacks_is_refused_at_once(metric, option):
    with pytest.raises(TypeError, match=rf"the metric '{metric}' has no argument '{option}'\. It has \['"):
        make_fairness_scorer(metric, **{option: 1})
