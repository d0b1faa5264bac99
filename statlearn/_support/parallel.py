"""Parallel work through joblib, so that the user's choice of backend decides where it runs."""

from sklearn.utils.parallel import Parallel, delayed

__all__ = ["run_parallel"]


def run_parallel(function, argument_tuples, n_jobs=None, prefer="threads"):
    """Call a function on many argument tuples, in parallel, and return the results in their order.

    The work goes through scikit-learn's wrapper of joblib: workers see the configuration of the caller
    (`sklearn.set_config`), and `joblib.parallel_config` chooses the backend, a cluster included.

    Parameters
    ----------
    function : callable
        Called as ``function(*arguments)``. Must be picklable when the backend uses processes.
    argument_tuples : iterable of tuple
        One tuple of positional arguments per call. Consumed lazily.
    n_jobs : int or None, default=None
        Number of workers; None means 1 unless a `joblib.parallel_config` context says otherwise, -1 all processors.
        With 1 the calls are made here, one after the other.
    prefer : {"threads", "processes"} or None, default="threads"
        Hint used when no backend was chosen by a `joblib.parallel_config` context. Compiled kernels release the
        interpreter lock, so threads are the default.

    Returns
    -------
    results : list
        ``function(*arguments)`` per tuple, in the order of ``argument_tuples`` whatever ``n_jobs``.

    Examples
    --------
    >>> from statlearn._support.parallel import run_parallel
    >>> run_parallel(pow, [(2, 3), (3, 2)], n_jobs=2)
    [8, 9]
    """
    if n_jobs == 1:
        return [function(*arguments) for arguments in argument_tuples]
    calls = (delayed(_call)(function, arguments) for arguments in argument_tuples)
    return Parallel(n_jobs=n_jobs, prefer=prefer)(calls)


def _call(function, arguments):
    """A plain function, whatever is called: a compiled one cannot be pickled inside scikit-learn's wrapper."""
    return function(*arguments)
