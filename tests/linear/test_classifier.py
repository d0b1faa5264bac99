"""`LargeStepLogisticClassifier`: published counts and margins, fits against scikit-learn, bad input, what it claims."""

import math
import pickle
import warnings

import cvxpy
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from scipy.stats import ortho_group
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from statlearn.exceptions import NotSeparableError, StepSizeWarning
from statlearn.linear import LargeStepLogisticClassifier, separability
from statlearn.linear._descent import N_REPORTS

from .signed_problems import digits_table, overlapping_table, separable_table

SAME = 1e-6  # of coefficients of two solvers that both iterate to the end
ROUNDING = 1e-10  # of iterates after some steps, in another order of summation
DIRECTION_RULES = ("perceptron", "normalized-perceptron", "normalized", "safe-radius", 10.0)


def worst_case_table(n):
    """One row against n - 1 copies of another (theorem 5.1)."""
    X = np.tile([-0.5, -1.0], (n, 1))
    X[0, 0] = 0.5
    return X, np.where(np.arange(n) == 0, 1, -1)


def iris_pair(first, second):
    X, y = load_iris(return_X_y=True)
    chosen = np.isin(y, (first, second))
    return StandardScaler().fit_transform(X[chosen]), y[chosen]


@pytest.fixture(scope="module")
def breast_cancer():
    """Standardized; separable with a margin of 0.0013925, which no first-order method finds."""
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def quasi_separated(rng, n=120):
    """Overlapping rows, and an indicator that is never 1 in the first class."""
    X, signs = overlapping_table(rng, n, 3)
    indicator = np.zeros(n)
    indicator[np.flatnonzero(signs > 0)[:10]] = 1.0
    return np.column_stack([X, indicator]), signs


def cone_margin(X, signs, scaling=1.0):
    """The margin of rows with a constant column, by a cone program, evaluated at its direction."""
    Z = signs[:, None] * (np.column_stack([X, np.full(len(X), scaling)]) if scaling else X)
    w = cvxpy.Variable(Z.shape[1])
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(w)), [Z @ w >= 1]).solve(solver=cvxpy.CLARABEL)
    return (Z @ w.value).min() / np.linalg.norm(w.value)


def lifted_margins(model, X, signs):
    """Margins of the unit vector of the coefficients with that of the constant column."""
    scaling = model.intercept_scaling if model.fit_intercept else 1.0
    norm = np.linalg.norm(np.append(model.coef_, model.intercept_ / scaling))
    return signs * model.decision_function(X) / norm


def proved_margin(model):
    """The lower bound, if it is positive: rounding decides which direction attains one that means nothing."""
    return np.maximum(model.margin_lower_, 0.0)


def assert_same_fit(model, other, tolerance=ROUNDING):
    assert_allclose(model.coef_, other.coef_, rtol=tolerance, atol=tolerance * np.abs(other.coef_).max())
    assert_allclose(model.intercept_, other.intercept_, rtol=tolerance, atol=tolerance * np.abs(other.coef_).max())
    assert_array_equal(model.status_, other.status_)
    assert_array_equal(model.n_iter_, other.n_iter_)
    assert_allclose(proved_margin(model), proved_margin(other), rtol=1e-9, atol=1e-12)
    assert_allclose(model.margin_upper_, other.margin_upper_, rtol=1e-9, atol=1e-12)


# Published counts and margins


@pytest.mark.parametrize(
    ("n", "options", "n_iter"),
    [
        (1000, {"step_size": 100.0}, 308),
        (1000, {"gamma": 100.0}, 2),
        (1000, {"gamma": 10.0}, 2),
        (1000, {"gamma": 1.0}, 16),
        (1000, {"gamma": 0.1}, 157),
        (1000, {"step_size": 10}, 729),
        (1000, {"step_size": 1.0}, 7313),
        (1000, {"step_size": "perceptron"}, 301),
        (1000, {"step_size": "normalized-perceptron"}, 2),
        (1000, {"step_size": "safe-radius"}, 3),
        (1000, {"step_size": "safe-radius", "r": 0.5}, 7),
        (100, {"step_size": 100.0}, 31),
        (100, {"step_size": "perceptron"}, 31),
        (100, {"gamma": 0.1}, 110),
        (100, {"gamma": 1.0}, 11),
        (10, {"step_size": 100.0}, 4),
        (10, {"step_size": 1.0}, 37),
    ],
    ids=str,
)
def test_the_worst_case_takes_as_many_steps_as_published(n, options, n_iter):
    """Table 1 of the paper, and counts computed apart from this code."""
    X, y = worst_case_table(n)
    model = LargeStepLogisticClassifier(fit_intercept=False, **options).fit(X, y)
    assert (model.n_iter_, model.status_, model.separable_, model.solver_) == (n_iter, "separable", True, "steps")
    assert model.score(X, y) == 1.0
    assert_array_equal(model.intercept_, [0.0])
    assert 0.0 < model.margin_lower_ <= 0.5 <= model.margin_upper_
    assert model.radius_R_ == pytest.approx(math.sqrt(1.25))
    assert model.history_["iteration"][-1] == n_iter
    assert model.history_["n_errors"][-1] == 0
    assert np.all(model.history_["n_errors"][:-1] > 0)


@pytest.mark.parametrize(
    ("pair", "counts"),
    [
        ((0, 1), {"perceptron": 3, "normalized-perceptron": 14, "normalized": 14, "safe-radius": 6, 10.0: 2}),
        ((3, 8), {"perceptron": 72, "normalized-perceptron": 43, "normalized": 67, "safe-radius": 36, 10.0: 92}),
        ((4, 9), {"perceptron": 19, "normalized-perceptron": 35, "normalized": 35, "safe-radius": 22, 10.0: 28}),
        ((1, 8), {"perceptron": 299, "normalized-perceptron": 208, "safe-radius": 135, 10.0: 355}),
    ],
)
def test_counts_on_pairs_of_digits(pair, counts):
    """Within a few steps: later digits of sums decide which row is the worst after some hundred steps."""
    X, signs = digits_table(*pair)
    for step_size, n_iter in counts.items():
        model = LargeStepLogisticClassifier(step_size).fit(X, signs)
        assert abs(model.n_iter_ - n_iter) <= 2
        assert model.score(X, signs) == 1.0


@pytest.mark.parametrize(
    ("pair", "margin", "radius"),
    [((0, 1), 0.591676, 4.9089), ((3, 8), 0.207727, 4.7087), ((1, 8), 0.110538, 4.9089)],
)
def test_margins_of_digits(pair, margin, radius):
    X, signs = digits_table(*pair)
    model = LargeStepLogisticClassifier(gamma=10.0, stop="margin", max_iter=20_000).fit(X, signs)
    assert model.radius_R_ == pytest.approx(radius, abs=5e-5)
    assert model.margin_lower_ <= margin + 5e-7
    assert model.margin_upper_ >= margin - 5e-7
    assert model.margin_upper_ - model.margin_lower_ <= 0.01 * model.margin_upper_
    assert lifted_margins(model, X, signs).min() == pytest.approx(model.margin_lower_, rel=1e-9)


def test_coefficients_tend_to_those_of_the_perceptron():
    """Theorem 3.2, for as many steps as the perceptron takes on 0 v 1."""
    X, y = digits_table(0, 1)
    options = {"stop": "margin", "max_iter": 3, "fallback": "pocket", "margin_tol": 1e-9}
    with pytest.warns(ConvergenceWarning):
        limit = LargeStepLogisticClassifier("perceptron", **options).fit(X, y).coef_
    differences = []
    for gamma in (1e1, 1e3, 1e7):
        with pytest.warns(ConvergenceWarning):
            coef = LargeStepLogisticClassifier(gamma, **options).fit(X, y).coef_
        differences.append(np.abs(coef / np.linalg.norm(coef) - limit / np.linalg.norm(limit)).max())
    assert differences[0] > differences[1] > differences[2]
    assert differences[2] < 1e-6


def test_the_loss_is_no_measure_of_progress():
    """Theorem 4.1: the first step has a loss of gamma / 8, the second separates."""
    model = LargeStepLogisticClassifier(100.0, fit_intercept=False).fit([[1.0, -1.0], [-1.0, -4.0]], [1, -1])
    assert model.n_iter_ == 2
    assert_allclose(model.history_["loss"][:2], [math.log(2.0), 12.5], rtol=1e-11)
    assert_allclose(model.coef_, [[100.0, 25.0]], rtol=1e-10)  # sigma(-25) is 1e-11
    assert model.margin_lower_ > 0.0


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
@pytest.mark.parametrize("scaling", [0.0, 1.0, 3.0])
def test_the_margin_is_within_its_bounds_all_along(rng, step_size, scaling):
    X, signs = separable_table(rng, 60, 4, margin=0.2)
    options = {"fit_intercept": scaling > 0.0, "intercept_scaling": scaling or 1.0, "max_iter": 100_000}
    model = LargeStepLogisticClassifier(step_size, **options).fit(X, signs)
    margin = cone_margin(X, signs, scaling)
    assert model.n_iter_ > 1
    history = model.history_
    assert np.all(history["margin_lower"] <= margin * (1.0 + 1e-9))
    assert np.all(history["margin_upper"] >= margin * (1.0 - 1e-9))
    assert np.all(np.diff(history["margin_lower"]) >= 0.0)
    assert np.all(np.diff(history["margin_upper"]) <= 0.0)
    assert 0.0 < model.margin_lower_ <= margin * (1.0 + 1e-9)
    assert model.margin_upper_ >= margin * (1.0 - 1e-9)


def test_the_hard_margin_of_a_support_vector_machine(rng):
    """Without an intercept: the rows and their opposites, whose machine has an intercept of 0 by symmetry."""
    X, signs = separable_table(rng, 80, 5, margin=0.3)
    machine = SVC(kernel="linear", C=1e8, tol=1e-8).fit(np.vstack([X, -X]), np.append(signs, -signs))
    model = LargeStepLogisticClassifier(stop="margin", margin_tol=1e-4, fit_intercept=False).fit(X, signs)
    margin = 1.0 / np.linalg.norm(machine.coef_)
    assert model.margin_lower_ <= margin * (1.0 + 1e-6)
    assert model.margin_upper_ >= margin * (1.0 - 1e-6)
    assert_allclose(model.margin_lower_, margin, rtol=2e-4)
    cosine = model.coef_[0] @ machine.coef_[0] * margin / np.linalg.norm(model.coef_)
    assert cosine > 1.0 - 1e-3


# Data where it is not so easy


def test_a_tiny_margin_is_found_by_other_means(breast_cancer):
    X, y = breast_cancer
    model = LargeStepLogisticClassifier().fit(X, y)
    assert (model.status_, model.solver_) == ("separable", "direction")
    assert model.score(X, y) == 1.0
    assert model.margin_lower_ == pytest.approx(0.0013925, abs=5e-8)
    assert model.margin_upper_ == pytest.approx(0.0013925, abs=5e-8)
    assert not hasattr(model, "predict_proba")
    assert lifted_margins(model, X, np.where(y == 1, 1.0, -1.0)).min() == pytest.approx(0.0013925, abs=5e-8)


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_steps_alone_never_say_that_a_tiny_margin_is_none(breast_cancer, step_size):
    X, y = breast_cancer
    model = LargeStepLogisticClassifier(step_size, fallback="pocket", max_iter=1000)
    with pytest.warns(ConvergenceWarning, match="undetermined.*StandardScaler"):
        model.fit(X, y)
    assert (model.status_, model.separable_, model.solver_) == ("undetermined", None, "pocket")
    assert model.quasi_ is None
    assert model.margin_lower_ < 0.0 < 0.0013925 < model.margin_upper_
    assert model.score(X, y) > 0.95
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize("step_size", [100.0, "normalized", "normalized-perceptron", "safe-radius"])
def test_setosa_is_separated_by_the_first_step(step_size):
    X, y = iris_pair(0, 1)
    model = LargeStepLogisticClassifier(step_size).fit(X, y)
    assert (model.n_iter_, model.status_) == (1, "separable")


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_versicolor_and_virginica_overlap(step_size):
    X, y = iris_pair(1, 2)
    model = LargeStepLogisticClassifier(step_size).fit(X, y)
    assert (model.status_, model.separable_, model.quasi_, model.solver_) == ("not separable", False, False, "logistic")
    assert model.margin_upper_ == 0.0
    assert model.n_iter_ == 100
    peer = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(X, y)
    assert_allclose(model.coef_, peer.coef_, rtol=SAME)
    assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=SAME)


def test_a_weak_separation_is_told_apart(rng):
    X, signs = quasi_separated(rng)
    with pytest.warns(ConvergenceWarning, match="coefficients of logistic regression are infinite"):
        model = LargeStepLogisticClassifier().fit(X, signs)
    assert (model.status_, model.separable_, model.quasi_, model.solver_) == ("not separable", False, True, "logistic")
    assert not hasattr(model, "predict_proba")
    assert np.isfinite(model.coef_).all()
    assert np.all(model.predict(X)[X[:, -1] == 1.0] == 1.0)
    assert "infinite" in model.certificate_.claim


def test_a_penalty_makes_a_weak_separation_harmless(rng):
    X, signs = quasi_separated(rng)
    model = LargeStepLogisticClassifier(alpha=0.01).fit(X, signs)
    peer = LogisticRegression(C=1.0 / (0.01 * len(X)), tol=1e-10, max_iter=1000).fit(X, signs)
    assert model.quasi_ is True
    assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=SAME)


def test_equal_rows_with_opposite_labels(rng):
    X, signs = separable_table(rng, 50, 3)
    X, signs = np.vstack([X, X[:1]]), np.append(signs, -signs[0])
    model = LargeStepLogisticClassifier().fit(X, signs)
    assert (model.status_, model.margin_upper_) == ("not separable", 0.0)
    assert_array_equal(np.flatnonzero(model.support_weights_), [0, 50])
    assert model.certificate_["rows combine to zero"].kind == "proof"


def test_rows_of_zeros_need_an_intercept(rng):
    X, signs = separable_table(rng, 50, 3)
    X, signs = np.vstack([X, np.zeros((1, 3))]), np.append(signs, 1.0)
    with pytest.warns(ConvergenceWarning, match="infinite"):  # the zeros are on every boundary, the others off some
        model = LargeStepLogisticClassifier(fit_intercept=False).fit(X, signs)
    assert (model.status_, model.quasi_, model.margin_upper_) == ("not separable", True, 0.0)
    assert not hasattr(model, "predict_proba")
    assert_array_equal(np.flatnonzero(model.support_weights_), [50])
    assert LargeStepLogisticClassifier().fit(X, signs).status_ == "separable"


def test_support_weights_prove_the_upper_bound(rng):
    X, signs = separable_table(rng, 50, 3)
    model = LargeStepLogisticClassifier(stop="margin").fit(X, signs)
    q = model.support_weights_
    assert q.min() >= 0.0
    assert q.sum() == pytest.approx(1.0)
    combination = (q * signs) @ np.column_stack([X, np.ones(50)])
    assert np.linalg.norm(combination) == pytest.approx(model.margin_upper_, rel=1e-9)


# Against logistic regression


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0])
@pytest.mark.parametrize(("fit_intercept", "scaling"), [(True, 1.0), (True, 5.0), (False, 1.0)])
def test_overlapping_classes_end_in_logistic_regression(rng, form, alpha, fit_intercept, scaling):
    X, signs = overlapping_table(rng, 300, 5)
    weights = rng.uniform(0.5, 2.0, 300)
    model = LargeStepLogisticClassifier(alpha=alpha, fit_intercept=fit_intercept, intercept_scaling=scaling)
    model.fit(form(X), signs, sample_weight=weights)
    C = 1.0 / (alpha * weights.sum()) if alpha else np.inf
    peer = LogisticRegression(C=C, fit_intercept=fit_intercept, solver="newton-cholesky", tol=1e-12)
    peer.fit(X, signs, sample_weight=weights)
    assert (model.status_, model.solver_) == ("not separable", "logistic")
    assert_allclose(model.coef_, peer.coef_, atol=SAME)
    assert_allclose(model.intercept_, peer.intercept_, atol=SAME)
    assert_allclose(model.predict_proba(form(X)), peer.predict_proba(X), atol=SAME)
    assert_array_equal(model.predict(form(X)), peer.predict(X))


@pytest.mark.parametrize("step_size", [1.0, "safe-radius"])
def test_steps_to_the_least_loss(rng, step_size):
    X, signs = overlapping_table(rng, 300, 5)
    model = LargeStepLogisticClassifier(step_size, stop="loss", tol=1e-9).fit(X, signs)
    peer = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, signs)
    assert (model.solver_, model.status_) == ("steps", "not separable")
    assert_allclose(model.coef_, peer.coef_, atol=SAME)
    assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=SAME)


@pytest.mark.parametrize("class_weight", ["balanced", {-1.0: 3.0, 1.0: 0.5}, {1.0: 2.0}], ids=str)
def test_class_weights(rng, class_weight):
    X, signs = overlapping_table(rng, 300, 5)
    X, signs = X[(signs > 0) | (X[:, 1] > 0)], signs[(signs > 0) | (X[:, 1] > 0)]
    model = LargeStepLogisticClassifier(class_weight=class_weight).fit(X, signs)
    peer = LogisticRegression(C=np.inf, class_weight=class_weight, solver="newton-cholesky", tol=1e-12).fit(X, signs)
    assert_allclose(model.coef_, peer.coef_, atol=SAME)
    assert_allclose(model.intercept_, peer.intercept_, atol=SAME)


def test_balanced_classes_have_equal_weight(rng):
    """The weights of rows count, as in scikit-learn."""
    X, signs = overlapping_table(rng, 300, 5)
    weights = np.where(signs > 0, 1.0, 3.0) * rng.uniform(0.5, 2.0, 300)
    model = LargeStepLogisticClassifier(class_weight="balanced").fit(X, signs, sample_weight=weights)
    peer = LogisticRegression(C=np.inf, class_weight="balanced", solver="newton-cholesky", tol=1e-12)
    peer.fit(X, signs, sample_weight=weights)
    assert_allclose(model.coef_, peer.coef_, atol=SAME)
    assert_allclose(model.intercept_, peer.intercept_, atol=SAME)


@pytest.fixture(params=[separable_table, overlapping_table], ids=["separable", "overlapping"])
def table(request, rng):
    return request.param(rng, 80, 4)


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_weights_are_repetitions(table, rng, step_size):
    X, signs = table
    counts = rng.integers(1, 4, len(X))
    weighted = LargeStepLogisticClassifier(step_size).fit(X, signs, sample_weight=counts)
    repeated = LargeStepLogisticClassifier(step_size).fit(np.repeat(X, counts, axis=0), np.repeat(signs, counts))
    assert_same_fit(weighted, repeated, 1e-8)


@pytest.mark.parametrize("class_weight", [None, "balanced", {-1.0: 2.0}], ids=str)
def test_rows_without_weight_are_left_out(table, rng, class_weight):
    X, signs = table
    kept = rng.random(len(X)) < 0.7
    kept[signs < 0] &= rng.random(np.count_nonzero(signs < 0)) < 0.5
    model = LargeStepLogisticClassifier(class_weight=class_weight)
    zero = clone(model).fit(X, signs, sample_weight=kept.astype(float))
    assert_same_fit(zero, clone(model).fit(X[kept], signs[kept]), 1e-8)
    assert_array_equal(zero.support_weights_[~kept], 0.0)
    assert zero.support_weights_.shape == (len(X),)


def test_a_class_without_weight_is_no_class(rng):
    X, signs = separable_table(rng, 60, 3)
    y = np.where(np.arange(60) < 10, "third", np.where(signs > 0, "up", "down"))
    weights = (y != "third").astype(float)
    model = LargeStepLogisticClassifier().fit(X, y, sample_weight=weights)
    assert_array_equal(model.classes_, ["down", "up"])
    with pytest.raises(ValueError, match="more than one class among the rows of positive weight. Got one class, 'up'"):
        LargeStepLogisticClassifier().fit(X, y, sample_weight=(y == "up").astype(float))


def test_a_class_weight_of_zero_leaves_one_class(rng):
    """Nothing is left to separate, as if the sample weights of the class were zero."""
    X, signs = separable_table(rng, 60, 3)
    with pytest.raises(ValueError, match="class"):
        LargeStepLogisticClassifier(class_weight={-1.0: 0.0, 1.0: 1.0}).fit(X, signs)


# Forms of input


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_sparse_rows_are_dense_rows(table, step_size):
    X, signs = table
    X = np.where(np.abs(X) > 0.4, X, 0.0)
    dense = LargeStepLogisticClassifier(step_size).fit(X, signs)
    csr = LargeStepLogisticClassifier(step_size).fit(sparse.csr_array(X), signs)
    assert_same_fit(csr, dense, 1e-7)
    assert_allclose(csr.decision_function(sparse.csr_array(X)), dense.decision_function(X), rtol=1e-7, atol=1e-7)


def test_single_precision():
    """The pixels are multiples of 1/16, so that nothing is lost in them."""
    X, signs = digits_table(3, 8)
    double = LargeStepLogisticClassifier("perceptron").fit(X, signs)
    single = LargeStepLogisticClassifier("perceptron").fit(X.astype(np.float32), signs)
    assert single.coef_.dtype == np.float64
    assert_same_fit(single, double)
    assert_array_equal(single.predict(X.astype(np.float32)), double.predict(X))


def test_inputs_may_be_read_only_and_in_columns(rng):
    X, signs = separable_table(rng, 40, 3)
    frozen = np.asfortranarray(X)
    frozen.setflags(write=False)
    before = frozen.copy()
    model = LargeStepLogisticClassifier().fit(frozen, signs)
    assert_same_fit(model, LargeStepLogisticClassifier().fit(X, signs))
    assert_array_equal(frozen, before)


@pytest.mark.parametrize("labels", [("no", "yes"), (False, True), (3, 7), (-0.0, 2.0)], ids=str)
def test_labels_of_any_kind(table, labels):
    X, signs = table
    y = np.where(signs > 0, labels[1], labels[0])
    model = LargeStepLogisticClassifier().fit(X, y)
    plain = LargeStepLogisticClassifier().fit(X, signs)
    assert_array_equal(model.classes_, np.unique(y))
    assert_array_equal(model.coef_, plain.coef_)
    assert_array_equal(model.predict(X) == model.classes_[1], plain.predict(X) > 0)


def test_names_of_columns():
    pandas = pytest.importorskip("pandas")
    X, y = iris_pair(0, 1)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = LargeStepLogisticClassifier().fit(frame, y)
    assert_array_equal(model.feature_names_in_, list("abcd"))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"a": "z"}))


def test_one_row_of_each_class():
    model = LargeStepLogisticClassifier(stop="margin").fit([[0.0], [2.0]], ["a", "b"])
    assert_array_equal(model.predict([[-1.0], [0.9], [1.1], [5.0]]), ["a", "a", "b", "b"])


# More than two classes


def test_several_classes_are_each_told_from_the_rest():
    """Iris: setosa is separable from the rest, the two others are not."""
    X, y = load_iris(return_X_y=True)
    X, names = StandardScaler().fit_transform(X), np.array(["setosa", "versicolor", "virginica"])
    model = LargeStepLogisticClassifier().fit(X, names[y])
    assert_array_equal(model.classes_, names)
    assert model.status_ == ["separable", "not separable", "not separable"]
    assert model.separable_ == [True, False, False]
    assert model.solver_ == ["steps", "logistic", "logistic"]
    assert not hasattr(model, "predict_proba")
    parts = [LargeStepLogisticClassifier().fit(X, y == k) for k in range(3)]
    for k, part in enumerate(parts):
        assert_array_equal(model.coef_[k], part.coef_[0])
        assert_array_equal(model.intercept_[k], part.intercept_[0])
        assert model.n_iter_[k] == part.n_iter_
        assert model.quasi_[k] == part.quasi_
        assert model.margin_lower_[k] == part.margin_lower_
        assert model.margin_upper_[k] == part.margin_upper_
        assert_array_equal(model.support_weights_[k], part.support_weights_)
        assert_array_equal(model.history_[k]["loss"], part.history_["loss"])
    scores = np.column_stack([part.decision_function(X) for part in parts])
    assert_allclose(model.decision_function(X), scores, rtol=1e-12, atol=1e-12)
    assert_array_equal(model.predict(X), names[scores.argmax(axis=1)])
    claim = model.certificate_.claim
    assert "separable: 'setosa'; not separable: 'versicolor', 'virginica'" in claim
    assert {check.name for check in model.certificate_.checks} >= {"steps of class 'setosa' against the rest"}


def test_probabilities_of_several_classes(rng):
    X = rng.standard_normal((400, 3))
    y = (X + 1.5 * rng.standard_normal((400, 3))).argmax(axis=1)
    model = LargeStepLogisticClassifier().fit(X, y)
    peers = [LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(X, y == k) for k in range(3)]
    against = np.column_stack([peer.predict_proba(X)[:, 1] for peer in peers])
    assert model.status_ == ["not separable"] * 3
    assert_allclose(model.predict_proba(X), against / against.sum(axis=1, keepdims=True), atol=SAME)


def test_threads_change_nothing():
    X, y = load_digits(return_X_y=True)
    alone = LargeStepLogisticClassifier("perceptron", stop="separated").fit(X[:600] / 16, y[:600])
    several = LargeStepLogisticClassifier("perceptron", stop="separated", n_jobs=2).fit(X[:600] / 16, y[:600])
    assert_array_equal(alone.coef_, several.coef_)
    assert_array_equal(alone.n_iter_, several.n_iter_)
    assert alone.coef_.shape == (10, 64)
    assert alone.score(X[:600] / 16, y[:600]) == 1.0


# Probabilities


def test_probabilities_need_a_scale(rng):
    X, signs = overlapping_table(rng, 200, 3)
    model = LargeStepLogisticClassifier()
    assert not hasattr(model, "predict_proba")
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.fit(X, signs)
    assert_allclose(model.predict_proba(X)[:, 1], expit(model.decision_function(X)), rtol=1e-12)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    model.fit(*separable_table(rng, 50, 3))
    with pytest.raises(AttributeError, match="predict_proba"):
        _ = model.predict_proba


def test_a_pocket_has_no_probabilities(rng):
    X, signs = overlapping_table(rng, 200, 3)
    with pytest.warns(ConvergenceWarning):
        model = LargeStepLogisticClassifier(fallback="pocket", max_iter=200).fit(X, signs)
    assert not hasattr(model, "predict_proba")


# What to do if steps do not get there


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_the_pocket_is_the_best_iterate(rng, step_size):
    X, signs = overlapping_table(rng, 200, 3)
    with pytest.warns(ConvergenceWarning, match=r"Steps ended after \d+ \('(max_iter|no margin)'\)"):
        model = LargeStepLogisticClassifier(step_size, fallback="pocket", max_iter=300).fit(X, signs)
    errors = np.count_nonzero(signs * model.decision_function(X) <= 0.0)
    assert model.n_iter_ == 300 or (model.status_, model.margin_upper_) == ("not separable", 0.0)
    assert errors == model.history_["n_errors"][1:].min()


def test_classes_that_must_be_separable(rng):
    X, signs = separable_table(rng, 60, 3)
    strict = LargeStepLogisticClassifier(fallback="raise").fit(X, signs)
    assert strict.status_ == "separable"
    before = dict(vars(strict))
    noisy = overlapping_table(rng, 100, 5)
    with pytest.raises(NotSeparableError, match="not separable.*fallback='newton'") as caught:
        strict.fit(*noisy)
    assert vars(strict).keys() == before.keys()
    assert all(vars(strict)[name] is value for name, value in before.items())
    assert caught.value.certificate["rows combine to zero"].holds
    with pytest.raises(NotSeparableError):
        LargeStepLogisticClassifier(fallback="raise").fit(*noisy)


def test_several_classes_that_must_be_separable():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotSeparableError, match=r"problem of class 1 against the rest is not separable"):
        LargeStepLogisticClassifier(fallback="raise").fit(StandardScaler().fit_transform(X), y)


def test_a_margin_that_is_not_reached_is_found_by_other_means():
    X, signs = digits_table(3, 8)
    model = LargeStepLogisticClassifier(stop="margin", max_iter=50).fit(X, signs)
    assert (model.solver_, model.n_iter_) == ("direction", 50)
    assert model.margin_lower_ == pytest.approx(0.207727, abs=5e-7)
    assert model.margin_upper_ == pytest.approx(0.207727, abs=5e-7)
    with pytest.warns(ConvergenceWarning, match=r"\('max_iter'\) before stop='margin'.*separable"):
        LargeStepLogisticClassifier(stop="margin", max_iter=100, fallback="pocket").fit(X, signs)


def test_a_loss_that_is_not_reached_warns(rng):
    X, signs = overlapping_table(rng, 200, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LargeStepLogisticClassifier(1.0, stop="loss", max_iter=3).fit(X, signs)
    assert (model.solver_, model.n_iter_) == ("logistic", 3)
    with pytest.warns(ConvergenceWarning, match="stop='loss'"):
        LargeStepLogisticClassifier(1.0, stop="loss", max_iter=3, fallback="pocket").fit(X, signs)


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_size": 0.0}, "step_size"),
        ({"step_size": "fast"}, "step_size"),
        ({"step_size": np.inf}, "step_size|gamma"),
        ({"gamma": 0.0}, "gamma"),
        ({"gamma": -1.0}, "gamma"),
        ({"gamma": np.nan}, "gamma"),
        ({"step_size": "safe-radius", "r": 0.0}, "'r'"),
        ({"step_size": "safe-radius", "r": -1.0}, "'r'"),
        ({"stop": "soon"}, "stop"),
        ({"step_size": "perceptron", "stop": "loss"}, 'stop="loss" needs'),
        ({"margin_tol": 0.0}, "margin_tol"),
        ({"margin_tol": 1.0}, "margin_tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"fit_intercept": "yes"}, "fit_intercept"),
        ({"intercept_scaling": 0.0}, "intercept_scaling"),
        ({"alpha": -1.0}, "alpha"),
        ({"fallback": "none"}, "fallback"),
        ({"class_weight": "even"}, "class_weight"),
        ({"tol": 0.0}, "tol"),
        ({"n_jobs": 1.5}, "n_jobs"),
        ({"gamma": 1e300}, "gamma.*perceptron"),
        ({"step_size": 1e300}, "perceptron"),
    ],
    ids=str,
)
def test_bad_options(rng, options, message):
    X, signs = separable_table(rng, 30, 3)
    model = LargeStepLogisticClassifier(**options)
    with pytest.raises(ValueError, match=message):
        model.fit(X, signs)
    assert not hasattr(model, "coef_")
    assert not hasattr(model, "n_features_in_")


def test_more_than_the_radius_warns(rng):
    X, signs = separable_table(rng, 30, 3)
    with pytest.warns(StepSizeWarning, match="r=1.5"):
        model = LargeStepLogisticClassifier("safe-radius", r=1.5).fit(X, signs)
    assert model.status_ == "separable"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, np.ones(30)), "one class"),
        (lambda X, y: (np.where(np.eye(30, 3) > 0, np.nan, X), y), "NaN"),
        (lambda X, y: (np.where(np.eye(30, 3) > 0, np.inf, X), y), "infinity"),
        (lambda X, y: (X[:, 0], y), "2D array"),
        (lambda X, y: (X[:0], y[:0]), "0 sample"),
        (lambda X, y: (X, y[:-1]), "inconsistent"),
        (lambda X, y: (X, np.linspace(0.0, 1.0, 30)), "Unknown label type"),
        (lambda X, y: (1e200 * X, y), "StandardScaler"),
        (lambda X, y: (1e-200 * X, y), "StandardScaler"),
    ],
)
def test_bad_tables(rng, change, message):
    X, y = change(*separable_table(rng, 30, 3))
    with pytest.raises(ValueError, match=message):
        LargeStepLogisticClassifier(fit_intercept=False).fit(X, y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [(np.full(30, -1.0), "Negative"), (np.zeros(30), "weight|class"), (np.full(29, 1.0), "sample_weight")],
)
def test_bad_weights(rng, weights, message):
    X, signs = separable_table(rng, 30, 3)
    with pytest.raises(ValueError, match=message):
        LargeStepLogisticClassifier().fit(X, signs, sample_weight=weights)


def test_other_columns_are_refused(rng):
    model = LargeStepLogisticClassifier().fit(*separable_table(rng, 30, 3))
    with pytest.raises(ValueError, match="2 features"):
        model.predict(np.zeros((1, 2)))


# Invariances


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_rotation(table, step_size, seed):
    X, signs = table
    rotation = ortho_group.rvs(X.shape[1], random_state=seed)
    model = LargeStepLogisticClassifier(step_size).fit(X, signs)
    rotated = LargeStepLogisticClassifier(step_size).fit(X @ rotation, signs)
    assert_allclose(rotated.decision_function(X @ rotation), model.decision_function(X), rtol=1e-6, atol=1e-6)
    assert (rotated.n_iter_, rotated.status_) == (model.n_iter_, model.status_)
    assert_allclose(proved_margin(rotated), proved_margin(model), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
@pytest.mark.parametrize("unit", [1e-3, 8.0])
def test_units_of_all_columns(table, step_size, unit):
    """Rows times c: steps times 1 / c^2 give coefficients times 1 / c; perceptrons and radii need no change."""
    X, signs = table
    options = {"fit_intercept": False}
    other = dict(options)
    if step_size == "normalized":
        other["gamma"] = 100.0 / unit**2
    scaled_step = step_size / unit**2 if isinstance(step_size, float) else step_size
    model = LargeStepLogisticClassifier(step_size, **options).fit(X, signs)
    scaled = LargeStepLogisticClassifier(scaled_step, **other).fit(unit * X, signs)
    assert (scaled.n_iter_, scaled.status_) == (model.n_iter_, model.status_)
    assert_allclose(scaled.margin_upper_, unit * model.margin_upper_, rtol=1e-8)
    direction = [m.coef_[0] / np.linalg.norm(m.coef_) for m in (model, scaled)]
    assert_allclose(*direction, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_order_of_rows(table, rng, step_size):
    X, signs = table
    order = rng.permutation(len(X))
    model = LargeStepLogisticClassifier(step_size).fit(X, signs)
    shuffled = LargeStepLogisticClassifier(step_size).fit(X[order], signs[order])
    assert_same_fit(shuffled, model, 1e-8)


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_all_rows_twice(table, step_size):
    X, signs = table
    model = LargeStepLogisticClassifier(step_size).fit(X, signs)
    twice = LargeStepLogisticClassifier(step_size).fit(np.vstack([X, X]), np.append(signs, signs))
    assert_same_fit(twice, model, 1e-8)


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_labels_exchanged(table, step_size):
    X, signs = table
    model = LargeStepLogisticClassifier(step_size).fit(X, signs)
    flipped = LargeStepLogisticClassifier(step_size).fit(X, -signs)
    assert_allclose(flipped.coef_, -model.coef_, rtol=1e-8, atol=1e-10)
    assert_allclose(flipped.intercept_, -model.intercept_, rtol=1e-8, atol=1e-10)
    assert flipped.n_iter_ == model.n_iter_


@pytest.mark.parametrize("step_size", DIRECTION_RULES)
def test_a_column_of_zeros(table, step_size):
    X, signs = table
    model = LargeStepLogisticClassifier(step_size).fit(X, signs)
    wider = LargeStepLogisticClassifier(step_size).fit(np.column_stack([X, np.zeros(len(X))]), signs)
    assert wider.coef_[0, -1] == 0.0
    assert_allclose(wider.coef_[:, :-1], model.coef_, rtol=1e-8, atol=1e-10)
    assert (wider.n_iter_, wider.status_) == (model.n_iter_, model.status_)


def test_a_constant_column_is_harmless(table):
    X, signs = table
    model = LargeStepLogisticClassifier().fit(X, signs)
    wider = LargeStepLogisticClassifier().fit(np.column_stack([X, np.ones(len(X))]), signs)
    assert wider.status_ == model.status_
    if model.solver_ == "logistic":
        wide = np.column_stack([X, np.ones(len(X))])
        assert_allclose(wider.decision_function(wide), model.decision_function(X), rtol=1e-6, atol=1e-6)


# As an estimator


def test_repeated_fits_copies_and_pickles(table):
    X, signs = table
    model = LargeStepLogisticClassifier().fit(X, signs)
    again = clone(model).fit(X, signs)
    copy = pickle.loads(pickle.dumps(model))
    for other in (again, copy, model.fit(X, signs)):
        assert_array_equal(other.coef_, again.coef_)
        assert_array_equal(other.decision_function(X), again.decision_function(X))
        assert str(other.certificate_) == str(again.certificate_)
        assert hasattr(other, "predict_proba") == hasattr(again, "predict_proba")


class Counter:
    """A callback that counts the tasks that begin and end, and asks to stop after so many."""

    def __init__(self, stop_after=math.inf):
        self.begun = self.ended = 0
        self.stop_after = stop_after

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun += 1

    def on_fit_task_end(self, estimator, context):
        self.ended += 1
        return self.ended >= self.stop_after


@pytest.mark.parametrize(("step_size", "n_steps"), [("normalized", 0), (1.0, 1)])
def test_callbacks_hear_of_the_steps(step_size, n_steps):
    """Steps are reported N_REPORTS times at most, in either run; nothing changes by it."""
    X, signs = digits_table(1, 8)
    counter = Counter()
    model = LargeStepLogisticClassifier(step_size).set_callbacks(counter).fit(X, signs)
    plain = LargeStepLogisticClassifier(step_size).fit(X, signs)
    first, second = (100 - 1) // 2, (model.n_iter_ - 1) // (10_000 // N_REPORTS)
    assert model.n_iter_ > 100
    assert counter.begun == counter.ended == 1 + first + second
    assert second >= n_steps
    assert_array_equal(model.coef_, plain.coef_)


def test_callbacks_hear_of_the_classes():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    counter = Counter()
    model = LargeStepLogisticClassifier().set_callbacks(counter).fit(X, y)
    assert counter.begun == counter.ended == 1 + 3
    assert_array_equal(model.coef_, LargeStepLogisticClassifier().fit(X, y).coef_)


def test_a_callback_ends_the_steps_of_the_classes_that_remain():
    """They are fitted all the same: only their steps are few."""
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    counter = Counter(stop_after=2)
    model = LargeStepLogisticClassifier(max_iter=1000).set_callbacks(counter).fit(X, y)
    plain = LargeStepLogisticClassifier(max_iter=1000).fit(X, y)
    assert model.n_iter_[:2].tolist() == plain.n_iter_[:2].tolist()
    assert model.n_iter_[2] == 100 // N_REPORTS < plain.n_iter_[2]
    assert model.status_ == plain.status_ == ["separable", "not separable", "not separable"]
    assert_allclose(model.coef_[1:], plain.coef_[1:], rtol=1e-6)


def test_a_callback_ends_the_steps(rng):
    X, signs = overlapping_table(rng, 200, 3)
    counter = Counter(stop_after=5)
    model = LargeStepLogisticClassifier(fallback="pocket", max_iter=500).set_callbacks(counter)
    with pytest.warns(ConvergenceWarning, match="'stopped'"):
        model.fit(X, signs)
    assert model.n_iter_ == 5 * 500 // N_REPORTS


# Certificates


def test_certificate_of_a_separation():
    X, signs = digits_table(3, 8)
    model = LargeStepLogisticClassifier().fit(X, signs)
    certificate = model.certificate_
    assert certificate.holds
    assert "strictly separable" in certificate.claim
    direction = certificate["separating direction"]
    assert (direction.kind, direction.holds, direction.statistic) == ("proof", True, model.margin_lower_)
    assert certificate["margin interval"].statistic == pytest.approx(model.margin_upper_ - model.margin_lower_)
    assert certificate["steps"].statistic == model.n_iter_
    assert certificate["steps"].kind == "reported"
    assert certificate.assumptions


def test_certificate_of_an_overlap(rng):
    model = LargeStepLogisticClassifier().fit(*overlapping_table(rng, 200, 3))
    certificate = model.certificate_
    assert certificate.holds
    assert "finite" in certificate.claim
    assert certificate["rows combine to zero"].kind == "proof"
    assert certificate["no weak separation"].holds
    assert certificate["steps"].bound is None
    assert "'logistic'" in certificate["steps"].detail


def test_certificate_of_nothing_known(breast_cancer):
    with pytest.warns(ConvergenceWarning):
        model = LargeStepLogisticClassifier(fallback="pocket", max_iter=100).fit(*breast_cancer)
    certificate = model.certificate_
    assert certificate.holds is None
    assert "If the classes are separable at all" in certificate.claim
    assert certificate["separating direction"].holds is None


@pytest.mark.parametrize(
    ("step_size", "gamma"),
    [("perceptron", 1.0), ("normalized-perceptron", 1.0), ("normalized", 0.1), ("normalized", 10.0)],
)
@pytest.mark.parametrize("shape", [(20, 2), (100, 5), (300, 30)])
def test_steps_are_within_the_bound_of_the_theorem(rng, step_size, gamma, shape):
    """Theorems 3.3, 5.3 and 6.1, at the margin that the fit itself has proved."""
    X, signs = separable_table(rng, *shape, margin=0.1)
    model = LargeStepLogisticClassifier(step_size, gamma=gamma, max_iter=10**6).fit(X, signs)
    square = (model.radius_R_ / model.margin_lower_) ** 2
    bound = {
        "perceptron": shape[0] * square,
        "normalized-perceptron": square,
        "normalized": square + 2.0 * math.log(2 * shape[0] - 1) / (gamma * model.margin_lower_**2),
    }[step_size]
    check = model.certificate_["steps"]
    assert check.bound == pytest.approx(bound)
    assert check.statistic <= check.bound


def test_weights_and_other_rules_have_no_theorem(rng):
    X, signs = separable_table(rng, 30, 3)
    assert LargeStepLogisticClassifier(10.0).fit(X, signs).certificate_["steps"].bound is None
    assert LargeStepLogisticClassifier("safe-radius").fit(X, signs).certificate_["steps"].bound is None
    weighted = LargeStepLogisticClassifier().fit(X, signs, sample_weight=rng.uniform(1.0, 2.0, 30))
    assert weighted.certificate_["steps"].bound is None


# What is found out before all steps are taken


def test_a_part_of_the_rows_proves_that_all_overlap(rng):
    """One step is taken, and the coefficients are those of logistic regression of all rows."""
    X, signs = overlapping_table(rng, 6000, 5)
    model = LargeStepLogisticClassifier().fit(X, signs)
    assert (model.status_, model.solver_, model.n_iter_, model.quasi_) == ("not separable", "logistic", 1, False)
    assert model.certificate_["rows combine to zero"].kind == "proof"
    assert 0 < np.count_nonzero(model.support_weights_) <= 500
    assert_allclose(model.coef_, LogisticRegression(C=np.inf, tol=1e-10).fit(X, signs).coef_, rtol=1e-4)


def test_a_part_that_is_separable_proves_nothing(rng):
    """A single wrong label among 6,000 rows is in no part of them, and is found all the same."""
    X = rng.standard_normal((6000, 3))
    signs = np.where(X[:, 0] > 0.0, 1.0, -1.0)
    X[:, 0] += signs
    part = np.linspace(0, 5999, 500).astype(int)
    wrong = np.setdiff1d(np.arange(6000), part)[np.argmax(X[np.setdiff1d(np.arange(6000), part), 0])]
    signs[wrong] = -1.0
    model = LargeStepLogisticClassifier().fit(X, signs)
    assert (model.status_, model.n_iter_) == ("not separable", 100)
    assert model.support_weights_[wrong] > 0.0


def test_the_margin_is_found_exactly_before_all_steps_are_taken():
    X, signs = digits_table(3, 8)
    exact = separability(X, signs)
    model = LargeStepLogisticClassifier(stop="margin").fit(X, signs)
    assert (model.solver_, model.n_iter_) == ("direction", 100)
    assert_allclose([model.margin_lower_, model.margin_upper_], exact.margin_lower, rtol=1e-8)
    steps = LargeStepLogisticClassifier(stop="margin", fallback="pocket").fit(X, signs)
    assert steps.solver_ == "steps" and steps.n_iter_ > 1000
    assert steps.margin_lower_ <= exact.margin_lower <= steps.margin_upper_ <= 1.0101 * steps.margin_lower_


# What a first user met


@pytest.mark.parametrize("n", [200, 3000])
@pytest.mark.parametrize("n_separated", [2, 50])
@pytest.mark.parametrize("is_discrete", [False, True])
@pytest.mark.parametrize("has_twin", [False, True])
def test_two_columns_together_that_separate_some_rows_leave_no_probabilities(n, n_separated, is_discrete, has_twin):
    """No column does so by itself, and logistic regression seems to converge, to coefficients of 20 or 30."""
    rng = np.random.default_rng(n_separated)
    X = rng.integers(0, 3, (n, 3)).astype(float) if is_discrete else rng.standard_normal((n, 3))
    y = (X[:, 0] + rng.standard_normal(n) > X[:, 0].mean()).astype(int)
    first = rng.random(n) < 0.5
    separated = np.flatnonzero(first)[:n_separated]
    second = first.copy()
    second[separated], y[separated] = False, 1
    X = np.column_stack([X, first, second, *([X[:, 0]] if has_twin else [])])
    with pytest.warns(ConvergenceWarning, match="infinite"):
        model = LargeStepLogisticClassifier().fit(X, y)
    assert (model.status_, model.quasi_) == ("not separable", True)
    assert not hasattr(model, "predict_proba")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LargeStepLogisticClassifier(alpha=1e-3).fit(X, y).predict_proba(X).shape == (n, 2)


def test_names_of_features_are_in_the_certificate():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"dose": [0.0, 1.0, 2.0, 3.0, 1.5], "allergy": [0, 0, 0, 0, 1]})
    with pytest.warns(ConvergenceWarning, match="infinite"):
        model = LargeStepLogisticClassifier().fit(X, [0, 1, 0, 1, 1])
    assert "allergy" in model.certificate_["weak separation"].detail


def test_many_rows_and_columns_are_settled_by_logistic_regression(rng):
    """More than 500 of both: first-order steps would leave these undetermined."""
    X, signs = overlapping_table(rng, 1500, 501)
    signs[rng.random(1500) < 0.3] *= -1
    result = separability(X, signs)
    assert (result.status, result.quasi, result.mle_exists) == ("not separable", False, True)
    assert result.certificate["no weak separation"].kind == "proof"


def test_tiny_margins_have_a_bound_of_steps_that_is_infinite():
    model = LargeStepLogisticClassifier(max_iter=5, intercept_scaling=1.0, tol=1e-300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit([[0.0], [1e-300]], [0, 1])
    assert "steps" in str(model.certificate_)
