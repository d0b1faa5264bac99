"""Local search of kernel k-means: Lloyd's iterations and single moves of several restarts that advance together."""

from dataclasses import dataclass

import numpy as np

from ._kmeans_kernels import add_rows, assess, group_copies, move_rows, propose, sweep

__all__ = ["ClusterSums", "Problem", "search", "verify"]

RELATIVE_TOL = 1e-12  # smallest decrease worth a move, relative to the sum of w_i (|k_ii| + |k_i.|)
SAME_ROW = 1e-13  # entries of rows that differ by less, relative to the largest, belong to copies of a point
SAME_KEY = 1e-10  # copies have keys that differ by less, relative to the largest


@dataclass(frozen=True)
class Problem:
    """Weighted points in the feature space of a kernel.

    Attributes
    ----------
    gram : DenseGram or FeatureGram
        The kernel.
    unit : float
        Power of two that the weights, and with them the objective, are divided by, so that products neither overflow
        nor vanish.
    weights : ndarray of shape (n,)
        Weights of the points in this unit, the largest between 1 and 2.
    key : ndarray of shape (n,)
        Squared distances to the overall mean, up to a constant.
    order : ndarray of shape (n,)
        The points from the overall mean outwards: the order in which they are looked at.
    total : float
        ``sum of w_i k_ii``, in the same unit.
    tolerance : float
        Decreases of the objective below it, in the same unit, count as rounding.
    """

    gram: object
    unit: float
    weights: np.ndarray
    key: np.ndarray
    order: np.ndarray
    total: float
    tolerance: float

    @classmethod
    def of(cls, gram, weights):
        """Prepare a search.

        Parameters
        ----------
        gram : DenseGram or FeatureGram
            The kernel.
        weights : ndarray of shape (n,)
            Weights of the points, not all zero.

        Returns
        -------
        problem : Problem
            With the order of the points and the scale of rounding.

        Examples
        --------
        >>> import numpy as np
        >>> from statlearn.graph._grams import FeatureGram
        >>> from statlearn.graph._kmeans_search import Problem
        >>> Problem.of(FeatureGram([[0.0], [4.0], [5.0]]), np.ones(3)).order
        array([1, 2, 0])
        """
        unit = float(np.ldexp(1.0, np.frexp(weights.max())[1] - 1))
        weights = weights / unit
        mean_products = gram.products((weights @ gram.rows)[None, None])[0, 0] / weights.sum()
        key = gram.diagonal - 2.0 * mean_products
        tolerance = RELATIVE_TOL * float(weights @ (np.abs(gram.diagonal) + np.abs(mean_products)))
        order = np.argsort(key, kind="stable")
        return cls(gram, unit, weights, key, order, float(weights @ gram.diagonal), tolerance)

    def without_copies(self, n_clusters):
        """Merge copies of a point, which belong together wherever squared distances are not negative.

        Parameters
        ----------
        n_clusters : int
            Number of clusters; nothing is merged where fewer distinct points would be left.

        Returns
        -------
        problem : Problem
            This object, if there are no copies.
        groups : ndarray of shape (n,)
            Number of each point's copy in ``problem``.
        """
        rows, key_tol = self.gram.rows, SAME_KEY * np.abs(self.key).max()
        if (np.diff(self.key[self.order]) > key_tol).all():
            return self, np.arange(self.gram.n)
        tol = SAME_ROW * max(rows.max(), -rows.min())
        groups, first = group_copies(rows, self.weights, self.order, self.key, key_tol, tol)
        weights = np.bincount(groups, self.weights)
        if first.size == self.gram.n or np.count_nonzero(weights) < n_clusters:
            return self, np.arange(self.gram.n)
        return Problem.of(self.gram.subset(first), weights), groups


class ClusterSums:
    """Labels of several restarts, with the sums of rows of their clusters, and their products, that follow them.

    Parameters
    ----------
    problem : Problem
        The points.
    labels : ndarray of shape (R, n)
        Clusters of every restart.
    n_clusters : int
        Number of clusters.

    Attributes
    ----------
    labels : ndarray of shape (R, n)
        Clusters as they are.
    sums : ndarray of shape (R, n_clusters, m)
        Weighted sums of rows.
    products : ndarray of shape (R, n_clusters, n)
        The kernel between all points and these sums; the same array where rows are the kernel.
    """

    def __init__(self, problem, labels, n_clusters):
        self.problem = problem
        self.labels = labels.copy()
        self.sums = np.empty((len(labels), n_clusters, problem.gram.rows.shape[1]))
        add_rows(problem.gram.rows, problem.weights, self.labels, np.arange(len(labels)), self.sums)
        self.products = problem.gram.products(self.sums)

    def relabel(self, labels, active, n_changes):
        """Give the active restarts other labels; sums follow the points that change, or are taken from scratch.

        Parameters
        ----------
        labels : ndarray of shape (R, n)
            Clusters of every restart.
        active : ndarray of shape (n_active,)
            Restarts to look at.
        n_changes : ndarray of shape (n_active,)
            Number of points of positive weight that change.
        """
        gram, weights, before = self.problem.gram, self.problem.weights, self.labels.copy()
        self.labels[active] = labels[active]
        many = 2 * n_changes > gram.n
        move_rows(gram.rows, weights, before, self.labels, active[~many], self.sums)
        add_rows(gram.rows, weights, self.labels, active[many], self.sums)
        self._multiply(before, active)

    def sweep(self, active):
        """Sweep the active restarts once, by single moves.

        Parameters
        ----------
        active : ndarray of shape (n_active,)
            Restarts to look at.

        Returns
        -------
        n_moves : ndarray of shape (n_active,)
            Number of moves of each.
        """
        problem, gram, before = self.problem, self.problem.gram, self.labels.copy()
        n_moves = sweep(
            gram.rows, gram.rows_are_kernel, self.sums, self.products, problem.weights, gram.diagonal, self.labels,
            active, problem.order, problem.tolerance,
        )  # fmt: skip
        self._multiply(before, active[n_moves > 0])
        return n_moves

    def _multiply(self, before, active):
        """Products of the sums of the active restarts, which have followed the labels."""
        gram, k = self.problem.gram, self.sums.shape[1]
        if self.products is self.sums or active.size == 0:
            return
        moved = np.flatnonzero((self.labels[active] != before[active]).any(axis=0))
        if moved.size < active.size * k:
            # Products are sums of columns of the kernel, and here the columns are fewer than the sums to multiply.
            old, new = np.take(before, moved, axis=1), np.take(self.labels, moved, axis=1)
            move_rows(gram.columns(moved), self.problem.weights[moved], old, new, active, self.products)
        elif active.size == len(self.labels):
            self.products = gram.products(self.sums)
        else:
            self.products[active] = gram.products(self.sums[active])

    def assess(self):
        """Take the figures of every restart; points of weight zero get the label of the nearest center.

        Returns
        -------
        figures : list of tuple
            Per restart its objective, best single decrease, cluster sizes and squared norms of the centers.
        """
        problem = self.problem
        given = problem.weights, problem.gram.diagonal, problem.total
        return [assess(T, *given, row) for T, row in zip(self.products, self.labels, strict=True)]


def search(problem, labels, n_clusters, max_iter, refine):
    """Improve partitions until nothing lowers the objective, according to sums that followed the labels.

    Parameters
    ----------
    problem : Problem
        The points.
    labels : ndarray of shape (R, n)
        One start per row, without empty clusters.
    n_clusters : int
        Number of clusters.
    max_iter : int
        Largest number of Lloyd's iterations, and then of sweeps of single moves.
    refine : bool
        Whether there are single moves.

    Returns
    -------
    labels : ndarray of shape (R, n)
        Clusters.
    converged : ndarray of shape (R,)
        Whether a restart stopped by itself.
    n_iter : ndarray of shape (R,)
        Lloyd's iterations and sweeps.
    inertias : ndarray of shape (R,)
        Objectives, in the unit of the problem.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._grams import FeatureGram
    >>> from statlearn.graph._kmeans_search import Problem, search
    >>> problem = Problem.of(FeatureGram([[0.0], [1.0], [10.0], [11.0]]), np.ones(4))
    >>> search(problem, np.array([[0, 1, 1, 1]]), 2, 300, True)[0]
    array([[0, 0, 1, 1]])
    """
    sums = ClusterSums(problem, labels, n_clusters)
    n_iter, converged = _lloyd(sums, max_iter)
    if refine:
        n_sweeps, converged = _single_moves(sums, max_iter)
        n_iter += n_sweeps
    inertias = np.array([figures[0] for figures in sums.assess()])
    return sums.labels, converged, n_iter, inertias


def verify(problem, labels, n_clusters, max_iter):
    """Look for single moves with sums from scratch, and go on from there if there is one after all.

    Parameters
    ----------
    problem : Problem
        The points.
    labels : ndarray of shape (n,)
        A partition that `search` found, without empty clusters.
    n_clusters : int
        Number of clusters.
    max_iter : int
        Largest number of sweeps.

    Returns
    -------
    labels : ndarray of shape (n,)
        Clusters.
    converged : bool
        Whether the last sweep began with sums from scratch and found no move.
    n_sweeps : int
        Number of sweeps.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._grams import FeatureGram
    >>> from statlearn.graph._kmeans_search import Problem, verify
    >>> problem = Problem.of(FeatureGram([[0.0], [1.0], [10.0], [11.0]]), np.ones(4))
    >>> verify(problem, np.array([0, 0, 1, 1]), 2, 300)
    (array([0, 0, 1, 1]), True, 1)
    """
    n_sweeps, converged = 0, False
    while n_sweeps < max_iter and not converged:
        sums = ClusterSums(problem, labels[None], n_clusters)
        more, settled = _single_moves(sums, max_iter - n_sweeps)
        labels, converged, n_sweeps = sums.labels[0], bool(settled[0] and more[0] == 1), n_sweeps + int(more[0])
    return labels, converged, n_sweeps


def _lloyd(sums, max_iter):
    """Lloyd's iterations while the objective decreases; labels and sums are left at the lowest one met."""
    problem, labels = sums.problem, sums.labels
    given = problem.weights, problem.gram.diagonal, problem.total
    n_iter, proposal, active = np.ones(len(labels), dtype=np.int64), np.empty_like(labels), np.arange(len(labels))
    lowest, changed = propose(sums.products, *given, labels, active, proposal)
    converged = changed == 0
    active, lowest, changed = active[~converged], lowest[~converged], changed[~converged]
    for _ in range(max_iter):
        if active.size == 0:
            break
        before, n_changes = labels.copy(), changed
        sums.relabel(proposal, active, n_changes)
        inertias, changed = propose(sums.products, *given, labels, active, proposal)
        n_iter[active] += 1
        worse = ~(inertias < lowest)
        if worse.any():
            sums.relabel(before, active[worse], n_changes[worse])
        going = ~worse & (changed > 0)
        converged[active] = ~going
        active, lowest, changed = active[going], inertias[going], changed[going]
    return n_iter, converged


def _single_moves(sums, max_iter):
    """Sweeps of Hartigan's single moves, until one finds none."""
    n_restarts = len(sums.labels)
    n_sweeps, converged = np.zeros(n_restarts, dtype=np.int64), np.zeros(n_restarts, dtype=bool)
    active = np.arange(n_restarts)
    while active.size:
        moved = sums.sweep(active) > 0
        n_sweeps[active] += 1
        converged[active] = ~moved
        active = active[moved & (n_sweeps[active] < max_iter)]
    return n_sweeps, converged
