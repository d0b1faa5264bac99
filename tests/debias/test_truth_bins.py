"""Bins between quantiles of the truth."""

import numpy as np
import pytest

from statlearn.debias._truth_bins import bin_means, bin_numbers, quantile_edges


def test_edges_are_weighted_quantiles():
    truth = np.array([3.0, 1.0, 2.0, 2.0, 5.0])
    np.testing.assert_array_equal(quantile_edges(truth, np.ones(5), 5), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(quantile_edges(truth, np.ones(5), 1), [])
    np.testing.assert_array_equal(quantile_edges(truth, np.array([1.0, 1.0, 1.0, 1.0, 96.0]), 2), [])
    np.testing.assert_array_equal(quantile_edges(np.arange(10.0), np.full(10, 0.1), 5), [1.0, 3.0, 5.0, 7.0])
    np.testing.assert_array_equal(bin_numbers(truth, np.array([1.0, 2.0, 3.0])), [2, 0, 1, 1, 3])
    means = bin_means(truth, np.array([1.0, 1.0, 3.0, 1.0, 1.0]), np.array([2, 0, 1, 1, 1]), 4)
    np.testing.assert_array_equal(means, [1.0, 13.0 / 5.0, 3.0, np.nan])


@pytest.mark.parametrize("n_bins", [1, 2, 5, 10, 60])
@pytest.mark.parametrize("digits", [0, 8])
def test_no_bin_is_empty_and_shares_are_even(rng, n_bins, digits):
    truth = np.round(2.0 * rng.normal(size=200), digits)
    weights = rng.uniform(0.5, 2.0, size=200)
    edges = quantile_edges(truth, weights, n_bins)
    numbers = bin_numbers(truth, edges)
    assert set(numbers) == set(range(edges.size + 1))
    assert edges.size < n_bins
    assert (np.diff(edges) > 0.0).all()
    for number, edge in enumerate(edges):
        assert truth[numbers <= number].max() == edge < truth[numbers > number].min()
    if digits == 8 and n_bins <= 10:
        shares = np.bincount(numbers, weights) / weights.sum()
        assert np.abs(shares - 1.0 / n_bins).max() <= weights.max() / weights.sum()


def test_a_weight_is_a_number_of_equal_rows_whatever_its_unit(rng):
    for _ in range(100):
        truth, counts = rng.normal(size=30), rng.integers(1, 4, size=30)
        expected = quantile_edges(np.repeat(truth, counts), np.ones(counts.sum()), 5)
        for unit in (1.0, 0.1, 1.0 / counts.sum()):
            np.testing.assert_array_equal(quantile_edges(truth, unit * counts, 5), expected)
