"""Gaussian rows with Massart labels of e1, and a plain descent that finds e1 again."""

import numpy as np

from statlearn.halfspace._surrogates import RAMP

__all__ = ["FLIPS", "descended", "labeled_normal", "whitened_halves"]

FLIPS = {
    "rcn": lambda X, eta: np.full(len(X), eta),
    "massart-quadrant": lambda X, eta: np.where(X[:, 0] * X[:, 1] < 0.0, eta, 0.0),
    "massart-far": lambda X, eta: np.where((X[:, 0] * X[:, 1] < 0.0) & (np.abs(X[:, 0]) > 0.3), eta, 0.0),
    "coin": lambda X, _: np.full(len(X), 0.5),
}


def labeled_normal(rng, n, d, recipe, eta):
    """Standard normal rows and labels of the first coordinate's sign, flipped with the probabilities of a recipe."""
    X = rng.normal(size=(n, d))
    return X, np.where(X[:, 0] >= 0.0, 1.0, -1.0) * np.where(rng.random(n) < FLIPS[recipe](X, eta), -1.0, 1.0)


def whitened_halves(rng, X):
    """Both halves of affinely mapped rows, centered and whitened by the first, and the true normal for them."""
    d = X.shape[1]
    linear = np.eye(d) + 0.3 * rng.normal(size=(d, d))
    mapped = X @ linear + 10.0 * rng.normal(size=d)
    half = len(X) // 2
    transform = np.linalg.cholesky(np.linalg.inv(np.cov(mapped[:half].T)))
    whitened = (mapped - mapped[:half].mean(axis=0)) @ transform
    truth = np.linalg.solve(linear @ transform, np.eye(d)[0])  # x_1 = <truth, z> + a small constant
    return whitened[:half], whitened[half:], truth / np.linalg.norm(truth)


def descended(X, signs, width):
    """A unit vector of small gradient and of error at most 1/2, by full gradient steps with shrinking width."""
    w = X.T @ signs
    w /= np.linalg.norm(w)
    for step_width in [max(width, wide) for wide in (2.0, 1.0, 0.5, 0.25)] + 2 * [width]:
        for _ in range(40):
            margins = X @ w
            pulls = RAMP.slope(margins, step_width) * signs
            w = w + 1.2 * step_width * (X.T @ pulls - (pulls @ margins) * w) / len(X)
            w /= np.linalg.norm(w)
    return w if np.mean(X @ w * signs < 0.0) <= 0.5 else -w
