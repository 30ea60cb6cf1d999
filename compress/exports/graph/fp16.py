"""Weights of ONNX graphs stored in FP16."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def store_as_fp16(source: Path, path: Path) -> None:
    """Write `source` to `path` with its matrices and embeddings as FP16, each cast to FP32 before it is used.

    ONNX Runtime casts a matrix once, when it opens the file. Of embeddings it casts only the rows that were looked up,
    so they take half the memory too. Its CPU provider has few FP16 kernels: a graph that computes in FP16 has casts at
    nearly every node and is slower than FP32, at the same size (docs/quantization-results.md).
    """
    model = onnx.load(source)
    graph = model.graph
    halved = set()
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1:
            halved.add(tensor.name)
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    casts: dict[str, onnx.NodeProto] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes.append(node)
        if node.op_type == "Gather" and node.input[0] in halved:
            rows = node.output[0]
            node.output[0] = f"{rows}_fp16"
            nodes.append(helper.make_node("Cast", [f"{rows}_fp16"], [rows], to=TensorProto.FLOAT))
            continue
        for at, name in enumerate(node.input):
            if name in halved:
                node.input[at] = f"{name}_fp32"
                casts[name] = helper.make_node("Cast", [name], [f"{name}_fp32"], to=TensorProto.FLOAT)
    cast = helper.make_graph([*casts.values(), *nodes], graph.name, graph.input, graph.output, graph.initializer)
    written = helper.make_model(cast, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(written)
    onnx.save(written, path)
