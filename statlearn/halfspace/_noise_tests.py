r"""Whether the errors of a halfspace, on rows that had no part in choosing it, fit Massart noise of a given bound.

Let w be at most theta from the halfspace behind the labels, whose labels are flipped with probability eta(x) <= eta. A
row where the two agree is an error with probability at most eta; one where they disagree may be one for sure. Given
their margins, the errors in any set of rows are thus independent with a mean of at most

    eta + (1 - eta) * (share of the set on which the two may disagree).

The gradient cannot see this: labels that are coin flips have a gradient of zero at every w. Errors that pass are no
proof of Massart noise, which also bounds the errors in sets that are not cut out by margins.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr
from scipy.stats import beta, binom

from ._angle_bounds import RIGHT_ANGLE

__all__ = ["NoiseTests", "Slab", "disagreement_in_slabs", "error_p_value", "largest_error", "noise_tests"]

FEWEST_PER_SLAB = 100  # rows; with fewer nothing but gross violations shows
DEEPEST = 6  # halvings of the rows by margin
COIN_LEVEL = 0.999  # confidence with which the error must be below 1/2


class Slab(NamedTuple):
    """Rows between two margins, and how many of them are errors.

    Attributes
    ----------
    low, high : float
        Smallest and largest margin.
    n_rows, n_errors : int
        Number of rows and of errors among them.
    bound : float
        Largest error rate under the noise bound.
    p_value : float
        Of the hypothesis that the error rate is at most the bound, for this slab alone.
    """

    low: float
    high: float
    n_rows: int
    n_errors: int
    bound: float
    p_value: float


class NoiseTests(NamedTuple):
    """Errors against what a noise bound allows.

    Attributes
    ----------
    overall : Slab
        All rows.
    worst : Slab
        The slab with the smallest p-value.
    p_value : float
        Of all slabs together, by Bonferroni.
    n_slabs : int
        Number of slabs.
    largest_error : float
        Upper confidence bound of the error, at level 0.999.
    beats_coin : bool or None
        Whether labels that are coin flips are excluded. None if the noise bound and the angle allow an error of 1/2,
        so that errors say nothing.
    """

    overall: Slab
    worst: Slab
    p_value: float
    n_slabs: int
    largest_error: float
    beats_coin: bool | None


def disagreement_in_slabs(margins, angle, *, offset=0.0):
    """Probability, for each margin, that a standard normal row is on different sides of two hyperplanes.

    Parameters
    ----------
    margins : ndarray of shape (n_samples,)
        Distances to the first hyperplane, which goes through the origin.
    angle : float
        Bound of the angle in degrees. At 90 or more nothing is known, and the result is 1 everywhere.
    offset : float, default=0.0
        Largest distance of the second hyperplane from the origin.

    Returns
    -------
    probability : ndarray of shape (n_samples,)
        P[z > (|m| cos(angle) - offset) / sin(angle)] for standard normal z: quickly 0 away from the boundary. It is
        also a bound for every smaller angle.
    """
    if angle >= RIGHT_ANGLE:
        return np.ones(margins.size)
    return ndtr(-thresholds(margins, angle, offset))


def thresholds(margins, angle, offset=0.0):
    """What z must exceed: (|m| cos(angle) - offset) / sin(angle), of a size whose square is finite.

    Rows that are nearer than the offset may differ for a smaller angle, whatever z is.
    """
    radians = np.radians(angle)
    with np.errstate(over="ignore"):
        ratios = (np.abs(margins) * np.cos(radians) - offset) / max(np.sin(radians), np.finfo(float).tiny)
    return np.where(np.abs(margins) < offset, -1e100, np.clip(ratios, -1e100, 1e100))


def largest_error(n_errors, n_rows, level):
    """Upper confidence limit of an error rate (Clopper and Pearson)."""
    return 1.0 if n_errors >= n_rows else float(beta.ppf(level, n_errors + 1, n_rows - n_errors))


def error_p_value(n_errors, n_rows, bound):
    """p-value of the hypothesis that errors have a mean probability of at most ``bound`` (binomial, one-sided)."""
    return binom.sf(n_errors - 1, n_rows, bound)


def noise_tests(margins, wrong, disagreement, eta, *, deepest=DEEPEST):
    """Test errors in nested slabs of margins against a bound of Massart noise.

    The slabs are all rows, then the halves below and above the median margin, and so on down to 64 parts or to parts
    of 100 rows: coarse slabs see a little too much noise everywhere, fine ones much of it in one place, at one end of
    the data for example. A binomial test in each is conservative, since a sum of independent indicators has a lighter
    tail than the binomial variable with the same mean (Hoeffding 1956).

    Parameters
    ----------
    margins : ndarray of shape (n_samples,)
        Signed margins.
    wrong : ndarray of bool of shape (n_samples,)
        Whether the halfspace errs.
    disagreement : ndarray of shape (n_samples,)
        Bound, for each row, of the probability that it is on different sides of the two halfspaces, such as
        `disagreement_in_slabs`.
    eta : float
        Bound of the flip probabilities.
    deepest : int, default=6
        Number of halvings. Rows of one margin stay together.

    Returns
    -------
    tests : NoiseTests
        The outcome.
    """
    order = np.argsort(margins, kind="stable")
    margins, bounds = margins[order], eta + (1.0 - eta) * disagreement[order]
    errors = np.concatenate([[0], np.cumsum(wrong[order])])
    allowed = np.concatenate([[0.0], np.cumsum(bounds)])
    starts, stops = map(np.array, zip(*_halvings(margins, deepest), strict=True))
    n_rows, n_errors = stops - starts, errors[stops] - errors[starts]
    means = np.minimum((allowed[stops] - allowed[starts]) / n_rows, 1.0)
    p_values = error_p_value(n_errors, n_rows, means)
    table = (margins[starts], margins[stops - 1], n_rows, n_errors, means, p_values)
    overall, worst = (Slab(*(column[k].item() for column in table)) for k in (0, p_values.argmin()))
    upper = largest_error(overall.n_errors, overall.n_rows, COIN_LEVEL)
    return NoiseTests(
        overall,
        worst,
        min(1.0, starts.size * worst.p_value),
        starts.size,
        upper,
        upper < 0.5 if overall.bound < 0.5 else None,
    )


def _halvings(margins, deepest):
    """Positions (start, stop) of nested parts of sorted rows, all rows first; no part begins amid equal margins."""
    for depth in range(deepest + 1):
        if depth > 0 and margins.size < FEWEST_PER_SLAB << depth:
            return
        inner = np.linspace(0, margins.size, (1 << depth) + 1).round().astype(int)[1:-1]
        ends = np.unique(np.r_[0, np.searchsorted(margins, margins[inner]), margins.size]).tolist()
        yield from zip(ends[:-1], ends[1:], strict=True)
