"""Labels and class orders of every type that a user may hand over."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import cross_val_score

from statlearn.exceptions import ClassOrderWarning
from statlearn.ordinal import PrestoClassifier, PrestoClassifierCV, ProportionalOddsClassifier

from .reference import parallel_data

pytestmark = pytest.mark.filterwarnings("ignore:The classes .* do not sort:statlearn.exceptions.ClassOrderWarning")

ORDER = ["mild", "bad", "awful"]  # not alphabetical


@pytest.fixture(scope="module")
def data():
    X, codes, _ = parallel_data(np.random.default_rng(0), 90, 2, 3)
    assert np.bincount(codes).min() >= 5
    return X, codes, np.array(ORDER)[codes]


def pandas_labels(kind):
    pd = pytest.importorskip("pandas")
    return {
        "Index": pd.Index,
        "Series": pd.Series,
        "Categorical": pd.Categorical,
        "string": lambda values: pd.Series(values, dtype="string"),
        "ordered": lambda values: pd.Series(pd.Categorical(values, ORDER, ordered=True)),
        "ordered index": lambda values: pd.CategoricalIndex(values, ORDER, ordered=True),
        "bare ordered": lambda values: pd.Categorical(values, ORDER, ordered=True),
    }[kind]


class TestDeclaredClasses:
    @pytest.mark.parametrize("kind", ["Index", "Series", "Categorical"])
    def test_pandas_containers(self, data, kind):
        X, _, labels = data
        assert PrestoClassifier(classes=pandas_labels(kind)(ORDER)).fit(X, labels).classes_.tolist() == ORDER

    @pytest.mark.parametrize("classes", [tuple(ORDER), np.array(ORDER, dtype=object)], ids=["tuple", "object array"])
    def test_plain_containers(self, data, classes):
        assert PrestoClassifier(classes=classes).fit(data[0], data[2]).classes_.tolist() == ORDER

    @pytest.mark.parametrize(
        "classes", [set(ORDER), [ORDER], [["mild"], "bad", "awful"]], ids=["set", "table", "ragged"]
    )
    def test_no_sequence_of_labels(self, data, classes):
        with pytest.raises(ValueError, match="classes of PrestoClassifier must be a 1-D sequence of distinct labels"):
            PrestoClassifier(classes=classes).fit(data[0], data[2])


class TestLabelTypes:
    @pytest.mark.parametrize("kind", ["ordered", "ordered index", "bare ordered"])
    def test_pandas_order(self, data, kind):
        assert PrestoClassifier().fit(data[0], pandas_labels(kind)(data[2])).classes_.tolist() == ORDER

    @pytest.mark.parametrize("kind", ["Categorical", "string"])
    def test_pandas_without_order(self, data, kind):
        with pytest.warns(ClassOrderWarning, match="sorted alphabetically"):
            model = PrestoClassifier().fit(data[0], pandas_labels(kind)(data[2]))
        assert model.classes_.tolist() == sorted(ORDER)

    def test_polars(self, data):
        pl = pytest.importorskip("polars")
        series = pl.Series(data[2].tolist())
        assert PrestoClassifier().fit(data[0], series.cast(pl.Enum(ORDER))).classes_.tolist() == ORDER
        with pytest.warns(ClassOrderWarning, match="sorted alphabetically"):
            PrestoClassifier().fit(data[0], series.cast(pl.Categorical))

    @pytest.mark.parametrize("classes", [None, [False, True], [0, 1]], ids=str)
    def test_booleans(self, data, classes):
        X, codes, _ = data
        model = ProportionalOddsClassifier(classes=classes).fit(X, codes > 0)
        expected = ProportionalOddsClassifier().fit(X, (codes > 0).astype(int))
        np.testing.assert_array_equal(model.coef_, expected.coef_)
        assert model.classes_.tolist() == [False, True]

    def test_missing(self, data):
        pd = pytest.importorskip("pandas")
        y = pd.Series(pd.Categorical(data[2], ORDER, ordered=True))
        y[0] = None
        with pytest.raises(ValueError, match="NaN"):
            PrestoClassifier().fit(data[0], y)


class TestWeightZeroMeansAbsent:
    @pytest.mark.parametrize("label", [-1, 7])
    def test_a_label_that_is_not_declared(self, data, label):
        """A weight stands for repetition: what is there zero times cannot be unknown."""
        X, codes, _ = data
        y, weights = codes.copy(), np.ones(len(codes))
        y[:4], weights[:4] = label, 0.0
        for classes in (None, [0, 1, 2]):
            model = PrestoClassifier(classes=classes).fit(X, y, sample_weight=weights)
            assert model.classes_.tolist() == [0, 1, 2]
            np.testing.assert_array_equal(model.coef_, PrestoClassifier().fit(X[4:], codes[4:]).coef_)

    def test_with_class_weights(self, data):
        X, codes, _ = data
        y, weights = codes.copy(), np.ones(len(codes))
        y[:4], weights[:4] = -1, 0.0
        model = PrestoClassifier(class_weight="balanced").fit(X, y, sample_weight=weights)
        expected = PrestoClassifier(class_weight="balanced").fit(X[4:], codes[4:])
        np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-12)


class TestStrangeLabels:
    @pytest.mark.parametrize("missing", [None, float("nan")], ids=["None", "NaN"])
    def test_missing_among_strings(self, missing):
        X = np.arange(12.0)[:, None]
        y = np.array(["a", "b", "c"] * 4, dtype=object)
        y[4] = missing
        with pytest.raises(ValueError, match="y has a missing label at row 4: (None|NaN). Drop such rows"):
            ProportionalOddsClassifier().fit(X, y)

    def test_missing_in_a_string_series(self):
        pd = pytest.importorskip("pandas")
        y = pd.Series(["a", "b", pd.NA] * 4, dtype="string")
        with pytest.raises(ValueError, match="y has a missing label at row 2: <NA>"):
            ProportionalOddsClassifier().fit(np.arange(12.0)[:, None], y)

    def test_intervals(self):
        pd = pytest.importorskip("pandas")
        X = np.arange(30.0)[:, None]
        y = pd.Series(pd.qcut(X.ravel(), 3))
        with pytest.raises(ValueError, match="labels of y are Interval objects.*labels=False in pandas.cut"):
            ProportionalOddsClassifier().fit(X, y)

    def test_class_weight_of_unknown_classes(self):
        X, y = np.arange(12.0)[:, None], np.arange(12) % 3
        with pytest.raises(ValueError, match=r"class_weight names \[9\], which are not among the classes \[0, 1, 2\]"):
            ProportionalOddsClassifier(class_weight={9: 1.0}).fit(X, y)


class TestOrderThatScikitLearnMistakes:
    """Its tools sort the labels: a fit whose classes do not sort says so."""

    @pytest.mark.parametrize(
        "estimator",
        [PrestoClassifier(), PrestoClassifierCV(alphas=3, cv=3), ProportionalOddsClassifier()],
        ids=lambda estimator: type(estimator).__name__,
    )
    def test_fits_warn(self, estimator, data):
        X, _, y = data
        with pytest.warns(ClassOrderWarning, match="do not sort in this order.*integer codes"):
            clone(estimator).set_params(classes=ORDER).fit(X, y)

    def test_sorted_orders_are_silent(self, data):
        X, codes, _ = data
        ProportionalOddsClassifier(classes=["a", "b", "c"]).fit(X, np.array(["a", "b", "c"])[codes])

    def test_it_is_true(self, data):
        """The score that the warning is about: wrong with names, right with codes."""
        X, codes, y = data
        named = cross_val_score(PrestoClassifier(classes=ORDER), X, y, scoring="neg_log_loss", cv=3)
        coded = cross_val_score(PrestoClassifier(), X, codes, scoring="neg_log_loss", cv=3)
        assert np.all(named < coded - 0.05)


class TestEnsembles:
    def test_labels_that_an_ensemble_has_recoded(self, data):
        X, codes, labels = data
        for classes, y in ((ORDER, labels), ([1, 2, 3], codes + 1)):
            voting = VotingClassifier([("presto", PrestoClassifier(0.1, classes=classes))])
            with pytest.raises(ValueError, match="An ensemble may have recoded the labels: give it codes, and"):
                voting.fit(X, y)
        VotingClassifier([("presto", PrestoClassifier(0.1))]).fit(X, codes)

    def test_labels_that_are_no_codes(self, data):
        with pytest.raises(ValueError, match=r"Add them at their place\.$"):
            PrestoClassifier(classes=ORDER[:2]).fit(data[0], data[2])
