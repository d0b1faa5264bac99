"""Minimizers in a graph of labels, from the shortest paths of the observed labels alone."""

import numpy as np

from ._searches import ENTRIES_AT_ONCE, near_least

__all__ = ["GraphSearch"]


class GraphSearch:
    """F by matrix products, from paths found once; arguments as for `DenseSearch`. Any power.

    Labels as far as each other from every observed label have one score, so only the first of such a group can be
    predicted. None of several such labels is observed: it would be at distance 0 from the others.
    """

    def __init__(self, metric, observed, allowed, power):
        self.metric, self.power = metric, power
        paths = metric.paths(observed)
        paths = paths if allowed.size == paths.shape[1] else paths[:, allowed]
        kept = first_of_equal_columns(paths)
        self.paths, self.labels, self.width = paths[:, kept], allowed[kept], kept.size

    def candidates(self, P):
        """Labels that may minimize; see `DenseSearch.candidates`. O(n_samples n_observed n_groups)."""
        scores = np.empty((P.shape[0], self.labels.size))
        step = max(1, ENTRIES_AT_ONCE // self.paths.shape[0])
        for start in range(0, self.labels.size, step):
            part = slice(start, start + step)
            scores[:, part] = P @ self.metric.powers_of_paths(self.paths[:, part], self.power)
        return near_least(scores, self.labels)


def first_of_equal_columns(table):
    """Ascending places of the columns of a table that equal none before them."""
    columns = np.ascontiguousarray(table.T)
    whole = columns.view(np.dtype((np.void, columns.itemsize * columns.shape[1])))[:, 0]
    return np.sort(np.unique(whole, return_index=True)[1])
