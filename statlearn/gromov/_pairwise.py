"""Gromov-Wasserstein values or bounds between all pairs of two collections.

The bounds by sorting and by spectra compare features that each network has by itself, so that a block of pairs is one
compiled loop, and a task takes features alone. The others solve a problem per pair, and their tasks take networks.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from scipy.spatial.distance import cdist

from .._support.parallel import run_parallel
from ._bounds import LOWER_BOUNDS

__all__ = ["FEATURE_BOUND", "METHODS", "count_tasks", "pairwise_values", "product_values", "rounding", "row_pieces"]

FEATURE_ROWS = 128  # of a task that compares features
PIECES = 64  # tasks that take networks: enough for many workers, and few enough that sending the networks costs little
SLACK = 1e-10  # of the product value, by which a bound may be off through rounding
OFFSET_SLACK = 1e-18  # of the second moments: what rounding takes of deviations from a large offset of all costs


def _sorted_block(first, second):
    """`_bounds.sorted_bound` of a block of pairs."""
    value = np.subtract.outer(first.means, second.means) ** 2
    by_row = first.row_deviations.distances(second.row_deviations)
    if first.is_symmetric.all() and second.is_symmetric.all():
        return value + 2.0 * by_row
    return value + by_row + first.column_deviations.distances(second.column_deviations)


def _first_block(first, second):
    """The first lower bound of a block of pairs."""
    return first.row_sizes.distances(second.row_sizes)


def _second_block(first, second):
    """The second lower bound of a block of pairs."""
    return first.entries.distances(second.entries)


def _spectral_block(first, second):
    """The spectral bound of a block of pairs."""
    pairs = zip(zip(*first.spectra, strict=True), zip(*second.spectra, strict=True), strict=True)
    return _sorted_block(first, second) + sum(cdist(*_padded(*pair), "sqeuclidean") for pair in pairs)


def _padded(*collections):
    """Each collection of vectors as an array with a row per vector, all continued by zeros to the same length."""
    width = max(vector.size for vectors in collections for vector in vectors)
    return [np.array([np.pad(vector, (0, width - vector.size)) for vector in vectors]) for vectors in collections]


def _feature_block(first, second):
    """The best bound that needs no problem per pair."""
    return np.maximum(_spectral_block(first, second), _second_block(first, second))


def _block_of_problems(name, first, second):
    """A block of pairs whose bound is computed one by one; a network and itself need no problem."""
    bound = LOWER_BOUNDS[name]
    return np.array(
        [
            [0.0 if other is network else bound(network, other).value for other in second.networks]
            for network in first.networks
        ]
    )


_third_block = partial(_block_of_problems, "tlb")
_hoeffding_third_block = partial(_block_of_problems, "hoeffding_tlb")


def _lower_block(first, second):
    """The largest of all bounds; the third one is above the first and the second."""
    values = np.maximum(_third_block(first, second), _hoeffding_third_block(first, second))
    return np.maximum(values, _spectral_block(first, second))


class PairMethod(NamedTuple):
    """What a method computes for a block of pairs, and what may be said of it."""

    block: Callable | None  # None: the solver of pairs
    features: tuple = ()  # what the block compares; it takes the networks if there are none
    hilbertian: bool = False  # a squared distance between features in a Hilbert space

    @property
    def is_bound_below(self):
        """Whether the values are lower bounds rather than upper ones."""
        return self.block is not None


_SORTED = ("means", "is_symmetric", "row_deviations", "column_deviations")

METHODS = {
    "upper": PairMethod(None),
    "lower": PairMethod(_lower_block),
    "sorted": PairMethod(_sorted_block, _SORTED, hilbertian=True),
    "flb": PairMethod(_first_block, ("row_sizes",), hilbertian=True),
    "slb": PairMethod(_second_block, ("entries",), hilbertian=True),
    "tlb": PairMethod(_third_block),
    "hoeffding_tlb": PairMethod(_hoeffding_third_block),
    "spectral": PairMethod(_spectral_block, (*_SORTED, "spectra"), hilbertian=True),
}
FEATURE_BOUND = PairMethod(_feature_block, (*_SORTED, "spectra", "entries"))


def product_values(first, second):
    """Values of the product couplings of all pairs, which no Gromov-Wasserstein value exceeds."""
    variances = np.add.outer(first.variances, second.variances)
    return np.subtract.outer(first.means, second.means) ** 2 + variances


def rounding(first, second):
    """What bounds of all pairs may be off by.

    A bound is a square, ``D <= product value``. If rounding moves its root by at most ``d``, it moves the bound by at
    most ``2 d sqrt(D) + d^2``, which is at most ``t D + d^2 / t`` up to higher orders, for every ``t``.
    """
    return SLACK * product_values(first, second) + OFFSET_SLACK * np.add.outer(
        first.second_moments, second.second_moments
    )


def row_pieces(n_rows, height=None):
    """Slices of rows, one per task."""
    height = height or -(-n_rows // PIECES)
    return [slice(start, min(start + height, n_rows)) for start in range(0, n_rows, height)]


def _pieces(method, collection):
    return row_pieces(len(collection), FEATURE_ROWS if method.features else None)


def count_tasks(method, collection):
    """Number of pieces that `pairwise_values` reports."""
    return len(_pieces(method, collection))


def pairwise_values(method, first, second, solver=None, n_jobs=None, progress=None):
    """Values between all networks of two collections, or within one.

    Parameters
    ----------
    method : PairMethod
        What to compute.
    first : NetworkCollection
        The rows of the result.
    second : NetworkCollection or None
        Its columns; None stands for the first collection, of which then little more than half of the pairs are
        computed.
    solver : PairSolver or None, default=None
        Solves the pairs of the method "upper".
    n_jobs : int or None, default=None
        Number of workers.
    progress : FitProgress or None, default=None
        Told of every finished piece.

    Returns
    -------
    values : ndarray of shape (n_first, n_second)
        Within a collection, symmetric with a diagonal of zeros.
    """
    block = method.block or solver.values
    rows, within = _pieces(method, first), second is None
    second = first if within else second
    columns = [slice(piece.start if within else 0, len(second)) for piece in rows]
    tasks = [
        (block, _part(method, first, one), _part(method, second, other))
        for one, other in zip(rows, columns, strict=True)
    ]
    blocks = _run(tasks, n_jobs, progress)
    if not within:
        return np.vstack(blocks)
    values = np.zeros((len(first), len(first)))
    for piece, found in zip(rows, blocks, strict=True):
        values[piece, piece.start :] = found
    values = np.triu(values, 1)
    return values + values.T


def _part(method, collection, rows):
    """What a task needs of a slice of a collection, and no more: it may go to another process."""
    if not method.features:
        return collection[rows]
    return SimpleNamespace(**{name: getattr(collection, name)[rows] for name in method.features})


def _block(block, first, second):
    """Values of a block of pairs, never negative."""
    return np.maximum(block(first, second), 0.0)


def _run(tasks, n_jobs, progress):
    """Run all tasks at once, or in waves of one per worker if somebody wants to know."""
    if progress is None or not progress.active:
        return run_parallel(_block, tasks, n_jobs)
    blocks, width = [], effective_n_jobs(n_jobs)
    for start in range(0, len(tasks), width):
        blocks += run_parallel(_block, tasks[start : start + width], n_jobs)
        for _ in tasks[start : start + width]:
            progress.step()
    return blocks
