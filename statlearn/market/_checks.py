"""Checks of what the functions of this family take: beliefs, budgets, and who is awake."""

import numpy as np

from .._support.validation import check_array, check_vector

__all__ = ["NORM_TOLERANCE", "check_awake", "check_beliefs", "check_budgets", "check_distributions", "refuse_huge"]

LARGEST = 1e150  # value whose square is a number
NORM_TOLERANCE = 1e-3  # by which a distribution may fail to sum to 1; it is then divided by its sum


def check_beliefs(beliefs, name="bets"):
    """Class distributions as an array of float64 of shape (n_rounds, n_participants, n_classes).

    Parameters
    ----------
    beliefs : array-like of shape (n_participants, n_classes) or (n_rounds, n_participants, n_classes)
        The distributions, with sums of 1 up to `NORM_TOLERANCE`, or all zero for a participant that knows no class.
    name : str, default="bets"
        What the argument is called in messages.

    Returns
    -------
    beliefs : ndarray of shape (n_rounds, n_participants, n_classes)
        Divided by their sums.

    Raises
    ------
    ValueError
        If an entry is negative or not finite, or a distribution does not sum to 1.
    """
    array = check_array(
        beliefs, allow_nd=True, ensure_2d=False, ensure_all_finite=False, dtype=np.float64, input_name=name
    )
    if array.ndim not in (2, 3):
        raise ValueError(f"{name} must have two or three dimensions. Got shape {array.shape}.")
    array = array.reshape((-1, *array.shape[-2:]))
    return _normalized(array, lambda row, participant: f"{name}: participant {participant}")


def check_distributions(probabilities, name):
    """Class distributions of one participant, divided by their sums, which must be 1 up to `NORM_TOLERANCE`."""
    return _normalized(np.asarray(probabilities, dtype=np.float64), lambda row: f"participant {name!r}")


def _normalized(array, who):
    sums = array.sum(axis=-1)
    for is_wrong, what in (
        (~np.isfinite(array).all(axis=-1), "a class probability that is not finite"),
        ((array < 0.0).any(axis=-1), "a negative class probability"),
        ((np.abs(sums - 1.0) > NORM_TOLERANCE) & (sums != 0.0), "class probabilities that do not sum to 1"),
    ):
        if is_wrong.any():
            place = np.argwhere(is_wrong)[0]
            raise ValueError(f"{who(*place)} has {what} in row {place[0]}.")
    return array / np.where(sums > 0.0, sums, 1.0)[..., None]


def check_budgets(budgets, size, name="budgets"):
    """Budgets as a vector of float64 that are not all zero, with a finite sum."""
    budgets = check_vector(budgets, name, size=size)
    if not budgets.any():
        raise ValueError(f"{name} must not be all zero: nobody could bet.")
    if budgets.max() > np.finfo(np.float64).max / budgets.size:
        raise ValueError(f"{name} must have a finite sum. Got entries up to {budgets.max():g}: divide them.")
    return budgets


def check_awake(awake, n_rounds, n_participants):
    """Who is awake, as an array of booleans of shape (n_rounds, n_participants); everybody by default."""
    if awake is None:
        return np.ones((n_rounds, n_participants), dtype=bool)
    awake = np.asarray(awake)
    if awake.dtype.kind != "b" and not np.isin(awake, (0, 1)).all():
        raise ValueError("awake must hold booleans.")
    if awake.shape not in ((n_participants,), (n_rounds, n_participants)):
        raise ValueError(
            f"awake must have shape ({n_participants},) or ({n_rounds}, {n_participants}), one entry per participant. "
            f"Got {awake.shape}."
        )
    return np.broadcast_to(awake.astype(bool), (n_rounds, n_participants))


def refuse_huge(X):
    """Refuse features whose squares, or sums of them, are infinite."""
    if np.abs(X).max() > LARGEST:
        raise ValueError(f"X has values above {LARGEST:g}, whose squares are infinite. Scale the features.")
