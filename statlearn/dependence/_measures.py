"""The measures of dependence on given blocks: kernel, constant and normalization."""

from functools import cached_property

import numpy as np

from ._blocks import Levels
from ._engines import Protected, build_kernel, variance_method
from ._kernels import SumKernel
from ._ordering import distance_variance

__all__ = ["Measure", "block_variance", "free_part", "signed_value", "standardized"]

VANISHING = 1e-13  # a distance variance below this share of its uncentered terms is rounding


def signed_value(kernel, ordering):
    """``scale * sum_ik w_i w_k |f_i - f_k| Kt_ik`` and its gradient."""
    centering = kernel.centering
    gradient = 2.0 * centering.scale * ordering.weights * kernel.centered_signed_sums(ordering)
    return float(ordering.deviations @ gradient), gradient


def block_variance(table, kernel):
    """Squared distance variance of a block from the row sums of its distances."""
    weights, total = kernel.centering.weights, kernel.centering.total
    deviations = table - (weights @ table) / total
    squares = 2.0 * total * float(weights @ np.einsum("ij,ij->i", deviations, deviations))
    variance = kernel.centering.squared_norm(squares, kernel.row_sums)
    return variance if variance > VANISHING * kernel.centering.scale * squares else 0.0


def standardized(block, centering, method, n_jobs):
    """The block in units of its distance standard deviation, or as it is where that is 0."""
    kernel, _, _ = build_kernel(Protected([block], centering, n_jobs=n_jobs), variance_method(method))
    variance = block_variance(block, kernel)
    return block / np.sqrt(variance) if variance > 0.0 else block


def free_part(kernel, c, n_blocks):
    """What of joint distance covariance does not depend on f: c times that of the other blocks alone."""
    if n_blocks == 1:
        return 0.0
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
    """

    def __init__(self, blocks, centering, *, measure, c, normalize, method, n_jobs):
        self.centering, self._normalize = centering, normalize
        self._of_others = {"measure": measure, "c": c, "method": method, "n_jobs": n_jobs}
        self._blocks = blocks
        if measure in ("dcov", "ccdcov"):
            blocks = [np.hstack(blocks)]
        if normalize is not None:
            blocks = [standardized(block, centering, method, n_jobs) for block in blocks]
        groups = [[block] for block in blocks] if measure == "sum" else [blocks]
        built = [build_kernel(Protected(group, centering, c, n_jobs), method) for group in groups]
        kernels, names, errors = zip(*built, strict=True)
        self.kernel = kernels[0] if len(kernels) == 1 else SumKernel(kernels, [1.0] * len(kernels), centering)
        self.engine, self.relative_error = "+".join(dict.fromkeys(names)), max(errors)
        self.n_levels = Levels(np.hstack(blocks)).n_levels
        self.constant = free_part(self.kernel, c, len(groups[0]))

    @cached_property
    def normalized(self):
        """The same measure with ``normalize="dcor"``."""
        if self._normalize is not None:
            return self
        return Measure(self._blocks, self.centering, normalize="dcor", **self._of_others)

    def excess_and_grad(self, ordering):
        """What the measure is above its constant, and the gradient."""
        excess, gradient = signed_value(self.kernel, ordering)
        if self._normalize is None:
            return excess, gradient
        variance, slope = distance_variance(ordering, self.centering)
        squares = 2.0 * self.centering.total * float(ordering.weights @ ordering.deviations**2)
        if variance <= VANISHING * self.centering.scale * squares:
            return 0.0, np.zeros_like(gradient)
        deviation = np.sqrt(variance)
        return excess / deviation, gradient / deviation - (0.5 * excess / (variance * deviation)) * slope
