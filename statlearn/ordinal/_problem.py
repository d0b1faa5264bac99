"""From a table, labels and weights to the standardized problem the solver sees, and back to original units."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ._design import DenseDesign, SparseDesign, Standardization, sort_and_collapse, standardization
from ._domains import crossing_slacks
from ._loss import CumulativeLogitLoss

__all__ = ["OrdinalProblem", "ordinal_problem", "penalty_weights"]


@dataclass(frozen=True)
class OrdinalProblem:
    """A standardized, class-sorted problem.

    Attributes
    ----------
    loss : CumulativeLogitLoss
    standard : Standardization
    total_weight : float
        Sum of the weights: the log-likelihood is ``-total_weight * loss``.
    multiplicity : ndarray of shape (n_rows,)
        Training rows that each row of the problem stands for.
    """

    loss: CumulativeLogitLoss
    standard: Standardization
    total_weight: float
    multiplicity: np.ndarray

    def linear_predictor(self, theta):
        """Coefficients, intercepts and coefficient differences in original units and exceedance sign."""
        differences = 0.0 - theta[:, 1:] / self.standard.scale
        coef = np.cumsum(differences, axis=0)
        intercept = 0.0 - np.cumsum(theta[:, 0]) - coef @ self.standard.mean
        return coef, intercept, differences

    def coordinates(self, coef, intercept):
        """Inverse of `linear_predictor`: the difference coordinates of coefficients in original units."""
        cuts = np.column_stack([intercept + coef @ self.standard.mean, coef * self.standard.scale])
        return -np.diff(cuts, axis=0, prepend=0.0)

    def n_crossing(self, theta):
        """Number of training rows at which some cut predictors cross."""
        count, bounds = 0, self.loss.bounds
        for level, slack in enumerate(crossing_slacks(self.loss, theta)):
            if slack.min(initial=0.0) < 0.0:
                crosses = np.any(slack < 0.0, axis=1)
                count += int(self.multiplicity[bounds[level] : bounds[level + 1]][crosses].sum())
        return count


def ordinal_problem(X, codes, weights, *, standardize=True):
    """Build the problem of rows with positive weight.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    codes : ndarray of shape (n_samples,)
        Class positions; every class between 0 and the largest has a row of positive weight.
    weights : ndarray of shape (n_samples,)
        Non-negative; a weight stands for that many copies of the row.
    standardize : bool, default=True
        Whether features are divided by their weighted population standard deviation.
    """
    kept = weights > 0.0
    X, codes, weights = (X, codes, weights) if kept.all() else (X[kept], codes[kept], weights[kept])
    X, codes, weights, multiplicity = sort_and_collapse(X, codes, weights)
    total = float(weights.sum())
    weights = weights / total
    standard = standardization(X, weights, scale=standardize)
    bounds = np.searchsorted(codes, np.arange(codes[-1] + 2))
    design = (SparseDesign if sparse.issparse(X) else DenseDesign)(X, bounds, standard)
    return OrdinalProblem(CumulativeLogitLoss(design, weights), standard, total, multiplicity)


def penalty_weights(problem, base_penalty=1.0, penalty_factor=None):
    """Weights of the difference coordinates, shape ``(M, 1 + n_features)``: 0 for intercepts, the base for block 1."""
    loss = problem.loss
    weights = np.zeros((loss.n_cuts, loss.design.n_columns))
    weights[:, 1:] = 1.0 if penalty_factor is None else penalty_factor
    weights[0] *= base_penalty
    return weights
