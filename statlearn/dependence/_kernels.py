"""The kernels ``K_ik`` of pairs of rows of the protected side, and their sums signed by the order of the predictions.

Every measure is ``scale * sum_ik w_i w_k |f_i - f_k| Kt_ik`` with a centered kernel Kt, so that its gradient is
``2 * scale * w_i * sum_k w_k sgn(f_i - f_k) Kt_ik``. A class of this module knows one structure of K, in which these
sums cost less than n^2. K is one of

- the distances between the rows of one block (distance covariance),
- ``-prod_m (U^m_ik + c)`` with minus the centered distances ``U^m`` of several blocks (joint distance covariance).
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.spatial.distance import cdist

from .._support.parallel import run_parallel
from ._sweeps import (
    column_row_sums,
    column_signed_sums,
    level_signed_sums,
    node_row_sums,
    node_signed_sums,
    product_row_sums,
    product_signed_sums,
)

__all__ = [
    "ColumnKernel",
    "JointColumnKernel",
    "LevelKernel",
    "MixedKernel",
    "ProductKernel",
    "SumKernel",
    "distances",
    "level_table",
    "n_nodes",
]

NODE_PRECISION = 1e-15
ROWS_PER_TASK = 256


class SignedKernel(ABC):
    """A kernel that knows its row sums and signed sums.

    Parameters
    ----------
    centering : Centering
        The version, U or V, and the weights.

    Attributes
    ----------
    row_sums : ndarray of shape (n_samples,)
        ``sum_k w_k K_ik`` over the pairs that count.
    """

    def __init__(self, centering, row_sums):
        self.centering, self.row_sums = centering, row_sums
        self._row_means, self._grand_mean = centering.means(row_sums)

    @abstractmethod
    def centered_signed_sums(self, ordering):
        """``sum_k w_k sgn(f_i - f_k) Kt_ik``."""


class _PlainKernel(SignedKernel):
    """A kernel that is centered after its sums are taken."""

    @abstractmethod
    def signed_sums(self, ordering):
        """``sum_k w_k sgn(f_i - f_k) K_ik``."""

    def centered_signed_sums(self, ordering):
        sums = self.signed_sums(ordering) - self._row_means * ordering.signs
        return sums - ordering.signed_sums(self._row_means - self._grand_mean)


def distances(rows):
    """Euclidean distances between rows."""
    return cdist(rows, rows)


def level_table(blocks, levels, centering, c):
    """``prod_m (U^m + c)`` between the levels."""
    table, counts = np.ones((levels.n_levels, levels.n_levels)), levels.counts(centering.weights)
    for rows in blocks:
        between = distances(rows)
        sums = between @ counts
        # the means of rows of one level are the same; Centering works on rows, so it is given their sums by row
        row_means, grand_mean = centering.means(sums[levels.codes])
        by_level = np.empty(levels.n_levels)
        by_level[levels.codes] = row_means
        np.subtract(by_level[:, None], between, out=between)
        between += by_level + (c - grand_mean)
        table *= between
    return table


class LevelKernel(SignedKernel):
    """A kernel ``table[codes_i, codes_k]`` between the levels that rows belong to: O(n G) after the sort.

    The table is centered before the sweep, so that nothing is left to subtract.
    """

    def __init__(self, table, levels, centering):
        self._levels, counts = levels, levels.counts(centering.weights)
        diagonal = np.diag(table)[levels.codes]
        super().__init__(centering, centering.row_sums((table @ counts)[levels.codes], diagonal))
        means = np.empty(levels.n_levels)
        means[levels.codes] = self._row_means
        self._table = table - means[:, None]
        self._table -= means - self._grand_mean

    def centered_signed_sums(self, ordering):
        return level_signed_sums(ordering.order, ordering.starts, self._levels.codes, self._table, ordering.weights)


class _SortedColumn:
    """A column in ascending order."""

    def __init__(self, column):
        self._order = np.argsort(column, kind="stable")
        self._sorted = column[self._order]

    def _back(self, values):
        result = np.empty_like(values)
        result[self._order] = values
        return result

    def row_sums(self, weights):
        """``sum_k w_k |s_i - s_k|``."""
        sums = np.empty_like(self._sorted)
        column_row_sums(self._sorted, weights[self._order], sums)
        return self._back(sums)

    def signed_sums(self, predictions, weights):
        """``sum_k w_k sgn(f_i - f_k) |s_i - s_k|``."""
        sums = column_signed_sums(self._sorted, predictions[self._order], weights[self._order])
        return self._back(sums)


class ColumnKernel(_PlainKernel):
    """Distances ``|s_i - s_k|`` within one column: O(n log n), by a merge sort."""

    def __init__(self, column, centering):
        self._column = _SortedColumn(column)
        super().__init__(centering, self._column.row_sums(centering.weights))

    def signed_sums(self, ordering):
        return self._column.signed_sums(ordering.predictions, ordering.weights)


def n_nodes(column, gaps):
    """Number of nodes that interpolate distances across levels to rounding.

    Along a column of range R the distance ``sqrt(gap^2 + (x - x')^2)`` of two levels is analytic inside a Bernstein
    ellipse of parameter ``y + sqrt(1 + y^2)``, ``y = 2 gap / R``; Chebyshev interpolation converges at that rate.
    """
    width = np.ptp(column)
    smallest = gaps[gaps > 0.0].min(initial=np.inf)
    if width == 0.0 or not np.isfinite(smallest):
        return 1
    y = 2.0 * smallest / width
    return int(np.ceil(-np.log(NODE_PRECISION) / np.log(y + np.sqrt(1.0 + y * y))))


class MixedKernel(_PlainKernel):
    """Distances in a table of one continuous column and others with few levels.

    Rows of one level are a column of their own. Across levels the distance is analytic in the column, and polynomial
    interpolation at Chebyshev nodes is exact to rounding: every level carries its sums at the nodes.
    """

    def __init__(self, column, levels, gaps, centering):
        self._codes, self._values = levels.codes, column.copy()
        self._members = [np.flatnonzero(levels.codes == level) for level in range(levels.n_levels)]
        self._within = [_SortedColumn(column[rows]) for rows in self._members]
        self._gaps = gaps
        angles = (np.arange(n_nodes(column, gaps)) + 0.5) * (np.pi / n_nodes(column, gaps))
        self._nodes = (column.min() + column.max()) / 2.0 + np.ptp(column) / 2.0 * np.cos(angles)
        self._barycentric = np.where(np.arange(angles.size) % 2 == 0, 1.0, -1.0) * np.sin(angles)
        self._across = node_row_sums(column, self._codes, centering.weights, self._gaps, self._nodes, self._barycentric)
        sums = self._across.copy()
        for rows, own in zip(self._members, self._within, strict=True):
            sums[rows] += own.row_sums(centering.weights[rows])
        super().__init__(centering, sums)

    def signed_sums(self, ordering):
        sums = node_signed_sums(
            ordering.order,
            ordering.starts,
            self._values,
            self._codes,
            ordering.weights,
            self._gaps,
            self._nodes,
            self._barycentric,
            self._across,
        )
        for rows, own in zip(self._members, self._within, strict=True):
            sums[rows] += own.signed_sums(ordering.predictions[rows], ordering.weights[rows])
        return sums


class JointColumnKernel(_PlainKernel):
    """``-(U^x_ik + c) * table[codes_i, codes_k]``: one continuous column beside blocks with few levels.

    It is ``|x_i - x_k| T_ik - (m_i + c - mean) T_ik - T_ik m_k`` with the row means m and the grand mean of the column:
    one column per level, and two tables.
    """

    def __init__(self, column, table, levels, centering, c):
        weights = centering.weights
        self._column, self._table, self._codes = _SortedColumn(column), table, levels.codes
        self._levels = levels
        self._x_means, x_mean = centering.means(self._column.row_sums(weights))
        self._left = self._x_means + c - x_mean
        sums = self._weighted(lambda own: self._column.row_sums(own * weights))
        sums -= self._left * (table @ levels.counts(weights))[self._codes]
        sums -= (table @ levels.counts(weights * self._x_means))[self._codes]
        diagonal = -(self._x_means + self._left) * np.diag(table)[self._codes]
        super().__init__(centering, centering.row_sums(sums, diagonal))

    def _weighted(self, column_sums):
        """``sum_g T[codes_i, g] * (column sums over the rows of level g)``."""
        total = np.zeros(self._codes.size)
        for level in range(self._levels.n_levels):
            total += self._table[self._codes, level] * column_sums((self._codes == level).astype(np.float64))
        return total

    def signed_sums(self, ordering):
        def over_levels(weights):
            return level_signed_sums(ordering.order, ordering.starts, self._codes, self._table, weights)

        sums = self._weighted(lambda own: self._column.signed_sums(ordering.predictions, own * ordering.weights))
        sums -= self._left * over_levels(ordering.weights)
        return sums - over_levels(ordering.weights * self._x_means)


class ProductKernel(_PlainKernel):
    """``-prod_m (U^m_ik + c)`` of any blocks, over all pairs: O(n^2) time and O(n) memory.

    One block gives its distances, to which the centered ones are equal after the centering of all kernels.
    """

    def __init__(self, blocks, centering, c, n_jobs=None):
        weights = centering.weights
        self._columns = np.ascontiguousarray(np.hstack(blocks).T)
        self._starts = np.cumsum([0, *(block.shape[1] for block in blocks)])
        self._c, self._n_jobs = (c if len(blocks) > 1 else 0.0), n_jobs
        self._means, self._grand_means = np.zeros((len(blocks), self._columns.shape[1])), np.zeros(len(blocks))
        if len(blocks) > 1:
            for m, block in enumerate(blocks):
                self._means[m], self._grand_means[m] = centering.means(
                    ProductKernel([block], centering, c, n_jobs).row_sums
                )
        sums = self._in_tasks(
            product_row_sums, self._columns, self._starts, self._means, self._grand_means, self._c, weights
        )
        diagonal = np.prod(2.0 * self._means - self._grand_means[:, None] + self._c, axis=0)
        super().__init__(centering, centering.row_sums(-sums, -diagonal))

    def _in_tasks(self, kernel, *arguments):
        n_samples = self._columns.shape[1]
        tasks = [(*arguments, low, min(low + ROWS_PER_TASK, n_samples)) for low in range(0, n_samples, ROWS_PER_TASK)]
        return np.concatenate(run_parallel(kernel, tasks, n_jobs=self._n_jobs))

    def signed_sums(self, ordering):
        order, ties = ordering.order, np.diff(ordering.starts)
        sums = self._in_tasks(
            product_signed_sums,
            np.ascontiguousarray(self._columns[:, order]),
            self._starts,
            np.ascontiguousarray(self._means[:, order]),
            self._grand_means,
            self._c,
            ordering.weights[order],
            np.repeat(ordering.starts[:-1], ties),
            np.repeat(ordering.starts[1:], ties),
        )
        result = np.empty_like(sums)
        result[order] = -sums
        return result


class SumKernel(SignedKernel):
    """The weighted sum of kernels."""

    def __init__(self, kernels, factors, centering):
        self._kernels, self._factors = kernels, factors
        super().__init__(
            centering, sum(factor * kernel.row_sums for kernel, factor in zip(kernels, factors, strict=True))
        )

    def centered_signed_sums(self, ordering):
        return sum(
            factor * kernel.centered_signed_sums(ordering)
            for kernel, factor in zip(self._kernels, self._factors, strict=True)
        )
