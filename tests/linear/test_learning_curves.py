"""Learning curves of two classifiers: paired and nested, right about known designs, silent where there is no answer."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
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


@pytest.mark.parametrize("counts", [[50, 50], [97, 3], [40, 30, 20, 10], [2, 2, 200], [900] + 10 * [10], [7, 11, 13]])
def test_every_start_of_an_order_has_the_classes_in_their_shares(rng, counts):
    codes = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    order = stratified_order(codes, rng)
    np.testing.assert_array_equal(np.sort(order), np.arange(codes.size))
    seen = np.cumsum(codes[order][:, None] == np.arange(len(counts)), axis=0)
    assert (seen[len(counts) - 1] == 1).all()
    excess = seen * codes.size - np.arange(1, codes.size + 1)[:, None] * np.array(counts)  # in rows / n_rows
    assert excess.max() < codes.size
    begins = -(-codes.size // min(counts))  # the size at which the share of the rarest class comes to a row
    assert np.abs(excess[begins - 1 :]).max() < codes.size
    assert excess.min() > -codes.size * len(counts)  # before, others wait for the first rows of rare classes


@pytest.mark.parametrize("seed", range(30))
def test_starts_have_shares_whatever_the_classes(seed):
    rng = np.random.default_rng(seed)
    counts = np.ceil(40 * rng.exponential(size=rng.integers(2, 9)) ** 2).astype(int) + 1
    codes = np.repeat(np.arange(counts.size), counts)
    seen = np.cumsum(codes[stratified_order(codes, rng)][:, None] == np.arange(counts.size), axis=0)
    excess = seen * codes.size - np.arange(1, codes.size + 1)[:, None] * counts
    assert excess.max() < codes.size
    assert np.abs(excess[-(-codes.size // counts.min()) - 1 :]).max() < codes.size


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


@pytest.mark.parametrize("kind", ["column", "frame", "list"])
def test_kinds_of_predictions(kind):
    pandas = pytest.importorskip("pandas")
    shaped = {"column": lambda labels: labels[:, None], "frame": pandas.DataFrame, "list": np.ndarray.tolist}[kind]

    class Shaped(GaussianNB):
        def predict(self, X):
            return shaped(super().predict(X))

    result = generative_discriminative_curve(*IRIS, Shaped(), GaussianNB(), n_repeats=2, random_state=0)
    assert result.generative_errors.max() < 0.5
    np.testing.assert_array_equal(result.generative_errors, result.discriminative_errors)


class Duck:
    """A classifier that does not know scikit-learn."""

    def __init__(self, name="classes_"):
        self.name = name

    def get_params(self, deep=True):
        return {"name": self.name}

    def fit(self, X, y):
        self.model_ = GaussianNB().fit(X, y)
        setattr(self, self.name, self.model_.classes_)
        return self

    def predict(self, X):
        return self.model_.predict(X)


class TaggedDuck(BaseEstimator):
    """A classifier that does not say so."""

    def fit(self, X, y):
        self.model_ = GaussianNB().fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)


@pytest.mark.parametrize("model", [Duck(), TaggedDuck(), make_pipeline(StandardScaler(), TaggedDuck())])
def test_classifiers_that_do_not_say_so(model):
    result = generative_discriminative_curve(*IRIS, model, GaussianNB(), n_repeats=2, random_state=0)
    np.testing.assert_allclose(result.generative_errors, result.discriminative_errors, atol=0.05)


def test_ties_are_exact():
    """As many wrong rows over all repeats, from shares whose differences do not cancel but for rounding."""
    seen = 0
    for seed in range(40):
        result = generative_discriminative_curve(
            *IRIS, None, GaussianNB(), train_sizes=[9, 30, 75], n_repeats=3, random_state=seed
        )
        wrong = np.rint(75 * (result.generative_errors - result.discriminative_errors))
        tied = wrong.sum(axis=0) == 0
        seen += tied.sum()
        np.testing.assert_array_equal(result.table["difference"] == 0.0, tied)
        assert (result.table["p_value"][tied] == 1.0).all()
        assert (result.table["p_value"] >= 0.25).all()
        signs = np.sign(wrong.sum(axis=0))
        assert result.crossings_.size == np.count_nonzero(np.diff(signs[signs != 0.0]))
    assert seen > 3


@pytest.mark.parametrize("n_repeats", [2, 5, 6])
def test_fewer_than_six_repeats_do_not_conclude(n_repeats):
    result = generative_discriminative_curve(
        *IRIS, DummyClassifier(), train_sizes=[9, 75], n_repeats=n_repeats, random_state=0
    )
    np.testing.assert_array_equal(result.table["p_value"], 2.0 ** (1 - n_repeats))
    if n_repeats < 6:
        assert result.dominant is None
        assert result.certificate["difference"].statistic == 2.0 ** (1 - n_repeats)
        assert f"none can from {n_repeats} repeats: give n_repeats=6 or more" in result.certificate["difference"].detail
    else:
        assert result.dominant == "discriminative"
        assert result.certificate["discriminative better at some sizes"].statistic == 1.0 / 32


@pytest.mark.parametrize(("test_size", "size"), [(0.5, 30), (0.1, 50), (30, 6)])
def test_the_overlap_of_training_sets_is_that_of_pairs_of_repeats(test_size, size):
    Diary.pages.clear()
    y = np.repeat([0, 1, 2], [45, 12, 3])
    result = generative_discriminative_curve(
        np.arange(60)[:, None],
        y,
        Diary("a"),
        Diary("b"),
        train_sizes=[4, size],
        test_size=test_size,
        n_repeats=5,
        random_state=0,
    )
    sets = [set(train) for train, _ in Diary.pages["a"] if len(train) == size]
    assert len(sets) == 5
    shared = [len(first & second) / size for i, first in enumerate(sets) for second in sets[:i]]
    assert result.certificate["overlap of training sets"].statistic == pytest.approx(np.mean(shared), rel=1e-12)


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
    assert result.certificate["overlap of training sets"].statistic == pytest.approx(30 / 150, abs=0.05)


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
    with pytest.raises(ValueError, match="y must have more than one class. Got one class"):
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


class Wrong(GaussianNB):
    """A classifier that predicts in another shape."""

    def __init__(self, shaped=None):
        super().__init__()
        self.shaped = shaped

    def predict(self, X):
        return self.shaped(super().predict(X))


@pytest.mark.parametrize(
    ("shaped", "shape"),
    [
        (lambda labels: labels[:1], r"\(1,\)"),
        (lambda labels: labels[:-1], r"\(74,\)"),
        (lambda labels: np.column_stack([labels, labels]), r"\(75, 2\)"),
        (lambda labels: labels[None, :], r"\(1, 75\)"),
        (lambda labels: labels[0], r"\(\)"),
    ],
)
def test_bad_predictions(shaped, shape):
    message = (
        f"discriminative must predict one label per row. The predict of Wrong returned .* shape {shape} for 75 rows"
    )
    with pytest.raises(ValueError, match=message) as caught:
        generative_discriminative_curve(*IRIS, None, Wrong(shaped), random_state=0)
    assert caught.value.__notes__ == ["It came from the discriminative classifier, fitted to 6 rows."]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Ridge(), "Got Ridge, a regressor"),
        (make_pipeline(StandardScaler(), Ridge()), "Got Pipeline, a regressor"),
        (GridSearchCV(Ridge(), {"alpha": [1.0]}), "Got GridSearchCV, a regressor"),
        (KMeans(3), "Got KMeans, a clusterer"),
        (IsolationForest(), "Got IsolationForest, an outlier detector"),
        (Duck("labels_"), "Got Duck, which has no classes_ when fitted"),
    ],
)
def test_what_is_no_classifier(model, message):
    with pytest.raises(TypeError, match=f"generative must be a classifier. {message}"):
        generative_discriminative_curve(*IRIS, model, random_state=0)
    with pytest.raises(TypeError, match=f"discriminative must be a classifier. {message}"):
        generative_discriminative_curve(*IRIS, None, model, random_state=0)
