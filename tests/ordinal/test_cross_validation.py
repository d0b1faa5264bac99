"""The folds of `PrestoClassifierCV`: absent rows, rare classes, splits of every form, and what a scorer sees."""

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from statlearn.exceptions import RareClassWarning
from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV

from .reference import crossing_data, parallel_data

N_SAMPLES = 120


@pytest.fixture(scope="module")
def data():
    X, y, _ = parallel_data(np.random.default_rng(0), N_SAMPLES, 3, 3)
    assert np.bincount(y).min() >= 20
    return X, y


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def fit(X, y, **arguments):
    weights = arguments.pop("sample_weight", None)
    return PrestoClassifierCV(**{"alphas": 4, **arguments}).fit(X, y, sample_weight=weights)


def with_absent_rows(X, y, label, n_absent=40, seed=1):
    """The same data among rows of weight zero, all of one class; also the positions of the original rows."""
    rng = np.random.default_rng(seed)
    original = np.sort(rng.choice(len(y) + n_absent, len(y), replace=False))
    table = 5.0 * rng.normal(size=(len(y) + n_absent, X.shape[1]))
    labels, weights = np.full(len(table), label), np.zeros(len(table))
    table[original], labels[original], weights[original] = X, y, 1.0
    return table, labels, weights, original


class TestRowsOfWeightZero:
    @pytest.mark.parametrize("random_state", [None, 3])
    @pytest.mark.parametrize("label", [0, 2, 9])
    @pytest.mark.parametrize("scoring", ["brier", "accuracy"])
    def test_they_do_not_change_the_folds(self, data, label, random_state, scoring):
        X, y = data
        table, labels, weights, _ = with_absent_rows(X, y, label)
        arguments = {"random_state": random_state, "scoring": scoring}
        model = fit(X, y, **arguments)
        padded = fit(table, labels, sample_weight=weights, **arguments)
        np.testing.assert_array_equal(padded.cv_scores_, model.cv_scores_)
        np.testing.assert_array_equal(padded.coef_, model.coef_)
        assert padded.classes_.tolist() == [0, 1, 2]

    def test_they_do_not_hide_a_rare_class(self, data):
        X, y = data
        y = np.where(y == 2, 1, y)
        y[:3] = 2
        table, labels, weights, _ = with_absent_rows(X, y, 2)
        with pytest.warns(RareClassWarning, match="Class 2 has 3 rows, fewer than cv=5: using 3 folds"):
            assert fit(table, labels, sample_weight=weights).cv_scores_.shape == (3, 4)

    def test_the_lowest_class_may_be_absent(self, data):
        X, y = data
        model = fit(X, y, sample_weight=(y > 0).astype(float))
        np.testing.assert_array_equal(model.cv_scores_, fit(X[y > 0], y[y > 0]).cv_scores_)

    @pytest.mark.parametrize("splitter", [KFold(3), StratifiedKFold(3, shuffle=True, random_state=0)], ids=str)
    def test_a_splitter_does_not_see_them(self, data, splitter):
        X, y = data
        table, labels, weights, _ = with_absent_rows(X, y, 0)
        model = fit(X, y, cv=splitter)
        padded = fit(table, labels, cv=splitter, sample_weight=weights)
        np.testing.assert_array_equal(padded.cv_scores_, model.cv_scores_)

    def test_a_splitter_gets_the_groups_of_the_others(self, data, routing):
        X, y = data
        groups = np.arange(N_SAMPLES) % 4
        table, labels, weights, original = with_absent_rows(X, y, 0)
        padded_groups = np.full(len(labels), 77)
        padded_groups[original] = groups
        model = PrestoClassifierCV(alphas=4, cv=GroupKFold(4)).fit(X, y, groups=groups)
        padded = PrestoClassifierCV(alphas=4, cv=GroupKFold(4)).set_fit_request(sample_weight=True)
        padded.fit(table, labels, sample_weight=weights, groups=padded_groups)
        np.testing.assert_array_equal(padded.cv_scores_, model.cv_scores_)

    def test_positions_count_them_but_parts_leave_them_out(self, data, routing):
        """A scorer that takes no weights must not see the absent rows either."""
        X, y = data
        scorer = get_scorer("accuracy").set_score_request(sample_weight=False)
        table, labels, weights, original = with_absent_rows(X, y, 0)
        splits = list(StratifiedKFold(3).split(X, y))
        everywhere = [(original[train], np.setdiff1d(np.arange(len(labels)), original[train])) for train, _ in splits]
        model = fit(X, y, cv=splits, scoring=scorer)
        padded = PrestoClassifierCV(alphas=4, cv=everywhere, scoring=scorer).set_fit_request(sample_weight=True)
        padded.fit(table, labels, sample_weight=weights)
        np.testing.assert_array_equal(padded.cv_scores_, model.cv_scores_)


class TestRareClasses:
    def rare(self, data, *counts):
        """Labels whose first classes have these numbers of rows."""
        labels = np.full(N_SAMPLES, len(counts))
        labels[: sum(counts)] = np.repeat(np.arange(len(counts)), counts)
        return data[0], labels

    def test_a_single_row(self, data):
        X, y = self.rare(data, 1, 60)
        with pytest.warns(
            RareClassWarning, match="^Class 0 has 1 row, fewer than cv=5: .*every training part"
        ) as record:
            model = fit(X, y)
        assert model.cv_scores_.shape == (5, 4)
        assert "folds" not in str(record[0].message)

    def test_a_single_row_beside_the_class_that_limits(self, data):
        X, y = self.rare(data, 1, 3)
        message = "Class 0 has 1 row, .* Class 1 has 3 rows, fewer than cv=5: using 3 folds"
        with pytest.warns(RareClassWarning, match=message):
            assert fit(X, y).cv_scores_.shape == (3, 4)

    def test_several_classes_at_once(self, data):
        X, y = self.rare(data, 1, 1, 2, 2)
        message = r"Each of the classes \[0, 1\] has 1 row, .*Each of the classes \[2, 3\] has 2 rows, .*using 2 folds"
        with pytest.warns(RareClassWarning, match=message):
            assert fit(X, y).cv_scores_.shape == (2, 4)

    def test_more_folds_than_rows(self, data):
        X, y = self.rare(data, 40)
        with pytest.warns(RareClassWarning, match="Class 0 has 40 rows, fewer than cv=500: using 40 folds"):
            assert fit(X, y, cv=500, alphas=1).cv_scores_.shape == (40, 1)

    def test_the_name_is_the_label(self, data):
        X, y = self.rare(data, 3)
        with pytest.warns(RareClassWarning, match="Class 'a' has 3 rows"):
            fit(X, np.array(["a", "b"])[y])

    def test_single_rows_only(self, data):
        with pytest.raises(ValueError, match=r"cv=5 cannot hold out a row: .*\[0, 1, 2\] has a single one. Add rows"):
            fit(data[0][:3], [0, 1, 2])


SPLITS = list(StratifiedKFold(3).split(np.zeros(N_SAMPLES), np.arange(N_SAMPLES) % 3))


class TestSplits:
    def masks(self):
        return [(np.isin(np.arange(N_SAMPLES), train), np.isin(np.arange(N_SAMPLES), test)) for train, test in SPLITS]

    @pytest.mark.parametrize(
        "form",
        [
            lambda self: self.masks(),
            lambda self: [(train.tolist(), test.tolist()) for train, test in self.masks()],
            lambda self: [(train.tolist(), test.tolist()) for train, test in SPLITS],
            lambda self: iter(SPLITS),
        ],
        ids=["masks", "lists of bool", "lists of int", "iterator"],
    )
    def test_forms_of_the_same_split(self, data, form):
        np.testing.assert_array_equal(fit(*data, cv=form(self)).cv_scores_, fit(*data, cv=SPLITS).cv_scores_)

    def test_an_iterator_survives_metadata_routing(self, data, routing):
        np.testing.assert_array_equal(fit(*data, cv=iter(SPLITS)).cv_scores_, fit(*data, cv=SPLITS).cv_scores_)

    def test_none_means_five_stratified_folds(self, data):
        X, y = data
        order = np.argsort(y)  # without stratification the training parts would lack a class
        np.testing.assert_array_equal(
            fit(X[order], y[order], cv=None).cv_scores_, fit(X[order], y[order], cv=5).cv_scores_
        )

    @pytest.mark.parametrize("cv", [[], iter([]), np.empty((0, 2))], ids=["list", "iterator", "array"])
    def test_no_split(self, data, cv):
        with pytest.raises(ValueError, match=r"cv=.* yields no split. Pass a number of folds"):
            fit(*data, cv=cv)

    def test_an_iterator_that_was_used(self, data):
        model = PrestoClassifierCV(alphas=4, cv=iter(SPLITS)).fit(*data)
        with pytest.raises(ValueError, match="an iterator serves one fit only"):
            model.fit(*data)

    @pytest.mark.parametrize("cv", [[1, 2], [([0], [1], [2])]], ids=["numbers", "triples"])
    def test_no_pairs(self, data, cv):
        with pytest.raises(
            ValueError, match=r"cv must yield pairs \(train, test\).* Fold 0 is no pair but a (int|tuple)"
        ):
            fit(*data, cv=cv)

    @pytest.mark.parametrize(
        ("part", "found"),
        [
            ([0.0, 1.0], r"shape \(2,\) and type float64"),
            ([[0], [1]], r"shape \(2, 1\)"),
            ([True, False], r"shape \(2,\) and type bool"),
            (7, r"shape \(\)"),
            ([0, N_SAMPLES], "positions from 0 to 120"),
            ([-1, 5], "positions from -1 to 5"),
        ],
        ids=["floats", "table", "short mask", "number", "too large", "negative"],
    )
    @pytest.mark.parametrize("place", ["training", "test"])
    def test_parts_that_are_no_rows(self, data, part, found, place):
        train, test = SPLITS[1]
        split = (part, test) if place == "training" else (train, part)
        message = f"cv: the {place} part of fold 1 must be row positions between 0 and 119 or a boolean mask.*{found}"
        with pytest.raises(ValueError, match=message):
            fit(*data, cv=[SPLITS[0], split])

    def test_training_part_that_is_empty(self, data):
        with pytest.raises(ValueError, match=r"training part of fold 0 has no rows of class \[0, 1, 2\]"):
            fit(*data, cv=[([], [1, 2])])

    def test_training_part_whose_class_has_no_weight(self, data):
        X, y = data
        weights = np.ones(N_SAMPLES)
        train, test = SPLITS[0]
        weights[train[y[train] == 1]] = 0.0
        with pytest.raises(ValueError, match=r"training part of fold 0 has no rows of class \[1\]"):
            fit(X, y, cv=SPLITS, sample_weight=weights)

    @pytest.mark.parametrize("scoring", ["brier", "accuracy"])
    @pytest.mark.parametrize("empty", [True, False], ids=["empty", "weightless"])
    def test_test_part_without_weight(self, data, scoring, empty):
        weights = np.ones(N_SAMPLES)
        train, test = SPLITS[1]
        weights[test] = 0.0
        splits = [(train, test[:0] if empty else test)]
        with pytest.raises(
            ValueError, match="test part of fold 0 has no rows of positive weight: .*Leave the fold out"
        ):
            fit(*data, cv=splits, scoring=scoring, sample_weight=weights)


class TestScorers:
    def test_sparse_tables_of_every_format(self, data):
        X, y = data
        for table in (sparse.coo_array(X), sparse.csc_matrix(X), X.tolist()):
            scores = fit(table, y, scoring="accuracy").cv_scores_
            np.testing.assert_allclose(scores, fit(X, y, scoring="accuracy").cv_scores_, atol=1e-12)

    def test_one_weight_for_all_rows(self, data):
        scores = fit(*data, scoring="accuracy", sample_weight=2.0).cv_scores_
        np.testing.assert_allclose(scores, fit(*data, scoring="accuracy").cv_scores_, atol=1e-12)

    def test_metadata_that_is_no_column(self, data, routing):
        def accuracy_times(labels, predicted, factor):
            return factor * np.mean(labels == predicted)

        scorer = make_scorer(accuracy_times).set_score_request(factor=True)
        model = PrestoClassifierCV(alphas=4, scoring=scorer).fit(*data, factor=2.0)
        np.testing.assert_allclose(model.cv_scores_, 2.0 * fit(*data, scoring="accuracy").cv_scores_)

    def test_crossing_rows_are_repaired_without_a_word(self):
        """As the built-in scores do; warnings are errors in this suite."""
        X, y, _ = crossing_data(np.random.default_rng(0), 200, 3, 4)
        splits, alphas = list(StratifiedKFold(3).split(X, y)), [1e-3, 1e-1]
        train, test = splits[0]
        logits = PrestoClassifier(1e-3).fit(X[train], y[train]).cut_logits(X[test])
        assert (np.diff(logits, axis=1) > 0).any()  # the cuts do cross in a test part

        def brier(estimator, X, y):
            return -np.mean(((estimator.predict_proba(X) - np.eye(4)[y]) ** 2).sum(axis=1))

        scored, built_in = (fit(X, y, cv=splits, alphas=alphas, scoring=rule) for rule in (brier, "brier"))
        np.testing.assert_allclose(scored.cv_scores_, built_in.cv_scores_, rtol=1e-12)
