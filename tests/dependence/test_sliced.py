"""The sliced engine: within its own stated error, and that error not a guess."""

import time

import numpy as np
import pytest

from statlearn.dependence import (
    DistanceCovariancePenalty,
    SlicedDistance,
    distance_correlation,
    distance_covariance,
    joint_distance_covariance,
)

from .oracles import Oracle, Pairs, distances, tied, weights

every_version = pytest.mark.parametrize("unbiased", [True, False], ids=["U", "V"])


def sliced(n_directions, random_state=None, **options):
    return DistanceCovariancePenalty(method=SlicedDistance(n_directions, random_state=random_state), **options)


def error_of_one_relative(f, S, unbiased):
    """By how much the value moves at most when every distance moves by up to its own size."""
    pairs = Pairs(len(f), unbiased=unbiased)
    return pairs.mean(np.abs(pairs.centered(np.abs(np.subtract.outer(f, f)))) * distances(S))


@every_version
@pytest.mark.parametrize("n_directions", [1, 2, 3, 4, 7, 16, 33])
def test_the_plane_has_a_proved_bound(rng, n_directions, unbiased):
    """Every distance is within the stated error, and so is the value; no distance is so for a smaller statement."""
    n = 60
    S, f = rng.normal(size=(n, 2)), rng.normal(size=n)
    penalty = sliced(n_directions, unbiased=unbiased).fit([S])
    oracle = Oracle("dcov", [S], unbiased=unbiased)
    assert penalty.method_ == "sliced"
    error = abs(penalty.value(f) - oracle.value(f))
    assert error <= penalty.relative_error_ * error_of_one_relative(f, S, unbiased) + 1e-13
    assert 0 < penalty.relative_error_ <= 1 / n_directions**2


@pytest.mark.parametrize("n_directions", [1, 2, 3, 4, 7, 16])
def test_the_bound_of_the_plane_is_met(rng, n_directions):
    """Of two rows at all angles, the worst distance is off by what is stated: a quarter of it is their V-covariance."""
    halfway = np.arange(2 * n_directions) * np.pi / (2 * n_directions)  # the directions, and between them
    angles = np.concatenate([halfway, rng.uniform(0, np.pi, 20)])
    penalty = sliced(n_directions, unbiased=False)
    values = np.array([penalty.fit([[[0.0, 0.0], [np.cos(a), np.sin(a)]]]).value([0.0, 1.0]) for a in angles])
    worst = np.abs(values / 0.25 - 1).max()
    assert worst <= penalty.relative_error_ * (1 + 1e-12) + 1e-15
    assert worst >= penalty.relative_error_ * (1 - 1e-12)


@pytest.mark.parametrize("p", [3, 6])
def test_stated_standard_error_of_a_distance(p, seed):
    """Over draws of the directions, a distance has the mean and the standard deviation that are stated."""
    n_directions, n_draws = 30, 400
    pair = np.zeros((2, p))
    pair[1] = np.arange(1, p + 1)
    exact = 0.25 * np.linalg.norm(pair[1])
    ratios = []
    for draw in range(n_draws):
        penalty = sliced(n_directions, random_state=1000 * seed + draw, unbiased=False).fit([pair])
        ratios.append(penalty.value([0.0, 1.0]) / exact - 1)
    stated = penalty.relative_error_
    assert abs(np.mean(ratios)) <= 5 * stated / np.sqrt(n_draws)
    # the standard deviation of a sample deviation of a nearly normal variable is 1 / sqrt(2 n) of it
    assert np.std(ratios) / stated == pytest.approx(1, abs=5 / np.sqrt(2 * n_draws))


@every_version
@pytest.mark.parametrize("p", [3, 5])
def test_values_in_space_are_within_their_error(rng, p, unbiased, seed):
    """Unbiased over draws of the directions, and rarely off by more than the stated error of all distances at once."""
    n, n_draws = 50, 60
    S = rng.normal(size=(n, p))
    f = S[:, 0] + rng.normal(size=n)
    exact = Oracle("dcov", [S], unbiased=unbiased).value(f)
    unit = error_of_one_relative(f, S, unbiased)
    errors = []
    for draw in range(n_draws):
        penalty = sliced(50, random_state=1000 * seed + draw, unbiased=unbiased).fit([S])
        errors.append((penalty.value(f) - exact) / unit)
        assert abs(errors[-1]) <= 5 * penalty.relative_error_
    assert np.sqrt(np.mean(np.square(errors))) <= penalty.relative_error_  # Minkowski's inequality, loose
    assert abs(np.mean(errors)) <= 5 * np.std(errors) / np.sqrt(n_draws)


@every_version
def test_gradient_is_that_of_the_value(rng, unbiased):
    n = 30
    S, f, w = rng.normal(size=(n, 3)), tied(rng, n), weights(rng, n, "fractional")
    penalty = sliced(20, random_state=0, unbiased=unbiased).fit([S], sample_weight=w)
    value, gradient = penalty.value_and_grad(f)
    assert f @ gradient == pytest.approx(value, rel=1e-10)
    directions = SlicedDistance(20, random_state=0)._directions(3)
    kernel = sum(distances(S @ u) for u in directions) * 2 / 20  # c_3 = 2
    oracle = Oracle("dcov", [S], unbiased=unbiased, weight=w)
    oracle.kernel = kernel
    assert value == pytest.approx(oracle.value(f), rel=1e-10)
    np.testing.assert_allclose(gradient, oracle.gradient(f), rtol=0, atol=1e-12)


def test_draws_are_those_of_the_seed(rng):
    S, f = rng.normal(size=(40, 4)), rng.normal(size=40)
    values = [sliced(10, random_state=state).fit([S]).value(f) for state in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_the_word_is_the_default_object(rng):
    S, f = rng.normal(size=(40, 2)), rng.normal(size=40)
    word = DistanceCovariancePenalty("dcov", method="sliced").fit([S])
    assert word.value(f) == DistanceCovariancePenalty("dcov", method=SlicedDistance()).fit([S]).value(f)


def test_functions_take_slices(rng):
    n = 300
    S = rng.normal(size=(n, 2))
    f = S[:, 0] + rng.normal(size=n)
    method = SlicedDistance(60)
    assert distance_covariance(f, S, method=method) == pytest.approx(distance_covariance(f, S), rel=1e-3)
    assert distance_correlation(f, S, method=method) == pytest.approx(distance_correlation(f, S), rel=1e-3)


def test_measures_with_slices(rng):
    """Concatenation and sum are slices of their blocks; products of the joint measure are not."""
    n = 200
    blocks = [rng.normal(size=(n, 2)), rng.normal(size=n)]
    f = blocks[0][:, 0] * blocks[1] + rng.normal(size=n)
    for measure, rtol in [("sum", 1e-3), ("ccdcov", 0.05)]:
        exact = DistanceCovariancePenalty(measure, unbiased=False).fit(blocks).value(f)
        approximate = DistanceCovariancePenalty(measure, unbiased=False, method=SlicedDistance(500, random_state=0))
        assert approximate.fit(blocks).value(f) == pytest.approx(exact, rel=rtol)
    with pytest.raises(ValueError, match="method='sliced' approximates.*use method='auto'"):
        DistanceCovariancePenalty("jdcov", method="sliced").fit(blocks)
    with pytest.raises(ValueError, match="method='sliced' approximates.*use method='auto'"):
        joint_distance_covariance(f, *blocks, method="sliced")


@pytest.mark.parametrize("n_directions", [0, -3, 2.5, "many"])
def test_numbers_of_directions_that_are_refused(n_directions):
    with pytest.raises(ValueError, match="'n_directions' parameter"):
        SlicedDistance(n_directions)


def test_the_scale_free_form_is_sliced_as_well(rng):
    """Nothing of n squared, the variance of the attributes included: all pairs of 60,000 rows take many seconds."""
    n = 60_000
    S = rng.normal(size=(n, 2))
    f = S[:, 0] + rng.normal(size=n)
    method = SlicedDistance(8)
    distance_correlation(f[:100], S[:100], method=method)  # compiles
    started = time.process_time()
    correlation = distance_correlation(f, S, method=method)
    penalty = DistanceCovariancePenalty("dcov", normalize="dcor", method=method).fit([S])
    assert time.process_time() - started < 4
    assert penalty.value(f) == pytest.approx(correlation, rel=1e-10)
    assert penalty.distance_correlation(f) == penalty.value(f)
    assert correlation == pytest.approx(distance_correlation(f[:4000], S[:4000]), rel=0.2)
