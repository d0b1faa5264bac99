"""The yardstick solver must be right, or its seconds mean nothing."""

import numpy as np
import pytest

from benchmarks.ordinal_data import make_cumulative_logit
from benchmarks.plain_presto import Likelihood, plain_presto_path
from statlearn.ordinal import presto_path

cp = pytest.importorskip("cvxpy")

OBJECTIVE_RTOL = 1e-7  # both solvers stop within about 1e-9 of the optimum; room for CLARABEL's own tolerance


def standardize(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def cvxpy_objective(X, y, alpha, base_penalty):
    """Minimum of the written objective, stated to cvxpy in the cut parametrization."""
    Z = standardize(X)
    n_cuts = int(y.max())
    intercepts, slopes = cp.Variable(n_cuts), cp.Variable((n_cuts, X.shape[1]))
    eta = [Z @ slopes[k] + intercepts[k] for k in range(n_cuts)]
    loss = 0
    for level in range(n_cuts + 1):
        rows = np.flatnonzero(y == level)
        if level < n_cuts:
            loss += cp.sum(cp.logistic(-eta[level][rows]))
        if level > 0:
            loss += cp.sum(cp.logistic(eta[level - 1][rows]))
        if 0 < level < n_cuts:
            loss -= cp.sum(cp.log(1 - cp.exp(-(eta[level][rows] - eta[level - 1][rows]))))
    penalty = base_penalty * cp.norm1(slopes[0])
    penalty += sum(cp.norm1(slopes[k] - slopes[k - 1]) for k in range(1, n_cuts))
    problem = cp.Problem(cp.Minimize(loss / len(y) + alpha * penalty))
    problem.solve(solver=cp.CLARABEL)
    return problem.value


@pytest.mark.parametrize(("n_classes", "base_penalty"), [(2, 0.3), (2, 1.0), (4, 0.0), (4, 0.3), (4, 1.0)])
def test_objectives_agree_with_cvxpy(n_classes, base_penalty):
    X, y = make_cumulative_logit(150, 3, n_classes, seed=3)
    path = plain_presto_path(X, y, n_alphas=3, eps=0.05, base_penalty=base_penalty, tol=1e-8)
    expected = [cvxpy_objective(X, y, alpha, base_penalty) for alpha in path.alphas]
    np.testing.assert_allclose(path.objectives, expected, rtol=OBJECTIVE_RTOL)


def test_largest_alpha_is_the_smallest_that_shrinks_everything():
    X, y = make_cumulative_logit(300, 4, 4, seed=1)
    largest = plain_presto_path(X, y, n_alphas=1).alphas[0]
    path = plain_presto_path(X, y, alphas=[1.001 * largest, 0.999 * largest], tol=1e-9)
    assert not path.coefs[0].any()
    assert path.coefs[1].any()


def test_gradient_and_hessian_match_finite_differences():
    X, y = make_cumulative_logit(40, 2, 4, seed=2)
    likelihood = Likelihood(standardize(X), y)
    theta = np.array([[-1.0, 0.2, 0.1], [1.5, -0.1, 0.05], [1.0, 0.1, -0.2]])

    def gradient(flat):
        _, slopes, _ = likelihood.evaluate(*likelihood.predictors(flat.reshape(theta.shape)))
        return likelihood.gradient(slopes).ravel()

    def loss(flat):
        return likelihood.evaluate(*likelihood.predictors(flat.reshape(theta.shape)))[0]

    steps = 1e-5 * np.eye(theta.size)
    point = theta.ravel()
    by_differences = [(loss(point + step) - loss(point - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(gradient(point), by_differences, atol=1e-9)
    _, _, curvature = likelihood.evaluate(*likelihood.predictors(theta))
    by_differences = [(gradient(point + step) - gradient(point - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(likelihood.hessian(curvature), by_differences, atol=1e-8)


def test_objectives_agree_with_the_library():
    X, y = make_cumulative_logit(2000, 6, 4, seed=5)
    path = plain_presto_path(X, y, n_alphas=5, tol=1e-8)
    ours = presto_path(X, y, alphas=path.alphas, tol=1e-8, crossing="observed")
    np.testing.assert_allclose(ours.objectives, path.objectives, rtol=1e-10)
    np.testing.assert_allclose(ours.coefs, path.coefs, atol=1e-5)


def test_too_few_steps_are_an_error():
    X, y = make_cumulative_logit(200, 3, 3)
    with pytest.raises(RuntimeError, match="after 1 Newton steps"):
        plain_presto_path(X, y, n_alphas=2, max_iter=1, tol=1e-12)
