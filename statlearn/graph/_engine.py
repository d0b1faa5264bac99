"""From a graph, a measure and a parameter to a kernel or distance: what estimators, functions and sweeps share."""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from .._support._sklearn import StrOptions
from ._catalog import find_measure
from ._components import kept_components
from ._conversions import centered, distance_of
from ._parameters import SCALES

__all__ = ["KERNEL_CONSTRAINTS", "METHODS", "Proximity", "block_kernel", "place", "resolve", "restricted"]

METHODS = ("auto", "eigh", "accurate")
LARGEST_EXPONENT = 700.0  # of a kernel that is multiplied out

KERNEL_CONSTRAINTS = {
    "kernel": [str],
    "t": [Real, "array-like", None],  # checked against the domain of the measure
    "log": ["boolean"],
    "scale": [StrOptions(set(SCALES))],
}


@dataclass(frozen=True)
class Result:
    """A matrix between nodes, the logarithm of the factor it lacks, the estimated error and the route taken.

    ``error`` is absolute for logarithms, relative to each entry for plain kernels of positive routes, else None.
    """

    matrix: np.ndarray
    log_scale: float
    error: float | None
    route: str


def _one_node():
    """The centered kernel of a single node, and its distance."""
    return Result(np.zeros((1, 1)), 0.0, 0.0, "a single node")


def _all_finite(matrix):
    """Whether all entries are finite: nearly always their sum is, which costs less to see."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(matrix.sum()) or np.isfinite(matrix).all())


def _centered_beyond_rounding(K):
    """Double centering; exactly zero where nothing but rounding is left of it."""
    result = centered(K)
    rounding = len(K) * np.finfo(np.float64).eps * np.abs(K).max()
    return result if np.abs(result).max() > rounding else np.zeros_like(result)


@dataclass(frozen=True)
class Proximity:
    """A measure with its raw parameter, plain or logarithmic."""

    measure: object
    t: object
    log: bool

    @property
    def needs_connected(self):
        """Whether entries between components do not exist."""
        return self.log or self.measure.connected

    @property
    def label(self):
        """The name of the measure, with ``log`` in front of a logarithm."""
        return f"log {self.measure.name}" if self.log else self.measure.name

    @property
    def key(self):
        """What tells this proximity from others of the same graph."""
        t = self.t.tobytes() if isinstance(self.t, np.ndarray) else self.t
        return (self.measure.name, t, self.log)

    def kernel(self, graph, *, method="auto", center=False):
        """The kernel."""
        graph._require_dense(f"the kernel {self.label}")
        self._check_method(method)
        if center and graph.n_nodes == 1:
            return _one_node()
        return self._finite(self._kernel, graph, method, center)

    def distance(self, graph, *, method="auto"):
        """The distance."""
        graph._require_dense(f"the distance of {self.label}")
        self._check_method(method)
        if graph.n_nodes == 1:
            return _one_node()
        return self._finite(self._distance, graph, method)

    def _finite(self, compute, *arguments):
        """A result, unless the parameter or the weights are beyond what floating-point numbers hold."""
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what comes of it is refused below
                made = compute(*arguments)
        except OverflowError:
            made = None
        if made is None or not _all_finite(made.matrix):
            raise ValueError(
                f"t={self.t!r} or the weights of the graph are too large or too small for {self.label}: the result is "
                "beyond the range of floating-point numbers. Take a less extreme t, or scale the weights."
            )
        return made

    def _kernel(self, graph, method, center):
        if self.log:
            made = self.measure.log_kernel(graph, self.t, for_distance=center, method=method)
            matrix = centered(made.residual) if center else made.kernel()
            return Result(matrix, 0.0, made.distance_error if center else made.kernel_error, made.route)
        if center and method != "accurate":
            made = self.measure.differences(graph, self.t)
            return Result(_centered_beyond_rounding(made.matrix), made.log_scale, None, made.route)
        made = self._plain(graph, method)
        return replace(made, matrix=_centered_beyond_rounding(made.matrix)) if center else made

    def _distance(self, graph, method):
        if self.log:
            made = self.measure.log_kernel(graph, self.t, for_distance=True, method=method)
            return Result(made.distance(), 0.0, made.distance_error, made.route)
        if method == "accurate" and self.measure.has_log:
            made = self._plain(graph, method)
            return Result(distance_of(made.matrix), made.log_scale, made.error, made.route)
        made = self.measure.distance(graph, self.t)
        return Result(made.matrix, made.log_scale, None, made.route)

    def _plain(self, graph, method):
        if method != "accurate" or not self.measure.has_log or graph.n_nodes == 1:
            made = self.measure.plain(graph, self.t)
            return Result(made.matrix, made.log_scale, None, made.route)
        if graph.n_components > 1:
            return self._accurate_by_component(graph)
        made = self.measure.log_kernel(graph, self.t, method=method)
        logarithm = made.kernel()
        log_scale = max(0.0, float(logarithm.max()) - LARGEST_EXPONENT)
        matrix = self.measure.from_exponential(graph, np.exp(logarithm - log_scale))
        return Result(matrix, log_scale, made.kernel_error, made.route)

    def _accurate_by_component(self, graph):
        """Each component alone and zeros between them, which logarithms do not know."""
        blocks = kept_components(graph, self.label, True, "block")
        parts = [self._plain_of(graph, nodes) for nodes in blocks]
        log_scale = max(part.log_scale for part in parts)
        K = np.zeros((graph.n_nodes, graph.n_nodes))
        for nodes, part in zip(blocks, parts, strict=True):
            K[np.ix_(nodes, nodes)] = part.matrix * np.exp(part.log_scale - log_scale)
        largest = max(parts, key=lambda part: len(part.matrix))
        return Result(K, log_scale, max(part.error or 0.0 for part in parts), f"{largest.route}, by component")

    def _plain_of(self, graph, nodes):
        part, proximity = restricted(graph, self, nodes)
        return proximity._plain(part, "accurate")

    def _check_method(self, method):
        if method not in self.measure.routes:
            raise ValueError(
                f"method={method!r} does not exist for {self.measure.name}. Use one of {self.measure.routes}."
            )


def resolve(graph, kernel, t, log, scale):
    """The proximity that a user's parameters name on a graph, checked."""
    measure = find_measure(kernel)
    if not isinstance(log, (bool, np.bool_)):
        raise TypeError(f"log must be a bool. Got {log!r} instead.")
    if log and not measure.has_log:
        raise ValueError(
            f"log=True needs a kernel of positive entries; {measure.name} has none. See has_log in list_node_kernels()."
        )
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {SCALES}. Got {scale!r} instead.")
    if measure.parameter is None:
        if t is not None:
            raise ValueError(f"t must be None: {measure.name} has no parameter. Got {t!r} instead.")
        return Proximity(measure, None, log)
    if t is None:
        return Proximity(measure, measure.parameter.raw(measure.parameter.default, "spectral", graph), log)
    return Proximity(measure, measure.parameter.raw(t, scale, graph), log)


def place(graph, kernel, t, log, scale, disconnected):
    """The proximity on the nodes that are kept, and these by component; its scale is that of the kept graph."""
    proximity = resolve(graph, kernel, t, log, scale)
    blocks = kept_components(graph, proximity.label, proximity.needs_connected, disconnected)
    if len(blocks) == 1 and len(blocks[0]) < graph.n_nodes and not isinstance(proximity.t, np.ndarray):
        part, _ = restricted(graph, proximity, blocks[0])
        proximity = resolve(part, kernel, t, log, scale)
    return proximity, blocks


def restricted(graph, proximity, nodes):
    """The graph of a component, which keeps its decompositions, and the proximity with its parameter there."""
    if len(nodes) == graph.n_nodes:
        return graph, proximity
    per_node = isinstance(proximity.t, np.ndarray)
    part = graph._once(("part", int(nodes[0]), len(nodes)), lambda: graph.subgraph(nodes))
    return part, replace(proximity, t=proximity.t[nodes]) if per_node else proximity


def block_kernel(graph, proximity, blocks, *, method="auto", center=False):
    """The kernel of the nodes in ``blocks``: with several, each component has its own centered one, and 0 between."""
    if len(blocks) == 1:
        part, there = restricted(graph, proximity, blocks[0])
        return there.kernel(part, method=method, center=center)
    graph._require_dense(f"the kernel {proximity.label}")
    K = np.zeros((graph.n_nodes, graph.n_nodes))
    errors, routes = [0.0], []
    for nodes in blocks:
        if len(nodes) > 1:
            part, there = restricted(graph, proximity, nodes)
            made = there.kernel(part, method=method, center=True)
            K[np.ix_(nodes, nodes)] = made.matrix
            routes.append(made.route)
            errors.append(made.error or 0.0)
    error = max(errors) if proximity.log else None
    return Result(K, 0.0, error, f"{routes[0]}, by component")
