"""What must hold of every graph: symmetries, identities between measures, limits, and properties of random graphs."""

import numpy as np
import pytest

from statlearn.graph import SpectralGraph, list_node_kernels, node_distance, node_kernel
from statlearn.graph._engine import resolve

from . import reference
from .reference import barbell, cycle, grid, karate, path, weighted_karate, weighted_random

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies

LISTED = {row["name"]: row for row in list_node_kernels()}
PROXIMITIES = [(name, log) for name, row in LISTED.items() for log in (False, True) if row["has_log"] or not log]
GRAPHS = {"karate": karate, "weighted karate": weighted_karate, "grid": lambda: grid(4, 5)}
every_graph = pytest.mark.parametrize("A", [pytest.param(make(), id=name) for name, make in GRAPHS.items()])
every_proximity = pytest.mark.parametrize(("name", "log"), PROXIMITIES)


def assert_close(actual, expected, tolerance=1e-10):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def log_distance(A, name, t):
    return node_distance(A, name, t, log=True, scale="raw")


# ----------------------------------------------------------------------------------------------------------- symmetries
@every_proximity
def test_order_of_the_nodes_does_not_matter(name, log, rng):
    A, order = weighted_random(rng, 20), rng.permutation(20)
    shuffled = np.ix_(order, order)
    for of in (node_kernel, node_distance):
        assert_close(of(A[shuffled], name, log=log), of(A, name, log=log)[shuffled])


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("name", ["katz", "comm", "double_factorial", "heat", "forest"])
def test_doubled_weights_are_a_doubled_parameter(name, log, rng):
    A = weighted_random(rng, 14)
    t = 0.3 / np.linalg.eigvalsh(A)[-1]
    assert_close(node_kernel(2 * A, name, t, log=log, scale="raw"), node_kernel(A, name, 2 * t, log=log, scale="raw"))


@pytest.mark.parametrize("name", ["ppr", "modified_ppr", "normalized_heat", "heat_ppr"])
def test_random_walks_do_not_see_the_unit_of_the_weights(name, rng):
    A = weighted_random(rng, 14)
    factor = 2.0 if name == "modified_ppr" else 1.0
    assert_close(factor * node_kernel(2 * A, name, 0.7, scale="raw"), node_kernel(A, name, 0.7, scale="raw"))
    assert_close(log_distance(2 * A, name, 0.7), log_distance(A, name, 0.7))


@pytest.mark.parametrize("name", ["commute_time", "shortest_path", "rsp", "fe"])
def test_doubled_weights_are_halved_costs(name, rng):
    A = weighted_random(rng, 14)
    t, doubled = (None, None) if name in ("commute_time", "shortest_path") else (0.7, 1.4)
    assert_close(2 * node_distance(2 * A, name, doubled, scale="raw"), node_distance(A, name, t, scale="raw"))


def test_equivalent_nodes_have_equal_kernels():
    """The leaves of a star may be exchanged."""
    star = reference.from_edges(6, [(0, i) for i in range(1, 6)])
    for name, log in PROXIMITIES:
        K = node_kernel(star, name, log=log)
        assert np.ptp(np.diag(K)[1:]) <= 1e-12 * np.abs(K).max()
        assert np.ptp(K[0, 1:]) <= 1e-12 * np.abs(K).max()


# -------------------------------------------------------------------------------------------- identities of section 2.4
@every_graph
@pytest.mark.parametrize("a", [0.05, 0.6, 0.99])
def test_both_page_ranks_have_one_log_distance(A, a):
    assert_close(log_distance(A, "ppr", a), log_distance(A, "modified_ppr", a))


@every_graph
@pytest.mark.parametrize("t", [0.1, 3.0, 30.0])
def test_both_normalized_heats_have_one_log_distance(A, t):
    assert_close(log_distance(A, "heat_ppr", t), log_distance(A, "normalized_heat", t), 1e-9)


@pytest.mark.parametrize("A", [karate(), barbell(5, 3), grid(3, 4)], ids=["karate", "barbell", "grid"])
@pytest.mark.parametrize("b", [0.01, 0.5, 3.0])
def test_path_measures_without_weights_are_page_ranks(A, b):
    assert_close(node_distance(A, "fe", b, scale="raw"), log_distance(A, "ppr", np.exp(-b)) / (2 * b))
    Z = reference.ppr(A, np.exp(-b))
    R = (Z @ Z) / Z - 1
    R = R - np.diag(R)[None, :]
    assert_close(node_distance(A, "rsp", b, scale="raw"), (R + R.T) / 2, 1e-8)


@every_graph
def test_log_communicability_tends_to_ratios_of_the_second_eigenvector(A):
    """D e^(t (l1 - l2)) tends to (v_i - v_j)^2 with v = u2 / u1: the digits are all below rounding of the kernel."""
    values, vectors = np.linalg.eigh(A)
    l1, l2, l3 = values[[-1, -2, -3]]
    ratio = vectors[:, -2] / vectors[:, -1]
    limit = (ratio[:, None] - ratio[None, :]) ** 2
    t = 40.0 / (l2 - l3)
    if t * (l1 - l2) > 600:
        pytest.skip("the distance falls below the smallest floating-point number")
    assert_close(log_distance(A, "comm", t) * np.exp(t * (l1 - l2)), limit, 1e-8)


@every_graph
def test_log_heat_tends_to_the_fiedler_vector(A):
    values, vectors = np.linalg.eigh(reference.laplacian(A))
    t = 30.0 / (values[2] - values[1])
    limit = len(A) * (vectors[:, 1][:, None] - vectors[:, 1][None, :]) ** 2
    if t * values[1] > 600:
        pytest.skip("the distance falls below the smallest floating-point number")
    # a pair that the Fiedler vector does not separate is separated by the next ones
    assert_close(log_distance(A, "heat", t) * np.exp(t * values[1]), limit, 1e-8 if len(A) != 20 else 1e-6)


@every_graph
def test_path_measures_lie_between_resistance_and_shortest_path(A):
    """b -> 0: half the mean cost of a round trip of the random walk; b -> inf: the shortest path, rsp much sooner."""
    round_trip = np.count_nonzero(A) * node_distance(A, "ct")  # sum of a_ij c_ij times the resistance
    for name in ("rsp", "fe"):
        gaps = [np.abs(node_distance(A, name, b, scale="raw") - round_trip / 2).max() for b in (1e-5, 1e-6)]
        assert gaps[0] < 2e-3 * round_trip.max()
        assert gaps[1] == pytest.approx(gaps[0] / 10, rel=0.1)
    shortest = node_distance(A, "sp")
    gaps = [np.abs(node_distance(A, "rsp", b, scale="raw") - shortest).max() for b in (5.0, 10.0, 20.0)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < (2e-8 if A.max() == 1.0 else 0.1)


def test_how_fast_path_measures_become_shortest():
    shortest = node_distance(karate(), "sp")
    rsp, fe = (node_distance(karate(), name, 20.0, scale="raw") for name in ("rsp", "fe"))
    assert np.abs(rsp - shortest).max() == pytest.approx(1.4e-8, rel=0.05)
    assert np.abs(fe - shortest).max() == pytest.approx(0.355, rel=0.01)


@pytest.mark.parametrize("log", [False, True])
def test_a_regular_graph_has_one_family(log):
    """All degrees equal d, so that L = d I - A and S = P = A / d."""
    A, degree, t = cycle(9), 2.0, 0.4

    def kernel(name, t):
        return node_distance(A, name, t, log=log, scale="raw")

    grown = 1 + t * degree
    resolvents = 1.0 if log else grown  # a factor of a kernel vanishes from the distances of its logarithm
    assert_close(kernel("comm", t), (1.0 if log else np.exp(degree * t)) * kernel("heat", t))
    assert_close(kernel("normalized_heat", degree * t), kernel("heat", t))
    assert_close(kernel("heat_ppr", degree * t), kernel("heat", t))
    assert_close(kernel("katz", t / grown), resolvents * kernel("forest", t))
    assert_close(kernel("ppr", t * degree / grown), resolvents * kernel("forest", t))
    assert_close(kernel("modified_ppr", t * degree / grown), (1.0 if log else grown / degree) * kernel("forest", t))
    assert_close(kernel("absorption", 1 / t), (1.0 if log else t) * kernel("forest", t))


# ----------------------------------------------------------------------------------------------- trees and cut vertices
def random_tree(rng, n):
    A = np.zeros((n, n))
    for child in range(1, n):
        parent = rng.integers(child)
        A[child, parent] = A[parent, child] = rng.uniform(0.2, 2.0)
    return A


def test_on_a_tree_the_resistance_is_the_shortest_path(rng):
    A = random_tree(rng, 15)
    assert_close(node_distance(A, "ct"), node_distance(A, "sp"))
    for x in (0.0, 0.3, 1.0):
        assert_close(node_kernel(A, "sp_ct", x), node_kernel(A, "ct"))
        assert_close(node_distance(A, "sp_ct", x), node_distance(A, "sp"))


def test_mixture_is_linear_between_its_ends():
    assert_close(node_kernel(karate(), "sp_ct", 0.0), node_kernel(karate(), "ct"))
    assert_close(node_kernel(karate(), "sp_ct", 1.0), node_kernel(karate(), "sp"))
    mean = (node_kernel(karate(), "ct") + node_kernel(karate(), "sp")) / 2
    assert_close(node_kernel(karate(), "sp_ct", 0.5), mean)


def bow_tie():
    """Two triangles that share node 2, and a leaf at node 4."""
    return reference.from_edges(6, [(0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4), (4, 5)])


def separated(A):
    """Triples i, j, k of distinct nodes and whether every path from i to k passes j."""
    n = len(A)
    for j in range(n):
        rest = np.delete(np.arange(n), j)
        reach = np.linalg.matrix_power(A[np.ix_(rest, rest)] + np.eye(n - 1), n) > 0
        for a, i in enumerate(rest):
            for b, k in enumerate(rest):
                if i != k:
                    yield i, j, k, not reach[a, b]


STRICT = [*((name, True) for name in ("katz", "forest", "modified_ppr", "ppr", "absorption")), ("fe", False)]
ADDITIVE = [*STRICT, *((name, False) for name in ("rsp", "commute_time", "shortest_path"))]
NOT_ADDITIVE = [*((name, True) for name in ("communicability", "heat", "normalized_heat")), ("forest", False)]


@pytest.mark.parametrize("A", [bow_tie(), path(6), barbell(4, 2)], ids=["bow tie", "path", "barbell"])
@pytest.mark.parametrize(("name", "log"), ADDITIVE)
def test_distances_that_add_up_at_cut_vertices(name, log, A):
    """d_ij + d_jk = d_ik where every path from i to k passes j."""
    D = node_distance(A, name, log=log)
    slack = [D[i, j] + D[j, k] - D[i, k] for i, j, k, cut in separated(A) if cut]
    assert slack and np.abs(slack).max() < 1e-12 * D.max()


@pytest.mark.parametrize(("name", "log"), STRICT)
def test_distances_that_add_up_only_at_cut_vertices(name, log):
    """And the triangle inequality is strict everywhere else."""
    D = node_distance(bow_tie(), name, log=log)
    assert min(D[i, j] + D[j, k] - D[i, k] for i, j, k, cut in separated(bow_tie()) if not cut) > 1e-3 * D.max()


@pytest.mark.parametrize(("name", "log"), NOT_ADDITIVE)
def test_distances_that_do_not_add_up(name, log):
    D = node_distance(bow_tie(), name, log=log)
    slack = [D[i, j] + D[j, k] - D[i, k] for i, j, k, cut in separated(bow_tie()) if cut]
    assert np.abs(slack).max() > 0.01 * D.max()


@pytest.mark.parametrize(("name", "defect"), [("communicability", 0.73), ("heat", 0.74), ("normalized_heat", 0.61)])
def test_how_far_log_distances_are_from_adding_up_on_a_path(name, defect):
    D = log_distance(path(8), name, 1.0)
    assert 1 - np.diag(D, 1).sum() / D[0, -1] == pytest.approx(defect, abs=0.005)


# ----------------------------------------------------------------------------------------------- random weighted graphs
@st.composite
def connected_graphs(draw):
    """A random tree with other edges added, and weights within four orders of magnitude."""
    n = draw(st.integers(2, 9))
    weights = st.floats(-2.0, 2.0).map(lambda exponent: 10.0**exponent)
    A = np.zeros((n, n))
    for child in range(1, n):
        A[child, draw(st.integers(0, child - 1))] = draw(weights)
    for i, j in draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12)):
        if i > j:
            A[i, j] = draw(weights)
    return A + A.T


def worst_triangle(D):
    return max((D - D[:, [k]] - D[[k], :]).max() for k in range(len(D)))


def parameter_of(name, x):
    """A parameter on the spectral scale: x is in (0, 1)."""
    parameter = LISTED[name]["parameter"]
    return None if parameter is None else x if name in ("katz", "ppr", "modified_ppr", "sp_ct") else x / (1 - x)


@hypothesis.settings(max_examples=40)
@given(A=connected_graphs(), x=st.floats(0.05, 0.95))
def test_plain_kernels_and_their_promises(A, x):
    graph = SpectralGraph(A)
    for name, row in LISTED.items():
        t = parameter_of(name, x)
        try:
            K, D = node_kernel(graph, name, t), node_distance(graph, name, t)
        except ValueError as error:
            assert name in ("rsp", "fe") and "too large" in str(error)
            continue
        assert np.isfinite(K).all() and np.isfinite(D).all()
        np.testing.assert_array_equal(K, K.T)
        if row["psd"]:
            assert np.linalg.eigvalsh(K)[0] >= -1e-11 * np.abs(K).max()
            assert D.min() >= -1e-11 * np.abs(K).max()
        if row["metric"]:
            assert worst_triangle(D) <= 1e-9 * D.max()


@hypothesis.settings(max_examples=40)
@given(A=connected_graphs(), x=st.floats(0.05, 0.95))
def test_log_kernels_and_their_promises(A, x):
    graph = SpectralGraph(A)
    for name, row in LISTED.items():
        if not row["has_log"]:
            continue
        t = parameter_of(name, x)
        H, D = (of(graph, name, t, log=True) for of in (node_kernel, node_distance))
        assert np.isfinite(H).all() and np.isfinite(D).all()
        np.testing.assert_array_equal(H, H.T)
        np.testing.assert_allclose(D, reference.kernel_to_distance(H), rtol=0, atol=1e-11 * (1 + np.abs(H).max()))
        if row["log_metric"]:
            assert D.min() >= 0.0
            assert worst_triangle(D) <= 1e-11 * (1 + np.abs(H).max())


@hypothesis.settings(max_examples=40)
@given(A=connected_graphs(), x=st.floats(0.05, 0.95))
def test_log_kernels_are_logarithms_where_floats_can_tell(A, x):
    graph = SpectralGraph(A)
    for name, row in LISTED.items():
        if not row["has_log"] or name.startswith("sigmoid"):
            continue
        K = reference.KERNELS[name](A, resolve(graph, name, parameter_of(name, x), False, "spectral").t)
        exact = np.minimum(K, K.T) > 1e-4 * K.max()  # SciPy's errors are relative to the largest entry
        H = node_kernel(graph, name, parameter_of(name, x), log=True)
        expected = (np.log(K, where=exact, out=np.zeros_like(K)) + np.log(K.T, where=exact, out=np.zeros_like(K))) / 2
        np.testing.assert_allclose(H[exact], expected[exact], rtol=0, atol=1e-7)
