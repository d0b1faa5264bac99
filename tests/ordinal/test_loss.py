"""The compiled likelihood: value against long double, gradient and Hessian against differences, far and near."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, xlogy

from statlearn.ordinal._design import DenseDesign, SparseDesign, sort_and_collapse, standardization
from statlearn.ordinal._kernels import assemble_hessian, dual_bound, row_terms
from statlearn.ordinal._loss import CumulativeLogitLoss
from statlearn.ordinal._problem import ordinal_problem
from statlearn.ordinal._solver import null_theta

from .helpers import parallel
from .reference import log_probabilities

CENTRAL = 1e-7  # error of central differences with step 1e-5 on values and gradients of order one


@pytest.fixture(params=["dense", "sparse"])
def problem(request):
    X, codes, weights = parallel(3)
    X = np.where(X > 1.5, X, 0.0)
    return ordinal_problem(sparse.csr_array(X) if request.param == "sparse" else X, codes, weights)


def value_and_gradient(loss, theta):
    value, slopes, curvatures = loss.evaluate(loss.predictors(theta))
    return value, loss.gradient(slopes), curvatures


def near(loss, rng):
    theta = null_theta(loss)
    theta[:, 1:] = 0.05 * rng.normal(size=theta[:, 1:].shape)
    return theta


def test_value_is_that_of_the_definition():
    X, codes, weights = parallel(3)
    problem = ordinal_problem(X, codes, weights)
    theta = near(problem.loss, np.random.default_rng(0))
    coef, intercept, _ = problem.linear_predictor(theta)
    expected = -np.average(log_probabilities(X @ coef.T + intercept, codes), weights=weights)
    assert value_and_gradient(problem.loss, theta)[0] == pytest.approx(float(expected), rel=1e-13)


def test_gradient_and_hessian_are_the_derivatives(problem, rng):
    loss = problem.loss
    theta = near(loss, rng)
    value, gradient, curvatures = value_and_gradient(loss, theta)
    curvature = loss.curvature(curvatures, np.arange(theta.shape[1]))
    hessian = assemble_hessian(curvature.same, curvature.crossed, *np.nonzero(np.ones_like(theta)))
    for position in range(theta.size):
        step = np.zeros(theta.size)
        step[position] = 1e-5
        up = value_and_gradient(loss, theta + step.reshape(theta.shape))
        down = value_and_gradient(loss, theta - step.reshape(theta.shape))
        assert (up[0] - down[0]) / 2e-5 == pytest.approx(gradient.ravel()[position], abs=CENTRAL)
        np.testing.assert_allclose((up[1] - down[1]).ravel() / 2e-5, hessian[position], rtol=0, atol=CENTRAL)


def test_curvature_of_some_features_is_a_part_of_the_whole(problem, rng):
    loss = problem.loss
    curvatures = value_and_gradient(loss, near(loss, rng))[2]
    part = np.array([0, 2, 4])
    whole, some = loss.curvature(curvatures, np.arange(5)), loss.curvature(curvatures, part)
    np.testing.assert_allclose(some.same, whole.same[:, part][:, :, part], rtol=1e-12)
    np.testing.assert_allclose(some.crossed, whole.crossed[:, part][:, :, part], rtol=1e-12)
    assert whole.covers(part) and not some.covers(np.arange(5))


@pytest.mark.parametrize(
    ("u", "v"), [(1.0, -1.0), (1e-8, 0.0), (50.0, 50.0 - 1e-3), (-50.0, -51.0), (700.0, -700.0), (800.0, 799.0)]
)
def test_row_terms_near_and_far(u, v):
    """Distances of 1e-8 and predictors of hundreds keep their relative accuracy."""
    slopes, curvatures = np.empty((1, 2)), np.empty((1, 3))
    value = row_terms(np.array([[u, v]]), np.ones(1), slopes, curvatures)
    exact = -log_probabilities(np.array([[-v, -u]]), [1])[0]
    assert value == pytest.approx(float(exact), rel=1e-12, abs=1e-15)
    d = np.longdouble(u) - np.longdouble(v)
    r = 1 / np.expm1(d)
    sigma = 1 / (1 + np.exp(-np.array([-u, v], dtype=np.longdouble)))
    np.testing.assert_allclose(slopes[0], [-float(sigma[0] + r), float(sigma[1] + r)], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(curvatures[0, 2], float(r * (1 + r)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(curvatures[0, :2], (sigma * (1 - sigma)).astype(float), rtol=1e-12, atol=1e-15)


def test_rows_whose_cuts_touch_are_outside_the_domain():
    slopes, curvatures = np.empty((1, 2)), np.empty((1, 3))
    assert row_terms(np.array([[1.0, 1.0]]), np.ones(1), slopes, curvatures) == np.inf
    assert row_terms(np.array([[1.0, 1.5]]), np.ones(1), slopes, curvatures) == np.inf


def test_dual_bound_equals_the_loss_minus_the_linear_part(problem, rng):
    """At the unscaled maximizers the conjugates are tight: loss = dual value + slopes' predictors."""
    loss = problem.loss
    predictors = loss.predictors(near(loss, rng))
    value, slopes, _ = loss.evaluate(predictors)
    linear = np.sum(np.where(np.isfinite(predictors), slopes * np.where(np.isfinite(predictors), predictors, 0.0), 0.0))
    dual = dual_bound(value, predictors, np.zeros_like(predictors), loss.weights, 1.0)
    assert dual + linear == pytest.approx(value, rel=1e-12)


def exact_dual(predictors, shift, weights, scale):
    """The dual objective by its definition, with ``h(t) = t log t``."""
    u, v = predictors.T
    with np.errstate(over="ignore"):
        r = np.where(np.isfinite(u - v), 1.0 / np.expm1(u - v), 0.0)
    below, above = expit(-u), expit(v)
    first = scale * (below - below * (1.0 - below) * shift[:, 0])
    second = scale * (above + above * (1.0 - above) * shift[:, 1])
    third = scale * (r - r * (1.0 + r) * (shift[:, 0] - shift[:, 1]))
    terms = xlogy(first, first) + xlogy(1 - first, 1 - first) + xlogy(second, second) + xlogy(1 - second, 1 - second)
    return -weights @ (terms + xlogy(third, third) - xlogy(1.0 + third, 1.0 + third))


@pytest.mark.parametrize("size", [1e-1, 1e-2, 1e-4])
def test_dual_bound_is_below_the_dual_objective_and_close_to_it(problem, size, rng):
    loss = problem.loss
    predictors = loss.predictors(near(loss, rng))
    value = loss.evaluate(predictors)[0]
    for _ in range(20):
        shift = size * rng.uniform(-1.0, 1.0, size=predictors.shape)
        scale = 1.0 - size * rng.random()
        exact = exact_dual(predictors, shift, loss.weights, scale)
        bound = dual_bound(value, predictors, shift, loss.weights, scale)
        assert bound <= exact + 1e-14
        assert bound >= exact - 20.0 * size**3  # what is lost is of the third order


def test_dual_bound_refuses_points_outside_its_domain():
    assert dual_bound(0.5, np.array([[1.0, -1.0]]), np.array([[10.0, 0.0]]), np.ones(1), 1.0) == -np.inf


class TestDesign:
    def test_sparse_and_dense_answer_alike(self, rng):
        X, codes, weights = parallel(5)
        X = np.where(X > 1.0, X, 0.0)
        order = np.argsort(codes, kind="stable")
        X, codes, weights = X[order], codes[order], weights[order] / weights.sum()
        bounds = np.searchsorted(codes, np.arange(codes.max() + 2))
        dense_standard = standardization(X, weights, scale=True)
        sparse_standard = standardization(sparse.csr_array(X), weights, scale=True)
        np.testing.assert_allclose(sparse_standard.mean, dense_standard.mean, rtol=1e-13)
        np.testing.assert_allclose(sparse_standard.scale, dense_standard.scale, rtol=1e-13)
        dense = DenseDesign(X, bounds, dense_standard)
        thin = SparseDesign(sparse.csr_array(X), bounds, sparse_standard)
        vectors, values = rng.normal(size=(5, 2)), rng.normal(size=(bounds[2] - bounds[1], 2))
        np.testing.assert_allclose(thin.times(1, vectors), dense.times(1, vectors), atol=1e-12)
        np.testing.assert_allclose(thin.transposed_times(1, values), dense.transposed_times(1, values), atol=1e-12)
        features = np.array([0, 1, 3])
        np.testing.assert_allclose(
            thin.grams(1, values**2, features), dense.grams(1, values**2, features), rtol=1e-11, atol=1e-12
        )
        np.testing.assert_allclose(thin.take([0, 4]), dense.take([0, 4]), atol=1e-13)

    @pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
    def test_collapsing_keeps_every_row_and_weight(self, kind, rng):
        X = rng.integers(0, 3, size=(200, 3)).astype(float)
        codes = rng.integers(0, 2, 200)
        weights = rng.random(200)
        rows, levels, sums, counts = sort_and_collapse(kind(X), codes, weights)
        rows = rows.toarray() if sparse.issparse(rows) else rows
        expected = {}
        for row, code, weight in zip(X, codes, weights, strict=True):
            total, count = expected.get((*row, code), (0.0, 0))
            expected[(*row, code)] = total + weight, count + 1
        assert len(rows) == len(expected) < 200
        assert np.all(np.diff(levels) >= 0)
        for row, code, total, count in zip(rows, levels, sums, counts, strict=True):
            assert expected[(*row, code)] == (pytest.approx(total), count)

    def test_loss_does_not_depend_on_the_order_of_rows(self, rng):
        X, codes, weights = parallel(6)
        shuffled = rng.permutation(len(X))
        first, second = (
            ordinal_problem(*arguments)
            for arguments in ((X, codes, weights), (X[shuffled], codes[shuffled], weights[shuffled]))
        )
        assert isinstance(first.loss, CumulativeLogitLoss)
        np.testing.assert_array_equal(first.loss.design.rows, second.loss.design.rows)
        np.testing.assert_array_equal(first.loss.weights, second.loss.weights)
