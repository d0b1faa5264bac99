"""Rules for the steps of large-step logistic regression: which rows are weighed how, and how far a step goes.

A step is ``theta + length * u`` with ``u = sum_i q_i z_i``, where the weights q are in the simplex. Soft weights are
proportional to ``w_i sigma(-m_i)``, so that u points along the negative gradient of the logistic loss; hard weights are
proportional to ``w_i`` where ``m_i <= 0``, and 0 elsewhere. The rules differ in the length alone:

===========================  =======  ============================================================
rule                         weights  length
===========================  =======  ============================================================
`Fixed`                      soft     gamma mean sigma(-m): gradient descent
`Normalized`                 soft     gamma
`SafeRadius`                 soft     r times the radius of convergence of the loss along u
`BatchPerceptron`            hard     share of rows with m <= 0; half of it for a step from 0
`NormalizedPerceptron`       hard     1
===========================  =======  ============================================================

A rule's ``length(point)`` sees the ``log_mass`` of the weights, whether the point is the origin, and the radius.

References
----------
.. [1] A. Tyurin (2024). "From Logistic Regression to the Perceptron Algorithm: Exploring Gradient Descent with Large
   Step Sizes." arXiv:2412.08424. `Fixed`: section 2; the perceptrons: sections 3 and 5; `Normalized`: section 6, where
   the limit of beta is n / |S| and not |S|.
.. [2] P. Sao (2026). "Ghosts of Softmax: Complex Singularities That Limit Safe Step Sizes in Cross-Entropy."
   arXiv:2603.13552. `SafeRadius`.
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from .._support.user_warnings import warn_user
from ..exceptions import StepSizeWarning

__all__ = [
    "STEP_RULES",
    "BatchPerceptron",
    "Fixed",
    "Normalized",
    "NormalizedPerceptron",
    "SafeRadius",
    "step_rule",
]


@dataclass(frozen=True)
class BatchPerceptron:
    """The limit of gradient descent for gamma to infinity, with theta measured in units of gamma.

    All margins at 0 count as errors. There sigma(0) is 1/2, hence the half in the first step.
    """

    is_hard: ClassVar[bool] = True
    gamma: ClassVar[float] = 1.0

    def length(self, point):
        return math.exp(point.log_mass) * (0.5 if point.is_origin else 1.0)


@dataclass(frozen=True)
class NormalizedPerceptron:
    """The limit of normalized descent for gamma to infinity: the mean of the rows with m <= 0 is added."""

    is_hard: ClassVar[bool] = True
    gamma: ClassVar[float] = 1.0

    def length(self, point):
        return 1.0


@dataclass(frozen=True)
class Normalized:
    """Gradient descent whose gradient is divided by the mean of sigma(-m)."""

    gamma: float
    is_hard: ClassVar[bool] = False

    def length(self, point):
        return self.gamma


@dataclass(frozen=True)
class Fixed:
    """Gradient descent with a step size gamma. The length underflows to 0 once all margins are beyond 745."""

    gamma: float
    is_hard: ClassVar[bool] = False

    def length(self, point):
        return self.gamma * math.exp(point.log_mass)


@dataclass(frozen=True)
class SafeRadius:
    """Steps of r times the radius up to which the Taylor series of the loss along u converges.

    No step is known to decrease the loss; see `safe_step_radius`.
    """

    r: float
    is_hard: ClassVar[bool] = False
    gamma: ClassVar[float] = 1.0

    def length(self, point):
        return self.r * point.radius()


STEP_RULES = {
    "perceptron": lambda gamma, r: BatchPerceptron(),
    "normalized-perceptron": lambda gamma, r: NormalizedPerceptron(),
    "normalized": lambda gamma, r: Normalized(_positive(gamma, "gamma")),
    "safe-radius": lambda gamma, r: SafeRadius(_positive(r, "r")),
}


def step_rule(step_size, gamma=100.0, r=1.0):
    """The rule that an estimator's parameters ask for.

    Parameters
    ----------
    step_size : {"perceptron", "normalized-perceptron", "normalized", "safe-radius"} or float
        A name, or the step size of plain gradient descent.
    gamma : float, default=100.0
        Step size of ``"normalized"``.
    r : float, default=1.0
        Share of the radius of ``"safe-radius"``.

    Returns
    -------
    rule : BatchPerceptron, NormalizedPerceptron, Normalized, Fixed or SafeRadius
        The rule.

    Raises
    ------
    ValueError
        If the name is unknown, or a number that is used is not positive and finite.

    Warns
    -----
    StepSizeWarning
        If ``r`` is used and above 1.
    """
    if isinstance(step_size, Real) and not isinstance(step_size, bool):
        return Fixed(_positive(step_size, "step_size"))
    if not isinstance(step_size, str) or step_size not in STEP_RULES:
        raise ValueError(f"step_size must be a positive number or one of {sorted(STEP_RULES)}. Got {step_size!r}.")
    rule = STEP_RULES[step_size](gamma, r)
    if isinstance(rule, SafeRadius) and rule.r > 1.0:
        warn_user(
            f"r={r:g} goes beyond the radius up to which the Taylor series of the loss converges. Use r <= 1 unless "
            "this is meant.",
            StepSizeWarning,
        )
    return rule


def _positive(value, name):
    """The value as a float if it is positive and finite."""
    if not 0.0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite. Got {value!r}.")
    return float(value)
