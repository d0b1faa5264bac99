"""The chain rule of a projection determinantal point process, by rejection and in blocks.

The process of an m-dimensional space with orthonormal basis phi has the density det[phi_j(x_i)]^2 / m! for its m
points. Given k points, the next has density (||phi||^2 - ||B phi||^2) / (m - k), with B the k orthonormal rows that
span phi at these points. Propose from ||phi||^2 / m and accept with probability 1 - ||B psi||^2, where
psi = phi / ||phi||. Residuals fall as points are added, so a block of candidates is first held against B as it was
when the block began, by one matrix product, and its survivors are then taken in order.
"""

from math import ceil, log

import numpy as np

from ._dpp_kernels import extend_basis

__all__ = ["growing_blocks", "large_blocks", "sample_chain"]

PROPOSALS_ALLOWED = 50  # times m (log m + 3); m (log m + 0.58) are needed on average
SMALLEST_BLOCK, MIDDLE_BLOCK = 32, 128


def large_blocks(n_points, m):
    """About half of the proposals that are needed, within the sizes that were measured to be fast."""
    return min(max(MIDDLE_BLOCK, m // 4), max(SMALLEST_BLOCK, ceil(m * (log(m) + 1) / 2)))


def growing_blocks(n_points, m):
    """More proposals as fewer of them are accepted: faster where proposals cost little by the block."""
    return min(max(MIDDLE_BLOCK, m // 4), max(SMALLEST_BLOCK, 3 * n_points))


def sample_chain(propose, m, rng, block_size=large_blocks):
    """Draw the m points of a projection determinantal point process.

    Parameters
    ----------
    propose : callable
        ``propose(n, rng)`` returns n proposals drawn independently from ||phi||^2 / m times the measure: an array of n
        points or indices, and the array of shape (n, m) of their unit rows phi / ||phi||.
    m : int
        Dimension of the space.
    rng : numpy.random.Generator
        Source of the random numbers.
    block_size : callable, default=large_blocks
        ``block_size(n_points, m)`` is the number of proposals at a time, given the number of points so far. It does not
        change the law.

    Returns
    -------
    points : ndarray of shape (m, ...)
        The points, in exchangeable order.
    rows : ndarray of shape (m, m)
        Their unit rows.

    Raises
    ------
    RuntimeError
        If far more proposals are rejected than can be: the basis is not orthonormal.

    References
    ----------
    Hough, Krishnapur, Peres, Virag (2006). "Determinantal processes and independence". Probability Surveys 3, 206-229.

    Examples
    --------
    Three of the rows of an orthonormal matrix:

    >>> import numpy as np
    >>> from statlearn.design._projection_dpp import sample_chain
    >>> rng = np.random.default_rng(0)
    >>> Q = np.linalg.qr(rng.normal(size=(100, 3)))[0]
    >>> norms = np.linalg.norm(Q, axis=1)
    >>> def propose(n, rng):
    ...     rows = rng.choice(100, size=n, p=norms**2 / 3)
    ...     return rows, Q[rows] / norms[rows, None]
    >>> points, rows = sample_chain(propose, 3, rng)
    >>> points.shape, rows.shape
    ((3,), (3, 3))
    """
    n_allowed = PROPOSALS_ALLOWED * m * (log(m) + 3)
    basis, n_points, n_proposed = np.empty((m, m)), 0, 0
    points, rows = [], []
    while n_points < m:
        if n_proposed > n_allowed:
            raise RuntimeError(
                f"{n_proposed} proposals gave {n_points} of the m={m} points of a projection determinantal point "
                "process, where m (log m + 1) are enough on average. The basis is not orthonormal for the measure "
                "that is proposed from, or its functions are linearly dependent: check both."
            )
        n = block_size(n_points, m)
        proposed, unit_rows = propose(n, rng)
        taken = extend_basis(np.ascontiguousarray(unit_rows), rng.random(n), basis, n_points)
        points.append(proposed[taken])
        rows.append(unit_rows[taken])
        n_points += len(taken)
        n_proposed += n
    return np.concatenate(points), np.concatenate(rows)
