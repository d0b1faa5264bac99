"""The timing helper, on functions whose work is known."""

import numba
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from benchmarks import side_by_side as helper


class FakeClock:
    """A clock that only moves when work is done."""

    def __init__(self):
        self.now = 0.0

    def work(self, seconds):
        self.now += seconds

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    fake = FakeClock()
    monkeypatch.setattr(helper, "process_time", fake)
    return fake


def test_ratio_counts_the_peer_over_ours(clock):
    comparison = helper.side_by_side(
        "work", lambda: clock.work(0.5), lambda: clock.work(2.0), peer_name="slow", rounds=3
    )
    assert comparison.ours == pytest.approx([0.5] * 3)
    assert comparison.peer == pytest.approx([2.0] * 3)
    assert comparison.ratio == pytest.approx(4.0)
    assert "4x as fast as slow" in str(comparison)


def test_median_minimum_and_maximum_are_of_ratios_not_of_seconds():
    comparison = helper.Comparison("work", "peer", ours=(1.0, 2.0, 4.0), peer=(6.0, 4.0, 4.0))
    assert comparison.ratios == (6.0, 2.0, 1.0)
    figures = helper.Result("work", comparison.ours_seconds, comparison, wanted="3x", met=False).to_dict()
    assert (figures["ratio"], figures["ratio_min"], figures["ratio_max"]) == (2.0, 1.0, 6.0)
    assert (figures["seconds"], figures["peer_seconds"]) == (2.0, 4.0)


def test_results_tell_whether_the_target_was_met():
    assert str(helper.Result("work", 0.5, wanted="1 s", met=True)) == "work: 0.5 s; wanted 1 s: met"
    assert str(helper.Result("work", 2.0, wanted="1 s", met=False, note="n=3")) == "work: 2 s; wanted 1 s: MISSED; n=3"


def test_rounds_alternate_after_a_warm_up(clock):
    calls = []

    def ours():
        calls.append("ours")
        clock.work(1.0)

    def peer():
        calls.append("peer")
        clock.work(1.0)

    helper.side_by_side("work", ours, peer, peer_name="peer", rounds=3)
    warm_up = 4  # each once to compile, each once to see how long it takes
    assert set(calls[:warm_up]) == {"ours", "peer"}
    assert calls[warm_up:] == ["ours", "peer", "peer", "ours", "ours", "peer"]


def test_quick_calls_are_averaged(clock):
    calls = []

    def quick():
        calls.append(1)
        clock.work(0.004)

    comparison = helper.side_by_side("work", quick, lambda: clock.work(1.0), peer_name="peer", rounds=2)
    assert len(calls) == 2 + 2 * 5  # warm-up, then 5 calls of 4 ms for each of 2 timings of 20 ms
    assert comparison.ours == pytest.approx([0.004] * 2)


def test_threads_are_limited_inside_and_restored_after():
    before = numba.get_num_threads()
    seen = []

    def spy():
        pools = threadpool_info()
        seen.append((numba.get_num_threads(), max((pool["num_threads"] for pool in pools), default=1)))

    np.ones((2, 2)) @ np.ones((2, 2))
    helper.side_by_side("work", spy, spy, peer_name="peer", rounds=1)
    assert set(seen) == {(1, 1)}
    assert numba.get_num_threads() == before


def test_several_threads_are_timed_by_the_clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(helper, "perf_counter", clock)
    assert helper.time_call(lambda: clock.work(3.0), n_threads=2) == pytest.approx(3.0)


def test_rounds_must_be_positive():
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        helper.side_by_side("work", int, int, peer_name="peer", rounds=0)


def test_environment_line_names_versions_and_command(monkeypatch):
    monkeypatch.setattr(helper.sys, "orig_argv", ["/somewhere/python3", "-m", "pytest", "benchmarks"])
    line = helper.environment_line("pytest")
    for text in (f"numpy {np.__version__}", f"numba {numba.__version__}", f"pytest {pytest.__version__}", "CPUs"):
        assert text in line
    assert line.endswith("command: python -m pytest benchmarks")
