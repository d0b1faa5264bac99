"""The choice of the cheapest exact kernel for the blocks at hand, and the sliced one."""

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

import numpy as np
from scipy.special import gammaln
from sklearn.utils import check_random_state

from .._support._sklearn import Interval, validate_params
from ._blocks import Levels
from ._kernels import (
    ColumnKernel,
    JointColumnKernel,
    LevelKernel,
    MixedKernel,
    ProductKernel,
    SumKernel,
    distances,
    level_table,
    n_nodes,
)

__all__ = ["METHODS", "Protected", "SlicedDistance", "build_kernel", "variance_method"]

FEW_LEVELS = 64  # up to here a sweep over levels beats a merge sort at any size
MOST_LEVELS = 4096  # whose table takes 134 MB
MOST_NODES = 64


class SlicedDistance:
    r"""Euclidean distances as averages of distances between projections onto directions.

    For a random unit vector u, :math:`\|s\| = c_p \, E |u's|` with
    :math:`c_p = \sqrt{\pi} \, \Gamma((p+1)/2) / \Gamma(p/2)`. Every direction costs a merge sort, so that distance
    covariance of a block with several continuous columns takes O(n log n) per direction instead of O(n^2). It is an
    approximation: the attribute ``relative_error_`` of the penalty says how good.

    Parameters
    ----------
    n_directions : int, default=100
        Number of directions. In the plane they are equally spaced, and every distance is off by less than
        ``0.83 / n_directions**2`` of itself. In space they are random, and the relative standard error of every
        distance is ``sqrt((c_p**2 / p - 1) / n_directions)``.
    random_state : int, RandomState instance or None, default=None
        Source of the random directions.

    Raises
    ------
    ValueError
        If ``n_directions`` is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.dependence import SlicedDistance, distance_covariance
    >>> rng = np.random.default_rng(0)
    >>> S = rng.normal(size=(1000, 2))
    >>> f = S[:, 0] + rng.normal(size=1000)
    >>> exact = distance_covariance(f, S)
    >>> sliced = distance_covariance(f, S, method=SlicedDistance(50))
    >>> bool(abs(sliced / exact - 1) < 1e-3)
    True
    """

    @validate_params(
        {
            "n_directions": [Interval(Integral, 1, None, closed="left")],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, n_directions=100, *, random_state=None):
        self.n_directions = n_directions
        self.random_state = random_state

    def __repr__(self):
        return f"SlicedDistance(n_directions={self.n_directions}, random_state={self.random_state!r})"

    def _directions(self, p):
        """Unit vectors of shape (n_directions, p)."""
        if p == 1:
            return np.ones((1, 1))
        if p == 2:
            angles = np.pi * np.arange(self.n_directions) / self.n_directions
            return np.column_stack([np.cos(angles), np.sin(angles)])
        vectors = check_random_state(self.random_state).normal(size=(self.n_directions, p))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _factor(self, p):
        """The constant c_p."""
        return np.sqrt(np.pi) * np.exp(gammaln((p + 1) / 2) - gammaln(p / 2))

    def _relative_error(self, p):
        """A bound of the relative error of a distance in the plane, its standard error in space."""
        if p == 1:
            return 0.0
        if p == 2:
            # the mean of |cos| over equally spaced angles lies between these, in units of its integral
            half = np.pi / (2 * self.n_directions)
            return float(max(1.0 - half / np.tan(half), half / np.sin(half) - 1.0))
        return float(np.sqrt((self._factor(p) ** 2 / p - 1.0) / self.n_directions))


@dataclass(frozen=True)
class Protected:
    """The blocks of the protected side, whatever the measure makes of them.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_samples, n_columns)
        The blocks whose centered distances are multiplied. One block gives distance covariance.
    centering : Centering
        The version, U or V, and the weights.
    c : float
        The constant of joint distance covariance.
    n_jobs : int or None
        Number of threads of the pairwise sums.
    """

    blocks: list
    centering: object
    c: float = 1.0
    n_jobs: int | None = None

    @cached_property
    def table(self):
        """All columns."""
        return np.hstack(self.blocks)

    @cached_property
    def levels(self):
        """The distinct rows."""
        return Levels(self.table)

    @cached_property
    def position(self):
        """Block and column of the column with most values."""
        counts = [np.unique(column).size for column in self.table.T]
        columns = [(m, j) for m, block in enumerate(self.blocks) for j in range(block.shape[1])]
        return columns[int(np.argmax(counts))]

    @cached_property
    def column(self):
        """The column with most values."""
        m, j = self.position
        return np.ascontiguousarray(self.blocks[m][:, j])

    @cached_property
    def others(self):
        """The blocks without that column; a block that it fills is gone."""
        m, j = self.position
        rest = [np.delete(block, j, axis=1) if k == m else block for k, block in enumerate(self.blocks)]
        return [block for block in rest if block.shape[1] > 0]

    @cached_property
    def other_levels(self):
        """The distinct rows without that column."""
        return Levels(np.hstack(self.others))

    @property
    def few(self):
        """Number of levels up to which a sweep over levels is always best."""
        return max(FEW_LEVELS, 4.0 * np.log2(len(self.table)))

    @property
    def is_column(self):
        """Whether there is one column."""
        return self.table.shape[1] == 1

    @property
    def is_mixed(self):
        """Whether one column beside few levels is all there is, in a form that has an engine."""
        if self.is_column or self.other_levels.n_levels > self.few:
            return False
        if len(self.blocks) > 1:
            return self.blocks[self.position[0]].shape[1] == 1
        return n_nodes(self.column, self.other_levels) <= MOST_NODES

    def of_levels(self, blocks, levels):
        """The blocks with one row per level."""
        starts = np.cumsum([0, *(block.shape[1] for block in blocks)])
        return [levels.rows[:, low:high] for low, high in zip(starts[:-1], starts[1:], strict=True)]


def _levels(protected):
    if protected.levels.n_levels > MOST_LEVELS:
        raise ValueError(
            f"method='levels' takes up to {MOST_LEVELS} distinct rows. Got {protected.levels.n_levels}: use "
            "method='auto', or round the continuous columns."
        )
    rows = protected.of_levels(protected.blocks, protected.levels)
    if len(rows) == 1:
        table = distances(rows[0])
    else:
        table = -level_table(rows, protected.levels, protected.centering, protected.c)
    return LevelKernel(table, protected.levels, protected.centering)


def _column(protected):
    if not protected.is_column:
        raise ValueError(
            f"method='column' takes one column. Got {protected.table.shape[1]} columns: use method='auto'."
        )
    return ColumnKernel(protected.column, protected.centering)


def _mixed(protected):
    if not protected.is_mixed:
        raise ValueError(
            "method='mixed' takes one continuous column beside columns with few distinct rows; in joint distance "
            "covariance that column is a block of its own, else its range is not far above the distances between those "
            "rows. Use method='auto'."
        )
    levels = protected.other_levels
    if len(protected.blocks) == 1:
        return MixedKernel(protected.column, levels, protected.centering)
    table = level_table(protected.of_levels(protected.others, levels), levels, protected.centering, protected.c)
    return JointColumnKernel(protected.column, table, levels, protected.centering, protected.c)


def _pairwise(protected):
    return ProductKernel(protected.blocks, protected.centering, protected.c, protected.n_jobs)


METHODS = {"levels": _levels, "column": _column, "mixed": _mixed, "pairwise": _pairwise}


def _cheapest(protected):
    n_samples, n_levels = len(protected.table), protected.levels.n_levels
    if n_levels <= protected.few:
        return "levels"
    if protected.is_column:
        return "column"
    if protected.is_mixed:
        return "mixed"
    return "levels" if n_levels <= min(MOST_LEVELS, n_samples / 8) else "pairwise"


def _sliced(protected, slices):
    if len(protected.blocks) > 1:
        raise ValueError(
            "method='sliced' approximates Euclidean distances, not the products of joint distance covariance: use "
            "method='auto'."
        )
    p = protected.table.shape[1]
    kernels = [
        ColumnKernel(np.ascontiguousarray(protected.table @ direction), protected.centering)
        for direction in slices._directions(p)
    ]
    return SumKernel(kernels, [slices._factor(p) / len(kernels)] * len(kernels), protected.centering)


def variance_method(method):
    """The method for the distance variance of one block: that of the covariance where the block may have another."""
    return method if method in ("sliced", "pairwise") or isinstance(method, SlicedDistance) else "auto"


def build_kernel(protected, method):
    """The kernel of the blocks, the name of its engine and its relative error.

    Parameters
    ----------
    protected : Protected
        The blocks.
    method : str or SlicedDistance
        "auto", "sliced" or a key of `METHODS`.
    """
    if isinstance(method, str) and method != "sliced":
        name = _cheapest(protected) if method == "auto" else method
        return METHODS[name](protected), name, 0.0
    slices = SlicedDistance() if method == "sliced" else method
    return _sliced(protected, slices), "sliced", slices._relative_error(protected.table.shape[1])
