"""Whitening as a map: unit covariance, null directions, shrinkage, invariances."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.covariance import ledoit_wolf

from statlearn.halfspace._whitening import Whitening, take_rows


def whitening_of(X, weights=None, **options):
    n = X.shape[0]
    return Whitening.of_rows(X, np.ones(n) if weights is None else weights, np.arange(n), **options)


def make_table(rng, n, n_features):
    return rng.standard_normal((n, n_features)) @ rng.standard_normal((n_features, n_features)) + 3.0


@pytest.mark.parametrize("center", [True, False])
def test_rows_get_unit_covariance(rng, center):
    X, weights = make_table(rng, 400, 6), rng.uniform(0.5, 2.0, 400)
    whitening = whitening_of(X, weights, center=center)
    Z = whitening.apply(X)
    assert whitening.rank == 6 and whitening.dropped == 0 and whitening.shrinkage == 0.0
    np.testing.assert_allclose((weights[:, None] * Z).T @ Z / weights.sum(), np.eye(6), atol=1e-10)
    if center:
        np.testing.assert_allclose(weights @ Z / weights.sum(), 0.0, atol=1e-12)
    else:
        np.testing.assert_array_equal(whitening.mean, 0.0)


def test_listed_rows_alone_count(rng):
    X, rows = make_table(rng, 500, 3), rng.permutation(500)[:200]
    ours, expected = Whitening.of_rows(X, np.ones(500), rows), whitening_of(X[rows])
    np.testing.assert_allclose(ours.apply(X), expected.apply(X), rtol=1e-9)


def test_fold_and_transposed_are_the_map_and_its_adjoint(rng):
    X = make_table(rng, 100, 4)
    whitening = whitening_of(X)
    Z, w, factors = whitening.apply(X), rng.standard_normal((whitening.rank, 2)), rng.standard_normal(100)
    coefficients, intercept = whitening.fold(w)
    np.testing.assert_allclose(X @ coefficients + intercept, Z @ w, atol=1e-12)
    np.testing.assert_allclose(whitening.transposed(X.T @ factors, factors.sum()), Z.T @ factors, atol=1e-10)


def test_null_directions_are_dropped(rng):
    """A constant column, a duplicate, and a sum of others, in units from micro to mega."""
    X = rng.standard_normal((300, 7)) + 1e6
    X[:, 1] = 17.3e8
    X[:, 3] = X[:, 2]
    X[:, 5] = X[:, 4] + X[:, 6]
    X *= 10.0 ** np.array([-6, 0, 6, -3, 0, 0, 0])
    whitening = whitening_of(X)
    assert whitening.rank == 4 and whitening.dropped == 3
    np.testing.assert_array_equal(whitening.constant, np.arange(7) == 1)
    np.testing.assert_array_equal(whitening.transform[1], 0.0)
    Z = whitening.apply(X)
    np.testing.assert_allclose(Z.T @ Z / 300, np.eye(4), atol=1e-6)


def test_all_columns_constant():
    whitening = whitening_of(np.full((50, 3), 7.7))
    assert whitening.rank == 0 and whitening.constant.all()
    assert whitening.apply(np.ones((2, 3))).shape == (2, 0)


@pytest.mark.parametrize("n", [15, 60])
def test_shrinkage_is_that_of_scikit_learn(rng, n):
    """Ledoit and Wolf on columns of unit scale, wherever there are fewer than 20 rows per column."""
    X = make_table(rng, n, 8)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    expected, shrinkage = ledoit_wolf(scaled, assume_centered=True)
    whitening = whitening_of(X)
    assert whitening.shrinkage == pytest.approx(shrinkage, rel=1e-10) and 0 < shrinkage < 1
    Z = whitening.apply(X)
    lengths = np.einsum("ij,ij->i", scaled @ np.linalg.inv(expected), scaled)
    np.testing.assert_allclose((Z**2).sum(axis=1), lengths, rtol=1e-8)


def test_more_columns_than_rows(rng):
    X = rng.standard_normal((10, 30))
    whitening = whitening_of(X)
    assert whitening.rank == 30 and 0.0 < whitening.shrinkage <= 1.0
    assert np.isfinite(whitening.apply(X)).all()


@pytest.mark.parametrize("n", [20, 300])
def test_weights_are_repetitions(rng, n):
    X, counts = make_table(rng, n, 4), rng.integers(1, 5, n)
    repeated, weighted = whitening_of(np.repeat(X, counts, axis=0)), whitening_of(X, counts.astype(float))
    assert weighted.shrinkage == pytest.approx(repeated.shrinkage, rel=1e-9)
    np.testing.assert_allclose((weighted.apply(X) ** 2).sum(axis=1), (repeated.apply(X) ** 2).sum(axis=1), rtol=1e-8)


def test_small_weights_do_not_shrink(rng):
    """Weights that sum to 1 must not look like one row."""
    X = make_table(rng, 300, 4)
    assert whitening_of(X, np.full(300, 1 / 300)).shrinkage == 0.0


def test_affine_maps_rotate_the_whitened_rows(rng):
    X = make_table(rng, 300, 5)
    moved = X @ rng.standard_normal((5, 5)) - 7.0
    Z, Z_moved = whitening_of(X).apply(X), whitening_of(moved).apply(moved)
    np.testing.assert_allclose(Z @ Z.T, Z_moved @ Z_moved.T, atol=1e-8)


def test_units_do_not_matter(rng):
    """Also with few rows, where the covariance is shrunk."""
    X, units = make_table(rng, 30, 4), 10.0 ** np.array([-8, -3, 0, 9])
    np.testing.assert_allclose(whitening_of(X * units).apply(X * units) ** 2, whitening_of(X).apply(X) ** 2, atol=1e-9)


def test_sparse_and_float32(rng, monkeypatch):
    X = make_table(rng, 200, 4) * (rng.random((200, 4)) < 0.5)
    monkeypatch.setattr("statlearn.halfspace._whitening.ENTRIES_AT_ONCE", 100)
    expected = whitening_of(X)
    for table, tolerance in ((sparse.csr_array(X), 1e-9), (X.astype(np.float32), 1e-4)):
        whitening = whitening_of(table)
        assert whitening.transform.dtype == np.float64
        np.testing.assert_allclose(np.abs(whitening.apply(X)), np.abs(expected.apply(X)), atol=tolerance)


def test_identity():
    whitening, X = Whitening.identity(3), np.arange(6.0).reshape(2, 3)
    assert whitening.rank == 3 and whitening.dropped == 0 and whitening.apply(X) is X
    w = np.array([0.0, 1.0, 0.0])
    assert whitening.fold(w)[0] is w and whitening.fold(w)[1] == 0.0
    assert whitening.transposed(w, 5.0) is w


@pytest.mark.parametrize("rows", [[2, 3, 4], [4, 3, 2], [0, 2, 1, 3], [2, 2, 3], [3]])
def test_take_rows(rows):
    X = np.arange(10.0).reshape(5, 2)
    np.testing.assert_array_equal(take_rows(X, np.array(rows)), X[rows])
