"""One pair: a fresh process for the baseline's artifact and one for the candidate's, timed request by request in turn.

How a process falls into memory stays with it for its life, so a pair is one observation, however many requests it
answers; `pocketbert.bench.stats.sequential` draws its interval over pairs.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
import psutil

from pocketbert.bench.measuring.metrics.latency import time_in_turn
from pocketbert.bench.measuring.subject import REQUESTS
from pocketbert.bench.records.results import Profile
from pocketbert.bench.stats.intervals import quantile
from pocketbert.bench.stats.runs import Run, Times, clean, preempted
from pocketbert.bench.workers.child import Child, ChildFailed

RUNS = 20
"""Requests of each side per pair and length: 4 pairs, the fewest there are, make the 64 that a P90 wants (MLPerf)."""
WARM_UP = 3


@dataclass(frozen=True)
class Side:
    """One of the two: what is opened, with which interpreter, and what it is asked (length -> single requests).

    `inputs` are what its graph calls them (`pocketbert.compress.manifest.Artifact`).
    """

    runtime: str
    path: Path
    requests: Mapping[str, list[list[int]]]
    python: str = sys.executable
    inputs: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Pair:
    """What one pair of processes said at one length."""

    baseline: list[Run]
    candidate: list[Run]
    threads: int

    @property
    def log_p50(self) -> float:
        """Logarithm of how many times as long the candidate takes: the median over the requests, each with itself.

        Over mixed lengths a ratio of two medians would rest on the requests that happen to lie in the middle.
        """
        baseline, candidate = self.times
        return quantile(np.log(candidate / baseline), 0.5)

    @property
    def log_p90(self) -> float:
        """Logarithm of the candidate's P90 over the baseline's."""
        baseline, candidate = self.times
        return log(quantile(candidate, 0.9) / quantile(baseline, 0.9))

    @property
    def counted(self) -> int:
        """How many of the requests were compared."""
        return len(self.times[0])

    @property
    def preempted(self) -> float:
        """Share of the runs that lost their core."""
        runs = [*self.baseline, *self.candidate]
        return sum(preempted(run, self.threads) for run in runs) / len(runs)

    @property
    def times(self) -> tuple[Times, Times]:
        """Both sides' times, ms, of the requests that are compared."""
        return clean(self.baseline, self.candidate, self.threads)


class SideFailed(Exception):
    """One of the two cannot be timed; `which` says which."""

    def __init__(self, which: str, words: str) -> None:
        super().__init__(words)
        self.which = which


def time_pair(
    baseline: Side, candidate: Side, profile: Profile, lengths: Sequence[str], number: int
) -> dict[str, Pair]:
    """Start both, time every length, see both dead.

    Args:
        number: of the pair. Even and odd ones start the sides in opposite order, and each takes other requests.

    Raises:
        SideFailed: one of them failed.
    """
    sides = {"baseline": baseline, "candidate": candidate}
    order = list(sides) if number % 2 == 0 else list(reversed(sides))
    children: dict[str, Child] = {}
    try:
        for which in order:
            with _named(which):
                children[which] = Child(profile.threads, profile.cores, python=sides[which].python)
        _open(children, sides)
        if number == 0:
            _verify(children, sides, lengths[0])
        return {length: _time(children, sides, profile.threads, length, number) for length in lengths}
    finally:
        for child in children.values():
            child.close()


def _open(children: dict[str, Child], sides: Mapping[str, Side]) -> None:
    for which, child in children.items():
        with _named(which):
            child.begin("imports", runtime=sides[which].runtime)
    for which, child in children.items():
        with _named(which):
            child.finish()
            child.begin_load(sides[which].runtime, sides[which].path, sides[which].inputs)
    for which, child in children.items():
        with _named(which):
            child.finish()


def _verify(children: dict[str, Child], sides: Mapping[str, Side], length: str) -> None:
    """Threads and cores as asked for; once is enough, later pairs are started alike."""
    for which, child in children.items():
        with _named(which):
            child.requests(sides[which].requests[length][:1])
            child.run(0)
            child.verify()


def _time(children: dict[str, Child], sides: Mapping[str, Side], threads: int, length: str, number: int) -> Pair:
    numbers = range(number % (REQUESTS // RUNS), REQUESTS, REQUESTS // RUNS)
    for which, child in children.items():
        with _named(which):
            child.requests(sides[which].requests[length])
    runs, failed = time_in_turn(children, numbers, warm_up=WARM_UP)
    for which, words in failed.items():
        raise SideFailed(which, words)
    return Pair(runs["baseline"], runs["candidate"], threads)


@contextmanager
def _named(which: str) -> Iterator[None]:
    """A child's failure, with the side it belongs to."""
    try:
        yield
    except (ChildFailed, psutil.Error) as failure:
        raise SideFailed(which, str(failure)) from failure
