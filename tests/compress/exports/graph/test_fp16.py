"""Weights stored in FP16 and computed with in FP32."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto

from pocketbert.compress.exports import COMPUTED_IN_FP32
from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.models.pretrained import load_classifier
from pocketbert.compress.runtimes import open_session
from tests.support.exports import PAIRS, rounded
from tests.support.models import write_any_model


def test_a_graph_is_stored_in_fp16_and_computed_in_fp32(paired: torch.nn.Module, tmp_path: Path) -> None:
    assert onnx_export.export(paired, tmp_path / "m.onnx", "fp16", tuple(PAIRS)) == COMPUTED_IN_FP32
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]
    graph = onnx.load(tmp_path / "m.onnx").graph
    halved = {i.name for i in graph.initializer if i.data_type == TensorProto.FLOAT16}
    assert halved == {i.name for i in graph.initializer if len(i.dims) > 1 and i.data_type != TensorProto.INT64}
    assert {node.op_type for node in graph.node if halved.intersection(node.input)} == {"Cast", "Gather"}
    answer = open_session("onnxruntime", tmp_path / "m.onnx", 1).logits(PAIRS)
    assert np.abs(answer - rounded(paired, 2)).max() < 1e-5
    assert np.abs(answer - rounded(paired, 9)).max() > 1e-4


def test_matrices_are_cast_once_and_tables_stay_small_in_memory(paired: torch.nn.Module, tmp_path: Path) -> None:
    onnx_export.export(paired, tmp_path / "m.onnx", "fp16", tuple(PAIRS))
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
