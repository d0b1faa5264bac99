"""Co-activation graphs and losses on logits against dense definitions, brute force, and what must not change them."""

import tracemalloc
from itertools import permutations, product
from math import lcm
from time import perf_counter

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse
from scipy.special import softmax
from scipy.stats import wasserstein_distance

from statlearn.exceptions import TopKWarning
from statlearn.gromov import (
    _top_k,
    gromov_wasserstein_bounds,
    gromov_wasserstein_lower_bound,
    sorted_gromov_wasserstein,
)
from statlearn.gromov._costs import GramCost
from statlearn.gromov._logits import coactivation_graph, graph_on_logits_loss, universal_logit_loss

hypothesis = pytest.importorskip("hypothesis")
given, st = hypothesis.given, hypothesis.strategies

RTOL = 1e-12  # two orders of summation of up to 1e4 terms
STEP = 1e-6  # of central differences: the loss is a polynomial of low degree between its kinks
DIFFERENCE_RTOL = 1e-7
MEGABYTE = 1e6

TRANSFORMS = ["logits", "softmax"]
NODES = ["vocabulary", "active", "rank"]
NORMALIZATIONS = ["mean", "none"]

every_variant = pytest.mark.parametrize(
    ("transform", "nodes", "normalize"), list(product(TRANSFORMS, NODES, NORMALIZATIONS))
)


# ---------------------------------------------------------------------------------------------------- slow definitions
def kept_entries(Z, k, transform, temperature):
    """Kept entries after the transform, in descending order, and their channels."""
    Z = np.asarray(Z, dtype=np.float64)
    channels = np.argsort(-Z, axis=1, kind="stable")[:, :k]
    entries = Z / temperature if transform == "logits" else softmax(Z / temperature, axis=1)
    return np.take_along_axis(entries, channels, axis=1), channels


def dense_graph(Z, k, transform="logits", temperature=1.0, nodes="vocabulary"):
    """The sum of outer products, one position after the other."""
    values, channels = kept_entries(Z, k, transform, temperature)
    n_positions, n_channels = np.shape(Z)
    table = np.zeros((n_positions, n_channels))
    np.put_along_axis(table, channels, values, axis=1)
    if nodes == "active":
        table = table[:, sorted(set(channels.ravel()))]
    if nodes == "rank":
        table = values
    return sum(np.outer(row, row) for row in table)


def reference_loss(Zt, Zs, k, transform="logits", temperature=1.0, nodes="vocabulary", normalize="mean"):
    """Form both graphs, add up their rows, pad, sort."""
    graphs = [dense_graph(Z, k, transform, temperature, nodes) for Z in (Zt, Zs)]
    if normalize == "mean":
        if nodes != "active":
            graphs = padded(graphs)
        return wasserstein_distance(*(graph.mean(axis=1) / len(Zt) for graph in graphs))
    f, g = (np.sort(graph.sum(axis=1))[::-1] for graph in padded(graphs))
    return np.abs(f - g).sum()


def padded(graphs):
    n_nodes = max(len(graph) for graph in graphs)
    return [np.pad(graph, (0, n_nodes - len(graph))) for graph in graphs]


def plan_value(C, D, T):
    """The objective with absolute differences, as it is written."""
    return np.einsum("ijkl,ik,jl->", np.abs(C[:, :, None, None] - D[None, None]), T, T)


def best_permutation(C, D):
    """The best one-to-one plan of two graphs of one size: an upper bound of the Gromov-Wasserstein distance."""
    n = len(C)
    return min(np.abs(C - D[np.ix_(order, order)]).sum() for order in map(list, permutations(range(n)))) / n**2


def random_plan(rng, n, m):
    """A coupling of uniform weights: as many units of mass at every node as make a whole number, paired at random."""
    T, n_units = np.zeros((n, m)), lcm(n, m)
    rows, columns = np.repeat(np.arange(n), n_units // n), np.repeat(np.arange(m), n_units // m)
    np.add.at(T, (rows, rng.permutation(columns)), 1.0 / n_units)
    return T


def two_models(rng, n_positions=6, n_teacher=9, n_student=7):
    return 2.0 * rng.normal(size=(n_positions, n_teacher)), 2.0 * rng.normal(size=(n_positions, n_student))


# -------------------------------------------------------------------------------------------------------- hand example
TEACHER = [[3.0, 1.0, 0.0, 2.0], [0.0, 1.0, 2.0, -1.0]]  # row sums of the graph for k=2: 15, 3, 6, 10
STUDENT = [[1.0, 2.0, 0.0], [1.0, 0.0, 3.0]]  # 7, 6, 12


def test_hand_example():
    assert graph_on_logits_loss(TEACHER, STUDENT, k=2, normalize="none") == 3.0 + 3.0 + 0.0 + 3.0
    loss, grad = graph_on_logits_loss(TEACHER, STUDENT, k=2, return_grad=True)
    assert loss == 9.0 / 2 / 4 / 4
    # g = (-1, 0, -1) on the channels: the row sums 6 and 6 agree
    np.testing.assert_array_equal(32.0 * grad.toarray(), [[-3 - 1, 0 - 1, 0], [-4 - 4, 0, -4 - 4]])
    assert universal_logit_loss(TEACHER, STUDENT, k=2) == ((1 + 1) + (1 + 0)) / 2


# ------------------------------------------------------------------------------------------------------------ selection
def selected(Z, k):
    top = _top_k._largest_logits(np.asarray(Z), k, "Z")
    return top.values, top.channels


@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(st.integers(-2, 2), min_size=width, max_size=width), min_size=1, max_size=5)
    ),
    k=st.integers(1, 4),
    dtype=st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.int64, np.longdouble]),
)
def test_ties_go_to_the_lowest_channel(rows, k, dtype):
    Z = np.array(rows, dtype=dtype)
    k = min(k, Z.shape[1])
    values, channels = selected(Z, k)
    expected, expected_channels = kept_entries(Z, k, "logits", 1.0)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(channels, expected_channels)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 2, 7, 50, 700])
def test_selection_from_long_rows(rng, k, dtype):
    Z = np.vstack(
        [
            rng.normal(size=(5, 700)),
            np.sort(rng.normal(size=700)),  # every entry beats all before it
            np.sort(rng.normal(size=700))[::-1],
            rng.integers(0, 3, size=700),
            np.full(700, np.finfo(dtype).min),
            np.where(np.arange(700) == 699, 1.0, -0.0),
        ]
    ).astype(dtype)
    for found, expected in zip(selected(Z, k), kept_entries(Z, k, "logits", 1.0), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_kernel_in_python(rng):
    Z = rng.integers(-3, 3, size=(3, 150)).astype(np.float64)
    values, channels = np.empty((3, 9)), np.empty((3, 9), np.intp)
    compiled = selected(Z, 9)
    lowest = np.finfo(np.float64).min
    assert getattr(_top_k.select_top, "py_func", _top_k.select_top)(Z, lowest, values, channels) == -1
    np.testing.assert_array_equal(values, compiled[0])
    np.testing.assert_array_equal(channels, compiled[1])


def views(Z):
    """The same numbers in other layouts."""
    wide = np.zeros((len(Z), 2 * Z.shape[1] + 3), Z.dtype)
    wide[:, 1 : 1 + Z.shape[1]] = Z
    every_other = np.zeros((2 * len(Z), 2 * Z.shape[1]), Z.dtype)
    every_other[::2, ::2] = Z
    fixed = Z.copy()
    fixed.setflags(write=False)
    swapped = Z.astype(Z.dtype.newbyteorder())
    return [wide[:, 1 : 1 + Z.shape[1]], every_other[::2, ::2], np.asfortranarray(Z), fixed, swapped, Z.tolist()]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_does_not_matter(rng, transform, dtype):
    Zt, Zs = (Z.astype(dtype) for Z in two_models(rng))
    expected, expected_grad = graph_on_logits_loss(Zt, Zs, k=3, transform=transform, return_grad=True)
    for view in views(Zs):
        before = np.array(view)
        loss, grad = graph_on_logits_loss(Zt, view, k=3, transform=transform, return_grad=True)
        assert loss == expected
        np.testing.assert_allclose(dense(grad), dense(expected_grad), rtol=1e-6)  # a list has double precision
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_blocks_do_not_matter(rng, monkeypatch, transform):
    Zt, Zs = two_models(rng, n_positions=23)
    expected, expected_grad = graph_on_logits_loss(Zt, Zs, k=3, transform=transform, return_grad=True)
    monkeypatch.setattr(_top_k, "BLOCK", 20)
    loss, grad = graph_on_logits_loss(Zt, Zs, k=3, transform=transform, return_grad=True)
    assert loss == expected
    np.testing.assert_array_equal(dense(grad), dense(expected_grad))


def dense(grad):
    return grad.toarray() if issparse(grad) else grad


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_single_precision_is_only_in_the_input(rng, transform):
    Zt, Zs = (Z.astype(np.float32) for Z in two_models(rng))
    single = graph_on_logits_loss(Zt, Zs, k=3, transform=transform)
    double = graph_on_logits_loss(Zt.astype(np.float64), Zs.astype(np.float64), k=3, transform=transform)
    assert single == pytest.approx(double, rel=RTOL)


# ------------------------------------------------------------------------------------------------- against definitions
@pytest.mark.parametrize("nodes", NODES)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_graph_is_the_sum_of_outer_products(rng, transform, nodes):
    Z = two_models(rng)[0]
    expected = dense_graph(Z, 3, transform, 0.7, nodes)
    graph = coactivation_graph(Z, 3, transform=transform, temperature=0.7, nodes=nodes)
    assert isinstance(graph, GramCost)
    assert graph.n_nodes == len(expected)
    np.testing.assert_allclose(graph.entries(), expected, rtol=RTOL, atol=0.0)
    matrix = coactivation_graph(Z, 3, transform=transform, temperature=0.7, nodes=nodes, dense=True)
    np.testing.assert_allclose(matrix, expected, rtol=RTOL, atol=0.0)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix.flags.writeable


def test_active_nodes_are_a_part_of_the_vocabulary():
    whole = coactivation_graph(STUDENT, 1)
    active = coactivation_graph(STUDENT, 1, nodes="active")
    np.testing.assert_array_equal(active.entries(), whole.take([1, 2]).entries())


@every_variant
@pytest.mark.parametrize("k", [1, 3, 7])
def test_loss_by_its_definition(rng, transform, nodes, normalize, k):
    options = {"transform": transform, "temperature": 0.6, "nodes": nodes, "normalize": normalize}
    for _ in range(5):
        Zt, Zs = two_models(rng)
        expected = reference_loss(Zt, Zs, k, **options)
        assert graph_on_logits_loss(Zt, Zs, k, **options) == pytest.approx(expected, rel=RTOL)


@given(data=st.data())
def test_loss_by_its_definition_with_ties_and_any_sign(data):
    whole = st.integers(-3, 3).map(float)
    n_positions, n_teacher, n_student = (data.draw(st.integers(1, 4)) for _ in range(3))
    Zt, Zs = (
        np.array(data.draw(st.lists(whole, min_size=n_positions * n, max_size=n_positions * n))).reshape(-1, n)
        for n in (n_teacher, n_student)
    )
    k = data.draw(st.integers(1, min(n_teacher, n_student)))
    options = {"nodes": data.draw(st.sampled_from(NODES)), "normalize": data.draw(st.sampled_from(NORMALIZATIONS))}
    expected = reference_loss(Zt, Zs, k, **options)
    loss, grad = graph_on_logits_loss(Zt, Zs, k, return_grad=True, **options)
    assert loss == pytest.approx(expected, rel=RTOL, abs=RTOL)
    assert np.isfinite(grad.data).all()


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_universal_loss_by_its_definition(rng, transform):
    Zt, Zs = two_models(rng)
    kept = [kept_entries(Z, 4, transform, 0.6)[0] for Z in (Zt, Zs)]
    expected = np.mean([np.abs(a - b).sum() for a, b in zip(*kept, strict=True)])
    found = universal_logit_loss(Zt, Zs, 4, transform=transform, temperature=0.6)
    assert found == pytest.approx(expected, rel=RTOL)
    assert universal_logit_loss(Zs, Zt, 4, transform=transform, temperature=0.6) == found
    assert universal_logit_loss(Zt, Zt, 4, transform=transform) == 0.0


def test_temperature_divides_the_logits(rng):
    Zt, Zs = two_models(rng)
    for transform in TRANSFORMS:
        cooled = graph_on_logits_loss(Zt, Zs, 3, transform=transform, temperature=0.25)
        assert cooled == pytest.approx(graph_on_logits_loss(4.0 * Zt, 4.0 * Zs, 3, transform=transform), rel=RTOL)


# ----------------------------------------------------------------------------------------------------- what it bounds
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("nodes", NODES)
def test_mean_is_below_every_plan(rng, nodes, transform):
    for _ in range(10):
        Zt, Zs = two_models(rng, n_positions=3, n_teacher=5, n_student=4)
        loss = graph_on_logits_loss(Zt, Zs, 2, transform=transform, nodes=nodes)
        graphs = [coactivation_graph(Z, 2, transform=transform, nodes=nodes, dense=True) / 3 for Z in (Zt, Zs)]
        C, D = graphs if nodes == "active" else padded(graphs)
        values = [plan_value(C, D, random_plan(rng, len(C), len(D))) for _ in range(20)]
        if len(C) == len(D):
            values.append(best_permutation(C, D))
        assert 0.0 < loss <= min(values) * (1.0 + 1e-9)


@pytest.mark.parametrize("nodes", NODES)
def test_mean_among_the_bounds_of_the_family(rng, nodes):
    Zt, Zs = two_models(rng, n_teacher=8, n_student=8)
    C, D = (coactivation_graph(Z, 3, nodes=nodes).scaled(1 / len(Z)) for Z in (Zt, Zs))
    loss = graph_on_logits_loss(Zt, Zs, 3, nodes=nodes)
    same = gromov_wasserstein_lower_bound(C, D, kind="sorted", loss="absolute")
    assert loss == pytest.approx(same, rel=RTOL)
    assert loss**2 <= sorted_gromov_wasserstein(C, D) <= gromov_wasserstein_bounds(C, D).upper * (1.0 + RTOL)


def test_mean_is_attained_by_constant_graphs():
    Zt, Zs = np.full((3, 4), 2.0), np.full((3, 4), -1.0)
    C, D = (coactivation_graph(Z, 4, dense=True) / 3 for Z in (Zt, Zs))
    assert graph_on_logits_loss(Zt, Zs, 4) == best_permutation(C, D) == 3.0


def test_sum_is_no_bound(rng):
    Zt, Zs = two_models(rng, n_positions=3, n_teacher=5, n_student=5)
    C, D = (coactivation_graph(Z, 2, dense=True) for Z in (Zt, Zs))
    assert graph_on_logits_loss(Zt, Zs, 2, normalize="none") > best_permutation(C, D)


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_blind_to_everything_but_row_sums(normalize):
    blocks, constant = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]), np.full((2, 4), 0.5)
    C, D = (coactivation_graph(Z, 4, dense=True) for Z in (blocks, constant))
    assert best_permutation(C, D) == 0.5
    assert graph_on_logits_loss(blocks, constant, 4, normalize=normalize) == 0.0


# --------------------------------------------------------------------------------------------------------- invariances
@every_variant
def test_invariances(rng, transform, nodes, normalize):
    options = {"k": 3, "transform": transform, "nodes": nodes, "normalize": normalize}
    Zt, Zs = two_models(rng)
    loss = graph_on_logits_loss(Zt, Zs, **options)
    exact = {"rel": RTOL if transform == "softmax" else 0.0, "abs": 0.0}  # sums of exponentials change their order
    assert graph_on_logits_loss(Zt[:, rng.permutation(9)], Zs, **options) == pytest.approx(loss, **exact)
    assert graph_on_logits_loss(Zt, Zs[:, rng.permutation(7)], **options) == pytest.approx(loss, **exact)
    assert graph_on_logits_loss(Zt[rng.permutation(6)], Zs, **options) == pytest.approx(loss, rel=RTOL)
    assert graph_on_logits_loss(Zs, Zt, **options) == loss
    assert graph_on_logits_loss(Zt, Zt, **options) == 0.0
    assert loss > 0.0


def test_renumbered_channels_of_logits_are_the_same_graph_exactly(rng):
    Z = two_models(rng, n_positions=40)[0]
    for nodes in NODES:
        assert graph_on_logits_loss(Z, Z[:, rng.permutation(9)], 4, nodes=nodes) == 0.0


def test_padding_a_vocabulary_below_its_logits_changes_nothing(rng):
    Zt, Zs = two_models(rng)
    wide = np.pad(Zs, ((0, 0), (0, 2)), constant_values=-50.0)  # then both have 9 channels
    assert graph_on_logits_loss(Zt, wide, 3) == graph_on_logits_loss(Zt, Zs, 3)


def test_without_normalization_idle_channels_count_for_nothing(rng):
    Zt, Zs = two_models(rng, n_positions=2)
    options = {"k": 2, "normalize": "none", "return_grad": True}
    loss, grad = graph_on_logits_loss(Zt, Zs, nodes="active", **options)
    expected, expected_grad = graph_on_logits_loss(Zt, Zs, nodes="vocabulary", **options)
    assert loss == pytest.approx(expected, rel=RTOL)
    np.testing.assert_allclose(grad.toarray(), expected_grad.toarray(), rtol=RTOL)


def test_a_constant_on_all_logits_of_a_position(rng):
    Zt, Zs = two_models(rng)
    shifted = Zs + rng.normal(size=(len(Zs), 1))
    same = graph_on_logits_loss(Zt, Zs, 3, transform="softmax")
    assert graph_on_logits_loss(Zt, shifted, 3, transform="softmax") == pytest.approx(same, rel=1e-11)
    logits = graph_on_logits_loss(Zt, Zs, 3)
    assert graph_on_logits_loss(Zt, shifted, 3) != pytest.approx(logits, rel=1e-3)


# ----------------------------------------------------------------------------------------------------------- gradients
def numeric_gradient(function, Z):
    grad = np.empty(Z.shape)
    for place in np.ndindex(Z.shape):
        step = np.zeros(Z.shape)
        step[place] = STEP
        grad[place] = (function(Z + step) - function(Z - step)) / (2.0 * STEP)
    return grad


@every_variant
def test_gradient_against_differences(rng, transform, nodes, normalize):
    options = {"k": 3, "transform": transform, "temperature": 0.8, "nodes": nodes, "normalize": normalize}
    Zt, Zs = two_models(rng)
    loss, grad = graph_on_logits_loss(Zt, Zs, return_grad=True, **options)
    assert loss == graph_on_logits_loss(Zt, Zs, **options)
    assert isinstance(grad, csr_array if transform == "logits" else np.ndarray)
    expected = numeric_gradient(lambda Z: graph_on_logits_loss(Zt, Z, **options), Zs)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(dense(grad), expected, rtol=0.0, atol=DIFFERENCE_RTOL * max(scale, loss))
    of_teacher = graph_on_logits_loss(Zs, Zt, return_grad=True, **options)[1]
    expected = numeric_gradient(lambda Z: graph_on_logits_loss(Z, Zs, **options), Zt)
    np.testing.assert_allclose(dense(of_teacher), expected, rtol=0.0, atol=DIFFERENCE_RTOL * max(scale, loss))


def test_gradient_lives_on_the_kept_entries(rng):
    Zt, Zs = two_models(rng)
    grad = graph_on_logits_loss(Zt, Zs, 3, return_grad=True)[1]
    assert grad.shape == Zs.shape
    assert grad.has_sorted_indices
    np.testing.assert_array_equal(np.diff(grad.indptr), 3)
    places = np.sort(kept_entries(Zs, 3, "logits", 1.0)[1], axis=1)
    np.testing.assert_array_equal(grad.indices.reshape(-1, 3), places)


@every_variant
def test_gradient_is_zero_where_row_sums_agree(rng, transform, nodes, normalize):
    Z = two_models(rng)[0]
    options = {"transform": transform, "nodes": nodes, "normalize": normalize}
    grad = graph_on_logits_loss(Z, Z, 3, return_grad=True, **options)[1]
    np.testing.assert_array_equal(dense(grad), 0.0)


def test_channels_with_equal_row_sums_share_their_derivative():
    Zt = np.array([[4.0, 1.0, 0.0]])  # row sums 20, 5, 0
    Zs = np.array([[2.0, 2.0, -9.0]])  # 8, 8: one too small, one too large
    loss, grad = graph_on_logits_loss(Zt, Zs, 2, normalize="none", return_grad=True)
    assert loss == 12.0 + 3.0
    np.testing.assert_array_equal(grad.toarray(), 0.0)  # +1 and -1, shared
    Zt = np.array([[4.0, 3.0, 0.0]])  # 28, 21: both too small
    grad = graph_on_logits_loss(Zt, Zs, 2, normalize="none", return_grad=True)[1]
    np.testing.assert_array_equal(grad.toarray(), [[-4.0 - 4.0, -4.0 - 4.0, 0.0]])


def test_gradient_follows_renumbered_channels_in_spite_of_ties(rng):
    Zt = rng.integers(1, 9, size=(4, 6)).astype(np.float64)
    half = rng.permuted(np.tile(np.arange(1.0, 4.0), (4, 1)), axis=1)
    Zs = np.hstack([half, half])  # every channel twice, and all six kept
    order = rng.permutation(6)
    grad = graph_on_logits_loss(Zt, Zs, 6, return_grad=True)[1].toarray()
    renumbered = graph_on_logits_loss(Zt, Zs[:, order], 6, return_grad=True)[1].toarray()
    np.testing.assert_allclose(renumbered, grad[:, order], rtol=RTOL, atol=1e-15)
    np.testing.assert_array_equal(grad[:, :3], grad[:, 3:])


def test_softmax_gradient_sums_to_zero_at_each_position(rng):
    Zt, Zs = two_models(rng)
    grad = graph_on_logits_loss(Zt, Zs, 3, transform="softmax", return_grad=True)[1]
    assert np.abs(grad).max() > 1e-4
    np.testing.assert_allclose(grad.sum(axis=1), 0.0, atol=1e-15)
    single = graph_on_logits_loss(Zt, Zs.astype(np.float32), 3, transform="softmax", return_grad=True)[1]
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, grad, rtol=0.0, atol=1e-5 * np.abs(grad).max())


# ------------------------------------------------------------------------------------------------------------ extremes
@pytest.mark.parametrize("nodes", NODES)
def test_all_logits_zero(nodes):
    zero = np.zeros((3, 5))
    loss, grad = graph_on_logits_loss(zero, zero, 2, nodes=nodes, return_grad=True)
    assert loss == 0.0
    np.testing.assert_array_equal(grad.toarray(), 0.0)
    one = np.zeros((3, 5))
    one[0, 4] = 2.0
    assert graph_on_logits_loss(zero, one, 2, nodes=nodes, normalize="none") == 4.0
    assert coactivation_graph(zero, 2, nodes=nodes).max_abs() == 0.0


@pytest.mark.parametrize("function", [graph_on_logits_loss, universal_logit_loss])
def test_softmax_of_huge_logits(function):
    sure = np.array([[1e308, -1e308, 0.0], [-1e308, 1e300, 1e299]])
    flat = np.zeros((2, 3))
    certain = np.array([[1000.0, 0.0, 0.0], [0.0, 1000.0, 0.0]])
    options = {"k": 2, "transform": "softmax"}
    assert function(sure, flat, **options) == pytest.approx(function(certain, flat, **options), rel=RTOL)
    assert function(sure, certain, **options) == 0.0
    assert function(sure, certain, temperature=1e-300, **options) == 0.0


def test_more_asked_for_than_there_is(rng):
    Zt, Zs = two_models(rng)
    with pytest.warns(TopKWarning, match="k=8 is more than the 7 channels of Zs: all channels are kept"):
        loss = graph_on_logits_loss(Zt, Zs, 8)
    graphs = padded([dense_graph(Zt, 8), dense_graph(Zs, 7)])
    assert loss == pytest.approx(wasserstein_distance(*(graph.mean(axis=1) / 6 for graph in graphs)), rel=RTOL)
    with pytest.warns(TopKWarning, match="9 channels of Z"):
        assert coactivation_graph(Zt, 20, nodes="rank").n_nodes == 9
    with pytest.warns(TopKWarning, match="1 channels of Zs"):
        assert universal_logit_loss([[1.0, -2.0]], [[-3.0]], 2) == (1 - 0) + (-2 + 3)
    with pytest.warns(TopKWarning, match="2 channels of Zt"):
        loss = graph_on_logits_loss([[3.0, 1.0]], [[2.0, 0.0, -1.0]], 3, nodes="rank", normalize="none")
    assert loss == abs(12 - 2) + abs(4 - 0) + abs(0 + 1)
    with pytest.warns(TopKWarning, match="2 channels of Zt"):
        assert graph_on_logits_loss([[3.0, 1.0]], [[2.0, 0.0, -1.0]], 3, nodes="rank") == pytest.approx(loss / 9)


# --------------------------------------------------------------------------------------------------------------- speed
def peak_memory(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("layout", ["contiguous", "columns", "integers"])
def test_no_copy_of_the_logits(rng, transform, layout):
    shape = (64, 150_000)
    Zt = rng.standard_normal(shape, dtype=np.float32)  # 38 MB
    if layout == "columns":
        Zt = np.asfortranarray(Zt)
    elif layout == "integers":
        Zt = (1000.0 * Zt).astype(np.int32)
    Zs = Zt[:, 1:]
    call = {"k": 10, "transform": transform, "return_grad": transform == "logits"}
    graph_on_logits_loss(Zt[:2], Zs[:2], **call)  # compiles
    assert peak_memory(lambda: graph_on_logits_loss(Zt, Zs, **call)) < 10 * MEGABYTE
    assert peak_memory(lambda: coactivation_graph(Zt, transform=transform)) < 10 * MEGABYTE
    assert peak_memory(lambda: universal_logit_loss(Zt, Zs, transform=transform)) < 10 * MEGABYTE


@pytest.mark.slow
def test_a_whole_sequence_over_a_large_vocabulary(rng):
    Zt, Zs = (rng.standard_normal((512, 150_000), dtype=np.float32) for _ in range(2))  # 307 MB each
    graph_on_logits_loss(Zt[:2], Zs[:2])  # compiles
    assert peak_memory(lambda: graph_on_logits_loss(Zt, Zs, return_grad=True)) < 20 * MEGABYTE
    seconds = []
    for _ in range(3):
        begin = perf_counter()
        graph_on_logits_loss(Zt, Zs)
        seconds.append(perf_counter() - begin)
    assert min(seconds) < 1.0


# ----------------------------------------------------------------------------------------------------------- bad input
def call_all(Z):
    """Every public function with a bad argument in every place, and the name of that place."""
    good = np.ones((2, 4))
    for function in (graph_on_logits_loss, universal_logit_loss):
        yield "Zt", lambda function=function: function(Z, good, 2)
        yield "Zs", lambda function=function: function(good, Z, 2)
    yield "Z", lambda: coactivation_graph(Z, 2)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (
            np.ones(3),
            ValueError,
            r"must have shape \(n_positions, n_channels\), at least one of each. Got shape \(3,\)",
        ),
        (np.ones((2, 0)), ValueError, r"Got shape \(2, 0\)"),
        (np.ones((0, 2)), ValueError, r"Got shape \(0, 2\)"),
        ([[1.0], [1.0, 2.0]], ValueError, "with rows of one length"),
        (np.ones((2, 4), complex), TypeError, "array of real numbers .* Got ndarray with entries of type complex128"),
        ([["a", "b"]], TypeError, "Got list with entries of type <U1"),
        (csr_array(np.ones((2, 4))), TypeError, "neither sparse nor masked. Got csr_array"),
        (np.ma.masked_less(np.ones((2, 4)), 0), TypeError, "Got MaskedArray"),
        (np.full((2, 4), 1e200), None, None),
    ],
)
def test_no_logits(bad, error, message):
    for name, call in call_all(bad):
        if error is None:
            with pytest.raises(ValueError, match=f"^{name} holds logits of size 1e.200 .* raise the temperature"):
                call()
        else:
            with pytest.raises(error, match=f"^{name} .*{message}"):
                call()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("place", [(0, 0), (1, 3), (2, 299), (1, 130)])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_infinite_or_missing_logits(value, dtype, place, transform):
    Z = -np.arange(900.0).reshape(3, 300).astype(dtype)  # nothing that follows the first entries is a candidate
    Z[place] = value
    with pytest.raises(ValueError, match=f"^Z must be finite. Got {value} at position {place[0]}, channel {place[1]}"):
        coactivation_graph(Z, 2, transform=transform)


def test_the_place_of_a_bad_logit_counts_all_blocks(monkeypatch):
    monkeypatch.setattr(_top_k, "BLOCK", 8)
    Z = np.ones((7, 3))
    Z[5, 1] = np.nan
    with pytest.raises(ValueError, match="Zs must be finite. Got nan at position 5, channel 1"):
        graph_on_logits_loss(np.ones((7, 3)), Z, 2)


@pytest.mark.parametrize("function", [graph_on_logits_loss, universal_logit_loss])
def test_different_positions(function):
    with pytest.raises(ValueError, match="the same positions, one per row. Got 3 rows in Zt and 2 in Zs: drop"):
        function(np.ones((3, 4)), np.ones((2, 4)), 2)


def test_overflow_by_a_small_temperature():
    with pytest.raises(ValueError, match="Zt holds logits of size inf after division by the temperature"):
        graph_on_logits_loss([[1e10]], [[1.0]], 1, temperature=1e-300)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"k": 0}, "k"),
        ({"k": 2.0}, "k"),
        ({"transform": "log"}, "transform"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": np.inf}, "temperature"),
        ({"temperature": np.nan}, "temperature"),
        ({"nodes": "edges"}, "nodes"),
        ({"normalize": "max"}, "normalize"),
        ({"return_grad": "yes"}, "return_grad"),
    ],
)
def test_bad_parameters(options, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of graph_on_logits_loss must be"):
        graph_on_logits_loss(TEACHER, STUDENT, **{"k": 2, **options})


def test_bad_parameters_of_the_others():
    with pytest.raises(ValueError, match="The 'dense' parameter of coactivation_graph"):
        coactivation_graph(TEACHER, 2, dense="no")
    with pytest.raises(ValueError, match="The 'k' parameter of universal_logit_loss"):
        universal_logit_loss(TEACHER, STUDENT, -1)
