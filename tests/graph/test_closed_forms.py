"""Every measure against its formula, the three scales, aliases and routes, published numbers, other packages."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from statlearn.graph import (
    GraphKernelWard,
    SpectralGraph,
    distance_to_kernel,
    kernel_to_distance,
    list_node_kernels,
    node_distance,
    node_kernel,
)

from . import reference
from .reference import DISTANCES, KERNELS, REFERENCE, karate, path, triangle_with_pendant, weighted_random

TOLERANCE = 1e-10  # of the largest entry
GRAPHS = {
    "karate": karate,
    "weighted karate": reference.weighted_karate,
    "grid": lambda: reference.grid(4, 5),
    "barbell": lambda: reference.barbell(6, 3),
    "random": lambda: weighted_random(np.random.default_rng(1), 15),
    "two nodes": lambda: np.array([[0.0, 2.5], [2.5, 0.0]]),
    "star": lambda: reference.from_edges(7, [(0, i) for i in range(1, 7)]),
    "complete": lambda: reference.complete(6),
}
WITHOUT_PARAMETER = ("commute_time", "corrected_ct", "shortest_path")
SHARES = (0.02, 0.5, 0.98)  # of 1 / rho, of the probability to go on, of the mixture
RATES = (0.03, 0.7, 6.0)
SMALLER_RATES = (0.03, 0.3, 1.0)  # double_factorial grows like the exponential of the square


def raw_parameters(name, A):
    """Small, ordinary and large raw parameters."""
    if name in WITHOUT_PARAMETER:
        return [None]
    if name == "katz":
        return [share / np.linalg.eigvalsh(A)[-1] for share in SHARES]
    if name == "double_factorial":
        return SMALLER_RATES
    return SHARES if name in ("ppr", "modified_ppr", "sp_ct") else RATES


def assert_close(actual, expected, tolerance=TOLERANCE):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * np.abs(expected).max())


every_measure = pytest.mark.parametrize("name", sorted(REFERENCE))
every_graph = pytest.mark.parametrize("A", [pytest.param(make(), id=name) for name, make in GRAPHS.items()])


@every_graph
@every_measure
def test_kernels_and_distances_are_those_of_the_formulas(name, A):
    graph = SpectralGraph(A)
    for t in raw_parameters(name, A):
        K, D = node_kernel(graph, name, t, scale="raw"), node_distance(graph, name, t, scale="raw")
        assert_close(K, reference.kernel(name, A, t))
        expected = reference.distance(name, A, t)
        assert_close(D, expected, TOLERANCE * max(1.0, np.abs(K).max() / np.abs(expected).max()))
        for matrix in (K, D):
            np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diag(D), 0.0)


@every_measure
def test_every_measure_is_listed_with_its_properties(name):
    row = next(row for row in list_node_kernels() if row["name"] == name)
    assert row["has_log"] == (name in KERNELS and name not in (*WITHOUT_PARAMETER, "sp_ct"))
    assert (row["parameter"] is None) == (name in WITHOUT_PARAMETER)
    assert (row["domain"] is None) == (row["default"] is None) == (name in WITHOUT_PARAMETER)


def test_the_list_and_the_reference_agree():
    names = [row["name"] for row in list_node_kernels()]
    assert sorted(names) == sorted(REFERENCE)
    aliases = [alias for row in list_node_kernels() for alias in row["aliases"]]
    assert len({*names, *aliases}) == len(names) + len(aliases)


@every_measure
def test_aliases_and_letter_case(name):
    row = next(row for row in list_node_kernels() if row["name"] == name)
    expected = node_kernel(karate(), name)
    for alias in (*row["aliases"], name.upper()):
        np.testing.assert_array_equal(node_kernel(karate(), alias), expected)


def half_odds(x):
    return 0.5 * x / (1.0 - x)


UNIT = {  # table 2.2 of the specification: x in (0, 1) to the parameter of the formula
    "katz": lambda x, A: x / np.linalg.eigvalsh(A)[-1],
    **{name: lambda x, A: x for name in ("ppr", "modified_ppr", "sp_ct")},
    **{name: lambda x, A: (1.0 - x) / x for name in ("rsp", "fe")},
    **{
        name: lambda x, A: half_odds(x)
        for name in ("communicability", "double_factorial", "forest", "heat", "normalized_heat", "heat_ppr")
    },
    **{name: lambda x, A: half_odds(x) for name in ("sigmoid_ct", "sigmoid_cct", "absorption")},
}
SPECTRAL = {  # section 2.5: what makes a parameter mean the same on graphs of other sizes and weights
    **{name: lambda x, A: x / np.linalg.eigvalsh(A)[-1] for name in ("katz", "communicability", "double_factorial")},
    **{name: lambda x, A: x / A.sum(axis=1).mean() for name in ("forest", "heat")},
    "absorption": lambda x, A: x * A.sum(axis=1).mean(),
    **{name: lambda x, A: x / (1 / A[A > 0]).mean() for name in ("rsp", "fe")},
    **{
        name: lambda x, A: x
        for name in ("normalized_heat", "heat_ppr", "ppr", "modified_ppr", "sigmoid_ct", "sigmoid_cct", "sp_ct")
    },
}


@pytest.mark.parametrize("x", [0.2, 0.75])
@pytest.mark.parametrize("scale", ["unit", "spectral"])
@pytest.mark.parametrize("name", sorted(set(REFERENCE) - set(WITHOUT_PARAMETER)))
def test_scales(name, scale, x):
    A = reference.weighted_karate()
    raw = {"unit": UNIT, "spectral": SPECTRAL}[scale][name](x, A)
    expected = node_kernel(A, name, raw, scale="raw")
    assert_close(node_kernel(A, name, x, scale=scale), expected, 1e-12)
    default = next(row["default"] for row in list_node_kernels() if row["name"] == name)
    np.testing.assert_array_equal(node_kernel(A, name, scale=scale), node_kernel(A, name, default, scale="spectral"))


@pytest.mark.parametrize("name", ["katz", "communicability", "double_factorial", "forest", "heat", "rsp", "fe"])
def test_the_spectral_scale_does_not_see_the_unit_of_the_weights(name):
    """All weights times 10, costs by 10: kernels of the same shape; the path measures are costs and shrink by 10."""
    A = reference.weighted_karate()
    factor = 10.0 if name in ("rsp", "fe") else 1.0
    assert_close(factor * node_kernel(10 * A, name, 0.6), node_kernel(A, name, 0.6), 1e-12)


def methods_of(name):
    return ["eigh", "accurate"] if name not in ("absorption", "sigmoid_ct", "sigmoid_cct") else ["auto"]


@every_graph
@pytest.mark.parametrize("name", sorted(set(KERNELS) - {*WITHOUT_PARAMETER, "sp_ct"}))
def test_routes_agree(name, A):
    graph = SpectralGraph(A)
    for t in raw_parameters(name, A):
        plain = [node_kernel(graph, name, t, scale="raw", method=method) for method in methods_of(name)]
        distances = [node_distance(graph, name, t, scale="raw", method=method) for method in methods_of(name)]
        for K in plain:
            assert_close(K, reference.kernel(name, A, t))
        np.testing.assert_allclose(distances[0], distances[-1], rtol=0, atol=TOLERANCE * plain[0].max())


NO_ROUTE = [
    *(("accurate", name) for name in ("commute_time", "corrected_ct", "sigmoid_ct", "sigmoid_cct")),
    *(("eigh", name) for name in ("rsp", "fe", "absorption", "shortest_path", "sp_ct")),
    *(("accurate", name) for name in ("shortest_path", "sp_ct")),
    *((method, "heat") for method in ("lanczos", "Eigh", None)),
]


@pytest.mark.parametrize("of", [node_kernel, node_distance])
@pytest.mark.parametrize(("method", "name"), NO_ROUTE)
def test_routes_that_do_not_exist(of, method, name):
    with pytest.raises(ValueError, match=rf"method={method!r} does not exist for {name}\. Use one of \('auto'"):
        of(karate(), name, method=method)


def test_eigenvectors_refuse_logarithms_below_their_rounding():
    with pytest.raises(ValueError, match=r"method='eigh' cannot take the logarithm of forest.*Use method='auto'"):
        node_kernel(path(30), "forest", 0.01, log=True, scale="raw", method="eigh")
    assert np.isfinite(node_kernel(path(30), "forest", 0.01, log=True, scale="raw")).all()


@pytest.mark.parametrize("name", ["lollipop", "tail between cliques"])
@pytest.mark.parametrize("share", [0.01, 0.9, 0.999999])
def test_log_katz_where_the_principal_vector_is_below_rounding(name, share):
    """Far from the densest part the vector falls under 1e-16; LAPACK returns zeros and noise there."""
    mpmath = pytest.importorskip("mpmath")
    A = path(34)
    A[:16, :16] = reference.complete(16)
    if name == "tail between cliques":
        A[27:, 27:] = reference.complete(7)
    graph = SpectralGraph(A)
    assert graph.perron.vector.min() < 1e-15
    t = share / graph.spectral_radius
    with mpmath.workdps(80):
        H = reference.log_kernel("katz", reference.in_digits(A), mpmath.mpf(t))
        D = reference.kernel_to_distance(H).astype(float)
    np.testing.assert_allclose(node_kernel(graph, "katz", t, log=True, scale="raw"), H.astype(float), atol=1e-12)
    np.testing.assert_allclose(node_distance(graph, "katz", t, log=True, scale="raw"), D, atol=1e-12)


def test_logarithms_below_the_smallest_number_are_refused():
    A = path(400)
    A[:40, :40] = reference.complete(40)
    with pytest.raises(ValueError, match=r"below the smallest floating-point number. Increase t, or take a kernel"):
        node_kernel(A, "katz", log=True)
    assert np.isfinite(node_kernel(A, "forest", 1e3, log=True)).all()


@pytest.mark.parametrize("A", [path(n) * weight for n in (2, 3, 5, 7) for weight in (1.0, 3.7)])
def test_katz_next_to_its_pole(A):
    """The floats below 1 / rho are refused or right, as 1 - t rho is known beyond double precision."""
    graph = SpectralGraph(A)
    t, answers = 1.0 / graph.spectral_radius, []
    for _ in range(6):
        t = np.nextafter(t, 0.0)
        try:
            K = node_kernel(graph, "katz", t, scale="raw")
        except ValueError as error:
            assert "outside the domain 0 < t < 1/rho" in str(error)
            assert not answers  # all refusals come first
        else:
            answers.append(K.min())
            assert np.isfinite(node_kernel(graph, "katz", t, scale="raw", log=True)).all()
    assert answers and all(np.diff(answers) < 0) and answers[-1] > 0


# ---------------------------------------------------------------------------------------------------- published numbers
def path_ratios(D):
    return D[0, 1] / D[1, 2], (D[0, 1] + D[1, 2]) / D[0, 2], D[0, 3] / D[0, 2]


RADIUS_OF_PATH_4 = (1 + np.sqrt(5)) / 2


@pytest.mark.parametrize(
    ("name", "t", "log", "published"),
    [
        ("sp", None, False, (1.00, 1.00, 1.50)),
        ("katz", 1 / (1 + RADIUS_OF_PATH_4), True, (1.08, 1.00, 1.52)),
        ("forest", 2.0, True, (0.89, 1.00, 1.47)),
        ("forest", 1.0, False, (1.08, 1.32, 1.26)),
        ("katz", 1 / (1 / 4.5 + RADIUS_OF_PATH_4), False, (1.08, 1.28, 0.95)),
        ("katz", 1 / (1 + RADIUS_OF_PATH_4), False, (0.96, 1.46, 1.03)),
    ],
)
def test_published_ratios_on_the_path_of_four(name, t, log, published):
    D = node_distance(path(4), name, t, log=log, scale="raw")
    np.testing.assert_allclose(path_ratios(D), published, rtol=0, atol=0.005)


def test_published_communicability_distances_on_the_path_of_four():
    D = np.sqrt(node_distance(path(4), "comm", 1.0, scale="raw"))
    D *= 3 / np.diag(D, 1).sum()
    np.testing.assert_allclose([D[0, 1], D[1, 2], D[0, 2], D[0, 3]], [0.964, 1.072, 1.492, 1.564], atol=0.0005)


@pytest.mark.parametrize(
    ("name", "t", "log", "ratio", "tolerance"),
    [
        ("ct", None, False, 1.5, 1e-12),
        ("forest", 500.0, True, 1.5, 0.01),
        ("rsp", 1e-4, False, 1.5, 0.01),
        ("fe", 1e-4, False, 1.5, 0.01),
        ("sp", None, False, 1.0, 1e-12),
        ("forest", 0.01, True, 1.0, 0.02),
        ("rsp", 20.0, False, 1.0, 0.02),
        ("fe", 20.0, False, 1.0, 0.02),
    ],
)
def test_published_ratio_on_the_triangle_with_a_pendant_node(name, t, log, ratio, tolerance):
    """Between the resistance and the shortest path; nodes 1, 2, 3 of the publication are 0, 1, 2 here."""
    D = node_distance(triangle_with_pendant(), name, t, log=log, scale="raw")
    assert D[0, 1] / D[1, 2] == pytest.approx(ratio, abs=tolerance)


# ------------------------------------------------------------------------------------------------------- other packages
def test_networkx_communicability_and_resistance():
    networkx = pytest.importorskip("networkx")
    club = networkx.karate_club_graph()
    theirs = networkx.communicability_exp(club)
    expected = np.array([[theirs[i][j] for j in range(34)] for i in range(34)])
    assert_close(node_kernel(karate(), "comm", 1.0, scale="raw"), expected)
    resistance = networkx.resistance_distance(club)
    expected = np.array([[resistance[i][j] for j in range(34)] for i in range(34)])
    D = node_distance(karate(), "ct")
    assert_close(D, expected)
    assert D.sum() / 2 == pytest.approx(networkx.effective_graph_resistance(club), rel=1e-12)
    assert D.sum() / 2 == pytest.approx(470.268184985, abs=1e-9)


@pytest.mark.parametrize(("name", "log"), [("heat", False), ("ct", False), ("katz", True), ("sp", False)])
def test_scipy_ward_on_the_square_root_of_the_distance(name, log, rng):
    A = weighted_random(rng, 25)
    D = node_distance(A, name, log=log)
    assert D.min() >= 0
    theirs = linkage(squareform(np.sqrt(D), checks=False), method="ward")
    for n_clusters in (2, 5, 11):
        ours = GraphKernelWard(n_clusters, kernel=name, log=log).fit(A)
        np.testing.assert_allclose(np.sqrt(2 * ours.merges_[:, 2]), theirs[:, 2], rtol=1e-9)
        assert adjusted_rand_score(ours.labels_, cut_tree(theirs, n_clusters).ravel()) == 1.0


# ------------------------------------------------------------------------------------------------ kernels and distances
def symmetric(rng, n):
    M = rng.normal(size=(n, n))
    return M + M.T


def test_round_trip_between_kernel_and_distance(rng):
    K = symmetric(rng, 12)
    D = kernel_to_distance(K)
    np.testing.assert_allclose(kernel_to_distance(distance_to_kernel(D)), D, rtol=0, atol=1e-14 * np.abs(D).max() * 12)
    centered = distance_to_kernel(D)
    np.testing.assert_allclose(centered, reference.centered(K), atol=1e-13)
    np.testing.assert_allclose(centered.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(D, reference.kernel_to_distance(K), atol=1e-14)


def test_asymmetric_kernel_is_symmetrized_by_its_distance(rng):
    K = rng.normal(size=(5, 5))
    np.testing.assert_allclose(kernel_to_distance(K), kernel_to_distance((K + K.T) / 2), atol=1e-15)


def test_squared_distances_are_those_of_classical_scaling(rng):
    points = rng.normal(size=(9, 3))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    centered = points - points.mean(axis=0)
    np.testing.assert_allclose(distance_to_kernel(distances, squared=True), centered @ centered.T, atol=1e-13)
    assert not np.allclose(distance_to_kernel(distances), centered @ centered.T)


@pytest.mark.parametrize(
    ("function", "matrix", "message"),
    [
        (kernel_to_distance, np.ones((2, 3)), r"K must be a square matrix\. Got shape \(2, 3\)"),
        (kernel_to_distance, [[1.0, np.nan], [0.0, 1.0]], "K contains NaN"),
        (distance_to_kernel, np.ones((2, 3)), r"D must be a square matrix\. Got shape \(2, 3\)"),
        (distance_to_kernel, [[0.0, 1.0], [2.0, 0.0]], r"D must be symmetric: pass \(D \+ D\.T\) / 2"),
        (distance_to_kernel, [[1.0, 0.5], [0.5, 1.0]], r"D must have a diagonal of zeros.*See kernel_to_distance"),
        (distance_to_kernel, [[0.0, np.inf], [np.inf, 0.0]], "D contains infinity"),
    ],
)
def test_matrices_that_are_refused(function, matrix, message):
    with pytest.raises(ValueError, match=message):
        function(matrix)


def test_distances_are_kernels_without_double_centering():
    """The measures that are distances first return them as they are, and -1/2 H D H of the unsquared ones."""
    for name in DISTANCES:
        D = node_distance(karate(), name)
        assert_close(node_kernel(karate(), name), distance_to_kernel(D), 1e-13)
