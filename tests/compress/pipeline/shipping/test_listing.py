"""The manifest lists the teacher, the accepted stages and the exported files, each with its figures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketbert.compress.base.files import digest
from pocketbert.compress.data.findings import Findings, find
from pocketbert.compress.data.texts import read_texts
from pocketbert.compress.manifest import Parity, Step, load_manifest
from pocketbert.compress.pipeline.recipe import load_recipe
from pocketbert.compress.pipeline.shipping.listing import manifest_entry
from pocketbert.compress.pipeline.steps.step import FinishedStep
from tests.support.recipes import run


def test_manifest_lists_reference_stages_and_ships(tiny_build: tuple[Path, Path]) -> None:
    manifest = load_manifest(tiny_build[1] / "manifest.json")
    assert [(a.role, a.id) for a in manifest.artifacts] == [
        ("reference", "teacher-fp32.torch"),
        ("stage", "01-prune-heads.torch"),
        ("stage", "02-distill.torch"),
        ("ship", "student-fp32.torch"),
        ("ship", "student-fp32.onnx"),
        ("ship", "student-int8.onnx"),
    ]
    assert manifest.reference == "teacher-fp32.torch"
    teacher, student = manifest.artifacts[0], manifest.artifacts[-1]
    assert student.parameters is not None and teacher.parameters is not None
    assert student.parameters < teacher.parameters
    assert student.macs is not None and teacher.macs is not None
    assert student.macs < 0.55 * teacher.macs  # half the layers; which heads are gone decides the rest
    assert manifest.artifacts[4].parity is not None
    assert manifest.artifacts[4].parity.max_abs_logit < 1e-4
    assert [step.name for step in manifest.steps][-3:] == ["torch-fp32", "onnx-fp32", "onnx-int8"]
    assert {a.tokenizer for a in manifest.artifacts} < manifest.files.keys()
    assert {"data/test.jsonl", "control/test.npy"} < manifest.files.keys()
    assert not (tiny_build[1] / ".scratch").exists()
    recipe = load_recipe(tiny_build[0])
    seen = find(read_texts(recipe.task)).test_seen
    lines = (tiny_build[1] / "data/test.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line).get("in_train", False) for line in lines] == (seen > 0).tolist()


def test_the_guards_rule_is_the_gates(built: tuple[Path, Path]) -> None:
    table = '[{ what = "labels alone", value = 0.5, source = "x" }]'
    manifest, report = run(*built, guard__max_drop="0.4", guard__confidence="0.8", recorded=table)
    assert report.built == [], "figures of other runs change no step"
    assert [(one.what, one.value, one.source) for one in manifest.recorded] == [("labels alone", 0.5, "x")]
    comparison = manifest.steps[2].comparison
    assert comparison is not None
    assert (manifest.max_drop, manifest.confidence, comparison.confidence) == (0.4, 0.8, 0.8)


def finished(folder: Path, name: str, **fields: Any) -> FinishedStep:
    step = Step(name=name, kind="x", decision="accepted", **fields)
    return FinishedStep(step, folder, None)  # type: ignore[arg-type]


def test_an_entry_has_the_files_size_and_the_models_figures(tmp_path: Path) -> None:
    parity = Parity(max_abs_logit=0.1, label_agreement=1.0, rows=9)
    measured = {"parameters_left": 7, "macs_128": 5, "positions": 64}
    model = finished(tmp_path / "stages/02-distill", "02-distill", measured=measured)
    made = finished(
        tmp_path / "ship/onnx-int8", "onnx-int8", parity=parity, parameters={"format": "onnx", "precision": "int8"}
    )
    made.folder.mkdir(parents=True)
    file = made.folder / "student-int8.onnx"
    file.write_bytes(b"12345")
    entry = manifest_entry(tmp_path, file, tmp_path / "ship/tokenizer.json", model, made, id="a", role="ship")
    assert (entry.path, entry.tokenizer) == ("ship/onnx-int8/student-int8.onnx", "ship/tokenizer.json")
    assert (entry.runtime, entry.precision, entry.parity) == ("onnxruntime", "int8", parity)
    assert (entry.bytes, entry.sha256) == (5, digest(file))
    assert (entry.parameters, entry.macs, entry.positions, entry.made_from) == (7, 5, 64, "02-distill")


def test_an_entry_of_a_file_of_fixed_lengths_reads_no_longer_text(tmp_path: Path) -> None:
    model = finished(tmp_path, "02-distill", measured={"parameters_left": 7, "macs_128": 5, "positions": 64})
    parameters = {"format": "litert", "precision": "int8", "lengths": (16, 32)}
    made = finished(tmp_path / "ship/litert-int8", "litert-int8", parameters=parameters)
    made.folder.mkdir(parents=True)
    file = made.folder / "student-int8.tflite"
    file.write_bytes(b"12345")
    entry = manifest_entry(tmp_path, file, tmp_path / "t.json", model, made, id="a", role="ship")
    assert (entry.runtime, entry.positions, entry.lengths) == ("litert", 32, [16, 32])


def test_an_entry_of_a_folder_counts_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "stages/01-x"
    (folder / "model/sub").mkdir(parents=True)
    (folder / "model/config.json").write_bytes(b"{}")
    (folder / "model/sub/weights").write_bytes(b"123")
    model = finished(folder, "01-x", measured={"parameters_left": 7, "macs_128": 5})
    entry = manifest_entry(tmp_path, folder / "model", folder / "t.json", model, model, id="a", role="stage")
    assert (entry.bytes, entry.sha256) == (5, digest(folder / "model"))
    assert (entry.runtime, entry.precision) == ("torch", "fp32")


def test_test_rows_that_are_in_train_are_marked_and_told(
    built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = len((built[1] / "data/test.jsonl").read_text(encoding="utf-8").splitlines())
    seen = np.arange(rows) % 3
    monkeypatch.setattr("pocketbert.compress.pipeline.build.find", lambda _: Findings(["told"], seen.astype(np.uint8)))
    manifest, _ = run(*built)
    lines = (built[1] / "data/test.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line).get("in_train", False) for line in lines] == (seen > 0).tolist()
    assert "told" in manifest.steps[0].remarks
