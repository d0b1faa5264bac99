"""Samples that are nodes: from one column of ids to positions in the graph."""

import numpy as np

__all__ = ["node_positions"]


def node_positions(graph, ids):
    """Positions of the nodes named by a vector: names where the graph has them, positions otherwise."""
    if graph.names is None:
        return _checked_positions(ids, graph.n_nodes)
    known = {name: position for position, name in enumerate(graph.names)}
    unknown = [node for node in ids.tolist() if node not in known]
    if unknown:
        raise ValueError(f"X must hold names of nodes of the graph. Got {unknown[0]!r}, which is none of them.")
    return np.array([known[node] for node in ids.tolist()], dtype=np.intp)


def _checked_positions(ids, n_nodes):
    cure = f"X must hold one column of node ids, integers from 0 to {n_nodes - 1}."
    shown = ids.tolist()
    numbers = np.array(shown)  # of objects, too
    if numbers.dtype.kind not in "iuf":
        raise ValueError(f"{cure} Got {shown[0]!r}; the graph has no names.")
    positions = numbers.astype(np.intp)
    wrong = (positions != numbers) | (positions < 0) | (positions >= n_nodes)
    if wrong.any():
        raise ValueError(f"{cure} Got {shown[int(np.argmax(wrong))]!r}.")
    return positions
