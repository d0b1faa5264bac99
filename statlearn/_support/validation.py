"""Input checks shared by families, beyond those of scikit-learn.

Messages name the argument, what was found and what is expected.
"""

import numpy as np

__all__ = ["check_vector"]


def check_vector(values, name, *, size=None, positive=False):
    """Check an argument that is a vector of finite, non-negative numbers.

    Parameters
    ----------
    values : array-like of shape (size,)
        The argument, such as one penalty weight per feature or a grid of penalties.
    name : str
        Its name in messages.
    size : int or None, default=None
        The required number of entries; None accepts any number but zero.
    positive : bool, default=False
        Whether zero is refused as well.

    Returns
    -------
    vector : ndarray of shape (size,)
        A new contiguous array of float64.

    Raises
    ------
    TypeError
        If the entries are not real numbers, or some are masked.
    ValueError
        If the shape is wrong or an entry is missing, infinite, or too small.

    Examples
    --------
    >>> from statlearn._support.validation import check_vector
    >>> check_vector([1, 0, 2], "penalty_factor", size=3)
    array([1., 0., 2.])
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array. Got one with {np.ma.count_masked(values)} masked entries: put "
            "numbers in their place by its method filled."
        )
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be a vector. Got a sequence of sequences of different lengths.") from error
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must be a vector of real numbers. Got {values!r} instead.")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} must be a vector with at least one entry. Got an array of shape {array.shape} instead."
        )
    if size is not None and array.size != size:
        raise ValueError(f"{name} must have {size} entries. Got {array.size} instead.")
    vector = np.array(array, dtype=np.float64)
    allowed = np.isfinite(vector) & ((vector > 0.0) if positive else (vector >= 0.0))
    if not allowed.all():
        position = int(np.argmin(allowed))
        sign = "positive" if positive else "non-negative"
        raise ValueError(f"{name} must be finite and {sign}. Got {vector[position]} at position {position}.")
    return vector
