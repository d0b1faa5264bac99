"""What this process holds in memory, in GiB: the system's own counts, where it is Linux."""

import sys
import threading
from pathlib import Path

__all__ = ["AnonymousMemory", "peak_memory", "resident_memory", "tells_anonymous_memory"]

STATUS = Path("/proc/self/status")
GIB_PER_UNIT = 2.0**-20 if sys.platform != "darwin" else 2.0**-30  # of ru_maxrss


def _status():
    """The lines of the system's report by their names, empty where there is none."""
    if not STATUS.is_file():
        return {}
    return dict(line.split(":", 1) for line in STATUS.read_text().splitlines())


def _gib(line):
    return int(line.split()[0]) / 2**20


def peak_memory():
    """Peak resident memory of this process; on Linux ``ru_maxrss`` would count the parent's before the start.

    Returns
    -------
    gib : float
    """
    status = _status()
    if "VmHWM" in status:
        return _gib(status["VmHWM"])
    import resource  # which Windows lacks

    return GIB_PER_UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def resident_memory():
    """Resident memory of this process, on Linux; else its peak.

    Returns
    -------
    gib : float
    """
    status = _status()
    return _gib(status["VmRSS"]) if "VmRSS" in status else peak_memory()


def tells_anonymous_memory():
    """Whether the system tells what `AnonymousMemory` asks for.

    Returns
    -------
    bool
    """
    return "RssAnon" in _status()


class AnonymousMemory:
    """The most memory in a ``with`` block that belongs to no file, above that at its start; a thread looks on.

    Pages of a file can be dropped by the system at any time and do not count.

    Parameters
    ----------
    seconds : float, default=0.001
        Time between two looks.

    Attributes
    ----------
    growth : float
        In GiB; known after the block.
    """

    def __init__(self, seconds=0.001):
        self.seconds = seconds

    def __enter__(self):
        self._start = self._largest = self._now()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    @staticmethod
    def _now():
        return _gib(_status()["RssAnon"])

    def _watch(self):
        while not self._is_over.wait(self.seconds):
            self._largest = max(self._largest, self._now())

    def __exit__(self, *error):
        self._is_over.set()
        self._thread.join()
        self.growth = max(self._largest, self._now()) - self._start
