"""Features of large graphs against the dense kernels of small ones."""

import numpy as np
import pytest
from scipy import sparse

from statlearn.datasets import make_sbm
from statlearn.graph._catalog import MEASURES
from statlearn.graph._conversions import centered, distance_of
from statlearn.graph._features import unscaled
from statlearn.graph._lanczos import lanczos_features
from statlearn.graph._landmark_columns import SERIES, kernel_columns, series_weights
from statlearn.graph._landmark_kernels import advance
from statlearn.graph._landmarks import choose_landmarks, landmark_features
from statlearn.graph._spectral_graph import SpectralGraph

from .reference import grid, karate, path, weighted_random

ROUNDING = 1e-11  # of products of dense eigenvectors
LOG_ERROR = 3e-8  # three times the resolution of the series, for differences of logarithms
PLAIN = ("katz", "communicability", "forest", "heat", "normalized_heat", "modified_ppr", "commute_time", "corrected_ct")
LOGS = tuple(SERIES)
GRAPHS = {"karate": karate, "path": lambda: path(12), "grid": lambda: grid(4, 5)}


def parameter(name, graph):
    """An ordinary raw parameter inside the domain."""
    return {"katz": 0.7 / graph.spectral_radius, "commute_time": None, "corrected_ct": None}.get(name, 0.7)


def block_graph(seed, n=600, p=(0.15, 0.01)):
    """A connected graph too large for the route of small ones, and its blocks."""
    A, y = make_sbm([n // 3] * 3, p, random_state=seed)
    graph = SpectralGraph(A)
    assert graph.n_components == 1
    return graph, y


def full(made):
    """The kernel that features stand for."""
    return made.matrix @ made.matrix.T * np.exp(made.log_scale)


def dense(measure, graph, t):
    """The exact plain kernel."""
    made = measure.plain(graph, t)
    return made.matrix * np.exp(made.log_scale)


def assert_close(actual, expected, tolerance):
    """Largest difference, relative to the largest expected entry."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


# --- Lanczos ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_all_eigenvectors_give_the_kernel(make, name):
    graph = SpectralGraph(make())
    t = parameter(name, graph)
    made = lanczos_features(graph, MEASURES[name], t, graph.n_nodes)
    assert_close(full(made), dense(MEASURES[name], graph, t), ROUNDING)
    assert made.error <= 1e-11


def relative_error(graph, measure, t, r, seed):
    """Spectral norm of what the features leave out before the frame, relative to the largest eigenvalue, and bounds."""
    made = lanczos_features(graph, measure, t, r, seed)
    part = graph.decomposition(measure.spectrum.matrix)
    ratios = measure.spectrum.ratios(graph, part.values, t)
    bare = (part.vectors * ratios) @ part.vectors.T
    dressed = measure.frame.kernel(graph, bare) * np.exp(measure.spectrum.log_scale(graph, t))
    assert_close(dressed, dense(measure, graph, t), ROUNDING)
    frame = np.linalg.norm(measure.frame.features(graph, np.eye(graph.n_nodes)), 2) ** 2
    scale = np.exp(measure.spectrum.log_scale(graph, t))
    gap = np.linalg.norm(dressed - full(made), 2) / (scale * ratios.max())
    return gap, made.error * frame, np.sort(ratios)[::-1][r] / ratios.max(), made.error


@pytest.mark.parametrize("r", [1, 3, 8])
@pytest.mark.parametrize("name", PLAIN)
def test_error_bound_holds_and_is_that_of_exact_eigenvectors(name, r, seed):
    graph, _ = block_graph(seed)
    gap, bound, exact, error = relative_error(graph, MEASURES[name], parameter(name, graph), r, seed)
    assert gap <= bound
    assert exact * (1 - 1e-6) <= error <= 1.2 * exact


def test_eigenvectors_apart_from_the_bulk_converge(seed):
    graph, _ = block_graph(seed)
    measure = MEASURES["normalized_heat"]
    made = lanczos_features(graph, measure, 30.0, 3, seed)
    part = graph.decomposition("S")
    exact = part.vectors[:, :3] * np.exp(15.0 * (part.values[:3] - 1.0))
    assert_close(full(made), exact @ exact.T, 0.3 * made.error)


def test_small_eigenvalues_of_an_elongated_graph(seed):
    graph = SpectralGraph(grid(4, 200))
    t = 400.0
    gap, bound, exact, error = relative_error(graph, MEASURES["heat"], t, 6, seed)
    assert gap <= bound and exact * (1 - 1e-6) <= error <= 1.2 * exact


def test_both_ends_of_the_spectrum_count_for_corrected_commute_times(seed):
    graph, y = block_graph(seed, p=(0.01, 0.15))
    made = lanczos_features(graph, MEASURES["corrected_ct"], None, 2, seed)
    means = np.array([made.matrix[y == block].mean(axis=0) for block in range(3)])
    spread = np.linalg.norm(made.matrix - means[y], axis=1)
    assert np.median(spread) < 0.5 * np.linalg.norm(means[0] - means[1])
    assert graph.decomposition("S").values[-2] < -0.3


@pytest.mark.parametrize("name", ["heat", "normalized_heat", "forest", "modified_ppr"])
def test_components_are_known_beforehand(name, seed):
    part, _ = block_graph(seed)
    A = sparse.block_diag([part.adjacency, part.adjacency, np.zeros((3, 3))], format="csr")
    graph = SpectralGraph(A)
    two, many = (lanczos_features(graph, MEASURES[name], 0.9, r, seed) for r in (2, 9))
    D = distance_of(full(two))
    assert D[0, 600] > 10 * np.median(D[0, :600])  # the two large components come first
    assert many.matrix.shape == (1203, 9) and many.error < 1.0
    four = lanczos_features(graph, MEASURES[name], 0.9, 4, seed)
    if MEASURES[name].spectrum.matrix == "L":  # an isolated node has the eigenvalue 0 of L, and of S: 1 and far from 1
        assert four.error == 1.0
    else:
        K = MEASURES[name].plain(graph, 0.9).matrix
        np.testing.assert_allclose(K[-3:, -3:], np.diag(np.diag(K)[-3:]), atol=1e-12)
        np.testing.assert_allclose(four.matrix[-3:], 0.0, atol=1e-12)


def test_permuting_the_nodes_permutes_the_features(seed, rng):
    graph, _ = block_graph(seed)
    order = rng.permutation(graph.n_nodes)
    turned = SpectralGraph(graph.adjacency[order][:, order])
    first, second = (lanczos_features(g, MEASURES["normalized_heat"], 30.0, 3, seed) for g in (graph, turned))
    assert_close(full(second), full(first)[np.ix_(order, order)], 1e-5)


def test_lanczos_is_deterministic(seed):
    graph, _ = block_graph(seed)
    first, second = (lanczos_features(graph, MEASURES["katz"], 0.5 / graph.spectral_radius, 4, 7) for _ in range(2))
    np.testing.assert_array_equal(first.matrix, second.matrix)


@pytest.mark.parametrize("n", [501, 640])
def test_few_distinct_eigenvalues_exhaust_the_space(n):
    star = np.zeros((n, n))
    star[0, 1:] = star[1:, 0] = 1.0
    graph = SpectralGraph(star)
    made = lanczos_features(graph, MEASURES["communicability"], 0.1, 3, 0)
    expected = np.sort(np.exp(0.1 * (np.linalg.eigvalsh(star) - np.sqrt(n - 1))))[::-1]
    assert made.error == pytest.approx(expected[3], rel=1e-8)
    singular = np.linalg.svd(made.matrix, compute_uv=False) ** 2 / np.exp(0.1 * np.sqrt(n - 1))
    np.testing.assert_allclose(singular, expected[:3], rtol=1e-8)


def test_kernels_that_would_overflow_keep_a_scale():
    graph, _ = block_graph(0)
    made = lanczos_features(graph, MEASURES["communicability"], 1000.0 / graph.spectral_radius, 2, 0)
    assert np.isfinite(made.matrix).all() and made.log_scale == pytest.approx(1000.0)
    np.testing.assert_array_equal(unscaled(np.ones((2, 1)), 0.0)[0], np.ones((2, 1)))


# --- columns ----------------------------------------------------------------------------------------------------------


def dense_log(measure, graph, t):
    """Exact logarithms, centered: what the features see."""
    return centered(measure.log_kernel(graph, t, for_distance=True, method="accurate").residual)


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_log_features_of_all_nodes_are_the_positive_part(make, name):
    graph = SpectralGraph(make())
    measure, t, n = MEASURES[name], parameter(name, graph), graph.n_nodes
    made = landmark_features(graph, measure, t, n, n, True, 0)
    H = dense_log(measure, graph, t)
    values, vectors = np.linalg.eigh(H)
    positive = (vectors * np.maximum(values, 0.0)) @ vectors.T
    assert made.n_floored == 0
    assert_close(full(made), positive, n * LOG_ERROR)
    assert_close(distance_of(full(made)), distance_of(positive), n * LOG_ERROR)
    share = -values[values < 0].sum() / np.abs(values).sum()
    assert made.dropped_share == pytest.approx(share, abs=1e-6)


def measure_is_resolvent(name):
    return name in ("katz", "ppr", "modified_ppr")


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_columns_have_the_documented_error(name, scale, rng):
    graph = SpectralGraph(weighted_random(rng, 40))
    t = scale * (0.24 if measure_is_resolvent(name) else 1.0)
    t /= graph.spectral_radius if MEASURES[name].spectrum.matrix == "A" else 1.0
    nodes = np.array([3, 11, 30])
    columns = kernel_columns(graph, MEASURES[name], t, nodes)
    K = columns.rest + columns.base
    K = K * SERIES[name].dress(columns.walk.w, columns.walk.w[nodes]) * np.exp(columns.weights.log_total)
    exact = dense(MEASURES[name], graph, t)[:, nodes]
    large = exact > 1e-3 * exact.max()  # of which the dense kernel knows enough digits
    assert columns.n_floored == 0
    np.testing.assert_allclose(K[large], exact[large], rtol=columns.error + 1e-11)  # of the dense kernel


@pytest.mark.parametrize("name", [name for name in PLAIN if name in SERIES])
def test_plain_features_of_all_nodes_are_the_kernel(name):
    graph = SpectralGraph(karate())
    t, n = parameter(name, graph), graph.n_nodes
    made = landmark_features(graph, MEASURES[name], t, n, n, False, 0)
    assert_close(full(made), dense(MEASURES[name], graph, t), n * LOG_ERROR)


def test_large_times_lose_no_digits():
    graph = SpectralGraph(karate())
    measure, t = MEASURES["normalized_heat"], 200.0
    made = landmark_features(graph, measure, t, 34, 1, True, 0)
    part = graph.decomposition("S")
    fiedler = part.vectors[:, 1] / part.vectors[:, 0]
    leading = np.exp(t * (part.values[1] - 1.0)) * np.subtract.outer(fiedler, fiedler) ** 2
    assert leading.max() < 1e-9
    assert_close(distance_of(full(made)), leading, 1e-5)


def test_nodes_out_of_reach_are_floored_and_counted():
    graph = SpectralGraph(path(200))
    made = landmark_features(graph, MEASURES["heat"], 0.01, 200, 3, True, 0)
    columns = kernel_columns(graph, MEASURES["heat"], 0.01, np.array([0]))
    H, floor = np.log(columns.rest[:, 0]), np.log(columns.rest[-1, 0])
    k = np.arange(1.0, 200.0)
    exact = k * np.log(0.01) - np.cumsum(np.log(k))  # t^k / k! on a path, to first order in t
    resolved = exact > floor - np.log(1e-8)
    assert columns.base[0] == 0.0 and np.isfinite(made.matrix).all()
    np.testing.assert_allclose(H[1:][resolved], exact[resolved], atol=0.03)
    assert columns.n_floored == np.count_nonzero(~resolved) > 100
    assert np.all(exact[~resolved] < H[1:][~resolved] + np.log(1e8)) and floor < -640.0
    assert made.n_floored > 200 * 40


@pytest.mark.parametrize("t", [0.2, 3.0])
def test_weights_are_probabilities_with_their_tails(t):
    for name, series in SERIES.items():
        sigma = 0.3 if measure_is_resolvent(name) else 1.0
        weights = series_weights(series, t, sigma)
        assert weights.p.sum() == pytest.approx(1.0, abs=1e-10)
        np.testing.assert_allclose(weights.tails[:20], 1.0 - np.cumsum(weights.p)[:20], atol=1e-12)


def test_compiled_step_matches_its_formula(rng):
    A = sparse.csr_array(rng.random((6, 6)) * (rng.random((6, 6)) < 0.6))
    left, stay, shift = rng.random(6), rng.random(6), np.array([0.0, 0.1])
    term, total, result = rng.random((6, 2)), rng.random((6, 2)), np.empty((6, 2))
    expected = np.maximum(left[:, None] * (A @ term + stay[:, None] * term) - shift, 0.0)
    summed = total + 0.3 * expected
    for step in (advance, advance.py_func):
        sums = total.copy()
        extremes = step(A.indptr, A.indices, A.data, left, stay, term, result, sums, shift, 0.3)
        np.testing.assert_allclose(result, expected, rtol=1e-14)
        np.testing.assert_allclose(sums, summed, rtol=1e-14)
        np.testing.assert_array_equal(extremes, [f(x, axis=0) for x in (result, sums) for f in (np.min, np.max)])


def test_some_landmarks_recover_the_blocks(seed):
    graph, y = block_graph(seed, n=1500, p=(0.08, 0.005))
    made = landmark_features(graph, MEASURES["normalized_heat"], 5.0, 60, 2, True, seed)
    means = np.array([made.matrix[y == block].mean(axis=0) for block in range(3)])
    nearest = np.argmin(((made.matrix[:, None, :] - means) ** 2).sum(axis=2), axis=1)
    assert np.mean(nearest == y) > 0.99


def test_landmarks_are_deterministic_whatever_n_jobs(seed):
    graph, _ = block_graph(seed)
    made = [
        landmark_features(graph, MEASURES["communicability"], 0.05, 100, 5, True, 3, n_jobs=n_jobs) for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(made[0].matrix, made[1].matrix)
    assert made[0].n_terms == made[1].n_terms


def test_landmarks_are_distinct_and_avoid_isolated_nodes():
    A = np.zeros((20, 20))
    A[:12, :12] = 1.0 - np.eye(12)
    graph = SpectralGraph(A)
    for random_state in range(5):
        chosen = choose_landmarks(graph, 12, random_state)
        np.testing.assert_array_equal(chosen, np.arange(12))
    assert len(set(choose_landmarks(graph, 20, 0))) == 20


@pytest.mark.parametrize("name", ["communicability", "normalized_heat", "katz"])
def test_permuting_the_nodes_permutes_landmark_features(name, rng):
    A = weighted_random(rng, 30)
    order = rng.permutation(30)
    graph, turned = SpectralGraph(A), SpectralGraph(A[np.ix_(order, order)])
    t = 0.5 / graph.spectral_radius
    first, second = (full(landmark_features(g, MEASURES[name], t, 30, 30, True, 0)) for g in (graph, turned))
    assert_close(second, first[np.ix_(order, order)], 30 * LOG_ERROR)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ppr", "heat_ppr", "double_factorial", "sigmoid_ct", "rsp", "shortest_path"])
def test_kernels_without_spectral_features_are_refused(name):
    with pytest.raises(ValueError, match=f"cannot make features of {name}.*method='landmark'"):
        lanczos_features(SpectralGraph(karate()), MEASURES[name], 0.5, 3)


@pytest.mark.parametrize("name", ["commute_time", "corrected_ct", "sigmoid_ct", "fe", "absorption"])
def test_kernels_without_a_positive_series_are_refused(name):
    with pytest.raises(ValueError, match=f"cannot make features of {name}.*method='lanczos'"):
        landmark_features(SpectralGraph(karate()), MEASURES[name], 0.5, 5, 3)


def two_parts():
    return SpectralGraph(sparse.block_diag([karate(), karate()], format="csr"))


def test_what_needs_a_connected_graph_says_so():
    with pytest.raises(ValueError, match="commute_time needs a connected graph. Got 2 components"):
        lanczos_features(two_parts(), MEASURES["commute_time"], None, 3)
    with pytest.raises(ValueError, match="graph has 2 components; the logarithm of heat"):
        landmark_features(two_parts(), MEASURES["heat"], 1.0, 5, 3, True)
    made = landmark_features(two_parts(), MEASURES["heat"], 1.0, 68, 68)
    assert_close(full(made), dense(MEASURES["heat"], two_parts(), 1.0), 68 * LOG_ERROR)


@pytest.mark.parametrize("n_landmarks", [1, 35])
def test_number_of_landmarks(n_landmarks):
    with pytest.raises(ValueError, match=f"n_landmarks must be between 2 and .* 34. Got {n_landmarks}"):
        landmark_features(SpectralGraph(karate()), MEASURES["heat"], 1.0, n_landmarks, 3)


@pytest.mark.parametrize(
    ("name", "A", "t"), [("heat", np.ones((3, 3)) - np.eye(3), 900.0), ("communicability", karate(), 30.0)]
)
def test_logarithms_that_agree_are_refused(name, A, t):
    with pytest.raises(ValueError, match=f"logarithms of {name} agree within their error"):
        landmark_features(SpectralGraph(A), MEASURES[name], t, 3, 3, True)


def test_too_large_parameters_name_the_cost():
    graph = SpectralGraph(path(100))
    with pytest.raises(ValueError, match="weight beyond 40000 products"):
        landmark_features(graph, MEASURES["heat"], 1e5, 5, 3, True)
    with pytest.raises(ValueError, match="not known after 2000 products"):
        landmark_features(graph, MEASURES["heat"], 2000.0, 5, 3, True)
