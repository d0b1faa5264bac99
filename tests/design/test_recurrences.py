"""Recurrences of orthonormal polynomials: exact values at any degree and point, orthonormality, no overflow."""

import mpmath
import numpy as np
import pytest
from scipy import special

from statlearn.design._functions_1d import (
    ChebyshevPolynomials,
    HermitePolynomials,
    JacobiPolynomials,
    LaguerrePolynomials,
    LegendrePolynomials,
    TrigonometricFunctions,
)
from statlearn.design._recurrences import LARGEST, scaled_recurrence

FUNCTIONS = [
    LegendrePolynomials(),
    ChebyshevPolynomials(),
    JacobiPolynomials(1.5, -0.3),
    JacobiPolynomials(-0.5, -0.5),
    JacobiPolynomials(-0.25, -0.7),
    HermitePolynomials(),
    LaguerrePolynomials(0.0),
    LaguerrePolynomials(2.5),
]
every_kind = pytest.mark.parametrize("functions", FUNCTIONS, ids=repr)


def plain_values(functions, t, size):
    values, exponents = functions.table(np.asarray(t, dtype=np.float64), size)
    return np.ldexp(values, exponents)


def gauss_rule(functions, n):
    """Nodes and probabilities of a Gauss rule of scipy, which knows nothing of our recurrences."""
    if isinstance(functions, HermitePolynomials):
        nodes, weights = special.roots_hermitenorm(n)
    elif isinstance(functions, LaguerrePolynomials):
        nodes, weights = special.roots_genlaguerre(n, functions.alpha)
    else:
        nodes, weights = special.roots_jacobi(n, functions.a, functions.b)
    return nodes, weights / weights.sum()


@every_kind
def test_orthonormal_by_gauss_quadrature(functions):
    nodes, weights = gauss_rule(functions, 40)
    values = plain_values(functions, nodes, 36)
    np.testing.assert_allclose((values * weights[:, None]).T @ values, np.eye(36), atol=1e-12)


@pytest.mark.parametrize("a", [-0.5, -0.25, -0.9])
def test_powers_that_sum_to_minus_one(a):
    # Where formulas for the first coefficients are 0 / 0, and scipy's rule is not reliable.
    for exact, near in zip(
        JacobiPolynomials(a, -1.0 - a).recurrence(5), JacobiPolynomials(a, -1.0 - a + 1e-9).recurrence(5), strict=True
    ):
        np.testing.assert_allclose(exact, near, atol=1e-8)


def test_trigonometric_functions_are_orthonormal():
    values = plain_values(TrigonometricFunctions(), np.arange(64) / 64.0, 31)
    np.testing.assert_allclose(values.T @ values / 64.0, np.eye(31), atol=1e-14)


def test_values_of_scipy(rng):
    k, t, x = np.arange(25), rng.uniform(-1.0, 1.0, 30), rng.exponential(3.0, 30)
    legendre = special.eval_legendre(k, t[:, None]) * np.sqrt(2 * k + 1)
    chebyshev = special.eval_chebyt(k, t[:, None]) * np.where(k > 0, np.sqrt(2.0), 1.0)
    hermite = special.eval_hermitenorm(k, 3.0 * t[:, None]) / np.sqrt(special.factorial(k))
    norms = special.gamma(k + 2.5) / special.gamma(2.5) / special.factorial(k)
    laguerre = (-1.0) ** k * special.eval_genlaguerre(k, 1.5, x[:, None]) / np.sqrt(norms)
    np.testing.assert_allclose(plain_values(LegendrePolynomials(), t, 25), legendre, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(plain_values(ChebyshevPolynomials(), t, 25), chebyshev, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(plain_values(HermitePolynomials(), 3.0 * t, 25), hermite, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(plain_values(LaguerrePolynomials(1.5), x, 25), laguerre, rtol=1e-11, atol=1e-11)


def exact_value(functions, degree, t):
    """The orthonormal polynomial by mpmath's own recurrence with exact coefficients, 60 digits."""
    if isinstance(functions, HermitePolynomials):

        def coefficients(k):
            return mpmath.mpf(0), mpmath.sqrt(k)
    elif isinstance(functions, LaguerrePolynomials):
        alpha = mpmath.mpf(functions.alpha)

        def coefficients(k):
            return 2 * k + alpha + 1, mpmath.sqrt(k * (k + alpha))
    else:

        def coefficients(k):
            return mpmath.mpf(0), k / mpmath.sqrt(4 * mpmath.mpf(k) ** 2 - 1)

    with mpmath.workdps(60):
        t, previous, current = mpmath.mpf(t), mpmath.mpf(0), mpmath.mpf(1)
        for k in range(degree):
            (a, b), (_, following) = coefficients(k), coefficients(k + 1)
            previous, current = current, ((t - a) * current - b * previous) / following
        return current


@pytest.mark.parametrize(
    ("functions", "degree", "t", "rtol"),
    [
        (HermitePolynomials(), 1000, 0.3, 1e-13),
        (HermitePolynomials(), 1000, 64.0, 1e-13),
        (HermitePolynomials(), 1000, -64.0, 1e-13),
        (HermitePolynomials(), 1000, 1e6, 1e-13),
        (HermitePolynomials(), 3000, 64.0, 1e-13),
        (HermitePolynomials(), 3000, 110.0, 1e-13),
        (LaguerrePolynomials(0.0), 3000, 100.0, 1e-13),
        (LaguerrePolynomials(0.0), 3000, 12010.0, 1e-13),
        (LaguerrePolynomials(-0.5), 1000, 3999.0, 1e-13),
        # Next to a hard edge a rounding of t or of a coefficient moves the value by about degree^2 roundings.
        (LaguerrePolynomials(-0.5), 1000, 0.0, 1e-11),
        (LegendrePolynomials(), 5000, 0.3, 1e-13),
        (LegendrePolynomials(), 5000, 1.0, 1e-9),
        (LegendrePolynomials(), 5000, -1.0, 1e-9),
        (LegendrePolynomials(), 5000, 1.01, 1e-11),
    ],
)
def test_high_degrees(functions, degree, t, rtol):
    values, exponents = functions.table(np.array([t]), degree + 1)
    exact = exact_value(functions, degree, t)
    found = mpmath.ldexp(mpmath.mpf(values[0, -1]), int(exponents[0, -1]))
    assert abs(found / exact - 1) < rtol
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= LARGEST


def test_exponents_change_nothing(rng):
    t = rng.normal(size=50) * 30.0
    values, exponents = HermitePolynomials().table(t, 60)
    assert exponents.max() > 0
    plain = np.ones((50, 60))
    plain[:, 1] = t
    for k in range(1, 59):
        plain[:, k + 1] = (t * plain[:, k] - np.sqrt(k) * plain[:, k - 1]) / np.sqrt(k + 1)
    np.testing.assert_allclose(np.ldexp(values, exponents), plain, rtol=1e-11, atol=1e-11)
    assert (np.diff(exponents, axis=1) >= 0).all()


def test_one_function_is_the_constant():
    values, exponents = scaled_recurrence(np.array([3.0, np.pi]), np.zeros(1), np.zeros(1))
    np.testing.assert_array_equal(values, [[1.0], [1.0]])
    np.testing.assert_array_equal(exponents, [[0], [0]])
