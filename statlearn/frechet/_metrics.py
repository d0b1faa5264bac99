"""Label spaces that need no structure: all labels equally far apart, labels on a line, a given matrix."""

from collections.abc import Iterable
from typing import Self

import numpy as np
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform

from .._typing import ArrayLike, FloatArray, IntArray
from ._embedding_metric import CoordinateMetric, check_spread
from ._label_metric import LabelMetric
from ._searches import ENTRIES_AT_ONCE, SLACK, SMALLEST, near_least

__all__ = ["ChainMetric", "DiscreteMetric", "PrecomputedMetric"]

ASYMMETRY = 1e-9  # relative to the largest distance: differences below are rounding
TRIANGLE_EXCESS = 1e-9  # relative to the largest distance
ULTRAMETRIC_GAP = 1e-12  # relative
LARGEST_LINKAGE = 2000  # labels whose distances are compared with those of single linkage
ALL_TRIPLES = 400  # labels of which every triple is tested
N_TRIPLES = 2_000_000  # triples that are tested beyond
TRIPLE_SEED = 0
LARGEST_ENTRY = np.sqrt(np.finfo(np.float64).max)  # squares are finite


class DiscreteSearch:
    """Where F(v) = T - P_v for observed labels and T for others; arguments as for `DenseSearch`. Any power.

    Unobserved labels all have one score, so of those allowed only the first can be predicted.
    """

    def __init__(self, metric, observed, allowed, power):
        column = np.full(metric.n_labels_, -1)
        column[observed] = np.arange(observed.size)
        seen = column[allowed] >= 0
        self.labels = np.sort(np.concatenate([allowed[seen], allowed[~seen][:1]]))
        self.places = np.flatnonzero(column[self.labels] >= 0)
        self.columns, self.width = column[self.labels[self.places]], self.labels.size

    def candidates(self, P):
        """Labels that may minimize; see `DenseSearch.candidates`. O(n_samples n_observed)."""
        totals = np.asarray(P.sum(axis=1)).ravel()
        scores = np.repeat(totals[:, None], self.labels.size, axis=1)
        weights = P[:, self.columns]
        scores[:, self.places] -= weights if isinstance(weights, np.ndarray) else weights.toarray()
        return near_least(scores, self.labels, SLACK * totals)


class DiscreteMetric(LabelMetric):
    """All labels equally far apart: distance 1 between different labels.

    The prediction is the most probable observed label, as of any classifier; no other label is ever predicted. Useful
    as the neutral choice beside metrics that know more.

    Parameters
    ----------
    labels : iterable of str or of numbers
        The labels, all different.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels_,)
        The labels.
    n_labels_ : int
        Their number.

    Examples
    --------
    >>> from statlearn.frechet import DiscreteMetric, frechet_predict
    >>> colors = DiscreteMetric(["blue", "green", "red"])
    >>> frechet_predict([[0.3, 0.7], [0.6, 0.4]], colors, observed=[0, 2])
    array([2, 0])
    """

    searches = {**LabelMetric.searches, "discrete": DiscreteSearch}

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
            0 for the same label, 1 for different ones.
        """
        return np.not_equal.outer(sources, targets).astype(np.float64)

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
        return np.not_equal(sources, targets).astype(np.float64)

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
        return ["discrete", *super().search_names(power)]

    def diameter(self) -> float:
        """Largest distance between two labels.

        Returns
        -------
        diameter : float
            1, or 0 if there is a single label.
        """
        return float(self.n_labels_ > 1)

    def is_ultrametric(self) -> bool:
        """Tell whether d(u, w) is at most the larger of d(u, v) and d(v, w) for all labels.

        Returns
        -------
        answer : bool
            True.
        """
        return True


class ChainMetric(CoordinateMetric):
    r"""Labels on a line: distance :math:`|t_u - t_v|` between labels at values t.

    For ordered classes, ages, sizes, or any target in numbers that a classifier predicts by classes. The prediction is
    the label nearest to the mean of the observed values, :math:`\sum_i P_i t_i / \sum_i P_i`.

    Parameters
    ----------
    values : array-like of shape (n_labels,)
        Where the labels are. Not necessarily ascending.
    labels : iterable of str or of numbers, default=None
        The labels; None for the values themselves, which must then differ from each other.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels_,)
        The labels.
    n_labels_ : int
        Their number.
    values_ : ndarray of float64 of shape (n_labels_,)
        The values.

    Raises
    ------
    ValueError
        If values are no vector of finite numbers, or labels and values differ in number.

    See Also
    --------
    GridMetric : Labels on a grid.
    EmbeddingMetric : Labels at any points.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, frechet_predict
    >>> sizes = ChainMetric([36, 38, 40, 42], labels=["S", "M", "L", "XL"])
    >>> sizes.labels_[frechet_predict([[0.5, 0.5]], sizes, observed=[0, 2])]
    array(['M'], dtype='<U2')
    """

    def __init__(self, values: ArrayLike, labels: Iterable[str] | Iterable[float] | None = None) -> None:
        array = np.asarray(values if hasattr(values, "__array__") else list(values))
        if array.ndim != 1 or array.dtype.kind not in "buif" or not np.isfinite(array).all():
            names = labels is None and array.ndim == 1 and all(isinstance(value, str) for value in array.tolist())
            cure = f": for names use ChainMetric(range({array.size}), labels=[...]), in their order" if names else ""
            raise ValueError(f"values must be a vector of finite numbers. Got {values!r}{cure}.")
        super().__init__(array if labels is None else labels, "l2")
        if array.size != self.n_labels_:
            raise ValueError(f"values must have one entry for each of {self.n_labels_} labels. Got {array.size}.")
        self.values_ = array.astype(np.float64)
        check_spread(self.values_[:, None], "values")
        self.values_.flags.writeable = False

    def coordinates(self, positions: IntArray) -> FloatArray:
        """Coordinates of labels.

        Parameters
        ----------
        positions : ndarray of int of shape (n,)
            Positions of labels.

        Returns
        -------
        coordinates : ndarray of float64 of shape (n, 1)
            Their values.
        """
        return self.values_[positions][:, None]

    def diameter(self) -> float:
        """Largest distance between two labels.

        Returns
        -------
        diameter : float
            The range of the values.
        """
        return float(np.ptp(self.values_))


class PrecomputedMetric(LabelMetric):
    """Distances, or costs of errors, from a matrix.

    Parameters
    ----------
    D : array-like of shape (n_labels, n_labels)
        Distances between labels: symmetric, non-negative, with zeros on the diagonal. Kept in its type, so small
        integers save memory.
    labels : iterable of str or of numbers, default=None
        The labels; None for the names of the rows of a data frame, else 0, 1, ..., n_labels - 1.
    check_metric : bool, default=False
        Whether to refuse distances without the triangle inequality, which predictions do not need: every triple is
        tested of up to 400 labels, and two million random triples beyond.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels_,)
        The labels.
    n_labels_ : int
        Their number.

    Raises
    ------
    TypeError
        If D is not a matrix of real numbers.
    ValueError
        If D is not square, finite, non-negative and symmetric with a diagonal of zeros, or fails the triangle
        inequality when asked to have it.

    See Also
    --------
    GraphMetric : Lengths of paths in a graph.
    EmbeddingMetric : Distances between vectors.

    Examples
    --------
    >>> from statlearn.frechet import PrecomputedMetric, frechet_predict
    >>> hours = PrecomputedMetric([[0, 1, 3], [1, 0, 2], [3, 2, 0]], labels=["Bath", "London", "Paris"])
    >>> frechet_predict([[0.6, 0.4]], hours, observed=[0, 2])
    array([1])

    Costs that depend on the direction of the error; to miss a disease is worse than a false alarm:

    >>> costs = [[0, 1], [10, 0]]  # rows are true labels, columns predicted ones
    >>> test = PrecomputedMetric.from_costs(costs, labels=["healthy", "ill"])
    >>> test.labels_[frechet_predict([[0.8, 0.2]], test, observed=[0, 1])]
    array(['ill'], dtype='<U7')
    """

    def __init__(
        self, D: ArrayLike, labels: Iterable[str] | Iterable[float] | None = None, *, check_metric: bool = False
    ) -> None:
        labels, D = _own_labels(D, labels, "D"), _check_matrix(D, "D")
        if np.diagonal(D).any():
            place = np.flatnonzero(np.diagonal(D))[0]
            raise ValueError(
                f"D must have zeros on its diagonal. Got {D[place, place]} in row {place}. "
                "Costs that are no distances go to PrecomputedMetric.from_costs."
            )
        _check_symmetric(D)
        if check_metric:
            _check_triangles(D)
        self._store(D, labels, 1.0)

    @classmethod
    def from_costs(cls, costs: ArrayLike, labels: Iterable[str] | Iterable[float] | None = None) -> Self:
        """Make a label space from the costs of errors.

        Costs take the place of squared distances, so that with ``power=2``, the default everywhere, the prediction has
        the least expected cost.

        Parameters
        ----------
        costs : array-like of shape (n_labels, n_labels)
            Non-negative cost of predicting the label of a column where that of the row is true; not necessarily
            symmetric.
        labels : iterable of str or of numbers, default=None
            The labels; None for the names of the rows of a data frame, else 0, 1, ..., n_labels - 1.

        Returns
        -------
        metric : PrecomputedMetric
            The label space, with the roots of the costs as distances.

        Raises
        ------
        TypeError
            If costs are not a matrix of real numbers.
        ValueError
            If costs are not square, finite and non-negative.
        """
        metric = cls.__new__(cls)
        metric._store(_check_matrix(costs, "costs"), _own_labels(costs, labels, "costs"), 0.5)
        return metric

    def _store(self, table, labels, exponent):
        """Keep a table whose entries to an exponent are the distances."""
        LabelMetric.__init__(self, range(table.shape[0]) if labels is None else labels)
        if self.n_labels_ != table.shape[0]:
            raise ValueError(
                f"the matrix must have a row for each of {self.n_labels_} labels. Got {table.shape[0]} rows."
            )
        self._table, self._exponent = table, exponent
        self._table.flags.writeable = False

    def quantity(self, power: float) -> str:
        """What the terms of the Fréchet functional are, in words.

        Parameters
        ----------
        power : float
            Power of the distances.

        Returns
        -------
        name : str
            "cost" for costs and ``power=2``.
        """
        if self._exponent == 1.0:
            return super().quantity(power)
        return "cost" if power == 2 else f"cost to the power {power / 2:g}"

    def distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Distances between labels.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels; true ones, if the metric was made from costs.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels; predicted ones, if the metric was made from costs.

        Returns
        -------
        distances : ndarray of float64 of shape (n_sources, n_targets)
            The distances; of costs, their roots.
        """
        return self.powers(sources, targets, 1)

    def powers(self, sources: IntArray, targets: IntArray, power: float) -> FloatArray:
        """Distances to a power.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels; true ones, if the metric was made from costs.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels; predicted ones, if the metric was made from costs.
        power : float
            The power.

        Returns
        -------
        powers : ndarray of float64 of shape (n_sources, n_targets)
            The terms of the Fréchet functional; of costs, for ``power=2``, the costs themselves.
        """
        # Small integers are widened first: their squares would overflow.
        return self._table[np.ix_(sources, targets)].astype(np.float64) ** (self._exponent * power)

    def paired_distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Distances from each source to the target of the same place.

        Parameters
        ----------
        sources, targets : ndarray of int of shape (n,)
            Positions of labels; true ones and predicted ones, if the metric was made from costs.

        Returns
        -------
        distances : ndarray of float64 of shape (n,)
            The distances.
        """
        return self.paired_powers(sources, targets, 1)

    def paired_powers(self, sources: IntArray, targets: IntArray, power: float) -> FloatArray:
        """Distances to a power from each source to the target of the same place.

        Parameters
        ----------
        sources, targets : ndarray of int of shape (n,)
            Positions of labels; true ones and predicted ones, if the metric was made from costs.
        power : float
            The power.

        Returns
        -------
        powers : ndarray of float64 of shape (n,)
            The distances to the power; of costs, for ``power=2``, the costs themselves.
        """
        return self._table[sources, targets].astype(np.float64) ** (self._exponent * power)

    def diameter(self) -> float:
        """Largest distance between two labels.

        Returns
        -------
        diameter : float
            The distance.
        """
        return float(self._table.max()) ** self._exponent

    def is_ultrametric(self) -> bool:
        """Tell whether it is known that d(u, w) is at most the larger of d(u, v) and d(v, w) for all labels.

        Up to 2,000 labels it is found out, from single linkage, whose merges have the same heights exactly then.

        Returns
        -------
        answer : bool
            Whether it is; False for more labels.
        """
        if self.n_labels_ > LARGEST_LINKAGE or np.diagonal(self._table).any():
            return False
        table = self._table.astype(np.float64)  # a power of the distances, which keeps the order of any two
        if not np.array_equal(table, table.T):
            return False
        if self.n_labels_ < 3:
            return True
        apart = squareform(table, checks=False)
        return bool(np.allclose(cophenet(linkage(apart, "single")), apart, rtol=ULTRAMETRIC_GAP, atol=0.0))


def _own_labels(matrix, labels, name):
    """Labels of a matrix: those given, or the names of the rows of a data frame, which columns must share."""
    if labels is not None or not hasattr(matrix, "index") or not hasattr(matrix, "columns"):
        return labels
    if list(matrix.index) != list(matrix.columns):
        raise ValueError(
            f"{name} must have the same labels in the same order in rows and columns. Got rows "
            f"{list(matrix.index)[:5]} and columns {list(matrix.columns)[:5]}: use {name}.loc[labels, labels]."
        )
    return list(matrix.index)


def _check_matrix(matrix, name):
    """A copy of a square matrix of finite non-negative numbers."""
    array = np.array(matrix)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must be a matrix of real numbers. Got an object of type {type(matrix).__name__}.")
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.size == 0:
        raise ValueError(f"{name} must be a square matrix with at least one row. Got shape {array.shape}.")
    if not np.isfinite(array.max()) or array.min() < 0:
        wrong = ~np.isfinite(array) | (array < 0)
        row, column = np.argwhere(wrong)[0]
        raise ValueError(f"{name} must be finite and non-negative. Got {array[row, column]} at ({row}, {column}).")
    if array.max() > LARGEST_ENTRY:
        raise ValueError(f"{name} must have entries whose squares are finite. Got {array.max():g}: scale it.")
    if 0.0 < array.max() < SMALLEST:
        raise ValueError(f"{name} must have entries whose squares are not 0. Got {array.max():g} at most: scale it up.")
    return array


def _check_symmetric(D):
    """Refuse a matrix that is not symmetric, comparing block by block."""
    allowance = ASYMMETRY * float(D.max())
    step = max(1, ENTRIES_AT_ONCE // D.shape[0])
    for start in range(0, D.shape[0], step):
        rows = slice(start, start + step)
        gap = np.abs(D[rows].astype(np.float64) - D[:, rows].T)
        if gap.max() > allowance:
            row, column = np.unravel_index(np.argmax(gap), gap.shape)
            row += start
            raise ValueError(
                f"D must be symmetric. Got {D[row, column]} at ({row}, {column}) and {D[column, row]} at ({column}, "
                f"{row}). Costs that depend on the direction of an error go to PrecomputedMetric.from_costs."
            )


def _check_triangles(D):
    """Refuse distances of which a triple breaks the triangle inequality."""
    allowance = TRIANGLE_EXCESS * float(D.max())
    for u, v, w in _triples(D.shape[0]):
        direct, around = D[u, w].astype(np.float64), D[u, v].astype(np.float64) + D[v, w]
        excess = direct - around
        if excess.max() > allowance:
            place = np.unravel_index(np.argmax(excess), excess.shape)
            u, v, w = (np.broadcast_to(index, excess.shape)[place] for index in (u, v, w))
            raise ValueError(
                f"D must satisfy the triangle inequality. Got {D[u, w]} at ({u}, {w}), more than {D[u, v]} at ({u}, "
                f"{v}) plus {D[v, w]} at ({v}, {w}). Predictions do not need it: pass check_metric=False."
            )


def _triples(n_labels):
    """Broadcastable arrays of triples of positions: all of few labels, random ones of many."""
    if n_labels <= ALL_TRIPLES:
        everything = np.arange(n_labels)
        for v in range(n_labels):
            yield everything[:, None], v, everything[None, :]
    else:
        yield np.random.default_rng(TRIPLE_SEED).integers(n_labels, size=(3, N_TRIPLES))
