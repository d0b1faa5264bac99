"""Local search of kernel k-means: Lloyd's iterations and single moves of several restarts that advance together."""

from dataclasses import dataclass

import numpy as np

from ._kmeans_kernels import add_rows, assess, group_copies, move_rows, propose, sweep

__all__ = ["ClusterSums", "Problem", "search"]

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
        rows = self.gram.rows
        key_tol, tol = SAME_KEY * np.abs(self.key).max(), SAME_ROW * max(rows.max(), -rows.min())
        groups, first = group_copies(rows, self.weights, self.order, self.key, key_tol, tol)
        weights = np.bincount(groups, self.weights)
        if first.size == self.gram.n or np.count_nonzero(weights) < n_clusters:
            return self, np.arange(self.gram.n)
        return Problem.of(self.gram.subset(first), weights), groups


class ClusterSums:
    """Sums of rows, and their products, of the clusters of several restarts, following labels that change.

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
    sums : ndarray of shape (R, n_clusters, m)
        Weighted sums of rows.
    products : ndarray of shape (R, n_clusters, n)
        The kernel between all points and these sums; the same array where rows are the kernel.
    """

    def __init__(self, problem, labels, n_clusters):
        self.problem = problem
        self.labels = labels.copy()
        self.sums = np.empty((len(labels), n_clusters, problem.gram.rows.shape[1]))
        self.products = np.empty((len(labels), n_clusters, problem.gram.n))
        self.refresh(labels, np.arange(len(labels)))

    def refresh(self, labels, active):
        """Take the labels of the active restarts, from scratch.

        Parameters
        ----------
        labels : ndarray of shape (R, n)
            Clusters of every restart.
        active : ndarray of shape (n_active,)
            Restarts to look at.
        """
        self.labels[active] = labels[active]
        add_rows(self.problem.gram.rows, self.problem.weights, self.labels, active, self.sums)
        self._multiply(active)

    def follow(self, labels, active):
        """Take the labels of the active restarts, each by the points that changed or by all, whichever are fewer.

        Parameters
        ----------
        labels : ndarray of shape (R, n)
            Clusters of every restart.
        active : ndarray of shape (n_active,)
            Restarts to look at.
        """
        gram, weights = self.problem.gram, self.problem.weights
        changes = labels[active] != self.labels[active]
        many = 2 * np.count_nonzero(changes, axis=1) > gram.n
        before = self.labels.copy()
        self.labels[active] = labels[active]
        move_rows(gram.rows, weights, before, labels, active[~many], self.sums)
        add_rows(gram.rows, weights, self.labels, active[many], self.sums)
        moved = np.flatnonzero(changes.any(axis=0))
        if self.products is not self.sums and moved.size < active.size * self.sums.shape[1]:
            # Products are sums of columns of the kernel, and here the columns are fewer than the sums to multiply.
            old, new = np.take(before, moved, axis=1), np.take(labels, moved, axis=1)
            move_rows(gram.columns(moved), weights[moved], old, new, active, self.products)
        else:
            self._multiply(active)

    def _multiply(self, active):
        if active.size == len(self.labels):
            self.products = self.problem.gram.products(self.sums)
        elif self.products is not self.sums:
            self.products[active] = self.problem.gram.products(self.sums[active])


def search(problem, labels, n_clusters, max_iter, refine):
    """Improve partitions until nothing lowers the objective.

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
    figures : list of tuple
        Per restart what `assess` returns, from fresh sums.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.graph._grams import FeatureGram
    >>> from statlearn.graph._kmeans_search import Problem, search
    >>> problem = Problem.of(FeatureGram([[0.0], [1.0], [10.0], [11.0]]), np.ones(4))
    >>> search(problem, np.array([[0, 1, 1, 1]]), 2, 300, True)[0]
    array([[0, 0, 1, 1]])
    """
    labels = labels.copy()
    sums = ClusterSums(problem, labels, n_clusters)
    n_iter, converged = _lloyd(sums, labels, max_iter)
    everyone = np.arange(len(labels))
    if refine:
        n_sweeps, converged = _single_moves(sums, labels, max_iter)
        n_iter += n_sweeps
    else:
        sums.refresh(labels, everyone)
    gram, weights = problem.gram, problem.weights
    figures = [assess(sums.products[r], weights, gram.diagonal, problem.total, labels[r]) for r in everyone]
    return labels, converged, n_iter, figures


def _lloyd(sums, labels, max_iter):
    """Lloyd's iterations while the objective decreases; labels and sums are left at the lowest one met."""
    problem = sums.problem
    given = problem.weights, problem.gram.diagonal, problem.total
    n_iter, proposal, active = np.ones(len(labels), dtype=np.int64), np.empty_like(labels), np.arange(len(labels))
    lowest, changed = propose(sums.products, *given, labels, active, proposal)
    converged = changed == 0
    active, lowest = active[~converged], lowest[~converged]
    for _ in range(max_iter):
        if active.size == 0:
            break
        before = labels[active]
        labels[active] = proposal[active]
        sums.follow(labels, active)
        inertias, changed = propose(sums.products, *given, labels, active, proposal)
        n_iter[active] += 1
        worse = ~(inertias < lowest)
        if worse.any():
            labels[active[worse]] = before[worse]
            sums.follow(labels, active[worse])
        going = ~worse & (changed > 0)
        converged[active] = ~going
        active, lowest = active[going], inertias[going]
    return n_iter, converged


def _single_moves(sums, labels, max_iter):
    """Hartigan's single moves, until none is left according to sums that were taken from scratch."""
    problem, gram = sums.problem, sums.problem.gram
    given = problem.weights, gram.diagonal
    n_sweeps = np.zeros(len(labels), dtype=np.int64)

    def movers(restarts):
        """Sweep the restarts once and keep those that moved."""
        scratch = sums.sums[restarts]
        moved = [
            sweep(
                gram.rows, gram.rows_are_kernel, scratch[position], sums.products[r], *given, labels[r],
                problem.order, problem.tolerance,
            ) > 0
            for position, r in enumerate(restarts)
        ]  # fmt: skip
        n_sweeps[restarts] += 1
        restarts = restarts[np.array(moved, dtype=bool)]
        sums.follow(labels, restarts)
        return restarts

    active, converged = np.arange(len(labels)), np.zeros(len(labels), dtype=bool)
    while active.size:
        restless = active
        while restless.size:
            restless = movers(restless)
            restless = restless[n_sweeps[restless] < max_iter]
        sums.refresh(labels, active)
        moved = movers(active)
        converged[np.setdiff1d(active, moved)] = True
        active = moved[n_sweeps[moved] < max_iter]
    sums.refresh(labels, np.flatnonzero(~converged))
    return n_sweeps, converged
