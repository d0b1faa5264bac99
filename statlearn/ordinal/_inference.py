"""Observed information about unpenalized coordinates, and what it determines."""

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf

__all__ = ["coordinate_covariance", "efficient_information", "independent", "information"]

SINGULAR = 1e-10  # of the largest: a smaller pivot of the correlation-scaled Hessian means collinear features


def information(problem, point, chosen):
    """Observed information of the ``chosen`` difference coordinates, in the order of ``numpy.nonzero(chosen)``."""
    block, column = np.nonzero(chosen)
    curvature = problem.loss.curvature(point.curvatures, np.unique(column))
    return problem.total_weight * curvature.hessian(block, column)


def coordinate_covariance(problem, point, chosen):
    """Inverse observed information of the ``chosen`` difference coordinates, the others held fixed.

    Parameters
    ----------
    problem : OrdinalProblem
    point : Point
        A maximum-likelihood fit.
    chosen : ndarray of bool of shape (M, 1 + n_features)

    Returns
    -------
    covariance : ndarray of shape (n_chosen, n_chosen) or None
        Rows in the order of ``numpy.nonzero(chosen)``; zero for coordinates without any effect (constant features);
        None when features are collinear.
    """
    matrix = information(problem, point, chosen)
    effective = np.flatnonzero(np.diag(matrix) > 0.0)
    covariance = np.zeros_like(matrix)
    scale = np.sqrt(np.diag(matrix)[effective])
    correlation = matrix[np.ix_(effective, effective)] / np.outer(scale, scale)
    try:
        root = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        return None
    if np.diag(root).min(initial=1.0) ** 2 <= SINGULAR:
        return None
    inverse_root = solve_triangular(root, np.eye(effective.size), lower=True) / scale
    covariance[np.ix_(effective, effective)] = inverse_root.T @ inverse_root
    return covariance


def efficient_information(matrix, tested):
    """Information about the ``tested`` coordinates that is left when the others are estimated too.

    It is the Schur complement of the other coordinates, less those that follow from the rest of them: collinear columns
    among the others do no harm.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Positive semidefinite.
    tested : ndarray of bool of shape (n,)

    Returns
    -------
    efficient : ndarray of shape (n_tested, n_tested)
    scale : ndarray of shape (n_tested,)
        Square roots of the diagonal before the others were eliminated, 1 for coordinates without effect.
    """
    scale = np.sqrt(np.diag(matrix))
    scale = np.where(scale > 0.0, scale, 1.0)
    correlation = matrix / np.outer(scale, scale)
    others = np.flatnonzero(~tested)
    kept = others[independent(correlation[np.ix_(others, others)])]
    root = np.linalg.cholesky(correlation[np.ix_(kept, kept)])
    explained = solve_triangular(root, correlation[np.ix_(kept, tested)], lower=True)
    efficient = correlation[np.ix_(tested, tested)] - explained.T @ explained
    return efficient * np.outer(scale[tested], scale[tested]), scale[tested]


def independent(matrix):
    """Positions of as many coordinates as the positive semidefinite ``matrix``, of diagonal at most 1, determines."""
    if matrix.size == 0:
        return np.empty(0, dtype=np.int64)
    root, order, rank, _ = dpstrf(matrix, tol=SINGULAR)
    large = np.diag(root)[:rank] ** 2 > SINGULAR  # LAPACK takes any first pivot
    return np.sort(order[:rank][large] - 1)
