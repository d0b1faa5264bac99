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


def block_variance(blocks, kernel):
    """Squared distance variance of blocks side by side from the row sums of their distances."""
    weights, total = kernel.centering.weights, kernel.centering.total
    squares = 0.0
    for column in (column for block in blocks for column in block.T):
        deviations = column - (weights @ column) / total
        squares += 2.0 * total * float(weights @ deviations**2)
    variance = kernel.centering.squared_norm(squares, kernel.row_sums)
    return variance if variance > VANISHING * kernel.centering.scale * squares else 0.0


def standardized(blocks, centering, method, n_jobs):
    """Blocks in units of the distance standard deviation of their concatenation, or as they are where that is 0."""
    kernel, _, _ = build_kernel(Protected(blocks, centering, n_jobs=n_jobs), variance_method(method))
    variance = block_variance(blocks, kernel)
    return [block / np.sqrt(variance) for block in blocks] if variance > 0.0 else blocks


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
        self.centering, self._normalize = centering, normalize
        self._of_others = {"measure": measure, "c": c, "method": method, "n_jobs": n_jobs}
        self._blocks = blocks
        if normalize is not None:
            blocks = _standardized_for(measure, blocks, centering, method, n_jobs)
        groups = [[block] for block in blocks] if measure == "sum" else [blocks]
        c = c if measure == "jdcov" else None
        protected = [Protected(group, centering, c, n_jobs) for group in groups]
        kernels, names, errors = zip(*(build_kernel(one, method) for one in protected), strict=True)
        self.kernel = kernels[0] if len(kernels) == 1 else SumKernel(kernels, [1.0] * len(kernels), centering)
        self.engine, self.relative_error = "+".join(dict.fromkeys(names)), max(errors)
        self.n_levels = (protected[0].levels if len(protected) == 1 else Levels(blocks)).n_levels
        self.constant = free_part(self.kernel, c, len(blocks)) if protected[0].is_joint else 0.0

    @property
    def is_normalized(self):
        """Whether the measure is free of the scale of the predictions."""
        return self._normalize is not None

    @cached_property
    def normalized(self):
        """The same measure with ``normalize="dcor"``."""
        if self.is_normalized:
            return self
        return Measure(self._blocks, self.centering, normalize="dcor", **self._of_others)

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


def _standardized_for(measure, blocks, centering, method, n_jobs):
    """The blocks in units of their distance standard deviations, of all columns where these are one block."""
    together = [blocks] if measure in ("dcov", "ccdcov") else [[block] for block in blocks]
    return [block for group in together for block in standardized(group, centering, method, n_jobs)]
