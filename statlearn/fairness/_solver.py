"""Descent on a penalized risk: coordinates in which a linear model is well conditioned, and L-BFGS that knows of kinks.

The penalty has kinks where predictions tie, above all at the constant model, and it is not convex. A line search may
fail at a kink that is a minimum; a descent therefore counts as finished when the last iterations gained next to
nothing, and is started again, without memory, when its line search failed before that.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import eigh, solve_triangular
from scipy.optimize import minimize

__all__ = ["Descent", "LinearDesign", "LinearSolver", "Solution", "descend", "settle"]

WINDOW = 5  # iterations over which a decrease is judged
MEMORY = 20
ATTEMPTS = 5  # starts of one descent, at most
EVALUATIONS = 20  # per iteration, at most on average
SHARPER = 0.01  # factor on the gradient tolerance of a smooth objective, whose minimum can be met to many digits
LARGEST_WHITENED = 1000  # columns; beyond, they are only scaled
RANK_TOLERANCE = 1e-11  # of the largest eigenvalue of the correlation matrix
DENSE_NOISE = 1e-20  # a variance below this share of the squared mean is rounding
SPARSE_NOISE = 1e-12
ROUNDING = 1e-13  # relative error of the risk
FEW_SLOPES, SMALL = 5, 600  # slopes, and slopes times rows, up to which a fit is started again nearby
N_HOPS, HOP = 8, 0.5  # number of these starts, and their largest distance relative to the standardized slopes
WORTHWHILE = 1e-9  # what another local solution must gain, in units of the scale


class Descent(NamedTuple):
    """Where a descent ended, and how.

    ``decrease`` is what the last iterations gained in units of ``scale`` (infinite after few iterations), ``slope`` the
    largest entry of the gradient in units of the root of ``scale``, and ``slope_bound`` what it should not exceed.
    """

    theta: np.ndarray
    value: float
    n_iter: int
    decrease: float
    slope: float
    slope_bound: float
    converged: bool
    stopped: bool


def descend(function, start, *, scale, tol, max_iter, unit=1.0, smooth=False, on_step=None):
    """Minimize a function by L-BFGS.

    Parameters
    ----------
    function : callable
        Maps a vector to a value and a (sub)gradient.
    start : ndarray of shape (n_parameters,)
        The first point.
    scale : float
        Positive unit in which differences of the function are judged.
    tol : float
        The descent ends when the last five iterations gained less than ``tol * scale``, or when no entry of the
        gradient exceeds ``tol * sqrt(scale)``, which is as much in coordinates with second derivatives near 1.
    max_iter : int
        Largest number of iterations.
    unit : float, default=1.0
        The size of a first step.
    smooth : bool, default=False
        Whether the function has no kinks: the gradient alone then ends the descent, at a hundredth of that bound.
    on_step : callable or None, default=None
        Called with the current point after each iteration; the descent ends when it returns True.

    Returns
    -------
    descent : Descent
        The best point, and how the descent ended.
    """
    slope_bound = SHARPER * tol if smooth else tol
    point, values, n_iter, stopped = np.asarray(start) / unit, [], 0, False

    def scaled(point):
        value, gradient = function(point * unit)
        return value / scale, gradient * (unit / scale)

    def callback(intermediate_result):
        nonlocal stopped
        values.append(float(intermediate_result.fun))
        stopped = on_step is not None and bool(on_step(intermediate_result.x * unit))
        if stopped or (not smooth and _gain(values) < tol):
            raise StopIteration

    for attempt in range(ATTEMPTS):
        values[:-1] = []  # a further attempt is judged by what it gained
        result = minimize(
            scaled,
            point,
            jac=True,
            method="L-BFGS-B",
            callback=callback,
            options={
                "maxcor": MEMORY,
                "gtol": slope_bound * unit / np.sqrt(scale),
                "ftol": 0.0,
                "maxiter": max_iter - n_iter,
                "maxfun": EVALUATIONS * max_iter,
            },
        )
        point, n_iter = result.x, n_iter + int(result.nit)
        slope = float(np.max(np.abs(result.jac), initial=0.0)) * np.sqrt(scale) / unit
        decrease = _gain(values, WINDOW if attempt == 0 else min(WINDOW, len(values) - 1))
        converged = slope <= slope_bound or decrease < tol
        if converged or stopped or n_iter >= max_iter:
            break
    return Descent(point * unit, float(result.fun) * scale, n_iter, decrease, slope, slope_bound, converged, stopped)


def _gain(values, window=WINDOW):
    """What the last iterations gained; infinite while there are too few of them."""
    if not 0 <= window < len(values):
        return np.inf
    return values[-1 - window] - values[-1]


class LinearDesign:
    """A table of features in coordinates in which the risk of a linear model has second derivatives near 1.

    A parameter vector ``theta`` of shape ((1 + n_directions) * n_outputs,) stands for the intercept, then for the
    coordinates of the slopes. Columns are centered, dense ones in a copy and sparse ones implicitly. With at most
    `LARGEST_WHITENED` columns the directions are those of the whitened features; those in which the features do not
    vary are left out, so that slopes have the least norm among those of equal predictions. More columns are scaled.

    Parameters
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        The features.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    curvature : float
        Second derivative of the mean loss in the linear predictor.
    alpha : float
        Ridge penalty on the slopes.
    n_outputs : int or None
        Number of linear predictors; None for one as a vector.
    """

    def __init__(self, X, weights, curvature, alpha, n_outputs=None):
        self.n_outputs = n_outputs
        self._unit = 1.0 / np.sqrt(curvature)
        shares = weights / weights.sum()
        self.mean = shares @ X
        is_sparse = sparse.issparse(X)
        self._X = X if is_sparse else X - self.mean
        self._center = self.mean if is_sparse else None
        gram = self._gram(shares) if X.shape[1] <= LARGEST_WHITENED else None
        variances = self._variances(shares) if gram is None else np.diag(gram)
        noise = (DENSE_NOISE if self._center is None else SPARSE_NOISE) * self.mean**2
        self._deviations = np.sqrt(np.where(variances > noise, variances, 0.0))
        if gram is not None:
            self._map = _whitened_directions(gram, self._deviations, curvature, alpha)
        else:
            varying = self._deviations > 0.0
            scales = np.sqrt(curvature * variances + alpha, where=varying, out=np.ones_like(variances))
            self._map = np.where(varying, 1.0 / scales, 0.0)

    @property
    def n_parameters(self):
        """Length of a parameter vector."""
        return (1 + self._map.shape[-1]) * (self.n_outputs or 1)

    @property
    def n_slopes(self):
        """Number of slopes."""
        return self.mean.size * (self.n_outputs or 1)

    def _gram(self, shares):
        X = self._X
        if self._center is None:
            return (X * shares[:, None]).T @ X
        return (X.T @ X.multiply(shares[:, None]).tocsr()).toarray() - np.outer(self.mean, self.mean)

    def _variances(self, shares):
        if self._center is None:
            return np.einsum("i,ij,ij->j", shares, self._X, self._X)
        return np.maximum(shares @ self._X.power(2) - self.mean**2, 0.0)

    def _slopes(self, theta):
        """Slopes in units of the features, and the intercept of the centered features."""
        table = theta if self.n_outputs is None else theta.reshape(-1, self.n_outputs)
        coordinates = table[1:]
        if self._map.ndim == 2:
            return self._map @ coordinates, table[0] * self._unit
        return (self._map * coordinates.T).T, table[0] * self._unit

    def predictor(self, theta):
        """The linear predictor, of shape (n_samples,) or (n_samples, n_outputs)."""
        return self._predict(*self._slopes(theta))

    def _predict(self, slopes, intercept):
        u = self._X @ slopes
        u += intercept if self._center is None else intercept - self._center @ slopes
        return u

    def evaluate(self, theta, alpha):
        """The linear predictor, the ridge penalty and what `gradient` needs of the latter."""
        slopes, intercept = self._slopes(theta)
        return self._predict(slopes, intercept), 0.5 * alpha * float(np.sum(slopes * slopes)), alpha * slopes

    def gradient(self, derivative, ridge_gradient):
        """Derivatives with respect to the linear predictor and the slopes as one with respect to ``theta``."""
        total = derivative.sum(axis=0)
        slopes = self._X.T @ derivative + ridge_gradient
        if self._center is not None:
            slopes -= self._center[:, None] * total if self.n_outputs else self._center * total
        coordinates = self._map.T @ slopes if self._map.ndim == 2 else (self._map * slopes.T).T
        return np.concatenate([np.atleast_1d(total * self._unit)[None, :].ravel(), coordinates.ravel()])

    def standardized(self, theta):
        """Slopes per standard deviation of their feature, as a vector."""
        return (self._slopes(theta)[0].T * self._deviations).ravel()

    def shift(self, standardized):
        """The change of ``theta`` that adds to the slopes; the inverse of `standardized` for whitened features."""
        deviations = np.where(self._deviations > 0.0, self._deviations, np.inf)
        slopes = (standardized.reshape(-1, deviations.size) / deviations).T
        coordinates = np.linalg.lstsq(self._map, slopes)[0]
        return np.concatenate([np.zeros(slopes.shape[1]), coordinates.ravel()])

    def constant(self, intercept):
        """The parameter vector of a constant linear predictor."""
        theta = np.zeros(self.n_parameters)
        theta[: np.size(intercept)] = intercept / self._unit
        return theta

    def is_constant(self, theta):
        """Whether all slopes are zero."""
        return not theta[self.n_outputs or 1 :].any()

    def coefficients(self, theta):
        """Slopes, of shape (n_features,) or (n_features, n_outputs), and intercept of the features as they are.

        Those of several outputs are classes, whose probabilities do not change when all predictors move alike: slopes
        and intercepts are made to sum to zero over them, which has the least norm.
        """
        slopes, intercept = self._slopes(theta)
        intercept = intercept - self.mean @ slopes
        if self.n_outputs is None:
            return slopes, intercept
        return slopes - slopes.mean(axis=1, keepdims=True), intercept - intercept.mean()


def _whitened_directions(gram, deviations, curvature, alpha):
    """The map from coordinates to slopes that turns ``curvature * gram + alpha`` into the identity."""
    varying = np.flatnonzero(deviations)
    if varying.size == 0:
        return np.zeros((len(gram), 0))
    deviations = deviations[varying]
    eigenvalues, vectors = eigh(gram[np.ix_(varying, varying)] / np.outer(deviations, deviations))
    kept = eigenvalues > RANK_TOLERANCE * eigenvalues[-1]
    directions = vectors / deviations[:, None]
    slopes = directions[:, kept] / np.sqrt(curvature * eigenvalues[kept])
    if not kept.all():
        idle, _ = np.linalg.qr(directions[:, ~kept])
        slopes -= idle @ (idle.T @ slopes)
    if alpha > 0.0:
        factor = np.linalg.cholesky(np.eye(slopes.shape[1]) + alpha * (slopes.T @ slopes))
        slopes = solve_triangular(factor, slopes.T, lower=True).T
    full = np.zeros((len(gram), slopes.shape[1]))
    full[varying] = slopes
    return full


class Solution(NamedTuple):
    """A local solution, or the constant model where that is no worse: by ``advantage``, in units of the scale."""

    theta: np.ndarray
    objective: float
    is_constant: bool
    advantage: float
    descent: Descent


def settle(descent, constant, value, risk, fairness_weight, is_constant=False):
    """The solution: where a descent ended, or the constant model if its ``value`` is no larger.

    A penalty that is free of scale has no meaning for constant predictions (theirs is 0 by convention): these are then
    no rivals, and a solution only if the descent ended there.
    """
    margin = ROUNDING * max(risk.scale, abs(value))
    is_rival = fairness_weight == 0.0 or risk.knows_constants
    if is_constant or (is_rival and descent.value >= value - margin):
        return Solution(constant, value, True, max(descent.value - value, 0.0) / risk.scale, descent)
    return Solution(descent.theta, descent.value, False, 0.0, descent)


class LinearSolver:
    """Fits of one linear model with increasing weights on its penalty, each started from the one before.

    Parameters
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        The features.
    risk : FairRisk
        The risk of a linear predictor.
    alpha : float
        Ridge penalty on the slopes.
    tol : float
        See `descend`.
    max_iter : int
        Largest number of iterations of a descent.
    """

    def __init__(self, X, risk, *, alpha, tol, max_iter):
        self.design = LinearDesign(X, risk.weights, risk.curvature, alpha, risk.n_outputs)
        self.risk, self._alpha, self._tol, self._max_iter = risk, alpha, tol, max_iter
        self._constant = self.design.constant(risk.constant)
        self._unpenalized = self._start = None

    def unpenalized(self, on_step=None):
        """The fit without penalty, made once."""
        if self._unpenalized is None:
            self._unpenalized = self._descend(self._constant, 0.0, on_step)
            self._start = self._unpenalized.descent.theta
        return self._unpenalized

    def solve(self, fairness_weight, on_step=None, start=None, explore=True):
        """The fit with a given weight on the penalty.

        Parameters
        ----------
        fairness_weight : float
            Factor on the penalty.
        on_step : callable or None, default=None
            See `descend`.
        start : Solution or None, default=None
            The solution whose descent is continued; None takes the last one.
        explore : bool, default=True
            Whether small problems are also started from points nearby.

        Returns
        -------
        solution : Solution
            The better one of a local solution and the constant model.
        """
        unpenalized = self.unpenalized(on_step)
        if fairness_weight == 0.0 or self.risk.protection is None or unpenalized.descent.stopped:
            return unpenalized
        self.risk.check_fairness_weight(fairness_weight)
        theta = self._start if start is None else start.descent.theta
        solution = self._descend(theta, fairness_weight, on_step, self._shifts if explore else [])
        self._start = solution.descent.theta
        return solution

    def _descend(self, start, fairness_weight, on_step, shifts=()):
        def objective(theta):
            u, ridge, ridge_gradient = self.design.evaluate(theta, self._alpha)
            value, derivative = self.risk.value_and_derivative(u, fairness_weight)
            return value + ridge, self.design.gradient(derivative, ridge_gradient)

        def run(start):
            return descend(
                objective,
                start,
                scale=self.risk.scale,
                tol=self._tol,
                max_iter=self._max_iter,
                unit=np.sqrt(self.risk.scale),
                smooth=fairness_weight == 0.0,
                on_step=on_step,
            )

        descent = run(start)
        for shift in shifts:
            if descent.stopped:
                break
            rival = run(descent.theta + shift)
            better = rival.value < descent.value - WORTHWHILE * self.risk.scale
            if better and self.risk.is_inside(self.design.predictor(rival.theta)):
                descent = rival
        is_constant = self.design.is_constant(descent.theta)
        return settle(descent, self._constant, objective(self._constant)[0], self.risk, fairness_weight, is_constant)

    @cached_property
    def _shifts(self):
        """Steps from a local solution to further starts, where descents cost next to nothing.

        In small samples the kinks of single pairs of rows are local solutions. Steps are drawn per standardized slope,
        so that they do not depend on the coordinates, and have a fixed seed, so that a fit can be repeated.
        """
        design = self.design
        if design.n_slopes > FEW_SLOPES or design.n_slopes * self.risk.weights.sum() > SMALL:
            return []
        rng = np.random.default_rng(0)
        length = HOP * np.linalg.norm(design.standardized(self.unpenalized().theta))
        directions = rng.normal(size=(N_HOPS, design.n_slopes))
        directions *= (length * rng.uniform(size=N_HOPS) / np.linalg.norm(directions, axis=1))[:, None]
        return [design.shift(direction) for direction in directions]

    def gain(self, solution):
        """By how much the objective of a solution is below the loss of the constant model."""
        constant = self.design.predictor(self._constant)
        return self.risk.value_and_derivative(constant, 0.0)[0] - solution.objective

    def predictor(self, solution):
        """The linear predictor of a solution."""
        return self.design.predictor(solution.theta)
