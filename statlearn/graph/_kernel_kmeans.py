"""Kernel k-means."""

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.progress import CallbackSupportMixin, fit_progress
from .._support.user_warnings import warn_user
from .._support.validation import check_sample_weight, validate_data
from .._typing import ArrayLike, FloatArray, IntArray, MatrixLike, RandomState
from ._kmeans_certificate import euclidean_check, kmeans_certificate
from ._kmeans_input import check_initial_labels, check_weights, training_gram
from ._kmeans_solver import count_batches, evaluate_partition, restarts_of, solve_kernel_kmeans
from ._pairwise_kernels import KERNELS, check_kernel_parameters, kernel_blocks, kernel_traits, self_kernel

__all__ = ["KernelKMeans"]


def _has_self_kernel(estimator):
    """Whether the kernel of a new row with itself is known."""
    if isinstance(estimator.kernel, str) and estimator.kernel == "precomputed":
        raise AttributeError(
            "A precomputed kernel lacks the kernel of a new row with itself, and so its distances to the centers are "
            "unknown: use predict, which needs no distances, or choose another kernel."
        )
    return True


class KernelKMeans(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, StatlearnEstimator
):
    r"""Find clusters by k-means in the feature space of a kernel, which may be indefinite.

    Minimizes, over partitions into ``n_clusters`` non-empty clusters with weights :math:`W_c = \sum_{i \in c} w_i`,

    .. math::
        J = \sum_i w_i k_{ii} - \sum_c \frac{1}{W_c} \sum_{i, j \in c} w_i w_j k_{ij}
          = \sum_i w_i\, d^2(i, c_i), \qquad
        d^2(i, c) = k_{ii} - \frac{2}{W_c} \sum_{j \in c} w_j k_{ij} + \frac{1}{W_c^2} \sum_{j, l \in c} w_j w_l k_{jl}

    by Lloyd's iterations from many starts, each followed by moves of single rows, which reach partitions that no
    single move improves. J depends on the kernel through :math:`k_{ii} + k_{jj} - 2 k_{ij}` alone, and makes sense for
    every symmetric matrix; for an indefinite one squared distances may be negative.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, at most the number of rows of positive weight.
    kernel : str or callable, default="precomputed"
        ``"precomputed"`` (X is the kernel matrix), a name that `sklearn.metrics.pairwise.pairwise_kernels` knows, or a
        function of two rows that returns a number. ``"linear"`` is k-means; dense rows are then used as they are, and
        no kernel matrix is formed.
    gamma : float, default=None
        The ``gamma`` of the kernels that have it; None leaves their default, ``1 / n_features`` (1 for ``"chi2"``).
    kernel_params : dict, default=None
        Further arguments of the kernel, such as ``{"degree": 2}``.
    init : {"k-means++", "random"} or array-like of shape (n_samples,), default="k-means++"
        How a start draws its centers among the rows: in proportion to weight times squared distance to the nearest
        center so far, or to weight. An array of integers holds the clusters to start from.
    n_init : "auto" or int, default="auto"
        Number of starts. ``"auto"`` is 10 up to 5 clusters and 30 beyond; 1 for an array.
    max_iter : int, default=300
        Largest number of Lloyd's iterations, and then of sweeps of single moves, per start.
    refine : bool, default=True
        Whether moves of single rows follow Lloyd's iterations. They matter most for an indefinite kernel, for which
        Lloyd's iterations may stop early.
    indefinite : {"allow", "shift"}, default="allow"
        ``"shift"`` lets the search run on a kernel with the smallest ``c / w_i`` added to the diagonal that makes all
        squared distances non-negative. The best partition is the same and Lloyd's iterations descend, but they stop
        sooner, as each row becomes closer to its own center. Needs an eigenvalue, O(n_samples^3). Everything
        reported is about the kernel as given.
    random_state : int, RandomState instance, Generator or None, default=None
        Source of the starts. Start r has a random stream of its own, whatever ``n_init``.
    n_jobs : int, default=None
        Number of threads among which the starts are divided; has no influence on the result.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row. A row of weight zero has the nearest center.
    inertia_ : float
        J at the fit; may be negative for an indefinite kernel.
    n_iter_ : int
        Lloyd's iterations and sweeps of single moves in the start that is returned.
    cluster_sizes_ : ndarray of shape (n_clusters,)
        Sum of the weights of each cluster.
    n_restarts_converged_ : int
        Number of starts that stopped by themselves.
    dual_coef_ : ndarray of shape (n_samples,)
        Share of each training row in the center of its cluster, ``w_i / W_c``.
    center_norms_ : ndarray of shape (n_clusters,)
        Squared norms of the centers in the feature space.
    cluster_centers_ : ndarray of shape (n_clusters, n_features) or None
        The centers when ``kernel="linear"``.
    X_fit_ : {ndarray, sparse matrix} of shape (n_samples, n_features) or None
        The training rows, which other kernels need to predict; None for ``"linear"`` and ``"precomputed"``.
    certificate_ : Certificate
        Single moves, agreement of the starts, and whether squared distances may be negative (up to 500 rows).
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.

    See Also
    --------
    sklearn.cluster.KMeans : Lloyd's iterations for the linear kernel.

    Notes
    -----
    A ``sample_weight`` means that many copies of a row. The fit depends neither on the order of the rows, nor on
    whether rows are repeated or weighted, as far as distances are distinct and starts reach the same partition.

    Where squared distances are non-negative, ``labels_`` are the nearest centers and ``predict`` repeats them on the
    training rows, up to ties. For an indefinite kernel a row whose move would raise J can still be closer to another
    center, which its own arrival would push away; ``predict`` gives the nearest center.

    References
    ----------
    B. Schoelkopf, A. Smola and K.-R. Mueller. Nonlinear component analysis as a kernel eigenvalue problem. Neural
    Computation 10, 1998.

    I. S. Dhillon, Y. Guan and B. Kulis. Weighted graph cuts without eigenvectors. IEEE PAMI 29, 2007 (weights, shift).

    D. Arthur and S. Vassilvitskii. k-means++: the advantages of careful seeding. SODA 2007.

    J. A. Hartigan. Clustering Algorithms. Wiley, 1975.

    Examples
    --------
    >>> from sklearn.datasets import make_circles
    >>> from statlearn.graph import KernelKMeans
    >>> X, y = make_circles(200, factor=0.2, noise=0.05, random_state=0)
    >>> model = KernelKMeans(2, kernel="rbf", gamma=5.0, random_state=0).fit(X)
    >>> sorted(model.cluster_sizes_.tolist())
    [100.0, 100.0]
    >>> bool((model.predict(X) == model.labels_).all()), bool(model.certificate_)
    (True, True)
    """

    _parameter_constraints: dict = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions(set(KERNELS)), callable],
        "gamma": [Interval(Real, 0, None, closed="neither"), None],
        "kernel_params": [dict, None],
        "init": [StrOptions({"k-means++", "random"}), "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "refine": ["boolean"],
        "indefinite": [StrOptions({"allow", "shift"})],
        "random_state": ["random_state", np.random.Generator],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        kernel: (
            Literal[
                "precomputed",
                "linear",
                "poly",
                "polynomial",
                "rbf",
                "sigmoid",
                "laplacian",
                "cosine",
                "chi2",
                "additive_chi2",
            ]
            | Callable[..., Any]
        ) = "precomputed",
        gamma: float | None = None,
        kernel_params: dict[str, Any] | None = None,
        init: Literal["k-means++", "random"] | ArrayLike = "k-means++",
        n_init: Literal["auto"] | int = "auto",
        max_iter: int = 300,
        refine: bool = True,
        indefinite: Literal["allow", "shift"] = "allow",
        random_state: RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.kernel = kernel
        self.gamma = gamma
        self.kernel_params = kernel_params
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.refine = refine
        self.indefinite = indefinite
        self.random_state = random_state
        self.n_jobs = n_jobs

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the clusters.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, n_samples)
            Training rows, or the kernel matrix between them when ``kernel="precomputed"``.
        y : None
            Not used; here for pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight stands for that many copies of its row.

        Returns
        -------
        self : KernelKMeans
            The fitted estimator.

        Raises
        ------
        ValueError
            For invalid parameters or data, a kernel matrix that is not square, symmetric and finite, parameters the
            kernel does not have, or more clusters than rows.

        Warns
        -----
        ConvergenceWarning
            When the best start had not settled after ``max_iter`` rounds.
        """
        X = self._check_rows(X, reset=True)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        check_weights(weights, self.n_clusters)
        drawn = isinstance(self.init, str)
        init = self.init if drawn else check_initial_labels(self.init, self.n_clusters, weights)
        gram = training_gram(X, weights, self.kernel, self._kernel_parameters())
        n_init = self._n_starts(init)
        with fit_progress(self, X, y, max_subtasks=count_batches(n_init), sample_weight=sample_weight) as progress:
            solution = self._solve(gram, weights, init, n_init, progress)
        if not np.isfinite(solution.inertia):
            raise ValueError(f"The objective is {solution.inertia}: the kernel is too large to be summed. Scale X.")
        if not solution.restart_converged[solution.best_restart]:
            warn_user(
                f"The best start of KernelKMeans did not settle in max_iter={self.max_iter} rounds: raise max_iter.",
                ConvergenceWarning,
            )
        self._store(X, weights, solution)
        check = euclidean_check(gram, known=kernel_traits(self.kernel).euclidean)
        self.certificate_ = kmeans_certificate(solution, self.refine, check)
        return self

    def predict(self, X: MatrixLike) -> IntArray:
        """Find the nearest center of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features) or (n_rows, n_samples)
            Rows, or the kernel between them and the training rows when ``kernel="precomputed"``.

        Returns
        -------
        labels : ndarray of shape (n_rows,)
            Clusters; the lowest number among equally near centers.

        Raises
        ------
        ValueError
            When the columns differ from those of ``fit``, or values are missing or infinite.
        """
        check_is_fitted(self)
        return self._squared_distances(self._check_rows(X, reset=False)).argmin(axis=1)

    def transform(self, X: MatrixLike) -> FloatArray:
        """Compute squared distances to the centers in the feature space of the kernel.

        Not available when ``kernel="precomputed"``: a kernel between new and training rows lacks the kernel of a new
        row with itself.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
            Rows.

        Returns
        -------
        distances : ndarray of shape (n_rows, n_clusters)
            **Squared** distances; values may be negative where the kernel is indefinite.

        Raises
        ------
        ValueError
            When the columns differ from those of ``fit``, or values are missing or infinite.
        """
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        distances = self._squared_distances(X)
        if self.cluster_centers_ is None:
            distances += self_kernel(X, self.kernel, self._kernel_parameters())[:, None]
        return distances

    @available_if(_has_self_kernel)
    def score(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Compute minus the sum of squared distances to the nearest centers.

        Not available when ``kernel="precomputed"``, for the reason given at `transform`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
            Rows.
        y : None
            Not used; here for searches.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Larger is better. Values for different kernels or kernel parameters cannot be compared.

        Raises
        ------
        ValueError
            When the columns differ from those of ``fit``, or values are missing or infinite.
        """
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        nearest = self._squared_distances(X).min(axis=1)
        if self.cluster_centers_ is None:
            nearest += self_kernel(X, self.kernel, self._kernel_parameters())
        return -float(weights @ nearest)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        traits = kernel_traits(self.kernel)
        tags.input_tags.pairwise = isinstance(self.kernel, str) and self.kernel == "precomputed"
        tags.input_tags.sparse = traits.sparse
        tags.input_tags.positive_only = traits.nonnegative
        return tags

    @property
    def _n_features_out(self):
        return self.cluster_sizes_.size

    def _kernel_parameters(self):
        return check_kernel_parameters(self.kernel, self.gamma, self.kernel_params)

    def _check_rows(self, X, reset):
        accept = "csr" if kernel_traits(self.kernel).sparse else False
        return validate_data(self, X, accept_sparse=accept, dtype=np.float64, order="C", reset=reset)

    def _n_starts(self, init):
        if not isinstance(init, str):
            if self.n_init not in ("auto", 1):
                raise ValueError(f"n_init must be 'auto' or 1 when init is an array. Got {self.n_init} instead.")
            return 1
        return restarts_of(self.n_init, self.n_clusters)

    def _solve(self, gram, weights, init, n_init, progress):
        shift = self.indefinite == "shift" and not kernel_traits(self.kernel).euclidean
        searched = gram.shifted(weights) if shift else gram
        solution = solve_kernel_kmeans(
            searched,
            self.n_clusters,
            weights=weights,
            init=init,
            n_init=n_init,
            max_iter=self.max_iter,
            refine=self.refine,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
            on_step=(lambda: progress.step(name="starts")) if progress.active else None,
        )
        if searched is gram:
            return solution
        figures = evaluate_partition(gram, solution.labels, self.n_clusters, weights)
        added = solution.inertia - figures["inertia"]  # the same for every partition
        return replace(solution, **figures, restart_inertias=solution.restart_inertias - added)

    def _store(self, X, weights, solution):
        self.labels_ = solution.labels
        self.inertia_ = solution.inertia
        self.n_iter_ = solution.n_iter
        self.cluster_sizes_ = solution.sizes
        self.n_restarts_converged_ = int(solution.restart_converged.sum())
        self.dual_coef_ = weights / solution.sizes[solution.labels]
        self.center_norms_ = solution.center_norms
        self.cluster_centers_ = (X.T @ self._memberships()).T if self.kernel == "linear" else None
        self.X_fit_ = None if self.kernel in ("linear", "precomputed") else X

    def _memberships(self):
        """Each center as a combination of training rows, one column per center."""
        return np.eye(self.cluster_sizes_.size)[self.labels_] * self.dual_coef_[:, None]

    def _squared_distances(self, X):
        """Squared distances to the centers; less ``k(x, x)``, unless the kernel is linear."""
        if self.cluster_centers_ is not None:
            centers = self.cluster_centers_
            origin = 0.0 if issparse(X) else centers.mean(axis=0)  # far from zero, distances would lose digits
            return euclidean_distances(X if issparse(X) else X - origin, centers - origin, squared=True)
        distances, memberships = np.empty((X.shape[0], self.cluster_sizes_.size)), self._memberships()
        for rows, block in kernel_blocks(X, self.X_fit_, self.kernel, self._kernel_parameters()):
            distances[rows] = self.center_norms_ - 2.0 * (block @ memberships)
        return distances


# After the class, for scikit-learn wraps these methods as the class is made, and the wrapper would hide the condition.
KernelKMeans.transform = available_if(_has_self_kernel)(KernelKMeans.transform)
KernelKMeans.fit_transform = available_if(_has_self_kernel)(KernelKMeans.fit_transform)
