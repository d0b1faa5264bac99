"""Scores of all nodes for all classes from the labels of some: the four rules of `NodeKernelClassifier`.

Every rule maps the training nodes, their one-hot labels and weights to an (n, n_classes) matrix of scores.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from sklearn.svm import SVC

__all__ = ["LabelScores", "kernel_ridge", "label_spreading", "mean_similarity", "project_to_simplex", "support_vectors"]

CG_TOLERANCE = 1e-12


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
    model = SVC(C=1.0 / reg, kernel="precomputed", decision_function_shape="ovr")
    model.fit(K[np.ix_(nodes, nodes)], codes, sample_weight=weights)
    decision = model.decision_function(K[:, nodes])
    return LabelScores(np.column_stack([-decision, decision]) if decision.ndim == 1 else decision)


def label_spreading(graph, a, nodes, onehot, weights):
    """Local and global consistency, ``F = (I - a S)^(-1) Y`` (Zhou et al., 2004)."""
    root = sparse.diags_array(1.0 / graph.root_degrees())
    system = sparse.csr_array(sparse.eye_array(graph.n_nodes) - a * (root @ graph.adjacency @ root))
    right = np.zeros((graph.n_nodes, onehot.shape[1]))
    np.add.at(right, nodes, onehot * weights[:, None])
    scores = np.column_stack(
        [sparse.linalg.cg(system, column, rtol=CG_TOLERANCE, maxiter=10 * graph.n_nodes)[0] for column in right.T]
    )
    return LabelScores(scores, float(np.abs(system @ scores - right).max() / np.abs(right).max()))


def project_to_simplex(rows):
    """The nearest point of the probability simplex to each row: ``argmin |p - row|`` with p >= 0, sum p = 1."""
    ordered = -np.sort(-rows, axis=1)
    excess = (np.cumsum(ordered, axis=1) - 1.0) / np.arange(1, rows.shape[1] + 1)
    n_positive = np.sum(ordered > excess, axis=1)
    return np.maximum(rows - excess[np.arange(len(rows)), n_positive - 1, None], 0.0)
