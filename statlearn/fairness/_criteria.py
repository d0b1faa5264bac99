"""Single figures of how far predictions depend on raw sensitive features, by name."""

import numpy as np
from sklearn.base import clone

from .._support._sklearn import _check_sample_weight, _safe_indexing
from ..dependence import DistanceCovariancePenalty
from ._encoder import ProtectedEncoder
from ._metrics import jensen_shannon_divergence, unfairness_ratio, wasserstein_disparity

__all__ = ["CRITERIA", "disparity", "encoded_blocks"]

DEFAULT_BINS = 4


def encoded_blocks(sensitive, encoder=None):
    """The blocks of raw attributes, by an encoder that is fitted to these rows."""
    encoder = ProtectedEncoder() if encoder is None else clone(encoder)
    encoded = encoder.set_output(transform="default").fit_transform(sensitive)
    return encoder.split(encoded)


def _penalty(measure, sensitive, sample_weight, encoder, options):
    return DistanceCovariancePenalty(measure, **options).fit(encoded_blocks(sensitive, encoder), sample_weight)


def _distance_correlation(y_pred, sensitive, sample_weight=None, encoder=None, **options):
    return _penalty("ccdcov", sensitive, sample_weight, encoder, options).distance_correlation(y_pred)


def _concatenated(y_pred, sensitive, sample_weight=None, encoder=None, **options):
    return _penalty("ccdcov", sensitive, sample_weight, encoder, options).excess(y_pred)


def _joint(y_pred, sensitive, sample_weight=None, encoder=None, **options):
    return _penalty("jdcov", sensitive, sample_weight, encoder, options).excess(y_pred)


def _between_cells(metric):
    def criterion(y_pred, sensitive, sample_weight=None, bins=DEFAULT_BINS, **options):
        return metric(y_pred, sensitive, bins=bins, sample_weight=sample_weight, **options)

    return criterion


CRITERIA = {
    "dcor": _distance_correlation,
    "ccdcov": _concatenated,
    "jdcov": _joint,
    "jsd": _between_cells(jensen_shannon_divergence),
    "uf": _between_cells(unfairness_ratio),
    "wasserstein": _between_cells(wasserstein_disparity),
}


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
        weights = _check_sample_weight(sample_weight, y_pred, dtype=np.float64, ensure_non_negative=True)
        present = np.flatnonzero(weights > 0.0)
        y_pred, sensitive = y_pred[present], _safe_indexing(sensitive, present)
        options = {**options, "sample_weight": weights[present]}
    columns = y_pred.reshape(len(y_pred), -1).T
    return float(max(criterion(np.ascontiguousarray(column), sensitive, **options) for column in columns))
