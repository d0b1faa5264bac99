"""What a regressor with corrected predictions can vouch for, beyond its corrector."""

from dataclasses import replace

import numpy as np

from .._support.delegation import certificate_checks
from ..certificate import Certificate, Check
from ._calibration_sample import fit_slope, is_constant
from ._correction_certificate import OUT_OF_SAMPLE

__all__ = ["regressor_certificate"]

STAND_INS = (
    "the model fitted to all rows errs, given the truth, as those of the folds do, which were fitted to fewer rows"
)
SEPARATE_FOLDS = "rows of different folds are independent (rows of one unit share a fold)"


def regressor_certificate(certificate, predictions, truth, sample_weight, held_out, fitted):
    """The certificate of the corrector, with what cross-validation adds.

    Parameters
    ----------
    certificate : Certificate
        Of the corrector.
    predictions, truth : ndarray of shape (n_samples,)
        Out-of-fold predictions and what they predict.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    held_out : list of ndarray of int
        Test rows of the folds; none if the regressor was frozen.
    fitted : estimator
        The regressor.

    Returns
    -------
    certificate : Certificate
        Of a regressor that was fitted, with other assumptions, and the slopes of the folds as a check. If the regressor
        has a certificate, it is reported.
    """
    reported = certificate_checks("certificate of the regressor", fitted)
    if not held_out:
        return replace(certificate, checks=(*certificate.checks, *reported))
    weights = np.ones_like(truth) if sample_weight is None else sample_weight
    kept = [assumption for assumption in certificate.assumptions if assumption != OUT_OF_SAMPLE]
    return Certificate(
        claim=certificate.claim,
        checks=(*certificate.checks, _fold_slopes(predictions, truth, weights, held_out), *reported),
        assumptions=(*kept, SEPARATE_FOLDS, STAND_INS),
    )


def _fold_slopes(predictions, truth, weights, held_out):
    """How far the models of the folds differ in their shrinkage."""
    slopes = []
    for rows in held_out:
        counted = rows[weights[rows] > 0.0]
        if counted.size > 1 and not is_constant(truth[counted]):
            slopes.append(fit_slope(truth[counted], predictions[counted], weights[counted]).slope)
    if not slopes:
        detail = f"of out-of-fold predictions on the truth: none, as no fold of {len(held_out)} has two outcomes"
        return Check("slope by fold", None, None, None, "reported", detail)
    detail = (
        f"range of the slopes of predictions on the truth in {len(slopes)} folds, {min(slopes):.3g} to "
        f"{max(slopes):.3g}: wide ranges are noise of small folds, or models that differ"
    )
    return Check("slope by fold", max(slopes) - min(slopes), None, None, "reported", detail)
