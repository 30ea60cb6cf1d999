"""The command line `pocketbert`: rewriting a baseline, reports, and its manners with bad input."""

import errno
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from pocketbert.bench.cli import every_command
from pocketbert.bench.commands.names import Listed
from pocketbert.bench.doctor import Check
from pocketbert.bench.records.baseline import load_baseline
from pocketbert.bench.records.results import Results, load_results
from pocketbert.compress.base.errors import BadInput, CheckFailed
from pocketbert.compress.base.files import write_json
from pocketbert.compress.base.processes import Terminated
from tests.support import REPO
from tests.support.commands import command
from tests.support.pages import blocks


@pytest.fixture
def results(weighed: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "tiny.json", weighed)
    return tmp_path / "tiny.json"


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
    assert "thresholds: latency 3.0 %, memory 5.0 %, size 1.0 %, accuracy 1.0 pp" in capsys.readouterr().out


def test_a_recipe_is_named_in_place_of_its_results(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("reports").mkdir()
    results.rename("reports/tiny.json")
    assert command(monkeypatch, "baseline", "update", "tiny", "--yes") == 0
    capsys.readouterr()
    assert command(monkeypatch, "baseline", "show", "tiny", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)["artifacts"]) == {"small", "other"}
    assert command(monkeypatch, "baseline", "diff", "tiny", "--json") == 0
    changes = json.loads(capsys.readouterr().out)
    assert {"artifact", "quantity", "baseline", "new"} == set(changes[0])
    assert all(change["baseline"] == change["new"] for change in changes)
    assert command(monkeypatch, "baseline", "show", "other") == 2
    assert capsys.readouterr().err.startswith("pocketbert: baselines/other.json: ")


@pytest.mark.parametrize("what", list(Listed))
def test_every_list_has_a_line_per_name(
    what: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPO)
    assert command(monkeypatch, "list", what) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    known = {"stages": "distill", "formats": "onnx", "presets": "minilm", "losses": "hidden/mse", "tasks": "tagging"}
    assert ({"profiles": "mobile-1t", "recipes": "offline"} | known)[what] in names


def test_a_folder_without_recipes_names_the_command_that_writes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "list", "recipes") == 0
    said = "no recipe in recipes/; pocketbert init NAME --model MODEL --data DATA writes one\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("what", list(Listed))
def test_every_listed_name_is_explained(
    what: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPO)
    command(monkeypatch, "list", what)
    name = capsys.readouterr().out.split()[0]
    assert command(monkeypatch, "explain", name) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ")


def test_the_version_and_those_of_the_libraries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--version") == 0
    assert re.fullmatch(r"pocketbert \d+\.\d+\.\d+\n", capsys.readouterr().out)
    for words in (("--version", "-v"), ("-v", "--version")):
        assert command(monkeypatch, *words) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines[:4]] == ["pocketbert", "torch", "transformers", "onnxruntime"]
    assert command(monkeypatch, "-q") == 2


def test_the_schema_and_an_explanation_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Recipe"
    assert command(monkeypatch, "explain", "guard.max_drop") == 0
    assert capsys.readouterr().out.startswith("guard.max_drop (a number, 0 to 0.99")


def test_the_doctor_prints_its_checks_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [Check("cores", "2 usable"), Check("clock", "governor powersave", "sudo cpupower")]
    monkeypatch.setattr("pocketbert.bench.doctor.examine", lambda _: iter(checks))
    assert command(monkeypatch, "doctor", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found[1] == {"name": "clock", "text": "governor powersave", "fix": "sudo cpupower"}
    assert command(monkeypatch, "doctor") == 0
    assert capsys.readouterr().out == (
        "cores        2 usable\nclock        governor powersave\nto fix: clock: sudo cpupower\n"
    )


def test_every_help_text_is_a_sentence() -> None:
    """A command and an option begin with a capital and end with a full stop."""
    texts = dict(helps(typer.main.get_command(every_command()), "pocketbert"))
    assert len(texts) > 40
    assert [
        where for where, text in texts.items() if not re.match(r"[A-Z0-9].*\.( Default: .*)?$", text, re.DOTALL)
    ] == []


def helps(command: Any, where: str) -> Iterator[tuple[str, str]]:
    yield where, command.help or ""
    for option in command.params:
        if option.name not in ("install_completion", "show_completion"):
            yield f"{where} {option.name}", option.help or ""
    for name, inner in getattr(command, "commands", {}).items():
        if name != "report":
            yield from helps(inner, f"{where} {name}")


def test_results_that_cannot_be_read_are_one_line_and_exit_2(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "baseline", "diff", "nowhere.json") == 2
    missing = "nowhere.json: no such results file; pocketbert gate nowhere writes one"
    assert capsys.readouterr().err == f"pocketbert: {missing}\n"
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


def test_the_name_of_a_recipe_stands_for_its_results_and_its_baseline(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("reports").mkdir()
    results.rename("reports/tiny.json")
    assert command(monkeypatch, "baseline", "update", "tiny", "--yes") == 0
    assert "written: baselines/tiny.json" in capsys.readouterr().out
    assert command(monkeypatch, "baseline", "diff", "tiny") == 0
    assert "same" in capsys.readouterr().out
    monkeypatch.setattr("pocketbert.bench.report.page.write_report", lambda found, path: f"a page beside {path}")
    assert command(monkeypatch, "report", "tiny") == 0
    assert capsys.readouterr().out == "written: a page beside reports/tiny.json\n"
    Path("reports/tiny.json").unlink()
    assert command(monkeypatch, "baseline", "show", "tiny") == 0
    assert "thresholds: latency" in capsys.readouterr().out
    assert command(monkeypatch, "report", "tiny") == 2
    assert "reports/tiny.json: no such results file" in capsys.readouterr().err


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
    assert command(monkeypatch, "phone", "add", str(file), str(phone)) == 0
    assert capsys.readouterr().out == f"written: {file.with_suffix('.md')}\n"
    assert {figure.device for figure in load_results(file).phone} >= {"Pixel 8"}
    assert "**Pixel 8**" in (tmp_path / "offline.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CheckFailed("x: a check failed"), 1, "x: a check failed"),
        (BadInput("x: bad"), 2, "x: bad"),
        (OSError(errno.ENOTDIR, "Not a directory", "out/x"), 2, "out/x: Not a directory"),
        (OSError(errno.ENOSPC, "No space left on device", "out/x"), 3, "the disk is full at out/x; free some space"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 3, "failed unexpectedly: [Errno 32] Broken pipe"),
        (EOFError("end of file"), 3, "failed unexpectedly: end of file"),
        (RuntimeError("PytorchStreamWriter failed writing file"), 3, "the disk is full; free"),
        (MemoryError(), 3, "the machine is out of memory; "),
        (RuntimeError("CUDA out of memory. Tried"), 3, "the GPU is out of memory; "),
        (RecursionError("maximum depth"), 3, "failed unexpectedly: maximum depth (traceback: pocketbert-error.log)"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(signal.SIGTERM), 143, "terminated"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_end_of_a_command_is_one_line_and_its_exit_code(
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("pocketbert.bench.records.results.load_results", fails)
    assert command(monkeypatch, "baseline", "diff", str(results)) == code
    shown = capsys.readouterr().err
    assert shown.startswith(f"pocketbert: {line}")
    assert shown.count("\n") == 1
    assert Path("pocketbert-error.log").exists() == (code == 3)


def test_a_wrong_option_and_a_no_keep_their_codes(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "baseline", "diff", str(results), "--nonsense") == 2
    assert "No such option" in capsys.readouterr().err

    def no(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", no)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert command(monkeypatch, "baseline", "update", str(results)) == 1
    assert not Path("pocketbert-error.log").exists()


def test_sigterm_ends_a_command_like_an_interruption(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def terminated(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("pocketbert.bench.records.results.load_results", terminated)
    assert command(monkeypatch, "baseline", "diff", str(results)) == 143
    assert capsys.readouterr().err == "pocketbert: terminated\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_caches_are_shown_with_their_limits_and_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of cache has an entry that is used or young, and one that is neither."""
    monkeypatch.chdir(tmp_path)
    build = tmp_path / "artifacts/tiny"
    young = [
        build / "stages/01-x/w",
        build / "stages/03-z~3/w",
        build / ".scores/young.json",
        tmp_path / f"artifacts/.store/{'a' * 64}",
    ]
    old = [
        build / "stages/02-y/weights",
        build / ".scores/old.json",
        tmp_path / f"artifacts/.store/{'b' * 64}",
        tmp_path / "artifacts/.sources/e5/weights",
    ]
    for path in (*young, *old):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10**6)
    for path in (*young[:2], *old):
        for each in (path, path.parent):
            os.utime(each, (0, 0))
    for step in (build / "stages").iterdir():
        (step / "stage.json").touch()
        os.utime(step, (0, 0))
    os.utime(tmp_path / "artifacts/.store")
    write_json(build / "manifest.json", {"steps": [{"name": "01-x"}], "artifacts": [{"path": "stages/03-z~3/model"}]})
    assert command(monkeypatch, "cache", "show") == 0
    shown = capsys.readouterr().out
    lines = {line.split("  ")[0]: line for line in shown.splitlines()}
    assert "3.0 MB" in lines["steps of tiny"]
    assert "4,295 MB, 90 days" in lines["steps of tiny"]
    assert set(lines) >= {"scores of tiny", "builtin models", "artifact store", "histories"}
    assert command(monkeypatch, "cache", "show", "tiny") == 0
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()[2:]] == [
        "steps of tiny",
        "scores of tiny",
    ]
    assert command(monkeypatch, "cache", "show", "other") == 2
    said = "other: no recipe of that name was built in artifacts; built there: tiny\n"
    assert capsys.readouterr().err.endswith(said)
    assert command(monkeypatch, "cache", "show", "other", "--artifacts-dir", "nowhere") == 2
    said = "no recipe of that name was built in nowhere; pocketbert build other builds it\n"
    assert capsys.readouterr().err.endswith(said)
    for path in ("artifacts/tiny", "tiny/", "reports/tiny.json"):
        assert command(monkeypatch, "cache", "prune", path) == 2
        assert capsys.readouterr().err == f"pocketbert: {path}: expected the name of a recipe, or its .toml file\n"
    assert all(path.exists() for path in old)
    assert command(monkeypatch, "cache", "prune") == 0
    assert capsys.readouterr().out == "removed: 4.0 MB; left: 4.0 MB\n"
    assert [path.exists() for path in (*young, *old)] == [True] * 4 + [False] * 4


def test_results_of_fewer_profiles_replace_no_baseline(
    results: Path, weighed: Results, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "baseline", "update", str(results), "--yes") == 0
    before = Path("baselines/tiny.json").read_bytes()
    write_json(results, weighed.model_copy(update={"profiles": []}))
    for words in (("diff", str(results)), ("update", str(results), "--yes")):
        assert command(monkeypatch, "baseline", *words) == 2
        assert "which these results leave out" in capsys.readouterr().err
    assert Path("baselines/tiny.json").read_bytes() == before
