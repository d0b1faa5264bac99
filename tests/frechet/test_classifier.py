"""Fréchet-mean classification: the rule against plain sums, and the citizenship of the estimator."""

import pickle

import numpy as np
import pytest
import sklearn
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.linear_model import Ridge as RidgeRegressor
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from statlearn.frechet import (
    ChainMetric,
    DiscreteMetric,
    EmbeddingMetric,
    LeaveClassesOut,
    LokiClassifier,
    PrecomputedMetric,
    TreeMetric,
    _classifier,
    frechet_predict,
    mean_squared_distance,
    metric_scorer,
)
from statlearn.frechet._temperature import TEMPERATURES

LEVELS = [0, 3, 7, 11, 15, 18]
RTOL = 1e-9  # two orders of sums over the observed labels


def linear(C=0.1):
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=500))


@pytest.fixture(scope="module")
def diabetes():
    """Rows, their levels on a scale of 20, and the rows whose level is seen in training."""
    X, y = load_diabetes(return_X_y=True)
    levels = np.digitize(y, np.linspace(y.min(), y.max(), 21)[1:-1])
    return X, levels, np.isin(levels, LEVELS)


@pytest.fixture(scope="module")
def fitted(diabetes):
    X, y, seen = diabetes
    return LokiClassifier(linear(), metric=ChainMetric(range(20))).fit(X[seen], y[seen])


class TablePredictions(ClassifierMixin, BaseEstimator):
    """A classifier whose probabilities are the columns of X, for as many classes as it has columns."""

    def __init__(self, classes=None):
        self.classes = classes

    def fit(self, X, y):
        self.classes_ = np.unique(y) if self.classes is None else np.asarray(self.classes)
        return self

    def predict_proba(self, X):
        return np.asarray(X)


def loki_of_table(classes, **parameters):
    """A Loki classifier that takes X for the probabilities of some classes."""
    frozen = FrozenEstimator(TablePredictions(classes).fit(None, None))
    return LokiClassifier(frozen, **parameters).fit(np.ones((2, len(classes))), np.resize(classes, 2))


# The rule


def test_the_default_predicts_the_most_probable_label():
    X, y = load_digits(return_X_y=True)
    loki = LokiClassifier(LogisticRegression(C=0.01, max_iter=500)).fit(X[::3], y[::3])
    np.testing.assert_array_equal(loki.predict(X), loki.estimator_.predict(X))
    assert isinstance(loki.metric_, DiscreteMetric)
    assert loki.certificate_.holds


def test_squared_euclidean_distances_give_the_label_nearest_to_the_mean_embedding(rng):
    labels = np.array([f"label {i:02}" for i in rng.permutation(30)])
    embeddings, P = rng.normal(size=(30, 4)), rng.dirichlet(np.ones(5), size=200)
    known = np.sort(labels)[:5]
    loki = loki_of_table(known, metric=EmbeddingMetric(embeddings, labels))
    mean = P @ embeddings[loki.observed_indices_]
    nearest = ((mean[:, None] - embeddings) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(loki.predict(P), labels[nearest])


def test_on_a_scale_it_is_the_level_nearest_to_the_mean(rng):
    P = rng.dirichlet(np.ones(4), size=500)
    mean = P @ [1, 4, 8, 19]
    P, mean = P[np.abs(mean % 1 - 0.5) > 1e-6], mean[np.abs(mean % 1 - 0.5) > 1e-6]
    loki = loki_of_table([1, 4, 8, 19], metric=ChainMetric(range(20)))
    np.testing.assert_array_equal(loki.predict(P), np.round(mean).astype(int))


def test_a_cost_matrix_gives_the_label_of_least_expected_cost(rng):
    costs, P = rng.uniform(size=(4, 4)), rng.dirichlet(np.ones(4), size=300)  # asymmetric: a miss is no false alarm
    np.fill_diagonal(costs, 0.0)
    loki = loki_of_table([0, 1, 2, 3], metric=PrecomputedMetric.from_costs(costs, range(4)))
    np.testing.assert_array_equal(loki.predict(P), (P @ costs).argmin(axis=1))


def test_it_is_bayes_rule_when_probabilities_are_right(rng):
    """No other function of the row has a smaller expected squared distance: all are tried on a small space."""
    D = ChainMetric([0.0, 1.0, 1.5, 4.0]).distances(np.arange(4), np.arange(4))
    P = rng.dirichlet(np.ones(4), size=100)
    predicted = loki_of_table([0, 1, 2, 3], metric=PrecomputedMetric(D, range(4))).predict(P)
    risks = P @ D**2
    np.testing.assert_allclose(risks[np.arange(100), predicted], risks.min(axis=1), rtol=RTOL)


def test_temperature_goes_from_the_most_probable_to_a_constant_label(rng):
    P = rng.dirichlet(np.ones(3), size=400)
    P = P[np.diff(np.sort(P, axis=1))[:, 1] > 0.05]  # at a finite temperature near ties are no clear wins
    metric, known = ChainMetric(range(30)), [2, 9, 28]
    cold = loki_of_table(known, metric=metric, temperature=1e-3)
    hot = loki_of_table(known, metric=metric, temperature=1e6)
    np.testing.assert_array_equal(cold.predict(P), np.take(known, P.argmax(axis=1)))
    np.testing.assert_array_equal(hot.predict(P), 13)  # the Fréchet mean of the uniform distribution on 2, 9, 28


@pytest.mark.parametrize("power", [1, 2, 3.5])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_scores_are_plain_sums(diabetes, power, temperature):
    X, y, seen = diabetes
    loki = LokiClassifier(linear(), metric=ChainMetric(range(20)), power=power, temperature=temperature)
    P = loki.fit(X[seen], y[seen]).predict_observed_proba(X)
    weights = P ** (1 / temperature)
    F = weights @ np.abs(np.subtract.outer(LEVELS, np.arange(20))) ** float(power)
    np.testing.assert_array_equal(loki.predict(X), F.argmin(axis=1))
    np.testing.assert_array_equal(loki.predict_top_k(X, 3), F.argsort(axis=1, kind="stable")[:, :3])
    np.testing.assert_allclose(loki.frechet_variance(X), F.min(axis=1) / weights.sum(axis=1), rtol=RTOL)
    scale = P.max(axis=1) / weights.max(axis=1)  # the largest weight stays what it was
    np.testing.assert_allclose(-loki.decision_function(X), F * scale[:, None], rtol=RTOL)


def test_labels_keep_the_order_of_the_metric_and_columns_that_of_sorted_labels(rng):
    metric = ChainMetric([5.0, 0.0, 2.0], labels=["top", "bottom", "middle"])
    P = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])
    loki = loki_of_table(["bottom", "top"], metric=metric)
    assert loki.classes_.tolist() == ["bottom", "middle", "top"]
    assert loki.observed_classes_.tolist() == ["bottom", "top"]
    assert loki.observed_indices_.tolist() == [1, 0]
    assert loki.predict(P).tolist() == ["middle", "top", "middle"]
    np.testing.assert_array_equal(loki.predict_proba(P), [[0.7, 0, 0.3], [0.2, 0, 0.8], [0.5, 0, 0.5]])
    np.testing.assert_allclose(loki.decision_function(P)[0], [-7.5, -0.7 * 4 - 0.3 * 9, -17.5])


def test_ties(rng):
    P = np.array([[0.5, 0.5]])
    metric = PrecomputedMetric([[0, 1, 1], [1, 0, 1], [1, 1, 0]], ["a", "b", "c"])
    assert loki_of_table(["b", "c"], metric=metric).predict(P) == ["b"]
    twins = ChainMetric([1.0, 1.0, 1.0], labels=["a", "b", "c"])  # all at distance 0
    assert loki_of_table(["b", "c"], metric=twins).predict(P) == ["a"]
    assert loki_of_table(["b", "c"], metric=twins, tie_break="observed").predict([[0.4, 0.6]]) == ["c"]


@pytest.mark.parametrize("backend", ["dense", "rows"])
def test_backends_agree(fitted, diabetes, backend):
    X, y, seen = diabetes
    loki = clone(fitted).set_params(backend=backend).fit(X[seen], y[seen])
    np.testing.assert_array_equal(loki.predict(X), fitted.predict(X))


# Label spaces


def test_label_space_restricts_predictions(fitted, diabetes):
    X, y, seen = diabetes
    free = fitted.decision_function(X)
    for space in ("observed", [1, 8, 14], np.array([14, 8, 1])):
        loki = clone(fitted).set_params(label_space=space).fit(X[seen], y[seen])
        allowed = LEVELS if isinstance(space, str) else sorted(space)
        np.testing.assert_array_equal(loki.predict(X), np.take(allowed, free[:, allowed].argmax(axis=1)))
        scores = loki.decision_function(X)
        np.testing.assert_array_equal(scores[:, allowed], free[:, allowed])
        assert (np.delete(scores, allowed, axis=1) == -np.inf).all()
        np.testing.assert_array_equal(loki.classes_, np.arange(20))
        np.testing.assert_array_equal(loki.locus(), allowed if isinstance(space, str) else [1, 8, 14])


def test_two_labels_have_one_score():
    X, y = load_iris(return_X_y=True)
    X, y = X[y > 0], np.array(["no", "yes"])[y[y > 0] - 1]
    loki = LokiClassifier().fit(X, y)
    p = loki.estimator_.predict_proba(X)[:, 1]
    np.testing.assert_allclose(loki.decision_function(X), 2 * p - 1, rtol=1e-6, atol=1e-12)
    only_no = LokiClassifier(label_space=["no"]).fit(X, y)
    assert (only_no.decision_function(X) == -np.inf).all()
    assert set(only_no.predict(X)) == {"no"}


def test_locus_and_next_classes(fitted):
    np.testing.assert_array_equal(fitted.locus(), np.arange(19))
    np.testing.assert_array_equal(fitted.next_classes(5), [19])  # then all levels can be predicted
    tree = TreeMetric([-1, 0, 0, 1, 1, 2, 2], labels=["r", "a", "b", "aa", "ab", "ba", "bb"])
    loki = loki_of_table(["aa", "ba"], metric=tree)
    assert loki.locus().tolist() == loki.locus(strict=True).tolist() == ["r", "a", "b", "aa", "ba"]
    assert sorted(loki.next_classes(2)) == ["ab", "bb"]


def test_large_tables_are_refused(fitted, diabetes, monkeypatch):
    monkeypatch.setattr(_classifier, "LARGEST_TABLE", 20 * 10)
    X = diabetes[0]
    assert fitted.predict_proba(X[:10]).shape == (10, 20)
    with pytest.raises(ValueError, match="11 x 20 probabilities is too large.*predict_observed_proba"):
        fitted.predict_proba(X[:11])
    assert fitted.predict_observed_proba(X[:11]).shape == (11, 6)


# The classifier inside


@pytest.mark.parametrize("temperature", [1.0, "auto"])
@pytest.mark.parametrize("inner", [{}, {"response_method": "decision_function"}, {"calibration": "sigmoid"}], ids=str)
def test_one_observed_class_is_always_predicted(diabetes, temperature, inner):
    X = diabetes[0][:30]
    loki = LokiClassifier(metric=ChainMetric(range(20)), temperature=temperature, **inner).fit(X, np.full(30, 7))
    np.testing.assert_array_equal(loki.predict(X), 7)
    np.testing.assert_array_equal(loki.predict_proba(X), np.eye(20)[np.full(30, 7)])
    np.testing.assert_array_equal(loki.frechet_variance(X), 0.0)
    assert loki.observed_classes_.tolist() == [7]
    assert loki.certificate_["unseen labels that can be predicted"].holds is False


@pytest.mark.parametrize("binary", [True, False])
def test_decision_values_of_logistic_regression_are_its_log_odds(binary):
    X, y = load_iris(return_X_y=True)
    rows = y < 2 if binary else y < 3
    one, two = (
        LokiClassifier(LogisticRegression(max_iter=500), response_method=method).fit(X[rows], y[rows])
        for method in ("predict_proba", "decision_function")
    )
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), rtol=1e-6, atol=1e-300)


@pytest.mark.parametrize(
    "estimator",
    [LinearSVC(), RidgeClassifier(), OneVsRestClassifier(LinearSVC()), SVC(break_ties=True)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_classifiers_without_probabilities(diabetes, estimator):
    X, y, seen = diabetes
    metric = ChainMetric(range(20))
    with pytest.raises(ValueError, match=f"response_method='predict_proba' needs.*{type(estimator).__name__} has not"):
        LokiClassifier(estimator, metric=metric).fit(X[seen], y[seen])
    loki = LokiClassifier(estimator, metric=metric, response_method="decision_function").fit(X[seen], y[seen])
    P = loki.predict_observed_proba(X)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    np.testing.assert_array_equal(loki.observed_classes_[P.argmax(axis=1)], loki.estimator_.predict(X))


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic", "temperature"])
def test_calibration_is_that_of_scikit_learn(calibration):
    X, y = load_iris(return_X_y=True)
    cv = StratifiedKFold(3)
    loki = LokiClassifier(GaussianNB(), metric=ChainMetric(range(5)), calibration=calibration, cv=cv).fit(X, y)
    rival = CalibratedClassifierCV(GaussianNB(), method=calibration, cv=cv).fit(X, y)
    np.testing.assert_array_equal(loki.predict_observed_proba(X), rival.predict_proba(X))


def test_a_frozen_classifier_stays_and_rows_may_have_labels_that_it_does_not_know(diabetes):
    X, y, seen = diabetes
    model = linear().fit(X[seen], y[seen])
    loki = LokiClassifier(FrozenEstimator(model), metric=ChainMetric(range(20)), temperature="auto").fit(X, y)
    assert loki.estimator_.estimator is model
    np.testing.assert_array_equal(loki.observed_classes_, LEVELS)
    # Nothing is fitted, so that left-out rows are all rows.
    P = model.predict_proba(X)
    for place in (0, 8, 16):
        rule = loki_of_table(LEVELS, metric=ChainMetric(range(20)), temperature=TEMPERATURES[place])
        expected = mean_squared_distance(y, rule.predict(P), ChainMetric(range(20)))
        np.testing.assert_allclose(loki.cv_scores_[place], expected, rtol=RTOL)
    discrete = LokiClassifier(FrozenEstimator(model)).fit(X, y)
    np.testing.assert_array_equal(discrete.classes_, np.unique(y))
    one_class = LokiClassifier(FrozenEstimator(model), metric=ChainMetric(range(20))).fit(X[y == 1], y[y == 1])
    np.testing.assert_array_equal(one_class.observed_classes_, LEVELS)


def test_a_calibrated_frozen_classifier(diabetes):
    X, y, seen = diabetes
    model = FrozenEstimator(linear().fit(X[seen], y[seen]))
    loki = LokiClassifier(model, metric=ChainMetric(range(20)), calibration="sigmoid", cv=2)
    np.testing.assert_array_equal(loki.fit(X[seen], y[seen]).observed_classes_, LEVELS)
    with pytest.raises(ValueError, match="needs rows of each of its 6 classes and of no other. y has 20 classes"):
        loki.fit(X, y)


# Temperature


class Overconfident(LogisticRegression):
    """Log odds three times as large as they should be."""

    def predict_proba(self, X):
        P = super().predict_proba(X) ** 3
        return P / P.sum(axis=1, keepdims=True)


def scale_problem(rng, n):
    """Rows whose levels on a scale of 12 follow a multinomial logistic model."""
    X = rng.normal(size=(n, 2))
    logits = -0.15 * (np.subtract.outer(4.0 * X[:, 0] + 5.5, np.arange(12))) ** 2
    return X, (softmax(logits, axis=1).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)


def test_auto_temperature_recovers_what_overconfidence_costs(rng):
    """The best temperature is inside the grid, and the chosen one has 90 % of what it gains over argmax."""
    X, y = scale_problem(rng, 4000)
    train, test = np.arange(1000), np.arange(1000, 4000)
    metric = ChainMetric(range(12))
    loki = LokiClassifier(Overconfident(max_iter=500), metric=metric, temperature="auto").fit(X[train], y[train])
    P = loki.predict_observed_proba(X[test])

    def error(temperature):
        return np.mean((frechet_predict(P, metric, loki.observed_indices_, temperature=temperature) - y[test]) ** 2.0)

    errors = np.array([error(temperature) for temperature in TEMPERATURES])
    assert 0 < errors.argmin() < TEMPERATURES.size - 1
    assert loki.temperature_ > 1.5
    assert error(loki.temperature_) < error(1.0)
    assert errors[0] - error(loki.temperature_) >= 0.9 * (errors[0] - errors.min()) > 0.0


def test_temperatures_are_scored_on_left_out_rows(diabetes):
    X, y, seen = diabetes
    X, y = X[seen], y[seen]
    metric, cv = ChainMetric(range(20)), StratifiedKFold(2)
    loki = LokiClassifier(linear(), metric=metric, temperature="auto", cv=cv).fit(X, y)
    P = cross_val_predict(linear(), X, y, cv=cv, method="predict_proba")
    means = []
    for temperature in TEMPERATURES:
        F = P ** (1 / temperature) @ np.abs(np.subtract.outer(LEVELS, np.arange(20))) ** 2.0
        means.append(np.mean((F.argmin(axis=1) - y) ** 2.0))
    np.testing.assert_allclose(loki.cv_scores_, means, rtol=RTOL)
    assert loki.temperature_ == TEMPERATURES[np.argmin(means)]
    check = loki.certificate_["held-out mean squared distance"]
    assert check.statistic == pytest.approx(min(means))
    most_probable = np.mean((np.take(LEVELS, P.argmax(axis=1)) - y) ** 2.0)
    assert f"most probable label {most_probable:.4g}" in check.detail
    constant = 0.0
    for train, test in cv.split(X, y):
        label = np.argmin([np.mean((y[train] - level) ** 2.0) for level in range(20)])
        constant += np.sum((y[test] - label) ** 2.0) / y.size
    assert f"best constant one {constant:.4g}" in check.detail
    assert check.bound == pytest.approx(min(constant, most_probable))
    assert check.holds == (min(means) <= min(constant, most_probable))


def test_a_rule_that_a_constant_beats_is_told_so(rng):
    X, y = rng.normal(size=(200, 2)), rng.integers(10, size=200)  # nothing to learn, and sure of what it says
    loki = LokiClassifier(KNeighborsClassifier(1), metric=ChainMetric(range(10)), temperature="auto").fit(X, y)
    check = loki.certificate_["held-out mean squared distance"]
    assert check.statistic > check.bound
    assert check.holds is False
    assert loki.certificate_.holds is False


def test_tied_temperatures_give_the_one_closest_to_one():
    X, y = load_iris(return_X_y=True)
    loki = LokiClassifier(GaussianNB(), temperature="auto").fit(X, y)  # the discrete metric: argmax at any temperature
    np.testing.assert_array_equal(loki.cv_scores_, loki.cv_scores_[0])
    assert loki.temperature_ == 1.0


def test_a_given_temperature_is_not_judged(fitted):
    assert fitted.temperature_ == 1.0
    assert fitted.cv_scores_ is None
    assert "held-out mean squared distance" not in [check.name for check in fitted.certificate_.checks]


def test_leaving_classes_out_judges_temperatures_on_labels_that_training_has_not_seen(diabetes):
    X, y, seen = diabetes
    X, y = X[seen], y[seen]
    metric, cv = ChainMetric(range(20)), LeaveClassesOut(3)
    loki = LokiClassifier(linear(), metric=metric, temperature="auto", cv=cv).fit(X, y)
    place, errors = 5, []
    for train, test in cv.split(X, y):
        part = LokiClassifier(linear(), metric=metric, temperature=TEMPERATURES[place]).fit(X[train], y[train])
        errors.append((part.predict(X[test]) - y[test]) ** 2.0)
    np.testing.assert_allclose(loki.cv_scores_[place], np.concatenate(errors).mean(), rtol=RTOL)
    # With the observed labels alone a hidden one is never right: a fold may predict what it has seen.
    only = clone(loki).set_params(label_space="observed", metric="discrete").fit(X, y)
    np.testing.assert_array_equal(only.cv_scores_, 1.0)


def test_two_classes_hidden_in_turn_leave_one_to_train_on():
    X, y = load_iris(return_X_y=True)
    X, y = X[y != 1], y[y != 1]
    loki = LokiClassifier(metric=ChainMetric(range(3)), temperature="auto", cv=LeaveClassesOut(2)).fit(X, y)
    np.testing.assert_array_equal(loki.cv_scores_, 4.0)


def test_rare_classes_do_not_disturb_the_folds(diabetes):
    X, y, _ = diabetes
    assert np.bincount(y, minlength=20).min() < 5
    loki = LokiClassifier(linear(), metric=ChainMetric(range(20)), temperature="auto").fit(X, y)
    assert np.isfinite(loki.cv_scores_).all()


def test_workers_and_callbacks_change_nothing(diabetes):
    X, y, seen = diabetes
    alone = LokiClassifier(linear(), metric=ChainMetric(range(20)), temperature="auto").fit(X[seen], y[seen])
    pair = clone(alone).set_params(n_jobs=2).set_callbacks(ProgressBar()).fit(X[seen], y[seen])
    np.testing.assert_array_equal(alone.cv_scores_, pair.cv_scores_)
    np.testing.assert_array_equal(alone.predict(X), pair.predict(X))


class Recorder:
    """A callback that counts tasks."""

    def setup(self, estimator, context):
        self.begun = self.ended = 0

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun += 1

    def on_fit_task_end(self, estimator, context):
        self.ended += 1


def test_callbacks_hear_of_every_fold(diabetes):
    X, y, seen = diabetes
    recorder = Recorder()
    loki = LokiClassifier(linear(), metric=ChainMetric(range(20)), temperature="auto", cv=3).set_callbacks(recorder)
    loki.fit(X[seen], y[seen])
    assert recorder.begun == recorder.ended == 1 + 3 + 1  # the fit, three folds, all rows


# Certificates


def test_certificate_of_a_scale(fitted, diabetes):
    certificate = fitted.certificate_
    assert certificate["labels that can be predicted"].statistic == 19
    assert certificate["labels that can be predicted"].holds is None
    assert certificate["unseen labels that can be predicted"].statistic == 13
    assert certificate["unseen labels that can be predicted"].kind == "proof"
    assert certificate.holds
    y = diabetes[1][diabetes[2]]
    means = [np.mean((y - level) ** 2.0) for level in range(20)]
    assert certificate["best constant label"].statistic == pytest.approx(min(means))
    assert certificate["best constant label"].detail.endswith(f"labels to {np.argmin(means)}")
    assert "heuristic" in str(certificate)


def test_a_balanced_taxonomy_of_leaves_is_told_that_no_unseen_class_is_ever_predicted(rng):
    tree = TreeMetric([-1, 0, 0, 1, 1, 2, 2], label_nodes="leaves")
    P = rng.dirichlet(np.ones(2), size=300)
    loki = loki_of_table(tree.labels_[[0, 2]], metric=tree)
    check = loki.certificate_["unseen labels that can be predicted"]
    assert (check.statistic, check.holds, check.kind) == (0, False, "proof")
    assert "no unseen label will ever be predicted" in check.detail
    assert loki.certificate_.holds is False
    assert set(loki.predict(P)) <= set(loki.observed_classes_)


def test_a_cover_predicts_all_labels():
    loki = loki_of_table([0, 9], metric=ChainMetric(range(10)))
    assert loki.certificate_["labels that can be predicted"].holds
    assert loki.certificate_["labels that can be predicted"].kind == "proof"


def test_nothing_unseen_is_said_where_all_labels_are_seen(diabetes):
    X, y, seen = diabetes
    for parameters in ({"metric": "discrete"}, {"metric": ChainMetric(range(20)), "label_space": "observed"}):
        certificate = LokiClassifier(linear(), **parameters).fit(X[seen], y[seen]).certificate_
        assert [check.name for check in certificate.checks] == ["labels that can be predicted", "best constant label"]
        assert certificate.holds
        assert "seen" not in certificate.claim


@pytest.mark.parametrize("seed", range(8))
def test_bounds_contain_what_is_predicted(seed):
    """Labels predicted for many weights are at most as many as the certificate allows."""
    generator = np.random.default_rng(seed)
    points, n_observed = generator.normal(size=(15, 2)), 4
    metric = PrecomputedMetric(np.linalg.norm(points[:, None] - points, axis=2), range(15))
    loki = loki_of_table(list(range(n_observed)), metric=metric)
    P = np.vstack([np.eye(n_observed), generator.dirichlet(np.full(n_observed, 0.5), size=3000)])
    found = np.unique(loki.predict(P))
    everything, unseen = loki.certificate_.checks[:2]
    assert everything.statistic >= found.size or everything.holds is None
    np.testing.assert_array_equal(np.isin(found, loki.locus()), True)
    if unseen.holds is False:
        assert found.max() < n_observed
    if unseen.holds is True:
        assert unseen.statistic <= np.setdiff1d(loki.locus(), np.arange(n_observed)).size


# Metadata


def test_sample_weights_mean_copies(diabetes):
    X, y, seen = diabetes
    X, y = X[seen], y[seen]
    weights = np.arange(y.size) % 3
    rows = np.repeat(np.arange(y.size), weights)
    metric, model = ChainMetric(range(20)), LogisticRegression(tol=1e-8, max_iter=5000)
    weighted = LokiClassifier(model, metric=metric).fit(X, y, sample_weight=weights)
    copied = LokiClassifier(model, metric=metric).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict_proba(X), copied.predict_proba(X), rtol=1e-4, atol=1e-6)
    name = "best constant label"
    assert weighted.certificate_[name].statistic == pytest.approx(copied.certificate_[name].statistic)


def test_sample_weights_weigh_left_out_rows(diabetes):
    X, y, seen = diabetes
    frozen, metric = FrozenEstimator(linear().fit(X[seen], y[seen])), ChainMetric(range(20))
    weights = np.arange(y.size) % 4
    rows = np.repeat(np.arange(y.size), weights)
    weighted = LokiClassifier(frozen, metric=metric, temperature="auto", cv=KFold(3)).fit(X, y, sample_weight=weights)
    copied = LokiClassifier(frozen, metric=metric, temperature="auto", cv=KFold(3)).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.cv_scores_, copied.cv_scores_, rtol=RTOL)


def test_sample_weights_weigh_the_rows_of_the_constant(diabetes):
    X, y, seen = diabetes
    frozen, half = FrozenEstimator(linear().fit(X[seen], y[seen])), y.size // 2
    weights = np.where(y == 18, 1e6, 1.0)
    weights[half:] = 1.0
    folds = [(np.arange(half), np.arange(half, y.size))]
    loki = LokiClassifier(frozen, metric=ChainMetric(range(20)), temperature="auto", cv=folds)
    detail = loki.fit(X, y, sample_weight=weights).certificate_["held-out mean squared distance"].detail
    assert f"best constant one {np.mean((y[half:] - 18) ** 2.0):.4g}" in detail


def test_without_routing_extra_metadata_and_deaf_classifiers_are_refused(diabetes):
    X, y, seen = diabetes
    metric, weights = ChainMetric(range(20)), np.ones(seen.sum())
    with pytest.raises(TypeError, match="does not take sample_weight.*enable_metadata_routing"):
        LokiClassifier(KNeighborsClassifier(), metric=metric).fit(X[seen], y[seen], sample_weight=weights)
    with pytest.raises(TypeError, match=r"got \['groups'\].*enable_metadata_routing"):
        LokiClassifier(linear(), metric=metric).fit(X[seen], y[seen], groups=weights)


class Listener(LogisticRegression):
    """Remembers what metadata its fit got."""

    def fit(self, X, y, sample_weight=None, *, color=None):
        self.heard_ = {"sample_weight": sample_weight, "color": color}
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("calibration", [None, "sigmoid"])
def test_metadata_is_routed(diabetes, calibration):
    X, y, seen = diabetes
    X, y = X[seen], y[seen]
    weights, color = np.linspace(1.0, 2.0, y.size), np.arange(y.size)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = Listener(max_iter=500).set_fit_request(sample_weight=True, color=True)
        loki = LokiClassifier(inner, metric=ChainMetric(range(20)), calibration=calibration, cv=2)
        loki.fit(X, y, sample_weight=weights, color=color)
        heard = (
            loki.estimator_.heard_
            if calibration is None
            else loki.estimator_.calibrated_classifiers_[0].estimator.heard_
        )
        assert (
            heard["color"].size
            == heard["sample_weight"].size
            == (y.size if calibration is None else heard["color"].size)
        )
        np.testing.assert_array_equal(heard["sample_weight"], weights[heard["color"]])
        loki.set_params(estimator=Listener().set_fit_request(sample_weight=False, color=False))
        with pytest.raises(TypeError, match="color"):
            loki.fit(X, y, sample_weight=weights, color=color)


def test_groups_go_to_the_splitter_and_each_fold_gets_its_share_of_metadata(diabetes):
    X, y, seen = diabetes
    X, y = X[seen], y[seen]
    groups, weights = np.arange(y.size) % 4, np.linspace(1.0, 2.0, y.size)
    metric = ChainMetric(range(20))
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression(max_iter=500).set_fit_request(sample_weight=True)
        routed = LokiClassifier(inner, metric=metric, temperature="auto", cv=GroupKFold(4))
        routed.fit(X, y, sample_weight=weights, groups=groups)
        with pytest.raises(TypeError, match="groups"):  # nobody would read them
            clone(routed).set_params(temperature=1.0).fit(X, y, groups=groups)
    folds = list(GroupKFold(4).split(X, y, groups))
    plain = LokiClassifier(LogisticRegression(max_iter=500), metric=metric, temperature="auto", cv=folds)
    np.testing.assert_array_equal(plain.fit(X, y, sample_weight=weights).cv_scores_, routed.cv_scores_)


def test_search_over_the_classifier_and_the_decision(diabetes):
    X, y, _ = diabetes
    metric = ChainMetric(range(20))
    grid = {"estimator__logisticregression__C": [0.01, 0.1], "temperature": [0.5, 1.0, 2.0], "power": [1, 2]}
    search = GridSearchCV(
        LokiClassifier(linear(), metric=metric), grid, scoring=metric_scorer(metric), cv=KFold(3), error_score="raise"
    ).fit(X, y)
    best = search.best_estimator_
    scores = cross_val_score(best, X, y, scoring=metric_scorer(metric), cv=KFold(3))
    assert search.best_score_ == pytest.approx(scores.mean())
    argmax = cross_val_predict(linear(), X, y, cv=KFold(3))
    assert -search.best_score_ < mean_squared_distance(y, argmax, metric)


def test_search_with_weights_and_routing(diabetes):
    X, y, _ = diabetes
    metric, weights = ChainMetric(range(20)), np.linspace(1.0, 2.0, y.size)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = LogisticRegression(max_iter=500).set_fit_request(sample_weight=True)
        loki = LokiClassifier(inner, metric=metric).set_fit_request(sample_weight=True)
        scorer = metric_scorer(metric).set_score_request(sample_weight=True)
        search = GridSearchCV(loki, {"temperature": [1.0, 2.0]}, scoring=scorer, cv=KFold(3), error_score="raise")
        assert np.isfinite(search.fit(X, y, sample_weight=weights).best_score_)


# Inputs


def test_in_a_pipeline(diabetes, fitted):
    X, y, seen = diabetes
    pipeline = make_pipeline(StandardScaler(), LokiClassifier(LogisticRegression(C=0.1), metric=ChainMetric(range(20))))
    np.testing.assert_array_equal(pipeline.fit(X[seen], y[seen]).predict(X), fitted.predict(X))


def test_texts():
    texts = ["a small cat", "a big cat", "a small dog", "a big dog"] * 5
    y = np.array(["cat", "cat", "dog", "dog"] * 5)
    tree = TreeMetric([-1, 0, 0], labels=["pet", "cat", "dog"])
    loki = LokiClassifier(make_pipeline(CountVectorizer(), MultinomialNB()), metric=tree, temperature="auto").fit(
        texts, y
    )
    assert loki.predict(["a dog", "a thing"]).tolist() == ["dog", "pet"]
    assert not hasattr(loki, "n_features_in_")


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix])
def test_sparse_rows(diabetes, container):
    X, y, seen = diabetes
    X = np.where(np.abs(X) > 0.03, X, 0.0)
    loki = LokiClassifier(LogisticRegression(), metric=ChainMetric(range(20)), temperature="auto")
    dense, thin = clone(loki).fit(X[seen], y[seen]), clone(loki).fit(container(X[seen]), y[seen])
    np.testing.assert_allclose(thin.predict_proba(container(X)), dense.predict_proba(X), rtol=1e-4)
    assert sklearn.utils.get_tags(loki).input_tags.sparse
    assert not sklearn.utils.get_tags(LokiClassifier(GaussianNB())).input_tags.sparse


class OnlyTwoClasses(LogisticRegression):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def test_tags_are_those_of_the_classifier():
    assert not sklearn.utils.get_tags(LokiClassifier(OnlyTwoClasses())).classifier_tags.multi_class
    assert sklearn.utils.get_tags(LokiClassifier()).classifier_tags.multi_class


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_reach_the_classifier(diabetes, library):
    frames = pytest.importorskip(library)
    X, y, seen = diabetes
    names = [f"x{j}" for j in range(X.shape[1])]

    def frame(rows):
        return frames.DataFrame(dict(zip(names, rows.T, strict=True)))

    loki = LokiClassifier(linear(), metric=ChainMetric(range(20)), temperature="auto")
    loki.fit(frame(X[seen]), frames.Series(y[seen]))
    assert loki.feature_names_in_.tolist() == names
    assert loki.estimator_.feature_names_in_.tolist() == names
    plain = clone(loki).fit(X[seen], y[seen])
    np.testing.assert_array_equal(loki.predict(frame(X)), plain.predict(X))


def test_clone_pickle_and_repr(fitted, diabetes):
    X = diabetes[0]
    twin = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(twin.predict(X), fitted.predict(X))
    assert twin.certificate_ == fitted.certificate_
    assert clone(fitted).metric is fitted.metric
    assert "ChainMetric" in repr(fitted)


def test_a_failed_fit_changes_nothing(fitted, diabetes):
    X, y, seen = diabetes
    loki = clone(fitted).fit(X[seen], y[seen])
    before = dict(vars(loki))
    with pytest.raises(ValueError, match="y contains labels not in label_space: \\[20, 21\\]"):
        loki.fit(X, y + 2)
    assert vars(loki) == before


def test_not_fitted():
    for method in ("predict", "predict_proba", "predict_observed_proba", "decision_function", "frechet_variance"):
        with pytest.raises(NotFittedError):
            getattr(LokiClassifier(), method)([[0.0]])
    for call in (LokiClassifier().locus, lambda: LokiClassifier().next_classes(1)):
        with pytest.raises(NotFittedError):
            call()


# Errors


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"label_space": [3, 40]}, r"label_space contains labels not in the metric: \[40\]"),
        ({"label_space": [3, 3]}, "label_space must name different labels"),
        ({"label_space": "all"}, "The 'label_space' parameter of LokiClassifier must be"),
        ({"backend": "steiner"}, "backend must be 'auto' or one of .* Got 'steiner'"),
        ({"temperature": 0.0}, "The 'temperature' parameter of LokiClassifier must be"),
        ({"power": 0}, "The 'power' parameter of LokiClassifier must be"),
        ({"metric": "euclidean"}, "The 'metric' parameter of LokiClassifier must be"),
        ({"cv": iter([]), "temperature": "auto"}, "cv gives no folds"),
        (
            {"calibration": "sigmoid", "cv": LeaveClassesOut(2)},
            r"cv=LeaveClassesOut.* cannot serve calibration='sigmoid'",
        ),
        ({"calibration": "sigmoid", "cv": iter([]), "temperature": "auto"}, "cannot serve calibration='sigmoid' too"),
        ({"calibration": "sigmoid", "response_method": "decision_function"}, "contradict each other"),
    ],
)
def test_parameters_that_make_no_sense(diabetes, parameters, message):
    X, y, seen = diabetes
    with pytest.raises(ValueError, match=message):
        LokiClassifier(linear(), **{"metric": ChainMetric(range(20)), **parameters}).fit(X[seen], y[seen])


def test_estimators_that_are_no_classifiers(diabetes):
    X, y, _ = diabetes
    with pytest.raises(TypeError, match="estimator must be a classifier. Got a Ridge"):
        LokiClassifier(RidgeRegressor()).fit(X, y)


def test_labels_of_another_type(diabetes):
    X, y, _ = diabetes
    with pytest.raises(ValueError, match="must have the same type"):
        LokiClassifier(metric=ChainMetric(range(20))).fit(X, y.astype(str))


@pytest.mark.parametrize(
    ("P", "message"),
    [
        (
            [[0.5, 0.5], [0.0, 0.0]],
            r"predict_proba of FrozenEstimator must give .* not all zero. Got \[0. 0.\] in row 1",
        ),
        ([[0.5, 0.5], [-0.1, 1.1]], "in row 1"),
        ([[np.nan, 0.5], [0.5, 0.5]], "in row 0"),
        ([[0.2, 0.3, 0.5]], "must give a column for each of its 2 classes"),
    ],
)
def test_probabilities_that_are_none(P, message):
    loki = LokiClassifier(FrozenEstimator(TablePredictions([0, 1]).fit(None, None))).fit([["a"], ["b"]], [0, 1])
    del loki.n_features_in_
    with pytest.raises(ValueError, match=message):
        loki.predict(P)


def test_weights_of_zero_on_all_left_out_rows(diabetes):
    X, y, seen = diabetes
    frozen = FrozenEstimator(linear().fit(X[seen], y[seen]))
    weights = np.r_[0.0, np.ones(y.size - 1)]
    folds = [(np.arange(1, y.size), [0])]
    with pytest.raises(ValueError, match="cv must hold out rows with a positive sample_weight"):
        LokiClassifier(frozen, metric=ChainMetric(range(20)), temperature="auto", cv=folds).fit(X, y, weights)


# Findings


def test_diabetes_as_a_scale_of_which_six_levels_are_seen(diabetes):
    """Figures of the experiment: argmax 15.28, Loki 12.25, best constant 23.18, and 80 % of predictions unobserved."""
    X, y, seen = diabetes
    metric, predicted, argmax = ChainMetric(range(20)), np.empty_like(y), np.empty_like(y)
    constants = np.empty_like(y)
    for train, test in KFold(5, shuffle=True, random_state=0).split(X):
        rows = train[seen[train]]
        loki = LokiClassifier(linear(), metric=metric).fit(X[rows], y[rows])
        predicted[test] = loki.predict(X[test])
        argmax[test] = loki.estimator_.predict(X[test])
        constants[test] = int(loki.certificate_["best constant label"].detail.rpartition(" ")[2])
    assert mean_squared_distance(y, argmax, metric) == pytest.approx(15.28, abs=1.0)
    assert mean_squared_distance(y, predicted, metric) == pytest.approx(12.25, abs=1.0)
    assert mean_squared_distance(y, constants, metric) == pytest.approx(23.18, abs=1.0)
    assert np.mean(~np.isin(predicted, LEVELS)) == pytest.approx(0.8, abs=0.05)


def test_sgd_probabilities_and_split_hold(diabetes):
    """A classifier that is trained in another way, on a held-out part."""
    X, y, seen = diabetes
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    rows = np.isin(y_train, LEVELS)
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", alpha=0.1, random_state=0))
    loki = LokiClassifier(model, metric=ChainMetric(range(20))).fit(X_train[rows], y_train[rows])
    metric = loki.metric_
    argmax = loki.estimator_.predict(X_test)
    assert mean_squared_distance(y_test, loki.predict(X_test), metric) < mean_squared_distance(y_test, argmax, metric)
