"""The classifier inside: how it is fitted, and what it gives as weights of the labels it knows."""

from numbers import Integral

import numpy as np
import sklearn
from scipy.special import softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier

from .._support._sklearn import _is_fitted, _num_samples
from ._leave_classes_out import LeaveClassesOut

__all__ = ["calibrated", "check_calibration", "class_weights", "classes_known_before", "fit_classifier"]


def calibrated(estimator, method, cv, n_jobs):
    """A classifier whose probabilities are calibrated on left-out rows; the same one if ``method`` is None."""
    if method is None:
        return estimator
    wrapped = CalibratedClassifierCV(estimator, method=method, cv=cv, n_jobs=n_jobs)
    if sklearn.get_config()["enable_metadata_routing"]:
        wrapped.set_fit_request(sample_weight=True)  # whether the classifier in it gets weights is its own request
    return wrapped


def check_calibration(calibration, cv, temperature, response_method, y, known):
    """Refuse calibrations that other parameters, or the labels, contradict.

    Parameters
    ----------
    calibration, cv, temperature, response_method
        Parameters of `LokiClassifier`.
    y : ndarray of shape (n_samples,)
        Labels of the rows to calibrate on.
    known : ndarray or None
        Classes of a classifier that is fitted already.

    Raises
    ------
    ValueError
        If there is a contradiction.
    """
    if response_method != "predict_proba":
        raise ValueError(
            f"response_method={response_method!r} and calibration={calibration!r} contradict each other: calibrated "
            "classifiers give probabilities. Leave response_method='predict_proba'."
        )
    serves_parts = cv is None or isinstance(cv, Integral) or hasattr(cv, "split")
    if isinstance(cv, LeaveClassesOut) or (temperature == "auto" and not serves_parts):
        raise ValueError(
            f"cv={cv!r} cannot serve calibration={calibration!r} too. Pass a classifier that calibrates itself: "
            "estimator=CalibratedClassifierCV(...) and calibration=None."
        )
    if known is not None and not np.array_equal(np.unique(y), known):
        raise ValueError(
            f"calibration={calibration!r} of a classifier that is fitted already needs rows of each of its "
            f"{known.size} classes and of no other. y has {np.unique(y).size} classes."
        )


def classes_known_before(estimator):
    """Classes of an estimator that stays fitted when it is cloned, such as a frozen one; None of others."""
    twin = clone(estimator)
    if not _is_fitted(twin):
        return None
    if not hasattr(twin, "classes_"):
        raise TypeError(f"estimator must be a classifier. Got {estimator!r}, without classes_.")
    return np.asarray(twin.classes_)


def fit_classifier(estimator, X, y, fit_params, response_method):
    """A fitted clone, or a constant in its place where there is but one class.

    Parameters
    ----------
    estimator : estimator
        A classifier.
    X : array-like of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,)
        Their labels, which may be ordered categories.
    fit_params : dict
        Keyword arguments of its ``fit``.
    response_method : {"predict_proba", "decision_function"}
        What it must be able to do then.

    Returns
    -------
    fitted : estimator
        The classifier.

    Raises
    ------
    TypeError
        If it is no classifier.
    ValueError
        If it lacks the method.
    """
    fitted = clone(estimator)
    if np.unique(np.asarray(y)).size == 1 and not _is_fitted(fitted):
        return DummyClassifier().fit(X, y)  # most classifiers refuse a single class
    fitted.fit(X, y, **fit_params)
    if not hasattr(fitted, "classes_"):
        raise TypeError(f"estimator must be a classifier. Got a {type(fitted).__name__}, without classes_.")
    if not hasattr(fitted, response_method):
        raise ValueError(
            f"response_method={response_method!r} needs an estimator that has it, and {type(fitted).__name__} has not. "
            "Choose the other response_method or a calibration."
        )
    return fitted


def class_weights(fitted, X, response_method):
    """Weights of the classes of a fitted classifier.

    Decision values become probabilities by softmax; those of two classes are log odds of the second.

    Parameters
    ----------
    fitted : estimator
        The classifier.
    X : array-like of shape (n_samples, n_features)
        Rows.
    response_method : {"predict_proba", "decision_function"}
        Where weights come from.

    Returns
    -------
    weights : ndarray of shape (n_samples, n_classes)
        Columns in the order of its ``classes_``.

    Raises
    ------
    ValueError
        If these are no weights: a wrong shape, a negative or missing number, a row without any.
    """
    if len(fitted.classes_) == 1:
        return np.ones((_num_samples(X), 1))
    if response_method == "decision_function" and len(fitted.classes_) > 2:
        _refuse_pairwise(fitted)
    values = np.asarray(getattr(fitted, response_method)(X), dtype=np.float64)
    if response_method == "decision_function":
        values = np.column_stack([np.zeros(len(values)), values]) if values.ndim == 1 else values
        values = softmax(values, axis=1)
    source = f"{response_method} of {type(fitted).__name__}"
    if values.ndim != 2 or values.shape[1] != len(fitted.classes_):
        raise ValueError(
            f"{source} must give a column for each of its {len(fitted.classes_)} classes. Got an array of shape "
            f"{values.shape}."
        )
    wrong = ~(np.isfinite(values) & (values >= 0.0)).all(axis=1) | ~values.any(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{source} must give finite non-negative numbers that are not all zero. Got {values[row]} in row {row}."
        )
    return values


def _refuse_pairwise(fitted):
    """Refuse decision values of one class against another, of which there may be as many as classes."""
    for name, value in fitted.get_params().items():
        if name.endswith("decision_function_shape") and value == "ovo":
            raise ValueError(f"{name}='ovo' gives a decision value for each pair of classes. Set it to 'ovr'.")
