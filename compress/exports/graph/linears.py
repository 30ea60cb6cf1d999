"""Quantized linear layers in ONNX graphs, stored in 4 bits."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from pocketbert.compress.models.rounding import round_outputs, stored_precision

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRANSPOSED, _QUANTIZED = "_Transposed", "_quantized"
"""What ONNX Runtime's quantizer appends to names of weights."""


def store_as_int4(source: Path, path: Path, kept: Mapping[str, str]) -> None:
    """Round the INT8 weights in the graph at `path` to INT4, from the floats of `source`, where they save memory.

    A ``Cast`` to INT8 follows each. ONNX Runtime computes it once, when it opens the file, so the kernels are those of
    the INT8 file.

    Args:
        source: the graph from which ONNX Runtime's quantizer made the one at `path`.
        kept: weights of `source` -> the precision that they keep instead.
    """
    floats = {tensor.name: tensor for tensor in onnx.load(source).graph.initializer}
    model = onnx.load(path)
    graph = model.graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    unpacked: dict[str, NodeProto] = {}
    for node in graph.node:
        if node.op_type != "MatMulInteger":
            continue
        quantized = node.input[1]
        name = quantized.removesuffix(_QUANTIZED)
        weight = floats[name.removesuffix(_TRANSPOSED)]
        if kept.get(weight.name, stored_precision(int(np.prod(weight.dims)), "int4")) != "int4":
            continue
        node.input[1] = f"{name}_int8"
        if quantized in unpacked:
            continue
        values = numpy_helper.to_array(weight)
        integers, scales = round_outputs(values if name.endswith(_TRANSPOSED) else values.T, "int4")
        held[quantized].CopyFrom(int4_tensor(integers.T, quantized))
        held[f"{name}_scale"].CopyFrom(numpy_helper.from_array(scales[:, 0], f"{name}_scale"))
        unpacked[quantized] = helper.make_node("Cast", [quantized], [f"{name}_int8"], to=TensorProto.INT8)
    nodes = [*unpacked.values(), *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def int4_tensor(integers: "NDArray[np.int8]", name: str) -> TensorProto:
    """Return integers from -8 to 7 as an INT4 tensor: two in a byte, the first in its low bits."""
    flat = np.append(integers.ravel(), np.zeros(integers.size % 2, np.int8)).astype(np.uint8) & 15
    packed = flat[::2] | flat[1::2] << 4
    return helper.make_tensor(name, TensorProto.INT4, integers.shape, packed.tobytes(), raw=True)
