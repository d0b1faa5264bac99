"""Bins of units by their true outcome, between quantiles."""

import numpy as np

__all__ = ["bin_errors", "bin_means", "bin_numbers", "largest_bias", "quantile_edges"]

ROUNDING = 1e-12  # relative; a cumulative weight that misses a level by less reaches it


def quantile_edges(truth, weights, n_bins):
    """Inner edges of bins of about the same weight.

    An edge is the smallest truth such that it and what is below have a share of ``j / n_bins`` of the weight. So a
    weight of 2 is the same as two equal rows. Of equal edges one remains, and no bin is empty.

    Parameters
    ----------
    truth : ndarray of shape (n_samples,)
        True outcomes.
    weights : ndarray of shape (n_samples,)
        Positive weights.
    n_bins : int
        Number of bins, of which some are joined if outcomes are tied.

    Returns
    -------
    edges : ndarray of shape (n_distinct_bins - 1,)
        Increasing.
    """
    order = np.argsort(truth, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    levels = np.arange(1, n_bins) / n_bins
    places = np.searchsorted(shares, levels * (1.0 - ROUNDING))
    edges = np.unique(truth[order][places])
    return edges[edges < truth.max()]


def bin_numbers(truth, edges):
    """Number of the bin of each outcome, from 0 on; an edge belongs to the bin below it."""
    return np.searchsorted(edges, truth, side="left")


def bin_means(values, weights, numbers, n_bins):
    """Weighted mean of the values in each bin; NaN in empty ones."""
    totals = np.bincount(numbers, weights, minlength=n_bins)
    sums = np.bincount(numbers, weights * values, minlength=n_bins)
    return np.divide(sums, totals, out=np.full(n_bins, np.nan), where=totals > 0.0)


def bin_errors(errors, weights, numbers, n_bins):
    """Mean error of each bin, and its standard error under weights of a survey; NaN for one unit."""
    means = bin_means(errors, weights, numbers, n_bins)
    counts, totals = (np.bincount(numbers, w, minlength=n_bins) for w in (None, weights))
    squares = np.bincount(numbers, (weights * (errors - means[numbers])) ** 2, minlength=n_bins)
    degrees = np.where(counts > 1, counts - 1, np.nan)
    return means, np.sqrt(counts / degrees * squares) / totals


def largest_bias(errors, truth, weights, n_bins):
    """Largest absolute mean error among bins of the truth."""
    edges = quantile_edges(truth, weights, n_bins)
    return float(np.abs(bin_means(errors, weights, bin_numbers(truth, edges), edges.size + 1)).max())
