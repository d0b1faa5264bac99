r"""The cumulative-logit likelihood in difference coordinates: value, gradient and curvature.

With classes ``0 < ... < M`` the cut predictors are :math:`\eta_k(x) = a_k + x'\beta_k`, :math:`P(y \le k) =
\sigma(\eta_k)`. Coordinates are the differences ``theta[k] = (a_k - a_{k-1}, beta_k - beta_{k-1})``, so
``theta`` has shape ``(M, 1 + n_features)``, its column 0 belongs to the leading ones of the design, and
:math:`\eta_k = \tilde z' (\theta_0 + \dots + \theta_k)`.

A row of class ``c`` feels ``theta[k]`` through both its predictors if ``k < c``, through ``u`` alone if ``k == c``, and
not at all if ``k > c``. Hence the Hessian block of ``theta[k]`` and ``theta[l]`` depends on ``max(k, l)`` alone when
``k != l``: ``2M - 1`` distinct blocks, and at most three weighted Gram matrices per row whatever the number of classes.
"""

from dataclasses import dataclass

import numpy as np

from ._kernels import assemble_hessian, row_terms

__all__ = ["CumulativeLogitLoss", "Curvature"]


@dataclass(frozen=True)
class Curvature:
    """The distinct Hessian blocks over the design columns ``features``.

    Attributes
    ----------
    same : ndarray of shape (M, n, n)
        Block of ``theta[k]`` with itself.
    crossed : ndarray of shape (M, n, n)
        Block of ``theta[k]`` with any ``theta[l]``, ``l < k``.
    features : ndarray of shape (n,)
        Sorted design columns the blocks cover.
    """

    same: np.ndarray
    crossed: np.ndarray
    features: np.ndarray

    def covers(self, features):
        """Whether the blocks hold every one of ``features``."""
        return self.features.size >= features.size and bool(np.isin(features, self.features).all())

    def hessian(self, block, column):
        """Hessian of the coordinates (block, column)."""
        return assemble_hessian(self.same, self.crossed, block, np.searchsorted(self.features, column))


class CumulativeLogitLoss:
    """Mean negative log-likelihood of class-sorted rows.

    Parameters
    ----------
    design : DenseDesign or SparseDesign
    weights : ndarray of shape (n_rows,)
        Non-negative, summing to one.
    """

    def __init__(self, design, weights):
        self.design = design
        self.weights = weights
        self.bounds = design.bounds
        self.n_cuts = self.bounds.size - 2

    def _classes(self):
        """Class, row slice, and the columns (0 for u, 1 for v) of the predictors it has."""
        for level in range(self.n_cuts + 1):
            columns = [column for column, cut in enumerate((level, level - 1)) if 0 <= cut < self.n_cuts]
            yield level, slice(self.bounds[level], self.bounds[level + 1]), columns

    def predictors(self, theta, *, missing=np.inf):
        """The pairs (u, v) of every row: shape (n_rows, 2).

        The top class has no ``u`` and the bottom class no ``v``: they read ``missing`` and ``-missing``.
        """
        cuts = np.cumsum(theta, axis=0)
        result = np.empty((self.weights.size, 2))
        only_intercepts = not cuts[:, 1:].any()
        for level, rows, columns in self._classes():
            if only_intercepts:
                result[rows] = missing, -missing
                result[rows, columns[0] : columns[-1] + 1] = cuts[[level - column for column in columns], 0]
            elif len(columns) == 2:
                self.design.times(level, cuts[[level, level - 1]].T, out=result[rows])
            else:
                result[rows] = missing, -missing
                result[rows, columns[0]] = self.design.times(level, cuts[level - columns[0]])
        return result

    def evaluate(self, predictors):
        """Loss, its slopes in (u, v) and its curvature terms, as `row_terms` gives them."""
        slopes, curvatures = np.empty_like(predictors), np.empty((predictors.shape[0], 3))
        loss = row_terms(predictors, self.weights, slopes, curvatures)
        return loss, slopes, curvatures

    def gradient(self, slopes):
        """Gradient in ``theta``: suffix sums over the cuts of the gradient in (a, beta)."""
        by_cut = np.zeros((self.n_cuts, self.design.n_columns))
        for level, rows, columns in self._classes():
            products = self.design.transposed_times(level, slopes[rows])
            for column in columns:
                by_cut[level - column] += products[:, column]
        return np.cumsum(by_cut[::-1], axis=0)[::-1]

    def curvature(self, curvatures, features, *, quick=False):
        """Hessian blocks over the design columns ``features``; ``quick`` ones may be of single precision."""
        dtype = self.design.quick_type if quick else np.float64
        same, crossed = np.empty((2, self.n_cuts, features.size, features.size), dtype=dtype)
        above = np.zeros((features.size, features.size), dtype=dtype)  # common curvature of the classes > k
        for level, rows, columns in reversed(list(self._classes())):
            in_u, in_v, in_gap = curvatures[rows].T
            if columns == [1]:  # the top class has no u: nothing of its own
                above += self.design.grams(level, in_v[:, None], features, dtype)[0]
            elif columns == [0]:  # the bottom class has no v: nothing below it to share with
                np.add(self.design.grams(level, in_u[:, None], features, dtype)[0], above, out=same[level])
                crossed[level] = same[level]
            else:
                weights = np.column_stack([in_u + in_gap, in_u, in_u + in_v])
                own, mixed, common = self.design.grams(level, weights, features, dtype)
                np.add(own, above, out=same[level])
                np.add(mixed, above, out=crossed[level])
                above += common
        return Curvature(same, crossed, features)
