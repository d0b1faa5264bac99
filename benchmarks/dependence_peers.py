"""Peers of distance covariance: what other packages compute, and plain NumPy on n x n matrices.

=============  ==============================================================
symbol         meaning, shape
=============  ==============================================================
``f``          predictions, (n,)
``S``          attributes side by side, (n, p)
``K``          kernel of pairs of rows of the attributes, (n, n)
=============  ==============================================================

The measure of the predictions is ``sum_{i != k} |f_i - f_k| K_ik / (n (n - 3))`` plus a constant, with the U-centered
kernel K.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

__all__ = [
    "DENSE_PEERS",
    "FAST_PEERS",
    "Peer",
    "PlainPenalty",
    "fit_plain_poisson",
    "hyppo_chi_square",
    "plain_value",
    "u_centered",
]


class Peer(NamedTuple):
    """The squared distance covariance of another package.

    Parameters
    ----------
    module : str
        What is imported.
    distribution : str
        Its name on the index.
    value : callable
        From predictions and attributes to the unbiased squared distance covariance.
    """

    module: str
    distribution: str
    value: Callable


# --- packages --------------------------------------------------------------------------------------------------------


def _dcor_avl(f, S):
    """Two columns, O(n log n): what dcor chooses by itself."""
    import dcor

    return float(dcor.u_distance_covariance_sqr(f, S, method="avl"))


def _dcor_mergesort(f, S):
    """Two columns, O(n log n)."""
    import dcor

    return float(dcor.u_distance_covariance_sqr(f, S, method="mergesort"))


def _dcor(f, S):
    """Any columns, O(n^2): what dcor's documentation says to call."""
    import dcor

    return float(dcor.u_distance_covariance_sqr(f, S))


def _dcor_from_distances(f, S):
    """The same from the centered distance matrices that dcor's functions take, with SciPy's distances."""
    import dcor

    f = f[:, None]
    return float(dcor.u_product(dcor.u_centered(cdist(f, f)), dcor.u_centered(cdist(S, S))))


def plain_value(f, S):
    """Unbiased squared distance covariance from two distance matrices and their sums, the least that NumPy needs.

    Parameters
    ----------
    f : ndarray of shape (n,)
    S : ndarray of shape (n, p)

    Returns
    -------
    value : float

    Examples
    --------
    >>> round(plain_value(np.arange(1.0, 21.0), (np.arange(1.0, 21.0)[:, None] - 7.3) ** 2 / 10.0), 6)
    8.923399
    """
    n = len(f)
    a, b = np.abs(f[:, None] - f), cdist(S, S)
    a_sums, b_sums = a.sum(axis=1), b.sum(axis=1)
    value = np.vdot(a, b) - 2.0 * (a_sums @ b_sums) / (n - 2) + a_sums.sum() * b_sums.sum() / ((n - 1) * (n - 2))
    return float(value / (n * (n - 3)))


FAST_PEERS = {
    "dcor, mergesort": Peer("dcor", "dcor", _dcor_mergesort),
    "dcor, AVL": Peer("dcor", "dcor", _dcor_avl),
}
DENSE_PEERS = {
    "dcor": Peer("dcor", "dcor", _dcor),
    "dcor, distances by SciPy": Peer("dcor", "dcor", _dcor_from_distances),
    "NumPy": Peer("numpy", "numpy", plain_value),
}


def hyppo_chi_square(f, S):
    """Squared distance correlation and p-value of hyppo's chi-squared test.

    Two columns take its O(n log n) routine, others distance matrices.

    Parameters
    ----------
    f : ndarray of shape (n,)
    S : ndarray of shape (n, p)

    Returns
    -------
    correlation, pvalue : float
    """
    from hyppo.independence import Dcorr

    found = Dcorr().test(f[:, None], S, auto=True)
    return float(found.stat), float(found.pvalue)


# --- plain NumPy, with the gradient ----------------------------------------------------------------------------------


def u_centered(matrix):
    """U-centering of a symmetric matrix, whose diagonal becomes zero.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)

    Returns
    -------
    centered : ndarray of shape (n, n)

    Examples
    --------
    >>> u_centered(cdist(np.eye(5), np.eye(5))).sum(axis=0).round(12).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    n = len(matrix)
    hollow = matrix - np.diag(np.diag(matrix))
    sums = hollow.sum(axis=1)
    centered = hollow - sums[:, None] / (n - 2) - sums / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centered, 0.0)
    return centered


class PlainPenalty:
    """The penalty and its gradient from n x n matrices, as one writes it from the formulas.

    Automatic differentiation of the distance matrices, the usual way, does more: it forms and centers the matrix of the
    predictions too, and goes back through both.

    Parameters
    ----------
    blocks : list of ndarray of shape (n, p)
        Attributes.
    measure : {"ccdcov", "jdcov"}, default="ccdcov"
        Distance covariance with the concatenated attributes, or joint distance covariance.
    c : float, default=1.0
        Constant of joint distance covariance.

    Examples
    --------
    >>> f = np.arange(1.0, 21.0)
    >>> value, gradient = PlainPenalty([(f[:, None] - 7.3) ** 2 / 10.0, f[:, None] % 3]).value_and_grad(f)
    >>> round(value, 6), gradient.shape
    (8.46586, (20,))
    """

    def __init__(self, blocks, measure="ccdcov", c=1.0):
        self._scale, self._constant = 1.0 / (len(blocks[0]) * (len(blocks[0]) - 3)), 0.0
        kernel = cdist(*[np.hstack(blocks)] * 2) if measure == "ccdcov" else -self._joint(blocks, c)
        self._kernel = u_centered(kernel)

    def _joint(self, blocks, c):
        """Products of minus the centered distances plus c, and the part of the measure that is free of f."""
        product = np.prod([c - u_centered(cdist(block, block)) for block in blocks], axis=0)
        n, pairs = len(product), product.sum() - np.trace(product)
        self._constant = c * self._scale * (pairs - n * (n - 1) * c ** len(blocks))
        return product

    def value_and_grad(self, f):
        """The measure and its gradient.

        Parameters
        ----------
        f : ndarray of shape (n,)

        Returns
        -------
        value : float
        gradient : ndarray of shape (n,)
        """
        signs = np.sign(np.subtract.outer(f, f))
        gradient = 2.0 * self._scale * np.einsum("ik,ik->i", signs, self._kernel)
        return float(f @ gradient) + self._constant, gradient


def fit_plain_poisson(X, y, blocks, fairness_weight):
    """Fair Poisson regression with `PlainPenalty` of the predicted means, by L-BFGS of SciPy from the plain fit.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    y : ndarray of shape (n,)
    blocks : list of ndarray
        Attributes.
    fairness_weight : float

    Returns
    -------
    objective : float
        Mean loss plus weighted penalty at the solution.
    coefficients : ndarray of shape (p + 1,)
        The intercept is the last one.
    """
    design, penalty = np.column_stack([X, np.ones(len(X))]), PlainPenalty(blocks)

    def objective(theta, weight):
        u = design @ theta
        mean = np.exp(u)
        value, slope = penalty.value_and_grad(mean) if weight else (0.0, 0.0)
        gradient = design.T @ ((mean - y) / len(y) + weight * slope * mean)
        return np.mean(mean - y * u) + weight * value, gradient

    theta = np.zeros(design.shape[1])
    theta[-1] = np.log(y.mean())
    for weight in (0.0, fairness_weight):
        found = minimize(objective, theta, (weight,), "L-BFGS-B", jac=True, options={"maxcor": 20, "maxiter": 500})
        theta = found.x
    return float(found.fun), theta
