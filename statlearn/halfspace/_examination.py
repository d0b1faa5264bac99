"""The tests of a linear rule on rows that had no part in choosing it."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.stats import norm

from ._angle_bounds import (
    RIGHT_ANGLE,
    agnostic_angle_bound,
    excess_error_bound,
    is_oriented,
    massart_angle_bound,
)
from ._gradient_bound import GradientMoments, gradient_moments, gradient_upper_bound
from ._marginal_tests import MarginalTestResult, marginal_test
from ._noise_tests import NoiseTests, disagreement_in_slabs, largest_error, noise_tests
from ._whitening import Whitening

__all__ = ["Bounded", "Examination", "Examiner", "LinearRule"]

ENTRIES_AT_ONCE = 2**18  # of a block of whitened rows


class LinearRule(NamedTuple):
    """A decision by the sign of <coef, x> + intercept.

    Attributes
    ----------
    coef : ndarray of shape (n_features,)
        Normal in the user's coordinates.
    intercept : float
        Intercept.
    center : bool
        Whether the hyperplane is one through the mean rather than through the origin.
    """

    coef: np.ndarray
    intercept: float
    center: bool


class Bounded(NamedTuple):
    """Upper confidence bounds on which those of the angle and the excess error rest.

    Attributes
    ----------
    gradient : float
        Of the norm of the gradient.
    error : float
        Of the error of the rule.
    offset : float
        Of the distance of the hyperplane behind the labels from the origin of whitened coordinates.
    distance : float
        The distance of the rule's own hyperplane.
    """

    gradient: float
    error: float
    offset: float
    distance: float


class Examination(NamedTuple):
    """What was found.

    Attributes
    ----------
    marginal : MarginalTestResult or None
        Tests of Gaussian rows; None if they could not be made.
    no_marginal : str
        Why not.
    gradient : GradientMoments
        The gradient of the surrogate's risk, in coordinates that whiten these rows.
    bounded : Bounded
        Upper confidence bounds.
    angle : float
        Upper confidence bound of the angle to the halfspace behind the labels, in degrees.
    oriented : bool
        Whether the error excludes that the two are on opposite sides.
    excess : float
        Upper confidence bound of the excess error; 1 if nothing is excluded.
    error : float
        Weighted share of errors.
    noise : NoiseTests or None
        Errors against the noise bound; None without one.
    """

    marginal: MarginalTestResult | None
    no_marginal: str
    gradient: GradientMoments
    bounded: Bounded
    angle: float
    oriented: bool
    excess: float
    error: float
    noise: NoiseTests | None


class Examiner(NamedTuple):
    """How rules are examined.

    Attributes
    ----------
    surrogate : Surrogate
        The stand-in of the 0-1 loss, whose gradient is bounded.
    width : float
        Its width in standard deviations of a margin.
    eta : float or None
        Bound of the flip probabilities; None for wrong labels of any kind.
    level : float
        Level of each test and, taken from 1, confidence of the bounds.
    tolerance : float
        Departures from Gaussian moments that are let pass.
    n_marginal : int
        Most rows on which the marginal is tested.
    source : NullSource
        Where null laws are from.
    """

    surrogate: object
    width: float
    eta: float | None
    level: float
    tolerance: float
    n_marginal: int
    source: object

    def examine(self, rule, X, signs, weights, rows, generator):
        """Examine a rule on the listed rows of X, which are independent of it."""
        whitening = Whitening.of_rows(X, weights, rows, center=rule.center)
        normal, length = _whitened_normal(rule, X, weights, rows, whitening)
        blocks = ((table, signs[part], weights[part]) for part, table in _whitened(X, rows, whitening))
        gradient = gradient_moments(blocks, normal, self.surrogate, self.width)
        gradient_bound = gradient_upper_bound(gradient, level=1.0 - self.level)
        margins = _products(X, rows, rule.coef)
        wrong = (margins + rule.intercept > 0.0) != (signs[rows] > 0.0)
        distance = abs(whitening.mean @ rule.coef + rule.intercept) / length  # of the rule itself from the origin of z
        margins = (margins - whitening.mean @ rule.coef) / length
        largest = largest_error(int(wrong.sum()), rows.size, 1.0 - self.level)
        # The mean of the rows is not that of their distribution, through which the hyperplane behind the labels goes.
        offset = norm.ppf(1.0 - 0.5 * self.level) / np.sqrt(rows.size) if rule.center else 0.0
        bounded = Bounded(gradient_bound, largest, float(offset), float(distance))
        angle, oriented, excess = self.bounds(bounded)
        marginal, reason = self._marginal(rule, X, weights, rows, generator)
        noise = None
        if self.eta is not None:
            noise = noise_tests(margins, wrong, disagreement_in_slabs(margins, angle, offset=offset), self.eta)
        error = float(weights[rows] @ wrong / weights[rows].sum())
        return Examination(marginal, reason, gradient, bounded, angle, oriented, excess, error, noise)

    def bounds(self, bounded, opt=None):
        """Bounds of the angle in degrees and of the excess error, and whether the two rules are on one side.

        Wrong labels are flips with a probability of at most ``eta``; or any share ``opt`` of all, if it is given or
        there is no ``eta``. None for ``opt`` is then the bound of the error: the best halfspace makes no more errors.
        """
        if not np.isfinite(bounded.gradient):
            return RIGHT_ANGLE, False, 1.0
        options = {"offset": bounded.offset, "surrogate": self.surrogate.name}
        if opt is None and self.eta is not None:
            noise = {"eta": self.eta}
            angle = massart_angle_bound(bounded.gradient, self.width, self.eta, **options)
        else:
            noise = {"opt": bounded.error if opt is None else opt}
            angle = agnostic_angle_bound(bounded.gradient, self.width, noise["opt"], **options)
        apart = bounded.offset + bounded.distance
        oriented = is_oriented(bounded.error, angle, **noise, offset=apart)
        return angle, oriented, excess_error_bound(angle, offset=apart) if oriented else 1.0

    def _marginal(self, rule, X, weights, rows, generator):
        """Tests of Gaussian rows on a random part of the rows, or the reason why there are none."""
        if np.ptp(weights[rows]) > 0.0:
            return None, "the null laws are those of rows of equal weight"
        if rows.size > self.n_marginal:
            rows = generator.choice(rows, self.n_marginal, replace=False)
        table = X[rows]
        table = table.toarray() if sparse.issparse(table) else table
        if rows.size < 2 or not (table != table[0]).any() or np.ptp(table @ rule.coef) == 0.0:
            return None, f"the {rows.size} rows of the tests do not vary"
        result = marginal_test(
            table,
            rule.coef,
            self.width,
            tolerance=self.tolerance,
            level=self.level,
            center=rule.center,
            source=self.source,
        )
        return result, ""


def _whitened_normal(rule, X, weights, rows, whitening):
    """Unit normal of the hyperplane through the origin of whitened coordinates, and the length of the whole normal.

    Margins are linear in z: <coef, x - mean> = <a, z> for the solution a of E[z z'] a = E[z <coef, x - mean>]. This
    holds whatever rows the covariance that whitens was estimated from, and for columns that depend on each other.
    """
    second = np.zeros((whitening.rank, whitening.rank))
    cross = np.zeros(whitening.rank)
    offset = whitening.mean @ rule.coef
    for part, table in _whitened(X, rows, whitening):
        weighted = weights[part][:, None] * table
        second += weighted.T @ table
        cross += weighted.T @ (X[part] @ rule.coef - offset)
    normal = np.linalg.lstsq(second, cross, rcond=None)[0]
    length = np.linalg.norm(normal)
    return normal / length, length


def _whitened(X, rows, whitening):
    """Blocks of the listed rows, as numbers and as whitened tables."""
    step = max(1, ENTRIES_AT_ONCE // X.shape[1])
    for start in range(0, rows.size, step):
        part = rows[start : start + step]
        table = X[part]
        yield part, whitening.apply(table.toarray() if sparse.issparse(table) else table)


def _products(X, rows, coef):
    """<coef, x> of the listed rows."""
    step = max(1, ENTRIES_AT_ONCE // X.shape[1])
    return np.concatenate([X[rows[start : start + step]] @ coef for start in range(0, rows.size, step)])
