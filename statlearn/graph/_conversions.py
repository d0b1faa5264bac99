"""From kernels to distances and back."""

import numpy as np

from .._support._sklearn import validate_params
from .._support.validation import check_array
from .._typing import ArrayLike, FloatArray

__all__ = ["centered", "distance_of", "distance_to_kernel", "kernel_to_distance"]

ASYMMETRY = 1e-8  # relative to the largest entry


def kernel_to_distance(K: ArrayLike) -> FloatArray:
    r"""Distances of a kernel, :math:`D_{ij} = k_{ii} + k_{jj} - k_{ij} - k_{ji}`.

    They are squared Euclidean distances when K is positive semi-definite, and may be negative otherwise.

    Parameters
    ----------
    K : array-like of shape (n, n)
        The kernel. An asymmetric one is symmetrized by the formula.

    Returns
    -------
    D : ndarray of shape (n, n)
        Symmetric, with a diagonal of exact zeros.

    Raises
    ------
    ValueError
        If K is not square or not finite.

    References
    ----------
    V. Ivashkin and P. Chebotarev. Do logarithmic proximity measures outperform plain ones in graph clustering? 2016.
    The authors halve these distances, which changes no clustering.

    Examples
    --------
    >>> from statlearn.graph import kernel_to_distance
    >>> kernel_to_distance([[2.0, 1.0], [1.0, 3.0]])
    array([[0., 3.],
           [3., 0.]])
    """
    return distance_of(_square(K, "K"))


@validate_params({"squared": ["boolean"]}, prefer_skip_nested_validation=True)
def distance_to_kernel(D: ArrayLike, *, squared: bool = False) -> FloatArray:
    r"""Centered kernel of distances, :math:`K = -\frac{1}{2} H D H` with :math:`H = I - 11^\top / n`.

    Inverse of `kernel_to_distance` up to centering: ``kernel_to_distance(distance_to_kernel(D))`` is D.

    Parameters
    ----------
    D : array-like of shape (n, n)
        Symmetric distances with a diagonal of zeros.
    squared : bool, default=False
        Square the entries first, as classical scaling does. By default the distances are taken for squared ones,
        which is how shortest paths, free energies and randomized shortest paths enter the studies of the literature.

    Returns
    -------
    K : ndarray of shape (n, n)
        Symmetric, with zero row sums. Positive semi-definite only if D is squared Euclidean.

    Raises
    ------
    ValueError
        If D is not square, symmetric and finite with a zero diagonal.

    Examples
    --------
    >>> from statlearn.graph import distance_to_kernel
    >>> distance_to_kernel([[0.0, 4.0], [4.0, 0.0]])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    D = _square(D, "D")
    scale = np.abs(D).max()
    if np.abs(D - D.T).max() > ASYMMETRY * scale:
        raise ValueError("D must be symmetric: pass (D + D.T) / 2.")
    if np.abs(np.diag(D)).max() > ASYMMETRY * scale:
        raise ValueError("D must have a diagonal of zeros. Got similarities? See kernel_to_distance.")
    return -0.5 * centered(D * D if squared else D)


def centered(K):
    """Double centering: zero row and column sums."""
    means = K.mean(axis=1)
    result = K - means[:, None] - K.mean(axis=0)[None, :] + means.mean()
    return (result + result.T) / 2


def distance_of(K):
    """`kernel_to_distance` without checks."""
    diagonal = np.diag(K)
    D = (diagonal[:, None] + diagonal[None, :]) - (K + K.T)
    np.fill_diagonal(D, 0.0)
    return D


def _square(matrix, name):
    matrix = check_array(matrix, dtype=np.float64, input_name=name)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must be a square matrix. Got shape {matrix.shape}.")
    return matrix
