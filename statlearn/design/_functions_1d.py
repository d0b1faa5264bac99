"""Orthonormal functions of one variable in standard units, each kind with its probability measure.

`statlearn.design._families` puts them into the user's units.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, gammainc, gammaln, ndtr, xlogy

from ._recurrences import induced_excess, scaled_recurrence
from ._tridiagonal import hermite_ensemble, jacobi_ensemble, laguerre_ensemble

__all__ = [
    "ChebyshevPolynomials",
    "HermitePolynomials",
    "JacobiPolynomials",
    "LaguerrePolynomials",
    "LegendrePolynomials",
    "OrthonormalFunctions",
    "TrigonometricFunctions",
]

LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)


class OrthonormalFunctions(ABC):
    """Orthonormal functions ``p_0 = 1, p_1, ...`` of a probability measure on the line.

    Positions count the functions from 0; labels are what users call them by.
    """

    @abstractmethod
    def sample(self, size, rng):
        """Independent draws from the measure."""

    @abstractmethod
    def table(self, t, size):
        """Values (n, size) and binary exponents (n, size) of the first functions at ``t`` (n,)."""

    @abstractmethod
    def induced_cdf(self, largest):
        """A function of ``t`` (n,) and labels (n,) up to ``largest``: distribution functions of ``p^2 dmu``."""

    @abstractmethod
    def quantile_range(self, labels):
        """Ends of an interval with all of ``p^2 dmu`` but 1e-30, for each label (n,)."""

    @abstractmethod
    def name(self, position, column):
        """The name of a function of a column."""

    def sample_dpp(self, m, rng):
        """The points (m,) of a draw of the projection DPP of the first m functions; None where no model is known."""
        return None


class ClassicalPolynomials(OrthonormalFunctions):
    """Polynomials that solve ``(sigma w p_k')' = -lambda_k w p_k``, where w is the density of the measure.

    The degree of a polynomial is its position and its label.
    """

    symbol: str

    @abstractmethod
    def recurrence(self, degree):
        """Coefficients ``a_0, ..., a_degree`` and ``b_0 = 0, b_1, ..., b_degree`` (see `scaled_recurrence`)."""

    @abstractmethod
    def eigenvalues(self, degree):
        """``lambda_0, ..., lambda_degree``."""

    @abstractmethod
    def measure_cdf(self, t):
        """Distribution function of the measure."""

    @abstractmethod
    def log_flux(self, t):
        """Logarithm of ``sigma w``."""

    def table(self, t, size):
        return scaled_recurrence(t, *self.recurrence(size - 1))

    def induced_cdf(self, largest):
        """A function of ``t`` (n,) and degrees (n,) up to ``largest``: distribution functions of ``p_k^2 dmu``.

        Let ``I_jk`` be the integral of ``p_j p_k`` up to t, so that ``F_k = I_kk``. Off the diagonal the differential
        equation gives ``I_jk (lambda_j - lambda_k) = sigma w (p_k' p_j - p_k p_j')``. Integrating ``t p_k p_{k-1}``,
        with either factor expanded by the recurrence, gives

            b_k (F_k - F_{k-1}) = b_{k+1} I_{k+1,k-1} + (a_k - a_{k-1}) I_{k,k-1} - b_{k-1} I_{k,k-2}.

        The recurrence and ``b_k (p_k' p_{k-1} - p_k p_{k-1}') = sum_{i<k} p_i^2`` (Christoffel and Darboux) then leave
        no derivative and only neighboring degrees.
        """
        a, b = self.recurrence(largest)
        eigenvalues = self.eigenvalues(largest + 1)
        across = 1.0 / (eigenvalues[:-2] - eigenvalues[2:])  # of k - 1 and k + 1
        below = np.concatenate([[0.0], across[:-1]])  # I_{1,-1} is 0
        beside = 1.0 / (eigenvalues[:-2] - eigenvalues[1:-1])
        terms = np.zeros((largest + 1, 3))
        terms[1:, 0] = (across + below) / b[1:]
        terms[1:, 1] = (across - below) / b[1:] ** 2
        terms[1:, 2] = (np.diff(a) * beside - a[1:] * across + a[:-1] * below) / b[1:] ** 2

        def cdf(t, degrees):
            t = np.clip(t, *self.quantile_range(degrees))
            excess = induced_excess(t, degrees, self.log_flux(t), a, b, terms)
            return np.clip(self.measure_cdf(t) + excess, 0.0, 1.0)  # of rounding

        return cdf

    def name(self, position, column):
        return f"{self.symbol}{position}({column})"


@dataclass(frozen=True)
class JacobiPolynomials(ClassicalPolynomials):
    """For the density proportional to ``(1 - t)^a (1 + t)^b`` on [-1, 1]; ``sigma = 1 - t^2``."""

    a: float
    b: float

    symbol = "J"

    def sample(self, size, rng):
        return 2.0 * rng.beta(self.b + 1.0, self.a + 1.0, size) - 1.0

    def recurrence(self, degree):
        a, b, k = self.a, self.b, np.arange(1.0, degree + 1.0)
        twice = 2.0 * k + a + b
        # At k = 1 the factor k + a + b of the squares cancels, also where it is zero.
        ratio = np.ones_like(k)
        ratio[1:] = (k[1:] + a + b) / (twice[1:] - 1.0)
        squares = 4.0 * k * (k + a) * (k + b) * ratio / (twice**2 * (twice + 1.0))
        diagonal = (b - a) * (b + a) / (twice * (twice + 2.0))
        first = (b - a) / (a + b + 2.0)
        return np.concatenate([[first], diagonal]), np.concatenate([[0.0], np.sqrt(squares)])

    def eigenvalues(self, degree):
        k = np.arange(degree + 1.0)
        return k * (k + self.a + self.b + 1.0)

    def measure_cdf(self, t):
        return betainc(self.b + 1.0, self.a + 1.0, 0.5 + 0.5 * t)

    def log_flux(self, t):
        a, b = self.a + 1.0, self.b + 1.0
        return xlogy(a, 1.0 - t) + xlogy(b, 1.0 + t) - (a + b - 1.0) * np.log(2.0) - betaln(a, b)

    def quantile_range(self, labels):
        return np.full(labels.shape, -1.0), np.full(labels.shape, 1.0)

    def sample_dpp(self, m, rng):
        return jacobi_ensemble(m, self.a, self.b, rng)


@dataclass(frozen=True)
class LegendrePolynomials(JacobiPolynomials):
    """For the uniform distribution on [-1, 1]."""

    a: float = 0.0
    b: float = 0.0

    symbol = "P"

    def measure_cdf(self, t):
        return 0.5 + 0.5 * t


@dataclass(frozen=True)
class ChebyshevPolynomials(JacobiPolynomials):
    """For the arcsine distribution on [-1, 1]."""

    a: float = -0.5
    b: float = -0.5

    symbol = "T"

    def measure_cdf(self, t):
        return 1.0 - np.arccos(t) / np.pi


@dataclass(frozen=True)
class HermitePolynomials(ClassicalPolynomials):
    """For the standard normal distribution; ``sigma = 1``."""

    symbol = "He"

    def sample(self, size, rng):
        return rng.standard_normal(size)

    def recurrence(self, degree):
        return np.zeros(degree + 1), np.sqrt(np.arange(degree + 1.0))

    def eigenvalues(self, degree):
        return np.arange(degree + 1.0)

    def measure_cdf(self, t):
        return ndtr(t)

    def log_flux(self, t):
        return -0.5 * t * t - LOG_SQRT_2PI

    def quantile_range(self, labels):
        reach = np.sqrt(4.0 * labels + 2.0) + 40.0  # oscillates up to the root, then falls faster than exp(-s^2 / 2)
        return -reach, reach

    def sample_dpp(self, m, rng):
        return hermite_ensemble(m, rng)


@dataclass(frozen=True)
class LaguerrePolynomials(ClassicalPolynomials):
    """For the gamma distribution with density proportional to ``t^alpha exp(-t)``; ``sigma = t``."""

    alpha: float

    symbol = "L"

    def sample(self, size, rng):
        return rng.standard_gamma(self.alpha + 1.0, size)

    def recurrence(self, degree):
        k = np.arange(degree + 1.0)
        return 2.0 * k + self.alpha + 1.0, np.sqrt(k * (k + self.alpha))

    def eigenvalues(self, degree):
        return np.arange(degree + 1.0)

    def measure_cdf(self, t):
        return gammainc(self.alpha + 1.0, t)

    def log_flux(self, t):
        return xlogy(self.alpha + 1.0, t) - t - gammaln(self.alpha + 1.0)

    def quantile_range(self, labels):
        turning = 4.0 * labels + 2.0 * self.alpha + 2.0  # no oscillation beyond
        return np.zeros(labels.shape), turning + 25.0 * np.cbrt(turning) + 100.0

    def sample_dpp(self, m, rng):
        return laguerre_ensemble(m, self.alpha, rng)


@dataclass(frozen=True)
class TrigonometricFunctions(OrthonormalFunctions):
    """``sqrt 2 sin(2 pi f t)`` at position ``2 f - 1`` and the cosine at ``2 f``, for the uniform distribution.

    That is on [0, 1]. The label of a cosine is f, that of a sine -f. Tables have an odd size.
    """

    def sample(self, size, rng):
        return rng.random(size)

    def table(self, t, size):
        # The turns that are dropped are whole, so that angles keep their digits.
        angles = 2.0 * np.pi * np.remainder(np.remainder(t, 1.0)[:, None] * np.arange(1, size // 2 + 1), 1.0)
        values = np.ones((t.size, size))
        values[:, 1::2] = np.sqrt(2.0) * np.sin(angles)
        values[:, 2::2] = np.sqrt(2.0) * np.cos(angles)
        return values, np.zeros(values.shape, dtype=np.int64)

    def induced_cdf(self, largest):
        def cdf(t, labels):
            t = np.clip(t, 0.0, 1.0)
            waves = 2.0 * np.abs(labels)
            ripples = np.sin(2.0 * np.pi * np.remainder(waves * t, 1.0)) / (2.0 * np.pi * np.maximum(waves, 1.0))
            return t + np.sign(labels) * ripples

        return cdf

    def quantile_range(self, labels):
        return np.zeros(labels.shape), np.ones(labels.shape)

    def name(self, position, column):
        return f"{'sin' if position % 2 else 'cos'}{(position + 1) // 2}({column})"
