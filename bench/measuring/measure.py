"""Weighs what a manifest lists: manifest in, `Results` out. Judging is the gate's."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import numpy as np
import psutil

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.machine.neighbours import Neighbours
from pocketbert.bench.measuring.metrics import size as parts
from pocketbert.bench.measuring.metrics.accuracy import against, measure_accuracy, with_drop
from pocketbert.bench.measuring.metrics.latency import SETS, WARM_UP, Samples, summarize, time_in_turn, tokenizer_p50
from pocketbert.bench.measuring.metrics.memory import measure_memory
from pocketbert.bench.measuring.metrics.size import measure_size
from pocketbert.bench.measuring.needed import Needed
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.rerun import Rerun
from pocketbert.bench.measuring.subject import REQUESTS, Rows, Subject, open_subject
from pocketbert.bench.records.results import MIX, SCHEMA, Accuracy, Latency, Paired, Profile, Results, Size, Weighed
from pocketbert.bench.records.reuse import keep, place, recall
from pocketbert.bench.workers.child import Child, ChildFailed
from pocketbert.compress.base.files import digest
from pocketbert.compress.base.own_code import digest_of
from pocketbert.compress.manifest import Artifact, LinearControl, inside
from pocketbert.compress.tasks import open_task

MEMORY_TOKENS = 128
"""Length of the requests that the memory pass answers; shorter where no text of the task is as long."""
_START_S = 4.0  # a child that imports PyTorch; only the progress bar believes in it
_CARRIED = {
    *("id", "role", "runtime", "precision", "made_from", "parameters", "macs"),
    *("inputs", "dense", "dense_deflated_bytes"),
}
"""What the manifest says of an artifact and the results repeat."""
Timed = TypeVar("Timed", Latency, Paired)


@dataclass
class Timing:
    """One length of one profile: each artifact's times, set by set, and what neighbours took in each set."""

    samples: dict[str, list[Samples]] = field(default_factory=dict)
    neighbours: list[float] = field(default_factory=list)


class Weighing:
    """One weighing of one manifest.

    Args:
        needed: what to weigh, in which profiles (the skipped ones are carried into the results) and metrics.
        folder: the manifest's.
        rows: the test split.
        command: what the person typed.
        bar: told what is going on.
        rerun: the baseline's artifacts, to be timed beside those that ship.
    """

    def __init__(
        self,
        needed: Needed,
        folder: Path,
        rows: Rows,
        command: str,
        bar: Bar,
        rerun: Rerun | None = None,
    ) -> None:
        self._begin = time.monotonic()
        manifest = needed.manifest
        self._manifest, self._folder, self._rows = manifest, folder, rows
        self._profiles, self._metrics = needed.profiles, needed.metrics
        self._command, self._bar = command, bar
        self._rerun = rerun
        self._machine = read_machine()
        self._task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
        self._cores = usable_cores()
        # The reference goes first: it is the slowest, so that what is expected shrinks instead of growing.
        listed = sorted(manifest.artifacts, key=lambda artifact: artifact.id != manifest.reference)
        self._subjects: dict[str, Subject] = {}
        self._key_of: dict[str, str] = {}
        for artifact in listed:
            subject = open_subject(artifact, manifest, folder, rows)
            self._subjects.setdefault(subject.key, subject)
            self._key_of[artifact.id] = subject.key
        self._timed = list(dict.fromkeys(self._key_of[artifact.id] for artifact in listed if not artifact.dense))
        self._reference = self._subjects[self._key_of[manifest.reference]]
        self._run_here = {key: subject for key, subject in self._subjects.items() if not subject.not_run}

    @property
    def _timed_profiles(self) -> list[Profile]:
        """Those that are measured here: one that is asked for a length it no longer has has none left."""
        return [p for p in self._profiles if p.lengths and not p.skipped and not p.same_as]

    def run(self) -> Results:
        """Measure everything; what cannot be measured is in the artifact's `failures`."""
        subjects = list(self._subjects.values())
        self._expect()
        if self._rerun:
            ships = [a.id for a in self._manifest.artifacts if a.role == "ship"]
            shipped = {name: self._run_here[key] for name in ships if (key := self._key_of[name]) in self._run_here}
            self._rerun.plan(shipped, self._timed_profiles, self._machine, self._bar)
        if "size" in self._metrics:
            self._bar.now(f"{len(subjects)} artifacts: bytes on disk and deflated")
            with ThreadPoolExecutor(len(self._cores)) as pool:
                for subject, size in zip(subjects, pool.map(self._size, subjects), strict=True):
                    subject.size = size
        for subject in self._run_here.values():
            if "memory" in self._metrics:
                self._memory(subject)
            if "accuracy" in self._metrics:
                self._accuracy(subject)
        if "latency" in self._metrics:
            self._latencies()
        return self._results()

    def _expect(self) -> None:
        """Tell the progress bar what is to be done."""
        for key, subject in self._run_here.items():
            total = sum(map(len, subject.inputs.sequences))
            if "memory" in self._metrics:
                self._bar.expect("memory", key, fixed_s=_START_S)
            if "accuracy" in self._metrics:
                self._bar.expect("accuracy", key, fixed_s=_START_S, tokens=total)
            for profile in self._timed_profiles if key in self._timed else []:
                self._bar.expect(profile.name, key, fixed_s=SETS * _START_S / 2)
                slower = len(self._cores) / profile.threads
                for length in profile.lengths:
                    tokens = total / len(subject.inputs) if length == MIX else int(length)
                    work = tokens * (REQUESTS + SETS * WARM_UP) * slower
                    self._bar.expect(f"{profile.name}/{length}", key, tokens=work)

    def _size(self, subject: Subject) -> Size:
        runtime = subject.artifact.runtime
        kept = place(self._folder, "size by part", runtime, subject.sha256, digest(Path(parts.__file__)))
        if known := recall(kept, Size):
            return known
        size = measure_size(subject.path)
        size = size.model_copy(update={"parts": parts.size_by_part(runtime, subject.path, size.bytes)})
        if size.parts:  # else a library may be missing that tells them apart
            keep(kept, size)
        return size

    def _memory(self, subject: Subject) -> None:
        """In a fresh child with every usable core and a steady heap."""
        tokens = min(MEMORY_TOKENS, self._manifest.task.max_length)
        self._bar.now(f"{subject.artifact.id}: memory")
        with _blame(subject, "memory"), Child(len(self._cores), self._cores, steady_heap=True) as child:
            subject.memory, ms = measure_memory(child, subject, subject.requests(str(tokens)))
            self._bar.learn(subject.key, ms / tokens)
        self._bar.advance("memory", subject.key, 1)

    def _accuracy(self, subject: Subject) -> None:
        """On the test split, unless these answers are known."""
        kept, artifact = self._kept_accuracy(subject), subject.artifact
        if known := recall(kept, Accuracy):
            subject.accuracy = known.model_copy(update={"reused": True})
            self._bar.advance("accuracy", subject.key, 1)
            return
        self._bar.now(f"{artifact.id}: accuracy on {len(self._rows)} rows")
        count = len(subject.inputs)
        with _blame(subject, "accuracy"), Child(len(self._cores), self._cores) as child:
            child.open(artifact.runtime, subject.path, artifact.inputs)
            subject.accuracy = measure_accuracy(
                child,
                self._task,
                self._rows,
                subject.inputs,
                lambda done: self._bar.advance("accuracy", subject.key, done / count),
            )
            keep(kept, subject.accuracy)
        self._bar.advance("accuracy", subject.key, 1)

    def _kept_accuracy(self, subject: Subject) -> Path:
        """Where a score on these rows by these libraries is kept."""
        versions = [f"{name} {version}" for name, version in sorted(self._machine.versions.items())]
        return place(
            self._folder,
            "accuracy",
            subject.key,
            self._rows.sha256,
            self._manifest.task.model_dump_json(),
            self._machine.fingerprint,
            *versions,
            version("seqeval"),
            digest_of(type(self._task).__module__, f"pocketbert.compress.runtimes.{subject.artifact.runtime}"),
        )

    def _latencies(self) -> None:
        """Every profile, then each artifact beside the baseline's; the tokenizer apart."""
        for profile in self._timed_profiles:
            self._latency(profile)
        if self._rerun:
            self._rerun.run(self._bar)
        texts = [self._task.show(self._rows.columns, row) for row in self._rows.drawn]
        for subject in self._run_here.values():
            subject.tokenizer_p50_ms = tokenizer_p50(subject.tokenizer, texts)

    def _latency(self, profile: Profile) -> None:
        """All artifacts at once, each in a child of its own, timed in turn at every length; several such sets."""
        timings = {length: Timing() for length in profile.lengths}
        left = [key for key in self._timed if key in self._run_here]
        for number in range(SETS):
            self._bar.now(f"{profile.name}: starting set {number + 1} of {SETS}")
            with ExitStack() as stack:
                children = {}
                for key in left:
                    with _blame(self._subjects[key], f"latency {profile.name}"):
                        children[key] = stack.enter_context(Child(profile.threads, profile.cores))
                ready = self._start(children, profile)
                for length, timing in timings.items():
                    self._bar.now(f"{profile.name}: {length} tokens, set {number + 1} of {SETS}, in turn")
                    ready = self._time(ready, profile, length, timing, range(number, REQUESTS, SETS))
                left = list(ready)
        for length, timing in timings.items():
            self._summarize(profile.name, length, timing)

    def _start(self, children: dict[str, Child], profile: Profile) -> dict[str, Child]:
        """The children whose artifact is loaded and whose threads and cores are as asked for."""
        imported, loaded, ready = [], [], {}
        what = f"latency {profile.name}"
        begun = []
        for key, child in children.items():
            with _blame(self._subjects[key], what):
                child.begin("imports", runtime=self._subjects[key].artifact.runtime)
                begun.append(key)
        for key in begun:
            child = children[key]
            with _blame(self._subjects[key], what):
                child.finish()
                artifact = self._subjects[key].artifact
                child.begin_load(artifact.runtime, self._subjects[key].path, artifact.inputs)
                imported.append(key)
        for key in imported:
            with _blame(self._subjects[key], what):
                children[key].finish()
                loaded.append(key)
        for key in loaded:
            with _blame(self._subjects[key], what):
                children[key].requests(self._subjects[key].requests(profile.lengths[0])[:1])
                children[key].run(0)
                children[key].verify()
                ready[key] = children[key]
            self._bar.advance(profile.name, key, 1 / SETS)
        return ready

    def _time(
        self, children: dict[str, Child], profile: Profile, length: str, timing: Timing, numbers: range
    ) -> dict[str, Child]:
        """Time one length in one set; returns the children that are still there for the next."""
        where = f"{profile.name}/{length}"
        ready = {}
        for key, child in children.items():
            with _blame(self._subjects[key], f"latency {where}"):
                child.requests(self._subjects[key].requests(length))
                ready[key] = child
        share = 1 / (REQUESTS + SETS * WARM_UP)
        neighbours = Neighbours(profile.cores, [child.pid for child in ready.values()])
        runs, failed = time_in_turn(ready, numbers, lambda key: self._bar.advance(where, key, share))
        timing.neighbours.append(neighbours.share())
        for key, words in failed.items():
            self._subjects[key].failures.append(f"latency {where}: {words}")
            ready[key].close()
        for key, answered in runs.items():
            timing.samples.setdefault(key, []).append(np.array([run.ms for run in answered]))
        return {key: ready[key] for key in runs}

    def _summarize(self, profile: str, length: str, timing: Timing) -> None:
        """The figures of the artifacts that went through every set."""
        whole = {key: samples for key, samples in timing.samples.items() if len(samples) == SETS}
        reference = whole.get(self._reference.key)
        for key, samples in whole.items():
            subject = self._subjects[key]
            if reference is None:
                subject.failures.append(f"latency {profile}/{length}: the reference failed, there is no ratio")
            else:
                subject.latency.append(summarize(profile, length, samples, reference, fmean(timing.neighbours)))

    def _results(self) -> Results:
        return Results(
            schema=SCHEMA,
            recipe=self._manifest.recipe,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            command=self._command,
            build_command=self._manifest.command,
            seconds=round(time.monotonic() - self._begin, 1),
            reference=self._manifest.reference,
            max_drop=self._manifest.max_drop,
            machine=self._machine,
            profiles=self._profiles,
            artifacts=[self._weighed(artifact) for artifact in self._manifest.artifacts],
            steps=self._manifest.steps,
            linear_control=self._control(),
            paired=[shared for entry in self._rerun.paired for shared in self._shared(entry)] if self._rerun else [],
            unpaired=self._rerun.unpaired if self._rerun else {},
            same_file=self._rerun.same_file if self._rerun else [],
        )

    def _control(self) -> LinearControl | None:
        """The linear model's answers to the test rows beside the reference's."""
        control, reference = self._manifest.linear_control, self._reference.accuracy
        if control is None or reference is None:
            return None
        answers = np.load(inside(self._folder, control.test_answers), allow_pickle=False)
        comparison = against(answers, reference, self._task, self._rows, self._manifest.confidence)
        return control.model_copy(update={"comparison": comparison})

    def _weighed(self, artifact: Artifact) -> Weighed:
        """The artifact with the figures of its subject, which it may share with others."""
        subject = self._subjects[self._key_of[artifact.id]]
        accuracy = subject.accuracy
        if accuracy is not None and self._reference.accuracy is not None and artifact.id != self._manifest.reference:
            accuracy = with_drop(accuracy, self._reference.accuracy, self._task, self._manifest.confidence)
        return Weighed(
            **artifact.model_dump(include=_CARRIED),
            sha256=subject.sha256,
            tokenizer_sha256=subject.tokenizer_sha256,
            parity=artifact.parity,
            size=subject.size,
            accuracy=accuracy,
            memory=subject.memory,
            latency=[] if artifact.dense else [same for entry in subject.latency for same in self._shared(entry)],
            tokenizer_p50_ms=subject.tokenizer_p50_ms,
            not_run=subject.not_run,
            failures=subject.failures,
        )

    def _shared(self, entry: Timed) -> Iterator[Timed]:
        """The entry, and once more for every profile that is the same under another name."""
        for profile in self._profiles:
            if entry.profile in (profile.name, profile.same_as):
                yield entry.model_copy(update={"profile": profile.name})


@contextmanager
def _blame(subject: Subject, what: str) -> Iterator[None]:
    """Enter a child's failure in the artifact's book instead of raising it."""
    try:
        yield
    except (ChildFailed, psutil.Error) as failure:
        subject.failures.append(f"{what}: {failure}")
