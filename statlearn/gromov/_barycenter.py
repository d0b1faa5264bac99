"""The mean of a collection of graphs in the Gromov-Wasserstein sense."""

from functools import partial
from itertools import cycle
from numbers import Integral, Real
from typing import Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.parallel import run_parallel
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from .._support.validation import check_vector
from .._typing import ArrayLike, FloatArray, GraphCollection, GraphCost, RandomState
from ..certificate import Certificate, Check
from ._barycenter_search import BarycenterProblem, barycenter_of_pot, random_cloud, sampled_cost, variance_bound
from ._certificates import ends
from ._collections import COSTS, check_networks
from ._costs import DenseCost
from ._interval import bound_networks
from ._network import MeasureNetwork

__all__ = ["GromovBarycenter"]

SAME_LOSS = 1e-6  # relative difference of the losses of starts that agree


class GromovBarycenter(CallbackSupportMixin, StatlearnEstimator):
    r"""Mean of graphs of any sizes, as a cost matrix between a given number of nodes.

    Minimizes over the matrix C, with nodes that weigh the same, the mean of the Gromov-Wasserstein values to the
    graphs,

    .. math:: F(C) = \sum_s w_s \min_T \sum_{ijkl} (C_{ij} - C^s_{kl})^2 T_{ik} T_{jl},

    by improving the couplings T and the matrix C in turn from several starts. One start is what POT's
    `gromov_barycenters` finds from a random cloud of points with warm-started plans, so that the loss is never worse.

    Parameters
    ----------
    n_nodes : int, default=10
        Number of nodes of the barycenter.
    cost : {"hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"} or callable, default="hop"
        What relates the nodes of a graph; see `GromovSignature`.
    n_init : int, default=5
        Number of starts besides that of POT: in turn the costs between nodes drawn from one of the graphs (all of a
        graph with ``n_nodes`` nodes; graphs are taken in random order) and a random cloud of points.
    max_iter : int, default=100
        Largest number of updates of C per start.
    tol : float, default=1e-6
        Relative decrease of the loss below which a start has converged.
    n_jobs : int, default=None
        Number of threads; has no influence on the result.
    random_state : int, RandomState instance, Generator or None, default=None
        Draws the starts.

    Attributes
    ----------
    cost_ : ndarray of shape (n_nodes, n_nodes)
        The barycenter: costs between its nodes, symmetric if all graphs are. The order of the nodes means nothing.
    loss_ : float
        Weighted mean of ``values_``.
    loss_lower_ : float
        Proved lower bound of the loss of every matrix, with any number of nodes.
    loss_curve_ : ndarray of shape (n_steps,)
        Loss of the start that won, first and after each update; never increases.
    values_ : ndarray of shape (n_samples,)
        Value of the best coupling found of the barycenter and each graph, an upper bound of the optimal one.
    plans_ : list of ndarray of shape (n_nodes, n_s)
        These couplings. Nodes of weight zero are left out.
    start_losses_ : ndarray of shape (n_init + 1,)
        Loss reached by each start, that of POT first.
    n_iter_ : int
        Number of updates of C of the start that won.
    certificate_ : Certificate
        Whether the start that won has converged, the interval around the least loss, and how far starts agree.

    See Also
    --------
    GromovAligner : Aligns two networks.
    GromovWassersteinDistance : Distances between graphs.

    Notes
    -----
    The couplings of an iteration are followed from those of the last, and all starts of the pair solver are tried at
    every standstill, so that a search ends only where neither helps. There are many local optima: raise ``n_init`` if
    ``start_losses_`` differ much.

    The lower bound is the variance of the graphs in a space of features whose squared distances never exceed the
    Gromov-Wasserstein value. It is far below the loss where graphs differ in more than these features see.

    References
    ----------
    G. Peyre, M. Cuturi and J. Solomon. Gromov-Wasserstein averaging of kernel and distance matrices. ICML 2016.

    Examples
    --------
    >>> import networkx as nx
    >>> import numpy as np
    >>> from statlearn.gromov import GromovBarycenter
    >>> graphs = [nx.cycle_graph(6), nx.cycle_graph(6), nx.path_graph(6)]
    >>> model = GromovBarycenter(6, random_state=0).fit(graphs)
    >>> bool(0.0 < model.loss_lower_ <= model.loss_)
    True
    >>> np.sort(GromovBarycenter(6, random_state=0).fit(graphs[:2]).cost_[0])
    array([0., 1., 1., 2., 2., 3.])
    """

    _parameter_constraints: dict = {
        "n_nodes": [Interval(Integral, 1, None, closed="left")],
        "cost": [StrOptions(set(COSTS)), callable],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        n_nodes: int = 10,
        *,
        cost: GraphCost = "hop",
        n_init: int = 5,
        max_iter: int = 100,
        tol: float = 1e-6,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_nodes = n_nodes
        self.cost = cost
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphCollection, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the barycenter of graphs.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            Square matrices, sparse matrices, networkx graphs or clouds of points, as ``cost`` says; a tuple of a graph
            and its node weights where the nodes do not weigh the same.
        y : None
            Ignored; there for pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the graphs; their sum does not matter.

        Returns
        -------
        self : GromovBarycenter
            The fitted barycenter.

        Raises
        ------
        TypeError, ValueError
            If a parameter or a weight is invalid, X is no collection of graphs, or a graph is invalid (then the message
            has its position), such as a disconnected one with ``cost="hop"``.

        Warns
        -----
        ConvergenceWarning
            If the start that won did not converge within ``max_iter`` updates.
        """
        networks = check_networks(X, self.cost)
        shares = _shares(sample_weight, len(networks))
        problem = BarycenterProblem(networks, shares, self.n_nodes, self.max_iter, self.tol)
        starts = _starts(problem, spawn_generators(self.random_state, self.n_init + 2))
        with fit_progress(self, X, y, max_subtasks=len(starts), sequential=False) as progress:
            tasks = [(problem, start, progress.subtask("start")) for start in starts]
            found = run_parallel(_search, tasks, self.n_jobs)
        best = min(found, key=lambda barycenter: barycenter.loss)
        if not best.converged:
            warn_user(
                f"{type(self).__name__} did not converge in max_iter={self.max_iter} iterations: increase max_iter.",
                ConvergenceWarning,
            )
        self._store(problem, best, found)
        return self

    def _store(self, problem, best, found):
        self.cost_, self.plans_, self.values_ = best.cost, best.plans, best.values
        self.loss_curve_ = np.array(best.history)
        self.loss_, self.n_iter_ = best.loss, len(best.history) - 1
        self.loss_lower_, _ = ends(variance_bound(problem, self.n_jobs), best.loss, problem.rounding)
        self.start_losses_ = np.array([barycenter.loss for barycenter in found])
        self.certificate_ = _certificate(problem, best, self.loss_lower_, self.start_losses_)

    def score_samples(self, X: GraphCollection) -> FloatArray:
        """Minus the Gromov-Wasserstein value between the barycenter and each graph, as far as the solver finds it.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            See `fit`.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            At most 0; a graph is close to the barycenter if its score is large.
        """
        check_is_fitted(self)
        barycenter = MeasureNetwork(DenseCost(self.cost_), np.full(len(self.cost_), 1.0 / len(self.cost_)))
        pairs = [(barycenter, network) for network in check_networks(X, self.cost)]
        return -np.array(run_parallel(_value, pairs, self.n_jobs))

    def score(self, X: GraphCollection, y: object = None) -> float:
        """Minus the mean value between the barycenter and graphs, such as graphs that were held out.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            See `fit`.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        score : float
            The mean of `score_samples`.
        """
        return float(np.mean(self.score_samples(X)))


def _shares(sample_weight, n_networks):
    """Weights of the networks that sum to one."""
    if sample_weight is None:
        return np.full(n_networks, 1.0 / n_networks)
    weights = check_vector(sample_weight, "sample_weight", size=n_networks)
    if not weights.any():
        raise ValueError("sample_weight must have a positive sum. Got only zeros.")
    weights /= weights.max()
    return weights / weights.sum()


def _starts(problem, generators):
    """Functions that make the costs to start from: POT, and in turn nodes of a graph and random clouds."""
    pot, order, *others = generators
    starts = [partial(barycenter_of_pot, problem, pot)]
    networks = cycle(problem.networks[number] for number in order.permutation(len(problem.networks)))
    for number, generator in enumerate(others):
        if number % 2 == 0:
            starts.append(partial(sampled_cost, next(networks), problem.n_nodes, generator))
        else:
            starts.append(partial(random_cloud, problem.n_nodes, generator))
    return starts


def _search(problem, start, progress):
    """One start, told of to the callbacks."""
    with progress:
        return problem.search(start())


def _value(barycenter, network):
    return bound_networks(barycenter, network, lower="sorted").upper


def _certificate(problem, best, lower, losses):
    """What is known of a barycenter: where the search stopped, and the interval around the least loss."""
    bound = problem.worthwhile(best.loss)
    agreement = float(np.mean(losses - best.loss <= max(SAME_LOSS * best.loss, bound)))
    spread = float(np.median(losses) - best.loss)
    return Certificate(
        claim="Neither other couplings that the pair solver finds nor another matrix lowers the loss noticeably.",
        checks=[
            Check("converged", None, None, best.converged, "numerical", f"after {len(best.history) - 1} updates"),
            Check("gain of another update", best.excess, bound, best.excess <= bound, "numerical", "of the matrix"),
            Check("lower bound of the loss", lower, best.loss, lower <= best.loss, "proof", "of any matrix"),
            Check("starts that agree", agreement, None, None, "reported", f"share of {len(losses)} at the least loss"),
            Check("median start above the best", spread, None, None, "reported", "difference of the losses"),
        ],
        assumptions=(
            "the cost between nodes and their weights express what matters about a graph",
            "no barycenter that all starts missed is much better: the problem has many local optima",
            "the number of nodes is right",
        ),
    )
