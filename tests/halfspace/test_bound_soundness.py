"""Long experiment: what gradients and errors of a sample prove holds, and says something, where noise is bounded."""

import numpy as np
import pytest
from scipy.stats import norm

from statlearn.halfspace._angle_bounds import excess_error_bound, is_oriented, massart_angle_bound, sharpest_width
from statlearn.halfspace._gradient_bound import gradient_moments, gradient_upper_bound
from statlearn.halfspace._noise_tests import disagreement_in_slabs, largest_error, noise_tests
from statlearn.halfspace._surrogates import RAMP

from .noisy_halfspaces import FLIPS, descended, labeled_normal, whitened_halves

LEVEL = 0.95


def judged(rng, n, d, recipe, eta, true_eta=None):
    """Whether the second half of a sample accepts what the first half learned, the bounds, and the truth."""
    true_eta = eta if true_eta is None else true_eta
    X, signs = labeled_normal(rng, n, d, recipe, true_eta)
    learning, testing, truth = whitened_halves(rng, X)
    half = len(learning)
    width, _ = sharpest_width(n - half, d, eta)
    w = descended(learning, signs[:half], width)
    moments = gradient_moments([(testing, signs[half:], None)], w, RAMP, width)
    offset = norm.ppf(0.5 + 0.5 * LEVEL) / np.sqrt(half)  # the mean of the first half is the origin
    angle = massart_angle_bound(gradient_upper_bound(moments, level=LEVEL), width, eta, offset=offset)
    margins = testing @ w
    wrong = margins * signs[half:] < 0.0
    tests = noise_tests(margins, wrong, disagreement_in_slabs(margins, angle, offset=offset), eta)
    most_errors = largest_error(int(wrong.sum()), wrong.size, LEVEL)
    oriented = is_oriented(most_errors, angle, eta, offset=offset)
    accepted = tests.p_value > 1.0 - LEVEL and bool(tests.beats_coin) and oriented
    differs = X[half:, 0] * margins < 0.0
    excess = np.mean(np.where(differs, 1.0 - 2.0 * FLIPS[recipe](X[half:], true_eta), 0.0))
    true_angle = np.degrees(np.arccos(np.clip(w @ truth, -1.0, 1.0)))
    return accepted, angle, excess_error_bound(angle, offset=offset), true_angle, excess


@pytest.mark.slow
def test_soundness(rng):
    """Accepted runs over recipes and noise bounds: the excess error is within its bound in 95 % of them."""
    runs = [
        judged(rng, 20_000, 10, recipe, eta, true_eta)
        for recipe in ("rcn", "massart-quadrant", "massart-far")
        for eta, true_eta in ((0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.2, 0.2), (0.4, 0.4))
        for _ in range(8)
    ]
    accepted, angles, excess_bounds, true_angles, excesses = map(np.array, zip(*runs, strict=True))
    assert accepted.mean() > 0.8
    assert np.mean(excesses[accepted] <= excess_bounds[accepted]) >= 0.95
    assert np.mean(true_angles[accepted] <= angles[accepted]) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "d", "eta", "most"), [(100_000, 10, 0.4, 6.27), (200_000, 20, 0.2, 3.43)], ids=["eta=.4", "eta=.2"]
)
def test_bounds_say_something(rng, n, d, eta, most):
    """The bound is a few degrees, at angles of a fraction of it; ``most`` is that of the simpler inequality."""
    runs = [judged(rng, n, d, "rcn", eta) for _ in range(9)]
    _, angles, _, true_angles, _ = map(np.array, zip(*runs, strict=True))
    assert np.median(angles) < most
    assert np.mean(true_angles <= angles) > 0.8


def test_coins_are_not_certified(rng):
    assert not any(judged(rng, 4000, 5, "coin", 0.4)[0] for _ in range(20))
