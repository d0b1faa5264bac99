"""Linear regression on a pool of rows of which few have labels."""

from collections.abc import Callable
from numbers import Real
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from scipy.linalg import null_space
from scipy.sparse import csr_array, hstack, issparse
from sklearn.base import RegressorMixin
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.validation import check_array, refuse_masked, validate_data
from .._typing import ArrayLike, FloatArray, IntArray, MatrixLike, RandomState
from ..certificate import Check
from ._design import Design
from ._fit import (
    STABLE,
    check_values,
    drawing_checks,
    fit_certificate,
    fit_least_squares,
    proved_error,
)
from ._leverage import FORMATS
from ._pool import PoolDPPSampler
from ._samplers import ConditionedSampler

__all__ = ["DPPLeastSquares"]

ASSUMPTIONS = (
    "the pool, with its weights, is the population that the fit is for",
    "which rows are picked did not depend on labels",
)
NEGLIGIBLE = 1e-12  # entry of a unit vector that is rounding
UNLABELED = "Label these rows. Those of query are picked if random_state is the same int in both calls."


class DPPLeastSquares(RegressorMixin, StatlearnEstimator):
    r"""Least squares that asks for few labels: it picks the rows to label, and weighs them.

    From a pool of N rows, n are drawn such that the weighted fit to their labels is nearly as good as the fit to all
    labels would be: in expectation over the draw, and for labels of any kind. The rows are those of `PoolDPPSampler`,
    with a constant column if there is an intercept.

    Parameters
    ----------
    n_samples : int, float, str or None, default=None
        Number of rows to draw: an int, a float in (0, 1] for a share of the pool, or a multiple such as ``"3m"`` of the
        dimension m, the rank of the rows (with the constant). None means m for ``design="dpp"``, which has no other
        number, and 2m for others. If there are no more rows than that, all of them are labeled.
    design : {"repeated_dpp", "dpp", "volume", "repeated_volume", "christoffel", "iid"}, default="repeated_dpp"
        How rows are drawn: see `PoolDPPSampler`.
    delta : float or None, default=None
        Rows are drawn again until the smallest eigenvalue of the Gram matrix is at least ``1 - delta``, which takes no
        labels: see `ConditionedSampler`. None takes the first.
    fit_intercept : bool, default=True
        Whether a constant is fitted.
    rcond : float or None, default=None
        Singular values of the picked rows, in coordinates where the pool is orthonormal, below it, relative to the
        largest, count as zero; None is 1e-10.
    random_state : int, RandomState instance, Generator or None, default=None
        Draws the rows. With an int, `fit` and `query` pick the same ones at every call.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients; of smallest norm where they are not determined.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercepts; 0.0 without ``fit_intercept``.
    selected_indices_ : ndarray of int of shape (n_labels,)
        The rows whose labels were used, each once.
    selected_weights_ : ndarray of shape (n_labels,)
        Their weights, 1 on average over draws; a row that was drawn more than once has the sum.
    n_labels_ : int
        Number of labels used.
    rank_ : int
        The dimension m.
    leverage_scores_ : ndarray of shape (n_rows,)
        Leverage scores of the pool.
    lambda_min_ : float
        Smallest eigenvalue of the weighted Gram matrix of the labeled rows in coordinates in which that of the pool is
        the identity.
    loo_error_ : float or ndarray of shape (n_outputs,)
        Root weighted mean of the squared leave-one-out errors over the labeled rows, an estimate of the error over the
        pool; infinite where a label cannot be left out.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when ``X`` had string names.
    certificate_ : Certificate
        The smallest eigenvalue and the condition number of the Gram matrix, the leave-one-out error, the factor of the
        least error that is proved for the design, the number of labels.

    See Also
    --------
    PoolDPPSampler : The rows alone.
    WeightedLeastSquaresApproximator : The same where the function can be evaluated anywhere.

    Notes
    -----
    Where leverage scores are even, as for Gaussian rows, and there are 3m labels or more, the gain over labels of
    random rows is a few per cent. Where labels are mostly noise, gains come from stability alone.

    The fits of "dpp" and "volume" are unbiased for the fit to all labels; those of "repeated_dpp", mostly better, are
    not, nor is any with ``delta``. Weights belong to the design: without them the fit converges to another one.

    A fit with an intercept holds a copy of X, with one column more.

    References
    ----------
    Nouy, Michel (2023). "Weighted least-squares approximation with determinantal point processes and generalized volume
    sampling". arXiv:2312.14057.

    Derezinski, Warmuth, Hsu (2019). "Unbiased estimators for random design regression". arXiv:1907.03411.

    Examples
    --------
    Labels come from a function of positions, which is called once, for the rows that are picked:

    >>> import numpy as np
    >>> from statlearn.design import DPPLeastSquares
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_t(3, size=(2000, 5))
    >>> y = X.sum(axis=1) + np.sin(X[:, 0])
    >>> model = DPPLeastSquares("3m", random_state=0).fit(X, lambda rows: y[rows])
    >>> model.n_labels_ <= 18, bool(model.score(X, y) > 0.97)
    (True, True)
    """

    _parameter_constraints: dict = {
        "n_samples": PoolDPPSampler._parameter_constraints["n_samples"],
        "design": PoolDPPSampler._parameter_constraints["design"],
        "delta": [Interval(Real, 0, 1, closed="neither"), None],
        "fit_intercept": ["boolean"],
        "rcond": [Interval(Real, 0, 1, closed="neither"), None],
        "random_state": PoolDPPSampler._parameter_constraints["random_state"],
    }

    def __init__(
        self,
        n_samples: int | float | str | None = None,
        *,
        design: Literal["repeated_dpp", "dpp", "volume", "repeated_volume", "christoffel", "iid"] = "repeated_dpp",
        delta: float | None = None,
        fit_intercept: bool = True,
        rcond: float | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.n_samples = n_samples
        self.design = design
        self.delta = delta
        self.fit_intercept = fit_intercept
        self.rcond = rcond
        self.random_state = random_state

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike | Callable[..., Any], sample_weight: ArrayLike | None = None) -> Self:
        """Pick rows, get their labels, and fit them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
            The pool.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), or callable
            Labels, NaN for rows that have none, of which none may be picked; or a function that returns the labels of
            rows, given an array of their positions.
        sample_weight : array-like of shape (n_rows,), default=None
            Masses of the rows: the population is the pool with these weights.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        ValueError
            If a picked row has no finite label, or there are fewer samples than dimensions.

        Warns
        -----
        ConvergenceWarning
            If no draw met ``delta``; the best one is taken.
        RankDeficientWarning
            If columns of X are linearly dependent, or the picked rows do not determine the fit.
        DataConversionWarning
            If labels are a single column rather than a vector.
        """
        if y is None:
            raise ValueError(f"fit of {type(self).__name__} requires y to be passed, but the target y is None.")
        X = validate_data(self, X, **FORMATS, ensure_min_samples=2)
        labels_of = y if callable(y) else _lookup(y, X.shape[0])
        picked = self._pick(X, sample_weight, self.n_samples)
        labels = check_values(labels_of(picked.rows.copy()), picked.rows, "row", UNLABELED, "y")
        self._fit_labels(X, picked, labels)
        return self

    def query(
        self, X: MatrixLike, n_samples: int | float | str | None = None, sample_weight: ArrayLike | None = None
    ) -> IntArray:
        """Pick rows to label, without labels and without a fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
            The pool.
        n_samples : int, float or str, default=None
            Number of rows to draw, in place of the parameter.
        sample_weight : array-like of shape (n_rows,), default=None
            Masses of the rows.

        Returns
        -------
        rows : ndarray of int
            Positions of the rows that `fit` would pick with the same int as ``random_state``, each once.

        Raises
        ------
        ValueError
            As in `fit`, labels apart.
        """
        self._validate_params()
        X = check_array(X, **FORMATS, ensure_min_samples=2, input_name="X")
        return self._pick(X, sample_weight, self.n_samples if n_samples is None else n_samples)[0]

    def predict(self, X: MatrixLike) -> FloatArray:
        """Evaluate the linear function.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Its values.
        """
        check_is_fitted(self)
        X = validate_data(self, X, **FORMATS, reset=False)
        return safe_sparse_dot(X, self.coef_.T) + self.intercept_

    def _pick(self, X, sample_weight, n_samples):
        sampler = PoolDPPSampler(self.design, random_state=self.random_state)
        sampler.fit(self._with_constant(X), sample_weight=sample_weight)
        mass = sampler._pool.mass
        population = np.flatnonzero(mass)
        n = sampler._resolve(n_samples)[-1]
        if n >= population.size:
            return Picked(population, mass[population] * population.size, population.size, sampler)
        draw = sampler._sample_design if self.delta is None else ConditionedSampler(sampler, delta=self.delta).sample
        design = draw(n_samples)
        rows, places = np.unique(design.points, return_inverse=True)
        return Picked(rows, np.bincount(places, design.weights), n, sampler, design)

    def _with_constant(self, X):
        if not self.fit_intercept:
            return X
        ones = np.ones((X.shape[0], 1), dtype=X.dtype)
        return hstack([X, csr_array(ones)], format="csr") if issparse(X) else np.hstack([X, ones])

    def _fit_labels(self, X, picked, labels):
        """Fit the labels of rows in orthonormal coordinates, and set the attributes."""
        rows, weights, n_drawn, sampler, design = picked
        functions = sampler._pool.functions(rows)
        roots = np.sqrt(weights / n_drawn)
        fit = fit_least_squares(roots[:, None] * functions, roots, labels, self.rcond)
        chosen = X[rows].toarray() if issparse(X) else X[rows]
        rank = fit.rank if fit.rank == sampler.rank_ else np.linalg.matrix_rank(functions)
        self.coef_, self.intercept_ = _linear_function(chosen, functions @ fit.coef, rank, self.fit_intercept)
        self.selected_indices_, self.selected_weights_, self.n_labels_ = rows, weights, rows.size
        self.rank_, self.leverage_scores_ = sampler.rank_, sampler.leverage_scores_
        self.lambda_min_, self.loo_error_ = fit.lambda_min, fit.loo_error
        bound = STABLE if self.delta is None else 1.0 - self.delta
        paid = f"distinct ones, of {X.shape[0]} rows, for m={self.rank_}"
        labels_paid = Check("labels", rows.size, None, None, "reported", paid)
        self.certificate_ = fit_certificate(
            fit,
            [*([] if design is None else drawing_checks(design)), labels_paid],
            bound=bound,
            proved=self._proved(fit, picked, bound),
            region="pool",
            used="labeled rows",
            assumptions=ASSUMPTIONS,
        )

    def _proved(self, fit, picked, bound):
        if fit.rank < picked.sampler.rank_:
            return None, "none: the fit drops directions"
        if picked.rows.size == np.count_nonzero(picked.sampler._pool.mass):
            return 1.0, "all rows are labeled"
        redrawn = self.delta is not None
        return proved_error(self.design, picked.sampler.rank_, picked.n_drawn, fit.lambda_min, bound, redrawn)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.multi_output = True
        return tags


class Picked(NamedTuple):
    """Rows to label, each once and in their order, their weights, the number drawn, the sampler, and the design."""

    rows: np.ndarray
    weights: np.ndarray
    n_drawn: int
    sampler: PoolDPPSampler
    design: Design | None = None  # of all rows there is none


def _lookup(y, n_rows):
    """A function that returns given labels."""
    refuse_masked(y, "y")
    labels = np.asarray(y)
    if labels.ndim not in (1, 2) or len(labels) != n_rows:
        raise ValueError(
            f"y must have a label, or a vector of labels, for each of {n_rows} rows. Got shape {labels.shape}."
        )
    return lambda rows: labels[rows]


def _linear_function(X, values, rank, fit_intercept):
    """Coefficients of smallest norm, and the intercept, of the linear function with given values at some rows.

    Without its mean a matrix with a constant column loses one of its ``rank`` dimensions. All others are kept, whatever
    the scales of the columns.
    """
    X = X.astype(np.float64)  # a mean of float32 has few digits
    origin, level = (X.mean(axis=0), values.mean(axis=0)) if fit_intercept else (np.zeros(X.shape[1]), 0.0)
    X, rank = X - origin, rank - fit_intercept
    largest = np.abs(X).max(axis=0)
    scales = np.where(largest > 0.0, largest, 1.0)
    left, singular, right = np.linalg.svd(X / scales, full_matrices=False)
    coef = ((right[:rank].T @ ((left[:, :rank].T @ (values - level)).T / singular[:rank]).T).T / scales).T
    if rank < X.shape[1]:
        coef = coef - _null_part(coef, right[:rank], scales)
    return coef.T, level - coef.T @ origin if fit_intercept else 0.0


def _null_part(coef, rows, scales):
    """The part of coefficients that changes no value: their projection on what is orthogonal to ``rows * scales``."""
    free = null_space(rows)
    free[np.abs(free) < NEGLIGIBLE] = 0.0  # rounding, which the scales may make large
    free /= scales[:, None]
    free /= np.linalg.norm(free, axis=0)
    return free @ np.linalg.lstsq(free, coef)[0]
