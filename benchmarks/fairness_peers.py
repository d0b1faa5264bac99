"""Peers of fair classification, and one measure of every method on held-out rows."""

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from statlearn.dependence import distance_correlation
from statlearn.fairness import unfairness_ratio

__all__ = ["PEERS", "Audit", "audit"]

SMALLEST_CELL = 30
EPSILON = 0.02  # of the reduction: how far decision rates of its training rows may differ


class Audit(NamedTuple):
    """How good and how fair predictions are.

    Parameters
    ----------
    accuracy : float
        Share of right decisions, expected if they are drawn.
    auc : float
        Area under the curve of the scores.
    gap : float
        Largest less smallest rate of positive decisions over the cells of the attributes with 30 rows.
    unfairness_ratio : float
        Of the scores: the variance of the means of the cells over the variance.
    correlation : float
        Squared distance correlation of the scores and the attributes.
    """

    accuracy: float
    auc: float
    gap: float
    unfairness_ratio: float
    correlation: float

    def __str__(self):
        return (
            f"accuracy {self.accuracy:.3f}, AUC {self.auc:.3f}, gap {self.gap:.3f}, UF {self.unfairness_ratio:.3f}, "
            f"dCor2 {self.correlation:.4f}"
        )


def audit(scores, decisions, y, sensitive, encoded):
    """Measure predictions.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Probabilities of class 1.
    decisions : ndarray of shape (n_samples,)
        Probabilities with which class 1 is decided: 0 and 1, unless decisions are drawn.
    y : ndarray of shape (n_samples,)
        Classes, 0 or 1.
    sensitive : DataFrame of shape (n_samples, n_attributes)
        Raw attributes.
    encoded : ndarray of shape (n_samples, n_columns)
        The attributes in columns of numbers.

    Returns
    -------
    found : Audit
    """
    _, cells, sizes = np.unique(sensitive.agg("-".join, axis=1), return_inverse=True, return_counts=True)
    rates = (np.bincount(cells, decisions) / sizes)[sizes >= SMALLEST_CELL]
    return Audit(
        accuracy=float(np.mean(np.where(y == 1, decisions, 1.0 - decisions))),
        auc=float(roc_auc_score(y, scores)),
        gap=float(np.ptp(rates)),
        unfairness_ratio=float(unfairness_ratio(scores, sensitive)),
        correlation=float(distance_correlation(scores, encoded)),
    )


class ExponentiatedGradientPeer:
    """fairlearn's reduction of demographic parity to weighted classification; its decisions are drawn.

    The probability with which class 1 is drawn is the score, since there is no other.
    """

    name, module, distribution = "fairlearn ExponentiatedGradient", "fairlearn", "fairlearn"

    def fit(self, X, y, sensitive, encoded):
        """Fit to raw attributes, of which all combinations are groups."""
        from fairlearn.reductions import DemographicParity, ExponentiatedGradient

        model = ExponentiatedGradient(LogisticRegression(), DemographicParity(), eps=EPSILON)
        self._model = model.fit(X, y, sensitive_features=sensitive)
        return self

    def predict(self, X, encoded):
        """Scores and decisions."""
        voters = zip(self._model.weights_, self._model.predictors_, strict=True)
        probabilities = sum(weight * voter.predict(X) for weight, voter in voters if weight > 0.0)
        return probabilities, probabilities


class CorrelationRemoverPeer:
    """fairlearn's projection of the features away from the attributes, then logistic regression.

    It needs the attributes of the rows to predict.
    """

    name, module, distribution = "fairlearn CorrelationRemover", "fairlearn", "fairlearn"

    def fit(self, X, y, sensitive, encoded):
        """Fit to encoded attributes, less one column that follows from the others."""
        from fairlearn.preprocessing import CorrelationRemover

        self._remover = CorrelationRemover(sensitive_feature_ids=list(range(encoded.shape[1] - 1)))
        features = self._remover.fit_transform(np.hstack([encoded[:, :-1], X]))
        self._model = LogisticRegression().fit(features, y)
        return self

    def predict(self, X, encoded):
        """Scores and decisions."""
        features = self._remover.transform(np.hstack([encoded[:, :-1], X]))
        scores = self._model.predict_proba(features)[:, 1]
        return scores, np.float64(scores > 0.5)


class LogisticPeer:
    """Logistic regression that knows nothing of fairness."""

    name, module, distribution = "scikit-learn LogisticRegression", "sklearn", "scikit-learn"

    def fit(self, X, y, sensitive, encoded):
        """Fit to the features."""
        self._model = LogisticRegression().fit(X, y)
        return self

    def predict(self, X, encoded):
        """Scores and decisions."""
        scores = self._model.predict_proba(X)[:, 1]
        return scores, np.float64(scores > 0.5)


PEERS = {peer.name: peer for peer in (ExponentiatedGradientPeer, CorrelationRemoverPeer, LogisticPeer)}
