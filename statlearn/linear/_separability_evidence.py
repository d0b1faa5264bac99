"""What is known about the separability of signed rows, and the ways to find out more."""

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsqr

from ._descent import descend
from ._linear_programs import Recession, separated_rows
from ._logistic_regression import fit_logistic
from ._margin_proofs import combined, proved_lower
from ._min_norm_point import min_norm_point
from ._opposite_duplicates import opposite_duplicates, zero_rows
from ._overlap_proof import proved_overlap
from ._row_blocks import n_entries_not_zero
from ._separating_columns import column_direction, separating_columns
from ._steps import Normalized

__all__ = ["EXACT_DIMENSIONS", "LEAST_REACH", "METHODS", "Evidence", "find_overlapping", "gather_evidence"]

EXACT_DIMENSIONS = 500  # rows or features, of which there are fewer: the point of least norm takes their cube in time
LEAST_SQUARES_STEPS = 300
PROGRAM_ENTRIES = 5_000_000  # other than zero, of one linear program
FIRST_PROGRAM_ROWS = 5000
PROGRAM_ROUNDS = 12
WRONG_SIDE = 1e-9  # a margin is negative if it is below minus this share of |z_i| |theta|
FEW_COLUMNS = 5  # of those that separate are tried as directions
LEAST_REACH = 1e-6  # of the mean size of a row's terms: a weak separation by less is none that could be seen
GAMMA = 10.0  # step of the first-order method, in the spirit of a perceptron: it scales out of the direction


class Evidence:
    """Bounds of the margin of signed rows, each with the object that proves it.

    Attributes
    ----------
    lower, direction
        The largest proved lower bound, and its unit vector; minus ``radius`` and None to begin with.
    upper, weights
        The least proved upper bound, and its weights in the simplex; ``radius`` and None to begin with.
    pairs : ndarray of shape (n_pairs, 2)
        Equal rows with opposite labels.
    zeros : ndarray
        Rows whose margin is zero whatever the coefficients.
    columns : ndarray
        Features that separate weakly by themselves.
    vanishes : bool
        Whether the weights combine the rows to zero, up to rounding.
    reach : float
        If a rule has no row on the wrong side, no margin is larger than this share of the mean size of its terms; see
        `Combination`. Infinity to begin with.
    overlap : Overlap or None
        Proof that there is no strict separation.
    recession : Recession or None
        Which rows are separated by a direction that puts none on the wrong side, found numerically.
    radius : float
        Norm of the longest lifted row.
    """

    def __init__(self, rows):
        self.rows, self.radius = rows, rows.radius
        self.lower, self.direction = -self.radius, None
        self.upper, self.weights, self.vanishes = self.radius, None, False
        self.overlap, self.recession, self.reach = None, None, np.inf
        self.pairs = opposite_duplicates(rows.X, rows.signs)
        self.zeros = zero_rows(rows.X) if not rows.intercept_scaling else np.empty(0, dtype=np.int64)
        self.columns = separating_columns(rows)
        if self.pairs.size or self.zeros.size:
            chosen = self.pairs[0] if self.pairs.size else self.zeros[:1]
            self.weights, self.upper = np.zeros(rows.n_rows), 0.0
            self.weights[chosen] = 1.0 / chosen.size
        else:
            for column in self.columns[:FEW_COLUMNS]:
                self.offer_direction(column_direction(rows, column))

    @property
    def status(self):
        """The verdict: "separable", "not separable" or "undetermined"."""
        if self.lower > 0.0:
            return "separable"
        return "not separable" if self.is_proved_inseparable or self.vanishes else "undetermined"

    @property
    def is_proved_inseparable(self):
        """Whether weights are known whose combination of rows is zero exactly."""
        return bool(self.pairs.size or self.zeros.size or self.overlap is not None)

    @property
    def quasi(self):
        """Whether rows that are not strictly separable are separated weakly; None if that is not known."""
        status = self.status
        if status == "undetermined":
            return None
        if status == "separable":
            return False
        if self.columns.size:
            return True
        if self.overlap is not None and self.overlap.spans:
            return False
        if self.recession is not None:
            return bool(self.recession.separated.any())
        return False if self.reach <= LEAST_REACH else None

    def knows_margin(self, tol):
        """Whether the rows are separable with a margin whose bounds agree, up to a share of the upper one."""
        return self.lower > 0.0 and self.upper - self.lower <= tol * self.upper

    @property
    def overlapping(self):
        """The rows on the boundary of every rule with none on the wrong side, as a mask; None if that is not known."""
        if self.status == "separable":
            return np.zeros(self.rows.n_rows, dtype=bool)
        if self.quasi is False:
            return np.ones(self.rows.n_rows, dtype=bool)
        if self.recession is None or self.status == "undetermined" or not self.recession.is_complete:
            return None
        return ~self.recession.separated

    def offer_direction(self, theta):
        """Take note of coefficients, if the margin they prove is the largest so far."""
        lower = float(proved_lower(self.rows, theta))
        if lower > self.lower:
            self.lower, self.direction = lower, theta / np.linalg.norm(theta)

    def offer_weights(self, weights):
        """Take note of weights, if the bound they prove is the least so far or they prove an overlap."""
        found = combined(self.rows, weights)
        self.reach = min(self.reach, found.reach)
        if found.upper < self.upper:
            self.upper, self.weights, self.vanishes = found.upper, weights / weights.sum(), found.vanishes
        if self.lower <= 0.0 and (self.overlap is None or not self.overlap.spans):
            overlap = proved_overlap(self.rows, weights)
            if overlap is not None and (self.overlap is None or overlap.spans):
                self.overlap = overlap
                if self.upper > 0.0:  # else two rows, or one, tell more
                    self.weights, self.upper = overlap.weights, 0.0

    def offer_logistic(self, fit):
        """Take note of a logistic regression: of its direction, and of the weights of its rows."""
        self.offer_direction(fit.theta)
        self.offer_weights(fit.weights)

    def offer_recession(self, recession):
        """Take note of what a linear program found."""
        if recession.direction is not None:
            self.offer_direction(recession.direction)
        if recession.weights is not None:
            self.offer_weights(recession.weights)
        self.recession = recession

    def recession_direction(self):
        """Unit vector that puts no row on the wrong side and separates some; None if none is known."""
        if self.columns.size:
            direction = column_direction(self.rows, self.columns[0])
            return direction / np.linalg.norm(direction)
        if self.recession is None or self.recession.direction is None:
            return None
        return self.recession.direction / np.linalg.norm(self.recession.direction)


def gather_evidence(rows, *, method="auto", tol=1e-6, max_iter=10_000):
    """Examine signed rows by one of the `METHODS`, after a look for duplicates and for separating features."""
    evidence = Evidence(rows)
    METHODS[method](evidence, tol, max_iter)
    return evidence


def _by_program(evidence, tol, max_iter):
    """One linear program over all rows, then the margin if there is one."""
    recession = separated_rows(evidence.rows)
    if recession is not None:
        evidence.offer_recession(recession)
    if not evidence.is_proved_inseparable:
        _by_min_norm_point(evidence, tol)


def _by_first_order(evidence, tol, max_iter):
    """Normalized gradient steps, which bound the margin from both sides but find neither bound exactly."""
    if evidence.status == "not separable":
        return
    descent = descend(
        evidence.rows,
        Normalized(GAMMA),
        stop="margin",
        margin_tol=tol,
        max_iter=max_iter,
        theta0=evidence.direction,
        record=False,
    )
    evidence.offer_direction(descent.direction)
    evidence.offer_weights(descent.dual_weights)


def _by_size(evidence, tol, max_iter):
    """The point of least norm, and what it leaves open by linear programs; cheaper ways where that is too much."""
    if min(evidence.rows.X.shape) > EXACT_DIMENSIONS:
        _by_least_squares(evidence)
        if evidence.status == "undetermined":
            evidence.offer_logistic(fit_logistic(evidence.rows))
        _by_first_order(evidence, tol, max_iter)
    elif evidence.status != "not separable":
        _by_min_norm_point(evidence, tol)
    find_overlapping(evidence)


def find_overlapping(evidence):
    """Which rows are separated, by linear programs, unless that is known or they would be too large."""
    if evidence.status == "undetermined" or evidence.overlapping is None:
        recession = _separated_rows_in_rounds(evidence.rows)
        if recession is not None:
            evidence.offer_recession(recession)


def _by_least_squares(evidence):
    """Coefficients whose margins are as close to 1 as can be: with more features than rows they mostly are 1."""
    rows = evidence.rows
    operator = LinearOperator(
        (rows.n_rows, rows.n_features_lifted), matvec=rows.margins, rmatvec=rows.combination, dtype=np.float64
    )
    evidence.offer_direction(lsqr(operator, np.ones(rows.n_rows), iter_lim=LEAST_SQUARES_STEPS)[0])


METHODS = {"auto": _by_size, "lp": _by_program, "perceptron": _by_first_order}


def _by_min_norm_point(evidence, tol):
    found = min_norm_point(evidence.rows, start=evidence.direction, tol=min(tol, 1e-9))
    if found.direction is not None:
        evidence.offer_direction(found.direction)
    evidence.offer_weights(found.weights)


def _separated_rows_in_rounds(rows):
    """`separated_rows` of a table of any size: rows join a smaller problem until its answer is that of all of them.

    Returns None if no answer was found.
    """
    n_rows, n_features = rows.X.shape
    if n_entries_not_zero(rows) <= PROGRAM_ENTRIES:
        return separated_rows(rows)
    positions = np.unique(np.linspace(0, n_rows - 1, FIRST_PROGRAM_ROWS).astype(np.int64))
    for _ in range(PROGRAM_ROUNDS):
        if positions.size * (n_features + 1) > PROGRAM_ENTRIES:
            return None
        found = separated_rows(rows.at(positions))
        if found is None:
            return None
        if found.direction is None:
            weights = np.zeros(n_rows)
            weights[positions] = found.weights
            overlap = proved_overlap(rows, weights)
            if overlap is not None and overlap.spans:
                return Recession(np.zeros(n_rows, dtype=bool), None, weights)
            joining = np.setdiff1d(np.arange(0, n_rows, max(1, n_rows // positions.size)), positions)
            if not joining.size:
                return None
        else:
            margins = rows.margins(found.direction)
            cutoff = WRONG_SIDE * rows.norms * np.linalg.norm(found.direction)
            wrong = np.flatnonzero(margins < -cutoff)
            if not wrong.size:
                return Recession(margins > cutoff, found.direction, None, is_complete=False)
            joining = wrong[np.argsort(margins[wrong])[:FIRST_PROGRAM_ROWS]]
        positions = np.union1d(positions, joining)
    return None
