"""Vectors with an entry per unit, or per calibration pair: outcomes, treatments, weights and labels."""

import numpy as np
from sklearn.utils import check_array, column_or_1d

from .._support.validation import check_vector

__all__ = ["check_clusters", "check_labels", "check_outcome", "check_treatment", "check_weights"]


def check_outcome(values, name):
    """A vector of finite numbers, as a new contiguous array of float64; one column is accepted."""
    values = check_array(values, dtype=np.float64, ensure_2d=False, input_name=name)
    return np.array(column_or_1d(values))


def check_treatment(treatment, name="treatment"):
    """A vector of zeros and ones, as float64."""
    values = column_or_1d(check_array(treatment, dtype=None, ensure_2d=False, input_name=name))
    levels = np.unique(values)
    if values.dtype.kind not in "buif" or not np.isin(levels, [0, 1]).all():
        shown = ", ".join(map(str, levels[:4].tolist())) + (", ..." if levels.size > 4 else "")
        raise ValueError(f"{name} must be 1 for treated units and 0 for the others. Got the values {shown}.")
    return values.astype(np.float64)


def check_weights(weights, n_units, name="weights"):
    """Weights that sum to 1."""
    if weights is None:
        return np.full(n_units, 1.0 / n_units)
    weights = check_vector(weights, name, size=n_units)
    if not weights.any():
        raise ValueError(f"{name} must not sum to zero.")
    return weights / weights.sum()


def check_labels(labels, n_units, name, unit="unit"):
    """Distinct labels in increasing order, and their codes from 0 on."""
    labels = check_array(labels, dtype=None, ensure_2d=False, ensure_all_finite=False, input_name=name)
    labels = column_or_1d(labels)
    if labels.size != n_units:
        raise ValueError(f"{name} must have one label per {unit}, {n_units} in all. Got {labels.size}.")
    missing = np.flatnonzero(_is_missing(labels))
    if missing.size:
        raise ValueError(
            f"{name} must not have missing labels. Got {missing.size}, the first at position {missing[0]}."
        )
    try:
        return np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise TypeError(f"{name} must have labels of one type, such as all strings or all numbers.") from error


def _is_missing(labels):
    """Which labels are None, NaN, or another value that does not equal itself."""
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind != "O":
        return np.zeros(labels.size, dtype=bool)
    equal = ((label, label == label) for label in labels.tolist())
    return np.array([label is None or not isinstance(same, bool) or not same for label, same in equal], dtype=bool)


def check_clusters(clusters, n_units, name="clusters", unit="unit"):
    """Codes of clusters from 0 on; None without clusters."""
    if clusters is None:
        return None
    distinct, codes = check_labels(clusters, n_units, name, unit)
    if distinct.size < 2:
        raise ValueError(f"{name} must have at least two labels, for a standard error. Got {distinct.size}.")
    return codes
