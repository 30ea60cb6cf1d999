"""Every study of quantization prints its whole table, and a bar while it works: a run of the real one takes long."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import BertForSequenceClassification

from pocketbert.compress.pipeline.recipe import load_recipe
from studies.quantization import onnx_int4
from tests.support import REPO
from tests.support.pages import table_of

GRIDS = [
    "FP32",
    "INT8",
    "INT4",
    "INT4, biases corrected",
    "blocks of 32, weights alone rounded",
    "clipped, biases corrected",
]


@pytest.mark.parametrize(
    ("name", "constants", "rows", "cells"),
    [
        ("onnx_int4", {}, GRIDS, 6),
        ("low_rank", {}, ["FP32", "INT8", "INT4", "rank 20, INT8", "rank 21, INT8"], 4),
        ("ranking", {}, ["INT8", "INT4"], 4),
        ("calibration", {"_ROWS": 20}, ["FP32", "minimum, maximum", "percentile 99.9", "least squared error"], 5),
        (
            "onnx_embeddings",
            {"_ROUNDS": 10, "_CHILDREN": 1, "_REQUESTS": 1},
            ["INT8", "INT4, two values in a byte", "INT4 + Cast", "GatherBlockQuantized"],
            6,
        ),
        (
            "litert_int4",
            {"_ROUNDS": 10},
            ["litert FP32, 128 tokens", "litert INT8, 128 tokens", "litert INT4, 32 and 128 tokens", "onnx INT8"],
            8,
        ),
        (
            "executorch_int4",
            {"_ROUNDS": 10},
            ["FP32", "INT8, embeddings INT4", "INT4", "INT4 in groups of 32 inputs"],
            7,
        ),
    ],
)
@pytest.mark.usefixtures("offline")
def test_of_the_student_of_a_build(
    name: str,
    constants: dict[str, int],
    rows: list[str],
    cells: int,
    bars: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if package := {"litert_int4": "litert_torch", "executorch_int4": "executorch"}.get(name):
        pytest.importorskip(package)
    study = import_module(f"studies.quantization.{name}")
    for constant, value in constants.items():
        monkeypatch.setattr(study, constant, value)
    if name == "litert_int4":  # each conversion takes seconds
        monkeypatch.setattr(study, "_FILES", [study._FILES[number] for number in (0, 1, 6, 7)])
    study.main()
    found = table_of(capsys.readouterr().out)
    assert set(rows) <= {row[0] for row in found}
    assert {len(row) for row in found} == {cells}
    assert bars


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("onnx_fp16", ["FP32", "FP16 weights", "FP16 throughout"]),
        ("torch_int8", ["FP32", "torch.ao", "torchao", "FP32, compiled", "torchao, compiled"]),
    ],
)
def test_of_random_weights(
    name: str,
    rows: list[str],
    wide_model: Path,
    bars: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name == "torch_int8":
        pytest.importorskip("torchao")
    study: Any = import_module(f"studies.quantization.{name}")
    monkeypatch.setattr(study, "_ROUNDS", 10)
    model = BertForSequenceClassification.from_pretrained(wide_model).eval()
    monkeypatch.setattr(study, "student", lambda spread: model)
    monkeypatch.setattr(study, "one_text", lambda: import_module("studies.shared.shapes").one_text(words=100))
    monkeypatch.setattr(study, "_compiled", lambda model: model, raising=False)  # a compiler takes half a minute
    study.main()
    found = table_of(capsys.readouterr().out)
    assert [row[0] for row in found] == rows
    assert bars == [f"timing {len(rows)} in turn"]


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
def test_of_training_with_and_without_rounding(
    bars: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from studies import distillation
    from studies.quantization import fake_quant

    monkeypatch.setattr(distillation, "_RESAMPLES", 50)
    recipe = Path("recipes/offline.toml")
    recipe.write_text(recipe.read_text().replace("alpha = 0.5", "alpha = 0.5\nepochs = 1"), encoding="utf-8")
    fake_quant.main("offline", seeds=1)
    found = table_of(capsys.readouterr().out)
    files = [f"{training}: onnx {to}" for training in fake_quant._TRAININGS for to in ("FP32", "INT8", "INT4")]
    assert [row[0] for row in found] == files
    assert [bool(cell) for cell in found[2]] == [True, True, True, False, True]
    assert [bool(cell) for cell in found[5]] == [True] * 5
    assert bars


def test_a_block_has_its_own_scale() -> None:
    values = np.array([[7.0, 1.0, 70.0, 10.0, 0.7]], np.float32)
    rounded = onnx_int4._in_blocks(values, 2)
    assert np.allclose(rounded, values, rtol=1e-3)
    assert not np.allclose(onnx_int4._in_blocks(values, 8), values, rtol=1e-3)


def test_a_study_of_fewer_rows_changes_keys_that_the_recipe_has() -> None:
    from studies.quantization.fake_quant import _FEWER

    for name, overrides in _FEWER.items():
        assert load_recipe(REPO / f"recipes/{name}.toml", overrides) != load_recipe(REPO / f"recipes/{name}.toml")
