r"""Descent with large steps, and two-sided bounds of the margin along the way.

With signed rows z_i and the margin ``mu = max min_i <z_i, theta>`` over unit vectors:

* every theta proves ``min_i <z_i, theta> / |theta| <= mu``;
* all weights q in the simplex prove ``mu <= |sum_i q_i z_i|``, so that the vectors ``u_t = sum_i q_i z_i`` along which
  a descent goes anyway, and their mean over all steps so far, bound the margin from above.

The bounds of the run are those of floating point. What is reported at the end, and what a run stops for, is proved
again from the direction and the weights with bounds of rounding errors.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._support.progress import NoProgress
from ._margin_kernels import (
    ERROR_MASS,
    LEAST_MARGIN,
    LOG_MASS,
    LOSS,
    N_ERRORS,
    dense_products,
    loss_after,
    nearest_zero,
    weigh,
)
from ._margin_proofs import proved_lower, proved_upper
from ._signed_rows import Pass
from ._steps import Fixed, SafeRadius

__all__ = ["HISTORY_KEYS", "N_REPORTS", "STOPS", "Descent", "descend"]

STOPS = ("separated", "margin", "loss")
HISTORY_KEYS = ("iteration", "loss", "n_errors", "margin_lower", "margin_upper", "step")
MAX_HISTORY = 1000  # points of the history
N_REPORTS = 50  # largest number of reports of progress
LARGEST_MARGIN = 1e150  # beyond it, squares overflow
SUFFICIENT = 1e-4  # share of the decrease that a linear loss would show
NOISE = 1e-13  # relative rounding error of a loss
MOST_HALVINGS = 60
NOT_REPORTED = NoProgress()

GRAM_ROWS = 2000  # most rows for which all products between rows are kept
GRAM_COST = 12  # passes over the rows that cost as much as the products between n_rows rows, times n_rows


@dataclass(frozen=True, eq=False)
class Descent:
    """What a descent found.

    Attributes
    ----------
    theta : ndarray of shape (n_features_lifted,)
        The last iterate.
    direction : ndarray of shape (n_features_lifted,)
        Unit vector of the iterate of greatest least margin if one separates the rows; else of the one that leaves the
        least weight of rows with margins of 0 or less (the pocket). Zeros if no iterate differs from 0.
    margin_lower : float
        Proved lower bound of the margin, attained by ``direction`` if it is positive.
    margin_upper : float
        Proved upper bound of the margin, attained by ``dual_weights``.
    dual_weights : ndarray of shape (n_rows,)
        Weights in the simplex.
    radius : float
        R, the largest norm of a lifted row.
    n_errors : int
        Rows whose margin is 0 or less at ``direction``.
    n_iter : int
        Number of steps.
    status : str
        Why it stopped: ``"separated"``; ``"margin"``, the bounds agree; ``"loss"``, the gradient is small;
        ``"no margin"``, the upper bound is small; ``"max_iter"``; ``"stopped"`` by a callback; ``"stalled"``, no step
        changes anything; ``"overflow"``, theta has grown too large for another step.
    history : dict of str to ndarray
        ``iteration``, and after that many steps ``loss``, ``n_errors``, the bounds so far ``margin_lower`` and
        ``margin_upper``, and ``step``, the distance of the iterate from the one before it. At most 1,001 points, evenly
        spaced but for the last; empty if nothing was recorded.
    """

    theta: np.ndarray
    direction: np.ndarray
    margin_lower: float
    margin_upper: float
    dual_weights: np.ndarray
    radius: float
    n_errors: int
    n_iter: int
    status: str
    history: dict


class _Place(NamedTuple):
    """An iterate: a vector, plus a combination of rows if all products between rows are known."""

    base: np.ndarray
    coefficients: np.ndarray | None = None

    def theta(self, rows):
        return self.base if self.coefficients is None else self.base + rows.combination(self.coefficients)


class _Iterate:
    """The current theta, and what a pass over the rows finds there."""

    def __init__(self, rows, rule, theta):
        self.rows, self.rule, self.theta = rows, rule, theta
        self.found = Pass(rows)
        self.total, self.q_total = np.zeros(theta.size), np.zeros(rows.n_rows)  # of u and q over all passes
        self.n_passes, self.slopes = 0, None

    def look(self):
        """Margins, weights and their combination at theta."""
        self.rows.sweep(self.theta, self.rule.is_hard, self.found)
        self.slopes = None
        self.norm = float(np.linalg.norm(self.theta))
        self.norm_u = float(np.linalg.norm(self.found.u))

    def next_mean_norm(self):
        """Norm of the mean of all u, that of this pass included."""
        return float(np.linalg.norm(self.total + self.found.u)) / (self.n_passes + 1)

    def join_mean(self):
        """Add the u and q of this pass to the sums."""
        self.total += self.found.u
        self.q_total += self.found.q
        self.n_passes += 1

    def find_slopes(self):
        """<z_i, u> of all rows."""
        if self.slopes is None:
            self.slopes = self.rows.margins(self.found.u)
        return self.slopes

    def advance(self, length):
        """Go so many times u."""
        self.theta = self.theta + length * self.found.u

    def place(self):
        return _Place(self.theta)

    def number(self, key):
        """A number of the summary of the pass."""
        return float(self.found.summary[key])

    @property
    def log_mass(self):
        return self.number(LOG_MASS)

    @property
    def is_origin(self):
        return self.norm == 0.0

    def radius(self):
        """Radius of convergence of the loss along u, in multiples of u."""
        return nearest_zero(self.found.margins, self.find_slopes())


class _GramIterate(_Iterate):
    """The same where all products between rows are known: a step costs n_rows^2, whatever the number of columns.

    theta is ``base + sum_i c_i z_i`` and is not formed; norms follow from the products.
    """

    def __init__(self, iterate):
        self.rows, self.rule, self.found = iterate.rows, iterate.rule, iterate.found
        self.q_total, self.n_passes = iterate.q_total, iterate.n_passes
        self.gram = self.rows.gram()
        self.total_products = self._products(self.q_total)
        self.base, self.coefficients = iterate.theta, np.zeros(self.rows.n_rows)
        self.base_margins = self.rows.margins(self.base)
        self.base_square = float(self.base @ self.base)
        self.found.margins[:] = self.base_margins

    def _products(self, q):
        """<z_i, sum_j q_j z_j> of all rows."""
        products = np.empty(q.size)
        dense_products(self.gram, q, 0, q.size, products)
        return products

    def look(self):
        found = self.found
        weigh(found.margins, self.rows.weights, self.rule.is_hard, found.q, found.summary)
        self.slopes = self._products(found.q)
        self.norm_u = math.sqrt(max(found.q @ self.slopes, 0.0))
        square = self.base_square + self.coefficients @ (found.margins + self.base_margins)
        self.norm = math.sqrt(max(square, 0.0))

    def next_mean_norm(self):
        q, products = self.q_total + self.found.q, self.total_products + self.slopes
        return math.sqrt(max(q @ products, 0.0)) / (self.n_passes + 1)

    def join_mean(self):
        self.q_total += self.found.q
        self.total_products += self.slopes
        self.n_passes += 1

    def advance(self, length):
        self.coefficients = self.coefficients + length * self.found.q
        self.found.margins += length * self.slopes

    def place(self):
        return _Place(self.base, self.coefficients)


class _Bounds:
    """The best bounds so far, and the objects that prove them.

    The mean of the weights is the best more often than not, so that it is copied only when it ceases to be.
    """

    def __init__(self, rows):
        self.rows = rows
        self.lower, self.lower_place = -rows.radius, None
        self.upper, self.upper_weights, self.mean_is_best = rows.radius, rows.weights, False
        self.rank, self.best_place, self.n_errors = (math.inf, math.inf), None, rows.n_rows

    def update(self, iterate):
        """Take an iterate into account."""
        self._update_lower(iterate)
        if iterate.log_mass > -math.inf:
            self._update_upper(iterate)

    def _update_lower(self, iterate):
        if iterate.is_origin:
            return
        lower = iterate.number(LEAST_MARGIN) / iterate.norm
        if lower > self.lower or self.lower_place is None:
            self.lower, self.lower_place = max(lower, self.lower), iterate.place()
        rank = (iterate.number(ERROR_MASS), -lower)
        if rank < self.rank:
            self.rank, self.best_place, self.n_errors = rank, iterate.place(), int(iterate.number(N_ERRORS))

    def _update_upper(self, iterate):
        mean_norm = iterate.next_mean_norm()
        if self.mean_is_best and mean_norm > self.upper:
            self.upper_weights, self.mean_is_best = iterate.q_total / iterate.n_passes, False
        iterate.join_mean()
        if mean_norm <= self.upper:
            self.upper, self.mean_is_best = mean_norm, True
        if iterate.norm_u < self.upper:
            self.upper, self.upper_weights, self.mean_is_best = iterate.norm_u, iterate.found.q.copy(), False

    def prove(self, iterate):
        """Proved bounds, with their proofs."""
        rows = self.rows
        weights = iterate.q_total / iterate.n_passes if self.mean_is_best else self.upper_weights
        lower = -rows.radius
        if self.lower_place is not None:
            lower = max(lower, proved_lower(rows, _unit(self.lower_place.theta(rows))))
        return _Proved(lower, proved_upper(rows, weights), weights)


class _Proved(NamedTuple):
    """Bounds of the margin that hold in spite of rounding, and the weights behind the upper one."""

    lower: float
    upper: float
    weights: np.ndarray


class _History:
    """Numbers of the iterates, thinned to at most `MAX_HISTORY` points. The last one is always kept."""

    def __init__(self, is_kept):
        self.is_kept, self.points, self.stride, self.last = is_kept, [], 1, None

    def record(self, t, *numbers):
        """Add a point, unless it falls between those that are kept."""
        if not self.is_kept:
            return
        self.last = (t, *numbers)
        if t % self.stride == 0:
            self.points.append(self.last)
        if len(self.points) > MAX_HISTORY:
            self.points, self.stride = self.points[::2], 2 * self.stride

    def to_dict(self):
        """Arrays of `HISTORY_KEYS`."""
        is_thinned = self.points and self.points[-1] != self.last
        table = np.array(self.points + [self.last] * bool(is_thinned), dtype=np.float64).reshape(-1, len(HISTORY_KEYS))
        columns = dict(zip(HISTORY_KEYS, table.T.copy(), strict=True))
        return columns | {key: columns[key].astype(np.int64) for key in ("iteration", "n_errors")}


class _Goal(NamedTuple):
    """When to stop."""

    stop: str
    margin_tol: float
    tol: float
    is_hard: bool

    def claim(self, iterate, bounds):
        """The reason to stop that the numbers of an iterate suggest, or None."""
        if self.stop == "loss":
            gradient_norm = math.exp(iterate.log_mass) * iterate.norm_u
            return "loss" if gradient_norm <= self.tol * iterate.rows.radius else None
        if bounds.upper <= self.tol * iterate.rows.radius:
            return "no margin"
        if self.stop == "margin" and self._agree(bounds.lower, bounds.upper):
            return "margin"
        has_ended = self.stop == "separated" or self.is_hard
        return "separated" if has_ended and iterate.number(LEAST_MARGIN) > 0.0 else None

    def _agree(self, lower, upper):
        return lower > 0.0 and upper - lower <= self.margin_tol * upper

    def is_proved(self, claim, proved, radius):
        """Whether proved bounds bear the reason out."""
        return {
            "loss": True,
            "no margin": proved.upper <= self.tol * radius,
            "margin": self._agree(proved.lower, proved.upper),
            "separated": proved.lower > 0.0,
        }[claim]


def descend(
    rows,
    rule,
    *,
    stop="separated",
    margin_tol=1e-2,
    max_iter=10_000,
    tol=1e-6,
    theta0=None,
    record=True,
    progress=NOT_REPORTED,
):
    """Take large steps until the rows are separated, the margin is known, or the loss is at its least.

    Parameters
    ----------
    rows : SignedRows
        The rows.
    rule : BatchPerceptron, NormalizedPerceptron, Normalized, Fixed or SafeRadius
        The rule for steps; see `step_rule`.
    stop : {"separated", "margin", "loss"}, default="separated"
        What to stop for: all margins positive; bounds of the margin that agree; or a small gradient, with soft weights
        only. For "loss", steps of `SafeRadius` are halved until the loss decreases enough (Armijo). The perceptrons
        take no step once the rows are separated, whatever this says.
    margin_tol : float, default=1e-2
        Relative gap of the bounds at which "margin" stops.
    max_iter : int, default=10_000
        Largest number of steps.
    tol : float, default=1e-6
        "loss" stops when the norm of the gradient, and the others when the upper bound of the margin, is at most this
        multiple of the radius R.
    theta0 : ndarray of shape (n_features_lifted,), default=None
        The first iterate; None for 0.
    record : bool, default=True
        Whether to keep a history.
    progress : FitProgress or NoProgress, default=NoProgress()
        Told `N_REPORTS` times at most.

    Returns
    -------
    descent : Descent
        Iterates, bounds, proofs and history.

    Raises
    ------
    ValueError
        If ``stop`` is "loss" with a perceptron, or steps are so long that margins overflow.
    """
    _check_rule(rows, rule, stop, max_iter)
    theta = np.zeros(rows.n_features_lifted) if theta0 is None else np.array(theta0, dtype=np.float64)
    iterate, bounds, history = _Iterate(rows, rule, theta), _Bounds(rows), _History(record)
    goal = _Goal(stop, margin_tol, tol, rule.is_hard)
    gram_from = _gram_from(rows)
    report_every, proof_from, step, t = -(-max_iter // N_REPORTS), 0, 0.0, 0
    while True:
        iterate.look()
        bounds.update(iterate)
        history.record(t, iterate.number(LOSS), iterate.number(N_ERRORS), bounds.lower, bounds.upper, step)
        status = goal.claim(iterate, bounds)
        if status is not None:
            if t >= proof_from and goal.is_proved(status, proved := bounds.prove(iterate), rows.radius):
                break
            proof_from = max(proof_from, t + 1 + t // 10)  # rounding hides it: a proof costs two passes
        if t == max_iter:
            status = "max_iter"
        elif t > 0 and t % report_every == 0 and progress.step():
            status = "stopped"
        else:
            length = _step_length(iterate, rule, stop)
            step = length * iterate.norm_u
            status = _obstacle(iterate, step, rows.radius)
        if status is not None:
            proved = bounds.prove(iterate)
            break
        iterate.advance(length)
        t += 1
        if t == gram_from:
            iterate = _GramIterate(iterate)
    return _result(rows, iterate, bounds, proved, t, status, history)


def _check_rule(rows, rule, stop, max_iter):
    """Raise an error if the steps do not suit their goal, or are too long for floating point."""
    if stop == "loss" and rule.is_hard:
        raise ValueError('stop="loss" needs steps along the gradient of a loss: use step_size "normalized" or another.')
    growth = rule.gamma * max(rows.radius, 1.0) ** 2 * max_iter
    if growth > LARGEST_MARGIN:
        name = "step_size" if isinstance(rule, Fixed) else "gamma"
        raise ValueError(
            f"{name}={rule.gamma:g} is so large for rows of norm {rows.radius:.3g} that margins may overflow. Use the "
            'limit for gamma to infinity, step_size "perceptron" or "normalized-perceptron", or divide X by its scale.'
        )


def _gram_from(rows):
    """Number of steps after which the products between rows pay, so that at most half of the time is lost on them."""
    pays = rows.n_rows <= min(GRAM_ROWS, rows.n_entries / rows.n_rows)
    return max(1, rows.n_rows // GRAM_COST) if pays else math.inf


def _step_length(iterate, rule, stop):
    """Length of the next step in multiples of u; 0 if there is none."""
    if iterate.log_mass == -math.inf:
        return 0.0
    length = rule.length(iterate)
    if stop == "loss" and isinstance(rule, SafeRadius):
        return _decreasing(iterate, length)
    return length


def _decreasing(iterate, length):
    """The length, halved until the loss decreases by a small share of what its slope promises (Armijo); 0 if never.

    Where the decrease is lost in the rounding of the loss, its derivative tells: on a quadratic, the last condition is
    the same as Armijo's [1]_.

    References
    ----------
    .. [1] W. W. Hager and H. Zhang (2005). "A New Conjugate Gradient Method with Guaranteed Descent and an Efficient
       Line Search". SIAM Journal on Optimization 16:170-192, section 4.
    """
    margins, slopes, weights = iterate.found.margins, iterate.find_slopes(), iterate.rows.weights
    loss, slope = iterate.number(LOSS), math.exp(iterate.log_mass) * iterate.norm_u**2
    for _ in range(MOST_HALVINGS):
        loss_there, derivative = loss_after(margins, slopes, length, weights)
        if loss_there <= loss - SUFFICIENT * length * slope:
            return length
        if loss_there <= loss * (1.0 + NOISE) and derivative <= (1.0 - 2.0 * SUFFICIENT) * slope:
            return length
        length *= 0.5
    return 0.0


def _obstacle(iterate, step, radius):
    """Why a step cannot be taken, or None."""
    if not step > 0.0:
        return "stalled"
    return "overflow" if not (iterate.norm + step) * max(radius, 1.0) < LARGEST_MARGIN else None


def _unit(theta):
    """theta at length 1, or zeros."""
    norm = np.linalg.norm(theta)
    return theta / norm if norm > 0.0 else np.zeros_like(theta)


def _result(rows, iterate, bounds, proved, n_iter, status, history):
    """The result of a run."""
    best = bounds.best_place
    return Descent(
        theta=iterate.place().theta(rows),
        direction=np.zeros(rows.n_features_lifted) if best is None else _unit(best.theta(rows)),
        margin_lower=float(proved.lower),
        margin_upper=float(proved.upper),
        dual_weights=proved.weights,
        radius=rows.radius,
        n_errors=bounds.n_errors,
        n_iter=n_iter,
        status=status,
        history=history.to_dict(),
    )
