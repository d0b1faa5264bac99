r"""Kernels on rooted trees: their layout, distances, and the Fréchet functional of many rows of weights.

All but the first two know a node by its position in a depth-first order in which the child with the largest subtree
comes first. A *heavy path*, from a node down through such children, then is a range of positions, and every path to the
root meets O(log N) of them.

The sums over the mass below a node, and those over all mass at a node, are

.. math::

    S_k(v) = \sum_{i \text{ below } v} P_i\, d(v, i)^k, \quad T = \sum_i P_i, \quad
    M(v) = \sum_i P_i\, d(v, i), \quad F(v) = \sum_i P_i\, d(v, i)^2 .

For a child v of u at distance w they obey

.. math::

    S_0(u) &\mathrel{+}= S_0(v), \qquad S_1(u) \mathrel{+}= S_1(v) + w S_0(v), \qquad
    S_2(u) \mathrel{+}= S_2(v) + 2 w S_1(v) + w^2 S_0(v), \\
    M(v) &= M(u) + w (T - 2 S_0(v)), \qquad F(v) = F(u) + 2 w \{M(u) - 2 (S_1(v) + w S_0(v))\} + w^2 T .

Rounding of F at nodes as good as the best is relative to F at the top, where it is a sum of non-negative terms: towards
the minimum F falls, and :math:`w \sqrt T \le \sqrt{F(u)} + \sqrt{F(v)}` bounds the terms of each step.

| symbol | name | shape |
|---|---|---|
| position of the parent, -1 for the root | ``parents`` | (n_nodes,) |
| position of the first node of the heavy path | ``heads`` | (n_nodes,) |
| end of the range of nodes below | ``ends`` | (n_nodes,) |
| sum of the lengths of edges from the root | ``depths`` | (n_nodes,) |
| where rows start, in compressed sparse rows | ``starts`` | (n_rows + 1,) |
| columns and weights of the entries of rows | ``columns``, ``weights`` | (n_entries,) |
"""

import numpy as np

from .._support.jit import njit

__all__ = [
    "compressed_candidates",
    "depth_first",
    "descended_candidates",
    "distances_by_ancestors",
    "distances_by_sweeps",
    "hang_up",
    "leaves_first",
    "lowest_common_ancestors",
    "mark_spanned",
    "may_be_best",
    "paired_tree_distances",
    "path_sums",
    "swept_candidates",
]


# The layout


@njit
def leaves_first(parents):
    """Nodes, children before parents, and sizes of subtrees. Nodes of a cycle are not listed. O(N)."""
    n = parents.size
    waiting = np.zeros(n, np.int64)  # for so many children
    for v in range(n):
        if parents[v] >= 0:
            waiting[parents[v]] += 1
    listed, sizes = np.empty(n, np.int64), np.ones(n, np.int64)
    count = 0
    for v in range(n):
        if waiting[v] == 0:
            listed[count] = v
            count += 1
    done = 0
    while done < count:
        v = listed[done]
        done += 1
        u = parents[v]
        if u >= 0:
            sizes[u] += sizes[v]
            waiting[u] -= 1
            if waiting[u] == 0:
                listed[count] = u
                count += 1
    return listed[:count], sizes


@njit
def depth_first(parents, listed, sizes):
    """Position of every node, the child with the largest subtree first; by position, the head of its path. O(N)."""
    n = parents.size
    heavy = np.full(n, -1)
    for v in range(n):
        u = parents[v]
        if u >= 0 and (heavy[u] < 0 or sizes[v] > sizes[heavy[u]]):
            heavy[u] = v
    positions, free, heads = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for k in range(n - 1, -1, -1):
        v = listed[k]
        u = parents[v]
        if u >= 0:
            if heavy[u] == v:
                positions[v] = positions[u] + 1
                heads[positions[v]] = heads[positions[u]]
            else:
                positions[v] = heads[free[u]] = free[u]
                free[u] += sizes[v]
        if heavy[v] >= 0:
            free[v] = positions[v] + 1 + sizes[heavy[v]]
    return positions, heads


@njit
def path_sums(parents, lengths):
    """Sums of the lengths of edges from the root; the length of the root is not read. O(N)."""
    sums = np.zeros(parents.size)
    for p in range(1, parents.size):
        sums[p] = sums[parents[p]] + lengths[p]
    return sums


# Distances


@njit
def _meeting(p, q, parents, heads):
    """Lowest common ancestor, O(log N): the path whose head comes later does not hold it."""
    while heads[p] != heads[q]:
        if heads[p] > heads[q]:
            p = parents[heads[p]]
        else:
            q = parents[heads[q]]
    return min(p, q)


@njit
def _bent(p, q, a, depths):
    """Length of the path from p to q through their lowest common ancestor a, exact for its two parts."""
    return (depths[p] - depths[a]) + (depths[q] - depths[a])


@njit
def lowest_common_ancestors(first, second, parents, heads):
    """Lowest common ancestors of pairs of nodes."""
    found = np.empty(first.size, np.int64)
    for i in range(first.size):
        found[i] = _meeting(first[i], second[i], parents, heads)
    return found


@njit
def paired_tree_distances(first, second, parents, heads, depths):
    """Distances between pairs of nodes."""
    found = np.empty(first.size)
    for i in range(first.size):
        p, q = first[i], second[i]
        found[i] = _bent(p, q, _meeting(p, q, parents, heads), depths)
    return found


@njit
def distances_by_ancestors(sources, targets, parents, heads, depths):
    """Distances from sources to targets, O(log N) each."""
    found = np.empty((sources.size, targets.size))
    for i in range(sources.size):
        p = sources[i]
        for j in range(targets.size):
            q = targets[j]
            found[i, j] = _bent(p, q, _meeting(p, q, parents, heads), depths)
    return found


@njit
def distances_by_sweeps(sources, targets, parents, depths):
    """Distances from sources to targets, O(N) for each source: a node meets it where its parent does, or is above."""
    found = np.empty((sources.size, targets.size))
    meeting = np.empty(parents.size, np.int64)
    for i in range(sources.size):
        for q in range(parents.size):
            meeting[q] = -1
        p = sources[i]
        while p >= 0:
            meeting[p] = p
            p = parents[p]
        for q in range(parents.size):
            if meeting[q] < 0:
                meeting[q] = meeting[parents[q]]
        for j in range(targets.size):
            q = targets[j]
            found[i, j] = _bent(sources[i], q, meeting[q], depths)
    return found


# Members: a connected set of nodes, on which F is evaluated, and the labels that hang off it


@njit
def mark_spanned(nodes, parents, heads):
    """Mask of the nodes on paths between given nodes, which ascend."""
    top = _meeting(nodes[0], nodes[-1], parents, heads)  # of all, as they are between these in depth-first order
    inside = np.zeros(parents.size, np.bool_)
    inside[top] = True
    for p in nodes:
        while not inside[p]:
            inside[p] = True
            p = parents[p]
    return inside


@njit
def hang_up(place, nodes, parents, depths):
    """Place among the members where the paths from nodes to the members arrive, and the lengths of these paths.

    ``place`` is -1 at nodes that are no members, of which the first is the top, with place 0. O(N).
    """
    place, rise, top = place.copy(), np.zeros(parents.size), 0
    while place[top] != 0:
        top += 1
    p = parents[top]
    while p >= 0:  # what hangs above the top, or off a node there, arrives in the top
        place[p], rise[p] = 0, depths[top] - depths[p]
        p = parents[p]
    gate = np.empty(parents.size, np.int64)  # where the path arrives at a member, or at a node above the top
    for p in range(parents.size):
        gate[p] = p if place[p] >= 0 else gate[parents[p]]
    places, heights = np.empty(nodes.size, np.int64), np.empty(nodes.size)
    for label in range(nodes.size):
        p = nodes[label]
        places[label] = place[gate[p]]
        heights[label] = rise[gate[p]] + (depths[p] - depths[gate[p]])
    return places, heights


@njit
def may_be_best(places, heights, are_members, n_members, absolute, relative):
    """Mask of the labels that may be best among those with the same place.

    F grows with the height, so only the lowest labels count, and those so little higher that they may tie: within an
    absolute and a relative distance. Of those at equal heights, up to rounding, the first is as good as any, but labels
    that are members stay.
    """
    lowest = np.full(n_members, np.inf)
    for label in range(places.size):
        lowest[places[label]] = min(lowest[places[label]], heights[label])
    kept, taken = np.zeros(places.size, np.bool_), np.zeros(n_members, np.bool_)
    for label in range(places.size):
        v = places[label]
        excess = heights[label] - lowest[v]
        if are_members[label] or excess > EQUAL * lowest[v]:
            kept[label] = excess <= absolute + relative * lowest[v]
        elif not taken[v]:
            kept[label] = taken[v] = True
    return kept


EQUAL = 1e-13  # relative difference of heights that only rounding made


@njit
def swept_candidates(
    starts, columns, weights, observed, parents, lengths, places, heights, labels, of_squares, slack, sizes
):
    """Labels whose F may be within the tie tolerance of the least, row by row, and their number into ``sizes``.

    The number stays 0 where F is not finite. ``observed`` are the places of the columns among the members, ``parents``
    those of the parents of members, which come first, ``lengths`` their distances to them. Label c hangs at a height h
    above a place v, where the functional is F(v) + 2 h M(v) + h^2 T; with ``of_squares`` false it is that of the
    median, M(v) + h T. O(n_members + n_labels) per row.
    """
    S = np.empty((parents.size, 3))  # S0, S1 then M, S2 then F
    scores = np.empty(labels.size)
    found, count = np.empty(sizes.size + labels.size, np.int64), 0
    for row in range(sizes.size):
        for v in range(parents.size):
            S[v, 0] = S[v, 1] = S[v, 2] = 0.0
        for entry in range(starts[row], starts[row + 1]):
            S[observed[columns[entry]], 0] += weights[entry]
        for v in range(parents.size - 1, 0, -1):
            u, w = parents[v], lengths[v]
            rise = w * S[v, 0]
            S[u, 2] += S[v, 2] + w * (2.0 * S[v, 1] + rise)
            S[u, 1] += S[v, 1] + rise
            S[u, 0] += S[v, 0]
        total = S[0, 0]
        for v in range(1, parents.size):
            u, w, below = parents[v], lengths[v], S[v, 0]
            S[v, 2] = S[u, 2] + w * (2.0 * (S[u, 1] - 2.0 * (S[v, 1] + w * below)) + w * total)
            S[v, 1] = S[u, 1] + w * (total - 2.0 * below)
        least = np.inf
        for c in range(labels.size):
            v, h = places[c], heights[c]
            scores[c] = S[v, 2] + h * (2.0 * S[v, 1] + h * total) if of_squares else S[v, 1] + h * total
            least = min(least, scores[c])
        enough = least + slack * (least + (S[0, 2] if of_squares else S[0, 1]))
        first = count
        if enough < np.inf:
            for c in range(labels.size):
                if scores[c] <= enough:
                    found[count] = labels[c]
                    count += 1
        sizes[row] = count - first
        found = _with_room(found, count, labels.size)
    return found[:count]


@njit
def _with_room(values, count, room):
    """The first values, and room for more behind them, in a longer array if that of now does not do.

    To be called once per row: arrays that change in a loop over labels make it twice as slow.
    """
    if count + room <= values.size:
        return values
    longer = np.empty(2 * count + room, np.int64)
    for i in range(count):
        longer[i] = values[i]
    return longer


# The compressed tree of a row: the nodes with mass and those where paths between them branch


@njit
def descended_candidates(starts, weights, firsts, nodes, places, parents, heads, ends, depths, shortest, slack, sizes):
    """Nodes whose F may be within the tie tolerance of the least, row by row, by the way down to them.

    Entries of row i are ``nodes[k]``, ascending, from k = ``firsts[i]`` on, with weights ``weights[starts[i] +
    places[k]]``; there are ``starts[i + 1] - starts[i]``, and weights may be 0. Every node may be best.

    With sums of weights and of weights times depths over ranges of entries, S0 and S1 of any node are differences. From
    the top, F can only fall towards the child below which there is more than half of M, hence the entry where the
    moments below sum to a half. The minimum over the points of the tree, at y0 on one of the paths of the compressed
    tree, is found there as the vertex of F(u) + T y (y - 2 y0), a quadratic in the distance y from its upper end. Nodes
    other than the one or two next to it have an F larger by T times the square of the shortest edge; if that is less
    than four times the tolerance, the answer is undecided and no node is returned at all. O(s + b log N) per row, for s
    entries and b branches on the way.
    """
    longest = 0
    for row in range(sizes.size):
        longest = max(longest, starts[row + 1] - starts[row])
    W, Q = np.zeros(longest + 1), np.zeros(longest + 1)
    found, count = np.empty(2 * sizes.size, np.int64), 0
    for row in range(sizes.size):
        start, first, size = starts[row], firsts[row], starts[row + 1] - starts[row]
        top = _meeting(nodes[first], nodes[first + size - 1], parents, heads)
        F = 0.0
        for j in range(size):
            weight, d = weights[start + places[first + j]], depths[nodes[first + j]] - depths[top]
            W[j + 1] = W[j] + weight
            Q[j + 1] = Q[j] + weight * d
            F += weight * d * d
        total, M, at_top = W[size], Q[size], F
        u, low, high = top, 0, size
        lowest = 0.0
        while True:
            above = below = u
            inner = low + (nodes[first + low] == u)  # first entry below u
            if inner == high:
                break
            d = depths[u] - depths[top]
            middle = _middle(inner, high, d, W, Q)
            child = _child_towards(u, nodes[first + middle], parents, heads)
            low = _first_from(child, first + inner, first + middle, nodes) - first
            high = _first_from(ends[child], first + middle, first + high, nodes) - first
            v = _meeting(nodes[first + low], nodes[first + high - 1], parents, heads)
            w, mass = depths[v] - depths[u], W[high] - W[low]
            moment = (Q[high] - Q[low]) - d * mass
            lowest = (2.0 * moment - M) / total
            if lowest <= 0.0:
                break
            if lowest < w:
                above, below = _climb(v, depths[u] + lowest, parents, heads, depths)
                break
            F += w * (2.0 * (M - 2.0 * moment) + w * total)
            M += w * (total - 2.0 * mass)
            u = v
        F_above, F_below = F, F
        if above != below:
            y, z = depths[above] - depths[u], depths[below] - depths[u]
            F_above, F_below = F + total * y * (y - 2.0 * lowest), F + total * z * (z - 2.0 * lowest)
        least = min(F_above, F_below)
        tolerance = slack * (least + at_top)
        if not shortest * shortest * total > 4.0 * tolerance:
            return found[:0]
        sizes[row] = 0
        if F_above <= least + tolerance:
            found[count] = above
            count, sizes[row] = count + 1, 1
        if above != below and F_below <= least + tolerance:
            found[count] = below
            count, sizes[row] = count + 1, sizes[row] + 1
    return found[:count]


@njit
def _middle(start, stop, d, W, Q):
    """First entry up to which half of the moment of a range of entries about depth d is reached."""
    half = 0.5 * ((Q[stop] - Q[start]) - d * (W[stop] - W[start]))
    low, high = start, stop - 1
    while low < high:
        entry = (low + high) // 2
        if (Q[entry + 1] - Q[start]) - d * (W[entry + 1] - W[start]) >= half:
            high = entry
        else:
            low = entry + 1
    return low


@njit
def _child_towards(u, p, parents, heads):
    """Child of u above p, or p, which is below u. O(log N)."""
    while heads[p] > u:
        head = heads[p]
        p = parents[head]
        if p == u:
            return head
    return u + 1


@njit
def _first_from(node, low, high, nodes):
    """First place between low and high, where the nodes ascend, from which on they are not before a node."""
    while low < high:
        middle = (low + high) // 2
        if nodes[middle] >= node:
            high = middle
        else:
            low = middle + 1
    return low


@njit
def compressed_candidates(starts, support, weights, parents, heads, depths, slack, sizes):
    """Nodes whose F may be within the tie tolerance of the least, row by row, and their number into ``sizes``.

    The number stays 0 where F is not finite. Every node may be best. ``support`` are the nodes with weight, which
    ascend in a row, ``weights`` positive. On a path between neighbors in the compressed tree F is one quadratic, so no
    other node is visited but those next to its minimum. O(s log N) per row, for s weights.
    """
    longest = 0
    for row in range(sizes.size):
        longest = max(longest, starts[row + 1] - starts[row])
    nodes, up = np.empty(2 * longest, np.int64), np.empty(2 * longest, np.int64)
    listed, stack = np.empty(2 * longest, np.int64), np.empty(2 * longest, np.int64)
    S = np.empty((2 * longest, 4))  # S0, S1, M, F
    found, count = np.empty(sizes.size + parents.size, np.int64), 0
    for row in range(sizes.size):
        n = _compress(
            starts[row], starts[row + 1], support, weights, parents, heads, depths, nodes, up, listed, stack, S
        )
        least = _least(n, listed[n - 1], nodes, up, S, parents, heads, depths)
        first = count
        enough = least + slack * (least + S[listed[n - 1], 3])
        if enough < np.inf:
            count = _add_low_nodes(n, listed[n - 1], enough, nodes, up, S, parents, heads, depths, found, count)
        sizes[row] = count - first
        found = _with_room(found, count, parents.size)
    return found[:count]


@njit
def _compress(start, stop, support, weights, parents, heads, depths, nodes, up, listed, stack, S):
    """Compressed tree of a row: nodes, their parents, an order with children first, and sums; returns its size.

    The stack holds the path from the top of what was seen to the last node; what leaves it is complete.
    """
    n, height, done = 0, 0, 0
    for entry in range(start, stop):
        if height > 0:
            meeting = _meeting(nodes[stack[height - 1]], support[entry], parents, heads)
            while height > 1 and nodes[stack[height - 2]] >= meeting:
                done = _close(stack[height - 1], stack[height - 2], done, nodes, up, listed, S, depths)
                height -= 1
            if nodes[stack[height - 1]] > meeting:
                _open(n, meeting, 0.0, nodes, S)
                done = _close(stack[height - 1], n, done, nodes, up, listed, S, depths)
                stack[height - 1] = n
                n += 1
        _open(n, support[entry], weights[entry], nodes, S)
        stack[height] = n
        height, n = height + 1, n + 1
    while height > 1:
        done = _close(stack[height - 1], stack[height - 2], done, nodes, up, listed, S, depths)
        height -= 1
    top = listed[n - 1] = stack[0]
    S[top, 2] = S[top, 1]
    for k in range(n - 2, -1, -1):
        v = listed[k]
        u = up[v]
        w = depths[nodes[v]] - depths[nodes[u]]
        S[v, 3] = S[u, 3] + w * (2.0 * (S[u, 2] - 2.0 * (S[v, 1] + w * S[v, 0])) + w * S[top, 0])
        S[v, 2] = S[u, 2] + w * (S[top, 0] - 2.0 * S[v, 0])
    return n


@njit
def _open(v, node, weight, nodes, S):
    """Begin the sums of a node."""
    nodes[v] = node
    S[v, 0], S[v, 1], S[v, 3] = weight, 0.0, 0.0


@njit
def _close(v, u, done, nodes, up, listed, S, depths):
    """Add the sums of v, which is complete, to those of its parent u; S2 is kept where F will be."""
    w = depths[nodes[v]] - depths[nodes[u]]
    rise = w * S[v, 0]
    S[u, 0] += S[v, 0]
    S[u, 1] += S[v, 1] + rise
    S[u, 3] += S[v, 3] + w * (2.0 * S[v, 1] + rise)
    up[v] = u
    listed[done] = v
    return done + 1


@njit
def _lowest_point(v, u, w, S, total):
    """The minimum y0 of F(u) + T y (y - 2 y0), which is F at a distance y from u towards v; it may be off the path.

    Distances are taken from u since F(u) is small where the path matters, while F(v) may be large.
    """
    return (2.0 * (S[v, 1] + w * S[v, 0]) - S[u, 2]) / total


@njit
def _least(n, top, nodes, up, S, parents, heads, depths):
    """Least F over all nodes: at a node of the compressed tree, or next to the minimum inside one of its paths."""
    least, total = np.inf, S[top, 0]
    for v in range(n):
        least = min(least, S[v, 3])
        if v == top:
            continue
        u = up[v]
        end, w = depths[nodes[u]], depths[nodes[v]] - depths[nodes[u]]
        lowest = _lowest_point(v, u, w, S, total)
        if 0.0 < lowest < w:
            above, below = _climb(nodes[v], end + lowest, parents, heads, depths)
            for p in (above, below):
                y = depths[p] - end
                least = min(least, S[u, 3] + total * y * (y - 2.0 * lowest))
    return least


@njit
def _add_low_nodes(n, top, enough, nodes, up, S, parents, heads, depths, found, count):
    """Write nodes where F is low enough behind those that were found; returns the new number of these."""
    for v in range(n):
        if S[v, 3] <= enough:
            found[count] = nodes[v]
            count += 1
        if v == top:
            continue
        u = up[v]
        end, w = depths[nodes[u]], depths[nodes[v]] - depths[nodes[u]]
        lowest = _lowest_point(v, u, w, S, S[top, 0])
        square = lowest * lowest + (enough - S[u, 3]) / S[top, 0]
        if square < 0.0 or lowest + np.sqrt(square) <= 0.0:
            continue
        p, _ = _climb(nodes[v], end + min(lowest + np.sqrt(square), w), parents, heads, depths)
        while p > nodes[u] and depths[p] - end >= lowest - np.sqrt(square):
            if p != nodes[v]:
                found[count] = p
                count += 1
            p = parents[p]
    return count


@njit
def _climb(p, depth, parents, heads, depths):
    """Lowest node above p, or p, that is no deeper than given, and the node before it on the way there."""
    below = p
    while depths[heads[p]] > depth:
        below = heads[p]
        p = parents[below]
    low, high = heads[p], p
    while low < high:
        middle = (low + high + 1) // 2
        if depths[middle] <= depth:
            low = middle
        else:
            high = middle - 1
    return low, below if low == p else low + 1
