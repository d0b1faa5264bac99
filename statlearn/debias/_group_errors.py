"""Whether predictions err alike in all groups: what decides if a correction helps or harms."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from .._support.user_warnings import warn_user
from ..certificate import Check
from ..exceptions import DifferentialErrorWarning
from ._delta_method import least_squares_covariance
from ._spline_basis import SplineBasis, quantile_knots
from ._trial import LEVEL_OF_TESTS
from ._unit_checks import check_labels

__all__ = ["GroupErrors", "check_groups", "group_checks", "group_errors", "untested_check", "warn_differential"]

MOST_KNOTS = 6  # of the curves that truth and predictions enter regressions by
PAIRS_PER_KNOT = 15
FEWEST_FOR_CURVE = 30  # pairs, with fewer of which a line is fitted
DEGREE = 3
DEPENDENT = 1e-8  # relative size below which a column is a combination of others
NON_DIFFERENTIAL_ERRORS = "non-differential errors"  # the check that a correction needs to pass
NO_ERROR = 1e-9  # a standard error below this share of the response's standard deviation is rounding


class GroupErrors(NamedTuple):
    """How predictions err in groups of calibration pairs, as differences from the first group.

    Attributes
    ----------
    of_predictions : ndarray of shape (n_groups - 1,)
        Coefficients of the groups in the regression of predictions on a curve in the truth and the groups: 0 if errors
        are non-differential, which a correction needs.
    of_predictions_covariance : ndarray of shape (n_groups - 1, n_groups - 1)
        Their covariance, robust to heteroscedasticity and to clusters.
    of_truth : ndarray of shape (n_groups - 1,)
        Coefficients of the groups in the regression of the truth on a curve in predictions and the groups: 0 if raw
        predictions, recalibrated where need be, compare the groups rightly.
    of_truth_covariance : ndarray of shape (n_groups - 1, n_groups - 1)
        Their covariance.
    """

    of_predictions: np.ndarray
    of_predictions_covariance: np.ndarray
    of_truth: np.ndarray
    of_truth_covariance: np.ndarray

    def p_values(self):
        """P-values of all coefficients being 0: of predictions, and of the truth (Wald tests)."""
        return (
            _wald_p_value(self.of_predictions, self.of_predictions_covariance),
            _wald_p_value(self.of_truth, self.of_truth_covariance),
        )


def group_errors(sample, codes, cluster_codes=None):
    """Regress predictions on truth and groups, and truth on predictions and groups.

    What is conditioned on enters by a cubic spline. If the mean prediction is no linear function of the truth, a line
    would leave a part of it to groups that depend on the truth alone.

    Parameters
    ----------
    sample : CalibrationSample
        The pairs.
    codes : ndarray of int of shape (n_samples,)
        Groups, from 0 on.
    cluster_codes : ndarray of int of shape (n_samples,), default=None
        Clusters, from 0 on.

    Returns
    -------
    errors : GroupErrors
        The coefficients of the groups.
    """
    indicators = (codes[:, None] == np.arange(1, codes.max() + 1)).astype(np.float64)
    found = []
    for response, x in ((sample.predictions, sample.truth), (sample.truth, sample.predictions)):
        curve = _curve(x, sample.weights)
        design = np.column_stack([curve, indicators])
        if np.linalg.matrix_rank(design) < design.shape[1]:
            raise ValueError(
                "groups of calibration pairs are a function of the truth or of the predictions, so that their errors "
                "cannot be told apart. Use groups that overlap."
            )
        coefficients, covariance = least_squares_covariance(design, response, sample.weights, cluster_codes)
        found += [coefficients[curve.shape[1] :], covariance[curve.shape[1] :, curve.shape[1] :]]
        _check_spread(found[-1], response)
    return GroupErrors(*found)


def _curve(x, weights):
    """Orthogonal columns that span the splines of x; the straight lines if there are few values."""
    many = x.size >= FEWEST_FOR_CURVE
    levels = np.linspace(0.0, 1.0, min(MOST_KNOTS, max(2, x.size // PAIRS_PER_KNOT)) if many else 2)
    basis = SplineBasis(quantile_knots(x, weights, levels), DEGREE if many else 1).evaluate(x)
    left, sizes, _ = np.linalg.svd(basis, full_matrices=False)  # fewer than functions if x takes few values
    return np.sqrt(x.size) * left[:, sizes > DEPENDENT * sizes[0]]


def _check_spread(covariance, response):
    """Refuse coefficients without standard errors."""
    se = np.sqrt(np.diag(covariance))
    if se.min() <= NO_ERROR * response.std() or np.linalg.matrix_rank(covariance / np.outer(se, se)) < se.size:
        raise ValueError(
            "errors of the calibration pairs do not vary enough to compare groups: predictions and truth are functions "
            "of each other within the groups, or there are no more clusters than groups."
        )


def check_groups(groups, n_samples, name):
    """Codes of groups of calibration pairs, at least two groups with two pairs each."""
    distinct, codes = check_labels(groups, n_samples, name, "calibration pair")
    counts = np.bincount(codes)
    if distinct.size < 2:
        raise ValueError(f"{name} must have at least two labels. Got {distinct.size}.")
    if counts.min() < 2:
        raise ValueError(
            f"{name} must have each label at least twice. Got {distinct[np.argmin(counts)]} once: merge or drop it."
        )
    return codes


def warn_differential(errors):
    """Warn if predictions err differently in the groups, with what to do instead of correcting."""
    p_value_predictions, p_value_truth = errors.p_values()
    if p_value_predictions >= LEVEL_OF_TESTS:
        return
    if p_value_truth >= LEVEL_OF_TESTS:
        advice = (
            "while those with the same prediction have the same truth. Compare the raw predictions: a correction makes "
            "the differences too large."
        )
    else:
        advice = (
            "and those with the same prediction have different truths. Neither raw nor corrected predictions compare "
            "them rightly: use labels of the units that are compared, as ppi_ate does."
        )
    warn_user(
        f"Groups of calibration pairs have different predictions at the same truth (p = {p_value_predictions:.2g}), "
        f"{advice}",
        DifferentialErrorWarning,
    )


def group_checks(errors):
    """The two tests as checks: errors must not differ; whether raw predictions would do is reported."""
    p_value_predictions, p_value_truth = errors.p_values()
    gap_predictions, gap_truth = (np.abs(gaps).max() for gaps in (errors.of_predictions, errors.of_truth))
    return [
        Check(
            NON_DIFFERENTIAL_ERRORS,
            p_value_predictions,
            LEVEL_OF_TESTS,
            p_value_predictions >= LEVEL_OF_TESTS,
            "test",
            f"p-value: predictions of groups differ by up to {gap_predictions:.3g} at the same truth",
        ),
        Check(
            "raw predictions suffice",
            p_value_truth,
            None,
            None,
            "reported",
            f"p-value: truths of groups differ by up to {gap_truth:.3g} at the same prediction; if 0, do not correct",
        ),
    ]


def untested_check():
    """The place of the tests where nobody gave groups: what a correction stands or falls with was not looked at."""
    detail = "not tested: give calibration_groups"
    return Check(NON_DIFFERENTIAL_ERRORS, None, None, None, "reported", detail)


def _wald_p_value(coefficients, covariance):
    return float(chi2.sf(coefficients @ np.linalg.solve(covariance, coefficients), coefficients.size))
