"""How a classifier decides: a label space and the settings of `frechet_predict`, whatever labels are observed."""

from typing import NamedTuple

import numpy as np

from ._decision import frechet_predict
from ._label_metric import LabelMetric

__all__ = ["DecisionRule", "most_probable"]


class DecisionRule(NamedTuple):
    """A decision rule.

    Attributes
    ----------
    metric : LabelMetric
        The label space.
    label_space : ndarray of int, "observed" or None
        Positions of the labels that may be predicted; "observed" for the observed ones, None for all.
    power : float
        Power of the distances.
    tie_break : {"first", "observed"}
        Which of several minimizers is taken.
    backend : str
        How minimizers are found.
    """

    metric: LabelMetric
    label_space: object
    power: float
    tie_break: str
    backend: str

    def allowed(self, observed):
        """Positions of the labels that may be predicted."""
        if self.label_space is None:
            return np.arange(self.metric.n_labels_)
        return observed if isinstance(self.label_space, str) else self.label_space

    def predict(self, P, observed, **options):
        """Positions of predicted labels for weights of observed ones; options as for `frechet_predict`."""
        return frechet_predict(P, self.metric, observed, **self._options(observed), **options)

    def best_constant(self, true, weights, observed):
        """The label with the least mean distance to the power from true labels, and this mean.

        It is the Fréchet mean of their frequencies.

        Parameters
        ----------
        true : ndarray of int of shape (n_samples,)
            Positions of true labels.
        weights : ndarray of shape (n_samples,)
            Weights of the rows.
        observed : ndarray of int of shape (n_observed,)
            Positions of observed labels, which may be the only ones allowed.

        Returns
        -------
        label : int
            Position of the label.
        distance : float
            The mean of its distances to the power.
        """
        totals = np.bincount(true, weights, minlength=self.metric.n_labels_)
        if not totals.any():
            raise ValueError("sample_weight must be positive for some training rows. Got a fold in which all are 0.")
        present = np.flatnonzero(totals > 0.0)
        P, options = totals[None, present], self._options(observed)
        labels, scores = frechet_predict(P, self.metric, present, return_scores=True, **options)
        return int(labels[0]), float(scores[0] / totals.sum())

    def total_distances(self, true, predicted, weights):
        """Sums of weighted distances to the power, for several predictions of the same rows.

        All of them go through one call, as the distances from a label may be costly.

        Parameters
        ----------
        true : ndarray of int of shape (n_samples,)
            Positions of true labels.
        predicted : ndarray of int of shape (n_predictions, n_samples)
            Positions of predicted labels.
        weights : ndarray of shape (n_samples,)
            Weights of the rows.

        Returns
        -------
        totals : ndarray of shape (n_predictions,)
            The sums.
        """
        terms = self.metric.paired_powers(np.tile(true, len(predicted)), predicted.ravel(), self.power)
        return (terms.reshape(predicted.shape) * weights).sum(axis=1)  # equal predictions have equal sums

    def _options(self, observed):
        allowed = None if self.label_space is None else self.allowed(observed)
        return {"label_space": allowed, "power": self.power, "tie_break": self.tie_break, "backend": self.backend}


def most_probable(P, observed):
    """The observed label of the largest weight, the first in the order of the metric if there are several.

    Parameters
    ----------
    P : {ndarray, csr_array} of shape (n_samples, n_observed)
        Weights.
    observed : ndarray of int of shape (n_observed,)
        Positions of the observed labels.

    Returns
    -------
    labels : ndarray of int of shape (n_samples,)
        Positions of labels.
    """
    order = np.argsort(observed)
    return observed[order][np.asarray(P[:, order].argmax(axis=1)).ravel()]
