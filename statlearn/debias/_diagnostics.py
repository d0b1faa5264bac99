"""Diagnostics of predictions that stand for outcomes: how much they shrink, and what to do about it."""

import textwrap
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .._support._sklearn import validate_params
from .._support.data_frames import data_frame
from .._typing import ArrayLike, DataFrame, FloatArray
from ..certificate import LINE_WIDTH, Certificate, Check, format_table
from ._calibration_checks import count_pairs, is_discrete, tied_share
from ._calibration_sample import weighted_covariance, weighted_mean
from ._correction_certificate import (
    DEPENDENT,
    LEVEL,
    NON_DIFFERENTIAL,
    OUT_OF_SAMPLE,
    added_terms_p,
    residual_checks,
    standardized,
)
from ._differential_errors import DifferentialErrorResult, compare_groups
from ._pair_checks import check_pairs
from ._recommendation import Findings, recommend
from ._truth_bins import bin_errors, bin_numbers, quantile_edges
from ._unit_checks import check_outcome

__all__ = ["ShrinkageReport", "shrinkage_report"]

N_BINS = 10  # of the truth
PAIRS_PER_BIN = 5  # at least; with few pairs there are fewer bins
STRAIGHT, STRAIGHT_CALIBRATION = "mean prediction linear", "mean truth linear"
TESTS = (STRAIGHT, STRAIGHT_CALIBRATION, "normal residuals", "homoscedastic residuals")
CLAIM = (
    "In these pairs no departure was found from a calibrated model with normal errors of the same variance, whose mean "
    "prediction is linear in the truth and that groups differ in through the truth alone: the case in which all "
    "corrections are right, and agree."
)


@dataclass(frozen=True, eq=False)
class ShrinkageReport:
    """What `shrinkage_report` found.

    Attributes
    ----------
    recommended : {"none", "recalibrate", "linear", "tweedie", "sieve", "labels"}
        What to do: compare predictions as they are, or the mean truth given the prediction, which a regression learns
        from the pairs; correct them by `LinearCalibrationCorrector`, `TweedieCorrector` or `SieveCorrector`; or compare
        labels, as `ppi_ate` does. Nothing follows it by itself.
    reasons : tuple of str
        Why, and what to mind, in sentences.
    n : int
        Number of pairs with a positive weight.
    r2 : float
        Coefficient of determination of predictions as they are.
    slope : float
        Slope k of predictions on the truth: 1 without shrinkage.
    slope_ci : tuple of float of length 2
        Its 95 % interval.
    calibration_slope : float
        Slope of the truth on predictions: 1 if the model is calibrated.
    calibration_slope_ci : tuple of float of length 2
        Its 95 % interval.
    bias : float
        Mean of predictions less that of the truth.
    quantiles : dict of str to ndarray of shape (n_bins,)
        Errors by the truth, in bins between its quantiles, tenths if there are enough pairs: the ``smallest`` and
        ``largest`` truth of a bin, its number of pairs ``n``, the mean error ``bias`` of predictions, and its standard
        error ``se``, NaN for a single pair.
    straight_p_value : float or None
        Of the hypothesis that the mean prediction is linear in the truth, against a cubic. None, here and below, if
        there is nothing to test.
    straight_calibration_p_value : float or None
        Of the hypothesis that the mean truth is linear in the prediction.
    normality_p_value : float or None
        Of the hypothesis that residuals of the truth have the skewness and kurtosis of a normal distribution.
    homoscedasticity_p_value : float or None
        Of the hypothesis that their variance does not depend on the prediction.
    n_distinct : int
        Number of distinct predictions.
    tied_share : float
        Share of the predictions that occur with several outcomes.
    outside_share : float or None
        Share of the predictions of a trial that lie beyond those of the pairs; None without a trial.
    differential : DifferentialErrorResult or None
        Whether predictions err alike in the groups; None without groups.
    certificate : Certificate
        The tests. It fails where the simplest case is not at hand, which is no fault: see ``recommended``.

    See Also
    --------
    shrinkage_report : Makes the report.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import shrinkage_report
    >>> rng = np.random.default_rng(0)
    >>> y_true = rng.normal(size=1000)
    >>> report = shrinkage_report(y_true, 0.5 * y_true + 0.5 * rng.normal(size=1000))
    >>> print(f"{report.slope:.1f} {report.r2:.1f}")
    0.5 0.5
    >>> report.quantiles["n"]
    array([100, 100, 100, 100, 100, 100, 100, 100, 100, 100])
    >>> bool(report.quantiles["bias"][0] > 0 > report.quantiles["bias"][-1])
    True
    """

    recommended: Literal["none", "recalibrate", "linear", "tweedie", "sieve", "labels"]
    reasons: tuple[str, ...] = field(repr=False)
    n: int
    r2: float
    slope: float
    slope_ci: tuple[float, float]
    calibration_slope: float
    calibration_slope_ci: tuple[float, float]
    bias: float
    quantiles: dict[str, FloatArray] = field(repr=False)
    straight_p_value: float | None = field(repr=False)
    straight_calibration_p_value: float | None = field(repr=False)
    normality_p_value: float | None = field(repr=False)
    homoscedasticity_p_value: float | None = field(repr=False)
    n_distinct: int = field(repr=False)
    tied_share: float = field(repr=False)
    outside_share: float | None = field(repr=False)
    differential: DifferentialErrorResult | None = field(repr=False)
    certificate: Certificate = field(repr=False)

    def to_frame(self) -> DataFrame:
        """Table of the errors by the truth.

        Returns
        -------
        frame : pandas.DataFrame
            One row per bin of the truth, with the columns of ``quantiles``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.quantiles, "ShrinkageReport.to_frame")

    def __str__(self):
        lines = [f"ShrinkageReport of {self.n} pairs; recommended: {self.recommended}"]
        for reason in self.reasons:
            lines += textwrap.wrap(reason, LINE_WIDTH, initial_indent="  - ", subsequent_indent="    ")
        lines += ["", format_table(["finding", "value"], list(self._rows()))]
        lines += ["", "Mean error of predictions by the truth:"]
        names = {"smallest": "from", "largest": "to", "n": "pairs", "bias": "mean error", "se": "standard error"}
        cells = zip(*(self.quantiles[name].tolist() for name in names), strict=True)
        rows = [[f"{number:.4g}" for number in numbers] for numbers in cells]
        lines.append(format_table(list(names.values()), rows, right=range(len(names))))
        return "\n".join(lines)

    def _rows(self):
        """Findings as cells of text."""
        yield "R2 of predictions", f"{self.r2:.3g}"
        yield "mean error", f"{self.bias:.3g}"
        for name, slope, (low, high) in (
            ("slope of predictions on the truth", self.slope, self.slope_ci),
            ("slope of the truth on predictions", self.calibration_slope, self.calibration_slope_ci),
        ):
            yield name, f"{slope:.3g}, 95 % interval {low:.3g} to {high:.3g}"
        for name, p in (
            ("mean prediction linear in the truth", self.straight_p_value),
            ("mean truth linear in the prediction", self.straight_calibration_p_value),
            ("normal residuals", self.normality_p_value),
            ("residuals of the same variance", self.homoscedasticity_p_value),
        ):
            yield name, "not tested" if p is None else f"p = {p:.2g}"
        yield "distinct predictions", f"{self.n_distinct}, {100.0 * self.tied_share:.3g} % tied"
        if self.outside_share is not None:
            yield "trial beyond the pairs", f"{100.0 * self.outside_share:.3g} %"
        yield "groups", "not tested" if self.differential is None else self.differential.verdict


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "groups": ["array-like", None],
        "y_pred_trial": ["array-like", None],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def shrinkage_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    y_pred_trial: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> ShrinkageReport:
    """Report how predictions shrink outcomes, and which correction suits them, if any.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True outcomes of the calibration pairs.
    y_pred : array-like of shape (n_samples,)
        Their predictions, by a model that was not fitted to these rows.
    groups : array-like of shape (n_samples,), default=None
        Labels of groups of the pairs, like those that predictions are to compare. They decide whether a correction
        helps; see `differential_error_test`.
    y_pred_trial : array-like of shape (n_trial,), default=None
        Predictions that are to be corrected, to see whether the pairs cover them.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the pairs. Their scale does not matter.

    Returns
    -------
    report : ShrinkageReport
        Findings, a recommendation and its reasons; ``print(report)`` shows them.

    Raises
    ------
    ValueError
        If an input is not finite or has another length, fewer than 3 pairs have a positive weight, the truth or
        predictions are constant, or groups cannot be tested.

    See Also
    --------
    differential_error_test : The test of the groups, for pairs in clusters too.
    compare_correctors : What corrections do to these pairs.

    Notes
    -----
    The recommendation is that of the first rule that applies:

    1. If groups differ in their predictions at the same truth but not in the truth at the same prediction, "none" for
       calibrated predictions, "recalibrate" if tests reject that the slope of the truth on predictions is 1, or that
       the mean truth is linear in the prediction.
    2. If they differ in both, "labels".
    3. If the slope of predictions on the truth is at most 0.05, or its interval contains 0, "labels".
    4. If both slopes are above 0.98, "none": predictions are nearly exact, or in sample.
    5. With fewer than 30 pairs, "linear".
    6. If the mean prediction is linear in the truth as far as a test against a cubic tells, "linear".
    7. If predictions are continuous, and no test rejects that residuals are normal, that their variance is the same for
       all predictions, and that the mean truth is linear in the prediction, "tweedie".
    8. "sieve" otherwise.

    Tests of groups are at the level 0.05, the others at 0.01. A departure that is too small to be seen is too small to
    be corrected as well. Residuals are those of the regression of the truth on predictions. Pairs are taken to be
    independent.

    References
    ----------
    Pettersson, Jerzak, Daoud (2026). "Debiasing Machine Learning Predictions for Causal Inference Without Additional
    Ground Truth Data". AAAI-26, arXiv:2508.01341.

    Examples
    --------
    Skewed predictions of a calibrated model with normal noise, and groups that differ in their outcomes:

    >>> import numpy as np
    >>> from statlearn.debias import shrinkage_report
    >>> rng = np.random.default_rng(5)
    >>> y_pred = rng.gamma(2.0, size=4000)
    >>> y_true = y_pred + 0.8 * rng.normal(size=4000)
    >>> treated = y_true + rng.normal(size=4000) > 2.0
    >>> shrinkage_report(y_true, y_pred, groups=treated).recommended
    'tweedie'

    Groups that the model sees are compared rightly as they are:

    >>> seen = y_pred + rng.normal(size=4000) > 2.0
    >>> report = shrinkage_report(y_true, y_pred, groups=seen)
    >>> report.recommended, report.differential.verdict
    ('none', 'do not correct')
    """
    sample, kept = check_pairs(y_true, y_pred, sample_weight, groups=groups)
    sample = sample.with_unit_weights()
    differential = None if groups is None else compare_groups(sample, kept, groups)
    tests, counts = _tests(sample), count_pairs(sample)
    straight, straight_calibration, normal, even = (_p_value(tests, name) for name in TESTS)
    findings = Findings(
        n=len(sample),
        slope=sample.slope_of_predictions(),
        calibration=sample.slope_of_truth(),
        straight=straight,
        straight_calibration=straight_calibration,
        normal=normal,
        even=even,
        discrete=is_discrete(counts),
        outside=None if y_pred_trial is None else _outside_share(sample, check_outcome(y_pred_trial, "y_pred_trial")),
        differential=differential,
    )
    recommended, reasons = recommend(findings)
    errors = sample.predictions - sample.truth
    spread = weighted_covariance(sample.truth, sample.truth, sample.weights)
    return ShrinkageReport(
        recommended=recommended,
        reasons=reasons,
        n=findings.n,
        r2=1.0 - weighted_mean(errors**2, sample.weights) / spread,
        slope=findings.slope.slope,
        slope_ci=findings.slope.interval(),
        calibration_slope=findings.calibration.slope,
        calibration_slope_ci=findings.calibration.interval(),
        bias=weighted_mean(errors, sample.weights),
        quantiles=_quantile_errors(sample, errors),
        straight_p_value=straight,
        straight_calibration_p_value=straight_calibration,
        normality_p_value=normal,
        homoscedasticity_p_value=even,
        n_distinct=counts.size,
        tied_share=tied_share(counts),
        outside_share=findings.outside,
        differential=differential,
        certificate=_certificate(findings, tests),
    )


def _tests(sample):
    """Whether the pairs are those of a calibrated model with normal noise and a line for shrinkage, as checks."""
    line = sample.slope_of_truth()
    recalibrated = sample.with_predictions(line.intercept + line.slope * sample.predictions)
    return [
        _straight(STRAIGHT, sample.truth, sample.predictions, sample.weights),
        _straight(STRAIGHT_CALIBRATION, sample.predictions, sample.truth, sample.weights),
        *residual_checks(recalibrated),
    ]


def _straight(name, x, response, weights):
    """Whether the mean response is linear in x, against a cubic."""
    z = standardized(x, weights)
    r = weighted_mean(z * standardized(response, weights), weights)
    exact = 1.0 - r**2 <= DEPENDENT  # a line but for rounding
    p = np.nan if exact else added_terms_p(np.column_stack([np.ones_like(z), z, z**2, z**3]), response, weights, 2)
    holds = bool(p >= LEVEL) if np.isfinite(p) else None
    return Check(name, p, LEVEL, holds, "test", "p-value of a quadratic and a cubic term")


def _p_value(tests, name):
    """P-value of a test; None if it was not made, or could not be."""
    return next((test.statistic for test in tests if test.name == name and np.isfinite(test.statistic)), None)


def _outside_share(sample, predictions):
    """Share of predictions beyond those of the sample."""
    low, high = sample.predictions.min(), sample.predictions.max()
    return float(np.mean((predictions < low) | (predictions > high)))


def _quantile_errors(sample, errors):
    """The columns of `ShrinkageReport.quantiles`."""
    truth, weights = sample.truth, sample.weights
    edges = quantile_edges(truth, weights, min(N_BINS, max(1, len(sample) // PAIRS_PER_BIN)))
    n_bins, numbers = edges.size + 1, bin_numbers(truth, edges)
    counts = np.bincount(numbers, minlength=n_bins)
    bias, se = bin_errors(errors, weights, numbers, n_bins)
    order = np.argsort(truth, kind="stable")
    last = np.cumsum(counts) - 1
    return {
        "smallest": truth[order][last - counts + 1],
        "largest": truth[order][last],
        "n": counts,
        "bias": bias,
        "se": se,
    }


def _certificate(findings, tests):
    """The tests, and what is assumed."""
    p = findings.calibration.p_value(1.0)
    detail = f"of the truth on predictions; p-value of slope 1: {p:.2g}"
    checks = [
        Check("slope", findings.slope.slope, None, None, "reported", "of predictions on the truth"),
        Check("calibration slope", findings.calibration.slope, 1, bool(p >= LEVEL), "test", detail),
        *tests,
    ]
    if findings.outside is not None:
        detail = "share of the trial; corrections are extrapolated there"
        checks.append(Check("outside calibration", findings.outside, None, None, "reported", detail))
    assumptions = [OUT_OF_SAMPLE, "pairs are independent"]
    if findings.differential is None:
        assumptions.append(NON_DIFFERENTIAL)
    else:
        checks += findings.differential.certificate.checks
    return Certificate(CLAIM, checks, assumptions)
