"""The reference itself: published numbers, other packages, identities between the measures, and the stored values."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.csgraph
import scipy.special

from . import reference
from .make_oracle_values import DIGITS, compute, oracle_keys
from .reference import (
    KERNELS,
    REFERENCE,
    centered,
    distance,
    karate,
    kernel,
    log_distance,
    log_kernel,
    path,
    weighted_random,
)


def assert_close(actual, expected, tolerance=1e-10):
    """Largest difference, relative to the largest expected entry."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def parameter(name, A):
    """An ordinary raw parameter inside the domain of the measure."""
    return 0.7 / np.linalg.eigvalsh(A).max() if name == "katz" else 0.7


def test_graphs_are_those_of_networkx():
    networkx = pytest.importorskip("networkx")
    pairs = [
        (path(7), networkx.path_graph(7)),
        (reference.cycle(7), networkx.cycle_graph(7)),
        (reference.complete(5), networkx.complete_graph(5)),
        (reference.barbell(8, 4), networkx.barbell_graph(8, 4)),
        (reference.grid(5, 6), networkx.grid_2d_graph(5, 6)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours, networkx.to_numpy_array(theirs, nodelist=sorted(theirs)))
    assert (karate().sum(), reference.weighted_karate().sum()) == (2 * 78, 2 * 231)


def path_ratios(D):
    return D[0, 1] / D[1, 2], (D[0, 1] + D[1, 2]) / D[0, 2], D[0, 3] / D[0, 2]


RADIUS_OF_PATH_4 = (1 + np.sqrt(5)) / 2
RADIUS_OF_KARATE = 6.725697727631729


@pytest.mark.parametrize(
    ("of", "name", "t", "published"),
    [
        (distance, "shortest_path", None, (1.00, 1.00, 1.50)),
        (log_distance, "katz", 1 / (1 + RADIUS_OF_PATH_4), (1.08, 1.00, 1.52)),
        (log_distance, "forest", 2.0, (0.89, 1.00, 1.47)),
        (distance, "forest", 1.0, (1.08, 1.32, 1.26)),
        (distance, "katz", 1 / (1 / 4.5 + RADIUS_OF_PATH_4), (1.08, 1.28, 0.95)),
        (distance, "katz", 1 / (1 + RADIUS_OF_PATH_4), (0.96, 1.46, 1.03)),
    ],
)
def test_published_ratios_on_the_path_of_four(of, name, t, published):
    np.testing.assert_allclose(path_ratios(of(name, path(4), t)), published, rtol=0, atol=0.005)


def test_published_communicability_distances_on_the_path_of_four():
    D = np.sqrt(distance("communicability", path(4), 1.0))
    D *= 3 / np.diag(D, 1).sum()
    np.testing.assert_allclose([D[0, 1], D[1, 2], D[0, 2], D[0, 3]], [0.964, 1.072, 1.492, 1.564], atol=0.0005)


@pytest.mark.parametrize(
    ("of", "name", "t", "published", "tolerance"),
    [
        (distance, "commute_time", None, 1.5, 1e-12),
        (log_distance, "forest", 500.0, 1.5, 0.005),
        (distance, "rsp", 1e-4, 1.5, 0.001),
        (distance, "fe", 1e-4, 1.5, 0.001),
        (distance, "shortest_path", None, 1.0, 0.0),
        (log_distance, "forest", 0.01, 1.0, 0.02),
        (distance, "rsp", 20.0, 1.0, 0.02),
        (distance, "fe", 20.0, 1.0, 0.02),
    ],
)
def test_published_ratio_on_the_triangle_with_a_pendant_node(of, name, t, published, tolerance):
    """Between the commute-time distance and the shortest path at the two ends of the parameter."""
    D = of(name, reference.triangle_with_pendant(), t)
    assert D[0, 1] / D[1, 2] == pytest.approx(published, rel=0, abs=tolerance)


@pytest.mark.parametrize(
    ("of", "name", "t", "smallest", "largest"),
    [
        (log_kernel, "katz", 0.5 / RADIUS_OF_KARATE, -0.19, 42),
        (log_kernel, "communicability", 0.5, -0.46, 26),
        (log_kernel, "heat", 1.0, -0.97, 24),
        (kernel, "sigmoid_cct", 5.0, -0.97, 13),
        (kernel, "rsp", 1.0, -1.03, 15),
    ],
)
def test_kernels_that_are_indefinite(of, name, t, smallest, largest):
    """Extreme eigenvalues on the karate club, to the digits of the specification."""
    values = np.linalg.eigvalsh(centered(of(name, karate(), t)))
    assert values[0] == pytest.approx(smallest, rel=0, abs=0.005)
    assert values[-1] == pytest.approx(largest, rel=0, abs=0.5)


def test_a_distance_of_the_sigmoid_is_negative():
    assert distance("sigmoid_cct", karate(), 5.0).min() < -0.01


def test_values_of_networkx():
    networkx = pytest.importorskip("networkx")
    club, weighted = networkx.karate_club_graph(), {"weight": "weight", "invert_weight": False}
    pairs = [
        (kernel("communicability", karate(), 1.0), networkx.communicability_exp(club)),
        (distance("commute_time", karate()), networkx.resistance_distance(club)),
        (distance("commute_time", reference.weighted_karate()), networkx.resistance_distance(club, **weighted)),
    ]
    for ours, theirs in pairs:
        assert_close(ours, np.array([[theirs[i][j] for j in range(34)] for i in range(34)]))
    assert distance("commute_time", karate()).sum() / 2 == pytest.approx(470.268184985, rel=0, abs=1e-9)


def test_pseudo_inverse_and_shortest_paths_of_scipy(rng):
    A = weighted_random(rng, 15)
    assert_close(reference.commute_time(A), scipy.linalg.pinvh(reference.laplacian(A)))
    assert np.isfinite(reference.shortest_path(A)).all()  # the graph is connected
    costs = np.where(A > 0, 1 / np.where(A > 0, A, 1), 0)
    assert_close(reference.shortest_path(A), scipy.sparse.csgraph.shortest_path(costs, directed=False), 1e-14)


def double_factorial_sum(x):
    """``sum_k x^k / k!! = exp(x^2 / 2) (1 + sqrt(pi / 2) erf(x / sqrt(2)))``: even and odd terms in closed form."""
    return np.exp(x**2 / 2) * (1 + np.sqrt(np.pi / 2) * scipy.special.erf(x / np.sqrt(2)))


def spectral_kernels(A, t):
    """The kernels as functions of the eigenvalues of A, L or S."""

    def on(M, f):
        values, vectors = np.linalg.eigh(M)
        return (vectors * f(values)) @ vectors.T

    root, L = np.sqrt(A.sum(axis=1)), reference.laplacian(A)
    S = A / np.outer(root, root)
    resolvent = on(S, lambda x: 1 / (1 - t * x))
    diffusion = on(S, lambda x: np.exp(-t * (1 - x)))
    without_first = on(S - np.outer(root, root) / A.sum(), lambda x: x**2 / (1 - x))
    return {
        "katz": on(A, lambda x: 1 / (1 - t * x)),
        "communicability": on(A, lambda x: np.exp(t * x)),
        "double_factorial": on(A, lambda x: double_factorial_sum(t * x)),
        "forest": on(L, lambda x: 1 / (1 + t * x)),
        "heat": on(L, lambda x: np.exp(-t * x)),
        "normalized_heat": diffusion,
        "ppr": resolvent / root[:, None] * root[None, :],
        "modified_ppr": resolvent / np.outer(root, root),
        "heat_ppr": diffusion / root[:, None] * root[None, :],
        "commute_time": on(L, lambda x: np.where(x > 1e-10, 1 / np.maximum(x, 1e-10), 0)),
        "corrected_ct": centered(without_first / np.outer(root, root)),
        "absorption": on(L, lambda x: 1 / (t + x)),
    }


@pytest.mark.parametrize("name", sorted(set(KERNELS) - {"sigmoid_ct", "sigmoid_cct", "sp_ct"}))
def test_kernel_is_a_function_of_eigenvalues(name, rng):
    for A in (karate(), weighted_random(rng, 12)):
        t = parameter(name, A)
        assert_close(KERNELS[name](A, t), spectral_kernels(A, t)[name])


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_both_arithmetics_agree(name, rng):
    mpmath = pytest.importorskip("mpmath")
    A = weighted_random(rng, 8)
    t = parameter(name, A)
    with mpmath.workdps(50):
        precise = REFERENCE[name](reference.in_digits(A), mpmath.mpf(t))
    assert_close(REFERENCE[name](A, t), precise.astype(float), 1e-12)


def test_no_digits_are_lost(rng):
    """A float inside the precise arithmetic, such as a rounded 1 / n, would leave 1e-17."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(50):
        K = reference.commute_time(reference.in_digits(weighted_random(rng, 7)))
        assert abs(K.sum(axis=1)).max() < 1e-45
        assert abs(centered(K) - K).max() < 1e-45


def test_absorption_with_one_rate_per_node(rng):
    A, rates = weighted_random(rng, 9), rng.uniform(0.1, 2.0, 9)
    K = KERNELS["absorption"](A, rates)
    assert_close(K @ (reference.laplacian(A) + np.diag(rates)), np.eye(9))
    assert_close(K @ rates, np.ones(9))  # where one starts, one is absorbed somewhere


GRAPHS = {
    "karate": karate,
    "weighted karate": reference.weighted_karate,
    "weighted random": lambda: weighted_random(np.random.default_rng(3), 14),
    "barbell": lambda: reference.barbell(5, 3),
}
every_graph = pytest.mark.parametrize("A", [pytest.param(graph, id=name) for name, graph in GRAPHS.items()])


@every_graph
@pytest.mark.parametrize("t", [0.1, 0.6, 0.95])
def test_both_page_ranks_have_one_log_distance(A, t):
    A = A()
    assert_close(log_distance("ppr", A, t), log_distance("modified_ppr", A, t))


@every_graph
@pytest.mark.parametrize("t", [0.5, 3.0])
def test_both_normalized_heats_have_one_log_distance(A, t):
    A = A()
    assert_close(log_distance("heat_ppr", A, t), log_distance("normalized_heat", A, t), 1e-8)


@pytest.mark.parametrize("A", [karate, lambda: reference.barbell(5, 3), lambda: reference.grid(3, 4)])
@pytest.mark.parametrize("b", [0.01, 0.5, 3.0])
def test_free_energy_and_randomized_paths_without_weights(A, b):
    """With unit costs Z is the PageRank kernel at ``a = exp(-b)``, and ``C o W = W``."""
    A = A()
    assert_close(reference.fe(A, b), log_distance("ppr", A, np.exp(-b)) / (2 * b))
    Z = KERNELS["ppr"](A, np.exp(-b))
    assert_close(reference.rsp_one_way(A, b), (Z @ Z) / Z - 1)


@every_graph
def test_randomized_paths_at_both_ends(A):
    """For b -> 0 half the mean cost of a random round trip, resistance times ``sum_ij a_ij c_ij``; else shortest."""
    A = A()
    round_trip = np.count_nonzero(A) * distance("commute_time", A)
    for measure in (reference.rsp, reference.fe):
        gaps = [np.abs(measure(A, b) - round_trip / 2).max() / round_trip.max() for b in (1e-4, 1e-5)]
        assert gaps[0] < 0.02 and gaps[1] == pytest.approx(gaps[0] / 10, rel=0.1)
    gaps = [np.abs(reference.rsp(A, b) - reference.shortest_path(A)).max() for b in (10.0, 20.0, 40.0)]
    assert gaps[0] > gaps[1] > gaps[2]


def test_how_fast_randomized_paths_become_shortest():
    D = reference.shortest_path(karate())
    assert np.abs(reference.rsp(karate(), 20.0) - D).max() == pytest.approx(1.4e-8, rel=0.05)
    assert np.abs(reference.fe(karate(), 20.0) - D).max() == pytest.approx(0.355, rel=0.01)


@pytest.mark.parametrize(("name", "t"), [("katz", 0.05), ("communicability", 0.2), ("heat", 0.3), ("forest", 0.3)])
def test_doubled_weights_are_a_doubled_parameter(name, t, rng):
    A = weighted_random(rng, 10)
    assert_close(KERNELS[name](2 * A, t), KERNELS[name](A, 2 * t))


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_permuted_nodes(name, rng):
    A, order = weighted_random(rng, 10), rng.permutation(10)
    t, shuffled = parameter(name, A), np.ix_(order, order)
    assert_close(REFERENCE[name](A[shuffled], t), REFERENCE[name](A, t)[shuffled])


def test_regular_graph_has_one_family():
    """All degrees equal d, so that ``L = d I - A`` and ``S = P = A / d``."""
    A, t, degree = reference.cycle(9), 0.4, 2
    heat, forest = KERNELS["heat"](A, t), KERNELS["forest"](A, t)
    assert_close(KERNELS["communicability"](A, t), np.exp(degree * t) * heat)
    assert_close(KERNELS["normalized_heat"](A, degree * t), heat)
    assert_close(KERNELS["katz"](A, t / (1 + t * degree)), (1 + t * degree) * forest)
    assert_close(KERNELS["ppr"](A, t * degree / (1 + t * degree)), (1 + t * degree) * forest)
    assert_close(KERNELS["absorption"](A, 1 / t), t * forest)


def random_tree(rng, n):
    A = np.zeros((n, n))
    for child in range(1, n):
        parent = rng.integers(child)
        A[child, parent] = A[parent, child] = rng.uniform(0.2, 2.0)
    return A


def test_tree_has_one_mixture_of_shortest_and_resistance(rng):
    A = random_tree(rng, 12)
    assert_close(distance("commute_time", A), reference.shortest_path(A))
    for x in (0.0, 0.3, 1.0):
        assert_close(kernel("sp_ct", A, x), reference.commute_time(A))


def test_distance_and_kernel_are_inverse(rng):
    K = weighted_random(rng, 8)
    D = reference.kernel_to_distance(K)
    assert_close(reference.kernel_to_distance(reference.distance_to_kernel(D)), D, 1e-13)
    assert_close(reference.distance_to_kernel(D), centered(K), 1e-13)


@every_graph
@pytest.mark.parametrize("name", ["katz", "forest", "modified_ppr"])
def test_transition_inequality(name, A):
    """``s_ij s_jk <= s_ik s_jj`` for all triples."""
    A = A()
    s = KERNELS[name](A, parameter(name, A))
    products = s[:, :, None] * s[None, :, :]
    bounds = s[:, None, :] * np.diag(s)[None, :, None]
    assert (products <= bounds * (1 + 1e-12)).all()


def excess_over_edges(D):
    """How much the edges of a path are longer together than the distance of its ends, relative to that distance."""
    return np.diag(D, 1).sum() / D[0, -1] - 1


@pytest.mark.parametrize(
    ("of", "name"),
    [*((log_distance, name) for name in ("katz", "forest", "modified_ppr")), (distance, "rsp"), (distance, "fe")],
)
def test_distances_that_add_up_along_a_path(of, name):
    assert abs(excess_over_edges(of(name, path(8), parameter(name, path(8))))) < 1e-12


@pytest.mark.parametrize(("name", "defect"), [("communicability", 0.73), ("heat", 0.74), ("normalized_heat", 0.61)])
def test_log_distances_that_do_not_add_up(name, defect):
    """The edges together are shorter than the whole: the triangle inequality fails."""
    assert excess_over_edges(log_distance(name, path(8), 1.0)) == pytest.approx(-defect, rel=0, abs=0.005)


@pytest.fixture(scope="module")
def cases():
    return reference.oracle_cases()


def test_all_values_are_stored(cases):
    assert set(cases) == set(oracle_keys())
    assert all((case.H is None) == (measure in ("rsp", "fe")) for (measure, _, _), case in cases.items())
    assert all(np.isfinite(case.D).all() and (np.diag(case.D) == 0).all() for case in cases.values())


def test_stored_values_are_those_of_many_digits(rng):
    pytest.importorskip("mpmath")
    keys = list(oracle_keys())
    with np.load(reference.ORACLE_FILE) as stored:
        for chosen in rng.choice(len(keys), 3, replace=False):
            for part, values in compute(*keys[chosen], digits=DIGITS).items():
                np.testing.assert_array_equal(values, stored["|".join((*map(str, keys[chosen]), part))])


@pytest.mark.parametrize("graph", reference.ORACLE_GRAPHS)
def test_stored_distances_are_those_of_floats(graph, cases):
    """For rsp and fe, which lose no more than the condition of I - W."""
    A = reference.ORACLE_GRAPHS[graph]()
    for measure, b in [(measure, b) for measure, name, b in cases if name == graph and measure in ("rsp", "fe")]:
        assert_close(REFERENCE[measure](A, b), cases[measure, graph, b].D, 1e-9)


@pytest.mark.parametrize("name", sorted({key[0].removeprefix("log_") for key in oracle_keys()} & set(KERNELS)))
def test_stored_logs_are_those_of_floats(name, cases):
    """Where floats can give them: at entries that are not tiny beside the largest one."""
    compared = 0
    for (measure, graph, _), case in cases.items():
        if measure == f"log_{name}" and case.t <= 20.0:
            K = KERNELS[name](reference.ORACLE_GRAPHS[graph](), case.t)
            safe = np.minimum(K, K.T) > 1e-4 * K.max()
            H = reference.symmetrized(np.log(np.maximum(K, 1e-300)))
            np.testing.assert_allclose(H[safe], case.H[safe], rtol=0, atol=1e-8)
            rounding = 1e-15 * np.abs(case.H).max()
            np.testing.assert_allclose(reference.kernel_to_distance(case.H), case.D, rtol=0, atol=rounding)
            compared += safe.sum()
    assert compared > 1000


LIMITS = {"log_communicability": np.negative, "log_heat": reference.laplacian}


@pytest.mark.parametrize("measure", LIMITS)
def test_stored_distances_reach_their_limit(measure, cases):
    """``D exp(t gap) -> (v_i - v_j)^2`` with v the second eigenvector over the first, at t = 100 on the karate club."""
    values, vectors = np.linalg.eigh(LIMITS[measure](karate()))
    v = vectors[:, 1] / vectors[:, 0]
    scaled = cases[measure, "karate", 100.0].D * np.exp(100.0 * (values[1] - values[0]))
    assert_close(scaled, (v[:, None] - v[None, :]) ** 2)


def test_a_stored_distance_far_below_rounding(cases):
    case = cases["log_communicability", "karate", 20.0]
    assert case.D[0, 33] == pytest.approx(2.8061770721e-15, rel=2e-11, abs=0)
    assert abs(reference.kernel_to_distance(case.H)[0, 33] / case.D[0, 33] - 1) > 0.1  # H alone has lost it


def test_twins_stay_apart(cases):
    """Two nodes with the same neighbors: ``K_ii - K_ij = 1`` for exp(t A), beside entries of about e^670."""
    case = cases["log_communicability", "karate", 100.0]
    np.testing.assert_array_equal(karate()[14], karate()[15])
    assert case.D[14, 15] == pytest.approx(2 * np.exp(-case.H[14, 15]), rel=1e-10, abs=0)
