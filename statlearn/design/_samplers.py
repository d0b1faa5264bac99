"""Samplers of designs for a continuous measure: independent, determinantal, volume-rescaled, and conditioned."""

from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Literal

import numpy as np
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from .._support._sklearn import HasMethods, Interval, StrOptions, validate_params
from .._support.random_streams import spawn_generators
from .._support.user_warnings import warn_user
from .._typing import Basis, RandomState
from ._basis import OrthonormalBasis
from ._design import INDEPENDENT, Design
from ._pool import PoolDPPSampler
from ._projection_dpp import sample_chain
from ._sizes import n_volume_blocks, resolve_n_samples

__all__ = [
    "SAMPLERS",
    "ChristoffelSampler",
    "ConditionedSampler",
    "ProjectionDPP",
    "RepeatedDPP",
    "VolumeRescaledSampler",
    "check_basis",
    "make_sampler",
]

CHECKED = 20_000  # points that check a basis
CHANCE = 1e-6  # of a check to fail a right basis, about
EXACT = 1e-9  # what rounding may leave where there is no variance
BASIS = [HasMethods(["resolved"])]


class Sampler:
    """A way to draw designs for a basis.

    A subclass has ``_draw(basis, n, generators)``, and says by ``_n_generators(n, m)`` how many streams it needs, so
    that larger designs begin like smaller ones.
    """

    default_n_samples = "2m"

    def sample(self, n_samples: int | str | None = None, random_state: RandomState = None) -> Design:
        """Draw a design.

        Parameters
        ----------
        n_samples : int, str or None, default=None
            Number of points, or a multiple of the number m of basis functions such as ``"2m"``, which is the default
            (``"m"`` for `ProjectionDPP`).
        random_state : int, RandomState instance, Generator or None, default=None
            Pass an int for the same design in every call.

        Returns
        -------
        design : Design
            The points and their weights.

        Raises
        ------
        ValueError
            If ``n_samples`` is smaller than m.
        """
        basis = self.basis.resolved()
        n = resolve_n_samples(self.default_n_samples if n_samples is None else n_samples, basis.n_output_features_)
        return self.draw(basis, n, random_state)

    def draw(self, basis: OrthonormalBasis, n: int, random_state: RandomState) -> Design:
        """Draw a design of any size, which may be too small for a fit.

        Parameters
        ----------
        basis : OrthonormalBasis
            The basis, resolved.
        n : int
            Number of points.
        random_state : int, RandomState instance, Generator or None
            Pass an int for the same design in every call.

        Returns
        -------
        design : Design
            The points and their weights.
        """
        n_generators = self._n_generators(n, basis.n_output_features_)
        return self._draw(basis, n, spawn_generators(random_state, n_generators))

    def _n_generators(self, n, m):
        return 1


def check_basis(basis):
    """Check that a basis is orthonormal, and that it draws from its measure and its induced distribution.

    Means of m / k and of the entries of (m / k) phi phi^T over draws from k / m must be 1 and those of the identity.
    Means of the entries of phi phi^T / k, which are bounded, must be the same over draws from the measure and, times
    m / k, over draws from k / m. All within what their variances allow.

    Parameters
    ----------
    basis : OrthonormalBasis
        The basis.

    Raises
    ------
    ValueError
        If they are not.
    """
    m, rng = basis.n_output_features_, np.random.default_rng(0)
    rows, log_christoffel = basis.unit_features(basis.sample_induced(CHECKED, rng))
    plain = basis.unit_features(basis.sample_measure(CHECKED, rng))[0]
    weights = m * np.exp(-log_christoffel)
    identity = np.append(m * rows.T @ rows / CHECKED - np.eye(m), weights.mean() - 1.0)
    identity_squares = np.append(m**2 * (rows**2).T @ rows**2 / CHECKED - np.eye(m), weights.var())
    measure = ((weights * rows.T) @ rows - plain.T @ plain) / CHECKED
    measure_squares = ((weights**2 * rows.T**2) @ rows**2 + (plain**2).T @ plain**2) / CHECKED
    for means, squares, drawn in (
        (identity, identity_squares, "sample_induced does not draw from (k / m) mu"),
        (measure, measure_squares, "sample_measure and sample_induced do not draw from the same mu"),
    ):
        allowed = norm.isf(CHANCE / means.size) * np.sqrt(np.maximum(squares, 0.0) / CHECKED) + EXACT
        if not (np.isfinite(allowed) & (np.abs(means) <= allowed)).all():
            raise ValueError(
                f"either the functions of {type(basis).__name__} are not orthonormal, or {drawn}: over {CHECKED} draws "
                f"a mean is off by {np.abs(means).max():.3g}, where it must be within {allowed.max():.3g}. Mend the "
                "basis, or its weights are wrong."
            )


def _dpp(basis, rng):
    """The m points of the projection determinantal point process of a basis."""
    points = basis.sample_dpp(rng)
    if points is not None:
        return points

    def propose(n, rng):
        points = basis.sample_induced(n, rng)
        return points, basis.unit_features(points)[0]

    return sample_chain(propose, basis.n_output_features_, rng)[0]


def _independent(basis, n, rng, mixing):
    """Independent points from the mixture of the induced distribution and the measure."""
    from_measure = rng.random(n) < mixing
    points = np.empty((n, basis.n_dims))
    for chosen, draw in ((from_measure, basis.sample_measure), (~from_measure, basis.sample_induced)):
        if chosen.any():
            points[chosen] = draw(np.count_nonzero(chosen), rng)
    return points


class ChristoffelSampler(Sampler):
    r"""Independent points from the optimal density.

    The density is :math:`(1 - a) k / m + a` with respect to :math:`\mu`, where :math:`k(x) = \|\varphi(x)\|^2` is the
    inverse Christoffel function of the basis. With :math:`a = 0` the Gram matrix is near the identity with
    :math:`O(m \log m)` points, whatever the measure; with :math:`a = 1` points come from :math:`\mu` itself, and
    weights are 1.

    Parameters
    ----------
    basis : OrthonormalBasis
        The basis.
    mixing : float, default=0.0
        Share a of the measure. No weight is above :math:`1 / a`.

    See Also
    --------
    RepeatedDPP : Needs fewer points for the same stability.
    recommended_n_samples : How many points are enough.

    References
    ----------
    Cohen, Migliorati (2017). "Optimal weighted least-squares methods". SMAI Journal of Computational Mathematics 3,
    181-203.

    Examples
    --------
    >>> from statlearn.design import ChristoffelSampler, PolynomialBasis
    >>> basis = PolynomialBasis("hermite", degree=5, n_dims=2)
    >>> ChristoffelSampler(basis).sample(100, random_state=0).points.shape
    (100, 2)
    """

    @validate_params(
        {"basis": BASIS, "mixing": [Interval(Real, 0, 1, closed="both")]},
        prefer_skip_nested_validation=True,
    )
    def __init__(self, basis: Basis, *, mixing: float = 0.0) -> None:
        self.basis = basis
        self.mixing = float(mixing)

    def _draw(self, basis, n, generators):
        points = _independent(basis, n, generators[0], self.mixing)
        return Design.of(basis, points, np.full(n, INDEPENDENT), self.mixing)


class ProjectionDPP(Sampler):
    r"""One draw of m points from the projection determinantal point process of a basis.

    The density of the points is :math:`\det[\varphi_j(x_i)]^2 / m!`: they repel each other. Least squares interpolates
    then, and its expected squared error is exactly :math:`1 + m` times that of the best approximation, with the best
    approximation as its mean.

    Parameters
    ----------
    basis : OrthonormalBasis
        The basis.

    See Also
    --------
    RepeatedDPP : Several draws, for a stable fit.

    References
    ----------
    Nouy, Michel (2023). "Weighted least-squares approximation with determinantal point processes and generalized volume
    sampling". arXiv:2312.14057.

    Examples
    --------
    >>> from statlearn.design import PolynomialBasis, ProjectionDPP
    >>> ProjectionDPP(PolynomialBasis(degree=99, n_dims=1)).sample(random_state=0).points.shape
    (100, 1)
    """

    default_n_samples = "m"

    @validate_params({"basis": BASIS}, prefer_skip_nested_validation=True)
    def __init__(self, basis: Basis) -> None:
        self.basis = basis

    def _draw(self, basis, n, generators):
        if n != basis.n_output_features_:
            raise ValueError(
                f"a projection DPP has exactly m={basis.n_output_features_} points. Got n_samples={n}: use RepeatedDPP "
                "or VolumeRescaledSampler for more."
            )
        return Design.of(basis, _dpp(basis, generators[0]), np.zeros(n, dtype=int))


class VolumeRescaledSampler(Sampler):
    r"""Points whose density is proportional to the determinant of the Gram matrix.

    With a reference density :math:`\nu`, the n points have the density :math:`\propto \det(G)` with respect to
    :math:`\nu^n`. They are m points of the projection determinantal point process and :math:`n - m` independent ones
    from :math:`\nu`, in random order. Weighted least squares is unbiased for the best approximation, and its expected
    squared error is at most :math:`1 + m` times the best one for every n.

    Parameters
    ----------
    basis : OrthonormalBasis
        The basis.
    reference : {"christoffel", "mu"}, default="christoffel"
        The density :math:`\nu`: the optimal one, or the measure itself, classical volume sampling, whose weights are 1.
        The latter is poor where k is unbounded, as on the whole line.
    mixing : float, default=0.0
        Share of the measure in "christoffel": :math:`\nu = (1 - a) k / m + a`. No weight is above :math:`1 / a`.
    repeated : bool, default=False
        Whether points are ``n // 2m`` independent blocks with such a density, of sizes as equal as can be, in place of
        one. The fit is biased then, as that of `RepeatedDPP`, where all blocks are as small as can be.

    See Also
    --------
    RepeatedDPP : Biased, and better in practice.

    References
    ----------
    Nouy, Michel (2023). "Weighted least-squares approximation with determinantal point processes and generalized volume
    sampling". arXiv:2312.14057.

    Derezinski, Warmuth, Hsu (2019). "Unbiased estimators for random design regression". arXiv:1907.03411.

    Examples
    --------
    >>> from statlearn.design import PolynomialBasis, VolumeRescaledSampler
    >>> VolumeRescaledSampler(PolynomialBasis(degree=9, n_dims=1)).sample("2m", random_state=0).points.shape
    (20, 1)
    """

    @validate_params(
        {
            "basis": BASIS,
            "reference": [StrOptions({"christoffel", "mu"})],
            "mixing": [Interval(Real, 0, 1, closed="both")],
            "repeated": ["boolean"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        basis: Basis,
        *,
        reference: Literal["christoffel", "mu"] = "christoffel",
        mixing: float = 0.0,
        repeated: bool = False,
    ) -> None:
        if reference == "mu" and mixing != 0.0:
            raise ValueError(
                f"mixing={mixing} is the share of the measure, which is all of reference='mu'. Set it to 0."
            )
        self.basis = basis
        self.reference = reference
        self.mixing = float(mixing)
        self.repeated = repeated

    def _draw(self, basis, n, generators):
        (rng,) = generators
        mixing = 1.0 if self.reference == "mu" else self.mixing
        n_blocks = n_volume_blocks(n, basis.n_output_features_) if self.repeated else 1
        sizes = [len(part) for part in np.array_split(np.arange(n), n_blocks)]
        points = np.concatenate([self._draw_block(basis, size, rng, mixing) for size in sizes])
        return Design.of(basis, points, np.repeat(np.arange(n_blocks), sizes), mixing)

    def _draw_block(self, basis, n, rng, mixing):
        dependent = _dpp(basis, rng)
        return rng.permutation(np.concatenate([dependent, _independent(basis, n - len(dependent), rng, mixing)]))


class RepeatedDPP(Sampler):
    r"""Independent draws from the projection determinantal point process of a basis, for one weighted fit.

    Every point has the optimal density :math:`k / m`, and weight :math:`m / k`; points of a draw repel each other. Of
    all designs here this is the most stable with few points: 2m to 4m mostly suffice. The fit is slightly biased. A
    rest of fewer than m points is drawn independently from the optimal density.

    Parameters
    ----------
    basis : OrthonormalBasis
        The basis.

    See Also
    --------
    VolumeRescaledSampler : An unbiased fit.
    ConditionedSampler : Redraws unstable designs.

    Notes
    -----
    The weights belong to the design: without them a fit converges to another function than the best approximation. The
    mean of the r interpolants of the draws ("averaged DPP"), whose points ``block`` tells apart, is unbiased, with an
    expected squared error of exactly :math:`1 + m / r` times the best one, which is much worse than the one weighted
    fit in practice.

    References
    ----------
    Nouy, Michel (2023). "Weighted least-squares approximation with determinantal point processes and generalized volume
    sampling". arXiv:2312.14057.

    Examples
    --------
    >>> from statlearn.design import PolynomialBasis, RepeatedDPP
    >>> design = RepeatedDPP(PolynomialBasis(degree=4, n_dims=1)).sample(13, random_state=0)
    >>> design.block
    array([ 0,  0,  0,  0,  0,  1,  1,  1,  1,  1, -1, -1, -1])

    A larger design begins with the draws of a smaller one, so that nothing that was evaluated is lost:

    >>> larger = RepeatedDPP(PolynomialBasis(degree=4, n_dims=1)).sample("3m", random_state=0)
    >>> bool((larger.points[:10] == design.points[:10]).all())
    True
    """

    @validate_params({"basis": BASIS}, prefer_skip_nested_validation=True)
    def __init__(self, basis: Basis) -> None:
        self.basis = basis

    def _n_generators(self, n, m):
        return n // m + 1

    def _draw(self, basis, n, generators):
        *streams, rest = generators
        draws, m = [_dpp(basis, rng) for rng in streams], basis.n_output_features_
        n_rest = n - m * len(draws)
        points = np.concatenate([*draws, _independent(basis, n_rest, rest, 0.0)])
        block = np.concatenate([np.repeat(np.arange(len(draws)), m), np.full(n_rest, INDEPENDENT)])
        return Design.of(basis, points, block)


CRITERIA = {  # how far a Gram matrix is from the identity, by its smallest and largest eigenvalue
    "lambda_min": lambda smallest, largest: 1.0 - smallest,
    "spectral": lambda smallest, largest: np.maximum(1.0 - smallest, largest - 1.0),
}
HALVINGS = 60  # of the brackets of eigenvalues, down to rounding


class ConditionedSampler:
    r"""Designs of another sampler, redrawn until the Gram matrix is near the identity.

    A design is accepted if the smallest eigenvalue of its Gram matrix G is at least :math:`1 - \delta`, or the spectral
    norm of :math:`G - I` at most :math:`\delta`. With several candidates the best of them is tested.

    Parameters
    ----------
    base : ChristoffelSampler, ProjectionDPP, RepeatedDPP, VolumeRescaledSampler or PoolDPPSampler
        The sampler; that of a pool must be fitted. The points of the design are then the positions of the rows.
    delta : float, default=0.9
        The bound :math:`\delta`, between 0 and 1.
    criterion : {"lambda_min", "spectral"}, default="lambda_min"
        What is bounded.
    n_candidates : int, default=1
        Number of designs of which the best is tested ("boosting").
    max_draws : int, default=1000
        Largest number of designs drawn. After that the best one is returned, with a ConvergenceWarning and
        ``conditioned=False``.
    subsample_to : int, str or None, default=None
        Number of points down to which points are left out, one at a time, as long as the bound holds: each time the
        point without which the Gram matrix is nearest to the identity by the criterion. None leaves out none.

    See Also
    --------
    recommended_n_samples : Sizes at which the first draw mostly passes.

    Notes
    -----
    Conditioning, choosing and leaving out make a fit biased. The expected squared error of redrawn designs, neither
    chosen nor thinned, whose points have the optimal density (with no share of the measure), is at most
    :math:`1 + \frac{m}{n} (1 - \delta)^{-2} / p` times the best one, where p is the chance of a draw to pass. Near
    n = m independent points have next to none: redraws then cost more than further points would. Beyond 2m candidates
    gain little.

    References
    ----------
    Haberstich, Nouy, Perrin (2022). "Boosted optimal weighted least-squares". Mathematics of Computation 91, 1281-1315.

    Examples
    --------
    >>> from statlearn.design import ConditionedSampler, PolynomialBasis, RepeatedDPP
    >>> basis = PolynomialBasis(degree=10, n_dims=1)
    >>> design = ConditionedSampler(RepeatedDPP(basis), delta=0.7).sample("2m", random_state=0)
    >>> bool(design.gram_lambda_min >= 0.3), design.conditioned
    (True, True)

    Rows of a pool, known by their positions:

    >>> import numpy as np
    >>> from statlearn.design import PoolDPPSampler
    >>> X = np.random.default_rng(0).standard_t(3, size=(1000, 10))
    >>> design = ConditionedSampler(PoolDPPSampler().fit(X), delta=0.7).sample("3m", random_state=0)
    >>> X[design.points].shape, bool(design.gram_lambda_min >= 0.3)
    ((30, 10), True)
    """

    @validate_params(
        {
            "base": [Sampler, PoolDPPSampler],
            "delta": [Interval(Real, 0, 1, closed="neither")],
            "criterion": [StrOptions(set(CRITERIA))],
            "n_candidates": [Interval(Integral, 1, None, closed="left")],
            "max_draws": [Interval(Integral, 1, None, closed="left")],
            "subsample_to": [Interval(Integral, 1, None, closed="left"), str, None],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self,
        base: ChristoffelSampler | ProjectionDPP | RepeatedDPP | VolumeRescaledSampler | PoolDPPSampler,
        *,
        delta: float = 0.9,
        criterion: Literal["lambda_min", "spectral"] = "lambda_min",
        n_candidates: int = 1,
        max_draws: int = 1000,
        subsample_to: int | str | None = None,
    ) -> None:
        self.base = base
        self.delta = delta
        self.criterion = criterion
        self.n_candidates = n_candidates
        self.max_draws = max_draws
        self.subsample_to = subsample_to

    def sample(self, n_samples: int | float | str | None = None, random_state: RandomState = None) -> Design:
        """Draw a design that meets the bound.

        Parameters
        ----------
        n_samples : int, float, str or None, default=None
            Number of points, as for the sampler that is conditioned.
        random_state : int, RandomState instance, Generator or None, default=None
            Pass an int for the same design in every call. None takes the parameter of a `PoolDPPSampler`.

        Returns
        -------
        design : Design
            The points and their weights; ``conditioned`` says whether the bound is met, and ``n_drawn`` how many
            designs were drawn.

        Raises
        ------
        ValueError
            If ``n_samples`` or ``subsample_to`` is smaller than m.

        Warns
        -----
        ConvergenceWarning
            If no design met the bound within ``max_draws`` draws.
        """
        draw = self.base.sample
        if isinstance(self.base, PoolDPPSampler):
            draw = self.base._sample_design
            random_state = self.base.random_state if random_state is None else random_state
        (rng,) = spawn_generators(random_state, 1)
        best, n_drawn = None, 0
        while n_drawn < self.max_draws:
            n_now = min(self.n_candidates, self.max_draws - n_drawn)
            candidate = min((draw(n_samples, rng) for _ in range(n_now)), key=self._distance)
            n_drawn += n_now
            if self._distance(candidate) <= self.delta:
                return replace(self._thinned(candidate), conditioned=True, n_drawn=n_drawn)
            best = candidate if best is None else min(best, candidate, key=self._distance)
        warn_user(
            f"none of {n_drawn} designs of {len(best)} points is within delta={self.delta} of the identity by the "
            f"criterion {self.criterion!r}; the best one is at {self._distance(best):.3g}. Ask for more points, take "
            "another sampler, or raise delta or max_draws.",
            ConvergenceWarning,
        )
        return replace(best, conditioned=False, n_drawn=n_drawn)

    def _distance(self, design):
        return CRITERIA[self.criterion](design.gram_lambda_min, design.singular_values[0] ** 2)

    def _thinned(self, design):
        """The design without points that the bound does not need."""
        if self.subsample_to is None:
            return design
        n_least = resolve_n_samples(self.subsample_to, design.features.shape[1])
        while len(design) > n_least:
            extremes = _extreme_eigenvalues_without(design.features)
            smaller = design.take(np.arange(len(design)) != np.argmin(CRITERIA[self.criterion](*extremes)))
            if self._distance(smaller) > self.delta:
                break
            design = smaller
        return design


def _extreme_eigenvalues_without(features):
    """The smallest and the largest eigenvalues of the Gram matrix of a design without each of its points.

    With eigenvalues d and coordinates z of a row in the eigenvectors, those of the matrix without the row are the roots
    of 1 - sum_j z_j^2 / (d_j - x), which falls between its poles. They are found by bisection, for all rows at once.
    """
    values, vectors = np.linalg.eigh(features.T @ features)
    squares = (features @ vectors) ** 2
    lengths, below = squares.sum(axis=1), values[-2:][0] if values.size > 1 else -np.inf
    brackets = (values[0] - lengths, values[0]), (np.maximum(values[-1] - lengths, below), values[-1])
    n_points = len(features)
    return [_root(squares, values, low, high) * n_points / (n_points - 1) for low, high in brackets]


def _root(squares, values, low, high):
    high = np.full_like(low, high)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        gaps = values - middle[:, None]
        is_below = np.sum(squares / np.where(gaps == 0.0, np.inf, gaps), axis=1) < 1.0
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return 0.5 * (low + high)


SAMPLERS = {
    "repeated_dpp": RepeatedDPP,
    "dpp": ProjectionDPP,
    "volume": VolumeRescaledSampler,
    "repeated_volume": partial(VolumeRescaledSampler, repeated=True),
    "christoffel": ChristoffelSampler,
    "iid": partial(ChristoffelSampler, mixing=1.0),
}


def make_sampler(design, basis, delta=None):
    """The sampler of a design by its name, conditioned if ``delta`` is a bound."""
    sampler = SAMPLERS[design](basis)
    return sampler if delta is None else ConditionedSampler(sampler, delta=delta)
