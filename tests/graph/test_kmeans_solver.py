"""The solver of kernel k-means against slow definitions, enumeration, and what must not change its answer."""

from itertools import product

import numpy as np
import pytest

from statlearn.graph import _kmeans_kernels as kernels
from statlearn.graph._grams import DenseGram, FeatureGram
from statlearn.graph._kmeans_search import ClusterSums, Problem, verify
from statlearn.graph._kmeans_solver import count_batches, evaluate_partition, solve_kernel_kmeans

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies

RTOL = 1e-9  # two orders of summation of up to 1e4 terms


def objective(K, labels, weights):
    """J by its definition, one cluster after the other."""
    value = weights @ np.diagonal(K)
    for c in np.unique(labels[weights > 0.0]):
        inside = np.where(labels == c, weights, 0.0)
        value -= inside @ K @ inside / inside.sum()
    return value


def squared_distances(K, labels, weights, n_clusters):
    """d2(i, c) by expanding the square of point minus center."""
    centers = np.array([np.where(labels == c, weights, 0.0) for c in range(n_clusters)])
    centers /= centers.sum(axis=1, keepdims=True)
    return np.diagonal(K)[:, None] - 2.0 * K @ centers.T + np.einsum("ci,ij,cj->c", centers, K, centers)


def symmetric(rng, n, psd):
    """A random kernel matrix."""
    F = rng.normal(size=(n, n))
    return F @ F.T if psd else (F + F.T) / 2.0


def lowest_objective(K, n_clusters, weights):
    """J of the best of all partitions without an empty cluster."""
    n = len(K)
    best = np.inf
    for labels in product(range(n_clusters), repeat=n - 1):
        labels = np.array((0, *labels))
        if len(np.unique(labels)) == n_clusters:
            best = min(best, objective(K, labels, weights))
    return best


def moves(labels, weights, n_clusters):
    """Every partition one move away that keeps all clusters."""
    for i, a in enumerate(labels):
        if weights[i] > 0.0 and np.sum(labels[weights > 0.0] == a) > 1:
            for b in range(n_clusters):
                if b != a:
                    moved = labels.copy()
                    moved[i] = b
                    yield i, b, moved


def is_complete(labels, weights, n_clusters):
    return np.array_equal(np.unique(labels[weights > 0.0]), np.arange(n_clusters))


def test_hand_example():
    """Four points on a line: pairs, each with half a squared unit of distance to its center per point."""
    solution = solve_kernel_kmeans(FeatureGram([[0.0], [1.0], [10.0], [11.0]]), 2, random_state=0)
    assert solution.inertia == pytest.approx(1.0)
    assert solution.labels[0] == solution.labels[1] != solution.labels[2] == solution.labels[3]
    assert solution.sizes.tolist() == [2.0, 2.0]
    assert sorted(solution.center_norms) == pytest.approx([0.25, 110.25])
    assert solution.best_move == 0.0


@pytest.mark.parametrize("psd", [True, False])
@pytest.mark.parametrize(("n", "n_clusters"), [(11, 2), (8, 3)])
@pytest.mark.parametrize("seed", range(4))
def test_many_restarts_find_the_optimum_of_all_partitions(seed, n, n_clusters, psd):
    rng = np.random.default_rng(seed)
    K, weights = symmetric(rng, n, psd), rng.uniform(0.2, 3.0, n) if seed % 2 else np.ones(n)
    solution = solve_kernel_kmeans(DenseGram(K), n_clusters, weights=weights, n_init=50, random_state=seed)
    assert solution.inertia == pytest.approx(lowest_objective(K, n_clusters, weights), rel=RTOL, abs=RTOL)
    assert solution.inertia == pytest.approx(objective(K, solution.labels, weights), rel=RTOL, abs=RTOL)


@given(seed=st.integers(0, 10_000), n=st.integers(2, 12), n_clusters=st.integers(1, 4), psd=st.booleans())
def test_figures_and_single_moves_follow_their_definitions(seed, n, n_clusters, psd):
    """The exact formula of a move, for a weighted kernel and any partition, against J computed anew."""
    rng = np.random.default_rng(seed)
    n = max(n, n_clusters)
    K, weights = symmetric(rng, n, psd), rng.uniform(0.1, 3.0, n)
    labels = rng.permutation(np.r_[np.arange(n_clusters), rng.integers(0, n_clusters, n - n_clusters)])
    figures = evaluate_partition(DenseGram(K), labels, n_clusters, weights)
    value = objective(K, labels, weights)
    scale = weights @ np.abs(K).sum(axis=1)
    assert figures["inertia"] == pytest.approx(value, abs=RTOL * scale)
    decreases = [value - objective(K, moved, weights) for _, _, moved in moves(labels, weights, n_clusters)]
    assert figures["best_move"] == pytest.approx(max([0.0, *decreases]), abs=RTOL * scale)
    distances = squared_distances(K, labels, weights, n_clusters)
    assert weights @ distances[np.arange(n), labels] == pytest.approx(value, abs=RTOL * scale)
    centers = weights[:, None] * (labels[:, None] == np.arange(n_clusters)) / figures["sizes"]
    norms = np.einsum("ic,ij,jc->c", centers, K, centers)
    np.testing.assert_allclose(figures["center_norms"], norms, atol=RTOL * scale)


@pytest.mark.parametrize("psd", [True, False])
@pytest.mark.parametrize("kind", ["kernel", "features"])
def test_a_sweep_never_raises_the_objective_and_leaves_no_better_move(rng, kind, psd):
    if kind == "features" and not psd:
        pytest.skip("features make a positive semi-definite kernel")
    n, n_clusters = 40, 5
    F = rng.normal(size=(n, 6))
    K = F @ F.T if kind == "features" else symmetric(rng, n, psd)
    gram = FeatureGram(F) if kind == "features" else DenseGram(K)
    weights, order = rng.uniform(0.1, 3.0, n), rng.permutation(n)
    labels = rng.permutation(np.arange(n) % n_clusters)
    value, values = objective(K, labels, weights), []
    for _ in range(100):
        sums = (weights * (labels == np.arange(n_clusters)[:, None]) @ gram.rows)[None]
        given = gram.products(sums), weights, gram.diagonal, labels[None], np.array([0]), order, 1e-12
        (n_moves,) = kernels.sweep(gram.rows, gram.rows_are_kernel, sums, *given)
        values.append(objective(K, labels, weights))
        if n_moves == 0:
            break
    assert np.all(np.diff([value, *values]) <= 1e-10)
    assert values[0] < value
    assert n_moves == 0
    assert evaluate_partition(gram, labels, n_clusters, weights)["best_move"] <= 1e-10


@pytest.mark.parametrize("refine", [True, False])
def test_lloyd_only_solutions_are_fixed_points_for_psd_kernels(rng, refine):
    K, weights = symmetric(rng, 60, True), rng.uniform(0.1, 3.0, 60)
    solution = solve_kernel_kmeans(DenseGram(K), 4, weights=weights, refine=refine, random_state=0)
    assert solution.restart_converged.all()
    for labels, inertia in zip(solution.restart_labels, solution.restart_inertias, strict=True):
        np.testing.assert_array_equal(squared_distances(K, labels, weights, 4).argmin(axis=1), labels)
        assert inertia == pytest.approx(objective(K, labels, weights), rel=RTOL)
    assert (solution.best_move <= solution.tolerance) or not refine


def test_single_moves_improve_on_lloyd(rng):
    K = symmetric(rng, 80, False)
    lloyd, refined = (solve_kernel_kmeans(DenseGram(K), 4, refine=refine, random_state=0) for refine in (False, True))
    assert np.all(refined.restart_inertias <= lloyd.restart_inertias + 1e-9)
    assert refined.inertia < lloyd.inertia
    assert refined.best_move <= refined.tolerance < lloyd.best_move


def test_a_partition_is_verified_until_sums_from_scratch_show_no_move(rng):
    K, weights, labels = symmetric(rng, 60, False), rng.uniform(0.1, 3.0, 60), np.arange(60) % 4
    problem = Problem.of(DenseGram(K), weights)
    found, converged, n_sweeps = verify(problem, labels, 4, 300)
    scale = RTOL * float(weights @ np.abs(K) @ weights)
    assert converged
    assert objective(K, found, weights) < objective(K, labels, weights)
    assert min(objective(K, moved, weights) for _, _, moved in moves(found, weights, 4)) >= (
        objective(K, found, weights) - scale
    )
    again, settled, once = verify(problem, found, 4, 1)
    np.testing.assert_array_equal(again, found)
    assert (settled, once) == (True, 1)
    assert n_sweeps > 2
    assert verify(problem, labels, 4, 2)[1:] == (False, 2)


@pytest.mark.parametrize("representation", [lambda F: FeatureGram(F), lambda F: DenseGram(F @ F.T)])
def test_sums_and_products_follow_the_labels(rng, representation):
    gram = representation(rng.normal(size=(60, 7)))
    weights = np.where(rng.random(60) < 0.2, 0.0, rng.uniform(0.5, 2.0, 60))
    problem = Problem.of(gram, weights)
    sums = ClusterSums(problem, np.array([rng.permutation(np.arange(60) % 3) for _ in range(5)]), 3)

    def expect_true_sums():
        afresh = ClusterSums(problem, sums.labels, 3)
        np.testing.assert_allclose(sums.sums, afresh.sums, atol=1e-11)
        np.testing.assert_allclose(sums.products, afresh.products, atol=1e-11)

    n_moves = sums.sweep(np.array([0, 1, 4]))
    assert n_moves.all()
    expect_true_sums()
    for share in (0.02, 0.4, 0.9):  # few points, more than the sums to multiply, and more than half of them
        labels = np.where(rng.random(sums.labels.shape) < share, rng.integers(0, 3, sums.labels.shape), sums.labels)
        active = np.array([1, 2])
        changes = np.count_nonzero((labels != sums.labels)[active] & (weights > 0.0), axis=1)
        kept = sums.labels[[0, 3, 4]].copy()
        sums.relabel(labels, active, changes)
        np.testing.assert_array_equal(sums.labels[active], labels[active])
        np.testing.assert_array_equal(sums.labels[[0, 3, 4]], kept)
        expect_true_sums()


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("refine", [True, False])
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_both_representations_find_the_same(rng, init, refine, weighted):
    F = rng.normal(size=(70, 9))
    weights = rng.uniform(0.5, 2.0, 70) if weighted else None
    options = {"weights": weights, "init": init, "refine": refine, "n_init": 7, "random_state": 3}
    first, second = (solve_kernel_kmeans(gram, 4, **options) for gram in (FeatureGram(F), DenseGram(F @ F.T)))
    np.testing.assert_array_equal(first.restart_labels, second.restart_labels)
    np.testing.assert_allclose(first.restart_inertias, second.restart_inertias, rtol=RTOL)
    np.testing.assert_allclose(first.center_norms, second.center_norms, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("psd", [True, False])
def test_scaled_and_offset_kernels_have_the_same_clusters(rng, psd):
    K = symmetric(rng, 50, psd)
    offset = rng.normal(size=50)
    labels = [
        solve_kernel_kmeans(DenseGram(kernel), 3, random_state=0).restart_labels
        for kernel in (K, 4.0 * K, K + offset[:, None] + offset)
    ]
    np.testing.assert_array_equal(labels[0], labels[1])
    np.testing.assert_array_equal(labels[0], labels[2])


def test_the_order_of_the_points_does_not_matter(rng):
    K, weights, shuffled = symmetric(rng, 60, False), rng.uniform(0.1, 3.0, 60), rng.permutation(60)
    first = solve_kernel_kmeans(DenseGram(K), 4, weights=weights, random_state=0)
    second = solve_kernel_kmeans(DenseGram(K[np.ix_(shuffled, shuffled)]), 4, weights=weights[shuffled], random_state=0)
    np.testing.assert_array_equal(first.restart_labels[:, shuffled], second.restart_labels)


@pytest.mark.parametrize("representation", [lambda F: FeatureGram(F), lambda F: DenseGram(F @ F.T)])
def test_a_weight_is_as_many_copies(rng, representation):
    F, copies = rng.normal(size=(40, 5)), rng.integers(0, 4, 40)
    weighted = solve_kernel_kmeans(representation(F), 3, weights=copies.astype(float), random_state=0)
    repeated = solve_kernel_kmeans(representation(F.repeat(copies, axis=0)), 3, random_state=0)
    assert repeated.inertia == pytest.approx(weighted.inertia, rel=RTOL)
    np.testing.assert_array_equal(weighted.labels.repeat(copies), repeated.labels)


def test_restarts_depend_on_nothing_but_their_own_stream(rng):
    gram = DenseGram(symmetric(rng, 80, False))
    many = solve_kernel_kmeans(gram, 4, n_init=12, random_state=5)
    few = solve_kernel_kmeans(gram, 4, n_init=7, random_state=5)
    threads = solve_kernel_kmeans(gram, 4, n_init=12, random_state=5, n_jobs=2)
    np.testing.assert_array_equal(many.restart_labels[:7], few.restart_labels)
    np.testing.assert_array_equal(many.restart_labels, threads.restart_labels)
    np.testing.assert_array_equal(many.restart_inertias, threads.restart_inertias)
    assert len(np.unique(many.restart_inertias)) > 1


def test_normalized_cut(rng):
    """Weights d and K = D^-1 A D^-1 + s D^-1 make J the normalized cut plus a constant (Dhillon et al. 2007)."""
    A = np.triu(rng.random((30, 30)) < 0.3, 1) * rng.uniform(0.5, 2.0, (30, 30))
    A += A.T
    d, s, k = A.sum(axis=1), 2.0, 3
    assert d.min() > 0.0
    gram = DenseGram(A / np.outer(d, d) + s * np.diag(1.0 / d))
    differences = []
    for _ in range(10):
        labels = rng.permutation(np.arange(30) % k)
        cut = sum(A[np.ix_(labels == c, labels != c)].sum() / d[labels == c].sum() for c in range(k))
        differences.append(evaluate_partition(gram, labels, k, d)["inertia"] - cut)
    constant = np.sum(np.diagonal(A) / d) + s * (30 - k) - k
    np.testing.assert_allclose(differences, constant, rtol=RTOL)


def test_shift_adds_the_same_to_every_partition_and_makes_distances_non_negative(rng):
    K, weights = symmetric(rng, 20, False), rng.uniform(0.1, 3.0, 20)
    weights[3] = 0.0
    gram = DenseGram(K)
    shifted = gram.shifted(weights)
    assert not gram.is_euclidean()
    present = weights > 0.0
    assert DenseGram(shifted.rows[np.ix_(present, present)]).is_euclidean()
    labels = [rng.permutation(np.arange(20) % 3) for _ in range(5)]
    added = [objective(shifted.rows, row, weights) - objective(K, row, weights) for row in labels]
    c = (shifted.diagonal - gram.diagonal)[present] * weights[present]
    np.testing.assert_allclose(c, c[0], rtol=RTOL)
    np.testing.assert_allclose(added, c[0] * (19 - 3), rtol=RTOL)
    assert shifted.shifted(weights) is shifted
    less = DenseGram(K + np.diag(np.divide(0.999 * c[0], weights, out=np.zeros(20), where=present)))
    assert not DenseGram(less.rows[np.ix_(present, present)]).is_euclidean()


@pytest.mark.parametrize(
    ("K", "answer"),
    [
        (np.eye(3), True),
        (np.ones((3, 3)), True),
        (np.zeros((3, 3)), True),
        (-np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0))), True),  # minus a distance of negative type
        (-np.eye(3), False),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), False),
        (np.diag([1.0, 1.0, -0.49]), True),  # indefinite, but not where entries sum to zero
        (np.diag([1.0, 1.0, -0.51]), False),
    ],
)
def test_euclidean_kernels(K, answer):
    assert DenseGram(K).is_euclidean() is answer


DEGENERATE = {
    "constant": np.ones((9, 9)),
    "zero": np.zeros((9, 9)),
    "identity": np.eye(9),
    "minus identity": -np.eye(9),
    "three triples": np.kron(np.eye(3), np.ones((3, 3))),
    "adjacency": np.ones((9, 9)) - np.eye(9),
    "bipartite": np.kron(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones((5, 5)))[:9, :9],
}


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("n_clusters", [1, 2, 4, 8, 9])
@pytest.mark.parametrize("name", DEGENERATE)
def test_no_cluster_is_empty_whatever_ties(name, n_clusters, init):
    weights = np.ones(9)
    solution = solve_kernel_kmeans(DenseGram(DEGENERATE[name]), n_clusters, init=init, random_state=0)
    assert all(is_complete(row, weights, n_clusters) for row in solution.restart_labels)
    assert solution.restart_converged.all()
    assert np.isfinite(solution.restart_inertias).all()
    assert solution.inertia == pytest.approx(objective(DEGENERATE[name], solution.labels, weights), abs=1e-12)


@hypothesis.settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 25),
    n_clusters=st.integers(1, 25),
    n_distinct=st.integers(1, 25),
    levels=st.sampled_from([1, 3, None]),
    share_absent=st.sampled_from([0.0, 0.3]),
    refine=st.booleans(),
)
def test_any_symmetric_kernel_gives_a_partition(seed, n, n_clusters, n_distinct, levels, share_absent, refine):
    """Indefinite kernels with ties, duplicates and absent points: no empty cluster, no endless loop, true figures."""
    rng = np.random.default_rng(seed)
    K = symmetric(rng, n_distinct, False)
    K = K if levels is None else np.round(np.clip(K, -1.0, 1.0) * levels)
    twins = rng.integers(0, n_distinct, n)
    K = K[np.ix_(twins, twins)]
    weights = np.where(rng.random(n) < share_absent, 0.0, rng.uniform(0.5, 2.0, n))
    weights[0] = 1.0
    n_clusters = min(n_clusters, int(np.sum(weights > 0.0)))
    solution = solve_kernel_kmeans(
        DenseGram(K), n_clusters, weights=weights, n_init=6, refine=refine, random_state=seed
    )
    assert all(is_complete(row, weights, n_clusters) for row in solution.restart_labels)
    assert solution.restart_converged.all()
    scale = 1.0 + weights @ np.abs(K) @ weights
    expected = [objective(K, row, weights) for row in solution.restart_labels]
    np.testing.assert_allclose(solution.restart_inertias, expected, atol=RTOL * scale)
    assert solution.inertia <= min(expected) + RTOL * scale
    if refine:
        best = solution.labels
        better = [objective(K, moved, weights) for _, _, moved in moves(best, weights, n_clusters)]
        assert min([np.inf, *better]) >= solution.inertia - RTOL * scale
    absent = weights == 0.0
    distances = squared_distances(K, solution.labels, weights, n_clusters)
    assigned = distances[np.arange(n), solution.labels][absent]
    np.testing.assert_allclose(assigned, distances[absent].min(axis=1), atol=RTOL * scale)


def test_lloyd_is_stopped_where_it_would_cycle():
    """Two points that want apart more than anything swap clusters forever."""
    K = np.array([[-1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0], [0.0, 0.0, 1.0, -1.0]])
    weights, start = np.ones(4), np.array([0, 1, 0, 1])
    step = squared_distances(K, start, weights, 2).argmin(axis=1)
    np.testing.assert_array_equal(step, 1 - start)  # and from there back again
    solution = solve_kernel_kmeans(DenseGram(K), 2, init=start, n_init=1, refine=False)
    assert solution.n_iter <= 3
    assert solution.restart_converged.all()
    assert solution.inertia == pytest.approx(objective(K, start, weights))


def test_max_iter_ends_each_phase(rng):
    gram = FeatureGram(rng.normal(size=(400, 3)))
    one = solve_kernel_kmeans(gram, 12, max_iter=1, refine=False, random_state=0)
    all_of_them = solve_kernel_kmeans(gram, 12, refine=False, random_state=0)
    assert not one.restart_converged.any()
    assert all_of_them.restart_converged.all()
    assert one.inertia > all_of_them.inertia
    assert not solve_kernel_kmeans(gram, 12, max_iter=1, random_state=0).restart_converged.all()


def test_progress_is_reported_by_batch_and_can_end_the_search(rng):
    gram, calls = DenseGram(symmetric(rng, 20, True)), []
    full = solve_kernel_kmeans(gram, 3, n_init=23, random_state=0, on_step=lambda: calls.append(1))
    assert len(calls) == count_batches(23)
    quiet = solve_kernel_kmeans(gram, 3, n_init=23, random_state=0)
    np.testing.assert_array_equal(full.restart_labels, quiet.restart_labels)
    stopped = solve_kernel_kmeans(gram, 3, n_init=23, random_state=0, on_step=lambda: True)
    assert 0 < len(stopped.restart_labels) < 23


def test_seeds_are_drawn_in_proportion_to_weight_and_squared_distance(rng):
    """One center at 0 for sure, the next by w D: 1 * 1, 2 * 4 and 1 * 9 out of 18."""
    mass = np.tile([0.0, 1.0, 8.0, 9.0], (4000, 1))
    uniforms = rng.random(4000)
    points = kernels.draw_points(mass, np.array([2, 0, 1, 3]), uniforms)
    expected = np.array([2, 1, 3])[np.searchsorted([8.0 / 18.0, 9.0 / 18.0], uniforms, side="right")]
    np.testing.assert_array_equal(points, expected)


@pytest.mark.parametrize("m", [1, 7, 1300])
def test_sums_of_rows(rng, m):
    """From scratch over tiles of columns, and by moves, against indicator matrices."""
    rows, w = rng.normal(size=(50, m)), rng.uniform(0.0, 2.0, 50)
    w[4] = 0.0
    old, new = rng.integers(0, 4, (3, 50)), rng.integers(0, 4, (3, 50))
    active, sums = np.array([0, 2]), np.full((3, 4, m), np.nan)

    def expected(labels):
        return np.einsum("j,rjc,jm->rcm", w, labels[..., None] == np.arange(4), rows)

    kernels.add_rows(rows, w, old, active, sums)
    np.testing.assert_allclose(sums[active], expected(old)[active], atol=1e-12)
    assert np.isnan(sums[1]).all()
    kernels.move_rows(rows, w, old, new, active, sums)
    np.testing.assert_allclose(sums[active], expected(new)[active], atol=1e-12)


def test_asymmetry_is_found_wherever_it_is(rng):
    K = symmetric(rng, 150, False)
    assert kernels.compare_with_transpose(K) == (0.0, np.abs(K).max())
    K[140, 3] += 0.25
    assert kernels.compare_with_transpose(K)[0] == pytest.approx(0.25)
    K[77, 3] = -100.0
    assert kernels.compare_with_transpose(K) == (pytest.approx(abs(K[3, 77] + 100.0)), 100.0)
