"""Slow, plainly written truth about Gromov-Wasserstein, against which the family is tested.

A relational object is a pair ``(C, p)``: a dense square matrix and positive weights that sum to 1. Every function takes
both objects as ``(C1, p), (C2, q)`` or as ``C1, C2, p, q``, and works in the convention of the family::

    GW2(C1, C2) = min over couplings T of p and q of  sum_ijkl (C1_ij - C2_kl)^2 T_ik T_jl

Nothing here is shared with the code under test. The bounds are their formulas, one 1-D problem at a time; the optimum
of a tiny problem is exact, since a quadratic function on a polytope is least at a stationary point of some face.
"""

from itertools import chain, combinations, permutations

import networkx as nx
import numpy as np
import ot

LOSSES = {"square": np.square, "absolute": np.abs}


# -------------------------------------------------------------------------------------------------- the value of a plan
def objective_by_loops(C1, C2, T, loss="square"):
    """``sum_ijkl loss(C1_ij - C2_kl) T_ik T_jl``, as it is written."""
    total = 0.0
    for i in range(len(C1)):
        for j in range(len(C1)):
            for k in range(len(C2)):
                for l in range(len(C2)):  # noqa: E741
                    total += float(LOSSES[loss](C1[i, j] - C2[k, l])) * T[i, k] * T[j, l]
    return total


def loss_tensor(C1, C2, loss="square"):
    """``L_ijkl = loss(C1_ij - C2_kl)``, all of it."""
    return LOSSES[loss](np.asarray(C1, float)[:, :, None, None] - np.asarray(C2, float)[None, None, :, :])


def largest_loss(C1, C2):
    """A bound of all squared losses, the unit of their rounding."""
    return (np.abs(C1).max() + np.abs(C2).max()) ** 2


def objective(C1, C2, T, loss="square"):
    """The value of a plan from the whole tensor of losses."""
    return float(np.einsum("ijkl,ik,jl->", loss_tensor(C1, C2, loss), T, T, optimize=True))


# ---------------------------------------------------------------------------------------------- the parts (section 2.4)
def parts(C, p):
    """``m``, row deviations, column deviations and the doubly centered residual ``h`` of a matrix."""
    mean = float(p @ C @ p)
    rows, columns = C @ p - mean, p @ C - mean
    return mean, rows, columns, C - mean - rows[:, None] - columns[None, :]


def residual_norm(C, p):
    """``|h| = sqrt(sum_ij h_ij^2 p_i p_j)``."""
    h = parts(C, p)[3]
    return float(np.sqrt(np.sum(h**2 * np.outer(p, p))))


def decomposed_objective(C1, C2, p, q, T):
    """The value of a plan as the sum of its four orthogonal terms."""
    (m1, r1, c1, h1), (m2, r2, c2, h2) = parts(C1, p), parts(C2, q)
    rows = np.sum(np.subtract.outer(r1, r2) ** 2 * T)
    columns = np.sum(np.subtract.outer(c1, c2) ** 2 * T)
    return (m1 - m2) ** 2 + rows + columns + objective(h1, h2, T)


# ------------------------------------------------------------------------------------------------ transport on the line
def transport_on_line(x, p, y, q, power=2):
    """``W_power^power`` on the line: the integral of ``|F^-1 - G^-1|^power``, whose integrand is constant on pieces."""
    x, p, y, q = (np.asarray(array, float) for array in (x, p, y, q))
    (x, p), (y, q) = (x[np.argsort(x)], p[np.argsort(x)]), (y[np.argsort(y)], q[np.argsort(y)])
    F, G = np.cumsum(p), np.cumsum(q)
    ends = np.sort(np.concatenate([F, G]))
    starts = np.concatenate([[0.0], ends[:-1]])
    middle = (starts + ends) / 2
    quantile_x = x[np.minimum(np.searchsorted(F, middle), len(x) - 1)]
    quantile_y = y[np.minimum(np.searchsorted(G, middle), len(y) - 1)]
    return float(np.sum((ends - starts) * np.abs(quantile_x - quantile_y) ** power))


def transport(M, p, q):
    """The least ``<T, M>`` over the couplings of ``p`` and ``q``: a plan and a dual solution that prove each other."""
    scale = np.abs(M).max() or 1.0  # the tolerances of POT are absolute
    T, log = ot.emd(p, q, M / scale, log=True)
    slack, value = M / scale - np.add.outer(log["u"], log["v"]), float(np.sum(T * M))
    assert coupling_error(T, p, q) <= 1e-14 and slack.min() >= -1e-12
    assert abs(value / scale - log["u"] @ p - log["v"] @ q) <= 1e-12
    return value


def transport_of_lines(lines1, p, lines2, q, power=2):
    """``W_ik = W_power^power(row i, row k)`` between all rows of two matrices, one at a time."""
    return np.array([[transport_on_line(row, p, other, q, power) for other in lines2] for row in lines1])


# --------------------------------------------------------------------------------------------- the bounds (section 2.5)
def sorted_bound(C1, p, C2, q):
    """``(m1 - m2)^2 + W2^2(r1, r2) + W2^2(c1, c2)``; the two distances are equal for symmetric matrices."""
    (m1, r1, c1, _), (m2, r2, c2, _) = parts(C1, p), parts(C2, q)
    return (m1 - m2) ** 2 + transport_on_line(r1, p, r2, q) + transport_on_line(c1, p, c2, q)


def flb(C1, p, C2, q):
    """``W2^2`` between the root mean squares of the rows."""
    return transport_on_line(np.sqrt(C1**2 @ p), p, np.sqrt(C2**2 @ q), q)


def slb(C1, p, C2, q):
    """``W2^2`` between all entries."""
    return transport_on_line(C1.ravel(), np.outer(p, p).ravel(), C2.ravel(), np.outer(q, q).ravel())


def tlb(C1, p, C2, q):
    """Transport where matching two nodes costs ``W2^2`` between their rows."""
    return transport(transport_of_lines(C1, p, C2, q), p, q)


def hoeffding_tlb(C1, p, C2, q):
    """The same for the residuals, with the deviations in the cost and the means outside."""
    (m1, r1, c1, h1), (m2, r2, c2, h2) = parts(C1, p), parts(C2, q)
    deviations = np.subtract.outer(r1, r2) ** 2 + np.subtract.outer(c1, c2) ** 2
    return (m1 - m2) ** 2 + transport(deviations + transport_of_lines(h1, p, h2, q), p, q)


def spectral(C1, p, C2, q):
    """``sorted`` and the squared distance between the signed spectra of the residuals of ``S + i A``.

    ``S`` and ``A`` are the symmetric and the antisymmetric part of a matrix, so that ``A = 0`` for a symmetric one.
    """
    residuals = [np.sqrt(np.outer(p, p)) * parts(C1, p)[3], np.sqrt(np.outer(q, q)) * parts(C2, q)[3]]
    eigenvalues = [np.linalg.eigvalsh((h + h.T) / 2 + 1j * (h - h.T) / 2) for h in residuals]
    pairs = [[np.maximum(sign * values, 0) for values in eigenvalues] for sign in (1, -1)]
    return sorted_bound(C1, p, C2, q) + sum(_squared_distance_of_spectra(*pair) for pair in pairs)


def _squared_distance_of_spectra(values1, values2):
    size = max(len(values1), len(values2))
    first, second = (np.pad(np.sort(values)[::-1], (0, size - len(values))) for values in (values1, values2))
    return float(np.sum((first - second) ** 2))


BOUNDS = {
    "sorted": sorted_bound,
    "flb": flb,
    "slb": slb,
    "tlb": tlb,
    "hoeffding_tlb": hoeffding_tlb,
    "spectral": spectral,
}

# The bounds on GW1, ``|.|`` in place of the square: the same ideas with W1.
ABSOLUTE_BOUNDS = {
    "sorted": lambda C1, p, C2, q: transport_on_line(C1 @ p, p, C2 @ q, q, power=1),
    "flb": lambda C1, p, C2, q: transport_on_line(np.abs(C1) @ p, p, np.abs(C2) @ q, q, power=1),
    "slb": lambda C1, p, C2, q: transport_on_line(
        C1.ravel(), np.outer(p, p).ravel(), C2.ravel(), np.outer(q, q).ravel(), power=1
    ),
    "tlb": lambda C1, p, C2, q: transport(transport_of_lines(C1, p, C2, q, power=1), p, q),
}


# ---------------------------------------------------------------------------------------------------------- the optimum
def permutation_optimum(C1, C2, loss="square"):
    """The least value over permutations, for equal sizes and equal weights: at least the optimum."""
    n = len(C1)
    best = min(np.mean(LOSSES[loss](C1 - C2[np.ix_(s, s)])) for s in map(list, permutations(range(n))))
    return float(best)


def exact_optimum(C1, C2, p, q, loss="square"):
    """The optimum of a tiny problem, ``n m <= 12``, over the stationary points of all faces of the polytope.

    If the minimum lies inside a face, the quadratic function is stationary there within the span of the face. Either
    that stationary point is unique, or the function is constant along some line through it and the minimum is also
    attained on a smaller face. So the least value over the faces with a feasible stationary point is the optimum.
    """
    n, m = len(C1), len(C2)
    quadratic = loss_tensor(C1, C2, loss).transpose(0, 2, 1, 3).reshape(n * m, n * m)
    scale = quadratic.max() or 1.0
    quadratic = (quadratic + quadratic.T) / (2 * scale)
    marginals = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    masses = np.concatenate([p, q])
    cells, best = range(n * m), np.inf
    for support in map(list, chain.from_iterable(combinations(cells, size) for size in range(max(n, m), n * m + 1))):
        x = _stationary_point(quadratic[np.ix_(support, support)], marginals[:, support], masses)
        if x is not None and x.min() >= -1e-12:
            best = min(best, float(x @ quadratic[np.ix_(support, support)] @ x))
    return scale * best


def _stationary_point(Q, A, b):
    if not A.any(axis=1).all():  # some node has no cell to put its mass in
        return None
    size = len(Q)
    system = np.block([[Q, A.T], [A, np.zeros((len(A), len(A)))]])
    right = np.concatenate([np.zeros(size), b])
    solution = np.linalg.lstsq(system, right, rcond=None)[0]
    return (
        solution[:size] if np.allclose(system @ solution, right, rtol=0, atol=1e-11 * (1 + np.abs(Q).max())) else None
    )


def quadratic_optimum_of_pairs(C1, C2, p, q):
    """The optimum for two nodes against two: plans are a segment, on which the value is a parabola."""
    least, most = max(0.0, p[0] - q[1]), min(p[0], q[0])
    ends = np.array([least, most, (least + most) / 2])
    plans = [np.array([[t, p[0] - t], [q[0] - t, q[1] - p[0] + t]]) for t in ends]
    parabola = np.polyfit(ends - least, [objective(C1, C2, T) for T in plans], 2)
    turn = -parabola[1] / (2 * parabola[0]) if parabola[0] > 1e-13 else 0.0
    return float(np.polyval(parabola, [0.0, most - least, np.clip(turn, 0.0, most - least)]).min())


# ------------------------------------------------------------------------------------------------------- feasible plans
def random_vertex(rng, p, q):
    """A vertex of the polytope: the north-west corner rule on shuffled nodes."""
    rows, columns = list(rng.permutation(len(p))), list(rng.permutation(len(q)))
    left_p, left_q, T = np.array(p, float), np.array(q, float), np.zeros((len(p), len(q)))
    while rows and columns:
        i, k = rows[0], columns[0]
        mass = min(left_p[i], left_q[k])
        T[i, k] += mass
        left_p[i] -= mass
        left_q[k] -= mass
        if len(rows) > 1 and (left_p[i] <= left_q[k] or len(columns) == 1):
            rows.pop(0)
        else:
            columns.pop(0)
    return T


def random_interior_plan(rng, p, q):
    """A plan without zeros: a random matrix scaled to the marginals, what is left over spread as a product."""
    T = rng.random((len(p), len(q))) ** rng.integers(1, 6) + 1e-3
    for _ in range(50):
        T *= (p / T.sum(axis=1))[:, None]
        T *= (q / T.sum(axis=0))[None, :]
    T *= np.minimum(p / T.sum(axis=1), 1)[:, None]  # no row above its mass; the columns stay below theirs
    short_rows, short_columns = p - T.sum(axis=1), q - T.sum(axis=0)
    total = short_rows.sum()
    return T + np.outer(short_rows, short_columns) / total if total > 0 else T


def random_plans(rng, p, q, n_plans=6):
    """The product, vertices, plans without zeros and mixtures of them."""
    plans = [np.outer(p, q)]
    for number in range(n_plans):
        plans.append(random_vertex(rng, p, q) if number % 2 else random_interior_plan(rng, p, q))
    share = rng.random()
    return [*plans, share * plans[1] + (1 - share) * plans[2]]


def coupling_error(T, p, q):
    """How far a matrix is from being a coupling: of the marginals, or below zero."""
    return max(np.abs(T.sum(axis=1) - p).max(), np.abs(T.sum(axis=0) - q).max(), -min(T.min(), 0.0))


# ------------------------------------------------------------------------------------------------------ random networks
def uniform(n):
    """Equal weights."""
    return np.full(n, 1 / n)


def random_weights(rng, n):
    """Equal weights, or unequal ones, some of them tiny."""
    if rng.random() < 0.4:
        return uniform(n)
    weights = rng.random(n) ** rng.integers(1, 8) + 1e-9
    return weights / weights.sum()


def symmetric(rng, n):
    """Symmetric, of any sign, with a diagonal."""
    A = rng.normal(size=(n, n))
    return A + A.T


def asymmetric(rng, n):
    """No symmetry, of any sign."""
    return rng.normal(size=(n, n)) + rng.normal()


def distances(rng, n):
    """Euclidean distances."""
    X = rng.normal(size=(n, rng.integers(1, 4)))
    return np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1))


def squared_distances(rng, n):
    """Squared Euclidean distances."""
    return distances(rng, n) ** 2


def adjacency(rng, n):
    """A random graph, possibly without edges."""
    A = np.triu(rng.random((n, n)) < rng.random(), 1).astype(float)
    return A + A.T


def directed(rng, n):
    """A directed graph with loops."""
    return (rng.random((n, n)) < 0.4).astype(float)


def duplicated(rng, n):
    """Some nodes are copies of others, so that many features tie."""
    nodes = rng.integers(0, max(1, n // 2), size=n)
    return symmetric(rng, n)[np.ix_(nodes, nodes)]


def additive(rng, n):
    """``const + a_i + a_j``: no residual."""
    a = rng.normal(size=n)
    return rng.normal() + a[:, None] + a[None, :]


def gram(rng, n):
    """Inner products of vectors, positive semi-definite of low rank."""
    Z = rng.normal(size=(n, rng.integers(1, 3)))
    return Z @ Z.T


SYMMETRIC_NETWORKS = [symmetric, distances, squared_distances, adjacency, duplicated, additive, gram]
ASYMMETRIC_NETWORKS = [asymmetric, directed]


def random_pair(rng, largest=5, makers=None):
    """Two random networks of independent kinds, sizes and weights: ``C1, C2, p, q``."""
    makers = makers or SYMMETRIC_NETWORKS + ASYMMETRIC_NETWORKS
    n, m = rng.integers(1, largest + 1, size=2)
    first, second = rng.integers(0, len(makers), size=2)
    scale = 10.0 ** rng.integers(-1, 2)
    return scale * makers[first](rng, n), scale * makers[second](rng, m), random_weights(rng, n), random_weights(rng, m)


# ------------------------------------------------------------------------------------------------------- known networks
def graph_matrix(G):
    """Adjacency matrix of a networkx graph, without its weights."""
    return nx.to_numpy_array(G, weight=None)


def hop(G):
    """Hop distances; pairs without a path are one further than the longest path."""
    D = np.full((len(G), len(G)), np.inf)
    position = {node: index for index, node in enumerate(G)}
    for source, lengths in nx.all_pairs_shortest_path_length(G):
        for target, length in lengths.items():
            D[position[source], position[target]] = length
    return np.where(np.isinf(D), D[np.isfinite(D)].max() + 1, D)


def two_triangles():
    """Two disjoint triangles: regular of degree 2 like the 6-cycle."""
    return nx.disjoint_union(nx.complete_graph(3), nx.complete_graph(3))


def rook_graph():
    """The rook's graph on a 4 x 4 board: strongly regular (16, 6, 2, 2)."""
    return nx.line_graph(nx.complete_bipartite_graph(4, 4))


def shrikhande_graph():
    """The other strongly regular graph (16, 6, 2, 2): the torus 4 x 4 with one family of diagonals."""
    steps = [(0, 1), (1, 0), (1, 1)]
    nodes = [(a, b) for a in range(4) for b in range(4)]
    return nx.Graph([((a, b), ((a + da) % 4, (b + db) % 4)) for a, b in nodes for da, db in steps])


def relabelled(rng, C, p=None):
    """The same network with shuffled nodes."""
    order = rng.permutation(len(C))
    return C[np.ix_(order, order)] if p is None else (C[np.ix_(order, order)], p[order])


def pot_value(C1, C2, p=None, q=None):
    """What POT returns from its default start, valued by the tensor of losses."""
    p, q = uniform(len(C1)) if p is None else p, uniform(len(C2)) if q is None else q
    T = ot.gromov.gromov_wasserstein(C1, C2, p, q, "square_loss")
    return objective(C1, C2, T)
