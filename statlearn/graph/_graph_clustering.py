"""Clustering of the nodes of one graph by kernel k-means and by Ward's method."""

from numbers import Integral
from typing import Literal, Self

import numpy as np
from sklearn.base import ClusterMixin
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from .._typing import GraphLike, LegacyRandomState
from ._certificates import kmeans_certificate, ward_certificate
from ._components import DISCONNECTED
from ._engine import KERNEL_CONSTRAINTS, place, restricted
from ._graph_input import GraphInputMixin
from ._kmeans_solver import restarts_of
from ._partitions import (
    SEARCH_CONSTRAINTS,
    cluster_shares,
    kmeans_partition,
    modularity,
    node_gram,
    partition_cost,
    place_labels,
    require_differences,
)
from ._spectral_graph import SpectralGraph, as_graph
from ._ward_solver import cut_merges, ward_merges

__all__ = ["GraphKernelKMeans", "GraphKernelWard"]

CLUSTER_CONSTRAINTS = {
    "n_clusters": [Interval(Integral, 1, None, closed="left")],
    **KERNEL_CONSTRAINTS,
    "disconnected": [StrOptions(set(DISCONNECTED))],
}


class _GraphClusterer(GraphInputMixin, ClusterMixin, StatlearnEstimator):
    """What the two clusterers share: the graph, its components and the attributes every partition has."""

    def _blocks(self, X):
        graph = as_graph(X)
        proximity, blocks = place(graph, self.kernel, self.t, self.log, self.scale, self.disconnected)
        return graph, proximity, blocks, cluster_shares(graph, blocks, self.n_clusters)

    def _store(self, graph, proximity, labels):
        self._store_input(graph)
        self.labels_, self.t_ = labels, proximity.t
        self.modularity_ = modularity(graph, labels)
        self.cluster_sizes_ = np.bincount(labels[labels >= 0])


class GraphKernelKMeans(CallbackSupportMixin, _GraphClusterer):
    r"""Kernel k-means on the nodes of a graph.

    Minimizes the sum of squared distances to the cluster means in the feature space of a kernel between nodes,

    .. math:: J = \sum_i k_{ii} - \sum_c \frac{1}{n_c} \sum_{i, j \in c} k_{ij},

    by Lloyd's iterations from many starts and exact single moves, also for kernels that are not positive semi-definite
    (most logarithms). For plain kernels with features, the kernel matrix is never formed.

    Parameters
    ----------
    n_clusters : int, default=2
        Number of clusters.
    kernel : str, default="scct"
        Name or alias of a measure; see `list_node_kernels`.
    t : float, default=None
        Its parameter on the given ``scale``; None takes the default of the measure.
    log : bool, default=False
        Take the logarithm of every entry.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What ``t`` means; see `node_kernel`.
    n_init : int or "auto", default="auto"
        Number of starts; "auto" means 10 for up to 5 clusters and 30 beyond.
    max_iter : int, default=300
        Largest number of iterations per start.
    refine : bool, default=True
        Follow Lloyd's iterations by single moves, until none lowers J. Without them the objective of an indefinite or
        badly scaled kernel is often far from its best.
    select : {"inertia", "modularity"}, default="inertia"
        Which start wins: that of the smallest J, or of the largest modularity of the partition, which favors
        assortative clusters by construction.
    disconnected : {"raise", "block", "largest"}, default="raise"
        What to do with a disconnected graph where the kernel needs a connected one: refuse it; cluster each component
        alone, with clusters shared out by size; or cluster the largest component and label the other nodes -1.
    random_state : int, RandomState instance or None, default=None
        Draws the starts.
    n_jobs : int, default=None
        Number of threads; has no influence on the result.

    Attributes
    ----------
    labels_ : ndarray of shape (n_nodes,)
        Clusters from 0; -1 outside the largest component with ``disconnected="largest"``.
    inertia_ : float
        The objective J, summed over components.
    modularity_ : float
        Modularity of the partition in the graph.
    cluster_sizes_ : ndarray of shape (n_clusters,)
        Nodes per cluster.
    n_iter_ : int
        Iterations of the start with the smallest J.
    t_ : float, ndarray or None
        The parameter of the formula.
    log_scale_ : float
        ``inertia_`` is that of the formula times ``exp(-log_scale_)``; 0 unless the kernel overflows.
    certificate_ : Certificate
        Whether a single move could improve the partition, and how many starts agree on it.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the nodes, when all are strings.

    See Also
    --------
    KernelKMeans : Kernel k-means on any kernel.
    GraphKernelWard : Hierarchical clustering on the same kernels.
    sweep_cluster : Many kernels and parameters at once.

    Notes
    -----
    J is not comparable between kernels or parameters. Without labels, compare modularity or how far starts agree; both
    are heuristics.

    References
    ----------
    V. Ivashkin and P. Chebotarev. Do logarithmic proximity measures outperform plain ones in graph clustering? 2016.

    Examples
    --------
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from statlearn.datasets import make_sbm
    >>> from statlearn.graph import GraphKernelKMeans
    >>> graph, y = make_sbm([30, 30], [[0.4, 0.05], [0.05, 0.4]], random_state=0)
    >>> model = GraphKernelKMeans(2, kernel="comm", log=True, random_state=0).fit(graph)
    >>> adjusted_rand_score(y, model.labels_)
    1.0
    """

    _parameter_constraints: dict = {
        **CLUSTER_CONSTRAINTS,
        **SEARCH_CONSTRAINTS,
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 2,
        *,
        kernel: str = "scct",
        t: float | None = None,
        log: bool = False,
        scale: Literal["spectral", "unit", "raw"] = "spectral",
        n_init: Literal["auto"] | int = "auto",
        max_iter: int = 300,
        refine: bool = True,
        select: Literal["inertia", "modularity"] = "inertia",
        disconnected: Literal["raise", "block", "largest"] = "raise",
        random_state: LegacyRandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.kernel = kernel
        self.t = t
        self.log = log
        self.scale = scale
        self.n_init = n_init
        self.max_iter = max_iter
        self.refine = refine
        self.select = select
        self.disconnected = disconnected
        self.random_state = random_state
        self.n_jobs = n_jobs

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphLike | SpectralGraph, y: object = None) -> Self:
        """Cluster the nodes of a graph.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
            The graph.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        self : GraphKernelKMeans
            The fitted clusterer.

        Raises
        ------
        ValueError
            If the graph or a parameter is invalid, there are fewer nodes than clusters, or the graph is disconnected
            where the kernel needs a connected one and ``disconnected="raise"``.

        Warns
        -----
        ConvergenceWarning
            If the start with the smallest J did not end within ``max_iter`` iterations.
        SelfLoopWarning
            If the graph has self-loops.
        """
        graph, proximity, blocks, shares = self._blocks(X)
        generators = spawn_generators(self.random_state, len(blocks))
        parts = []
        with fit_progress(self, X, y, max_subtasks=len(blocks)) as progress:
            for nodes, k, generator in zip(blocks, shares, generators, strict=True):
                parts.append(self._partition(*restricted(graph, proximity, nodes), int(k), generator))
                progress.step(name="component")
        self._store(graph, proximity, place_labels(graph, blocks, [part.labels for part in parts]))
        largest = max(parts, key=lambda part: len(part.labels))
        self.inertia_ = float(sum(part.inertia for part in parts))
        self.n_iter_, self.log_scale_ = max(part.n_iter for part in parts), largest.log_scale
        if not all(part.converged for part in parts):
            warn_user(
                f"{type(self).__name__} did not converge in max_iter={self.max_iter} iterations: increase max_iter.",
                ConvergenceWarning,
            )
        self.certificate_ = kmeans_certificate(proximity, parts, self.refine)
        return self

    def _partition(self, graph, proximity, n_clusters, generator):
        return kmeans_partition(
            graph,
            node_gram(graph, proximity),
            n_clusters,
            select=self.select,
            n_init=restarts_of(self.n_init, n_clusters),
            max_iter=self.max_iter,
            refine=self.refine,
            random_state=generator,
            n_jobs=self.n_jobs,
        )


class GraphKernelWard(_GraphClusterer):
    r"""Ward's hierarchical clustering on the nodes of a graph.

    Starts from single nodes and always merges the two clusters that raise the objective of kernel k-means least, by
    :math:`\Delta J = \frac{n_a n_b}{n_a + n_b} d^2(a, b)` with the squared distance of the means in feature space,
    which may be negative for a kernel that is not positive semi-definite. Exact, in O(n^2).

    Parameters
    ----------
    n_clusters : int, default=2
        Number of clusters.
    kernel : str, default="scct"
        Name or alias of a measure; see `list_node_kernels`.
    t : float, default=None
        Its parameter on the given ``scale``; None takes the default of the measure.
    log : bool, default=False
        Take the logarithm of every entry.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What ``t`` means; see `node_kernel`.
    disconnected : {"raise", "block", "largest"}, default="raise"
        What to do with a disconnected graph where the kernel needs a connected one; see `GraphKernelKMeans`.

    Attributes
    ----------
    labels_ : ndarray of shape (n_nodes,)
        Clusters from 0; -1 outside the largest component with ``disconnected="largest"``.
    merges_ : ndarray of shape (n_kept - 1, 4) or list of such arrays
        The merges in the format of `scipy.cluster.hierarchy.linkage`, with the increase of J as height (SciPy's height
        is the square root of twice that). Increases are negative for some indefinite kernels, which
        `scipy.cluster.hierarchy.dendrogram` refuses: subtract the smallest one from all. One array per component with
        ``disconnected="block"``.
    inertia_ : float
        The objective J of the partition.
    modularity_ : float
        Modularity of the partition in the graph.
    cluster_sizes_ : ndarray of shape (n_clusters,)
        Nodes per cluster.
    t_ : float, ndarray or None
        The parameter of the formula.
    log_scale_ : float
        ``inertia_`` and heights are those of the formula times ``exp(-log_scale_)``; 0 unless the kernel overflows.
    certificate_ : Certificate
        Whether the sum of the merges is the objective of the partition.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the nodes, when all are strings.

    See Also
    --------
    GraphKernelKMeans : Lowers the same objective further.

    References
    ----------
    V. Ivashkin and P. Chebotarev. Do logarithmic proximity measures outperform plain ones in graph clustering? 2016.

    Examples
    --------
    >>> from sklearn.metrics import adjusted_rand_score
    >>> from statlearn.datasets import make_sbm
    >>> from statlearn.graph import GraphKernelWard
    >>> graph, y = make_sbm([30, 30], [[0.4, 0.05], [0.05, 0.4]], random_state=0)
    >>> model = GraphKernelWard(2, kernel="comm", log=True).fit(graph)
    >>> round(adjusted_rand_score(y, model.labels_), 2)
    0.93
    """

    _parameter_constraints: dict = CLUSTER_CONSTRAINTS

    def __init__(
        self,
        n_clusters: int = 2,
        *,
        kernel: str = "scct",
        t: float | None = None,
        log: bool = False,
        scale: Literal["spectral", "unit", "raw"] = "spectral",
        disconnected: Literal["raise", "block", "largest"] = "raise",
    ) -> None:
        self.n_clusters = n_clusters
        self.kernel = kernel
        self.t = t
        self.log = log
        self.scale = scale
        self.disconnected = disconnected

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphLike | SpectralGraph, y: object = None) -> Self:
        """Cluster the nodes of a graph.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
            The graph.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        self : GraphKernelWard
            The fitted clusterer.

        Raises
        ------
        ValueError
            If the graph or a parameter is invalid, there are fewer nodes than clusters, or the graph is disconnected
            where the kernel needs a connected one and ``disconnected="raise"``.

        Warns
        -----
        SelfLoopWarning
            If the graph has self-loops.
        """
        graph, proximity, blocks, shares = self._blocks(X)
        parts = [restricted(graph, proximity, nodes) for nodes in blocks]
        distances = [require_differences(there.distance(part), there) for part, there in parts]
        merges = [ward_merges(made.matrix) for made in distances]
        parts = [cut_merges(part, int(k)) for part, k in zip(merges, shares, strict=True)]
        self._store(graph, proximity, place_labels(graph, blocks, parts))
        self.merges_ = merges[0] if len(blocks) == 1 else merges
        self.inertia_ = float(sum(part[: len(part) + 1 - k, 2].sum() for part, k in zip(merges, shares, strict=True)))
        self.log_scale_ = distances[0].log_scale
        recomputed = sum(partition_cost(made.matrix, part) for made, part in zip(distances, parts, strict=True))
        self.certificate_ = ward_certificate(proximity, merges, self.inertia_, recomputed)
        return self
