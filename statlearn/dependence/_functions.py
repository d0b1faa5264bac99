"""Distance covariance and its relatives as functions of arrays."""

from numbers import Real
from typing import Literal, overload

import numpy as np

from .._support._sklearn import Interval, validate_params
from .._support.data_frames import check_same_index
from .._typing import ArrayLike, DistanceMethod, FloatArray
from ._blocks import Levels, about_middle, check_products, check_weights, read_block
from ._centering import Centering
from ._engines import Protected, SlicedDistance, build_kernel
from ._kernels import ProductKernel
from ._measures import distance_deviation, free_part, signed_value, standardized
from ._ordering import Ordering
from ._pair_sums import pair_sums
from ._penalty import ENGINE_CONSTRAINTS
from ._statistics import DistanceStatistics, distance_statistics, unit_of, warn_of_constants

__all__ = [
    "concatenated_distance_covariance",
    "distance_correlation",
    "distance_covariance",
    "joint_distance_covariance",
]


@overload
def distance_covariance(
    x: ArrayLike,
    y: ArrayLike,
    *,
    squared: bool = True,
    unbiased: bool = True,
    sample_weight: ArrayLike | None = None,
    method: DistanceMethod | SlicedDistance = "auto",
    n_jobs: int | None = None,
    return_grad: Literal[False] = False,
) -> float: ...


@overload
def distance_covariance(
    x: ArrayLike,
    y: ArrayLike,
    *,
    squared: bool = True,
    unbiased: bool = True,
    sample_weight: ArrayLike | None = None,
    method: DistanceMethod | SlicedDistance = "auto",
    n_jobs: int | None = None,
    return_grad: Literal[True],
) -> tuple[float, FloatArray]: ...


@validate_params(
    {"squared": ["boolean"], "return_grad": ["boolean"]} | ENGINE_CONSTRAINTS,
    prefer_skip_nested_validation=True,
)
def distance_covariance(
    x: ArrayLike,
    y: ArrayLike,
    *,
    squared: bool = True,
    unbiased: bool = True,
    sample_weight: ArrayLike | None = None,
    method: DistanceMethod | SlicedDistance = "auto",
    n_jobs: int | None = None,
    return_grad: bool = False,
) -> float | tuple[float, FloatArray]:
    r"""Distance covariance of two variables.

    With the U-centered Euclidean distance matrices a and b of the rows of x and y,

    .. math:: dCov^2(x, y) = \frac{1}{n (n - 3)} \sum_{i \ne k} a_{ik} b_{ik},

    whose expectation is 0 if and only if x and y are independent. Where x or y is one column it takes
    :math:`O(n \log n)` time for many structures of the other variable, always :math:`O(n)` memory.

    Parameters
    ----------
    x : array-like of shape (n_samples,) or (n_samples, n_columns)
        First variable.
    y : array-like of shape (n_samples,) or (n_samples, n_columns)
        Second variable.
    squared : bool, default=True
        Whether to return the square rather than its root, which needs ``unbiased=False``.
    unbiased : bool, default=True
        Whether to use the U-version, which is unbiased and can be negative, rather than the V-version.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; a weight means that many copies of its row.
    method : {"auto", "levels", "column", "mixed", "pairwise", "sliced"} or SlicedDistance, default="auto"
        Engine for the variable that is not sorted, see `DistanceCovariancePenalty`. Two variables of several columns
        each have the pairwise engine alone.
    n_jobs : int, default=None
        Number of threads of the pairwise engine.
    return_grad : bool, default=False
        Whether to return the gradient in x as well, which must then be one column.

    Returns
    -------
    value : float
        The (squared) distance covariance.
    gradient : ndarray of shape (n_samples,)
        Its gradient in x. Only returned if ``return_grad`` is True.

    Raises
    ------
    ValueError
        If a variable is not numeric and finite, numbers of rows differ, rows are too few, or the gradient or the root
        is asked for where there is none.

    See Also
    --------
    distance_correlation : The scale-free form.
    DistanceCovariancePenalty : The same for many predictions of one set of attributes.

    References
    ----------
    Szekely, Rizzo and Bakirov, "Measuring and testing dependence by correlation of distances", Annals of Statistics 35
    (2007). Huo and Szekely, "Fast computing for distance covariance", Technometrics 58 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.dependence import distance_covariance
    >>> x = np.arange(1, 21)
    >>> round(distance_covariance(x, (x - 7.3) ** 2 / 10), 6)
    8.923399
    """
    x, y, centering = _two(x, y, sample_weight, unbiased)
    if not squared and unbiased:
        raise ValueError("squared=False needs unbiased=False: the unbiased square can be negative and has no root.")
    if return_grad and (x.shape[1] > 1 or not squared):
        raise ValueError("return_grad=True needs an x of one column and squared=True.")
    if return_grad:
        return _with_one_column(x, y, centering, method, n_jobs)
    value = _covariance(x, y, centering, method, n_jobs)
    return value if squared else float(np.sqrt(max(value, 0.0)))


@validate_params({"squared": ["boolean"]} | ENGINE_CONSTRAINTS, prefer_skip_nested_validation=True)
def distance_correlation(
    x: ArrayLike,
    y: ArrayLike,
    *,
    squared: bool = True,
    unbiased: bool = True,
    sample_weight: ArrayLike | None = None,
    method: DistanceMethod | SlicedDistance = "auto",
    n_jobs: int | None = None,
) -> float:
    r"""Distance correlation of two variables.

    :math:`dCor^2 = dCov^2(x, y) / \sqrt{dVar^2(x) \, dVar^2(y)}`, which does not depend on the scale of x or y.

    Parameters
    ----------
    x : array-like of shape (n_samples,) or (n_samples, n_columns)
        First variable.
    y : array-like of shape (n_samples,) or (n_samples, n_columns)
        Second variable.
    squared : bool, default=True
        Whether to return the square rather than its root, which needs ``unbiased=False``.
    unbiased : bool, default=True
        Whether to use the U-version, which can be negative, rather than the V-version, which lies between 0 and 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; a weight means that many copies of its row.
    method : {"auto", "levels", "column", "mixed", "pairwise", "sliced"} or SlicedDistance, default="auto"
        Engine, see `distance_covariance`.
    n_jobs : int, default=None
        Number of threads of the pairwise engine.

    Returns
    -------
    correlation : float
        The (squared) distance correlation; 0 if a variable is constant.

    Raises
    ------
    ValueError
        As `distance_covariance`.

    Warns
    -----
    ConstantAttributeWarning
        If a variable is constant.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.dependence import distance_correlation
    >>> x = np.linspace(-1, 1, 101)
    >>> round(distance_correlation(x, x**2, unbiased=False), 3)
    0.242
    """
    x, y, centering = _two(x, y, sample_weight, unbiased)
    if not squared and unbiased:
        raise ValueError("squared=False needs unbiased=False: the unbiased square can be negative and has no root.")
    statistics = _statistics(x, y, centering, method, n_jobs)
    warn_of_constants(statistics)
    return statistics.correlation if squared else float(np.sqrt(max(statistics.correlation, 0.0)))


@validate_params(
    {"c": [Interval(Real, 0, None, closed="left")], "standardize": ["boolean"]} | ENGINE_CONSTRAINTS,
    prefer_skip_nested_validation=True,
)
def joint_distance_covariance(
    *blocks: ArrayLike,
    c: float = 1.0,
    unbiased: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    method: Literal["auto", "levels", "column", "mixed", "pairwise"] = "auto",
    n_jobs: int | None = None,
) -> float:
    r"""Joint distance covariance of several variables.

    With *minus* the U-centered distance matrices :math:`U^m` of p variables,

    .. math::
        JdCov^2 = \frac{1}{n (n - 3)} \Big[ \sum_{i \ne k} \prod_m (U^m_{ik} + c) - n (n - 1) c^p \Big],

    a sum over all sets of two or more variables: pairs count with :math:`c^{p - 2}`, triples with :math:`c^{p - 3}`,
    and so on. Its V-version is 0 in the population if and only if the variables are mutually independent.

    Parameters
    ----------
    *blocks : array-like of shape (n_samples,) or (n_samples, n_columns)
        Two or more variables.
    c : float, default=1.0
        Weight of low orders against high ones.
    unbiased : bool, default=True
        Whether to use the U-version rather than the V-version. Pairs are unbiased, higher orders bias-reduced.
    standardize : bool, default=False
        Whether to divide every variable by its distance standard deviation, so that the units do not matter.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; a weight means that many copies of its row.
    method : {"auto", "levels", "column", "mixed", "pairwise"}, default="auto"
        Engine, see `DistanceCovariancePenalty`.
    n_jobs : int, default=None
        Number of threads of the pairwise engine.

    Returns
    -------
    value : float
        The joint distance covariance.

    Raises
    ------
    ValueError
        If there are fewer than two variables, or as `distance_covariance`.

    References
    ----------
    Chakraborty and Zhang, "Distance metrics for measuring joint dependence with application to causal inference", JASA
    114 (2019).

    Examples
    --------
    Three variables, each pair of them independent:

    >>> import numpy as np
    >>> from statlearn.dependence import joint_distance_covariance
    >>> first, second = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25).T
    >>> round(joint_distance_covariance(first, second, first ^ second, unbiased=False), 6)
    0.125
    """
    if len(blocks) < 2:
        raise ValueError(
            f"joint_distance_covariance needs at least two variables. Got {len(blocks)}: pass each as an argument of "
            "its own, as by *blocks."
        )
    blocks = _read_all(blocks, _names(blocks))
    centering = Centering(check_weights(sample_weight, len(blocks[0])), unbiased)
    if standardize:
        blocks = [standardized(block, centering, method, n_jobs) for block in blocks]
    columns = [position for position, block in enumerate(blocks) if block.shape[1] == 1]
    if not columns:
        return _of_products(blocks, centering, c, method, n_jobs)
    first = max(columns, key=lambda position: np.unique(blocks[position]).size)
    others = [block for position, block in enumerate(blocks) if position != first]
    kernel, _, _ = build_kernel(Protected(others, centering, c, n_jobs), method)
    value, _ = signed_value(kernel, Ordering(blocks[first].ravel(), centering.weights))
    return value + (free_part(kernel, c, len(others)) if len(others) > 1 else 0.0)


@validate_params(ENGINE_CONSTRAINTS, prefer_skip_nested_validation=True)
def concatenated_distance_covariance(
    f: ArrayLike,
    *blocks: ArrayLike,
    unbiased: bool = True,
    sample_weight: ArrayLike | None = None,
    method: DistanceMethod | SlicedDistance = "auto",
    n_jobs: int | None = None,
) -> float:
    r"""Squared distance covariance of one variable and the concatenation of others.

    Parameters
    ----------
    f : array-like of shape (n_samples,) or (n_samples, n_columns)
        First variable.
    *blocks : array-like of shape (n_samples,) or (n_samples, n_columns)
        One or more variables, whose columns are put side by side.
    unbiased : bool, default=True
        Whether to use the U-version rather than the V-version.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights; a weight means that many copies of its row.
    method : {"auto", "levels", "column", "mixed", "pairwise", "sliced"} or SlicedDistance, default="auto"
        Engine, see `distance_covariance`.
    n_jobs : int, default=None
        Number of threads of the pairwise engine.

    Returns
    -------
    value : float
        The squared distance covariance.

    Raises
    ------
    ValueError
        If there is no block, or as `distance_covariance`.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.dependence import concatenated_distance_covariance
    >>> x = np.arange(1, 21)
    >>> round(concatenated_distance_covariance(x, (x - 7.3) ** 2 / 10, x % 3), 6)
    8.46586
    """
    if not blocks:
        raise ValueError("concatenated_distance_covariance needs at least one block beside f.")
    f, *others = _read_all([f, *blocks], ["f", *_names(blocks)])
    return distance_covariance(
        f, np.hstack(others), unbiased=unbiased, sample_weight=sample_weight, method=method, n_jobs=n_jobs
    )


def _names(blocks):
    return [f"block {position}" for position in range(len(blocks))]


def _read_all(blocks, names):
    """Variables that are passed one by one."""
    check_same_index(**dict(zip(names, blocks, strict=True)))
    blocks = [read_block(block, name) for block, name in zip(blocks, names, strict=True)]
    sizes = [len(block) for block in blocks]
    if len(set(sizes)) > 1:
        raise ValueError(
            f"{', '.join(names)} have inconsistent numbers of samples: {sizes}. Pass each block as an argument of its "
            "own, as by *blocks."
        )
    return blocks


def _two(x, y, sample_weight, unbiased):
    check_same_index(x=x, y=y, sample_weight=sample_weight)
    x, y = read_block(x, "x"), read_block(y, "y")
    if len(x) != len(y):
        raise ValueError(f"x and y have inconsistent numbers of samples: {len(x)} and {len(y)}.")
    return x, y, Centering(check_weights(sample_weight, len(x)), unbiased)


def _covariance(x, y, centering, method, n_jobs):
    if _takes_merges(x, y, method):
        return _of_columns(x, y, centering).covariance
    if 1 not in (x.shape[1], y.shape[1]):
        return _of_products([x, y], centering, 0.0, method, n_jobs)
    column, other = (x, y) if x.shape[1] == 1 else (y, x)
    return _with_one_column(column, other, centering, method, n_jobs)[0]


def _statistics(x, y, centering, method, n_jobs):
    if _takes_merges(x, y, method):
        return _of_columns(x, y, centering)
    covariance = _covariance(x, y, centering, method, n_jobs)
    deviations = [distance_deviation([block], centering, method, n_jobs) for block in (x, y)]
    return DistanceStatistics(covariance, *np.square(deviations).tolist())


def _takes_merges(x, y, method):
    """Whether two merge sorts do, which give all statistics at once but no gradient."""
    return x.shape[1] == y.shape[1] == 1 and method in ("auto", "column")


def _of_columns(x, y, centering):
    """Statistics by merges, of the rows that count: others may be anywhere, and would decide on units and centers."""
    counts = centering.weights > 0.0
    columns = [about_middle(block[counts]).ravel() for block in (x, y)]
    units = [unit_of(np.ptp(column)) for column in columns]
    weights = centering.weights[counts]
    weight_unit = unit_of(weights.max())
    x, y = (column / unit for column, unit in zip(columns, units, strict=True))
    return distance_statistics(pair_sums(x, y, weights / weight_unit), centering, *units, weight_unit)


def _with_one_column(x, y, centering, method, n_jobs):
    kernel, _, _ = build_kernel(Protected([y], centering, n_jobs=n_jobs), method)
    return signed_value(kernel, Ordering(x.ravel(), centering.weights))


def _of_products(blocks, centering, c, method, n_jobs):
    """The joint distance covariance of any blocks, over all pairs of distinct rows."""
    if method not in ("auto", "pairwise"):
        raise ValueError(f"method={method!r} needs a variable of one column: use method='auto'.")
    table = np.hstack(blocks)
    levels = Levels([table])
    distinct = table[levels.first]
    centering = Centering(levels.counts(centering.weights), centering.unbiased)
    starts = np.cumsum([0, *(block.shape[1] for block in blocks)])
    rows = [np.ascontiguousarray(distinct[:, low:high]) for low, high in zip(starts[:-1], starts[1:], strict=True)]
    check_products(rows)
    kernel = ProductKernel(rows, centering, c, n_jobs)
    products = -float(centering.weights @ kernel.row_sums)
    return centering.scale * (products - centering.n_pairs * c ** len(blocks))
