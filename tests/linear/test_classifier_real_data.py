"""The classifier where users put it: pipelines, grid search and calibration, on real data."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from statlearn.linear import LargeStepLogisticClassifier, separability

GRID = [
    {"largesteplogisticclassifier__step_size": ["perceptron", "normalized-perceptron", 1.0, 100.0]},
    {
        "largesteplogisticclassifier__step_size": ["normalized"],
        "largesteplogisticclassifier__gamma": [0.1, 1.0, 10.0, 100.0],
    },
    {"largesteplogisticclassifier__step_size": ["safe-radius"], "largesteplogisticclassifier__r": [0.5, 1.0]},
]


@pytest.fixture(scope="module")
def threes_and_eights():
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, (3, 8))
    return X[chosen], y[chosen]


@pytest.fixture(scope="module")
def breast_cancer():
    return load_breast_cancer(return_X_y=True)


def scaled(**options):
    return make_pipeline(StandardScaler(), LargeStepLogisticClassifier(**options))


def test_a_grid_over_all_rules(threes_and_eights):
    X, y = threes_and_eights
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(scaled(), GRID, cv=folds, n_jobs=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores.size == 10
    assert scores.min() > 0.95
    best = search.best_estimator_[-1]
    assert best.status_ == "separable"
    assert best.certificate_.holds
    assert search.score(X, y) == 1.0


def test_the_greatest_margin_generalizes_as_well_as_any(threes_and_eights):
    """Steps up to the margin against plain logistic regression, whose coefficients grow until its solver gives up."""
    X, y = threes_and_eights
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    margin = cross_val_score(scaled(stop="margin"), X, y, cv=folds).mean()
    peer = cross_val_score(make_pipeline(StandardScaler(), LogisticRegression(C=np.inf, max_iter=1000)), X, y, cv=folds)
    assert margin > 0.97
    assert margin > peer.mean() - 0.01


def test_breast_cancer_with_a_penalty(breast_cancer):
    """Separable as a whole, with the least of margins; in folds as well, so that the penalty has no part in it."""
    X, y = breast_cancer
    model = scaled().fit(X, y)
    assert model[-1].status_ == "separable"
    assert model[-1].margin_lower_ == pytest.approx(0.0013925, abs=5e-8)
    assert cross_val_score(scaled(), X, y, cv=5).mean() > 0.92


def test_unscaled_columns_are_separable_as_well(breast_cancer):
    """Columns from 1e-3 to 4e3: the verdict does not depend on the scale, the margin does."""
    X, y = breast_cancer
    raw = LargeStepLogisticClassifier().fit(X, y)
    assert raw.status_ == "separable"
    assert raw.score(X, y) == 1.0
    assert raw.radius_R_ > 1e3
    assert separability(X, y).status == "separable"


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_gives_probabilities(breast_cancer, method):
    X, y = breast_cancer
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
    calibrated = CalibratedClassifierCV(scaled(), method=method, cv=5).fit(X_train, y_train)
    probabilities = calibrated.predict_proba(X_test)
    assert probabilities.shape == (len(y_test), 2)
    share = np.mean(y_train)
    assert log_loss(y_test, probabilities) < 0.5 * log_loss(y_test, np.full(len(y_test), share))
    assert np.mean(probabilities.argmax(axis=1) == y_test) > 0.92


def test_wine_in_three_classes():
    X, y = load_wine(return_X_y=True)
    model = scaled(stop="margin").fit(X, y)
    assert model[-1].status_ == ["separable"] * 3
    assert model.score(X, y) == 1.0
    assert np.all(model[-1].margin_lower_ > 0.0)
    assert cross_val_score(scaled(), X, y, cv=5).mean() > 0.94


def test_ten_digits():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, test_size=0.3, stratify=y, random_state=0)
    with pytest.warns(ConvergenceWarning, match="class 8 against the rest is separable but for rows on the boundary"):
        model = LargeStepLogisticClassifier().fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.93
    statuses = dict(zip(model.classes_.tolist(), model.status_, strict=True))
    assert statuses[0] == "separable"
    assert set(statuses.values()) <= {"separable", "not separable"}
    for label, status in statuses.items():
        assert separability(X_train, y_train == label).status == status


def test_words_in_sparse_columns():
    """Short texts with more words than texts are separable."""
    texts = [f"{a} {b} {c}" for a in ("good", "great", "fine") for b in ("meal", "film", "book") for c in ("x1", "y2")]
    texts += [f"{a} {b} {c}" for a in ("bad", "poor", "dull") for b in ("meal", "film", "book") for c in ("x1", "y2")]
    y = np.repeat(["praise", "blame"], 18)
    model = make_pipeline(TfidfVectorizer(), LargeStepLogisticClassifier(stop="margin")).fit(texts, y)
    assert sparse.issparse(model[0].transform(texts))
    assert model[-1].status_ == "separable"
    assert model.predict(["a great film", "poor meal"]).tolist() == ["praise", "blame"]


def test_indicators_of_levels(rng):
    """A level that occurs in one class only makes estimates infinite; the certificate names its column."""
    colors = rng.choice(["blue", "green", "red"], 200)
    y = rng.random(200) < np.where(colors == "red", 1.0, 0.5)
    table = colors[:, None]
    with pytest.warns(ConvergenceWarning, match="infinite"):
        model = make_pipeline(OneHotEncoder(sparse_output=False), LargeStepLogisticClassifier()).fit(table, y)
    assert model[-1].status_ == "not separable"
    assert model[-1].quasi_ is True
    assert model[-1].certificate_["weak separation"].kind == "proof"
    assert "2" in model[-1].certificate_["weak separation"].detail
    assert not hasattr(model, "predict_proba")
