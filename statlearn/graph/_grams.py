"""Two ways to hold a symmetric kernel matrix for clustering: the matrix itself, or features whose products it is.

A search keeps, for every restart and cluster, the weighted sum of the *rows* of the cluster's points (rows of the
matrix, or of the features), for sums follow a point that changes its cluster at the cost of one row. What a distance
needs is ``T[c, i] = sum of w_j k_ij over the points j of cluster c``, the *products* of these sums.
"""

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.lapack import dpotrf

__all__ = ["DenseGram", "FeatureGram"]

RELATIVE_JITTER = 1e-10  # added to the diagonal before a Cholesky factorization, relative to its largest entry


class DenseGram:
    """A symmetric kernel matrix, possibly indefinite.

    Parameters
    ----------
    K : array-like of shape (n, n)
        Symmetric and finite; not checked here. Kept without a copy where it is a C-contiguous array of float64.

    Attributes
    ----------
    n : int
        Number of points.
    rows : ndarray of shape (n, n)
        The matrix.
    diagonal : ndarray of shape (n,)
        Its diagonal ``k_ii``.
    rows_are_kernel : bool
        True: a row is the kernel with all points.

    Examples
    --------
    >>> from statlearn.graph._grams import DenseGram
    >>> DenseGram([[2.0, 1.0], [1.0, 2.0]]).diagonal
    array([2., 2.])
    """

    rows_are_kernel = True

    def __init__(self, K):
        self.rows = np.ascontiguousarray(K, dtype=np.float64)
        self.n = self.rows.shape[0]
        self.diagonal = self.rows.diagonal().copy()

    def columns(self, points):
        """Return the kernel between some points and all points.

        Parameters
        ----------
        points : ndarray of shape (m,)
            Indices.

        Returns
        -------
        columns : ndarray of shape (m, n)
            ``K[points]``.
        """
        return self.rows[points]

    def products(self, sums):
        """Return the kernel between all points and weighted sums of points.

        Parameters
        ----------
        sums : ndarray of shape (R, k, n)
            Weighted sums of rows.

        Returns
        -------
        products : ndarray of shape (R, k, n)
            ``sums`` itself: a row of the matrix is the kernel with all points.
        """
        return sums

    def subset(self, points):
        """Return the Gram representation of some points.

        Parameters
        ----------
        points : ndarray of shape (m,)
            Indices.

        Returns
        -------
        gram : DenseGram
            Of the chosen points, in their order.
        """
        return DenseGram(self.rows[np.ix_(points, points)])

    def is_euclidean(self):
        """Decide whether the points lie in a Euclidean space, that is whether the centered kernel is PSD.

        Returns
        -------
        answer : bool
            Whether a Cholesky factorization of ``H K H`` plus 1e-10 of its largest diagonal entry exists.
        """
        means = self.rows.mean(axis=1)
        centered = self.rows - means
        centered -= (means - means.mean())[:, None]
        largest = centered.diagonal().max()
        if not largest > 0.0:
            return not np.abs(centered).max() > RELATIVE_JITTER * np.abs(self.rows).max()
        centered[np.diag_indices(self.n)] += RELATIVE_JITTER * largest
        return dpotrf(centered.T, lower=1, overwrite_a=1, clean=0)[1] == 0

    def shifted(self, weights):
        """Add the smallest ``c / w_i`` to the diagonal that makes all squared distances non-negative.

        Every partition into k clusters then costs ``c (m - k)`` more, with m the number of points of positive weight:
        the best partition stays the best.

        Parameters
        ----------
        weights : ndarray of shape (n,)
            Weights of the points; those of weight zero are left as they are.

        Returns
        -------
        gram : DenseGram
            This object, if there is nothing to add.
        """
        present = np.flatnonzero(weights > 0.0)
        root = np.sqrt(weights[present])
        scaled = root[:, None] * self.rows[np.ix_(present, present)] * root
        unit = root / np.linalg.norm(root)  # the direction of a constant added to a row and column, which costs nothing
        image = scaled @ unit
        scaled -= np.outer(unit, image) + np.outer(image - (unit @ image) * unit, unit)
        smallest = eigh(scaled, eigvals_only=True, subset_by_index=[0, 0])[0]
        if smallest >= -RELATIVE_JITTER * np.abs(scaled).max():
            return self
        K = self.rows.copy()
        K[present, present] -= smallest / weights[present]
        return DenseGram(K)


class FeatureGram:
    """The kernel matrix ``F F'`` of features, which is never formed.

    Parameters
    ----------
    F : array-like of shape (n, r)
        Features; not checked here. Distances lose digits where the mean is far from zero, so center them.

    Attributes
    ----------
    n : int
        Number of points.
    rows : ndarray of shape (n, r)
        The features.
    diagonal : ndarray of shape (n,)
        Their squared lengths ``k_ii``.
    rows_are_kernel : bool
        False: the kernel is a product of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._grams import FeatureGram
    >>> FeatureGram([[3.0, 4.0], [0.0, 1.0]]).columns(np.array([0]))
    array([[25.,  4.]])
    """

    rows_are_kernel = False

    def __init__(self, F):
        self.rows = np.ascontiguousarray(F, dtype=np.float64)
        self.n = self.rows.shape[0]
        self.diagonal = np.einsum("ij,ij->i", self.rows, self.rows)

    def columns(self, points):
        """Return the kernel between some points and all points.

        Parameters
        ----------
        points : ndarray of shape (m,)
            Indices.

        Returns
        -------
        columns : ndarray of shape (m, n)
            ``F[points] F'``.
        """
        return self.rows[points] @ self.rows.T

    def products(self, sums):
        """Return the kernel between all points and weighted sums of points.

        Parameters
        ----------
        sums : ndarray of shape (R, k, r)
            Weighted sums of features.

        Returns
        -------
        products : ndarray of shape (R, k, n)
            ``sums F'``, one matrix product for all restarts.
        """
        flat = sums.reshape(-1, self.rows.shape[1]) @ self.rows.T
        return flat.reshape(*sums.shape[:2], self.n)

    def subset(self, points):
        """Return the Gram representation of some points.

        Parameters
        ----------
        points : ndarray of shape (m,)
            Indices.

        Returns
        -------
        gram : FeatureGram
            Of the chosen points, in their order.
        """
        return FeatureGram(self.rows[points])
