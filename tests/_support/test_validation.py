"""check_vector: what passes, what is refused, and how it says so."""

import numpy as np
import pytest

from statlearn._support.validation import check_vector


@pytest.mark.parametrize(
    "values", [[1, 2, 0], (1.0, 2.0, 0.0), np.array([1, 2, 0], dtype=np.float32), [True, 2, False]]
)
def test_good_vectors(values):
    vector = check_vector(values, "weights", size=3)
    assert vector.dtype == np.float64
    assert vector[2] == 0.0


def test_the_result_is_a_copy():
    values = np.ones(6)
    vector = check_vector(values[::2], "weights")
    vector[:] = 0.0
    assert vector.flags.c_contiguous
    assert values.all()


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        (["a", "b"], {}, TypeError, r"weights must be a vector of real numbers. Got \['a', 'b'\] instead"),
        ([1j], {}, TypeError, "weights must be a vector of real numbers"),
        (None, {}, TypeError, "weights must be a vector of real numbers. Got None"),
        (
            np.ma.array([1.0, 2.0], mask=[0, 1]),
            {},
            TypeError,
            "weights must not be a masked.* one with 1 masked",
        ),
        ([[1.0], [1.0, 2.0]], {}, ValueError, "weights must be a vector. Got a sequence of sequences of different"),
        (1.0, {}, ValueError, r"at least one entry. Got an array of shape \(\)"),
        ([], {}, ValueError, r"at least one entry. Got an array of shape \(0,\)"),
        ([[1.0]], {}, ValueError, r"at least one entry. Got an array of shape \(1, 1\)"),
        ([1.0, 2.0], {"size": 3}, ValueError, "weights must have 3 entries. Got 2"),
        ([1.0, np.nan], {}, ValueError, "weights must be finite and non-negative. Got nan at position 1"),
        ([np.inf, 1.0], {}, ValueError, "weights must be finite and non-negative. Got inf at position 0"),
        ([1.0, -2.0], {}, ValueError, "weights must be finite and non-negative. Got -2.0 at position 1"),
        ([1.0, 0.0], {"positive": True}, ValueError, "weights must be finite and positive. Got 0.0 at position 1"),
    ],
)
def test_bad_vectors(values, options, error, message):
    with pytest.raises(error, match=message):
        check_vector(values, "weights", **options)
