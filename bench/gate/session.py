"""One gate session: what was asked for, checked before anything is weighed; then weighed, judged and written, once."""

import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import cast

from rich.console import Console

from pocketbert.bench.gate.options import Asked
from pocketbert.bench.machine.interpreter import read_versions
from pocketbert.bench.machine.lock import machine_lock
from pocketbert.bench.machine.profiles import load_profiles
from pocketbert.bench.measuring.measure import Weighing
from pocketbert.bench.measuring.needed import Needed
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.rerun import Rerun
from pocketbert.bench.measuring.subject import Rows, load_rows
from pocketbert.bench.records.baseline import FOLDER as BASELINES
from pocketbert.bench.records.baseline import Baseline, load_baseline
from pocketbert.bench.records.history import append, checked_out, path_of
from pocketbert.bench.records.results import Flips, Profile, Results, Verdict
from pocketbert.bench.records.store import Store
from pocketbert.bench.verdicts.decide import judge
from pocketbert.bench.verdicts.flips import flips
from pocketbert.bench.verdicts.items import Item, items_of, narrow
from pocketbert.bench.verdicts.why import explain
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import as_typed, write_json
from pocketbert.compress.manifest import Manifest, inside, load_manifest
from pocketbert.compress.runtimes import EMULATED, RUNTIMES, require
from pocketbert.compress.tasks import open_task


class Session:
    """What a gate run needs, all of it readable.

    Raises:
        BadInput: something in it cannot be used, or there is nothing to measure.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.manifest: Manifest = load_manifest(asked.manifest)
        self.profiles: list[Profile] = load_profiles(asked.profiles)
        place = asked.baseline_place or BASELINES / f"{self.manifest.recipe}.json"
        self.baseline_path = asked.baseline or place
        self.baseline: Baseline | None = None
        if asked.baseline or self.baseline_path.exists():
            self.baseline = load_baseline(self.baseline_path)
        self._check()
        shipped = {artifact.id: artifact.runtime for artifact in self.manifest.artifacts if artifact.role == "ship"}
        self.items: list[Item] = items_of(shipped, self.profiles, self.baseline, whole=not asked.profiles)
        self.results: Results | None = None
        self.unwritten: str | None = None

    def _check(self) -> None:
        manifest, where = self.manifest, self.asked.manifest
        if not any(artifact.role == "ship" for artifact in manifest.artifacts):
            raise BadInput(f"{where}: nothing to measure: no artifact has the role 'ship'")
        if self.baseline and self.baseline.recipe != manifest.recipe:
            raise BadInput(
                f"{self.baseline_path}: of recipe {self.baseline.recipe!r}, the manifest is of {manifest.recipe!r}"
            )
        if (runtime := manifest.artifact(manifest.reference).runtime) in EMULATED:
            raise BadInput(f"{where}: reference: {runtime} does not run here; legal: {', '.join(RUNTIMES)}")
        runtimes = {artifact.runtime for artifact in manifest.artifacts} - EMULATED.keys()
        for runtime in sorted(runtimes):
            require(runtime)
        shipped = runtimes & {artifact.runtime for artifact in manifest.artifacts if artifact.role == "ship"}
        python = self.asked.baseline_python
        self._other_versions = read_versions(python, shipped) if python else {}
        self._task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
        self._rows: Rows = load_rows(inside(where.parent, manifest.task.test), self._task)
        try:
            self.asked.reports.mkdir(parents=True, exist_ok=True)
            # Asked before minutes are spent; a permission bit would not tell of a read-only file system.
            with tempfile.TemporaryFile(dir=self.asked.reports):
                pass
        except OSError as error:
            raise BadInput(f"{self.asked.reports}: reports cannot be written there ({error.strerror})") from error

    def run(self, console: Console, wanted: Collection[Item] | None = None) -> dict[Item, Verdict]:
        """Weigh, judge and write the results; the verdict of every item, or of those that are wanted."""
        folder, command, rerun = self.asked.manifest.parent, self.asked.command, self._rerun()
        items = [item for item in self.items if wanted is None or item in wanted]
        needed = Needed(self.manifest, self.profiles)
        if part := len(items) < len(self.items):
            needed = narrow(self.manifest, self.profiles, items)
        with machine_lock(console), Bar(console) as bar:
            results = Weighing(needed, folder, self._rows, command, bar, rerun).run()
            results = results.model_copy(
                update={
                    "part": part,
                    "commit": checked_out(),
                    "task": self.manifest.task,
                    "confidence": (confidence := self.manifest.confidence),
                    "other_versions": self._other_versions,
                    "flips": list(self._flips(results)),
                }
            )
            verdicts = judge(
                items,
                results,
                self.baseline,
                lambda before, now: self._task.drop(before, now, confidence),
                self.asked.strict,
            )
            bar.now("looking into what regressed", log=False)
            why = explain(verdicts, results, rerun.sides, self._versions_before())
        where = as_typed(self.baseline_path) if self.baseline else None
        self.results = results = results.model_copy(update={"verdicts": verdicts, "baseline": where, "why": why})
        self._write(lambda: write_json(self.results_path, results))
        if not part:
            written = self.baseline.created if self.baseline else None
            self._write(lambda: append(path_of(self.asked.reports, results.recipe), results, written))
        self._keep_shipped()
        return dict(zip(items, verdicts, strict=True))

    def _flips(self, results: Results) -> Iterator[Flips]:
        """What ships against the baseline on the same rows, else against the reference."""
        known = self.baseline.artifacts if self.baseline else {}
        reference = results.artifact(results.reference).accuracy
        for weighed in results.artifacts:
            if weighed.role != "ship" or weighed.accuracy is None:
                continue
            entry = known.get(weighed.id)
            if entry and entry.accuracy and entry.accuracy.test_sha256 == weighed.accuracy.test_sha256:
                yield flips(weighed.id, weighed.accuracy, "the baseline", entry.accuracy, self._rows, self._task)
            elif reference:
                yield flips(weighed.id, weighed.accuracy, results.reference, reference, self._rows, self._task)

    def _versions_before(self) -> dict[str, str]:
        """The libraries of the other interpreter, else those that the baseline was taken with."""
        return self._other_versions or (self.baseline.machine.versions if self.baseline else {})

    def _rerun(self) -> Rerun:
        """The baseline's artifacts, to be timed beside those that ship."""
        asked, store = self.asked, Store(self.asked.store)
        return Rerun(self.baseline, store, self._rows, self._task, asked.budget_s, asked.baseline_python)

    def _keep_shipped(self) -> None:
        """Put what ships into the store: the next baseline may be cut from this run."""
        store, folder = Store(self.asked.store), self.asked.manifest.parent
        for artifact in self.manifest.artifacts:
            if artifact.role == "ship":
                for path in (inside(folder, artifact.path), inside(folder, artifact.tokenizer)):
                    store.put(path)
        store.prune()

    def write_report(self) -> None:
        """Draw the report of what was weighed, at `report_path`."""
        from pocketbert.bench.report.page import write_report

        results = cast("Results", self.results)
        self._write(lambda: write_report(results, self.results_path))

    @property
    def results_path(self) -> Path:
        """Where every number of what was weighed goes."""
        return self.asked.reports / f"{cast('Results', self.results).name}.json"

    @property
    def report_path(self) -> Path:
        """Where the report of what was weighed goes."""
        return self.asked.reports / f"{cast('Results', self.results).name}.md"

    def _write(self, write: Callable[[], object]) -> None:
        """A disk that fills up meanwhile costs the file, not the verdicts; `unwritten` says so."""
        try:
            write()
        except OSError as error:
            self.unwritten = f"not everything could be written to {self.asked.reports}: {error.strerror}"
