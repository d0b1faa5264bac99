"""Gromov-Wasserstein distance between relational objects, with a proved interval around its value."""

from ._costs import DenseCost, GramCost, LineCost, LowRankCost, SparseGraphCost, SquaredEuclideanCost
from ._graph_cost import graph_cost
from ._interval import gromov_wasserstein_bounds, gromov_wasserstein_lower_bound, sorted_gromov_wasserstein
from ._logits import coactivation_graph, graph_on_logits_loss, universal_logit_loss
from ._result import GromovWassersteinResult

__all__ = [
    "DenseCost",
    "GramCost",
    "GromovWassersteinResult",
    "LineCost",
    "LowRankCost",
    "SparseGraphCost",
    "SquaredEuclideanCost",
    "coactivation_graph",
    "graph_cost",
    "graph_on_logits_loss",
    "gromov_wasserstein_bounds",
    "gromov_wasserstein_lower_bound",
    "sorted_gromov_wasserstein",
    "universal_logit_loss",
]
