"""Artifacts, test rows, machine and progress bar of one measurement: the argument of every metric."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from pocketbert.bench.machine.cores import usable_cores
from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.measuring.progress import Bar
from pocketbert.bench.measuring.subject import ScoredRows, Subject, open_subject
from pocketbert.bench.measuring.unchanged import Unchanged
from pocketbert.bench.records.results import METRICS, Metric, Place, Profile
from pocketbert.compress.manifest import Manifest, inside
from pocketbert.compress.tasks import open_task


class Needed(NamedTuple):
    """The part of a manifest that a run measures."""

    manifest: Manifest
    profiles: list[Profile]
    metrics: Collection[Metric] = METRICS


class Setup:
    """The state that the metrics share.

    Args:
        folder: of the manifest.
        rows: the test split.

    Raises:
        BadInput: an artifact is not of the kind that its runtime opens, or its tokenizer cannot be read.
    """

    def __init__(self, needed: Needed, folder: Path, rows: ScoredRows, bar: Bar) -> None:
        manifest = self.manifest = needed.manifest
        self.folder, self.rows, self.bar = folder, rows, bar
        self.machine, self.cores = read_machine(), usable_cores()
        self.task = open_task(manifest.task.kind, manifest.task.labels, manifest.task.max_length)
        self.profiles = [p for p in needed.profiles if p.lengths and not p.skipped and not p.same_as]
        self.unchanged = Unchanged()
        for name, sha256 in manifest.files.items():
            self.unchanged.add(inside(folder, name), sha256)
        self.by_id: dict[str, Subject] = {}
        by_key: dict[str, Subject] = {}
        # The reference is the slowest artifact. It goes first, so that the estimated time shrinks instead of growing.
        for artifact in sorted(manifest.artifacts, key=lambda a: a.id != manifest.reference):
            subject = open_subject(artifact, manifest, folder, rows, self.unchanged)
            self.by_id[artifact.id] = by_key.setdefault(subject.key, subject)
        self.subjects = list(by_key.values())
        # A stage's checkpoint was scored by the guard, and no app runs it: only its size is measured.
        run = {self.by_id[artifact.id].key for artifact in manifest.artifacts if artifact.role != "stage"}
        self.run_here = [subject for subject in self.subjects if subject.key in run and not subject.not_run]
        self.reference = self.by_id[manifest.reference]

    def lengths(self, subject: Subject, profile: Profile) -> list[str]:
        """Return the profile's lengths that both the subject and the reference have positions for."""
        positions = (subject.artifact.positions, self.reference.artifact.positions)
        return [length for length in profile.lengths if Place(profile.name, length).fits(*positions)]
