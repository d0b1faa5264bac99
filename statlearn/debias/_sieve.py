"""The sieve corrector: an instrumental-variable problem solved in splines."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import unchanged_on_error
from .._typing import ArrayLike
from ._calibration_checks import FEWEST_FOR_SHAPE, check_calibration, check_clip, check_shrinkage, warn_few
from ._calibration_sample import folds_of
from ._correction_certificate import N_FOLDS
from ._corrector import Correction, Corrector
from ._spline_basis import SplineBasis, quantile_knots

__all__ = ["SieveCorrection", "SieveCorrector"]

ALPHAS = np.logspace(-5, -2, 7)
NEGLIGIBLE = 1e-12  # share of the largest eigenvalue of Z'Z below which a direction of instruments is left out


@dataclass(frozen=True, eq=False)
class SieveCorrection(Correction):
    """The prediction plus a spline of it."""

    basis: SplineBasis
    coefficients: np.ndarray
    alpha: float

    def evaluate(self, predictions):
        """Corrected predictions, as an array of the same shape."""
        return predictions + self.basis.evaluate(predictions) @ self.coefficients

    def derivative(self, predictions):
        """Derivative of `evaluate`."""
        return 1.0 + self.basis.derivative(predictions) @ self.coefficients


class SieveCorrector(Corrector):
    r"""Correction by a spline that leaves no error on average, whatever the outcome.

    A correction :math:`g` of predictions :math:`\hat Y` of outcomes Y is unbiased if

    .. math:: E[g(\hat Y) - Y \mid Y] = 0,

    an instrumental-variable problem with the outcome as its own instrument. It is solved by two-stage least squares for
    :math:`g(u) = u + B(u) c`, B a basis of splines in the prediction, with splines in the outcome as instruments and a
    small ridge. Neither a density is needed, nor normal noise, nor the same noise everywhere.

    Parameters
    ----------
    n_knots : int, default=6
        Knots of the correction, at quantiles of the predictions. The problem is ill-posed: keep them few.
    n_instruments : int, default=8
        Knots of the splines in the outcome, at its quantiles.
    degree : int, default=3
        Degree of both.
    alpha : "cv" or float, default="cv"
        Ridge on c, in mean eigenvalues of its quadratic form. "cv" takes the one of seven values from 1e-5 to 1e-2
        whose corrections come closest to the moment conditions in folds they were not learned from.
    clip : tuple of (float, float) or None, default=None
        Bounds that corrected predictions are cut to, which biases them; the certificate says how many are. None cuts
        nothing, even if outcomes are bounded.

    Attributes
    ----------
    coef_ : ndarray of shape (n_functions,)
        c.
    knots_ : ndarray of shape (n_distinct_knots,)
        Knots of the correction. Beyond the first and last it is a straight line.
    alpha_ : float
        The ridge.
    slope_ : float
        Slope k of predictions on the truth.
    calibration_slope_ : float
        Slope of the truth on predictions: 1 if the model is calibrated.
    n_calibration_ : int
        Number of pairs with a positive weight.
    support_ : tuple of (float, float)
        Smallest and largest prediction of the pairs.
    monotone_ : bool
        Whether the correction does not fall anywhere between them.
    certificate_ : Certificate
        Slopes before and after, what is left given the truth, and what is assumed.

    Raises
    ------
    ValueError
        If predictions or the truth are constant, fewer than 30 pairs have a positive weight, or predictions do not rise
        with the truth.

    Warns
    -----
    WeakCalibrationWarning
        If the slope k is below 0.2 or its interval contains 0, or there are fewer than 100 pairs.
    InSampleWarning
        If both slopes are so near 1 that predictions seem to be in sample.
    SupportWarning
        By ``predict``, if more predictions lie outside those of the pairs than chance explains.

    See Also
    --------
    LinearCalibrationCorrector : The special case of straight lines.
    TweedieCorrector : For normal noise; needs no curve beside a density.

    Notes
    -----
    With ``n_knots=2, n_instruments=2, degree=1, alpha=0`` this is `LinearCalibrationCorrector`.

    The ridge draws the correction to none at all. With few pairs, or far from where they are, it corrects too little.

    Corrected predictions are worse predictions of single units, and do harm where groups are made by what the model
    sees: see the notes of `LinearCalibrationCorrector`.

    References
    ----------
    Newey, Powell (2003). "Instrumental variable estimation of nonparametric models". Econometrica 71(5).

    Pettersson, Jerzak, Daoud (2026). "Debiasing Machine Learning Predictions for Causal Inference Without Additional
    Ground Truth Data". AAAI-26, arXiv:2508.01341, for the problem.

    Examples
    --------
    Predictions with a skewed distribution. The mean error among the tenth of the units with the smallest outcomes:

    >>> import numpy as np
    >>> from statlearn.debias import LinearCalibrationCorrector, SieveCorrector
    >>> rng = np.random.default_rng(0)
    >>> predictions = rng.gamma(2.0, size=8000)
    >>> truth = predictions + 0.8 * rng.normal(size=8000)
    >>> pairs, trial = np.arange(8000) < 4000, np.arange(8000) >= 4000
    >>> lowest = truth[trial] < np.quantile(truth[trial], 0.1)
    >>> for corrector in (LinearCalibrationCorrector(), SieveCorrector()):
    ...     errors = corrector.fit(predictions[pairs], truth[pairs]).predict(predictions[trial]) - truth[trial]
    ...     print(f"{errors[lowest].mean():.1f}")
    0.6
    0.1
    """

    _parameter_constraints: dict = {
        "n_knots": [Interval(Integral, 2, None, closed="left")],
        "n_instruments": [Interval(Integral, 2, None, closed="left")],
        "degree": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"cv"})],
        "clip": ["array-like", None],
    }

    def __init__(
        self,
        n_knots: int = 6,
        n_instruments: int = 8,
        degree: int = 3,
        alpha: Literal["cv"] | float = "cv",
        clip: tuple[float, float] | None = None,
    ) -> None:
        self.n_knots = n_knots
        self.n_instruments = n_instruments
        self.degree = degree
        self.alpha = alpha
        self.clip = clip

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the curve from calibration pairs.

        **Predictions first, truth second.**

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, 1)
            Predictions of a model for rows that it was not fitted to.
        y : array-like of shape (n_samples,)
            True outcomes of these rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the pairs.

        Returns
        -------
        self : SieveCorrector
            The fitted corrector.
        """
        check_clip(self.clip)
        sample = check_calibration(X, y, sample_weight, fewest=FEWEST_FOR_SHAPE)
        line = sample.slope_of_predictions()
        check_shrinkage(line, sample.slope_of_truth(), 0.0)
        warn_few(len(sample), "The curve of SieveCorrector")
        correction = self._learn(sample)
        self.slope_, self.alpha_ = line.slope, correction.alpha
        self.knots_, self.coef_ = correction.basis.knots, correction.coefficients
        return self._store(sample, correction, folds_of(N_FOLDS, sample))

    def _learn(self, sample):
        levels = np.linspace(0.0, 1.0, self.n_knots)
        basis = SplineBasis(quantile_knots(sample.predictions, sample.weights, levels), self.degree)
        levels = np.linspace(0.0, 1.0, self.n_instruments)
        instruments = SplineBasis(quantile_knots(sample.truth, sample.weights, levels), self.degree)
        B, Z = basis.evaluate(sample.predictions), instruments.evaluate(sample.truth)
        folds = folds_of(N_FOLDS, sample) if self.alpha == "cv" else [(None, slice(None))]
        parts = [Moments.of(B[rows], Z[rows], sample.take(rows)) for _, rows in folds]
        total = sum(parts[1:], parts[0])
        alpha = choose_alpha(parts, total) if self.alpha == "cv" else float(self.alpha)
        return SieveCorrection(basis, total.projected().solve(alpha), alpha)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over pairs of products of instruments Z, functions B and errors of the predictions.

    Attributes
    ----------
    ZZ : ndarray of shape (n_instruments, n_instruments)
        Z'WZ.
    ZB : ndarray of shape (n_instruments, n_functions)
        Z'WB.
    Ze : ndarray of shape (n_instruments,)
        Z'W(y - prediction).
    """

    ZZ: np.ndarray
    ZB: np.ndarray
    Ze: np.ndarray

    @classmethod
    def of(cls, B, Z, sample):
        """The sums over a sample."""
        weighted = sample.weights[:, None] * Z
        return cls(weighted.T @ Z, weighted.T @ B, weighted.T @ (sample.truth - sample.predictions))

    def __add__(self, other):
        return Moments(self.ZZ + other.ZZ, self.ZB + other.ZB, self.Ze + other.Ze)

    def __sub__(self, other):
        return Moments(self.ZZ - other.ZZ, self.ZB - other.ZB, self.Ze - other.Ze)

    def whitener(self):
        """Matrix T with T Z'WZ T' = I on the span of the instruments."""
        values, vectors = np.linalg.eigh(self.ZZ)
        kept = values > NEGLIGIBLE * values[-1]
        return (vectors[:, kept] / np.sqrt(values[kept])).T

    def projected(self, whitener=None):
        """The regression of whitened moments of the error on those of the functions."""
        whitener = self.whitener() if whitener is None else whitener
        return Projected(whitener @ self.ZB, whitener @ self.Ze)


@dataclass(frozen=True, eq=False)
class Projected:
    """Second stage of two-stage least squares: find c with ``functions @ c`` near ``errors``."""

    functions: np.ndarray
    errors: np.ndarray

    def solve(self, alpha):
        """``(H + lambda I)^-1 functions' errors``, H = functions' functions, lambda = alpha trace(H) / n_functions."""
        n_functions = self.functions.shape[1]
        ridge = np.sqrt(alpha / n_functions) * np.linalg.norm(self.functions)
        stacked = np.vstack([self.functions, ridge * np.eye(n_functions)])
        return np.linalg.lstsq(stacked, np.concatenate([self.errors, np.zeros(n_functions)]), rcond=None)[0]

    def violation(self, coefficients):
        """Squared norm of the moments that a correction leaves."""
        return float(np.sum((self.errors - self.functions @ coefficients) ** 2))


def choose_alpha(parts, total):
    """The ridge whose corrections leave the smallest moments in the folds they were not learned from."""
    whitener = total.whitener()
    violations = np.zeros(ALPHAS.size)
    for part in parts:
        train, held_out = (total - part).projected(), part.projected(whitener)
        violations += [held_out.violation(train.solve(alpha)) for alpha in ALPHAS]
    return float(ALPHAS[np.argmin(violations)])
