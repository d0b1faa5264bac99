r"""Columns of kernels with positive entries, by series of non-negative terms.

Each measure with positive entries is an average of the powers of one non-negative matrix,

.. math:: K = c \, W \Big(\sum_k p_k M^k\Big) W^{-1}, \qquad M = W^{-1} X W / \sigma, \qquad M 1 \le 1,

with X = A, cI - L or S, probabilities :math:`p_k` (Poisson for exponentials, geometric for resolvents) and a positive
vector W that makes the row sums of M at most 1. Sums of non-negative terms have a small error relative to each entry,
which logarithms need. If :math:`z = M^J e_l` lies between a and b, all later terms do: the tail of the series is
between :math:`a` and :math:`b` times :math:`\sum_{k > J} p_k`. The iteration stops when half the difference is small
against every entry, after about as many steps as the walk on the graph needs to mix. Where all row sums are 1, the
constant ``a`` is split off exactly, so that large t, where all entries nearly agree, lose no digits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import gammaln, logsumexp

from .._support.parallel import run_parallel
from ._landmark_kernels import advance

__all__ = ["SERIES", "kernel_columns", "series_weights"]

EPS = np.finfo(np.float64).eps
RESOLUTION = 1e-8  # relative error of an entry by truncation; of larger entries than the tail, that is
SMALLEST = 1e-300  # that an entry is taken for: its quotients are finite
FLOOR = 1e-280  # of a tail that no entry above the smallest floating-point number misses
MAX_TERMS = 2000
ALL_TERMS = 40_000  # whose weights are normalized
FORGOTTEN = -70.0  # logarithm of the last of these weights, relative to the largest
ROUNDING = 4 * EPS  # relative error per term
BALANCE = 1e-9  # deviation of row sums up to which they count as 1
ROUNDED = 1e-13  # deviation that is rounding of row sums that are 1 in exact arithmetic
PERRON_NOISE = 1e-8  # more than the error of a computed vector, relative to its largest entry
POWER_STEPS = 200
LAZINESS = 0.25  # share of the last vector in a power step: bipartite graphs converge too
BLOCK = 32  # columns per pass: 256 bytes of each row are used when it is fetched


# --- series -----------------------------------------------------------------------------------------------------------


def _poisson(rate, k):
    """Logarithms of the weights of an exponential, before they are normalized."""
    return k * np.log(rate) - gammaln(k + 1.0)


def _geometric(q, k):
    return k * np.log(q)


def _double_factorial(rate, k):
    half = k // 2
    even = half * np.log(2.0) + gammaln(half + 1.0)
    odd = (half + 1.0) * np.log(2.0) + gammaln(half + 1.5) - gammaln(0.5)
    return k * np.log(rate) - np.where(k % 2, odd, even)


def _times(t, sigma):
    return t * sigma


def _saturated(t, sigma):
    return t * sigma / (1.0 + t * sigma)


def _plain_dress(w, at):
    return w[:, None] / at


def _similar_dress(w, at):
    """Symmetric part of D^(-1/2) N D^(1/2), with w = sqrt(d)."""
    return 0.5 * (1.0 + (w[:, None] / at) ** 2)


def _degree_dress(w, at):
    return np.broadcast_to(at**-2.0, (len(w), len(at)))


@dataclass(frozen=True)
class Series:
    """The weights of the powers of ``X / sigma`` in a measure.

    ``log_weights(rate(t, sigma), k)`` are their logarithms. The kernel is their sum, or their average if ``averaged``;
    ``dress(w, w[landmarks])`` is the factor between the powers of M and those of the kernel.
    """

    log_weights: Callable
    rate: Callable = _times
    averaged: bool = False
    dress: Callable = _plain_dress


SERIES = {
    "katz": Series(_geometric),
    "communicability": Series(_poisson),
    "double_factorial": Series(_double_factorial),
    "forest": Series(_geometric, _saturated, averaged=True),
    "heat": Series(_poisson, averaged=True),
    "normalized_heat": Series(_poisson, averaged=True),
    "ppr": Series(_geometric, dress=_similar_dress),
    "modified_ppr": Series(_geometric, dress=_degree_dress),
    "heat_ppr": Series(_poisson, averaged=True, dress=_similar_dress),
}


@dataclass(frozen=True)
class Weights:
    """Probabilities ``p_k`` of the powers, ``tails[k]``, the sum of those after k, and what they were divided by."""

    p: np.ndarray
    tails: np.ndarray
    log_total: float


def series_weights(series, t, sigma):
    """The weights of the terms up to MAX_TERMS."""
    rate, k = series.rate(t, sigma), np.arange(float(ALL_TERMS))
    logs = series.log_weights(rate, k)
    if logs[-1] > logs.max() + FORGOTTEN:
        raise ValueError(
            f"t={t:.10g} is too large for method='landmark': the series has weight beyond {ALL_TERMS} products with "
            "the matrix of the graph. Lower t, or use method='lanczos' for plain kernels."
        )
    log_total = float(logsumexp(logs))
    p = np.exp(logs - log_total)
    tails = np.r_[np.cumsum(p[:0:-1])[::-1], 0.0]
    return Weights(p[: MAX_TERMS + 1], tails[: MAX_TERMS + 1], 0.0 if series.averaged else log_total)


# --- the averaged matrix ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Walk:
    """``M = W^(-1) X W / sigma`` as ``M_ij = left_i (data_ij + stay_i [i = j])``; its row sums are at most 1.

    ``defect`` is the largest deviation of a row sum from 1.
    """

    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray
    left: np.ndarray
    stay: np.ndarray
    w: np.ndarray
    sigma: float
    defect: float


def _adjacency_walk(graph):
    A, u = graph.adjacency, graph.perron.vector
    w = u / u.max() + PERRON_NOISE
    for _ in range(POWER_STEPS):
        image = A @ w
        rows = image / w
        if rows.min() >= (1.0 - 0.01 * BALANCE) * rows.max():
            break
        w = image + LAZINESS * rows.max() * w
        w /= w.max()
    sigma = float((A @ w / w).max())  # of any positive vector: at least the spectral radius (Collatz, Wielandt)
    return _walk(A, A.data * w[A.indices], 1.0 / (w * sigma), np.zeros(graph.n_nodes), w, sigma)


def _laplacian_walk(graph):
    A, degrees = graph.adjacency, graph.degrees
    sigma = float(degrees.max())
    ones = np.ones(graph.n_nodes)
    return _walk(A, A.data, ones / sigma, sigma - degrees, ones, sigma)


def _normalized_walk(graph):
    A, w = graph.adjacency, graph.root_degrees()
    return _walk(A, A.data, w**-2.0, np.zeros(graph.n_nodes), w, 1.0)


WALKS = {"A": _adjacency_walk, "L": _laplacian_walk, "S": _normalized_walk}


def _walk(A, data, left, stay, w, sigma):
    sums = left * (sparse.csr_array((data, A.indices, A.indptr), shape=A.shape).sum(axis=1) + stay)
    defect = float(np.abs(1.0 - sums).max())
    return Walk(A.indptr, A.indices, data, left, stay, w, sigma, defect if defect > ROUNDED else 0.0)


# --- columns ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Columns:
    """Averages of the powers of M at the landmarks, ``base + rest``, with half the tail of the series in ``rest``.

    ``base`` of shape (m,) holds the constants that were split off. ``error`` is the largest error of an entry, relative
    to the entry, of those that are not floored; ``rounding`` comes on top, relative to what the entry adds to ``base``.
    """

    rest: np.ndarray
    base: np.ndarray
    weights: Weights
    walk: Walk
    error: float
    rounding: float
    n_floored: int
    n_terms: int


def kernel_columns(graph, measure, t, landmarks, n_jobs=None):
    """The columns of a kernel at some nodes, up to the dress of its measure."""
    walk = WALKS[measure.spectrum.matrix](graph)
    weights = series_weights(SERIES[measure.name], t, walk.sigma)
    blocks = np.array_split(np.arange(len(landmarks)), -(-len(landmarks) // BLOCK))
    made = run_parallel(_sum_block, [(walk, weights, landmarks[block], t) for block in blocks], n_jobs=n_jobs)
    rests, bases, errors, floored, terms = zip(*made, strict=True)
    rounding = ROUNDING * max(terms)
    return Columns(
        np.hstack(rests), np.concatenate(bases), weights, walk, max(errors), rounding, sum(floored), max(terms)
    )


def _sum_block(walk, weights, landmarks, t):
    """Sum the series of some columns; what it returns, a process may have computed."""
    n, width = len(walk.w), len(landmarks)
    term, result, total = (np.zeros((n, width)) for _ in range(3))
    term[landmarks, np.arange(width)] = 1.0
    total += weights.p[0] * term
    base, shift = np.zeros(width), np.zeros(width)
    splits = walk.defect <= BALANCE
    defect = walk.defect if splits else 0.0
    arrays = (walk.indptr, walk.indices, walk.data, walk.left, walk.stay)
    for k in range(1, MAX_TERMS + 1):
        low, high, smallest, largest = advance(*arrays, term, result, total, shift, weights.p[k])
        term, result = result, term
        shift = low if splits else shift
        base += shift * weights.tails[k]
        half = 0.5 * (high - shift) * weights.tails[k]
        if _resolved(half, base, smallest, largest):
            break
    else:
        _check_cap(half, base, smallest, largest, t)
    n_floored = _finish(total, base, half)
    return total, base, _relative_error(half, base, smallest, k, defect), n_floored, k


def _resolved(half, base, smallest, largest):
    """Whether the tail is small against all entries and all differences of a column, or too small to matter at all."""
    small = half <= RESOLUTION * np.minimum(base + smallest, largest - smallest)
    return bool(np.all(small | (half <= FLOOR)))


def _check_cap(half, base, smallest, largest, t):
    if np.any(half > RESOLUTION * (base + largest)) or np.any(half > RESOLUTION * (largest - smallest)):
        raise ValueError(
            f"t={t:.10g} is too large for method='landmark' on this graph, whose walks mix slowly: the columns are not "
            f"known after {MAX_TERMS} products of the adjacency with all of them. Lower t, or use method='lanczos' for "
            "plain kernels."
        )


def _finish(total, base, half):
    """Add half the bound of the tail; returns the number of entries it is not small against."""
    half = np.maximum(half, SMALLEST)
    total += half
    return int(np.count_nonzero(total + base < half / RESOLUTION))


def _relative_error(half, base, smallest, n_terms, defect):
    """Largest relative error of an entry that is not floored."""
    with np.errstate(divide="ignore", invalid="ignore"):
        truncation = np.nan_to_num(half / (base + smallest), nan=RESOLUTION, posinf=RESOLUTION)
    return float(np.minimum(truncation, RESOLUTION).max()) + n_terms * defect
