"""Measure networks: a cost between nodes together with a weight of each node, and what is derived from them.

Symbols of the formulas, with shapes (``n`` nodes):

=====  ==========  =====================================================================
``C``  ``(n, n)``  cost, any sign, not necessarily symmetric
``p``  ``(n,)``    weights, positive, summing to one
``m``  scalar      mean ``p' C p``
``a``  ``(n,)``    deviation of the row means, ``C p - m`` (``b`` that of the column means)
``h``  ``(n, n)``  doubly centered residual, ``C_ij - m - a_i - b_j``
=====  ==========  =====================================================================

``C = m + a + b + h`` is the Hoeffding (analysis of variance) decomposition of the cost of two independent nodes.
"""

from functools import cached_property

import numpy as np
from scipy.linalg import eigh

from .._kernels.transport import block_quantiles
from .._support.validation import check_vector
from ._costs import Cost, as_cost

__all__ = ["MeasureNetwork", "as_network", "rounded"]

PROFILE_BLOCKS = 8
TIE_DIGITS = 12
WEIGHT_SUM_TOLERANCE = 1e-6  # weights in single precision come closer than this


class MeasureNetwork:
    """A cost between nodes and a weight of each node; everything derived is computed once, when it is first asked for.

    Parameters
    ----------
    cost : Cost
        The cost of ``n`` nodes.
    weights : ndarray of shape (n,)
        Positive, summing to one.
    """

    def __init__(self, cost, weights):
        self.cost = cost
        self.weights = weights

    @property
    def n_nodes(self):
        """Number of nodes."""
        return self.cost.n_nodes

    @property
    def is_symmetric(self):
        """Whether the cost is symmetric."""
        return self.cost.is_symmetric

    @cached_property
    def is_uniform(self):
        """Whether all nodes weigh the same."""
        return bool(np.ptp(self.weights) <= 1e-14 * self.weights[0])

    @cached_property
    def dense(self):
        """The cost as an array, exactly symmetric if it is symmetric up to rounding."""
        try:
            entries = self.cost.entries()
        except MemoryError as error:
            raise MemoryError(
                f"The costs between {self.n_nodes} nodes do not fit into memory. What needs no array of them is "
                "sorted_gromov_wasserstein, and gromov_wasserstein_lower_bound with kind='sorted' or kind='flb'."
            ) from error
        if self.is_symmetric and not np.array_equal(entries, entries.T):
            entries = (entries + entries.T) / 2
        return np.ascontiguousarray(entries)

    @cached_property
    def row_mean(self):
        """``C p``."""
        return self.cost.row_mean(self.weights)

    @cached_property
    def mean(self):
        """``m = p' C p``."""
        return float(self.weights @ self.row_mean)

    @cached_property
    def row_deviation(self):
        """``a``."""
        return self.row_mean - self.mean

    @cached_property
    def column_deviation(self):
        """``b``, the same as ``a`` for a symmetric cost."""
        if self.is_symmetric:
            return self.row_deviation
        return self.cost.column_mean(self.weights) - self.mean

    @cached_property
    def row_second_moment(self):
        """``(C o C) p``."""
        return self.cost.row_second_moment(self.weights)

    @cached_property
    def second_moment(self):
        """``p' (C o C) p``."""
        return float(self.weights @ self.row_second_moment)

    @cached_property
    def row_rms(self):
        """The root mean square of each row, the local distribution invariant of the first lower bound."""
        return np.sqrt(np.maximum(self.row_second_moment, 0.0))

    @cached_property
    def residual(self):
        """``h`` as an array."""
        return self.dense - (self.mean + self.row_deviation[:, None] + self.column_deviation[None, :])

    @cached_property
    def residual_norm(self):
        """``|h|``, the root mean square of the residual; its cost knows it without forming it."""
        return self.cost.residual_norm(self.weights)

    @cached_property
    def sorted_entries(self):
        """All entries in ascending order with the product weights, both of shape (n * n,)."""
        values, weights = self.dense.ravel(), np.outer(self.weights, self.weights).ravel()
        if self.is_uniform:
            return np.sort(values), weights
        order = np.argsort(values)
        return values[order], weights[order]

    @cached_property
    def sorted_rows(self):
        """Each row of the cost in ascending order with the weights of its entries, both of shape (n, n)."""
        return self._sort_rows(self.dense)

    @cached_property
    def row_profiles(self):
        """Root mean square and block quantiles of each row without rounding, one column per node: they break ties."""
        quantiles = block_quantiles(*self.sorted_rows, PROFILE_BLOCKS)
        return np.array([rounded(values) for values in (self.row_rms, *quantiles.T)])

    @cached_property
    def sorted_residual_rows(self):
        """Each row of the residual in ascending order with the weights of its entries, both of shape (n, n)."""
        return self._sort_rows(self.residual)

    def _sort_rows(self, matrix):
        """Rows in ascending order, and the weights that go with the entries."""
        if self.is_uniform:
            return np.sort(matrix, axis=1), np.broadcast_to(self.weights, matrix.shape)
        order = np.argsort(matrix, axis=1)
        return np.take_along_axis(matrix, order, axis=1), self.weights[order]

    @cached_property
    def weighted_residual(self):
        """``diag(sqrt p) h diag(sqrt p)``, whose spectrum does not depend on the names of the nodes."""
        root = np.sqrt(self.weights)
        return root[:, None] * self.residual * root[None, :]

    @cached_property
    def residual_spectrum(self):
        """Positive and absolute negative eigenvalues of the weighted residual, each in descending order.

        A cost is the sum of a symmetric and an antisymmetric one, ``C = S + A``, and the objective of two costs is the
        sum of those of their parts, because the cross terms cancel. So asymmetric costs are served by the Hermitian
        matrix ``S + i A``, which is ``C`` itself for symmetric ones.
        """
        matrix = self.weighted_residual
        if not self.is_symmetric:
            matrix = (matrix + matrix.T) / 2.0 + 0.5j * (matrix - matrix.T)
        eigenvalues = np.linalg.eigvalsh(matrix)
        return eigenvalues[eigenvalues > 0][::-1], -eigenvalues[eigenvalues < 0]

    @cached_property
    def leading_residual(self):
        """The eigenfunction of the (symmetrized) residual with the largest absolute eigenvalue, shape (n,)."""
        if self.is_symmetric:
            matrix = self.weighted_residual
            positive, negative = self.residual_spectrum
            ends = [self.n_nodes - 1 if np.max(positive, initial=0.0) >= np.max(negative, initial=0.0) else 0]
        else:
            matrix = (self.weighted_residual + self.weighted_residual.T) / 2
            ends = [0, self.n_nodes - 1]
        pairs = [eigh(matrix, subset_by_index=[end, end]) for end in ends]
        _, vector = max(pairs, key=lambda pair: abs(pair[0][0]))
        return vector[:, 0] / np.sqrt(self.weights)


def rounded(values):
    """Values as shares of the largest, with twelve digits, so that values equal up to rounding are equal."""
    return np.round(values / max(np.abs(values).max(), np.finfo(float).tiny), TIE_DIGITS)


def as_network(C, p, name, weights_name, normalize_weights=False):
    """A checked measure network and the positions of the nodes it keeps: those of weight zero are left out.

    Parameters
    ----------
    C : array-like or sparse matrix of shape (n, n), or Cost
        The cost.
    p : array-like of shape (n,) or None
        Non-negative weights of the nodes, summing to one; None is uniform.
    name, weights_name : str
        Names of the two in messages.
    normalize_weights : bool, default=False
        Whether weights with another sum are divided by it rather than refused.

    Returns
    -------
    network : MeasureNetwork
        The network of the nodes of positive weight.
    kept : ndarray of shape (n_kept,)
        Their positions.
    """
    cost = C if isinstance(C, Cost) else as_cost(C, name)
    n = cost.n_nodes
    if p is None:
        return MeasureNetwork(cost, np.full(n, 1.0 / n)), np.arange(n)
    weights = check_vector(p, weights_name, size=n)
    largest = weights.max()
    if largest == 0.0:
        raise ValueError(f"{weights_name} must have a positive sum. Got only zeros.")
    if normalize_weights:
        weights /= largest
    total = weights.sum()
    if not normalize_weights and abs(total - 1.0) > WEIGHT_SUM_TOLERANCE:
        raise ValueError(
            f"{weights_name} must sum to 1. Its sum is {total:.9g}: divide by it, or pass normalize_weights=True."
        )
    kept = np.flatnonzero(weights)
    if kept.size < n:
        cost = cost.take(kept)
    return MeasureNetwork(cost, weights[kept] / total), kept
