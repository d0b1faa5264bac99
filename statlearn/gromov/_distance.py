"""Distance and kernel matrices between graphs."""

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.progress import CallbackSupportMixin, fit_progress
from .._typing import FloatArray, GraphCollection, GraphCost, RandomState
from ._collections import COSTS, NetworkCollection, check_networks
from ._pair_solver import PairSolver
from ._pairwise import FEATURE_BOUND, METHODS, count_tasks, pairwise_values, product_values, rounding
from ._set_certificates import distance_certificate, kernel_certificate

__all__ = ["GromovWassersteinDistance"]


class GromovWassersteinDistance(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, StatlearnEstimator
):
    r"""Gromov-Wasserstein values, or bounds of them, between graphs and the fitted ones.

    For costs C and D between the nodes of two graphs, a distance is

    .. math:: GW_2(C, D) = \min_T \sum_{ijkl} (C_{ij} - D_{kl})^2 T_{ik} T_{jl},

    where T runs over the couplings of the node weights (no factor 1/2, no root), or a bound of it. Goes before
    ``KNeighborsClassifier(metric="precomputed")`` and, with ``output="kernel"``, before ``SVC(kernel="precomputed")``.
    In classification the lower bounds are often as good as the value, for a small part of the time: let a grid search
    over ``method`` decide.

    Parameters
    ----------
    method : {"upper", "lower", "sorted", "flb", "slb", "tlb", "hoeffding_tlb", "spectral"}, default="upper"
        "upper" is the value of the best coupling that conditional gradient finds from several starts, which makes it an
        upper bound; all others are proved lower bounds, and "lower" is their largest. "sorted", "flb", "slb" and
        "spectral" compare features of the graphs, so that thousands of pairs take a second; the others solve a linear
        ("upper": a quadratic) transport problem per pair. See `gromov_wasserstein_lower_bound` for formulas.
    cost : {"hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"} or callable, default="hop"
        What relates the nodes of a graph; see `GromovSignature`.
    gamma : float or None, default=None
        Scale of the kernel. None is 1 over the median of the positive distances between fitted graphs. Not used with
        ``output="distance"``.
    output : {"distance", "kernel"}, default="distance"
        Return distances D or :math:`\exp(-\gamma D)`, which needs all distances between fitted graphs in ``fit``.
    n_random : int, default=0
        Random starts of each pair beyond the structured ones; for ``method="upper"``.
    n_jobs : int or None, default=None
        Number of threads over rows of the result; None is 1 unless a `joblib.parallel_config` context says otherwise,
        which may also choose processes or a cluster.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the random starts; not used with ``n_random=0``. The result depends neither on ``n_jobs`` nor on
        which of two graphs comes first.

    Attributes
    ----------
    gamma_ : float or None
        The scale of the kernel; None with ``output="distance"``.
    certificate_ : Certificate
        On which side of the Gromov-Wasserstein value the distances lie, and whether the kernel of the fitted graphs is
        positive semi-definite. Undecided after a ``fit`` that computes no distances.

    See Also
    --------
    GromovSignature : Euclidean vectors for collections that are too large for a matrix.
    GromovNeighborsClassifier : Nearest neighbors that solve few of the pairs.

    Notes
    -----
    With "sorted", "flb", "slb" and "spectral" the root of a distance is a Euclidean distance between features, for
    symmetric costs, asymmetric ones or both: the kernel is then positive semi-definite by Schoenberg's theorem. For the
    other methods the certificate depends on its smallest eigenvalue.

    References
    ----------
    F. Memoli (2011). "Gromov-Wasserstein distances and the metric approach to object matching". Foundations of
    Computational Mathematics 11, 417-487.

    Examples
    --------
    >>> import networkx as nx
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from statlearn.gromov import GromovWassersteinDistance
    >>> graphs = [nx.path_graph(n) for n in range(4, 9)] + [nx.star_graph(n) for n in range(3, 8)]
    >>> y = ["path"] * 5 + ["star"] * 5
    >>> distance = GromovWassersteinDistance("spectral")
    >>> distance.fit_transform(graphs).shape
    (10, 10)
    >>> model = make_pipeline(distance, KNeighborsClassifier(3, metric="precomputed")).fit(graphs, y)
    >>> model.predict([nx.path_graph(9), nx.star_graph(8)])
    array(['path', 'star'], dtype='<U4')
    """

    _parameter_constraints: dict = {
        "method": [StrOptions(set(METHODS))],
        "cost": [StrOptions(set(COSTS)), callable],
        "gamma": [Interval(Real, 0, None, closed="neither"), None],
        "output": [StrOptions({"distance", "kernel"})],
        "n_random": [Interval(Integral, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        method: Literal["upper", "lower", "sorted", "flb", "slb", "tlb", "hoeffding_tlb", "spectral"] = "upper",
        cost: GraphCost = "hop",
        *,
        gamma: float | None = None,
        output: Literal["distance", "kernel"] = "distance",
        n_random: int = 0,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.method = method
        self.cost = cost
        self.gamma = gamma
        self.output = output
        self.n_random = n_random
        self.n_jobs = n_jobs
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphCollection, y: object = None) -> Self:
        """Keep the graphs; the kernel computes all distances between them, too.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            Square matrices, sparse matrices, networkx graphs or clouds of points, as ``cost`` says; a tuple of a graph
            and its node weights where the nodes do not weigh the same.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        self : GromovWassersteinDistance
            The fitted transformer.

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, X is no collection of graphs, or a graph is invalid (then the message has its
            position), such as a disconnected one with ``cost="hop"``.
        """
        self._store(X)
        if self.output == "kernel":
            self._fit_values(X, y)
        return self

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: GraphCollection, y: object = None) -> FloatArray:
        """Fit, and return the distances or the kernel between the same graphs; each pair is computed once.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            See `fit`.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        values : ndarray of shape (n_samples, n_samples)
            Symmetric. Distances have a diagonal of zeros, kernels one of ones.
        """
        self._store(X)
        return self._fit_values(X, y)

    def _store(self, X):
        self._fitted = NetworkCollection(check_networks(X, self.cost))
        self._solver = PairSolver(self.n_random, self.random_state)
        self._n_features_out = len(self._fitted)
        self.gamma_ = None
        self.certificate_ = distance_certificate(self.method, METHODS[self.method].is_bound_below, self._n_features_out)

    def _fit_values(self, X, y):
        """Distances or kernel between the fitted graphs, and what can be said of them."""
        method = METHODS[self.method]
        with fit_progress(self, X, y, max_subtasks=count_tasks(method, self._fitted)) as progress:
            distances = pairwise_values(method, self._fitted, None, self._solver, self.n_jobs, progress)
        margin = _margin(method, self._fitted, distances, self.n_jobs)
        if self.output == "distance":
            self.certificate_ = distance_certificate(self.method, method.is_bound_below, len(distances), margin)
            return distances
        self.gamma_ = _scale(distances) if self.gamma is None else float(self.gamma)
        kernel = np.exp(-self.gamma_ * distances)
        self.certificate_ = kernel_certificate(self.method, method.is_bound_below, kernel, method.hilbertian, margin)
        return kernel

    def transform(self, X: GraphCollection) -> FloatArray:
        """Compute the distances or the kernel between graphs and the fitted ones.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            See `fit`.

        Returns
        -------
        values : ndarray of shape (n_samples, n_fitted)
            Non-negative.

        Raises
        ------
        TypeError, ValueError
            If X is no collection of graphs, or a graph is invalid.
        """
        check_is_fitted(self)
        networks = NetworkCollection(check_networks(X, self.cost))
        distances = pairwise_values(METHODS[self.method], networks, self._fitted, self._solver, self.n_jobs)
        return distances if self.gamma_ is None else np.exp(-self.gamma_ * distances)


def _margin(method, fitted, distances, n_jobs):
    """The least gap of two graphs between their distance and a bound from the other side, rounding allowed for."""
    if method.is_bound_below:
        gaps = product_values(fitted, fitted) - distances
    else:
        gaps = distances - pairwise_values(FEATURE_BOUND, fitted, None, n_jobs=n_jobs)
    gaps += rounding(fitted, fitted)
    return float(np.min(gaps[np.triu_indices_from(gaps, 1)], initial=np.inf))


def _scale(distances):
    """1 over the median of the positive distances, or 1 if all are zero."""
    positive = distances[np.triu_indices_from(distances, 1)]
    positive = positive[positive > 0.0]
    return 1.0 / float(np.median(positive)) if positive.size else 1.0
