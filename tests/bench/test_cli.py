"""The command line `pocketbert`: rewriting a baseline, reports, and its manners with bad input."""

import errno
import json
import sys
from pathlib import Path

import pytest

from pocketbert.bench.cli import main
from pocketbert.bench.records.baseline import load_baseline
from pocketbert.bench.records.results import Results, load_results
from pocketbert.compress.base.files import write_json
from tests.support import REPO
from tests.support.pages import blocks


@pytest.fixture
def results(weighed: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "tiny.json", weighed)
    return tmp_path / "tiny.json"


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["pocketbert", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_update_writes_only_when_told(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = Path("baselines/tiny.json")
    assert command(monkeypatch, "baseline", "update", str(results)) == 2
    refused = "baselines/tiny.json not updated: no terminal to confirm. Check the table above and rerun with --yes."
    assert capsys.readouterr().err == f"pocketbert: {refused}\n"
    assert not written.exists()
    assert command(monkeypatch, "baseline", "update", str(results), "--yes") == 0
    assert set(load_baseline(written).artifacts) == {"small", "other"}
    assert command(monkeypatch, "baseline", "show", str(results)) == 0
    assert "thresholds: latency 5.0%, memory 5.0%, size 1.0%, accuracy 1.0%" in capsys.readouterr().out


def test_results_that_cannot_be_read_are_one_line_and_exit_2(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "baseline", "diff", "nowhere.json") == 2
    assert capsys.readouterr().err == "pocketbert: nowhere.json: no such results file; pytest bench writes one\n"
    results.write_text(json.dumps({"schema": 7}))
    assert command(monkeypatch, "baseline", "diff", str(results)) == 2
    assert "schema is 7, this version reads 2" in capsys.readouterr().err


def test_a_disk_that_takes_nothing_is_one_line_and_exit_2(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "baselines")

    monkeypatch.setattr("pocketbert.compress.base.files.write_json", full)
    assert command(monkeypatch, "baseline", "update", str(results), "--yes") == 2
    assert capsys.readouterr().err == "pocketbert: baselines: Read-only file system\n"


def test_a_baseline_of_another_schema_can_be_rewritten(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Path("baselines/tiny.json")
    old.parent.mkdir()
    old.write_text(json.dumps({"schema": 0}))
    assert command(monkeypatch, "baseline", "update", str(results), "--yes") == 0
    assert "the old baseline cannot be read and is replaced, thresholds included: " in capsys.readouterr().out
    assert set(load_baseline(old).artifacts) == {"small", "other"}


def test_a_project_says_where_its_baseline_is(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pyproject.toml").write_text("[tool.pocketbert]\nbaseline = 'kept/b.json'\n")
    assert command(monkeypatch, "baseline", "update", str(results), "--yes") == 0
    assert set(load_baseline(Path("kept/b.json")).artifacts) == {"small", "other"}
    assert command(monkeypatch, "baseline", "diff", str(results), "--baseline", "other.json") == 0
    assert "new" in capsys.readouterr().out


def test_figures_of_a_phone_are_kept_in_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, phone = tmp_path / "offline.json", tmp_path / "pixel.csv"
    file.write_bytes((REPO / "reports/offline.json").read_bytes())
    phone.write_text(blocks(REPO / "docs/phone.md", "csv")[0], encoding="utf-8")
    assert command(monkeypatch, "report", str(file), str(file), "--phone", str(phone)) == 2
    assert "--phone is for one results file; leave OTHER.json out" in capsys.readouterr().err
    assert command(monkeypatch, "report", str(file), "--phone", str(phone)) == 0
    assert {figure.device for figure in load_results(file).phone} >= {"Pixel 8"}
    assert "**Pixel 8**" in (tmp_path / "offline.md").read_text(encoding="utf-8")


def test_an_interrupted_command_exits_with_130(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pocketbert.bench.records.results.load_results", interrupted)
    assert command(monkeypatch, "baseline", "diff", str(results)) == 130
