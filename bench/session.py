"""One gate session: what was asked for, checked before anything is weighed; then weighed, judged and written, once."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rich.console import Console

from bench.baseline import FOLDER, Baseline, load_baseline
from bench.gate import Item, items_of, judge
from bench.profiles import load_profiles
from bench.progress import Bar
from bench.results import Profile, Results, Verdict
from bench.subject import Rows, load_rows
from bench.weigh import Weighing
from compress.errors import BadInput
from compress.files import write_json
from compress.manifest import Manifest, inside, load_manifest
from compress.runtimes import require
from compress.tasks import open_task


@dataclass(frozen=True)
class Asked:
    """The options of a gate run, as given."""

    manifest: Path
    profiles: tuple[str, ...]
    baseline: Path | None
    strict: bool
    reports: Path
    command: str


class Session:
    """What a gate run needs, all of it readable.

    Raises:
        BadInput: something in it cannot be used, or there is nothing to measure.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.manifest: Manifest = load_manifest(asked.manifest)
        self.profiles: list[Profile] = load_profiles(asked.profiles)
        self.baseline_path = asked.baseline or FOLDER / f"{self.manifest.recipe}.json"
        self.baseline: Baseline | None = None
        if asked.baseline or self.baseline_path.exists():
            self.baseline = load_baseline(self.baseline_path)
        self._check()
        shipped = [artifact.id for artifact in self.manifest.artifacts if artifact.role == "ship"]
        self.items: list[Item] = items_of(shipped, self.profiles, self.baseline, whole=not asked.profiles)
        self.results: Results | None = None

    def _check(self) -> None:
        manifest, where = self.manifest, self.asked.manifest
        if not any(artifact.role == "ship" for artifact in manifest.artifacts):
            raise BadInput(f"{where}: nothing to measure: no artifact has the role 'ship'")
        if self.baseline and self.baseline.recipe != manifest.recipe:
            raise BadInput(
                f"{self.baseline_path}: of recipe {self.baseline.recipe!r}, the manifest is of {manifest.recipe!r}"
            )
        for artifact in manifest.artifacts:
            require(artifact.runtime)
        self._task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
        self._rows: Rows = load_rows(inside(where.parent, manifest.task.test), manifest.task.labels)
        try:
            self.asked.reports.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{self.asked.reports}: reports cannot be written there ({error.strerror})") from error

    def run(self, console: Console) -> dict[Item, Verdict]:
        """Weigh, judge and write the results; the verdict of every item."""
        with Bar(console) as bar:
            results = Weighing(
                self.manifest, self.asked.manifest.parent, self._rows, self.profiles, self.asked.command, bar
            ).run()
        confidence = self.manifest.confidence
        verdicts = judge(
            self.items,
            results,
            self.baseline,
            lambda before, now: self._task.drop(before, now, confidence),
            self.asked.strict,
        )
        where = str(self.baseline_path) if self.baseline else None
        self.results = results.model_copy(update={"verdicts": verdicts, "baseline": where})
        write_json(self.asked.reports / f"{results.recipe}.json", self.results)
        return dict(zip(self.items, verdicts, strict=True))

    def write_report(self) -> Path:
        """Draw the report of what was weighed; its path."""
        from bench.report import write_report

        return write_report(cast("Results", self.results), self.asked.reports)
