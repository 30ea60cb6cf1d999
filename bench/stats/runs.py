"""Preempted runs: detection, and correction of their times.

A run is *preempted* when the kernel switched its process out involuntarily. On one thread a run is also preempted when
its CPU time is below `_BUSY` of its wall time. A run on one thread with a voluntary switch is never preempted: CPU time
cannot tell waiting for the core from waiting for anything else.

The rule:

* one thread: the time of a preempted run is its CPU time. Waiting for the core does not count, all other time does. A
  sleep counts as well, because a process that sleeps gives its core away voluntarily.
* several threads: CPU time adds up over threads and is no duration, so requests with a preempted run on either side are
  dropped, as long as half of the requests are left. Otherwise all times count unchanged, and the interval is wide.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Run(NamedTuple):
    """One request, by the child's own clocks and `getrusage`."""

    ms: float
    cpu_ms: float  # of all its threads
    involuntary_switches: int  # the kernel took a core away
    voluntary_switches: int  # a thread gave its core away


_BUSY = 0.9
_ENOUGH = 0.5
Times = NDArray[np.float64]


def preempted(run: Run, threads: int) -> bool:
    """Return whether this run lost its core to another process."""
    if threads > 1:
        return run.involuntary_switches > 0
    return run.voluntary_switches == 0 and (run.involuntary_switches > 0 or run.cpu_ms < _BUSY * run.ms)


def comparable_times(first: Sequence[Run], second: Sequence[Run], threads: int) -> tuple[Times, Times]:
    """Return the times, ms, by which two artifacts with the same requests in turn are compared (the rule above).

    Both arrays have one time per request: where a run is dropped, the other artifact's run of that request is dropped.
    """
    if threads == 1:
        return without_waiting(first), without_waiting(second)
    both = list(zip(first, second, strict=True))
    kept = [(one, other) for one, other in both if not (preempted(one, threads) or preempted(other, threads))]
    if len(kept) < _ENOUGH * len(both):
        kept = both
    return np.array([one.ms for one, _ in kept]), np.array([other.ms for _, other in kept])


def without_waiting(runs: Sequence[Run]) -> Times:
    """Return the times of an artifact on one thread, ms, without waiting for the core (the rule above)."""
    return np.array([min(run.cpu_ms, run.ms) if preempted(run, 1) else run.ms for run in runs])
