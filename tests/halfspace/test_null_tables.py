"""Null laws: simulated, remembered, written to disk, and read from the table that comes with the library."""

import numpy as np
import pytest

from statlearn.halfspace import _null_tables
from statlearn.halfspace._moments import self_whiten
from statlearn.halfspace._null_tables import Battery, simulate_null
from statlearn.halfspace._tabulated_nulls import FILE, kurtosis_moments, table_covers, tabulated_null

SMALL = Battery(120, 3, width=2.0)


@pytest.fixture
def forgotten(monkeypatch):
    """An empty memory, as in a new process."""
    monkeypatch.setattr(_null_tables, "_recent_tables", _null_tables._RecentTables(2))


def test_draws_do_not_depend_on_the_number_of_workers_or_draws(forgotten):
    one = simulate_null(SMALL, 25, random_state=3)
    _null_tables._recent_tables = _null_tables._RecentTables(2)
    np.testing.assert_array_equal(one, simulate_null(SMALL, 25, random_state=3, n_jobs=2))
    np.testing.assert_array_equal(one[:12], simulate_null(SMALL, 12, random_state=3))
    assert one.shape == (25, len(SMALL.catalog))


def test_draws_with_a_seed_are_made_once(forgotten, monkeypatch):
    one = simulate_null(SMALL, 5, random_state=3)
    assert not one.flags.writeable
    with monkeypatch.context() as patch:
        patch.setattr(_null_tables, "_simulate", None)  # would fail if it were called
        assert simulate_null(SMALL, 5, random_state=np.int64(3)) is one
    assert not np.array_equal(one, simulate_null(SMALL, 5, random_state=4))
    generator = np.random.default_rng(0)
    assert not np.array_equal(simulate_null(SMALL, 5, generator), simulate_null(SMALL, 5, generator))
    simulate_null(SMALL, 6, random_state=3)  # the third table: the memory of two forgets the first
    assert simulate_null(SMALL, 5, random_state=3) is not one


def test_draws_on_disk(forgotten, tmp_path, monkeypatch):
    folder = tmp_path / "new"
    one = simulate_null(SMALL, 5, random_state=3, cache_dir=folder)
    (file,) = folder.iterdir()
    monkeypatch.setattr(_null_tables, "_recent_tables", _null_tables._RecentTables(2))
    with monkeypatch.context() as patch:
        patch.setattr(_null_tables, "_simulate", None)
        np.testing.assert_array_equal(simulate_null(SMALL, 5, random_state=3, cache_dir=str(folder)), one)
    simulate_null(SMALL, 5, random_state=4, cache_dir=folder)
    simulate_null(Battery(121, 3, width=2.0), 5, random_state=3, cache_dir=folder)
    assert len(list(folder.iterdir())) == 3
    other = next(path for path in folder.iterdir() if path != file)
    for content, message in [(b"no table", "no table of null draws"), (other.read_bytes(), "another table")]:
        monkeypatch.setattr(_null_tables, "_recent_tables", _null_tables._RecentTables(2))
        file.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            simulate_null(SMALL, 5, random_state=3, cache_dir=folder)


def gaussian_statistics(battery, rng, n_draws):
    """Observed statistics and counts of Gaussian samples with a random shape."""
    d = battery.n_features
    shape, w = rng.normal(size=(d, d)), rng.normal(size=d)
    for _ in range(n_draws):
        X = rng.normal(size=(battery.n_samples, d)) @ shape
        sample = self_whiten(X)
        yield battery.evaluate(sample, None if battery.width is None else sample.normal(X, w))


def test_null_draws_have_the_law_of_any_gaussian_sample(rng):
    """Draws are made for the standard law and its first axis; means and spreads are those of other shapes and axes."""
    battery = Battery(150, 3, width=2.5, center=False)
    draws = simulate_null(battery, 400, random_state=1)
    others = np.array([statistics for statistics, _ in gaussian_statistics(battery, rng, 400)])
    spread = np.sqrt((draws.var(axis=0) + others.var(axis=0)) / 400)
    assert (np.abs(draws.mean(axis=0) - others.mean(axis=0)) < 4.5 * spread).all()
    np.testing.assert_allclose(others.std(axis=0), draws.std(axis=0), rtol=0.35)  # heavy tails at 20 rows in a band


def test_kurtosis_moments(rng):
    draws = simulate_null(Battery(60, 4), 500, random_state=5)[:, 1]
    mean, deviation = kurtosis_moments(60, 4)
    assert draws.mean() == pytest.approx(mean, abs=4 * deviation / np.sqrt(500))
    assert draws.std() == pytest.approx(deviation, rel=0.2)


BETWEEN = [
    Battery(1500, 2, width=1.0),
    Battery(1300, 7, width=0.8),
    Battery(2500, 4, width=0.3, center=False),
    Battery(3000, 1, width=0.3),
    Battery(1200, 14),
    Battery(700, 5, width=0.5, center=False),
    Battery(300, 6, width=2.0, moments=False),
]


@pytest.mark.parametrize("battery", BETWEEN, ids=str)
def test_the_table_fits_between_its_sizes(battery, rng):
    """Tabulated means are within 0.4 and spreads within 20 % of simulated ones; 300 draws know them to 0.06 and 4 %.

    That shifts a p-value of 0.05 to 0.02 or 0.1 at worst, in one of many statistics.
    """
    n_draws = 300
    scores, p_values = [], []
    powers = np.array([statistic.power for statistic in battery.catalog])
    for observed, counts in gaussian_statistics(battery, rng, n_draws):
        null = tabulated_null(battery, counts)
        scores.append((np.sign(observed) * np.abs(observed) ** powers - null.means) / null.deviations)
        p_values.append(null.judge(observed, battery.catalog, 0.05).p_value)
    means, deviations = np.mean(scores, axis=0), np.std(scores, axis=0)
    assert np.abs(means).max() < 0.4
    np.testing.assert_allclose(deviations, 1.0, atol=0.2)
    # Level 5 %, within the error of 300 draws (3 sd: 0.038).
    assert np.mean(np.array(p_values) <= 0.05) < 0.09


@pytest.mark.slow
@pytest.mark.parametrize(
    "battery",
    [
        Battery(3000, 15, width=0.5),
        Battery(3000, 40, width=0.9),
        Battery(1500, 85),
        Battery(640, 85),
        Battery(800, 14, width=0.8),
        Battery(8000, 25, width=0.1),
        Battery(12000, 8, width=0.1),
        Battery(20000, 3, width=0.05),
    ],
    ids=str,
)
def test_the_level_of_the_table_between_its_sizes(battery, rng):
    p_values = np.array(
        [
            tabulated_null(battery, counts).judge(observed, battery.catalog, 0.05).p_value
            for observed, counts in gaussian_statistics(battery, rng, 400)
        ]
    )
    assert np.mean(p_values <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert np.mean(p_values <= 0.2) > 0.08  # it is a test, not a constant


def test_what_the_table_covers():
    assert FILE.stat().st_size < 10_000
    covered = [(500, 1), (20000, 100), (5000, 37)]
    assert all(table_covers(Battery(n, d)) for n, d in covered)
    assert not any(table_covers(Battery(n, d)) for n, d in [(499, 5), (20001, 5), (5000, 101)])
    assert table_covers(Battery(1500, 100, width=1.0, moments=False))
    assert not table_covers(Battery(1500, 100, width=2.1, moments=False))
    assert not table_covers(Battery(450, 100, width=1.0, moments=False))
    with pytest.raises(ValueError, match="too small for the table"):
        tabulated_null(Battery(2000, 5), ()).quantile(0.0005)


def test_a_band_too_empty_for_the_table():
    battery = Battery(2000, 5, width=0.5)
    null = tabulated_null(battery, (3, 400))
    assert np.isnan(null.means[7:10]).all()
    assert np.isfinite(null.means[10:]).all()
