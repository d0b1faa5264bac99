"""The gradient of a sample, its noise, and how often its upper bound covers the truth."""

import numpy as np
import pytest
from scipy.stats import ncx2

from statlearn.halfspace._gradient_bound import (
    GradientMoments,
    _lower_tail,
    gradient_moments,
    gradient_upper_bound,
)
from statlearn.halfspace._surrogates import RAMP, SIGMOID

ROUNDING = 1e-12
WIDTH = 0.6


def sample(rng, n=400, d=5):
    X = rng.normal(size=(n, d))
    w = rng.normal(size=d)
    return X, rng.choice([-1.0, 1.0], size=n), w / np.linalg.norm(w)


def of_mean(mean, covariance, n_rows=100_000):
    """Moments with a given mean and covariance, padded with the direction of w, which has neither."""
    padded = np.zeros((mean.size + 1, mean.size + 1))
    padded[1:, 1:] = covariance
    return GradientMoments(np.r_[0.0, mean], padded, n_rows, n_rows)


@pytest.mark.parametrize("surrogate", [RAMP, SIGMOID], ids=lambda s: s.name)
def test_moments_of_rows(rng, surrogate):
    X, signs, w = sample(rng)
    m = X @ w
    rows = -(surrogate.slope(m, WIDTH) * signs)[:, None] * (X - np.outer(m, w))
    moments = gradient_moments([(X, signs, None)], w, surrogate, WIDTH)
    np.testing.assert_allclose(moments.gradient, rows.mean(axis=0), atol=ROUNDING)
    np.testing.assert_allclose(moments.covariance, np.cov(rows.T) / len(X), atol=ROUNDING)
    assert moments.noise == pytest.approx(np.sqrt(np.trace(np.cov(rows.T)) / len(X)))
    assert abs(moments.gradient @ w) < ROUNDING
    assert moments.n_rows == len(X)
    assert moments.n_band == np.count_nonzero(np.abs(m) < surrogate.reach(WIDTH))


def test_gradient_is_that_of_the_risk(rng):
    X, signs, w = sample(rng)
    direction = rng.normal(size=w.size)
    step = 1e-5

    def risk(w):
        return RAMP.loss(-signs * (X @ w) / np.linalg.norm(w), WIDTH).mean()

    slope = (risk(w + step * direction) - risk(w - step * direction)) / (2.0 * step)
    gradient = gradient_moments([(X, signs, None)], w, RAMP, WIDTH).gradient
    assert slope == pytest.approx(gradient @ direction, abs=1e-7)  # kinks of the second derivative


def test_blocks_and_weights(rng):
    X, signs, w = sample(rng)
    weights = rng.integers(0, 3, size=signs.size).astype(float)
    whole = gradient_moments([(X, signs, weights)], w, RAMP, WIDTH)
    parts = gradient_moments(
        [(X[k : k + 70], signs[k : k + 70], weights[k : k + 70]) for k in range(0, 400, 70)], w, RAMP, WIDTH
    )
    dropped = gradient_moments([(X[weights > 0], signs[weights > 0], weights[weights > 0])], w, RAMP, WIDTH)
    scaled = gradient_moments([(X, signs, 7.0 * weights)], w, RAMP, WIDTH)
    repeats = np.repeat(np.arange(signs.size), weights.astype(int))
    repeated = gradient_moments([(X[repeats], signs[repeats], None)], w, RAMP, WIDTH)
    for other in (parts, dropped, scaled):
        np.testing.assert_allclose(other.gradient, whole.gradient, atol=ROUNDING)
        np.testing.assert_allclose(other.covariance, whole.covariance, atol=ROUNDING)
        assert (other.n_rows, other.n_band) == (whole.n_rows, whole.n_band)
    np.testing.assert_allclose(repeated.gradient, whole.gradient, atol=ROUNDING)
    assert repeated.noise < whole.noise  # a weight is no second row


def test_metamorphoses(rng):
    X, signs, w = sample(rng)
    moments = gradient_moments([(X, signs, None)], w, RAMP, WIDTH)
    upper = gradient_upper_bound(moments)
    rotation = np.linalg.qr(rng.normal(size=(w.size, w.size)))[0]
    rotated = gradient_moments([(X @ rotation, signs, None)], rotation.T @ w, RAMP, WIDTH)
    flipped = gradient_moments([(X, -signs, None)], w, RAMP, WIDTH)
    reversed_ = gradient_moments([(X, signs, None)], -w, RAMP, WIDTH)
    for other in (rotated, flipped, reversed_):
        assert other.norm == pytest.approx(moments.norm, rel=1e-10)
        assert gradient_upper_bound(other) == pytest.approx(upper, rel=1e-8)
    np.testing.assert_array_equal(flipped.gradient, -moments.gradient)


def test_lower_tail_of_equal_variances_is_noncentral_chi_square():
    for d, radius, size in ((1, 1.2, 0.4), (2, 1.0, 0.5), (9, 3.5, 2.0), (100, 12.0, 3.0), (20, 4.0, 5.0)):
        exact = ncx2.cdf(radius**2, d, size**2)
        assert _lower_tail(radius, size, np.ones(d)) == pytest.approx(exact, rel=1e-6, abs=1e-12)


def test_first_eigenvector_has_the_heaviest_lower_tail(rng):
    eigenvalues = np.array([4.0, 2.0, 1.0, 0.5, 0.2])
    noise = rng.normal(size=(200_000, 5)) * np.sqrt(eigenvalues)
    for size, radius in ((3.0, 2.0), (5.0, 3.0), (5.0, 4.0), (7.0, 4.0)):
        tails = [np.mean(np.sum((noise + size * axis) ** 2, axis=1) <= radius**2) for axis in np.eye(5)]
        assert np.argmax(tails) == 0
        assert _lower_tail(radius, size, eigenvalues) == pytest.approx(tails[0], abs=0.004)


def test_bound_holds_as_often_as_it_says(rng):
    """Means of known expectation: coverage near the level where noise is small, and above it otherwise."""
    n_repeats, d = 400, 8
    for spread, size, most in ((1.0, 12.0, 0.98), (1.0, 3.0, 1.0), (1.0, 0.0, 1.0), (4.0, 12.0, 0.98)):
        eigenvalues = np.linspace(spread, 1.0, d)
        mean = size * np.eye(d)[0]
        draws = mean + rng.normal(size=(n_repeats, d)) * np.sqrt(eigenvalues)
        covered = np.mean([gradient_upper_bound(of_mean(draw, np.diag(eigenvalues))) >= size for draw in draws])
        assert 0.95 - 3.0 * np.sqrt(0.05 * 0.95 / n_repeats) <= covered <= most, (spread, size)


def test_luck_is_not_precision():
    """A norm of 0 bounds the gradient no better than noise of median norm, and levels are ordered."""
    none, some = (of_mean(np.r_[size, np.zeros(4)], np.eye(5)) for size in (0.0, 1.5))
    assert gradient_upper_bound(none) == gradient_upper_bound(some) > 1.0
    assert gradient_upper_bound(some, level=0.99) > gradient_upper_bound(some, level=0.9)


def test_what_cannot_be_estimated(rng):
    X, signs, w = sample(rng)
    far = X + 100.0 * w
    assert gradient_upper_bound(gradient_moments([(far, signs, None)], w, RAMP, WIDTH)) == np.inf
    one = np.ones((3, 1))
    assert gradient_upper_bound(gradient_moments([(0.1 * one, one[:, 0], None)], np.ones(1), RAMP, 1.0)) == 0.0
    with pytest.raises(ValueError, match="at least one row of positive weight"):
        gradient_moments([(X, signs, np.zeros(signs.size))], w, RAMP, WIDTH)


@pytest.mark.slow
def test_coverage_from_rows(rng):
    """Rows of a band: the bound holds in 95 % of samples, and says something."""
    n, d, width, angle, eta, n_repeats = 20_000, 10, 0.2, 0.1, 0.4, 400
    m, z = rng.normal(size=(2, 4_000_000))
    pull = RAMP.slope(m, width) * np.sign(np.cos(angle) * m + np.sin(angle) * z) * z
    truth = (1.0 - 2.0 * eta) * pull.mean()
    w = np.eye(d)[0]
    true_normal = np.cos(angle) * w + np.sin(angle) * np.eye(d)[1]
    uppers = []
    for _ in range(n_repeats):
        X = rng.normal(size=(n, d))
        signs = np.sign(X @ true_normal) * np.where(rng.random(n) < eta, -1.0, 1.0)
        uppers.append(gradient_upper_bound(gradient_moments([(X, signs, None)], w, RAMP, width)))
    assert np.mean(np.array(uppers) >= truth) >= 0.95 - 3.0 * np.sqrt(0.05 * 0.95 / n_repeats)
    assert np.median(uppers) < 2.0 * truth
