"""What NNAPI and Core ML would leave on the CPU."""

from pathlib import Path

import pytest
from onnx import TensorProto, helper, save

from pocketbert.compress.exports.graph.usability import left_on_cpu


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Three nodes: neither runtime knows Einsum, and Core ML no Floor."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Floor", ["a"], ["b"]),
        helper.make_node("Einsum", ["b"], ["y"], equation="ij->ij"),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in "xy")
    made = helper.make_graph(nodes, "g", [x], [y])
    save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.qdq.onnx")
    return tmp_path / "m.qdq.onnx"


def test_operators_that_stay_on_the_cpu_are_named(graph: Path) -> None:
    assert left_on_cpu(graph, 100) == (
        "NNAPI would take 2 of 3 nodes in 1 parts and leave on the CPU: Einsum; "
        "Core ML would take 1 of 3 nodes in 1 parts and leave on the CPU: Einsum, Floor"
    )


@pytest.mark.parametrize(("tokens", "told"), [(16_384, False), (16_385, True)])
def test_too_large_a_matrix_is_told(tokens: int, told: bool, graph: Path) -> None:
    note = left_on_cpu(graph, tokens)
    assert ("the token embeddings (16,385 rows) stay on the CPU under Core ML" in note) == told
    assert note.endswith("at most 16,384 rows: add a prune-vocab stage") == told
