"""Sweeps: each matrix as if computed alone, each clustering as if fitted alone, and errors before any work."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from statlearn.datasets import make_sbm
from statlearn.graph import (
    GraphKernelKMeans,
    GraphKernelWard,
    NodeKernel,
    SpectralGraph,
    kernel_sweep,
    list_node_kernels,
    node_kernel,
    sweep_cluster,
)
from statlearn.graph import _positive as positive
from statlearn.graph import _sweep as module
from statlearn.graph._engine import resolve
from statlearn.graph._positive import PositiveExponential

from . import reference
from .reference import karate, weighted_random

LISTED = {row["name"]: row for row in list_node_kernels()}
SQUARED = 1e-11  # 13 squarings from the series to the last of a grid, each of which doubles an error of some eps
NAMES = [*LISTED, *(f"log_{name}" for name, row in LISTED.items() if row["has_log"])]


def split(given):
    return given.removeprefix("log_"), given.startswith("log_")


@pytest.mark.parametrize("output", ["kernel", "distance"])
@pytest.mark.parametrize("A", [karate(), reference.path(12)], ids=["karate", "path"])
def test_every_entry_is_that_of_the_kernel_alone(output, A):
    """On the default grids of all measures, in one sweep; logarithms of doubled parameters come from each other."""
    seen = []
    for given, t, matrix in kernel_sweep(A, NAMES, output=output):
        name, log = split(given)
        expected = NodeKernel(name, t, log=log, output=output).fit_transform(A)  # lacks the same factor of an overflow
        np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-11 * max(1.0, np.abs(expected).max()))
        seen.append(given)
    lengths = [1 if LISTED[split(given)[0]]["parameter"] is None else seen.count(given) for given in NAMES]
    assert list(dict.fromkeys(seen)) == NAMES and len(seen) == sum(lengths)
    assert min(seen.count(given) for given in NAMES if LISTED[split(given)[0]]["parameter"]) >= 9


@pytest.mark.parametrize("name", ["log_comm", "log_heat", "log_nheat", "log_hpr"])
@pytest.mark.parametrize("grid", ["doubled", "root of two", "backwards", "repeated", "arbitrary"])
def test_grids_of_exponentials(name, grid, monkeypatch):
    """Whatever the order of parameters, a kept square is used only where it belongs."""
    A = reference.path(16)  # whose small entries no route through eigenvectors reaches
    roots = 0.01 * 2.0 ** (np.arange(12) / 2)
    grids = {
        "doubled": 0.01 * 2.0 ** np.arange(8),
        "root of two": roots,
        "backwards": roots[::-1],
        "repeated": np.repeat(roots, 2),
        "arbitrary": np.array([0.3, 0.03, 1.2, 0.31, 0.6, 0.9]),
    }
    calls = {"_taylor": 0, "_square": 0}
    count_calls(monkeypatch, PositiveExponential, "_taylor", calls)
    count_calls(monkeypatch, positive, "_square", calls)
    made = list(kernel_sweep(A, [name], grids[grid], scale="raw"))
    starts, per_start = {"doubled": (1, 7), "root of two": (2, 5), "repeated": (2, 5)}.get(grid, (None, None))
    if starts is not None:
        assert calls["_taylor"] == starts
        assert calls["_square"] == starts * (6 + per_start)  # one product per parameter; 32 hops are 2**6 half steps
    for _, t, H in made:
        expected = node_kernel(A, split(name)[0], t, log=True, scale="raw", method="accurate")
        np.testing.assert_allclose(H, expected, rtol=0, atol=SQUARED)


def count_calls(monkeypatch, owner, name, calls):
    function = getattr(owner, name)

    def counted(*args):
        calls[name] += 1
        return function(*args)

    monkeypatch.setattr(owner, name, counted)


def test_the_error_of_a_chain_of_squares_is_owned_up_to():
    """The estimate counts the squarings of the whole chain, not those that the last parameter alone would need."""
    graph, A = SpectralGraph(reference.path(16)), reference.path(16)
    estimates = []
    for t in 0.01 * 2.0 ** np.arange(8):
        made = resolve(graph, "comm", t, True, "raw").kernel(graph, method="accurate")
        exact = resolve(graph, "comm", t, True, "raw").kernel(SpectralGraph(A), method="accurate")
        assert np.abs(made.matrix - exact.matrix).max() <= made.error + exact.error
        estimates.append(made.error / exact.error)
    assert estimates[0] == 1.0 and estimates[-1] > 16.0


def test_parameters_are_given_back_as_given():
    made = [(name, t) for name, t, _ in kernel_sweep(karate(), ["heat", "ct", "log_ppr"], [0.2, 0.7])]
    assert made == [("heat", 0.2), ("heat", 0.7), ("ct", None), ("log_ppr", 0.2), ("log_ppr", 0.7)]
    grids = {"heat": [1.0], "log_comm": [0.5, 2.0]}
    made = [(name, t) for name, t, _ in kernel_sweep(karate(), list(grids), grids)]
    assert made == [("heat", 1.0), ("log_comm", 0.5), ("log_comm", 2.0)]
    assert [t for _, t, _ in kernel_sweep(karate(), "log heat", [3.0])] == [3.0]


@pytest.mark.parametrize("scale", ["unit", "raw", "spectral"])
def test_scales(scale):
    for name, t, K in kernel_sweep(karate(), ["heat", "rsp", "modified_ppr", "sp_ct"], [0.3, 0.6], scale=scale):
        np.testing.assert_allclose(K, node_kernel(karate(), name, t, scale=scale), atol=1e-14 * np.abs(K).max())
    if scale == "unit":
        made = [t for _, t, _ in kernel_sweep(karate(), ["heat"], scale="unit")]
        np.testing.assert_allclose(made, np.arange(1, 16) / 16)


def test_matrices_are_new_and_the_sweep_is_lazy():
    graph = SpectralGraph(karate())
    sweep = kernel_sweep(graph, ["heat", "log_heat"], [0.5, 1.0, 2.0])
    assert not graph._decompositions
    kept = [(K, K.copy()) for _, _, K in sweep]
    for K, copied in kept:
        np.testing.assert_array_equal(K, copied)
    assert len({id(K) for K, _ in kept}) == 6


def test_what_would_overflow_lacks_a_factor():
    (_, _, K), (_, _, H) = kernel_sweep(karate(), ["comm", "log_comm"], [900.0])
    assert np.isfinite(K).all()
    difference = np.log(K) - H
    assert np.ptp(difference) < 1e-9 and difference[0, 0] == pytest.approx(-900.0, abs=1.0)


BAD_SWEEPS = {
    "output": ({"output": "gram"}, "'output' parameter of kernel_sweep must be a str among .* Got 'gram' instead"),
    "scale": ({"scale": "log"}, "'scale' parameter .* must be a str among .*Got 'log' instead"),
    "raw without grid": ({"scale": "raw"}, r"grid must be given with scale='raw'"),
    "a grid too few": (
        {"grid": {"heat": [1.0]}},
        r"grid must have one key per kernel.*\['heat', 'log_comm'\].*Got \['heat'\]",
    ),
    "outside the domain": ({"grid": [1.0, -1.0]}, "outside the domain t > 0"),
}


@pytest.mark.parametrize("name", BAD_SWEEPS)
def test_errors_come_before_the_first_matrix(name, monkeypatch):
    options, message = BAD_SWEEPS[name]
    with pytest.raises(ValueError, match=message):
        kernel_sweep(karate(), ["heat", "log_comm"], **options)
    if name != "output":
        monkeypatch.setattr(module, "kmeans_partition", lambda *args, **kwargs: pytest.fail("clustered"))
        with pytest.raises(ValueError, match=message):
            sweep_cluster(karate(), ["heat", "log_comm"], **options)


@pytest.mark.parametrize("kernels", [["heat", "log_ct"], ["heat", "nothing"], ["log_log_heat"]])
def test_names_that_do_not_exist(kernels):
    with pytest.raises(
        ValueError, match="log=True needs a kernel of positive entries|kernel must be one of|is written kernel='heat'"
    ):
        kernel_sweep(karate(), kernels)


# -------------------------------------------------------------------------------------------------------- sweep_cluster
BAD_CLUSTERINGS = {
    "y": ({"y": [0, 1]}, r"y must have one class per node, 34\. Got 2"),
    "n_clusters": ({"n_clusters": 40}, r"n_samples=34 should be >= n_clusters=40"),
    "no cluster": ({"n_clusters": 0}, "The 'n_clusters' parameter of sweep_cluster must be an int in the range"),
    "fraction": ({"n_clusters": 2.5}, "'n_clusters' .* must be an int"),
    "method": ({"method": "spectral"}, "'method' .* must be a str among .* Got 'spectral' instead"),
    "select": ({"select": "ari"}, "'select' .* must be a str among .* Got 'ari' instead"),
    "n_init": ({"n_init": 0}, "'n_init' parameter"),
    "n_init name": ({"n_init": "many"}, "'n_init' parameter"),
    "refine": ({"refine": "yes"}, "'refine' parameter"),
    "n_jobs": ({"n_jobs": object()}, "'n_jobs' parameter"),
}


@pytest.mark.parametrize("name", BAD_CLUSTERINGS)
def test_clustering_errors_come_before_the_work(name, monkeypatch):
    options, message = BAD_CLUSTERINGS[name]
    monkeypatch.setattr(module, "node_gram", lambda *args, **kwargs: pytest.fail("a kernel was computed"))
    with pytest.raises((ValueError, TypeError), match=message):
        sweep_cluster(karate(), ["heat"], [1.0], **options)


def test_rows_are_those_of_the_estimators():
    graph, y = make_sbm([20, 20], [[0.4, 0.1], [0.1, 0.4]], random_state=0)
    kernels, grid = ["scct", "log_comm", "heat", "ct"], [0.5, 2.0]
    for method, make in [("kmeans", GraphKernelKMeans), ("ward", GraphKernelWard)]:
        options = {"n_init": 20, "random_state": 0} if method == "kmeans" else {}
        table = sweep_cluster(graph, kernels, grid, n_clusters=2, y=y, method=method, **options)
        assert list(table) == ["kernel", "t", "inertia", "modularity", "agreement", "ari", "labels"]
        assert {len(values) for values in table.values()} == {7}
        for row in zip(*table.values(), strict=True):
            given, t, inertia, modularity, agreement, ari, labels = row
            name, log = split(given)
            model = make(2, kernel=name, t=None if np.isnan(t) else t, log=log, **options).fit(graph)
            assert inertia == pytest.approx(model.inertia_, rel=1e-9)
            assert adjusted_rand_score(labels, model.labels_) == 1.0
            assert modularity == pytest.approx(model.modularity_, abs=1e-14)
            assert ari == pytest.approx(adjusted_rand_score(y, labels), abs=1e-14)
            assert (0.0 < agreement <= 1.0) if method == "kmeans" else np.isnan(agreement)
        assert table["kernel"] == ["scct"] * 2 + ["log_comm"] * 2 + ["heat"] * 2 + ["ct"]


def test_without_classes_there_is_no_column_for_them():
    table = sweep_cluster(karate(), ["heat"], [1.0], random_state=0)
    assert "ari" not in table
    frame = pytest.importorskip("pandas").DataFrame(table)
    assert frame.shape == (1, 6)


def test_every_kernel_gets_the_same_starts_whatever_else_is_swept():
    """A row depends neither on the rows before it nor on the number of threads."""
    rng = np.random.default_rng(0)
    A = weighted_random(rng, 30)
    options = {"n_clusters": 4, "n_init": 2, "random_state": 7}
    alone = sweep_cluster(A, ["log_heat"], [1.0], **options)
    among = sweep_cluster(A, ["comm", "log_heat"], [0.3, 1.0], n_jobs=2, **options)
    position = list(zip(among["kernel"], among["t"], strict=True)).index(("log_heat", 1.0))
    np.testing.assert_array_equal(among["labels"][position], alone["labels"][0])
    again = sweep_cluster(A, ["comm", "log_heat"], [0.3, 1.0], **options)
    for first, second in zip(among["labels"], again["labels"], strict=True):
        np.testing.assert_array_equal(first, second)


def test_selection_and_refinement_are_passed_on():
    graph, _ = make_sbm([25, 25], [[0.3, 0.2], [0.2, 0.3]], random_state=2)
    options = {"n_init": 30, "refine": False, "random_state": 0}
    by_inertia = sweep_cluster(graph, ["comm"], [6.0], **options)
    by_modularity = sweep_cluster(graph, ["comm"], [6.0], select="modularity", **options)
    assert by_modularity["modularity"][0] > by_inertia["modularity"][0]
    options["n_init"] = 3
    plain = sweep_cluster(graph, ["katz"], [0.5], **options)
    refined = sweep_cluster(graph, ["katz"], [0.5], **{**options, "refine": True})
    assert refined["inertia"][0] < plain["inertia"][0]
