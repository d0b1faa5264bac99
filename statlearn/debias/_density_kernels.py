"""Compiled loops of kernel density estimates on a line: binning, interpolation, and exact sums where data are thin.

A grid has its point j at ``low + j * step`` and its cell j between the points j and j + 1. Points of a grid where the
density is not known to relative precision are NaN in its table.
"""

import math

import numpy as np

from .._support.jit import njit

__all__ = [
    "LOG_DENSITY",
    "SCORE",
    "SCORE_DERIVATIVE",
    "add_moments",
    "evaluate",
    "fill_thin_scores",
]

LOG_DENSITY, SCORE, SCORE_DERIVATIVE = 0, 1, 2
EXPONENT_REACH = 40.0  # terms below exp(-40) of the largest are beyond rounding, whatever their number
HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


@njit
def add_moments(values, weights, low, step, moments):
    """Add the weighted moments 0 to 3 of the places of values within their cells, in steps, to ``moments`` (cells, 4).

    No weights stand for ones. All values must lie within the grid.
    """
    unweighted = weights.shape[0] == 0
    last = moments.shape[0] - 1
    scale = 1.0 / step
    for i in range(values.shape[0]):
        position = (values[i] - low) * scale
        cell = min(int(position), last)
        place = position - cell
        weight = 1.0 if unweighted else weights[i]
        moments[cell, 0] += weight
        weight *= place
        moments[cell, 1] += weight
        weight *= place
        moments[cell, 2] += weight
        moments[cell, 3] += weight * place


@njit
def evaluate(points, order, low, step, table, centers, masses, bandwidth, out):
    """Log-density (order 0), score (1) or its derivative (2) of a Gaussian kernel density estimate.

    Between two known points of the grid by cubic Hermite interpolation of ``table`` (size, 3), which has a column per
    order; elsewhere by the sum over ``centers``, which are increasing. An empty table stands for sums everywhere.
    """
    cells = table.shape[0] - 1
    scale = 1.0 / step
    spread = math.log(masses.max() / masses.min())
    for i in range(points.shape[0]):
        position = (points[i] - low) * scale
        if 0.0 <= position < cells:
            cell = int(position)
            column = min(order, 1)
            left, right = table[cell, column], table[cell + 1, column]
            place = position - cell
            rise = right - left
            slope = table[cell, column + 1] * step - rise  # of the part that is not linear
            end_slope = table[cell + 1, column + 1] * step - rise
            if order < 2:
                rest = 1.0 - place
                value = left + place * (rise + rest * (rest * slope - place * end_slope))
            else:
                value = rise + slope * (1.0 - place) * (1.0 - 3.0 * place) + end_slope * place * (3.0 * place - 2.0)
                value *= scale
            if value == value:
                out[i] = value
                continue
        out[i] = _kernel_sum(points[i], order, centers, masses, spread, bandwidth)


@njit
def _kernel_sum(point, order, centers, masses, spread, bandwidth):
    """The sum over the centers that count, in units of the kernel of the nearest, so that nothing underflows.

    ``spread`` is the logarithm of the ratio of the extreme masses.
    """
    size = centers.shape[0]
    right = np.searchsorted(centers, point)
    nearest = size - 1 if right == size else right
    if right > 0 and (right == size or point - centers[right - 1] <= centers[right] - point):
        nearest = right - 1
    least = -EXPONENT_REACH - spread
    from_nearest = (point - centers[nearest]) / bandwidth
    total = first = second = 0.0  # moments of the offsets of the centers from the nearest, in bandwidths
    for direction in (-1, 1):
        j = nearest if direction < 0 else nearest + 1
        while 0 <= j < size:
            offset = (centers[j] - centers[nearest]) / bandwidth
            exponent = offset * (from_nearest - 0.5 * offset)  # half the difference of the squared distances
            if exponent < least:
                break
            term = masses[j] * math.exp(exponent)
            total += term
            first += term * offset
            second += term * offset * offset
            j += direction
    if order == 0:
        return math.log(total / bandwidth) - 0.5 * from_nearest * from_nearest - HALF_LOG_TWO_PI
    mean = first / total
    if order == 1:
        return (mean - from_nearest) / bandwidth
    return (second / total - mean * mean - 1.0) / (bandwidth * bandwidth)


@njit
def fill_thin_scores(scores, step, bandwidths):
    """Replace NaN in rows of scores on a grid: beyond the known ones by the tail of a kernel, between them by a line.

    The tail of the outermost kernel is a line of slope ``-1 / bandwidth**2``. A row without any known score becomes 0.
    """
    size = scores.shape[1]
    for b in range(scores.shape[0]):
        row = scores[b]
        slope = -step / (bandwidths[b] * bandwidths[b])
        last = -1
        for j in range(size):
            if row[j] != row[j]:
                continue
            for k in range(last + 1, j):
                if last < 0:
                    row[k] = row[j] + (k - j) * slope
                else:
                    row[k] = row[last] + (row[j] - row[last]) * (k - last) / (j - last)
            last = j
        for k in range(last + 1, size):
            row[k] = 0.0 if last < 0 else row[last] + (k - last) * slope
