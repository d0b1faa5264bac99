"""Orthonormal bases as transformers of scikit-learn: parameters that leave the number of columns open until ``fit``."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.exceptions import NotFittedError

from .._support._sklearn import Interval, StrOptions, _check_feature_names_in, _fit_context, _is_fitted
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.validation import check_vector, validate_data
from .._typing import ArrayLike, FloatArray, NameArray
from ..certificate import Certificate, Check
from ._basis import OrthonormalBasis
from ._families import POLYNOMIALS, BoundedFamily, Fourier, PolynomialFamily
from ._index_sets import INDEX_SETS, LARGEST_SET, index_set_of
from ._product_basis import ProductBasis, TorusBasis

__all__ = ["FourierBasis", "PolynomialBasis"]


class ProductTransformer(TransformerMixin, StatlearnEstimator):
    """What the two transformers share.

    A derived class has ``_stated_dims()``, the number of dimensions that each parameter states or None, by parameter,
    and ``_build(n_dims, ranges)``, the basis, where ``ranges`` of the columns were seen by ``fit``, or are None.
    """

    _parameter_constraints: dict = {
        "n_dims": [Interval(Integral, 1, None, closed="left"), None],
        "degree": [Interval(Integral, 0, LARGEST_SET, closed="both")],
        "index_set": [StrOptions(set(INDEX_SETS))],
        "q": [Interval(Real, 0, 1, closed="right")],
        "bounds": ["array-like", None],
        "anisotropy": ["array-like", None],
    }

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Settle the number of columns, and their ranges where the parameters leave them open.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims)
            Points.
        y : None
            Not used; here for pipelines.

        Returns
        -------
        self : object
            The fitted basis.

        Raises
        ------
        ValueError
            If parameters are invalid or disagree with each other or with X, or X has missing or infinite values.
        """
        X = validate_data(self, X, dtype=np.float64)
        self._ranges = [_range(column) for column in X.T]
        self.basis_ = self._build(X.shape[1], self._ranges)
        self.multi_indices_ = self.basis_.multi_indices
        self.n_output_features_ = self.basis_.n_output_features_
        self.certificate_ = _certificate(self.basis_, X)
        return self

    def transform(self, X: ArrayLike) -> FloatArray:
        """Compute the functions at points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_dims)
            Points.

        Returns
        -------
        features : ndarray of shape (n_samples, n_functions)
            One column per function.

        Raises
        ------
        ValueError
            If X has missing or infinite values or another number of columns, or where a value overflows.

        Warns
        -----
        ExtrapolationWarning
            Where points lie outside the support of the measure.
        """
        basis = self.basis_ if _is_fitted(self) else self.resolved()
        return basis.features(validate_data(self, X, dtype=np.float64, reset=False))

    def resolved(self) -> OrthonormalBasis:
        """Get the basis with its number of columns and their families settled.

        Returns
        -------
        basis : OrthonormalBasis
            What the parameters say, as they are now, with the ranges of columns that `fit` saw where they are learned.

        Raises
        ------
        NotFittedError
            Before `fit`, if the parameters leave the number of dimensions open.
        """
        self._validate_params()
        n_dims = self._declared_dims()
        if n_dims is not None:
            return self._build(n_dims, None)
        if not _is_fitted(self):
            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet, and its parameters leave the number of "
                "dimensions open. Give n_dims, or call fit."
            )
        return self._build(self.n_features_in_, self._ranges)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NameArray:
        """Names of the functions.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the coordinates; None takes those of ``fit``, or ``x0``, ``x1``, ... if it had none.

        Returns
        -------
        names : ndarray of shape (n_output_features_,)
            Such as ``"1"`` or ``"P2(x0) P1(x1)"``.
        """
        if _is_fitted(self):
            return np.array(self.basis_.names(_check_feature_names_in(self, input_features)), dtype=object)
        basis = self.resolved()
        columns = [f"x{column}" for column in range(basis.n_dims)] if input_features is None else input_features
        return np.array(basis.names(columns), dtype=object)

    def _declared_dims(self):
        """The number of dimensions that the parameters state, or None."""
        stated = {name: size for name, size in self._stated_dims().items() if size is not None}
        if len(set(stated.values())) > 1:
            found = ", ".join(f"{size} by {name}" for name, size in stated.items())
            raise ValueError(f"The parameters disagree about the number of dimensions: {found}.")
        return next(iter(stated.values()), None)

    def _index_set(self, n_dims, orders):
        if self.q != 1.0 and self.index_set != "lq":
            raise ValueError(f"q={self.q} is for index_set='lq'. Got index_set={self.index_set!r}.")
        declared = self._declared_dims()
        if declared not in (None, n_dims):
            raise ValueError(f"X has {n_dims} columns, but the parameters declare {declared} dimensions.")
        weights = np.ones(n_dims)
        if self.anisotropy is not None:
            weights = check_vector(self.anisotropy, "anisotropy", size=n_dims)
            if weights.min() < 1.0:
                raise ValueError(
                    f"anisotropy must be at least 1 everywhere. Got {weights.min()}: raise degree, the largest one."
                )
        return index_set_of(self.index_set, self.degree, q=self.q, weights=weights, orders=orders)


class PolynomialBasis(ProductTransformer):
    """Orthonormal polynomials of several variables.

    The columns are products ``p_{k_1}(x_1) ... p_{k_d}(x_d)`` of orthonormal polynomials of one variable each, for the
    multi-indices k of a set. They are orthonormal in L2 of the product of the measures of the variables, so that
    coefficients of an expansion give its mean, its variance and Sobol indices.

    A basis is declared or learned. It is declared where ``n_dims`` is given, or ``family`` or ``bounds`` have one entry
    per column: then it is complete, samplers use it without `fit`, and `fit` only counts columns. Otherwise the number
    of columns is learned by `fit`, and also the range of each column if the family is bounded and ``bounds`` is None.

    Parameters
    ----------
    family : str, family, or list of these, default="legendre"
        The polynomials and thereby the measure, for all columns or one per column: "legendre" (uniform distribution),
        "chebyshev" (arcsine), "jacobi" (beta), "hermite" (standard normal), "laguerre" (exponential), or an object
        such as ``Jacobi(bounds, a, b)``, ``Hermite(loc, scale)`` or ``Laguerre(alpha, loc, scale)``.
    n_dims : int or None, default=None
        Number of columns.
    degree : int, default=2
        Largest degree of a factor.
    index_set : {"total_degree", "hyperbolic_cross", "tensor", "lq"}, default="total_degree"
        The multi-indices: ``sum k_j <= degree``, ``prod (k_j + 1) <= degree + 1``, ``max k_j <= degree``, or
        ``sum k_j^q <= degree^q``. At most a million.
    q : float, default=1.0
        Power of ``"lq"``, in (0, 1]: the smaller, the fewer products of many variables.
    bounds : pair of float, list of pairs, or None, default=None
        Intervals ``(low, high)`` of bounded families that are given by name, for all columns or one per column (None
        for a column of another family). None means (-1, 1) where the basis is declared. Where it is learned, None means
        the range seen by `fit`; a constant column gets an interval around its value.
    anisotropy : array-like of shape (n_dims,) or None, default=None
        Weights, at least 1, that reduce the degrees in columns that matter less: ``k_j`` is replaced by ``w_j k_j``,
        or ``k_j + 1`` by its power ``w_j`` in the hyperbolic cross. None means 1.

    Attributes
    ----------
    basis_ : OrthonormalBasis
        The basis with its columns settled, as `resolved` returns it.
    multi_indices_ : ndarray of shape (n_functions, n_dims)
        Degrees of the factors of each function. Sorted by total degree; the first one is constant.
    n_output_features_ : int
        Number of functions.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.
    certificate_ : Certificate
        Whether rows lie outside the support of the measure.

    See Also
    --------
    FourierBasis : Cosines and sines, for periodic functions.
    sklearn.preprocessing.PolynomialFeatures : Monomials.

    References
    ----------
    G. Blatman and B. Sudret. Adaptive sparse polynomial chaos expansion based on least angle regression. Journal of
    Computational Physics 230, 2011 (hyperbolic index sets, which are "lq" here).

    A. Cohen and G. Migliorati. Optimal weighted least-squares methods. SMAI Journal of Computational Mathematics 3,
    2017 (induced distributions).

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.design import Hermite, PolynomialBasis
    >>> basis = PolynomialBasis(["legendre", Hermite(loc=20.0, scale=5.0)], bounds=[(0.0, 1.0), None])
    >>> basis.fit_transform([[0.5, 20.0], [1.0, 25.0]]).round(3)
    array([[ 1.   ,  0.   ,  0.   , -1.118,  0.   , -0.707],
           [ 1.   ,  1.732,  1.   ,  2.236,  1.732,  0.   ]])
    >>> basis.get_feature_names_out().tolist()
    ['1', 'P1(x0)', 'He1(x1)', 'P2(x0)', 'P1(x0) He1(x1)', 'He2(x1)']
    >>> basis.resolved().sample_induced(3, np.random.default_rng(0)).shape
    (3, 2)
    """

    _parameter_constraints: dict = {
        "family": [StrOptions(set(POLYNOMIALS)), PolynomialFamily, list, tuple],
        **ProductTransformer._parameter_constraints,
    }

    def __init__(
        self,
        family: Literal["legendre", "hermite", "chebyshev", "jacobi", "laguerre"]
        | PolynomialFamily
        | list[Any]
        | tuple[Any, ...] = "legendre",
        n_dims: int | None = None,
        degree: int = 2,
        *,
        index_set: Literal["total_degree", "hyperbolic_cross", "tensor", "lq"] = "total_degree",
        q: float = 1.0,
        bounds: Sequence[float] | Sequence[tuple[float, float] | None] | None = None,
        anisotropy: ArrayLike | None = None,
    ) -> None:
        self.family = family
        self.n_dims = n_dims
        self.degree = degree
        self.index_set = index_set
        self.q = q
        self.bounds = bounds
        self.anisotropy = anisotropy

    def _stated_dims(self):
        per_column = isinstance(self.family, (list, tuple))
        return {
            "n_dims": self.n_dims,
            "family": len(self.family) if per_column else None,
            "bounds": _stated_by_bounds(self.bounds),
        }

    def _build(self, n_dims, ranges):
        index_set = self._index_set(n_dims, orders=np.arange(self.degree + 1))
        families = self.family if isinstance(self.family, (list, tuple)) else [self.family] * n_dims
        bounds = _bounds_per_column(self.bounds, n_dims)
        if ranges and self.bounds is None and self._declared_dims() is None and _is_bounded(self.family):
            bounds = ranges
        return ProductBasis(list(map(_column_family, families, bounds)), index_set)


class FourierBasis(ProductTransformer):
    """Orthonormal cosines and sines of several variables on a torus.

    The columns are products of one function of each variable: 1, ``sqrt 2 cos(2 pi f t)`` or ``sqrt 2 sin(2 pi f t)``,
    where t runs from 0 to 1 over a period. The frequencies of the factors form the multi-indices of a set, and each
    frequency comes with its cosine and its sine. They are orthonormal for the uniform distribution, which is also the
    induced one.

    Parameters
    ----------
    n_dims : int or None, default=None
        Number of columns. None takes it from ``bounds`` with one pair per column, or from `fit`.
    degree : int, default=2
        Largest frequency of a factor.
    index_set : {"total_degree", "hyperbolic_cross", "tensor", "lq"}, default="total_degree"
        Which frequencies are multiplied: ``sum f_j <= degree``, ``prod (f_j + 1) <= degree + 1``,
        ``max f_j <= degree``, or ``sum f_j^q <= degree^q``. At most a million functions.
    q : float, default=1.0
        Power of ``"lq"``, in (0, 1]: the smaller, the fewer products of many variables.
    bounds : pair of float, list of pairs, or None, default=None
        Periods ``[low, high)``, for all columns or one per column; None means [0, 1). Numbers outside are taken
        modulo the period.
    anisotropy : array-like of shape (n_dims,) or None, default=None
        Weights, at least 1, that reduce the frequencies in columns that matter less: ``f_j`` is replaced by
        ``w_j f_j``, or ``f_j + 1`` by its power ``w_j`` in the hyperbolic cross. None means 1.

    Attributes
    ----------
    basis_ : OrthonormalBasis
        The basis with its columns settled, as `resolved` returns it.
    multi_indices_ : ndarray of shape (n_functions, n_dims)
        Frequencies of the factors of each function, positive for cosines and negative for sines. Sorted by the sum of
        the frequencies; the first function is constant.
    n_output_features_ : int
        Number of functions.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.
    certificate_ : Certificate
        Number of rows and functions; no row is outside.

    See Also
    --------
    PolynomialBasis : Orthogonal polynomials.

    Examples
    --------
    >>> from statlearn.design import FourierBasis
    >>> basis = FourierBasis(degree=1, bounds=(0.0, 24.0))
    >>> basis.fit_transform([[0.0], [6.0], [8.0]]).round(3)
    array([[ 1.   ,  1.414,  0.   ],
           [ 1.   ,  0.   ,  1.414],
           [ 1.   , -0.707,  1.225]])
    >>> basis.get_feature_names_out().tolist()
    ['1', 'cos1(x0)', 'sin1(x0)']
    """

    _parameter_constraints: dict = {**ProductTransformer._parameter_constraints}

    def __init__(
        self,
        n_dims: int | None = None,
        degree: int = 2,
        *,
        index_set: Literal["total_degree", "hyperbolic_cross", "tensor", "lq"] = "total_degree",
        q: float = 1.0,
        bounds: Sequence[float] | Sequence[tuple[float, float] | None] | None = None,
        anisotropy: ArrayLike | None = None,
    ) -> None:
        self.n_dims = n_dims
        self.degree = degree
        self.index_set = index_set
        self.q = q
        self.bounds = bounds
        self.anisotropy = anisotropy

    def _stated_dims(self):
        return {"n_dims": self.n_dims, "bounds": _stated_by_bounds(self.bounds)}

    def _build(self, n_dims, ranges):
        index_set = self._index_set(n_dims, orders=(np.arange(2 * self.degree + 1) + 1) // 2)
        bounds = _bounds_per_column(self.bounds, n_dims)
        return TorusBasis([Fourier() if pair is None else Fourier(pair) for pair in bounds], index_set)


def _is_pair(bounds):
    return hasattr(bounds, "__len__") and len(bounds) == 2 and all(isinstance(end, Real) for end in bounds)


def _stated_by_bounds(bounds):
    return None if bounds is None or _is_pair(bounds) else len(bounds)


def _bounds_per_column(bounds, n_dims):
    if bounds is not None and not _is_pair(bounds):
        for column, pair in enumerate(bounds):
            if not (pair is None or _is_pair(pair)):
                raise ValueError(f"bounds must be a pair of numbers for a column. Got {pair!r} for column {column}.")
    return [bounds] * n_dims if bounds is None or _is_pair(bounds) else list(bounds)


def _is_bounded(family):
    return isinstance(family, str) and issubclass(POLYNOMIALS[family], BoundedFamily)


def _column_family(family, bounds):
    """The family of a column, from an entry of ``family`` and one of ``bounds``."""
    if isinstance(family, str) and family in POLYNOMIALS:
        if bounds is None:
            return POLYNOMIALS[family]()
        if _is_bounded(family):
            return POLYNOMIALS[family](bounds=bounds)
        raise ValueError(
            f"bounds are for bounded families, which {family!r} is not. Got {bounds!r}: give None for its columns, or "
            f"{POLYNOMIALS[family].__name__}(...) in place of its name for another location and scale."
        )
    if not isinstance(family, PolynomialFamily):
        raise ValueError(f"family must hold polynomials, by name one of {sorted(POLYNOMIALS)}. Got {family!r} instead.")
    if bounds is not None:
        raise ValueError(f"bounds are for families given by name. Got {bounds!r} for {family!r}, which has its own.")
    return family


def _range(values):
    low, high = float(values.min()), float(values.max())
    half = max(1.0, abs(low)) if low == high else 0.0
    return low - half, high + half


def _certificate(basis, X):
    n, m = X.shape[0], basis.n_output_features_
    n_outside = int(np.count_nonzero(~basis.in_support(X)))
    checks = [
        Check(
            "rows outside the support", n_outside, 0, n_outside == 0, "numerical", "functions are extrapolated there"
        ),
        Check("functions", m, n, None, "reported", "the bound is the number of rows"),
    ]
    claim = "Every row lies in the support of the measure for which the functions are orthonormal."
    return Certificate(
        claim, checks, ["the measure is the one in which errors matter; it was not compared with the rows"]
    )
