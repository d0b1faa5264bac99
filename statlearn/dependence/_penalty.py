"""The dependence of predictions on protected attributes: value and exact gradient of every measure."""

from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from sklearn.exceptions import NotFittedError

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.validation import check_array
from .._typing import ArrayLike, DependenceMeasure, DistanceMethod, FloatArray
from ._blocks import check_weights, read_blocks, warn_if_constant
from ._centering import Centering
from ._engines import METHODS, SlicedDistance
from ._measures import Measure
from ._ordering import Ordering

__all__ = ["ENGINE_CONSTRAINTS", "DistanceCovariancePenalty"]

ENGINE_CONSTRAINTS = {
    "unbiased": ["boolean"],
    "method": [StrOptions({"auto", "sliced", *METHODS}), SlicedDistance],
    "n_jobs": [Interval(Integral, None, -1, closed="right"), Interval(Integral, 1, None, closed="left"), None],
}


class DistanceCovariancePenalty:
    r"""Dependence of predictions on protected attributes, with its exact gradient.

    With f the predictions and :math:`S_1, \dots, S_d` the attributes, each a block of one or more columns,

    - ``"ccdcov"`` is the squared distance covariance of f and the concatenated blocks,
    - ``"jdcov"`` the joint distance covariance of f and the blocks,
      :math:`\frac{1}{n(n-3)} \big[ \sum_{i \ne k} \prod_m (U^m_{ik} + c) - n(n-1) c^{d+1} \big]`, where :math:`U^m` is
      *minus* the U-centered distance matrix of a block, f included,
    - ``"sum"`` the sum of the distance covariances with each block, which does not see intersections,
    - ``"dcov"`` the distance covariance with the only block.

    All are :math:`\frac{1}{n(n-3)} \sum_{i \ne k} |f_i - f_k| \tilde K_{ik}` plus a constant free of f, so that value
    and gradient take one sort and one sweep, and the value above the constant is f times the gradient.

    Parameters
    ----------
    measure : {"ccdcov", "jdcov", "sum", "dcov"}, default="ccdcov"
        The measure.
    c : float, default=1.0
        The constant of joint distance covariance: a term of k blocks has the factor :math:`c^{d + 1 - k}`.
    unbiased : bool, default=True
        Whether to use the U-version, which can be negative, rather than the V-version, which cannot.
    normalize : {"dcor"} or None, default=None
        "dcor" divides by the distance standard deviations, so that the measure does not depend on the scale of f: it is
        then a squared distance correlation.
    method : {"auto", "levels", "column", "mixed", "pairwise", "sliced"} or SlicedDistance, default="auto"
        The engine. "levels": few distinct rows, O(n G) after a sort. "column": one column, O(n log n). "mixed": one
        continuous column beside few levels. "pairwise": all pairs, O(n^2) time and O(n) memory. "auto" takes the
        cheapest of these; all are exact. "sliced" approximates (`SlicedDistance`).
    n_jobs : int, default=None
        Number of threads of the pairwise engine; the others use one.

    Attributes
    ----------
    n_samples_ : int
        Number of rows.
    constant_ : float
        What of the value does not depend on f: 0 unless ``measure="jdcov"``.
    method_ : str
        The engine, one per block joined by "+" if they differ.
    n_levels_ : int
        Number of distinct rows of the attributes.
    relative_error_ : float
        0 for exact engines. For a sliced one a bound of the relative error of a distance in two columns, and its
        standard error in more.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    See Also
    --------
    distance_covariance_test : Test whether there is any dependence.

    Notes
    -----
    Sums need O(n) memory. A weight means that many copies of its row.

    References
    ----------
    Szekely, Rizzo and Bakirov, "Measuring and testing dependence by correlation of distances", Annals of Statistics 35
    (2007). Chakraborty and Zhang, "Distance metrics for measuring joint dependence with application to causal
    inference", JASA 114 (2019). Lee, Antonio, Avanzi, Marchi and Zhou, "Machine learning with multitype protected
    attributes: intersectional fairness through regularisation", arXiv:2509.08163 (2025).

    Examples
    --------
    Fair by each coin, and unfair to their combination:

    >>> import numpy as np
    >>> from statlearn.dependence import DistanceCovariancePenalty
    >>> S = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 25)
    >>> f = (S[:, 0] != S[:, 1]).astype(float)
    >>> for measure in ["sum", "ccdcov", "jdcov"]:
    ...     penalty = DistanceCovariancePenalty(measure, unbiased=False).fit(S)
    ...     print(measure, abs(round(penalty.value(f), 4)))
    sum 0.0
    ccdcov 0.0732
    jdcov 0.125
    """

    @validate_params(
        {
            "measure": [StrOptions({"ccdcov", "jdcov", "dcov", "sum"})],
            "c": [Interval(Real, 0, None, closed="left")],
            "normalize": [StrOptions({"dcor"}), None],
        }
        | ENGINE_CONSTRAINTS,
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        measure: DependenceMeasure = "ccdcov",
        *,
        c: float = 1.0,
        unbiased: bool = True,
        normalize: Literal["dcor"] | None = None,
        method: DistanceMethod | SlicedDistance = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.measure = measure
        self.c = c
        self.unbiased = unbiased
        self.normalize = normalize
        self.method = method
        self.n_jobs = n_jobs

    def __repr__(self):
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"DistanceCovariancePenalty({given})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters of the penalty, by name; with them, scikit-learn's ``clone`` makes an unfitted copy.

        Parameters
        ----------
        deep : bool, default=True
            Not used; the penalty has no parts with parameters.

        Returns
        -------
        params : dict
            Name and value of every parameter.
        """
        names = ("measure", "c", "unbiased", "normalize", "method", "n_jobs")
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, so that a grid search over an estimator walks ``measure__c``.

        Parameters
        ----------
        **params : dict
            Name and value of parameters.

        Returns
        -------
        self : DistanceCovariancePenalty
            The penalty; it must be fitted again.

        Raises
        ------
        ValueError
            If a name is unknown or a value out of range.
        """
        unknown = sorted(set(params) - set(self.get_params()))
        if unknown:
            raise ValueError(f"DistanceCovariancePenalty has no parameter {unknown[0]!r}: it has {self!r}.")
        twin = DistanceCovariancePenalty(**(self.get_params() | params))
        vars(self).clear()
        vars(self).update(vars(twin))
        return self

    def fit(self, S: ArrayLike | list[Any], sample_weight: ArrayLike | None = None) -> Self:
        """Do the work that does not depend on predictions.

        Parameters
        ----------
        S : array-like of shape (n_samples, n_columns), or list of arrays
            Numeric attributes. Every column of a table is a block of its own; a list holds blocks, each of shape
            (n_samples,) or (n_samples, n_columns).
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight means that many copies of its row.

        Returns
        -------
        self : DistanceCovariancePenalty
            The penalty.

        Raises
        ------
        ValueError
            If S is not numeric and finite, rows are too few, blocks have different lengths, ``measure="dcov"`` meets
            several blocks, or the engine does not fit the blocks.

        Warns
        -----
        ConstantAttributeWarning
            If an attribute is constant.
        """
        return self._fit(S, sample_weight)

    def _fit(self, S, sample_weight, names=None):
        """Fit blocks that messages call by ``names``; None calls them by their positions in S."""
        blocks = read_blocks(S)
        if self.measure == "dcov" and len(blocks) > 1:
            raise ValueError(
                f"measure='dcov' takes one block. S has {len(blocks)}: use 'ccdcov' for their concatenation, or pass "
                "[S] to make all columns one block."
            )
        centering = Centering(check_weights(sample_weight, len(blocks[0])), self.unbiased)
        warn_if_constant(blocks, names or [f"block {position} of S" for position in range(len(blocks))])
        parameters = {name: value for name, value in self.get_params().items() if name != "unbiased"}
        fitted = Measure(blocks, centering, **parameters)
        self._fitted, self.n_samples_, self.constant_ = fitted, len(blocks[0]), fitted.constant
        self.method_, self.n_levels_, self.relative_error_ = fitted.engine, fitted.n_levels, fitted.relative_error
        return self

    def value(self, f: ArrayLike) -> float:
        """Value of the measure.

        Parameters
        ----------
        f : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Predictions. The measures of several outputs are summed.

        Returns
        -------
        value : float
            The measure.
        """
        return self.value_and_grad(f)[0]

    def excess(self, f: ArrayLike) -> float:
        """Value of the measure above its part that does not depend on the predictions.

        Parameters
        ----------
        f : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.

        Returns
        -------
        excess : float
            0 for constant predictions.
        """
        return self._excess_and_grad(f)[0]

    def value_and_grad(self, f: ArrayLike) -> tuple[float, FloatArray]:
        """Value of the measure and its gradient in the predictions.

        Parameters
        ----------
        f : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.

        Returns
        -------
        value : float
            The measure.
        gradient : ndarray of the shape of f
            Its gradient; where predictions are tied, the mean of the one-sided ones.
        """
        excess, gradient = self._excess_and_grad(f)
        n_outputs = 1 if gradient.ndim == 1 else gradient.shape[1]
        return excess + n_outputs * self.constant_, gradient

    def distance_correlation(self, f: ArrayLike) -> float:
        """Scale-free form of the measure: its excess with ``normalize="dcor"``.

        Parameters
        ----------
        f : array-like of shape (n_samples,)
            Predictions.

        Returns
        -------
        correlation : float
            For "dcov" and "ccdcov" the squared distance correlation of f and the attributes, for "sum" the sum of those
            with each. 0 for constant predictions.
        """
        self._require_fit()
        return self._fitted.normalized.excess_and_grad(self._ordering(f))[0]

    def _require_fit(self):
        if not hasattr(self, "_fitted"):
            raise NotFittedError("This DistanceCovariancePenalty has no attributes yet: call fit(S) first.")

    def _check(self, f):
        self._require_fit()
        f = check_array(f, ensure_2d=False, input_name="f").astype(np.float64, copy=False)
        if f.ndim not in (1, 2) or len(f) != self.n_samples_:
            raise ValueError(f"f must have one row per row of S, {self.n_samples_}. Got shape {f.shape}.")
        return f

    def _ordering(self, f):
        f = self._check(f)
        if f.ndim == 2 and f.shape[1] > 1:
            raise ValueError(f"f must have one column here. Got {f.shape[1]}.")
        return Ordering(f.ravel(), self._fitted.centering.weights)

    def _excess_and_grad(self, f):
        f = self._check(f)
        weights = self._fitted.centering.weights
        if f.ndim == 1:
            return self._fitted.excess_and_grad(Ordering(f, weights))
        parts = [self._fitted.excess_and_grad(Ordering(column, weights)) for column in np.ascontiguousarray(f.T)]
        return sum(excess for excess, _ in parts), np.column_stack([gradient for _, gradient in parts])
