"""A plan names the steps that a build would make, and why; it changes nothing."""

import json
from pathlib import Path

import pytest

from pocketbert.compress.base.errors import BadInput
from pocketbert.compress.pipeline.build import plan
from pocketbert.compress.pipeline.cache import read_step, write_step
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.steps.plan import Planned
from tests.support.models import Heard
from tests.support.recipes import run

NAMES = ["00-teacher", "01-prune-heads", "02-distill", "torch-fp32", "onnx-fp32", "onnx-int8"]


def planned(recipe: Path, root: Path, fresh: bool = False, **overrides: str) -> dict[str, str]:
    """Why each step is to do, by name; the folder of the build must not change."""
    before = contents(root)
    heard = Heard()
    settings = {key.replace("__", "."): value for key, value in overrides.items()}
    found = plan(load_recipe(recipe, settings), root, heard, fresh)
    assert contents(root) == before
    assert heard.lines == []
    return {step.name: step.why for step in found}


def contents(root: Path) -> dict[str, tuple[int, bytes]]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_finished_build_has_nothing_to_do(built: tuple[Path, Path]) -> None:
    assert planned(*built) == dict.fromkeys(NAMES, "")


def test_a_build_that_never_ran(tiny_recipe: Path, tmp_path: Path) -> None:
    root = tmp_path / "artifacts/tiny"
    assert planned(tiny_recipe, root) == dict.fromkeys(NAMES, "never built")
    assert not root.parent.exists()
    root.mkdir(parents=True)
    assert planned(tiny_recipe, root) == {"00-teacher": "never built"} | dict.fromkeys(NAMES[1:], "after 00-teacher")


def test_fresh_plans_everything(built: tuple[Path, Path]) -> None:
    assert planned(*built, fresh=True) == dict.fromkeys(NAMES, "--fresh")


def test_a_changed_key_is_named_and_what_follows_is_to_do(built: tuple[Path, Path]) -> None:
    found = planned(*built, distill__alpha="0.25", distill__student__layers="1")
    assert [found[name] for name in NAMES[:2]] == ["", ""]
    student = '{"init": "teacher-layers", "architecture": "teacher", "layers": 2'
    assert found["02-distill"].startswith(f"alpha: 0.5 -> 0.25, student: {student}"[:60])
    assert [found[name] for name in NAMES[3:]] == ["after 02-distill"] * 3


def test_other_rows_for_the_guard_are_others_for_the_best_epoch(
    built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert planned(*built, guard__rows="half") == dict.fromkeys(NAMES, ""), "too few rows to divide"
    monkeypatch.setattr("pocketbert.compress.pipeline.guard.LEAST_HELD_BACK", 10)
    found = planned(*built, guard__rows="half")
    assert found == {"00-teacher": 'guard.rows: "all" -> "half"'} | dict.fromkeys(NAMES[1:], "after 00-teacher")


def test_only_the_changed_file_is_to_do(built: tuple[Path, Path]) -> None:
    found = planned(*built, artifact__onnx__2__precision="int4")
    assert found == dict.fromkeys(NAMES[:-1], "") | {"onnx-int4": "never built"}


def test_a_file_that_was_changed(built: tuple[Path, Path]) -> None:
    (built[1] / "ship/onnx-fp32/student-fp32.onnx").write_bytes(b"")
    (built[1] / "stages/02-distill/model/config.json").unlink()
    found = planned(*built)
    assert found["02-distill"] == "its files were changed or removed"
    assert found["onnx-fp32"] == "after 02-distill"


def test_what_a_key_does_not_name(built: tuple[Path, Path]) -> None:
    found = planned(*built, task__limit__train="100")
    assert found["00-teacher"] == "the data, the model before it, pocketbert or a library changed"


def test_a_stage_that_is_rejected_now_is_to_be_tried_again(built: tuple[Path, Path]) -> None:
    guessing = {"distill__student": '{ init = "random", layers = 1 }', "distill__learning_rate": "1e-9"}
    run(*built, **guessing)
    found = planned(*built, guard__max_drop="0.02", guard__on_fail="rollback", **guessing)
    assert found["02-distill"] == ""
    assert found["torch-fp32"].startswith("the data, the model before it")
    retried = planned(*built, guard__max_drop="0", **guessing)
    assert retried["02-distill"] == ""


def test_seconds_of_the_last_time_are_scaled_to_the_epochs(built: tuple[Path, Path]) -> None:
    folder = built[1] / "stages/02-distill"
    step = read_step(folder)
    assert step
    write_step(folder, step.model_copy(update={"seconds": 30.0}))
    found = plan(load_recipe(built[0], {"distill.epochs": "4"}), built[1], Heard())
    assert found[2] == Planned("02-distill", "epochs: 1 -> 4", 120.0, False)


def test_seconds_of_steps_that_never_ran_are_estimated(
    built: tuple[Path, Path], tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = plan(load_recipe(tiny_recipe), tmp_path / "new", Heard())
    assert [step.estimated for step in found] == [True] * len(NAMES)
    assert all(0 < step.seconds < 60 for step in found)
    found = plan(load_recipe(built[0], {"artifact.onnx.2.precision": "int4"}), built[1], Heard())
    assert [step.estimated for step in found] == [False] * (len(NAMES) - 1) + [True]
    monkeypatch.setattr("pocketbert.compress.pipeline.steps.plan.open_teacher", None)  # the teacher is cached
    found = plan(load_recipe(built[0], {"artifact.onnx.2.precision": "int4"}), built[1], Heard())
    assert found[-1].estimated
    monkeypatch.setattr("pocketbert.compress.pipeline.steps.plan.time_texts", None)  # every step ran once
    plan(load_recipe(built[0], {"distill.epochs": "4"}), built[1], Heard())


def test_a_plan_refuses_what_a_build_refuses(built: tuple[Path, Path], tiny_recipe: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no layer 9"):
        plan(load_recipe(tiny_recipe, {"prune-heads.spare": "[9]"}), tmp_path / "new", Heard())
    overrides = {"teacher.epochs": "2", "teacher.frozen_layers": "20"}
    with pytest.raises(BadInput, match="frozen_layers = 20: the model has 4 layers"):
        plan(load_recipe(tiny_recipe, overrides), tmp_path / "new", Heard())
    with pytest.raises(BadInput, match="layers"):
        planned(*built, distill__student=json.dumps({"layers": 99}).replace(":", " ="))
