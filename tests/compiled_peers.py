"""Peers that compile when they are imported, imported with care."""

import functools
import importlib.util
import subprocess
import sys

import pytest


@functools.cache
def load_peer(name):
    """A package, or a skip.

    Compilation at import has ended test processes that had loaded much else before. So a process of its own compiles
    first, and this one reads the cache.
    """
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    subprocess.run([sys.executable, "-W", "ignore", "-c", f"import {name}"], check=True)
    return importlib.import_module(name)
