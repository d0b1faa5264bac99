"""Compiled passes over signed rows z_i = y_i a_i: margins, weights of the rows, and the weighted sum, in one reading.

The weights of a pass are w_i sigma(-m_i) (soft) or w_i where m_i <= 0 (hard), divided by their sum, the mass. Soft
weights are computed relative to exp(-shift), where the shift is the least margin if that is positive: sigma(-m) itself
would underflow once all margins are large. The shift is not known before the last block has been read, so each block
uses the least margin so far, and sums are rescaled when it falls.

A table is read in blocks so small that the second product of a block finds it in the cache, and row by row, as fast as
memory delivers it. Products are ours and not those of linear algebra, which are slower, and whose sums depend on the
number of threads. All arithmetic is in float64, whatever the precision of the table.
"""

import math

import numpy as np

from .._support.jit import njit

__all__ = [
    "ERROR_MASS",
    "LEAST_MARGIN",
    "LOG_MASS",
    "LOSS",
    "N_ERRORS",
    "N_SUMMARIES",
    "add_dense_rows",
    "add_sparse_rows",
    "dense_products",
    "exponentials",
    "log1ps",
    "loss_after",
    "nearest_zero",
    "sparse_products",
    "sweep_dense",
    "sweep_sparse",
    "weigh",
]

# What a pass leaves in its summary; the last three are of no use outside.
LOSS, N_ERRORS, ERROR_MASS, LEAST_MARGIN, LOG_MASS, MASS, SHIFT, N_SUMMARIES = range(8)
BLOCK_ENTRIES = 2**15
FEWEST_ROWS, MOST_ROWS = 16, 1024  # of a block
N_BUFFERS = 3

# exp(x) = 2^k exp(r), and log(1 + t) = 2 artanh(t / (2 + t)). The coefficients stand in tuples of constants that are
# short enough for the compiler to unroll the loops over them, which lets it compute several rows at a time.
LOG2_E = 1.0 / math.log(2.0)
LOG_2_HIGH, LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUNDING = 1.5 * 2.0**52  # added to a number, leaves its nearest integer in the low bits
SMALLEST_EXPONENT = -708.0  # below it exp is set to 0
EXP_SERIES = tuple(1.0 / math.factorial(k) for k in range(13, 1, -1))
ARTANH_SERIES_HIGH = tuple(2.0 / (2 * k + 1) for k in range(16, 8, -1))
ARTANH_SERIES_LOW = tuple(2.0 / (2 * k + 1) for k in range(8, 0, -1))


@njit
def exponentials(x, n, powers, out):
    """exp of the first n entries of x, at most 0, to two units in the last place; 0 below exp(-708)."""
    bits = powers.view(np.int64)
    for i in range(n):
        powers[i] = x[i] * LOG2_E + ROUNDING
    for i in range(n):
        k = powers[i] - ROUNDING
        r = (x[i] - k * LOG_2_HIGH) - k * LOG_2_LOW
        series = 0.0
        for c in EXP_SERIES:
            series = c + r * series
        out[i] = 1.0 + (r + r * r * series)
    for i in range(n):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(n):
        out[i] = out[i] * powers[i] if x[i] >= SMALLEST_EXPONENT else 0.0


@njit
def log1ps(t, n, out):
    """log(1 + t) of the first n entries of t, in [0, 1], to a few units in the last place."""
    for i in range(n):
        s = t[i] / (2.0 + t[i])
        z = s * s
        series = 0.0
        for c in ARTANH_SERIES_HIGH:
            series = c + z * series
        for c in ARTANH_SERIES_LOW:
            series = c + z * series
        out[i] = 2.0 * s + s * z * series


@njit(any_order=True)
def dense_products(X, v, begin, end, out):
    """Products of the rows ``begin`` to ``end`` of X with v, into the same places of ``out``."""
    for i in range(begin, end):
        product = 0.0
        for j in range(X.shape[1]):
            product += X[i, j] * v[j]
        out[i] = product


@njit
def add_dense_rows(X, signs, q, begin, end, total):
    """Add sum_i signs_i q_i x_i over the rows ``begin`` to ``end`` to ``total``."""
    for i in range(begin, end):
        c = signs[i] * q[i]
        if c != 0.0:
            for j in range(X.shape[1]):
                total[j] += c * X[i, j]


@njit
def sparse_products(data, indices, indptr, v, begin, end, out):
    """The same as `dense_products` of a table in compressed rows."""
    for i in range(begin, end):
        product = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            product += data[k] * v[indices[k]]
        out[i] = product


@njit
def add_sparse_rows(data, indices, indptr, signs, q, begin, end, total):
    """The same as `add_dense_rows` of a table in compressed rows."""
    for i in range(begin, end):
        c = signs[i] * q[i]
        if c != 0.0:
            for k in range(indptr[i], indptr[i + 1]):
                total[indices[k]] += c * data[k]


@njit
def _least(margins, begin, end):
    """The least margin of a block."""
    least = np.inf
    for i in range(begin, end):
        least = min(least, margins[i])
    return least


@njit
def _weigh_block(margins, weights, begin, end, is_hard, q, summary, buffers):
    """Weights, not yet divided by their sum, of the rows of a block into q; their sums added to the summary.

    Soft weights are sigma(-m) exp(shift); no margin of the block may be below a shift that is positive.
    """
    n = end - begin
    exponents, decays, logs = buffers[0], buffers[1], buffers[2]
    shift = summary[SHIFT]
    unshift = math.exp(-shift)
    for i in range(n):
        exponents[i] = shift - abs(margins[begin + i])
    exponentials(exponents, n, logs, decays)
    for i in range(n):
        exponents[i] = decays[i] * unshift  # exp(-|m|)
    log1ps(exponents, n, logs)
    mass, loss, n_errors, error_mass = 0.0, 0.0, 0, 0.0
    for i in range(n):
        m, w = margins[begin + i], weights[begin + i]
        is_error = m <= 0.0
        n_errors += is_error
        error_mass += w if is_error else 0.0
        loss += w * (logs[i] + max(-m, 0.0))
    if is_hard:
        mass = error_mass
        for i in range(begin, end):
            q[i] = weights[i] if margins[i] <= 0.0 else 0.0
    else:
        for i in range(n):
            size = decays[i] if margins[begin + i] > 0.0 else 1.0
            q[begin + i] = weights[begin + i] * size / (1.0 + exponents[i])
        for i in range(begin, end):
            mass += q[i]
    summary[LOSS] += loss
    summary[N_ERRORS] += n_errors
    summary[ERROR_MASS] += error_mass
    summary[MASS] += mass


@njit
def _begin(summary, is_hard):
    """An empty summary. Hard weights are never shifted, soft ones by as much as the margins allow."""
    summary[:] = 0.0
    summary[LEAST_MARGIN] = np.inf
    summary[SHIFT] = 0.0 if is_hard else np.inf


@njit
def _lower_shift(margins, begin, end, summary, u):
    """Take note of the least margin of a block; where the shift must fall, rescale the sums so far."""
    summary[LEAST_MARGIN] = min(summary[LEAST_MARGIN], _least(margins, begin, end))
    shift = max(summary[LEAST_MARGIN], 0.0)
    if shift < summary[SHIFT]:
        factor = math.exp(shift - summary[SHIFT])
        summary[MASS] *= factor
        for j in range(u.shape[0]):
            u[j] *= factor
        summary[SHIFT] = shift


@njit
def _finish(q, shifts, n_rows, u, summary):
    """Divide the weights of blocks of n_rows rows, each relative to its own shift, and their sum u, by the mass."""
    n, mass, shift = q.shape[0], summary[MASS], summary[SHIFT]
    summary[LOG_MASS] = math.log(mass) - shift if mass > 0.0 else -np.inf
    if mass == 0.0:
        return
    for block in range(shifts.shape[0]):
        factor = math.exp(shift - shifts[block]) / mass
        for i in range(block * n_rows, min((block + 1) * n_rows, n)):
            q[i] *= factor
    for j in range(u.shape[0]):
        u[j] /= mass


@njit
def _add_constant(signs, q, scaling, begin, end, u):
    """Add the constant column of the rows of a block, with the value ``scaling``, to the last entry of u."""
    total = 0.0
    for i in range(begin, end):
        total += signs[i] * q[i]
    u[u.shape[0] - 1] += scaling * total


@njit
def sweep_dense(X, signs, weights, theta, scaling, is_hard, margins, q, u, summary):
    """Margins at theta, weights q, u = sum_i q_i z_i, and a summary, of a dense table read once.

    theta and u have an entry more than X has columns if ``scaling``, the value of the constant column, is not 0.
    """
    n, d = X.shape
    n_rows = min(MOST_ROWS, max(FEWEST_ROWS, BLOCK_ENTRIES // max(d, 1)))
    shifts, buffers = np.empty((n + n_rows - 1) // n_rows), np.empty((N_BUFFERS, n_rows))
    offset = scaling * theta[d] if scaling != 0.0 else 0.0
    u[:] = 0.0
    _begin(summary, is_hard)
    for begin in range(0, n, n_rows):
        end = min(begin + n_rows, n)
        dense_products(X, theta, begin, end, margins)
        for i in range(begin, end):
            margins[i] = signs[i] * (margins[i] + offset)
        _lower_shift(margins, begin, end, summary, u)
        shifts[begin // n_rows] = summary[SHIFT]
        _weigh_block(margins, weights, begin, end, is_hard, q, summary, buffers)
        add_dense_rows(X, signs, q, begin, end, u)
        if scaling != 0.0:
            _add_constant(signs, q, scaling, begin, end, u)
    _finish(q, shifts, n_rows, u, summary)


@njit
def sweep_sparse(data, indices, indptr, signs, weights, theta, scaling, is_hard, margins, q, u, summary):
    """The same as `sweep_dense` of a table in compressed rows."""
    n, n_rows = signs.shape[0], MOST_ROWS
    shifts, buffers = np.empty((n + n_rows - 1) // n_rows), np.empty((N_BUFFERS, n_rows))
    offset = scaling * theta[theta.shape[0] - 1] if scaling != 0.0 else 0.0
    u[:] = 0.0
    _begin(summary, is_hard)
    for begin in range(0, n, n_rows):
        end = min(begin + n_rows, n)
        sparse_products(data, indices, indptr, theta, begin, end, margins)
        for i in range(begin, end):
            margins[i] = signs[i] * (margins[i] + offset)
        _lower_shift(margins, begin, end, summary, u)
        shifts[begin // n_rows] = summary[SHIFT]
        _weigh_block(margins, weights, begin, end, is_hard, q, summary, buffers)
        add_sparse_rows(data, indices, indptr, signs, q, begin, end, u)
        if scaling != 0.0:
            _add_constant(signs, q, scaling, begin, end, u)
    _finish(q, shifts, n_rows, u, summary)


@njit
def weigh(margins, weights, is_hard, q, summary):
    """Weights and summary of given margins, without reading the table."""
    n, nothing = margins.shape[0], np.empty(0)
    shifts, buffers = np.empty((n + MOST_ROWS - 1) // MOST_ROWS), np.empty((N_BUFFERS, MOST_ROWS))
    _begin(summary, is_hard)
    for begin in range(0, n, MOST_ROWS):
        end = min(begin + MOST_ROWS, n)
        _lower_shift(margins, begin, end, summary, nothing)
        shifts[begin // MOST_ROWS] = summary[SHIFT]
        _weigh_block(margins, weights, begin, end, is_hard, q, summary, buffers)
    _finish(q, shifts, MOST_ROWS, nothing, summary)


@njit
def nearest_zero(margins, slopes):
    """Distance of the nearest complex zero of the functions 1 + exp(m_i + t s_i) of t, over all rows; may be inf."""
    nearest = np.inf
    for i in range(margins.shape[0]):
        if slopes[i] != 0.0:
            nearest = min(nearest, math.hypot(margins[i], math.pi) / abs(slopes[i]))
    return nearest


@njit
def loss_after(margins, slopes, length, weights):
    """Weighted sum of log(1 + exp(-m)) at the margins m_i + length s_i, and its derivative by the length."""
    loss, derivative = 0.0, 0.0
    for i in range(margins.shape[0]):
        m = margins[i] + length * slopes[i]
        decay = math.exp(-abs(m))
        loss += weights[i] * (math.log1p(decay) + max(-m, 0.0))
        derivative -= weights[i] * slopes[i] * (decay if m > 0.0 else 1.0) / (1.0 + decay)
    return loss, derivative
