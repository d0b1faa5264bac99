"""The tests of a linear rule on rows that had no part in choosing it."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

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
from ._marginal_tests import marginal_test
from ._noise_tests import NoiseTests, disagreement_in_slabs, largest_error, noise_tests
from ._whitening import ROWS_PER_FEATURE, Whitening

__all__ = ["Bounded", "Examination", "Examiner", "LinearRule", "Seen"]

ENTRIES_AT_ONCE = 2**18  # of a block of whitened rows
FEWEST_ROWS = 4
CONSTANT = 1e-13  # range of margins, of their size, that is rounding


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
    rank : int
        Number of directions in which the rows vary.
    """

    gradient: float
    error: float
    offset: float
    distance: float
    rank: int


NOTHING_BOUNDED = Bounded(gradient=np.inf, error=1.0, offset=0.0, distance=0.0, rank=0)


class Examination(NamedTuple):
    """What was found.

    Attributes
    ----------
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
    law : MarginalTestResult, BandMoments or None
        What was found of the law of the rows; None if nothing could be.
    no_law : str
        Why not.
    """

    gradient: GradientMoments
    bounded: Bounded
    angle: float
    oriented: bool
    excess: float
    error: float
    noise: NoiseTests | None
    law: object
    no_law: str


class Seen(NamedTuple):
    """Rows that are examined, as the rule sees them.

    Attributes
    ----------
    X, weights, rows : ndarray
        The table, its weights and the numbers of the rows.
    whitening : Whitening
        Whitens these rows.
    normal : ndarray of shape (rank,)
        Unit normal of the rule in their coordinates.
    margins : ndarray of shape (n_rows,)
        Distances to the hyperplane with this normal through their origin.
    shift : float
        What makes them distances to the rule's own hyperplane when it is added.
    wrong : ndarray of bool of shape (n_rows,)
        Whether the rule errs.
    """

    X: object
    weights: np.ndarray
    rows: np.ndarray
    whitening: Whitening
    normal: np.ndarray
    margins: np.ndarray
    shift: float
    wrong: np.ndarray

    def tables(self):
        """Whitened rows in blocks."""
        return (table for _, table in _whitened(self.X, self.rows, self.whitening))

    @property
    def equally_weighted(self):
        return np.ptp(self.weights[self.rows]) == 0.0


@dataclass(frozen=True)
class Examiner:
    """How rules are examined, if rows are taken to be Gaussian.

    Parameters
    ----------
    surrogate : Surrogate
        The stand-in of the 0-1 loss, whose gradient is bounded.
    width : float
        Its width in standard deviations of a margin.
    eta : float or None
        Bound of the flip probabilities; None for wrong labels of any kind.
    level : float
        Level of each test and, taken from 1, joint confidence of the bounds.
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

    # Of the level, which they share: most of it goes to what costs the most.
    shares: ClassVar = {"gradient": 0.8, "error": 0.1, "offset": 0.05, "whitening": 0.05}

    def examine(self, rule, X, signs, weights, rows, generator):
        """Examine a rule on the listed rows of X, which are independent of it."""
        raw = _products(X, rows, rule.coef) if rows.size else np.zeros(0)
        wrong = (raw + rule.intercept > 0.0) != (signs[rows] > 0.0)
        error = float(weights[rows] @ wrong / weights[rows].sum()) if rows.size else np.nan
        if rows.size < FEWEST_ROWS or np.ptp(raw) <= CONSTANT * np.abs(raw).max():
            reason = f"the {rows.size} rows of the tests do not vary across the boundary"
            return _nothing_found(reason, rows.size, error)
        seen = self._seen(rule, X, weights, rows, raw, wrong)
        blocks = ((table, signs[part], weights[part]) for part, table in _whitened(X, rows, seen.whitening))
        gradient = gradient_moments(blocks, seen.normal, self.surrogate, self.width)
        bounded = self._bounded(seen, gradient, rule)
        return Examination(gradient, bounded, *self._judged(seen, bounded, error, rule, generator))

    def _seen(self, rule, X, weights, rows, raw, wrong):
        whitening = Whitening.of_rows(X, weights, rows, center=rule.center)
        normal, length = _whitened_normal(rule, X, weights, rows, whitening)
        at_origin = whitening.mean @ rule.coef
        margins = (raw - at_origin) / length
        return Seen(X, weights, rows, whitening, normal, margins, float(at_origin + rule.intercept) / length, wrong)

    def _bounded(self, seen, gradient, rule):
        """Upper confidence bounds that share the level; none of the gradient where too few rows are whitened."""
        n_rows, n_wrong = seen.rows.size, int(seen.wrong.sum())
        # The mean of the rows is not that of their distribution, through which the hyperplane behind the labels goes.
        offset = norm.ppf(1.0 - 0.5 * self._level_of("offset")) / np.sqrt(n_rows) if rule.center else 0.0
        return Bounded(
            gradient=self._gradient_bound(seen, gradient) if n_rows >= ROWS_PER_FEATURE * seen.normal.size else np.inf,
            error=largest_error(n_wrong, n_rows, 1.0 - self._level_of("error")) if seen.equally_weighted else 1.0,
            offset=float(offset),
            distance=abs(seen.shift),
            rank=seen.normal.size,
        )

    def _gradient_bound(self, seen, gradient):
        """Upper confidence bound of the gradient's norm in coordinates that whiten the distribution.

        Those that whiten the rows differ from them by a map whose singular values are off from 1 by sqrt(d / n) and a
        few standard errors. It changes the length of the gradient, and lets it have a part of what the margins are.
        """
        bound = gradient_upper_bound(gradient, level=1.0 - self._level_of("gradient"))
        n_rows, n_features = seen.rows.size, seen.normal.size
        change = (np.sqrt(n_features) + np.sqrt(2.0 * np.log(1.0 / self._level_of("whitening")))) / np.sqrt(n_rows)
        pull = float(np.mean(self.surrogate.slope(seen.margins, self.width) * np.abs(seen.margins)))
        return (1.0 + change) * (bound + change * pull)

    def _level_of(self, bound):
        return self.shares[bound] * self.level

    def _judged(self, seen, bounded, error, rule, generator):
        """What follows from the bounds, and the tests, as the last attributes of an `Examination`."""
        angle, oriented, excess = self.bounds(bounded)
        law, reason = self._marginal(seen, rule, generator)
        noise = None
        if self.eta is not None and seen.equally_weighted:
            from_rule = seen.margins + seen.shift
            may_differ = disagreement_in_slabs(from_rule, angle, offset=bounded.offset + bounded.distance)
            noise = noise_tests(from_rule, seen.wrong, may_differ, self.eta)
        return angle, oriented, excess, error, noise, law, reason

    def angle_bound(self, gradient, *, opt=None, offset=0.0):
        """Bound of the angle in degrees, given one of the gradient.

        Wrong labels are flips with a probability of at most ``eta``; or any share ``opt`` of all, if it is given.
        """
        options = {"offset": offset, "surrogate": self.surrogate.name}
        if opt is None:
            return massart_angle_bound(gradient, self.width, self.eta, **options)
        return agnostic_angle_bound(gradient, self.width, opt, **options)

    def bounds(self, bounded, opt=None):
        """Bounds of the angle in degrees and of the excess error, and whether the two rules are on one side.

        None for ``opt`` is the bound of the error if there is no ``eta``: the best halfspace makes no more errors.
        """
        if not np.isfinite(bounded.gradient):
            return RIGHT_ANGLE, False, 1.0
        is_agnostic = opt is not None or self.eta is None
        at_most = bounded.error if is_agnostic and opt is None else opt
        angle = 0.0 if bounded.rank == 1 else self.angle_bound(bounded.gradient, opt=at_most, offset=bounded.offset)
        disagreement = excess_error_bound(angle, offsets=(bounded.offset, bounded.distance))
        noise = {"opt": at_most} if is_agnostic else {"eta": self.eta}
        oriented = angle < RIGHT_ANGLE and is_oriented(bounded.error, disagreement, **noise)
        excess = disagreement if oriented else 1.0
        if is_agnostic:  # the error is an excess over the least share of wrong labels, too
            excess = min(excess, max(0.0, bounded.error - (opt or 0.0)))
        return angle, oriented, excess

    def _marginal(self, seen, rule, generator):
        """Tests of Gaussian rows on a random part of the rows, or the reason why there are none."""
        if not seen.equally_weighted:
            return None, "the null laws are those of rows of equal weight"
        rows = seen.rows
        if rows.size > self.n_marginal:
            rows = generator.choice(rows, self.n_marginal, replace=False)
        table = seen.X[rows]
        table = table.toarray() if sparse.issparse(table) else table
        if np.ptp(table @ rule.coef) == 0.0:
            return None, f"the {rows.size} rows of the tests do not vary across the boundary"
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


def _nothing_found(reason, n_rows, error):
    """What is found on rows that decide nothing."""
    gradient = GradientMoments(np.zeros(1), np.zeros((1, 1)), n_rows, 0)
    return Examination(gradient, NOTHING_BOUNDED, RIGHT_ANGLE, False, 1.0, error, None, None, reason)


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
