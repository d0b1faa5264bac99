r"""Bounds of the angle and of the excess error that assume nothing of the law of the rows. Weak: for research.

Everything is a statement about the rows of the sample, whatever they are; only labels, and the step from these rows to
others, are a matter of chance. With m = <w, x> the margin, and z = <v, x> for the unit v orthogonal to w towards the
halfspace behind the labels:

*Angle.* Where |z| is below c = (|m| cos(angle) + offset) / sin(angle), the label may have the sign of m. So, under
Massart noise and on average over the rows,

    -<grad, v>  >=  mean l'_s(m) ((1 - 2 eta) |z|  -  2 (1 - eta) c).

By Hölder's inequality the mean of |z|, weighted by l'_s(m), is at least (mean z^2)^1.5 / (mean z^4)^0.5. The second
moment is least for an eigenvector; the fourth is bounded for all v at once by an eigenvalue (`largest_fourth_moment`).

*Disagreement.* z, with the sign opposite to that of m, exceeds t = (|m| cos(angle) - offset) / sin(angle) where the two
halfspaces differ. An indicator 1{z > t} is at most ((t z + 1) / (t^2 + 1))^2 for t >= 0, as in the proof of Cantelli's
inequality; its mean is a quadratic function of v.
"""

import math
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from ._angle_bounds import RIGHT_ANGLE, is_oriented
from ._bands import orthogonal_part
from ._examination import Examiner
from ._noise_tests import largest_error, noise_tests, thresholds

__all__ = ["BandMoments", "UniversalExaminer", "band_moments", "universal_angle_bound", "universal_disagreement"]

MOST_FEATURES = 60  # their products of two are 1,800, and the matrix of these takes 26 MB
ENTRIES_AT_ONCE = 2**20  # of a block of products
NULL_SHARE = 1e-10  # second moment, of the largest, below which a direction does not vary
QUANTILES = (np.arange(200) + 0.5) / 200.0
SMALLEST = 1e-12  # tangent of an angle that counts as 0


class BandMoments(NamedTuple):
    """What the rows of a sample are like in the band of a surrogate, across the normal.

    Attributes
    ----------
    margins : ndarray of shape (n_band,)
        Margins of the rows of the band.
    slopes : ndarray of shape (n_band,)
        Their slopes l'_s(m), which weight all means below.
    n_rows : int
        Number of rows in all.
    least_second : float
        Least mean of z^2 over unit vectors v orthogonal to the normal.
    largest_kurtosis : float
        Bound of (mean z^4) / (mean z^2)^2 for all v; 3 for a normal law.
    """

    margins: np.ndarray
    slopes: np.ndarray
    n_rows: int
    least_second: float
    largest_kurtosis: float

    @property
    def least_size(self):
        """Bound from below of the mean of |z| for all v."""
        return math.sqrt(self.least_second / self.largest_kurtosis)


def band_moments(tables, w, surrogate, width):
    """The moments that the universal bound of the angle rests on, or None if the rows vary in too few directions.

    Parameters
    ----------
    tables : callable
        Gives the rows, blocks of shape (n_block, n_features), each time it is called.
    w : ndarray of shape (n_features,)
        Unit vector; at least two features.
    surrogate : Surrogate
        The stand-in of the 0-1 loss.
    width : float
        Its width.

    Returns
    -------
    moments : BandMoments or None
        Exact for these rows, but for rounding and for what `largest_fourth_moment` gives away.
    """
    margins, slopes = [], []
    second = np.zeros((w.size - 1, w.size - 1))
    for block_margins, block_slopes, across in _bands(tables(), w, surrogate, width):
        second += (block_slopes[:, None] * across).T @ across
        margins.append(block_margins)
        slopes.append(block_slopes)
    margins, slopes = np.concatenate(margins), np.concatenate(slopes)
    if margins.size == 0:
        return None
    values, vectors = np.linalg.eigh(second / slopes.sum())
    if values[0] <= NULL_SHARE * values[-1]:
        return None
    whiten = vectors / np.sqrt(values)
    fourth = np.zeros((w.size * (w.size - 1) // 2,) * 2)
    for _, block_slopes, across in _bands(tables(), w, surrogate, width):
        _add_fourth_moments(fourth, across @ whiten, block_slopes)
    n_rows = sum(len(table) for table in tables())
    return BandMoments(margins, slopes, n_rows, values[0], largest_fourth_moment(fourth / slopes.sum(), w.size - 1))


def _bands(tables, w, surrogate, width):
    """Margins, slopes and parts orthogonal to w of the rows in the band, block by block."""
    for table in tables:
        margins = table @ w
        slopes = surrogate.slope(margins, width)
        band = slopes > 0.0
        yield margins[band], slopes[band], orthogonal_part(table[band], w)


def _add_fourth_moments(fourth, rows, weights):
    """Add the weighted sum of vec(z z') vec(z z')', in the coordinates of symmetric matrices."""
    first, second = np.triu_indices(rows.shape[1])
    scale = np.where(first == second, 1.0, math.sqrt(2.0))
    step = max(1, ENTRIES_AT_ONCE // first.size)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        products = part[:, first] * part[:, second] * (scale * np.sqrt(weights[start : start + step])[:, None])
        fourth += products.T @ products


def largest_fourth_moment(fourth, n_features):
    """Upper bound of the mean of <v, z>^4 over all unit v; for normal rows it is their fourth moment, 3.

    The fourth moment is <V, M V> for V = v v', which is the identity over its dimension k plus a matrix of trace 0 and
    squared norm 1 - 1/k. On the latter M is bounded by its largest eigenvalue there. This is the bound that sums of
    squares of degree 4 and a sphere give at the identity.

    Parameters
    ----------
    fourth : ndarray of shape (n_features * (n_features + 1) / 2,) * 2
        M: the mean of vec(z z') vec(z z')', entries off the diagonal of z z' times sqrt(2).
    n_features : int
        k.
    """
    first, second = np.triu_indices(n_features)
    identity = (first == second) / math.sqrt(n_features)
    image = fourth @ identity
    at_identity = identity @ image
    cross = image - at_identity * identity
    traceless = fourth - np.outer(identity, image) - np.outer(cross, identity)
    rest = 1.0 - 1.0 / n_features
    bound = at_identity / n_features + 2.0 * np.linalg.norm(cross) * math.sqrt(rest / n_features)
    return float(bound + rest * np.linalg.eigvalsh(traceless)[-1])


def _normal_band(surrogate, width):
    """The moments of normal rows, at quantiles of their margins."""
    reach = surrogate.reach(width)
    margins = norm.ppf(norm.cdf(-reach) + (2.0 * norm.cdf(reach) - 1.0) * QUANTILES)
    return BandMoments(
        margins, surrogate.slope(margins, width), QUANTILES.size / (2.0 * norm.cdf(reach) - 1.0), 1.0, 3.0
    )


def universal_angle_bound(gradient_bound, moments, eta, *, offset=0.0):
    """Largest angle to the halfspace behind the labels, under Massart noise, whatever the rows.

    Parameters
    ----------
    gradient_bound : float
        Upper bound of the norm of the gradient, non-negative.
    moments : BandMoments
        The rows.
    eta : float
        Bound of the flip probabilities, in [0, 0.5).
    offset : float, default=0.0
        Largest distance of the hyperplane behind the labels from the origin.

    Returns
    -------
    angle : float
        Angle between the hyperplanes in degrees; 90 if nothing is excluded.
    """
    shares = moments.slopes / moments.n_rows
    gain = (1.0 - 2.0 * eta) * moments.least_size * shares.sum() - gradient_bound
    sizes = np.abs(moments.margins)

    def surplus(log_tangent):
        angle = math.atan(math.exp(log_tangent))
        borders = (sizes * math.cos(angle) + offset) / math.sin(angle)
        return gain - 2.0 * (1.0 - eta) * (shares @ borders)

    low, high = math.log(SMALLEST), -math.log(SMALLEST)
    if surplus(high) <= 0.0:
        return RIGHT_ANGLE
    return math.degrees(math.atan(math.exp(brentq(surplus, low, high)))) if surplus(low) < 0.0 else 0.0


def universal_disagreement(tables, w, angle, *, offset=0.0, distance=0.0, level=0.95):
    """Upper confidence bound of the probability of different sides, whatever the distribution of the rows.

    The rows of the sample on which w and any halfspace within the angle differ are at most a share of all that the
    largest eigenvalue of the quadratic part, twice the norm of the linear part, and the constant add up to. A
    Clopper-Pearson limit turns the share into a probability.

    For standard normal rows the result is about 4 times the true ``angle / 180``.

    Parameters
    ----------
    tables : iterable of ndarray of shape (n_block, n_features)
        The rows, in coordinates of about unit covariance, in blocks.
    w : ndarray of shape (n_features,)
        Unit vector that does not depend on the rows.
    angle : float
        Bound of the angle in degrees. At 90 or more nothing is known, and the result is 1.
    offset : float, default=0.0
        Largest distance of the other hyperplane from the origin.
    distance : float, default=0.0
        Distance from the origin of the first hyperplane itself, of which w is the normal.
    level : float, default=0.95
        Confidence level.

    Returns
    -------
    probability : float
        The bound.
    """
    if angle >= RIGHT_ANGLE:
        return 1.0
    quadratic, linear, constant, n_rows, n_between = np.zeros((w.size, w.size)), np.zeros(w.size), 0.0, 0, 0
    for X in tables:
        margins = X @ w
        borders = np.maximum(thresholds(margins, angle, offset), 0.0)
        constants = 1.0 / (1.0 + borders**2)
        factors = -np.sign(margins) * borders * constants
        scaled = factors[:, None] * (X - np.outer(margins, w))
        quadratic += scaled.T @ scaled
        linear += constants @ scaled
        constant += constants @ constants
        n_rows += margins.size
        n_between += np.count_nonzero(np.abs(margins) <= distance) if distance > 0.0 else 0
    share = (np.linalg.eigvalsh(quadratic)[-1] + 2.0 * np.linalg.norm(linear) + constant + n_between) / n_rows
    return largest_error(int(min(share, 1.0) * n_rows), n_rows, level)


class UniversalExaminer(Examiner):
    """How rules are examined if nothing is taken for granted of the law of the rows."""

    shares: ClassVar = {"gradient": 0.7, "error": 0.1, "offset": 0.1, "disagreement": 0.1}

    def _judged(self, seen, bounded, error, rule, generator):
        """What follows for the rows as they are. Errors are only tested as a whole: none are known to be near."""
        moments, reason = self._moments(seen)
        angle = RIGHT_ANGLE if reason else self._universal_angle(moments, bounded)
        options = {
            "offset": bounded.offset,
            "distance": bounded.distance,
            "level": 1.0 - self._level_of("disagreement"),
        }
        disagreement = universal_disagreement(seen.tables(), seen.normal, angle, **options)
        oriented = angle < RIGHT_ANGLE and is_oriented(bounded.error, disagreement, self.eta)
        noise = None
        if seen.equally_weighted:
            may_differ = np.full(seen.rows.size, disagreement)
            noise = noise_tests(seen.margins, seen.wrong, may_differ, self.eta, deepest=0)
        return angle, oriented, disagreement if oriented else 1.0, error, noise, moments, reason

    def _gradient_bound(self, seen, gradient):
        """Upper confidence bound of the norm of the mean over labels of the gradient of these very rows.

        Along its own direction the estimate falls short of it by the noise of the labels only, which is no larger than
        that of rows and labels together. The bias of the norm must not be taken off, for most of it may be due to rows.
        """
        if seen.normal.size == 1:
            return 0.0
        step = math.sqrt(max(np.linalg.eigvalsh(gradient.covariance)[-1], 0.0))
        return gradient.norm + norm.ppf(1.0 - self._level_of("gradient")) * step if gradient.n_band > 1 else math.inf

    def angle_bound(self, gradient, *, opt=None, offset=0.0):
        """Bound of the angle in degrees that normal rows would give, as a guide for the width."""
        return universal_angle_bound(gradient, _normal_band(self.surrogate, self.width), self.eta, offset=offset)

    def _universal_angle(self, moments, bounded):
        if moments is None:  # one direction: no hyperplane but one
            return 0.0
        if not np.isfinite(bounded.gradient):
            return RIGHT_ANGLE
        return universal_angle_bound(bounded.gradient, moments, self.eta, offset=bounded.offset)

    def _moments(self, seen):
        """Moments of the rows in the band, or the reason why there are none."""
        if not seen.equally_weighted:
            return None, "only rows of equal weight can be counted"
        if seen.normal.size == 1:
            return None, ""
        if seen.normal.size > MOST_FEATURES:
            return None, f"fourth moments in {seen.normal.size} directions take too long: at most {MOST_FEATURES}"
        moments = band_moments(seen.tables, seen.normal, self.surrogate, self.width)
        if moments is None:
            return None, "the rows near the boundary do not vary in every direction"
        return moments, ""
