"""Opposite duplicates against a dictionary of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from statlearn.linear._opposite_duplicates import opposite_duplicates, zero_rows


def pairs_by_dictionary(X, signs):
    groups = {}
    for position, row in enumerate(X):
        groups.setdefault(tuple((row + 0.0).tolist()), {}).setdefault(signs[position], position)
    return [[group[1.0], group[-1.0]] for group in groups.values() if len(group) == 2]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40).flatmap(
        lambda n: st.tuples(
            st.lists(st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5]), min_size=2, max_size=2), min_size=n, max_size=n),
            st.lists(st.sampled_from([1.0, -1.0]), min_size=n, max_size=n),
        )
    ),
    st.sampled_from([np.float64, np.float32]),
)
def test_all_pairs(data, dtype):
    X, signs = np.array(data[0], dtype=dtype), np.array(data[1])
    expected = pairs_by_dictionary(X, signs)
    assert opposite_duplicates(X, signs).tolist() == expected
    assert opposite_duplicates(sparse.csr_array(X), signs).tolist() == expected
    assert zero_rows(X).tolist() == zero_rows(sparse.csr_array(X)).tolist() == np.flatnonzero((X == 0).all(1)).tolist()


def test_one_pair_among_many_rows():
    rng = np.random.default_rng(0)
    X, signs = rng.normal(size=(20_000, 7)), np.where(rng.random(20_000) < 0.5, 1.0, -1.0)
    assert opposite_duplicates(X, signs).shape == (0, 2)
    X[19_000], signs[19_000] = X[123], -signs[123]
    assert sorted(opposite_duplicates(X, signs).ravel().tolist()) == [123, 19_000]


def test_equal_rows_with_the_same_label_are_no_pair():
    assert opposite_duplicates(np.ones((5, 3)), np.ones(5)).shape == (0, 2)


def test_rows_that_differ_in_the_last_bit_or_in_the_place_of_an_entry():
    signs = np.array([1.0, -1.0])
    for X in ([[1.0, 2.0], [np.nextafter(1.0, 2.0), 2.0]], [[1.0, 0.0], [0.0, 1.0]], [[5e-324], [0.0]]):
        assert opposite_duplicates(np.array(X), signs).size == 0
        assert opposite_duplicates(sparse.csr_array(np.array(X)), signs).size == 0


def test_sparse_rows_stored_in_unusual_ways():
    # the row (1, 0, 3): in order, in reverse order with a stored zero, and with 3 as a sum
    data = np.array([1.0, 3.0, 3.0, -0.0, 1.0, 1.0, 1.0, 2.0])
    columns = np.array([0, 2, 2, 1, 0, 0, 2, 2])
    X = sparse.csr_array((data, columns, np.array([0, 2, 5, 8])), shape=(3, 3))
    assert opposite_duplicates(X, np.array([1.0, -1.0, -1.0])).tolist() == [[0, 1]]
    assert opposite_duplicates(X, np.array([1.0, 1.0, -1.0])).tolist() == [[0, 2]]
    assert X.data.size == 8  # the argument is left as it was


def test_read_only_and_not_contiguous():
    X = np.asfortranarray(np.array([[1.0, 2.0], [1.0, 2.0]]))
    X.flags.writeable = False
    assert opposite_duplicates(X, np.array([-1.0, 1.0])).tolist() == [[1, 0]]


@pytest.mark.parametrize("n_features", [1, 64])
def test_integers_do_not_collide_into_quadratic_time(n_features):
    # the bits of small integers differ in few places; a poor hash puts them into long chains
    X = np.zeros((200_000, n_features))
    X[:, -1] = np.arange(200_000)
    signs = np.where(np.arange(200_000) % 2 == 0, 1.0, -1.0)
    assert opposite_duplicates(X, signs).size == 0


@pytest.mark.parametrize("as_table", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_hashes", [1, 3])
def test_equal_hashes_are_not_enough(rng, monkeypatch, as_table, n_hashes):
    """Rows are compared: here most have the hash of many others."""
    X = rng.integers(0, 3, (200, 3)).astype(np.float64)
    signs = np.where(rng.random(200) < 0.5, 1.0, -1.0)
    expected = opposite_duplicates(as_table(X), signs)
    keys = (X @ [1.0, 3.0, 9.0] % n_hashes).astype(np.uint64)  # equal for equal rows
    monkeypatch.setattr("statlearn.linear._opposite_duplicates._hashes", lambda X: keys)
    found = opposite_duplicates(as_table(X), signs)
    assert len(expected) > 5
    np.testing.assert_array_equal(found, expected)
    for positive, negative in found:
        np.testing.assert_array_equal(X[positive], X[negative])
