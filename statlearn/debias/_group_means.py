"""Means of groups from predictions that stand for outcomes."""

from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.data_frames import check_same_index
from .._typing import ArrayLike, DataFrame, FloatArray, IntArray, LabelArray, RandomState
from ..certificate import Certificate, Check, format_table
from ._bootstrap import Units, strata_of
from ._corrected_estimates import check_map, corrected_certificate, corrected_estimates, errors_between
from ._corrector import Corrector
from ._effects import normal_interval
from ._unit_checks import check_clusters, check_labels, check_outcome, check_weights

CLAIM = (
    "Each interval covers the mean of the true outcome in its group, in large samples, as often as its level says; it "
    "counts the chance of the units and of the calibration sample."
)
CLAIM_OF_POINTS = (
    "Each estimate is close to the mean of the true outcome in its group, if the group and the calibration sample are "
    "large; how close was not asked for."
)

__all__ = ["GroupMeans", "debiased_group_means"]


@dataclass(frozen=True, eq=False)
class GroupMeans:
    """Corrected means of groups.

    Attributes
    ----------
    groups : ndarray of shape (n_groups,)
        Labels of the groups, in increasing order.
    n : ndarray of int of shape (n_groups,)
        Units of positive weight per group.
    naive : ndarray of shape (n_groups,)
        Means of the raw predictions.
    estimate : ndarray of shape (n_groups,)
        Means of the corrected predictions.
    se : ndarray of shape (n_groups,) or None
        Standard errors; None if none were asked for.
    lower, upper : ndarray of shape (n_groups,) or None
        Ends of the confidence intervals, each at ``level`` by itself.
    se_trial, se_calibration : ndarray of shape (n_groups,) or None
        Standard errors if only the units, or only the calibration sample, were random.
    covariance : ndarray of shape (n_groups, n_groups) or None
        Covariance of the means. Groups share the errors of the calibration sample: the variance of a difference is
        ``c @ covariance @ c``, not the sum of squared standard errors.
    level : float
        Level of the intervals.
    name : str or None
        Name of the groups, if they came as a pandas or polars Series with one.
    certificate : Certificate
        What was checked and what is assumed.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import LinearCalibrationCorrector, debiased_group_means
    >>> rng = np.random.default_rng(0)
    >>> y = rng.normal(size=500)
    >>> corrector = LinearCalibrationCorrector().fit(0.5 * y + 0.3 * rng.normal(size=500), y)
    >>> table = debiased_group_means(corrector, rng.normal(size=6), ["b", "a", "b", "a", "b", "b"])
    >>> table.groups.tolist(), table.n.tolist()
    (['a', 'b'], [2, 4])
    """

    groups: LabelArray
    n: IntArray
    naive: FloatArray = field(repr=False)
    estimate: FloatArray
    se: FloatArray | None
    lower: FloatArray | None = field(repr=False)
    upper: FloatArray | None = field(repr=False)
    se_trial: FloatArray | None = field(repr=False)
    se_calibration: FloatArray | None = field(repr=False)
    covariance: FloatArray | None = field(repr=False)
    level: float
    name: str | None = field(repr=False)
    certificate: Certificate = field(repr=False)

    def to_frame(self) -> DataFrame:
        """Table of the groups.

        Returns
        -------
        frame : pandas.DataFrame
            One row per group, with the labels as index and the columns ``n``, ``naive`` and ``estimate``, followed by
            ``se``, ``lower``, ``upper``, ``se_trial`` and ``se_calibration`` if there are standard errors.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "GroupMeans.to_frame needs pandas. Install it with: pip install 'statlearn[dataframe]'"
            ) from error
        return pd.DataFrame(self._columns(), index=pd.Index(self.groups, name=self.name))

    def __str__(self):
        columns = self._columns()
        cells = zip(self.groups.tolist(), *(values.tolist() for values in columns.values()), strict=True)
        rows = [(str(label), *(f"{number:.4g}" for number in numbers)) for label, *numbers in cells]
        return format_table(["group", *columns], rows, right=range(1, len(columns) + 1))

    def _columns(self):
        names = ("n", "naive", "estimate", "se", "lower", "upper", "se_trial", "se_calibration")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, eq=False)
class MeansEstimand:
    """Means of groups as functionals of what is taken for the outcomes.

    Attributes
    ----------
    codes : ndarray of int of shape (n_units,)
        Groups, from 0 on.
    weights : ndarray of shape (n_units,)
        Positive weights.
    cluster_codes : ndarray of int of shape (n_units,) or None
        Clusters, from 0 on.
    """

    codes: np.ndarray
    weights: np.ndarray
    cluster_codes: np.ndarray | None

    @property
    def units(self):
        """What the bootstrap draws: each group by itself, or groups that share clusters together."""
        if self.cluster_codes is None:
            return Units(self.codes.size, strata=strata_of(self.codes))
        pairs = self.cluster_codes, self.cluster_codes.max() + 1 + self.codes
        n_nodes = int(pairs[1].max()) + 1
        graph = coo_array((np.ones(self.codes.size), pairs), shape=(n_nodes, n_nodes))
        components = connected_components(graph, directed=False)[1]
        return Units(self.codes.size, self.cluster_codes, strata_of(components[: int(self.cluster_codes.max()) + 1]))

    def functional(self, counts=None):
        """What takes outcomes to the means, of shape (n_groups,), with ``counts`` from a bootstrap sample."""
        weights = self.weights if counts is None else self.weights * counts
        totals = np.bincount(self.codes, weights)
        if totals.min() <= 0.0:
            raise ValueError(
                "A bootstrap sample of the clusters leaves a group empty: it is in too few of them to resample. Use "
                "se='delta', or merge small groups."
            )
        return lambda values: np.bincount(self.codes, weights * values) / totals

    def covariance(self, values):
        """Covariance of the means for fixed outcomes, of shape (n_groups, n_groups)."""
        totals = np.bincount(self.codes, self.weights)
        influence = self.weights * (values - self.functional()(values)[self.codes]) / totals[self.codes]
        if self.cluster_codes is None:
            n_units = np.bincount(self.codes)
            return np.diag(n_units / (n_units - 1.0) * np.bincount(self.codes, influence**2))
        n_groups, n_clusters = totals.size, int(self.cluster_codes.max()) + 1
        cell = self.codes * n_clusters + self.cluster_codes
        sums = np.bincount(cell, influence, minlength=n_groups * n_clusters).reshape(n_groups, n_clusters)
        n_present = clusters_per_group(self.codes, self.cluster_codes)[:, None]
        sums *= np.sqrt(n_present / (n_present - 1.0))
        return sums @ sums.T

    def of_constant(self):
        """The means of outcomes that are all 1."""
        return np.ones(int(self.codes.max()) + 1)


def clusters_per_group(codes, cluster_codes):
    """Number of clusters that each group is in."""
    return np.bincount(np.unique(np.stack([codes, cluster_codes]), axis=1)[0])


@validate_params(
    {
        "y_pred": ["array-like"],
        "groups": ["array-like"],
        "weights": ["array-like", None],
        "clusters": ["array-like", None],
        "se": [StrOptions({"delta", "bootstrap", "none"})],
        "n_boot": [Interval(Integral, 2, None, closed="left")],
        "level": [Interval(Real, 0, 1, closed="neither")],
        "calibration_groups": ["array-like", None],
        "calibration_clusters": ["array-like", None],
        "random_state": ["random_state", np.random.Generator],
        "n_jobs": [Interval(Integral, None, -1, closed="right"), Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def debiased_group_means(
    corrector: Corrector,
    y_pred: ArrayLike,
    groups: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    se: Literal["delta", "bootstrap", "none"] = "delta",
    n_boot: int = 500,
    level: float = 0.95,
    calibration_groups: ArrayLike | None = None,
    calibration_clusters: ArrayLike | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> GroupMeans:
    """Estimate means of groups, such as regions, of outcomes that are known by predictions only.

    Predictions are corrected and averaged in each group. Standard errors count the chance of the units, as a sample
    from their group, and of the calibration sample, which is shared by all groups.

    Correct only if groups differ in their predictions through the outcome alone. Where groups are made by what the
    predicting model sees, the raw means, ``naive``, are right: ``calibration_groups`` tests it.

    Parameters
    ----------
    corrector : Corrector
        A fitted `LinearCalibrationCorrector`, `TweedieCorrector` or `SieveCorrector`.
    y_pred : array-like of shape (n_samples,)
        Predicted outcomes, as the model made them: ``predict_raw`` of a `DebiasedRegressor`, never its ``predict``.
    groups : array-like of shape (n_samples,)
        Labels of the groups. Columns that are pandas Series must have the same index.
    weights : array-like of shape (n_samples,), default=None
        Sampling weights; None weighs all units alike. Units of weight 0 are left out.
    clusters : array-like of shape (n_samples,), default=None
        Labels of clusters of units; None if units are independent.
    se : {"delta", "bootstrap", "none"}, default="delta"
        How standard errors are found, as in `debiased_ate`. The bootstrap draws units, or clusters, of each group by
        itself, and those of groups that share clusters together.
    n_boot : int, default=500
        Number of bootstrap samples.
    level : float, default=0.95
        Level of the confidence intervals.
    calibration_groups : array-like of shape (n_calibration,), default=None
        Groups of the calibration pairs with a positive weight. They test whether errors depend on the group; a warning
        says so if they do. Without them the certificate says that it was not tested.
    calibration_clusters : array-like of shape (n_calibration,), default=None
        Clusters of the calibration pairs with a positive weight; None if pairs are independent.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of bootstrap samples and jackknife blocks.
    n_jobs : int, default=None
        Number of threads of the bootstrap; the result does not depend on it.

    Returns
    -------
    means : GroupMeans
        Raw and corrected means with standard errors, intervals, their covariance and the certificate; ``to_frame()``
        has a row per group.

    Raises
    ------
    TypeError
        If ``corrector`` is no corrector.
    ValueError
        If inputs are of different lengths or not finite, pandas Series have different indices, a label is missing, or a
        group has a single unit, or is in a single cluster, and standard errors are asked for.
    sklearn.exceptions.NotFittedError
        If the corrector is not fitted.

    See Also
    --------
    debiased_ate : Effect of a treatment.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import LinearCalibrationCorrector, debiased_group_means
    >>> rng = np.random.default_rng(0)
    >>> def predicted(y):  # predictions shrink the truth by 0.5
    ...     return 0.5 * y + 0.3 * rng.normal(size=y.size)
    >>> y = rng.normal(size=2000)
    >>> corrector = LinearCalibrationCorrector().fit(predicted(y), y)
    >>> region = np.repeat(["north", "south"], 3000)
    >>> outcome = np.where(region == "north", -1.0, 1.0) + rng.normal(size=6000)  # never seen
    >>> means = debiased_group_means(corrector, predicted(outcome), region)
    >>> print(np.round(means.naive, 1), np.round(means.estimate, 1))
    [-0.5  0.5] [-1.  1.]
    """
    correction_map = check_map(corrector, calibration_clusters)
    check_same_index(y_pred=y_pred, groups=groups, weights=weights, clusters=clusters)
    y_pred = check_outcome(y_pred, "y_pred")
    labels, estimand, kept = _estimand(y_pred.size, groups, weights, clusters, se)
    y_pred = y_pred[kept]
    errors = errors_between(correction_map, calibration_groups)
    estimates = corrected_estimates(
        estimand,
        y_pred,
        correction_map,
        se=se,
        n_boot=n_boot,
        random_state=random_state,
        n_jobs=n_jobs,
    )
    se_total, se_trial, se_calibration = (
        None if matrix is None else np.sqrt(np.diag(matrix))
        for matrix in (estimates.covariance, estimates.trial, estimates.calibration)
    )
    lower, upper = (None, None) if se_total is None else normal_interval(estimates.values, se_total, level)
    claim = CLAIM_OF_POINTS if se == "none" else CLAIM
    return GroupMeans(
        groups=labels,
        n=np.bincount(estimand.codes),
        naive=estimand.functional()(y_pred),
        estimate=estimates.values,
        se=se_total,
        lower=lower,
        upper=upper,
        se_trial=se_trial,
        se_calibration=se_calibration,
        covariance=estimates.covariance,
        level=level,
        name=getattr(groups, "name", None),
        certificate=corrected_certificate(claim, *_own_checks(estimand), y_pred, correction_map, estimates, errors),
    )


def _estimand(n_given, groups, weights, clusters, se):
    """Labels of the groups, their means as a functional of the units of positive weight, and which units these are."""
    labels, codes = check_labels(groups, n_given, "groups", "prediction")
    weights = check_weights(weights, n_given)
    kept = weights > 0.0
    fewest = 1 if se == "none" else 2
    _check_sizes(np.bincount(codes, kept), fewest, labels, "units of positive weight")
    cluster_codes = check_clusters(clusters, n_given, kept=kept)
    codes, weights = codes[kept], weights[kept]
    if cluster_codes is not None:
        _check_sizes(clusters_per_group(codes, cluster_codes), fewest, labels, "clusters of positive weight")
    return labels, MeansEstimand(codes, weights, cluster_codes), kept


def _check_sizes(sizes, fewest, labels, what):
    """Refuse groups that are too small."""
    if sizes.min() < fewest:
        raise ValueError(
            f"groups must have at least {fewest} {what} each. Got {sizes.min():g} in {labels[np.argmin(sizes)]}: merge "
            "or drop it" + (", or use se='none'." if fewest == 2 else ".")
        )


def _own_checks(estimand):
    """What is reported about the groups, and what is assumed of their units."""
    counts = np.bincount(estimand.codes)
    check = Check("groups", counts.size, None, None, "reported", f"{counts.min()} to {counts.max()} units each")
    drawn = "units" if estimand.cluster_codes is None else "clusters"
    return [check], [f"{drawn} are a random sample of those that the means are about"]
