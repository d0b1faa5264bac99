"""Densities whose logarithm is a natural cubic spline, by Lindsey's method: a Poisson regression on counts in bins."""

import numpy as np

__all__ = ["basis_values", "fit_log_spline", "spline_knots"]

MAX_STEPS = 100
MAX_HALVINGS = 40
NUDGE = 1e-9
PRECISION = 1e-12  # of the largest component of the gradient; the masses sum to 1


def spline_knots(shares, df):
    """Knots of a natural spline with ``df`` degrees of freedom beside the constant: the ends and quantiles of the bins.

    Parameters
    ----------
    shares : ndarray of shape (n_bins,)
        Share of each bin of [0, 1], the first and the last not 0.
    df : int
        Degrees of freedom, at least 2.

    Returns
    -------
    knots : ndarray of shape (df + 1,)
        Increasing from 0 to 1.

    Raises
    ------
    ValueError
        If two knots fall together.
    """
    edges = np.linspace(0.0, 1.0, len(shares) + 1)
    cumulative = np.concatenate([[0.0], np.cumsum(shares)])
    levels = np.arange(1, df) / df + [[-NUDGE], [NUDGE]]  # of a stretch without values the middle
    inner = np.interp(levels, cumulative / cumulative[-1], edges).mean(axis=0)
    knots = np.concatenate([[0.0], inner, [1.0]])
    if np.any(np.diff(knots) < 1.0 / len(shares)):
        raise ValueError(
            f"df={df} knots of the spline do not fit {np.count_nonzero(shares)} occupied bins of {len(shares)}: two of "
            "them are in one bin. Use a smaller df, more n_bins, or another score."
        )
    return knots


def basis_values(z, knots, derivative=0):
    """Natural cubic splines without the constant, linear beyond the knots, or a derivative of order 1 or 2.

    Parameters
    ----------
    z : ndarray of shape (n,)
        Points of the line.
    knots : ndarray of shape (df + 1,)
        Increasing from 0 to 1.
    derivative : int, default=0
        Order of the derivative.

    Returns
    -------
    values : ndarray of shape (n, df)
        The identity and differences of truncated powers.
    """
    power, factor = 3 - derivative, (1.0, 3.0, 6.0)[derivative]
    inside = np.clip(z, 0.0, 1.0)

    def truncated(knot):
        return factor * np.maximum(inside - knot, 0.0) ** power

    last = truncated(knots[-1])
    divided = [(truncated(knot) - last) / (knots[-1] - knot) for knot in knots[:-1]]
    identity = (inside, np.ones(len(z)), np.zeros(len(z)))[derivative]
    values = np.stack([identity, *(part - divided[-1] for part in divided[:-1])], axis=1)
    if derivative == 0:
        beyond = z - inside
        values += beyond[:, None] * basis_values(inside, knots, 1)
    elif derivative == 2:
        values[z != inside] = 0.0
    return values


def fit_log_spline(shares, basis):
    """Coefficients of the Poisson regression of shares on a basis, by Newton's method.

    Parameters
    ----------
    shares : ndarray of shape (n_bins,)
        Shares of the bins, which sum to 1.
    basis : ndarray of shape (n_bins, df)
        Functions beside the constant at the middles of the bins.

    Returns
    -------
    constant : float
        Coefficient of the constant.
    coefficients : ndarray of shape (df,)
        The others.
    converged : bool
        Whether the gradient vanished.
    """
    center = basis.mean(axis=0)
    orthonormal, triangle = np.linalg.qr(np.column_stack([np.ones(len(shares)), basis - center]))
    target = orthonormal.T @ shares
    solution = orthonormal.T @ np.full(len(shares), -np.log(len(shares)))
    value, masses = _likelihood(solution, orthonormal, shares)
    for _ in range(MAX_STEPS):
        gradient = target - orthonormal.T @ masses
        if np.max(np.abs(gradient)) <= PRECISION:
            break
        step = np.linalg.solve((orthonormal.T * masses) @ orthonormal, gradient)
        for _ in range(MAX_HALVINGS):
            new_value, new_masses = _likelihood(solution + step, orthonormal, shares)
            if new_value >= value - PRECISION * abs(value):
                break
            step = 0.5 * step
        else:
            break
        solution, value, masses = solution + step, new_value, new_masses
    converged = bool(np.max(np.abs(target - orthonormal.T @ masses)) <= 1e3 * PRECISION)
    raw = np.linalg.solve(triangle, solution)
    return float(raw[0] - raw[1:] @ center), raw[1:], converged


def _likelihood(solution, orthonormal, shares):
    """Poisson log-likelihood of shares and the fitted masses."""
    logs = orthonormal @ solution
    with np.errstate(over="ignore"):
        masses = np.exp(logs)
    return float(shares @ logs - masses.sum()), masses
