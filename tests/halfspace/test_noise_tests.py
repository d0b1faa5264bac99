"""Errors against a noise bound: level, power, coins; and on how many rows halfspaces at an angle disagree."""

import numpy as np
import pytest
from scipy.stats import binom

from statlearn.halfspace._noise_tests import disagreement_in_slabs, largest_error, noise_tests

LEVEL = 0.05


def errors(rng, n, angle, make_flips):
    """Margins and errors of a halfspace at an angle from the one that labels, with flips that depend on m, z and y."""
    m, z = rng.normal(size=(2, n))
    truth = np.sign(np.cos(np.radians(angle)) * m + np.sin(np.radians(angle)) * z)
    flipped = rng.random(n) < make_flips(m, z, truth)
    return m, (truth * m < 0.0) ^ flipped


def rejections(rng, n, angle, eta, make_flips, n_repeats):
    """Share of samples whose errors are not what eta allows, and share in which coins are excluded."""
    outcomes = []
    for _ in range(n_repeats):
        margins, wrong = errors(rng, n, angle, make_flips)
        tests = noise_tests(margins, wrong, disagreement_in_slabs(margins, angle), eta)
        outcomes.append((tests.p_value <= LEVEL, bool(tests.beats_coin)))
    return np.mean(outcomes, axis=0)


@pytest.mark.parametrize(("angle", "eta"), [(3.0, 0.4), (15.0, 0.4), (2.0, 0.2)])
@pytest.mark.parametrize("noise", ["everywhere", "worst"])
def test_level(rng, angle, eta, noise):
    flips = {
        "everywhere": lambda m, z, truth: np.full(m.size, eta),
        "worst": lambda m, z, truth: np.where(truth * m > 0.0, eta, 0.0),  # every row errs as often as it may
    }[noise]
    n_repeats = 200
    rejected, _ = rejections(rng, 4000, angle, eta, flips, n_repeats)
    assert rejected <= LEVEL + 3.0 * np.sqrt(LEVEL * (1.0 - LEVEL) / n_repeats)


@pytest.mark.parametrize(
    "flips",
    [
        lambda m, z, truth: np.full(m.size, 0.5),
        lambda m, z, truth: np.full(m.size, 0.45),
        lambda m, z, truth: np.where(np.abs(m) > 1.645, 0.6, 0.2),
        lambda m, z, truth: np.where(m > 2.326, 1.0, 0.2),
        lambda m, z, truth: np.where((m > 0.8416) & (z > 0.0), 1.0, 0.0),
    ],
    ids=["coin", "everywhere", "far on both sides", "farthest percent", "far quadrant"],
)
def test_power(rng, flips):
    """Noise above 0.4, in all rows or in some percent of them, is found in 20,000 rows."""
    rejected, _ = rejections(rng, 20_000, 3.0, 0.4, flips, 20)
    assert rejected == 1.0


def test_blind_spot(rng):
    """Adversarial labels where another coordinate is large look, slab by slab, like little noise."""
    rejected, _ = rejections(rng, 20_000, 3.0, 0.4, lambda m, z, truth: (np.abs(z) > 1.645) & (truth * z < 0.0), 20)
    assert rejected == 0.0


@pytest.mark.parametrize("angle", [1.0, 10.0, 25.0, 29.5])
@pytest.mark.parametrize("n", [200, 5000])
def test_coins_never_pass(rng, angle, n):
    """Coins beat no coin, whatever the angle that their vanishing gradient seems to prove."""

    def coin(m, z, truth):
        return np.full(m.size, 0.5)

    outcomes = []
    for _ in range(100):
        margins, wrong = errors(rng, n, angle, coin)
        tests = noise_tests(margins, wrong, disagreement_in_slabs(margins, angle), 0.4)
        outcomes.append(tests.p_value > LEVEL and bool(tests.beats_coin))
    assert not any(outcomes)


def test_slabs_by_hand():
    margins = np.array([0.3, -0.2, 0.1, -0.4])
    wrong = np.array([True, False, True, False])
    tests = noise_tests(margins, wrong, np.zeros(4), 0.25)
    assert tests.n_slabs == 1  # too few rows to be halved
    assert tests.overall == tests.worst == (-0.4, 0.3, 4, 2, 0.25, pytest.approx(binom.sf(1, 4, 0.25)))
    assert tests.p_value == tests.overall.p_value
    assert tests.beats_coin is False
    assert noise_tests(margins, wrong, np.ones(4), 0.25).beats_coin is None


def test_slabs_are_nested_halves(rng):
    margins, wrong = errors(rng, 1000, 0.0, lambda m, z, truth: np.where(m > np.quantile(m, 0.875), 1.0, 0.0))
    tests = noise_tests(margins, wrong, np.zeros(1000), 0.4)
    assert tests.n_slabs == 1 + 2 + 4 + 8
    assert (tests.worst.n_rows, tests.worst.n_errors) == (125, 125)
    assert tests.worst.high == margins.max()
    shuffled = rng.permutation(1000)
    again = noise_tests(margins[shuffled], wrong[shuffled], np.zeros(1000), 0.4)
    assert again == tests


def test_disagreement_in_slabs(rng):
    m, z = rng.normal(size=(2, 400_000))
    for angle, offset in ((2.0, 0.0), (30.0, 0.0), (60.0, 0.0), (2.0, 0.05), (30.0, 0.3)):
        t = np.radians(angle)
        plain, moved = (m * (np.cos(t) * m + np.sin(t) * z - b * np.sign(m)) < 0.0 for b in (0.0, offset))
        bound = disagreement_in_slabs(m, angle)
        assert bound.mean() == pytest.approx(plain.mean(), rel=0.02) == angle / 180.0
        bound = disagreement_in_slabs(m, angle, offset=offset)  # an offset away from every row
        assert bound[np.abs(m) < offset].min(initial=1.0) == 1.0  # for a smaller angle, it may be there for sure
        outside = np.abs(m) >= offset
        assert bound[outside].mean() == pytest.approx(moved[outside].mean(), rel=0.02)
        far = np.abs(m) > max(np.tan(t), offset)
        assert moved[far].mean() == pytest.approx(bound[far].mean(), abs=4.0 * np.sqrt(0.25 / far.sum()))
    assert disagreement_in_slabs(m, 90.0).min() == 1.0
    np.testing.assert_array_equal(disagreement_in_slabs(np.array([0.0, 0.5]), 0.0), [0.5, 0.0])
    np.testing.assert_array_equal(disagreement_in_slabs(np.array([0.0, 0.5]), 0.0, offset=0.1), [1.0, 0.0])


def test_largest_error():
    assert largest_error(0, 100, 0.95) == pytest.approx(1.0 - 0.05**0.01)
    assert largest_error(100, 100, 0.95) == 1.0
    assert binom.cdf(7, 50, largest_error(7, 50, 0.95)) == pytest.approx(0.05)
