"""Embedding matrices in ONNX graphs, rounded to 8 or 4 bits with a scale for each row."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pocketbert.compress.models.rounding import round_rows, row_precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ZERO = 8
"""Added to INT4 values, so that they are unsigned."""


def quantize_embeddings(source: Path, path: Path, precision: str, kept: Mapping[str, str]) -> None:
    """Write the graph `source` to `path` with every matrix that is looked up (``Gather``) in `precision`.

    Only the rows that are looked up become FP32, so the matrix takes a quarter or an eighth of the memory too. Two INT4
    values share a byte of a UINT8 matrix, half a row apart: ONNX Runtime has no ``Gather`` of INT4 tensors, and a
    ``Cast`` of the whole matrix would leave an INT8 copy in memory (docs/quantization-results.md has the figures).

    Args:
        kept: matrices -> the precision that they keep instead.
    """
    model = onnx.load(source)
    graph = model.graph
    used = {node.input[0] for node in graph.node if node.op_type == "Gather"}
    stored: dict[str, str] = {}
    for tensor in list(graph.initializer):
        if tensor.name not in used or tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2:
            continue
        chosen = kept.get(tensor.name, row_precision(tensor.dims, precision))
        if chosen == "float":
            continue
        stored[tensor.name] = chosen
        integers, scales = round_rows(numpy_helper.to_array(tensor), chosen)
        held: NDArray[np.int8] | NDArray[np.uint8] = _packed(integers) if chosen == "int4" else integers
        graph.initializer.append(numpy_helper.from_array(held, f"{tensor.name}_quantized"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{tensor.name}_scale"))
        graph.initializer.remove(tensor)
    if "int4" in stored.values():
        graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in _CONSTANTS.items())
    nodes = [new for node in graph.node for new in _lookup(node, stored)]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


_CONSTANTS: "dict[str, NDArray[Any]]" = {
    "int4_mask": np.array(15, np.uint8),
    "int4_shift": np.array(4, np.uint8),
    "int4_zero": np.array(_ZERO, np.float32),
}


def _packed(integers: "NDArray[np.int8]") -> "NDArray[np.uint8]":
    """Pack integers (rows, width) into bytes (rows, width / 2): the first half of a row in their low bits."""
    unsigned = (integers + np.int8(_ZERO)).astype(np.uint8)
    half = integers.shape[1] // 2
    packed: NDArray[np.uint8] = unsigned[:, :half] | unsigned[:, half:] << np.uint8(4)
    return packed


def _lookup(node: NodeProto, stored: Mapping[str, str]) -> Iterator[NodeProto]:
    """Yield the nodes that stand for `node`: a lookup of rows and of their scales, and their product."""
    if node.op_type != "Gather" or node.input[0] not in stored:
        yield node
        return
    [matrix, ids], [rows] = node.input, node.output
    for part in ("quantized", "scale"):
        found = f"{rows}_{part}"
        yield helper.make_node("Gather", [f"{matrix}_{part}", ids], [found], name=f"{node.name}_{part}")
        if part == "quantized" and stored[matrix] == "int4":
            yield from _unpacked(found)
        else:
            yield helper.make_node("Cast", [found], [f"{found}_float"], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [f"{rows}_quantized_float", f"{rows}_scale_float"], [rows])


def _unpacked(packed: str) -> Iterator[NodeProto]:
    """Yield the nodes that make the FP32 integers ``…_float`` of packed rows."""
    low, high, whole, unsigned = (f"{packed}_{part}" for part in ("low", "high", "whole", "unsigned"))
    yield helper.make_node("BitwiseAnd", [packed, "int4_mask"], [low])
    yield helper.make_node("BitShift", [packed, "int4_shift"], [high], direction="RIGHT")
    yield helper.make_node("Concat", [low, high], [whole], axis=-1)
    yield helper.make_node("Cast", [whole], [unsigned], to=TensorProto.FLOAT)
    yield helper.make_node("Sub", [unsigned, "int4_zero"], [f"{packed}_float"])
