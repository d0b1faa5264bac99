"""Measures that are distances first, such as randomized shortest paths, and those built on another measure."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.csgraph import shortest_path

from ._conversions import centered, distance_of
from ._log_kernel import EPS, LogKernel
from ._measures import INVERSE_ERROR, Measure, ScaledKernel, m_matrix_log
from ._positive import m_matrix_inverse

LARGEST_LOSS = 1e-6  # relative to the largest distance

__all__ = ["Absorption", "FreeEnergy", "PathMix", "RandomizedShortestPath", "ShortestPath", "SigmoidMeasure"]


def _require_positive(K, name):
    if K.min() < np.finfo(np.float64).tiny:
        raise ValueError(
            f"t is too large for {name} on this graph: the weight of the paths between some nodes is below the "
            "smallest floating-point number. Decrease t, or use kernel='shortest_path', its limit."
        )


def _with_digits(D, error, name):
    """The distance, unless rounding has left less than six digits of it."""
    if not error <= LARGEST_LOSS * D.max():
        raise ValueError(
            f"t is too small for {name} on this graph: the differences it is made of are lost in rounding. Increase t, "
            "or use kernel='commute_time', which is near its limit."
        )
    return D


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
        R = (K @ kept @ K) / K
        return _with_digits(-0.5 * distance_of(R), 4.0 * INVERSE_ERROR * np.abs(R).max(), self.name)


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
        return _with_digits(distance_of(np.log(K)) / (2.0 * t), 4.0 * INVERSE_ERROR / (2.0 * t), self.name)


@dataclass(frozen=True)
class PathMix(DistanceMeasure):
    """(1 - x) times the resistance plus x times the shortest path: on a tree both are the same."""

    resistance: Measure = None
    path: Measure = None
    route = "spectral, and Dijkstra's algorithm"

    def all_pairs(self, graph, t):
        """The distance as an array."""
        resistance, path = graph._once(self.name, lambda: self._ends(graph))
        return (1.0 - t) * resistance + t * path

    def _ends(self, graph):
        return self.resistance.distance(graph, None).matrix, self.path.all_pairs(graph, None)


@dataclass(frozen=True)
class Absorption(Measure):
    """Visits before absorption, ``(L + diag(a))^(-1)`` (Jacobsen and Tien, 2018).

    With the same rate for all nodes it is the forest kernel at 1 / a, divided by a.
    """

    forest: Measure = None
    routes = ("auto", "accurate")

    def plain(self, graph, t):
        """An M-matrix inverse with the rates as row sums."""
        rates = np.full(graph.n_nodes, t) if np.isscalar(t) else t
        return ScaledKernel(m_matrix_inverse(graph.dense(), rates), 0.0, "M-matrix inverse")

    def differences(self, graph, t):
        """Those of the forest kernel, which keep their digits for small rates."""
        if not np.isscalar(t):
            return self.plain(graph, t)
        made = self.forest.differences(graph, 1.0 / t)
        return replace(made, matrix=made.matrix / t)

    def log_kernel(self, graph, t, for_distance=False, method="auto"):
        """Its logarithm."""
        if not np.isscalar(t):
            return m_matrix_log(graph.dense(), t)
        made = self.forest.log_kernel(graph, 1.0 / t, for_distance, method)
        return replace(made, offset=made.offset - float(np.log(t)))


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
        spectrum = self.base.spectrum
        conditioning = spectrum.sensitivity(graph.decomposition(spectrum.matrix).values, None)
        error = 64.0 * EPS * np.sqrt(graph.n_nodes) * (1.0 + conditioning * float(np.abs(residual).max()))
        return LogKernel(residual, np.zeros(graph.n_nodes), 0.0, error, 4.0 * error, "sigmoid of spectral")

    def _slopes(self, graph, t):
        return t * graph._once(self.name, lambda: self._standardized(graph))

    def _standardized(self, graph):
        K = self.base.plain(graph, None).matrix
        largest = np.abs(K).max()
        if largest == 0.0:
            raise ValueError(
                f"graph has a constant {self.base.name} kernel, which {self.name} cannot standardize: take another one."
            )
        K = K / largest  # whose squares neither overflow nor vanish
        return K / K.std()
