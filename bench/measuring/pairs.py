"""One pair: a fresh process for the baseline's artifact and one for the candidate's, timed request by request in turn.

Memory layout is fixed when a process starts and stays fixed, so a pair is one observation, however many requests it
runs; `pocketbert.bench.stats.sequential` takes its interval over pairs.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import log

import numpy as np
import psutil

from pocketbert.bench.measuring.subject import REQUESTS
from pocketbert.bench.measuring.turns import open_together, time_in_turn, verify
from pocketbert.bench.records.results import Profile
from pocketbert.bench.stats.intervals import quantile
from pocketbert.bench.stats.runs import Run, Times, comparable_times, preempted
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.bench.workers.file import File

RUNS = 20
"""Requests of each side per pair and length: 4 pairs, the minimum, give the 64 requests of a P90 (MLPerf)."""
WARM_UP = 3


@dataclass(frozen=True)
class Side:
    """One of the two: the file that is opened, its requests (length -> token ids), and the interpreter."""

    file: File
    requests: Mapping[str, list[list[int]]]
    python: str = sys.executable


@dataclass(frozen=True)
class Pair:
    """The runs of one pair of processes at one length."""

    baseline: list[Run]
    candidate: list[Run]
    threads: int

    @property
    def log_p50(self) -> float:
        """Logarithm of the relative time of the candidate: the median over the requests, each with itself.

        Over mixed lengths, a ratio of two medians would depend on the requests that happen to be in the middle.
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
        """Number of requests that are compared."""
        return len(self.times[0])

    @property
    def preempted(self) -> float:
        """Share of preempted runs."""
        runs = [*self.baseline, *self.candidate]
        return sum(preempted(run, self.threads) for run in runs) / len(runs)

    @property
    def times(self) -> tuple[Times, Times]:
        """Times of both sides, ms, of the requests that are compared."""
        return comparable_times(self.baseline, self.candidate, self.threads)


class SideFailed(Exception):
    """A side that cannot be timed; `which` is "baseline" or "candidate"."""

    def __init__(self, which: str, words: str) -> None:
        super().__init__(words)
        self.which = which


def time_pair(
    baseline: Side, candidate: Side, profile: Profile, lengths: Sequence[str], number: int
) -> dict[str, Pair]:
    """Start both processes, time every length, end both processes.

    Args:
        number: of the pair. Even and odd pairs start the sides in opposite order, and each pair takes other requests.

    Raises:
        SideFailed: a side failed.
    """
    sides = {"baseline": baseline, "candidate": candidate}
    order = list(sides) if number % 2 == 0 else list(reversed(sides))
    children: dict[str, Child] = {}
    with ExitStack() as ended:  # a signal while one process is ended still ends the other
        for which in order:
            with _naming(which):
                child = Child(profile.threads, profile.cores, python=sides[which].python)
                children[which] = ended.enter_context(child)
        open_together(children, {which: side.file for which, side in sides.items()}, _naming)
        for which, child in children.items() if number == 0 else ():  # later pairs start in the same way
            with _naming(which):
                verify(child, sides[which].requests[lengths[0]])
        return {length: _time(children, sides, profile.threads, length, number) for length in lengths}


def _time(children: dict[str, Child], sides: Mapping[str, Side], threads: int, length: str, number: int) -> Pair:
    numbers = range(number % (REQUESTS // RUNS), REQUESTS, REQUESTS // RUNS)
    for which, child in children.items():
        with _naming(which):
            child.requests(sides[which].requests[length])
    runs, failed = time_in_turn(children, numbers, warm_up=WARM_UP)
    for which, failure in failed.items():
        raise SideFailed(which, str(failure))
    return Pair(runs["baseline"], runs["candidate"], threads)


@contextmanager
def _naming(which: str) -> Iterator[None]:
    """Add the side to a child's failure."""
    try:
        yield
    except (ChildFailed, psutil.Error) as failure:
        raise SideFailed(which, str(failure)) from failure
