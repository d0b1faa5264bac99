"""Eigendecompositions of the matrices of a graph, with what is known beforehand about the principal pair."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import linalg

from ._graph_kernels import eigen_residual

__all__ = ["Decomposition", "PerronPair", "decompose", "perron_pair"]

EPS = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Decomposition:
    """Eigenvalues and eigenvectors of A, L or S, the principal pair first, with a positive principal vector.

    ``exact`` says that the principal vector is known in closed form: constant for L, the root of the degrees for S.
    """

    values: np.ndarray
    vectors: np.ndarray
    exact: bool

    @property
    def principal_error(self):
        """Estimate of the largest relative error of an entry of the principal vector."""
        if self.exact:
            return EPS
        largest = float(np.abs(self.values).max())
        gap = max(float(np.abs(self.values[:2] - self.values[0]).max()), EPS * largest)
        smallest = max(self.vectors[:, 0].min(), np.finfo(np.float64).tiny)
        return EPS * largest / gap / smallest


@dataclass(frozen=True)
class PerronPair:
    """The largest eigenvalue of A, ``high + low`` beyond double precision, and its vector in double precision."""

    high: float
    low: float
    vector: np.ndarray

    def gap_to_one(self, t):
        """``1 - t * eigenvalue`` with a small relative error, even next to the pole of the resolvent."""
        return float(1 - Fraction(t) * (Fraction(self.high) + Fraction(self.low)))


def perron_pair(A, value, vector):
    """The pair with the Rayleigh quotient, whose error is quadratic in that of the vector, in twice the precision."""
    residual = eigen_residual(A.indptr, A.indices, A.data, value, vector)
    return PerronPair(value, float(vector @ residual / (vector @ vector)), vector)


def _eigh(matrix):
    values, vectors = linalg.eigh(matrix, driver="evd", overwrite_a=True, check_finite=False)
    return values, vectors


def _principal_first(values, vectors, principal, exact=True):
    """The decomposition with its first vector replaced by the known one.

    The rotation that takes the computed vector to the known one carries the others along. It moves only those whose
    eigenvalue LAPACK cannot tell from the principal one, as when hardly anything connects two parts of a graph.
    """
    shares = principal @ vectors
    if shares[0] < 0.0:
        vectors[:, 0] *= -1.0
        shares[0] *= -1.0
    vectors[:, 1:] -= np.outer(vectors[:, 0] + principal, shares[1:] / (1.0 + shares[0]))
    vectors[:, 0] = principal
    values.setflags(write=False)
    vectors.setflags(write=False)
    return Decomposition(values, vectors, exact)


def _decompose_adjacency(graph):
    values, vectors = _eigh(graph.dense())
    values, vectors = values[::-1].copy(), np.ascontiguousarray(vectors[:, ::-1])
    return _principal_first(values, vectors, np.abs(vectors[:, 0]), exact=False)


def _decompose_laplacian(graph):
    laplacian = -graph.loop_free.toarray()
    laplacian.flat[:: graph.n_nodes + 1] = graph.loop_free.sum(axis=1)
    values, vectors = _eigh(laplacian)
    values = np.maximum(values, 0.0)
    values[: graph.n_components] = 0.0
    if graph.n_components > 1:
        return _principal_first(values, vectors, vectors[:, 0].copy(), exact=False)
    return _principal_first(values, vectors, np.full(graph.n_nodes, graph.n_nodes**-0.5))


def _decompose_normalized(graph):
    root = graph.root_degrees()
    values, vectors = _eigh(graph.dense() / np.outer(root, root))
    values, vectors = np.minimum(values[::-1], 1.0), np.ascontiguousarray(vectors[:, ::-1])
    if graph.n_components > 1 or graph.volume == 0.0:
        return _principal_first(values, vectors, vectors[:, 0].copy(), exact=False)
    values[0] = 1.0
    return _principal_first(values, vectors, np.sqrt(graph.degrees / graph.volume))


DECOMPOSE = {"A": _decompose_adjacency, "L": _decompose_laplacian, "S": _decompose_normalized}


def decompose(graph, matrix):
    """Decomposition of the adjacency A, the Laplacian L or the normalized adjacency S of a graph."""
    return DECOMPOSE[matrix](graph)
