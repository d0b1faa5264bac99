"""The Gromov-Wasserstein objective of a coupling, and the map that its gradient is made of.

With the self-adjoint map ``G(T) = C1 T C2' + C1' T C2`` the objective is ``f(T) = c - <G(T), T>``, where
``c = p' (C1 o C1) p + q' (C2 o C2) q``, and its gradient is ``-2 G(T)``.
"""

from functools import cached_property

import numpy as np

__all__ = ["ROUNDING", "Objective"]

ROUNDING = 1e-14  # relative to the scale of the objective
DIRECT_TERMS = 16  # pairs of non-zeros per entry of the costs up to which their sum is worth its time
MASS_ROUNDING = 4 * np.finfo(float).eps  # weights sum to one up to this


class Objective:
    """The objective of two networks.

    It depends on differences between costs alone, so a number that both costs have in common is taken from them first:
    it would only cost digits.

    Parameters
    ----------
    network1, network2 : MeasureNetwork
        The networks.
    """

    def __init__(self, network1, network2):
        shift = (network1.mean + network2.mean) / 2.0
        self.C1, self.C2 = network1.dense - shift, network2.dense - shift
        self.shift = abs(shift)
        self.p, self.q = network1.weights, network2.weights
        self.symmetric = network1.is_symmetric and network2.is_symmetric
        self.constant = float(self.p @ self.C1**2 @ self.p + self.q @ self.C2**2 @ self.q)
        self.size = self.p.size * self.q.size
        self._twice = 2.0 * self.C2 if self.symmetric else None

    @cached_property
    def largest(self):
        """The largest absolute cost."""
        return float(max(np.abs(self.C1).max(), np.abs(self.C2).max()))

    @cached_property
    def floor(self):
        """What no value is below unless it is zero: the square of the rounding of a difference between costs."""
        return (MASS_ROUNDING * (self.largest + self.shift)) ** 2

    @cached_property
    def rounding(self):
        """What the objective and its bounds may be off by: their rounding, and that of the mass at the largest cost."""
        return ROUNDING * self.constant + MASS_ROUNDING * self.largest**2 + self.floor

    def image(self, coupling):
        """``G(T)`` for a coupling with few non-zeros."""
        if self.symmetric:
            return self.C1 @ coupling.times(self._twice)
        return self.C1 @ coupling.times(self.C2.T) + self.C1.T @ coupling.times(self.C2)

    def value(self, plan):
        """The objective of any plan, from scratch.

        A plan with few non-zeros gives a sum of squared differences, in which nothing cancels, so that the value is
        good to all digits however large the costs are.
        """
        rows, columns = np.nonzero(plan)
        if rows.size**2 > DIRECT_TERMS * (self.p.size**2 + self.q.size**2):
            return self.constant - 2.0 * float(np.sum((self.C1 @ plan @ self.C2.T) * plan))
        masses = plan[rows, columns]
        differences = self.C1[np.ix_(rows, rows)] - self.C2[np.ix_(columns, columns)]
        value = float(masses @ differences**2 @ masses)
        return value if value > self.floor else 0.0
