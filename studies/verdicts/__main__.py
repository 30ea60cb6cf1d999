"""`python -m studies.verdicts`: times pairs, takes live verdicts, writes docs/verdicts.md; resumes if interrupted."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pocketbert.bench.machine.fingerprint import read_machine
from pocketbert.bench.machine.lock import machine_lock
from pocketbert.bench.machine.profiles import load_profiles
from pocketbert.bench.measuring.pairs import Side
from pocketbert.bench.measuring.subject import load_rows, open_subject
from pocketbert.bench.measuring.unchanged import Unchanged
from pocketbert.bench.stats.sequential import LOOKS
from pocketbert.compress.base.files import write_json
from pocketbert.compress.base.progress import Progress
from pocketbert.compress.manifest import inside, load_manifest
from pocketbert.compress.tasks import open_task
from studies.verdicts.calibrate import slower_sides
from studies.verdicts.columns import LENGTH, LIMIT, PROFILE, columns
from studies.verdicts.page import write_page
from studies.verdicts.rebuild import BUILDS, rebuild_verdicts
from studies.verdicts.record import Record, Taker, load


def study(
    manifest: Annotated[Path, typer.Option(help="manifest of the build with the INT8 student")] = Path(
        "artifacts/offline/manifest.json"
    ),
    folder: Annotated[Path, typer.Option(help="folder of the record, the slower copies and the builds")] = Path(
        "artifacts/study"
    ),
    page: Annotated[Path, typer.Option(help="page to write; the packed record is written next to it")] = Path(
        "docs/verdicts.md"
    ),
    limit: Annotated[float, typer.Option(min=0.005, max=0.5, help="threshold that the verdicts compare with")] = LIMIT,
    live: Annotated[int, typer.Option(help="live verdicts per column")] = 20,
    equal: Annotated[int, typer.Option(help="verdicts per A/A column, from disjoint pairs")] = 200,
    slower: Annotated[int, typer.Option(help="verdicts per column at twice the threshold, from disjoint pairs")] = 100,
    rebuild: Annotated[bool, typer.Option(help="build and gate the smoke recipe eleven times")] = True,
) -> None:
    """Measure how often the gate is wrong; about an hour and a half on 2 cores.

    The columns without error and those at twice the threshold are the claim, so they get many verdicts from pairs; the
    others have their live verdicts alone.
    """
    student, sha256 = _student(manifest)
    [profile] = load_profiles([PROFILE])
    folder = folder / sha256[:12]
    taken = Record(folder / "record.jsonl", f"student {sha256[:12]} on {read_machine().fingerprint}")
    rebuilt = folder / "rebuilt.json"
    try:
        with machine_lock(Console(stderr=True)), Progress(thread=False) as progress:
            sides = slower_sides(student, columns(limit), profile, folder, taken, progress)
            for column in columns(limit):
                taker = Taker(column, student, sides[column.slow_down], profile, taken)
                _record(taker, live, {0.0: equal, round(2 * limit, 3): slower}.get(column.slow_down, 0), progress)
        if rebuild and not rebuilt.is_file():  # not under the lock: each gate run takes it for itself
            with Progress() as progress, progress.work("building and gating smoke", BUILDS + 1) as work:
                write_json(rebuilt, {"verdicts": rebuild_verdicts(folder / "rebuild", work.advance)})
    finally:  # the results of an interrupted study are written, too
        verdicts = json.loads(rebuilt.read_text(encoding="utf-8"))["verdicts"] if rebuilt.is_file() else []
        write_page(taken, verdicts, page, limit)
        taken.pack(page.with_suffix(".jsonl.xz"))
        typer.echo(f"written: {page}")


def _record(taker: Taker, live: int, wanted: int, progress: Progress) -> None:
    """Record everything of one column that is not recorded yet."""
    column = taker.column
    with load(column.busy), progress.work(f"{column.name}: live verdicts", live) as work:
        taker.take_live(live, work.advance)
    with load(column.busy), progress.work(f"{column.name}: pairs", wanted * LOOKS[0]) as work:
        taker.take_pairs(wanted, work.advance)


def _student(manifest: Path) -> tuple[Side, str]:
    """Return the INT8 student of a manifest with its requests, and its SHA-256."""
    read = load_manifest(manifest)
    rows = load_rows(
        inside(manifest.parent, read.task.test), open_task(read.task.kind, read.task.labels, read.task.max_length)
    )
    [artifact] = [a for a in read.artifacts if a.role == "ship" and a.precision == "int8"]
    subject = open_subject(artifact, read, manifest.parent, rows, Unchanged())
    return Side(subject.file, {LENGTH: subject.requests(LENGTH)}), subject.sha256


if __name__ == "__main__":
    typer.run(study)
