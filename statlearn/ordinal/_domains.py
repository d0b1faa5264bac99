"""Where cuts may cross: anywhere but in the observed class, at no training row, or nowhere in the training box.

A constraint keeps a *slack*, the difference ``eta_k - eta_{k-1}`` somewhere, non-negative. That difference is
``theta[k]`` applied to the row, so every slack lives in one block of ``theta``. The constraints enter the objective
through an augmented Lagrangian: with multipliers ``nu`` and stiffness ``c`` the *pressure* ``max(0, nu - c slack)``
pushes back, and at the solution the pressure is the multiplier, which is what the duality gap uses.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["DOMAINS", "UNCONSTRAINED", "AugmentedLagrangian", "crossing_slacks"]

NEW_PAIRS_PER_CUT = 256  # the most violated ones enter first, the rest only if these do not mend them


def crossing_slacks(loss, theta):
    """Differences ``eta_k - eta_{k-1}`` of every row, class by class, shape (n_rows of the class, M - 1)."""
    for level in range(loss.n_cuts + 1):
        yield loss.design.times(level, theta[1:].T)


@dataclass(frozen=True)
class TrainConstraints:
    """Chosen (row, cut) pairs that must not cross.

    Attributes
    ----------
    positions : ndarray of shape (m,)
        Rows, in class order.
    cuts : ndarray of shape (m,)
        The pair constrains ``theta[cuts[i]]``.
    rows : ndarray of shape (m, 1 + n_features)
        Standardized rows with a leading one.
    """

    positions: np.ndarray
    cuts: np.ndarray
    rows: np.ndarray

    def slack(self, theta):
        """One slack per pair."""
        return np.einsum("ij,ij->i", self.rows, theta[self.cuts])

    def gradient(self, theta, pressure):
        """Gradient of ``-pressure' slack``."""
        result = np.zeros_like(theta)
        np.add.at(result, self.cuts, -pressure[:, None] * self.rows)
        return result

    def extra_lasso(self, theta, pressure):
        """The slacks are smooth: nothing to add."""
        return 0.0

    def add_curvature(self, hessian, block, column, theta, stiffness):
        """Add ``sum stiffness_i grad(slack_i) grad(slack_i)'`` to the Hessian of the coordinates (block, column)."""
        for cut in np.unique(self.cuts[stiffness > 0.0]):
            chosen, own = (self.cuts == cut) & (stiffness > 0.0), np.flatnonzero(block == cut)
            rows = self.rows[np.ix_(chosen, column[own])]
            hessian[np.ix_(own, own)] += (rows * stiffness[chosen, None]).T @ rows


@dataclass(frozen=True)
class BoxConstraints:
    """The smallest slack of each cut over the box ``center +- half`` of standardized features.

    It is ``theta[k, 0] + center'psi - half'|psi|``: concave. Under pressure its absolute values act as lasso weights,
    and its curvature is taken along the present signs.
    """

    center: np.ndarray
    half: np.ndarray

    def slack(self, theta):
        """Smallest slack of each cut over the box."""
        differences = theta[1:]
        return differences[:, 0] + differences[:, 1:] @ self.center - np.abs(differences[:, 1:]) @ self.half

    def gradient(self, theta, pressure):
        """Gradient of the linear part of ``-pressure' slack``."""
        return np.vstack([np.zeros(theta.shape[1]), -np.outer(pressure, np.append(1.0, self.center))])

    def extra_lasso(self, theta, pressure):
        """Lasso weights of the absolute values in ``-pressure' slack``."""
        return np.vstack([np.zeros(theta.shape[1]), np.outer(pressure, np.append(0.0, self.half))])

    def add_curvature(self, hessian, block, column, theta, stiffness):
        """Add ``stiffness_k grad(slack_k) grad(slack_k)'`` along the present face to the Hessian."""
        for cut in np.flatnonzero(stiffness) + 1:
            own = np.flatnonzero(block == cut)
            normal = np.append(1.0, self.center - self.half * np.sign(theta[cut, 1:]))[column[own]]
            hessian[np.ix_(own, own)] += stiffness[cut - 1] * np.outer(normal, normal)


@dataclass(frozen=True)
class AugmentedLagrangian:
    """``sum (max(0, nu - c slack)^2 - nu^2) / (2 c)``, or the plain Lagrangian ``-nu' slack`` when ``c`` is 0."""

    constraints: TrainConstraints | BoxConstraints
    multipliers: np.ndarray
    stiffness: float

    def slack(self, theta):
        """Slacks of the constraints."""
        return self.constraints.slack(theta)

    def pressure(self, slack):
        """What pushes back: the multipliers of the next round."""
        return np.maximum(self.multipliers - self.stiffness * slack, 0.0)

    def value(self, slack):
        """The term added to the objective."""
        if self.stiffness == 0.0:
            return -float(self.multipliers @ slack)
        return float((self.pressure(slack) ** 2 - self.multipliers**2).sum()) / (2.0 * self.stiffness)

    def gradient(self, theta, slack):
        """Its gradient, without the part that `extra_lasso` carries."""
        return self.constraints.gradient(theta, self.pressure(slack))

    def extra_lasso(self, theta, slack):
        """Lasso weights it adds."""
        return self.constraints.extra_lasso(theta, self.pressure(slack))

    def add_curvature(self, hessian, block, column, theta, slack):
        """Add its curvature to the Hessian of the coordinates (block, column)."""
        stiffness = self.stiffness * (self.pressure(slack) > 0.0)
        self.constraints.add_curvature(hessian, block, column, theta, stiffness)


class _Unconstrained:
    """The absence of constraints, with the face of `AugmentedLagrangian`."""

    def slack(self, theta):
        return np.empty(0)

    def value(self, slack):
        return 0.0

    def gradient(self, theta, slack):
        return 0.0

    def extra_lasso(self, theta, slack):
        return 0.0

    def add_curvature(self, hessian, block, column, theta, slack):
        return


UNCONSTRAINED = _Unconstrained()


class ObservedDomain:
    """Only the observed class of each row needs a positive probability: the objective as it is written."""

    def smallest_slack(self, theta):
        """Nothing is asked beyond the objective's own domain."""
        return np.inf


class TrainDomain:
    """No training row may cross. Constraints are generated: the violated ones, until none is left out."""

    def __init__(self, loss, standard):
        self.loss = loss
        nothing = np.empty(0, dtype=np.int64)
        self.constraints = TrainConstraints(nothing, nothing, np.empty((0, loss.design.n_columns)))

    def smallest_slack(self, theta):
        """Over all training rows and cuts."""
        return min(float(block.min(initial=np.inf)) for block in crossing_slacks(self.loss, theta))

    def tighten(self, theta, multipliers):
        """Constrain the most violated pairs of ``theta`` too; returns the multipliers, 0 for the new pairs."""
        slack = np.vstack(list(crossing_slacks(self.loss, theta)))
        slack[self.constraints.positions, self.constraints.cuts - 1] = np.inf
        nearest = np.argsort(slack, axis=0)[:NEW_PAIRS_PER_CUT]
        which, cuts = np.nonzero(np.take_along_axis(slack, nearest, axis=0) < 0.0)
        positions = nearest[which, cuts]
        known = self.constraints
        self.constraints = TrainConstraints(
            np.append(known.positions, positions),
            np.append(known.cuts, cuts + 1),
            np.vstack([known.rows, self.loss.design.take(positions)]),
        )
        return np.append(multipliers, np.zeros(positions.size))


class BoxDomain:
    """No point of the bounding box of the training data may cross."""

    def __init__(self, loss, standard):
        self.constraints = BoxConstraints(*standard.box())
        self.n_constraints = loss.n_cuts - 1

    def smallest_slack(self, theta):
        """Over the box and all cuts."""
        return float(self.constraints.slack(theta).min(initial=np.inf))

    def tighten(self, theta, multipliers):
        """Every constraint is there from the start."""
        return multipliers if multipliers.size else np.zeros(self.n_constraints)


DOMAINS = {"observed": lambda loss, standard: ObservedDomain(), "train": TrainDomain, "box": BoxDomain}
