"""Distance covariance of columns that do not fit into memory."""

import os
from numbers import Integral
from os import PathLike
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.utils import gen_batches

from .._support._sklearn import Interval, validate_params
from .._support.data_frames import check_same_index
from .._typing import ArrayLike
from ._blocks import as_block, check_width
from ._centering import Centering
from ._pair_sums import N_FIELDS, fill_and_sum
from ._statistics import DistanceStatistics, distance_statistics, unit_of, warn_of_constants

__all__ = ["out_of_core_distance_statistics"]


@validate_params(
    {
        "unbiased": ["boolean"],
        "rows_in_memory": [Interval(Integral, 1, None, closed="left")],
        "directory": [str, PathLike, None],
    },
    prefer_skip_nested_validation=True,
)
def out_of_core_distance_statistics(
    x: ArrayLike,
    y: ArrayLike,
    *,
    unbiased: bool = True,
    rows_in_memory: int = 2**18,
    directory: str | PathLike[str] | None = None,
) -> DistanceStatistics:
    r"""Distance covariance and correlation of two columns, in memory that does not grow with the number of rows.

    The numbers that `distance_covariance` and `distance_correlation` return, which keep all rows in memory. Here blocks
    of rows are sorted and then merged on disk, by x and then by y.

    Parameters
    ----------
    x : array-like of shape (n_samples,) or (n_samples, 1)
        First variable. Memory maps, such as ``numpy.load(file, mmap_mode="r")`` and their columns, are read in blocks.
    y : array-like of shape (n_samples,) or (n_samples, 1)
        Second variable.
    unbiased : bool, default=True
        Whether to use the U-version, which can be negative, rather than the V-version.
    rows_in_memory : int, default=262144
        Number of rows that are read and sorted at a time, with some 140 bytes each.
    directory : str or path-like, default=None
        Where temporary files of 64 bytes a row are made, and deleted in the end. None is the system's folder for
        temporary files. It must be on a disk: if it is in memory, nothing is gained.

    Returns
    -------
    statistics : DistanceStatistics
        Covariance, correlation and variances.

    Raises
    ------
    TypeError
        If a variable is the name of a file, or masked.
    ValueError
        If a variable is not a column of finite numbers, numbers of rows differ, or rows are too few.
    OSError
        If the directory does not exist or has no room.

    Warns
    -----
    ConstantAttributeWarning
        If a variable is constant.

    See Also
    --------
    distance_covariance : In memory, with weights, for several columns, with a gradient.

    Notes
    -----
    Takes :math:`O(n \log n)` time, in passes over the files that read and write in order.

    References
    ----------
    Huo and Szekely, "Fast computing for distance covariance", Technometrics 58 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.dependence import distance_correlation, out_of_core_distance_statistics
    >>> x = np.random.default_rng(0).normal(size=5000)
    >>> statistics = out_of_core_distance_statistics(x, x**2, rows_in_memory=1000)
    >>> round(statistics.correlation, 4) == round(distance_correlation(x, x**2), 4)
    True
    """
    check_same_index(x=x, y=y)
    x, y = _Column(x, "x", rows_in_memory), _Column(y, "y", rows_in_memory)
    n_samples = len(x)
    if n_samples != len(y):
        raise ValueError(f"x and y have inconsistent numbers of samples: {n_samples} and {len(y)}.")
    weights = np.broadcast_to(1.0, n_samples)
    centering = Centering(weights, unbiased)
    # Windows deletes no file that is mapped, as long as an error holds on to the frame that did so.
    with TemporaryDirectory(dir=directory, ignore_cleanup_errors=True) as folder:
        _require_room(folder, n_bytes=2 * N_FIELDS * 8 * n_samples)
        tables = [_mapped(Path(folder) / name, (N_FIELDS, n_samples)) for name in ("table", "room")]
        ones = (weights[rows] for rows in gen_batches(n_samples, rows_in_memory))
        sums = fill_and_sum(*tables, zip(x, y, ones, strict=True), rows_in_memory)
        del tables
    statistics = distance_statistics(sums, centering, x.unit, y.unit, 1.0)
    warn_of_constants(statistics)
    return statistics


class _Column:
    """A column that is read in blocks, about its mean and in its unit, so that sums keep more digits."""

    def __init__(self, values, name, size):
        self._values = values if isinstance(values, np.ndarray) else np.asarray(values)
        self._name, self._size = name, size
        if isinstance(values, (str, PathLike)):
            raise TypeError(f"{name} must be a column. Got a file name: open it by np.load(file, mmap_mode='r').")
        if self._values.ndim not in (1, 2) or self._values.shape[1:] not in ((), (1,)):
            raise ValueError(f"{name} must be one column. Got an array of shape {self._values.shape}.")
        if len(self._values) == 0:
            raise ValueError(f"{name} has no rows.")
        total, low, high = 0.0, np.inf, -np.inf
        for block in self._blocks():
            total, low, high = total + block.sum(), min(low, block.min()), max(high, block.max())
        check_width(high - low, name)
        self._center = np.clip(total / len(self), low, high)  # rounding must not move a constant away from its value
        self.unit = unit_of(high - low)

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return ((block - self._center) / self.unit for block in self._blocks())

    def _blocks(self):
        return (as_block(self._values[rows], self._name).ravel() for rows in gen_batches(len(self), self._size))


def _require_room(folder, n_bytes):
    free = disk_usage(folder).free
    if n_bytes > free:
        raise OSError(
            f"{n_bytes / 1e6:.3g} MB are needed for temporary files, and {free / 1e6:.3g} MB are free in "
            f"{Path(folder).parent}. Pass another directory."
        )


def _mapped(path, shape):
    """A table of zeros in a new file. Its room is taken where the system can do so: a map that finds none kills the
    process."""
    table = np.memmap(path, np.float64, "w+", shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, table.nbytes)
    return np.asarray(table)
