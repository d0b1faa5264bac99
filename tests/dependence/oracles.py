"""Slow, plainly written truth about distance covariance, against which the family is tested.

The first half is the definition, for rows that count once: distance matrices, their U- and V-centering, and sums over
pairs of rows. The second half is the same with weights, where a row of weight ``w`` stands for ``w`` copies of itself:
a sum over pairs of different copies is ``sum_ik w_i w_k A_ik`` less, once per copy, the pair of a copy with itself.
Everything is a dense matrix. Nothing here is shared with the code under test.

A problem is a prediction ``f`` of shape ``(n,)`` and a list of protected blocks, each of shape ``(n,)`` or ``(n, p)``.
"""

from fractions import Fraction
from itertools import combinations

import numpy as np

MEASURES = ("dcov", "ccdcov", "jdcov", "sum")


def as_columns(block):
    """A block as a table."""
    block = np.asarray(block, dtype=np.float64)
    return block[:, None] if block.ndim == 1 else block


def distances(block):
    """``b_ik = ||Z_i - Z_k||_2``."""
    Z = as_columns(block)
    return np.sqrt(((Z[:, None, :] - Z[None, :, :]) ** 2).sum(axis=2))


# ----------------------------------------------------------------------------------------- the definition (section 2.1)
def u_centered(b):
    """``b_ik - b_i./(n-2) - b_k./(n-2) + b../((n-1)(n-2))`` off the diagonal and 0 on it, from off-diagonal sums."""
    n = len(b)
    off = b * (1 - np.eye(n))
    rows = off.sum(axis=1)
    centered = off - rows[:, None] / (n - 2) - rows[None, :] / (n - 2) + off.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(centered, 0.0)
    return centered


def v_centered(b):
    """``b_ik - b_i./n - b_k./n + b../n^2``."""
    return b - b.mean(axis=1)[:, None] - b.mean(axis=0)[None, :] + b.mean()


def dcov2(x, y, unbiased=True):
    """Squared distance covariance of two blocks."""
    a, b, n = distances(x), distances(y), len(x)
    if unbiased:
        return float((u_centered(a) * u_centered(b)).sum() / (n * (n - 3)))
    return float((v_centered(a) * v_centered(b)).mean())


def exact_dcov2(x, y):
    """The unbiased version for columns of integers that take few values, in rational numbers and rounded once."""
    n = len(x)
    (values, i), (others, k) = np.unique(x, return_inverse=True), np.unique(y, return_inverse=True)
    counts = np.zeros((len(values), len(others)), dtype=np.int64)
    np.add.at(counts, (i, k), 1)
    counts = counts.astype(object)  # integers of any size
    a, b = (np.abs(np.subtract.outer(v, v)).astype(object) for v in (values, others))
    rows_a, rows_b = a @ counts.sum(axis=1), b @ counts.sum(axis=0)
    products, of_rows = (counts * (a @ counts @ b)).sum(), (counts * np.outer(rows_a, rows_b)).sum()
    totals = (counts.sum(axis=1) @ rows_a) * (counts.sum(axis=0) @ rows_b)
    return float((products - Fraction(2 * of_rows, n - 2) + Fraction(totals, (n - 1) * (n - 2))) / (n * (n - 3)))


def dvar2(x, unbiased=True):
    """Squared distance variance of a block."""
    return dcov2(x, x, unbiased)


def dcor2(x, y, unbiased=True):
    """Squared distance correlation of two blocks."""
    return dcov2(x, y, unbiased) / np.sqrt(dvar2(x, unbiased) * dvar2(y, unbiased))


def joint_dcov2(blocks, c=1.0, unbiased=True, standardize=False):
    """Squared joint distance covariance: the product over blocks of ``c`` MINUS the centered distances."""
    n, p = len(blocks[0]), len(blocks)
    centered = u_centered if unbiased else v_centered
    scales = [np.sqrt(dvar2(block, unbiased)) if standardize else 1.0 for block in blocks]
    product = np.prod([c - centered(distances(Z)) / s for Z, s in zip(blocks, scales, strict=True)], axis=0)
    if unbiased:
        np.fill_diagonal(product, 0.0)
        return float((product.sum() - n * (n - 1) * c**p) / (n * (n - 3)))
    return float(product.mean() - c**p)


def dcov2_of_order(blocks, unbiased=True):
    """The term of highest order: the mean product of the negated centered distances of all blocks."""
    n = len(blocks[0])
    centered = u_centered if unbiased else v_centered
    total = float(np.prod([-centered(distances(block)) for block in blocks], axis=0).sum())
    return total / (n * (n - 3)) if unbiased else total / n**2


def joint_dcov2_by_orders(blocks, c=1.0, unbiased=True):
    """The same by its expansion: ``sum over subsets A, |A| >= 2, of c^(p - |A|) dCov2(A)``."""
    p = len(blocks)
    return sum(
        c ** (p - order) * dcov2_of_order(subset, unbiased)
        for order in range(2, p + 1)
        for subset in combinations(blocks, order)
    )


def joint_dcov2_without_minus(blocks, c=1.0):
    """The classic bug: the centered distances themselves, not their negatives (V-version)."""
    return float(np.prod([c + v_centered(distances(block)) for block in blocks], axis=0).mean() - c ** len(blocks))


def concatenated(blocks):
    """``[S_1 | ... | S_d]``."""
    return np.hstack([as_columns(block) for block in blocks])


def plain_value(measure, f, blocks, c=1.0, unbiased=True):
    """A measure of a prediction and protected blocks, by its definition."""
    if measure == "jdcov":
        return joint_dcov2([f, *blocks], c, unbiased)
    if measure == "sum":
        return sum(dcov2(f, block, unbiased) for block in blocks)
    return dcov2(f, concatenated(blocks), unbiased)


def repeated(weight, array):
    """Every row as often as its integer weight says."""
    return np.repeat(np.asarray(array), np.asarray(weight, dtype=int), axis=0)


# --------------------------------------------------------------------------------------------------------- with weights
class Pairs:
    """Pairs of copies of rows: different copies in the U-version, all of them in the V-version."""

    def __init__(self, n, weight=None, unbiased=True):
        self.w = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
        self.N = float(self.w.sum())
        self.unbiased = unbiased

    def total(self, A):
        """The sum of a matrix over pairs of copies."""
        return float(self.w @ A @ self.w - (self.w @ np.diag(A) if self.unbiased else 0.0))

    def mean(self, A):
        """The sum over pairs divided by ``N (N - 3)``, or ``N^2``."""
        return self.total(A) / (self.N * (self.N - 3) if self.unbiased else self.N**2)

    def centered(self, K):
        """A kernel minus its row and column effects, such that it sums to 0 over the partners of every copy."""
        rows, N = K @ self.w, self.N
        if self.unbiased:
            rows = rows - np.diag(K)
            return K - (rows[:, None] + rows[None, :]) / (N - 2) + self.w @ rows / ((N - 1) * (N - 2))
        return K - (rows[:, None] + rows[None, :]) / N + self.w @ rows / N**2

    def variance(self, block):
        """Squared distance variance of a block."""
        return self.mean(self.centered(distances(block)) ** 2)


class Oracle:
    """One measure of one set of protected blocks.

    ``normalize="dcor"`` divides by roots of distance variances: of ``f`` and of the concatenation (dcov, ccdcov), of
    ``f`` and each block (sum), of ``f`` after every block was divided by its own (jdcov).
    """

    def __init__(self, measure, blocks, *, c=1.0, unbiased=True, weight=None, normalize=None):
        self.measure, self.blocks, self.c = measure, [as_columns(block) for block in blocks], c
        self.normalize = normalize
        self.pairs = Pairs(len(self.blocks[0]), weight, unbiased)
        self.kernel = self._kernel()

    def _kernel(self):
        """The matrix ``K`` of section 2.3: the part with ``f`` is the mean of ``centered(|f_i - f_k|) K_ik``."""
        pairs, standard = self.pairs, self.normalize == "dcor"
        if self.measure == "jdcov":
            scales = [np.sqrt(pairs.variance(Z)) if standard else 1.0 for Z in self.blocks]
            factors = [
                self.c - pairs.centered(distances(Z)) / s if s > 0 else np.full(2 * (len(Z),), self.c)
                for Z, s in zip(self.blocks, scales, strict=True)
            ]
            self.product = np.prod(factors, axis=0)
            return -self.product
        groups = self.blocks if self.measure == "sum" else [concatenated(self.blocks)]
        kernel = 0.0
        for Z in groups:
            variance = pairs.variance(Z) if standard else 1.0
            kernel = kernel + (distances(Z) / np.sqrt(variance) if variance > 0 else 0.0 * distances(Z))
        return kernel

    @property
    def constant(self):
        """The part without ``f``: ``c`` times the joint distance covariance of the blocks alone."""
        if self.measure != "jdcov":
            return 0.0
        pairs, n = self.pairs, len(self.product)
        return self.c * pairs.mean(self.product - np.full((n, n), self.c ** len(self.blocks)))

    def excess(self, f):
        """The part with ``f``."""
        a = self.pairs.centered(np.abs(np.subtract.outer(f, f)))
        part = self.pairs.mean(a * self.kernel)
        if self.normalize != "dcor":
            return part
        variance = self.pairs.variance(f)
        return part / np.sqrt(variance) if variance > 0 else 0.0

    def value(self, f):
        """The measure."""
        return self.constant + self.excess(f)

    def gradient(self, f):
        """The derivative by every ``f_j``: that of ``|f_i - f_k|`` is a sign, ``sgn(0) = 0``; centering is linear."""
        slopes = [self.pairs.centered(_moved(f, j)) for j in range(len(f))]
        part = np.array([self.pairs.mean(slope * self.kernel) for slope in slopes])
        if self.normalize != "dcor":
            return part
        a = self.pairs.centered(np.abs(np.subtract.outer(f, f)))
        variance, value = self.pairs.mean(a * a), self.pairs.mean(a * self.kernel)
        of_variance = np.array([2 * self.pairs.mean(slope * a) for slope in slopes])
        return part / np.sqrt(variance) - value * of_variance / (2 * variance**1.5)

    # ------------------------------------------------------------------------------------------ the units of tolerances
    @property
    def kernel_scale(self):
        """The mean size of the kernel, and for products of what they are made of."""
        if self.measure != "jdcov":
            return float(np.abs(self.kernel).mean())
        sizes = [np.abs(self.pairs.centered(distances(Z))).mean() for Z in self.blocks]
        if self.normalize == "dcor":
            sizes = [1.0 for _ in sizes]
        return float(np.prod([self.c + size for size in sizes]))

    def value_scale(self, f):
        """What a value is compared with: mean distance of ``f`` times size of the kernel."""
        size = 1.0 if self.normalize == "dcor" else float(np.abs(np.subtract.outer(f, f)).mean())
        return size * self.kernel_scale

    def gradient_scale(self, f):
        """What a component of the gradient is compared with: the share of the heaviest row times size of the kernel."""
        size = float(np.abs(np.subtract.outer(f, f)).mean()) if self.normalize == "dcor" else 1.0
        return self.pairs.w.max() / self.pairs.N * self.kernel_scale / size


def _moved(f, j):
    """How ``|f_i - f_k|`` changes when ``f_j`` moves up."""
    change = np.zeros((len(f), len(f)))
    change[j, :] = change[:, j] = np.sign(f[j] - f)
    return change


def finite_differences(function, f, step):
    """Central differences of a function of a vector."""
    f = np.asarray(f, dtype=np.float64)
    return np.array([(function(f + step * e) - function(f - step * e)) / (2 * step) for e in np.eye(len(f))])


def smallest_gap(f):
    """The least distance of two different values."""
    values = np.unique(f)
    return float(np.diff(values).min()) if len(values) > 1 else 1.0


# ------------------------------------------------------------------------------------------------------------- problems
def one_hot(labels, n_levels):
    """One column per level, none dropped."""
    return np.eye(n_levels)[np.asarray(labels)]


def binary(rng, n):
    """A fair 0/1 column."""
    return rng.integers(0, 2, n).astype(float)


def nominal(rng, n, n_levels):
    """One-hot columns of a label."""
    return one_hot(rng.integers(0, n_levels, n), n_levels)


def tied(rng, n):
    """Few different numbers."""
    return rng.integers(-3, 4, n) / 4


def uniform(rng, n, scale=1.0):
    """A continuous column."""
    return scale * rng.random(n)


PROBLEMS = {
    "binary": lambda rng, n: [binary(rng, n)],
    "nominal": lambda rng, n: [nominal(rng, n, 4)],
    "cells": lambda rng, n: [binary(rng, n), nominal(rng, n, 3)],
    "three attributes": lambda rng, n: [binary(rng, n), nominal(rng, n, 3), nominal(rng, n, 4)],
    "column": lambda rng, n: [rng.normal(size=n)],
    "tied column": lambda rng, n: [tied(rng, n)],
    "columns": lambda rng, n: [uniform(rng, n), tied(rng, n)],
    "mixed": lambda rng, n: [binary(rng, n), nominal(rng, n, 3), uniform(rng, n)],
    "mixed, tied": lambda rng, n: [tied(rng, n), nominal(rng, n, 3)],
    "mixed, two columns": lambda rng, n: [uniform(rng, n), binary(rng, n), rng.normal(size=n)],
    "plane": lambda rng, n: [rng.normal(size=(n, 2))],
    "space and cells": lambda rng, n: [rng.normal(size=(n, 3)), binary(rng, n)],
}


def prediction(rng, n, ties):
    """A prediction, with or without ties."""
    return tied(rng, n) if ties else rng.normal(size=n)


def weights(rng, n, kind):
    """No weights, integers (some of them 0), or fractions."""
    if kind == "integer":
        return np.concatenate([[2.0, 3.0, 1.0], rng.integers(0, 4, n - 3)])
    return rng.uniform(0.3, 3.0, n) if kind == "fractional" else None


def xor(copies=1):
    """Two fair coins, and whether they differ, in a balanced design."""
    first, second = np.repeat(np.array([0.0, 0, 1, 1]), copies), np.repeat(np.array([0.0, 1, 0, 1]), copies)
    return np.abs(first - second), first, second
