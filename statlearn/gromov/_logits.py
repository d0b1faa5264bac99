r"""Graphs of channels that are large together in a matrix of logits, and losses between two such matrices.

With Z the logits kept at each of S positions, the co-activation graph of the channels is :math:`C = Z'Z`. Its row sums
:math:`f = Z'(Z 1)` need Z alone, so that no loss ever forms a graph.
"""

from collections.abc import Callable
from math import lcm
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from .._support._sklearn import Interval, StrOptions, validate_params
from .._typing import ArrayLike, FloatArray
from ._costs import GramCost
from ._top_k import TRANSFORMS, check_logits, keep_top

__all__ = ["coactivation_graph", "graph_on_logits_loss", "universal_logit_loss"]


def channels_as_nodes(top):
    """One node per channel of the vocabulary."""
    return top


def active_channels_as_nodes(top):
    """One node per channel that is kept at one position at least, in ascending order."""
    active, numbers = np.unique(top.channels, return_inverse=True)
    return top._replace(channels=numbers.reshape(top.channels.shape), n_channels=len(active))


def ranks_as_nodes(top):
    """One node per rank: the first stands for the largest logits of all positions, whatever their channels."""
    n_positions, k = top.channels.shape
    return top._replace(channels=np.tile(np.arange(k), (n_positions, 1)), n_channels=k)


class NodeSet(NamedTuple):
    """What the nodes of a graph are, and whether the smaller of two graphs is padded by nodes without edges."""

    number: Callable
    padded: bool


NODE_SETS = {
    "vocabulary": NodeSet(channels_as_nodes, True),
    "active": NodeSet(active_channels_as_nodes, False),
    "rank": NodeSet(ranks_as_nodes, True),
}


class Scales(NamedTuple):
    """How two vectors of row sums are compared: nodes on both sides, factors of both vectors and of the distance."""

    n_teacher: int
    n_student: int
    teacher: float
    student: float
    distance: float


def mean_scales(n_teacher, n_student, n_positions):
    """Row means of the graphs divided by the number of positions, one unit of mass spread over all nodes."""
    return Scales(n_teacher, n_student, 1.0 / (n_positions * n_teacher), 1.0 / (n_positions * n_student), 1.0)


def sum_scales(n_teacher, n_student, n_positions):
    """Row sums as they are, one unit of mass per node."""
    n_nodes = max(n_teacher, n_student)
    return Scales(n_nodes, n_nodes, 1.0, 1.0, float(n_nodes))


NORMALIZATIONS = {"mean": mean_scales, "none": sum_scales}

K = Interval(Integral, 1, None, closed="left")
TEMPERATURE = Interval(Real, 0, None, closed="neither")
SELECTION = {"k": [K], "transform": [StrOptions(set(TRANSFORMS))], "temperature": [TEMPERATURE]}


@overload
def coactivation_graph(
    Z: ArrayLike,
    k: int = 10,
    *,
    transform: Literal["logits", "softmax"] = "logits",
    temperature: float = 1.0,
    nodes: Literal["vocabulary", "active", "rank"] = "vocabulary",
    dense: Literal[False] = False,
) -> GramCost: ...


@overload
def coactivation_graph(
    Z: ArrayLike,
    k: int = 10,
    *,
    transform: Literal["logits", "softmax"] = "logits",
    temperature: float = 1.0,
    nodes: Literal["vocabulary", "active", "rank"] = "vocabulary",
    dense: Literal[True],
) -> FloatArray: ...


@validate_params(
    {"Z": "no_validation", "nodes": [StrOptions(set(NODE_SETS))], "dense": ["boolean"]} | SELECTION,
    prefer_skip_nested_validation=True,
)
def coactivation_graph(
    Z: ArrayLike,
    k: int = 10,
    *,
    transform: Literal["logits", "softmax"] = "logits",
    temperature: float = 1.0,
    nodes: Literal["vocabulary", "active", "rank"] = "vocabulary",
    dense: bool = False,
) -> GramCost | FloatArray:
    r"""Graph of the channels that are among the largest logits at the same positions.

    All but the ``k`` largest logits of each position are set to zero. The graph is the sum over the positions of the
    outer products of what is left, :math:`C = \sum_s z_s z_s' = Z'Z` [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_positions, n_channels)
        Logits of one model: a row per position of a sequence, a column per channel of its vocabulary. Not copied.
    k : int, default=10
        Number of logits kept per position. Of equal logits the one of the lower channel is kept.
    transform : {"logits", "softmax"}, default="logits"
        The kept entries: the logits, of any sign, or their probabilities among all channels.
    temperature : float, default=1.0
        The logits are divided by it first.
    nodes : {"vocabulary", "active", "rank"}, default="vocabulary"
        The nodes: all channels; the channels that are kept at one position at least, in ascending order; or the ``k``
        ranks, so that the first node joins the largest logits of all positions.
    dense : bool, default=False
        Return the matrix itself. Of a large vocabulary only the "active" or "rank" nodes fit into memory.

    Returns
    -------
    graph : GramCost or ndarray of shape (n_nodes, n_nodes)
        The graph, in factored form of ``n_positions * k`` numbers unless ``dense``.

    Raises
    ------
    TypeError
        If ``Z`` is not an array of real numbers.
    ValueError
        If ``Z`` has the wrong shape or an entry that is not finite or too large, or a parameter is invalid.

    Warns
    -----
    TopKWarning
        If ``k`` is larger than the number of channels, so that all are kept.

    See Also
    --------
    graph_on_logits_loss : Difference of the graphs of two models.

    References
    ----------
    .. [1] InfiGFusion: Graph-on-Logits Distillation via Efficient Gromov-Wasserstein for Model Fusion. NeurIPS 2025,
       arXiv:2505.13893.

    Examples
    --------
    >>> from statlearn.gromov import coactivation_graph
    >>> Z = [[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 2.0, -1.0]]
    >>> coactivation_graph(Z, k=2, dense=True)
    array([[9., 0., 0., 6.],
           [0., 1., 2., 0.],
           [0., 2., 4., 0.],
           [6., 0., 0., 4.]])
    >>> coactivation_graph(Z, k=2).n_nodes
    4
    """
    top = keep_top(check_logits(Z, "Z"), k, TRANSFORMS[transform](temperature), "Z")
    kept = NODE_SETS[nodes].number(top).to_sparse()
    return (kept.T @ kept).toarray() if dense else GramCost(kept)


@overload
def graph_on_logits_loss(
    Zt: ArrayLike,
    Zs: ArrayLike,
    k: int = 10,
    *,
    transform: Literal["logits", "softmax"] = "logits",
    temperature: float = 1.0,
    nodes: Literal["vocabulary", "active", "rank"] = "vocabulary",
    normalize: Literal["mean", "none"] = "mean",
    return_grad: Literal[False] = False,
) -> float: ...


@overload
def graph_on_logits_loss(
    Zt: ArrayLike,
    Zs: ArrayLike,
    k: int = 10,
    *,
    transform: Literal["logits", "softmax"] = "logits",
    temperature: float = 1.0,
    nodes: Literal["vocabulary", "active", "rank"] = "vocabulary",
    normalize: Literal["mean", "none"] = "mean",
    return_grad: Literal[True],
) -> tuple[float, Any]: ...


@validate_params(
    {
        "Zt": "no_validation",
        "Zs": "no_validation",
        "nodes": [StrOptions(set(NODE_SETS))],
        "normalize": [StrOptions(set(NORMALIZATIONS))],
        "return_grad": ["boolean"],
    }
    | SELECTION,
    prefer_skip_nested_validation=True,
)
def graph_on_logits_loss(
    Zt: ArrayLike,
    Zs: ArrayLike,
    k: int = 10,
    *,
    transform: Literal["logits", "softmax"] = "logits",
    temperature: float = 1.0,
    nodes: Literal["vocabulary", "active", "rank"] = "vocabulary",
    normalize: Literal["mean", "none"] = "mean",
    return_grad: bool = False,
) -> float | tuple[float, Any]:
    r"""Sorted difference between the row sums of two co-activation graphs.

    With :math:`C = Z'Z` the `coactivation_graph` of a model and :math:`f = C 1 = Z'(Z 1)` its row sums, in descending
    order, the loss is :math:`\sum_i |f_i^{(t)} - f_i^{(s)}|` up to a factor [1]_. It costs one pass over the logits and
    a sort of the row sums that are not zero.

    It looks at row sums only: **it is a lower bound, not an approximation**, and zero for graphs that differ in
    everything else, such as any two regular graphs of the same degree.

    Parameters
    ----------
    Zt : array-like of shape (n_positions, n_channels_teacher)
        Logits of the teacher. Not copied.
    Zs : array-like of shape (n_positions, n_channels_student)
        Logits of the student at the same positions. The vocabularies may differ. Not copied.
    k : int, default=10
        Number of logits kept per position. Of equal logits the one of the lower channel is kept.
    transform : {"logits", "softmax"}, default="logits"
        The kept entries: the logits, of any sign, or their probabilities among all channels.
    temperature : float, default=1.0
        The logits are divided by it first.
    nodes : {"vocabulary", "active", "rank"}, default="vocabulary"
        The nodes of the graphs: all channels, the shorter vocabulary padded by channels that are never active; the
        channels that are kept at one position at least; or the ranks 1 to ``k``.
    normalize : {"mean", "none"}, default="mean"
        "mean" compares the row means of the graphs divided by the number of positions, and averages over the nodes.
        "none" is the sum above [1]_; channels that are not active then count for nothing, so that "active" and
        "vocabulary" agree.
    return_grad : bool, default=False
        Return the gradient with respect to ``Zs`` as well. The loss is symmetric: swap the arguments for the other one.

    Returns
    -------
    loss : float
        Non-negative.
    grad : csr_array or ndarray of shape (n_positions, n_channels_student)
        If ``return_grad``: sparse on the kept entries for "logits", dense for "softmax", where every logit is in the
        denominator of its position. Dense gradients have the precision of ``Zs``.

    Raises
    ------
    TypeError
        If an argument is not an array of real numbers.
    ValueError
        If the arrays have the wrong shape or different numbers of positions, an entry is not finite or too large, or a
        parameter is invalid.

    Warns
    -----
    TopKWarning
        If ``k`` is larger than the number of channels of a model, so that all are kept.

    See Also
    --------
    coactivation_graph : The graphs.
    universal_logit_loss : Sorted differences position by position.
    gromov_wasserstein_lower_bound : The same bound, and sharper ones, of any two costs, with ``loss="absolute"``.
    gromov_wasserstein_bounds : An interval around the distance of two graphs.

    Notes
    -----
    With ``normalize="mean"`` the loss is the 1-Wasserstein distance between the row means of the two graphs
    :math:`C / S`, of S positions, with equal weights of the nodes. For every coupling T of the weights, Jensen's
    inequality gives :math:`\sum_{ik} |\sum_j C_{ij} p_j - \sum_l D_{kl} q_l| T_{ik} \le
    \sum_{ijkl} |C_{ij} - D_{kl}| T_{ik} T_{jl}`: the loss is at most the Gromov-Wasserstein distance with absolute
    differences, and at most the root of the one with squares. The sum of ``normalize="none"`` bounds neither.

    The loss does not change when the channels of a model are renumbered, unless equal logits compete for the last kept
    place. It does change when a constant is added to the logits of a position, except for "softmax".

    Where sorted row sums of teacher and student agree, the derivative of their difference is set to zero; nodes of the
    student with equal row sums share their derivative. Both are generalized gradients while the kept
    places stay the same.

    References
    ----------
    .. [1] InfiGFusion: Graph-on-Logits Distillation via Efficient Gromov-Wasserstein for Model Fusion. NeurIPS 2025,
       arXiv:2505.13893.

    Examples
    --------
    >>> from statlearn.gromov import graph_on_logits_loss
    >>> teacher = [[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 2.0, -1.0]]
    >>> student = [[1.0, 2.0, 0.0], [1.0, 0.0, 3.0]]
    >>> graph_on_logits_loss(teacher, student, k=2, normalize="none")
    9.0
    >>> loss, grad = graph_on_logits_loss(teacher, student, k=2, return_grad=True)
    >>> loss
    0.28125
    >>> grad.toarray()
    array([[-0.125  , -0.03125,  0.     ],
           [-0.25   ,  0.     , -0.25   ]])
    """
    Zt, Zs = _same_positions(Zt, Zs)
    transform = TRANSFORMS[transform](temperature)
    teacher, student = keep_top(Zt, k, transform, "Zt"), keep_top(Zs, k, transform, "Zs")
    number, padded = NODE_SETS[nodes]
    loss, slopes = _compare(number(teacher), number(student), padded, NORMALIZATIONS[normalize])
    return (loss, transform.pull_back(Zs, student, slopes)) if return_grad else loss


@validate_params(
    {"Zt": "no_validation", "Zs": "no_validation"} | SELECTION,
    prefer_skip_nested_validation=True,
)
def universal_logit_loss(
    Zt: ArrayLike,
    Zs: ArrayLike,
    k: int = 10,
    *,
    transform: Literal["logits", "softmax"] = "logits",
    temperature: float = 1.0,
) -> float:
    r"""Sorted difference between the largest logits of two models, averaged over the positions.

    .. math:: \frac 1 S \sum_s \sum_{r=1}^k |z^{(t)}_{s(r)} - z^{(s)}_{s(r)}|

    with :math:`z_{s(r)}` the r-th largest logit of position s. Written for the probabilities of vocabularies of
    different size [1]_, and used beside `graph_on_logits_loss` on the k largest logits [2]_.

    Parameters
    ----------
    Zt : array-like of shape (n_positions, n_channels_teacher)
        Logits of the teacher. Not copied.
    Zs : array-like of shape (n_positions, n_channels_student)
        Logits of the student at the same positions. Not copied.
    k : int, default=10
        Number of logits kept per position.
    transform : {"logits", "softmax"}, default="logits"
        The kept entries: the logits, or their probabilities among all channels.
    temperature : float, default=1.0
        The logits are divided by it first.

    Returns
    -------
    loss : float
        Non-negative.

    Raises
    ------
    TypeError
        If an argument is not an array of real numbers.
    ValueError
        If the arrays have the wrong shape or different numbers of positions, an entry is not finite or too large, or a
        parameter is invalid.

    Warns
    -----
    TopKWarning
        If ``k`` is larger than the number of channels of a model. The other kept entries are zeros then.

    References
    ----------
    .. [1] N. Boizard, K. El Haddad, C. Hudelot and P. Colombo. Towards cross-tokenizer distillation: the universal
       logit distillation loss for LLMs. 2024, arXiv:2402.12030.
    .. [2] InfiGFusion: Graph-on-Logits Distillation via Efficient Gromov-Wasserstein for Model Fusion. NeurIPS 2025,
       arXiv:2505.13893.

    Examples
    --------
    >>> from statlearn.gromov import universal_logit_loss
    >>> universal_logit_loss([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]], [[0.0, 3.0], [1.0, 4.0]], k=2)
    3.0
    """
    Zt, Zs = _same_positions(Zt, Zs)
    transform = TRANSFORMS[transform](temperature)
    teacher, student = (keep_top(Z, k, transform, name).values for Z, name in ((Zt, "Zt"), (Zs, "Zs")))
    n_columns = max(teacher.shape[1], student.shape[1])
    return float(np.abs(_padded(teacher, n_columns) - _padded(student, n_columns)).sum(axis=1).mean())


def _same_positions(Zt, Zs):
    Zt, Zs = check_logits(Zt, "Zt"), check_logits(Zs, "Zs")
    if len(Zt) != len(Zs):
        raise ValueError(
            f"Zt and Zs must hold the same positions, one per row. Got {len(Zt)} rows in Zt and {len(Zs)} in Zs: drop "
            "the positions that only one model has."
        )
    return Zt, Zs


def _padded(values, n_columns):
    """Rows in descending order with zeros added up to a width."""
    return -np.sort(-np.pad(values, ((0, 0), (0, n_columns - values.shape[1]))), axis=1)


def _compare(teacher, student, padded, normalization):
    """The loss and its gradient with respect to the kept entries of the student, whose channels are nodes here."""
    sizes = teacher.n_channels, student.n_channels
    scales = normalization(*((max(sizes),) * 2 if padded else sizes), len(teacher.values))
    positions = student.values.sum(axis=1, keepdims=True)
    distance, slopes = _line_distance(
        _row_sums(teacher) * scales.teacher, scales.n_teacher, _row_sums(student) * scales.student, scales.n_student
    )
    slopes = (slopes * scales.student * scales.distance)[student.channels]
    return distance * scales.distance, positions * slopes + (student.values * slopes).sum(axis=1, keepdims=True)


def _row_sums(top):
    """``f = Z'(Z 1)``; entries are added rank by rank, so that renumbering channels changes no rounding."""
    terms = top.values * top.values.sum(axis=1, keepdims=True)
    return np.bincount(top.channels.ravel(), terms.ravel(), minlength=top.n_channels)


def _line_distance(x, n_x, y, n_y):
    """W1 between two uniform measures on ``n_x`` and ``n_y`` points of the line, and its derivatives in ``y``.

    Points beyond those given are zeros. Masses are counted in units of which each point has a whole number, so that
    equal quantiles are found equal.
    """
    n_units = lcm(n_x, n_y)
    x_values, x_counts = _atoms(x, n_x)
    y_values, y_counts = _atoms(y, n_y)
    x_ends, y_ends = np.cumsum(x_counts) * (n_units // n_x), np.cumsum(y_counts) * (n_units // n_y)
    ends = np.union1d(x_ends, y_ends)
    shares = np.diff(ends, prepend=0) / n_units
    at_y = np.searchsorted(y_ends, ends)
    gaps = y_values[at_y] - x_values[np.searchsorted(x_ends, ends)]
    pulls = np.bincount(at_y, shares * np.sign(gaps), minlength=len(y_values)) / np.maximum(y_counts, 1)
    return float(shares @ np.abs(gaps)), pulls[np.searchsorted(y_values, y)]


def _atoms(values, n_points):
    """Distinct values in ascending order, zero among them, and how many points each has."""
    distinct, counts = np.unique(values[values != 0.0], return_counts=True)
    zero = np.searchsorted(distinct, 0.0)
    return np.insert(distinct, zero, 0.0), np.insert(counts, zero, n_points - counts.sum())
