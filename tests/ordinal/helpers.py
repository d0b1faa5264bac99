"""Small data sets and tightly solved fits that several test files share."""

import warnings

import numpy as np

from statlearn.exceptions import CrossingWarning
from statlearn.ordinal import PrestoClassifier

from .reference import crossing_data, parallel_data

DOMAINS = ("observed", "train", "box")


def parallel(seed=0, n_samples=120, n_features=4, n_classes=4):
    """Rows, classes and weights of nearly parallel cuts."""
    return parallel_data(np.random.default_rng(seed), n_samples, n_features, n_classes)


def crossed(seed=0):
    """Rows, classes and weights of cuts that cross unless they are kept from it."""
    return crossing_data(np.random.default_rng(seed), 100, 4, 4)


def fit(X, y, weights=None, *, alpha=0.01, tol=1e-9, **options):
    """Fit to a tolerance at which two equal problems have visibly equal solutions."""
    return PrestoClassifier(alpha, tol=tol, **options).fit(X, y, sample_weight=weights)


def probabilities(model, X):
    """Class probabilities without the warning that some rows cross, where that is not the subject."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CrossingWarning)
        return model.predict_proba(X)
