"""Index sets against brute force and closed counts; order, closure and parents."""

from itertools import product
from math import comb

import numpy as np
import pytest

from statlearn.design._index_sets import INDEX_SETS, index_set_of

RULES = {
    "total_degree": lambda k, w, degree, q: (w * k).sum(axis=1) <= degree,
    "hyperbolic_cross": lambda k, w, degree, q: np.prod((k + 1.0) ** w, axis=1) <= (degree + 1.0) * (1 + 1e-9),
    "tensor": lambda k, w, degree, q: (w * k).max(axis=1) <= degree,
    "lq": lambda k, w, degree, q: ((w * k) ** q).sum(axis=1) <= degree**q * (1 + 1e-9),
}


def build(name, n_dims, degree, *, q=1.0, weights=None, orders=None):
    weights = np.ones(n_dims) if weights is None else np.array(weights)
    return index_set_of(name, degree, q=q, weights=weights, orders=np.arange(degree + 1) if orders is None else orders)


def test_every_set_has_a_rule():
    assert RULES.keys() == INDEX_SETS.keys()


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("q", [0.5, 0.7, 1.0])
@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (1.0, 2.0, 1.5)])
@pytest.mark.parametrize("degree", [0, 1, 4, 7])
def test_brute_force(name, q, weights, degree):
    found = build(name, 3, degree, q=q, weights=weights).positions
    grid = np.array(list(product(range(degree + 1), repeat=3)))
    expected = grid[RULES[name](grid, np.array(weights), degree, q)]
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, expected.tolist()))


@pytest.mark.parametrize(("n_dims", "degree"), [(1, 7), (4, 4), (10, 3), (50, 2)])
def test_counts(n_dims, degree):
    assert len(build("total_degree", n_dims, degree).parents) == comb(n_dims + degree, degree)
    assert len(build("lq", n_dims, degree).parents) == comb(n_dims + degree, degree)
    if n_dims <= 4:
        assert len(build("tensor", n_dims, degree).parents) == (degree + 1) ** n_dims


def test_count_of_the_hyperbolic_cross():
    # Pairs with (j + 1)(k + 1) <= 1000, by the divisor sum.
    assert len(build("hyperbolic_cross", 2, 999).parents) == sum(1000 // j for j in range(1, 1001))


@pytest.mark.parametrize("name", RULES)
def test_order_closure_and_parents(name):
    found = build(name, 4, 5, q=0.6, weights=[1.0, 1.0, 1.3, 2.0])
    members = set(map(tuple, found.positions.tolist()))
    assert len(members) == len(found.positions)
    assert (np.diff(found.positions.sum(axis=1)) >= 0).all()
    for row, index in enumerate(found.positions):
        for column in np.flatnonzero(index):
            smaller = index.copy()
            smaller[column] -= 1
            assert tuple(smaller) in members
        if row > 0:
            last = np.flatnonzero(index)[-1]
            parent = index.copy()
            parent[last] = 0
            assert found.columns[row] == last
            np.testing.assert_array_equal(found.positions[found.parents[row]], parent)
            assert found.parents[row] < row


def test_graded_order_is_that_of_polynomial_features():
    expected = [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    np.testing.assert_array_equal(build("total_degree", 2, 2).positions, expected)


def test_functions_of_equal_order_come_together():
    found = build("total_degree", 2, 1, orders=np.array([0, 1, 1]))
    np.testing.assert_array_equal(found.positions, [[0, 0], [2, 0], [1, 0], [0, 2], [0, 1]])


def test_many_dimensions_without_enumerating_the_grid():
    found = build("hyperbolic_cross", 50, 7)
    assert ((found.positions > 0).sum(axis=1) <= 3).all()
    # One coordinate: 7 degrees. Two: (j + 1)(k + 1) <= 8 with j, k >= 1. Three: only (1, 1, 1).
    pairs = sum((j + 1) * (k + 1) <= 8 for j in range(1, 8) for k in range(1, 8))
    assert len(found.parents) == 1 + 50 * 7 + comb(50, 2) * pairs + comb(50, 3)


@pytest.mark.parametrize(
    ("name", "n_dims", "degree", "size"),
    [("total_degree", 50, 10, comb(60, 10)), ("tensor", 30, 4, 5**30), ("lq", 50, 10, comb(60, 10))],
)
def test_too_many_members_are_counted(name, n_dims, degree, size):
    with pytest.raises(
        ValueError, match=f"degree={degree} in {n_dims} dimensions has about {size:.4g} members".replace("+", r"\+")
    ):
        build(name, n_dims, degree)


def test_too_many_members_with_weights():
    with pytest.raises(ValueError, match=r"has (about|more than) [0-9.e+]* members; .* Lower the degree"):
        build("total_degree", 50, 10, weights=np.linspace(1.0, 1.1, 50))
