"""What other processes took of the cores while an artifact was being timed.

Timing in turn cancels a slow spell that meets both sides alike. A busy neighbour does not: on all cores, short requests
lose more to it than long ones. So the share is measured, and what it can explain is not blamed on the artifact.
"""

import itertools
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_STAT = Path("/proc/stat")


def explains(share: float) -> float:
    """The change of a time that a neighbour with this share of the cores can make: all of its work done first."""
    return share / (1 - share) if share < 1 else float("inf")


class Neighbours:
    """Watches `cores` from its making on; `pids` and this process are not neighbours."""

    def __init__(self, cores: list[int], pids: Iterable[int]) -> None:
        self._cores = cores
        self._own = [psutil.Process(pid) for pid in (os.getpid(), *pids)]
        self._begin = time.monotonic()
        self._busy, self._mine = self._read()

    def share(self) -> float:
        """The share of the cores' time that others took so far, 0 to 1."""
        busy, mine = self._read()
        whole = (time.monotonic() - self._begin) * len(self._cores)
        return min(max((busy - self._busy - (mine - self._mine)) / whole, 0.0), 1.0) if whole else 0.0

    def _read(self) -> tuple[float, float]:
        """CPU seconds that the cores were busy (stolen ones included), and that our own processes used."""
        every = dict(zip(_numbers(), psutil.cpu_times(percpu=True), strict=False))
        seen = [every[core] for core in self._cores if core in every]
        busy = sum(sum(times[:3]) + sum(times[5:8]) for times in seen)
        return busy, sum(_seconds(process) for process in self._own)


def _numbers() -> Iterable[int]:
    """The cores that the system tells the times of, in its order: some may be off, or hidden from a container."""
    try:
        return [int(number) for number in re.findall(r"^cpu(\d+)", _STAT.read_text(), re.MULTILINE)]
    except OSError:
        return itertools.count()


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
