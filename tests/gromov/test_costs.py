"""Cost objects against the matrices they stand for, without ever forming these."""

import copy
import math
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from statlearn.gromov import _cost_base, gromov_wasserstein_lower_bound, sorted_gromov_wasserstein
from statlearn.gromov._costs import (
    DenseCost,
    GramCost,
    LineCost,
    LowRankCost,
    SparseGraphCost,
    SquaredEuclideanCost,
    as_cost,
)

RTOL = 1e-12  # relative to the largest entry: different orders of sums of a few hundred terms
N = 60


def squared_distances(X):
    """By differences, in extended precision."""
    X = np.asarray(X, dtype=np.longdouble)
    return ((X[:, None] - X[None]) ** 2).sum(axis=2).astype(np.float64)


def line_distances(x):
    return np.abs(np.subtract.outer(x, x))


def sparse_table(shape, rng, density=0.1):
    table = sparse.random_array(shape, density=density, rng=rng, format="csr")
    table.data = rng.normal(size=table.nnz)
    return table


def dense_pair(rng):
    C = rng.normal(size=(N, N))
    return DenseCost(C), C


def symmetric_pair(rng):
    C = rng.normal(size=(N, N))
    return DenseCost(C + C.T), C + C.T


def cloud_pair(rng, offset=0.0, d=3):
    X = rng.normal(size=(N, d)) + offset
    return SquaredEuclideanCost(X), squared_distances(X)


def low_rank_pair(rng):
    U, V = rng.normal(size=(2, N, 4))
    return LowRankCost(U, V), U @ V.T


def symmetric_low_rank_pair(rng):
    """The factors of a symmetric matrix, mixed by a matrix and its inverse."""
    B, M = rng.normal(size=(N, 4)), rng.normal(size=(4, 4)) + 4.0 * np.eye(4)
    signs = np.array([1.0, -1.0, 1.0, 2.0])
    return LowRankCost(B @ M, (B * signs) @ np.linalg.inv(M).T), (B * signs) @ B.T


def gram_pair(rng, n_positions, make=None):
    Z = sparse_table((n_positions, N), rng) if make is sparse else rng.normal(size=(n_positions, N))
    dense = Z.toarray() if make is sparse else Z
    return GramCost(Z), dense.T @ dense


def line_pair(rng, offset=0.0):
    x = np.concatenate([rng.normal(size=N - 8), np.repeat(rng.normal(size=4), 2)]) + offset
    return LineCost(x), line_distances(x)


def graph_pair(rng, symmetric=False):
    A = sparse_table((N, N), rng)
    A = A + A.T if symmetric else A
    return SparseGraphCost(A), A.toarray()


PAIRS = {
    "dense": dense_pair,
    "symmetric dense": symmetric_pair,
    "cloud": cloud_pair,
    "cloud in 1-D": lambda rng: cloud_pair(rng, d=1),
    "far cloud": lambda rng: cloud_pair(rng, offset=1e6),
    "low rank": low_rank_pair,
    "symmetric low rank": symmetric_low_rank_pair,
    "wide gram": lambda rng: gram_pair(rng, 7),
    "tall gram": lambda rng: gram_pair(rng, 150),
    "wide sparse gram": lambda rng: gram_pair(rng, 15, sparse),
    "tall sparse gram": lambda rng: gram_pair(rng, 150, sparse),
    "line": line_pair,
    "far line": lambda rng: line_pair(rng, offset=-1e6),
    "graph": graph_pair,
    "symmetric graph": lambda rng: graph_pair(rng, symmetric=True),
}
ASYMMETRIC = {"dense", "low rank", "graph"}
every_pair = pytest.mark.parametrize("name", PAIRS)


def assert_close(actual, expected, rtol=RTOL):
    assert actual.dtype == np.float64
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=rtol * np.abs(expected).max())


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_path_by_hand():
    p = [0.5, 0.25, 0.25]
    path = sparse.csr_array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    for cost in (SparseGraphCost(path), DenseCost(path.toarray()), as_cost(path)):
        assert cost.row_mean(p).tolist() == cost.row_second_moment(p).tolist() == [0.25, 0.75, 0.25]
    line = LineCost([0, 1, 2])
    assert line.row_mean(p).tolist() == [0.75, 0.75, 1.25]
    assert line.row_second_moment(p).tolist() == [1.25, 0.75, 2.25]
    assert SquaredEuclideanCost([[0], [1], [2]]).row_mean(p).tolist() == line.row_second_moment(p).tolist()


def test_an_asymmetric_cost_by_hand():
    cost = DenseCost([[0, 1], [3, 2]])
    assert cost.row_mean([0.5, 0.5]).tolist() == [0.5, 2.5]
    assert cost.column_mean([0.5, 0.5]).tolist() == [1.5, 1.5]
    assert cost.row_second_moment([0.5, 0.5]).tolist() == [0.5, 6.5]
    assert cost.residual_norm([0.5, 0.5]) == cost.residual_norm([3, 3]) == 0.5  # h = [[0.5, -0.5], [-0.5, 0.5]]


# --- against the matrix -----------------------------------------------------------------------------------------------


@every_pair
@pytest.mark.parametrize("mass", [1.0, 7.0])
def test_moments_of_rows_and_columns(name, mass, rng):
    cost, C = PAIRS[name](rng)
    p = mass * rng.dirichlet(np.full(N, 0.5))
    p[:3] = 0.0
    assert_close(cost.row_mean(p), C @ p)
    assert_close(cost.column_mean(p), C.T @ p)
    assert_close(cost.row_second_moment(p), C**2 @ p)
    assert_close(cost.T.row_second_moment(p), (C**2).T @ p)


@every_pair
def test_entries_and_size(name, rng):
    cost, C = PAIRS[name](rng)
    assert cost.n_nodes == N
    assert_close(cost.T.entries(), C.T)
    assert_close(cost.entries(), C)
    assert math.isclose(cost.max_abs(), np.abs(C).max(), rel_tol=RTOL)


@every_pair
def test_entries_are_kept_and_nobody_may_change_them(name, rng):
    cost, _ = PAIRS[name](rng)
    assert cost.entries() is cost.entries()
    with pytest.raises(ValueError, match="read-only"):
        cost.entries()[0, 0] = 1.0


@every_pair
def test_subsets_and_multiples_are_of_the_same_class(name, rng):
    cost, C = PAIRS[name](rng)
    nodes = rng.permutation(N)[: N // 2]
    mask = np.zeros(N, dtype=bool)
    mask[nodes] = True
    p = rng.dirichlet(np.ones(N // 2))
    for part, expected in [
        (cost.take(nodes), C[np.ix_(nodes, nodes)]),
        (cost.take(mask), C[np.ix_(mask, mask)]),
        (cost.take(nodes).scaled(0.3), 0.3 * C[np.ix_(nodes, nodes)]),
    ]:
        assert type(part) is type(cost)
        assert_close(part.entries(), expected)
        assert_close(part.row_second_moment(p), expected**2 @ p)
        assert part.is_symmetric == cost.is_symmetric


@every_pair
def test_symmetry_is_seen(name, rng):
    cost, _ = PAIRS[name](rng)
    assert cost.is_symmetric is (name not in ASYMMETRIC)
    assert (cost.T is cost) is cost.is_symmetric


def arrays_of(cost):
    """Every array that a cost holds, those of sparse ones included."""
    for value in vars(cost).values():
        parts = (value.data, value.indices, value.indptr) if sparse.issparse(value) else (value,)
        yield from (part for part in parts if isinstance(part, np.ndarray))


@every_pair
def test_pickles_hold_the_parts_alone(name, rng):
    cost, C = PAIRS[name](rng)
    fresh = pickle.dumps(cost)
    for value in (cost.entries(), cost.max_abs(), cost.T, cost.row_mean(np.ones(N))):
        assert value is not None
    assert len(pickle.dumps(cost)) == len(fresh)
    assert_close(pickle.loads(pickle.dumps(cost)).entries(), C)


@pytest.mark.parametrize("duplicate", [lambda cost: pickle.loads(pickle.dumps(cost)), copy.copy, copy.deepcopy])
@every_pair
def test_copies_are_as_immutable_as_the_original(name, duplicate, rng):
    cost, _ = PAIRS[name](rng)
    cost.max_abs()
    twin = duplicate(cost)
    assert type(twin) is type(cost)
    assert twin.n_nodes == cost.n_nodes
    assert list(arrays_of(twin))
    assert not any(array.flags.writeable for array in arrays_of(twin))
    assert np.array_equal(twin.entries(), cost.entries())


@every_pair
def test_costs_describe_themselves(name, rng):
    cost, _ = PAIRS[name](rng)
    assert repr(cost).startswith(f"{type(cost).__name__}(n_nodes={N}")


# --- symmetry up to rounding ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("difference", "answer"), [(1e-14, True), (1e-10, False)])
def test_differences_of_rounding_do_not_make_a_cost_asymmetric(difference, answer, rng):
    C = 100.0 * rng.normal(size=(N, N))
    C = C + C.T
    C[0, 1] += difference * np.abs(C).max()
    for cost in (DenseCost(C), SparseGraphCost(C)):
        assert cost.is_symmetric is answer
        assert np.array_equal(cost.entries(), C)


def test_equal_factors_and_more_columns_than_rows(rng):
    U, V = rng.normal(size=(2, 3, 8))
    assert LowRankCost(U, U.copy()).is_symmetric
    assert not LowRankCost(U, V).is_symmetric
    assert LowRankCost(np.hstack([U, V]), np.hstack([V, U])).is_symmetric


# --- norms of residuals -----------------------------------------------------------------------------------------------


def exact_residual_norm(C, p):
    """From the residual in extended precision."""
    C, p = np.asarray(C, dtype=np.longdouble), np.asarray(p, dtype=np.longdouble) / math.fsum(p)
    h = C - (C @ p)[:, None]
    h -= p @ h
    return float(np.sqrt(p @ h**2 @ p))


@every_pair
@pytest.mark.parametrize("mass", [1.0, 7.0])
def test_norms_of_residuals(name, mass, rng):
    cost, C = PAIRS[name](rng)
    p = mass * rng.dirichlet(np.full(N, 0.5))
    p[:3] = 0.0
    assert math.isclose(cost.residual_norm(p), exact_residual_norm(C, p), rel_tol=RTOL)


OFFSETS = {
    "cloud": lambda X, o: (SquaredEuclideanCost(X + o), SquaredEuclideanCost(X)),
    "line": lambda X, o: (LineCost(X[:, 0] + o), LineCost(X[:, 0])),
    "wide gram": lambda X, o: (GramCost(X.T + o), GramCost(X.T)),
    "tall gram": lambda X, o: (GramCost((X @ X.T) + o), GramCost(X @ X.T)),
}


@pytest.mark.parametrize("offset", [1e4, 1e5])
@pytest.mark.parametrize("name", OFFSETS)
def test_offsets_do_not_hide_a_residual(name, offset, rng):
    """Common to all rows of points or tables, whose cost grows by row and column effects at most."""
    there, here = OFFSETS[name](np.round(rng.normal(size=(N, 3)), 3), offset)
    p = rng.dirichlet(np.ones(N))
    # X + offset has lost eps offset of X
    assert math.isclose(there.residual_norm(p), here.residual_norm(p), rel_tol=1e-15 * offset)


@pytest.mark.parametrize("offset", [1e4, 1e5])
def test_additive_low_rank_costs_with_a_small_rest(offset, rng):
    """C = o^2 + x y': the rest is 1e-10 of the costs."""
    x, y, o = rng.normal(size=N), rng.normal(size=N), np.full(N, offset)
    p = rng.dirichlet(np.ones(N))
    cost = LowRankCost(np.c_[o, x], np.c_[o, y])
    assert math.isclose(cost.residual_norm(p), exact_residual_norm(np.outer(x, y), p), rel_tol=RTOL)
    assert LowRankCost(np.c_[o, x], np.c_[y, o]).residual_norm(p) <= RTOL * offset


def test_norms_of_a_residual_of_rounding_size(rng):
    """Where the residual vanishes, Pythagoras over the graph leaves no more than what it adds for rounding."""
    a = rng.normal(size=N)
    C = 1e5 + np.add.outer(a, a)
    p = rng.dirichlet(np.ones(N))
    assert DenseCost(C).residual_norm(p) <= 1e-15 * np.abs(C).max()
    rounded_up = SparseGraphCost(sparse.csr_array(C)).residual_norm(p)
    assert exact_residual_norm(C, p) <= rounded_up <= 1e-6 * np.abs(C).max()


@pytest.mark.parametrize("n", [10, 300, 3000])
def test_norms_over_graphs_are_never_below_the_truth(n, rng):
    """Hubs whose rows are all but additive, with weights that make the sums as unequal as they get."""
    for _ in range(10):
        hub = np.outer(rng.random(n) < 0.2, np.ones(n)) + 1e-9 * (rng.random((n, n)) < 0.01)
        A = sparse.csr_array(hub)
        p = rng.dirichlet(np.full(n, 0.1)) + 1e-300
        # rounding of the entries is all that the reference has of its own
        assert SparseGraphCost(A).residual_norm(p) >= exact_residual_norm(hub, p) * (1.0 - 1e-15)


def test_the_residual_of_two_points_of_unequal_weight():
    """h = -2 q^2, 2 p q, -2 p^2 times the distance: |h| = 2 p q d, however small q is."""
    for q in (0.25, 1e-9, 1e-30):
        expected = 2.0 * q / (1.0 + q) ** 2 * 3.0
        assert math.isclose(LineCost([5.0, 8.0]).residual_norm([1.0, q]), expected, rel_tol=1e-14)


@pytest.mark.parametrize("offset", [1e4, 1e5])
@pytest.mark.parametrize("seed", [58, 59])
def test_residuals_bound_the_distance_from_the_sorted_bound(offset, seed):
    """The upper bound of symmetric costs is not below any proved lower bound, though the residual is 1e-10 of them."""
    rng = np.random.default_rng(seed)
    x, o = rng.normal(size=40), np.full(40, offset)
    y = rng.normal(size=40) ** 2
    first, second = (LowRankCost(np.c_[o, z], np.c_[o, z]) for z in (x, y))
    low, *norms = sorted_gromov_wasserstein(first, second, return_residuals=True)
    for kind in ("spectral", "sorted", "flb"):
        assert gromov_wasserstein_lower_bound(first, second, kind=kind) <= low + sum(norms) ** 2
    # the spectra of x x' and y y' about their means are one number each
    exact = [float(np.var(z)) for z in (x, y)]
    assert norms == pytest.approx(exact, rel=1e-10)


# --- accuracy ---------------------------------------------------------------------------------------------------------


def test_moments_of_an_outlier_and_its_cloud(rng):
    """One point weighs little and is far away."""
    X = np.vstack([rng.normal(size=(N - 1, 2)), [[1e4, -1e4]]]) + 1e6
    p = np.append(np.full(N - 1, 1.0), 1e-9)
    p /= p.sum()
    C = squared_distances(X)
    cost = SquaredEuclideanCost(X)
    np.testing.assert_allclose(cost.row_mean(p), C @ p, rtol=RTOL)
    np.testing.assert_allclose(cost.row_second_moment(p), C**2 @ p, rtol=RTOL)


def test_long_sums_along_a_line(rng):
    x = rng.standard_cauchy(size=100_000)
    p = rng.dirichlet(np.ones(len(x)))
    means = LineCost(x).row_mean(p)
    for node in rng.integers(len(x), size=5):
        exact = math.fsum(p * np.abs(x - x[node]))
        assert math.isclose(means[node], exact, rel_tol=1e-10)


@pytest.mark.parametrize(
    "cost",
    [
        SquaredEuclideanCost(np.full((4, 2), 1e6 / 3)),
        LineCost(np.full(4, 1e6 / 3)),
        LowRankCost(np.zeros((4, 2)), np.ones((4, 2))),
        GramCost(np.zeros((2, 4))),
        GramCost(sparse.csr_array((2, 4))),
        SparseGraphCost(sparse.csr_array((4, 4))),
        DenseCost(np.zeros((4, 4))),
    ],
    ids=repr,
)
def test_costs_that_are_zero(cost):
    p = [0.1, 0.2, 0.3, 0.4]
    assert not cost.row_mean(p).any()
    assert not cost.row_second_moment(p).any()
    assert not cost.entries().any()
    assert cost.max_abs() == cost.residual_norm(p) == 0.0
    assert cost.is_symmetric


@every_pair
def test_second_moments_are_never_negative(name, rng):
    cost, _ = PAIRS[name](rng)
    for node in range(N):
        assert cost.row_second_moment(np.arange(N) == node).min() >= 0.0


# --- properties -------------------------------------------------------------------------------------------------------

small_integers = st.integers(-6, 6)
positions = st.lists(small_integers, min_size=1, max_size=12)
clouds = st.integers(1, 3).flatmap(
    lambda d: st.lists(st.lists(small_integers, min_size=d, max_size=d), min_size=1, max_size=12)
)


@given(positions, st.randoms(use_true_random=False))
def test_ties_on_a_line(x, random):
    """Integers, centered at a multiple of 1/n: all but exact."""
    p = np.array([random.randint(1, 5) for _ in x], dtype=np.float64)
    cost, C = LineCost(x), line_distances(np.array(x, dtype=np.float64))
    np.testing.assert_allclose(cost.row_mean(p), C @ p, atol=1e-12)
    np.testing.assert_allclose(cost.row_second_moment(p), C**2 @ p, atol=1e-11)
    np.testing.assert_allclose(cost.residual_norm(p), exact_residual_norm(C, p), atol=1e-12)
    assert cost.max_abs() == C.max()


@given(clouds)
def test_the_diameter_of_any_cloud(X):
    largest = squared_distances(X).max()
    assert math.isclose(SquaredEuclideanCost(X).max_abs(), largest, rel_tol=1e-13, abs_tol=1e-13)


@pytest.mark.parametrize("shape", ["sphere", "simplex", "line", "two balls", "corner"])
def test_the_diameter_where_many_pairs_compete(shape, rng, monkeypatch):
    n = 1500
    monkeypatch.setattr(_cost_base, "BLOCK_ENTRIES", 20 * n)  # 75 blocks of rows
    X = {
        "sphere": lambda: (lambda Y: Y / np.linalg.norm(Y, axis=1, keepdims=True))(rng.normal(size=(n, 3))),
        "simplex": lambda: rng.dirichlet(np.full(3, 0.3), size=n),
        "line": lambda: np.outer(rng.normal(size=n), [1.0, 2.0]),
        "two balls": lambda: rng.normal(size=(n, 2)) + 50.0 * (np.arange(n) % 2)[:, None],
        "corner": lambda: rng.exponential(size=(n, 4)),
    }[shape]()
    pairs = (np.square(X - point).sum(axis=1).max() for point in X)
    assert math.isclose(SquaredEuclideanCost(X).max_abs(), max(pairs), rel_tol=1e-12)


@given(clouds, st.integers(-(10**6), 10**6))
def test_translations_change_nothing(X, shift):
    X = np.array(X, dtype=np.float64)
    p = np.full(len(X), 1.0 / len(X))
    here, there = SquaredEuclideanCost(X), SquaredEuclideanCost(X + shift)
    np.testing.assert_allclose(there.row_second_moment(p), here.row_second_moment(p), rtol=1e-12, atol=1e-11)
    np.testing.assert_array_equal(there.entries(), here.entries())


@every_pair
def test_a_node_split_in_two_keeps_the_moments_of_all(name, rng):
    cost, _ = PAIRS[name](rng)
    p = rng.dirichlet(np.ones(N))
    split = np.append(p, 0.25 * p[-1])
    split[N - 1] *= 0.75
    twice = cost.take(np.append(np.arange(N), N - 1))
    assert_close(twice.row_mean(split)[:N], cost.row_mean(p))
    assert_close(twice.row_second_moment(split)[:N], cost.row_second_moment(p))
    assert math.isclose(twice.residual_norm(split), cost.residual_norm(p), rel_tol=RTOL)


# --- memory -----------------------------------------------------------------------------------------------------------

LARGE = 20_000
LARGE_COSTS = {
    "cloud": lambda rng: SquaredEuclideanCost(rng.normal(size=(LARGE, 3))),
    "low rank": lambda rng: LowRankCost(*rng.normal(size=(2, LARGE, 3))),
    "wide gram": lambda rng: GramCost(rng.normal(size=(20, LARGE))),
    "sparse gram": lambda rng: GramCost(sparse_table((100, LARGE), rng, density=0.005)),
    "line": lambda rng: LineCost(rng.normal(size=LARGE)),
    "graph": lambda rng: SparseGraphCost(sparse_table((LARGE, LARGE), rng, density=5 / LARGE)),
}


@pytest.mark.parametrize("name", LARGE_COSTS)
def test_no_square_array_is_formed(name, rng):
    cost = LARGE_COSTS[name](rng)
    p = rng.dirichlet(np.ones(LARGE))
    tracemalloc.start()
    try:
        for method in (cost.row_mean, cost.column_mean, cost.row_second_moment, cost.residual_norm):
            assert np.isfinite(method(p)).all()
        assert cost.scaled(2.0).take(np.arange(10)).n_nodes == 10
        assert cost.max_abs() > 0.0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * LARGE**2 / 50


def test_logits_of_a_large_vocabulary(rng):
    n_positions, n_channels, k = 512, 150_000, 10
    channels = np.minimum(rng.zipf(1.2, size=(n_positions, k)), n_channels) - 1  # some channels are in most rows
    rows = np.repeat(np.arange(n_positions), k)
    Z = sparse.csr_array((rng.normal(size=rows.size), (rows, channels.ravel())), shape=(n_positions, n_channels))
    p = np.full(n_channels, 1.0 / n_channels)
    tracemalloc.start()
    try:
        moments = GramCost(Z).row_second_moment(p)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50e6
    used = np.unique(channels)[:20]
    block = (Z[:, used].T @ Z).toarray()
    assert_close(moments[used], block**2 @ p)
