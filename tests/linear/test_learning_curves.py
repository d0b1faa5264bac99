"""Learning curves of two classifiers: paired and nested, right about known designs, silent where there is no answer."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.linear._diagonal_lda import DiagonalLDA
from statlearn.linear._learning_curves import generative_discriminative_curve, stratified_order

from .naive_bayes_designs import equicorrelated_design, variance_design

IRIS = load_iris(return_X_y=True)


class Diary(ClassifierMixin, BaseEstimator):
    """Writes down the rows that it is fitted to and predicts; rows are numbered by their only feature."""

    pages = {}

    def __init__(self, name="a"):
        self.name = name

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.entry_ = [X[:, 0].astype(int).tolist()]
        return self

    def predict(self, X):
        self.pages.setdefault(self.name, []).append((*self.entry_, X[:, 0].astype(int).tolist()))
        return np.full(X.shape[0], self.classes_[0])


def test_both_models_see_the_same_nested_rows():
    Diary.pages.clear()
    y = np.repeat([0, 1, 2], [40, 15, 5])
    sizes = [3, 7, 20, 40]
    generative_discriminative_curve(
        np.arange(60)[:, None], y, Diary("a"), Diary("b"), train_sizes=sizes, test_size=20, n_repeats=4, random_state=0
    )
    assert Diary.pages["a"] == Diary.pages["b"]
    assert len(Diary.pages["a"]) == 16
    repeats = [Diary.pages["a"][start : start + 4] for start in range(0, 16, 4)]
    for pages in repeats:
        tests = {tuple(test) for _, test in pages}
        assert len(tests) == 1
        assert len(tests.pop()) == 20
        for size, (train, test) in zip(sizes, pages, strict=True):
            assert len(set(train)) == size
            assert not set(train) & set(test)
            assert set(y[train]) == {0, 1, 2}
            assert train == pages[-1][0][:size]
    assert len({tuple(pages[0][0]) for pages in repeats}) > 1


@pytest.mark.parametrize("counts", [[50, 50], [97, 3], [40, 30, 20, 10], [2, 2, 200]])
def test_every_start_of_an_order_has_the_classes_in_their_shares(rng, counts):
    codes = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    order = stratified_order(codes, rng)
    np.testing.assert_array_equal(np.sort(order), np.arange(codes.size))
    seen = np.cumsum(codes[order][:, None] == np.arange(len(counts)), axis=0)
    assert (seen[len(counts) - 1 :] >= 1).all()
    sizes = np.arange(1, codes.size + 1)[:, None]
    assert (seen < sizes * np.array(counts) / codes.size + 1.0 + 1e-9).all()  # the quota of Adams's apportionment


def test_orders_are_random(rng):
    codes = np.arange(30) % 3
    firsts = [stratified_order(codes, rng)[0] for _ in range(300)]
    assert len(set(firsts)) > 20
    assert not np.array_equal(stratified_order(codes, rng), stratified_order(codes, rng))


def test_the_table_is_made_of_the_errors():
    result = generative_discriminative_curve(*IRIS, n_repeats=7, random_state=0)
    table = result.table
    np.testing.assert_array_equal(table["train_size"], [6, 12, 24, 48, 75])
    for name, errors in (
        ("generative_error", result.generative_errors),
        ("discriminative_error", result.discriminative_errors),
        ("difference", result.generative_errors - result.discriminative_errors),
    ):
        assert errors.shape == (7, 5)
        np.testing.assert_allclose(table[name], errors.mean(axis=0))
        spread = f"{name.removesuffix('_error')}_standard_error"
        np.testing.assert_allclose(table[spread], errors.std(axis=0, ddof=1) / np.sqrt(7))
    assert result.asymptotes_ == {
        "generative": table["generative_error"][-1],
        "discriminative": table["discriminative_error"][-1],
    }
    frame = result.to_frame()
    assert list(frame.columns) == list(table)
    np.testing.assert_array_equal(frame["difference"], table["difference"])


def test_errors_are_those_of_the_classifiers():
    """One repeat by hand: the last rows of the order are tested, the first ones are learned from."""
    Diary.pages.clear()
    X, y = IRIS
    rows = np.arange(150)[:, None]
    options = {"train_sizes": [30], "test_size": 0.4, "n_repeats": 2, "random_state": 3}
    generative_discriminative_curve(rows, y, Diary("a"), Diary("b"), **options)
    result = generative_discriminative_curve(X, y, **options)
    for repeat, (train, test) in enumerate(Diary.pages["a"]):
        model = DiagonalLDA().fit(X[train], y[train])
        peer = LogisticRegression(max_iter=1000).fit(X[train], y[train])
        assert result.generative_errors[repeat, 0] == pytest.approx(1.0 - model.score(X[test], y[test]))
        assert result.discriminative_errors[repeat, 0] == pytest.approx(1.0 - peer.score(X[test], y[test]))
        assert len(test) == 60


def assert_same_results(first, second):
    for name in first.table:
        np.testing.assert_array_equal(first.table[name], second.table[name], err_msg=name)
    np.testing.assert_array_equal(first.crossings_, second.crossings_)
    assert (first.crossing_, first.crossing_ci_, first.dominant) == (
        second.crossing_,
        second.crossing_ci_,
        second.dominant,
    )
    assert first.certificate == second.certificate


def test_workers_and_seeds(rng):
    X, y, *_ = equicorrelated_design(rng, 1200, 0.2)
    options = {"train_sizes": [8, 32, 128], "test_size": 1000, "n_repeats": 8}
    one = generative_discriminative_curve(X, y, random_state=1, n_jobs=1, **options)
    assert_same_results(one, generative_discriminative_curve(X, y, random_state=1, n_jobs=2, **options))
    other = generative_discriminative_curve(X, y, random_state=2, **options)
    assert not np.array_equal(one.generative_errors, other.generative_errors)
    generator = np.random.default_rng(5)
    first, second = (generative_discriminative_curve(X, y, random_state=generator, **options) for _ in range(2))
    assert not np.array_equal(first.generative_errors, second.generative_errors)


def test_kinds_of_input():
    pandas = pytest.importorskip("pandas")
    X, y = IRIS
    options = {"n_repeats": 2, "random_state": 0, "train_sizes": [20, 60]}
    expected = generative_discriminative_curve(X, y, **options)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    assert_same_results(expected, generative_discriminative_curve(frame, pandas.Series(y), **options))
    assert_same_results(expected, generative_discriminative_curve(frame, np.array(list("uvw"))[y], **options))
    assert_same_results(expected, generative_discriminative_curve(X.tolist(), y.tolist(), **options))
    sparse = generative_discriminative_curve(csr_array(X), y, **options)
    np.testing.assert_allclose(sparse.generative_errors, expected.generative_errors)


def test_a_model_against_itself_is_undecided():
    result = generative_discriminative_curve(*IRIS, GaussianNB(), GaussianNB(), n_repeats=6, random_state=0)
    assert (result.crossing_, result.crossing_ci_, result.dominant) == (None, None, None)
    assert result.crossings_.size == 0
    assert result.certificate.holds is None
    assert "Neither" in result.certificate.claim


# What is known of designs.


def test_a_crossing_moves_down_as_correlation_rises(rng):
    sizes = 2 ** np.arange(3, 12)
    X, y, best, naive = equicorrelated_design(rng, 20000, 0.05)
    weak = generative_discriminative_curve(X, y, train_sizes=sizes, test_size=15000, random_state=0)
    assert 180 < weak.crossing_ < 512
    low, high = weak.crossing_ci_
    assert low < weak.crossing_ < high
    assert weak.crossing_ == weak.crossings_[-1]
    assert weak.dominant is None
    assert weak.certificate
    assert weak.certificate["generative better before"].holds and weak.certificate["discriminative better after"].holds
    assert weak.asymptotes_["generative"] == pytest.approx(naive, abs=0.012)
    assert weak.asymptotes_["discriminative"] == pytest.approx(best, abs=0.018)
    X, y, *_ = equicorrelated_design(rng, 20000, 0.1)
    strong = generative_discriminative_curve(X, y, train_sizes=sizes[:7], test_size=15000, n_repeats=60, random_state=0)
    assert 64 < strong.crossing_ < 180
    assert strong.crossing_ci_[1] < low


def test_strong_correlation_leaves_nothing_to_the_generative_model(rng):
    X, y, *_ = equicorrelated_design(rng, 12000, 0.2)
    result = generative_discriminative_curve(
        X, y, train_sizes=2 ** np.arange(4, 11), test_size=10000, n_repeats=30, random_state=0
    )
    assert result.crossing_ is None
    assert result.dominant == "discriminative"
    assert result.certificate["generative not better"].holds
    assert "better one over some sizes" in result.certificate.claim


def test_the_true_model_wins_with_independent_features(rng):
    X, y, best = variance_design(rng, 6000, 20)
    result = generative_discriminative_curve(
        X, y, train_sizes=[8, 32, 128, 512], test_size=5000, n_repeats=10, random_state=0
    )
    assert result.dominant == "generative"
    assert (result.generative_errors.mean(axis=0) < result.discriminative_errors.mean(axis=0)).all()


def test_digits_have_no_crossing():
    X, y = load_digits(return_X_y=True)
    result = generative_discriminative_curve(
        X / 16.0,
        y,
        DiagonalLDA(var_smoothing=0.06),  # about 0.01 in units of the pixels
        train_sizes=[20, 80, 320, 1200],
        test_size=597,
        n_repeats=8,
        random_state=0,
    )
    assert result.crossing_ is None
    assert result.dominant == "discriminative"
    assert result.crossings_.size == 0
    assert result.asymptotes_["generative"] == pytest.approx(0.101, abs=0.02)
    assert result.asymptotes_["discriminative"] == pytest.approx(0.0348, abs=0.01)


def test_any_two_classifiers_can_be_compared():
    result = generative_discriminative_curve(
        *IRIS,
        DummyClassifier(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        train_sizes=[9, 30],
        n_repeats=8,
        random_state=0,
    )
    assert result.dominant == "discriminative"
    assert result.certificate["overlap of training sets"].statistic == 30 / 75


def test_still_falling_errors_are_reported():
    result = generative_discriminative_curve(*IRIS, train_sizes=[10, 40, 50], n_repeats=3, random_state=0)
    table = result.table
    share = (np.log2(25) - np.log2(10)) / (np.log2(40) - np.log2(10))
    for model in ("generative", "discriminative"):
        curve = table[f"{model}_error"]
        at_half = curve[0] + share * (curve[1] - curve[0])
        check = result.certificate[f"{model} error still falls"]
        assert check.statistic == pytest.approx(at_half - curve[2])
        assert "do not span" not in check.detail
    one_size = generative_discriminative_curve(*IRIS, train_sizes=[30], n_repeats=3, random_state=0)
    assert "do not span" in one_size.certificate["generative error still falls"].detail


# Bad input.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_sizes": [2, 50]}, "train_sizes must be between 3, the number of classes, and 75, .* from 2 to 50"),
        ({"train_sizes": [10, 76]}, "Got sizes from 10 to 76"),
        ({"train_sizes": [10.5]}, "train_sizes must be whole numbers"),
        ({"train_sizes": []}, "train_sizes must be a vector with at least one entry"),
        ({"test_size": 148}, "test_size must leave a training row for each of 3 classes. Got 148, 148 of 150 rows"),
        ({"test_size": 0.99}, "Got 0.99, 149 of 150 rows: lower it"),
        ({"test_size": 1.5}, "The 'test_size' parameter"),
        ({"n_repeats": 1}, "The 'n_repeats' parameter"),
        ({"generative": "bayes"}, "The 'generative' parameter"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        generative_discriminative_curve(*IRIS, **options)


def test_bad_labels():
    X, y = IRIS
    with pytest.raises(ValueError, match="at least 2 classes. Got 1 class"):
        generative_discriminative_curve(X, np.zeros(150))
    with pytest.raises(ValueError, match="at least 2 rows of each class.* class 7: drop it"):
        generative_discriminative_curve(X, np.r_[y[:-1], 7])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        generative_discriminative_curve(X, y[:-1])
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        generative_discriminative_curve(X, X[:, 0] + 0.01 * X[:, 1])


def test_an_error_of_a_classifier_says_where_it_came_from():
    X, y = IRIS
    bad = X.copy()
    bad[:, 1] = np.nan
    with pytest.raises(ValueError, match="NaN") as caught:
        generative_discriminative_curve(bad, y, random_state=0)
    assert caught.value.__notes__ == ["It came from the generative classifier, fitted to 6 rows."]
