"""The njit wrapper: same results as Numba's own, and alive without a writable cache."""

import math
import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from statlearn._support.jit import njit

KERNEL = """
{statement}

@njit
def total(values):
    result = 0.0
    for value in values:
        result += value
    return result

if __name__ == "__main__":
    import numpy as np
    print(total(np.arange(4.0)))
"""
OURS = "from statlearn._support.jit import njit"
PLAIN = "import numba; njit = numba.njit(cache=True)"

needs_compiler = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT: nothing is compiled")


@njit
def divide(numerator, denominator):
    return numerator / denominator


def test_division_by_zero_follows_numpy():
    if numba.config.DISABLE_JIT:
        pytest.skip("plain Python raises ZeroDivisionError")
    assert divide(1.0, 0.0) == np.inf
    assert np.isnan(divide(0.0, 0.0))


@needs_compiler
def test_options_and_original_function():
    assert divide.targetoptions["nogil"] is True
    assert divide.targetoptions["error_model"] == "numpy"
    assert divide.py_func(1.0, 2.0) == divide(1.0, 2.0) == 0.5


@njit(any_order=True)
def total_in_any_order(values):
    result = 0.0
    for value in values:
        result += value
    return result


def test_sums_in_any_order(rng):
    values = rng.standard_normal(1001)
    assert total_in_any_order(values) == pytest.approx(math.fsum(values), abs=1e-12)
    assert total_in_any_order(np.append(values, -np.inf)) == -np.inf
    assert np.isnan(total_in_any_order(np.append(values, np.nan)))


@needs_compiler
def test_only_sums_that_say_so_are_in_any_order():
    assert total_in_any_order.targetoptions["fastmath"] == {"reassoc", "contract"}
    assert "fastmath" not in divide.targetoptions


@needs_compiler
def test_nothing_is_compiled_before_the_first_call():
    @njit
    def fresh(value):
        return value + 1.0

    assert fresh.signatures == []
    assert fresh(1.0) == 2.0
    assert len(fresh.signatures) == 1


def test_other_errors_are_not_hidden():
    with pytest.raises(TypeError):
        njit(3)


def _run_kernel(folder, statement, **environment):
    script = folder / "kernel.py"
    script.write_text(KERNEL.format(statement=statement))
    return subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_compiler
def test_cache_is_written_where_it_can_be(tmp_path):
    done = _run_kernel(tmp_path, OURS, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert done.stdout.split() == ["6.0"], done.stderr
    assert list((tmp_path / "cache").rglob("*.nbc"))


@needs_compiler
def test_survives_an_unwritable_cache(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where folders are expected")
    (tmp_path / "__pycache__").write_text("a file where a folder is expected")
    nowhere = {name: str(blocked) for name in ("NUMBA_CACHE_DIR", "HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    if "cannot cache function" not in _run_kernel(tmp_path, PLAIN, **nowhere).stderr:
        pytest.skip("Numba finds another place for its cache on this system")
    done = _run_kernel(tmp_path, OURS, **nowhere)
    assert done.stdout.split() == ["6.0"], done.stderr
