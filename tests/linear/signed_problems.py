"""Two-class problems of the papers, as signed rows."""

import numpy as np
from sklearn.datasets import load_digits

from statlearn.linear._signed_rows import SignedRows


def worst_case(n):
    """One row against n - 1 copies of another, on which steps of gradient descent are as small as can be."""
    X = np.tile([-0.5, -1.0], (n, 1))
    X[0, 0] = 0.5
    return SignedRows.of(X, np.where(np.arange(n) == 0, 1.0, -1.0))


def digits_table(positive, negative, n_positive=None):
    """Pixels of two digits, scaled to [0, 1], and signs."""
    X, y = load_digits(return_X_y=True)
    chosen = np.flatnonzero(y == positive)[:n_positive]
    chosen = np.sort(np.concatenate([chosen, np.flatnonzero(y == negative)]))
    return X[chosen] / 16.0, np.where(y[chosen] == positive, 1.0, -1.0)


def digits_pair(positive, negative, n_positive=None):
    """Signed rows of two digits with a constant column."""
    return SignedRows.of(*digits_table(positive, negative, n_positive), intercept_scaling=1.0)


def separable_table(rng, n, n_features, margin=0.3):
    """Normal rows on two sides of a random hyperplane, pushed apart."""
    normal = rng.standard_normal(n_features)
    normal /= np.linalg.norm(normal)
    X = rng.standard_normal((n, n_features))
    signs = np.where(X @ normal > 0.0, 1.0, -1.0)
    return X + margin * signs[:, None] * normal, signs


def overlapping_table(rng, n, n_features):
    """Normal rows with labels that the first feature makes more or less likely."""
    X = rng.standard_normal((n, n_features))
    return X, np.where(X[:, 0] + rng.standard_normal(n) > 0.0, 1.0, -1.0)


def signed_matrix(rows):
    """Z, the lifted rows times their signs."""
    X = rows.X.toarray() if hasattr(rows.X, "toarray") else np.asarray(rows.X)
    X = X.astype(np.float64)
    if rows.intercept_scaling:
        X = np.column_stack([X, np.full(len(X), rows.intercept_scaling)])
    return rows.signs[:, None] * X
