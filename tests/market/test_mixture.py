"""Budgets of greatest likelihood: those of cvxpy, those of many EM steps, never further away than their gap says."""

import numpy as np
import pytest

from statlearn.market._mixture import fit_mixture


def log_likelihood(A, w, b):
    return w @ np.log(A @ b) / w.sum()


@pytest.mark.parametrize("n_components", [2, 6, 30])
@pytest.mark.parametrize("weighted", [False, True])
def test_against_cvxpy(rng, n_components, weighted):
    cp = pytest.importorskip("cvxpy")
    A = rng.dirichlet(np.full(3, 0.4), size=(200, n_components))[:, :, 0] + 1e-3
    w = rng.integers(1, 4, size=200).astype(float) if weighted else np.ones(200)
    b = cp.Variable(n_components, nonneg=True)
    problem = cp.Problem(cp.Maximize(w @ cp.log(A @ b) / w.sum()), [cp.sum(b) == 1])
    problem.solve(solver=cp.CLARABEL)
    mixture = fit_mixture(A, w, np.ones(n_components))
    assert mixture.log_likelihood == pytest.approx(log_likelihood(A, w, mixture.weights), rel=1e-12)
    assert mixture.log_likelihood >= problem.value - 1e-9
    np.testing.assert_allclose(mixture.weights, b.value, atol=2e-4)
    assert mixture.gap <= 1e-10
    assert mixture.n_iter <= 30


def test_steps_of_any_rate_never_lose_and_end_there(rng):
    A, w = rng.uniform(0.05, 1.0, size=(100, 4)), np.ones(100)
    best = fit_mixture(A, w, np.ones(4))
    for rate in (0.1, 0.5, 1.0):
        b, last = np.full(4, 0.25), -np.inf
        for _ in range(int(6000 / rate)):
            value = log_likelihood(A, w, b)
            assert value >= last - 1e-14
            b, last = b + rate * b * (A.T @ (1.0 / (A @ b)) / 100 - 1.0), value
        assert last == pytest.approx(best.log_likelihood, abs=1e-6)


def test_the_gap_is_a_proof(rng):
    A, w = rng.uniform(0.01, 1.0, size=(60, 8)), rng.gamma(1.0, size=60)
    best = fit_mixture(A, w, np.ones(8)).log_likelihood
    for n_steps in (0, 1, 2, 3):
        early = fit_mixture(A, w, np.ones(8), max_iter=n_steps)
        assert best - early.log_likelihood <= early.gap + 1e-12


def test_weights_are_repetitions_and_zeros_stay(rng):
    A, w = rng.uniform(0.01, 1.0, size=(40, 3)), rng.integers(1, 4, size=40)
    weighted = fit_mixture(A, w.astype(float), np.array([1.0, 0.0, 2.0]))
    repeated = fit_mixture(np.repeat(A, w, axis=0), np.ones(w.sum()), np.array([1.0, 0.0, 2.0]))
    np.testing.assert_allclose(weighted.weights, repeated.weights, atol=1e-9)
    assert weighted.weights[1] == 0.0


def test_columns_that_are_equal_or_useless(rng):
    column = rng.uniform(0.3, 1.0, size=50)
    A = np.column_stack([column, column, 0.5 * column, np.zeros(50)])
    mixture = fit_mixture(A, np.ones(50), np.ones(4))
    assert mixture.weights[:2].sum() == pytest.approx(1.0, abs=1e-9)
    assert mixture.gap <= 1e-10


def test_components_that_a_step_all_but_left_out_come_back_soon(rng):
    """One row in many that a good component calls impossible: Newton steps alone would take half as many more."""
    A = np.column_stack([rng.uniform(0.9, 1.0, size=100_000), *rng.uniform(0.25, 0.5, size=(3, 100_000))])
    A[0, 0] = 0.0
    mixture = fit_mixture(A, np.ones(100_000), np.ones(4), max_iter=11)
    assert mixture.gap <= 1e-10
