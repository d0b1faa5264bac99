"""What a label space is: labels, and the distances between them."""

from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np

from .._typing import ArrayLike, FloatArray, IntArray
from ._searches import ENTRIES_AT_ONCE, DenseSearch, RowsSearch

__all__ = ["LabelMetric", "as_labels"]

NAMED = 5  # labels in a message
FEW_TO_COMPARE = 5000  # labels among which one of similar spelling is sought


def as_labels(labels, name="labels"):
    """Labels as a read-only vector that numpy can sort.

    Parameters
    ----------
    labels : iterable of str or of numbers
        The labels, all different.
    name : str, default="labels"
        Name of the argument in messages.

    Returns
    -------
    labels : ndarray of shape (n_labels,)
        The labels, in the order given.

    Raises
    ------
    TypeError
        If labels are neither all strings nor all real numbers.
    ValueError
        If there are none, they are not a vector, one is NaN, or one is there twice.
    """
    if not isinstance(labels, Iterable) or isinstance(labels, str | bytes | set | frozenset):
        raise TypeError(f"{name} must be a sequence of labels. Got {labels!r}.")
    values = list(labels)
    _check_types(values, name)
    array = np.array(values)
    if array.size == 0:
        raise ValueError(f"{name} must have at least one label. Got none.")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} must not contain NaN. Got {_few(values)}.")
    unique, counts = np.unique(array, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f"{name} must be different from each other. More than once there: {_few(unique[counts > 1])}.")
    array.flags.writeable = False
    return array


def _check_types(values, name):
    """Refuse labels that cannot be compared with each other."""
    if not (all(isinstance(value, str) for value in values) or all(_is_number(value) for value in values)):
        raise TypeError(f"{name} must be all strings or all real numbers, to be sorted. Got {_few(values)}.")


def _is_number(value):
    return isinstance(value, int | float | np.number | np.bool_) and not isinstance(value, np.complexfloating)


def _few(values):
    named = ", ".join(repr(str(value)) if isinstance(value, str) else str(value) for value in values[:NAMED])
    return f"[{named}{', ...' if len(values) > NAMED else ''}]"


class LabelMetric:
    r"""Base class of label spaces: labels, and the distances between them.

    Functions name labels by their position in ``labels_``; this order also decides between tied labels. A label space
    does not change once it is made, so copies share it.

    To write a new one, inherit, call ``super().__init__(labels)`` and give it a method `distances`. Everything else
    then works, by sums over blocks of distances.

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

    See Also
    --------
    TreeMetric : Nodes of a tree.
    GraphMetric : Nodes of a graph.
    GridMetric : Points of a grid.
    ChainMetric : Values on a scale.
    EmbeddingMetric : Vectors.
    PrecomputedMetric : A table of distances, or of costs.
    DiscreteMetric : All labels equally far apart.

    Examples
    --------
    Hours on a clock:

    >>> import numpy as np
    >>> from statlearn.frechet import LabelMetric, frechet_predict
    >>> class ClockMetric(LabelMetric):
    ...     def distances(self, sources, targets):
    ...         apart = np.abs(np.subtract.outer(self.labels_[sources], self.labels_[targets]))
    ...         return np.minimum(apart, 12.0 - apart)
    >>> clock = ClockMetric(range(12))
    >>> clock.labels_[frechet_predict([[0.5, 0.5]], clock, observed=[11, 1])]
    array([0])
    """

    is_tree = False  # whether distances are lengths of paths in a tree whose every node is a label
    searches = {"dense": DenseSearch, "rows": RowsSearch}  # name of a backend: class of the search

    def __init__(self, labels: Iterable[str] | Iterable[float]) -> None:
        self.labels_ = as_labels(labels)
        self._order = np.argsort(self.labels_, kind="stable")

    def __repr__(self):
        return f"{type(self).__name__}({self.n_labels_} labels)"

    def __deepcopy__(self, memo):
        return self

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_latest_search"}

    @property
    def n_labels_(self) -> int:
        """Number of labels."""
        return self.labels_.size

    def distances(self, sources: IntArray, targets: IntArray) -> FloatArray:
        """Distances between labels.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels; true ones where the two sides differ.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels; predicted ones where the two sides differ.

        Returns
        -------
        distances : ndarray of float64 of shape (n_sources, n_targets)
            The distances.
        """
        raise NotImplementedError(f"{type(self).__name__} must define distances(sources, targets).")

    def powers(self, sources: IntArray, targets: IntArray, power: float) -> FloatArray:
        """Distances to a power, the terms of the Fréchet functional.

        Parameters
        ----------
        sources : ndarray of int of shape (n_sources,)
            Positions of labels; true ones where the two sides differ.
        targets : ndarray of int of shape (n_targets,)
            Positions of labels; predicted ones where the two sides differ.
        power : float
            The power.

        Returns
        -------
        powers : ndarray of float64 of shape (n_sources, n_targets)
            The distances to the power.
        """
        return self.distances(sources, targets) ** power

    def quantity(self, power: float) -> str:
        """What the terms of the Fréchet functional are, in words.

        Parameters
        ----------
        power : float
            Power of the distances.

        Returns
        -------
        name : str
            Such as "squared distance".
        """
        return "squared distance" if power == 2 else f"distance to the power {power:g}"

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
        distinct, place = np.unique(sources, return_inverse=True)
        found = np.empty(len(sources))
        for position, source in enumerate(distinct):
            members = np.flatnonzero(place == position)
            found[members] = self.distances(np.array([source]), np.asarray(targets)[members])[0]
        return found

    def paired_powers(self, sources: IntArray, targets: IntArray, power: float) -> FloatArray:
        """Distances to a power from each source to the target of the same place.

        Parameters
        ----------
        sources, targets : ndarray of int of shape (n,)
            Positions of labels.
        power : float
            The power.

        Returns
        -------
        powers : ndarray of float64 of shape (n,)
            The distances to the power.
        """
        return self.paired_distances(sources, targets) ** power

    def diameter(self) -> float:
        """Largest distance between two labels, from all distances, block by block.

        Returns
        -------
        diameter : float
            The distance.
        """
        everything = np.arange(self.n_labels_)
        step = max(1, ENTRIES_AT_ONCE // self.n_labels_)
        blocks = (everything[start : start + step] for start in range(0, self.n_labels_, step))
        return max(float(self.distances(block, everything).max()) for block in blocks)

    def search_names(self, power: float) -> list[str]:
        """Names of the backends that find minimizers.

        Parameters
        ----------
        power : float
            Power of the distances.

        Returns
        -------
        names : list of str
            The fastest first.
        """
        return ["rows", "dense"]

    def is_ultrametric(self) -> bool:
        """Tell whether it is known that d(u, w) is at most the larger of d(u, v) and d(v, w) for all labels.

        Returns
        -------
        answer : bool
            False where nothing is known.
        """
        return False

    def _near(self, unknown):
        """A hint at a label that is spelled nearly the same, where there are few enough to look."""
        if not isinstance(unknown, str) or self.n_labels_ > FEW_TO_COMPARE:
            return ""
        near = get_close_matches(unknown, self.labels_.tolist(), n=1)
        return f" Did you mean {near[0]!r}?" if near else ""

    def index_of(self, labels: ArrayLike, name: str = "y") -> IntArray:
        """Positions of labels.

        Parameters
        ----------
        labels : array-like of shape (n,)
            Some of the labels.
        name : str, default="y"
            Name of the argument in messages.

        Returns
        -------
        indices : ndarray of int of shape (n,)
            Their positions in ``labels_``.

        Raises
        ------
        TypeError
            If they are neither all strings nor all real numbers.
        ValueError
            If one of them is not a label.
        """
        labels = np.asarray(labels)
        if labels.ndim != 1:
            raise ValueError(
                f"{name} must be a vector of labels. Got an array of shape {labels.shape}. Points of a grid become "
                "positions by numpy.ravel_multi_index."
            )
        if labels.size == 0:
            return np.empty(0, dtype=np.intp)
        if labels.dtype.kind == "O":
            _check_types(labels.ravel().tolist(), name)
        if labels.dtype.kind == "u" and self.labels_.dtype.kind == "i" and labels.max() <= np.iinfo(np.int64).max:
            labels = labels.astype(np.int64)  # the two types would be compared as floats
        if (labels.dtype.kind in "UO") != (self.labels_.dtype.kind == "U"):
            raise ValueError(
                f"{name} and the labels of the metric must have the same type. Got {_few(labels.ravel())} and the "
                f"labels {_few(self.labels_)}."
            )
        place = np.searchsorted(self.labels_, labels, sorter=self._order)
        indices = self._order[np.minimum(place, self.n_labels_ - 1)]
        unknown = np.unique(labels[self.labels_[indices] != labels])
        if unknown.size:
            space = "the metric" if name == "label_space" else "label_space"
            raise ValueError(
                f"{name} contains labels not in {space}: {_few(unknown)}.{self._near(unknown[0])} The labels of "
                f"{self!r} are {_few(self.labels_)}."
            )
        return indices
