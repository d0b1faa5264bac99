"""Products of one-dimensional orthonormal functions, one factor per coordinate."""

import numpy as np
from sklearn.utils import gen_batches

from ._basis import OrthonormalBasis, check_points
from ._induced import induced_quantiles
from ._recurrences import LOG_2, tensor_features

__all__ = ["ProductBasis", "TorusBasis"]

TABLE_ENTRIES = 2**17  # of one block of points
SMALLEST_PROBABILITY = 2.0**-54  # half the step of uniform draws, which stands for 0


class ProductBasis(OrthonormalBasis):
    """The functions ``prod_j p_{alpha_j}(x_j)`` for the multi-indices ``alpha`` of a set.

    Parameters
    ----------
    families : sequence of Family
        One per coordinate.
    index_set : IndexSet
        Positions of the factors within their families.

    Attributes
    ----------
    families : tuple of Family
        One per coordinate.
    index_set : IndexSet
        The set.
    n_dims : int
        Number of coordinates.
    n_output_features_ : int
        Number of functions.
    """

    def __init__(self, families, index_set):
        self.families = tuple(families)
        self.index_set = index_set
        self.n_output_features_, self.n_dims = index_set.positions.shape

    def __repr__(self):
        return f"{type(self).__name__}(m={self.n_output_features_} functions of {self.n_dims} coordinates)"

    @property
    def multi_indices(self):
        """ndarray of shape (m, n_dims): the labels of the factors of each function."""
        return self.index_set.positions

    def scaled_features(self, X):
        X = check_points(X, self.n_dims)
        T = (X - self._per_column("origin")) / self._per_column("scale")
        sizes = self.index_set.positions.max(axis=0) + 1
        stops = np.cumsum(sizes)
        last = np.take_along_axis(self.index_set.positions, self.index_set.columns[:, None], axis=1)[:, 0]
        entries = (stops - sizes)[self.index_set.columns] + last  # of the factor that the parent lacks
        features = np.empty((X.shape[0], self.n_output_features_))
        exponents = np.empty(X.shape[0], dtype=np.int64)
        for rows in gen_batches(X.shape[0], max(1, TABLE_ENTRIES // stops[-1])):
            table, powers = self._tables(T[rows], sizes)
            exponents[rows] = tensor_features(table, powers, self.index_set.parents, entries, features[rows])
        return features, LOG_2 * exponents

    def sample_measure(self, n, rng):
        T = np.column_stack([family.standard.sample(n, rng) for family in self.families])
        return self._in_units(T)

    def sample_induced(self, n, rng):
        """Draw a function uniformly, then each coordinate from the distribution that its factor induces."""
        labels = self.multi_indices[rng.integers(self.n_output_features_, size=n)]
        standards = [family.standard for family in self.families]
        T = np.column_stack([standard.sample(n, rng) for standard in standards])  # what constant factors induce
        probabilities = np.maximum(rng.random(T.shape), SMALLEST_PROBABILITY)
        for standard in dict.fromkeys(standards):
            chosen = (labels != 0) & np.array([other == standard for other in standards])
            T[chosen] = induced_quantiles(standard, probabilities[chosen], labels[chosen])
        return self._in_units(T)

    def sample_dpp(self, rng):
        if self.n_dims > 1:
            return None
        t = self.families[0].standard.sample_dpp(self.n_output_features_, rng)
        return None if t is None else self._in_units(rng.permutation(t)[:, None])

    def in_support(self, X):
        X = check_points(X, self.n_dims)
        lows, highs = self._per_column("support").T
        return (lows <= X).all(axis=1) & (highs >= X).all(axis=1)

    def names(self, columns):
        """Names of the functions, given those of the coordinates."""
        return [self._name(position, columns) for position in self.index_set.positions.tolist()]

    def _name(self, position, columns):
        factors = zip(self.families, position, columns, strict=True)
        return " ".join(family.standard.name(k, column) for family, k, column in factors if k > 0) or "1"

    def _per_column(self, attribute):
        return np.array([getattr(family, attribute) for family in self.families])

    def _in_units(self, T):
        X = self._per_column("origin") + self._per_column("scale") * T
        return np.clip(X, *self._per_column("support").T)  # rounding must not leave the support

    def _tables(self, T, sizes):
        columns = [family.standard.table(t, size) for family, t, size in zip(self.families, T.T, sizes, strict=True)]
        tables, powers = zip(*columns, strict=True)
        return np.hstack(tables), np.hstack(powers)


class TorusBasis(ProductBasis):
    """Products of cosines and sines, where a frequency comes with both in every coordinate."""

    @property
    def multi_indices(self):
        """ndarray of shape (m, n_dims): frequencies, positive for cosines and negative for sines."""
        positions = self.index_set.positions
        return np.where(positions % 2 == 1, -1, 1) * ((positions + 1) // 2)

    def sample_induced(self, n, rng):
        """Draw from the measure: ``cos^2 + sin^2 = 1`` makes the Christoffel function constant."""
        return self.sample_measure(n, rng)

    def in_support(self, X):
        """All True: there is a point of the torus for every number."""
        return np.ones(len(check_points(X, self.n_dims)), dtype=bool)
