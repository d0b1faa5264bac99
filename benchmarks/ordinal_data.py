"""Data of the ordinal benchmarks: the soup tasting study and generated tables of any size."""

import os
from pathlib import Path

import numpy as np
from scipy.special import expit

__all__ = ["data_folder", "load_soup", "make_cumulative_logit"]

SOUP_REFERENCE = {
    "PROD": "Ref",
    "DAY": "1",
    "SOUPTYPE": "Self-made",
    "SOUPFREQ": ">1/week",
    "COLD": "No",
    "EASY": "1",
    "GENDER": "Male",
    "AGEGROUP": "18-30",
    "LOCATION": "Region 1",
}


def data_folder():
    """Folder of the shared data sets: the variable ``STATLEARN_DATA``, else ``shared/data`` beside the project.

    Returns
    -------
    pathlib.Path
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("STATLEARN_DATA", beside))


def load_soup():
    """The soup study: how sure tasters were, in six steps, and 22 indicator columns.

    The order of the answers is reversed, as in the paper: class 5, 12.3 % of the rows, has ``SURENESS == 1``.

    Returns
    -------
    X : ndarray of shape (1847, 22)
    y : ndarray of shape (1847,)

    Raises
    ------
    FileNotFoundError
        If the shared data are not there.
    """
    import pandas as pd

    table = pd.read_csv(data_folder() / "ordinal" / "soup.csv", dtype=dict.fromkeys(SOUP_REFERENCE, str))
    columns = [
        (table[name] == level).to_numpy(dtype=np.float64)
        for name, reference in SOUP_REFERENCE.items()
        for level in sorted(set(table[name]) - {reference})
    ]
    return np.column_stack(columns), 6 - table["SURENESS"].to_numpy()


def make_cumulative_logit(n_samples, n_features, n_classes, *, n_informative=10, seed=0):
    """Ordered classes from cumulative logits that deviate from proportional odds and never cross.

    Columns are uniform on (-1, 1). The first ``n_informative`` columns have slopes of alternating sign, and each later
    cut changes the slope of one column by at most 80 % of the distance between neighboring intercepts, so that
    the cuts keep their order on the whole cube.

    Parameters
    ----------
    n_samples, n_features, n_classes : int
    n_informative : int, default=10
    seed : int, default=0

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    """
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, size=(n_samples, n_features))
    n_informative = min(n_informative, n_features)
    slopes = np.zeros((n_classes - 1, n_features))
    slopes[:, :n_informative] = 0.5 * (-1.0) ** np.arange(n_informative)
    intercepts = np.linspace(-1.0, 4.0, n_classes - 1) if n_classes > 2 else np.array([1.0])
    for cut in range(1, n_classes - 1):
        deviation = 0.8 * (intercepts[cut] - intercepts[cut - 1]) * rng.choice([-1.0, 1.0])
        slopes[cut:, (cut - 1) % n_informative] += deviation
    at_most = expit(X @ slopes.T + intercepts)
    return X, (rng.uniform(size=n_samples)[:, None] > at_most).sum(axis=1)
