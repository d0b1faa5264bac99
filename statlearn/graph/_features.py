"""Features of large graphs: what stands in for a kernel that is too large to be formed."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Features", "unscaled"]

LARGEST_LOG_SCALE = 600.0  # of a kernel whose features are multiplied out


@dataclass(frozen=True)
class Features:
    """A matrix F with ``F F' ~ K``, and what is known about the approximation.

    Attributes
    ----------
    matrix : ndarray of shape (n, r)
        The features, one row per node, times ``exp(-log_scale / 2)``.
    log_scale : float
        0 unless the kernel would overflow.
    n_terms : int
        Products of the matrix of the graph with a vector or a block of columns.
    route : str
        How the features were computed.
    error : float or None, default=None
        Of eigenvectors: bound on the spectral norm of ``K - F F'``, before the scaling by degrees, relative to the
        largest eigenvalue in use.
    column_error : float or None, default=None
        Of landmarks: error of the columns of the kernel at the landmarks, relative to the root mean square of the
        entries between landmarks, which for logarithms are centered. Pairs of nodes without a landmark are not covered.
    n_floored : int or None, default=None
        Of landmarks: entries of the columns below what the series resolves. They take half of its tail bound.
    dropped_share : float or None, default=None
        Of landmarks: absolute sum of the negative eigenvalues between landmarks, which features cannot express, as a
        share of the absolute sum of all.
    """

    matrix: np.ndarray
    log_scale: float
    n_terms: int
    route: str
    error: float | None = None
    column_error: float | None = None
    n_floored: int | None = None
    dropped_share: float | None = None


def unscaled(F, log_scale):
    """Features of a kernel divided by ``exp(log_scale)``: multiplied out unless they overflow, and what is left."""
    if log_scale > LARGEST_LOG_SCALE:
        return F, float(log_scale)
    return F * np.exp(0.5 * log_scale), 0.0
