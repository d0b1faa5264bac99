"""Where two error curves cross, and which of the two is the lower one, from paired differences over repeats.

All sizes of training sets are handled by their logarithms to base 2, in which curves are taken as linear between sizes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import t as student

__all__ = ["Comparison", "bootstrap_interval", "compare_curves", "sign_changes"]

ROUNDING = 1e-12  # of sums that are equal but for rounding


@dataclass(frozen=True)
class Comparison:
    """How two curves compare.

    ``crossings`` are all changes of sign. ``crosses`` says whether the last of them counts. ``better`` is then the
    curve that is lower before it, -1 for the first and 1 for the second; otherwise the one that is significantly lower
    in some run of sizes, if the other one is so in none, or 0. ``p_better`` is the smallest p-value of the runs in
    which that curve is lower, and ``p_other`` that of the other curve, of the last run if they cross; those of the
    first and the second curve if neither is better. They are 1 where there is no run. ``p_values`` are those of each
    size alone.
    """

    crossings: np.ndarray
    crosses: bool
    better: int
    p_better: float
    p_other: float
    p_values: np.ndarray


def compare_curves(sizes, differences, level, n_flips, generator):
    """Compare two curves by their differences, first less second, of shape (n_repeats, n_sizes).

    Sizes fall into runs in which the mean difference has one sign. The score of a run is the share of the mean square
    over repeats that the square of the mean makes up, of the sum of the differences over its sizes: the t-statistic on
    another scale, without its cancellation. As runs are chosen by the data, scores are compared with the largest ones
    of data in which the repeats have other signs, as they may have if no curve is the lower one. The last change of
    sign counts if the last run is significant, and some run of the other sign is as well: one that chance makes among
    small training sets does not.
    """
    means = mean_differences(differences)
    crossings, _ = sign_changes(sizes, means)
    flips = sign_choices(differences.shape[0], n_flips, generator)
    p_of_sizes = paired_p_values(flips, differences)
    signs, scores = scored_runs(sizes, differences)
    if not signs.size:
        return Comparison(crossings, False, 0, 1.0, 1.0, p_of_sizes)
    p_values = np.mean(largest_scores(flips, differences) >= scores[:, None] * (1.0 - ROUNDING), axis=1)
    smallest = {side: float(p_values[signs == side].min(initial=1.0)) for side in (-1, 1)}
    found = [side for side in (-1, 1) if smallest[side] <= level]
    last = int(signs[-1])
    crosses = len(found) == 2 and p_values[-1] <= level
    better = -last if crosses else (found[0] if len(found) == 1 else 0)
    first = better or -1
    p_other = float(p_values[-1]) if crosses else smallest[-first]
    return Comparison(crossings, bool(crosses), better, smallest[first], p_other, p_of_sizes)


def without_rounding(means, scale):
    """Means, with zeros for those that are zero but for rounding; the scale is that of the entries they are taken of.

    This is the only place that says what a tie is.
    """
    return np.where(np.abs(means) <= ROUNDING * scale, 0.0, means)


def mean_differences(differences, weights=None):
    """Mean of the repeats at each size, plain or for each row of weights of the repeats, with exact zeros for ties."""
    n_repeats = differences.shape[0]
    sums = differences.sum(axis=0) if weights is None else weights @ differences
    return without_rounding(sums / n_repeats, np.abs(differences).max(initial=0.0))


def sign_choices(n_repeats, n_flips, generator):
    """Signs of the repeats, one choice per row, those of the data first.

    All choices, if they are at most ``n_flips``: the last repeat keeps its sign, as no score depends on that of all.
    Otherwise ``n_flips`` random ones. So a share of the rows is never below ``2 ** (1 - n_repeats)``.
    """
    if 2 ** (n_repeats - 1) <= n_flips:
        turned = np.arange(2 ** (n_repeats - 1))[:, None] >> np.arange(n_repeats) & 1  # the last is never turned
    else:
        turned = generator.integers(0, 2, size=(n_flips + 1, n_repeats))
        turned[0] = 0
    return 1.0 - 2.0 * turned


def paired_p_values(flips, differences):
    """Two-sided p-value of the mean of each column: the share of choices of signs with a mean as far from zero."""
    means = np.abs(mean_differences(differences, flips))
    return np.mean(means >= means[0] * (1.0 - ROUNDING), axis=0)


def scored_runs(sizes, differences):
    """Sign and score of each run."""
    means = mean_differences(differences)
    _, runs = sign_changes(sizes, means)
    if not runs:
        return np.empty(0), np.empty(0)
    totals = np.array([differences[:, run].sum(axis=1) for run in runs])
    return np.sign(means[[run[0] for run in runs]]), squared_shares(totals)


def largest_scores(flips, differences):
    """Largest score of a run in the differences with each choice of signs; 0 without runs.

    All choices go through the sizes together.
    """
    signs = np.sign(mean_differences(differences, flips))
    total, sign = np.zeros(flips.shape), np.zeros(flips.shape[0])
    score, largest = np.zeros(flips.shape[0]), np.zeros(flips.shape[0])
    for column, here in enumerate(signs.T):
        begins = (here != 0.0) & (here != sign)
        largest[begins] = np.maximum(largest, score)[begins]
        total[begins] = 0.0
        total[here != 0.0] += flips[here != 0.0] * differences[:, column]
        sign = np.where(here != 0.0, here, sign)
        score = squared_shares(total)
    return np.maximum(largest, score)


def squared_shares(rows):
    """Square of the mean of each row over its mean square, which is t² / (t² + n - 1); 0 for a row of zeros."""
    squares = np.square(rows).mean(axis=1)
    return np.divide(np.square(rows.mean(axis=1)), squares, out=np.zeros_like(squares), where=squares > 0.0)


def sign_changes(sizes, means):
    """Sizes at which the mean difference changes its sign, and the positions of the sizes in each run of one sign.

    Between opposite signs at neighboring sizes the size is that of a straight line; if the difference is zero at sizes
    in between, it is the middle of those. Sizes without a difference are in no run.
    """
    means = without_rounding(means, np.abs(means).max(initial=0.0))
    rows = np.flatnonzero(means)
    changes = np.flatnonzero(np.diff(np.sign(means[rows]))) + 1
    left, right = rows[changes - 1], rows[changes]
    places = _places(np.log2(sizes), left, right, means[left], means[right])
    return places, np.split(rows, changes) if rows.size else []


def _places(logs, left, right, means_left, means_right):
    """Sizes of changes between means of opposite signs at the positions ``left`` and ``right``, zeros between them."""
    straight = logs[left] + means_left / (means_left - means_right) * (logs[right] - logs[left])
    middle = 0.5 * (logs[left + 1] + logs[right - 1])
    return np.exp2(np.where(right == left + 1, straight, middle))


def bootstrap_interval(sizes, differences, after, level, n_samples, generator):
    """Interval of the last change to the sign ``after``, over samples of repeats, and the share of them with one.

    A sample whose difference has that sign at every size has its crossing below all sizes, at 0; one that ends with
    the other sign has it above all, at infinity. So an interval may be open. Percentiles are the expanded ones of
    Hesterberg (2015), "What Teachers Should Know About the Bootstrap", The American Statistician 69, 371-386: a sample
    of n repeats varies (n - 1) / n times as much as it should, and plain percentiles are those of a known variance, not
    of an estimated one.
    """
    n_repeats = differences.shape[0]
    counts = generator.multinomial(n_repeats, np.full(n_repeats, 1.0 / n_repeats), size=n_samples)
    places = last_changes(sizes, mean_differences(differences, counts), after)
    tail = ndtr(-np.sqrt(n_repeats / (n_repeats - 1.0)) * student.isf(0.5 * (1.0 - level), n_repeats - 1))
    low, high = (side * float(np.quantile(side * places, tail, method="inverted_cdf")) for side in (1.0, -1.0))
    return (low, high), float(np.mean((places > 0.0) & np.isfinite(places)))


def last_changes(sizes, means, after):
    """Last change of each row of means to the sign ``after``: 0 without another sign, infinity without it at the end.

    It is the last of `sign_changes`, of all rows together.
    """
    signs, columns = np.sign(means), np.arange(means.shape[1])
    left = np.where(signs == -after, columns, -1).max(axis=1)
    follows = (signs == after) & (columns > left[:, None])
    places = np.where(follows.any(axis=1), 0.0, np.inf)
    rows = np.flatnonzero(follows.any(axis=1) & (left >= 0))
    left, right = left[rows], follows[rows].argmax(axis=1)
    places[rows] = _places(np.log2(sizes), left, right, means[rows, left], means[rows, right])
    return places
