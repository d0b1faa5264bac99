"""The temperature of a decision rule, chosen on held-out rows."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import gen_batches

from .._support._sklearn import _check_method_params, _safe_indexing
from .._support.delegation import folds_of, rows_of_labels
from ._decision import tempered
from ._decision_rule import most_probable
from ._inner_classifier import class_weights, fit_classifier
from ._searches import ENTRIES_AT_ONCE, TIE

__all__ = ["TEMPERATURES", "HeldOut", "choose_temperature", "classification_folds", "score_fold"]

TEMPERATURES = np.logspace(-1.0, 1.0, 17)


class HeldOut(NamedTuple):
    """Distances to the power between true and predicted labels, summed over held-out rows times their weights.

    Attributes
    ----------
    loki : ndarray of shape (n_temperatures,)
        Of the Fréchet means at each of `TEMPERATURES`.
    most_probable : float
        Of the most probable observed label.
    constant : float
        Of the best constant label of the training rows.
    weight : float
        The sum of the weights.
    """

    loki: np.ndarray
    most_probable: float
    constant: float
    weight: float


def classification_folds(cv, X, y, split_params):
    """The folds of a splitter as positions of rows.

    Rare classes are no reason to warn: a class that a training part lacks is what labels to come may be.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        try:
            return folds_of(check_cv(cv, y, classifier=True), X, y, **split_params)
        except ValueError as error:
            error.add_note(f"It came from cv={cv!r}. Where classes are rare, cv=KFold(5, shuffle=True) serves.")
            raise


def score_fold(rule, estimator, data, fold, fit_params, response_method, progress):
    """Fit a classifier to the training part of a fold and judge decisions on its test part.

    Parameters
    ----------
    rule : DecisionRule
        How it decides.
    estimator : estimator
        The classifier.
    data : tuple
        Rows ``X``, their labels as the classifier gets them, positions of the labels in the metric, and weights.
    fold : tuple of ndarray of int
        Positions of training and of test rows.
    fit_params : dict
        Keyword arguments of the fit to all rows.
    response_method : str
        See `class_weights`.
    progress : FitProgress
        Told when it begins and ends.

    Returns
    -------
    sums : HeldOut
        What the decisions score.
    """
    (X, targets, positions, weights), (train, test) = data, fold
    with progress:
        own_params = _check_method_params(X, fit_params, indices=train)
        rows = _safe_indexing(X, train), rows_of_labels(targets, train)
        fitted = fit_classifier(estimator, *rows, own_params, response_method)
        P = class_weights(fitted, _safe_indexing(X, test), response_method)
        observed = rule.metric.index_of(fitted.classes_)
        constant, _ = rule.best_constant(positions[train], weights[train], observed)
        predicted = np.vstack(
            [predictions_by_temperature(rule, P, observed), most_probable(P, observed), np.full(test.size, constant)]
        )
        *loki, argmax, fixed = rule.total_distances(positions[test], predicted, weights[test])
        return HeldOut(np.array(loki), argmax, fixed, weights[test].sum())


def predictions_by_temperature(rule, P, observed):
    """Predictions for the same rows at each of `TEMPERATURES`, shape (n_temperatures, n_samples).

    All temperatures go through one search, as a search may be costly to make.
    """
    predicted = np.empty((TEMPERATURES.size, P.shape[0]), dtype=np.intp)
    for batch in gen_batches(P.shape[0], max(1, ENTRIES_AT_ONCE // (TEMPERATURES.size * P.shape[1]))):
        stacked = np.vstack([tempered(P[batch], temperature) for temperature in TEMPERATURES])
        predicted[:, batch] = rule.predict(stacked, observed).reshape(TEMPERATURES.size, -1)
    return predicted


def choose_temperature(folds):
    """The temperature with the least mean over held-out rows, and of tied ones that closest to 1.

    Parameters
    ----------
    folds : list of HeldOut
        One per fold.

    Returns
    -------
    place : int
        Position of the temperature in `TEMPERATURES`.
    means : HeldOut
        The sums of all folds over the sum of their weights.

    Raises
    ------
    ValueError
        If all held-out rows have weight zero.
    """
    sums = HeldOut(*(sum(parts) for parts in zip(*folds, strict=True)))
    if sums.weight == 0.0:
        raise ValueError("cv must hold out rows with a positive sample_weight. Got none.")
    means = HeldOut(*(part / sums.weight for part in sums))
    tied = means.loki <= means.loki.min() * (1.0 + TIE)
    farness = np.where(tied, np.abs(np.log(TEMPERATURES)), np.inf)
    return int(np.argmin(farness)), means
