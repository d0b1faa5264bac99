"""The linear assignment problem with potentials that survive from one problem to the next.

Conditional gradient solves a sequence of assignment problems whose costs change little, so each starts from the column
potentials of the last: nearly all rows then find their column in one scan, which makes a step several times cheaper
than a solver that starts from nothing. The method is that of Jonker and Volgenant (1987): augmenting row reduction,
then shortest augmenting paths. Since the potentials are returned, the value can be certified by weak duality.
"""

import numpy as np

from .._support.jit import njit

__all__ = ["assign", "dual_value"]

REDUCTIONS = 3  # passes of row reduction; the rows they leave are assigned by shortest paths


@njit
def assign(cost, potentials, exact=True):
    """The permutation that minimizes ``sum of cost[i, permutation[i]]``; improves ``potentials`` in place.

    If not ``exact``, rows that the reduction leaves over take what column is left, which is a good permutation at a
    fraction of the price.
    """
    n = cost.shape[0]
    column_of = np.full(n, -1, dtype=np.int64)
    row_of = np.full(n, -1, dtype=np.int64)
    free = _reduce_rows(cost, potentials, column_of, row_of)
    if not exact:
        _fill(cost, potentials, column_of, row_of, free)
        return column_of
    distance = np.empty(n)
    previous = np.empty(n, dtype=np.int64)
    columns = np.empty(n, dtype=np.int64)
    for row in free:
        _augment(cost, potentials, column_of, row_of, row, distance, previous, columns)
    return column_of


@njit
def _reduce_rows(cost, potentials, column_of, row_of):
    """Give rows their cheapest column, lowering its potential to the second best; returns the rows left over."""
    n = cost.shape[0]
    free = np.arange(n)
    for _ in range(REDUCTIONS):
        left = np.empty(free.shape[0], dtype=np.int64)
        n_left = 0
        for row in free:
            best, second, column = np.inf, np.inf, 0
            for j in range(n):
                reduced = cost[row, j] - potentials[j]
                if reduced < second:
                    if reduced < best:
                        best, second, column = reduced, best, j
                    else:
                        second = reduced
            displaced = row_of[column]
            if second > best:
                if second < np.inf:
                    potentials[column] -= second - best
            elif displaced >= 0:
                left[n_left] = row
                n_left += 1
                continue
            row_of[column] = row
            column_of[row] = column
            if displaced >= 0:
                column_of[displaced] = -1
                left[n_left] = displaced
                n_left += 1
        free = left[:n_left]
        if n_left == 0:
            break
    return free


@njit
def _fill(cost, potentials, column_of, row_of, free):
    """Give each row that is left its best column among those that are left."""
    for row in free:
        best, column = np.inf, -1
        for j in range(cost.shape[0]):
            if row_of[j] < 0 and cost[row, j] - potentials[j] < best:
                best, column = cost[row, j] - potentials[j], j
        row_of[column] = row
        column_of[row] = column


@njit
def _augment(cost, potentials, column_of, row_of, start, distance, previous, columns):
    """Assign one more row along the shortest path to a column that has none."""
    n = cost.shape[0]
    for j in range(n):
        distance[j] = cost[start, j] - potentials[j]
        previous[j] = start
        columns[j] = j
    ready = scanned = todo = 0  # columns[:ready] are done, columns[ready:todo] lie at the current distance
    shortest = 0.0
    end = -1
    while end < 0:
        if scanned == todo:
            ready = scanned
            shortest = np.inf
            for k in range(todo, n):
                j = columns[k]
                if distance[j] <= shortest:
                    if distance[j] < shortest:
                        todo = scanned
                        shortest = distance[j]
                    columns[k] = columns[todo]
                    columns[todo] = j
                    todo += 1
            for k in range(scanned, todo):
                if row_of[columns[k]] < 0:
                    end = columns[k]
                    break
            if end >= 0:
                break
        column = columns[scanned]
        scanned += 1
        row = row_of[column]
        offset = cost[row, column] - potentials[column] - shortest
        for k in range(todo, n):
            j = columns[k]
            through = cost[row, j] - potentials[j] - offset
            if through < distance[j]:
                distance[j] = through
                previous[j] = row
                if through <= shortest:
                    if row_of[j] < 0:
                        end = j
                        break
                    columns[k] = columns[todo]
                    columns[todo] = j
                    todo += 1
    for k in range(ready):
        j = columns[k]
        potentials[j] += distance[j] - shortest
    column = end
    while True:
        row = previous[column]
        row_of[column] = row
        displaced = column_of[row]
        column_of[row] = column
        if row == start:
            break
        column = displaced


@njit
def dual_value(cost, potentials):
    """A lower bound of the least sum for any potentials, equal to it for those of `assign`."""
    n = cost.shape[0]
    total = 0.0
    for i in range(n):
        best = np.inf
        for j in range(n):
            best = min(best, cost[i, j] - potentials[j])
        total += best + potentials[i]
    return total
