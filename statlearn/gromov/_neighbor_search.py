"""Exact nearest neighbors of a graph that solve few of the pairs.

"Exact" refers to the upper bounds of the pair solver: the neighbors are those of a search that solves all pairs.
"""

from bisect import insort
from dataclasses import dataclass

import numpy as np

from .._support.parallel import run_parallel
from ..certificate import Certificate
from ._bounds import LOWER_BOUNDS
from ._pairwise import feature_bound
from ._set_certificates import search_certificate

__all__ = ["GromovNeighborSearch", "search_neighbors"]

SLACK = 1e-10  # of the sum of the second moments, by which a lower bound may be above the value through rounding
SECOND_BOUND = LOWER_BOUNDS["tlb"]


@dataclass(frozen=True, eq=False)
class GromovNeighborSearch:
    """Nearest neighbors of graphs, and how much work it was to find them.

    Attributes
    ----------
    distances : ndarray of shape (n_queries, n_neighbors)
        Upper bounds of the Gromov-Wasserstein value, ascending in each row.
    indices : ndarray of shape (n_queries, n_neighbors)
        Positions of the neighbors among the fitted graphs; the lower position first among equal distances.
    n_solved : ndarray of shape (n_queries,)
        Number of fitted graphs against which a quadratic problem was solved.
    n_candidates : int
        Number of fitted graphs each query was compared with.
    proved : ndarray of bool of shape (n_queries,)
        Whether the neighbors, as a set, are proved to be nearest by the exact value: no other graph has a lower bound
        below their largest distance.
    certificate : Certificate
        What the numbers are.

    Examples
    --------
    >>> import networkx as nx
    >>> from statlearn.gromov import GromovNeighborsClassifier
    >>> graphs = [nx.path_graph(n) for n in range(4, 12)] + [nx.star_graph(n) for n in range(3, 11)]
    >>> model = GromovNeighborsClassifier(2).fit(graphs, [0] * 8 + [1] * 8)
    >>> search = model.search([nx.star_graph(11)])
    >>> search.indices
    array([[15, 14]])
    >>> search.n_candidates
    16
    >>> bool(search.share_avoided > 0.5)
    True
    """

    distances: np.ndarray
    indices: np.ndarray
    n_solved: np.ndarray
    n_candidates: int
    proved: np.ndarray
    certificate: Certificate

    @property
    def share_avoided(self):
        """Share of all pairs that were not solved.

        Returns
        -------
        share : float
            Between 0 and 1.
        """
        return 1.0 - float(self.n_solved.sum()) / (self.n_solved.size * self.n_candidates)


def search_neighbors(queries, candidates, n_neighbors, solver, n_jobs):
    """Nearest neighbors of all queries among the candidates.

    Parameters
    ----------
    queries : NetworkCollection or None
        The queries. None: each candidate is a query and not its own neighbor.
    candidates : NetworkCollection
        The fitted graphs.
    n_neighbors : int
        Number of neighbors.
    solver : PairSolver
        Solves pairs.
    n_jobs : int or None
        Number of workers over queries.

    Returns
    -------
    search : GromovNeighborSearch
        The neighbors.
    """
    within = queries is None
    queries = candidates if within else queries
    tasks = [(queries, i, candidates, n_neighbors, solver, within) for i in range(len(queries))]
    rows = run_parallel(_search, tasks, n_jobs)
    distances, indices, n_solved, proved = (np.array(part) for part in zip(*rows, strict=True))
    n_candidates = len(candidates) - within
    certificate = search_certificate(n_solved, n_candidates * len(queries), proved)
    return GromovNeighborSearch(distances, indices, n_solved, n_candidates, proved, certificate)


def _search(queries, i, candidates, n_neighbors, solver, within):
    """Neighbors of one query: candidates in the order of their lower bounds, until these exceed the distances found.

    A candidate at ``(distance, position)`` replaces the last neighbor if it comes before it, and its distance is not
    below its lower bound: once ``(lower bound, position)`` comes after the last neighbor, so do all that follow.
    """
    slack = SLACK * (queries.second_moments[i] + candidates.second_moments)
    lower = feature_bound(queries, slice(i, i + 1), candidates, slice(0, len(candidates)))[0]
    lower = np.maximum(lower - slack, 0.0)
    nearest, n_solved = [], 0
    for k in np.argsort(lower, kind="stable"):
        if within and k == i:
            continue
        full = len(nearest) == n_neighbors
        if full and (lower[k], k) > nearest[-1]:
            break
        if full:
            second = SECOND_BOUND(queries.networks[i], candidates.networks[k]).value - slack[k]
            lower[k] = max(lower[k], second)
            if (lower[k], k) > nearest[-1]:
                continue
        found = solver.solve(queries, i, candidates, k)
        n_solved += queries.keys[i] != candidates.keys[k]
        lower[k] = max(lower[k], found.lower - slack[k])
        insort(nearest, (found.upper, k))
        del nearest[n_neighbors:]
    distances, indices = (np.array(part) for part in zip(*nearest, strict=True))
    others = np.delete(lower, [*indices, i] if within else indices)
    return distances, indices, n_solved, bool(others.min(initial=np.inf) >= distances[-1])
