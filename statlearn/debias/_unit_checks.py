"""Vectors with an entry per unit, or per calibration pair: outcomes, treatments, weights and labels."""

from numbers import Real

import numpy as np
from sklearn.utils import column_or_1d

from .._support.validation import check_array, check_vector

__all__ = ["check_clusters", "check_labels", "check_outcome", "check_treatment", "check_weights"]


def check_outcome(values, name):
    """A vector of finite numbers, as a new contiguous array of float64; one column is accepted."""
    _refuse_mask(values, name)
    values = check_array(values, dtype=np.float64, ensure_2d=False, input_name=name)
    return np.array(column_or_1d(values))


def check_treatment(treatment, name="treatment"):
    """A vector of zeros and ones, as float64."""
    values = _present_entries(treatment, name, "values")
    are_numbers = values.dtype.kind in "buif" or all(isinstance(value, (Real, np.bool_)) for value in values)
    if not are_numbers or not np.isin(values.astype(np.float64), [0, 1]).all():
        levels = list(dict.fromkeys(map(repr, values.tolist())))
        shown = ", ".join(levels[:4]) + (", ..." if len(levels) > 4 else "")
        raise ValueError(f"{name} must be 1 for treated units and 0 for the others. Got the values {shown}.")
    return values.astype(np.float64)


def check_weights(weights, n_units, name="weights"):
    """Weights that sum to 1."""
    if weights is None:
        return np.full(n_units, 1.0 / n_units)
    weights = check_vector(weights, name, size=n_units)
    if not weights.any():
        raise ValueError(f"{name} must not sum to zero.")
    weights /= weights.max()  # whose sum might overflow
    return weights / weights.sum()


def check_labels(labels, n_units, name, unit="unit"):
    """Distinct labels in increasing order, and their codes from 0 on."""
    given = labels
    labels = _present_entries(labels, name, "labels")
    if labels.size != n_units:
        raise ValueError(f"{name} must have one label per {unit}, {n_units} in all. Got {labels.size}.")
    try:
        distinct, codes = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise TypeError(f"{name} must have labels of one type, such as all strings or all numbers.") from error
    return np.array(distinct.tolist()) if isinstance(given, (list, tuple)) else distinct, codes


def _present_entries(values, name, kind):
    """A vector of entries of any type, none of them missing.

    Lists become objects first: in an array of strings NaN would be a string.
    """
    _refuse_mask(values, name)
    if isinstance(values, (list, tuple)):
        values = np.array(values, dtype=object)
    values = column_or_1d(check_array(values, dtype=None, ensure_2d=False, ensure_all_finite=False, input_name=name))
    missing = np.flatnonzero(_is_missing(values))
    if missing.size:
        raise ValueError(
            f"{name} must not have missing {kind}. Got {missing.size}, the first at position {missing[0]}."
        )
    return values


def _refuse_mask(values, name):
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array. Got one with {np.ma.count_masked(values)} masked entries: leave these "
            "units out."
        )


def _is_missing(labels):
    """Which labels are None, NaN, NaT, or another value that does not equal itself."""
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind in "mM":
        return np.isnat(labels)
    if labels.dtype.kind != "O":
        return np.zeros(labels.size, dtype=bool)
    equal = ((label, label == label) for label in labels.tolist())
    return np.array([label is None or not isinstance(same, (bool, np.bool_)) or not same for label, same in equal])


def check_clusters(clusters, n_units, name="clusters", unit="unit", kept=slice(None)):
    """Codes of the clusters of the ``kept`` units, from 0 on; None without clusters."""
    if clusters is None:
        return None
    distinct, codes = np.unique(check_labels(clusters, n_units, name, unit)[1][kept], return_inverse=True)
    if distinct.size < 2:
        raise ValueError(f"{name} must have at least two labels, for a standard error. Got {distinct.size}.")
    return codes
