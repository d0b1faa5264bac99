"""The family at work where users put it: pipelines, grid search and clusters, on real data."""

import warnings

import joblib
import numpy as np
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.datasets import load_marriage
from statlearn.exceptions import CrossingWarning
from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV, ProportionalOddsClassifier, presto_path

pytest.importorskip("statsmodels")


@pytest.fixture(scope="module")
def marriages():
    X, y = load_marriage(return_X_y=True, as_frame=True)
    return train_test_split(X, y, train_size=1500, stratify=y, random_state=0)


def test_grid_search_over_the_penalties_in_a_pipeline(marriages):
    X_train, X_test, y_train, y_test = marriages
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), PrestoClassifier())
    grid = {
        "prestoclassifier__alpha": [0.003, 0.01, 0.03],
        "prestoclassifier__base_penalty": [0.0, 1.0],
        "prestoclassifier__crossing": ["train", "box"],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CrossingWarning)
        search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=3, error_score="raise").fit(X_train, y_train)
        probabilities = search.predict_proba(X_test)
    shares = np.bincount(y_train) / len(y_train)
    assert log_loss(y_test, probabilities) < log_loss(y_test, np.tile(shares, (len(y_test), 1)))
    fitted = search.best_estimator_[-1]
    assert fitted.certificate_
    assert list(fitted.feature_names_in_) == list(X_train.columns)
    assert {*fitted.deviating_transitions().features, *fitted.deviating_transitions().parallel} == {*X_train.columns}


def test_cross_validated_path_equals_its_single_fits(marriages):
    X_train, _, y_train, _ = marriages
    model = PrestoClassifierCV(alphas=8, cv=3).fit(X_train, y_train)
    single = PrestoClassifier(model.alpha_, tol=1e-8).fit(X_train, y_train)
    np.testing.assert_allclose(model.coef_, single.coef_, atol=1e-4 * np.abs(single.coef_).max())
    assert model.objective_ - single.objective_ <= model.dual_gap_ + 1e-12


def test_the_same_result_for_any_number_of_workers(marriages):
    X_train, _, y_train, _ = marriages
    one, two = (PrestoClassifierCV(alphas=6, cv=3, random_state=1, n_jobs=n).fit(X_train, y_train) for n in (1, 2))
    np.testing.assert_array_equal(one.cv_scores_, two.cv_scores_)
    np.testing.assert_array_equal(one.coef_, two.coef_)


def test_folds_on_a_dask_cluster(marriages):
    distributed = pytest.importorskip("distributed")
    X_train, _, y_train, _ = marriages
    here = PrestoClassifierCV(alphas=4, cv=3).fit(X_train, y_train)
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0")
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        there = PrestoClassifierCV(alphas=4, cv=3, n_jobs=2).fit(X_train, y_train)
    np.testing.assert_array_equal(here.cv_scores_, there.cv_scores_)


def test_parallel_models_order_by_likelihood(marriages):
    """Proportional odds is a special case of unpenalized cuts, and the path runs between the intercepts and them."""
    X_train, _, y_train, _ = marriages
    parallel = ProportionalOddsClassifier().fit(X_train, y_train)
    free = PrestoClassifier(0.0).fit(X_train, y_train)
    path = presto_path(X_train, y_train, n_alphas=10, base_penalty=0.0)
    assert path.log_likelihood[0] == pytest.approx(parallel.log_likelihood_, abs=1e-3)
    assert np.all(np.diff(path.log_likelihood) > 0)
    assert path.log_likelihood[-1] < free.log_likelihood_


@pytest.mark.parametrize("name", ["swd", "lev", "esl", "era"])
def test_four_ordinal_benchmarks_fit_with_a_certificate(shared_data, name):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_csv(shared_data / "ordinal" / f"{name}.csv")
    X, y = table.drop(columns="target"), table["target"]
    for crossing in ("observed", "train", "box"):
        model = PrestoClassifier(0.002, crossing=crossing).fit(X, y)
        assert model.certificate_, model.certificate_
