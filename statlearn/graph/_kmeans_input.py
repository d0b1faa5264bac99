"""What kernel k-means is given: the kernel between training rows, their number, initial clusters."""

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics.pairwise import pairwise_kernels

from ._grams import DenseGram, FeatureGram
from ._kmeans_kernels import compare_with_transpose

__all__ = ["check_initial_labels", "check_symmetric_kernel", "check_weights", "training_gram"]

ASYMMETRY = 1e-8  # of the largest entry: more is not rounding
LAST_DIGITS = 1e-14  # of the largest entry: as little as the order of a sum makes
WEIGHT_RANGE = 1e100  # products of two weights stay clear of underflow


def check_symmetric_kernel(K):
    """Check a precomputed kernel matrix between the training rows.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_columns)
        Finite.

    Returns
    -------
    K : ndarray of shape (n_rows, n_rows)
        The same array, or a symmetrized copy if coarser rounding than its own made it asymmetric.

    Raises
    ------
    ValueError
        If the matrix is not square or not symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._kmeans_input import check_symmetric_kernel
    >>> check_symmetric_kernel(np.eye(2)).shape
    (2, 2)
    """
    if K.shape[0] != K.shape[1]:
        raise ValueError(
            f"X must be a square matrix of kernels between the training rows when kernel='precomputed'. Got shape "
            f"{K.shape} instead: pass pairwise_kernels(X), or choose kernel='rbf' to have the kernel computed."
        )
    asymmetry, largest = compare_with_transpose(K)
    if asymmetry > ASYMMETRY * largest:
        raise ValueError(
            f"X must be symmetric when kernel='precomputed'. Got entries that differ from their mirror image by "
            f"{asymmetry:.3g}: symmetrize it: (K + K.T) / 2."
        )
    return K if asymmetry <= LAST_DIGITS * largest else (K + K.T) / 2.0


def check_weights(weights, n_clusters):
    """Check that there are at least as many rows as clusters, and that no weight vanishes beside another.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Weights of the rows; those of weight zero do not count.
    n_clusters : int
        Number of clusters.

    Raises
    ------
    ValueError
        If there are fewer rows, or positive weights differ by a factor of more than 1e100.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._kmeans_input import check_weights
    >>> check_weights(np.ones(3), 3)
    """
    present = weights[weights > 0.0]
    if present.size < n_clusters:
        raise ValueError(
            f"n_samples={present.size} should be >= n_clusters={n_clusters}, counting rows of positive weight: lower "
            "n_clusters."
        )
    if present.max() / WEIGHT_RANGE > present.min():
        raise ValueError(
            f"sample_weight ranges from {present.min():.3g} to {present.max():.3g}, further than double precision can "
            f"carry: set weights below {present.max() / WEIGHT_RANGE:.3g} to 0."
        )


def check_initial_labels(init, n_clusters, weights):
    """Check clusters to start from.

    Parameters
    ----------
    init : array-like of shape (n_samples,)
        The cluster of each row.
    n_clusters : int
        Number of clusters.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        The same integers.

    Raises
    ------
    ValueError
        If the shape, the type or a value is wrong, or a cluster has no row of positive weight.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._kmeans_input import check_initial_labels
    >>> check_initial_labels([0, 1, 1], 2, np.ones(3))
    array([0, 1, 1])
    """
    labels = np.asarray(init)
    if labels.dtype.kind not in "iu" or labels.shape != weights.shape:
        raise ValueError(
            f"init must be an array of {weights.size} integers, the cluster of each row. Got an array of shape "
            f"{labels.shape} and type {labels.dtype} instead."
        )
    expected = np.arange(n_clusters)
    if not (np.array_equal(np.unique(labels[weights > 0.0]), expected) and np.isin(labels, expected).all()):
        raise ValueError(
            f"init must use each of the clusters 0, ..., {n_clusters - 1} for a row of positive weight, and no other. "
            f"Got the clusters {np.unique(labels).tolist()} instead."
        )
    return labels.astype(np.int64)


def training_gram(X, weights, kernel, parameters):
    """Hold the kernel between the training rows in the form that suits it.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Training rows, or the kernel between them.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    kernel : str or callable
        As in `sklearn.metrics.pairwise.pairwise_kernels`.
    parameters : dict
        Keyword arguments of the kernel.

    Returns
    -------
    gram : DenseGram or FeatureGram
        Features, centered at the weighted mean, for the linear kernel between dense rows.

    Raises
    ------
    ValueError
        If the kernel is not finite, or a precomputed one not square and symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._kmeans_input import training_gram
    >>> training_gram(np.array([[1.0], [3.0]]), np.ones(2), "linear", {}).rows.ravel()
    array([-1.,  1.])
    """
    if kernel == "precomputed":
        return DenseGram(check_symmetric_kernel(X))
    if kernel == "linear" and not issparse(X):
        return FeatureGram(X - np.average(X, axis=0, weights=weights))
    K = pairwise_kernels(X, metric=kernel, **parameters)
    if not np.isfinite(K).all():
        raise ValueError(
            f"kernel={kernel!r} gave values that are infinite or NaN: scale the columns of X, or choose other "
            "parameters of the kernel."
        )
    return DenseGram(K)
