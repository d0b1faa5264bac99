"""Folds of a cross-validation whose every training part has every class."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import StratifiedKFold

from .._support._sklearn import _num_samples, _safe_indexing
from .._support.user_warnings import warn_user
from ..exceptions import RareClassWarning

__all__ = ["make_folds", "rows_of"]

DEFAULT_FOLDS = 5  # of cv=None, as in scikit-learn


def make_folds(cv, X, y, codes, weights, classes, *, random_state, metadata):
    """Row positions of the training and the test part of every fold.

    Rows of weight zero count as absent: they are in no part, and the folds of the others do not depend on them.

    Parameters
    ----------
    cv : int, splitter, iterable or None
    X, y : array-like
        The data as the user gave them, shown to a splitter.
    codes : ndarray of shape (n_samples,)
        Class positions.
    weights : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,)
        For messages.
    random_state : int, RandomState instance or None
        Shuffles the rows when ``cv`` is a number.
    metadata : dict
        Keyword arguments of the splitter.

    Returns
    -------
    folds : list of tuple (train, test)

    Raises
    ------
    ValueError
        For splits that are no pairs of rows, a training part without some class, and a test part without rows.
    """
    present = np.flatnonzero(weights > 0.0)
    n_folds = DEFAULT_FOLDS if cv is None else cv
    rows = present
    if isinstance(n_folds, Integral):
        splits = _stratified_splits(codes[present], classes, n_folds, random_state)
    elif hasattr(cv, "split"):
        splits = cv.split(*_visible(X, y, present), **rows_of(metadata, present, codes.size))
    else:
        splits, rows = cv, np.arange(codes.size)
    folds = [_fold(index, split, rows, weights) for index, split in enumerate(splits)]
    if not folds:
        raise ValueError(
            f"cv={cv!r} yields no split. Pass a number of folds, a splitter or an iterable of (train, test) pairs; an "
            "iterator serves one fit only."
        )
    for index, fold in enumerate(folds):
        _check_fold(index, *fold, codes, classes)
    return folds


def rows_of(metadata, rows, n_samples):
    """Metadata at some of the rows; a value that has not one entry per row stays whole."""
    return {
        name: _safe_indexing(value, rows) if _is_per_row(value, n_samples) else value
        for name, value in metadata.items()
    }


def _is_per_row(value, n_samples):
    return not isinstance(value, str) and hasattr(value, "__len__") and _num_samples(value) == n_samples


def _visible(X, y, present):
    """What a splitter sees of the data: the rows of positive weight."""
    return (X, y) if present.size == _num_samples(y) else (_safe_indexing(X, present), _safe_indexing(y, present))


def _fold(index, split, rows, weights):
    """Positions, in all data, of one (train, test) pair over ``rows``, less those of weight zero."""
    try:
        train, test = split
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"cv must yield pairs (train, test) of row positions. Fold {index} is no pair but a {type(split).__name__}."
        ) from error
    train, test = (
        rows[_positions(part, f"{name} part of fold {index}", rows.size)]
        for name, part in (("training", train), ("test", test))
    )
    return train[weights[train] > 0.0], test[weights[test] > 0.0]


def _positions(part, name, size):
    """Row positions of a part that is given by positions or by a boolean mask."""
    positions = np.asarray(part)
    if positions.dtype == bool and positions.shape == (size,):
        return np.flatnonzero(positions)
    if positions.shape == (0,):
        return np.empty(0, dtype=np.int64)
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        found = f"an array of shape {positions.shape} and type {positions.dtype}"
    elif positions.min() < 0 or positions.max() >= size:
        found = f"positions from {positions.min()} to {positions.max()}"
    else:
        return positions
    raise ValueError(
        f"cv: the {name} must be row positions between 0 and {size - 1} or a boolean mask with {size} entries. Got "
        f"{found} instead."
    )


def _check_fold(index, train, test, codes, classes):
    absent = np.bincount(codes[train], minlength=classes.size) == 0
    if absent.any():
        raise ValueError(
            f"The training part of fold {index} has no rows of class {classes[absent].tolist()}: the model would lose "
            "a cut. Use stratified folds, fewer folds, or merge the class with its neighbor."
        )
    if test.size == 0:
        raise ValueError(
            f"The test part of fold {index} has no rows of positive weight: it has no score. Leave the fold out of cv."
        )


def _stratified_splits(codes, classes, n_folds, random_state):
    """Stratified (train, test) positions; rows of classes with a single row stay in every training part."""
    counts = np.bincount(codes, minlength=classes.size)
    lone = counts == 1
    if lone.all():
        raise ValueError(
            f"cv={n_folds} cannot hold out a row: each of the classes {classes.tolist()} has a single one. Add rows, "
            "or use PrestoClassifier with a penalty of your choice."
        )
    smallest = int(counts[~lone].min())
    _warn_about_rare_classes(counts, classes, n_folds, smallest)
    splitter = StratifiedKFold(min(smallest, n_folds), shuffle=random_state is not None, random_state=random_state)
    held, rest = np.flatnonzero(lone[codes]), np.flatnonzero(~lone[codes])
    return [
        (np.append(rest[train], held), rest[test]) for train, test in splitter.split(np.zeros(rest.size), codes[rest])
    ]


def _warn_about_rare_classes(counts, classes, n_folds, smallest):
    lone = classes[counts == 1].tolist()
    reasons = []
    if lone:
        reasons.append(
            f"{_named(lone)} 1 row, fewer than cv={n_folds}: it stays in every training part and is never scored."
        )
    if smallest < n_folds:
        fewest = classes[counts == smallest].tolist()
        reasons.append(f"{_named(fewest)} {smallest} rows, fewer than cv={n_folds}: using {smallest} folds.")
    if reasons:
        warn_user(" ".join(reasons), RareClassWarning)


def _named(labels):
    if len(labels) == 1:
        return f"Class {labels[0]!r} has"
    return f"Each of the classes {labels} has"
