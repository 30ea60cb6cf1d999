"""Measures what a manifest lists: manifest in, `Results` out. `pocketbert.bench.verdicts` compares them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pocketbert.bench.measuring import metrics
from pocketbert.bench.measuring.metrics.accuracy import unseen_score, with_drop
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.rerun import Rerun
from pocketbert.bench.measuring.setup import Needed, Setup
from pocketbert.bench.measuring.subject import ScoredRows
from pocketbert.bench.records.outcomes import unpack
from pocketbert.bench.records.results import METRICS, SCHEMA, Latency, Measured, Paired, Results
from pocketbert.bench.records.reuse import prune
from pocketbert.compress.base.errors import BadInput, first_line
from pocketbert.compress.manifest import Artifact, Comparison, LinearControl, inside

_CARRIED = (Measured.model_fields.keys() & Artifact.model_fields.keys()) - {"sha256"}
"""Keys of a manifest's artifact that the results repeat."""
Timed = TypeVar("Timed", Latency, Paired)


class Measurement:
    """One measurement of one manifest.

    Args:
        needed: artifacts, profiles (skipped ones are carried into the results) and metrics.
        folder: of the manifest.
        rows: the test split.
        command: the command line, for the report.
        rerun: the baseline's artifacts, to be timed together with the exported ones.
    """

    def __init__(
        self, needed: Needed, folder: Path, rows: ScoredRows, command: str, bar: Bar, rerun: Rerun | None = None
    ) -> None:
        self._begin = time.monotonic()
        self._needed, self._command, self._rerun = needed, command, rerun
        self._setup = Setup(needed, folder, rows, bar)
        self._control = self._control_logits()

    def run(self) -> Results:
        """Measure everything; what cannot be measured is in the artifact's `failures`.

        Raises:
            BadInput: a file changed while it was measured.
        """
        try:
            self._measure()
            results = self._results()
        except Exception:
            self._setup.unchanged.check()  # a file that was replaced may be the cause
            raise
        self._setup.unchanged.check()
        prune(self._setup.folder)
        return results

    def _measure(self) -> None:
        chosen = [import_module(f"{metrics.__name__}.{name}") for name in METRICS if name in self._needed.metrics]
        for metric in chosen:
            metric.expect(self._setup)
        if self._rerun:
            self._rerun.plan(self._setup)
        for metric in chosen:
            metric.measure(self._setup)
        if self._rerun and "latency" in self._needed.metrics:
            self._rerun.run(self._setup.bar)

    def _results(self) -> Results:
        setup, rerun = self._setup, self._rerun
        return Results(
            schema=SCHEMA,
            recipe=setup.manifest.recipe,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            command=self._command,
            build_command=setup.manifest.command,
            seconds=round(time.monotonic() - self._begin, 1),
            reference=setup.manifest.reference,
            max_drop=setup.manifest.max_drop,
            machine=setup.machine,
            profiles=self._needed.profiles,
            undecided=setup.rows.undecided,
            in_train=sum(setup.rows.in_train),
            artifacts=[self._measured(artifact) for artifact in setup.manifest.artifacts],
            steps=setup.manifest.steps,
            linear_control=self._linear_control(),
            recorded=setup.manifest.recorded,
            paired=[shared for entry in rerun.paired for shared in self._shared(entry)] if rerun else [],
            unpaired=rerun.unpaired if rerun else {},
            same_file=rerun.same_file if rerun else [],
        )

    def _control_logits(self) -> NDArray[np.float32] | None:
        """Read the predictions of the linear baseline on the test rows; None if there is none."""
        setup, control = self._setup, self._setup.manifest.linear_control
        if control is None:
            return None
        path, shape = inside(setup.folder, control.test_answers), (len(setup.rows), len(setup.task.labels))
        try:
            logits: NDArray[np.float32] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadInput(f"{path}: linear_control.test_answers is not a .npy file ({first_line(error)})") from error
        if not isinstance(logits, np.ndarray) or logits.dtype.kind not in "fiu" or logits.shape != shape:
            raise BadInput(f"{path}: linear_control.test_answers: expected numbers of the shape {shape}; build again")
        return logits

    def _linear_control(self) -> LinearControl | None:
        """Return the linear baseline, compared with the teacher on the test rows."""
        setup, control, teacher = self._setup, self._setup.manifest.linear_control, self._setup.reference.accuracy
        if control is None or teacher is None or self._control is None:
            return None
        logits = self._control
        confidence = setup.manifest.confidence
        comparison = Comparison.scored(setup.task, setup.rows.gold, logits, unpack(teacher), teacher.value, confidence)
        return control.model_copy(update={"comparison": comparison})

    def _measured(self, artifact: Artifact) -> Measured:
        """Return the artifact with the figures of its subject, which several artifacts may share."""
        setup, subject = self._setup, self._setup.by_id[artifact.id]
        accuracy, reference = subject.accuracy, setup.reference.accuracy
        if accuracy is not None and reference is not None and artifact.id != setup.manifest.reference:
            accuracy = with_drop(accuracy, reference, setup.task, setup.manifest.confidence)
        return Measured(
            **artifact.model_dump(include=_CARRIED),
            sha256=subject.sha256,
            tokenizer_sha256=subject.tokenizer_sha256,
            size=subject.size,
            accuracy=accuracy,
            memory=subject.memory,
            latency=[] if artifact.dense else [same for entry in subject.latency for same in self._shared(entry)],
            tokenizer_p50_ms=subject.tokenizer_p50_ms,
            unknown_share=subject.unknown_share,
            unseen=unseen_score(accuracy, setup.rows.in_train) if accuracy else None,
            not_run=subject.not_run,
            failures=subject.failures,
        )

    def _shared(self, entry: Timed) -> Iterator[Timed]:
        """Yield the entry once for every profile with these threads, cores and lengths."""
        for profile in self._needed.profiles:
            if entry.profile in (profile.name, profile.same_as):
                yield entry.model_copy(update={"profile": profile.name})
