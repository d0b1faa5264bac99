"""Classification of the nodes of one graph, with nodes as samples."""

from numbers import Real
from typing import Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.validation import check_sample_weight, check_two_classes, validate_data
from .._typing import ArrayLike, FloatArray, GraphLike, LabelArray
from ._certificates import classifier_certificate
from ._components import DISCONNECTED
from ._engine import KERNEL_CONSTRAINTS, place, restricted
from ._label_scores import (
    LabelScores,
    kernel_ridge,
    label_spreading,
    mean_similarity,
    project_to_simplex,
    support_vectors,
)
from ._node_ids import node_positions
from ._spectral_graph import SpectralGraph, as_graph
from ._spectrum_repair import REPAIRS, repair_spectrum

__all__ = ["NodeKernelClassifier"]

UNLABELED = -1
RULES = {"ridge": kernel_ridge, "similarity": mean_similarity, "svc": support_vectors}
NEEDS_DEFINITE = ("ridge", "svc")
WITH_PROBABILITIES = ("ridge", "lgc")


def _gives_probabilities(model):
    if model.method not in WITH_PROBABILITIES:
        raise AttributeError(f"predict_proba needs method 'ridge' or 'lgc'. Got method={model.method!r}.")
    return True


class NodeKernelClassifier(ClassifierMixin, StatlearnEstimator):
    r"""Classifier of the nodes of one graph from the labels of some of them.

    The graph is a parameter and a sample is a node: X is one column of node ids. So `cross_val_score`, `GridSearchCV`
    over ``kernel``, ``t`` and ``log``, and pipelines work on nodes, the graph is never cut, and test nodes stay in it
    without their labels (transductive learning). Give a `SpectralGraph`: all fits of a search then share its
    eigendecompositions.

    Parameters
    ----------
    graph : array-like or sparse matrix of shape (n, n), DataFrame, networkx.Graph or SpectralGraph
        The graph. For files of skops give an array, a sparse matrix or a `SpectralGraph`, which may be of the others:
        skops writes no networkx graph and no data frame.
    kernel : str, default="scct"
        Name or alias of a measure; see `list_node_kernels`.
    t : float, default=None
        Its parameter on the given ``scale``; None takes the default of the measure.
    log : bool, default=False
        Take the logarithm of every entry.
    scale : {"spectral", "unit", "raw"}, default="spectral"
        What ``t`` means; see `node_kernel`.
    method : {"ridge", "similarity", "svc", "lgc"}, default="ridge"
        Kernel ridge regression on one-hot labels with an intercept; the class with the largest mean similarity to its
        labeled nodes; a support vector machine; or local and global consistency, :math:`F = (I - a S)^{-1} Y`, which
        needs ``kernel="ppr"`` (then a is ``t``) and takes labels -1 as unlabeled.
    reg : float, default=1.0
        Strength of the penalty of "ridge", and 1 / C of "svc", for the centered kernel scaled to a mean diagonal of 1,
        so that it means the same for all kernels. Not used by "similarity" and "lgc", which have no penalty.
    indefinite : {"clip", "shift", "raise"}, default="clip"
        What "ridge" and "svc" do with a kernel that is not positive semi-definite, as most logarithms are not: drop the
        negative part of the spectrum of the centered kernel, add the smallest multiple of the identity, or refuse. The
        certificate says how much was negative.
    disconnected : {"raise", "block", "largest"}, default="raise"
        What to do with a disconnected graph where the kernel needs a connected one: refuse it, use all components, or
        the largest. Each component is scored by its own labels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    scores_ : ndarray of shape (n_nodes, n_classes)
        Scores of all nodes of the graph; the largest wins.
    t_ : float, ndarray or None
        The parameter of the formula.
    certificate_ : Certificate
        The residual of the linear system, the repaired share of the spectrum, and nodes that no label reaches.
    n_features_in_ : int
        1.
    feature_names_in_ : ndarray of shape (1,)
        Name of the column, when X is a data frame.

    See Also
    --------
    GraphKernelKMeans : Clusters nodes without labels.
    NodeKernel : The kernel alone.

    References
    ----------
    F. Fouss, K. Francoisse, L. Yen, A. Pirotte and M. Saerens. An experimental investigation of kernels on graphs for
    collaborative recommendation and semisupervised classification. Neural Networks 31, 2012.
    D. Zhou, O. Bousquet, T. N. Lal, J. Weston and B. Scholkopf. Learning with local and global consistency. 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from statlearn.datasets import make_sbm
    >>> from statlearn.graph import NodeKernelClassifier, SpectralGraph
    >>> graph, y = make_sbm([30, 30], [[0.4, 0.05], [0.05, 0.4]], random_state=0)
    >>> nodes = np.arange(60).reshape(-1, 1)
    >>> model = NodeKernelClassifier(SpectralGraph(graph))
    >>> search = GridSearchCV(model, {"kernel": ["heat", "scct"]}, cv=3).fit(nodes, y)
    >>> bool(search.best_score_ > 0.9)
    True
    """

    _parameter_constraints: dict = {
        "graph": "no_validation",
        **KERNEL_CONSTRAINTS,
        "method": [StrOptions({*RULES, "lgc"})],
        "reg": [Interval(Real, 0, None, closed="neither")],
        "indefinite": [StrOptions(set(REPAIRS))],
        "disconnected": [StrOptions(set(DISCONNECTED))],
    }

    def __init__(
        self,
        graph: GraphLike | SpectralGraph,
        *,
        kernel: str = "scct",
        t: float | None = None,
        log: bool = False,
        scale: Literal["spectral", "unit", "raw"] = "spectral",
        method: Literal["ridge", "similarity", "svc", "lgc"] = "ridge",
        reg: float = 1.0,
        indefinite: Literal["clip", "shift", "raise"] = "clip",
        disconnected: Literal["raise", "block", "largest"] = "raise",
    ) -> None:
        self.graph = graph
        self.kernel = kernel
        self.t = t
        self.log = log
        self.scale = scale
        self.method = method
        self.reg = reg
        self.indefinite = indefinite
        self.disconnected = disconnected

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # one column of ids is no table of features
        tags.input_tags.string = True
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Score all nodes from the labels of some.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
            Ids of the labeled nodes: positions from 0, or names if the graph has names.
        y : array-like of shape (n_samples,)
            Their classes. With ``method="lgc"``, -1 marks nodes without label; for the other methods -1 is a class
            like any other, and nodes without label are left out of X.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the labels; a label of weight 0 counts as absent, one of weight 2 as two. A common
            factor on all of them does nothing to "similarity", is a factor on the scores of "lgc", and does to "ridge"
            and "svc" what dividing ``reg`` by it does: their scores go to those of a constant (the shares of the
            classes with "ridge") as the factor falls to 0, and to the closest fit to the labels that the kernel allows
            as it rises.

        Returns
        -------
        self : NodeKernelClassifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If the graph, a parameter or the data are invalid, if there are fewer than two classes, or if the graph is
            disconnected where the kernel needs a connected one and ``disconnected="raise"``.

        Warns
        -----
        SelfLoopWarning
            If the graph has self-loops.
        """
        graph = as_graph(self.graph)
        proximity, blocks = place(graph, self.kernel, self.t, self.log, self.scale, self.disconnected)
        nodes, onehot, weights = self._check_labels(graph, X, y, sample_weight)
        if self.method == "lgc":
            made, share = self._lgc(graph, proximity, nodes, onehot, weights), None
        else:
            made, share = self._score(graph, proximity, np.concatenate(blocks), nodes, onehot, weights)
        self.t_, self.scores_ = proximity.t, made.scores
        self._reached = made.scores.any(axis=1)
        self._fitted_graph = graph
        self.certificate_ = classifier_certificate(proximity, self.method, made, share, self._reached)
        return self

    def _check_labels(self, graph, X, y, sample_weight):
        nodes = node_positions(graph, self._ids(X, reset=True))
        y = column_or_1d(y)
        check_consistent_length(X, y)
        check_classification_targets(y)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        labeled = weights > 0.0
        if self.method == "lgc":
            labeled &= y != UNLABELED
        self.classes_, codes = np.unique(y[labeled], return_inverse=True)
        check_two_classes(self.classes_, sample_weight, "labeled nodes")
        return nodes[labeled], np.eye(len(self.classes_))[codes], weights[labeled]

    def _ids(self, X, reset):
        X = validate_data(self, X, dtype=None, reset=reset)
        if X.shape[1] != 1:
            raise ValueError(
                f"X must have one column, the ids of nodes. Got shape {X.shape}. The graph is a parameter: "
                "NodeKernelClassifier(graph)."
            )
        return X[:, 0]

    def _lgc(self, graph, proximity, nodes, onehot, weights):
        if proximity.measure.name != "ppr" or proximity.log:
            raise ValueError(
                f"method='lgc' is a personalized PageRank: set kernel='ppr' and log=False. Got {proximity.label!r}."
            )
        return label_spreading(graph, proximity.t, nodes, onehot, weights)

    def _score(self, graph, proximity, kept, nodes, onehot, weights):
        """Scores by component, for no label says anything about another; rows of zeros where there is none."""
        component, inside = graph.component_labels, np.isin(nodes, kept)
        scores, residuals, shares = np.zeros((graph.n_nodes, onehot.shape[1])), [], []
        if not onehot[inside].any(axis=0).all():
            raise ValueError("y has classes without a labeled node in the largest component; use disconnected='block'.")
        for number in np.unique(component[nodes[inside]]):
            members, here = np.flatnonzero(component == number), component[nodes] == number
            places = np.searchsorted(members, nodes[here])
            made, share = self._score_component(graph, proximity, members, places, onehot[here], weights[here])
            scores[members] = made.scores
            residuals.append(made.residual)
            shares.append(share)
        return LabelScores(scores, _largest(residuals)), _largest(shares)

    def _score_component(self, graph, proximity, members, places, onehot, weights):
        present = onehot.any(axis=0)
        if present.sum() == 1:
            return LabelScores(np.tile(present.astype(np.float64), (len(members), 1))), None
        K, share = self._kernel(*restricted(graph, proximity, members))
        made = RULES[self.method](K, places, onehot[:, present], weights, self.reg)
        absent = 0.0 if self.method == "ridge" else made.scores.min() - 1.0
        scores = np.full((len(members), len(present)), absent)
        scores[:, present] = made.scores
        return LabelScores(scores, made.residual), share

    def _kernel(self, graph, proximity):
        """Centered kernel with a mean diagonal of 1, repaired if the rule needs it, and its negative share or None."""
        repair = self.indefinite if self.method in NEEDS_DEFINITE else None

        def compute():
            K, share = proximity.kernel(graph, center=True).matrix, None
            if repair and (proximity.log or not proximity.measure.psd):
                K, share = repair_spectrum(K, repair)
            return K / _mean_diagonal(K, proximity), share

        return graph._remember((*proximity.key, repair), compute)

    def _scores_of(self, X):
        check_is_fitted(self)
        nodes = node_positions(self._fitted_graph, self._ids(X, reset=False))
        unreached = nodes[~self._reached[nodes]]
        if len(unreached):
            raise ValueError(
                f"X has {len(unreached)} nodes, such as the one at position {unreached[0]}, that no path connects to a "
                "labeled node: nothing can be said about them. Label a node of each component, or leave them out of X."
            )
        return self.scores_[nodes]

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Scores of nodes.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
            Ids of nodes of the graph, labeled or not.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes, the score of the second minus that of the first.
        """
        scores = self._scores_of(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: ArrayLike) -> LabelArray:
        """Class with the largest score.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
            Ids of nodes of the graph, labeled or not.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            The classes.

        Raises
        ------
        ValueError
            If a node is unknown, or in a component without a labeled node.
        """
        scores = self._scores_of(X)
        return self.classes_[scores.argmax(axis=1)]

    @available_if(_gives_probabilities)
    def predict_proba(self, X: ArrayLike) -> FloatArray:
        """Shares of the classes; they are not calibrated.

        For "ridge" the point of the probability simplex nearest to the scores, for "lgc" the scores divided by their
        sum.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
            Ids of nodes of the graph, labeled or not.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Non-negative, with rows that sum to 1.
        """
        scores = self._scores_of(X)
        if self.method == "ridge":
            return project_to_simplex(scores)
        scores = np.maximum(scores, np.finfo(np.float64).tiny)
        return scores / scores.sum(axis=1, keepdims=True)


def _largest(values):
    """The largest of those that are known, or None."""
    return max((value for value in values if value is not None), default=None)


def _mean_diagonal(K, proximity):
    mean = float(np.mean(np.abs(np.diag(K))))
    if mean == 0.0:
        raise ValueError(
            f"t={proximity.t!r} makes {proximity.label} the same for all nodes up to rounding: there is nothing to "
            "learn from. Use a t nearer to the default, or log=True where the kernel has a logarithm."
        )
    return mean
