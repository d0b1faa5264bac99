"""Quantiles of weighted values."""

import numpy as np

__all__ = ["weighted_quantiles"]


def weighted_quantiles(values, levels, weights=None):
    """Smallest values below which, with themselves, lies a share of the weight; ``weights`` None for ones."""
    if weights is not None and np.all(weights == weights[0]):
        weights = None  # parts of the values are sorted, not all
    return np.quantile(values, levels, weights=weights, method="inverted_cdf")
