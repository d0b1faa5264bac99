"""Measures that need a process of their own: the first call with an empty cache, and peak memory.

``run_fresh(measure, ...)`` starts one of the measures below in a new interpreter and returns what it found;
``python -m benchmarks.fresh_process MEASURE`` prints the same as JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import process_time

from benchmarks.process_memory import peak_memory

__all__ = ["ONE_THREAD", "first_call", "run_fresh", "wide_path"]

PROJECT = Path(__file__).resolve().parents[1]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def first_call():
    """Processor seconds of the import, of the first fit and of the second fit of a small `PrestoClassifier`.

    Returns
    -------
    dict
    """
    import numpy  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    from benchmarks.ordinal_data import make_cumulative_logit

    X, y = make_cumulative_logit(300, 5, 4)
    start = process_time()
    from statlearn.ordinal import PrestoClassifier

    imported = process_time()
    PrestoClassifier().fit(X, y)
    first = process_time()
    PrestoClassifier().fit(X, y)
    return {"import_s": imported - start, "first_s": first - imported, "second_s": process_time() - first}


def wide_path(crossing="train", n_samples=2000, n_features=2000):
    """Processor seconds and peak memory of a path of 20 penalties down to 1 % of the largest on a wide table.

    Parameters
    ----------
    crossing : str, default="train"
    n_samples, n_features : int, default=2000

    Returns
    -------
    dict
    """
    from benchmarks.ordinal_data import make_cumulative_logit
    from benchmarks.side_by_side import single_thread
    from statlearn.ordinal import presto_path

    X, y = make_cumulative_logit(n_samples, n_features, 5)
    with single_thread():
        presto_path(X[:300, :5], y[:300], n_alphas=3, crossing=crossing)  # compile
        before = peak_memory()
        start = process_time()
        path = presto_path(X, y, n_alphas=20, eps=1e-2, crossing=crossing)
        seconds = process_time() - start
    return {
        "seconds": seconds,
        "peak_gib": peak_memory(),
        "peak_before_gib": before,
        "n_iter": int(sum(path.n_iter)),
        "df": int(path.df[-1]),
        "largest_gap": float(max(path.dual_gaps)),
        "n_crossing": int(max(path.n_crossing)),
    }


MEASURES = {measure.__name__: measure for measure in (first_call, wide_path)}


def run_fresh(measure, *arguments, n_threads=1, **environment):
    """Run ``measure`` in a new interpreter.

    Parameters
    ----------
    measure : callable
        One of the measures of a module that prints them when it is run.
    *arguments : str
        Its positional arguments.
    n_threads : int, default=1
        Threads of BLAS, OpenMP and Numba.
    **environment : str
        Further environment variables.

    Returns
    -------
    dict
        What the measure returned.

    Raises
    ------
    subprocess.CalledProcessError
        If the interpreter fails.
    """
    threads = dict.fromkeys(ONE_THREAD, str(n_threads))
    done = subprocess.run(
        [sys.executable, "-m", measure.__module__, measure.__name__, *arguments],
        cwd=PROJECT,
        env={**os.environ, **threads, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:])))
