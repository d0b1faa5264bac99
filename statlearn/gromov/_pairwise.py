"""Gromov-Wasserstein values or bounds between all pairs of two collections.

The bounds by sorting and by spectra compare features that each network has by itself, so that a block of pairs is one
compiled loop. The others solve a problem per pair.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from scipy.spatial.distance import cdist

from .._kernels.transport import pairwise_wasserstein
from .._support.parallel import run_parallel
from ._bounds import LOWER_BOUNDS

__all__ = ["METHODS", "count_tasks", "feature_bound", "pairwise_values"]

ROWS_PER_TASK = 128


def _line_distances(first, rows, second, columns):
    return pairwise_wasserstein(*first.part(rows), *second.part(columns), 2)


def _sorted_block(first, rows, second, columns):
    """`_bounds.sorted_bound` of a block of pairs."""
    value = np.subtract.outer(first.means[rows], second.means[columns]) ** 2
    by_row = _line_distances(first.row_deviations, rows, second.row_deviations, columns)
    if first.is_symmetric[rows].all() and second.is_symmetric[columns].all():
        return value + 2.0 * by_row
    return value + by_row + _line_distances(first.column_deviations, rows, second.column_deviations, columns)


def _first_block(first, rows, second, columns):
    """The first lower bound of a block of pairs."""
    return _line_distances(first.row_sizes, rows, second.row_sizes, columns)


def _second_block(first, rows, second, columns):
    """The second lower bound of a block of pairs."""
    return _line_distances(first.entries, rows, second.entries, columns)


def _spectral_block(first, rows, second, columns):
    """The spectral bound of a block of pairs."""
    pairs = zip(first.spectra, second.spectra, strict=True)
    return _sorted_block(first, rows, second, columns) + sum(
        _padded_distances(one[rows], other[columns]) for one, other in pairs
    )


def _padded_distances(first, second):
    """Squared distances between rows, the narrower array continued by zeros."""
    width = max(first.shape[1], second.shape[1])
    return cdist(*(np.pad(array, [(0, 0), (0, width - array.shape[1])]) for array in (first, second)), "sqeuclidean")


def feature_bound(first, rows, second, columns):
    """The best bound that needs no problem per pair, for a block of pairs."""
    return np.maximum(_spectral_block(first, rows, second, columns), _second_block(first, rows, second, columns))


def _lower_block(first, rows, second, columns):
    """The largest of all bounds; the third one is above the first and the second."""
    values = _third_block(first, rows, second, columns)
    values = np.maximum(values, _hoeffding_third_block(first, rows, second, columns))
    return np.maximum(values, _spectral_block(first, rows, second, columns))


def _bound_of_each(name):
    """A block of pairs whose bound is computed one by one; a network and itself need no problem."""
    bound = LOWER_BOUNDS[name]

    def block(first, rows, second, columns):
        others = second.networks[columns]
        return np.array(
            [
                [0.0 if other is network else bound(network, other).value for other in others]
                for network in first.networks[rows]
            ]
        )

    return block


_third_block, _hoeffding_third_block = _bound_of_each("tlb"), _bound_of_each("hoeffding_tlb")


class PairMethod(NamedTuple):
    """What a method computes for a block of pairs, and what may be said of it."""

    block: Callable | None  # None: the solver of pairs
    rows_per_task: int = 1
    hilbertian: bool = False  # a sum of squared distances between features in a Hilbert space, for symmetric costs

    @property
    def is_bound_below(self):
        """Whether the values are lower bounds rather than upper ones."""
        return self.block is not None


METHODS = {
    "upper": PairMethod(None),
    "lower": PairMethod(_lower_block),
    "sorted": PairMethod(_sorted_block, ROWS_PER_TASK, hilbertian=True),
    "flb": PairMethod(_first_block, ROWS_PER_TASK, hilbertian=True),
    "slb": PairMethod(_second_block, ROWS_PER_TASK, hilbertian=True),
    "tlb": PairMethod(_third_block),
    "hoeffding_tlb": PairMethod(_hoeffding_third_block),
    "spectral": PairMethod(_spectral_block, ROWS_PER_TASK, hilbertian=True),
}


def count_tasks(method, collection):
    """Number of pieces that `pairwise_values` reports."""
    return -(-len(collection) // METHODS[method].rows_per_task)


def pairwise_values(method, first, second, solver, n_jobs, progress=None):
    """Values between all networks of two collections, or within one.

    Parameters
    ----------
    method : str
        A key of `METHODS`.
    first : NetworkCollection
        The rows of the result.
    second : NetworkCollection or None
        Its columns; None stands for the first collection, each pair of which is then computed once.
    solver : PairSolver
        Solves the pairs of the method "upper".
    n_jobs : int or None
        Number of workers.
    progress : FitProgress or None, default=None
        Told of every finished piece.

    Returns
    -------
    values : ndarray of shape (n_first, n_second)
        Within a collection, symmetric with a diagonal of zeros.
    """
    height = METHODS[method].rows_per_task
    starts = range(0, len(first), height)
    blocks = [slice(start, min(start + height, len(first))) for start in starts]
    if second is not None:
        tasks = [(method, first, rows, second, slice(0, len(second)), solver) for rows in blocks]
        return np.vstack(_run(tasks, n_jobs, progress))
    tasks = [(method, first, rows, first, slice(rows.start, len(first)), solver) for rows in blocks]
    values = np.zeros((len(first), len(first)))
    for rows, block in zip(blocks, _run(tasks, n_jobs, progress), strict=True):
        values[rows, rows.start :] = block
    values = np.triu(values, 1)
    return values + values.T


def _block(method, first, rows, second, columns, solver):
    """Values of a block of pairs, never negative."""
    block = METHODS[method].block
    if block is not None:
        return np.maximum(block(first, rows, second, columns), 0.0)
    pairs = [[(i, k) for k in range(columns.start, columns.stop)] for i in range(rows.start, rows.stop)]
    return np.array([[solver.solve(first, i, second, k).upper for i, k in row] for row in pairs])


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
