r"""Smooth stand-ins of the 0-1 loss that rise within a band around the boundary and are flat outside.

A surrogate l_s rises from 0 to 1 with slope l'_s, an even function of unit integral whose width is s. A halfspace
sign(<w, x>) has the risk L_s(w) = E[l_s(-y <w, x> / |w|)]. The ramp is flat beyond s / 2; the sigmoid
1 / (1 + exp(-t / s)) is never flat, but beyond 40 s its slope is below rounding.
"""

from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy.special import expit

from .._support._sklearn import Interval, validate_params
from .._typing import ArrayLike, FloatOrArray

__all__ = ["RAMP", "SIGMOID", "SURROGATES", "Surrogate", "ramp_loss", "ramp_loss_grad"]

RAMP_CODE, SIGMOID_CODE = 0, 1  # how kernels, which take numbers only, tell surrogates apart
NORMAL_REACH = 39.0  # the density of the normal distribution is 0 in float64 beyond
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(128)

ARGUMENTS = {"t": ["array-like", Real], "width": [Interval(Real, 0, None, closed="neither")]}


@validate_params(ARGUMENTS, prefer_skip_nested_validation=True)
def ramp_loss(t: float | ArrayLike, width: float) -> FloatOrArray:
    r"""Smooth ramp from 0 to 1, a bounded stand-in for the 0-1 loss.

    .. math:: \ell_s(t) = \tfrac12 + \tfrac ts \;\; (|t| \le \tfrac s6), \qquad
              \ell_s(t) = \tfrac23 + \tfrac{u + u^2 - u^3}{3}, \; u = \tfrac{t - s/6}{s/3}
              \;\; (\tfrac s6 < t < \tfrac s2), \qquad \ell_s(t) = 1 \;\; (t \ge \tfrac s2),

    and :math:`\ell_s(-t) = 1 - \ell_s(t)`. Its slope is continuous. Since it is flat outside a band of width ``s``,
    rows far from the boundary do not pull on it, however wrong their labels are.

    Parameters
    ----------
    t : float or array-like
        Arguments, of any shape. The loss of a row is the value at its negated margin ``-y * (x @ w) / norm(w)``.
    width : float
        Width s of the band in which the ramp rises, positive, in the units of ``t``.

    Returns
    -------
    loss : float or ndarray
        Values in [0, 1], in the shape of ``t``.

    Raises
    ------
    ValueError
        If ``width`` is not positive or an entry of ``t`` is NaN.

    See Also
    --------
    ramp_loss_grad : Its derivative.
    psgd_sphere : Minimizes its mean over halfspaces.

    References
    ----------
    .. [1] A. Gollakota, A. Klivans, K. Stavropoulos and A. Vasilyan (2024). "An Efficient Tester-Learner for
       Halfspaces". ICLR. The paper asks for a smooth ramp with these two bands; this one is ours.

    Examples
    --------
    >>> from statlearn.halfspace import ramp_loss
    >>> ramp_loss([-1.0, -0.25, 0.0, 0.25, 1.0], width=1.5)
    array([0.        , 0.33333333, 0.5       , 0.66666667, 1.        ])
    """
    t = _checked(t)
    return RAMP.loss(t, width)[()]


@validate_params(ARGUMENTS, prefer_skip_nested_validation=True)
def ramp_loss_grad(t: float | ArrayLike, width: float) -> FloatOrArray:
    r"""Derivative of the smooth ramp.

    .. math:: \ell_s'(t) = \tfrac1s \;\; (|t| \le \tfrac s6), \qquad
              \ell_s'(t) = \tfrac1s (1 - u)(1 + 3 u), \; u = \tfrac{|t| - s/6}{s/3}
              \;\; (\tfrac s6 < |t| < \tfrac s2),

    and 0 elsewhere: an even function with integral 1 and largest value ``4 / (3 s)``, Lipschitz with constant
    ``12 / s**2``.

    Parameters
    ----------
    t : float or array-like
        Arguments, of any shape.
    width : float
        Width s of the band in which the ramp rises, positive, in the units of ``t``.

    Returns
    -------
    slope : float or ndarray
        Values in [0, 4 / (3 s)], in the shape of ``t``.

    Raises
    ------
    ValueError
        If ``width`` is not positive or an entry of ``t`` is NaN.

    See Also
    --------
    ramp_loss : The ramp.

    Examples
    --------
    >>> from statlearn.halfspace import ramp_loss_grad
    >>> ramp_loss_grad([-1.0, 0.0, 0.25, 0.5], width=1.0)
    array([0.    , 1.    , 1.3125, 0.    ])
    """
    t = _checked(t)
    return RAMP.slope(t, width)[()]


def _checked(t):
    t = np.asarray(t)
    if t.dtype.kind not in "buif":
        raise ValueError(f"t must hold real numbers. Got an array of dtype {t.dtype}.")
    t = t.astype(np.float64)
    if np.isnan(t).any():
        raise ValueError(f"t must not hold NaN. Got {int(np.isnan(t).sum())} of them: drop those margins first.")
    return t


@dataclass(frozen=True)
class Surrogate:
    """A family l_s of surrogates with one member per width s: the base of the ramp and the sigmoid.

    Attributes
    ----------
    name : str
        Its public name.
    code : int
        Its number in kernels.
    breaks : tuple of float
        Ends of the pieces, in widths from 0 upwards, on which the slope is smooth; 0 beyond the last.
    """

    name: str
    code: int
    breaks: tuple

    def reach(self, width):
        """Half width of the band outside which the slope is 0 (sigmoid: below rounding)."""
        return self.breaks[-1] * width

    def mean_slope(self, width):
        """E[l'_s(g)] for a standard normal g, by Gauss quadrature on each smooth piece (closed forms cancel)."""
        ends = np.minimum(np.array([0.0, *self.breaks]) * width, NORMAL_REACH)
        total = 0.0
        for low, high in zip(ends[:-1], ends[1:], strict=True):
            t = low + (high - low) * (NODES + 1.0) / 2.0
            density = np.exp(-0.5 * t * t) / np.sqrt(2.0 * np.pi)
            total += (high - low) * (NODE_WEIGHTS @ (self.slope(t, width) * density))  # both sides, weights sum to 2
        return float(total)


class _Ramp(Surrogate):
    """The smooth ramp of `ramp_loss`."""

    def loss(self, t, width):
        """Values l_s(t)."""
        size = np.minimum(np.abs(t), width) / width
        u = np.clip(3.0 * size - 0.5, 0.0, 1.0)
        above = np.minimum(size, 1.0 / 6.0) + u * (1.0 + u - u * u) / 3.0
        return 0.5 + np.copysign(above, t)

    def slope(self, t, width):
        """Derivatives l'_s(t)."""
        u = np.clip(3.0 * (np.minimum(np.abs(t), width) / width) - 0.5, 0.0, 1.0)
        return (1.0 - u) * (1.0 + 3.0 * u) / width


class _Sigmoid(Surrogate):
    """The logistic function 1 / (1 + exp(-t / s))."""

    def loss(self, t, width):
        """Values l_s(t)."""
        return expit(t / width)

    def slope(self, t, width):
        """Derivatives l'_s(t)."""
        return expit(t / width) * expit(-t / width) / width


RAMP = _Ramp("ramp", RAMP_CODE, (1.0 / 6.0, 1.0 / 2.0))
SIGMOID = _Sigmoid("sigmoid", SIGMOID_CODE, (40.0,))
SURROGATES = {surrogate.name: surrogate for surrogate in (RAMP, SIGMOID)}
