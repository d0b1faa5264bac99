"""Time our code and a peer's alternately, in one process, on the same number of threads.

Seconds drift with the load of a machine; the ratio of two calls made one after the other drifts far less. So a
comparison is the list of ratios ``peer / ours`` over several rounds, told by its median, minimum and maximum. On one
thread the seconds are those of the processor, which other jobs disturb least; an idle machine's clock says the same.
"""

import gc
import math
import os
import platform
import shlex
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from time import perf_counter, process_time

import numba
from threadpoolctl import threadpool_limits

__all__ = ["Comparison", "Result", "environment_line", "side_by_side", "single_thread", "time_call"]

SHORTEST_TIMING = 0.02  # seconds: calls quicker than this are averaged over enough repetitions to last as long
ALWAYS_NAMED = ("numpy", "scipy", "scikit-learn", "numba")


@dataclass(frozen=True)
class Comparison:
    """Seconds per call of ours and of the peer, round by round.

    Parameters
    ----------
    task : str
        What both did.
    peer_name : str
        Who the peer is.
    ours, peer : tuple of float
        Seconds per call, one entry per round.
    """

    task: str
    peer_name: str
    ours: tuple
    peer: tuple

    @property
    def ratios(self):
        """Peer's seconds over ours, one per round."""
        return tuple(theirs / own for own, theirs in zip(self.ours, self.peer, strict=True))

    @property
    def ratio(self):
        """Median of `ratios`: above 1, we are faster."""
        return median(self.ratios)

    @property
    def ours_seconds(self):
        """Median seconds of ours."""
        return median(self.ours)

    @property
    def peer_seconds(self):
        """Median seconds of the peer."""
        return median(self.peer)

    def __str__(self):
        return (
            f"{self.task}: {self.ratio:.3g}x as fast as {self.peer_name} "
            f"(min {min(self.ratios):.3g}, max {max(self.ratios):.3g}, {len(self.ours)} rounds); "
            f"median ours {self.ours_seconds:.4g} s, {self.peer_name} {self.peer_seconds:.4g} s"
        )


@dataclass(frozen=True)
class Result:
    """One line of a report: seconds of ours, alone or beside a peer.

    Parameters
    ----------
    task : str
        What was done.
    seconds : float
        Median seconds of ours.
    comparison : Comparison, optional
        The rounds beside a peer.
    wanted : str, optional
        What was aimed at.
    met : bool, optional
        Whether that was reached.
    note : str, default=""
        Anything else that was measured.
    """

    task: str
    seconds: float
    comparison: Comparison | None = None
    wanted: str | None = None
    met: bool | None = None
    note: str = ""

    def to_dict(self):
        """The figures as plain numbers, for the JSON report of pytest-benchmark.

        Returns
        -------
        dict
        """
        figures = {
            "task": self.task,
            "seconds": self.seconds,
            "wanted": self.wanted,
            "met": self.met,
            "note": self.note,
        }
        if self.comparison is not None:
            figures |= {
                "peer": self.comparison.peer_name,
                "peer_seconds": self.comparison.peer_seconds,
                "ratio": self.comparison.ratio,
                "ratio_min": min(self.comparison.ratios),
                "ratio_max": max(self.comparison.ratios),
                "rounds": len(self.comparison.ours),
            }
        return figures

    def __str__(self):
        parts = [f"{self.task}: {self.seconds:.4g} s" if self.comparison is None else str(self.comparison)]
        if self.wanted is not None:
            parts.append(f"wanted {self.wanted}: {'met' if self.met else 'MISSED'}")
        if self.note:
            parts.append(self.note)
        return "; ".join(parts)


@contextmanager
def single_thread(n_threads=1):
    """Limit BLAS, OpenMP and Numba to ``n_threads`` inside the block.

    Parameters
    ----------
    n_threads : int, default=1
    """
    before = numba.get_num_threads()
    numba.set_num_threads(n_threads)
    try:
        with threadpool_limits(limits=n_threads):
            yield
    finally:
        numba.set_num_threads(before)


def time_call(function, n_calls=1, n_threads=1):
    """Mean seconds of one call of ``function`` over ``n_calls`` calls, garbage collected beforehand.

    Parameters
    ----------
    function : callable
        Called without arguments.
    n_calls : int, default=1
    n_threads : int, default=1
        One thread is timed by the processor, several by the clock.

    Returns
    -------
    float
    """
    now = process_time if n_threads == 1 else perf_counter
    gc.collect()
    start = now()
    for _ in range(n_calls):
        function()
    return (now() - start) / n_calls


def side_by_side(task, ours, peer, *, peer_name, rounds=5, n_threads=1):
    """Warm both functions up, then time them in turn.

    Parameters
    ----------
    task : str
        What both functions do, for the report.
    ours, peer : callable
        Called without arguments; each call does the whole task.
    peer_name : str
        Name of the peer, for the report.
    rounds : int, default=5
        Number of times each is timed. The order within a round changes from round to round.
    n_threads : int, default=1
        Threads of BLAS, OpenMP and Numba.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If ``rounds`` is not positive.

    Examples
    --------
    >>> comparison = side_by_side("sum", lambda: sum(range(10)), lambda: sum(range(1000)), peer_name="longer sum")
    >>> comparison.ratio > 1
    True
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}.")
    functions = {"ours": ours, "peer": peer}
    seconds = {"ours": [], "peer": []}
    with single_thread(n_threads):
        n_calls = {who: _calls_that_last(function, n_threads) for who, function in functions.items()}
        for turn in range(rounds):
            for who in ("peer", "ours") if turn % 2 else ("ours", "peer"):
                seconds[who].append(time_call(functions[who], n_calls[who], n_threads))
    return Comparison(task, peer_name, tuple(seconds["ours"]), tuple(seconds["peer"]))


def _calls_that_last(function, n_threads):
    """Call once to warm up (compilation, caches); then how many calls reach `SHORTEST_TIMING`."""
    function()
    return max(1, math.ceil(SHORTEST_TIMING / max(time_call(function, 1, n_threads), 1e-9)))


def environment_line(*peers):
    """Versions, CPU count and command of this run, in one line.

    Parameters
    ----------
    *peers : str
        Distribution names of the peers that take part.

    Returns
    -------
    str
    """
    versions = ", ".join(f"{name} {version(name)}" for name in dict.fromkeys((*ALWAYS_NAMED, *peers)))
    command = shlex.join(["python", *sys.orig_argv[1:]])
    return (
        f"Python {platform.python_version()}, {versions}; {os.cpu_count()} CPUs ({platform.machine()}); "
        f"command: {command}"
    )
