"""Every complete run leaves a line, and lines that cannot be read are skipped."""

import subprocess
from pathlib import Path

import pytest

from pocketbert.bench.records.history import Record, append, checked_out, load, prune, usage
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


def test_the_commit_is_the_one_checked_out(weighed: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = [checked_out()]
    identity = ["-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *identity, *command], check=True)  # noqa: S607
    found.append(checked_out())
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()  # noqa: S607
    assert found == [None, head]
    append(tmp_path / "x", weighed.model_copy(update={"commit": head}), None)
    assert [line.commit for line in load(tmp_path / "x")] == [head]


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
