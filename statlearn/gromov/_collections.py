"""Collections of graphs: reading them, and what is computed once per graph so that pairs cost little.

A collection is what the estimators of this family learn from: one graph is one sample. Reading it turns each graph into
a `MeasureNetwork`; packing the features of all networks lets compiled loops run over pairs without a Python call each.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from scipy.spatial.distance import cdist

from .._kernels.transport import pairwise_wasserstein
from .._support.validation import check_array
from ._cost_base import read_only
from ._cost_input import check_magnitude, real_array
from ._costs import DenseCost, LineCost, SquaredEuclideanCost, as_cost
from ._graph_cost import graph_cost
from ._network import MeasureNetwork, as_network

__all__ = ["COSTS", "Measures", "NetworkCollection", "check_networks", "point_cost"]

KEY_BYTES = 16
NO_PATH = 1e18  # longer than any path


def _hops(graph):
    """Hop distances; the cure for graphs without a path is spelled as the estimators take it."""
    distances = graph_cost(graph, "hop", unreachable=NO_PATH)
    if distances.max() >= NO_PATH:
        raise ValueError(
            "hop distances need a path between all nodes, and the graph is disconnected. Use its largest component, "
            "or cost=functools.partial(graph_cost, unreachable='max+1')."
        )
    return distances


def point_cost(cloud, kind, name="the point cloud"):
    """Distances between points, or their squares; distances on a line need no matrix. Errors speak of the points."""
    points = real_array(check_array(cloud, dtype=np.float64, input_name=name), name)
    if kind == "sqeuclidean":
        cost = SquaredEuclideanCost._from(points)
    elif points.shape[1] == 1:
        cost = LineCost._from(points[:, 0])
    else:
        cost = DenseCost._from(read_only(cdist(points, points)))
    check_magnitude(cost._bound(), name)
    return cost


COSTS = {
    "hop": _hops,
    "adjacency": lambda graph: graph_cost(graph, "adjacency"),
    "heat": lambda graph: graph_cost(graph, "heat"),
    "precomputed": lambda matrix: matrix,
    "euclidean": lambda cloud: point_cost(cloud, "euclidean"),
    "sqeuclidean": lambda cloud: point_cost(cloud, "sqeuclidean"),
}


def check_networks(X, cost, name="X"):
    """Read a collection of graphs.

    Parameters
    ----------
    X : list, tuple, ndarray of shape (n_samples, n, n), object array or series of shape (n_samples,)
        The graphs, each as its cost takes it, or as a tuple of that and its node weights.
    cost : str or callable
        A key of `COSTS`, or a function from a graph to a square matrix or a `Cost`.
    name : str, default="X"
        Name of the collection in messages.

    Returns
    -------
    networks : list of MeasureNetwork
        One per graph, without nodes of weight zero.

    Raises
    ------
    TypeError, ValueError
        If X is no collection, is empty, or has an invalid graph; the message says at which position.
    """
    read = COSTS[cost] if isinstance(cost, str) else cost
    return [_read(item, read, f"{name}[{position}]") for position, item in enumerate(_items(X, name))]


def _items(X, name):
    """The graphs of a collection."""
    if _is_series(X):
        X = X.to_list()  # by position, whatever its index is
    if not isinstance(X, (list, tuple)) and not (isinstance(X, np.ndarray) and X.ndim in (1, 3)):
        shape = getattr(X, "shape", None)
        found = f"{type(X).__name__}" + (f" of shape {shape}" if shape is not None else "")
        raise (TypeError if shape is None else ValueError)(
            f"{name} must be a list of graphs, one per sample. Got an object of type {found}. Pass [{name}] if it is a "
            + ("single graph, or the column that holds the graphs." if hasattr(X, "columns") else "single graph.")
        )
    if len(X) == 0:
        raise ValueError(f"{name} must have at least one graph. Got an empty {type(X).__name__}.")
    return X


def _is_series(X):
    """Whether this is a series of pandas or polars, told by what it can do."""
    return hasattr(X, "to_list") and len(getattr(X, "shape", ())) == 1


def _read(item, read, label):
    """The network of one graph; whatever is wrong with it is said of its place in the collection."""
    try:
        graph, weights = _split(item)
        return as_network(as_cost(read(graph), "the matrix"), weights, "the matrix", "the weights")[0]
    except (TypeError, ValueError) as error:
        category = ValueError if isinstance(error, ValueError) else TypeError
        raise category(f"{label}: {error}") from error
    except Exception as error:  # of a callable cost: its type belongs to the user, so that the place goes into a note
        error.add_note(f"This was raised for {label}.")
        raise


def _split(item):
    """A graph and the weights of its nodes, or None."""
    if not isinstance(item, tuple):
        return item, None
    if len(item) != 2:
        raise ValueError(f"a tuple must hold a graph and its node weights. Got {len(item)} entries.")
    return item


@dataclass(frozen=True)
class Measures:
    """Measures on the line of any sizes, end to end, in the layout of `pairwise_wasserstein`."""

    values: np.ndarray
    weights: np.ndarray
    starts: np.ndarray

    @classmethod
    def pack(cls, measures):
        """Put pairs of points and weights end to end, the points in ascending order and equal ones merged.

        Merging changes no distance, and makes hop distances and adjacencies a handful of points.
        """
        merged = [_merge(values, weights) for values, weights in measures]
        sizes = [values.size for values, _ in merged]
        values, weights = (np.concatenate(parts) for parts in zip(*merged, strict=True))
        return cls(values, weights, np.concatenate([[0], np.cumsum(sizes)]))

    def __getitem__(self, rows):
        """The measures of a slice of the collection."""
        starts = self.starts[rows.start : rows.stop + 1]
        points = slice(starts[0], starts[-1])
        return Measures(self.values[points], self.weights[points], starts - starts[0])

    def distances(self, others):
        """Squared Wasserstein distances to all of the others."""
        return pairwise_wasserstein(
            self.values, self.weights, self.starts, others.values, others.weights, others.starts, 2
        )


def _merge(values, weights):
    distinct, places = np.unique(values, return_inverse=True)
    return distinct, np.bincount(places, weights)


class NetworkCollection:
    """Networks of a collection and their packed features, each computed when it is first asked for.

    Every feature has one entry per network and can be sliced, like the collection.

    Parameters
    ----------
    networks : list of MeasureNetwork
        The networks.
    """

    def __init__(self, networks):
        self.networks = networks

    def __len__(self):
        return len(self.networks)

    def __getitem__(self, rows):
        """The networks of a slice, not copied: what one of them computes is there for all tasks in this process."""
        return NetworkCollection(self.networks[rows])

    def __getstate__(self):
        """The costs and weights alone: features are computed again where they are needed."""
        return {"networks": [MeasureNetwork(network.cost, network.weights) for network in self.networks]}

    @cached_property
    def keys(self):
        """One string of bytes per network: equal ones belong to networks that are equal node by node."""
        return [_key(network) for network in self.networks]

    @cached_property
    def is_symmetric(self):
        """Whether the cost is symmetric."""
        return np.array([network.is_symmetric for network in self.networks])

    @cached_property
    def means(self):
        """Means of the costs."""
        return np.array([network.mean for network in self.networks])

    @cached_property
    def second_moments(self):
        """Second moments of the costs."""
        return np.array([network.second_moment for network in self.networks])

    @cached_property
    def variances(self):
        """Second moments of the costs about their means, without the digits that a difference of moments would lose."""
        return np.array([_variance(network) for network in self.networks])

    @cached_property
    def row_deviations(self):
        """Deviations of the row means."""
        return self._node_measures("row_deviation")

    @cached_property
    def column_deviations(self):
        """Deviations of the column means."""
        return self._node_measures("column_deviation")

    @cached_property
    def row_sizes(self):
        """Root mean squares of the rows."""
        return self._node_measures("row_rms")

    def _node_measures(self, feature):
        return Measures.pack((getattr(network, feature), network.weights) for network in self.networks)

    @cached_property
    def entries(self):
        """All entries of the costs."""
        return Measures.pack(
            (network.dense.ravel(), np.outer(network.weights, network.weights).ravel()) for network in self.networks
        )

    @cached_property
    def spectra(self):
        """Positive and absolute negative eigenvalues of the residuals, descending: a pair of arrays per network."""
        return [network.residual_spectrum for network in self.networks]


def _key(network):
    digest = blake2b(network.weights.tobytes(), digest_size=KEY_BYTES)
    digest.update(network.dense.tobytes())
    return digest.digest()


def _variance(network):
    deviations = network.row_deviation**2 + network.column_deviation**2
    return float(network.weights @ deviations) + network.residual_norm**2
