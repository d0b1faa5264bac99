"""Whether two classes can be separated by a linear rule, with what margin, and what proves it."""

from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Literal

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.validation import check_array, check_sample_weight
from .._typing import ArrayLike, BoolArray, FloatArray, IntArray, LabelArray, MatrixLike
from ..certificate import Certificate
from ._separability_certificate import separability_certificate
from ._separability_evidence import METHODS, gather_evidence
from ._signed_rows import SignedRows

__all__ = ["SeparabilityResult", "separability"]


@dataclass(frozen=True, eq=False)
class SeparabilityResult:
    """Whether two classes are linearly separable, and the objects that prove it.

    All vectors of coefficients have unit norm and one entry per feature, followed by that of the constant column
    ``intercept_scaling`` if there is an intercept. Margins are those of the rows with that column.

    Attributes
    ----------
    status : {"separable", "not separable", "undetermined"}
        Whether some linear rule has every row strictly on its side.
    margin_lower : float
        Proved lower bound of the largest margin that a unit vector has. Positive if and only if ``status`` is
        ``"separable"``.
    margin_upper : float
        Proved upper bound. 0 if it is proved that the classes are not separable.
    quasi : bool or None
        Whether a rule has no row on the wrong side but, inevitably, some on the boundary (quasi-separation). The
        maximum-likelihood estimate of logistic regression is infinite then as well. None if that was not found out.
    direction : ndarray or None
        Unit vector: attains ``margin_lower`` if the classes are separable or nothing is known, and has no negative
        margin in a quasi-separation. None if there is none.
    dual_weights : ndarray of shape (n_samples,) or None
        Non-negative weights that sum to one, of rows whose signed combination has the norm ``margin_upper``. For
        separable classes the rows with positive weight are those nearest to the boundary; for others, rows that stand
        in the way of each other.
    overlapping : ndarray of bool of shape (n_samples,) or None
        The rows that are on the boundary of every rule that has no row on the wrong side: none if the classes are
        separable, some in a quasi-separation, all if the maximum-likelihood estimate exists. None if not found out.
    columns : tuple
        Features that separate the classes by themselves, at least weakly: names if X has them, else positions.
    duplicates : ndarray of shape (n_pairs, 2)
        Equal rows with opposite labels, one pair for each such row.
    radius : float
        Norm R of the longest row with its constant column. A perceptron takes ``(R / margin)**2`` steps at most.
    intercept_scaling : float
        The constant column; 0 without an intercept.
    classes : ndarray of shape (2,)
        The labels; margins are positive on the side of the second for its rows.
    certificate : Certificate
        What was proved, and what was found numerically.

    Examples
    --------
    >>> from statlearn.linear import separability
    >>> result = separability([[0.0], [1.0], [3.0]], ["no", "no", "yes"])
    >>> result.status, bool(result.certificate)
    ('separable', True)
    >>> bool(0.0 < result.margin_lower <= result.margin_upper)
    True
    """

    status: Literal["separable", "not separable", "undetermined"]
    margin_lower: float
    margin_upper: float
    quasi: bool | None
    direction: FloatArray | None = field(repr=False)
    dual_weights: FloatArray | None = field(repr=False)
    overlapping: BoolArray | None = field(repr=False)
    columns: tuple
    duplicates: IntArray = field(repr=False)
    radius: float
    intercept_scaling: float = field(repr=False)
    classes: LabelArray = field(repr=False)
    certificate: Certificate = field(repr=False)

    @property
    def mle_exists(self) -> bool | None:
        """Whether the maximum-likelihood estimate of logistic regression is finite; None if that is not known."""
        if self.status == "separable" or self.quasi or self.columns:
            return False
        return True if self.status == "not separable" and self.quasi is False else None

    @property
    def coef(self) -> FloatArray | None:
        """Coefficients of the features in ``direction``, of shape (n_features,); None without a direction."""
        if self.direction is None:
            return None
        return self.direction[:-1] if self.intercept_scaling else self.direction

    @property
    def intercept(self) -> float | None:
        """Intercept of the rule ``X @ coef + intercept``; None without a direction."""
        if self.direction is None:
            return None
        return float(self.intercept_scaling * self.direction[-1]) if self.intercept_scaling else 0.0


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "y": ["array-like"],
        "method": [StrOptions(set(METHODS))],
        "sample_weight": ["array-like", None],
        "fit_intercept": ["boolean"],
        "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, 1, closed="neither")],
    },
    prefer_skip_nested_validation=True,
)
def separability(
    X: MatrixLike,
    y: ArrayLike,
    method: Literal["auto", "lp", "perceptron"] = "auto",
    *,
    sample_weight: ArrayLike | None = None,
    fit_intercept: bool = True,
    intercept_scaling: float = 1.0,
    max_iter: int = 10_000,
    tol: float = 1e-6,
) -> SeparabilityResult:
    r"""Find out whether two classes are linearly separable, and with what margin.

    With labels :math:`y_i = \pm 1` and rows :math:`a_i`, which end with the constant ``intercept_scaling`` if there is
    an intercept, the margin is

    .. math:: \mu = \max_{\|\theta\| = 1} \min_i y_i \langle a_i, \theta \rangle,

    positive if and only if some rule has every row strictly on its side. Any direction bounds it from below; any
    weights q in the simplex bound it from above, by :math:`\| \sum_i q_i y_i a_i \|`. Both bounds are evaluated with
    bounds of their own rounding errors, so that a verdict does not depend on what a solver says of itself.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The features.
    y : array-like of shape (n_samples,)
        Labels of two classes.
    method : {"auto", "lp", "perceptron"}, default="auto"
        How to look. Equal rows with opposite labels, and single features that separate, are looked for in any case.

        - ``"auto"``: find the point of least norm of the convex hull of the signed rows, which gives the margin up to
          rounding; a linear program only if that leaves the verdict or ``quasi`` open, and there are at most five
          million entries that are not zero, or a part of the rows is enough. Tables with more than 500 rows and
          features get a least-squares fit, a logistic regression and first-order steps before it.
        - ``"lp"``: one linear program over all rows, then the point of least norm if they are separable.
        - ``"perceptron"``: first-order steps alone, which need little memory. They bound the margin from both sides,
          but small margins leave them undetermined.
    sample_weight : array-like of shape (n_samples,), default=None
        Rows of weight 0 are left out. Other weights have no influence on separability.
    fit_intercept : bool, default=True
        Whether the rule has an intercept.
    intercept_scaling : float, default=1.0
        Value of the constant column. It has no influence on the verdict, but on the margin, whose unit vectors contain
        the coefficient of that column.
    max_iter : int, default=10_000
        Largest number of first-order steps.
    tol : float, default=1e-6
        Relative width of the margin interval at which first-order steps stop. The point of least norm has an interval
        of about 1e-11 where the features are of one scale.

    Returns
    -------
    result : SeparabilityResult
        The verdict, the margin interval, and the objects that prove them.

    Raises
    ------
    ValueError
        If y does not have exactly two classes (after rows of weight 0 are left out), X has entries that are not finite,
        or a parameter is out of range.

    See Also
    --------
    statlearn.linear.safe_step_radius : How far a gradient step may go.

    Notes
    -----
    The classes are *not separable* if and only if zero is in the convex hull of the signed rows. In arithmetic with
    rounding no weights combine to exactly zero. That a change of the weights makes them do so is proved where the rows
    span the space, but for features that are combinations of others with whole coefficients, as indicators of all
    levels are. Where features depend on each other otherwise, the check in the certificate is of kind ``"numerical"``.

    An estimate that exists is not the only one if features depend on each other.

    The verdict concerns the numbers as they are stored, and so does the existence of the estimate. Margins are found
    down to about 1e-13 times the longest row; below that the verdict is ``"not separable"``, by a check that is
    numerical.

    For more than two classes examine each class against the others.

    References
    ----------
    .. [1] A. Tyurin (2024). "From Logistic Regression to the Perceptron Algorithm: Exploring Gradient Descent with
       Large Step Sizes." arXiv:2412.08424.
    .. [2] A. Albert and J. A. Anderson (1984). "On the existence of maximum likelihood estimates in logistic regression
       models." Biometrika 71: complete and quasi-complete separation, and overlap.
    .. [3] K. Konis (2007). "Linear programming algorithms for detecting separated data in binary logistic regression
       models." Thesis, University of Oxford: the linear program.

    Examples
    --------
    The classes of this data set are separable, though barely; coefficients of logistic regression are infinite:

    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from statlearn.linear import separability
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> result = separability(StandardScaler().fit_transform(X), y)
    >>> result.status, round(result.margin_lower, 6), round(result.margin_upper, 6)
    ('separable', 0.001393, 0.001393)

    An indicator that is never 1 in one of the classes:

    >>> X = [[0.0, 0], [1.0, 0], [2.0, 0], [3.0, 0], [1.5, 1]]
    >>> result = separability(X, [0, 1, 0, 1, 1])
    >>> result.status, result.quasi, result.columns, result.mle_exists
    ('not separable', True, (1,), False)
    """
    names = getattr(X, "columns", None)
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], input_name="X")
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    check_classification_targets(y)
    weights = None if sample_weight is None else check_sample_weight(sample_weight, X, ensure_non_negative=True)
    classes = _two_classes(y if weights is None else y[weights > 0.0])
    rows = SignedRows.of(
        X,
        np.where(y == classes[1], 1.0, -1.0),
        weights,
        intercept_scaling=intercept_scaling if fit_intercept else 0.0,
    )
    evidence = gather_evidence(rows, method=method, tol=tol, max_iter=max_iter)
    columns = tuple(evidence.columns.tolist() if names is None else [names[place] for place in evidence.columns])
    status, quasi = evidence.status, evidence.quasi
    n_samples = X.shape[0]
    return SeparabilityResult(
        status=status,
        margin_lower=evidence.lower,
        margin_upper=evidence.upper,
        quasi=quasi,
        direction=evidence.recession_direction() if status == "not separable" else evidence.direction,
        dual_weights=_spread(evidence.weights, rows.kept, n_samples),
        overlapping=_spread(evidence.overlapping, rows.kept, n_samples),
        columns=columns,
        duplicates=rows.kept[evidence.pairs],
        radius=evidence.radius,
        intercept_scaling=rows.intercept_scaling,
        classes=classes,
        certificate=separability_certificate(evidence, columns),
    )


def _two_classes(y):
    """The two labels, sorted."""
    classes = np.unique(y)
    if classes.size < 2:
        found = f"the one label {classes.tolist()[0]!r}" if classes.size else "no row of positive weight"
        raise ValueError(f"y must have two classes. Got {found}: there is nothing to separate.")
    if classes.size > 2:
        raise ValueError(
            f"y must have two classes. Got {classes.size} classes: examine each class against the others, as "
            "OneVsRestClassifier does, with y == label."
        )
    return classes


def _spread(values, kept, n_samples):
    """Values of the rows that were kept, put into an array for all rows."""
    if values is None:
        return None
    spread = np.zeros(n_samples, dtype=values.dtype)
    spread[kept] = values
    return spread
