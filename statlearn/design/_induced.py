"""Distributions of one variable with density ``p_k^2`` relative to the measure of an orthonormal family."""

from typing import Literal

import numpy as np

from .._support.validation import refuse_dates
from .._typing import ArrayLike, FloatOrArray
from ._families import Family, PolynomialFamily, family_of
from ._index_sets import LARGEST_SET

__all__ = ["induced_cdf", "induced_ppf", "induced_quantiles"]

PUSH = 0.2  # of a step towards the middle, in squares of the bracket over the first one
LAST_DIGITS = 4.0 * np.finfo(float).eps  # relative width of a bracket, or error of a probability, that is rounding


def induced_cdf(
    x: ArrayLike,
    degree: ArrayLike,
    family: Literal["legendre", "hermite", "chebyshev", "jacobi", "laguerre", "fourier"] | Family = "legendre",
) -> FloatOrArray:
    """Distribution function of an induced distribution.

    The distribution has the density ``p_k(x)^2`` relative to the measure of an orthonormal family, where ``k`` is the
    degree. The function has a closed form for all families here, evaluated in O(k) with an error of some roundings.

    Parameters
    ----------
    x : array-like of float
        Points, which may be infinite.
    degree : array-like of int
        Degree of the polynomial, or frequency of the cosine, for each point. A frequency below 0 means a sine.
    family : {"legendre", "hermite", "chebyshev", "jacobi", "laguerre", "fourier"} or family, default="legendre"
        The family, by name in standard units or as an object such as ``Hermite(loc, scale)``.

    Returns
    -------
    probability : ndarray of float, or float
        Probability up to ``x``, of the shape to which ``x`` and ``degree`` broadcast.

    Raises
    ------
    ValueError
        If a point is NaN, a degree is negative or no integer, or the family unknown.

    See Also
    --------
    induced_ppf : The inverse.

    Notes
    -----
    Errors are those of some roundings where parameters of the family are moderate. They grow in proportion to large
    ones: 1e-13 for ``Laguerre(alpha=1e3)``, 3e-10 for ``alpha=1e6``.

    References
    ----------
    A. Narayan. Computation of induced orthogonal polynomial distributions. Electronic Transactions on Numerical
    Analysis 50, 2018.

    Examples
    --------
    >>> from statlearn.design import induced_cdf
    >>> induced_cdf([-1.0, 0.0, 1.0], 2)
    array([0. , 0.5, 1. ])
    """
    family = family_of(family)
    x, labels = _broadcast(x, "x", degree, family)
    if np.isnan(x).any():
        raise ValueError("x must not contain NaN.")
    t = (x - family.origin) / family.scale
    return family.standard.induced_cdf(_largest(labels))(t.ravel(), labels.ravel()).reshape(x.shape)[()]


def induced_ppf(
    u: ArrayLike,
    degree: ArrayLike,
    family: Literal["legendre", "hermite", "chebyshev", "jacobi", "laguerre", "fourier"] | Family = "legendre",
) -> FloatOrArray:
    """Quantiles of an induced distribution, the inverse of `induced_cdf`.

    Found between brackets to the last digits. Where ``p_k`` has a zero the distribution function is flat, so that
    quantiles nearby are less exact than their probabilities.

    Parameters
    ----------
    u : array-like of float
        Probabilities in [0, 1].
    degree : array-like of int
        Degree of the polynomial, or frequency of the cosine, for each probability. A frequency below 0 means a sine.
    family : {"legendre", "hermite", "chebyshev", "jacobi", "laguerre", "fourier"} or family, default="legendre"
        The family, by name in standard units or as an object such as ``Hermite(loc, scale)``.

    Returns
    -------
    x : ndarray of float, or float
        Quantiles; the ends of the support, which may be infinite, for 0 and 1.

    Raises
    ------
    ValueError
        If a probability is outside [0, 1], a degree is negative or no integer, or the family unknown.

    See Also
    --------
    induced_cdf : The distribution function.

    Examples
    --------
    >>> from statlearn.design import induced_ppf
    >>> float(induced_ppf(0.5, 1, "laguerre").round(6))
    2.989308
    """
    family = family_of(family)
    u, labels = _broadcast(u, "u", degree, family)
    if not ((u >= 0.0) & (u <= 1.0)).all():
        raise ValueError("u must be probabilities in [0, 1].")
    low, high = family.support
    x = np.where(u > 0.0, high, low)
    inside = (u > 0.0) & (u < 1.0)
    x[inside] = family.origin + family.scale * induced_quantiles(family.standard, u[inside], labels[inside])
    return np.clip(x, low, high)[()]


def induced_quantiles(functions, u, labels):
    """Quantiles of ``p^2 dmu`` in standard units at probabilities ``u`` (n,) in (0, 1), for each label (n,).

    With ``t = low + (high - low) sin(angle / 2)^2`` the distribution function is nearly linear in the angle where the
    function oscillates, and digits of small distances from ``low`` are kept.
    """
    if u.size == 0:
        return np.empty(0)
    cdf = functions.induced_cdf(_largest(labels))
    low, high = functions.quantile_range(labels)

    def point(angle, low, high):
        return low + (high - low) * np.sin(0.5 * angle) ** 2

    def excess(angle, u, labels, low, high):
        rest = cdf(point(angle, low, high), labels) - u
        return np.where(np.abs(rest) <= LAST_DIGITS * u, 0.0, rest)

    return point(_roots(excess, np.pi, (u, labels, low, high)), low, high)


def _roots(f, width, arguments):
    """Roots in (0, width) of increasing functions ``f(x, *arguments)``, one per entry, to the last digits.

    The method ITP of Oliveira and Takahashi (2021, ACM Transactions on Mathematical Software 47): a step of regula
    falsi, pushed towards the middle of the bracket and kept so near to it that no more steps are needed than by
    bisection. The general-purpose ``scipy.optimize.elementwise.find_root`` takes several times as long for a hundred
    roots.
    """
    n = arguments[0].size
    low, high, roots = np.zeros(n), np.full(n, width), np.empty(n)
    at_low, at_high = f(low, *arguments), f(high, *arguments)
    active, slack = np.arange(n), width
    while active.size:
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        rise = at_high - at_low
        chord = np.where(rise > 0.0, (at_high * low - at_low * high) / np.where(rise > 0.0, rise, 1.0), middle)
        toward = np.sign(middle - chord)
        pushed = chord + toward * np.minimum(PUSH * (high - low) ** 2 / width, np.abs(middle - chord))
        reach = np.maximum(slack - half, 0.0)
        x = np.where(np.abs(pushed - middle) <= reach, pushed, middle - toward * reach)
        value = f(x, *arguments)
        below, above = value <= 0.0, value >= 0.0
        low, at_low = np.where(below, x, low), np.where(below, value, at_low)
        high, at_high = np.where(above, x, high), np.where(above, value, at_high)
        roots[active] = 0.5 * (low + high)
        left = high - low > LAST_DIGITS * high
        slack *= 0.5
        if not left.all():
            active, low, high, at_low, at_high = active[left], low[left], high[left], at_low[left], at_high[left]
            arguments = [argument[left] for argument in arguments]
    return roots


def _broadcast(values, name, degree, family):
    """Values and labels as arrays of one shape."""
    labels = np.asarray(degree)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"degree must be integers. Got {degree!r} instead.")
    if isinstance(family, PolynomialFamily) and (labels < 0).any():
        raise ValueError(f"degree must not be negative. Got {labels.min()}.")
    if labels.size and np.abs(labels.astype(np.float64)).max() > LARGEST_SET:
        raise ValueError(f"degree must be at most {LARGEST_SET}. Got {np.abs(labels.astype(np.float64)).max():.3g}.")
    refuse_dates(values, name)
    values = np.asarray(values, dtype=np.float64)
    try:
        values, labels = np.broadcast_arrays(values, labels.astype(np.int64))
    except ValueError as error:
        raise ValueError(
            f"{name} of shape {values.shape} and degree of shape {labels.shape} do not broadcast."
        ) from error
    return values, labels


def _largest(labels):
    return int(np.abs(labels).max(initial=0))
