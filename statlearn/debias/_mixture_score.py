"""Scores of mixtures of Gaussians."""

from numbers import Integral

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import Interval
from .._support.user_warnings import warn_user
from .._typing import ArrayLike, FloatArray
from ._mixture_density import Mixture, fit_mixture
from ._score_estimator import ScoreEstimator

__all__ = ["GaussianMixtureScore"]

FAR = 1e6  # standard deviations of the widest component beyond the means, where it alone counts


class GaussianMixtureScore(ScoreEstimator):
    """Score of a mixture of Gaussians of greatest likelihood; with one component a straight line.

    The mixture is found by expectation maximization from two starts, components at quantiles and at equal distances, so
    that nothing is random. Weights are honored, which `sklearn.mixture.GaussianMixture` does not.

    Parameters
    ----------
    n_components : int, default=1
        Number of Gaussians.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Shares of the components.
    means_ : ndarray of shape (n_components,)
        Their means, in increasing order.
    variances_ : ndarray of shape (n_components,)
        Their variances.

    See Also
    --------
    KDEScore : Needs no number of components.

    Notes
    -----
    Scores and their derivatives are finite everywhere. The logarithm of the density is minus infinity where the square
    of the distance is too large for a number, beyond some 1e154 standard deviations.

    Examples
    --------
    >>> from statlearn.debias import GaussianMixtureScore
    >>> GaussianMixtureScore().fit([-1.0, 1.0, 3.0, 1.0]).score_function([-1.0, 1.0, 3.0])
    array([ 1.,  0., -1.])
    """

    _parameter_constraints: dict = {"n_components": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, n_components: int = 1) -> None:
        self.n_components = n_components

    def _learn(self, values, weights):
        mixture, converged = fit_mixture(values, weights, self.n_components)
        if not converged:
            warn_user(
                f"the likelihood of GaussianMixtureScore(n_components={self.n_components}) still rises after the "
                "largest number of steps: use fewer components, or another score.",
                ConvergenceWarning,
            )
        self.weights_, self.means_, self.variances_ = mixture

    def _components(self, u):
        """Shares of the components, their own scores, both (n, n_components), the points' excess, the shape of u.

        Far from all means, where squares would be too large for a number, shares no longer change: points are moved to
        where that begins, and what was cut off is the excess.
        """
        points, shape = self._points(u)
        reach = FAR * np.sqrt(self.variances_.max())
        near = np.clip(points, self.means_[0] - reach, self.means_[-1] + reach)
        shares = softmax(self._mixture().log_terms(near), axis=1)
        return shares, (self.means_ - near[:, None]) / self.variances_, points - near, shape

    def _mixture(self):
        return Mixture(self.weights_, self.means_, self.variances_)

    def score_function(self, u: ArrayLike) -> FloatArray:
        shares, scores, excess, shape = self._components(u)
        return (np.sum(shares * scores, axis=1) - excess / self.variances_.max()).reshape(shape)

    def score_derivative(self, u: ArrayLike) -> FloatArray:
        shares, scores, _, shape = self._components(u)
        mean = np.sum(shares * scores, axis=1, keepdims=True)
        return np.sum(shares * ((scores - mean) ** 2 - 1.0 / self.variances_), axis=1).reshape(shape)

    def log_density(self, u: ArrayLike) -> FloatArray:
        points, shape = self._points(u)
        with np.errstate(over="ignore"):
            return logsumexp(self._mixture().log_terms(points), axis=1).reshape(shape)
