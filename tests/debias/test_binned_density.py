"""Binning and smoothing on a grid, against sums of kernels written out."""

import numpy as np
import pytest
from scipy.stats import norm

from statlearn.debias._binned_density import (
    REACH,
    DensityGrid,
    bin_moments,
    bin_weights,
    cell_atoms,
    cubic_counts,
    density_grid,
    density_table,
    grid_scores,
    smooth_counts,
)

BANDWIDTH = 0.3


@pytest.fixture
def sample(rng):
    return rng.normal(size=200), rng.gamma(1.0, size=200) + 0.01


def kernel_sums(points, values, weights, bandwidth):
    """Density and two derivatives at points, term by term."""
    z = (points[:, None] - values) / bandwidth
    kernels = norm.pdf(z) / bandwidth * (weights / weights.sum())
    return (
        kernels.sum(axis=1),
        (-z / bandwidth * kernels).sum(axis=1),
        ((z**2 - 1.0) / bandwidth**2 * kernels).sum(axis=1),
    )


# --- grids ------------------------------------------------------------------------------------------------------------


def test_a_grid_reaches_beyond_the_values():
    grid = density_grid(-1.0, 2.0, 0.5, 512)
    points = grid.points()
    assert grid.size == 512
    assert points[[0, -1]] == pytest.approx([-1.0 - REACH * 0.5, 2.0 + REACH * 0.5], rel=1e-14)


def test_a_grid_grows_with_the_resolution_it_needs_up_to_a_limit():
    grid = density_grid(0.0, 1000.0, 1.0, 512)
    assert grid.size == 8192
    assert grid.step <= 1.0 / 8.0 < 2.1 * grid.step
    assert density_grid(0.0, 1000.0, 1e-3, 512) is None


# --- binning ----------------------------------------------------------------------------------------------------------


def test_moments_by_hand():
    grid = DensityGrid(0.0, 2.0, 5)
    moments = bin_moments(np.array([1.0, 0.0, 5.0]), np.array([2.0, 1.0, -1.0]), grid)
    expected = [[3.0, 1.0, 0.5, 0.25], [0.0] * 4, [-1.0, -0.5, -0.25, -0.125], [0.0] * 4]
    np.testing.assert_allclose(moments, expected, rtol=1e-15)


def test_counts_keep_cubic_polynomials(sample):
    values, weights = sample
    grid = density_grid(values.min(), values.max(), BANDWIDTH, 256)
    counts = bin_weights(values, weights, grid)
    for power in range(4):
        assert counts @ grid.points() ** power == pytest.approx(weights @ values**power, rel=1e-11, abs=1e-9)


def test_the_transposed_interpolation_is_of_fourth_order(sample):
    values, weights = sample
    exact = weights @ np.cos(values)
    errors = []
    for size in (64, 128, 256):
        grid = DensityGrid(-6.0, 12.0 / (size - 1), size)
        errors.append(abs(bin_weights(values, weights, grid) @ np.cos(grid.points()) - exact))
    assert errors[2] < errors[1] / 8.0 < errors[0] / 64.0


def test_values_beyond_the_grid_are_refused():
    with pytest.raises(ValueError, match=r"values must lie between .* 1\.0 and 4\.0\. Got 0\.5 to 3\.0"):
        bin_weights(np.array([0.5, 3.0]), None, DensityGrid(0.0, 1.0, 6))


def test_atoms_of_single_values_are_these_values():
    values = np.array([0.13, 0.37, 1.01])
    grid = DensityGrid(-1.0, 0.1, 40)
    centers, masses = cell_atoms(bin_moments(values, np.array([1.0, 2.0, 3.0]), grid), grid)
    np.testing.assert_allclose(centers, values, rtol=1e-13)
    np.testing.assert_array_equal(masses, [1.0, 2.0, 3.0])


def test_atoms_of_several_values_are_their_center_of_mass():
    values, weights = np.array([0.11, 0.17]), np.array([1.0, 3.0])
    grid = DensityGrid(-1.0, 0.1, 40)
    centers, masses = cell_atoms(bin_moments(values, weights, grid), grid)
    np.testing.assert_allclose(centers, [np.average(values, weights=weights)], rtol=1e-13)
    np.testing.assert_array_equal(masses, [4.0])


# --- smoothing --------------------------------------------------------------------------------------------------------


def test_smoothed_counts_are_sums_of_kernels(sample):
    values, weights = sample
    grid = density_grid(values.min(), values.max(), BANDWIDTH)
    smooth = smooth_counts(bin_weights(values, weights, grid), grid.step, BANDWIDTH)
    for found, expected in zip(smooth, kernel_sums(grid.points(), values, weights, BANDWIDTH), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-8 * np.abs(expected).max())


def test_rows_may_have_bandwidths_of_their_own(sample):
    values, weights = sample
    grid = density_grid(values.min(), values.max(), 2.0 * BANDWIDTH, 1024)
    counts = bin_weights(values, weights, grid)
    widths = np.array([BANDWIDTH, 2.0 * BANDWIDTH])
    both = smooth_counts(np.stack([counts, counts]), grid.step, widths)
    for row, width in enumerate(widths):
        for found, expected in zip(both, smooth_counts(counts, grid.step, width), strict=True):
            np.testing.assert_allclose(found[row], expected, rtol=1e-12, atol=1e-13)


def test_the_table_knows_where_it_knows_nothing(sample):
    values, weights = sample
    grid = density_grid(values.min(), values.max() + 20.0, BANDWIDTH)
    table = density_table(bin_weights(values, weights, grid), grid.step, BANDWIDTH)
    density, first, second = kernel_sums(grid.points(), values, weights, BANDWIDTH)
    known = np.isfinite(table[:, 0])
    np.testing.assert_array_equal(known, np.isfinite(table).all(axis=1))
    assert np.all(known[density > 2e-9 * density.max()])
    assert not np.any(known[density < 0.5e-9 * density.max()])
    score = first[known] / density[known]
    # Relative to a kernel at the distance z from its value, the error of cubic interpolation is at most b, and those of
    # its derivatives are b z / h and b (z / h)^2. Ratios of densities have twice the error of a kernel, squares double.
    slope = np.max(np.min(np.abs(grid.points()[known, None] - values), axis=1)) / BANDWIDTH**2
    bound = 9.0 / 384.0 * (grid.step * slope) ** 4
    assert bound < 1e-4
    np.testing.assert_allclose(table[known, 0], np.log(density[known]), rtol=0.0, atol=bound)
    np.testing.assert_allclose(table[known, 1], score, rtol=0.0, atol=2.0 * bound * slope)
    curvature = second[known] / density[known] - score**2
    np.testing.assert_allclose(table[known, 2], curvature, rtol=0.0, atol=6.0 * bound * slope**2)


# --- many densities at once -------------------------------------------------------------------------------------------


def test_scores_of_many_samples_are_those_of_each(sample, rng):
    values, _ = sample
    grid = density_grid(values.min(), values.max(), BANDWIDTH, 512)
    near = np.bincount(np.rint((values - grid.low) / grid.step).astype(int), minlength=grid.size)
    counts = rng.multinomial(values.size, near / near.sum(), size=5).astype(np.float64)
    scores = grid_scores(counts, grid.step, BANDWIDTH)
    points = grid.points()
    for row, found in zip(counts, scores, strict=True):
        density, first, _ = kernel_sums(points, points, row, BANDWIDTH)
        known = density > 1e-8 * density.max()
        np.testing.assert_allclose(found[known], first[known] / density[known], atol=1e-5)
    assert np.isfinite(scores).all()


def test_thin_parts_of_many_scores_are_filled():
    grid = DensityGrid(-40.0, 0.1, 801)
    counts = np.zeros((2, grid.size))
    counts[0, [200, 600]] = 1.0  # at -20 and 20, with nothing between
    counts[1, 400] = 2.0
    first, second = grid_scores(counts, grid.step, 1.0)
    points = grid.points()
    np.testing.assert_allclose(second, -points, atol=1e-6)
    ends = (points < -20.0) | (points > 20.0)
    np.testing.assert_allclose(first[ends], -np.sign(points[ends]) * (np.abs(points[ends]) - 20.0), atol=1e-6)
    middle = np.abs(points) < 10.0
    np.testing.assert_allclose(np.diff(first[middle], 2), 0.0, atol=1e-9)


def test_cubic_counts_sum_to_the_weights(sample):
    values, weights = sample
    grid = density_grid(values.min(), values.max(), BANDWIDTH)
    assert cubic_counts(bin_moments(values, weights, grid)).sum() == pytest.approx(weights.sum(), rel=1e-12)
