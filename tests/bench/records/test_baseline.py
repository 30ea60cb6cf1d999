"""`pocketbert baseline`, the one way to rewrite a baseline, and the command line's manners."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pocketbert.bench.cli import main
from pocketbert.bench.records.baseline import Thresholds, cut_baseline, diff, load_baseline
from pocketbert.bench.records.results import Results
from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.base.files import write_json


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
    assert "pocketbert: baselines/tiny.json: not rewritten: nobody is there to ask" in capsys.readouterr().err
    assert not written.exists()
    assert command(monkeypatch, "baseline", "update", str(results), "--yes") == 0
    assert set(load_baseline(written).artifacts) == {"small", "other"}
    assert command(monkeypatch, "baseline", "show", str(results)) == 0
    assert "thresholds: latency 5.0%, memory 5.0%, size 1.0%, accuracy 1.0%" in capsys.readouterr().out


def test_a_diff_shows_old_and_new_and_the_change(weighed: Results) -> None:
    old = cut_baseline(weighed, None)
    small = old.artifacts["small"]
    new = old.model_copy(
        update={"artifacts": {"small": small.model_copy(update={"bytes": small.bytes * 2}), "extra": small}}
    )
    lines = [line.split() for line in diff(old, new).splitlines()]
    assert ["small", "bytes", f"{small.bytes:,}", "->", f"{2 * small.bytes:,}", "+100.0%"] in lines
    assert [
        "small",
        "deflated",
        "bytes",
        *[f"{small.deflated_bytes:,}", "->", f"{small.deflated_bytes:,}"],
        "same",
    ] in lines
    assert any(line[:2] == ["other", "bytes"] and line[-1] == "gone" for line in lines)
    assert any(line[:2] == ["extra", "bytes"] and line[-1] == "new" for line in lines)


def test_thresholds_survive_an_update(weighed: Results) -> None:
    old = cut_baseline(weighed, None).model_copy(update={"thresholds": Thresholds(latency=0.2)})
    assert cut_baseline(weighed, old).thresholds.latency == 0.2


def test_a_run_with_failures_makes_no_baseline(weighed: Results) -> None:
    broken = [a.model_copy(update={"failures": ["memory: no answer"]}) for a in weighed.artifacts]
    with pytest.raises(BadInput, match="small: memory: no answer; a baseline needs a run without failures"):
        cut_baseline(weighed.model_copy(update={"artifacts": broken}), None)


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


def test_importing_the_plugin_loads_nothing_heavy() -> None:
    script = (
        "import sys, pocketbert.bench.gate.plugin\n"
        "heavy = {'torch', 'transformers', 'numpy', 'scipy', 'onnxruntime', 'pyarrow', 'pydantic', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (loaded.stdout, loaded.stderr) == ("[]\n", "")


def test_a_baseline_of_another_schema_can_be_rewritten(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Path("baselines/tiny.json")
    old.parent.mkdir()
    old.write_text(json.dumps({"schema": 0}))
    assert command(monkeypatch, "baseline", "update", str(results), "--yes") == 0
    assert "the old one goes, its thresholds too, because it cannot be read: " in capsys.readouterr().out
    assert set(load_baseline(old).artifacts) == {"small", "other"}
