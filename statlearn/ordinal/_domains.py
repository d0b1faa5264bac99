"""Where cuts may cross: anywhere but in the observed class, at no training row, or nowhere in the training box.

A constraint keeps a *slack*, the difference ``eta_k - eta_{k-1}`` somewhere, non-negative. That difference is
``theta[k]`` applied to the row, so every slack lives in one block of ``theta``. A domain hands the solver its slacks as
``rows @ t - bends @ |t|`` over the coordinates ``t`` the solver works with, and its multipliers' share of the gradient.
"""

import numpy as np

__all__ = ["DOMAINS", "crossing_slacks"]

NEW_PAIRS_PER_CUT = 256  # the most violated ones enter first, the rest only if these do not mend them
PRESSING = -0.5  # of the floor that slacks keep: what lies further below it is a violation


def crossing_slacks(loss, theta):
    """Differences ``eta_k - eta_{k-1}`` of every row, class by class, shape (n_rows of the class, M - 1)."""
    for level in range(loss.n_cuts + 1):
        yield loss.design.times(level, theta[1:].T)


class ObservedDomain:
    """Only the observed class of each row needs a positive probability: the objective as it is written."""

    bounded = False

    def smallest_slack(self, theta):
        """Nothing is asked beyond the objective's own domain."""
        return np.inf

    def tighten(self, theta, floor):
        """There is nothing to constrain: no new constraints."""
        return 0

    def on(self, block, column):
        """No slacks."""
        return np.empty((0, block.size)), None

    def gradient(self, multipliers):
        """No share of the gradient."""
        return 0.0

    def extra_lasso(self, multipliers):
        """No share of the lasso weights."""
        return 0.0


class TrainDomain:
    """No training row may cross. Constraints are generated: (row, cut) pairs enter once they are violated."""

    bounded = True

    def __init__(self, loss, standard):
        self.loss = loss
        self.positions = np.empty(0, dtype=np.int64)  # in class order
        self.cuts = np.empty(0, dtype=np.int64)  # pair i constrains theta[cuts[i]]
        self.rows = np.empty((0, loss.design.n_columns))

    def smallest_slack(self, theta):
        """Over all training rows and cuts."""
        return min(float(block.min(initial=np.inf)) for block in crossing_slacks(self.loss, theta))

    def tighten(self, theta, floor):
        """Constrain the most violated pairs of ``theta`` too; returns how many were added."""
        slack = np.vstack(list(crossing_slacks(self.loss, theta))) - floor
        slack[self.positions, self.cuts - 1] = np.inf
        which, cuts = np.nonzero(slack < PRESSING * floor)
        if which.size == 0:
            return 0
        order = np.lexsort((slack[which, cuts], cuts))
        rank = np.arange(order.size) - np.searchsorted(cuts[order], cuts[order])  # within its cut
        chosen = order[rank < NEW_PAIRS_PER_CUT]
        positions, cuts = which[chosen], cuts[chosen] + 1
        rows = self.loss.design.take(positions)
        # Equal rows of different classes make one constraint.
        distinct = np.sort(np.unique(np.column_stack([cuts, rows]), axis=0, return_index=True)[1])
        self.positions = np.append(self.positions, positions[distinct])
        self.cuts = np.append(self.cuts, cuts[distinct])
        self.rows = np.vstack([self.rows, rows[distinct]])
        return distinct.size

    def on(self, block, column):
        """``rows`` and ``bends`` of the slacks over the coordinates (block, column)."""
        rows = np.where(self.cuts[:, None] == block, self.rows[:, column], 0.0)
        return rows, None

    def gradient(self, multipliers):
        """Gradient in ``theta`` of the Lagrangian term ``-multipliers' slack``."""
        result = np.zeros((self.loss.n_cuts, self.rows.shape[1]))
        for cut in np.unique(self.cuts):
            pressing = (self.cuts == cut) & (multipliers > 0.0)
            result[cut] = -(multipliers[pressing] @ self.rows[pressing])
        return result

    def extra_lasso(self, multipliers):
        """The slacks are smooth: nothing to add."""
        return 0.0


class BoxDomain:
    """No point of the bounding box ``center +- half`` of the standardized training features may cross.

    The smallest slack of a cut over the box is ``theta[k, 0] + center'psi - half'|psi|``: concave. Under pressure its
    absolute values act as lasso weights.
    """

    bounded = True

    def __init__(self, loss, standard):
        center, half = standard.box()
        self.center, self.half = np.append(1.0, center), np.append(0.0, half)
        self.n_constraints = loss.n_cuts - 1
        self.entered = False

    def smallest_slack(self, theta):
        """Over the box and all cuts."""
        differences = theta[1:]
        return float((differences @ self.center - np.abs(differences) @ self.half).min(initial=np.inf))

    def tighten(self, theta, floor):
        """All constraints enter at once."""
        if self.entered or self.smallest_slack(theta) - floor >= PRESSING * floor:
            return 0
        self.entered = True
        return self.n_constraints

    def on(self, block, column):
        """``rows`` and ``bends`` of the slacks over the coordinates (block, column)."""
        own = np.arange(1, self.n_constraints + 1)[:, None] == block
        return np.where(own, self.center[column], 0.0), np.where(own, self.half[column], 0.0)

    def gradient(self, multipliers):
        """Gradient of the linear part of the Lagrangian term ``-multipliers' slack``."""
        return np.vstack([np.zeros(self.center.size), -np.outer(multipliers, self.center)])

    def extra_lasso(self, multipliers):
        """Lasso weights of the absolute values in ``-multipliers' slack``."""
        return np.vstack([np.zeros(self.half.size), np.outer(multipliers, self.half)])


DOMAINS = {"observed": lambda loss, standard: ObservedDomain(), "train": TrainDomain, "box": BoxDomain}
