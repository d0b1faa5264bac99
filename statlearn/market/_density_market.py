"""Markets whose price is a density: what they pay, and what they say about numbers."""

from numbers import Real

import numpy as np
from sklearn.utils import column_or_1d

from .._support._sklearn import Interval, StrOptions, _num_samples
from .._support.validation import check_vector, refuse_dates, refuse_masked, require_target
from .._typing import ArrayLike, FloatArray
from ._densities import spread_of

__all__ = ["DENSITY_CONSTRAINTS", "DensityMarket", "check_values", "finite_numbers"]

DENSITY_CONSTRAINTS = {
    "reward": [StrOptions({"delta", "gaussian"})],
    "bandwidth": [Interval(Real, 0, None, closed="neither"), StrOptions({"scale"})],
    "variance_floor": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
}
AUTO_BANDWIDTH = 0.1  # in units of the spread of y


class DensityMarket:
    """Mixin of markets with the parameters of `DENSITY_CONSTRAINTS`, whose price is a mixture of Gaussians.

    An estimator has ``_from_price(X, function, *arrays)``: what a function of the price, a `GaussianMixtures`, and of
    the rows of arrays returns.
    """

    def predict_quantiles(self, X: ArrayLike, quantiles: ArrayLike = (0.05, 0.5, 0.95)) -> FloatArray:
        """Quantiles of the price.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        quantiles : array-like of shape (n_quantiles,), default=(0.05, 0.5, 0.95)
            Their levels, between 0 and 1.

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles)
            A column per level.

        Raises
        ------
        ValueError
            If a level is not between 0 and 1.
        """
        levels = check_vector(quantiles, "quantiles", positive=True)
        if levels.max() >= 1.0:
            raise ValueError(f"quantiles must be between 0 and 1. Got {levels.max()}, whose quantile is infinite.")
        return self._from_price(X, lambda price: price.quantiles(levels))

    def log_density(self, X: ArrayLike, y: ArrayLike) -> FloatArray:
        """Logarithm of the price at given values: the log score of the prediction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,)
            A value per row.

        Returns
        -------
        logs : ndarray of shape (n_samples,)
            Logarithms of densities per unit of y.
        """
        return self._from_price(X, lambda price, values: price.log_density(values), check_values(y, X))

    def _measure(self, y, weights, auto_floor):
        """Set what depends on the scale of y; ``auto_floor`` is a function of its spread."""
        spread = spread_of(y, weights)
        floor = auto_floor(spread) if self.variance_floor == "auto" else float(self.variance_floor)
        if not (0.0 < floor < np.inf and spread * spread < np.inf):
            raise ValueError(f"y must have a spread whose square is a number. Its spread is {spread:g}: rescale y.")
        self.variance_floor_ = floor
        self.prior_mean_ = float(np.average(y, weights=weights))
        self.prior_std_ = float(np.sqrt(floor + np.average((y - self.prior_mean_) ** 2, weights=weights)))
        bandwidth = AUTO_BANDWIDTH * spread if self.bandwidth == "scale" else float(self.bandwidth)
        self.bandwidth_ = bandwidth if self.reward == "gaussian" else None

    def _rules(self):
        return {**super()._rules(), **{name: getattr(self, name) for name in DENSITY_CONSTRAINTS}}

    def _check_reward(self):
        if self.reward == "delta" and self.bandwidth != "scale":
            raise ValueError(
                f"bandwidth={self.bandwidth!r} is the width of reward='gaussian', and reward='delta' has none. Choose "
                "reward='gaussian', or leave bandwidth='scale'."
            )
        if self.reward == "gaussian" and self.update == "implicit":
            raise ValueError("update='implicit' needs reward='delta'. Choose 'online'.")


def check_values(y, X):
    """Values to predict as a vector of finite float64, one per row of X."""
    require_target(y)
    refuse_masked(y, "y")
    refuse_dates(y, "y")
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] > 1:
        raise ValueError(
            f"y must have one value per row. Got an array of shape {array.shape}. For several outputs, wrap the market "
            "in sklearn.multioutput.MultiOutputRegressor."
        )
    array = column_or_1d(array, warn=True)
    if array.size != _num_samples(X):
        raise ValueError(f"X and y must have the same length. Got {_num_samples(X)} and {array.size}.")
    return finite_numbers(array, "y", "Leave those rows out, or impute them.")


def finite_numbers(array, what, cure):
    """An array as finite float64; ``what`` it is and the ``cure`` are for errors."""
    try:
        if array.dtype.kind in "USc":
            raise TypeError(f"their type is {array.dtype}")
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must be real numbers: {error}. Classes are for classifiers.") from error
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise ValueError(f"{what} must be finite. Got {numbers[wrong[0]]} in row {wrong[0]}. {cure}")
    return numbers
