"""Predictions of a regressor for rows that it was not fitted to."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from .._support._sklearn import _check_method_params, _safe_indexing
from .._support.parallel import run_parallel

__all__ = ["fit_to_all", "out_of_fold", "predictions_of"]


def out_of_fold(estimator, X, y, folds, fit_params, n_jobs, progress):
    """Predict each row by a clone that is fitted to the training rows of its fold.

    Parameters
    ----------
    estimator : regressor
        Not fitted.
    X, y : array-likes
        Rows and truth.
    folds : list of (ndarray of int, ndarray of int)
        Training and test rows, which hold out each row once.
    fit_params : dict
        Keyword arguments of the fit to all rows.
    n_jobs : int or None
        Number of workers.
    progress : FitProgress
        Gets a subtask per fold.

    Returns
    -------
    predictions : ndarray of shape (n_samples,)
        In the order of the rows.
    """
    tasks = [
        (clone(estimator), X, y, train, test, fit_params, progress.subtask(f"fold {index}"))
        for index, (train, test) in enumerate(folds)
    ]
    predictions = np.empty(len(y))
    for (_, test), part in zip(folds, run_parallel(_fit_and_predict, tasks, n_jobs, prefer=None), strict=True):
        predictions[test] = part
    return predictions


def _fit_and_predict(estimator, X, y, train, test, fit_params, progress):
    own_params = _check_method_params(X, fit_params, indices=train)
    with progress:
        try:
            estimator.fit(_rows(estimator, X, train, train), y[train], **own_params)
        except Exception as error:
            error.add_note(f"It came from fitting {type(estimator).__name__} to the {train.size} rows of a fold.")
            raise
        return predictions_of(estimator, _rows(estimator, X, test, train))


def _rows(estimator, X, rows, train):
    """Some rows, and of a matrix of pairs those columns that a fit to ``train`` knows."""
    part = _safe_indexing(X, rows)
    return _safe_indexing(part, train, axis=1) if get_tags(estimator).input_tags.pairwise else part


def fit_to_all(estimator, X, y, fit_params, progress):
    """A clone fitted to all rows."""
    with progress:
        return clone(estimator).fit(X, y, **fit_params)


def predictions_of(fitted, X):
    """Predictions of a fitted regressor as a vector of finite float64.

    Parameters
    ----------
    fitted : regressor
        Of one output.
    X : array-like
        Rows.

    Returns
    -------
    predictions : ndarray of shape (n_samples,)
        One number per row.
    """
    values = np.asarray(fitted.predict(X))
    name = type(fitted).__name__
    if values.ndim not in (1, 2) or values.size != len(values):
        raise ValueError(
            f"estimator must predict one number per row. {name} gave an array of shape {values.shape}. For several "
            "outputs, wrap DebiasedRegressor in sklearn.multioutput.MultiOutputRegressor."
        )
    if values.dtype.kind not in "buif":
        raise ValueError(f"estimator must be a regressor. {name} predicts values of type {values.dtype}.")
    values = np.ascontiguousarray(values.reshape(-1), dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise ValueError(
            f"estimator must predict finite numbers. {name} gave {values[wrong[0]]}, and {wrong.size} of {values.size} "
            "predictions are not finite."
        )
    return values
