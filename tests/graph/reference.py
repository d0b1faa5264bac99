"""Slow, plainly written versions of the measures between nodes, against which the family is tested.

A graph is a dense symmetric matrix ``A`` of weights (affinities) without negative entries, of a connected graph. ``d``
are its row sums, ``L = D - A``, ``P = D^-1 A``, ``S = D^-1/2 A D^-1/2``; an edge costs ``C_ij = 1 / a_ij``. Every
measure is a function ``f(A, t)`` of the graph and the raw parameter of its formula.

Each formula is written once and runs in two arithmetics: on an array of floats by NumPy and SciPy, on an object array
of mpmath numbers (`in_digits`) in as many digits as mpmath is set to. `oracle_cases` reads values computed in the
second way and rounded once, by ``make_oracle_values.py``.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.linalg

try:
    import mpmath
except ImportError:  # then only float64 is available
    mpmath = None

ORACLE_FILE = Path(__file__).with_name("oracle_values.npz")


# ------------------------------------------------------------------------------------------------------- arithmetic
def is_precise(M):
    """Whether the entries are mpmath numbers."""
    return M.dtype == object


def in_digits(M):
    """The matrix as mpmath numbers, each float taken as the exact number that it is."""
    return np.frompyfunc(mpmath.mpf, 1, 1)(np.asarray(M, dtype=object))


def elementwise(function, M):
    """``exp``, ``log`` or ``sqrt`` of every entry; named by its NumPy function."""
    return np.frompyfunc(getattr(mpmath, function.__name__), 1, 1)(M) if is_precise(M) else function(M)


def by_mpmath(function, M):
    """A function of mpmath matrices applied to an object array."""
    return np.array(function(mpmath.matrix(M.tolist())).tolist(), dtype=object)


def inverse(M):
    """``M^-1`` by elimination."""
    return by_mpmath(mpmath.inverse, M) if is_precise(M) else scipy.linalg.inv(M)


def exponential(M):
    """``exp(M)`` by scaling and squaring."""
    return by_mpmath(mpmath.expm, M) if is_precise(M) else scipy.linalg.expm(M)


def identity(A):
    """The unit matrix in the arithmetic of ``A``."""
    return in_digits(np.eye(len(A))) if is_precise(A) else np.eye(len(A))


def averaging(A):
    """The matrix ``1 1' / n`` in the arithmetic of ``A``."""
    return np.ones_like(A) / identity(A).sum()


# --------------------------------------------------------------------------------------------- matrices of the graph
def laplacian(A):
    """``L = D - A``."""
    return np.diag(A.sum(axis=1)) - A


def transition(A):
    """``P = D^-1 A``."""
    return A / A.sum(axis=1)[:, None]


def between_root_degrees(M, A):
    """``D^-1/2 M D^-1/2``."""
    root = elementwise(np.sqrt, A.sum(axis=1))
    return M / root[:, None] / root[None, :]


def edge_costs(A):
    """``1 / a_ij`` on edges; 0 elsewhere, where it is only ever multiplied by zero."""
    edges = A > 0
    return np.where(edges, 1 / np.where(edges, A, 1), 0 * A)


# ----------------------------------------------------------------------------------------------------------- kernels
def katz(A, t):
    """``(I - t A)^-1``."""
    return inverse(identity(A) - t * A)


def communicability(A, t):
    """``exp(t A)``."""
    return exponential(t * A)


def double_factorial(A, t):
    """``sum_k (t A)^k / k!!``."""
    return _double_factorial_by_eigenvalues(A, t) if is_precise(A) else _sum_of_double_factorial_series(t * A)


def _sum_of_double_factorial_series(X):
    """``sum_k X^k / k!!``, all of whose terms are nonnegative: term k is term k - 2 times ``X^2 / k``."""
    previous, term = identity(X), X
    total, k = previous + term, 1
    while term.max() > 1e-20 * total.max() or previous.max() > 1e-20 * total.max():
        k += 1
        previous, term = term, previous @ X @ X / k
        total = total + term
    return total


def _double_factorial_by_eigenvalues(A, t):
    """The same with the series summed at the eigenvalues, which many digits allow and which saves 1000 products."""
    values, vectors = mpmath.eigsy(mpmath.matrix((t * A).tolist()))
    sums = [_scalar_double_factorial_series(x) for x in values]
    vectors = np.array(vectors.tolist(), dtype=object)
    return (vectors * np.array(sums, dtype=object)) @ vectors.T


def _scalar_double_factorial_series(x):
    previous, term = mpmath.mpf(1), x
    total, k = previous + term, 1
    while max(abs(previous), abs(term)) > mpmath.eps * mpmath.eps:
        k += 1
        previous, term = term, previous * x * x / k
        total += term
    return total


def forest(A, t):
    """``(I + t L)^-1``."""
    return inverse(identity(A) + t * laplacian(A))


def heat(A, t):
    """``exp(-t L)``."""
    return exponential(-t * laplacian(A))


def normalized_heat(A, t):
    """``exp(-t (I - S))``."""
    return exponential(-t * (identity(A) - between_root_degrees(A, A)))


def ppr(A, t):
    """``(I - a P)^-1``, not symmetric."""
    return inverse(identity(A) - t * transition(A))


def modified_ppr(A, t):
    """``(D - a A)^-1``."""
    return inverse(np.diag(A.sum(axis=1)) - t * A)


def heat_ppr(A, t):
    """``exp(-t (I - P))``, not symmetric."""
    return exponential(-t * (identity(A) - transition(A)))


def commute_time(A, t=None):
    """``L^+``; the constant vectors, all that L annihilates, are moved to eigenvalue 1 and back."""
    return inverse(laplacian(A) + averaging(A)) - averaging(A)


def corrected_ct(A, t=None):
    """``H D^-1/2 M (I - M)^-1 M D^-1/2 H`` with ``M = S - sqrt(d) sqrt(d)' / vol``."""
    root = elementwise(np.sqrt, A.sum(axis=1))
    M = between_root_degrees(A, A) - np.outer(root, root) / A.sum()
    return centered(between_root_degrees(M @ inverse(identity(A) - M) @ M, A))


def sigmoid_ct(A, t):
    """``1 / (1 + exp(-a K / s))`` of ``K = L^+``; s is the population deviation of all entries of K."""
    return _sigmoid(commute_time(A), t)


def sigmoid_cct(A, t):
    """The same sigmoid of the corrected commute-time kernel."""
    return _sigmoid(corrected_ct(A), t)


def _sigmoid(K, t):
    variance = ((K - K.sum() / K.size) ** 2).sum() / K.size
    deviation = elementwise(np.sqrt, np.array(variance, dtype=K.dtype))
    return 1 / (1 + elementwise(np.exp, -t * K / deviation))


def absorption(A, t):
    """``(L + diag(a))^-1``; the rates may be one number for all nodes."""
    return inverse(laplacian(A) + identity(A) * t)


def sp_ct(A, t):
    """``(1 - x) L^+ + x (-1/2 H D H)`` with D the shortest paths."""
    return (1 - t) * commute_time(A) + t * distance_to_kernel(shortest_path(A))


# --------------------------------------------------------------------------------------------------------- distances
def _paths_of_all_lengths(A, b):
    """``W = P o exp(-b C)`` and ``Z = (I - W)^-1``."""
    W = transition(A) * elementwise(np.exp, -b * edge_costs(A))
    return W, inverse(identity(A) - W)


def rsp_one_way(A, t):
    """``(Z (C o W) Z)_ij / Z_ij``: mean cost of randomized paths that may pass j before they end there."""
    W, Z = _paths_of_all_lengths(A, t)
    return (Z @ (edge_costs(A) * W) @ Z) / Z


def rsp(A, t):
    """Randomized shortest-path dissimilarity at inverse temperature b."""
    R = rsp_one_way(A, t)
    return symmetrized(R - np.diag(R)[None, :])


def fe(A, t):
    """Free-energy distance at inverse temperature b: ``F_ij = -log(Z_ij / Z_jj) / b``, symmetrized."""
    _, Z = _paths_of_all_lengths(A, t)
    return symmetrized(-elementwise(np.log, Z / np.diag(Z)[None, :]) / t)


def shortest_path(A, t=None):
    """Least cost over all paths, by Floyd's triple loop (its inner two loops as one array)."""
    D = np.where(A > 0, edge_costs(A), np.inf)
    np.fill_diagonal(D, 0)
    for k in range(len(A)):
        D = np.minimum(D, D[:, [k]] + D[[k], :])
    return D


def _by_name(*functions):
    return {function.__name__: function for function in functions}


KERNELS = _by_name(
    *(katz, communicability, double_factorial, forest, heat, normalized_heat, ppr, modified_ppr, heat_ppr),
    *(commute_time, sigmoid_ct, corrected_ct, sigmoid_cct, sp_ct, absorption),
)
DISTANCES = _by_name(rsp, fe, shortest_path)
REFERENCE = KERNELS | DISTANCES


# --------------------------------------------------------------------------------------- kernels, logs and distances
def symmetrized(K):
    """``(K + K') / 2``."""
    return (K + K.T) / 2


def centered(K):
    """``H K H`` with ``H = I - 1 1' / n``."""
    H = identity(K) - averaging(K)
    return H @ K @ H


def kernel_to_distance(K):
    """``D_ij = k_ii + k_jj - k_ij - k_ji``."""
    diagonal = np.diag(K)
    return diagonal[:, None] + diagonal[None, :] - K - K.T


def distance_to_kernel(D):
    """``K = -1/2 H D H``."""
    return -centered(D) / 2


def kernel(name, A, t=None):
    """The plain kernel of a measure, symmetrized; of a distance, ``-1/2 H D H``."""
    if name in DISTANCES:
        return distance_to_kernel(DISTANCES[name](A, t))
    return symmetrized(KERNELS[name](A, t))


def log_kernel(name, A, t=None):
    """The logarithm of every entry of a plain kernel, symmetrized afterwards."""
    return symmetrized(elementwise(np.log, KERNELS[name](A, t)))


def distance(name, A, t=None):
    """The distance of a plain measure."""
    return DISTANCES[name](A, t) if name in DISTANCES else kernel_to_distance(KERNELS[name](A, t))


def log_distance(name, A, t=None):
    """The distance of a log measure."""
    return kernel_to_distance(log_kernel(name, A, t))


# ------------------------------------------------------------------------------------------------------------ graphs
def from_edges(n, edges, weights=1.0):
    """Symmetric matrix of ``n`` nodes with these edges."""
    A = np.zeros((n, n))
    i, j = np.asarray(edges).T
    A[i, j] = A[j, i] = weights
    return A


def path(n):
    """A path of ``n`` nodes."""
    return from_edges(n, [(i, i + 1) for i in range(n - 1)])


def cycle(n):
    """A ring of ``n`` nodes."""
    return from_edges(n, [(i, (i + 1) % n) for i in range(n)])


def complete(n):
    """All nodes joined."""
    return np.ones((n, n)) - np.eye(n)


def grid(n_rows, n_columns):
    """A rectangular grid, numbered row by row."""
    return np.kron(np.eye(n_rows), path(n_columns)) + np.kron(path(n_rows), np.eye(n_columns))


def barbell(m1, m2):
    """Two complete graphs of ``m1`` nodes joined by a path of ``m2`` nodes, in the order clique, path, clique."""
    A = path(2 * m1 + m2)
    A[:m1, :m1] = A[m1 + m2 :, m1 + m2 :] = complete(m1)
    return A


def triangle_with_pendant():
    """Nodes 1, 2, 3, 4 with the edges 1-2, 2-3, 2-4, 3-4."""
    return from_edges(4, [(0, 1), (1, 2), (1, 3), (2, 3)])


def karate():
    """Zachary's karate club, unweighted."""
    return np.sign(weighted_karate())


def weighted_karate():
    """Zachary's karate club with the numbers of shared activities as weights."""
    networkx = pytest.importorskip("networkx")
    return networkx.to_numpy_array(networkx.karate_club_graph(), nodelist=range(34), weight="weight")


def weighted_random(rng, n):
    """A ring and about a third of the other pairs, so connected, with weights between 0.2 and 2."""
    present = np.triu((rng.random((n, n)) < 0.35) | (cycle(n) > 0), k=1)
    A = present * rng.uniform(0.2, 2.0, size=(n, n))
    return A + A.T


# ------------------------------------------------------------------------------------------------ values in the file
class OracleCase(NamedTuple):
    """Correctly rounded values of one measure on one graph.

    ``t`` is the exact raw parameter. ``H`` is the log kernel, None for rsp and fe. ``D`` was rounded after the
    differences were taken, so it keeps all its digits where it is tiny; below 1e-308 it is rounded to a denormal or 0.
    """

    t: float
    H: np.ndarray | None
    D: np.ndarray


def from_upper_triangle(values):
    """The symmetric matrix whose upper triangle, diagonal included, is given row by row."""
    n = int(np.sqrt(2 * len(values)))
    M = np.zeros((n, n))
    M[np.triu_indices(n)] = values
    return M + np.triu(M, k=1).T


def oracle_cases():
    """Cases by ``(measure, graph, parameter)``, such as ``("log_heat", "karate", 20.0)``; katz goes by ``x = t rho``.

    Measures are ``log_`` and a name of `KERNELS`, or "rsp" or "fe"; graphs are the keys of `ORACLE_GRAPHS`.
    """
    with np.load(ORACLE_FILE) as file:
        stored = dict(file)
    cases = {}
    for key in stored:
        measure, graph, parameter, part = key.split("|")
        if part == "D":
            t, H, D = (stored.get(f"{measure}|{graph}|{parameter}|{part}") for part in "tHD")
            t = float(parameter if t is None else t)
            H = None if H is None else from_upper_triangle(H)
            cases[measure, graph, float(parameter)] = OracleCase(t, H, from_upper_triangle(D))
    return cases


ORACLE_GRAPHS = {
    "path30": lambda: path(30),
    "grid5x6": lambda: grid(5, 6),
    "karate": karate,
    "barbell8_4": lambda: barbell(8, 4),
    "weighted_karate": weighted_karate,
}
