"""Induced distributions: closed formulas, quadrature, inversion, sampling, bad input."""

import mpmath
import numpy as np
import pytest
from scipy import special, stats

from statlearn.design._families import Chebyshev, Fourier, Hermite, Jacobi, Laguerre, Legendre
from statlearn.design._induced import induced_cdf, induced_ppf

FAMILIES = [
    Legendre(),
    Legendre((2.0, 7.0)),
    Chebyshev(),
    Jacobi(a=1.5, b=-0.3),
    Jacobi((0.0, 1.0), a=-0.5, b=2.0),
    Hermite(),
    Hermite(loc=-3.0, scale=0.1),
    Laguerre(),
    Laguerre(alpha=-0.5),
    Laguerre(alpha=3.3, loc=1.0, scale=2.0),
    Fourier(),
    Fourier((-1.0, 2.0)),
]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=repr)

LEVEL = 1e-6

MEASURES = {
    Legendre: lambda family: stats.uniform(family.bounds[0], family.bounds[1] - family.bounds[0]),
    Chebyshev: lambda family: stats.arcsine(family.bounds[0], family.bounds[1] - family.bounds[0]),
    Jacobi: lambda family: stats.beta(family.b + 1, family.a + 1, family.bounds[0], np.ptp(family.bounds)),
    Hermite: lambda family: stats.norm(family.loc, family.scale),
    Laguerre: lambda family: stats.gamma(family.alpha + 1, loc=family.loc, scale=family.scale),
    Fourier: lambda family: stats.uniform(family.bounds[0], family.bounds[1] - family.bounds[0]),
}


def measure(family):
    """The measure, by scipy."""
    return MEASURES[type(family)](family)


def density(family, degree):
    """Density of the induced distribution: scipy's density times the square of the function."""
    position = 2 * degree if isinstance(family, Fourier) else degree

    def value(x):
        values, exponents = family.standard.table((x - family.origin) / family.scale, position + 1)
        log_scale = 2.0 * np.log(2.0) * exponents[:, position]
        return np.exp(measure(family).logpdf(x) + log_scale) * values[:, position] ** 2

    return value


def quadrature(function, low, high, panels):
    """Gauss rules of 50 points on many panels."""
    nodes, weights = special.roots_legendre(50)
    edges = np.linspace(low, high, panels + 1)
    middles, halves = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    x = middles[:, None] + halves[:, None] * nodes
    return float((function(x.ravel()).reshape(x.shape) @ weights) @ halves)


@every_family
@pytest.mark.parametrize("degree", [0, 1, 2, 5, 30, 200])
def test_differences_are_integrals_of_the_density(family, degree):
    x = measure(family).ppf([0.1, 0.3, 0.35, 0.8])
    expected = [quadrature(density(family, degree), *pair, panels=40) for pair in zip(x[:-1], x[1:], strict=True)]
    np.testing.assert_allclose(np.diff(induced_cdf(x, degree, family)), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "family",
    [
        Legendre((0.0, 2.0)),
        Chebyshev((0.0, 2.0)),
        Jacobi((0.0, 2.0), a=1.5, b=-0.3),
        Jacobi((0.0, 1.0), a=-0.5, b=2.0),
        Hermite(),
        Laguerre(alpha=-0.6),
        Laguerre(alpha=3.3),
    ],
    ids=repr,
)
@pytest.mark.parametrize("degree", [1, 4])
def test_the_lower_tail_is_an_integral_too(family, degree):
    x = measure(family).ppf(0.2)
    low = max(family.support[0], -40.0)

    def smooth(root):  # in the tenth root of the distance to an end of infinite density
        return density(family, degree)(low + root**10) * 10.0 * root**9

    tail = quadrature(smooth, 0.0, (x - low) ** 0.1, panels=100)
    assert induced_cdf(x, degree, family) == pytest.approx(tail, abs=1e-12)


@every_family
def test_degree_zero_is_the_measure(family):
    x = np.linspace(*measure(family).interval(0.999), 50)
    np.testing.assert_allclose(induced_cdf(x, 0, family), measure(family).cdf(x), atol=1e-14)


def test_closed_formula_of_legendre(rng):
    x, degree = rng.uniform(-1.0, 1.0, 40), 30
    P = special.eval_legendre(np.arange(degree + 1), x[:, None])
    steps = 0.5 * (x[:, None] * (P[:, 1:] ** 2 + P[:, :-1] ** 2) - 2.0 * P[:, 1:] * P[:, :-1])
    np.testing.assert_allclose(induced_cdf(x, degree), 0.5 * (x + 1.0) + steps.sum(axis=1), atol=1e-13)


@pytest.mark.parametrize("degree", [1, 2, 9, 1000])
def test_closed_formula_of_chebyshev(degree, rng):
    angle = rng.uniform(0.05, np.pi - 0.05, 40)
    expected = angle / np.pi + np.sin(2 * degree * angle) / (2 * degree * np.pi)
    np.testing.assert_allclose(induced_cdf(-np.cos(angle), degree, "chebyshev"), expected, atol=1e-12)


@pytest.mark.parametrize("x", [0.5, -20.0, 40.0, -63.0])
def test_closed_formula_of_hermite_at_degree_1000(x):
    with mpmath.workdps(500):  # the sum cancels
        t, previous, current, total = mpmath.mpf(x), mpmath.mpf(0), mpmath.mpf(1), mpmath.mpf(0)
        for k in range(1, 1001):
            previous, current = current, (t * current - mpmath.sqrt(k - 1) * previous) / mpmath.sqrt(k)
            total += current * previous / mpmath.sqrt(k)
        expected = mpmath.ncdf(t) - mpmath.npdf(t) * total
    assert induced_cdf(x, 1000, "hermite") == pytest.approx(float(expected), abs=1e-13)


@pytest.mark.parametrize("frequency", [3, -3])
def test_closed_formula_of_fourier(frequency, rng):
    t = rng.random(40)
    expected = t + np.sign(frequency) * np.sin(12.0 * np.pi * t) / (12.0 * np.pi)
    np.testing.assert_allclose(induced_cdf(t, frequency, "fourier"), expected, atol=1e-15)


def test_jacobi_contains_its_special_cases(rng):
    x = rng.uniform(-1.0, 1.0, 50)
    for degree in (1, 2, 17):
        np.testing.assert_allclose(induced_cdf(x, degree, Jacobi()), induced_cdf(x, degree), atol=1e-14)
        arcsine = induced_cdf(x, degree, Jacobi(a=-0.5, b=-0.5))
        np.testing.assert_allclose(arcsine, induced_cdf(x, degree, "chebyshev"), atol=1e-14)
        mirrored = 1.0 - induced_cdf(-x, degree, Jacobi(a=0.7, b=-0.2))
        np.testing.assert_allclose(induced_cdf(x, degree, Jacobi(a=-0.2, b=0.7)), mirrored, atol=1e-13)


@every_family
@pytest.mark.parametrize("degree", [0, 1, 13, 1000])
def test_distribution_functions(family, degree):
    x = np.linspace(*induced_ppf([1e-9, 1.0 - 1e-9], degree, family), 2000)
    F = induced_cdf(x, degree, family)
    assert (np.diff(F) >= -1e-13).all()
    assert (F >= 0.0).all()
    assert (F <= 1.0).all()
    assert F[-1] - F[0] == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_array_equal(induced_cdf([-np.inf, *family.support, np.inf], degree, family), [0.0, 0.0, 1.0, 1.0])


@every_family
@pytest.mark.parametrize("degree", [0, 1, 2, 7, 100, 1000])
def test_round_trip(family, degree, rng):
    u = np.concatenate([rng.random(50), [2.0**-54, 1e-12, 0.5]])
    x = induced_ppf(u, degree, family)
    assert ((x >= family.support[0]) & (x <= family.support[1])).all()
    # One step of x at an end of infinite density is worth more than a rounding of u.
    neighbors = induced_cdf(np.nextafter(x, [[-np.inf], [np.inf]]), degree, family)
    slack = 5e-13
    assert (neighbors[0] <= u + slack).all()
    assert (neighbors[1] >= u - slack).all()
    assert np.median(np.abs(induced_cdf(x, degree, family) - u)) < 5e-14


@every_family
def test_ends(family):
    np.testing.assert_array_equal(induced_ppf([0.0, 1.0], 3, family), family.support)


def test_affine_units(rng):
    u = rng.random(30)
    for own, standard in [
        (Legendre((3.0, 4.0)), Legendre()),
        (Hermite(5.0, 2.0), Hermite()),
        (Laguerre(0.5, -1.0, 3.0), Laguerre(0.5)),
    ]:
        t = induced_ppf(u, 6, standard)
        np.testing.assert_allclose(induced_ppf(u, 6, own), own.origin + own.scale * t, rtol=1e-13)


@every_family
def test_quantiles_of_uniform_draws(family, rng):
    x = induced_ppf(rng.random(4000), 3, family)
    assert stats.kstest(x, lambda point: induced_cdf(point, 3, family)).pvalue > LEVEL
    assert stats.kstest(x, lambda point: induced_cdf(point, 2, family)).pvalue < LEVEL


def test_degrees_broadcast():
    found = induced_cdf([[0.1], [0.4]], [0, 1, 2])
    assert found.shape == (2, 3)
    assert found[1, 2] == induced_cdf(0.4, 2)
    assert isinstance(induced_cdf(0.4, 2), float)
    assert isinstance(induced_ppf(0.4, 2), float)
    assert induced_ppf([], 2).shape == (0,)


@pytest.mark.parametrize("function", [induced_cdf, induced_ppf])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.5, -1), "degree must not be negative. Got -1"),
        ((0.5, 1.0), "degree must be integers. Got 1.0"),
        ((0.5, 1, "monomials"), "family must be .* one of .*'hermite'.* Got 'monomials'"),
        (([0.5, 0.1], [1, 2, 3]), r"of shape \(2,\) and degree of shape \(3,\) do not broadcast"),
    ],
)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_bad_points():
    days = np.datetime64("2024-01-01") + np.arange(3)
    for function, name in ((induced_cdf, "x"), (induced_ppf, "u")):
        with pytest.raises(TypeError, match=f"{name} must be numbers. Got dates"):
            function(days, 1)
    with pytest.raises(ValueError, match="x must not contain NaN"):
        induced_cdf([0.0, np.nan], 1)
    for u in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"u must be probabilities in \[0, 1\]"):
            induced_ppf([0.5, u], 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Legendre((1.0, 1.0)), "bounds must be a pair"),
        (lambda: Legendre((0.0, np.inf)), "bounds must be a pair"),
        (lambda: Fourier((0.0, 1.0, 2.0)), "bounds must be a pair"),
        (lambda: Jacobi(a=-1.0), "a of Jacobi must be a finite number larger than -1. Got -1.0"),
        (lambda: Jacobi(b=np.nan), "b of Jacobi must be a finite number larger than -1. Got nan"),
        (lambda: Hermite(loc=np.inf), "loc of Hermite must be a finite number. Got inf"),
        (lambda: Hermite(scale=0.0), "scale of Hermite must be a finite number larger than 0"),
        (lambda: Laguerre(alpha="big"), "alpha of Laguerre must be a finite number larger than -1. Got 'big'"),
    ],
)
def test_bad_families(make, message):
    with pytest.raises(ValueError, match=message):
        make()
