"""Costs between the nodes of a relational object, dense or factorized.

Rows of a factorized cost have closed-form moments, so that the bounds of Gromov-Wasserstein that need no more than
these run on a million nodes.
"""

from scipy import sparse

from ._cost_base import Cost
from ._cost_input import check_magnitude, real_array, real_sparse, require_square
from ._factor_costs import GramCost, LowRankCost
from ._matrix_costs import DenseCost, SparseGraphCost
from ._point_costs import LineCost, SquaredEuclideanCost

__all__ = [
    "Cost",
    "DenseCost",
    "GramCost",
    "LineCost",
    "LowRankCost",
    "SparseGraphCost",
    "SquaredEuclideanCost",
    "as_cost",
]


def as_cost(C, name="C"):
    """Read a cost from whatever the user holds.

    Parameters
    ----------
    C : Cost, array-like or sparse matrix of shape (n, n)
        A cost is returned as it is, a sparse matrix becomes a `SparseGraphCost`, anything else a `DenseCost`.
    name : str, default="C"
        Name of the argument in messages.

    Returns
    -------
    cost : Cost
        The cost.

    Raises
    ------
    TypeError
        If the entries are no real numbers.
    ValueError
        If the matrix is empty, not square, or has missing, infinite or extremely large entries.

    Examples
    --------
    >>> from statlearn.gromov._costs import as_cost
    >>> as_cost([[0, 1], [1, 0]], "C1")
    DenseCost(n_nodes=2)
    """
    if isinstance(C, Cost):
        return C
    read, cost_class = (real_sparse, SparseGraphCost) if sparse.issparse(C) else (real_array, DenseCost)
    cost = cost_class._from(require_square(read(C, name), name))
    check_magnitude(cost._bound(), name)
    return cost
