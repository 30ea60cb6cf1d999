"""Times sessions of one process in turn, so that a slow spell of the machine affects all of them."""

import time
from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import median
from typing import NamedTuple

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.runtimes import Session
from pocketbert.compress.tasks.inputs import Batch

_WARM_UP = 5
_SHOWN_EVERY = 10
"""Rounds between two redraws of the progress bar, which leave their own data in the processor's caches."""


class Ratio(NamedTuple):
    """The ratio of two latencies: the median, and its 95 % interval."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.3f} ({self.low:.3f} to {self.high:.3f})"


def race(
    sessions: Mapping[str, Session], batch: Batch, rounds: int, threads: int, progress: Progress
) -> dict[str, list[float]]:
    """Return the milliseconds of every session in every round.

    Two sessions run in the order A B, B A, A B, … Of more, each round begins with another one: A B C, B C A, C A B, …
    In the order A B C, C B A the first and the last would run twice in a row, with their weights in the cache.

    On one thread CPU time is measured, which excludes the time that other processes took.

    Args:
        progress: without a thread, which would run beside what is timed.
    """
    clock = time.thread_time if threads == 1 else time.perf_counter
    spent: dict[str, list[float]] = {name: [] for name in sessions}
    with progress.work(f"timing {len(sessions)} in turn", rounds) as bar:
        for number in range(_WARM_UP + rounds):
            for name in _order(list(sessions), number):
                begin = clock()
                sessions[name].logits(batch)
                spent[name].append((clock() - begin) * 1000)
            if (done := number - _WARM_UP + 1) > 0 and done % _SHOWN_EVERY == 0:
                bar.advance(_SHOWN_EVERY)
    return {name: times[_WARM_UP:] for name, times in spent.items()}


def _order(names: list[str], number: int) -> list[str]:
    """Return the order of a round."""
    if len(names) == 2:
        return names if number % 2 else names[::-1]
    begin = number % len(names)
    return names[begin:] + names[:begin]


def ratio(times: Sequence[float], reference: Sequence[float]) -> Ratio:
    """Return the median over the rounds of `times` / `reference`.

    The interval is between two order statistics, so it assumes nothing about the distribution (Conover, Practical
    Nonparametric Statistics, 3.2). It covers the measurement of these processes, not the variation between processes.
    """
    each = sorted(a / b for a, b in zip(times, reference, strict=True))
    reach = 1.96 * sqrt(len(each)) / 2
    low = max(round(len(each) / 2 - reach), 0)
    high = min(round(len(each) / 2 + reach), len(each) - 1)
    return Ratio(median(each), each[low], each[high])
