"""Fixtures of all tests: one switchable seed, and the optional folder with real data."""

import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# Tests run in one process per core, which threads of linear algebra would only compete with.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

SEED_VARIABLE = "STATLEARN_TEST_SEED"
DATA_VARIABLE = "STATLEARN_DATA"
DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

try:
    from hypothesis import settings
except ImportError:  # without optional packages: the files that need hypothesis skip themselves
    pass
else:
    # No deadline, since the first example compiles. The same examples in every run unless a seed asks for others.
    settings.register_profile("statlearn", deadline=None, derandomize=SEED_VARIABLE not in os.environ)
    settings.load_profile("statlearn")


@pytest.fixture
def seed():
    """The seed of this run: 0, or the value of STATLEARN_TEST_SEED. No test may depend on it."""
    return int(os.environ.get(SEED_VARIABLE, "0"))


@pytest.fixture
def rng(seed):
    """A fresh random generator per test."""
    return np.random.default_rng(seed)


@pytest.fixture(scope="session")
def shared_data():
    """Folder with the real data sets, which are not part of the project."""
    folder = Path(os.environ.get(DATA_VARIABLE, DEFAULT_DATA))
    if not folder.is_dir():
        pytest.skip(f"real data sets are absent: {folder} is no folder (set {DATA_VARIABLE} to where they are)")
    return folder
