"""CPU time that other processes took from the cores during a measurement.

Interleaved timing cancels slow phases that affect both sides alike. It does not cancel a busy neighbour on all cores:
short requests lose more time to the neighbour than long ones. Therefore its share is measured, and a slow-down that
this share explains is not reported as a regression.
"""

import itertools
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

_STAT = Path("/proc/stat")


def explains(share: float) -> float:
    """Return the largest relative slow-down that a neighbour with this share of the cores can cause."""
    return share / (1 - share) if share < 1 else float("inf")


class Neighbours:
    """Watches `cores` from its creation on; this process and `pids` do not count as neighbours."""

    def __init__(self, cores: list[int], pids: Iterable[int]) -> None:
        self._cores = cores
        self._own = [psutil.Process(pid) for pid in (os.getpid(), *pids)]
        self._seconds = dict.fromkeys(self._own, 0.0)
        self._begin = time.monotonic()
        self._busy, self._mine = self._read()

    def share(self) -> float:
        """Return the share of the cores' time, 0 to 1, that other processes took so far."""
        busy, mine = self._read()
        whole = (time.monotonic() - self._begin) * len(self._cores)
        return min(max((busy - self._busy - (mine - self._mine)) / whole, 0.0), 1.0) if whole else 0.0

    def _read(self) -> tuple[float, float]:
        """Return the CPU seconds the cores were busy (stolen ones included) and those our own processes used."""
        every = dict(zip(_core_numbers(), psutil.cpu_times(percpu=True), strict=False))
        seen = [every[core] for core in self._cores if core in every]
        busy = sum(sum(times[:3]) + sum(times[5:8]) for times in seen)
        for process in self._own:
            with suppress(psutil.NoSuchProcess):  # one that died keeps the seconds that were read last
                times = process.cpu_times()
                self._seconds[process] = float(times.user + times.system)
        return busy, sum(self._seconds.values())


def _core_numbers() -> Iterable[int]:
    """Return the cores in the order of /proc/stat; offline cores and those hidden from a container are missing."""
    try:
        return [int(number) for number in re.findall(r"^cpu(\d+)", _STAT.read_text(), re.MULTILINE)]
    except OSError:
        return itertools.count()
