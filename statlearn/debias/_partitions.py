"""Folds that hold out each row once."""

import numpy as np

__all__ = ["check_partition", "folds_among"]


def check_partition(folds, n_samples, cv, cure=""):
    """Refuse folds that do not hold out each row exactly once.

    A row that is never held out has no prediction out of sample, and the mean of several predictions is less noisy
    than one of the model that is used in the end.

    Parameters
    ----------
    folds : list of (ndarray of int, ndarray of int)
        Training and test rows.
    n_samples : int
        Number of rows.
    cv : object
        Where the folds come from, for the message.
    cure : str, default=""
        What else than another splitter might be done, for the message.
    """
    times = np.bincount(np.concatenate([test for _, test in folds]), minlength=n_samples)
    if (times == 1).all():
        return
    never, often = np.count_nonzero(times == 0), np.count_nonzero(times > 1)
    raise ValueError(
        f"cv={cv!r} must hold out each row exactly once. Of {n_samples} rows it holds out {never} never, and {often} "
        f"more than once. Use KFold or another splitter into parts{cure}."
    )


def folds_among(folds, kept):
    """Folds of all rows as positions among the rows that were kept, without those that hold out none of them."""
    place = np.cumsum(kept) - 1
    return [tuple(place[rows[kept[rows]]] for rows in fold) for fold in folds if kept[fold[1]].any()]
