"""Make the table of null laws that comes with ``statlearn.halfspace``.

Run ``python -m benchmarks.halfspace_null_tables`` from the root of the project: it draws Gaussian samples of every
size of the grid and writes ``statlearn/halfspace/null_moments.npz``. Seeds are fixed by size. On one core it takes
about half an hour; ``--jobs`` runs more cells at a time.
"""

import argparse

import numpy as np

from statlearn._support.parallel import run_parallel
from statlearn.halfspace._bands import orthogonal_moments
from statlearn.halfspace._moments import moment_statistics, self_whiten
from statlearn.halfspace._tabulated_nulls import (
    FILE,
    MOMENT_POWERS,
    SURVIVAL_LEVELS,
    band_normalizer,
    kurtosis_moments,
    moment_normalizers,
)

DRAWS = 1000
MOMENT_FEATURES = (1, 2, 3, 5, 10, 20, 30, 50, 70, 100)
MOMENT_SIZES = (500, 1000, 5000, 20000)
BAND_FEATURES = (1, 2, 3, 5, 10, 20, 30, 50, 70, 99)
BAND_SIZES = (5, 8, 15, 40, 400)  # rows per feature of the sample


def generators(*key):
    """One generator per draw; the key is the size."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(key).spawn(DRAWS)]


def draw_moments(n_samples, d):
    """The first five statistics of `moment_statistics` for every draw."""
    return np.array(
        [moment_statistics(self_whiten(rng.standard_normal((n_samples, d))).Z)[:5] for rng in generators(n_samples, d)]
    )


def draw_bands(rows_per_feature, rest):
    """Covariance deviation and kurtosis of ``rest`` orthogonal coordinates for every draw."""
    n_rows = rows_per_feature * (rest + 1)
    return np.array(
        [orthogonal_moments(rng.standard_normal((n_rows, rest)))[1:] for rng in generators(n_rows, rest, 1)]
    )


def moment_cell(n_samples, d):
    """Means, standard deviations and quantiles of the largest of a cell of the grid of whole samples."""
    draws = draw_moments(n_samples, d)
    kurtosis_mean, kurtosis_deviation = kurtosis_moments(n_samples, d)
    kurtosis = np.abs(draws[:, 1] - kurtosis_mean) / kurtosis_deviation
    others = draws[:, [0, 2, 3, 4]] / moment_normalizers(n_samples, d)
    return _cell(np.sign(others) * np.abs(others) ** MOMENT_POWERS, kurtosis)


def band_cell(rows_per_feature, rest):
    """The same of a cell of the grid of bands."""
    draws = draw_bands(rows_per_feature, rest)
    n_rows = rows_per_feature * (rest + 1)
    kurtosis_mean, kurtosis_deviation = kurtosis_moments(n_rows, rest)
    kurtosis = np.abs(draws[:, 1] - kurtosis_mean) / kurtosis_deviation
    return _cell(np.cbrt(draws[:, :1] / band_normalizer(n_rows, rest)), kurtosis)


def _cell(powers, kurtosis):
    means, deviations = powers.mean(axis=0), powers.std(axis=0, ddof=1)
    largest = np.maximum(((powers - means) / deviations).max(axis=1), kurtosis)
    return np.concatenate([means, deviations, np.quantile(largest, 1.0 - SURVIVAL_LEVELS)])


def make_grid(cell, features, sizes, n_jobs):
    """All cells, of shape (n_features, n_sizes, n_values)."""
    tasks = [(size, d) for d in features for size in sizes]
    return np.reshape(run_parallel(cell, tasks, n_jobs=n_jobs), (len(features), len(sizes), -1)).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="cells at a time")
    n_jobs = parser.parse_args().jobs
    np.savez_compressed(
        FILE,
        moment_features=np.array(MOMENT_FEATURES),
        moment_sizes=np.array(MOMENT_SIZES),
        moment_values=make_grid(moment_cell, MOMENT_FEATURES, MOMENT_SIZES, n_jobs),
        band_features=np.array(BAND_FEATURES),
        band_sizes=np.array(BAND_SIZES),
        band_values=make_grid(band_cell, BAND_FEATURES, BAND_SIZES, n_jobs),
    )
    print(f"{FILE}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
