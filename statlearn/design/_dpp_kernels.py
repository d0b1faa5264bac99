"""Kernels of the samplers of projection determinantal point processes.

| symbol | name | shape |
|---|---|---|
| orthonormal rows q_i of the pool | ``Q`` | (n_rows, m) |
| leverage scores | ``leverage`` | (n_rows,) |
| candidates, of norm 1 | ``unit_rows`` | (n_candidates, m) |
| orthonormal rows that span the points drawn before | ``basis`` | (m, m), the first ``n_points`` rows |
| Gram matrix of candidates, less what the basis explains | ``gram`` | (n_candidates, n_candidates) |
"""

import numpy as np

from .._support.jit import njit

__all__ = ["NEGLIGIBLE", "accept_in_order", "chain_rows", "extend_basis"]

NEGLIGIBLE = 1e-12  # residual of a unit row that is rounding noise


@njit
def extend_basis(unit_rows, uniforms, basis, n_points):
    """Positions of the accepted candidates, whose directions are put below the first ``n_points`` rows of the basis.

    Directions D lose digits where residuals are small, which they seldom are, as they are accepted in proportion:
    D - (D D^T - I) D / 2 squares the error.
    """
    survivors = _not_rejected(unit_rows, uniforms, basis, n_points)
    residuals = unit_rows[survivors]
    earlier, n_left = basis[:n_points], basis.shape[0] - n_points
    if n_points > 0:
        _subtract(residuals, np.dot(np.dot(residuals, earlier.T), earlier))
    accepted, coefficients = accept_in_order(np.dot(residuals, residuals.T), uniforms[survivors], n_left)
    if accepted.size < n_left:
        directions = np.dot(coefficients, residuals[accepted])
        if n_points > 0:
            _subtract(directions, np.dot(np.dot(directions, earlier.T), earlier))
        error = np.dot(directions, directions.T)
        for k in range(accepted.size):
            error[k, k] -= 1.0
        correction = np.dot(error, directions)
        for k in range(accepted.size):
            for j in range(basis.shape[1]):
                basis[n_points + k, j] = directions[k, j] - 0.5 * correction[k, j]
    return survivors[accepted]


@njit
def _not_rejected(unit_rows, uniforms, basis, n_points):
    """Positions of the candidates that the basis leaves enough of."""
    residuals = np.ones(uniforms.size)
    if n_points > 0:
        coefficients = np.dot(basis[:n_points], unit_rows.T)
        for j in range(n_points):
            for i in range(uniforms.size):
                residuals[i] -= coefficients[j, i] ** 2
    survivors = np.empty(uniforms.size, dtype=np.int64)
    n_survivors = 0
    for i in range(uniforms.size):
        survivors[n_survivors] = i
        n_survivors += uniforms[i] < residuals[i]
    return survivors[:n_survivors]


@njit
def _subtract(rows, others):
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            rows[i, j] -= others[i, j]


@njit
def accept_in_order(gram, uniforms, n_max):
    """Positions of the accepted candidates: i is accepted if its uniform is below its residual given those before it.

    A partial Cholesky factorization whose pivots are taken in order, with chance. It stops after ``n_max`` of them. The
    inverse of the factor comes along: coefficients of the accepted candidates that make them orthonormal.
    O(n_candidates^2 n_accepted) at most.
    """
    n_candidates = gram.shape[0]
    residuals = np.empty(n_candidates)
    for i in range(n_candidates):
        residuals[i] = gram[i, i]
    factor = np.empty((min(n_max, n_candidates), n_candidates))
    coefficients = np.zeros((factor.shape[0], factor.shape[0]))
    accepted = np.empty(n_candidates, dtype=np.int64)
    n_accepted = 0
    for i in range(n_candidates):
        if residuals[i] <= NEGLIGIBLE or uniforms[i] >= residuals[i]:
            continue
        accepted[n_accepted] = i
        row, own, scale = factor[n_accepted], coefficients[n_accepted], 1.0 / np.sqrt(residuals[i])
        for j in range(i, n_candidates):
            row[j] = gram[i, j]
        own[n_accepted] = 1.0
        for earlier in range(n_accepted):
            multiple = factor[earlier, i]
            for j in range(i, n_candidates):
                row[j] -= multiple * factor[earlier, j]
            for j in range(earlier + 1):
                own[j] -= multiple * coefficients[earlier, j]
        for j in range(i, n_candidates):
            row[j] *= scale
            residuals[j] -= row[j] ** 2
        for j in range(n_accepted + 1):
            own[j] *= scale
        n_accepted += 1
        if n_accepted == n_max:
            break
    return accepted[:n_accepted], coefficients[:n_accepted, :n_accepted].copy()


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
