"""Linear layers of INT4 files: INT4 tensors, unpacked when the file is opened."""

from collections import Counter
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, numpy_helper
from torch import nn
from transformers import PreTrainedModel

from pocketbert.compress.exports import onnx as onnx_export
from pocketbert.compress.exports.graph.linears import int4_tensor
from pocketbert.compress.models.rounding import FEW, round_outputs, round_rows, stored_precision
from pocketbert.compress.runtimes import open_session
from pocketbert.compress.runtimes.onnxruntime import OnnxSession, options
from tests.support.exports import BATCH, without_pocketbert

KEY = "bert.encoder.layer.1.attention.self.key"


@pytest.fixture(scope="module")
def file(wide: PreTrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int4") / "m.onnx"
    assert onnx_export.export(wide, path, "int4") is None
    return path


def test_the_grid_is_that_of_the_rounding_module(wide: PreTrainedModel, file: Path) -> None:
    held = {tensor.name: tensor for tensor in onnx.load(file).graph.initializer}
    found = {name: numpy_helper.to_array(tensor) for name, tensor in held.items()}
    ints = [name for name, tensor in held.items() if tensor.data_type == TensorProto.INT4]
    linears = {name: module for name, module in wide.named_modules() if isinstance(module, nn.Linear)}
    assert len(ints) == sum(module.weight.numel() > FEW for module in linears.values()) == 4 * 6 + 1
    for module in linears.values():
        precision = stored_precision(module.weight.numel(), "int4")
        integers, scales = round_outputs(module.weight.detach().numpy(), precision)
        pairs = [(name, values) for name, values in found.items() if name.endswith("_quantized")]
        same = [name for name, values in pairs if np.array_equal(values.astype(np.int8), integers.T)]
        assert any(np.array_equal(found[name.replace("_quantized", "_scale")], scales[:, 0]) for name in same)


def test_the_file_answers_as_the_rounded_model(wide: PreTrainedModel, file: Path) -> None:
    rounded = deepcopy(wide)
    for module in rounded.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            values = module.weight.detach().numpy()
            precision = stored_precision(values.size, "int4")
            integers, scales = (round_outputs if isinstance(module, nn.Linear) else round_rows)(values, precision)
            module.weight.data = torch.from_numpy(integers * scales.astype(np.float32))
    answer = open_session("onnxruntime", file, 1).logits(BATCH)
    batch = {name: torch.from_numpy(values) for name, values in BATCH.items()}
    with torch.no_grad():
        near, far = ((model(**batch).logits.numpy() - answer) for model in (rounded, wide))
    assert np.abs(near).max() < np.abs(far).max() / 4


def test_the_kernels_are_those_of_the_int8_file(wide: PreTrainedModel, file: Path, tmp_path: Path) -> None:
    onnx_export.export(wide, tmp_path / "int8.onnx", "int8")
    kinds = []
    for path in (file, tmp_path / "int8.onnx"):
        chosen = options(1)
        chosen.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        OnnxSession(path, chosen)
        graph = onnx.load(tmp_path / "optimised.onnx").graph
        assert not any(tensor.data_type == TensorProto.INT4 for tensor in graph.initializer), "an INT4 tensor is left"
        kinds.append(Counter(node.op_type for node in graph.node))
    unpacking = Counter(BitwiseAnd=2, BitShift=2, Concat=2, Sub=2)
    assert kinds[0] - kinds[1] == unpacking
    assert kinds[1] - kinds[0] == Counter()
    assert kinds[0]["DynamicQuantizeMatMul"] + kinds[0]["MatMulIntegerToFloat"] == 4 * 6 + 2


def test_a_layer_goes_back_a_precision(wide: PreTrainedModel, file: Path, tmp_path: Path) -> None:
    layers = {KEY: "int8", "bert.pooler.dense": "float"}
    onnx_export.export(wide, tmp_path / "m.onnx", "int4", kept=layers)
    types = []
    for path in (file, tmp_path / "m.onnx"):
        found = [tensor for tensor in onnx.load(path).graph.initializer if len(tensor.dims) == 2]
        types.append(Counter(tensor.data_type for tensor in found))
    assert types[0][TensorProto.INT4] - types[1][TensorProto.INT4] == 2
    assert types[1][TensorProto.INT8] - types[0][TensorProto.INT8] == 1
    assert types[1][TensorProto.FLOAT] - types[0][TensorProto.FLOAT] == 1


@pytest.mark.parametrize("columns", [4, 5])
def test_two_integers_share_a_byte(columns: int) -> None:
    integers = np.random.default_rng(0).integers(-7, 8, (3, columns)).astype(np.int8)
    tensor = int4_tensor(integers, "w")
    assert len(tensor.raw_data) == (3 * columns + 1) // 2
    assert np.array_equal(numpy_helper.to_array(tensor).astype(np.int8), integers)


def test_stock_onnx_runtime_opens_the_file(file: Path) -> None:
    ids = np.array([[2, 5, 6, 7, 3]])
    expected = open_session("onnxruntime", file, 1).logits({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    assert np.abs(without_pocketbert(file, ids) - expected).max() < 1e-6
