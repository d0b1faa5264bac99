"""The decision: labels that minimize the Fréchet functional of weights of the observed labels."""

from numbers import Integral, Real
from typing import Literal, overload

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.validation import check_array
from .._typing import ArrayLike, FloatArray, IntArray, MatrixLike
from ._label_metric import LabelMetric
from ._searches import ENTRIES_AT_ONCE, TIE, Candidates, RowsSearch, direct_scores, near_least

__all__ = ["POWER", "TEMPERATURE", "TIE_BREAKS", "check_weights", "frechet_predict", "frechet_scores", "tempered"]

POWER = [Interval(Real, 0, None, closed="neither")]
TEMPERATURE = [Interval(Real, 0, None, closed="neither")]
TIE_BREAKS = [StrOptions({"first", "observed"})]
ROWS_AT_ONCE = 1000  # a row may have many tied labels
LARGEST_TABLE = 2**27  # entries of a table of scores that is asked for


@overload
def frechet_predict(
    P: MatrixLike,
    metric: LabelMetric,
    observed: ArrayLike,
    *,
    label_space: ArrayLike | None = None,
    power: float = 2,
    temperature: float = 1.0,
    tie_break: Literal["first", "observed"] = "first",
    backend: str = "auto",
    top_k: int | None = None,
    return_scores: Literal[False] = False,
) -> IntArray: ...


@overload
def frechet_predict(
    P: MatrixLike,
    metric: LabelMetric,
    observed: ArrayLike,
    *,
    label_space: ArrayLike | None = None,
    power: float = 2,
    temperature: float = 1.0,
    tie_break: Literal["first", "observed"] = "first",
    backend: str = "auto",
    top_k: int | None = None,
    return_scores: Literal[True],
) -> tuple[IntArray, FloatArray]: ...


@validate_params(
    {
        "metric": [LabelMetric],
        "label_space": ["array-like", None],
        "power": POWER,
        "temperature": TEMPERATURE,
        "tie_break": TIE_BREAKS,
        "backend": [str],
        "top_k": [Interval(Integral, 1, None, closed="left"), None],
        "return_scores": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def frechet_predict(
    P: MatrixLike,
    metric: LabelMetric,
    observed: ArrayLike,
    *,
    label_space: ArrayLike | None = None,
    power: float = 2,
    temperature: float = 1.0,
    tie_break: Literal["first", "observed"] = "first",
    backend: str = "auto",
    top_k: int | None = None,
    return_scores: bool = False,
) -> IntArray | tuple[IntArray, FloatArray]:
    r"""Predict the label with the least mean squared distance to the observed labels, weighted by probabilities.

    For weights :math:`P_1, \dots, P_K` of observed labels :math:`\lambda_1, \dots, \lambda_K` of a space of N labels,
    the prediction minimizes the Fréchet functional over all N labels, observed or not,

    .. math:: F(v) = \sum_{i=1}^K P_i\, d(\lambda_i, v)^2 .

    Parameters
    ----------
    P : {array-like, sparse matrix} of shape (n_samples, n_observed)
        Non-negative weights: probabilities, scores or votes. Rows need not sum to one, as the prediction does not
        depend on their scale.
    metric : LabelMetric
        Labels and the distances between them.
    observed : array-like of int of shape (n_observed,)
        Positions, in ``metric.labels_``, of the labels of the columns of P: ``metric.index_of(classifier.classes_)``
        for the probabilities of a classifier. Labels that are integers would be taken for positions.
    label_space : array-like of int, default=None
        Positions of the labels that may be predicted; None for all.
    power : float, default=2
        Power of the distances: 2 for the Fréchet mean, 1 for the median.
    temperature : float, default=1.0
        Weights are taken to the power 1 / temperature, each row scaled so that its largest weight stays. Towards 0 the
        prediction becomes the most probable observed label, for large values a constant label.
    tie_break : {"first", "observed"}, default="first"
        Which of the labels with F within a relative 1e-9 of the least is returned: the first in ``metric.labels_``, or
        the observed one with the largest weight, if any is observed.
    backend : str, default="auto"
        How minimizers are found; "auto" takes the fastest. All give the same labels. "dense" makes all distances and is
        the reference, "rows" makes them block by block; others belong to a kind of metric.
    top_k : int, default=None
        Return this many labels for each row, the best first.
    return_scores : bool, default=False
        Whether to return F of the predicted labels too.

    Returns
    -------
    indices : ndarray of int of shape (n_samples,) or (n_samples, top_k)
        Positions of the predicted labels in ``metric.labels_``.
    scores : ndarray of shape (n_samples,) or (n_samples, top_k)
        Values of F; only if ``return_scores=True``.

    Raises
    ------
    ValueError
        If weights are negative, not finite or all zero in a row, positions are not those of labels, or the metric has
        no such backend.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    A classifier that has seen the levels 0, 5 and 10 of a scale:

    >>> from statlearn.frechet import ChainMetric, frechet_predict
    >>> scale = ChainMetric(range(11))
    >>> frechet_predict([[0.8, 0.2, 0.0], [0.1, 0.2, 0.7]], scale, observed=[0, 5, 10])
    array([1, 8])
    """
    P, observed = check_weights(P, observed, metric)
    P = tempered(P, temperature)
    allowed = _check_label_space(label_space, metric)
    if top_k is not None:
        indices, scores = _best(P, metric, observed, allowed, power, tie_break, top_k)
        return (indices, scores) if return_scores else indices
    search = _make_search(metric, observed, allowed, power, backend)
    chosen = [
        _choose(P[batch], search.candidates(P[batch]), metric, observed, power, tie_break)
        for batch in _row_batches(P, search.width)
    ]
    indices = np.concatenate(chosen)
    if not return_scores:
        return indices
    return indices, direct_scores(P, metric, observed, Candidates(np.arange(indices.size), indices), power)


@validate_params(
    {"metric": [LabelMetric], "labels": ["array-like", None], "power": POWER, "temperature": TEMPERATURE},
    prefer_skip_nested_validation=True,
)
def frechet_scores(
    P: MatrixLike,
    metric: LabelMetric,
    observed: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    power: float = 2,
    temperature: float = 1.0,
) -> FloatArray:
    r"""Compute the Fréchet functional, :math:`F(v) = \sum_i P_i\, d(\lambda_i, v)^2`, of labels.

    Parameters
    ----------
    P : {array-like, sparse matrix} of shape (n_samples, n_observed)
        Non-negative weights of the observed labels.
    metric : LabelMetric
        Labels and the distances between them.
    observed : array-like of int of shape (n_observed,)
        Positions, in ``metric.labels_``, of the labels of the columns of P.
    labels : array-like of int of shape (n_labels,), default=None
        Positions of the labels to score; None for all.
    power : float, default=2
        Power of the distances.
    temperature : float, default=1.0
        See `frechet_predict`.

    Returns
    -------
    scores : ndarray of shape (n_samples, n_labels)
        Values of F, in units of the distance to the power.

    Raises
    ------
    ValueError
        If weights are negative, not finite or all zero in a row, positions are not those of labels, or the table would
        have more than 2^27 entries.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, frechet_scores
    >>> frechet_scores([[0.5, 0.5]], ChainMetric(range(5)), observed=[0, 4])
    array([[8., 5., 4., 5., 8.]])
    """
    P, observed = check_weights(P, observed, metric)
    labels = np.arange(metric.n_labels_) if labels is None else check_positions(labels, metric, "labels")
    if P.shape[0] * labels.size > LARGEST_TABLE:
        raise ValueError(
            f"a table of {P.shape[0]} x {labels.size} scores is too large. Pass fewer rows at a time or fewer labels, "
            "or let frechet_predict find the least."
        )
    return _scores(tempered(P, temperature), metric, observed, labels, power)


def _scores(P, metric, observed, labels, power):
    """F of labels."""
    return RowsSearch(metric, observed, labels, power).scores(P)


def check_weights(P, observed, metric):
    """Check weights of observed labels.

    Parameters
    ----------
    P : {array-like, sparse matrix} of shape (n_samples, n_observed)
        Weights.
    observed : array-like of int of shape (n_observed,)
        Positions of the observed labels.
    metric : LabelMetric
        The label space.

    Returns
    -------
    P : {ndarray, csr_array} of float64 of shape (n_samples, n_observed)
        The weights.
    observed : ndarray of int of shape (n_observed,)
        The positions.

    Raises
    ------
    ValueError
        If weights are negative, not finite or all zero in a row, or positions are not those of labels.
    """
    P = check_array(P, accept_sparse="csr", dtype=np.float64, ensure_all_finite=False, input_name="P")
    if sparse.issparse(P) and not P.has_canonical_format:
        P = P.copy()
        P.sum_duplicates()
    observed = check_positions(observed, metric, "observed")
    if observed.size != P.shape[1]:
        raise ValueError(
            f"observed must name a label for each of {P.shape[1]} columns of P. Got {observed.size} labels."
        )
    data = P.data if sparse.issparse(P) else P
    with np.errstate(over="ignore", invalid="ignore"):
        totals = np.asarray(P.sum(axis=1)).ravel()
    if not (data.min(initial=0.0) >= 0.0 and data.max(initial=0.0) < np.inf):  # false for NaN
        place = np.flatnonzero((~np.isfinite(data) | (data < 0.0)).ravel())[0]
        row = np.searchsorted(P.indptr, place, side="right") - 1 if sparse.issparse(P) else place // P.shape[1]
        raise ValueError(f"P must be non-negative and finite. Got {data.ravel()[place]} in row {row}.")
    if not np.isfinite(totals).all():
        raise ValueError("weights in a row of P must have a finite sum. Scale P down, which changes no prediction.")
    if not (totals > 0.0).all():
        raise ValueError(
            f"each row of P must have a positive weight. Row {np.argmin(totals > 0.0)} has none: drop it, or give its "
            "observed labels equal weights."
        )
    return P, observed


def check_positions(positions, metric, name):
    """Check that an argument names different labels by their positions; returns them as an array of int."""
    array = np.asarray(positions)
    if array.dtype.kind in "USOfb" and array.size:
        raise ValueError(
            f"{name} must be positions of labels, which are integers. Got {array.ravel()[:3].tolist()}, ...: use "
            "metric.index_of for labels, and numpy.flatnonzero for a mask."
        )
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a vector of positions of labels, not empty. Got an array of shape {array.shape} and type "
            f"{array.dtype}."
        )
    if array.min() < 0 or array.max() >= metric.n_labels_:
        raise ValueError(
            f"{name} must be positions between 0 and {metric.n_labels_ - 1}. Got {array.min()} to {array.max()}: use "
            "metric.index_of for labels."
        )
    if (np.diff(np.sort(array)) == 0).any():
        raise ValueError(f"{name} must name different labels. Got one more than once.")
    return array.astype(np.intp)


def _check_label_space(label_space, metric):
    if label_space is None:
        return np.arange(metric.n_labels_)
    return np.sort(check_positions(label_space, metric, "label_space"))


def tempered(P, temperature):
    """Weights to the power 1 / temperature, each row scaled so that its largest weight is what it was.

    Parameters
    ----------
    P : {ndarray, csr_array} of shape (n_samples, n_observed)
        Weights.
    temperature : float
        The temperature.

    Returns
    -------
    P : {ndarray, csr_array} of shape (n_samples, n_observed)
        New weights; the same object if the temperature is 1.
    """
    if temperature == 1.0:
        return P
    if sparse.issparse(P):
        P = P.copy()
        rows = np.repeat(np.arange(P.shape[0]), np.diff(P.indptr))
        largest = P.max(axis=1).toarray().ravel()[rows]
        P.data = (P.data / largest) ** (1.0 / temperature) * largest
        return P
    largest = P.max(axis=1, keepdims=True)
    return (P / largest) ** (1.0 / temperature) * largest


def _row_batches(P, width):
    """Slices of rows for which a table of so many columns is not too large."""
    return gen_batches(P.shape[0], min(ROWS_AT_ONCE, max(1, ENTRIES_AT_ONCE // max(P.shape[1], width))))


def _make_search(metric, observed, allowed, power, backend):
    names = metric.search_names(power)
    if backend != "auto" and backend not in names:
        raise ValueError(
            f"backend must be 'auto' or one of {names} for this metric and power={power}. Got {backend!r}."
        )
    name = names[0] if backend == "auto" else backend
    return _kept_search(metric, name, observed, allowed, power)


def _kept_search(metric, name, observed, allowed, power):
    """The search of a backend, made anew unless the latest one of the metric was for the same labels.

    Predictions in batches then share what is costly to make, such as shortest paths in a graph.
    """
    key = name, observed.tobytes(), allowed.tobytes(), power
    latest = vars(metric).get("_latest_search")
    if latest is None or latest[0] != key:
        latest = metric._latest_search = key, metric.searches[name](metric, observed, allowed, power)
    return latest[1]


def _choose(P, candidates, metric, observed, power, tie_break):
    """One label per row among candidates."""
    counts = np.bincount(candidates.rows, minlength=P.shape[0])
    labels = candidates.labels[np.cumsum(counts) - counts]
    contested = counts[candidates.rows] > 1
    if contested.any():
        pairs = Candidates(candidates.rows[contested], candidates.labels[contested])
        scores = direct_scores(P, metric, observed, pairs, power)
        places = _first_of_least(P, pairs, scores, observed, tie_break)
        labels[pairs.rows[places]] = pairs.labels[places]
    return labels


def _first_of_least(P, pairs, scores, observed, tie_break):
    """Places of the pairs, one per row, that the tie rule prefers among those of least score."""
    starts = np.flatnonzero(np.diff(pairs.rows, prepend=-1))
    least = np.minimum.reduceat(scores, starts)
    tied = scores <= np.repeat(least * (1.0 + TIE), np.diff(np.append(starts, scores.size)))
    preference = np.zeros(scores.size) if tie_break == "first" else _observed_weights(P, pairs, observed)
    order = np.lexsort((pairs.labels, -preference, ~tied, pairs.rows))
    return order[starts]


def _observed_weights(P, pairs, observed):
    """Weights of the labels of pairs; -1 for those not observed."""
    order = np.argsort(observed)
    place = np.searchsorted(observed, pairs.labels, sorter=order)
    column = order[np.minimum(place, observed.size - 1)]
    weights = np.asarray(P[pairs.rows, column]).ravel()
    return np.where(observed[column] == pairs.labels, weights, -1.0)


def _best(P, metric, observed, allowed, power, tie_break, k):
    """The k best labels of each row and their scores, by repeated choice."""
    if k > allowed.size:
        raise ValueError(f"top_k must be at most the number of labels that may be predicted, {allowed.size}. Got {k}.")
    indices, best = np.empty((P.shape[0], k), dtype=np.intp), np.empty((P.shape[0], k))
    for batch in _row_batches(P, allowed.size):
        weights, rows = P[batch], np.arange(batch.stop - batch.start)
        scores = _scores(weights, metric, observed, allowed, power)
        for column in range(k):
            pairs = near_least(scores, allowed)
            pair_scores = scores[pairs.rows, np.searchsorted(allowed, pairs.labels)]
            chosen = pairs.labels[_first_of_least(weights, pairs, pair_scores, observed, tie_break)]
            place = np.searchsorted(allowed, chosen)
            indices[batch, column], best[batch, column] = chosen, scores[rows, place]
            scores[rows, place] = np.inf
    return indices, best
