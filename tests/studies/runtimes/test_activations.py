from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification

from pocketbert.compress.pipeline.shipping.artifact import Export
from studies.runtimes import activations
from studies.shared.shapes import one_text
from tests.support.pages import table_of


@pytest.fixture
def _tiny(wide_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        activations, "student", lambda: BertForSequenceClassification.from_pretrained(wide_model).eval()
    )
    monkeypatch.setattr(activations, "one_text", lambda: one_text(words=100))


@pytest.mark.usefixtures("_tiny")
def test_every_file_of_every_student_is_timed(
    bars: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(activations, "_ROUNDS", 10)
    monkeypatch.setattr(activations, "_EXPORTS", [Export("onnx", "int8")])
    activations.main()
    found = table_of(capsys.readouterr().out)
    names = ["GELU, LayerNorm", "ReLU, LayerNorm", "GELU, NoNorm", "ReLU, NoNorm"]
    assert [row[:2] for row in found] == [["onnx-int8", name] for name in names]
    assert [bool(row[3]) for row in found] == [False, True, True, True]
    assert bars == ["timing 4 in turn"]


@pytest.mark.usefixtures("_tiny")
def test_the_students_differ_in_what_their_names_say() -> None:
    for name, model in activations._students().items():
        kinds = {type(module).__name__ for module in model.modules()}
        assert ("NoNorm" in kinds, "LayerNorm" in kinds) == ("NoNorm" in name, "LayerNorm" in name)
        intermediate = model.base_model.encoder.layer[0].intermediate.intermediate_act_fn
        assert (float(intermediate(torch.tensor(-1.0))) == 0) == ("ReLU" in name)
