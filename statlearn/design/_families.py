"""Families of orthonormal functions of one variable, each with its probability measure in the user's units."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import isfinite
from numbers import Real

import numpy as np

from ._functions_1d import (
    ChebyshevPolynomials,
    HermitePolynomials,
    JacobiPolynomials,
    LaguerrePolynomials,
    LegendrePolynomials,
    OrthonormalFunctions,
    TrigonometricFunctions,
)

__all__ = [
    "FAMILIES",
    "POLYNOMIALS",
    "BoundedFamily",
    "Chebyshev",
    "Family",
    "Fourier",
    "Hermite",
    "Jacobi",
    "Laguerre",
    "Legendre",
    "PolynomialFamily",
    "family_of",
]


class Family(ABC):
    """Orthonormal functions of ``t = (x - origin) / scale``, where x is in the user's units."""

    origin: float
    scale: float
    support: tuple[float, float]

    @property
    @abstractmethod
    def standard(self):
        """The functions of t."""


class PolynomialFamily(Family):
    """A family of polynomials."""


@dataclass(frozen=True)
class BoundedFamily(PolynomialFamily):
    """A family of polynomials on an interval, which is [-1, 1] in standard units."""

    bounds: tuple[float, float] = (-1.0, 1.0)

    def __post_init__(self):
        object.__setattr__(self, "bounds", _interval(self.bounds))

    @property
    def support(self) -> tuple[float, float]:
        """The interval."""
        return self.bounds

    @property
    def origin(self) -> float:
        """Middle of the interval."""
        return 0.5 * self.bounds[0] + 0.5 * self.bounds[1]

    @property
    def scale(self) -> float:
        """Half the length of the interval."""
        return 0.5 * self.bounds[1] - 0.5 * self.bounds[0]


@dataclass(frozen=True)
class Legendre(BoundedFamily):
    """Legendre polynomials, for the uniform distribution on an interval.

    Parameters
    ----------
    bounds : tuple of float, default=(-1.0, 1.0)
        The interval ``(low, high)``.

    Raises
    ------
    ValueError
        If the bounds are no finite interval.

    Examples
    --------
    >>> from statlearn.design import Legendre, induced_cdf
    >>> induced_cdf([0.0, 5.0, 10.0], 3, Legendre((0.0, 10.0)))
    array([0. , 0.5, 1. ])
    """

    @property
    def standard(self) -> OrthonormalFunctions:
        """The functions in standard units."""
        return LegendrePolynomials()


@dataclass(frozen=True)
class Chebyshev(BoundedFamily):
    """Chebyshev polynomials of the first kind, for the arcsine distribution on an interval.

    Parameters
    ----------
    bounds : tuple of float, default=(-1.0, 1.0)
        The interval ``(low, high)``.

    Raises
    ------
    ValueError
        If the bounds are no finite interval.

    Examples
    --------
    >>> from statlearn.design import Chebyshev
    >>> Chebyshev((0.0, 4.0)).support
    (0.0, 4.0)
    """

    @property
    def standard(self) -> OrthonormalFunctions:
        """The functions in standard units."""
        return ChebyshevPolynomials()


@dataclass(frozen=True)
class Jacobi(BoundedFamily):
    """Jacobi polynomials, for a beta distribution on an interval.

    The density is proportional to ``(high - x)^a (x - low)^b``: a beta distribution with parameters ``b + 1`` and
    ``a + 1``.

    Parameters
    ----------
    bounds : tuple of float, default=(-1.0, 1.0)
        The interval ``(low, high)``.
    a : float, default=0.0
        Power at the upper end, larger than -1.
    b : float, default=0.0
        Power at the lower end, larger than -1.

    Raises
    ------
    ValueError
        If a power is not larger than -1, or the bounds are no finite interval.

    Examples
    --------
    >>> from statlearn.design import Jacobi, induced_ppf
    >>> float(induced_ppf(0.75, 0, Jacobi((0.0, 2.0), a=0.0, b=1.0)).round(4))  # of x / 2, whose square root is uniform
    1.7321
    """

    a: float = 0.0
    b: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        _require(self, "a", self.a, above=-1.0)
        _require(self, "b", self.b, above=-1.0)

    @property
    def standard(self) -> OrthonormalFunctions:
        """The functions in standard units."""
        return JacobiPolynomials(float(self.a), float(self.b))


@dataclass(frozen=True)
class Hermite(PolynomialFamily):
    """Hermite polynomials, for a normal distribution.

    Parameters
    ----------
    loc : float, default=0.0
        Mean.
    scale : float, default=1.0
        Standard deviation.

    Raises
    ------
    ValueError
        If the mean is not finite or the standard deviation not positive and finite.

    Examples
    --------
    >>> from statlearn.design import Hermite, induced_cdf
    >>> float(induced_cdf(3.0, 1000, Hermite(loc=3.0, scale=2.0)))
    0.5
    """

    loc: float = 0.0
    scale: float = 1.0

    support = (-np.inf, np.inf)

    def __post_init__(self):
        _require(self, "loc", self.loc)
        _require(self, "scale", self.scale, above=0.0)

    @property
    def origin(self) -> float:
        """The mean."""
        return self.loc

    @property
    def standard(self) -> OrthonormalFunctions:
        """The functions in standard units."""
        return HermitePolynomials()


@dataclass(frozen=True)
class Laguerre(PolynomialFamily):
    """Laguerre polynomials, for a gamma distribution.

    Parameters
    ----------
    alpha : float, default=0.0
        Power of the density ``t^alpha exp(-t)`` of ``t = (x - loc) / scale``, larger than -1: the shape of the gamma
        distribution is ``alpha + 1``.
    loc : float, default=0.0
        Lower end.
    scale : float, default=1.0
        Scale.

    Raises
    ------
    ValueError
        If the power is not larger than -1, the lower end not finite or the scale not positive and finite.

    Examples
    --------
    >>> from statlearn.design import Laguerre
    >>> Laguerre(alpha=2.0, loc=1.0).support
    (1.0, inf)
    """

    alpha: float = 0.0
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self):
        _require(self, "alpha", self.alpha, above=-1.0)
        _require(self, "loc", self.loc)
        _require(self, "scale", self.scale, above=0.0)

    @property
    def support(self) -> tuple[float, float]:
        """From the lower end to infinity."""
        return self.loc, np.inf

    @property
    def origin(self) -> float:
        """The lower end."""
        return self.loc

    @property
    def standard(self) -> OrthonormalFunctions:
        """The functions in standard units."""
        return LaguerrePolynomials(float(self.alpha))


@dataclass(frozen=True)
class Fourier(Family):
    """Cosines and sines on a circle, for the uniform distribution.

    The functions are 1, ``sqrt 2 cos(2 pi f t)`` and ``sqrt 2 sin(2 pi f t)`` for the frequencies f = 1, 2, ..., where
    t runs from 0 to 1 over a period.

    Parameters
    ----------
    bounds : tuple of float, default=(0.0, 1.0)
        The period ``[low, high)``.

    Raises
    ------
    ValueError
        If the bounds are no finite interval.

    Examples
    --------
    >>> from statlearn.design import Fourier, induced_cdf
    >>> induced_cdf([0.0, 90.0, 180.0], 1, Fourier((0.0, 360.0)))
    array([0.  , 0.25, 0.5 ])
    """

    bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self):
        object.__setattr__(self, "bounds", _interval(self.bounds))

    @property
    def support(self) -> tuple[float, float]:
        """The period."""
        return self.bounds

    @property
    def origin(self) -> float:
        """Begin of the period."""
        return self.bounds[0]

    @property
    def scale(self) -> float:
        """Length of the period."""
        return self.bounds[1] - self.bounds[0]

    @property
    def standard(self) -> OrthonormalFunctions:
        """The functions in standard units."""
        return TrigonometricFunctions()


POLYNOMIALS = {
    "legendre": Legendre,
    "chebyshev": Chebyshev,
    "jacobi": Jacobi,
    "hermite": Hermite,
    "laguerre": Laguerre,
}
FAMILIES = POLYNOMIALS | {"fourier": Fourier}


def family_of(family):
    """The family of a name in standard units, or the family itself."""
    if isinstance(family, Family):
        return family
    if isinstance(family, str) and family in FAMILIES:
        return FAMILIES[family]()
    raise ValueError(f"family must be a family of functions or one of {sorted(FAMILIES)}. Got {family!r} instead.")


def _require(family, name, value, above=-np.inf):
    if not (isinstance(value, Real) and isfinite(value) and value > above):
        lower = "" if above == -np.inf else f" larger than {above:g}"
        raise ValueError(f"{name} of {type(family).__name__} must be a finite number{lower}. Got {value!r} instead.")


def _interval(bounds):
    pair = np.asarray(bounds, dtype=np.float64)
    if pair.shape != (2,) or not np.isfinite(pair).all() or not 0.0 < pair[1] - pair[0] < np.inf:
        raise ValueError(f"bounds must be a pair (low, high) of finite numbers, low < high. Got {bounds!r} instead.")
    return float(pair[0]), float(pair[1])
