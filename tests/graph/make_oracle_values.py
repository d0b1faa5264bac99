"""Compute ``oracle_values.npz``: log kernels and distances in high precision, each number rounded once to float64.

Run from the root of the project, with mpmath and networkx installed; takes some minutes and gives the same
numbers on every machine::

    python -m tests.graph.make_oracle_values             # write the file
    python -m tests.graph.make_oracle_values --verify    # recompute all in twice the digits and compare

Keys are ``measure|graph|parameter|part``, such as ``log_heat|karate|20.0|H``. The part is H for the log kernel, D for
the distance ``H_ii + H_jj - H_ij - H_ji`` (or the distance rsp or fe itself), each as the upper triangle row by row,
and t for the raw parameter of katz, which is named by ``x = t rho``. Parameters are taken as the exact numbers that the
floats are.
"""

import sys
from itertools import chain, product

import numpy as np

from .reference import ORACLE_FILE, ORACLE_GRAPHS, distance, in_digits, kernel_to_distance, log_kernel, mpmath

# At t = 100 the distance of two nodes with equal neighbors falls to exp(-t rho), about 1e-292 on the karate club.
DIGITS = 400

RATES = (0.01, 1.0, 20.0, 100.0)
FRACTIONS = (0.01, 0.5, 0.99, 0.999999)
LOG_PARAMETERS = {
    "katz": (0.05, 0.5, 0.99, 0.999999),
    "communicability": RATES,
    "double_factorial": (0.01, 0.3, 1.0, 3.0),
    "forest": (*RATES, 1e4),
    "heat": RATES,
    "normalized_heat": RATES,
    "ppr": FRACTIONS,
    "modified_ppr": FRACTIONS,
    "heat_ppr": RATES,
    "absorption": (0.01, 1.0, 100.0),
    "sigmoid_ct": (0.01, 1.0, 7.0, 22.0),
    "sigmoid_cct": (0.01, 1.0, 7.0, 22.0),
}
INVERSE_TEMPERATURES = (1e-4, 0.01, 1.0, 20.0)
UNWEIGHTED = [name for name in ORACLE_GRAPHS if name != "weighted_karate"]


def oracle_keys():
    """All ``(measure, graph, parameter)`` of the file."""
    for name, parameters in LOG_PARAMETERS.items():
        yield from product([f"log_{name}"], UNWEIGHTED, parameters)
    yield from product(["rsp", "fe"], ORACLE_GRAPHS, INVERSE_TEMPERATURES)


def compute(measure, graph, parameter, digits=DIGITS):
    """The arrays of one key of the file, by part, computed in so many decimal digits and then rounded."""
    with mpmath.workdps(digits):
        A = in_digits(ORACLE_GRAPHS[graph]())
        parts = {}
        if measure == "log_katz":
            parameter = parts["t"] = parameter / float(spectral_radius(A))
        t = mpmath.mpf(parameter)
        if measure.startswith("log_"):
            H = log_kernel(measure.removeprefix("log_"), A, t)
            parts |= {"H": H, "D": kernel_to_distance(H)}
        else:
            parts["D"] = distance(measure, A, t)
        return {part: rounded_upper_triangle(value) for part, value in parts.items()}


def spectral_radius(A):
    """Largest eigenvalue of a symmetric nonnegative matrix."""
    return max(mpmath.eigsy(mpmath.matrix(A.tolist()), eigvals_only=True))


def rounded_upper_triangle(value):
    """The nearest floats of a matrix's upper triangle, or of a number."""
    value = np.asarray(value).astype(float)
    return value[np.triu_indices(len(value))] if value.ndim else value


def all_arrays(digits):
    """The whole content of the file."""
    computed = ((key, compute(*key, digits=digits)) for key in oracle_keys())
    entries = ([("|".join((*map(str, key), part)), value) for part, value in parts.items()] for key, parts in computed)
    return dict(chain.from_iterable(entries))


def main(arguments):
    """Write the file, or compare it with what twice the digits give."""
    if arguments != ["--verify"]:
        np.savez_compressed(ORACLE_FILE, **all_arrays(DIGITS))
        return
    arrays = all_arrays(2 * DIGITS)
    with np.load(ORACLE_FILE) as stored:
        wrong = [key for key in arrays if not np.array_equal(arrays[key], stored[key])]
        same_keys = set(stored) == set(arrays)
    print(f"{len(arrays) - len(wrong)} of {len(arrays)} arrays agree to the last bit; same keys: {same_keys}", *wrong)


if __name__ == "__main__":
    main(sys.argv[1:])
