"""Compiled loops of the ordinal family.

Symbols of the formulas, with shapes (``n`` rows, ``q`` coordinates of a quadratic model):

=============  ========================  =====================================================================
``u``, ``v``   ``predictors[:, 0 / 1]``  cut predictors just above and just below the observed class
``d``          ``u - v``                 their distance; the likelihood needs ``d > 0``
``r``          ``1 / expm1(d)``          slope of ``-log(1 - exp(-d))``
``s``          ``r * (1 + r)``           its curvature
=============  ========================  =====================================================================

The lowest class has ``v = -inf`` and the highest ``u = +inf``, so one formula serves every row.
"""

import numpy as np

from .._support.jit import njit

__all__ = [
    "assemble_hessian",
    "coordinate_descent",
    "dual_bound",
    "pool_adjacent_violators",
    "projected_search",
    "row_terms",
    "shifted_slopes",
]


FAR = 500.0  # beyond it products of exponentials may under- or overflow
CLOSE = 0.5  # below it ``1 - e^-d`` would cancel


@njit
def _row(u, v, d):
    """``sigma(-u)``, ``sigma(v)``, ``r`` and ``e^(min(u, 0) - max(v, 0)) / P``; a predictor a row lacks is infinite."""
    if v == -np.inf:  # the lowest class: P = sigma(u)
        tail = np.exp(-abs(u))
        below = tail / (1.0 + tail) if u >= 0.0 else 1.0 / (1.0 + tail)
        return below, 0.0, 0.0, 1.0 + tail
    if u == np.inf:  # the highest class: P = sigma(-v)
        tail = np.exp(-abs(v))
        above = tail / (1.0 + tail) if v <= 0.0 else 1.0 / (1.0 + tail)
        return 0.0, above, 0.0, 1.0 + tail
    tail_u, tail_v = np.exp(-abs(u)), np.exp(-abs(v))
    below = tail_u / (1.0 + tail_u) if u >= 0.0 else 1.0 / (1.0 + tail_u)
    above = tail_v / (1.0 + tail_v) if v <= 0.0 else 1.0 / (1.0 + tail_v)
    if d > CLOSE and abs(u) < FAR and abs(v) < FAR:
        vanishing = (tail_u if u >= 0.0 else 1.0 / tail_u) * (tail_v if v <= 0.0 else 1.0 / tail_v)  # e^-d
        inside = 1.0 - vanishing
    else:
        inside = -np.expm1(-d)
        vanishing = 1.0 - inside
    return below, above, vanishing / inside, (1.0 + tail_u) * (1.0 + tail_v) / inside


@njit
def _add(total, carry, term):
    """Kahan's compensated sum: ``total + term`` and what rounding took from it."""
    term -= carry
    result = total + term
    return result, (result - total) - term


@njit
def row_terms(predictors, weights, slopes, curvatures):
    """Negative log-likelihood of the rows, its slopes in (u, v) and its curvature terms.

    With ``sp(z) = log(1 + e^z)`` a row costs ``sp(-u) + sp(v) - log(1 - e^-d)``; the three logarithms are taken as one.
    Fills ``slopes[i] = w (dl/du, dl/dv)`` and ``curvatures[i] = w (sigma'(u), sigma'(v), s)``.

    Returns
    -------
    loss : float
        Weighted sum; ``inf`` as soon as one row has ``d <= 0``.
    """
    loss, carry = 0.0, 0.0
    for i in range(predictors.shape[0]):
        u, v, w = predictors[i, 0], predictors[i, 1], weights[i]
        d = u - v
        if not d > 0.0:
            return np.inf
        below, above, r, inverse = _row(u, v, d)
        loss, carry = _add(loss, carry, w * (max(-u, 0.0) + max(v, 0.0) + np.log(inverse)))
        slopes[i, 0] = -w * (below + r)
        slopes[i, 1] = w * (above + r)
        curvatures[i, 0] = w * below * (1.0 - below)
        curvatures[i, 1] = w * above * (1.0 - above)
        curvatures[i, 2] = w * r * (1.0 + r)
    return loss


@njit
def shifted_slopes(curvatures, shift):
    """Linear change of the slopes in (u, v) when the predictors change by ``shift``."""
    result = np.empty_like(shift)
    for i in range(shift.shape[0]):
        along = curvatures[i, 2] * (shift[i, 0] - shift[i, 1])
        result[i, 0] = curvatures[i, 0] * shift[i, 0] + along
        result[i, 1] = curvatures[i, 1] * shift[i, 1] - along
    return result


@njit
def _excess(t, moved, upper):
    """How far at most a dual term at ``moved`` lies above its tangent at ``t``: half the square over the least divisor.

    The second derivative of ``h(t) + h(1 - t)`` is ``1 / (t (1 - t))``, with ``upper = 1``; that of ``h(t) - h(1 + t)``
    is ``1 / (t (1 + t))``, with ``upper = -1``. Both are largest at an end of the move.
    """
    move = moved - t
    if move == 0.0:
        return 0.0
    least = min(t * abs(upper - t), moved * abs(upper - moved))
    return 0.5 * move * move / least if least > 0.0 else np.inf


@njit
def dual_bound(loss, predictors, shift, weights, scale):
    """Lower bound on the dual objective at the dual point of the fit, corrected along ``shift`` and scaled.

    At the fit itself the conjugates are tight, and their derivatives there are the predictors; so no logarithm is
    needed, only the remainder of the second order. Returns ``-inf`` outside the domain of the conjugates.
    """
    total, carry = loss, 0.0
    for i in range(predictors.shape[0]):
        u, v = predictors[i, 0], predictors[i, 1]
        below, above, r, _ = _row(u, v, u - v)
        first = scale * (below - below * (1.0 - below) * shift[i, 0])
        second = scale * (above + above * (1.0 - above) * shift[i, 1])
        third = scale * (r - r * (1.0 + r) * (shift[i, 0] - shift[i, 1]))
        if not (0.0 <= first <= 1.0 and 0.0 <= second <= 1.0 and third >= 0.0):
            return -np.inf
        row = -_excess(below, first, 1.0) - _excess(above, second, 1.0) - _excess(r, third, -1.0)
        if u < np.inf:
            row += (first + third) * u
        if v > -np.inf:
            row -= (second + third) * v
        total, carry = _add(total, carry, weights[i] * row)
    return total


@njit
def assemble_hessian(same, crossed, block, feature):
    """Hessian of the chosen coordinates from the 2M - 1 distinct blocks of the difference parametrisation.

    Coordinates ``a = (k, i)`` and ``b = (l, j)`` meet in ``same[k][i, j]`` when ``k == l`` and in
    ``crossed[max(k, l)][i, j]`` otherwise.
    """
    size = block.shape[0]
    hessian = np.empty((size, size))
    for a in range(size):
        k, i = block[a], feature[a]
        for b in range(a + 1):
            level = block[b]
            j = feature[b]
            value = same[k, i, j] if k == level else crossed[max(k, level), i, j]
            hessian[a, b] = value
            hessian[b, a] = value
    return hessian


@njit
def coordinate_descent(hessian, gradient, theta, lasso, ridge, tol, max_sweeps, zeros_only):
    """Covariance-update coordinate descent on ``g't + t'Ht/2 + sum lasso |t| + ridge t^2 / 2``, in place.

    ``gradient`` is the gradient of the smooth part without the ridge at ``theta`` and is kept current. With
    ``zeros_only`` the coordinates that are not zero when their turn comes are left alone.

    Returns
    -------
    violation : float
        Largest optimality violation met during the last sweep, before it was mended.
    """
    size = theta.shape[0]
    violation = np.inf
    for _ in range(max_sweeps):
        violation = 0.0
        for c in range(size):
            old = theta[c]
            scale = hessian[c, c] + ridge[c]
            if scale <= 0.0 or (zeros_only and old != 0.0):
                continue
            pull = hessian[c, c] * old - gradient[c]
            new = np.sign(pull) * max(abs(pull) - lasso[c], 0.0) / scale
            if new == old:
                continue
            step = new - old
            theta[c] = new
            violation = max(violation, scale * abs(step))
            for b in range(size):
                gradient[b] += step * hessian[c, b]
        if violation <= tol:
            break
    return violation


@njit
def projected_search(system, residual, start, step, side):
    """First minimizer of a quadratic along ``start + length * step``, projected onto an orthant.

    Coordinates with a sign ``side`` stop at zero when they reach it; the piecewise quadratic is followed from break to
    break, O(q) each. ``step`` solves ``system @ step = -residual``.
    """
    moved, direction = start.copy(), step.copy()
    slope, along = residual.copy(), -residual  # gradient of the quadratic, and system @ direction
    lengths = np.full(start.size, np.inf)
    for c in range(start.size):
        if side[c] * step[c] < 0.0:
            lengths[c] = -start[c] / step[c]
    reached = 0.0
    for c in np.argsort(lengths):
        descent, curvature = np.dot(slope, direction), np.dot(direction, along)
        if descent >= 0.0 or curvature <= 0.0:
            return moved
        best = -descent / curvature
        if reached + best <= lengths[c]:
            return moved + best * direction
        advance = lengths[c] - reached
        reached = lengths[c]
        moved += advance * direction
        slope += advance * along
        along -= direction[c] * system[:, c]
        moved[c] = 0.0
        direction[c] = 0.0
    return moved


@njit
def pool_adjacent_violators(values):
    """Least-squares non-increasing fit to each row of ``values``."""
    result = values.copy()
    n_rows, n_columns = values.shape
    means = np.empty(n_columns)
    sizes = np.empty(n_columns, np.int64)
    for i in range(n_rows):
        pools = 0
        for j in range(n_columns):
            means[pools], sizes[pools] = values[i, j], 1
            pools += 1
            while pools > 1 and means[pools - 2] < means[pools - 1]:
                size = sizes[pools - 2] + sizes[pools - 1]
                total = means[pools - 2] * sizes[pools - 2] + means[pools - 1] * sizes[pools - 1]
                means[pools - 2], sizes[pools - 2] = total / size, size
                pools -= 1
        j = 0
        for pool in range(pools):
            for _ in range(sizes[pool]):
                result[i, j] = means[pool]
                j += 1
    return result
