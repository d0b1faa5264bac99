"""Behavior that went wrong once."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold
from sklearn.svm import SVC

from statlearn.certificate import Certificate, Check
from statlearn.exceptions import ClassOrderWarning
from statlearn.frechet import (
    ChainMetric,
    DiscreteMetric,
    EmbeddingMetric,
    GraphMetric,
    GridMetric,
    LabelMetric,
    LeaveClassesOut,
    LokiClassifier,
    PrecomputedMetric,
    TreeMetric,
    frechet_predict,
    locus,
    loki_report,
    mean_squared_distance,
    next_class_order,
)
from statlearn.frechet._decision_rule import DecisionRule
from statlearn.ordinal import PrestoClassifier


@pytest.fixture
def blobs(rng):
    """Rows of three classes that are easy to tell apart."""
    y = np.repeat([0, 1, 2], 20)
    return np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])[y] + rng.normal(size=(60, 2)), y


# Wrong numbers


def test_locus_of_a_long_grid_has_no_label_whose_cell_is_off_the_hull():
    """On a grid of 2 x 100,001 the locus, a "proof", had 10 labels that are never predicted, not even by ties.

    The mean reaches the upper row, a first coordinate of 1/2, if half of the weight is on its one observed label; the
    second coordinate is then between the two middles of its own with those of the others.
    """
    n = 100_001
    grid = GridMetric((2, n), norm="l2")
    observed = [0, n - 1, n + 50_000]
    upper = np.arange(25_000, 75_001)
    np.testing.assert_array_equal(locus(grid, observed), np.concatenate([np.arange(n), n + upper]))


def test_programs_agree_with_the_formula_where_a_label_is_close_to_an_observed_one():
    """Programs put a label into the locus of an ultrametric space that no weights make a minimizer.

    It is at 1e-7 of an observed one and as far from all others: the scaled t(v) of `locus` is -1/3, far from its
    resolution. That F of both is equal to 12 digits, with weights on others, is no reason.
    """
    metric = PrecomputedMetric([[0.0, 1e-7, 1.0], [1e-7, 0.0, 1.0], [1.0, 1.0, 0.0]])
    np.testing.assert_array_equal(locus(metric, [1, 2], method="closed"), [1, 2])
    np.testing.assert_array_equal(locus(metric, [1, 2], method="program"), [1, 2])


def test_certificate_does_not_deny_a_label_that_is_predicted():
    """A certificate of kind "proof" said that no unseen label will ever be predicted, and `predict` returned one.

    Siblings at 1e-5 of their parent tie in F, by the tie rule, if others are at distance 1, and the first wins.
    """
    taxonomy = TreeMetric([-1, 0, 0, 1, 1, 2], lengths=[0, 1, 1, 1e-5, 1e-5, 1e-5], label_nodes="leaves")
    y = np.repeat([4, 5], 5)
    loki = LokiClassifier(DummyClassifier(), metric=taxonomy).fit(np.zeros((10, 1)), y)
    predicts_unseen = not np.isin(loki.predict(np.zeros((1, 1))), y).all()
    check = loki.certificate_["unseen labels that can be predicted"]
    assert not (predicts_unseen and check.holds is False and check.kind == "proof")


def test_equal_predictions_have_equal_sums(rng):
    """Held-out means of rules with the same predictions differed by rounding, so a check failed by 1e-16."""
    metric = EmbeddingMetric(rng.normal(size=(5, 3)))
    rule = DecisionRule(metric, None, 2, "first", "auto")
    for n in range(50, 80):
        true, predicted, weights = rng.integers(5, size=n), rng.integers(5, size=n), rng.random(n)
        totals = rule.total_distances(true, np.tile(predicted, (19, 1)), weights)
        assert np.ptp(totals) == 0.0


def test_report_of_equal_predictions_says_that_none_is_worse(rng):
    """The report said NO to "no worse than: best constant label" where Loki predicts this label for every row."""
    metric = EmbeddingMetric(rng.normal(size=(6, 3)))
    for n in range(100, 130):
        report = loki_report(rng.integers(6, size=n), np.ones((n, 1)), metric, observed=[2], y_train=[2])
        assert all(check.holds for check in report.certificate.checks)
        np.testing.assert_array_equal(report.rules["improvement"], 0.0)


@pytest.mark.parametrize("cost", [2, 3, 5])
def test_costs_are_scored_as_they_are(cost):
    """The mean cost of one error of cost 3 was 2.9999999999999996, the square of a root."""
    metric = PrecomputedMetric.from_costs([[0, cost], [1, 0]])
    assert mean_squared_distance([0], [1], metric) == cost


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChainMetric([0, 1e-170, 3e-170], labels=range(3)),
        lambda: PrecomputedMetric(np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0]]) * 1e-170),
        lambda: TreeMetric([-1, 0, 1], lengths=[0, 1e-170, 2e-170]),
        lambda: GraphMetric(np.array([[0, 1, 0], [1, 0, 2], [0, 2, 0]]) * 1e-170),
    ],
    ids=["chain", "precomputed", "tree", "graph"],
)
def test_tiny_distances_are_refused_or_count(make):
    """Distances of 1e-170, whose squares vanish, gave the first label whatever the weights, or an IndexError."""
    try:
        metric = make()
    except ValueError:
        return
    np.testing.assert_array_equal(frechet_predict([[0.1, 0.9]], metric, observed=[0, 2]), [2])


def test_decision_values_of_pairs_of_classes_are_not_those_of_classes(blobs):
    """Decision values of one class against another, three for three classes, were read as one for each class."""
    X, y = blobs
    inner = SVC(decision_function_shape="ovo")
    try:
        predicted = LokiClassifier(inner, response_method="decision_function").fit(X, y).predict(X)
    except ValueError:
        return
    assert np.mean(predicted == inner.fit(X, y).predict(X)) > 0.9


# Crashes, and input that was taken in silence


@pytest.mark.parametrize("backend", ["mean", "rows", "dense"])
def test_temperature_of_sparse_weights_with_repeated_entries(backend):
    """Sparse weights with two entries in one place and a temperature: "operands could not be broadcast together"."""
    entries = np.array([0.3, 0.3, 0.4]), np.array([0, 0, 1]), np.array([0, 3])
    P, scale = sparse.csr_array(entries, shape=(1, 2)), ChainMetric(range(11))
    expected = frechet_predict(P.toarray(), scale, [0, 10], temperature=0.2)
    np.testing.assert_array_equal(frechet_predict(P, scale, [0, 10], temperature=0.2, backend=backend), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "metric",
    [
        ChainMetric(range(11)),
        EmbeddingMetric(np.outer(np.arange(11.0), [1.0, 2.0])),
        GridMetric((11, 1), norm="l2"),
        DiscreteMetric(range(11)),
    ],
    ids=["chain", "embedding", "grid", "discrete"],
)
def test_weights_whose_sum_overflows(metric):
    """Weights of 1e308 gave an IndexError, or messages about x, about indices or about distances."""
    with pytest.raises(ValueError, match=r"\bP\b|[Ww]eights"):
        frechet_predict([[1e308, 1e308, 1.5e308]], metric, observed=[0, 5, 9])


def test_a_frozen_regressor_is_named_as_no_classifier(blobs):
    """FrozenEstimator(LinearRegression()) gave an AttributeError about classes_ in place of the message."""
    X, y = blobs
    with pytest.raises(TypeError, match="must be a classifier"):
        LokiClassifier(FrozenEstimator(LinearRegression().fit(X, y))).fit(X, y)


@pytest.mark.parametrize("missing", [None, 1])
def test_labels_of_mixed_types_are_named(missing):
    """A None among true labels gave "'<' not supported between instances of 'str' and 'NoneType'"."""
    sizes = ChainMetric([0, 1, 2], labels=["S", "M", "L"])
    with pytest.raises((TypeError, ValueError), match="y_true"):
        mean_squared_distance(np.array(["S", missing], dtype=object), ["S", "M"], sizes)


def test_a_function_with_negative_values_is_no_distance(rng):
    """EmbeddingMetric took a signed difference for a distance; `PrecomputedMetric` refuses negative ones."""
    with pytest.raises(ValueError, match="negative"):
        metric = EmbeddingMetric(rng.normal(size=(5, 1)), metric=lambda one, other: one[0] - other[0])
        frechet_predict([[0.5, 0.5]], metric, observed=[0, 1], power=1)


@pytest.mark.parametrize("text", ["(a:1_0,b:2);", "(a:'1',b:2);"])
def test_newick_lengths_are_plain_numbers(text):
    """A length 1_0 was read as 10, and a name in quotes as a length."""
    with pytest.raises(ValueError, match="number"):
        TreeMetric.from_newick(text)


def test_a_grid_with_more_points_than_integers():
    """A grid of 2^64 + 2 points was made, with two labels."""
    with pytest.raises(ValueError, match="shape"):
        GridMetric((3, (2**64 + 2) // 3))


def test_large_numbers_of_another_integer_type_are_labels():
    """Codes above 2^53 as unsigned integers were "not in label_space", for they were compared as floats."""
    metric = DiscreteMetric([2**53, 2**53 + 1])
    np.testing.assert_array_equal(metric.index_of(np.array([2**53 + 1], dtype=np.uint64)), [1])


def test_training_rows_without_weight_are_named(blobs):
    """A fold whose training rows have weight zero, of a frozen classifier: "Found array with 0 feature(s)"."""
    X, y = blobs
    frozen = FrozenEstimator(LogisticRegression().fit(X, y))
    loki = LokiClassifier(frozen, metric=ChainMetric(range(3)), temperature="auto", cv=LeaveClassesOut(3))
    with pytest.raises(ValueError, match="sample_weight"):
        loki.fit(X, y, sample_weight=(y == 2).astype(float))


@pytest.mark.parametrize(
    "make",
    [lambda: DiscreteMetric({"bee", "ant"}), lambda: TreeMetric.from_paths([{"pet", "dog", "terrier"}])],
    ids=["labels", "path"],
)
def test_sets_have_no_order(make):
    """A set was taken for labels, or a path: ties, or the tree, then differ from one run of Python to the next."""
    with pytest.raises(TypeError):
        make()


def test_memory_does_not_grow_with_rows_where_many_labels_tie(rng):
    """Candidates of all rows were made at once: 80,000 rows, each with 500 tied labels, took 2.7 GB."""
    metric = ChainMetric(np.repeat(np.arange(4.0), 1000), labels=range(4000))

    def peak(n_rows):
        P = rng.dirichlet([1.0, 1.0], n_rows)
        tracemalloc.start()
        frechet_predict(P, metric, observed=[0, 3999])
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(4000) < 2 * peak(1000)


# Misleading text


def test_certificate_and_locus_count_the_same_labels():
    """The certificate counted 2 labels by "linear programs", and `locus` of the same classifier listed 3."""
    values = np.array([-1e-8, 0.0, 1.0])
    metric = PrecomputedMetric(np.abs(np.subtract.outer(values, values)))
    loki = LokiClassifier(DummyClassifier(), metric=metric).fit(np.zeros((4, 1)), [1, 2, 1, 2])
    assert loki.certificate_["labels that can be predicted"].statistic == loki.locus().size


def test_a_label_space_of_distances_alone_has_a_diameter():
    """LabelMetric says that everything else works once `distances` is there, and had no `diameter`."""

    class ClockMetric(LabelMetric):
        def distances(self, sources, targets):
            apart = np.abs(np.subtract.outer(self.labels_[sources], self.labels_[targets]))
            return np.minimum(apart, 12.0 - apart)

    assert ClockMetric(range(12)).diameter() == 6.0


# What a new user stumbled on


def test_names_of_data_frames_are_labels():
    """Index and columns of a frame were dropped in silence, and a table with columns in another order was misread."""
    costs = pd.DataFrame([[0, 1], [10, 0]], index=["healthy", "ill"], columns=["healthy", "ill"])
    assert PrecomputedMetric.from_costs(costs).labels_.tolist() == ["healthy", "ill"]
    assert PrecomputedMetric(costs + costs.T).labels_.tolist() == ["healthy", "ill"]
    with pytest.raises(ValueError, match=r"costs.loc\[labels, labels\]"):
        PrecomputedMetric.from_costs(costs[["ill", "healthy"]])
    points = pd.DataFrame([[0.0, 1.0], [2.0, 3.0]], index=["Bath", "York"])
    assert EmbeddingMetric(points).labels_.tolist() == ["Bath", "York"]


def test_costs_of_labels_go_by_their_names():
    """A Series was read by position: to shuffle it changed the order."""
    tree = TreeMetric([-1, 0, 0, 0], labels=["root", "a", "b", "c"])
    cost = pd.Series({"root": 1.0, "c": 1.0, "b": 50.0, "a": 2.0})
    expected = next_class_order(tree, [0], cost=[1.0, 2.0, 50.0, 1.0])
    np.testing.assert_array_equal(next_class_order(tree, [0], cost=cost), expected)
    np.testing.assert_array_equal(
        next_class_order(tree, [0], weights=cost[::-1]), next_class_order(tree, [0], weights=cost)
    )
    with pytest.raises(ValueError, match="must have the labels of the metric as its index"):
        next_class_order(tree, [0], cost=pd.Series([1.0, 2.0, 50.0, 1.0]))


def test_misspelt_labels_are_recognized():
    """The message named five labels of thousands, and a parameter ``label_space`` that was not set."""
    pets = TreeMetric([-1, 0, 0], labels=["pet", "poodle", "cat"])
    with pytest.raises(ValueError, match="Did you mean 'poodle'"):
        pets.index_of(["pudle"])
    with pytest.raises(ValueError, match="label_space contains labels not in the metric: \\['lab'\\]"):
        pets.index_of(["lab"], "label_space")
    with pytest.raises(ValueError, match="ravel_multi_index"):
        GridMetric((3, 3)).index_of([(1, 2)])


@pytest.mark.parametrize("observed", [["a", "b"], [True, False], [0.5, 1.0], [0, 7]])
def test_positions_that_are_none_say_what_to_use(observed):
    """The message about labels in place of positions began with a vector that must not be empty."""
    with pytest.raises(ValueError, match="use metric.index_of"):
        frechet_predict([[0.5, 0.5]], ChainMetric(range(4)), observed)


def test_rare_classes_and_the_cure(blobs):
    """Five folds of classes with fewer rows: an error that named neither cv nor what helps."""
    X, y = blobs
    rows = [0, 1, 20, 21, 40, 41]
    loki = LokiClassifier(metric=ChainMetric(range(3)), temperature="auto")
    with pytest.raises(ValueError, match="n_splits") as caught:
        loki.fit(X[rows], y[rows])
    assert "KFold(5, shuffle=True)" in "".join(caught.value.__notes__)
    loki.set_params(cv=KFold(3, shuffle=True, random_state=0)).fit(X[rows], y[rows])


def test_costs_are_called_costs(blobs):
    """The certificate and the report spoke of squared distances."""
    X, y = blobs
    costs = PrecomputedMetric.from_costs([[0, 1, 2], [1, 0, 1], [9, 4, 0]])
    loki = LokiClassifier(metric=costs).fit(X, y)
    assert "least expected cost" in loki.certificate_.claim
    assert "mean cost" in loki.certificate_["best constant label"].detail
    report = loki_report(y, loki.predict_observed_proba(X), costs, loki.observed_indices_)
    assert "mean cost" in str(report)


def test_a_temperature_that_was_given_is_an_assumption(blobs):
    """With timid probabilities Loki at temperature 1 can be much worse than argmax, of which nothing warned."""
    X, y = blobs
    given = LokiClassifier(metric=ChainMetric(range(3))).fit(X, y).certificate_
    assert any("temperature was given" in assumption for assumption in given.assumptions)
    chosen = LokiClassifier(metric=ChainMetric(range(3)), temperature="auto").fit(X, y).certificate_
    assert not any("temperature was given" in assumption for assumption in chosen.assumptions)


def test_a_temperature_at_the_end_of_its_range_is_named(blobs):
    """ "auto" chose the smallest or the largest value, and the certificate did not say that it was the last one."""
    X, y = blobs
    certificate = LokiClassifier(metric=DiscreteMetric(range(3)), temperature="auto").fit(X, y).certificate_
    inner = certificate["held-out mean squared distance"].detail
    assert "end of its range" not in inner  # all temperatures tie, and 1 is taken
    cold = LokiClassifier(DummyClassifier(), metric=ChainMetric(range(3)), temperature="auto")
    detail = cold.fit(X[:30], y[:30]).certificate_["held-out mean squared distance"].detail
    at_end = cold.temperature_ in (0.1, 10.0)
    assert ("end of its range" in detail) == at_end


def test_a_cold_start_names_where_to_begin():
    """Nothing observed was answered by advice about positions of labels."""
    with pytest.raises(ValueError, match="minimum_locus_cover"):
        next_class_order(ChainMetric(range(5)), [])


# What the classifier says of itself, and what it is told


class VouchedClassifier(LogisticRegression):
    """A classifier whose certificate does not hold."""

    def fit(self, X, y):
        self.certificate_ = Certificate("It is fitted.", [Check("gap", 1.0, 0.0, False, "proof")])
        return super().fit(X, y)


@pytest.mark.parametrize("calibration", [None, "sigmoid"])
def test_the_certificate_of_the_classifier_is_reported(blobs, calibration):
    """A classifier whose own certificate fails left no trace in that of the wrapper."""
    plain, vouched = (
        LokiClassifier(classifier, calibration=calibration).fit(*blobs).certificate_
        for classifier in (LogisticRegression(), VouchedClassifier())
    )
    expected = Check("certificate of the classifier", 1, 0, None, "reported", "does not hold (failed: gap)")
    assert vouched.checks == (*plain.checks, expected)
    assert vouched.holds is plain.holds


@pytest.fixture
def steps(rng):
    """Rows, their steps as codes, and the names of the steps, which do not sort."""
    X = rng.normal(size=(300, 3))
    return X, np.digitize(X[:, 0] + rng.logistic(size=300), [-0.8, 0.8]), ["low", "medium", "high"]


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.ClassOrderWarning")
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_the_classifier_sees_the_order_of_categories(steps, kind):
    """Ordered categories became objects, of which the classifier does not know the order."""
    X, codes, names = steps
    if kind == "pandas":
        y = pd.Series(pd.Categorical.from_codes(codes, names, ordered=True), index=np.arange(300)[::-1])
    else:
        polars = pytest.importorskip("polars")
        y = polars.Series([names[code] for code in codes], dtype=polars.Enum(names))
    by_name, by_code = (
        LokiClassifier(PrestoClassifier(0.02), metric=metric, temperature="auto").fit(X, labels)
        for metric, labels in ((ChainMetric(range(3), names), y), (ChainMetric(range(3)), codes))
    )
    assert by_name.observed_classes_.tolist() == names
    assert by_name.temperature_ == by_code.temperature_
    np.testing.assert_allclose(by_name.cv_scores_, by_code.cv_scores_, rtol=1e-6)
    np.testing.assert_array_equal(by_name.predict(X), np.array(names)[by_code.predict(X)])
    order = np.searchsorted(by_name.classes_, names)
    np.testing.assert_allclose(by_name.predict_proba(X)[:, order], by_code.predict_proba(X), rtol=1e-6)


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.ClassOrderWarning")
def test_categories_without_rows_are_labels_to_come(steps):
    """They are labels of the metric, and no classes that the classifier could be fitted to."""
    X, codes, names = steps
    y = pd.Series(pd.Categorical.from_codes(codes, [*names, "extreme"], ordered=True))
    loki = LokiClassifier(PrestoClassifier(0.02), metric=ChainMetric(range(4), [*names, "extreme"])).fit(X, y)
    assert loki.observed_classes_.tolist() == names
    folds = LeaveClassesOut(n_splits=2)
    metric = ChainMetric(range(4), [*names, "extreme"])
    LokiClassifier(PrestoClassifier(0.02), metric=metric, temperature="auto", cv=folds).fit(X, y)


@pytest.mark.filterwarnings("ignore::statlearn.exceptions.CrossingWarning")
def test_an_order_that_calibration_loses_is_told(steps):
    """The warning about labels without order named no cause but the labels, which had one."""
    X, codes, names = steps
    y = pd.Series(pd.Categorical.from_codes(codes, names, ordered=True))
    metric = ChainMetric(range(3), names)
    with pytest.warns(ClassOrderWarning, match="the order that y had was lost on the way"):
        LokiClassifier(PrestoClassifier(0.02), metric=metric, calibration="sigmoid").fit(X, y)
