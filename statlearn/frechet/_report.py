"""How decision rules compare on the same rows: always beside the baselines."""

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from .._support._sklearn import validate_params
from .._support.data_frames import data_frame
from .._typing import ArrayLike, DataFrame, MatrixLike
from ..certificate import Certificate, Check, format_table
from ._decision import POWER, TEMPERATURE, check_positions, check_weights, tempered
from ._decision_rule import DecisionRule, most_probable
from ._label_metric import LabelMetric
from ._tree_metric import TreeMetric

__all__ = ["LokiReport", "loki_report"]

ARGMAX, LOKI, CONSTANT, ROOT = "argmax", "Loki", "best constant label", "root"
COLUMNS = ("rule", "mean_distance", "error_rate", "improvement", "unobserved", "depth")


@dataclass(frozen=True, eq=False)
class LokiReport:
    """What `loki_report` found.

    Attributes
    ----------
    rules : dict of str to ndarray of shape (n_rules,)
        One entry per rule: argmax, which is the most probable observed label, Loki, the best constant label, and the
        root if it is a label of a tree.

        - ``rule``: its name;
        - ``mean_distance``: mean of the distances to the power between true and predicted labels;
        - ``error_rate``: share of the rows where they differ;
        - ``improvement``: share of the mean distance of argmax that is saved; NaN if that is 0;
        - ``unobserved``: share of the rows where the predicted label is not observed;
        - ``depth``: mean number of edges between the root and the predicted label; NaN where there is no tree.
    constant_label : str or number
        The best constant label.
    quantity : str
        What ``mean_distance`` is the mean of, such as "squared distance" or "cost".
    n_samples : int
        Number of rows.
    certificate : Certificate
        Whether Loki is no worse than the other rules on these rows.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, loki_report
    >>> report = loki_report([2, 3], [[0.5, 0.5], [0.4, 0.6]], ChainMetric(range(6)), observed=[0, 5])
    >>> report.rules["mean_distance"]
    array([4. , 0. , 0.5])
    """

    rules: dict[str, np.ndarray] = field(repr=False)
    constant_label: Any
    quantity: str
    n_samples: int
    certificate: Certificate = field(repr=False)

    def to_frame(self) -> DataFrame:
        """Table of the rules.

        Returns
        -------
        frame : pandas.DataFrame
            One row per rule, with the columns of ``rules``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return data_frame(self.rules, "LokiReport.to_frame")

    def __str__(self):
        table = format_table(self._headers(), list(self._rows()), right=range(1, len(COLUMNS)))
        return f"{self._summary()}\n\n{table}"

    def _repr_html_(self):
        """Table shown by notebooks."""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._headers())
        cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in self._rows()]
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<p><b>{html.escape(self._summary())}</b></p><table><tr>{head}</tr>{body}</table>"

    def _summary(self):
        return f"LokiReport of {self.n_samples} rows; the best constant label is {self.constant_label!s}"

    def _headers(self):
        return ("rule", f"mean {self.quantity}", "error rate", "improvement", "unobserved", "mean depth")

    def _rows(self):
        """The rules as cells of text."""
        shown = {"mean_distance": "{:.4g}", "depth": "{:.2f}"}
        for name, *figures in zip(*(self.rules[column].tolist() for column in COLUMNS), strict=True):
            texts = [shown.get(column, "{:.1%}").format(x) for column, x in zip(COLUMNS[1:], figures, strict=True)]
            yield (name, *("-" if np.isnan(x) else text for x, text in zip(figures, texts, strict=True)))


@validate_params(
    {
        "y_true": ["array-like"],
        "metric": [LabelMetric],
        "y_train": ["array-like", None],
        "label_space": ["array-like", None],
        "power": POWER,
        "temperature": TEMPERATURE,
    },
    prefer_skip_nested_validation=True,
)
def loki_report(
    y_true: ArrayLike,
    P: MatrixLike,
    metric: LabelMetric,
    observed: ArrayLike,
    *,
    y_train: ArrayLike | None = None,
    label_space: ArrayLike | None = None,
    power: float = 2,
    temperature: float = 1.0,
) -> LokiReport:
    """Report what Fréchet means gain over the most probable label, and over rules that do not look at the rows.

    A gain over the most probable label may come from hedging: answering with labels in the middle, such as inner nodes
    of a taxonomy. The best constant label and the root show how far hedging alone gets, and the mean depth how specific
    the answers are.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    P : {array-like, sparse matrix} of shape (n_samples, n_observed)
        Non-negative weights of the observed labels for rows that the classifier was not fitted to.
    metric : LabelMetric
        Labels and the distances between them.
    observed : array-like of int of shape (n_observed,)
        Positions, in ``metric.labels_``, of the labels of the columns of P.
    y_train : array-like of shape (n_train,), default=None
        Labels of training rows, of which the best constant label is found. None finds it in hindsight, of ``y_true``.
    label_space : array-like of int, default=None
        Positions of the labels that Loki and the constant may predict; None for all.
    power : float, default=2
        Power of the distances.
    temperature : float, default=1.0
        See `frechet_predict`.

    Returns
    -------
    report : LokiReport
        Tables and certificate; ``print(report)`` shows the table.

    Raises
    ------
    ValueError
        If a label is not in the space, weights are invalid, or numbers of rows differ.

    See Also
    --------
    LokiClassifier : Its ``predict_observed_proba``, ``metric_`` and ``observed_indices_`` go in here.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    >>> from statlearn.frechet import TreeMetric, loki_report
    >>> taxonomy = TreeMetric.from_paths([("pet", "dog", "terrier"), ("pet", "dog", "poodle"), ("pet", "cat")])
    >>> observed = taxonomy.index_of(["terrier", "poodle"])
    >>> report = loki_report(["poodle", "terrier"], [[0.6, 0.4], [0.9, 0.1]], taxonomy, observed)
    >>> print(report)
    LokiReport of 2 rows; the best constant label is dog
    <BLANKLINE>
    rule                 mean squared distance  error rate  improvement  unobserved  mean depth
    -------------------  ---------------------  ----------  -----------  ----------  ----------
    argmax                                   2       50.0%         0.0%        0.0%        2.00
    Loki                                   0.5       50.0%        75.0%       50.0%        1.50
    best constant label                      1      100.0%        50.0%      100.0%        1.00
    root                                     4      100.0%      -100.0%      100.0%        0.00
    """
    P, observed = check_weights(P, observed, metric)
    y_true = column_or_1d(y_true)
    check_consistent_length(P, y_true)
    true = metric.index_of(y_true, "y_true")
    space = None if label_space is None else np.sort(check_positions(label_space, metric, "label_space"))
    rule = DecisionRule(metric, space, power, "first", "auto")
    known = true if y_train is None else metric.index_of(column_or_1d(y_train), "y_train")
    constant, _ = rule.best_constant(known, np.ones(known.size), observed)
    predicted = {
        ARGMAX: most_probable(P, observed),
        LOKI: rule.predict(tempered(P, temperature), observed),
        CONSTANT: np.full_like(true, constant),
    }
    depths = metric.depths_ if isinstance(metric, TreeMetric) else np.full(metric.n_labels_, np.nan)
    if (depths == 0).any():
        predicted[ROOT] = np.full_like(true, np.argmax(depths == 0))
    rules = _table(rule, true, predicted, observed, depths)
    label = metric.labels_[constant].item()
    return LokiReport(rules, label, metric.quantity(power), true.size, _certificate(rules, y_train is None))


def _table(rule, true, predicted, observed, depths):
    """The columns of `LokiReport.rules`."""
    labels = np.array(list(predicted.values()))
    means = rule.total_distances(true, labels, np.ones(true.size)) / true.size
    improvement = 1.0 - means / means[0] if means[0] > 0.0 else np.full(means.size, np.nan)
    columns = (
        np.array(list(predicted), dtype=object),
        means,
        np.mean(labels != true, axis=1),
        improvement,
        np.mean(~np.isin(labels, observed), axis=1),
        np.mean(depths[labels], axis=1),
    )
    return dict(zip(COLUMNS, columns, strict=True))


def _certificate(rules, in_hindsight):
    means = dict(zip(rules["rule"], rules["mean_distance"], strict=True))
    loki = means.pop(LOKI)
    remarks = {CONSTANT: "found on these rows, in hindsight" if in_hindsight else "found on training rows"}
    checks = [
        Check(f"no worse than: {name}", loki, mean, bool(loki <= mean), "reported", remarks.get(name, ""))
        for name, mean in means.items()
    ]
    return Certificate(
        claim="On these rows Loki has no larger mean distance than the rules that anybody could follow without it.",
        checks=checks,
        assumptions=(
            "the rows represent those to come, unseen labels included, and the classifier was not fitted to them",
            "the distance between labels is the cost of an error",
        ),
    )
