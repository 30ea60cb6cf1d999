"""FP16 weights: half the bytes, and the answers of an FP32 model whose weights were rounded once."""

import copy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto
from safetensors.torch import load_file

from compress.exports import COMPUTED_IN_FP32
from compress.exports import onnx as onnx_export
from compress.exports import torch as torch_export
from compress.modeling import load_classifier
from compress.runtimes import open_session
from compress.surgery import without
from compress.tasks.encoding import pad
from tests.compress.conftest import write_any_model

BATCH = pad([[2, 5, 6, 7, 3], [2, 8, 3], [2, 9, 10, 11, 12, 13, 14, 3]], 0)
PAIRS = {**BATCH, "token_type_ids": (np.arange(8) > 3) * BATCH["attention_mask"]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    source = load_classifier(write_any_model(tmp_path_factory.mktemp("hub"), "bert"))
    return without(source, {0: [1], 1: range(4), 3: [0, 2]}, {2: range(64), 3: range(10)})


@torch.inference_mode()
def rounded(model: torch.nn.Module, least: int) -> np.ndarray:
    """Logits in FP32 of a copy whose tensors of so many dimensions went through FP16."""
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        if parameter.ndim >= least:
            parameter.copy_(parameter.half().float())
    return model(**{name: torch.from_numpy(values) for name, values in PAIRS.items()}).logits.numpy()


def test_a_folder_is_stored_in_fp16_and_computed_in_fp32(model: torch.nn.Module, tmp_path: Path) -> None:
    assert torch_export.export(model, tmp_path, "fp16") == COMPUTED_IN_FP32
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    answer = open_session("torch", tmp_path, 1).logits(PAIRS)
    assert np.array_equal(answer, rounded(model, 1))
    assert not np.array_equal(answer, rounded(model, 9))
    assert model.dtype == torch.float32, "the model itself was rounded"


def test_a_graph_is_stored_in_fp16_and_computed_in_fp32(model: torch.nn.Module, tmp_path: Path) -> None:
    assert onnx_export.export(model, tmp_path / "m.onnx", "fp16", tuple(PAIRS)) == COMPUTED_IN_FP32
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]
    graph = onnx.load(tmp_path / "m.onnx").graph
    halved = {i.name for i in graph.initializer if i.data_type == TensorProto.FLOAT16}
    assert halved == {i.name for i in graph.initializer if len(i.dims) > 1 and i.data_type != TensorProto.INT64}
    assert {node.op_type for node in graph.node if halved.intersection(node.input)} == {"Cast", "Gather"}
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(PAIRS)
    assert np.abs(answer - rounded(model, 2)).max() < 1e-5
    assert np.abs(answer - rounded(model, 9)).max() > 1e-4


def test_matrices_are_cast_once_and_tables_stay_small_in_memory(model: torch.nn.Module, tmp_path: Path) -> None:
    onnx_export.export(model, tmp_path / "m.onnx", "fp16", tuple(PAIRS))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "opened.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(tmp_path / "m.onnx", options, providers=["CPUExecutionProvider"])
    graph = onnx.load(tmp_path / "opened.onnx").graph
    tables = {i.name for i in graph.initializer if i.data_type == TensorProto.FLOAT16}
    assert tables == {f"embeddings.{kind}_embeddings.weight" for kind in ("word", "position", "token_type")}
    looked_up = {node.output[0] for node in graph.node if tables.intersection(node.input)}
    weights = {i.name for i in graph.initializer}
    cast = {node.input[0] for node in graph.node if node.op_type == "Cast"}
    assert looked_up <= cast
    assert not cast & weights


def test_mobilebert_says_both(tmp_path: Path) -> None:
    model = load_classifier(write_any_model(tmp_path, "mobilebert"))
    note = onnx_export.export(model, tmp_path / "m.onnx", "fp16", tuple(PAIRS))
    assert note is not None
    assert note.startswith("mobilebert has no plain forward here")
    assert note.endswith(COMPUTED_IN_FP32)
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(PAIRS)
    expected = rounded(model, 2)
    assert np.abs(answer - expected).max() < 1e-4 * np.abs(expected).max()
