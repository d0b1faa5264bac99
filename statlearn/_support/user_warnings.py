"""Warnings that point at the line of the user's own code."""

import sys
import warnings

__all__ = ["warn_user"]

INSIDE = ("statlearn", "sklearn", "joblib")


def warn_user(message, category):
    """Warn with the first caller outside the library and scikit-learn as the place.

    Decorators and delegating methods make the distance to the user's line differ from door to door, so that no fixed
    ``stacklevel`` is right.

    Parameters
    ----------
    message : str
        What happened, and the cure.
    category : type
        The class of the warning.

    Examples
    --------
    >>> import warnings
    >>> from statlearn._support.user_warnings import warn_user
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_user("the roof leaks: call a roofer", UserWarning)
    >>> str(caught[0].message)
    'the roof leaks: call a roofer'
    """
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
