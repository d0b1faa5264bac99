"""Tests of parallel slopes: is one slope vector enough for a group of features?"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from .._support._sklearn import StrOptions, _check_feature_names_in, validate_params
from ..certificate import Certificate, Check, format_table
from ._cut_classifier import warn_unless_converged
from ._inference import coordinate_covariance
from ._penalty import Penalty
from ._problem import ordinal_problem
from ._proportional_odds import ProportionalOddsClassifier
from ._reports import to_frame
from ._solver import DomainSolver

__all__ = ["ParallelismTestResult", "parallelism_test"]

LEVEL = 0.05  # of the test that the certificate reports
TOL, MAX_ITER = 1e-9, 200


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
        Degrees of freedom: features of the group times the number of cuts after the first.
    p_value : ndarray of shape (n_groups,)
        Asymptotic p-values, not adjusted for their number.
    global_statistic : float
        Statistic of all features together.
    global_df : int
        Its degrees of freedom.
    global_p_value : float
        Its p-value.
    certificate : Certificate
        What the fits behind the test proved, and the outcome at level 0.05.

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
    groups: tuple
    statistic: np.ndarray
    df: np.ndarray
    p_value: np.ndarray
    global_statistic: float
    global_df: int
    global_p_value: float
    certificate: Certificate

    def to_frame(self):
        """Table of the tests.

        Returns
        -------
        frame : pandas.DataFrame
            Columns group, statistic, df and p_value; the last row, named ``"global"``, is that of all features.
        """
        return to_frame(
            {
                "group": [*self.groups, "global"],
                "statistic": [*self.statistic, self.global_statistic],
                "df": [*self.df, self.global_df],
                "p_value": [*self.p_value, self.global_p_value],
            }
        )

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
def parallelism_test(X, y, *, features=None, method="lr", classes=None, sample_weight=None):
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
        Groups to test: a dictionary from names to columns (positions or, for a data frame, names), such as all dummies
        of one factor; a list of single columns; or None for every column by itself.
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
        For fewer than three classes, unknown columns, or groups whose slopes the data do not determine.

    Warns
    -----
    ConvergenceWarning
        When an alternative has no maximum-likelihood fit.

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
    groups = _feature_groups(features, [str(name) for name in _check_feature_names_in(reader)])
    varying = problem.standard.low < problem.standard.high
    null = _Null(problem)
    tests = [null.test(name, _effective(columns, varying, name), method) for name, columns in groups.items()]
    overall = null.test("all features", _effective(range(varying.size), varying, "all features"), method)
    statistic, df = (np.array([test[index] for test in tests]) for index in (0, 1))
    return ParallelismTestResult(
        method=method,
        groups=tuple(groups),
        statistic=statistic,
        df=df,
        p_value=chi2.sf(statistic, df),
        global_statistic=overall[0],
        global_df=overall[1],
        global_p_value=float(chi2.sf(*overall)),
        certificate=null.certificate(*overall),
    )


def _feature_groups(features, names):
    """Dictionary from group names to column positions."""
    if features is None:
        return {name: [index] for index, name in enumerate(names)}
    if not isinstance(features, dict):
        columns = [_column(column, names) for column in features]
        return {names[column]: [column] for column in columns}
    if not features:
        raise ValueError("features must name at least one group. Got an empty dict instead.")
    return {str(name): [_column(column, names) for column in columns] for name, columns in features.items()}


def _column(column, names):
    if isinstance(column, str):
        if column in names:
            return names.index(column)
    elif isinstance(column, (int, np.integer)) and 0 <= column < len(names):
        return int(column)
    raise ValueError(f"features names column {column!r}, which is not among {names} or their positions.")


def _effective(columns, varying, name):
    columns = [column for column in dict.fromkeys(columns) if varying[column]]
    if not columns:
        raise ValueError(f"features: every column of group {name!r} is constant, so there is nothing to test.")
    return columns


class _Null:
    """The proportional-odds fit and the tests that start from it."""

    def __init__(self, problem):
        self.problem = problem
        self.shape = (problem.loss.n_cuts, problem.loss.design.n_columns)
        self.free = np.zeros(self.shape, dtype=bool)
        self.free[:, 0] = self.free[0] = True
        self.solutions = []
        self.solution = self._maximize(self.free, None)

    def _maximize(self, free, start):
        penalty = Penalty(np.where(free, 0.0, np.inf), np.zeros(self.shape))
        solver = DomainSolver(self.problem.loss, self.problem.standard, "observed", tol=TOL, max_iter=MAX_ITER)
        solution = replace(solver.solve(penalty, start=start), curvature=None)
        warn_unless_converged(solution, "parallelism_test", TOL)
        self.solutions.append(solution)
        return solution

    def test(self, name, columns, method):
        """Statistic and degrees of freedom of freeing ``columns`` at every cut."""
        tested = np.zeros(self.shape, dtype=bool)
        tested[1:, [1 + column for column in columns]] = True
        statistic = getattr(self, f"_{method}")(tested, name)
        return float(statistic), int(tested.sum())

    def _covariance(self, solution, tested, name):
        free = self.free | tested
        covariance = coordinate_covariance(self.problem, solution.point, free)
        if covariance is None:
            raise ValueError(
                f"features: the slopes of {name!r} are not determined by the data: remove collinear columns."
            )
        chosen = tested[free]
        return covariance[np.ix_(chosen, chosen)]

    def _lr(self, tested, name):
        alternative = self._maximize(self.free | tested, self.solution.theta)
        self._covariance(alternative, tested, name)
        return 2.0 * self.problem.total_weight * (self.solution.objective - alternative.objective)

    def _score(self, tested, name):
        score = self.problem.total_weight * self.solution.point.gradient[tested]
        return score @ self._covariance(self.solution, tested, name) @ score

    def _wald(self, tested, name):
        alternative = self._maximize(self.free | tested, self.solution.theta)
        estimate = alternative.theta[tested]
        return estimate @ np.linalg.solve(self._covariance(alternative, tested, name), estimate)

    def certificate(self, statistic, df):
        """The outcome of the global test, and how exact the fits behind all tests are."""
        violation = max(solution.violation for solution in self.solutions)
        crossing = max(self.problem.n_crossing(solution.theta) for solution in self.solutions)
        critical = float(chi2.isf(LEVEL, df))
        accepted = statistic <= critical
        separated = any(solution.separated for solution in self.solutions)
        return Certificate(
            claim=(
                f"{'No violation' if accepted else 'A violation'} of parallel slopes was found at level {LEVEL}, all "
                "features together."
            ),
            checks=(
                Check("parallel slopes", statistic, critical, accepted, "test", f"chi-squared with {df} df"),
                Check("largest KKT violation", violation, TOL, violation <= TOL, "numerical", "over all fits"),
                Check("maximum-likelihood fits exist", None, None, not separated, "numerical"),
                Check("training rows that cross", crossing, None, None, "reported", "the most among the fits"),
            ),
            assumptions=(
                "rows are independent given the features",
                "the sample is large enough for the chi-squared approximation",
            ),
        )
