"""What a measure of proximity between nodes can do, and the measures that are functions of one matrix's eigenvalues."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from scipy import linalg

from ._conversions import centered, distance_of
from ._graph_kernels import eigen_residual
from ._log_kernel import EPS, log_of_positive, perron_log
from ._parameters import Parameter
from ._positive import PositiveExponential, double_factorial_series, m_matrix_inverse
from ._spectra import Spectrum

__all__ = ["ScaledKernel", "Measure", "SpectralMeasure", "exponential_of", "m_matrix_log"]

NEGLIGIBLE = 1e-12  # eigenvalues of the kernel below this share of the largest leave its features
SPECTRAL_ERROR = 5e-14  # an error of logarithms that no other route improves on
INVERSE_ERROR = 20 * EPS  # largest relative error of an entry of an M-matrix inverse
DOUBLING_ERROR = 4 * EPS
FORCED_ERROR = 1e-6  # of logarithms that a user asks to take from eigenvectors
LARGEST_LOG_SCALE = 300.0  # of a kernel or its features that is multiplied out


@dataclass(frozen=True)
class ScaledKernel:
    """A kernel or its features, times ``exp(-log_scale)`` or its square root where it would overflow."""

    matrix: np.ndarray
    log_scale: float
    route: str


@dataclass(frozen=True)
class Measure(ABC):
    """A proximity or distance between the nodes of a graph.

    ``psd`` and ``log_metric`` are theorems: the plain kernel is positive semi-definite, the distance of the log kernel
    is itself a metric. ``connected`` says that even the plain kernel needs a connected graph. With ``has_log`` there is
    a method ``log_kernel(graph, t, for_distance, method)`` that returns a `LogKernel`.
    """

    name: str
    aliases: tuple
    formula: str
    parameter: Parameter | None
    psd: bool = False
    log_metric: bool = False
    metric: bool = False
    connected: bool = False
    has_log: bool = True

    def features(self, graph, t):
        """Features of the centered kernel as a `ScaledKernel`, or None where the kernel has to be formed."""
        return None

    @abstractmethod
    def plain(self, graph, t):
        """The kernel as a `ScaledKernel`."""

    @property
    def routes(self):
        """Values of ``method`` that make sense."""
        return ("auto",)

    def distance(self, graph, t):
        """The distance of the plain kernel as a `ScaledKernel`."""
        made = self.differences(graph, t)
        return replace(made, matrix=distance_of(made.matrix))

    def differences(self, graph, t):
        """A kernel with the same distances as the plain one, as a `ScaledKernel`."""
        return self.plain(graph, t)

    def from_exponential(self, graph, K):
        """The kernel from the exponential of its logarithm."""
        return K


def _half(part, weights, share):
    """V sqrt(f) without the columns whose weight is below a share of the largest."""
    kept = weights > share * weights.max()
    if kept.all():
        return part.vectors * np.sqrt(weights)
    return part.vectors[:, kept] * np.sqrt(weights[kept])


# --- frames: how V f(lambda) V' is dressed with degrees ---------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """Diagonal scaling around a spectral kernel: of the kernel, of its features, and of its logarithm.

    ``cancels`` names the matrix whose principal eigenvector, known in closed form for a connected graph, leaves all
    distances when it is dressed: a constant vector, or its symmetrized product with a constant one.
    """

    kernel: Callable
    features: Callable | None
    potential: Callable
    cancels: str


def _no_potential(graph):
    return 0.0


def _similar(graph, K):
    """Symmetric part of D^(-1/2) K D^(1/2): k_ij times the mean of the degrees over their geometric mean."""
    return graph._once("means of degrees", lambda: _means_of_degrees(graph)) * K


def _means_of_degrees(graph):
    root = graph.root_degrees()
    half = 0.5 * root**2
    return np.add.outer(half, half) / np.outer(root, root)


def _by_degree(graph, K):
    root = graph.root_degrees()
    return K / np.outer(root, root)


def _features_by_degree(graph, F):
    return F / graph.root_degrees()[:, None]


def _centered_features(graph, F):
    F = _features_by_degree(graph, F)
    return F - F.mean(axis=0)


BARE = Frame(lambda graph, K: K, lambda graph, F: F, _no_potential, "L")
SIMILAR = Frame(_similar, None, _no_potential, "S")
BY_DEGREE = Frame(_by_degree, _features_by_degree, lambda graph: -np.log(graph.root_degrees()), "S")
CENTERED = Frame(lambda graph, K: centered(_by_degree(graph, K)), _centered_features, _no_potential, "S")


# --- positive routes: logarithms without eigenvalues ------------------------------------------------------------------


def m_matrix_log(weights, excess, potential=0.0):
    """Logarithm of an M-matrix inverse; see `m_matrix_inverse`."""
    return log_of_positive(
        m_matrix_inverse(weights, excess), _vector(potential, len(excess)), 0.0, INVERSE_ERROR, "M-matrix inverse"
    )


def _vector(potential, n):
    return np.broadcast_to(np.asarray(potential, dtype=np.float64), (n,))


def katz_log(graph, t):
    """Of the matrix scaled by ``v = (I - t A)^(-1) 1``, which is 1 at least, so that its excess is v up to rounding."""
    A = graph.adjacency
    v = linalg.solve(np.eye(graph.n_nodes) - t * graph.dense(), np.ones(graph.n_nodes), assume_a="sym")
    near = 1.0 / t  # v - t A v = (1 - t near) v - t (A v - near v)
    remainder = float(1 - Fraction(t) * Fraction(near))
    excess = v * (remainder * v - t * eigen_residual(A.indptr, A.indices, A.data, near, v))
    if not (excess > 0.0).all():
        raise ValueError(
            f"t={t!r} is too close to 1 / rho = {1.0 / graph.spectral_radius!r} for log katz: decrease it."
        )
    return m_matrix_log(t * graph.dense() * np.outer(v, v), excess, np.log(v))


def forest_log(graph, t):
    return m_matrix_log(t * graph.dense(), np.ones(graph.n_nodes))


def page_rank_log(graph, t):
    potential = np.log(graph.root_degrees())
    return m_matrix_log(t * graph.dense(), (1.0 - t) * graph.degrees, potential)


def double_factorial_log(graph, t):
    K, exponent = double_factorial_series(t * graph.adjacency)
    offset = exponent * np.log(2.0)
    return log_of_positive(K, _vector(0.0, graph.n_nodes), offset, INVERSE_ERROR, "positive series")


EXPONENTIALS = {
    "A": (lambda graph: graph.dense(), lambda graph: 0.0),
    "L": (lambda graph: _reversed_laplacian(graph), lambda graph: graph.loop_free.sum(axis=1).max()),
    "S": (lambda graph: graph.dense() / np.outer(graph.root_degrees(), graph.root_degrees()), lambda graph: 1.0),
}


def _reversed_laplacian(graph):
    """c I - L with c the largest degree: non-negative."""
    X = graph.loop_free.toarray()
    degrees = graph.loop_free.sum(axis=1)
    X.flat[:: len(X) + 1] = degrees.max() - degrees
    return X


def exponential_of(graph, matrix):
    """exp(t X) with X = A, c I - L or S, which remembers its last values for the next ``t`` of a geometric grid."""
    return graph._exponential_for(matrix, lambda: PositiveExponential(EXPONENTIALS[matrix][0](graph), graph.hop_bound))


@dataclass(frozen=True)
class ExponentialLog:
    """Logarithm of exp(t A), exp(-t L) or exp(t (S - I)) by non-negative scaling and squaring."""

    matrix: str

    def __call__(self, graph, t):
        K, exponent = exponential_of(graph, self.matrix).at(t)
        offset = exponent * np.log(2.0) - t * EXPONENTIALS[self.matrix][1](graph)
        return log_of_positive(
            K, _vector(0.0, graph.n_nodes), offset, self.error(graph, t), "non-negative scaling and squaring"
        )

    def error(self, graph, t):
        """Estimated relative error of an entry."""
        return DOUBLING_ERROR * 2.0 ** exponential_of(graph, self.matrix).squarings(t)


@dataclass(frozen=True)
class SpectralMeasure(Measure):
    """A measure ``V f(lambda) V'`` of A, L or S, in a frame of degrees, with a positive route for its logarithm."""

    spectrum: Spectrum = None
    frame: Frame = field(default=BARE)
    positive: Callable | None = None

    @property
    def routes(self):
        """Eigenvectors always, positive arithmetic where the kernel is positive."""
        return ("auto", "eigh", "accurate") if self.positive else ("auto", "eigh")

    def features(self, graph, t):
        """Centered V sqrt(f), without what cancels in distances and the columns that rounding hides from them."""
        part, weights, log_scale = self._differing(graph, t)
        if self.frame.features is None or weights.min() < 0.0:
            return None
        F = self.frame.features(graph, _half(part, weights, NEGLIGIBLE))
        F -= F.mean(axis=0)
        return ScaledKernel(F, log_scale, "spectral features")

    def plain(self, graph, t):
        """One product per parameter, once the eigenvectors are known."""
        return self._product(graph, *self._weights(graph, t))

    def differences(self, graph, t):
        """Without the principal pair where it cancels: the digits of the distances are those of the rest."""
        return self._product(graph, *self._differing(graph, t))

    def _product(self, graph, part, weights, log_scale):
        if weights.min() < 0.0:
            K = (part.vectors * weights) @ part.vectors.T
            return ScaledKernel(self.frame.kernel(graph, (K + K.T) / 2), log_scale, "spectral")
        half = _half(part, weights, EPS)
        if self.frame.features is None:
            return ScaledKernel(self.frame.kernel(graph, half @ half.T), log_scale, "spectral")
        half = self.frame.features(graph, half)
        return ScaledKernel(half @ half.T, log_scale, "spectral")

    def log_kernel(self, graph, t, for_distance=False, method="auto"):
        """By the route whose estimated error is the smaller one."""
        made = None
        if method != "accurate":
            limit = FORCED_ERROR if method == "eigh" else self._positive_error(graph, t)
            made = self._perron(graph, t, limit, for_distance)
        if made is None and method == "eigh":
            raise ValueError(
                f"method='eigh' cannot take the logarithm of {self.name} at t={t!r}: some entries are below the "
                "rounding of the eigenvectors. Use method='auto'."
            )
        if made is None:
            made = self.positive(graph, t)
        potential = self.frame.potential(graph)
        return made if np.isscalar(potential) else made.shifted(potential)

    def from_exponential(self, graph, K):
        """Symmetrized: a kernel that is not symmetric is so by the mean of two entries, its logarithm by theirs."""
        return _similar(graph, K) if self.frame is SIMILAR else K

    def _differing(self, graph, t):
        """`_weights` of the part that distances see."""
        part, weights, log_scale = self._weights(graph, t)
        if not (part.exact and self.frame.cancels == self.spectrum.matrix):
            return part, weights, log_scale
        weights = np.r_[0.0, weights[1:]]
        if graph.n_nodes > 1 and not np.abs(weights).max() > 0.0:
            raise ValueError(
                f"t={t!r} makes {self.name} the same for all nodes up to rounding: its differences are below the "
                "smallest floating-point number. Take a smaller t, or log=True."
                if self.parameter
                else f"{self.name} is constant on this graph, as on a complete one with self-loops: take another one."
            )
        return part, weights, log_scale

    def _weights(self, graph, t):
        """The decomposition, the eigenvalues of the kernel times ``exp(-log_scale)``, and the log-scale, mostly 0."""
        part, ratios = self._ratios(graph, t)
        log_scale = float(self.spectrum.log_scale(graph, t))
        if log_scale > LARGEST_LOG_SCALE:
            return part, ratios, log_scale
        return part, ratios * np.exp(log_scale), 0.0

    def _ratios(self, graph, t):
        part = graph.decomposition(self.spectrum.matrix)
        return part, self.spectrum.ratios(graph, part.values, t)

    def _perron(self, graph, t, limit, for_distance):
        part, ratios = self._ratios(graph, t)
        offset, sensitivity = self.spectrum.log_scale(graph, t), self.spectrum.sensitivity(part.values, t)
        return perron_log(part, ratios, offset, sensitivity, limit=limit, for_distance=for_distance)

    def _positive_error(self, graph, t):
        error = getattr(self.positive, "error", None)
        return max(SPECTRAL_ERROR, error(graph, t)) if error else SPECTRAL_ERROR
