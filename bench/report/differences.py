"""Comparison of two results files, figure by figure, with the certainty of each difference.

Latency is compared through each run's ratio to its own reference, so that runs on two machines are comparable;
milliseconds are not. Scores on the same test rows are compared row by row. Nothing is read or written here.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Literal

from pocketbert.bench.records.baseline import reference_of
from pocketbert.bench.records.outcomes import unpack
from pocketbert.bench.records.results import Accuracy, Latency, Measured, Place, Results
from pocketbert.bench.records.rows import same_rows
from pocketbert.bench.report.format.choose import duplicates
from pocketbert.bench.report.format.numbers import Quantity, negated
from pocketbert.bench.stats.intervals import Interval, relative_change
from pocketbert.bench.verdicts.rules import MEMORY_FLOOR_MIB
from pocketbert.compress.tasks import Task, open_task

SURE_MEMORY = 0.05
"""Smallest relative change of memory that is reported, as in the gate; memory has no interval."""
SURE_SIZE = 0.0005
"""Smallest relative change of size that is reported; a smaller one would be written as 0.0 %."""


@dataclass(frozen=True)
class Difference:
    """A figure of one artifact in two runs.

    `was` and `now` are P50 over the reference's P50, MiB of model memory, bytes, or the metric. `change` is relative
    (0.05 is 5 % more), for accuracy the difference of the metrics. Without an interval, its ends equal the estimate; it
    is None if the two figures cannot be compared.
    """

    quantity: Quantity
    artifact: str
    was: float
    now: float
    change: Interval | None
    place: Place | None = None
    sure: bool = True  # False: a change without interval that is too small to report

    @property
    def direction(self) -> Literal["more", "less"] | None:
        """The direction of the change, if its whole interval lies on one side of zero."""
        if self.change is None or not self.sure:
            return None
        if self.change.low > 0:
            return "more"
        return "less" if self.change.high < 0 else None

    @property
    def worse(self) -> bool:
        """True if the change is more milliseconds, MiB or bytes, or a lower metric."""
        return self.direction == ("less" if self.quantity == "accuracy" else "more")


class Differences:
    """The differences between two runs.

    Args:
        before, now: the runs; a difference is how much more or less `now` has.

    Attributes:
        pairs: the artifacts of both runs, `before`'s and `now`'s.
        by_artifact: id in `now` -> differences of all figures that both runs have.
    """

    def __init__(self, before: Results, now: Results) -> None:
        self.before, self.now = before, now
        self.one_machine = before.machine.fingerprint == now.machine.fingerprint
        self.one_reference = reference_of(before) == reference_of(now)
        threads = {profile.name: profile.threads for profile in before.profiles}
        same = {profile.name for profile in now.profiles if profile.threads == threads.get(profile.name)}
        self._profiles = same - (duplicates(before) & duplicates(now))
        self._task = _task(now)
        self.pairs = list(_pairs(before, now))
        theirs, ours = ({pair[side].id for pair in self.pairs} for side in (0, 1))
        self.only_before = [a for a in before.artifacts if a.id not in theirs]
        self.only_now = [a for a in now.artifacts if a.id not in ours]
        self.by_artifact = {pair[1].id: list(self._differences(*pair)) for pair in self.pairs}

    def _differences(self, was: Measured, now: Measured) -> Iterator[Difference]:
        for place, (then, today) in latencies(was, now).items():
            if place.profile in self._profiles:
                yield self._latency(now.id, then, today)
        if was.memory and now.memory:
            yield self._memory(now.id, was.memory.own_mib, now.memory.own_mib)
        if was.size and now.size:
            yield _size("size", now.id, was.size.bytes, now.size.bytes)
            yield _size("deflated", now.id, was.size.deflated_bytes, now.size.deflated_bytes)
        if was.accuracy and now.accuracy and was.accuracy.metric == now.accuracy.metric:
            yield self._accuracy(now.id, was.accuracy, now.accuracy)

    def _latency(self, artifact: str, was: Latency, now: Latency) -> Difference:
        """Compare the ratios to the reference; the reference itself has none."""
        is_reference = artifact in (self.before.reference, self.now.reference)
        change = relative_change(now.ratio, was.ratio) if self.one_reference and not is_reference else None
        return Difference("latency", artifact, was.ratio.estimate, now.ratio.estimate, change, now.place)

    def _memory(self, artifact: str, was: float, now: float) -> Difference:
        ratio = now / was if was > 0 else inf
        change = _exactly(ratio - 1) if self.one_machine and isfinite(ratio) else None
        sure = abs(now - was) > max(SURE_MEMORY * was, MEMORY_FLOOR_MIB)
        return Difference("memory", artifact, was, now, change, sure=sure)

    def _accuracy(self, artifact: str, was: Accuracy, now: Accuracy) -> Difference:
        same = same_rows(was, now) and bool(now.counts) == self._task.token_level
        change = negated(self._task.drop(unpack(was), unpack(now), self.now.confidence)) if same else None
        return Difference("accuracy", artifact, was.value, now.value, change)


def latencies(was: Measured, now: Measured) -> dict[Place, tuple[Latency, Latency]]:
    """Return the timings of each place that both have."""
    known = {entry.place: entry for entry in was.latency}
    return {entry.place: (known[entry.place], entry) for entry in now.latency if entry.place in known}


def _pairs(before: Results, now: Results) -> Iterator[tuple[Measured, Measured]]:
    """Yield artifacts of the same id, then exported files of one name for two runtimes.

    An example of the latter is ``student-int8.onnx`` and ``student-int8.pte``, if each run exports only one of the two.
    """
    known = {artifact.id: artifact for artifact in before.artifacts}
    ids = known.keys() & {artifact.id for artifact in now.artifacts}
    names = [_by_name(results, ids) for results in (before, now)]
    for artifact in now.artifacts:
        if artifact.id in ids:
            yield known[artifact.id], artifact
        elif names[1].get(name := Path(artifact.id).stem) is artifact and (other := names[0].get(name)):
            yield other, artifact


def _by_name(results: Results, known: Collection[str]) -> dict[str, Measured]:
    """Return name without suffix -> exported artifact, of the names that are unique in their run."""
    left = [a for a in results.artifacts if a.role == "ship" and a.id not in known]
    counts = Counter(Path(a.id).stem for a in left)
    return {name: a for a in left if counts[name := Path(a.id).stem] == 1}


def _size(quantity: Literal["size", "deflated"], artifact: str, was: int, now: int) -> Difference:
    change = now / was - 1 if was else 0.0
    return Difference(quantity, artifact, was, now, _exactly(change), sure=abs(change) >= SURE_SIZE)


def _exactly(change: float) -> Interval:
    return Interval(estimate=change, low=change, high=change)


def _task(results: Results) -> Task:
    if results.task is None:
        return open_task("classification", [], 0)
    return open_task(results.task.kind, results.task.labels, results.task.max_length)
