"""Measures of distance covariance that need a process of their own: first calls, and memory at a million rows.

`benchmarks.fresh_process.run_fresh` starts one of the measures below in a new interpreter and returns what it found;
``python -m benchmarks.dependence_fresh MEASURE`` prints the same as JSON.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.process_memory import AnonymousMemory, peak_memory, resident_memory

__all__ = ["first_call", "large_gradient", "statistics_on_disk"]

FORGET_PEAK = Path("/proc/self/clear_refs")  # a 5 written here sets the peak to what is resident now
MEGABYTES_PER_GIB = 2**30 / 1e6


def first_call(kind="cells, one-hot"):
    """Processor seconds of the import, of the first and of the second value and gradient of a small table.

    Parameters
    ----------
    kind : str, default="cells, one-hot"
        Attributes, see `benchmarks.fairness_data.make_dependent`.

    Returns
    -------
    dict
    """
    from benchmarks.fairness_data import make_dependent

    f, blocks = make_dependent(kind, 300)
    start = process_time()
    from statlearn.dependence import DistanceCovariancePenalty

    imported = process_time()
    DistanceCovariancePenalty().fit(blocks).value_and_grad(f)
    first = process_time()
    DistanceCovariancePenalty().fit(blocks).value_and_grad(f)
    return {"import_s": imported - start, "first_s": first - imported, "second_s": process_time() - first}


def large_gradient(kind="cells, codes", n_samples=1_000_000):
    """Processor seconds of value and gradient on a large table, and megabytes beyond the data.

    What the interpreter, its modules, compiled code and the data take is resident before, and does not count. Where the
    system does not tell what is resident, the peak before stands for it, which may flatter.

    Parameters
    ----------
    kind : str, default="cells, codes"
        Attributes, see `benchmarks.fairness_data.make_dependent`.
    n_samples : int or str, default=1_000_000

    Returns
    -------
    dict
    """
    from benchmarks.fairness_data import make_dependent
    from statlearn.dependence import DistanceCovariancePenalty

    f, blocks = make_dependent(kind, 2000)
    DistanceCovariancePenalty().fit(blocks).value_and_grad(f)  # compile
    f, blocks = make_dependent(kind, int(n_samples))
    with suppress(OSError):  # where there is no such file, or none to write, the earlier peak counts against us
        FORGET_PEAK.write_text("5")
    before, start = resident_memory(), process_time()
    penalty = DistanceCovariancePenalty().fit(blocks)
    fitted = process_time()
    value, _ = penalty.value_and_grad(f)
    return {
        "fit_s": fitted - start,
        "value_and_grad_s": process_time() - fitted,
        "added_mb": (peak_memory() - before) * MEGABYTES_PER_GIB,
        "data_mb": (f.nbytes + sum(block.nbytes for block in blocks)) / 1e6,
        "method": penalty.method_,
        "value": value,
    }


def statistics_on_disk(n_samples, folder):
    """Seconds and megabytes of the statistics of two columns in files, and the seconds of the correlation in memory.

    Memory that belongs to files does not count: the system can take it back at any time. Nothing else has run that
    would have left memory to take again.

    Parameters
    ----------
    n_samples : int or str
        Number of rows.
    folder : str
        Where the files are made.

    Returns
    -------
    dict
    """
    import numpy as np

    from statlearn.dependence import distance_correlation, out_of_core_distance_statistics

    columns = [np.lib.format.open_memmap(Path(folder, name), "w+", float, (int(n_samples),)) for name in ("x", "y")]
    rng = np.random.default_rng(0)
    for rows in range(0, int(n_samples), 1_000_000):
        x, y = rng.normal(size=(2, min(1_000_000, int(n_samples) - rows)))
        columns[0][rows : rows + 1_000_000], columns[1][rows : rows + 1_000_000] = x, x**2 + y
    out_of_core_distance_statistics(columns[0][:1000], columns[1][:1000], rows_in_memory=100)  # compile
    with AnonymousMemory(seconds=0.005) as memory:
        start = perf_counter()
        correlation = out_of_core_distance_statistics(*columns, directory=folder).correlation
        disk_s = perf_counter() - start
    x, y = map(np.array, columns)
    start = perf_counter()
    return {
        "correlation": correlation,
        "in_memory": distance_correlation(x, y),
        "memory_s": perf_counter() - start,
        "disk_s": disk_s,
        "added_mb": memory.growth * MEGABYTES_PER_GIB,
        "data_mb": 16e-6 * int(n_samples),
    }


MEASURES = {measure.__name__: measure for measure in (first_call, large_gradient, statistics_on_disk)}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:])))
