"""Functions of matrices with an error that is small in every entry, because nothing is ever subtracted.

A logarithm needs each entry of a kernel to a small *relative* error. Eigendecompositions and `scipy.linalg.expm` are
accurate relative to the largest entry only. The routes here add and multiply non-negative numbers.
"""

import math

import numpy as np

from ._graph_kernels import eliminate

__all__ = ["PositiveExponential", "double_factorial_series", "m_matrix_inverse"]

LEAF = 48  # rows below which one compiled elimination is quicker than two halves
TAYLOR = [1.0 / math.factorial(k) for k in range(17)]
KEPT_STATES = 2  # a grid of ratio sqrt(2) is two interleaved grids of ratio 2
SERIES_RESCALE = 1e100


def m_matrix_inverse(weights, excess):
    r"""Inverse of a symmetric diagonally dominant M-matrix, with a small relative error in every entry.

    The matrix is :math:`M = \mathrm{diag}(r + W 1) - W`, given by what determines its inverse to full relative
    accuracy: its off-diagonal part and its row sums. With :math:`K_{1} = M_{11}^{-1}`, whose excess is
    :math:`r_1 + W_{12} 1`, the Schur complement has the weights :math:`W_{22} + W_{21} K_1 W_{12}` and the excess
    :math:`r_2 + W_{21} K_1 r_1`, so the halves are M-matrices given in the same way and nothing is ever subtracted.
    Costs 4/3 n^3 multiplications, nearly all of them in matrix products.

    Parameters
    ----------
    weights : ndarray of shape (n, n)
        Symmetric, non-negative; the diagonal does not matter.
    excess : ndarray of shape (n,)
        Row sums of M: non-negative, positive somewhere in every connected component of ``weights``.

    Returns
    -------
    inverse : ndarray of shape (n, n)
        Non-negative, symmetric up to rounding.
    """
    n = len(excess)
    if n <= LEAF:
        return eliminate(np.array(weights), np.array(excess))
    half = n // 2
    W12, r1 = weights[:half, half:], excess[:half]
    K1 = m_matrix_inverse(weights[:half, :half], r1 + W12.sum(axis=1))
    B = K1 @ W12
    K22 = m_matrix_inverse(weights[half:, half:] + W12.T @ B, excess[half:] + B.T @ r1)
    K12 = B @ K22
    inverse = np.empty((n, n))
    inverse[:half, :half] = K1 + K12 @ B.T
    inverse[:half, half:] = K12
    inverse[half:, :half] = K12.T
    inverse[half:, half:] = K22
    return inverse


class PositiveExponential:
    """exp(t X) of a symmetric non-negative matrix, entry by entry accurate, at one t after the other.

    Taylor's series to degree 16 of ``t X / 2**s``, then ``s`` squarings: sums of products of non-negative numbers. So
    many squarings that walks as long as the graph is wide, and as long as the norm of ``t X``, leave at most about half
    a step to each factor; the terms left out are then below 1e-16 of every entry. A later ``t`` that is a power of two
    times an earlier one costs one squaring per doubling.

    Parameters
    ----------
    X : ndarray of shape (n, n)
        Symmetric, non-negative.
    hops : int
        Upper bound on the number of edges between two nodes.
    """

    def __init__(self, X, hops):
        self.X = X
        self.hops = hops
        self.norm = X.sum(axis=1).max()
        self._states = []

    def squarings(self, t):
        """Squarings between Taylor's series and ``t``, on the way that `at` takes; each doubles the relative error."""
        start, steps = self._nearest_state(t)
        return steps if start is None else start[2] + steps

    def _doublings(self, t):
        return max(0, math.ceil(math.log2(2.0 * (self.hops + t * self.norm))))

    def at(self, t):
        """The exponential at ``t`` as a matrix and an integer: ``exp(t X) = K * 2.0**exponent``."""
        start, steps = self._nearest_state(t)
        K, exponent, squared = start or (*self._taylor(t / 2.0**steps), 0)
        for _ in range(steps):
            K, exponent = _square(K, exponent)
        others = [state for state in self._states if state[0] != t]
        self._states = [*others, (t, K, exponent, squared + steps)][-KEPT_STATES:]
        return K, exponent

    def _nearest_state(self, t):
        """The kept state that reaches ``t`` by the fewest squarings, and their number."""
        best, steps = None, self._doublings(t)
        for known, *state in self._states:
            mantissa, power = math.frexp(t / known)
            if mantissa == 0.5 and 1 <= power <= steps:
                best, steps = state, power - 1
        return best, steps

    def _taylor(self, t):
        """Paterson and Stockmeyer's scheme for the polynomial of degree 16."""
        X = t * self.X
        X2 = X @ X
        powers = (None, X, X2, X2 @ X)
        X4 = X2 @ X2
        K = TAYLOR[16] * X4
        for first in (12, 8, 4, 0):
            for j in (1, 2, 3):
                K += TAYLOR[first + j] * powers[j]
            K.flat[:: len(K) + 1] += TAYLOR[first]
            if first:
                K = K @ X4
        return (K + K.T) / 2, 0


def _square(K, exponent):
    K = K @ K.T  # of a symmetric matrix: BLAS computes one triangle and mirrors it
    power = math.frexp(K.max())[1]
    K *= 2.0**-power
    return K, 2 * exponent + power


def double_factorial_series(X):
    """The sum of ``X**k / k!!`` over all k for a sparse non-negative X, as a matrix and an integer exponent of 2.

    Terms are added until two in a row change no entry; all are non-negative.
    """
    before, term = np.zeros(X.shape), np.eye(X.shape[0])
    total, exponent, k, quiet = term.copy(), 0, 0, 0
    while quiet < 2 and term.any():
        k += 1
        before, term = term, X @ term if k == 1 else X @ (X @ before) / k
        previous, total = total, total + term
        quiet = quiet + 1 if np.array_equal(total, previous) and (total > 0.0).all() else 0
        if total.max() > SERIES_RESCALE:
            power = math.frexp(total.max())[1]
            total, term, before = (matrix * 2.0**-power for matrix in (total, term, before))
            exponent += power
    return total, exponent
