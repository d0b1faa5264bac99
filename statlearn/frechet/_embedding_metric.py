"""Labels at points of a space: distances of coordinates, of embeddings in particular."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import distance_metrics

from .._support.validation import check_array
from .._typing import ArrayLike, FloatArray, IntArray
from ._embedding_search import MeanSearch
from ._label_metric import LabelMetric
from ._searches import SMALLEST

__all__ = ["CoordinateMetric", "EmbeddingMetric", "check_spread"]

NORMS = {"l1": ("cityblock", 1), "l2": ("euclidean", 2)}  # name of the norm: its name in scipy, its order in numpy
EUCLIDEAN = ("euclidean", "l2", "chord")


class CoordinateMetric(LabelMetric):
    """Base class of label spaces whose distances are norms of differences of coordinates.

    Parameters
    ----------
    labels : iterable of str or of numbers
        The labels.
    norm : {"l1", "l2"} or None
        The norm; None where distances are something else, which the subclass defines.
    """

    searches = {**LabelMetric.searches, "mean": MeanSearch}

    def __init__(self, labels, norm):
        super().__init__(labels)
        self.norm = norm

    def coordinates(self, positions):
        """Coordinates of labels.

        Parameters
        ----------
        positions : ndarray of int of shape (n,)
            Positions of labels.

        Returns
        -------
        coordinates : ndarray of float64 of shape (n, n_dimensions)
            The coordinates.
        """
        raise NotImplementedError

    def distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Distances between labels.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels.

        Returns
        -------
        distances : ndarray of float64 of shape (n_sources, n_targets)
            The distances.
        """
        return cdist(self.coordinates(sources), self.coordinates(targets), NORMS[self.norm][0])

    def powers(self, sources: IntArray, targets: IntArray, power: float) -> FloatArray:
        """Distances to a power.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels.
        power : float
            The power.

        Returns
        -------
        powers : ndarray of float64 of shape (n_sources, n_targets)
            The terms of the Fréchet functional.
        """
        if self.norm == "l2" and power == 2:  # no root that would be squared again
            return cdist(self.coordinates(sources), self.coordinates(targets), "sqeuclidean")
        return super().powers(sources, targets, power)

    def paired_distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Distances from each source to the target of the same place.

        Parameters
        ----------
        sources, targets : ndarray of int of shape (n,)
            Positions of labels.

        Returns
        -------
        distances : ndarray of float64 of shape (n,)
            The distances.
        """
        if self.norm is None:
            return super().paired_distances(sources, targets)
        return np.linalg.norm(self.coordinates(sources) - self.coordinates(targets), NORMS[self.norm][1], axis=1)

    def search_names(self, power: float) -> list[str]:
        """Names of the backends that find minimizers for a power.

        Parameters
        ----------
        power : float
            Power of the distances.

        Returns
        -------
        names : list of str
            The names, the fastest first.
        """
        return ["mean"] * (power == 2 and self.norm == "l2") + super().search_names(power)


class EmbeddingMetric(CoordinateMetric):
    r"""Distances between embeddings of labels, such as vectors of the text of class names.

    With the Euclidean distance the Fréchet functional is
    :math:`F(v) = T \|e_v - \mu\|^2 + \text{const}`, with the mean embedding :math:`\mu = \sum_i P_i e_i / T` of weights
    of sum T, so the prediction is the label nearest to the mean embedding. This is found without distances between
    labels, by a k-d tree in few dimensions and by one matrix product beyond. It is the rule of [1]_, with the
    Euclidean distance in place of the cosine.

    Parameters
    ----------
    E : array-like of shape (n_labels, n_dimensions)
        One embedding per label.
    labels : iterable of str or of numbers, default=None
        The labels; None for the index of a data frame, else 0, 1, ..., n_labels - 1.
    metric : str or callable, default="euclidean"
        The distance: "euclidean"; "chord", the Euclidean distance of embeddings scaled to length 1, which is
        :math:`\sqrt{2 - 2 \cos}`, has the order of the cosine distance and stays as fast; a function of two vectors, or
        a name in `sklearn.metrics.pairwise.distance_metrics`, such as "cosine", "manhattan" or "haversine", for which
        distances are made block by block.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels_,)
        The labels.
    n_labels_ : int
        Their number.
    embeddings_ : ndarray of shape (n_labels, n_dimensions)
        The embeddings; for "chord" scaled to length 1.
    metric : str or callable
        The distance.
    norm : {"l2"} or None
        "l2" if distances are Euclidean distances of ``embeddings_``.

    Raises
    ------
    ValueError
        If E is no table of finite numbers, squared distances overflow, the metric is unknown, a vector of length zero
        has no chord, or labels and embeddings differ in number.

    See Also
    --------
    ChainMetric : Labels on a line.
    PrecomputedMetric : Distances from elsewhere.

    References
    ----------
    .. [1] Norouzi et al. (2014). "Zero-Shot Learning by Convex Combination of Semantic Embeddings". ICLR 2014,
       arXiv:1312.5650.

    Examples
    --------
    A classifier that knows three cities places a customer in a fourth:

    >>> from statlearn.frechet import EmbeddingMetric, frechet_predict
    >>> cities = ["Bonn", "Hamburg", "Hannover", "Munich"]
    >>> degrees = EmbeddingMetric([[50.7, 7.1], [53.6, 10.0], [52.4, 9.7], [48.1, 11.6]], cities)
    >>> bonn_hamburg_munich = degrees.index_of(["Bonn", "Hamburg", "Munich"])
    >>> degrees.labels_[frechet_predict([[0.4, 0.5, 0.1]], degrees, bonn_hamburg_munich)]
    array(['Hannover'], dtype='<U8')
    """

    def __init__(
        self,
        E: ArrayLike,
        labels: Iterable[str] | Iterable[float] | None = None,
        metric: str | Callable[..., Any] = "euclidean",
    ) -> None:
        _check_metric_name(metric)
        if labels is None and hasattr(E, "index") and hasattr(E, "columns"):
            labels = list(E.index)
        E = check_array(E, dtype=np.float64, copy=True, input_name="E")
        super().__init__(range(E.shape[0]) if labels is None else labels, "l2" if metric in EUCLIDEAN else None)
        if self.n_labels_ != E.shape[0]:
            raise ValueError(f"E must have a row for each of {self.n_labels_} labels. Got {E.shape[0]} rows.")
        self.metric = metric
        self.embeddings_ = _unit_rows(E, self.labels_) if metric == "chord" else E
        check_spread(self.embeddings_, "E")
        self.embeddings_.flags.writeable = False

    def coordinates(self, positions: IntArray) -> FloatArray:
        """Embeddings of labels.

        Parameters
        ----------
        positions : ndarray of int of shape (n,)
            Positions of labels.

        Returns
        -------
        coordinates : ndarray of float64 of shape (n, n_dimensions)
            The embeddings.
        """
        return self.embeddings_[positions]

    def distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Distances between labels.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels.

        Returns
        -------
        distances : ndarray of float64 of shape (n_sources, n_targets)
            The distances.
        """
        if self.norm is not None:
            return super().distances(sources, targets)
        apart = pairwise_distances(self.embeddings_[sources], self.embeddings_[targets], metric=self.metric)
        if apart.min() < 0.0:
            raise ValueError(f"metric must give no negative distance. {self.metric!r} gave {apart.min():g}.")
        apart[np.equal.outer(sources, targets)] = 0.0  # not the rounding of a matrix product
        return apart


def check_spread(points, name):
    """Refuse points so far apart that a squared distance overflows, or so near that all vanish.

    Parameters
    ----------
    points : ndarray of float64 of shape (n_points, n_dimensions)
        Finite coordinates.
    name : str
        Name of the argument in messages.

    Raises
    ------
    ValueError
        If the squared diagonal of the box around the points is not finite, or is 0 though the box is not a point.
    """
    extent = np.ptp(points, axis=0).max()
    if 0.0 < extent < SMALLEST:
        raise ValueError(f"{name} must have distances whose squares are not 0. Got {extent:g} at most: scale it up.")
    with np.errstate(over="ignore"):
        if not np.isfinite(np.square(np.ptp(points, axis=0)).sum()):
            raise ValueError(f"{name} must have finite squared distances. Got {np.abs(points).max():g}: scale it.")


def _check_metric_name(metric):
    names = sorted({*EUCLIDEAN, *distance_metrics()} - {"precomputed"})
    if not (callable(metric) or (isinstance(metric, str) and metric in names)):
        raise ValueError(
            f"metric must be a function of two vectors or one of {names}. Got {metric!r}. For a matrix of distances "
            "use PrecomputedMetric; for distances scaled by variances, scale E."
        )


def _unit_rows(E, labels):
    """Rows scaled to length one, through their largest entry so that no square vanishes."""
    largest = np.abs(E).max(axis=1, keepdims=True)
    if (largest == 0.0).any():
        zero = labels[np.argmin(largest[:, 0])].item()
        raise ValueError(f"E must have no row of zeros if metric='chord'. Got one for label {zero!r}.")
    E = E / largest
    return E / np.linalg.norm(E, axis=1, keepdims=True)
