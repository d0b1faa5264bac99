"""The base class of all estimators of the library."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

from sklearn.base import BaseEstimator

from statlearn import __version__
from statlearn.exceptions import VersionWarning

__all__ = ["StatlearnEstimator", "unchanged_on_error"]

Method = TypeVar("Method", bound=Callable[..., Any])


class StatlearnEstimator(BaseEstimator):
    """Base of every estimator: its documentation link and a version stamp in what it saves.

    scikit-learn stamps and checks the version of its own classes only. A pickle (or a skops file, which stores the same
    state) of an estimator of this library carries the version of statlearn that wrote it; loading it with another
    version warns with `statlearn.exceptions.VersionWarning`.
    """

    _doc_link_module = "statlearn"
    _doc_link_template = (
        "https://statlearn.readthedocs.io/en/latest/api/generated/{estimator_module}.{estimator_name}.html"
    )

    def __getstate__(self):
        return {**super().__getstate__(), "_statlearn_version": __version__}

    def __setstate__(self, state):
        state = dict(state)
        saved_by = state.pop("_statlearn_version", "an unknown version")
        if saved_by != __version__:
            warnings.warn(
                f"{type(self).__name__} was saved by statlearn {saved_by} and is loaded by {__version__}: "
                "its results may differ or be wrong. Fit it again, or load it with the version that saved it.",
                VersionWarning,
                stacklevel=2,
            )
        super().__setstate__(state)


def unchanged_on_error(fit: Method) -> Method:
    """Decorate a ``fit`` method so that a fit that fails leaves the estimator as it was.

    Goes above ``_fit_context``, so that callbacks are torn down before the attributes are put back. Attributes are put
    back by name: arrays that a fit changes in place are not.

    Parameters
    ----------
    fit : function
        The method.

    Returns
    -------
    guarded : function
        The method with the promise.

    Examples
    --------
    >>> from statlearn._support.base import StatlearnEstimator, unchanged_on_error
    >>> class Broken(StatlearnEstimator):
    ...     @unchanged_on_error
    ...     def fit(self, X, y=None):
    ...         self.n_features_in_ = 1
    ...         raise ValueError("no")
    >>> model = Broken()
    >>> try:
    ...     model.fit([[0.0]])
    ... except ValueError:
    ...     vars(model)
    {}
    """

    @functools.wraps(fit)
    def guarded(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return cast(Method, guarded)
