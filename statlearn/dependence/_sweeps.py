"""Compiled sums over pairs of rows, signed by the order of the predictions.

All take the rows in the order of the predictions f: ``order`` sorts them, and ``starts`` holds the first position of
each block of ties and, at its end, the number of rows. A signed sum is ``sum_k w_k sgn(f_i - f_k) K_ik``. Ties count
nothing, so a row has the rows before its block with sign +1 and the rows after its block with sign -1; equivalently,
twice what is before, plus the block, minus the total.
"""

import numpy as np

from .._support.jit import njit

__all__ = [
    "column_row_sums",
    "column_signed_sums",
    "level_signed_sums",
    "node_row_sums",
    "node_signed_sums",
    "product_row_sums",
    "product_signed_sums",
    "signed_sums",
]

TILE = 512  # rows whose products are formed together


@njit
def signed_sums(order, starts, values):
    """``sum_k sgn(f_i - f_k) values_k`` for every row."""
    result = np.empty(order.size)
    total = 0.0
    for value in values:
        total += value
    before = 0.0
    for block in range(starts.size - 1):
        after = before
        for position in range(starts[block], starts[block + 1]):
            after += values[order[position]]
        for position in range(starts[block], starts[block + 1]):
            result[order[position]] = before + after - total
        before = after
    return result


@njit
def level_signed_sums(order, starts, codes, table, weights):
    """Signed sums of the symmetric kernel ``table[codes_i, codes_k]``, in O(n G)."""
    n_levels = table.shape[0]
    total, below = np.zeros(n_levels), np.zeros(n_levels)
    for row in range(codes.size):
        total[codes[row]] += weights[row]
    total = table @ total
    result = np.empty(order.size)
    for block in range(starts.size - 1):
        for position in range(starts[block], starts[block + 1]):
            row = order[position]
            result[row] = below[codes[row]] - total[codes[row]]
        for position in range(starts[block], starts[block + 1]):
            row = order[position]
            weight, level = weights[row], codes[row]
            for other in range(n_levels):
                below[other] += weight * table[level, other]
        for position in range(starts[block], starts[block + 1]):
            row = order[position]
            result[row] += below[codes[row]]
    return result


@njit
def column_row_sums(column, weights, result):
    """Write ``sum_k w_k |s_i - s_k|`` for the rows of an increasing column s."""
    mass, moment, lost = 0.0, 0.0, 0.0
    for row in range(column.size):
        mass += weights[row]
        moment, lost = _added(moment, lost, weights[row] * column[row])
    moment += lost
    mass_below, below, lost = 0.0, 0.0, 0.0
    for row in range(column.size):
        s, moment_below = column[row], below + lost
        result[row] = s * mass_below - moment_below + (moment - moment_below) - s * (mass - mass_below)
        mass_below += weights[row]
        below, lost = _added(below, lost, weights[row] * s)


@njit
def _added(total, lost, term):
    """A total and what rounding took from it, after a term more (Neumaier 1974)."""
    added = total + term
    lost += (total - added) + term if abs(total) >= abs(term) else (term - added) + total
    return added, lost


@njit
def column_signed_sums(column, predictions, weights):
    """Signed sums of the kernel ``|s_i - s_k|`` for an increasing column s, in O(n log n).

    A merge sort by the predictions: of two runs that are merged, one has the smaller s, so that the absolute values are
    differences and the signs follow from the merge.
    """
    n = column.size
    mass, moment = np.zeros(n + 1), np.zeros(n + 1)  # of the first rows: totals of runs, which are intervals of s
    for row in range(n):
        mass[row + 1] = mass[row] + weights[row]
        moment[row + 1] = moment[row] + weights[row] * column[row]
    s, f, w = column.copy(), predictions.copy(), weights.copy()
    total, place = np.zeros(n), np.arange(n)
    next_s, next_f, next_w, next_total, next_place = s.copy(), f.copy(), w.copy(), total.copy(), place.copy()
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            left, right, out = low, middle, low
            left_mass, left_moment = mass[middle] - mass[low], moment[middle] - moment[low]
            right_mass, right_moment = mass[high] - mass[middle], moment[high] - moment[middle]
            # of the rows that went out already: what is below, on either side
            lower_left_mass, lower_left_moment, lower_right_mass, lower_right_moment = 0.0, 0.0, 0.0, 0.0
            while left < middle or right < high:
                from_left = right >= high or (left < middle and f[left] < f[right])
                smallest = f[left] if from_left else f[right]
                left_end, right_end = left, right
                tied_left_mass, tied_left_moment, tied_right_mass, tied_right_moment = 0.0, 0.0, 0.0, 0.0
                while left_end < middle and f[left_end] == smallest:
                    tied_left_mass += w[left_end]
                    tied_left_moment += w[left_end] * s[left_end]
                    left_end += 1
                while right_end < high and f[right_end] == smallest:
                    tied_right_mass += w[right_end]
                    tied_right_moment += w[right_end] * s[right_end]
                    right_end += 1
                signed_mass = 2.0 * lower_right_mass + tied_right_mass - right_mass
                signed_moment = 2.0 * lower_right_moment + tied_right_moment - right_moment
                for row in range(left, left_end):
                    next_s[out], next_f[out], next_w[out], next_place[out] = s[row], f[row], w[row], place[row]
                    next_total[out] = total[row] + signed_moment - s[row] * signed_mass
                    out += 1
                signed_mass = 2.0 * lower_left_mass + tied_left_mass - left_mass
                signed_moment = 2.0 * lower_left_moment + tied_left_moment - left_moment
                for row in range(right, right_end):
                    next_s[out], next_f[out], next_w[out], next_place[out] = s[row], f[row], w[row], place[row]
                    next_total[out] = total[row] + s[row] * signed_mass - signed_moment
                    out += 1
                left, right = left_end, right_end
                lower_left_mass += tied_left_mass
                lower_left_moment += tied_left_moment
                lower_right_mass += tied_right_mass
                lower_right_moment += tied_right_moment
        s, next_s = next_s, s
        f, next_f = next_f, f
        w, next_w = next_w, w
        total, next_total = next_total, total
        place, next_place = next_place, place
        width *= 2
    result = np.empty(n)
    for row in range(n):
        result[place[row]] = total[row]
    return result


@njit
def _add_at_nodes(sums, weight, x, level, gaps, nodes):
    """Add ``weight * sqrt(gap^2 + (node - x)^2)`` to the sums of all other levels at all nodes."""
    for other in range(gaps.shape[0]):
        if other != level:
            squared = gaps[level, other] ** 2
            for q in range(nodes.size):
                sums[other, q] += weight * np.sqrt(squared + (nodes[q] - x) ** 2)


@njit
def _interpolated(sums, x, nodes, barycentric):
    """The polynomial through ``sums`` at the nodes, evaluated at x."""
    numerator, denominator = 0.0, 0.0
    for q in range(nodes.size):
        difference = x - nodes[q]
        if difference == 0.0:
            return sums[q]
        factor = barycentric[q] / difference
        numerator += factor * sums[q]
        denominator += factor
    return numerator / denominator


@njit
def node_row_sums(column, codes, weights, gaps, nodes, barycentric):
    """``sum_k w_k sqrt(gap^2 + (x_i - x_k)^2)`` over the rows k of other levels."""
    sums = np.zeros((gaps.shape[0], nodes.size))
    for row in range(column.size):
        _add_at_nodes(sums, weights[row], column[row], codes[row], gaps, nodes)
    result = np.empty(column.size)
    for row in range(column.size):
        result[row] = _interpolated(sums[codes[row]], column[row], nodes, barycentric)
    return result


@njit
def node_signed_sums(order, starts, column, codes, weights, gaps, nodes, barycentric, totals):
    """Signed sums of ``sqrt(gap^2 + (x_i - x_k)^2)`` over the rows k of other levels; ``totals`` without signs."""
    sums = np.zeros((gaps.shape[0], nodes.size))
    result = -totals
    for block in range(starts.size - 1):
        for position in range(starts[block], starts[block + 1]):
            row = order[position]
            result[row] += _interpolated(sums[codes[row]], column[row], nodes, barycentric)
        for position in range(starts[block], starts[block + 1]):
            row = order[position]
            _add_at_nodes(sums, weights[row], column[row], codes[row], gaps, nodes)
        for position in range(starts[block], starts[block + 1]):
            row = order[position]
            result[row] += _interpolated(sums[codes[row]], column[row], nodes, barycentric)
    return result


@njit
def _sum_of_products(columns, block_starts, means, grand_means, c, weights, i, low, high, product, squared):
    """``sum_k w_k prod_m (U^m_ik + c)`` over ``low <= k < high``, tile by tile so that the loops are over arrays."""
    total = 0.0
    for begin in range(low, high, product.size):
        size = min(product.size, high - begin)
        product[:size] = weights[begin : begin + size]
        for m in range(block_starts.size - 1):
            squared[:size] = 0.0
            for j in range(block_starts[m], block_starts[m + 1]):
                value, others = columns[j, i], columns[j, begin : begin + size]
                for k in range(size):
                    squared[k] += (value - others[k]) ** 2
            own, theirs = means[m, i] - grand_means[m] + c, means[m, begin : begin + size]
            for k in range(size):
                product[k] *= own + theirs[k] - np.sqrt(squared[k])
        for k in range(size):
            total += product[k]
    return total


@njit
def product_row_sums(columns, block_starts, means, grand_means, c, weights, low, high):
    """``sum_k w_k prod_m (U^m_ik + c)`` over all k, for the rows from ``low`` to ``high``.

    ``U^m_ik = -(|S^m_i - S^m_k| - mean_i - mean_k + grand mean)``, and ``columns[j]`` is a column of the blocks.
    """
    result, product, squared = np.empty(high - low), np.empty(TILE), np.empty(TILE)
    n = weights.size
    for i in range(low, high):
        result[i - low] = _sum_of_products(
            columns, block_starts, means, grand_means, c, weights, i, 0, n, product, squared
        )
    return result


@njit
def product_signed_sums(columns, block_starts, means, grand_means, c, weights, begins, ends, low, high):
    """Signed sums of ``prod_m (U^m_ik + c)`` for the positions from ``low`` to ``high``.

    All arrays are in the order of the predictions, and a row's block of ties goes from ``begins`` to ``ends``.
    """
    result, product, squared = np.empty(high - low), np.empty(TILE), np.empty(TILE)
    n = weights.size
    for i in range(low, high):
        result[i - low] = _sum_of_products(
            columns, block_starts, means, grand_means, c, weights, i, 0, begins[i], product, squared
        ) - _sum_of_products(columns, block_starts, means, grand_means, c, weights, i, ends[i], n, product, squared)
    return result
