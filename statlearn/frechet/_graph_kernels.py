"""Shortest paths in graphs whose edges all have one length."""

import numpy as np

from .._support.jit import njit

__all__ = ["breadth_first", "most_steps"]


@njit
def breadth_first(indptr, indices, sources, queue, steps):
    """Fill ``steps[k, v]`` with the number of edges on a shortest path from ``sources[k]`` to v.  O(n_nodes + n_edges).

    On entry all of ``steps`` holds one value, larger than any number of steps; it stays where there is no path.
    ``queue`` has room for n_nodes entries.
    """
    for k in range(sources.size):
        row = steps[k]
        source = sources[k]
        unreached = row[source]
        row[source] = 0
        queue[0] = source
        head, tail = 0, 1
        while head < tail:
            node = queue[head]
            head += 1
            further = row[node] + 1
            for place in range(indptr[node], indptr[node + 1]):
                neighbor = indices[place]
                if row[neighbor] == unreached:
                    row[neighbor] = further
                    queue[tail] = neighbor
                    tail += 1


@njit
def most_steps(indptr, indices):
    """The largest number of edges on a shortest path from the first node of any component.  O(n_nodes + n_edges)."""
    n_nodes = indptr.size - 1
    steps = np.full(n_nodes, -1)
    queue = np.empty(n_nodes, dtype=np.int64)
    most = 0
    for first in range(n_nodes):
        if steps[first] >= 0:
            continue
        steps[first] = 0
        queue[0] = first
        head, tail = 0, 1
        while head < tail:
            node = queue[head]
            head += 1
            for place in range(indptr[node], indptr[node + 1]):
                neighbor = indices[place]
                if steps[neighbor] < 0:
                    steps[neighbor] = steps[node] + 1
                    queue[tail] = neighbor
                    tail += 1
        most = max(most, steps[queue[tail - 1]])
    return most
