"""Embedding matrices in ONNX graphs, rounded to 8 bits with a scale for each row."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 127
"""Largest integer of a symmetric grid of 8 bits. Rows are looked up and never multiplied, so no sum overflows."""
_SMALLEST_SCALE = 2.0**-14
"""The smallest normal FP16 number."""


def round_rows(values: "NDArray[np.float32]") -> tuple["NDArray[np.int8]", "NDArray[np.float16]"]:
    """Round each row to a symmetric grid of its own; returns integers (rows, width) and scales (rows, 1).

    One scale for a whole matrix would let a single large row, even of a token that no text has, coarsen every row.
    """
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True) / LEVELS, _SMALLEST_SCALE).astype(np.float16)
    integers = np.clip(np.rint(values / scales.astype(np.float32)), -LEVELS, LEVELS)
    return integers.astype(np.int8), scales


def quantize_embeddings(source: Path, path: Path) -> None:
    """Write the graph `source` to `path` with every matrix that is looked up (``Gather``) in 8 bits.

    Only the rows that are looked up become FP32, so the matrix takes a quarter of the memory too.
    """
    model = onnx.load(source)
    graph = model.graph
    matrices = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) == 2}
    looked_up = {node.input[0] for node in graph.node if node.op_type == "Gather"} & matrices.keys()
    for name in looked_up:
        integers, scales = round_rows(numpy_helper.to_array(matrices[name]))
        graph.initializer.append(numpy_helper.from_array(integers, f"{name}_quantized"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scale"))
        graph.initializer.remove(matrices[name])
    nodes = [new for node in graph.node for new in _lookup(node, looked_up)]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _lookup(node: NodeProto, looked_up: set[str]) -> Iterator[NodeProto]:
    """Yield the nodes that stand for `node`: a lookup of rows and of their scales, and their product."""
    if node.op_type != "Gather" or node.input[0] not in looked_up:
        yield node
        return
    [matrix, ids], [rows] = node.input, node.output
    for part in ("quantized", "scale"):
        yield helper.make_node("Gather", [f"{matrix}_{part}", ids], [f"{rows}_{part}"], name=f"{node.name}_{part}")
        yield helper.make_node("Cast", [f"{rows}_{part}"], [f"{rows}_{part}_float"], to=TensorProto.FLOAT)
    yield helper.make_node("Mul", [f"{rows}_quantized_float", f"{rows}_scale_float"], [rows])
