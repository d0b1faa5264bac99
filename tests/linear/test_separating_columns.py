"""Features that separate by themselves, against every threshold tried in turn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from statlearn.linear._separating_columns import column_direction, separating_columns
from statlearn.linear._signed_rows import SignedRows


def separates(values, signs, has_threshold):
    """Whether sign * (value - threshold), or minus it, has no negative entry and a positive one for some threshold."""
    thresholds = np.unique(values) if has_threshold else [0.0]
    margins = [turn * signs * (values - threshold) for threshold in thresholds for turn in (1.0, -1.0)]
    return any(margin.min() >= 0.0 and margin.max() > 0.0 for margin in margins)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(
            st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=n, max_size=n),
            st.lists(st.sampled_from([1.0, -1.0]), min_size=n, max_size=n),
        )
    ),
    st.sampled_from([0.0, 1.0, 3.0]),
    st.sampled_from([np.asarray, sparse.csr_array]),
)
def test_against_all_thresholds(data, scaling, form):
    X, signs = np.array(data[0], dtype=float), np.array(data[1])
    if np.unique(signs).size < 2:
        return
    rows = SignedRows.of(form(X), signs, intercept_scaling=scaling)
    found = separating_columns(rows).tolist()
    assert found == [j for j in range(3) if separates(X[:, j], signs, scaling > 0.0)]
    for column in found:
        margins = rows.margins(column_direction(rows, column))
        assert margins.min() >= -1e-15 and margins.max() > 0.1


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_in_blocks(form, monkeypatch):
    monkeypatch.setattr("statlearn.linear._row_blocks.BLOCK_ENTRIES", 7)
    rng = np.random.default_rng(0)
    X, signs = rng.normal(size=(50, 3)), np.repeat([1.0, -1.0], 25)
    X[:, 1] = np.where(signs > 0, -np.abs(X[:, 1]), np.abs(X[:, 1]))
    rows = SignedRows.of(form(X), signs, intercept_scaling=1.0)
    assert separating_columns(rows).tolist() == [1]
    assert rows.margins(column_direction(rows, 1)).min() > 0.0
