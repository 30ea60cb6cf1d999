"""`reports/<recipe>.history.jsonl`: one line per complete run, for trends. The oldest are removed.

A line that cannot be read (truncated by a full disk, or of a later version) is skipped.
"""

import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import Field, ValidationError

from pocketbert.bench.records.baseline import Reference, reference_of
from pocketbert.bench.records.results import Measured, Ratios, Results
from pocketbert.compress.base.files import atomic_write
from pocketbert.compress.base.folders.lru import DAY_S, Usage
from pocketbert.compress.base.strict import Strict

SCHEMA = 1
LIMIT = 4 * 2**20
"""Largest size of a history, bytes; the oldest runs are removed first."""
MAX_AGE_S = 730 * DAY_S
"""Older runs are removed, seconds."""


class Figures(Strict):
    """One exported artifact; a figure that was not measured is None or missing."""

    sha256: str
    bytes: int | None
    deflated_bytes: int | None
    own_mib: float | None
    metric: str | None
    score: float | None
    latency: Ratios


class Record(Strict):
    """One run."""

    format: int = Field(SCHEMA, alias="schema")
    created: str  # ISO 8601, UTC
    commit: str | None  # None: outside a Git repository
    subject: str = ""  # first line of the commit's message
    fingerprint: str  # of the machine
    reference: Reference  # of the latency ratios
    baseline: str | None  # creation time of the baseline that the run was compared with
    artifacts: dict[str, Figures]


def path_of(folder: Path, recipe: str) -> Path:
    """Return the path of a recipe's history in the folder of reports."""
    return folder / f"{recipe}.history.jsonl"


def append(path: Path, results: Results, baseline_created: str | None) -> None:
    """Append a run to the history, and remove the oldest ones as `prune` does."""
    record = Record(
        schema=SCHEMA,
        created=results.created,
        commit=results.commit,
        subject=results.subject,
        fingerprint=results.machine.fingerprint,
        reference=reference_of(results),
        baseline=baseline_created,
        artifacts={a.id: _figures(a) for a in results.artifacts if a.role == "ship"},
    )
    lines = path.read_bytes().splitlines() if path.is_file() else []
    _write(path, _kept([*lines, record.model_dump_json(by_alias=True).encode()], LIMIT, MAX_AGE_S))


def usage(folder: Path) -> Usage:
    """Return what the histories in the folder of reports take; an entry is a run."""
    paths = list(folder.glob("*.history.jsonl"))
    ages = [age for path in paths for record in load(path) if (age := _age(record)) is not None]
    return Usage(len(ages), sum(path.stat().st_size for path in paths), max(ages, default=0.0))


def prune(path: Path, limit: int = LIMIT, max_age: float = MAX_AGE_S) -> None:
    """Remove the oldest runs until at most `limit` bytes are left, and those older than `max_age` seconds.

    The last run that was compared with a baseline stays in any case: it tells that the recipe had one.
    """
    lines = path.read_bytes().splitlines()
    if len(kept := _kept(lines, limit, max_age)) < len(lines):
        _write(path, kept)


def _kept(lines: list[bytes], limit: int, max_age: float) -> list[bytes]:
    kept: list[bytes] = []
    compared = False
    for line in reversed(lines):
        record = _record(line.decode(errors="replace"))
        last, limit = bool(record and record.baseline) and not compared, limit - len(line) - 1
        if last or (limit >= 0 and (_age(record) or 0.0) <= max_age):
            kept.append(line)
        compared = compared or last
    return kept[::-1]


def _write(path: Path, lines: list[bytes]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(b"".join(line + b"\n" for line in lines))


def load(path: Path) -> list[Record]:
    """Return every run that can be read, oldest first; empty if there is no history."""
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []:
        if record := _record(line):
            records.append(record)
    return records


def _record(line: str) -> Record | None:
    """Read a line; None if it cannot be read."""
    with suppress(ValidationError):
        record = Record.model_validate_json(line)
        if record.format == SCHEMA:
            return record
    return None


def _age(record: Record | None) -> float | None:
    """Return the seconds since a run; None if they are unknown."""
    with suppress(ValueError):
        if record:
            return time.time() - datetime.fromisoformat(record.created).timestamp()
    return None


def _figures(a: Measured) -> Figures:
    return Figures(
        sha256=a.sha256,
        bytes=a.size.bytes if a.size else None,
        deflated_bytes=a.size.deflated_bytes if a.size else None,
        own_mib=a.memory.own_mib if a.memory else None,
        metric=a.accuracy.metric if a.accuracy else None,
        score=a.accuracy.value if a.accuracy else None,
        latency={str(entry.place): entry.ratio for entry in a.latency},
    )
