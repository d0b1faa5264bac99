"""Two classes of normal rows for which the errors of the best rule and of naive Bayes are known."""

import numpy as np
from scipy.stats import norm


def variance_design(generator, n_rows, n_features):
    """Independent features, of which the first half vary n_features times as much as the others; means -1 and 1."""
    variances = np.where(np.arange(n_features) < n_features // 2, float(n_features), 1.0)
    y = np.arange(n_rows) % 2
    noise = generator.normal(size=(n_rows, n_features)) * np.sqrt(variances)
    return noise + np.where(y, 1.0, -1.0)[:, None], y, float(norm.cdf(-np.sqrt(np.sum(1.0 / variances))))


def equicorrelated_design(generator, n_rows, correlation, n_features=30):
    """Features of variance 1 with one correlation, and means that are further apart from feature to feature.

    Also returns the error of the best rule, and the one that naive Bayes comes to, whose weights are the means.
    """
    half = np.linspace(0.0, 0.5, n_features)
    y = np.arange(n_rows) % 2
    common, own = generator.normal(size=(n_rows, 1)), generator.normal(size=(n_rows, n_features))
    X = np.sqrt(correlation) * common + np.sqrt(1.0 - correlation) * own + np.where(y, 1.0, -1.0)[:, None] * half
    covariance = (1.0 - correlation) * np.eye(n_features) + correlation
    best = norm.cdf(-np.sqrt(half @ np.linalg.solve(covariance, half)))
    naive = norm.cdf(-(half @ half) / np.sqrt(half @ covariance @ half))
    return X, y, float(best), float(naive)
