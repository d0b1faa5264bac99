"""Rules for bandwidths: scipy's, the plug-in equation term by term, leave-one-out score matching term by term."""

import math

import numpy as np
import pytest
from scipy.special import eval_hermitenorm
from scipy.stats import gaussian_kde, norm

from statlearn.debias import _bandwidths
from statlearn.debias._bandwidths import (
    CANDIDATES,
    effective_size,
    isj_bandwidth,
    score_matching_bandwidth,
    scott_bandwidth,
    silverman_bandwidth,
)
from statlearn.debias._scores import KDEScore


def trimodal(rng, n):
    component = rng.choice(3, n, p=[0.22, 0.43, 0.35])
    return np.array([-2.2, -0.3, 1.9])[component] + 0.35 * rng.normal(size=n)


# --- number of observations -------------------------------------------------------------------------------------------


def test_effective_size_without_weights_is_the_number_of_values():
    assert effective_size(None, 17) == 17.0
    assert effective_size(np.ones(17), 17) == 17.0


def test_halves_of_observations_count_as_halves():
    assert effective_size(np.full(34, 0.5), 34) == 17.0


def test_large_weights_do_not_count_as_more_observations():
    assert effective_size(np.full(17, 1e6), 17) == pytest.approx(17.0, rel=1e-12)
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    assert effective_size(weights, 4) == pytest.approx(100.0 / 30.0, rel=1e-14)


def test_weights_that_sum_to_one_are_refused():
    with pytest.raises(ValueError, match=r"worth at least 2 observations.*multiply weights that sum to 1 by n_samples"):
        effective_size(np.full(50, 0.02), 50)


# --- rules of thumb ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "rule"), [("scott", scott_bandwidth), ("silverman", silverman_bandwidth)])
@pytest.mark.parametrize("weighted", [False, True])
def test_rules_of_thumb_are_those_of_scipy(rng, name, rule, weighted):
    values, weights = rng.normal(size=50), 1.0 + rng.random(50) if weighted else None
    expected = float(np.sqrt(gaussian_kde(values, name, weights).covariance[0, 0]))
    score = KDEScore(name).fit(values, weights)
    assert score.bandwidth_ == pytest.approx(expected, rel=1e-12)
    assert rule(1.0, 32.0) == pytest.approx({"scott": 0.5, "silverman": 24.0**-0.2}[name], rel=1e-15)


# --- improved Sheather-Jones ------------------------------------------------------------------------------------------


def squared_norm(order, bandwidth, values):
    """Squared norm of a derivative of the kernel estimate, as a double sum over the values."""
    width = math.sqrt(2.0) * bandwidth
    z = (values[:, None] - values) / width
    terms = eval_hermitenorm(2 * order, z) * norm.pdf(z) / width ** (2 * order + 1)
    return (-1) ** order * terms.mean()


def test_isj_solves_the_plug_in_equation(rng):
    values = np.concatenate([rng.normal(size=100), 8.0 + 2.0 * rng.normal(size=60)])
    n = values.size
    bandwidth = isj_bandwidth(values, None, n)
    norm_of_next = squared_norm(7, bandwidth, values)
    for s in range(6, 1, -1):
        odd = math.prod(range(1, 2 * s, 2)) / math.sqrt(2.0 * math.pi)
        time = ((1.0 + 0.5 ** (s + 0.5)) / 3.0 * 2.0 * odd / (n * norm_of_next)) ** (2.0 / (3.0 + 2.0 * s))
        norm_of_next = squared_norm(s, math.sqrt(time), values)
    assert math.sqrt((2.0 * n * math.sqrt(math.pi) * norm_of_next) ** -0.4) == pytest.approx(bandwidth, rel=5e-3)


def test_isj_of_a_gaussian_is_near_the_best_one(rng):
    values = rng.normal(size=20_000)
    assert isj_bandwidth(values, None, 20_000) == pytest.approx((4.0 / 3.0 / 20_000) ** 0.2, rel=0.1)


def test_isj_does_not_take_modes_for_spread(rng):
    values = trimodal(rng, 5000)
    assert isj_bandwidth(values, None, 5000) < 0.5 * silverman_bandwidth(values.std(), 5000)


def test_isj_counts_weights_as_repetitions(rng):
    values, weights = rng.normal(size=500), rng.integers(1, 4, size=500)
    repeated = np.repeat(values, weights)
    found = isj_bandwidth(values, weights.astype(np.float64), repeated.size)
    assert found == pytest.approx(isj_bandwidth(repeated, None, repeated.size), rel=1e-9)


def test_isj_without_a_root_is_an_error():
    with pytest.raises(ValueError, match='"isj" found no bandwidth.*Use "auto" or "silverman"'):
        isj_bandwidth(np.array([0.0, 1.0]), None, 2.0)


# --- score matching ---------------------------------------------------------------------------------------------------


def leave_one_out_loss(values, bandwidth, shrink=1.0):
    """The criterion with its weight, value by value."""
    mean = values.mean()
    losses = []
    quantiles = np.quantile(values, np.ravel(_bandwidths.TAPER), method="inverted_cdf")
    rise, rise_slope = _bandwidths._taper(values, *quantiles[:2])
    fall, fall_slope = _bandwidths._taper(values, *quantiles[2:])
    for i, value in enumerate(values):
        z = (value - mean - shrink * (np.delete(values, i) - mean)) / bandwidth
        kernels = np.exp(-0.5 * z * z)
        score = -(z @ kernels) / kernels.sum() / bandwidth
        slope = ((z**2 - 1.0) @ kernels) / kernels.sum() / bandwidth**2 - score**2
        weight, weight_slope = rise[i] * fall[i], rise_slope[i] * fall[i] + rise[i] * fall_slope[i]
        losses.append(weight * (score**2 + 2.0 * slope) + 2.0 * weight_slope * score)
    return float(np.mean(losses))


@pytest.mark.parametrize("variance_preserving", [False, True])
def test_the_criterion_on_the_grid_is_leave_one_out(rng, variance_preserving):
    values = rng.normal(size=300)
    mean, deviation = values.mean(), values.std(ddof=1)
    criterion = _bandwidths._ScoreMatching(values, None, mean, deviation, 300.0, variance_preserving, 0.1, 0.9)
    for bandwidth in (0.3, 0.5, 0.8):
        shrink = math.sqrt(1.0 - (bandwidth / deviation) ** 2) if variance_preserving else 1.0
        expected = leave_one_out_loss(values, bandwidth, shrink)
        assert criterion(bandwidth) == pytest.approx(expected, rel=5e-3, abs=5e-3)


def test_the_criterion_is_the_squared_error_up_to_a_constant(rng):
    values = rng.normal(size=40_000)
    deviation = values.std(ddof=1)
    criterion = _bandwidths._ScoreMatching(values, None, values.mean(), deviation, 40_000.0, False, 0.1, 1.0)
    bandwidths = (0.15, 0.3, 0.6)
    errors = []
    for bandwidth in bandwidths:
        score = KDEScore(bandwidth, variance_preserving=False).fit(values).score_function(values)
        errors.append(np.average((score + values) ** 2, weights=(np.abs(values) < 2.7)))
    losses = [criterion(bandwidth) for bandwidth in bandwidths]
    np.testing.assert_allclose(np.diff(losses), np.diff(errors), atol=0.03)


def test_a_value_without_neighbors_sees_the_nearest_kernel():
    values = np.concatenate([np.linspace(0.0, 1.0, 200), [1.4], np.linspace(2.0, 3.0, 200)])
    criterion = _bandwidths._ScoreMatching(values, None, 1.5, 1.0, float(values.size), False, 0.01, 0.5)
    for bandwidth in (0.02, 0.03):
        assert criterion(bandwidth) == pytest.approx(leave_one_out_loss(values, bandwidth), rel=0.02)


def test_outliers_without_a_grid_are_an_error():
    values = np.concatenate([np.linspace(0.0, 1.0, 500_000), [1e6]])
    with pytest.raises(ValueError, match=r'"cv" finds no grid for 500001 values that span 707\.108 .*Use "isj"'):
        KDEScore("cv").fit(values)


def test_what_is_left_out_is_an_observation(rng):
    values, weights = np.array([0.0, 1.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.5, 0.5, 3.0, 0.25])
    criterion = _bandwidths._ScoreMatching(values, weights, 1.5, 1.0, 5.0, False, 0.1, 0.5)
    np.testing.assert_allclose(criterion.left_out * weights.sum(), [1.0, 1.0, 3.0, 0.25], rtol=1e-12)


def test_score_matching_is_wide_for_gaussians_and_narrow_for_modes(rng):
    n = 3000
    chosen = {}
    for name, values in (("gaussian", rng.normal(size=n)), ("modes", trimodal(rng, n))):
        mean, deviation = values.mean(), values.std(ddof=1)
        chosen[name] = score_matching_bandwidth(values, None, mean, deviation, n, True) / scott_bandwidth(deviation, n)
    assert CANDIDATES[0] < chosen["modes"] < 0.7
    assert 1.0 < chosen["gaussian"] <= CANDIDATES[1]


def test_score_matching_counts_halves_of_observations(rng):
    values = rng.gamma(2.0, size=400)
    one = KDEScore("cv").fit(values)
    two = KDEScore("cv").fit(np.repeat(values, 2), np.full(800, 0.5))
    assert two.bandwidth_ == pytest.approx(one.bandwidth_, rel=1e-9)


def test_score_matching_knows_no_unit(rng):
    values = rng.gamma(2.0, size=400)
    one = KDEScore("cv").fit(values).bandwidth_
    assert KDEScore("cv").fit(1e6 - 1e-3 * values).bandwidth_ == pytest.approx(1e-3 * one, rel=0.2)


def test_score_matching_excels_over_scott_where_there_are_modes(rng):
    values, points = trimodal(rng, 2000), trimodal(rng, 5000)
    shares, means = np.array([0.22, 0.43, 0.35]), np.array([-2.2, -0.3, 1.9])
    kernels = shares * norm.pdf(points[:, None], means, 0.35)
    truth = np.sum(kernels * (means - points[:, None]), axis=1) / kernels.sum(axis=1) / 0.35**2
    errors = {}
    for rule in ("scott", "isj", "cv"):
        errors[rule] = np.median(np.abs(KDEScore(rule).fit(values).score_function(points) - truth))
    assert max(errors["cv"], errors["isj"]) < 0.6 * errors["scott"]


def test_the_default_is_the_plug_in_within_a_fifth_and_all_of_scotts_rule(rng):
    modes = rng.choice([-3.0, 3.0], size=2000) + rng.normal(size=2000)
    default, isj, scott = (KDEScore(rule).fit(modes).bandwidth_ for rule in ("auto", "isj", "scott"))
    assert 0.2 * scott < default == isj < scott
    assert KDEScore().bandwidth == "auto"


def test_ties_do_not_make_the_default_collapse(rng):
    tied = np.repeat(rng.normal(size=400), 3)
    assert KDEScore().fit(tied).bandwidth_ == KDEScore("scott").fit(tied).bandwidth_
    assert KDEScore("isj").fit(tied).bandwidth_ < 0.2 * KDEScore().fit(tied).bandwidth_


def test_the_default_has_a_bandwidth_where_the_plug_in_has_none():
    even = np.arange(30.0)
    with pytest.raises(ValueError, match='"isj" found no bandwidth'):
        KDEScore("isj").fit(even)
    assert KDEScore().fit(even).bandwidth_ == KDEScore("scott").fit(even).bandwidth_
