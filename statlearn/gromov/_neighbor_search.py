"""Exact nearest neighbors of a graph that solve few of the pairs.

"Exact" refers to the upper bounds of the pair solver: the neighbors are those of a search that solves all pairs.
"""

from bisect import insort
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._support.parallel import run_parallel
from .._typing import BoolArray, FloatArray, IntArray
from ..certificate import Certificate
from ._bounds import LOWER_BOUNDS
from ._collections import NetworkCollection
from ._pair_solver import PairSolver
from ._pairwise import FEATURE_BOUND, pairwise_values, rounding, row_pieces
from ._set_certificates import search_certificate

__all__ = ["GromovNeighborSearch", "search_neighbors"]

TIES = 1e-4  # of the rounding of bounds, 1e-14 of the value of the product coupling: what a coupling of copies may cost
SECOND_BOUND = LOWER_BOUNDS["tlb"]


@dataclass(frozen=True, eq=False)
class GromovNeighborSearch:
    """Nearest neighbors of graphs, and how much work it was to find them.

    Attributes
    ----------
    distances : ndarray of shape (n_queries, n_neighbors)
        Upper bounds of the Gromov-Wasserstein value, ascending in each row. Rounding, below 1e-14 of the value of the
        product coupling, is 0, so that copies of a graph tie whatever the order of their nodes.
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

    distances: FloatArray
    indices: IntArray
    n_solved: IntArray
    n_candidates: int
    proved: BoolArray
    certificate: Certificate

    @property
    def share_avoided(self) -> float:
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
    asked, others = (candidates, None) if within else (queries, candidates)
    slack = rounding(asked, candidates)
    lower = np.maximum(pairwise_values(FEATURE_BOUND, asked, others, n_jobs=n_jobs) - slack, 0.0)
    if within:
        np.fill_diagonal(lower, np.inf)  # no graph is its own neighbor
    pieces = row_pieces(len(asked))
    tasks = [(asked[rows], candidates, lower[rows], slack[rows], n_neighbors, solver) for rows in pieces]
    found = [row for rows in run_parallel(_search_rows, tasks, n_jobs) for row in rows]
    distances, indices, n_solved, proved, margins = (np.array(part) for part in zip(*found, strict=True))
    n_candidates = len(candidates) - within
    certificate = search_certificate(n_solved, n_candidates * len(asked), proved, float(margins.min()))
    return GromovNeighborSearch(distances, indices, n_solved, n_candidates, proved, certificate)


class Query(NamedTuple):
    """One of the queries, as it is compared with a candidate."""

    queries: NetworkCollection
    i: int
    candidates: NetworkCollection
    solver: PairSolver

    def second_bound(self, k):
        """A lower bound that is a linear problem."""
        return SECOND_BOUND(self.queries.networks[self.i], self.candidates.networks[k]).value

    def solve(self, k):
        """The interval around the value."""
        return self.solver.solve(self.queries, self.i, self.candidates, k)


class Row(NamedTuple):
    """The neighbors of one query, and the smallest difference of the two bounds of a candidate that was compared."""

    distances: np.ndarray
    indices: np.ndarray
    n_solved: int
    proved: bool
    margin: float


def _search_rows(queries, candidates, lower, slack, n_neighbors, solver):
    """The `Row` of each of some queries."""
    asked = [Query(queries, i, candidates, solver) for i in range(len(queries))]
    return [_search(query, *bounds, n_neighbors) for query, *bounds in zip(asked, lower, slack, strict=True)]


def _search(query, lower, slack, n_neighbors):
    """Neighbors of one query: candidates in the order of their lower bounds, until these exceed the distances found.

    A candidate at ``(distance, position)`` replaces the last neighbor if it comes before it, and its distance is not
    below its lower bound: once ``(lower bound, position)`` comes after the last neighbor, so do all that follow.
    """
    lower, nearest, n_solved, margin = lower.copy(), [], 0, np.inf
    for k in np.argsort(lower, kind="stable"):
        full = len(nearest) == n_neighbors
        if full and (lower[k], k) > nearest[-1]:
            break
        if full:
            lower[k] = max(lower[k], query.second_bound(k) - slack[k])
            if (lower[k], k) > nearest[-1]:
                continue
        found = query.solve(k)
        n_solved += found.searched
        lower[k] = max(lower[k], found.lower - slack[k])
        margin = min(margin, found.upper - lower[k])
        insort(nearest, (found.upper if found.upper > TIES * slack[k] else 0.0, k))
        del nearest[n_neighbors:]
    distances, indices = (np.array(part) for part in zip(*nearest, strict=True))
    others = np.delete(lower, indices)
    return Row(distances, indices, n_solved, bool(others.min(initial=np.inf) >= distances[-1]), margin)
