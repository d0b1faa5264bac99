"""Reporting the progress of a fit to scikit-learn's callbacks.

The hooks of `sklearn.callback` are experimental, so the library calls them here and nowhere else. An estimator inherits
`CallbackSupportMixin`, decorates ``fit`` with scikit-learn's ``_fit_context`` (or with `with_callbacks`, which tears
callbacks down just as well) and reports through `fit_progress`.
"""

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.callback import CallbackSupportMixin

from ._sklearn import HELD_DURING_FIT

if TYPE_CHECKING:
    # scikit-learn has no types, and a decorator without types hides those of what it decorates.
    Method = TypeVar("Method", bound=Callable[..., Any])

    def with_callbacks(method: Method) -> Method: ...
else:
    from sklearn.callback import with_callbacks

__all__ = [
    "CallbackSupportMixin",
    "FitProgress",
    "NoProgress",
    "copy_during_fit",
    "fit_progress",
    "with_callbacks",
]


def fit_progress(estimator, X, y, *, max_subtasks=None, sequential=True, sample_weight=None):
    """Open the progress report of a fit; call it once per fit and use it in a ``with`` block.

    Parameters
    ----------
    estimator : estimator with CallbackSupportMixin
        The estimator being fitted.
    X : array-like
        The training data, shown to callbacks.
    y : array-like or None
        The training targets, shown to callbacks.
    max_subtasks : int or None, default=None
        The largest number of steps or subtasks that will be reported; None if unknown. Reporting more is an error.
    sequential : bool, default=True
        Whether the subtasks run one after the other. Pass False when they are dispatched to workers.
    sample_weight : array-like or None, default=None
        Weights of the rows, shown to callbacks that score.

    Returns
    -------
    progress : FitProgress or NoProgress
        `NoProgress`, which costs next to nothing, if no callback is set on ``estimator``.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from statlearn._support.progress import CallbackSupportMixin, fit_progress, with_callbacks
    >>> class Halving(CallbackSupportMixin, BaseEstimator):
    ...     @with_callbacks
    ...     def fit(self, X, y=None):
    ...         self.error_ = 1.0
    ...         with fit_progress(self, X, y, max_subtasks=10) as progress:
    ...             for _ in range(10):
    ...                 self.error_ /= 2
    ...                 if progress.step(state=lambda: {"error_": self.error_}):
    ...                     break
    ...         return self
    >>> Halving().fit([[0.0]]).error_
    0.0009765625
    """
    if not getattr(estimator, "_skl_callbacks", None):
        return NO_PROGRESS
    context = estimator._init_callback_context(max_subtasks=max_subtasks, sequential_subtasks=sequential)
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return FitProgress(context, {"estimator": estimator, "X": X, "y": y, "metadata": metadata})


def copy_during_fit(estimator):
    """Copy an estimator that is still being fitted, without what callbacks keep in it until its fit ends.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Returns
    -------
    twin : estimator
        A shallow copy.
    """
    twin = copy(estimator)
    for name in HELD_DURING_FIT:
        vars(twin).pop(name, None)
    return twin


class FitProgress:
    """A task of a fit that tells the callbacks of its estimator when it begins and ends.

    In a ``with`` block the task begins on entry and ends on exit. A worker that runs a task may call `begin` and `end`
    itself; `end` is called at most once. Each step and subtask stays in memory until the fit ends, so report chunks
    of work rather than single iterations of a cheap loop.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        The task.
    shown : dict
        ``estimator``, ``X``, ``y`` and ``metadata``, which callbacks may look at.

    Attributes
    ----------
    active : bool
        True: somebody listens, so it is worth cutting the work into pieces that can be reported.
    """

    active = True

    def __init__(self, context, shown):
        self._context = context
        self._shown = shown
        self._n_subtasks = 0
        self._ended = False

    def begin(self):
        """Tell the callbacks that the task begins.

        Returns
        -------
        self : FitProgress
            This task.
        """
        self._context.call_on_fit_task_begin(**self._shown)
        return self

    def end(self, state=None):
        """Tell the callbacks that the task has ended.

        Parameters
        ----------
        state : callable or None, default=None
            Called without arguments, only if a callback wants to score the model as it is now. Returns the fitted
            attributes as a dictionary; arrays that are changed in place later must be copied.

        Returns
        -------
        stop : bool
            True if a callback asks to stop the loop this task belongs to.
        """
        self._ended = True
        return bool(self._context.call_on_fit_task_end(**self._shown, reconstruction_attributes=state))

    def subtask(self, name, max_subtasks=0):
        """Make a task below this one, without beginning it.

        Make the subtasks of a parallel loop before they are dispatched.

        Parameters
        ----------
        name : str
            Name shown by progress bars.
        max_subtasks : int or None, default=0
            The largest number of steps the subtask will report; None if unknown, 0 if it reports none.

        Returns
        -------
        progress : FitProgress
            The subtask.
        """
        task_id = None if self._context.sequential_subtasks else self._n_subtasks
        self._n_subtasks += 1
        return FitProgress(self._context.subcontext(name, task_id, max_subtasks), self._shown)

    def step(self, state=None, name="step"):
        """Report one finished piece of work.

        Parameters
        ----------
        state : callable or None, default=None
            See `end`.
        name : str, default="step"
            Name of the piece.

        Returns
        -------
        stop : bool
            True if a callback asks to stop the loop.
        """
        return self.subtask(name).begin().end(state)

    def __enter__(self):
        return self.begin()

    def __exit__(self, error_type, error, traceback):
        if error_type is None and not self._ended:
            self.end()


class NoProgress:
    """The progress report of a fit nobody listens to: the methods of `FitProgress`, doing nothing.

    Attributes
    ----------
    active : bool
        False: nobody listens, so there is no reason to cut the work into pieces.
    """

    active = False

    def begin(self):
        """Do nothing.

        Returns
        -------
        self : NoProgress
            This object.
        """
        return self

    def end(self, state=None):
        """Do nothing.

        Parameters
        ----------
        state : callable or None, default=None
            Not called.

        Returns
        -------
        stop : bool
            Always False.
        """
        return False

    def subtask(self, name, max_subtasks=0):
        """Do nothing.

        Parameters
        ----------
        name : str
            Not used.
        max_subtasks : int or None, default=0
            Not used.

        Returns
        -------
        self : NoProgress
            This object.
        """
        return self

    def step(self, state=None, name="step"):
        """Do nothing.

        Parameters
        ----------
        state : callable or None, default=None
            Not called.
        name : str, default="step"
            Not used.

        Returns
        -------
        stop : bool
            Always False.
        """
        return False

    def __enter__(self):
        return self

    def __exit__(self, error_type, error, traceback):
        return None


NO_PROGRESS = NoProgress()
