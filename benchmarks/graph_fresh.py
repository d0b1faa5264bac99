"""Measures of the graph family that need a process of their own: first calls, and peak memory of large graphs.

`benchmarks.fresh_process.run_fresh` starts one of the measures below in a new interpreter and returns what it found;
``python -m benchmarks.graph_fresh MEASURE`` prints the same as JSON.
"""

import json
import sys
from time import perf_counter, process_time

from benchmarks.process_memory import peak_memory

__all__ = ["first_call", "large_features"]

LARGE = {"sizes": [20_000] * 5, "P": (15e-4, 1.25e-4)}  # 100,000 nodes, 2 million edges
FEATURES = {
    "lanczos": {"kernel": "normalized_heat", "method": "lanczos", "n_components": 8},
    "landmark": {"kernel": "normalized_heat", "log": True, "method": "landmark", "n_landmarks": 100},
}


def first_call():
    """Processor seconds of the import, of the first fit and of the second fit of a small `GraphKernelKMeans`.

    Returns
    -------
    dict
    """
    import numpy  # noqa: F401
    import sklearn.cluster  # noqa: F401

    from statlearn.datasets import make_sbm

    graph, _ = make_sbm([50, 50], (0.3, 0.05), random_state=0)
    start = process_time()
    from statlearn.graph import GraphKernelKMeans

    imported = process_time()
    GraphKernelKMeans(random_state=0).fit(graph)
    first = process_time()
    GraphKernelKMeans(random_state=0).fit(graph)
    return {"import_s": imported - start, "first_s": first - imported, "second_s": process_time() - first}


def large_features(which):
    """Seconds and peak memory of the features of a stochastic block model, and how well they recover its blocks.

    Parameters
    ----------
    which : {"lanczos", "landmark"}

    Returns
    -------
    dict
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    from statlearn.datasets import make_sbm
    from statlearn.graph import NodeKernel, SpectralGraph

    adjacency, blocks = make_sbm(**LARGE, random_state=0)
    small, _ = make_sbm([100, 100], (0.2, 0.05), random_state=0)
    options = FEATURES[which]
    NodeKernel(**options, random_state=0).fit(small)  # compile
    before = peak_memory()
    start, cpu_start = perf_counter(), process_time()
    model = NodeKernel(**options, random_state=0).fit(SpectralGraph(adjacency))
    seconds, cpu_seconds = perf_counter() - start, process_time() - cpu_start
    peak = peak_memory()
    found = KMeans(len(LARGE["sizes"]), n_init=3, random_state=0).fit_predict(model.features_)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_gib": peak,
        "peak_before_gib": before,
        "n_edges": int(adjacency.nnz // 2),
        "ari": float(adjusted_rand_score(blocks, found)),
    }


MEASURES = {measure.__name__: measure for measure in (first_call, large_features)}


if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:])))
