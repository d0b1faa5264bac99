"""The decision rule: weights, positions, temperature, ties, several labels, costs, labels of one's own."""

import pickle
from copy import deepcopy
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from statlearn.frechet import (
    ChainMetric,
    DiscreteMetric,
    GridMetric,
    LabelMetric,
    PrecomputedMetric,
    TreeMetric,
    frechet_predict,
    frechet_scores,
)

HAND = TreeMetric([-1, 0, 0, 1, 1, 2, 2, 3, 3, 6])
HAND_OBSERVED = [7, 4, 9]
SCALE = ChainMetric(range(11))


class ClockMetric(LabelMetric):
    """Hours on a clock."""

    def distances(self, sources, targets):
        apart = np.abs(np.subtract.outer(self.labels_[sources], self.labels_[targets]))
        return np.minimum(apart, 12.0 - apart)


CLOCK = ClockMetric(range(12))


def test_the_example_of_the_tree_by_hand():
    scores = frechet_scores([[0.34, 0.33, 0.33]], HAND, HAND_OBSERVED)
    np.testing.assert_allclose(scores, [[7.35, 6.97, 9.73, 9.91, 11.31, 16.75, 14.11, 14.85, 16.21, 20.49]])
    P = [[0.34, 0.33, 0.33], [0.5, 0.5, 0.0]]
    predicted, least = frechet_predict(P, HAND, HAND_OBSERVED, return_scores=True)
    np.testing.assert_array_equal(predicted, [1, 1])  # 1 and 3 tie in the second row
    np.testing.assert_allclose(least, [6.97, 2.5])


def exact_prediction(P, metric, observed, allowed, tie_break):
    """The rule, in fractions."""
    distances = metric.distances(np.asarray(observed), np.asarray(allowed))
    predicted = []
    for row in P:
        scores = [
            sum(Fraction(p) * Fraction(d) ** 2 for p, d in zip(row, column, strict=True)) for column in distances.T
        ]
        tied = [label for label, score in zip(allowed, scores, strict=True) if score == min(scores)]
        if tie_break == "observed":
            weights = {label: row[list(observed).index(label)] for label in tied if label in observed}
            heaviest = [label for label in tied if label in weights and weights[label] == max(weights.values())]
            tied = heaviest or tied
        predicted.append(min(tied))
    return predicted


@pytest.mark.parametrize("metric", [CLOCK, HAND, SCALE, GridMetric((3, 4)), GridMetric((3, 4), norm="l2")], ids=repr)
@pytest.mark.parametrize("tie_break", ["first", "observed"])
def test_against_exact_arithmetic(metric, tie_break, rng):
    n = metric.n_labels_
    squares_are_exact = not (isinstance(metric, GridMetric) and metric.norm == "l2")
    for _ in range(30):
        observed = rng.permutation(n)[: rng.integers(1, 6)]
        allowed = np.sort(rng.permutation(n)[: rng.integers(1, n + 1)])
        P = rng.integers(0, 4, size=(5, observed.size)) + np.eye(5, observed.size, dtype=int)
        P[P.sum(axis=1) == 0] = 1
        expected = exact_prediction(P.tolist(), metric, observed.tolist(), allowed.tolist(), tie_break)
        for backend in ["auto", *metric.search_names(2)]:
            if not squares_are_exact:
                continue
            for weights in (P, sparse.csr_array(P)):
                predicted = frechet_predict(
                    weights, metric, observed, label_space=allowed, tie_break=tie_break, backend=backend
                )
                np.testing.assert_array_equal(predicted, expected, err_msg=backend)
        dense = frechet_predict(P, metric, observed, label_space=allowed, tie_break=tie_break, backend="dense")
        auto = frechet_predict(P, metric, observed, label_space=allowed, tie_break=tie_break)
        np.testing.assert_array_equal(auto, dense)


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1e9, 1e300])
def test_the_scale_of_a_row_does_not_matter(scale, rng):
    P = rng.random((20, 3))
    for backend in HAND.search_names(2):
        np.testing.assert_array_equal(
            frechet_predict(scale * P, HAND, HAND_OBSERVED, backend=backend),
            frechet_predict(P, HAND, HAND_OBSERVED, backend="dense"),
        )


def test_temperature(rng):
    P = rng.random((50, 4))
    observed = np.array([0, 3, 7, 10])
    np.testing.assert_array_equal(
        frechet_predict(P, SCALE, observed, temperature=1e-6), observed[P.argmax(axis=1)]
    )  # the most probable one
    assert np.unique(frechet_predict(P, SCALE, observed, temperature=1e9)).tolist() == [5]  # the mean of all
    for temperature in (0.3, 2.5):
        powered = P ** (1.0 / temperature)
        expected = frechet_predict(powered, SCALE, observed)
        np.testing.assert_array_equal(frechet_predict(P, SCALE, observed, temperature=temperature), expected)
        np.testing.assert_array_equal(
            frechet_predict(sparse.csr_array(P), SCALE, observed, temperature=temperature), expected
        )
        scores = frechet_scores(P, SCALE, observed, temperature=temperature)
        ratios = scores / frechet_scores(powered, SCALE, observed)
        np.testing.assert_allclose(ratios, np.broadcast_to(ratios[:, :1], ratios.shape))


def test_a_cold_temperature_of_tiny_weights_is_not_a_row_of_zeros():
    P = [[1e-200, 2e-200, 0.0]]
    assert frechet_predict(P, SCALE, [0, 5, 10], temperature=0.01).tolist() == [5]


def test_power_one_is_the_median(rng):
    P = rng.random((30, 3))
    scores = P @ np.abs(np.subtract.outer([0.0, 4.0, 9.0], np.arange(11.0)))
    np.testing.assert_array_equal(frechet_predict(P, SCALE, [0, 4, 9], power=1), scores.argmin(axis=1))
    with pytest.raises(ValueError, match=r"backend must be 'auto' or one of \['rows', 'dense'\] for .*power=1"):
        frechet_predict(P, SCALE, [0, 4, 9], power=1, backend="embedding")


@pytest.mark.parametrize("tie_break", ["first", "observed"])
def test_several_labels_are_those_of_repeated_choice(tie_break, rng):
    P = rng.integers(0, 3, size=(10, 3)) + np.eye(10, 3, dtype=int)
    P[3:] += 1
    labels, scores = frechet_predict(P, CLOCK, [1, 6, 9], tie_break=tie_break, top_k=12, return_scores=True)
    np.testing.assert_array_equal(np.sort(labels, axis=1), np.broadcast_to(np.arange(12), labels.shape))
    table = frechet_scores(P, CLOCK, [1, 6, 9])
    np.testing.assert_allclose(scores, np.take_along_axis(table, labels, axis=1))
    for row in range(10):
        rest = np.arange(12)
        for label in labels[row]:
            chosen = frechet_predict(P[[row]], CLOCK, [1, 6, 9], tie_break=tie_break, label_space=rest)
            assert chosen == label
            rest = rest[rest != label]
    with pytest.raises(ValueError, match="top_k must be at most the number of labels that may be predicted, 12"):
        frechet_predict(P, CLOCK, [1, 6, 9], top_k=13)


def test_labels_are_tied_relative_to_their_own_score():
    """In a tree with one very long edge, neighbors of the one label with weight are not tied with it."""
    tree = TreeMetric([-1, 0, 0, 1], lengths=[0.0, 1.0, 1e8, 1.0])
    for backend in tree.search_names(2):
        assert frechet_predict([[1.0, 0.0]], tree, [3, 2], backend=backend).tolist() == [3]


def test_costs_are_the_multiclass_cost_rule(rng):
    costs = rng.random((5, 5))
    np.fill_diagonal(costs, 0.0)
    P = rng.random((40, 5))
    predicted = frechet_predict(P, PrecomputedMetric.from_costs(costs), np.arange(5))
    np.testing.assert_array_equal(predicted, (P @ costs).argmin(axis=1))
    assert (predicted != (P @ costs.T).argmin(axis=1)).any()


def test_scores_of_some_labels():
    scores = frechet_scores([[0.5, 0.5]], SCALE, [0, 4], labels=[4, 2])
    np.testing.assert_allclose(scores, [[8.0, 4.0]])
    with pytest.raises(ValueError, match="a table of 200000 x 1000 scores is too large"):
        frechet_scores(np.ones((200_000, 1)), DiscreteMetric(range(1000)), [0])


def test_label_spaces_are_shared_by_copies_and_pickled():
    assert deepcopy(HAND) is HAND
    again = pickle.loads(pickle.dumps(HAND))
    np.testing.assert_array_equal(again.distances(np.arange(10), np.arange(10)), HAND.distances(*[np.arange(10)] * 2))
    with pytest.raises(ValueError, match="read-only"):
        HAND.labels_[0] = 1
    assert repr(CLOCK) == "ClockMetric(12 labels)"
    with pytest.raises(NotImplementedError, match=r"LabelMetric must define distances\(sources, targets\)"):
        frechet_predict([[1.0]], LabelMetric(["a", "b"]), [0])


def test_the_latest_search_is_kept_and_not_saved(rng):
    made = []

    class Counted(ClockMetric):
        searches = {"rows": lambda *arguments: made.append(1) or LabelMetric.searches["rows"](*arguments)}

        def search_names(self, power):
            return ["rows"]

    metric, P = Counted(range(12)), rng.random((5, 2))
    first = frechet_predict(P, metric, [0, 5])
    np.testing.assert_array_equal(frechet_predict(P, metric, [0, 5]), first)
    assert len(made) == 1
    for change in ({"observed": [5, 0]}, {"power": 1}, {"label_space": [1, 2]}):
        frechet_predict(P, metric, **{"observed": [0, 5], **change})
    assert len(made) == 4
    np.testing.assert_array_equal(frechet_predict(P, metric, [0, 5]), first)
    frechet_predict([[1.0]], HAND, [0])
    assert hasattr(HAND, "_latest_search")
    assert not hasattr(pickle.loads(pickle.dumps(HAND)), "_latest_search")


def test_positions_of_labels():
    metric = DiscreteMetric(["low", "high", "mid"])
    np.testing.assert_array_equal(metric.index_of(["high", "low", "high"]), [1, 0, 1])
    with pytest.raises(ValueError, match=r"y contains labels not in label_space: \['none'\]"):
        metric.index_of(["low", "none"])
    with pytest.raises(ValueError, match="same type"):
        metric.index_of([1, 2])
    with pytest.raises(ValueError, match="same type"):
        SCALE.index_of(["1"])
    with pytest.raises(ValueError, match=r"\[11, 12, 13, 14, 15, ...\]"):
        SCALE.index_of(range(8, 20))
    np.testing.assert_array_equal(SCALE.index_of([2.0, 10.0]), [2, 10])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([], ValueError, "at least one label"),
        (["a", 1], TypeError, "all strings or all real numbers"),
        ([1.0, np.nan], ValueError, "NaN"),
        (["a", "b", "a"], ValueError, r"More than once there: \['a'\]"),
        ("abc", TypeError, "sequence of labels"),
        (3, TypeError, "sequence of labels"),
        ([1j], TypeError, "all strings or all real numbers"),
        ([None], TypeError, "all strings or all real numbers"),
    ],
)
def test_labels_that_are_none(labels, error, message):
    with pytest.raises(error, match=message):
        DiscreteMetric(labels)


@pytest.mark.parametrize(
    ("P", "observed", "message"),
    [
        ([[0.5, -0.1]], [0, 1], "P must be non-negative and finite. Got -0.1 in row 0"),
        ([[1.0, 1.0], [np.nan, 1.0]], [0, 1], "Got nan in row 1"),
        ([[1.0, np.inf]], [0, 1], "Got inf in row 0"),
        (sparse.csr_array([[1.0, 0.0], [0.0, 0.0], [0.0, -2.0]]), [0, 1], "Got -2.0 in row 2"),
        ([[1.0, 0.0], [0.0, 0.0]], [0, 1], "Row 1 has none"),
        (sparse.csr_array([[1.0, 0.0], [0.0, 0.0]]), [0, 1], "Row 1 has none"),
        ([[1.0, 0.0]], [0, 1, 2], "for each of 2 columns of P. Got 3 labels"),
        ([[1.0, 0.0]], [0, 11], "observed must be positions between 0 and 10"),
        ([[1.0, 0.0]], [0, -1], "observed must be positions between 0 and 10"),
        ([[1.0, 0.0]], [3, 3], "observed must name different labels"),
        ([[1.0, 0.0]], ["a", "b"], "use metric.index_of"),
        ([[1.0, 0.0]], [0.0, 1.0], "use metric.index_of"),
        ([1.0, 0.0], [0, 1], "Expected 2D array"),
    ],
)
def test_bad_weights_and_positions(P, observed, message):
    with pytest.raises(ValueError, match=message):
        frechet_predict(P, SCALE, observed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label_space": [11]}, "label_space must be positions between 0 and 10"),
        ({"label_space": []}, "label_space must be a vector of positions"),
        ({"power": 0}, "power"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": np.inf}, "temperature"),
        ({"tie_break": "last"}, "tie_break"),
        ({"backend": "fastest"}, "backend must be 'auto' or one of"),
        ({"top_k": 0}, "top_k"),
        ({"metric": "discrete"}, "metric"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        frechet_predict([[1.0, 0.0]], **{"metric": SCALE, "observed": [0, 1], **change})
