"""Tridiagonal models are projection DPPs: exact laws of the extremes, variance of sums, marginals."""

import numpy as np
import pytest
from scipy import integrate, stats

from statlearn.design._families import Chebyshev, Hermite, Jacobi, Laguerre, Legendre
from statlearn.design._functions_1d import TrigonometricFunctions
from statlearn.design._induced import induced_cdf, induced_ppf
from statlearn.design._transformers import PolynomialBasis

FAMILIES = [
    Legendre(),
    Chebyshev(),
    Jacobi(a=1.5, b=-0.3),
    Jacobi(a=-0.7, b=2.0),
    Hermite(),
    Laguerre(),
    Laguerre(alpha=-0.5),
    Laguerre(alpha=2.5),
]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=repr)
N_DRAWS = 4000
LEVEL = 1e-6

QUANTILES = {
    Legendre: lambda family: stats.uniform(-1.0, 2.0).ppf,
    Chebyshev: lambda family: stats.arcsine(-1.0, 2.0).ppf,
    Jacobi: lambda family: stats.beta(family.b + 1.0, family.a + 1.0, -1.0, 2.0).ppf,
    Hermite: lambda family: stats.norm.ppf,
    Laguerre: lambda family: stats.gamma(family.alpha + 1.0).ppf,
}


def draws(family, m, rng):
    """Draws of the DPP in standard units, shape (N_DRAWS, m), ascending."""
    return np.array([family.standard.sample_dpp(m, rng) for _ in range(N_DRAWS)])


def partial_gram(family, m, probability):
    """The integrals of ``p_j p_k`` over a lower part of the line that has a given probability."""
    quantile = QUANTILES[type(family)](family)

    def entry(j, k):
        def integrand(v):
            values = family.standard.table(quantile(np.maximum(v, 1e-30)).ravel(), m)[0]
            return (values[:, j] * values[:, k]).reshape(v.shape)

        return integrate.tanhsinh(integrand, 0.0, probability, rtol=1e-8, atol=1e-10).integral

    return np.array([[entry(j, k) for k in range(m)] for j in range(m)])


def bin_counts(values, edges):
    return np.histogram(values, [-np.inf, *edges, np.inf])[0]


def agreement(counts, cumulative):
    """P-value of counts against the distribution function at the edges of the bins."""
    return stats.chisquare(counts, counts.sum() * np.diff([0.0, *cumulative, 1.0])).pvalue


@every_family
def test_one_point_has_the_law_of_the_measure(family, rng):
    assert stats.kstest(draws(family, 1, rng)[:, 0], family.standard.measure_cdf).pvalue > LEVEL


@every_family
@pytest.mark.parametrize("m", [2, 3])
def test_exact_law_of_the_extremes(family, m, rng):
    # All points are below s with probability det(G), where G = (int_{t<s} p_j p_k dmu), and above with det(I - G).
    t = draws(family, m, rng)
    for extremes, is_largest in [(t[:, 0], False), (t[:, -1], True)]:
        edges = np.quantile(extremes, np.linspace(0.1, 0.9, 6))
        probabilities = family.standard.measure_cdf(edges)
        grams = np.array([partial_gram(family, m, probability) for probability in probabilities])
        exact = np.linalg.det(grams) if is_largest else 1.0 - np.linalg.det(np.eye(m) - grams)
        assert agreement(bin_counts(extremes, edges), exact) > LEVEL
    assert agreement(bin_counts(extremes, edges), probabilities**m) < LEVEL  # of independent points


@every_family
@pytest.mark.parametrize("m", [1, 4, 25])
def test_sums_have_the_exact_mean_and_variance(family, m, rng):
    # Of K only p_{m-1} is coupled to p_m by t, so that half of the double integral of (t - s)^2 K^2 is b_m^2.
    a, b = family.standard.recurrence(m)
    sums = draws(family, m, rng).sum(axis=1)
    spread = b[m] / np.sqrt(N_DRAWS)
    assert abs(sums.mean() - a[:m].sum()) < 4.5 * spread
    fourth = np.mean(((sums - sums.mean()) / b[m]) ** 4)
    assert abs(sums.var() / b[m] ** 2 - 1.0) < 4.5 * np.sqrt((fourth - 1.0) / N_DRAWS)


def test_variance_of_legendre_tends_to_a_quarter(rng):
    m = 40
    sums = draws(Legendre(), m, rng).sum(axis=1)
    assert abs(sums.var() - 0.25) < 0.03
    labels = rng.integers(m, size=(N_DRAWS, m))
    independent = induced_ppf(rng.random(labels.shape), labels).sum(axis=1)
    assert independent.var() > 0.4 * m


@every_family
@pytest.mark.parametrize("m", [3, 30])
def test_every_point_has_the_induced_distribution(family, m, rng):
    basis = PolynomialBasis([family], degree=m - 1).resolved()
    first = np.array([basis.sample_dpp(rng)[0, 0] for _ in range(N_DRAWS)])
    assert stats.kstest(first, lambda x: induced_cdf(x[:, None], np.arange(m), family).mean(axis=1)).pvalue > LEVEL


@pytest.mark.parametrize("family", [Legendre((3.0, 4.0)), Hermite(10.0, 0.1), Laguerre(1.0, -5.0, 2.0)], ids=repr)
def test_units(family):
    basis = PolynomialBasis([family], degree=9).resolved()
    points = basis.sample_dpp(np.random.default_rng(0))
    standard = family.standard.sample_dpp(10, np.random.default_rng(0))
    assert points.shape == (10, 1)
    np.testing.assert_allclose(np.sort(points[:, 0]), family.origin + family.scale * standard, rtol=1e-14)
    assert not (np.diff(points[:, 0]) > 0).all()  # in random order
    np.testing.assert_array_equal(points, basis.sample_dpp(np.random.default_rng(0)))


@pytest.mark.parametrize("family", [*FAMILIES, Jacobi(a=-0.95, b=-0.95), Laguerre(alpha=-0.95)], ids=repr)
def test_large_draws_stay_in_the_support(family, rng):
    t = family.standard.sample_dpp(400, rng)
    standard_low, standard_high = {True: (-1.0, 1.0), False: (0.0, np.inf)}[family.support == (-1.0, 1.0)]
    if isinstance(family, Hermite):
        standard_low = -np.inf
    assert t.shape == (400,)
    assert (t >= standard_low).all()
    assert (t <= standard_high).all()
    assert (np.diff(t) >= 0.0).all()


def test_rounding_does_not_leave_the_interval(rng):
    # Next to singular ends many points are as close to them as floats can be.
    t = draws(Jacobi(a=-0.99, b=-0.99), 5, rng)
    assert np.abs(t).max() == 1.0


def test_small_points_of_laguerre_keep_their_digits(rng):
    # The smallest of m points for alpha = 0 is exponential with mean 1 / m: far below the rounding of the largest.
    m = 300
    smallest = np.array([Laguerre().standard.sample_dpp(m, rng)[0] for _ in range(500)])
    assert stats.kstest(smallest * m, stats.expon.cdf).pvalue > LEVEL


def test_no_model_for_other_bases(rng):
    assert TrigonometricFunctions().sample_dpp(3, rng) is None
    assert PolynomialBasis(n_dims=2).resolved().sample_dpp(rng) is None
