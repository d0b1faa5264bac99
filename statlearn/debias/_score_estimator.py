"""The base class of score estimators: what goes in is checked once for all."""

from typing import Self

import numpy as np
from sklearn.utils.validation import check_is_fitted, column_or_1d

from .._support._sklearn import _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.validation import check_array, check_sample_weight, refuse_dates
from .._typing import ArrayLike

__all__ = ["ScoreEstimator", "check_spread"]

SMALLEST_SPREAD, LARGEST_SPREAD = 1e-140, 1e140  # so that squares neither vanish nor overflow


class ScoreEstimator(StatlearnEstimator):
    r"""Base class of estimators of the score :math:`s(u) = \frac{d}{du} \log p(u)` of the density p of numbers.

    Scores correct predictions (see `TweedieCorrector`): :math:`u - \sigma^2 s(u)` undoes the shrinkage of predictions
    with errors of variance :math:`\sigma^2`.

    To write a new one, inherit and define `_learn` (values, weights), which sets the fitted attributes, and
    `score_function`, `score_derivative` and `log_density`, finite at any finite number.
    """

    def __init_subclass__(cls, **options):
        """Methods without documentation take that of the base class."""
        super().__init_subclass__(**options)
        for name in ("score_function", "score_derivative", "log_density"):
            method = vars(cls).get(name)
            if method is not None and not method.__doc__:
                method.__doc__ = getattr(ScoreEstimator, name).__doc__

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, u: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Estimate the density of a sample.

        Parameters
        ----------
        u : array-like of shape (n_samples,) or (n_samples, 1)
            The sample, such as the predictions for a calibration set. At least two different values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, which count observations: a weight of 2 is two equal values. None for ones.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a value is missing or infinite, all are equal, a weight is negative, or a parameter does not suit the
            sample.
        """
        values = _as_numbers(u, "u")
        if sample_weight is None:
            weights = None
        else:
            weights = check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
            values, weights = values[weights > 0.0], weights[weights > 0.0]
        check_spread(values)
        self._learn(values, weights)
        return self

    def _learn(self, values, weights):
        """Set the fitted attributes; weights are positive, or None for ones."""
        raise NotImplementedError(f"{type(self).__name__} has no method _learn(values, weights).")

    def score_function(self, u):
        """Derivative of the logarithm of the density.

        Parameters
        ----------
        u : array-like of any shape
            Finite numbers, anywhere on the line.

        Returns
        -------
        scores : ndarray of the shape of u
            Finite.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method score_function(u).")

    def score_derivative(self, u):
        """Second derivative of the logarithm of the density.

        Parameters
        ----------
        u : array-like of any shape
            Finite numbers, anywhere on the line.

        Returns
        -------
        derivatives : ndarray of the shape of u
            Finite.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method score_derivative(u).")

    def log_density(self, u):
        """Logarithm of the density.

        Parameters
        ----------
        u : array-like of any shape
            Finite numbers, anywhere on the line.

        Returns
        -------
        log_densities : ndarray of the shape of u
            Finite.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method log_density(u).")

    def _points(self, u):
        """Checked points as a contiguous vector, and their shape."""
        check_is_fitted(self)
        points = _as_points(u)
        return np.require(points.ravel(), requirements="W"), points.shape  # kernels know one type of array


def _as_numbers(u, name):
    """A vector of finite numbers from a vector or a single column."""
    table = check_array(u, ensure_2d=False, dtype=np.float64, input_name=name, ensure_min_samples=1)
    if table.ndim == 2 and table.shape[1] != 1:
        raise ValueError(f"{name} must be a vector or a single column. Got {table.shape[1]} columns.")
    return np.ascontiguousarray(column_or_1d(table.ravel() if table.ndim == 2 else table))


def check_spread(values, name="u", source="u"):
    """Refuse samples that are constant, or in units whose squares are no floating-point numbers.

    ``name`` is what the sample is called in messages, and ``source`` the argument that gave it its unit.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise ValueError(f"{name} must have at least two different values. All of its {len(values)} values are {low}.")
    if not SMALLEST_SPREAD <= high - low <= LARGEST_SPREAD:
        raise ValueError(
            f"{name} spans {high - low:.6g}, whose square is out of range: choose another unit for {source}, or leave "
            "out its outliers."
        )


def _as_points(u):
    """An array of finite numbers of any shape."""
    refuse_dates(u, "u")
    points = np.asarray(u, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("u must be finite. Got a missing or infinite value: there is no score there.")
    return points
