"""Everything about one set of predictions: per level, per intersection, and overall."""

import html
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._support._sklearn import HasMethods, Interval, _safe_indexing, validate_params
from .._support.data_frames import data_frame
from .._support.validation import check_sample_weight
from .._typing import ArrayLike, DataFrame, RandomState
from ..certificate import Certificate, Check, format_table
from ..dependence import DistanceCovariancePenalty, distance_covariance_test
from ._cells import N_BINS, Cells, attribute_cells, intersection_cells
from ._criteria import encode, fit_penalty, levels_of
from ._densities import density_grid
from ._encoder import ProtectedEncoder
from ._metrics import (
    GroupedPredictions,
    cell_means,
    divergence,
    is_resolved,
    kernel_width,
    mean_ratio,
    pair_distances,
    read_predictions,
)
from ._sensitive import read_sensitive

__all__ = ["FairnessReport", "fairness_report"]

INTERSECTION = "intersection"
GRID_SIZE = 1000
FIXED_BANDWIDTH = 0.15
LEVEL = 0.05
COLUMNS = ("attribute", "group", "n", "mean_prediction", "mean_outcome", "ratio", "wasserstein", "ks", "small")
HEADERS = ("group", "n", "mean prediction", "mean outcome", "ratio", "Wasserstein", "KS", "")
MEASURES = {
    "distance_correlation": "squared distance correlation with the attributes; free of scale",
    "ccdcov": "squared distance covariance with the concatenated attributes",
    "jdcov_excess": "joint distance covariance above its part that does not depend on the predictions",
    "jsd": f"Jensen-Shannon divergence of the intersections, bandwidth {FIXED_BANDWIDTH}",
    "jsd_scott": "the same with Scott's bandwidth, which is relative to the deviation of all predictions",
    "unfairness_ratio": "variance of the means of the intersections over the variance of the predictions",
    "unfairness_ratio_large": "the same, small intersections left out",
    "mean_gap": "largest difference of the means of two intersections, small ones left out",
    "wasserstein": "largest Wasserstein distance of two intersections, small ones left out",
}


@dataclass(frozen=True, eq=False)
class FairnessReport:
    """What `fairness_report` found.

    Attributes
    ----------
    groups : dict of str to ndarray of shape (n_groups,)
        One entry per level or bin of each attribute, then one per intersection of all attributes if there are several:

        - ``attribute`` and ``group``: names; the attribute of intersections is "intersection";
        - ``n``: rows, or their weights;
        - ``mean_prediction`` and ``mean_outcome``;
        - ``ratio``: mean prediction over that of all rows; NaN if the latter is 0;
        - ``wasserstein`` and ``ks``: distances of order 1 and of Kolmogorov and Smirnov between the predictions of the
          group and those of all other rows; 0 if there are none;
        - ``small``: whether there are fewer than ``min_group`` rows.
    overall : dict of str to float
        Figures of all predictions. None if a figure does not exist: one of groups that are not small, with fewer than
        two of these or with weights that sum to less than 2, or a divergence whose fixed bandwidth is too fine for
        predictions on this scale.

        - ``distance_correlation``: squared, with the encoded attributes; free of scale;
        - ``ccdcov``: squared distance covariance with the concatenated attributes;
        - ``jdcov_excess``: joint distance covariance above its part that does not depend on the predictions;
        - ``jsd`` and ``jsd_scott``: Jensen-Shannon divergence of the intersections with bandwidth 0.15, and relative to
          the standard deviation of all predictions;
        - ``unfairness_ratio``: of the intersections, small ones included, which count like large ones;
        - ``unfairness_ratio_large``: of the other intersections and their rows;
        - ``mean_gap`` and ``wasserstein``: the largest difference of means and the largest Wasserstein distance of two
          intersections, small ones left out.
    n_samples : float
        Rows, or the sum of their weights.
    min_group : float
        Groups with fewer rows are small.
    certificate : Certificate
        The figures, the small groups, and the test of independence if one was asked for.

    See Also
    --------
    GroupDensityDisplay : The distributions as a picture.

    Examples
    --------
    >>> from statlearn.fairness import fairness_report
    >>> report = fairness_report([1, 0, 1, 0], [0.8, 0.4, 0.7, 0.3], ["m", "f", "m", "f"], min_group=2)
    >>> round(report.overall["mean_gap"], 3)
    0.4
    """

    groups: dict[str, np.ndarray] = field(repr=False)
    overall: dict[str, float]
    n_samples: float
    min_group: float
    certificate: Certificate = field(repr=False)

    def to_frame(self) -> DataFrame:
        """Table of the groups.

        Returns
        -------
        frame : pandas.DataFrame
            One row per group, with the columns of ``groups``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.groups, "FairnessReport.to_frame")

    def __str__(self):
        parts = [self._summary(), "", format_table(("measure", "value", "what it is"), self._measures(), right=(1,))]
        for attribute, rows in self._tables():
            parts += ["", attribute, format_table(HEADERS, rows, right=range(1, len(HEADERS) - 1))]
        return "\n".join(parts)

    def _repr_html_(self):
        """Tables shown by notebooks."""
        tables = [("measures", ("measure", "value", "what it is"), self._measures())]
        tables += [(attribute, HEADERS, rows) for attribute, rows in self._tables()]
        return f"<p><b>{html.escape(self._summary())}</b></p>" + "".join(_html_table(*table) for table in tables)

    def _summary(self):
        small = int(self.groups["small"].sum())
        note = f", {small} with fewer than {self.min_group:g} rows" if small else ""
        return f"FairnessReport of {self.n_samples:.6g} rows in {len(self.groups['group'])} groups{note}"

    def _measures(self):
        return [(name, _shown(self.overall[name]), description) for name, description in MEASURES.items()]

    def _tables(self):
        """The rows of each attribute as cells of text."""
        rows = [
            (group, f"{n:.6g}", *map(_shown, figures), "few rows" if small else "")
            for _, group, n, *figures, small in zip(*self.groups.values(), strict=True)
        ]
        for attribute in dict.fromkeys(self.groups["attribute"].tolist()):
            yield attribute, [rows[i] for i in np.flatnonzero(self.groups["attribute"] == attribute)]


@validate_params(
    {
        "y_true": ["array-like"],
        "y_pred": ["array-like"],
        "sensitive_features": "no_validation",
        "bins": [Interval(Integral, 1, None, closed="left"), "array-like", dict, None],
        "min_group": [Interval(Real, 0, None, closed="left")],
        "encoder": [HasMethods(["fit_transform", "split"]), None],
        "n_permutations": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
        "sample_weight": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def fairness_report(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sensitive_features: ArrayLike,
    *,
    bins: int | ArrayLike | dict[str, Any] | None = N_BINS,
    min_group: float = 30,
    encoder: ProtectedEncoder | None = None,
    n_permutations: int = 0,
    random_state: RandomState = None,
    sample_weight: ArrayLike | None = None,
) -> FairnessReport:
    """Report how far predictions depend on sensitive features, by level, by intersection, and overall.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Outcomes as numbers; 0 and 1 for two classes.
    y_pred : array-like of shape (n_samples,)
        Predictions: means, or probabilities of class 1.
    sensitive_features : array-like of shape (n_samples,) or (n_samples, n_attributes)
        Raw attributes of any types.
    bins : int, array-like, dict or None, default=4
        How continuous attributes are cut into groups: number of quantile bins, edges, or a dictionary from names of
        attributes to one of these. None refuses continuous attributes.
    min_group : float, default=30
        Groups with fewer rows are marked as small and left out of maxima, never out of the tables.
    encoder : ProtectedEncoder or None, default=None
        Says which attributes are categorical and turns them into numbers; None means ``ProtectedEncoder()``. It is
        cloned and fitted.
    n_permutations : int, default=0
        Number of permutations of a test that the predictions are independent of the rows of attributes; 0 makes none.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the permutations.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights; a weight means that many copies of its row. Not with permutations.

    Returns
    -------
    report : FairnessReport
        Tables, figures and certificate; ``print(report)`` shows all of it.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, numbers of rows differ, or there are fewer than four rows.

    Warns
    -----
    ConstantAttributeWarning
        If an attribute is constant.

    See Also
    --------
    GroupDensityDisplay : The distributions as a picture.
    calibrate_fairness_weight : Loss and dependence along fairness weights.

    Notes
    -----
    The report is about demographic parity: whether predictions depend on the attributes. Outcomes are shown beside the
    predictions and enter no measure.

    The measures answer different questions. Distance covariances, Wasserstein distances and the divergence with a fixed
    bandwidth fall when predictions are merely shrunk; distance correlation, unfairness ratio and the divergence with
    Scott's bandwidth do not. Small groups hardly count in the divergences and the distance measures, and count like
    large ones in the unfairness ratio.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from statlearn.fairness import fairness_report
    >>> rng = np.random.default_rng(0)
    >>> sensitive = pd.DataFrame({"sex": ["f", "f", "m", "m"] * 50, "region": ["N", "S"] * 100})
    >>> y_pred = (sensitive["sex"] == "m") ^ (sensitive["region"] == "S")
    >>> y_true = y_pred + rng.normal(size=200)
    >>> report = fairness_report(y_true, y_pred, sensitive, n_permutations=99, random_state=0)
    >>> report.to_frame()[["group", "n", "mean_prediction", "ks"]]
                 group      n  mean_prediction        ks
    0            sex=f  100.0              0.5  0.000000
    1            sex=m  100.0              0.5  0.000000
    2         region=N  100.0              0.5  0.000000
    3         region=S  100.0              0.5  0.000000
    4  sex=f, region=N   50.0              0.0  0.666667
    5  sex=f, region=S   50.0              1.0  0.666667
    6  sex=m, region=N   50.0              1.0  0.666667
    7  sex=m, region=S   50.0              0.0  0.666667
    >>> report.certificate["independence"].statistic
    0.01
    """
    outcomes, predictions = read_predictions(y_true, "y_true"), read_predictions(y_pred)
    if outcomes.size != predictions.size:
        raise ValueError(
            f"Found inconsistent numbers of samples: y_true has {outcomes.size} and y_pred {predictions.size}."
        )
    if n_permutations and sample_weight is not None:
        raise ValueError("n_permutations must be 0 with sample_weight: the permutation test takes whole rows only.")
    sensitive = read_sensitive(sensitive_features, predictions.size, y_pred)
    weights = check_sample_weight(sample_weight, predictions, dtype=np.float64, ensure_non_negative=True)
    rows = np.flatnonzero(weights > 0.0)
    if rows.size < weights.size:
        outcomes, predictions, weights = outcomes[rows], predictions[rows], weights[rows]
        sensitive = _safe_indexing(sensitive, rows)
    encoder, blocks = encode(sensitive, encoder)
    options = {"bins": bins, "sample_weight": weights, "is_nominal": levels_of(encoder)}
    parts, intersections = attribute_cells(sensitive, **options), intersection_cells(sensitive, **options)
    tables = [*parts, (INTERSECTION, intersections)] if len(parts) > 1 else parts
    groups = _group_table(tables, predictions, outcomes, weights, min_group)
    grouped = GroupedPredictions(predictions, intersections, weights)
    overall = _dependence(predictions, sensitive, blocks, None if sample_weight is None else weights)
    overall |= _differences(grouped, min_group)
    test = None
    if n_permutations:
        test = distance_covariance_test(predictions, blocks, n_permutations=n_permutations, random_state=random_state)
    certificate = _certificate(groups, overall, min_group, test)
    return FairnessReport(groups, overall, float(weights.sum()), min_group, certificate)


def _group_table(tables, predictions, outcomes, weights, min_group):
    """The columns of `FairnessReport.groups`."""
    order = np.argsort(predictions, kind="stable")
    ascending, ascending_weights = predictions[order], weights[order]
    columns = {name: [] for name in COLUMNS}
    overall = weights @ predictions / weights.sum()
    for attribute, cells in tables:
        counts = cells.totals(weights)
        means = cell_means(GroupedPredictions(predictions, cells, weights))
        ordered = Cells(cells.codes[order], cells.names)
        distances, gaps = _distances_to_the_rest(ascending, ordered, ascending_weights)
        columns["attribute"] += [attribute] * cells.n_cells
        columns["group"] += cells.names
        columns["n"] += counts.tolist()
        columns["mean_prediction"] += means.tolist()
        columns["mean_outcome"] += (cells.totals(weights * outcomes) / counts).tolist()
        columns["ratio"] += (means / overall if overall != 0.0 else np.full_like(means, np.nan)).tolist()
        columns["wasserstein"] += distances
        columns["ks"] += gaps
        columns["small"] += (counts < min_group).tolist()
    texts = ("attribute", "group")
    return {name: np.array(values, dtype=object if name in texts else None) for name, values in columns.items()}


def _distances_to_the_rest(values, cells, weights):
    """Wasserstein and Kolmogorov-Smirnov distance of each cell to all other rows; ``values`` ascend.

    The difference of distribution functions to all rows is that to the other rows, times their share.
    """
    total = weights.sum()
    pooled = np.cumsum(weights) / total
    steps = np.diff(values, append=values[-1])
    last_of_ties = np.append(steps[:-1] > 0.0, True)
    wasserstein, ks = [], []
    for code, count in enumerate(cells.totals(weights)):
        rest = 1.0 - count / total
        if cells.n_cells == 1:
            difference = np.zeros_like(pooled)
        else:
            difference = np.abs(np.cumsum(np.where(cells.codes == code, weights, 0.0)) / count - pooled) / rest
        wasserstein.append(float(difference @ steps))
        ks.append(float(difference[last_of_ties].max()))
    return wasserstein, ks


def _dependence(predictions, sensitive, blocks, weights):
    """The measures of `statlearn.dependence`."""
    concatenated = fit_penalty(DistanceCovariancePenalty("ccdcov"), sensitive, blocks, weights)
    joint = concatenated
    if len(blocks) > 1:
        joint = fit_penalty(DistanceCovariancePenalty("jdcov"), sensitive, blocks, weights)
    return {
        "distance_correlation": concatenated.distance_correlation(predictions),
        "ccdcov": concatenated.excess(predictions),
        "jdcov_excess": joint.excess(predictions),
    }


def _differences(grouped, min_group):
    """The measures between cells; maxima are over cells that are not small."""
    values, cells, weights = grouped
    grid = density_grid(values, GRID_SIZE)
    widths = {"jsd": FIXED_BANDWIDTH, "jsd_scott": kernel_width(values, weights, "scott")}
    constant = values.min() == values.max()
    figures = {
        name: divergence(grouped, width, grid_size=GRID_SIZE) if constant or is_resolved(grid, width) else None
        for name, width in widths.items()
    }
    figures["unfairness_ratio"] = _ratio(grouped)
    large = _large_cells(grouped, min_group)
    if large is None:
        return figures | {"unfairness_ratio_large": None, "mean_gap": None, "wasserstein": None}
    return figures | {
        "unfairness_ratio_large": _ratio(large),
        "mean_gap": float(np.ptp(cell_means(large))),
        "wasserstein": float(pair_distances(large).max()),
    }


def _ratio(grouped):
    ratio = mean_ratio(grouped)
    return None if np.isnan(ratio) else ratio


def _large_cells(grouped, min_group):
    """The rows of cells that are not small; None if there are fewer than two such cells."""
    values, cells, weights = grouped
    is_large = cells.totals(weights) >= min_group
    if np.count_nonzero(is_large) < 2:
        return None
    rows = is_large[cells.codes]
    codes = (np.cumsum(is_large) - 1)[cells.codes[rows]]
    names = tuple(name for name, large in zip(cells.names, is_large, strict=True) if large)
    return GroupedPredictions(values[rows], Cells(codes, names), weights[rows])


def _certificate(groups, overall, min_group, test):
    small = groups["group"][groups["small"]]
    checks = [Check(name, overall[name], None, None, "reported", text) for name, text in MEASURES.items()]
    checks.append(Check("small groups", small.size, None, None, "reported", f"fewer than {min_group:g} rows"))
    claim = "The figures describe how far the predictions of these rows depend on the sensitive features."
    if test is not None:
        n_permutations = test.null_distribution.size
        detail = f"p-value of {n_permutations} permutations of the predictions against intact rows of attributes"
        checks.append(Check("independence", test.p_value, LEVEL, test.p_value > LEVEL, "test", detail))
        claim = f"No dependence of the predictions on the sensitive features was found at level {LEVEL:g}."
    return Certificate(
        claim=claim,
        checks=checks,
        assumptions=[
            "the rows represent those the predictions are made for",
            "demographic parity is the notion of fairness that matters: outcomes enter no measure",
        ],
    )


def _shown(value):
    return "-" if value is None or np.isnan(value) else f"{value:.4g}"


def _html_table(title, headers, rows):
    head = "".join(f"<th>{html.escape(header)}</th>" for header in headers)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    caption = f"<caption>{html.escape(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
