"""The door of correctors: what they take, and about what they warn."""

import numpy as np
from scipy.stats import beta
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import column_or_1d

from .._support.data_frames import check_same_index
from .._support.user_warnings import warn_user
from .._support.validation import check_array, check_sample_weight
from ..exceptions import InSampleWarning, SupportWarning, TiedPredictionsWarning, WeakCalibrationWarning
from ._calibration_sample import CalibrationSample, is_constant

__all__ = [
    "check_calibration",
    "check_clip",
    "check_predictions",
    "check_shrinkage",
    "check_ties",
    "count_pairs",
    "is_beyond_chance",
    "is_discrete",
    "tied_share",
    "warn_few",
    "warn_outside",
]

FEWEST_FOR_SHAPE = 30  # pairs without which no curve is fitted
FEW_FOR_SHAPE = 100  # pairs below which a curve is warned about
WEAK_SLOPE = 0.2  # a smaller slope multiplies effects and their noise by more than 5
TOO_GOOD = 0.98  # both slopes above it: seldom seen out of sample
FEW_VALUES = 20  # distinct predictions below which they are taken for discrete
MOST_TIED = 0.5  # share of predictions that occur more than once
OUTSIDE_SHARE = 0.01  # share beyond the support of calibration that is not worth a warning
OUTSIDE_LEVEL = 5e-4  # nor is one that calibration samples of the same distribution leave out more often than that


def check_predictions(X):
    """Predictions as a vector.

    Parameters
    ----------
    X : array-like of shape (n_samples,) or (n_samples, 1)
        The argument of a method.

    Returns
    -------
    predictions : ndarray of shape (n_samples,)
        Contiguous, of float64.
    """
    array = check_array(X, input_name="X", dtype=np.float64, ensure_2d=False)
    if array.ndim == 0 or (array.ndim == 2 and array.shape[1] != 1):
        raise ValueError(
            "X must be a vector of predictions, or a table with one column of them. "
            f"Got an array of shape {array.shape} instead."
        )
    return np.ascontiguousarray(array.reshape(-1))


def check_calibration(X, y, sample_weight, *, fewest=3):
    """The arguments of ``fit`` as a calibration sample.

    Parameters
    ----------
    X : array-like of shape (n_samples,) or (n_samples, 1)
        Predictions.
    y : array-like of shape (n_samples,)
        The truth.
    sample_weight : array-like of shape (n_samples,) or None
        Weights. Pairs of weight zero are left out.
    fewest : int, default=3
        Smallest number of pairs with a positive weight.

    Returns
    -------
    sample : CalibrationSample
        The pairs.
    """
    check_same_index(X=X, y=y, sample_weight=sample_weight)
    predictions = check_predictions(X)
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None: pass the truth of each prediction.")
    y = check_array(y, input_name="y", dtype=np.float64, ensure_2d=False)
    truth = np.ascontiguousarray(column_or_1d(y, warn=True))
    check_consistent_length(predictions, truth, sample_weight)
    weights = check_sample_weight(sample_weight, predictions, dtype=np.float64, ensure_non_negative=True)
    sample = CalibrationSample(predictions, truth, np.ones_like(truth)).with_weights(weights)
    if len(sample) < fewest:
        raise ValueError(
            f"At least {fewest} calibration pairs of positive weight are needed. Got n_samples={len(sample)}."
        )
    for name, values in (("targets", sample.truth), ("predictions", sample.predictions)):
        if is_constant(values):
            raise ValueError(f"calibration {name} are constant; the shrinkage slope is not identified")
    return sample


def check_clip(clip):
    """Bounds of corrected values, as floats; None stays None."""
    if clip is None:
        return None
    refusal = f"clip must be None or a pair of bounds (low, high) with low < high. Got {clip!r} instead."
    try:
        bounds = np.asarray(clip, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise ValueError(refusal) from error
    if bounds.size != 2 or not bounds[0] < bounds[1]:
        raise ValueError(refusal)
    return float(bounds[0]), float(bounds[1])


def check_shrinkage(slope, calibration_slope, smallest):
    """Refuse predictions that do not rise with the truth, and warn where the slope says that something is wrong.

    Parameters
    ----------
    slope : SlopeFit
        Slope of the predictions on the truth.
    calibration_slope : SlopeFit
        Slope of the truth on the predictions.
    smallest : float
        Slopes at or below it are refused.
    """
    low, high = slope.interval()
    found = f"the slope of predictions on the truth is {slope.slope:.3g} (95 % interval {low:.3g} to {high:.3g})"
    if slope.slope <= smallest:
        raise ValueError(
            f"{found}, and at most {smallest:g} nothing can be corrected: the predictions hardly rise with the truth. "
            "Use better predictions, or outcomes that were measured."
        )
    if low <= 0.0:
        warn_user(
            f"{found}, which contains 0: a corrected effect has an unbounded (Fieller) interval. Use more calibration "
            "pairs or better predictions.",
            WeakCalibrationWarning,
        )
    elif slope.slope < WEAK_SLOPE:
        warn_user(
            f"{found}: corrected effects, and their noise, are {1.0 / slope.slope:.3g} times the raw ones. Use better "
            "predictions.",
            WeakCalibrationWarning,
        )
    if min(slope.slope, calibration_slope.slope) > TOO_GOOD:
        warn_user(
            f"{found}, and that of the truth on predictions is {calibration_slope.slope:.3g}: are these predictions "
            "out of sample? Those of rows that the model was fitted to show too little shrinkage.",
            InSampleWarning,
        )


def warn_few(n, what):
    """Warn of a curve that is fitted to few pairs."""
    if n < FEW_FOR_SHAPE:
        warn_user(
            f"{what} is learned from {n} calibration pairs, and is noisy with fewer than {FEW_FOR_SHAPE}. Use more "
            "pairs, or LinearCalibrationCorrector.",
            WeakCalibrationWarning,
        )


def count_pairs(sample):
    """Number of distinct pairs for each distinct prediction: a pair that occurs twice is no tie but a larger weight."""
    if np.all(np.diff(np.sort(sample.predictions)) != 0.0):
        return np.ones(len(sample), dtype=np.int64)
    order = np.lexsort((sample.truth, sample.predictions))
    steps = np.diff(sample.predictions[order]) != 0.0
    is_new = np.concatenate([[True], steps | (np.diff(sample.truth[order]) != 0.0)])
    value = np.concatenate([[0], np.cumsum(steps)])
    return np.bincount(value[is_new])


def tied_share(counts):
    """Share of the predictions that occur with more than one truth."""
    return float(counts[counts > 1].sum() / counts.sum())


def is_discrete(counts):
    """Whether predictions have too few values, or too many ties, to have a density."""
    return counts.size < FEW_VALUES or tied_share(counts) > MOST_TIED


def check_ties(sample):
    """Warn of discrete predictions, which have no density."""
    counts = count_pairs(sample)
    if is_discrete(counts):
        warn_user(
            f"{counts.size} distinct values among {counts.sum()} predictions, {100.0 * tied_share(counts):.3g} % of "
            "them tied: discrete predictions, as those of a tree, have no density, and their score is not defined. Use "
            "SieveCorrector or LinearCalibrationCorrector.",
            TiedPredictionsWarning,
        )


def is_beyond_chance(outside, n_calibration):
    """Whether a share of predictions outside the calibration sample is more than chance explains.

    The share of their own distribution that the range of ``n_calibration`` predictions leaves out has the beta
    distribution with parameters 2 and ``n_calibration - 1``, whatever the distribution.
    """
    return outside > OUTSIDE_SHARE and bool(beta.sf(outside, 2, n_calibration - 1) < OUTSIDE_LEVEL)


def warn_outside(predictions, support, n_calibration):
    """Warn if more predictions lie outside the calibration sample than chance explains."""
    low, high = support
    outside = np.count_nonzero((predictions < low) | (predictions > high))
    share = outside / predictions.size
    if is_beyond_chance(share, n_calibration):
        warn_user(
            f"{outside} of {predictions.size} predictions ({100.0 * share:.3g} %) lie outside those of the calibration "
            f"sample, {low:.4g} to {high:.4g}: their correction is extrapolated. Calibrate on units like these.",
            SupportWarning,
        )
