"""Every complete run leaves a line, and lines that cannot be read are skipped."""

from pathlib import Path

import pytest

from pocketbert.bench.records.history import Record, append, load, prune, usage
from pocketbert.bench.records.results import Results


@pytest.fixture
def record(weighed: Results, tmp_path: Path) -> Record:
    append(tmp_path / "x.jsonl", weighed, "2026-01-01")
    return load(tmp_path / "x.jsonl")[0]


def test_a_line_holds_what_ships(weighed: Results, record: Record) -> None:
    assert set(record.artifacts) == {"small", "other"}
    small = weighed.artifact("small")
    figures = record.artifacts["small"]
    assert small.size
    assert small.memory
    assert small.accuracy
    assert (figures.bytes, figures.own_mib, figures.score) == (
        small.size.bytes,
        small.memory.own_mib,
        small.accuracy.value,
    )
    assert figures.latency["mobile-1t/128"] == next(m.ratio for m in small.latency if m.length == "128")
    assert record.fingerprint == weighed.machine.fingerprint
    assert record.baseline == "2026-01-01"


def test_lines_are_added_and_a_torn_one_is_passed_over(weighed: Results, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    append(path, weighed, None)
    with path.open("a") as file:
        file.write('{"schema": 1, "created": "20\n{"schema": 2}\n')
    append(path, weighed, None)
    assert len(load(path)) == 2
    with path.open("a") as file:
        file.write('{"schema": 1, "crea')  # the disk was full
    append(path, weighed, None)
    assert len(load(path)) == 3
    with path.open("ab") as file:
        file.write('{"schema": 1, "created": "学'.encode()[:-1])  # inside a character
    append(path, weighed, None)
    assert len(load(path)) == 4
    assert load(tmp_path / "nothing") == []


def test_the_commit_and_its_subject_are_kept(weighed: Results, tmp_path: Path) -> None:
    append(tmp_path / "x", weighed.model_copy(update={"commit": "c" * 40, "subject": "fewer heads"}), None)
    assert [(line.commit, line.subject) for line in load(tmp_path / "x")] == [("c" * 40, "fewer heads")]


def test_thirty_runs_leave_no_more_than_the_limit_and_the_last_baseline(weighed: Results, tmp_path: Path) -> None:
    path = tmp_path / "x.history.jsonl"
    for number in range(30):
        append(path, weighed, f"baseline {number}" if number < 4 else None)
        prune(path, limit=10_000)
    runs, found = load(path), usage(tmp_path)
    assert found.bytes == path.stat().st_size <= 10_000 + found.bytes // found.entries
    assert found.entries == len(runs) < 30
    assert [run.baseline for run in runs] == ["baseline 3"] + [None] * (len(runs) - 1)


def test_old_runs_go_but_for_the_one_that_had_a_baseline(weighed: Results, tmp_path: Path) -> None:
    path = tmp_path / "x.history.jsonl"
    for created in ("2001-01-01T00:00:00+00:00", "2002-01-01T00:00:00+00:00"):
        append(path, weighed.model_copy(update={"created": created}), "its baseline")
    append(path, weighed.model_copy(update={"created": "unknown"}), None)
    assert [run.created for run in load(path)] == ["2002-01-01T00:00:00+00:00", "unknown"]
    assert usage(tmp_path).oldest_s > 20 * 365 * 86_400
    assert usage(tmp_path / "nowhere") == (0, 0, 0.0)
