"""Cross-validation that hides whole classes."""

from collections.abc import Iterator
from heapq import heapify, heapreplace
from numbers import Integral

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from .._typing import ArrayLike, IntArray, LegacyRandomState

__all__ = ["LeaveClassesOut"]


class LeaveClassesOut(BaseCrossValidator):
    """Splitter that hides whole classes: all rows of a class are in the same test part.

    A model then meets only labels that it has not seen in training, so that the score of a test part estimates the
    error on unseen labels. Other splitters say nothing about it: rare labels aside, their training parts have the
    labels of the test parts.

    Classes are dealt so that test parts have about the same number of rows.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    random_state : int, RandomState instance or None, default=None
        Draws the order in which classes are dealt; None takes the largest first, which balances best.

    Raises
    ------
    ValueError
        If ``n_splits`` is less than 2, or there are fewer classes than folds.

    See Also
    --------
    LokiClassifier : Takes it as ``cv``, to choose a temperature for unseen labels.

    Notes
    -----
    Rows to come have seen and unseen labels, in proportions that no cross-validation knows. Their error is the mean of
    that of an ordinary cross-validation and that of this one, weighted by these proportions.

    Examples
    --------
    >>> from statlearn.frechet import LeaveClassesOut
    >>> y = ["ant", "ant", "ant", "bee", "bee", "cat"]
    >>> for train, test in LeaveClassesOut(n_splits=2).split(y, y):
    ...     print(train, test)
    [3 4 5] [0 1 2]
    [0 1 2] [3 4 5]
    """

    n_splits: int
    random_state: LegacyRandomState

    def __init__(self, n_splits: int = 5, *, random_state: LegacyRandomState = None) -> None:
        if not isinstance(n_splits, Integral) or isinstance(n_splits, bool):
            raise TypeError(f"n_splits must be an integer. Got {n_splits!r}.")
        if n_splits < 2:
            raise ValueError(f"n_splits must be at least 2, so that classes are left to train on. Got {n_splits}.")
        self.n_splits = n_splits
        self.random_state = random_state

    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: object = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Make the folds.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            Their classes.
        groups : object, default=None
            Not used.

        Yields
        ------
        train : ndarray of int
            Positions of the training rows.
        test : ndarray of int
            Positions of the rows of the hidden classes.

        Raises
        ------
        ValueError
            If ``y`` has fewer classes than there are folds, or is no vector of classes.
        """
        yield from super().split(X, y, groups)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Number of folds.

        Parameters
        ----------
        X : object, default=None
            Not used.
        y : object, default=None
            Not used.
        groups : object, default=None
            Not used.

        Returns
        -------
        n_splits : int
            The number.
        """
        return self.n_splits

    def _iter_test_masks(self, X=None, y=None, groups=None):
        y = column_or_1d(y)
        check_classification_targets(y)
        classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
        if classes.size < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} folds need as many classes to hide. y has {classes.size}: choose fewer."
            )
        fold_of_class = _deal(counts, self._order(counts), self.n_splits)
        for fold in range(self.n_splits):
            yield fold_of_class[codes] == fold

    def _order(self, counts):
        """The order in which classes are dealt."""
        if self.random_state is None:
            return np.argsort(-counts, kind="stable")
        return check_random_state(self.random_state).permutation(counts.size)


def _deal(counts, order, n_folds):
    """Fold of each class: each class in turn goes to the fold with the fewest rows, the first of them."""
    folds = np.empty(counts.size, dtype=np.intp)
    sizes = [(0, fold) for fold in range(n_folds)]
    heapify(sizes)
    for position in order:
        size, folds[position] = sizes[0]
        heapreplace(sizes, (size + int(counts[position]), int(folds[position])))
    return folds
