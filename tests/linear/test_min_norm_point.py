"""The point of least norm against conic programming, non-negative least squares and support vector machines."""

import cvxpy as cp
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import nnls
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from statlearn.linear import _min_norm_point
from statlearn.linear._min_norm_point import min_norm_point, nearest_in_hull
from statlearn.linear._row_blocks import lifted_rows
from statlearn.linear._signed_rows import SignedRows


def digits_pair(positive, negative):
    X, y = load_digits(return_X_y=True)
    chosen = (y == positive) | (y == negative)
    return SignedRows.of(X[chosen] / 16.0, np.where(y[chosen] == positive, 1.0, -1.0), intercept_scaling=1.0)


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return SignedRows.of(StandardScaler().fit_transform(X), np.where(y == 1, 1.0, -1.0), intercept_scaling=1.0)


def separable(seed, n, d, gap=0.05, scaling=1.0):
    rng = np.random.default_rng(seed)
    X, coef = rng.normal(size=(n, d)), rng.normal(size=d) / np.sqrt(d)
    signs = np.where(X @ coef > 0.0, 1.0, -1.0)
    return SignedRows.of(X + gap * np.outer(signs, coef), signs, intercept_scaling=scaling)


def assert_optimal(found, rows, tol=1e-8):
    """Both ends of the interval by other arithmetic than that of the proofs, and their agreement."""
    Z = lifted_rows(rows, np.arange(rows.n_rows))
    assert found.converged
    assert found.weights.min() >= 0.0 and found.weights.sum() == pytest.approx(1.0, rel=1e-14)
    assert np.linalg.norm(found.direction) == pytest.approx(1.0, rel=1e-14)
    assert np.min(Z @ found.direction) == pytest.approx(found.lower, rel=tol)
    assert np.linalg.norm(Z.T @ found.weights) == pytest.approx(found.upper, rel=tol)
    assert 0.0 < found.lower <= found.upper <= found.lower * (1.0 + tol)
    assert np.count_nonzero(found.weights) <= rows.n_features_lifted


def margin_by_cone_program(rows):
    """Least norm in the hull by an interior-point method, and the margin of the direction that it leads to."""
    Z = lifted_rows(rows, np.arange(rows.n_rows))
    weights = cp.Variable(rows.n_rows, nonneg=True)
    problem = cp.Problem(cp.Minimize(cp.norm(Z.T @ weights)), [cp.sum(weights) == 1])
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-9, tol_feas=1e-10)
    return problem.value


@pytest.mark.parametrize("pair, margin, radius", [
    ((0, 1), 0.591676, 4.9089), ((3, 8), 0.207727, 4.7087), ((1, 8), 0.110538, 4.9089)
])  # fmt: skip
def test_published_margins_of_digits(pair, margin, radius):
    rows = digits_pair(*pair)
    found = min_norm_point(rows)
    assert_optimal(found, rows)
    assert found.lower == pytest.approx(margin, abs=5e-7)
    assert rows.radius == pytest.approx(radius, abs=5e-5)


def test_breast_cancer_is_separable_with_a_tiny_margin():
    rows = breast_cancer()
    found = min_norm_point(rows)
    assert_optimal(found, rows)
    assert found.lower == pytest.approx(0.0013925, abs=5e-8)


@pytest.mark.parametrize("make", [lambda: digits_pair(4, 9), breast_cancer, lambda: separable(0, 300, 8)])
def test_cone_program_agrees(make):
    rows = make()
    assert min_norm_point(rows).upper == pytest.approx(margin_by_cone_program(rows), rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_non_negative_least_squares_agrees(seed):
    rows = separable(seed, 60, 5, scaling=float(seed % 2))
    Z = lifted_rows(rows, np.arange(60))
    weights = nnls(np.vstack([Z.T, np.ones(60)]), np.append(np.zeros(Z.shape[1]), 1.0))[0]
    found = min_norm_point(rows)
    assert_optimal(found, rows)
    assert np.allclose(found.weights, weights / weights.sum(), atol=1e-10)


def test_support_vector_machine_agrees_where_the_intercept_is_free():
    # a constant column so large that its coefficient has no share in the norm
    X, signs = separable(1, 200, 4).X, separable(1, 200, 4).signs
    machine = SVC(kernel="linear", C=1e10, tol=1e-10).fit(X, signs)
    free = 1.0 / np.linalg.norm(machine.coef_)
    found = min_norm_point(SignedRows.of(X, signs, intercept_scaling=1e4))
    assert found.lower == pytest.approx(free, rel=1e-5)


def test_many_rows_are_visited_in_rounds(monkeypatch):
    rows = separable(2, 3000, 12)
    at_once = min_norm_point(rows, tol=1e-11)
    monkeypatch.setattr(_min_norm_point, "WORKING_ROWS", 40)
    for start in (None, at_once.direction, -at_once.direction):
        in_rounds = min_norm_point(rows, start=start, tol=1e-11)
        assert_optimal(in_rounds, rows)
        assert np.allclose(in_rounds.weights, at_once.weights, atol=1e-9)
    warm = min_norm_point(rows, start=at_once.direction, weights=at_once.weights)
    assert_optimal(warm, rows)


@pytest.mark.slow
def test_a_hundred_thousand_rows():
    rows = separable(3, 100_000, 50)
    assert_optimal(min_norm_point(rows), rows)


@pytest.mark.parametrize("form", [sparse.csr_array, lambda X: X.astype(np.float32)])
def test_other_tables(form):
    rows = separable(4, 100, 6)
    table = form(rows.X)
    rows = SignedRows.of(table, rows.signs, intercept_scaling=0.5)
    assert_optimal(min_norm_point(rows), rows)


def test_more_features_than_rows():
    rows = separable(5, 30, 200, scaling=0.0)
    found = min_norm_point(rows)
    Z = lifted_rows(rows, np.arange(30))
    assert_optimal(found, rows)
    assert np.allclose(found.direction, Z.T @ found.weights / found.upper, atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_hulls_that_contain_the_origin(seed):
    rng = np.random.default_rng(seed)
    rows = SignedRows.of(rng.normal(size=(80, 3)), np.where(rng.random(80) < 0.5, 1.0, -1.0), intercept_scaling=1.0)
    found = min_norm_point(rows)
    assert found.converged and found.direction is None
    assert np.linalg.norm(rows.combination(found.weights)) < 1e-14 * rows.radius
    assert 0.0 <= found.upper < 1e-12 * rows.radius
    assert found.lower == -rows.radius


def test_one_row_and_equal_rows():
    for n_rows in (1, 4):
        found = min_norm_point(SignedRows.of(np.array([[3.0, 4.0]] * n_rows), np.ones(n_rows)))
        assert found.lower == pytest.approx(5.0, rel=1e-14) and found.upper == pytest.approx(5.0, rel=1e-14)


def test_rows_of_zeros():
    found = min_norm_point(SignedRows.of(np.zeros((3, 2)), np.array([1.0, -1.0, 1.0])))
    assert found.direction is None and found.upper < 1e-100


def same(X, signs):
    return X, signs, 1.0


@pytest.mark.parametrize(
    "change, equivalent",
    [
        (lambda X, signs: (np.column_stack([X, np.zeros(50)]), signs, 1.0), same),
        (lambda X, signs: (np.vstack([X, X]), np.tile(signs, 2), 1.0), same),
        (
            lambda X, signs: (np.column_stack([X, X[:, 0]]), signs, 1.0),
            lambda X, signs: (X * [2.0**0.5, 1.0, 1.0, 1.0], signs, 1.0),
        ),
        (
            lambda X, signs: (np.column_stack([X, np.full(50, 2.0)]), signs, 1.0),
            lambda X, signs: (X, signs, 5.0**0.5),
        ),
    ],
    ids=["zero feature", "repeated rows", "repeated feature", "constant feature"],
)
def test_tables_of_deficient_rank(change, equivalent):
    rows = separable(6, 50, 4)
    found = []
    for make in (change, equivalent):
        X, signs, scaling = make(rows.X, rows.signs)
        made = SignedRows.of(X, signs, intercept_scaling=scaling)
        found.append(min_norm_point(made))
        assert_optimal(found[-1], made)
    assert found[0].upper == pytest.approx(found[1].upper, rel=1e-10)


def test_rotation_permutation_and_scaling():
    rows = separable(7, 120, 5, scaling=0.0)
    rng = np.random.default_rng(0)
    rotation, order = np.linalg.qr(rng.normal(size=(5, 5)))[0], rng.permutation(120)
    plain = min_norm_point(rows)
    turned = min_norm_point(SignedRows.of(rows.X @ rotation, rows.signs))
    assert turned.upper == pytest.approx(plain.upper, rel=1e-10)
    assert np.allclose(turned.direction, plain.direction @ rotation, atol=1e-9)
    permuted = min_norm_point(SignedRows.of(rows.X[order], rows.signs[order]))
    assert np.allclose(permuted.weights, plain.weights[order], atol=1e-10)
    scaled = min_norm_point(SignedRows.of(1e-6 * rows.X, rows.signs))
    assert scaled.upper == pytest.approx(1e-6 * plain.upper, rel=1e-10)
    flipped = min_norm_point(SignedRows.of(rows.X, -rows.signs))
    assert np.allclose(flipped.direction, -plain.direction, atol=1e-9)


def test_too_few_steps_still_give_bounds_that_hold():
    rows = separable(8, 200, 10)
    found = min_norm_point(rows, max_iter=3)
    assert not found.converged and found.n_iter == 3
    best = min_norm_point(rows)
    assert found.lower <= best.upper and found.upper >= best.lower
    assert found.lower == pytest.approx(rows.margins(found.direction).min(), rel=1e-10)


def test_nearest_in_hull_of_a_triangle():
    found = nearest_in_hull(np.array([[1.0, 1.0], [1.0, -1.0], [3.0, 0.0]]))
    assert np.allclose(found.point, [1.0, 0.0], atol=1e-15)
    assert found.support.tolist() == [0, 1] and np.allclose(found.weights, 0.5)
