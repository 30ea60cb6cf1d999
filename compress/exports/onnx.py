"""ONNX files for ONNX Runtime: FP32, FP16 weights, or dynamically quantized to INT8 (embeddings included)."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from pocketbert.compress.exports import COMPUTED_IN_FP32, INPUTS
from pocketbert.compress.exports.forward import traceable
from pocketbert.compress.exports.graph import quantize_embeddings
from pocketbert.compress.models.families import is_token_level

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

_OPSET = 17


def export(
    model: "PreTrainedModel", path: Path, precision: str, inputs: Sequence[str] = INPUTS, keep_float: Sequence[str] = ()
) -> str | None:
    """Write `model` to the file `path`; batch size and length stay dynamic."""
    if precision == "fp32":
        return _write_float(model, path, inputs)
    with TemporaryDirectory(dir=path.parent) as folder:  # a killed quantizer leaves a copy next to its source
        source = Path(folder) / "float.onnx"
        note = _write_float(model, source, inputs)
        if precision == "fp16":
            store_as_fp16(source, path)
            return f"{note}; {COMPUTED_IN_FP32}" if note else COMPUTED_IN_FP32
        quantize_embeddings(source, source)
        # Per channel: a scale per output column costs no time, and a single large weight coarsens only its column.
        quantize_dynamic(
            source,
            path,
            per_channel=True,
            weight_type=QuantType.QInt8,
            # 7 bits: products of 8 bits overflow the 16-bit sums of x86 processors without VNNI, so the file's
            # predictions on a phone would differ from those that the guard compared.
            reduce_range=True,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=[name for linear in keep_float for name in _nodes_of(model, linear, source)],
            extra_options={"MatMulConstBOnly": True},
        )
    return note


def _write_float(model: "PreTrainedModel", path: Path, inputs: Sequence[str]) -> str | None:
    forward, note = traceable(model)
    zeros = torch.zeros((2, 16), dtype=torch.long)
    dynamic = {0: "batch", 1: "length"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation of the TorchScript exporter, whose graph is a third faster
        torch.onnx.export(
            forward,
            tuple(zeros + (name != "token_type_ids") for name in inputs),
            str(path),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes=dict.fromkeys(inputs, dynamic)
            | {"logits": dynamic if is_token_level(model) else {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    return note


def _nodes_of(model: "PreTrainedModel", linear: str, source: Path) -> Iterator[str]:
    """Yield the names of the nodes in `source` that multiply by the weight of `linear`.

    They are found by the values of the weight, because exporters rename nodes and fold transpositions.
    """
    graph = onnx.load(source).graph
    weight = model.get_submodule(linear).get_parameter("weight").detach().numpy()
    constants = {
        tensor.name
        for tensor in graph.initializer
        if sorted(tensor.dims) == sorted(weight.shape) and _same(onnx.numpy_helper.to_array(tensor), weight)
    }
    found = [node.name for node in graph.node if constants.intersection(node.input)]
    if not found:
        raise ValueError(f"{linear}: no node of the graph multiplies by its weight")
    for name in found:
        yield name
        yield f"{name}_MatMul"  # the name after the quantizer has split a Gemm


def _same(matrix: "NDArray[np.float32]", weight: "NDArray[np.float32]") -> bool:
    return np.array_equal(matrix, weight) or np.array_equal(matrix, weight.T)


def store_as_fp16(source: Path, path: Path) -> None:
    """Write `source` to `path` with its matrices and embeddings as FP16, each cast to FP32 before it is used.

    ONNX Runtime casts a matrix once, when it opens the file. Of embeddings it casts only the rows that were looked up,
    so they take half the memory too. Its CPU provider has few FP16 kernels: a graph that computes in FP16 has casts at
    nearly every node and is slower than FP32, at the same size (docs/quantization.md).
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
