"""The separable penalty of the difference coordinates and the optimality conditions it brings."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Penalty", "presto_penalty", "subdifferential_distance"]


def subdifferential_distance(theta, slope, lasso):
    """Distance of ``-slope`` to the subdifferential of ``sum lasso |theta|``, coordinate by coordinate."""
    with np.errstate(invalid="ignore"):  # inf * 0 of frozen coordinates, chosen away below
        signed = np.abs(slope + lasso * np.sign(theta))
    return np.where(theta != 0.0, signed, np.maximum(np.abs(slope) - lasso, 0.0))


@dataclass(frozen=True)
class Penalty:
    """``sum lasso |theta| + ridge theta^2 / 2``; both weights have the shape of ``theta``.

    An infinite ``lasso`` weight freezes its coordinate at zero; a zero one leaves it unpenalized.
    """

    lasso: np.ndarray
    ridge: np.ndarray

    def value(self, theta):
        """The penalty at ``theta``."""
        active = theta != 0.0
        sizes = np.abs(theta[active])
        return float(self.lasso[active] @ sizes + 0.5 * self.ridge[active] @ sizes**2)

    def scaled(self, factor):
        """The penalty times ``factor``."""
        return Penalty(factor * self.lasso, factor * self.ridge)

    def violation(self, theta, gradient):
        """Distance of ``-gradient`` to the subdifferential, coordinate by coordinate."""
        return subdifferential_distance(theta, gradient + self.ridge * theta, self.lasso)

    @property
    def free(self):
        """Coordinates that nothing penalizes."""
        return (self.lasso == 0.0) & (self.ridge == 0.0)


def presto_penalty(alpha, l1_ratio, weights):
    """Penalty of strength ``alpha`` over ``weights`` (0: never shrunk, inf: frozen); ``alpha`` may be infinite."""
    with np.errstate(invalid="ignore"):
        strength = np.where(weights == 0.0, 0.0, alpha * weights)
    strength = np.where(np.isinf(weights), np.inf, strength)
    frozen = np.isinf(strength)
    lasso = np.where(frozen, np.inf, l1_ratio * np.where(frozen, 0.0, strength))
    ridge = (1.0 - l1_ratio) * np.where(frozen, 0.0, strength)
    return Penalty(lasso, ridge)
