"""Weighted least squares, and what it says about itself."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from .._support.user_warnings import warn_user
from .._support.validation import refuse_dates, refuse_masked
from ..certificate import Certificate, Check
from ..exceptions import RankDeficientWarning

__all__ = [
    "RESOLUTION",
    "STABLE",
    "LeastSquaresFit",
    "check_values",
    "drawing_checks",
    "fit_certificate",
    "fit_least_squares",
    "proved_error",
]

RANK_TOLERANCE = 1e-10  # singular values below it, relative to the largest, are taken as zero
FULL_LEVERAGE = 1e-10  # a point with a leverage this close to 1 cannot be left out
RESOLUTION = 1e-13  # share of the size of values below which their spread may be rounding
STABLE = 0.1  # smallest eigenvalue of the Gram matrix that a certificate passes without a bound of the user
NAMED = 5  # places in a message


class LeastSquaresFit(NamedTuple):
    """A weighted least-squares fit.

    Attributes
    ----------
    coef : ndarray of shape (m,) or (m, n_outputs)
        Coefficients; those of smallest norm if the features are not independent.
    rank : int
        Numerical rank of the features.
    lambda_min : float
        Smallest eigenvalue of the Gram matrix of the features; 0 with fewer points than functions.
    condition_number : float
        Largest over smallest eigenvalue.
    loo_error : float or ndarray of shape (n_outputs,)
        Root of the weighted mean of the squared leave-one-out errors; infinite where a point cannot be left out.
    spread : float or ndarray of shape (n_outputs,)
        Weighted standard deviation of the values, which is the error of a constant; 0 if it may be rounding.
    """

    coef: np.ndarray
    rank: int
    lambda_min: float
    condition_number: float
    loo_error: float | np.ndarray
    spread: float | np.ndarray


def fit_least_squares(features, roots, values, rcond=None):
    """Minimize ``|| features @ coef - roots * values ||`` by the singular value decomposition.

    Parameters
    ----------
    features : ndarray of shape (n, m)
        Rows times the roots of their weights.
    roots : ndarray of shape (n,)
        The roots of the weights, which sum to a mean.
    values : ndarray of shape (n,) or (n, n_outputs)
        Values to fit.
    rcond : float or None, default=None
        Singular values below it, relative to the largest, count as zero; None is 1e-10.

    Returns
    -------
    fit : LeastSquaresFit
        The fit.

    Warns
    -----
    RankDeficientWarning
        If the features are not independent.
    """
    targets = (roots * values.T).T
    left, singular, right = np.linalg.svd(features, full_matrices=False)
    rank = int(np.count_nonzero(singular > (RANK_TOLERANCE if rcond is None else rcond) * singular[0]))
    n, m = features.shape
    if rank < m:
        warn_user(
            f"The points determine the fit in {rank} of m={m} dimensions only. The coefficients of smallest norm are "
            "taken: get values at more points.",
            RankDeficientWarning,
        )
    lambda_min = float(singular[-1] ** 2) if n >= m else 0.0
    condition_number = float(singular[0] ** 2) / lambda_min if lambda_min > 0.0 else np.inf
    left = left[:, :rank]
    projected = left.T @ targets
    coef = right[:rank].T @ (projected.T / singular[:rank]).T
    loo_error = _loo_error(targets - left @ projected, np.einsum("ij,ij->i", left, left))
    return LeastSquaresFit(coef, rank, lambda_min, condition_number, loo_error, _spread(targets, roots))


def _loo_error(residuals, leverage):
    spared = 1.0 - leverage
    sizes = _sizes((residuals.T / np.where(spared <= FULL_LEVERAGE, 1.0, spared)).T)
    return np.inf * np.ones_like(sizes) if (spared <= FULL_LEVERAGE).any() else sizes


def _spread(targets, roots):
    mean = roots @ targets / (roots @ roots)
    spread = _sizes(targets - np.multiply.outer(roots, mean))
    return np.where(spread <= RESOLUTION * _sizes(targets), 0.0, spread)[()]


def _sizes(targets):
    """Root of the sum of squares over points, of which weights make a mean, for each output, on any scale."""
    largest = np.abs(targets).max(axis=0)
    unit = np.where(largest > 0.0, largest, 1.0)
    return largest * np.sqrt(np.sum((targets / unit) ** 2, axis=0))


def proved_error(design, m, n, lambda_min, bound, redrawn=False):
    """What is proved of the expected squared error of a fit to exact values.

    Write e for the least error, b for the projection of the residual of the best function by the weighted points. The
    squared error is e^2 + |G^-1 b|^2, and E |b|^2 is at most e^2 m / n for points of the optimal density, independent
    or determinantal: a linear statistic of a projection DPP varies no more than that of independent points. Designs are
    those of estimators, "volume" with the optimal density as its reference.

    Parameters
    ----------
    design : str or None
        Name of the design; None for points of unknown origin.
    m : int
        Number of functions.
    n : int
        Number of points.
    lambda_min : float
        Smallest eigenvalue of the Gram matrix.
    bound : float
        Smallest eigenvalue of the Gram matrix below which designs do not count.
    redrawn : bool, default=False
        Whether the design was redrawn until it met the bound.

    Returns
    -------
    factor : float or None
        The factor by which the expected squared error is at most above the least one; None where none is proved.
    detail : str
        Its conditions.
    """
    if design in ("dpp", "volume") and not redrawn:
        return 1.0 + m, "of the least mean squared error, on average over designs"
    if design in (None, "iid"):
        return None, "none is proved"
    if lambda_min < bound:
        return None, "none: this design is below the bound on the eigenvalue"
    factor = 1.0 + m / (n * bound**2)
    if redrawn:
        return None, f"1 + {factor - 1.0:.3g} over the chance, which is not known, of a design to meet the bound"
    return factor, "of the least mean squared error, on average where designs below the bound count as 0"


def drawing_checks(design):
    """How many designs were drawn for one that had to meet a condition."""
    if design.conditioned is None:
        return []
    detail = "until one met the bound" if design.conditioned else "none of which met the bound: this is the best one"
    return [Check("designs drawn", design.n_drawn, None, None, "reported", detail)]


def check_values(values, places, what, cure, name="values"):
    """Check that there is one finite number, or vector of numbers, per place.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, n_outputs)
        The values.
    places : ndarray of shape (n,) or (n, n_dims)
        What they are values of.
    what : str
        What a place is called in messages.
    cure : str
        What to do about a value that is not there, a sentence for the message.
    name : str, default="values"
        What the values are called in messages.

    Returns
    -------
    values : ndarray of float64
        The values; a single column is made a vector.

    Raises
    ------
    TypeError
        If they are masked, or dates.
    ValueError
        If they are not numbers, or not enough.

    Warns
    -----
    DataConversionWarning
        If the values are a single column.
    """
    refuse_masked(values, name)
    refuse_dates(values, name)
    try:
        values = np.asarray(values)
        values = values.astype(np.float64) if values.dtype.kind in "buifO" else values
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must have a real number, or a vector of as many, for every {what}: {error}."
        ) from error
    if values.dtype.kind != "f":
        raise ValueError(f"{name} must be real numbers. Got an array of type {values.dtype}.")
    if values.ndim not in (1, 2) or len(values) != len(places) or values.shape[-1] == 0:
        raise ValueError(
            f"{name} must have one value, or vector of values, for each of {len(places)} {what}s. Got an array of "
            f"shape {values.shape}."
        )
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    wrong = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if wrong.size:
        named = ", ".join(f"{place.tolist()}" for place in places[wrong[:NAMED]])
        more = ", ..." if wrong.size > NAMED else ""
        raise ValueError(
            f"{wrong.size} of {len(values)} values that are needed are NaN or infinite: those of {what} {named}{more}. "
            f"{cure}"
        )
    return values


def fit_certificate(fit, reported, *, bound, proved, region, used, assumptions):
    """State what a fit can be trusted for.

    Parameters
    ----------
    fit : LeastSquaresFit
        The fit, of features whose Gram matrix is the identity for the ideal design.
    reported : list of Check
        What else to say, such as the number of values paid for.
    bound : float
        Smallest eigenvalue of the Gram matrix that passes.
    proved : tuple of float or None and str
        See `proved_error`.
    region : str
        Where errors count, in words.
    used : str
        Where there are values, in words.
    assumptions : sequence of str
        What nothing here verified.

    Returns
    -------
    certificate : Certificate
        The certificate.
    """
    claim = (
        f"The mean square of a function of the space over the {region} is at most {1.0 / bound:.3g} times the mean "
        f"over the {used} of its squares times their weights, and the fit predicts {used} that are left out better "
        "than a constant does."
    )
    is_stable = fit.lambda_min >= bound
    stability = "of the Gram matrix" if is_stable else f"of the Gram matrix: too small, more {used} would raise it"
    factor, conditions = proved
    checks = [
        Check("smallest eigenvalue", fit.lambda_min, bound, is_stable, "numerical", stability),
        Check("condition number", fit.condition_number, None, None, "reported", "of the Gram matrix"),
        _prediction_check(np.atleast_1d(fit.loo_error), np.atleast_1d(fit.spread)),
        Check("expected error factor", factor, None, None, "reported", conditions),
        *reported,
    ]
    return Certificate(claim, checks, assumptions)


def _prediction_check(errors, spreads):
    """Whether the fit predicts better than a constant, for the output for which that is least so."""
    varies = spreads > 0.0
    worst = int(np.argmax(np.divide(errors, spreads, out=np.zeros_like(errors), where=varies)))
    error, spread = float(errors[worst]), float(spreads[worst])
    predicts = bool(error <= spread) if varies[worst] and np.isfinite(error) else None
    output = f", output {worst}, the worst" if errors.size > 1 else ""
    meaning = "bound: spread of the values" if varies[worst] else "values do not vary beyond rounding"
    return Check("leave-one-out error", error, spread, predicts, "test", meaning + output)
