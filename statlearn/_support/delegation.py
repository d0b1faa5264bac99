"""What estimators share that pass their rows on to estimators of the user."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable

from ..certificate import VERDICTS, Certificate, Check
from ._sklearn import _num_samples, _safe_indexing
from .validation import validate_data

__all__ = [
    "certificate_checks",
    "check_delegated_rows",
    "folds_of",
    "ordered_labels",
    "refuse_unrouted",
    "rows_of_labels",
]

IN_WORDS = {False: ("does not hold", "do not hold"), None: ("is not decided", "are not decided")}  # one, several
FITTED_WITHIN = ("best_estimator_", "estimator_", "regressor_")  # where estimators keep the one that they fitted


def certificate_checks(name, fitted):
    """What the certificates of delegates say, as a check without a vote: a wrapper vouches for its own step alone.

    Parameters
    ----------
    name : str
        Name of the check.
    fitted : dict of str to estimator, or estimator
        The fitted delegates by name, or the only one. Certificates are found in steps of pipelines, in what a search
        chose and in what else is wrapped as well.

    Returns
    -------
    checks : list of Check
        One, with the number of delegates whose certificate does not hold; none if nobody has a certificate.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from statlearn._support.delegation import certificate_checks
    >>> certificate_checks("certificate of the classifier", DummyClassifier())
    []
    """
    members = fitted if isinstance(fitted, dict) else {None: fitted}
    found = {member: list(_certificates_of(estimator)) for member, estimator in members.items()}
    verdicts = {member: _verdict(certificates) for member, certificates in found.items() if certificates}
    if not verdicts:
        return []
    n_failed = sum(outcome is False for outcome, _ in verdicts.values())
    if isinstance(fitted, dict):
        detail = _in_words(verdicts, len(members) - len(verdicts))
    else:
        ((outcome, why),) = verdicts.values()
        detail = f"{VERDICTS[outcome]}{why}"
    return [Check(name, n_failed, 0, None, "reported", detail)]


def _verdict(certificates):
    """The worst outcome of some certificates, and the checks that it is due to, in words."""
    outcomes = [certificate.holds for certificate in certificates]
    checks = [check for certificate in certificates for check in certificate.checks]
    if False in outcomes:
        return False, f" (failed: {_listed(check.name for check in checks if check.holds is False)})"
    if None not in outcomes:
        return True, ""
    names = _listed(check.name for check in checks if check.holds is None and check.kind != "reported")
    return None, f" ({names or 'no check was decided'})"


def _listed(names):
    return ", ".join(dict.fromkeys(names))


def _in_words(verdicts, n_without):
    """How many certificates of several delegates fail or are undecided, and whose."""
    n, parts = len(verdicts), []
    for outcome, (one, several) in IN_WORDS.items():
        names = [f"{member!r}{why}" for member, (found, why) in verdicts.items() if found is outcome]
        if names:
            parts.append(f"{len(names)} of {n} {one if len(names) == 1 else several}: {', '.join(names)}")
    parts = parts or [f"{n} of {n} {'holds' if n == 1 else 'hold'}"]
    if n_without:
        parts.append(f"{n_without} more {'has' if n_without == 1 else 'have'} none")
    return "; ".join(parts)


def _certificates_of(estimator):
    """The certificate of an estimator, or those of the ones within it."""
    own = getattr(estimator, "certificate_", None)
    if isinstance(own, Certificate):
        yield own
        return
    for inner in _fitted_within(estimator):
        yield from _certificates_of(inner)


def _fitted_within(estimator):
    """The estimators that one has fitted: steps, folds of a calibration, or the one that it wraps."""
    if isinstance(estimator, FrozenEstimator):
        return [estimator.estimator]
    if isinstance(estimator, Pipeline):
        return [step for _, step in estimator.steps]
    if hasattr(estimator, "calibrated_classifiers_"):
        return [fold.estimator for fold in estimator.calibrated_classifiers_]
    return [getattr(estimator, name) for name in FITTED_WITHIN if hasattr(estimator, name)]


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


def ordered_labels(y, checked):
    """Labels as delegates get them: those of ordered categories as they came, all others as they were checked.

    An array keeps labels and loses their order. Delegates that make use of the order find it in the dtype.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels as the user gave them.
    checked : ndarray of shape (n_samples,)
        The same after validation.

    Returns
    -------
    labels : array-like of shape (n_samples,)
        For `rows_of_labels`; without categories that do not occur.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn._support.delegation import ordered_labels
    >>> ordered_labels(["b", "a"], np.array(["b", "a"]))
    array(['b', 'a'], dtype='<U1')
    """
    return _without_unused(y) if _is_ordered(y) else checked


def rows_of_labels(labels, rows):
    """Some of the labels that `ordered_labels` gave.

    Categories that do not occur in these rows are dropped: nobody can learn them from there.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        All labels.
    rows : ndarray of int
        Their positions.

    Returns
    -------
    part : array-like of shape (n_rows,)
        Of the same type.
    """
    part = _safe_indexing(labels, rows)
    return _without_unused(part) if _is_ordered(part) else part


def _is_ordered(labels):
    """Whether this is a vector of pandas with ordered categories, or a series of a polars Enum."""
    dtype = getattr(labels, "dtype", None)
    if getattr(dtype, "categories", None) is None:
        return False
    return bool(getattr(dtype, "ordered", type(dtype).__name__ == "Enum"))


def _without_unused(labels):
    """Ordered labels whose categories are those that occur, in their order."""
    holder = labels if hasattr(labels, "remove_unused_categories") else labels.cat  # a Categorical, or a series of them
    if hasattr(holder, "remove_unused_categories"):
        return holder.remove_unused_categories()
    present, dtype = set(labels.unique().to_list()), labels.dtype
    return labels.cast(type(dtype)([category for category in dtype.categories.to_list() if category in present]))
