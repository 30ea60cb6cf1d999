"""The linear baseline is compared with the teacher on the same rows, once per dataset."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pocketbert.compress.manifest import load_manifest
from pocketbert.compress.models.linear_control import Predictions, linear_predictions
from pocketbert.compress.pipeline.steps.linear_control import linear_control
from tests.support.models import Heard
from tests.support.recipes import run


def test_the_manifest_compares_it_with_the_teacher(tiny_build: tuple[Path, Path]) -> None:
    manifest = load_manifest(tiny_build[1] / "manifest.json")
    found, teacher = manifest.linear_control, manifest.steps[0].comparison
    assert found is not None and teacher is not None
    assert (found.comparison.value, found.comparison.rows) == (teacher.value, teacher.rows)
    assert found.comparison.drop == pytest.approx(found.comparison.reference - teacher.value)
    assert found.train_rows == 240
    predictions = np.load(tiny_build[1] / found.test_answers)
    assert predictions.shape == (80, 2), "not one prediction for each test row"
    assert found.test_answers in manifest.files


def test_it_depends_on_the_rows_alone(built: tuple[Path, Path]) -> None:
    """Of fewer labelled rows it is another one, of another teacher the same."""
    untrained = {"teacher__epochs": "0", "stage": "[]", "artifact": '[{ format = "torch" }]'}
    _, heard = run(*built, **untrained)
    assert "00-teacher" in heard.built
    assert "linear-control" not in heard.built
    manifest, heard = run(*built, task__labelled="120", **untrained)
    assert "linear-control" in heard.built
    assert manifest.linear_control is not None
    assert manifest.linear_control.train_rows == 120
    assert any(line.startswith("linear baseline: ") and "with the same 120 examples" in line for line in heard.lines)


def test_it_reads_no_more_of_a_long_text_than_the_teacher(
    built: tuple[Path, Path], tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 tokens are hardly more than 256 characters."""
    rows, lengths = shutil.copytree(tiny_data, tmp_path / "rows"), list[int]()
    for split in ("train", "test"):
        with (rows / f"{split}.jsonl").open("a", encoding="utf-8") as file:
            file.write('{"text": "' + "好书" * 500 + '", "label": "pos"}\n')

    def watched(*texts: Any) -> Predictions:
        lengths.extend(max(map(len, split)) for split in (texts[0], *texts[2:]))
        return linear_predictions(*texts)

    monkeypatch.setattr("pocketbert.compress.pipeline.steps.linear_control.linear_predictions", watched)
    settings = {"teacher__epochs": "0", "stage": "[]", "artifact": '[{ format = "torch" }]'}
    manifest, _ = run(*built, task__dataset=str(rows), **settings)
    assert sorted(lengths)[1:] == [256, 256]
    said = "the linear baseline was trained on 241 of 241 rows and read at most 256 characters of each"
    assert said in manifest.steps[0].remarks


def bare(task: bool = True, control: bool = True) -> Any:
    """A build without rows, in which every baseline fails."""
    return SimpleNamespace(
        texts=SimpleNamespace(task=SimpleNamespace(linear_control=task), splits={}),
        recipe=SimpleNamespace(teacher=SimpleNamespace(control=control)),
        progress=Heard(),
    )


def test_a_task_that_is_not_one_text_and_a_recipe_that_wants_none_have_none() -> None:
    assert linear_control(bare(task=False)) == (None, [])
    assert linear_control(bare(control=False)) == (None, [])


def test_a_failure_is_a_remark(built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryError("Unable to allocate 26 GiB")

    monkeypatch.setattr("pocketbert.compress.pipeline.steps.linear_control.linear_predictions", fails)
    shutil.rmtree(built[1] / "control")
    manifest, heard = run(*built)
    told = "linear baseline: left out, it failed (Unable to allocate 26 GiB); teacher.control = false switches it off"
    assert told in heard.lines
    assert manifest.linear_control is None
    assert told in manifest.steps[0].remarks
    assert [artifact.id for artifact in manifest.artifacts if artifact.role == "ship"], "the build did not go on"


def test_without_it_the_teacher_is_the_same(built: tuple[Path, Path]) -> None:
    manifest, heard = run(*built, teacher__control="false")
    assert manifest.linear_control is None
    assert heard.built == []
