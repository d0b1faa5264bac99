"""Single figures of how far predictions depend on raw sensitive features, by name."""

from inspect import signature

import numpy as np
from sklearn.base import clone

from .._support._sklearn import _safe_indexing
from .._support.validation import check_sample_weight
from ..dependence import DistanceCovariancePenalty
from ._cells import N_BINS, intersection_cells
from ._encoder import ProtectedEncoder
from ._metrics import jensen_shannon_divergence, unfairness_ratio, wasserstein_disparity
from ._sensitive import places_of

__all__ = ["CRITERIA", "check_options", "disparity", "encode", "fit_penalty", "largest", "levels_of"]


def encode(sensitive, encoder=None):
    """A clone of an encoder (or of the default one) fitted to raw attributes, and the blocks it makes of them."""
    encoder = ProtectedEncoder() if encoder is None else clone(encoder)
    encoded = encoder.fit_transform(sensitive)
    return encoder, encoder.split(encoded)


def fit_penalty(penalty, sensitive, blocks, sample_weight):
    """A penalty fitted to the blocks of raw attributes; where one is constant, a warning calls it by its name."""
    places = places_of(sensitive)
    is_known = len(places) == len(blocks)  # an encoder may make other blocks than one per attribute
    names = [f"sensitive feature {place}" for place in places] if is_known else None
    return penalty._fit(blocks, sample_weight, names)


def levels_of(encoder):
    """Which attributes a fitted encoder reads as categorical; None if it does not say."""
    return getattr(encoder, "is_categorical_", None)


def _of_penalty(measure, figure):
    def criterion(y_pred, sensitive, sample_weight=None, encoder=None, **options):
        penalty = DistanceCovariancePenalty(measure, **options)
        return figure(fit_penalty(penalty, sensitive, encode(sensitive, encoder)[1], sample_weight), y_pred)

    criterion.options = {"encoder", *signature(DistanceCovariancePenalty).parameters} - {"measure"}
    return criterion


def _between_cells(metric):
    def criterion(y_pred, sensitive, sample_weight=None, encoder=None, bins=N_BINS, **options):
        is_nominal = None if encoder is None else levels_of(encode(sensitive, encoder)[0])
        cells = intersection_cells(sensitive, bins=bins, sample_weight=sample_weight, is_nominal=is_nominal)
        return metric(y_pred, cells.codes, sample_weight=sample_weight, **options)

    criterion.options = {"encoder", *signature(metric).parameters} - {"y_pred", "groups", "sample_weight"}
    return criterion


CRITERIA = {
    "dcor": _of_penalty("ccdcov", DistanceCovariancePenalty.distance_correlation),
    "ccdcov": _of_penalty("ccdcov", DistanceCovariancePenalty.excess),
    "jdcov": _of_penalty("jdcov", DistanceCovariancePenalty.excess),
    "jsd": _between_cells(jensen_shannon_divergence),
    "uf": _between_cells(unfairness_ratio),
    "wasserstein": _between_cells(wasserstein_disparity),
}


def check_options(metric, options):
    """Refuse options that a criterion of this name does not have."""
    known = CRITERIA[metric].options
    unknown = sorted(set(options) - known)
    if unknown:
        raise TypeError(f"the metric {metric!r} has no argument {unknown[0]!r}. It has {sorted(known)}.")


def disparity(metric, y_pred, sensitive, sample_weight=None, **options):
    """A criterion of predictions; the largest one over the columns if there are several.

    Parameters
    ----------
    metric : str or callable
        A key of `CRITERIA`, or a function with the same arguments.
    y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Predictions.
    sensitive : table
        Raw attributes with one row per prediction, from `read_sensitive`.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights as repetitions: rows of weight zero count as absent. Passed on only if given.
    **options
        Further arguments of the criterion.

    Returns
    -------
    value : float
        Smaller is fairer.
    """
    criterion = CRITERIA[metric] if isinstance(metric, str) else metric
    if sample_weight is not None:
        weights = check_sample_weight(sample_weight, y_pred, dtype=np.float64, ensure_non_negative=True)
        present = np.flatnonzero(weights > 0.0)
        y_pred, sensitive = y_pred[present], _safe_indexing(sensitive, present)
        options = {**options, "sample_weight": weights[present]}
    return largest(lambda column: criterion(column, sensitive, **options), y_pred)


def largest(measure, y_pred):
    """The largest value of a measure over the columns of predictions."""
    columns = y_pred.reshape(len(y_pred), -1).T
    return float(max(measure(np.ascontiguousarray(column)) for column in columns))
