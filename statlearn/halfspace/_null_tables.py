"""Null laws of the battery: simulated for the size of a sample, kept in memory and, if asked, on disk.

Self-whitened statistics have one law at Gaussian data of a given size, and rotations bring the hyperplane to the first
axis, so that a table is good for every sample of its size.
"""

import hashlib
import os
import tempfile
import zlib
from collections import OrderedDict
from dataclasses import astuple, dataclass
from numbers import Integral
from pathlib import Path
from threading import Lock
from zipfile import BadZipFile

import numpy as np

from .._support.parallel import run_parallel
from .._support.random_streams import spawn_generators
from ._bands import band_catalog, band_statistics
from ._moments import Statistic, moment_catalog, moment_statistics, self_whiten

__all__ = ["Battery", "simulate_null"]

VERSION = 1  # of the statistics: part of every key, so that draws of other statistics are never read
REMEMBERED_TABLES = 64
DRAWS_PER_TASK = 10


@dataclass(frozen=True)
class Battery:
    """Which statistics are computed, and on how large a sample: all that their null law depends on.

    ``width`` is the width of the ramp in standard deviations of the margin, None for no bands. With ``center=False``
    the hyperplane goes through the origin, and the null hypothesis says that the mean is there: its distance becomes
    the first statistic.
    """

    n_samples: int
    n_features: int
    width: float | None = None
    moments: bool = True
    center: bool = True

    @property
    def catalog(self):
        """What the statistics are, in their order."""
        catalog = () if self.center else (Statistic("mean", 1.0, 2 / 3),)
        if self.moments:
            catalog += moment_catalog(self.n_features)
        if self.width is not None:
            catalog += band_catalog(self.n_samples, self.n_features, self.width)
        return catalog

    def evaluate(self, sample, normal=None):
        """Statistics of a whitened sample, and the numbers of rows in the bands around the hyperplane."""
        statistics = [] if self.center else [np.array([np.linalg.norm(sample.origin)])]
        counts = ()
        if self.moments:
            statistics.append(moment_statistics(sample.Z))
        if self.width is not None:
            offset = 0.0 if self.center else sample.origin @ normal
            inside, counts = band_statistics(sample.Z, normal, offset, self.width)
            statistics.append(inside)
        return np.concatenate(statistics), counts

    def draw(self, generators):
        """Statistics of one Gaussian sample for each generator."""
        return np.array([self._draw_one(generator) for generator in generators])

    def _draw_one(self, generator):
        X = generator.standard_normal((self.n_samples, self.n_features))
        sample = self_whiten(X)
        normal = None if self.width is None else sample.normal(X, np.eye(self.n_features)[0])
        return self.evaluate(sample, normal)[0]


class _RecentTables:
    """The tables used last, by key; safe to share between threads."""

    def __init__(self, size):
        self._size, self._tables, self._lock = size, OrderedDict(), Lock()

    def get(self, key):
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
            return self._tables.get(key)

    def put(self, key, table):
        with self._lock:
            self._tables[key] = table
            self._tables.move_to_end(key)
            while len(self._tables) > self._size:
                self._tables.popitem(last=False)


_recent_tables = _RecentTables(REMEMBERED_TABLES)


def simulate_null(battery, n_null, random_state=0, cache_dir=None, n_jobs=None):
    """Null draws of a battery, of shape (n_null, n_statistics).

    With an int as seed the draws are kept in memory, and in a file of ``cache_dir`` if there is one; any other
    ``random_state`` gives new draws at every call.
    """
    if not isinstance(random_state, Integral):
        return _simulate(battery, n_null, random_state, n_jobs)
    key = (VERSION, *astuple(battery), n_null, int(random_state))
    path = None if cache_dir is None else Path(cache_dir) / f"halfspace-null-{_digest(key)}.npz"
    if path is not None and path.parent.exists() and not path.parent.is_dir():
        raise ValueError(f"cache_dir must be a folder. Got a file: {path.parent}.")
    draws = _recent_tables.get(key)
    if draws is None and path is not None and path.exists():
        draws = _read(path, key, (n_null, len(battery.catalog)))
    if draws is None:
        draws = _simulate(battery, n_null, random_state, n_jobs)
    if path is not None and not path.exists():
        _write(path, key, draws)
    draws.setflags(write=False)
    _recent_tables.put(key, draws)
    return draws


def _simulate(battery, n_null, random_state, n_jobs):
    """Draw in chunks; every draw has a generator of its own, so that the number of workers does not matter."""
    generators = spawn_generators(random_state, n_null)
    chunks = [(generators[start : start + DRAWS_PER_TASK],) for start in range(0, n_null, DRAWS_PER_TASK)]
    return np.concatenate(run_parallel(battery.draw, chunks, n_jobs=n_jobs))


def _digest(key):
    return hashlib.sha256(repr(key).encode()).hexdigest()[:20]


def _read(path, key, shape):
    """Draws from a file, which must hold this very table."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as content:
            found, draws = str(content["key"]), content["draws"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(f"cache_dir holds a file that is no table of null draws: {path}. Delete it.") from error
    if found != repr(key) or draws.shape != shape:
        raise ValueError(f"cache_dir holds a file with another table under this name: {path}. Delete it.")
    return draws


def _write(path, key, draws):
    """Write to a temporary file and move it, so that no other process ever reads half a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, key=np.array(repr(key)), draws=draws)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
