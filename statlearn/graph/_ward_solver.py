r"""Ward's clustering of a symmetric matrix of squared distances, which may have negative entries.

Merging the clusters ``a`` and ``b`` raises the objective ``J`` of kernel k-means by the cost

.. math:: c(a, b) = \frac{n_a n_b}{n_a + n_b} d^2(a, b) \qquad (c(i, j) = D_{ij} / 2 \text{ for two single nodes}),

where ``d2`` is the squared distance of the centers. By the recurrence of Lance and Williams a further cluster ``k`` has

.. math:: c(a \cup b, k) = \frac{(n_a + n_k) c(a, k) + (n_b + n_k) c(b, k) - n_k c(a, b)}{n_a + n_b + n_k}.

The recurrence is linear in ``D``, so that it holds for an indefinite kernel as well. If ``c(a, b)`` exceeds neither
``c(a, k)`` nor ``c(b, k)``, the right-hand side is at least the smaller of the two, whatever the signs (replace both by
the smaller). Nearest neighbors of each other may thus be merged in any order (Murtagh 1983), and no merge costs less
than those below it: there are no inversions.

=============  ===========  =========================================================================
symbol         name         meaning, shape
=============  ===========  =========================================================================
``c``          ``costs``    merge costs of the clusters at hand, (n, n); a cluster lives in the row of its lowest node
``n_a``        ``sizes``    number of nodes, (n,)
=============  ===========  =========================================================================
"""

import numpy as np

from .._support.jit import njit

__all__ = ["cut_merges", "ward_merges"]


def ward_merges(D):
    """Merge the two clusters that raise the objective least, until one is left.

    Parameters
    ----------
    D : array-like of shape (n, n)
        Squared distances ``k_ii + k_jj - 2 k_ij``: symmetric with zero diagonal (only entries off the diagonal are
        read), of any sign. Not changed; one working copy is made.

    Returns
    -------
    merges : ndarray of shape (n - 1, 4)
        The format of `scipy.cluster.hierarchy.linkage`: row ``t`` merges the clusters in columns 0 and 1 (the lower
        number first) into cluster ``n + t`` with as many nodes as column 3 says. Column 2 is the merge cost, the
        increase of the objective, in the unit of ``D``; it never decreases, and the costs sum to the objective of one
        single cluster. SciPy's heights are ``sqrt(2 * cost)``, which does not exist for the negative costs that an
        indefinite kernel can have.

    Raises
    ------
    ValueError
        If ``D`` is not square, is empty, or has an entry off the diagonal that is not finite.

    Notes
    -----
    Nearest-neighbor chain: time and memory are of order ``n ** 2``. Among equal costs the cluster with the lowest node
    is taken, unless the chain can end in a merge; without ties the result is that of always merging the cheapest pair.

    References
    ----------
    .. [1] F. Murtagh (1983). "A Survey of Recent Advances in Hierarchical Clustering Algorithms". The Computer
       Journal, 26(4), 354-359.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._ward_solver import ward_merges
    >>> points = np.array([0.0, 1.0, 5.0])
    >>> ward_merges((points[:, None] - points) ** 2)
    array([[ 0. ,  1. ,  0.5,  2. ],
           [ 2. ,  3. , 13.5,  3. ]])
    """
    costs = np.array(D, dtype=np.float64, order="C")
    if costs.ndim != 2 or costs.shape[0] != costs.shape[1] or costs.size == 0:
        raise ValueError(f"D must be a square matrix, not empty. Got an array of shape {costs.shape} instead.")
    costs *= 0.5
    np.fill_diagonal(costs, np.inf)
    if np.isfinite(costs).sum() != costs.size - len(costs):
        raise ValueError("D must be finite off its diagonal. Distances between the components of a graph are not.")
    pairs, heights = _chain_merges(costs)
    order = np.argsort(heights, kind="stable")  # equal costs keep the order of the chain: children before parents
    return _linkage(pairs[order], heights[order])


def cut_merges(merges, n_clusters):
    """Undo the last merges, so that a given number of clusters is left.

    Parameters
    ----------
    merges : ndarray of shape (n - 1, 4)
        From `ward_merges`.
    n_clusters : int
        Number of clusters, from 1 to ``n``.

    Returns
    -------
    labels : ndarray of shape (n,)
        Cluster of each node, an integer; clusters are numbered in the order of their first nodes.

    Raises
    ------
    ValueError
        If ``n_clusters`` is not between 1 and ``n``.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._ward_solver import cut_merges, ward_merges
    >>> points = np.array([5.0, 0.0, 1.0])
    >>> cut_merges(ward_merges((points[:, None] - points) ** 2), 2)
    array([0, 1, 1])
    """
    n = len(merges) + 1
    if not 1 <= n_clusters <= n:
        raise ValueError(f"n_clusters must be between 1 and the number of nodes, {n}. Got {n_clusters} instead.")
    roots = np.arange(2 * n - n_clusters)
    children = merges[: n - n_clusters, :2].astype(np.intp)
    for cluster, pair in zip(roots[: n - 1 : -1], children[::-1], strict=True):
        roots[pair] = roots[cluster]
    _, first, labels = np.unique(roots[:n], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[labels]


@njit
def _nearest(row, active, start):
    """Cheapest partner: ``start`` unless another is strictly cheaper, the lowest number among those."""
    best = start
    for k in active:
        if row[k] < row[best]:
            best = k
    return best


@njit
def _absorb(costs, sizes, active, a, b):
    """Merge cluster ``b`` into cluster ``a`` by the recurrence."""
    cost, size_a, size_b = costs[a, b], sizes[a], sizes[b]
    for k in active:
        if k != a:
            cost_a, cost_b, size_k = costs[a, k], costs[b, k], sizes[k]
            updated = ((size_a + size_k) * cost_a + (size_b + size_k) * cost_b - size_k * cost) / (
                size_a + size_b + size_k
            )
            # In exact arithmetic the bound always holds. Rounding must not break it: the chain relies on it to end.
            costs[a, k] = costs[k, a] = max(updated, min(cost_a, cost_b))
    sizes[a] = size_a + size_b


@njit
def _chain_merges(costs):
    """Pairs of rows in the order in which the nearest-neighbor chain merges them, and their costs; changes ``costs``.

    The chain goes from each cluster to its nearest neighbor. Each link is strictly cheaper than the one before, so
    that no cluster occurs twice, until the last two clusters are nearest to each other.
    """
    n = costs.shape[0]
    pairs, heights = np.empty((n - 1, 2), np.int64), np.empty(n - 1)
    sizes, active, chain = np.ones(n), np.arange(n), np.empty(n, np.int64)
    n_active, length = n, 0
    for step in range(n - 1):
        if length == 0:
            chain[0], length = active[0], 1
        while True:
            last = chain[length - 1]
            before = chain[length - 2] if length > 1 else last  # the diagonal is infinite: anything is cheaper
            nearest = _nearest(costs[last], active[:n_active], before)
            if length > 1 and nearest == before:
                break
            chain[length] = nearest
            length += 1
        a, b = min(last, before), max(last, before)
        pairs[step, 0], pairs[step, 1], heights[step] = a, b, costs[a, b]
        position = np.searchsorted(active[:n_active], b)
        active[position : n_active - 1] = active[position + 1 : n_active]
        n_active, length = n_active - 1, length - 2
        _absorb(costs, sizes, active[:n_active], a, b)
    return pairs, heights


@njit
def _linkage(pairs, heights):
    """Number the clusters of sorted merges of rows. A row holds nested clusters, so its latest one is the right one."""
    n = len(pairs) + 1
    merges, numbers, sizes = np.empty((n - 1, 4)), np.arange(n), np.ones(n)
    for t in range(n - 1):
        a, b = pairs[t]
        sizes[a] += sizes[b]
        merges[t, 0], merges[t, 1] = min(numbers[a], numbers[b]), max(numbers[a], numbers[b])
        merges[t, 2], merges[t, 3] = heights[t], sizes[a]
        numbers[a] = n + t
    return merges
