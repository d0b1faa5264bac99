"""Rows that can be separated, against an enumeration of all directions in the plane."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler

from statlearn.linear._linear_programs import separated_rows
from statlearn.linear._margin_proofs import proved_lower
from statlearn.linear._signed_rows import SignedRows


def separated_by_enumeration(Z):
    """Rows of a table of whole numbers in the plane with a positive margin in some direction without negative ones.

    The directions without negative margins are a cone. Its edges are perpendicular to rows, and the sum of two of them
    is inside, unless the cone is a half plane, whose rows all point one way.
    """
    edges = [edge for a, b in Z for edge in ((-b, a), (b, -a))]
    interior = [(a + c, b + d) for a, b in edges for c, d in edges]
    candidates = np.array([*edges, *interior, *Z.tolist()])
    candidates = candidates[(candidates @ Z.T >= 0).all(axis=1)]
    return (candidates @ Z.T > 0).any(axis=0)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=1, max_size=7), st.booleans())
def test_rows_in_the_plane(points, is_sparse):
    Z = np.array(points)
    rows = SignedRows.of(sparse.csr_array(Z.astype(float)) if is_sparse else Z.astype(float), np.ones(len(Z)))
    found = separated_rows(rows)
    assert found.separated.tolist() == separated_by_enumeration(Z).tolist()
    assert_answers(found, rows)


def assert_answers(found, rows):
    """The direction has margins of 1 or more on one part and 0 on the other, the weights the other way round."""
    size = np.abs(rows.X).max() + 1.0
    assert (found.direction is not None) == found.separated.any()
    assert (found.weights is not None) == (not found.separated.all())
    if found.direction is not None:
        margins = rows.margins(found.direction)
        assert margins[found.separated].min() > 1.0 - 1e-6
        assert np.abs(margins[~found.separated]).max(initial=0.0) < 1e-6 * size
    if found.weights is not None:
        assert found.weights[~found.separated].min() > 1.0 - 1e-6
        assert not found.weights[found.separated].any()
        assert np.abs(rows.combination(found.weights)).max() < 1e-6 * size * found.weights.sum()


def test_real_data():
    X, y = load_breast_cancer(return_X_y=True)
    rows = SignedRows.of(StandardScaler().fit_transform(X), np.where(y == 1, 1.0, -1.0), intercept_scaling=1.0)
    found = separated_rows(rows)
    assert found.separated.all() and proved_lower(rows, found.direction) > 0.0
    X, y = load_iris(return_X_y=True)
    for other, expected in ((1, 0), (0, 100)):
        chosen = (y == other) | (y == other + 1)
        rows = SignedRows.of(X[chosen], np.where(y[chosen] == other, 1.0, -1.0), intercept_scaling=1.0)
        assert separated_rows(rows).separated.sum() == expected


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, lambda X: X.astype(np.float32)])
@pytest.mark.parametrize("scales", [[1.0, 1.0, 1.0], [2.0**-20, 1.0, 2.0**20]])
def test_quasi_separation_in_a_direction_that_is_no_axis(form, scales):
    rng = np.random.default_rng(0)
    signs = np.where(rng.random(200) < 0.5, 1.0, -1.0)
    separated = (signs > 0.0) & (rng.random(200) < 0.1)
    X = np.column_stack([rng.integers(-9, 10, size=(200, 2)), separated]) @ [[1, 2, 0], [0, 1, 3], [1, 0, 1]] * scales
    rows = SignedRows.of(form(X), signs, intercept_scaling=1.0)
    found = separated_rows(rows)
    assert found.separated.tolist() == separated.tolist()
    assert found.is_complete


def test_labels_that_flip_change_nothing_but_the_sign():
    rng = np.random.default_rng(1)
    X, signs = rng.normal(size=(30, 2)), np.where(rng.random(30) < 0.5, 1.0, -1.0)
    X[:, 1] = (signs > 0) * (rng.random(30) < 0.3)
    first, second = (separated_rows(SignedRows.of(X, sign * signs, intercept_scaling=1.0)) for sign in (1.0, -1.0))
    assert first.separated.tolist() == second.separated.tolist()
    assert 0 < first.separated.sum() < 30
