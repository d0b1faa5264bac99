"""Test of independence of predictions and protected attributes."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.parallel import run_parallel
from .._support.random_streams import spawn_generators
from .._typing import ArrayLike, DependenceMeasure, FloatArray, RandomState
from ..certificate import Certificate, Check
from ._penalty import DistanceCovariancePenalty

__all__ = ["DistanceCovarianceTestResult", "distance_covariance_test"]

PERMUTATIONS_PER_TASK = 50
LEVEL = 0.05


@dataclass(frozen=True)
class DistanceCovarianceTestResult:
    """What `distance_covariance_test` found.

    Parameters
    ----------
    statistic : float
        The measure at the data, above its part that does not depend on f.
    p_value : float
        The p-value.
    null_distribution : ndarray of shape (n_permutations,) or None
        The measure at permuted data; None without permutations.
    certificate : Certificate
        What the test says.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.dependence import distance_covariance_test
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> distance_covariance_test(x[:, 0], x[:, [1]], random_state=0).null_distribution.shape
    (999,)
    """

    statistic: float
    p_value: float
    null_distribution: FloatArray | None = field(repr=False)
    certificate: Certificate = field(repr=False)

    def __str__(self):
        null = "" if self.null_distribution is None else f", {self.null_distribution.size} permutations"
        return f"Distance covariance test: statistic {self.statistic:.4g}, p = {self.p_value:.3g}{null}"


@validate_params(
    {
        "statistic": [StrOptions({"ccdcov", "jdcov", "dcov", "sum"}), DistanceCovariancePenalty],
        "method": [StrOptions({"permutation", "chi2"})],
        "n_permutations": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
        "n_jobs": [Interval(Integral, None, -1, closed="right"), Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def distance_covariance_test(
    f: ArrayLike,
    S: ArrayLike | list[Any],
    *,
    statistic: DependenceMeasure | DistanceCovariancePenalty = "ccdcov",
    method: Literal["permutation", "chi2"] = "permutation",
    n_permutations: int = 999,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> DistanceCovarianceTestResult:
    r"""Test that predictions do not depend on protected attributes, however these depend on one another.

    Predictions are permuted against intact rows of S. To permute every variable by itself would test mutual
    independence, and reject fair predictions whenever two attributes are dependent.

    Parameters
    ----------
    f : array-like of shape (n_samples,)
        Predictions.
    S : array-like of shape (n_samples, n_columns), or list of arrays
        Numeric attributes: every column of a table is a block, a list holds blocks.
    statistic : {"ccdcov", "jdcov", "sum", "dcov"} or DistanceCovariancePenalty, default="ccdcov"
        The measure, by name or with its parameters.
    method : {"permutation", "chi2"}, default="permutation"
        "permutation" is exact up to its number of permutations. "chi2" compares n times the squared distance
        correlation plus one with a chi-squared variable of one degree of freedom, which is conservative and needs no
        permutations; it exists for distance covariance ("ccdcov" and "dcov").
    n_permutations : int, default=999
        Number of permutations B. The p-value is ``(1 + number of larger or equal values) / (B + 1)``.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the permutations.
    n_jobs : int, default=None
        Number of threads; the result does not depend on it.

    Returns
    -------
    result : DistanceCovarianceTestResult
        Statistic, p-value, null distribution and certificate.

    Raises
    ------
    ValueError
        If an input is not numeric and finite, rows are fewer than four, or ``method="chi2"`` meets another statistic.

    References
    ----------
    Shen, Panda and Vogelstein, "The chi-square test of distance correlation", Journal of Computational and Graphical
    Statistics 31 (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.dependence import distance_covariance_test
    >>> rng = np.random.default_rng(0)
    >>> S = rng.integers(2, size=(300, 2))
    >>> f = (S[:, 0] != S[:, 1]) + rng.normal(size=300)
    >>> distance_covariance_test(f, S, random_state=0).p_value
    0.001
    >>> distance_covariance_test(f, S, statistic="sum", random_state=0).p_value > 0.05
    True
    """
    penalty = DistanceCovariancePenalty(statistic) if isinstance(statistic, str) else statistic
    penalty = DistanceCovariancePenalty(**penalty.get_params()).fit(S)
    ordering = penalty._ordering(f)
    measure = penalty._fitted
    if method == "chi2":
        return _chi_square(penalty, ordering)
    observed, _ = measure.excess_and_grad(ordering)
    n_tasks = -(-n_permutations // PERMUTATIONS_PER_TASK)
    sizes = [min(PERMUTATIONS_PER_TASK, n_permutations - task * PERMUTATIONS_PER_TASK) for task in range(n_tasks)]
    tasks = [
        (measure, ordering, generator, size)
        for generator, size in zip(spawn_generators(random_state, n_tasks), sizes, strict=True)
    ]
    null = np.concatenate(run_parallel(_permuted, tasks, n_jobs=n_jobs))
    slack = 1e-12 * max(abs(observed), np.abs(null).max(), _size_of_terms(measure, ordering))
    p_value = (1 + int(np.count_nonzero(null >= observed - slack))) / (n_permutations + 1)
    detail = f"{n_permutations} permutations of the predictions against intact rows of the attributes"
    return DistanceCovarianceTestResult(observed, p_value, null, _certificate(penalty, p_value, detail))


def _size_of_terms(measure, ordering):
    """The size of what sums to the measure: values that differ by its rounding are equal."""
    deviations = np.abs(ordering.deviations)
    unit = deviations.max() if measure.is_normalized and deviations.any() else 1.0
    return deviations.mean() / unit * np.abs(measure.kernel.row_sums).max() / measure.centering.total


def _permuted(measure, ordering, generator, size):
    """The measure at a number of permutations."""
    n_samples = ordering.predictions.size
    return np.array(
        [measure.excess_and_grad(ordering.permuted(generator.permutation(n_samples)))[0] for _ in range(size)]
    )


def _chi_square(penalty, ordering):
    if penalty.measure not in ("ccdcov", "dcov") or not penalty.unbiased:
        raise ValueError(
            "method='chi2' is for the unbiased statistics 'ccdcov' and 'dcov'. Got "
            f"{penalty!r}: use method='permutation'."
        )
    correlation, _ = penalty._fitted.normalized.excess_and_grad(ordering)
    p_value = float(chi2.sf(ordering.predictions.size * correlation + 1.0, 1))
    observed, _ = penalty._fitted.excess_and_grad(ordering)
    detail = "chi-squared bound of the null distribution, conservative"
    return DistanceCovarianceTestResult(observed, p_value, None, _certificate(penalty, p_value, detail))


def _certificate(penalty, p_value, detail):
    check = Check("independence", p_value, LEVEL, p_value > LEVEL, "test", f"p-value; {detail}")
    claim = (
        f"No dependence of the predictions on the attributes was found by {penalty.measure} at level {LEVEL:g} "
        f"(p = {p_value:.3g})."
    )
    assumptions = ["rows are independent"]
    return Certificate(claim, [check], assumptions)
