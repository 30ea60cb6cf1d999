"""The oldest ONNX Runtime that opens a file, by its opset, IR version and operators."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pocketbert.compress.exports.graph.versions import least_onnxruntime


def written(path: Path, opset: int, ir: int, *nodes: onnx.NodeProto, packed: bool = False) -> Path:
    """A graph that nobody runs."""
    tensor = helper.make_tensor("weight", TensorProto.INT4 if packed else TensorProto.INT8, [2], [1, 2])
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph(
        list(nodes), "g", [value], [value], [tensor, numpy_helper.from_array(np.zeros(1, np.float32), "b")]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir), path)
    return path


@pytest.mark.parametrize(
    ("opset", "ir", "version"),
    [
        (13, 7, "1.12"),
        (17, 8, "1.12"),
        (18, 8, "1.14"),
        (17, 9, "1.16"),
        (19, 8, "1.15"),
        (20, 9, "1.17"),
        (21, 10, "1.18"),
    ],
)
def test_opset_and_ir_version_decide(opset: int, ir: int, version: str, tmp_path: Path) -> None:
    assert least_onnxruntime(written(tmp_path / "m.onnx", opset, ir)) == version


@pytest.mark.parametrize(("opset", "ir"), [(22, 10), (17, 11)])
def test_what_no_version_is_known_for_is_refused(opset: int, ir: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"opset {opset}, IR {ir}: newer than every known ONNX Runtime"):
        least_onnxruntime(written(tmp_path / "m.onnx", opset, ir))


def test_operators_that_came_later_need_more(tmp_path: Path) -> None:
    cast = helper.make_node("Cast", ["weight"], ["y"], to=TensorProto.INT8)
    gather = helper.make_node("GatherBlockQuantized", ["weight", "x", "b"], ["y"], domain="com.microsoft")
    assert least_onnxruntime(written(tmp_path / "m.onnx", 21, 10, cast)) == "1.18"
    assert least_onnxruntime(written(tmp_path / "m.onnx", 21, 10, cast, packed=True)) == "1.23"
    assert least_onnxruntime(written(tmp_path / "m.onnx", 21, 10, gather)) == "1.23"
