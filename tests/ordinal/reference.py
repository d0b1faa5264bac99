"""Slow, plainly written versions of the formulas, against which the family is tested.

Everything is in the exceedance sign and in the units of ``X``: ``cut_logits = X @ coef.T + intercept`` are the
``log P(y > k) / P(y <= k)``. ``codes`` are classes as integers ``0 .. K - 1``. Sums run in long double.
"""

import warnings

import cvxpy as cp
import numpy as np


def crossing_data(rng, n_samples, n_features, n_classes):
    """Rows, classes and integer weights from cut slopes so unequal that the unconstrained optimum crosses."""
    spread = np.linspace(1.0, 3.0, n_features)
    X = rng.normal(size=(n_samples, n_features)) * spread + 2.0
    turns = np.resize([1.0, -1.0], n_classes - 1)  # each cut leans against the one before
    slopes = np.outer(turns, rng.choice([-1.0, 1.0], n_features)) + 0.5 * rng.normal(size=(n_classes - 1, n_features))
    return X, *_draw_classes(rng, X, np.linspace(1.0, -1.0, n_classes - 1), slopes / spread)


def parallel_data(rng, n_samples, n_features, n_classes):
    """Rows, classes and integer weights from cuts with nearly equal slopes."""
    X = rng.normal(size=(n_samples, n_features)) + 1.0
    slopes = rng.normal(size=n_features) + 0.1 * rng.normal(size=(n_classes - 1, n_features))
    return X, *_draw_classes(rng, X, np.linspace(2.0, -2.0, n_classes - 1), slopes)


def _draw_classes(rng, X, intercept, slopes):
    probabilities = np.maximum(class_probabilities((X - X.mean(axis=0)) @ slopes.T + intercept), 0.02)
    cumulative = np.cumsum(probabilities / probabilities.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    codes = (rng.random((len(X), 1)) > cumulative).sum(axis=1)
    return codes, rng.integers(1, 4, len(X)).astype(float)


def softplus(z):
    """``log(1 + e^z)``."""
    return np.logaddexp(np.longdouble(0), z)


def log_probabilities(cut_logits, codes):
    """``log P(y_i)`` of every row; ``-inf`` where the observed class has no positive probability."""
    cut_logits = np.asarray(cut_logits, dtype=np.longdouble)
    n_samples, n_cuts = cut_logits.shape
    result = np.zeros(n_samples, dtype=np.longdouble)
    for i, code in enumerate(codes):
        eta = -cut_logits[i]  # P(y <= k) = sigma(eta_k)
        if code < n_cuts:
            result[i] -= softplus(-eta[code])
        if code > 0:
            result[i] -= softplus(eta[code - 1])
        if 0 < code < n_cuts:
            distance = eta[code] - eta[code - 1]
            result[i] += np.log(-np.expm1(-distance)) if distance > 0 else -np.inf
    return result


def class_probabilities(cut_logits):
    """Rows of ``P(y = k)`` as differences of the cumulative probabilities: they sum to one and may be negative."""
    below = 1 / (1 + np.exp(np.asarray(cut_logits, dtype=np.longdouble)))
    ones = np.ones((len(below), 1))
    return np.diff(np.hstack([0 * ones, below, ones]), axis=1).astype(float)


def mean_loss(X, codes, intercept, coef, weights=None):
    """Weighted mean of ``-log P(y_i)``."""
    weights = np.ones(len(codes)) if weights is None else np.asarray(weights, dtype=np.longdouble)
    present = weights > 0
    logits = X[present].astype(np.longdouble) @ np.asarray(coef, dtype=np.longdouble).T + intercept
    return -weights[present] @ log_probabilities(logits, np.asarray(codes)[present]) / weights.sum()


def standardize(X, weights=None):
    """Standardized columns with their weighted means and population standard deviations (1 for constant columns)."""
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
    mean = np.average(X, axis=0, weights=weights)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
    scale[np.ptp(X[weights > 0], axis=0) == 0] = 1.0
    return (X - mean) / scale, mean, scale


def differences(coef):
    """``psi``: the first slopes, then the changes from each cut to the next."""
    return np.vstack([coef[:1], np.diff(coef, axis=0)])


def penalty_weights(shape, base_penalty, penalty_factor):
    """Weight of every ``psi_kj``: the first row carries ``base_penalty``."""
    rows = np.ones(shape[0])
    rows[0] = base_penalty
    return np.outer(rows, np.ones(shape[1]) if penalty_factor is None else penalty_factor)


def objective(
    X, codes, intercept, coef, *, alpha, base_penalty=1.0, l1_ratio=1.0, penalty_factor=None, weights=None, scale=True
):
    """Mean loss plus penalty; ``scale=False`` penalizes the slopes in the units of ``X``."""
    deviations = standardize(X, weights)[2] if scale else np.ones(X.shape[1])
    psi = differences(coef) * deviations
    strength = penalty_weights(psi.shape, base_penalty, penalty_factor)
    penalty = (strength * (l1_ratio * np.abs(psi) + (1 - l1_ratio) / 2 * psi**2)).sum()
    return float(mean_loss(X, codes, intercept, coef, weights) + alpha * penalty)


def loss_gradient(X, codes, intercept, coef, weights=None):
    """Gradient of the mean loss in ``(intercept, psi)``, ``psi`` in units of standardized columns."""
    Z = standardize(X, weights)[0]
    weights = np.ones(len(codes)) if weights is None else np.asarray(weights, dtype=float)
    share = weights / weights.sum()
    eta = -(X @ coef.T + intercept)
    by_cut = np.zeros_like(eta)  # derivative in each eta_k
    for i, code in enumerate(codes):
        inner = 0 < code < eta.shape[1]
        r = 1 / np.expm1(eta[i, code] - eta[i, code - 1]) if inner else 0.0
        if code < eta.shape[1]:
            by_cut[i, code] -= share[i] * (1 / (1 + np.exp(eta[i, code])) + r)
        if code > 0:
            by_cut[i, code - 1] += share[i] * (1 / (1 + np.exp(-eta[i, code - 1])) + r)
    by_cut = -by_cut  # logits are -eta
    return by_cut.sum(axis=0), np.cumsum((by_cut.T @ Z)[::-1], axis=0)[::-1]


def information(X, codes, intercept, coef, support, weights=None):
    """Observed information of (intercepts, supported ``psi`` of standardized columns), by central differences."""
    _, mean, scale = standardize(X, weights)
    n_cuts = len(intercept)

    def gradient(move):
        psi = np.zeros(support.shape)
        psi[support] = move[n_cuts:]
        change = np.cumsum(psi, axis=0) / scale
        parts = loss_gradient(X, codes, intercept + move[:n_cuts] - change @ mean, coef + change, weights)
        return np.append(parts[0], parts[1][support])

    size = 1e-5
    steps = size * np.eye(n_cuts + np.count_nonzero(support))
    hessian = np.array([gradient(step) - gradient(-step) for step in steps]) / (2 * size)
    return (len(codes) if weights is None else np.sum(weights)) * (hessian + hessian.T) / 2


def kkt_violation(
    X, codes, intercept, coef, *, alpha, base_penalty=1.0, l1_ratio=1.0, penalty_factor=None, weights=None
):
    """Largest violation of the optimality conditions of the problem without crossing constraints."""
    scale = standardize(X, weights)[2]
    psi = differences(coef) * scale
    intercept_gradient, gradient = loss_gradient(X, codes, intercept, coef, weights)
    strength = alpha * penalty_weights(psi.shape, base_penalty, penalty_factor)
    smooth = gradient + strength * (1 - l1_ratio) * psi
    bound = strength * l1_ratio
    zero = np.isclose(psi, 0.0, atol=1e-13, rtol=0.0)
    violation = np.where(zero, np.maximum(np.abs(smooth) - bound, 0.0), np.abs(smooth + bound * np.sign(psi)))
    return max(violation.max(), np.abs(intercept_gradient).max())


def smallest_training_gap(X, intercept, coef):
    """Smallest ``cut_logits[:, k] - cut_logits[:, k + 1]``: negative where class probabilities are."""
    return float(-np.diff(X @ coef.T + intercept, axis=1).max())


def crossing_rows(X, intercept, coef):
    """Number of rows at which some class has a negative probability."""
    return int((np.diff(X @ coef.T + intercept, axis=1) > 0).any(axis=1).sum())


class ConvexProgram:
    """The objective as a disciplined convex program, solved by an interior-point method.

    Parameters
    ----------
    crossing : {"observed", "train", "box"}
        No constraint, no crossing at the rows of ``X``, or none in their bounding box.
    """

    def __init__(
        self, X, codes, *, crossing, base_penalty=1.0, l1_ratio=1.0, penalty_factor=None, weights=None, scale=True
    ):
        self.Z, self.mean, self.scale = standardize(X, weights)
        if not scale:
            self.Z, self.scale = self.Z * self.scale, np.ones_like(self.scale)
        self.weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=float)
        codes = np.asarray(codes)
        n_cuts, n_features = codes.max(), X.shape[1]
        self.alpha = cp.Parameter(nonneg=True)
        self.a, self.B = cp.Variable(n_cuts), cp.Variable((n_features, n_cuts))  # sign of the paper
        terms = [self._class_loss(codes, code, n_cuts) for code in range(n_cuts + 1)]
        psi = [self.B[:, 0]] + [self.B[:, k] - self.B[:, k - 1] for k in range(1, n_cuts)]
        strength = penalty_weights((n_cuts, n_features), base_penalty, penalty_factor)
        lasso = sum(weight @ cp.abs(difference) for weight, difference in zip(strength, psi, strict=True))
        ridge = sum(weight @ cp.square(difference) for weight, difference in zip(strength, psi, strict=True))
        penalty = l1_ratio * lasso + (1 - l1_ratio) / 2 * ridge
        loss = sum(terms) / self.weights.sum()
        self.problem = cp.Problem(cp.Minimize(loss + self.alpha * penalty), self._constraints(crossing, psi))

    def _class_loss(self, codes, code, n_cuts):
        rows = np.flatnonzero((codes == code) & (self.weights > 0))
        Z, weights = self.Z[rows], self.weights[rows]
        loss = 0
        if code < n_cuts:
            u = Z @ self.B[:, code] + self.a[code]
            loss += weights @ cp.logistic(-u)
        if code > 0:
            v = Z @ self.B[:, code - 1] + self.a[code - 1]
            loss += weights @ cp.logistic(v)
        if 0 < code < n_cuts:
            loss -= weights @ cp.log(1 - cp.exp(v - u))
        return loss

    def _constraints(self, crossing, psi):
        if crossing == "observed":
            return []
        rows = self.Z[self.weights > 0]
        steps = [self.a[k] - self.a[k - 1] for k in range(1, len(psi))]
        if crossing == "train":
            return [step + rows @ difference >= 0 for step, difference in zip(steps, psi[1:], strict=True)]
        low, high = rows.min(axis=0), rows.max(axis=0)
        center, half = (low + high) / 2, (high - low) / 2
        return [
            step + center @ difference - half @ cp.abs(difference) >= 0
            for step, difference in zip(steps, psi[1:], strict=True)
        ]

    def solve(self, alpha):
        """Value, slopes and intercepts (exceedance sign, units of ``X``) at ``alpha``."""
        self.alpha.value = alpha
        accuracy = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
        with warnings.catch_warnings():  # these tolerances are sometimes missed by a digit; callers compare the values
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            value = self.problem.solve(solver=cp.CLARABEL, **accuracy)
        coef = -self.B.value.T / self.scale
        return float(value), coef, -self.a.value - coef @ self.mean
