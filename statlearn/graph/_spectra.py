"""The spectral functions of the plain measures, relative to their principal eigenvalue so that nothing overflows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

__all__ = [
    "COMMUNICABILITY",
    "COMMUTE_TIME",
    "CORRECTED",
    "DOUBLE_FACTORIAL",
    "FOREST",
    "HEAT",
    "KATZ_RESOLVENT",
    "NORMALIZED_HEAT",
    "PAGE_RANK",
    "Spectrum",
]


EPS = np.finfo(np.float64).eps
SMALLEST_SHARE = 1e-9  # of the largest eigenvalue: one that is inverted has six correct digits


@dataclass(frozen=True)
class Spectrum:
    """A function f of the eigenvalues of one matrix of the graph.

    ``ratios(graph, values, t)`` are ``f(lambda_k) / f(lambda_1)``, ``log_scale(graph, t)`` is ``log f(lambda_1)``, and
    ``slope(values, t)`` bounds ``|f'/f|`` over all eigenvalues but the principal.
    """

    matrix: str
    ratios: Callable
    log_scale: Callable
    slope: Callable

    def sensitivity(self, values, t):
        """Relative error of f per relative error of the spectrum."""
        return 1.0 + float(np.abs(values).max() * self.slope(values, t))


def _zero(graph, t):
    return 0.0


def _constant_slope(values, t):
    return t


KATZ_RESOLVENT = Spectrum(
    "A",
    lambda graph, values, t: np.r_[1.0, graph.perron.gap_to_one(t) / (1.0 - t * values[1:])],
    lambda graph, t: -np.log(graph.perron.gap_to_one(t)),
    lambda values, t: t / (1.0 - t * values[1]),
)
COMMUNICABILITY = Spectrum(
    "A",
    lambda graph, values, t: np.exp(t * (values - values[0])),
    lambda graph, t: t * graph.perron.high + t * graph.perron.low,
    _constant_slope,
)
FOREST = Spectrum(
    "L",
    lambda graph, values, t: 1.0 / (1.0 + t * values),
    _zero,
    lambda values, t: t / (1.0 + t * values[1]),
)
HEAT = Spectrum("L", lambda graph, values, t: np.exp(-t * values), _zero, _constant_slope)
NORMALIZED_HEAT = Spectrum("S", lambda graph, values, t: np.exp(t * (values - 1.0)), _zero, _constant_slope)
PAGE_RANK = Spectrum(
    "S",
    lambda graph, values, t: (1.0 - t) / (1.0 - t * values),
    lambda graph, t: -np.log1p(-t),
    lambda values, t: t / (1.0 - t * values[1]),
)


def _refuse_noise(smallest, largest):
    """Inverting an eigenvalue multiplies its relative error, eps times the largest over it."""
    if smallest < SMALLEST_SHARE * largest:
        raise ValueError(
            "graph is nearly disconnected, or its weights differ by too many orders of magnitude, for a kernel that "
            f"inverts its smallest eigenvalue: that is {smallest:.3g} against a largest of {largest:.3g}, which leaves "
            "it few correct digits. Drop the smallest weights, or use another kernel."
        )


def _pseudo_inverse(graph, values, t):
    _refuse_noise(values[1:].min(initial=np.inf), values.max())
    return np.r_[0.0, 1.0 / values[1:]]


def _corrected(graph, values, t):
    """l^2 / (1 - l), without the principal pair: negative eigenvalues count as much as positive ones."""
    values = np.where(np.abs(values) <= len(values) * EPS, 0.0, values)  # rounding must not be standardized
    _refuse_noise((1.0 - values[1:]).min(initial=np.inf), 1.0)
    return np.r_[0.0, values[1:] ** 2 / (1.0 - values[1:])]


COMMUTE_TIME = Spectrum("L", _pseudo_inverse, _zero, lambda values, t: 1.0 / values[1])
CORRECTED = Spectrum("S", _corrected, _zero, lambda values, t: 1.0 / (1.0 - values[1]))

ROOT_HALF_PI = np.sqrt(np.pi / 2.0)


def _odd_share(y):
    """``1 + sqrt(pi/2) erf(y / sqrt(2))``: the sum of ``y^k / k!!`` is ``exp(y^2 / 2)`` times it."""
    return 1.0 + ROOT_HALF_PI * erf(y / np.sqrt(2.0))


def _double_factorial_ratios(graph, values, t):
    y = t * values
    return np.exp((y**2 - y[0] ** 2) / 2.0) * _odd_share(y) / _odd_share(y[0])


def _double_factorial_scale(graph, t):
    y = t * (graph.perron.high + graph.perron.low)
    return y**2 / 2.0 + np.log(_odd_share(y))


DOUBLE_FACTORIAL = Spectrum(
    "A", _double_factorial_ratios, _double_factorial_scale, lambda values, t: t * (1.0 + t * np.abs(values).max())
)
