"""Where two error curves cross, and which of the two is the lower one, from paired differences over repeats.

All sizes of training sets are handled by their logarithms to base 2, in which curves are taken as linear between sizes.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

__all__ = ["Comparison", "bootstrap_interval", "compare_curves", "paired_p_values", "sign_changes"]

ROUNDING = 1e-9  # of scores that are equal but for the order of sums


@dataclass(frozen=True)
class Comparison:
    """How two curves compare.

    ``crossings`` are all changes of sign. ``crosses`` says whether the last of them counts. ``better`` is then the
    curve that is lower before it, -1 for the first and 1 for the second; otherwise the one that is significantly lower
    in some run of sizes, if the other one is so in none, or 0. ``p_better`` is the smallest p-value of the runs in
    which that curve is lower, and ``p_other`` that of the other curve, of the last run if they cross; those of the
    first and the second curve if neither is better. They are 1 where there is no run.
    """

    crossings: np.ndarray
    crosses: bool
    better: int
    p_better: float
    p_other: float


def compare_curves(sizes, differences, level, n_flips, generator):
    """Compare two curves by their differences, first less second, of shape (n_repeats, n_sizes).

    Sizes fall into runs in which the mean difference has one sign. The score of a run is the t-statistic over repeats
    of the mean difference over its sizes. As runs are chosen by the data, scores are compared with the largest ones of
    data in which the repeats have random signs, as they may have if no curve is the lower one. The last change of sign
    counts if the last run is significant, and some run of the other sign is as well: one that chance makes among small
    training sets does not.
    """
    crossings, _ = sign_changes(sizes, differences.mean(axis=0))
    signs, scores = scored_runs(sizes, differences)
    if not signs.size:
        return Comparison(crossings, False, 0, 1.0, 1.0)
    flips = generator.choice([-1.0, 1.0], size=(n_flips, differences.shape[0], 1))
    largest = largest_scores(flips * differences)
    p_values = (1.0 + np.count_nonzero(largest >= scores[:, None] * (1.0 - ROUNDING), axis=1)) / (1.0 + n_flips)
    smallest = {side: float(p_values[signs == side].min(initial=1.0)) for side in (-1, 1)}
    found = [side for side in (-1, 1) if smallest[side] <= level]
    last = int(signs[-1])
    crosses = len(found) == 2 and p_values[-1] <= level
    better = -last if crosses else (found[0] if len(found) == 1 else 0)
    first = better or -1
    return Comparison(
        crossings, bool(crosses), better, smallest[first], float(p_values[-1]) if crosses else smallest[-first]
    )


def scored_runs(sizes, differences):
    """Sign and score of each run."""
    means = differences.mean(axis=0)
    _, runs = sign_changes(sizes, means)
    if not runs:
        return np.empty(0), np.empty(0)
    averages = np.column_stack([differences[:, run].mean(axis=1) for run in runs])
    return np.sign(means[[run[0] for run in runs]]), t_statistics(averages)


def largest_scores(samples):
    """Largest score of a run in each sample of differences, of shape (n_samples, n_repeats, n_sizes); 0 without runs.

    All samples go through the sizes together. The t-statistic of a sum over sizes is that of the mean.
    """
    means = samples.mean(axis=1)
    total, sign = np.zeros(samples.shape[:2]), np.zeros(samples.shape[0])
    score, largest = np.zeros(samples.shape[0]), np.zeros(samples.shape[0])
    for column, here in enumerate(np.sign(means).T):
        begins = (here != 0.0) & (here != sign)
        largest[begins] = np.maximum(largest, score)[begins]
        total[begins] = 0.0
        total[here != 0.0] += samples[here != 0.0, :, column]
        sign = np.where(here != 0.0, here, sign)
        score = t_statistics(total.T)
    return np.maximum(largest, score)


def t_statistics(differences):
    """Absolute t-statistics of columns: 0 where the mean is exactly zero, infinite where all entries are the same."""
    means, errors = differences.mean(axis=0), differences.std(axis=0, ddof=1) / np.sqrt(differences.shape[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(means == 0.0, 0.0, np.abs(means) / errors)


def paired_p_values(differences):
    """Two-sided p-values of the t-test of each column."""
    return 2.0 * student.sf(t_statistics(differences), differences.shape[0] - 1)


def sign_changes(sizes, means):
    """Sizes at which the mean difference changes its sign, and the positions of the sizes in each run of one sign.

    Between opposite signs at neighboring sizes the size is that of a straight line; if the difference is zero at sizes
    in between, it is the middle of those. Sizes without a difference are in no run.
    """
    logs, rows = np.log2(sizes), np.flatnonzero(means)
    changes = np.flatnonzero(np.diff(np.sign(means[rows]))) + 1
    places = []
    for left, right in zip(rows[changes - 1], rows[changes], strict=True):
        if right == left + 1:
            share = means[left] / (means[left] - means[right])
            places.append(logs[left] + share * (logs[right] - logs[left]))
        else:
            places.append(0.5 * (logs[left + 1] + logs[right - 1]))
    return np.exp2(places), np.split(rows, changes) if rows.size else []


def bootstrap_interval(sizes, differences, after, level, n_samples, generator):
    """Percentile interval of the last change to the sign ``after``, over samples of repeats, and the share with one.

    A sample whose difference has that sign at every size has its crossing below all sizes, at 0; one that ends with
    the other sign has it above all, at infinity. So an interval may be open.
    """
    n_repeats = differences.shape[0]
    counts = generator.multinomial(n_repeats, np.full(n_repeats, 1.0 / n_repeats), size=n_samples)
    places = np.array([_last_change(sizes, means, after) for means in counts @ differences / n_repeats])
    low, high = np.quantile(places, [0.5 * (1.0 - level), 0.5 * (1.0 + level)], method="inverted_cdf")
    return (float(low), float(high)), float(np.mean((places > 0.0) & np.isfinite(places)))


def _last_change(sizes, means, after):
    crossings, runs = sign_changes(sizes, means)
    if not runs or np.sign(means[runs[-1][0]]) != after:
        return np.inf
    return crossings[-1] if crossings.size else 0.0
