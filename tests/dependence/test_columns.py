"""Two columns, in memory or on disk: sums over pairs by merge sorts against matrices of all pairs."""

import re
import shutil

import numpy as np
import pytest

from statlearn.dependence import (
    DistanceCovariancePenalty,
    concatenated_distance_covariance,
    distance_correlation,
    distance_covariance,
    distance_covariance_test,
    joint_distance_covariance,
    out_of_core_distance_statistics,
)
from statlearn.dependence._blocks import about_middle
from statlearn.dependence._pair_sums import fill_and_sum, pair_sums
from statlearn.dependence._sweeps import column_row_sums
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
    x, y = (about_middle(column) for column in columns_of(kind, n, rng))  # a constant is 0, as for the caller
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


@VERSIONS
@pytest.mark.parametrize("far", [1e6, 1e9, 1e17, 1e150])
@pytest.mark.parametrize("n", [5, 300])
def test_a_row_of_weight_zero_may_hold_anything(n, far, unbiased, rng):
    x, y = rng.normal(size=(2, n))
    weights = np.ones(n)
    weights[3] = 0.0
    options = {"unbiased": unbiased, "sample_weight": weights}
    expected = distance_covariance(x, y, **options), distance_correlation(x, y, **options)
    x[3], y[3] = far, -far
    assert (distance_covariance(x, y, **options), distance_correlation(x, y, **options)) == expected


@VERSIONS
def test_a_far_row_that_hardly_counts(unbiased, rng):
    x, y = rng.normal(size=(2, 300))
    weights = np.ones(300)
    x[3], y[3], weights[3] = 1e9, -1e9, 1e-9
    options = {"unbiased": unbiased, "sample_weight": weights}
    by_pairs = distance_covariance(x, y, method="pairwise", **options)
    assert distance_covariance(x, y, **options) == pytest.approx(by_pairs, rel=1e-6)


@VERSIONS
def test_a_constant_among_rows_that_count(unbiased, rng):
    u = rng.normal(size=10)
    constant, weights = np.full(10, 0.1), np.ones(10)
    constant[0], weights[0] = 50.0, 0.0
    with pytest.warns(ConstantAttributeWarning, match="x has distance variance 0"):
        assert distance_correlation(constant, u, sample_weight=weights, unbiased=unbiased) == 0.0


@pytest.mark.parametrize("unit", [1e-120, 1e-85, 1e76, 1e120])
def test_the_unit_of_weights_does_not_matter_without_the_correction(unit, rng):
    x, y = columns_of("continuous", 200, rng)
    for function in (distance_covariance, distance_correlation):
        expected = function(x, y, unbiased=False)
        assert function(x, y, unbiased=False, sample_weight=np.full(200, unit)) == pytest.approx(expected, rel=1e-12)
    if unit > 1.0:  # so many copies that the correction is nothing
        found = distance_covariance(x, y, sample_weight=np.full(200, unit))
        assert found == pytest.approx(distance_covariance(x, y, unbiased=False), rel=1e-12)


def test_the_v_version_stays_in_its_range(rng):
    for n in (2, 3, 10, 1000):
        x = rng.normal(size=n)
        assert distance_correlation(x, x, unbiased=False) == pytest.approx(1.0, rel=1e-12)
        assert distance_correlation(x, x, unbiased=False) <= 1.0
        assert distance_covariance(x, np.arange(n) % 2, unbiased=False) >= 0.0


def test_row_sums_keep_their_digits():
    """Distances to 64 levels, from the counts of the levels."""
    levels, n = np.sort(np.random.default_rng(0).random(64)), 400_000
    column, found = np.repeat(levels, n // 64), np.empty(n)
    column_row_sums(column, np.ones(n), found)
    expected = np.abs(np.subtract.outer(levels, levels)).sum(axis=1) * (n // 64)
    np.testing.assert_allclose(found, np.repeat(expected, n // 64), rtol=2e-15)


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
        ("x.npy", np.zeros(5), TypeError, r"Got a file name: open it by np.load\(file, mmap_mode='r'\)"),
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


def test_rows_are_not_paired_across_indices(rng):
    """By position it would be another correlation."""
    pandas = pytest.importorskip("pandas")
    x = pandas.Series(rng.normal(size=20))
    for function in (distance_covariance, distance_correlation, out_of_core_distance_statistics):
        with pytest.raises(ValueError, match="x and y must have the same index"):
            function(x, x[::-1])
    with pytest.raises(ValueError, match="f and block 0 must have the same index"):
        concatenated_distance_covariance(x, x[::-1])
    assert distance_correlation(x, x[::-1].to_numpy()) < 1.0


@pytest.mark.parametrize("function", [joint_distance_covariance, concatenated_distance_covariance])
def test_blocks_in_a_list(function, rng):
    blocks = list(rng.normal(size=(2, 20)))
    arguments = [blocks] if function is joint_distance_covariance else [blocks[0], blocks]
    with pytest.raises(ValueError, match="argument of its own, as by [*]blocks"):
        function(*arguments)


def test_results_print_in_a_line(rng):
    x = rng.normal(size=50)
    assert re.fullmatch(r"distance covariance \S+, correlation 1", str(out_of_core_distance_statistics(x, x)))
    result = distance_covariance_test(x, x[:, None], random_state=0)
    assert len(repr(result)) < 200
    assert re.fullmatch(r"Distance covariance test: statistic \S+, p = 0.001, 999 permutations", str(result))


def test_a_missing_directory(tmp_path):
    with pytest.raises(FileNotFoundError):
        out_of_core_distance_statistics(np.arange(10.0), np.arange(10.0), directory=tmp_path / "none")
