"""U- and V-centering of a symmetric kernel of pairs of rows, from its row sums.

A weight stands for that many copies of its row. The U-version leaves out the pair of a copy with itself, which is one
value ``K_ii`` per copy, and divides by what makes the covariance unbiased; the V-version leaves out nothing.
"""

import numpy as np

__all__ = ["Centering"]


class Centering:
    """The denominators of one of the two versions.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    unbiased : bool
        Whether to use the U-version.
    """

    def __init__(self, weights, unbiased):
        self.weights, self.unbiased = weights, unbiased
        self.total = total = float(weights.sum())
        if unbiased:
            _require_four(weights, total)
            self.n_pairs = total * (total - 1.0)
            self.scale = 1.0 / (total * (total - 3.0))
            self._row, self._all = total - 2.0, (total - 1.0) * (total - 2.0)
        else:
            self.n_pairs = total * total
            self.scale = 1.0 / self.n_pairs
            self._row, self._all = total, self.n_pairs

    def row_sums(self, sums, diagonal):
        """Row sums over the pairs that count, from those over all rows."""
        return sums - diagonal if self.unbiased else sums

    def means(self, row_sums):
        """What is taken from an entry: ``K_ik - row_means_i - row_means_k + grand_mean``."""
        return row_sums / self._row, float(self.weights @ row_sums) / self._all

    def squared_norm(self, sum_of_squares, row_sums):
        """``scale * sum Kt_ik^2`` from the sum of the squares ``K_ik^2`` over pairs and the row sums."""
        row_means, grand_mean = self.means(row_sums)
        centered = sum_of_squares - 2.0 * float((self.weights * row_sums) @ row_means)
        return self.scale * (centered + grand_mean * float(self.weights @ row_sums))

    def covariance(self, products, row_products, total, other_total, unit):
        """``scale * sum Kt_ik Lt_ik`` from sums alone, with weights that were divided by a unit: of ``K_ik L_ik`` over
        pairs, of the products of the row sums of K and L over rows, and of either row sums."""
        by_row, by_all = unit / (self.total - 2.0 * self.unbiased), unit / (self.total - 1.0 * self.unbiased)
        scale = unit / self.total * (unit / (self.total - 3.0 * self.unbiased))
        return scale * (products - 2.0 * row_products * by_row + total * by_all * (other_total * by_row))


def _require_four(weights, total):
    if total > 3.0 and weights.size > 0:
        return
    if np.all(weights == 1.0):
        raise ValueError(
            f"unbiased distance covariance needs at least 4 samples, got n_samples = {weights.size}. Use "
            "unbiased=False for fewer."
        )
    raise ValueError(
        f"unbiased distance covariance needs weights that sum to more than 3, got a sum of {total:.6g}; a weight means "
        "that many copies of its row. Rescale sample_weight, so that it has the mean 1."
    )
