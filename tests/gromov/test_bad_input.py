"""Every door for pairs: what is refused, in words that name the argument and the cure, and what is merely unusual."""

import re

import networkx as nx
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from statlearn.exceptions import ScaleWarning
from statlearn.gromov import (
    DenseCost,
    gromov_wasserstein_bounds,
    gromov_wasserstein_lower_bound,
    sorted_gromov_wasserstein,
)

from .oracles import (
    asymmetric,
    exact_optimum,
    graph_matrix,
    largest_loss,
    objective,
    random_weights,
    symmetric,
    uniform,
)

DOORS = {
    "bounds": gromov_wasserstein_bounds,
    "lower_bound": gromov_wasserstein_lower_bound,
    "sorted": sorted_gromov_wasserstein,
}
every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
every_side = pytest.mark.parametrize("side", ["first", "second"])

GOOD = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])


def entry(value):
    """A good matrix with one bad entry."""
    C = GOOD.astype(type(value)) if isinstance(value, complex) else GOOD.copy()
    C[1, 2] = value
    return C


# name: (matrix, error, what the message says after the name of the argument)
BAD_COSTS = {
    "nan": (entry(np.nan), ValueError, r"must be finite\. Got nan at position \(1, 2\).*drop or impute"),
    "inf": (entry(np.inf), ValueError, r"must be finite\. Got inf at position \(1, 2\).*distances between components"),
    "sparse nan": (sparse.csr_array(entry(np.nan)), ValueError, r"\S* must be finite\. Got nan"),
    "complex": (entry(1j), TypeError, "must hold real numbers.*complex"),
    "sparse complex": (sparse.csr_array(entry(1j)), TypeError, "must hold real numbers.*complex"),
    "rectangle": (np.ones((3, 2)), ValueError, r"must be square.*Got shape \(3, 2\).*SquaredEuclideanCost"),
    "sparse rectangle": (sparse.csr_array(np.ones((3, 2))), ValueError, r"must be square.*Got shape \(3, 2\)"),
    "vector": (np.ones(3), ValueError, r"two-dimensional.*Got an array of shape \(3,\)"),
    "stack": (np.ones((2, 3, 3)), ValueError, r"two-dimensional.*Got an array of shape \(2, 3, 3\)"),
    "ragged": ([[0, 1], [1]], ValueError, "rows have equal lengths"),
    "empty": (np.empty((0, 0)), ValueError, "must not be empty"),
    "empty list": ([], ValueError, r"two-dimensional.*shape \(0,\)"),
    "scalar": (1.5, TypeError, "must be an array, a sparse matrix or a cost object.*float"),
    "none": (None, TypeError, "must be an array, a sparse matrix or a cost object.*NoneType"),
    "strings": (np.array([["a", "b"], ["b", "a"]]), TypeError, "must hold real numbers"),
    "graph": (nx.path_graph(3), TypeError, r"must be an array.*networkx graph: pass graph_cost"),
    "too large to square": (1e160 * GOOD, ValueError, "squares overflow.*divide it"),
    "too small to square": (1e-160 * GOOD, ValueError, "squares vanish.*multiply it"),
}


@pytest.mark.parametrize("name", BAD_COSTS)
@every_side
@every_door
def test_costs_that_are_refused(door, side, name):
    bad, error, message = BAD_COSTS[name]
    arguments, argument = {"first": ((bad, GOOD), "C1"), "second": ((GOOD, bad), "C2")}[side]
    with pytest.raises(error, match=f"^{argument}.*{message}"):
        door(*arguments)


BAD_WEIGHTS = {
    "negative": ([0.5, 0.75, -0.25], ValueError, "must be finite and non-negative. Got -0.25 at position 2"),
    "nan": ([0.5, np.nan, 0.5], ValueError, "must be finite and non-negative. Got nan at position 1"),
    "inf": ([0.5, 0.5, np.inf], ValueError, "must be finite and non-negative. Got inf"),
    "short": ([0.5, 0.5], ValueError, "must have 3 entries. Got 2"),
    "long": ([0.25, 0.25, 0.25, 0.25], ValueError, "must have 3 entries. Got 4"),
    "matrix": (np.ones((3, 1)) / 3, ValueError, "must be a vector"),
    "zeros": ([0.0, 0.0, 0.0], ValueError, "must have a positive sum"),
    "complex": ([0.5, 0.5, 0j], TypeError, "real numbers"),
    "strings": (["a", "b", "c"], TypeError, "real numbers"),
    "sum": ([1.0, 1.0, 1.0], ValueError, "must sum to 1. Its sum is 3: .*normalize_weights=True"),
    "nearly": ([0.3, 0.3, 0.3], ValueError, "must sum to 1. Its sum is 0.9"),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
@every_side
@every_door
def test_weights_that_are_refused(door, side, name):
    bad, error, message = BAD_WEIGHTS[name]
    weights, argument = {"first": ((bad, None), "p"), "second": ((None, bad), "q")}[side]
    with pytest.raises(error, match=f"^{argument} .*{message}"):
        door(GOOD, GOOD, *weights)


@pytest.mark.parametrize("name", [name for name in BAD_WEIGHTS if name not in ("sum", "nearly")])
@every_door
def test_normalizing_repairs_the_sum_alone(door, name):
    bad, error, message = BAD_WEIGHTS[name]
    with pytest.raises(error, match=f"^p .*{message}"):
        door(GOOD, GOOD, bad, normalize_weights=True)


@every_door
def test_normalized_weights(door, rng):
    C1, C2, p, q = symmetric(rng, 4), symmetric(rng, 3), random_weights(rng, 4), random_weights(rng, 3)
    expected, found = door(C1, C2, p, q), door(C1, C2, 7 * p, q / 3, normalize_weights=True)
    if door is gromov_wasserstein_bounds:
        expected, found = expected.upper, found.upper
    assert found == pytest.approx(expected, rel=1e-12)


BAD_OPTIONS = {
    gromov_wasserstein_bounds: [
        ("lower", ("sorted", "best")),
        ("lower", ()),
        ("lower", "best"),
        ("init", "sorted"),
        ("init", None),
        ("n_random", -1),
        ("n_random", 1.5),
        ("max_iter", 0),
        ("max_iter", 2.5),
        ("tol", -1e-9),
        ("tol", np.nan),
        ("scale", "median"),
        ("random_state", "seed"),
        ("normalize_weights", "yes"),
    ],
    gromov_wasserstein_lower_bound: [("kind", "best"), ("loss", "huber"), ("normalize_weights", "yes")],
    sorted_gromov_wasserstein: [("return_residuals", "yes"), ("normalize_weights", "yes")],
}


@pytest.mark.parametrize(
    ("door", "option", "value"),
    [(door, option, value) for door, options in BAD_OPTIONS.items() for option, value in options],
)
def test_options_that_are_refused(door, option, value):
    """The message names the option and what was given."""
    words = f"{option}.*{re.escape(repr(value))}" if value != () else option
    with pytest.raises((ValueError, TypeError), match=words):
        door(GOOD, GOOD, **{option: value})


@pytest.mark.parametrize("kind", ["hoeffding_tlb", "spectral"])
def test_bounds_that_need_the_square(kind):
    with pytest.raises(ValueError, match=f"kind.*{kind}.*absolute|absolute.*{kind}"):
        gromov_wasserstein_lower_bound(GOOD, GOOD, kind=kind, loss="absolute")


@every_door
def test_options_are_keywords(door):
    with pytest.raises(TypeError, match="positional"):
        door(GOOD, GOOD, None, None, "sorted")


# --------------------------------------------------------------------------------------------- what is merely unusual
@pytest.mark.parametrize("kind", [int, np.int8, np.uint8, bool, np.float32, object, list, sparse.csr_array])
@every_door
def test_types_of_numbers(door, kind):
    """Integers give POT a plan of zeros; here every type means its values in double precision."""
    C1, C2 = graph_matrix(nx.path_graph(4)), graph_matrix(nx.star_graph(3))
    convert = {list: lambda C: C.tolist(), sparse.csr_array: sparse.csr_array}.get(kind, lambda C: C.astype(kind))
    expected, found = door(C1, C2), door(convert(C1), convert(C2))
    if door is gromov_wasserstein_bounds:
        np.testing.assert_allclose(found.plan, expected.plan, rtol=0, atol=1e-15)
        expected, found = [expected.lower, expected.upper], [found.lower, found.upper]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_small_integers_do_not_wrap_around():
    C1, C2 = np.array([[0, 200], [200, 0]], dtype=np.uint8), np.array([[0, 100], [100, 0]], dtype=np.uint8)
    assert gromov_wasserstein_bounds(C1, C2).upper == 5000.0


@every_door
def test_input_is_left_alone(door, rng):
    """Neither written to nor seen when it changes afterwards; arrays that cannot be written to are fine."""
    C1, C2, p, q = asymmetric(rng, 4), asymmetric(rng, 3), random_weights(rng, 4), random_weights(rng, 3)
    arrays = C1, C2, p, q
    copies = [array.copy() for array in arrays]
    door(*arrays)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
        array.setflags(write=False)
    door(*arrays)
    door(np.asfortranarray(C1), C2[::1, ::1].T, p, q)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_asymmetric_costs_are_served(rng):
    """By the asymmetric form of every bound. Averaging with the transpose would give another, smaller value."""
    ratios = []
    for _ in range(10):
        C1, C2, p, q = asymmetric(rng, 3), asymmetric(rng, 3), random_weights(rng, 3), random_weights(rng, 3)
        result, optimum = gromov_wasserstein_bounds(C1, C2, p, q), exact_optimum(C1, C2, p, q)
        tolerance = 1e-12 * largest_loss(C1, C2)
        assert result.lower - tolerance <= optimum <= result.upper + tolerance
        ratios.append(exact_optimum((C1 + C1.T) / 2, (C2 + C2.T) / 2, p, q) / optimum)
    assert max(ratios) <= 1 + 1e-12
    assert np.mean(ratios) < 0.9


def test_asymmetry_of_rounding_is_none(rng):
    """The next float on one side of the diagonal does not switch to the weaker spectral bound."""
    C1, C2 = symmetric(rng, 6), symmetric(rng, 6)
    rounded = C1.copy()
    rounded[np.triu_indices(6, 1)] = np.nextafter(C1[np.triu_indices(6, 1)], np.inf)
    expected = gromov_wasserstein_lower_bound(C1, C2, kind="spectral")
    assert gromov_wasserstein_lower_bound(rounded, C2, kind="spectral") == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("factor", [1e4, 1e3, 1e-4])
def test_costs_of_different_units(factor):
    with pytest.warns(ScaleWarning, match=r"^C1 and C2 differ in scale.*scale='max'"):
        result = gromov_wasserstein_bounds(GOOD, factor * GOOD)
    assert 0 < result.lower <= result.upper


@every_door
def test_no_warning_within_a_factor_of_a_hundred(door):
    door(GOOD, 100 * GOOD)


@pytest.mark.parametrize(("scale", "unit"), [("max", lambda C: np.abs(C).max()), ("mean", lambda C: np.abs(C).mean())])
def test_scaling_each_cost_by_itself(rng, scale, unit):
    """No warning, for units are gone; the result is that of the scaled matrices."""
    C1, C2 = np.abs(symmetric(rng, 5)), 1e5 * np.abs(symmetric(rng, 4))
    result = gromov_wasserstein_bounds(C1, C2, scale=scale)
    assert result.lower == pytest.approx(gromov_wasserstein_bounds(C1 / unit(C1), C2 / unit(C2)).lower, rel=1e-12)
    assert objective(C1 / unit(C1), C2 / unit(C2), result.plan) == pytest.approx(result.upper, rel=1e-12)


@pytest.mark.parametrize("scale", ["max", "mean"])
def test_a_cost_of_zeros_has_no_scale(scale):
    """It stays what it is; the other one is divided."""
    result = gromov_wasserstein_bounds(GOOD, np.zeros((3, 3)), scale=scale)
    expected = np.mean((GOOD / {"max": 2.0, "mean": GOOD.mean()}[scale]) ** 2)
    np.testing.assert_allclose([result.lower, result.upper], expected, rtol=1e-12)


@every_door
def test_costs_of_zeros(door):
    result = door(np.zeros((3, 3)), np.zeros((2, 2)))
    assert (result.upper if door is gromov_wasserstein_bounds else result) == 0


def test_stopping_early_warns(rng):
    C1, C2 = symmetric(rng, 12), symmetric(rng, 9)
    with pytest.warns(ConvergenceWarning, match="max_iter=1 .*The interval holds"):
        result = gromov_wasserstein_bounds(C1, C2, max_iter=1)
    assert not result.converged
    assert result.upper == pytest.approx(objective(C1, C2, result.plan), rel=1e-12)


def test_a_cost_object_is_usable_after_an_error(rng):
    cost = DenseCost(symmetric(rng, 3))
    before = gromov_wasserstein_lower_bound(cost, GOOD)
    for weights in ([1.0, 1.0, 1.0], [0.5, 0.5]):
        with pytest.raises(ValueError, match="^p must"):
            gromov_wasserstein_lower_bound(cost, GOOD, weights)
    with pytest.raises(ValueError, match="^C2 must be square"):
        gromov_wasserstein_lower_bound(cost, np.ones((3, 2)))
    assert gromov_wasserstein_lower_bound(cost, GOOD) == before


def test_default_weights_are_uniform(rng):
    C1, C2 = symmetric(rng, 4), symmetric(rng, 5)
    expected = gromov_wasserstein_lower_bound(C1, C2, uniform(4), uniform(5))
    assert gromov_wasserstein_lower_bound(C1, C2) == expected
