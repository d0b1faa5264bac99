"""The order of the classes, and labels as positions in that order."""

from numbers import Real

import numpy as np

from .._support.user_warnings import warn_user
from ..exceptions import ClassOrderWarning

__all__ = ["declared_order", "encode_labels", "refuse_missing", "refuse_objects", "warn_if_unsorted"]


def declared_order(y):
    """Class order that ``y`` itself carries: a pandas ordered categorical or a polars Enum, else None."""
    dtype = getattr(y, "dtype", None)
    categories = getattr(dtype, "categories", None)
    if categories is None:
        return None
    if getattr(dtype, "ordered", type(dtype).__name__ == "Enum"):
        return np.asarray(categories)
    return None


def refuse_missing(y):
    """Raise for labels that are None, NaN, NaT or pandas' NA among objects, naming the first row."""
    labels = np.asarray(y)
    if y is None or labels.dtype != object:
        return  # scikit-learn tells of NaN among numbers
    for row, label in enumerate(labels.ravel().tolist()):
        not_a_number = isinstance(label, float) and label != label
        if label is None or not_a_number or type(label).__name__ in {"NAType", "NaTType"}:
            shown = "NaN" if not_a_number else str(label)
            raise ValueError(f"y has a missing label at row {row}: {shown}. Drop such rows.")


def refuse_objects(y):
    """Raise for labels that are neither strings nor numbers, such as the intervals of ``pandas.cut``."""
    if y.dtype != object:
        return
    kinds = {type(label).__name__ for label in y.tolist() if not isinstance(label, (str, Real))}
    if kinds:
        raise ValueError(
            f"The labels of y are {sorted(kinds)[0]} objects. Give strings or numbers: for intervals, labels=False "
            "in pandas.cut, or y.cat.rename_categories(str)."
        )


def encode_labels(y, *, classes, weights, owner):
    """Ordered classes and the position of every label among them.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    classes : array-like or None
        The order asked for or declared by the data; None sorts the labels.
    weights : ndarray of shape (n_samples,)
        Rows of weight zero count as absent: their labels are not looked at.
    owner : str
        Name in error messages.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,), dtype int64
        0 at rows of weight zero.

    Raises
    ------
    ValueError
        For repeated classes, labels outside ``classes`` and classes without rows.
    """
    present, inverse = np.unique(y[weights > 0.0], return_inverse=True)
    ordered = present if classes is None else _check_classes(classes, present, owner)
    position = {label: index for index, label in enumerate(ordered.tolist())}
    codes = np.zeros(len(y), dtype=np.int64)
    codes[weights > 0.0] = np.array([position[label] for label in present.tolist()], dtype=np.int64)[inverse]
    if classes is None:
        _warn_if_alphabetical(ordered)
    else:
        _check_populated(ordered, present, owner)
    return ordered, codes


def _warn_if_alphabetical(ordered):
    if ordered.size >= 3 and ordered.dtype.kind in "OUST":
        warn_user(
            f"The classes {ordered.tolist()} carry no order and were sorted alphabetically: pass classes= with the "
            "labels from lowest to highest. If an ensemble or a calibration fits this classifier, the order that y had "
            "was lost on the way: set classes=, or give integer codes.",
            ClassOrderWarning,
        )


def warn_if_unsorted(ordered):
    """Warn of scikit-learn's tools, which sort the labels; what they then compute is wrong, and nothing would tell."""
    if ordered.size >= 3 and ordered.tolist() != sorted(ordered.tolist()):
        warn_user(
            f"The classes {ordered.tolist()} do not sort in this order. The fit and its own methods keep it, but "
            "scikit-learn's scorers of probabilities, cross_val_predict, calibration and ensembles take labels as "
            "sorted. Give those integer codes, such as y.cat.codes of a pandas categorical.",
            ClassOrderWarning,
        )


def _check_populated(ordered, present, owner):
    absent = [label for label in ordered.tolist() if label not in present.tolist()]
    if absent:
        raise ValueError(
            f"{owner} got no rows of positive weight for {absent} of classes={ordered.tolist()}: their intercepts "
            "would be infinite. Remove them from classes (or from the categories of y), or add rows."
        )


def _check_classes(classes, present, owner):
    try:
        ordered = np.asarray(classes)
    except ValueError:  # sequences of unequal lengths among the labels
        ordered = np.empty((0, 0))
    labels = ordered.tolist()
    if ordered.ndim != 1 or len(set(labels)) != len(labels):
        raise ValueError(f"classes of {owner} must be a 1-D sequence of distinct labels. Got {classes!r} instead.")
    unknown = sorted(set(present.tolist()) - set(labels), key=str)
    if unknown:
        recoded = all(isinstance(label, int) and 0 <= label < len(labels) for label in unknown)
        cure = " An ensemble may have recoded the labels: give it codes, and leave classes out." if recoded else ""
        raise ValueError(
            f"y contains labels {unknown} that are not in classes={labels}. Add them at their place.{cure}"
        )
    return ordered if present.dtype.kind == "O" else ordered.astype(np.result_type(ordered, present), copy=False)
