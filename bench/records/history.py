"""`reports/<recipe>.history.jsonl`: a line for every whole run, so that trends can be seen. Lines are only ever added.

A line that cannot be read (cut off by a full disk, or of a later version) is passed over.
"""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from pydantic import Field, ValidationError

from pocketbert.bench.records.baseline import Yardstick, yardstick
from pocketbert.bench.records.results import Results, Weighed
from pocketbert.bench.stats.intervals import Interval
from pocketbert.compress.base.strict import Strict

SCHEMA = 1


class Figures(Strict):
    """One shipped artifact; a figure is None (or not there) when it was not measured."""

    sha256: str
    bytes: int | None
    deflated_bytes: int | None
    own_mib: float | None
    metric: str | None
    score: float | None
    latency: dict[str, Interval]  # "mobile-1t/128" -> P50 over the reference's


class Record(Strict):
    format: int = Field(SCHEMA, alias="schema")
    created: str  # ISO 8601, UTC
    commit: str | None  # None: outside of a Git repository
    fingerprint: str  # of the machine
    reference: Yardstick  # what latencies are ratios to
    baseline: str | None  # when the baseline was written that the run was judged against
    artifacts: dict[str, Figures]


def path_of(folder: Path, recipe: str) -> Path:
    """Where a recipe's history lies in its folder of reports."""
    return folder / f"{recipe}.history.jsonl"


def append(path: Path, results: Results, baseline_created: str | None) -> None:
    """Add a run to the history."""
    record = Record(
        schema=SCHEMA,
        created=results.created,
        commit=results.commit,
        fingerprint=results.machine.fingerprint,
        reference=yardstick(results),
        baseline=baseline_created,
        artifacts={a.id: _figures(a) for a in results.artifacts if a.role == "ship"},
    )
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # an earlier run was cut short
                file.write(b"\n")
        file.write(record.model_dump_json(by_alias=True).encode() + b"\n")


def load(path: Path) -> list[Record]:
    """Every run that can be read, the oldest first; none where there is no history."""
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []:
        with suppress(ValidationError):
            record = Record.model_validate_json(line)
            if record.format == SCHEMA:
                records.append(record)
    return records


def _figures(a: Weighed) -> Figures:
    return Figures(
        sha256=a.sha256,
        bytes=a.size.bytes if a.size else None,
        deflated_bytes=a.size.deflated_bytes if a.size else None,
        own_mib=a.memory.own_mib if a.memory else None,
        metric=a.accuracy.metric if a.accuracy else None,
        score=a.accuracy.value if a.accuracy else None,
        latency={f"{entry.profile}/{entry.length}": entry.ratio for entry in a.latency},
    )


def checked_out() -> str | None:
    """The commit that is checked out here, if this is a Git repository."""
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None
