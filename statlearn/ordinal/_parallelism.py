"""Tests of parallel slopes: is one slope vector enough for a group of features?"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import StrOptions, _check_feature_names_in, validate_params
from .._support.data_frames import data_frame
from .._support.user_warnings import warn_user
from .._typing import ArrayLike, DataFrame, FloatArray, MatrixLike
from ..certificate import Certificate, Check, format_table
from ._cut_classifier import warn_unless_converged
from ._inference import efficient_information, independent, information
from ._penalty import Penalty
from ._problem import ordinal_problem
from ._proportional_odds import ProportionalOddsClassifier
from ._solver import DomainSolver

__all__ = ["ParallelismTestResult", "parallelism_test"]

LEVEL = 0.05  # of the test that the certificate reports
TOL, MAX_ITER = 1e-9, 200
ROUNDING = 1e-13  # of the mean log-likelihood, a sum of many terms
MAX_NAMES = 12  # of columns, in a message


@dataclass(frozen=True)
class ParallelismTestResult:
    """Outcome of `parallelism_test`.

    Attributes
    ----------
    method : str
        ``"lr"``, ``"score"`` or ``"wald"``.
    groups : tuple of str
        Names of the groups tested.
    statistic : ndarray of shape (n_groups,)
        Chi-squared statistics.
    df : ndarray of shape (n_groups,)
        Degrees of freedom: features of the group times the number of cuts after the first, less the differences that
        the data do not determine because columns are constant or collinear.
    p_value : ndarray of shape (n_groups,)
        Asymptotic p-values, not adjusted for their number.
    global_statistic : float
        Statistic of all features together.
    global_df : int
        Its degrees of freedom.
    global_p_value : float
        Its p-value.
    certificate : Certificate
        Holds when no violation was found at level 0.05 and all fits behind the test exist.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import parallelism_test
    >>> X, y = make_rare_ordinal(n_features=2, random_state=0)
    >>> result = parallelism_test(X, y)
    >>> result.groups, result.df.tolist()
    (('x0', 'x1'), [2, 2])
    """

    method: str
    groups: tuple[str, ...]
    statistic: FloatArray
    df: np.ndarray
    p_value: FloatArray
    global_statistic: float
    global_df: int
    global_p_value: float
    certificate: Certificate

    def to_frame(self) -> DataFrame:
        """Table of the tests.

        Returns
        -------
        frame : pandas.DataFrame
            Columns group, statistic, df and p_value; the last row, named ``"global"``, is that of all features.
        """
        columns = {
            "group": [*self.groups, "global"],
            "statistic": [*self.statistic, self.global_statistic],
            "df": [*self.df, self.global_df],
            "p_value": [*self.p_value, self.global_p_value],
        }
        return data_frame(columns, f"{type(self).__name__}.to_frame")

    def __str__(self):
        names = (*self.groups, "global")
        values = zip(
            (*self.statistic, self.global_statistic),
            (*self.df, self.global_df),
            (*self.p_value, self.global_p_value),
            strict=True,
        )
        rows = [(name, f"{s:.4f}", f"{d}", f"{p:.4g}") for name, (s, d, p) in zip(names, values, strict=True)]
        table = format_table(("group", "statistic", "df", "p-value"), rows, right=(1, 2, 3))
        return f"Test of parallel slopes ({self.method})\n{table}"


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "y": ["array-like"],
        "features": [dict, "array-like", None],
        "method": [StrOptions({"lr", "score", "wald"})],
        "classes": ["array-like", None],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def parallelism_test(
    X: MatrixLike,
    y: ArrayLike,
    *,
    features: dict[str, Any] | ArrayLike | None = None,
    method: Literal["lr", "score", "wald"] = "lr",
    classes: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> ParallelismTestResult:
    """Test proportional odds against slopes that differ between cuts, group by group and for all features.

    The null hypothesis is proportional odds; each alternative frees the slopes of one group of features at every cut,
    by unpenalized maximum likelihood.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,)
        Class labels, at least three classes.
    features : dict, array-like or None, default=None
        Groups to test: a dictionary from names to columns, such as all dummies of one factor; a list of single columns;
        or None for every column by itself. Columns are given by position, by name (``x0``, ``x1``, ... when ``X`` has
        no names) or by a boolean mask over all columns.
    method : {"lr", "score", "wald"}, default="lr"
        Likelihood ratio, score test (needs the proportional-odds fit only) or Wald test.
    classes : array-like of shape (n_classes,), default=None
        The classes from lowest to highest; see `PrestoClassifier`.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; they count as repeated rows.

    Returns
    -------
    result : ParallelismTestResult
        Statistics, degrees of freedom and p-values, with a certificate.

    Raises
    ------
    ValueError
        For fewer than three classes, unknown or repeated columns, and groups no slope of which the data determine.

    Warns
    -----
    ConvergenceWarning
        When an alternative has no maximum-likelihood fit.

    Notes
    -----
    Collinear columns are no obstacle: statistics and degrees of freedom are those after leaving out the redundant ones.
    The certificate reports how many differences that concerned.

    References
    ----------
    R. Brant. Assessing proportionality in the proportional odds model for ordinal logistic regression. Biometrics
    46(4), 1990.

    Examples
    --------
    >>> from statlearn.datasets import make_rare_ordinal
    >>> from statlearn.ordinal import parallelism_test
    >>> X, y = make_rare_ordinal(random_state=0)
    >>> result = parallelism_test(X, y, features={"first five": [0, 1, 2, 3, 4]})
    >>> result.df.tolist(), result.global_df
    ([10], 20)
    """
    reader = ProportionalOddsClassifier(classes=classes)
    table, codes, weights, ordered = reader._check_training_data(X, y, sample_weight)
    if ordered.size < 3:
        raise ValueError(
            f"parallelism_test needs at least 3 classes. Got {ordered.tolist()}: with one cut all slopes are parallel."
        )
    problem = ordinal_problem(table, codes, weights)
    names = [str(name) for name in _check_feature_names_in(reader)]
    groups = [*_feature_groups(features, names), ("all features", list(range(len(names))))]
    null = _Null(problem)
    tested = [null.determined(name, columns, names) for name, columns in groups]  # errors before the long fits
    *tests, overall = [null.test(coordinates, method) for coordinates in tested]
    null.warn(["parallel slopes", *(f"the slopes of {name} freed" for name, _ in groups)])
    statistic, df = (np.array([test[index] for test in tests]) for index in (0, 1))
    return ParallelismTestResult(
        method=method,
        groups=tuple(name for name, _ in groups[:-1]),
        statistic=statistic,
        df=df,
        p_value=chi2.sf(statistic, df),
        global_statistic=overall[0],
        global_df=overall[1],
        global_p_value=float(chi2.sf(*overall)),
        certificate=null.certificate(*overall, _lost(groups, tested, problem.loss.n_cuts - 1)),
    )


def _feature_groups(features, names):
    """Pairs of a name and the column positions of every group to test."""
    if features is None:
        return [(name, [index]) for index, name in enumerate(names)]
    if isinstance(features, dict):
        if not features:
            raise ValueError("features must name at least one group. Got an empty dict instead.")
        return [(str(name), _columns(columns, names, f"features[{name!r}]")) for name, columns in features.items()]
    columns = _columns(features, names, "features")
    repeated = sorted({names[column] for column in columns if columns.count(column) > 1})
    if repeated:
        raise ValueError(f"features must name every column once. Got {repeated} more than once.")
    return [(names[column], [column]) for column in columns]


def _columns(selection, names, owner):
    """Positions of the columns that names, positions or a boolean mask select."""
    selection = selection.tolist() if isinstance(selection, (np.ndarray, np.generic)) else selection
    entries = [selection] if isinstance(selection, str) or not hasattr(selection, "__iter__") else list(selection)
    if not entries:
        raise ValueError(f"{owner} must name at least one column. Got {selection!r} instead.")
    if not all(isinstance(entry, (bool, np.bool_)) for entry in entries):
        return [_column(entry, names, owner) for entry in entries]
    if len(entries) != len(names) or not any(entries):
        raise ValueError(
            f"{owner} as a boolean mask must have one entry for each of the {len(names)} columns, and select one. Got "
            f"{sum(entries)} selected among {len(entries)} instead."
        )
    return np.flatnonzero(entries).tolist()


def _column(column, names, owner):
    if isinstance(column, str) and column in names:
        return names.index(column)
    if isinstance(column, (int, np.integer)) and not isinstance(column, bool) and 0 <= column < len(names):
        return int(column)
    shown = f"{names}" if len(names) <= MAX_NAMES else f"{names[:MAX_NAMES]} and {len(names) - MAX_NAMES} more"
    raise ValueError(
        f"{owner}: {column!r} is neither the name of a column nor a position between 0 and {len(names) - 1}. The "
        f"columns are {shown}. To test several of them together, pass a dictionary from names to lists of columns."
    )


def _told(lost):
    if not lost:
        return "of slopes between cuts; none in any group"
    return "constant or collinear, not counted in df: " + ", ".join(
        f"{count} of {name}" for name, count in lost.items()
    )


def _lost(groups, tested, n_later_cuts):
    """Differences that the data do not determine, as text per group."""
    missing = {
        name: n_later_cuts * len(set(columns)) - np.count_nonzero(coordinates)
        for (name, columns), coordinates in zip(groups, tested, strict=True)
    }
    return {name: int(count) for name, count in missing.items() if count}


def _listed(names):
    shown = ", ".join(names[:MAX_NAMES])
    return shown if len(names) <= MAX_NAMES else f"{shown} and {len(names) - MAX_NAMES} more"


class _Null:
    """The proportional-odds fit and the tests that start from it."""

    def __init__(self, problem):
        self.problem = problem
        self.shape = (problem.loss.n_cuts, problem.loss.design.n_columns)
        self.free = np.zeros(self.shape, dtype=bool)
        self.free[:, 0] = self.free[0] = True
        self.solutions = []
        self.solution = self._maximize(self.free, None)
        everything = information(problem, self.solution.point, np.ones(self.shape, dtype=bool))
        self.efficient, self.scale = efficient_information(everything, ~self.free.ravel())

    def _maximize(self, free, start):
        penalty = Penalty(np.where(free, 0.0, np.inf), np.zeros(self.shape))
        solver = DomainSolver(self.problem.loss, self.problem.standard, "observed", tol=TOL, max_iter=MAX_ITER)
        solution = replace(solver.solve(penalty, start=start), curvature=None)
        self.solutions.append(solution)
        return solution

    def warn(self, names):
        """One warning for all fits of a call: ``names`` of the groups that were freed, in the order of the fits."""
        without = [name for name, solution in zip(names, self.solutions, strict=False) if solution.separated]
        if without:
            warn_user(
                "parallelism_test: the data are separable, so that no maximum-likelihood fit exists with "
                f"{_listed(without)}; their statistics are not to be trusted. Use method='score', which needs "
                "the proportional-odds fit only, or merge rare classes.",
                ConvergenceWarning,
            )
        for solution in self.solutions:
            if not (solution.converged or solution.separated):
                warn_unless_converged(solution, "parallelism_test", TOL)
                break

    def determined(self, name, columns, names):
        """Differences between the cuts of ``columns`` that the data determine, as many as there are.

        The likelihood knows no others: without them the alternative is the same model, and their number is the degrees
        of freedom.
        """
        tested = np.zeros(self.shape, dtype=bool)
        tested[1:, [1 + column for column in columns]] = True
        positions = np.flatnonzero(tested[~self.free])
        chosen = positions[independent(self._block(positions) / np.outer(self.scale[positions], self.scale[positions]))]
        if chosen.size == 0:
            raise ValueError(
                f"features: the data do not determine how the slopes of group {name!r} differ between the cuts: its "
                f"columns {[names[column] for column in columns]} are constant, or collinear with others, among the "
                "rows of the classes next to every cut after the first. Leave the group out."
            )
        result = np.zeros(self.shape, dtype=bool)
        block, column = np.nonzero(~self.free)
        result[block[chosen], column[chosen]] = True
        return result

    def _block(self, positions):
        return self.efficient[np.ix_(positions, positions)]

    def test(self, tested, method):
        """Statistic and degrees of freedom of freeing the ``tested`` differences."""
        return float(getattr(self, f"_{method}")(tested)), int(tested.sum())

    def _lr(self, tested):
        alternative = self._maximize(self.free | tested, self.solution.theta)
        gain = self.solution.objective - alternative.objective
        if -ROUNDING * max(1.0, abs(self.solution.objective)) <= gain < 0.0:
            gain = 0.0  # the null is one of the alternatives: only rounding can make it better than the best of them
        return 2.0 * self.problem.total_weight * gain

    def _score(self, tested):
        score = self.problem.total_weight * self.solution.point.gradient[tested]
        return score @ np.linalg.solve(self._block(np.flatnonzero(tested[~self.free])), score)

    def _wald(self, tested):
        alternative = self._maximize(self.free | tested, self.solution.theta)
        free = self.free | tested
        efficient, _ = efficient_information(information(self.problem, alternative.point, free), tested[free])
        return alternative.theta[tested] @ efficient @ alternative.theta[tested]

    def certificate(self, statistic, df, lost):
        """The outcome of the global test, and how exact the fits behind all tests are."""
        violation = max(solution.violation for solution in self.solutions)
        crossing = max(self.problem.n_crossing(solution.theta) for solution in self.solutions)
        critical = float(chi2.isf(LEVEL, df))
        accepted = statistic <= critical
        separated = any(solution.separated for solution in self.solutions)
        return Certificate(
            claim=f"No violation of parallel slopes was found at level {LEVEL}, all features together.",
            checks=(
                Check(
                    "parallel slopes",
                    statistic,
                    critical,
                    accepted,
                    "test",
                    f"chi-squared with {df} df" + ("" if accepted else ": a violation was found"),
                ),
                Check("largest KKT violation", violation, TOL, violation <= TOL, "numerical", "over all fits"),
                Check(
                    "maximum-likelihood fits exist",
                    None,
                    None,
                    not separated,
                    "numerical",
                    "separable: statistics of fits that do not exist" if separated else "no separation met",
                ),
                Check("training rows that cross", crossing, None, None, "reported", "the most among the fits"),
                Check("undetermined differences", max(lost.values(), default=0), None, None, "reported", _told(lost)),
            ),
            assumptions=(
                "rows are independent given the features",
                "the sample is large enough for the chi-squared approximation",
            ),
        )
