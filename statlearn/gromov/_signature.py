"""Vectors of graphs whose squared Euclidean distances never exceed their Gromov-Wasserstein value."""

from collections.abc import Callable
from numbers import Integral
from typing import Literal, NamedTuple, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._kernels.transport import block_quantiles
from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.progress import CallbackSupportMixin, fit_progress
from .._typing import FloatArray, GraphCollection, GraphCost, NameArray
from ._bounds import sorted_points
from ._collections import COSTS, check_networks
from ._set_certificates import signature_certificate

__all__ = ["GromovSignature"]

EIGENVALUE_NOISE = (
    1e-14  # relative to the costs: below, an eigenvalue is zero but for rounding, which a scaler would see
)
NETWORKS_PER_STEP = 64  # between two reports of progress


class Block(NamedTuple):
    """Consecutive features of a signature: their names, what computes them, and the factor they get."""

    names: list
    compute: Callable
    factor: float

    def features(self, network):
        """Values for one network, shape (n_names,)."""
        return self.factor * self.compute(network, len(self.names))


# A square cost is the sum of a symmetric and an antisymmetric one, C = S + A, and the cross terms of the objective
# cancel: objective(T; C) = objective(T; S) + objective(T; A) for every coupling T. The rows of S deviate from the mean
# by a = (r + c) / 2 and those of A by b = (r - c) / 2, for row and column deviations r and c of C. The residuals of S
# and A are the parts of a Hermitian matrix, the residual of S + i A, with the same objective, so that its signed
# eigenvalues bound it as they do for symmetric costs (see `_bounds.spectral_gap`):
#
#     GW2 >= (m1 - m2)^2 + 2 W2^2(a1, a2) + 2 W2^2(b1, b2) + |l+(1) - l+(2)|^2 + |l-(1) - l-(2)|^2,
#
# whether none, one or both of the costs are symmetric. Each term is a squared distance that the features below can
# only shrink: block averages project quantile functions, and leading eigenvalues are some of all.


def _mean(network, size):
    return np.array([network.mean])


def _deviation(network, size):
    return _quantiles((network.row_deviation + network.column_deviation) / 2.0, network.weights, size)


def _imbalance(network, size):
    return _quantiles((network.row_deviation - network.column_deviation) / 2.0, network.weights, size)


def _entry(network, size):
    return _quantiles(network.dense.ravel(), np.outer(network.weights, network.weights).ravel(), size)


def _eigenvalue(network, size):
    noise = EIGENVALUE_NOISE * network.row_rms.max()
    return np.concatenate(
        [_leading(np.where(values > noise, values, 0.0), size // 2) for values in network.residual_spectrum]
    )


def _quantiles(values, weights, size):
    """Block averages of a quantile function, scaled so that squared distances are at most W2^2."""
    values, weights = sorted_points(values, weights)
    return block_quantiles(values[None, :], weights[None, :], size)[0] / np.sqrt(size)


def _leading(values, size):
    result = np.zeros(size)
    result[: min(size, values.size)] = values[:size]
    return result


def _numbered(name, size):
    return [f"{name}_{i}" for i in range(size)]


def _hoeffding_blocks(n_quantiles, n_eigenvalues, directed, factor):
    """The terms of the inequality above; undirected graphs have no imbalance."""
    root = np.sqrt(2.0) * factor
    blocks = [Block(["mean"], _mean, factor), Block(_numbered("deviation", n_quantiles), _deviation, root)]
    if directed:
        blocks.append(Block(_numbered("imbalance", n_quantiles), _imbalance, root))
    names = [*_numbered("positive_eigenvalue", n_eigenvalues), *_numbered("negative_eigenvalue", n_eigenvalues)]
    return [*blocks, Block(names, _eigenvalue, factor)]


def _entry_blocks(n_quantiles, n_eigenvalues, directed, factor):
    """The second lower bound."""
    return [Block(_numbered("entry", n_quantiles), _entry, factor)]


KINDS = {
    "hoeffding": (_hoeffding_blocks,),
    "slb": (_entry_blocks,),
    "both": (_hoeffding_blocks, _entry_blocks),  # half of the one bound and half of the other
}


class GromovSignature(CallbackSupportMixin, TransformerMixin, StatlearnEstimator):
    r"""Vectors of graphs, with squared Euclidean distances that never exceed Gromov-Wasserstein.

    For signatures s of two graphs with costs C and D and any node weights,

    .. math:: |s(C) - s(D)|^2 \le GW_2(C, D) = \min_T \sum_{ijkl} (C_{ij} - D_{kl})^2 T_{ik} T_{jl},

    where T runs over the couplings of the node weights (no factor 1/2, no root). A graph has its signature by itself:
    a collection costs one pass instead of one optimization per pair, and everything that works on Euclidean vectors
    works on graphs of any sizes, such as a radial basis function kernel, which is positive semi-definite here, k-d
    trees and linear models. The converse does not hold: graphs that are not isomorphic may share their signature.

    Parameters
    ----------
    cost : {"hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"} or callable, default="hop"
        What relates the nodes of a graph; see `graph_cost` for the first three. "precomputed" takes square matrices,
        sparse matrices or cost objects as they are; the last two take clouds of points and the distances in them. A
        callable maps one graph to a matrix, such as ``functools.partial(graph_cost, unreachable="max+1")``.
    kind : {"hoeffding", "slb", "both"}, default="hoeffding"
        Mean of the costs, quantiles of the deviations of the nodes and leading eigenvalues of the residual; quantiles
        of all costs; or both, each with half the weight.
    n_quantiles : int, default=64
        Number K of equal blocks over which each quantile function is averaged. More see more, up to the number of
        nodes (of pairs of nodes for the costs).
    n_eigenvalues : int, default=16
        Number of leading eigenvalues of each sign; not used by ``kind="slb"``.

    Attributes
    ----------
    directed_ : bool
        Whether a graph in ``fit`` had an asymmetric cost. The signature then has a block for the imbalance between
        rows and columns. Without that block, directed graphs in ``transform`` keep the guarantee and lose the term.
    certificate_ : Certificate
        The guarantee, and how much of the variance of the costs the signatures keep.

    See Also
    --------
    GromovWassersteinDistance : Bounds and values for pairs of graphs, without truncation.

    Notes
    -----
    With the mean m of a cost, the deviations a of the nodes and the doubly centered residual h,

    .. math:: s = \Big(m,\; \sqrt{2/K}\, Q_K(a),\; \lambda^+(h),\; \lambda^-(h)\Big),

    where :math:`Q_K` are averages of the quantile function over K equal blocks, and :math:`\lambda^\pm` the leading
    positive and absolute negative eigenvalues of :math:`\mathrm{diag}(\sqrt p)\, h\, \mathrm{diag}(\sqrt p)`. A graph
    with an asymmetric cost counts by its symmetric and antisymmetric parts.

    References
    ----------
    F. Memoli (2011). "Gromov-Wasserstein distances and the metric approach to object matching". Foundations of
    Computational Mathematics 11, sections 6 and 7 (lower bounds).

    Examples
    --------
    >>> import networkx as nx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from statlearn.gromov import GromovSignature
    >>> graphs = [nx.path_graph(n) for n in range(4, 9)] + [nx.star_graph(n) for n in range(3, 8)]
    >>> y = ["path"] * 5 + ["star"] * 5
    >>> model = make_pipeline(GromovSignature(n_quantiles=8, n_eigenvalues=2), SVC()).fit(graphs, y)
    >>> model.predict([nx.path_graph(9), nx.star_graph(8)])
    array(['path', 'star'], dtype='<U4')
    """

    _parameter_constraints: dict = {
        "cost": [StrOptions(set(COSTS)), callable],
        "kind": [StrOptions(set(KINDS))],
        "n_quantiles": [Interval(Integral, 1, None, closed="left")],
        "n_eigenvalues": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        cost: GraphCost = "hop",
        kind: Literal["hoeffding", "slb", "both"] = "hoeffding",
        *,
        n_quantiles: int = 64,
        n_eigenvalues: int = 16,
    ) -> None:
        self.cost = cost
        self.kind = kind
        self.n_quantiles = n_quantiles
        self.n_eigenvalues = n_eigenvalues

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: GraphCollection, y: object = None) -> Self:
        """Check the graphs and fix the layout of the signatures.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            Square matrices, sparse matrices, networkx graphs or clouds of points, as ``cost`` says; a tuple of a graph
            and its node weights where the nodes do not weigh the same.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        self : GromovSignature
            The fitted transformer.

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, X is no collection of graphs, or a graph is invalid (then the message has its
            position), such as a disconnected one with ``cost="hop"``.
        """
        self._fit(X, y)
        return self

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: GraphCollection, y: object = None) -> FloatArray:
        """Fit and return the signatures of the same graphs.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            See `fit`.
        y : None
            Ignored; there for pipelines.

        Returns
        -------
        signatures : ndarray of shape (n_samples, n_features_out)
            One row per graph.
        """
        return self._fit(X, y)

    def _fit(self, X, y):
        networks = check_networks(X, self.cost)
        self.directed_ = not all(network.is_symmetric for network in networks)
        signatures = np.empty((len(networks), len(self._feature_names())))
        n_steps = -(-len(networks) // NETWORKS_PER_STEP)
        with fit_progress(self, X, y, max_subtasks=n_steps) as progress:
            for start in range(0, len(networks), NETWORKS_PER_STEP):
                rows = slice(start, start + NETWORKS_PER_STEP)
                signatures[rows] = self._signatures(networks[rows])
                progress.step()
        self.certificate_ = signature_certificate(signatures, networks)
        return signatures

    def _blocks(self):
        parts = KINDS[self.kind]
        factor = 1.0 / np.sqrt(len(parts))
        return [block for part in parts for block in part(self.n_quantiles, self.n_eigenvalues, self.directed_, factor)]

    def _feature_names(self):
        return [name for block in self._blocks() for name in block.names]

    def _signatures(self, networks):
        blocks = self._blocks()
        return np.array([np.concatenate([block.features(network) for block in blocks]) for network in networks])

    def transform(self, X: GraphCollection) -> FloatArray:
        """Compute the signatures of graphs.

        Parameters
        ----------
        X : list or series of graphs, or array of shape (n_samples, n, n)
            See `fit`.

        Returns
        -------
        signatures : ndarray of shape (n_samples, n_features_out)
            One row per graph.

        Raises
        ------
        TypeError, ValueError
            If X is no collection of graphs, or a graph is invalid.
        """
        check_is_fitted(self)
        return self._signatures(check_networks(X, self.cost))

    def get_feature_names_out(self, input_features: object = None) -> NameArray:
        """Names of the features.

        Parameters
        ----------
        input_features : None
            Ignored: graphs have no features.

        Returns
        -------
        names : ndarray of shape (n_features_out,)
            Such as ``"mean"``, ``"deviation_0"`` or ``"positive_eigenvalue_0"``.
        """
        check_is_fitted(self)
        return np.asarray(self._feature_names(), dtype=object)
