"""The one decorator for compiled kernels."""

import functools

import numba

__all__ = ["njit"]

KERNEL_OPTIONS = {"nogil": True, "error_model": "numpy"}
ANY_ORDER = {"reassoc", "contract"}  # freedoms of the compiler that let it sum several terms at a time
NO_CACHE_MESSAGE = "cannot cache function"


def njit(function=None, *, any_order=False):
    """Compile a kernel lazily, without the interpreter lock, and keep the result on disk where that is possible.

    Same as ``numba.njit(cache=True, nogil=True, error_model="numpy")``, except on a system where Numba finds no folder
    it may write to: there Numba refuses to decorate at all, while this decorator compiles once per process. Setting
    the environment variable ``NUMBA_CACHE_DIR`` to a writable folder brings the cache back.

    Division by zero follows NumPy (``inf`` or ``nan``). Keep a kernel and the kernels it calls in one file: the cache
    does not notice edits in another file.

    Parameters
    ----------
    function : function
        Takes and returns arrays and numbers only. A jitted function or class as argument would defeat the cache.
    any_order : bool, default=False
        Whether sums may be added up in any order, which is several times as fast where they are what takes the time.
        Infinities and NaN are as without it. Only for sums whose rounding nobody relies on.

    Returns
    -------
    dispatcher : numba dispatcher
        The compiled function; ``dispatcher.py_func`` is the original. With ``NUMBA_DISABLE_JIT=1`` the function itself.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn._support.jit import njit
    >>> @njit
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total(np.arange(4.0))
    6.0
    """
    if function is None:
        return functools.partial(njit, any_order=any_order)
    options = KERNEL_OPTIONS | ({"fastmath": ANY_ORDER} if any_order else {})
    try:
        return numba.njit(function, cache=True, **options)
    except RuntimeError as error:
        if NO_CACHE_MESSAGE not in str(error):
            raise
        return numba.njit(function, **options)
