"""Many kernels and parameters on one graph: one eigendecomposition per matrix, one product per exponential."""

import copy
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import column_or_1d

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.random_streams import spawn_generators
from .._typing import ArrayLike, FloatArray, GraphLike, LegacyRandomState
from ._catalog import find_measure
from ._components import kept_components
from ._engine import resolve
from ._kmeans_solver import restarts_of
from ._parameters import SCALES
from ._partitions import (
    SEARCH_CONSTRAINTS,
    cluster_shares,
    kmeans_partition,
    modularity,
    node_gram,
    require_differences,
)
from ._spectral_graph import SpectralGraph, as_graph
from ._ward_solver import cut_merges, ward_merges

__all__ = ["kernel_sweep", "sweep_cluster"]

LOG_PREFIXES = ("log_", "log ")
UNIT_GRID = np.arange(1, 16) / 16.0


@validate_params(
    {"scale": [StrOptions(set(SCALES))], "output": [StrOptions({"kernel", "distance"})]},
    prefer_skip_nested_validation=True,
)
def kernel_sweep(
    graph: GraphLike | SpectralGraph,
    kernels: Sequence[str],
    grid: ArrayLike | dict[str, Any] | None = None,
    *,
    scale: Literal["spectral", "unit", "raw"] = "spectral",
    output: Literal["kernel", "distance"] = "kernel",
) -> Iterator[tuple[str, float | None, FloatArray]]:
    """Kernels of one graph for many measures and parameters, one after the other.

    The eigendecomposition of each matrix is computed once and kept in the graph. Logarithms of exponentials on a
    geometric grid of ratio 2 (or the square root of 2) cost one matrix product each.

    Parameters
    ----------
    graph : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
        The graph.
    kernels : list of str
        Names of measures, or ``"log_"`` and a name for the logarithm.
    grid : array-like of shape (n_parameters,) or dict of such, default=None
        Parameters on the given ``scale``, for all measures or by the names given. None takes a geometric grid of ratio
        2 on the spectral scale, and 1/16, ..., 15/16 on the unit scale. Measures without parameter are computed once.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What the parameters mean; see `node_kernel`. "raw" needs a grid.
    output : {"kernel", "distance"}, default="kernel"
        What to compute.

    Returns
    -------
    steps : iterator of tuple (name, t, matrix)
        The name and the parameter as given (None for measures without), and a new array of shape (n, n), computed when
        it is asked for: the kernel or the distances. A plain kernel whose largest eigenvalue is above exp(300) is
        divided by it.

    Raises
    ------
    ValueError
        If the graph or an argument is invalid; see `node_kernel`.

    Examples
    --------
    >>> from statlearn.graph import kernel_sweep
    >>> path = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    >>> for name, t, K in kernel_sweep(path, ["heat", "log_heat"], [1.0, 2.0], scale="raw"):
    ...     print(name, t, K[0, 2].round(3))
    heat 1.0 0.158
    heat 2.0 0.266
    log_heat 1.0 -1.847
    log_heat 2.0 -1.324
    """
    graph, steps = _checked_steps(graph, kernels, grid, scale)
    return _matrices(graph, steps, output)


def _matrices(graph, steps, output):
    for name, t, proximity in steps:
        yield name, t, getattr(proximity, output)(graph).matrix


SWEEP_CONSTRAINTS = {
    "n_clusters": [Interval(Integral, 1, None, closed="left")],
    "method": [StrOptions({"kmeans", "ward"})],
    "scale": [StrOptions(set(SCALES))],
    **SEARCH_CONSTRAINTS,
}


@validate_params(SWEEP_CONSTRAINTS, prefer_skip_nested_validation=True)
def sweep_cluster(
    graph: GraphLike | SpectralGraph,
    kernels: Sequence[str],
    grid: ArrayLike | dict[str, Any] | None = None,
    *,
    n_clusters: int = 2,
    y: ArrayLike | None = None,
    method: Literal["kmeans", "ward"] = "kmeans",
    scale: Literal["spectral", "unit", "raw"] = "spectral",
    n_init: Literal["auto"] | int = "auto",
    refine: bool = True,
    select: Literal["inertia", "modularity"] = "inertia",
    random_state: LegacyRandomState = None,
    n_jobs: int | None = None,
) -> dict[str, Any]:
    """Cluster the nodes of one graph on many kernels and parameters.

    Parameters
    ----------
    graph : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
        A connected graph, unless no kernel needs that.
    kernels : list of str
        Names of measures, or ``"log_"`` and a name for the logarithm.
    grid : array-like of shape (n_parameters,) or dict of such, default=None
        Parameters; see `kernel_sweep`.
    n_clusters : int, default=2
        Number of clusters.
    y : array-like of shape (n,), default=None
        True classes, to compare with.
    method : {"kmeans", "ward"}, default="kmeans"
        As `GraphKernelKMeans` or `GraphKernelWard`.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What the parameters mean; see `node_kernel`.
    n_init : int or "auto", default="auto"
        Starts of k-means.
    refine : bool, default=True
        Whether single moves follow Lloyd's iterations of k-means.
    select : {"inertia", "modularity"}, default="inertia"
        Which start of k-means wins.
    random_state : int, RandomState instance or None, default=None
        Draws the starts of k-means; every kernel gets the same, those of `GraphKernelKMeans`.
    n_jobs : int, default=None
        Number of threads of k-means.

    Returns
    -------
    table : dict
        Columns of equal length, one row per kernel and parameter: ``kernel`` and ``t`` as given (NaN for measures
        without parameter), ``inertia`` (not comparable between rows), ``modularity``, ``agreement``, the share of
        starts that reached the smallest objective (NaN for Ward), ``ari``, the adjusted Rand index with ``y`` if that
        is given, and ``labels``, a list of arrays. `pandas.DataFrame` makes a table of it.

    Raises
    ------
    ValueError
        If the graph or an argument is invalid; see `node_kernel`.

    Notes
    -----
    Without ``y`` the choice among rows is a guess: modularity prefers assortative clusters by construction, and starts
    may agree on a useless partition.

    Examples
    --------
    >>> from statlearn.datasets import make_sbm
    >>> from statlearn.graph import sweep_cluster
    >>> graph, y = make_sbm([30, 30], [[0.4, 0.05], [0.05, 0.4]], random_state=0)
    >>> table = sweep_cluster(graph, ["log_comm", "scct"], [0.5, 4.0], y=y, random_state=0)
    >>> table["kernel"], min(table["ari"])
    (['log_comm', 'log_comm', 'scct', 'scct'], 1.0)
    """
    graph, steps = _checked_steps(graph, kernels, grid, scale)
    cluster_shares(graph, [np.arange(graph.n_nodes)], n_clusters)
    y = None if y is None else _checked_classes(y, graph)
    (generator,) = spawn_generators(random_state, 1)
    options = {"n_init": restarts_of(n_init, n_clusters), "refine": refine, "select": select}
    options |= {"max_iter": 300, "n_jobs": n_jobs}
    table = {name: [] for name in ("kernel", "t", "inertia", "modularity", "agreement", "ari", "labels")}
    for name, t, proximity in steps:
        options["random_state"] = copy.deepcopy(generator)  # the starts of GraphKernelKMeans, for every kernel
        labels, inertia, agreement = PARTITIONERS[method](graph, proximity, n_clusters, options)
        table["kernel"].append(name)
        table["t"].append(np.nan if t is None else t)
        table["inertia"].append(inertia)
        table["modularity"].append(modularity(graph, labels))
        table["agreement"].append(agreement)
        table["labels"].append(labels)
        if y is not None:
            table["ari"].append(adjusted_rand_score(y, labels))
    if y is None:
        del table["ari"]
    return table


def _kmeans(graph, proximity, n_clusters, options):
    part = kmeans_partition(graph, node_gram(graph, proximity), n_clusters, **options)
    return part.labels, part.inertia, part.agreement


def _ward(graph, proximity, n_clusters, options):
    merges = ward_merges(require_differences(proximity.distance(graph), proximity).matrix)
    return cut_merges(merges, n_clusters), float(merges[: len(merges) + 1 - n_clusters, 2].sum()), np.nan


PARTITIONERS = {"kmeans": _kmeans, "ward": _ward}


def _checked_classes(y, graph):
    y = column_or_1d(y)
    if len(y) != graph.n_nodes:
        raise ValueError(f"y must have one class per node, {graph.n_nodes}. Got {len(y)}.")
    return y


def _checked_steps(graph, kernels, grid, scale):
    """The graph, and the name, parameter and proximity of every step; errors come before the work."""
    graph = as_graph(graph)
    kernels = [kernels] if isinstance(kernels, str) else list(kernels)
    if not kernels:
        raise ValueError("kernels must name at least one measure. Got none.")
    if isinstance(grid, dict):
        needed = {given for given in kernels if find_measure(_split(given)[0]).parameter is not None}
        if not needed <= set(grid) <= set(kernels):
            raise ValueError(
                f"grid must have one key per kernel with a parameter, written as there: {sorted(needed)}. "
                f"Got {sorted(grid)}."
            )
    steps = []
    for given in kernels:
        name, log = _split(given)
        own_grid = grid.get(given) if isinstance(grid, dict) else grid
        for t in _parameters(find_measure(name), own_grid, scale):
            proximity = resolve(graph, name, t, log, scale)
            kept_components(graph, proximity.label, proximity.needs_connected, "raise")
            steps.append((given, t, proximity))
    return graph, steps


def _split(given):
    for prefix in LOG_PREFIXES:
        if isinstance(given, str) and given.startswith(prefix):
            return given.removeprefix(prefix), True
    return given, False


def _parameters(measure, grid, scale):
    if measure.parameter is None:
        return [None]
    if grid is not None:
        values = np.asarray(grid)
        if values.dtype.kind not in "iuf" or values.size == 0:
            raise ValueError(f"grid must hold numbers, at least one. Got {grid!r} instead.")
        return values.astype(np.float64).ravel().tolist()
    if scale == "raw":
        raise ValueError("grid must be given with scale='raw': the domain of a raw parameter depends on the graph.")
    return (UNIT_GRID if scale == "unit" else measure.parameter.grid).tolist()
