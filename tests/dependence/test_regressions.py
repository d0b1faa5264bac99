"""What a review and a first user found."""

import numpy as np
import pytest
from sklearn.base import clone

from statlearn.dependence import DistanceCovariancePenalty, SlicedDistance, distance_correlation, distance_covariance
from statlearn.dependence import _engines as engines
from statlearn.exceptions import PairwiseWarning


def test_all_pairs_of_many_rows_are_announced(rng, monkeypatch):
    monkeypatch.setattr(engines, "MANY_ROWS", 500)
    S = rng.normal(size=(600, 2))
    with pytest.warns(PairwiseWarning, match=r"600 rows with several continuous columns.*method='sliced'"):
        DistanceCovariancePenalty().fit(S)
    assert DistanceCovariancePenalty(method="pairwise").fit(S).method_ == "pairwise"  # asked for: no warning


def test_raw_units_beside_levels_need_not_take_all_pairs(rng):
    """Years beside a sex of 0 and 1: many nodes, and still far fewer than rows."""
    n = 12_000
    age, sex, f = rng.uniform(18, 90, n), rng.integers(2, size=n), rng.normal(size=n)
    blocks = [sex[:, None].astype(float), age[:, None]]
    found = DistanceCovariancePenalty().fit(blocks)
    assert found.method_ == "mixed"
    (value, gradient) = found.value_and_grad(f)
    expected = DistanceCovariancePenalty(method="pairwise").fit(blocks).value_and_grad(f)
    assert value == pytest.approx(expected[0], rel=1e-9)
    np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=1e-10 * np.abs(expected[1]).max())


@pytest.mark.parametrize("seed_of_directions", range(6))
def test_slices_have_no_say_in_the_distance_variance_of_space(rng, seed_of_directions):
    """A long first axis: slices along the others once gave variances of 0 and correlations of 1.8."""
    S = rng.normal(size=(500, 3)) * [1, 1e-3, 1e-3]
    sliced = distance_correlation(S[:, 0], S, method=SlicedDistance(200, random_state=seed_of_directions))
    assert 0.8 < sliced < 1.2


@pytest.mark.parametrize("method", ["levels", "column", "mixed", "pairwise"])
@pytest.mark.parametrize("measure", ["ccdcov", "jdcov"])
def test_the_arrays_of_the_caller_may_change(rng, measure, method):
    n = 300
    column, sex, f = rng.uniform(size=(n, 1)), rng.integers(2, size=(n, 1)).astype(float), rng.normal(size=n)
    blocks = {"column": [column], "levels": [sex, np.round(column, 1)]}.get(method, [sex, column])
    penalty = DistanceCovariancePenalty(measure, method=method).fit(blocks)
    value, twin = penalty.value(f), DistanceCovariancePenalty(measure, method=method).fit(blocks)
    expected = twin.distance_correlation(f)
    for block in blocks:
        block[:] = rng.uniform(size=block.shape)
    assert penalty.value(f) == value
    assert penalty.distance_correlation(f) == expected


def test_parameters_can_be_walked_by_a_search(rng):
    S, f = rng.integers(2, size=(50, 2)), rng.normal(size=50)
    penalty = DistanceCovariancePenalty("jdcov", c=2.0).fit(S)
    copy = clone(penalty)
    assert copy.get_params() == penalty.get_params()
    assert not hasattr(copy, "n_samples_")
    copy.set_params(c=0.5).fit(S)
    assert copy.value(f) == DistanceCovariancePenalty("jdcov", c=0.5).fit(S).value(f)
    assert not hasattr(penalty.set_params(unbiased=False), "n_samples_")  # the fit is of other parameters
    with pytest.raises(ValueError, match="no parameter 'k'"):
        penalty.set_params(k=1)
    with pytest.raises(ValueError, match="'c' parameter"):
        penalty.set_params(c=-1.0)
    assert penalty.c == 2.0


def test_strings_are_told_where_to_go():
    with pytest.raises(ValueError, match=r"y holds strings.*ProtectedEncoder"):
        distance_covariance([1.0, 2, 3, 4], ["a", "b", "a", "b"])
