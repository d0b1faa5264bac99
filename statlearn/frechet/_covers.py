"""As few observed labels as make every label predictable."""

from collections import deque
from itertools import combinations

import numpy as np

from .._support._sklearn import validate_params
from .._typing import IntArray
from ._graph_metric import GraphMetric
from ._grid_metric import GridMetric
from ._label_metric import LabelMetric
from ._label_trees import first_labels, label_tree, twin_groups
from ._locus_programs import can_minimize

__all__ = ["minimum_locus_cover"]

MOST_LABELS = 12  # of an exhaustive search
# Corners, as (0, 1) for the two ends of each axis, that cover a grid with the l1 norm strictly.
STRICT_CORNERS = {
    2: [(0, 0), (0, 1), (1, 0), (1, 1)],
    3: [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)],
}


@validate_params({"metric": [LabelMetric], "strict": ["boolean"]}, prefer_skip_nested_validation=True)
def minimum_locus_cover(metric: LabelMetric, strict: bool = False) -> IntArray:
    r"""Find as few labels as possible such that a classifier that has observed them can predict every label.

    Parameters
    ----------
    metric : LabelMetric
        Labels and the distances between them.
    strict : bool, default=False
        Whether every label must be the only minimizer for some probabilities, and not only tie; see `locus`.

    Returns
    -------
    labels : ndarray of int
        Positions, in ``metric.labels_``, of a smallest cover, ascending.

    Raises
    ------
    ValueError
        If some label cannot be predicted even when all are observed, such as one of two labels at distance 0 when
        ``strict=True``; or no formula is known and there are more than 12 labels.

    See Also
    --------
    locus : The labels that can be predicted.
    next_class_order : The best classes to add to those observed, one by one.

    Notes
    -----
    For squared distances. A smallest cover is known for

    * trees whose every node is a label, and scales: the leaves, also strictly;
    * ultrametric spaces and `DiscreteMetric`: all labels, but for twins at distance 0;
    * grids with the l1 norm: two opposite corners, all other labels being tied. Strictly, the four corners in two
      dimensions, and four of the eight corners, no two of them neighbors, in three;
    * cycles with edges of one length: two opposite labels if their number n is even, all others being tied, else three;
      strictly three, and all four if n = 4.

    In other spaces of up to 12 labels all sets are tried, the smallest first.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, GridMetric, minimum_locus_cover
    >>> minimum_locus_cover(ChainMetric(range(10)))
    array([0, 9])
    >>> grid = GridMetric((3, 4), norm="l1")
    >>> minimum_locus_cover(grid), minimum_locus_cover(grid, strict=True)
    (array([ 0, 11]), array([ 0,  3,  8, 11]))
    """
    for formula in (_leaves, _all_but_twins, _corners, _points_of_cycle):
        labels = formula(metric, strict)
        if labels is not None:
            return labels
    return _smallest(metric, strict)


def _refuse_twins(metric, first, groups):
    """Refuse a space with labels at distance 0; ``first`` is the first label of each group of them."""
    twin = np.setdiff1d(np.arange(metric.n_labels_), first)[0]
    raise ValueError(
        "strict=True needs labels that differ from each other. Labels "
        f"{metric.labels_[first[groups[twin]]]!s} and {metric.labels_[twin]!s} are at distance 0, so neither is ever "
        "the only minimizer: drop one of them."
    )


def _leaves(metric, strict):
    """On a tree whose every node is a label: its leaves, a root with one child included.

    They span the tree, and a leaf that is not observed is in no path between others.
    """
    tree = label_tree(metric)
    if tree is None:
        return None
    first = first_labels(tree)
    if (first == metric.n_labels_).any():
        return None
    if strict and first.size < metric.n_labels_:
        _refuse_twins(metric, first, tree.nodes)
    degrees = np.bincount(tree.parents[1:], minlength=first.size)
    degrees[1:] += 1
    return np.sort(first[degrees <= 1])


def _all_but_twins(metric, strict):
    """In an ultrametric space: every label, and one of each set of labels at distance 0."""
    if not metric.is_ultrametric():
        return None
    _, first, groups = np.unique(twin_groups(metric), return_index=True, return_inverse=True)
    if strict and first.size < metric.n_labels_:
        _refuse_twins(metric, first, groups)
    return np.sort(first)


def _corners(metric, strict):
    r"""On a grid with the l1 norm: corners.

    From two opposite corners the distances are s and L - s, where s is the sum of coordinates of a label and L its
    largest value; weights make F least at any s, where all labels tie. One label covers itself alone.

    Strictly: the distance to a corner c is a sum of coordinates with signs :math:`\sigma_c`, so F is a quadratic in
    the coordinates, with gradient :math:`2 \sum_c p_c d_c \sigma_c` and Hessian :math:`2 \sum_c p_c \sigma_c
    \sigma_c^\top`. The signs of the corners below sum to 0 and span the space, so for weights inversely proportional
    to the distances d_c of a label that label is the only minimizer.

    Fewer do not suffice. Suppose a corner is not observed, and compare it with the label one step away along each of
    two axes. That one is farther only from observed labels that differ from the corner along neither axis. In two
    dimensions there are none, so it ties or is better. In three such labels are on the edge of the grid along the third
    axis, so each corner that is not observed needs one on each of its three edges. An observed corner is on an edge of
    three others, a label inside an edge on that of two: 3 c + 2 e >= 3 (8 - c) for c corners and e others, so
    c + e >= 4.
    """
    if not isinstance(metric, GridMetric) or metric.norm != "l1":
        return None
    ends = np.array(metric.shape) - 1
    axes = np.flatnonzero(ends > 0)
    if not strict:
        return np.array([0, metric.n_labels_ - 1])
    if axes.size not in STRICT_CORNERS:
        return None
    points = np.zeros((len(STRICT_CORNERS[axes.size]), ends.size), dtype=np.intp)
    points[:, axes] = np.array(STRICT_CORNERS[axes.size]) * ends[axes]
    return np.sort(np.ravel_multi_index(tuple(points.T), metric.shape))


def _points_of_cycle(metric, strict):
    """On a cycle of n edges of one length: two opposite labels, or three that leave no half of it empty.

    Weights on two labels make each label of the shorter way between them a minimizer, the only one if the other way is
    longer. Two labels that are not opposite leave the longer way uncovered, where some label of the shorter way is
    nearer to both.
    """
    around = _cycle(metric)
    if around is None:
        return None
    n = around.size
    if n % 2 == 0 and not strict:
        places = [0, n // 2]
    elif n == 4:
        places = [0, 1, 2, 3]  # a grid of two by two
    else:
        places = [0, n // 3, 2 * n // 3]
    return np.sort(around[places])


def _cycle(metric):
    """Labels in their order around a cycle with edges of one length; None if the graph is no such cycle."""
    if not isinstance(metric, GraphMetric) or metric.n_components_ > 1 or metric.n_labels_ < 3:
        return None
    degrees, lengths = np.diff(metric._indptr), metric._lengths
    if (degrees != 2).any() or (lengths != lengths[0]).any():
        return None
    neighbors = metric._indices.reshape(-1, 2)
    around = [0, neighbors[0, 0]]
    while len(around) < metric.n_labels_:
        one, other = neighbors[around[-1]]
        around.append(other if one == around[-2] else one)
    return np.array(around)


def _smallest(metric, strict):
    """The first of the smallest covers, by trying all sets that hold the labels that no others can replace."""
    n = metric.n_labels_
    if n > MOST_LABELS:
        raise ValueError(
            f"metric must be of a kind whose smallest cover is known, or have at most {MOST_LABELS} labels, of which "
            f"all sets are tried. Got {metric!r}: use next_class_order for a small set that covers much."
        )
    labels = np.arange(n)
    terms = metric.powers(labels, labels, 2)
    outside = next((label for label in labels if not can_minimize(terms, label, strict)), None)
    if outside is not None:
        how = "the only minimizer" if strict else "predicted"
        raise ValueError(
            f"metric must have labels that can be predicted. Label {metric.labels_[outside]!s} is never {how}, even "
            "when all labels are observed, because of others at distance 0 or costs that are no distances: drop it."
        )
    needed = [label for label in labels if not can_minimize(np.delete(terms, label, axis=0), label, strict)]
    others = np.setdiff1d(labels, needed)
    suspects = deque(others)  # those that were not covered last come first
    for size in range(max(0, 1 - len(needed)), others.size + 1):
        for added in combinations(others, size):
            cover = np.sort([*needed, *added]).astype(np.intp)
            outside = next((label for label in suspects if not can_minimize(terms[cover], label, strict)), None)
            if outside is None:
                return cover
            suspects.remove(outside)
            suspects.appendleft(outside)
    raise AssertionError("all labels together cover, as was found above")
