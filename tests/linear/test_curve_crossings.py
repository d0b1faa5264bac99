"""Crossings of two curves: by hand, with known truth, and where there is nothing to find."""

import numpy as np
import pytest

from statlearn.linear._curve_crossings import (
    bootstrap_interval,
    compare_curves,
    largest_scores,
    paired_p_values,
    scored_runs,
    sign_changes,
)

hypothesis = pytest.importorskip("hypothesis")
strategies = pytest.importorskip("hypothesis.strategies")

SIZES = 2.0 ** np.arange(3, 11)
LEVEL, N_FLIPS = 0.05, 199


def compare(differences, rng, sizes=None, n_flips=N_FLIPS):
    sizes = SIZES[: differences.shape[1]] if sizes is None else np.asarray(sizes, dtype=float)
    return compare_curves(sizes, differences, LEVEL, n_flips, rng)


@pytest.mark.parametrize(
    ("means", "crossings", "runs"),
    [
        ([-1.0, 1.0, 2.0], [8.0], [[0], [1, 2]]),  # half way from 4 to 16 in log2
        ([-1.0, 3.0, 2.0], [4.0**1.25], [[0], [1, 2]]),
        ([-1.0, 0.0, 1.0], [16.0], [[0], [2]]),
        ([1.0, -1.0, 1.0], [8.0, 32.0], [[0], [1], [2]]),
        ([0.0, 1.0, 0.0], [], [[1]]),
        ([2.0, 0.0, 1.0], [], [[0, 2]]),
        ([0.0, 0.0, 0.0], [], []),
    ],
)
def test_sign_changes_by_hand(means, crossings, runs):
    found, found_runs = sign_changes(np.array([4, 16, 64]), np.array(means))
    np.testing.assert_allclose(found, crossings, rtol=1e-12)
    assert [run.tolist() for run in found_runs] == runs


def test_zeros_between_opposite_signs_put_the_crossing_in_their_middle():
    found, _ = sign_changes(np.array([4, 16, 64, 256]), np.array([-1.0, 0.0, 0.0, 5.0]))
    np.testing.assert_allclose(found, [32.0])


@hypothesis.given(
    strategies.lists(strategies.floats(-1.0, 1.0, allow_subnormal=False), min_size=1, max_size=8),
    strategies.floats(0.1, 10.0),
)
def test_sign_changes_lie_between_their_sizes_and_know_no_units(means, unit):
    means = np.array(means)
    sizes = SIZES[: means.size]
    found, runs = sign_changes(sizes, means)
    assert len(runs) == (found.size + 1 if means.any() else 0)
    for place, left, right in zip(found, runs[:-1], runs[1:], strict=True):
        assert sizes[left[-1]] * (1 - 1e-12) <= place <= sizes[right[0]] * (1 + 1e-12)
        assert means[left[-1]] * means[right[0]] <= 0.0
    np.testing.assert_allclose(sign_changes(sizes, -means)[0], found)
    np.testing.assert_allclose(sign_changes(4.0 * sizes, means)[0], 4.0 * found)
    if np.all((means == 0.0) | (np.abs(means) > 1e-300)):
        np.testing.assert_allclose(sign_changes(sizes, unit * means)[0], found, rtol=1e-9)


def test_all_samples_together_are_as_each_alone(rng):
    samples = rng.integers(-2, 3, size=(200, 5, 6)).astype(float)  # small integers, so that some means are zero
    expected = [scored_runs(SIZES[:6], sample)[1].max(initial=0.0) for sample in samples]
    np.testing.assert_allclose(largest_scores(samples), expected, rtol=1e-9, atol=1e-12)


def test_paired_p_values_are_those_of_scipy(rng):
    stats = pytest.importorskip("scipy.stats")
    differences = rng.normal(size=(12, 4)) + 0.3
    np.testing.assert_allclose(paired_p_values(differences), stats.ttest_1samp(differences, 0.0).pvalue)
    np.testing.assert_array_equal(paired_p_values(np.array([[0.0, 1.0], [0.0, 1.0]])), [1.0, 0.0])


def test_a_clear_crossing(rng):
    truth = 0.5 * (np.log2(SIZES) - 6.4)
    differences = truth + 0.3 * rng.normal(size=(20, SIZES.size))
    found = compare(differences, rng)
    assert found.crosses
    assert found.better == -1
    assert found.crossings[-1] == pytest.approx(2**6.4, rel=0.3)
    assert max(found.p_better, found.p_other) <= LEVEL
    mirrored = compare(-differences, rng)
    assert (mirrored.crosses, mirrored.better) == (True, 1)
    np.testing.assert_allclose(mirrored.crossings, found.crossings)


def test_a_spurious_first_sign_does_not_count(rng):
    differences = np.array([-0.02, 1.0, 1.0, 1.0]) + 0.5 * rng.normal(size=(20, 4))
    differences[:, 0] -= differences[:, 0].mean() + 0.02
    found = compare(differences, rng)
    assert found.crossings.size == 1
    assert (found.crosses, found.better) == (False, 1)
    assert found.p_other > LEVEL


def test_a_spurious_last_sign_leaves_the_better_one(rng):
    differences = np.array([-1.0, -1.0, -1.0, 0.02]) + 0.5 * rng.normal(size=(20, 4))
    differences[:, 3] -= differences[:, 3].mean() - 0.02
    found = compare(differences, rng)
    assert found.crossings.size == 1
    assert (found.crosses, found.better) == (False, -1)


def test_both_better_somewhere_and_noise_at_the_end_is_no_conclusion(rng):
    differences = np.array([-1.0, -1.0, 1.0, 1.0, -0.02]) + 0.5 * rng.normal(size=(20, 5))
    differences[:, 4] -= differences[:, 4].mean() + 0.02
    found = compare(differences, rng)
    assert found.crossings.size == 2
    assert (found.crosses, found.better) == (False, 0)


def test_the_last_of_two_crossings_counts(rng):
    differences = np.array([1.0, 1.0, -1.0, -1.0, 1.0, 1.0]) + 0.1 * rng.normal(size=(20, 6))
    found = compare(differences, rng)
    assert (found.crosses, found.better) == (True, -1)
    assert found.crossings.size == 2
    assert SIZES[3] < found.crossings[-1] < SIZES[4]


def test_no_difference_at_all(rng):
    found = compare(np.zeros((20, 4)), rng)
    assert (found.crosses, found.better, found.p_better, found.p_other) == (False, 0, 1.0, 1.0)
    assert found.crossings.size == 0


def test_the_same_difference_each_time_is_certain_only_with_enough_repeats(rng):
    assert compare(np.full((10, 3), -0.1), rng).better == -1
    assert compare(np.full((4, 3), -0.1), rng).better == 0  # one in eight choices of signs is all alike


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_two_equal_curves_are_told_apart_as_seldom_as_the_level_says(rng, shared):
    """Although the runs are chosen by their signs."""
    wrong = []
    for _ in range(400):
        differences = rng.normal(size=(20, 8)) + shared * rng.normal(size=(20, 1))
        found = compare(differences, rng, n_flips=99)
        wrong.append(found.crosses or found.better != 0)
    assert np.mean(wrong) < 0.05 + 4.0 * np.sqrt(0.05 * 0.95 / 400)


def test_a_crossing_is_not_seen_where_one_curve_is_always_lower(rng):
    found = [compare(rng.normal(size=(20, 8)) + 0.2, rng, n_flips=99) for _ in range(200)]
    assert np.mean([each.crosses for each in found]) < 0.03
    assert np.mean([each.better == 1 for each in found]) > 0.2
    assert not [each for each in found if each.better == -1][3:]


def test_the_interval_covers_the_crossing(rng):
    truth = 0.5 * (np.log2(SIZES) - 6.4)
    covered, widths = [], []
    for _ in range(150):
        differences = truth + rng.normal(size=(20, SIZES.size))
        (low, high), share = bootstrap_interval(SIZES, differences, 1, 0.95, 300, rng)
        covered.append(low <= 2**6.4 <= high)
        widths.append(high / low)
        assert share > 0.9
    assert np.mean(covered) > 0.95 - 4.0 * np.sqrt(0.05 * 0.95 / 150)
    assert np.median(widths) < 4.0


def test_the_interval_may_be_open(rng):
    sizes = np.array([8.0, 16.0])
    noise = 0.3 * rng.normal(size=(20, 2))
    noise -= noise.mean(axis=0)
    (low, high), share = bootstrap_interval(sizes, noise + [-0.01, 1.0], 1, 0.95, 500, rng)
    assert low == 0.0
    assert 8.0 < high < 16.0
    assert 0.1 < share < 0.9
    (low, high), share = bootstrap_interval(sizes, noise + [-1.0, 0.01], 1, 0.95, 500, rng)
    assert 8.0 < low < 16.0
    assert high == np.inf
    assert 0.1 < share < 0.9
