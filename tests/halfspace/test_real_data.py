"""Real tables: none is Gaussian but for a single species of iris, and the learner is of use all the same."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2, norm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.halfspace_tables import flipped_by_components, real_tables
from statlearn.halfspace import TestableHalfspaceClassifier, gaussianity_test


def quiet(**params):
    return TestableHalfspaceClassifier(**{"on_reject": "ignore", "random_state": 0, **params})


def test_setosa_agrees_with_published_statistics():
    """Mardia's statistics and p-values of R's MVN package."""
    n, d = 50, 4
    found = {one.name: one.value for one in gaussianity_test(load_iris().data[:n]).statistics}
    skewness, kurtosis = found["Mardia skewness (root)"] ** 2, found["Mardia kurtosis"] + d * (d + 2)
    assert_allclose([skewness, kurtosis], [3.079721, 26.53766], rtol=1e-6)
    assert_allclose(chi2.sf(n * skewness / 6, d * (d + 1) * (d + 2) / 6), 0.177186, rtol=1e-5)
    assert_allclose(2 * norm.sf((kurtosis - d * (d + 2)) / np.sqrt(8 * d * (d + 2) / n)), 0.195323, rtol=1e-4)


@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_iris])
def test_pooled_tables_are_not_gaussian(load):
    assert gaussianity_test(load().data).passed is False


def test_one_species_is_borderline():
    result = gaussianity_test(load_iris().data[:50], n_null=999)
    assert 0.02 < result.p_value < 0.2


TABLES = {name: (X, y) for name, X, y in real_tables()}


def noisy_fits(name, seed):
    """Logistic regression and ours on five components and noisy labels, with their accuracy on other, true labels."""
    X, y = TABLES[name]
    noisy = flipped_by_components(X, y, np.random.default_rng(seed))
    train, test = train_test_split(np.arange(y.size), test_size=0.3, random_state=seed, stratify=y)
    learners = LogisticRegression(), quiet(random_state=seed, fit_intercept=True, test_size=0.2)
    models = [make_pipeline(StandardScaler(), PCA(5), one).fit(X[train], noisy[train]) for one in learners]
    return models, [model.score(X[test], y[test]) for model in models]


def test_wrong_labels_far_from_the_boundary():
    convex, robust = np.mean([noisy_fits("breast cancer", seed)[1] for seed in range(5)], axis=0)
    assert robust > convex


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_certified(name):
    certificate = noisy_fits(name, 0)[0][1][-1].certificate_
    assert certificate.holds is not True
    assert certificate["Gaussian"].holds is not True


def test_grid_search_in_a_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    grid = {"classifier__eta": [0.1, 0.4], "classifier__width": [0.3, 1.0]}
    model = Pipeline([("scaler", StandardScaler()), ("classifier", quiet())])
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.9


def test_calibrated_probabilities():
    X, y = load_breast_cancer(return_X_y=True)
    model = CalibratedClassifierCV(make_pipeline(StandardScaler(), quiet()), cv=3).fit(X[::2], y[::2])
    chances = model.predict_proba(X[1::2])[:, 1]
    base = y[1::2].mean() * (1.0 - y[1::2].mean())
    assert np.mean((chances - y[1::2]) ** 2) < 0.5 * base


def test_one_against_the_rest():
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), OneVsRestClassifier(quiet(test_size=0.2, fit_intercept=True)))
    assert cross_val_score(model, X, y, cv=3).mean() > 0.6
