"""Logistic regression of signed rows against scikit-learn, by Newton's method and by gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from statlearn.linear import _logistic_regression
from statlearn.linear._logistic_regression import fit_logistic
from statlearn.linear._signed_rows import SignedRows

from .signed_problems import overlapping_table, separable_table, signed_matrix

SAME = 1e-6  # of coefficients, and of values of the linear function


@pytest.fixture(params=["newton", "gradients"])
def route(request, monkeypatch):
    """Both ways to the solution, whatever the number of coefficients."""
    if request.param == "gradients":
        monkeypatch.setattr(_logistic_regression, "NEWTON_FEATURES", 0)
    return request.param


def peer(X, signs, weights=None, alpha=0.0, *, fit_intercept=True):
    total = len(X) if weights is None else np.sum(weights)
    model = LogisticRegression(
        C=1.0 / (alpha * total) if alpha else np.inf, fit_intercept=fit_intercept, solver="newton-cholesky", tol=1e-12
    )
    return model.fit(X, signs, sample_weight=weights)


def scores(X, theta, scaling=1.0):
    return X @ theta[:-1] + scaling * theta[-1] if scaling else X @ theta


def full_gradient(rows, theta, alpha):
    """By definition, in one product."""
    Z = signed_matrix(rows)
    penalty = np.full(theta.size, alpha)
    if rows.intercept_scaling:
        penalty[-1] = 0.0
    return penalty * theta - (rows.weights / (1.0 + np.exp(Z @ theta))) @ Z


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("alpha", [0.0, 1e-2, 1.0])
@pytest.mark.parametrize("scaling", [0.0, 1.0, 0.25])
def test_coefficients_are_those_of_scikit_learn(rng, route, form, alpha, scaling):
    X, signs = overlapping_table(rng, 300, 6)
    weights = rng.uniform(0.5, 2.0, 300)
    rows = SignedRows.of(form(X), signs, weights, intercept_scaling=scaling)
    fit = fit_logistic(rows, alpha)
    model = peer(X, signs, weights, alpha, fit_intercept=scaling > 0.0)
    assert fit.converged
    assert_allclose(fit.theta[:6], model.coef_[0], atol=SAME)
    if scaling:
        assert scaling * fit.theta[-1] == pytest.approx(model.intercept_[0], abs=SAME)
    assert np.linalg.norm(full_gradient(rows, fit.theta, alpha)) <= 1e-9 * rows.radius


def test_newton_needs_few_steps(rng):
    X, signs = overlapping_table(rng, 300, 6)
    assert fit_logistic(SignedRows.of(X, signs, intercept_scaling=1.0)).n_iter <= 10


def test_both_ways_agree(rng, monkeypatch):
    X, signs = overlapping_table(rng, 300, 6)
    rows = SignedRows.of(X, signs, intercept_scaling=1.0)
    newton = fit_logistic(rows, 0.1)
    monkeypatch.setattr(_logistic_regression, "NEWTON_FEATURES", 0)
    gradients = fit_logistic(rows, 0.1)
    assert gradients.n_iter > newton.n_iter
    assert_allclose(gradients.theta, newton.theta, atol=SAME)


def test_weights_combine_the_rows_to_zero(rng, route):
    rows = SignedRows.of(*overlapping_table(rng, 300, 6), intercept_scaling=1.0)
    fit = fit_logistic(rows)
    assert fit.weights.min() > 0.0
    assert fit.weights.sum() == pytest.approx(1.0)
    Z = signed_matrix(rows)
    expected = rows.weights / (1.0 + np.exp(Z @ fit.theta))
    assert_allclose(fit.weights, expected / expected.sum(), rtol=1e-9)
    assert np.linalg.norm(fit.weights @ Z) <= 1e-8 * rows.radius


@pytest.mark.parametrize("alpha", [0.0, 0.01])
def test_collinear_columns(rng, route, alpha):
    """A sum of columns, a column twice and a constant one: the linear function is that of fewer columns."""
    X, signs = overlapping_table(rng, 300, 4)
    wide = np.column_stack([X, X[:, 0], X[:, 1] - 2.0 * X[:, 2], np.full(300, 3.0)])
    fit = fit_logistic(SignedRows.of(wide, signs, intercept_scaling=1.0), alpha)
    assert fit.converged
    assert np.isfinite(fit.theta).all()
    columns = wide if alpha else X
    assert_allclose(scores(wide, fit.theta), peer(columns, signs, None, alpha).decision_function(columns), atol=SAME)


SCALES = np.array([1e-4, 1e-2, 1.0, 1e2, 1e4])


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["ascending", "descending"])
def test_columns_of_different_scales(rng, route, order):
    """From 1e-4 to 1e4; the linear function does not depend on units."""
    X, signs = overlapping_table(rng, 400, 5)
    fit = fit_logistic(SignedRows.of(X * SCALES[order], signs, intercept_scaling=1.0))
    expected = peer(X, signs)
    assert fit.converged
    assert_allclose(fit.theta[:-1] * SCALES[order], expected.coef_[0], atol=SAME)
    assert fit.theta[-1] == pytest.approx(expected.intercept_[0], abs=SAME)


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_all_columns_in_another_unit(rng, route, unit):
    X, signs = overlapping_table(rng, 400, 5)
    fit = fit_logistic(SignedRows.of(unit * X, signs, intercept_scaling=1.0))
    assert fit.converged
    assert_allclose(fit.theta[:-1] * unit, peer(X, signs).coef_[0], atol=SAME)


def test_columns_far_from_zero(rng):
    """Years, say: nearly collinear with the constant column."""
    X, signs = overlapping_table(rng, 400, 3)
    fit = fit_logistic(SignedRows.of(X + 2000.0, signs, intercept_scaling=1.0))
    assert fit.converged
    assert_allclose(scores(X + 2000.0, fit.theta), peer(X, signs).decision_function(X), atol=1e-5)


def test_separable_rows_are_left_when_they_are_separated(rng, route):
    X, signs = separable_table(rng, 100, 4)
    rows = SignedRows.of(X, signs, intercept_scaling=1.0)
    fit = fit_logistic(rows)
    assert not fit.converged
    assert rows.margins(fit.theta).min() > 0.0


def test_a_penalty_bounds_coefficients_of_separable_rows(rng, route):
    X, signs = separable_table(rng, 100, 4)
    fit = fit_logistic(SignedRows.of(X, signs, intercept_scaling=1.0), 0.01)
    model = peer(X, signs, None, 0.01)
    assert fit.converged
    assert_allclose(fit.theta, np.append(model.coef_, model.intercept_), atol=SAME)


def test_an_intercept_without_a_penalty(rng, route):
    """One class is rare: a penalized intercept would be nearer to zero."""
    X, signs = overlapping_table(rng, 400, 3)
    X, signs = X[(signs < 0) | (X[:, 1] > 1.0)], signs[(signs < 0) | (X[:, 1] > 1.0)]
    fit = fit_logistic(SignedRows.of(X, signs, intercept_scaling=1.0), 10.0)
    assert fit.theta[-1] == pytest.approx(peer(X, signs, None, 10.0).intercept_[0], abs=SAME)


def test_single_precision(rng, route):
    X, signs = overlapping_table(rng, 300, 5)
    X = X.astype(np.float32)
    fit = fit_logistic(SignedRows.of(X, signs, intercept_scaling=1.0))
    assert fit.theta.dtype == np.float64
    assert fit.converged
    model = peer(X.astype(np.float64), signs)
    assert_allclose(fit.theta, np.append(model.coef_, model.intercept_), atol=SAME)


def test_many_columns_take_gradients(rng):
    """More than 1,000 columns, of sparse rows."""
    n, n_features = 300, 1200
    X = sparse.random_array((n, n_features), density=0.02, rng=rng, format="csr")
    signs = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    fit = fit_logistic(SignedRows.of(X, signs, intercept_scaling=1.0), 0.1)
    model = LogisticRegression(C=1.0 / (0.1 * n), tol=1e-10, max_iter=10_000).fit(X, signs)
    assert fit.converged
    assert_allclose(fit.theta[:-1], model.coef_[0], atol=SAME)
