"""Losses of a linear predictor: value, derivatives, and the mean response that the predictor stands for.

Each loss is half a unit deviance up to a term free of the prediction, so that a ridge penalty beside its mean has the
scale of scikit-learn's generalized linear models. ``u`` is the linear predictor, of shape (n_samples,) or, for several
classes, (n_samples, n_classes). Behind a log or logit link it is clipped to [-`LIMIT`, `LIMIT`]; beyond, the loss is
flat and its derivative 0.
"""

import numpy as np
from scipy.special import expit, log1p, softmax, xlogy

__all__ = [
    "LIMIT",
    "HalfBinomialLoss",
    "HalfGammaLoss",
    "HalfMultinomialLoss",
    "HalfPoissonLoss",
    "HalfSquaredError",
    "HalfTweedieLoss",
    "regression_loss",
]

LIMIT = 30.0
LARGEST = 1e152  # target, and its inverse the smallest range of targets, whose squares are numbers


class Loss:
    """What every loss offers; subclasses write ``_value``, ``_derivative`` and ``_hessian`` of clipped predictors."""

    limit = LIMIT
    log_link = False

    def clip(self, u):
        """The predictor within the limits of its link; ``u`` itself if it is there already."""
        if -self.limit <= u.min() and u.max() <= self.limit:
            return u
        return np.clip(u, -self.limit, self.limit)

    def inside(self, u, derivative):
        """A derivative with respect to ``u``, set to zero where the predictor was clipped."""
        if -self.limit <= u.min() and u.max() <= self.limit:
            return derivative
        return np.where(np.abs(u) <= self.limit, derivative, 0.0)

    def evaluate(self, y, u):
        """Loss, its derivative and the mean response per row, from one pass of the link."""
        clipped = self.clip(u)
        mean = self._mean(clipped)
        return self._value(y, clipped, mean), self.inside(u, self._derivative(y, clipped, mean)), mean

    def value(self, y, u):
        """Loss per row."""
        clipped = self.clip(u)
        return self._value(y, clipped, self._mean(clipped))

    def derivative(self, y, u):
        """Derivative of the loss with respect to ``u``, in the shape of ``u``."""
        clipped = self.clip(u)
        return self.inside(u, self._derivative(y, clipped, self._mean(clipped)))

    def hessian(self, y, u):
        """Second derivative of the loss with respect to ``u`` (per class, its diagonal); not zeroed where clipped."""
        clipped = self.clip(u)
        return self._hessian(y, clipped, self._mean(clipped))

    def mean(self, u):
        """Mean response: prediction, rate or probability."""
        return self._mean(self.clip(u))

    def mean_derivative(self, u):
        """Derivative of the mean response with respect to ``u`` (per class, the diagonal of the Jacobian)."""
        return self.inside(u, self._slope(self.mean(u)))

    def pull_back(self, u, mean, gradient):
        """Turn a gradient with respect to the mean response into one with respect to ``u``."""
        return self.inside(u, gradient * self._slope(mean))

    def check_target(self, y, weights):
        """Refuse targets outside of the range of the loss."""
        if not self._in_range(y).all():
            raise ValueError(f"Some value(s) of y are out of the valid range of the loss {type(self).__name__!r}.")


class HalfSquaredError(Loss):
    """Squared error ``(y - u)**2 / 2``, identity link."""

    limit = np.inf

    def check_target(self, y, weights):
        """Refuse targets whose squares overflow, or whose squared differences underflow."""
        super().check_target(y, weights)
        largest = np.max(np.abs(y))
        spread = np.ptp(y) if largest <= LARGEST else np.inf
        if 0.0 < spread < 1.0 / LARGEST or largest > LARGEST:
            found = f"values up to {largest:.6g}" if largest > LARGEST else f"a range of {spread:.6g}"
            raise ValueError(
                f"y must have values up to {LARGEST:g} and a range of at least {1.0 / LARGEST:g}, as they are squared. "
                f"Got {found}: measure y in another unit, such as y / {largest:.1g}."
            )

    def _in_range(self, y):
        return np.isfinite(y)

    def _mean(self, u):
        return u

    def _slope(self, mean):
        return np.ones_like(mean)

    def pull_back(self, u, mean, gradient):
        """Turn a gradient with respect to the mean response into one with respect to ``u``."""
        return gradient

    def _value(self, y, u, mean):
        return 0.5 * np.square(y - u)

    def _derivative(self, y, u, mean):
        return u - y

    def _hessian(self, y, u, mean):
        return np.ones_like(u)

    def constant(self, y, weights):
        """The linear predictor of the best constant model."""
        return np.average(y, weights=weights)

    def saturated(self, y):
        """Loss per row of a perfect prediction."""
        return np.zeros_like(y)


class LogLinkLoss(Loss):
    """What losses with ``mean = exp(u)`` share."""

    log_link = True

    def check_target(self, y, weights):
        """Refuse targets outside of the range of the loss, and those whose mean the clipped predictor cannot reach."""
        super().check_target(y, weights)
        mean = np.average(y, weights=weights)
        if not np.exp(-self.limit) < mean < np.exp(self.limit):
            raise ValueError(
                f"y must have a mean between exp(-{self.limit:g}) and exp({self.limit:g}) for a loss with log link. "
                f"Got {mean:.6g}: "
                + ("only zeros have no finite log mean." if mean == 0.0 else "measure y in another unit.")
            )

    def _mean(self, u):
        return np.exp(u)

    def _slope(self, mean):
        return mean

    def constant(self, y, weights):
        """The linear predictor of the best constant model."""
        return np.log(np.average(y, weights=weights))


class HalfPoissonLoss(LogLinkLoss):
    """Half Poisson deviance up to a constant, ``mean - y * u``."""

    def _in_range(self, y):
        return (y >= 0.0) & np.isfinite(y)

    def _value(self, y, u, mean):
        return mean - y * u

    def _derivative(self, y, u, mean):
        return mean - y

    def _hessian(self, y, u, mean):
        return mean

    def saturated(self, y):
        """Loss per row of a perfect prediction."""
        return y - xlogy(y, y)


class HalfGammaLoss(LogLinkLoss):
    """Half gamma deviance up to a constant, ``y / mean + u``."""

    def _in_range(self, y):
        return (y > 0.0) & np.isfinite(y)

    def _value(self, y, u, mean):
        return y / mean + u

    def _derivative(self, y, u, mean):
        return 1.0 - y / mean

    def _hessian(self, y, u, mean):
        return y / mean

    def saturated(self, y):
        """Loss per row of a perfect prediction."""
        return 1.0 + np.log(y)


class HalfTweedieLoss(LogLinkLoss):
    """Half Tweedie deviance up to a constant, ``mean**(2 - p) / (2 - p) - y * mean**(1 - p) / (1 - p)``, 1 < p < 2."""

    def __init__(self, power):
        self.power = power

    def _in_range(self, y):
        return (y >= 0.0) & np.isfinite(y)

    def _value(self, y, u, mean):
        p = self.power
        return mean * np.exp((1.0 - p) * u) / (2.0 - p) - y * np.exp((1.0 - p) * u) / (1.0 - p)

    def _derivative(self, y, u, mean):
        return (mean - y) * np.exp((1.0 - self.power) * u)

    def _hessian(self, y, u, mean):
        p = self.power
        return ((2.0 - p) * mean + (p - 1.0) * y) * np.exp((1.0 - p) * u)

    def saturated(self, y):
        """Loss per row of a perfect prediction."""
        p = self.power
        return y ** (2.0 - p) / ((2.0 - p) * (p - 1.0))


class HalfBinomialLoss(Loss):
    """Logistic loss ``log(1 + exp(u)) - y * u`` of labels 0 and 1."""

    def _in_range(self, y):
        return (y == 0.0) | (y == 1.0)

    def _mean(self, u):
        return expit(u)

    def _slope(self, mean):
        return mean * (1.0 - mean)

    def _value(self, y, u, mean):
        return np.logaddexp(0.0, u) - y * u

    def _derivative(self, y, u, mean):
        return mean - y

    def _hessian(self, y, u, mean):
        return mean * (1.0 - mean)

    def constant(self, y, weights):
        """The linear predictor of the best constant model."""
        share = np.average(y, weights=weights)
        return np.log(share) - log1p(-share)

    def saturated(self, y):
        """Loss per row of a perfect prediction."""
        return np.zeros_like(y, dtype=np.float64)


class HalfMultinomialLoss(Loss):
    """Multinomial logistic loss ``logsumexp(u) - u[y]`` of labels 0, ..., n_classes - 1; mean responses are softmax."""

    def __init__(self, n_classes):
        self.n_classes = n_classes

    def _in_range(self, y):
        return (y >= 0) & (y < self.n_classes)

    def _mean(self, u):
        return softmax(u, axis=1)

    def _slope(self, mean):
        return mean * (1.0 - mean)

    def pull_back(self, u, mean, gradient):
        """Turn a gradient with respect to the probabilities into one with respect to ``u``."""
        return self.inside(u, mean * (gradient - np.einsum("ik,ik->i", gradient, mean)[:, None]))

    def _value(self, y, u, mean):
        top = u.max(axis=1)
        return top + np.log(np.exp(u - top[:, None]).sum(axis=1)) - np.take_along_axis(u, y[:, None], axis=1)[:, 0]

    def _derivative(self, y, u, mean):
        derivative = mean.copy()
        derivative[np.arange(len(y)), y] -= 1.0
        return derivative

    def _hessian(self, y, u, mean):
        return mean * (1.0 - mean)

    def constant(self, y, weights):
        """The linear predictors of the best constant model, which sum to zero."""
        logarithms = np.log(np.bincount(y, weights, minlength=self.n_classes) / np.sum(weights))
        return logarithms - logarithms.mean()

    def saturated(self, y):
        """Loss per row of a perfect prediction."""
        return np.zeros(len(y))


REGRESSION_LOSSES = {
    "squared_error": lambda power: HalfSquaredError(),
    "poisson": lambda power: HalfPoissonLoss(),
    "gamma": lambda power: HalfGammaLoss(),
    "tweedie": HalfTweedieLoss,
}


def regression_loss(name, power):
    """The loss of a regressor by its name; ``power`` matters to ``"tweedie"`` alone."""
    return REGRESSION_LOSSES[name](power)
