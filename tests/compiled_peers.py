"""Peers that compile when they are imported, imported with care."""

import functools
import importlib.util
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

LONGEST_COMPILATION = 300  # seconds, after which a lock is one that was left behind


@functools.cache
def load_peer(name):
    """A package, or a skip.

    Compilation at import has ended test processes that had loaded much else before. So a process of its own compiles
    first, and this one reads the cache. Only one compiles at a time: two that write the same cache have failed.
    """
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    with _alone(Path(tempfile.gettempdir()) / f"statlearn-tests-compile-{name}"):
        subprocess.run([sys.executable, "-W", "ignore", "-c", f"import {name}"], check=True)
    return importlib.import_module(name)


@contextmanager
def _alone(folder):
    """Wait until no other process has the folder, or until one must have left it behind."""
    deadline = time.monotonic() + LONGEST_COMPILATION
    while True:
        try:
            folder.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            folder.rmdir()
