"""Gaussian bets and the mixtures that are their prices: scipy's densities, roots by Brent's method, no underflow."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from statlearn.market import _densities
from statlearn.market._books import OfferBook
from statlearn.market._densities import N_POINTS, GaussianMixtures, gaussian_offers, reward_points, spread_of
from statlearn.market._ledger import Ledger
from statlearn.market._rounds import Rounds

LEVELS = np.array([1e-12, 0.01, 0.05, 0.5, 0.95, 0.99, 1.0 - 1e-12])
N, M = 40, 5


@pytest.fixture
def market(rng):
    """Values, who is awake (nobody in the first round), means and variances of the offers, rounds."""
    awake = rng.random((N, M)) < 0.7
    awake[0] = False
    rounds = Rounds.of_classifiers(np.zeros((N, M, 1)), awake)
    n_offers = rounds.owners.size
    return rng.normal(size=N), awake, rng.normal(size=n_offers), rng.gamma(1.0, size=n_offers) + 0.1, rounds


def price_densities(points, market, budgets):
    """Densities of the prices at points of shape (N, n_points), one round at a time."""
    _, awake, means, variances, rounds = market
    found = np.full(points.shape, np.nan)
    for i in np.flatnonzero(awake.any(axis=1)):
        offers = slice(rounds.starts[i], rounds.starts[i + 1])
        own = budgets[rounds.owners[offers]]
        h = norm.pdf(points[i][:, None], means[offers], np.sqrt(variances[offers]))
        found[i] = h @ own / own.sum()
    return found


# --- what is paid -----------------------------------------------------------------------------------------------------


def test_points_integrate_against_the_kernel(rng):
    y, width = rng.normal(size=3), 0.4
    points, shares = reward_points(y, width)
    assert points.shape == (3, N_POINTS)
    assert shares.sum() == pytest.approx(1.0, abs=1e-15)
    for i in range(3):
        for power in range(2 * N_POINTS):  # exact for polynomials of degree 2 n - 1
            exact = norm(y[i], width).moment(power) if power else 1.0
            assert shares @ points[i] ** power == pytest.approx(exact, rel=1e-11, abs=1e-13)


def test_a_single_point_is_the_value(market):
    y, _, means, variances, rounds = market
    plain = gaussian_offers(y, rounds.lengths, means, variances)
    single = gaussian_offers(y, rounds.lengths, means, variances, bandwidth=0.3, n_points=1)
    for found, expected in zip(single, plain, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("bandwidth", [None, 0.5])
def test_offers_are_densities_in_units_of_the_largest(market, bandwidth):
    y, _, means, variances, rounds = market
    offers, shares, log_units = gaussian_offers(y, rounds.lengths, means, variances, bandwidth)
    points, _ = reward_points(y, bandwidth)
    h = norm.pdf(np.repeat(points, rounds.lengths, axis=0), means[:, None], np.sqrt(variances)[:, None])
    assert log_units[0] == 0.0
    for i in range(1, N):
        own = slice(rounds.starts[i], rounds.starts[i + 1])
        if rounds.lengths[i]:
            np.testing.assert_allclose(offers[own], h[own] / h[own].max(axis=0), rtol=1e-12)
            assert log_units[i] == pytest.approx(shares @ np.log(h[own].max(axis=0)), abs=1e-12)


@pytest.mark.parametrize("bandwidth", [None, 0.5])
def test_losses_are_minus_the_log_of_the_price(market, rng, bandwidth):
    y, _, means, variances, rounds = market
    offers, shares, log_units = gaussian_offers(y, rounds.lengths, means, variances, bandwidth)
    book, budgets = OfferBook(rounds, offers, shares, log_units, floor=0.0), rng.gamma(1.0, size=M)
    expected = -np.log(price_densities(reward_points(y, bandwidth)[0], market, budgets)) @ shares
    np.testing.assert_allclose(book.losses(budgets), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n_points", [1, 2, 5, 12])
def test_any_number_of_points_keeps_the_budgets(market, n_points):
    """And pays the sum over the points of the densities per price."""
    y, awake, means, variances, rounds = market
    offers, shares, _ = gaussian_offers(y, rounds.lengths, means, variances, 0.5, n_points)
    ledger, budgets = Ledger(np.arange(1.0, M + 1)), np.arange(1.0, M + 1)
    ledger.settle_offers(rounds, offers, np.full(N, 0.6), shares=shares)
    points, _ = reward_points(y, 0.5, n_points)
    for i in np.flatnonzero(awake.any(axis=1)):
        own = slice(rounds.starts[i], rounds.starts[i + 1])
        h = norm.pdf(points[i][:, None], means[own], np.sqrt(variances[own]))
        wealth = budgets[rounds.owners[own]]
        pay = shares @ (h / (h @ wealth / wealth.sum())[:, None])
        budgets[rounds.owners[own]] = wealth * (1.0 + 0.6 * (pay - 1.0))
    np.testing.assert_allclose(ledger.budgets, budgets, rtol=1e-9)
    assert ledger.budgets.sum() == pytest.approx(M * (M + 1) / 2, rel=1e-13)


def test_nothing_underflows():
    """Two participants a thousand and two thousand standard deviations away."""
    offers, _, log_units = gaussian_offers(np.zeros(1), np.array([2]), np.array([1e3, 2e3]), np.ones(2))
    np.testing.assert_array_equal(offers, [[1.0], [0.0]])
    assert log_units[0] == pytest.approx(norm.logpdf(1e3), rel=1e-14)


def test_an_infinite_variance_offers_nothing():
    y, lengths = np.zeros(2), np.array([2, 1])
    offers, _, log_units = gaussian_offers(y, lengths, np.array([0.0, 50.0, 0.0]), np.array([np.inf, 1.0, np.inf]))
    np.testing.assert_array_equal(offers, [[0.0], [1.0], [0.0]])
    np.testing.assert_allclose(log_units, [norm.logpdf(50.0), 0.0])


# --- mixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def mixtures(rng):
    """Of components of very different widths, some without weight, some all equal."""
    weights = rng.dirichlet(np.full(M, 0.6), size=N)
    weights[:5, 0] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    means, stds = 5.0 + 10.0 * rng.normal(size=(N, M)), np.exp(2.0 * rng.normal(size=(N, M)))
    means[5:8], stds[5:8] = means[5:8, :1], stds[5:8, :1]
    weights[8] = np.eye(M)[0]
    return GaussianMixtures(weights, means, stds)


def test_moments_and_densities(mixtures, rng):
    heaviest = np.arange(N), mixtures.weights.argmax(axis=1)
    points = mixtures.means[heaviest] + mixtures.stds[heaviest] * rng.normal(size=N)
    mean, std, logs = mixtures.mean(), mixtures.std(), mixtures.log_density(points)
    for i, (w, mu, sd) in enumerate(zip(*mixtures, strict=True)):
        assert mean[i] == pytest.approx(w @ mu, rel=1e-13)
        assert std[i] ** 2 == pytest.approx(w @ (sd**2 + mu**2) - (w @ mu) ** 2, rel=1e-9)
        assert logs[i] == pytest.approx(np.log(w @ norm.pdf(points[i], mu, sd)), rel=1e-11)
        h = w * norm.pdf(points[i], mu, sd)
        np.testing.assert_allclose(mixtures.shares(points)[i], h / h.sum(), rtol=1e-9, atol=1e-300)


def test_densities_integrate_to_one():
    mixture = GaussianMixtures(np.array([[0.3, 0.7]]), np.array([[-1.0, 2.0]]), np.array([[0.5, 1.5]]))
    total, _ = quad(lambda t: np.exp(mixture.log_density(np.array([t]))[0]), -15, 20, epsabs=1e-12, points=[-1, 2])
    assert total == pytest.approx(1.0, abs=1e-10)


def test_log_densities_do_not_underflow():
    mixture = GaussianMixtures(np.array([[0.5, 0.5]]), np.zeros((1, 2)), np.array([[1.0, 1e-3]]))
    expected = norm.logpdf(100.0) + np.log(0.5)
    assert mixture.log_density(np.array([100.0]))[0] == pytest.approx(expected, rel=1e-14)
    np.testing.assert_array_equal(mixture.shares(np.array([100.0])), [[1.0, 0.0]])


def test_quantiles_are_roots(mixtures):
    """Brent's method on the nearer tail of scipy's distribution functions."""
    found, stds = mixtures.quantiles(LEVELS), mixtures.std()
    for i, (w, mu, sd) in enumerate(zip(*mixtures, strict=True)):
        for level, value in zip(LEVELS, found[i], strict=True):
            if level > 0.5:
                root = brentq(lambda t: w @ norm.sf(t, mu, sd) - (1.0 - level), -1e5, 1e5, xtol=1e-12, rtol=1e-14)  # noqa: B023
            else:
                root = brentq(lambda t: w @ norm.cdf(t, mu, sd) - level, -1e5, 1e5, xtol=1e-12, rtol=1e-14)  # noqa: B023
            assert abs(value - root) <= 1e-10 * stds[i]
    assert (np.diff(found, axis=1) > 0).all()


def test_one_gaussian_has_its_own_quantiles():
    """At the tails as well, and far from zero."""
    mean, levels = 1e6, np.array([1e-300, 1e-10, 0.3, 0.9, 1.0 - 1e-15])
    mixture = GaussianMixtures(np.ones((1, 1)), np.full((1, 1), mean), np.full((1, 1), 2.0))
    np.testing.assert_allclose(mixture.quantiles(levels)[0] - mean, norm.ppf(levels, scale=2.0), atol=1e-9)


def test_a_needle_beside_a_haystack():
    """Components whose widths differ by a factor of a billion: the distribution function is a step."""
    mixture = GaussianMixtures(np.array([[0.5, 0.5]]), np.array([[0.0, 3.0]]), np.array([[1.0, 1e-9]]))
    found = mixture.quantiles(np.array([0.45, 0.6, 0.9]))[0]
    np.testing.assert_allclose(found, [norm.ppf(0.9), 3.0, 3.0], atol=1e-7)


def test_components_without_weight_change_no_quantile(mixtures):
    far = (0.0, 1e9, 1e3)
    filled = GaussianMixtures(*(np.insert(array, 2, value, axis=1) for array, value in zip(mixtures, far, strict=True)))
    np.testing.assert_array_equal(filled.quantiles(LEVELS), mixtures.quantiles(LEVELS))


def test_blocks_change_no_quantile(mixtures, monkeypatch):
    whole = mixtures.quantiles(LEVELS)
    monkeypatch.setattr(_densities, "BLOCK", 3 * M * LEVELS.size)
    np.testing.assert_array_equal(mixtures.quantiles(LEVELS), whole)


# --- units ------------------------------------------------------------------------------------------------------------


def test_spread(rng):
    y, weights = rng.normal(3.0, 2.0, size=50), rng.integers(0, 3, size=50).astype(float)
    assert spread_of(y, weights) == pytest.approx(np.repeat(y, weights.astype(int)).std(), rel=1e-13)
    assert spread_of(1e200 * y, weights) == pytest.approx(1e200 * spread_of(y, weights), rel=1e-13)
    assert spread_of(np.full(7, -0.1), np.ones(7)) == 0.1
    assert spread_of(np.array([0.0, 0.0, 9.0]), np.array([1.0, 1.0, 0.0])) == 1.0
