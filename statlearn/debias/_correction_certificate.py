"""What a correction of predictions can vouch for."""

import numpy as np
from scipy.stats import chi2

from ..certificate import Certificate, Check
from ._calibration_sample import fit_slope, is_wider, weighted_covariance, weighted_mean
from ._truth_bins import largest_bias

__all__ = [
    "NON_DIFFERENTIAL",
    "N_FOLDS",
    "OUT_OF_SAMPLE",
    "added_terms_p",
    "correction_certificate",
    "cross_fitted",
    "residual_checks",
    "standardized",
]

N_FOLDS = 5  # of the cross-fitted checks, where no parameter says otherwise
LEVEL = 0.01  # at which tests reject
N_BINS = 10  # of the truth, whose conditional biases are reported
DEPENDENT = 1e-8  # relative size below which a column is a combination of others
WIDEST = 0.5  # interval of a slope that is taken for 1
FEWEST_TO_TRAIN = 8  # pairs, without which nothing is cross-fitted

CLAIM = "Units with the same true outcome have, on average, this outcome as their corrected prediction."
NON_DIFFERENTIAL = (
    "groups that are compared differ in their predictions only through the truth (non-differential error): where they "
    "are made by what the model sees, raw predictions are unbiased and a correction does harm"
)
OUT_OF_SAMPLE = "the model was not fitted to the calibration pairs"
SAME_ERRORS = "predictions given the truth are distributed as in the calibration sample wherever they are corrected"


def correction_certificate(sample, correction, held_out, clip, *, checks, assumptions):
    """The certificate of a corrector.

    Parameters
    ----------
    sample : CalibrationSample
        The pairs.
    correction : Correction
        What was learned from all of them.
    held_out : ndarray of shape (n_samples,) or None
        Each pair corrected by what others teach; None if that could not be done.
    clip : tuple of float or None
        Bounds of corrected values.
    checks : sequence of Check
        Those that are particular to the corrector.
    assumptions : sequence of str
        What nothing verified, beside what no corrector can do without.

    Returns
    -------
    certificate : Certificate
        The checks.
    """
    if held_out is not None and clip is not None:
        held_out = np.clip(held_out, *clip)
    found = [_slope_before(sample), _slope_after(sample, held_out)]
    if held_out is not None:
        found += [_straight_after(sample, held_out), _conditional_bias(sample, held_out), _explained(sample, held_out)]
    found += [*checks, _support(sample)]
    if clip is not None:
        found.append(_clipped(sample, correction, clip))
    return Certificate(
        claim=CLAIM, checks=found, assumptions=(NON_DIFFERENTIAL, OUT_OF_SAMPLE, SAME_ERRORS, *assumptions)
    )


def cross_fitted(learn, sample, folds):
    """Correct each pair by what the other folds teach.

    Parameters
    ----------
    learn : callable
        Takes a `CalibrationSample`, returns a `Correction`.
    sample : CalibrationSample
        The pairs.
    folds : list of (ndarray of int, ndarray of int)
        Training rows and held-out rows.

    Returns
    -------
    corrected : ndarray of shape (n_samples,) or None
        Corrected predictions; None if the training rows of a fold are too few, constant, or without any slope.
    """
    corrected = np.empty(len(sample))
    for train, held_out in folds:
        part = sample.take(train)
        if len(part) < FEWEST_TO_TRAIN or part.is_degenerate() or part.is_uncorrelated():
            return None
        corrected[held_out] = learn(part).evaluate(sample.predictions[held_out])
    return corrected


def residual_checks(recalibrated, decides=True):
    """Whether residuals of the truth are normal and homoscedastic; nothing if there are none to speak of.

    Parameters
    ----------
    recalibrated : CalibrationSample
        Recalibrated predictions and the truth.
    decides : bool, default=True
        Whether the correction assumes the same variance everywhere; otherwise that check has no outcome.

    Returns
    -------
    checks : list of Check
        Two, or none.
    """
    residuals, weights = recalibrated.truth - recalibrated.predictions, recalibrated.weights
    noise, spread = (weighted_covariance(values, values, weights) for values in (residuals, recalibrated.truth))
    if noise <= DEPENDENT**2 * spread:
        return []
    return [_normality(residuals, weights), _homoscedasticity(recalibrated.predictions, residuals, weights, decides)]


def _homoscedasticity(predictions, residuals, weights, decides):
    """Whether the variance of residuals is the same for all predictions, against a quadratic."""
    z = standardized(predictions, weights)
    squares = standardized(residuals, weights) ** 2
    p = added_terms_p(np.column_stack([np.ones_like(z), z, z**2]), squares, weights, 2)
    name, detail = "homoscedastic residuals", "p-value of a quadratic in predictions for the squared residuals"
    return _test(name, p, detail) if decides else Check(name, p, None, None, "reported", detail)


def _normality(residuals, weights):
    """Whether residuals have the skewness and kurtosis of a normal distribution (Jarque and Bera)."""
    z = standardized(residuals, weights)
    skewness, excess = weighted_mean(z * z * z, weights), weighted_mean((z * z) ** 2, weights) - 3.0
    shares = weights / weights.sum()
    n_effective = 1.0 / (shares @ shares)
    p = float(chi2.sf(n_effective * (skewness**2 / 6.0 + excess**2 / 24.0), 2))
    return _test("normal residuals", p, f"p-value of skewness {skewness:.2g} and excess kurtosis {excess:.2g}")


def _slope_before(sample):
    fit = sample.slope_of_predictions()
    detail = f"of predictions on the truth; {_interval(fit)}"
    if is_wider(fit, sample.slope_of_truth()):
        detail += (
            "; predictions vary more than the truth: are the two arguments swapped, in different units, or predictions "
            "corrected already?"
        )
    return Check("slope before", fit.slope, None, None, "reported", detail)


def _slope_after(sample, held_out):
    name = "slope after"
    if held_out is None:
        why = "not decided: a fold would have too few pairs, constant ones, or no slope"
        return Check(name, None, 1, None, "test", why)
    fit = fit_slope(sample.truth, held_out, sample.weights)
    p = fit.p_value(1.0)
    detail = f"of cross-fitted corrected predictions on the truth; {_interval(fit)}; p-value of slope 1: {p:.2g}"
    if p >= LEVEL and np.diff(fit.interval())[0] > WIDEST:
        return Check(name, fit.slope, 1, None, "test", f"not decided, the interval is too wide: {detail}")
    return Check(name, fit.slope, 1, bool(p >= LEVEL), "test", detail)


def _straight_after(sample, held_out):
    """Whether what is left of the error, beside a line, depends on the truth."""
    z = standardized(sample.truth, sample.weights)
    terms = np.column_stack([np.ones_like(z), z, z * z, z * z * z])  # powers above 2 take a logarithm per value
    detail = "p-value of a quadratic and a cubic term in the truth for the mean of cross-fitted corrected predictions"
    return _test("straight after", added_terms_p(terms, held_out, sample.weights, 2), detail)


def _conditional_bias(sample, held_out):
    """The largest mean error among bins of the truth, beside that of the raw predictions."""
    after, before = (
        largest_bias(values - sample.truth, sample.truth, sample.weights, N_BINS)
        for values in (held_out, sample.predictions)
    )
    sd = np.sqrt(weighted_covariance(sample.truth, sample.truth, sample.weights))
    detail = (
        f"largest mean error among tenths of the truth, cross-fitted; before {before:.3g}; the truth has standard "
        f"deviation {sd:.3g}"
    )
    return Check("bias given the truth", after, None, None, "reported", detail)


def _explained(sample, held_out):
    """R² as predictions of single units, which a correction lowers."""
    variance = weighted_covariance(sample.truth, sample.truth, sample.weights)
    after, before = (
        1.0 - weighted_mean((values - sample.truth) ** 2, sample.weights) / variance
        for values in (held_out, sample.predictions)
    )
    detail = f"of corrected predictions, cross-fitted; before {before:.3g}: they are no better for single units"
    return Check("R2", after, None, None, "reported", detail)


def _support(sample):
    low, high = sample.predictions.min(), sample.predictions.max()
    detail = f"predictions from {low:.4g} to {high:.4g}; beyond them the correction is extrapolated"
    return Check("calibration pairs", len(sample), None, None, "reported", detail)


def _clipped(sample, correction, clip):
    corrected = correction.evaluate(sample.predictions)
    outside = (corrected < clip[0]) | (corrected > clip[1])
    detail = f"share of calibration predictions whose correction is cut to {clip[0]:g} to {clip[1]:g}, which biases it"
    return Check("clipped", weighted_mean(outside.astype(float), sample.weights), None, None, "reported", detail)


def _test(name, p, detail):
    return Check(name, p, LEVEL, bool(p >= LEVEL) if np.isfinite(p) else None, "test", detail)


def _interval(fit):
    low, high = fit.interval()
    return f"95 % interval {low:.3g} to {high:.3g}"


def standardized(values, weights):
    """Values with weighted mean 0 and variance 1; zeros if they are constant."""
    sd = np.sqrt(weighted_covariance(values, values, weights))
    return (values - weighted_mean(values, weights)) / (sd if sd > 0.0 else 1.0)


def added_terms_p(design, response, weights, n_added):
    """P-value of the last columns of a weighted least-squares fit: score test, robust to heteroscedasticity.

    NaN if the columns are linearly dependent, or there are not more rows than columns.
    """
    n, n_columns = design.shape
    if n <= n_columns:
        return np.nan
    basis, triangle = np.linalg.qr(np.sqrt(weights)[:, None] * design)
    diagonal = np.abs(np.diag(triangle))
    if diagonal.min() < DEPENDENT * diagonal.max():
        return np.nan
    kept, added = basis[:, :-n_added], basis[:, -n_added:]
    scaled = np.sqrt(weights) * response
    scores = added * (scaled - kept @ (kept.T @ scaled))[:, None]
    covariance = scores.T @ scores
    if np.linalg.matrix_rank(covariance) < n_added:
        return np.nan
    total = scores.sum(axis=0)
    return float(chi2.sf(total @ np.linalg.solve(covariance, total), n_added))
