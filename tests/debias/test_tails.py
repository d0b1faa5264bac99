"""Scores beyond the bulk of a sample: lines of the local slope, held values, or the estimate itself."""

import numpy as np
import pytest

from statlearn.debias._scores import FunctionScore, GaussianMixtureScore, KDEScore
from statlearn.debias._tails import BULK, TAILS, ScoreTails, bulk_windows, fit_tails

METHODS = ("score_function", "score_derivative", "log_density")


@pytest.fixture
def sample(rng):
    return rng.normal(size=3000)


@pytest.fixture
def score(sample):
    return KDEScore().fit(sample)


@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("method", METHODS)
def test_the_bulk_is_left_alone(sample, score, tails, method):
    points = np.linspace(*np.quantile(sample, [0.006, 0.994]), 50)
    found = getattr(fit_tails(score, sample, tails=tails), method)(points)
    np.testing.assert_array_equal(found, getattr(score, method)(points))


@pytest.mark.parametrize("method", METHODS)
def test_no_tails_are_those_of_the_estimate(sample, score, method):
    points = np.linspace(-9.0, 9.0, 30)
    tails = fit_tails(score, sample, tails="none")
    np.testing.assert_array_equal(getattr(tails, method)(points), getattr(score, method)(points))
    assert not tails.outside(points).any()


def test_ends_are_quantiles(sample, score):
    ends = fit_tails(score, sample).ends
    assert np.mean(sample < ends[0]) == pytest.approx(BULK[0], abs=1e-3)
    assert np.mean(sample > ends[1]) == pytest.approx(1.0 - BULK[1], abs=1e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_both_ends_cut_alike(rng, weighted):
    sample = np.sort(rng.normal(size=200))
    weights = rng.integers(1, 4, size=200).astype(np.float64) if weighted else None
    windows = bulk_windows(sample, weights)
    np.testing.assert_array_equal(windows, -bulk_windows(-sample, weights)[::-1, ::-1])
    if not weighted:  # one of 200 is half a percent, and belongs to the bulk at either end
        np.testing.assert_array_equal([windows[0, 0], windows[1, 1]], sample[[0, -1]])


def test_ends_count_weights_as_repetitions(sample, score, rng):
    weights = rng.integers(1, 4, size=sample.size)
    found = fit_tails(score, sample, weights.astype(np.float64))
    np.testing.assert_array_equal(found.ends, fit_tails(score, np.repeat(sample, weights)).ends)


def test_lines_have_the_least_squares_slope(sample, score):
    tails = fit_tails(score, sample)
    inner = bulk_windows(sample)[[0, 1], [1, 0]]
    for side, sign in ((0, -1.0), (1, 1.0)):
        window = np.linspace(*np.sort([tails.ends[side], inner[side]]), 64)
        slope = np.polyfit(window, score.score_function(window), 1)[0]
        assert tails.slopes[side] == pytest.approx(slope, rel=1e-9)
        far = tails.ends[side] + sign * np.array([0.5, 1.0, 7.0])
        expected = score.score_function(tails.ends[side]) + slope * (far - tails.ends[side])
        np.testing.assert_allclose(tails.score_function(far), expected, rtol=1e-9)
        np.testing.assert_allclose(tails.score_derivative(far), slope, rtol=1e-9)


@pytest.mark.parametrize("tails", ["linear", "clip"])
def test_scores_are_continuous_and_derivatives_of_the_density(sample, score, tails):
    continued = fit_tails(score, sample, tails=tails)
    for end in continued.ends:
        around = continued.score_function(end + np.array([-1e-9, 1e-9]))
        assert around[0] == pytest.approx(around[1], abs=1e-6)
    points = np.concatenate([np.linspace(-6.0, -4.0, 9), np.linspace(4.0, 6.0, 9)])
    rise = continued.log_density(points + 1e-5) - continued.log_density(points - 1e-5)
    np.testing.assert_allclose(rise / 2e-5, continued.score_function(points), rtol=1e-6)


def test_held_scores_do_not_move(sample, score):
    tails = fit_tails(score, sample, tails="clip")
    np.testing.assert_array_equal(tails.score_function([-50.0, 50.0]), score.score_function(tails.ends))
    np.testing.assert_array_equal(tails.score_derivative([-50.0, 50.0]), [0.0, 0.0])


def test_a_kernel_tail_explodes_and_a_line_does_not():
    """The failing case of tails="none": at 10, beyond the largest of 5000 values, the correction triples the value."""
    for seed in range(5):
        sample = np.random.default_rng(seed).normal(size=5000)
        score = KDEScore(variance_preserving=False).fit(sample)
        assert score.score_function(10.0) < -50.0
        assert -15.0 < fit_tails(score, sample).score_function(10.0) < -5.0


def test_tails_of_a_straight_line_change_nothing(sample):
    score = GaussianMixtureScore().fit(sample)
    points = np.linspace(-20.0, 20.0, 41)
    np.testing.assert_allclose(
        fit_tails(score, sample).score_function(points), score.score_function(points), rtol=1e-12
    )


def test_lines_do_not_rise(rng):
    sample = rng.standard_t(2, size=4000)
    score = FunctionScore(lambda u: -3.0 * u / (2.0 + u**2)).fit(sample)
    tails = fit_tails(score, sample)
    np.testing.assert_array_equal(tails.slopes, [0.0, 0.0])
    np.testing.assert_array_equal(tails.score_function([-1e6, 1e6]), tails.values)


def test_ties_at_an_end_take_the_derivative_there():
    sample = np.concatenate([np.zeros(50), np.linspace(0.5, 3.0, 150), np.full(50, 4.0)])
    score = KDEScore(0.4).fit(sample)
    tails = fit_tails(score, sample)
    expected = np.minimum(score.score_derivative(np.array([0.0, 4.0])), 0.0)
    np.testing.assert_allclose(tails.slopes, expected, rtol=1e-12)


def test_outside_is_beyond_the_ends(sample, score):
    tails = fit_tails(score, sample)
    points = np.concatenate([tails.ends, tails.ends + [-1e-9, 1e-9], [0.0]])
    assert tails.outside(points).tolist() == [False, False, True, True, False]


def test_numbers_and_arrays_of_any_shape(sample, score):
    tails = fit_tails(score, sample)
    assert isinstance(tails, ScoreTails)
    table = np.array([[-9.0, 0.0], [1.0, 9.0]])
    for method in METHODS:
        found = getattr(tails, method)(table)
        assert found.shape == (2, 2)
        assert getattr(tails, method)(9.0) == found[1, 1]


def test_unknown_tails_are_refused(sample, score):
    with pytest.raises(ValueError, match=r"tails must be one of \('linear', 'clip', 'none'\)\. Got 'kde'\."):
        fit_tails(score, sample, tails="kde")
