"""Small data sets of several kinds, and the objective of the fair linear models written out once more."""

import warnings
from typing import NamedTuple

import numpy as np

from statlearn.dependence import DistanceCovariancePenalty
from statlearn.exceptions import NegativePenaltyWarning, ShrinkageWarning
from statlearn.fairness import DistanceCovarianceFairClassifier, DistanceCovarianceFairRegressor, ProtectedEncoder

LOSSES = ["squared_error", "poisson", "gamma", "tweedie"]


class Data(NamedTuple):
    """Features, targets and two attributes: one with two levels, one with three."""

    X: np.ndarray
    y: np.ndarray
    S: np.ndarray


def make_data(rng, kind="squared_error", n_samples=300, n_features=3):
    """Targets of a kind, and features of which the first two are proxies of the attributes."""
    S = np.column_stack([rng.integers(0, 2, n_samples), rng.integers(0, 3, n_samples)])
    X = rng.normal(size=(n_samples, n_features))
    X[:, 0] += S[:, 0]
    if n_features > 1:
        X[:, 1] += S[:, 1] == 1
    u = X @ np.linspace(1.0, -0.5, n_features)
    return Data(X, TARGETS[kind](rng, 0.5 * u), S)


TARGETS = {
    "squared_error": lambda rng, u: u + 0.5 * rng.normal(size=u.size),
    "poisson": lambda rng, u: rng.poisson(np.exp(u)).astype(float),
    "gamma": lambda rng, u: rng.gamma(2.0, np.exp(u) / 2.0),
    "tweedie": lambda rng, u: rng.poisson(np.exp(u)) * rng.gamma(2.0, 0.5, size=u.size),
    "binary": lambda rng, u: (u + 0.5 * rng.logistic(size=u.size) > 0.0).astype(int),
    "multinomial": lambda rng, u: np.digitize(u + 0.3 * rng.logistic(size=u.size), [-0.5, 0.7]),
}


def make_model(kind, fairness_weight, **parameters):
    """The estimator for a kind of target."""
    if kind in LOSSES:
        return DistanceCovarianceFairRegressor(kind, fairness_weight=fairness_weight, **parameters)
    return DistanceCovarianceFairClassifier(fairness_weight, **parameters)


def fit(model, X, y, *arguments, **metadata):
    """A fit without the warnings that the penalty was paid by shrinking or rewards noise, where they are no subject."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShrinkageWarning)
        warnings.simplefilter("ignore", NegativePenaltyWarning)
        return model.fit(X, y, *arguments, **metadata)


def fitted(kind, fairness_weight, data, **parameters):
    """A fitted model of some data."""
    return fit(make_model(kind, fairness_weight, **parameters), *data)


def encoded(S):
    """The blocks of encoded attributes."""
    encoder = ProtectedEncoder()
    return encoder.split(encoder.fit_transform(S))


def gerrymandered(seed, n_samples=2000):
    """A target that is fair by each of two coins, and depends on whether they agree."""
    rng = np.random.default_rng(seed)
    S = np.column_stack([rng.integers(0, 2, n_samples), rng.integers(0, 2, n_samples)])
    first = np.where(S[:, 0] != S[:, 1], 1.0, -1.0) + rng.normal(size=n_samples)
    second = rng.normal(size=n_samples)
    return Data(np.column_stack([first, second]), first + second + rng.normal(size=n_samples), S)


def largest_gap(predictions, S):
    """Largest difference of the mean predictions of two cells."""
    cells = np.unique(S, axis=0, return_inverse=True)[1]
    means = np.bincount(cells, predictions) / np.bincount(cells)
    return means.max() - means.min()


class Objective:
    """Loss plus penalty of a linear model without ridge, slowly and from first principles.

    ``theta`` holds the coefficients, then the intercept.
    """

    def __init__(self, kind, data, **penalty):
        self.kind, self.X, self.y = kind, data.X, data.y
        self.penalty = DistanceCovariancePenalty(**penalty).fit(encoded(data.S))

    def parts(self, theta):
        """Mean loss and excess of the penalty."""
        u, y = self.X @ theta[:-1] + theta[-1], self.y
        if self.kind == "squared_error":
            return np.mean(0.5 * (y - u) ** 2), self.penalty.excess(u)
        u = np.clip(u, -30.0, 30.0)
        if self.kind == "poisson":
            return np.mean(np.exp(u) - y * u), self.penalty.excess(np.exp(u))
        return np.mean(np.log1p(np.exp(u)) - y * u), self.penalty.excess(1.0 / (1.0 + np.exp(-u)))

    def value(self, theta, fairness_weight):
        """The objective."""
        loss, excess = self.parts(theta)
        return loss + fairness_weight * excess

    def of(self, model, fairness_weight):
        """The objective at the coefficients of a fitted model."""
        return self.value(np.append(np.ravel(model.coef_), model.intercept_), fairness_weight)
