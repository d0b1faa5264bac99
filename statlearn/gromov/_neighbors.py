"""Nearest neighbors of graphs."""

from numbers import Integral
from typing import Literal, Self, overload

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._typing import FloatArray, GraphCollection, GraphCost, IntArray, RandomState
from ._collections import COSTS, NetworkCollection, check_networks
from ._neighbor_search import GromovNeighborSearch, search_neighbors
from ._pair_solver import PairSolver
from ._set_certificates import neighbors_certificate

__all__ = ["BaseGromovNeighbors", "GromovNeighbors"]


class BaseGromovNeighbors(StatlearnEstimator):
    """What the three estimators share: the fitted graphs and the search among them."""

    _parameter_constraints: dict = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "cost": [StrOptions(set(COSTS)), callable],
        "n_random": [Interval(Integral, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def _store(self, networks):
        self._fitted = NetworkCollection(networks)
        self._solver = PairSolver(self.n_random, self.random_state)
        self.certificate_ = neighbors_certificate(len(networks), self.n_neighbors)

    def search(self, X: GraphCollection | None = None, n_neighbors: int | None = None) -> GromovNeighborSearch:
        """Find nearest neighbors, with an account of the work and of what is proved about them.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_queries, n, n), default=None
            See ``fit``. None takes the fitted graphs, none of which is its own neighbor.
        n_neighbors : int or None, default=None
            Number of neighbors; None takes that of the constructor.

        Returns
        -------
        search : GromovNeighborSearch
            Distances, positions, numbers of solved pairs, and whether the neighbors are nearest by the exact value.

        Raises
        ------
        TypeError, ValueError
            If X is no collection of graphs, a graph is invalid, or there are fewer fitted graphs than neighbors.
        """
        check_is_fitted(self)
        queries = None if X is None else NetworkCollection(check_networks(X, self.cost))
        n_neighbors = self.n_neighbors if n_neighbors is None else n_neighbors
        n_candidates = len(self._fitted) - (queries is None)
        is_number = isinstance(n_neighbors, Integral) and not isinstance(n_neighbors, bool)
        if not is_number or not 1 <= n_neighbors <= n_candidates:
            raise ValueError(
                f"n_neighbors must be an integer from 1 to the number of graphs to choose from, {n_candidates}. Got "
                f"{n_neighbors!r}: fit more graphs or ask for fewer neighbors."
            )
        return search_neighbors(queries, self._fitted, n_neighbors, self._solver, self.n_jobs)

    @overload
    def kneighbors(
        self, X: GraphCollection | None = None, n_neighbors: int | None = None, return_distance: Literal[True] = True
    ) -> tuple[FloatArray, IntArray]: ...

    @overload
    def kneighbors(
        self, X: GraphCollection | None = None, n_neighbors: int | None = None, *, return_distance: Literal[False]
    ) -> IntArray: ...

    def kneighbors(
        self, X: GraphCollection | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> IntArray | tuple[FloatArray, IntArray]:
        """Find nearest neighbors.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_queries, n, n), default=None
            See ``fit``. None takes the fitted graphs, none of which is its own neighbor.
        n_neighbors : int or None, default=None
            Number of neighbors; None takes that of the constructor.
        return_distance : bool, default=True
            Whether to return the distances.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            Upper bounds of the Gromov-Wasserstein value, ascending; only with ``return_distance=True``.
        indices : ndarray of shape (n_queries, n_neighbors)
            Positions among the fitted graphs; the lower one first among equal distances.
        """
        found = self.search(X, n_neighbors)
        return (found.distances, found.indices) if return_distance else found.indices


class GromovNeighbors(BaseGromovNeighbors):
    """Nearest neighbors of graphs by Gromov-Wasserstein, without solving all pairs.

    The distance of two graphs is the upper bound that `gromov_wasserstein_bounds` gives. A query goes through the
    fitted graphs in the order of their lower bounds and stops once these exceed the distances it has found: the result
    is that of solving every pair. The number of pairs that were solved is in ``search(X).n_solved``, since `kneighbors`
    leaves the estimator as it is.

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of neighbors.
    cost : {"hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"} or callable, default="hop"
        What relates the nodes of a graph; see `GromovSignature`.
    n_random : int, default=0
        Random starts of each solved pair beyond the structured ones.
    n_jobs : int or None, default=None
        Number of threads over queries; None is 1 unless a `joblib.parallel_config` context says otherwise, which may
        also choose processes or a cluster.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the random starts; not used with ``n_random=0``. The result depends neither on ``n_jobs`` nor on the
        order of the graphs.

    Attributes
    ----------
    certificate_ : Certificate
        What the neighbors are, undecided as long as there was no search: the certificate of `search` has the checks,
        and what is proved about the exact value.

    See Also
    --------
    GromovNeighborsClassifier : Classes of graphs.
    GromovNeighborsRegressor : Numbers that belong to graphs.
    GromovWassersteinDistance : All distances.

    Examples
    --------
    >>> import networkx as nx
    >>> from statlearn.gromov import GromovNeighbors
    >>> graphs = [nx.path_graph(n) for n in range(4, 12)] + [nx.star_graph(n) for n in range(3, 11)]
    >>> search = GromovNeighbors(2).fit(graphs).search([nx.path_graph(12)])
    >>> search.indices
    array([[7, 6]])
    >>> search.n_solved.tolist(), search.n_candidates
    ([2], 16)
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        cost: GraphCost = "hop",
        n_random: int = 0,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.cost = cost
        self.n_random = n_random
        self.n_jobs = n_jobs
        self.random_state = random_state

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphCollection, y: object = None) -> Self:
        """Keep the graphs.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            Square matrices, sparse matrices, networkx graphs or clouds of points, as ``cost`` says; a tuple of a graph
            and its node weights where the nodes do not weigh the same.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        self : GromovNeighbors
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, X is no collection of graphs, or a graph is invalid (then the message has its
            position), such as a disconnected one with ``cost="hop"``.
        """
        self._store(check_networks(X, self.cost))
        return self
