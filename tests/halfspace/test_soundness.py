"""Bounds of certified fits, with the noise told as it is: a smaller version of ``benchmarks.halfspace_soundness``."""

import pytest
from scipy.stats import binom

from benchmarks.halfspace_soundness import NOISES, coin_fits, fits, least_plausible_count


@pytest.mark.slow
def test_bounds_of_certified_fits_hold():
    """In 95 % of them, up to what chance explains."""
    found = [fit for k, noise in enumerate(NOISES) for fit in fits(*noise, 20_000, 5, n_fits=8, first_seed=100 * k)]
    certified = [fit for fit in found if fit.accepted]
    assert len(certified) >= len(found) // 2
    assert sum(fit.is_sound for fit in certified) >= least_plausible_count(len(certified))


@pytest.mark.slow
def test_coin_flips_are_not_certified():
    assert not any(coin_fits(20_000, 5, 10))


def test_criterion_can_fail():
    """It is the quantile it claims to be, and bounds that hold in 80 % of the cases seldom meet it."""
    n = 80
    least = least_plausible_count(n)
    assert binom.cdf(least - 1, n, 0.95) < 0.001 <= binom.cdf(least, n, 0.95)
    assert binom.sf(least - 1, n, 0.8) < 0.2
