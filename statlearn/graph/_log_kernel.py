"""Logarithms of kernels, in the two forms that keep them accurate.

Both write ``log K_ij = residual_ij + potential_i + potential_j + offset``. Potential and offset cancel in the distance,
so it is as accurate as the residual, even where all entries of the kernel agree to sixteen digits.
"""

from dataclasses import dataclass

import numpy as np

from ._conversions import distance_of

__all__ = ["LogKernel", "log_of_positive", "perron_log"]

EPS = np.finfo(np.float64).eps
TINY = np.finfo(np.float64).tiny
SUMMATION = 64.0  # multiple of eps that sums over eigenpairs lose, in units of the root of their squares
LARGEST_VECTOR_ERROR = 1e-3  # relative, of an entry of the principal vector


@dataclass(frozen=True)
class LogKernel:
    """``log K_ij = residual_ij + potential_i + potential_j + offset``.

    ``kernel_error`` and ``distance_error`` estimate the largest absolute error of the logarithm and of the distance;
    ``route`` names how the kernel was computed.
    """

    residual: np.ndarray
    potential: np.ndarray
    offset: float
    kernel_error: float
    distance_error: float
    route: str

    def kernel(self):
        """The element-wise logarithm."""
        return self.residual + (self.potential[:, None] + self.potential[None, :] + self.offset)

    def distance(self):
        """``log(K_ii K_jj / K_ij^2)``."""
        return distance_of(self.residual)

    def shifted(self, potential):
        """The same distances with another potential added: the logarithm of a diagonally scaled kernel."""
        return LogKernel(
            self.residual,
            self.potential + potential,
            self.offset,
            self.kernel_error,
            self.distance_error,
            self.route,
        )


def log_of_positive(K, potential, offset, error, route):
    """The logarithm of a kernel computed without subtractions, whose entries have the relative ``error``."""
    n_lost = np.count_nonzero(np.less(K, TINY)) // 2
    if n_lost:
        raise ValueError(
            f"t is too small for the logarithm of this kernel on this graph: {n_lost} pairs of nodes are so far apart "
            "that their proximity is below the smallest floating-point number. Increase t, or take a kernel that "
            "reaches further, such as log forest with a large t."
        )
    residual = np.log(K)
    residual = (residual + residual.T) / 2
    error = error + 2.0 * EPS * float(np.abs(residual).max())
    return LogKernel(residual, potential, offset, error + EPS * np.abs(offset), 4.0 * error, route)


def perron_log(decomposition, ratios, offset, sensitivity, *, limit=np.inf, for_distance=False):
    r"""The logarithm around the principal pair of the kernel.

    .. math:: \log K_{ij} = \log f(\lambda_1) + \log u_i u_j
        + \log\Big(1 + \sum_{k \ge 2} g_k \frac{v_{ik} v_{jk}}{u_i u_j}\Big),
        \qquad g_k = f(\lambda_k) / f(\lambda_1)

    The error of the sum is at most a small multiple of eps times its terms, which Cauchy and Schwarz bound by its
    diagonal; it is compared with one plus the sum.

    Parameters
    ----------
    decomposition : Decomposition
        Of A, L or S of a connected graph.
    ratios : ndarray of shape (n,)
        The ``g_k``.
    offset : float
        The logarithm of ``f(lambda_1)``.
    sensitivity : float
        Relative change of ``f`` over a relative change of the spectrum: 1 plus t times its width for exponentials.
    limit : float, default=np.inf
        Give up as soon as the error is known to be larger.
    for_distance : bool, default=False
        Whether the error of the distance counts, or that of the logarithm, which adds the error of ``log u``.

    Returns
    -------
    log_kernel : LogKernel or None
        None if the error is above the limit, or some entry of ``1 + sum`` is not positive and so rounding noise.
    """
    vector_error, u = decomposition.principal_error, decomposition.vectors[:, 0]
    if vector_error > LARGEST_VECTOR_ERROR:
        return None
    V, g = decomposition.vectors[:, 1:], ratios[1:]
    terms = np.sqrt(np.einsum("ij,j,ij->i", V, np.abs(g), V)) / u
    rounding = EPS * (4.0 - 4.0 * np.log(u.min()) + abs(offset))
    kernel_error = 2.0 * vector_error + rounding
    allowed = limit if for_distance else limit - kernel_error
    worst = int(np.argmax(terms))
    if _noise(V @ (g * V[worst]) / (u * u[worst]), terms[worst] * terms, sensitivity) > allowed:
        return None
    delta = (V * g) @ V.T
    delta = (delta + delta.T) / (2.0 * np.outer(u, u))
    noise = _noise(delta, np.multiply.outer(terms, terms), sensitivity)
    noise += 4.0 * vector_error * float(np.abs(delta).max())
    if noise > allowed:
        return None
    return LogKernel(np.log1p(delta), np.log(u), offset, noise + kernel_error, noise, "spectral, in Perron form")


def _noise(delta, terms, sensitivity):
    if delta.min() <= -1.0:
        return np.inf
    return SUMMATION * EPS * sensitivity * float((terms / (1.0 + delta)).max())
