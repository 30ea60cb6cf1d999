"""A build whose last stage sets weights to 0: what the manifest says of it, and what the files took without them."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from pocketbert.bench.measuring.metrics.size import measure_size
from pocketbert.compress.manifest import Manifest, Step, load_manifest
from pocketbert.compress.pipeline.guard import Guard
from tests.support.models import RECIPE
from tests.support.recipes import run

LAST = '[[stage]]\nkind = "sparsify"\namount = 0.8\nembeddings = true\n[[artifact]]\nformat = "torch"'


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, tiny_build: tuple[Path, Path], tiny_model: Path, tiny_data: Path
) -> tuple[Path, Path]:
    """A recipe and the folder it was built into."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(tiny_build[1], folder / "tiny")
    text = RECIPE.format(model=tiny_model, data=tiny_data).replace('[[artifact]]\nformat = "torch"', LAST)
    (folder / "tiny.toml").write_text(text, encoding="utf-8")
    run(folder / "tiny.toml", folder / "tiny")
    return folder / "tiny.toml", folder / "tiny"


def zeros(manifest: Manifest, step: str) -> float:
    measured = next(s for s in manifest.steps if s.name == step).measured
    return measured["zeros"] / measured["parameters_left"]


def test_the_manifest_says_what_it_was_before_its_zeros(built: tuple[Path, Path]) -> None:
    manifest = load_manifest(built[1] / "manifest.json")
    sparse, dense = manifest.artifact("03-sparsify.torch"), manifest.artifact("02-distill.torch")
    assert sparse.dense == dense.id
    assert (sparse.parameters, sparse.macs) == (dense.parameters, dense.macs)
    assert zeros(manifest, "02-distill") < 0.05 < 0.6 < zeros(manifest, "03-sparsify") < 0.8
    assert [a.id for a in manifest.artifacts if a.dense] == ["03-sparsify.torch"]


def test_the_quantized_file_is_weighed_against_the_same_without_zeros(built: tuple[Path, Path], tmp_path: Path) -> None:
    recipe, root = built
    manifest = load_manifest(root / "manifest.json")
    assert [a.id for a in manifest.artifacts if a.dense_deflated_bytes] == ["student-int8.onnx"]
    known = manifest.artifact("student-int8.onnx")
    shutil.copytree(root, tmp_path / "tiny")
    text = recipe.read_text(encoding="utf-8").replace(LAST, '[[artifact]]\nformat = "torch"')
    (tmp_path / "tiny.toml").write_text(text, encoding="utf-8")
    run(tmp_path / "tiny.toml", tmp_path / "tiny")
    dense = measure_size(tmp_path / "tiny/ship/onnx-int8/student-int8.onnx")
    sparse = measure_size(root / known.path)
    assert known.dense_deflated_bytes == pytest.approx(dense.deflated_bytes, rel=0.01)
    assert sparse.deflated_bytes < 0.9 * dense.deflated_bytes
    assert sparse.bytes == pytest.approx(dense.bytes, rel=0.01)


def test_a_second_build_does_nothing(built: tuple[Path, Path]) -> None:
    assert run(*built)[1].built == []


def test_too_much_is_weakened_and_of_zeros_upon_zeros_the_dense_one_counts(
    built: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = Guard.decide

    def strict(guard: Guard, step: Step, *rest: Any) -> Step:
        judged = decide(guard, step, *rest)
        accepted = judged.decision == "accepted" and step.parameters.get("amount", 0) <= 0.5
        return judged if step.kind == "finetune" or accepted else judged.model_copy(update={"decision": "rolled-back"})

    monkeypatch.setattr(Guard, "decide", strict)
    shutil.copytree(built[1], tmp_path / "tiny")
    first = '{ kind = "sparsify", amount = 0.2, embeddings = true }'
    manifest, _ = run(built[0], tmp_path / "tiny", stage__0=first, stage__1='{ kind = "sparsify", amount = 0.4 }')
    step = next(s for s in manifest.steps if s.name == "03-sparsify")
    assert [(one.strength, one.accepted) for one in step.tries][:2] == [(0.8, False), (0.4, True)]
    assert 0.4 <= step.parameters["amount"] <= 0.5
    assert {a.dense for a in manifest.artifacts if a.role == "stage"} == {"teacher-fp32.torch"}
