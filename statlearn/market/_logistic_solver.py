r"""Two ways to the budgets of a logistic market: row by row, and all rows at once.

Participants bet by the features of a row, or by their negatives; the log-odds are ``X w``, where w is what is wagered
on each feature less what is wagered against it. Budgets with the sum B let w range over the polytope with the corners
``B e_j``, and also ``-B e_j`` where features have negatives, which makes it the ball of the 1-norm.

A quadratic model of the mean log likelihood is largest in the polytope where a combination of as many vectors as there
are corners is shortest. That is a problem of non-negative least squares: ``min |C b|`` over ``b >= 0, sum(b) = 1`` has
the solution ``b / sum(b)`` of ``min |C b|^2 + (sum(b) - 1)^2`` over ``b >= 0``, which is
``|C b|^2 / (1 + |C b|^2)`` at the best multiple of a b whose sum is 1.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf
from scipy.optimize import brentq, nnls
from scipy.special import expit, log_expit

from .._support.jit import njit
from ._ledger import MIN_BUDGET

__all__ = ["LogisticFit", "budgets_of", "duality_gap", "fit_logistic", "settle_rows"]

LEAST_CURVATURE = 1e-8  # of a row, as a share of its residual
MAX_STEPS = 200
ROUNDING = 1e-15  # of the slope along a direction
NNLS_STEPS = 30  # per corner


# --- row by row -------------------------------------------------------------------------------------------------------


@njit
def settle_rows(order, X, outcomes, rates, budgets, total, losses):
    """Price the rows of ``order`` one after the other, reveal their outcome (0 or 1) and settle, in place.

    ``budgets`` of shape (1, n_features), or (2, n_features) where features have negatives, sum to ``total``, which
    rounding does not change. Rates are lowered where a budget could turn negative otherwise; a row with rate 0 is
    skipped. ``losses`` are minus the logs of the prices of the outcomes.

    Returns the number of lowered rates.
    """
    smallest, n_lowered = MIN_BUDGET * total / budgets.size, 0
    for i in order:
        if rates[i] == 0.0:
            continue
        logit, low, high = 0.0, np.inf, -np.inf
        for s in range(budgets.shape[0]):
            for j in range(budgets.shape[1]):
                bet = X[i, j] if s == 0 else -X[i, j]
                logit += budgets[s, j] * bet
                low, high = min(low, bet), max(high, bet)
        against = logit if outcomes[i] == 0.0 else -logit
        losses[i] = max(against, 0.0) + np.log1p(np.exp(-abs(against)))
        rate = rates[i]
        if rate * (high - low) > 1.0:
            rate, n_lowered = 1.0 / (high - low), n_lowered + 1
        push, mean, after = rate * (outcomes[i] - 1.0 / (1.0 + np.exp(-logit))), logit / total, 0.0
        for s in range(budgets.shape[0]):
            for j in range(budgets.shape[1]):
                bet = X[i, j] if s == 0 else -X[i, j]
                budgets[s, j] = max(budgets[s, j] * (1.0 + push * (bet - mean)), smallest)
                after += budgets[s, j]
        budgets *= total / after
    return n_lowered


# --- all rows at once -------------------------------------------------------------------------------------------------


class LogisticFit(NamedTuple):
    """Slopes, and a proof of how good they are: ``gap`` is at least the mean log likelihood that is missing."""

    slopes: np.ndarray
    gap: float
    losses: list
    n_iter: int


def fit_logistic(X, outcomes, weights, total, signed, *, tol, on_step=None):
    """Maximize the mean log likelihood by Newton's method with an exact line search.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    outcomes : ndarray of shape (n_samples,)
        Zeros and ones.
    weights : ndarray of shape (n_samples,)
        Weights of the rows, which sum to 1.
    total : float
        Sum of the budgets.
    signed : bool
        Whether features have negatives.
    tol : float
        Largest gap.
    on_step : callable or None, default=None
        Called with the slopes after every step; may return True to stop.

    Returns
    -------
    fit : LogisticFit
        The slopes. Their gap is above ``tol`` if rounding hides any further ascent, or steps ran out.
    """
    n_features = X.shape[1]
    slopes = np.zeros(n_features) if signed else np.full(n_features, total / n_features)
    logits, fit, losses, is_hidden = X @ slopes, None, [], False
    while True:
        residuals = outcomes - expit(logits)
        gradient = X.T @ (weights * residuals)
        gap, n_iter = _gap(slopes, gradient, total, signed), len(losses)
        if is_hidden and gap >= fit.gap:
            return fit
        losses.append(_mean_loss(logits, outcomes, weights))
        fit = LogisticFit(slopes, gap, losses, max(n_iter, 1))
        if gap <= tol or n_iter == MAX_STEPS or (n_iter and on_step is not None and on_step(slopes)):
            return fit
        used = (slopes != 0.0) | ((np.abs(gradient) if signed else gradient) > slopes @ gradient / total)
        rows = X[:, used] * np.sqrt(weights * _curvatures(residuals))[:, None]
        target = np.zeros(n_features)
        target[used] = _model_maximizer(rows.T @ rows, gradient[used], slopes[used], total, signed)
        direction = X @ target - logits
        length, is_hidden = _line_search(direction, logits, outcomes, weights)
        slopes, logits = slopes + length * (target - slopes), logits + length * direction


def duality_gap(X, outcomes, weights, slopes, total, signed):
    """Mean log likelihood that slopes in the polytope miss at most."""
    return _gap(slopes, X.T @ (weights * (outcomes - expit(X @ slopes))), total, signed)


def budgets_of(slopes, total, signed):
    """Budgets of shape (1 or 2, n_features) with given slopes; what these leave is divided evenly, which cancels."""
    if not signed:
        return slopes[None]
    wagers = np.maximum([slopes, -slopes], 0.0)
    return wagers + max(total - wagers.sum(), 0.0) / wagers.size


def _mean_loss(logits, outcomes, weights):
    return -float(weights @ log_expit(np.where(outcomes == 1.0, logits, -logits)))


def _gap(slopes, gradient, total, signed):
    """Largest increase in the polytope that the tangent of a concave function promises (Frank and Wolfe)."""
    steepest = np.abs(gradient).max() if signed else gradient.max()
    return max(float(total * steepest - slopes @ gradient), 0.0)


def _curvatures(residuals):
    """Minus the second derivatives of the log likelihoods of rows by their log-odds.

    They are kept away from 0 where rows far on the wrong side, with a residual near 1, still push.
    """
    size = np.abs(residuals)
    return np.maximum(size * (1.0 - size), LEAST_CURVATURE * size)


def _model_maximizer(hessian, gradient, slopes, total, signed):
    """Where in the polytope the quadratic model at the slopes is largest, ``hessian`` being minus its second
    derivative."""
    factor, order, rank, _ = dpstrf(hessian)
    order, factor = order - 1, np.triu(factor[:rank])
    lift = solve_triangular(factor[:, :rank], gradient[order[:rank]], trans=1)
    peak = slopes.copy()
    peak[order[:rank]] += solve_triangular(factor[:, :rank], lift)
    if signed and np.abs(peak).sum() <= total:
        return peak
    root = np.empty_like(factor)
    root[:, order] = factor
    corners = total * (np.hstack([root, -root]) if signed else root)
    shares = _shortest_combination(corners - (root @ slopes + lift)[:, None])
    return total * (np.subtract(*np.split(shares, 2)) if signed else shares)


def _shortest_combination(vectors):
    """Shares, which sum to 1, of the convex combination of columns that has the least norm."""
    scale = np.abs(vectors).max()
    system = np.vstack([vectors / scale, np.ones(vectors.shape[1])])
    goal = np.zeros(len(system))
    goal[-1] = 1.0
    shares = nnls(system, goal, maxiter=NNLS_STEPS * vectors.shape[1])[0]
    return shares / shares.sum()


def _line_search(direction, logits, outcomes, weights):
    """Length in [0, 1] of the best step along a direction of the log-odds, and whether rounding hides any ascent.

    The full step is the better bet then: it may still close the gap, which is linear in errors where the ascent is
    quadratic.
    """
    push = weights * direction

    def slope(length):
        return float(push @ (outcomes - expit(logits + length * direction)))

    rounding = ROUNDING * float(np.abs(push).sum())
    is_hidden = slope(0.0) <= rounding
    if is_hidden or slope(1.0) >= -rounding:
        return 1.0, is_hidden
    return brentq(slope, 0.0, 1.0), False
