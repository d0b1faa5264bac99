"""A test of what decides whether a correction helps: do groups differ in their predictions through the truth alone?"""

import textwrap
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .._support._sklearn import validate_params
from .._typing import ArrayLike, FloatOrArray, LabelArray
from ..certificate import LINE_WIDTH, Certificate, format_table
from ._correction_certificate import OUT_OF_SAMPLE
from ._group_errors import check_groups, group_checks, group_errors
from ._pair_checks import check_pairs
from ._trial import LEVEL_OF_TESTS
from ._unit_checks import check_clusters, check_labels

__all__ = ["DifferentialErrorResult", "compare_groups", "differential_error_test"]

CLAIM = (
    "In these pairs groups differ in their predictions through the truth alone, as far as the test sees: a correction "
    "compares them rightly."
)
ALIKE = "groups that are compared elsewhere err as those of the pairs"
# By whether predictions differ at the same truth, and whether truths differ at the same prediction.
VERDICTS = {(False, True): "correct", (True, False): "do not correct", (True, True): "neither"}
UNDECIDED = "undecided"
REASONS = {
    "correct": "Units of different groups with the same truth have the same prediction, as far as the pairs tell "
    "(p = {predictions:.2g}), while those with the same prediction have different truths (p = {truth:.2g}): groups "
    "differ in their predictions through the truth, as a correction needs.",
    "do not correct": "Units of different groups with the same prediction have the same truth, as far as the pairs "
    "tell (p = {truth:.2g}), while those with the same truth have different predictions (p = {predictions:.2g}): "
    "groups are made by what the model sees. Calibrated predictions compare them rightly as they are, and a correction "
    "makes the differences too large.",
    "neither": "Units of different groups have different predictions at the same truth (p = {predictions:.2g}) and "
    "different truths at the same prediction (p = {truth:.2g}): neither raw nor corrected predictions compare them "
    "rightly. Use labels of the units that are compared, as ppi_ate does.",
    UNDECIDED: "Groups differ neither in their predictions at the same truth (p = {predictions:.2g}) nor in the truth "
    "at the same prediction (p = {truth:.2g}), as far as the pairs tell: the groups are too much alike, or the pairs "
    "too few. That they differ in predictions through the truth alone stays an assumption.",
}


@dataclass(frozen=True, eq=False)
class DifferentialErrorResult:
    """What `differential_error_test` found.

    Attributes
    ----------
    verdict : {"correct", "do not correct", "neither", "undecided"}
        What to do when the groups are compared; ``reason`` says why.
    reason : str
        The verdict in words.
    p_value_predictions : float
        Of the hypothesis that groups do not differ in their predictions at the same truth.
    p_value_truth : float
        Of the hypothesis that groups do not differ in the truth at the same prediction.
    prediction_gap, prediction_gap_se : float or ndarray of shape (n_groups - 1,)
        By how much predictions of a group exceed those of the first one at the same truth, and the standard error.
        Numbers for two groups; otherwise an entry for each of ``labels[1:]``.
    truth_gap, truth_gap_se : float or ndarray of shape (n_groups - 1,)
        By how much the truth in a group exceeds that in the first one at the same prediction, and the standard error.
    labels : ndarray of shape (n_groups,)
        Labels of the groups, in increasing order.
    n : int
        Number of pairs with a positive weight.
    level : float
        Level at which hypotheses are rejected, 0.05.
    certificate : Certificate
        Both tests, and what is assumed. It holds if no difference of predictions at the same truth was found.

    See Also
    --------
    differential_error_test : Makes the result.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import differential_error_test
    >>> rng = np.random.default_rng(0)
    >>> y_true = np.repeat([-1.0, 1.0], 500) + rng.normal(size=1000)
    >>> y_pred = 0.6 * y_true + 0.5 * rng.normal(size=1000)
    >>> result = differential_error_test(y_true, y_pred, np.repeat(["south", "north"], 500))
    >>> result.labels.tolist(), result.n
    (['north', 'south'], 1000)
    >>> result.truth_gap < 0.0
    True
    """

    verdict: Literal["correct", "do not correct", "neither", "undecided"]
    reason: str = field(repr=False)
    p_value_predictions: float
    p_value_truth: float
    prediction_gap: FloatOrArray
    prediction_gap_se: FloatOrArray = field(repr=False)
    truth_gap: FloatOrArray
    truth_gap_se: FloatOrArray = field(repr=False)
    labels: LabelArray = field(repr=False)
    n: int
    level: float = field(repr=False)
    certificate: Certificate = field(repr=False)

    def __str__(self):
        gaps = np.atleast_2d(
            np.column_stack([self.prediction_gap, self.prediction_gap_se, self.truth_gap, self.truth_gap_se])
        )
        shown = zip(self.labels[1:].tolist(), gaps.tolist(), strict=True)
        rows = [(str(label), *(f"{number:.3g}" for number in numbers)) for label, numbers in shown]
        headers = [f"less {self.labels[0]}", "predictions", "standard error", "truth", "standard error"]
        return "\n".join(
            [
                f"DifferentialErrorResult of {self.n} pairs in {self.labels.size} groups: {self.verdict}",
                *textwrap.wrap(self.reason, LINE_WIDTH),
                "",
                "Predictions at the same truth, and the truth at the same prediction:",
                format_table(headers, rows, right=range(1, 5)),
            ]
        )


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "groups": ["array-like"],
        "sample_weight": ["array-like", None],
        "clusters": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def differential_error_test(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    groups: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> DifferentialErrorResult:
    r"""Test whether predictions compare groups rightly as they are, after a correction, or not at all.

    There are two ways for groups A to differ in predictions :math:`\hat Y` of the outcome Y. If they do through the
    outcome alone, :math:`\hat Y \perp A \mid Y`, contrasts of predictions are too small and a correction undoes it. If
    groups are made by what the model sees, :math:`Y \perp A \mid \hat Y`, contrasts of calibrated predictions are
    right and the same correction makes them too large, by as much. Pairs with their groups tell which: the coefficients
    of A in

    .. math:: E[\hat Y \mid Y, A] = f(Y) + \alpha_A, \qquad E[Y \mid \hat Y, A] = g(\hat Y) + \beta_A

    are 0 in the first case on the left and in the second case on the right. Both are tested.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True outcomes.
    y_pred : array-like of shape (n_samples,)
        Predictions of a model that was not fitted to these rows.
    groups : array-like of shape (n_samples,)
        Labels of the groups, such as arms of a trial or regions; two or more, each with at least two pairs.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the pairs. Their scale does not matter.
    clusters : array-like of shape (n_samples,), default=None
        Labels of clusters of pairs that are independent of one another; None if all pairs are.

    Returns
    -------
    result : DifferentialErrorResult
        The verdict with its reason, both p-values, and the differences of the groups.

        - "correct": predictions at the same truth are alike, truths at the same prediction are not;
        - "do not correct": the other way round;
        - "neither": both differ, so that labels of the units that are compared are needed;
        - "undecided": no difference is seen.

    Raises
    ------
    ValueError
        If an input is not finite or has another length, the truth or predictions are constant, a label is missing or
        occurs once, groups are a function of the truth or of predictions, or errors do not vary.

    See Also
    --------
    shrinkage_report : What else decides which correction to use.
    ppi_ate : An effect with labels of some units of the trial.

    Notes
    -----
    The regressions are by least squares. f and g are cubic splines with up to 6 knots, straight lines for fewer than 30
    pairs: a line in place of f would leave the curvature of f to groups, and reject for predictions that are not
    normally distributed though groups act through the outcome alone. The Wald tests are robust to heteroscedasticity
    and to clusters, and right in large samples. A hypothesis that is not rejected may be wrong nevertheless.

    Groups that are a sharp cut of the truth or of predictions, such as above and below the median, are told from a
    curve by the jump at the cut alone, which takes many pairs to see.

    References
    ----------
    Pettersson, Jerzak, Daoud (2026). "Debiasing Machine Learning Predictions for Causal Inference Without Additional
    Ground Truth Data". AAAI-26, arXiv:2508.01341.

    Examples
    --------
    A calibrated model, groups that the outcome makes, and groups that an input of the model makes:

    >>> import numpy as np
    >>> from statlearn.debias import differential_error_test
    >>> rng = np.random.default_rng(0)
    >>> y_pred = rng.normal(size=4000)
    >>> y_true = y_pred + 0.8 * rng.normal(size=4000)
    >>> noise = rng.normal(size=4000)
    >>> differential_error_test(y_true, y_pred, y_true > noise).verdict
    'correct'
    >>> differential_error_test(y_true, y_pred, y_pred > noise).verdict
    'do not correct'
    """
    sample, kept = check_pairs(y_true, y_pred, sample_weight, groups=groups, clusters=clusters)
    codes = check_clusters(clusters, kept.size, unit="pair")
    return compare_groups(sample, kept, groups, None if codes is None else check_clusters(codes[kept], len(sample)))


def compare_groups(sample, kept, groups, cluster_codes=None):
    """The test for a sample that is what was ``kept`` of pairs with given groups."""
    labels, codes = check_labels(groups, kept.size, "groups", "pair")
    labels = labels[codes[kept]]
    codes = check_groups(labels, len(sample), "groups")
    errors = group_errors(sample, codes, cluster_codes)
    predictions, truth = errors.p_values()
    verdict = VERDICTS.get((predictions < LEVEL_OF_TESTS, truth < LEVEL_OF_TESTS), UNDECIDED)
    independent = "pairs are independent" if cluster_codes is None else "clusters are independent"
    return DifferentialErrorResult(
        verdict=verdict,
        reason=REASONS[verdict].format(predictions=predictions, truth=truth),
        p_value_predictions=predictions,
        p_value_truth=truth,
        prediction_gap=_plain(errors.of_predictions),
        prediction_gap_se=_plain(np.sqrt(np.diag(errors.of_predictions_covariance))),
        truth_gap=_plain(errors.of_truth),
        truth_gap_se=_plain(np.sqrt(np.diag(errors.of_truth_covariance))),
        labels=np.unique(labels),
        n=len(sample),
        level=LEVEL_OF_TESTS,
        certificate=Certificate(CLAIM, group_checks(errors), (OUT_OF_SAMPLE, independent, ALIKE)),
    )


def _plain(values):
    """A number for two groups."""
    return float(values[0]) if values.size == 1 else values
