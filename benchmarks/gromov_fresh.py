"""Measures of the Gromov-Wasserstein family that need a process of their own: first calls, and peak memory.

`benchmarks.fresh_process.run_fresh` starts one of the measures below in a new interpreter and returns what it found;
``python -m benchmarks.gromov_fresh MEASURE`` prints the same as JSON.
"""

import json
import sys
from time import process_time

from benchmarks.process_memory import peak_memory

__all__ = ["first_call", "large_sort"]


def first_call():
    """Processor seconds of the import, of the first and of the second interval around the value of two small clouds.

    Returns
    -------
    dict
    """
    import numpy as np
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    costs = [cdist(points, points) for points in (rng.normal(size=(20, 3)), rng.normal(size=(20, 2)))]
    start = process_time()
    from statlearn.gromov import gromov_wasserstein_bounds

    imported = process_time()
    gromov_wasserstein_bounds(*costs)
    first = process_time()
    gromov_wasserstein_bounds(*costs)
    return {"import_s": imported - start, "first_s": first - imported, "second_s": process_time() - first}


def large_sort(n_points=1_000_000):
    """Processor seconds and peak memory of the sorted bound of two large clouds.

    Parameters
    ----------
    n_points : int or str, default=1_000_000
        Of each cloud.

    Returns
    -------
    dict
    """
    import numpy as np

    from statlearn.gromov import SquaredEuclideanCost, sorted_gromov_wasserstein

    rng, n_points = np.random.default_rng(0), int(n_points)
    X, Y = rng.normal(size=(n_points, 3)), rng.normal(size=(n_points, 2))
    sorted_gromov_wasserstein(SquaredEuclideanCost(X[:100]), SquaredEuclideanCost(Y[:100]))  # compile
    before = peak_memory()
    start = process_time()
    bound = sorted_gromov_wasserstein(SquaredEuclideanCost(X), SquaredEuclideanCost(Y))
    return {"seconds": process_time() - start, "peak_gib": peak_memory(), "peak_before_gib": before, "bound": bound}


MEASURES = {measure.__name__: measure for measure in (first_call, large_sort)}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:])))
