"""Tables that stay on disk: what reads a memory map without copying it, measured, and the same results as in memory.

A job runs in a process of its own, since memory that other tests have freed would hide what it takes. It is called for
a table and for one of twice the size. What counts is memory that belongs to no file: the pages of a map can be dropped
by the system at any time, and a copy cannot.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.process_memory import AnonymousMemory, tells_anonymous_memory

MEBIBYTE, GIBIBYTE = 2.0**20, 2.0**30
SHARE = 0.1  # of what the table has grown by, that memory may grow: a copy is 1, a copy in single precision one half
ROWS_AT_ONCE = 1000

# What the jobs need is imported in them: a process runs one.


def market_of_logistic_bets(table, y):
    from statlearn.market import LogisticMarketClassifier

    model = LogisticMarketClassifier()
    for X, labels in chunks(table, y):
        model.partial_fit(X, labels, classes=[0, 1])
    return model.budgets_, model.coef_


def market_of_participants_that_learn(table, y):
    from sklearn.linear_model import SGDClassifier
    from sklearn.naive_bayes import GaussianNB

    from statlearn.market import PredictionMarketClassifier

    participants = [("bayes", GaussianNB()), ("linear", SGDClassifier(loss="log_loss", random_state=0))]
    model = PredictionMarketClassifier(participants, update="online", refit_participants=True)
    for X, labels in chunks(table, y):
        model.partial_fit(X, labels, classes=[0, 1])
    return model.budgets_, model.loss_curve_


def market_of_the_leaves_of_a_forest(table, y):
    from sklearn.ensemble import RandomForestClassifier

    from statlearn.market import MarketForestClassifier

    forest = RandomForestClassifier(10, max_depth=5, random_state=0)
    model = MarketForestClassifier(forest, update="online", random_state=0)
    for X, labels in chunks(table, y):
        model.partial_fit(X, labels, classes=[0, 1])
    return model.budgets_, model.loss_curve_


def leverage(table, y):
    from statlearn.design import leverage_scores

    return (leverage_scores(table),)


def leverage_with_weights(table, y):
    from statlearn.design import leverage_scores

    return (leverage_scores(table, sample_weight=1.0 + y),)


def distance_covariance_of_each_column(table, y):
    from statlearn.dependence import distance_covariance

    return (np.array([distance_covariance(table[:, column], y) for column in range(table.shape[1])]),)


def distance_covariance_of_two_columns(table, y):
    from statlearn.dependence import distance_covariance

    return (np.array([distance_covariance(table[:, 0], table[:, 1])]),)


def distance_statistics_on_disk(table, y):
    from statlearn.dependence import out_of_core_distance_statistics

    statistics = out_of_core_distance_statistics(table[:, 0], table[:, 1], rows_in_memory=5000)
    return statistics.covariance, statistics.correlation


def distance_covariance_of_a_block(table, y):
    from statlearn.dependence import SlicedDistance, distance_covariance

    return (np.array([distance_covariance(y, table, method=SlicedDistance(4, random_state=0))]),)


def copy(table, y):
    return (np.array(table).sum(axis=0),)


def chunks(table, y):
    """The rows as a stream."""
    for start in range(0, len(table), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        yield table[rows], y[rows]


def run_job(name, folder, shapes):
    """Call a job for parts of the table, smallest first; prints the peaks, and keeps the results for the last."""
    job, table, y = globals()[name], *(np.load(Path(folder) / file, mmap_mode="r") for file in ("X.npy", "y.npy"))
    job(table[: shapes[0][0] // 4, : shapes[0][1]], y[: shapes[0][0] // 4])  # imports, compiles, makes lasting buffers
    peaks = []
    for n_rows, n_columns in shapes:
        with AnonymousMemory() as memory:
            found = job(table[:n_rows, :n_columns], y[:n_rows])
        peaks.append(memory.growth * GIBIBYTE)
    np.savez(Path(folder) / f"{name}.npz", *found)
    print(json.dumps(peaks))


needs_proc = pytest.mark.skipif(
    not tells_anonymous_memory(), reason="the system does not tell what memory belongs to no file"
)


@pytest.fixture(scope="module", params=["float64", "float32"])
def wide(request, tmp_path_factory):
    """40,000 rows and 200 columns, 61 or 31 MiB."""
    return write_table(tmp_path_factory.mktemp("wide"), 40_000, 200, request.param)


@pytest.fixture(scope="module")
def wide_doubles(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("doubles"), 40_000, 200, "float64")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """200,000 rows of two columns, 3 MiB: what is kept per row is more than the row."""
    return write_table(tmp_path_factory.mktemp("narrow"), 200_000, 2, "float64")


def write_table(folder, n_rows, n_columns, dtype):
    table = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=dtype, shape=(n_rows, n_columns))
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=n_rows)
    for rows in range(0, n_rows, 5000):
        table[rows : rows + 5000] = rng.standard_normal((min(5000, n_rows - rows), n_columns))
        table[rows : rows + 5000, :2] += 0.5 * y[rows : rows + 5000, None]
    table.flush()
    np.save(folder / "y.npy", y)
    return folder


def peaks_of(job, folder, shapes):
    """Peaks of memory of a job, and the bytes of the tables it was called for."""
    # Large arrays come from the system and go back to it: what was freed before does not serve what comes later.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, __file__, job.__name__, str(folder), json.dumps(shapes)]
    done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    itemsize = np.load(folder / "X.npy", mmap_mode="r").itemsize
    return np.array(json.loads(done.stdout)), np.array([itemsize * n_rows * n_columns for n_rows, n_columns in shapes])


def growth(job, folder, shapes):
    """By how much the peak grows from the first table to the second, as a share of how much larger that is."""
    peaks, sizes = peaks_of(job, folder, shapes)
    share = (peaks[1] - peaks[0]) / (sizes[1] - sizes[0])
    print(f"{job.__name__}: {peaks / MEBIBYTE} MiB for tables of {sizes / MEBIBYTE} MiB, share {share:.3f}")
    return share


def assert_same_in_memory(job, folder, shape):
    """What a job kept is what it returns for a table that was read."""
    n_rows, n_columns = shape
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    with np.load(folder / f"{job.__name__}.npz") as kept:
        for found, expected in zip(kept.values(), job(X[:n_rows, :n_columns], y[:n_rows]), strict=True):
            np.testing.assert_array_equal(found, expected)


TWICE_THE_ROWS = [(20_000, 200), (40_000, 200)]


@needs_proc
@pytest.mark.parametrize(
    "job",
    [market_of_logistic_bets, market_of_participants_that_learn, market_of_the_leaves_of_a_forest],
    ids=lambda job: job.__name__,
)
def test_a_stream_of_a_market_takes_the_memory_of_a_chunk(wide_doubles, job):
    assert growth(job, wide_doubles, TWICE_THE_ROWS) < SHARE
    assert_same_in_memory(job, wide_doubles, TWICE_THE_ROWS[1])


@needs_proc
def test_leverage_scores_read_a_table_in_blocks(wide):
    """But for the scores, 8 bytes a row."""
    assert growth(leverage, wide, TWICE_THE_ROWS) < SHARE
    assert_same_in_memory(leverage, wide, TWICE_THE_ROWS[1])


@needs_proc
def test_weighted_leverage_scores_do_too(wide_doubles):
    assert growth(leverage_with_weights, wide_doubles, TWICE_THE_ROWS) < SHARE
    assert_same_in_memory(leverage_with_weights, wide_doubles, TWICE_THE_ROWS[1])


@needs_proc
def test_distance_covariance_of_one_column_after_the_other_leaves_the_rest_on_disk(wide_doubles):
    shapes = [(20_000, 50), (20_000, 100)]
    assert growth(distance_covariance_of_each_column, wide_doubles, shapes) < SHARE
    assert_same_in_memory(distance_covariance_of_each_column, wide_doubles, shapes[1])


@needs_proc
def test_distance_statistics_on_disk_take_no_more_memory_for_more_rows(narrow):
    assert growth(distance_statistics_on_disk, narrow, [(100_000, 2), (200_000, 2)]) < SHARE
    assert_same_in_memory(distance_statistics_on_disk, narrow, (200_000, 2))


@needs_proc
def test_distance_covariance_in_memory_would_show(narrow):
    """It keeps its columns and a table of both."""
    assert growth(distance_covariance_of_two_columns, narrow, [(100_000, 2), (200_000, 2)]) > 1.0


@needs_proc
def test_distance_covariance_by_slices_does_not_copy_a_block(wide_doubles):
    """Each of four slices has its own numbers of the rows, which are 200 columns wide."""
    assert growth(distance_covariance_of_a_block, wide_doubles, TWICE_THE_ROWS) < 0.3


def test_distance_covariance_of_a_map_is_that_of_the_array(narrow):
    X = np.load(narrow / "X.npy", mmap_mode="r")
    assert distance_covariance_of_two_columns(X, None) == distance_covariance_of_two_columns(np.array(X), None)


@needs_proc
def test_a_copy_would_show(wide):
    assert growth(copy, wide, TWICE_THE_ROWS) > 0.95


if __name__ == "__main__":
    run_job(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
