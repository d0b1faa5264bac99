"""Regularization paths of PRESTO, and the functions around its objective."""

from dataclasses import replace
from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.utils import Bunch, check_consistent_length, column_or_1d

from .._support._sklearn import Interval, validate_params
from .._support.validation import check_array, check_sample_weight, check_vector
from .._typing import ArrayLike, MatrixLike
from ..certificate import Certificate, Check
from ._cut_classifier import warn_unless_converged
from ._labels import declared_order
from ._penalty import presto_penalty
from ._presto import PENALTY_CONSTRAINTS, PrestoClassifier
from ._probabilities import class_log_probabilities
from ._solver import DomainSolver

__all__ = [
    "alpha_grid",
    "largest_alpha",
    "ordinal_log_likelihood",
    "presto_alpha_max",
    "presto_path",
    "trace_path",
]


DATA_CONSTRAINTS = {
    "X": ["array-like", "sparse matrix"],
    "y": ["array-like"],
    "standardize": ["boolean"],
    "sample_weight": ["array-like", None],
    **PENALTY_CONSTRAINTS,
}


def largest_alpha(solver, weights, l1_ratio):
    """Smallest ``alpha`` at which every penalized coordinate is zero; leaves its solution in ``solver``."""
    penalized = (weights > 0.0) & np.isfinite(weights)
    if not penalized.any():
        raise ValueError("alpha_max does not exist: base_penalty and penalty_factor leave nothing penalized.")
    solution = solver.solve(presto_penalty(np.inf, 1.0, weights))
    if solution.separated:
        raise ValueError(
            "alpha_max does not exist: the data are separable (perfectly or in part) along the slopes that "
            "base_penalty and penalty_factor leave unpenalized. Penalize them."
        )
    pull = np.maximum(np.abs(solution.gradient) - solution.extra_lasso, 0.0)[penalized]
    return float(np.max(pull / weights[penalized])) / l1_ratio


def alpha_grid(solver, weights, l1_ratio, n_alphas, eps):
    """Geometric grid from the largest useful ``alpha`` down to ``eps`` times it."""
    if l1_ratio == 0.0:
        raise ValueError("alphas must be given as an array when l1_ratio=0: no finite ridge penalty zeroes the slopes.")
    top = largest_alpha(solver, weights, l1_ratio)
    if top <= 0.0:
        raise ValueError("alphas must be given as an array: no penalized feature is related to y, so alpha_max is 0.")
    return np.geomspace(top, eps * top, n_alphas)


def trace_path(solver, weights, l1_ratio, alphas):
    """Yield the solutions along decreasing ``alphas``, each started from the previous one."""
    for alpha in alphas:
        yield solver.solve(presto_penalty(alpha, l1_ratio, weights))


def _problem(X, y, sample_weight, **parameters):
    """The problem of a `PrestoClassifier` with ``parameters``, the weights of its penalty and its classes."""
    return PrestoClassifier(**parameters)._problem(X, y, sample_weight)


@validate_params(DATA_CONSTRAINTS, prefer_skip_nested_validation=True)
def presto_alpha_max(
    X: MatrixLike,
    y: ArrayLike,
    *,
    base_penalty: float = 1.0,
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    standardize: bool = True,
    crossing: Literal["train", "observed", "box"] = "train",
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Smallest penalty of `PrestoClassifier` at which every penalized coefficient difference is zero.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,)
        Class labels.
    base_penalty : float, default=1.0
        Weight of the penalty on the first cut's own slopes; see `PrestoClassifier`.
    l1_ratio : float, default=1.0
        Share of the lasso in the penalty, positive.
    penalty_factor : array-like of shape (n_features,), default=None
        Non-negative weight of each feature's penalty; None means ones.
    standardize : bool, default=True
        Penalize slopes per weighted population standard deviation of their feature.
    crossing : {"train", "observed", "box"}, default="train"
        Where the cuts must keep their order; it matters only if slopes of later cuts are unpenalized.
    classes : array-like of shape (n_classes,), default=None
        The classes from lowest to highest; see `PrestoClassifier`.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.

    Returns
    -------
    alpha_max : float
        On the scale of the mean negative log-likelihood.

    Raises
    ------
    ValueError
        For invalid data, when nothing is penalized, or when the data are separable along unpenalized slopes.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import PrestoClassifier, presto_alpha_max
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> top = presto_alpha_max(X, y)
    >>> int((PrestoClassifier(alpha=1.0001 * top).fit(X, y).coef_ != 0).sum())
    0
    """
    problem, weights, _ = _problem(
        X,
        y,
        sample_weight,
        base_penalty=base_penalty,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        standardize=standardize,
        crossing=crossing,
        classes=classes,
    )
    if l1_ratio == 0.0:
        raise ValueError("l1_ratio must be positive: no finite ridge penalty makes every slope zero.")
    solver = DomainSolver(problem.loss, problem.standard, crossing, tol=1e-10, max_iter=100)
    return largest_alpha(solver, weights, l1_ratio)


@validate_params(
    {
        "alphas": ["array-like", None],
        "n_alphas": [Interval(Integral, 1, None, closed="left")],
        "eps": [Interval(Real, 0, 1, closed="right")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }
    | DATA_CONSTRAINTS,
    prefer_skip_nested_validation=True,
)
def presto_path(
    X: MatrixLike,
    y: ArrayLike,
    *,
    alphas: ArrayLike | None = None,
    n_alphas: int = 50,
    eps: float = 1e-2,
    base_penalty: float = 1.0,
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    standardize: bool = True,
    crossing: Literal["train", "observed", "box"] = "train",
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    max_iter: int = 100,
    tol: float = 1e-6,
) -> Bunch:
    """PRESTO fits along a decreasing sequence of penalties, each started from the previous one.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,)
        Class labels.
    alphas : array-like of shape (n_alphas,), default=None
        Penalties; they are visited in decreasing order. None takes a geometric grid from `presto_alpha_max` down.
    n_alphas : int, default=50
        Length of that grid.
    eps : float, default=1e-2
        Smallest over largest penalty of that grid.
    base_penalty : float, default=1.0
        Weight of the penalty on the first cut's own slopes; see `PrestoClassifier`.
    l1_ratio : float, default=1.0
        Share of the lasso in the penalty; 0 needs ``alphas``.
    penalty_factor : array-like of shape (n_features,), default=None
        Non-negative weight of each feature's penalty; None means ones.
    standardize : bool, default=True
        Penalize slopes per weighted population standard deviation of their feature.
    crossing : {"train", "observed", "box"}, default="train"
        Where the cuts must keep their order; see `PrestoClassifier`.
    classes : array-like of shape (n_classes,), default=None
        The classes from lowest to highest; see `PrestoClassifier`.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; a weight stands for that many copies of its row.
    max_iter : int, default=100
        Largest number of Newton steps per minimization.
    tol : float, default=1e-6
        Largest violation of the optimality conditions, and largest duality gap relative to ``max(1, objective)``.

    Returns
    -------
    path : Bunch
        One entry per penalty, in decreasing order: ``alphas``; ``coefs`` of shape (n_alphas, n_classes - 1, n_features)
        and ``intercepts`` of shape (n_alphas, n_classes - 1) in original units and exceedance sign; ``dual_gaps``,
        ``objectives``, ``log_likelihood``, ``df``, ``n_crossing`` (training rows) and ``n_iter``, each of shape
        (n_alphas,). Besides them ``classes`` and the ``certificate`` of the whole path.

    Raises
    ------
    ValueError
        For invalid parameters or data.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import presto_path
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> path = presto_path(X, y, n_alphas=20)
    >>> path.coefs.shape
    (20, 3, 10)
    """
    problem, weights, classes = _problem(
        X,
        y,
        sample_weight,
        base_penalty=base_penalty,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        standardize=standardize,
        crossing=crossing,
        classes=classes,
        max_iter=max_iter,
        tol=tol,
    )
    solver = DomainSolver(problem.loss, problem.standard, crossing, tol=tol, max_iter=max_iter)
    alphas = resolve_alphas(n_alphas if alphas is None else alphas, eps, solver, weights, l1_ratio)
    fits = [
        {
            "coefs": coef,
            "intercepts": intercept,
            "dual_gaps": solution.gap,
            "objectives": solution.objective,
            "log_likelihood": -problem.total_weight * solution.point.loss,
            "df": np.count_nonzero(differences) + problem.loss.n_cuts,
            "n_crossing": problem.n_crossing(solution.theta),
            "n_iter": solution.n_iter,
            "violation": solution.violation,
            "trouble": None if solution.converged else replace(solution, curvature=None),
        }
        for solution in trace_path(solver, weights, l1_ratio, alphas)
        for coef, intercept, differences in [problem.linear_predictor(solution.theta)]
    ]
    return _path_bunch(alphas, fits, classes, tol)


def resolve_alphas(alphas, eps, solver, weights, l1_ratio):
    """Decreasing penalties from a number of them or an array of them."""
    if np.ndim(alphas) > 0:
        return np.sort(check_vector(alphas, "alphas"))[::-1]
    return alpha_grid(solver, weights, l1_ratio, alphas, eps)


def _path_bunch(alphas, fits, classes, tol):
    columns = {name: np.array([fit[name] for fit in fits]) for name in fits[0] if name != "trouble"}
    relative = float(np.max(columns["dual_gaps"] / np.maximum(1.0, columns["objectives"])))
    violation = float(columns.pop("violation").max())
    for trouble in [fit["trouble"] for fit in fits if fit["trouble"] is not None][:1]:
        warn_unless_converged(trouble, "presto_path", tol)
    certificate = Certificate(
        claim=(
            f"Every fit of the path is within {columns['dual_gaps'].max():.2g} of the smallest penalized negative "
            "log-likelihood of its crossing domain."
        ),
        checks=(
            Check("largest relative duality gap", relative, tol, relative <= tol, "proof"),
            Check("largest KKT violation", violation, tol, violation <= tol, "numerical"),
        ),
        assumptions=("rows are independent given the features", "every cut logit is linear in the features"),
    )
    return Bunch(alphas=alphas, **columns, classes=classes, certificate=certificate)


def ordinal_log_likelihood(
    y: ArrayLike, cut_logits: ArrayLike, *, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
) -> float:
    """Total log-likelihood of labels under given cut logits.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Class labels.
    cut_logits : array-like of shape (n_samples, n_classes - 1)
        ``log P(y > classes[k]) / P(y <= classes[k])``, as `PrestoClassifier.cut_logits` gives them.
    classes : array-like of shape (n_classes,), default=None
        The classes from lowest to highest; None takes the order of ``y`` itself, else its sorted labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights.

    Returns
    -------
    log_likelihood : float
        Weighted sum; ``-inf`` when the probability of some observed class is zero or negative.

    Raises
    ------
    ValueError
        If the shapes do not agree.

    Examples
    --------
    >>> from statlearn.ordinal import ordinal_log_likelihood
    >>> round(ordinal_log_likelihood([0, 1, 1], [[0.0], [0.0], [2.0]]), 4)
    -1.5132
    """
    order = declared_order(y) if classes is None else classes
    y = column_or_1d(y)
    logits = check_array(cut_logits, dtype=np.float64, input_name="cut_logits")
    check_consistent_length(y, logits)
    weights = check_sample_weight(sample_weight, logits, dtype=np.float64, ensure_non_negative=True)
    order = np.unique(y) if order is None else order
    if logits.shape[1] != len(order) - 1:
        raise ValueError(
            f"cut_logits must have one column less than the {len(order)} classes. Got {logits.shape[1]} columns: "
            "pass classes= when some class does not occur in y."
        )
    position = {label: index for index, label in enumerate(np.asarray(order).tolist())}
    unknown = [label for label in np.unique(y).tolist() if label not in position]
    if unknown:
        raise ValueError(f"y contains labels {unknown} that are not in classes={list(position)}.")
    rows, columns = np.arange(len(y)), np.array([position[label] for label in y.tolist()])
    lower = np.where(columns > 0, logits[rows, columns - 1], np.inf)
    upper = np.where(columns < logits.shape[1], logits[rows, np.minimum(columns, logits.shape[1] - 1)], -np.inf)
    counted = weights > 0.0
    if np.any(lower[counted] <= upper[counted]):
        return -np.inf
    with np.errstate(invalid="ignore"):  # classes other than the observed one may cross
        values = class_log_probabilities(logits)[rows, columns]
    return float(weights[counted] @ values[counted])
