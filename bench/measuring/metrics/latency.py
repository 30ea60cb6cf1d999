"""Latency: single requests of all artifacts, timed in turn.

Memory layout and thread placement are fixed when a process starts, so processes differ by more than the runs inside
one. Every figure therefore comes from several sets of fresh processes, and the interval of a ratio is taken over sets.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pocketbert.bench.machine.neighbours import Neighbours
from pocketbert.bench.measuring.progress import START_S
from pocketbert.bench.measuring.setup import Setup
from pocketbert.bench.measuring.subject import REQUESTS
from pocketbert.bench.measuring.turns import WARM_UP, open_together, time_in_turn, verify
from pocketbert.bench.records.results import MIX, Latency, Place, Profile
from pocketbert.bench.stats.intervals import quantile, ratio_over_sets
from pocketbert.bench.workers.child import Child

SETS = 3
"""Sets of fresh processes per profile. The interval is 2.5 times the standard deviation between sets; with 4 sets it
would be 1.6 times, but importing PyTorch for each of them is half of the time of a run, and verdicts come from pairs
wherever the baseline's file is in the store."""
_RUNS = REQUESTS + SETS * WARM_UP
Samples = NDArray[np.float64]
"""Times of one artifact in one set, ms, one per round."""


def expect(setup: Setup) -> None:
    """Add every artifact's starts and requests in every profile to the progress bar."""
    for subject in setup.run_here:
        mean = sum(map(len, subject.inputs.sequences)) / len(subject.inputs)
        for profile in setup.profiles:
            setup.bar.expect(profile.name, subject.key, fixed_s=SETS * START_S / 2)
            slower = len(setup.cores) / profile.threads
            for length in setup.lengths(subject, profile):
                tokens = mean if length == MIX else int(length)
                setup.bar.expect(str(Place(profile.name, length)), subject.key, tokens=tokens * _RUNS * slower)


def measure(setup: Setup) -> None:
    """Set the latencies of every artifact in every profile, and the time of its tokenizer."""
    for profile in setup.profiles:
        _Timing(setup, profile).run()
    texts = [setup.task.show(setup.rows.columns, row) for row in setup.rows.drawn]
    for subject in setup.run_here:
        subject.tokenizer_p50_ms = tokenizer_p50(subject.tokenizer, texts)


class _Timing:
    """One profile: all artifacts at once, each in its own child, timed in turn at every length."""

    def __init__(self, setup: Setup, profile: Profile) -> None:
        self._bar, self._profile, self._reference = setup.bar, profile, setup.reference.key
        self._lengths = {subject.key: setup.lengths(subject, profile) for subject in setup.run_here}
        self._subjects = {subject.key: subject for subject in setup.run_here if self._lengths[subject.key]}
        self._left = list(self._subjects)
        self._samples: dict[str, dict[str, list[Samples]]] = {length: {} for length in profile.lengths}
        self._neighbours: dict[str, list[float]] = {length: [] for length in profile.lengths}

    def run(self) -> None:
        for number in range(SETS):
            with ExitStack() as stack:
                self._bar.now(f"{self._profile.name}: starting set {number + 1} of {SETS}")
                ready = self._start(stack)
                for length in self._profile.lengths:
                    self._bar.now(f"{self._profile.name}: {length} tokens, set {number + 1} of {SETS}, in turn")
                    ready = self._time(ready, length, range(number, REQUESTS, SETS))
                self._left = list(ready)
        for length in self._profile.lengths:
            self._summarize(length)

    def _start(self, stack: ExitStack) -> dict[str, Child]:
        """Return the children whose artifact is loaded, with the threads and cores of the profile in force."""
        profile, subjects = self._profile, self._subjects
        children, ready = {}, {}
        for key in self._left:
            with subjects[key].recording("latency", profile.name):
                children[key] = stack.enter_context(Child(profile.threads, profile.cores))
        files = {key: subjects[key].file for key in children}
        loaded = open_together(children, files, lambda key: subjects[key].recording("latency", profile.name))
        for key, child in loaded.items():
            with subjects[key].recording("latency", profile.name):
                verify(child, subjects[key].requests(self._lengths[key][0]))
                ready[key] = child
            self._bar.advance(profile.name, key, 1 / SETS)
        return ready

    def _time(self, children: dict[str, Child], length: str, numbers: range) -> dict[str, Child]:
        """Time one length in one set; return the children that did not fail or have no positions for the length."""
        place, ready = Place(self._profile.name, length), {}
        timed = {key: child for key, child in children.items() if length in self._lengths[key]}
        for key, child in timed.items():
            with self._subjects[key].recording("latency", *place):
                child.requests(self._subjects[key].requests(length))
                ready[key] = child
        neighbours = Neighbours(self._profile.cores, [child.pid for child in ready.values()])
        runs, failed = time_in_turn(ready, numbers, lambda key: self._bar.advance(str(place), key, 1 / _RUNS))
        self._neighbours[length].append(neighbours.share())
        for key, failure in failed.items():
            ready[key].close()
            with self._subjects[key].recording("latency", *place):
                raise failure
        for key, answered in runs.items():
            self._samples[length].setdefault(key, []).append(np.array([run.ms for run in answered]))
        return {key: child for key, child in children.items() if key in runs or key not in timed}

    def _summarize(self, length: str) -> None:
        """Set the figures of the artifacts that did not fail in any set."""
        whole = {key: samples for key, samples in self._samples[length].items() if len(samples) == SETS}
        for key, samples in whole.items():
            place = Place(self._profile.name, length)
            if self._reference in whole:
                neighbours = fmean(self._neighbours[length])
                latency = summarize(place, samples, whole[self._reference], neighbours)
                self._subjects[key].latency.append(latency)
            else:
                self._subjects[key].fail("latency", "the reference failed, there is no ratio", *place)


def summarize(place: Place, samples: list[Samples], reference: list[Samples], neighbours: float) -> Latency:
    """Compute P50 and P90 over all sets, and the ratio to the reference's samples of the same rounds and sets."""
    together = np.concatenate(samples)
    return Latency(
        profile=place.profile,
        length=place.length,
        runs=len(together),
        p50_ms=quantile(together, 0.5),
        p90_ms=quantile(together, 0.9),
        sets=len(samples),
        ratio=ratio_over_sets(samples, reference),
        samples_ms=[round(float(ms), 4) for ms in together],
        neighbours=neighbours,
    )


def tokenizer_p50(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Return the P50 of tokenizing one text, ms."""
    times = []
    for text in texts:
        begin = time.perf_counter_ns()
        tokenizer.encode(text)
        times.append((time.perf_counter_ns() - begin) / 1e6)
    return quantile(times, 0.5)
