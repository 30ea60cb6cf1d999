"""One gate session: options and files are checked, then everything is measured, compared and written, once."""

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from pocketbert.bench.gate.baseline import added_up, open_baseline
from pocketbert.bench.gate.commit import checked_out, pull_request, subject_of
from pocketbert.bench.gate.hooks import call_hooks
from pocketbert.bench.gate.options import GateOptions
from pocketbert.bench.machine.cores import can_pin
from pocketbert.bench.machine.interpreter import read_versions
from pocketbert.bench.machine.lock import machine_lock, no_build_in
from pocketbert.bench.machine.profiles import load_profiles
from pocketbert.bench.measuring.measure import Measurement
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.rerun import Rerun
from pocketbert.bench.measuring.setup import Needed
from pocketbert.bench.measuring.subject import ScoredRows, load_rows
from pocketbert.bench.records.history import append, path_of
from pocketbert.bench.records.pins import protected
from pocketbert.bench.records.results import Flips, Profile, Results, Verdict
from pocketbert.bench.records.rows import same_rows
from pocketbert.bench.records.store import Store
from pocketbert.bench.verdicts.decide import decide
from pocketbert.bench.verdicts.flips import flips
from pocketbert.bench.verdicts.items import Item, items_of, narrow
from pocketbert.bench.verdicts.why import explain
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import as_typed, write_json
from pocketbert.compress.manifest import Manifest, inside, load_manifest
from pocketbert.compress.runtimes import EMULATED, RUNTIMES, require
from pocketbert.compress.tasks import open_task


class Session:
    """The inputs of a gate run, read and checked, and later its results.

    Args:
        config: whose hooks are called (`pocketbert.bench.gate.hookspec`); None: no hooks.

    Raises:
        BadInput: an input is wrong, or there is nothing to measure.
    """

    def __init__(self, options: GateOptions, config: pytest.Config | None = None) -> None:
        self.options, self._config = options, config
        self.manifest: Manifest = load_manifest(options.manifest)
        self.profiles: list[Profile] = load_profiles(options.profiles)
        self.baseline_path, self.baseline = open_baseline(options, self.manifest.recipe)
        self._since = added_up(options, self.manifest.recipe, self.baseline)
        self._check()
        shipped = {artifact.id: artifact.runtime for artifact in self.manifest.artifacts if artifact.role == "ship"}
        self.items: list[Item] = items_of(
            shipped, self.profiles, self.baseline, whole=not options.profiles, positions=self._positions()
        )
        self.results: Results | None = None
        self.unwritten: str | None = None

    def _positions(self) -> dict[str, tuple[int | None, int | None]]:
        """Return, for each artifact, its number of positions and the reference's: no ratio is longer than either."""
        reference = self.manifest.artifact(self.manifest.reference).positions
        return {artifact.id: (artifact.positions, reference) for artifact in self.manifest.artifacts}

    def _check(self) -> None:
        manifest, where = self.manifest, self.options.manifest
        if not any(artifact.role == "ship" for artifact in manifest.artifacts):
            raise BadInput(f"{where}: nothing to measure: no artifact has the role 'ship'")
        if self.options.profiles and can_pin() and all(profile.skipped for profile in self.profiles):
            first = self.profiles[0]
            raise BadInput(
                f"no profile can be measured here: {first.name} {first.skipped}; choose others: --gate-profiles"
            )
        if (runtime := manifest.artifact(manifest.reference).runtime) in EMULATED:
            raise BadInput(f"{where}: reference: {runtime} does not run here; use one of: {', '.join(RUNTIMES)}")
        runtimes = {artifact.runtime for artifact in manifest.artifacts} - EMULATED.keys()
        for runtime in sorted(runtimes):
            require(runtime)
        shipped = runtimes & {artifact.runtime for artifact in manifest.artifacts if artifact.role == "ship"}
        python = self.options.baseline_python
        self._other_versions = read_versions(python, shipped) if python else {}
        self._task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
        self._rows: ScoredRows = load_rows(inside(where.parent, manifest.task.test), self._task)
        try:
            self.options.reports.mkdir(parents=True, exist_ok=True)
            # Before minutes are spent; a permission bit does not reveal a read-only file system.
            with tempfile.TemporaryFile(dir=self.options.reports):
                pass
        except OSError as error:
            raise BadInput(
                f"{self.options.reports}: reports cannot be written there ({error.strerror}); use --gate-reports"
            ) from error

    def run(self, console: Console, wanted: Collection[Item] | None = None) -> dict[Item, Verdict]:
        """Measure, compare and write the results; return the verdict on every item, or on the wanted items.

        Raises:
            BadInput: a build is working in the manifest's folder, or a file changed while it was measured.
        """
        with no_build_in(self.options.manifest.parent):
            return self._run(console, wanted)

    def _run(self, console: Console, wanted: Collection[Item] | None) -> dict[Item, Verdict]:
        options, folder = self.options, self.options.manifest.parent
        store = Store(options.store)
        rerun = Rerun(self.baseline, store, self._rows, self._task, options.budget_s, options.baseline_python)
        versions_before = self._other_versions or (self.baseline.machine.versions if self.baseline else {})
        items = [item for item in self.items if wanted is None or item in wanted]
        needed = Needed(self.manifest, self.profiles)
        if part := len(items) < len(self.items):
            needed = narrow(self.manifest, self.profiles, items)
        with machine_lock(console), Bar(console) as bar:
            added = call_hooks(self._config, needed.manifest, folder) if self._config else {}
            commit = added.get("commit") or checked_out()
            results = Measurement(needed, folder, self._rows, options.command, bar, rerun).run()
            results = results.model_copy(
                update={
                    "part": part,
                    "pull_request": pull_request(os.environ),
                    "task": self.manifest.task,
                    "confidence": self.manifest.confidence,
                    "other_versions": self._other_versions,
                    "since": self._since,
                    "flips": list(self._flips(results)),
                    **added,
                    "commit": commit,
                    "subject": subject_of(commit),
                }
            )
            drop = partial(self._task.drop, confidence=self.manifest.confidence)
            verdicts = decide(items, results, self.baseline, drop, options.strict)
            where = as_typed(self.baseline_path) if self.baseline else None
            results = results.model_copy(update={"verdicts": verdicts, "baseline": where})
            self._keep(results)  # before the evidence, which takes minutes and may be interrupted
            bar.now("looking into what regressed", log=False)
            if why := explain(verdicts, results, rerun.sides, versions_before):
                self.results = results = results.model_copy(update={"why": why})
                self._write(lambda: write_json(self.results_path, results))
        return dict(zip(items, verdicts, strict=True))

    def _keep(self, results: Results) -> None:
        """Write the results, their line of the history, and the exported files."""
        self.results = results
        self._write(lambda: write_json(self.results_path, results))
        if not results.part:
            written = self.baseline.created if self.baseline else None
            self._write(lambda: append(path_of(self.options.reports, results.recipe), results, written))
        self._keep_shipped(results)

    def _flips(self, results: Results) -> Iterator[Flips]:
        """Compare each exported artifact with the baseline on the same rows, else with the reference."""
        known = self.baseline.artifacts if self.baseline else {}
        reference = results.artifact(results.reference).accuracy
        compared = partial(flips, rows=self._rows, task=self._task, texts=self.options.show_texts)
        for measured in results.artifacts:
            if measured.role != "ship" or measured.accuracy is None:
                continue
            entry = known.get(measured.id)
            if entry and entry.accuracy and same_rows(entry.accuracy, measured.accuracy):
                yield compared(measured.id, measured.accuracy, "the baseline", entry.accuracy)
            elif reference:
                yield compared(measured.id, measured.accuracy, results.reference, reference)

    def _keep_shipped(self, results: Results) -> None:
        """Put the exported artifacts into the store, because this run may become the next baseline."""
        store, folder = Store(self.options.store), self.options.manifest.parent
        for artifact in self.manifest.artifacts:
            if artifact.role == "ship":
                for path in (inside(folder, artifact.path), inside(folder, artifact.tokenizer)):
                    store.put(path)
        put = {sha256 for a in results.artifacts if a.role == "ship" for sha256 in (a.sha256, a.tokenizer_sha256)}
        usual = [path for path in (self.baseline_path, self.options.default_baseline) if path]
        store.prune(keep=protected(self.options.baselines, *usual) | put)

    def write_report(self) -> None:
        """Write the report to `report_path`."""
        from pocketbert.bench.report.page import write_report

        results = cast("Results", self.results)
        self._write(lambda: write_report(results, self.results_path))

    def samples_s(self, item: Item) -> list[float]:
        """Return the recorded times of a latency item, seconds; empty if it was not measured."""
        artifacts = self.results.artifacts if self.results else []
        entries = [entry for artifact in artifacts if artifact.id == item.artifact for entry in artifact.latency]
        return [ms / 1000 for entry in entries if str(entry.place) == str(item.place) for ms in entry.samples_ms]

    @property
    def results_path(self) -> Path:
        """The results file of this run."""
        return self.options.reports / f"{cast('Results', self.results).name}.json"

    @property
    def report_path(self) -> Path:
        """The report of this run."""
        return self.results_path.with_suffix(".md")

    def _write(self, write: Callable[[], object]) -> None:
        """Write a file; on a full disk keep the verdicts and record the error in `unwritten`."""
        try:
            write()
        except OSError as error:
            self.unwritten = f"not everything could be written to {self.options.reports}: {error.strerror}"
