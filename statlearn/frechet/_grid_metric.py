"""Labels on a grid."""

from collections.abc import Iterable
from math import prod
from numbers import Integral
from typing import Literal

import numpy as np

from .._typing import FloatArray, IntArray
from ._embedding_metric import NORMS, CoordinateMetric
from ._grid_search import LatticeSearch, separable_or_nearest

__all__ = ["GridMetric"]

LARGEST_GRID = 2**31  # points


class GridMetric(CoordinateMetric):
    r"""Labels at the points of a grid with whole coordinates.

    For cells of a map, or pairs and tuples of ordered classes.

    Parameters
    ----------
    shape : tuple of int
        Number of labels along each axis.
    norm : {"l1", "l2"}, default="l1"
        The distance: "l1" is the sum of absolute differences of coordinates, the length of a path along the grid; "l2"
        the Euclidean distance, with which each coordinate is predicted for itself.
    labels : iterable of str or of numbers, default=None
        The labels, with the last coordinate running fastest (C order); None for 0, 1, ..., n_labels - 1. The label at a
        point is then `numpy.ravel_multi_index` of it.

    Attributes
    ----------
    labels_ : ndarray of shape (n_labels_,)
        The labels.
    n_labels_ : int
        Their number.
    shape : tuple of int
        Number of labels along each axis.
    norm : {"l1", "l2"}
        The distance.

    Raises
    ------
    ValueError
        If the shape has no axis or an empty one, the norm is unknown, or there is not one label per point.

    See Also
    --------
    ChainMetric : Labels on a line.

    Examples
    --------
    Corners of a 3 x 3 grid vote, the last one most:

    >>> from statlearn.frechet import GridMetric, frechet_predict
    >>> grid = GridMetric((3, 3), norm="l2", labels=["NW", "N", "NE", "W", "C", "E", "SW", "S", "SE"])
    >>> corners = grid.index_of(["NW", "NE", "SW", "SE"])
    >>> grid.labels_[frechet_predict([[0.2, 0.2, 0.2, 0.4], [0.0, 0.1, 0.1, 0.8]], grid, corners)]
    array(['C', 'SE'], dtype='<U2')
    """

    searches = {**CoordinateMetric.searches, "separable": separable_or_nearest, "lattice": LatticeSearch}

    def __init__(
        self,
        shape: tuple[int, ...],
        norm: Literal["l1", "l2"] = "l1",
        labels: Iterable[str] | Iterable[float] | None = None,
    ) -> None:
        try:
            self.shape = tuple(shape)
        except TypeError:
            raise ValueError(f"shape must be a tuple of numbers of labels. Got {shape!r}.") from None
        if not self.shape or not all(isinstance(size, Integral) and size > 0 for size in self.shape):
            raise ValueError(f"shape must have at least one axis and at least one label on each. Got {shape!r}.")
        self.shape = tuple(int(size) for size in self.shape)
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {list(NORMS)}. Got {norm!r}.")
        n_points = prod(self.shape)
        if n_points > LARGEST_GRID:
            raise ValueError(f"shape must not have more than {LARGEST_GRID} points. Got {n_points}.")
        super().__init__(range(n_points) if labels is None else labels, norm)
        if self.n_labels_ != n_points:
            raise ValueError(
                f"labels must have one label for each of {n_points} points of the grid. Got {self.n_labels_}."
            )

    def coordinates(self, positions: IntArray) -> FloatArray:
        """Coordinates of labels.

        Parameters
        ----------
        positions : ndarray of int of shape (n,)
            Positions of labels.

        Returns
        -------
        coordinates : ndarray of float64 of shape (n, n_dimensions)
            Their whole coordinates.
        """
        return np.stack(np.unravel_index(positions, self.shape), axis=1).astype(np.float64)

    def search_names(self, power: float) -> list[str]:
        """Names of the backends that find minimizers for a power.

        Parameters
        ----------
        power : float
            Power of the distances.

        Returns
        -------
        names : list of str
            The names, the fastest first.
        """
        return ["lattice" if self.norm == "l1" else "separable"] * (power == 2) + super().search_names(power)

    def diameter(self) -> float:
        """Largest distance between two labels.

        Returns
        -------
        diameter : float
            That of two opposite corners.
        """
        corners = np.array([0, self.n_labels_ - 1])
        return float(self.distances(corners[:1], corners[1:])[0, 0])
