"""Draws from pools: laws by enumeration, the theory they must obey, weights, edges, scikit-learn's manners."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.stats import norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from statlearn.design._leverage import leverage_scores
from statlearn.design._pool import PLANS, PoolDPPSampler
from statlearn.design._pool_functions import projection_dpp_logpdf, sample_projection_dpp, volume_sample
from statlearn.exceptions import RankDeficientWarning

from .enumeration import dpp_law, inclusion, orthonormal, p_value, rescaled_law, subsets, volume_law

REJECTED, ACCEPTED = 1e-9, 1e-4  # p-values below which a wrong law must come, and above which a right one
ATOL = 1e-12
ALGORITHMS = ["chain", "rejection"]


def least_squares(X, y, weights):
    """Weighted least squares on many subsets of rows at once."""
    G = np.einsum("...n,...ni,...nj->...ij", weights, X, X)
    b = np.einsum("...n,...ni,...n->...i", weights, X, y)
    return np.linalg.solve(G, b[..., None])[..., 0]


def pool_error(X, y, coef):
    """Sums of squared errors over the pool, one per row of coefficients."""
    return np.sum((y - coef @ X.T) ** 2, axis=-1)


# The law of the process


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("n_rows", "m"), [(4, 1), (6, 2), (8, 3), (9, 8)])
def test_draws_follow_the_determinants(rng, n_rows, m, algorithm):
    Q = orthonormal(rng, n_rows, m)
    draws = np.sort(sample_projection_dpp(Q, 3000, algorithm, random_state=rng), axis=1)
    assert p_value(draws, *dpp_law(Q)) > ACCEPTED


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithms_agree_where_no_law_can_be_listed(rng, algorithm):
    """The number of rows drawn from a set A has mean tr K_A and variance tr K_A - tr K_A^2."""
    Q, n_draws = orthonormal(rng, 400, 150), 400
    kernel = Q[:200] @ Q[:200].T
    mean, variance = np.trace(kernel), np.trace(kernel) - np.sum(kernel**2)
    counts = np.sum(sample_projection_dpp(Q, n_draws, algorithm, random_state=rng) < 200, axis=1)
    z = (counts.mean() - mean) / np.sqrt(variance / n_draws)
    z_spread = (counts.var() / variance - 1.0) / np.sqrt(2.0 / n_draws)
    assert max(abs(z), abs(z_spread)) < norm.isf(ACCEPTED / 4)


def test_log_probabilities_are_those_of_the_determinants(rng):
    Q = orthonormal(rng, 7, 3)
    sets, probabilities = dpp_law(Q)
    np.testing.assert_allclose(np.exp(projection_dpp_logpdf(Q, sets)), probabilities, rtol=1e-10)
    np.testing.assert_allclose(np.exp(projection_dpp_logpdf(Q, sets[:, ::-1])), probabilities, rtol=1e-10)
    assert np.exp(projection_dpp_logpdf(Q, sets)).sum() == pytest.approx(1.0, abs=ATOL)
    assert projection_dpp_logpdf(Q, [1, 5, 1]) == -np.inf
    single = projection_dpp_logpdf(Q, sets[4])
    assert isinstance(single, float)
    assert single == pytest.approx(np.log(probabilities[4]))


def test_a_row_is_drawn_as_often_as_its_leverage_says(rng):
    Q = orthonormal(rng, 8, 3)
    sets = subsets(8, 3)
    np.testing.assert_allclose(
        inclusion(sets, np.exp(projection_dpp_logpdf(Q, sets)), 8), leverage_scores(Q), atol=ATOL
    )


def test_the_number_of_threads_changes_nothing(rng):
    for algorithm in ALGORITHMS:
        Q = orthonormal(rng, 60, 5)
        draws = [sample_projection_dpp(Q, 40, algorithm, n_jobs=n_jobs, random_state=7) for n_jobs in (None, 1, 2)]
        np.testing.assert_array_equal(draws[0], draws[1])
        np.testing.assert_array_equal(draws[0], draws[2])
        assert len(np.unique(np.sort(draws[0], axis=1), axis=0)) > 30


def test_small_pools_are_drawn_from_by_the_chain_and_large_ones_by_rejection(rng):
    for n_rows, algorithm in ((500, "chain"), (501, "rejection")):
        Q = orthonormal(rng, n_rows, 3)
        for other in ALGORITHMS:
            same = np.array_equal(
                sample_projection_dpp(Q, 5, random_state=0), sample_projection_dpp(Q, 5, other, random_state=0)
            )
            assert same == (other == algorithm)


# Edges


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rows_that_must_and_rows_that_cannot_be_drawn(rng, algorithm):
    X = np.column_stack([rng.normal(size=(40, 3)), np.zeros(40)])
    X[[4, 9]] = 0.0
    X[17, 3] = 1e-4  # determines the last column alone
    X[20:30] = X[30:40]
    sampler = PoolDPPSampler(n_samples="300m", algorithm=algorithm, random_state=rng).fit(X)
    indices, _, block = sampler.sample()
    draws = indices.reshape(300, 4)
    np.testing.assert_array_equal(block.reshape(300, 4)[:, 0], np.arange(300))
    assert (draws == 17).any(axis=1).all()
    assert not np.isin(draws, (4, 9)).any()
    identities = np.where((draws >= 20) & (draws < 30), draws + 10, draws)
    assert all(len(set(identity)) == 4 for identity in identities)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("m", [1, 2, 60])
def test_as_many_dimensions_as_rows(rng, m, algorithm):
    Q = np.linalg.qr(rng.normal(size=(m, m)))[0]
    for draw in sample_projection_dpp(Q, 3, algorithm, random_state=rng):
        np.testing.assert_array_equal(np.sort(draw), np.arange(m))
    assert sample_projection_dpp(Q, 0, algorithm).shape == (0, m)
    np.testing.assert_array_equal(np.sort(volume_sample(Q, m, random_state=rng)), np.arange(m))


# What the theory promises of the law that draws follow


@pytest.mark.parametrize("m", [1, 2, 3])
def test_interpolation_is_unbiased_and_its_error_is_m_plus_one_times_the_best(rng, m):
    X, y = rng.normal(size=(8, m)), rng.normal(size=8)
    Q = np.linalg.qr(X)[0]
    sets = subsets(8, m)
    probabilities = np.exp(projection_dpp_logpdf(Q, sets))
    coef = least_squares(X[sets], y[sets], np.ones(sets.shape))
    best = np.linalg.lstsq(X, y)[0]
    np.testing.assert_allclose(probabilities @ coef, best, rtol=1e-9, atol=1e-9)
    assert probabilities @ pool_error(X, y, coef) == pytest.approx((m + 1) * pool_error(X, y, best), rel=1e-9)


@pytest.mark.parametrize("k", [3, 4, 6, 8])
def test_volume_sampling_follows_its_law(rng, k):
    X = rng.normal(size=(8, 3)) * rng.gamma(0.7, size=(8, 1))
    sets, probabilities = volume_law(X, k)
    draws = np.array([volume_sample(X, k, random_state=rng) for _ in range(1500)])
    assert p_value(np.sort(draws, axis=1), sets, probabilities) > ACCEPTED
    leverage = leverage_scores(X)
    share = (k - 3) / (8 - 3)
    np.testing.assert_allclose(inclusion(sets, probabilities, 8), leverage + (1.0 - leverage) * share, atol=ATOL)
    for place in (0, k - 1):  # exchangeable order
        assert p_value(draws[:, [place]], np.arange(8)[:, None], inclusion(sets, probabilities, 8) / k) > ACCEPTED


def test_wrong_laws_are_found_out(rng):
    X = rng.normal(size=(8, 3)) * rng.gamma(0.7, size=(8, 1))
    draws = np.sort([volume_sample(X, 5, random_state=rng) for _ in range(1500)], axis=1)
    sets, probabilities = volume_law(X, 5)
    assert p_value(draws, sets, np.full(len(sets), 1.0 / len(sets))) < REJECTED
    assert p_value(draws, *volume_law(np.linalg.qr(X)[0] ** 2, 5)) < REJECTED
    assert p_value(draws, sets[::-1], probabilities) < REJECTED


def test_volume_sampling_is_unbiased_without_weights(rng):
    X, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    sets, probabilities = volume_law(X, 5)
    coef = least_squares(X[sets], y[sets], np.ones(sets.shape))
    np.testing.assert_allclose(probabilities @ coef, np.linalg.lstsq(X, y)[0], rtol=1e-10, atol=1e-10)
    inverses = np.einsum("s,sij->ij", probabilities, np.linalg.inv(X[sets].mT @ X[sets]))
    np.testing.assert_allclose(inverses, (8 - 3 + 1) / (5 - 3 + 1) * np.linalg.inv(X.T @ X), rtol=1e-9)


# Designs and their weights


def weight_of_rows(draw, n_rows):
    """The weight of each row that was drawn, having checked that there is one; NaN for others."""
    weights = np.full(n_rows, np.nan)
    weights[draw.indices] = draw.weights
    np.testing.assert_array_equal(weights[draw.indices], draw.weights)
    return weights


@pytest.mark.parametrize("mixing", [0.0, 0.3, 1.0])
def test_volume_rescaled_draws_are_unbiased_with_their_weights(rng, mixing):
    X, y, mass = rng.normal(size=(5, 2)), rng.normal(size=5), rng.dirichlet(np.full(5, 5.0))
    X /= np.linalg.norm(X, axis=1, keepdims=True)  # no row so rare that it would not be drawn
    Q = np.linalg.qr(np.sqrt(mass)[:, None] * X)[0]
    density = (1.0 - mixing) * np.sum(Q**2, axis=1) / 2 + mixing * mass
    sequences, probabilities = rescaled_law(Q, mass, density, 3)
    sampler = PoolDPPSampler("volume", n_samples=3, mixing=mixing, random_state=rng).fit(X, sample_weight=3.0 * mass)
    draws = [sampler.sample() for _ in range(3000)]
    assert p_value(np.array([draw.indices for draw in draws]), sequences, probabilities) > ACCEPTED
    assert not np.concatenate([draw.block for draw in draws]).any()

    weights = weight_of_rows(sampler.sample(n_samples=500), 5)
    np.testing.assert_allclose(weights, mass / density, rtol=1e-10)
    possible = probabilities > 1e-14
    sequences, probabilities = sequences[possible], probabilities[possible]
    coef = least_squares(X[sequences], y[sequences], weights[sequences])
    best = least_squares(X, y, mass)
    np.testing.assert_allclose(probabilities @ coef, best, rtol=1e-8, atol=1e-8)
    errors = (y - coef @ X.T) ** 2 @ mass
    assert probabilities @ errors <= (2 + 1) * (y - X @ best) ** 2 @ mass + ATOL


def test_the_inverse_gram_matrix_of_rescaled_draws_is_below_that_of_a_continuous_measure(rng):
    Q, n = orthonormal(rng, 5, 2), 4
    leverage = np.sum(Q**2, axis=1)
    sequences, probabilities = rescaled_law(Q, np.full(5, 0.2), leverage / 2, n)
    possible = probabilities > 1e-14
    rows = np.sqrt(2.0 / leverage)[:, None] * Q
    G = rows[sequences[possible]].mT @ rows[sequences[possible]] / n
    excess = np.eye(2) * n / (n - 2 + 1) - np.einsum("s,sij->ij", probabilities[possible], np.linalg.inv(G))
    assert np.linalg.eigvalsh(excess)[0] > 0.0


@pytest.mark.parametrize("design", sorted(PLANS))
@pytest.mark.parametrize("weighted", [False, True])
def test_weighted_sums_over_drawn_rows_estimate_means_over_the_pool(rng, design, weighted):
    """Marginals, weights and blocks of each design: P(row) times weight is the mass of the row."""
    X = rng.normal(size=(6, 2)) * rng.gamma(0.7, size=(6, 1))
    s = rng.integers(1, 5, size=6) if weighted else np.ones(6)
    mass = s / s.sum()
    leverage = leverage_scores(X, s)
    density = mass if design == "iid" else leverage / 2
    n = 2 if design == "dpp" else 5
    sampler = PoolDPPSampler(design, n_samples=n, random_state=rng).fit(X, sample_weight=s if weighted else None)
    np.testing.assert_allclose(sampler.leverage_scores_, leverage, atol=ATOL)
    draws = [sampler.sample() for _ in range(2000)]
    blocks = {"repeated_dpp": [0, 0, 1, 1, -1], "dpp": [0, 0], "volume": [0] * 5, "repeated_volume": [0] * 5}
    for draw in draws:
        np.testing.assert_array_equal(draw.block, blocks.get(design, [-1] * 5))
        np.testing.assert_allclose(draw.weights, (mass / density)[draw.indices], rtol=1e-10)
    for place in range(n):
        indices = np.array([draw.indices[[place]] for draw in draws])
        assert p_value(indices, np.arange(6)[:, None], density) > ACCEPTED


def test_equal_masses_give_the_weights_of_the_paper(rng):
    X = rng.normal(size=(50, 4))
    sampler = PoolDPPSampler(random_state=0).fit(X)
    indices, weights, block = sampler.sample()
    np.testing.assert_allclose(weights, 4 / (50 * leverage_scores(X)[indices]), rtol=1e-12)
    assert len(indices) == 8
    np.testing.assert_array_equal(PoolDPPSampler("iid", random_state=0).fit(X).sample().weights, np.ones(8))
    mixed = PoolDPPSampler("christoffel", n_samples=1.0, mixing=0.25, random_state=0).fit(X).sample()
    np.testing.assert_allclose(
        mixed.weights, 1 / (0.75 * leverage_scores(X)[mixed.indices] * 50 / 4 + 0.25), rtol=1e-12
    )
    assert mixed.weights.max() < 4.0


def test_blocks_of_repeated_draws_each_follow_the_determinants(rng):
    X = rng.normal(size=(7, 3)) * rng.gamma(0.7, size=(7, 1))
    indices, _, block = PoolDPPSampler(n_samples=3 * 3000 + 2, random_state=rng).fit(X).sample()
    np.testing.assert_array_equal(block, [*np.repeat(np.arange(3000), 3), -1, -1])
    draws = np.sort(indices[:-2].reshape(3000, 3), axis=1)
    assert p_value(draws, *dpp_law(np.linalg.qr(X)[0])) > ACCEPTED
    assert p_value(np.hstack([draws[::2, :1], draws[1::2, :1]]), *pairs(draws[:, 0])) > ACCEPTED


def pairs(values):
    """The law of two independent draws from the values."""
    found, counts = np.unique(values, return_counts=True)
    outcomes = np.array([(a, b) for a in found for b in found])
    return outcomes, np.multiply.outer(counts, counts).ravel() / len(values) ** 2


def test_repeated_draws_fitted_without_weights_have_the_wrong_limit(rng):
    X = rng.normal(size=(30, 2)) * rng.gamma(2.0, size=(30, 1))
    y = X[:, 0] * np.linalg.norm(X, axis=1)
    indices, weights, _ = PoolDPPSampler(n_samples="20000m", random_state=rng).fit(X).sample()
    best, wrong = least_squares(X, y, np.ones(30)), least_squares(X, y, leverage_scores(X))
    with_weights = least_squares(X[indices], y[indices], weights)
    without = least_squares(X[indices], y[indices], np.ones(len(indices)))
    apart = np.linalg.norm(best - wrong)
    assert np.linalg.norm(with_weights - best) < 0.1 * apart
    assert np.linalg.norm(without - wrong) < 0.1 * apart


def test_draws_keep_to_the_seed_and_larger_ones_begin_with_smaller_ones(rng):
    X = rng.normal(size=(2000, 4))
    sampler = PoolDPPSampler(random_state=5).fit(X)
    first = sampler.sample("3m")
    for again in (sampler.sample("3m"), clone(sampler).fit(X).sample("3m"), sampler.sample("3m", random_state=5)):
        np.testing.assert_array_equal(again.indices, first.indices)
    np.testing.assert_array_equal(sampler.sample("5m").indices[:12], first.indices)
    assert not np.array_equal(sampler.sample("3m", random_state=6).indices, first.indices)
    advancing = PoolDPPSampler(random_state=np.random.default_rng(5)).fit(X)
    assert not np.array_equal(advancing.sample().indices, advancing.sample().indices)


def test_a_column_space_of_fewer_dimensions(rng):
    base = rng.normal(size=(30, 2))
    with pytest.warns(RankDeficientWarning, match="m=2"):
        sampler = PoolDPPSampler(random_state=0).fit(np.column_stack([base, base.sum(axis=1)]))
    assert sampler.rank_ == 2
    assert len(sampler.sample().indices) == 4
    np.testing.assert_array_equal(sampler.sample().indices, PoolDPPSampler(random_state=0).fit(base).sample().indices)
    with pytest.warns(RankDeficientWarning):
        assert len(volume_sample(np.column_stack([base, base]), 5)) == 5


# Containers, scikit-learn's manners, bad input


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_containers_give_the_same_draws(rng, algorithm):
    X = rng.normal(size=(60, 4)) * (rng.random((60, 4)) < 0.5)
    sampler = PoolDPPSampler(algorithm=algorithm, random_state=0)
    expected = sampler.fit(X).sample()
    for container in (csr_array(X), np.asfortranarray(X), pd.DataFrame(X, columns=list("abcd"))):
        np.testing.assert_array_equal(clone(sampler).fit(container).sample().indices, expected.indices)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sampler)).sample().indices, expected.indices)
    assert list(sampler.fit(pd.DataFrame(X, columns=list("abcd"))).feature_names_in_) == list("abcd")


def test_memory_maps_stay_where_they_are(rng, tmp_path):
    X = np.memmap(tmp_path / "pool", dtype=np.float64, mode="w+", shape=(3000, 5))
    X[:] = rng.normal(size=X.shape)
    sampler = PoolDPPSampler(random_state=0).fit(X)
    assert np.shares_memory(sampler._pool.rows.X, X)
    np.testing.assert_array_equal(
        sampler.sample().indices, PoolDPPSampler(random_state=0).fit(np.array(X)).sample().indices
    )


def test_the_certificate_is_of_the_coordinates(rng):
    sampler = PoolDPPSampler().fit(rng.normal(size=(50, 4)))
    assert sampler.certificate_
    assert sampler.certificate_["orthonormality"].statistic < 1e-13
    assert sampler.certificate_["largest leverage"].statistic == sampler.leverage_scores_.max()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 3}, "n_samples=3 is smaller than the dimension of the approximation space m=4"),
        ({"n_samples": 0.01}, "smaller than the dimension"),
        ({"n_samples": "many"}, "no multiple of the dimension"),
        ({"n_samples": 0}, "'n_samples' parameter"),
        ({"design": "dpp", "n_samples": 5}, "design='dpp' draws exactly m=4 rows. Got n_samples=5"),
        ({"design": "best"}, "'design' parameter"),
        ({"mixing": 0.5}, "mixing=0.5 has no use for design='repeated_dpp'"),
        ({"design": "volume", "mixing": 1.5}, "'mixing' parameter"),
        ({"algorithm": "fast"}, "'algorithm' parameter"),
    ],
)
def test_bad_parameters(rng, parameters, message):
    X = rng.normal(size=(30, 4))
    sampler = PoolDPPSampler().fit(X)
    before = sampler.leverage_scores_
    with pytest.raises(ValueError, match=message):
        sampler.set_params(**parameters).fit(2.0 * X[::-1])
    assert sampler.leverage_scores_ is before


def test_bad_data(rng):
    with pytest.raises(ValueError, match="contains NaN"):
        PoolDPPSampler().fit([[1.0], [np.nan]])
    with pytest.raises(NotFittedError):
        PoolDPPSampler().sample()
    X = rng.normal(size=(6, 2))
    for k in (1, 7):
        with pytest.raises(ValueError, match=f"k={k} must be between the rank m=2 of X and its number of rows, 6"):
            volume_sample(X, k)
    with pytest.raises(ValueError, match="columns of Q must be orthonormal.*differs from the identity by"):
        sample_projection_dpp(X)
    with pytest.raises(ValueError, match="columns of Q must be orthonormal"):
        projection_dpp_logpdf(X, [0, 1])
    Q = np.linalg.qr(X)[0]
    for indices in ([0, 1, 2], [0.0, 1.0], [[[0, 1]]]):
        with pytest.raises(ValueError, match=r"integers of shape \(2,\) or \(n_sets, 2\)"):
            projection_dpp_logpdf(Q, indices)
    for indices in ([0, 6], [-1, 2]):
        with pytest.raises(ValueError, match="between 0 and 5"):
            projection_dpp_logpdf(Q, indices)
