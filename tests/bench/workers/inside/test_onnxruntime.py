"""ONNX files: tensors under telling names, weights in other files, operators of the optimised graph."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pocketbert.bench.workers.file import File
from pocketbert.bench.workers.inside import Tensor
from pocketbert.bench.workers.inside.onnxruntime import profile, tensors
from tests.support.manifests import Build, write_onnx

BATCH = {"input_ids": np.array([[2, 3, 4]])}


def write(path: Path, weights: dict[str, object], *nodes: onnx.NodeProto) -> Path:
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2])] for name in ("x", nodes[-1].output[0])]
    onnx.save(helper.make_model(helper.make_graph(list(nodes), "g", *ends, initializers)), str(path))
    return path


def test_a_made_up_name_becomes_that_of_the_bias_it_meets(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.onnx",
        {"onnx::MatMul_7": np.ones((2, 2), np.float32), "query.bias": np.ones(2, np.float32), "val_3": np.int64(3)},
        helper.make_node("MatMul", ["x", "onnx::MatMul_7"], ["xw"]),
        helper.make_node("Cast", ["xw"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["cast", "query.bias"], ["y"]),
    )
    assert tensors(path) == [
        Tensor("query.weight", "float32", (2, 2), 16),
        Tensor("query.bias", "float32", (2,), 8),
        Tensor("val_3", "int64", (), 8),
    ], "a constant that nothing reads keeps its name"


def test_a_quantized_weight_keeps_its_kind(tmp_path: Path) -> None:
    names = [f"onnx::MatMul_7{end}" for end in ("_quantized", "_scale", "_zero_point")]
    weights = dict(zip(names, (np.ones((2, 2), np.int8), np.float32(1), np.int8(0)), strict=True))
    path = write(
        tmp_path / "m.onnx",
        {**weights, "key.bias": np.ones(2, np.float32)},
        helper.make_node("DequantizeLinear", names, ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["xw"]),
        helper.make_node("Add", ["xw", "key.bias"], ["y"]),
    )
    found = {tensor.name: tensor.dtype for tensor in tensors(path)}
    assert found == {
        "key.weight_quantized": "int8", "key.weight_scale": "float32", "key.weight_zero_point": "int8",
        "key.bias": "float32",
    }  # fmt: skip


def test_weights_in_another_file_are_as_large_there(tmp_path: Path) -> None:
    write_onnx(tmp_path / "m.onnx")
    model, apart = onnx.load(tmp_path / "m.onnx"), tmp_path / "apart.onnx"
    onnx.save(model, apart, save_as_external_data=True, location="weights.data", size_threshold=0)
    sizes = [{tensor.name: tensor.bytes for tensor in tensors(path)} for path in (tmp_path / "m.onnx", apart)]
    assert sizes[0] == sizes[1], "also of weights that are in the other file"


def test_nodes_are_counted_by_kind_and_timed(tmp_path: Path) -> None:
    kinds = []
    for work in (3, 7):
        write_onnx(tmp_path / "m.onnx", Build(work=work))
        file = File("onnxruntime", tmp_path / "m.onnx")
        kinds.append({operator.name: operator for operator in profile(file, 1, [BATCH] * 3)})
    few, many = kinds
    assert many["MatMul"].nodes - few["MatMul"].nodes == 4
    assert few["Gather"].nodes == many["Gather"].nodes == 1
    assert all(operator.ms >= 0 for operator in many.values())
