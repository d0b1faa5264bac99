r"""How minimizers of the Fréchet functional are found.

The functional of a row P of non-negative weights of the observed labels is F(v) = sum_i P_i d(l_i, v)^a. Labels tie if
F(v) <= (1 + TIE) min F, with F summed term by term. All terms are non-negative, so such a sum is exact to a few times
K eps, relatively, and ties do not depend on how it was made. A *search* finds, by whatever formula is fast, candidates
that contain all tied labels, but for unobserved ones that tie with one before them whatever the weights. Where its
formula loses digits, relative to the total weight times a squared radius, it keeps candidates within SLACK of that; the
rule itself is applied to direct sums over the candidates, so all searches predict the same labels.

| symbol | name | shape |
|---|---|---|
| weights of the observed labels | ``P`` | (n_samples, n_observed), dense or sparse |
| positions of the observed labels | ``observed`` | (n_observed,) |
| positions of labels that may be predicted | ``allowed`` | (n_allowed,), ascending |
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

__all__ = ["SLACK", "SMALLEST", "TIE", "Candidates", "DenseSearch", "RowsSearch", "direct_scores", "near_least"]

TIE = 1e-9
SLACK = 4e-9
SMALLEST = 1e-150  # largest distance of a space whose squares are still numbers
ENTRIES_AT_ONCE = 2**22  # of an array that is made block by block


class Candidates(NamedTuple):
    """Labels that may minimize, as pairs sorted by row; every row has at least one.

    Attributes
    ----------
    rows : ndarray of int of shape (n_pairs,)
        Rows of P.
    labels : ndarray of int of shape (n_pairs,)
        Positions of labels, ascending within a row.
    """

    rows: np.ndarray
    labels: np.ndarray


def near_least(scores, labels, slack=0.0):
    """Candidates of a table of scores: within the tie tolerance and a slack of the least of the row.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_labels)
        Values of F, up to one constant per row.
    labels : ndarray of int of shape (n_labels,)
        Positions of the labels of the columns, ascending.
    slack : float or ndarray of shape (n_samples,), default=0.0
        What rounding may have done to the scores; 0 only for direct sums.

    Returns
    -------
    candidates : Candidates
        The pairs.

    Raises
    ------
    ValueError
        If a row has no finite score.
    """
    least = scores.min(axis=1)
    if not np.isfinite(least).all():
        raise ValueError("distances of the metric must be finite numbers. Got NaN or infinity.")
    rows, columns = np.nonzero(scores <= (least + np.abs(least) * TIE + slack)[:, None])
    return Candidates(rows, labels[columns])


def direct_scores(P, metric, observed, candidates, power):
    """F of candidates, summed term by term.

    Parameters
    ----------
    P : {ndarray, csr_array} of shape (n_samples, n_observed)
        Weights.
    metric : LabelMetric
        The label space.
    observed : ndarray of int of shape (n_observed,)
        Observed labels.
    candidates : Candidates
        The pairs.
    power : float
        Power of the distances.

    Returns
    -------
    scores : ndarray of shape (n_pairs,)
        Values of F.
    """
    scores = np.empty(candidates.rows.size)
    step = max(1, ENTRIES_AT_ONCE // max(1, observed.size))
    for start in range(0, scores.size, step):
        part = slice(start, start + step)
        labels, column = np.unique(candidates.labels[part], return_inverse=True)
        terms = metric.powers(observed, labels, power).T[column]
        weights = P[candidates.rows[part]]
        scores[part] = _weighted_sums(weights, terms)
    return scores


def _weighted_sums(weights, terms):
    """Sums over columns of products of the same place."""
    if sparse.issparse(weights):
        return np.asarray(weights.multiply(terms).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", weights, terms)


class DenseSearch:
    """The oracle: F of all labels, from all distances at once.

    Like every search it has a ``width``, the entries of the largest table that it makes for a row.

    Parameters
    ----------
    metric : LabelMetric
        The label space.
    observed : ndarray of int of shape (n_observed,)
        Observed labels.
    allowed : ndarray of int of shape (n_allowed,)
        Labels that may be predicted, ascending.
    power : float
        Power of the distances.
    """

    def __init__(self, metric, observed, allowed, power):
        self.allowed, self.width = allowed, allowed.size
        self.terms = metric.powers(observed, allowed, power)

    def candidates(self, P):
        """Labels that may minimize.

        Parameters
        ----------
        P : {ndarray, csr_array} of shape (n_samples, n_observed)
            Weights.

        Returns
        -------
        candidates : Candidates
            The pairs.
        """
        return near_least(P @ self.terms, self.allowed)


class RowsSearch:
    """F of all labels by matrix products, distances of some observed labels at a time; arguments as for `DenseSearch`.

    Distances from an observed label to all others are made in one go, which for a graph is one search.
    """

    def __init__(self, metric, observed, allowed, power):
        self.metric, self.observed, self.allowed, self.power = metric, observed, allowed, power
        self.width = allowed.size

    def candidates(self, P):
        """Labels that may minimize; see `DenseSearch.candidates`. O(n_samples n_observed n_allowed)."""
        return near_least(self.scores(P), self.allowed)

    def scores(self, P):
        """F of all labels.

        Parameters
        ----------
        P : {ndarray, csr_array} of shape (n_samples, n_observed)
            Weights.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_allowed)
            Values of F.
        """
        scores = np.zeros((P.shape[0], self.allowed.size))
        step = max(1, ENTRIES_AT_ONCE // self.allowed.size)
        for start in range(0, self.observed.size, step):
            part = slice(start, start + step)
            scores += P[:, part] @ self.metric.powers(self.observed[part], self.allowed, self.power)
        return scores
