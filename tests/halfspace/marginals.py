"""Samples for the tests of the marginal: Gaussian ones, and others with mean 0 and features of one scale."""

import numpy as np


def gaussian(rng, n, d):
    return rng.normal(size=(n, d))


def affine_gaussian(rng, n, d):
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3.0 * rng.normal(size=d)


def student(freedom):
    def draw(rng, n, d):
        return rng.normal(size=(n, d)) / np.sqrt(rng.chisquare(freedom, size=(n, 1)) / freedom)

    return draw


def hypercube(rng, n, d):
    return rng.choice([-1.0, 1.0], size=(n, d))


def uniform_cube(rng, n, d):
    return rng.uniform(-1.0, 1.0, size=(n, d))


def laplace(rng, n, d):
    return rng.laplace(size=(n, d))


def sphere(rng, n, d):
    X = rng.normal(size=(n, d))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def scale_mixture(rng, n, d):
    """One row in twenty is three times as large."""
    return rng.normal(size=(n, d)) * np.where(rng.random((n, 1)) < 0.05, 3.0, 1.0)


def two_clusters(variance):
    """The last feature is a mixture of two normal laws whose means have this variance; its own variance is 1."""

    def draw(rng, n, d):
        X = rng.normal(size=(n, d))
        X[:, -1] = np.sqrt(1.0 - variance) * X[:, -1] + np.sqrt(variance) * rng.choice([-1.0, 1.0], size=n)
        return X

    return draw


def hidden_sign(rng, n, d):
    """Gaussian but in the direction (1, ..., 1), along which the rows are at -1 or 1."""
    direction = np.ones(d) / np.sqrt(d)
    X = rng.normal(size=(n, d))
    return X + np.outer(rng.choice([-1.0, 1.0], size=n) - X @ direction, direction)


def gross_band(rng, n, d):
    """One row in twenty lies near the hyperplane x_1 = 0 and at x_2 = -2 or 2."""
    X = rng.normal(size=(n, d))
    moved = rng.random(n) < 0.05
    X[moved, 0] = rng.uniform(-0.02, 0.02, size=moved.sum())
    X[moved, 1] = rng.choice([-2.0, 2.0], size=moved.sum())
    return X


def pure_band(rng, n, d):
    """One row in a hundred was moved to the hyperplane x_1 = 0, along the first axis."""
    X = rng.normal(size=(n, d))
    moved = rng.random(n) < 0.01
    X[moved, 0] = rng.uniform(-0.01, 0.01, size=moved.sum())
    return X
