"""Lower bounds of the Gromov-Wasserstein value, each proved for any cost, weights and sizes.

The bounds rest on two facts. Two pairs of nodes drawn independently from a coupling ``T`` have independent nodes, so
the terms of the Hoeffding decomposition of the two costs (``m``, ``a``, ``b``, ``h`` of `_network`) are orthogonal::

    objective(T) = (m1 - m2)^2 + E(a1_i - a2_k)^2 + E(b1_i - b2_k)^2 + E(h1_ij - h2_kl)^2,

and a minimum over couplings of a part of the pairs is at most the minimum over ``T``. Memoli (2011, sections 6 and 7)
gave the first, second and third lower bound; they are applied to the residual here as well. The transport problems
of the third lower bounds are certified by weak duality: the bound is the value of the dual potentials.
"""

from typing import NamedTuple

import numpy as np

from .._kernels.transport import monotone_coupling, pairwise_wasserstein, wasserstein
from ._linear_transport import certified_transport

__all__ = ["ABSOLUTE_BOUNDS", "LOWER_BOUNDS", "LowerBound", "sorted_bound", "sorted_points", "spectral_gap"]


class LowerBound(NamedTuple):
    """A lower bound and the coupling that attains it in the relaxed problem, if there is one."""

    value: float
    plan: object = None


def sorted_points(values, weights):
    """A measure on the line in ascending order."""
    order = np.argsort(values)
    return values[order], weights[order]


def _line_distance(values1, network1, values2, network2, power=2):
    """``W_power^power`` of a feature of the nodes."""
    return wasserstein(*sorted_points(values1, network1.weights), *sorted_points(values2, network2.weights), power)


def sorted_bound(network1, network2):
    """The sorting formula in its exact form: difference of means and transport of the deviations."""
    rows = _line_distance(network1.row_deviation, network1, network2.row_deviation, network2)
    if network1.is_symmetric and network2.is_symmetric:
        columns = rows
    else:
        columns = _line_distance(network1.column_deviation, network1, network2.column_deviation, network2)
    return LowerBound((network1.mean - network2.mean) ** 2 + rows + columns)


def _first_lower_bound(network1, network2):
    return LowerBound(_line_distance(network1.row_rms, network1, network2.row_rms, network2))


def _second_lower_bound(network1, network2, power=2):
    return LowerBound(wasserstein(*network1.sorted_entries, *network2.sorted_entries, power))


def _third_lower_bound(network1, network2):
    cost = _row_distances(network1, network1.sorted_rows, network2, network2.sorted_rows)
    return LowerBound(*certified_transport(cost, network1, network2))


def _hoeffding_third_lower_bound(network1, network2):
    cost = _row_distances(network1, network1.sorted_residual_rows, network2, network2.sorted_residual_rows)
    cost += np.subtract.outer(network1.row_deviation, network2.row_deviation) ** 2
    cost += np.subtract.outer(network1.column_deviation, network2.column_deviation) ** 2
    value, plan = certified_transport(cost, network1, network2)
    return LowerBound((network1.mean - network2.mean) ** 2 + value, plan)


def _spectral_bound(network1, network2):
    return LowerBound(sorted_bound(network1, network2).value + spectral_gap(network1, network2))


def spectral_gap(network1, network2):
    """What the spectra of the residuals add to the sorted bound.

    ``diag(1 / sqrt p) T diag(1 / sqrt q)`` is a contraction ``S`` for every coupling, and
    ``tr(A S B S') <= sum of l+(A) l+(B) + sum of l-(A) l-(B)`` for Hermitian ``A`` and ``B``, with their positive and
    negative parts in descending order.
    """
    pairs = zip(network1.residual_spectrum, network2.residual_spectrum, strict=True)
    return sum(_padded_distance(first, second) for first, second in pairs)


def _padded_distance(first, second):
    """Squared distance of two vectors, the shorter one continued by zeros."""
    common = min(first.size, second.size)
    return float(
        np.sum((first[:common] - second[:common]) ** 2) + np.sum(first[common:] ** 2) + np.sum(second[common:] ** 2)
    )


def _row_distances(network1, rows1, network2, rows2, power=2):
    """``W_power^power`` between all pairs of sorted rows.

    With uniform weights the monotone coupling is the same for all pairs, so that squares are one matrix product.
    """
    if power == 2 and network1.is_uniform and network2.is_uniform:
        sources, targets, masses = monotone_coupling(network1.weights, network2.weights)
        root = np.sqrt(masses)
        shift = (rows1[0].mean() + rows2[0].mean()) / 2.0  # what all rows have in common would only cost digits
        left, right = (rows1[0][:, sources] - shift) * root, (rows2[0][:, targets] - shift) * root
        squares = np.add.outer(np.sum(left * left, axis=1), np.sum(right * right, axis=1))
        return np.maximum(squares - 2.0 * (left @ right.T), 0.0)
    return pairwise_wasserstein(*_ragged(rows1), *_ragged(rows2), power)


def _ragged(rows):
    """Rows of equal length in the layout of `pairwise_wasserstein`."""
    values, weights = rows
    n, length = values.shape
    return values.ravel(), weights.ravel(), np.arange(0, n * length + 1, length)


LOWER_BOUNDS = {
    "sorted": sorted_bound,
    "flb": _first_lower_bound,
    "slb": _second_lower_bound,
    "tlb": _third_lower_bound,
    "hoeffding_tlb": _hoeffding_third_lower_bound,
    "spectral": _spectral_bound,
}


def _absolute_sorted(network1, network2):
    """``|E T (C1 - C2)| <= E |C1 - C2|`` on the inner sum: the sorting formula of row means."""
    return LowerBound(_line_distance(network1.row_mean, network1, network2.row_mean, network2, power=1))


def _absolute_first(network1, network2):
    rows1, rows2 = (np.abs(network.dense) @ network.weights for network in (network1, network2))
    return LowerBound(_line_distance(rows1, network1, rows2, network2, power=1))


def _absolute_second(network1, network2):
    return _second_lower_bound(network1, network2, power=1)


def _absolute_third(network1, network2):
    cost = _row_distances(network1, network1.sorted_rows, network2, network2.sorted_rows, power=1)
    return LowerBound(*certified_transport(cost, network1, network2))


ABSOLUTE_BOUNDS = {
    "sorted": _absolute_sorted,
    "flb": _absolute_first,
    "slb": _absolute_second,
    "tlb": _absolute_third,
}
