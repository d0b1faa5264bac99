"""Defects of the generative classifier, of learning curves, pictures and extreme options, each by a small table."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from statlearn.linear import (
    DiagonalLDA,
    GenerativeDiscriminativeDisplay,
    LargeStepLogisticClassifier,
    StepHistoryDisplay,
    generative_discriminative_curve,
    safe_step_radius,
)
from statlearn.linear._curve_crossings import bootstrap_interval, compare_curves, sign_changes
from statlearn.linear._learning_curves import stratified_order

IRIS = load_iris(return_X_y=True)
SIZES = 2 ** np.arange(3, 9)
LEVEL, N_FLIPS = 0.05, 1999  # those of generative_discriminative_curve


def compare(sizes, differences, seed=0):
    return compare_curves(sizes, differences, LEVEL, N_FLIPS, np.random.default_rng(seed))


# Where curves cross


def test_a_tie_at_the_largest_size_does_not_hide_a_crossing():
    """Equal mean errors at the largest size are +-1e-18 after rounding, and then crossing_ is None."""
    rng = np.random.default_rng(0)
    counts = rng.integers(-3, 4, size=(10, 6)) + np.array([-6, -4, -1, 3, 5, 0])  # test rows, of 50
    counts[:, -1] = rng.permutation([1, 1, 2, 3, -1, -1, -2, -3, 2, -2])
    assert counts[:, -1].sum() == 0
    exact, rounded = compare(SIZES, counts.astype(np.float64)), compare(SIZES, counts / 50)
    assert exact.crosses
    assert rounded.crosses
    np.testing.assert_allclose(rounded.crossings, exact.crossings)


def test_curves_that_touch_do_not_cross():
    """crossings_ has two crossings at a size where the mean errors are equal, with the same curve lower around it."""
    ties = np.random.default_rng(7).integers(0, 20, 10)  # wrong test rows, of 50
    first = np.column_stack([ties, ties, ties])
    second = np.column_stack([ties + 5, np.roll(ties, 3), ties + 5])
    assert (first - second).mean(axis=0)[1] == 0.0
    crossings, _ = sign_changes(SIZES[:3], (first / 50 - second / 50).mean(axis=0))
    assert crossings.size == 0


def test_bootstrap_samples_with_ties_do_not_open_the_interval():
    """The upper end of crossing_ci_ is infinite because samples that tie at the largest size seem to end below."""
    rng = np.random.default_rng(9)
    columns = [rng.integers(low, high, 8) for low, high in ((-9, -2), (-5, 3), (1, 5), (-1, 4))]
    counts = np.column_stack(columns)  # test rows, of 50
    exact, rounded = (
        bootstrap_interval(SIZES[:4], differences, 1, 0.95, 2000, np.random.default_rng(1))
        for differences in (counts.astype(np.float64), counts / 50)
    )
    np.testing.assert_allclose(rounded[0], exact[0])
    assert rounded[1] == exact[1]


def test_five_repeats_never_lead_to_a_conclusion():
    """One seed in a hundred names a better classifier from 5 repeats, where the smallest possible p-value is 1/16."""
    differences = np.full((5, 3), -0.125)
    found = [seed for seed in range(300) if compare(SIZES[:3], differences, seed).better != 0]
    assert found == []


@pytest.mark.parametrize(("n_repeats", "difference"), [(5, 0.3), (6, 0.3), (7, 0.1)])
def test_the_same_difference_each_time_has_the_p_value_of_all_signs_alike(n_repeats, difference):
    """Two classifiers without randomness of their own get p = 0.0005 from 5 repeats: all signs alike are 1 in 16."""
    found = compare(SIZES[:3], np.full((n_repeats, 3), -difference))
    assert found.p_better > 0.5 * 2.0 ** (1 - n_repeats)


def test_the_interval_covers_with_few_repeats():
    """The 95 % interval of the crossing covers it in 83 of 100 data sets with 6 repeats, and in 93 with 20."""
    rng = np.random.default_rng(0)
    crossing, n_sets, n_covered = 5.4, 400, 0
    for _ in range(n_sets):
        shared, own = rng.normal(size=(6, 1)), rng.normal(size=(6, SIZES.size))
        differences = 0.02 * (np.log2(SIZES) - crossing) + 0.02 * shared + 0.02 * own
        (low, high), _ = bootstrap_interval(SIZES, differences, 1, 0.95, 300, rng)
        n_covered += low <= 2.0**crossing <= high
    assert n_covered / n_sets > 0.9


# Learning curves


class ColumnOfLabels(ClassifierMixin, BaseEstimator):
    """Logistic regression whose predictions are a column, as those of some libraries are."""

    def fit(self, X, y):
        self.model_ = LogisticRegression(max_iter=1000).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)[:, None]


class OneLabel(ClassifierMixin, BaseEstimator):
    """A classifier that forgets all rows but the first."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[:1]


class Recorder(DummyClassifier):
    """A classifier that remembers the first column of its training rows."""

    seen = []  # noqa: RUF012

    def fit(self, X, y):
        self.seen.append(set(X[:, 0]))
        return super().fit(X, y)


def test_predictions_in_a_column_are_compared_row_by_row():
    """A classifier whose predict returns shape (n, 1) gets the error of chance: all rows are compared with all."""
    options = {"train_sizes": [75], "n_repeats": 2, "random_state": 0}
    try:
        result = generative_discriminative_curve(*IRIS, ColumnOfLabels(), **options)
    except ValueError:
        return  # refused is as good
    np.testing.assert_array_equal(result.generative_errors, result.discriminative_errors)


def test_predictions_of_another_length_are_refused():
    """A classifier that predicts a single label for all test rows passes for one with an error of 2/3."""
    with pytest.raises(ValueError, match="predict"):
        generative_discriminative_curve(*IRIS, OneLabel(), train_sizes=[75], n_repeats=2, random_state=0)


def test_a_regressor_is_no_classifier():
    """A regressor has an error of 1 at every size, and the other classifier is said to be the better one."""
    with pytest.raises((TypeError, ValueError), match="classifier"):
        generative_discriminative_curve(*IRIS, Ridge(), n_repeats=6, random_state=0)


def test_starts_of_an_order_have_the_classes_in_their_shares():
    """Of 210 training rows 180 instead of 189 are of the class with 90 % of the rows: "to within a row", it says."""
    counts = np.array([900] + [10] * 10)
    codes = np.repeat(np.arange(counts.size), counts)
    order = stratified_order(codes, np.random.default_rng(0))
    seen = np.cumsum(codes[order][:, None] == np.arange(counts.size), axis=0)
    quota = np.arange(1, codes.size + 1)[:, None] * counts / codes.size
    everyone_has_one = quota.min(axis=1) >= 1.0
    assert np.abs(seen - quota)[everyone_has_one].max() <= 1.0


def test_the_overlap_of_training_sets_is_that_of_repeats():
    """The certificate says that repeats differ little where two training sets have a tenth of their rows in common."""
    X = np.column_stack([np.arange(200.0), np.zeros(200)])
    Recorder.seen.clear()
    options = {"test_size": 0.9, "train_sizes": [20], "n_repeats": 12, "random_state": 0}
    result = generative_discriminative_curve(X, np.arange(200) % 2, Recorder(), DummyClassifier(), **options)
    sets = Recorder.seen
    assert [len(rows) for rows in sets] == [20] * 12
    shared = np.mean([len(a & b) / 20 for i, a in enumerate(sets) for b in sets[:i]])
    assert shared < 0.2
    check = result.certificate["overlap of training sets"]
    assert abs(check.statistic - shared) < 0.1


# Diagonal discriminant analysis


def test_entries_of_sparse_rows_given_in_parts_are_added():
    """Variances of a CSR matrix with duplicate entries are wrong: 3.9 instead of 1.25."""
    parts = np.array([1.0, 1.0, 1.0, 1.0, 3.0, 2.0, 5.0, 1.0])
    columns, starts = np.array([0, 0, 0, 1, 0, 1, 0, 0]), np.array([0, 2, 4, 6, 8])
    X, y = sparse.csr_matrix((parts, columns, starts), shape=(4, 2)), [0, 0, 1, 1]
    dense = DiagonalLDA().fit(X.toarray(), y)
    np.testing.assert_allclose(DiagonalLDA().fit(X, y).var_, dense.var_)


def test_a_full_column_of_sparse_rows_does_not_cancel():
    """The variance of a sparse column without zeros and with a large mean is 12.7 instead of 1.1."""
    rng = np.random.default_rng(0)
    y = np.arange(333) % 2
    X = rng.normal(size=(333, 2)) + np.array([1e8, 0.0]) + y[:, None]
    exact = DiagonalLDA(var_smoothing=0.0).fit(X - np.array([1e8, 0.0]), y)
    found = DiagonalLDA(var_smoothing=0.0).fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(found.var_, exact.var_, rtol=1e-6)


def test_the_certificate_of_sparse_rows_is_that_of_dense_ones():
    """With a column that is the label, independence is undecided or refuted (p = 1e-13) on sparse rows alone."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    X = np.column_stack([y, rng.normal(size=(400, 3)) + 0.5 * y[:, None]])
    dense, thin = (DiagonalLDA().fit(rows, y).certificate_ for rows in (X, sparse.csr_array(X)))
    for name in ("independent features", "log-odds inflation"):
        assert thin[name].statistic == pytest.approx(dense[name].statistic, rel=1e-3)


def test_two_close_classes_are_told_apart_beside_a_distant_one():
    """With a third class at 1e8 the probabilities of two classes at 0 and 1 are off in the second digit."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    X = rng.normal(size=(60, 1)) + np.array([0.0, 1.0, 1e8])[y][:, None]
    model = DiagonalLDA(var_smoothing=0.0).fit(X, y)
    rows = np.array([[0.2], [0.5], [2.0]])
    scores = np.log(model.priors_) - 0.5 * (rows - model.means_[:, 0]) ** 2 / model.var_
    np.testing.assert_allclose(model.predict_proba(rows), softmax(scores, axis=1), rtol=1e-6)


def test_a_column_that_is_constant_within_classes_has_no_variance():
    """Without smoothing a column that is 0.7 or 1.7 by class gets weight 1e31 instead of the documented error."""
    y = np.repeat([0, 1], 10)
    X = np.column_stack([0.7 + y, np.random.default_rng(0).normal(size=20)])
    with pytest.raises(ValueError, match="vary within classes"):
        DiagonalLDA(var_smoothing=0.0).fit(X, y)


def test_probabilities_of_three_classes_are_not_nan_far_away():
    """predict_proba of three classes is NaN for a finite row so far away that scores overflow; for two it is not."""
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    model = DiagonalLDA().fit(1e-10 * (rng.normal(size=(30, 2)) + y[:, None]), y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        probabilities = model.predict_proba([[1e300, 1e300]])
    np.testing.assert_allclose(probabilities.sum(), 1.0)


def test_probabilities_of_two_classes_are_not_nan_far_away():
    """predict_proba of a sparse row is NaN, and predict takes the first of two classes, where its products overflow."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    model = DiagonalLDA().fit(1e-10 * (rng.normal(size=(60, 8)) + y[:, None]), y)
    row = np.zeros((1, 8))
    row[0, np.argsort(model.coef_[0, :2])] = -1e300, 1e300
    assert model.coef_[0] @ (row[0] / 1e300) > 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        probabilities = model.predict_proba(sparse.csr_array(row))
    np.testing.assert_allclose(probabilities, [[0.0, 1.0]])


def test_huge_weights_are_as_equal_weights():
    """Weights whose sum overflows are refused with a message about the variances of X."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), np.arange(20) % 2
    plain = DiagonalLDA().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        weighted = DiagonalLDA().fit(X, y, sample_weight=np.full(20, 1e308))
    np.testing.assert_allclose(weighted.coef_, plain.coef_)


def test_a_tiny_prior_is_not_a_matter_of_variances():
    """A positive prior of 1e-310 is refused with a message about the variances of X, and a cure that does not help."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), np.arange(20) % 2
    try:
        model = DiagonalLDA(priors=[1e-310, 1.0]).fit(X, y)
    except ValueError as error:
        assert "priors" in str(error)  # noqa: PT017
        return
    middle = model.coef_[0] @ model.means_.mean(axis=0)
    np.testing.assert_allclose(model.intercept_, -np.log(1e-310) - middle)


def test_many_rows_without_variation_are_not_too_few():
    """With 200 rows that do not vary within classes the certificate says "too few rows to test"."""
    y = np.arange(200) % 2
    check = DiagonalLDA().fit(y[:, None].astype(np.float64), y).certificate_["independent features"]
    assert check.holds is None
    assert "few rows" not in check.detail


def test_the_test_of_independence_sees_all_classes():
    """Of 19,999 rows with alternating classes it takes every second: a dependence in the other class goes unnoticed."""
    rng = np.random.default_rng(1)
    y = np.arange(19_999) % 2
    X = rng.normal(size=(y.size, 2))
    X[y == 1, 1] = X[y == 1, 0]
    X += y[:, None]
    mixed = rng.permutation(y.size)
    assert DiagonalLDA().fit(X[mixed], y[mixed]).certificate_["independent features"].holds is False
    assert DiagonalLDA().fit(X, y).certificate_["independent features"].holds is False


# Pictures


@pytest.mark.parametrize("options", [{"lw": 3.0}, {"c": "black"}])
@pytest.mark.parametrize("kind", ["curves", "steps"])
def test_short_names_of_line_options_are_accepted(kind, options):
    """lw=3, which Axes.plot takes, raises "Got both 'linewidth' and 'lw'"."""
    if kind == "curves":
        result = generative_discriminative_curve(*IRIS, train_sizes=[6, 12], n_repeats=2, random_state=0)
        display = GenerativeDiscriminativeDisplay.from_result(result, **options)
    else:
        history = {"iteration": np.array([1, 10]), "loss": np.array([0.7, 0.1])}
        display = StepHistoryDisplay.from_history(history, kind="loss", **options)
    (value,) = options.values()
    assert {line.get_linewidth() if "lw" in options else line.get_color() for line in display.lines_} == {value}


# Steps


@pytest.mark.parametrize(
    ("logits", "slopes", "radius"),
    [([[-1e308, 1e308]], [[-1.0, 1.0]], 1e308), ([[0.0, 0.0]], [[-1e308, 1e308]], np.pi / 2 * 1e-308)],
)
def test_the_radius_of_two_finite_columns_does_not_overflow(logits, slopes, radius):
    """The radius is inf, which means that no prediction changes, or 0, because a difference of logits overflows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert safe_step_radius(logits, slopes) == pytest.approx(radius, rel=1e-6, abs=0.0)


def test_a_tiny_intercept_scaling_leaves_the_logistic_regression_alone():
    """intercept_scaling=1e-200 silently gives a logistic regression without its intercept."""
    X, y = [[1.0], [2.0], [3.0], [4.0], [5.0]], [0, 1, 0, 1, 1]
    plain = LargeStepLogisticClassifier().fit(X, y)
    assert plain.solver_ == "logistic"
    try:
        scaled = LargeStepLogisticClassifier(intercept_scaling=1e-200).fit(X, y)
    except ValueError as error:
        assert "intercept_scaling" in str(error)  # noqa: PT017
        return
    np.testing.assert_allclose(scaled.intercept_, plain.intercept_, rtol=1e-4)


def test_a_tiny_intercept_scaling_does_not_make_classes_inseparable():
    """With intercept_scaling=1e-154 rows 1, 2 and 3, 4 are "not separable", after a flood of overflow warnings."""
    X, y = np.array([[1.0], [2.0], [3.0], [4.0]]), [0, 0, 1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model = LargeStepLogisticClassifier(intercept_scaling=1e-154).fit(X, y)
        except ValueError as error:
            assert "intercept_scaling" in str(error)  # noqa: PT017
            return
    assert model.status_ != "not separable"


@pytest.mark.parametrize("scaling", [1e61, 1e200])
def test_a_huge_intercept_scaling_is_named(scaling):
    """intercept_scaling=1e61 says to divide X, which does not help, and 1e200 raises a bare OverflowError."""
    with pytest.raises(ValueError, match="intercept_scaling"):
        LargeStepLogisticClassifier(intercept_scaling=scaling).fit([[0.0], [1.0]], [0, 1])


def test_a_margin_that_is_not_known_warns():
    """With stop="margin" and intercept_scaling=1e14 the interval is [0.004, 2.1], and no ConvergenceWarning says so."""
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(100, 5)), rng.normal(size=5)
    scores = X @ weights
    X, y = X[np.abs(scores) > 0.3], scores[np.abs(scores) > 0.3] > 0.0
    model = LargeStepLogisticClassifier(stop="margin", intercept_scaling=1e14, max_iter=2000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    is_known = model.margin_upper_ - model.margin_lower_ <= model.margin_tol * model.margin_upper_
    assert is_known or any(issubclass(each.category, ConvergenceWarning) for each in caught)
