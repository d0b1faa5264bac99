"""The doors to the Gromov-Wasserstein interval of two measure networks, and to its two ends."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Literal, overload

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from .._typing import ArrayLike, MatrixLike, RandomState
from ..exceptions import ScaleWarning
from ._bounds import ABSOLUTE_BOUNDS, LOWER_BOUNDS, sorted_bound
from ._certificates import ends, interval_certificate
from ._cost_base import Cost
from ._network import MeasureNetwork, as_network
from ._result import GromovWassersteinResult
from ._search import search
from ._starts import INITS, random_starts

__all__ = [
    "bound_networks",
    "gromov_wasserstein_bounds",
    "gromov_wasserstein_lower_bound",
    "sorted_gromov_wasserstein",
]

DEFAULT_BOUNDS = ("sorted", "slb", "tlb", "hoeffding_tlb", "spectral")
LOSSES = {"square": LOWER_BOUNDS, "absolute": ABSOLUTE_BOUNDS}
SCALE_RATIO = 1e3
SCALES = {
    "max": lambda network: network.cost.max_abs(),
    "mean": lambda network: float(network.weights @ np.abs(network.dense) @ network.weights),
}


@validate_params(
    {
        "lower": [list, tuple, str],
        "init": [StrOptions(set(INITS))],
        "n_random": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "scale": [StrOptions({"none", *SCALES})],
        "normalize_weights": ["boolean"],
        "n_jobs": [Interval(Integral, None, -1, closed="right"), Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state", np.random.Generator],
    },
    prefer_skip_nested_validation=True,
)
def gromov_wasserstein_bounds(
    C1: MatrixLike | Cost,
    C2: MatrixLike | Cost,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    *,
    lower: str | Sequence[str] = DEFAULT_BOUNDS,
    init: Literal["structured", "product"] = "structured",
    n_random: int = 0,
    max_iter: int = 200,
    tol: float = 1e-9,
    scale: Literal["none", "max", "mean"] = "none",
    normalize_weights: bool = False,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> GromovWassersteinResult:
    r"""Interval around the Gromov-Wasserstein value of two relational objects, with the plan that attains its end.

    The value is, over all couplings T with marginals p and q,

    .. math:: GW_2 = \min_T \sum_{ijkl} (C^1_{ij} - C^2_{kl})^2 T_{ik} T_{jl},

    without a factor one half and without a root, as POT returns it. Finding it is NP-hard in general. The lower end is
    proved: the largest of several relaxations. The upper end is the objective of a plan found by conditional gradient
    from several starts, a local optimum.

    Parameters
    ----------
    C1 : array-like or sparse matrix of shape (n, n), or cost object
        Costs between the nodes of the first object: distances, similarities, an adjacency. Any sign, not necessarily
        symmetric. Graphs are turned into costs by `graph_cost`.
    C2 : array-like or sparse matrix of shape (m, m), or cost object
        The same for the second object.
    p : array-like of shape (n,), default=None
        Weights of the nodes, non-negative and summing to one; None is uniform. Nodes of weight zero are left out of the
        computation and have empty rows in the plan.
    q : array-like of shape (m,), default=None
        The same for the second object.
    lower : list or tuple of str, or str, default=("sorted", "slb", "tlb", "hoeffding_tlb", "spectral")
        Lower bounds to compute, of those of `gromov_wasserstein_lower_bound`.
    init : {"structured", "product"}, default="structured"
        Starts. "structured" takes six: the plans of the two third lower bounds, the sort of the row means, the sort of
        the leading eigenvectors of the centered costs with both signs, and the product of the weights. "product" takes
        the last alone, which is the default of POT.
    n_random : int, default=0
        Number of random starts in addition. With any, all starts are followed to convergence in problems of any size.
    max_iter : int, default=200
        Largest number of steps of a descent, and of its continuation where exchanges found something better. Up to
        10,000 pairs of nodes every start is followed to convergence; in larger problems all take three steps and the
        best is followed, or the best three where weights or sizes differ.
    tol : float, default=1e-9
        A descent has converged when a step would decrease the objective by less than this share and the conditional
        gradient gap is below 1000 times this share of the scale of the costs.
    scale : {"none", "max", "mean"}, default="none"
        Divide each cost by its largest or by its (weighted) mean absolute entry first.
    normalize_weights : bool, default=False
        Whether weights that do not sum to one are divided by their sum rather than refused.
    n_jobs : int, default=None
        Number of threads over the starts; the result does not depend on it.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the random starts.

    Returns
    -------
    result : GromovWassersteinResult
        The interval, the plan and the certificate.

    Raises
    ------
    TypeError
        If a cost is not an array of real numbers.
    ValueError
        If a cost is not square and finite, weights are negative or do not sum to one, or a parameter is out of range.

    Warns
    -----
    ScaleWarning
        If the costs differ in scale by a factor of a thousand or more.
    ConvergenceWarning
        If the best descent took ``max_iter`` steps.

    See Also
    --------
    gromov_wasserstein_lower_bound : The lower end alone, for large objects.
    statlearn.gromov.GromovWassersteinDistance : All pairs of a collection.

    Notes
    -----
    Where all nodes weigh the same and ``n = m``, each descent ends with a search by exchanges of two targets, from its
    end and from disturbances of it, the same in every run.

    The dense costs and the plan are formed, so that memory grows as ``n^2 + m^2 + n m``. A lower
    bound below rounding, about 1e-14 of the mean squares of the costs about their common mean, is reported as 0.

    The search is local, so that the upper end may change when nodes are renumbered or the two objects change places.
    Exchanges help only where all nodes weigh the same and ``n = m``. Elsewhere, and in large problems, where the start
    of POT may be dropped after its first steps, POT sometimes finds a smaller value. Pass ``n_random`` where time does
    not matter.

    References
    ----------
    Memoli, "Gromov-Wasserstein distances and the metric approach to object matching", Foundations of Computational
    Mathematics 11 (2011). Vayer, Chapel, Flamary, Tavenard and Courty, "Optimal transport for structured data with
    application on graphs", ICML 2019 (conditional gradient).

    Examples
    --------
    A hexagon and two triangles have the same degrees, and yet they differ:

    >>> import networkx as nx
    >>> from statlearn.gromov import graph_cost, gromov_wasserstein_bounds
    >>> hexagon, triangles = nx.cycle_graph(6), nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))
    >>> C1, C2 = graph_cost(hexagon, "adjacency"), graph_cost(triangles, "adjacency")
    >>> result = gromov_wasserstein_bounds(C1, C2)
    >>> round(result.lower, 4), result.lower_name, round(result.upper, 4)
    (0.1111, 'spectral', 0.2222)
    """
    network1, kept1 = as_network(C1, p, "C1", "p", normalize_weights)
    network2, kept2 = as_network(C2, q, "C2", "q", normalize_weights)
    network1, network2, condition = _brought_to_scale(network1, network2, scale)
    result = bound_networks(
        network1,
        network2,
        lower=lower,
        init=init,
        n_random=n_random,
        max_iter=max_iter,
        tol=tol,
        n_jobs=n_jobs,
        generator=random_state,
        condition=condition,
    )
    if not result.converged:
        warn_user(
            f"The descent from the best start, {result.start_name}, took max_iter={max_iter} steps without converging. "
            "The interval holds; its upper end may be lowered by a larger max_iter.",
            ConvergenceWarning,
        )
    shape = _size(C1, p, kept1), _size(C2, q, kept2)
    if result.plan.shape == shape:
        return result
    plan = np.zeros(shape)
    plan[np.ix_(kept1, kept2)] = result.plan
    return replace(result, plan=plan)


def _size(C, weights, kept):
    """The number of nodes before those of weight zero were left out."""
    return kept.size if weights is None else np.size(weights)


def _brought_to_scale(network1, network2, scale):
    """Both networks divided by their own scale and what a claim must say of it; a warning if the scales are far apart.

    Without a scale the networks are returned as they are.
    """
    if scale != "none":
        sizes = [SCALES[scale](network) for network in (network1, network2)]
        divided = [_divided(network, size) for network, size in zip((network1, network2), sizes, strict=True)]
        return *divided, f", with C1 divided by {sizes[0]:.6g} and C2 by {sizes[1]:.6g},"
    sizes = [np.sqrt(network.second_moment) for network in (network1, network2)]
    if min(sizes) > 0.0 and max(sizes) >= SCALE_RATIO * min(sizes):
        warn_user(
            f"C1 and C2 differ in scale: their root mean squares are {sizes[0]:.3g} and {sizes[1]:.3g}, so that the "
            "value says little but that. Pass scale='max' or scale='mean' if only the shape matters.",
            ScaleWarning,
        )
    return network1, network2, ""


def _divided(network, size):
    return MeasureNetwork(network.cost.scaled(1.0 / size), network.weights) if size > 0.0 else network


def bound_networks(
    network1,
    network2,
    *,
    lower=DEFAULT_BOUNDS,
    init="structured",
    n_random=0,
    max_iter=200,
    tol=1e-9,
    n_jobs=None,
    generator=None,
    condition="",
):
    """`gromov_wasserstein_bounds` of two checked networks, without warnings; ``condition`` goes into the claim."""
    bounds = {name: LOWER_BOUNDS[name](network1, network2) for name in _checked_names(lower)}
    lower_name, best = max(bounds.items(), key=lambda item: item[1].value)
    starts = [*INITS[init], *random_starts(spawn_generators(generator, n_random) if n_random else [])]
    found = search(
        network1,
        network2,
        starts,
        bounds,
        target=best.value,
        max_iter=max_iter,
        tol=tol,
        thorough=n_random > 0,
        n_jobs=n_jobs,
    )
    objective, plan = found.descent.objective, found.descent.plan()
    plan.flags.writeable = False
    upper = objective.value(plan)
    certificate = interval_certificate(best.value, upper, lower_name, plan, found, objective, condition)
    lower_end, upper_end = ends(best.value, upper, objective.rounding)
    return GromovWassersteinResult(
        lower=lower_end,
        upper=upper_end,
        plan=plan,
        lower_name=lower_name,
        start_name=found.start_name,
        n_iter=found.n_iter,
        converged=found.descent.converged,
        bounds={name: bound.value for name, bound in bounds.items()},
        certificate=certificate,
    )


def _checked_names(lower):
    names = [lower] if isinstance(lower, str) else list(lower)
    if not names or not all(isinstance(name, str) and name in LOWER_BOUNDS for name in names):
        raise ValueError(f"lower must name at least one of {', '.join(LOWER_BOUNDS)}. Got {lower!r}.")
    return names


@validate_params(
    {
        "kind": [StrOptions({"max", *LOWER_BOUNDS})],
        "loss": [StrOptions(set(LOSSES))],
        "normalize_weights": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def gromov_wasserstein_lower_bound(
    C1: MatrixLike | Cost,
    C2: MatrixLike | Cost,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    *,
    kind: Literal["max", "sorted", "flb", "slb", "tlb", "hoeffding_tlb", "spectral"] = "max",
    loss: Literal["square", "absolute"] = "square",
    normalize_weights: bool = False,
) -> float:
    r"""Proved lower bound of the Gromov-Wasserstein value of two relational objects.

    Parameters
    ----------
    C1 : array-like or sparse matrix of shape (n, n), or cost object
        Costs between the nodes of the first object, of any sign, not necessarily symmetric.
    C2 : array-like or sparse matrix of shape (m, m), or cost object
        The same for the second object.
    p : array-like of shape (n,), default=None
        Weights of the nodes, non-negative and summing to one; None is uniform.
    q : array-like of shape (m,), default=None
        The same for the second object.
    kind : {"max", "sorted", "flb", "slb", "tlb", "hoeffding_tlb", "spectral"}, default="max"
        The bound; "max" is the largest of all. With n = m:

        ================  ==================================================================  =====================
        "sorted"          difference of means and transport of the row means                  as the row means cost
        "flb"             transport of the root mean squares of the rows                      as the row means cost
        "slb"             transport of all entries                                            O(n^2 log n)
        "tlb"             transport of nodes, at the cost of transporting their rows          O(n^3)
        "hoeffding_tlb"   the same for the centered costs, beside the difference of means     O(n^3)
        "spectral"        "sorted" and the difference of the spectra of the centered costs    O(n^3)
        ================  ==================================================================  =====================

        With cost objects "sorted" and "flb" never form an n x n array: a million points take seconds. "tlb" is never
        below "flb" and "slb"; other pairs are incomparable.
    loss : {"square", "absolute"}, default="square"
        "square" bounds :math:`GW_2`. "absolute" bounds :math:`GW_1`, which has the absolute difference in place of the
        square; there "sorted", "flb", "slb" and "tlb" exist.
    normalize_weights : bool, default=False
        Whether weights that do not sum to one are divided by their sum rather than refused.

    Returns
    -------
    bound : float
        The lower bound.

    Raises
    ------
    TypeError
        If a cost is not an array of real numbers.
    ValueError
        If a cost is not square and finite, weights are negative or do not sum to one, or ``kind`` does not exist for
        this loss.

    See Also
    --------
    sorted_gromov_wasserstein : The fast bound with the residuals that bound its error.

    Notes
    -----
    The bounds are proved in exact arithmetic. In double precision they are off by rounding, about 1e-14 of the mean
    squares of the costs about their mean; a large number added to all costs takes digits from the costs themselves.

    References
    ----------
    Memoli, "Gromov-Wasserstein distances and the metric approach to object matching", Foundations of Computational
    Mathematics 11 (2011), section 6: first, second and third lower bound.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.gromov import gromov_wasserstein_lower_bound
    >>> path, cycle = [[0, 1, 2], [1, 0, 1], [2, 1, 0]], [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    >>> round(gromov_wasserstein_lower_bound(path, cycle, kind="tlb"), 4)
    0.2222
    """
    table = LOSSES[loss]
    if kind not in table and kind != "max":
        raise ValueError(f"kind={kind!r} has no form for loss={loss!r}: choose one of max, {', '.join(table)}.")
    network1, _ = as_network(C1, p, "C1", "p", normalize_weights)
    network2, _ = as_network(C2, q, "C2", "q", normalize_weights)
    return float(max(table[name](network1, network2).value for name in (table if kind == "max" else [kind])))


@overload
def sorted_gromov_wasserstein(
    C1: MatrixLike | Cost,
    C2: MatrixLike | Cost,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    *,
    return_residuals: Literal[False] = False,
    normalize_weights: bool = False,
) -> float: ...


@overload
def sorted_gromov_wasserstein(
    C1: MatrixLike | Cost,
    C2: MatrixLike | Cost,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    *,
    return_residuals: Literal[True],
    normalize_weights: bool = False,
) -> tuple[float, float, float]: ...


@validate_params(
    {"return_residuals": ["boolean"], "normalize_weights": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def sorted_gromov_wasserstein(
    C1: MatrixLike | Cost,
    C2: MatrixLike | Cost,
    p: ArrayLike | None = None,
    q: ArrayLike | None = None,
    *,
    return_residuals: bool = False,
    normalize_weights: bool = False,
) -> float | tuple[float, float, float]:
    r"""The sorted lower bound, and how far the Gromov-Wasserstein value can be above it.

    With the Hoeffding decomposition of a cost into its mean m, the deviations a of its row means, and a doubly
    centered residual h, the bound of symmetric costs is

    .. math:: SORTED = (m_1 - m_2)^2 + 2 W_2^2(a^1_\# p, a^2_\# q),

    and

    .. math:: SORTED + (|h_1| - |h_2|)^2 \le GW_2 \le SORTED + (|h_1| + |h_2|)^2.

    The transport on the line is a sort. For costs with row means in :math:`O(n)`, such as `SquaredEuclideanCost`, the
    whole takes :math:`O(n \log n)` and no n x n array. The bound sees a cost through its row means alone: it is 0 for
    any two regular graphs of equal degree and size, and it is no approximation unless the residuals are small.
    Asymmetric costs have transport of the row means and of the column means in place of twice the former; the lower
    side of the theorem holds for them too, the upper side does not, for no plan need sort rows and columns at once.

    Parameters
    ----------
    C1 : array-like or sparse matrix of shape (n, n), or cost object
        Costs between the nodes of the first object, of any sign, not necessarily symmetric.
    C2 : array-like or sparse matrix of shape (m, m), or cost object
        The same for the second object.
    p : array-like of shape (n,), default=None
        Weights of the nodes, non-negative and summing to one; None is uniform.
    q : array-like of shape (m,), default=None
        The same for the second object.
    return_residuals : bool, default=False
        Whether to return the norms of the residuals as well.
    normalize_weights : bool, default=False
        Whether weights that do not sum to one are divided by their sum rather than refused.

    Returns
    -------
    bound : float
        The sorted lower bound.
    residual1 : float
        :math:`|h_1|`, with ``|h|^2 = p' (h o h) p``. Only returned if ``return_residuals`` is True.
    residual2 : float
        :math:`|h_2|`. Only returned if ``return_residuals`` is True.

    Raises
    ------
    TypeError
        If a cost is not an array of real numbers.
    ValueError
        If a cost is not square and finite, or weights are negative or do not sum to one.

    Examples
    --------
    Half a million points in space against as many in the plane:

    >>> import numpy as np
    >>> from statlearn.gromov import SquaredEuclideanCost, sorted_gromov_wasserstein
    >>> rng = np.random.default_rng(0)
    >>> cloud, disk = rng.normal(size=(500_000, 3)), rng.normal(size=(500_000, 2))
    >>> bound = sorted_gromov_wasserstein(SquaredEuclideanCost(cloud), SquaredEuclideanCost(disk))
    >>> round(bound, 2)
    4.47
    """
    network1, _ = as_network(C1, p, "C1", "p", normalize_weights)
    network2, _ = as_network(C2, q, "C2", "q", normalize_weights)
    bound = sorted_bound(network1, network2).value
    return (bound, network1.residual_norm, network2.residual_norm) if return_residuals else bound
