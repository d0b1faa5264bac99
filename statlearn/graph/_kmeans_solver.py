"""Kernel k-means on a Gram representation: the starts, and the best of many local searches.

Nothing here depends on the order of the points, except where distances tie: seeds are drawn by inversion along the
points sorted by their distance to the overall mean, moves are tried in that order, and clusters are numbered by it.
Nor does it matter whether a point is repeated or weighted: copies of a point are found, and move together first.
"""

from dataclasses import dataclass

import numpy as np
from joblib import effective_n_jobs

from .._support.parallel import run_parallel
from .._support.random_streams import spawn_generators
from ._kmeans_kernels import draw_points, join_centers
from ._kmeans_search import ClusterSums, Problem, search, verify

__all__ = ["KMeansSolution", "count_batches", "evaluate_partition", "restarts_of", "solve_kernel_kmeans"]

FEW_CLUSTERS, FEW_RESTARTS, MANY_RESTARTS = 5, 10, 30
BATCH = 5  # restarts that share one product; fixed, so that the number of workers cannot change a sum


@dataclass(frozen=True)
class KMeansSolution:
    """A partition, and what the restarts found.

    Attributes
    ----------
    labels : ndarray of shape (n,)
        Clusters of the best restart.
    inertia : float
        Its objective J.
    best_move : float
        Largest decrease of J by moving one point to another cluster without emptying its own; 0 if none lowers J.
    tolerance : float
        Decreases of J below it count as rounding.
    sizes : ndarray of shape (n_clusters,)
        Weights of the clusters.
    center_norms : ndarray of shape (n_clusters,)
        ``Q_c / W_c^2``, the squared norms of the centers; may be negative for an indefinite kernel.
    n_iter : int
        Lloyd's iterations and sweeps of single moves in the best restart.
    best_restart : int
        Its number.
    restart_labels : ndarray of shape (n_restarts, n)
        Clusters of every restart.
    restart_inertias : ndarray of shape (n_restarts,)
        Objective of every restart.
    restart_converged : ndarray of shape (n_restarts,)
        Whether the restart stopped by itself.
    """

    labels: np.ndarray
    inertia: float
    best_move: float
    tolerance: float
    sizes: np.ndarray
    center_norms: np.ndarray
    n_iter: int
    best_restart: int
    restart_labels: np.ndarray
    restart_inertias: np.ndarray
    restart_converged: np.ndarray


def solve_kernel_kmeans(
    gram,
    n_clusters,
    *,
    weights=None,
    init="k-means++",
    n_init=10,
    max_iter=300,
    refine=True,
    random_state=None,
    n_jobs=None,
    on_step=None,
):
    r"""Minimize the objective of weighted kernel k-means by local search from many starts.

    .. math:: J = \sum_i w_i k_{ii} - \sum_c \frac{1}{W_c} \sum_{i, j \in c} w_i w_j k_{ij}

    Parameters
    ----------
    gram : DenseGram or FeatureGram
        The kernel, possibly indefinite.
    n_clusters : int
        Number of clusters, at most the number of points of positive weight.
    weights : ndarray of shape (n,), default=None
        Weights of the points, each standing for that many copies; None means ones.
    init : {"k-means++", "random"} or ndarray of shape (n,), default="k-means++"
        How the centers of a start are drawn, or the initial clusters of the only start.
    n_init : int, default=10
        Number of restarts; 1 when ``init`` is an array.
    max_iter : int, default=300
        Largest number of Lloyd's iterations, and then of sweeps of single moves, per restart.
    refine : bool, default=True
        Whether single moves follow Lloyd's iterations.
    random_state : None, int, RandomState or Generator, default=None
        Source of the starts; restart r has a stream of its own.
    n_jobs : int or None, default=None
        Number of threads; has no influence on the result.
    on_step : callable or None, default=None
        Called without arguments after each batch of restarts, `count_batches` times; a true answer ends the search.

    Returns
    -------
    solution : KMeansSolution
        The best restart, the first of equals. Clusters are numbered from the points nearest to the overall mean
        outwards; no cluster is empty.

    Notes
    -----
    Lloyd's iterations need not descend if the kernel is indefinite; a restart goes back one step and stops as soon as
    J does not decrease. The single moves descend for every symmetric kernel.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._grams import FeatureGram
    >>> from statlearn.graph._kmeans_solver import solve_kernel_kmeans
    >>> gram = FeatureGram(np.array([[0.0], [1.0], [10.0], [11.0]]))
    >>> solution = solve_kernel_kmeans(gram, 2, random_state=0)
    >>> solution.labels.tolist() in ([0, 0, 1, 1], [1, 1, 0, 0]), solution.inertia
    (True, 1.0)
    """
    problem = Problem.of(gram, np.ones(gram.n) if weights is None else weights)
    if isinstance(init, str):
        distinct, groups = problem.without_copies(n_clusters)
        uniforms = np.array([generator.random(n_clusters) for generator in spawn_generators(random_state, n_init)])
        starts = _seed(distinct, n_clusters, uniforms, MASSES[init])
    else:
        distinct, groups, starts = problem, np.arange(gram.n), np.array(init, dtype=np.int64)[None]
    tasks = [
        (problem, distinct, groups, starts[first : first + BATCH], n_clusters, max_iter, refine)
        for first in range(0, len(starts), BATCH)
    ]
    return _best(_run(tasks, n_jobs, on_step), problem, n_clusters, max_iter if refine else 0)


def evaluate_partition(gram, labels, n_clusters, weights):
    """Take the figures of a partition that was found otherwise, such as with a shifted kernel.

    Parameters
    ----------
    gram : DenseGram or FeatureGram
        The kernel.
    labels : ndarray of shape (n,)
        Clusters, none of them without a point of positive weight.
    n_clusters : int
        Number of clusters.
    weights : ndarray of shape (n,)
        Weights of the points.

    Returns
    -------
    figures : dict
        ``labels`` (points of weight zero moved to the nearest center), ``inertia``, ``best_move``, ``sizes`` and
        ``center_norms``, as in `KMeansSolution`.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._grams import FeatureGram
    >>> from statlearn.graph._kmeans_solver import evaluate_partition
    >>> gram = FeatureGram([[0.0], [1.0], [10.0], [11.0]])
    >>> evaluate_partition(gram, np.array([0, 0, 1, 1]), 2, np.ones(4))["inertia"]
    1.0
    """
    problem = Problem.of(gram, weights)
    return _figures(problem, labels.astype(np.int64), n_clusters)


def _figures(problem, labels, n_clusters):
    """What `evaluate_partition` returns, from sums taken from scratch."""
    sums = ClusterSums(problem, labels[None], n_clusters)
    ((inertia, best_move, sizes, norms),) = sums.assess()
    return {
        "labels": sums.labels[0],
        "inertia": float(inertia * problem.unit),
        "best_move": float(best_move * problem.unit),
        "sizes": sizes * problem.unit,
        "center_norms": norms,
    }


def restarts_of(n_init, n_clusters):
    """Number of restarts, where "auto" asks for more with many clusters, whose local optima are worse.

    Parameters
    ----------
    n_init : int or "auto"
        As the user gave it.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    n_init : int
        10 for up to 5 clusters and 30 beyond, unless a number was given.

    Examples
    --------
    >>> from statlearn.graph._kmeans_solver import restarts_of
    >>> restarts_of("auto", 5), restarts_of("auto", 6), restarts_of(3, 6)
    (10, 30, 3)
    """
    if n_init != "auto":
        return n_init
    return FEW_RESTARTS if n_clusters <= FEW_CLUSTERS else MANY_RESTARTS


def count_batches(n_init):
    """Return the number of batches, and so of steps reported, of a search.

    Parameters
    ----------
    n_init : int
        Number of restarts.

    Returns
    -------
    n_batches : int
        Restarts advance together, some at a time.

    Examples
    --------
    >>> from statlearn.graph._kmeans_solver import count_batches
    >>> count_batches(1)
    1
    """
    return -(-n_init // BATCH)


def _run(tasks, n_jobs, on_step):
    """Run all batches at once, or in waves of one per worker if somebody wants to know."""
    if on_step is None:
        return run_parallel(_search_distinct_first, tasks, n_jobs)
    results, width = [], effective_n_jobs(n_jobs)
    for first in range(0, len(tasks), width):
        wave = run_parallel(_search_distinct_first, tasks[first : first + width], n_jobs)
        results += wave
        stops = [on_step() for _ in wave]
        if any(stops):
            break
    return results


def _search_distinct_first(problem, distinct, groups, labels, n_clusters, max_iter, refine):
    """Search where copies of a point move together, and then where they need not."""
    found = search(distinct, labels, n_clusters, max_iter, refine)
    if distinct is problem:
        return found
    labels, converged, n_iter, inertias = search(problem, found[0][:, groups], n_clusters, max_iter, refine)
    return labels, converged, found[2] + n_iter, inertias


def _distant(weights, gap):
    return weights * gap


def _anywhere(weights, gap):
    return weights


MASSES = {"k-means++": _distant, "random": _anywhere}  # what a point's chance to become a center is proportional to


def _seed(problem, n_clusters, uniforms, mass_of):
    """Draw the centers of all restarts one after the other; every point goes to the nearest, the first of equals."""
    gram, weights, order = problem.gram, problem.weights, problem.order
    shape, restarts = (len(uniforms), gram.n), np.arange(len(uniforms))
    gap, free, labels = np.full(shape, np.inf), np.ones(shape), np.zeros(shape, dtype=np.int64)
    mass = weights * free
    chosen = []
    for c in range(n_clusters):
        points = draw_points(mass, order, uniforms[:, c])
        chosen.append(points)
        free[restarts, points] = 0.0
        join_centers(gram.columns(points), gram.diagonal, points, c, gap, labels)
        mass = mass_of(weights, gap) * free
        mass = np.where(mass.any(axis=1)[:, None], mass, weights * free)
    for c, points in enumerate(chosen):
        labels[restarts, points] = c
    return labels


def _best(results, problem, n_clusters, max_sweeps):
    """Collect the batches, pick the first restart whose objective is the lowest up to rounding, and verify it."""
    labels, converged, n_iter, inertias = map(np.concatenate, zip(*results, strict=True))
    best = int(np.argmax(inertias <= inertias.min() + problem.tolerance))
    if converged[best] and max_sweeps > 0:
        labels[best], converged[best], n_sweeps = verify(problem, labels[best], n_clusters, max_sweeps)
        n_iter[best] += n_sweeps
    labels = _renumbered(labels, problem, n_clusters)
    figures = _figures(problem, labels[best], n_clusters)
    labels[best], inertias = figures["labels"], inertias * problem.unit
    inertias[best] = figures["inertia"]
    return KMeansSolution(
        **figures,
        tolerance=problem.tolerance * problem.unit,
        n_iter=int(n_iter[best]),
        best_restart=best,
        restart_labels=labels,
        restart_inertias=inertias,
        restart_converged=converged,
    )


def _renumbered(labels, problem, n_clusters):
    """Clusters of every restart in the order of their first points of positive weight."""
    order = problem.order[problem.weights[problem.order] > 0.0]
    restarts = np.arange(len(labels))[:, None]
    first_points = np.empty((len(labels), n_clusters), dtype=np.int64)
    first_points[restarts, labels[:, order[::-1]]] = np.arange(order.size)[::-1]  # the last value written is kept
    return np.take_along_axis(np.argsort(np.argsort(first_points, axis=1), axis=1), labels, axis=1)
