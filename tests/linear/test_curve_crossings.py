"""Crossings of two curves: by hand, with known truth, and where there is nothing to find."""

import numpy as np
import pytest

from statlearn.linear._curve_crossings import (
    bootstrap_interval,
    compare_curves,
    largest_scores,
    last_changes,
    paired_p_values,
    scored_runs,
    sign_changes,
    sign_choices,
    squared_shares,
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


def test_all_choices_of_signs_together_are_as_each_alone(rng):
    for _ in range(20):
        differences = rng.integers(-2, 3, size=(5, 6)).astype(float)  # small integers, so that some means are zero
        flips = sign_choices(5, 16, rng)
        expected = [scored_runs(SIZES[:6], signs[:, None] * differences)[1].max(initial=0.0) for signs in flips]
        np.testing.assert_allclose(largest_scores(flips, differences), expected, rtol=1e-12)


def test_scores_are_t_statistics_on_another_scale(rng):
    stats = pytest.importorskip("scipy.stats")
    rows = rng.normal(size=(30, 7)) + rng.normal(size=(30, 1))
    squares = stats.ttest_1samp(rows, 0.0, axis=1).statistic ** 2
    np.testing.assert_allclose(squared_shares(rows), squares / (squares + 6.0))
    np.testing.assert_allclose(
        squared_shares(np.array([[0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [1.0, -1.0, 0.0]])), [1, 0, 0]
    )


@pytest.mark.parametrize("n_repeats", [2, 5, 11])
def test_few_repeats_have_each_choice_of_signs_once(rng, n_repeats):
    flips = sign_choices(n_repeats, 1999, rng)
    assert (flips[0] == 1.0).all()
    assert len({tuple(signs) for signs in flips} | {tuple(-signs) for signs in flips}) == 2**n_repeats == 2 * len(flips)


def test_many_repeats_have_random_signs(rng):
    flips = sign_choices(12, 1999, rng)
    assert flips.shape == (2000, 12)
    assert (flips[0] == 1.0).all()
    assert np.abs(flips[1:].mean(axis=0)).max() < 5.0 / np.sqrt(1999)
    assert set(flips.ravel()) == {-1.0, 1.0}


def test_paired_p_values_are_those_of_scipy(rng):
    stats = pytest.importorskip("scipy.stats")
    differences = rng.integers(-3, 6, size=(9, 5)) / 50
    expected = stats.permutation_test((differences,), np.mean, permutation_type="samples", vectorized=True).pvalue
    found = paired_p_values(sign_choices(9, 1999, rng), differences)
    np.testing.assert_allclose(found, expected)
    flips = sign_choices(2, 1999, rng)
    np.testing.assert_array_equal(paired_p_values(flips, np.array([[0.0, 1.0, 0.3], [0.0, 1.0, -0.3]])), [1, 0.5, 1])


@pytest.mark.parametrize("n_repeats", [*range(2, 13), 20])
@pytest.mark.parametrize("difference", [0.1, 0.3, 1.0 / 7.0, 5.0])
def test_no_p_value_is_below_that_of_all_signs_alike(rng, n_repeats, difference):
    """The same difference each time is the strongest case; its scores are 1, to within rounding, all of them."""
    found = compare(np.full((n_repeats, 5), difference), rng, n_flips=1999)
    if n_repeats <= 11:
        least = 2.0 ** (1 - n_repeats)
        assert (found.p_other, found.p_better) == ((least, 1.0) if n_repeats < 6 else (1.0, least))
        np.testing.assert_array_equal(found.p_values, least)
    else:
        assert 1.0 / 2000 <= found.p_better < 4.0 / 2000
    assert found.better == (1 if n_repeats >= 6 else 0)


@pytest.mark.parametrize("n_rows", [7, 50, 597])
def test_shares_of_wrong_rows_are_as_their_numbers(rng, n_rows):
    """Small numbers, so that means are often zero, and scores of choices of signs often equal."""
    n_zero = 0
    for seed in range(60):
        wrong = rng.integers(0, 5, size=(2, int(rng.integers(2, 10)), 5))
        counts, shares = (wrong[0] - wrong[1]).astype(float), wrong[0] / n_rows - wrong[1] / n_rows
        n_zero += np.count_nonzero(counts.sum(axis=0) == 0)
        exact, rounded = (compare(each, np.random.default_rng(seed), n_flips=150) for each in (counts, shares))
        assert (exact.crosses, exact.better) == (rounded.crosses, rounded.better)
        assert (exact.p_better, exact.p_other) == (rounded.p_better, rounded.p_other)
        np.testing.assert_array_equal(exact.p_values, rounded.p_values)
        np.testing.assert_allclose(exact.crossings, rounded.crossings)
        exact, rounded = (
            bootstrap_interval(SIZES[:5], each, 1, 0.95, 99, np.random.default_rng(seed)) for each in (counts, shares)
        )
        np.testing.assert_allclose(exact[0], rounded[0])
        assert exact[1] == rounded[1]
    assert n_zero > 10


@pytest.mark.parametrize("tie", [0.0, 1e-18, -1e-18])
def test_curves_that_touch_do_not_cross(tie):
    found, runs = sign_changes(SIZES[:3], np.array([-0.1, tie, -0.1]))
    assert found.size == 0
    assert [run.tolist() for run in runs] == [[0, 2]]


@pytest.mark.parametrize("after", [-1, 1])
def test_last_changes_are_the_last_sign_changes(rng, after):
    means = rng.integers(-2, 3, size=(500, 6)).astype(float)
    means[:5] = 0.0
    expected = []
    for row in means:
        crossings, runs = sign_changes(SIZES[:6], row)
        if not runs or np.sign(row[runs[-1][0]]) != after:
            expected.append(np.inf)
        else:
            expected.append(crossings[-1] if crossings.size else 0.0)
    assert {0.0, np.inf} < set(expected)
    np.testing.assert_allclose(last_changes(SIZES[:6], means, after), expected)


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
@pytest.mark.parametrize("n_repeats", [6, 20])
def test_two_equal_curves_are_told_apart_as_seldom_as_the_level_says(rng, shared, n_repeats):
    """Although the runs are chosen by their signs."""
    wrong = []
    for _ in range(400):
        differences = rng.normal(size=(n_repeats, 8)) + shared * rng.normal(size=(n_repeats, 1))
        found = compare(differences, rng, n_flips=99)
        wrong.append(found.crosses or found.better != 0)
    assert np.mean(wrong) < 0.05 + 4.0 * np.sqrt(0.05 * 0.95 / 400)


def test_a_crossing_is_not_seen_where_one_curve_is_always_lower(rng):
    found = [compare(rng.normal(size=(20, 8)) + 0.2, rng, n_flips=99) for _ in range(200)]
    assert np.mean([each.crosses for each in found]) < 0.03
    assert np.mean([each.better == 1 for each in found]) > 0.2
    assert not [each for each in found if each.better == -1][3:]


def coverage(rng, n_repeats, noise, n_samples):
    """Share of intervals that have the crossing, and their median width."""
    covered, widths = [], []
    for _ in range(400):
        shared, own = noise(size=(n_repeats, 1)), noise(size=(n_repeats, SIZES.size))
        differences = 0.5 * (np.log2(SIZES) - 6.4) + 0.7 * shared + 0.7 * own
        (low, high), _ = bootstrap_interval(SIZES, differences, 1, 0.95, n_samples, rng)
        covered.append(low <= 2**6.4 <= high)
        widths.append(high / low if low else np.inf)
    return np.mean(covered), np.median(widths)


@pytest.mark.parametrize(("n_repeats", "least"), [(6, 0.85), (20, 0.90)])
def test_the_interval_covers_the_crossing_with_skewed_noise(rng, n_repeats, least):
    """Less often than the level says, 0.90 and 0.935 in long runs."""
    covered, _ = coverage(rng, n_repeats, lambda size: rng.exponential(size=size) - 1.0, 499)
    assert least < covered < 0.98


@pytest.mark.parametrize(("n_repeats", "widest"), [(6, 40.0), (20, 6.0)])
def test_the_interval_covers_the_crossing(rng, n_repeats, widest):
    covered, width = coverage(rng, n_repeats, rng.normal, 999)
    assert 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 400) < covered < 0.95 + 3.5 * np.sqrt(0.95 * 0.05 / 400)
    assert width < widest


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
