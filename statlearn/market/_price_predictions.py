"""Predictions of classifiers that follow from their prices."""

import numpy as np
from sklearn.utils import column_or_1d

from .._typing import ArrayLike, FloatArray, LabelArray

__all__ = ["PricePredictions", "all_labels", "check_same_labels", "codes_of"]


class PricePredictions:
    """Mixin of classifiers with ``predict_proba`` and ``classes_``."""

    def predict(self, X: ArrayLike) -> LabelArray:
        """Labels with the highest prices.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, as ``predict_proba`` takes them.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            A label per row.
        """
        prices = self.predict_proba(X)
        return self.classes_[prices.argmax(axis=1)]

    def predict_log_proba(self, X: ArrayLike) -> FloatArray:
        """Logarithms of the prices, minus infinity for a price of 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, as ``predict_proba`` takes them.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Log odds of the second of two classes, or logarithms of the prices of more.

        Prices below the smallest positive number of their type count as that, so that all values are finite.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows, as ``predict_proba`` takes them.

        Returns
        -------
        decisions : ndarray of shape (n_samples,) or (n_samples, n_classes)
            One column only for two classes.
        """
        logs = np.log(np.maximum(self.predict_proba(X), np.finfo(np.float64).tiny))
        return logs[:, 1] - logs[:, 0] if self.classes_.size == 2 else logs


def codes_of(y, classes):
    """Positions of labels among those of a market."""
    known = np.isin(y, classes)
    if not known.all():
        raise ValueError(
            f"y has labels {np.unique(y[~known]).tolist()} that the market does not know. Its classes are "
            f"{classes.tolist()}."
        )
    return np.searchsorted(classes, y)


def all_labels(classes):
    """All labels of a market, as given in the first call of ``partial_fit``."""
    if classes is None:
        raise ValueError("classes must be given in the first call of partial_fit.")
    labels = np.unique(column_or_1d(classes))
    if labels.size < 2:
        raise ValueError(f"classes must be all labels, at least two. Got one class, {labels.tolist()}.")
    return labels


def check_same_labels(classes, known):
    """Refuse other labels than those of the market."""
    given = column_or_1d(classes)
    if not np.array_equal(np.unique(given), known):
        raise ValueError(f"classes of the market are {known.tolist()} since the first call. Got {given.tolist()}.")
