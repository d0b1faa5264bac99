"""How far the distributions of predictions differ between groups."""

from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np

from .._kernels.transport import pairwise_wasserstein
from .._support._sklearn import Interval, StrOptions, _safe_indexing, validate_params
from .._support.validation import check_array, check_sample_weight
from .._typing import ArrayLike
from ._cells import Cells, intersection_cells
from ._densities import density_grid, group_densities
from ._sensitive import read_sensitive

__all__ = ["jensen_shannon_divergence", "unfairness_ratio", "wasserstein_disparity"]

SMALLEST_SIZE = 2.0  # rows, or sum of weights, for which a variance has a meaning
FLOOR = 1e-10  # of the probabilities, so that their logarithms are finite
GROUP_CONSTRAINTS = {
    "y_pred": ["array-like"],
    "groups": "no_validation",
    "bins": [Interval(Integral, 1, None, closed="left"), "array-like", dict, None],
    "sample_weight": ["array-like", None],
}


class GroupedPredictions(NamedTuple):
    """Predictions of the rows with positive weight, their cells and weights."""

    values: np.ndarray
    cells: Cells
    weights: np.ndarray


def read_predictions(y_pred, name="y_pred"):
    """Predictions as a vector of finite float64."""
    values = check_array(y_pred, ensure_2d=False, dtype=np.float64, input_name=name)
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise ValueError(f"{name} must have one value per row. Got an array of shape {values.shape} instead.")
    return values.ravel()


def read_groups(y_pred, groups, bins, sample_weight, name="groups"):
    """`GroupedPredictions` from what a user passed."""
    values = read_predictions(y_pred)
    table = read_sensitive(groups, values.size, y_pred, name)
    weights = check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
    present = weights > 0.0
    if not present.all():
        values, weights, table = values[present], weights[present], _safe_indexing(table, np.flatnonzero(present))
    return GroupedPredictions(values, intersection_cells(table, bins=bins, sample_weight=weights), weights)


@validate_params(
    {
        "weights": [StrOptions({"proportion", "equal"})],
        "bandwidth": [Interval(Real, 0, None, closed="neither"), StrOptions({"scott", "silverman"})],
        "grid_size": [Interval(Integral, 2, None, closed="left")],
        "base": [Interval(Real, 1, None, closed="neither")],
    }
    | GROUP_CONSTRAINTS,
    prefer_skip_nested_validation=True,
)
def jensen_shannon_divergence(
    y_pred: ArrayLike,
    groups: ArrayLike,
    *,
    weights: Literal["proportion", "equal"] = "proportion",
    bandwidth: Literal["scott", "silverman"] | float = 0.15,
    grid_size: int = 1000,
    base: float = 2,
    bins: int | ArrayLike | dict[str, Any] | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    r"""Jensen-Shannon divergence between the distributions of predictions in groups.

    With the distribution :math:`P_g` of the predictions in group g and its share :math:`\pi_g`,

    .. math:: H\Big(\sum_g \pi_g P_g\Big) - \sum_g \pi_g H(P_g), \qquad H(P) = -\sum_x P(x) \log P(x).

    It is 0 if all distributions are the same, and never more than :math:`H(\pi)`, which it reaches if no two of them
    overlap. The distributions are Gaussian kernel density estimates at equidistant points between the smallest and the
    largest prediction, scaled to sum to one.

    Parameters
    ----------
    y_pred : array-like of shape (n_samples,)
        Predictions: means or probabilities.
    groups : array-like of shape (n_samples,) or (n_samples, n_attributes)
        Labels of the groups, or raw attributes: their intersections are the groups.
    weights : {"proportion", "equal"}, default="proportion"
        Share of a group: that of its rows, or the same for all.
    bandwidth : {"scott", "silverman"} or float, default=0.15
        Standard deviation of the kernel. A number is in units of the predictions: meant for probabilities and small
        rates, and blind to the shape of predictions that all lie within it. Scott's and Silverman's rules take the
        standard deviation of all predictions times :math:`n^{-1/5}` or :math:`(3n/4)^{-1/5}`, the same for all groups:
        the divergence is then free of scale.
    grid_size : int, default=1000
        Number of points.
    base : float, default=2
        Of the logarithm.
    bins : int, array-like, dict or None, default=None
        How continuous attributes are cut: number of quantile bins, edges, or a dictionary from names of attributes to
        one of these. None refuses continuous attributes.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights; a weight means that many copies of its row.

    Returns
    -------
    divergence : float
        Between 0 and :math:`H(\pi)`, in units of the logarithm's base (bits for 2).

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, numbers of rows differ, an attribute is continuous without bins, or the bandwidth is
        less than half of the distance of two points, so that the points would miss predictions.

    See Also
    --------
    unfairness_ratio : Share of the variance that lies between groups.
    wasserstein_disparity : Largest distance between groups, in units of the predictions.

    Notes
    -----
    With a fixed bandwidth, shrinking all predictions towards each other lowers the divergence although nothing became
    fairer. Groups of a few rows look different by chance; with ``weights="proportion"`` they hardly count.

    Probabilities below 1e-10 are raised to it. Density estimates are exact up to rounding for any number of rows.

    References
    ----------
    Lin (1991). "Divergence measures based on the Shannon entropy". IEEE Transactions on Information Theory 37.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.fairness import jensen_shannon_divergence
    >>> y_pred = np.repeat([0.0, 10.0], 50)
    >>> sex = np.repeat(["f", "m"], 50)
    >>> round(jensen_shannon_divergence(y_pred, sex), 4)
    1.0
    >>> round(jensen_shannon_divergence(y_pred, np.tile(["f", "m"], 50)), 4)
    0.0
    """
    grouped = read_groups(y_pred, groups, bins, sample_weight)
    return divergence(grouped, bandwidth, weights=weights, grid_size=grid_size, base=base)


def divergence(grouped, bandwidth, *, weights="proportion", grid_size=1000, base=2):
    """`jensen_shannon_divergence` of `GroupedPredictions`."""
    values, cells, row_weights = grouped
    if cells.n_cells == 1 or np.ptp(values) == 0.0:
        return 0.0
    grid = density_grid(values, grid_size)
    width = kernel_width(values, row_weights, bandwidth)
    if not is_resolved(grid, width):
        raise ValueError(
            f"bandwidth={bandwidth!r} ({width:.3g}) is less than half of the distance {grid[1] - grid[0]:.3g} of two "
            f"of the {grid_size} points between the smallest and the largest prediction. Use bandwidth='scott', a "
            "larger number, or a larger grid_size; in calibrate_fairness_weight criterion='dcor', which is free of "
            "scale."
        )
    estimates = group_densities(values, cells.codes, cells.n_cells, row_weights, grid, width)
    estimates = np.maximum(estimates / estimates.sum(axis=1, keepdims=True), FLOOR)
    totals = cells.totals(row_weights)
    shares = totals / totals.sum() if weights == "proportion" else np.full(cells.n_cells, 1.0 / cells.n_cells)
    found = _entropy(shares @ estimates) - shares @ _entropy(estimates)
    # The floor makes sums of probabilities exceed one by up to 1e-10 per point; the bounds are those of exact ones.
    return float(np.clip(found, 0.0, _entropy(shares)) / np.log(base))


def kernel_width(values, weights, bandwidth):
    """Standard deviation of the kernel: a number, or one of the rules relative to all values."""
    if not isinstance(bandwidth, str):
        return float(bandwidth)
    total = weights.sum()
    size = total if bandwidth == "scott" else 0.75 * total
    return float(np.sqrt(variance(values, weights)) * size**-0.2)


def is_resolved(grid, width):
    """Whether every point has a grid point within a bandwidth."""
    return bool(2.0 * width >= grid[1] - grid[0])


def variance(values, weights):
    """Variance with divisor ``sum(weights) - 1``."""
    total = weights.sum()
    if total < SMALLEST_SIZE:
        raise ValueError(
            f"sample_weight must sum to at least {SMALLEST_SIZE:g}: weights mean repetition. Got the sum {total:.3g}: "
            "rescale them to the mean 1."
        )
    return float(weights @ (values - weights @ values / total) ** 2 / (total - 1.0))


def cell_means(grouped):
    """Mean prediction per cell, shape (n_cells,)."""
    values, cells, weights = grouped
    return cells.totals(weights * values) / cells.totals(weights)


def _entropy(probabilities):
    return -np.sum(probabilities * np.log(probabilities), axis=-1)


@validate_params(GROUP_CONSTRAINTS, prefer_skip_nested_validation=True)
def unfairness_ratio(
    y_pred: ArrayLike,
    groups: ArrayLike,
    *,
    bins: int | ArrayLike | dict[str, Any] | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Variance of the mean predictions of groups, relative to the variance of all predictions.

    Parameters
    ----------
    y_pred : array-like of shape (n_samples,)
        Predictions: means or probabilities.
    groups : array-like of shape (n_samples,) or (n_samples, n_attributes)
        Labels of the groups, or raw attributes: their intersections are the groups.
    bins : int, array-like, dict or None, default=None
        How continuous attributes are cut: number of quantile bins, edges, or a dictionary from names of attributes to
        one of these. None refuses continuous attributes.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights; a weight means that many copies of its row.

    Returns
    -------
    ratio : float
        Not negative; 0 if all groups have the same mean, if there is one group only, and for constant predictions. Both
        variances have the divisor n - 1, and every group counts once whatever its size, so that the ratio can exceed 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, numbers of rows differ, an attribute is continuous without bins, or the weights sum
        to less than 2.

    See Also
    --------
    jensen_shannon_divergence : Differences of whole distributions.
    wasserstein_disparity : Largest distance between groups, in units of the predictions.

    Notes
    -----
    The ratio does not change when predictions are scaled or shifted. It sees means only, and groups of a few rows count
    like large ones: their means differ by chance.

    References
    ----------
    Lee, Antonio, Avanzi, Marchi, Zhou (2025). "Machine learning with multitype protected attributes: intersectional
    fairness through regularisation". arXiv:2509.08163.

    Examples
    --------
    >>> from statlearn.fairness import unfairness_ratio
    >>> round(unfairness_ratio([1.0, 2.0, 3.0, 4.0], ["f", "f", "m", "m"]), 4)
    1.2
    >>> unfairness_ratio([1.0, 2.0, 2.0, 1.0], ["f", "f", "m", "m"])
    0.0
    """
    grouped = read_groups(y_pred, groups, bins, sample_weight)
    return 0.0 if _is_trivial(grouped) else _mean_ratio(grouped)


def mean_ratio(grouped):
    """`unfairness_ratio` of `GroupedPredictions`; NaN if their weights sum to less than 2."""
    if _is_trivial(grouped):
        return 0.0
    return _mean_ratio(grouped) if grouped.weights.sum() >= SMALLEST_SIZE else np.nan


def _is_trivial(grouped):
    return grouped.cells.n_cells == 1 or np.ptp(grouped.values) == 0.0


def _mean_ratio(grouped):
    centered = grouped._replace(values=grouped.values - grouped.values[0])
    return float(np.var(cell_means(centered), ddof=1)) / variance(centered.values, centered.weights)


@validate_params(
    {"reference": [StrOptions({"pairs", "pooled"})]} | GROUP_CONSTRAINTS, prefer_skip_nested_validation=True
)
def wasserstein_disparity(
    y_pred: ArrayLike,
    groups: ArrayLike,
    *,
    reference: Literal["pairs", "pooled"] = "pairs",
    bins: int | ArrayLike | dict[str, Any] | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Largest Wasserstein distance between the distributions of predictions in groups.

    Parameters
    ----------
    y_pred : array-like of shape (n_samples,)
        Predictions: means or probabilities.
    groups : array-like of shape (n_samples,) or (n_samples, n_attributes)
        Labels of the groups, or raw attributes: their intersections are the groups.
    reference : {"pairs", "pooled"}, default="pairs"
        What a group is compared with: every other group, or all rows together. The second is never the larger one.
    bins : int, array-like, dict or None, default=None
        How continuous attributes are cut: number of quantile bins, edges, or a dictionary from names of attributes to
        one of these. None refuses continuous attributes.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights; a weight means that many copies of its row.

    Returns
    -------
    distance : float
        Largest distance of order 1, in units of the predictions; 0 for one group.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, numbers of rows differ, or an attribute is continuous without bins.

    See Also
    --------
    jensen_shannon_divergence : Differences of distributions, weighted by the size of groups.
    unfairness_ratio : Share of the variance that lies between groups, free of scale.

    Notes
    -----
    The distance is the area between two distribution functions: the mean change of prediction that turns the one group
    into the other. It is at least the difference of the means, and shrinks when predictions are shrunk. Being a
    maximum, it is dominated by groups of a few rows, which differ by chance.

    Examples
    --------
    >>> from statlearn.fairness import wasserstein_disparity
    >>> wasserstein_disparity([1.0, 2.0, 4.0, 6.0], ["f", "f", "m", "m"])
    3.5
    >>> wasserstein_disparity([1.0, 2.0, 4.0, 6.0], ["f", "f", "m", "m"], reference="pooled")
    1.75
    """
    grouped = read_groups(y_pred, groups, bins, sample_weight)
    distances = pair_distances(grouped) if reference == "pairs" else pooled_distances(grouped)
    return float(distances.max())


def pair_distances(grouped):
    """Wasserstein distances between all pairs of cells, shape (n_cells, n_cells)."""
    packed = _packed(grouped)
    return pairwise_wasserstein(*packed, *packed, 1)


def pooled_distances(grouped):
    """Wasserstein distances between each cell and all rows, shape (n_cells,)."""
    everyone = Cells(np.zeros_like(grouped.cells.codes), ("all",))
    return pairwise_wasserstein(*_packed(grouped), *_packed(grouped._replace(cells=everyone)), 1)[:, 0]


def _packed(grouped):
    """Sorted values of the cells one after the other, their weights with sum one per cell, and where cells start."""
    values, cells, weights = grouped
    order = np.lexsort((values, cells.codes))
    codes = cells.codes[order]
    starts = np.searchsorted(codes, np.arange(cells.n_cells + 1))
    return values[order], weights[order] / cells.totals(weights)[codes], starts
