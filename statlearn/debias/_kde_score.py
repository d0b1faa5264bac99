"""Scores of Gaussian kernel density estimates, on a grid or as sums."""

from numbers import Integral, Real
from typing import Literal

import numpy as np

from .._support._sklearn import Interval, StrOptions
from .._typing import ArrayLike, FloatArray
from ._bandwidths import RULES, effective_size, isj_bandwidth, narrower_bandwidth, score_matching_bandwidth
from ._binned_density import LARGEST_SIZE, bin_moments, cell_atoms, cubic_counts, density_grid, density_table
from ._density_kernels import LOG_DENSITY, SCORE, SCORE_DERIVATIVE, evaluate
from ._score_estimator import ScoreEstimator

__all__ = ["KDEScore"]

SMALLEST_BANDWIDTH = 1e-10  # in ranges of the sample


class KDEScore(ScoreEstimator):
    r"""Score of a Gaussian kernel density estimate, at the price of a binning instead of a sum per point.

    Values are split among the points of a grid, which are smoothed by the fast Fourier transform; a score at any point
    is then an interpolation. Where the density falls below 1e-9 of its peak the sum over the few values that matter is
    taken instead, so that tails are exact and never 0 / 0.

    A kernel density estimate with bandwidth h has the variance of the sample plus :math:`h^2`, and so scores that are
    too small, by the factor :math:`v / (v + h^2)` for a Gaussian sample of variance v. With ``variance_preserving``
    kernels sit at :math:`\bar u + a (u_i - \bar u)` with :math:`a = \sqrt{1 - h^2 / v}`, which removes this bias for
    Gaussian samples and a part of it for others.

    Parameters
    ----------
    bandwidth : {"auto", "scott", "silverman", "isj", "cv"} or float, default="auto"
        Standard deviation of the kernel, or the rule for it. "scott" and "silverman" are the rules of
        `scipy.stats.gaussian_kde`, "isj" is the improved Sheather-Jones plug-in [1]_, which a few values or a uniform
        distribution may leave without a bandwidth, and "cv" minimizes the leave-one-out estimate of the squared error
        of the score [2]_, the only one that aims at the score itself. "auto" is "isj" where that is between a fifth of
        "scott" and "scott", and else "scott": few values make the plug-in too wide, and ties too narrow.
    variance_preserving : bool, default=True
        Whether kernels are drawn toward the mean so that the density has the variance of the sample.
    grid_size : int, default=4096
        Number of grid points, at most 262144. Doubled until a bandwidth has eight steps; if this takes more points,
        sums over the values are taken everywhere.
    algorithm : {"binned", "exact"}, default="binned"
        "exact" takes sums over the values everywhere, which costs the product of the numbers of points and values.

    Attributes
    ----------
    bandwidth_ : float
        The bandwidth.
    n_effective_ : float
        Number of observations of equal weight that are worth as much as the sample.
    grid_ : ndarray of shape (n_grid,)
        The grid; empty if sums are taken everywhere.
    log_density_ : ndarray of shape (n_grid,)
        Logarithm of the density at the grid points; NaN where sums are taken.
    centers_ : ndarray of shape (n_centers,)
        Centers of the kernels in increasing order; on a grid the centers of mass of its cells.
    masses_ : ndarray of shape (n_centers,)
        Their weights.

    See Also
    --------
    SplineScore : Smooth tails, few parameters.
    GaussianMixtureScore : A few Gaussians.
    TweedieCorrector : Uses scores to correct predictions.

    References
    ----------
    .. [1] Botev, Grotowski, Kroese (2010). "Kernel density estimation via diffusion". Annals of Statistics 38(5).
    .. [2] Hyvärinen (2005). "Estimation of non-normalized statistical models by score matching". JMLR 6, 695-709.

    Examples
    --------
    The score of a Gaussian of mean 1 and variance 4 is a straight line through 1 of slope -1/4:

    >>> import numpy as np
    >>> from statlearn.debias import KDEScore
    >>> sample = 1.0 + 2.0 * np.random.default_rng(0).normal(size=20_000)
    >>> score = KDEScore().fit(sample)
    >>> bool(np.abs(score.score_function([-1.0, 1.0, 3.0]) - [0.5, 0.0, -0.5]).max() < 0.1)
    True
    """

    _parameter_constraints: dict = {
        "bandwidth": [StrOptions({*RULES, "auto", "isj", "cv"}), Interval(Real, 0, None, closed="neither")],
        "variance_preserving": ["boolean"],
        "grid_size": [Interval(Integral, 16, LARGEST_SIZE, closed="both")],
        "algorithm": [StrOptions({"binned", "exact"})],
    }

    def __init__(
        self,
        bandwidth: Literal["auto", "scott", "silverman", "isj", "cv"] | float = "auto",
        *,
        variance_preserving: bool = True,
        grid_size: int = 4096,
        algorithm: Literal["binned", "exact"] = "binned",
    ) -> None:
        self.bandwidth = bandwidth
        self.variance_preserving = variance_preserving
        self.grid_size = grid_size
        self.algorithm = algorithm

    def _learn(self, values, weights):
        self.n_effective_ = effective_size(weights, len(values))
        mean = float(np.average(values, weights=weights))
        variance = float(np.average((values - mean) ** 2, weights=weights)) / (1.0 - 1.0 / self.n_effective_)
        self.bandwidth_ = self._choose_bandwidth(values, weights, mean, np.sqrt(variance))
        self._mean, self._shrink = mean, self._shrinking(variance)
        width = self.bandwidth_ / self._shrink  # of kernels at the values themselves
        grid = None
        if self.algorithm == "binned":
            grid = density_grid(values.min(), values.max(), width, self.grid_size)
        if grid is None:
            self._keep_values(values, weights)
        else:
            self._keep_grid(grid, bin_moments(values, weights, grid), width)

    def _choose_bandwidth(self, values, weights, mean, deviation):
        if isinstance(self.bandwidth, Real):
            if self.bandwidth < SMALLEST_BANDWIDTH * np.ptp(values):
                raise ValueError(
                    f"bandwidth={self.bandwidth:.6g} is too small for values that span {np.ptp(values):.6g}: kernels "
                    "are points. Raise it."
                )
            return float(self.bandwidth)
        if self.bandwidth == "auto":
            return narrower_bandwidth(values, weights, deviation, self.n_effective_)
        if self.bandwidth == "isj":
            return isj_bandwidth(values, weights, self.n_effective_)
        if self.bandwidth == "cv":
            return score_matching_bandwidth(
                values, weights, mean, deviation, self.n_effective_, self.variance_preserving
            )
        return float(RULES[self.bandwidth](deviation, self.n_effective_))

    def _shrinking(self, variance):
        """Factor on the distances of values from their mean."""
        if not self.variance_preserving:
            return 1.0
        if self.bandwidth_**2 >= variance:
            raise ValueError(
                f"bandwidth={self.bandwidth_:.6g} is not below the standard deviation {np.sqrt(variance):.6g} of u, so "
                "that no kernel estimate with it has the variance of u. Lower it, or set variance_preserving=False."
            )
        return float(np.sqrt(1.0 - self.bandwidth_**2 / variance))

    def _moved(self, values):
        """Centers of the kernels of values."""
        return self._mean + self._shrink * (values - self._mean)

    def _keep_values(self, values, weights):
        order = np.argsort(values, kind="stable")
        self.centers_ = self._moved(values[order])
        self.masses_ = np.full(len(values), 1.0 / len(values)) if weights is None else weights[order] / weights.sum()
        self.grid_ = self.log_density_ = np.empty(0)
        self._low, self._step, self._table = 0.0, 1.0, np.empty((0, 3))

    def _keep_grid(self, grid, moments, width):
        table = density_table(cubic_counts(moments), grid.step, width)
        # The kernels move and narrow together: a dilation of the estimate at the values themselves.
        self._table = np.ascontiguousarray((table - [np.log(self._shrink), 0.0, 0.0]) / self._shrink ** np.arange(3.0))
        self._low, self._step = float(self._moved(grid.low)), grid.step * self._shrink
        self.grid_, self.log_density_ = self._moved(grid.points()), self._table[:, 0].copy()
        centers, masses = cell_atoms(moments, grid)
        self.centers_, self.masses_ = self._moved(centers), masses / masses.sum()

    def _evaluate(self, u, order):
        points, shape = self._points(u)
        out = np.empty(points.size)
        evaluate(points, order, self._low, self._step, self._table, self.centers_, self.masses_, self.bandwidth_, out)
        return out.reshape(shape)

    def score_function(self, u: ArrayLike) -> FloatArray:
        return self._evaluate(u, SCORE)

    def score_derivative(self, u: ArrayLike) -> FloatArray:
        return self._evaluate(u, SCORE_DERIVATIVE)

    def log_density(self, u: ArrayLike) -> FloatArray:
        return self._evaluate(u, LOG_DENSITY)
