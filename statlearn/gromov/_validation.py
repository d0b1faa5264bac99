"""Every bound of this family and POT's local solver on the same pairs of graphs: values, agreement and seconds.

The Gromov-Wasserstein value is not known for graphs of more than a few nodes. What a value can be compared with is the
best objective that any of the methods found for the pair, which is an upper bound of the value: "best known".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.data_frames import data_frame
from .._support.parallel import run_parallel
from .._support.random_streams import spawn_generators
from .._typing import DataFrame, GraphCost, GraphLike, RandomState
from ..certificate import Certificate, Check, format_table
from ._bounds import LOWER_BOUNDS
from ._collections import COSTS, check_networks
from ._validation_methods import LOWER_METHODS, METHODS, OF_THE_ROOT, UPPER_METHODS, Pair, compile_methods, measure

__all__ = ["PotValidation", "validate_against_pot"]

SAME = 1e-6  # relative difference of two values of the same local optimum, which solvers reach up to their tolerance
SUMMARY = ("mean_ratio", "median_ratio", "pearson", "spearman", "kendall", "seconds")


@dataclass(frozen=True, eq=False)
class PotValidation:
    """Bounds and POT's values on a list of pairs, as returned by `validate_against_pot`.

    The methods are

    ===============  =============================================================================================
    ``mean_sorted``  the published sorting formula on row means; a lower bound of the root of the value
    ``sorted``       and the other lower bounds of `gromov_wasserstein_lower_bound`, each alone
    ``max_lower``    the largest of those
    ``sort_plan``    objective of the coupling that sorting suggests
    ``pot_sort``     POT's conditional gradient from that coupling
    ``pot``          POT's conditional gradient from its default, the product coupling
    ``pot_best``     the best of POT's default and of random starts
    ``upper``        upper bound of `gromov_wasserstein_bounds`, with all its starts and lower bounds
    ===============  =============================================================================================

    Attributes
    ----------
    table : dict of str to ndarray of shape (n_pairs,)
        ``n_nodes_1`` and ``n_nodes_2``, nodes of positive weight; ``best_known``, the smallest objective that any
        method found, an upper bound of the value; and per method its value, its ``<method>_ratio`` to the best known
        value, or to the root of that for ``mean_sorted``, and its ``<method>_seconds``, processor time of one thread.
        The ratio is 1 if both are zero, and infinite if only the best known value is.
    summary : dict of str to dict
        Per method ``mean_ratio`` and ``median_ratio``; ``pearson``, ``spearman`` and ``kendall``, its correlation with
        the best known value over the pairs, nan if one of the two does not vary; and ``seconds`` in total.
    shares : dict of str to float
        Shares of the pairs on which the upper bound is ``"below"``, ``"equal"`` to (relative 1e-6) or ``"above"`` what
        POT reaches by default.
    certificate : Certificate
        That no lower bound exceeds the best known value, and the share of pairs on which POT was better.

    See Also
    --------
    validate_against_pot : Makes it.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.gromov import validate_against_pot
    >>> path = np.eye(6, k=1) + np.eye(6, k=-1)
    >>> star = np.zeros((6, 6))
    >>> star[0, 1:] = star[1:, 0] = 1.0
    >>> result = validate_against_pot([(path, star)], cost="adjacency", random_state=0)
    >>> result.certificate.holds
    True
    """

    table: dict[str, np.ndarray]
    summary: dict[str, dict[str, Any]]
    shares: dict[str, float]
    certificate: Certificate

    def to_frame(self) -> DataFrame:
        """The table with a row per pair.

        Returns
        -------
        frame : pandas.DataFrame
            The columns of ``table``.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from statlearn.gromov import validate_against_pot
        >>> path = np.eye(6, k=1) + np.eye(6, k=-1)
        >>> validate_against_pot([(path, path)], n_init=1).to_frame()[["best_known", "upper_ratio"]]
           best_known  upper_ratio
        0         0.0          1.0
        """
        return data_frame(self.table, "PotValidation.to_frame")

    def __str__(self):
        rows = [[name, *(f"{figures[column]:.3g}" for column in SUMMARY)] for name, figures in self.summary.items()]
        return format_table(("method", *SUMMARY), rows, right=range(1, len(SUMMARY) + 1))


@validate_params(
    {
        "graph_pairs": [list, tuple],
        "cost": [StrOptions(set(COSTS)), callable],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state", np.random.Generator],
    },
    prefer_skip_nested_validation=True,
)
def validate_against_pot(
    graph_pairs: Sequence[tuple[GraphLike, GraphLike]],
    *,
    cost: GraphCost = "hop",
    n_init: int = 9,
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> PotValidation:
    """Compare the bounds of this family with POT's conditional gradient on a list of pairs of graphs.

    Values are those of the squared objective, without a factor 1/2 and without a root, as in POT (except
    ``mean_sorted``, see `PotValidation`).

    Parameters
    ----------
    graph_pairs : list of pairs
        Each pair has two graphs, each as ``cost`` takes it, or as a tuple of that and its node weights.
    cost : {"hop", "adjacency", "heat", "precomputed", "euclidean", "sqeuclidean"} or callable, default="hop"
        Cost between the nodes of a graph: its kind, or a function from a graph to a square matrix. With
        ``"precomputed"`` the graphs are square matrices already, with the two Euclidean ones they are clouds of points.
    n_init : int, default=9
        Starts of ``pot_best``: POT's default and ``n_init - 1`` random couplings.
    n_jobs : int or None, default=None
        Number of pairs at a time; -1 means all processors. Linear algebra runs on one thread.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the random starts.

    Returns
    -------
    result : PotValidation
        Values, ratios to the best known value, agreement of ranks and seconds; ``print(result)`` shows its summary.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; the message says which graph of which pair is.

    See Also
    --------
    gromov_wasserstein_bounds : The interval for one pair.

    Notes
    -----
    The true value is unknown: the "best known" value is the smallest objective that any method reached, ours included.
    A ratio of a lower bound to it is therefore at most its ratio to the value, and a ratio of 1 of an upper bound does
    not mean that it is optimal.

    Each method starts from the two costs alone and computes again what others have computed before it. Its seconds are
    processor time of its thread, compilation excluded. POT is called with its default tolerances and number of
    iterations. A random start is halfway between the product coupling and a random vertex of the set of couplings.

    References
    ----------
    .. [1] T. Vayer, L. Chapel, R. Flamary, R. Tavenard and N. Courty (2020). "Fused Gromov-Wasserstein distance for
       structured objects". Algorithms, 13(9), 212.
    .. [2] R. Flamary et al. (2021). "POT: Python Optimal Transport". Journal of Machine Learning Research, 22(78), 1-8.

    Examples
    --------
    A cycle of six nodes and itself: POT's default start is a stationary coupling, far from the identity.

    >>> import numpy as np
    >>> from statlearn.gromov import validate_against_pot
    >>> cycle = np.roll(np.eye(6), 1, axis=0) + np.roll(np.eye(6), -1, axis=0)
    >>> result = validate_against_pot([(cycle, cycle)], cost="adjacency", random_state=0)
    >>> result.table["pot"].round(4), result.table["upper"].round(4)
    (array([0.1667]), array([0.]))
    """
    pairs = [
        check_networks(list(pair), cost, f"graph_pairs[{position}]")
        for position, pair in enumerate(_check_pairs(graph_pairs))
    ]
    streams = spawn_generators(random_state, len(pairs))
    tasks = [(Pair(*networks, rng, n_init),) for networks, rng in zip(pairs, streams, strict=True)]
    with threadpool_limits(limits=1):
        compile_methods()
        measured = run_parallel(measure, tasks, n_jobs=n_jobs)
    return _compare(tasks, measured)


def _check_pairs(graph_pairs):
    if len(graph_pairs) == 0:
        raise ValueError("graph_pairs must have at least one pair of graphs. Got none.")
    for position, pair in enumerate(graph_pairs):
        if not isinstance(pair, (list, tuple, np.ndarray)) or len(pair) != 2:
            found = f"{len(pair)} entries" if isinstance(pair, (list, tuple, np.ndarray)) else type(pair).__name__
            raise ValueError(f"graph_pairs[{position}] must be a pair of graphs. Got {found}.")
    return graph_pairs


def _compare(tasks, measured):
    """The result from values and seconds."""
    values, seconds = ({name: np.array([row[name][part] for row in measured]) for name in METHODS} for part in (0, 1))
    values["max_lower"] = np.max([values[name] for name in LOWER_BOUNDS], axis=0)
    seconds["max_lower"] = np.sum([seconds[name] for name in LOWER_BOUNDS], axis=0)
    best = np.min([values[name] for name in UPPER_METHODS], axis=0)
    table = {
        "n_nodes_1": np.array([pair.network1.n_nodes for (pair,) in tasks]),
        "n_nodes_2": np.array([pair.network2.n_nodes for (pair,) in tasks]),
        "best_known": best,
    }
    summary = {}
    for name in (*LOWER_METHODS, "max_lower", *UPPER_METHODS):
        target = np.sqrt(best) if name in OF_THE_ROOT else best
        ratio = _ratio(values[name], target)
        table |= {name: values[name], f"{name}_ratio": ratio, f"{name}_seconds": seconds[name]}
        summary[name] = _summarize(values[name], target, ratio, seconds[name])
    shares = _shares(values["upper"], values["pot"])
    return PotValidation(table, summary, shares, _certify(values, best, shares))


def _ratio(values, best):
    """Values relative to the best ones; equal zeros are equal."""
    positive = best > 0.0
    return np.where(positive, values / np.where(positive, best, 1.0), np.where(values > 0.0, np.inf, 1.0))


def _summarize(values, best, ratio, seconds):
    varies = values.size > 1 and np.ptp(values) > 0.0 and np.ptp(best) > 0.0
    correlations = (stats.pearsonr, stats.spearmanr, stats.kendalltau)
    agreement = [float(correlation(values, best).statistic) if varies else np.nan for correlation in correlations]
    figures = (float(ratio.mean()), float(np.median(ratio)), *agreement, float(seconds.sum()))
    return dict(zip(SUMMARY, figures, strict=True))


def _shares(ours, theirs):
    equal = np.abs(ours - theirs) <= SAME * np.maximum(ours, theirs)
    below = ours < theirs
    return {
        "below": float(np.mean(below & ~equal)),
        "equal": float(np.mean(equal)),
        "above": float(np.mean(~below & ~equal)),
    }


def _certify(values, best, shares):
    excess = max(
        float(np.max(_ratio(values["mean_sorted"], np.sqrt(best)))), float(np.max(_ratio(values["max_lower"], best)))
    )
    return Certificate(
        claim="On no pair does a lower bound exceed the objective of a coupling that any of the methods found.",
        checks=[
            Check("largest lower bound", excess, 1.0 + SAME, excess <= 1.0 + SAME, "numerical", "over the best known"),
            Check("pairs where POT is better", shares["above"], None, None, "reported", "share; its default start"),
        ],
        assumptions=["the objectives that POT reports are those of its couplings"],
    )
