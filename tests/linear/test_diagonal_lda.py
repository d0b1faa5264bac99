"""The diagonal discriminant rule: against its densities, against peers, and what its certificate notices."""

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.datasets import load_digits, load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from statlearn.linear._class_moments import class_moments
from statlearn.linear._diagonal_lda import DiagonalLDA
from statlearn.linear._feature_dependence import MAX_ROWS, dependence_test

from .naive_bayes_designs import equicorrelated_design, variance_design

RTOL = 1e-9  # sums of some hundred terms in another order
PARAMETERS = ("coef_", "intercept_", "means_", "var_", "priors_", "epsilon_")


def problem(rng, n_classes, n_rows=80, n_features=5):
    """Rows about different means with variances of their own, and weights."""
    y = rng.permutation(np.arange(n_rows) % n_classes)
    X = rng.normal(size=(n_rows, n_features)) * rng.uniform(0.5, 3.0, n_features) + 2.0 * rng.normal(size=n_features)
    return X + rng.normal(size=(n_classes, n_features))[y], y, rng.uniform(0.2, 2.0, n_rows)


def log_densities(X, y, weights, priors, var_smoothing, rows):
    """Logarithms of the joint densities by their definition, one class and feature at a time."""
    classes = np.unique(y)
    shares = np.array([weights[y == k].sum() for k in classes]) / weights.sum()
    priors = shares if priors is None else priors
    scores = np.empty((rows.shape[0], classes.size))
    for position in range(classes.size):
        scores[:, position] = np.log(priors[position])
    epsilon = var_smoothing * max(
        np.average((column - np.average(column, weights=weights)) ** 2, weights=weights) for column in X.T
    )
    for feature in range(X.shape[1]):
        means = [np.average(X[y == k, feature], weights=weights[y == k]) for k in classes]
        variance = epsilon
        for prior, mean, k in zip(priors, means, classes, strict=True):
            variance += prior * np.average((X[y == k, feature] - mean) ** 2, weights=weights[y == k])
        for position, mean in enumerate(means):
            scores[:, position] += norm.logpdf(rows[:, feature], mean, np.sqrt(variance))
    return scores


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("var_smoothing", [0.0, 0.05])
def test_probabilities_are_those_of_the_densities(rng, n_classes, given, var_smoothing):
    X, y, weights = problem(rng, n_classes)
    priors = rng.dirichlet(np.ones(n_classes)) if given else None
    model = DiagonalLDA(priors, var_smoothing=var_smoothing).fit(X, y, weights)
    rows = X + rng.normal(size=X.shape)
    scores = log_densities(X, y, weights, priors, var_smoothing, rows)
    expected = scores - logsumexp(scores, axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_log_proba(rows), expected, rtol=RTOL, atol=RTOL)
    np.testing.assert_allclose(model.predict_proba(rows), np.exp(expected), rtol=RTOL, atol=RTOL)
    np.testing.assert_array_equal(model.predict(rows), scores.argmax(axis=1))
    decision = model.decision_function(rows)
    found = decision if n_classes == 2 else decision - decision[:, :1]
    wanted = scores[:, 1] - scores[:, 0] if n_classes == 2 else scores - scores[:, :1]
    np.testing.assert_allclose(found, wanted, rtol=RTOL, atol=RTOL)
    assert model.coef_.shape == ((1, 5) if n_classes == 2 else (4, 5))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_discriminant_analysis_where_features_are_uncorrelated(rng, n_classes):
    X, y, _ = problem(rng, n_classes)
    residuals = X - class_moments(X, y, np.ones(y.size), n_classes).means[y]
    X = X @ np.linalg.eigh(residuals.T @ residuals)[1]  # rotated until they are
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(X, y)
    model = DiagonalLDA(var_smoothing=0.0).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(model.certificate_["log-odds inflation"].statistic, 1.0, rtol=1e-7)


def test_it_is_no_gaussian_naive_bayes(rng):
    y = np.arange(400) % 2
    X = rng.normal(size=(400, 5)) * np.where(y, 1.0, 4.0)[:, None]
    peer, model = GaussianNB().fit(X, y), DiagonalLDA().fit(X, y)
    np.testing.assert_allclose(model.means_, peer.theta_, rtol=RTOL, atol=1e-12)
    np.testing.assert_allclose(model.epsilon_, peer.epsilon_, rtol=RTOL)
    np.testing.assert_allclose(model.var_ - model.epsilon_, model.priors_ @ (peer.var_ - peer.epsilon_), rtol=RTOL)
    assert peer.score(X, y) > 0.9  # by variances
    assert model.score(X, y) < 0.7  # which it does not look at


def assert_same_parameters(first, second, names=PARAMETERS):
    for name in names:
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=RTOL, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_sparse_rows_are_as_dense_ones(rng, container, n_classes):
    X, y, weights = problem(rng, n_classes)
    X[rng.random(X.shape) < 0.6] = 0.0
    X[:, 1] = 0.3  # a constant column, all of it stored
    X[y == 0, 2] = 0.0
    dense, sparse = (DiagonalLDA().fit(rows, y, weights) for rows in (X, container(X)))
    assert_same_parameters(dense, sparse)
    np.testing.assert_allclose(sparse.predict_proba(container(X)), dense.predict_proba(X), rtol=RTOL, atol=1e-12)
    for name in ("independent features", "log-odds inflation"):
        np.testing.assert_allclose(
            sparse.certificate_[name].statistic, dense.certificate_[name].statistic, rtol=1e-6, err_msg=name
        )


def test_sparse_zeros_do_not_cancel():
    """Variances of nearly constant sparse columns are squares about the mean, not a difference of large numbers."""
    column = 1e6 + np.array([0.0, 1.0, 2.0, 3.0])
    moments = class_moments(csr_array(column[:, None]), np.array([0, 0, 1, 1]), np.ones(4), 2)
    np.testing.assert_array_equal(moments.variances, [[0.25], [0.25]])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_invariances(rng, n_classes):
    X, y, weights = problem(rng, n_classes)
    model = DiagonalLDA().fit(X, y, weights)
    expected = model.predict_proba(X)

    order = rng.permutation(y.size)
    assert_same_parameters(model, DiagonalLDA().fit(X[order], y[order], weights[order]))

    twice = DiagonalLDA().fit(np.r_[X, X], np.r_[y, y], np.r_[weights, weights])
    assert_same_parameters(model, twice)
    assert_same_parameters(model, DiagonalLDA().fit(X, y, 7.0 * weights))

    moved = 3.0 * X + 10.0
    np.testing.assert_allclose(DiagonalLDA().fit(moved, y, weights).predict_proba(moved), expected, rtol=1e-7)
    exact = DiagonalLDA(var_smoothing=0.0)
    scaled = X * np.array([1e-6, 1.0, 1e3, 2.0, 1e8])
    np.testing.assert_allclose(
        exact.fit(scaled, y, weights).predict_proba(scaled), exact.fit(X, y, weights).predict_proba(X), rtol=1e-7
    )

    for constant in (0.0, 0.1):
        wide = np.c_[X, np.full(y.size, constant)]
        with_constant = DiagonalLDA().fit(wide, y, weights)
        np.testing.assert_array_equal(with_constant.coef_[:, -1], 0.0)
        np.testing.assert_allclose(with_constant.predict_proba(wide), expected, rtol=1e-7)
        assert with_constant.certificate_["features decided by smoothing"].holds

    mirrored = DiagonalLDA().fit(X, n_classes - 1 - y, weights)
    np.testing.assert_allclose(mirrored.predict_proba(X)[:, ::-1], expected, rtol=1e-7)


def test_weights_are_copies(rng):
    X, y, _ = problem(rng, 3)
    counts = rng.integers(0, 4, y.size)
    weighted = DiagonalLDA().fit(X, y, counts)
    assert_same_parameters(weighted, DiagonalLDA().fit(np.repeat(X, counts, axis=0), np.repeat(y, counts)))


def test_a_class_of_weight_zero_is_no_class(rng):
    X, y, _ = problem(rng, 3)
    model = DiagonalLDA().fit(X, y, (y != 1).astype(float))
    np.testing.assert_array_equal(model.classes_, [0, 2])
    with pytest.raises(ValueError, match=r"rows of positive weight\. Got one class, 2: .* a positive sample_weight"):
        DiagonalLDA().fit(X, y, (y == 2).astype(float))


def test_without_any_variation_the_priors_decide():
    model = DiagonalLDA().fit(np.full((5, 2), 0.1), [0, 0, 1, 1, 1])
    np.testing.assert_allclose(model.predict_proba([[0.1, 0.1], [9.0, -9.0]]), [[0.4, 0.6]] * 2)
    assert model.epsilon_ == 1.0


def test_one_row_per_class():
    model = DiagonalLDA().fit([[0.0, 1.0], [2.0, 5.0]], ["a", "b"])
    np.testing.assert_array_equal(model.predict([[0.9, 2.9], [1.1, 3.1]]), ["a", "b"])
    check = model.certificate_["features decided by smoothing"]
    assert (check.statistic, check.holds) == (2, False)
    assert model.certificate_["independent features"].holds is None


# How errors fall with the number of rows, against published peers and known limits.


def mean_errors(models, n_rows, n_features, generator, n_repeats=10):
    errors = np.zeros(len(models))
    for _ in range(n_repeats):
        X, y, best = variance_design(generator, n_rows + 5000, n_features)
        train, test = slice(n_rows), slice(n_rows, None)
        errors += [1.0 - model.fit(X[train], y[train]).score(X[test], y[test]) for model in models]
    return errors / n_repeats, best


def test_independent_features_are_its_home(rng):
    models = [DiagonalLDA(), GaussianNB(), LogisticRegression(max_iter=1000)]
    (diagonal, naive, logistic), best = mean_errors(models, 32, 10, rng, n_repeats=30)
    assert best == pytest.approx(0.00951, abs=5e-6)
    assert best < diagonal < naive < logistic
    assert diagonal < 0.02 and logistic > 1.5 * diagonal  # 0.0148 and 0.0369 in an independent run
    errors, best = mean_errors(models, 4096, 10, rng)
    np.testing.assert_allclose(errors, best, atol=0.0015)  # 50,000 test rows: a standard error of 0.0004


def test_it_needs_few_rows_for_many_features(rng):
    (diagonal, logistic), _ = mean_errors([DiagonalLDA(), LogisticRegression(max_iter=1000)], 16, 100, rng)
    assert diagonal < 0.003
    assert logistic > 0.1


# Mean errors of an independent run of 10 repeats: pooled variances, scikit-learn's naive Bayes, logistic regression;
# and the standard errors of means of 10 repeats, from 100 repeats.
REFERENCE = {4: (0.166, 0.330, 0.230), 32: (0.0148, 0.0203, 0.0369), 128: (0.0109, 0.0114, 0.0155)}
DEVIATIONS = {4: (0.037, 0.042, 0.027), 32: (0.0010, 0.0020, 0.0061), 128: (0.0005, 0.0005, 0.0011)}


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", REFERENCE)
def test_errors_by_the_number_of_rows(rng, n_rows):
    models = [DiagonalLDA(), GaussianNB(), LogisticRegression(max_iter=1000)]
    errors, _ = mean_errors(models, n_rows, 10, rng, n_repeats=200)
    assert (np.abs(errors - REFERENCE[n_rows]) < 3.0 * np.array(DEVIATIONS[n_rows])).all()


def test_correlated_features_lead_to_another_limit(rng):
    X, y, best, naive = equicorrelated_design(rng, 60000, 0.05)
    assert (best, naive) == (pytest.approx(0.1128, abs=5e-5), pytest.approx(0.1330, abs=5e-5))
    error = 1.0 - DiagonalLDA().fit(X[:30000], y[:30000]).score(X[30000:], y[30000:])
    assert error == pytest.approx(naive, abs=0.008)  # 4 standard errors
    assert error > best + 0.01


def test_smoothing_helps_on_pixels():
    X, y = load_digits(return_X_y=True)
    search = GridSearchCV(DiagonalLDA(), {"var_smoothing": [1e-9, 0.1]}, cv=3).fit(X, y)
    assert search.best_params_ == {"var_smoothing": 0.1}
    assert search.best_score_ > 0.85


def test_pipeline():
    X, y = load_iris(return_X_y=True)
    assert cross_val_score(make_pipeline(StandardScaler(), DiagonalLDA()), X, y).mean() > 0.9


# The certificate.


def dependence(X, y, model):
    return dependence_test(X, y, np.ones(y.size), model.means_, np.sqrt(model.var_), model.coef_)


@pytest.mark.parametrize("kind", ["normal", "exponential", "uneven"])
def test_the_test_of_independence_has_its_level(rng, kind):
    """Also for skewed features, and where one class varies ten times as much as the other."""
    p_values = []
    for _ in range(300):
        y = np.arange(200) % 3
        X = rng.exponential(size=(200, 12)) if kind == "exponential" else rng.normal(size=(200, 12))
        X *= np.where(y == 1, 3.0, 0.3)[:, None] if kind == "uneven" else 1.0
        X += 0.5 * y[:, None]
        p_values.append(dependence(X, y, DiagonalLDA().fit(X, y)).p_value)
    rejected = np.mean(np.array(p_values) < 0.05)
    assert rejected < 0.1  # 0.05 and 4 standard errors
    assert np.mean(np.array(p_values) < 0.3) > 0.05  # corrected for three directions, and still a test


@pytest.mark.parametrize("n_classes", [2, 3])
def test_correlation_inflates_the_log_odds(rng, n_classes):
    X, y, *_ = equicorrelated_design(rng, 4000, 0.2)
    y = y + (rng.random(y.size) < 0.5) * (y == 1) * (n_classes - 2)
    certificate = DiagonalLDA().fit(X, y).certificate_
    assert certificate["independent features"].holds is False
    assert not certificate
    if n_classes == 2:
        half, covariance = np.linspace(0.0, 0.5, 30), 0.8 * np.eye(30) + 0.2
        expected = half @ covariance @ half / (half @ half)
        assert certificate["log-odds inflation"].statistic == pytest.approx(expected, rel=0.1)


def test_the_inflation_is_that_of_the_log_odds(rng):
    X, y, _ = problem(rng, 2)
    model = DiagonalLDA(var_smoothing=0.0).fit(X, y)
    decision = model.decision_function(X)
    within = model.priors_ @ [decision[y == k].var() for k in (0, 1)]
    independent = np.sum(model.coef_**2 * model.var_)
    assert dependence(X, y, model).inflation == pytest.approx(within / independent, rel=1e-9)


def test_a_dependence_that_leaves_the_log_odds_alone_is_not_held_against_it(rng):
    y = np.arange(2000) % 2
    X = rng.normal(size=(2000, 4))
    X[:, 3] = X[:, 2]  # equal, and the same in both classes
    X[:, :2] += y[:, None]
    certificate = DiagonalLDA().fit(X, y).certificate_
    assert certificate["log-odds inflation"].statistic == pytest.approx(1.0, abs=0.1)
    assert certificate


def test_a_single_feature_has_no_dependence(rng):
    y = np.arange(100) % 2
    check = DiagonalLDA().fit(rng.normal(size=(100, 1)) + y[:, None], y).certificate_["independent features"]
    assert (check.statistic, check.holds) == (pytest.approx(1.0, abs=1e-3), True)


def test_few_rows_are_not_tested(rng):
    X, y, _ = problem(rng, 2, n_rows=20)
    certificate = DiagonalLDA().fit(X, y).certificate_
    assert certificate["independent features"].holds is None
    assert certificate.holds is None


def test_large_samples_are_thinned(rng):
    n_rows = 3 * MAX_ROWS
    y = np.arange(n_rows) % 2
    X = rng.normal(size=(n_rows, 3)) + y[:, None]
    assert dependence(X, y, DiagonalLDA().fit(X, y)).n_rows == MAX_ROWS


# Bad input.


@pytest.mark.parametrize(
    ("priors", "message"),
    [
        ([0.5, 0.6], r"priors must sum to 1. Got a sum of 1.1"),
        ([0.2, 0.3, 0.5], "priors must have 2 entries. Got 3"),
        ([0.0, 1.0], "priors must be finite and positive. Got 0.0 at position 0"),
    ],
)
def test_bad_priors(priors, message):
    with pytest.raises(ValueError, match=message):
        DiagonalLDA(priors).fit([[0.0], [1.0], [2.0], [4.0]], [0, 0, 1, 1])


def test_no_variance_and_no_smoothing():
    X = [[0.0, 1.0], [1.0, 1.0], [2.0, 2.0], [4.0, 2.0]]
    with pytest.raises(ValueError, match=r"X must vary within classes .* 1 columns that do not, .* column 1: drop"):
        DiagonalLDA(var_smoothing=0.0).fit(X, [0, 0, 1, 1])


@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_numbers_that_overflow(unit):
    with pytest.raises(ValueError, match="X must have variances that floating-point numbers can hold"):
        DiagonalLDA().fit(unit * np.array([[0.0], [1.0], [2.0], [4.0]]), [0, 0, 1, 1])


@pytest.mark.parametrize("unit", [1e120, 1e-120])
def test_numbers_that_do_not(rng, unit):
    X, y, _ = problem(rng, 2)
    model, expected = DiagonalLDA().fit(unit * X, y), DiagonalLDA().fit(X, y)
    np.testing.assert_allclose(model.predict_proba(unit * X), expected.predict_proba(X), rtol=1e-7)
    assert dependence(unit * X, y, model).p_value == pytest.approx(dependence(X, y, expected).p_value, rel=1e-7)


def test_a_failed_fit_leaves_the_estimator_as_it_was():
    X, y = [[0.0], [1.0], [2.0], [4.0]], [0, 0, 1, 1]
    model = DiagonalLDA().fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="floating-point"):
        model.fit(np.array(X) * 1e200, y)
    assert all(vars(model)[name] is value for name, value in before.items())
