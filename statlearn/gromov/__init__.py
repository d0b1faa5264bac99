"""Gromov-Wasserstein distance between relational objects, with a proved interval around its value."""

from ._aligner import GromovAligner
from ._barycenter import GromovBarycenter
from ._costs import DenseCost, GramCost, LineCost, LowRankCost, SparseGraphCost, SquaredEuclideanCost
from ._distance import GromovWassersteinDistance
from ._graph_cost import graph_cost
from ._interval import gromov_wasserstein_bounds, gromov_wasserstein_lower_bound, sorted_gromov_wasserstein
from ._logits import coactivation_graph, graph_on_logits_loss, universal_logit_loss
from ._neighbor_prediction import GromovNeighborsClassifier, GromovNeighborsRegressor
from ._neighbor_search import GromovNeighborSearch
from ._neighbors import GromovNeighbors
from ._result import GromovWassersteinResult
from ._signature import GromovSignature
from ._validation import PotValidation, validate_against_pot

__all__ = [
    "DenseCost",
    "GramCost",
    "GromovAligner",
    "GromovBarycenter",
    "GromovNeighborSearch",
    "GromovNeighbors",
    "GromovNeighborsClassifier",
    "GromovNeighborsRegressor",
    "GromovSignature",
    "GromovWassersteinDistance",
    "GromovWassersteinResult",
    "LineCost",
    "LowRankCost",
    "PotValidation",
    "SparseGraphCost",
    "SquaredEuclideanCost",
    "coactivation_graph",
    "graph_cost",
    "graph_on_logits_loss",
    "gromov_wasserstein_bounds",
    "gromov_wasserstein_lower_bound",
    "sorted_gromov_wasserstein",
    "universal_logit_loss",
    "validate_against_pot",
]
