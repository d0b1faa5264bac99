"""Numbers of samples as users give them."""

import numpy as np
import pytest

from statlearn.design._sizes import resolve_n_samples


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [(10, 10), (np.int64(12), 12), ("m", 10), ("2m", 20), (" 1.1 m ", 11), ("1.25m", 13), (0.07, 14), (1.0, 200)],
)
def test_numbers_shares_and_multiples(n_samples, expected):
    n = resolve_n_samples(n_samples, 10, n_pool=200)
    assert n == expected
    assert isinstance(n, int)


@pytest.mark.parametrize(
    ("n_samples", "message"),
    [
        (9, "n_samples=9 is smaller than the dimension of the approximation space m=10"),
        ("0.5m", r"n_samples='0.5m' \(5 samples\) is smaller"),
        (0.01, r"n_samples=0.01 \(2 samples\) is smaller"),
        ("two m", "no multiple of the dimension"),
        ("2", "write '2m'"),
        (0.0, r"float in \(0, 1\]"),
        (1.5, r"float in \(0, 1\]"),
        (float("nan"), r"float in \(0, 1\]"),
    ],
)
def test_bad_sizes(n_samples, message):
    with pytest.raises(ValueError, match=message):
        resolve_n_samples(n_samples, 10, n_pool=200)


def test_a_share_needs_a_pool():
    with pytest.raises(ValueError, match="there is no pool"):
        resolve_n_samples(0.5, 10)
