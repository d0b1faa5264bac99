"""Draws of rows whose chance is a determinant: projection determinantal point processes and volume sampling."""

from numbers import Integral
from typing import Literal

import numpy as np

from .._support._sklearn import Interval, StrOptions, validate_params
from .._support.parallel import run_parallel
from .._support.random_streams import spawn_generators
from .._support.validation import check_array
from .._typing import ArrayLike, FloatOrArray, IntArray, MatrixLike, RandomState
from ._dpp_kernels import chain_rows
from ._leverage import FORMATS, Pool, make_pool
from ._projection_dpp import growing_blocks, sample_chain

__all__ = ["ALGORITHMS", "SEEDS", "draw_dpps", "projection_dpp_logpdf", "sample_projection_dpp", "volume_sample"]

ALGORITHMS = [StrOptions({"auto", "rejection", "chain"})]
SEEDS = ["random_state", np.random.Generator]
SMALL_POOL = 500  # rows up to which the chain rule without rejection is as fast or faster, whatever the dimension
ORTHONORMAL = 1e-8  # by which the Gram matrix of Q may differ from the identity


def draw_dpps(pool, generators, algorithm="auto", n_jobs=1):
    """Draw from the projection determinantal point process of a pool, once per generator.

    Parameters
    ----------
    pool : Pool
        The rows.
    generators : list of numpy.random.Generator
        Sources of the random numbers.
    algorithm : {"auto", "rejection", "chain"}, default="auto"
        How; "auto" takes "chain" for small pools.
    n_jobs : int or None, default=1
        Number of threads.

    Returns
    -------
    draws : ndarray of int of shape (n_draws, m)
        Positions of the rows, in exchangeable order.
    """
    if algorithm == "chain" or (algorithm == "auto" and pool.leverage.size <= SMALL_POOL):
        Q = np.ascontiguousarray(pool.coordinates(slice(None)))
        draws = run_parallel(_draw_by_chain, ((Q, pool.leverage, rng) for rng in generators), n_jobs)
    else:
        draws = run_parallel(_draw_by_rejection, ((pool, rng) for rng in generators), n_jobs)
    return np.array(draws, dtype=np.intp).reshape(len(generators), pool.rank)


def _draw_by_chain(Q, leverage, rng):
    return chain_rows(Q, leverage, rng.random(Q.shape[1]))


def _draw_by_rejection(pool, rng):
    return sample_chain(pool.propose, pool.rank, rng, growing_blocks)[0]


@validate_params(
    {
        "Q": ["array-like"],
        "size": [Interval(Integral, 0, None, closed="left")],
        "algorithm": ALGORITHMS,
        "n_jobs": [Integral, None],
        "random_state": SEEDS,
    },
    prefer_skip_nested_validation=True,
)
def sample_projection_dpp(
    Q: ArrayLike,
    size: int = 1,
    algorithm: Literal["auto", "rejection", "chain"] = "auto",
    n_jobs: int | None = None,
    random_state: RandomState = None,
) -> IntArray:
    r"""Independent draws from the projection determinantal point process of a matrix with orthonormal columns.

    A draw is a set S of m rows, of probability :math:`\det(Q_S)^2`.

    Parameters
    ----------
    Q : array-like of shape (n_rows, m)
        Orthonormal columns, such as the Q of a QR decomposition or eigenvectors.
    size : int, default=1
        Number of draws.
    algorithm : {"auto", "rejection", "chain"}, default="auto"
        "rejection" proposes rows by their leverage scores and costs O(m^3 log m) a draw whatever the number of rows;
        "chain" updates the chances of all rows after each and costs O(n_rows m^2). Both are exact. "auto" takes
        "chain" up to 500 rows.
    n_jobs : int or None, default=None
        Number of threads over draws. It does not change them.
    random_state : int, RandomState instance, Generator or None, default=None
        Pass an int for the same draws in every call. Different algorithms give different draws.

    Returns
    -------
    draws : ndarray of int of shape (size, m)
        Positions of the rows, distinct within a draw and in exchangeable order.

    Raises
    ------
    ValueError
        If the columns of Q are not orthonormal.

    See Also
    --------
    projection_dpp_logpdf : The law.
    PoolDPPSampler : Draws from the rows of any matrix, with weights for least squares.

    References
    ----------
    Barthelme, Tremblay, Amblard (2023). "A faster sampler for discrete determinantal point processes". AISTATS, PMLR
    206, 5582-5592.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.design import sample_projection_dpp
    >>> Q = np.linalg.qr(np.vander(np.linspace(-1, 1, 21), 4))[0]
    >>> sample_projection_dpp(Q, size=2, random_state=0).shape
    (2, 4)
    """
    return draw_dpps(_orthonormal_pool(Q), spawn_generators(random_state, size), algorithm, n_jobs)


@validate_params({"Q": ["array-like"], "indices": ["array-like"]}, prefer_skip_nested_validation=True)
def projection_dpp_logpdf(Q: ArrayLike, indices: ArrayLike) -> FloatOrArray:
    r"""Log probability of sets of rows under a projection determinantal point process, :math:`\log \det(Q_S Q_S^T)`.

    Parameters
    ----------
    Q : array-like of shape (n_rows, m)
        Orthonormal columns.
    indices : array-like of int of shape (m,) or (n_sets, m)
        Positions of the rows of each set, in any order.

    Returns
    -------
    logpdf : float or ndarray of shape (n_sets,)
        Log probabilities; minus infinity for a set that cannot be drawn, one with a row twice among them.

    Raises
    ------
    ValueError
        If the columns of Q are not orthonormal, a set has not m rows, or a position is out of range.

    See Also
    --------
    sample_projection_dpp : Draws.

    Examples
    --------
    >>> from statlearn.design import projection_dpp_logpdf
    >>> projection_dpp_logpdf([[0.6], [0.8]], [[0], [1]]).round(4)
    array([-1.0217, -0.4463])
    """
    Q = _orthonormal_pool(Q).rows
    sets = np.asarray(indices)
    n_rows, m = Q.shape
    if sets.dtype.kind not in "iu" or sets.ndim not in (1, 2) or sets.shape[-1] != m:
        raise ValueError(
            f"indices must be integers of shape ({m},) or (n_sets, {m}), as a draw has as many rows as Q has columns. "
            f"Got shape {sets.shape} and dtype {sets.dtype}."
        )
    if ((sets < 0) | (sets >= n_rows)).any():
        raise ValueError(f"indices must be between 0 and {n_rows - 1}. Got {sets.min()} to {sets.max()}.")
    repeats = (np.diff(np.sort(sets, axis=-1), axis=-1) == 0).any(axis=-1)
    logpdf = np.where(repeats, -np.inf, 2.0 * np.linalg.slogdet(Q[sets]).logabsdet)
    return float(logpdf) if sets.ndim == 1 else logpdf


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "k": [Interval(Integral, 1, None, closed="left")],
        "random_state": SEEDS,
    },
    prefer_skip_nested_validation=True,
)
def volume_sample(X: MatrixLike, k: int, random_state: RandomState = None) -> IntArray:
    r"""Volume sampling: k rows without replacement, with probability proportional to :math:`\det(X_S^T X_S)`.

    Least squares on the drawn rows, without weights, is unbiased for least squares on all rows, whatever the labels.
    With m columns and N rows, row i is drawn with probability :math:`\ell_i + (1 - \ell_i)(k - m) / (N - m)`, where
    :math:`\ell_i` is its leverage score.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows.
    k : int
        Number of rows to draw, at least the rank of X and at most the number of rows.
    random_state : int, RandomState instance, Generator or None, default=None
        Pass an int for the same draw in every call.

    Returns
    -------
    indices : ndarray of int of shape (k,)
        Positions of the drawn rows, in exchangeable order.

    Raises
    ------
    ValueError
        If X has missing or infinite entries or only zeros, or k is out of range.

    Warns
    -----
    RankDeficientWarning
        If columns of X are linearly dependent. The volume is then that in the column space.

    See Also
    --------
    PoolDPPSampler : Designs with weights, whose error falls faster in k where leverage scores are uneven.

    Notes
    -----
    A draw is one of the projection determinantal point process of the columns, and k - m of the other rows chosen
    uniformly.

    References
    ----------
    Derezinski, Warmuth (2017). "Unbiased estimates for linear regression via volume sampling". NeurIPS 30.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.design import volume_sample
    >>> X = np.vander(np.linspace(-1, 1, 21), 4)
    >>> volume_sample(X, 6, random_state=0).shape
    (6,)
    """
    pool = make_pool(check_array(X, **FORMATS, input_name="X"))
    n_rows, m = pool.leverage.size, pool.rank
    if not m <= k <= n_rows:
        raise ValueError(f"k={k} must be between the rank m={m} of X and its number of rows, {n_rows}.")
    (rng,) = spawn_generators(random_state, 1)
    (chosen,) = draw_dpps(pool, [rng])
    others = np.delete(np.arange(n_rows), chosen)
    return rng.permutation(np.concatenate([chosen, rng.choice(others, size=k - m, replace=False)]))


def _orthonormal_pool(Q):
    pool = Pool.of_orthonormal(check_array(Q, dtype=np.float64, input_name="Q"))
    if pool.error > ORTHONORMAL:
        raise ValueError(
            f"the columns of Q must be orthonormal. Got a Q^T Q that differs from the identity by {pool.error:.3g}: "
            "pass the Q of numpy.linalg.qr of a float64 matrix, or use PoolDPPSampler, which takes any matrix."
        )
    return pool
