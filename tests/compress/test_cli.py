"""The command as a user calls it: exit codes, one line, no traceback."""

import json
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.cli import confirm_fresh, next_command
from pocketbert.compress.tasks.rows import Rows
from tests.support.commands import command, pocketbert


@pytest.mark.slow
def test_build_then_evaluate(tiny_recipe: Path, tmp_path: Path) -> None:
    built = pocketbert("build", tiny_recipe, "--set", "stage.1.epochs=1", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    assert "student-int8.onnx" in built.stdout
    assert built.stdout.splitlines()[-1] == "next: pocketbert gate tiny --gate-first-run"
    assert "Loading weights" not in built.stderr + built.stdout
    assert "Warning" not in built.stderr + built.stdout
    artifacts = tmp_path / "artifacts/tiny"
    scores = [
        pocketbert("evaluate", artifacts / path, "--recipe", tiny_recipe, "--split", "test", cwd=tmp_path).stdout
        for path in ("ship/onnx-fp32/student-fp32.onnx", "ship/torch-fp32/student-fp32.torch")
    ]
    assert scores[0].startswith("accuracy: ")
    assert scores[0] == scores[1]


def test_the_next_command_needs_no_first_run_once_there_is_a_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert next_command("mine", Path("artifacts/mine")) == "pocketbert gate mine --gate-first-run"
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/mine.json").touch()
    assert next_command("mine", Path("artifacts/mine")) == "pocketbert gate mine"
    assert next_command("mine", Path("o ut/mine")) == "pocketbert gate 'o ut/mine/manifest.json'"


def test_bad_input_is_one_line_and_2(
    tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tiny_recipe.parent)
    for arguments, said in [
        (("build", "none.toml"), "none.toml: no such recipe"),
        (("build", tiny_recipe, "--set", "guard.max_drop"), "expected KEY=VALUE"),
        (("build", tiny_recipe, "--set", "=3"), "--set =3: expected KEY=VALUE"),
        (
            ("build", tiny_recipe, "--set", "stage.0.heads={9=[0]}", "--set", "stage.0.ratio=0.1"),
            "exactly one of heads",
        ),
        (("evaluate", "none.onnx", "--recipe", tiny_recipe), "none.onnx: no such model"),
    ]:
        assert command(monkeypatch, *arguments) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert said in line


def test_sensitivity_prints_and_draws(
    tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "sensitivity", tiny_recipe, "--rows", "20", "--set", "teacher.epochs=1") == 0
    assert "on 20 validation examples; change in pp without the part" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {"tiny-sensitivity.json", "tiny-sensitivity.svg"}
    assert (tmp_path / "artifacts/tiny/stages/00-teacher/stage.json").is_file()


def test_sensitivity_of_rows_that_are_sorted_by_label(
    tiny_recipe: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first 20 validation rows have one label, and every part would look like a gain or a loss for it."""
    for file in tiny_data.glob("*.jsonl"):
        rows = sorted(map(json.loads, file.read_text(encoding="utf-8").splitlines()), key=lambda row: row["label"])
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        sorted_file = tmp_path / "sorted" / file.name
        sorted_file.parent.mkdir(exist_ok=True)
        sorted_file.write_text("".join(lines), encoding="utf-8")
    seen: list[set[int]] = []

    def measure(model: object, task: object, calibration: Rows, validation: Rows, progress: object) -> None:
        seen.extend((set(calibration.gold), set(validation.gold)))
        raise BadInput("enough")

    monkeypatch.setattr("pocketbert.compress.pruning.sensitivity.sensitivity", measure)
    monkeypatch.chdir(tmp_path)
    changed = ("--set", f"task.dataset={tmp_path / 'sorted'}", "--set", "teacher.epochs=1")
    assert command(monkeypatch, "sensitivity", tiny_recipe, "--rows", "20", *changed) == 2
    assert seen == [{0, 1}, {0, 1}]


def test_fresh_asks_before_it_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    confirm_fresh(tmp_path / "never-built")
    with pytest.raises(BadInput, match=r"not deleted: no terminal to confirm\. Rerun with --fresh --yes\.$"):
        confirm_fresh(tmp_path)
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question, abort: asked.append(question))
    confirm_fresh(tmp_path)
    assert asked == [f"delete what earlier builds left in {tmp_path}?"]
