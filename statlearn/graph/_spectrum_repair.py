"""Making an indefinite kernel positive semi-definite, in the open."""

import numpy as np
from scipy import linalg

__all__ = ["REPAIRS", "repair_spectrum"]

NEGLIGIBLE = 1e-12


def _clip(K, values, vectors):
    kept = values > 0.0
    half = vectors[:, kept] * np.sqrt(values[kept])
    return half @ half.T


def _shift(K, values, vectors):
    return K - values[0] * np.eye(len(K))


def _refuse(K, values, vectors):
    raise ValueError(
        f"kernel is indefinite: its smallest eigenvalue is {values[0]:.3g} against a largest of {values[-1]:.3g}. "
        "Use indefinite='clip' or 'shift', method='similarity', or a plain kernel with psd in list_node_kernels()."
    )


REPAIRS = {"clip": _clip, "shift": _shift, "raise": _refuse}


def repair_spectrum(K, indefinite):
    """A positive semi-definite kernel in place of K, and the share of the spectrum that was negative.

    "clip" drops the negative part, which gives the nearest positive semi-definite matrix; "shift" adds the smallest
    multiple of the identity; "raise" refuses.
    """
    values, vectors = linalg.eigh(K, driver="evd", check_finite=False)
    negative = -values[values < 0.0].sum()
    share = float(negative / np.abs(values).sum())
    if values[0] >= -NEGLIGIBLE * len(K) * np.abs(values).max():
        return K, 0.0
    return REPAIRS[indefinite](K, values, vectors), share
