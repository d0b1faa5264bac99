"""Leverage scores: against QR and exact arithmetic, invariances, rank, batches, input."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array, csr_matrix

from statlearn.design import _leverage
from statlearn.design._leverage import leverage_scores, locate, make_pool
from statlearn.exceptions import RankDeficientWarning

ATOL = 1e-13  # a few roundings of numbers below 1


def by_qr(X):
    return np.sum(np.linalg.qr(X)[0] ** 2, axis=1)


def conditioned(rng, n_rows, n_columns, condition):
    """A matrix of a given condition number, and the scores of its rows."""
    U, V = np.linalg.qr(rng.normal(size=(n_rows, n_columns)))[0], np.linalg.qr(rng.normal(size=(n_columns,) * 2))[0]
    return U * np.geomspace(1.0, 1.0 / condition, n_columns) @ V, np.sum(U**2, axis=1)


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (40, 1), (300, 12)])
def test_scores_are_those_of_qr(rng, shape):
    X = rng.normal(size=shape) * rng.gamma(0.5, size=(shape[0], 1))
    np.testing.assert_allclose(leverage_scores(X), by_qr(X), rtol=0, atol=ATOL)


@pytest.mark.parametrize("condition", [1e2, 1e4, 1e6])
def test_columns_near_dependence(rng, condition):
    X, scores = conditioned(rng, 500, 10, condition)
    pool = make_pool(X)
    np.testing.assert_allclose(pool.leverage, by_qr(X), rtol=0, atol=1e-10)
    np.testing.assert_allclose(pool.leverage, scores, rtol=0, atol=1e-10)
    assert pool.error < 1e-9
    np.testing.assert_allclose(pool.leverage.sum(), 10.0, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("condition", "n_factors"), [(1e3, 1), (1e7, 2), (1e9, 2)])
def test_columns_nearer_dependence_take_the_householder_pass(rng, condition, n_factors):
    pool = make_pool(conditioned(rng, 500, 10, condition)[0])
    assert len(pool.factors) == n_factors
    assert pool.rank == 10
    assert pool.error < 1e-10


def test_powers_against_exact_arithmetic():
    """Rows (1, t, ..., t^9) at whole numbers: columns of norm 1 have the condition number 4e8."""
    t = np.arange(1, 26)
    X = np.vander(t.astype(float), 10, increasing=True)
    rows = [[Fraction(int(value)) ** power for power in range(10)] for value in t]
    gram = [[sum(row[i] * row[j] for row in rows) for j in range(10)] for i in range(10)]
    exact = [float(sum(a * b for a, b in zip(row, solve(gram, row), strict=True))) for row in rows]
    pool = make_pool(X)
    assert len(pool.factors) == 2
    np.testing.assert_allclose(pool.leverage, exact, rtol=0, atol=1e-9)
    assert pool.error < 1e-13


def solve(matrix, right):
    """Gauss elimination in whatever arithmetic the numbers have."""
    table = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(table)):
        table[i] = [value / table[i][i] for value in table[i]]
        for j in range(len(table)):
            if j != i:
                table[j] = [a - table[j][i] * b for a, b in zip(table[j], table[i], strict=True)]
    return [row[-1] for row in table]


def test_scores_depend_on_the_column_space_alone(rng):
    X = rng.normal(size=(200, 6)) * rng.gamma(0.5, size=(200, 1))
    expected = by_qr(X)
    np.testing.assert_allclose(leverage_scores(X @ rng.normal(size=(6, 6))), expected, rtol=0, atol=1e-12)
    scales = 10.0 ** np.array([-300, -160, 0, 100, 160, 300])
    np.testing.assert_allclose(leverage_scores(X * scales), expected, rtol=0, atol=ATOL)
    order = rng.permutation(200)
    np.testing.assert_allclose(leverage_scores(X[order]), expected[order], rtol=0, atol=ATOL)


def test_a_weight_stands_for_that_many_copies(rng):
    X, weights = rng.normal(size=(30, 4)), rng.integers(0, 4, size=30)
    copies = np.bincount(np.repeat(np.arange(30), weights), by_qr(np.repeat(X, weights, axis=0)), minlength=30)
    np.testing.assert_allclose(leverage_scores(X, weights), copies, rtol=0, atol=ATOL)
    np.testing.assert_allclose(leverage_scores(X, 1e-200 * weights), copies, rtol=0, atol=ATOL)
    pool = make_pool(X, weights)
    np.testing.assert_allclose(pool.mass, weights / weights.sum(), rtol=1e-14)
    X[weights == 0] = 1e200  # rows that nobody weighs may be anything
    np.testing.assert_allclose(leverage_scores(X, weights), copies, rtol=0, atol=ATOL)


def test_coordinates_are_orthonormal_and_span_the_columns(rng):
    X, weights = rng.normal(size=(100, 5)), rng.random(100)
    pool = make_pool(X, weights)
    Q, target = pool.coordinates(slice(None)), np.sqrt(weights)[:, None] * X
    np.testing.assert_allclose(Q.T @ Q, np.eye(5), rtol=0, atol=ATOL)
    np.testing.assert_allclose(Q @ (Q.T @ target), target, rtol=0, atol=ATOL)
    np.testing.assert_allclose(pool.coordinates(np.array([7, 3, 3])), Q[[7, 3, 3]], rtol=0, atol=ATOL)
    assert pool.error < ATOL


def test_a_column_space_of_fewer_dimensions(rng):
    base = rng.normal(size=(60, 4))
    base[:3] = 0.0
    X = np.column_stack([base, base @ rng.normal(size=(4, 3)), np.zeros(60)])
    with pytest.warns(RankDeficientWarning, match="X has rank 4, below its 8 columns.*m=4") as caught:
        pool = make_pool(X)
    assert len(caught) == 1
    assert pool.rank == 4
    np.testing.assert_allclose(pool.leverage, by_qr(base), rtol=0, atol=1e-12)
    assert not pool.leverage[:3].any()


def test_more_columns_than_rows(rng):
    with pytest.warns(RankDeficientWarning, match="rank 4"):
        np.testing.assert_allclose(leverage_scores(rng.normal(size=(4, 9))), np.ones(4), rtol=0, atol=ATOL)


def test_a_row_that_alone_determines_a_direction_has_score_one(rng):
    X = np.column_stack([rng.normal(size=(50, 3)), np.zeros(50)])
    X[17, 3] = 1e-3
    assert leverage_scores(X)[17] == pytest.approx(1.0, abs=ATOL)


def test_batches_do_not_change_the_scores(rng, monkeypatch):
    X = rng.normal(size=(137, 4)) * rng.gamma(0.5, size=(137, 1))
    ill = conditioned(rng, 137, 4, 1e8)[0]
    weights = rng.random(137)
    expected = leverage_scores(X, weights), leverage_scores(ill, weights)
    monkeypatch.setattr(_leverage, "BATCH_ENTRIES", 40)
    np.testing.assert_allclose(leverage_scores(X, weights), expected[0], rtol=0, atol=ATOL)
    np.testing.assert_allclose(leverage_scores(csr_array(X), weights), expected[0], rtol=0, atol=ATOL)
    np.testing.assert_allclose(leverage_scores(ill, weights), expected[1], rtol=0, atol=1e-7)


@pytest.mark.parametrize("convert", [csr_array, csr_matrix, csc_array, np.asfortranarray, np.ndarray.tolist])
def test_every_container_has_the_same_scores(rng, convert):
    X = rng.normal(size=(80, 5)) * (rng.random((80, 5)) < 0.3)
    weights = rng.random(80)
    np.testing.assert_allclose(leverage_scores(convert(X)), leverage_scores(X), rtol=0, atol=ATOL)
    np.testing.assert_allclose(leverage_scores(convert(X), weights), leverage_scores(X, weights), rtol=0, atol=ATOL)


def test_sparse_columns_near_dependence(rng):
    X = conditioned(rng, 80, 5, 1e8)[0]
    assert len(make_pool(csr_array(X)).factors) == 2
    np.testing.assert_allclose(leverage_scores(csr_array(X)), leverage_scores(X), rtol=0, atol=1e-7)


def test_single_precision_is_read_in_double_precision(rng):
    X = rng.normal(size=(80, 5)).astype(np.float32)
    np.testing.assert_array_equal(leverage_scores(X), leverage_scores(X.astype(np.float64)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_memory_maps_are_not_copied(rng, tmp_path, dtype):
    X = np.memmap(tmp_path / "pool", dtype=dtype, mode="w+", shape=(100_000, 20))
    X[:] = rng.normal(size=X.shape)
    leverage_scores(X[:100])
    tracemalloc.start()
    scores = leverage_scores(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * X.size / 2  # half of X in double precision
    np.testing.assert_allclose(scores.sum(), 20.0, rtol=1e-12)


def test_positions_of_no_mass_are_never_located():
    class FixedUniforms:
        def random(self, n):
            return np.array([0.0, 0.5, np.nextafter(1.0, 0.0)])[:n]

    masses = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    np.testing.assert_array_equal(locate(np.cumsum(masses), 3, FixedUniforms()), [2, 4, 4])
    np.testing.assert_array_equal(locate(np.cumsum(masses) / 3.0, 3, FixedUniforms()), [2, 4, 4])


@pytest.mark.parametrize(
    ("X", "weights", "message"),
    [
        ([[1.0], [np.nan]], None, "X contains NaN"),
        ([[1.0], [np.inf]], None, "X contains infinity"),
        ([[0.0], [0.0]], None, "rows of X that have a positive weight are zero"),
        ([[0.0], [1.0]], [1.0, 0.0], "rows of X that have a positive weight are zero"),
        ([[1.0], [1.0]], [1.0, -1.0], "Negative values"),
        ([[1.0], [1.0]], [0.0, 0.0], "weights"),
        ([[1.0], [1.0]], [1.0], "sample_weight.shape"),
        ([1.0, 2.0], None, "Expected 2D array"),
    ],
)
def test_bad_input(X, weights, message):
    with pytest.raises(ValueError, match=message):
        leverage_scores(X, weights)
