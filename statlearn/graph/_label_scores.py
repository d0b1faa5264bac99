"""Scores of all nodes for all classes from the labels of some: the four rules of `NodeKernelClassifier`.

Every rule maps the training nodes, their one-hot labels and weights to an (n, n_classes) matrix of scores.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from sklearn.svm import SVC

__all__ = ["LabelScores", "kernel_ridge", "label_spreading", "mean_similarity", "project_to_simplex", "support_vectors"]

CG_TOLERANCE = 1e-12
MOST_FACTORIZED = 20_000  # nodes
MOST_SVC_STEPS = 1_000_000


@dataclass(frozen=True)
class LabelScores:
    """Scores of all nodes, and the relative residual of the linear system behind them, if there is one."""

    scores: np.ndarray
    residual: float | None = None


def kernel_ridge(K, nodes, onehot, weights, reg):
    """Least squares in the space of a positive semi-definite kernel, with an intercept that is not penalized.

    Minimizes ``sum_i w_i |y_i - f(i)|^2 + reg |f - b|^2`` for the one-hot ``y_i``; the scores of a node sum to 1.
    """
    m = len(nodes)
    system = np.ones((m + 1, m + 1))
    system[:m, :m] = K[np.ix_(nodes, nodes)]
    system[range(m), range(m)] += reg / weights
    system[m, m] = 0.0
    right = np.vstack([onehot, np.zeros(onehot.shape[1])])
    solution = linalg.solve(system, right, assume_a="sym")
    residual = np.abs(system @ solution - right).max() / np.abs(right).max()
    return LabelScores(K[:, nodes] @ solution[:m] + solution[m], float(residual))


def mean_similarity(K, nodes, onehot, weights, reg):
    """Weighted mean of the kernel with the training nodes of each class.

    A mean, so that adding a constant to a logarithm, or more labels of one class, changes nothing.
    """
    shares = onehot * weights[:, None]
    return LabelScores(K[:, nodes] @ (shares / shares.sum(axis=0)))


def support_vectors(K, nodes, onehot, weights, reg):
    """Support vector machine on the precomputed kernel, one class against the rest in its scores."""
    codes = onehot.argmax(axis=1)
    model = SVC(C=1.0 / reg, kernel="precomputed", decision_function_shape="ovr", max_iter=MOST_SVC_STEPS)
    model.fit(K[np.ix_(nodes, nodes)], codes, sample_weight=weights)
    decision = model.decision_function(K[:, nodes])
    return LabelScores(np.column_stack([-decision, decision]) if decision.ndim == 1 else decision)


def label_spreading(graph, a, nodes, onehot, weights):
    """Local and global consistency, ``F = (I - a S)^(-1) Y`` (Zhou et al., 2004)."""
    root = sparse.diags_array(1.0 / graph.root_degrees())
    system = sparse.csr_array(sparse.eye_array(graph.n_nodes) - a * (root @ graph.adjacency @ root))
    right = np.zeros((graph.n_nodes, onehot.shape[1]))
    np.add.at(right, nodes, onehot * weights[:, None])
    solve = _factorized if graph.n_nodes <= MOST_FACTORIZED else _conjugate_gradients
    scores = solve(system, right)
    return LabelScores(scores, float(np.abs(system @ scores - right).max() / np.abs(right).max()))


def _factorized(system, right):
    """By elimination without pivoting, which subtracts nothing off the diagonal: far nodes keep their digits."""
    options = {"SymmetricMode": True}
    factors = sparse.linalg.splu(
        sparse.csc_array(system), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options
    )
    return factors.solve(right)


def _conjugate_gradients(system, right):
    """For graphs whose factors would be too large; scores below 1e-12 of the largest are noise."""
    limit = 10 * len(right)
    return np.column_stack(
        [sparse.linalg.cg(system, column, rtol=CG_TOLERANCE, maxiter=limit)[0] for column in right.T]
    )


def project_to_simplex(rows):
    """The nearest point of the probability simplex to each row: ``argmin |p - row|`` with p >= 0, sum p = 1."""
    ordered = -np.sort(-rows, axis=1)
    excess = (np.cumsum(ordered, axis=1) - 1.0) / np.arange(1, rows.shape[1] + 1)
    n_positive = np.sum(ordered > excess, axis=1)
    return np.maximum(rows - excess[np.arange(len(rows)), n_positive - 1, None], 0.0)
