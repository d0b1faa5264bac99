"""Signed rows: products that never form Z, weights, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from statlearn.linear._signed_rows import SignedRows

from .signed_problems import overlapping_table, signed_matrix

kinds = pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, sparse.csr_array, sparse.csc_array])
SUMS = 1e-13  # two orders of summation of some hundred terms


@kinds
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("scaling", [0.0, 3.0])
def test_products(rng, kind, dtype, scaling):
    X, signs = overlapping_table(rng, 203, 7)
    rows = SignedRows.of(kind((3 * X).astype(dtype)), signs, intercept_scaling=scaling)
    Z = signed_matrix(rows)
    theta, q = rng.standard_normal(rows.n_features_lifted), rng.dirichlet(np.ones(203))
    assert rows.X.dtype == (np.float32 if dtype == np.float32 else np.float64)
    assert rows.n_features_lifted == 7 + bool(scaling)
    assert_allclose(rows.margins(theta), Z @ theta, rtol=SUMS, atol=SUMS)
    assert_allclose(rows.combination(q), q @ Z, rtol=SUMS, atol=SUMS)
    assert_allclose(rows.gram(), Z @ Z.T, rtol=SUMS, atol=SUMS)
    assert rows.radius == pytest.approx(np.linalg.norm(Z, axis=1).max(), rel=1e-12)
    assert np.all(rows.norms >= np.linalg.norm(Z, axis=1))


def test_a_table_is_not_copied_without_need(rng):
    X, signs = overlapping_table(rng, 20, 3)
    assert SignedRows.of(X, signs).X is X
    table = sparse.csr_array(X)
    assert SignedRows.of(table, signs).X.data is table.data


def test_duplicate_entries_of_a_sparse_table_are_summed_in_a_copy():
    table = sparse.csr_array((np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    rows = SignedRows.of(table, np.ones(2))
    assert_allclose(rows.norms, [3.0, 4.0], rtol=1e-12)
    assert_array_equal(rows.margins(np.array([0.0, 1.0])), [3.0, 0.0])
    assert table.nnz == 3


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_rows_of_weight_zero_are_left_out(rng, kind):
    X, signs = overlapping_table(rng, 30, 3)
    weights = np.where(np.arange(30) % 3 == 0, 0.0, np.arange(30) + 1.0)
    rows = SignedRows.of(kind(X), signs, weights, intercept_scaling=1.0)
    kept = np.flatnonzero(weights)
    assert_array_equal(rows.kept, kept)
    assert_array_equal(signed_matrix(rows)[:, :3], signs[kept, None] * X[kept])
    assert_allclose(rows.weights, weights[kept] / weights.sum(), rtol=1e-14)


def test_weights_of_any_size_are_normalized():
    rows = SignedRows.of(np.eye(3), np.ones(3), np.array([1e308, 1e308, 1e308]))
    assert_allclose(rows.weights, 1 / 3, rtol=1e-15)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_some_of_the_rows(rng, kind):
    X, signs = overlapping_table(rng, 30, 3)
    rows = SignedRows.of(kind(X), signs, intercept_scaling=1.0)
    part = rows.at(np.array([4, 17]))
    assert_array_equal(signed_matrix(part), signed_matrix(rows)[[4, 17]])
    assert_array_equal(part.kept, [4, 17])


def test_rows_of_zeros_are_allowed():
    assert SignedRows.of(np.zeros((2, 3)), np.ones(2)).radius < 1e-100


@pytest.mark.parametrize(
    ("X", "signs", "weights", "message"),
    [
        (np.eye(2), [1.0, 0.0], None, "signs must be"),
        (np.eye(2), [1.0, -1.0], [1.0, -1.0], "sample_weight must be finite and not negative"),
        (np.eye(2), [1.0, -1.0], [1.0, np.nan], "sample_weight must be finite"),
        (np.eye(2), [1.0, -1.0], [0.0, 0.0], "at least one positive entry"),
        (1e80 * np.eye(2), [1.0, -1.0], None, "X has rows whose norm is 1e.80"),
        (1e-80 * np.eye(2), [1.0, -1.0], None, "Divide X by"),
    ],
)
def test_what_is_refused(X, signs, weights, message):
    with pytest.raises(ValueError, match=message):
        SignedRows.of(X, signs, weights)
