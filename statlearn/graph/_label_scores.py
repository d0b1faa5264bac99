"""Scores of all nodes for all classes from the labels of some: the four rules of `NodeKernelClassifier`.

Every rule maps the training nodes, their one-hot labels and weights to an (n, n_classes) matrix of scores.
"""

import contextlib
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from sklearn.svm import SVC

__all__ = ["LabelScores", "kernel_ridge", "label_spreading", "mean_similarity", "project_to_simplex", "support_vectors"]

CG_TOLERANCE = 1e-12
MOST_FACTORIZED = 20_000  # nodes
MOST_SVC_STEPS = 1_000_000
LARGEST_CONDITION = 1e8  # of the system of kernel ridge regression: half of the digits
FARTHEST = 1e150  # the root of a ratio of weights to penalty, or its inverse


@dataclass(frozen=True)
class LabelScores:
    """Scores of all nodes, and the relative residual of the linear system behind them, if there is one."""

    scores: np.ndarray
    residual: float | None = None


def kernel_ridge(K, nodes, onehot, weights, reg):
    """Least squares in the space of a positive semi-definite kernel, with an intercept that is not penalized.

    Minimizes ``sum_i w_i |y_i - f(i)|^2 + reg |f - b|^2`` for the one-hot ``y_i``; the scores of a node sum to 1. Only
    the ratios ``w_i / reg`` matter. Where they are so large that the penalty would be lost to rounding beside the
    kernel, the problem is solved in features of the kernel, which has a limit as the ratios grow: the least ``|f - b|``
    among the best fits.
    """
    largest = weights.max()
    # Beyond these limits, double precision cannot tell the solution from its limit.
    strength = float(np.clip(np.sqrt(largest) / np.sqrt(reg), 1.0 / FARTHEST, FARTHEST))
    shares = np.sqrt(weights / largest)  # of the largest weight, as factors on residuals
    block = K[np.ix_(nodes, nodes)]
    norm = min(np.trace(block), np.abs(block).sum(axis=1).max())  # bounds of the largest eigenvalue
    if strength**2 * norm <= LARGEST_CONDITION:
        with contextlib.suppress(linalg.LinAlgError):  # rounding made K indefinite by more than the identity mends
            return _ridge_by_elimination(K[:, nodes], block, onehot, shares, strength**2)
    return _ridge_in_features(K[:, nodes], nodes, block, onehot, shares, strength)


def _ridge_by_elimination(columns, block, onehot, shares, ratio):
    """From ``(I + ratio D K D) z + b d = D y`` and ``d'z = 0``, where the shares d are the diagonal of D.

    The matrix has no eigenvalue below 1, and none above 1 + ratio times the largest one of K.
    """
    system = ratio * (shares[:, None] * block * shares)
    system[np.diag_indices_from(system)] += 1.0
    right = np.column_stack([shares[:, None] * onehot, shares])
    solved = linalg.cho_solve(linalg.cho_factor(system), right)
    solved, of_ones = solved[:, :-1], solved[:, -1]
    intercept = (shares @ solved) / (shares @ of_ones)
    z = solved - np.outer(of_ones, intercept)
    missed = system @ z + np.outer(shares, intercept) - right[:, :-1]
    residual = max(np.abs(missed).max(), np.abs(shares @ z).max()) / np.abs(right).max()
    return LabelScores(columns @ (ratio * (shares[:, None] * z)) + intercept, float(residual))


def _ridge_in_features(columns, nodes, block, onehot, shares, strength):
    """Least squares by orthogonal transformations in the features that rounding leaves of the kernel.

    Rows in the order of their size and pivoted columns keep the digits of every row, whatever its weight.
    """
    values, vectors = linalg.eigh(block)
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    roots, vectors = np.sqrt(values[kept]), vectors[:, kept]
    features = columns @ (vectors / roots)
    features[nodes] = vectors * roots
    rows = np.column_stack([features[nodes], np.ones(len(nodes))]) * shares[:, None]
    rows = np.vstack([rows, np.eye(len(roots), len(roots) + 1) / strength])
    targets = np.vstack([shares[:, None] * onehot, np.zeros((len(roots), onehot.shape[1]))])
    lengths = np.sqrt(np.square(rows).sum(axis=0))
    rows /= lengths
    order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
    Q, R, pivots = linalg.qr(rows[order], mode="economic", pivoting=True)
    solution = np.empty((len(pivots), onehot.shape[1]))
    solution[pivots] = linalg.solve_triangular(R, Q.T @ targets[order])
    slope = rows.T @ (targets - rows @ solution)
    residual = np.abs(slope).max() / np.abs(targets).max()
    solution /= lengths[:, None]
    return LabelScores(features @ solution[:-1] + solution[-1], float(residual))


def mean_similarity(K, nodes, onehot, weights, reg):
    """Weighted mean of the kernel with the training nodes of each class.

    A mean, so that adding a constant to a logarithm, or more labels of one class, changes nothing.
    """
    shares = onehot * weights[:, None]
    shares /= shares.max(axis=0)  # so that no sum overflows
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
