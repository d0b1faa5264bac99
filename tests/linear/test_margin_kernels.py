"""Compiled passes against plain NumPy, at margins of every size."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_expit

from statlearn.linear._margin_kernels import (
    ERROR_MASS,
    LEAST_MARGIN,
    LOG_MASS,
    LOSS,
    N_ERRORS,
    N_SUMMARIES,
    exponentials,
    log1ps,
    loss_after,
    nearest_zero,
    weigh,
)
from statlearn.linear._signed_rows import Pass, SignedRows

from .signed_problems import overlapping_table, signed_matrix

ULPS = 4 * np.finfo(np.float64).eps  # series and rescaling
SUMS = 1e-12  # two orders of summation of some thousand terms


def plain_pass(Z, weights, theta, is_hard):
    """Margins, weights, combination and log of the mass as the definitions say."""
    margins = Z @ theta
    if is_hard:
        q, log_mass = weights * (margins <= 0.0), np.log(np.sum(weights[margins <= 0.0]))
    else:
        logs = np.log(weights) + log_expit(-margins)
        q, log_mass = np.exp(logs - logs.max()), np.logaddexp.reduce(logs)
    q = q / q.sum()
    return margins, q, q @ Z, log_mass


def test_exponentials_to_the_last_places(rng):
    x = -np.concatenate(
        [[0.0, 1e-300, 1e-17, 707.9, 0.5 * np.log(2.0)], rng.exponential(3.0, 995), rng.uniform(0, 707, 995)]
    )
    out = np.empty(x.size)
    exponentials(x, x.size, np.empty(x.size), out)
    assert_allclose(out, np.exp(x), rtol=ULPS)


def test_exponentials_far_down_are_zero():
    x, out = np.array([-708.5, -745.0, -1e5, -1e300, -np.inf]), np.ones(5)
    exponentials(x, 5, np.empty(5), out)
    assert_array_equal(out, 0.0)


def test_logarithms_to_the_last_places(rng):
    t = np.concatenate(
        [[0.0, 1.0, 1e-300, 1e-33, 1e-17, 1e-8], rng.uniform(0, 1, 994), 10.0 ** -rng.uniform(0, 300, 1000)]
    )
    out = np.empty(t.size)
    log1ps(t, t.size, out)
    assert_allclose(out, np.log1p(t), rtol=ULPS)


def table_types():
    return {
        "dense": lambda X: X,
        "float32": lambda X: X.astype(np.float32),
        "sparse": sparse.csr_array,
        "sparse matrix": sparse.csr_matrix,
        "sparse float32": lambda X: sparse.csr_array(X.astype(np.float32)),
        "long indices": lambda X: _with_long_indices(sparse.csr_array(X)),
        "read-only": _read_only,
    }


def _with_long_indices(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


@pytest.mark.parametrize("kind", table_types())
@pytest.mark.parametrize("is_hard", [False, True])
@pytest.mark.parametrize("scaling", [0.0, 2.5])
@pytest.mark.parametrize(("n", "n_features"), [(1, 1), (7, 3), (1500, 5), (60, 3000)])
def test_a_sweep_is_what_the_definitions_say(rng, kind, is_hard, scaling, n, n_features):
    """3,000 columns make blocks of 16 rows, 5 columns blocks of 1,024; widths are not multiples of four."""
    X, signs = overlapping_table(rng, n, n_features)
    X[rng.random(X.shape) < 0.3] = 0.0
    rows = SignedRows.of(table_types()[kind](X), signs, rng.uniform(0.1, 3.0, n), intercept_scaling=scaling)
    Z, found = signed_matrix(rows), Pass(rows)
    theta = rng.standard_normal(rows.n_features_lifted)
    if np.all(Z @ theta > 0.0):
        theta = -theta
    rows.sweep(theta, is_hard, found)
    margins, q, u, log_mass = plain_pass(Z, rows.weights, theta, is_hard)
    assert_allclose(found.margins, margins, rtol=SUMS, atol=SUMS)
    assert_allclose(found.q, q, rtol=SUMS, atol=1e-300)
    assert_allclose(found.u, u, rtol=SUMS, atol=SUMS)
    assert found.summary[LOG_MASS] == pytest.approx(log_mass, rel=SUMS, abs=SUMS)
    assert found.summary[LOSS] == pytest.approx(rows.weights @ np.logaddexp(0.0, -margins), rel=SUMS)
    assert found.summary[N_ERRORS] == np.count_nonzero(margins <= 0.0)
    assert found.summary[ERROR_MASS] == pytest.approx(rows.weights[margins <= 0.0].sum(), rel=SUMS)
    assert found.summary[LEAST_MARGIN] == found.margins.min()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e3, 1e6, 1e12])
@pytest.mark.parametrize("order", ["falling", "rising", "random"])
def test_soft_weights_of_large_margins(rng, scale, order):
    """Weights relative to the least margin are exact where sigma(-m) itself is 0; blocks see margins in any order."""
    margins = np.sort(rng.uniform(1.0, 2.0, 3000) * scale)
    margins = {"falling": margins[::-1], "rising": margins, "random": rng.permutation(margins)}[order]
    rows = SignedRows.of(np.ascontiguousarray(margins)[:, None], np.ones(3000))
    found, summary, q = Pass(rows), np.empty(N_SUMMARIES), np.empty(3000)
    rows.sweep(np.ones(1), False, found)
    weigh(rows.margins(np.ones(1)), rows.weights, False, q, summary)
    expected = plain_pass(rows.X, rows.weights, np.ones(1), False)
    tolerance = SUMS + 2e-16 * scale  # of the exponent, a difference of margins
    for actual in (found.q, q):
        assert_allclose(actual, expected[1], rtol=tolerance, atol=1e-290)
    assert found.summary[LOG_MASS] == pytest.approx(expected[3], rel=SUMS)
    assert summary[LOG_MASS] == pytest.approx(expected[3], rel=SUMS)
    assert found.u[0] == pytest.approx(expected[2][0], rel=SUMS)
    assert found.summary[LOSS] == pytest.approx(np.mean(np.log1p(np.exp(-margins))), rel=tolerance, abs=1e-300)


def test_no_hard_weight_without_an_error():
    rows = SignedRows.of(np.ones((3, 2)), np.ones(3))
    found = Pass(rows)
    found.q[:], found.u[:] = 1.0, 1.0
    rows.sweep(np.ones(2), True, found)
    assert found.summary[LOG_MASS] == -np.inf
    assert not found.q.any()
    assert not found.u.any()


def test_a_margin_of_zero_is_an_error():
    summary, q = np.empty(N_SUMMARIES), np.empty(4)
    weigh(np.array([0.0, -0.0, 1e-300, -1e-300]), np.full(4, 0.25), True, q, summary)
    assert summary[N_ERRORS] == 3
    assert_array_equal(q, [1 / 3, 1 / 3, 0.0, 1 / 3])


def test_equal_rows_have_equal_margins_wherever_they_are(rng):
    """Rows are summed alike whether they are read in fours or as a rest, so that ties stay ties."""
    row = rng.standard_normal(103)
    for n in range(1, 9):
        rows = SignedRows.of(np.tile(row, (n, 1)), np.ones(n))
        margins = rows.margins(np.linspace(0.1, 1.0, 103))
        assert np.unique(margins).size == 1


def test_the_nearest_zero_against_complex_roots(rng):
    """1 + exp(m + t s) is 0 at t = (-m + i pi (2 k + 1)) / s."""
    margins, slopes = rng.normal(0, 4, 20), rng.normal(0, 2, 20)
    roots = (-margins[:, None] + 1j * np.pi * (2 * np.arange(-4, 4) + 1)) / slopes[:, None]
    assert_allclose(1.0 + np.exp(margins[:, None] + roots * slopes[:, None]), 0.0, atol=1e-12)
    assert nearest_zero(margins, slopes) == pytest.approx(np.abs(roots).min(), rel=1e-13)


def test_no_zero_along_a_direction_that_changes_nothing():
    assert nearest_zero(np.ones(3), np.zeros(3)) == np.inf


def test_loss_after_a_step_and_its_derivative(rng):
    margins, slopes, weights = rng.normal(0, 300, 50), rng.normal(0, 2, 50), rng.dirichlet(np.ones(50))
    loss, derivative = loss_after(margins, slopes, 1.7, weights)
    there = margins + 1.7 * slopes
    assert loss == pytest.approx(weights @ -log_expit(there), rel=1e-14)
    assert derivative == pytest.approx(-(weights * slopes) @ expit(-there), rel=1e-13)
