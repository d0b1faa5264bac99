"""Warnings name the line that called the library, whatever lies between."""

import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn._support.user_warnings import warn_user
from statlearn.exceptions import ClassOrderWarning, CrossingWarning
from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV, ProportionalOddsClassifier, presto_path


def only_warning(function, category):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    (warning,) = [entry for entry in caught if issubclass(entry.category, category)]
    return warning


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    return X, np.array(["high", "low", "mid"])[np.arange(90) % 3]


def test_the_caller_is_the_place():
    assert only_warning(lambda: warn_user("text", UserWarning), UserWarning).filename == __file__


@pytest.mark.parametrize(
    "fit",
    [
        PrestoClassifier().fit,
        ProportionalOddsClassifier().fit,
        PrestoClassifierCV(alphas=3, cv=3).fit,
        presto_path,
        make_pipeline(StandardScaler(), PrestoClassifier()).fit,
    ],
    ids=["presto", "proportional odds", "cv", "path", "pipeline"],
)
def test_fits_point_at_the_users_line(fit, data):
    assert only_warning(lambda: fit(*data), ClassOrderWarning).filename == __file__


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "predict_median", "decision_function"]
)
def test_predictions_point_at_the_users_line(method, data):
    X, _ = data
    model = PrestoClassifier().fit(X, np.arange(90) % 3)
    model.intercept_ = np.array([-1.0, 1.0])
    warning = only_warning(lambda: getattr(model, method)(X), CrossingWarning)
    assert warning.filename == __file__
    assert "crossing='box' rules them out" in str(warning.message)
