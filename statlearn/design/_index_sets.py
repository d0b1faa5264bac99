"""Sets of multi-indices that choose which products of one-dimensional functions span a space.

All sets are of the form ``sum_j cost_j(alpha_j) <= budget``, where each cost is 0 at 0 and never falls. So they are
downward closed: with a multi-index they hold all smaller ones.
"""

from dataclasses import dataclass

import numpy as np

from .._support.jit import njit

__all__ = ["INDEX_SETS", "LARGEST_SET", "IndexSet", "index_set_of"]

LARGEST_SET = 1_000_000  # multi-indices
ROUNDING = 1e-12  # by which a sum of costs may exceed the budget, relative

# Costs of the orders k in columns of weights w (d, 1), and the budget.
INDEX_SETS = {
    "total_degree": lambda k, w, degree, q: (w * k, degree),
    "lq": lambda k, w, degree, q: ((w * k) ** q, degree**q),
    "hyperbolic_cross": lambda k, w, degree, q: (w * np.log1p(k), np.log1p(degree)),
    "tensor": lambda k, w, degree, q: (np.where(w * k <= degree * (1.0 + ROUNDING), 0.0, np.inf), 0.0),
}


@dataclass(frozen=True)
class IndexSet:
    """A downward closed set of m multi-indices in d dimensions, by ascending sum of their orders.

    Attributes
    ----------
    positions : ndarray of int64 of shape (m, d)
        The multi-indices; the first is zero.
    parents : ndarray of int64 of shape (m,)
        Row of the multi-index in which the last entry that is not zero is set to zero.
    columns : ndarray of int64 of shape (m,)
        Column of that entry; 0 for the zero index.
    """

    positions: np.ndarray
    parents: np.ndarray
    columns: np.ndarray


def index_set_of(name, degree, *, q, weights, orders):
    """Build an index set.

    Parameters
    ----------
    name : {"total_degree", "hyperbolic_cross", "tensor", "lq"}
        ``sum w_j k_j <= degree``, ``prod (k_j + 1)^w_j <= degree + 1``, ``max w_j k_j <= degree`` or
        ``sum (w_j k_j)^q <= degree^q``, where ``k_j`` is the order of function ``alpha_j``.
    degree : int
        The largest order.
    q : float
        Power of ``"lq"``.
    weights : ndarray of shape (d,)
        ``w``, at least 1.
    orders : ndarray of int64 of shape (n_functions,)
        Order of each one-dimensional function, ascending from 0 to ``degree``.

    Returns
    -------
    index_set : IndexSet
        The set.

    Raises
    ------
    ValueError
        If it has more than `LARGEST_SET` members.
    """
    costs, budget = INDEX_SETS[name](orders.astype(np.float64), weights[:, None], float(degree), q)
    budget *= 1.0 + ROUNDING
    none = np.empty(0, dtype=np.int64)
    size = _walk(costs, budget, LARGEST_SET, none.reshape(0, weights.size), none, none)
    if size > LARGEST_SET:
        raise ValueError(
            f"index_set={name!r} with degree={degree} in {weights.size} dimensions has {_stated_size(costs, budget)} "
            f"members; {LARGEST_SET} are the most that are built. Lower the degree, use a sparser index_set "
            "('hyperbolic_cross', or 'lq' with a smaller q) or larger entries of anisotropy."
        )
    positions = np.empty((size, weights.size), dtype=np.int64)
    parents, columns = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int64)
    _walk(costs, budget, LARGEST_SET, positions, parents, columns)
    return _graded(positions, parents, columns, orders)


def _graded(positions, parents, columns, orders):
    """Sort by the sum of the orders, and among equals from large to small first entries."""
    backward = np.arange(parents.size)[::-1]
    graded = backward[np.argsort(orders[positions].sum(axis=1)[backward], kind="stable")]
    rank = np.empty_like(graded)
    rank[graded] = np.arange(graded.size)
    return IndexSet(positions[graded], rank[parents[graded]], columns[graded])


def _stated_size(costs, budget):
    """The number of members in words, from the distinct sums of costs and how often each occurs."""
    sums, counts = np.zeros(1), np.ones(1)
    for row in costs:
        if sums.size * row.size > LARGEST_SET:
            return f"more than {LARGEST_SET}"
        totals = np.add.outer(sums, row)
        affordable = totals <= budget
        sums, places = np.unique(totals[affordable].round(9), return_inverse=True)
        counts = np.bincount(places, weights=np.repeat(counts, affordable.sum(axis=1)))
    return f"about {counts.sum():.4g}"


@njit
def _walk(costs, budget, limit, positions, parents, columns):
    """Visit the multi-indices in lexicographic order, write those that fit, and count them up to ``limit + 1``.

    In loops, as arrays assigned to slices would take seconds to compile.
    """
    d, size = costs.shape
    index = np.zeros(d, dtype=np.int64)
    spent = np.zeros(d + 1)  # cost of the entries before each column
    row = np.zeros(d + 1, dtype=np.int64)  # where the index with zeros from each column on was written
    count, column, k = 0, 0, 0
    while column >= 0:
        if k < size and spent[column] + costs[column, k] <= budget:
            index[column] = k
            if count < parents.shape[0]:
                for j in range(d):
                    positions[count, j] = index[j]
                parents[count] = row[column]
                columns[count] = column
            for j in range(column, d):
                spent[j + 1] = spent[column] + costs[column, k]
                row[j + 1] = count
            count += 1
            if count > limit:
                return count
            column = d - 1
        else:
            index[column] = 0
            column -= 1
        k = index[column] + 1
    return count
