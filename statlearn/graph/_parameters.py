"""The parameter of a measure: its domain, and the three scales in which users give it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

__all__ = [
    "ABSORPTION",
    "EXPONENT",
    "FRACTION",
    "KATZ",
    "LAPLACIAN_TIME",
    "MIX",
    "SCALES",
    "SLOPE",
    "TEMPERATURE",
    "TIME",
]

SCALES = ("raw", "unit", "spectral")
GEOMETRIC = 2.0 ** np.arange(-5, 7)
ODDS = GEOMETRIC / (1.0 + GEOMETRIC)  # fractions whose odds are geometric


def _half_odds(x, graph):
    return 0.5 * x / (1.0 - x)


def _as_given(x, graph):
    return x


def _inverse_odds(x, graph):
    return (1.0 - x) / x


def _of_radius(x, graph):
    return x / graph.spectral_radius


def _of_degree(x, graph):
    return x / graph.mean_degree


def _of_cost(x, graph):
    return x / graph.mean_cost


def _rate_of_degree(x, graph):
    return x * graph.mean_degree


def _no_limit(graph):
    return np.inf


def _one(graph):
    return 1.0


def _pole(graph):
    """The smallest float from which on ``1 - t rho`` is not positive, or one next to it."""
    t = 1.0 / graph.spectral_radius
    while graph.perron.gap_to_one(np.nextafter(t, 0.0)) <= 0.0:
        t = np.nextafter(t, 0.0)
    return float(t)


@dataclass(frozen=True)
class Parameter:
    """A parameter with its symbol in the formula, its default on the spectral scale, and its maps to the formula.

    ``unit`` takes x in (0, 1) as in the studies of Ivashkin and Chebotarev, ``spectral`` a number that means the same
    on graphs of different size and weight. ``upper`` bounds the raw parameter; ``closed`` allows the ends.
    """

    symbol: str
    default: float
    unit: Callable
    spectral: Callable = _as_given
    upper: Callable = _no_limit
    domain: str = "t > 0"
    closed: bool = False
    per_node: bool = False
    grid: np.ndarray = field(default_factory=lambda: GEOMETRIC)

    def raw(self, t, scale, graph):
        """The parameter of the formula for the user's ``t``; refuses what is outside the domain."""
        t = self._number(t, graph)
        if scale == "unit" and not np.all(self._inside(t, 1.0)):
            raise ValueError(f"t must be between 0 and 1 when scale='unit'. Got {t!r} instead.")
        maps = {"raw": _as_given, "unit": self.unit, "spectral": self.spectral}
        raw = maps[scale](t, graph)
        if not np.all(self._inside(raw, self.upper(graph))):
            bound = f" Here the raw parameter must be below {self.upper(graph):.10g}." if self.upper is _pole else ""
            raise ValueError(
                f"t is outside the domain {self.domain} of this kernel: t={t!r} with scale={scale!r} gives the raw "
                f"parameter {raw!r}.{bound}"
            )
        return raw

    def _inside(self, value, upper):
        if self.closed:
            return (value >= 0.0) & (value <= upper)
        return (value > 0.0) & (value < upper)

    def _number(self, t, graph):
        if self.per_node and not np.isscalar(t):
            rates = np.asarray(t, dtype=np.float64)
            if rates.shape != (graph.n_nodes,):
                raise ValueError(f"t must be a number or one rate per node. Got shape {rates.shape} instead.")
            return rates
        if isinstance(t, (bool, np.bool_)) or not isinstance(t, Real):
            raise TypeError(f"t must be a real number. Got {t!r} instead.")
        return float(t)


KATZ = Parameter("t", 0.5, _of_radius, _of_radius, _pole, "0 < t < 1/rho, rho the spectral radius", grid=ODDS)
EXPONENT = Parameter("t", 1.0, _half_odds, _of_radius)
LAPLACIAN_TIME = Parameter("t", 1.0, _half_odds, _of_degree)
TIME = Parameter("t", 1.0, _half_odds)
FRACTION = Parameter("a", 0.9, _as_given, upper=_one, domain="0 < a < 1", grid=ODDS)
SLOPE = Parameter("a", 7.0, _half_odds, domain="a > 0")
TEMPERATURE = Parameter("b", 1.0, _inverse_odds, _of_cost, domain="b > 0", grid=GEOMETRIC[:10])
MIX = Parameter("x", 0.5, _as_given, upper=_one, domain="0 <= x <= 1", closed=True, grid=np.linspace(0.0, 1.0, 9))
ABSORPTION = Parameter("a", 1.0, _half_odds, _rate_of_degree, domain="a > 0", per_node=True)
