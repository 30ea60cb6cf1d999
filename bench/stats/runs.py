"""Runs that lost their core to somebody else: how they are recognised, and what is made of them.

A run is *preempted* when the kernel switched its process out against its will, or when it used less CPU time than
`_BUSY` of its wall time. On one thread only if it never gave the core away itself: CPU time cannot tell waiting for the
core from waiting for anything else.

The rule:

* one thread: the time of a preempted run is its CPU time. What it waited for its core is not the artifact's doing; all
  other time is, a sleep included, because a process that sleeps gives its core away of its own will.
* several threads: CPU time adds up over threads and is no duration, so requests with a preempted run on either side are
  left out, as long as half of them are left. Where they are not, all are taken as they are, and the interval shows it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Run(NamedTuple):
    """One request, by the child's own clocks."""

    ms: float
    cpu_ms: float  # of all its threads
    forced: int  # times that the kernel took a core away
    given: int  # times that a thread gave its core away


_BUSY = 0.9
_ENOUGH = 0.5
Times = NDArray[np.float64]


def preempted(run: Run, threads: int) -> bool:
    """Whether this run lost its core."""
    if threads > 1:
        return run.forced > 0
    return run.given == 0 and (run.forced > 0 or run.cpu_ms < _BUSY * run.ms)


def clean(first: Sequence[Run], second: Sequence[Run], threads: int) -> tuple[Times, Times]:
    """The times that two artifacts, asked the same requests in turn, are compared by, ms, after the rule above.

    Request by request: where one of the two runs is left out, the other one goes with it.
    """
    if threads == 1:
        return unwaited(first), unwaited(second)
    both = list(zip(first, second, strict=True))
    kept = [(one, other) for one, other in both if not (preempted(one, threads) or preempted(other, threads))]
    if len(kept) < _ENOUGH * len(both):
        kept = both
    return np.array([one.ms for one, _ in kept]), np.array([other.ms for _, other in kept])


def unwaited(runs: Sequence[Run]) -> Times:
    """The times of an artifact on one thread, ms, after the rule above."""
    return np.array([min(run.cpu_ms, run.ms) if preempted(run, 1) else run.ms for run in runs])
