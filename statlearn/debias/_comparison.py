"""How corrections compare on the same pairs: out of fold, beside the raw predictions."""

import warnings
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import column_or_1d

from .._support._sklearn import HasMethods, Interval, StrOptions, validate_params
from .._support.data_frames import data_frame
from .._support.delegation import folds_of as folds_of_splitter
from .._support.random_streams import spawn_generators
from .._typing import ArrayLike, CrossValidation, DataFrame, RandomState
from ..exceptions import SupportWarning
from ._calibration_sample import fit_slope, folds_of, weighted_covariance, weighted_mean
from ._linear_correction import LinearCalibrationCorrector
from ._pair_checks import check_pairs
from ._partitions import check_partition, folds_among
from ._sieve import SieveCorrector
from ._truth_bins import bin_means, bin_numbers, largest_bias, quantile_edges
from ._tweedie import TweedieCorrector
from ._unit_checks import check_labels
from ._weighted_quantiles import weighted_quantiles

__all__ = ["compare_correctors"]

RAW = "none"  # the name of predictions as they are
N_BINS = 10  # of the truth, for biases and for the contrasts of quantile groups
N_TREATMENTS = 50
STEEPNESS = 1.5  # of the probability of a random treatment, in standard deviations of the truth


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "correctors": [dict, None],
        "cv": ["cv_object"],
        "contrasts": [StrOptions({"quantile", "random", "groups"})],
        "groups": ["array-like", None],
        "n_contrasts": [Interval(Integral, 1, None, closed="left"), None],
        "sample_weight": ["array-like", None],
        "random_state": ["random_state", np.random.Generator],
    },
    prefer_skip_nested_validation=True,
)
def compare_correctors(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    correctors: dict[str, Any] | None = None,
    *,
    cv: CrossValidation = 5,
    contrasts: Literal["quantile", "random", "groups"] = "quantile",
    groups: ArrayLike | None = None,
    n_contrasts: int | None = None,
    sample_weight: ArrayLike | None = None,
    random_state: RandomState = None,
) -> DataFrame:
    r"""Compare correctors of predictions on pairs that they did not learn from.

    Each pair is corrected by what the other folds teach. Corrected predictions are compared with the truth, one by one
    and in contrasts of means of groups.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True outcomes.
    y_pred : array-like of shape (n_samples,)
        Predictions of a model that was not fitted to these rows.
    correctors : dict of str to estimator, default=None
        What is compared: correctors, or regressors of one feature, the prediction, such as
        `sklearn.isotonic.IsotonicRegression` with ``out_of_bounds="clip"``, as its default predicts NaN beyond the
        pairs of other folds. They are cloned, not fitted. None takes `LinearCalibrationCorrector`,
        `TweedieCorrector` and `SieveCorrector` with their defaults as "linear", "tweedie" and "sieve".
    cv : int, cross-validation splitter or iterable, default=5
        Folds, which hold out each pair once. An int deals pairs, sorted by their truth, to that many folds in turn, so
        that the order of the rows does not matter. For pairs in clusters, pass what a splitter of groups gives:
        ``GroupKFold(5).split(y_pred, groups=clusters)``.
    contrasts : {"quantile", "random", "groups"}, default="quantile"
        What is contrasted:

        - "quantile": every two of ten groups of pairs between quantiles of the truth;
        - "random": those who get a random treatment and those who do not, where the treatment is the likelier the
          larger the truth;
        - "groups": every two of the given ``groups``.

        In the first two groups are made by the truth, so that they differ in predictions through the truth alone *by
        construction*, and a correction must look good. Whether it is so for the groups that you mean to compare only
        "groups" tells; see also `differential_error_test`.
    groups : array-like of shape (n_samples,), default=None
        Labels of groups, for ``contrasts="groups"`` only.
    n_contrasts : int, default=None
        Number of random treatments, for ``contrasts="random"`` only; None takes 50.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the pairs, which go to the correctors as well.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of random treatments; used by ``contrasts="random"``.

    Returns
    -------
    table : pandas.DataFrame
        One row per corrector, with the names as index, the first of which is "none": predictions as they are. Columns:

        - ``slope_on_truth``: slope of corrected predictions on the truth; 1 is best;
        - ``conditional_bias``: largest absolute mean error among tenths of the truth, in its units;
        - ``contrast_ratio``: slope, through the origin, of contrasts of corrected predictions on those of the truth;
          1 is best;
        - ``contrast_error``: mean absolute error of the contrasts, in units of the truth;
        - ``r2``: coefficient of determination, which a correction lowers.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If ``correctors`` are no estimators by their names.
    ValueError
        If an input is not finite or has another length, a corrector is named "none", folds do not hold out each pair
        once, ``groups`` or ``n_contrasts`` do not go with ``contrasts``, or groups do not differ in the truth. What
        correctors raise carries a note that names the corrector.

    See Also
    --------
    shrinkage_report : Which corrector suits pairs, with reasons.
    differential_error_test : Whether a correction compares groups rightly.

    Notes
    -----
    The probability of a random treatment is :math:`1 / (1 + \exp(-1.5 (Y - m) / s))` with the median m and the standard
    deviation s of the truth.

    A pair of weight 2 is the same as two equal pairs, but for random treatments, which are drawn per row, and what
    correctors make of it.

    Examples
    --------
    Predictions of a calibrated model with a skewed distribution:

    >>> import numpy as np
    >>> from statlearn.debias import compare_correctors
    >>> rng = np.random.default_rng(0)
    >>> y_pred = rng.gamma(2.0, size=4000)
    >>> y_true = y_pred + 0.8 * rng.normal(size=4000)
    >>> table = compare_correctors(y_true, y_pred)
    >>> table.index.tolist()
    ['none', 'linear', 'tweedie', 'sieve']
    >>> table["conditional_bias"].idxmax(), table["conditional_bias"].idxmin()
    ('none', 'sieve')

    Groups that are made by what the model sees are compared rightly as they are:

    >>> seen = y_pred > np.median(y_pred)
    >>> table = compare_correctors(y_true, y_pred, contrasts="groups", groups=seen)
    >>> (table["contrast_ratio"] > 1.2).to_dict()
    {'none': False, 'linear': True, 'tweedie': True, 'sieve': True}
    """
    sample, kept = check_pairs(y_true, y_pred, sample_weight, groups=groups)
    correctors = _check_correctors(correctors)
    contrasts = _make_contrasts(contrasts, sample, kept, groups, n_contrasts, random_state)
    folds = folds_of(cv, sample) if isinstance(cv, Integral) else _given_folds(cv, y_true, kept)
    weighted = sample_weight is not None
    values = {RAW: sample.predictions}
    values |= {name: _cross_fitted(name, each, sample, folds, weighted) for name, each in correctors.items()}
    rows = [{"corrector": name} | _figures(sample, corrected, contrasts) for name, corrected in values.items()]
    table = {column: [row[column] for row in rows] for column in rows[0]}
    return data_frame(table, "compare_correctors").set_index("corrector")


def _check_correctors(correctors):
    if correctors is None:
        return {
            "linear": LinearCalibrationCorrector(),
            "tweedie": TweedieCorrector(),
            "sieve": SieveCorrector(),
        }
    for name, corrector in correctors.items():
        if not isinstance(name, str) or not HasMethods(["fit", "predict"]).is_satisfied_by(corrector):
            raise TypeError(
                "correctors must be a dict of names to estimators with fit and predict. "
                f"Got the entry {name!r}: {corrector!r}."
            )
    if RAW in correctors:
        raise ValueError(f"correctors must not have the name {RAW!r}, that of predictions as they are. Rename it.")
    return correctors


def _given_folds(cv, y_true, kept):
    """Folds of all rows, less those of weight zero, as positions among the others."""
    folds = folds_of_splitter(check_cv(cv), np.zeros((kept.size, 1)), y_true)
    check_partition(folds, kept.size, cv, "; for pairs in clusters the folds that a splitter of groups has made")
    return folds_among(folds, kept)


def _cross_fitted(name, corrector, sample, folds, weighted):
    """Each pair corrected by a clone that is fitted to the other folds."""
    X, corrected = sample.predictions[:, None], np.empty(len(sample))
    for train, test in folds:
        weights = {"sample_weight": sample.weights[train]} if weighted else {}
        try:
            fitted = clone(corrector).fit(X[train], sample.truth[train], **weights)
            with warnings.catch_warnings():  # of pairs of the same sample: where a fold ends is chance
                warnings.simplefilter("ignore", SupportWarning)
                corrected[test] = column_or_1d(fitted.predict(X[test]))
        except Exception as error:
            error.add_note(f"It came from corrector {name!r}, fitted to the {train.size} pairs outside a fold.")
            raise
    if not np.isfinite(corrected).all():
        raise ValueError(
            f"correctors must predict finite numbers, also beyond the predictions that they are fitted to. {name!r} "
            f"gave {np.count_nonzero(~np.isfinite(corrected))} others."
        )
    return corrected


def _figures(sample, corrected, contrasts):
    """What is reported of a corrector."""
    truth, weights = sample.truth, sample.weights
    errors = corrected - truth
    true, estimated = contrasts.of(truth), contrasts.of(corrected)
    return {
        "slope_on_truth": fit_slope(truth, corrected, weights).slope,
        "conditional_bias": largest_bias(errors, truth, weights, N_BINS),
        "contrast_ratio": float(estimated @ true / (true @ true)),
        "contrast_error": float(np.abs(estimated - true).mean()),
        "r2": 1.0 - weighted_mean(errors**2, weights) / weighted_covariance(truth, truth, weights),
    }


@dataclass(frozen=True, eq=False)
class GroupContrasts:
    """Differences of means of every two groups.

    Attributes
    ----------
    codes : ndarray of int of shape (n_samples,)
        Groups, from 0 on, none of them empty.
    weights : ndarray of shape (n_samples,)
        Positive weights.
    """

    codes: np.ndarray
    weights: np.ndarray

    def of(self, values):
        """The contrasts of some values, of shape (n_contrasts,)."""
        n_groups = int(self.codes.max()) + 1
        means = bin_means(values, self.weights, self.codes, n_groups)
        first, second = np.triu_indices(n_groups, 1)
        return means[second] - means[first]


@dataclass(frozen=True, eq=False)
class TreatmentContrasts:
    """Differences of means between those with and without each of several treatments.

    Attributes
    ----------
    treated : ndarray of bool of shape (n_contrasts, n_samples)
        Who gets which treatment.
    weights : ndarray of shape (n_samples,)
        Positive weights.
    """

    treated: np.ndarray
    weights: np.ndarray

    def of(self, values):
        """The contrasts of some values, of shape (n_contrasts,)."""
        return np.array([np.diff(bin_means(values, self.weights, row.astype(np.intp), 2))[0] for row in self.treated])


def _make_contrasts(kind, sample, kept, groups, n_contrasts, random_state):
    for name, argument, user in (("groups", groups, "groups"), ("n_contrasts", n_contrasts, "random")):
        if argument is not None and kind != user:
            raise ValueError(f"{name} is used by contrasts={user!r} only. Got contrasts={kind!r}: drop it.")
    if kind == "quantile":
        edges = quantile_edges(sample.truth, sample.weights, N_BINS)
        return GroupContrasts(bin_numbers(sample.truth, edges), sample.weights)
    if kind == "random":
        return _random_treatments(sample, n_contrasts or N_TREATMENTS, random_state)
    return _contrasts_of_groups(sample, kept, groups)


def _contrasts_of_groups(sample, kept, groups):
    if groups is None:
        raise ValueError("groups must be given for contrasts='groups'. Got None.")
    labels, codes = check_labels(groups, kept.size, "groups", "pair")
    present, codes = np.unique(codes[kept], return_inverse=True)
    if present.size < 2:
        raise ValueError(f"groups must have at least two labels among pairs of positive weight. Got {present.size}.")
    contrasts = GroupContrasts(codes, sample.weights)
    if not contrasts.of(sample.truth).any():
        raise ValueError(f"groups must differ in their mean truth. Got {present.size} groups with the same one.")
    return contrasts


def _random_treatments(sample, n_contrasts, random_state):
    """Treatments that are the likelier the larger the truth, and nothing else."""
    truth, weights = sample.truth, sample.weights
    sd = np.sqrt(weighted_covariance(truth, truth, weights))
    probability = expit(STEEPNESS * (truth - weighted_quantiles(truth, 0.5, weights)) / sd)
    treated = spawn_generators(random_state, 1)[0].random((n_contrasts, truth.size)) < probability
    if (treated.all(axis=1) | ~treated.any(axis=1)).any():
        raise ValueError(
            f"contrasts='random' needs more pairs: of {truth.size}, a random treatment took all or none. Use "
            "contrasts='quantile'."
        )
    return TreatmentContrasts(treated, weights)
