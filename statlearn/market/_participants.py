"""Fitted classifiers as participants: where they are awake, and what they believe."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from .._support._sklearn import _check_method_params, _num_samples, _safe_indexing
from .._support.delegation import rows_of_labels
from .._support.parallel import run_parallel
from .._support.user_warnings import warn_user
from ..exceptions import RareClassWarning
from ._checks import check_distributions

__all__ = [
    "aligned",
    "awake_rows",
    "check_probabilities_exist",
    "check_weights_supported",
    "fit_all",
    "out_of_fold",
    "predictions",
    "warn_of_missing_classes",
]


def check_probabilities_exist(names, estimators):
    """Refuse estimators without probabilities, for they have no beliefs to bet."""
    for name, estimator in zip(names, estimators, strict=True):
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"participant {name!r}, a {type(estimator).__name__}, has no predict_proba. Wrap it in "
                "sklearn.calibration.CalibratedClassifierCV."
            )


def check_weights_supported(names, estimators):
    """Refuse estimators that cannot be fitted with the sample weights that all of them are to get."""
    for name, estimator in zip(names, estimators, strict=True):
        if not has_fit_parameter(estimator, "sample_weight"):
            raise TypeError(
                f"participant {name!r}, a {type(estimator).__name__}, does not take sample_weight. Enable metadata "
                "routing by sklearn.set_config(enable_metadata_routing=True), and say by set_fit_request(sample_weight="
                "True or False) which participants, and which steps of pipelines, get weights."
            )


def awake_rows(domains, names, X):
    """Who takes part in each row.

    Parameters
    ----------
    domains : dict of str to (callable or str) or None
        By name of a participant, a function of ``X`` that returns a mask of its rows, or the name of a boolean column.
    names : sequence of str
        Names of the participants.
    X : array-like of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    awake : ndarray of shape (n_samples, n_participants), bool
        True where a participant takes part; everywhere without a domain of its own.
    """
    awake = np.ones((_num_samples(X), len(names)), dtype=bool)
    for position, name in enumerate(names):
        if name in (domains or {}):
            awake[:, position] = _mask(domains[name], name, X)
    return awake


def _mask(domain, name, X):
    if not callable(domain) and not isinstance(domain, str):
        raise TypeError(
            f"domains[{name!r}] must be a function of X that gives one boolean per row, or the name of a boolean "
            f"column. Got {type(domain).__name__}."
        )
    try:
        mask = domain(X) if callable(domain) else _safe_indexing(X, domain, axis=1)
        mask = np.asarray(mask)
        is_boolean = mask.dtype.kind == "b" or bool(np.isin(mask, (0, 1)).all())
    except KeyError:
        raise ValueError(f"domains[{name!r}] names a column that X lacks: {domain!r}.") from None
    except Exception as error:
        error.add_note(f"It came from domains[{name!r}], with X of type {type(X).__name__}.")
        raise
    if mask.shape != (_num_samples(X),) or not is_boolean:
        raise ValueError(
            f"domains[{name!r}] must give one boolean per row of X, {_num_samples(X)} in all. Got an array of shape "
            f"{mask.shape} and type {mask.dtype}."
        )
    return mask.astype(bool)


def fit_all(names, estimators, X, targets, fit_params, awake, n_jobs):
    """Clones of all participants, each fitted to the rows of its domain."""
    rows = np.arange(len(targets))
    tasks = [
        (name, clone(estimator), X, targets, rows[mask], fit_params[name])
        for name, estimator, mask in zip(names, estimators, awake.T, strict=True)
    ]
    return run_parallel(_fit, tasks, n_jobs, prefer=None)


def _fit(name, estimator, X, targets, rows, fit_params):
    if rows.size == 0:
        raise ValueError(f"domains[{name!r}] has no training row, so that participant {name!r} cannot be fitted.")
    if rows.size < len(targets):
        fit_params = _check_method_params(X, fit_params, indices=rows)
        X, targets = _safe_indexing(X, rows), rows_of_labels(targets, rows)
    try:
        estimator.fit(X, targets, **fit_params)
    except Exception as error:
        error.add_note(f"It came from fitting participant {name!r} to {rows.size} of the rows.")
        raise
    return estimator


def out_of_fold(names, estimators, X, targets, fit_params, awake, splits, predict, shape, n_jobs):
    """Bets of participants on rows that they were not fitted to.

    Parameters
    ----------
    names, estimators : sequences
        The participants.
    X, targets : array-likes
        All rows, and what participants are fitted to, which may be ordered categories.
    fit_params : dict of str to dict
        Arguments of ``fit`` for each participant.
    awake : ndarray of shape (n_samples, n_participants), bool
        Domains.
    splits : list of (train, test)
        The folds.
    predict : callable
        ``predict(name, fitted, X)``, an array with what is believed of each row of X.
    shape : tuple of int
        Shape of what is believed of a row.
    n_jobs : int or None
        Number of workers.

    Returns
    -------
    rows : ndarray of int
        The rows that were left out, in their order; a row that several folds leave out comes several times.
    beliefs : ndarray of shape (n_rows, n_participants, *shape)
        What was believed; zero for those who sleep.
    """
    rows = np.concatenate([test for _, test in splits])
    beliefs, places, tasks = np.zeros((rows.size, len(names), *shape)), [], []
    for participant, (name, estimator) in enumerate(zip(names, estimators, strict=True)):
        mask, begin = awake[:, participant], 0
        for train, test in splits:
            if mask[test].any():
                places.append((begin + np.flatnonzero(mask[test]), participant))
                data = X, targets, train[mask[train]], test[mask[test]]
                tasks.append((name, clone(estimator), *data, fit_params[name], predict))
            begin += test.size
    for place, part in zip(places, run_parallel(_fit_and_predict, tasks, n_jobs, prefer=None), strict=True):
        beliefs[place] = part
    order = np.argsort(rows, kind="stable")
    return rows[order], beliefs[order]


def _fit_and_predict(name, estimator, X, targets, train, test, fit_params, predict):
    fitted = _fit(name, estimator, X, targets, train, fit_params)
    return predict(name, fitted, _safe_indexing(X, test))


def warn_of_missing_classes(y, splits):
    """Warn where participants are fitted to folds that lack a label."""
    n_classes = np.unique(y).size
    missing = sum(np.unique(y[train]).size < n_classes for train, _ in splits)
    if missing:
        warn_user(
            f"{missing} of {len(splits)} training folds lack a class, on which participants then bet nothing. Use "
            "fewer or stratified folds, or merge rare classes.",
            RareClassWarning,
        )


def predictions(names, estimators, X, awake, predict, shape):
    """Beliefs of fitted participants in the rows where they are awake, and zero elsewhere."""
    beliefs = np.zeros((*awake.shape, *shape))
    for position, (name, estimator) in enumerate(zip(names, estimators, strict=True)):
        mask = awake[:, position]
        if mask.all():
            beliefs[:, position] = predict(name, estimator, X)
        elif mask.any():
            beliefs[mask, position] = predict(name, estimator, _safe_indexing(X, np.flatnonzero(mask)))
    return beliefs


def aligned(name, estimator, X, classes):
    """Class distributions of a fitted classifier, with a column for each label of the market.

    Labels that the participant does not know have probability 0.
    """
    own = np.asarray(estimator.classes_)
    columns = np.searchsorted(classes, own) if own.size else np.empty(0, dtype=int)
    known = np.isin(own, classes)
    if not known.all():
        raise ValueError(
            f"participant {name!r} knows the labels {own[~known].tolist()}, which are not among those of the market, "
            f"{classes.tolist()}. Name all labels by partial_fit(X, y, classes=...)."
        )
    beliefs = np.zeros((_num_samples(X), classes.size))
    beliefs[:, columns] = check_distributions(estimator.predict_proba(X), name)
    return beliefs
