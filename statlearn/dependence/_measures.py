"""The measures of dependence on given blocks: kernel, constant and normalization."""

from copy import copy
from functools import cached_property

import numpy as np

from ._blocks import Levels
from ._engines import Protected, build_kernel, variance_method
from ._kernels import SumKernel
from ._ordering import distance_variance

__all__ = ["Measure", "distance_deviation", "free_part", "signed_value", "standardized"]

VANISHING = 1e-13  # a distance variance below this share of its uncentered terms is rounding


def signed_value(kernel, ordering):
    """``scale * sum_ik w_i w_k |f_i - f_k| Kt_ik`` and its gradient."""
    centering = kernel.centering
    gradient = 2.0 * centering.scale * ordering.weights * kernel.centered_signed_sums(ordering)
    return float(ordering.deviations @ gradient), gradient


def sum_of_squares(blocks, centering):
    """``sum_ik w_i w_k |S_i - S_k|^2`` of blocks side by side."""
    weights, total = centering.weights, 0.0
    for column in (column for block in blocks for column in block.T):
        deviations = column - (weights @ column) / centering.total
        total += float(weights @ deviations**2)
    return 2.0 * centering.total * total


def distance_deviation(blocks, centering, method, n_jobs):
    """Distance standard deviation of blocks side by side, from the row sums of their distances."""
    protected = Protected(blocks, centering, n_jobs=n_jobs)
    kernel, _, _ = build_kernel(protected, variance_method(method, protected.n_columns))
    return _deviation(sum_of_squares(blocks, centering), kernel)


def _deviation(squares, kernel):
    variance = kernel.centering.squared_norm(squares, kernel.row_sums)
    return float(np.sqrt(variance)) if variance > VANISHING * kernel.centering.scale * squares else 0.0


def standardized(block, centering, method, n_jobs):
    """A block in units of its distance standard deviation, or as it is where that is 0."""
    deviation = distance_deviation([block], centering, method, n_jobs)
    return block / deviation if deviation > 0.0 else block


def free_part(kernel, c, n_blocks):
    """What of joint distance covariance does not depend on f: c times that of the other blocks alone."""
    centering = kernel.centering
    products = -float(centering.weights @ kernel.row_sums)
    return c * centering.scale * (products - centering.n_pairs * c**n_blocks)


class Measure:
    """A measure of dependence on given blocks.

    Parameters
    ----------
    blocks : list of ndarray of shape (n_samples, n_columns)
        The protected side.
    centering : Centering
        The version, U or V, and the weights.
    measure, c, normalize, method, n_jobs
        As in `DistanceCovariancePenalty`.

    Attributes
    ----------
    kernel : SignedKernel
        The kernel of the measure.
    constant : float
        What does not depend on the predictions.
    engine : str
        Name of the engine.
    n_levels : int
        Number of distinct rows of the blocks.
    relative_error : float
        That of a sliced engine, else 0.
    """

    def __init__(self, blocks, centering, *, measure, c, normalize, method, n_jobs):
        self.centering, self.is_normalized = centering, normalize is not None
        self._of_others = {"measure": measure, "c": c, "method": method, "n_jobs": n_jobs}
        is_joint = measure == "jdcov" and len(blocks) > 1
        is_sliced = method == "sliced" or not isinstance(method, str)
        # what the twin is made of; arrays of the caller may change
        self._blocks = [block.copy() for block in blocks] if is_joint or is_sliced else None
        if is_joint and self.is_normalized:
            blocks = [standardized(block, centering, method, n_jobs) for block in blocks]
        groups = [[block] for block in blocks] if measure == "sum" else [blocks]
        protected = [Protected(group, centering, c if is_joint else None, n_jobs) for group in groups]
        kernels, names, errors = zip(*(build_kernel(one, method) for one in protected), strict=True)
        self._kernels, self.engine, self.relative_error = kernels, "+".join(dict.fromkeys(names)), max(errors)
        if is_joint:
            self._deviations = [1.0]
        elif is_sliced:
            self._deviations = [distance_deviation(group, centering, method, n_jobs) for group in groups]
        else:
            self._deviations = [
                _deviation(sum_of_squares(group, centering), kernel)
                for group, kernel in zip(groups, kernels, strict=True)
            ]
        self.kernel = self._summed(self.is_normalized)
        self.n_levels = (protected[0].levels if len(protected) == 1 else Levels(blocks)).n_levels
        self.constant = free_part(self.kernel, c, len(blocks)) if is_joint else 0.0

    def _summed(self, normalized):
        """The sum of the kernels, in units of their distance standard deviations; constant blocks add nothing."""
        factors = [1.0 / deviation if normalized and deviation > 0.0 else 1.0 for deviation in self._deviations]
        return self._kernels[0] if factors == [1.0] else SumKernel(self._kernels, factors, self.centering)

    @cached_property
    def normalized(self):
        """The same measure with ``normalize="dcor"``."""
        if self.is_normalized:
            return self
        if self._blocks is not None:
            return Measure(self._blocks, self.centering, normalize="dcor", **self._of_others)
        twin = copy(self)
        twin.is_normalized, twin.kernel = True, self._summed(True)
        return twin

    def excess_and_grad(self, ordering):
        """What the measure is above its constant, and the gradient."""
        if not self.is_normalized:
            return signed_value(self.kernel, ordering)
        unit = np.abs(ordering.deviations).max()  # the form has no scale, and squares of f need one
        if unit == 0.0:
            return 0.0, np.zeros_like(ordering.deviations)
        ordering = ordering.in_units(unit)
        excess, gradient = signed_value(self.kernel, ordering)
        variance, slope = distance_variance(ordering, self.centering)
        squares = 2.0 * self.centering.total * float(ordering.weights @ ordering.deviations**2)
        if variance <= VANISHING * self.centering.scale * squares:
            return 0.0, np.zeros_like(gradient)
        deviation = np.sqrt(variance)
        return excess / deviation, (gradient - (0.5 * excess / variance) * slope) / deviation / unit
