"""Two results files, quantity by quantity: what both have measured, and how much of the difference is certain.

Latency is compared through each run's ratio to its own reference, so that two machines may be compared; milliseconds
are not. Scores on the same test rows are compared row by row. Nothing is read or written here.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pocketbert.bench.records.baseline import yardstick
from pocketbert.bench.records.results import Accuracy, Latency, Results, Weighed, unpack
from pocketbert.bench.stats.intervals import Interval, relative_change
from pocketbert.bench.verdicts.rules import MEMORY_FLOOR_MIB
from pocketbert.compress.tasks import Task, open_task

SURE_MEMORY = 0.05
"""A relative change of memory, which has no interval, up to which nothing is said: the gate's own."""
SURE_SIZE = 0.0005
"""Bytes are counted, not sampled; what would be written as 0.0 % is still no difference."""
Quantity = Literal["latency", "memory", "size", "deflated", "score"]


@dataclass(frozen=True)
class Difference:
    """One quantity of one artifact, then and now.

    `was` and `now` are P50 over the reference's P50, MiB of its own, bytes, or the metric. `change` is relative (0.05
    is 5 % more), for a score the difference of the two; its ends are the same where there is no interval, and it is
    None where the two cannot be compared.
    """

    quantity: Quantity
    artifact: str
    was: float
    now: float
    change: Interval | None
    place: str = ""
    sure: bool = True  # False: without an interval, and too small a change to speak of

    @property
    def direction(self) -> Literal["more", "less"] | None:
        """Where the whole interval lies on one side of nothing, which one."""
        if self.change is None or not self.sure:
            return None
        if self.change.low > 0:
            return "more"
        return "less" if self.change.high < 0 else None

    @property
    def worse(self) -> bool:
        """More milliseconds, MiB or bytes, or a lower score."""
        return self.direction == ("less" if self.quantity == "score" else "more")


def _both(before: Results, now: Results) -> Iterator[tuple[Weighed, Weighed]]:
    """Artifacts of the same id; then files of one name that two runtimes open, such as ``student-int8.onnx`` and
    ``student-int8.pte``, where each run ships one alone.
    """
    known = {artifact.id: artifact for artifact in before.artifacts}
    ids = known.keys() & {artifact.id for artifact in now.artifacts}
    names = [_by_name(results, ids) for results in (before, now)]
    for artifact in now.artifacts:
        if artifact.id in ids:
            yield known[artifact.id], artifact
        elif names[1].get(name := Path(artifact.id).stem) is artifact and (other := names[0].get(name)):
            yield other, artifact


def _by_name(results: Results, known: Collection[str]) -> dict[str, Weighed]:
    """What ships and has no namesake in its run: name without suffix -> artifact."""
    left = [a for a in results.artifacts if a.role == "ship" and a.id not in known]
    counts = Counter(Path(a.id).stem for a in left)
    return {name: a for a in left if counts[name := Path(a.id).stem] == 1}


class Differences:
    """Everything that two runs have in common.

    Args:
        before, now: the runs; what is said is how much more or less `now` is.
    """

    def __init__(self, before: Results, now: Results) -> None:
        self.before, self.now = before, now
        self.one_machine = before.machine.fingerprint == now.machine.fingerprint
        self.one_reference = yardstick(before) == yardstick(now)
        self._task = _task(now)
        self.both = list(_both(before, now))
        theirs, ours = ({pair[side].id for pair in self.both} for side in (0, 1))
        self.only_before = [a for a in before.artifacts if a.id not in theirs]
        self.only_now = [a for a in now.artifacts if a.id not in ours]

    def of(self, artifact: str) -> Iterator[Difference]:
        """Every quantity of an artifact that both runs have."""
        was, now = next(pair for pair in self.both if pair[1].id == artifact)
        copies = {p.name for p in self.now.profiles if p.same_as}
        for place, (then, today) in latencies(was, now).items():
            if today.profile in copies:
                continue
            yield self._latency(artifact, place, then, today)
        if was.memory and now.memory:
            yield self._memory(artifact, was.memory.own_mib, now.memory.own_mib)
        if was.size and now.size:
            yield _size("size", artifact, was.size.bytes, now.size.bytes)
            yield _size("deflated", artifact, was.size.deflated_bytes, now.size.deflated_bytes)
        if was.accuracy and now.accuracy and was.accuracy.metric == now.accuracy.metric:
            yield self._score(artifact, was.accuracy, now.accuracy)

    def _latency(self, artifact: str, place: str, was: Latency, now: Latency) -> Difference:
        """The reference has no ratio but to itself: of it there is nothing to say but milliseconds."""
        is_reference = artifact in (self.before.reference, self.now.reference)
        change = relative_change(now.ratio, was.ratio) if self.one_reference and not is_reference else None
        return Difference("latency", artifact, was.ratio.estimate, now.ratio.estimate, change, place)

    def _memory(self, artifact: str, was: float, now: float) -> Difference:
        change = _exactly(now / was - 1) if self.one_machine and was > 0 else None
        sure = abs(now - was) > max(SURE_MEMORY * was, MEMORY_FLOOR_MIB)
        return Difference("memory", artifact, was, now, change, sure=sure)

    def _score(self, artifact: str, was: Accuracy, now: Accuracy) -> Difference:
        change = None
        if was.test_sha256 == now.test_sha256:
            drop = self._task.drop(unpack(was), unpack(now), self.now.confidence)
            change = Interval(estimate=-drop.estimate, low=-drop.high, high=-drop.low)
        return Difference("score", artifact, was.value, now.value, change)


def latencies(was: Weighed, now: Weighed) -> dict[str, tuple[Latency, Latency]]:
    """Place (``mobile-1t/128``) -> what both measured there."""
    known = {f"{entry.profile}/{entry.length}": entry for entry in was.latency}
    places = {f"{entry.profile}/{entry.length}": entry for entry in now.latency}
    return {place: (known[place], entry) for place, entry in places.items() if place in known}


def moved(before: Results, now: Results) -> dict[str, tuple[str, str]]:
    """Libraries whose version differs -> then and now."""
    was, today = before.machine.versions, now.machine.versions
    names = sorted({*was, *today})
    return {n: (was.get(n, "none"), today.get(n, "none")) for n in names if was.get(n) != today.get(n)}


def _size(quantity: Literal["size", "deflated"], artifact: str, was: int, now: int) -> Difference:
    change = now / was - 1 if was else 0.0
    return Difference(quantity, artifact, was, now, _exactly(change), sure=abs(change) >= SURE_SIZE)


def _exactly(change: float) -> Interval:
    return Interval(estimate=change, low=change, high=change)


def _task(results: Results) -> Task:
    if results.task is None:
        return open_task("classification", [], 0)
    return open_task(results.task.kind, results.task.labels, results.task.max_length)
