"""The predictions in ascending order, with their ties."""

from copy import copy
from functools import cached_property

import numpy as np

from ._sweeps import signed_sums

__all__ = ["Ordering", "distance_variance", "starts_of_ties"]


def starts_of_ties(increasing):
    """The first position of each block of equal values and, at the end, their number."""
    changes = np.flatnonzero(increasing[1:] != increasing[:-1]) + 1
    return np.concatenate([[0], changes, [increasing.size]])


class Ordering:
    """Predictions in ascending order.

    Parameters
    ----------
    predictions : ndarray of shape (n_samples,)
        The predictions f.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.

    Attributes
    ----------
    deviations : ndarray of shape (n_samples,)
        The predictions about their mean, to which all measures are blind and without which sums are more accurate.
    order : ndarray of shape (n_samples,)
        Rows in ascending order.
    starts : ndarray of shape (n_blocks + 1,)
        First position of each block of ties, and the number of rows.
    """

    def __init__(self, predictions, weights):
        self.predictions, self.weights = predictions, weights
        self.deviations = predictions - (weights @ predictions) / weights.sum()
        self.order = np.argsort(predictions)
        self.starts = starts_of_ties(predictions[self.order])

    def permuted(self, permutation):
        """The ordering of the predictions when row ``permutation[i]`` gets that of row i; all weights must be equal."""
        twin = copy(self)
        vars(twin).pop("signs", None)
        twin.predictions, twin.deviations = np.empty_like(self.predictions), np.empty_like(self.predictions)
        twin.predictions[permutation], twin.deviations[permutation] = self.predictions, self.deviations
        twin.order = permutation[self.order]
        return twin

    def in_units(self, unit):
        """The ordering of the predictions divided by a positive number."""
        twin = copy(self)
        twin.deviations = self.deviations / unit
        return twin

    @cached_property
    def signs(self):
        """``sum_k w_k sgn(f_i - f_k)``."""
        return signed_sums(self.order, self.starts, self.weights)

    def signed_sums(self, values):
        """``sum_k w_k sgn(f_i - f_k) values_k``."""
        return signed_sums(self.order, self.starts, self.weights * values)


def distance_variance(ordering, centering):
    """Squared distance variance of the predictions and its gradient, in O(n log n).

    It is homogeneous of degree 2, so that the value is half of f times the gradient.
    """
    f, weights = ordering.deviations, centering.weights
    row_means, grand_mean = centering.means(f * ordering.signs - ordering.signed_sums(f))
    slopes = centering.total * f - weights @ f
    slopes -= row_means * ordering.signs + ordering.signed_sums(row_means - grand_mean)
    gradient = 4.0 * centering.scale * weights * slopes
    return 0.5 * float(f @ gradient), gradient
