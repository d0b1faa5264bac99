"""Bootstrap of estimates from corrected predictions: trial and calibration sample are resampled together."""

from typing import NamedTuple

import numpy as np

from .._support.parallel import run_parallel
from .._support.random_streams import spawn_generators

__all__ = ["Replicates", "Units", "draw_counts", "resample_both", "strata_of"]

REPLICATES_PER_TASK = 50
COUNTS_PER_TASK = 4_000_000  # entries of the matrix of counts of pairs, 32 MB


class Replicates(NamedTuple):
    """Estimates from bootstrap samples, each of shape (n_boot, n_estimates).

    Attributes
    ----------
    joint : ndarray
        Trial and calibration sample resampled.
    trial : ndarray
        The trial resampled, the correction as it is.
    calibration : ndarray
        The calibration sample resampled, the trial as it is.
    """

    joint: np.ndarray
    trial: np.ndarray
    calibration: np.ndarray


class Strata(NamedTuple):
    """Units, or clusters, in the order of their strata, and between which places each draw is made."""

    order: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


def strata_of(codes):
    """Strata by their codes from 0 on.

    Of each stratum one less is drawn than it has. The variance of its mean then is unbiased, and no half of what it is
    where there are two [1]_.

    References
    ----------
    .. [1] J. N. K. Rao and C. F. J. Wu (1988). "Resampling inference with complex survey data." Journal of the American
       Statistical Association 83.
    """
    sizes = np.bincount(codes)
    ends = np.repeat(np.cumsum(sizes), sizes - 1)
    return Strata(np.argsort(codes, kind="stable"), ends - np.repeat(sizes, sizes - 1), ends)


class Units(NamedTuple):
    """What is resampled, within strata if there are some: units, or whole clusters by their codes from 0 on."""

    size: int
    codes: np.ndarray | None = None
    strata: Strata | None = None


def resample_both(estimand, corrected, relearner, trial, pairs, *, n_boot, random_state, n_jobs):
    """Estimates from bootstrap samples of a trial and of a calibration sample.

    Parameters
    ----------
    estimand : object
        Its ``functional(counts)`` takes values per unit to estimates of shape (n_estimates,), for a trial that has each
        unit so often; None for the trial as it is.
    corrected : ndarray of shape (n_units,)
        Corrected predictions.
    relearner : object
        Its ``corrected(counts)`` yields corrected predictions for calibration samples that have each pair so often.
    trial, pairs : Units
        The trial and the calibration sample.
    n_boot : int
        Number of bootstrap samples.
    random_state : int, RandomState instance, Generator or None
        Source of the draws.
    n_jobs : int or None
        Number of threads; the result does not depend on it.

    Returns
    -------
    replicates : Replicates
        The estimates.
    """
    per_task = max(1, min(REPLICATES_PER_TASK, COUNTS_PER_TASK // pairs.size))
    starts = range(0, n_boot, per_task)
    tasks = [
        (estimand, corrected, relearner, trial, pairs, generator, min(per_task, n_boot - start))
        for generator, start in zip(spawn_generators(random_state, len(starts)), starts, strict=True)
    ]
    parts = run_parallel(_replicates, tasks, n_jobs=n_jobs)
    return Replicates(*(np.concatenate(kind) for kind in zip(*parts, strict=True)))


def _replicates(estimand, corrected, relearner, trial, pairs, generator, n_replicates):
    """The three kinds of estimates from a number of bootstrap samples."""
    joint, of_trial, of_calibration = [], [], []
    counts_of_pairs = np.stack([draw_counts(generator, pairs) for _ in range(n_replicates)])
    as_it_is = estimand.functional()
    for recorrected in relearner.corrected(counts_of_pairs):
        resampled = estimand.functional(draw_counts(generator, trial))
        joint.append(resampled(recorrected))
        of_trial.append(resampled(corrected))
        of_calibration.append(as_it_is(recorrected))
    return np.stack(joint), np.stack(of_trial), np.stack(of_calibration)


def draw_counts(generator, units):
    """How often each unit is in a bootstrap sample of units, or of whole clusters."""
    n_drawn = units.size if units.codes is None else int(units.codes.max()) + 1
    if units.strata is None:
        drawn = generator.integers(n_drawn, size=n_drawn)
    else:
        order, starts, ends = units.strata
        drawn = order[generator.integers(starts, ends)]
    counts = np.bincount(drawn, minlength=n_drawn)
    return counts if units.codes is None else counts[units.codes]
