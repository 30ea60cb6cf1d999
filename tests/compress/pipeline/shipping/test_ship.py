"""From the last accepted model to files that ship: layers that go back a precision, exporters that fail."""

import json
import shutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.manifest import Manifest, load_manifest
from pocketbert.compress.models import rounding
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.guard import GuardStopped
from pocketbert.compress.pipeline.shipping import ranking
from pocketbert.compress.pipeline.shipping.ship import REQUIRED_OPERATORS
from tests.support.models import spoil
from tests.support.recipes import run

SPOILT = """
name = "spoilt"
[task]
dataset = "{data}"
max_length = 16
[teacher]
model = "{model}"
epochs = 0
[guard]
max_drop = 0.05
[[artifact]]
format = "onnx"
precision = "int8"
[[artifact]]
format = "onnx"
"""
FOUND = "bert.pooler.dense"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory, tiny_build: tuple[Path, Path], tiny_data: Path) -> Path:
    """Of a fine-tuned teacher whose pooler no INT8 can hold."""
    folder, teacher = tmp_path_factory.mktemp("spoilt"), tiny_build[1] / "stages/00-teacher"
    model = load_classifier(teacher / "model")
    spoil(model, FOUND, "bert.encoder.layer.3.output.LayerNorm")
    shutil.copytree(teacher / "tokenizer", folder / "model")
    model.save_pretrained(folder / "model")
    path = folder / "spoilt.toml"
    path.write_text(SPOILT.format(model=folder / "model", data=tiny_data), encoding="utf-8")
    return path


def test_what_int8_cannot_hold_goes_back_to_float(recipe: Path, tmp_path: Path) -> None:
    manifest, heard = run(recipe, tmp_path / "a")
    step = manifest.steps[1]
    assert step.name == "onnx-int8"
    assert step.decision == "accepted"
    assert step.parameters["kept"] == {FOUND: "float"}
    assert step.remarks == [f"in float: {FOUND}"]
    assert [(one.float_layers, one.accepted) for one in step.tries] == [([], False), ([FOUND], True)]
    assert "keep their label" in (step.tries[0].failed or ""), "the answers were no longer its source's"
    assert step.tries[0].comparison
    assert step.tries[1].comparison
    assert step.tries[0].comparison.drop > 0.2 > abs(step.tries[1].comparison.drop)
    assert heard.advances["verifying student-int8.onnx, 1 in a higher precision"]
    assert any("1 in float: " in line for line in heard.lines)
    shipped = load_manifest(tmp_path / "a/manifest.json").artifact("student-int8.onnx")
    written = json.loads((tmp_path / "a" / shipped.path).parent.joinpath("stage.json").read_text())
    assert len(written["tries"]) == 2
    first = json.loads((tmp_path / "a/ship/onnx-int8/stage.json").read_text())
    assert first["decision"] == "rolled-back"
    assert first["notes"][-1] == f"{Path(shipped.path).parent.name} is what became of it"
    floats, ints = sizes(manifest)
    assert ints < floats, "nothing is INT8 any more"
    _, heard = run(recipe, tmp_path / "a")
    assert heard.built == []
    manifest, heard = run(recipe, tmp_path / "a", guard__max_drop="0.04")
    assert heard.built == [], "another rule takes every try from the cache"
    assert manifest.steps[1].parameters["kept"] == {FOUND: "float"}


def test_an_int4_file_goes_back_through_int8(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "FEW", 0)
    manifest, _ = run(recipe, tmp_path / "a", artifact='[{ format = "onnx", precision = "int4" }]')
    step = manifest.steps[1]
    assert (step.name, step.decision) == ("onnx-int4", "accepted")
    assert (step.tries[1].int8_layers, step.tries[1].accepted) == ([FOUND], False)
    assert step.parameters["kept"][FOUND] == "float"
    assert len(step.parameters["kept"]) < 8, "too much went back"


def sizes(manifest: Manifest) -> tuple[int, int]:
    found = [manifest.artifact(f"student-{precision}.onnx").bytes for precision in ("fp32", "int8")]
    return found[0] or 0, found[1] or 0


def test_nan_in_int8_is_tried_with_layers_in_float_too(recipe: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Planted: a layer that overflows in 8 bits, first one that can go back to float, then one that cannot."""
    real, hopeless = onnx_export.export, False

    def overflowing(model: Any, path: Path, precision: str, inputs: Any, kept: Mapping[str, str]) -> str | None:
        changed = deepcopy(model)
        if precision == "int8" and (hopeless or FOUND not in kept):
            with torch.no_grad():
                changed.classifier.bias[0] = float("inf")
        return real(changed, path, precision, inputs, kept)

    monkeypatch.setattr(onnx_export, "export", overflowing)
    manifest, _ = run(recipe, tmp_path / "a")
    step = manifest.steps[1]
    assert (step.decision, step.parameters["kept"]) == ("accepted", {FOUND: "float"})
    assert [(one.float_layers, one.comparison is None) for one in step.tries] == [([], True), ([FOUND], False)]
    assert "predictions are NaN or infinite" in (step.tries[0].failed or "")
    _, heard = run(recipe, tmp_path / "a")
    assert heard.built == []
    hopeless, costs = True, ranking.rounding_costs
    monkeypatch.setattr(ranking, "rounding_costs", lambda *given: dict([*costs(*given).items()][:4]))
    manifest, heard = run(recipe, tmp_path / "b")
    step = manifest.steps[1]
    assert (step.decision, step.comparison, step.parameters.get("kept")) == ("rolled-back", None, None)
    assert [len(one.float_layers) for one in step.tries] == [0, 1, 2, 3]
    [line] = [line for line in heard.lines if line.startswith("onnx-int8: rolled-back") and "tries" in line]
    assert line.startswith("onnx-int8: rolled-back (student-int8.onnx: the logits of ")
    assert [a.id for a in manifest.artifacts] == ["teacher-fp32.torch", "student-fp32.onnx"]


def test_layers_are_ranked_once_for_all_files(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ranking that begins with the wrong one: two have to be tried, and the ranking is not asked again."""
    asked, costs = [], ranking.rounding_costs

    def wrong_first(*given: Any) -> dict[str, dict[str, float]]:
        asked.append(given)
        return {**costs(*given), "bert.encoder.layer.0.attention.self.key": {"int8": 1e9}}

    monkeypatch.setattr(ranking, "rounding_costs", wrong_first)
    manifest, _ = run(recipe, tmp_path / "a")
    assert len(asked) == 1
    assert [len(one.float_layers) for one in manifest.steps[1].tries] == [0, 1, 2]
    assert manifest.steps[1].decision == "accepted"
    assert len(list((tmp_path / "a/ship").glob("onnx-int8~*"))) == 2
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "a/ranking")
    run(recipe, tmp_path / "a")
    assert len(list((tmp_path / "a/ship").glob("onnx-int8~*"))) == 1, "tries of another ranking are left"


def test_rollback_and_stop_try_nothing(recipe: Path, tmp_path: Path) -> None:
    manifest, _ = run(recipe, tmp_path / "a", guard__on_fail="rollback")
    assert [step.decision for step in manifest.steps] == ["reference", "rolled-back", "accepted"]
    assert manifest.steps[1].tries == []
    assert [a.id for a in manifest.artifacts] == ["teacher-fp32.torch", "student-fp32.onnx"]
    with pytest.raises(GuardStopped, match="onnx-int8"):
        run(recipe, tmp_path / "a", guard__on_fail="stop")


def test_an_exporter_that_fails_stops_no_build(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = onnx_export.export

    def failing(model: Any, path: Path, precision: str, inputs: Sequence[str], kept: Mapping[str, str]) -> str | None:
        if precision == "int8" and len(model.bert.encoder.layer) > 1:
            path.write_bytes(b"half")
            raise RuntimeError("no kernel for this\nand a long trace")
        return real(model, path, precision, inputs, kept)

    monkeypatch.setattr(onnx_export, "export", failing)
    root = tmp_path / "a"
    manifest, heard = run(recipe, root)
    assert [step.decision for step in manifest.steps] == ["reference", "rolled-back", "accepted"]
    assert manifest.steps[1].notes == ["student-int8.onnx: RuntimeError: no kernel for this; first in layer 1"]
    assert any("first in layer 1" in line for line in heard.lines)
    assert [file.name for file in (root / "ship/onnx-int8").iterdir()] == ["stage.json"]
    assert "student-int8.onnx" not in [a.id for a in manifest.artifacts]
    monkeypatch.undo()
    manifest, heard = run(recipe, root)
    assert heard.built[0] == "onnx-int8", "a failure was taken from the cache"
    assert manifest.steps[1].decision == "accepted"


BESIDE = """[
    { format = "onnx", precision = "int8", ort = true },
    { format = "onnx-qdq", precision = "int8", lengths = [8, 24] },
]"""


def test_files_beside_the_first_one(built: tuple[Path, Path]) -> None:
    """The .ort file is an artifact of its own; a file for short texts alone is listed with the other files."""
    root = built[1]
    manifest, _ = run(*built, stage="[]", artifact=BESIDE)
    steps = {step.name: step for step in manifest.steps if step.kind == "artifact"}
    assert list(steps) == ["onnx-int8", "ort-int8", "onnx-qdq-int8-24", "onnx-qdq-int8-8"]
    assert {step.decision for step in steps.values()} == {"accepted"}
    shipped = [artifact for artifact in manifest.artifacts if artifact.role == "ship"]
    assert [a.id for a in shipped] == ["student-int8.onnx", "student-int8.ort", "student-int8-24.qdq.onnx"]
    for artifact in shipped:
        assert artifact.parity is not None
        assert artifact.bytes == (root / artifact.path).stat().st_size
        assert artifact.sha256 is not None
    major, minor, _ = onnxruntime.__version__.split(".", 2)
    assert [a.min_runtime for a in shipped] == [
        "ONNX Runtime 1.12",
        f"ONNX Runtime {major}.{minor}",
        "ONNX Runtime 1.12",
    ]
    assert shipped[2].positions == 24
    assert {"ship/onnx-qdq-int8-8/student-int8-8.qdq.onnx", REQUIRED_OPERATORS} <= manifest.files.keys()
    rows = [steps[name].parity for name in ("onnx-qdq-int8-24", "onnx-qdq-int8-8")]
    assert rows[0] is not None and rows[1] is not None
    assert rows[0].rows > rows[1].rows > 0
    assert steps["onnx-qdq-int8-8"].comparison is None, "the guard compares all validation rows or none"
    assert any("validation texts that fit" in remark for remark in steps["onnx-qdq-int8-8"].remarks)
    assert (root / REQUIRED_OPERATORS).read_text().startswith("# student-int8-24.qdq.onnx, student-int8-8.qdq.onnx")
    assert load_manifest(root / "manifest.json").model_dump_json() == manifest.model_dump_json()
    _, heard = run(*built, stage="[]", artifact=BESIDE)
    assert heard.built == []
    manifest, _ = run(*built, stage="[]", artifact='[{ format = "onnx", precision = "int8" }]')
    assert REQUIRED_OPERATORS not in manifest.files


def test_nothing_lies_beside_a_file_that_the_guard_rejects(recipe: Path, tmp_path: Path) -> None:
    files = '[{ format = "onnx", precision = "int8", ort = true }, { format = "onnx" }]'
    manifest, _ = run(recipe, tmp_path / "a", guard__on_fail="rollback", artifact=files)
    assert [step.name for step in manifest.steps[1:]] == ["onnx-int8", "onnx-fp32"]
    manifest, _ = run(recipe, tmp_path / "a", artifact=files)
    kept = [step.parameters["kept"] for step in manifest.steps[1:3]]
    assert kept == [{FOUND: "float"}] * 2, "the .ort file keeps what the ONNX file keeps"


def test_a_file_that_computes_something_else_does_not_ship(
    built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = onnx_export.export

    def wrong(model: Any, *rest: Any) -> str | None:
        changed = deepcopy(model)
        if len(changed.bert.encoder.layer) > 2:
            with torch.no_grad():
                changed.bert.encoder.layer[2].output.dense.bias[5] += 0.3
        return real(changed, *rest)

    monkeypatch.setattr(onnx_export, "export", wrong)
    only_a_file = {"stage": "[]", "artifact": '[{ format = "onnx" }]'}
    manifest, _ = run(*built, **only_a_file)
    [note] = manifest.steps[1].notes
    assert note.startswith("student-fp32.onnx: a logit differs by ")
    assert note.endswith(", allowed 0.001; first in layer 2")
    assert manifest.steps[1].comparison is not None, "its metric is to be on record all the same"
    _, heard = run(*built, **only_a_file)
    assert heard.built == []
