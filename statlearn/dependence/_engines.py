"""The choice of the cheapest exact kernel for the blocks at hand, and the sliced one."""

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral

import numpy as np
from scipy.special import gammaln
from sklearn.utils import check_random_state

from .._support._sklearn import Interval, validate_params
from .._support.user_warnings import warn_user
from .._typing import LegacyRandomState
from ..exceptions import PairwiseWarning
from ._blocks import Levels, check_products
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

FEW_LEVELS = 400  # up to here a sweep over levels beats a merge sort
MOST_LEVELS = 4096  # whose table takes 134 MB
MIXED_LEVELS, MOST_NODES = 64, 64  # beside a continuous column
NODES_SHARE = 0.25  # of all rows, that the sums at nodes may number in place of that: still cheaper than all pairs
MANY_ROWS = 20_000  # from where all pairs take a second
PLANE_DIRECTIONS = 64


class SlicedDistance:
    r"""Euclidean distances as averages of distances between projections onto directions.

    For a random unit vector u, :math:`\|s\| = c_p \, E |u's|` with
    :math:`c_p = \sqrt{\pi} \, \Gamma((p+1)/2) / \Gamma(p/2)`. Every direction costs a merge sort, so that distance
    covariance of a block with several continuous columns takes O(n log n) per direction instead of O(n^2). It is an
    approximation: the attribute ``relative_error_`` of the penalty says how good a distance is. A covariance is a
    contrast of distances, and its own relative error can be several times that.

    Parameters
    ----------
    n_directions : int, default=100
        Number of directions. In the plane they are equally spaced, and every distance is off by less than
        ``1 / n_directions**2`` of itself. In space they are random, and the relative standard error of every
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
    def __init__(self, n_directions: int = 100, *, random_state: LegacyRandomState = None) -> None:
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
    """The blocks of the protected side, and what is made of them.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_samples, n_columns)
        The blocks.
    centering : Centering
        The version, U or V, and the weights.
    c : float or None
        The constant of the product of the blocks' centered distances; None for the distances of all columns.
    n_jobs : int or None
        Number of threads of the pairwise sums.
    """

    blocks: list
    centering: object
    c: float | None = None
    n_jobs: int | None = None

    @property
    def is_joint(self):
        """Whether there are several blocks whose distances are multiplied."""
        return self.c is not None and len(self.blocks) > 1

    @property
    def n_samples(self):
        """Number of rows."""
        return len(self.blocks[0])

    @property
    def n_columns(self):
        """Number of columns."""
        return sum(block.shape[1] for block in self.blocks)

    @cached_property
    def levels(self):
        """The distinct rows."""
        return Levels(self.blocks)

    @cached_property
    def position(self):
        """Block and column of the column with most values."""
        columns = [(m, j) for m, block in enumerate(self.blocks) for j in range(block.shape[1])]
        return max(columns, key=lambda position: Levels([self._column(position)]).n_levels)

    def _column(self, position):
        return self.blocks[position[0]][:, position[1] : position[1] + 1]

    @property
    def column(self):
        """The column with most values."""
        return np.ascontiguousarray(self._column(self.position).ravel())

    @cached_property
    def others(self):
        """The blocks without that column; a block that it fills is gone."""
        m, j = self.position
        rest = [np.delete(block, j, axis=1) if k == m else block for k, block in enumerate(self.blocks)]
        return [block for block in rest if block.shape[1] > 0]

    @cached_property
    def other_levels(self):
        """The distinct rows without that column."""
        return Levels(self.others)

    @property
    def gaps(self):
        """Distances between these rows."""
        return distances(np.hstack([block[self.other_levels.first] for block in self.others]))

    @property
    def is_mixed(self):
        """Whether one column beside few levels is all there is, in a form that has an engine."""
        if self.n_columns == 1 or self.other_levels.n_levels > MIXED_LEVELS:
            return False
        if self.is_joint:
            return self.blocks[self.position[0]].shape[1] == 1
        nodes = n_nodes(self.column, self.gaps)
        return nodes <= max(MOST_NODES, NODES_SHARE * self.n_samples / self.other_levels.n_levels)


def _levels(protected):
    if protected.levels.n_levels > MOST_LEVELS:
        raise ValueError(
            f"method='levels' takes up to {MOST_LEVELS} distinct rows. Got {protected.levels.n_levels}: use "
            "method='auto', or round the continuous columns."
        )
    levels, centering = protected.levels, protected.centering
    rows = [block[levels.first] for block in protected.blocks]
    table = -level_table(rows, levels, centering, protected.c) if protected.is_joint else distances(np.hstack(rows))
    return LevelKernel(table, levels, centering)


def _column(protected):
    if protected.n_columns > 1:
        raise ValueError(f"method='column' takes one column. Got {protected.n_columns} columns: use method='auto'.")
    return ColumnKernel(protected.column, protected.centering)


def _mixed(protected):
    if not protected.is_mixed:
        raise ValueError(
            "method='mixed' takes one continuous column beside columns with few distinct rows; in joint distance "
            "covariance that column is a block of its own, else its range is not far above the distances between those "
            "rows. Use method='auto'."
        )
    levels, centering = protected.other_levels, protected.centering
    if not protected.is_joint:
        return MixedKernel(protected.column, levels, protected.gaps, centering)
    rows = [block[levels.first] for block in protected.others]
    table = level_table(rows, levels, centering, protected.c)
    return JointColumnKernel(protected.column, table, levels, centering, protected.c)


def _warn_of_pairs(n_samples):
    warn_user(
        f"{n_samples} rows with several continuous columns have no faster exact engine than all {n_samples**2:.1e} "
        "pairs per evaluation. Round the columns to few values, or pass method='sliced', or method='pairwise' if you "
        "can wait.",
        PairwiseWarning,
    )


def _pairwise(protected):
    blocks = protected.blocks if protected.is_joint else [np.hstack(protected.blocks)]
    return ProductKernel(blocks, protected.centering, protected.c, protected.n_jobs)


METHODS = {"levels": _levels, "column": _column, "mixed": _mixed, "pairwise": _pairwise}


def _cheapest(protected):
    n_samples, n_levels = protected.n_samples, protected.levels.n_levels
    if n_levels <= FEW_LEVELS:
        return "levels"
    if protected.n_columns == 1:
        return "column"
    if protected.is_mixed:
        return "mixed"
    return "levels" if n_levels <= min(MOST_LEVELS, n_samples / 8) else "pairwise"


def _projected(blocks, directions):
    """The products of blocks with the parts of a direction, added; the blocks are not joined, which would copy them."""
    return sum(block @ part for block, part in zip(blocks, directions, strict=True))


def _sliced(protected, slices):
    if protected.is_joint:
        raise ValueError(
            "method='sliced' approximates Euclidean distances, not the products of joint distance covariance: use "
            "method='auto'."
        )
    ends = np.cumsum([block.shape[1] for block in protected.blocks])[:-1]
    kernels = [
        ColumnKernel(_projected(protected.blocks, np.split(direction, ends)), protected.centering)
        for direction in slices._directions(protected.n_columns)
    ]
    return SumKernel(kernels, [slices._factor(protected.n_columns) / len(kernels)] * len(kernels), protected.centering)


def variance_method(method, n_columns):
    """The method for the distance variance of one block, a difference of large terms that takes few errors.

    That of the covariance, unless the block may have another or slices are too rough: there are enough directions in
    the plane, and all pairs in space.
    """
    if method == "pairwise":
        return method
    if method == "sliced" or isinstance(method, SlicedDistance):
        return SlicedDistance(PLANE_DIRECTIONS) if n_columns == 2 else "auto"
    return "auto"


def build_kernel(protected, method):
    """The kernel of the blocks, the name of its engine and its relative error.

    Parameters
    ----------
    protected : Protected
        The blocks.
    method : str or SlicedDistance
        "auto", "sliced" or a key of `METHODS`.
    """
    if protected.is_joint:
        check_products(protected.blocks)
    if isinstance(method, str) and method != "sliced":
        name = _cheapest(protected) if method == "auto" else method
        if name == "pairwise" and method == "auto" and protected.n_samples > MANY_ROWS:
            _warn_of_pairs(protected.n_samples)
        return METHODS[name](protected), name, 0.0
    slices = SlicedDistance() if method == "sliced" else method
    return _sliced(protected, slices), "sliced", slices._relative_error(protected.n_columns)
