"""The penalized risk as a function of a linear predictor, whatever model the predictor comes from.

For rows with weights ``w`` that sum to ``W``, the risk of the predictor ``u`` is

    1/W sum_i w_i loss(y_i, u_i)  +  fairness_weight * (P(f) - const),

where ``f`` is what the penalty ``P`` looks at: a function of ``u`` named by ``penalize_on``.
"""

from typing import NamedTuple

import numpy as np

from ._metrics import GroupedPredictions, mean_ratio

__all__ = ["PENALIZED", "FairRisk", "Measures", "Protection"]

SEPARATED = 1e-6  # of the loss of the constant model, that is left when classes are told apart without error

ROUNDING = 1e-10  # of the predictor of the constant model, relative
LARGEST_RATIO = 1e100  # of the penalty to the loss, beyond which squares of gradients may overflow
GRID = 2.0**-36  # of the range of predictions: those that agree to so many digits are tied


class MeanResponse:
    """``f`` is the mean response: a prediction, a rate or probabilities."""

    def value(self, loss, u, mean, weights):
        """What is penalized."""
        return mean

    def pull_back(self, loss, u, mean, weights, gradient):
        """A gradient with respect to what is penalized as one with respect to ``u``."""
        return loss.pull_back(u, mean, gradient)


class ExpectedCount:
    """``f`` is exposure times rate, the weights being the exposures."""

    def value(self, loss, u, mean, weights):
        """What is penalized."""
        return weights * mean

    def pull_back(self, loss, u, mean, weights, gradient):
        """A gradient with respect to what is penalized as one with respect to ``u``."""
        return loss.pull_back(u, mean, weights * gradient)


class LinearPredictor:
    """``f`` is the linear predictor within its limits; of several classes, less its mean over the classes."""

    def value(self, loss, u, mean, weights):
        """What is penalized."""
        clipped = loss.clip(u)
        return clipped if u.ndim == 1 else clipped - clipped.mean(axis=1, keepdims=True)

    def pull_back(self, loss, u, mean, weights, gradient):
        """A gradient with respect to what is penalized as one with respect to ``u``."""
        return loss.inside(u, gradient if u.ndim == 1 else gradient - gradient.mean(axis=1, keepdims=True))


PENALIZED = {"mean": MeanResponse(), "count": ExpectedCount(), "linear": LinearPredictor()}


class Protection(NamedTuple):
    """What protects a group of attributes: the fitted penalty, the cells of the rows, and what weighs predictions.

    ``weights`` (n_samples,) are the weights of the rows in the penalty, ones where it is unweighted.
    """

    penalty: object
    cells: object
    weights: np.ndarray


class Measures(NamedTuple):
    """How good and how dependent the predictions of a fit are; NaN where nothing is protected.

    Of several classes, ``variance`` is summed and the two ratios are the largest. ``balance`` is the mean prediction
    over the mean target, NaN for several classes. ``has_minimum`` is False where classes are told apart without error,
    so that the linear predictor grows without bound.
    """

    loss: float
    value: float
    excess: float
    distance_correlation: float
    unfairness_ratio: float
    variance: float
    balance: float
    n_clipped: int
    has_minimum: bool


class FairRisk:
    """Mean loss plus penalty of a linear predictor.

    Parameters
    ----------
    loss : loss of `statlearn.fairness._losses`
        The loss per row.
    y : ndarray of shape (n_samples,)
        Targets, checked; class codes for several classes.
    weights : ndarray of shape (n_samples,)
        Positive weights of the rows in the loss, or exposures for ``penalize_on="count"``.
    protection : Protection or None, default=None
        None leaves the mean loss alone.
    penalize_on : {"mean", "count", "linear"}, default="mean"
        What the penalty looks at.

    Attributes
    ----------
    constant : float or ndarray of shape (n_classes,)
        The predictor of the best constant model without penalty.
    scale : float
        Mean loss of the best constant model above that of a perfect prediction, which is half a mean deviance and the
        natural unit of differences of the risk. Positive even if every target is the same.
    curvature : float
        Second derivative of the mean loss in the predictor at the constant model, averaged over classes.
    """

    def __init__(self, loss, y, weights, protection=None, penalize_on="mean"):
        self.loss, self.y, self.weights, self.protection = loss, y, weights, protection
        self._shares = weights / weights.sum()
        self._saturated = float(self._shares @ loss.saturated(y))
        self._penalized = PENALIZED[penalize_on]
        self.constant = loss.constant(y, weights)
        u = np.full((len(y), *np.shape(self.constant)), self.constant)
        self.curvature = float(np.mean(self._shares @ loss.hessian(y, u)))
        self.scale = self._scale(u)

    def _scale(self, constant):
        if np.ptp(self.y) == 0.0:
            return self.curvature
        deviance = float(self._shares @ self.loss.value(self.y, constant)) - self._saturated
        return max(deviance, self.curvature * float(np.square(ROUNDING * np.max(np.abs(self.constant)))))

    @property
    def n_outputs(self):
        """Number of linear predictors per row; None for one as a vector."""
        return None if np.ndim(self.constant) == 0 else len(self.constant)

    @property
    def knows_constants(self):
        """Whether the penalty has a meaning for constant predictions; their distance correlation is 0 by convention."""
        return self.protection is None or self.protection.penalty.normalize is None

    def check_fairness_weight(self, fairness_weight):
        """Refuse a weight that makes the penalty so large that nothing is left of the loss, and gradients overflow."""
        is_linear = np.isinf(self.loss.limit)  # the loss then has the square of the unit of y, a penalty its unit
        unit = float(np.sqrt(2.0 * self.scale)) if is_linear and self.knows_constants else 1.0
        largest = LARGEST_RATIO * self.scale / unit
        if fairness_weight > largest:
            other = ", or measure y in another unit, in which it varies more" if is_linear else ""
            raise ValueError(
                f"fairness_weight must be at most {largest:.1g} for this y, whose loss without any feature is "
                f"{self.scale:.1g}: beside the penalty it would not be seen. Got {fairness_weight:g}: lower it{other}."
            )

    def penalized(self, u):
        """What the penalty looks at."""
        return _snapped(self._penalized.value(self.loss, u, self.loss.mean(u), self.weights))

    def value_and_derivative(self, u, fairness_weight):
        """The risk and its derivative with respect to ``u``.

        Parameters
        ----------
        u : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Linear predictor.
        fairness_weight : float
            Factor on the penalty; 0 does not evaluate it.

        Returns
        -------
        value : float
            The risk.
        derivative : ndarray of the shape of ``u``
            One of its (sub)derivatives.
        """
        values, derivative, mean = self.loss.evaluate(self.y, u)
        value = float(self._shares @ values)
        derivative = derivative * (self._shares if u.ndim == 1 else self._shares[:, None])
        if fairness_weight > 0.0 and self.protection is not None:
            penalty = self.protection.penalty
            total, gradient = penalty.value_and_grad(_snapped(self._penalized.value(self.loss, u, mean, self.weights)))
            value += fairness_weight * (total - (self.n_outputs or 1) * penalty.constant_)
            derivative += fairness_weight * self._penalized.pull_back(self.loss, u, mean, self.weights, gradient)
        return value, derivative

    def is_inside(self, u):
        """Whether every row of a linear predictor is within the limits of its link."""
        return bool(np.max(np.abs(u)) <= self.loss.limit)

    def measure(self, u):
        """`Measures` of a linear predictor."""
        loss = float(self._shares @ self.loss.value(self.y, u))
        n_clipped = int(np.count_nonzero((np.abs(u) > self.loss.limit).reshape(len(u), -1).any(axis=1)))
        has_minimum = n_clipped == 0 or loss - self._saturated > SEPARATED * self.scale
        balance = self._balance(u)
        if self.protection is None:
            return Measures(loss, np.nan, np.nan, np.nan, np.nan, np.nan, balance, n_clipped, has_minimum)
        penalty, cells, weights = self.protection
        f = self.penalized(u)
        columns = np.ascontiguousarray(f.reshape(len(f), -1).T)
        excess = float(penalty.excess(f))
        return Measures(
            loss,
            excess + len(columns) * penalty.constant_,
            excess,
            max(float(penalty.distance_correlation(column)) for column in columns),
            max(mean_ratio(GroupedPredictions(column, cells, weights)) for column in columns),
            sum(_variance(column, weights) for column in columns),
            balance,
            n_clipped,
            has_minimum,
        )

    def _balance(self, u):
        """The mean prediction over the mean target."""
        mean = float(self._shares @ self.y) if u.ndim == 1 else 0.0
        return float(self._shares @ self.loss.mean(u)) / mean if mean != 0.0 else np.nan


def _variance(values, weights):
    if np.ptp(values) == 0.0:
        return 0.0
    shares = weights / weights.sum()
    return float(shares @ np.square(values - shares @ values))


def _snapped(f):
    """Predictions on a grid so fine that only ties, which rounding broke, are seen."""
    spread = float(np.max(np.ptp(f, axis=0)))
    if spread == 0.0:
        return f
    step = np.exp2(np.floor(np.log2(spread))) * GRID
    return np.rint(f / step) * step
