"""Scores of predicted labels: plain sums over distances, and sets of ancestors."""

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error
from sklearn.model_selection import cross_val_score

from statlearn.frechet import (
    ChainMetric,
    DiscreteMetric,
    EmbeddingMetric,
    PrecomputedMetric,
    TreeMetric,
    hierarchical_prf,
    mean_squared_distance,
    metric_scorer,
)

PETS = [("pet", "dog", "terrier"), ("pet", "dog", "poodle"), ("pet", "cat"), ("pet", "bird", "parrot", "ara")]


class Constant(ClassifierMixin, BaseEstimator):
    """Predicts the first label it has seen."""

    def fit(self, X, y):
        self.classes_, self.first_ = np.unique(y), y[0]
        return self

    def predict(self, X):
        return np.full(len(X), self.first_)


def random_labels(rng, labels, n=200):
    return rng.choice(labels, size=n), rng.choice(labels, size=n)


def test_on_a_scale_it_is_the_error_of_regression(rng):
    true, predicted = random_labels(rng, np.arange(12))
    weights, scale = rng.uniform(size=200), ChainMetric(range(12))
    found = mean_squared_distance(true, predicted, scale, sample_weight=weights)
    assert found == pytest.approx(mean_squared_error(true, predicted, sample_weight=weights))
    assert mean_squared_distance(true, predicted, scale, power=1) == pytest.approx(mean_absolute_error(true, predicted))


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_without_geometry_it_is_the_error_rate(rng, power):
    true, predicted = random_labels(rng, ["a", "b", "c"])
    found = mean_squared_distance(true, predicted, DiscreteMetric(["c", "a", "b"]), power=power)
    assert found == pytest.approx(1.0 - accuracy_score(true, predicted))


@pytest.mark.parametrize("power", [1, 2, 3.0])
def test_it_is_the_mean_of_entries_of_the_distances(rng, power):
    labels = np.array([f"label {i}" for i in rng.permutation(15)])
    tree = TreeMetric(np.r_[-1, [rng.integers(i) for i in range(1, 15)]], labels, lengths=rng.uniform(1, 2, size=15))
    points = EmbeddingMetric(rng.normal(size=(15, 3)), labels)
    true, predicted = random_labels(rng, labels)
    order = {label: position for position, label in enumerate(labels)}
    pairs = [order[label] for label in true], [order[label] for label in predicted]
    for metric in (tree, points):
        expected = np.mean(metric.distances(np.arange(15), np.arange(15))[pairs] ** power)
        assert mean_squared_distance(true, predicted, metric, power=power) == pytest.approx(expected)


def test_true_labels_are_the_rows_of_costs():
    metric = PrecomputedMetric.from_costs([[0.0, 9.0], [1.0, 0.0]], ["ill", "well"])
    assert mean_squared_distance(["ill", "ill", "well"], ["ill", "well", "ill"], metric) == pytest.approx(10 / 3)


def test_the_scorer_is_minus_the_mean(rng):
    y = rng.integers(5, size=60)
    X, scale = np.zeros((60, 1)), ChainMetric(range(5))
    for power in (1, 2):
        scorer = metric_scorer(scale, power)
        model = Constant().fit(X, y)
        expected = -mean_squared_distance(y, np.full(60, y[0]), scale, power=power)
        assert scorer(model, X, y) == pytest.approx(expected)
        assert cross_val_score(model, X, y, scoring=scorer, cv=3).max() < 0.0


def test_the_scorer_takes_weights(rng):
    X, weights = rng.normal(size=(90, 2)), rng.uniform(size=90)
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    model, scale = LogisticRegression().fit(X, y), ChainMetric(range(3))
    expected = -mean_squared_distance(y, model.predict(X), scale, sample_weight=weights)
    assert metric_scorer(scale)(model, X, y, sample_weight=weights) == pytest.approx(expected)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = metric_scorer(scale).set_score_request(sample_weight=True)
        requested = LogisticRegression().set_fit_request(sample_weight=True)
        scores = cross_val_score(requested, X, y, scoring=scorer, params={"sample_weight": weights})
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0, 9], [0, 1], ChainMetric(range(3))), ValueError, r"y_true contains labels not in label_space: \[9\]"),
        (([0, 1], [0, 9], ChainMetric(range(3))), ValueError, r"y_pred contains labels not in label_space: \[9\]"),
        (([0, 1], [0], ChainMetric(range(3))), ValueError, "inconsistent numbers of samples"),
        (([], [], ChainMetric(range(3))), ValueError, "y_true must have at least one label"),
        (([[0, 1]], [0, 1], ChainMetric(range(3))), ValueError, "y should be a 1d array"),
        (([0], [0], "l2"), ValueError, "The 'metric' parameter of mean_squared_distance must be"),
    ],
)
def test_labels_that_cannot_be_scored(arguments, error, message):
    with pytest.raises(error, match=message):
        mean_squared_distance(*arguments)


def test_weights_that_cannot_weigh():
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        mean_squared_distance([0, 1], [1, 1], ChainMetric(range(2)), sample_weight=[1, -1])


# Hierarchical precision and recall


def ancestors(label):
    """A label and what is above it, without the root."""
    path = next(path for path in PETS if label in path)
    return set(path[1 : path.index(label) + 1])


def test_hierarchical_scores_by_sets(rng):
    labels = sorted({label for path in PETS for label in path})
    true, predicted = random_labels(rng, labels)
    common = sum(len(ancestors(t) & ancestors(p)) for t, p in zip(true, predicted, strict=True))
    precision = common / sum(len(ancestors(p)) for p in predicted)
    recall = common / sum(len(ancestors(t)) for t in true)
    found = hierarchical_prf(true, predicted, TreeMetric.from_paths(PETS))
    np.testing.assert_allclose(found, [precision, recall, 2 / (1 / precision + 1 / recall)])


def test_lengths_play_no_part(rng):
    parent = np.r_[-1, [rng.integers(i) for i in range(1, 30)]]
    plain, long = TreeMetric(parent), TreeMetric(parent, lengths=rng.uniform(0.0, 5.0, size=30))
    true, predicted = random_labels(rng, np.arange(30))
    assert hierarchical_prf(true, predicted, plain) == hierarchical_prf(true, predicted, long)


def test_limits_of_hierarchical_scores():
    pets = TreeMetric.from_paths(PETS)
    assert hierarchical_prf(["ara", "cat"], ["ara", "cat"], pets) == (1.0, 1.0, 1.0)
    assert hierarchical_prf(["ara", "cat"], ["cat", "ara"], pets) == (0.0, 0.0, 0.0)
    assert hierarchical_prf(["ara"], ["bird"], pets)[:2] == (1.0, 1 / 3)  # right but general
    assert hierarchical_prf(["bird"], ["ara"], pets)[:2] == (1 / 3, 1.0)  # too specific
    with pytest.warns(UndefinedMetricWarning, match="precision is set to 0, as all predicted labels are the root"):
        assert hierarchical_prf(["ara"], ["pet"], pets) == (0.0, 0.0, 0.0)
    with pytest.warns(UndefinedMetricWarning, match="recall is set to 0, as all true labels are the root"):
        assert hierarchical_prf(["pet"], ["ara"], pets) == (0.0, 0.0, 0.0)


def test_hierarchical_scores_need_a_tree():
    with pytest.raises(ValueError, match="The 'metric' parameter of hierarchical_prf must be an instance of"):
        hierarchical_prf([0], [0], ChainMetric(range(2)))
