"""Fixtures of the benchmarks: one thread, and a summary of every comparison after the run."""

from statistics import median

import pytest

from benchmarks.side_by_side import Result, environment_line, side_by_side, single_thread, time_call

RESULTS = pytest.StashKey()
PEERS = pytest.StashKey()


def pytest_configure(config):
    """Make room for the results and the names of the peers."""
    config.stash[RESULTS], config.stash[PEERS] = [], set()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Timings are taken in one process that has the machine to itself."""
    return 0


def pytest_collect_file(file_path, parent):
    """Collect ``bench_*.py``, which an ordinary test run leaves alone."""
    if file_path.name.startswith("bench_") and file_path.suffix == ".py":
        return pytest.Module.from_parent(parent, path=file_path)
    return None


@pytest.fixture(autouse=True)
def one_thread():
    """Ours and every peer run on a single thread."""
    with single_thread():
        yield


@pytest.fixture
def report(benchmark, request):
    """Function that keeps a `Result` for the summary and for the JSON report, and the name of a peer's distribution."""

    def keep(*arguments, distribution=None, **fields):
        if distribution is not None:
            request.config.stash[PEERS].add(distribution)
        result = Result(*arguments, **fields)
        benchmark.extra_info.setdefault("results", []).append(result.to_dict())
        request.config.stash[RESULTS].append(result)

    return keep


@pytest.fixture
def versus(benchmark, report):
    """Function that runs `side_by_side`, hands ours to pytest-benchmark and keeps the comparison.

    ``target`` is the smallest ratio wanted, and the benchmark fails below it.
    """

    def compare(task, ours, peer, *, peer_name, distribution=None, rounds=5, target=None):
        comparison = side_by_side(task, ours, peer, peer_name=peer_name, rounds=rounds)
        benchmark.pedantic(ours, rounds=rounds)
        met = None if target is None else comparison.ratio >= target
        wanted = None if met is None else f"{target:g}x"
        report(task, comparison.ours_seconds, comparison, wanted=wanted, met=met, distribution=distribution)
        assert met is not False, str(comparison)
        return comparison

    return compare


@pytest.fixture
def within(benchmark, report):
    """Function that times ours alone against a number of seconds; returns the result of ours."""

    def measure(task, ours, wanted, *, rounds=5):
        result = ours()
        seconds = median(time_call(ours) for _ in range(rounds))
        benchmark.pedantic(ours, rounds=rounds)
        report(task, seconds, wanted=f"{wanted:g} s", met=seconds <= wanted)
        return result

    return measure


def pytest_benchmark_update_json(config, output_json):
    """Store the versions and the command beside the figures."""
    output_json["environment"] = environment_line(*sorted(config.stash[PEERS]))


def pytest_terminal_summary(terminalreporter, config):
    """Print every result of the run, below the versions it was made with."""
    if config.stash[RESULTS]:
        terminalreporter.section("side by side")
        terminalreporter.line(environment_line(*sorted(config.stash[PEERS])))
        for result in config.stash[RESULTS]:
            terminalreporter.line(str(result))
