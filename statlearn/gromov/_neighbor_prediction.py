"""Classes and numbers of graphs from their nearest neighbors."""

from typing import Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from .._support._sklearn import StrOptions, _fit_context
from .._support.base import unchanged_on_error
from .._support.validation import refuse_dates
from .._typing import ArrayLike, FloatArray, GraphCollection, GraphCost, LabelArray, RandomState
from ._collections import check_networks
from ._neighbors import BaseGromovNeighbors

__all__ = ["GromovNeighborsClassifier", "GromovNeighborsRegressor"]


def _equal(distances):
    """The same weight for all neighbors."""
    return np.ones_like(distances)


def _inverse(distances):
    """Weights in proportion to one over the distance; neighbors at distance zero, if any, share all the weight."""
    nearest = distances[:, :1]
    at_zero = (distances == 0.0).astype(np.float64)
    return np.divide(nearest, distances, out=at_zero, where=distances > 0.0)


WEIGHTS = {"uniform": _equal, "distance": _inverse}


class WeightedNeighbors(BaseGromovNeighbors):
    """Parameters and input of the two estimators that predict from weighted neighbors."""

    _parameter_constraints: dict = {**BaseGromovNeighbors._parameter_constraints, "weights": [StrOptions(set(WEIGHTS))]}

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Literal["uniform", "distance"] = "uniform",
        cost: GraphCost = "hop",
        n_random: int = 0,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.cost = cost
        self.n_random = n_random
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_targets(self, networks, y):
        """Targets as a vector, one per graph."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None: pass one target per graph.")
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_consistent_length(networks, y)
        return y

    def _weighted_neighbors(self, X):
        """Positions of the neighbors of each query, and their weights."""
        found = self.search(X)
        return found.indices, WEIGHTS[self.weights](found.distances)


class GromovNeighborsClassifier(ClassifierMixin, WeightedNeighbors):
    """Classifier of graphs by a vote of their nearest neighbors, without solving all pairs.

    Predictions are, up to equal distances, those of ``KNeighborsClassifier(metric="precomputed")`` on the matrix of
    `GromovWassersteinDistance` with ``method="upper"``, but lower bounds spare a large part of that matrix. The number
    of pairs that were solved is in ``search(X).n_solved``, since `predict` leaves the estimator as it is.

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of neighbors.
    weights : {"uniform", "distance"}, default="uniform"
        Whether all neighbors have one vote, or votes in proportion to 1 over their distance. Neighbors at distance zero
        then share all the votes.
    cost : {"hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"} or callable, default="hop"
        What relates the nodes of a graph; see `GromovSignature`.
    n_random : int, default=0
        Random starts of each solved pair beyond the structured ones.
    n_jobs : int or None, default=None
        Number of threads over queries; None is 1 unless a `joblib.parallel_config` context says otherwise, which may
        also choose processes or a cluster.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the random starts; not used with ``n_random=0``. The result depends neither on ``n_jobs`` nor, up to
        equal distances, on the order of the graphs.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    certificate_ : Certificate
        What the neighbors are, undecided as long as there was no search: the certificate of `search` has the checks,
        and what is proved about the exact value.

    See Also
    --------
    GromovNeighbors : The neighbors alone.
    GromovSignature : Vectors for other classifiers.

    Examples
    --------
    >>> import networkx as nx
    >>> from statlearn.gromov import GromovNeighborsClassifier
    >>> graphs = [nx.path_graph(n) for n in range(4, 12)] + [nx.star_graph(n) for n in range(3, 11)]
    >>> model = GromovNeighborsClassifier(3).fit(graphs, ["path"] * 8 + ["star"] * 8)
    >>> model.predict([nx.path_graph(12), nx.star_graph(11)])
    array(['path', 'star'], dtype='<U4')
    >>> search = model.search([nx.path_graph(12), nx.star_graph(11)])
    >>> search.n_solved.tolist(), search.n_candidates
    ([3, 4], 16)
    """

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphCollection, y: ArrayLike) -> Self:
        """Keep the graphs and their classes.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            Square matrices, sparse matrices, networkx graphs or clouds of points, as ``cost`` says; a tuple of a graph
            and its node weights where the nodes do not weigh the same.
        y : array-like of shape (n_samples,)
            Classes.

        Returns
        -------
        self : GromovNeighborsClassifier
            The fitted classifier.

        Raises
        ------
        TypeError, ValueError
            If a parameter or ``y`` is invalid, X is no collection of graphs, or a graph is invalid (then the message
            has its position), such as a disconnected one with ``cost="hop"``.
        """
        networks = check_networks(X, self.cost)
        y = self._check_targets(networks, y)
        check_classification_targets(y)
        self.classes_, self._codes = np.unique(y, return_inverse=True)
        self._store(networks)
        return self

    def predict_proba(self, X: GraphCollection) -> FloatArray:
        """Shares of the votes.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_queries, n, n)
            See `fit`.

        Returns
        -------
        proba : ndarray of shape (n_queries, n_classes)
            Non-negative, with rows that sum to 1.
        """
        votes = self._votes(X)
        return votes / votes.sum(axis=1, keepdims=True)

    def _votes(self, X):
        """Votes for each class."""
        neighbors, weights = self._weighted_neighbors(X)
        votes = np.zeros((len(weights), len(self.classes_)))
        np.add.at(votes, (np.arange(len(weights))[:, None], self._codes[neighbors]), weights)
        return votes

    def predict(self, X: GraphCollection) -> LabelArray:
        """Class with most votes; the first of `classes_` among equals.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_queries, n, n)
            See `fit`.

        Returns
        -------
        y : ndarray of shape (n_queries,)
            The classes.
        """
        votes = self._votes(X)
        return self.classes_[votes.argmax(axis=1)]


class GromovNeighborsRegressor(RegressorMixin, WeightedNeighbors):
    """Regression on graphs by the mean of their nearest neighbors, without solving all pairs.

    Lower bounds spare a large part of the pairs. The number of those that were solved is in ``search(X).n_solved``,
    since `predict` leaves the estimator as it is.

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of neighbors.
    weights : {"uniform", "distance"}, default="uniform"
        Whether the mean weighs all neighbors alike, or in proportion to 1 over their distance. Neighbors at distance
        zero then share all the weight.
    cost : {"hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"} or callable, default="hop"
        What relates the nodes of a graph; see `GromovSignature`.
    n_random : int, default=0
        Random starts of each solved pair beyond the structured ones.
    n_jobs : int or None, default=None
        Number of threads over queries; None is 1 unless a `joblib.parallel_config` context says otherwise, which may
        also choose processes or a cluster.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the random starts; not used with ``n_random=0``. The result depends neither on ``n_jobs`` nor, up to
        equal distances, on the order of the graphs.

    Attributes
    ----------
    certificate_ : Certificate
        What the neighbors are, undecided as long as there was no search: the certificate of `search` has the checks,
        and what is proved about the exact value.

    See Also
    --------
    GromovNeighbors : The neighbors alone.
    GromovSignature : Vectors for other regressors.

    Examples
    --------
    >>> import networkx as nx
    >>> from statlearn.gromov import GromovNeighborsRegressor
    >>> sizes = [4, 5, 6, 8, 9, 10]
    >>> model = GromovNeighborsRegressor(2).fit([nx.path_graph(n) for n in sizes], sizes)
    >>> model.predict([nx.path_graph(7)])
    array([7.])
    >>> search = model.search([nx.path_graph(7)])
    >>> search.n_solved.tolist(), search.n_candidates
    ([2], 6)
    """

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphCollection, y: ArrayLike) -> Self:
        """Keep the graphs and their targets.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            Square matrices, sparse matrices, networkx graphs or clouds of points, as ``cost`` says; a tuple of a graph
            and its node weights where the nodes do not weigh the same.
        y : array-like of shape (n_samples,)
            Targets.

        Returns
        -------
        self : GromovNeighborsRegressor
            The fitted regressor.

        Raises
        ------
        TypeError, ValueError
            If a parameter or ``y`` is invalid, X is no collection of graphs, or a graph is invalid (then the message
            has its position), such as a disconnected one with ``cost="hop"``.
        """
        networks = check_networks(X, self.cost)
        refuse_dates(y, "y")
        self._targets = self._check_targets(networks, y).astype(np.float64)
        self._store(networks)
        return self

    def predict(self, X: GraphCollection) -> FloatArray:
        """Weighted mean of the targets of the neighbors.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_queries, n, n)
            See `fit`.

        Returns
        -------
        y : ndarray of shape (n_queries,)
            The means.
        """
        neighbors, weights = self._weighted_neighbors(X)
        return np.average(self._targets[neighbors], axis=1, weights=weights)
