"""Where to evaluate, and how good a least-squares fit there can be."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from .._support.validation import check_vector
from .._typing import BoolArray, FloatArray, IntArray
from ._basis import OrthonormalBasis, named_rows

__all__ = ["INDEPENDENT", "Design"]

INDEPENDENT = -1  # the block of points that are drawn independently


@dataclass(frozen=True, eq=False, repr=False)
class Design:
    r"""Points at which to evaluate a function, with weights for least squares.

    With basis functions :math:`\varphi_1, \dots, \varphi_m`, orthonormal for the measure :math:`\mu`, and weights
    :math:`w_i`, the reference measure over the sampling density, the fit minimizes
    :math:`\frac1n \sum_i w_i (y_i - c \cdot \varphi(x_i))^2`. How far noise and the part of a function outside the
    space are amplified is governed by the Gram matrix :math:`G = \frac1n \sum_i w_i \varphi(x_i) \varphi(x_i)^T`, which
    is the identity on average.

    Attributes
    ----------
    points : ndarray of shape (n, n_dims), or of int of shape (n,)
        The points; for a pool the positions of the rows.
    log_weights : ndarray of shape (n,)
        Logarithms of the weights, which are finite where weights underflow.
    features : ndarray of shape (n, m)
        Rows :math:`\sqrt{w_i / n}\, \varphi(x_i)`, finite wherever the points are.
    block : ndarray of int of shape (n,)
        Number of the determinantal draw that a point belongs to; -1 for points drawn independently.
    conditioned : bool or None
        Whether the design met the condition that was asked for; None if there was none.
    n_drawn : int
        Number of designs that were drawn until this one was taken. With a condition and one candidate at a time, one
        over the mean of this number is the chance of a design to meet it.

    Raises
    ------
    ValueError
        If features are not finite.

    Examples
    --------
    >>> from statlearn.design import PolynomialBasis, RepeatedDPP
    >>> design = RepeatedDPP(PolynomialBasis(degree=9, n_dims=1)).sample("3m", random_state=0)
    >>> design.points.shape, design.features.shape, int(design.block.max())
    ((30, 1), (30, 10), 2)
    >>> bool(design.gram_lambda_min > 0.1)
    True
    """

    points: np.ndarray
    log_weights: FloatArray
    features: FloatArray
    block: IntArray
    conditioned: bool | None = None
    n_drawn: int = 1

    def __post_init__(self):
        wrong = ~np.isfinite(self.features).all(axis=1)
        for name in ("points", "log_weights", "features", "block"):
            array = getattr(self, name).view()
            array.flags.writeable = False  # an estimator keeps the design that it hands out
            object.__setattr__(self, name, array)
        if wrong.any():
            raise ValueError(
                f"the weighted basis functions are not finite at {named_rows(wrong)}: they overflow there, or are all "
                "0, which has no chance under the optimal density. Leave the points out, or give other weights."
            )

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self):
        what = "rows of a pool" if self.points.ndim == 1 else f"points in {self.points.shape[1]} dimensions"
        return f"Design({len(self)} {what}, m={self.features.shape[1]}, gram_lambda_min={self.gram_lambda_min:.3g})"

    @property
    def weights(self) -> FloatArray:
        """Weights of the points; 0 where they underflow."""
        return np.exp(self.log_weights)

    @cached_property
    def singular_values(self) -> FloatArray:
        """Singular values of the features, the largest first."""
        return np.linalg.svd(self.features, compute_uv=False)

    @property
    def gram_lambda_min(self) -> float:
        """Smallest eigenvalue of the Gram matrix; 0 with fewer points than functions."""
        return float(self.singular_values[-1] ** 2) if len(self) >= self.features.shape[1] else 0.0

    @property
    def condition_number(self) -> float:
        """Largest over smallest eigenvalue of the Gram matrix."""
        smallest = self.gram_lambda_min
        return float(self.singular_values[0] ** 2) / smallest if smallest > 0.0 else np.inf

    @property
    def gram_error(self) -> float:
        """Spectral norm of the Gram matrix less the identity."""
        return max(float(self.singular_values[0] ** 2) - 1.0, 1.0 - self.gram_lambda_min)

    def take(self, rows: IntArray | BoolArray) -> Self:
        """Choose some of the points.

        Parameters
        ----------
        rows : ndarray of int or bool
            Which.

        Returns
        -------
        design : Design
            The points, with features in proportion to their new number, and no word on a condition.
        """
        points = self.points[rows]
        features = self.features[rows] * np.sqrt(len(self) / max(len(points), 1))
        return Design(points, self.log_weights[rows], features, self.block[rows])

    def reweighted(self, weights: FloatArray) -> Self:
        """Give the points other weights.

        Parameters
        ----------
        weights : ndarray of shape (n,)
            Non-negative weights, of which not all are 0, on any scale: they are brought to mean 1.

        Returns
        -------
        design : Design
            The same points, with no word on a condition.

        Raises
        ------
        ValueError
            If there is no weight for each point, one is negative, all are 0, or the features overflow.
        """
        weights = check_vector(weights, "weights", size=len(self))
        if not weights.any():
            raise ValueError("weights must not all be 0.")
        with np.errstate(divide="ignore"):
            log_weights = _log_shares(weights)
        with np.errstate(over="ignore", invalid="ignore"):
            features = self.features * np.exp(0.5 * (log_weights - self.log_weights))[:, None]
        return Design(self.points, log_weights, features, self.block)

    @classmethod
    def of(
        cls,
        basis: OrthonormalBasis,
        points: FloatArray,
        block: IntArray,
        mixing: float = 0.0,
        counts: np.ndarray | None = None,
    ) -> Self:
        """Weigh points that were drawn from a mixture of the induced distribution and the measure of a basis.

        Parameters
        ----------
        basis : OrthonormalBasis
            The basis.
        points : ndarray of shape (n, n_dims)
            The points.
        block : ndarray of int of shape (n,)
            See the attribute.
        mixing : float, default=0.0
            Share of the measure in the density.
        counts : ndarray of shape (n,), default=None
            Positive factors of the weights, on any scale, as if points were repeated.

        Returns
        -------
        design : Design
            The points with their weights.

        Raises
        ------
        ValueError
            If all functions are 0 at a point whose density is 0 then, or features overflow.
        """
        unit_rows, log_christoffel = basis.unit_features(points)
        m = basis.n_output_features_
        with np.errstate(divide="ignore"):
            log_density = np.logaddexp(np.log1p(-mixing) + log_christoffel - np.log(m), np.log(mixing))
        log_weights = -log_density if counts is None else _log_shares(counts) - log_density
        with np.errstate(over="ignore", invalid="ignore"):
            scale = np.exp(0.5 * (log_christoffel + log_weights - np.log(len(points))))
            features = unit_rows * scale[:, None]
        return cls(points, log_weights, features, block)

    @classmethod
    def join(cls, first: "Design", second: "Design") -> Self:
        """Put two designs of the same basis together.

        Parameters
        ----------
        first, second : Design
            The designs.

        Returns
        -------
        design : Design
            The points of the first, then those of the second, with no word on a condition.
        """
        n = len(first) + len(second)
        shift = first.block.max(initial=INDEPENDENT) + 1
        block = np.where(second.block == INDEPENDENT, INDEPENDENT, second.block + shift)
        parts = [design.features * np.sqrt(len(design) / n) for design in (first, second)]
        return cls(
            np.concatenate([first.points, second.points]),
            np.concatenate([first.log_weights, second.log_weights]),
            np.concatenate(parts),
            np.concatenate([first.block, block]),
        )


def _log_shares(weights):
    """Logarithms of non-negative weights over their mean, of any size."""
    weights = weights / weights.max()
    return np.log(weights / weights.mean())
