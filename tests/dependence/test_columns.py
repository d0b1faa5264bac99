"""Two columns, in memory or on disk: sums over pairs by merge sorts against matrices of all pairs."""

import shutil

import numpy as np
import pytest

from statlearn.dependence import (
    DistanceCovariancePenalty,
    distance_correlation,
    distance_covariance,
    out_of_core_distance_statistics,
)
from statlearn.dependence._pair_sums import fill_and_sum, pair_sums
from statlearn.exceptions import ConstantAttributeWarning

VERSIONS = pytest.mark.parametrize("unbiased", [True, False], ids=["U", "V"])


def sums_by_matrices(x, y, weights):
    """What `pair_sums` finds, from all pairs."""
    a, b, pairs = np.abs(np.subtract.outer(x, x)), np.abs(np.subtract.outer(y, y)), np.outer(weights, weights)
    a_sums, b_sums = a @ weights, b @ weights
    of_rows = (a_sums, b_sums, a_sums * b_sums, a_sums * a_sums, b_sums * b_sums)
    return [(pairs * a * b).sum(), *(weights @ sums for sums in of_rows), (pairs * a * a).sum(), (pairs * b * b).sum()]


def columns_of(kind, n, rng):
    x = rng.normal(size=n)
    return {
        "continuous": (x, x**2 + rng.normal(size=n)),
        "ties in x": (rng.integers(3, size=n).astype(float), x),
        "ties in both": (rng.integers(4, size=n).astype(float), rng.integers(3, size=n).astype(float)),
        "increasing": (np.arange(float(n)), np.arange(float(n)) ** 2),
        "decreasing": (np.arange(float(n)), -np.arange(float(n))),
        "heavy tails": (rng.standard_cauchy(n), rng.standard_cauchy(n)),
        "one value": (np.zeros(n), x),
    }[kind]


KINDS = ["continuous", "ties in x", "ties in both", "increasing", "decreasing", "heavy tails", "one value"]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_sums_are_those_of_all_pairs(kind, n, rng):
    x, y = columns_of(kind, n, rng)
    weights = rng.integers(1, 4, size=n) * rng.random(n)
    expected = sums_by_matrices(x, y, weights)
    np.testing.assert_allclose(pair_sums(x, y, weights), expected, rtol=1e-12, atol=1e-12 * expected[0])


@pytest.mark.parametrize("width", [1, 2, 3, 5, 63, 64, 65, 200, 1000])
def test_sums_do_not_depend_on_the_blocks(width, rng):
    x, y = columns_of("ties in x", 200, rng)
    weights = rng.random(200)
    weights[::7] = 0.0
    blocks = [(x[i : i + width], y[i : i + width], weights[i : i + width]) for i in range(0, 200, width)]
    found = fill_and_sum(*np.empty((2, 4, 200)), blocks, width)
    np.testing.assert_allclose(found, sums_by_matrices(x, y, weights), rtol=1e-12)


@VERSIONS
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_values_are_those_of_the_penalty(kind, unbiased, rng):
    """The penalty has engines of its own, and a gradient."""
    x, y = columns_of(kind, 300, rng)
    weights = rng.integers(0, 3, size=300)
    penalty = DistanceCovariancePenalty("dcov", unbiased=unbiased).fit([y], sample_weight=weights)
    value = distance_covariance(x, y, unbiased=unbiased, sample_weight=weights)
    scale = np.abs(np.subtract.outer(x, x)).mean() * np.abs(np.subtract.outer(y, y)).mean()
    assert value == pytest.approx(penalty.value(x), rel=1e-10, abs=1e-12 * scale)


@pytest.mark.parametrize("scale", [1e-145, 1e-70, 1e70, 1e145])
def test_units_change_the_covariance_alone(scale, rng):
    x, y = columns_of("continuous", 3000, rng)
    correlation = distance_correlation(x, y)
    assert distance_correlation(scale * x, y / scale) == pytest.approx(correlation, rel=1e-12)
    assert distance_covariance(scale * x, y / scale) == pytest.approx(distance_covariance(x, y), rel=1e-12)
    statistics = out_of_core_distance_statistics(scale * x, y / scale, rows_in_memory=500)
    assert statistics.correlation == pytest.approx(correlation, rel=1e-12)
    assert statistics.x_variance > 0.0
    assert statistics.y_variance > 0.0


def test_columns_far_from_zero(rng):
    """Distances do not change, but for the rounding of the numbers themselves."""
    x, y = np.round(rng.normal(size=(2, 2000)), 3)
    expected = distance_covariance(x, y)
    far = np.round((x + 1e6) * 1000) / 1000
    assert distance_covariance(far, y) == pytest.approx(expected, abs=1e-9)
    assert out_of_core_distance_statistics(far, y, rows_in_memory=300).covariance == pytest.approx(expected, abs=1e-9)


@VERSIONS
@pytest.mark.parametrize("rows_in_memory", [1, 10, 499, 500, 501, 100_000])
def test_statistics_on_disk_are_those_in_memory(rows_in_memory, unbiased, rng):
    x, y = columns_of("continuous", 500, rng)
    found = out_of_core_distance_statistics(x, y[:, None], unbiased=unbiased, rows_in_memory=rows_in_memory)
    expected = (
        distance_covariance(x, y, unbiased=unbiased),
        distance_correlation(x, y, unbiased=unbiased),
        distance_covariance(x, x, unbiased=unbiased),
        distance_covariance(y, y, unbiased=unbiased),
    )
    values = found.covariance, found.correlation, found.x_variance, found.y_variance
    np.testing.assert_allclose(values, expected, rtol=1e-11)


def test_a_constant_has_no_correlation(rng):
    with pytest.warns(ConstantAttributeWarning, match="y has distance variance 0"):
        statistics = out_of_core_distance_statistics(rng.normal(size=50), np.full(50, 0.1), rows_in_memory=20)
    assert statistics.covariance == pytest.approx(0.0, abs=1e-15)
    assert statistics.correlation == statistics.y_variance == 0.0


def test_files_are_deleted_and_maps_left_alone(tmp_path, rng):
    x = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(1000, 2))
    x[:] = rng.normal(size=(1000, 2))
    x.flush()
    table, scratch = np.load(tmp_path / "x.npy", mmap_mode="r"), tmp_path / "scratch"
    scratch.mkdir()
    found = out_of_core_distance_statistics(table[:, 0], table[:, 1], rows_in_memory=100, directory=scratch)
    assert list(scratch.iterdir()) == []
    assert found.covariance == pytest.approx(distance_covariance(*np.array(table, dtype=float).T), rel=1e-11)


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (np.zeros((5, 2)), np.zeros(5), ValueError, r"x must be one column. Got an array of shape \(5, 2\)"),
        (np.zeros(5), np.zeros(6), ValueError, "x and y have inconsistent numbers of samples: 5 and 6"),
        ([], [], ValueError, "x has no rows"),
        ([0.0, np.nan, 1.0, 2.0], np.arange(4.0), ValueError, "x contains NaN"),
        (np.arange(4.0), ["a", "b", "c", "d"], ValueError, "y holds strings"),
        (np.arange(4.0), [0.0, 1.0, 2.0, 1e200], ValueError, "y has entries above 1e[+]150"),
        (np.arange(4.0), [0.0, 0.0, 0.0, 1e-160], ValueError, "y has entries that differ by less than 1e-150"),
        (np.arange(3.0), np.arange(3.0), ValueError, "at least 4 samples, got n_samples = 3"),
    ],
)
def test_bad_columns(x, y, error, message):
    with pytest.raises(error, match=message):
        out_of_core_distance_statistics(x, y)


def test_a_full_disk_is_seen_before_it_is_written_to(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("statlearn.dependence._out_of_core.disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(OSError, match="needed for temporary files.*Pass another directory"):
        out_of_core_distance_statistics(np.arange(1000.0), np.arange(1000.0), directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory(tmp_path):
    with pytest.raises(FileNotFoundError):
        out_of_core_distance_statistics(np.arange(10.0), np.arange(10.0), directory=tmp_path / "none")
