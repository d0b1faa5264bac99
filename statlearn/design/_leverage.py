"""Leverage scores, and the pool of rows in orthonormal coordinates that the samplers draw from.

With D the masses of the rows, Q = D^{1/2} X T has orthonormal columns and the leverage scores are the squared norms of
its rows. Only T is kept, so memory is O(n_rows + n_features^2); X is read in batches and never copied as a whole.

T comes from two Gram passes ("Cholesky QR 2"): the first Cholesky factor makes the columns nearly orthonormal, the
second corrects what rounding left. Where the condition number of X, its columns brought to norm 1, is above `WELL`,
the first pass is a Householder QR over the batches with pivoting at its end, which also finds the numerical rank.
"""

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import matmul

import numpy as np
from scipy.linalg import cholesky, qr, solve_triangular
from scipy.sparse import issparse
from sklearn.utils import gen_batches
from sklearn.utils.sparsefuncs import inplace_column_scale, inplace_row_scale

from .._support._sklearn import validate_params
from .._support.user_warnings import warn_user
from .._support.validation import check_array, check_sample_weight
from .._typing import ArrayLike, FloatArray, MatrixLike
from ..exceptions import RankDeficientWarning

__all__ = ["FORMATS", "Pool", "leverage_scores", "locate", "make_pool"]

FORMATS = {"accept_sparse": "csr", "dtype": [np.float64, np.float32]}  # what is read without a copy
BATCH_ENTRIES = 2**18
WELL = 1e6  # a Gram matrix squares the condition number, and loses all digits at 1e8
LARGEST_SHIFT = 1000  # power of two by which a column is scaled at most


class ScaledRows:
    """Rows of X times the roots of their masses, in float64, and columns scaled so that their squares are numbers.

    Columns are scaled by powers of two, which loses no digit. Index with a slice or with positions.
    """

    def __init__(self, X, mass=None):
        self.X, self.shape = X, X.shape
        self.roots = None if mass is None else np.sqrt(mass)
        self.scale = np.ones(X.shape[1])
        largest = np.max([_largest_entries(batch) for batch in self.batches()], axis=0)
        self.scale = np.ldexp(1.0, -np.maximum(np.frexp(largest)[1], -LARGEST_SHIFT))

    def __getitem__(self, rows):
        roots = None if self.roots is None else self.roots[rows]
        if issparse(self.X):
            batch = self.X[rows].astype(np.float64)
            inplace_column_scale(batch, self.scale)
            if roots is not None:
                inplace_row_scale(batch, roots)
            return batch
        batch = self.X[rows] * self.scale
        return batch if roots is None else batch * roots[:, None]

    def batches(self):
        """The rows in order, some at a time."""
        n_rows, n_columns = self.shape
        for rows in gen_batches(n_rows, max(n_columns, BATCH_ENTRIES // n_columns)):
            yield self[rows]


def _largest_entries(batch):
    largest = abs(batch).max(axis=0)
    return largest.toarray().ravel() if issparse(largest) else largest


def _dense(batch):
    return batch.toarray() if issparse(batch) else batch


@dataclass(frozen=True, eq=False)
class Pool:
    """Rows in orthonormal coordinates, from which samplers draw.

    Attributes
    ----------
    rows : ScaledRows or ndarray of shape (n_rows, n_features)
        The rows.
    factors : tuple of ndarray
        Matrices whose product maps a row to its m orthonormal coordinates.
    mass : ndarray of shape (n_rows,)
        The reference measure; sums to 1.
    leverage : ndarray of shape (n_rows,)
        Squared norms of the rows in orthonormal coordinates; m times the optimal density for i.i.d. draws.
    error : float
        Largest entry of Q^T Q - I.
    kept : ndarray of shape (n_rows, m) or None
        The rows of Q, for a pool of one batch, where they are small.
    """

    rows: ScaledRows | np.ndarray
    factors: tuple
    mass: np.ndarray
    leverage: np.ndarray
    error: float
    kept: np.ndarray | None = None

    @classmethod
    def of(cls, rows, factors, mass=None):
        """Measure rows and their map.

        Parameters
        ----------
        rows : ScaledRows
            The rows.
        factors : tuple of ndarray
            The map.
        mass : ndarray of shape (n_rows,), default=None
            The reference measure, of sum 1; equal masses by default.

        Returns
        -------
        pool : Pool
            The pool.
        """
        leverage, gram = [], 0.0
        for batch in rows.batches():
            coordinates = _map(batch, factors)
            leverage.append(np.einsum("ij,ij->i", coordinates, coordinates))
            gram = gram + coordinates.T @ coordinates
        n_rows = rows.shape[0]
        mass = np.full(n_rows, 1.0 / n_rows) if mass is None else mass
        kept = coordinates if len(leverage) == 1 else None
        return cls(rows, factors, mass, np.concatenate(leverage), _distance_from_identity(gram), kept)

    @classmethod
    def of_orthonormal(cls, Q):
        """Take rows that are in orthonormal coordinates already.

        Parameters
        ----------
        Q : ndarray of shape (n_rows, m)
            A matrix with orthonormal columns.

        Returns
        -------
        pool : Pool
            The pool, with equal masses.
        """
        mass = np.full(Q.shape[0], 1.0 / Q.shape[0])
        return cls(Q, (), mass, np.einsum("ij,ij->i", Q, Q), _distance_from_identity(Q.T @ Q))

    @property
    def rank(self):
        """The dimension m of the space of the columns."""
        return self.factors[-1].shape[1] if self.factors else self.rows.shape[1]

    def coordinates(self, rows):
        """Orthonormal coordinates of some rows.

        Parameters
        ----------
        rows : slice or ndarray of int
            The rows.

        Returns
        -------
        coordinates : ndarray of shape (n_chosen, m)
            Rows of Q.
        """
        return _map(self.rows[rows], self.factors) if self.kept is None else self.kept[rows]

    def functions(self, rows):
        """Functions that are orthonormal for the reference measure.

        Parameters
        ----------
        rows : ndarray of int
            The rows at which to take them, of positive mass.

        Returns
        -------
        values : ndarray of shape (n_chosen, m)
            Their values.
        """
        return self.coordinates(rows) / np.sqrt(self.mass[rows])[:, None]

    @cached_property
    def _cumulative(self):
        return np.cumsum(self.leverage)

    @cached_property
    def _kept_unit_rows(self):
        return self.kept / np.sqrt(np.where(self.leverage > 0.0, self.leverage, 1.0))[:, None]

    def density(self, rows, mixing=0.0):
        """The density for independent rows: leverage over m, with a share of the reference measure.

        Parameters
        ----------
        rows : ndarray of int
            The rows at which to take it.
        mixing : float, default=0.0
            Share of the reference measure.

        Returns
        -------
        density : ndarray of shape (n_chosen,)
            Chances of the rows; all chances sum to 1.
        """
        return (1.0 - mixing) * self.leverage[rows] / self.rank + mixing * self.mass[rows]

    def draw(self, n, rng, mixing=0.0):
        """Draw rows independently from the density.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator
            Source of the random numbers.
        mixing : float, default=0.0
            Share of the reference measure in the density.

        Returns
        -------
        rows : ndarray of shape (n,)
            Positions of the rows.
        """
        rows = locate(self._cumulative, n, rng)
        if mixing > 0.0:
            from_mass = np.flatnonzero(rng.random(n) < mixing)
            rows[from_mass] = locate(np.cumsum(self.mass), from_mass.size, rng)
        return rows

    def propose(self, n, rng):
        """Draw rows independently, each with chance its leverage over m, with their coordinates.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator
            Source of the random numbers.

        Returns
        -------
        rows : ndarray of shape (n,)
            Positions of the rows.
        unit_rows : ndarray of shape (n, m)
            Their orthonormal coordinates, of norm 1.
        """
        rows = locate(self._cumulative, n, rng)
        if self.kept is not None:
            return rows, self._kept_unit_rows.take(rows, axis=0)
        return rows, self.coordinates(rows) / np.sqrt(self.leverage[rows])[:, None]


def _map(batch, factors):
    return reduce(matmul, factors, batch)


def _distance_from_identity(gram):
    return float(np.abs(gram - np.eye(len(gram))).max())


def locate(cumulative, n, rng):
    """Draw positions independently, with chances in proportion to masses.

    Parameters
    ----------
    cumulative : ndarray of shape (n_rows,)
        Cumulative sums of the masses.
    n : int
        How many.
    rng : numpy.random.Generator
        Source of the random numbers.

    Returns
    -------
    positions : ndarray of shape (n,)
        Never a position of mass 0.
    """
    return np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")


@validate_params(
    {"X": ["array-like", "sparse matrix"], "sample_weight": ["array-like", None]}, prefer_skip_nested_validation=True
)
def leverage_scores(X: MatrixLike, sample_weight: ArrayLike | None = None) -> FloatArray:
    r"""Leverage scores of the rows of a matrix.

    The score of row i is :math:`\ell_i = s_i x_i^T (X^T S X)^+ x_i` with S the weights: the largest share of the
    squared norm of a linear function of the rows that row i can hold. Scores are between 0 and 1 and sum to the rank.
    They do not change when columns are scaled or mixed.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows. They are read in batches: a dense array of float64 or float32, a memory map among them, and a CSR
        matrix are not copied.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows; their scale does not matter.

    Returns
    -------
    scores : ndarray of shape (n_samples,)
        The scores. A row of zeros or of weight 0 has score 0; a row that alone determines a direction has score 1.

    Raises
    ------
    ValueError
        If X has missing or infinite entries or only zeros, or weights are negative or all zero.

    Warns
    -----
    RankDeficientWarning
        If columns of X are linearly dependent.

    See Also
    --------
    PoolDPPSampler : Choose rows by these scores.

    Notes
    -----
    Two passes over X form Gram matrices, a third the scores, at the cost of matrix products. Columns are brought to
    norm 1 first; if they are then near dependence (a condition number above 1e6), the first pass is a Householder QR.
    The condition number times 1e-16 bounds the accuracy of the scores, as it does for every method.

    References
    ----------
    Yamamoto, Nakatsukasa, Yanagisawa, Fukaya (2015). "Roundoff error analysis of the CholeskyQR2 algorithm".
    Electronic Transactions on Numerical Analysis 44, 306-326.

    Examples
    --------
    >>> from statlearn.design import leverage_scores
    >>> leverage_scores([[1.0, 0.0], [1.0, 0.0], [0.0, 3.0]]).round(12)
    array([0.5, 0.5, 1. ])
    """
    return make_pool(check_array(X, **FORMATS, input_name="X"), sample_weight).leverage


def make_pool(X, sample_weight=None):
    """Bring rows to orthonormal coordinates.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_rows, n_features)
        The rows, checked.
    sample_weight : array-like of shape (n_rows,), default=None
        Their masses, on any scale.

    Returns
    -------
    pool : Pool
        The pool. It refers to X.

    Raises
    ------
    ValueError
        If weights are negative or all zero, or all rows with weights are.

    Warns
    -----
    RankDeficientWarning
        If columns of X are linearly dependent.
    """
    mass = None
    if sample_weight is not None:
        mass = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        mass = mass / mass.max()
    rows = ScaledRows(X, mass)
    pool = Pool.of(rows, _cholesky_factors(rows) or _pivoted_factors(rows), None if mass is None else mass / mass.sum())
    if pool.rank < X.shape[1]:
        warn_user(
            f"X has rank {pool.rank}, below its {X.shape[1]} columns: some columns are linear combinations of others. "
            f"Rows are projected on the column space, of dimension m={pool.rank}. Drop columns, such as a constant "
            "beside an intercept, to be rid of this warning.",
            RankDeficientWarning,
        )
    return pool


def _cholesky_factors(rows):
    """The map of Cholesky QR 2, or None if the columns are too near dependence for it."""
    gram = _gram(rows)
    norms = np.sqrt(np.diag(gram))
    if not norms.all():
        return None
    correlation = gram / np.multiply.outer(norms, norms)
    eigenvalues = np.linalg.eigvalsh(correlation)
    if eigenvalues[0] * WELL**2 < eigenvalues[-1]:
        return None
    first = _inverse_root(correlation) / norms[:, None]
    return (first @ _inverse_root(_gram(rows, first)),)


def _pivoted_factors(rows):
    """The map of a Householder QR over batches, with pivoting: its columns are as many as the rank.

    The correction stays a factor of its own: multiplied into the first, rounding would undo it.
    """
    triangle = np.zeros((0, rows.shape[1]))
    for batch in rows.batches():
        triangle = np.linalg.qr(np.vstack([triangle, _dense(batch)]), mode="r")
    norms = np.linalg.norm(triangle, axis=0)
    if not norms.any():
        raise ValueError("all rows of X that have a positive weight are zero: there is nothing to choose between.")
    norms[norms == 0.0] = 1.0
    triangle, pivots = qr(triangle / norms, mode="r", pivoting=True)
    pivot_sizes = np.abs(np.diag(triangle))
    rank = int(np.count_nonzero(pivot_sizes > max(rows.shape) * np.finfo(float).eps * pivot_sizes[0]))
    first = np.zeros((rows.shape[1], rank))
    first[pivots[:rank]] = solve_triangular(triangle[:rank, :rank], np.eye(rank))
    first /= norms[:, None]
    return first, _inverse_root(_gram(rows, first))


def _gram(rows, *factors):
    """The Gram matrix of the columns, after a map."""
    total = 0.0
    for batch in rows.batches():
        columns = _map(batch, factors)
        total = total + _dense(columns.T @ columns)
    return total


def _inverse_root(gram):
    """An upper triangular matrix T with T^T G T = I."""
    return solve_triangular(cholesky(gram), np.eye(len(gram)))
