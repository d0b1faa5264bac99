"""Scores of densities whose logarithm is a spline."""

from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import Interval
from .._support.user_warnings import warn_user
from .._typing import ArrayLike, FloatArray
from ._score_estimator import ScoreEstimator
from ._spline_density import basis_values, fit_log_spline, spline_knots

__all__ = ["SplineScore"]


class SplineScore(ScoreEstimator):
    r"""Score of a density whose logarithm is a natural cubic spline (Efron's g-modeling, Lindsey's method [1]_).

    Counts of the sample in bins from its smallest to its largest value are regressed on a natural spline by a Poisson
    model with log link. The score is the derivative of the spline, in closed form: smooth, constant beyond the sample,
    and good from a few hundred values on.

    Parameters
    ----------
    df : int, default=7
        Degrees of freedom of the spline beside the constant; knots are at the ends and at quantiles.
    n_bins : int, default=200
        Number of bins.

    Attributes
    ----------
    support_ : ndarray of shape (2,)
        Smallest and largest value of the sample. The density has the integral 1 between them.
    knots_ : ndarray of shape (df + 1,)
        Knots of the spline.
    constant_ : float
        Value that the spline is added to for the log-density.
    coefficients_ : ndarray of shape (df,)
        Coefficients of the spline basis.

    See Also
    --------
    KDEScore : Follows any density if the sample is large.

    References
    ----------
    .. [1] Efron (2011). "Tweedie's formula and selection bias". JASA 106(496), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.debias import SplineScore
    >>> sample = 1.0 + 2.0 * np.random.default_rng(0).normal(size=20_000)
    >>> score = SplineScore(df=4).fit(sample)
    >>> score.score_function([-1.0, 1.0, 3.0]).round(1) + 0.0
    array([ 0.5,  0. , -0.5])
    """

    _parameter_constraints: dict = {
        "df": [Interval(Integral, 2, None, closed="left")],
        "n_bins": [Interval(Integral, 10, None, closed="left")],
    }

    def __init__(self, df: int = 7, *, n_bins: int = 200) -> None:
        self.df = df
        self.n_bins = n_bins

    def _learn(self, values, weights):
        self.support_ = np.array([values.min(), values.max()])
        low, high = self.support_
        shares = np.histogram(values, self.n_bins, (low, high), weights=weights)[0]
        shares = shares / shares.sum()
        knots = spline_knots(shares, self.df)
        middles = (np.arange(self.n_bins) + 0.5) / self.n_bins
        constant, self.coefficients_, converged = fit_log_spline(shares, basis_values(middles, knots))
        if not converged:
            warn_user(
                f"the Poisson regression of SplineScore(df={self.df}) did not converge: use a smaller df, or another "
                "score.",
                ConvergenceWarning,
            )
        self.knots_ = low + (high - low) * knots
        self._knots = knots
        self.constant_ = constant + float(np.log(self.n_bins / (high - low)))

    def _spline(self, u, derivative):
        points, shape = self._points(u)
        low, high = self.support_
        values = basis_values((points - low) / (high - low), self._knots, derivative) @ self.coefficients_
        return values.reshape(shape) / (high - low) ** derivative

    def score_function(self, u: ArrayLike) -> FloatArray:
        return self._spline(u, 1)

    def score_derivative(self, u: ArrayLike) -> FloatArray:
        return self._spline(u, 2)

    def log_density(self, u: ArrayLike) -> FloatArray:
        return self.constant_ + self._spline(u, 0)
