"""What an estimator predicts, as numbers whose distribution can be compared between groups."""

import numpy as np
from sklearn.base import is_classifier

__all__ = ["RESPONSE_METHODS", "responses"]

RESPONSE_METHODS = ("auto", "predict", "predict_proba", "decision_function")


def responses(estimator, X, response_method="auto"):
    """Numeric predictions of a regressor or classifier.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : table
        What it predicts from.
    response_method : {"auto", "predict", "predict_proba", "decision_function"}, default="auto"
        "auto" takes the predictions of a regressor, and of a classifier the probabilities or, without these, the
        decision function. "predict" of a classifier gives indicators of the classes.

    Returns
    -------
    values : ndarray of shape (n_samples,) or (n_samples, n_classes)
        One column per class of three or more; of two classes the second one alone.

    Raises
    ------
    TypeError
        If the estimator does not have the method.
    """
    method = _method(estimator, response_method)
    values = getattr(estimator, method)(X)
    if method == "predict" and is_classifier(estimator):
        values = (np.asarray(values)[:, None] == estimator.classes_).astype(np.float64)
    values = np.asarray(values, dtype=np.float64)
    return values[:, 1] if values.ndim == 2 and values.shape[1] == 2 and is_classifier(estimator) else values


def _method(estimator, response_method):
    if response_method != "auto":
        candidates = (response_method,)
    elif is_classifier(estimator):
        candidates = ("predict_proba", "decision_function", "predict")
    else:
        candidates = ("predict",)
    found = next((method for method in candidates if hasattr(estimator, method)), None)
    if found is None:
        names = " or ".join(candidates)
        raise TypeError(f"{type(estimator).__name__} has no {names}: choose another response_method.")
    return found
