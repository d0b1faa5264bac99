"""Measures that are distances first, such as randomized shortest paths, and those built on another measure."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import shortest_path

from ._conversions import centered, distance_of
from ._log_kernel import EPS, LogKernel
from ._measures import Measure, ScaledKernel, m_matrix_log
from ._positive import m_matrix_inverse

__all__ = ["Absorption", "FreeEnergy", "PathMix", "RandomizedShortestPath", "ShortestPath", "SigmoidMeasure"]


def _require_positive(K, name):
    if K.min() < np.finfo(np.float64).tiny:
        raise ValueError(
            f"t is too large for {name} on this graph: the weight of the paths between some nodes is below the "
            "smallest floating-point number. Decrease t, or use kernel='shortest_path', its limit."
        )


class DistanceMeasure(Measure):
    """A measure whose distance D comes first and whose kernel is -1/2 H D H of the unsquared distance."""

    def plain(self, graph, t):
        """The centered kernel of the distance."""
        return ScaledKernel(-0.5 * centered(self.all_pairs(graph, t)), 0.0, self.route)

    def distance(self, graph, t):
        """The distance itself, not squared."""
        return ScaledKernel(self.all_pairs(graph, t), 0.0, self.route)


@dataclass(frozen=True)
class ShortestPath(DistanceMeasure):
    """Length of the shortest path, an edge of weight w being 1 / w long."""

    route = "Dijkstra's algorithm"

    def all_pairs(self, graph, t):
        """The distance as an array."""
        lengths = graph.adjacency.copy()
        lengths.data = 1.0 / lengths.data
        D = shortest_path(lengths, directed=False, unweighted=bool((lengths.data == 1.0).all()))
        return np.minimum(D, D.T)


def _discounted_paths(graph, b):
    """K with ``Z = K D`` for ``Z = (I - W)^(-1)``, ``W = P o exp(-b C)``, and ``exp(-b C)`` on the edges.

    ``K^(-1) = D - A o exp(-b C)`` is an M-matrix with row sums ``sum_j a_ij (1 - exp(-b / a_ij))``.
    """
    A = graph.dense()
    edges = A > 0.0
    exponents = np.divide(-b, A, out=np.zeros_like(A), where=edges)
    kept = np.where(edges, np.exp(exponents), 0.0)
    excess = np.where(edges, -A * np.expm1(exponents), 0.0).sum(axis=1)
    return m_matrix_inverse(A * kept, excess), kept


@dataclass(frozen=True)
class RandomizedShortestPath(DistanceMeasure):
    """Expected length of a random path that prefers short ones (Kivimaki, Shimbo and Saerens, 2014).

    With ``Z = K D`` the matrix ``Z (C o W) Z / Z`` is ``R = K E K / K``, ``E = exp(-b C)`` on the edges, and symmetric;
    so ``D_ij = R_ij - (R_ii + R_jj) / 2``.
    """

    route = "M-matrix inverse"
    routes = ("auto", "accurate")

    def all_pairs(self, graph, t):
        """The distance as an array."""
        K, kept = _discounted_paths(graph, t)
        _require_positive(K, self.name)
        return -0.5 * distance_of((K @ kept @ K) / K)


@dataclass(frozen=True)
class FreeEnergy(DistanceMeasure):
    """Free energy distance, also called potential distance (Kivimaki, Shimbo and Saerens, 2014).

    ``-(1/b) log(Z_ij / Z_jj)``, symmetrized, is ``log(K_ii K_jj / K_ij^2) / (2 b)`` with ``Z = K D``.
    """

    route = "logarithm of an M-matrix inverse"
    routes = ("auto", "accurate")

    def all_pairs(self, graph, t):
        """The distance as an array."""
        K, _ = _discounted_paths(graph, t)
        _require_positive(K, self.name)
        return distance_of(np.log(K)) / (2.0 * t)


@dataclass(frozen=True)
class PathMix(DistanceMeasure):
    """(1 - x) times the resistance plus x times the shortest path: on a tree both are the same."""

    resistance: Measure = None
    path: Measure = None
    route = "spectral, and Dijkstra's algorithm"

    def all_pairs(self, graph, t):
        """The distance as an array."""
        resistance, path = graph.once(self.name, lambda: self._ends(graph))
        return (1.0 - t) * resistance + t * path

    def _ends(self, graph):
        return self.resistance.distance(graph, None).matrix, self.path.all_pairs(graph, None)


@dataclass(frozen=True)
class Absorption(Measure):
    """Visits before absorption, ``(L + diag(a))^(-1)`` (Jacobsen and Tien, 2018)."""

    routes = ("auto", "accurate")

    def plain(self, graph, t):
        """An M-matrix inverse with the rates as row sums."""
        return ScaledKernel(m_matrix_inverse(graph.dense(), self._rates(graph, t)), 0.0, "M-matrix inverse")

    def log_kernel(self, graph, t, for_distance=False, method="auto"):
        """Its logarithm."""
        return m_matrix_log(graph.dense(), self._rates(graph, t))

    def _rates(self, graph, t):
        return np.broadcast_to(np.asarray(t, dtype=np.float64), (graph.n_nodes,)).copy()


@dataclass(frozen=True)
class SigmoidMeasure(Measure):
    """``1 / (1 + exp(-a K / s))`` of another kernel, s the standard deviation of all its entries (Yen et al., 2007)."""

    base: Measure = None
    routes = ("auto", "eigh")

    def plain(self, graph, t):
        """Between 0 and 1."""
        return ScaledKernel(np.exp(-np.logaddexp(0.0, -self._slopes(graph, t))), 0.0, "sigmoid of spectral")

    def log_kernel(self, graph, t, for_distance=False, method="auto"):
        """``-log(1 + exp(-a K / s))``, which cannot underflow."""
        residual = -np.logaddexp(0.0, -self._slopes(graph, t))
        error = 64.0 * EPS * np.sqrt(graph.n_nodes) * (1.0 + float(np.abs(residual).max()))
        return LogKernel(residual, np.zeros(graph.n_nodes), 0.0, error, 4.0 * error, "sigmoid of spectral")

    def _slopes(self, graph, t):
        return t * graph.once(self.name, lambda: self._standardized(graph))

    def _standardized(self, graph):
        K = self.base.plain(graph, None).matrix
        spread = K.std()
        if spread == 0.0:
            raise ValueError(f"graph has a constant {self.base.name} kernel: {self.name} cannot standardize it.")
        return K / spread
