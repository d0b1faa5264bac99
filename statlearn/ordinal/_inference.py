"""Wald covariances of unpenalized coordinates."""

import numpy as np
from scipy.linalg import solve_triangular

from ._kernels import assemble_hessian

__all__ = ["coordinate_covariance"]

SINGULAR = 1e-10  # of the largest: a smaller pivot of the correlation-scaled Hessian means collinear features


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
    block, column = np.nonzero(chosen)
    features = np.unique(column)
    curvature = problem.loss.curvature(point.curvatures, features)
    hessian = assemble_hessian(curvature.same, curvature.crossed, block, np.searchsorted(features, column))
    information = problem.total_weight * hessian
    effective = np.flatnonzero(np.diag(information) > 0.0)
    covariance = np.zeros_like(information)
    scale = np.sqrt(np.diag(information)[effective])
    correlation = information[np.ix_(effective, effective)] / np.outer(scale, scale)
    try:
        root = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        return None
    if np.diag(root).min(initial=1.0) ** 2 <= SINGULAR:
        return None
    inverse_root = solve_triangular(root, np.eye(effective.size), lower=True) / scale
    covariance[np.ix_(effective, effective)] = inverse_root.T @ inverse_root
    return covariance
