"""Draws from pools that must meet a condition, and blocks of volume sampling: laws by enumeration, theory, manners."""

import math
import pickle

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from statlearn._support.random_streams import spawn_generators
from statlearn.design import ConditionedSampler, DPPLeastSquares, PoolDPPSampler, leverage_scores

from .enumeration import p_value, rescaled_law

REJECTED, ACCEPTED = 1e-9, 1e-4  # p-values below which a wrong law must come, and above which a right one
N_ROWS, M, N = 5, 2, 4
BOUND = 0.65  # smallest eigenvalue asked for
SIZES = {"dpp": M}
OPTIMAL = ["christoffel", "dpp", "repeated_dpp", "volume"]  # every row has the optimal density


class SmallPool:
    """A pool, labels, and the exact law of the sequences of rows of every design."""

    def __init__(self, weighted):
        rng = np.random.default_rng(3)
        self.X, self.y = rng.normal(size=(N_ROWS, M)), rng.normal(size=N_ROWS)
        self.mass = rng.dirichlet(np.full(N_ROWS, 4.0)) if weighted else np.full(N_ROWS, 1.0 / N_ROWS)
        self.Q = np.linalg.qr(np.sqrt(self.mass)[:, None] * self.X)[0]
        self.optimal = np.sum(self.Q**2, axis=1) / M
        self.best = self.fits(np.arange(N_ROWS)[None], self.mass)[0]
        self.least = self.errors(self.best[None])[0]

    def density(self, design):
        return self.mass if design == "iid" else self.optimal

    def fits(self, sequences, weights):
        """Coefficients of weighted fits to sequences of rows."""
        rows, w, y = self.X[sequences], weights[sequences], self.y[sequences]
        return np.linalg.solve((w[..., None] * rows).mT @ rows, ((w * y)[..., None, :] @ rows)[..., 0, :, None])[..., 0]

    def errors(self, coefs):
        return (self.y - coefs @ self.X.T) ** 2 @ self.mass

    def law(self, design):
        """All sequences that are possible, and their probabilities."""
        n = SIZES.get(design, N)
        sequences, probabilities = {
            "dpp": lambda: self._dpps(1),
            "repeated_dpp": lambda: self._dpps(N // M),
            "volume": lambda: rescaled_law(self.Q, self.mass, self.optimal, N),
        }.get(design, lambda: self._independent(self.density(design), n))()
        possible = probabilities > 1e-14
        return sequences[possible], probabilities[possible]

    def _dpps(self, r):
        pairs = np.array([(i, j) for i in range(N_ROWS) for j in range(N_ROWS)])
        chances = np.linalg.det(self.Q[pairs]) ** 2 / math.factorial(M)
        return joined([(pairs, chances)] * r)

    def _independent(self, density, n):
        return joined([(np.arange(N_ROWS)[:, None], density)] * n)

    def smallest_eigenvalues(self, design, sequences):
        rows = self.Q[sequences] / np.sqrt(self.density(design)[sequences])[..., None]
        return np.linalg.eigvalsh(rows.mT @ rows / sequences.shape[1])[:, 0]


def joined(laws):
    """The law of independent sequences one after the other."""
    sequences, probabilities = np.zeros((1, 0), dtype=int), np.ones(1)
    for further, chances in laws:
        sequences = np.hstack([np.repeat(sequences, len(further), axis=0), np.tile(further, (len(sequences), 1))])
        probabilities = np.multiply.outer(probabilities, chances).ravel()
    return sequences, probabilities


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("design", [*OPTIMAL, "iid"])
def test_designs_follow_the_law_given_that_the_bound_is_met(rng, design, weighted):
    """And as many are drawn as the chance to meet it says."""
    pool = SmallPool(weighted)
    sequences, probabilities = pool.law(design)
    meets = pool.smallest_eigenvalues(design, sequences) >= BOUND
    chance = probabilities[meets].sum()
    assert 0.15 < chance < 0.9
    base = PoolDPPSampler(design).fit(pool.X, sample_weight=pool.mass if weighted else None)
    sampler = ConditionedSampler(base, delta=1.0 - BOUND)
    designs = [sampler.sample(SIZES.get(design, N), rng) for _ in range(2500)]
    draws = np.array([drawn.points for drawn in designs])
    assert p_value(draws, sequences[meets], probabilities[meets] / chance) > ACCEPTED
    assert all(drawn.conditioned for drawn in designs)
    n_drawn = np.array([drawn.n_drawn for drawn in designs])
    error = np.sqrt((1.0 - chance) / chance**2 / len(n_drawn))
    assert abs(n_drawn.mean() - 1.0 / chance) < norm.isf(ACCEPTED / 2) * error
    plain = np.array([base.sample(draws.shape[1], rng).indices for _ in range(2500)])
    assert p_value(plain, sequences[meets], probabilities[meets] / chance) < REJECTED


@pytest.mark.parametrize("design", OPTIMAL)
def test_the_error_given_that_the_bound_is_met_is_within_the_proved_factor(design):
    """1 + m / (n bound^2) over the chance to meet it, for the labels of the test and for the worst ones of many."""
    pool = SmallPool(weighted=True)
    sequences, probabilities = pool.law(design)
    meets = pool.smallest_eigenvalues(design, sequences) >= BOUND
    chance, rng = probabilities[meets].sum(), np.random.default_rng(0)
    factor = 1.0 + M / (sequences.shape[1] * BOUND**2) / chance
    for _ in range(50):
        pool.y = rng.normal(size=N_ROWS)
        weights = pool.mass / pool.density(design)
        least = pool.errors(pool.fits(np.arange(N_ROWS)[None], pool.mass))[0]
        errors = pool.errors(pool.fits(sequences[meets], weights))
        assert least < probabilities[meets] @ errors / chance <= factor * least


@pytest.mark.parametrize("design", ["dpp", "volume"])
def test_conditioning_takes_unbiasedness_away(design):
    pool = SmallPool(weighted=False)
    sequences, probabilities = pool.law(design)
    coefs = pool.fits(sequences, pool.mass / pool.density(design))
    np.testing.assert_allclose(probabilities @ coefs, pool.best, atol=1e-9)
    meets = pool.smallest_eigenvalues(design, sequences) >= BOUND
    biased = probabilities[meets] @ coefs[meets] / probabilities[meets].sum()
    assert np.abs(biased - pool.best).max() > 0.01


@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_mean_of_interpolants_is_unbiased_with_1_plus_m_over_r_times_the_least_error(r):
    pool = SmallPool(weighted=True)
    pairs, chances = pool.law("dpp")
    coefs = np.linalg.solve(pool.X[pairs], pool.y[pairs][..., None])[..., 0]
    numbers, probabilities = joined([(np.arange(len(pairs))[:, None], chances)] * r)
    means = coefs[numbers].mean(axis=1)
    np.testing.assert_allclose(probabilities @ means, pool.best, atol=1e-9)
    assert probabilities @ pool.errors(means) == pytest.approx((1.0 + M / r) * pool.least, rel=1e-9)


@pytest.mark.parametrize("mixing", [0.0, 0.5])
def test_repeated_volume_sampling_is_independent_draws_of_volume_sampling(rng, mixing):
    X, mass = np.array([[1.0], [-2.0], [0.5], [1.5]]), np.array([0.1, 0.3, 0.4, 0.2])
    Q = np.sqrt(mass)[:, None] * X
    Q /= np.linalg.norm(Q)
    density = (1.0 - mixing) * Q[:, 0] ** 2 + mixing * mass
    sampler = PoolDPPSampler("repeated_volume", n_samples=5, mixing=mixing, random_state=rng)
    sampler.fit(X, sample_weight=mass)
    draws = [sampler.sample() for _ in range(4000)]
    for draw in draws:
        np.testing.assert_array_equal(draw.block, [0, 0, 0, 1, 1])
        np.testing.assert_allclose(draw.weights, (mass / density)[draw.indices], rtol=1e-10)
    law = joined([rescaled_law(Q, mass, density, n) for n in (3, 2)])
    assert p_value(np.array([draw.indices for draw in draws]), *law) > ACCEPTED
    if mixing > 0.0:  # else one dimension has the same law as independent rows
        independent = joined([(np.arange(4)[:, None], density)] * 5)
        assert p_value(np.array([draw.indices for draw in draws]), *independent) < REJECTED


@pytest.mark.parametrize(("n", "sizes"), [(3, [3]), (11, [11]), (12, [6, 6]), (20, [7, 7, 6])])
def test_repeated_volume_sampling_has_blocks_of_about_2m(rng, n, sizes):
    X = rng.standard_t(3, size=(100, 3))
    indices, weights, block = PoolDPPSampler("repeated_volume", random_state=0).fit(X).sample(n)
    np.testing.assert_array_equal(block, np.repeat(np.arange(len(sizes)), sizes))
    np.testing.assert_allclose(weights, 3 / (100 * leverage_scores(X)[indices]), rtol=1e-12)


@pytest.fixture
def pool():
    rng = np.random.default_rng(0)
    X = rng.standard_t(2.5, size=(300, 4))
    return X, X @ [1.0, -2.0, 0.5, 0.0] + np.cos(X[:, 0]) + 0.1 * rng.normal(size=300)


@pytest.mark.parametrize("design", ["repeated_dpp", "volume", "iid"])
def test_a_design_of_a_pool_has_the_gram_matrix_of_its_rows(pool, rng, design):
    X, mass = pool[0], rng.gamma(2.0, size=300)
    design = ConditionedSampler(PoolDPPSampler(design).fit(X, sample_weight=mass), delta=0.999).sample("3m", rng)
    population = (mass[:, None] * X).T @ X / mass.sum()
    rows = X[design.points]
    sample = (design.weights[:, None] * rows).T @ rows / 12
    eigenvalues = np.linalg.eigvals(np.linalg.solve(population, sample)).real
    assert design.gram_lambda_min == pytest.approx(eigenvalues.min(), rel=1e-9)
    assert design.condition_number == pytest.approx(eigenvalues.max() / eigenvalues.min(), rel=1e-9)
    assert repr(design).startswith("Design(12 rows of a pool, m=4, gram_lambda_min=0.")


def test_the_first_draw_that_meets_the_bound_is_taken_and_the_best_of_some(pool):
    base = PoolDPPSampler().fit(pool[0])
    sampler = ConditionedSampler(base, delta=0.6)
    design = sampler.sample("2m", 11)
    (stream,) = spawn_generators(11, 1)
    draws = (base.sample("2m", stream).indices for _ in range(design.n_drawn))
    np.testing.assert_array_equal(design.points, list(draws)[-1])
    assert design.gram_lambda_min >= 0.4
    best = ConditionedSampler(base, delta=0.6, n_candidates=30).sample("2m", 11)
    assert best.gram_lambda_min >= design.gram_lambda_min
    assert best.n_drawn == 30
    thinned = ConditionedSampler(base, delta=0.6, subsample_to="m").sample("4m", 11)
    whole = ConditionedSampler(base, delta=0.6).sample("4m", 11)
    assert 4 <= len(thinned) < len(whole) == 16
    assert thinned.gram_lambda_min >= 0.4
    assert set(thinned.points) <= set(whole.points)


def test_a_bound_that_is_never_met_gives_the_best_design_and_a_warning(pool):
    base = PoolDPPSampler("christoffel").fit(pool[0])
    with pytest.warns(ConvergenceWarning, match=r"none of 12 designs of 8 points is within delta=0.01.*Ask for more"):
        design = ConditionedSampler(base, delta=0.01, max_draws=12).sample("2m", 0)
    assert (design.conditioned, design.n_drawn) == (False, 12)
    assert design.gram_lambda_min > 0.0


def test_random_states(pool):
    def points(sampler, **state):
        return ConditionedSampler(sampler, delta=0.6).sample("2m", **state).points

    fixed, free = PoolDPPSampler(random_state=5).fit(pool[0]), PoolDPPSampler().fit(pool[0])
    np.testing.assert_array_equal(points(fixed), points(fixed))
    np.testing.assert_array_equal(points(fixed), points(free, random_state=5))
    assert not np.array_equal(points(fixed), points(fixed, random_state=6))
    assert not np.array_equal(points(free), points(free))


def test_bad_samplers_and_sizes(pool):
    with pytest.raises(NotFittedError):
        ConditionedSampler(PoolDPPSampler()).sample("2m")
    with pytest.raises(ValueError, match="'base' parameter"):
        ConditionedSampler(PoolDPPSampler)
    base = PoolDPPSampler().fit(pool[0])
    with pytest.raises(ValueError, match="n_samples=3 is smaller than the dimension of the approximation space m=4"):
        ConditionedSampler(base).sample(3)
    with pytest.raises(ValueError, match="n_samples=3 is smaller than the dimension of the approximation space m=4"):
        ConditionedSampler(base, subsample_to=3).sample("4m", 0)
    assert len(ConditionedSampler(base).sample(0.1, 0)) == 30  # a share of the pool
    assert len(ConditionedSampler(PoolDPPSampler(n_samples="4m").fit(pool[0])).sample()) == 16


@pytest.mark.parametrize("design", [*OPTIMAL, "repeated_volume", "iid"])
def test_regression_draws_again_without_labels(pool, design):
    X, y = pool
    n = "m" if design == "dpp" else "3m"
    model = DPPLeastSquares(n, design=design, delta=0.9, fit_intercept=False, random_state=4)
    asked = []
    model.fit(X, lambda rows: asked.append(rows) or y[rows])
    drawn = ConditionedSampler(PoolDPPSampler(design).fit(X), delta=0.9).sample(n, 4)
    assert len(asked) == 1
    np.testing.assert_array_equal(np.unique(drawn.points), model.selected_indices_)
    np.testing.assert_array_equal(model.query(X), model.selected_indices_)
    assert model.lambda_min_ == pytest.approx(drawn.gram_lambda_min, rel=1e-9)
    assert model.lambda_min_ >= 0.1
    check = model.certificate_["designs drawn"]
    assert (check.statistic, check.holds, check.detail) == (drawn.n_drawn, None, "until one met the bound")
    factor = model.certificate_["expected error factor"]
    size = 4 if design == "dpp" else 12
    over = f"1 + {4 / size / 0.1**2:.3g} over the chance, which is not known, of a design to meet the bound"
    assert (factor.statistic, factor.detail) == (None, "none is proved" if design == "iid" else over)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_regression_names_the_bound(pool):
    X, y = pool
    model = DPPLeastSquares("6m", delta=0.7, random_state=0).fit(X, y)
    assert model.certificate_["smallest eigenvalue"].bound == pytest.approx(0.3)
    assert model.certificate_.holds
    with pytest.warns(ConvergenceWarning, match="none of 1000 designs of 10 points is within delta=0.1"):
        model.set_params(n_samples="2m", delta=0.1).fit(X, y)
    assert model.certificate_["smallest eigenvalue"].holds is False
    assert model.certificate_["expected error factor"].detail.startswith("none: this design is below the bound")
    assert model.certificate_["designs drawn"].detail.startswith("none of which met the bound")
    assert model.certificate_["designs drawn"].statistic == 1000
    entire = DPPLeastSquares(300, delta=0.1).fit(X, y)
    assert entire.certificate_["expected error factor"].statistic == 1.0
    assert "designs drawn" not in [check.name for check in entire.certificate_.checks]
    for delta in (0.0, 1.0, 2):
        with pytest.raises(ValueError, match="'delta' parameter"):
            DPPLeastSquares(delta=delta).fit(X, y)
