"""Reject curves against the definition and scikit-learn, Copeland's score against the games themselves."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import auc, roc_auc_score

from statlearn.graph._comparison import copeland_score, reject_curve

RTOL = 1e-12  # sums of at most 1e4 terms


def problem(rng, n=40, decimals=1, n_classes=3):
    """Distances with many ties, weakly related to the classes."""
    y = rng.permutation(np.arange(n) % n_classes)
    return squareform(pdist(rng.normal(size=(n, 2)) + 0.7 * y[:, None]).round(decimals)), y


def pairs(D, y):
    first, second = np.triu_indices(len(y), k=1)
    return D[first, second], np.asarray(y)[first] == np.asarray(y)[second]


class TestRejectCurve:
    def test_by_hand(self):
        """Distances 1 2 2 3 4 5, of which the pairs of the same class have 2 and 4."""
        D = squareform([1.0, 2.0, 3.0, 2.0, 4.0, 5.0])  # 01 02 03 12 13 23
        curve = reject_curve(D, ["a", "b", "a", "b"])
        assert curve.thresholds.tolist() == [-np.inf, 1.0, 2.0, 3.0, 4.0, 5.0]
        assert curve.different_accepted.tolist() == [0.0, 0.25, 0.5, 0.75, 0.75, 1.0]
        assert curve.same_accepted.tolist() == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
        assert curve.area == 0.25 * 0.25 + 0.25 * 0.5 + 0.25 * 1.0

    @pytest.mark.parametrize("decimals", [0, 1, 12], ids=["many ties", "some ties", "no ties"])
    def test_each_point_counts_the_accepted_pairs(self, decimals, rng):
        D, y = problem(rng, decimals=decimals)
        distances, same = pairs(D, y)
        curve = reject_curve(D, y)
        assert (np.diff(curve.thresholds) > 0).all()
        for threshold, x, share in zip(curve.thresholds, curve.different_accepted, curve.same_accepted, strict=True):
            accepted = distances <= threshold
            assert x == pytest.approx(accepted[~same].mean(), rel=RTOL)
            assert share == pytest.approx(accepted[same].mean(), rel=RTOL)

    @pytest.mark.parametrize("decimals", [0, 1, 12], ids=["many ties", "some ties", "no ties"])
    def test_area_is_the_auc_over_pairs(self, decimals, rng):
        D, y = problem(rng, decimals=decimals)
        distances, same = pairs(D, y)
        curve = reject_curve(D, y)
        closer = distances[same][:, None] < distances[~same]
        tied = distances[same][:, None] == distances[~same]
        assert curve.area == pytest.approx((closer + 0.5 * tied).mean(), rel=RTOL)
        assert curve.area == pytest.approx(roc_auc_score(same, -distances), rel=RTOL)
        assert curve.area == pytest.approx(auc(curve.different_accepted, curve.same_accepted), rel=RTOL)

    def test_only_the_order_of_the_distances_counts(self, rng):
        D, y = problem(rng)
        curve, changed = reject_curve(D, y), reject_curve(np.log1p(D) - 5.0, y)
        np.testing.assert_array_equal(changed.same_accepted, curve.same_accepted)
        np.testing.assert_array_equal(changed.different_accepted, curve.different_accepted)
        assert reject_curve(-D, y).area == pytest.approx(1.0 - curve.area, rel=RTOL)

    def test_order_of_nodes_and_names_of_classes_do_not_count(self, rng):
        D, y = problem(rng)
        order = rng.permutation(len(y))
        expected = reject_curve(D, y)
        for curve in (reject_curve(D[np.ix_(order, order)], y[order]), reject_curve(D, np.array(["x", "a", "k"])[y])):
            np.testing.assert_array_equal(curve.same_accepted, expected.same_accepted)
            assert curve.area == expected.area

    def test_equal_distances_are_chance(self):
        curve = reject_curve(np.full((5, 5), 2.0), [0, 0, 1, 1, 1])
        assert curve.thresholds.tolist() == [-np.inf, 2.0]
        assert curve.area == 0.5

    def test_rounding_is_no_asymmetry_and_data_frames_are_welcome(self, rng):
        pandas = pytest.importorskip("pandas")
        D, y = problem(rng)
        noisy = D + 1e-12 * np.tril(rng.normal(size=D.shape), -1)  # below the diagonal, which is the half not read
        assert reject_curve(pandas.DataFrame(noisy), pandas.Series(y)).area == reject_curve(D, y).area

    @pytest.mark.parametrize(
        ("change", "y", "message"),
        [
            (lambda D: D[:3], [0, 0, 1, 1], r"D must be square.*Got shape \(3, 4\)"),
            (lambda D: np.triu(D), [0, 0, 1, 1], "D must be symmetric.*mirror image by 1"),
            (lambda D: np.where(D > 0, np.nan, D), [0, 0, 1, 1], "Input D contains NaN"),
            (lambda D: np.where(D > 0, np.inf, D), [0, 0, 1, 1], "Input D contains infinity"),
            (lambda D: D, [0, 0, 1], "y must have one class per row of D, 4. Got 3"),
            (lambda D: D, [0, 0, 1, np.nan], "Input y contains NaN"),
            (lambda D: D, [1, 1, 1, 1], "y must have at least two classes"),
            (lambda D: D, [0, 1, 2, 3], "y must have a class with at least two nodes.*Got 4 classes for 4 nodes"),
        ],
    )
    def test_messages(self, change, y, message):
        with pytest.raises(ValueError, match=message):
            reject_curve(change(1.0 - np.eye(4)), y)


def played(table):
    """Copeland's score as the text has it: game by game."""
    table = np.asarray(table)
    games = np.sign(table[:, None, :] - table[None, :, :])
    return games.sum(axis=(1, 2))


class TestCopelandScore:
    @pytest.mark.parametrize("decimals", [0, 1, 15], ids=["many ties", "some ties", "no ties"])
    def test_is_the_sum_of_the_games(self, decimals, rng):
        table = rng.random((13, 50)).round(decimals)
        scores = copeland_score(table)
        np.testing.assert_array_equal(scores, played(table))
        assert scores.dtype == np.int64 and scores.sum() == 0

    def test_best_possible_score(self, rng):
        table = rng.random((13, 50))
        table[4] = 2.0
        assert copeland_score(table)[4] == 600

    def test_ties_have_no_tolerance(self):
        assert copeland_score([[0.5], [np.nextafter(0.5, 1.0)]]).tolist() == [-1, 1]
        assert copeland_score([[0.5, -0.1], [0.5, -0.1]]).tolist() == [0, 0]

    def test_names_are_kept(self, rng):
        table = dict(zip("abc", rng.random((3, 5)), strict=True))
        expected = dict(zip("abc", played(list(table.values())), strict=True))
        assert copeland_score(table) == expected
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame.from_dict(table, orient="index")
        scores = copeland_score(frame)
        assert isinstance(scores, pandas.Series) and scores.to_dict() == expected
        assert list(scores.index) == list("abc")

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ([[0.1, np.nan], [0.2, 0.3]], "Input table contains NaN"),
            ({"a": [0.1, 0.2], "b": [0.1, np.nan]}, "Input table contains NaN"),
            ([0.1, 0.2], "Expected 2D array, got 1D array"),
            (np.empty((0, 3)), "minimum of 1 is required"),
            ({"a": [0.1, 0.2], "b": [0.3]}, r"table must have as many scores for each measure. Got \[2, 1\]"),
        ],
    )
    def test_messages(self, table, message):
        with pytest.raises(ValueError, match=message):
            copeland_score(table)
