"""Scores that are known."""

from collections.abc import Callable

import numpy as np
from scipy.integrate import cumulative_simpson

from .._typing import ArrayLike, FloatArray
from ._score_estimator import ScoreEstimator

__all__ = ["FunctionScore"]

MARGIN = 4.0  # standard deviations that the integral of a known score extends beyond the sample
N_QUADRATURE = 2049
N_NODES = 8
DIFFERENCE = 1e-5  # half the distance of central differences, in standard deviations


class FunctionScore(ScoreEstimator):
    """A known score function.

    Parameters
    ----------
    function : callable
        Takes an array of shape (n,) and returns the score at each point, in the same shape.
    derivative : callable, default=None
        The same for the derivative of the score; None for central differences of ``function``.

    Attributes
    ----------
    scale_ : float
        Standard deviation of the sample, the unit of differences.
    grid_ : ndarray of shape (n_grid,)
        Points from four standard deviations below the smallest value to four above the largest, between which the
        density has the integral 1.

    See Also
    --------
    KDEScore : Estimates the score.

    Examples
    --------
    The logistic distribution has the score -tanh(u / 2):

    >>> import numpy as np
    >>> from statlearn.debias import FunctionScore
    >>> score = FunctionScore(lambda u: -np.tanh(u / 2)).fit(np.random.default_rng(0).logistic(size=100))
    >>> score.score_derivative([0.0]).round(6)
    array([-0.5])
    """

    _parameter_constraints: dict = {"function": [callable], "derivative": [callable, None]}

    def __init__(
        self,
        function: Callable[[FloatArray], ArrayLike],
        *,
        derivative: Callable[[FloatArray], ArrayLike] | None = None,
    ) -> None:
        self.function = function
        self.derivative = derivative

    def _learn(self, values, weights):
        mean = np.average(values, weights=weights)
        self.scale_ = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        margin = MARGIN * self.scale_
        self.grid_ = np.linspace(values.min() - margin, values.max() + margin, N_QUADRATURE)
        logs = cumulative_simpson(self._call("function", self.grid_), x=self.grid_, initial=0.0)
        logs -= logs.max()
        self._log_density = logs - np.log(np.trapezoid(np.exp(logs), self.grid_))

    def _call(self, name, points):
        """Values of one of the two functions, checked."""
        values = np.asarray(getattr(self, name)(points), dtype=np.float64)
        if values.shape != points.shape:
            raise ValueError(f"{name} must return an array of shape {points.shape}. Got {values.shape}.")
        if not np.isfinite(values).all():
            place = points[np.argmin(np.isfinite(values))]
            raise ValueError(f"{name} must return finite numbers. It did not at {place}.")
        return values

    def score_function(self, u: ArrayLike) -> FloatArray:
        points, shape = self._points(u)
        return self._call("function", points).reshape(shape)

    def score_derivative(self, u: ArrayLike) -> FloatArray:
        points, shape = self._points(u)
        if self.derivative is not None:
            return self._call("derivative", points).reshape(shape)
        step = DIFFERENCE * self.scale_
        rise = self._call("function", points + step) - self._call("function", points - step)
        return (rise / (2.0 * step)).reshape(shape)

    def log_density(self, u: ArrayLike) -> FloatArray:
        points, shape = self._points(u)
        nearest = np.rint((points - self.grid_[0]) / (self.grid_[1] - self.grid_[0]))
        nearest = np.clip(nearest, 0, len(self.grid_) - 1).astype(np.int64)
        start = self.grid_[nearest]
        nodes, node_weights = np.polynomial.legendre.leggauss(N_NODES)
        between = start[:, None] + 0.5 * (points - start)[:, None] * (nodes + 1.0)
        scores = self._call("function", between.ravel()).reshape(between.shape)
        return (self._log_density[nearest] + 0.5 * (points - start) * (scores @ node_weights)).reshape(shape)
