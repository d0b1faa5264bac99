"""Bets of training rows by a kernel between 0 and 1, as logarithms, and their settlement.

In the logarithm a kernel of far rows does not vanish: the nearest participants still set the price.
"""

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances, manhattan_distances
from sklearn.utils import gen_batches

from .._support.jit import njit

__all__ = [
    "KERNELS",
    "blocks",
    "class_log_stakes",
    "draw_participants",
    "log_values",
    "scale_gamma",
    "settle_bets",
    "settle_rows",
]

BLOCK_SIZE = 2**20  # bets at a time
FEWEST_ROWS = 16  # at a time
ROUNDING = 1e-9  # by which a kernel may exceed 1


def log_rbf(X, Y, gamma):
    """Logarithm of ``exp(-gamma |x - y|^2)``. Far from zero, distances would lose digits."""
    origin = Y.mean(axis=0)
    with np.errstate(over="ignore"):  # to no bet at all
        return -gamma * euclidean_distances(X - origin, Y - origin, squared=True)


def log_laplacian(X, Y, gamma):
    """Logarithm of ``exp(-gamma |x - y|_1)``."""
    with np.errstate(over="ignore"):
        return -gamma * manhattan_distances(X, Y)


KERNELS = {"rbf": log_rbf, "laplacian": log_laplacian}


def log_values(kernel, X, Y):
    """Logarithms of the values of a user's kernel, -inf where it is 0."""
    values = np.asarray(kernel(X, Y), dtype=np.float64)
    name = getattr(kernel, "__name__", repr(kernel))
    if values.shape != (len(X), len(Y)):
        raise ValueError(f"kernel {name} must return an array of shape {(len(X), len(Y))}. Got {values.shape}.")
    allowed = (values >= 0.0) & (values <= 1.0 + ROUNDING)
    if not allowed.all():
        raise ValueError(
            f"kernel {name} must return values in [0, 1], which are shares of budgets. Got {values[~allowed][0]}."
        )
    with np.errstate(divide="ignore"):
        return np.log(np.minimum(values, 1.0))


def scale_gamma(X, weights):
    """One over the number of features and the variance of their values, for weights that sum to 1.

    1 where the variance is zero, as it is of constant values whatever the rounding of their mean leaves, or so small
    that one over it is infinite.
    """
    mean = weights @ X.mean(axis=1)
    variance = weights @ np.mean((X - mean) ** 2, axis=1)
    varies = np.ptp(X) > 0.0 and variance >= np.finfo(np.float64).tiny
    return 1.0 / (X.shape[1] * variance) if varies else 1.0


def draw_participants(codes, size, rng):
    """Rows that become participants, sorted by class: the same share of every class, and one of each at least."""
    drawn = rng.permutation(codes.size)
    drawn = drawn[np.argsort(codes[drawn], kind="stable")]
    counts = np.bincount(codes)
    rank = np.arange(codes.size) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = drawn[np.argsort(rank / np.repeat(counts, counts), kind="stable")[:size]]
    return kept[np.lexsort((kept, codes[kept]))]


def blocks(n_rows, n_participants):
    """Slices of rows of which the bets fit into memory."""
    return gen_batches(n_rows, max(BLOCK_SIZE // n_participants, FEWEST_ROWS))


def class_log_stakes(log_bets, budgets, starts):
    """Logarithms of what is staked on each class, by participants ``starts[k]`` to ``starts[k + 1]``.

    They are relative to the largest bet of each row, beside whose logarithm those of the budgets may have no digit.
    """
    tops, logs = np.empty((2, len(log_bets), len(starts) - 1))
    for k, (start, stop) in enumerate(zip(starts, starts[1:], strict=False)):
        tops[:, k], bets = _relative_bets(log_bets[:, start:stop])
        with np.errstate(divide="ignore"):
            logs[:, k] = np.log(bets @ budgets[start:stop])
    largest = tops.max(axis=1, keepdims=True)
    return tops - np.where(np.isfinite(largest), largest, 0.0) + logs


def _relative_bets(log_bets):
    """The largest logarithm of each row, and bets relative to the largest; zeros where nobody bets."""
    tops = log_bets.max(axis=1)
    return tops, np.exp(log_bets - np.where(np.isfinite(tops), tops, 0.0)[:, None])


def settle_rows(log_bets, codes, rates, budgets, starts, smallest):
    """Price rows one after the other, reveal their classes and settle (equation 1), in place.

    Parameters
    ----------
    log_bets : ndarray of shape (n_rows, n_participants)
        Logarithms of the shares of budgets that participants bet on their classes, -inf for those asleep.
    codes : ndarray of shape (n_rows,), int64
        Positions of the true classes.
    rates : ndarray of shape (n_rows,)
        Learning rates.
    budgets : ndarray of shape (n_participants,)
        Budgets, which are changed.
    starts : ndarray of shape (n_classes + 1,), int64
        Participants ``starts[k]`` to ``starts[k + 1]`` bet on class k.
    smallest : float
        No budget falls below.

    Returns
    -------
    losses : ndarray of shape (n_rows,)
        Minus the logarithms of the prices of the true classes: NaN where nobody bets, inf where nobody bets on the
        truth, in which cases nothing is settled.
    """
    tops, bets = _relative_bets(log_bets)
    losses = np.empty(len(bets))
    settle_bets(bets, np.exp(tops), codes, rates, budgets, starts, smallest, losses)
    return losses


@njit
def settle_bets(bets, scales, codes, rates, budgets, starts, smallest, losses):
    """The loop of `settle_rows`, for bets that are divided by the largest of their row, ``scales``."""
    for i in range(bets.shape[0]):
        first, last = starts[codes[i]], starts[codes[i] + 1]
        staked, right, before, after = 0.0, 0.0, 0.0, 0.0
        for m in range(budgets.size):
            stake = budgets[m] * bets[i, m]
            staked += stake
            before += budgets[m]
            if first <= m < last:
                right += stake
        losses[i] = -np.log(right / staked)
        if right == 0.0 or rates[i] == 0.0:
            continue
        for m in range(budgets.size):
            stake = budgets[m] * bets[i, m]
            payment = stake / right * staked if first <= m < last else 0.0
            budgets[m] = max(budgets[m] + rates[i] * scales[i] * (payment - stake), smallest)
            after += budgets[m]
        budgets *= before / after
