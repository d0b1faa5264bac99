"""Plain peers of the graph family: what the formulas say, in NumPy and SciPy, one parameter and one restart at a time.

=============  =============  ==========================================================
symbol         name           meaning, shape
=============  =============  ==========================================================
``A``          ``A``          adjacency, (n, n)
``U``          ``U``          indicators of the clusters, (n, k)
``J``          ``inertia``    objective of kernel k-means
=============  =============  ==========================================================
"""

from dataclasses import dataclass

import mpmath
import numpy as np
from scipy import linalg

__all__ = [
    "DISTANCES",
    "PLAIN_KERNELS",
    "PlainPartition",
    "draw_starts",
    "exact_log_heat",
    "grid_graph",
    "indicator_products",
    "lloyd",
    "member_sums",
    "per_restart_kernel_kmeans",
    "plain_kernel",
    "quadratic_forms",
    "single_moves",
    "study_parameter",
]

MOVE_TOL = 1e-12  # smallest decrease of J worth a move, relative to the sum of |k_ii|

# --- kernels, each computed afresh -----------------------------------------------------------------------------------


def _laplacian(A):
    return np.diag(A.sum(axis=1)) - A


def _transition(A):
    return A / A.sum(axis=1)[:, None]


def _normalized(A):
    root = np.sqrt(A.sum(axis=1))
    return A / np.outer(root, root)


def _symmetric(K):
    return (K + K.T) / 2


def _half_odds(x, A):
    return 0.5 * x / (1.0 - x)


def _as_given(x, A):
    return x


def _below_the_pole(x, A):
    return x / linalg.eigvalsh(A, subset_by_index=[len(A) - 1, len(A) - 1])[0]


PLAIN_KERNELS = {  # name -> kernel, parameter of the studies
    "katz": (lambda A, t: linalg.inv(np.eye(len(A)) - t * A), _below_the_pole),
    "communicability": (lambda A, t: linalg.expm(t * A), _half_odds),
    "forest": (lambda A, t: linalg.inv(np.eye(len(A)) + t * _laplacian(A)), _half_odds),
    "heat": (lambda A, t: linalg.expm(-t * _laplacian(A)), _half_odds),
    "normalized_heat": (lambda A, t: linalg.expm(t * (_normalized(A) - np.eye(len(A)))), _half_odds),
    "ppr": (lambda A, t: _symmetric(linalg.inv(np.eye(len(A)) - t * _transition(A))), _as_given),
    "modified_ppr": (lambda A, t: linalg.inv(np.diag(A.sum(axis=1)) - t * A), _as_given),
    "heat_ppr": (lambda A, t: _symmetric(linalg.expm(t * (_transition(A) - np.eye(len(A))))), _half_odds),
}


def plain_kernel(A, name, t):
    """Kernel between nodes by one call of `scipy.linalg.expm` or `scipy.linalg.inv`.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Adjacency of an undirected graph without isolated nodes.
    name : str
        One of `PLAIN_KERNELS`.
    t : float
        Parameter of the formula.

    Returns
    -------
    K : ndarray of shape (n, n)

    Examples
    --------
    >>> plain_kernel(np.array([[0.0, 1.0], [1.0, 0.0]]), "forest", 1.0).round(3)
    array([[0.667, 0.333],
           [0.333, 0.667]])
    """
    return PLAIN_KERNELS[name][0](A, t)


def study_parameter(A, name, x):
    """Parameter of the formula for the x in (0, 1) of the studies of Ivashkin and Chebotarev.

    Parameters
    ----------
    A : ndarray of shape (n, n)
        Adjacency.
    name : str
        One of `PLAIN_KERNELS`.
    x : float or ndarray
        Between 0 and 1.

    Returns
    -------
    t : float or ndarray

    Examples
    --------
    >>> round(float(study_parameter(np.array([[0.0, 2.0], [2.0, 0.0]]), "katz", 0.5)), 12)
    0.25
    """
    return PLAIN_KERNELS[name][1](x, A)


# --- a kernel that is known to all digits ----------------------------------------------------------------------------


def grid_graph(side):
    """Adjacency and Laplacian of the square grid.

    Parameters
    ----------
    side : int
        Nodes per side.

    Returns
    -------
    A, L : ndarray of shape (side**2, side**2)

    Examples
    --------
    >>> grid_graph(2)[0].sum(axis=1)
    array([2., 2., 2., 2.])
    """
    path, one = np.eye(side, k=1) + np.eye(side, k=-1), np.eye(side)
    A = np.kron(path, one) + np.kron(one, path)
    return A, _laplacian(A)


def exact_log_heat(side, t):
    """Logarithm of ``exp(-t L)`` of the square grid, a product of those of two paths, which cosines diagonalize.

    Parameters
    ----------
    side : int
    t : float

    Returns
    -------
    logarithm : ndarray of shape (side**2, side**2)
        Sums of the logarithms of the paths, which are taken with 250 digits as the sums of cosines cancel.

    Examples
    --------
    >>> exact_log_heat(2, 1.0)[0].round(3)
    array([-1.132, -1.405, -1.405, -1.677])
    """
    with mpmath.workdps(250):
        angles = [mpmath.pi * k / side for k in range(side)]
        decay = [mpmath.exp(-t * (2 - 2 * mpmath.cos(angle))) * (1 if k == 0 else 2) for k, angle in enumerate(angles)]
        cosines = [[mpmath.cos(angle * (i + mpmath.mpf(1) / 2)) for angle in angles] for i in range(side)]
        path = np.empty((side, side))
        for i in range(side):
            weighted = [f * c for f, c in zip(decay, cosines[i], strict=True)]
            for j in range(i + 1):
                path[i, j] = path[j, i] = mpmath.log(mpmath.fdot(weighted, cosines[j]) / side)
    return (path[:, None, :, None] + path[None, :, None, :]).reshape(side**2, side**2)


# --- kernel k-means, one restart after the other ---------------------------------------------------------------------


def indicator_products(K, U):
    """Squared distances to the cluster means up to ``k_ii``, by one product with the indicators: O(n^2 k).

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Symmetric kernel.
    U : ndarray of shape (n, k)
        Indicators of the clusters; an empty one is infinitely far.

    Returns
    -------
    distances : ndarray of shape (n, k)
    """
    sizes = U.sum(axis=0)
    filled = np.maximum(sizes, 1.0)
    products = K @ U
    squared_norms = np.einsum("ic,ic->c", U, products) / filled**2
    return np.where(sizes > 0.0, squared_norms - 2.0 * products / filled, np.inf)


def quadratic_forms(K, U):
    """The same from ``(h_c - e_i)' K (h_c - e_i)`` with the means ``h_c``, as pygkernels has it: O(n^3 k), by BLAS.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Symmetric kernel.
    U : ndarray of shape (n, k)
        Indicators of the clusters; an empty one is infinitely far.

    Returns
    -------
    distances : ndarray of shape (n, k)
    """
    sizes = U.sum(axis=0)
    distances = np.full(U.shape, np.inf)
    for c in np.flatnonzero(sizes):
        differences = U[:, c] / sizes[c] - np.eye(len(K))
        distances[:, c] = np.einsum("ij,ij->i", differences @ K, differences) - K.diagonal()
    return distances


def member_sums(K, U):
    """The same from sums over the members of each cluster, chosen by a mask, as tslearn has it: O(n^2).

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Symmetric kernel.
    U : ndarray of shape (n, k)
        Indicators of the clusters; an empty one is infinitely far.

    Returns
    -------
    distances : ndarray of shape (n, k)
    """
    distances = np.full(U.shape, np.inf)
    for c, members in enumerate(U.T > 0.0):
        size = np.count_nonzero(members)
        if size > 0:
            own = K[members][:, members]
            distances[:, c] = own.sum() / size**2 - 2.0 * K[:, members].sum(axis=1) / size
    return distances


DISTANCES = {
    "indicator products": indicator_products,
    "member sums": member_sums,
    "quadratic forms": quadratic_forms,
}


@dataclass(frozen=True)
class PlainPartition:
    """Clusters, the objective J, and how often distances to all means were computed.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    inertia : float
    n_iter : int
    """

    labels: np.ndarray
    inertia: float
    n_iter: int


def lloyd(K, labels, n_clusters, distances=indicator_products, max_iter=300):
    """Lloyd's iterations from given clusters, until they stay or J does not decrease.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Symmetric kernel.
    labels : ndarray of shape (n,)
        Clusters to start from.
    n_clusters : int
    distances : callable
        One of `DISTANCES`.
    max_iter : int, default=300

    Returns
    -------
    partition : PlainPartition

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 10.0, 11.0])
    >>> lloyd(np.outer(x, x), np.array([0, 1, 1, 1]), 2).labels
    array([0, 0, 1, 1])
    """
    trace, everyone = K.trace(), np.arange(len(K))
    best = PlainPartition(labels, np.inf, 0)
    for n_iter in range(1, max_iter + 2):
        D = distances(K, np.eye(n_clusters)[labels])
        inertia = float(trace + D[everyone, labels].sum())
        if not inertia < best.inertia:
            return PlainPartition(best.labels, best.inertia, n_iter)
        best = PlainPartition(labels, inertia, n_iter)
        nearest = D.argmin(axis=1)
        if np.array_equal(nearest, labels):
            return best
        labels = nearest
    return best


def single_moves(K, partition, n_clusters):
    """Always the single move that lowers J most, with the gains of all moves in one array, until none is left.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Symmetric kernel.
    partition : PlainPartition
        Where to start.
    n_clusters : int

    Returns
    -------
    partition : PlainPartition

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 10.0, 11.0])
    >>> start = PlainPartition(np.array([0, 1, 1, 1]), 182 / 3, 0)
    >>> found = single_moves(np.outer(x, x), start, 2)
    >>> found.labels, round(found.inertia, 9)
    (array([0, 0, 1, 1]), 1.0)
    """
    labels, inertia, diagonal = partition.labels.copy(), partition.inertia, K.diagonal()
    U = np.eye(n_clusters)[labels]
    products, sizes, everyone = (K @ U).T.copy(), U.sum(axis=0), np.arange(len(K))
    norms = np.einsum("ic,ci->c", U, products)
    tolerance = MOVE_TOL * np.abs(diagonal).sum()
    while True:
        filled = np.maximum(sizes, 1.0)[:, None]
        D = diagonal - 2.0 * products / filled + norms[:, None] / filled**2
        own = sizes[labels]
        with np.errstate(divide="ignore", invalid="ignore"):
            leaving = np.where(own > 1.0, own / (own - 1.0) * D[labels, everyone], -np.inf)
        gains = leaving - (sizes / (sizes + 1.0))[:, None] * D
        gains[labels, everyone] = 0.0
        new, i = np.unravel_index(gains.argmax(), gains.shape)
        if not gains[new, i] > tolerance:
            return PlainPartition(labels, float(inertia), partition.n_iter)
        old = labels[i]
        norms[old] += diagonal[i] - 2.0 * products[old, i]
        norms[new] += diagonal[i] + 2.0 * products[new, i]
        products[old] -= K[i]
        products[new] += K[i]
        sizes[old], sizes[new] = sizes[old] - 1.0, sizes[new] + 1.0
        labels[i], inertia = new, inertia - gains[new, i]


def draw_starts(K, n_clusters, n_init, seed=0):
    """Clusters around centers drawn by k-means++, one start after the other.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Symmetric kernel; negative squared distances count as 0.
    n_clusters, n_init : int
    seed : int, default=0

    Returns
    -------
    starts : ndarray of shape (n_init, n)
    """
    rng = np.random.default_rng(seed)
    return np.array([_plus_plus(K, n_clusters, rng) for _ in range(n_init)])


def _plus_plus(K, n_clusters, rng):
    diagonal = K.diagonal()
    centers = [int(rng.integers(len(K)))]
    D = [np.maximum(diagonal + diagonal[centers[0]] - 2.0 * K[centers[0]], 0.0)]
    gap = D[0]
    for _ in range(n_clusters - 1):
        centers.append(int(rng.choice(len(K), p=gap / gap.sum() if gap.any() else None)))
        D.append(np.maximum(diagonal + diagonal[centers[-1]] - 2.0 * K[centers[-1]], 0.0))
        gap = np.minimum(gap, D[-1])
    return np.argmin(D, axis=0)


def per_restart_kernel_kmeans(K, n_clusters, n_init=10, distances=indicator_products, refine=False, seed=0):
    """Kernel k-means: k-means++, Lloyd's iterations and perhaps single moves for every restart; the best by J.

    Parameters
    ----------
    K : ndarray of shape (n, n)
        Symmetric kernel.
    n_clusters : int
    n_init : int, default=10
    distances : callable
        One of `DISTANCES`.
    refine : bool, default=False
        Whether single moves follow Lloyd's iterations.
    seed : int, default=0

    Returns
    -------
    partition : PlainPartition

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 10.0, 11.0])
    >>> per_restart_kernel_kmeans(np.outer(x, x), 2).inertia
    1.0
    """
    found = [lloyd(K, start, n_clusters, distances) for start in draw_starts(K, n_clusters, n_init, seed)]
    if refine:
        found = [single_moves(K, partition, n_clusters) for partition in found]
    return min(found, key=lambda partition: partition.inertia)
