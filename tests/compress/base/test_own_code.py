"""A cache key covers exactly the code that its result depends on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pocketbert.compress.base import own_code
from pocketbert.compress.base.own_code import digest_of, modules_of
from pocketbert.compress.training.distillation.distil import Distillation
from pocketbert.compress.training.losses import LOSSES
from tests.support import REPO
from tests.support.own_code import Edit, editable_package

ROOT = "pocketbert.compress"
PRUNE_HEADS = f"{ROOT}.stages.prune_heads"


def rooms(stage: str) -> set[str]:
    return {name.removeprefix(f"{ROOT}.") for name in modules_of(f"{ROOT}.stages.{stage}")}


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    with editable_package(tmp_path / "compress", monkeypatch) as add_a_line:
        yield add_a_line


def test_finetune_depends_on_training_and_inputs_not_on_readers_or_the_pipeline() -> None:
    found = rooms("finetune")
    assert {"stages.finetune", "training.trainer", "tasks.inputs"} <= found
    assert not [name for name in found if name.split(".")[0] in ("base", "cli", "pipeline")]
    assert not [name for name in found if name.startswith("data.reading")]


def test_distill_depends_on_its_losses() -> None:
    """Losses of logits are imported; those of an alignment are loaded by name, so the stage names them."""
    files = {file.stem for file in (REPO / "compress" / "training" / "losses").glob("[!_]*.py")}
    imported = {f"training.losses.{name}" for name in files - LOSSES.keys()}
    assert len(imported) >= 3
    assert imported <= rooms("distill")
    named = Distillation(preset="tinybert").loss_modules()
    assert named
    assert set(named) <= set(modules_of(f"{ROOT}.stages.distill", *named))


def test_an_edit_behind_two_imports_changes_the_digest(edit: Edit) -> None:
    """prune_heads -> a module -> another -> the edited one, which neither of the first two imports."""
    first = set(own_code._imported(PRUNE_HEADS))
    second = {name for each in first for name in own_code._imported(each)} - first
    third = {name for each in second for name in own_code._imported(each)} - first - second
    assert f"{ROOT}.tasks.inputs" in third, "the test proves less than it says: take another module"
    before = digest_of(PRUNE_HEADS)
    edit("tasks/inputs.py")
    assert digest_of(PRUNE_HEADS) != before


def test_an_edit_of_the_command_line_changes_nothing(edit: Edit) -> None:
    stages = [f"{ROOT}.stages.{file.stem}" for file in (REPO / "compress" / "stages").glob("[!_]*.py")]
    before = [digest_of(stage) for stage in stages]
    edit("cli.py")
    edit("base/progress.py")
    assert [digest_of(stage) for stage in stages] == before


def test_an_edit_of_one_export_leaves_the_other(edit: Edit) -> None:
    onnx, torch = f"{ROOT}.exports.onnx", f"{ROOT}.exports.torch"
    before = digest_of(onnx), digest_of(torch)
    edit("exports/onnx.py")
    assert digest_of(onnx) != before[0]
    assert digest_of(torch) == before[1]


def test_every_way_to_import_is_followed_but_not_the_one_for_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "door.py": (
            "from typing import TYPE_CHECKING\nimport json\n"
            f"import {ROOT}.whole\nfrom {ROOT} import module\nfrom {ROOT}.package import part, name\n"
            f"from {ROOT}.base.files import write_json\n"
            f"if TYPE_CHECKING:\n    from {ROOT} import typed\n"
            f"def lazy():\n    try:\n        from {ROOT}.inside import it\n    except ImportError:\n        pass\n"
        ),
        **dict.fromkeys(
            (
                "whole.py",
                "module.py",
                "package/__init__.py",
                "package/part.py",
                "typed.py",
                "inside.py",
                "base/files.py",
            ),
            "",
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(own_code, "_FOLDER", tmp_path)
    monkeypatch.setattr(own_code, "_imported", own_code._imported.__wrapped__)
    found = [name.removeprefix(f"{ROOT}.") for name in modules_of(f"{ROOT}.door")]
    assert found == ["door", "inside", "module", "package", "package.part", "whole"]


@pytest.mark.parametrize("name", [f"{ROOT}.stages.melt", "json"])
def test_an_unknown_module_is_an_error(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name):
        digest_of(name)
