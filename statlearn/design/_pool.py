"""Which rows of a pool to label, and with what weights to fit them."""

from collections.abc import Callable
from numbers import Real
from typing import Literal, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._support._sklearn import Interval, StrOptions, _fit_context
from .._support.base import StatlearnEstimator, unchanged_on_error
from .._support.random_streams import spawn_generators
from .._support.validation import validate_data
from .._typing import ArrayLike, FloatArray, IntArray, MatrixLike, RandomState
from ..certificate import Certificate, Check
from ._design import INDEPENDENT, Design
from ._leverage import FORMATS, make_pool
from ._pool_functions import ALGORITHMS, SEEDS, draw_dpps
from ._sizes import N_SAMPLES_CONSTRAINT, n_volume_blocks, resolve_n_samples

__all__ = ["PoolDPPSampler", "PoolDraw"]

ORTHONORMAL = 1e-6  # error of the coordinates that a certificate passes


class PoolDraw(NamedTuple):
    """Rows of a pool that were drawn.

    Parameters
    ----------
    indices : ndarray of int of shape (n_samples,)
        Positions of the rows. A row may be drawn more than once: ask for its label once and add its weights.
    weights : ndarray of shape (n_samples,)
        Weights for least squares: the reference measure over the sampling density.
    block : ndarray of int of shape (n_samples,)
        Number of the determinantal draw that a row belongs to; -1 for rows drawn independently.

    Examples
    --------
    >>> from statlearn.design import PoolDPPSampler
    >>> sampler = PoolDPPSampler(design="dpp", random_state=0).fit([[1.0], [1.0], [1.0]])
    >>> indices, weights, block = sampler.sample()
    >>> weights.round(12), block
    (array([1.]), array([0]))
    """

    indices: IntArray
    weights: FloatArray
    block: IntArray


class Plan(NamedTuple):
    """A design: how many determinantal draws are among n samples, and what the other samples come from."""

    n_blocks: Callable  # of the number of samples and the dimension
    mixing: float | None  # share of the reference measure in the density; None for the parameter of the sampler
    is_volume: bool = False  # whether other samples are parts of the blocks


PLANS = {
    "repeated_dpp": Plan(lambda n, m: n // m, mixing=0.0),
    "dpp": Plan(lambda n, m: 1, mixing=0.0),
    "volume": Plan(lambda n, m: 1, mixing=None, is_volume=True),
    "repeated_volume": Plan(n_volume_blocks, mixing=None, is_volume=True),
    "christoffel": Plan(lambda n, m: 0, mixing=None),
    "iid": Plan(lambda n, m: 0, mixing=1.0),
}


class PoolDPPSampler(StatlearnEstimator):
    r"""Choose the rows of a pool whose labels make the best linear fit.

    The rows :math:`x_i` have masses :math:`\mu_i`, equal unless ``sample_weight`` says otherwise, and span a space of
    linear functions of dimension m. With leverage scores :math:`\ell_i`, the optimal density for weighted least squares
    is :math:`\ell_i / m`. A row drawn with density :math:`\nu_i` has the weight :math:`w_i = \mu_i / \nu_i`, so that
    means of weighted values over drawn rows estimate means over the pool ("volume" apart, whose law is not a product).

    Parameters
    ----------
    design : {"repeated_dpp", "dpp", "volume", "repeated_volume", "christoffel", "iid"}, default="repeated_dpp"
        How rows are drawn.

        - ``"repeated_dpp"``: independent draws of m rows from the projection determinantal point process, which keeps
          rows apart; a rest of fewer than m rows is drawn independently from the optimal density.
        - ``"dpp"``: one such draw.
        - ``"volume"``: one such draw and the other rows independently, in random order. Weighted least squares is then
          unbiased.
        - ``"repeated_volume"``: ``n // 2m`` independent draws of "volume", of sizes as equal as can be.
        - ``"christoffel"``: all rows independently, from the optimal density.
        - ``"iid"``: all rows independently, from their masses, with equal weights.
    n_samples : int, float or str, default=None
        Number of rows to draw: an int, a float in (0, 1] for a share of the pool, or a multiple such as ``"2m"``. None
        means m for ``design="dpp"`` and 2m for others.
    mixing : float, default=0.0
        For "volume", "repeated_volume" and "christoffel": share of the masses in the density of independent rows,
        :math:`\nu_i = (1 - a) \ell_i / m + a \mu_i`. No weight is then above 1 / a. With 1, "volume" is classical
        volume sampling with replacement. Must be 0 for other designs.
    algorithm : {"auto", "rejection", "chain"}, default="auto"
        How determinantal draws are made; see `sample_projection_dpp`. "chain" holds the pool in memory.
    random_state : int, RandomState instance, Generator or None, default=None
        Pass an int for the same draw in every call of `sample`; a Generator gives a new one each time.

    Attributes
    ----------
    leverage_scores_ : ndarray of shape (n_rows,)
        Scores of the rows, between 0 and 1, of sum ``rank_``.
    rank_ : int
        The dimension m.
    certificate_ : Certificate
        Whether the coordinates in which rows are drawn are orthonormal.
    n_features_in_ : int
        Number of columns of ``X``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, when ``X`` had string names.

    See Also
    --------
    ConditionedSampler : Draws again until the Gram matrix is good.
    leverage_scores : The scores alone.
    volume_sample : Volume sampling without replacement.

    Notes
    -----
    A fit reads X a few times. It keeps a reference to X rather than a copy, so X must not change before the last
    draw. A row of zeros or of mass 0 is never drawn, a row that alone determines a direction is in every determinantal
    draw, and equal rows are never in the same one.

    Where leverage scores are even, as for Gaussian rows, and there are 3m samples or more, designs differ little from
    "iid". Where labels are mostly noise, weights cost efficiency.

    References
    ----------
    Nouy, Michel (2023). "Weighted least-squares approximation with determinantal point processes and generalized volume
    sampling". arXiv:2312.14057.

    Examples
    --------
    >>> import numpy as np
    >>> from statlearn.design import PoolDPPSampler
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(1000, 5))
    >>> sampler = PoolDPPSampler(n_samples="3m", random_state=0).fit(X)
    >>> indices, weights, block = sampler.sample()
    >>> y = X[indices] @ np.arange(5.0)  # ask for these labels only
    >>> root = np.sqrt(weights)
    >>> np.linalg.lstsq(root[:, None] * X[indices], root * y)[0].round(6)
    array([0., 1., 2., 3., 4.])
    """

    _parameter_constraints: dict = {
        "design": [StrOptions(set(PLANS))],
        "n_samples": [*N_SAMPLES_CONSTRAINT, None],
        "mixing": [Interval(Real, 0, 1, closed="both")],
        "algorithm": ALGORITHMS,
        "random_state": SEEDS,
    }

    def __init__(
        self,
        design: Literal["repeated_dpp", "dpp", "volume", "repeated_volume", "christoffel", "iid"] = "repeated_dpp",
        *,
        n_samples: int | float | str | None = None,
        mixing: float = 0.0,
        algorithm: Literal["auto", "rejection", "chain"] = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.design = design
        self.n_samples = n_samples
        self.mixing = mixing
        self.algorithm = algorithm
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @unchanged_on_error
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Bring the rows to orthonormal coordinates.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_features)
            The pool. A dense array of float64 or float32, a memory map among them, and a CSR matrix are not copied.
        y : None
            Ignored; there are no labels yet.
        sample_weight : array-like of shape (n_rows,), default=None
            Masses of the rows, on any scale.

        Returns
        -------
        self : PoolDPPSampler
            The fitted sampler.

        Raises
        ------
        ValueError
            If X has missing or infinite entries or only zeros, weights are negative or all zero, or ``n_samples`` or
            ``mixing`` do not go with the design.

        Warns
        -----
        RankDeficientWarning
            If columns of X are linearly dependent, as they are if there are more columns than rows.
        """
        X = validate_data(self, X, **FORMATS)
        self._pool = make_pool(X, sample_weight)
        self.leverage_scores_, self.rank_ = self._pool.leverage, self._pool.rank
        self._validated = self.design, self.mixing, self.algorithm
        self._resolve(self.n_samples)
        self.certificate_ = _certificate(self._pool)
        return self

    def sample(self, n_samples: int | float | str | None = None, random_state: RandomState = None) -> PoolDraw:
        """Draw rows.

        Parameters
        ----------
        n_samples : int, float or str, default=None
            Number of rows, in place of the parameter of the sampler.
        random_state : int, RandomState instance, Generator or None, default=None
            Source of the random numbers, in place of the parameter of the sampler.

        Returns
        -------
        draw : PoolDraw
            Positions ``indices`` of the rows, ``weights`` for least squares, and ``block``, the determinantal draw each
            row belongs to. With an int as ``random_state``, a larger draw of "repeated_dpp" begins with the blocks of a
            smaller one.

        Raises
        ------
        ValueError
            If ``n_samples`` is below the dimension, or is not the dimension for ``design="dpp"``.
        """
        check_is_fitted(self)
        plan, mixing, n = self._resolve(self.n_samples if n_samples is None else n_samples)
        n_blocks = plan.n_blocks(n, self.rank_)
        n_others = n - n_blocks * self.rank_
        seed = self.random_state if random_state is None else random_state
        generators = spawn_generators(seed, n_blocks + (n_others > 0))
        indices = draw_dpps(self._pool, generators[:n_blocks], self.algorithm).ravel()
        block = np.repeat(np.arange(n_blocks), self.rank_)
        if n_others > 0:
            rng = generators[-1]
            indices = np.append(indices, self._pool.draw(n_others, rng, mixing))
            others = np.arange(n_others) % n_blocks if plan.is_volume else np.full(n_others, INDEPENDENT)
            block = np.append(block, others)
            if plan.is_volume:
                order = rng.permutation(n)
                order = order[np.argsort(block[order], kind="stable")]
                indices, block = indices[order], block[order]
        return PoolDraw(indices, self._pool.mass[indices] / self._pool.density(indices, mixing), block)

    def _sample_design(self, n_samples=None, random_state=None):
        """Draw rows as a design, whose points are their positions."""
        indices, weights, block = self.sample(n_samples, random_state)
        features = np.sqrt(weights / len(indices))[:, None] * self._pool.functions(indices)
        return Design(indices, np.log(weights), features, block)

    def _resolve(self, n_samples):
        """The plan of the design, its share of the masses, and the number of rows."""
        parameters = self.design, self.mixing, self.algorithm
        if parameters != self._validated:
            self._validate_params()
            self._validated = parameters
        plan = PLANS[self.design]
        if plan.mixing is not None and self.mixing != 0.0:
            raise ValueError(
                f"mixing={self.mixing} has no use for design={self.design!r}, whose density is fixed. Set it to 0, or "
                "choose design='volume', 'repeated_volume' or 'christoffel'."
            )
        default = "m" if self.design == "dpp" else "2m"
        n = resolve_n_samples(default if n_samples is None else n_samples, self.rank_, self.leverage_scores_.size)
        if self.design == "dpp" and n != self.rank_:
            raise ValueError(
                f"design='dpp' draws exactly m={self.rank_} rows. Got n_samples={n_samples!r}: choose "
                "design='repeated_dpp' for more."
            )
        return plan, self.mixing if plan.mixing is None else plan.mixing, n


def _certificate(pool):
    detail = "largest entry of Q^T Q - I, with Q the rows in orthonormal coordinates"
    return Certificate(
        f"Rows are drawn in orthonormal coordinates of the {pool.rank}-dimensional space that the columns span.",
        [
            Check("orthonormality", pool.error, ORTHONORMAL, bool(pool.error <= ORTHONORMAL), "numerical", detail),
            Check("dimension", pool.rank, None, None, "reported", "numerical rank of the pool"),
            Check("largest leverage", float(pool.leverage.max()), None, None, "reported", "1: the row is always drawn"),
        ],
        (
            "no entry of X changes between fit and sample",
            "the masses of the rows are those of the population that the fit is for",
        ),
    )
