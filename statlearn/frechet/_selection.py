"""Which classes to collect data of next, so that a classifier can predict as many labels as possible."""

from heapq import heapify, heappop, heappush
from numbers import Integral

import numpy as np

from .._support._sklearn import Interval, validate_params
from .._support.jit import njit
from .._support.validation import check_vector
from .._typing import ArrayLike, IntArray
from ._decision import check_positions
from ._label_metric import LabelMetric
from ._label_trees import first_labels, label_tree, spanned_tree
from ._locus import locus
from ._searches import ENTRIES_AT_ONCE

__all__ = ["next_class_order", "selection_curve"]


@validate_params(
    {
        "metric": [LabelMetric],
        "n_select": [Interval(Integral, 1, None, closed="left"), None],
        "weights": ["array-like", None],
        "cost": ["array-like", None],
    },
    prefer_skip_nested_validation=True,
)
def next_class_order(
    metric: LabelMetric,
    observed: ArrayLike,
    n_select: int | None = None,
    *,
    weights: ArrayLike | None = None,
    cost: ArrayLike | None = None,
) -> IntArray:
    r"""Order the labels by how much the locus grows when a classifier learns them next.

    The labels that can be predicted are the locus of the observed ones [1]_. On trees whose every node is a label, and
    on scales, a new one adds the path from it to the locus, and the order takes the label whose path gains most, given
    those before. The first labels of the order gain **as much as any labels of the same number**, for every number
    [2]_ [3]_, unless there are costs. This takes O(N log N) time for the whole order.

    Elsewhere the locus has no such form. There each label is the farthest from those observed and chosen before, times
    its weight and divided by its cost: a **heuristic**. Without weights and costs it leaves no label farther from the
    nearest chosen one than twice the least possible distance for as many choices [4]_.

    Parameters
    ----------
    metric : LabelMetric
        Labels and the distances between them.
    observed : array-like of int of shape (n_observed,)
        Positions, in ``metric.labels_``, of the labels observed so far.
    n_select : int, default=None
        Number of labels; None for as many as it takes until the locus is the whole space, or elsewhere than on trees
        until every label is at distance 0 of one observed or chosen.
    weights : array-like of shape (n_labels,), default=None
        Worth of every label, not negative; on trees what a path gains is the sum over its labels. None there for the
        length of the path, and elsewhere for 1.
    cost : array-like of shape (n_labels,), default=None
        Cost of observing a label, positive; a pandas Series goes by its index. Labels are then chosen by their gain per
        cost, which on trees too is a **heuristic**. None for equal costs.

    Returns
    -------
    labels : ndarray of int
        Positions of the labels, the best first; at most ``n_select``, fewer if no more are needed. Ties go to the
        first label.

    Raises
    ------
    ValueError
        If positions are not those of labels, a weight is negative or a cost not positive.

    See Also
    --------
    selection_curve : Size of the locus after each choice.
    minimum_locus_cover : As few observed labels as possible, if none is observed yet.

    References
    ----------
    .. [1] Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.
    .. [2] Steel (2005). "Phylogenetic Diversity and the Greedy Algorithm". Systematic Biology 54.
    .. [3] Pardi and Goldman (2005). "Species Choice for Comparative Genomics: Being Greedy Works". PLoS Genetics 1.
    .. [4] Gonzalez (1985). "Clustering to Minimize the Maximum Intercluster Distance". Theoretical Computer Science 38.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, next_class_order, selection_curve
    >>> scale = ChainMetric(range(10))
    >>> order = next_class_order(scale, observed=[2, 5])
    >>> order
    array([9, 0])
    >>> selection_curve(scale, [2, 5], order)
    array([ 4,  8, 10])
    """
    if np.size(observed) == 0:
        raise ValueError("observed must have at least one label. Got none: begin with those of minimum_locus_cover.")
    observed = check_positions(observed, metric, "observed")
    if weights is not None:
        weights = check_vector(_aligned(weights, metric, "weights"), "weights", size=metric.n_labels_)
    if cost is not None:
        cost = check_vector(_aligned(cost, metric, "cost"), "cost", size=metric.n_labels_, positive=True)
    tree = _full_tree(metric)
    if tree is None:
        return _farthest_first(metric, observed, n_select, weights, cost)
    tree, marked = spanned_tree(tree, observed)
    worth = tree.lengths if weights is None else np.bincount(tree.nodes, weights=weights)
    if cost is None:
        return _longest_paths(tree, marked, worth, n_select)
    return _best_per_cost(tree, marked, worth, cost, n_select)


def _aligned(amounts, metric, name):
    """Amounts in the order of the labels: those of a pandas Series by the names in its index."""
    if not hasattr(amounts, "reindex"):
        return amounts
    if set(amounts.index) != set(metric.labels_.tolist()) or len(amounts) != metric.n_labels_:
        raise ValueError(
            f"{name} must have the labels of the metric as its index. Pass {name}.to_numpy() to go by order."
        )
    return amounts.loc[metric.labels_.tolist()].to_numpy()


@validate_params({"metric": [LabelMetric]}, prefer_skip_nested_validation=True)
def selection_curve(metric: LabelMetric, observed: ArrayLike, order: ArrayLike) -> IntArray:
    """Sizes of the locus as labels are observed one by one.

    Parameters
    ----------
    metric : LabelMetric
        Labels and the distances between them.
    observed : array-like of int of shape (n_observed,)
        Positions, in ``metric.labels_``, of the labels observed at the start.
    order : array-like of int of shape (n_added,)
        Positions of labels to add, in this order.

    Returns
    -------
    sizes : ndarray of int of shape (n_added + 1,)
        Number of labels in the locus, ties included, at the start and after each addition. On trees whose every node is
        a label this takes O(N) time in all, elsewhere that of `locus` for each size.

    Raises
    ------
    ValueError
        If positions are not those of labels.

    See Also
    --------
    next_class_order : The order in which the locus grows fastest.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, selection_curve
    >>> selection_curve(ChainMetric(range(10)), observed=[4], order=[5, 9, 0])
    array([ 1,  2,  6, 10])
    """
    observed = check_positions(observed, metric, "observed")
    order = np.asarray(order, dtype=np.intp) if np.size(order) == 0 else check_positions(order, metric, "order")
    tree = _full_tree(metric)
    if tree is None:
        seen = [np.union1d(observed, order[:added]) for added in range(order.size + 1)]
        return np.array([locus(metric, labels).size for labels in seen])
    tree, marked = spanned_tree(tree, observed)
    counts = np.bincount(tree.nodes)
    added = _walk_sizes(tree.parents, counts, marked.copy(), tree.nodes[order])
    return counts[marked].sum() + np.concatenate([[0], np.cumsum(added)])


def _full_tree(metric):
    """The tree of a metric if every node is a label, else None."""
    tree = label_tree(metric)
    return tree if tree is not None and np.unique(tree.nodes).size == tree.parents.size else None


@njit
def _walk_sizes(parents, counts, marked, nodes):
    """Sums of the counts of nodes that are marked on the way up from each of some nodes."""
    sizes = np.zeros(nodes.size, np.int64)
    for k in range(nodes.size):
        p = nodes[k]
        while not marked[p]:
            marked[p] = True
            sizes[k] += counts[p]
            p = parents[p]
    return sizes


def _longest_paths(tree, marked, worth, n_select):
    """Ends of the paths that greedy choices add, the largest gain first.

    From every node the path goes on to the child with the largest gain below. Paths that start at other children, or
    below the locus, do not overlap, and a path gains no more than one it starts from. So the greedy choice after some
    paths is the best of those left.
    """
    first = first_labels(tree)
    gains, ends = _paths(tree.parents, worth, marked, first)
    return ends[np.lexsort((ends, -gains))][:n_select]


@njit
def _paths(parents, worth, marked, labels):
    """Gains and last labels of the paths; among equal gains a path goes on to the smaller last label."""
    n = parents.size
    gains, ends, heavy = worth.copy(), labels.copy(), np.full(n, -1)
    below = np.zeros(n)
    for p in range(n - 1, 0, -1):
        if marked[p]:
            continue
        gains[p] += below[p]
        u = parents[p]
        if not marked[u] and (heavy[u] < 0 or gains[p] > below[u] or (gains[p] == below[u] and ends[p] < ends[u])):
            heavy[u], below[u], ends[u] = p, gains[p], ends[p]
    starts = np.zeros(n, np.bool_)
    for p in range(1, n):
        starts[p] = not marked[p] and heavy[parents[p]] != p
    return gains[starts], ends[starts]


def _best_per_cost(tree, marked, worth, cost, n_select):
    """Greedy choices by gain per cost.

    A gain only falls as the locus grows, so it is computed again only for labels that come first by what it was.
    """
    marked = marked.copy()
    order = np.lexsort((np.arange(cost.size), cost))
    cheapest = order[np.unique(tree.nodes[order], return_index=True)[1]]
    gains = _gains(tree.parents, worth, marked)
    queue = [(-gains[p] / cost[cheapest[p]], cheapest[p], p) for p in np.flatnonzero(~marked)]
    heapify(queue)
    chosen = []
    while queue and (n_select is None or len(chosen) < n_select):
        key, label, p = heappop(queue)
        if marked[p]:
            continue
        path = [p]
        while not marked[tree.parents[path[-1]]]:
            path.append(tree.parents[path[-1]])
        fresh = -worth[path[::-1]].cumsum()[-1] / cost[label]  # summed in the order of _gains, to be equal if it is
        if fresh > key:
            heappush(queue, (fresh, label, p))
        else:
            marked[path] = True
            chosen.append(label)
    return np.array(chosen, dtype=np.intp)


@njit
def _gains(parents, worth, marked):
    """Sums of the worth of nodes on the way to the nearest marked one."""
    gains = np.zeros(parents.size)
    for p in range(parents.size):
        if not marked[p]:
            gains[p] = gains[parents[p]] + worth[p]
    return gains


def _farthest_first(metric, observed, n_select, weights, cost):
    """Labels that are farthest from those before, one after the other.

    The distance to observed labels stands for that to the locus, of which they are a part.
    """
    labels = np.arange(metric.n_labels_)
    value = np.ones(labels.size) if weights is None else weights
    if cost is not None:
        value = value / cost
    gaps = np.full(labels.size, np.inf)
    step = max(1, ENTRIES_AT_ONCE // labels.size)
    for start in range(0, observed.size, step):
        gaps = np.minimum(gaps, metric.distances(observed[start : start + step], labels).min(axis=0))
    gaps[observed] = 0.0
    chosen = []
    while gaps.any() and (n_select is None or len(chosen) < n_select):
        gains = np.where(gaps > 0.0, gaps * value, -1.0)
        best = np.flatnonzero(gains == gains.max())
        label = best[np.argmax(gaps[best])]
        chosen.append(label)
        gaps = np.minimum(gaps, metric.distances(labels[[label]], labels)[0])
        gaps[label] = 0.0
    return np.array(chosen, dtype=np.intp)
