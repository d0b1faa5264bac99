"""The lasso-penalized quadratic model against its optimality conditions, and its steps against plain twins."""

import numpy as np
import pytest

from statlearn.ordinal._kernels import pool_adjacent_violators, projected_search
from statlearn.ordinal._quadratic import minimize_quadratic, solve_positive_definite

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies


def model(seed, size, rank, share_free=0.2):
    """A random model whose coordinates are correlated, some unpenalized."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(rank, size)).cumsum(axis=1)
    lasso = np.where(rng.random(size) < share_free, 0.0, rng.random(size))
    return factor.T @ factor / rank, rng.normal(size=rank) @ factor / rank, lasso


@hypothesis.settings(max_examples=40)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 30), ridge=st.sampled_from([0.0, 0.3]))
def test_solution_is_optimal(seed, size, ridge):
    hessian, gradient, lasso = model(seed, size, rank=2 * size)
    ridges = np.full(size, ridge)
    start = np.random.default_rng(seed).normal(size=size)
    theta = minimize_quadratic(hessian, gradient + hessian @ start, start.copy(), lasso, ridges, 1e-10)
    slope = gradient + hessian @ theta + ridges * theta
    violation = np.where(theta != 0, np.abs(slope + lasso * np.sign(theta)), np.maximum(np.abs(slope) - lasso, 0))
    assert violation.max() <= 1e-8 * max(1.0, np.abs(hessian).max())


def test_more_coordinates_than_rank():
    """Equal columns make the Hessian singular; the minimum is still reached."""
    hessian, gradient, lasso = model(1, 20, rank=8, share_free=0.0)
    theta = minimize_quadratic(hessian, gradient.copy(), np.zeros(20), lasso, np.zeros(20), 1e-9)
    slope = gradient + hessian @ theta
    violation = np.where(theta != 0, np.abs(slope + lasso * np.sign(theta)), np.maximum(np.abs(slope) - lasso, 0))
    assert violation.max() <= 1e-8


@hypothesis.settings(max_examples=40)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 8))
def test_projected_search_never_gains_and_stays_in_the_orthant(seed, size):
    rng = np.random.default_rng(seed)
    system = rng.normal(size=(size, size))
    system = system @ system.T + 0.1 * np.eye(size)
    start, residual = rng.normal(size=size), rng.normal(size=size)
    side = np.where(rng.random(size) < 0.7, np.sign(start), 0.0)
    step = solve_positive_definite(system, -residual)
    moved = projected_search(system, residual, start, step, side)

    def change(point):
        return residual @ (point - start) + 0.5 * (point - start) @ system @ (point - start)

    assert np.all(side * moved >= 0.0)
    assert change(moved) <= 1e-12
    lengths = np.linspace(0.0, 1.0, 2001)
    path = [np.where(side * (start + t * step) < 0.0, 0.0, start + t * step) for t in lengths]
    changes = np.array([change(point) for point in path])
    first_rise = int(np.argmax(np.append(np.diff(changes) > 1e-9, True)))
    assert change(moved) <= changes[first_rise] + 1e-6 * (1.0 + abs(changes[first_rise]))


def test_singular_systems_are_met_with_jitter_or_refused():
    singular = np.ones((2, 2))
    np.testing.assert_allclose(singular @ solve_positive_definite(singular, np.array([1.0, 1.0])), 1.0, rtol=1e-6)
    assert solve_positive_definite(-np.eye(2), np.ones(2)) is None


def test_pooling_is_isotonic_regression(rng):
    from sklearn.isotonic import isotonic_regression

    values = rng.normal(size=(20, 6))
    expected = [isotonic_regression(row, increasing=False) for row in values]
    np.testing.assert_allclose(pool_adjacent_violators(values), expected, atol=1e-14)
