"""What estimators share that pass their rows on to estimators of the user."""

import numpy as np
from sklearn.utils import indexable

from ._sklearn import _num_samples
from .validation import validate_data

__all__ = ["check_delegated_rows", "folds_of", "refuse_unrouted"]


def check_delegated_rows(estimator, X, *, reset):
    """Check that rows can be indexed, and leave all else to those they are passed on to.

    Parameters
    ----------
    estimator : estimator
        The one that passes them on; gets or is compared with the number and the names of features.
    X : array-like of shape (n_samples, n_features)
        The rows.
    reset : bool
        Whether this is a new fit.

    Returns
    -------
    X : array-like
        The rows; sparse matrices in a format that can be indexed.

    Raises
    ------
    ValueError
        If there are no rows, or a vector of numbers in place of a table.
    """
    (X,) = indexable(X)
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "biuf":
        raise ValueError(
            f"X must be two-dimensional. Got an array of shape {X.shape}. Reshape your data by X.reshape(-1, 1) if it "
            "is one feature, or by X.reshape(1, -1) if it is one row."
        )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    if _num_samples(X) == 0:
        raise ValueError("X has 0 samples: at least one row is needed.")
    return X


def refuse_unrouted(estimator, params, receivers):
    """Refuse metadata of ``fit`` that nobody gets as long as metadata routing is off.

    Parameters
    ----------
    estimator : estimator
        The one whose ``fit`` was called.
    params : dict
        The metadata.
    receivers : str
        Who would get them with routing, in words.

    Raises
    ------
    TypeError
        If there are any.
    """
    if params:
        raise TypeError(
            f"fit of {type(estimator).__name__} got {sorted(params)}. To pass them on to {receivers}, enable metadata "
            "routing by sklearn.set_config(enable_metadata_routing=True)."
        )


def folds_of(splitter, X, y, **split_params):
    """The folds of a splitter as positions of rows.

    Parameters
    ----------
    splitter : cross-validator
        What `sklearn.model_selection.check_cv` returns.
    X, y : array-like
        Rows and targets.
    **split_params : dict
        Further arguments of ``split``.

    Returns
    -------
    folds : list of (ndarray of int, ndarray of int)
        Training and test rows of each.

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> from sklearn.model_selection import KFold
    >>> from statlearn._support.delegation import folds_of
    >>> folds_of(KFold(2), [[0], [1]], [0, 1])
    [(array([1]), array([0])), (array([0]), array([1]))]
    """
    rows = np.arange(len(y))
    splits = splitter.split(X, y, **split_params)
    folds = [(rows[np.asarray(train)], rows[np.asarray(test)]) for train, test in splits]
    if not folds:
        raise ValueError("cv gives no folds. If it is a generator, it was used up: pass a list.")
    return folds
