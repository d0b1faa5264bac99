"""Kernels between nodes as a transformer from a graph to a Gram matrix, distances or features."""

from numbers import Integral
from typing import Literal, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _check_feature_names_in, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._typing import ArrayLike, FloatArray, GraphLike, LegacyRandomState, NameArray
from ._certificates import distance_certificate, feature_certificate, kernel_certificate
from ._components import DISCONNECTED
from ._engine import KERNEL_CONSTRAINTS, METHODS, block_kernel, place, restricted
from ._graph_input import GraphInputMixin
from ._lanczos import lanczos_features
from ._landmarks import landmark_features
from ._spectral_graph import SpectralGraph, as_graph

__all__ = ["NodeKernel"]

FEATURE_METHODS = ("lanczos", "landmark")
DEFAULT_COMPONENTS = 8
DEFAULT_LANDMARKS = 100


class NodeKernel(GraphInputMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, StatlearnEstimator):
    """Kernel between the nodes of one graph, for any estimator that takes a precomputed kernel or features.

    The graph is the input: there is no slicing of it by a cross-validation, which would delete nodes. To cross-validate
    a classifier of nodes use `NodeKernelClassifier`. These are kernels between the nodes of one graph, not kernels
    between graphs.

    Parameters
    ----------
    kernel : str, default="scct"
        Name or alias of a measure; see `list_node_kernels`.
    t : float, default=None
        Its parameter on the given ``scale``; None takes the default of the measure.
    log : bool, default=False
        Take the logarithm of every entry.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What ``t`` means; see `node_kernel`.
    output : {"kernel", "distance"}, default="kernel"
        What ``transform`` returns: the kernel, or its distances as in `node_distance`.
    center : bool, default=False
        Center the kernel in feature space. Logarithms keep more digits that way, and lose the constants that make them
        far from positive semi-definite.
    method : {"auto", "eigh", "accurate", "lanczos", "landmark"}, default="auto"
        How: the first three as in `node_kernel`. "lanczos" gives features of plain kernels from a few eigenvectors,
        "landmark" features of plain and log kernels from the columns of some nodes; neither allocates an n x n array,
        and ``transform`` returns features of shape (n, n_components). "auto" takes one of them if ``n_components`` or
        ``n_landmarks`` is given: "lanczos" for plain kernels without landmarks, else "landmark".
    n_components : int, default=None
        Number of features; None means 8 where features are made.
    n_landmarks : int, default=None
        Number of landmarks; None means 100, or n if that is smaller, where landmarks are used.
    disconnected : {"raise", "block", "largest"}, default="raise"
        What to do with a disconnected graph where the kernel needs a connected one: refuse it, give each component its
        own centered kernel with zeros between components, or keep the largest component (see ``nodes_``).
    random_state : int, RandomState instance or None, default=None
        Chooses the landmarks and the start of Lanczos' iteration.
    n_jobs : int, default=None
        Number of threads for the columns of landmarks; has no influence on the result.

    Attributes
    ----------
    kernel_ : ndarray of shape (n_kept, n_kept)
        The kernel, when it was asked for.
    distance_ : ndarray of shape (n_kept, n_kept)
        The distances, when they were asked for.
    features_ : ndarray of shape (n_kept, n_components)
        The features, when ``method`` makes some.
    t_ : float, ndarray or None
        The parameter of the formula.
    log_scale_ : float
        The result is that of the formula times ``exp(-log_scale_)``; 0 unless the formula overflows.
    spectral_radius_ : float
        Largest eigenvalue of the adjacency.
    method_used_ : str
        The route that was taken.
    nodes_ : ndarray of shape (n_kept,)
        Positions of the nodes kept: all, unless ``disconnected="largest"`` left some out.
    certificate_ : Certificate
        Whether the kernel is positive semi-definite or the distance a metric, and the accuracy of the route.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the nodes, when all are strings.

    See Also
    --------
    node_kernel : The same as a function.
    GraphKernelKMeans : Clusters the nodes.
    NodeKernelClassifier : Classifies nodes, with cross-validation over nodes.

    References
    ----------
    V. Ivashkin and P. Chebotarev. Do logarithmic proximity measures outperform plain ones in graph clustering? 2016.

    Examples
    --------
    >>> from statlearn.datasets import make_sbm
    >>> from statlearn.graph import NodeKernel
    >>> graph, y = make_sbm([20, 20], [[0.6, 0.1], [0.1, 0.6]], random_state=0)
    >>> K = NodeKernel("heat", 1.0).fit_transform(graph)
    >>> K.shape
    (40, 40)
    """

    _parameter_constraints: dict = {
        **KERNEL_CONSTRAINTS,
        "output": [StrOptions({"kernel", "distance"})],
        "center": ["boolean"],
        "method": [StrOptions({*METHODS, *FEATURE_METHODS})],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "n_landmarks": [Interval(Integral, 2, None, closed="left"), None],
        "disconnected": [StrOptions(set(DISCONNECTED))],
        "random_state": ["random_state", np.random.Generator],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        kernel: str = "scct",
        t: float | None = None,
        *,
        log: bool = False,
        scale: Literal["spectral", "unit", "raw"] = "spectral",
        output: Literal["kernel", "distance"] = "kernel",
        center: bool = False,
        method: Literal["auto", "eigh", "accurate", "lanczos", "landmark"] = "auto",
        n_components: int | None = None,
        n_landmarks: int | None = None,
        disconnected: Literal["raise", "block", "largest"] = "raise",
        random_state: LegacyRandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.kernel = kernel
        self.t = t
        self.log = log
        self.scale = scale
        self.output = output
        self.center = center
        self.method = method
        self.n_components = n_components
        self.n_landmarks = n_landmarks
        self.disconnected = disconnected
        self.random_state = random_state
        self.n_jobs = n_jobs

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphLike | SpectralGraph, y: object = None) -> Self:
        """Compute the kernel of the graph.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
            The graph.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        self : NodeKernel
            The fitted transformer.

        Raises
        ------
        ValueError
            If the graph or a parameter is invalid, parameters do not fit together, or the graph is disconnected where
            the kernel needs a connected one and ``disconnected="raise"``.

        Warns
        -----
        SelfLoopWarning
            If the graph has self-loops.
        """
        graph = as_graph(X)
        method = self._chosen_method()
        proximity, blocks = place(graph, self.kernel, self.t, self.log, self.scale, self.disconnected)
        for name in ("kernel_", "distance_", "features_"):
            vars(self).pop(name, None)
        self._store_input(graph)
        self.t_ = proximity.t
        self.nodes_ = np.sort(np.concatenate(blocks))
        if method in FEATURE_METHODS:
            self._store_features(graph, proximity, blocks, method)
        elif self.output == "kernel":
            made = block_kernel(graph, proximity, blocks, method=self.method, center=self.center)
            self.kernel_ = self._keep(made)
            self.certificate_ = kernel_certificate(proximity, made, self.kernel_)
        else:
            self._store_distance(graph, proximity, blocks)
        self._graph = graph
        self._n_features_out = self._result().shape[1]
        return self

    def fit_transform(self, X: GraphLike | SpectralGraph, y: object = None) -> FloatArray:
        """Compute the kernel of the graph and return it.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
            The graph.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        result : ndarray of shape (n_kept, n_kept) or (n_kept, n_components)
            The kernel, the distances or the features.
        """
        return self.fit(X)._result()

    def transform(self, X: GraphLike | SpectralGraph) -> FloatArray:
        """Return the kernel, the distances or the features of the fitted graph.

        A kernel between nodes depends on the whole graph, so there is nothing to say about another one.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
            The graph given to ``fit``.

        Returns
        -------
        result : ndarray of shape (n_kept, n_kept) or (n_kept, n_components)
            The kernel, the distances or the features.

        Raises
        ------
        ValueError
            If it is another graph.
        """
        check_is_fitted(self)
        n_columns = getattr(X, "shape", (0, self.n_features_in_))[-1]
        if n_columns != self.n_features_in_:
            raise ValueError(
                f"X has {n_columns} features, but {type(self).__name__} is expecting {self.n_features_in_} features as "
                "input: the graph given to fit."
            )
        graph = as_graph(X)
        if graph is not self._graph and not graph._same_as(self._graph):
            raise ValueError(
                "transform accepts only the graph given to fit: a kernel between nodes depends on the whole graph. "
                "Fit it again."
            )
        return self._result()

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NameArray:
        """Names of the columns of the result: the nodes of a kernel or of distances, numbered features otherwise.

        Parameters
        ----------
        input_features : array-like of shape (n_nodes,), default=None
            Names of the nodes, if they have none.

        Returns
        -------
        names : ndarray of shape (n_columns,)
            Strings.
        """
        check_is_fitted(self)
        if "features_" in vars(self) or (self._graph.names is None and input_features is None):
            return super().get_feature_names_out(input_features)
        names = self._graph.names if input_features is None else _check_feature_names_in(self, input_features)
        return np.array([str(names[node]) for node in self.nodes_], dtype=object)

    @property
    def spectral_radius_(self) -> float:
        """Largest eigenvalue of the adjacency, computed when it is first asked for."""
        check_is_fitted(self)
        return self._graph.spectral_radius

    def _result(self):
        return next(vars(self)[name].copy() for name in ("kernel_", "distance_", "features_") if name in vars(self))

    def _keep(self, made):
        self.log_scale_, self.method_used_ = made.log_scale, made.route
        return made.matrix

    def _chosen_method(self):
        """The method, with "auto" turned into a way to features if these were asked for; misfits are refused."""
        method, wants_landmarks = self.method, self.n_landmarks is not None
        if method == "auto" and (self.n_components is not None or wants_landmarks):
            method = "landmark" if self.log or wants_landmarks else "lanczos"
        features, distance = method in FEATURE_METHODS, self.output == "distance"
        misfits = {
            "n_components needs method='auto', 'lanczos' or 'landmark'.": self.n_components and not features,
            "n_landmarks needs method='auto' or 'landmark'.": wants_landmarks and method != "landmark",
            "log=True needs method='landmark': eigenvectors give no logarithms.": self.log and method == "lanczos",
            "output='distance' and center=True give no features: drop n_components and n_landmarks, and use method "
            "'auto', 'eigh' or 'accurate'.": features and (distance or self.center),
            "center=True needs output='kernel': distances do not change by centering.": distance and self.center,
        }
        for message, found in misfits.items():
            if found:
                raise ValueError(message)
        return method

    def _store_distance(self, graph, proximity, blocks):
        if len(blocks) > 1:
            raise ValueError("output='distance' does not exist between components: use disconnected='largest'.")
        part, there = restricted(graph, proximity, blocks[0])
        made = there.distance(part, method=self.method)
        self.distance_ = self._keep(made)
        self.certificate_ = distance_certificate(proximity, made, self.distance_)

    def _store_features(self, graph, proximity, blocks, method):
        if len(blocks) > 1:
            raise ValueError(f"method={method!r} needs one component: use disconnected='largest'.")
        part, there = restricted(graph, proximity, blocks[0])
        r = min(self.n_components or DEFAULT_COMPONENTS, part.n_nodes)
        if method == "lanczos":
            made = lanczos_features(part, there.measure, there.t, r, self.random_state)
        else:
            m = min(self.n_landmarks or DEFAULT_LANDMARKS, part.n_nodes)
            made = landmark_features(
                part, there.measure, there.t, m, r, there.log, self.random_state, n_jobs=self.n_jobs
            )
        self.features_, self.log_scale_, self.method_used_ = made.matrix, made.log_scale, made.route
        self.certificate_ = feature_certificate(proximity, made)
