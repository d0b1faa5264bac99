"""The lasso-penalized quadratic model against its optimality conditions, and its steps against plain twins."""

import numpy as np
import pytest

from statlearn.ordinal._descent import descend, press
from statlearn.ordinal._kernels import pool_adjacent_violators, projected_search
from statlearn.ordinal._quadratic import minimize_quadratic
from statlearn.ordinal._quadratic_model import QuadraticModel, Slacks, solve_positive_definite

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies


def random_model(seed, size, rank, share_free=0.2):
    """A random model whose coordinates are correlated, some unpenalized."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(rank, size)).cumsum(axis=1)
    lasso = np.where(rng.random(size) < share_free, 0.0, rng.random(size))
    return factor.T @ factor / rank, rng.normal(size=rank) @ factor / rank, lasso


def free_minimizer(model, tol):
    """What `minimize_quadratic` gives without slacks."""
    none = Slacks(np.empty((0, model.start.size)), None, 0.0)
    return minimize_quadratic(model, tol, none, np.empty(0))[0]


SOLVERS = {"active sets first": free_minimizer, "descent alone": descend}


def violation(model, theta, pull=0.0, extra=0.0):
    """Distance from the optimality conditions, written out again from the definition."""
    slope = model.gradient + model.hessian @ (theta - model.start) + model.ridge * theta - pull
    lasso = model.lasso + extra
    return np.where(theta != 0, np.abs(slope + lasso * np.sign(theta)), np.maximum(np.abs(slope) - lasso, 0)).max()


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
@hypothesis.settings(max_examples=40)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 30), ridge=st.sampled_from([0.0, 0.3]))
def test_solution_is_optimal(solve, seed, size, ridge):
    hessian, gradient, lasso = random_model(seed, size, rank=2 * size)
    start = np.random.default_rng(seed).normal(size=size)
    model = QuadraticModel(hessian, gradient + hessian @ start, start, lasso, np.full(size, ridge))
    assert violation(model, solve(model, 1e-10)) <= 1e-8 * max(1.0, np.abs(hessian).max())


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
def test_more_coordinates_than_rank(solve):
    """Equal columns make the Hessian singular; the minimum is still reached."""
    hessian, gradient, lasso = random_model(1, 20, rank=8, share_free=0.0)
    model = QuadraticModel(hessian, gradient, np.zeros(20), lasso, np.zeros(20))
    assert violation(model, solve(model, 1e-9)) <= 1e-8


@pytest.mark.parametrize("solve", [minimize_quadratic, press], ids=["active sets first", "multipliers alone"])
@hypothesis.settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 20),
    n_slacks=st.integers(1, 12),
    bent=st.booleans(),
    ridge=st.sampled_from([0.0, 0.3]),
)
def test_constrained_solution_is_optimal(solve, seed, size, n_slacks, bent, ridge):
    """Feasible, complementary, multipliers not negative, Lagrangian stationary: sufficient for a convex problem."""
    hessian, gradient, lasso = random_model(seed, size, rank=2 * size)
    lasso[0] = 0.0  # an intercept, unpenalized and in every slack
    rng = np.random.default_rng(seed)
    start = 0.3 * rng.normal(size=size)
    ridges = np.where(lasso > 0.0, ridge, 0.0)
    model = QuadraticModel(hessian, gradient + hessian @ start, start, lasso, ridges)
    rows, bends = rng.normal(size=(n_slacks, size)), rng.random((n_slacks, size)) if bent else None
    rows[:, 0] = 1.0
    if bent:
        bends[:, 0] = 0.0
    slacks = Slacks(rows, bends, 1e-9)
    theta, multipliers = solve(model, 1e-9, slacks, np.zeros(n_slacks))
    slack = rows @ theta - (0.0 if bends is None else bends @ np.abs(theta))
    extra = 0.0 if bends is None else multipliers @ bends
    scale = max(1.0, np.abs(hessian).max())
    assert slack.min() >= 0.0
    assert multipliers.min() >= 0.0
    assert multipliers @ slack <= 1e-7 * scale * (1.0 + multipliers.sum())
    assert violation(model, theta, multipliers @ rows, extra) <= 1e-8 * scale * (1.0 + multipliers.sum())


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
