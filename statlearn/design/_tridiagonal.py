"""Exact draws of the projection DPP of all polynomials below a degree, as eigenvalues of random tridiagonal matrices.

The eigenvalues of a classical ensemble of m x m random matrices (with ``beta = 2``) have the density
``(1/m!) det[p_j(t_i)]^2`` of the projection DPP of the orthonormal polynomials ``p_0, ..., p_{m-1}``, and the ensemble
has a tridiagonal model with independent entries. A draw costs O(m^2).

References
----------
I. Dumitriu and A. Edelman. Matrix models for beta ensembles. Journal of Mathematical Physics 43, 2002.

R. Killip and I. Nenciu. Matrix models for circular ensembles. International Mathematics Research Notices 50, 2004.
"""

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal

__all__ = ["hermite_ensemble", "jacobi_ensemble", "laguerre_ensemble"]


def hermite_ensemble(m, rng):
    """Points (m,) of the projection DPP for the standard normal measure, ascending."""
    return eigvalsh_tridiagonal(rng.standard_normal(m), _chi(2.0 * np.arange(m - 1, 0, -1), rng) / np.sqrt(2.0))


def laguerre_ensemble(m, alpha, rng):
    """Points (m,) of the projection DPP for the density ``t^alpha exp(-t)`` on t > 0, ascending.

    The points are halves of the squared singular values of a bidiagonal matrix B. They are found as eigenvalues of
    the matrix with blocks 0, B, B', 0, whose rows can be ordered so that it is tridiagonal: unlike those of ``B B'``
    they cannot be negative, and small ones keep their digits.
    """
    entries = np.empty(2 * m - 1)
    entries[::2] = _chi(2.0 * (alpha + np.arange(m, 0, -1)), rng)
    entries[1::2] = _chi(2.0 * np.arange(m - 1, 0, -1), rng)
    singular_values = eigvalsh_tridiagonal(np.zeros(2 * m), entries)[m:]
    return 0.5 * singular_values**2


def jacobi_ensemble(m, a, b, rng):
    """Points (m,) of the projection DPP for the density ``(1 - t)^a (1 + t)^b`` on [-1, 1], ascending."""
    k = np.arange(2 * m - 1)
    even = k % 2 == 0
    s = np.where(even, (2 * m - k - 2) / 2 + a + 1, (2 * m - k - 3) / 2 + a + b + 2)
    t = np.where(even, (2 * m - k - 2) / 2 + b + 1, (2 * m - k - 1) / 2)
    # One entry before the first and after the last: -1 at both ends, as in the paper.
    alpha = np.concatenate([[-1.0], 1.0 - 2.0 * rng.beta(s, t), [-1.0]])
    before, here, after = alpha[:-1:2], alpha[1::2], alpha[2::2]
    diagonal = (1.0 - before) * here
    diagonal[1:] -= (1.0 + before[1:]) * here[:-1]
    squares = (1.0 - before[:-1]) * (1.0 - here[:-1] ** 2) * (1.0 + after[:-1])
    points = 0.5 * eigvalsh_tridiagonal(diagonal, np.sqrt(squares))
    return np.clip(points, -1.0, 1.0)  # eigenvalues near the ends are off by rounding


def _chi(degrees_of_freedom, rng):
    return np.sqrt(2.0 * rng.standard_gamma(degrees_of_freedom / 2.0))
