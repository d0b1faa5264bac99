"""Exact laws of draws from small pools, by listing every outcome, and how well draws follow them."""

from itertools import combinations, product

import numpy as np
from scipy.stats import chisquare

ENOUGH = 5.0  # expected draws of a cell of a chi-square test


def orthonormal(rng, n_rows, m):
    """A random matrix with orthonormal columns whose leverage scores are far from even."""
    return np.linalg.qr(rng.normal(size=(n_rows, m)) * rng.gamma(0.7, size=(n_rows, 1)))[0]


def subsets(n_rows, k):
    return np.array(list(combinations(range(n_rows), k)))


def dpp_law(Q):
    """All sets of m rows and their probabilities det(Q_S)^2."""
    sets = subsets(*Q.shape)
    return sets, np.linalg.det(Q[sets]) ** 2


def volume_law(X, k):
    """All sets of k rows and their probabilities, in proportion to det(X_S^T X_S)."""
    sets = subsets(len(X), k)
    volumes = np.linalg.det(X[sets].mT @ X[sets])
    return sets, volumes / volumes.sum()


def rescaled_law(Q, mass, density, n):
    """All sequences of n rows and their probabilities, in proportion to det(G) times the density of each row."""
    sequences = np.array(list(product(range(len(Q)), repeat=n)))
    rows = Q / np.sqrt(density)[:, None]  # roots of the weights mass / density times phi = Q / sqrt(mass)
    volumes = np.linalg.det(rows[sequences].mT @ rows[sequences]) * density[sequences].prod(axis=1)
    return sequences, volumes / volumes.sum()


def inclusion(sets, probabilities, n_rows):
    """Expected number of times that each row is drawn."""
    return np.bincount(sets.ravel(), np.repeat(probabilities, sets.shape[1]), minlength=n_rows)


def p_value(draws, outcomes, probabilities):
    """Chi-square test of draws against a law. Rare outcomes share a cell; an impossible one gives 0."""
    base = max(outcomes.max(), draws.max()) + 1
    powers = base ** np.arange(outcomes.shape[1])
    position = {code: place for place, code in enumerate(outcomes @ powers)}
    drawn = [position.get(code, -1) for code in draws @ powers]
    if -1 in drawn:
        return 0.0
    counts, expected = np.bincount(drawn, minlength=len(outcomes)), probabilities * len(draws)
    if counts[probabilities < 1e-14].any():
        return 0.0
    rare = expected < ENOUGH
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    possible = expected > 1e-9
    return 1.0 if possible.sum() == 1 else chisquare(counts[possible], expected[possible]).pvalue
