"""What the geometry of a label space says of its locus: formulas, and labels that may be left out of account."""

from math import factorial, sqrt
from typing import NamedTuple

import numpy as np
from scipy.spatial import ConvexHull

from ._graph_metric import GraphMetric
from ._grid_metric import GridMetric
from ._label_metric import LabelMetric
from ._label_trees import hung_up, label_tree, spanned_tree, twin_groups
from ._locus_programs import ROUNDING
from ._searches import ENTRIES_AT_ONCE, TIE

__all__ = ["Problem", "closed_locus", "own_minimizers", "reduced"]

MOST_DIMENSIONS = 4  # of hulls, whose facets soon are too many
ON_FACET = 2e-14  # relative to the size of the grid: distance within which a point is on a facet, beyond rounding


class Problem(NamedTuple):
    """What may be predicted for which observed labels, by which rule; positions of ``allowed`` are ascending."""

    metric: LabelMetric
    observed: np.ndarray
    allowed: np.ndarray
    power: float
    strict: bool


def closed_locus(problem):
    """Labels of the locus by a formula, and what the formula says; (None, "") where none is known.

    Parameters
    ----------
    problem : Problem
        The question.

    Returns
    -------
    labels : ndarray of int or None
        Positions, ascending.
    reason : str
        What decides, in words.
    """
    for formula, reason in FORMULAS.items():
        labels = formula(problem)
        if labels is not None:
            return labels, reason
    return None, ""


# Each formula returns positions, ascending, or None where it does not apply.


def _single_locus(problem):
    """The nearest labels of a single observed one."""
    if problem.observed.size > 1:
        return None
    costs = problem.metric.powers(problem.observed, problem.allowed, problem.power)[0]
    nearest = problem.allowed[costs <= costs.min() * (1.0 + TIE)]
    return nearest if nearest.size == 1 or not problem.strict else nearest[:0]


def _own_locus(problem):
    """If no label but observed ones may be predicted: all of them, each by weight on itself alone."""
    if problem.strict or not np.isin(problem.allowed, problem.observed).all():
        return None
    return problem.allowed if own_minimizers(problem).size == problem.allowed.size else None


def own_minimizers(problem):
    """Labels that may be predicted, are observed, and cost nothing when true."""
    labels = problem.allowed[np.isin(problem.allowed, problem.observed)]
    if isinstance(problem.metric, GraphMetric):
        return labels  # a path of no edge, for which its paired_distances would search
    return labels[problem.metric.paired_distances(labels, labels) == 0.0]


def _spanned_locus(problem):
    """On a tree: labels at nodes of paths between observed ones, if every such node has a label that may be predicted.

    Other labels hang off such a node, which is nearer to all observed labels. For a node on the path between two
    observed labels, weights on these two alone make the derivative of F along the path vanish there; as F then is
    strictly convex along the path for powers above 1, and higher off it, the node is the only minimizer.
    """
    tree = label_tree(problem.metric)
    if tree is None or problem.power <= 1:
        return None
    tree, marked = spanned_tree(tree, problem.observed)
    nodes = tree.nodes[problem.allowed]
    twins = np.bincount(nodes, minlength=marked.size)
    if (twins[marked] == 0).any():
        return None
    return problem.allowed[marked[nodes] & ((twins[nodes] == 1) | (not problem.strict))]


def _ultrametric_locus(problem):
    """In an ultrametric space: labels at distance 0 of observed ones.

    Let l be the observed label of positive weight that is nearest to v. Then d(l, k) <= max(d(l, v), d(v, k)) = d(v, k)
    for every observed k of positive weight, so F(l) <= F(v), with equality only if d(l, v) = 0.
    """
    metric, observed, allowed = problem.metric, problem.observed, problem.allowed
    if not metric.is_ultrametric() or not np.isin(observed, allowed).all():
        return None
    groups = twin_groups(metric)
    twins = np.bincount(groups[allowed], minlength=groups.max() + 1)
    inside = np.isin(groups[allowed], groups[observed])
    return allowed[inside & ((twins[groups[allowed]] == 1) | (not problem.strict))]


def _cell_locus(problem):
    """On a grid with the l2 norm: labels whose unit cell meets the convex hull of the observed ones.

    F is least at the grid points nearest to the mean, which may be any point of the hull. A cell around v meets the
    hull if and only if v is in the hull of all corners of the cells of observed labels; open cells, in its interior.
    """
    metric = problem.metric
    if not isinstance(metric, GridMetric) or metric.norm != "l2" or problem.power != 2:
        return None
    axes = np.flatnonzero(np.array(metric.shape) > 1)
    if not 2 <= axes.size <= MOST_DIMENSIONS:
        return None
    centers = metric.coordinates(problem.observed)[:, axes]
    half = np.array(list(np.ndindex(*[2] * axes.size))) - 0.5
    longest = max(metric.shape)
    allowance = ON_FACET * longest
    if 8.0 * allowance > _least_separation(longest, axes.size):
        return None
    facets = ConvexHull((centers[:, None] + half).reshape(-1, axes.size)).equations
    box = _in_box(metric, problem.observed, np.arange(metric.n_labels_))
    margin = _least_margin(metric.coordinates(box)[:, axes], facets)
    if not np.isin(box[margin >= -allowance], problem.allowed).all():
        return None
    return box[margin > allowance] if problem.strict else box[margin >= -allowance]


def _least_separation(longest, n_axes):
    """A distance from a facet that every point off it exceeds.

    In units of a half all coordinates are whole, and so is the normal of a facet, a determinant of n_axes - 1 edges no
    longer than twice the grid. A point off the facet is a whole number, at least 1, of inverse lengths of it away.
    """
    normal = sqrt(n_axes) * factorial(n_axes - 1) * (2.0 * longest) ** (n_axes - 1)
    return 0.5 / normal


def _least_margin(points, facets):
    """Least distance of points to the hyperplanes of facets, negative outside."""
    margin = np.empty(points.shape[0])
    step = max(1, ENTRIES_AT_ONCE // facets.shape[0])
    for start in range(0, margin.size, step):
        margin[start : start + step] = -(points[start : start + step] @ facets[:, :-1].T + facets[:, -1]).max(axis=1)
    return margin


FORMULAS = {
    _single_locus: "the labels nearest to the one that was observed",
    _own_locus: "each where it has all the probability",
    _spanned_locus: "the labels on paths between observed ones",
    _ultrametric_locus: "in an ultrametric space some observed label is as close as any other",
    _cell_locus: "the labels whose cell meets the convex hull of the observed ones",
}


def reduced(problem):
    """Labels that are left when some label costs less than another whichever observed label is true.

    For all weights such another label is worse by a positive amount, so the labels that are left decide who minimizes,
    alone or not.

    On a tree a label that hangs off the spanned nodes at a, at height h, has F = sum_i p_i (d(a, l_i) + h)^power, and
    only the lowest of each a is left. On a grid a coordinate outside the box of the observed labels is farther from all
    of them than the nearest one inside.
    """
    metric, observed, allowed = problem.metric, problem.observed, problem.allowed
    tree = label_tree(metric)
    if tree is not None:
        tree, marked = spanned_tree(tree, observed)
        anchors, heights = (values[tree.nodes[allowed]] for values in hung_up(tree, marked))
        lowest = np.full(marked.size, np.inf)
        np.minimum.at(lowest, anchors, heights)
        return allowed[heights <= lowest[anchors] * (1.0 + ROUNDING)]
    if isinstance(metric, GridMetric):
        return _in_box(metric, observed, allowed)
    return allowed


def _in_box(metric, observed, allowed):
    """Labels within the box of the observed ones, and those whose nearest label within may not be predicted."""
    seen = metric.coordinates(observed)
    where = metric.coordinates(allowed)
    clipped = np.clip(where, seen.min(axis=0), seen.max(axis=0))
    nearest = np.ravel_multi_index(tuple(clipped.T.astype(np.intp)), metric.shape)
    return allowed[(clipped == where).all(axis=1) | ~np.isin(nearest, allowed)]
