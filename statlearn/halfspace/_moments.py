"""Moments of a sample that was whitened by its own mean and covariance: what they say about normality.

After self-whitening every statistic here is invariant under affine maps of the sample, so that its law at Gaussian data
depends on the size of the sample alone, and mean and covariance carry no information any more: what is looked at are
moments of degree three and four. Cost: a few products of the size of a covariance matrix, and one third-moment tensor
in at most `TENSOR_FEATURES` dimensions.
"""

from typing import NamedTuple

import numpy as np

__all__ = [
    "EIGENVALUE_FLOOR",
    "Statistic",
    "WhitenedSample",
    "mardia_kurtosis",
    "mardia_skewness",
    "moment_catalog",
    "moment_statistics",
    "self_whiten",
]

EIGENVALUE_FLOOR = 1e-10  # of the largest eigenvalue of the correlation matrix: below it a direction is constant
CONSTANT_SPREAD = 1e-13  # standard deviation of a column in units of its largest entry that is rounding alone
TENSOR_FEATURES = 60  # the third-moment tensor has the cube of this many entries
BLOCK_ROWS = 4096  # rows whose products stay in the cache
STARTS = 20
STEPS = 8
NORMAL_THIRD_MOMENT = 2.0 * np.sqrt(2.0 / np.pi)  # E|g|^3


class Statistic(NamedTuple):
    """How one number of the battery is read.

    ``scale`` is the value that the target's own moment has: a tolerance is a multiple of it. ``power`` makes the null
    law of a one-sided statistic close to normal; two-sided statistics are signed deviations and close to normal
    themselves.
    """

    name: str
    scale: float
    power: float = 1.0
    two_sided: bool = False


class WhitenedSample(NamedTuple):
    """Rows in coordinates of mean 0 and covariance the identity, and the map that took them there.

    ``Z = (X - mean) @ transform`` with ``transform`` of shape (n_features, rank).
    """

    Z: np.ndarray
    mean: np.ndarray
    transform: np.ndarray

    @property
    def origin(self):
        """Where the origin of the user's coordinates went."""
        return -self.mean @ self.transform

    def normal(self, X, w):
        """Unit normal of the hyperplanes with normal ``w`` in whitened coordinates; None if no row leaves the one
        through the mean.

        Margins are linear in z, and E z z' is the identity, so that the normal is E[z margin].
        """
        margins = X @ w
        normal = self.Z.T @ (margins - margins.mean()) / len(margins)
        length = np.linalg.norm(normal)
        return normal / length if length > CONSTANT_SPREAD * (np.abs(X) @ np.abs(w)).max() else None


def self_whiten(X):
    """Whiten rows by their own mean and covariance (denominator n); directions without variance are dropped.

    Columns are brought to one scale first, so that the floor under the eigenvalues does not depend on units.
    """
    scale = np.abs(X).max(axis=0).astype(np.float64)
    scale[scale == 0.0] = 1.0
    Y = np.asarray(X, dtype=np.float64) / scale
    mean = Y.mean(axis=0)
    Y -= mean
    spread = np.sqrt((Y * Y).mean(axis=0))
    spread[spread <= CONSTANT_SPREAD] = np.inf  # a constant column becomes zero
    Y /= spread
    values, vectors = np.linalg.eigh(Y.T @ Y / len(Y))
    kept = values > EIGENVALUE_FLOOR * max(values[-1], np.finfo(np.float64).tiny)
    rotation = vectors[:, kept] / np.sqrt(values[kept])
    return WhitenedSample(Y @ rotation, mean * scale, rotation / (scale * spread)[:, None])


def moment_catalog(n_features):
    """The statistics of `moment_statistics`, in their order."""
    d = n_features
    skewness = np.sqrt(d) * NORMAL_THIRD_MOMENT  # every coordinate as skew as the tolerance allows
    catalog = [
        Statistic("radial skewness", skewness, 2 / 3),
        Statistic("Mardia kurtosis", d * (d + 2.0), two_sided=True),
        Statistic("radial covariance", d + 2.0, 1 / 3),
        Statistic("largest directional kurtosis", 3.0),
        Statistic("smallest directional kurtosis", 3.0),
    ]
    if d <= TENSOR_FEATURES:
        catalog.append(Statistic("Mardia skewness (root)", skewness, 2 / 3))
    return tuple(catalog)


def moment_statistics(Z):
    """The global statistics of whitened rows (T1 of the battery).

    ||E |z|^2 z||, Mardia's kurtosis less its Gaussian value d (d + 2), spectral deviation of E |z|^2 z z' from
    (d + 2) I, the largest excess kurtosis over directions and minus the smallest, and, in small dimensions, the root of
    Mardia's skewness, which is the norm of the third-moment tensor.
    """
    n_samples, d = Z.shape
    radii = (Z * Z).sum(axis=1)
    weighted = Z * radii[:, None]
    radial = weighted.T @ Z / n_samples - (d + 2.0) * np.eye(d)
    values, vectors = np.linalg.eigh(radial)
    largest, smallest = _extreme_kurtosis(Z, _extreme_columns(vectors))
    statistics = [
        np.linalg.norm(weighted.mean(axis=0)),
        radii @ radii / n_samples - d * (d + 2.0),
        max(values[-1], -values[0]),
        largest,
        -smallest,
    ]
    if d <= TENSOR_FEATURES:
        statistics.append(np.sqrt(mardia_skewness(Z)))
    return np.array(statistics)


def mardia_kurtosis(Z):
    """Mardia's b_{2,d} of whitened rows: the mean of |z|^4."""
    radii = (Z * Z).sum(axis=1)
    return radii @ radii / Z.shape[0]


def mardia_skewness(Z):
    """Mardia's b_{1,d} of whitened rows: the squared norm of their third-moment tensor.

    Only entries whose first index is the smallest are computed, by one matrix product for each of them and each block
    of rows; the others are equal to these.
    """
    n_samples, d = Z.shape
    tensor = np.zeros((d, d, d))
    for start in range(0, n_samples, BLOCK_ROWS):
        block = Z[start : start + BLOCK_ROWS]
        for j in range(d):
            tail = block[:, j:]
            tensor[j, j:, j:] += (tail * tail[:, :1]).T @ tail
    total = 0.0
    for j in range(d):
        squares = np.square(tensor[j, j:, j:] / n_samples)
        # An entry with j once stands for 3 equal ones, the places of j; with j twice as well; with j thrice for itself.
        total += 3.0 * squares[1:, 1:].sum() + 3.0 * squares[0, 1:].sum() + squares[0, 0]
    return total


def _extreme_columns(vectors):
    """At most `STARTS` eigenvectors, those of the smallest and of the largest eigenvalues."""
    d = vectors.shape[1]
    if d <= STARTS:
        return vectors
    half = STARTS // 2
    return np.hstack([vectors[:, :half], vectors[:, d - half :]])


def _extreme_kurtosis(Z, starts):
    """The largest and the smallest excess kurtosis met by fixed-point steps v <- E[z (v'z)^3] - 3 v from all starts.

    The starts are taken from the data, which keeps the result invariant under rotations.
    """
    n_samples = Z.shape[0]
    V = starts
    largest, smallest = -np.inf, np.inf
    for _ in range(STEPS + 1):
        projections = Z @ V
        images = Z.T @ (projections * projections * projections) / n_samples
        excess = (V * images).sum(axis=0) - 3.0
        largest, smallest = max(largest, excess.max()), min(smallest, excess.min())
        steps = images - 3.0 * V
        norms = np.linalg.norm(steps, axis=0)
        V = np.where(norms > 1e-12, steps / np.maximum(norms, 1e-12), V)
    return largest, smallest
