"""Rounds of trading for the tests, and the formulas of the paper written out one participant at a time."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from statlearn.market import (
    AggressiveBetting,
    BettingFunction,
    ConstantBetting,
    LinearBetting,
    PredictionMarketClassifier,
)

BETTINGS = [ConstantBetting(), LinearBetting(), AggressiveBetting(), AggressiveBetting(0.3), AggressiveBetting(2.0)]


class PlainBetting(BettingFunction):
    """The bets of a compiled function, without its code: prices come from the bisection of the base class."""

    def __init__(self, function):
        self.function = function

    def bets(self, beliefs, price):
        return self.function.bets(beliefs, price)


def random_round(rng, n_participants=4, n_classes=3, concentration=0.7, zeros=False):
    """Beliefs and budgets of one round."""
    beliefs = rng.dirichlet(np.full(n_classes, concentration), size=n_participants)
    if zeros:
        beliefs[rng.random(beliefs.shape) < 0.3] = 0.0
        beliefs[:, 0] += beliefs.sum(axis=1) == 0.0
        beliefs /= beliefs.sum(axis=1, keepdims=True)
    return beliefs, rng.gamma(1.0, size=n_participants)


def stakes(function, beliefs, budgets, price):
    """``F_k = sum_m budget_m phi_m^k``, term by term."""
    shares = np.zeros(beliefs.shape)
    for m, k in np.ndindex(beliefs.shape):
        h, c = beliefs[m, k], price[k]
        if isinstance(function, ConstantBetting):
            shares[m, k] = h
        elif isinstance(function, LinearBetting):
            shares[m, k] = (1 - c) * h
        else:
            shares[m, k] = h * min(1.0, max(0.0, (h - c) / function.epsilon))
    return budgets @ shares


class TableClassifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier that reads its beliefs off a table: X is one column of row numbers."""

    def __init__(self, table, classes):
        self.table = table
        self.classes = classes

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    @property
    def classes_(self):
        return np.asarray(self.classes)

    def predict_proba(self, X):
        return np.asarray(self.table)[np.asarray(X)[:, 0].astype(int)]


def market_of_tables(beliefs, classes=None, **parameters):
    """A market of fitted participants with beliefs of shape (n_samples, n_participants, n_classes); its X is a column
    of row numbers."""
    classes = np.arange(beliefs.shape[2]) if classes is None else classes
    participants = [(f"p{m}", TableClassifier(beliefs[:, m], classes)) for m in range(beliefs.shape[1])]
    return PredictionMarketClassifier(participants, cv="prefit", **parameters)


def row_numbers(n):
    """The X of `market_of_tables`."""
    return np.arange(n, dtype=float)[:, None]


def one_pass(**parameters):
    """Parameters of a single pass over the rows as they come."""
    return {"n_epochs": 1, "shuffle": False, "early_stopping": False, **parameters}
