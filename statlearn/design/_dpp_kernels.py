"""Kernels of the samplers of projection determinantal point processes.

| symbol | name | shape |
|---|---|---|
| orthonormal rows q_i of the pool | ``Q`` | (n_rows, m) |
| leverage scores | ``leverage`` | (n_rows,) |
| Gram matrix of candidates, less what points drawn before explain | ``gram`` | (n_candidates, n_candidates) |
"""

import numpy as np

from .._support.jit import njit

__all__ = ["NEGLIGIBLE", "accept_in_order", "chain_rows"]

NEGLIGIBLE = 1e-12  # residual of a unit row that is rounding noise


@njit
def accept_in_order(gram, uniforms, n_max):
    """Positions of the accepted candidates: i is accepted if its uniform is below its residual given those before it.

    A partial Cholesky factorization whose pivots are taken in order, with chance. It stops after ``n_max`` of them.
    O(n_candidates^2 n_accepted) at most.
    """
    n_candidates = gram.shape[0]
    residuals = np.diag(gram).copy()
    columns = np.empty((min(n_max, n_candidates), n_candidates))
    accepted = np.empty(n_candidates, dtype=np.int64)
    n_accepted = 0
    for i in range(n_candidates):
        if residuals[i] <= NEGLIGIBLE or uniforms[i] >= residuals[i]:
            continue
        accepted[n_accepted] = i
        column, scale = columns[n_accepted], 1.0 / np.sqrt(residuals[i])
        column[:] = gram[i]
        for earlier in range(n_accepted):
            factor = columns[earlier, i]
            for j in range(i + 1, n_candidates):
                column[j] -= factor * columns[earlier, j]
        for j in range(i + 1, n_candidates):
            column[j] *= scale
            residuals[j] -= column[j] ** 2
        n_accepted += 1
        if n_accepted == n_max:
            break
    return accepted[:n_accepted]


@njit
def chain_rows(Q, leverage, uniforms):
    """Draw m rows one after the other, each with chance its squared distance from the span of those before.

    O(n_rows m^2).
    """
    m = Q.shape[1]
    residuals = leverage.copy()
    basis = np.empty((m, m))
    rows = np.empty(m, dtype=np.int64)
    for step in range(m):
        chosen = _locate(residuals, uniforms[step] * residuals.sum())
        rows[step] = chosen
        direction = Q[chosen].copy()
        earlier = basis[:step]
        for _ in range(2):
            direction -= np.dot(np.dot(earlier, direction), earlier)
        basis[step] = direction / np.sqrt(np.dot(direction, direction))
        explained = np.dot(Q, basis[step])
        for i in range(residuals.size):
            residuals[i] -= explained[i] ** 2
            if residuals[i] <= NEGLIGIBLE * leverage[i]:
                residuals[i] = 0.0
        residuals[chosen] = 0.0
    return rows


@njit
def _locate(masses, target):
    """The entry in which the cumulative sum of the masses exceeds the target; the last positive one if none does."""
    last, cumulative = 0, 0.0
    for i in range(masses.size):
        if masses[i] > 0.0:
            last = i
            cumulative += masses[i]
            if cumulative > target:
                break
    return last
