"""Fits along increasing fairness weights, and the largest weight that is of use."""

from dataclasses import dataclass, field
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import Interval, _fit_context, validate_params
from .._support.data_frames import data_frame
from .._support.progress import fit_progress
from .._support.user_warnings import warn_user
from .._support.validation import check_vector
from .._typing import ArrayLike, Axes, DataFrame, FloatArray, MatrixLike
from ..certificate import Certificate, Check
from ._certificates import LARGEST_REWARD, Shrinkage, reward_for_noise
from ._displays import FairnessPathDisplay
from ._glm import DistanceCovarianceFairClassifier, DistanceCovarianceFairRegressor, FairLinearModel

__all__ = ["FairnessPath", "fairness_path"]

NEGLIGIBLE = 1e-3  # of the penalty without weight: what is left of it, or what a doubled weight takes off it
BRACKET = 1.02  # ratio of the largest useful weight to one that is still useful
MAX_DOUBLINGS = 60


@dataclass(frozen=True, eq=False)
class FairnessPath:
    """Loss and dependence of the training predictions along increasing fairness weights.

    Attributes
    ----------
    fairness_weights : ndarray of shape (n_weights,)
        The weights, increasing.
    coefs : ndarray of shape (n_weights, n_kept_columns) or (n_weights, n_rows, n_kept_columns)
        What ``coef_`` would be at each weight.
    intercepts : ndarray of shape (n_weights,) or (n_weights, n_rows)
        What ``intercept_`` would be at each weight.
    losses : ndarray of shape (n_weights,)
        Mean loss.
    penalty_excesses : ndarray of shape (n_weights,)
        The dependence measure less its part that does not depend on predictions.
    distance_correlations : ndarray of shape (n_weights,)
        The measure free of scale; 0 for constant predictions.
    unfairness_ratios : ndarray of shape (n_weights,)
        Between the intersections of the attributes, free of scale; 0 for constant predictions.
    deviations : ndarray of shape (n_weights,)
        Standard deviation of the predictions; of several classes, the root of the sum of the variances.
    largest_weight : float or None
        The largest weight that is of use: beyond it the predictions are constant, or the penalty no longer falls. None
        if the weights were given.
    certificate : Certificate
        Whether all fits are local solutions, and how many were paid for by shrinking.

    See Also
    --------
    fairness_path : Makes it.
    FairnessPathDisplay : Draws it.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.fairness import fairness_path
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, size=200)
    >>> X = rng.normal(size=(200, 1)) + sex[:, None]
    >>> path = fairness_path(X, X[:, 0] + rng.normal(size=200), sex, fairness_weights=[0, 1])
    >>> path.coefs.shape
    (2, 1)
    """

    fairness_weights: FloatArray
    coefs: FloatArray = field(repr=False)
    intercepts: FloatArray = field(repr=False)
    losses: FloatArray = field(repr=False)
    penalty_excesses: FloatArray = field(repr=False)
    distance_correlations: FloatArray = field(repr=False)
    unfairness_ratios: FloatArray = field(repr=False)
    deviations: FloatArray = field(repr=False)
    largest_weight: float | None
    certificate: Certificate = field(repr=False)

    def plot(self, ax: Axes | None = None) -> FairnessPathDisplay:
        """Draw the path.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : FairnessPathDisplay
            The drawing.
        """
        return FairnessPathDisplay.from_path(self, ax=ax)

    def to_frame(self) -> DataFrame:
        """Return the path as a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row per weight; columns ``fairness_weight``, ``loss``, ``penalty_excess``, ``distance_correlation``,
            ``unfairness_ratio`` and ``deviation``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(
            {
                "fairness_weight": self.fairness_weights,
                "loss": self.losses,
                "penalty_excess": self.penalty_excesses,
                "distance_correlation": self.distance_correlations,
                "unfairness_ratio": self.unfairness_ratios,
                "deviation": self.deviations,
            },
            "FairnessPath.to_frame",
        )


@validate_params(
    {
        "X": "no_validation",
        "y": ["array-like"],
        "sensitive_features": "no_validation",
        "estimator": [FairLinearModel, None],
        "fairness_weights": ["array-like", None],
        "n_fairness_weights": [Interval(Integral, 1, None, closed="left")],
        "eps": [Interval(Real, 0, 1, closed="neither")],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=False,
)
def fairness_path(
    X: MatrixLike,
    y: ArrayLike,
    sensitive_features: ArrayLike | None = None,
    *,
    estimator: DistanceCovarianceFairRegressor | DistanceCovarianceFairClassifier | None = None,
    fairness_weights: ArrayLike | None = None,
    n_fairness_weights: int = 20,
    eps: float = 1e-3,
    sample_weight: ArrayLike | None = None,
) -> FairnessPath:
    """Fit a fair linear model along increasing fairness weights, each fit started from the one before.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,)
        Targets.
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes), default=None
        Raw protected attributes; needed unless ``estimator`` has ``sensitive_columns``.
    estimator : DistanceCovarianceFairRegressor, DistanceCovarianceFairClassifier or None, default=None
        The model; its ``fairness_weight`` is not used. None means ``DistanceCovarianceFairRegressor()``. Callbacks set
        on it see one step per weight.
    fairness_weights : array-like of shape (n_weights,), default=None
        The weights; they are sorted. None makes a geometric grid below the largest useful weight: the smallest one at
        which the predictions are constant, or at which a thousandth of the penalty is left. For ``normalize="dcor"``
        also the one from which on doubling it takes less than that off.
    n_fairness_weights : int, default=20
        Length of that grid.
    eps : float, default=1e-3
        Smallest over largest weight of that grid.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, as in ``fit``.

    Returns
    -------
    path : FairnessPath
        Coefficients, loss and dependence per weight.

    Raises
    ------
    ValueError
        For invalid parameters or data, without sensitive features, and when a grid is wanted although predictions
        without penalty show no dependence.

    Warns
    -----
    ConvergenceWarning
        Once, when the solver did not finish at some weight.

    See Also
    --------
    calibrate_fairness_weight : Loss and dependence on held-out rows, and a choice.
    FairnessPathDisplay : Draws the path.

    Notes
    -----
    A fit of the path can be another local solution than that of the estimator alone, which starts from the fit without
    penalty. The largest useful weight is found to two percent.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.fairness import fairness_path
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, size=500)
    >>> X = rng.normal(size=(500, 2)) + np.column_stack([sex, np.zeros(500)])
    >>> path = fairness_path(X, X.sum(axis=1) + rng.normal(size=500), sex, n_fairness_weights=5)
    >>> bool(path.penalty_excesses[-1] < 0.01 * path.penalty_excesses[0])
    True
    """
    model = DistanceCovarianceFairRegressor() if estimator is None else clone(estimator)
    if sensitive_features is None and model.sensitive_columns is None:
        raise ValueError("sensitive_features must be given, unless estimator has sensitive_columns.")
    if fairness_weights is not None:
        fairness_weights = np.unique(check_vector(fairness_weights, "fairness_weights"))
    return _trace(model, X, y, sensitive_features, sample_weight, fairness_weights, n_fairness_weights, eps)


@_fit_context(prefer_skip_nested_validation=False)
def _trace(model, X, y, sensitive_features, sample_weight, weights, n_weights, eps):
    problem = model._problem(X, y, sensitive_features, sample_weight)
    solver = model._solver(problem)
    unpenalized = solver.unpenalized()
    baseline = problem.risk.measure(solver.predictor(unpenalized))
    largest, n_steps = None, n_weights if weights is None else weights.size
    with fit_progress(model, X, y, max_subtasks=n_steps, sample_weight=sample_weight) as progress:
        if weights is None:
            largest = _largest_useful_weight(solver, baseline)
            weights = np.geomspace(eps * largest, largest, n_weights) if n_weights > 1 else np.array([largest])
        rows, solution = [], unpenalized
        for weight in weights:
            solution = solver.solve(weight, start=solution)
            rows.append(_Row(model, solver, solution))
            if progress.step(rows[-1].parameters, "fairness weight"):
                weights = weights[: len(rows)]
                break
    return _summarize(weights, rows, baseline, largest, solver)


class _Row:
    """One fit of the path: its parameters and what was measured."""

    def __init__(self, model, solver, solution):
        self.fitted = model._parameters(solver, solution.theta)
        self.measures = solver.risk.measure(solver.predictor(solution))
        self.converged = (solution.is_constant or solution.descent.converged) and self.measures.has_minimum

    def parameters(self):
        """The fitted attributes, for callbacks that score."""
        return self.fitted


def _largest_useful_weight(solver, baseline):
    """By doubling and bisection on whether the penalty is as good as gone."""
    unpenalized = solver.unpenalized()
    gain = solver.gain(unpenalized)
    if not (baseline.excess > 0.0 and gain > 0.0):
        raise ValueError(
            "fairness_weights must be given: predictions without penalty show no dependence on the sensitive features "
            f"(a penalty of {baseline.excess:.3g}), so that there is no largest useful weight."
        )

    def attempt(weight, start):
        solution = solver.solve(weight, start=start, explore=False)
        if solution.is_constant:
            return solution, 0.0
        return solution, solver.risk.measure(solver.predictor(solution)).excess / baseline.excess

    low, high, start, left = 0.0, gain / baseline.excess, unpenalized, 1.0
    for _ in range(MAX_DOUBLINGS):
        solution, remaining = attempt(high, start)
        if remaining <= NEGLIGIBLE:
            break
        if low > 0.0 and left - remaining < NEGLIGIBLE:
            return high
        low, start, left, high = high, solution, remaining, 2.0 * high
    if low == 0.0:
        low = high / 2.0
        for _ in range(MAX_DOUBLINGS):
            solution, remaining = attempt(low, unpenalized)
            if remaining > NEGLIGIBLE:
                start = solution
                break
            low, high = low / 2.0, low
    while high > BRACKET * low:
        middle = np.sqrt(low * high)
        solution, remaining = attempt(middle, start)
        if remaining <= NEGLIGIBLE:
            high = middle
        else:
            low, start = middle, solution
    return float(high)


def _summarize(weights, rows, baseline, largest, solver):
    measures = [row.measures for row in rows]
    n_converged = sum(row.converged for row in rows)
    if n_converged < len(rows):
        warn_user(
            f"fairness_path: {len(rows) - n_converged} of {len(rows)} fits did not finish. Increase max_iter or tol of "
            "the estimator.",
            ConvergenceWarning,
        )
    scale_free = not solver.risk.knows_constants
    n_shrunk = sum(
        bool(Shrinkage(fitted, baseline, scale_free).found)
        for fitted, weight in zip(measures, weights, strict=True)
        if weight > 0.0
    )
    n_rewarded = sum(
        reward_for_noise(fitted, solver.risk.scale, weight) > LARGEST_REWARD
        for fitted, weight in zip(measures, weights, strict=True)
    )
    certificate = Certificate(
        claim="Every fit of the path is a local solution of its penalized risk, or the constant model.",
        checks=[
            Check("fits that finished", n_converged, len(rows), n_converged == len(rows), "numerical"),
            Check(
                "fits rewarded for noise",
                n_rewarded,
                0,
                n_rewarded == 0,
                "numerical",
                "an unbiased penalty that is negative by chance; use unbiased=False then",
            ),
            Check(
                "fits paid for by shrinking",
                n_shrunk,
                None,
                None,
                "reported",
                "variance fell by a larger factor than the distance correlation, or to nothing",
            ),
        ],
        assumptions=[
            "demographic parity is what fairness means here: predictions that do not depend on the attributes",
            "loss and dependence on new rows are like those on the training rows shown here",
        ],
    )
    return FairnessPath(
        fairness_weights=weights,
        coefs=np.array([row.fitted["coef_"] for row in rows]),
        intercepts=np.array([row.fitted["intercept_"] for row in rows]),
        losses=np.array([fitted.loss for fitted in measures]),
        penalty_excesses=np.array([fitted.excess for fitted in measures]),
        distance_correlations=np.array([fitted.distance_correlation for fitted in measures]),
        unfairness_ratios=np.array([fitted.unfairness_ratio for fitted in measures]),
        deviations=np.sqrt([fitted.variance for fitted in measures]),
        largest_weight=largest,
        certificate=certificate,
    )
