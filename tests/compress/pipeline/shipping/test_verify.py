"""An export is held against its source; one that differs or fails leaves nothing behind and names the layer."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pocketbert.compress.base.progress import Progress
from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.exports import torch as torch_export
from pocketbert.compress.manifest import Parity
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.pipeline.shipping.artifact import Export
from pocketbert.compress.pipeline.shipping.verify import compare, complaint, verify
from pocketbert.compress.pruning.surgery import without
from pocketbert.compress.runtimes.onnxruntime import OnnxSession
from pocketbert.compress.tasks.inputs import Batch, Inputs
from pocketbert.compress.tasks.rows import Tokens
from tests.support.exports import Exporter, spoiling, verified
from tests.support.models import SEQUENCES, WORDS, rows_of, write_any_model


def failing(layer: int, real: Exporter) -> Exporter:
    """An exporter that writes half a file and raises when it comes to a layer."""

    def export(model: Any, path: Path, precision: str, inputs: Sequence[str], kept: Mapping[str, str]) -> str | None:
        if layer < len(model.base_model.encoder.layer):
            path.write_bytes(b"half")
            raise RuntimeError("no kernel for this\nand a long trace")
        return real(model, path, precision, inputs, kept)

    return export


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Its layers are uneven."""
    model = load_classifier(write_any_model(tmp_path_factory.mktemp("model"), "bert"))
    return without(model, {0: [1], 1: range(4)}, {2: range(64), 3: range(10)})


def test_a_good_export_is_close_and_whole(model: Any, tmp_path: Path) -> None:
    for format_, name in (("onnx", "m.onnx"), ("torch", "m.torch")):
        made = verified(model, Export(format_, "fp32"), tmp_path / name)
        assert made.failed is None
        assert made.parity is not None
        assert made.parity.rows == len(SEQUENCES)
        assert made.parity.max_abs_logit < 1e-5
    assert {file.name for file in tmp_path.iterdir()} == {"m.onnx", "m.torch"}


@pytest.mark.parametrize("layer", [0, 2])
def test_the_first_layer_that_differs_is_named(
    layer: int, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for format_, module in (("onnx", onnx_export), ("torch", torch_export)):
        monkeypatch.setattr(module, "export", spoiling(layer, module.export))
        made = verified(model, Export(format_, "fp32"), tmp_path / f"m.{format_}")
        assert made.failed is not None
        assert made.failed.startswith("a logit differs by ")
        assert made.failed.endswith(f"; first in layer {layer}")
        assert made.logits is not None, "the guard's metric of it is to be on record"


@pytest.mark.parametrize("family", ["mobilebert", "electra"])
def test_of_taggers_and_of_other_families_too(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_classifier(write_any_model(tmp_path, family, token_level=True))
    rows = rows_of(SEQUENCES, [0] * len(SEQUENCES))
    words = type(rows)(WORDS, [[0] * len(scored) for scored in WORDS.scored or []], rows.columns)
    right = verified(model, Export("onnx", "fp32"), tmp_path / "right.onnx", Tokens(words, words, words))
    assert right.failed is None
    assert right.parity is not None
    assert right.parity.entity_agreement == (1.0 if family == "mobilebert" else None), "ELECTRA's answers are all alike"
    monkeypatch.setattr(onnx_export, "export", spoiling(2, onnx_export.export))
    made = verified(model, Export("onnx", "fp32"), tmp_path / "m.onnx", Tokens(words, words, words))
    assert (made.failed or "").endswith("; first in layer 2")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_exporter_that_raises_leaves_no_half_file(
    precision: str, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "export", failing(2, onnx_export.export))
    made = verified(model, Export("onnx", precision), tmp_path / "m.onnx")
    assert made.failed == "RuntimeError: no kernel for this; first in layer 2"
    assert made.logits is None
    assert list(tmp_path.iterdir()) == []


def test_what_only_a_later_row_raises_is_no_layers(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = Export.predict

    def narrow(export: Export, path: Path, inputs: Inputs, *rest: Any) -> Any:
        if len(inputs) > 32:
            raise RuntimeError("row 33 is too long")
        return predict(export, path, inputs, *rest)

    monkeypatch.setattr(Export, "predict", narrow)
    rows = rows_of(SEQUENCES * 40, [0] * 40 * len(SEQUENCES))
    made = verified(model, Export("onnx", "fp32"), tmp_path / "m.onnx", Tokens(rows, rows, rows))
    assert made.failed == "RuntimeError: row 33 is too long"


def test_a_file_that_cannot_be_opened_is_taken_away(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "export", lambda model, path, *_: path.write_bytes(b"no graph") and None)
    made = verified(model, Export("onnx", "fp32"), tmp_path / "m.onnx")
    assert (made.failed or "").endswith("; first in the embeddings or the head")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_whole_or_not_there(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.torch").mkdir()
    (tmp_path / "m.torch/of-an-earlier-export").write_text("x")
    Export("torch", "fp32").write(model, tmp_path / "m.torch")
    assert "of-an-earlier-export" not in [file.name for file in (tmp_path / "m.torch").iterdir()]

    def half(model: Any, path: Path, *_: object) -> None:
        path.mkdir()
        (path / "config.json").write_text("{")
        raise OSError("no space left")

    monkeypatch.setattr(torch_export, "export", half)
    with pytest.raises(OSError, match="no space left"):
        Export("torch", "fp32").write(model, tmp_path / "other.torch")
    assert [file.name for file in tmp_path.iterdir()] == ["m.torch"]


def test_complaints() -> None:
    def of(logit: float, labels: float, precision: str, format_: str = "onnx") -> str:
        parity = Parity(max_abs_logit=logit, label_agreement=labels, rows=9)
        return complaint(parity, Export(format_, precision).tolerance) or ""

    assert of(1e-5, 1.0, "fp32") == ""
    assert of(float("nan"), 1.0, "fp32") == of(float("nan"), 1.0, "int8") == "a logit is not a number"
    assert of(0.1, 1.0, "fp32") == "a logit differs by 0.1, allowed 0.001"
    assert of(0.02, 1.0, "fp16") == ""
    assert of(5e-4, 1.0, "fp32") == ""
    assert of(5e-4, 1.0, "fp32", "torch") == "a logit differs by 0.0005, allowed 0.0001"
    assert of(0.1, 0.99, "int8") == ""
    assert of(0.1, 0.90, "int8") == "only 90.0 % of predictions keep their label, needed 95.0 %"


def test_a_tagger_may_keep_its_labels_and_lose_its_entities() -> None:
    def of(entities: float | None, precision: str = "int8") -> str:
        parity = Parity(max_abs_logit=1e-5, label_agreement=0.999, entity_agreement=entities, rows=9)
        return complaint(parity, Export("coreml" if precision == "int8" else "onnx", precision).tolerance) or ""

    assert of(0.0) == "only 0.0 % of entities are the source's (F1), needed 95.0 %"
    assert of(0.0, "fp32") == "only 0.0 % of entities are the source's (F1), needed 95.0 %"
    assert of(0.96) == of(0.99, "fp32") == of(None) == "", "one word at the border is no failure of a file"


def test_a_file_that_loses_one_of_many_labels_fails(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its 3 % of the answers stay below the tolerance."""
    answers = np.zeros((200, 2), dtype=np.float32)
    answers[:, 0], answers[:6, 1] = 1.0, 2.0
    rows = rows_of(SEQUENCES[:1] * 200, [0] * 200)
    monkeypatch.setattr(Export, "predict", lambda *_: np.eye(2, dtype=np.float32)[[0] * 200])
    made = verify(model, Export("onnx", "int8"), tmp_path / "m.onnx", answers, rows.inputs, Progress())
    assert made.failed == "none of the 6 predictions of LABEL_1 is kept"
    accepted = Export("onnx", "int8").tolerance._replace(labels=0.0)
    assert (
        verify(model, Export("onnx", "int8"), tmp_path / "m.onnx", answers, rows.inputs, Progress(), accepted).failed
        is None
    )


def test_every_precision_has_a_tolerance() -> None:
    from pocketbert.compress.exports import FORMATS

    for name, format_ in FORMATS.items():
        for precision in format_.precisions:
            assert Export(name, precision).tolerance.labels >= 0.9


def test_a_logit_that_is_no_number_is_the_largest_difference() -> None:
    source = np.zeros((4, 2), dtype=np.float32)
    logits = source.copy()
    logits[1, 0] = np.nan
    assert np.isnan(compare(logits, source).max_abs_logit)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_file_with_one_row_of_nan_is_not_kept(
    precision: str, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = OnnxSession.logits

    def spoilt(session: OnnxSession, batch: Batch) -> Any:
        logits = predict(session, batch)
        logits[batch["attention_mask"].sum(axis=1) == len(SEQUENCES[0])] = np.nan
        return logits

    monkeypatch.setattr(OnnxSession, "logits", spoilt)
    made = verified(model, Export("onnx", precision), tmp_path / "m.onnx")
    same = sum(len(sequence) == len(SEQUENCES[0]) for sequence in SEQUENCES)
    assert (made.failed or "").startswith(f"the logits of {same} of {len(SEQUENCES)} predictions are NaN or infinite")
    assert made.logits is not None
    assert (np.isnan(made.logits).any(axis=1).sum(), made.parity) == (same, None)
    assert list(tmp_path.iterdir()) == []


def test_a_weight_that_fp16_cannot_hold_fails_this_file_alone(model: Any, tmp_path: Path) -> None:
    spoilt = copy.deepcopy(model)
    with torch.no_grad():
        spoilt.classifier.weight[0, 0] = 1e5
    made = verified(spoilt, Export("torch", "fp16"), tmp_path / "m")
    assert (made.failed or "").startswith("ValueError: FP16 ends at 65,504, and classifier.weight has a larger value")
    assert list(tmp_path.iterdir()) == []
