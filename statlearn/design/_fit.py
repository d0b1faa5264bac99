"""Weighted least squares, and what it says about itself."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from .._support.user_warnings import warn_user
from ..certificate import Certificate, Check
from ..exceptions import RankDeficientWarning

__all__ = ["STABLE", "LeastSquaresFit", "check_values", "error_factor", "fit_certificate", "fit_least_squares"]

RANK_TOLERANCE = 1e-10  # singular values below it, relative to the largest, are taken as zero
FULL_LEVERAGE = 1e-10  # a point with a leverage this close to 1 cannot be left out
RESOLUTION = 1e-10  # share of the size of values below which their spread may be rounding
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
    loo_error : float
        Root of the weighted mean of the squared leave-one-out errors over points and outputs; infinite where a point
        cannot be left out.
    spread : float
        Weighted standard deviation of the values, which is the error of a constant; at least what rounding may leave.
    """

    coef: np.ndarray
    rank: int
    lambda_min: float
    condition_number: float
    loo_error: float
    spread: float


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
    return np.inf if (spared <= FULL_LEVERAGE).any() else _size((residuals.T / spared).T)


def _spread(targets, roots):
    mean = roots @ targets / (roots @ roots)
    return max(_size(targets - np.multiply.outer(roots, mean)), RESOLUTION * _size(targets))


def _size(targets):
    """Root of the sum over points, which weights make a mean, and of the mean over outputs."""
    return float(np.sqrt(np.mean(np.sum(targets**2, axis=0))))


def error_factor(design, m, n, bound):
    """Expected squared error of a fit to exact values over the least one, where draws below a bound count as 0.

    Write e for the least error, b for the projection of the residual of the best function by the weighted points. The
    squared error is e^2 + |G^-1 b|^2, and E |b|^2 is at most e^2 m / n for points of the optimal density, independent
    or determinantal: a linear statistic of a projection DPP varies no more than that of independent points.

    Parameters
    ----------
    design : str or None
        Name of the design; None for points of unknown origin.
    m : int
        Number of functions.
    n : int
        Number of points.
    bound : float
        Smallest eigenvalue of the Gram matrix below which draws do not count.

    Returns
    -------
    factor : float or None
        The proved factor, None where there is none.
    """
    if design in ("dpp", "volume"):
        return 1.0 + m
    return 1.0 + m / (n * bound**2) if design in ("repeated_dpp", "christoffel") else None


def check_values(values, places, what):
    """Check that there is one finite number, or vector of numbers, per place.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, n_outputs)
        The values.
    places : ndarray of shape (n,) or (n, n_dims)
        What they are values of.
    what : str
        What a place is called in messages.

    Returns
    -------
    values : ndarray of float64
        The values; a single column is made a vector.

    Raises
    ------
    ValueError
        If they are not.

    Warns
    -----
    DataConversionWarning
        If the values are a single column.
    """
    try:
        values = np.asarray(values)
        values = values.astype(np.float64) if values.dtype.kind in "buifO" else values
    except (TypeError, ValueError) as error:
        raise ValueError(f"there must be a real number, or a vector of as many, for every {what}: {error}.") from error
    if values.dtype.kind != "f":
        raise ValueError(f"values must be real numbers. Got an array of type {values.dtype}.")
    if values.ndim not in (1, 2) or len(values) != len(places):
        raise ValueError(
            f"there must be one value, or vector of values, for each of {len(places)} {what}s. Got an array of shape "
            f"{values.shape}."
        )
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=True)
    wrong = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if wrong.size:
        named = ", ".join(f"{place.tolist()}" for place in places[wrong[:NAMED]])
        more = ", ..." if wrong.size > NAMED else ""
        raise ValueError(
            f"{wrong.size} of {len(values)} values that are needed are NaN or infinite: those of {what} {named}{more}. "
            "Give finite ones."
        )
    return values


def fit_certificate(fit, count, *, bound, factor, region, used, assumptions):
    """State what a fit can be trusted for.

    Parameters
    ----------
    fit : LeastSquaresFit
        The fit, of features whose Gram matrix is the identity for the ideal design.
    count : Check
        Number of values paid for.
    bound : float
        Smallest eigenvalue of the Gram matrix that passes.
    factor : float or None
        See `error_factor`.
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
        f"The mean square of a function of the space over the {region} is at most {1.0 / bound:.3g} times its weighted "
        f"mean square over the {used}, and the fit predicts {used} that are left out better than their mean does."
    )
    predicts = fit.loo_error <= fit.spread if np.isfinite(fit.loo_error) else None
    proved = "none is proved"
    if factor is not None:
        proved = "of the least mean squared error; draws below the bound on the eigenvalue count as 0"
    checks = [
        Check("smallest eigenvalue", fit.lambda_min, bound, fit.lambda_min >= bound, "numerical", "of the Gram matrix"),
        Check("condition number", fit.condition_number, None, None, "reported", "of the Gram matrix"),
        Check("leave-one-out error", fit.loo_error, fit.spread, predicts, "test", "bound: spread of the values"),
        Check("expected error factor", factor, None, None, "reported", proved),
        count,
    ]
    return Certificate(claim, checks, assumptions)
