r"""What a small gradient proves about the angle between a halfspace and the one behind the labels.

Let w be the fitted unit normal, w* that of the halfspace behind the labels, theta the angle between them, v the unit
component of w* orthogonal to w, m = <w, x> and z = <v, x>. The sign of <w*, x> is that of z where |z| > |m| cot(theta)
and that of m elsewhere, so that

    -<grad L_s(w), v> = E[l'_s(m) y z]

is large if theta is, whatever the noise does to the labels. The least it can be, B(theta), is found below for two
models of noise; it rises with theta up to 90 degrees and B(180 - theta) = B(theta). A gradient of norm G therefore
excludes angles with B(theta) > G: what is left is an angle between the two *hyperplanes*. On which side of it the
positive class lies is a question for the error (`is_oriented`).

All angles are in degrees.
"""

import math
from numbers import Real
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from .._support._sklearn import Interval, StrOptions, validate_params
from ._surrogates import SURROGATES

__all__ = [
    "agnostic_angle_bound",
    "excess_error_bound",
    "is_oriented",
    "massart_angle_bound",
]

RIGHT_ANGLE = 90.0  # degrees: nothing is excluded
MEAN_SIZE = math.sqrt(2.0 / math.pi)  # E|g| of a standard normal g
BISECTION = {"xtol": 1e-13, "rtol": 1e-13}
FARTHEST = 30.0  # offset of a hyperplane beyond which there are no rows
REACH = 12.0  # margins of a standard normal beyond it have no mass worth counting
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(128)


@validate_params(
    {
        "gradient_bound": [Interval(Real, 0, None, closed="both")],
        "width": [Interval(Real, 0, None, closed="neither")],
        "eta": [Interval(Real, 0, 0.5, closed="left")],
        "offset": [Interval(Real, 0, None, closed="left")],
        "surrogate": [StrOptions(set(SURROGATES))],
    },
    prefer_skip_nested_validation=True,
)
def massart_angle_bound(
    gradient_bound: float,
    width: float,
    eta: float,
    *,
    offset: float = 0.0,
    surrogate: Literal["ramp", "sigmoid"] = "ramp",
) -> float:
    r"""Largest angle to the true halfspace that a small gradient leaves open, under Massart noise.

    Let rows x be standard normal and let the label of a halfspace through the origin, with unit normal :math:`w^*`, be
    flipped with some probability :math:`\eta(x) \le \eta < 1/2`. If the gradient on the sphere of the smoothed error
    :math:`L_s(w) = E[\ell_s(-y \langle w, x\rangle)]` at a unit vector w has norm at most G, the angle
    :math:`\theta` between the hyperplanes of w and :math:`w^*` satisfies

    .. math:: \sqrt{2/\pi}\, \bigl((1 - \eta)\, e(s / \sin\theta) - \eta\, e(s)\bigr) \le G,
              \qquad e(s) = E[\ell_s'(g)], \quad g \sim N(0, 1).

    The left side rises with :math:`\theta`. The function returns the angle at which it reaches G.

    Parameters
    ----------
    gradient_bound : float
        The bound G: an upper confidence bound if the gradient was estimated. The norm that was measured is no bound.
    width : float
        Width s of the surrogate at which the gradient was taken, in units of the standard deviation of a margin.
    eta : float
        Bound of the flip probabilities, at least 0 and below 0.5. It is assumed, not estimated.
    offset : float, default=0.0
        Largest distance of the true hyperplane from the origin, in units of the standard deviation across it. If the
        origin is the mean of n rows, and the true hyperplane goes through their expectation, it is of the size of
        ``1 / sqrt(n)``, which matters next to small angles.
    surrogate : {"ramp", "sigmoid"}, default="ramp"
        The surrogate loss.

    Returns
    -------
    angle : float
        Angle in degrees, between 0 and 90. 90 says that nothing is excluded.

    Raises
    ------
    ValueError
        If ``gradient_bound`` or ``offset`` is negative, ``width`` not positive, or ``eta`` not in [0, 0.5).

    See Also
    --------
    ramp_loss : The surrogate.

    Notes
    -----
    The inequality is sharp. Noise that flips with probability :math:`\eta` where this makes the gradient smaller, and
    not at all elsewhere, attains it.

    Even a gradient of zero leaves an angle open, about ``0.27 * width`` radians for ``eta=0.4`` and small widths: a
    smaller width resolves finer, but its gradient is estimated from fewer rows.

    With an offset b, :math:`e(s / \sin\theta)` becomes :math:`e^{-b^2/2}` times the smaller of itself and
    :math:`\sin\theta\, E[\ell_s'(b \cos\theta + g \sin\theta)]`.

    The angle is one between hyperplanes: w and -w have the same gradient. The angle between the normals is either at
    most the bound or at least 180 degrees minus it, which the errors of the two tell apart. If it is the former, the
    error of w exceeds that of :math:`w^*` by at most ``angle / 180``.

    References
    ----------
    .. [1] I. Diakonikolas, V. Kontonis, C. Tzamos and N. Zarifis (2020). "Learning Halfspaces with Massart Noise Under
       Structured Distributions". COLT. Small gradients imply small angles; the constants here are ours.

    Examples
    --------
    >>> from statlearn.halfspace import massart_angle_bound
    >>> print(f"{massart_angle_bound(0.02, width=0.1, eta=0.4):.1f} degrees")
    2.0 degrees
    >>> massart_angle_bound(0.2, width=0.1, eta=0.4)
    90.0
    """
    surrogate = SURROGATES[surrogate]
    slope = gradient_bound / MEAN_SIZE + eta * surrogate.mean_slope(width)
    return _angle_with_slope(slope / (1.0 - eta), width, surrogate, offset)


def _angle_with_slope(slope, width, surrogate, offset):
    """The angle at which the least slope at an offset up to the given one has risen to ``slope``; 90 if it never does.

    The slope is exp(-b^2 / 2) for an offset b times a factor that rises, if at all, before it falls: the factor is
    least at one of the two ends.
    """
    if slope <= 0.0:
        return 0.0
    if offset > FARTHEST:
        return RIGHT_ANGLE
    needed = slope * math.exp(0.5 * offset**2)

    def surplus(log_sine):
        sine = math.exp(log_sine)
        return min(_slope_at_angle(sine, width, surrogate, shift) for shift in {0.0, offset}) - needed

    if surplus(0.0) <= 0.0:
        return RIGHT_ANGLE
    steepest = surrogate.slope(np.linspace(0.0, width, 1001), width).max()
    lowest = math.log(min(1.0, 0.5 * needed / steepest))  # the factor is at most the sine times the steepest slope
    return math.degrees(math.asin(min(1.0, math.exp(brentq(surplus, lowest, 0.0, **BISECTION)))))


def _slope_at_angle(sine, width, surrogate, offset):
    """sin E[l'_s(b cos + g sin)] for an offset b: the integral of l'_s(m) phi((m - b cos) / sin) over m.

    Gauss quadrature on each smooth piece of the slope, as far as the normal density reaches.
    """
    center = offset * math.sqrt(1.0 - sine * sine)
    outward = np.array([0.0, *surrogate.breaks]) * width
    ends = np.clip(np.r_[-outward[:0:-1], outward], center - REACH * sine, center + REACH * sine)
    half = 0.5 * np.diff(ends)[:, None]
    margins = ends[:-1, None] + half * (1.0 + NODES)
    density = np.exp(-0.5 * ((margins - center) / sine) ** 2) / math.sqrt(2.0 * math.pi)
    return float(np.sum(half * NODE_WEIGHTS * density * surrogate.slope(margins, width)))


def agnostic_angle_bound(gradient_bound, width, opt, *, offset=0.0, surrogate="ramp"):
    r"""Largest angle to a halfspace of error ``opt`` that a small gradient leaves open, whatever the wrong labels.

    Rows are standard normal and an adversary chose ``opt`` of the labels. Without the adversary, the gradient along v
    is sqrt(2 / pi) e(s / sin(theta)). A wrong label takes at most 2 l'_s(m) |z| away, and the adversary can do no
    better than to spend the mass ``opt`` where this is largest.

    Parameters
    ----------
    gradient_bound : float
        Upper bound of the norm of the gradient, non-negative.
    width : float
        Width of the surrogate.
    opt : float
        Share of wrong labels, from 0 to 1.
    offset : float, default=0.0
        Largest distance of the hyperplane from the origin.
    surrogate : {"ramp", "sigmoid"}, default="ramp"
        The surrogate loss.

    Returns
    -------
    angle : float
        Angle between the hyperplanes in degrees; 90 if nothing is excluded.
    """
    surrogate = SURROGATES[surrogate]
    slope = (gradient_bound + 2.0 * _largest_pull(opt, width, surrogate)) / MEAN_SIZE
    return _angle_with_slope(slope, width, surrogate, offset)


def _largest_pull(mass, width, surrogate):
    """Largest E[l'_s(m) |z|; A] over events A of a given mass, for independent standard normal m and z.

    The event is {l'_s(m) |z| > t}, with t such that it has the mass (Neyman and Pearson).
    """
    slopes, masses = _slopes_of_normal_margins(width, surrogate)
    if mass <= 0.0:
        return 0.0

    def surplus(level):
        return masses @ (2.0 * norm.sf(level / slopes)) - mass

    if surplus(0.0) <= 0.0:  # the whole band
        return float(masses @ slopes * MEAN_SIZE)
    highest = slopes.max()
    while surplus(highest) > 0.0:
        highest *= 2.0
    level = brentq(surplus, 0.0, highest, **BISECTION)
    return float(masses @ (slopes * 2.0 * norm.pdf(level / slopes)))


def _slopes_of_normal_margins(width, surrogate):
    """Slopes l'_s at nodes of a quadrature over the band, and the normal mass that each node stands for."""
    ends = np.minimum(np.array([0.0, *surrogate.breaks]) * width, REACH)
    half = 0.5 * np.diff(ends)[:, None]
    margins = (ends[:-1, None] + half * (1.0 + NODES)).ravel()
    masses = (2.0 * half * NODE_WEIGHTS).ravel() * norm.pdf(margins)  # both signs of a margin
    slopes = surrogate.slope(margins, width)
    return slopes[slopes > 0.0], masses[slopes > 0.0]


def excess_error_bound(angle, *, offsets=()):
    """Most by which the error of a halfspace exceeds that of one at an angle and with offsets, under a normal law.

    An error more needs a disagreement. Two halfspaces through the origin disagree on a share ``angle / 180`` of the
    rows, and moving one of them away from it changes its sign on Phi(offset) - 1/2 of them.

    Parameters
    ----------
    angle : float
        Bound of the angle in degrees.
    offsets : sequence of float, default=()
        Bounds of the distances of the two hyperplanes from the origin.
    """
    return min(1.0, angle / 180.0 + sum(float(norm.cdf(offset)) - 0.5 for offset in offsets))


def is_oriented(largest_error, disagreement, eta=0.0, *, opt=0.0):
    """Whether the error of a halfspace excludes that its positive class is on the wrong side.

    If it is, w and w* agree on no more rows than those on which w and -w* may differ. On the others a label is that of
    w*, and so an error of w, with probability 1 - eta at least (Massart noise), or all but a share ``opt`` of the
    labels are (an adversary).

    Parameters
    ----------
    largest_error : float
        Upper confidence bound of the error of w.
    disagreement : float
        Bound of the share of rows on which two halfspaces whose hyperplanes are as close as those of w and w* differ.
    eta : float, default=0.0
        Bound of the flip probabilities.
    opt : float, default=0.0
        Share of labels that an adversary chose.

    Returns
    -------
    oriented : bool
        Whether it is excluded.
    """
    return bool(largest_error < (1.0 - eta) * (1.0 - disagreement) - opt)
