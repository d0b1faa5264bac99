"""Disconnected graphs: refuse them, keep the largest component, or treat each component on its own."""

import numpy as np

__all__ = ["DISCONNECTED", "kept_components", "share_clusters"]

DISCONNECTED = ("raise", "block", "largest")
SHOWN_SIZES = 5


def kept_components(graph, name, needs_connected, disconnected):
    """Arrays of nodes that are treated together: all nodes where the measure allows it."""
    if not needs_connected or graph.n_components == 1:
        return [np.arange(graph.n_nodes)]
    sizes = graph.component_sizes()
    if disconnected == "raise":
        largest = np.sort(sizes)[::-1]
        shown = ", ".join(map(str, largest[:SHOWN_SIZES])) + (", ..." if len(sizes) > SHOWN_SIZES else "")
        raise ValueError(
            f"graph has {len(sizes)} components (sizes {shown}); {name} needs a connected graph. "
            "Use disconnected='largest' or 'block' of the estimators."
        )
    if disconnected == "largest":
        return [np.flatnonzero(graph.component_labels == np.argmax(sizes))]
    order = np.argsort(graph.component_labels, kind="stable")
    return np.split(order, np.cumsum(sizes)[:-1])


def share_clusters(sizes, n_clusters):
    """Clusters per component: one each, each further one where most nodes share a cluster; never more than nodes."""
    sizes = np.asarray(sizes)
    if n_clusters < len(sizes):
        raise ValueError(
            f"n_clusters={n_clusters} must be at least the number of components, {len(sizes)}, when "
            "disconnected='block'. Use disconnected='largest'."
        )
    shares = np.ones(len(sizes), dtype=np.int64)
    for _ in range(n_clusters - len(sizes)):
        room = np.where(shares < sizes, sizes / shares, -1.0)
        shares[np.argmax(room)] += 1
    return shares
