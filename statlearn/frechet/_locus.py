"""The locus: labels that can be predicted at all, whatever the weights of the observed ones."""

from numbers import Integral
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.random_streams import spawn_generators
from .._typing import ArrayLike, IntArray, RandomState
from ._decision import POWER, check_positions
from ._label_metric import LabelMetric
from ._label_trees import label_tree
from ._locus_formulas import Problem, closed_locus, own_minimizers, reduced
from ._locus_programs import (
    can_minimize,
    draw_weights,
    first_outside,
    minimizers,
    pair_weights,
    program_locus,
    sampled_locus,
    strictly_dominated,
)

__all__ = ["LocusBounds", "is_locus_cover", "locus", "locus_bounds"]

LARGEST_PROGRAM = 2**24  # costs that a program may look at
FEW_PROGRAMS = 16  # labels that bounds decide by programs
SMALL_PROGRAM = 2**18  # costs of such programs
LARGEST_TABLE = 2**19  # costs that bounds look at
FOUND = "found by random weights, and not known to be worse than another label"
OBSERVED = "the observed ones, and all that no formula excludes: too many to be looked at"
N_GUESSES = 256  # random weights that settle labels before any program


@validate_params(
    {
        "metric": [LabelMetric],
        "label_space": ["array-like", None],
        "strict": ["boolean"],
        "power": POWER,
        "method": [StrOptions({"auto", "closed", "program", "montecarlo"})],
        "n_draws": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def locus(
    metric: LabelMetric,
    observed: ArrayLike,
    *,
    label_space: ArrayLike | None = None,
    strict: bool = False,
    power: float = 2,
    method: Literal["auto", "closed", "program", "montecarlo"] = "auto",
    n_draws: int = 1000,
    random_state: RandomState = None,
) -> IntArray:
    r"""Find the labels that can be predicted, whatever the probabilities of the observed ones.

    The locus of observed labels :math:`\lambda_1, \dots, \lambda_K` is the set of labels that minimize
    :math:`F(v) = \sum_i p_i\, d(\lambda_i, v)^2` for some weights p. It depends on the metric alone: a label outside is
    predicted for no features and by no classifier.

    A label may be inside only by ties, as most labels of a grid with the l1 norm between two opposite corners, and
    whether it is predicted then depends on the tie rule of `frechet_predict`. The *strict* locus keeps the labels that
    are the only minimizer for some weights.

    Parameters
    ----------
    metric : LabelMetric
        Labels and the distances between them.
    observed : array-like of int of shape (n_observed,)
        Positions, in ``metric.labels_``, of the observed labels.
    label_space : array-like of int, default=None
        Positions of the labels that may be predicted; None for all.
    strict : bool, default=False
        Whether labels must be the only minimizer.
    power : float, default=2
        Power of the distances.
    method : {"auto", "closed", "program", "montecarlo"}, default="auto"
        How it is found. "closed" evaluates a formula, see the Notes, and is an error where none is known. "program"
        solves a linear program for each label, which is exact up to a resolution of 1e-8. "auto" takes the formula if
        there is one, else programs. "montecarlo" collects the labels predicted for random weights, which is a **lower
        bound** that may miss most of the locus, for spaces too large for programs.
    n_draws : int, default=1000
        Number of random weights; for ``method="montecarlo"`` only.
    random_state : int, RandomState, Generator or None, default=None
        Source of the random weights; for ``method="montecarlo"`` only.

    Returns
    -------
    labels : ndarray of int
        Positions of the labels, ascending.

    Raises
    ------
    ValueError
        If positions are not those of labels, no formula is known, or the space is too large for programs.

    See Also
    --------
    is_locus_cover : Whether every label can be predicted.
    next_class_order : Which classes to collect data of next.

    Notes
    -----
    Formulas are known for

    * trees whose every node is a label, and scales, for powers above 1: the nodes of the paths between observed labels,
      strictly too. If some nodes are no labels, the same holds as long as all nodes on these paths are;
    * ultrametric spaces, such as a taxonomy whose labels are leaves at one depth, and `DiscreteMetric`: the observed
      labels, and **no other label is ever predicted**;
    * grids with the l2 norm in up to 4 dimensions, for power 2: the labels whose closed (strictly, open) unit cell
      meets the convex hull of the observed ones;
    * one observed label.

    Labels at distance 0 of each other are never the only minimizer. Formulas are those of exact arithmetic; labels so
    near that F differs by a relative 1e-9 tie in `frechet_predict`.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    A classifier that has seen only two levels of a scale can predict all levels between them:

    >>> from statlearn.frechet import ChainMetric, GridMetric, locus
    >>> locus(ChainMetric(range(10)), observed=[2, 5])
    array([2, 3, 4, 5])

    Two opposite corners of a grid reach all labels by ties, and none but themselves without:

    >>> grid = GridMetric((3, 3), norm="l1")
    >>> locus(grid, observed=[0, 8])
    array([0, 1, 2, 3, 4, 5, 6, 7, 8])
    >>> locus(grid, observed=[0, 8], strict=True)
    array([0, 8])
    """
    allowed = np.arange(metric.n_labels_)
    if label_space is not None:
        allowed = np.sort(check_positions(label_space, metric, "label_space"))
    problem = Problem(metric, check_positions(observed, metric, "observed"), allowed, power, strict)
    if method == "montecarlo":
        return _by_draws(problem, n_draws, random_state)
    if method != "program":
        labels, _ = closed_locus(problem)
        if labels is not None:
            return labels
        if method == "closed":
            raise ValueError(
                f"method='closed' needs a space whose locus has a known formula. {metric!r} with power={power} and "
                "these labels has none: use method='auto'."
            )
    return _by_programs(problem)


@validate_params({"metric": [LabelMetric], "strict": ["boolean"]}, prefer_skip_nested_validation=True)
def is_locus_cover(metric: LabelMetric, observed: ArrayLike, strict: bool = False) -> bool:
    """Tell whether every label can be predicted.

    Parameters
    ----------
    metric : LabelMetric
        Labels and the distances between them.
    observed : array-like of int of shape (n_observed,)
        Positions, in ``metric.labels_``, of the observed labels.
    strict : bool, default=False
        Whether every label must be the only minimizer for some probabilities of the observed ones.

    Returns
    -------
    answer : bool
        Whether the locus is the whole space.

    Raises
    ------
    ValueError
        If positions are not those of labels, or the space is too large for linear programs.

    See Also
    --------
    locus : The labels that can be predicted.
    minimum_locus_cover : As few observed labels as possible.

    References
    ----------
    Roberts et al. (2023). "Geometry-Aware Adaptation for Pretrained Models". NeurIPS 2023, arXiv:2307.12226.

    Examples
    --------
    >>> from statlearn.frechet import ChainMetric, DiscreteMetric, is_locus_cover
    >>> is_locus_cover(ChainMetric(range(10)), observed=[0, 9])
    True
    >>> is_locus_cover(DiscreteMetric(range(10)), observed=[0, 9])
    False
    """
    problem = Problem(metric, check_positions(observed, metric, "observed"), np.arange(metric.n_labels_), 2, strict)
    labels, _ = closed_locus(problem)
    if labels is not None:
        return labels.size == metric.n_labels_
    if reduced(problem).size < metric.n_labels_:
        return False
    return first_outside(_terms(problem, problem.allowed), strict, _guesses(problem, problem.allowed)) is None


class LocusBounds(NamedTuple):
    """Bounds of the number of labels in the locus.

    Attributes
    ----------
    lower, upper : int
        Labels that are inside, and labels not known to be outside.
    kind : {"proof", "numerical", "reported"}
        Kind of the check: bounds that are equal by a formula, or by linear programs, or that differ.
    detail : str
        How they are known.
    """

    lower: int
    upper: int
    kind: str
    detail: str


def locus_bounds(metric, observed, allowed=None, power=2):
    """Bounds of the number of labels that can be predicted, with no more work than a certificate is worth.

    Parameters
    ----------
    metric : LabelMetric
        The label space.
    observed : ndarray of int of shape (n_observed,)
        Observed labels.
    allowed : ndarray of int of shape (n_allowed,), default=None
        Labels that may be predicted; None for all.
    power : float, default=2
        Power of the distances.

    Returns
    -------
    bounds : LocusBounds
        The bounds.
    """
    allowed = np.arange(metric.n_labels_) if allowed is None else np.sort(allowed)
    problem = Problem(metric, observed, allowed, power, False)
    labels, reason = closed_locus(problem)
    if labels is not None:
        return LocusBounds(labels.size, labels.size, "proof", reason)
    candidates = reduced(problem)
    sure = np.isin(candidates, own_minimizers(problem))
    if observed.size * candidates.size <= LARGEST_TABLE:
        return _bounds_by_costs(problem, candidates, sure)
    if label_tree(metric) is not None:
        P = draw_weights(N_GUESSES, observed.size, np.random.default_rng(0))
        sure |= np.isin(candidates, sampled_locus(metric, observed, allowed, power, False, P))
        return _open_bounds(sure.sum(), candidates.size, FOUND)
    return _open_bounds(sure.sum(), candidates.size, OBSERVED)


def _bounds_by_costs(problem, candidates, inside):
    """Bounds from the costs of all candidates, of which a mask is known to be inside."""
    terms = _terms(problem, candidates)
    inside = inside | minimizers(terms, False, _guesses(problem, candidates))
    undecided = ~inside & ~strictly_dominated(terms, np.flatnonzero(inside))
    if undecided.sum() <= FEW_PROGRAMS and terms.size <= SMALL_PROGRAM:
        n_inside = int(inside.sum()) + sum(can_minimize(terms, label, False) for label in np.flatnonzero(undecided))
        return LocusBounds(n_inside, n_inside, "numerical", "found by linear programs")
    return _open_bounds(inside.sum(), (inside | undecided).sum(), FOUND)


def _open_bounds(lower, upper, detail):
    return LocusBounds(int(lower), int(upper), "reported", detail)


def _terms(problem, labels):
    """Costs of labels, unless there are too many."""
    if problem.observed.size * labels.size > LARGEST_PROGRAM:
        raise ValueError(
            f"linear programs of {problem.observed.size} observed and {labels.size} possible labels are too large. A "
            "lower bound is locus(..., method='montecarlo')."
        )
    return problem.metric.powers(problem.observed, labels, problem.power)


def _by_programs(problem):
    labels = reduced(problem)
    return labels[program_locus(_terms(problem, labels), problem.strict, _guesses(problem, labels))]


def _guesses(problem, labels):
    """Weights that settle many labels without a program: random ones, and for labels between two observed ones."""
    metric, observed = problem.metric, problem.observed
    P = draw_weights(N_GUESSES, observed.size, np.random.default_rng(0))
    if problem.power != 2 or labels.size * max(observed.size**2, labels.size) > LARGEST_PROGRAM:
        return P
    pairs = pair_weights(metric.distances(observed, observed), metric.distances(observed, labels))
    return sparse.vstack([P, pairs], format="csr")


def _by_draws(problem, n_draws, random_state):
    rng = spawn_generators(random_state, 1)[0]
    n_observed = problem.observed.size
    P = sparse.vstack([sparse.eye_array(n_observed), draw_weights(n_draws, n_observed, rng)], format="csr")
    return sampled_locus(problem.metric, problem.observed, problem.allowed, problem.power, problem.strict, P)
