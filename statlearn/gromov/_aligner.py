"""Alignment of two point clouds, or of the nodes of two cost matrices, without any known correspondence."""

from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.validation import check_array, validate_data
from .._typing import ArrayLike, FloatArray, RandomState
from ._collections import point_cost
from ._costs import as_cost
from ._interval import SCALES, gromov_wasserstein_bounds
from ._starts import INITS

__all__ = ["GromovAligner"]

# The cost between the rows of a table, whose name goes into messages.
ROW_COSTS = {
    "euclidean": lambda table, name: point_cost(table, "euclidean", name),
    "sqeuclidean": lambda table, name: point_cost(table, "sqeuclidean", name),
    "precomputed": as_cost,
}


class GromovAligner(ClassNamePrefixFeaturesOutMixin, TransformerMixin, StatlearnEstimator):
    r"""Align two point clouds that live in different spaces, from the distances within each of them alone.

    Finds a coupling T of the rows of X and of Y, all rows of a table weighing the same, with a small value of

    .. math:: \sum_{ijkl} (C^X_{ij} - C^Y_{kl})^2 T_{ik} T_{jl},

    where the costs C are distances within X and within Y. The two tables may have different numbers of columns and of
    rows, and no row of one is known to belong to a row of the other. Since the costs do not change under rotations,
    reflections and translations, a cloud with symmetries is aligned up to one of them.

    Parameters
    ----------
    cost : {"euclidean", "sqeuclidean", "precomputed"}, default="euclidean"
        Distance between two rows of a table, its square, or "precomputed": X and Y are square matrices of costs
        between nodes, of any sign, symmetric or not.
    scale : {"none", "max", "mean"}, default="none"
        Divide each cost matrix by its largest or its mean absolute entry, so that two clouds in different units can be
        compared; see `gromov_wasserstein_bounds`.
    init : {"structured", "product"}, default="structured"
        Starts of the local search: six that the structure of the costs suggests, or the product coupling alone, which
        is what most solvers do.
    n_random : int, default=0
        Number of random starts in addition.
    max_iter : int, default=200
        Largest number of iterations per start.
    tol : float, default=1e-9
        Relative decrease below which a start has converged.
    n_jobs : int, default=None
        Number of threads; has no influence on the result.
    random_state : int, RandomState instance, Generator or None, default=None
        Draws the random starts.

    Attributes
    ----------
    plan_ : ndarray of shape (n, m)
        The coupling: its rows sum to 1 / n and its columns to 1 / m.
    matching_ : ndarray of shape (n,)
        A row of Y for each row of X. If n = m, the permutation that collects most mass of the coupling; otherwise the
        row of Y that receives most mass, the first of several, so that rows of Y may be missing or repeated.
    result_ : GromovWassersteinResult
        The interval around the optimal value, which start won, and the lower bounds.
    n_iter_ : int
        Number of linear transport problems solved, over all starts.
    certificate_ : Certificate
        That of ``result_``: a proved lower bound, and the value of the coupling above it.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, when all are strings.

    See Also
    --------
    gromov_wasserstein_bounds : The same for two networks, with any weights of the nodes.
    GromovBarycenter : The mean of several networks.

    Notes
    -----
    The problem is NP-hard; the coupling is the best local optimum of the starts. The certificate says how far from the
    optimum its value may be. An optimal coupling need not be the one you have in mind: it finds who is who only if
    distances in the two clouds nearly agree, as in two projections of the same data. Of two halves of the features of
    the same rows it finds hardly any row.

    References
    ----------
    F. Memoli. Gromov-Wasserstein distances and the metric approach to object matching. Foundations of Computational
    Mathematics 11, 2011.
    D. Alvarez-Melis and T. Jaakkola. Gromov-Wasserstein alignment of word embedding spaces. EMNLP 2018.

    Examples
    --------
    A cloud in the plane, and the same cloud turned, shuffled and moved in space:

    >>> import numpy as np
    >>> from statlearn.gromov import GromovAligner
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(30, 2))
    >>> order = rng.permutation(30)
    >>> turn = np.linalg.qr(rng.normal(size=(3, 2)))[0]
    >>> Y = X[order] @ turn.T + 5.0
    >>> model = GromovAligner().fit(X, Y)
    >>> bool(np.all(order[model.matching_] == np.arange(30)))
    True
    >>> bool(np.allclose(model.transform(X), X @ turn.T + 5.0))
    True
    """

    _parameter_constraints: dict = {
        "cost": [StrOptions(set(ROW_COSTS))],
        "scale": [StrOptions({"none", *SCALES})],
        "init": [StrOptions(set(INITS))],
        "n_random": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        cost: Literal["euclidean", "sqeuclidean", "precomputed"] = "euclidean",
        *,
        scale: Literal["none", "max", "mean"] = "none",
        init: Literal["structured", "product"] = "structured",
        n_random: int = 0,
        max_iter: int = 200,
        tol: float = 1e-9,
        n_jobs: int | None = None,
        random_state: RandomState = None,
    ) -> None:
        self.cost = cost
        self.scale = scale
        self.init = init
        self.n_random = n_random
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.two_d_labels = True
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Align two tables, or two cost matrices.

        Parameters
        ----------
        X : array-like of shape (n, d1), or (n, n) with ``cost="precomputed"``
            The first point cloud.
        y : array-like of shape (m, d2) or (m,), or (m, m) with ``cost="precomputed"``
            The second point cloud Y, in the place of a target; a vector is m points on the line. It need not have as
            many rows as X.

        Returns
        -------
        self : GromovAligner
            The fitted aligner.

        Raises
        ------
        ValueError
            If a parameter or a table is invalid.

        Warns
        -----
        ScaleWarning
            If the costs of X and Y differ in scale by a factor of a thousand or more.
        ConvergenceWarning
            If the best start took ``max_iter`` steps without converging.
        """
        X, Y = self._check_pair(X, y, reset=True)
        self.result_ = self._bounds(X, Y)
        self.certificate_ = self.result_.certificate
        self.plan_, self.n_iter_ = self.result_.plan, self.result_.n_iter
        self.matching_ = _round_plan(self.plan_)
        self._points, self._images = _mean_by_point(X, len(X) * self.plan_ @ Y)
        self._n_features_out = Y.shape[1]
        return self

    def transform(self, X: ArrayLike) -> FloatArray:
        """Map rows into the space of Y by the barycentric projection.

        A row of the training data goes to the mean of Y under its part of the coupling, row i of ``n * plan_ @ Y``;
        rows that coincide go to the mean of their images. Any other row takes the image of the nearest training row
        (Euclidean distance between rows, whatever the cost).

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Rows in the space of the training data. With ``cost="precomputed"``, costs between nodes and the nodes of
            the training data.

        Returns
        -------
        images : ndarray of shape (n_rows, d2)
            Points in the space of Y. With ``cost="precomputed"`` there is no such space, and a row holds the mean
            costs between the image and the m nodes of Y.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._images[KDTree(self._points).query(X)[1]]

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Minus the value of the best coupling found for two tables, with the parameters of this estimator.

        The pair is aligned anew, so that it may be another one than the fitted pair; for the fitted pair it is
        ``-result_.upper``, up to random starts that are not fixed by ``random_state``.

        Parameters
        ----------
        X : array-like of shape (n, n_features), or (n, n) with ``cost="precomputed"``
            The first point cloud.
        y : array-like of shape (m, d2) or (m,), or (m, m) with ``cost="precomputed"``
            The second point cloud.

        Returns
        -------
        score : float
            At most 0, larger is better. Values of different ``cost`` or ``scale`` are not comparable.
        """
        check_is_fitted(self)
        return -self._bounds(*self._check_pair(X, y, reset=False)).upper

    def _check_pair(self, X, y, reset):
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: pass the second cloud."
            )
        X = validate_data(self, X, dtype=np.float64, reset=reset)
        Y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
        return X, Y.reshape(-1, 1) if Y.ndim == 1 else Y

    def _bounds(self, X, Y):
        cost_of = ROW_COSTS[self.cost]
        return gromov_wasserstein_bounds(
            cost_of(X, "X"),
            cost_of(Y, "y"),
            scale=self.scale,
            init=self.init,
            n_random=self.n_random,
            max_iter=self.max_iter,
            tol=self.tol,
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        )


def _round_plan(plan):
    """A column for each row: the heaviest permutation of a square coupling, the largest entries of any other."""
    n, m = plan.shape
    return linear_sum_assignment(plan, maximize=True)[1] if n == m else plan.argmax(axis=1)


def _mean_by_point(X, images):
    """Distinct rows of X, and the mean image of the rows that are equal: a map must send them to one point."""
    points, which, counts = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    sums = np.zeros((len(points), images.shape[1]))
    np.add.at(sums, which.ravel(), images)
    return points, sums / counts[:, None]
