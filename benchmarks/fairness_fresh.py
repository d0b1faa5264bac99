"""First fit of a fair model in a process of its own.

`benchmarks.fresh_process.run_fresh` starts the measure below in a new interpreter and returns what it found;
``python -m benchmarks.fairness_fresh first_fit`` prints the same as JSON.
"""

import json
import sys
from time import process_time

__all__ = ["first_fit"]


def first_fit():
    """Processor seconds of the import, of the first and of the second fit of a small fair regression.

    Returns
    -------
    dict
    """
    import sklearn.linear_model  # noqa: F401

    from benchmarks.fairness_data import make_dependent

    y, (sensitive,) = make_dependent("cells, codes", 300)
    X = y[:, None] ** [1, 2]
    start = process_time()
    from statlearn.fairness import DistanceCovarianceFairRegressor

    imported = process_time()
    DistanceCovarianceFairRegressor().fit(X, y, sensitive.astype(str))
    first = process_time()
    DistanceCovarianceFairRegressor().fit(X, y, sensitive.astype(str))
    return {"import_s": imported - start, "first_s": first - imported, "second_s": process_time() - first}


MEASURES = {measure.__name__: measure for measure in (first_fit,)}

if __name__ == "__main__":
    print(json.dumps(MEASURES[sys.argv[1]](*sys.argv[2:])))
