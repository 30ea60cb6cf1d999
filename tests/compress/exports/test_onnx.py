from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from compress.errors import BadInput
from compress.exports import onnx as onnx_export
from compress.exports import torch as torch_export
from compress.exports.plain import PlainClassifier
from compress.exports.verify import complaint
from compress.manifest import Parity
from compress.modeling import load_classifier
from compress.runtimes import open_session
from compress.surgery import without
from compress.tasks.encoding import pad

BATCH = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> torch.nn.Module:
    return without(load_classifier(tiny_model), {0: [1], 1: range(4), 3: [0, 2]}, {2: range(64), 3: range(10)})


@pytest.fixture(scope="module")
def logits(model: torch.nn.Module) -> np.ndarray:
    with torch.no_grad():
        return model(**{name: torch.from_numpy(values) for name, values in BATCH.items()}).logits.numpy()


def test_plain_forward_is_the_stock_forward(model: torch.nn.Module, logits: np.ndarray) -> None:
    with torch.no_grad():
        plain = PlainClassifier(model)(*(torch.from_numpy(values) for values in BATCH.values()))
    assert np.abs(plain.numpy() - logits).max() < 1e-6


def test_float_file_answers_as_its_source(model: torch.nn.Module, logits: np.ndarray, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "fp32")
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(BATCH)
    assert np.abs(answer - logits).max() < 1e-5
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_int8_file_has_no_float_matrix_left(model: torch.nn.Module, logits: np.ndarray, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "int8")
    graph = onnx.load(tmp_path / "m.onnx").graph
    tables = {i.name: i for i in graph.initializer if len(i.dims) == 2 and min(i.dims) > 2}
    words = [name for name in tables if "word_embeddings" in name]
    assert words, "the embedding table is not in the graph"
    assert all(tables[name].data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8) for name in words)
    floats = [n for n, i in tables.items() if i.data_type == onnx.TensorProto.FLOAT and "position" not in n]
    assert not floats, floats
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(BATCH)
    assert 0 < np.abs(answer - logits).max() < 0.1
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_torch_folder(model: torch.nn.Module, logits: np.ndarray, tmp_path: Path) -> None:
    torch_export.export(model, tmp_path / "m", "fp32")
    assert np.array_equal(open_session("torch", tmp_path / "m", 1).logits(BATCH), logits)
    with pytest.raises(BadInput, match="legal: fp32"):
        torch_export.export(model, tmp_path / "m8", "int8")


def test_runtimes_are_named_and_their_absence_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="unknown runtime 'tflite'; legal: torch, onnxruntime"):
        open_session("tflite", tmp_path, 1)
    monkeypatch.setattr("compress.runtimes.find_spec", lambda _: None)
    with pytest.raises(BadInput, match="pip install onnxruntime"):
        open_session("onnxruntime", tmp_path, 1)


def test_complaints() -> None:
    assert complaint(Parity(max_abs_logit=1e-5, label_agreement=1.0, rows=9), "fp32") is None
    nan = Parity(max_abs_logit=float("nan"), label_agreement=1.0, rows=9)
    assert complaint(nan, "fp32") == complaint(nan, "int8") == "a logit is not a number"
    assert "differs by 0.1" in (complaint(Parity(max_abs_logit=0.1, label_agreement=1.0, rows=9), "fp32") or "")
    assert complaint(Parity(max_abs_logit=0.1, label_agreement=0.99, rows=9), "int8") is None
    assert "90.0%" in (complaint(Parity(max_abs_logit=0.1, label_agreement=0.90, rows=9), "int8") or "")
