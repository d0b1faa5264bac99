"""Approximation of an expensive function in the span of an orthonormal basis."""

from collections.abc import Callable
from numbers import Real
from typing import Literal, Self

import numpy as np
from sklearn.base import RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import HasMethods, Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.parallel import run_parallel
from .._support.progress import CallbackSupportMixin, fit_progress, with_callbacks
from .._support.random_streams import spawn_generators
from .._support.validation import check_sample_weight, refuse_masked, validate_data
from .._typing import ArrayLike, Basis, FloatArray, FloatOrArray, RandomState
from ..certificate import Check
from ..exceptions import EvaluationError
from ._basis import check_points, named_rows, warn_outside
from ._design import INDEPENDENT, Design
from ._fit import (
    RESOLUTION,
    STABLE,
    check_values,
    drawing_checks,
    fit_certificate,
    fit_least_squares,
    proved_error,
)
from ._samplers import SAMPLERS, check_basis, make_sampler
from ._sizes import N_SAMPLES_CONSTRAINT, resolve_n_samples

__all__ = ["WeightedLeastSquaresApproximator"]

FURTHER = {  # how points are added, if not by the design itself
    "dpp": "repeated_dpp",
    "volume": "christoffel",
    "repeated_volume": "repeated_dpp",
}
ASSUMPTIONS = (
    "the basis is orthonormal for its measure, which is the one in which errors matter",
    "points are distributed as their weights say",
    "errors of the values, if any, are independent of the points",
)
MOVED = "which points were left out or moved does not depend on their values"
FAILED = "If an evaluation cannot succeed, leave it out: tell(values, points=...) takes the points that have values."
STANDARD_ERRORS = 5.0  # by which the mean of the weights of given points may be above 1
ENOUGH = 40  # points for which a mean is nearly normal


class WeightedLeastSquaresApproximator(CallbackSupportMixin, RegressorMixin, StatlearnEstimator):
    r"""Approximate an expensive function, evaluated where a design says, by weighted least squares.

    The approximation is :math:`\hat f = \sum_j c_j \varphi_j` with the basis functions :math:`\varphi_j`, orthonormal
    for a measure :math:`\mu`, and coefficients that minimize
    :math:`\frac1n \sum_i w_i (y_i - c \cdot \varphi(x_i))^2`. Points are drawn such that few more than m of them make
    the fit nearly as good as the best function of the space.

    Use `fit_function` if the function can be called; `ask` and `tell` if values come from elsewhere; `fit` for values
    that are there already.

    Parameters
    ----------
    basis : PolynomialBasis, FourierBasis or OrthonormalBasis
        The basis, with its measure.
    design : {"repeated_dpp", "dpp", "volume", "repeated_volume", "christoffel", "iid"}, default="repeated_dpp"
        How points are drawn: see `RepeatedDPP`, `ProjectionDPP`, `VolumeRescaledSampler` and `ChristoffelSampler`;
        "iid" draws from the measure itself.
    n_samples : int, str or None, default=None
        Number of points, or a multiple of the number m of basis functions such as ``"3m"``. None means m for
        ``design="dpp"``, which has no other number, and 2m for others.
    delta : float or None, default=None
        Designs are redrawn until the smallest eigenvalue of the Gram matrix is at least ``1 - delta``: see
        `ConditionedSampler`. None takes the first.
    weights : {"christoffel", "uniform"}, default="christoffel"
        For `fit`: weights of points without ``sample_weight``. "christoffel" is for points from the optimal density,
        :math:`w = m / k`; "uniform" for points from the measure, :math:`w = 1`.
    validate_basis : bool, default=False
        Whether `ask` and `fit_function` first check, by draws from the induced distribution, that the basis is
        orthonormal for the measure it draws from: meant for an `OrthonormalBasis` of your own, whose weights would be
        wrong in silence.
    random_state : int, RandomState instance, Generator or None, default=None
        Draws the points. With an int, `ask` returns the same design at every call.

    Attributes
    ----------
    coef_ : ndarray of shape (m,) or (n_outputs, m)
        Coefficients of the basis functions.
    basis_ : OrthonormalBasis
        The basis with its number of dimensions settled.
    design_ : Design
        The points, their weights and features.
    lambda_min_ : float
        Smallest eigenvalue of the Gram matrix: 1 is perfect, 0 is a fit that is not determined.
    condition_number_ : float
        Largest over smallest eigenvalue.
    loo_error_ : float or ndarray of shape (n_outputs,)
        Root mean squared leave-one-out error, an estimate of the error of the fit in the mean over the measure;
        infinite for as many points as functions.
    mean_, variance_ : float or ndarray of shape (n_outputs,)
        Mean and variance of the approximation over the measure. Like Sobol indices, for `PolynomialBasis` and
        `FourierBasis`.
    sobol_first_, sobol_total_ : ndarray of shape (n_dims,) or (n_outputs, n_dims)
        Shares of the variance that are due to a coordinate alone, and to it with others; NaN where there is none.
    n_features_in_ : int
        Number of dimensions.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of ``X`` in `fit`, when it had string names.
    certificate_ : Certificate
        The smallest eigenvalue and the condition number of the Gram matrix, the leave-one-out error, the factor of the
        least error that is proved for the design, the number of points.

    See Also
    --------
    DPPLeastSquares : Linear regression on a pool of rows of which few have labels.
    recommended_n_samples : How many points are enough.

    Notes
    -----
    The expected error is within a constant of the best one, and its tail is heavy near n = m: look at ``lambda_min_``.
    The fits of "dpp" and "volume" are unbiased for the best approximation, those of "repeated_dpp" are not, and mostly
    better. With ``delta`` none is.

    References
    ----------
    Nouy, Michel (2023). "Weighted least-squares approximation with determinantal point processes and generalized volume
    sampling". arXiv:2312.14057.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.design import PolynomialBasis, WeightedLeastSquaresApproximator
    >>> def model(x):
    ...     return np.exp(x[:, 0]) * np.sin(x[:, 1])
    >>> basis = PolynomialBasis(degree=8, n_dims=2)
    >>> surrogate = WeightedLeastSquaresApproximator(basis, random_state=0).fit_function(model)
    >>> len(surrogate.design_), bool(surrogate.loo_error_ < 1e-5)
    (90, True)
    >>> x = np.random.default_rng(0).uniform(-1, 1, size=(1000, 2))
    >>> bool(abs(surrogate.predict(x) - model(x)).max() < 1e-4)
    True

    With evaluations in a laboratory, and more of them later:

    >>> surrogate = WeightedLeastSquaresApproximator(basis, random_state=0)
    >>> design = surrogate.ask()
    >>> surrogate = surrogate.tell(model(design.points))
    >>> more = surrogate.extend("m")
    >>> len(surrogate.tell(model(more.points)).design_)
    135
    """

    _parameter_constraints: dict = {
        "basis": [HasMethods(["resolved"])],
        "design": [StrOptions(set(SAMPLERS))],
        "n_samples": [*N_SAMPLES_CONSTRAINT, None],
        "delta": [Interval(Real, 0, 1, closed="neither"), None],
        "weights": [StrOptions({"christoffel", "uniform"})],
        "validate_basis": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        basis: Basis,
        *,
        design: Literal["repeated_dpp", "dpp", "volume", "repeated_volume", "christoffel", "iid"] = "repeated_dpp",
        n_samples: int | str | None = None,
        delta: float | None = None,
        weights: Literal["christoffel", "uniform"] = "christoffel",
        validate_basis: bool = False,
        random_state: RandomState = None,
    ) -> None:
        self.basis = basis
        self.design = design
        self.n_samples = n_samples
        self.delta = delta
        self.weights = weights
        self.validate_basis = validate_basis
        self.random_state = random_state

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit values at given points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims)
            Points.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values.
        sample_weight : array-like of shape (n_samples,), default=None
            Factors, on any scale, of the weights that the parameter ``weights`` gives: as if points were repeated. For
            points from another density, set ``weights="uniform"`` and give the measure of the basis over that density.

        Returns
        -------
        self : object
            The fitted approximation.

        Raises
        ------
        ValueError
            If there are fewer points than basis functions, or data are invalid.

        Warns
        -----
        ExtrapolationWarning
            Where points lie outside the support of the measure.
        RankDeficientWarning
            If the points do not determine the fit.
        DataConversionWarning
            If values are a single column rather than a vector.
        """
        refuse_masked(y, "y")
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        values = check_values(y, X, "point", FAILED, "y")
        counts = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        X, values, counts = X[counts > 0.0], values[counts > 0.0], counts[counts > 0.0]
        basis = clone(self.basis).fit(X).resolved() if hasattr(self.basis, "fit") else self.basis.resolved()
        warn_outside(basis, check_points(X, basis.n_dims))
        design = Design.of(
            basis, X, np.full(len(X), INDEPENDENT), mixing=1.0 if self.weights == "uniform" else 0.0, counts=counts
        )
        self._asked = self._told = None
        own_weights = self.weights == "christoffel" and sample_weight is None
        checks = [_weight_check(design)] if own_weights else []
        return self._store(basis, design, values, delta=self.delta, checks=checks)

    @unchanged_on_error
    @with_callbacks
    def fit_function(
        self, f: Callable[[FloatArray], ArrayLike], vectorized: bool = True, n_jobs: int | None = None
    ) -> Self:
        """Evaluate a function at the points of a design, and fit it.

        Callbacks are told of every evaluation if not ``vectorized``.

        Parameters
        ----------
        f : callable
            The function, of an array of points of shape (n, n_dims), or of one point of shape (n_dims,) if not
            ``vectorized``. It returns one value per point, or a vector of values.
        vectorized : bool, default=True
            Whether f takes all points at once.
        n_jobs : int or None, default=None
            Number of evaluations at a time if not ``vectorized``, in processes unless a `joblib.parallel_config` says
            otherwise. It does not change the result.

        Returns
        -------
        self : object
            The fitted approximation.

        Raises
        ------
        EvaluationError
            If f raises an error for a single point, or a value is not finite. It holds the points and the values that
            are there, for `tell`.
        ValueError
            If f returns something else than one value, or vector, per point, or parameters are invalid.
        """
        if not callable(f):
            raise TypeError(f"f must be a function of points. Got {f!r}.")
        points = self.ask().points
        if vectorized:
            return self.tell(_finite_values(points, _values_at_once(f, points)))
        with fit_progress(self, points, None, max_subtasks=len(points), sequential=False) as progress:
            tasks = ((f, x, progress.subtask("evaluation")) for x in points.copy())
            outcomes = run_parallel(_evaluate, tasks, n_jobs, prefer=None)
        return self.tell(_finite_values(points, *_values_and_error(outcomes)))

    @unchanged_on_error
    def ask(self) -> Design:
        """Draw a design, to be evaluated.

        Returns
        -------
        design : Design
            Its ``points`` are to be evaluated, and the values given to `tell`. What was asked before is dropped.

        Raises
        ------
        ValueError
            If parameters are invalid, there are fewer points than basis functions, or the basis fails its check.
        """
        self._validate_params()
        self._asked_basis, self._asked_design, self._asked_delta = self.basis.resolved(), self.design, self.delta
        self._told, self._n_extensions, self._is_moved = None, 0, False
        if self.validate_basis:
            check_basis(self._asked_basis)
        self._asked = make_sampler(self.design, self._asked_basis, self.delta).sample(self.n_samples, self._stream())
        return self._asked

    @unchanged_on_error
    def extend(self, n_more: int | str = "m") -> Design:
        """Draw more points for a fit, to be evaluated.

        Determinantal designs get further determinantal draws, others independent points; ``delta`` has no say. Points
        of an earlier call whose values were not told are dropped.

        Parameters
        ----------
        n_more : int or str, default="m"
            Number of points, or a multiple of the number m of basis functions. Fewer than m are independent.

        Returns
        -------
        design : Design
            The new points. Give their values, without the earlier ones, to `tell`: nothing that was told is lost.

        Raises
        ------
        ValueError
            If ``n_more`` is no such number, or the approximation was not made by `tell`.
        """
        if getattr(self, "_told", None) is None:
            raise ValueError(
                "extend adds to points of ask or fit_function whose values were told. Call fit_function, or ask and "
                "tell, first. After fit, or in a new process: with the same int random_state ask returns the same "
                "points, and tell takes the values that are there."
            )
        further = FURTHER.get(self._asked_design, self._asked_design)
        if self._asked_design == "dpp":
            self._asked_design = further
        self._n_extensions += 1
        n = resolve_n_samples(n_more, self._asked_basis.n_output_features_, least=1)
        self._asked = make_sampler(further, self._asked_basis).draw(self._asked_basis, n, self._stream())
        return self._asked

    @unchanged_on_error
    def tell(self, y: ArrayLike, points: ArrayLike | None = None) -> Self:
        """Fit the values at the points that `ask` or `extend` returned.

        Parameters
        ----------
        y : array-like of shape (n,) or (n, n_outputs)
            Values, in the order of the points.
        points : array-like of shape (n, n_dims), default=None
            Where the values were taken, if not at the points asked for: settings that were rounded, or only the points
            whose evaluation did not fail. The certificate then holds no theorem, and names the assumption.

        Returns
        -------
        self : object
            The fitted approximation.

        Raises
        ------
        ValueError
            If nothing was asked, or y is not one finite value, or vector, per point.
        """
        if getattr(self, "_asked", None) is None:
            raise ValueError("tell needs points to be told about. Call ask or extend first.")
        if points is not None and not np.array_equal(points, self._asked.points):
            self._asked, self._is_moved = self._asked_at(points), True
        design, values = self._asked, check_values(y, self._asked.points, "point", FAILED)
        if self._told is not None:
            if values.shape[1:] != self._told.shape[1:]:
                raise ValueError(
                    f"values of further points must be like the earlier ones, of shape {self._told.shape}. Got "
                    f"{values.shape}."
                )
            design, values = Design.join(self.design_, design), np.concatenate([self._told, values])
        self._asked, self._told = None, values
        self.n_features_in_ = self._asked_basis.n_dims
        vars(self).pop("feature_names_in_", None)
        return self._store(
            self._asked_basis, design, values, self._asked_design, delta=self._asked_delta, moved=self._is_moved
        )

    def _asked_at(self, points):
        """The design with other points, of the density that was asked for."""
        points = check_points(points, self._asked_basis.n_dims)
        warn_outside(self._asked_basis, points)
        mixing = 1.0 if self._asked_design == "iid" else 0.0
        return Design.of(self._asked_basis, points, np.full(len(points), INDEPENDENT), mixing)

    def predict(self, X: ArrayLike) -> FloatArray:
        """Evaluate the approximation.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims)
            Points.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Its values.

        Raises
        ------
        ValueError
            If X has missing or infinite values or another number of columns, or where a basis function overflows.

        Warns
        -----
        ExtrapolationWarning
            Where points lie outside the support of the measure.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.basis_.features(X) @ self.coef_.T

    @property
    def mean_(self) -> FloatOrArray:
        """Mean of the approximation over the measure."""
        return self.coef_[..., ~self._varies().any(axis=1)].sum(axis=-1)

    @property
    def variance_(self) -> FloatOrArray:
        """Variance of the approximation over the measure."""
        return (self.coef_[..., self._varies().any(axis=1)] ** 2).sum(axis=-1)

    @property
    def sobol_first_(self) -> FloatArray:
        """Shares of the variance that are due to each coordinate alone."""
        varies = self._varies()
        return self._shares(varies & (varies.sum(axis=1) == 1)[:, None])

    @property
    def sobol_total_(self) -> FloatArray:
        """Shares of the variance that are due to each coordinate, alone or with others."""
        return self._shares(self._varies())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _stream(self):
        """Random numbers of `ask`, or of the latest call of `extend`, which shares none with others."""
        return spawn_generators(self.random_state, self._n_extensions + 1)[-1]

    def _varies(self):
        """Whether a function varies with a coordinate, of shape (m, n_dims)."""
        if not hasattr(self.basis_, "multi_indices"):
            raise AttributeError(
                f"moments and Sobol indices are for PolynomialBasis and FourierBasis. Got {self.basis_!r}: compute "
                "them from coef_."
            )
        return np.asarray(self.basis_.multi_indices) != 0

    def _shares(self, functions):
        """Shares of the variance of some functions per coordinate; NaN where it is no more than rounding."""
        largest = np.abs(self.coef_).max(axis=-1, keepdims=True)
        squares = (self.coef_ / np.where(largest > 0.0, largest, 1.0)) ** 2
        variance = squares[..., self._varies().any(axis=1)].sum(axis=-1)
        variance = np.where(variance > RESOLUTION**2 * squares.sum(axis=-1), variance, np.nan)
        return squares @ functions / variance[..., None]

    def _store(self, basis, design, values, drawn_as=None, *, delta, checks=(), moved=False):
        """Fit and set the attributes."""
        m = basis.n_output_features_
        if len(design) < m:
            raise ValueError(
                f"n_samples={len(design)}, the number of points with a weight, is smaller than the dimension of the "
                f"approximation space m={m}. Give more points, or a smaller basis."
            )
        fit = fit_least_squares(design.features, np.exp(0.5 * design.log_weights) / np.sqrt(len(design)), values)
        self.basis_, self.design_, self.coef_, self.loo_error_ = basis, design, fit.coef.T, fit.loo_error
        self.lambda_min_, self.condition_number_ = fit.lambda_min, fit.condition_number
        bound = STABLE if delta is None else 1.0 - delta
        paid = Check("points", len(design), None, None, "reported", f"for m={m} functions")
        self.certificate_ = fit_certificate(
            fit,
            [*checks, *drawing_checks(design), paid],
            bound=bound,
            proved=proved_error(
                None if moved else drawn_as, m, len(design), fit.lambda_min, bound, redrawn=delta is not None
            ),
            region="measure",
            used="points",
            assumptions=(*ASSUMPTIONS, MOVED) if moved else ASSUMPTIONS,
        )
        return self


def _weight_check(design):
    """Whether weights m / k of given points average to 1, as for points from the optimal density.

    For points from the measure itself the average is larger, by Jensen's inequality. Fewer points say little.
    """
    weights = design.weights
    mean, bound = weights.mean(), 1.0 + STANDARD_ERRORS * weights.std() / np.sqrt(weights.size)
    holds = bool(mean <= bound) if weights.size >= ENOUGH else None
    detail = "mean of m / k, 1 for points from the optimal density; for others see the parameter weights"
    return Check("weights of the points", mean, bound, holds, "test", detail)


def _values_at_once(f, points):
    """Values of a function of all points; where it looks like one of a single point, the error says the cure."""
    cure = f"f is called with all {len(points)} points at once; a function of one point needs vectorized=False."
    try:
        values = f(points.copy())  # f may overwrite its argument
    except (IndexError, TypeError, ValueError) as error:  # its type and words belong to the user
        error.add_note(cure)
        raise
    shape = np.shape(values) if np.isscalar(values) or hasattr(values, "shape") else (len(points),)
    if shape[:1] != (len(points),):
        raise ValueError(
            f"values must have one value, or vector of values, for each of {len(points)} points. Got an array of shape "
            f"{shape}: {cure}"
        )
    return values


def _evaluate(f, x, progress):
    """The value of a function, or the error it raised."""
    with progress:
        try:
            return f(x), None
        except Exception as error:
            return None, error


def _values_and_error(outcomes):
    """Values, NaN where the function raised an error, and the first of these errors."""
    errors = [error for _, error in outcomes if error is not None]
    done = [value for value, error in outcomes if error is None]
    missing = np.full(np.shape(done[0]), np.nan) if done else np.nan
    return [value if error is None else missing for value, error in outcomes], errors[0] if errors else None


def _finite_values(points, values, error=None):
    """The values, if none has failed; whether they are of the right shape and type is for `tell` to say."""
    try:
        array = np.asarray(values)
        array = array.astype(np.float64, casting="unsafe" if array.dtype == object else "safe")
    except (TypeError, ValueError):
        return values
    if array.ndim == 0 or len(array) != len(points):
        return values
    failed = ~np.isfinite(array.reshape(len(points), -1)).all(axis=1)
    if failed.any():
        reason = f": {type(error).__name__}: {error}" if error is not None else ""
        raise EvaluationError(
            f"{named_rows(failed)} have no finite value{reason}. The error holds points and values. To fit what is "
            "there, call ask, and tell(values[ok], points=points[ok]).",
            points,
            array,
        ) from error
    return values
