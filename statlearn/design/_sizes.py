"""How many samples: a number, a share of the pool, or a multiple of the dimension."""

import re
from fractions import Fraction
from math import ceil, log, log1p
from numbers import Integral, Real
from typing import Literal

from .._support._sklearn import Interval, RealNotInt, StrOptions, validate_params

__all__ = ["N_SAMPLES_CONSTRAINT", "n_volume_blocks", "recommended_n_samples", "resolve_n_samples"]

N_SAMPLES_CONSTRAINT = [Interval(Integral, 1, None, closed="left"), Interval(RealNotInt, 0, 1, closed="right"), str]
SERIES_RADIUS, SERIES_TERMS = 0.1, 20  # 1e-20 relative
MULTIPLE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)?\s*m\s*")


def resolve_n_samples(n_samples, m, n_pool=None, least=None):
    """Turn a number of samples, as users give it, into an integer.

    Parameters
    ----------
    n_samples : int, float or str
        An int is the number itself; a float in (0, 1] is a share of the pool, rounded to the nearest integer; a string
        such as ``"2m"`` or ``"1.5m"`` is a multiple of the dimension, rounded up.
    m : int
        Dimension of the approximation space.
    n_pool : int, default=None
        Number of rows of the pool; None if there is no pool.
    least : int, default=None
        The smallest number that is accepted; None is m.

    Returns
    -------
    n : int
        The number of samples.

    Raises
    ------
    ValueError
        If the number is too small, a string is no multiple of m, or a share is asked for without a pool.

    Examples
    --------
    >>> from statlearn.design._sizes import resolve_n_samples
    >>> resolve_n_samples("1.5m", 7), resolve_n_samples(0.1, 7, n_pool=200)
    (11, 20)
    """
    if isinstance(n_samples, str):
        n = _multiple(n_samples, m)
    elif isinstance(n_samples, Integral):
        n = int(n_samples)
    else:
        n = _share(n_samples, n_pool)
    if n < (m if least is None else least):
        resolved = "" if n_samples == n else f" ({n} samples)"
        raise ValueError(
            f"n_samples={n_samples!r}{resolved} is smaller than the dimension of the approximation space m={m}. Ask "
            "for at least m samples, or approximate in a smaller space."
        )
    return n


def n_volume_blocks(n, m):
    """Number of volume-rescaled blocks of a repeated design: of about 2m samples each, as one of m is a DPP alone."""
    return max(1, n // (2 * m))


def _multiple(text, m):
    match = MULTIPLE.fullmatch(text)
    if not match:
        raise ValueError(f"n_samples={text!r} is no multiple of the dimension m: write '2m' or '1.5m'.")
    return ceil(Fraction(match[1] or 1) * m)


def _share(share, n_pool):
    if not isinstance(share, Real) or not 0.0 < share <= 1.0:
        raise ValueError(f"n_samples={share!r} must be an int, a float in (0, 1], or a multiple such as '2m'.")
    if n_pool is None:
        raise ValueError(f"n_samples={share!r} is a share of a pool, and there is no pool: give an int, or '2m'.")
    return round(share * n_pool)


@validate_params(
    {
        "m": [Interval(Integral, 1, None, closed="left")],
        "delta": [Interval(Real, 0, 1, closed="neither")],
        "eta": [Interval(Real, 0, 1, closed="neither")],
        "criterion": [StrOptions({"lambda_min", "spectral"})],
    },
    prefer_skip_nested_validation=True,
)
def recommended_n_samples(
    m: int, delta: float = 0.9, eta: float = 0.01, criterion: Literal["lambda_min", "spectral"] = "lambda_min"
) -> int:
    r"""Number of independent points that is proved to make a stable fit; determinantal designs need far fewer.

    By the matrix Chernoff bound, the smallest eigenvalue of the Gram matrix of n points of `ChristoffelSampler` is
    below :math:`1 - \delta` with a probability of at most :math:`m \exp(-c\, n / m)`, with
    :math:`c = \delta + (1 - \delta) \log(1 - \delta)`; the spectral norm of its distance from the identity is above
    :math:`\delta` with at most :math:`2 m \exp(-d\, n / m)`, with
    :math:`d = -\delta + (1 + \delta) \log(1 + \delta)`.

    Parameters
    ----------
    m : int
        Number of basis functions.
    delta : float, default=0.9
        The bound, between 0 and 1.
    eta : float, default=0.01
        Probability with which it may fail.
    criterion : {"lambda_min", "spectral"}, default="lambda_min"
        What is bounded.

    Returns
    -------
    n_samples : int
        The number of points.

    See Also
    --------
    ConditionedSampler : Checks the bound and draws again.

    Notes
    -----
    No such number is proved for determinantal designs, which need fewer: in experiments with Legendre polynomials,
    `RepeatedDPP` had a smallest eigenvalue above one half in nine of ten draws with 5m points for m = 5, 7m for m = 20
    and 9m for m = 80, where `ChristoffelSampler` needed 12m, 18m and 26m.

    References
    ----------
    Cohen, Migliorati (2017). "Optimal weighted least-squares methods". SMAI Journal of Computational Mathematics 3,
    181-203.

    Examples
    --------
    >>> from statlearn.design import recommended_n_samples
    >>> recommended_n_samples(20), recommended_n_samples(20, delta=0.5)
    (227, 991)
    """
    if criterion == "lambda_min":
        return ceil(m * (log(m) - log(eta)) / _chernoff_exponent(-delta))
    return ceil(m * (log(2.0 * m) - log(eta)) / _chernoff_exponent(delta))


def _chernoff_exponent(x):
    """(1 + x) log(1 + x) - x, by its series where the terms would cancel."""
    if abs(x) > SERIES_RADIUS:
        return (1.0 + x) * log1p(x) - x
    return sum((-x) ** k / (k * (k - 1)) for k in range(2, SERIES_TERMS))
