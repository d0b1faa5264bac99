"""Public tests of the marginal: is the sample Gaussian as a whole, and near a hyperplane."""

from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Literal

import numpy as np

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.validation import check_array
from .._typing import ArrayLike, RandomState
from ..certificate import Certificate, Check
from ._bands import BAND_DIVISORS, ROWS_PER_FEATURE
from ._combination import DrawnNull, critical_rank
from ._moments import self_whiten
from ._null_tables import Battery, simulate_null
from ._tabulated_nulls import SMALLEST_P_VALUE, table_covers, tabulated_null

__all__ = [
    "MarginalStatistic",
    "MarginalTestResult",
    "NullSource",
    "band_test",
    "gaussianity_test",
    "marginal_test",
]

MINIMUM_ROWS = 50
ASSUMPTIONS = (
    "rows are independent and were not used to choose the hyperplane",
    "departures that were not found, small ones and those that moments of degree four and the bands do not see, do no "
    "harm",
)


@dataclass(frozen=True)
class MarginalStatistic:
    """One statistic of a `MarginalTestResult`.

    Attributes
    ----------
    name : str
        What was measured.
    value : float
        Its value on whitened data; for mass and Mardia's kurtosis the deviation from the Gaussian value. NaN if a band
        held too few rows for it.
    threshold : float
        The value, on the side where the statistic lies, beyond which it is rejected within the family, the tolerance
        included.
    scale : float
        The value of the Gaussian's own moment; the tolerance is a multiple of it.
    p_value : float
        The p-value of the statistic by itself, without tolerance; NaN if it could not be judged.
    standardized : float
        Distance from the mean of the null law in standard deviations, on the scale where that law is close to normal;
        -inf if it could not be judged. The largest of these decides.
    tolerant_standardized : float
        The same after the tolerance was taken off.
    holds : bool or None
        Whether the statistic stays below the threshold; None if a band held too few rows for it.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.halfspace import gaussianity_test
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> gaussianity_test(X).statistics[0].name
    'radial skewness'
    """

    name: str
    value: float
    threshold: float
    scale: float
    p_value: float
    standardized: float
    tolerant_standardized: float
    holds: bool | None


@dataclass(frozen=True)
class MarginalTestResult:
    """What `gaussianity_test` and `band_test` found.

    Attributes
    ----------
    passed : bool or None
        True if no deviation beyond the tolerance was found at the level, False if one was, None if none was found but
        the sample is too small to show one.
    p_value : float
        Family-wise p-value of all statistics together without tolerance. NaN if the sample is too small for them.
    tolerant_p_value : float
        The same with the tolerance; it is never smaller.
    decided_by : str
        Name of the statistic that is most extreme after the tolerance was taken off; empty if there is none.
    statistics : tuple of MarginalStatistic
        All statistics.
    underpowered : tuple of str
        Why the sample is too small to be passed; empty if it is not.
    band_counts : tuple of int
        Numbers of rows in the inner and in the outer band; empty without bands.
    n_samples : int
        Number of rows.
    rank : int
        Number of directions in which the rows vary.
    level : float
        Level of the test.
    tolerance : float
        Deviations of up to this multiple of each statistic's scale were allowed.
    null_law : str
        Where the null law is from.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.halfspace import gaussianity_test
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> gaussianity_test(X).passed
    True
    >>> gaussianity_test(X**3).passed
    False
    """

    passed: bool | None
    p_value: float
    tolerant_p_value: float
    decided_by: str
    statistics: tuple[MarginalStatistic, ...]
    underpowered: tuple[str, ...]
    band_counts: tuple[int, ...]
    n_samples: int
    rank: int
    level: float
    tolerance: float
    null_law: str

    @property
    def certificate(self) -> Certificate:
        """The result as a certificate: one check for the family, one for each statistic."""
        return _certificate(self)

    def __str__(self):
        return str(self.certificate)


LONG_TO_SIMULATE = 100  # dimensions

TEST_CONSTRAINTS = {
    "tolerance": [Interval(Real, 0, None, closed="left")],
    "level": [Interval(Real, 0, 0.5, closed="right")],  # a confidence level would reject everything
    "center": ["boolean"],
    "method": [StrOptions({"auto", "simulate", "table"})],
    "n_null": [Interval(Integral, 1, None, closed="left")],
    "cache_dir": [str, Path, None],
    "random_state": ["random_state", np.random.Generator],
    "n_jobs": [Interval(Integral, None, -1, closed="right"), Interval(Integral, 1, None, closed="left"), None],
}


@validate_params(TEST_CONSTRAINTS, prefer_skip_nested_validation=True)
def gaussianity_test(
    X: ArrayLike,
    *,
    tolerance: float = 0.0,
    level: float = 0.05,
    center: bool = True,
    method: Literal["auto", "simulate", "table"] = "simulate",
    n_null: int = 199,
    cache_dir: str | Path | None = None,
    random_state: RandomState = 0,
    n_jobs: int | None = None,
) -> MarginalTestResult:
    r"""Test that rows come from a Gaussian distribution, whatever its mean and covariance.

    The sample is whitened by its own mean and covariance, and its moments of degree three and four are compared with
    those of Gaussian samples of the same size: :math:`\|E |z|^2 z\|`, Mardia's kurtosis :math:`E |z|^4`, the spectral
    deviation of :math:`E |z|^2 z z'` from :math:`(d + 2) I`, the largest and the smallest kurtosis of a projection
    :math:`v'z` (a local search over v), and in up to 60 dimensions Mardia's skewness, the squared norm of
    :math:`E z \otimes z \otimes z`. The result does not depend on the units or axes of X. Memory is a few times that of
    X, time grows like n_samples * n_features^2, with a cube up to 60 features.

    Each statistic is standardized by its null law, and the largest one decides: its rank among those of the null draws
    is the p-value.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows. Constant and linearly dependent columns take no part.
    tolerance : float, default=0.0
        How large a deviation is allowed, as a multiple of the Gaussian's own moment: d (d + 2) for Mardia's kurtosis,
        d + 2 for the radial covariance, 3 for the kurtosis of a projection; for the skewness, of which a Gaussian has
        none, the value that it has when every coordinate's third moment is that multiple of E\|g\|^3 = 1.6. With many
        rows every real sample departs from a Gaussian detectably, while the theory of halfspaces needs its moments only
        up to a constant.
    level : float, default=0.05
        Probability of rejecting Gaussian rows, at most one half.
    center : bool, default=True
        Whether the mean is unknown. False tests for a Gaussian distribution with mean 0.
    method : {"auto", "simulate", "table"}, default="simulate"
        "simulate" draws ``n_null`` Gaussian samples of the size of X: an exact test. "table" uses a table that comes
        with the library for up to 100 features and 500 to 20,000 rows, and is approximate: in simulations at sizes
        between those of the table it rejected 2 to 8 percent of Gaussian samples at level 0.05. "auto" uses the table
        where it covers the sample.
    n_null : int, default=199
        Number of null draws of "simulate"; at least 1 / level - 1.
    cache_dir : str, Path or None, default=None
        Folder where null draws are kept for later processes. Tables are kept in memory in any case.
    random_state : int, RandomState instance, Generator or None, default=0
        Source of the null draws. They do not depend on the values in X, so that with an int they are drawn once for
        each size; anything else draws them anew.
    n_jobs : int or None, default=None
        Number of threads that draw; the result does not depend on it.

    Returns
    -------
    result : MarginalTestResult
        Verdict, p-values with and without tolerance, and all statistics.

    Raises
    ------
    ValueError
        If X is not a finite table or all rows are equal, or the null law cannot give p-values down to the level.

    See Also
    --------
    band_test : The same near a hyperplane.

    Notes
    -----
    Moments of degree four do not see everything: of ten features and ten thousand rows, one feature whose law is an
    equal mixture of two normal laws, with means one standard deviation apart, goes unnoticed. The search
    over directions gets weaker with the dimension: at twenty thousand rows one feature of two clusters that are 2.7 of
    their standard deviations apart was found in 5 of 5 samples with 50 features, and in 1 of 5 with 100.

    References
    ----------
    Mardia, "Measures of multivariate skewness and kurtosis with applications", Biometrika 57 (1970).
    Gollakota, Klivans, Stavropoulos and Vasilyan, "An efficient tester-learner for halfspaces", ICLR 2024,
    arXiv:2302.14853, for the use of such tests.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.halfspace import gaussianity_test
    >>> X = np.random.default_rng(0).normal(size=(1000, 3)) @ [[1, 2, 0], [0, 1, 3], [0, 0, 1]]
    >>> gaussianity_test(X).passed
    True
    >>> result = gaussianity_test(np.exp(X / 10))
    >>> result.passed, result.p_value
    (False, 0.005)
    """
    source = NullSource(method, n_null, cache_dir, random_state, n_jobs)
    return marginal_test(X, tolerance=tolerance, level=level, center=center, source=source)


@validate_params(
    {"width": [Interval(Real, 0, None, closed="neither")]} | TEST_CONSTRAINTS, prefer_skip_nested_validation=True
)
def band_test(
    X: ArrayLike,
    w: ArrayLike,
    width: float,
    *,
    tolerance: float = 0.0,
    level: float = 0.05,
    center: bool = True,
    method: Literal["auto", "simulate", "table"] = "simulate",
    n_null: int = 199,
    cache_dir: str | Path | None = None,
    random_state: RandomState = 0,
    n_jobs: int | None = None,
) -> MarginalTestResult:
    r"""Test that rows near a hyperplane are where a Gaussian distribution has them.

    The margin of a row is its distance from the hyperplane in standard deviations of the sample across it. In the bands
    ``|margin| <= width / 6`` and ``|margin| <= width / 2`` the test compares with Gaussian samples of the same size the
    share of rows, and, for the part of the rows that is orthogonal to the hyperplane's normal, the norm of its mean,
    the spectral deviation of its covariance from the identity, and Mardia's kurtosis. A global test does not see what
    happens in a thin band, and a halfspace that was learned from it depends on nothing else.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows that were not used to choose ``w``. Constant and linearly dependent columns take no part.
    w : array-like of shape (n_features,)
        Normal of the hyperplane, of any length.
    width : float
        Width of the ramp of the surrogate loss, in standard deviations of the margin.
    tolerance : float, default=0.0
        How large a deviation is allowed, as a multiple of the Gaussian's own value: the mass of the band, 1 for mean
        and covariance, (d - 1) (d + 1) for Mardia's kurtosis.
    level : float, default=0.05
        Probability of rejecting Gaussian rows, at most one half.
    center : bool, default=True
        Whether the hyperplane goes through the mean of the rows. False puts it through the origin and tests that the
        mean is there, too.
    method : {"auto", "simulate", "table"}, default="simulate"
        Where the null law is from, as in `gaussianity_test`.
    n_null : int, default=199
        Number of null draws of "simulate"; at least 1 / level - 1.
    cache_dir : str, Path or None, default=None
        Folder where null draws are kept for later processes.
    random_state : int, RandomState instance, Generator or None, default=0
        Source of the null draws, as in `gaussianity_test`.
    n_jobs : int or None, default=None
        Number of threads that draw; the result does not depend on it.

    Returns
    -------
    result : MarginalTestResult
        Verdict, p-values with and without tolerance, and all statistics. A band with fewer than 5 rows per feature
        leaves the verdict undecided unless something else rejects.

    Raises
    ------
    ValueError
        If X is not a finite table or all rows are equal, ``w`` does not fit it or all margins are equal, or the null
        law cannot give p-values down to the level.

    See Also
    --------
    gaussianity_test : The sample as a whole.

    References
    ----------
    Gollakota, Klivans, Stavropoulos and Vasilyan, "An efficient tester-learner for halfspaces", ICLR 2024,
    arXiv:2302.14853.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.halfspace import band_test, gaussianity_test
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(5000, 3))
    >>> X[:60, 0] = rng.uniform(-0.01, 0.01, size=60)
    >>> gaussianity_test(X).passed
    True
    >>> result = band_test(X, [1, 0, 0], 0.2)
    >>> result.passed, result.decided_by
    (False, 'mass of |margin| <= width/6')
    """
    source = NullSource(method, n_null, cache_dir, random_state, n_jobs)
    return marginal_test(X, w, width, moments=False, tolerance=tolerance, level=level, center=center, source=source)


@dataclass(frozen=True)
class NullSource:
    """Where null laws are from: options of the public tests that say nothing about the sample."""

    method: str = "simulate"
    n_null: int = 199
    cache_dir: str | Path | None = None
    random_state: object = 0
    n_jobs: int | None = None

    def law(self, battery, counts, level):
        """The null law of a battery whose bands hold ``counts`` rows, and a phrase that says what it is."""
        covered = self.method != "simulate" and table_covers(battery)
        if self.method == "auto" and level <= SMALLEST_P_VALUE:
            covered = False
        if self.method == "table" and not covered:
            raise ValueError(
                f"method='table' knows no samples of {battery.n_samples} rows in {battery.n_features} dimensions. Use "
                "method='simulate'."
            )
        if covered:
            return tabulated_null(battery, counts), "the table of the library (approximate)"
        if critical_rank(self.n_null, level) < 1:
            raise ValueError(
                f"n_null={self.n_null} draws never give a p-value as small as level={level:g}. Use at least "
                f"{int(np.ceil(1.0 / level - 1e-9)) - 1} draws."
            )
        draws = simulate_null(battery, self.n_null, self.random_state, self.cache_dir, self.n_jobs)
        return DrawnNull(draws), f"{self.n_null} Gaussian samples of the same size"


def marginal_test(X, w=None, width=None, *, moments=True, tolerance=0.0, level=0.05, center=True, source=None):
    """The whole battery or a part of it: moments of all rows, and bands around a hyperplane where there is one.

    Arguments and result are those of `band_test`, but for the null law, which is from a `NullSource`.
    """
    X = check_array(X, dtype=[np.float64, np.float32], ensure_min_samples=2, input_name="X")
    sample = self_whiten(X)
    n_samples, rank = sample.Z.shape
    if rank == 0:
        raise ValueError("X must vary in at least one direction. Got rows that are all equal.")
    normal = None if w is None else _normal(sample, X, w)
    battery = Battery(n_samples, rank, None if w is None else float(width), moments, bool(center))
    settings = {"n_samples": n_samples, "rank": rank, "level": float(level), "tolerance": float(tolerance)}
    if n_samples < rank + 2:
        reason = f"{n_samples} rows in {rank} dimensions are a simplex whatever their distribution"
        return _undecided(reason, settings)
    if rank > LONG_TO_SIMULATE and n_samples < ROWS_PER_FEATURE * rank:
        reason = f"the sample holds {n_samples} rows, fewer than {ROWS_PER_FEATURE * rank}: null laws are not simulated"
        return _undecided(reason, settings)
    observed, counts = battery.evaluate(sample, normal)
    law, phrase = (source or NullSource()).law(battery, counts, level)
    exact = law.judge(observed, battery.catalog, level)
    tolerant = law.judge(observed, battery.catalog, level, tolerance)
    return _result(battery, observed, counts, exact, tolerant, {"null_law": phrase, **settings})


def _normal(sample, X, w):
    """The whitened normal of the hyperplane that a user gave by a vector."""
    w = check_array(w, ensure_2d=False, dtype=np.float64, input_name="w")
    w = w[0] if w.shape == (1, X.shape[1]) else w  # as coef_ of a linear model
    if w.shape != (X.shape[1],):
        raise ValueError(f"w must have shape ({X.shape[1]},), one entry per column of X. Got shape {w.shape}.")
    normal = sample.normal(X, w)
    if normal is None:
        raise ValueError("w must be a direction in which the rows of X vary. Their margins along it are constant.")
    return normal


def _undecided(reason, settings):
    """The result of a sample that is not judged."""
    return MarginalTestResult(None, np.nan, np.nan, "", (), (reason,), (), null_law="none", **settings)


def _result(battery, observed, counts, exact, tolerant, settings):
    """Put the verdicts with and without tolerance together.

    A sample is rejected only where both are: the tolerance may not turn an acceptance into a rejection, which keeps the
    level whatever it does to the exchangeability of data and draws.
    """
    p_value, tolerant_p_value = exact.p_value, max(exact.p_value, tolerant.p_value)
    rejected = tolerant_p_value <= settings["level"]
    shortages = _shortages(battery, counts)
    judged = exact.standardized > -np.inf
    statistics = tuple(
        MarginalStatistic(
            statistic.name,
            float(observed[j]),
            float(tolerant.thresholds[j]),
            float(statistic.scale),
            float(exact.p_values[j]) if judged[j] else np.nan,
            float(exact.standardized[j]),
            float(tolerant.standardized[j]),
            not (rejected and bool(tolerant.beyond[j])) if judged[j] else None,
        )
        for j, statistic in enumerate(battery.catalog)
    )
    passed = False if rejected else (None if shortages else True)
    decisive = battery.catalog[int(np.argmax(tolerant.standardized))].name
    return MarginalTestResult(passed, p_value, tolerant_p_value, decisive, statistics, shortages, counts, **settings)


def _shortages(battery, counts):
    """Why the sample could not show a deviation, one sentence for each reason."""
    required = ROWS_PER_FEATURE * battery.n_features
    needs = [("the sample", battery.n_samples, max(MINIMUM_ROWS, required))]
    needs += [
        (f"|margin| <= width/{divisor}", count, required) for divisor, count in zip(BAND_DIVISORS, counts, strict=False)
    ]
    return tuple(f"{place} holds {count} rows, fewer than {least}" for place, count, least in needs if count < least)


def _certificate(result):
    """One check for the family, one for each statistic, and one for each shortage of rows."""
    tolerance = f" up to a tolerance of {result.tolerance:g}" if result.tolerance else ""
    detail = f"p-value of {len(result.statistics)} statistics{tolerance}; null law: {result.null_law}"
    checks = [Check("Gaussian", result.tolerant_p_value, result.level, result.passed, "test", detail)]
    if result.tolerance:
        checks.append(Check("Gaussian, exactly", result.p_value, None, None, "reported", "p-value without tolerance"))
    checks += [
        Check(entry.name, entry.value, entry.threshold, entry.holds, "test", _detail(entry))
        for entry in result.statistics
    ]
    checks += [
        Check(f"enough rows ({number})" if number > 1 else "enough rows", None, None, None, "test", reason)
        for number, reason in enumerate(result.underpowered, start=1)
    ]
    claim = f"No departure from a Gaussian distribution{tolerance} was found at level {result.level:g}."
    return Certificate(claim, checks, ASSUMPTIONS)


def _detail(statistic):
    if statistic.holds is None:
        return "too few rows"
    return f"{statistic.standardized:.1f} sd from the null mean, p = {statistic.p_value:.2g}"
