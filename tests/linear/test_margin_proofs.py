"""Proved bounds against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from statlearn.linear._margin_proofs import combined, proved_lower, proved_upper, row_norms
from statlearn.linear._overlap_proof import proved_overlap
from statlearn.linear._row_blocks import lifted_rows
from statlearn.linear._signed_rows import SignedRows


def exact_rows(rows):
    X = rows.X.toarray() if sparse.issparse(rows.X) else rows.X
    lifted = [[*map(Fraction, map(float, row)), *([Fraction(rows.intercept_scaling)] * bool(rows.intercept_scaling))]
              for row in X]  # fmt: skip
    return [[int(sign) * entry for entry in row] for sign, row in zip(rows.signs, lifted, strict=True)]


def dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def exact_combination(Z, weights):
    return [dot(weights, column) for column in zip(*Z, strict=True)]


def not_above(bound, square, sign=1):
    """Whether bound <= sign * sqrt(square), in rational numbers."""
    bound = Fraction(bound)
    if sign > 0:
        return bound <= 0 or bound**2 <= square
    return bound <= 0 and bound**2 >= square


def random_rows(seed, *, n=6, d=3, scaling=1.0, spread=0.0, form=np.asarray, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-spread, spread, size=(n, d))).astype(dtype)
    return SignedRows.of(form(X), np.where(rng.random(n) < 0.5, 1.0, -1.0), intercept_scaling=scaling)


FORMS = [
    {},
    {"scaling": 0.0},
    {"scaling": 0.3, "form": sparse.csr_array},
    {"form": sparse.csr_matrix, "dtype": np.float32},
    {"dtype": np.float32, "spread": 5.0},
    {"spread": 12.0},
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(10))
def test_lower_bound_is_below_the_exact_margin_and_close(form, seed):
    rows = random_rows(seed, **form)
    theta = np.random.default_rng(seed + 100).normal(size=rows.n_features_lifted) * 10.0 ** (seed - 5)
    exact = [Fraction(entry) for entry in theta.tolist()]
    least = min(dot(row, exact) for row in exact_rows(rows))
    bound = proved_lower(rows, theta)
    assert not_above(bound, least**2 / dot(exact, exact), 1 if least > 0 else -1)
    assert bound == pytest.approx(float(least) / float(dot(exact, exact)) ** 0.5, abs=1e-13 * rows.radius)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(10))
def test_upper_bound_is_above_the_exact_norm_and_close(form, seed):
    rows = random_rows(seed, **form)
    weights = np.random.default_rng(seed + 200).random(6) * (np.arange(6) != seed % 6)
    exact = [Fraction(entry) for entry in weights.tolist()]
    square = dot(*[exact_combination(exact_rows(rows), exact)] * 2) / sum(exact) ** 2
    bound = proved_upper(rows, weights)
    assert Fraction(bound) ** 2 >= square
    assert bound == pytest.approx(float(square) ** 0.5, abs=1e-13 * rows.radius)


def test_a_margin_of_zero_is_not_positive():
    X, theta = np.array([[1.0 + 2.0**-52, -1.0], [3.0, 1.0]]), np.array([1.0, 1.0 + 2.0**-52])
    rows = SignedRows.of(X, np.ones(2))
    assert rows.margins(theta).min() >= 0.0
    assert proved_lower(rows, theta) < 0.0


@pytest.mark.parametrize("theta", [np.zeros(4), np.full(4, np.inf), np.full(4, np.nan), np.full(4, 1e300)])
def test_directions_that_prove_nothing(theta):
    with np.errstate(over="ignore"):
        assert proved_lower(random_rows(0), theta) == -np.inf


def test_row_norms_are_rounded_up():
    for seed in range(5):
        rows = random_rows(seed, spread=4.0, scaling=0.7)
        for norm, row in zip(row_norms(rows), exact_rows(rows), strict=True):
            assert Fraction(float(norm)) ** 2 >= dot(row, row)
    assert np.all(row_norms(SignedRows.of(np.array([[1.0], [3e-170]]), np.ones(2))) >= [1.0, 3e-170])


def test_passes_agree_with_dense_algebra(monkeypatch):
    monkeypatch.setattr("statlearn.linear._row_blocks.BLOCK_ENTRIES", 7)  # blocks of two rows
    for form in FORMS[:4]:
        rows = random_rows(3, n=9, **form)
        Z = lifted_rows(rows, np.arange(9))
        theta, weights = np.arange(1.0, 1.0 + rows.n_features_lifted), np.arange(9.0)
        assert np.array_equal(Z, np.array(exact_rows(rows), dtype=float))
        assert np.allclose(rows.margins(theta), Z @ theta, rtol=1e-13)
        assert np.allclose(rows.combination(weights), Z.T @ weights, rtol=1e-13, atol=1e-13)


def exact_solution(matrix, vector):
    """Solve a small system in rational numbers."""
    system = [[*row, value] for row, value in zip(matrix, vector, strict=True)]
    for column in range(len(system)):
        pivot = next(row for row in range(column, len(system)) if system[row][column] != 0)
        system[column], system[pivot] = system[pivot], system[column]
        system[column] = [entry / system[column][column] for entry in system[column]]
        for row in range(len(system)):
            if row != column:
                factor = system[row][column]
                system[row] = [a - factor * b for a, b in zip(system[row], system[column], strict=True)]
    return [row[-1] for row in system]


def assert_exact_overlap(rows, overlap, columns):
    """The promised change of the weights, in rational numbers: positive weights whose combination is exactly zero."""
    support = np.flatnonzero(overlap.weights > 0.0)
    Z = [[row[column] for column in columns] for row in exact_rows(rows)]
    Z, weights = [Z[place] for place in support], [Fraction(entry) for entry in overlap.weights[support].tolist()]
    second = [
        [sum(q * row[a] * row[b] for q, row in zip(weights, Z, strict=True)) for a in range(len(columns))]
        for b in range(len(columns))
    ]
    solution = exact_solution(second, exact_combination(Z, weights))
    changes = [dot(row, solution) for row in Z]
    assert max(map(abs, changes)) <= overlap.ratio < 1
    changed = [q * (1 - change) for q, change in zip(weights, changes, strict=True)]
    assert all(weight > 0 for weight in changed)
    assert not any(exact_combination(Z, changed))


def overlapping_rows(seed, **form):
    """Rows around the origin on all sides."""
    rows = random_rows(seed, n=12, **form)
    X = rows.X.toarray() if sparse.issparse(rows.X) else rows.X
    make = sparse.csr_array if sparse.issparse(rows.X) else np.asarray
    return SignedRows.of(
        make(np.vstack([X, X * X.dtype.type(0.9)])),
        np.concatenate([rows.signs, -rows.signs]),
        intercept_scaling=rows.intercept_scaling,
    )


@pytest.mark.parametrize("form", FORMS[:4])
@pytest.mark.parametrize("seed", range(5))
def test_overlap_is_proved_and_exact(form, seed):
    rows = overlapping_rows(seed, **form)
    overlap = proved_overlap(rows, np.full(24, 1.0))  # the weights are good to 5 % only; they are refined if need be
    assert overlap is not None and overlap.spans
    assert_exact_overlap(rows, overlap, range(rows.n_features_lifted))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=2, max_size=7),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 1.0]),
)
def test_overlap_is_never_claimed_of_separable_rows(points, seed, scaling):
    rng = np.random.default_rng(seed)
    X, coef = np.array(points, dtype=float), rng.integers(-3, 4, size=2 + bool(scaling)).astype(float)
    values = X @ coef[:2] + (coef[2] if scaling else 0.0)
    kept = values != 0.0
    if not kept.any():
        return
    rows = SignedRows.of(X[kept], np.sign(values[kept]), intercept_scaling=scaling)
    assert proved_overlap(rows, rng.random(kept.sum())) is None
    assert not combined(rows, rng.random(kept.sum()) + 1e-3).vanishes


def test_overlap_within_some_columns_does_not_span():
    # the second feature is not zero in one row only, which carries no weight
    X, signs = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0], [0.5, 1.0]]), np.array([1.0, -1, 1, -1, 1])
    rows = SignedRows.of(X, signs, intercept_scaling=1.0)
    overlap = proved_overlap(rows, np.array([1.0, 3.0, 3.0, 1.0, 0.0]))
    assert overlap is not None and not overlap.spans
    assert_exact_overlap(rows, overlap, [0, 2])
    everywhere = proved_overlap(SignedRows.of(X[:4], signs[:4], intercept_scaling=1.0), np.array([1.0, 3.0, 3.0, 1.0]))
    assert everywhere.spans  # a feature that is zero throughout has no say


def one_hot_rows(form=np.asarray, scale=1.0):
    rng = np.random.default_rng(0)
    X = np.hstack([np.eye(3)[rng.integers(0, 3, 60)], np.eye(2)[rng.integers(0, 2, 60)], rng.normal(size=(60, 1))])
    X = np.vstack([X, X])
    X[60:, -1] += 0.1 * rng.normal(size=60)
    return SignedRows.of(form(X * scale), np.repeat([1.0, -1.0], 60), intercept_scaling=1.0)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_indicators_of_all_levels_beside_an_intercept(form):
    rows = one_hot_rows(form)
    overlap = proved_overlap(rows, np.ones(120))
    assert overlap is not None and overlap.spans
    assert_exact_overlap(rows, overlap, [0, 1, 3, 5, 6])  # and so do the sums that the other two are


def test_dependent_features_without_whole_numbers_are_not_proved():
    rows = one_hot_rows(scale=0.3)  # three times the stored 0.3 is not the sum of three
    assert proved_overlap(rows, np.ones(120)) is None
    assert combined(SignedRows.of(rows.X[[0, 0]], np.array([1.0, -1.0])), np.ones(2)).vanishes


def test_relations_that_fail_in_a_row_without_weight_do_not_span():
    rows = one_hot_rows()
    X = np.vstack([rows.X, np.append(np.zeros(5), 1.0)])  # no level at all
    overlap = proved_overlap(
        SignedRows.of(X, np.append(rows.signs, 1.0), intercept_scaling=1.0), np.append(np.ones(120), 0.0)
    )
    assert overlap is not None and not overlap.spans


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_overlap_does_not_depend_on_the_scale_of_a_feature(scale):
    rows = overlapping_rows(0)
    scales = np.array([1.0, scale, 1.0])
    scaled = SignedRows.of(rows.X * 2.0 ** np.round(np.log2(scales)), rows.signs, intercept_scaling=1.0)
    first, second = proved_overlap(rows, np.ones(24)), proved_overlap(scaled, np.ones(24))
    assert second.ratio == first.ratio
    assert np.array_equal(first.weights, second.weights)
