"""Risk, gradient and errors on the sphere: finite differences, a hand example, exact symmetries, all table types."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.halfspace._sphere_gradient import LabeledRows, disagreement
from statlearn.halfspace._surrogates import RAMP, SIGMOID
from statlearn.halfspace._whitening import Whitening

both = pytest.mark.parametrize("surrogate", [RAMP, SIGMOID], ids=lambda surrogate: surrogate.name)


def unit(v):
    return v / np.linalg.norm(v)


def make_rows(rng, n, n_features, *, whiten=False, weighted=False):
    X = rng.standard_normal((n, n_features)) @ rng.standard_normal((n_features, n_features)) + 0.5 * whiten
    signs = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    weights = rng.uniform(0.1, 3.0, n) if weighted else np.ones(n)
    rows = np.arange(n)
    whitening = Whitening.of_rows(X, weights, rows) if whiten else Whitening.identity(n_features)
    return LabeledRows(X, signs, weights, whitening, rows)


def plain_rows(X, signs):
    n, n_features = X.shape
    return LabeledRows(X, signs, np.ones(n), Whitening.identity(n_features), np.arange(n))


def plain_risk(Z, signs, weights, surrogate, width, w):
    """L_s(w) as the definition says, at a w of any length."""
    return weights @ surrogate.loss(-signs * (Z @ w) / np.linalg.norm(w), width) / weights.sum()


def slope_of(sample, w, surrogate, width):
    return sample.slope(w, surrogate, width, sample.rows, sample.weights[sample.rows].sum())


def test_three_rows_by_hand():
    """Width 1.2, w = e1: margins 0, 0.1, 0.4 have slopes 1, 1, 1.25 over 1.2, and the second label is -1."""
    X = np.array([[0.0, 1.0], [0.1, 2.0], [0.4, -1.0]])
    signs = np.array([1.0, -1.0, 1.0])
    gradient = slope_of(plain_rows(X, signs), np.array([1.0, 0.0]), RAMP, 1.2).gradient
    np.testing.assert_allclose(gradient, [0.0, -(1.0 - 2.0 - 1.25) / (3 * 1.2)], rtol=1e-14, atol=1e-16)
    rows = plain_rows(X, signs)._replace(weights=np.array([1.0, 0.0, 3.0]))
    weighted = slope_of(rows, np.array([1.0, 0.0]), RAMP, 1.2).gradient
    np.testing.assert_allclose(weighted, [0.0, -(1.0 - 3.75) / (4 * 1.2)], rtol=1e-14, atol=1e-16)


@both
@pytest.mark.parametrize(("whiten", "weighted"), [(False, False), (True, True)])
@pytest.mark.parametrize("n_features", [1, 3, 8, 21])
def test_risk_and_gradient_against_differences(rng, surrogate, whiten, weighted, n_features):
    sample = make_rows(rng, 200, n_features, whiten=whiten, weighted=weighted)
    Z = sample.whitening.apply(sample.X)
    w, width, step = unit(rng.standard_normal(n_features)), 0.7, 1e-5
    arguments = (Z, sample.signs, sample.weights, surrogate, width)
    slope = slope_of(sample, w, surrogate, width)
    assert slope.loss == pytest.approx(plain_risk(*arguments, w), rel=1e-12)
    shifts = step * np.eye(n_features)
    numerical = [(plain_risk(*arguments, w + e) - plain_risk(*arguments, w - e)) / (2 * step) for e in shifts]
    np.testing.assert_allclose(slope.gradient, numerical, atol=1e-6)
    assert abs(slope.gradient @ w) < 1e-14


def test_far_rows_do_not_pull(rng):
    """However far they are, and whatever their labels."""
    sample = make_rows(rng, 300, 4)
    w = unit(rng.standard_normal(4))
    is_far = np.abs(sample.X @ w) >= 0.5
    assert 0 < is_far.sum() < 300
    X, signs = sample.X.copy(), sample.signs.copy()
    X[is_far] *= 1e3
    signs[is_far] *= -1.0
    changed = sample._replace(X=X, signs=signs)
    np.testing.assert_array_equal(slope_of(sample, w, RAMP, 1.0).gradient, slope_of(changed, w, RAMP, 1.0).gradient)


def test_gradient_of_a_wide_ramp_is_the_projected_mean(rng):
    """All rows are in its inner band: -s grad L_s(w) = E[y x] without its part along w."""
    sample = make_rows(rng, 500, 6)
    w = unit(rng.standard_normal(6))
    mean = sample.weighted_mean(sample.signs, sample.rows)
    np.testing.assert_allclose(mean, (sample.signs[:, None] * sample.X).mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(-1e4 * slope_of(sample, w, RAMP, 1e4).gradient, mean - (w @ mean) * w, rtol=1e-9)


@both
def test_flips_are_exact(rng, surrogate):
    """-w has the same gradient up to sign conventions: everything of (w, y) is that of (-w, -y), bit for bit."""
    sample = make_rows(rng, 100, 5, whiten=True)
    sample.X[:20] = sample.whitening.mean  # on every boundary
    w = unit(rng.standard_normal(5))
    here = slope_of(sample, w, surrogate, 0.4)
    there = slope_of(sample._replace(signs=-sample.signs), -w, surrogate, 0.4)
    np.testing.assert_array_equal(here.gradient, -there.gradient)
    assert here.loss == there.loss and here.noise == there.noise
    opposite = slope_of(sample, -w, surrogate, 0.4)
    np.testing.assert_array_equal(here.gradient, opposite.gradient)
    assert here.loss + opposite.loss == pytest.approx(1.0)


@both
def test_all_tables_agree(rng, surrogate):
    sample = make_rows(rng, 150, 10, whiten=True, weighted=True)
    sample.X[rng.random(sample.X.shape) < 0.5] = 0.0
    w = unit(rng.standard_normal(10))
    expected = slope_of(sample, w, surrogate, 0.5)
    tables = {"csr": (sparse.csr_array(sample.X), 1e-13), "float32": (sample.X.astype(np.float32), 2e-5)}
    large = sparse.csr_array(sample.X)
    large.indices, large.indptr = large.indices.astype(np.int64), large.indptr.astype(np.int64)
    tables["csr with long indices"] = (large, 1e-13)
    for table, tolerance in tables.values():
        slope = slope_of(sample._replace(X=table), w, surrogate, 0.5)
        np.testing.assert_allclose(slope.gradient, expected.gradient, rtol=0, atol=tolerance)
        assert slope.loss == pytest.approx(expected.loss, abs=tolerance)
        margins = sample._replace(X=table).margins(w, sample.rows)
        np.testing.assert_allclose(margins, sample.margins(w, sample.rows), rtol=0, atol=100 * tolerance)


def test_read_only_tables(rng):
    sample = make_rows(rng, 30, 3)
    for array in (sample.X, sample.signs, sample.weights, sample.rows):
        array.setflags(write=False)
    assert np.isfinite(slope_of(sample, np.array([1.0, 0.0, 0.0]), RAMP, 0.5).gradient).all()


def test_float32_does_not_suffer_from_a_large_mean(rng):
    """The rounding of coefficients must not act on the mean: 1e4 standard deviations, margins good to 1e-2."""
    Z = rng.standard_normal((400, 6))
    X = (Z + 1e4).astype(np.float32)
    rows = np.arange(400)
    whitening = Whitening.of_rows(X, np.ones(400), rows)
    w = unit(rng.standard_normal(whitening.rank))
    margins = LabeledRows(X, np.ones(400), np.ones(400), whitening, rows).margins(w, rows)
    np.testing.assert_allclose(margins, whitening.apply(X.astype(np.float64)) @ w, atol=1e-2)


@both
def test_weights_are_repetitions(rng, surrogate):
    sample = make_rows(rng, 40, 3)
    counts = rng.integers(0, 4, 40)
    w = unit(rng.standard_normal(3))
    rows = np.repeat(np.arange(40), counts)
    repeated = slope_of(plain_rows(sample.X[rows], sample.signs[rows]), w, surrogate, 1.0)
    weighted = slope_of(sample._replace(weights=counts.astype(float)), w, surrogate, 1.0)
    np.testing.assert_allclose(weighted.gradient, repeated.gradient, rtol=1e-10, atol=1e-14)
    assert weighted.loss == pytest.approx(repeated.loss) and weighted.noise == pytest.approx(repeated.noise)


def test_noise_is_the_standard_error_of_the_gradient(rng):
    """Against the spread of gradients between samples: within 10 % for a Gaussian, coordinates orthogonal to w."""
    w = np.eye(5)[0]
    gradients, noises = [], []
    for _ in range(400):
        X = rng.standard_normal((500, 5))
        sample = plain_rows(X, np.where(rng.random(500) < 0.5, 1.0, -1.0))
        slope = slope_of(sample, w, RAMP, 0.5)
        gradients.append(slope.gradient[1:])
        noises.append(slope.noise)
    assert np.std(gradients) == pytest.approx(np.mean(noises) / np.sqrt(500), rel=0.1)


def test_sides_and_disagreement():
    X = np.array([[1.0], [-2.0], [0.0], [3.0]])
    signs, weights = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, 2.0, 4.0, 1.0])
    sample = LabeledRows(X, signs, weights, Whitening.identity(1), np.arange(4))
    sides = sample.sides(np.array([[1.0, -1.0]]), sample.rows)
    np.testing.assert_array_equal(sides, [[1, -1], [-1, 1], [0, 0], [1, -1]])
    errors = disagreement(sides, signs.astype(np.int8), weights)
    np.testing.assert_allclose(errors, [(2 + 2 + 1) / 8, (1 + 2) / 8])


@pytest.mark.parametrize("whiten", [False, True])
def test_scale_is_the_root_mean_square_of_an_entry(rng, whiten):
    sample = make_rows(rng, 300, 4, whiten=whiten, weighted=True)
    Z = sample.whitening.apply(sample.X)
    expected = np.sqrt(sample.weights @ (Z**2).sum(axis=1) / (4 * sample.weights.sum()))
    assert sample.scale() == pytest.approx(expected, rel=1e-12)
    if not whiten:
        assert sample._replace(X=sparse.csr_array(sample.X)).scale() == pytest.approx(expected, rel=1e-12)


def test_blocks_do_not_show(rng, monkeypatch):
    """Tables that are read in several pieces, rows in any order."""
    sample = make_rows(rng, 101, 3)
    W, rows = rng.standard_normal((3, 2)), rng.permutation(101)[:60]
    whole = sample.margins(W, rows), sample.sides(W, rows), sample.weighted_mean(sample.signs[rows], rows)
    monkeypatch.setattr("statlearn.halfspace._sphere_gradient.ENTRIES_AT_ONCE", 35)
    pieces = sample.margins(W, rows), sample.sides(W, rows), sample.weighted_mean(sample.signs[rows], rows)
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
