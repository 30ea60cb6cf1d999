"""`python -m bench.study`: records, takes live verdicts, rebuilds, writes docs/verdicts.md. Interrupted, it goes on."""

import json
from math import exp
from pathlib import Path
from statistics import fmean
from typing import Annotated

import typer

from bench.pairs import Side, time_pair
from bench.profiles import load_profiles
from bench.results import Profile
from bench.study.columns import COLUMNS, LENGTH, PROFILE, SLOW_DOWNS
from bench.study.rebuild import BUILDS, rebuild_verdicts
from bench.study.record import Record, load, take_live, take_pairs
from bench.study.slower import write_slower
from bench.study.write import write_page
from bench.subject import load_rows, open_subject
from compress.files import write_json
from compress.manifest import inside, load_manifest
from compress.progress import Progress

_FIRST_GUESS = 400
_CALIBRATION_PAIRS = 12


def study(
    manifest: Annotated[Path, typer.Option(help="of a build whose INT8 student is taken")] = Path(
        "artifacts/offline/manifest.json"
    ),
    folder: Annotated[Path, typer.Option(help="slower copies and rebuilt artifacts go here")] = Path("artifacts/study"),
    record: Annotated[Path, typer.Option(help="every pair and every live verdict")] = Path("docs/verdicts.jsonl"),
    page: Annotated[Path, typer.Option(help="what is written of it")] = Path("docs/verdicts.md"),
    live: Annotated[int, typer.Option(help="live verdicts per column")] = 20,
    equal_pairs: Annotated[int, typer.Option(help="pairs of the A/A columns")] = 600,
    slower_pairs: Annotated[int, typer.Option(help="pairs of the other columns")] = 200,
    rebuild: Annotated[bool, typer.Option(help="build and gate the smoke recipe eleven times")] = True,
) -> None:
    """Measure how often the gate is wrong; about an hour and a half on 2 cores."""
    student = _student(manifest)
    [profile] = load_profiles([PROFILE])
    taken = Record(record)
    with Progress() as progress:
        sides = _sides(student, profile, folder, progress)
        for column in COLUMNS:
            wanted = slower_pairs if column.slow_down else equal_pairs
            with load(column.busy), progress.work(column.name, live + wanted) as work:
                pair = (student, sides[column.slow_down])
                take_live(column, pair, profile, live, taken, work.advance)
                take_pairs(column, pair, profile, wanted, taken, work.advance)
        rebuilt = folder / "rebuilt.json"
        if rebuild:
            with progress.work("building and gating smoke", BUILDS + 1) as work:
                write_json(rebuilt, {"verdicts": rebuild_verdicts(folder / "rebuild", work.advance)})
    verdicts = json.loads(rebuilt.read_text(encoding="utf-8"))["verdicts"] if rebuilt.is_file() else []
    write_page(taken, verdicts, page)
    typer.echo(f"written: {page}")


def _student(manifest: Path) -> Side:
    """The INT8 student of a manifest, with its requests."""
    read = load_manifest(manifest)
    rows = load_rows(inside(manifest.parent, read.task.test), read.task.labels)
    [artifact] = [a for a in read.artifacts if a.role == "ship" and a.precision == "int8"]
    subject = open_subject(artifact, read, manifest.parent, rows)
    return Side(artifact.runtime, subject.path, {LENGTH: subject.requests(LENGTH, rows)})


def _sides(student: Side, profile: Profile, folder: Path, progress: Progress) -> dict[float, Side]:
    """The student and its slower copies, their extra work chosen by a measurement."""
    folder.mkdir(parents=True, exist_ok=True)
    sides = {0.0: student}
    guess = folder / "guess.onnx"
    missing = [slow_down for slow_down in SLOW_DOWNS if slow_down and not _slower(folder, slow_down).is_file()]
    if missing:
        write_slower(student.path, guess, _FIRST_GUESS)
        copy = Side(student.runtime, guess, student.requests)
        logs = []
        with progress.work("how much extra work is how much slower", _CALIBRATION_PAIRS) as work:
            for number in range(_CALIBRATION_PAIRS):
                logs.append(time_pair(student, copy, profile, [LENGTH], number)[LENGTH].log_p50)
                work.advance()
        share = exp(fmean(logs)) - 1
        for slow_down in missing:
            write_slower(student.path, _slower(folder, slow_down), round(_FIRST_GUESS * slow_down / share))
    for slow_down in SLOW_DOWNS:
        if slow_down:
            sides[slow_down] = Side(student.runtime, _slower(folder, slow_down), student.requests)
    return sides


def _slower(folder: Path, slow_down: float) -> Path:
    return folder / f"slower-{slow_down:.0%}.onnx"


if __name__ == "__main__":
    typer.run(study)
