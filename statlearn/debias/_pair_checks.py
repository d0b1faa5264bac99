"""The door of functions of pairs: the truth first, then what predicts it."""

import numpy as np

from .._support.data_frames import check_same_index
from .._support.validation import check_vector
from ._calibration_sample import CalibrationSample
from ._unit_checks import check_outcome

__all__ = ["check_pairs", "check_vectors"]

FEWEST = 3  # pairs, for a line with a standard error


def check_vectors(y_true, y_pred, sample_weight=None, **labels):
    """Truth, predictions and weights as vectors of as many finite numbers; of labels only the index is looked at."""
    check_same_index(y_true=y_true, y_pred=y_pred, sample_weight=sample_weight, **labels)
    truth, predictions = check_outcome(y_true, "y_true"), check_outcome(y_pred, "y_pred")
    if predictions.size != truth.size:
        raise ValueError(
            f"y_true and y_pred must have the same length. Got {truth.size} outcomes and {predictions.size} "
            "predictions."
        )
    if sample_weight is None:
        weights = np.ones(truth.size)
    else:
        weights = check_vector(sample_weight, "sample_weight", size=truth.size)
    return truth, predictions, weights


def check_pairs(y_true, y_pred, sample_weight=None, *, groups=None, clusters=None):
    """Truth, predictions and weights as a sample.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted outcomes.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.
    groups, clusters : array-like of shape (n_samples,), default=None
        Labels of the rows, of which only the index is looked at.

    Returns
    -------
    sample : CalibrationSample
        The pairs of positive weight.
    kept : ndarray of bool of shape (n_samples,)
        Which these are.
    """
    truth, predictions, weights = check_vectors(y_true, y_pred, sample_weight, groups=groups, clusters=clusters)
    sample, kept = CalibrationSample(predictions, truth, weights).with_weights(weights), weights > 0.0
    if len(sample) < FEWEST:
        raise ValueError(f"At least {FEWEST} pairs of positive weight are needed. Got {len(sample)}.")
    if sample.is_degenerate():
        raise ValueError("y_true and y_pred must not be constant: nothing can be said about shrinkage.")
    return sample, kept
