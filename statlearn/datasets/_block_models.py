"""Random graphs with known communities: the stochastic block model, and the benchmark graphs of networkx."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from scipy.sparse import coo_array

from statlearn._support._sklearn import Interval, validate_params
from statlearn._support.random_streams import spawn_generators

from .._typing import ArrayLike, IntArray, LegacyRandomState

__all__ = ["make_lfr", "make_sbm"]

SLACK = 4.0  # standard deviations of the number of gaps drawn beyond the expected one, so that one draw mostly does
MAX_SEED = 2**31
MAX_INT32 = 2**31 - 1
LFR_CURES = {  # part of the message of networkx -> what to do
    "average_degree": "No power law from 1 to max_degree has this mean: move average_degree, tau1 or max_degree.",
    "power law sequence": "No draw of community sizes added up to n_nodes: lower min_community or tau2, raise "
    "max_community or max_iter, or try another random_state.",
    "assign communities": "The neighbors of a node do not fit into its community: raise min_community or mu, or lower "
    "average_degree or max_degree.",
}
LFR_OTHER_CURE = "Move tau1 and tau2 away from 1, where draws become too large for a float."


@validate_params(
    {"sizes": ["array-like"], "P": ["array-like"], "random_state": ["random_state"]},
    prefer_skip_nested_validation=True,
)
def make_sbm(
    sizes: ArrayLike, P: ArrayLike, *, random_state: LegacyRandomState = None
) -> tuple[sparse.csr_array, IntArray]:
    """Draw an undirected graph from a stochastic block model.

    Each pair of different nodes is joined with a probability that depends on their blocks only, independently of all
    other pairs [1]_.

    Parameters
    ----------
    sizes : array-like of shape (n_blocks,)
        Number of nodes of each block, positive integers. The nodes are numbered block by block.
    P : array-like of shape (n_blocks, n_blocks) or pair of float (p_in, p_out)
        Edge probabilities: symmetric, from 0 to 1. The pair stands for ``p_in`` within each block and ``p_out``
        between any two.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness; pass an int for the same graph in every call.

    Returns
    -------
    A : scipy.sparse.csr_array of shape (n_nodes, n_nodes)
        Adjacency matrix, symmetric float64 with entries 0 and 1 and zero diagonal. The graph need not be connected.
    y : ndarray of shape (n_nodes,)
        Block of each node, integers ``0, ..., n_blocks - 1``.

    Raises
    ------
    TypeError
        If ``sizes`` are not integers or ``P`` is not numeric.
    ValueError
        If there is no block, a size is not positive, a probability is outside [0, 1], or ``P`` has the wrong shape or
        is not symmetric.

    See Also
    --------
    make_lfr : Graphs whose degrees and community sizes follow power laws.

    Notes
    -----
    The gaps between the edges of a pair of blocks are drawn, which are geometric [2]_. Time and memory are of the order
    of the numbers of edges, nodes and pairs of blocks.

    References
    ----------
    .. [1] P. W. Holland, K. B. Laskey and S. Leinhardt (1983). "Stochastic blockmodels: First steps". Social Networks,
       5(2), 109-137.
    .. [2] V. Batagelj and U. Brandes (2005). "Efficient generation of large random networks". Physical Review E,
       71, 036113.

    Examples
    --------
    >>> from statlearn.datasets import make_sbm
    >>> A, y = make_sbm([50, 50], (0.3, 0.1), random_state=0)
    >>> A.shape, y[:3], y[-3:]
    ((100, 100), array([0, 0, 0]), array([1, 1, 1]))
    >>> A, y = make_sbm([2, 1], [[1.0, 0.0], [0.0, 0.0]])
    >>> A.toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 0.]])
    """
    sizes = _check_sizes(sizes)
    P = _check_probabilities(P, len(sizes))
    (rng,) = spawn_generators(random_state, 1)
    starts = np.cumsum(sizes) - sizes
    edges = [np.empty((2, 0), dtype=np.int64)]
    for a, b in np.argwhere(np.triu(P) > 0):
        inside = _pairs_within(rng, sizes[a], P[a, a]) if a == b else _pairs_between(rng, sizes[a], sizes[b], P[a, b])
        edges.append(inside + starts[[a, b], None])
    return _adjacency(*np.hstack(edges), sizes.sum()), np.repeat(np.arange(len(sizes)), sizes)


@validate_params(
    {
        "n_nodes": [Interval(Integral, 2, None, closed="left")],
        "tau1": [Interval(Real, 1, None, closed="neither")],
        "tau2": [Interval(Real, 1, None, closed="neither")],
        "mu": [Interval(Real, 0, 1, closed="both")],
        "average_degree": [Interval(Real, 0, None, closed="neither")],
        "max_degree": [Interval(Integral, 1, None, closed="left"), None],
        "min_community": [Interval(Integral, 1, None, closed="left")],
        "max_community": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_lfr(
    n_nodes: int = 250,
    *,
    tau1: float = 3.0,
    tau2: float = 1.5,
    mu: float = 0.1,
    average_degree: float = 5.0,
    max_degree: int | None = None,
    min_community: int = 20,
    max_community: int | None = None,
    max_iter: int = 500,
    random_state: LegacyRandomState = None,
) -> tuple[sparse.csr_array, IntArray]:
    """Draw a graph whose degrees and community sizes follow power laws (needs networkx).

    The benchmark of Lancichinetti, Fortunato and Radicchi [1]_, as drawn by
    ``networkx.generators.community.LFR_benchmark_graph``, with its self-loops removed.

    Parameters
    ----------
    n_nodes : int, default=250
        Number of nodes.
    tau1 : float, default=3.0
        Exponent of the degrees, greater than 1.
    tau2 : float, default=1.5
        Exponent of the community sizes, greater than 1.
    mu : float in [0, 1], default=0.1
        Intended share of the edges of a node that leave its community; see the notes.
    average_degree : float, default=5.0
        Mean of the power law of the degrees, which sets its lower end, an integer; the graph has it roughly.
    max_degree : int or None, default=None
        Upper end of the power law of the degrees; ``None`` means ``n_nodes // 2``.
    min_community : int, default=20
        Smallest community.
    max_community : int or None, default=None
        Largest community; ``None`` means ``n_nodes // 2``.
    max_iter : int, default=500
        How often each part of the construction is tried.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness; pass an int for the same graph in every call.

    Returns
    -------
    A : scipy.sparse.csr_array of shape (n_nodes, n_nodes)
        Adjacency matrix, symmetric float64 with entries 0 and 1 and zero diagonal. The graph need not be connected.
    y : ndarray of shape (n_nodes,)
        Community of each node, integers; communities are numbered in the order of their first nodes.

    Raises
    ------
    ImportError
        If networkx is not installed.
    ValueError
        If an argument is out of range, the bounds of degrees and communities exclude each other, or networkx finds no
        graph of this kind in ``max_iter`` tries; the message says which parameter to relax.

    See Also
    --------
    make_sbm : Graphs with given blocks and edge probabilities.

    Notes
    -----
    The wiring of networkx 3 counts edges that other nodes have drawn against the share inside the community (issues
    6762 and 6809 there). More edges than ``mu`` says then leave the communities, mostly, and degrees exceed the power
    law: with ``n_nodes=1000, tau1=2.5, average_degree=20, max_degree=50, max_community=100`` the shares are about 0.16,
    0.46 and 0.72 for ``mu`` of 0.1, 0.3 and 0.5, and the mean degree is 27 to 29. Report the share that the graph has,
    ``np.mean(y[i] != y[j])`` with ``i, j = A.nonzero()``. A node whose only edge was a self-loop is isolated.

    networkx also searches forever if no community size is allowed, or if a node with many neighbors is to find them
    outside a community that is nearly the whole graph. Hence the upper bounds here, which are below those of networkx,
    and the rule ``max_degree + max_community <= n_nodes`` (unless ``mu=0``).

    References
    ----------
    .. [1] A. Lancichinetti, S. Fortunato and F. Radicchi (2008). "Benchmark graphs for testing community detection
       algorithms". Physical Review E, 78, 046110.

    Examples
    --------
    >>> from statlearn.datasets import make_lfr
    >>> A, y = make_lfr(random_state=0)
    >>> A.shape, y.shape
    ((250, 250), (250,))
    """
    max_degree = n_nodes // 2 if max_degree is None else max_degree
    max_community = n_nodes // 2 if max_community is None else max_community
    _check_bounds(n_nodes, mu, max_degree, min_community, max_community)
    (rng,) = spawn_generators(random_state, 1)
    graph = _draw_lfr(
        n_nodes,
        float(tau1),
        float(tau2),
        float(mu),
        average_degree=float(average_degree),
        max_degree=int(max_degree),
        min_community=int(min_community),
        max_community=int(max_community),
        max_iters=int(max_iter),
        seed=int(rng.integers(MAX_SEED)),
    )
    edges = np.array([(u, v) for u, v in graph.edges if u != v], dtype=np.int64).reshape(-1, 2)
    return _adjacency(*edges.T, n_nodes), _community_labels(graph)


def _check_bounds(n_nodes, mu, max_degree, min_community, max_community):
    """Refuse bounds with which networkx would search forever."""
    if min_community > max_community:
        raise ValueError(
            f"min_community={min_community} is above max_community={max_community} (default: n_nodes // 2); lower the "
            "one or raise the other."
        )
    if max_degree + max_community > n_nodes and mu > 0:
        raise ValueError(
            f"max_degree={max_degree} and max_community={max_community} add up to more than n_nodes={n_nodes}: a node "
            "might not find its neighbors outside its community. Lower one of them."
        )


def _draw_lfr(*args, **kwargs):
    """The graph of networkx, whose failures become messages with a cure."""
    try:
        import networkx as nx
    except ImportError as error:
        raise ImportError(
            "make_lfr draws its graphs with networkx, which is not installed; install it with "
            "`pip install 'statlearn[networkx]'`."
        ) from error
    try:
        return nx.LFR_benchmark_graph(*args, **kwargs)
    except (nx.NetworkXException, OverflowError) as error:
        cure = next((cure for part, cure in LFR_CURES.items() if part in str(error)), LFR_OTHER_CURE)
        raise ValueError(f"make_lfr found no graph with these parameters (networkx: {error}). {cure}") from error


def _community_labels(graph):
    labels = np.full(len(graph), -1)
    n_communities = 0
    for node, community in graph.nodes(data="community"):
        if labels[node] < 0:
            labels[list(community)] = n_communities
            n_communities += 1
    return labels


def _check_sizes(sizes):
    sizes = np.asarray(sizes)
    if sizes.ndim != 1 or sizes.size == 0:
        raise ValueError(
            f"sizes must be a sequence with one size per block. Got an array of shape {sizes.shape} instead."
        )
    if sizes.dtype.kind not in "iu":
        raise TypeError(f"sizes must be integers. Got entries of type {sizes.dtype} instead.")
    if (sizes < 1).any():
        raise ValueError(
            f"sizes must be positive. Got {sizes.min()} for block {sizes.argmin()}; leave empty blocks out."
        )
    return sizes.astype(np.int64)


def _check_probabilities(P, n_blocks):
    """Matrix of edge probabilities, from a matrix or a pair."""
    P = np.asarray(P)
    if P.dtype.kind not in "buif":
        raise TypeError(f"P must be a matrix or a pair of numbers. Got entries of type {P.dtype} instead.")
    if P.shape == (2,):
        P = np.where(np.eye(n_blocks, dtype=bool), *P)
    if P.shape != (n_blocks, n_blocks):
        raise ValueError(
            f"P must have shape ({n_blocks}, {n_blocks}), a row and a column per block, or be a pair (p_in, p_out). "
            f"Got an array of shape {P.shape} instead."
        )
    outside = P[~((P >= 0.0) & (P <= 1.0))]
    if outside.size:
        raise ValueError(f"P must hold probabilities, from 0 to 1. Got {outside[0]} instead.")
    if (P != P.T).any():
        a, b = np.argwhere(P != P.T)[0]
        raise ValueError(
            f"P must be symmetric, since edges have no direction. Got P[{a}, {b}]={P[a, b]} and P[{b}, {a}]={P[b, a]}; "
            "pass (P + P.T) / 2."
        )
    return P.astype(np.float64)


def _pairs_within(rng, size, probability):
    """Edges of one block: pair number ``k = j (j - 1) / 2 + i`` joins ``i < j``."""
    number = _successes(rng, size * (size - 1) // 2, probability)
    j = ((1.0 + np.sqrt(1.0 + 8.0 * number)) / 2.0).astype(np.int64)
    j -= j * (j - 1) // 2 > number  # the square root may be rounded up to an odd integer, never down past one
    return np.stack([number - j * (j - 1) // 2, j])


def _pairs_between(rng, size_a, size_b, probability):
    """Edges between two blocks."""
    return np.stack(np.divmod(_successes(rng, size_a * size_b, probability), size_b))


def _successes(rng, n_trials, probability):
    """Numbers of the successful ones of independent trials, increasing, from the gaps between them."""
    runs, last = [np.empty(0, dtype=np.int64)], -1
    while last < n_trials - 1:
        expected = (n_trials - 1 - last) * probability
        gaps = rng.geometric(probability, size=int(expected + SLACK * np.sqrt(expected)) + 1)
        runs.append(last + np.cumsum(gaps))
        last = runs[-1][-1]
    positions = np.concatenate(runs)
    return positions[: np.searchsorted(positions, n_trials)]


def _adjacency(i, j, n_nodes):
    """Adjacency matrix of distinct pairs of different nodes, with 32-bit indices where they suffice."""
    index = np.int32 if max(n_nodes, 2 * len(i)) <= MAX_INT32 else np.int64
    upper = coo_array((np.ones(len(i)), (i.astype(index), j.astype(index))), shape=(n_nodes, n_nodes)).tocsr()
    return upper + upper.T.tocsr()
